//! Operators, signs, parentheses, literals and calls.

use super::{Node, Parsed, Parser, mistake};
use crate::Span;
use crate::promql::lexer::TokenKind;
use crate::promql::{Binary, BinaryOp, Call, Expr, ExprKind, Function, Number, Unary, words};

/// Signs bind as multiplication does: `-a ^ b` is `-(a ^ b)`, and `-a * b` is `(-a) * b`.
const UNARY: u8 = precedence(BinaryOp::Mul);

/// Higher binds closer. All but `^` group to the left.
///
/// Source: Prometheus documentation, "Operators", binary operator precedence.
const fn precedence(op: BinaryOp) -> u8 {
    match op {
        BinaryOp::Or => 1,
        BinaryOp::And | BinaryOp::Unless => 2,
        BinaryOp::Eq
        | BinaryOp::Ne
        | BinaryOp::Gt
        | BinaryOp::Lt
        | BinaryOp::Ge
        | BinaryOp::Le
        | BinaryOp::TrimUpper
        | BinaryOp::TrimLower => 3,
        BinaryOp::Add | BinaryOp::Sub => 4,
        BinaryOp::Mul | BinaryOp::Div | BinaryOp::Mod | BinaryOp::Atan2 => 5,
        BinaryOp::Pow => 6,
    }
}

impl Parser<'_> {
    /// Reads an expression with operators that bind closer than `above`.
    pub(super) fn expression(&mut self, above: u8) -> Parsed<Node> {
        self.deeper(|parser| {
            let mut left = parser.signed()?;
            while let Some(op) = parser.operator().filter(|op| precedence(*op) > above) {
                let op_span = parser.advance();
                let (returns_bool, matching) = parser.binary_modifiers(op, op_span)?;
                let closer = precedence(op) - u8::from(op == BinaryOp::Pow);
                let right = parser.expression(closer)?;
                let span = left.expr.span.to(right.expr.span);
                let height = left.height.max(right.height);
                let (left_side, right) = (left.expr, right.expr);
                let binary = Binary { op, op_span, left: left_side, right, returns_bool, matching };
                left = Node::over(height, ExprKind::Binary(Box::new(binary)), span)?;
            }
            Ok(left)
        })
    }

    fn operator(&self) -> Option<BinaryOp> {
        match self.peek() {
            TokenKind::Sign(sign) => words::operator(sign),
            TokenKind::Word => words::operator(&self.word().to_ascii_lowercase()),
            _ => None,
        }
    }

    fn signed(&mut self) -> Parsed<Node> {
        let negative = match self.peek() {
            TokenKind::Sign("-") => true,
            TokenKind::Sign("+") => false,
            _ => return self.operand(),
        };
        let sign = self.advance();
        let Node { expr, height } = self.expression(UNARY)?;
        let span = sign.to(expr.span);
        if let ExprKind::Number(number) = expr.kind {
            let value = if negative { -number.value } else { number.value };
            return Ok(Node::leaf(ExprKind::Number(Number { value, ..number }), span));
        }
        Node::over(height, ExprKind::Unary(Unary { negative, expr: Box::new(expr) }), span)
    }

    /// Reads an operand with what hangs behind it.
    fn operand(&mut self) -> Parsed<Node> {
        let span = self.span();
        let node = match self.peek().clone() {
            TokenKind::Word => self.word_operand()?,
            TokenKind::Sign("{") => self.selector()?,
            TokenKind::Sign("(") => self.parenthesised()?,
            TokenKind::Number(value) => self.number(Number { value, duration: false }),
            TokenKind::Duration(ms) => {
                self.number(Number { value: ms as f64 / 1_000.0, duration: true })
            }
            TokenKind::Text(text) => {
                self.advance();
                Node::leaf(ExprKind::String(text), span)
            }
            TokenKind::Sign(_) | TokenKind::End => return Err(self.unexpected("", None)),
        };
        self.modifiers(node)
    }

    fn number(&mut self, number: Number) -> Node {
        let span = self.advance();
        Node::leaf(ExprKind::Number(number), span)
    }

    fn word_operand(&mut self) -> Parsed<Node> {
        let (span, word) = (self.span(), self.word());
        let next = self.peek_second();
        let call = next.kind == TokenKind::Sign("(");
        let grouped = next.kind == TokenKind::Word && words::is_grouping(next.span.of(self.source));
        if let Some(op) = words::aggregation(word).filter(|_| call || grouped) {
            return self.aggregate(op);
        }
        if call {
            // Keywords that start a modifier are no names of functions that do not exist.
            if words::is_reserved(word) {
                return Err(self.unexpected("", None));
            }
            let Some(function) = Function::named(word) else {
                let message = format!("unknown function with name {word:?}");
                return Err(mistake(span, message));
            };
            return self.call(function);
        }
        if let Some(value) = words::number(word) {
            return Ok(self.number(Number { value, duration: false }));
        }
        if words::is_reserved(word) {
            return Err(self.unexpected("", None));
        }
        self.selector()
    }

    fn parenthesised(&mut self) -> Parsed<Node> {
        let open = self.advance();
        let inner = self.expression(0).and_then(|inner| match self.peek() {
            TokenKind::Sign(")") => Ok(inner),
            _ => Err(self.unclosed("left parenthesis")),
        });
        let Node { expr, height } = match inner {
            Ok(inner) => inner,
            Err(mistake) => {
                self.skip_inside(mistake, false)?;
                unread(open)
            }
        };
        let close = self.advance();
        Node::over(height, ExprKind::Paren(Box::new(expr)), open.to(close))
    }

    fn call(&mut self, function: Function) -> Parsed<Node> {
        let name = self.advance();
        let (nodes, close) = self.arguments()?;
        let height = nodes.iter().map(|node| node.height).max().unwrap_or(0);
        let args: Vec<Expr> = nodes.into_iter().map(|node| node.expr).collect();
        if let (Function::Info, Some(labels)) = (function, args.get(1)) {
            let braces = labels.span.of(self.source).starts_with('{');
            if matches!(labels.kind, ExprKind::Vector(_)) && !braces {
                let message = "expected label selectors only, got vector selector instead";
                self.mistakes.push(*mistake(labels.span, message));
            }
        }
        Node::over(height, ExprKind::Call(Call { function, args }), name.to(close))
    }

    /// Reads arguments in parentheses; returns the closing one's place with them.
    pub(super) fn arguments(&mut self) -> Parsed<(Vec<Node>, Span)> {
        if !self.accept("(") {
            return Err(self.unexpected(" in aggregation", None));
        }
        let mut args = Vec::new();
        if self.next_is(")") {
            return Ok((args, self.advance()));
        }
        loop {
            let read = self.expression(0).and_then(|arg| match self.peek() {
                TokenKind::Sign("," | ")") => Ok(arg),
                _ => Err(self.unclosed("left parenthesis")),
            });
            match read {
                Ok(arg) => args.push(arg),
                Err(mistake) => self.skip_inside(mistake, true)?,
            }
            let comma = self.span();
            if !self.accept(",") {
                return Ok((args, self.advance()));
            }
            if self.next_is(")") {
                let message = "trailing commas not allowed in function call args";
                self.mistakes.push(*mistake(comma, message));
                return Ok((args, self.advance()));
            }
        }
    }
}

/// Stands where something could not be read; the mistake is noted.
fn unread(span: Span) -> Node {
    Node::leaf(ExprKind::String(String::new()), span)
}
