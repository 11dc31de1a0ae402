//! A metric's name, matchers in braces, or both.

use super::{Node, Parsed, Parser, mistake};
use crate::Span;
use crate::promql::lexer::TokenKind;
use crate::promql::{Ends, ExprKind, MatchOp, Matcher, VectorSelector};

impl Parser<'_> {
    pub(super) fn selector(&mut self) -> Parsed<Node> {
        let start = self.span();
        let mut name = None;
        let mut matchers = Vec::new();
        if self.peek() == &TokenKind::Word {
            name = Some(self.word().to_owned());
            self.advance();
        }
        if self.accept("{") {
            self.matchers(start, &mut name, &mut matchers)?;
        }
        let span = start.to(self.last_span());
        if let Some(name) = name {
            if let Some(second) = matchers.iter().find(|m| m.name == "__name__") {
                let message =
                    format!("metric name must not be set twice: {name:?} or {:?}", second.value);
                self.mistakes.push(*mistake(span, message));
            }
            let matcher = Matcher::new("__name__", MatchOp::Eq, name).expect("has no expression");
            matchers.insert(0, matcher);
        }
        let vector = VectorSelector {
            matchers,
            offset_ms: 0,
            offset_expr: None,
            at: None,
            ends: Ends::Plain,
        };
        Ok(Node::leaf(ExprKind::Vector(vector), span))
    }

    /// Reads what is behind an opening brace, and the closing one.
    fn matchers(
        &mut self,
        start: Span,
        name: &mut Option<String>,
        matchers: &mut Vec<Matcher>,
    ) -> Parsed<()> {
        loop {
            let span = self.span();
            let label = match self.peek().clone() {
                TokenKind::Sign("}") => {
                    self.advance();
                    return Ok(());
                }
                TokenKind::Word => self.word().to_owned(),
                TokenKind::Text(text) => text,
                TokenKind::End => return Err(self.unexpected(" inside braces", None)),
                _ => {
                    let expected = Some("a label name or \"}\"");
                    return Err(self.unexpected(" in label matching", expected));
                }
            };
            let quoted = self.peek() != &TokenKind::Word;
            self.advance();
            match self.match_op() {
                Some(op) => self.matcher(span, label, op, matchers)?,
                None if quoted => match name {
                    Some(first) => {
                        let message =
                            format!("metric name must not be set twice: {first:?} or {label:?}");
                        self.mistakes.push(*mistake(start.to(span), message));
                    }
                    None => *name = Some(label),
                },
                None => {
                    let expected = Some("label matching operator");
                    return Err(self.unexpected(" in label matching", expected));
                }
            }
            match self.peek() {
                TokenKind::Sign("}") => {}
                TokenKind::Sign(",") => drop(self.advance()),
                TokenKind::End => return Err(self.unexpected(" inside braces", None)),
                _ => return Err(self.unexpected(" in label matching", Some("\",\" or \"}\""))),
            }
        }
    }

    fn match_op(&mut self) -> Option<MatchOp> {
        let op = match self.peek() {
            TokenKind::Sign("=") => MatchOp::Eq,
            TokenKind::Sign("!=") => MatchOp::Ne,
            TokenKind::Sign("=~") => MatchOp::Re,
            TokenKind::Sign("!~") => MatchOp::Nre,
            _ => return None,
        };
        self.advance();
        Some(op)
    }

    fn matcher(
        &mut self,
        start: Span,
        label: String,
        op: MatchOp,
        matchers: &mut Vec<Matcher>,
    ) -> Parsed<()> {
        let TokenKind::Text(value) = self.peek().clone() else {
            return Err(self.unexpected(" in label matching", Some("string")));
        };
        let span = start.to(self.advance());
        match Matcher::with(self.regexes, label, op, value) {
            Ok(matcher) => matchers.push(matcher),
            Err(error) => self.mistakes.push(*mistake(span, error.to_string())),
        }
        Ok(())
    }
}
