//! Tokens to a tree.
//!
//! Operators find their sides by precedence ([`expression`]); everything else is read from left to
//! right. A mistake inside parentheses is noted, and reading goes on behind them, so that several
//! are found; types are [checked](super::check) when there was none.

mod aggregate;
mod durations;
mod expression;
mod matching;
mod modifiers;
mod selector;

use super::lexer::{Token, TokenKind, lex};
use super::re2::Compiler;
use super::{DEPTH_MAX, Expr, ExprKind, LENGTH_MAX, Matcher, ParseErrors, check, words};
use crate::{Diagnostic, Span};

/// Reads an expression.
///
/// # Errors
/// What is wrong with it: mistakes in the grammar, in several parentheses if there are; or else
/// all mistakes of types.
pub fn parse(source: &str) -> Result<Expr, ParseErrors> {
    let mut expr = Parser::run(source, &mut Compiler::default(), |parser| {
        if parser.peek() == &TokenKind::End {
            return Err(mistake(parser.span(), NOTHING));
        }
        let node = parser.expression(0)?;
        match parser.peek() {
            TokenKind::End => Ok(node.expr),
            _ => Err(parser.unexpected("", None)),
        }
    })?;
    let mistakes = check::check(&mut expr);
    if mistakes.is_empty() { Ok(expr) } else { Err(ParseErrors::new(source, mistakes)) }
}

/// Reads a selector of series and nothing else, as `match[]` has it.
///
/// # Errors
/// What is wrong with it.
pub fn parse_series_selector(source: &str) -> Result<Vec<Matcher>, ParseErrors> {
    selector_with(source, &mut Compiler::default())
}

fn selector_with(source: &str, regexes: &mut Compiler) -> Result<Vec<Matcher>, ParseErrors> {
    let expr = Parser::run(source, regexes, |parser| {
        let node = match parser.peek() {
            TokenKind::Word | TokenKind::Sign("{") => parser.selector()?,
            _ => return Err(parser.unexpected("", Some("a series selector"))),
        };
        match parser.peek() {
            TokenKind::End => Ok(node.expr),
            _ => Err(parser.unexpected(" after a series selector", None)),
        }
    })?;
    if let Some(mistake) = check::selects_nothing(&expr) {
        return Err(ParseErrors::new(source, vec![mistake]));
    }
    let ExprKind::Vector(vector) = expr.kind else { unreachable!("a selector was read") };
    Ok(vector.matchers)
}

/// Reads several selectors, one for each `match[]`.
///
/// # Errors
/// What is wrong with the first one that is wrong.
pub fn parse_series_selectors<'a>(
    sources: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<Vec<Matcher>>, ParseErrors> {
    let mut regexes = Compiler::default();
    sources.into_iter().map(|source| selector_with(source, &mut regexes)).collect()
}

/// What a text without any token is told.
pub(super) const NOTHING: &str = "no expression found in input";

/// Boxed: a mistake is rare, and its parts would make every result large.
type Parsed<T> = Result<T, Box<Diagnostic>>;

fn mistake(span: Span, message: impl Into<String>) -> Box<Diagnostic> {
    Box::new(Diagnostic::new(span, message))
}

/// An expression, and how many levels it has.
struct Node {
    expr: Expr,
    height: usize,
}

impl Node {
    fn leaf(kind: ExprKind, span: Span) -> Self {
        Self { expr: Expr { kind, span }, height: 1 }
    }

    /// Puts an expression over others, of which the highest has `height`.
    fn over(height: usize, kind: ExprKind, span: Span) -> Parsed<Self> {
        if height >= DEPTH_MAX {
            return Err(too_deep(span));
        }
        Ok(Self { expr: Expr { kind, span }, height: height + 1 })
    }
}

fn too_deep(span: Span) -> Box<Diagnostic> {
    mistake(span, format!("expression is nested deeper than {DEPTH_MAX} levels"))
}

struct Parser<'a> {
    source: &'a str,
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    /// Mistakes that do not stop the reading.
    mistakes: Vec<Diagnostic>,
    /// Of all texts of a question.
    regexes: &'a mut Compiler,
}

