//! Every refusal, with its code and its words.

use crate::server::{NOW_S, Server, Wire};
use platform::StoreOptions;
use serde_json::{Value as Json, json};
use stdx::CrashPlan;

fn put_refused(server: &Server, datum: &Json) -> (String, String) {
    let refused =
        server.refusal("PutMetricData", &json!({"Namespace": "Shop", "MetricData": [datum]}));
    assert!(server.listed(&json!({})).is_empty(), "kept {datum}");
    refused
}

#[test]
fn a_datum_is_refused_in_the_services_words() {
    let server = Server::new();
    let set = json!({"SampleCount": 1.0, "Sum": 1.0, "Minimum": 1.0, "Maximum": 1.0});
    let combination = "InvalidParameterCombination";
    let value = "InvalidParameterValue";
    let cases = [
        (
            json!({"Value": "NaN"}),
            value,
            "The value NaN for parameter MetricData.member.1.Value is invalid.",
        ),
        (
            json!({"Value": "-Infinity"}),
            value,
            "The value -Infinity for parameter MetricData.member.1.Value is invalid.",
        ),
        (
            json!({"Value": 1e110}),
            value,
            "The value 1E110 for parameter MetricData.member.1.Value is invalid.",
        ),
        (
            json!({}),
            combination,
            "At least one of the parameters MetricData.member.1.Value and \
          MetricData.member.1.StatisticValues must be specified.",
        ),
        (
            json!({"Value": 1.0, "StatisticValues": set}),
            combination,
            "The parameters MetricData.member.1.Value and MetricData.member.1.StatisticValues are \
          mutually exclusive and you have specified both.",
        ),
        (
            json!({"Value": 1.0, "Values": [1.0]}),
            combination,
            "The parameters MetricData.member.1.Value and MetricData.member.1.Values are mutually \
          exclusive and you have specified both.",
        ),
        (
            json!({"Values": [1.0], "StatisticValues": set}),
            combination,
            "The parameters MetricData.member.1.StatisticValues and MetricData.member.1.Values are \
          mutually exclusive and you have specified both.",
        ),
        (
            json!({"Values": [1.0], "Counts": [1.0, 2.0]}),
            value,
            "The parameters MetricData.member.1.Values and MetricData.member.1.Counts must be of the \
          same size.",
        ),
        (
            json!({"Value": 1.0, "Counts": [1.0]}),
            value,
            "The parameters MetricData.member.1.Values and MetricData.member.1.Counts must be of the \
          same size.",
        ),
        (
            json!({"Values": [1.0, "Infinity"]}),
            value,
            "The value Infinity for parameter MetricData.member.1.Values.member.2 is invalid.",
        ),
        (
            json!({"Values": [1.0], "Counts": [-2.0]}),
            value,
            "The value -2 for parameter MetricData.member.1.Counts.member.1 is invalid.",
        ),
        (
            json!({"Values": [1.0], "Counts": [0.0]}),
            value,
            "The value 0 for parameter MetricData.member.1.Counts is invalid.",
        ),
        (
            json!({"Values": (0..151).map(f64::from).collect::<Vec<_>>()}),
            value,
            "The collection MetricData.member.1.Values must not have a size greater than 150.",
        ),
        (
            json!({"StatisticValues":
            {"SampleCount": 0.0, "Sum": 1.0, "Minimum": 1.0, "Maximum": 1.0}}),
            value,
            "The value 0 for parameter MetricData.member.1.StatisticValues.SampleCount is invalid.",
        ),
        (
            json!({"StatisticValues":
            {"SampleCount": 2.0, "Sum": 1.0, "Minimum": 2.0, "Maximum": 1.0}}),
            value,
            "The parameter MetricData.member.1.StatisticValues.Maximum must be greater than or equal \
          to MetricData.member.1.StatisticValues.Minimum.",
        ),
        (
            json!({"Value": 1.0, "Timestamp": NOW_S - 14 * 86_400 - 1}),
            value,
            "The parameter MetricData.member.1.Timestamp must specify a time within the past two \
          weeks.",
        ),
        (
            json!({"Value": 1.0, "Timestamp": NOW_S + 7_201}),
            value,
            "The parameter MetricData.member.1.Timestamp must specify a time no more than two hours \
          in the future.",
        ),
        (
            json!({"Value": 1.0, "StorageResolution": 30}),
            value,
            "The value 30 for parameter MetricData.member.1.StorageResolution is invalid.",
        ),
        (
            json!({"Value": 1.0, "MetricName": "  "}),
            value,
            "The value    for parameter MetricData.member.1.MetricName is invalid.",
        ),
        (
            json!({"Value": 1.0, "Dimensions": [{"Name": "a", "Value": "1"}, {"Name": "a", "Value": "2"}]}),
            value,
            "The parameter MetricData.member.1.Dimensions.member.2.Name names the dimension a a \
          second time.",
        ),
        (
            json!({"Value": 1.0, "Dimensions": [{"Name": "__name__", "Value": "1"}]}),
            value,
            "The value __name__ for parameter MetricData.member.1.Dimensions.member.1.Name is \
          invalid.",
        ),
        (
            json!({"Value": 1.0, "Dimensions": [{"Name": "a", "Value": " "}]}),
            value,
            "The value   for parameter MetricData.member.1.Dimensions.member.1.Value is invalid.",
        ),
    ];
    for (more, code, text) in cases {
        let mut datum = json!({"MetricName": "Orders"});
        for (key, value) in more.as_object().unwrap() {
            datum[key] = value.clone();
        }
        assert_eq!(put_refused(&server, &datum), (code.to_owned(), text.to_owned()), "{more}");
    }
}

