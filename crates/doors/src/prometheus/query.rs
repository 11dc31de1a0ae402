//! `/api/v1/query` and `/api/v1/query_range`: selectors and literals.

use super::Asked;
use super::answer::{Data, Failure, push_map, push_text};
use super::tree::parsed;
use formats::numbers::{parse_duration_ms, parse_timestamp_ms, push_timestamp, push_value};
use model::{TimeRange, is_stale};
use platform::promql::{self, At, ExprKind, MatrixSelector, VectorSelector};
use platform::{Answered, PromSeries, Selection, instant_of};
use std::fmt;
use std::time::Duration;

/// How far back an instant looks, unless the question says otherwise.
const LOOKBACK_MS: i64 = 5 * 60_000;
/// Steps of a range query at most; with the first point that makes one more points.
const STEPS_MAX: i128 = 11_000;

const TRUNCATED: &str = "results truncated due to limit";

/// The times of a question: an instant query has one.
#[derive(Debug, Clone, Copy)]
struct Times {
    start_ms: i64,
    end_ms: i64,
    step_ms: i64,
}

impl Times {
    fn iter(self) -> impl Iterator<Item = i64> {
        std::iter::successors(Some(self.start_ms), move |at| at.checked_add(self.step_ms))
            .take_while(move |at| *at <= self.end_ms)
    }

    /// Returns the time that a selector looks at when it is asked at `at_ms`.
    fn seen_by(&self, selector: &VectorSelector, at_ms: i64) -> i64 {
        let from = match selector.at {
            None => at_ms,
            Some(At::Time(at_ms)) => at_ms,
            Some(At::Start) => self.start_ms,
            Some(At::End) => self.end_ms,
        };
        from.saturating_sub(selector.offset_ms)
    }
}

/// Parameters that both kinds of queries have.
struct Common {
    kind: ExprKind,
    lookback_ms: i64,
    limit: usize,
    time_max: Option<Duration>,
}

/// Answers `/api/v1/query`.
pub(super) fn instant(asked: &Asked<'_>) -> Result<Data, Failure> {
    let now_ms = asked.platform().clock().now_ms();
    let at_ms = time(asked, "time")?.unwrap_or(now_ms);
    let common = common(asked)?;
    let times = Times { start_ms: at_ms, end_ms: at_ms, step_ms: 1 };
    match &common.kind {
        ExprKind::Number(number) => {
            Ok(literal("scalar", |json| push_point(json, at_ms, number.value)))
        }
        ExprKind::String(text) => Ok(literal("string", |json| {
            json.push(b'[');
            push_timestamp(json, at_ms);
            json.push(b',');
            push_text(json, text);
            json.push(b']');
        })),
        ExprKind::Vector(selector) => vector(asked, &common, selector, times),
        ExprKind::Matrix(selector) => matrix(asked, &common, selector, times),
        other => Err(not_served(other)),
    }
}

