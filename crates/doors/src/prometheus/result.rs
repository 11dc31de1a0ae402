//! `/api/v1/query` and `/api/v1/query_range`: what is answered.

use super::Asked;
use super::answer::{Data, Failure, push_map, push_text};
use super::query::Question;
use formats::numbers::{push_timestamp, push_value};
use platform::{Annotations, Answered, PromAnswer, Series, Value};
use std::fmt;
use std::io::Write as _;

const TRUNCATED: &str = "results truncated due to limit";

/// Warnings and hints of each kind at most; further ones are counted.
const NOTES_MAX: usize = 10;

/// Shows the answer to a question.
pub(super) fn told(
    asked: &Asked<'_>,
    question: &Question,
    found: &Answered<'_, PromAnswer>,
) -> Result<Data, Failure> {
    let mut data = Data::new();
    note(asked, &mut data, &found.annotations);
    let kind = match &found.value {
        Value::Scalar(..) => "scalar",
        Value::String(..) => "string",
        Value::Vector(_) => "vector",
        Value::Matrix(_) => "matrix",
    };
    data.json.extend_from_slice(format!(r#"{{"resultType":"{kind}","result":"#).as_bytes());
    match &found.value {
        Value::Scalar(at_ms, value) => push_point(&mut data.json, *at_ms, *value),
        Value::String(at_ms, text) => {
            data.json.push(b'[');
            push_timestamp(&mut data.json, *at_ms);
            data.json.push(b',');
            push_text(&mut data.json, text);
            data.json.push(b']');
        }
        Value::Vector(series) => {
            list(asked, question, found, &mut data, series, |json, series| {
                json.extend_from_slice(br#","value":"#);
                let (at_ms, value) = series.points.first().copied().unwrap_or_default();
                push_point(json, at_ms, value);
            })?
        }
        Value::Matrix(series) => {
            list(asked, question, found, &mut data, series, |json, series| {
                json.extend_from_slice(br#","values":"#);
                push_points(json, &series.points);
            })?
        }
    }
    if question.stats {
        push_stats(&mut data.json, found);
    }
    data.json.push(b'}');
    Ok(data)
}

/// Takes over what is said beside an answer, with places in the text that was asked.
fn note(asked: &Asked<'_>, data: &mut Data, notes: &Annotations) {
    let text = asked.params.get("query").unwrap_or_default();
    notes.warnings(text, NOTES_MAX).into_iter().for_each(|warning| data.warn(warning));
    notes.infos(text, NOTES_MAX).into_iter().for_each(|info| data.inform(info));
}

/// Writes series; labels and points are written once each.
fn list(
    asked: &Asked<'_>,
    question: &Question,
    found: &Answered<'_, PromAnswer>,
    data: &mut Data,
    all: &[Series],
    write: impl Fn(&mut Vec<u8>, &Series),
) -> Result<(), Failure> {
    if all.len() > question.limit {
        data.warn(TRUNCATED);
    }
    let mut paid = Paid::default();
    data.json.push(b'[');
    for (n, series) in all.iter().take(question.limit).enumerate() {
        if n > 0 {
            data.json.push(b',');
        }
        data.json.extend_from_slice(br#"{"metric":"#);
        push_map(&mut data.json, series.labels.iter());
        write(&mut data.json, series);
        data.json.push(b'}');
        check_size(asked, &data.json)?;
        paid.more(found, &data.json)?;
    }
    data.json.push(b']');
    Ok(())
}

/// Tells what the question cost. Samples are those that were read, each once, and not once for each
/// window that it is in, as Prometheus counts them.
fn push_stats(json: &mut Vec<u8>, found: &Answered<'_, PromAnswer>) {
    let seconds = found.time_taken().as_secs_f64();
    let _ = write!(
        json,
        r#","stats":{{"timings":{{"evalTotalTime":{seconds},"resultSortTime":0,"queryPreparationTime":0,"innerEvalTime":{seconds},"execQueueTime":0,"execTotalTime":{seconds}}},"samples":{{"totalQueryableSamples":{},"peakSamples":{}}}}}"#,
        found.samples, found.samples,
    );
}

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

fn push_points(json: &mut Vec<u8>, points: &[(i64, f64)]) {
    json.push(b'[');
    for (n, (at_ms, value)) in points.iter().enumerate() {
        if n > 0 {
            json.push(b',');
        }
        push_point(json, *at_ms, *value);
    }
    json.push(b']');
}
