//! Leaves: selectors and subqueries become columns.

use super::evaluate::{Evaluator, Sink, samples_of};
use super::ledger::Ledger;
use super::source::{Selection, SeriesSet};
use super::value::Series;
use super::window::{Boundary, Params, WindowFn, Windowing, after, instant_smoothed};
use super::window_notes::Names;
use super::{ABSENT, Cells, EvalError, Grid, Labels, Native, Samples, is_absent, merge, native};
use lang::promql::{Call, Ends, Expr, ExprKind, MatrixSelector, Subquery, VectorSelector};
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
        sink: &mut Sink<'_>,
    ) -> Result<(), EvalError> {
        let lookback_ms = self.options.lookback_ms;
        let ends = self.moved(grid, selector.at, selector.offset_ms);
        let smoothed = selector.ends == Ends::Smoothed;
        let beyond = if smoothed { lookback_ms } else { 0 };
        let set = self.select(selector, ends, lookback_ms, beyond)?;
        let mut out = merge::nothing(grid.count);
        let ledger = Rc::clone(&self.ledger);
        self.each(&*set, |labels, samples| {
            ledger.visit(grid.count)?;
            if smoothed {
                samples.drop_stale();
                instant_smoothed(samples, ends, lookback_ms, &mut out);
            } else {
                fill_latest(samples, ends, lookback_ms, &mut out, |at| samples.values[at]);
                if !samples.histograms.is_empty() {
                    let mut column = super::Column::new(labels(), out.clone());
                    correct_latest(samples, ends, lookback_ms, |step, histogram, _| {
                        column.values[step] = ABSENT;
                        column.set_histogram(step, histogram.cloned());
                    });
                    return sink(column.labels.clone(), column.cells());
                }
            }
            sink(labels(), Cells::floats(&out))
        })
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
        let set = self.select(selector, ends, lookback_ms, 0)?;
        let mut out = merge::nothing(grid.count);
        let ledger = Rc::clone(&self.ledger);
        self.each(&*set, |labels, samples| {
            ledger.visit(grid.count)?;
            let seconds = |at: usize| samples.times[at] as f64 / 1000.0;
            fill_latest(samples, ends, lookback_ms, &mut out, seconds);
            correct_latest(samples, ends, lookback_ms, |step, histogram, at| {
                out[step] = if histogram.is_some() { at as f64 / 1000.0 } else { ABSENT };
            });
            sink(labels(), Cells::floats(&out))
        })
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
        let mut names = Names::new(function);
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
        names: &mut Names,
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
        let reach = matrix.range_ms.saturating_add(before);
        let set = self.select(&matrix.vector, windowing.ends, reach, beyond)?;
        let keeps_name = windowing.function.keeps_name();
        let distinct = keeps_name || merge::same_name((0..set.len()).map(|at| set.labels(at)));
        let mut out = merge::nothing(windowing.steps.count);
        let mut natives = Vec::new();
        if !set.is_empty() {
            check_smoothing(windowing)?;
        }
        let ledger = Rc::clone(&self.ledger);
        let mut gather = Gather::new(keeps_name, distinct, &ledger, sink);
        self.each(&*set, |labels, samples| {
            samples.drop_stale();
            natives.clear();
            let labels = labels();
            if !samples.histograms.is_empty() && boundary.is_none() {
                natives.resize(out.len(), None);
            }
            // Until whoever is given them takes them.
            let mut taken = 0;
            for part in windowing.parts(samples, boundary.is_some()) {
                ledger.visit(part.visits)?;
                let (steps, part) = (part.steps, part.windowing);
                let out = &mut out[steps.clone()];
                match boundary {
                    None => part.fill(samples, out),
                    Some(boundary) => part.fill_bounded(samples, boundary, lookback_ms, out),
                }
                if !natives.is_empty() {
                    let natives = &mut natives[steps];
                    let mixture = native::fill_window(&part, samples, out, natives);
                    names.see_mixture(&labels, mixture);
                    taken += ledger.take_histograms(natives)?;
                }
            }
            ledger.give(taken);
            names.see(&labels, &out);
            gather.add(labels, Cells { values: &out, histograms: &natives })
        })?;
        gather.finish()
    }

    fn stream_subquery(
        &mut self,
        subquery: &Subquery,
        windowing: &Windowing<'_>,
        names: &mut Names,
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
            let mut natives = Vec::new();
            if !samples.histograms.is_empty() {
                natives.resize(out.len(), None);
            }
            // Until whoever is given them takes them.
            let mut taken = 0;
            for part in windowing.parts(&samples, false) {
                ledger.visit(part.visits)?;
                let (steps, part) = (part.steps, part.windowing);
                let out = &mut out[steps.clone()];
                part.fill(&samples, out);
                if !natives.is_empty() {
                    let natives = &mut natives[steps];
                    let mixture = native::fill_window(&part, &samples, out, natives);
                    names.see_mixture(&column.labels, mixture);
                    taken += ledger.take_histograms(natives)?;
                }
            }
            ledger.give(taken);
            names.see(&column.labels, &out);
            gather.add(column.labels, Cells { values: &out, histograms: &natives })?;
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
                let set = self.select(&matrix.vector, ends, matrix.range_ms, 0)?;
                self.each(&*set, |labels, samples| {
                    samples.drop_stale();
                    if !samples.is_empty() {
                        ledger.take(samples.len() * size_of::<(i64, f64)>())?;
                        let points = samples.times.iter().copied();
                        let points = points.zip(samples.values.iter().copied()).collect();
                        let histograms = samples.histograms.clone();
                        all.push(Series { labels: labels(), points, histograms });
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
        self.select(&matrix.vector, ends, matrix.range_ms, 0)
    }

    /// Finds the series that windows of `reach_ms` before (and `beyond_ms` behind) `ends` see.
    fn select(
        &mut self,
        selector: &VectorSelector,
        ends: Grid,
        reach_ms: i64,
        beyond_ms: i64,
    ) -> Result<Box<dyn SeriesSet + 'a>, EvalError> {
        self.limits.check()?;
        self.source.select(&Selection {
            matchers: &selector.matchers,
            after_ms: ends.start_ms.saturating_sub(reach_ms),
            last_ms: ends.end_ms().saturating_add(beyond_ms),
        })
    }

    /// Reads series after series. Labels are made only if asked for.
    pub(super) fn each(
        &mut self,
        set: &dyn SeriesSet,
        mut visit: impl FnMut(&dyn Fn() -> Labels, &mut Samples) -> Result<(), EvalError>,
    ) -> Result<(), EvalError> {
        let mut samples = Samples::default();
        let mut longest = 0;
        for at in 0..set.len() {
            if at.is_multiple_of(SERIES_BETWEEN_CHECKS) {
                self.limits.check()?;
            }
            set.read(at, &mut samples)?;
            self.limits.read(samples.len() as u64)?;
            if samples.len() > longest {
                self.ledger.take_columns(SAMPLE_COLUMNS, samples.len() - longest)?;
                longest = samples.len();
            }
            self.ledger.visit(samples.len())?;
            visit(&|| set.labels(at), &mut samples)?;
        }
        Ok(())
    }
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

    fn add(&mut self, labels: Labels, cells: Cells<'_>) -> Result<(), EvalError> {
        let labels = if self.keeps_name { labels } else { labels.without_name() };
        if self.distinct {
            return (self.sink)(labels, cells);
        }
        self.ledger.take_cells(&labels, cells)?;
        self.held.push(cells.to_column(labels));
        Ok(())
    }

    fn finish(self) -> Result<(), EvalError> {
        for column in merge::merge_equal(self.held)? {
            (self.sink)(column.labels.clone(), column.cells())?;
        }
        Ok(())
    }
}