#[test]
fn bounds_themselves_are_taken() {
    let server = Server::new();
    let most = 2f64.powi(360);
    server.put(
        "AWS/Own",
        &json!([
            {"MetricName": "m", "Value": most, "Timestamp": NOW_S - 14 * 86_400},
            {"MetricName": "m", "Value": -most, "Timestamp": NOW_S + 7_200},
            {"MetricName": "m", "Values": (0..150).map(f64::from).collect::<Vec<_>>()},
            {"MetricName": "m", "Values": (0..151).map(|n| f64::from(n % 2)).collect::<Vec<_>>()},
        ]),
    );
    let dimensions: Vec<_> =
        (0..30).map(|n| json!({"Name": format!("d{n}"), "Value": "v"})).collect();
    server.put("Shop", &json!([{"MetricName": "m", "Value": 0.0, "Dimensions": dimensions}]));
    let datums = vec![json!({"MetricName": "m", "Value": 0.0}); 1_000];
    server.put("Shop", &json!(datums));
}

#[test]
fn all_problems_of_one_class_are_told_and_nothing_is_kept() {
    let server = Server::new();
    let body = json!({"Namespace": "Shop", "MetricData": [
        {"MetricName": "a", "Value": 1.0},
        {"MetricName": "b", "Value": "NaN"},
        {"MetricName": "c", "Value": 1.0, "Values": [1.0]},
        {"MetricName": "d", "Value": 1.0, "Timestamp": 0},
    ]});
    let (code, text) = server.refusal("PutMetricData", &body);
    assert_eq!(code, "InvalidParameterValue");
    assert_eq!(
        text,
        "The value NaN for parameter MetricData.member.2.Value is invalid.\nThe parameter \
         MetricData.member.4.Timestamp must specify a time within the past two weeks."
    );
    assert!(server.listed(&json!({})).is_empty());
    assert_eq!(server.platform.store_status().series, 0, "no series is registered either");
}

