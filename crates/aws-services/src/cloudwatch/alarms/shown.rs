//! Alarms as answers have them: what was not said is not there, but lists are, also when empty.
//!
//! Source: what the service was seen to answer.

use crate::cloudwatch::shown_namespace;
use aws_shapes::cloudwatch::{
    ALARM_PROM_QL_CRITERIA, COMPOSITE_ALARM, DIMENSION, EVALUATION_CRITERIA, EVALUATION_WINDOW,
    METRIC, METRIC_ALARM, METRIC_DATA_QUERY, METRIC_STAT, SLIDING_WINDOW, WALL_CLOCK_WINDOW,
    WARM_UP_CONFIGURATION, alarm_prom_ql_criteria as criteria, composite_alarm as composite,
    dimension, evaluation_criteria, evaluation_window, metric, metric_alarm as alarm,
    metric_data_query as query, metric_stat as stat, wall_clock_window, warm_up_configuration,
};
use aws_wire::schema::Field;
use aws_wire::{Struct, Value};
use platform::{
    AlarmShown, CompositeRecord, ConditionRecord, MetricRecord, PromqlRecord, QueryRecord,
    StatRecord, WarmUpRecord, WatchRecord, WindowRecord,
};

/// Puts texts into a list.
fn texts(list: &[String]) -> Vec<Value<'static>> {
    list.iter().map(|text| Value::from(text.clone())).collect()
}

fn set<T: Into<Value<'static>>>(of: &mut Struct<'static>, field: Field, value: Option<T>) {
    if let Some(value) = value {
        of.set(field, value);
    }
}

fn seconds(seconds: Option<u32>) -> Option<i64> {
    seconds.map(i64::from)
}

/// Returns a metric alarm; of a composite its common fields alone would be left, so that none is made.
pub(super) fn metric_alarm(shown: AlarmShown) -> Struct<'static> {
    let AlarmShown { record, arn, status } = shown;
    let mut out = Struct::new(&METRIC_ALARM)
        .with(alarm::ALARM_NAME, record.name)
        .with(alarm::ALARM_ARN, arn)
        .with(alarm::ALARM_CONFIGURATION_UPDATED_TIMESTAMP, Value::Timestamp(record.configured_ms))
        .with(alarm::ACTIONS_ENABLED, record.actions_enabled)
        .with(alarm::OK_ACTIONS, texts(&record.ok_actions))
        .with(alarm::ALARM_ACTIONS, texts(&record.alarm_actions))
        .with(alarm::INSUFFICIENT_DATA_ACTIONS, texts(&record.insufficient_data_actions))
        .with(alarm::STATE_VALUE, status.told.state.name())
        .with(alarm::STATE_REASON, status.told.reason)
        .with(alarm::STATE_UPDATED_TIMESTAMP, Value::Timestamp(status.updated_ms))
        .with(alarm::STATE_TRANSITIONED_TIMESTAMP, Value::Timestamp(status.told.since_ms))
        .with(alarm::DIMENSIONS, Vec::<Value<'_>>::new());
    set(&mut out, alarm::ALARM_DESCRIPTION, record.description);
    set(&mut out, alarm::STATE_REASON_DATA, status.told.reason_data);
    set(&mut out, alarm::EVALUATION_STATE, status.evaluation.map(|state| state.name()));
    match record.watch {
        WatchRecord::Metric(metric) => of_metric(&mut out, metric),
        WatchRecord::Metrics(metrics) => {
            let queries: Vec<Struct<'static>> =
                metrics.queries.into_iter().map(data_query).collect();
            out.set(alarm::METRICS, queries);
            of_condition(&mut out, metrics.condition);
        }
        WatchRecord::Promql(promql) => of_promql(&mut out, promql),
        WatchRecord::Composite(_) => {}
    }
    out
}

fn of_metric(out: &mut Struct<'static>, metric: MetricRecord) {
    out.set(alarm::NAMESPACE, shown_namespace(&metric.namespace).to_owned());
    out.set(alarm::METRIC_NAME, metric.name);
    out.set(alarm::DIMENSIONS, dimensions(metric.dimensions));
    out.set(alarm::PERIOD, i64::from(metric.period_s));
    set(out, alarm::STATISTIC, metric.statistic);
    set(out, alarm::EXTENDED_STATISTIC, metric.extended_statistic);
    set(out, alarm::UNIT, metric.unit);
    of_condition(out, metric.condition);
}

fn of_condition(out: &mut Struct<'static>, condition: ConditionRecord) {
    out.set(alarm::COMPARISON_OPERATOR, condition.comparison);
    out.set(alarm::THRESHOLD, condition.threshold);
    out.set(alarm::EVALUATION_PERIODS, i64::from(condition.periods));
    set(out, alarm::DATAPOINTS_TO_ALARM, seconds(condition.datapoints));
    set(out, alarm::TREAT_MISSING_DATA, condition.missing);
    set(out, alarm::EVALUATE_LOW_SAMPLE_COUNT_PERCENTILE, condition.low_samples);
    set(out, alarm::EVALUATION_WINDOW, condition.window.map(window));
    set(out, alarm::WARM_UP_CONFIGURATION, condition.warm_up.as_ref().map(warm_up));
}

fn of_promql(out: &mut Struct<'static>, promql: PromqlRecord) {
    let mut inner = Struct::new(&ALARM_PROM_QL_CRITERIA).with(criteria::QUERY, promql.query);
    set(&mut inner, criteria::PENDING_PERIOD, seconds(promql.pending_s));
    set(&mut inner, criteria::RECOVERY_PERIOD, seconds(promql.recovery_s));
    let outer =
        Struct::new(&EVALUATION_CRITERIA).with(evaluation_criteria::PROM_QL_CRITERIA, inner);
    out.set(alarm::EVALUATION_CRITERIA, outer);
    out.set(alarm::EVALUATION_INTERVAL, i64::from(promql.interval_s));
}

