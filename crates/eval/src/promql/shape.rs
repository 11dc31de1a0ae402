//! What the form of an expression tells of its value.

use super::math::{self, Combine};
use lang::promql::{Call, Expr, ExprKind, Function};

/// Says whether an expression has the same value at all steps.
pub(super) fn is_invariant(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Number(_) | ExprKind::String(_) => true,
        ExprKind::Vector(selector) => selector.at.is_some(),
        ExprKind::Matrix(matrix) => matrix.vector.at.is_some(),
        // Which of its steps are in the window moves on, whatever the values are.
        ExprKind::Subquery(subquery) => subquery.at.is_some(),
        ExprKind::Call(Call { function, args }) => {
            let needs_now = match function {
                Function::Time | Function::PredictLinear | Function::Timestamp => true,
                // Without an argument they look at the time of the step.
                _ => args.is_empty() && super::calendar::part_of(*function).is_some(),
            };
            !needs_now && args.iter().all(is_invariant)
        }
        _ => expr.children().into_iter().all(is_invariant),
    }
}

/// Says whether no series of a vector has a metric's name: then removing names makes none equal.
pub(super) fn is_nameless(expr: &Expr) -> bool {
    match &expr.inner().kind {
        ExprKind::Call(call) => {
            math::unary(call.function).is_some()
                || super::window::WindowFn::of(call.function).is_some_and(|f| !f.keeps_name())
        }
        ExprKind::Unary(unary) => unary.negative,
        ExprKind::Binary(binary) => {
            matches!(Combine::of(binary.op, binary.returns_bool), c if c.drops_name())
                && !binary.op.is_set()
        }
        ExprKind::Aggregate(aggregate) => {
            use lang::promql::AggregateOp as Op;
            let keeps_all =
                matches!(aggregate.op, Op::Topk | Op::Bottomk | Op::Limitk | Op::LimitRatio);
            !keeps_all
                && (aggregate.without
                    || !aggregate.labels.iter().any(|l| super::labels::is_name(l)))
                && aggregate.op != Op::CountValues
        }
        _ => false,
    }
}

/// Says whether the series of a vector stand in an order that somebody asked for.
pub(super) fn has_order(expr: &Expr) -> bool {
    use Function as F;
    use lang::promql::AggregateOp as Op;
    let own = match &expr.kind {
        ExprKind::Call(call) => {
            matches!(call.function, F::Sort | F::SortDesc | F::SortByLabel | F::SortByLabelDesc)
        }
        ExprKind::Aggregate(aggregate) => matches!(aggregate.op, Op::Topk | Op::Bottomk),
        _ => false,
    };
    own || expr.children().into_iter().any(has_order)
}
