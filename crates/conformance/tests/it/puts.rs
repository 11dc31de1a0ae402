//! PutMetricData: every form of a datum comes back as it was meant, and nothing else gets in.

use crate::bench::{DAY, HOUR, MINUTE, SECOND};
use crate::client::Kind;
use crate::world::{assert_close, assert_told, clients, each_client, merge, points, time};
use serde_json::{Value, json};

const INVALID_VALUE: &str = "InvalidParameterValue";
const INVALID_COMBINATION: &str = "InvalidParameterCombination";
const VALIDATION: &str = "ValidationError";
const MISSING: &str = "MissingParameter";

/// SampleCount, Sum, Average, Minimum, Maximum.
fn assert_five(point: &Value, wanted: [f64; 5]) {
    let names = ["SampleCount", "Sum", "Average", "Minimum", "Maximum"];
    for (name, wanted) in names.into_iter().zip(wanted) {
        let found = point[name].as_f64().unwrap_or_else(|| panic!("no {name} in {point}"));
        assert_close(found, wanted, name);
    }
}

#[test]
fn a_value_comes_back_in_both_readings() {
    each_client(|w| {
        let at = w.now() - 5 * MINUTE + 17 * SECOND;
        w.put(json!([{"MetricName": "m", "Timestamp": at, "Value": 21.5, "Unit": "Percent"}]));
        let found = w.statistics(json!({"MetricName": "m"}));
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(time(&found[0]["Timestamp"]), w.now() - 5 * MINUTE, "the period's start");
        assert_eq!(found[0]["Unit"], "Percent");
        assert_five(&found[0], [1.0, 21.5, 21.5, 21.5, 21.5]);
        for statistic in ["Sum", "Average", "Minimum", "Maximum"] {
            assert_eq!(w.minutes("m", statistic), [(w.now() - 5 * MINUTE, 21.5)], "{statistic}");
        }
        assert_eq!(w.minutes("m", "SampleCount"), [(w.now() - 5 * MINUTE, 1.0)]);
    });
}

#[test]
fn a_datum_without_a_time_is_now() {
    each_client(|w| {
        w.server.advance(90 * SECOND);
        w.put(json!([{"MetricName": "m", "Value": 1}]));
        assert_eq!(w.minutes("m", "Sum"), [(w.now() - 30 * SECOND, 1.0)]);
    });
}

#[test]
fn only_the_statistics_asked_for_are_told() {
    each_client(|w| {
        w.put_minutes("m", w.now(), &[3.0]);
        let found = w.statistics(json!({"MetricName": "m", "Statistics": ["Maximum"]}));
        assert_eq!(found, [json!({"Timestamp": w.now(), "Maximum": 3.0, "Unit": "None"})]);
    });
}

#[test]
fn extreme_values_keep_every_bit() {
    each_client(|w| {
        let edge = 2f64.powi(360);
        let values =
            [0.1, -0.3, 1.0 / 3.0, 1e-300, 5e-324, 123_456_789.123_456_78, edge, -edge, 0.0];
        w.put_minutes("m", w.now() - 20 * MINUTE, &values);
        let found = w.minutes("m", "Maximum");
        assert_eq!(found.iter().map(|(_, v)| *v).collect::<Vec<_>>(), values);
    });
}

#[test]
fn values_weigh_as_their_counts_say() {
    each_client(|w| {
        let at = w.now();
        w.put(json!([{"MetricName": "m", "Timestamp": at, "Values": [1, 2, 7], "Counts": [3, 1.5, 0.5]}]));
        let found = w.statistics(json!({"MetricName": "m"}));
        assert_eq!(found.len(), 1);
        assert_five(&found[0], [5.0, 9.5, 1.9, 1.0, 7.0]);

        w.put(json!([{"MetricName": "n", "Timestamp": at, "Values": [1, 2, 7, 10]}]));
        let found = w.statistics(json!({"MetricName": "n"}));
        assert_five(&found[0], [4.0, 20.0, 5.0, 1.0, 10.0]);
    });
}

#[test]
fn a_hundred_and_fifty_values_fit_into_a_datum() {
    each_client(|w| {
        let values: Vec<f64> = (1..=150).map(f64::from).collect();
        w.put(json!([{"MetricName": "m", "Timestamp": w.now(), "Values": values}]));
        let found = w.statistics(json!({"MetricName": "m"}));
        assert_five(&found[0], [150.0, 11_325.0, 75.5, 1.0, 150.0]);
        let more: Vec<f64> = (1..=151).map(f64::from).collect();
        let told =
            w.put_refused(json!([{"MetricName": "n", "Timestamp": w.now(), "Values": more}]));
        assert_told(&told, &[INVALID_VALUE, VALIDATION], &["150"]);
    });
}

