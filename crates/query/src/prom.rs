//! PromQL: an expression over the store's series.

use crate::rolled::{self, WithRolled};
use crate::view::{KeyLabels, View, store_matchers};
use crate::{LocalRunner, QueryError};
use eval::promql::{
    Annotations, EvalError, Grouping, Labels, Limits, Options, Range, Samples, Selection,
    SeriesReader, SeriesSet, SetGroups, Source, Value, evaluate,
};
use lang::promql::Expr;
use metric_store::{
    Columns, MetricStore, Points, ReadBudget, ReadError, Scan, ScanGroups, ScanReader, Wanted,
};
use model::{TenantId, TimeRange};
use std::cell::Cell;
use std::num::NonZero;
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
    /// The answer may come from an earlier one, and may be kept for later ones.
    pub keep: bool,
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
    /// Evaluates an expression over the series of a tenant, or of nobody; of what was asked before only
    /// what is new.
    pub(crate) fn evaluate(
        &self,
        tenant: Option<TenantId>,
        question: &PromQuestion<'_>,
        budget: &ReadBudget,
    ) -> Result<PromAnswer, QueryError> {
        let tenant = tenant.unwrap_or(TenantId::NOBODY);
        let answer = self.results.answer(&self.store, tenant, question, |range| {
            self.evaluate_range(tenant, &PromQuestion { range, ..*question }, budget)
        })?;
        // What the evaluation took is given back with it; the answer stays.
        budget.take(bytes_of(&answer.value))?;
        Ok(answer)
    }

    fn evaluate_range(
        &self,
        tenant: TenantId,
        question: &PromQuestion<'_>,
        budget: &ReadBudget,
    ) -> Result<PromAnswer, QueryError> {
        let source = StoreSource { store: &self.store, tenant, budget, gone_ms: Cell::new(None) };
        let limits = BudgetLimits { budget, samples: AtomicU64::new(0) };
        let PromQuestion { expr, range, options, .. } = question;
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
        let options = Options { threads, ..*options };
        let (value, mut annotations) = evaluate(expr, &source, *range, &options, &limits)?;
        if let Some(gone_ms) = source.gone_ms.get() {
            annotations.inform_of_data(expr.span, rolled::told(gone_ms));
        }
        Ok(PromAnswer { value, annotations, samples: limits.samples.into_inner() })
    }
}

/// Returns what an answer takes, but for its labels.
pub(crate) fn bytes_of(value: &Value) -> u64 {
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
pub(crate) fn carried(error: impl Into<QueryError>) -> EvalError {
    EvalError::Source(Box::new(error.into()))
}

/// The question's budget, as an evaluation asks for it.
struct BudgetLimits<'a> {
    budget: &'a ReadBudget,
    samples: AtomicU64,
}

impl Limits for BudgetLimits<'_> {
    fn check(&self) -> Result<(), EvalError> {
        self.budget.check_time().map_err(carried)
    }

    fn read(&self, samples: u64) -> Result<(), EvalError> {
        let before = self.samples.fetch_add(samples, Ordering::Relaxed);
        let (found, max) = (before + samples, self.budget.limits().points_max);
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
    /// Or nobody, who has no series.
    tenant: TenantId,
    budget: &'a ReadBudget,
    /// Roll-ups answered for what is before this moment.
    gone_ms: Cell<Option<i64>>,
}

impl Source for StoreSource<'_> {
    fn select<'s>(
        &'s self,
        selection: &Selection<'_>,
    ) -> Result<Box<dyn SeriesSet + 's>, EvalError> {
        let view = View::of(selection.matchers).map_err(carried)?;
        let budget = self.budget;
        let range = TimeRange {
            start_ms: selection.after_ms.saturating_add(1),
            end_ms: selection.last_ms.saturating_add(1),
        };
        let wanted = if selection.newest { Wanted::Newest } else { Wanted::All };
        let matchers = store_matchers(selection.matchers);
        let scan =
            self.store.scan(self.tenant, &matchers, range, wanted, budget).map_err(carried)?;
        let found = Found { budget, view, scan, histograms: AtomicU64::new(0) };
        // The day from which raw points are there, whichever of those before it is asked for.
        let onwards = TimeRange { end_ms: i64::MAX, ..range };
        let gone_ms = match self.store.raw_gone_before(range) {
            Some(_) => self.store.raw_gone_before(onwards).unwrap_or(range.end_ms),
            None => return Ok(Box::new(found)),
        };
        let (whose, when) = ((self.tenant, &*matchers), (range, gone_ms));
        let all = WithRolled::read(self.store, whose, when, (found, view), budget)?;
        if all.has_rolled() {
            self.gone_ms.set(self.gone_ms.get().max(Some(gone_ms)));
        }
        Ok(Box::new(all))
    }
}

/// Series of the store. One identity may have been written as floats, as deltas and as histograms, and
/// is one series to PromQL; of one time that of the first kind counts.
pub(crate) struct Found<'a> {
    budget: &'a ReadBudget,
    view: View,
    scan: Scan<'a>,
    /// What the largest series of histograms takes: it is held until the next is read.
    histograms: AtomicU64,
}

