//! Records come back as they were, and mean what the documentation says.

use super::*;
use alarm::definition::{Source, Watch};
use model::{Scope, TenantId};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

fn scope() -> Scope {
    Scope { account: "123456789012".parse().unwrap(), region: "us-east-1".into() }
}

fn condition() -> ConditionRecord {
    ConditionRecord {
        comparison: "GreaterThanThreshold".into(),
        threshold: 80.0,
        periods: 3,
        datapoints: None,
        missing: None,
        low_samples: None,
        window: None,
        warm_up: None,
    }
}

fn of(watch: WatchRecord) -> AlarmRecord {
    AlarmRecord {
        name: "cpu".into(),
        description: None,
        actions_enabled: true,
        ok_actions: vec![],
        alarm_actions: vec![],
        insufficient_data_actions: vec![],
        watch,
        configured_ms: 0,
    }
}

fn wrong(watch: WatchRecord) -> Vec<String> {
    let refused = of(watch).definition(TenantId(1), &scope()).unwrap_err();
    refused.iter().map(ToString::to_string).collect()
}

fn metric(id: &str, period_s: u32, return_data: Option<bool>) -> QueryRecord {
    let stat = StatRecord {
        namespace: "Shop".into(),
        name: "Orders".into(),
        dimensions: vec![],
        period_s,
        stat: "Sum".into(),
        unit: None,
    };
    QueryRecord {
        id: id.into(),
        stat: Some(stat),
        expression: None,
        label: None,
        return_data,
        period_s: None,
        account_id: None,
    }
}

fn expression(id: &str, text: &str) -> QueryRecord {
    let expression = Some(text.to_owned());
    QueryRecord { stat: None, expression, ..metric(id, 60, None) }
}

fn metrics(queries: Vec<QueryRecord>) -> WatchRecord {
    WatchRecord::Metrics(MetricsRecord { queries, condition: condition() })
}

#[test]
fn exactly_one_query_returns_data() {
    let told = "Metrics: Exactly one element of the metrics list should return data.";
    assert_eq!(wrong(metrics(vec![metric("m1", 60, None), metric("m2", 60, None)])), [told]);
    assert_eq!(wrong(metrics(vec![metric("m1", 60, Some(false))])), [told]);
    let record = of(metrics(vec![metric("m1", 60, Some(false)), expression("e1", "m1 * 2")]));
    let definition = record.definition(TenantId(1), &scope()).unwrap();
    assert_eq!(definition.arn, "arn:aws:cloudwatch:us-east-1:123456789012:alarm:cpu");
    let Watch::Metric(alarm) = &definition.watch else { panic!("{definition:?}") };
    let Source::Math(math) = alarm.source() else { panic!("{alarm:?}") };
    assert_eq!((math.returns(), alarm.period().seconds()), ("e1", 60));
}

#[test]
fn periods_of_an_expression_are_equal() {
    let queries = vec![
        metric("m1", 60, Some(false)),
        metric("m2", 300, Some(false)),
        expression("e1", "m1 + m2"),
    ];
    let told = "Period: all metrics of an alarm must have the same period";
    assert_eq!(wrong(metrics(queries)), [told]);
}

#[test]
fn a_statement_is_a_query_of_its_own() {
    let statement = "SELECT MAX(Orders) FROM Shop GROUP BY Region";
    let mut query = expression("q1", statement);
    query.period_s = Some(300);
    let definition = of(metrics(vec![query])).definition(TenantId(1), &scope()).unwrap();
    let Watch::Metric(alarm) = &definition.watch else { panic!("{definition:?}") };
    assert!(matches!(alarm.source(), Source::Insights { grouped: true, .. }));
    assert_eq!(alarm.period().seconds(), 300);
    let told = wrong(metrics(vec![expression("q1", statement)]));
    assert_eq!(told, ["Period: is required of a Metrics Insights query"]);
    let mut with = expression("q1", statement);
    with.return_data = Some(false);
    let told = wrong(metrics(vec![with, expression("e1", "FIRST(q1)")]));
    assert!(told[0].starts_with("Expression: a Metrics Insights query must be the only"));
}

