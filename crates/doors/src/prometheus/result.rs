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
        Value::Vector(series) => list(asked, question, found, &mut data, series, push_latest)?,
        Value::Matrix(series) => list(asked, question, found, &mut data, series, push_samples)?,
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

/// Series that are written before room is made for the others.
const SERIES_TRIED: usize = 32;
/// Room that is made at most.
const RESERVED_MAX: usize = 32 << 20;

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
    let count = all.len().min(question.limit);
    for (n, series) in all.iter().take(count).enumerate() {
        if n > 0 {
            data.json.push(b',');
        }
        if n == SERIES_TRIED {
            // The others take about as much: better once than again and again.
            let more = data.json.len() / SERIES_TRIED * (count - n);
            data.json.reserve((more + more / 8).min(RESERVED_MAX));
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
    warn_if_cut(data, items.len(), limit);
    items.truncate(limit);
}

/// Says that some of so many are left out, if they are.
pub(super) fn warn_if_cut(data: &mut Data, count: usize, limit: usize) {
    if count > limit {
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

/// Writes the one sample of a series of a vector.
fn push_latest(json: &mut Vec<u8>, series: &Series) {
    if let Some((at_ms, value)) = series.points.first() {
        json.extend_from_slice(br#","value":"#);
        push_point(json, *at_ms, *value);
    }
    if let Some((at_ms, histogram)) = series.histograms.first() {
        json.extend_from_slice(br#","histogram":"#);
        push_histogram(json, *at_ms, histogram);
    }
}

/// Writes the samples of a series of a matrix.
fn push_samples(json: &mut Vec<u8>, series: &Series) {
    if !series.points.is_empty() {
        json.extend_from_slice(br#","values":"#);
        push_all(json, &series.points, |json, (at_ms, value)| push_point(json, *at_ms, *value));
    }
    if !series.histograms.is_empty() {
        json.extend_from_slice(br#","histograms":"#);
        push_all(json, &series.histograms, |json, (at_ms, histogram)| {
            push_histogram(json, *at_ms, histogram);
        });
    }
}

/// Writes a native histogram: empty buckets are left out, and each says by a number which of its
/// borders belong to it (0 the upper one, 1 the lower one, 2 none, 3 both).
///
/// Source: Prometheus documentation, "HTTP API", native histograms.
fn push_histogram(json: &mut Vec<u8>, at_ms: i64, histogram: &model::Histogram) {
    let text = |json: &mut Vec<u8>, value: f64| {
        json.push(b'"');
        push_value(json, value);
        json.push(b'"');
    };
    json.push(b'[');
    push_timestamp(json, at_ms);
    json.extend_from_slice(br#",{"count":"#);
    text(json, histogram.count);
    json.extend_from_slice(br#","sum":"#);
    text(json, histogram.sum);
    let mut ranges = histogram.ranges();
    // The bucket around zero is shown only if something is in it. The lowest custom one has both of its
    // borders too, and is a bucket like the others.
    let around_zero = |range: &model::BucketRange| {
        range.lower_inclusive && range.upper_inclusive && range.lower.is_finite()
    };
    ranges.retain(|range| range.count > 0.0 || !around_zero(range));
    if !ranges.is_empty() {
        json.extend_from_slice(br#","buckets":"#);
        push_all(json, &ranges, |json, range| {
            let rule = match (range.lower_inclusive, range.upper_inclusive) {
                (false, true) => b"[0,",
                (true, false) => b"[1,",
                (false, false) => b"[2,",
                (true, true) => b"[3,",
            };
            json.extend_from_slice(rule);
            text(json, range.lower);
            json.push(b',');
            text(json, range.upper);
            json.push(b',');
            text(json, range.count);
            json.push(b']');
        });
    }
    json.extend_from_slice(b"}]");
}

/// Writes a list.
fn push_all<T>(json: &mut Vec<u8>, all: &[T], write: impl Fn(&mut Vec<u8>, &T)) {
    json.push(b'[');
    for (n, one) in all.iter().enumerate() {
        if n > 0 {
            json.push(b',');
        }
        write(json, one);
    }
    json.push(b']');
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Bucket, Histogram};

    #[test]
    fn histograms_tell_their_buckets_from_the_lowest() {
        let bucket = |index, count| Bucket { index, count };
        let histogram = Histogram {
            schema: 0,
            count: 12.0,
            sum: 20.5,
            zero_threshold: 0.001,
            zero_count: 2.0,
            positive: vec![bucket(0, 1.0), bucket(1, 0.0), bucket(2, 5.0)],
            negative: vec![bucket(1, 4.0)],
            ..Histogram::default()
        };
        let mut json = Vec::new();
        push_histogram(&mut json, 1_500, &histogram);
        assert_eq!(
            String::from_utf8(json).unwrap(),
            concat!(
                r#"[1.500,{"count":"12","sum":"20.5","buckets":[[1,"-2","-1","4"],"#,
                r#"[3,"-0.001","0.001","2"],[0,"0.5","1","1"],[0,"2","4","5"]]}]"#
            )
        );
        let mut json = Vec::new();
        push_histogram(&mut json, 0, &Histogram::default());
        assert_eq!(String::from_utf8(json).unwrap(), r#"[0,{"count":"0","sum":"0"}]"#);
    }

    #[test]
    fn the_lowest_custom_bucket_is_shown_whatever_its_count_and_the_one_around_zero_is_not() {
        let of = |histogram| {
            let mut json = Vec::new();
            push_histogram(&mut json, 0, &histogram);
            String::from_utf8(json).unwrap()
        };
        let custom = Histogram {
            schema: model::CUSTOM_SCHEMA,
            count: -1.0,
            bounds: [0.5].into(),
            positive: vec![Bucket { index: 0, count: -1.0 }],
            ..Histogram::default()
        };
        let text = r#"[0,{"count":"-1","sum":"0","buckets":[[3,"-Inf","0.5","-1"]]}]"#;
        assert_eq!(of(custom), text);
        let around_zero = Histogram { count: -1.0, zero_count: -1.0, ..Histogram::default() };
        assert_eq!(of(around_zero.clone()), r#"[0,{"count":"-1","sum":"0"}]"#);
        // As a division by zero leaves it.
        let odd = Histogram { schema: model::CUSTOM_SCHEMA, zero_count: f64::NAN, ..around_zero };
        assert_eq!(of(odd), r#"[0,{"count":"-1","sum":"0"}]"#);
    }
}
