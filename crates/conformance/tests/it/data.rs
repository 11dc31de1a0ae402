//! GetMetricData: order, labels, pages, messages.

use crate::bench::{HOUR, MINUTE};
use crate::client::Refusal;
use crate::world::{World, assert_told, each_client, merge, points};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const VALIDATION: &str = "ValidationError";
const INVALID_VALUE: &str = "InvalidParameterValue";
const INVALID_COMBINATION: &str = "InvalidParameterCombination";
const MISSING: &str = "MissingParameter";

#[track_caller]
fn refusal(w: &mut World, input: Value) -> Refusal {
    w.told("GetMetricData", input)
}

#[test]
fn results_come_in_the_order_of_the_request_even_when_empty() {
    each_client(|w| {
        w.put_minutes("full", w.now(), &[1.0]);
        let queries = json!([w.query("z", "nothing", "Sum"), w.query("a", "full", "Sum")]);
        let answer = w.call("GetMetricData", w.data_input(queries, json!({})));
        let found = answer["MetricDataResults"].as_array().expect("a list");
        let ids: Vec<&Value> = found.iter().map(|r| &r["Id"]).collect();
        assert_eq!(ids, ["z", "a"]);
        assert_eq!(points(&found[0]), []);
        assert_eq!(points(&found[1]), [(w.now(), 1.0)]);
        assert!(found.iter().all(|r| r["StatusCode"] == "Complete"), "{found:?}");
        assert_eq!(found[0]["Label"], "nothing");
        assert_eq!(answer["Messages"], json!([]), "always there: {answer}");
        assert!(answer.get("NextToken").is_none(), "{answer}");
    });
}

#[test]
fn newest_comes_first_unless_asked_otherwise() {
    each_client(|w| {
        let t = w.now() - 10 * MINUTE;
        w.put_minutes("m", t, &[1.0, 2.0, 3.0]);
        let queries = json!([w.query("m1", "m", "Sum")]);
        let mut values = |more: Value| {
            let answer = w.call("GetMetricData", w.data_input(queries.clone(), more));
            points(&answer["MetricDataResults"][0])
        };
        let oldest_first = vec![(t, 1.0), (t + MINUTE, 2.0), (t + 2 * MINUTE, 3.0)];
        let newest_first: Vec<(i64, f64)> = oldest_first.iter().copied().rev().collect();
        assert_eq!(values(json!({})), newest_first);
        assert_eq!(values(json!({"ScanBy": "TimestampDescending"})), newest_first);
        assert_eq!(values(json!({"ScanBy": "TimestampAscending"})), oldest_first);
    });
}

#[test]
fn the_start_is_inclusive_and_the_end_exclusive() {
    each_client(|w| {
        let t = w.now() - 30 * MINUTE;
        w.put_minutes("m", t, &[0.0, 1.0, 2.0, 3.0, 4.0]);
        let range = json!({"StartTime": t + MINUTE, "EndTime": t + 3 * MINUTE});
        let input = w.data_input(json!([w.query("m1", "m", "Sum")]), range);
        let answer = w.call("GetMetricData", input);
        let found = points(&answer["MetricDataResults"][0]);
        assert_eq!(found, [(t + 2 * MINUTE, 2.0), (t + MINUTE, 1.0)]);
    });
}

#[test]
fn gaps_have_no_points() {
    each_client(|w| {
        let t = w.now() - 30 * MINUTE;
        w.put(json!([
            {"MetricName": "m", "Timestamp": t, "Value": 1},
            {"MetricName": "m", "Timestamp": t + 7 * MINUTE, "Value": 2},
        ]));
        assert_eq!(w.minutes("m", "Sum"), [(t, 1.0), (t + 7 * MINUTE, 2.0)]);
        assert_eq!(w.minutes("m", "SampleCount"), [(t, 1.0), (t + 7 * MINUTE, 1.0)]);
    });
}

/// Only whole periods are held to a sum: what a range that cuts a period takes of it is not written down.
#[test]
fn periods_are_aligned_to_the_epoch() {
    each_client(|w| {
        let t = w.now() - 40 * MINUTE;
        w.put_minutes("m", t, &[1.0; 30]);
        let mut query = w.query("m1", "m", "Sum");
        query["MetricStat"]["Period"] = json!(300);
        let (start, end) = (t + 3 * MINUTE, t + 28 * MINUTE);
        let range = json!({"StartTime": start, "EndTime": end, "ScanBy": "TimestampAscending"});
        let answer = w.call("GetMetricData", w.data_input(json!([query]), range));
        let found = points(&answer["MetricDataResults"][0]);
        assert!(found.iter().all(|(at, _)| at % (5 * MINUTE) == 0), "{found:?}");
        let whole: Vec<f64> = found
            .iter()
            .filter(|(at, _)| *at >= start && at + 5 * MINUTE <= end)
            .map(|(_, sum)| *sum)
            .collect();
        assert_eq!(whole, [5.0; 4]);
        w.note("cut periods", json!(found.iter().map(|(at, v)| (at - t, *v)).collect::<Vec<_>>()));
    });
}

