//! The picture of an alarm.

use super::alarm::show;
use crate::alarms::{
    AlarmRecord, ConditionRecord, MetricRecord, MetricsRecord, PromqlRecord, QueryRecord,
    StatRecord, WatchRecord,
};
use chart::Widget;
use chart::widget::{Band, HorizontalFill, RowKind};

fn alarm(watch: WatchRecord) -> AlarmRecord {
    AlarmRecord {
        name: "cpu-high".into(),
        description: None,
        actions_enabled: true,
        ok_actions: vec![],
        alarm_actions: vec![],
        insufficient_data_actions: vec![],
        watch,
        configured_ms: 0,
    }
}

fn condition(comparison: &str, periods: u32, datapoints: Option<u32>) -> ConditionRecord {
    ConditionRecord {
        comparison: comparison.into(),
        threshold: 80.0,
        periods,
        datapoints,
        missing: None,
        low_samples: None,
        window: None,
        warm_up: None,
    }
}

fn metric(period_s: u32, condition: ConditionRecord) -> AlarmRecord {
    alarm(WatchRecord::Metric(MetricRecord {
        namespace: "AWS/EC2".into(),
        name: "CPUUtilization".into(),
        statistic: Some("Maximum".into()),
        extended_statistic: None,
        dimensions: vec![("InstanceId".into(), "i-1".into())],
        period_s,
        unit: None,
        condition,
    }))
}

fn widget(alarm: &AlarmRecord) -> Option<Widget> {
    let mut widget = Widget::default();
    show(alarm, &mut widget).map(|()| widget)
}

fn threshold(widget: &Widget) -> (f64, &str, HorizontalFill) {
    let [line] = &widget.annotations.horizontal[..] else { panic!("{widget:?}") };
    let Band::One(at) = &line.band else { panic!("{line:?}") };
    (at.at, at.label.as_deref().unwrap(), line.fill)
}

#[test]
fn an_alarm_shows_its_metric_and_its_threshold() {
    let shown = widget(&metric(300, condition("GreaterThanThreshold", 3, Some(2)))).unwrap();
    let text = "CPUUtilization > 80 for 2 datapoints within 15 minutes";
    assert_eq!(threshold(&shown), (80.0, text, HorizontalFill::Above));
    let [row] = &shown.metrics[..] else { panic!("{shown:?}") };
    assert_eq!((row.stat.as_deref(), row.period_s), (Some("Maximum"), Some(300)));
    let RowKind::Metric(of) = &row.kind else { panic!("{row:?}") };
    assert_eq!((of.namespace.as_str(), of.name.as_str()), ("AWS/EC2", "CPUUtilization"));
}

#[test]
fn the_side_that_breaches_is_filled() {
    let shown = widget(&metric(86_400, condition("LessThanOrEqualToThreshold", 1, None))).unwrap();
    let text = "CPUUtilization <= 80 for 1 datapoint within 1 day";
    assert_eq!(threshold(&shown), (80.0, text, HorizontalFill::Below));
}

#[test]
fn of_an_expression_only_what_returns_data_is_shown() {
    let stat = StatRecord {
        namespace: "Shop".into(),
        name: "Orders".into(),
        dimensions: vec![],
        period_s: 60,
        stat: "Sum".into(),
        unit: None,
    };
    let m1 = QueryRecord {
        id: "m1".into(),
        stat: Some(stat),
        expression: None,
        label: None,
        return_data: Some(false),
        period_s: None,
        account_id: None,
    };
    let e1 = QueryRecord {
        id: "e1".into(),
        stat: None,
        expression: Some("m1 * 2".into()),
        label: Some("Twice".into()),
        return_data: None,
        ..m1.clone()
    };
    let condition = condition("GreaterThanOrEqualToThreshold", 1, None);
    let watch = MetricsRecord { queries: vec![m1, e1], condition };
    let shown = widget(&alarm(WatchRecord::Metrics(watch))).unwrap();
    let visible: Vec<bool> = shown.metrics.iter().map(|row| row.visible).collect();
    assert_eq!(visible, [false, true]);
    assert_eq!(threshold(&shown).1, "Twice >= 80 for 1 datapoint within 1 minute");
}

#[test]
fn what_has_no_metrics_has_no_picture() {
    let promql =
        PromqlRecord { query: "up".into(), pending_s: None, recovery_s: None, interval_s: 60 };
    assert!(widget(&alarm(WatchRecord::Promql(promql))).is_none());
}
