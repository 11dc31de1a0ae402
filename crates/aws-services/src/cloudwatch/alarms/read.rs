//! Parts of requests that several operations read.

use super::errors::not_served;
use crate::cloudwatch::{pairs, stored_namespace};
use aws_shapes::cloudwatch::{
    alarm_prom_ql_criteria as promql, evaluation_window, metric, metric_data_query as query,
    metric_stat, tag, wall_clock_window, warm_up_configuration as warm_up,
};
use aws_wire::schema::Field;
use aws_wire::{ServiceError, Struct, Value};
use platform::{PromqlRecord, QueryRecord, StatRecord, WarmUpRecord, WindowRecord};
use std::collections::BTreeSet;

/// Tags of an alarm or mute rule. Source: CloudWatch API reference, `TagResource`.
pub(super) const TAGS_MAX: usize = 50;

/// Returns a text, if it was given.
pub(super) fn text(asked: &Struct<'_>, field: Field) -> Option<String> {
    asked.str(field).map(str::to_owned)
}

/// Returns texts, in their order.
pub(super) fn texts(asked: &Struct<'_>, field: Field) -> Vec<String> {
    asked.strs(field).map(str::to_owned).collect()
}

/// Returns a number that the model's bounds left positive.
pub(super) fn whole(asked: &Struct<'_>, field: Field) -> Option<u32> {
    asked.i64(field).and_then(|number| u32::try_from(number).ok())
}

/// Returns names and values of dimensions, in their order.
pub(super) fn dimensions(list: &[Value<'_>]) -> Vec<(String, String)> {
    pairs(list).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Reads tags.
///
/// # Errors
/// What is wrong with them, for the operation to put into its own error.
pub(super) fn tags(asked: &Struct<'_>, field: Field) -> Result<Vec<(String, String)>, String> {
    let (mut tags, mut keys) = (Vec::new(), BTreeSet::new());
    for one in asked.structs(field) {
        let text = |field| one.str(field).unwrap_or_default().to_owned();
        let (key, value) = (text(tag::KEY), text(tag::VALUE));
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(format!("The tag key {key} begins with aws:, which is reserved."));
        }
        if !keys.insert(key.clone()) {
            return Err(format!("The tag key {key} is given more than once."));
        }
        tags.push((key, value));
    }
    if tags.len() > TAGS_MAX {
        return Err(format!("{} tags are given, at most {TAGS_MAX} may be.", tags.len()));
    }
    Ok(tags)
}

/// Reads an element of `Metrics`.
pub(super) fn query(asked: &Struct<'_>) -> QueryRecord {
    QueryRecord {
        id: text(asked, query::ID).unwrap_or_default(),
        stat: asked.nested(query::METRIC_STAT).map(stat),
        expression: text(asked, query::EXPRESSION),
        label: text(asked, query::LABEL),
        return_data: asked.bool(query::RETURN_DATA),
        period_s: whole(asked, query::PERIOD),
        account_id: text(asked, query::ACCOUNT_ID),
    }
}

fn stat(asked: &Struct<'_>) -> StatRecord {
    let of = asked.nested(metric_stat::METRIC);
    let named = |field| of.and_then(|of| of.str(field)).unwrap_or_default();
    StatRecord {
        namespace: stored_namespace(named(metric::NAMESPACE)),
        name: named(metric::METRIC_NAME).to_owned(),
        dimensions: of.map(|of| dimensions(of.list(metric::DIMENSIONS))).unwrap_or_default(),
        period_s: whole(asked, metric_stat::PERIOD).unwrap_or_default(),
        stat: text(asked, metric_stat::STAT).unwrap_or_default(),
        unit: text(asked, metric_stat::UNIT),
    }
}

/// Reads `EvaluationWindow`, of which exactly one member is given.
pub(super) fn window(asked: &Struct<'_>) -> Result<WindowRecord, ServiceError> {
    let clock = asked.nested(evaluation_window::WALL_CLOCK_WINDOW);
    let sliding = asked.nested(evaluation_window::SLIDING_WINDOW);
    match (clock, sliding) {
        (Some(clock), None) => {
            Ok(WindowRecord::WallClock(text(clock, wall_clock_window::TIMEZONE)))
        }
        (None, Some(_)) => Ok(WindowRecord::Sliding),
        _ => Err(ServiceError::validation(
            "Exactly one of SlidingWindow and WallClockWindow must be specified in EvaluationWindow.",
        )),
    }
}

pub(super) fn warm_up(asked: &Struct<'_>) -> WarmUpRecord {
    let minutes = asked.i64(warm_up::WARM_UP_PERIOD_DURATION_IN_MINUTES).unwrap_or_default();
    WarmUpRecord {
        // What does not fit is refused as any other number that is no length.
        minutes: u32::try_from(minutes).unwrap_or_default(),
        whole: asked.bool(warm_up::ONLY_START_EVALUATING_AFTER_WARM_UP_PERIOD_ENDS),
    }
}

pub(super) fn promql(asked: &Struct<'_>, interval_s: u32) -> PromqlRecord {
    PromqlRecord {
        query: text(asked, promql::QUERY).unwrap_or_default(),
        pending_s: whole(asked, promql::PENDING_PERIOD),
        recovery_s: whole(asked, promql::RECOVERY_PERIOD),
        interval_s,
    }
}

/// Refuses what would change the content of notifications.
pub(super) fn no_action_configuration(
    asked: &Struct<'_>,
    field: Field,
) -> Result<(), ServiceError> {
    match asked.nested(field) {
        Some(_) => Err(not_served("ActionConfiguration", "tags in notifications are")),
        None => Ok(()),
    }
}