/// The metric's name; then the statistic, then the period, each only where queries of the call differ in it.
#[test]
fn labels_say_what_differs() {
    each_client(|w| {
        w.put(json!([{"MetricName": "m", "Timestamp": w.now(), "Value": 1, "Unit": "Count"}]));
        let labels = |w: &mut World, queries: Value| -> Vec<String> {
            let found = w.data(queries);
            found.iter().map(|r| r["Label"].as_str().expect("a label").to_owned()).collect()
        };
        let with = |mut query: Value, more: Value| {
            merge(&mut query["MetricStat"], more);
            query
        };
        let sum = |w: &World| w.query("a", "m", "Sum");
        assert_eq!(labels(w, json!([sum(w)])), ["m"]);
        let queries = json!([sum(w), w.query("b", "m", "Average")]);
        assert_eq!(labels(w, queries), ["m Sum", "m Average"]);
        let queries = json!([sum(w), with(w.query("b", "m", "Sum"), json!({"Period": 300}))]);
        assert_eq!(labels(w, queries), ["m 60", "m 300"]);
        let queries = json!([sum(w), with(w.query("b", "m", "Average"), json!({"Period": 300}))]);
        assert_eq!(labels(w, queries), ["m Sum 60", "m Average 300"]);
        let queries = json!([sum(w), with(w.query("b", "m", "Sum"), json!({"Unit": "Count"}))]);
        assert_eq!(labels(w, queries), ["m", "m"], "units never appear");
        let mut named = sum(w);
        named["Label"] = json!("Orders a minute");
        assert_eq!(labels(w, json!([named])), ["Orders a minute"]);
    });
}

#[test]
fn what_is_not_to_be_returned_is_left_out() {
    each_client(|w| {
        w.put_minutes("m", w.now(), &[1.0]);
        let with = |mut query: Value, value: bool| {
            query["ReturnData"] = json!(value);
            query
        };
        let queries = json!([
            with(w.query("a", "m", "Sum"), false),
            with(w.query("b", "m", "Sum"), true),
            w.query("c", "m", "Sum"),
        ]);
        let found = w.data(queries);
        let ids: Vec<&Value> = found.iter().map(|r| &r["Id"]).collect();
        assert_eq!(ids, ["b", "c"]);
    });
}

#[test]
fn a_unit_filters_exactly() {
    each_client(|w| {
        w.put(json!([{"MetricName": "m", "Timestamp": w.now(), "Value": 1, "Unit": "Seconds"}]));
        for (unit, wanted) in [("Seconds", 1), ("Milliseconds", 0), ("None", 0)] {
            let mut query = w.query("m1", "m", "Sum");
            query["MetricStat"]["Unit"] = json!(unit);
            let found = w.data(json!([query]));
            assert_eq!(points(&found[0]).len(), wanted, "{unit}");
            assert_eq!(found[0]["StatusCode"], "Complete", "{unit}");
        }
    });
}

#[test]
fn mixed_units_are_told_and_one_is_picked() {
    each_client(|w| {
        let at = w.now();
        w.put(json!([
            {"MetricName": "m", "Timestamp": at, "Value": 1, "Unit": "Seconds"},
            {"MetricName": "m", "Timestamp": at, "Value": 1000, "Unit": "Milliseconds"},
        ]));
        let query = w.query("m1", "m", "Sum");
        let found = w.data(json!([query]));
        assert_eq!(found[0]["Messages"][0]["Code"], "MultipleUnits", "{found:?}");
        let picked = points(&found[0]);
        assert!(picked == [(at, 1.0)] || picked == [(at, 1000.0)], "{picked:?}");
        w.note("mixed units", json!([picked[0].1, found[0]["Messages"]]));
        let mut query = w.query("m1", "m", "Sum");
        query["MetricStat"]["Unit"] = json!("Seconds");
        let found = w.data(json!([query]));
        assert_eq!(points(&found[0]), [(at, 1.0)]);
        assert_eq!(found[0].get("Messages").unwrap_or(&json!([])), &json!([]), "nothing is mixed");
    });
}

