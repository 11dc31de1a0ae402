//! Leaves: selectors and subqueries become columns.

use super::evaluate::{Evaluator, Sink, samples_of};
use super::ledger::Ledger;
use super::name::{Name, Names};
use super::source::{Limits, Selection, SeriesReader, SeriesSet};
use super::spread::{self, Stop};
use super::value::Series;
use super::window::{Boundary, Params, WindowFn, Windowing, after, instant_smoothed};
use super::window_notes::Names as Seen;
use super::{ABSENT, Cells, EvalError, Grid, Labels, Native, Samples, is_absent, merge, native};
use lang::promql::{Call, Ends, Expr, ExprKind, MatrixSelector, Subquery, VectorSelector};
use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;

/// What a sample takes, in values: its time and value, and what functions of ranges make of them.
const SAMPLE_COLUMNS: usize = 4;

/// How many series are read between two looks at the limits.
const SERIES_BETWEEN_CHECKS: usize = 64;

impl<'a> Evaluator<'a> {
    /// The latest sample of each series at each step.
    pub(super) fn stream_vector(
        &mut self,
        selector: &VectorSelector,
        grid: Grid,
        wants: Wants,
        sink: &mut Sink<'_>,
    ) -> Result<(), EvalError> {
        let lookback_ms = self.options.lookback_ms;
        let ends = self.moved(grid, selector.at, selector.offset_ms);
        let smoothed = selector.ends == Ends::Smoothed;
        let beyond = if smoothed { lookback_ms } else { 0 };
        let newest = grid.count == 1 && !smoothed;
        let set = self.select(selector, ends, Reach { before: lookback_ms, beyond, newest })?;
        let fill = |samples: &mut Samples, out: &mut [f64]| {
            if smoothed {
                samples.drop_stale();
                instant_smoothed(samples, ends, lookback_ms, out);
            } else {
                fill_latest(samples, ends, lookback_ms, out, |at| samples.values[at]);
            }
            Ok(())
        };
        let of_histograms = |samples: &mut Samples, name: Name<'_>, sink: &mut Sink<'_>| {
            let mut column = super::Column::new(Labels::empty(), merge::nothing(grid.count));
            fill(samples, &mut column.values)?;
            if !smoothed {
                correct_latest(samples, ends, lookback_ms, |step, histogram, _| {
                    column.values[step] = ABSENT;
                    column.set_histogram(step, histogram.cloned());
                });
            }
            sink(name, column.cells())
        };
        self.columns(&*set, grid.count, wants, &fill, of_histograms, sink)
    }

    /// The times of the latest samples, in seconds.
    pub(super) fn stream_timestamps(
        &mut self,
        selector: &VectorSelector,
        grid: Grid,
        sink: &mut Sink<'_>,
    ) -> Result<(), EvalError> {
        let lookback_ms = self.options.lookback_ms;
        let ends = self.moved(grid, selector.at, selector.offset_ms);
        let newest = grid.count == 1;
        let set = self.select(selector, ends, Reach { before: lookback_ms, beyond: 0, newest })?;
        let fill = |samples: &mut Samples, out: &mut [f64]| {
            let seconds = |at: usize| samples.times[at] as f64 / 1000.0;
            fill_latest(samples, ends, lookback_ms, out, seconds);
            Ok(())
        };
        let of_histograms = |samples: &mut Samples, name: Name<'_>, sink: &mut Sink<'_>| {
            let mut out = merge::nothing(grid.count);
            fill(samples, &mut out)?;
            correct_latest(samples, ends, lookback_ms, |step, histogram, at| {
                out[step] = if histogram.is_some() { at as f64 / 1000.0 } else { ABSENT };
            });
            sink(name, Cells::floats(&out))
        };
        self.columns(&*set, grid.count, Wants::Cells, &fill, of_histograms, sink)
    }

