//! Pages and their tokens.

use crate::server::{NOW_MS, NOW_S, Server};
use serde_json::{Value as Json, json};

fn fill(server: &Server, count: usize) {
    let datums: Vec<_> =
        (0..count).map(|n| json!({"MetricName": format!("m{n:04}"), "Value": 1.0})).collect();
    for datums in datums.chunks(1_000) {
        server.put("Shop", &json!(datums));
    }
}

#[test]
fn metrics_are_listed_five_hundred_at_a_time() {
    let server = Server::new();
    fill(&server, 1_001);
    let mut asked = json!({"Namespace": "Shop"});
    let (mut sizes, mut names) = (Vec::new(), Vec::new());
    loop {
        let page = server.ask("ListMetrics", &asked);
        let metrics = page["Metrics"].as_array().unwrap();
        sizes.push(metrics.len());
        names.extend(metrics.iter().map(|m| m["MetricName"].as_str().unwrap().to_owned()));
        match page.get("NextToken") {
            Some(token) => asked["NextToken"] = token.clone(),
            None => break,
        }
        // A metric that comes before the page's end moves nothing.
        server.put("Shop", &json!([{"MetricName": "a", "Value": 1.0}]));
    }
    assert_eq!(sizes, [500, 500, 1]);
    let expected: Vec<_> = (0..1_001).map(|n| format!("m{n:04}")).collect();
    assert_eq!(names, expected);
}

#[test]
fn a_token_is_good_for_its_request_only() {
    let mut server = Server::new();
    fill(&server, 501);
    let token = server.ask("ListMetrics", &json!({}))["NextToken"].clone();
    let refused =
        ("InvalidParameterValue".to_owned(), "Request parameter NextToken is invalid".to_owned());
    for body in [
        json!({"NextToken": "made-up"}),
        json!({"NextToken": token, "Namespace": "Shop"}),
        json!({"NextToken": ""}),
    ] {
        assert_eq!(server.refusal("ListMetrics", &body), refused, "{body}");
    }
    server.region = "eu-west-1".into();
    assert_eq!(server.refusal("ListMetrics", &json!({"NextToken": token})), refused);
    server.region = "us-east-1".into();
    assert_eq!(server.listed(&json!({"NextToken": token})).len(), 1);
}

#[test]
fn long_identities_have_pages_too() {
    let server = Server::new();
    let dimensions: Vec<_> =
        (0..30).map(|n| json!({"Name": format!("d{n}"), "Value": "v".repeat(1_024)})).collect();
    let datum = |n: usize| json!({"MetricName": format!("m{n:04}"), "Value": 1.0, "Dimensions": dimensions});
    for from in (0..510).step_by(30) {
        server.put("Shop", &json!((from..from + 30).map(datum).collect::<Vec<_>>()));
    }
    let first = server.ask("ListMetrics", &json!({}));
    assert_eq!(first["Metrics"].as_array().unwrap().len(), 500);
    let rest = server.listed(&json!({"NextToken": first["NextToken"]}));
    assert_eq!(rest.len(), 10);
    assert_eq!(rest[0]["MetricName"], "m0500");
}

