//! What is said of a change: the message of the service, its subject, and the picture that goes with it.
//!
//! Source: Amazon SNS messages of CloudWatch alarms, as recorded.

use super::record::{
    AlarmRecord, CompositeRecord, ConditionRecord, MetricRecord, MetricsRecord, QueryRecord,
    StatRecord, WatchRecord, alarm_arn,
};
use alarm::Told;
use jiff::Timestamp;
use lang::alarm_rule::AlarmState;
use model::Scope;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// Regions by their codes, as messages name them. Source: AWS general reference, "Regions".
const REGIONS: &[(&str, &str)] = &[
    ("us-east-1", "US East (N. Virginia)"),
    ("us-east-2", "US East (Ohio)"),
    ("us-west-1", "US West (N. California)"),
    ("us-west-2", "US West (Oregon)"),
    ("af-south-1", "Africa (Cape Town)"),
    ("ap-east-1", "Asia Pacific (Hong Kong)"),
    ("ap-south-1", "Asia Pacific (Mumbai)"),
    ("ap-south-2", "Asia Pacific (Hyderabad)"),
    ("ap-southeast-1", "Asia Pacific (Singapore)"),
    ("ap-southeast-2", "Asia Pacific (Sydney)"),
    ("ap-southeast-3", "Asia Pacific (Jakarta)"),
    ("ap-southeast-4", "Asia Pacific (Melbourne)"),
    ("ap-northeast-1", "Asia Pacific (Tokyo)"),
    ("ap-northeast-2", "Asia Pacific (Seoul)"),
    ("ap-northeast-3", "Asia Pacific (Osaka)"),
    ("ca-central-1", "Canada (Central)"),
    ("ca-west-1", "Canada West (Calgary)"),
    ("eu-central-1", "EU (Frankfurt)"),
    ("eu-central-2", "Europe (Zurich)"),
    ("eu-west-1", "EU (Ireland)"),
    ("eu-west-2", "EU (London)"),
    ("eu-west-3", "EU (Paris)"),
    ("eu-north-1", "EU (Stockholm)"),
    ("eu-south-1", "Europe (Milan)"),
    ("eu-south-2", "Europe (Spain)"),
    ("il-central-1", "Israel (Tel Aviv)"),
    ("me-south-1", "Middle East (Bahrain)"),
    ("me-central-1", "Middle East (UAE)"),
    ("sa-east-1", "South America (Sao Paulo)"),
];

/// Returns how messages name a region; one that AWS has not is named by itself.
fn region_name(region: &str) -> &str {
    REGIONS.iter().find(|(code, _)| *code == region).map_or(region, |(_, name)| name)
}

/// Longest subject. Source: SNS API reference, `Publish`.
const SUBJECT_CHARS_MAX: usize = 100;

/// Returns the subject: state, name and region, cut to what a subject may have.
pub(crate) fn subject(record: &AlarmRecord, state: AlarmState, scope: &Scope) -> String {
    let region = region_name(&scope.region);
    let text = format!("{state}: \"{}\" in {region}", record.name);
    if text.chars().count() <= SUBJECT_CHARS_MAX {
        return text;
    }
    let cut: String = text.chars().take(SUBJECT_CHARS_MAX - 3).collect();
    format!("{cut}...")
}

/// A change of state, in what its message says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Said<'a> {
    pub(crate) record: &'a AlarmRecord,
    pub(crate) scope: &'a Scope,
    pub(crate) from: AlarmState,
    pub(crate) to: &'a Told,
    pub(crate) at_ms: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Message<'a> {
    alarm_name: &'a str,
    alarm_description: Option<&'a str>,
    #[serde(rename = "AWSAccountId")]
    account: &'a str,
    alarm_configuration_updated_timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    alarm_rule: Option<&'a str>,
    new_state_value: &'static str,
    new_state_reason: &'a str,
    state_change_time: String,
    region: &'a str,
    alarm_arn: String,
    old_state_value: &'static str,
    #[serde(rename = "OKActions")]
    ok_actions: &'a [String],
    alarm_actions: &'a [String],
    insufficient_data_actions: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    trigger: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    triggering_children: Option<Value>,
}

/// Returns the message that the service would publish.
pub(crate) fn message(said: &Said<'_>) -> String {
    let Said { record, scope, from, to, at_ms } = *said;
    let composite = match &record.watch {
        WatchRecord::Composite(composite) => Some(composite),
        _ => None,
    };
    let message = Message {
        alarm_name: &record.name,
        alarm_description: record.description.as_deref(),
        account: scope.account.as_str(),
        alarm_configuration_updated_timestamp: time(record.configured_ms),
        alarm_rule: composite.map(|c| c.rule.as_str()),
        new_state_value: to.state.name(),
        new_state_reason: &to.reason,
        state_change_time: time(at_ms),
        region: region_name(&scope.region),
        alarm_arn: alarm_arn(scope, &record.name),
        old_state_value: from.name(),
        ok_actions: &record.ok_actions,
        alarm_actions: &record.alarm_actions,
        insufficient_data_actions: &record.insufficient_data_actions,
        trigger: trigger(record),
        triggering_children: composite.map(|_| children(to)),
    };
    serde_json::to_string(&message).expect("texts and numbers are JSON")
}

