//! Answers Metrics Insights statements.

use crate::find::{FoundGroups, find_insights};
use crate::parallel::try_map_from;
use crate::{LocalRunner, QueryError};
use eval::insights::{Batch, Cell, Group, Limits, Line};
use lang::insights::Query;
use metric_store::{Points, ReadBudget, Series};
use model::{TenantId, TimeRange};

/// Series that are read together: enough to share what is unpacked, few enough to share the work.
const BATCH_SERIES: usize = 512;

/// A statement, and the periods that it is asked over.
#[derive(Debug, Clone, Copy)]
pub struct InsightsQuestion<'a> {
    /// The statement.
    pub query: &'a Query,
    /// Start of the first period in milliseconds, a multiple of their length.
    pub start_ms: i64,
    /// Length of each; more than 0.
    pub period_ms: i64,
    /// How many.
    pub periods: usize,
    /// What is capped.
    pub limits: Limits,
}

impl InsightsQuestion<'_> {
    fn range(&self) -> TimeRange {
        let len_ms = (self.periods as i64).saturating_mul(self.period_ms);
        TimeRange { start_ms: self.start_ms, end_ms: self.start_ms.saturating_add(len_ms) }
    }

    fn period_of(&self, at_ms: i64) -> Option<usize> {
        let at = at_ms.checked_sub(self.start_ms)?.div_euclid(self.period_ms);
        usize::try_from(at).ok().filter(|at| *at < self.periods)
    }
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
        if question.period_ms <= 0 {
            return Err(QueryError::Bad(format!("a period of {} ms", question.period_ms)));
        }
        let range = question.range();
        let found = find_insights(&self.store, tenant, question.query, range, budget)?;
        let batches = within(&found, question.limits);
        let row_bytes = (question.periods * size_of::<Cell>()) as u64;
        let read = |groups: &Vec<usize>| {
            budget.take(groups.len() as u64 * row_bytes)?;
            let mut batch = Batch::new(question.periods);
            for series in &found.read(groups, budget)?.series {
                add(&mut batch, series, question)?;
            }
            Ok::<_, QueryError>(batch)
        };
        let mut all = Batch::new(question.periods);
        try_map_from(2, &batches, read)?.into_iter().for_each(|batch| all.merge(batch));
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
    let place = |at_ms: i64| question.period_of(at_ms);
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
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::find::tests::{put, store};
    use lang::insights::parse;
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
        let (start_ms, period_ms) = (60_000, 60_000);
        let question = InsightsQuestion { query: &query, start_ms, period_ms, periods: 2, limits };
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

    #[test]
    fn what_is_capped_for_cost_is_capped() {
        let text = "SELECT SUM(Orders) FROM Shop GROUP BY host";
        let capped = |metrics_max, series_max| ask(Limits { metrics_max, series_max }, text).len();
        assert_eq!(capped(None, None), 4);
        assert_eq!(capped(None, Some(3)), 3);
        assert_eq!(capped(Some(2), None), 2);
    }
}
