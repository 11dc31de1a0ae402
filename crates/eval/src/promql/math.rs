//! Functions and operators of plain numbers.
//!
//! Source: Prometheus documentation, "Query functions" and "Operators"; special cases are those of
//! IEEE 754.

use super::column::ABSENT;
use lang::promql::{BinaryOp, Function};

/// Returns what a function computes from one number alone, if that is what it does.
pub(super) fn unary(function: Function) -> Option<fn(f64) -> f64> {
    Some(match function {
        Function::Abs => f64::abs,
        Function::Acos => f64::acos,
        Function::Acosh => f64::acosh,
        Function::Asin => f64::asin,
        Function::Asinh => f64::asinh,
        Function::Atan => f64::atan,
        Function::Atanh => f64::atanh,
        Function::Ceil => f64::ceil,
        Function::Cos => f64::cos,
        Function::Cosh => f64::cosh,
        Function::Deg => f64::to_degrees,
        Function::Exp => f64::exp,
        Function::Floor => f64::floor,
        Function::Ln => f64::ln,
        Function::Log10 => f64::log10,
        Function::Log2 => f64::log2,
        Function::Rad => f64::to_radians,
        Function::Sgn => sgn,
        Function::Sin => f64::sin,
        Function::Sinh => f64::sinh,
        Function::Sqrt => f64::sqrt,
        Function::Tan => f64::tan,
        Function::Tanh => f64::tanh,
        _ => return super::calendar::part_of(function),
    })
}

fn sgn(value: f64) -> f64 {
    if value > 0.0 {
        1.0
    } else if value < 0.0 {
        -1.0
    } else {
        value
    }
}

/// To the nearest multiple; halves up.
pub(super) fn round(value: f64, to_nearest: f64) -> f64 {
    // By the inverse: 0.1 has no exact form, but 10 has.
    let inverse = 1.0 / to_nearest;
    (value * inverse + 0.5).floor() / inverse
}

/// The lesser; NaN if either is, unless nothing can be less than the other.
pub(super) fn least(a: f64, b: f64) -> f64 {
    if a == f64::NEG_INFINITY || b == f64::NEG_INFINITY {
        return f64::NEG_INFINITY;
    }
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.min(b) }
}

/// The greater; NaN if either is, unless nothing can be greater than the other.
pub(super) fn greatest(a: f64, b: f64) -> f64 {
    if a == f64::INFINITY || b == f64::INFINITY {
        return f64::INFINITY;
    }
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}

/// Returns an arithmetic operator.
pub(super) fn arithmetic(op: BinaryOp) -> Option<fn(f64, f64) -> f64> {
    Some(match op {
        BinaryOp::Add => |a, b| a + b,
        BinaryOp::Sub => |a, b| a - b,
        BinaryOp::Mul => |a, b| a * b,
        BinaryOp::Div => |a, b| a / b,
        BinaryOp::Mod => |a, b| a % b,
        BinaryOp::Pow => power,
        BinaryOp::Atan2 => f64::atan2,
        _ => return None,
    })
}

/// `1 ^ NaN` and `NaN ^ 0` are 1, as IEEE 754 has it; so is `(-1) ^ Inf`.
fn power(base: f64, exponent: f64) -> f64 {
    base.powf(exponent)
}

/// Returns a comparison.
pub(super) fn comparison(op: BinaryOp) -> Option<fn(f64, f64) -> bool> {
    Some(match op {
        BinaryOp::Eq => |a, b| a == b,
        BinaryOp::Ne => |a, b| a != b,
        BinaryOp::Gt => |a, b| a > b,
        BinaryOp::Lt => |a, b| a < b,
        BinaryOp::Ge => |a, b| a >= b,
        BinaryOp::Le => |a, b| a <= b,
        _ => return None,
    })
}

/// What an operator makes of two samples.
#[derive(Clone, Copy)]
pub(super) enum Combine {
    /// A number.
    Arithmetic(fn(f64, f64) -> f64),
    /// 0 or 1.
    Judge(fn(f64, f64) -> bool),
    /// The left one, or nothing.
    Filter(fn(f64, f64) -> bool),
    /// Nothing: the operator is not one of floats.
    Nothing,
}

impl Combine {
    pub(super) fn of(op: BinaryOp, returns_bool: bool) -> Self {
        match (arithmetic(op), comparison(op)) {
            (Some(compute), _) => Self::Arithmetic(compute),
            (None, Some(holds)) if returns_bool => Self::Judge(holds),
            (None, Some(holds)) => Self::Filter(holds),
            (None, None) => Self::Nothing,
        }
    }

    /// Says whether the result is the metric's own value no more.
    pub(super) fn drops_name(self) -> bool {
        !matches!(self, Self::Filter(_))
    }

    /// Returns the result for two values that are there.
    #[inline]
    pub(super) fn of_pair(self, left: f64, right: f64) -> f64 {
        match self {
            Self::Arithmetic(compute) => compute(left, right),
            Self::Judge(holds) => f64::from(u8::from(holds(left, right))),
            Self::Filter(holds) if holds(left, right) => left,
            Self::Filter(_) | Self::Nothing => ABSENT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_rounded_up_and_multiples_are_exact() {
        for (value, to, expected) in
            [(2.5, 1.0, 3.0), (-2.5, 1.0, -2.0), (1.26, 0.1, 1.3), (17.0, 5.0, 15.0)]
        {
            assert_eq!(round(value, to), expected);
        }
    }

    #[test]
    fn operators_follow_ieee_754() {
        let of = |op, a, b| arithmetic(op).unwrap()(a, b);
        assert_eq!(of(BinaryOp::Mod, -7.0, 3.0), -1.0);
        assert_eq!(of(BinaryOp::Div, 1.0, 0.0), f64::INFINITY);
        assert!(of(BinaryOp::Div, 0.0, 0.0).is_nan());
        assert_eq!(of(BinaryOp::Pow, f64::NAN, 0.0), 1.0);
        assert!(!comparison(BinaryOp::Eq).unwrap()(f64::NAN, f64::NAN));
        assert!(comparison(BinaryOp::Ne).unwrap()(f64::NAN, f64::NAN));
        assert_eq!(sgn(-0.0).to_bits(), (-0.0_f64).to_bits());
    }
}
