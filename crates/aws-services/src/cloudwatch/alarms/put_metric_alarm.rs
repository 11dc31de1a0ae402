//! `PutMetricAlarm`: an alarm on one metric, on `Metrics`, or on a PromQL query.

use super::errors::{exclusive, not_served, of_alarm, required};
use super::read::{self, text, texts, whole};
use crate::caller::Caller;
use crate::cloudwatch::{allow_no_namespace, allow_no_namespaces, stored_namespace};
use crate::{Answer, Services};
use aws_shapes::cloudwatch::{evaluation_criteria, put_metric_alarm_input as input};
use aws_wire::schema::Field;
use aws_wire::{Request, ServiceError, Struct, validate};
use platform::{AlarmRecord, ConditionRecord, MetricRecord, MetricsRecord, WatchRecord};

/// Operators of anomaly detection alone.
const BANDS: [&str; 3] = [
    "LessThanLowerOrGreaterThanUpperThreshold",
    "LessThanLowerThreshold",
    "GreaterThanUpperThreshold",
];

pub(crate) fn handle(services: &Services, caller: &Caller, request: &Request) -> Answer {
    let mut asked = request.decode()?;
    let record = record(&mut asked)?;
    let tags = read::tags(&asked, input::TAGS).map_err(ServiceError::validation)?;
    let put = services.platform.put_alarm(&caller.who, &caller.scope, record, &tags);
    put.map_err(|error| of_alarm(&error))?;
    Ok(None)
}

/// Reads the alarm of an input that nobody has checked yet.
pub(super) fn record(asked: &mut Struct<'_>) -> Result<AlarmRecord, ServiceError> {
    allow_no_namespace(asked, input::NAMESPACE);
    allow_no_namespaces(asked, input::METRICS);
    validate::check(asked).map_err(ServiceError::validation)?;
    read::no_action_configuration(asked, input::ACTION_CONFIGURATION)?;
    Ok(AlarmRecord {
        name: text(asked, input::ALARM_NAME).unwrap_or_default(),
        description: text(asked, input::ALARM_DESCRIPTION),
        actions_enabled: asked.bool(input::ACTIONS_ENABLED).unwrap_or(true),
        ok_actions: texts(asked, input::OK_ACTIONS),
        alarm_actions: texts(asked, input::ALARM_ACTIONS),
        insufficient_data_actions: texts(asked, input::INSUFFICIENT_DATA_ACTIONS),
        watch: watch(asked)?,
        // The platform knows the time.
        configured_ms: 0,
    })
}

/// Reads what the alarm watches: exactly one of the three forms.
fn watch(asked: &Struct<'_>) -> Result<WatchRecord, ServiceError> {
    let has_metrics = !asked.list(input::METRICS).is_empty();
    let criteria = asked.nested(input::EVALUATION_CRITERIA);
    if let Some(criteria) = criteria {
        return promql(asked, criteria);
    }
    if asked.i64(input::EVALUATION_INTERVAL).is_some() {
        return Err(ServiceError::validation(
            "The parameter EvaluationInterval can be used together with EvaluationCriteria only.",
        ));
    }
    if let Some(metric_id) = asked.str(input::THRESHOLD_METRIC_ID) {
        let what = format!("{metric_id} would name an anomaly detection band, and bands are");
        return Err(not_served("ThresholdMetricId", &what));
    }
    if has_metrics {
        none_of(asked, "Metrics", &OF_ONE_METRIC)?;
        let queries = asked.structs(input::METRICS).map(read::query).collect();
        return Ok(WatchRecord::Metrics(MetricsRecord { queries, condition: condition(asked)? }));
    }
    let Some(name) = text(asked, input::METRIC_NAME) else {
        return Err(ServiceError::validation(
            "Exactly one of the parameters MetricName, Metrics and EvaluationCriteria must be \
             specified.",
        ));
    };
    let namespace = asked.str(input::NAMESPACE).ok_or_else(|| required("Namespace"))?;
    let period_s = whole(asked, input::PERIOD).ok_or_else(|| required("Period"))?;
    let statistic = text(asked, input::STATISTIC);
    let extended_statistic = text(asked, input::EXTENDED_STATISTIC);
    match (&statistic, &extended_statistic) {
        (Some(_), Some(_)) => return Err(exclusive("Statistic", "ExtendedStatistic")),
        (None, None) => {
            return Err(ServiceError::validation(
                "One of the parameters Statistic and ExtendedStatistic must be specified.",
            ));
        }
        _ => {}
    }
    Ok(WatchRecord::Metric(MetricRecord {
        namespace: stored_namespace(namespace),
        name,
        statistic,
        extended_statistic,
        dimensions: read::dimensions(asked.list(input::DIMENSIONS)),
        period_s,
        unit: text(asked, input::UNIT),
        condition: condition(asked)?,
    }))
}