/// Answers `/api/v1/query_range`.
pub(super) fn range(asked: &Asked<'_>) -> Result<Data, Failure> {
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
    let times = Times { start_ms, end_ms, step_ms };
    let common = common(asked)?;
    let no_range = |kind| {
        let why = format!(
            "invalid expression type {kind:?} for range query, must be Scalar or instant Vector"
        );
        Err(Failure::parameter("query", why))
    };
    match &common.kind {
        ExprKind::String(_) => no_range("string"),
        ExprKind::Matrix(_) => no_range("range vector"),
        ExprKind::Number(number) => Ok(literal("matrix", |json| {
            json.extend_from_slice(br#"[{"metric":{},"values":"#);
            push_points(json, times.iter().map(|at_ms| (at_ms, number.value)));
            json.extend_from_slice(b"}]");
        })),
        ExprKind::Vector(selector) => steps(asked, &common, selector, times),
        other => Err(not_served(other)),
    }
}

/// Takes an expression out of its parentheses.
fn unwrapped(expr: promql::Expr) -> ExprKind {
    match expr.kind {
        ExprKind::Paren(inner) => unwrapped(*inner),
        kind => kind,
    }
}

fn not_served(kind: &ExprKind) -> Failure {
    let what = match kind {
        ExprKind::Call(call) => format!("function `{}`", call.function.name()),
        ExprKind::Aggregate(aggregate) => format!("aggregation `{}`", aggregate.op.name()),
        ExprKind::Binary(binary) => format!("operator `{}`", binary.op.symbol()),
        ExprKind::Unary(_) => "a sign".to_owned(),
        _ => "a subquery".to_owned(),
    };
    Failure::Execution(format!("not served yet: {what}"))
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

fn common(asked: &Asked<'_>) -> Result<Common, Failure> {
    let limit = limit(asked)?;
    let duration = |name| {
        let text = asked.params.get(name);
        text.map(parse_duration_ms).transpose().map_err(|error| Failure::parameter(name, error))
    };
    // A time that is over from the start is told by the first look at it.
    let timeout_ms = duration("timeout")?.map(|ms| u64::try_from(ms).unwrap_or(0));
    if timeout_ms == Some(0) {
        return Err(Failure::Timeout);
    }
    let lookback_ms = match duration("lookback_delta")? {
        None | Some(0) => LOOKBACK_MS,
        Some(ms) if ms > 0 => ms,
        Some(_) => return Err(Failure::parameter("lookback_delta", "must not be negative")),
    };
    if asked.params.get("stats").is_some() {
        return Err(Failure::parameter("stats", "not served yet"));
    }
    let expr = parsed(asked)?;
    Ok(Common {
        kind: unwrapped(expr),
        lookback_ms,
        limit,
        time_max: timeout_ms.map(Duration::from_millis),
    })
}

/// Reads series whose samples in the left-open window from `after_ms` to `to_ms` matter.
fn select<'a>(
    asked: &Asked<'a>,
    common: &Common,
    selector: &VectorSelector,
    after_ms: i64,
    to_ms: i64,
) -> Result<Found<'a>, Failure> {
    let range = TimeRange { start_ms: after_ms.saturating_add(1), end_ms: to_ms.saturating_add(1) };
    let selection = Selection { matchers: &selector.matchers, range };
    let (who, scope) = (&asked.caller.who, &asked.caller.scope);
    let mut series = asked.platform().select(who, scope, &selection, common.time_max)?;
    series.sort_unstable_by(|a, b| a.labels.cmp(&b.labels));
    Ok(series)
}

