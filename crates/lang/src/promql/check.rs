//! Types: which expressions may stand where.

use super::{
    Aggregate, Binary, Call, Cardinality, Ends, Expr, ExprKind, Function, Matcher, Matching,
    ValueType, VectorSelector,
};
use crate::{Diagnostic, Span};

/// Finds mistakes of types, and completes what depends on them: operators between vectors get
/// their [`Matching`].
pub(super) fn check(expr: &mut Expr) -> Vec<Diagnostic> {
    let mut checker = Checker(Vec::new());
    checker.expr(expr);
    checker.0
}

/// Says that a selector takes every series there is.
pub(super) fn selects_nothing(expr: &Expr) -> Option<Diagnostic> {
    let vector = match &expr.kind {
        ExprKind::Vector(vector) => vector,
        ExprKind::Matrix(matrix) => &matrix.vector,
        _ => return None,
    };
    let message = "vector selector must contain at least one non-empty matcher";
    vector.matchers.iter().all(Matcher::matches_empty).then(|| {
        Diagnostic::new(expr.span, message)
            .with_hint("add a metric name, or a matcher that an absent label does not match")
    })
}

struct Checker(Vec<Diagnostic>);

impl Checker {
    fn mistake(&mut self, span: Span, message: impl Into<String>) {
        self.0.push(Diagnostic::new(span, message));
    }

    fn expr(&mut self, expr: &mut Expr) {
        let span = expr.span;
        match &mut expr.kind {
            ExprKind::Number(_) | ExprKind::String(_) => {}
            ExprKind::Vector(_) | ExprKind::Matrix(_) => self.0.extend(selects_nothing(expr)),
            ExprKind::Paren(inner) => self.expr(inner),
            ExprKind::Subquery(subquery) => {
                self.expr(&mut subquery.expr);
                let found = subquery.expr.value_type();
                if found != ValueType::Vector {
                    let found = match found {
                        ValueType::Matrix => "matrix",
                        found => found.name(),
                    };
                    let message =
                        format!("subquery is only allowed on instant vector, got {found} instead");
                    self.mistake(span, message);
                }
            }
            ExprKind::Unary(unary) => {
                self.expr(&mut unary.expr);
                let found = unary.expr.value_type();
                if !matches!(found, ValueType::Scalar | ValueType::Vector) {
                    let message = format!(
                        "unary expression only allowed on expressions of type scalar or instant \
                         vector, got {:?}",
                        found.name()
                    );
                    self.mistake(span, message);
                }
            }
            ExprKind::Binary(binary) => self.binary(binary, span),
            ExprKind::Aggregate(aggregate) => self.aggregate(aggregate),
            ExprKind::Call(call) => self.call(call, span),
        }
    }

    fn expect(&mut self, expr: &Expr, wanted: ValueType, context: &str) {
        let found = expr.value_type();
        if found != wanted {
            let (wanted, found) = (wanted.name(), found.name());
            let message = format!("expected type {wanted} in {context}, got {found}");
            self.mistake(expr.span, message);
        }
    }

    fn binary(&mut self, binary: &mut Binary, span: Span) {
        self.expr(&mut binary.left);
        self.expr(&mut binary.right);
        let sides = [binary.left.value_type(), binary.right.value_type()];
        let sides_span = [binary.left.span, binary.right.span];
        let mut sound = true;
        for (side, side_span) in sides.into_iter().zip(sides_span) {
            if !matches!(side, ValueType::Scalar | ValueType::Vector) {
                sound = false;
                let message = "binary expression must contain only scalar and instant vector types";
                self.mistake(side_span, message);
            }
        }
        if !sound {
            return;
        }
        let op = binary.op;
        if op.compares() && !binary.returns_bool && sides == [ValueType::Scalar; 2] {
            let message = "comparisons between scalars must use BOOL modifier";
            self.mistake(binary.op_span, message);
        }
        if sides == [ValueType::Vector; 2] {
            let matching = binary.matching.get_or_insert_with(Matching::default);
            if op.is_set() && matching.cardinality != Cardinality::ManyToMany {
                let message = format!("no grouping allowed for {:?} operation", op.symbol());
                self.mistake(span, message);
            }
            return;
        }
        if op.is_set() {
            let message =
                format!("set operator {:?} not allowed in binary scalar expression", op.symbol());
            return self.mistake(span, message);
        }
        let Some(matching) = binary.matching.take() else { return };
        if !matching.labels.is_empty() || matching.cardinality != Cardinality::OneToOne {
            self.mistake(span, "vector matching only allowed between instant vectors");
        } else if matching.fill_left.is_some() || matching.fill_right.is_some() {
            let message = "filling in missing series only allowed between instant vectors";
            self.mistake(span, message);
        }
    }

    fn aggregate(&mut self, aggregate: &mut Aggregate) {
        self.expr(&mut aggregate.expr);
        self.expect(&aggregate.expr, ValueType::Vector, "aggregation expression");
        if let (Some(param), Some(wanted)) = (&mut aggregate.param, aggregate.op.param()) {
            self.expr(param);
            self.expect(param, wanted, "aggregation parameter");
        }
    }

    fn call(&mut self, call: &mut Call, span: Span) {
        let (name, signature) = (call.function.name(), call.function.signature());
        let (min, got) = (signature.args_min, call.args.len());
        let wanted = match signature.args_max {
            Some(max) if min == max && got != min => Some(format!("expected {min} argument(s)")),
            Some(max) if got > max => Some(format!("expected at most {max} argument(s)")),
            _ if got < min => Some(format!("expected at least {min} argument(s)")),
            _ => None,
        };
        if let Some(wanted) = wanted {
            self.mistake(span, format!("{wanted} in call to {name:?}, got {got}"));
        }
        let context = format!("call to function {name:?}");
        for (n, arg) in call.args.iter_mut().enumerate() {
            if call.function == Function::Info && n == 1 {
                self.labels_to_add(arg);
                continue;
            }
            self.expr(arg);
            let wanted = signature.args.get(n).or(signature.args.last());
            if let Some(wanted) = wanted {
                self.expect(arg, *wanted, &context);
            }
            self.ends(call.function, arg);
        }
    }

    /// The second argument of `info()` looks like a selector and says which labels to add.
    fn labels_to_add(&mut self, arg: &Expr) {
        let plain = |vector: &VectorSelector| {
            vector.at.is_none()
                && vector.offset_ms == 0
                && vector.offset_expr.is_none()
                && vector.ends == Ends::Plain
        };
        let found = match &arg.kind {
            ExprKind::Vector(vector) if plain(vector) => return,
            _ => arg.value_type(),
        };
        let found = match found {
            ValueType::Vector => "vector selector",
            found => found.name(),
        };
        self.mistake(arg.span, format!("expected label selectors only, got {found} instead"));
    }

    fn ends(&mut self, function: Function, arg: &Expr) {
        let ExprKind::Matrix(matrix) = &arg.inner().kind else { return };
        let smoothed = [Function::Delta, Function::Increase, Function::Rate];
        let anchored = [Function::Changes, Function::Resets];
        let (word, takes) = match matrix.vector.ends {
            Ends::Plain => return,
            Ends::Anchored => (
                "anchored modifier can only be used with: changes, delta, increase, rate, resets",
                smoothed.contains(&function) || anchored.contains(&function),
            ),
            Ends::Smoothed => (
                "smoothed modifier can only be used with: delta, increase, rate",
                smoothed.contains(&function),
            ),
        };
        if !takes {
            self.mistake(arg.span, format!("{word} - not with {}", function.name()));
        }
    }
}
