//! Aggregations, and lists of labels.

use super::{Node, Parsed, Parser, mistake};
use crate::promql::lexer::TokenKind;
use crate::promql::{Aggregate, AggregateOp, ExprKind, words};

impl Parser<'_> {
    /// Reads an aggregation; the grouping may stand before or behind the arguments.
    pub(super) fn aggregate(&mut self, op: AggregateOp) -> Parsed<Node> {
        let name = self.advance();
        let mut grouping = self.grouping()?;
        let (mut nodes, close) = self.arguments()?;
        let mut span = name.to(close);
        if grouping.is_none() {
            grouping = self.grouping()?;
            span = name.to(self.last_span());
        }
        let (without, labels) = grouping.unwrap_or_default();
        let wanted = 1 + usize::from(op.param().is_some());
        // What could not be read was counted out, and is noted.
        if nodes.len() != wanted && self.mistakes.is_empty() {
            let message = match nodes.len() {
                0 => "no arguments for aggregate expression provided".to_owned(),
                got => format!(
                    "wrong number of arguments for aggregate expression provided, \
                     expected {wanted}, got {got}"
                ),
            };
            self.mistakes.push(*mistake(span, message));
        }
        let height = nodes.iter().map(|node| node.height).max().unwrap_or(0);
        let expr = nodes.pop().map_or_else(
            || Node::leaf(ExprKind::String(String::new()), span).expr,
            |node| node.expr,
        );
        let param = nodes.pop().map(|node| Box::new(node.expr)).filter(|_| wanted == 2);
        let aggregate = Aggregate { op, param, expr: Box::new(expr), without, labels };
        Node::over(height, ExprKind::Aggregate(aggregate), span)
    }

    /// Reads `by (...)` or `without (...)`, which is `true` in front.
    fn grouping(&mut self) -> Parsed<Option<(bool, Vec<String>)>> {
        let word = self.word();
        if self.peek() != &TokenKind::Word || !words::is_grouping(word) {
            return Ok(None);
        }
        self.advance();
        let labels = self.labels()?;
        Ok(Some((word.eq_ignore_ascii_case("without"), labels)))
    }

    /// Reads labels in parentheses; a comma may be the last of them.
    pub(super) fn labels(&mut self) -> Parsed<Vec<String>> {
        const CONTEXT: &str = " in grouping opts";
        self.expect("(", CONTEXT)?;
        let mut labels = Vec::new();
        loop {
            match self.peek() {
                TokenKind::Sign(")") => {
                    self.advance();
                    return Ok(labels);
                }
                TokenKind::Word => labels.push(self.word().to_owned()),
                TokenKind::Text(text) => labels.push(text.clone()),
                _ => return Err(self.unexpected(CONTEXT, Some("label"))),
            }
            self.advance();
            match self.peek() {
                TokenKind::Sign(",") => drop(self.advance()),
                TokenKind::Sign(")") => {}
                _ => return Err(self.unexpected(CONTEXT, Some("\",\" or \")\""))),
            }
        }
    }
}