#[test]
fn what_cannot_be_is_told_at_once() {
    let record = MetricRecord {
        namespace: "Shop".into(),
        name: "Orders".into(),
        statistic: None,
        extended_statistic: Some("p101".into()),
        dimensions: vec![],
        period_s: 60,
        unit: Some("Parsecs".into()),
        condition: ConditionRecord {
            comparison: "LessThanLowerThreshold".into(),
            missing: Some("nothing".into()),
            low_samples: Some("sometimes".into()),
            window: Some(WindowRecord::WallClock(Some("Mars".into()))),
            ..condition()
        },
    };
    let told = wrong(WatchRecord::Metric(record));
    let fields: Vec<&str> = told.iter().map(|t| t.split(':').next().unwrap()).collect();
    let all = [
        "ExtendedStatistic",
        "Unit",
        "ComparisonOperator",
        "TreatMissingData",
        "EvaluateLowSampleCountPercentile",
        "Timezone",
    ];
    assert_eq!(fields, all);
}

#[test]
fn records_of_another_form_are_not_read() {
    let bytes = of(metrics(vec![])).encode();
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.starts_with(r#"{"v":1,"record":{"name":"cpu","actions_enabled":true,"#), "{text}");
    assert!(AlarmRecord::decode(text.as_bytes()).is_some());
    for (from, to) in [("\"v\":1", "\"v\":2"), ("\"name\"", "\"nome\""), ("{", "")] {
        assert_eq!(AlarmRecord::decode(text.replacen(from, to, 1).as_bytes()), None, "{to}");
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![".{0,12}", "p[0-9]{1,2}\\.[0-9]{1,3}"]
}

fn pairs() -> impl Strategy<Value = Vec<(String, String)>> {
    vec((text(), text()), 0..3)
}

fn conditions() -> impl Strategy<Value = ConditionRecord> {
    let window = prop_oneof![
        Just(WindowRecord::Sliding),
        option::of(text()).prop_map(WindowRecord::WallClock)
    ];
    let warm_up = (any::<u32>(), option::of(any::<bool>()))
        .prop_map(|(minutes, whole)| WarmUpRecord { minutes, whole });
    let finite = any::<f64>().prop_filter("finite", |f| f.is_finite());
    let words = (text(), option::of(text()), option::of(text()));
    let counts = (any::<u32>(), option::of(any::<u32>()));
    (words, finite, counts, option::of(window), option::of(warm_up)).prop_map(
        |(
            (comparison, missing, low_samples),
            threshold,
            (periods, datapoints),
            window,
            warm_up,
        )| {
            ConditionRecord {
                comparison,
                threshold,
                periods,
                datapoints,
                missing,
                low_samples,
                window,
                warm_up,
            }
        },
    )
}

fn watches() -> impl Strategy<Value = WatchRecord> {
    let one = (text(), text(), option::of(text()), option::of(text()), pairs(), any::<u32>());
    let metric = (one, option::of(text()), conditions()).prop_map(|(one, unit, condition)| {
        let (namespace, name, statistic, extended_statistic, dimensions, period_s) = one;
        WatchRecord::Metric(MetricRecord {
            namespace,
            name,
            statistic,
            extended_statistic,
            dimensions,
            period_s,
            unit,
            condition,
        })
    });
    let stat = (text(), text(), pairs(), any::<u32>(), text(), option::of(text())).prop_map(
        |(namespace, name, dimensions, period_s, stat, unit)| StatRecord {
            namespace,
            name,
            dimensions,
            period_s,
            stat,
            unit,
        },
    );
    let texts = (text(), option::of(text()), option::of(text()), option::of(text()));
    let query = (texts, option::of(stat), option::of(any::<bool>()), option::of(any::<u32>()))
        .prop_map(|((id, expression, label, account_id), stat, return_data, period_s)| {
            QueryRecord { id, stat, expression, label, return_data, period_s, account_id }
        });
    let metrics = (vec(query, 0..4), conditions()).prop_map(|(queries, condition)| {
        WatchRecord::Metrics(MetricsRecord { queries, condition })
    });
    let seconds = option::of(any::<u32>());
    let promql = (text(), seconds.clone(), seconds, any::<u32>()).prop_map(
        |(query, pending_s, recovery_s, interval_s)| {
            WatchRecord::Promql(PromqlRecord { query, pending_s, recovery_s, interval_s })
        },
    );
    let seconds = option::of(any::<i64>());
    let composite = (text(), option::of(text()), seconds.clone(), seconds).prop_map(
        |(rule, suppressor, wait_s, extension_s)| {
            WatchRecord::Composite(CompositeRecord { rule, suppressor, wait_s, extension_s })
        },
    );
    prop_oneof![metric, metrics, promql, composite]
}

proptest! {
    #[test]
    fn an_alarm_comes_back_as_it_was(
        names in (text(), option::of(text())),
        actions_enabled: bool,
        actions in (vec(text(), 0..3), vec(text(), 0..3), vec(text(), 0..3)),
        watch in watches(),
        configured_ms: i64,
    ) {
        let (name, description) = names;
        let (ok_actions, alarm_actions, insufficient_data_actions) = actions;
        let record = AlarmRecord {
            name,
            description,
            actions_enabled,
            ok_actions,
            alarm_actions,
            insufficient_data_actions,
            watch,
            configured_ms,
        };
        // What cannot be evaluated is told, never a panic.
        let _ = record.definition(TenantId(1), &scope());
        prop_assert_eq!(AlarmRecord::decode(&record.encode()), Some(record));
    }

    #[test]
    fn a_mute_rule_comes_back_as_it_was(
        texts in (text(), option::of(text()), text(), text(), option::of(text())),
        targets in option::of(vec(text(), 0..3)),
        times in (option::of(any::<i64>()), option::of(any::<i64>()), any::<i64>()),
    ) {
        let (name, description, expression, duration, timezone) = texts;
        let (start_ms, expire_ms, updated_ms) = times;
        let record = MuteRecord {
            name,
            description,
            expression,
            duration,
            timezone,
            targets,
            start_ms,
            expire_ms,
            updated_ms,
        };
        let _ = record.rule();
        prop_assert_eq!(MuteRecord::decode(&record.encode()), Some(record));
    }
}

#[test]
fn a_put_bounds_the_extended_statistic_and_a_record_of_before_does_not() {
    let of = |text: &str| {
        of(WatchRecord::Metric(MetricRecord {
            namespace: "Shop".into(),
            name: "Latency".into(),
            statistic: None,
            extended_statistic: Some(text.into()),
            dimensions: vec![],
            period_s: 60,
            unit: None,
            condition: condition(),
        }))
    };
    let told = |text: &str| {
        let refused = of(text).check_put().err().into_iter().flatten();
        refused.map(|wrong| wrong.to_string()).collect::<Vec<_>>()
    };
    let taken = [
        "p0",
        "p99.9",
        "p100",
        "tm99",
        "wm5",
        "tc100",
        "ts0.5",
        "IQM",
        "TM(10%:90%)",
        "WM(:90%)",
        "TC(10%:)",
        "TS(10.5%:89.9999999999%)",
        "PR(0:1e9)",
        "PR(:5)",
        "TM(0.1:100)",
    ];
    for text in taken {
        assert_eq!(told(text), [""; 0], "{text}");
        assert!(of(text).definition(TenantId(1), &scope()).is_ok(), "{text}");
    }
    for text in ["TM(9.9%:90%)", "WM(10%:91%)", "TC(:100%)", "TS(0%:)"] {
        let why = format!("ExtendedStatistic: percents of {text} are from 10 to 90 in an alarm");
        assert_eq!(told(text), [why]);
        assert!(of(text).definition(TenantId(1), &scope()).is_ok(), "what was taken stays");
    }
    assert_eq!(told("Average"), ["ExtendedStatistic: Average is a value of Statistic"]);
    for text in ["p101", "p-1", "p", "PR(1%:2%)", "tm(10%:90%)", "TM(:)", "o5", "p99_E"] {
        assert!(of(text).definition(TenantId(1), &scope()).is_err(), "{text}");
    }
}
