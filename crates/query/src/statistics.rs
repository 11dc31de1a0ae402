//! One CloudWatch metric over time: periods, and what statistics are computed from.

use crate::{LocalRunner, QueryError};
use metric_store::Points;
use model::{Delta, SeriesKey, TenantId, TimeRange, Unit};

/// A metric as CloudWatch names it: everything but the unit.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MetricId {
    /// The namespace; empty for series without one.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// Dimensions, sorted by name. The whole set: a metric with others beside them is another.
    pub dimensions: Vec<(String, String)>,
}

/// What is asked of a metric.
#[derive(Debug, Clone, Copy)]
pub struct StatisticsQuestion<'a> {
    /// Which one.
    pub metric: &'a MetricId,
    /// Only data of this unit; `None` for all, apart from each other.
    pub unit: Option<Unit>,
    /// Length of a period; periods begin at multiples of it since 1970.
    pub period_ms: i64,
    /// First moment inside and first outside. A period counts when it begins inside.
    pub range: TimeRange,
}

/// Periods of one unit, oldest first; those without data are absent.
#[derive(Debug, Clone, PartialEq)]
pub struct PeriodsOfUnit {
    /// The unit.
    pub unit: Unit,
    /// Start of the period in milliseconds, and what happened in it.
    pub periods: Vec<(i64, Delta)>,
}

impl LocalRunner {
    pub(crate) fn periods(
        &self,
        tenant: TenantId,
        question: &StatisticsQuestion<'_>,
    ) -> Result<Vec<PeriodsOfUnit>, QueryError> {
        if question.period_ms <= 0 {
            return Err(QueryError::Bad(format!("a period of {} ms", question.period_ms)));
        }
        // A period that begins inside is whole: points behind the end belong to it.
        let period = question.period_ms;
        let start_ms = ceil(question.range.start_ms, period);
        let end_ms = ceil(question.range.end_ms, period);
        let range = TimeRange { start_ms, end_ms };
        let units = match question.unit {
            Some(unit) => vec![unit],
            None => self.store.units(tenant, range)?,
        };
        let mut found = Vec::new();
        for unit in units {
            let key = SeriesKey {
                tenant,
                namespace: question.metric.namespace.clone(),
                name: question.metric.name.clone(),
                unit,
                labels: question.metric.dimensions.clone(),
            };
            let mut periods: Vec<(i64, Delta)> = Vec::new();
            for series in self.store.find(&key, range, self.limits)? {
                let points = match series.points()? {
                    Points::Deltas(points) => points,
                    // CloudWatch's statistics see a float as one sample.
                    Points::Floats(points) => points
                        .into_iter()
                        .filter(|(_, value)| value.is_finite())
                        .map(|(at, value)| (at, Delta::of_value(value)))
                        .collect(),
                };
                add_periods(&mut periods, points, period);
            }
            if !periods.is_empty() {
                found.push(PeriodsOfUnit { unit, periods });
            }
        }
        Ok(found)
    }
}

fn ceil(at_ms: i64, period_ms: i64) -> i64 {
    match at_ms.rem_euclid(period_ms) {
        0 => at_ms,
        over => at_ms.saturating_add(period_ms - over),
    }
}

fn add_periods(periods: &mut Vec<(i64, Delta)>, points: Vec<(i64, Delta)>, period_ms: i64) {
    let fresh = periods.is_empty();
    for (at, delta) in points {
        let start = at.div_euclid(period_ms) * period_ms;
        match periods.last_mut() {
            Some((last, sum)) if *last == start => sum.add(&delta),
            _ if fresh => periods.push((start, delta)),
            _ => match periods.binary_search_by_key(&start, |p| p.0) {
                Ok(at) => periods[at].1.add(&delta),
                Err(at) => periods.insert(at, (start, delta)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Runner;
    use metric_store::{FileStore, ReadLimits, StoreOptions};
    use model::Kind;
    use std::path::Path;
    use std::sync::Arc;

    fn runner() -> LocalRunner {
        let disk = Arc::new(stdx::SimDisk::new(1, stdx::CrashPlan::default()));
        let store =
            FileStore::open(disk, Path::new("/d"), Default::default(), StoreOptions::default());
        LocalRunner::new(Arc::new(store.unwrap()), ReadLimits::default())
    }

    fn metric() -> MetricId {
        MetricId {
            namespace: "Shop".into(),
            name: "Orders".into(),
            dimensions: vec![("region".into(), "eu".into())],
        }
    }

    fn put(runner: &LocalRunner, unit: Unit, labels: &[(&str, &str)], at: i64, value: f64) {
        let key = SeriesKey {
            tenant: TenantId(1),
            namespace: "Shop".into(),
            name: "Orders".into(),
            unit,
            labels: labels.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect(),
        };
        let mut batch = runner.store.batch();
        let series = batch.register(None, &key, Kind::Delta);
        batch.single(series, at, value);
        runner.store.write(batch).unwrap();
    }

    #[test]
    fn periods_begin_at_multiples_since_1970_and_units_stay_apart() {
        let runner = runner();
        let eu = [("region", "eu")];
        for (at, value) in [(0, 1.0), (60_000, 2.0), (299_000, 3.0), (300_000, 4.0), (600_000, 5.0)]
        {
            put(&runner, Unit::Count, &eu, at, value);
        }
        put(&runner, Unit::None, &eu, 60_000, 100.0);
        put(&runner, Unit::Count, &[("region", "eu"), ("shop", "1")], 60_000, 1000.0);
        put(&runner, Unit::Count, &[], 60_000, 1000.0);
        let metric = metric();
        let range = TimeRange { start_ms: 0, end_ms: 600_000 };
        let ask = |unit, range| {
            let question = StatisticsQuestion { metric: &metric, unit, period_ms: 300_000, range };
            runner.statistics(TenantId(1), &question).unwrap()
        };
        let sums = |found: &PeriodsOfUnit| {
            found.periods.iter().map(|(at, d)| (*at, d.sum)).collect::<Vec<_>>()
        };
        let all = ask(None, range);
        assert_eq!(all.len(), 2);
        let count = all.iter().find(|p| p.unit == Unit::Count).unwrap();
        assert_eq!(sums(count), [(0, 6.0), (300_000, 4.0)]);
        assert_eq!(ask(Some(Unit::Bytes), range), []);
        let late = ask(Some(Unit::Count), TimeRange { start_ms: 1, end_ms: 600_001 });
        assert_eq!(sums(&late[0]), [(300_000, 4.0), (600_000, 5.0)]);
        assert_eq!(ask(None, TimeRange { start_ms: 900_000, end_ms: 1_000_000 }), []);
    }
}
