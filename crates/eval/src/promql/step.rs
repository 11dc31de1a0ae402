//! The driver of one step at a time: an expression that is asked again and again, as time goes on.
//!
//! Samples are given as they arrive, and each selector of the expression carries those that its
//! windows may still see. A tick evaluates the expression at its time over what is carried, with the
//! same operators as over a range: so what the stream says is what the batch says, and it costs what
//! the windows hold, however much the past has.
//!
//! What looks ahead, or far back, or at fixed times is no stream: [`Stepper::new`] says so, and the
//! caller asks the store on a schedule instead.

use super::evaluate::evaluate_resolved;
use super::{
    Annotations, EvalError, Labels, Limits, Native, Options, Range, Samples, Selection,
    SeriesReader, SeriesSet, Source, Value,
};
use lang::Span;
use lang::promql::{
    Ends, Expr, ExprKind, Function, Matcher, MatrixSelector, QueryTimes, VectorSelector,
};
use std::collections::HashMap;

/// Why an expression is evaluated on a schedule, not on the stream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct NotSteppable {
    /// The part that cannot be stepped.
    pub span: Span,
    /// Why.
    pub reason: String,
}

/// An expression that is evaluated tick after tick over carried windows.
#[derive(Debug, Clone)]
pub struct Stepper {
    expr: Expr,
    options: Options,
    feeds: Vec<Feed>,
    last_tick_ms: i64,
}

/// What one selector of an expression wants to be given, and what it carries of it.
#[derive(Debug, Clone)]
pub struct Feed {
    matchers: Vec<Matcher>,
    reach_ms: i64,
    windows: Vec<Window>,
    /// Where the window of a series is.
    places: HashMap<u64, usize>,
    /// Windows are in the order of labels, which is the order in which the batch adds up.
    sorted: bool,
}

/// What is carried of a series.
#[derive(Debug, Clone)]
struct Window {
    labels: Labels,
    series: u64,
    samples: Samples,
}

/// A sample of a series.
#[derive(Debug, Clone)]
pub enum Sample {
    /// A number, or the stale marker.
    Float(f64),
    /// A native histogram; with the stale marker as its sum it ends the series.
    Native(Native),
}

impl Stepper {
    /// Makes a stepper of an expression whose windows reach no further back than `reach_ms_max`.
    ///
    /// # Errors
    /// The first part that cannot be stepped.
    pub fn new(expr: &Expr, options: Options, reach_ms_max: i64) -> Result<Self, NotSteppable> {
        let mut expr = expr.clone();
        expr.resolve_durations(QueryTimes::default())
            .map_err(|error| NotSteppable { span: error.span, reason: error.message })?;
        let mut feeds = Feeds { all: Vec::new(), options, reach_ms_max };
        feeds.of(&expr)?;
        Ok(Self { expr, options, feeds: feeds.all, last_tick_ms: i64::MIN })
    }

    /// Returns what the expression wants to be given: each of them once.
    pub fn feeds(&self) -> &[Feed] {
        &self.feeds
    }

    /// Gives a sample to a feed. `series` is any number that stands for the series; `labels` are
    /// asked for when it is not known (any more).
    ///
    /// Samples may come late and in any order; of two at the same time the later arrival counts. Says
    /// `false` of a sample that no later tick can see.
    pub fn push(
        &mut self,
        feed: usize,
        series: u64,
        labels: impl FnOnce() -> Labels,
        at_ms: i64,
        sample: Sample,
    ) -> bool {
        let feed = &mut self.feeds[feed];
        if at_ms <= self.last_tick_ms.saturating_sub(feed.reach_ms) {
            return false;
        }
        let place = *feed.places.entry(series).or_insert_with(|| {
            let (labels, samples) = (labels(), Samples::default());
            feed.windows.push(Window { labels, series, samples });
            feed.sorted = false;
            feed.windows.len() - 1
        });
        put(&mut feed.windows[place].samples, at_ms, sample);
        true
    }

    /// Forgets a series, such as one that was deleted.
    pub fn forget(&mut self, feed: usize, series: u64) {
        let feed = &mut self.feeds[feed];
        if feed.places.contains_key(&series) {
            feed.windows.retain(|window| window.series != series);
            feed.find_places();
        }
    }

    /// Evaluates the expression at a time, as an instant query would, and lets go of samples that no
    /// later tick can see. Times do not go back.
    ///
    /// # Errors
    /// As [`evaluate`](super::evaluate); [`EvalError::Refused`] for a time before the last one.
    pub fn tick(
        &mut self,
        at_ms: i64,
        limits: &dyn Limits,
    ) -> Result<(Value, Annotations), EvalError> {
        if at_ms < self.last_tick_ms {
            let last = self.last_tick_ms;
            return Err(EvalError::Refused(format!("step to {at_ms} ms after one to {last} ms")));
        }
        self.last_tick_ms = at_ms;
        self.feeds.iter_mut().for_each(Feed::sort);
        let carried = Carried(&self.feeds);
        let at = Range::instant(at_ms);
        let answer = evaluate_resolved(&self.expr, &carried, at, &self.options, limits);
        for feed in &mut self.feeds {
            feed.trim(at_ms);
        }
        answer
    }

