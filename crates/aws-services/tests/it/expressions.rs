//! Expressions over the metrics of a request: order, periods, names, pages.

use crate::server::{NOW_S, Server};
use serde_json::{Value as Json, json};

fn metric(id: &str, name: &str, dimension: Option<&str>, period: i64) -> Json {
    let dimensions: Vec<Json> =
        dimension.iter().map(|value| json!({"Name": "host", "Value": value})).collect();
    json!({"Id": id, "ReturnData": false, "MetricStat": {
        "Metric": {"Namespace": "Shop", "MetricName": name, "Dimensions": dimensions},
        "Period": period, "Stat": "Sum",
    }})
}

fn expression(id: &str, text: &str) -> Json {
    json!({"Id": id, "Expression": text})
}

/// Id, label, and minutes since the start with values.
type Shown = (String, String, Vec<(i64, f64)>);

/// Each result as its id, its label, and minutes since the start with values.
fn results(server: &Server, queries: &[Json], more: &Json) -> Vec<Shown> {
    let mut body = json!({
        "MetricDataQueries": queries, "StartTime": NOW_S - 300, "EndTime": NOW_S + 300,
        "ScanBy": "TimestampAscending",
    });
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    let answer = server.ask("GetMetricData", &body);
    assert!(answer.get("NextToken").is_none(), "what is computed has no pages");
    let shown = answer["MetricDataResults"].as_array().unwrap().iter().map(|result| {
        let times = result["Timestamps"].as_array().unwrap().iter();
        let minutes = times.map(|at| (at.as_f64().unwrap() as i64 - NOW_S) / 60);
        let values = result["Values"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap());
        let text = |name: &str| result[name].as_str().unwrap().to_owned();
        (text("Id"), text("Label"), minutes.zip(values).collect())
    });
    shown.collect()
}

fn shop() -> Server {
    filled(Server::new())
}

fn filled(server: Server) -> Server {
    let mut datums = Vec::new();
    for minute in 0..5 {
        for (name, host, value) in
            [("in", "a", 10.0), ("in", "b", 20.0), ("out", "a", 1.0), ("out", "b", 2.0)]
        {
            datums.push(json!({
                "MetricName": name, "Value": value + f64::from(minute),
                "Timestamp": NOW_S + i64::from(minute) * 60,
                "Dimensions": [{"Name": "host", "Value": host}],
            }));
        }
    }
    server.put("Shop", &json!(datums));
    server
}

#[test]
fn expressions_use_each_other_in_any_order() {
    let server = shop();
    let queries = [
        expression("twice", "2 * ratio"),
        expression("ratio", "out / in"),
        metric("in", "in", Some("a"), 60),
        metric("out", "out", Some("a"), 60),
    ];
    let found = results(&server, &queries, &json!({"EndTime": NOW_S + 120}));
    assert_eq!(
        found,
        [
            ("twice".into(), "twice".into(), vec![(0, 0.2), (1, 4.0 / 11.0)]),
            ("ratio".into(), "ratio".into(), vec![(0, 0.1), (1, 2.0 / 11.0)]),
        ]
    );
}

/// The longest period of the metrics is the expression's, also through other expressions.
#[test]
fn metrics_of_several_periods_meet_at_the_longest() {
    let server = shop();
    let mut fine = metric("fine", "in", Some("a"), 60);
    fine["ReturnData"] = json!(true);
    let queries = [
        fine,
        metric("coarse", "out", Some("a"), 300),
        expression("own", "fine * 1"),
        expression("both", "own + coarse"),
    ];
    let found = results(&server, &queries, &json!({"EndTime": NOW_S + 60}));
    let shown: Vec<(&str, &[(i64, f64)])> =
        found.iter().map(|(id, _, points)| (id.as_str(), &points[..])).collect();
    // NOW_S begins a period of five minutes: 10 + ... + 14, and 1 + ... + 5.
    assert_eq!(
        shown,
        [("fine", &[(0, 10.0)][..]), ("own", &[(0, 10.0)]), ("both", &[(0, 60.0 + 15.0)])]
    );
}

#[test]
fn elements_of_an_array_are_called_by_what_tells_them_apart() {
    let server = shop();
    let queries = [
        metric("m1", "in", Some("a"), 60),
        metric("m2", "in", Some("b"), 60),
        json!({"Id": "x", "ReturnData": false, "Label": "${LABEL}: ${SUM}",
            "MetricStat": metric("", "out", Some("a"), 60)["MetricStat"]}),
        expression("all", "METRICS()"),
        json!({"Id": "named", "Expression": "METRICS(\"m\") / 10", "Label": "tenth"}),
        json!({"Id": "told", "Expression": "[m2]",
            "Label": "${PROP('Dim.host')} of ${PROP('Namespace')}: ${LAST}, ${LABEL}"}),
        json!({"Id": "one", "Expression": "SUM(METRICS())", "Label": "most ${MAX} at ${MAX_TIME}"}),
    ];
    let more = json!({"EndTime": NOW_S + 60, "LabelOptions": {"Timezone": "-0130"}});
    let found = results(&server, &queries, &more);
    let labels: Vec<(&str, &str)> =
        found.iter().map(|(id, label, _)| (id.as_str(), label.as_str())).collect();
    assert_eq!(
        labels,
        [
            ("all", "a in"),
            ("all", "b in"),
            ("all", "a out: 1"),
            ("named", "tenth a"),
            ("named", "tenth b"),
            ("told", "b of Shop: 20, in"),
            ("one", "most 31 at 2023-11-14 20:30:00 -0130"),
        ]
    );
}

