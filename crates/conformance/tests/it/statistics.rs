//! GetMetricStatistics, and what each statistic means.

use crate::bench::{DAY, HOUR, MINUTE};
use crate::world::{World, assert_close, assert_told, each_client, time};
use serde_json::{Value, json};

const INVALID_VALUE: &str = "InvalidParameterValue";
const INVALID_COMBINATION: &str = "InvalidParameterCombination";
const VALIDATION: &str = "ValidationError";
const MISSING: &str = "MissingParameter";

#[test]
fn the_start_is_inclusive_and_the_end_exclusive() {
    each_client(|w| {
        let t = w.now() - 30 * MINUTE;
        w.put_minutes("m", t, &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        let range = json!({"MetricName": "m", "StartTime": t + MINUTE, "EndTime": t + 4 * MINUTE});
        let found = w.statistics(range);
        let sums: Vec<f64> = found.iter().filter_map(|p| p["Sum"].as_f64()).collect();
        assert_eq!(sums, [1.0, 2.0, 3.0]);
    });
}

#[test]
fn the_answer_is_labelled_with_the_metric() {
    each_client(|w| {
        w.put_minutes("latency", w.now(), &[1.0]);
        let input = w.statistics_input(json!({"MetricName": "latency"}));
        let found = w.call("GetMetricStatistics", input);
        assert_eq!(found["Label"], "latency");
        let input = w.statistics_input(json!({"MetricName": "nothing"}));
        let found = w.call("GetMetricStatistics", input);
        assert_eq!(found["Label"], "nothing");
        assert_eq!(found["Datapoints"], json!([]));
    });
}

/// Only whole periods are held to a sum: what a range that cuts a period takes of it is not written down.
#[test]
fn periods_are_aligned_to_the_epoch() {
    each_client(|w| {
        let t = w.now() - 40 * MINUTE;
        w.put_minutes("m", t, &[1.0; 30]);
        let (start, end) = (t + 3 * MINUTE, t + 28 * MINUTE);
        let found = w.statistics(
            json!({"MetricName": "m", "StartTime": start, "EndTime": end, "Period": 300}),
        );
        let mut whole = 0;
        for point in &found {
            let at = time(&point["Timestamp"]);
            assert_eq!(at % (5 * MINUTE), 0, "{point}");
            if at >= start && at + 5 * MINUTE <= end {
                assert_close(point["Sum"].as_f64().expect("Sum"), 5.0, "sum");
                whole += 1;
            }
        }
        assert_eq!(whole, 4, "{found:?}");
        let sums: Vec<&Value> = found.iter().map(|p| &p["Sum"]).collect();
        w.note("sums of cut periods", json!(sums));
    });
}

#[test]
fn units_are_apart_and_filter_exactly() {
    each_client(|w| {
        let t = w.now();
        w.put(json!([
            {"MetricName": "m", "Timestamp": t, "Value": 1, "Unit": "Seconds"},
            {"MetricName": "m", "Timestamp": t, "Value": 1000, "Unit": "Milliseconds"},
            {"MetricName": "m", "Timestamp": t, "Value": 3},
            {"MetricName": "m", "Timestamp": t, "Value": 4, "Unit": "None"},
        ]));
        let found = w.statistics(json!({"MetricName": "m"}));
        let sums: Vec<(&str, f64)> =
            found.iter().filter_map(|p| Some((p["Unit"].as_str()?, p["Sum"].as_f64()?))).collect();
        assert_eq!(sums, [("Milliseconds", 1000.0), ("None", 7.0), ("Seconds", 1.0)]);
        let found = w.statistics(json!({"MetricName": "m", "Unit": "Seconds"}));
        assert_eq!(found.len(), 1);
        assert_eq!((&found[0]["Unit"], &found[0]["Sum"]), (&json!("Seconds"), &json!(1.0)));
        let found = w.statistics(json!({"MetricName": "m", "Unit": "Microseconds"}));
        assert!(found.is_empty(), "no unit is ever converted: {found:?}");
    });
}

#[test]
fn dimensions_are_a_set_that_must_match_whole() {
    each_client(|w| {
        let (a, b) = (json!({"Name": "a", "Value": "1"}), json!({"Name": "b", "Value": "2"}));
        w.put(json!([
            {"MetricName": "m", "Timestamp": w.now(), "Value": 1},
            {"MetricName": "m", "Timestamp": w.now(), "Value": 10, "Dimensions": [a]},
            {"MetricName": "m", "Timestamp": w.now(), "Value": 100, "Dimensions": [a, b]},
            {"MetricName": "m", "Timestamp": w.now(), "Value": 100, "Dimensions": [b, a]},
        ]));
        let sum = |w: &mut World, dimensions: Value| -> Vec<f64> {
            let found = w.statistics(json!({"MetricName": "m", "Dimensions": dimensions}));
            found.iter().filter_map(|p| p["Sum"].as_f64()).collect()
        };
        assert_eq!(sum(w, json!([])), [1.0]);
        assert_eq!(sum(w, json!([a])), [10.0]);
        assert_eq!(sum(w, json!([a, b])), [200.0], "in either order one metric");
        assert_eq!(sum(w, json!([b, a])), [200.0]);
        assert!(sum(w, json!([b])).is_empty(), "no roll-up");
    });
}

#[test]
fn more_than_1440_points_are_refused_with_their_number() {
    each_client(|w| {
        w.put_minutes("m", w.now(), &[1.0]);
        let (start, end) = (w.now() - DAY, w.now() + MINUTE);
        let input =
            w.statistics_input(json!({"MetricName": "m", "StartTime": start, "EndTime": end}));
        let told = w.refused("GetMetricStatistics", input);
        assert_told(&told, &[INVALID_COMBINATION], &[]);
        let plain = told.message.replace(',', "");
        assert!(plain.contains("1441") && plain.contains("1440"), "{told:?}");
        let found =
            w.statistics(json!({"MetricName": "m", "StartTime": start + MINUTE, "EndTime": end}));
        assert_eq!(found.len(), 1, "1,440 are fine");
    });
}

#[test]
fn the_start_comes_before_the_end() {
    each_client(|w| {
        let t = w.now();
        for (start, end) in [(t, t - HOUR), (t, t), (t + 200, t + 900)] {
            let input =
                w.statistics_input(json!({"MetricName": "m", "StartTime": start, "EndTime": end}));
            let refusal = w.told("GetMetricStatistics", input);
            assert_eq!(refusal.code, INVALID_VALUE);
            assert_eq!(
                refusal.message,
                "The parameter StartTime must be less than the parameter EndTime."
            );
            assert_eq!(refusal.status, 400);
        }
    });
}

#[test]
fn statistics_are_asked_for_in_two_lists() {
    each_client(|w| {
        w.put_minutes("m", w.now(), &[1.0]);
        // Without times, so that what the clients are told can be compared word by word.
        let input = w.statistics_input(json!({"MetricName": "m", "Statistics": null}));
        let told = w.told("GetMetricStatistics", input);
        assert_told(&told, &[INVALID_COMBINATION, MISSING, VALIDATION], &["Statistics"]);
        w.note_refusal("neither", &told);
        let both = json!({"MetricName": "m", "Statistics": ["Sum"], "ExtendedStatistics": ["p90"]});
        // The documentation wants one list or the other. Exporters that always send both work
        // against the service, and unmodified clients come first.
        let answer = w.call("GetMetricStatistics", w.statistics_input(both));
        let datapoint = &answer["Datapoints"][0];
        assert_eq!(datapoint["Sum"], 1.0);
        assert_eq!(datapoint["ExtendedStatistics"]["p90"], 1.0);
    });
}

#[test]
fn what_must_be_there_is_asked_for_by_name() {
    each_client(|w| {
        for (name, word) in [
            ("Namespace", "amespace"),
            ("MetricName", "etricName"),
            ("StartTime", "tartTime"),
            ("EndTime", "ndTime"),
            ("Period", "eriod"),
        ] {
            let mut input = w.statistics_input(json!({"MetricName": "m"}));
            crate::world::merge(&mut input, json!({name: null}));
            let told = w.told("GetMetricStatistics", input);
            assert_told(&told, &[MISSING, VALIDATION], &[word]);
            w.note_refusal(name, &told);
        }
    });
}

#[test]
fn periods_are_of_their_set() {
    each_client(|w| {
        for period in [0, 7, 45, 61, 90, -60] {
            let input = w.statistics_input(json!({"MetricName": "m", "Period": period}));
            let told = w.told("GetMetricStatistics", input);
            assert_told(&told, &[INVALID_VALUE, INVALID_COMBINATION, VALIDATION], &["eriod"]);
            w.note("period", json!([period, told.code, told.message]));
        }
        w.put(json!([{"MetricName": "h", "Timestamp": w.now() + 10_000, "Value": 1, "StorageResolution": 1}]));
        for period in [1, 5, 10, 20, 30, 60, 120, 3600] {
            let (start, end) = (w.now(), w.now() + MINUTE);
            let range =
                json!({"MetricName": "h", "StartTime": start, "EndTime": end, "Period": period});
            assert_eq!(w.statistics(range).len(), 1, "a period of {period}");
        }
    });
}

/// Asks for extended statistics of the point at now.
fn extended(w: &mut World, name: &str, statistics: &[&str]) -> Vec<f64> {
    let (start, end) = (w.now(), w.now() + MINUTE);
    let found = w.statistics(json!({
        "MetricName": name, "StartTime": start, "EndTime": end, "ExtendedStatistics": statistics,
    }));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].get("Sum").is_none(), "not asked for: {found:?}");
    let all = &found[0]["ExtendedStatistics"];
    assert_eq!(all.as_object().map(serde_json::Map::len), Some(statistics.len()), "{found:?}");
    let values = statistics.iter();
    values.map(|s| all[s].as_f64().unwrap_or_else(|| panic!("no {s} in {all}"))).collect()
}