fn time(at_ms: i64) -> String {
    let at = Timestamp::from_millisecond(at_ms).unwrap_or_default();
    at.strftime("%Y-%m-%dT%H:%M:%S.%3f+0000").to_string()
}

/// The children that brought a composite into its state, as its reason data names them.
fn children(to: &Told) -> Value {
    let data = to.reason_data.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let children = data.as_ref().and_then(|data| data["triggeringAlarms"].as_array().cloned());
    let shown = children.unwrap_or_default().into_iter().map(|child| {
        json!({
            "Arn": child["arn"],
            "State": { "Value": child["state"]["value"], "Timestamp": child["state"]["timestamp"] },
        })
    });
    shown.collect()
}

fn trigger(record: &AlarmRecord) -> Option<Value> {
    let mut trigger = Map::new();
    match &record.watch {
        WatchRecord::Metric(metric) => {
            of_metric(metric, &mut trigger);
            trigger.insert("Period".into(), metric.period_s.into());
            of_condition(&metric.condition, &mut trigger);
        }
        WatchRecord::Metrics(metrics) => {
            of_condition(&metrics.condition, &mut trigger);
            let period = metrics.queries.iter().find_map(query_period).unwrap_or(300);
            trigger.insert("Period".into(), period.into());
            let queries: Vec<Value> = metrics.queries.iter().map(query).collect();
            trigger.insert("Metrics".into(), queries.into());
        }
        WatchRecord::Promql(promql) => {
            trigger.insert("Query".into(), promql.query.as_str().into());
            trigger.insert("EvaluationInterval".into(), promql.interval_s.into());
            trigger.insert("PendingPeriod".into(), promql.pending_s.unwrap_or(0).into());
            trigger.insert("RecoveryPeriod".into(), promql.recovery_s.unwrap_or(0).into());
        }
        WatchRecord::Composite(_) => return None,
    }
    Some(trigger.into())
}

fn query_period(query: &QueryRecord) -> Option<u32> {
    query.stat.as_ref().map(|stat| stat.period_s).or(query.period_s)
}

fn dimensions(all: &[(String, String)]) -> Value {
    all.iter().map(|(name, value)| json!({ "value": value, "name": name })).collect()
}

fn of_metric(metric: &MetricRecord, trigger: &mut Map<String, Value>) {
    trigger.insert("MetricName".into(), metric.name.as_str().into());
    trigger.insert("Namespace".into(), metric.namespace.as_str().into());
    match (&metric.statistic, &metric.extended_statistic) {
        (Some(statistic), _) => {
            trigger.insert("StatisticType".into(), "Statistic".into());
            let statistic = match statistic.as_str() {
                "SampleCount" => "SAMPLE_COUNT".to_owned(),
                other => other.to_uppercase(),
            };
            trigger.insert("Statistic".into(), statistic.into());
        }
        (None, extended) => {
            trigger.insert("StatisticType".into(), "ExtendedStatistic".into());
            let extended = extended.as_deref().unwrap_or_default();
            trigger.insert("ExtendedStatistic".into(), extended.into());
        }
    }
    trigger.insert("Unit".into(), metric.unit.as_deref().map_or(Value::Null, Value::from));
    trigger.insert("Dimensions".into(), dimensions(&metric.dimensions));
}

fn of_condition(condition: &ConditionRecord, trigger: &mut Map<String, Value>) {
    trigger.insert("EvaluationPeriods".into(), condition.periods.into());
    if let Some(datapoints) = condition.datapoints {
        trigger.insert("DatapointsToAlarm".into(), datapoints.into());
    }
    trigger.insert("ComparisonOperator".into(), condition.comparison.as_str().into());
    trigger.insert("Threshold".into(), condition.threshold.into());
    let missing = condition.missing.as_deref().unwrap_or("missing");
    trigger.insert("TreatMissingData".into(), missing.into());
    let low = condition.low_samples.as_deref().unwrap_or_default();
    trigger.insert("EvaluateLowSampleCountPercentile".into(), low.into());
}

fn query(query: &QueryRecord) -> Value {
    let mut shown = Map::new();
    shown.insert("Id".into(), query.id.as_str().into());
    if let Some(stat) = &query.stat {
        let StatRecord { namespace, name, dimensions: all, period_s, stat, unit } = stat;
        let mut metric_stat = json!({
            "Metric": { "Dimensions": dimensions(all), "MetricName": name, "Namespace": namespace },
            "Period": period_s, "Stat": stat,
        });
        if let Some(unit) = unit {
            metric_stat["Unit"] = unit.as_str().into();
        }
        shown.insert("MetricStat".into(), metric_stat);
    }
    if let Some(expression) = &query.expression {
        shown.insert("Expression".into(), expression.as_str().into());
    }
    if let Some(label) = &query.label {
        shown.insert("Label".into(), label.as_str().into());
    }
    shown.insert("ReturnData".into(), query.return_data.unwrap_or(true).into());
    shown.into()
}

