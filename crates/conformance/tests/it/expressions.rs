//! Statistics, metric math, SEARCH, Metrics Insights and labels, as texts: `fixtures/*/*.txt`.
//!
//! A file says a rule of CloudWatch's documentation and then shows it, case by case, over the data that
//! `fixtures/README.md` lists; that page also explains how a case is written. What is expected was computed by
//! hand from the rule, never by this program: there is no `UPDATE=1` here.

mod answer;
mod case;
mod samples;

use crate::client::Failure;
use crate::world::{World, each_client};
use answer::Expected;
use case::{Case, Request};
use serde_json::{Value, json};
use std::fmt::Write as _;

const FIVE: &[&str] = &["SampleCount", "Sum", "Average", "Minimum", "Maximum"];
const INVALID: &[&str] =
    &["InvalidParameterValue", "InvalidParameterCombination", "ValidationError"];

/// Every case runs through GetMetricData and through GetMetricStatistics.
#[test]
fn statistics() {
    with_samples("statistics", both_operations);
}

#[test]
fn metric_math() {
    with_samples("metric-math", metric_data);
}

#[test]
fn search() {
    with_samples("search", metric_data);
}

#[test]
fn metrics_insights() {
    with_samples("insights", metric_data);
}

#[test]
fn labels() {
    with_samples("labels", metric_data);
}

#[test]
fn before_anything_was_put() {
    each_client(|w| run(w, "empty", metric_data));
}

type Check = fn(&mut World, &Case, &Request) -> Result<(), String>;

fn with_samples(directory: &str, check: Check) {
    each_client(|w| {
        samples::put(w);
        run(w, directory, check);
    });
}

/// Runs all cases of a directory and tells everything that differs, not the first thing only.
fn run(w: &mut World, directory: &str, check: Check) {
    let files = case::files(directory);
    let mut differences = String::new();
    for (name, text) in &files {
        for case in case::cases(name, text) {
            let outcome = Request::parse(case.input).and_then(|request| check(w, &case, &request));
            if let Err(difference) = outcome {
                let Case { file, line, input, expected } = &case;
                let _ = write!(
                    differences,
                    "\n{file}:{line}\n{input}\n---- expected\n{expected}\n---- {difference}\n"
                );
            }
        }
    }
    assert!(differences.is_empty(), "{differences}");
}

fn metric_data(w: &mut World, case: &Case, request: &Request) -> Result<(), String> {
    ask(w, case, request).map(|_| ())
}

/// Asks GetMetricData and compares. Returns the answer, or none for a refusal that was expected.
fn ask(w: &mut World, case: &Case, request: &Request) -> Result<Option<Value>, String> {
    let expected = Expected::parse(case.expected)?;
    let about = format!("{}:{}", case.file, case.line);
    match w.attempt("GetMetricData", request.input()) {
        Err(Failure::Refused(refusal)) => {
            w.note_refusal(&about, &refusal);
            expected.matches_refusal(&refusal).map(|()| None)
        }
        Err(Failure::Broken(text)) => Err(format!("broken\n{text}")),
        Ok(answer) => {
            w.note(&about, without_values(&answer));
            if let Some(token) = answer.get("NextToken") {
                return Err(format!("a token although all fits one page\n{token}"));
            }
            let results = answer::read(&answer, request)?;
            expected.matches(&results, request.any_order)?;
            Ok(Some(answer))
        }
    }
}

/// What all clients must be told alike, to the letter. Values are held against what is expected of them
/// instead: a sum over many series may differ in its last digits.
fn without_values(answer: &Value) -> Value {
    let mut answer = answer.clone();
    for result in answer["MetricDataResults"].as_array_mut().into_iter().flatten() {
        result["Values"].take();
    }
    answer
}

/// Asks GetMetricData, then GetMetricStatistics for each of its metrics: the points must be the same, and
/// what one refuses the other refuses too.
fn both_operations(w: &mut World, case: &Case, request: &Request) -> Result<(), String> {
    let answer = ask(w, case, request)?;
    for (i, query) in request.queries.iter().enumerate() {
        let statistics = w.attempt("GetMetricStatistics", statistics_input(query, request));
        match (statistics, &answer) {
            (Ok(statistics), Some(answer)) => {
                let points = crate::world::points(&answer["MetricDataResults"][i]);
                same_points(&statistics, query, &points)?;
            }
            (Err(Failure::Refused(refusal)), None) => {
                let about = format!("{}:{} statistics", case.file, case.line);
                w.note_refusal(&about, &refusal);
                if !INVALID.contains(&refusal.code.as_str()) {
                    return Err(format!("GetMetricStatistics\n{refusal:?}"));
                }
            }
            (other, _) => return Err(format!("GetMetricStatistics\n{other:?}")),
        }
    }
    Ok(())
}

fn statistics_input(query: &Value, request: &Request) -> Value {
    let (stat, metric) = (&query["MetricStat"], &query["MetricStat"]["Metric"]);
    let mut input = json!({
        "Namespace": metric["Namespace"],
        "MetricName": metric["MetricName"],
        "Dimensions": metric["Dimensions"],
        "StartTime": request.start,
        "EndTime": request.end,
        "Period": stat["Period"],
    });
    let name = stat["Stat"].as_str().unwrap_or_default();
    let list = if FIVE.contains(&name) { "Statistics" } else { "ExtendedStatistics" };
    input[list] = json!([name]);
    if let Some(unit) = stat.get("Unit") {
        input["Unit"] = unit.clone();
    }
    input
}

/// Compares what GetMetricStatistics gave, in whatever order, with points, newest first.
fn same_points(statistics: &Value, query: &Value, points: &[(i64, f64)]) -> Result<(), String> {
    let name = query["MetricStat"]["Stat"].as_str().unwrap_or_default();
    let list = statistics["Datapoints"].as_array().ok_or("GetMetricStatistics\nno list")?;
    let mut found: Vec<(i64, f64)> = list
        .iter()
        .filter_map(|point| {
            let extended = &point["ExtendedStatistics"][name];
            Some((point["Timestamp"].as_i64()?, point[name].as_f64().or(extended.as_f64())?))
        })
        .collect();
    found.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    let same = found.len() == points.len()
        && found.iter().zip(points).all(|(a, b)| a.0 == b.0 && answer::close(a.1, b.1));
    if same {
        Ok(())
    } else {
        Err(format!("GetMetricStatistics differs\n{statistics}\n{points:?}"))
    }
}