impl Found<'_> {
    /// Returns what reads the keys of its series.
    pub(crate) fn keys(&self) -> ScanReader<'_> {
        self.scan.reader()
    }
}

impl SeriesSet for Found<'_> {
    fn len(&self) -> usize {
        self.scan.len()
    }

    fn reader(&self) -> Box<dyn SeriesReader + '_> {
        Box::new(FoundReader { of: self, reader: self.scan.reader(), columns: Columns::default() })
    }

    fn groups(&self, labels: &[String]) -> Result<Option<SetGroups>, EvalError> {
        if self.scan.len() < GROUPED_MIN {
            return Ok(None);
        }
        let Some(ScanGroups { of, values }) = self.scan.groups(labels).map_err(carried)? else {
            return Ok(None);
        };
        let mut all = Vec::with_capacity(values.len());
        for values in values {
            let pairs = labels.iter().zip(&values);
            let pairs =
                pairs.filter_map(|(label, value)| Some((label.as_str(), value.as_deref()?)));
            let group = Labels::from_sorted(pairs);
            // Where it is listed, and where it is looked up.
            self.budget.take(2 * group.bytes() as u64 + GROUP_BYTES).map_err(carried)?;
            all.push(group);
        }
        Ok(Some(SetGroups { of, labels: all }))
    }

    fn have_one_name(&self) -> Result<bool, EvalError> {
        if self.scan.has_one_name() {
            return Ok(true);
        }
        let mut reader = self.scan.reader();
        let mut first: Option<Vec<u8>> = None;
        for at in 0..self.scan.len() {
            let key = reader.key(at).map_err(carried)?;
            let own = KeyLabels::of(key).map_or(&[][..], |labels| labels.front);
            match &first {
                None => first = Some(own.to_vec()),
                Some(first) if first == own => {}
                Some(_) => return Ok(false),
            }
            if at.is_multiple_of(SERIES_BETWEEN_CHECKS) {
                self.budget.check_time().map_err(carried)?;
            }
        }
        Ok(true)
    }
}

/// Fewer series are grouped one by one, as they are read.
const GROUPED_MIN: usize = 256;
/// What a group takes beside its labels.
const GROUP_BYTES: u64 = 64;
/// How many keys are looked at between two looks at the time.
const SERIES_BETWEEN_CHECKS: usize = 1_024;

struct FoundReader<'f> {
    of: &'f Found<'f>,
    reader: ScanReader<'f>,
    columns: Columns,
}

impl FoundReader<'_> {
    /// Pays for histograms that stay in the buffer, and may stay in columns for the whole question.
    fn take_histograms(&self, bytes: u64) -> Result<(), EvalError> {
        let held = self.of.histograms.fetch_max(bytes, Ordering::Relaxed);
        self.of.budget.take(bytes.saturating_sub(held)).map_err(carried)
    }

    /// Puts points of several kinds, or that are no plain numbers, together.
    fn gather(&mut self, into: &mut Samples) -> Result<(), EvalError> {
        for points in std::mem::take(&mut self.columns.others) {
            if let Points::Histograms(histograms) = points {
                let bytes = histograms.iter().map(|(_, h)| h.bytes() as u64 + POINT_BYTES).sum();
                self.take_histograms(bytes)?;
                into.histograms.extend(histograms);
                continue;
            }
            let floats = into.times.len();
            self.of.view.samples(points).into_iter().for_each(|(at, v)| into.push(at, v));
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

impl SeriesReader for FoundReader<'_> {
    fn labels(&mut self, at: usize) -> Result<Labels, EvalError> {
        let key = self.reader.key(at).map_err(carried)?;
        Ok(KeyLabels::of(key).map_or_else(Labels::empty, |own| Labels::from_sorted(own.pairs())))
    }

    fn group(&mut self, at: usize, grouping: &Grouping, key: &mut String) -> Result<(), EvalError> {
        let own = self.reader.key(at).map_err(carried)?;
        grouping.key_from(KeyLabels::of(own).into_iter().flat_map(KeyLabels::pairs), key);
        Ok(())
    }

    fn read(&mut self, at: usize, into: &mut Samples) -> Result<(), EvalError> {
        // The buffers go round: what was read last time is room for what is read now.
        std::mem::swap(&mut self.columns.times, &mut into.times);
        std::mem::swap(&mut self.columns.values, &mut into.values);
        into.histograms.clear();
        self.reader.read(at, &mut self.columns).map_err(carried)?;
        std::mem::swap(&mut self.columns.times, &mut into.times);
        std::mem::swap(&mut self.columns.values, &mut into.values);
        if self.columns.are_deltas && self.of.view == View::SampleCount {
            into.values.fill(1.0);
        }
        if self.columns.others.is_empty() { Ok(()) } else { self.gather(into) }
    }
}