impl<'a> Parser<'a> {
    fn run<T>(
        source: &'a str,
        regexes: &'a mut Compiler,
        read: impl FnOnce(&mut Self) -> Parsed<T>,
    ) -> Result<T, ParseErrors> {
        let refuse = |mistakes| Err(ParseErrors::new(source, mistakes));
        if source.len() > LENGTH_MAX {
            let message = format!("expression is longer than {LENGTH_MAX} bytes");
            return refuse(vec![Diagnostic::new(Span { start: 0, end: 0 }, message)]);
        }
        let tokens = match lex(source) {
            Ok(tokens) => tokens,
            Err(mistake) => return refuse(vec![mistake]),
        };
        let mut parser = Self { source, tokens, at: 0, depth: 0, mistakes: Vec::new(), regexes };
        match read(&mut parser) {
            Ok(read) if parser.mistakes.is_empty() => Ok(read),
            Ok(_) => refuse(parser.mistakes),
            Err(last) => {
                parser.mistakes.push(*last);
                refuse(parser.mistakes)
            }
        }
    }

    fn peek(&self) -> &TokenKind {
        &self.tokens[self.at].kind
    }

    fn peek_second(&self) -> &Token {
        &self.tokens[(self.at + 1).min(self.tokens.len() - 1)]
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

    fn next_is(&self, sign: &'static str) -> bool {
        self.peek() == &TokenKind::Sign(sign)
    }

    /// Moves on; the end is never passed.
    fn advance(&mut self) -> Span {
        let span = self.span();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        span
    }

    fn accept(&mut self, sign: &'static str) -> bool {
        let found = self.next_is(sign);
        if found {
            self.advance();
        }
        found
    }

    fn expect(&mut self, sign: &'static str, context: &str) -> Parsed<Span> {
        if self.next_is(sign) {
            return Ok(self.advance());
        }
        Err(self.unexpected(context, Some(&format!("{sign:?}"))))
    }

    /// Reads one level deeper.
    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= DEPTH_MAX {
            return Err(too_deep(self.span()));
        }
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }

    /// Notes a mistake and goes to the closing parenthesis behind it (or the comma, in a list), if
    /// there is one: what comes then can be read.
    fn skip_inside(&mut self, mistake: Box<Diagnostic>, list: bool) -> Parsed<()> {
        let (mut at, mut open) = (self.at, 0usize);
        loop {
            match self.tokens[at].kind {
                TokenKind::End => return Err(mistake),
                TokenKind::Sign("(" | "[" | "{") => open += 1,
                TokenKind::Sign(")" | "]" | "}") if open > 0 => open -= 1,
                TokenKind::Sign(")") => break,
                TokenKind::Sign(",") if list && open == 0 => break,
                TokenKind::Sign("]" | "}") => return Err(mistake),
                _ => {}
            }
            at += 1;
        }
        self.mistakes.push(*mistake);
        self.at = at;
        Ok(())
    }

    /// Says that something else was met where parentheses or brackets should end, or nothing.
    fn unclosed(&self, what: &str) -> Box<Diagnostic> {
        match self.peek() {
            TokenKind::End => mistake(self.span(), format!("unclosed {what}")),
            _ => self.unexpected("", None),
        }
    }

    fn unexpected(&self, context: &str, expected: Option<&str>) -> Box<Diagnostic> {
        let text = self.word();
        let mut message = match self.peek() {
            TokenKind::End => "unexpected end of input".to_owned(),
            TokenKind::Word => format!("unexpected {}", words::shown(text)),
            TokenKind::Number(_) => format!("unexpected number {text:?}"),
            TokenKind::Duration(_) => format!("unexpected duration {text:?}"),
            TokenKind::Text(_) => format!("unexpected string {text}"),
            TokenKind::Sign(sign) if words::is_operator(sign) => format!("unexpected <op:{sign}>"),
            TokenKind::Sign(_) => format!("unexpected {text:?}"),
        };
        message.push_str(context);
        if let Some(expected) = expected {
            message.push_str(", expected ");
            message.push_str(expected);
        }
        mistake(self.span(), message)
    }
}