#[test]
fn a_request_as_a_whole_is_refused() {
    let server = Server::new();
    let datum = json!({"MetricName": "m", "Value": 1.0});
    let block = json!({"MetricData": [datum]});
    for (body, code, part) in [
        (json!({"Namespace": "Shop"}), "MissingParameter", "The parameter MetricData is required."),
        (json!({"Namespace": "Shop", "MetricData": []}), "MissingParameter", "MetricData"),
        (
            json!({"Namespace": "Shop", "MetricData": vec![datum.clone(); 1_001]}),
            "InvalidParameterValue",
            "The collection MetricData must not have a size greater than 1000.",
        ),
        (
            json!({"Namespace": "Shop", "MetricData": vec![datum.clone(); 1_000],
                "EntityMetricData": [block]}),
            "InvalidParameterValue",
            "The collection MetricData must not have a size greater than 1000.",
        ),
        (
            json!({"Namespace": "Shop", "EntityMetricData": [block, block, block]}),
            "InvalidParameterValue",
            "The collection EntityMetricData must not have a size greater than 2.",
        ),
        (
            json!({"Namespace": " ", "MetricData": [datum]}),
            "InvalidParameterValue",
            "The value   for parameter Namespace is invalid.",
        ),
        (
            json!({"Namespace": ":own", "MetricData": [datum]}),
            "ValidationError",
            "Value ':own' at 'namespace' failed to satisfy constraint",
        ),
        (
            json!({"MetricData": [datum]}),
            "ValidationError",
            "Value null at 'namespace' failed to satisfy constraint: Member must not be null",
        ),
        (
            json!({"Namespace": "Shop", "MetricData": [{"Value": 1.0}]}),
            "ValidationError",
            "at 'metricData.1.member.metricName' failed",
        ),
        (
            json!({"Namespace": "Shop", "MetricData": [{"MetricName": "x".repeat(256), "Value": 1.0}]}),
            "ValidationError",
            "Member must have length less than or equal to 255",
        ),
        (
            json!({"Namespace": "Shop", "MetricData": [
            {"MetricName": "m", "Value": 1.0, "Unit": "bytes"}]}),
            "ValidationError",
            "Member must satisfy enum value set",
        ),
        (
            json!({"Namespace": "Shop", "MetricData": [{"MetricName": "m", "Value": 1.0, "Dimensions":
            vec![json!({"Name": "n", "Value": "v"}); 31]}]}),
            "ValidationError",
            "Member must have length less than or equal to 30",
        ),
    ] {
        let (found, text) = server.refusal("PutMetricData", &body);
        assert_eq!(found, code, "{text}");
        assert!(text.contains(part), "{text}");
        assert!(server.listed(&json!({})).is_empty());
    }
}

#[test]
fn every_protocol_shows_its_own_error() {
    let server = Server::new();
    let body = json!({"Namespace": "Shop", "MetricData": [{"MetricName": "m"}]});
    let reply = server.send_in(Wire::Query, "PutMetricData", &body);
    assert_eq!(reply.status, 400);
    assert!(reply.text().contains("<Code>InvalidParameterCombination</Code>"), "{}", reply.text());
    let reply = server.send_in(Wire::Cbor, "PutMetricData", &body);
    assert_eq!(reply.status, 400);
    let name = b"com.amazonaws.cloudwatch.v2010_08_01#InvalidParameterCombinationException";
    assert!(reply.body.windows(name.len()).any(|w| w == name), "{}", reply.text());
}

#[test]
fn statistics_are_refused_in_the_services_words() {
    let server = Server::new();
    let value = "InvalidParameterValue";
    let combination = "InvalidParameterCombination";
    for (more, code, text) in [
        (
            json!({"StartTime": NOW_S}),
            value,
            "The parameter StartTime must be less than the parameter EndTime.",
        ),
        (
            json!({"StartTime": NOW_S as f64 + 0.2, "EndTime": NOW_S as f64 + 0.9}),
            value,
            "The parameter StartTime must be less than the parameter EndTime.",
        ),
        (
            json!({"StartTime": NOW_S + 1}),
            value,
            "The parameter StartTime must be less than the parameter EndTime.",
        ),
        (
            json!({"Period": 45}),
            value,
            "The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60.",
        ),
        (
            json!({"StartTime": NOW_S - 2_880 * 60, "Period": 60}),
            combination,
            "You have requested up to 2,880 datapoints, which exceeds the limit of 1,440. You may \
          reduce the datapoints requested by increasing Period, or decreasing the time range.",
        ),
        (
            json!({"Statistics": null}),
            combination,
            "Must specify either Statistics or ExtendedStatistics",
        ),
        (
            json!({"ExtendedStatistics": ["p50", "p101"]}),
            value,
            "The value p101 for parameter ExtendedStatistics.member.2 is invalid.",
        ),
        (
            json!({"ExtendedStatistics": ["Average"]}),
            value,
            "The value Average for parameter ExtendedStatistics.member.1 is invalid.",
        ),
        (
            json!({"ExtendedStatistics": ["o90"]}),
            value,
            "The value o90 for parameter ExtendedStatistics.member.1 cannot be used: the statistic \
          o90 is not served: what oNN, uNN and the endings _E, _L and _H mean is not documented.",
        ),
        (
            json!({"Dimensions": [{"Name": "a", "Value": "1"}, {"Name": "a", "Value": "2"}]}),
            value,
            "The parameter Dimensions names a more than once.",
        ),
    ] {
        let mut body = json!({
            "Namespace": "Shop", "MetricName": "Orders", "Period": 60, "Statistics": ["Sum"],
            "StartTime": NOW_S - 600, "EndTime": NOW_S,
        });
        for (key, value) in more.as_object().unwrap() {
            body[key] = value.clone();
        }
        let refused = server.refusal("GetMetricStatistics", &body);
        assert_eq!(refused, (code.to_owned(), text.to_owned()), "{more}");
    }
    let full_day = json!({
        "Namespace": "Shop", "MetricName": "Orders", "Period": 60, "Statistics": ["Sum"],
        "StartTime": NOW_S - 86_400, "EndTime": NOW_S,
    });
    server.ask("GetMetricStatistics", &full_day);
}

