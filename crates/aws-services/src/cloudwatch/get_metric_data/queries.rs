//! The queries of a request: what they ask for.

use crate::caller::Caller;
use crate::cloudwatch::window::is_period;
use crate::cloudwatch::{metric_id, unit_of};
use aws_shapes::cloudwatch::{
    get_metric_data_input as input, metric, metric_data_query as field, metric_stat,
};
use aws_wire::{ServiceError, Struct};
use platform::{DataQuery, DataSource, MetricData, Plan, PlanError, StatisticError, caps};
use std::collections::HashSet;

/// Source: CloudWatch API reference, `GetMetricData`, field `MetricDataQueries`.
const QUERIES_MAX: usize = 500;

/// Reads all queries of a request and puts them in order. What the service caps for cost is refused
/// with `is_capped`.
pub(super) fn read(
    asked: &Struct<'_>,
    caller: &Caller,
    is_capped: bool,
) -> Result<Plan, ServiceError> {
    let count = asked.list(input::METRIC_DATA_QUERIES).len();
    if count == 0 {
        return Err(ServiceError::validation("The parameter MetricDataQueries is required."));
    }
    if count > QUERIES_MAX {
        return Err(ServiceError::validation(format!(
            "The collection MetricDataQueries must not have a size greater than {QUERIES_MAX}."
        )));
    }
    check_ids(asked)?;
    let mut queries = Vec::with_capacity(count);
    for (at, query) in (1..).zip(asked.structs(input::METRIC_DATA_QUERIES)) {
        let place = format!("MetricDataQueries.member.{at}");
        let query = read_one(query, &place, caller).map_err(ServiceError::validation)?;
        queries.push(query);
    }
    if is_capped {
        check_caps(&queries).map_err(ServiceError::validation)?;
    }
    let texts: Vec<(String, String)> = queries.iter().map(id_and_text).collect();
    Plan::new(queries).map_err(|error| ServiceError::validation(told(&error, &texts)))
}

fn check_caps(queries: &[DataQuery]) -> Result<(), String> {
    let is_statement = |query: &&DataQuery| matches!(query.source, DataSource::Insights { .. });
    let statements = queries.iter().filter(is_statement).count();
    let max = caps::STATEMENTS_MAX;
    if statements > max {
        return Err(format!(
            "The request has {statements} Metrics Insights queries, at most {max} may be in one (the \
             server runs with --aws-caps)."
        ));
    }
    Ok(())
}

fn check_ids(asked: &Struct<'_>) -> Result<(), ServiceError> {
    let mut ids = HashSet::new();
    for (at, query) in (1..).zip(asked.structs(input::METRIC_DATA_QUERIES)) {
        let id = query.str(field::ID).unwrap_or_default();
        if !is_id(id) {
            return Err(ServiceError::validation(format!(
                "The value {id} for parameter MetricDataQueries.member.{at}.Id is not matching the \
                 expected pattern ^[a-z][a-zA-Z0-9_]*$."
            )));
        }
        if !ids.insert(id) {
            return Err(ServiceError::validation(
                "The values for parameter id in MetricDataQueries are not unique.",
            ));
        }
    }
    Ok(())
}

