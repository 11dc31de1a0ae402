//! Put, list, and read back.

use crate::server::{NOW_MS, NOW_S, Server, Wire};
use aws_shapes::cloudwatch as shapes;
use aws_wire::codec;
use serde_json::{Value as Json, json};

fn statistics(server: &Server, more: &Json) -> Vec<Json> {
    let mut body = json!({
        "Namespace": "Shop", "MetricName": "Orders", "Period": 60,
        "StartTime": NOW_S - 600, "EndTime": NOW_S + 600,
        "Statistics": ["SampleCount", "Average", "Sum", "Minimum", "Maximum"],
    });
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    server.ask("GetMetricStatistics", &body)["Datapoints"].as_array().unwrap().clone()
}

fn query(id: &str, stat: &str, period: i64) -> Json {
    json!({"Id": id, "MetricStat": {
        "Metric": {"Namespace": "Shop", "MetricName": "Orders"}, "Period": period, "Stat": stat,
    }})
}

fn data(server: &Server, queries: &[Json], more: &Json) -> Json {
    let mut body = json!({
        "MetricDataQueries": queries, "StartTime": NOW_S - 600, "EndTime": NOW_S + 600,
    });
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    server.ask("GetMetricData", &body)
}

#[test]
fn every_protocol_puts_lists_and_reads() {
    for wire in [Wire::Json, Wire::Cbor, Wire::Query] {
        let server = Server::new();
        let put = json!({"Namespace": "Shop", "MetricData": [
            {"MetricName": "Orders", "Value": 2.0, "Unit": "Count", "Timestamp": NOW_S},
            {"MetricName": "Orders", "Value": 4.0, "Unit": "Count", "Timestamp": NOW_S + 1},
        ]});
        let reply = server.send_in(wire, "PutMetricData", &put);
        assert_eq!(reply.status, 200, "{wire:?}: {}", reply.text());
        let listed = server.send_in(wire, "ListMetrics", &json!({"Namespace": "Shop"}));
        let read = server.send_in(
            wire,
            "GetMetricStatistics",
            &json!({
                "Namespace": "Shop", "MetricName": "Orders", "Period": 60, "Statistics": ["Sum"],
                "StartTime": NOW_S, "EndTime": NOW_S + 60,
            }),
        );
        let data = server.send_in(
            wire,
            "GetMetricData",
            &json!({
                "MetricDataQueries": [query("m", "Sum", 60)],
                "StartTime": NOW_S, "EndTime": NOW_S + 60,
            }),
        );
        if wire == Wire::Query {
            for (reply, part) in [
                (&listed, "<MetricName>Orders</MetricName><Dimensions/>"),
                (&read, "<Timestamp>2023-11-14T22:00:00Z</Timestamp><Sum>6.0</Sum>"),
                (&data, "<Messages/>"),
            ] {
                let text = reply.text();
                assert!(text.contains(part), "{text}");
            }
            continue;
        }
        let decode = |shape, body| match wire {
            Wire::Json => codec::json::decode(shape, body, 32).unwrap(),
            _ => codec::cbor::decode(shape, body, 32).unwrap(),
        };
        let listed = decode(&shapes::LIST_METRICS_OUTPUT, &listed.body);
        assert_eq!(listed.list(shapes::list_metrics_output::METRICS).len(), 1);
        let read = decode(&shapes::GET_METRIC_STATISTICS_OUTPUT, &read.body);
        let point = read.structs(shapes::get_metric_statistics_output::DATAPOINTS).next().unwrap();
        assert_eq!(point.f64(shapes::datapoint::SUM), Some(6.0), "{wire:?}");
        assert_eq!(point.timestamp_ms(shapes::datapoint::TIMESTAMP), Some(NOW_MS));
        let data = decode(&shapes::GET_METRIC_DATA_OUTPUT, &data.body);
        let result =
            data.structs(shapes::get_metric_data_output::METRIC_DATA_RESULTS).next().unwrap();
        let values: Vec<_> = result.f64s(shapes::metric_data_result::VALUES).collect();
        assert_eq!(values, [6.0]);
    }
}