#[test]
fn dimensions_match_as_a_whole_set() {
    each_client(|w| {
        let (a, b) = (json!({"Name": "a", "Value": "1"}), json!({"Name": "b", "Value": "2"}));
        w.put(json!([{"MetricName": "m", "Timestamp": w.now(), "Value": 1, "Dimensions": [a, b]}]));
        for (dimensions, wanted) in [
            (json!([b, a]), 1),
            (json!([a]), 0),
            (json!([]), 0),
            (json!([{"Name": "a", "Value": "2"}, b]), 0),
        ] {
            let mut query = w.query("m1", "m", "Sum");
            query["MetricStat"]["Metric"]["Dimensions"] = dimensions.clone();
            let found = w.data(json!([query]));
            assert_eq!(points(&found[0]).len(), wanted, "{dimensions}");
            assert_eq!(found[0]["StatusCode"], "Complete");
        }
    });
}

type Found = BTreeMap<String, Vec<(i64, f64)>>;

/// Follows the tokens to the end: what was found by Id, and the number of points on each page.
fn pages(w: &mut World, mut input: Value) -> (Found, Vec<usize>) {
    let (mut all, mut sizes) = (Found::new(), Vec::new());
    loop {
        let answer = w.call("GetMetricData", input.clone());
        let mut size = 0;
        for result in answer["MetricDataResults"].as_array().expect("a list") {
            let found = points(result);
            size += found.len();
            all.entry(result["Id"].as_str().expect("an id").to_owned()).or_default().extend(found);
        }
        sizes.push(size);
        match answer.get("NextToken") {
            Some(token) => input["NextToken"] = token.clone(),
            None => return (all, sizes),
        }
        assert!(sizes.len() < 100, "pages without end: {sizes:?}");
    }
}

#[test]
fn pages_lose_and_repeat_nothing() {
    each_client(|w| {
        let t = w.now() - 50 * MINUTE;
        let (many, few) = ((1..=50).map(f64::from), (101..=117).map(f64::from));
        w.put_minutes("many", t, &many.collect::<Vec<_>>());
        w.put_minutes("few", t, &few.collect::<Vec<_>>());
        let queries = json!([
            w.query("a", "many", "Sum"),
            w.query("b", "few", "Sum"),
            w.query("c", "nothing", "Sum"),
            w.query("d", "many", "Maximum"),
        ]);
        for order in ["TimestampDescending", "TimestampAscending"] {
            let input = w.data_input(queries.clone(), json!({"ScanBy": order}));
            let (whole, sizes) = pages(w, input.clone());
            assert_eq!(sizes, [117]);
            assert_eq!(whole["a"].len(), 50);
            for most in [1_000, 117, 116, 40, 7] {
                let mut input = input.clone();
                input["MaxDatapoints"] = json!(most);
                let (found, sizes) = pages(w, input);
                assert_eq!(found, whole, "{order}, {most} a page");
                assert!(sizes.iter().all(|size| *size <= most), "{most} a page: {sizes:?}");
                let full = sizes.iter().filter(|size| **size > 0).count();
                assert_eq!(full, 117_usize.div_ceil(most), "{most} a page: {sizes:?}");
            }
        }
    });
}

#[test]
fn tokens_belong_to_their_request() {
    each_client(|w| {
        w.put_minutes("m", w.now() - 30 * MINUTE, &[1.0; 20]);
        let queries = json!([w.query("a", "m", "Sum")]);
        let input = w.data_input(queries, json!({"MaxDatapoints": 5}));
        let mut made_up = input.clone();
        made_up["NextToken"] = json!("bm8gc3VjaCB0b2tlbg==");
        let told = refusal(w, made_up);
        assert!(told.message.contains("NextToken") || told.code.contains("NextToken"), "{told:?}");
        w.note_refusal("made up", &told);

        let token = w.call("GetMetricData", input.clone())["NextToken"].clone();
        assert!(token.is_string(), "there is more");
        let mut other =
            w.data_input(json!([w.query("a", "m", "Average")]), json!({"MaxDatapoints": 5}));
        other["NextToken"] = token.clone();
        let told = refusal(w, other);
        w.note_refusal("of another request", &told);
        let mut next = input;
        next["NextToken"] = token;
        w.call("GetMetricData", next);
    });
}

