//! What every form of the query runner must answer. The embedded form runs it in this crate's tests;
//! one that spreads work over machines runs it in its own.

use crate::{MetricId, PeriodsOfUnit, Runner, Selection, StatisticsQuestion};
use lang::promql::{MatchOp, Matcher};
use metric_store::ReadBudget;
use model::{Kind, SeriesKey, TenantId, TimeRange, Unit};

const TENANT: TenantId = TenantId(1);

fn key(namespace: &str, name: &str, unit: Unit, labels: &[(&str, &str)]) -> SeriesKey {
    SeriesKey {
        tenant: TENANT,
        namespace: namespace.into(),
        name: name.into(),
        unit,
        labels: labels.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect(),
    }
}

fn matcher(name: &str, op: MatchOp, value: &str) -> Matcher {
    Matcher::new(name, op, value).expect("a sound matcher")
}

/// Checks a runner over an empty store; `put` keeps one value where the runner reads.
///
/// # Panics
/// When an answer is not what it must be.
pub fn check(runner: &dyn Runner, put: &mut dyn FnMut(&SeriesKey, Kind, i64, f64)) {
    check_statistics(runner, put);
    check_select(runner, put);
}

fn check_statistics(runner: &dyn Runner, put: &mut dyn FnMut(&SeriesKey, Kind, i64, f64)) {
    let eu = [("region", "eu")];
    let orders = key("Shop", "Orders", Unit::Count, &eu);
    for (at, value) in [(0, 1.0), (60_000, 2.0), (299_000, 3.0), (300_000, 4.0), (600_000, 5.0)] {
        put(&orders, Kind::Delta, at, value);
    }
    put(&key("Shop", "Orders", Unit::None, &eu), Kind::Delta, 60_000, 100.0);
    let more = [("region", "eu"), ("shop", "1")];
    put(&key("Shop", "Orders", Unit::Count, &more), Kind::Delta, 60_000, 1000.0);
    put(&key("Shop", "Orders", Unit::Count, &[]), Kind::Delta, 60_000, 1000.0);

    let metric = MetricId {
        namespace: "Shop".into(),
        name: "Orders".into(),
        dimensions: orders.labels.clone(),
    };
    let ask = |unit, start_ms, end_ms| {
        let range = TimeRange { start_ms, end_ms };
        let question = StatisticsQuestion { metric: &metric, unit, period_ms: 300_000, range };
        runner.statistics(TENANT, &question, &ReadBudget::default()).expect("an answer")
    };
    let sums = |found: &PeriodsOfUnit| {
        found.periods.iter().map(|(at, d)| (*at, d.sum)).collect::<Vec<_>>()
    };
    let all = ask(None, 0, 600_000);
    assert_eq!(all.len(), 2, "units stay apart, other dimension sets are other metrics");
    let count = all.iter().find(|p| p.unit == Unit::Count).expect("the unit that was put");
    assert_eq!(sums(count), [(0, 6.0), (300_000, 4.0)], "periods begin at multiples since 1970");
    assert_eq!(ask(Some(Unit::Bytes), 0, 600_000), [], "a unit filters exactly");
    let late = ask(Some(Unit::Count), 1, 600_001);
    assert_eq!(
        sums(&late[0]),
        [(300_000, 4.0), (600_000, 5.0)],
        "a period that begins inside counts"
    );
    assert_eq!(ask(None, 900_000, 1_000_000), [], "nothing where nothing is");
    let question = StatisticsQuestion {
        metric: &metric,
        unit: None,
        period_ms: 0,
        range: TimeRange { start_ms: 0, end_ms: 1 },
    };
    assert!(
        runner.statistics(TENANT, &question, &ReadBudget::default()).is_err(),
        "no period, no answer"
    );
}

fn check_select(runner: &dyn Runner, put: &mut dyn FnMut(&SeriesKey, Kind, i64, f64)) {
    for (host, value) in [("a", 1.0), ("b", 2.0)] {
        put(&key("", "up", Unit::None, &[("host", host)]), Kind::Float, 1000, value);
    }
    let latency = key("Shop", "Latency", Unit::Milliseconds, &[]);
    put(&latency, Kind::Delta, 60_000, 2.0);
    put(&latency, Kind::Delta, 60_000, 4.0);
    let select = |matchers: &[Matcher], series_max| {
        let selection = Selection { matchers, range: TimeRange::ALL };
        let budget = ReadBudget::default().with_series_max(series_max);
        runner.select(TENANT, &selection, &budget)
    };
    let up = matcher("__name__", MatchOp::Eq, "up");
    let found = select(&[up.clone(), matcher("host", MatchOp::Re, "b|c")], 10).expect("an answer");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].samples, [(1000, 2.0)]);
    let labels = [("__name__".to_owned(), "up".to_owned()), ("host".to_owned(), "b".to_owned())];
    assert_eq!(found[0].labels, labels);
    assert!(select(&[up], 1).is_err(), "more series than allowed");

    let name = matcher("__name__", MatchOp::Eq, "Latency");
    for (stat, expected) in
        [("Average", 3.0), ("Sum", 6.0), ("Minimum", 2.0), ("Maximum", 4.0), ("SampleCount", 2.0)]
    {
        let found = select(&[name.clone(), matcher("__stat__", MatchOp::Eq, stat)], 10);
        assert_eq!(found.expect("an answer")[0].samples, [(60_000, expected)], "{stat}");
    }
    let virtual_ones = &select(std::slice::from_ref(&name), 10).expect("an answer")[0];
    assert!(virtual_ones.labels.contains(&("__namespace__".into(), "Shop".into())));
    assert!(virtual_ones.labels.contains(&("__unit__".into(), "Milliseconds".into())));
    assert!(select(&[name, matcher("__stat__", MatchOp::Eq, "Median")], 10).is_err());
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::LocalRunner;
    use metric_store::{FileStore, StoreOptions};
    use model::Kind;
    use std::path::Path;
    use std::sync::Arc;

    #[test]
    fn the_embedded_runner_answers_from_head_and_parts() {
        for flushed in [false, true] {
            let disk = Arc::new(stdx::SimDisk::new(1, stdx::CrashPlan::default()));
            let options = StoreOptions::default();
            let store = FileStore::open(disk, Path::new("/d"), Default::default(), options);
            let store = Arc::new(store.expect("opens"));
            let runner = LocalRunner::new(store.clone());
            check(&runner, &mut |key, kind, at_ms, value| {
                let mut batch = store.batch();
                let series = batch.register(None, key, kind).expect("the store has room");
                match kind {
                    Kind::Delta => batch.single(series, at_ms, value),
                    _ => batch.float(series, at_ms, value),
                }
                store.write(batch).expect("kept");
                if flushed {
                    store.flush().expect("flushed");
                }
            });
        }
    }
}