#[test]
fn statistic_sets_combine_with_values_of_their_minute() {
    each_client(|w| {
        let at = w.now();
        w.put(json!([
            {"MetricName": "m", "Timestamp": at,
             "StatisticValues": {"SampleCount": 3, "Sum": 30, "Minimum": 5, "Maximum": 20}},
            {"MetricName": "m", "Timestamp": at + 10 * SECOND, "Value": 40},
        ]));
        w.put(json!([
            {"MetricName": "m", "Timestamp": at + 20 * SECOND,
             "StatisticValues": {"SampleCount": 2, "Sum": 2, "Minimum": 0.5, "Maximum": 1.5}},
            {"MetricName": "m", "Timestamp": at + 59 * SECOND, "Values": [8, 9], "Counts": [1, 2]},
        ]));
        let found = w.statistics(json!({"MetricName": "m"}));
        assert_eq!(found.len(), 1, "{found:?}");
        assert_five(&found[0], [9.0, 98.0, 98.0 / 9.0, 0.5, 40.0]);
    });
}

#[test]
fn values_of_one_minute_add_up_over_requests() {
    each_client(|w| {
        for value in [1.0, 2.0, 3.0] {
            w.put(json!([{"MetricName": "m", "Timestamp": w.now() + 7 * SECOND, "Value": value}]));
        }
        let found = w.statistics(json!({"MetricName": "m"}));
        assert_eq!(found.len(), 1);
        assert_five(&found[0], [3.0, 6.0, 2.0, 1.0, 3.0]);
    });
}

#[test]
fn standard_resolution_stands_on_the_minute_and_high_on_the_second() {
    each_client(|w| {
        let at = w.now() - 10 * MINUTE;
        let seconds = [0, 1, 4, 5, 9, 10, 29, 30, 59];
        let data: Vec<Value> = seconds
            .iter()
            .map(|s| {
                json!({"MetricName": "high", "Timestamp": at + s * SECOND, "Value": 1, "StorageResolution": 1})
            })
            .collect();
        w.put(json!(data));
        w.put(json!([
            {"MetricName": "standard", "Timestamp": at + 17 * SECOND, "Value": 1},
            {"MetricName": "standard", "Timestamp": at + 44 * SECOND, "Value": 1, "StorageResolution": 60},
        ]));
        let ask = |w: &mut crate::world::World, name: &str, period: i64| {
            let mut query = w.query("m1", name, "Sum");
            query["MetricStat"]["Period"] = json!(period);
            let mut found = points(&w.data(json!([query]))[0]);
            found.reverse();
            found.into_iter().map(|(t, v)| ((t - at) / SECOND, v)).collect::<Vec<_>>()
        };
        let each: Vec<(i64, f64)> = seconds.iter().map(|s| (*s, 1.0)).collect();
        assert_eq!(ask(w, "high", 1), each);
        assert_eq!(
            ask(w, "high", 5),
            [(0, 3.0), (5, 2.0), (10, 1.0), (25, 1.0), (30, 1.0), (55, 1.0)]
        );
        assert_eq!(ask(w, "high", 10), [(0, 5.0), (10, 1.0), (20, 1.0), (30, 1.0), (50, 1.0)]);
        assert_eq!(ask(w, "high", 20), [(0, 6.0), (20, 2.0), (40, 1.0)]);
        assert_eq!(ask(w, "high", 30), [(0, 7.0), (30, 2.0)]);
        assert_eq!(ask(w, "high", 60), [(0, 9.0)]);
        assert_eq!(ask(w, "standard", 1), [(0, 2.0)]);
        assert_eq!(ask(w, "standard", 60), [(0, 2.0)]);
    });
}

#[test]
fn two_weeks_back_and_two_hours_ahead_are_taken_and_no_more() {
    each_client(|w| {
        w.put(json!([{"MetricName": "m", "Timestamp": w.now() - 14 * DAY + MINUTE, "Value": 1}]));
        w.put(json!([{"MetricName": "m", "Timestamp": w.now() + 2 * HOUR - MINUTE, "Value": 2}]));
        for at in [w.now() - 14 * DAY - 10 * MINUTE, w.now() + 2 * HOUR + 10 * MINUTE] {
            let input = json!([{"MetricName": "late", "Timestamp": at, "Value": 1}]);
            let input = json!({"Namespace": w.namespace, "MetricData": input});
            // The text may tell the time, which differs between clients: only the code is compared.
            let told = w.told("PutMetricData", input);
            assert_told(&told, &[INVALID_VALUE], &["imestamp"]);
        }
        let (start, end) = (w.now() - 14 * DAY, w.now() + 2 * HOUR);
        let found = w.statistics(
            json!({"MetricName": "m", "StartTime": start, "EndTime": end, "Period": 3600}),
        );
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(w.names(json!({})), ["m"]);
    });
}

