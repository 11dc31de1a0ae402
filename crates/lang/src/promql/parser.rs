//! Tokens to a tree.
//!
//! An operand with what hangs behind it is [`Parser::operand`]; operators between operands get
//! their place in [`Parser::expression`], which refuses them by name until then.

use super::duration::seconds_to_ms;
use super::lexer::{Token, TokenKind, lex};
use super::{
    At, Ends, ErrorKind, Expr, ExprKind, MatchOp, Matcher, MatrixSelector, Number, ParseError,
    ParseErrors, VectorSelector,
};
use super::{DEPTH_MAX, words};
use crate::{Diagnostic, Span};

/// Reads an expression.
///
/// # Errors
/// What is wrong with it, or not served yet. After a mistake in the grammar nothing more is
/// reported; mistakes in what a selector says are all found.
pub fn parse(source: &str) -> Result<Expr, ParseErrors> {
    Parser::run(source, |parser| {
        if parser.peek() == &TokenKind::End {
            return Err(syntax(parser.span(), "no expression found in input"));
        }
        let expr = parser.expression()?;
        match parser.peek() {
            TokenKind::End => Ok(expr),
            _ => Err(parser.unexpected("", None)),
        }
    })
}

/// Reads a selector of series and nothing else, as `match[]` has it.
///
/// # Errors
/// What is wrong with it.
pub fn parse_series_selector(source: &str) -> Result<Vec<Matcher>, ParseErrors> {
    Parser::run(source, |parser| {
        let expr = match parser.peek() {
            TokenKind::Word | TokenKind::Sign("{") => parser.selector()?,
            _ => return Err(parser.unexpected("", Some("a series selector"))),
        };
        match (parser.peek(), expr.kind) {
            (TokenKind::End, ExprKind::Vector(vector)) => Ok(vector.matchers),
            _ => Err(parser.unexpected(" after a series selector", None)),
        }
    })
}

/// Reads several selectors, one for each `match[]`.
///
/// # Errors
/// What is wrong with the first one that is wrong.
pub fn parse_series_selectors<'a>(
    sources: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<Vec<Matcher>>, ParseErrors> {
    sources.into_iter().map(parse_series_selector).collect()
}

/// Boxed: a mistake is rare, and its parts would make every result large.
type Parsed<T> = Result<T, Box<ParseError>>;

fn syntax(span: Span, message: impl Into<String>) -> Box<ParseError> {
    Box::new(ParseError { kind: ErrorKind::Syntax, diagnostic: Diagnostic::new(span, message) })
}

fn not_served(span: Span, message: impl Into<String>) -> Box<ParseError> {
    Box::new(ParseError { kind: ErrorKind::NotServed, diagnostic: Diagnostic::new(span, message) })
}

struct Parser<'a> {
    source: &'a str,
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    /// Mistakes that do not stop the reading.
    errors: Vec<ParseError>,
}

impl<'a> Parser<'a> {
    fn run<T>(
        source: &'a str,
        read: impl FnOnce(&mut Self) -> Parsed<T>,
    ) -> Result<T, ParseErrors> {
        let tokens = match lex(source) {
            Ok(tokens) => tokens,
            Err(diagnostic) => {
                let error = ParseError { kind: ErrorKind::Syntax, diagnostic };
                return Err(ParseErrors::new(source, vec![error]));
            }
        };
        let mut parser = Self { source, tokens, at: 0, depth: 0, errors: Vec::new() };
        match read(&mut parser) {
            Ok(read) if parser.errors.is_empty() => Ok(read),
            Ok(_) => Err(ParseErrors::new(source, parser.errors)),
            Err(error) => {
                parser.errors.push(*error);
                Err(ParseErrors::new(source, parser.errors))
            }
        }
    }

    fn peek(&self) -> &TokenKind {
        &self.tokens[self.at].kind
    }

    fn peek_second(&self) -> &TokenKind {
        &self.tokens[(self.at + 1).min(self.tokens.len() - 1)].kind
    }

    fn span(&self) -> Span {
        self.tokens[self.at].span
    }

