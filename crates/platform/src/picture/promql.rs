//! The picture of an alarm on a PromQL query: its series, and the threshold that they are compared with.
//!
//! A query that ends in a comparison returns a series only while it breaches; its picture shows what is
//! compared, all the time, and the number as a threshold.

use super::{PIXEL_BYTES, PictureError, is_over_limit, mistake};
use crate::Platform;
use crate::alarms::{PromqlRecord, attributes_of};
use crate::read::AskError;
use chart::widget::{Horizontal, HorizontalFill};
use chart::{Picture, Point, Series, Widget};
use lang::promql::{self, Binary, BinaryOp, Expr, ExprKind};
use model::{Scope, TenantId, TimeRange};
use query::{Options, PromQuestion, QueryError, Range, Value};

/// Series that are drawn; more are a bush.
const SERIES_MAX: usize = 20;
/// Steps of a picture: one for every other pixel.
const STEPS_MAX: i64 = 300;

/// Splits a query into what is compared, how, and with what number.
fn compared(expr: &Expr) -> (&Expr, Option<(BinaryOp, f64)>) {
    let ExprKind::Binary(binary) = &expr.kind else { return (expr, None) };
    let Binary { op, left, right, returns_bool: false, .. } = &**binary else {
        return (expr, None);
    };
    let flipped = match op {
        BinaryOp::Gt => BinaryOp::Lt,
        BinaryOp::Lt => BinaryOp::Gt,
        BinaryOp::Ge => BinaryOp::Le,
        BinaryOp::Le => BinaryOp::Ge,
        BinaryOp::Eq | BinaryOp::Ne => *op,
        _ => return (expr, None),
    };
    match (&left.kind, &right.kind) {
        (_, ExprKind::Number(number)) => (left, Some((*op, number.value))),
        (ExprKind::Number(number), _) => (right, Some((flipped, number.value))),
        _ => (expr, None),
    }
}

fn threshold((op, value): (BinaryOp, f64)) -> Horizontal {
    let (sign, fill) = match op {
        BinaryOp::Gt => (">", HorizontalFill::Above),
        BinaryOp::Ge => (">=", HorizontalFill::Above),
        BinaryOp::Lt => ("<", HorizontalFill::Below),
        BinaryOp::Le => ("<=", HorizontalFill::Below),
        BinaryOp::Eq => ("==", HorizontalFill::None),
        _ => ("!=", HorizontalFill::None),
    };
    Horizontal::threshold(value, format!("{sign} {value}"), fill)
}

/// Returns the distance of steps: whole intervals of the alarm, so many that the range has few.
fn step_ms(range: TimeRange, interval_s: u32) -> i64 {
    let interval_ms = i64::from(interval_s).max(1) * 1_000;
    let length_ms = range.end_ms.saturating_sub(range.start_ms);
    (length_ms / STEPS_MAX / interval_ms + 1) * interval_ms
}

impl Platform {
    /// Draws what an alarm on a query watches; what costs more than a question may is left out, and the
    /// picture has its mark.
    pub(super) fn draw_query(
        &self,
        scope: &Scope,
        alarm: &PromqlRecord,
        widget: &mut Widget,
        now_ms: i64,
    ) -> Result<Vec<u8>, PictureError> {
        let range = widget.range(now_ms)?;
        let wrong = |text| PictureError::Widget(vec![mistake("annotations.alarms[0]", text)]);
        let expr = promql::parse(&alarm.query).map_err(|errors| wrong(errors.to_string()))?;
        let (shown, limit) = compared(&expr);
        widget.annotations.horizontal.extend(limit.map(threshold));
        let tenant = self.tenants.find(scope);
        let account = tenant.map_or(TenantId::NOBODY, |tenant| self.tenants.first_of(tenant));
        let turn = self.questions.begin(account, None)?;
        let pixels = u64::from(widget.width) * u64::from(widget.height);
        turn.counted(turn.budget.take(pixels * PIXEL_BYTES).map_err(QueryError::from))
            .map_err(AskError::from)?;
        let step_ms = step_ms(range, alarm.interval_s);
        let (start_ms, end_ms) = (range.start_ms, range.end_ms - 1);
        let question = PromQuestion {
            expr: shown,
            range: Range { start_ms, end_ms, step_ms },
            options: Options::default(),
            keep: false,
        };
        let answer = turn.counted(self.runner.promql(tenant, &question, &turn.budget));
        let series = match answer.map(|answer| answer.value) {
            Ok(Value::Matrix(matrix)) => lines(matrix, step_ms, &alarm.query),
            Ok(_) => Vec::new(),
            Err(error) if is_over_limit(&error) => vec![left_out(&alarm.query)],
            Err(QueryError::Bad(text)) => return Err(wrong(text)),
            Err(error) => return Err(AskError::from(error).into()),
        };
        Ok(Picture { widget, series: &series, range }.png()?)
    }
}

/// A series that says that points are missing.
fn left_out(label: &str) -> Series {
    Series { complete: false, ..Series::new(label, 0, Vec::new()) }
}

fn lines(matrix: Vec<query::Series>, step_ms: i64, text: &str) -> Vec<Series> {
    let more = matrix.len().saturating_sub(SERIES_MAX);
    let line = |series: query::Series| {
        let attributes = attributes_of(&series.labels);
        let pairs: Vec<String> = attributes.iter().map(|(n, v)| format!("{n}={v}")).collect();
        let label = if pairs.is_empty() { text.to_owned() } else { pairs.join(", ") };
        let points = series.points.into_iter().map(|(at_ms, value)| Point { at_ms, value });
        Series::new(label, step_ms, points.collect())
    };
    let mut lines: Vec<Series> = matrix.into_iter().take(SERIES_MAX).map(line).collect();
    if more > 0 {
        lines.push(left_out(&format!("and {more} more")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comparison_with_a_number_is_a_threshold() {
        let of = |text: &str| {
            let expr = promql::parse(text).expect("a query");
            let (shown, limit) = compared(&expr);
            (shown.to_string(), limit)
        };
        let ops = [
            ("a > 80", "a", Some((BinaryOp::Gt, 80.0))),
            ("80 <= rate(a[5m])", "rate(a[5m])", Some((BinaryOp::Ge, 80.0))),
            ("(a) == -1", "(a)", Some((BinaryOp::Eq, -1.0))),
            ("sum by (b) (a) / 2 != 0", "sum by (b) (a) / 2", Some((BinaryOp::Ne, 0.0))),
            ("a > b", "a > b", None),
            ("a > bool 1", "a > bool 1", None),
            ("a and b > 5", "a and b > 5", None),
            ("a + 5", "a + 5", None),
            ("a", "a", None),
        ];
        for (text, shown, limit) in ops {
            assert_eq!(of(text), (shown.to_owned(), limit), "{text}");
        }
    }

    #[test]
    fn steps_are_whole_intervals_and_few() {
        let hours = |n: i64| TimeRange { start_ms: 0, end_ms: n * 3_600_000 };
        assert_eq!(step_ms(hours(3), 60), 60_000);
        assert_eq!(step_ms(hours(3), 10), 40_000);
        assert_eq!(step_ms(hours(30 * 24), 60), 8_640_000 + 60_000);
    }
}