#[test]
fn percentiles_lie_between_the_values_around_them() {
    each_client(|w| {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        w.put(json!([{"MetricName": "m", "Timestamp": w.now(), "Values": values}]));
        let names = ["p50", "p90", "p99", "p100", "p99.5", "p10"];
        let found = extended(w, "m", &names);
        for ((value, low), name) in
            found.iter().zip([50.0, 90.0, 99.0, 100.0, 99.0, 10.0]).zip(names)
        {
            assert!((low..=low + 1.0).contains(value), "{name} of 1 to 100 is {value}");
        }
        assert_close(found[3], 100.0, "p100 is the maximum");
        for (name, value) in names.iter().zip(&found) {
            assert_eq!(w.minutes("m", name), [(w.now(), *value)], "{name}: both operations agree");
        }
        w.note("percentiles", json!(found));

        let same = json!([{"MetricName": "same", "Timestamp": w.now(), "Values": [7.25], "Counts": [1000]}]);
        w.put(same);
        assert_eq!(extended(w, "same", &["p1", "p50", "p99.9"]), [7.25; 3]);
    });
}

#[test]
fn percentiles_weigh_counts() {
    each_client(|w| {
        let values =
            json!({"MetricName": "m", "Timestamp": w.now(), "Values": [1, 50], "Counts": [98, 2]});
        w.put(json!([values]));
        let found = extended(w, "m", &["p50", "p90", "p99.5"]);
        assert_eq!((found[0], found[1]), (1.0, 1.0));
        assert_close(found[2], 50.0, "p99.5");
    });
}

