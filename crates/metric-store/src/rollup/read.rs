//! Reads series on a grid of periods, from the coarsest form that gives the same answer.
//!
//! Days that roll-ups answer for are read from them; raw points that came since are added, and days
//! that no roll-up answers for are read raw. For deltas that is exact, as they add up. Of floats the
//! later one of a time wins, which only raw points tell: days with late ones are read raw as a whole,
//! unless their raw points are gone.

use super::days::Days;
use super::fold::{Folded, Rolled};
use super::periods::Periods;
use super::tier::Tier;
use super::tiers::TierPart;
use crate::chunk::delta::{Sets, decode_statistics};
use crate::chunk::rolled;
use crate::find::MetricKey;
use crate::graves::is_cut;
use crate::install::View;
use crate::matcher::Matcher;
use crate::part::{Part, PartError, RawChunk, partition_of};
use crate::points::{Points, merge};
use crate::read_budget::{Charge, ReadBudget};
use crate::registry::Registry;
use crate::selector::{Selector, select};
use crate::snapshot::{
    Collected, Found, ReadError, Restart, Series, Source, collect_chunks, serving,
};
use crate::store::MetricStore;
use model::{Delta, Kind, SeriesKey, TenantId, TimeRange};
use std::sync::Arc;

/// How much is wanted of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Count, sum, minimum and maximum. Values and buckets are left empty, which reads much less.
    Statistics,
    /// The distribution too.
    Distribution,
}

/// Periods that are asked for. They begin at multiples of their length since 1970.
#[derive(Debug, Clone, Copy)]
pub struct Grid {
    /// Length of a period in milliseconds; more than zero.
    pub period_ms: i64,
    /// Periods that begin inside count, and are whole: points behind the end belong to the last.
    pub range: TimeRange,
    /// How much is wanted of each.
    pub detail: Detail,
}

impl Grid {
    /// Returns the times of the points that count.
    fn times(&self) -> TimeRange {
        let up = |at: i64| match at.rem_euclid(self.period_ms) {
            0 => at,
            over => at.saturating_add(self.period_ms - over),
        };
        TimeRange { start_ms: up(self.range.start_ms), end_ms: up(self.range.end_ms) }
    }
}

/// A series that was found, its points still encoded, some of them as roll-ups.
#[derive(Debug)]
pub struct GridSeries {
    series: Series,
    grid: Grid,
}

impl GridSeries {
    /// Returns what it is.
    pub fn key(&self) -> &SeriesKey {
        &self.series.key
    }

    /// Returns what its values are.
    pub fn kind(&self) -> Kind {
        self.series.kind
    }

    /// Returns its raw points where no roll-up is among them.
    pub fn as_raw(&self) -> Option<&Series> {
        let rolled = self.series.sources.iter().any(|s| matches!(s, Source::Rolled(..)));
        (!rolled).then_some(&self.series)
    }

    /// Returns how many points and roll-ups decoding gives at most.
    pub fn points_max(&self) -> u64 {
        self.series.points_max()
    }

    /// Returns start and content of each period that has any, oldest first. CloudWatch's statistics see
    /// a float as one sample; what is no finite number is absent. A roll-up of floats tells no
    /// distribution unless all of them are equal.
    ///
    /// # Errors
    /// [`ReadError::Part`] names the part whose chunk could not be decoded; the part is set aside.
    /// Others when the periods take more memory than the question may.
    pub fn periods(&self, budget: &ReadBudget) -> Result<Vec<(i64, Delta)>, ReadError> {
        let mut periods = Periods::new(self.grid.period_ms, self.grid.detail, budget);
        match self.series.kind {
            Kind::Delta => self.add_deltas(&mut periods)?,
            Kind::Float => self.add_floats(&mut periods)?,
            // CloudWatch's statistics see nothing of them.
            Kind::Histogram => {}
        }
        periods.finish()
    }