/// boto3 writes `nan` and `inf` into a Query form, which is not how that wire spells them: there the reader may
/// refuse the text before anybody looks at the number.
#[test]
fn what_is_no_number_is_refused() {
    each_client(|w| {
        let codes: &[&str] = match w.kind {
            Kind::Query => &[INVALID_VALUE, "MalformedInput"],
            Kind::Json | Kind::Cbor => &[INVALID_VALUE],
        };
        for bad in ["NaN", "Infinity", "-Infinity"] {
            let set = json!({"SampleCount": 1, "Sum": bad, "Minimum": 1, "Maximum": 1});
            for form in [
                json!({"Value": bad}),
                json!({"Values": [1, bad]}),
                json!({"StatisticValues": set}),
            ] {
                let mut datum = json!({"MetricName": "m", "Timestamp": w.now()});
                merge(&mut datum, form);
                let input = json!({"Namespace": w.namespace, "MetricData": [datum]});
                let told = w.told("PutMetricData", input);
                assert_told(&told, codes, &[]);
                assert_eq!(told.status, 400, "{told:?}");
            }
        }
        for beyond in [2f64.powi(361), -(2f64.powi(361))] {
            let told =
                w.put_refused(json!([{"MetricName": "m", "Timestamp": w.now(), "Value": beyond}]));
            assert_told(&told, &[INVALID_VALUE], &[]);
        }
        assert!(w.list(json!({})).is_empty(), "nothing of it was kept");
    });
}

#[test]
fn a_datum_has_exactly_one_form() {
    each_client(|w| {
        let set = json!({"SampleCount": 1, "Sum": 1, "Minimum": 1, "Maximum": 1});
        let both = "are mutually exclusive and you have specified both.";
        for second in [json!({"Values": [1]}), json!({"StatisticValues": set})] {
            let mut datum = json!({"MetricName": "m", "Value": 1});
            merge(&mut datum, second);
            let told = w.put_refused(json!([datum]));
            assert_told(&told, &[INVALID_COMBINATION], &["Value", both]);
        }
        let told =
            w.put_refused(json!([{"MetricName": "m", "StatisticValues": set, "Values": [1]}]));
        assert_told(&told, &[INVALID_COMBINATION], &["StatisticValues"]);
        let told = w.put_refused(json!([{"MetricName": "m", "Values": [1, 2], "Counts": [1]}]));
        assert_told(&told, &[INVALID_VALUE], &["must be of the same size."]);
        let told = w.put_refused(json!([{"MetricName": "m"}]));
        assert_told(&told, &[MISSING, INVALID_VALUE, INVALID_COMBINATION], &["Value"]);
    });
}

#[test]
fn a_refused_request_leaves_nothing_behind() {
    each_client(|w| {
        w.put_refused(json!([
            {"MetricName": "good", "Timestamp": w.now(), "Value": 1},
            {"MetricName": "bad", "Timestamp": w.now(), "Values": [1, 2], "Counts": [1]},
        ]));
        assert!(w.list(json!({})).is_empty());
        assert!(w.minutes("good", "Sum").is_empty());
    });
}

#[test]
fn what_must_be_there_is_asked_for_by_name() {
    each_client(|w| {
        let told =
            w.refused("PutMetricData", json!({"MetricData": [{"MetricName": "m", "Value": 1}]}));
        assert_told(&told, &[MISSING, VALIDATION], &["amespace"]);
        let told = w.put_refused(json!([{"Value": 1}]));
        assert_told(&told, &[MISSING, VALIDATION], &["etricName"]);
        let input = json!({"Namespace": w.namespace});
        let told = w.refused("PutMetricData", input);
        assert_told(&told, &[MISSING, VALIDATION, INVALID_COMBINATION], &["etricData"]);
        let dimensions = json!([{"Name": "only"}]);
        let told =
            w.put_refused(json!([{"MetricName": "m", "Value": 1, "Dimensions": dimensions}]));
        assert_told(&told, &[MISSING, VALIDATION, INVALID_VALUE], &["imensions"]);
    });
}

#[test]
fn names_have_their_lengths() {
    each_client(|w| {
        let codes = &[INVALID_VALUE, VALIDATION];
        let datum = |name: &str| json!([{"MetricName": name, "Value": 1}]);
        let long = "n".repeat(256);
        for namespace in ["", ":mine", &long] {
            let input = json!({"Namespace": namespace, "MetricData": datum("m")});
            assert_told(&w.refused("PutMetricData", input), codes, &["amespace"]);
        }
        let input = json!({"Namespace": "n".repeat(255), "MetricData": datum("m")});
        w.call("PutMetricData", input);
        for name in ["", &long] {
            assert_told(&w.put_refused(datum(name)), codes, &["etricName"]);
        }
        let longest = "n".repeat(255);
        w.put(datum(&longest));
        assert_eq!(w.names(json!({})), [longest]);
    });
}

