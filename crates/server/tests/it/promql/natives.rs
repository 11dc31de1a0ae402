//! Generated series of native histograms: all schemas, custom bounds, integers and floats, counters that
//! restart, gauges, gaps, stale markers, and floats in between.

use super::data::Maker;
use model::{Bucket, CUSTOM_SCHEMA, Histogram, ResetHint};
use std::collections::BTreeMap;

/// Observations in buckets, as a client counts them.
#[derive(Debug, Clone, Default)]
struct Counter {
    schema: i8,
    bounds: Vec<f64>,
    zero_threshold: f64,
    zero_count: f64,
    positive: BTreeMap<i32, f64>,
    negative: BTreeMap<i32, f64>,
    nans: f64,
    sum: f64,
}

impl Counter {
    fn new(schema: i8) -> Self {
        Self { schema, zero_threshold: 0.001, ..Self::default() }
    }

    fn custom(bounds: &[f64]) -> Self {
        Self { schema: CUSTOM_SCHEMA, bounds: bounds.to_vec(), ..Self::default() }
    }

    fn observe(&mut self, value: f64) {
        self.sum += value;
        if value.is_nan() {
            self.nans += 1.0;
        } else if self.schema == CUSTOM_SCHEMA {
            let at = self.bounds.iter().position(|bound| value <= *bound);
            let at = at.unwrap_or(self.bounds.len());
            *self.positive.entry(i32::try_from(at).unwrap()).or_default() += 1.0;
        } else if value.abs() <= self.zero_threshold {
            self.zero_count += 1.0;
        } else {
            let side = if value > 0.0 { &mut self.positive } else { &mut self.negative };
            let index = (value.abs().log2() * f64::from(self.schema).exp2()).ceil();
            #[expect(clippy::cast_possible_truncation, reason = "logarithms are small")]
            let index = index as i32;
            *side.entry(index).or_default() += 1.0;
        }
    }

    /// Returns what is counted, each count multiplied.
    fn histogram(&self, factor: f64) -> Histogram {
        let buckets = |side: &BTreeMap<i32, f64>| -> Vec<Bucket> {
            side.iter().map(|(&index, &n)| Bucket { index, count: n * factor }).collect()
        };
        let counts = self.positive.values().chain(self.negative.values());
        let custom = self.schema == CUSTOM_SCHEMA;
        Histogram {
            schema: self.schema,
            hint: ResetHint::Unknown,
            count: (counts.sum::<f64>() + self.zero_count + self.nans) * factor,
            sum: self.sum * factor,
            zero_threshold: if custom { 0.0 } else { self.zero_threshold },
            zero_count: self.zero_count * factor,
            positive: buckets(&self.positive),
            negative: buckets(&self.negative),
            bounds: self.bounds.as_slice().into(),
        }
    }
}

/// A latency: mostly small, seldom large.
fn latency(maker: &mut Maker) -> f64 {
    let unit = maker.rng.unit();
    (0.02 + unit * unit * unit * 8.0 * 64.0).round() / 64.0
}

/// Counts what came since a restart: enough for no rate to be continued to below zero, from which only
/// versions after 3.5 keep histograms.
fn restarted(maker: &mut Maker, mut counter: Counter) -> Counter {
    for _ in 0..30 {
        let value = latency(maker);
        counter.observe(value);
    }
    counter
}

pub(super) fn make(maker: &mut Maker) {
    counters(maker);
    both_sides(maker);
    gauges(maker);
    custom_bounds(maker);
    mixtures(maker);
    changes(maker);
}