    fn add_deltas(&self, periods: &mut Periods<'_>) -> Result<(), ReadError> {
        let range = self.series.range;
        for source in &self.series.sources {
            match source {
                Source::Head(series) => {
                    let mut points = series.points(Kind::Delta);
                    points.retain(range);
                    periods.points(points)?;
                }
                Source::Part(part, chunks, cuts) => {
                    let out = |at: i64| !range.contains(at) || is_cut(cuts, at);
                    for chunk in chunks {
                        let added = periods.raw_chunk(part, chunk, out)?;
                        added.map_err(|e| noted(part, e))?;
                    }
                }
                Source::Rolled(part, chunks, cuts, days) => {
                    let out = |at: i64| {
                        !range.contains(at) || is_cut(cuts, at) || !days.contains(partition_of(at))
                    };
                    for chunk in chunks {
                        let added = periods.rolled_chunk(part, chunk, out)?;
                        added.map_err(|e| noted(part, e))?;
                    }
                }
            }
        }
        Ok(())
    }

    fn add_floats(&self, periods: &mut Periods<'_>) -> Result<(), ReadError> {
        let (rolled, raw) = self.floats()?;
        for (at, rolled) in rolled {
            periods.delta(at, Rolled::to_delta(rolled))?;
        }
        if let Points::Floats(points) = raw {
            let finite = points.into_iter().filter(|p| p.1.is_finite());
            periods.points(Points::Singles(finite.collect()))?;
        }
        Ok(())
    }

    /// Returns the roll-ups of a series of floats, one source behind the other, and the raw points that
    /// are in none of them.
    pub(crate) fn floats(&self) -> Result<(Vec<(i64, Rolled)>, Points), ReadError> {
        let range = self.series.range;
        let (mut all, mut raw) = (Vec::new(), Vec::new());
        for source in &self.series.sources {
            match source {
                Source::Head(series) => raw.push(series.points(Kind::Float)),
                Source::Part(part, chunks, cuts) => {
                    for chunk in chunks {
                        let mut points = part.points(chunk).map_err(|e| noted(part, e))?;
                        crate::graves::cut(cuts, &mut points);
                        raw.push(points);
                    }
                }
                Source::Rolled(part, chunks, cuts, days) => {
                    for chunk in chunks {
                        let mut folded = part.folded(chunk).map_err(|e| noted(part, e))?;
                        folded.retain(|at| {
                            let counts = range.contains(at) && days.contains(partition_of(at));
                            counts && !is_cut(cuts, at)
                        });
                        if let Folded::Floats(points) = folded {
                            all.extend(points);
                        }
                    }
                }
            }
        }
        let mut raw = merge(Kind::Float, raw);
        raw.retain(range);
        Ok((all, raw))
    }
}

/// Says whether chunks may hold anything of some days.
fn holds_any(chunks: &[RawChunk], days: &Days) -> bool {
    let of = |chunk: &RawChunk| partition_of(chunk.min_ms)..=partition_of(chunk.max_ms);
    chunks.iter().any(|chunk| of(chunk).any(|day| days.contains(day)))
}

fn noted(part: &Part, error: PartError) -> ReadError {
    part.set_aside(&error);
    error.into()
}

impl Periods<'_> {
    /// Adds a chunk of raw deltas; the inner error is the part's.
    fn raw_chunk(
        &mut self,
        part: &Part,
        chunk: &RawChunk,
        out: impl Fn(i64) -> bool,
    ) -> Result<Result<(), PartError>, ReadError> {
        if self.detail() == Detail::Distribution {
            let mut points = match part.points(chunk) {
                Ok(points) => points,
                Err(error) => return Ok(Err(error)),
            };
            points.retain_times(|at| !out(at));
            return self.points(points).map(Ok);
        }
        let decoded = part.times(chunk).and_then(|times| {
            let sets = decode_statistics(&chunk.values, chunk.count as usize);
            Ok((times, part.decoded(sets)?))
        });
        match decoded {
            Ok((times, sets)) => self.sets(&times, &sets, out).map(Ok),
            Err(error) => Ok(Err(error)),
        }
    }

    /// Adds a chunk of roll-ups of deltas; the inner error is the part's.
    fn rolled_chunk(
        &mut self,
        part: &Part,
        chunk: &RawChunk,
        out: impl Fn(i64) -> bool,
    ) -> Result<Result<(), PartError>, ReadError> {
        if self.detail() == Detail::Distribution {
            return match part.folded(chunk) {
                Ok(Folded::Deltas(points)) => {
                    for (at, delta) in points.into_iter().filter(|p| !out(p.0)) {
                        self.delta(at, delta)?;
                    }
                    Ok(Ok(()))
                }
                Ok(Folded::Floats(_)) => Ok(Ok(())),
                Err(error) => Ok(Err(error)),
            };
        }
        let decoded = part.times(chunk).and_then(|times| {
            let sets = rolled::decode_statistics(&chunk.values, chunk.count as usize);
            Ok((times, part.decoded(sets)?))
        });
        match decoded {
            Ok((times, sets)) => self.sets(&times, &Sets::Statistics(sets), out).map(Ok),
            Err(error) => Ok(Err(error)),
        }
    }
}