fn is_id(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn id_and_text(query: &DataQuery) -> (String, String) {
    let text = match &query.source {
        DataSource::Math { text, .. } | DataSource::Insights { text, .. } => text.clone(),
        DataSource::Metric(_) => String::new(),
    };
    (query.id.clone(), text)
}

/// Says what is wrong with an expression, and where.
fn told(error: &PlanError, texts: &[(String, String)]) -> String {
    match error {
        PlanError::Text { query, mistakes } => {
            let (id, text) = &texts[*query];
            let mistakes: Vec<String> = mistakes.iter().map(|m| super::told(m, text)).collect();
            format!("Error in expression '{id}': {}", mistakes.join("; "))
        }
        PlanError::Cycle { ids } => format!(
            "Error in expression '{}': expressions use each other in a circle: {}",
            ids.first().map(String::as_str).unwrap_or_default(),
            ids.join(" -> ")
        ),
    }
}

fn read_one(query: &Struct<'_>, place: &str, caller: &Caller) -> Result<DataQuery, String> {
    if let Some(other) = query.str(field::ACCOUNT_ID)
        && other != caller.scope.account.as_str()
    {
        return Err(format!(
            "The parameter {place}.AccountId names the account {other}, and metrics of other \
             accounts are not served yet."
        ));
    }
    let source = match (query.nested(field::METRIC_STAT), query.str(field::EXPRESSION)) {
        (Some(stat), None) => {
            if query.i64(field::PERIOD).is_some() {
                return Err(exclusive(place, "Period", "MetricStat"));
            }
            DataSource::Metric(metric_data(stat, place)?)
        }
        (None, Some(expression)) => expression_of(query, expression, place)?,
        (Some(_), Some(_)) => return Err(exclusive(place, "Expression", "MetricStat")),
        (None, None) => {
            return Err(format!(
                "At least one of the parameters {place}.Expression and {place}.MetricStat must be \
                 specified."
            ));
        }
    };
    Ok(DataQuery {
        id: query.str(field::ID).unwrap_or_default().to_owned(),
        source,
        is_returned: query.bool(field::RETURN_DATA) != Some(false),
    })
}

fn expression_of(query: &Struct<'_>, expression: &str, place: &str) -> Result<DataSource, String> {
    let period_s = match query.i64(field::PERIOD) {
        Some(period_s) => Some(period(period_s, &format!("{place}.Period"))?),
        None => None,
    };
    // An id may begin with the same letters.
    let first = expression.split_whitespace().next();
    if first.is_some_and(|word| word.eq_ignore_ascii_case("SELECT")) {
        return Ok(DataSource::Insights { text: expression.to_owned(), period_s });
    }
    Ok(DataSource::Math { text: expression.to_owned(), period_s })
}

fn period(period_s: i64, place: &str) -> Result<u32, String> {
    let told = || format!("The parameter {place} must be 1, 5, 10, 20, 30 or a multiple of 60.");
    u32::try_from(period_s).ok().filter(|_| is_period(period_s)).ok_or_else(told)
}

fn metric_data(stat: &Struct<'_>, place: &str) -> Result<MetricData, String> {
    let place = format!("{place}.MetricStat");
    let period_s =
        period(stat.i64(metric_stat::PERIOD).unwrap_or_default(), &format!("{place}.Period"))?;
    let text = stat.str(metric_stat::STAT).unwrap_or_default();
    let statistic = text.parse().map_err(|error| match error {
        StatisticError::Unknown(_) => {
            format!("The value {text} for parameter {place}.Stat is invalid.")
        }
        StatisticError::NotServed(_) => {
            format!("The value {text} for parameter {place}.Stat cannot be used: {error}.")
        }
    })?;
    let of = stat.nested(metric_stat::METRIC).ok_or("A metric is required.")?;
    // The model lets both be absent; nothing has no name.
    let required = |field, name| {
        of.str(field).ok_or_else(|| format!("The parameter {place}.Metric.{name} is required."))
    };
    let metric = metric_id(
        required(metric::NAMESPACE, "Namespace")?,
        required(metric::METRIC_NAME, "MetricName")?,
        of.list(metric::DIMENSIONS),
    )
    .map_err(|twice| {
        format!("The parameter {place}.Metric.Dimensions names {twice} more than once.")
    })?;
    Ok(MetricData {
        metric,
        unit: stat.str(metric_stat::UNIT).map(unit_of),
        statistic,
        stat: text.to_owned(),
        period_s,
    })
}

fn exclusive(place: &str, one: &str, other: &str) -> String {
    format!(
        "The parameters {place}.{one} and {place}.{other} are mutually exclusive and you have \
         specified both."
    )
}
