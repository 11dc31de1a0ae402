//! Answers Metrics Insights statements.

use crate::find::{FoundGroups, find_insights, insights_selector};
use crate::parallel::{try_map, try_map_from};
use crate::{LocalRunner, Periods, QueryError};
use eval::insights::{Batch, Cell, Group, Limits, Line};
use lang::insights::Query;
use metric_store::{Detail, Grid, Points, ReadBudget, Series, Tier};
use model::{Kind, TenantId};

/// Series that are read together: enough to share what is unpacked, few enough to share the work.
const BATCH_SERIES: usize = 512;

/// A statement, and the periods that it is asked over.
#[derive(Debug, Clone, Copy)]
pub struct InsightsQuestion<'a> {
    /// The statement.
    pub query: &'a Query,
    /// The periods.
    pub periods: Periods<'a>,
    /// What is capped.
    pub limits: Limits,
}

impl LocalRunner {
    /// Returns the results of a statement, in their order.
    ///
    /// With [`Limits::metrics_max`] groups are looked at in turn until so many metrics are reached.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn insights(
        &self,
        tenant: TenantId,
        question: &InsightsQuestion<'_>,
        budget: &ReadBudget,
    ) -> Result<Vec<Line>, QueryError> {
        let (range, period_ms) = (question.periods.range(), question.periods.step_ms());
        let grid = Grid { period_ms, range, detail: Detail::Statistics };
        // Only roll-ups are left of some days, and the periods are made up of their intervals.
        if Tier::of_period(period_ms).is_some() && self.store.raw_gone_before(range).is_some() {
            return self.insights_on(tenant, question, &grid, budget);
        }
        let found = find_insights(&self.store, tenant, question.query, range, budget)?;
        let batches = within(&found, question.limits);
        let row_bytes = (question.periods.len() * size_of::<Cell>()) as u64;
        let read = |groups: &Vec<usize>| {
            budget.take(groups.len() as u64 * row_bytes)?;
            let mut batch = Batch::new(question.periods.len());
            for series in &found.read(groups, budget)?.series {
                add(&mut batch, series, question)?;
            }
            Ok::<_, QueryError>(batch)
        };
        let mut all = Batch::new(question.periods.len());
        try_map_from(2, &batches, read)?.into_iter().for_each(|batch| all.merge(batch));
        Ok(all.finish(question.query, question.limits))
    }
}

impl LocalRunner {
    /// As [`LocalRunner::insights`], over days of which only roll-ups are left: all series are found
    /// first, and told apart by their keys.
    fn insights_on(
        &self,
        tenant: TenantId,
        question: &InsightsQuestion<'_>,
        grid: &Grid,
        budget: &ReadBudget,
    ) -> Result<Vec<Line>, QueryError> {
        let selector = insights_selector(question.query);
        let mut found = self.store.select_where_on(tenant, &selector, grid, budget)?;
        found.truncate(question.limits.metrics_max.unwrap_or(usize::MAX));
        let mut all = Batch::new(question.periods.len());
        for some in found.chunks(BATCH_SERIES) {
            let cells = try_map(some, |series| {
                budget.check_time()?;
                let periods = series.periods(budget)?.into_iter().filter_map(|(at, delta)| {
                    Some((question.periods.at(at)?, Cell::of_delta(&delta)))
                });
                Ok::<Vec<(usize, Cell)>, QueryError>(periods.collect())
            })?;
            for (series, cells) in some.iter().zip(cells) {
                all.add(&Group::of(question.query, &series.key().labels), cells);
            }
        }
        Ok(all.finish(question.query, question.limits))
    }
}

/// Returns the groups to read, in batches, as far as there may be metrics.
fn within(found: &FoundGroups<'_>, limits: Limits) -> Vec<Vec<usize>> {
    let mut batches = found.batches(BATCH_SERIES);
    let Some(max) = limits.metrics_max else { return batches };
    let mut metrics = 0;
    for batch in &mut batches {
        batch.retain(|&group| {
            let has_room = metrics < max;
            metrics += found.series_max(group);
            has_room
        });
    }
    batches.retain(|batch| !batch.is_empty());
    batches
}