fn counters(maker: &mut Maker) {
    for (n, (job, schema)) in [("api", 3), ("db", 3), ("fine", 8), ("coarse", -1), ("coarsest", -4)]
        .into_iter()
        .enumerate()
    {
        let labels = [("__name__", "native_seconds"), ("job", job)];
        let mut counter = Counter::new(schema);
        maker.native(&labels, |maker, sample, minute| {
            if sample == 0 || sample % 90 == 20 * (n + 1) {
                counter = restarted(maker, Counter::new(schema));
            }
            let news = maker.rng.below(7);
            for _ in 0..news {
                let value = latency(maker);
                counter.observe(value);
            }
            // No two in a row are equal: Prometheus 3.5 now and then counts a change between such ones,
            // seemingly by the empty buckets that its chunks keep.
            if news == 0 {
                counter.observe(0.5);
            }
            match (job, minute) {
                ("db", 30..=36) => None,
                ("db", 50) => Some(Err(Histogram::stale())),
                ("db", 51..=54) => None,
                _ => Some(Err(counter.histogram(1.0))),
            }
        });
    }
    let mut counter = restarted(maker, Counter::new(2));
    maker.native(&[("__name__", "native_flaps")], |maker, _, minute| {
        let value = latency(maker);
        counter.observe(value);
        match minute % 5 {
            3 => Some(Err(Histogram::stale())),
            4 => None,
            _ => Some(Err(counter.histogram(1.0))),
        }
    });
    maker.native(&[("__name__", "native_once")], |maker, sample, _| {
        let mut counter = Counter::new(0);
        let value = latency(maker);
        counter.observe(value);
        (sample == 180).then(|| Err(counter.histogram(1.0)))
    });
    maker.native(&[("__name__", "native_empty")], |_, _, _| {
        Some(Err(Counter::new(0).histogram(1.0)))
    });
    let mut counter = restarted(maker, Counter::new(1));
    maker.native(&[("__name__", "native_nan")], |maker, sample, _| {
        let value = if sample == 200 { f64::NAN } else { latency(maker) };
        counter.observe(value);
        Some(Err(counter.histogram(1.0)))
    });
}

fn both_sides(maker: &mut Maker) {
    for (side, low, high) in [("both", -4.0, 4.0), ("below", -8.0, 0.0), ("zero", 0.0, 0.0005)] {
        let mut counter = restarted(maker, Counter::new(1));
        maker.native(&[("__name__", "native_both"), ("side", side)], |maker, _, _| {
            for _ in 0..3 {
                let value = low + (maker.rng.unit() * 64.0).round() / 64.0 * (high - low);
                counter.observe(value);
            }
            Some(Err(counter.histogram(1.0)))
        });
    }
}

fn gauges(maker: &mut Maker) {
    for (kind, factor) in [("integer", 1.0), ("float", 0.37)] {
        maker.native(&[("__name__", "native_gauge"), ("kind", kind)], move |maker, sample, _| {
            let mut counter = Counter::new(2);
            // Never zeros alone: 3.5 takes some of those for positive, seemingly by such empty buckets.
            // And no two in a row are equal, as above.
            for _ in 0..=sample % 2 {
                counter.observe(1.0);
            }
            for _ in 0..maker.rng.below(20) {
                let value = latency(maker);
                counter.observe(value);
            }
            let histogram = counter.histogram(factor);
            Some(Err(Histogram { hint: ResetHint::Gauge, ..histogram }))
        });
    }
    let mut counter = restarted(maker, Counter::new(0));
    maker.native(&[("__name__", "native_float")], |maker, _, _| {
        for _ in 0..4 {
            let value = latency(maker);
            counter.observe(value);
        }
        Some(Err(counter.histogram(0.25)))
    });
}

fn custom_bounds(maker: &mut Maker) {
    let same: &[f64] = &[0.1, 0.5, 1.0, 5.0];
    for (job, bounds) in [("a", same), ("b", same), ("c", &[-1.0, 0.25, 1.0, 3.0][..])] {
        let mut counter = Counter::custom(bounds);
        maker.native(&[("__name__", "native_custom"), ("job", job)], |maker, sample, _| {
            if sample == 0 || sample == 150 {
                counter = restarted(maker, Counter::custom(bounds));
            }
            for _ in 0..4 {
                let value = latency(maker);
                counter.observe(value - 0.5);
            }
            Some(Err(counter.histogram(1.0)))
        });
    }
}

/// Kinds take turns of ten minutes.
fn mixtures(maker: &mut Maker) {
    let mut counter = restarted(maker, Counter::new(3));
    maker.native(&[("__name__", "native_mixed")], |maker, sample, minute| {
        let value = latency(maker);
        counter.observe(value);
        match minute / 10 % 2 {
            0 => Some(Ok(sample as f64)),
            _ => Some(Err(counter.histogram(1.0))),
        }
    });
}

/// Clients that run out of buckets make them wider, and the zero bucket too.
fn changes(maker: &mut Maker) {
    let mut last = Counter::new(2);
    last.zero_threshold = 0.25;
    let mut wide = [Counter::new(4), Counter::new(2), last].map(|c| restarted(maker, c));
    maker.native(&[("__name__", "native_change")], |maker, _, minute| {
        let value = latency(maker);
        wide.iter_mut().for_each(|counter| counter.observe(value));
        Some(Err(wide[(minute / 40).clamp(0, 2) as usize].histogram(1.0)))
    });
}
