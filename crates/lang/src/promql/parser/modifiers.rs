//! What hangs behind an operand: a range, a subquery, `offset`, `@`, `anchored` and `smoothed`.

use super::{Node, Parsed, Parser, mistake};
use crate::Span;
use crate::promql::duration::{DurationExpr, seconds_to_ms};
use crate::promql::lexer::TokenKind;
use crate::promql::{At, Ends, Expr, ExprKind, MatrixSelector, Subquery, words};

/// A duration as it goes into the tree: milliseconds, and the expression if it is one.
pub(super) type Duration = (i64, Option<Box<DurationExpr>>);

impl Parser<'_> {
    pub(super) fn modifiers(&mut self, mut node: Node) -> Parsed<Node> {
        loop {
            let start = node.expr.span;
            if self.next_is("[") {
                node = self.range(node)?;
                continue;
            }
            if self.next_is_word("offset") {
                self.advance();
                let offset = self.offset()?;
                self.set_offset(&mut node.expr, start, offset)?;
            } else if self.accept("@") {
                let at = self.at_time(start)?;
                self.set_at(&mut node.expr, start, at)?;
            } else if self.next_is_word("anchored") || self.next_is_word("smoothed") {
                let anchored = self.next_is_word("anchored");
                self.advance();
                set_ends(&mut node.expr, start, anchored)?;
            } else {
                return Ok(node);
            }
            node.expr.span = node.expr.span.to(self.last_span());
        }
    }

    /// Reads a range, or the range and step of a subquery.
    fn range(&mut self, node: Node) -> Parsed<Node> {
        let open = self.advance();
        let range = self.positive_duration(" in range")?;
        if self.accept(":") {
            let step = match self.next_is("]") {
                true => None,
                false => Some(self.positive_duration(" in subquery")?),
            };
            let close = self.close_bracket()?;
            return subquery(node, range, step, close);
        }
        let close = self.close_bracket()?;
        let span = open.to(close);
        let vector = match node.expr.kind {
            ExprKind::Vector(vector) => vector,
            _ => return Err(mistake(span, "ranges only allowed for vector selectors")),
        };
        let before = |what| Err(mistake(span, format!("no {what} modifiers allowed before range")));
        if vector.offset_ms != 0 || vector.offset_expr.is_some() {
            return before("offset");
        }
        if vector.at.is_some() {
            return before("@");
        }
        if vector.ends != Ends::Plain {
            return before("anchored or smoothed");
        }
        let (range_ms, range_expr) = range;
        let kind = ExprKind::Matrix(MatrixSelector { vector, range_ms, range_expr });
        Ok(Node::leaf(kind, node.expr.span.to(close)))
    }

    fn close_bracket(&mut self) -> Parsed<Span> {
        if self.next_is("]") { Ok(self.advance()) } else { Err(self.unclosed("left bracket")) }
    }

    fn set_offset(&mut self, expr: &mut Expr, span: Span, offset: Duration) -> Parsed<()> {
        let (ms, from) = match &mut expr.kind {
            ExprKind::Vector(vector) => (&mut vector.offset_ms, &mut vector.offset_expr),
            ExprKind::Matrix(matrix) => {
                (&mut matrix.vector.offset_ms, &mut matrix.vector.offset_expr)
            }
            ExprKind::Subquery(subquery) => (&mut subquery.offset_ms, &mut subquery.offset_expr),
            _ => return Err(misplaced(span, "offset")),
        };
        if *ms != 0 || from.is_some() {
            return Err(mistake(span, "offset may not be set multiple times"));
        }
        (*ms, *from) = offset;
        Ok(())
    }

    fn set_at(&mut self, expr: &mut Expr, span: Span, at: At) -> Parsed<()> {
        let old = match &mut expr.kind {
            ExprKind::Vector(vector) => &mut vector.at,
            ExprKind::Matrix(matrix) => &mut matrix.vector.at,
            ExprKind::Subquery(subquery) => &mut subquery.at,
            _ => return Err(misplaced(span, "@")),
        };
        if old.replace(at).is_some() {
            return Err(mistake(span, "@ <timestamp> may not be set multiple times"));
        }
        Ok(())
    }

    fn at_time(&mut self, expr: Span) -> Parsed<At> {
        let at = match self.peek() {
            TokenKind::Word if self.next_is_word("start") => At::Start,
            TokenKind::Word if self.next_is_word("end") => At::End,
            _ => {
                let start = self.span();
                let seconds = self.signed_number(" in @")?;
                let shown = start.to(self.last_span()).of(self.source);
                return seconds_to_ms(seconds).map(At::Time).ok_or_else(|| {
                    mistake(expr, format!("timestamp out of bounds for @ modifier: {shown}"))
                });
            }
        };
        self.advance();
        self.expect("(", " in @")?;
        self.expect(")", " in @")?;
        Ok(at)
    }

    /// Reads a number, or a duration as seconds, with or without a sign.
    pub(super) fn signed_number(&mut self, context: &str) -> Parsed<f64> {
        let negative = self.accept("-");
        if !negative {
            self.accept("+");
        }
        let value = match self.peek() {
            TokenKind::Duration(ms) => *ms as f64 / 1_000.0,
            TokenKind::Number(value) => *value,
            TokenKind::Word if words::number(self.word()).is_some() => {
                words::number(self.word()).unwrap_or_default()
            }
            _ => return Err(self.unexpected(context, Some("number"))),
        };
        self.advance();
        Ok(if negative { -value } else { value })
    }
}

fn set_ends(expr: &mut Expr, span: Span, anchored: bool) -> Parsed<()> {
    let (word, ends) =
        if anchored { ("anchored", Ends::Anchored) } else { ("smoothed", Ends::Smoothed) };
    let vector = match &mut expr.kind {
        ExprKind::Vector(vector) if !anchored => vector,
        ExprKind::Matrix(matrix) => &mut matrix.vector,
        ExprKind::Subquery(_) => {
            return Err(mistake(span, format!("{word} modifier is not supported for subqueries")));
        }
        ExprKind::Vector(_) => {
            return Err(mistake(span, "anchored modifier must be preceded by a range vector"));
        }
        _ => return Err(misplaced(span, word)),
    };
    match vector.ends {
        Ends::Plain => vector.ends = ends,
        _ => return Err(mistake(span, "anchored or smoothed may not be set multiple times")),
    }
    Ok(())
}

fn subquery(node: Node, range: Duration, step: Option<Duration>, close: Span) -> Parsed<Node> {
    let (step_ms, step_expr) = match step {
        Some((ms, expr)) => (Some(ms), expr),
        None => (None, None),
    };
    let span = node.expr.span.to(close);
    let subquery = Subquery {
        expr: Box::new(node.expr),
        range_ms: range.0,
        range_expr: range.1,
        step_ms,
        step_expr,
        offset_ms: 0,
        offset_expr: None,
        at: None,
    };
    Node::over(node.height, ExprKind::Subquery(subquery), span)
}

fn misplaced(span: Span, modifier: &str) -> Box<crate::Diagnostic> {
    let message = format!(
        "{modifier} modifier must be preceded by an instant vector selector or range vector \
         selector or a subquery"
    );
    mistake(span, message)
}
