//! Types before anything runs.

use super::arguments::{keyword_in_small_letters, nearest_id};
use super::{Expr, ExprKind, Fill, Function, IdKind, Ids, Type};
use crate::{Diagnostic, Span};

/// Says what an expression is: [`Type::Series`] or [`Type::Array`].
///
/// # Errors
/// Everything that does not fit, in the order of the text: unknown ids, arguments of the wrong type,
/// and a result that is a scalar.
pub fn check(expr: &Expr, ids: &(impl Ids + ?Sized)) -> Result<Type, Vec<Diagnostic>> {
    let mut check = Check { names: ids.names(), kind: &|id| ids.kind(id), mistakes: Vec::new() };
    let found = check.type_of(expr);
    if found == Some(Type::Scalar) && check.mistakes.is_empty() {
        let message = "the result is a scalar (S), expected a time series (TS) or an array (TS[])";
        let mistake = Diagnostic::new(expr.span, message);
        check.mistakes.push(mistake.with_hint("TIME_SERIES(...) makes a series of a scalar"));
    }
    check.mistakes.sort_by_key(|mistake| mistake.span);
    match found {
        Some(found) if check.mistakes.is_empty() => Ok(found),
        _ => Err(check.mistakes),
    }
}

struct Check<'c> {
    names: Vec<&'c str>,
    kind: &'c dyn Fn(&str) -> Option<IdKind>,
    mistakes: Vec<Diagnostic>,
}

const SERIES: &[Type] = &[Type::Series];
const ARRAY: &[Type] = &[Type::Array];
const SCALAR: &[Type] = &[Type::Scalar];
const SERIES_OR_ARRAY: &[Type] = &[Type::Series, Type::Array];
const SCALAR_OR_SERIES: &[Type] = &[Type::Scalar, Type::Series];
const ANY: &[Type] = &[Type::Scalar, Type::Series, Type::Array];