#[test]
fn filters_take_metrics_with_more_dimensions() {
    let server = Server::new();
    let (a, b) = (json!({"Name": "a", "Value": "1"}), json!({"Name": "b", "Value": "2"}));
    server.put(
        "Shop",
        &json!([
            {"MetricName": "none", "Value": 1.0},
            {"MetricName": "one", "Value": 1.0, "Dimensions": [a]},
            {"MetricName": "both", "Value": 1.0, "Dimensions": [a, b]},
        ]),
    );
    server.put("Other", &json!([{"MetricName": "one", "Value": 1.0}]));
    let names = |filter: Json| -> Vec<String> {
        let listed = server.listed(&filter);
        listed.iter().map(|m| m["MetricName"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(json!({"Namespace": "Shop"})), ["both", "none", "one"]);
    assert_eq!(names(json!({"MetricName": "one"})), ["one", "one"]);
    assert_eq!(names(json!({"Dimensions": [{"Name": "a"}]})), ["both", "one"]);
    assert_eq!(names(json!({"Dimensions": [{"Name": "a"}, b]})), ["both"]);
    assert!(names(json!({"Dimensions": [{"Name": "a", "Value": "2"}]})).is_empty());
    assert!(names(json!({"Dimensions": [{"Name": "__name__", "Value": "one"}]})).is_empty());
    assert!(names(json!({"OwningAccount": "999999999999"})).is_empty());
    let linked = json!({"IncludeLinkedAccounts": true, "Namespace": "Other"});
    let answer = server.ask("ListMetrics", &linked);
    assert_eq!(answer["OwningAccounts"], json!(["123456789012"]));
    let (code, _) =
        server.refusal("ListMetrics", &json!({"Dimensions": vec![json!({"Name": "a"}); 11]}));
    assert_eq!(code, "ValidationError");
    assert_eq!(
        server.refusal("ListMetrics", &json!({"RecentlyActive": "PT1H"})).0,
        "ValidationError"
    );
}

#[test]
fn metrics_without_data_for_two_weeks_are_not_listed() {
    let server = Server::new();
    server.put("Shop", &json!([{"MetricName": "old", "Value": 1.0}]));
    let recent = json!({"RecentlyActive": "PT3H"});
    assert_eq!(server.listed(&recent).len(), 1);
    server.clock.advance_to(NOW_MS + 4 * 3_600_000);
    assert_eq!(server.listed(&recent).len(), 0);
    assert_eq!(server.listed(&json!({})).len(), 1);
    server.clock.advance_to(NOW_MS + 15 * 86_400_000);
    assert_eq!(server.listed(&json!({})).len(), 0);
    let by_name = json!({
        "Namespace": "Shop", "MetricName": "old", "Period": 60, "Statistics": ["Sum"],
        "StartTime": NOW_S, "EndTime": NOW_S + 60,
    });
    let found = server.ask("GetMetricStatistics", &by_name);
    assert_eq!(found["Datapoints"].as_array().unwrap().len(), 1, "still readable by name");
}

fn query(id: &str, name: &str) -> Json {
    json!({"Id": id, "MetricStat": {
        "Metric": {"Namespace": "Shop", "MetricName": name}, "Period": 60, "Stat": "Sum",
    }})
}

#[test]
fn pages_of_data_put_together_are_the_whole() {
    let server = Server::new();
    for minute in 0..10 {
        let at = NOW_S + 60 * minute;
        server.put(
            "Shop",
            &json!([
                {"MetricName": "a", "Value": minute as f64, "Timestamp": at},
                {"MetricName": "c", "Value": minute as f64 + 100.0, "Timestamp": at},
            ]),
        );
    }
    for order in ["TimestampDescending", "TimestampAscending"] {
        let queries = json!([query("a", "a"), query("b", "unknown"), query("c", "c")]);
        let mut asked = json!({
            "MetricDataQueries": queries, "StartTime": NOW_S, "EndTime": NOW_S + 600,
            "ScanBy": order,
        });
        let whole = server.ask("GetMetricData", &asked);
        assert!(whole.get("NextToken").is_none());
        for max in [1, 3, 7, 10, 19, 20] {
            asked["MaxDatapoints"] = json!(max);
            asked.as_object_mut().unwrap().remove("NextToken");
            let mut found = vec![Vec::new(); 3];
            loop {
                let page = server.ask("GetMetricData", &asked);
                let results = page["MetricDataResults"].as_array().unwrap();
                assert_eq!(results.len(), 3, "every page has a result for every query");
                let of = |r: &Json| r["Values"].as_array().unwrap().clone();
                assert!(results.iter().map(|r| of(r).len()).sum::<usize>() <= max);
                for (all, result) in found.iter_mut().zip(results) {
                    all.extend(of(result));
                }
                let partial = results.iter().any(|r| r["StatusCode"] == "PartialData");
                assert_eq!(partial, page.get("NextToken").is_some());
                match page.get("NextToken") {
                    Some(token) => asked["NextToken"] = token.clone(),
                    None => break,
                }
            }
            for (all, result) in found.iter().zip(whole["MetricDataResults"].as_array().unwrap()) {
                assert_eq!(json!(all), result["Values"], "{order} by {max}");
            }
        }
        asked["NextToken"] = json!("made-up");
        let (code, text) = server.refusal("GetMetricData", &asked);
        assert_eq!(code, "InvalidNextToken");
        assert_eq!(text, "Request parameter NextToken is invalid");
    }
}
