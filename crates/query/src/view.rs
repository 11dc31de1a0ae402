//! The store's series as PromQL sees them: labels, and deltas as floats.

use crate::QueryError;
use lang::promql::{MatchOp, Matcher};
use metric_store::{Points, Test};
use model::{Delta, Unit};
use std::sync::Arc;

/// The label by which a selector chooses how it sees deltas; no series carries it.
pub const STAT: &str = "__stat__";

/// Turns a selector's matchers into the store's.
pub fn store_matchers(matchers: &[Matcher]) -> Vec<metric_store::Matcher> {
    matchers
        .iter()
        .filter(|m| m.name != STAT)
        .map(|matcher| {
            let test = match (matcher.op, matcher.plain_values()) {
                (MatchOp::Eq | MatchOp::Ne, _) => Test::Equal(matcher.value.clone()),
                (_, Some(values)) => Test::AnyOf(values.to_vec()),
                (MatchOp::Re | MatchOp::Nre, None) => {
                    let (own, negated) = (matcher.clone(), matcher.op == MatchOp::Nre);
                    // The language's matcher negates by itself; the store wants the plain test.
                    Test::Passes(Arc::new(move |value: &str| own.matches(value) != negated))
                }
            };
            let negated = matches!(matcher.op, MatchOp::Ne | MatchOp::Nre);
            metric_store::Matcher { label: matcher.name.clone(), test, negated }
        })
        .collect()
}

/// How deltas are seen as floats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    Average,
    Sum,
    Minimum,
    Maximum,
    SampleCount,
}

impl View {
    /// Returns the view that a selector asks for.
    pub(crate) fn of(matchers: &[Matcher]) -> Result<Self, QueryError> {
        let Some(stat) = matchers.iter().find(|m| m.name == STAT) else { return Ok(Self::Average) };
        if stat.op != MatchOp::Eq {
            return Err(QueryError::Bad(format!("{STAT} takes = only")));
        }
        Ok(match stat.value.as_str() {
            "Average" => Self::Average,
            "Sum" => Self::Sum,
            "Minimum" => Self::Minimum,
            "Maximum" => Self::Maximum,
            "SampleCount" => Self::SampleCount,
            other => {
                return Err(QueryError::Bad(format!(
                    "{STAT}={other:?} is not served; Average, Sum, Minimum, Maximum and \
                     SampleCount are"
                )));
            }
        })
    }

    pub(crate) fn samples(self, points: Points) -> Vec<(i64, f64)> {
        match points {
            Points::Floats(points) => points,
            // One sample is its own sum, average, minimum and maximum, and counts as one.
            Points::Singles(points) if self != Self::SampleCount => points,
            points => points.into_deltas().iter().map(|(at, d)| (*at, self.value(d))).collect(),
        }
    }

    fn value(self, delta: &Delta) -> f64 {
        match self {
            Self::Average => delta.sum / delta.count,
            Self::Sum => delta.sum,
            Self::Minimum => delta.min,
            Self::Maximum => delta.max,
            Self::SampleCount => delta.count,
        }
    }
}

/// Returns a key's labels as PromQL shows them, sorted by name.
pub fn labels_of(key: &model::SeriesKey) -> Vec<(&str, &str)> {
    let mut labels: Vec<(&str, &str)> =
        key.labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let unit = if key.unit == Unit::None { "" } else { key.unit.name() };
    for (name, value) in [
        ("__name__", key.name.as_str()),
        ("__namespace__", key.namespace.as_str()),
        ("__unit__", unit),
    ] {
        if !value.is_empty() {
            labels.push((name, value));
        }
    }
    labels.sort_unstable();
    labels
}