#[test]
fn a_metric_has_up_to_thirty_dimensions() {
    each_client(|w| {
        let dimensions = |n: usize| -> Vec<Value> {
            (0..n)
                .map(|i| json!({"Name": format!("d{i:02}"), "Value": "v".repeat(1_024)}))
                .collect()
        };
        w.put(json!([{"MetricName": "m", "Value": 1, "Dimensions": dimensions(30)}]));
        let listed = w.list(json!({}));
        assert_eq!(listed[0]["Dimensions"].as_array().map(Vec::len), Some(30));
        let told =
            w.put_refused(json!([{"MetricName": "m", "Value": 1, "Dimensions": dimensions(31)}]));
        assert_told(&told, &[INVALID_VALUE, VALIDATION], &["imensions"]);
    });
}

#[test]
fn resolution_and_unit_are_of_their_sets() {
    each_client(|w| {
        let told = w.put_refused(json!([{"MetricName": "m", "Value": 1, "StorageResolution": 7}]));
        assert_told(&told, &[INVALID_VALUE, VALIDATION], &["esolution"]);
        let told = w.put_refused(json!([{"MetricName": "m", "Value": 1, "Unit": "Furlongs"}]));
        assert_told(&told, &[INVALID_VALUE, VALIDATION], &["nit"]);
    });
}

#[test]
fn text_of_any_script_comes_back() {
    each_client(|w| {
        let dimensions = json!([{"Name": "Город", "Value": "東京 <&> \"quoted\" + %20 = / ;"}]);
        w.put(json!([{"MetricName": "größe & co", "Value": 1, "Dimensions": dimensions}]));
        let listed = w.list(json!({}));
        assert_eq!(
            listed,
            [
                json!({"Namespace": w.namespace, "MetricName": "größe & co", "Dimensions": dimensions})
            ]
        );
        let found = w.statistics(json!({"MetricName": "größe & co", "Dimensions": dimensions}));
        assert_eq!(found.len(), 1);
    });
}

#[test]
fn a_thousand_datums_come_compressed_and_one_more_is_refused() {
    each_client(|w| {
        let at = w.now();
        let datum = |i: i64| {
            json!({"MetricName": "m", "Timestamp": at - 30 * MINUTE + (i % 20) * MINUTE, "Value": i,
                   "Unit": "Count", "Dimensions": [{"Name": "shard", "Value": format!("{}", i % 4)}]})
        };
        w.put((0..1_000).map(datum).collect());
        let exchange = w.exchange();
        assert_eq!(exchange["headers"]["content-encoding"], "gzip", "{exchange}");
        let signed = exchange["headers"]["authorization"].as_str().expect("signed").to_owned();
        assert!(signed.contains("content-encoding"), "{signed}");
        assert_eq!(w.list(json!({})).len(), 4);
        for shard in 0..4 {
            let found = w.statistics(json!({
                "MetricName": "m", "Dimensions": [{"Name": "shard", "Value": shard.to_string()}],
                "Period": 3600,
            }));
            let count: f64 = found.iter().filter_map(|p| p["SampleCount"].as_f64()).sum();
            let sum: f64 = found.iter().filter_map(|p| p["Sum"].as_f64()).sum();
            assert_close(count, 250.0, "count");
            assert_close(sum, (0..1_000).filter(|i| i % 4 == shard).map(|i| i as f64).sum(), "sum");
        }
        let told = w.put_refused((0..1_001).map(datum).collect());
        assert_told(&told, &[INVALID_VALUE, VALIDATION], &["etricData"]);
    });
}

/// An entity is kept or refused by name, never dropped on the way.
///
/// The boto3 of Query times does not know the parameter.
#[test]
fn entities_are_not_ignored() {
    clients(&[Kind::Json, Kind::Cbor], |w| {
        let input = json!({
            "Namespace": w.namespace,
            "EntityMetricData": [{
                "Entity": {"KeyAttributes": {"Type": "Service", "Name": "checkout"}},
                "MetricData": [{"MetricName": "m", "Timestamp": w.now(), "Value": 1}],
            }],
            "StrictEntityValidation": true,
        });
        match w.attempt("PutMetricData", input) {
            Ok(_) => assert_eq!(w.minutes("m", "Sum"), [(w.now(), 1.0)]),
            Err(crate::client::Failure::Refused(told)) => {
                assert!(told.message.contains("EntityMetricData"), "{told:?}");
                assert_eq!(told.status, 400, "{told:?}");
            }
            Err(other) => panic!("{other:?}"),
        }
    });
}
