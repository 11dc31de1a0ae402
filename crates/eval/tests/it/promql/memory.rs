//! Series in memory, written by hand.

use eval::promql::{EvalError, Labels, Range, Samples, Selection, SeriesReader, SeriesSet, Source};
use lang::promql::{ExprKind, parse};
use model::{Bucket, Histogram, ResetHint};
use std::sync::Arc;

/// Series with their samples, oldest first.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory {
    pub(super) series: Vec<(Labels, Samples)>,
}

struct Found<'m> {
    series: Vec<(&'m Labels, &'m Samples)>,
    after_ms: i64,
    last_ms: i64,
    newest: bool,
}

impl Source for Memory {
    fn select<'s>(
        &'s self,
        selection: &Selection<'_>,
    ) -> Result<Box<dyn SeriesSet + 's>, EvalError> {
        let matches =
            |labels: &Labels| selection.matchers.iter().all(|m| m.matches(labels.get(&m.name)));
        let series = self.series.iter().filter(|(labels, _)| matches(labels));
        let series = series.map(|(labels, samples)| (labels, samples)).collect();
        let Selection { after_ms, last_ms, newest, .. } = *selection;
        Ok(Box::new(Found { series, after_ms, last_ms, newest }))
    }
}

impl SeriesSet for Found<'_> {
    fn len(&self) -> usize {
        self.series.len()
    }

    fn reader(&self) -> Box<dyn SeriesReader + '_> {
        Box::new(self)
    }
}

impl SeriesReader for &Found<'_> {
    fn labels(&mut self, at: usize) -> Result<Labels, EvalError> {
        Ok(self.series[at].0.clone())
    }

    /// Exactly the samples asked for: what is needed beyond them would be missed.
    fn read(&mut self, at: usize, into: &mut Samples) -> Result<(), EvalError> {
        into.clear();
        let samples = self.series[at].1;
        for (time, value) in samples.times.iter().zip(&samples.values) {
            if self.after_ms < *time && *time <= self.last_ms {
                into.push(*time, *value);
            }
        }
        let inside = |(time, _): &&(i64, _)| self.after_ms < *time && *time <= self.last_ms;
        into.histograms.extend(samples.histograms.iter().filter(inside).cloned());
        if self.newest {
            let float_ms = into.times.last().copied();
            let native_ms = into.histograms.last().map(|(at, _)| *at);
            into.histograms.retain(|(at, _)| Some(*at) >= float_ms.max(native_ms));
            let older =
                if native_ms > float_ms { into.times.len() } else { into.times.len().max(1) - 1 };
            into.times.drain(..older);
            into.values.drain(..older);
        }
        Ok(())
    }
}

/// An expression and when it is asked.
pub(super) struct Question {
    /// As it was written, with its times.
    pub(super) line: String,
    pub(super) text: String,
    pub(super) range: Range,
}

/// Reads a case.
pub(super) fn read(input: &str) -> (Memory, Vec<Question>) {
    let mut memory = Memory::default();
    let mut questions = Vec::new();
    let mut every = None;
    for line in input.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "every" => every = Some(ms(rest)),
            "at" => {
                let (at, text) = rest.split_once(' ').expect("at <time> <expression>");
                let range = Range::instant(ms(at));
                questions.push(Question {
                    line: line.to_owned(),
                    text: text.trim().to_owned(),
                    range,
                });
            }
            "from" => {
                let words: Vec<&str> = rest.splitn(6, ' ').collect();
                let [start, "to", end, "by", step, text] = words[..] else {
                    panic!("from <time> to <time> by <duration> <expression>: {line}");
                };
                let range = Range { start_ms: ms(start), end_ms: ms(end), step_ms: ms(step) };
                questions.push(Question {
                    line: line.to_owned(),
                    text: text.trim().to_owned(),
                    range,
                });
            }
            _ => memory.series.push(series(line, every)),
        }
    }
    memory.series.sort_by(|a, b| a.0.cmp(&b.0));
    (memory, questions)
}