#[test]
fn trimmed_statistics_and_ranks_follow_their_definitions() {
    each_client(|w| {
        let values = json!([1, 2, 3, 4, 5, 6, 7, 8, 9, 100]);
        w.put(json!([{"MetricName": "m", "Timestamp": w.now(), "Values": values}]));
        for (statistic, expected) in [
            ("tm90", 5.0),
            ("TM(2:5)", 4.0),
            ("TM(10%:90%)", 5.5),
            ("IQM", 5.5),
            ("wm90", 5.4),
            ("WM(3:10)", 5.8),
            ("tc90", 9.0),
            ("TC(2:5)", 3.0),
            ("ts90", 45.0),
            ("TS(80%:)", 109.0),
            ("PR(:5)", 50.0),
            ("PR(3:6)", 30.0),
        ] {
            assert_close(extended(w, "m", &[statistic])[0], expected, statistic);
            let found = w.minutes("m", statistic);
            assert_eq!(found.len(), 1, "{statistic}");
            assert_close(found[0].1, expected, statistic);
        }
    });
}

/// CloudWatch's pattern takes them and nothing says what they mean: nobody is given a number that
/// means something else.
#[test]
fn statistics_without_a_documented_meaning_are_refused_by_name() {
    each_client(|w| {
        w.put_minutes("m", w.now(), &[1.0]);
        for statistic in ["o5", "u99.5", "p99_E", "IQM_H"] {
            let more = json!({"MetricName": "m", "ExtendedStatistics": [statistic]});
            let input = w.statistics_input(more);
            let told = w.told("GetMetricStatistics", input);
            assert_told(&told, &[INVALID_VALUE], &[statistic]);
            w.note_refusal(statistic, &told);
            let query = w.query("a", "m", statistic);
            let input = w.data_input(json!([query]), json!({}));
            let told = w.told("GetMetricData", input);
            assert_told(&told, &[INVALID_VALUE, VALIDATION], &[statistic]);
            w.note_refusal(statistic, &told);
        }
    });
}

