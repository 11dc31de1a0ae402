//! `GetMetricData`: a statistic of each of many metrics over one range, page by page.

mod labels;
mod page;
mod queries;

use super::allow_no_namespaces;
use super::window::to_second;
use crate::caller::Caller;
use crate::{Answer, Services, fault};
use aws_shapes::cloudwatch::{
    GET_METRIC_DATA_OUTPUT, INVALID_NEXT_TOKEN, get_metric_data_input as input,
    get_metric_data_output as output,
};
use aws_wire::token::Bound;
use aws_wire::{Request, ServiceError, Struct, Value, validate};
use lang::Diagnostic;
use model::TimeRange;
use page::{Pager, Position};
use platform::DataQuestion;

/// Source: CloudWatch API reference, `GetMetricData`, field `MaxDatapoints`.
const DATAPOINTS_MAX: i64 = 100_800;

pub(crate) fn handle(services: &Services, caller: &Caller, request: &Request) -> Answer {
    let mut asked = request.decode()?;
    allow_no_namespaces(&mut asked, input::METRIC_DATA_QUERIES);
    validate::check(&asked).map_err(ServiceError::validation)?;
    let range = range(&asked)?;
    let datapoints_max = datapoints_max(&asked)?;
    let is_capped = services.platform.question_limits().aws_caps;
    let plan = queries::read(&asked, caller, is_capped)?;
    let now_ms = services.platform.clock().now_ms();
    let labels = labels::read(&asked, &plan, caller, now_ms)?;

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
    // The service never pages what is computed; nor is it cut off unless the asker wants that.
    let is_paged = !plan.has_math();
    let is_limited = is_paged || is_capped || asked.i64(input::MAX_DATAPOINTS).is_some();
    let points_max = if is_limited { datapoints_max } else { usize::MAX };
    let question = DataQuestion {
        plan: &plan,
        account: caller.scope.account.as_str(),
        range,
        bounds: None,
        now_ms,
        first: from.index,
        is_resumed: from.behind_ms.is_some(),
        points_max: if is_paged { points_max } else { usize::MAX },
        is_capped,
    };
    let answer = services.platform.metric_data(&caller.who, &caller.scope, &question);
    let mut answer = answer.map_err(|error| fault::of_ask(&error))?;
    let mut pager = Pager {
        is_ascending: asked.str(input::SCAN_BY) == Some("TimestampAscending"),
        from,
        left: points_max,
        next: None,
    };
    let mut results = Vec::new();
    let lines = std::mem::take(&mut answer.lines);
    let mut lines = lines.into_iter().chain(std::iter::repeat_with(|| None));
    for (index, query) in plan.queries().iter().enumerate() {
        let lines = lines.next().flatten();
        if query.is_returned {
            let labels = labels.of(&plan, index, lines.as_deref());
            results.extend(pager.results(index, &query.id, labels, lines));
        }
    }
    let next = pager.next.filter(|_| is_paged);
    let next = next.map(|position| services.tokens.seal(&bound, &position.encode()));
    let data = Struct::new(&GET_METRIC_DATA_OUTPUT)
        .with(output::METRIC_DATA_RESULTS, results)
        .with(output::NEXT_TOKEN, next)
        .with(output::MESSAGES, Value::List(Vec::new()));
    Ok(Some(data))
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

/// Shows a mistake in a text: its place, what is wrong, what may help.
fn told(mistake: &Diagnostic, text: &str) -> String {
    let place = mistake.span.place(text);
    let hint = mistake.hint.as_ref().map(|hint| format!(" ({hint})"));
    format!("{place}: {}{}", mistake.message, hint.unwrap_or_default())
}