    /// Returns how many bytes the carried samples take.
    pub fn bytes(&self) -> usize {
        self.feeds.iter().map(Feed::bytes).sum()
    }
}

impl Feed {
    /// Returns the matchers of the series that are wanted.
    pub fn matchers(&self) -> &[Matcher] {
        &self.matchers
    }

    /// Returns how far back a tick sees: what a new stepper has to be given of the past.
    pub fn reach_ms(&self) -> i64 {
        self.reach_ms
    }

    /// Returns how many series are carried.
    pub fn series(&self) -> usize {
        self.windows.len()
    }

    fn bytes(&self) -> usize {
        let of_window = |window: &Window| {
            let samples = &window.samples;
            let natives: usize = samples.histograms.iter().map(|(_, h)| h.bytes()).sum();
            window.labels.bytes() + samples.len() * size_of::<(i64, f64)>() + natives
        };
        self.windows.iter().map(of_window).sum()
    }

    fn trim(&mut self, at_ms: i64) {
        let oldest_ms = at_ms.saturating_sub(self.reach_ms);
        let carried = self.windows.len();
        self.windows.retain_mut(|window| {
            trim(&mut window.samples, oldest_ms);
            !window.samples.is_empty()
        });
        if self.windows.len() < carried {
            self.find_places();
        }
    }

    fn sort(&mut self) {
        if !self.sorted {
            let by = |a: &Window, b: &Window| (&a.labels, a.series).cmp(&(&b.labels, b.series));
            self.windows.sort_unstable_by(by);
            self.find_places();
            self.sorted = true;
        }
    }

    fn find_places(&mut self) {
        let places = self.windows.iter().enumerate().map(|(at, window)| (window.series, at));
        self.places.clear();
        self.places.extend(places);
    }
}

/// Lets go of samples up to a time. Moving the rest costs, so it waits until a quarter is old; what
/// is read is cut by time anyway.
fn trim(samples: &mut Samples, oldest_ms: i64) {
    let old = samples.times.partition_point(|at| *at <= oldest_ms);
    if old * 4 > samples.times.len() {
        samples.times.drain(..old);
        samples.values.drain(..old);
    }
    let old = samples.histograms.partition_point(|(at, _)| *at <= oldest_ms);
    samples.histograms.drain(..old);
}

fn put(samples: &mut Samples, at_ms: i64, sample: Sample) {
    // A time has one value of either kind: the later arrival's.
    let float = samples.times.partition_point(|at| *at < at_ms);
    let native = samples.histograms.partition_point(|(at, _)| *at < at_ms);
    if samples.times.get(float) == Some(&at_ms) {
        samples.times.remove(float);
        samples.values.remove(float);
    }
    if samples.histograms.get(native).is_some_and(|(at, _)| *at == at_ms) {
        samples.histograms.remove(native);
    }
    match sample {
        Sample::Float(value) => {
            samples.times.insert(float, at_ms);
            samples.values.insert(float, value);
        }
        Sample::Native(histogram) => samples.histograms.insert(native, (at_ms, histogram)),
    }
}

/// Looks through an expression for what it wants, and for what cannot be stepped.
struct Feeds {
    all: Vec<Feed>,
    options: Options,
    reach_ms_max: i64,
}

impl Feeds {
    fn of(&mut self, expr: &Expr) -> Result<(), NotSteppable> {
        let no = |reason: &str| Err(NotSteppable { span: expr.span, reason: reason.to_owned() });
        match &expr.kind {
            ExprKind::Vector(selector) => self.selector(expr, selector, self.options.lookback_ms),
            ExprKind::Matrix(matrix) => self.matrix(expr, matrix),
            ExprKind::Subquery(_) => {
                no("a subquery evaluates its expression at many times for each step")
            }
            ExprKind::Call(call) if call.function == Function::Info => {
                no("info() reads series that the expression does not name")
            }
            _ => expr.children().into_iter().try_for_each(|child| self.of(child)),
        }
    }

    fn matrix(&mut self, expr: &Expr, matrix: &MatrixSelector) -> Result<(), NotSteppable> {
        let before = match matrix.vector.ends {
            Ends::Anchored => self.options.lookback_ms,
            _ => 0,
        };
        self.selector(expr, &matrix.vector, matrix.range_ms.saturating_add(before))
    }

    fn selector(
        &mut self,
        expr: &Expr,
        selector: &VectorSelector,
        window_ms: i64,
    ) -> Result<(), NotSteppable> {
        let reach_ms = window_ms.saturating_add(selector.offset_ms);
        let reason = if selector.at.is_some() {
            "@ looks at a fixed time".to_owned()
        } else if selector.offset_ms < 0 {
            "a negative offset looks ahead".to_owned()
        } else if selector.ends == Ends::Smoothed {
            "smoothed looks at samples after the step".to_owned()
        } else if reach_ms > self.reach_ms_max {
            let max = self.reach_ms_max;
            format!("it looks {reach_ms} ms back, and more than {max} ms are not carried")
        } else {
            self.want(&selector.matchers, reach_ms);
            return Ok(());
        };
        Err(NotSteppable { span: expr.span, reason })
    }

