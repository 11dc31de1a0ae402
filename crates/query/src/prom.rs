//! PromQL: an expression over the store's series.

use crate::view::{View, labels_of, store_matchers};
use crate::{LocalRunner, QueryError};
use eval::promql::{
    Annotations, EvalError, Labels, Limits, Options, Range, Samples, Selection, SeriesSet, Source,
    Value, evaluate,
};
use lang::promql::Expr;
use metric_store::{MetricStore, Points, ReadBudget, ReadError, Series};
use model::{Kind, TenantId, TimeRange};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

/// What is asked in PromQL.
#[derive(Debug, Clone, Copy)]
pub struct PromQuestion<'a> {
    /// The expression.
    pub expr: &'a Expr,
    /// When it is evaluated.
    pub range: Range,
    /// What it takes for granted.
    pub options: Options,
}

/// What a question in PromQL is answered.
#[derive(Debug, Clone)]
pub struct PromAnswer {
    /// The value.
    pub value: Value,
    /// What is said beside it.
    pub annotations: Annotations,
    /// Samples that were read for it.
    pub samples: u64,
}

/// A decoded sample in memory.
const POINT_BYTES: u64 = size_of::<(i64, f64)>() as u64;
/// A series of an answer in memory, beside its samples and labels.
const SERIES_BYTES: u64 = 64;

impl LocalRunner {
    /// Evaluates an expression over the series of a tenant, or of nobody.
    pub(crate) fn evaluate(
        &self,
        tenant: Option<TenantId>,
        question: &PromQuestion<'_>,
        budget: &ReadBudget,
    ) -> Result<PromAnswer, QueryError> {
        let source = StoreSource { store: &self.store, tenant, budget };
        let limits = BudgetLimits { budget, samples: Cell::new(0) };
        let PromQuestion { expr, range, options } = question;
        let (value, annotations) = evaluate(expr, &source, *range, options, &limits)?;
        // What the evaluation took is given back with it; the answer stays.
        budget.take(bytes_of(&value))?;
        Ok(PromAnswer { value, annotations, samples: limits.samples.get() })
    }
}

fn bytes_of(value: &Value) -> u64 {
    let (Value::Vector(series) | Value::Matrix(series)) = value else { return 0 };
    let histograms = |s: &eval::promql::Series| -> u64 {
        s.histograms.iter().map(|(_, histogram)| histogram.bytes() as u64).sum()
    };
    let bytes = |s: &eval::promql::Series| s.points.len() as u64 * POINT_BYTES + histograms(s);
    series.iter().map(|series| SERIES_BYTES + bytes(series)).sum()
}

impl From<EvalError> for QueryError {
    fn from(error: EvalError) -> Self {
        match error {
            EvalError::Source(source) => match source.downcast::<QueryError>() {
                Ok(own) => *own,
                Err(other) => Self::Execution(other.to_string()),
            },
            EvalError::Refused(why) => Self::Bad(why),
            other => Self::Execution(other.to_string()),
        }
    }
}

/// Carries an error of ours through an evaluation.
fn carried(error: impl Into<QueryError>) -> EvalError {
    EvalError::Source(Box::new(error.into()))
}

/// The question's budget, as an evaluation asks for it.
struct BudgetLimits<'a> {
    budget: &'a ReadBudget,
    samples: Cell<u64>,
}

impl Limits for BudgetLimits<'_> {
    fn check(&self) -> Result<(), EvalError> {
        self.budget.check_time().map_err(carried)
    }

    fn read(&self, samples: u64) -> Result<(), EvalError> {
        let (found, max) = (self.samples.get() + samples, self.budget.limits().points_max);
        self.samples.set(found);
        if found > max {
            return Err(carried(ReadError::TooManyPoints { found, max }));
        }
        Ok(())
    }

    fn take(&self, bytes: u64) -> Result<(), EvalError> {
        self.budget.take(bytes).map_err(carried)
    }

    fn give_back(&self, bytes: u64) {
        self.budget.give(bytes);
    }
}

struct StoreSource<'a> {
    store: &'a MetricStore,
    tenant: Option<TenantId>,
    budget: &'a ReadBudget,
}

