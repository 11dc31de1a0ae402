//! Alarms that match no series are known, since when, and no longer when a series appears.

use crate::world::{START_MS, TENANT, World};
use alarm::Options;
use alarm::definition::{
    Actions, Comparison, Definition, EvaluationWindow, LowSamples, MathQuery, MathSpec, Metric,
    MetricAlarm, MetricSpec, Part, SourceSpec, Watch,
};
use alarm::missing::TreatMissing;
use eval::Statistic;
use model::{Kind, SeriesKey, Unit};

fn metric(name: &str) -> Metric {
    Metric { namespace: "ns".into(), name: name.into(), dimensions: Vec::new(), unit: None }
}

fn alarm(name: &str, source: SourceSpec) -> Definition {
    let spec = MetricSpec {
        source,
        period_s: 60,
        comparison: Comparison::GreaterThan,
        threshold: 5.0,
        periods: 1,
        datapoints: None,
        missing: TreatMissing::NotBreaching,
        low_samples: LowSamples::Evaluate,
        window: EvaluationWindow::Sliding,
        warm_up: None,
    };
    let watch = Watch::Metric(MetricAlarm::new(spec).unwrap());
    Definition::new(World::key(name), format!("arn:{name}"), Actions::default(), watch).unwrap()
}

fn sum_of_both(name: &str) -> Definition {
    let part = |id: &str, part| MathQuery { id: id.into(), part };
    let queries = vec![
        part("x", Part::Metric(metric("x"), Statistic::Sum)),
        part("y", Part::Metric(metric("y"), Statistic::Sum)),
        part("e", Part::Expression("x + y".into())),
    ];
    alarm(name, SourceSpec::Math(MathSpec { queries, returns: "e".into() }))
}

fn unmatched(world: &World, after: Option<&str>) -> Vec<(String, i64)> {
    let found = world.engine.unmatched(TENANT, after);
    found.map(|(key, since_ms)| (key.name.clone(), since_ms - START_MS)).collect()
}

#[test]
fn they_are_listed_by_name_until_a_series_appears() {
    let mut world = World::new(Options::default(), START_MS);
    world.tick();
    let all = [
        alarm("a", SourceSpec::Metric(metric("x"), Statistic::Sum)),
        sum_of_both("b"),
        alarm("c", SourceSpec::Metric(metric("z"), Statistic::Sum)),
    ];
    for definition in &all {
        let effects = world.engine.put(definition.clone(), world.now_ms).unwrap();
        world.carry_out(effects);
        world.now_ms += 1_000;
    }
    let named = |all: &[(&str, i64)]| -> Vec<(String, i64)> {
        all.iter().map(|(name, since_ms)| ((*name).to_owned(), *since_ms)).collect()
    };
    assert_eq!(unmatched(&world, None), named(&[("a", 0), ("b", 1_000), ("c", 2_000)]));
    assert_eq!(unmatched(&world, Some("a")), named(&[("b", 1_000), ("c", 2_000)]));
    assert_eq!(unmatched(&world, Some("bb")), named(&[("c", 2_000)]));
    // Since when outlives a restart; the state says nothing of it.
    world.now_ms += 3_600_000;
    let kept: Vec<(Definition, i64)> =
        (0..).zip(&all).map(|(n, d)| (d.clone(), START_MS + n * 1_000)).collect();
    let effects = world.restart(kept, []);
    world.carry_out(effects);
    assert_eq!(unmatched(&world, None), named(&[("a", 0), ("b", 1_000), ("c", 2_000)]));
    // One of its metrics is enough for an expression.
    let key = SeriesKey {
        tenant: TENANT,
        namespace: "ns".into(),
        name: "x".into(),
        unit: Unit::Count,
        labels: Vec::new(),
    };
    world.declare(key, Kind::Delta);
    assert_eq!(unmatched(&world, None), named(&[("c", 2_000)]));
    let effects = world.engine.delete(&World::key("c"), world.now_ms);
    world.carry_out(effects);
    assert_eq!(unmatched(&world, None), []);
}