fn query(more: &Json) -> Json {
    let mut query = json!({"Id": "m", "MetricStat": {
        "Metric": {"Namespace": "Shop", "MetricName": "Orders"}, "Period": 60, "Stat": "Sum",
    }});
    for (key, value) in more.as_object().unwrap() {
        query[key] = value.clone();
    }
    query
}

#[test]
fn data_is_refused_in_the_services_words() {
    let server = Server::new();
    let metric = json!({"Namespace": "Shop", "MetricName": "Orders"});
    let stat = |more: Json| {
        let mut stat = json!({"Metric": metric, "Period": 60, "Stat": "Sum"});
        for (key, value) in more.as_object().unwrap() {
            stat[key] = value.clone();
        }
        json!({"MetricStat": stat})
    };
    let place = "MetricDataQueries.member.1";
    for (more, text) in [
        (
            json!({"Id": "M"}),
            format!(
                "The value M for parameter {place}.Id is not matching the expected pattern \
                  ^[a-z][a-zA-Z0-9_]*$."
            ),
        ),
        (
            json!({"Id": "m-1"}),
            format!(
                "The value m-1 for parameter {place}.Id is not matching the expected pattern \
                  ^[a-z][a-zA-Z0-9_]*$."
            ),
        ),
        (
            json!({"Expression": "m1+m2"}),
            format!(
                "The parameters {place}.Expression and {place}.MetricStat are mutually exclusive \
                  and you have specified both."
            ),
        ),
        (
            json!({"MetricStat": null}),
            format!(
                "At least one of the parameters {place}.Expression and {place}.MetricStat must be \
                  specified."
            ),
        ),
        (
            json!({"MetricStat": null, "Expression": "m1 * 2"}),
            "Error in expression 'm': 1:1: unknown id m1".to_owned(),
        ),
        (
            json!({"MetricStat": null, "Expression": "m + 1"}),
            "Error in expression 'm': expressions use each other in a circle: m -> m".to_owned(),
        ),
        (
            json!({"MetricStat": null, "Expression": "1 +"}),
            "Error in expression 'm': 1:4: unexpected end, expected a number, an id or a function"
                .to_owned(),
        ),
        (
            json!({"MetricStat": null, "Expression": "TIME_SERIES(1)", "Period": 61}),
            format!("The parameter {place}.Period must be 1, 5, 10, 20, 30 or a multiple of 60."),
        ),
        (
            json!({"MetricStat": null, "Expression": "SEARCH('{Shop} (Orders', 'sum')"}),
            "Error in expression 'm': 1:23: unexpected end, expected \")\"; 1:27: the statistic sum \
             is not known"
                .to_owned(),
        ),
        (
            json!({"MetricStat": null, "Expression": "SELECT MOST(x) FROM Shop", "Period": 60}),
            "Error in expression 'm': 1:8: unexpected \"MOST\", expected AVG, COUNT, MAX, MIN or SUM".to_owned(),
        ),
        (
            json!({"Period": 60}),
            format!(
                "The parameters {place}.Period and {place}.MetricStat are mutually exclusive and \
                  you have specified both."
            ),
        ),
        (
            json!({"AccountId": "999999999999"}),
            format!(
                "The parameter {place}.AccountId names the account 999999999999, and metrics of \
                  other accounts are not served yet."
            ),
        ),
        (
            json!({"Label": "a ${MAX}${"}),
            format!(
                "The value a ${{MAX}}${{ for parameter {place}.Label is invalid: 1:9: a token \
                  without its end (add a }})"
            ),
        ),
        (
            stat(json!({"Period": 7})),
            format!(
                "The parameter {place}.MetricStat.Period must be 1, 5, 10, 20, 30 or a multiple \
                  of 60."
            ),
        ),
        (
            stat(json!({"Stat": "sum"})),
            format!("The value sum for parameter {place}.MetricStat.Stat is invalid."),
        ),
        (
            stat(json!({"Stat": "IQM_E"})),
            format!(
                "The value IQM_E for parameter {place}.MetricStat.Stat cannot be used: the \
                  statistic IQM_E is not served: what oNN, uNN and the endings _E, _L and _H mean \
                  is not documented."
            ),
        ),
        (
            stat(json!({"Metric": {"Namespace": "Shop"}})),
            format!("The parameter {place}.MetricStat.Metric.MetricName is required."),
        ),
    ] {
        let body = json!({
            "MetricDataQueries": [query(&more)], "StartTime": NOW_S - 600, "EndTime": NOW_S,
        });
        let refused = server.refusal("GetMetricData", &body);
        assert_eq!(refused, ("ValidationError".to_owned(), text), "{more}");
    }
    let one = query(&json!({}));
    let many: Vec<_> = (0..501).map(|n| query(&json!({"Id": format!("m{n}")}))).collect();
    for (more, text) in [
        (
            json!({"EndTime": NOW_S - 600}),
            "The parameter StartTime must not equal parameter EndTime.",
        ),
        (
            json!({"EndTime": (NOW_S - 600) as f64 + 0.5}),
            "The parameter StartTime must not equal parameter EndTime.",
        ),
        (json!({"EndTime": NOW_S - 700}), "The parameter EndTime must be greater than StartTime."),
        (json!({"MetricDataQueries": []}), "The parameter MetricDataQueries is required."),
        (
            json!({"MetricDataQueries": many}),
            "The collection MetricDataQueries must not have a size greater than 500.",
        ),
        (
            json!({"MetricDataQueries": [one, one]}),
            "The values for parameter id in MetricDataQueries are not unique.",
        ),
        (json!({"MaxDatapoints": 0}), "The parameter MaxDatapoints must be between 1 and 100800."),
        (
            json!({"MaxDatapoints": 100_801}),
            "The parameter MaxDatapoints must be between 1 and 100800.",
        ),
        (
            json!({"LabelOptions": {"Timezone": "UTC"}}),
            "The value UTC for parameter LabelOptions.Timezone is invalid; it must be of the form \
          +HHMM or -HHMM.",
        ),
        (
            json!({"LabelOptions": {"Timezone": "+0199"}}),
            "The value +0199 for parameter LabelOptions.Timezone is invalid; it must be of the form \
          +HHMM or -HHMM.",
        ),
    ] {
        let mut body = json!({
            "MetricDataQueries": [one], "StartTime": NOW_S - 600, "EndTime": NOW_S,
        });
        for (key, value) in more.as_object().unwrap() {
            body[key] = value.clone();
        }
        let refused = server.refusal("GetMetricData", &body);
        assert_eq!(refused, ("ValidationError".to_owned(), text.to_owned()), "{more}");
    }
    let body = json!({
        "MetricDataQueries": [query(&json!({"AccountId": "123456789012"}))],
        "StartTime": NOW_S - 600, "EndTime": NOW_S, "LabelOptions": {"Timezone": "+0130"},
    });
    server.ask("GetMetricData", &body);
}