impl Source for StoreSource<'_> {
    fn select<'s>(
        &'s self,
        selection: &Selection<'_>,
    ) -> Result<Box<dyn SeriesSet + 's>, EvalError> {
        let view = View::of(selection.matchers).map_err(carried)?;
        let budget = self.budget;
        let mut found = Found { budget, view, series: Vec::new(), histograms: AtomicU64::new(0) };
        let Some(tenant) = self.tenant else { return Ok(Box::new(found)) };
        let range = TimeRange {
            start_ms: selection.after_ms.saturating_add(1),
            end_ms: selection.last_ms.saturating_add(1),
        };
        let matchers = store_matchers(selection.matchers);
        let series = self.store.select(tenant, &matchers, range, self.budget).map_err(carried)?;
        let label = |series: Series| {
            let pairs = labels_of(&series.key);
            (Labels::from_sorted(pairs.iter().map(|(name, value)| (*name, *value))), series)
        };
        found.series = series.into_iter().map(label).collect();
        found.series.sort_by(|a, b| (&a.0, a.1.kind).cmp(&(&b.0, b.1.kind)));
        Ok(Box::new(Merged::of(found)))
    }
}

/// Series of the store with their labels, sorted by them.
struct Found<'a> {
    budget: &'a ReadBudget,
    view: View,
    series: Vec<(Labels, Series)>,
    /// What the largest series of histograms takes: it is held until the next is read.
    histograms: AtomicU64,
}

impl Found<'_> {
    fn read_into(&self, at: usize, into: &mut Samples) -> Result<(), EvalError> {
        let series = &self.series[at].1;
        // Given back at once: the samples are held once more, in a buffer that is used again.
        let bytes = series.decoded_bytes();
        if series.kind == Kind::Histogram {
            self.take_histograms(bytes)?;
        }
        self.budget.take(bytes).map_err(carried)?;
        let points = series.points().map_err(carried)?;
        match points {
            Points::Histograms(histograms) => into.histograms.extend(histograms),
            points => self.view.samples(points).into_iter().for_each(|(at, v)| into.push(at, v)),
        }
        self.budget.give(bytes);
        Ok(())
    }
}

impl Found<'_> {
    /// Pays for histograms that stay in the buffer, and may stay in columns for the whole question.
    fn take_histograms(&self, bytes: u64) -> Result<(), EvalError> {
        let held = self.histograms.fetch_max(bytes, Ordering::Relaxed);
        self.budget.take(bytes.saturating_sub(held)).map_err(carried)
    }
}

impl SeriesSet for Found<'_> {
    fn len(&self) -> usize {
        self.series.len()
    }

    fn labels(&self, at: usize) -> Labels {
        self.series[at].0.clone()
    }

    fn read(&self, at: usize, into: &mut Samples) -> Result<(), EvalError> {
        into.clear();
        self.read_into(at, into)
    }
}

/// Series of which some have values of several kinds: one identity was written as floats, as deltas
/// and as histograms, and is one series to PromQL. Of one time that of the first kind counts.
struct Merged<'a> {
    found: Found<'a>,
    /// The first of each.
    firsts: Vec<usize>,
}

impl<'a> Merged<'a> {
    fn of(found: Found<'a>) -> Self {
        let series = &found.series;
        let first = |at: &usize| *at == 0 || series[*at].0 != series[*at - 1].0;
        let firsts = (0..series.len()).filter(first).collect();
        Self { found, firsts }
    }
}

impl SeriesSet for Merged<'_> {
    fn len(&self) -> usize {
        self.firsts.len()
    }

    fn labels(&self, at: usize) -> Labels {
        self.found.labels(self.firsts[at])
    }

    fn read(&self, at: usize, into: &mut Samples) -> Result<(), EvalError> {
        let first = self.firsts[at];
        let end = self.firsts.get(at + 1).copied().unwrap_or(self.found.len());
        self.found.read(first, into)?;
        for other in first + 1..end {
            let floats = into.times.len();
            self.found.read_into(other, into)?;
            if into.times.len() > floats && floats > 0 {
                let mut all: Vec<(i64, f64)> =
                    into.times.iter().copied().zip(into.values.iter().copied()).collect();
                // Stable: of two values at one time that of the first kind counts.
                all.sort_by_key(|point| point.0);
                all.dedup_by_key(|point| point.0);
                (into.times, into.values) = all.into_iter().unzip();
            }
        }
        let Samples { times, histograms, .. } = into;
        if !times.is_empty() {
            histograms.retain(|(at, _)| times.binary_search(at).is_err());
        }
        Ok(())
    }
}
