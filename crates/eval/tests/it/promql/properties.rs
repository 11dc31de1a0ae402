//! What must hold for any data and any expression.

use super::memory::Memory;
use eval::promql::{
    ABSENT, EvalError, Labels, Options, Range, Sample, Samples, Series, Stepper, Unlimited, Value,
    evaluate,
};
use lang::promql::Matcher;
use model::{Bucket, Histogram};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Expressions with something of everything.
const EXPRESSIONS: &[&str] = &[
    "m",
    "m offset 40s",
    "m @ 100",
    "timestamp(m)",
    "rate(m[1m])",
    "increase(m[95s])",
    "delta(m[2m])",
    "irate(m[1m])",
    "resets(m[3m])",
    "changes(m[3m])",
    "deriv(m[2m])",
    "predict_linear(m[2m], 60)",
    "avg_over_time(m[1m])",
    "min_over_time(m[2m])",
    "max_over_time(m[2m])",
    "sum_over_time(m[130s])",
    "count_over_time(m[1m])",
    "quantile_over_time(0.7, m[2m])",
    "stddev_over_time(m[2m])",
    "last_over_time(m[1m])",
    "mad_over_time(m[2m])",
    "rate(m[1m] anchored)",
    "increase(m[1m] smoothed)",
    "sum(m)",
    "sum by (a) (rate(m[1m]))",
    "avg without (b) (m)",
    "stddev(m)",
    "count by (a) (m > 3)",
    "topk(1, m)",
    "quantile by (b) (0.5, m)",
    "count_values(\"v\", m)",
    "m + on (a, b) n",
    "m * on (a) group_left sum by (a) (n)",
    "m > n",
    "m > bool 3",
    "m and n",
    "m or n",
    "m unless n",
    "m + fill (0) n",
    "-m ^ 2",
    "absent(m{a=\"1\"})",
    "absent_over_time(m{a=\"1\"}[1m])",
    "scalar(sum(m)) + time()",
    "max_over_time(rate(m[1m])[2m:20s])",
    "sum_over_time(m[2m:30s] offset 10s)",
    "label_replace(m, \"c\", \"$1\", \"a\", \"(.)\")",
    "hour(m) + minute()",
    "clamp(m, 1, 5)",
    "sum(rate(m[1m])) / sum(rate(m[1m]))",
    "limitk(2, m)",
    "limit_ratio(0.5, m)",
    "h",
    "sum(h)",
    "avg by (a) ({__name__=~\"m|h\"})",
    "rate(h[1m])",
    "increase(h[95s]) * 2",
    "resets(h[3m])",
    "h - h offset 30s",
    "h == h",
    "h or m",
    "-h",
    "histogram_quantile(0.5, h)",
    "histogram_count(rate(h[1m])) / 2",
    "avg_over_time(h[1m])",
    "last_over_time(h[2m:30s])",
    "count_over_time(h[1m])",
    "absent(h)",
    "timestamp(h)",
];

fn samples() -> impl Strategy<Value = Samples> {
    let value = prop_oneof![
        8 => (0..20_i32).prop_map(f64::from),
        1 => Just(ABSENT),
        1 => prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(-2.5), Just(0.0)],
    ];
    prop::collection::vec((1..40_i64, value), 0..40).prop_map(|steps| {
        let mut at = 0;
        let after = |(gap, value): (i64, f64)| {
            at += gap * 1000;
            (at, value)
        };
        steps.into_iter().map(after).collect()
    })
}

/// Makes histograms of values; some stay floats.
fn natively(samples: &Samples) -> Samples {
    let mut natives = Samples::default();
    for (at, value) in samples.times.iter().zip(&samples.values) {
        if *value < 0.0 || (value.is_nan() && value.to_bits() != ABSENT.to_bits()) {
            natives.push(*at, *value);
            continue;
        }
        let bucket = |index, count| Bucket { index, count };
        let histogram = Histogram {
            schema: if *value > 15.0 { 0 } else { 1 },
            count: value * 2.0,
            sum: *value,
            positive: vec![bucket(1, *value), bucket(3, *value)],
            ..Histogram::default()
        };
        natives.histograms.push((*at, Arc::new(histogram)));
    }
    natives
}

pub(super) fn memory() -> impl Strategy<Value = Memory> {
    prop::collection::vec(samples(), 8).prop_map(|mut all| {
        let all_natives = all.split_off(6);
        let names = [("m", "1", "1"), ("m", "1", "2"), ("m", "2", "1"), ("m", "3", "")];
        let names = names.into_iter().chain([("n", "1", "1"), ("n", "2", "1")]);
        let series = names.zip(all).map(|((name, a, b), samples)| {
            (Labels::new([("__name__", name), ("a", a), ("b", b)]), samples)
        });
        let mut series: Vec<_> = series.collect();
        let mut natives = all_natives;
        for (n, samples) in natives.drain(..).enumerate() {
            let labels = Labels::new([("__name__", "h"), ("a", &(n + 1).to_string())]);
            series.push((labels, natively(&samples)));
        }
        Memory { series }
    })
}

type Points = BTreeMap<(String, i64), String>;

fn points(memory: &Memory, text: &str, range: Range) -> Result<Points, String> {
    points_with(1, memory, text, range)
}

fn points_with(
    threads: usize,
    memory: &Memory,
    text: &str,
    range: Range,
) -> Result<Points, String> {
    let expr = lang::promql::parse(text).unwrap();
    let options = Options { threads, ..Options::default() };
    let (value, _) = evaluate(&expr, memory, range, &options, &Unlimited)
        .map_err(|e: EvalError| e.to_string())?;
    Ok(points_of(value))
}

