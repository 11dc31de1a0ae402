//! What results are called: the labels and the zone that a request asks for.

use super::told;
use crate::caller::Caller;
use aws_shapes::cloudwatch::{
    get_metric_data_input as input, label_options, metric_data_query as field,
};
use aws_wire::{ServiceError, Struct};
use lang::labels::{Label, parse_zone};
use platform::{Naming, NamingFor, Plan};

/// Reads what names the lines of a request's results.
pub(super) fn read<'c>(
    asked: &Struct<'_>,
    plan: &Plan,
    caller: &'c Caller,
    now_ms: i64,
) -> Result<Naming<'c>, ServiceError> {
    let mut wanted = Vec::with_capacity(plan.queries().len());
    for (at, query) in (1..).zip(asked.structs(input::METRIC_DATA_QUERIES)) {
        let text = query.str(field::LABEL).filter(|label| !label.is_empty());
        let label = text.map(|text| Label::parse(text).map_err(|mistakes| (text, mistakes)));
        wanted.push(label.transpose().map_err(|(text, mistakes)| {
            let mistakes: Vec<String> = mistakes.iter().map(|m| told(m, text)).collect();
            ServiceError::validation(format!(
                "The value {text} for parameter MetricDataQueries.member.{at}.Label is invalid: {}",
                mistakes.join("; ")
            ))
        })?);
    }
    let asker = NamingFor {
        account: caller.scope.account.as_str(),
        region: caller.scope.region.as_str(),
        now_ms,
        zone_minutes: zone_minutes(asked)?,
    };
    Ok(Naming::new(plan, wanted, asker))
}

/// Reads the time zone of times in labels: minutes ahead of UTC.
///
/// Source: CloudWatch API reference, `LabelOptions`.
fn zone_minutes(asked: &Struct<'_>) -> Result<i32, ServiceError> {
    let zone = asked.nested(input::LABEL_OPTIONS).and_then(|o| o.str(label_options::TIMEZONE));
    let Some(zone) = zone else { return Ok(0) };
    parse_zone(zone).ok_or_else(|| {
        ServiceError::validation(format!(
            "The value {zone} for parameter LabelOptions.Timezone is invalid; it must be of the \
             form +HHMM or -HHMM."
        ))
    })
}