    /// A function of each series' windows.
    pub(super) fn stream_window(
        &mut self,
        function: WindowFn,
        call: &Call,
        grid: Grid,
        sink: &mut Sink<'_>,
    ) -> Result<(), EvalError> {
        let scalars =
            |is_range: &Expr| !matches!(is_range.value_type(), lang::promql::ValueType::Matrix);
        let mut params = Vec::new();
        for arg in call.args.iter().filter(|arg| scalars(arg)) {
            params.push(self.scalar(arg, grid)?);
        }
        let param = |n: usize| params.get(n).map_or(&[][..], Vec::as_slice);
        let params = Params { first: param(0), second: param(1) };
        let Some(arg) = call.args.iter().find(|arg| !scalars(arg)) else {
            return Err(EvalError::execution("a range vector was expected"));
        };
        let windowing =
            |ends, range_ms| Windowing { function, ends, steps: grid, range_ms, params };
        let mut names = Seen::new(function);
        let result = match &arg.inner().kind {
            ExprKind::Matrix(matrix) => {
                let ends = self.moved(grid, matrix.vector.at, matrix.vector.offset_ms);
                self.stream_matrix(matrix, &windowing(ends, matrix.range_ms), &mut names, sink)
            }
            ExprKind::Subquery(subquery) => {
                let ends = self.moved(grid, subquery.at, subquery.offset_ms);
                let windowing = windowing(ends, subquery.range_ms);
                self.stream_subquery(subquery, &windowing, &mut names, sink)
            }
            _ => Err(EvalError::execution("a range vector was expected")),
        };
        names.note(self, call, arg, params);
        result
    }

    fn stream_matrix(
        &mut self,
        matrix: &MatrixSelector,
        windowing: &Windowing<'_>,
        names: &mut Seen,
        sink: &mut Sink<'_>,
    ) -> Result<(), EvalError> {
        let lookback_ms = self.options.lookback_ms;
        let boundary = match matrix.vector.ends {
            Ends::Plain => None,
            Ends::Anchored => Some(Boundary::Anchored),
            Ends::Smoothed => Some(Boundary::Smoothed),
        };
        let before = if boundary.is_some() { lookback_ms } else { 0 };
        let beyond = if boundary == Some(Boundary::Smoothed) { lookback_ms } else { 0 };
        let before = matrix.range_ms.saturating_add(before);
        let reach = Reach { before, beyond, newest: false };
        let set = self.select(&matrix.vector, windowing.ends, reach)?;
        let keeps_name = windowing.function.keeps_name();
        let one_name = set.have_one_name()?;
        if !set.is_empty() {
            check_smoothing(windowing)?;
        }
        let ledger = Rc::clone(&self.ledger);
        let ledger = &*ledger;
        let fill = |samples: &mut Samples, out: &mut [f64]| {
            samples.drop_stale();
            for part in windowing.parts(samples, boundary.is_some()) {
                ledger.visit(part.visits)?;
                let out = &mut out[part.steps.clone()];
                match boundary {
                    None => part.windowing.fill(samples, out),
                    Some(boundary) => {
                        part.windowing.fill_bounded(samples, boundary, lookback_ms, out);
                    }
                }
            }
            Ok(())
        };
        let names = RefCell::new(names);
        let of_histograms = |samples: &mut Samples, name: Name<'_>, sink: &mut Sink<'_>| {
            let mut out = merge::nothing(windowing.steps.count);
            if boundary.is_some() {
                fill(samples, &mut out)?;
                return sink(name, Cells::floats(&out));
            }
            samples.drop_stale();
            let mut natives = vec![None; out.len()];
            let taken = fill_natives(windowing, samples, &mut out, &mut natives, ledger, |mix| {
                names.borrow_mut().see_mixture(&name.labels()?, mix);
                Ok(())
            })?;
            // Whoever is given them takes them.
            ledger.give(taken);
            sink(name, Cells { values: &out, histograms: &natives })
        };
        let mut gather = Gather::new(keeps_name, keeps_name || one_name, ledger, sink);
        let mut seen = false;
        let mut see = |name: Name<'_>, cells: Cells<'_>| {
            if !(seen && one_name) {
                // Of one name there is nothing more to learn once a series had a value.
                seen = names.borrow_mut().see(name, cells.values)?;
            }
            gather.add(name, cells)
        };
        let steps = windowing.steps.count;
        self.columns(&*set, steps, Wants::Cells, &fill, of_histograms, &mut see)?;
        gather.finish()
    }