#[test]
fn the_start_comes_before_the_end() {
    each_client(|w| {
        let (t, queries) = (w.now(), json!([w.query("a", "m", "Sum")]));
        let cases = [
            (t, t - HOUR, "EndTime must be greater than StartTime"),
            (t, t, "must not equal"),
            (t + 200, t + 900, "must not equal"),
        ];
        for (start, end, words) in cases {
            let range = json!({"StartTime": start, "EndTime": end});
            let input = w.data_input(queries.clone(), range);
            let told = refusal(w, input);
            assert_told(&told, &[VALIDATION], &[words]);
            assert_eq!(told.status, 400);
        }
    });
}

#[test]
fn each_query_has_an_id_of_its_own() {
    each_client(|w| {
        let twice = json!([w.query("a", "m", "Sum"), w.query("a", "m", "Average")]);
        let told = refusal(w, w.data_input(twice, json!({})));
        assert_told(&told, &[VALIDATION, INVALID_VALUE, INVALID_COMBINATION], &["a"]);
        w.note_refusal("twice", &told);
        for bad in ["M1", "1a", "a-b", "", "_a"] {
            let told = refusal(w, w.data_input(json!([w.query(bad, "m", "Sum")]), json!({})));
            assert_told(&told, &[VALIDATION, INVALID_VALUE], &[]);
            w.note_refusal(bad, &told);
        }
        let good = ["a", "aB_9", "a1"];
        let queries: Vec<Value> = good.iter().map(|id| w.query(id, "m", "Sum")).collect();
        assert_eq!(w.data(json!(queries)).len(), 3);
    });
}

#[test]
fn a_query_is_a_metric_or_an_expression() {
    each_client(|w| {
        let codes = &[VALIDATION, INVALID_VALUE, INVALID_COMBINATION, MISSING];
        let mut both = w.query("a", "m", "Sum");
        both["Expression"] = json!("1 + 1");
        let told = refusal(w, w.data_input(json!([both]), json!({})));
        assert_told(&told, codes, &["Expression"]);
        w.note_refusal("both", &told);
        let told = refusal(w, w.data_input(json!([{"Id": "a"}]), json!({})));
        assert_told(&told, codes, &["Expression"]);
        w.note_refusal("neither", &told);
    });
}

#[test]
fn up_to_500_queries_are_answered() {
    each_client(|w| {
        w.put_minutes("m", w.now(), &[1.0]);
        let queries = |w: &World, n: usize| -> Value {
            (0..n).map(|i| w.query(&format!("q{i}"), "m", "Sum")).collect()
        };
        let found = w.data(queries(w, 500));
        assert_eq!(found.len(), 500);
        assert!(found.iter().all(|r| points(r) == [(w.now(), 1.0)]));
        for n in [0, 501] {
            let told = refusal(w, w.data_input(queries(w, n), json!({})));
            assert_told(&told, &[VALIDATION, INVALID_VALUE, INVALID_COMBINATION, MISSING], &[]);
            w.note("number of queries", json!([n, told.code, told.status]));
        }
    });
}

#[test]
fn what_must_be_there_is_asked_for_by_name() {
    each_client(|w| {
        for (name, word) in [
            ("StartTime", "tartTime"),
            ("EndTime", "ndTime"),
            ("MetricDataQueries", "etricDataQueries"),
        ] {
            let mut input = w.data_input(json!([w.query("a", "m", "Sum")]), json!({}));
            merge(&mut input, json!({name: null}));
            let told = refusal(w, input);
            assert_told(&told, &[MISSING, VALIDATION], &[word]);
            w.note_refusal(name, &told);
        }
        for (name, word) in [("Stat", "tat"), ("Period", "eriod"), ("Metric", "etric")] {
            let mut query = w.query("a", "m", "Sum");
            merge(&mut query["MetricStat"], json!({name: null}));
            let told = refusal(w, w.data_input(json!([query]), json!({})));
            assert_told(&told, &[MISSING, VALIDATION], &[word]);
            w.note_refusal(name, &told);
        }
    });
}

#[test]
fn periods_are_of_their_set() {
    each_client(|w| {
        for period in [0, 7, 45, 90] {
            let mut query = w.query("a", "m", "Sum");
            query["MetricStat"]["Period"] = json!(period);
            let told = refusal(w, w.data_input(json!([query]), json!({})));
            assert_told(&told, &[VALIDATION, INVALID_VALUE, INVALID_COMBINATION], &["eriod"]);
            w.note("period", json!([period, told.code, told.message, told.status]));
        }
    });
}
