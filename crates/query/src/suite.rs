//! What every form of the query runner must answer. The embedded form runs it in this crate's tests;
//! one that spreads work over machines runs it in its own.

use crate::{
    Detail, Labels, MetricId, Options, PeriodsOfUnit, PromQuestion, Range, Runner,
    StatisticsQuestion, Value,
};
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

/// Checks a runner over an empty store; `put` keeps one value where the runner reads.
///
/// # Panics
/// When an answer is not what it must be.
pub fn check(runner: &dyn Runner, put: &mut dyn FnMut(&SeriesKey, Kind, i64, f64)) {
    check_statistics(runner, put);
    check_promql(runner, put);
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
        let detail = Detail::Distribution;
        let question =
            StatisticsQuestion { metric: &metric, unit, period_ms: 300_000, range, detail };
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
        detail: Detail::Statistics,
    };
    assert!(
        runner.statistics(TENANT, &question, &ReadBudget::default()).is_err(),
        "no period, no answer"
    );
}

fn check_promql(runner: &dyn Runner, put: &mut dyn FnMut(&SeriesKey, Kind, i64, f64)) {
    for (host, value) in [("a", 1.0), ("b", 2.0)] {
        put(&key("", "up", Unit::None, &[("host", host)]), Kind::Float, 1000, value);
    }
    let latency = key("Shop", "Latency", Unit::Milliseconds, &[]);
    put(&latency, Kind::Delta, 60_000, 2.0);
    put(&latency, Kind::Delta, 60_000, 4.0);
    let ask = |tenant, text: &str, series_max| {
        let expr = lang::promql::parse(text).expect("a sound expression");
        let (range, options) = (Range::instant(60_000), Options::default());
        let question = PromQuestion { expr: &expr, range, options, keep: false };
        let budget = ReadBudget::default().with_series_max(series_max);
        runner.promql(tenant, &question, &budget).map(|answer| answer.value)
    };
    let series = |text: &str| match ask(Some(TENANT), text, 10) {
        Ok(Value::Vector(series) | Value::Matrix(series)) => series,
        other => panic!("{text}: {other:?}"),
    };
    let found = series("up{host=~\"b|c\"}[1h]");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].points, [(1000, 2.0)]);
    assert_eq!(found[0].labels, Labels::new([("__name__", "up"), ("host", "b")]));
    assert_eq!(series("sum(up)")[0].points, [(60_000, 3.0)]);
    assert!(ask(Some(TENANT), "up", 1).is_err(), "more series than allowed");
    assert_eq!(ask(None, "up", 10).expect("an answer"), Value::Vector(Vec::new()));
    assert_eq!(ask(None, "1 + 1", 10).expect("an answer"), Value::Scalar(60_000, 2.0));

    for (stat, expected) in
        [("Average", 3.0), ("Sum", 6.0), ("Minimum", 2.0), ("Maximum", 4.0), ("SampleCount", 2.0)]
    {
        let found = series(&format!("Latency{{__stat__={stat:?}}}"));
        assert_eq!(found[0].points, [(60_000, expected)], "{stat}");
    }
    let labels = series("Latency")[0].labels.clone();
    assert_eq!((labels.get("__namespace__"), labels.get("__unit__")), ("Shop", "Milliseconds"));
    assert!(ask(Some(TENANT), "Latency{__stat__=\"Median\"}", 10).is_err());

    // Floats and deltas under one identity are one series.
    put(&latency, Kind::Float, 30_000, 9.0);
    assert_eq!(series("Latency[1m]")[0].points, [(30_000, 9.0), (60_000, 3.0)]);
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
