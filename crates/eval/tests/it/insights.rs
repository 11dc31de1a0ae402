//! Metrics Insights by its fixtures, and the steps against the range.

use eval::insights::{Batch, Cell, Group, Limits, Step, matches};
use lang::insights::{Query, parse};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

const PERIODS: usize = 3;

struct Metric {
    namespace: String,
    name: String,
    dimensions: Vec<(String, String)>,
    cells: Vec<Cell>,
}

/// `namespace name dimension=value ... : 1,2 _ 5` are a metric with its samples, period by period.
fn metric(line: &str) -> Metric {
    let (identity, samples) = line.split_once(" : ").expect("identity : samples");
    let mut words = identity.split(' ');
    let (namespace, name) = (words.next().unwrap_or(""), words.next().expect("a name"));
    let pairs = words.filter_map(|pair| pair.split_once('='));
    let cells = samples.split(' ').map(|period| {
        let mut cell = Cell::default();
        for sample in period.split(',').filter(|s| *s != "_") {
            cell.add(&Cell::of_value(sample.parse().expect("a sample")));
        }
        cell
    });
    Metric {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        dimensions: pairs.map(|(n, v)| (n.to_owned(), v.to_owned())).collect(),
        cells: cells.collect(),
    }
}

/// Returns the results; each metric goes to another worker, as it does when many read.
fn run(query: &Query, metrics: &[Metric], limits: Limits) -> String {
    let mut all = Batch::new(PERIODS);
    for metric in metrics {
        if !matches(query, &metric.namespace, &metric.name, &metric.dimensions) {
            continue;
        }
        let mut one = Batch::new(PERIODS);
        let cells = metric.cells.iter().copied().enumerate();
        one.add(&Group::of(query, &metric.dimensions), cells);
        all.merge(one);
    }
    let mut out = String::new();
    for line in all.finish(query, limits) {
        let label = line.group.label().unwrap_or_else(|| "(one)".to_owned());
        let values: Vec<String> =
            line.values.iter().map(|v| v.map_or("_".to_owned(), |v| v.to_string())).collect();
        let _ = writeln!(out, "  {label}: {}", values.join(" "));
    }
    out
}

/// A case: metrics, one a line, then statements, each followed by its results; `at most N` caps the
/// results of the statements behind it.
#[test]
fn fixtures() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/insights");
    testkit::run_fixtures(dir, |input| {
        let (mut metrics, mut limits, mut out) = (Vec::new(), Limits::default(), String::new());
        for line in input.lines() {
            if let Some(max) = line.strip_prefix("at most ") {
                limits.series_max = Some(max.parse().expect("a number"));
            } else if line.starts_with("SELECT ") {
                let query = parse(line).unwrap_or_else(|m| panic!("{}", m[0].render(line)));
                let _ = writeln!(out, "{query}\n{}", run(&query, &metrics, limits).trim_end());
            } else {
                metrics.push(metric(line));
            }
        }
        out
    });
}

proptest! {
    /// The statement without `LIMIT` gives the same period by period.
    #[test]
    fn steps_equal_the_range(
        function in prop::sample::select(&["AVG", "COUNT", "MAX", "MIN", "SUM"][..]),
        grouped in prop::bool::ANY,
        order in prop::sample::select(&["", " ORDER BY MAX() DESC"][..]),
        metrics in prop::collection::vec(
            (
                prop::option::of(0u8..3),
                prop::collection::vec(prop::option::of((1u32..4, -50i32..50)), PERIODS),
            ),
            0..8,
        ),
    ) {
        let by = if grouped { " GROUP BY host" } else { "" };
        let query = parse(&format!("SELECT {function}(m) FROM ns{by}{order}")).unwrap();
        prop_assert!(eval::insights::is_steppable(&query));
        let mut batch = Batch::new(PERIODS);
        let mut steps = vec![Step::default(); PERIODS];
        for (host, cells) in &metrics {
            let dimensions: Vec<(String, String)> =
                host.iter().map(|h| ("host".to_owned(), h.to_string())).collect();
            let group = Group::of(&query, &dimensions);
            for (period, cell) in cells.iter().enumerate() {
                let Some((count, value)) = cell else { continue };
                let (count, value) = (f64::from(*count), f64::from(*value));
                let cell = Cell { count, sum: count * value, min: value, max: value };
                batch.add(&group, [(period, cell)]);
                steps[period].add(&group, &cell);
            }
        }
        let mut expected: BTreeMap<(Group, usize), f64> = BTreeMap::new();
        for line in batch.finish(&query, Limits::default()) {
            for (period, value) in line.values.iter().enumerate() {
                expected.extend(value.map(|value| ((line.group.clone(), period), value)));
            }
        }
        let mut stepped = BTreeMap::new();
        for (period, step) in steps.into_iter().enumerate() {
            stepped.extend(step.finish(&query).into_iter().map(|(g, v)| ((g, period), v)));
        }
        prop_assert_eq!(stepped, expected);
    }
}
