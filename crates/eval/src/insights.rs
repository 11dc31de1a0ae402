//! What a Metrics Insights statement means: which metrics it takes, how they are told apart, and
//! what is told of each group.
//!
//! A function is over the observations of a period, of all metrics of a group together: `AVG` is
//! their sum by their count, `COUNT` is how many samples they were, not how many metrics. A function
//! of `ORDER BY` is over the values of a result. Where the guide is silent, this is what holds here:
//!
//! - A dimension that a metric does not have is equal to nothing, so `!=` and `NOT IN` take it.
//! - Metrics of different units are put together.
//! - The label of a result is the values of `GROUP BY`, in its order, with spaces between them.
//! - Equal results of `ORDER BY` stand in the order of their groups; the group without a value
//!   (`Other`) stands behind one whose value is that text.
//! - A group in which nothing was observed is no result; without `GROUP BY` there always is one.
//!
//! [`Batch`] computes a range and [`Step`] one period; both put together [`Cell`]s. A `LIMIT` can
//! only be known at the end of a range, so a statement with one is not stepped ([`is_steppable`]).
//!
//! Source: CloudWatch user guide, "Metrics Insights query components and syntax".

mod batch;
mod cell;

pub use batch::{Batch, Limits, Line, Step};
pub use cell::Cell;

use lang::insights::{Filter, Query};

/// Stands for a dimension of `GROUP BY` that a metric does not have.
pub const OTHER: &str = "Other";

/// Says whether a statement takes a metric.
pub fn matches(
    query: &Query,
    namespace: &str,
    name: &str,
    dimensions: &[(String, String)],
) -> bool {
    let of_schema = query.schema.as_ref().is_none_or(|schema| {
        schema.len() == dimensions.len() && dimensions.iter().all(|(name, _)| schema.contains(name))
    });
    query.namespace == namespace
        && query.metric == name
        && of_schema
        && query.filter.as_ref().is_none_or(|filter| holds(filter, dimensions))
}

fn holds(filter: &Filter, dimensions: &[(String, String)]) -> bool {
    match filter {
        Filter::All(all) => all.iter().all(|one| holds(one, dimensions)),
        Filter::Any(all) => all.iter().any(|one| holds(one, dimensions)),
        Filter::Is { label, values, negated } => {
            value_of(dimensions, label).is_some_and(|v| values.iter().any(|one| one == v))
                != *negated
        }
    }
}

fn value_of<'a>(dimensions: &'a [(String, String)], label: &str) -> Option<&'a str> {
    dimensions.iter().find(|(name, _)| name == label).map(|(_, value)| value.as_str())
}

/// Says whether the statement can be computed period by period, given its metrics: a `LIMIT` looks
/// at the whole range.
pub fn is_steppable(query: &Query) -> bool {
    query.limit.is_none()
}

/// What tells one result from another: the values of `GROUP BY`; `None` where a metric has none.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Group(pub Vec<Option<String>>);

impl Group {
    /// Returns the group of a metric.
    pub fn of(query: &Query, dimensions: &[(String, String)]) -> Self {
        let values = query.group_by.iter();
        Self(values.map(|label| value_of(dimensions, label).map(str::to_owned)).collect())
    }

    /// Returns the label of the group's result; `None` when the statement does not group.
    pub fn label(&self) -> Option<String> {
        let shown: Vec<&str> = self.shown().collect();
        (!shown.is_empty()).then(|| shown.join(" "))
    }

    fn shown(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|value| value.as_deref().unwrap_or(OTHER))
    }
}

impl Ord for Group {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let missing = |group: &Self| group.0.iter().map(Option::is_none).collect::<Vec<_>>();
        self.shown().cmp(other.shown()).then_with(|| missing(self).cmp(&missing(other)))
    }
}

impl PartialOrd for Group {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