    fn stream_subquery(
        &mut self,
        subquery: &Subquery,
        windowing: &Windowing<'_>,
        names: &mut Seen,
        sink: &mut Sink<'_>,
    ) -> Result<(), EvalError> {
        let inner = self.subquery_grid(subquery, windowing.ends)?;
        let columns = self.vector(&subquery.expr, inner)?;
        // The samples of one series, and what a function makes of them.
        let natives = columns.iter().map(|column| column.histograms.len()).max().unwrap_or(0);
        self.ledger.take_columns(SAMPLE_COLUMNS, inner.count + natives)?;
        let keeps_name = windowing.function.keeps_name();
        let distinct = keeps_name || merge::same_name(columns.iter().map(|c| c.labels.clone()));
        let mut out = merge::nothing(windowing.steps.count);
        if !columns.is_empty() {
            check_smoothing(windowing)?;
        }
        let ledger = Rc::clone(&self.ledger);
        let mut gather = Gather::new(keeps_name, distinct, &ledger, sink);
        for column in columns {
            ledger.visit(inner.count)?;
            let samples = samples_of(&column, inner);
            let name = Name::known(&column.labels);
            let mut natives = Vec::new();
            if samples.histograms.is_empty() {
                for part in windowing.parts(&samples, false) {
                    ledger.visit(part.visits)?;
                    part.windowing.fill(&samples, &mut out[part.steps.clone()]);
                }
            } else {
                natives.resize(out.len(), None);
                let (out, natives) = (&mut out, &mut natives);
                let taken = fill_natives(windowing, &samples, out, natives, &ledger, |mix| {
                    names.see_mixture(&column.labels, mix);
                    Ok(())
                })?;
                // Whoever is given them takes them.
                ledger.give(taken);
            }
            names.see(name, &out)?;
            gather.add(name, Cells { values: &out, histograms: &natives })?;
        }
        gather.finish()
    }

    /// The steps at which a subquery's expression is evaluated: multiples of its step inside the
    /// windows that end at `ends`.
    ///
    /// # Errors
    /// When they are too many, alone or with those of the expression's other subqueries.
    pub(super) fn subquery_grid(&self, subquery: &Subquery, ends: Grid) -> Result<Grid, EvalError> {
        let step_ms = subquery.step_ms.unwrap_or(self.options.subquery_step_ms).max(1);
        let after_ms = ends.start_ms.saturating_sub(subquery.range_ms);
        let start_ms = (after_ms.div_euclid(step_ms)).saturating_add(1).saturating_mul(step_ms);
        let steps = ends.end_ms().saturating_sub(start_ms).div_euclid(step_ms).saturating_add(1);
        let steps = u64::try_from(steps).unwrap_or(0);
        self.ledger.visit_subquery(steps)?;
        let count = usize::try_from(steps).unwrap_or(0);
        Ok(Grid { start_ms, step_ms, count })
    }

    /// The samples of a range at one moment.
    pub(super) fn matrix(&mut self, expr: &Expr, grid: Grid) -> Result<Vec<Series>, EvalError> {
        let ledger = Rc::clone(&self.ledger);
        let mut all = Vec::new();
        match &expr.kind {
            ExprKind::Matrix(matrix) => {
                let ends = self.moved(grid, matrix.vector.at, matrix.vector.offset_ms);
                let set = self.select_range(matrix, ends)?;
                self.each(&*set, |name, samples| {
                    samples.drop_stale();
                    if !samples.is_empty() {
                        ledger.take(samples.len() * size_of::<(i64, f64)>())?;
                        let points = samples.times.iter().copied();
                        let points = points.zip(samples.values.iter().copied()).collect();
                        let histograms = samples.histograms.clone();
                        all.push(Series { labels: name.labels()?, points, histograms });
                    }
                    Ok(())
                })?;
            }
            ExprKind::Subquery(subquery) => {
                let ends = self.moved(grid, subquery.at, subquery.offset_ms);
                let inner = self.subquery_grid(subquery, ends)?;
                for column in self.vector(&subquery.expr, inner)? {
                    // Times and values twice: as samples, and as points.
                    ledger.take_columns(4, inner.count)?;
                    let samples = samples_of(&column, inner);
                    let points = samples.times.into_iter().zip(samples.values).collect();
                    let histograms = samples.histograms;
                    all.push(Series { labels: column.labels, points, histograms });
                }
            }
            _ => return Err(EvalError::execution("a range vector was expected")),
        }
        all.sort_unstable_by(|a, b| a.labels.cmp(&b.labels));
        Ok(all)
    }

