//! ListMetrics: filters, pages, and what counts as active.

use crate::bench::{DAY, HOUR, MINUTE};
use crate::world::{assert_told, each_client};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const INVALID_VALUE: &str = "InvalidParameterValue";
const VALIDATION: &str = "ValidationError";
const TOKEN_INVALID: &str = "Request parameter NextToken is invalid";

fn shards(count: usize) -> Vec<Value> {
    (0..count)
        .map(|i| {
            json!({"MetricName": "m", "Value": 1,
                   "Dimensions": [{"Name": "shard", "Value": format!("{i:04}")}]})
        })
        .collect()
}

#[test]
fn pages_hold_500_and_lose_nothing() {
    each_client(|w| {
        for batch in shards(1_203).chunks(1_000) {
            w.put(json!(batch));
        }
        let pages = w.pages(json!({}));
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [500, 500, 203]);
        let found: Vec<String> = pages
            .concat()
            .iter()
            .map(|m| m["Dimensions"][0]["Value"].as_str().expect("a value").to_owned())
            .collect();
        let distinct: BTreeSet<String> = found.iter().cloned().collect();
        let wanted: BTreeSet<String> = (0..1_203).map(|i| format!("{i:04}")).collect();
        assert_eq!(found.len(), 1_203, "none twice");
        assert_eq!(distinct, wanted);
        w.note("order", json!(found));
    });
}

#[test]
fn exactly_500_are_one_page() {
    each_client(|w| {
        w.put(json!(shards(500)));
        assert_eq!(w.pages(json!({})).iter().map(Vec::len).collect::<Vec<_>>(), [500]);
    });
}

#[test]
fn a_token_that_is_made_up_or_of_another_request_is_refused() {
    each_client(|w| {
        for token in ["nonsense", "bm8gc3VjaCB0b2tlbg==", "0"] {
            let input = json!({"Namespace": w.namespace, "NextToken": token});
            let told = w.refused("ListMetrics", input);
            assert_told(&told, &[INVALID_VALUE, VALIDATION, "InvalidNextToken"], &[TOKEN_INVALID]);
        }
        for batch in shards(1_203).chunks(1_000) {
            w.put(json!(batch));
        }
        let mut input = json!({"Namespace": w.namespace});
        let token = w.call("ListMetrics", input.clone())["NextToken"].clone();
        assert!(token.is_string(), "there is more");
        let of_another = json!({"Namespace": w.namespace, "MetricName": "m", "NextToken": token});
        let told = w.told("ListMetrics", of_another);
        assert!(told.message.contains(TOKEN_INVALID), "{told:?}");
        input["NextToken"] = token;
        assert_eq!(w.call("ListMetrics", input)["Metrics"].as_array().map(Vec::len), Some(500));
    });
}

#[test]
fn a_spent_token_is_refused() {
    each_client(|w| {
        w.put(json!(shards(501)));
        let mut input = json!({"Namespace": w.namespace});
        input["NextToken"] = w.call("ListMetrics", input.clone())["NextToken"].clone();
        w.call("ListMetrics", input.clone());
        let told = w.told("ListMetrics", input);
        assert!(told.message.contains(TOKEN_INVALID), "{told:?}");
    });
}

#[test]
fn filters_select_by_namespace_name_and_some_of_the_dimensions() {
    each_client(|w| {
        let (a1, a2) = (json!({"Name": "a", "Value": "1"}), json!({"Name": "a", "Value": "2"}));
        let b = json!({"Name": "b", "Value": "1"});
        w.put(json!([
            {"MetricName": "plain", "Value": 1},
            {"MetricName": "one", "Value": 1, "Dimensions": [a1]},
            {"MetricName": "two", "Value": 1, "Dimensions": [a2, b]},
            {"MetricName": "other", "Value": 1, "Dimensions": [b]},
        ]));
        let elsewhere = format!("{}/Elsewhere", w.namespace);
        let input =
            json!({"Namespace": elsewhere, "MetricData": [{"MetricName": "one", "Value": 1}]});
        w.call("PutMetricData", input);

        assert_eq!(w.names(json!({})), ["one", "other", "plain", "two"]);
        assert_eq!(w.names(json!({"Namespace": elsewhere})), ["one"]);
        assert_eq!(w.names(json!({"Namespace": null})), ["one", "one", "other", "plain", "two"]);
        assert_eq!(w.names(json!({"Namespace": null, "MetricName": "one"})), ["one", "one"]);
        assert_eq!(w.names(json!({"MetricName": "one"})), ["one"]);
        assert_eq!(w.names(json!({"Dimensions": [{"Name": "a"}]})), ["one", "two"]);
        assert_eq!(w.names(json!({"Dimensions": [a1]})), ["one"]);
        assert_eq!(
            w.names(json!({"Dimensions": [b]})),
            ["other", "two"],
            "more dimensions are fine"
        );
        assert_eq!(w.names(json!({"Dimensions": [{"Name": "a"}, {"Name": "b"}]})), ["two"]);
        assert_eq!(w.names(json!({"Dimensions": [b, a2]})), ["two"]);
        assert_eq!(w.names(json!({"Dimensions": [a1, b]})), [""; 0]);
        assert_eq!(w.names(json!({"MetricName": "on"})), [""; 0], "exactly, not by prefix");
        assert_eq!(w.names(json!({"MetricName": "One"})), [""; 0], "case counts");
    });
}