/// Gives a stepper all samples of a time, in any order.
fn feed(stepper: &mut Stepper, memory: &Memory, (after_ms, last_ms): (i64, i64), seed: u64) {
    let feeds: Vec<Vec<Matcher>> =
        stepper.feeds().iter().map(|feed| feed.matchers().to_vec()).collect();
    let mut given = Vec::new();
    for (feed, matchers) in feeds.iter().enumerate() {
        for (series, (labels, samples)) in memory.series.iter().enumerate() {
            if !matchers.iter().all(|m| m.matches(labels.get(&m.name))) {
                continue;
            }
            let floats = samples.times.iter().zip(&samples.values);
            let floats = floats.map(|(at, v)| (*at, Sample::Float(*v)));
            let natives = samples.histograms.iter();
            let natives = natives.map(|(at, h)| (*at, Sample::Native(Arc::clone(h))));
            let all = floats.chain(natives).filter(|(at, _)| after_ms < *at && *at <= last_ms);
            given.extend(all.map(|(at, sample)| (feed, series, labels, at, sample)));
        }
    }
    given.sort_by_key(|(_, series, _, at, _)| {
        (*at as u64 ^ *series as u64 ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    });
    for (feed, series, labels, at, sample) in given {
        stepper.push(feed, series as u64, || labels.clone(), at, sample);
    }
}

fn points_of(value: Value) -> Points {
    let series = match value {
        Value::Vector(series) | Value::Matrix(series) => series,
        Value::Scalar(at, value) => {
            let points = vec![(at, value)];
            vec![Series { labels: Labels::empty(), points, histograms: Vec::new() }]
        }
        Value::String(..) => Vec::new(),
    };
    let mut all = Points::new();
    for series in series {
        let labels = series.labels.to_string();
        for (at, value) in series.points {
            all.insert((labels.clone(), at), value.to_string());
        }
        for (at, histogram) in series.histograms {
            all.insert((labels.clone(), at), format!("{histogram:?}"));
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn a_range_is_its_instants(
        memory in memory(),
        expr in 0..EXPRESSIONS.len(),
        start in 0..200_i64,
        step in 1..90_i64,
        count in 1..12_i64,
    ) {
        let (text, start_ms, step_ms) = (EXPRESSIONS[expr], start * 1000, step * 1000);
        let range = Range { start_ms, end_ms: start_ms + (count - 1) * step_ms, step_ms };
        let whole = points(&memory, text, range);
        let mut instants = Ok(Points::new());
        for n in 0..count {
            let at = points(&memory, text, Range::instant(start_ms + n * step_ms));
            match (&mut instants, at) {
                (Ok(all), Ok(at)) => all.extend(at),
                (all @ Ok(_), Err(error)) => *all = Err(error),
                (Err(_), _) => {}
            }
        }
        match (whole, instants) {
            (Ok(whole), Ok(instants)) => prop_assert_eq!(whole, instants, "{}", text),
            (whole, instants) => prop_assert_eq!(whole.is_err(), instants.is_err(), "{}", text),
        }
    }

    #[test]
    fn threads_change_nothing(
        few in memory(),
        expr in 0..EXPRESSIONS.len(),
        count in 1..12_i64,
    ) {
        let mut memory = Memory::default();
        for c in 0..40 {
            memory.series.extend(few.series.iter().map(|(labels, samples)| {
                let mut labels = labels.to_builder();
                labels.set("c", &c.to_string());
                (labels.build(), samples.clone())
            }));
        }
        let range = Range { start_ms: 0, end_ms: (count - 1) * 25_000, step_ms: 25_000 };
        let alone = points(&memory, EXPRESSIONS[expr], range);
        prop_assert_eq!(points_with(3, &memory, EXPRESSIONS[expr], range), alone);
    }

    #[test]
    fn the_stream_is_the_batch(
        memory in memory(),
        expr in 0..EXPRESSIONS.len(),
        start in 0..200_i64,
        step in 1..90_i64,
        count in 1..12_i64,
        seed in any::<u64>(),
    ) {
        let text = EXPRESSIONS[expr];
        let parsed = lang::promql::parse(text).unwrap();
        let Ok(mut stepper) = Stepper::new(&parsed, Options::default(), 3_600_000) else {
            return Ok(());
        };
        let mut from = i64::MIN;
        for n in 0..count {
            let at_ms = (start + n * step) * 1000;
            feed(&mut stepper, &memory, (from, at_ms), seed);
            let streamed = stepper.tick(at_ms, &Unlimited).map(|(value, _)| points_of(value));
            let batch = points(&memory, text, Range::instant(at_ms));
            prop_assert_eq!(streamed.map_err(|e| e.to_string()), batch, "{} at {}", text, at_ms);
            from = at_ms;
        }
    }

    #[test]
    fn a_split_range_is_the_whole(
        memory in memory(),
        expr in 0..EXPRESSIONS.len(),
        cut in 1..11_i64,
    ) {
        let text = EXPRESSIONS[expr];
        let range = |from: i64, to: i64| Range {
            start_ms: from * 35_000, end_ms: to * 35_000, step_ms: 35_000,
        };
        let whole = points(&memory, text, range(0, 11));
        let parts = (points(&memory, text, range(0, cut - 1)), points(&memory, text, range(cut, 11)));
        match (whole, parts) {
            (Ok(whole), (Ok(mut first), Ok(second))) => {
                first.extend(second);
                prop_assert_eq!(whole, first, "{}", text);
            }
            (whole, (first, second)) => {
                prop_assert_eq!(whole.is_err(), first.is_err() || second.is_err(), "{}", text);
            }
        }
    }
}