    /// Finds the series that a range selector sees.
    pub(super) fn select_range(
        &mut self,
        matrix: &MatrixSelector,
        ends: Grid,
    ) -> Result<Box<dyn SeriesSet + 'a>, EvalError> {
        let reach = Reach { before: matrix.range_ms, beyond: 0, newest: false };
        self.select(&matrix.vector, ends, reach)
    }

    /// Finds the series that windows which end at `ends` see.
    fn select(
        &mut self,
        selector: &VectorSelector,
        ends: Grid,
        reach: Reach,
    ) -> Result<Box<dyn SeriesSet + 'a>, EvalError> {
        self.limits.check()?;
        self.source.select(&Selection {
            matchers: &selector.matchers,
            after_ms: ends.start_ms.saturating_sub(reach.before),
            last_ms: ends.end_ms().saturating_add(reach.beyond),
            newest: reach.newest,
        })
    }

    /// Reads series after series.
    pub(super) fn each(
        &mut self,
        set: &dyn SeriesSet,
        mut visit: impl FnMut(Name<'_>, &mut Samples) -> Result<(), EvalError>,
    ) -> Result<(), EvalError> {
        let names = Names::new(set);
        let mut reader = Reading::new(set.reader(), &self.ledger, self.limits);
        for at in 0..set.len() {
            visit(Name::of(&names, at), reader.read(at)?)?;
        }
        reader.settle()
    }

    /// Makes a column of each series, on as many threads as there are, and gives them on in order;
    /// those without any value are left out. Series with histograms go to `of_histograms` instead.
    fn columns(
        &mut self,
        set: &dyn SeriesSet,
        steps: usize,
        wants: Wants,
        fill: &Fill<'_>,
        of_histograms: impl Fn(&mut Samples, Name<'_>, &mut Sink<'_>) -> Result<(), EvalError>,
        sink: &mut Sink<'_>,
    ) -> Result<(), EvalError> {
        let (limits, ledger) = (self.limits, Rc::clone(&self.ledger));
        let ledger = &*ledger;
        // To start a thread takes as long as some tens of series.
        let threads = self.options.threads.min(set.len() / SERIES_PER_THREAD_MIN).max(1);
        let most = SERIES_AT_ONCE.min(set.len().div_ceil(4 * threads)).max(1);
        let series = (CELLS_AT_ONCE / steps.max(1)).clamp(1, most);
        let runs = set.len().div_ceil(series);
        // Each thread has a run in hand, and some wait for their turn.
        let held = if threads > 1 { threads + spread::WAITING_MAX } else { 1 };
        ledger.take_columns(held.min(runs), series * steps)?;
        let names = Names::new(set);
        let own = RefCell::new(Reading::new(set.reader(), ledger, limits));
        let with = || Reading::new(set.reader(), ledger, limits);
        let make = |reading: &mut Reading<'_>, number: usize, stop: &Stop| {
            let first = number * series;
            let series = first..(first + series).min(set.len());
            Run::fill(reading, series, steps, wants, fill, stop)
        };
        let give = |run: Run| {
            let first = run.first;
            names.set_made(first, run.labels);
            let (kinds, failed) = (run.kinds, run.failed);
            for ((at, kind), values) in (first..).zip(kinds).zip(run.values.chunks(steps.max(1))) {
                match kind {
                    Filled::Nothing => {}
                    Filled::Values => sink(Name::of(&names, at), Cells::floats(values))?,
                    Filled::Histograms => {
                        let mut own = own.borrow_mut();
                        of_histograms(own.read_again(at)?, Name::of(&names, at), sink)?;
                    }
                }
            }
            failed.map_or(Ok(()), Err)
        };
        spread::in_order(threads, runs, with, make, give, || limits.check())
    }
}

/// Makes a column of the samples of a series.
type Fill<'f> = dyn Fn(&mut Samples, &mut [f64]) -> Result<(), EvalError> + Sync + 'f;

/// What of each series is wanted for certain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wants {
    /// Its values; labels perhaps.
    Cells,
    /// Its labels too, if it has values.
    Labels,
}

/// How many values are made before they are given on.
const CELLS_AT_ONCE: usize = 1 << 15;
/// And of how many series, at most.
const SERIES_AT_ONCE: usize = 1_024;
/// Fewer series than these are not worth another thread.
const SERIES_PER_THREAD_MIN: usize = 32;