#[test]
fn a_full_queue_is_throttling() {
    let server =
        Server::with_store(StoreOptions { waiting_points_max: 1, ..StoreOptions::default() });
    let who = model::Principal::internal("123456789012".parse().unwrap());
    let scope = server.platform.default_scope().clone();
    let limits = platform::TimeLimits::CloudWatch;
    let platform::Ingest { tenant, mut batch, .. } =
        server.platform.begin_ingest(&who, &scope, limits).unwrap();
    let key = model::SeriesKey {
        tenant,
        namespace: "Shop".into(),
        name: "first".into(),
        unit: model::Unit::None,
        labels: Vec::new(),
    };
    let series = batch.register(None, &key, model::Kind::Delta).unwrap();
    batch.single(series, crate::server::NOW_MS, 1.0);
    server.platform.submit(batch, |result| result.unwrap()).unwrap();
    // The queue is full until the next commit.
    let body = json!({"Namespace": "Shop", "MetricData": [{"MetricName": "m", "Value": 1.0}]});
    let reply = server.call("PutMetricData", &body);
    assert_eq!((reply.status, reply.query_error.as_str()), (400, "Throttling;Sender"));
    let kind = "com.amazon.coral.service#ThrottlingException";
    assert_eq!(reply.json(), json!({"__type": kind, "message": "Rate exceeded"}));
    server.platform.commit_step(std::time::Duration::ZERO);
    assert_eq!(server.call("PutMetricData", &body).status, 200);
}