/// A definition as items of the history show it, its members named as the service names them there.
pub(crate) fn described(record: &AlarmRecord) -> Value {
    let mut shown = json!({
        "alarmName": record.name,
        "alarmDescription": record.description,
        "actionsEnabled": record.actions_enabled,
        "okActions": record.ok_actions,
        "alarmActions": record.alarm_actions,
        "insufficientDataActions": record.insufficient_data_actions,
        "alarmConfigurationUpdatedTimestamp": time(record.configured_ms),
    });
    if let WatchRecord::Composite(CompositeRecord { rule, suppressor, wait_s, extension_s }) =
        &record.watch
    {
        shown["alarmRule"] = rule.as_str().into();
        if let Some(suppressor) = suppressor {
            shown["actionsSuppressor"] = suppressor.as_str().into();
            shown["actionsSuppressorWaitPeriod"] = (*wait_s).into();
            shown["actionsSuppressorExtensionPeriod"] = (*extension_s).into();
        }
    }
    // The rest is what messages say of it, with small first letters.
    let trigger = trigger(record).and_then(|t| t.as_object().cloned()).unwrap_or_default();
    for (name, value) in trigger {
        let small = name[..1].to_lowercase() + &name[1..];
        shown[small] = value;
    }
    shown
}

/// Returns the widget of an alarm: what it watches over three hours, and the threshold; none for what has
/// no graph.
pub(crate) fn widget(record: &AlarmRecord, scope: &Scope, end_ms: i64) -> Option<String> {
    let iso = |at_ms: i64| {
        Timestamp::from_millisecond(at_ms).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%SZ")
    };
    let (start, end) = (iso(end_ms - 3 * 3_600_000).to_string(), iso(end_ms).to_string());
    let (metrics, condition, period_s) = match &record.watch {
        WatchRecord::Metric(metric) => {
            let MetricRecord { namespace, name, dimensions, period_s, .. } = metric;
            let stat = metric.statistic.as_ref().or(metric.extended_statistic.as_ref())?;
            let row = row(namespace, name, dimensions, json!({ "stat": stat, "period": period_s }));
            (vec![row], &metric.condition, *period_s)
        }
        WatchRecord::Metrics(MetricsRecord { queries, condition }) => {
            let period_s = queries.iter().find_map(query_period).unwrap_or(300);
            let rows = queries.iter().map(|query| {
                let mut options = json!({
                    "id": query.id, "visible": query.return_data.unwrap_or(true),
                });
                if let Some(label) = &query.label {
                    options["label"] = label.as_str().into();
                }
                match &query.stat {
                    Some(stat) => {
                        options["stat"] = stat.stat.as_str().into();
                        options["period"] = stat.period_s.into();
                        row(&stat.namespace, &stat.name, &stat.dimensions, options)
                    }
                    None => {
                        options["expression"] = query.expression.as_deref().unwrap_or("").into();
                        options["period"] = period_s.into();
                        json!([options])
                    }
                }
            });
            (rows.collect(), condition, period_s)
        }
        // Widgets have no rows of PromQL: the alarm is named, and shown as it is then.
        WatchRecord::Promql(_) => {
            let alarms = [super::alarm_arn(scope, &record.name)];
            let widget = json!({
                "title": record.name, "view": "timeSeries", "width": 600, "height": 300,
                "start": start, "end": end, "liveData": true, "annotations": { "alarms": alarms },
            });
            return Some(widget.to_string());
        }
        WatchRecord::Composite(_) => return None,
    };
    let sign = match condition.comparison.as_str() {
        "GreaterThanThreshold" => ">",
        "GreaterThanOrEqualToThreshold" => ">=",
        "LessThanThreshold" => "<",
        _ => "<=",
    };
    let label = format!("{sign} {}", condition.threshold);
    Some(
        json!({
            "title": record.name, "view": "timeSeries", "stacked": false, "metrics": metrics,
            "period": period_s, "width": 600, "height": 300,
            "start": start, "end": end,
            // The datapoint that decided may be of the newest minute.
            "liveData": true,
            "annotations": { "horizontal": [{
                "value": condition.threshold, "label": label, "color": "#d13212",
                "fill": if sign.starts_with('>') { "above" } else { "below" },
            }] },
        })
        .to_string(),
    )
}

fn row(namespace: &str, name: &str, dimensions: &[(String, String)], options: Value) -> Value {
    let namespace = if namespace.is_empty() { ":prometheus" } else { namespace };
    let mut row: Vec<Value> = vec![namespace.into(), name.into()];
    for (name, value) in dimensions {
        row.extend([name.as_str().into(), value.as_str().into()]);
    }
    row.push(options);
    row.into()
}