    fn last_span(&self) -> Span {
        self.tokens[self.at.saturating_sub(1)].span
    }

    /// Returns the source of the token that comes next.
    fn word(&self) -> &'a str {
        self.span().of(self.source)
    }

    fn next_is_word(&self, word: &str) -> bool {
        self.peek() == &TokenKind::Word && self.word().eq_ignore_ascii_case(word)
    }

    /// Moves on; the end is never passed.
    fn advance(&mut self) -> Span {
        let span = self.span();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        span
    }

    fn accept(&mut self, sign: &'static str) -> bool {
        let found = self.peek() == &TokenKind::Sign(sign);
        if found {
            self.advance();
        }
        found
    }

    fn expect(&mut self, sign: &'static str, context: &str) -> Parsed<Span> {
        match self.peek() {
            TokenKind::Sign(found) if *found == sign => Ok(self.advance()),
            _ => Err(self.unexpected(context, Some(&format!("{sign:?}")))),
        }
    }

    fn unexpected(&self, context: &str, expected: Option<&str>) -> Box<ParseError> {
        let text = self.word();
        let mut message = match self.peek() {
            TokenKind::End => "unexpected end of input".to_owned(),
            TokenKind::Word => format!("unexpected identifier {text:?}"),
            TokenKind::Number(_) => format!("unexpected number {text:?}"),
            TokenKind::Duration(_) => format!("unexpected duration {text:?}"),
            TokenKind::Text(_) => format!("unexpected string {text}"),
            TokenKind::Sign(_) => format!("unexpected {text:?}"),
        };
        message.push_str(context);
        if let Some(expected) = expected {
            message.push_str(", expected ");
            message.push_str(expected);
        }
        syntax(self.span(), message)
    }

    /// Reads one operand and refuses the operator behind it.
    fn expression(&mut self) -> Parsed<Expr> {
        let operand = self.operand()?;
        let operator = match self.peek() {
            TokenKind::Sign(sign) => words::is_sign_operator(sign),
            TokenKind::Word => words::is_word_operator(self.word()),
            _ => false,
        };
        if operator {
            return Err(not_served(self.span(), format!("operator `{}`", self.word())));
        }
        Ok(operand)
    }

    fn operand(&mut self) -> Parsed<Expr> {
        let span = self.span();
        let kind = match self.peek().clone() {
            TokenKind::Word => return self.word_operand(),
            TokenKind::Sign("{") => {
                let selector = self.selector()?;
                return self.modifiers(selector, true);
            }
            TokenKind::Sign("(") => return self.parenthesised(),
            TokenKind::Sign("+" | "-") => return self.signed(),
            TokenKind::Number(number) => {
                ExprKind::Number(Number { value: number, duration: false })
            }
            TokenKind::Duration(ms) => {
                ExprKind::Number(Number { value: ms_to_seconds(ms), duration: true })
            }
            TokenKind::Text(text) => ExprKind::String(text),
            TokenKind::Sign(_) | TokenKind::End => return Err(self.unexpected("", None)),
        };
        self.advance();
        self.modifiers(Expr { kind, span }, false)
    }

    fn word_operand(&mut self) -> Parsed<Expr> {
        let (span, word) = (self.span(), self.word());
        let call = self.peek_second() == &TokenKind::Sign("(");
        let next = &self.tokens[(self.at + 1).min(self.tokens.len() - 1)];
        let grouped = next.kind == TokenKind::Word && words::is_grouping(next.span.of(self.source));
        if words::is_aggregation(word) && (call || grouped) {
            return Err(not_served(span, format!("aggregation `{word}`")));
        }
        if call && words::is_function(word) {
            return Err(not_served(span, format!("function `{word}`")));
        }
        if call {
            return Err(syntax(span, format!("unknown function with name {word:?}")));
        }
        if let Some(number) = words::number(word) {
            self.advance();
            return self.modifiers(
                Expr { kind: ExprKind::Number(Number { value: number, duration: false }), span },
                false,
            );
        }
        let selector = self.selector()?;
        self.modifiers(selector, true)
    }

    fn parenthesised(&mut self) -> Parsed<Expr> {
        let open = self.advance();
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(syntax(open, "expression nested too deep"));
        }
        let inner = self.expression()?;
        let close = self.expect(")", "")?;
        self.depth -= 1;
        self.modifiers(Expr { kind: inner.kind, span: open.to(close) }, false)
    }

    /// Reads signs in front of a number; in front of anything else they are operators.
    fn signed(&mut self) -> Parsed<Expr> {
        let first = self.span();
        let mut negative = false;
        while let TokenKind::Sign(sign @ ("+" | "-")) = *self.peek() {
            negative ^= sign == "-";
            self.advance();
        }
        let number = match self.peek() {
            TokenKind::Number(number) => *number,
            TokenKind::Duration(ms) => ms_to_seconds(*ms),
            TokenKind::Word if words::number(self.word()).is_some() => {
                words::number(self.word()).expect("just seen")
            }
            TokenKind::End => return Err(self.unexpected("", None)),
            _ => {
                return Err(not_served(first, format!("operator `{}`", first.of(self.source))));
            }
        };
        let last = self.advance();
        let value = if negative { -number } else { number };
        let kind = ExprKind::Number(Number { value, duration: false });
        self.modifiers(Expr { kind, span: first.to(last) }, false)
    }

    /// Reads a metric's name, matchers in braces, or both.
    fn selector(&mut self) -> Parsed<Expr> {
        let start = self.span();
        let mut name = None;
        let mut matchers = Vec::new();
        if self.peek() == &TokenKind::Word {
            name = Some(self.word().to_owned());
            self.advance();
        }
        if self.accept("{") {
            self.matchers(&mut name, &mut matchers)?;
        }
        let span = start.to(self.last_span());
        if let Some(name) = name {
            if let Some(second) = matchers.iter().find(|m| m.name == "__name__") {
                let message =
                    format!("metric name must not be set twice: {name:?} or {:?}", second.value);
                self.errors.push(*syntax(span, message));
            }
            let matcher = Matcher::new("__name__", MatchOp::Eq, name).expect("has no expression");
            matchers.insert(0, matcher);
        }
        // A mistake in a matcher leaves it out, which must not become a second mistake here.
        if self.errors.is_empty() && matchers.iter().all(Matcher::matches_empty) {
            let mut error =
                *syntax(span, "vector selector must contain at least one non-empty matcher");
            error.diagnostic = error
                .diagnostic
                .with_hint("add a metric name, or a matcher that an absent label does not match");
            self.errors.push(error);
        }
        let vector = VectorSelector {
            matchers,
            offset_ms: 0,
            offset_expr: None,
            at: None,
            ends: Ends::Plain,
        };
        Ok(Expr { kind: ExprKind::Vector(vector), span })
    }

    /// Reads what is behind an opening brace, and the closing one.
    fn matchers(&mut self, name: &mut Option<String>, matchers: &mut Vec<Matcher>) -> Parsed<()> {
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
                    return Err(
                        self.unexpected(" in label matching", Some("a label name or \"}\""))
                    );
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
                        self.errors.push(*syntax(span, message));
                    }
                    None => *name = Some(label),
                },
                None => {
                    let expected = Some("a label matching operator");
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
        match Matcher::new(label, op, value) {
            Ok(matcher) => matchers.push(matcher),
            Err(error) => self.errors.push(*syntax(span, error.to_string())),
        }
        Ok(())
    }

    /// Reads what hangs behind an operand: a range, `offset` and `@`. They belong to a selector;
    /// behind anything else they are mistakes.
    fn modifiers(&mut self, mut expr: Expr, selector: bool) -> Parsed<Expr> {
        let mut offset_set = false;
        loop {
            let span = self.span();
            if self.peek() == &TokenKind::Sign("[") {
                expr = self.range(expr, selector, offset_set)?;
            } else if self.next_is_word("offset") {
                self.advance();
                let offset_ms = self.signed_ms("offset")?;
                let vector = vector_of(&mut expr, selector, span, "offset")?;
                if std::mem::replace(&mut offset_set, true) {
                    return Err(syntax(span, "offset may not be set multiple times"));
                }
                vector.offset_ms = offset_ms;
            } else if self.accept("@") {
                let at = self.at_time()?;
                let vector = vector_of(&mut expr, selector, span, "@")?;
                if vector.at.replace(at).is_some() {
                    return Err(syntax(span, "@ <timestamp> may not be set multiple times"));
                }
            } else if self.peek() == &TokenKind::Word && words::is_other_modifier(self.word()) {
                return Err(not_served(span, format!("modifier `{}`", self.word())));
            } else {
                return Ok(expr);
            }
            expr.span = expr.span.to(self.last_span());
        }
    }

    fn range(&mut self, expr: Expr, selector: bool, offset_set: bool) -> Parsed<Expr> {
        let open = self.advance();
        let number = self.span();
        let range_ms = match self.peek() {
            TokenKind::Duration(ms) => *ms,
            TokenKind::Number(seconds) => {
                seconds_to_ms(*seconds).ok_or_else(|| syntax(number, "duration out of range"))?
            }
            _ => return Err(self.unexpected(" in range", Some("duration"))),
        };
        self.advance();
        if self.peek() == &TokenKind::Sign(":") {
            return Err(not_served(open.to(self.span()), "subquery"));
        }
        let close = self.expect("]", " in range")?;
        let span = open.to(close);
        let vector = match expr.kind {
            ExprKind::Vector(vector) if selector => vector,
            _ => return Err(syntax(span, "ranges only allowed for vector selectors")),
        };
        if offset_set {
            return Err(syntax(span, "no offset modifiers allowed before range"));
        }
        if vector.at.is_some() {
            return Err(syntax(span, "no @ modifiers allowed before range"));
        }
        if range_ms <= 0 {
            return Err(syntax(number, "duration must be greater than 0"));
        }
        let kind = ExprKind::Matrix(MatrixSelector { vector, range_ms, range_expr: None });
        Ok(Expr { kind, span: expr.span.to(close) })
    }

    /// Reads a duration, or a number of seconds, with or without a sign.
    fn signed_ms(&mut self, context: &str) -> Parsed<i64> {
        let start = self.span();
        let negative = self.accept("-");
        if !negative {
            self.accept("+");
        }
        let ms = match self.peek() {
            TokenKind::Duration(ms) => Some(*ms),
            TokenKind::Number(seconds) => seconds_to_ms(*seconds),
            TokenKind::Word if words::number(self.word()).is_some() => None,
            _ => return Err(self.unexpected(&format!(" in {context}"), Some("number or duration"))),
        };
        let span = start.to(self.advance());
        ms.map(|ms| if negative { -ms } else { ms }).ok_or_else(|| {
            syntax(span, format!("{} out of bounds for {context}", span.of(self.source)))
        })
    }

    fn at_time(&mut self) -> Parsed<At> {
        let at = match self.peek() {
            TokenKind::Word if self.next_is_word("start") => At::Start,
            TokenKind::Word if self.next_is_word("end") => At::End,
            _ => return self.signed_ms("@ modifier").map(At::Time),
        };
        self.advance();
        self.expect("(", " in @")?;
        self.expect(")", " in @")?;
        Ok(at)
    }
}

/// Returns the selector that a modifier changes.
fn vector_of<'e>(
    expr: &'e mut Expr,
    selector: bool,
    span: Span,
    modifier: &str,
) -> Parsed<&'e mut VectorSelector> {
    match &mut expr.kind {
        ExprKind::Vector(vector) if selector => Ok(vector),
        ExprKind::Matrix(matrix) if selector => Ok(&mut matrix.vector),
        _ => Err(syntax(
            span,
            format!(
                "{modifier} modifier must be preceded by an instant vector selector or range \
                 vector selector or a subquery"
            ),
        )),
    }
}

fn ms_to_seconds(ms: i64) -> f64 {
    ms as f64 / 1_000.0
}