#[test]
fn every_form_of_a_datum_adds_up() {
    let server = Server::new();
    server.put(
        "Shop",
        &json!([
            {"MetricName": "Orders", "Value": 1.0},
            {"MetricName": "Orders", "Values": [2.0, 4.0, 2.0], "Counts": [3.0, 1.0, 1.0]},
            {"MetricName": "Orders", "Values": [5.0]},
            {"MetricName": "Orders", "StatisticValues":
                {"SampleCount": 2.0, "Sum": 20.0, "Minimum": 8.0, "Maximum": 12.0}},
        ]),
    );
    let points = statistics(&server, &json!({}));
    assert_eq!(points.len(), 1);
    let expected = json!({
        "Timestamp": NOW_S as f64, "Unit": "None", "SampleCount": 9.0, "Sum": 38.0,
        "Average": 38.0 / 9.0, "Minimum": 1.0, "Maximum": 12.0,
    });
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(points[0][key].as_f64(), value.as_f64(), "{key}");
    }
    assert_eq!(points[0]["Unit"], "None");
}

#[test]
fn storage_resolution_decides_the_grid() {
    let server = Server::new();
    let at = NOW_S + 25;
    server.put(
        "Shop",
        &json!([
            {"MetricName": "Fine", "Value": 1.0, "Timestamp": at, "StorageResolution": 1},
            {"MetricName": "Coarse", "Value": 1.0, "Timestamp": at, "StorageResolution": 60},
        ]),
    );
    let times = |name: &str| -> Vec<f64> {
        let more = json!({"MetricName": name, "Period": 1, "Statistics": ["Sum"]});
        statistics(&server, &more).iter().map(|p| p["Timestamp"].as_f64().unwrap()).collect()
    };
    assert_eq!(times("Fine"), [at as f64]);
    assert_eq!(times("Coarse"), [NOW_S as f64]);
}