#[test]
fn a_new_metric_without_room_is_throttled_and_nothing_of_the_request_is_kept() {
    let series = platform::SeriesLimits {
        namespace: platform::Share { series: 2, bytes: u64::MAX },
        ..platform::SeriesLimits::UNBOUNDED
    };
    let server = Server::with_store(StoreOptions { series, ..StoreOptions::default() });
    let put = |namespace: &str, ids: &[u32]| {
        let data: Vec<_> = ids
            .iter()
            .map(|id| {
                let dimension = json!([{"Name": "request", "Value": id.to_string()}]);
                json!({"MetricName": "m", "Value": 1.0, "Dimensions": dimension})
            })
            .collect();
        server.call("PutMetricData", &json!({"Namespace": namespace, "MetricData": data}))
    };
    assert_eq!(put("Shop", &[1, 2]).status, 200);
    let reply = put("Shop", &[1, 2, 3]);
    assert_eq!((reply.status, reply.query_error.as_str()), (400, "Throttling;Sender"));
    let text = reply.json()["message"].as_str().unwrap().to_owned();
    assert_eq!(
        text,
        "Rate exceeded: new metric refused: namespace \"Shop\" has 2 series in memory and may have \
         2; label \"request\" makes most of them: 2 values in the newest 2 series"
    );
    assert_eq!(put("Shop", &[1]).status, 200, "known ones go on");
    assert_eq!(put("Bank", &[1]).status, 200, "other namespaces too");
    let counted = server.ask(
        "GetMetricStatistics",
        &json!({
            "Namespace": "Shop", "MetricName": "m", "StartTime": NOW_S - 600, "EndTime": NOW_S + 60,
            "Period": 60, "Statistics": ["SampleCount"],
            "Dimensions": [{"Name": "request", "Value": "1"}],
        }),
    );
    assert_eq!(counted["Datapoints"][0]["SampleCount"], 2.0, "the refused one added nothing");
}

#[test]
fn a_disk_that_fails_is_our_fault_and_keeps_nothing() {
    let full = |_: &Server| CrashPlan { capacity_bytes: Some(0), ..CrashPlan::default() };
    let unsynced = |server: &Server| CrashPlan {
        fail_sync_at: Some(server.disk.syncs() + 1),
        ..CrashPlan::default()
    };
    for (plan, recovers) in [(&full as &dyn Fn(&Server) -> CrashPlan, true), (&unsynced, false)] {
        let server = Server::new();
        let body = json!({"Namespace": "Shop", "MetricData": [{"MetricName": "m", "Value": 1.0}]});
        server.ask(
            "PutMetricData",
            &json!({
                "Namespace": "Other", "MetricData": [{"MetricName": "m", "Value": 1.0}],
            }),
        );
        server.disk.set_plan(plan(&server));
        let reply = server.call("PutMetricData", &body);
        assert_eq!(
            (reply.status, reply.query_error.as_str()),
            (500, "InternalServiceError;Receiver")
        );
        assert!(reply.text().contains("none of its data was kept"), "{}", reply.text());
        assert!(server.listed(&json!({"Namespace": "Shop"})).is_empty());
        server.disk.set_plan(CrashPlan::default());
        let again = server.call("PutMetricData", &body).status;
        assert_eq!(again, if recovers { 200 } else { 500 });
    }
}

#[test]
fn a_list_with_a_gap_is_refused() {
    let server = Server::new();
    let datum = json!({"MetricName": "m", "Value": 1.0});
    for data in [
        json!([null]),
        json!([datum, null]),
        json!([
            {"MetricName": "m", "Value": 1.0, "Dimensions": [null]},
        ]),
        json!([{"MetricName": "m", "Values": [1.0, null]}]),
    ] {
        let body = json!({"Namespace": "Shop", "MetricData": data});
        server.refusal("PutMetricData", &body);
        assert!(server.listed(&json!({})).is_empty(), "{data}");
    }
    server.put("Shop", &json!([datum]));
    for (operation, body) in [
        ("ListMetrics", json!({"Dimensions": [null]})),
        (
            "GetMetricData",
            json!({
                "MetricDataQueries": [null], "StartTime": NOW_S - 60, "EndTime": NOW_S,
            }),
        ),
    ] {
        server.refusal(operation, &body);
    }
}

#[test]
fn what_is_not_served_says_so() {
    let server = Server::new();
    let reply = server.call("PutDashboard", &json!({}));
    assert_eq!(reply.status, 501);
    assert!(reply.text().contains("CloudWatch PutDashboard is not served by Sightline yet"));
}
