//! Tokens to a tree.
//!
//! A mistake inside an argument, an element of a list or parentheses ends only that part: the reading
//! goes on behind it, so that several mistakes of one text are found at once.

use super::arguments::{Argument, call};
use super::function::{self, KEYWORDS};
use super::lexer::{Token, TokenKind, UNCLOSED, lex};
use super::nearest::nearest;
use super::operator::NEGATE_RANK;
use super::{BinaryOp, Expr, ExprKind, Link};
use crate::{Diagnostic, Span};

/// How large a text may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseLimits {
    /// Bytes of the text. The service allows 2,048 characters.
    pub text_bytes_max: usize,
    /// Parts inside of parts: parentheses, arguments, lists, signs, right sides of operators. The
    /// tree is at most some six times as high, and everything that walks it may call itself.
    pub depth_max: usize,
}

impl Default for ParseLimits {
    fn default() -> Self {
        Self { text_bytes_max: 64 << 10, depth_max: 100 }
    }
}

/// Mistakes beyond this are not collected: nobody reads them.
const MISTAKES_MAX: usize = 50;

/// Reads an expression, within the default limits.
///
/// # Errors
/// Everything that is wrong with its form, in the order of the text.
pub fn parse(source: &str) -> Result<Expr, Vec<Diagnostic>> {
    parse_within(source, &ParseLimits::default())
}

/// Reads an expression.
///
/// # Errors
/// Everything that is wrong with its form, in the order of the text; or the limit that it passes.
pub fn parse_within(source: &str, limits: &ParseLimits) -> Result<Expr, Vec<Diagnostic>> {
    if source.len() > limits.text_bytes_max {
        let span = Span { start: 0, end: 0 };
        let message = format!(
            "expression has {} bytes, the limit is {}",
            source.len(),
            limits.text_bytes_max
        );
        return Err(vec![Diagnostic::new(span, message)]);
    }
    let (tokens, mistakes) = lex(source);
    let cut_off = mistakes.iter().any(|mistake| mistake.message.starts_with(UNCLOSED));
    let parser = Parser {
        source,
        tokens,
        at: 0,
        depth: 0,
        depth_max: limits.depth_max,
        searches: 0,
        mistakes,
        cut_off,
    };
    parser.run()
}

/// What was read is no expression; the mistake is noted, and what follows has no known meaning until
/// the part that it stands in ends.
pub(super) struct Stop;

type Parsed<T> = Result<T, Stop>;

pub(super) struct Parser<'a> {
    source: &'a str,
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    depth_max: usize,
    /// Calls of `SEARCH` so far.
    pub(super) searches: usize,
    mistakes: Vec<Diagnostic>,
    /// A text without its closing quote took all that was left: the end is no mistake of its own.
    cut_off: bool,
}

