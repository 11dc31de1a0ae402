//! Series past the retention of raw points, for whoever wants samples: one for each interval of a
//! roll-up, at its last moment.

use super::fold::{Folded, fold};
use super::read::{Detail, Grid, GridSeries};
use super::tier::Tier;
use crate::matcher::Matcher;
use crate::points::Points;
use crate::read_budget::ReadBudget;
use crate::snapshot::ReadError;
use crate::store::MetricStore;
use model::{Kind, SeriesKey, TenantId, TimeRange};
use std::collections::BTreeMap;

/// A series as roll-ups know it.
#[derive(Debug)]
pub struct RolledSeries {
    /// What it is.
    pub key: SeriesKey,
    /// Of floats the last one of each interval, of deltas what they add up to (without values and
    /// buckets); at the last millisecond of the interval.
    pub points: Points,
}

impl MetricStore {
    /// Returns the series of a tenant that all matchers take, as roll-ups know them: intervals that end
    /// inside `range`, of five minutes where there are such, else of an hour. Of histograms there are
    /// none.
    ///
    /// # Errors
    /// As [`MetricStore::select`].
    pub fn rolled(
        &self,
        tenant: TenantId,
        matchers: &[Matcher],
        range: TimeRange,
        budget: &ReadBudget,
    ) -> Result<Vec<RolledSeries>, ReadError> {
        let mut all: BTreeMap<(SeriesKey, u8), Points> = BTreeMap::new();
        for tier in Tier::ALL {
            let step_ms = tier.step_ms();
            // An interval that ends inside may begin before.
            let start_ms = range.start_ms.saturating_sub(step_ms - 1);
            let grid = Grid {
                period_ms: step_ms,
                range: TimeRange { start_ms, ..range },
                detail: Detail::Statistics,
            };
            for series in self.select_on(tenant, matchers, &grid, budget)? {
                budget.check_time()?;
                let mut points = at_ends(samples_of(&series, step_ms, budget)?, step_ms);
                points.retain(range);
                let bytes = points.heap_bytes();
                budget.take(bytes)?;
                let key = (series.key().clone(), series.kind() as u8);
                match all.get_mut(&key) {
                    // The finer ones are there already.
                    Some(finer) => put_before(finer, points),
                    None if points.is_empty() => {}
                    None => drop(all.insert(key, points)),
                }
            }
        }
        Ok(all.into_iter().map(|((key, _), points)| RolledSeries { key, points }).collect())
    }
}

/// Returns what each interval comes to, at its start.
fn samples_of(series: &GridSeries, step_ms: i64, budget: &ReadBudget) -> Result<Points, ReadError> {
    if series.kind() == Kind::Delta {
        return series.periods(budget).map(Points::Deltas);
    }
    let (rolled, raw) = series.floats()?;
    // What came late and is in no roll-up counts where there is none.
    let mut lasts: BTreeMap<i64, f64> = BTreeMap::new();
    if let Some(Folded::Floats(late)) = fold(raw, step_ms) {
        lasts.extend(late.into_iter().map(|(at, own)| (at, own.last)));
    }
    lasts.extend(rolled.into_iter().map(|(at, own)| (at, own.last)));
    Ok(Points::Floats(lasts.into_iter().collect()))
}

fn at_ends(points: Points, step_ms: i64) -> Points {
    let end = |at: i64| at.saturating_add(step_ms - 1);
    match points {
        Points::Floats(points) => {
            Points::Floats(points.into_iter().map(|(at, v)| (end(at), v)).collect())
        }
        Points::Deltas(points) => {
            Points::Deltas(points.into_iter().map(|(at, d)| (end(at), d)).collect())
        }
        other => other,
    }
}

/// Puts points of longer intervals before those of shorter ones, as far as they are over when these
/// begin.
fn put_before(finer: &mut Points, coarser: Points) {
    fn put<V>(finer: &mut Vec<(i64, V)>, coarser: Vec<(i64, V)>) {
        let first = finer.first().map_or(i64::MAX, |point| point.0);
        let before = coarser.into_iter().take_while(|(at, _)| *at < first);
        finer.splice(0..0, before.collect::<Vec<_>>());
    }
    match (finer, coarser) {
        (Points::Floats(finer), Points::Floats(coarser)) => put(finer, coarser),
        (Points::Deltas(finer), Points::Deltas(coarser)) => put(finer, coarser),
        _ => {}
    }
}
