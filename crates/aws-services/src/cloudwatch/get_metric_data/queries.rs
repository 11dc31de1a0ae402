//! The queries of a request: what they ask for and what their results are called.

use crate::caller::Caller;
use crate::cloudwatch::window::is_period;
use crate::cloudwatch::{metric_id, unit_of};
use aws_shapes::cloudwatch::{
    get_metric_data_input as input, metric, metric_data_query as field, metric_stat,
};
use aws_wire::{ServiceError, Struct};
use model::Unit;
use platform::{MetricId, Statistic, StatisticError};
use std::collections::HashSet;

/// Source: CloudWatch API reference, `GetMetricData`, field `MetricDataQueries`.
const QUERIES_MAX: usize = 500;

pub(super) struct Query {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) metric: MetricId,
    pub(super) period_s: i64,
    pub(super) statistic: Statistic,
    pub(super) unit: Option<Unit>,
    pub(super) is_returned: bool,
}

/// Reads all queries of a request.
pub(super) fn read(asked: &Struct<'_>, caller: &Caller) -> Result<Vec<Query>, ServiceError> {
    let count = asked.list(input::METRIC_DATA_QUERIES).len();
    if count == 0 {
        return Err(ServiceError::validation("The parameter MetricDataQueries is required."));
    }
    if count > QUERIES_MAX {
        return Err(ServiceError::validation(format!(
            "The collection MetricDataQueries must not have a size greater than {QUERIES_MAX}."
        )));
    }
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
    let mut queries = Vec::with_capacity(count);
    for (at, query) in (1..).zip(asked.structs(input::METRIC_DATA_QUERIES)) {
        let place = format!("MetricDataQueries.member.{at}");
        let query = read_one(query, &place, caller).map_err(ServiceError::validation)?;
        queries.push(query);
    }
    let stat = |query: &Struct<'_>| {
        query.nested(field::METRIC_STAT).and_then(|s| s.str(metric_stat::STAT)).map(str::to_owned)
    };
    let stats: Vec<_> =
        asked.structs(input::METRIC_DATA_QUERIES).map(|q| stat(q).unwrap_or_default()).collect();
    let labels: Vec<_> = asked
        .structs(input::METRIC_DATA_QUERIES)
        .map(|query| query.str(field::LABEL).filter(|label| !label.is_empty()))
        .collect();
    name_results(&mut queries, &stats, &labels);
    Ok(queries)
}

fn is_id(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Reads a query without its label.
fn read_one(query: &Struct<'_>, place: &str, caller: &Caller) -> Result<Query, String> {
    let stat = match (query.nested(field::METRIC_STAT), query.str(field::EXPRESSION)) {
        (Some(stat), None) => stat,
        (None, Some(expression)) => return Err(not_served(place, expression)),
        (Some(_), Some(_)) => return Err(exclusive(place, "Expression", "MetricStat")),
        (None, None) => {
            return Err(format!(
                "At least one of the parameters {place}.Expression and {place}.MetricStat must be \
                 specified."
            ));
        }
    };
    if query.i64(field::PERIOD).is_some() {
        return Err(exclusive(place, "Period", "MetricStat"));
    }
    if let Some(other) = query.str(field::ACCOUNT_ID)
        && other != caller.scope.account.as_str()
    {
        return Err(format!(
            "The parameter {place}.AccountId names the account {other}, and metrics of other \
             accounts are not served yet."
        ));
    }
    if query.str(field::LABEL).is_some_and(|label| label.contains("${")) {
        return Err(format!("The parameter {place}.Label is not served yet: dynamic labels."));
    }
    let period_s = stat.i64(metric_stat::PERIOD).unwrap_or_default();
    if !is_period(period_s) {
        return Err(format!(
            "The parameter {place}.MetricStat.Period must be 1, 5, 10, 20, 30 or a multiple of 60."
        ));
    }
    let statistic = stat.str(metric_stat::STAT).unwrap_or_default();
    let statistic = statistic.parse().map_err(|error| match error {
        StatisticError::Unknown(_) => {
            format!("The value {statistic} for parameter {place}.MetricStat.Stat is invalid.")
        }
        StatisticError::NotServed(_) => format!(
            "The value {statistic} for parameter {place}.MetricStat.Stat cannot be used: {error}."
        ),
    })?;
    let of = stat.nested(metric_stat::METRIC).ok_or("A metric is required.")?;
    // The model lets both be absent; nothing has no name.
    let text = |field, name| {
        of.str(field)
            .ok_or_else(|| format!("The parameter {place}.MetricStat.Metric.{name} is required."))
    };
    let metric = metric_id(
        text(metric::NAMESPACE, "Namespace")?,
        text(metric::METRIC_NAME, "MetricName")?,
        of.list(metric::DIMENSIONS),
    )
    .map_err(|twice| {
        format!("The parameter {place}.MetricStat.Metric.Dimensions names {twice} more than once.")
    })?;
    Ok(Query {
        id: query.str(field::ID).unwrap_or_default().to_owned(),
        label: String::new(),
        metric,
        period_s,
        statistic,
        unit: stat.str(metric_stat::UNIT).map(unit_of),
        is_returned: query.bool(field::RETURN_DATA) != Some(false),
    })
}

fn exclusive(place: &str, one: &str, other: &str) -> String {
    format!(
        "The parameters {place}.{one} and {place}.{other} are mutually exclusive and you have \
         specified both."
    )
}

fn not_served(place: &str, expression: &str) -> String {
    let start = expression.trim_start();
    let begins =
        |word: &str| start.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word));
    let what = if begins("SELECT") {
        "Metrics Insights queries"
    } else if expression.contains("SEARCH(") || expression.contains("SEARCH (") {
        "SEARCH expressions"
    } else {
        "metric math"
    };
    format!("The parameter {place}.Expression is not served yet: {what}.")
}

/// Gives every result the label that its query wants, or the metric's name and what tells the
/// queries of the request apart: the statistic, then the period.
fn name_results(queries: &mut [Query], stats: &[String], labels: &[Option<&str>]) {
    let stats_differ = stats.windows(2).any(|pair| pair[0] != pair[1]);
    let periods_differ = queries.windows(2).any(|pair| pair[0].period_s != pair[1].period_s);
    for ((query, stat), label) in queries.iter_mut().zip(stats).zip(labels) {
        query.label = match label {
            Some(label) => (*label).to_owned(),
            None => {
                let mut label = query.metric.name.clone();
                if stats_differ {
                    label.push(' ');
                    label.push_str(stat);
                }
                if periods_differ {
                    label.push_str(&format!(" {}", query.period_s));
                }
                label
            }
        };
    }
}
