//! `GetMetricData`: a statistic of each of many metrics over one range, page by page.

mod page;
mod queries;

use super::allow_no_namespace;
use super::window::to_second;
use crate::caller::Caller;
use crate::{Answer, Services};
use aws_shapes::cloudwatch::{
    GET_METRIC_DATA_OUTPUT, INVALID_NEXT_TOKEN, get_metric_data_input as input,
    get_metric_data_output as output, label_options, metric, metric_data_query, metric_stat,
};
use aws_wire::token::Bound;
use aws_wire::{Request, ServiceError, Struct, Value, validate};
use model::TimeRange;
use page::{Pager, Position};

/// Source: CloudWatch API reference, `GetMetricData`, field `MaxDatapoints`.
const DATAPOINTS_MAX: i64 = 100_800;

pub(crate) fn handle(services: &Services, caller: &Caller, request: &Request) -> Answer {
    let mut asked = request.decode()?;
    allow_no_namespaces(&mut asked);
    validate::check(&asked).map_err(ServiceError::validation)?;
    let range = range(&asked)?;
    let datapoints_max = datapoints_max(&asked)?;
    check_timezone(&asked)?;
    let queries = queries::read(&asked, caller)?;

    let scope = caller.scope_text();
    let bound = Bound {
        operation: "GetMetricData",
        scope: &scope,
        request: &asked,
        token: input::NEXT_TOKEN,
    };
    let bad_token =
        || ServiceError::modelled(&INVALID_NEXT_TOKEN, "Request parameter NextToken is invalid");
    let from = match services.tokens.position(&bound).map_err(|_| bad_token())? {
        Some(bytes) => Position::decode(&bytes).ok_or_else(bad_token)?,
        None => Position::default(),
    };
    let mut pager = Pager {
        services,
        caller,
        range,
        is_ascending: asked.str(input::SCAN_BY) == Some("TimestampAscending"),
        from,
        left: datapoints_max,
        next: None,
    };
    let mut results = Vec::new();
    for (index, query) in queries.iter().enumerate() {
        // Nothing builds on a query that is not returned while there is no metric math.
        if query.is_returned {
            results.push(pager.result(index, query)?);
        }
    }
    let next = pager.next.map(|position| services.tokens.seal(&bound, &position.encode()));
    let data = Struct::new(&GET_METRIC_DATA_OUTPUT)
        .with(output::METRIC_DATA_RESULTS, results)
        .with(output::NEXT_TOKEN, next)
        .with(output::MESSAGES, Value::List(Vec::new()));
    Ok(Some(data))
}

fn allow_no_namespaces(asked: &mut Struct<'_>) {
    let mut queries = asked.take(input::METRIC_DATA_QUERIES);
    if let Value::List(queries) = &mut queries {
        for query in queries {
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
    asked.set(input::METRIC_DATA_QUERIES, queries);
}

fn range(asked: &Struct<'_>) -> Result<TimeRange, ServiceError> {
    let time = |field| to_second(asked.timestamp_ms(field).unwrap_or_default());
    let range = TimeRange { start_ms: time(input::START_TIME), end_ms: time(input::END_TIME) };
    match range.start_ms.cmp(&range.end_ms) {
        std::cmp::Ordering::Less => Ok(range),
        std::cmp::Ordering::Equal => Err(ServiceError::validation(
            "The parameter StartTime must not equal parameter EndTime.",
        )),
        std::cmp::Ordering::Greater => {
            Err(ServiceError::validation("The parameter EndTime must be greater than StartTime."))
        }
    }
}

fn datapoints_max(asked: &Struct<'_>) -> Result<usize, ServiceError> {
    let wanted = asked.i64(input::MAX_DATAPOINTS).unwrap_or(DATAPOINTS_MAX);
    match usize::try_from(wanted) {
        Ok(max) if (1..=DATAPOINTS_MAX).contains(&wanted) => Ok(max),
        _ => Err(ServiceError::validation(format!(
            "The parameter MaxDatapoints must be between 1 and {DATAPOINTS_MAX}."
        ))),
    }
}

/// A time zone is for times in labels, which are not served yet; a wrong one is still told.
///
/// Source: CloudWatch API reference, `LabelOptions`.
fn check_timezone(asked: &Struct<'_>) -> Result<(), ServiceError> {
    let zone = asked.nested(input::LABEL_OPTIONS).and_then(|o| o.str(label_options::TIMEZONE));
    let Some(zone) = zone else { return Ok(()) };
    let is_zone = match zone.as_bytes() {
        [b'+' | b'-', digits @ ..] => {
            digits.len() == 4
                && digits.iter().all(u8::is_ascii_digit)
                && &zone[1..3] <= "23"
                && &zone[3..] <= "59"
        }
        _ => false,
    };
    if is_zone {
        return Ok(());
    }
    Err(ServiceError::validation(format!(
        "The value {zone} for parameter LabelOptions.Timezone is invalid; it must be of the form \
         +HHMM or -HHMM."
    )))
}