/// How far a selector sees from each step.
#[derive(Debug, Clone, Copy)]
struct Reach {
    before: i64,
    beyond: i64,
    /// It sees the newest sample only.
    newest: bool,
}

/// Series as one thread reads them.
struct Reading<'r> {
    reader: Box<dyn SeriesReader + 'r>,
    samples: Samples,
    longest: usize,
    ledger: &'r Ledger<'r>,
    limits: &'r dyn Limits,
    count: usize,
    /// Samples that were read and are not counted yet: all threads count in one place.
    uncounted: usize,
}

/// So many samples are counted at once, or fewer.
const UNCOUNTED_MAX: usize = 1 << 14;

impl<'r> Reading<'r> {
    fn new(
        reader: Box<dyn SeriesReader + 'r>,
        ledger: &'r Ledger<'r>,
        limits: &'r dyn Limits,
    ) -> Self {
        let samples = Samples::default();
        Self { reader, samples, longest: 0, ledger, limits, count: 0, uncounted: 0 }
    }

    fn read(&mut self, at: usize) -> Result<&mut Samples, EvalError> {
        if self.count.is_multiple_of(SERIES_BETWEEN_CHECKS) {
            self.limits.check()?;
        }
        self.count += 1;
        self.reader.read(at, &mut self.samples)?;
        self.uncounted += self.samples.len();
        if self.uncounted >= UNCOUNTED_MAX {
            self.settle()?;
        }
        self.pay()?;
        Ok(&mut self.samples)
    }

    /// Counts what was read.
    fn settle(&mut self) -> Result<(), EvalError> {
        let read = std::mem::take(&mut self.uncounted);
        self.ledger.visit(read)?;
        self.limits.read(read as u64)
    }

    /// Reads what another one has read and counted.
    fn read_again(&mut self, at: usize) -> Result<&mut Samples, EvalError> {
        self.reader.read(at, &mut self.samples)?;
        self.ledger.visit(self.samples.len())?;
        self.pay()?;
        Ok(&mut self.samples)
    }

    fn pay(&mut self) -> Result<(), EvalError> {
        let len = self.samples.len();
        if len > self.longest {
            self.ledger.take_columns(SAMPLE_COLUMNS, len - self.longest)?;
            self.longest = len;
        }
        Ok(())
    }
}