fn vector(
    asked: &Asked<'_>,
    common: &Common,
    selector: &VectorSelector,
    times: Times,
) -> Result<Data, Failure> {
    let seen_ms = times.seen_by(selector, times.start_ms);
    let found =
        select(asked, common, selector, seen_ms.saturating_sub(common.lookback_ms), seen_ms)?;
    list("vector", asked, common.limit, &found, |json, series| {
        let Some((_, value)) = instant_of(&series.samples, seen_ms, common.lookback_ms) else {
            return false;
        };
        json.extend_from_slice(br#","value":"#);
        push_point(json, times.start_ms, value);
        true
    })
}

fn matrix(
    asked: &Asked<'_>,
    common: &Common,
    selector: &MatrixSelector,
    times: Times,
) -> Result<Data, Failure> {
    let to_ms = times.seen_by(&selector.vector, times.start_ms);
    let found =
        select(asked, common, &selector.vector, to_ms.saturating_sub(selector.range_ms), to_ms)?;
    list("matrix", asked, common.limit, &found, |json, series| {
        json.extend_from_slice(br#","values":"#);
        push_points(json, series.samples.iter().copied().filter(|(_, value)| !is_stale(*value)))
    })
}

fn steps(
    asked: &Asked<'_>,
    common: &Common,
    selector: &VectorSelector,
    times: Times,
) -> Result<Data, Failure> {
    let last_ms = times.iter().last().unwrap_or(times.start_ms);
    let first_seen_ms = times.seen_by(selector, times.start_ms);
    let last_seen_ms = times.seen_by(selector, last_ms);
    let after_ms = first_seen_ms.saturating_sub(common.lookback_ms);
    let found = select(asked, common, selector, after_ms, last_seen_ms)?;
    list("matrix", asked, common.limit, &found, |json, series| {
        json.extend_from_slice(br#","values":"#);
        let mut behind = 0;
        let points = times.iter().filter_map(|at_ms| {
            let seen_ms = times.seen_by(selector, at_ms);
            behind += series.samples[behind..].iter().take_while(|(at, _)| *at <= seen_ms).count();
            let last = &series.samples[behind.saturating_sub(1)..behind];
            let (_, value) = instant_of(last, seen_ms, common.lookback_ms)?;
            Some((at_ms, value))
        });
        push_points(json, points)
    })
}

fn literal(kind: &str, write: impl FnOnce(&mut Vec<u8>)) -> Data {
    let mut data = Data::new();
    data.json.extend_from_slice(format!(r#"{{"resultType":"{kind}","result":"#).as_bytes());
    write(&mut data.json);
    data.json.push(b'}');
    data
}

/// Writes the series for which `write` has something to say.
fn list(
    kind: &str,
    asked: &Asked<'_>,
    limit: usize,
    found: &Found<'_>,
    mut write: impl FnMut(&mut Vec<u8>, &PromSeries) -> bool,
) -> Result<Data, Failure> {
    let mut truncated = false;
    let mut too_large = None;
    let mut paid = Paid::default();
    let mut data = literal(kind, |json| {
        json.push(b'[');
        let mut written = 0;
        for series in found.iter() {
            let before = json.len();
            if written > 0 {
                json.push(b',');
            }
            json.extend_from_slice(br#"{"metric":"#);
            push_map(json, series.labels.iter().map(|(n, v)| (n.as_str(), v.as_str())));
            if !write(json, series) {
                json.truncate(before);
                continue;
            }
            if written == limit {
                json.truncate(before);
                truncated = true;
                break;
            }
            json.push(b'}');
            written += 1;
            too_large = check_size(asked, json).err().or_else(|| paid.more(found, json).err());
            if too_large.is_some() {
                break;
            }
        }
        json.push(b']');
    });
    if let Some(failure) = too_large {
        return Err(failure);
    }
    if truncated {
        data.warn(TRUNCATED);
    }
    Ok(data)
}

/// Series that were found; they hold the question's turn and memory until the answer is written.
type Found<'a> = Answered<'a, Vec<PromSeries>>;

/// What was paid for the text of an answer.
#[derive(Debug, Default)]
pub(super) struct Paid(usize);

/// An answer's text is paid for in pieces of this size.
const PAID_BYTES: usize = 1 << 20;

impl Paid {
    /// Pays for what was written since, and looks at the time.
    pub(super) fn more<T>(&mut self, found: &Answered<'_, T>, json: &[u8]) -> Result<(), Failure> {
        if json.len() < self.0 + PAID_BYTES {
            return Ok(());
        }
        let grown = json.len() - self.0;
        self.0 = json.len();
        // Twice: buffers double as they grow.
        Ok(found.take(2 * grown as u64)?)
    }
}

/// Refuses an answer that has grown beyond its limit.
pub(super) fn check_size(asked: &Asked<'_>, json: &[u8]) -> Result<(), Failure> {
    let max = asked.door.options.answer_bytes_max;
    if json.len() <= max {
        return Ok(());
    }
    let why: fmt::Arguments<'_> =
        format_args!("answer is longer than {max} bytes; ask for fewer series or a larger step");
    Err(Failure::Execution(why.to_string()))
}

/// Cuts a list to the limit that was asked for, with a warning.
pub(super) fn truncate<T>(data: &mut Data, items: &mut Vec<T>, limit: usize) {
    if items.len() > limit {
        items.truncate(limit);
        data.warn(TRUNCATED);
    }
}

fn push_point(json: &mut Vec<u8>, at_ms: i64, value: f64) {
    json.push(b'[');
    push_timestamp(json, at_ms);
    json.extend_from_slice(b",\"");
    push_value(json, value);
    json.extend_from_slice(b"\"]");
}

/// Writes a list of points; says whether there was any.
fn push_points(json: &mut Vec<u8>, points: impl Iterator<Item = (i64, f64)>) -> bool {
    json.push(b'[');
    let mut any = false;
    for (at_ms, value) in points {
        if any {
            json.push(b',');
        }
        push_point(json, at_ms, value);
        any = true;
    }
    json.push(b']');
    any
}
