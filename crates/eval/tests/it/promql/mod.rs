//! What PromQL means, by fixtures and by properties.
//!
//! A case names series and asks one or more questions:
//!
//! ```text
//! every 15s
//! requests_total{job="a"}  0..120/30 _ stale 7*3
//! at 60s rate(requests_total[1m])
//! from 0s to 2m by 30s requests_total
//! ```
//!
//! Samples stand `every` so long from 0 on: a number, `a..b/step`, `value*times`, `_` for none,
//! `stale` for a stale marker, `h(...)` for a native histogram (see `memory.rs`). Without `every`, samples are `seconds:value`.

mod bounds;
mod hostile;
mod memory;
mod properties;

use eval::promql::{EvalError, Labels, NAME, Options, Range, Series, Unlimited, Value, evaluate};
use memory::Memory;
use std::fmt::Write as _;

#[test]
fn fixtures() {
    testkit::run_fixtures("fixtures/promql", run);
}

fn run(input: &str) -> String {
    let (memory, questions) = memory::read(input);
    let mut out = String::new();
    for question in &questions {
        if questions.len() > 1 {
            let _ = writeln!(out, "> {}", question.line);
        }
        out.push_str(&answer(&memory, &question.text, question.range));
    }
    out
}

/// Returns an answer as text: series in the order of the answer, then what is said beside it.
fn answer(memory: &Memory, text: &str, range: Range) -> String {
    let expr = match lang::promql::parse(text) {
        Ok(expr) => expr,
        Err(error) => return format!("refused: {error}\n"),
    };
    let (value, notes) = match evaluate(&expr, memory, range, &Options::default(), &Unlimited) {
        Ok(answer) => answer,
        Err(EvalError::Refused(text)) => return format!("refused: {text}\n"),
        Err(error) => return format!("error: {error}\n"),
    };
    let mut out = String::new();
    match value {
        Value::Scalar(_, value) => out = format!("scalar {}\n", number(value)),
        Value::String(_, text) => out = format!("string {text:?}\n"),
        Value::Vector(all) => {
            for series in &all {
                let value = match series.histograms.first() {
                    Some((_, histogram)) => buckets(histogram),
                    None => number(series.points[0].1),
                };
                let _ = writeln!(out, "{} {value}", name(&series.labels));
            }
        }
        Value::Matrix(all) => {
            for series in &all {
                let _ = writeln!(out, "{}{}", name(&series.labels), over_steps(series, range));
            }
        }
    }
    if out.is_empty() {
        out.push_str("nothing\n");
    }
    for note in notes.warnings(text, 10).into_iter().chain(notes.infos(text, 10)) {
        let _ = writeln!(out, "{note}");
    }
    out
}

/// As one writes a selector: `name{a="b"}`, without braces when there are no further labels.
fn name(labels: &Labels) -> String {
    let rest = labels.filtered(|label| label != NAME);
    match labels.name() {
        "" => rest.to_string(),
        name if rest.is_empty() => name.to_owned(),
        name => format!("{name}{rest}"),
    }
}

/// The values of the steps, `_` where there is none; of a raw range, `seconds:value`.
fn over_steps(series: &Series, range: Range) -> String {
    let mut out = String::new();
    if range.is_instant() {
        for (at, value) in &series.points {
            let _ = write!(out, " {}:{}", *at as f64 / 1000.0, number(*value));
        }
        for (at, histogram) in &series.histograms {
            let _ = write!(out, " {}:{}", *at as f64 / 1000.0, buckets(histogram));
        }
        return out;
    }
    let mut points = series.points.iter().peekable();
    let mut histograms = series.histograms.iter().peekable();
    let mut at = range.start_ms;
    while at <= range.end_ms {
        let value = points.next_if(|(time, _)| *time == at).map(|(_, value)| number(*value));
        let histogram = histograms.next_if(|(time, _)| *time == at).map(|(_, h)| buckets(h));
        assert!(value.is_none() || histogram.is_none(), "two values at a step");
        let _ = write!(out, " {}", value.or(histogram).as_deref().unwrap_or("_"));
        at += range.step_ms;
    }
    assert!(points.next().is_none() && histograms.next().is_none(), "at no step");
    out
}

/// `{count/sum lower..upper=count ...}`, with `gauge` at the end if it is one.
fn buckets(histogram: &model::Histogram) -> String {
    let mut out = format!("{{{}/{}", number(histogram.count), number(histogram.sum));
    for range in histogram.ranges() {
        let (lower, upper) = (number(range.lower), number(range.upper));
        let _ = write!(out, " {lower}..{upper}={}", number(range.count));
    }
    out.push_str(if histogram.is_gauge() { " gauge}" } else { "}" });
    out
}

/// Ten digits are enough to see a mistake, and few enough not to see rounding.
fn number(value: f64) -> String {
    let rounded: f64 = format!("{value:.9e}").parse().unwrap_or(value);
    match rounded.abs() {
        large if large >= 1e21 && large.is_finite() => format!("{rounded:e}"),
        _ => format!("{rounded}"),
    }
}