/// Columns of series that follow each other.
struct Run {
    first: usize,
    /// What was made of each; they end where something failed.
    kinds: Vec<Filled>,
    /// What each is called, where it is wanted.
    labels: Vec<Option<Labels>>,
    /// Step by step for each of them.
    values: Vec<f64>,
    failed: Option<EvalError>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Filled {
    Nothing,
    Values,
    /// There are histograms, which are looked at later.
    Histograms,
}

impl Run {
    fn fill(
        reading: &mut Reading<'_>,
        series: Range<usize>,
        steps: usize,
        wants: Wants,
        fill: &Fill<'_>,
        stop: &Stop,
    ) -> Self {
        let first = series.start;
        let mut values = vec![ABSENT; series.len() * steps];
        let mut kinds = Vec::with_capacity(series.len());
        let mut labels = Vec::new();
        let mut one = |reading: &mut Reading<'_>, at: usize| {
            let samples = reading.read(at)?;
            if !samples.histograms.is_empty() {
                return Ok(Filled::Histograms);
            }
            if samples.is_empty() {
                return Ok(Filled::Nothing);
            }
            let out = &mut values[(at - first) * steps..][..steps];
            fill(samples, out)?;
            let any = out.iter().any(|value| !is_absent(*value));
            Ok(if any { Filled::Values } else { Filled::Nothing })
        };
        let mut failed = None;
        for at in series {
            if stop.is_set() {
                break;
            }
            let filled = one(reading, at).and_then(|kind| {
                if wants == Wants::Labels {
                    let is_there = kind != Filled::Nothing;
                    labels.push(is_there.then(|| reading.reader.labels(at)).transpose()?);
                }
                Ok(kind)
            });
            match filled {
                Ok(kind) => kinds.push(kind),
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        let failed = failed.or_else(|| reading.settle().err());
        Self { first, kinds, labels, values, failed }
    }
}

/// Fills steps with what a function makes of windows that have histograms; returns how many bytes of
/// histograms were taken.
fn fill_natives(
    windowing: &Windowing<'_>,
    samples: &Samples,
    out: &mut [f64],
    natives: &mut [Option<Native>],
    ledger: &Ledger<'_>,
    mut see: impl FnMut(native::Mixture) -> Result<(), EvalError>,
) -> Result<usize, EvalError> {
    let mut taken = 0;
    for part in windowing.parts(samples, false) {
        ledger.visit(part.visits)?;
        let (steps, part) = (part.steps, part.windowing);
        let (out, natives) = (&mut out[steps.clone()], &mut natives[steps]);
        part.fill(samples, out);
        see(native::fill_window(&part, samples, out, natives))?;
        taken += ledger.take_histograms(natives)?;
    }
    Ok(taken)
}

/// Fills a column with what `pick` makes of the latest sample of each step; a stale marker ends a
/// series until its next sample.
fn fill_latest(
    samples: &Samples,
    ends: Grid,
    lookback_ms: i64,
    out: &mut [f64],
    pick: impl Fn(usize) -> f64,
) {
    let mut place = 0;
    for (step, end) in ends.times().enumerate() {
        place = after(&samples.times, place, end);
        out[step] = match place.checked_sub(1) {
            Some(at)
                if samples.times[at] > end.saturating_sub(lookback_ms)
                    && !is_absent(samples.values[at]) =>
            {
                pick(at)
            }
            _ => ABSENT,
        };
    }
}

/// Visits the steps at which the latest sample is a histogram, or the stale marker of one; the time
/// is the histogram's.
fn correct_latest(
    samples: &Samples,
    ends: Grid,
    lookback_ms: i64,
    mut visit: impl FnMut(usize, Option<&Native>, i64),
) {
    let (mut behind, mut place) = (0, 0);
    for (step, end) in ends.times().enumerate() {
        while samples.histograms.get(behind).is_some_and(|(at, _)| *at <= end) {
            behind += 1;
        }
        place = after(&samples.times, place, end);
        let Some((at, histogram)) = behind.checked_sub(1).map(|n| &samples.histograms[n]) else {
            continue;
        };
        let float_at = place.checked_sub(1).map(|n| samples.times[n]);
        if *at > end.saturating_sub(lookback_ms) && float_at.is_none_or(|float| float < *at) {
            visit(step, Some(histogram).filter(|h| !is_absent(h.sum)), *at);
        }
    }
}

/// Factors are looked at when there is something to smooth, as Prometheus does.
fn check_smoothing(windowing: &Windowing<'_>) -> Result<(), EvalError> {
    if windowing.function != WindowFn::DoubleExponentialSmoothing {
        return Ok(());
    }
    let params = windowing.params;
    for (what, values) in [("smoothing", params.first), ("trend", params.second)] {
        if let Some(bad) = values.iter().find(|v| !(**v > 0.0 && **v < 1.0)) {
            return Err(EvalError::execution(format!(
                "invalid {what} factor. Expected: 0 < {} < 1, got: {bad:.6}",
                if what == "trend" { "tf" } else { "sf" }
            )));
        }
    }
    Ok(())
}

/// Removes names from a stream. Columns that may become equal are held until all have come.
struct Gather<'g, 's> {
    keeps_name: bool,
    distinct: bool,
    ledger: &'g Ledger<'g>,
    sink: &'g mut Sink<'s>,
    held: Vec<super::Column>,
}

impl<'g, 's> Gather<'g, 's> {
    fn new(
        keeps_name: bool,
        distinct: bool,
        ledger: &'g Ledger<'g>,
        sink: &'g mut Sink<'s>,
    ) -> Self {
        Self { keeps_name, distinct, ledger, sink, held: Vec::new() }
    }

    fn add(&mut self, name: Name<'_>, cells: Cells<'_>) -> Result<(), EvalError> {
        let name = if self.keeps_name { name } else { name.without_name() };
        if self.distinct {
            return (self.sink)(name, cells);
        }
        let labels = name.labels()?;
        self.ledger.take_cells(&labels, cells)?;
        self.held.push(cells.to_column(labels));
        Ok(())
    }

    fn finish(self) -> Result<(), EvalError> {
        for column in merge::merge_equal(self.held)? {
            (self.sink)(Name::known(&column.labels), column.cells())?;
        }
        Ok(())
    }
}