fn series(line: &str, every: Option<i64>) -> (Labels, Samples) {
    // The labels end at the last brace, or at the first blank if there is none.
    let end = line.rfind('}').map_or_else(|| line.find(' ').expect("samples"), |brace| brace + 1);
    let (name, samples) = line.split_at(end);
    let expr = parse(name).unwrap_or_else(|e| panic!("{name}: {e}"));
    let ExprKind::Vector(selector) = &expr.kind else { panic!("{name} is no series") };
    let labels = Labels::new(selector.matchers.iter().map(|m| (&m.name, &m.value)));
    let mut all = Samples::default();
    let mut n = 0;
    for word in samples.split_whitespace() {
        let Some(every) = every else {
            let (at, value) = word.split_once(':').expect("seconds:value");
            all.push((at.parse::<f64>().expect("seconds") * 1000.0) as i64, number(value));
            continue;
        };
        if let Some(text) = word.strip_prefix("h(").and_then(|w| w.strip_suffix(')')) {
            all.histograms.push((n * every, Arc::new(histogram(text))));
            n += 1;
            continue;
        }
        for value in values(word) {
            if let Some(value) = value {
                all.push(n * every, value);
            }
            n += 1;
        }
    }
    (labels, all)
}

/// Reads `schema;sum;zero@threshold;index=count,...;index=count,...;hint` - the buckets above and
/// below zero, or of custom bounds the buckets and the bounds. Parts at the end may be missing.
fn histogram(text: &str) -> Histogram {
    let mut parts = text.split(';');
    let mut part = || parts.next().unwrap_or_default();
    let mut histogram =
        Histogram { schema: part().parse().expect("schema"), ..Histogram::default() };
    histogram.sum = part().parse().expect("sum");
    let (zero, threshold) = part().split_once('@').unwrap_or(("0", "0"));
    histogram.zero_count = zero.parse().expect("zeros");
    histogram.zero_threshold = threshold.parse().expect("threshold");
    let buckets = |text: &str| -> Vec<Bucket> {
        let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
        let bucket = |(index, count): (&str, &str)| Bucket {
            index: index.parse().expect("index"),
            count: count.parse().expect("count"),
        };
        pairs.map(bucket).collect()
    };
    histogram.positive = buckets(part());
    let rest = part();
    if histogram.is_custom() {
        histogram.bounds = rest.split(',').map(|bound| bound.parse().expect("bound")).collect();
    } else {
        histogram.negative = buckets(rest);
    }
    histogram.hint = match part() {
        "gauge" => ResetHint::Gauge,
        "reset" => ResetHint::Reset,
        _ => ResetHint::Unknown,
    };
    let all = histogram.positive.iter().chain(&histogram.negative);
    histogram.count = histogram.zero_count + all.map(|b| b.count).sum::<f64>();
    histogram
}

fn values(word: &str) -> Vec<Option<f64>> {
    if let Some((value, times)) = word.split_once('*') {
        let one = values(value);
        return one.repeat(times.parse().expect("times"));
    }
    if let Some((from, rest)) = word.split_once("..") {
        let (to, step) = rest.split_once('/').unwrap_or((rest, "1"));
        let (from, to, step) = (number(from), number(to), number(step));
        let count = ((to - from) / step).round() as usize;
        return (0..=count).map(|n| Some(from + step * n as f64)).collect();
    }
    vec![if word == "_" { None } else { Some(number(word)) }]
}

fn number(text: &str) -> f64 {
    match text {
        "stale" => eval::promql::ABSENT,
        _ => text.parse().unwrap_or_else(|_| panic!("{text} is no value")),
    }
}

/// Durations as the language has them.
fn ms(text: &str) -> i64 {
    let expr = parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    let ExprKind::Number(number) = expr.kind else { panic!("{text} is no duration") };
    (number.value * 1000.0) as i64
}