/// Percentiles need the values themselves.
#[test]
fn a_statistic_set_has_percentiles_only_when_it_is_one_value() {
    each_client(|w| {
        let put = |w: &mut World, name: &str, set: Value| {
            w.put(json!([{"MetricName": name, "Timestamp": w.now(), "StatisticValues": set}]));
        };
        put(w, "wide", json!({"SampleCount": 3, "Sum": 30, "Minimum": 5, "Maximum": 20}));
        put(w, "one", json!({"SampleCount": 1, "Sum": 5, "Minimum": 5, "Maximum": 5}));
        put(w, "flat", json!({"SampleCount": 4, "Sum": 20, "Minimum": 5, "Maximum": 5}));
        w.put(json!([{"MetricName": "negative", "Timestamp": w.now(), "Values": [-1, 2, 3]}]));
        assert_eq!(w.minutes("one", "p90"), [(w.now(), 5.0)]);
        assert_eq!(w.minutes("flat", "p90"), [(w.now(), 5.0)]);
        assert_eq!(w.minutes("wide", "p90"), []);
        assert_eq!(w.minutes("negative", "p90"), [], "not available with negative values");
        assert_eq!(w.minutes("wide", "Average"), [(w.now(), 10.0)]);
    });
}

#[test]
fn unknown_statistics_are_refused() {
    each_client(|w| {
        let codes = &[INVALID_VALUE, VALIDATION, INVALID_COMBINATION];
        for bad in [
            "Median",
            "P99",
            "p101",
            "p",
            "TM(:)",
            "tm(10%:90%)",
            "PR(10%:20%)",
            "Sum",
            "p1.12345678901",
        ] {
            let input = w.statistics_input(json!({"MetricName": "m", "ExtendedStatistics": [bad]}));
            let told = w.told("GetMetricStatistics", input);
            assert_told(&told, codes, &[]);
            w.note_refusal(bad, &told);
        }
        let input = w.statistics_input(json!({"MetricName": "m", "Statistics": ["Median"]}));
        let told = w.told("GetMetricStatistics", input);
        assert_told(&told, codes, &["Median"]);
        w.note_refusal("Median", &told);
        for bad in ["Median", "P99", "average"] {
            let query = w.query("m1", "m", bad);
            let input = w.data_input(json!([query]), json!({}));
            let told = w.told("GetMetricData", input);
            assert_told(&told, codes, &[]);
        }
    });
}

#[test]
fn old_data_are_read_with_long_periods() {
    each_client(|w| {
        let at = w.now() - 13 * DAY;
        w.put_minutes("m", at, &[1.0, 2.0, 3.0]);
        w.server.advance(10 * DAY);
        let found = w.statistics(json!({
            "MetricName": "m", "StartTime": at, "EndTime": at + HOUR, "Period": 3600,
        }));
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0]["Sum"], 6.0);
    });
}