impl<'a> Parser<'a> {
    fn run(mut self) -> Result<Expr, Vec<Diagnostic>> {
        let read = if self.peek() == &TokenKind::End && self.mistakes.is_empty() {
            self.mistake(Diagnostic::new(self.span(), "the expression is empty"));
            Err(Stop)
        } else {
            self.expression(0)
        };
        if read.is_ok() && self.peek() != &TokenKind::End {
            let _: Stop = self.unexpected("an operator or the end");
        }
        self.mistakes.sort_by_key(|mistake| mistake.span);
        match read {
            Ok(expr) if self.mistakes.is_empty() => Ok(expr),
            _ => Err(self.mistakes),
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

    pub(super) fn mistake(&mut self, mistake: Diagnostic) {
        if self.mistakes.len() < MISTAKES_MAX {
            self.mistakes.push(mistake);
        }
    }

    /// Notes that what comes next does not belong here.
    fn unexpected(&mut self, expected: &str) -> Stop {
        if self.cut_off && self.peek() == &TokenKind::End {
            return Stop;
        }
        let text = self.word();
        let what = match self.peek() {
            TokenKind::End => "unexpected end".to_owned(),
            TokenKind::Text(_) => format!("unexpected text {text}"),
            TokenKind::Number(_) => format!("unexpected number {text}"),
            _ => format!("unexpected {text:?}"),
        };
        let mistake = Diagnostic::new(self.span(), format!("{what}, expected {expected}"));
        let before = self.last_span().of(self.source);
        let mistake = match self.peek() {
            TokenKind::Sign("*") if self.at > 0 && before == "*" => {
                mistake.with_hint("powers are written a ^ b")
            }
            TokenKind::Sign("+") => mistake.with_hint("a number has no sign of plus"),
            TokenKind::Text(_) => {
                mistake.with_hint("texts are arguments of SEARCH and METRICS only")
            }
            _ => mistake,
        };
        self.mistake(mistake);
        Stop
    }

    /// Reads operands and the operators between them that bind at least as tightly as `rank_min`.
    fn expression(&mut self, rank_min: u8) -> Parsed<Expr> {
        self.depth += 1;
        if self.depth > self.depth_max {
            let message =
                format!("expression nests deeper than {}, the limit of depth", self.depth_max);
            self.mistake(Diagnostic::new(self.span(), message));
            // Everything behind it is nested as deep: reading on would tell nothing new.
            self.at = self.tokens.len() - 1;
            return Err(Stop);
        }
        let read = self.operators(rank_min);
        self.depth -= 1;
        read
    }

    fn operators(&mut self, rank_min: u8) -> Parsed<Expr> {
        let start = self.span();
        let mut left = self.operand()?;
        while let Some(op) = self.operator().filter(|op| op.rank() >= rank_min) {
            let rank = op.rank();
            let mut rest = Vec::new();
            while let Some(op) = self.operator().filter(|op| op.rank() == rank) {
                let op_span = self.advance();
                // A power takes the powers behind it with it; all others leave their equals.
                let power = op == BinaryOp::Power;
                let right = self.expression(if power { rank } else { rank + 1 })?;
                rest.push(Link { op, op_span, right });
                if power {
                    break;
                }
            }
            let span = start.to(self.last_span());
            left = Expr { kind: ExprKind::Chain { first: Box::new(left), rest }, span };
        }
        Ok(left)
    }

    /// Returns the operator that comes next. One in small letters is a mistake, and understood.
    fn operator(&mut self) -> Option<BinaryOp> {
        let word = self.word();
        match self.peek() {
            // The sign that was understood, which a mistaken one was not.
            TokenKind::Sign(sign) => BinaryOp::of_symbol(sign),
            TokenKind::Word => BinaryOp::of_symbol(word),
            TokenKind::Id if matches!(word, "and" | "or") => {
                let capitals = word.to_ascii_uppercase();
                let span = self.span();
                if self.mistakes.last().is_none_or(|last| last.span != span) {
                    let mistake = Diagnostic::new(span, format!("unexpected {word:?}"));
                    let hint = format!("operators are written in capitals: {capitals}");
                    self.mistake(mistake.with_hint(hint));
                }
                BinaryOp::of_symbol(&capitals)
            }
            _ => None,
        }
    }

    fn operand(&mut self) -> Parsed<Expr> {
        let span = self.span();
        let kind = match self.peek().clone() {
            TokenKind::Number(number) => ExprKind::Number(number),
            TokenKind::Sign("-") => {
                self.advance();
                let inner = self.expression(NEGATE_RANK)?;
                let span = span.to(self.last_span());
                return Ok(Expr { kind: ExprKind::Negate(Box::new(inner)), span });
            }
            TokenKind::Sign("(") => return self.parenthesised(),
            TokenKind::Sign("[") => {
                let (elements, span) = self.parts("]", |parser| parser.expression(0))?;
                let elements = elements.into_iter().flatten().collect();
                return Ok(Expr { kind: ExprKind::List(elements), span });
            }
            TokenKind::Id | TokenKind::Word if self.peek_second() == &TokenKind::Sign("(") => {
                return self.call();
            }
            TokenKind::Id => ExprKind::Id(self.word().to_owned()),
            TokenKind::Word => return Err(self.bare_word()),
            _ => return Err(self.unexpected("a number, an id or a function")),
        };
        self.advance();
        Ok(Expr { kind, span })
    }

    /// Notes a word in capitals that is no call.
    fn bare_word(&mut self) -> Stop {
        let word = self.word();
        let span = self.span();
        let mistake = if function::names().any(|name| name == word) {
            Diagnostic::new(span, format!("function {word} without arguments"))
                .with_hint(format!("write {word}(...)"))
        } else if KEYWORDS.contains(&word) {
            return self.unexpected("a number, an id or a function");
        } else {
            Diagnostic::new(span, format!("unexpected {word:?}"))
                .with_hint("ids start with a small letter")
        };
        self.mistake(mistake);
        self.advance();
        Stop
    }

    fn parenthesised(&mut self) -> Parsed<Expr> {
        let (mut inner, span) = self.parts(")", |parser| parser.expression(0))?;
        if inner.len() != 1 {
            let message = match inner.len() {
                0 => "unexpected \")\", expected an expression",
                _ => "several expressions in parentheses",
            };
            let mistake = Diagnostic::new(span, message);
            let hint = "a list of series is written in brackets: [m1, m2]";
            self.mistake(mistake.with_hint(hint));
        }
        // Reading goes on behind a part with a mistake, which stands as any number.
        let read = inner.pop().flatten();
        Ok(read.unwrap_or(Expr { kind: ExprKind::Number(0.0), span }))
    }

    /// Reads an opening sign, parts with commas between them, and the closing sign. A part with a
    /// mistake is none.
    fn parts<T>(
        &mut self,
        close: &'static str,
        read: impl Fn(&mut Self) -> Parsed<T>,
    ) -> Parsed<(Vec<Option<T>>, Span)> {
        let open = self.advance();
        let mut parts = Vec::new();
        if self.accept(close) {
            return Ok((parts, open.to(self.last_span())));
        }
        loop {
            let mut part = read(self).ok();
            if part.is_some() && !self.at_end_of_part(close) {
                let _: Stop = self.unexpected(&format!("an operator, \",\" or {close:?}"));
                part = None;
            }
            if part.is_none() {
                self.skip_part();
            }
            parts.push(part);
            if self.accept(close) {
                return Ok((parts, open.to(self.last_span())));
            }
            if !self.accept(",") {
                // Where the end was met before, that mistake says it.
                let said = self.mistakes.last().is_some_and(|last| last.span == self.span());
                if !said {
                    let _: Stop = self.unexpected(&format!("{close:?}"));
                }
                return Err(Stop);
            }
        }
    }

    fn at_end_of_part(&self, close: &'static str) -> bool {
        match self.peek() {
            TokenKind::Sign(",") | TokenKind::End => true,
            TokenKind::Sign(sign) => *sign == close,
            _ => false,
        }
    }

    /// Moves behind a part with a mistake: to the comma or closing sign that ends it.
    fn skip_part(&mut self) {
        let mut open = 0usize;
        loop {
            match self.peek() {
                TokenKind::End => return,
                TokenKind::Sign("," | ")" | "]") if open == 0 => return,
                TokenKind::Sign("(" | "[") => open += 1,
                TokenKind::Sign(")" | "]") => open -= 1,
                _ => {}
            }
            self.advance();
        }
    }

    fn call(&mut self) -> Parsed<Expr> {
        let name_span = self.span();
        let name = self.known_function();
        self.advance();
        let (arguments, span) = self.parts(")", Self::argument)?;
        let span = name_span.to(span);
        let kind = match name {
            Some(name) => call(self, name, name_span, span, arguments),
            None => None,
        };
        Ok(Expr { kind: kind.unwrap_or(ExprKind::Number(0.0)), span })
    }

    /// Returns the name of the function that comes next; one in small letters is a mistake, and
    /// understood.
    fn known_function(&mut self) -> Option<&'static str> {
        let word = self.word();
        if let Some(name) = function::names().find(|name| *name == word) {
            return Some(name);
        }
        let mistake = Diagnostic::new(self.span(), format!("unknown function {word}"));
        if let Some(name) = function::names().find(|name| name.eq_ignore_ascii_case(word)) {
            let hint = format!("functions are written in capitals: {name}");
            self.mistake(mistake.with_hint(hint));
            return Some(name);
        }
        let near = nearest(word, function::names());
        let mistake = match (near, BinaryOp::of_symbol(word)) {
            (_, Some(_)) => Diagnostic::new(
                self.span(),
                format!("unexpected {word:?}, expected a number, an id or a function"),
            ),
            (Some(near), None) => mistake.with_hint(format!("did you mean {near}?")),
            (None, None) => mistake,
        };
        self.mistake(mistake);
        None
    }

    fn argument(&mut self) -> Parsed<Argument> {
        let span = self.span();
        let ends = matches!(self.peek_second(), TokenKind::Sign("," | ")" | "]") | TokenKind::End);
        let argument = match self.peek().clone() {
            TokenKind::Text(text) => {
                // Without the quotes; the closing one is missing in a text that is cut off.
                let end = (span.end - 1).max(span.start + 1);
                Argument::Text { text, span, inside: Span { start: span.start + 1, end } }
            }
            TokenKind::Word if ends => Argument::Word { word: self.word().to_owned(), span },
            _ => return self.expression(0).map(Argument::Expr),
        };
        self.advance();
        Ok(argument)
    }
}