#[test]
fn what_is_computed_is_cut_off_only_where_that_is_asked_for() {
    let server = shop();
    let queries = [metric("m", "in", Some("a"), 60), expression("e", "m")];
    let all = |more: Json| results(&server, &queries, &more).remove(0).2.len();
    assert_eq!(all(json!({})), 5);
    assert_eq!(all(json!({"MaxDatapoints": 3})), 3);
}

#[test]
fn arrays_of_different_lengths_are_refused_by_their_expression() {
    let server = shop();
    let queries = [
        metric("m1", "in", Some("a"), 60),
        metric("m2", "in", Some("b"), 60),
        expression("e", "METRICS() + [m1]"),
    ];
    let body = json!({"MetricDataQueries": queries, "StartTime": NOW_S, "EndTime": NOW_S + 60});
    let (code, text) = server.refusal("GetMetricData", &body);
    assert_eq!(code, "ValidationError");
    assert!(text.starts_with("Error in expression 'e': operator + between arrays of 2"), "{text}");
}

#[test]
fn searches_find_metrics_and_keep_their_names() {
    let server = shop();
    let all = json!({"EndTime": NOW_S + 60});
    let ask = |text: &str| -> Vec<(String, Vec<(i64, f64)>)> {
        let found = results(&server, &[expression("e", text)], &all);
        found.into_iter().map(|(_, label, points)| (label, points)).collect()
    };
    let one = |label: &str, value| (label.to_owned(), vec![(0, value)]);
    let both = [one("a", 10.0), one("b", 20.0)];
    assert_eq!(ask("SEARCH('{Shop,host} MetricName=\"in\"', 'Sum', 60)"), both);
    assert_eq!(ask("SEARCH('MetricName=in host=b', 'Sum', 60)"), [one("in", 20.0)]);
    let sorted = ask("SORT(SEARCH('{Shop,host}', 'Sum', 60), MAX, DESC, 2)");
    assert_eq!(sorted, [both[1].clone(), both[0].clone()], "of the names only one is left");
    let all = ask("SEARCH('{Shop,host} in OR out', 'Maximum', 60) * 2");
    assert_eq!(all, [one("a in", 20.0), one("b in", 40.0), one("a out", 2.0), one("b out", 4.0)]);
    assert_eq!(ask("SEARCH('{Shop} in', 'Sum', 60)"), [], "the set of dimensions is exact");
    assert_eq!(ask("SUM(SEARCH('{Shop,host} out', 'Sum', 60))"), [one("e", 3.0)]);
}

#[test]
fn statements_group_metrics_and_math_uses_them() {
    let server = shop();
    let statement =
        |id: &str, text: &str| json!({"Id": id, "Expression": text, "Period": 60, "Label": ""});
    let ask = |queries: &[Json]| results(&server, queries, &json!({"EndTime": NOW_S + 60}));
    let one = |id: &str, label: &str, value| (id.to_owned(), label.to_owned(), vec![(0, value)]);
    let found = ask(&[
        statement("q", "SELECT SUM(\"in\") FROM Shop"),
        statement(
            "g",
            "SELECT MAX(\"in\") FROM SCHEMA(Shop, host) GROUP BY host ORDER BY MAX() DESC",
        ),
        expression("e", "g / q"),
        expression("s", "SUM(g) - q"),
    ]);
    assert_eq!(
        found,
        [
            one("q", "q", 30.0),
            one("g", "b", 20.0),
            one("g", "a", 10.0),
            one("e", "b", 20.0 / 30.0),
            one("e", "a", 10.0 / 30.0),
            one("s", "s", 0.0),
        ]
    );
    let none = ask(&[statement("g", "SELECT AVG(out) FROM Shop WHERE host = 'c' GROUP BY host")]);
    assert_eq!(none, []);
}

/// What the service caps for cost is a setting here.
#[test]
fn caps_for_cost_hold_where_they_are_asked_for() {
    let capped = filled(Server::with_options(|options| options.questions.aws_caps = true));
    let statement = |id: &str| json!({"Id": id, "Expression": "SELECT SUM(out) FROM Shop"});
    let body = |queries: &[Json]| json!({"MetricDataQueries": queries, "StartTime": NOW_S, "EndTime": NOW_S + 60});
    let two = body(&[statement("a"), statement("b")]);
    let (code, text) = capped.refusal("GetMetricData", &two);
    assert_eq!(code, "ValidationError");
    assert!(text.contains("2 Metrics Insights queries") && text.contains("--aws-caps"), "{text}");
    shop().ask("GetMetricData", &two);
    capped.ask("GetMetricData", &body(&[statement("a")]));
}