#[test]
fn units_stay_apart() {
    let server = Server::new();
    server.put(
        "Shop",
        &json!([
            {"MetricName": "Orders", "Value": 1.0},
            {"MetricName": "Orders", "Value": 2.0, "Unit": "Count"},
            {"MetricName": "Orders", "Value": 3.0, "Unit": "Bytes/Second"},
        ]),
    );
    let units = |points: &[Json]| -> Vec<String> {
        points.iter().map(|p| p["Unit"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(units(&statistics(&server, &json!({}))), ["Bytes/Second", "Count", "None"]);
    assert_eq!(units(&statistics(&server, &json!({"Unit": "None"}))), ["None"]);
    assert!(statistics(&server, &json!({"Unit": "Bytes"})).is_empty());
    assert_eq!(server.listed(&json!({})).len(), 1, "one metric of three units");

    let mixed = data(&server, &[query("m", "Sum", 60)], &json!({}));
    let result = &mixed["MetricDataResults"][0];
    assert_eq!(result["Messages"][0]["Code"], "MultipleUnits");
    assert_eq!(result["Values"], json!([3.0]));
    let mut one = query("m", "Sum", 60);
    one["MetricStat"]["Unit"] = json!("Count");
    let result = &data(&server, &[one], &json!({}))["MetricDataResults"][0];
    assert_eq!(result["Values"], json!([2.0]));
    assert!(result.get("Messages").is_none(), "{result}");
}

#[test]
fn dimensions_are_a_set_and_match_exactly() {
    let server = Server::new();
    let (a, b) = (json!({"Name": "a", "Value": "1"}), json!({"Name": "b", "Value": "2"}));
    server.put(
        "Shop",
        &json!([
            {"MetricName": "Orders", "Value": 1.0, "Dimensions": [a, b]},
            {"MetricName": "Orders", "Value": 2.0, "Dimensions": [b, a]},
        ]),
    );
    assert_eq!(server.listed(&json!({})).len(), 1);
    let sum = |dimensions: Json| {
        let points = statistics(&server, &json!({"Dimensions": dimensions}));
        points.first().and_then(|p| p["Sum"].as_f64())
    };
    assert_eq!(sum(json!([b, a])), Some(3.0));
    assert_eq!(sum(json!([a])), None);
    assert_eq!(sum(json!([])), None);
}

#[test]
fn percentiles_are_asked_for_by_name() {
    let server = Server::new();
    let values: Vec<f64> = (1..=100).map(f64::from).collect();
    server.put("Shop", &json!([{"MetricName": "Orders", "Values": values}]));
    let more = json!({"ExtendedStatistics": ["p50", "p99.0"], "Statistics": ["Maximum"]});
    let points = statistics(&server, &more);
    assert_eq!(points[0]["ExtendedStatistics"], json!({"p50": 50.0, "p99.0": 99.0}));
    assert_eq!(points[0]["Maximum"], json!(100.0));
    // Negative samples have no percentile, and nothing else was asked for.
    server.put("Shop", &json!([{"MetricName": "Orders", "Value": -1.0}]));
    let mut body = json!({
        "Namespace": "Shop", "MetricName": "Orders", "Period": 60, "ExtendedStatistics": ["p50"],
        "StartTime": NOW_S - 600, "EndTime": NOW_S + 600,
    });
    assert_eq!(server.ask("GetMetricStatistics", &body)["Datapoints"], json!([]));
    body["MetricName"] = json!("Other");
    let none = server.ask("GetMetricStatistics", &body);
    assert_eq!(none, json!({"Label": "Other", "Datapoints": []}));
}

#[test]
fn results_come_in_request_order_newest_first() {
    let server = Server::new();
    for minute in 0..3 {
        server.put("Shop", &json!([
            {"MetricName": "Orders", "Value": f64::from(minute), "Timestamp": NOW_S + 60 * i64::from(minute)},
        ]));
    }
    let mut silent = query("silent", "Sum", 60);
    silent["ReturnData"] = json!(false);
    let mut other = query("other", "Sum", 60);
    other["MetricStat"]["Metric"]["MetricName"] = json!("Unknown");
    let queries = [query("z", "Sum", 60), silent, other, query("a", "Sum", 60)];
    let answer = data(&server, &queries, &json!({}));
    assert_eq!(answer["Messages"], json!([]));
    assert!(answer.get("NextToken").is_none());
    let results = answer["MetricDataResults"].as_array().unwrap();
    let ids: Vec<_> = results.iter().map(|r| r["Id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["z", "other", "a"]);
    assert_eq!(results[0]["Values"], json!([2.0, 1.0, 0.0]));
    let times = [120, 60, 0].map(|s| (NOW_S + s) as f64);
    assert_eq!(results[0]["Timestamps"], json!(times));
    assert_eq!(
        results[1],
        json!({
            "Id": "other", "Label": "Unknown", "StatusCode": "Complete", "Timestamps": [], "Values": [],
        })
    );
    let up = data(&server, &queries, &json!({"ScanBy": "TimestampAscending"}));
    assert_eq!(up["MetricDataResults"][2]["Values"], json!([0.0, 1.0, 2.0]));
}

#[test]
fn labels_name_what_differs() {
    let server = Server::new();
    let labels = |queries: &[Json]| -> Vec<String> {
        let answer = data(&server, queries, &json!({}));
        let results = answer["MetricDataResults"].as_array().unwrap().clone();
        results.iter().map(|r| r["Label"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(labels(&[query("a", "Sum", 60), query("b", "Sum", 60)]), ["Orders", "Orders"]);
    assert_eq!(
        labels(&[query("a", "Sum", 60), query("b", "p99", 60)]),
        ["Orders Sum", "Orders p99"]
    );
    assert_eq!(
        labels(&[query("a", "Sum", 60), query("b", "Sum", 300)]),
        ["Orders 60", "Orders 300"]
    );
    let mut named = query("b", "Average", 300);
    named["Label"] = json!("mine");
    assert_eq!(labels(&[query("a", "Sum", 60), named]), ["Orders Sum 60", "mine"]);
}

#[test]
fn accounts_and_regions_are_apart() {
    let mut server = Server::new();
    server.put("Shop", &json!([{"MetricName": "Orders", "Value": 1.0}]));
    assert_eq!(server.listed(&json!({})).len(), 1);
    server.region = "eu-west-1".into();
    assert_eq!(server.listed(&json!({})).len(), 0);
    server.region = "us-east-1".into();
    server.key_id = "111122223333".into();
    assert_eq!(server.listed(&json!({})).len(), 0);
    server.put("Shop", &json!([{"MetricName": "Theirs", "Value": 1.0}]));
    assert_eq!(server.listed(&json!({})).len(), 1);
    server.key_id = "123456789012".into();
    assert_eq!(server.listed(&json!({}))[0]["MetricName"], "Orders", "the default account");
}

#[test]
fn series_without_a_namespace_are_read_under_a_name_nobody_can_write() {
    let server = Server::new();
    let who = model::Principal::internal("123456789012".parse().unwrap());
    let scope = server.platform.default_scope().clone();
    let limits = platform::TimeLimits::Retention;
    let platform::Ingest { tenant, mut batch, .. } =
        server.platform.begin_ingest(&who, &scope, limits).unwrap();
    let key = model::SeriesKey {
        tenant,
        namespace: String::new(),
        name: "up".into(),
        unit: model::Unit::None,
        labels: vec![("job".into(), "node".into())],
    };
    let series = batch.register(None, &key, model::Kind::Float).unwrap();
    batch.float(series, NOW_MS, 1.0);
    server.platform.submit(batch, |result| result.unwrap()).unwrap();
    server.platform.commit_step(std::time::Duration::ZERO);

    let job = json!([{"Name": "job", "Value": "node"}]);
    let up = json!({"Namespace": ":prometheus", "MetricName": "up", "Dimensions": job});
    assert_eq!(server.listed(&json!({})), std::slice::from_ref(&up));
    assert_eq!(server.listed(&json!({"Namespace": ":prometheus"})), std::slice::from_ref(&up));
    let more = json!({"Namespace": ":prometheus", "MetricName": "up", "Dimensions": job});
    assert_eq!(statistics(&server, &more)[0]["Average"], json!(1.0));
    let mut asked = query("m", "Average", 60);
    asked["MetricStat"]["Metric"] = up;
    let answer = data(&server, &[asked], &json!({}));
    assert_eq!(answer["MetricDataResults"][0]["Values"], json!([1.0]));
    let (code, _) = server.refusal("ListMetrics", &json!({"Namespace": ":other"}));
    assert_eq!(code, "ValidationError");
    let put =
        json!({"Namespace": ":prometheus", "MetricData": [{"MetricName": "m", "Value": 1.0}]});
    assert_eq!(server.refusal("PutMetricData", &put).0, "ValidationError");
}

#[test]
fn the_caller_is_an_account_or_a_key_of_it() {
    let mut server = Server::new();
    let form = "Action=GetCallerIdentity&Version=2011-06-15";
    let text = server.form("sts", form).text();
    for part in [
        "<Account>123456789012</Account>",
        "<UserId>AKIDEXAMPLE</UserId>",
        "<Arn>arn:aws:iam::123456789012:user/AKIDEXAMPLE</Arn>",
    ] {
        assert!(text.contains(part), "{text}");
    }
    server.key_id = "111122223333".into();
    let text = server.form("sts", form).text();
    assert!(text.contains("<Arn>arn:aws:iam::111122223333:root</Arn>"), "{text}");
}
