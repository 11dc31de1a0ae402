//! What happens to single points; NaN is no point. Both drivers call these, and nothing else
//! computes.

use lang::metric_math::{BinaryOp, Elementwise};

/// A result as a point: what is not finite is none, and zero has no sign.
pub(super) fn finite(value: f64) -> f64 {
    if value.is_finite() { value + 0.0 } else { f64::NAN }
}

fn truth(value: bool) -> f64 {
    f64::from(u8::from(value))
}

/// Calls `$body` with `$f` as the function of an operator over two numbers: written out for each, so
/// that a loop over columns holds no branch on the operator.
macro_rules! with_operator {
    ($op:expr, $f:ident => $body:expr) => {
        match $op {
            BinaryOp::Add => {
                let $f = |a: f64, b: f64| a + b;
                $body
            }
            BinaryOp::Subtract => {
                let $f = |a: f64, b: f64| a - b;
                $body
            }
            BinaryOp::Multiply => {
                let $f = |a: f64, b: f64| a * b;
                $body
            }
            BinaryOp::Divide => {
                let $f = |a: f64, b: f64| a / b;
                $body
            }
            BinaryOp::Power => {
                let $f = |a: f64, b: f64| a.powf(b);
                $body
            }
            BinaryOp::Equal => {
                let $f = |a: f64, b: f64| truth(a == b);
                $body
            }
            BinaryOp::NotEqual => {
                let $f = |a: f64, b: f64| truth(a != b);
                $body
            }
            BinaryOp::Less => {
                let $f = |a: f64, b: f64| truth(a < b);
                $body
            }
            BinaryOp::LessOrEqual => {
                let $f = |a: f64, b: f64| truth(a <= b);
                $body
            }
            BinaryOp::Greater => {
                let $f = |a: f64, b: f64| truth(a > b);
                $body
            }
            BinaryOp::GreaterOrEqual => {
                let $f = |a: f64, b: f64| truth(a >= b);
                $body
            }
            BinaryOp::And => {
                let $f = |a: f64, b: f64| truth(a != 0.0 && b != 0.0);
                $body
            }
            BinaryOp::Or => {
                let $f = |a: f64, b: f64| truth(a != 0.0 || b != 0.0);
                $body
            }
        }
    };
}

/// Two points of two series: a missing one counts as 0, two missing ones are none.
///
/// Source: user guide, "Basic arithmetic functions" ("Missing values in a time series are treated as
/// 0"; a division by zero drops the point) and "Comparison and logical operators" (only one of the
/// series has a value: the other counts as 0).
fn of_points(a: f64, b: f64, f: impl Fn(f64, f64) -> f64) -> f64 {
    let present = |value: f64| if value.is_nan() { 0.0 } else { value };
    let result = finite(f(present(a), present(b)));
    if a.is_nan() && b.is_nan() { f64::NAN } else { result }
}

/// A point and a scalar, or two scalars: if one is missing there is none.
fn of_scalar(a: f64, b: f64, f: impl Fn(f64, f64) -> f64) -> f64 {
    let result = finite(f(a, b));
    // A comparison with NaN is 0 or 1, and no point must not become one.
    if a.is_nan() || b.is_nan() { f64::NAN } else { result }
}

/// Two scalars, or a point and a scalar in their order.
pub(super) fn scalar(op: BinaryOp, a: f64, b: f64) -> f64 {
    with_operator!(op, f => of_scalar(a, b, f))
}

/// Points of two series.
pub(super) fn points(op: BinaryOp, a: f64, b: f64) -> f64 {
    with_operator!(op, f => of_points(a, b, f))
}

/// `left[i] = left[i] op scalar`, for a whole column.
pub(super) fn column_scalar(op: BinaryOp, left: &mut [f64], right: f64) {
    with_operator!(op, f => left.iter_mut().for_each(|a| *a = of_scalar(*a, right, f)));
}

/// `right[i] = scalar op right[i]`, for a whole column.
pub(super) fn scalar_column(op: BinaryOp, left: f64, right: &mut [f64]) {
    with_operator!(op, f => right.iter_mut().for_each(|b| *b = of_scalar(left, *b, f)));
}

/// `left[i] = left[i] op right[i]`, for whole columns.
pub(super) fn column_column(op: BinaryOp, left: &mut [f64], right: &[f64]) {
    with_operator!(op, f => {
        left.iter_mut().zip(right).for_each(|(a, b)| *a = of_points(*a, *b, f));
    });
}

/// `right[i] = left[i] op right[i]`, for whole columns.
pub(super) fn column_into_right(op: BinaryOp, left: &[f64], right: &mut [f64]) {
    with_operator!(op, f => {
        right.iter_mut().zip(left).for_each(|(b, a)| *b = of_points(*a, *b, f));
    });
}

/// `-x`.
pub(super) fn negate(value: f64) -> f64 {
    0.0 - value
}

/// A function of a point by itself; no point stays none.
pub(super) fn elementwise(function: Elementwise, value: f64) -> f64 {
    finite(match function {
        Elementwise::Abs => value.abs(),
        Elementwise::Ceil => value.ceil(),
        Elementwise::Floor => value.floor(),
        Elementwise::Log => value.ln(),
        Elementwise::Log10 => value.log10(),
    })
}

/// What `FILL` does to a point with a filler at the same time.
pub(super) fn fill(value: f64, filler: f64) -> f64 {
    if value.is_nan() { filler } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn column_loops_are_the_point_operators() {
        let numbers = [f64::NAN, -2.5, -1.0, 0.0, 0.5, 1.0, 3.0, 1e300];
        let same = |a: f64, b: f64| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
        for op in BinaryOp::ALL {
            for (a, b) in numbers.iter().flat_map(|a| numbers.map(|b| (*a, b))) {
                let (mut c, mut d, mut e, mut f) = ([a], [b], [a], [b]);
                column_scalar(op, &mut c, b);
                scalar_column(op, a, &mut d);
                column_column(op, &mut e, &[b]);
                column_into_right(op, &[a], &mut f);
                assert!(same(c[0], scalar(op, a, b)), "{a} {op:?} {b}");
                assert!(same(d[0], scalar(op, a, b)), "{a} {op:?} {b}");
                assert!(same(e[0], points(op, a, b)), "{a} {op:?} {b}");
                assert!(same(f[0], points(op, a, b)), "{a} {op:?} {b}");
            }
        }
    }
}
