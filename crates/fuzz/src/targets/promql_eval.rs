//! PromQL evaluated within a small budget: it ends, with a value or an error, holds no more memory
//! than the budget says, and gives all of it back.

use eval::promql::{
    EvalError, Labels, Limits, Options, Range, Samples, Selection, SeriesReader, SeriesSet, Source,
    evaluate,
};
use lang::promql::parse;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

const BYTES_MAX: u64 = 1 << 20;
const LOOKS_MAX: u32 = 100;

/// Counters, a gauge with gaps, and the buckets of a histogram.
struct Few(Vec<(Labels, Samples)>);

impl Few {
    fn new() -> Self {
        let every = |seconds: i64, value: fn(i64) -> f64| {
            (0..40).map(move |n| (n * seconds * 1000, value(n))).collect::<Samples>()
        };
        let series = [
            (vec![("__name__", "up"), ("a", "1")], every(15, |n| (n % 7) as f64)),
            (vec![("__name__", "up"), ("a", "2")], every(10, |n| n as f64)),
            (vec![("__name__", "up"), ("b", "x y")], every(60, |n| 1.0 / (n - 3) as f64)),
            (vec![("__name__", "h"), ("le", "1")], every(15, |n| n as f64)),
            (vec![("__name__", "h"), ("le", "+Inf")], every(15, |n| 2.0 * n as f64)),
            (vec![("__name__", "target_info"), ("job", "j")], every(30, |_| 1.0)),
        ];
        Self(series.map(|(labels, samples)| (Labels::new(labels), samples)).into())
    }
}

impl Source for Few {
    fn select<'s>(
        &'s self,
        selection: &Selection<'_>,
    ) -> Result<Box<dyn SeriesSet + 's>, EvalError> {
        let Selection { matchers, after_ms, last_ms, .. } = *selection;
        let matches = |labels: &Labels| matchers.iter().all(|m| m.matches(labels.get(&m.name)));
        let series = self.0.iter().filter(|(labels, _)| matches(labels)).collect();
        Ok(Box::new(Found { series, after_ms, last_ms }))
    }
}

struct Found<'f> {
    series: Vec<&'f (Labels, Samples)>,
    after_ms: i64,
    last_ms: i64,
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

    fn read(&mut self, at: usize, into: &mut Samples) -> Result<(), EvalError> {
        into.clear();
        let samples = &self.series[at].1;
        for (time, value) in samples.times.iter().zip(&samples.values) {
            if self.after_ms < *time && *time <= self.last_ms {
                into.push(*time, *value);
            }
        }
        Ok(())
    }
}

#[derive(Default)]
struct Budget {
    bytes: AtomicU64,
    looks: AtomicU32,
}

impl Limits for Budget {
    fn check(&self) -> Result<(), EvalError> {
        self.looks.store(self.looks.load(Relaxed) + 1, Relaxed);
        if self.looks.load(Relaxed) > LOOKS_MAX { Err(EvalError::Timeout) } else { Ok(()) }
    }

    fn read(&self, _samples: u64) -> Result<(), EvalError> {
        Ok(())
    }

    fn take(&self, bytes: u64) -> Result<(), EvalError> {
        let taken = self.bytes.load(Relaxed).saturating_add(bytes);
        if taken > BYTES_MAX {
            return Err(EvalError::TooMuch("memory".to_owned()));
        }
        self.bytes.store(taken, Relaxed);
        Ok(())
    }

    fn give_back(&self, bytes: u64) {
        let left = self.bytes.load(Relaxed).checked_sub(bytes);
        self.bytes.store(left.expect("no more is given back than was taken"), Relaxed);
    }
}

/// An expression at a moment and over a range.
pub(super) fn evaluated(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Ok(expr) = parse(text) else { return };
    let few = Few::new();
    let over = Range { start_ms: 0, end_ms: 600_000, step_ms: 60_000 };
    for range in [Range::instant(300_000), over] {
        let budget = Budget::default();
        if let Err(error) = evaluate(&expr, &few, range, &Options::default(), &budget) {
            assert!(!error.to_string().is_empty());
        }
        assert_eq!(budget.bytes.load(Relaxed), 0, "all is given back");
    }
}
