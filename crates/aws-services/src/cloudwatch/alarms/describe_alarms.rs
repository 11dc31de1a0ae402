//! `DescribeAlarms`: alarms by name, state, action or kinship, page by page.

use super::errors::{bad_token, exclusive, of_alarm};
use super::read::{text, texts};
use super::{PAGE, page_size, shown};
use crate::caller::Caller;
use crate::{Answer, Services};
use aws_shapes::cloudwatch::{
    COMPOSITE_ALARM, DESCRIBE_ALARMS_OUTPUT, METRIC_ALARM, composite_alarm as composite,
    describe_alarms_input as input, describe_alarms_output as output, metric_alarm as metric,
};
use aws_wire::schema::Field;
use aws_wire::token::Bound;
use aws_wire::{Protocol, Request, ServiceError, Struct, Value};
use platform::{AlarmFilter, AlarmKind, AlarmShown, WatchRecord};

/// How much of an alarm is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    All,
    /// Of children: name, ARN, state, and when that was set.
    State,
    /// Of parents: name and ARN.
    Name,
}

pub(crate) fn handle(services: &Services, caller: &Caller, request: &Request) -> Answer {
    let asked = request.input()?;
    let scope = caller.scope_text();
    let bound = Bound {
        operation: "DescribeAlarms",
        scope: &scope,
        request: &asked,
        token: input::NEXT_TOKEN,
    };
    let after = services.tokens.position(&bound).map_err(|_| bad_token())?;
    let after = after.map(String::from_utf8).transpose().map_err(|_| bad_token())?;
    let (filter, detail) = filter(&asked)?;
    let size = page_size(asked.i64(input::MAX_RECORDS), PAGE);
    // One more shows that there is another page.
    let filter = filter.map(|filter| AlarmFilter { after, limit: Some(size + 1), ..filter });
    let mut alarms = match &filter {
        Some(filter) => services
            .platform
            .alarms(&caller.who, &caller.scope, filter)
            .map_err(|error| of_alarm(&error))?,
        None => Vec::new(),
    };
    let more = alarms.len() > size;
    alarms.truncate(size);
    let next = alarms.last().filter(|_| more);
    let next = next.map(|last| services.tokens.seal(&bound, last.record.name.as_bytes()));
    let is_composite = |alarm: &AlarmShown| matches!(alarm.record.watch, WatchRecord::Composite(_));
    let (composites, metrics): (Vec<_>, Vec<_>) = alarms.into_iter().partition(is_composite);
    let show = |alarms: Vec<AlarmShown>, composite: bool| -> Vec<Struct<'static>> {
        alarms.into_iter().map(|alarm| show(alarm, composite, detail)).collect()
    };
    let mut answer = Struct::new(&DESCRIBE_ALARMS_OUTPUT)
        .with(output::METRIC_ALARMS, show(metrics, false))
        .with(output::COMPOSITE_ALARMS, show(composites, true))
        .with(output::NEXT_TOKEN, next);
    // Clients of the older protocol do not know them.
    if request.protocol != Protocol::Query {
        answer.set(output::LOG_ALARMS, Vec::<Value<'_>>::new());
    }
    Ok(Some(answer))
}

/// Reads which alarms are wanted; `None` when there can be none.
fn filter(asked: &Struct<'_>) -> Result<(Option<AlarmFilter>, Detail), ServiceError> {
    let children_of = text(asked, input::CHILDREN_OF_ALARM_NAME);
    let parents_of = text(asked, input::PARENTS_OF_ALARM_NAME);
    let detail = match (&children_of, &parents_of) {
        (None, None) => Detail::All,
        (Some(_), None) => Detail::State,
        (None, Some(_)) => Detail::Name,
        (Some(_), Some(_)) => return Err(exclusive("ChildrenOfAlarmName", "ParentsOfAlarmName")),
    };
    if detail != Detail::All {
        only(asked, if detail == Detail::State { KIN[0] } else { KIN[1] })?;
        let filter = AlarmFilter { children_of, parents_of, ..AlarmFilter::default() };
        return Ok((Some(filter), detail));
    }
    let names = texts(asked, input::ALARM_NAMES);
    let prefix = text(asked, input::ALARM_NAME_PREFIX);
    if !names.is_empty() && prefix.is_some() {
        return Err(exclusive("AlarmNames", "AlarmNamePrefix"));
    }
    let kinds = match asked.get(input::ALARM_TYPES).as_list() {
        None | Some([]) => vec![AlarmKind::Metric],
        Some(types) => types.iter().filter_map(Value::as_str).filter_map(kind).collect(),
    };
    let state = text(asked, input::STATE_VALUE).and_then(|state| state.parse().ok());
    let action_prefix = text(asked, input::ACTION_PREFIX);
    // Of log alarms alone there are none.
    let filter = (!kinds.is_empty()).then(|| AlarmFilter {
        names,
        prefix,
        kinds,
        state,
        action_prefix,
        ..AlarmFilter::default()
    });
    Ok((filter, Detail::All))
}

/// Returns the kind of an `AlarmType`; none for log alarms, which are not served.
pub(super) fn kind(name: &str) -> Option<AlarmKind> {
    match name {
        "MetricAlarm" => Some(AlarmKind::Metric),
        "CompositeAlarm" => Some(AlarmKind::Composite),
        _ => None,
    }
}

const KIN: [&str; 2] = ["ChildrenOfAlarmName", "ParentsOfAlarmName"];

/// Kin are asked for without any other filter.
fn only(asked: &Struct<'_>, kin: &str) -> Result<(), ServiceError> {
    const OTHERS: [(&str, Field); 5] = [
        ("AlarmNames", input::ALARM_NAMES),
        ("AlarmNamePrefix", input::ALARM_NAME_PREFIX),
        ("AlarmTypes", input::ALARM_TYPES),
        ("StateValue", input::STATE_VALUE),
        ("ActionPrefix", input::ACTION_PREFIX),
    ];
    match OTHERS.iter().find(|(_, field)| !asked.get(*field).is_null()) {
        Some((other, _)) => Err(exclusive(kin, other)),
        None => Ok(()),
    }
}

fn show(alarm: AlarmShown, is_composite: bool, detail: Detail) -> Struct<'static> {
    match (detail, is_composite) {
        (Detail::All, false) => shown::metric_alarm(alarm),
        (Detail::All, true) => shown::composite_alarm(alarm),
        (_, false) => {
            let fields = [
                metric::ALARM_NAME,
                metric::ALARM_ARN,
                metric::STATE_VALUE,
                metric::STATE_UPDATED_TIMESTAMP,
            ];
            short(Struct::new(&METRIC_ALARM), fields, alarm, detail)
        }
        (_, true) => {
            let fields = [
                composite::ALARM_NAME,
                composite::ALARM_ARN,
                composite::STATE_VALUE,
                composite::STATE_UPDATED_TIMESTAMP,
            ];
            short(Struct::new(&COMPOSITE_ALARM), fields, alarm, detail)
        }
    }
}

fn short(
    out: Struct<'static>,
    [name, arn, state, updated]: [Field; 4],
    alarm: AlarmShown,
    detail: Detail,
) -> Struct<'static> {
    let out = out.with(name, alarm.record.name).with(arn, alarm.arn);
    if detail == Detail::Name {
        return out;
    }
    out.with(state, alarm.status.told.state.name())
        .with(updated, Value::Timestamp(alarm.status.updated_ms))
}