/// Which series of a part are meant.
enum Wanted<'a> {
    Matching(TenantId, &'a [Matcher]),
    Where(TenantId, &'a Selector),
    Metric(MetricKey<'a>),
}

impl Wanted<'_> {
    fn numbers(&self, part: &Part) -> Result<Vec<u32>, PartError> {
        match self {
            Self::Matching(tenant, matchers) => part.select(*tenant, matchers),
            Self::Where(tenant, selector) => select(&part.index(*tenant), selector),
            Self::Metric(metric) => metric.numbers_in_part(part),
        }
    }

    fn numbers_in(&self, registry: &Registry) -> Vec<u32> {
        match self {
            Self::Matching(tenant, matchers) => registry.select(*tenant, matchers),
            Self::Where(tenant, selector) => {
                registry.with_index(*tenant, |index| select(index, selector))
            }
            Self::Metric(metric) => metric.numbers_in(registry),
        }
    }

    fn collect(
        &self,
        view: &View,
        part: &Arc<Part>,
        range: TimeRange,
    ) -> Result<Vec<Collected>, ReadError> {
        serving(part, || {
            let numbers = self.numbers(part)?;
            if numbers.is_empty() {
                return Ok(Vec::new());
            }
            let graves = part.graves(&view.tombstones)?;
            collect_chunks(part, numbers, range, graves.as_deref())
        })
    }
}

impl MetricStore {
    /// Finds the series of one metric, for periods: roll-ups where they give the same answer, and past
    /// the retention of raw points, where periods are made up of their intervals.
    ///
    /// # Errors
    /// As [`MetricStore::select`].
    pub fn find_on(
        &self,
        metric: MetricKey<'_>,
        grid: &Grid,
        budget: &ReadBudget,
    ) -> Result<Vec<GridSeries>, ReadError> {
        self.on_grid(&Wanted::Metric(metric), grid, budget)
    }

    /// As [`MetricStore::find_on`], for the series of a tenant that a selector means, sorted by key.
    ///
    /// # Errors
    /// As [`MetricStore::select`].
    pub fn select_where_on(
        &self,
        tenant: TenantId,
        selector: &Selector,
        grid: &Grid,
        budget: &ReadBudget,
    ) -> Result<Vec<GridSeries>, ReadError> {
        let mut found = self.on_grid(&Wanted::Where(tenant, selector), grid, budget)?;
        found.sort_by(|a, b| a.key().cmp(b.key()));
        Ok(found)
    }

    /// As [`MetricStore::find_on`], for all series of a tenant that all matchers take, sorted by key.
    ///
    /// # Errors
    /// As [`MetricStore::select`].
    pub fn select_on(
        &self,
        tenant: TenantId,
        matchers: &[Matcher],
        grid: &Grid,
        budget: &ReadBudget,
    ) -> Result<Vec<GridSeries>, ReadError> {
        let mut found = self.on_grid(&Wanted::Matching(tenant, matchers), grid, budget)?;
        found.sort_by(|a, b| a.key().cmp(b.key()));
        Ok(found)
    }

    fn on_grid(
        &self,
        wanted: &Wanted<'_>,
        grid: &Grid,
        budget: &ReadBudget,
    ) -> Result<Vec<GridSeries>, ReadError> {
        let tier = Tier::of_period(grid.period_ms);
        let shown = self.shown(tier);
        let range = shown.range(grid.times());
        self.read_consistently(|view| {
            // Which roll-ups serve is looked at once: raw points answer for all other days.
            let of_tier = tier.iter().flat_map(|tier| view.tiers.of_tier(*tier));
            let answering: Vec<(&TierPart, &Arc<Part>)> =
                of_tier.filter_map(|part| Some((part, part.serving()?))).collect();
            let mut covered = Days::default();
            answering.iter().for_each(|(part, _)| covered.extend(&part.days));
            // Of floats no roll-up tells a distribution: days whose raw points are all there are read raw.
            let mut whole = covered.clone();
            let not_whole = view.not_whole();
            whole.retain(|day| !not_whole.contains(day));
            let (raw_floats, mut floats) = (grid.detail == Detail::Distribution, false);
            let mut found = Found::new(budget, range, shown.clone());
            for (part, part_file) in &answering {
                let part_file = *part_file;
                if !part_file.overlaps(range) {
                    continue;
                }
                budget.check_time()?;
                let of_part = wanted.collect(view, part_file, range)?;
                if part_file.is_aside() {
                    // Found damaged just now, here or by another reader: raw points may answer for its
                    // days.
                    return Err(Restart::Again);
                }
                for series in of_part {
                    let Collected { key, kind, chunks, cuts } = series;
                    let points = chunks.iter().map(|c| u64::from(c.count)).sum();
                    let mut days = part.days.clone();
                    if kind != Kind::Delta {
                        floats = true;
                        days.retain(|day| !raw_floats || !whole.contains(day));
                        if !holds_any(&chunks, &days) {
                            continue;
                        }
                    }
                    let source = Source::Rolled(part_file.clone(), chunks, cuts, days);
                    found.add(&key, kind, source, points)?;
                }
            }
            for part in Self::parts_in(view, range) {
                let day = part.meta().partition;
                let is_rolled = covered.contains(day) && view.is_rolled(part);
                if is_rolled && !(raw_floats && floats && whole.contains(day)) {
                    continue;
                }
                budget.check_time()?;
                let mut of_part = wanted.collect(view, part, range)?;
                of_part.retain(|series| {
                    series.kind != Kind::Histogram && (!is_rolled || series.kind != Kind::Delta)
                });
                found.add_part(part, of_part)?;
            }
            self.add_heads(view, |registry| wanted.numbers_in(registry), &mut found)?;
            let (mut found, _, mut charge) = found.finish_held();
            found.retain(|series| series.kind != Kind::Histogram);
            if !covered.is_empty() && !raw_floats {
                for series in found.iter_mut().filter(|s| s.kind != Kind::Delta) {
                    budget.check_time()?;
                    self.read_late_days_raw(view, series, (&covered, &whole), &mut charge)?;
                }
            }
            charge.keep();
            let on_grid = found.into_iter().map(|series| GridSeries { series, grid: *grid });
            Ok(Some(on_grid.collect()))
        })
    }

    /// Reads days of a series of floats raw where late ones came, as far as raw points are there: of
    /// `whole` days all are, of those that are `covered` not.
    fn read_late_days_raw(
        &self,
        view: &View,
        series: &mut Series,
        (covered, whole): (&Days, &Days),
        charge: &mut Charge<'_>,
    ) -> Result<(), ReadError> {
        let mut days = Days::default();
        for source in &series.sources {
            match source {
                Source::Part(part, ..) => days.insert(part.meta().partition),
                Source::Head(head) => {
                    let times = head.points(series.kind).times();
                    times.into_iter().for_each(|at| days.insert(partition_of(at)));
                }
                Source::Rolled(..) => {}
            }
        }
        days.retain(|day| whole.contains(day));
        if days.is_empty() {
            return Ok(());
        }
        let key = series.key.clone();
        let wanted = Wanted::Metric(MetricKey::from(&key));
        let (mut sources, mut heads) = (Vec::new(), Vec::new());
        for source in std::mem::take(&mut series.sources) {
            match source {
                Source::Rolled(part, chunks, cuts, mut of_part) => {
                    of_part.retain(|day| !days.contains(day));
                    if holds_any(&chunks, &of_part) {
                        sources.push(Source::Rolled(part, chunks, cuts, of_part));
                    }
                }
                Source::Head(head) => heads.push(Source::Head(head)),
                Source::Part(..) => {}
            }
        }
        for part in Self::parts_in(view, series.range) {
            let day = part.meta().partition;
            let is_rolled = covered.contains(day) && view.is_rolled(part);
            if is_rolled && !days.contains(day) {
                continue;
            }
            for Collected { kind, chunks, cuts, .. } in wanted.collect(view, part, series.range)? {
                if kind == series.kind {
                    let source = Source::Part(part.clone(), chunks, cuts);
                    charge.take(source.heap_bytes())?;
                    sources.push(source);
                }
            }
        }
        sources.extend(heads);
        series.sources = sources;
        Ok(())
    }
}
