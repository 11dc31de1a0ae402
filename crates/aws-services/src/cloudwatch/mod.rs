//! Amazon CloudWatch: metrics and alarms.

pub(crate) mod alarms;
pub(crate) mod get_metric_data;
pub(crate) mod get_metric_statistics;
pub(crate) mod get_metric_widget_image;
pub(crate) mod list_metrics;
pub(crate) mod put_metric_data;
mod window;

use crate::caller::Caller;
use crate::{Answer, Services};
use aws_shapes::cloudwatch::{
    DIMENSION, METRIC, dimension, metric, metric_data_query, metric_stat,
};
use aws_wire::schema::Field;
use aws_wire::{Request, ServiceError, Struct, Value};
use model::{TimeRange, Unit};
use platform::{ListedMetric, MetricId, NO_NAMESPACE, shown_namespace};

/// What [`NO_NAMESPACE`] becomes before the model's constraints are checked, which know no such
/// exception. It satisfies them, and no namespace holds such a character.
const NO_NAMESPACE_INSIDE: &str = "\u{0}prometheus";

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Answers the operations of alarms, mute rules and their tags.
pub(crate) fn alarm(
    services: &Services,
    operation: &str,
    caller: &Caller,
    request: &Request,
) -> Answer {
    use alarms::{
        alarm_actions, delete_alarms, describe_alarm_contributors, describe_alarm_history,
        describe_alarms, describe_alarms_for_metric, mute_rules, put_composite_alarm,
        put_metric_alarm, set_alarm_state, tags,
    };
    match operation {
        "PutMetricAlarm" => put_metric_alarm::handle(services, caller, request),
        "PutCompositeAlarm" => put_composite_alarm::handle(services, caller, request),
        "DescribeAlarms" => describe_alarms::handle(services, caller, request),
        "DescribeAlarmsForMetric" => describe_alarms_for_metric::handle(services, caller, request),
        "DescribeAlarmHistory" => describe_alarm_history::handle(services, caller, request),
        "DescribeAlarmContributors" => {
            describe_alarm_contributors::handle(services, caller, request)
        }
        "SetAlarmState" => set_alarm_state::handle(services, caller, request),
        "EnableAlarmActions" => alarm_actions::handle(services, caller, request, true),
        "DisableAlarmActions" => alarm_actions::handle(services, caller, request, false),
        "DeleteAlarms" => delete_alarms::handle(services, caller, request),
        "PutAlarmMuteRule" => mute_rules::put(services, caller, request),
        "GetAlarmMuteRule" => mute_rules::get(services, caller, request),
        "ListAlarmMuteRules" => mute_rules::list(services, caller, request),
        "DeleteAlarmMuteRule" => mute_rules::delete(services, caller, request),
        "ListTagsForResource" => tags::list(services, caller, request),
        "TagResource" => tags::tag(services, caller, request),
        "UntagResource" => tags::untag(services, caller, request),
        _ => Err(ServiceError::unsupported(request.service, operation)),
    }
}

/// Lets a reader name series without a namespace.
fn allow_no_namespace(of: &mut Struct<'_>, field: Field) {
    if of.str(field) == Some(NO_NAMESPACE) {
        of.set(field, NO_NAMESPACE_INSIDE);
    }
}

/// The same for each metric of a list of `MetricDataQuery`.
fn allow_no_namespaces(asked: &mut Struct<'_>, queries: Field) {
    let mut list = asked.take(queries);
    if let Value::List(list) = &mut list {
        for query in list {
            let Value::Struct(query) = query else { continue };
            let mut stat = query.take(metric_data_query::METRIC_STAT);
            if let Value::Struct(stat) = &mut stat {
                let mut of = stat.take(metric_stat::METRIC);
                if let Value::Struct(of) = &mut of {
                    allow_no_namespace(of, metric::NAMESPACE);
                }
                stat.set(metric_stat::METRIC, of);
            }
            query.set(metric_data_query::METRIC_STAT, stat);
        }
    }
    asked.set(queries, list);
}

/// Returns a reader's namespace as the store has it.
fn stored_namespace(text: &str) -> String {
    if text == NO_NAMESPACE_INSIDE { String::new() } else { text.to_owned() }
}

/// Puts a metric's name together.
///
/// # Errors
/// The dimension that is named twice.
fn metric_id(namespace: &str, name: &str, dimensions: &[Value<'_>]) -> Result<MetricId, String> {
    let dimensions = sorted_dimensions(dimensions)?;
    Ok(MetricId { namespace: stored_namespace(namespace), name: name.to_owned(), dimensions })
}

/// # Errors
/// The dimension that is named twice.
fn sorted_dimensions(dimensions: &[Value<'_>]) -> Result<Vec<(String, String)>, String> {
    let mut sorted: Vec<_> = pairs(dimensions).map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some(pair) => Err(pair[0].0.clone()),
        None => Ok(sorted),
    }
}

/// Names and values of dimensions, as they came.
fn pairs<'v>(dimensions: &'v [Value<'_>]) -> impl Iterator<Item = (&'v str, &'v str)> {
    dimensions.iter().filter_map(Value::as_struct).map(|one| {
        let text = |field| one.str(field).unwrap_or_default();
        (text(dimension::NAME), text(dimension::VALUE))
    })
}

fn shown(listed: ListedMetric) -> Struct<'static> {
    let dimensions = listed.dimensions.into_iter().map(|(name, value)| {
        Struct::new(&DIMENSION).with(dimension::NAME, name).with(dimension::VALUE, value)
    });
    let namespace = shown_namespace(&listed.namespace).to_owned();
    Struct::new(&METRIC)
        .with(metric::NAMESPACE, namespace)
        .with(metric::METRIC_NAME, listed.name)
        .with(metric::DIMENSIONS, dimensions.collect::<Vec<_>>())
}

/// Reads a unit. The model's constraint left only texts that are one.
fn unit_of(text: &str) -> Unit {
    text.parse().unwrap_or_default()
}

/// Times of points that a metric may have and still be listed.
///
/// Source: CloudWatch API reference, `ListMetrics`, and `MetricDatum`, field `Timestamp`.
fn listed_since(now_ms: i64, back_ms: i64) -> TimeRange {
    TimeRange {
        start_ms: now_ms.saturating_sub(back_ms),
        end_ms: now_ms.saturating_add(2 * HOUR_MS + 1),
    }
}