fn add(
    batch: &mut Batch,
    series: &Series,
    question: &InsightsQuestion<'_>,
) -> Result<(), QueryError> {
    let group = Group::of(question.query, &series.key.labels);
    let place = |at_ms: i64| question.periods.at(at_ms);
    if series.kind == Kind::Histogram {
        // CloudWatch knows none.
        return Ok(());
    }
    match series.points()? {
        Points::Floats(points) | Points::Singles(points) => {
            // CloudWatch knows neither stale markers nor infinities.
            let finite = points.into_iter().filter(|(_, value)| value.is_finite());
            let cells = finite.filter_map(|(at, value)| Some((place(at)?, Cell::of_value(value))));
            batch.add(&group, cells);
        }
        Points::Deltas(points) => {
            let cells = points.iter();
            let cells = cells.filter_map(|(at, delta)| Some((place(*at)?, Cell::of_delta(delta))));
            batch.add(&group, cells);
        }
        Points::Histograms(_) => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::find::tests::{put, store};
    use lang::insights::parse;
    use metric_store::{FileStore, Step, StoreOptions};
    use std::path::Path;
    use std::sync::Arc;

    fn ask(limits: Limits, text: &str) -> Vec<String> {
        let store = Arc::new(store());
        for (host, zone, value) in [("a", "1", 1.0), ("b", "1", 3.0), ("c", "2", 5.0)] {
            let labels = [("host", host), ("zone", zone)];
            put(&store, "Shop", "Orders", &labels, 60_000, value);
            put(&store, "Shop", "Orders", &labels, 150_000, value * 10.0);
            if host == "a" {
                store.flush().expect("flushed");
            }
        }
        put(&store, "Shop", "Orders", &[], 70_000, 7.0);
        let query = parse(text).expect("a statement");
        let periods = Periods::even(60_000, 60_000, 2);
        let question = InsightsQuestion { query: &query, periods, limits };
        let runner = LocalRunner::new(store);
        let lines = runner.insights(TenantId(1), &question, &ReadBudget::default());
        let shown = lines.expect("an answer").into_iter().map(|line| {
            let values: Vec<String> =
                line.values.iter().map(|v| v.map_or("_".into(), |v| v.to_string())).collect();
            format!("{} {}", line.group.label().unwrap_or_default(), values.join(" "))
        });
        shown.collect()
    }

    #[test]
    fn a_statement_is_answered_over_parts_and_head() {
        let none = Limits::default();
        assert_eq!(ask(none, "SELECT AVG(Orders) FROM Shop"), [" 4 30"]);
        assert_eq!(
            ask(none, "SELECT SUM(Orders) FROM Shop GROUP BY zone ORDER BY MAX() DESC"),
            ["2 5 50", "1 4 40", "Other 7 _"]
        );
        let where_zone = "SELECT MAX(Orders) FROM SCHEMA(Shop, zone, host) WHERE host != 'b' ";
        assert_eq!(ask(none, &format!("{where_zone} GROUP BY host LIMIT 1")), ["a 1 10"]);
        assert_eq!(ask(none, "SELECT AVG(Nothing) FROM Shop"), [" _ _"]);
    }

    /// Of days whose raw points are gone the roll-ups answer, as of any other.
    #[test]
    fn past_the_retention_of_raw_points_roll_ups_answer() {
        const DAY: i64 = 86_400_000;
        let disk = Arc::new(stdx::SimDisk::new(1, stdx::CrashPlan::default()));
        let options =
            StoreOptions { retention_ms: 10 * DAY, trust_clock: true, ..StoreOptions::default() };
        let store = FileStore::open(disk, Path::new("/d"), Default::default(), options);
        let store = Arc::new(store.expect("opens"));
        for (host, value) in [("a", 1.0), ("b", 3.0)] {
            for minute in [0, 1, 7] {
                let at_ms = 100 * DAY + minute * 60_000;
                put(&store, "Shop", "Orders", &[("host", host)], at_ms, value);
            }
        }
        store.flush().expect("flushed");
        store.roll_up(102 * DAY).expect("rolled up");
        let query = parse("SELECT SUM(Orders) FROM Shop GROUP BY host").expect("a statement");
        let runner = LocalRunner::new(store.clone());
        let ask = |period_ms: i64, periods: usize| {
            let periods = Periods::even(100 * DAY, period_ms, periods);
            let question = InsightsQuestion { query: &query, periods, limits: Limits::default() };
            let lines = runner.insights(TenantId(1), &question, &ReadBudget::default());
            let lines = lines.expect("an answer").into_iter();
            lines.map(|l| (l.group.label().unwrap_or_default(), l.values)).collect::<Vec<_>>()
        };
        let whole = ask(300_000, 2);
        let (a, b) = (vec![Some(2.0), Some(1.0)], vec![Some(6.0), Some(3.0)]);
        assert_eq!(whole, [("a".to_owned(), a), ("b".to_owned(), b)]);
        while store.maintain(120 * DAY).expect("maintained") != Step::Nothing {}
        assert_eq!(ask(60_000, 10), [], "raw points are gone");
        assert_eq!(ask(300_000, 2), whole);
    }

    #[test]
    fn what_is_capped_for_cost_is_capped() {
        let text = "SELECT SUM(Orders) FROM Shop GROUP BY host";
        let capped = |metrics_max, series_max| ask(Limits { metrics_max, series_max }, text).len();
        assert_eq!(capped(None, None), 4);
        assert_eq!(capped(None, Some(3)), 3);
        assert_eq!(capped(Some(2), None), 2);
    }
}
