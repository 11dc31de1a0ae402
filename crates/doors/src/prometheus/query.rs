//! `/api/v1/query` and `/api/v1/query_range`: what is asked.

use super::Asked;
use super::answer::{Data, Failure};
use super::result;
use formats::numbers::{parse_duration_ms, parse_timestamp_ms};
use model::TimeRange;
use platform::promql::{self, Expr, ParseErrors, ValueType};
use platform::{OpenQuestion, Options, PromQuestion, Range};
use std::time::Duration;

/// Steps of a range query at most; with the first point that makes one more points.
const STEPS_MAX: i128 = 11_000;

/// A question as it was read.
pub(super) struct Question {
    pub(super) expr: Expr,
    pub(super) range: Range,
    /// Series of the answer at most.
    pub(super) limit: usize,
    /// What it cost is to be told.
    pub(super) stats: bool,
    options: Options,
}

/// Answers `/api/v1/query`.
pub(super) fn instant(asked: &Asked<'_>) -> Result<Data, Failure> {
    let now_ms = asked.platform().clock().now_ms();
    let limit = limit(asked)?;
    let at_ms = time(asked, "time")?.unwrap_or(now_ms);
    let (open, question) = question(asked, Range::instant(at_ms), limit)?;
    answer(asked, open, &question)
}

/// Answers `/api/v1/query_range`.
pub(super) fn range(asked: &Asked<'_>) -> Result<Data, Failure> {
    let limit = limit(asked)?;
    let required = |name: &'static str| {
        let text = asked.params.get(name).unwrap_or_default();
        parse_timestamp_ms(text).map_err(|error| Failure::parameter(name, error))
    };
    let (start_ms, end_ms) = (required("start")?, required("end")?);
    if end_ms < start_ms {
        return Err(Failure::parameter("end", "end timestamp must not be before start time"));
    }
    let step = asked.params.get("step").unwrap_or_default();
    let step_ms = parse_duration_ms(step).map_err(|error| Failure::parameter("step", error))?;
    if step_ms <= 0 {
        return Err(Failure::parameter(
            "step",
            "zero or negative query resolution step widths are not accepted. \
             Try a positive integer",
        ));
    }
    if (i128::from(end_ms) - i128::from(start_ms)) / i128::from(step_ms) > STEPS_MAX {
        return Err(Failure::bad_data(
            "exceeded maximum resolution of 11,000 points per timeseries. \
             Try decreasing the query resolution (?step=XX)",
        ));
    }
    let (open, question) = question(asked, Range { start_ms, end_ms, step_ms }, limit)?;
    let kind = question.expr.value_type();
    if matches!(kind, ValueType::Matrix | ValueType::String) {
        let why = format!(
            "invalid expression type {:?} for range query, must be Scalar or instant Vector",
            kind.name()
        );
        return Err(Failure::parameter("query", why));
    }
    answer(asked, open, &question)
}

fn answer(asked: &Asked<'_>, open: OpenQuestion<'_>, question: &Question) -> Result<Data, Failure> {
    let Question { expr, range, options, .. } = question;
    // As VictoriaMetrics names it: evaluate all of it, and keep nothing.
    let keep = !matches!(asked.params.get("nocache"), Some("1" | "true"));
    let found = open.promql(&PromQuestion { expr, range: *range, options: *options, keep })?;
    result::told(asked, question, &found)
}

pub(super) fn time(asked: &Asked<'_>, name: &'static str) -> Result<Option<i64>, Failure> {
    asked.params.get(name).map(parse_timestamp_ms).transpose().map_err(|error| {
        Failure::parameter(name, format_args!("invalid time value for '{name}': {error}"))
    })
}

/// Reads `limit`; zero and nothing mean without any.
pub(super) fn limit(asked: &Asked<'_>) -> Result<usize, Failure> {
    let Some(text) = asked.params.get("limit") else { return Ok(usize::MAX) };
    match text.parse::<i64>() {
        Ok(0) => Ok(usize::MAX),
        Ok(limit) if limit > 0 => Ok(usize::try_from(limit).unwrap_or(usize::MAX)),
        Ok(_) => Err(Failure::parameter("limit", "limit must be non-negative")),
        Err(_) => Err(Failure::parameter("limit", format_args!("{text:?} is no number"))),
    }
}

/// Reads `start` and `end` of the lists: all of time unless given, both inclusive.
pub(super) fn listed_range(asked: &Asked<'_>) -> Result<TimeRange, Failure> {
    let (start, end) = (time(asked, "start")?, time(asked, "end")?);
    if let (Some(start), Some(end)) = (start, end)
        && end < start
    {
        return Err(Failure::parameter("end", "end timestamp must not be before start timestamp"));
    }
    Ok(TimeRange {
        start_ms: start.unwrap_or(i64::MIN),
        end_ms: end.map_or(i64::MAX, |end| end.saturating_add(1)),
    })
}

/// Reads how long the asker waits.
fn time_max(asked: &Asked<'_>) -> Result<Option<Duration>, Failure> {
    let text = asked.params.get("timeout");
    let timeout_ms = text.map(parse_duration_ms).transpose();
    let timeout_ms = timeout_ms.map_err(|error| Failure::parameter("timeout", error))?;
    // A time that is over from the start needs no turn to end in.
    if timeout_ms == Some(0) {
        return Err(Failure::Timeout);
    }
    Ok(timeout_ms.map(|ms| Duration::from_millis(u64::try_from(ms).unwrap_or_default())))
}

/// Waits for the turn of the question and reads its expression in it: a long one takes its time too.
pub(super) fn opened<'a>(
    asked: &Asked<'a>,
    refuse: impl FnOnce(ParseErrors) -> Failure,
) -> Result<(OpenQuestion<'a>, Expr), Failure> {
    let time_max = time_max(asked)?;
    let (who, scope) = (&asked.caller.who, &asked.caller.scope);
    let open = asked.platform().open_question(who, scope, time_max)?;
    let expr = promql::parse(asked.params.get("query").unwrap_or_default()).map_err(refuse)?;
    open.check()?;
    Ok((open, expr))
}

/// Reads what both kinds of queries have.
fn question<'a>(
    asked: &Asked<'a>,
    range: Range,
    limit: usize,
) -> Result<(OpenQuestion<'a>, Question), Failure> {
    let duration = |name| asked.params.get(name).map(parse_duration_ms).transpose();
    let mut options = Options::default();
    let lookback = duration("lookback_delta").map_err(|error| {
        Failure::bad_data(format!("error parsing lookback delta duration: {error}"))
    })?;
    match lookback {
        None | Some(0) => {}
        Some(ms) if ms > 0 => options.lookback_ms = ms,
        Some(_) => return Err(Failure::parameter("lookback_delta", "must not be negative")),
    }
    let stats = asked.params.get("stats").is_some();
    let (open, expr) = opened(asked, |errors| Failure::parameter("query", errors))?;
    Ok((open, Question { expr, range, limit, stats, options }))
}