impl Check<'_> {
    /// Returns the type; none where a mistake leaves it open, which is then no second mistake.
    fn type_of(&mut self, expr: &Expr) -> Option<Type> {
        match &expr.kind {
            ExprKind::Number(_) => Some(Type::Scalar),
            ExprKind::Id(id) => self.id(id, expr.span).map(IdKind::value_type),
            ExprKind::Negate(inner) => self.type_of(inner),
            ExprKind::Chain { first, rest } => {
                let mut left = self.type_of(first);
                for link in rest {
                    let right = self.type_of(&link.right);
                    left = left.zip(right).map(|(left, right)| wider(left, right));
                }
                left
            }
            ExprKind::List(elements) => self.list(expr, elements),
            ExprKind::Call(function, argument) => self.call(*function, argument),
            ExprKind::If { condition, then, otherwise } => {
                let mut all = self.argument("IF", condition, SCALAR_OR_SERIES);
                for branch in [Some(then), otherwise.as_ref()].into_iter().flatten() {
                    let branch = self.argument("IF", branch, SCALAR_OR_SERIES);
                    all = all.zip(branch).map(|(all, branch)| wider(all, branch));
                }
                // Without a third argument there may be nothing, which no scalar can be.
                all.map(|all| if otherwise.is_none() { Type::Series } else { all })
            }
            ExprKind::Fill { series, with } => {
                if let Fill::With(with) = with {
                    self.argument("FILL", with, SCALAR_OR_SERIES);
                }
                self.argument("FILL", series, SERIES_OR_ARRAY)
            }
            ExprKind::Slice { array, start, end } => {
                self.argument("SLICE", array, ARRAY);
                self.position("SLICE", "a place", start);
                end.iter().for_each(|end| self.position("SLICE", "a place", end));
                Some(Type::Array)
            }
            ExprKind::Sort { array, limit, .. } => {
                self.argument("SORT", array, ARRAY);
                limit.iter().for_each(|limit| self.position("SORT", "a limit", limit));
                Some(Type::Array)
            }
            ExprKind::Period { id, id_span } => {
                if let Some(IdKind::Expression(_)) = self.id(id, *id_span) {
                    let message = format!("PERIOD takes the id of a metric, {id} is an expression");
                    self.mistakes.push(Diagnostic::new(*id_span, message));
                }
                Some(Type::Scalar)
            }
            ExprKind::Metrics(_) | ExprKind::Search(_) => Some(Type::Array),
        }
    }

    fn id(&mut self, id: &str, span: Span) -> Option<IdKind> {
        let kind = (self.kind)(id);
        if kind.is_none() {
            let mistake = Diagnostic::new(span, format!("unknown id {id}"));
            let near = nearest_id(id, &self.names);
            self.mistakes.push(match (keyword_in_small_letters(id), near) {
                (Some(keyword), _) => {
                    mistake.with_hint(format!("keywords are written in capitals: {keyword}"))
                }
                (None, Some(near)) => mistake.with_hint(format!("did you mean {near}?")),
                (None, None) => mistake,
            });
        }
        kind
    }

    fn list(&mut self, expr: &Expr, elements: &[Expr]) -> Option<Type> {
        if elements.is_empty() {
            let mistake = Diagnostic::new(expr.span, "a list needs at least one series");
            self.mistakes.push(mistake);
        }
        for element in elements {
            if self.type_of(element) == Some(Type::Scalar) {
                let message = "a list takes time series (TS) and arrays (TS[]), found a scalar (S)";
                let hint = "TIME_SERIES(...) makes a series of a scalar";
                self.mistakes.push(Diagnostic::new(element.span, message).with_hint(hint));
            }
        }
        Some(Type::Array)
    }

    fn call(&mut self, function: Function, argument: &Expr) -> Option<Type> {
        let name = function.name();
        match function {
            Function::Aggregate(_) => match self.argument(name, argument, SERIES_OR_ARRAY)? {
                Type::Array => Some(Type::Series),
                _ => Some(Type::Scalar),
            },
            Function::Elementwise(_) => self.argument(name, argument, ANY),
            Function::Running(_) => self.argument(name, argument, SERIES_OR_ARRAY),
            Function::Calendar(_) => {
                self.argument(name, argument, SERIES);
                Some(Type::Series)
            }
            Function::MetricCount => {
                self.argument(name, argument, ARRAY);
                Some(Type::Scalar)
            }
            Function::RemoveEmpty => {
                self.argument(name, argument, ARRAY);
                Some(Type::Array)
            }
            Function::First | Function::Last => {
                self.argument(name, argument, ARRAY);
                Some(Type::Series)
            }
            Function::TimeSeries => {
                self.argument(name, argument, SCALAR);
                Some(Type::Series)
            }
        }
    }

    /// Returns the type of an argument, none if it is not one of `allowed`.
    fn argument(&mut self, name: &str, argument: &Expr, allowed: &[Type]) -> Option<Type> {
        let found = self.type_of(argument)?;
        if allowed.contains(&found) {
            return Some(found);
        }
        let expected: Vec<String> = allowed.iter().map(Type::to_string).collect();
        let message = format!("{name} takes {}, found {found}", expected.join(" or "));
        let mistake = Diagnostic::new(argument.span, message);
        let wants = |wanted| allowed.contains(&wanted);
        self.mistakes.push(match found {
            Type::Scalar if wants(Type::Series) => {
                mistake.with_hint("TIME_SERIES(...) makes a series of a scalar")
            }
            Type::Series if wants(Type::Array) => {
                mistake.with_hint("brackets make an array of a series: [m1]")
            }
            Type::Series if wants(Type::Scalar) => {
                mistake.with_hint("an aggregate such as AVG(...) makes a scalar of a series")
            }
            Type::Array if wants(Type::Series) => mistake.with_hint(
                "FIRST(...) takes one series of an array, SUM(...) or AVG(...) make one of all",
            ),
            _ => mistake,
        });
        None
    }

    /// Checks a scalar that counts series: if it is written as a number, it must be a whole one.
    fn position(&mut self, name: &str, what: &str, argument: &Expr) {
        self.argument(name, argument, SCALAR);
        let (number, sign) = match &argument.kind {
            ExprKind::Negate(inner) => (&inner.kind, -1.0),
            kind => (kind, 1.0),
        };
        if let ExprKind::Number(number) = number
            && (number * sign < 0.0 || number.fract() != 0.0)
        {
            let message = format!("{name} takes a whole number from 0 as {what}");
            self.mistakes.push(Diagnostic::new(argument.span, message));
        }
    }
}

/// Returns the type of an operator's result: what holds more of its operands.
fn wider(left: Type, right: Type) -> Type {
    match (left, right) {
        (Type::Array, _) | (_, Type::Array) => Type::Array,
        (Type::Series, _) | (_, Type::Series) => Type::Series,
        (Type::Scalar, Type::Scalar) => Type::Scalar,
    }
}