/// What only an alarm on one metric has.
const OF_ONE_METRIC: [(&str, Field); 7] = [
    ("MetricName", input::METRIC_NAME),
    ("Namespace", input::NAMESPACE),
    ("Dimensions", input::DIMENSIONS),
    ("Period", input::PERIOD),
    ("Unit", input::UNIT),
    ("Statistic", input::STATISTIC),
    ("ExtendedStatistic", input::EXTENDED_STATISTIC),
];

/// What an alarm on a PromQL query does not have beside that.
///
/// Source: CloudWatch API reference, `PutMetricAlarm`, fields `EvaluationCriteria`, `EvaluationWindow`,
/// `EvaluateLowSampleCountPercentile`.
const OF_NO_PROMQL: [(&str, Field); 8] = [
    ("Metrics", input::METRICS),
    ("Threshold", input::THRESHOLD),
    ("ComparisonOperator", input::COMPARISON_OPERATOR),
    ("ThresholdMetricId", input::THRESHOLD_METRIC_ID),
    ("EvaluationPeriods", input::EVALUATION_PERIODS),
    ("DatapointsToAlarm", input::DATAPOINTS_TO_ALARM),
    ("EvaluationWindow", input::EVALUATION_WINDOW),
    ("EvaluateLowSampleCountPercentile", input::EVALUATE_LOW_SAMPLE_COUNT_PERCENTILE),
];

fn none_of(asked: &Struct<'_>, one: &str, others: &[(&str, Field)]) -> Result<(), ServiceError> {
    let is_given = |field: Field| match asked.get(field).as_list() {
        Some(list) => !list.is_empty(),
        None => !asked.get(field).is_null(),
    };
    match others.iter().find(|(_, field)| is_given(*field)) {
        Some((other, _)) => Err(exclusive(one, other)),
        None => Ok(()),
    }
}

fn promql(asked: &Struct<'_>, criteria: &Struct<'_>) -> Result<WatchRecord, ServiceError> {
    none_of(asked, "EvaluationCriteria", &OF_ONE_METRIC)?;
    none_of(asked, "EvaluationCriteria", &OF_NO_PROMQL)?;
    // Terraform says the default always.
    if asked.str(input::TREAT_MISSING_DATA).is_some_and(|how| how != "missing") {
        return Err(exclusive("EvaluationCriteria", "TreatMissingData"));
    }
    if asked.nested(input::WARM_UP_CONFIGURATION).is_some() {
        return Err(not_served("WarmUpConfiguration", "warm-up of PromQL alarms is"));
    }
    let criteria = criteria
        .nested(evaluation_criteria::PROM_QL_CRITERIA)
        .ok_or_else(|| required("EvaluationCriteria.PromQLCriteria"))?;
    let interval_s =
        whole(asked, input::EVALUATION_INTERVAL).ok_or_else(|| required("EvaluationInterval"))?;
    Ok(WatchRecord::Promql(read::promql(criteria, interval_s)))
}

fn condition(asked: &Struct<'_>) -> Result<ConditionRecord, ServiceError> {
    let comparison =
        text(asked, input::COMPARISON_OPERATOR).ok_or_else(|| required("ComparisonOperator"))?;
    if BANDS.contains(&comparison.as_str()) {
        let what = format!("{comparison} compares with an anomaly detection band, and bands are");
        return Err(not_served("ComparisonOperator", &what));
    }
    let window = asked.nested(input::EVALUATION_WINDOW).map(read::window).transpose()?;
    Ok(ConditionRecord {
        comparison,
        threshold: asked.f64(input::THRESHOLD).ok_or_else(|| required("Threshold"))?,
        periods: whole(asked, input::EVALUATION_PERIODS)
            .ok_or_else(|| required("EvaluationPeriods"))?,
        datapoints: whole(asked, input::DATAPOINTS_TO_ALARM),
        missing: text(asked, input::TREAT_MISSING_DATA),
        low_samples: text(asked, input::EVALUATE_LOW_SAMPLE_COUNT_PERCENTILE),
        window,
        warm_up: asked.nested(input::WARM_UP_CONFIGURATION).map(read::warm_up),
    })
}