fn dimensions(pairs: Vec<(String, String)>) -> Vec<Struct<'static>> {
    let shown = pairs.into_iter().map(|(name, value)| {
        Struct::new(&DIMENSION).with(dimension::NAME, name).with(dimension::VALUE, value)
    });
    shown.collect()
}

fn data_query(record: QueryRecord) -> Struct<'static> {
    let mut out = Struct::new(&METRIC_DATA_QUERY).with(query::ID, record.id);
    set(&mut out, query::METRIC_STAT, record.stat.map(metric_stat));
    set(&mut out, query::EXPRESSION, record.expression);
    set(&mut out, query::LABEL, record.label);
    set(&mut out, query::RETURN_DATA, record.return_data);
    set(&mut out, query::PERIOD, seconds(record.period_s));
    set(&mut out, query::ACCOUNT_ID, record.account_id);
    out
}

fn metric_stat(record: StatRecord) -> Struct<'static> {
    let of = Struct::new(&METRIC)
        .with(metric::NAMESPACE, shown_namespace(&record.namespace).to_owned())
        .with(metric::METRIC_NAME, record.name)
        .with(metric::DIMENSIONS, dimensions(record.dimensions));
    let mut out = Struct::new(&METRIC_STAT)
        .with(stat::METRIC, of)
        .with(stat::PERIOD, i64::from(record.period_s))
        .with(stat::STAT, record.stat);
    set(&mut out, stat::UNIT, record.unit);
    out
}

fn window(record: WindowRecord) -> Struct<'static> {
    let out = Struct::new(&EVALUATION_WINDOW);
    match record {
        WindowRecord::Sliding => {
            out.with(evaluation_window::SLIDING_WINDOW, Struct::new(&SLIDING_WINDOW))
        }
        WindowRecord::WallClock(zone) => {
            let mut clock = Struct::new(&WALL_CLOCK_WINDOW);
            set(&mut clock, wall_clock_window::TIMEZONE, zone);
            out.with(evaluation_window::WALL_CLOCK_WINDOW, clock)
        }
    }
}

fn warm_up(record: &WarmUpRecord) -> Struct<'static> {
    let mut out = Struct::new(&WARM_UP_CONFIGURATION)
        .with(warm_up_configuration::WARM_UP_PERIOD_DURATION_IN_MINUTES, i64::from(record.minutes));
    let whole = warm_up_configuration::ONLY_START_EVALUATING_AFTER_WARM_UP_PERIOD_ENDS;
    set(&mut out, whole, record.whole);
    out
}

/// Returns a composite alarm.
pub(super) fn composite_alarm(shown: AlarmShown) -> Struct<'static> {
    let AlarmShown { record, arn, status } = shown;
    let mut out = Struct::new(&COMPOSITE_ALARM)
        .with(composite::ALARM_NAME, record.name)
        .with(composite::ALARM_ARN, arn)
        .with(
            composite::ALARM_CONFIGURATION_UPDATED_TIMESTAMP,
            Value::Timestamp(record.configured_ms),
        )
        .with(composite::ACTIONS_ENABLED, record.actions_enabled)
        .with(composite::OK_ACTIONS, texts(&record.ok_actions))
        .with(composite::ALARM_ACTIONS, texts(&record.alarm_actions))
        .with(composite::INSUFFICIENT_DATA_ACTIONS, texts(&record.insufficient_data_actions))
        .with(composite::STATE_VALUE, status.told.state.name())
        .with(composite::STATE_REASON, status.told.reason)
        .with(composite::STATE_UPDATED_TIMESTAMP, Value::Timestamp(status.updated_ms))
        .with(composite::STATE_TRANSITIONED_TIMESTAMP, Value::Timestamp(status.told.since_ms));
    set(&mut out, composite::ALARM_DESCRIPTION, record.description);
    set(&mut out, composite::STATE_REASON_DATA, status.told.reason_data);
    let WatchRecord::Composite(of) = record.watch else { return out };
    if let Some(by) = status.suppressed_by {
        out.set(composite::ACTIONS_SUPPRESSED_BY, by.name());
        out.set(composite::ACTIONS_SUPPRESSED_REASON, suppressed_reason(by.name(), &of));
    }
    out.set(composite::ALARM_RULE, of.rule);
    set(&mut out, composite::ACTIONS_SUPPRESSOR, of.suppressor);
    set(&mut out, composite::ACTIONS_SUPPRESSOR_WAIT_PERIOD, of.wait_s);
    set(&mut out, composite::ACTIONS_SUPPRESSOR_EXTENSION_PERIOD, of.extension_s);
    out
}

/// Says why actions are suppressed. Ours: the service's words were never seen.
fn suppressed_reason(by: &str, of: &CompositeRecord) -> String {
    let suppressor = of.suppressor.as_deref().unwrap_or_default();
    match by {
        "WaitPeriod" => format!(
            "Actions wait up to {} seconds for {suppressor} to go into ALARM",
            of.wait_s.unwrap_or_default()
        ),
        "ExtensionPeriod" => format!(
            "Actions wait {} seconds after {suppressor} left ALARM",
            of.extension_s.unwrap_or_default()
        ),
        _ => format!("{suppressor} is in ALARM"),
    }
}
