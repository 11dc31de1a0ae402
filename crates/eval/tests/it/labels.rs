//! Dynamic labels by their fixtures.

use eval::labels::{LabelFacts, MetricFacts, render};
use lang::labels::{Label, parse_zone};
use std::fmt::Write as _;
use std::path::Path;

/// 2021-11-30 14:05:00 UTC.
const START_S: i64 = 1_638_281_100;

/// A case: `values` are minutes behind the start with their values, `now` is minutes behind it too,
/// `zone` and `expression` say what they say; then labels, each rendered on its line.
#[test]
fn fixtures() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/labels");
    let dimensions = [("InstanceId".to_owned(), "i-1".to_owned())];
    testkit::run_fixtures(dir, |input| {
        let mut values: Vec<(i64, f64)> = Vec::new();
        let mut metric = Some(MetricFacts {
            namespace: "AWS/EC2",
            name: "CPUUtilization",
            dimensions: &dimensions,
            statistic: "p99.9",
            period_s: 300,
        });
        let (mut now_ms, mut zone_minutes) = (START_S * 1000, 0);
        let mut out = String::new();
        for line in input.lines() {
            let at = |minutes: &str| {
                let minutes: f64 = minutes.parse().expect("minutes");
                START_S * 1000 + (minutes * 60_000.0) as i64
            };
            match line.split_once(' ').unwrap_or((line, "")) {
                ("values", rest) => values.extend(rest.split(' ').map(|pair| {
                    let (minutes, value) = pair.split_once('=').expect("minutes=value");
                    (at(minutes), value.parse::<f64>().expect("a value"))
                })),
                ("now", minutes) => now_ms = at(minutes),
                ("zone", zone) => zone_minutes = parse_zone(zone).expect("a zone"),
                ("expression", _) => metric = None,
                _ => {
                    let facts = LabelFacts {
                        label: "the default",
                        values: &values,
                        metric,
                        account: "123456789012",
                        account_label: None,
                        region: "eu-west-1",
                        now_ms,
                        zone_minutes,
                    };
                    let label = Label::parse(line).expect("a label");
                    let _ = writeln!(out, "{}", render(&label, &facts));
                }
            }
        }
        out
    });
}