#[test]
fn a_metric_is_listed_once_whatever_its_units_and_the_order_of_its_dimensions() {
    each_client(|w| {
        let (a, b) = (json!({"Name": "a", "Value": "1"}), json!({"Name": "b", "Value": "2"}));
        w.put(json!([
            {"MetricName": "m", "Value": 1, "Unit": "Seconds", "Dimensions": [a, b]},
            {"MetricName": "m", "Value": 1, "Unit": "Count", "Dimensions": [b, a]},
            {"MetricName": "m", "Value": 1, "Dimensions": [a, b], "StorageResolution": 1},
        ]));
        let found = w.list(json!({}));
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0]["MetricName"], "m");
        assert_eq!(found[0]["Namespace"], w.namespace);
        let dimensions = found[0]["Dimensions"].as_array().expect("a list");
        assert!(dimensions.len() == 2 && dimensions.contains(&a) && dimensions.contains(&b));
    });
}

#[test]
fn a_metric_without_dimensions_has_an_empty_list() {
    each_client(|w| {
        w.put(json!([{"MetricName": "m", "Value": 1}]));
        let found = w.list(json!({}));
        assert_eq!(found, [json!({"Namespace": w.namespace, "MetricName": "m", "Dimensions": []})]);
    });
}

#[test]
fn recently_active_means_the_last_three_hours() {
    each_client(|w| {
        w.put(json!([{"MetricName": "old", "Value": 1}]));
        assert_eq!(w.names(json!({"RecentlyActive": "PT3H"})), ["old"]);
        w.server.advance(4 * HOUR);
        w.put(json!([{"MetricName": "new", "Value": 1}]));
        assert_eq!(w.names(json!({"RecentlyActive": "PT3H"})), ["new"]);
        assert_eq!(w.names(json!({})), ["new", "old"]);
        w.put(json!([{"MetricName": "old", "Value": 1}]));
        assert_eq!(w.names(json!({"RecentlyActive": "PT3H"})), ["new", "old"], "active again");
    });
}

#[test]
fn after_two_weeks_without_data_a_metric_is_read_by_name_only() {
    each_client(|w| {
        let at = w.now();
        w.put(json!([{"MetricName": "old", "Timestamp": at, "Value": 5}]));
        w.server.advance(13 * DAY);
        assert_eq!(w.names(json!({})), ["old"], "thirteen days");
        w.server.advance(DAY + HOUR);
        w.put(json!([{"MetricName": "new", "Value": 1}]));
        assert_eq!(w.names(json!({})), ["new"]);
        let found = w.statistics(
            json!({"MetricName": "old", "StartTime": at, "EndTime": at + HOUR, "Period": 3600}),
        );
        assert_eq!(found.len(), 1);
        assert_eq!(found[0]["Sum"], 5.0);
        w.put(json!([{"MetricName": "old", "Timestamp": w.now() - 10 * MINUTE, "Value": 1}]));
        assert_eq!(w.names(json!({})), ["new", "old"]);
    });
}

#[test]
fn bad_filters_are_refused() {
    each_client(|w| {
        let told = w.refused("ListMetrics", json!({"RecentlyActive": "PT5H"}));
        assert_told(&told, &[VALIDATION, INVALID_VALUE], &["PT5H", "PT3H"]);
        let many: Vec<Value> = (0..11).map(|i| json!({"Name": format!("d{i}")})).collect();
        let told = w.refused("ListMetrics", json!({"Dimensions": many}));
        assert_told(&told, &[VALIDATION, INVALID_VALUE], &["imensions"]);
        let told = w.refused("ListMetrics", json!({"Dimensions": [{"Value": "v"}]}));
        assert_told(&told, &[VALIDATION, INVALID_VALUE, "MissingParameter"], &["ame"]);
    });
}
