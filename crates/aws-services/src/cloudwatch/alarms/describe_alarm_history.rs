//! `DescribeAlarmHistory`: what happened to alarms, page by page.

use super::describe_alarms::kind;
use super::errors::{bad_token, of_alarm};
use super::read::text;
use super::{PAGE_MAX, page_size};
use crate::caller::Caller;
use crate::{Answer, Services};
use aws_shapes::cloudwatch::{
    ALARM_HISTORY_ITEM, DESCRIBE_ALARM_HISTORY_OUTPUT, alarm_history_item as item,
    describe_alarm_history_input as input, describe_alarm_history_output as output,
};
use aws_wire::token::Bound;
use aws_wire::{Request, Struct, Value};
use platform::{
    AlarmKind, HistoryFilter, HistoryPage, HistoryPlace, HistoryShown, HistoryType, contributor_id,
};
use std::borrow::Cow;

pub(crate) fn handle(services: &Services, caller: &Caller, request: &Request) -> Answer {
    let asked = request.input()?;
    let scope = caller.scope_text();
    let bound = Bound {
        operation: "DescribeAlarmHistory",
        scope: &scope,
        request: &asked,
        token: input::NEXT_TOKEN,
    };
    let token = services.tokens.position(&bound).map_err(|_| bad_token())?;
    let behind =
        token.map(|bytes| HistoryPlace::of_bytes(&bytes).ok_or_else(bad_token)).transpose()?;
    let limit = Some(page_size(asked.i64(input::MAX_RECORDS), PAGE_MAX));
    let found = match filter(&asked) {
        Some(filter) => services
            .platform
            .alarm_history(&caller.who, &caller.scope, &HistoryFilter { behind, limit, ..filter })
            .map_err(|error| of_alarm(&error))?,
        None => HistoryPage::default(),
    };
    let next = found.next.map(|next| services.tokens.seal(&bound, &next.to_bytes()));
    let page: Vec<Struct<'static>> = found.items.into_iter().map(shown).collect();
    let answer = Struct::new(&DESCRIBE_ALARM_HISTORY_OUTPUT)
        .with(output::ALARM_HISTORY_ITEMS, page)
        .with(output::NEXT_TOKEN, next);
    Ok(Some(answer))
}

/// Reads which items are wanted; `None` when there can be none.
fn filter(asked: &Struct<'_>) -> Option<HistoryFilter> {
    let kinds = match asked.get(input::ALARM_TYPES).as_list() {
        None | Some([]) => vec![AlarmKind::Metric],
        Some(types) => types.iter().filter_map(Value::as_str).filter_map(kind).collect(),
    };
    let has = |kind| kinds.contains(&kind);
    let is_composite = match (has(AlarmKind::Metric), has(AlarmKind::Composite)) {
        (true, true) => None,
        (false, true) => Some(true),
        (true, false) => Some(false),
        (false, false) => return None,
    };
    let what = asked.str(input::HISTORY_ITEM_TYPE);
    let what = what.and_then(|name| HistoryType::ALL.iter().find(|(known, _)| *known == name));
    Some(HistoryFilter {
        alarm: text(asked, input::ALARM_NAME),
        contributor: text(asked, input::ALARM_CONTRIBUTOR_ID),
        is_composite,
        what: what.map(|(_, what)| *what),
        start_ms: asked.timestamp_ms(input::START_DATE),
        end_ms: asked.timestamp_ms(input::END_DATE),
        is_ascending: asked.str(input::SCAN_BY) == Some("TimestampAscending"),
        ..HistoryFilter::default()
    })
}

fn shown(of: HistoryShown) -> Struct<'static> {
    let kind = if of.is_composite { "CompositeAlarm" } else { "MetricAlarm" };
    let mut out = Struct::new(&ALARM_HISTORY_ITEM)
        .with(item::ALARM_NAME, of.alarm)
        .with(item::ALARM_TYPE, kind)
        .with(item::TIMESTAMP, Value::Timestamp(of.at_ms))
        .with(item::HISTORY_ITEM_TYPE, of.what.name())
        .with(item::HISTORY_SUMMARY, of.summary)
        .with(item::HISTORY_DATA, of.data);
    if !of.contributor.is_empty() {
        out.set(item::ALARM_CONTRIBUTOR_ID, contributor_id(&of.contributor));
        out.set(item::ALARM_CONTRIBUTOR_ATTRIBUTES, attributes(of.contributor));
    }
    out
}

/// Shows the labels of a contributor.
pub(super) fn attributes(pairs: Vec<(String, String)>) -> Value<'static> {
    let entries = pairs.into_iter().map(|(name, value)| (Cow::Owned(name), Value::from(value)));
    Value::Map(entries.collect())
}