    fn want(&mut self, matchers: &[Matcher], reach_ms: i64) {
        if let Some(feed) = self.all.iter_mut().find(|feed| feed.matchers == matchers) {
            feed.reach_ms = feed.reach_ms.max(reach_ms);
            return;
        }
        let matchers = matchers.to_vec();
        let (windows, places) = Default::default();
        self.all.push(Feed { matchers, reach_ms, windows, places, sorted: true });
    }
}

/// The carried windows as a place that has series.
struct Carried<'f>(&'f [Feed]);

/// Carried windows of a selection.
struct Windows<'f> {
    all: &'f [Window],
    after_ms: i64,
    last_ms: i64,
}

impl Source for Carried<'_> {
    fn select<'s>(
        &'s self,
        selection: &Selection<'_>,
    ) -> Result<Box<dyn SeriesSet + 's>, EvalError> {
        let Some(feed) = self.0.iter().find(|feed| feed.matchers == selection.matchers) else {
            return Err(EvalError::execution("a selector that was not fed"));
        };
        let all = &feed.windows[..];
        let Selection { after_ms, last_ms, .. } = *selection;
        Ok(Box::new(Windows { all, after_ms, last_ms }))
    }
}

impl SeriesSet for Windows<'_> {
    fn len(&self) -> usize {
        self.all.len()
    }

    fn reader(&self) -> Box<dyn SeriesReader + '_> {
        Box::new(self)
    }
}

impl SeriesReader for &Windows<'_> {
    fn labels(&mut self, at: usize) -> Result<Labels, EvalError> {
        Ok(self.all[at].labels.clone())
    }

    fn read(&mut self, at: usize, into: &mut Samples) -> Result<(), EvalError> {
        let samples = &self.all[at].samples;
        let first = samples.times.partition_point(|time| *time <= self.after_ms);
        let behind = samples.times.partition_point(|time| *time <= self.last_ms);
        into.clear();
        into.times.extend_from_slice(&samples.times[first..behind]);
        into.values.extend_from_slice(&samples.values[first..behind]);
        let inside = |(time, _): &&(i64, Native)| self.after_ms < *time && *time <= self.last_ms;
        into.histograms.extend(samples.histograms.iter().filter(inside).cloned());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stepper(text: &str) -> Result<Stepper, NotSteppable> {
        let expr = lang::promql::parse(text).unwrap();
        Stepper::new(&expr, Options::default(), 3_600_000)
    }

    #[test]
    fn what_cannot_be_stepped_is_named() {
        for (text, part, reason) in [
            ("rate(x[5m] @ 100)", "x[5m] @ 100", "@ looks at a fixed time"),
            ("x + (y offset -1m)", "y offset -1m", "a negative offset looks ahead"),
            ("rate(x[5m] smoothed)", "x[5m] smoothed", "smoothed looks at samples after the step"),
            (
                "max_over_time(rate(x[5m])[1h:])",
                "rate(x[5m])[1h:]",
                "a subquery evaluates its expression at many times for each step",
            ),
            (
                "x offset 1d",
                "x offset 1d",
                "it looks 86700000 ms back, and more than 3600000 ms are not carried",
            ),
            ("info(x)", "info(x)", "info() reads series that the expression does not name"),
        ] {
            let error = stepper(text).unwrap_err();
            assert_eq!((error.span.of(text), error.reason.as_str()), (part, reason));
        }
    }

    #[test]
    fn equal_selectors_are_fed_once_as_far_as_the_longest_reaches() {
        let stepper = stepper("rate(x[10m]) / rate(x[1m] offset 1m) > y").unwrap();
        let reaches: Vec<i64> = stepper.feeds().iter().map(Feed::reach_ms).collect();
        assert_eq!(reaches, [600_000, 300_000]);
    }

    #[test]
    fn windows_let_go_of_what_no_tick_can_see() {
        let mut stepper = stepper("sum_over_time(x[1m])").unwrap();
        let labels = || Labels::new([("__name__", "x")]);
        for n in 0..600 {
            assert!(stepper.push(0, 7, labels, n * 1000, Sample::Float(1.0)));
            let (value, _) = stepper.tick(n * 1000, &super::super::Unlimited).unwrap();
            let Value::Vector(series) = value else { panic!() };
            assert_eq!(series[0].points[0].1, (n + 1).min(60) as f64);
        }
        assert!(stepper.bytes() < 2 * 60 * 16, "{} bytes", stepper.bytes());
        assert!(!stepper.push(0, 7, labels, 500_000, Sample::Float(1.0)), "too late to be seen");
        assert!(stepper.push(0, 7, labels, 598_500, Sample::Float(5.0)), "late, and seen");
        stepper.tick(700_000, &super::super::Unlimited).unwrap();
        assert_eq!(stepper.feeds()[0].series(), 0);
        assert!(stepper.tick(1, &super::super::Unlimited).is_err(), "back in time");
    }
}
