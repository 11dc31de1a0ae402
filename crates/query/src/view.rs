//! The store's series as PromQL sees them: labels, and deltas as floats.

use crate::QueryError;
use lang::promql::{MatchOp, Matcher};
use metric_store::{Points, Test};
use model::{Delta, Unit};
use std::sync::Arc;
use stdx::varint::Reader;

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
    let labels = key.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    with_virtual(&key.namespace, &key.name, key.unit, labels).collect()
}

/// Puts labels in their order, those that stand for the front of a key among them; without the empty
/// ones of these.
fn with_virtual<'k>(
    namespace: &'k str,
    name: &'k str,
    unit: Unit,
    labels: impl Iterator<Item = (&'k str, &'k str)>,
) -> impl Iterator<Item = (&'k str, &'k str)> {
    let unit = if unit == Unit::None { "" } else { unit.name() };
    let mut own = [("__name__", name), ("__namespace__", namespace), ("__unit__", unit)]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .peekable();
    let mut labels = labels.peekable();
    std::iter::from_fn(move || match (own.peek(), labels.peek()) {
        (Some(before), Some(label)) if before.0 < label.0 => own.next(),
        (_, Some(_)) => labels.next(),
        (_, None) => own.next(),
    })
}

/// The labels of a canonical key that is not decoded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeyLabels<'k> {
    /// Namespace, name and unit, as they stand in the key.
    pub(crate) front: &'k [u8],
    namespace: &'k str,
    name: &'k str,
    unit: Unit,
    labels: Reader<'k>,
    count: usize,
}

impl<'k> KeyLabels<'k> {
    /// Reads the front of a key; `None` if it is none.
    pub(crate) fn of(key: &'k [u8]) -> Option<Self> {
        let mut reader = Reader::new(key);
        reader.take(4)?;
        let whole = reader.rest();
        let (namespace, name) = (reader.str()?, reader.str()?);
        let unit = Unit::from_code(reader.u8()?)?;
        let front = &whole[..whole.len() - reader.rest().len()];
        let count = reader.usize()?;
        Some(Self { front, namespace, name, unit, labels: reader, count })
    }

    /// Returns the labels as PromQL shows them, sorted by name.
    pub(crate) fn pairs(self) -> impl Iterator<Item = (&'k str, &'k str)> {
        let Self { namespace, name, unit, mut labels, count, .. } = self;
        let pairs = (0..count.min(labels.rest().len()))
            .map_while(move |_| Some((labels.str()?, labels.str()?)));
        with_virtual(namespace, name, unit, pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{SeriesKey, TenantId};

    #[test]
    fn labels_of_a_packed_key_are_those_of_the_key() {
        for (namespace, unit, names) in [
            ("", Unit::None, vec!["a", "b"]),
            ("AWS/EC2", Unit::Percent, vec!["Zone", "__a", "__nb", "__v", "a"]),
            ("N", Unit::None, vec![]),
        ] {
            let key = SeriesKey {
                tenant: TenantId(3),
                namespace: namespace.into(),
                name: "cpu".into(),
                unit,
                labels: names.iter().map(|name| ((*name).to_owned(), "1".to_owned())).collect(),
            };
            let mut bytes = Vec::new();
            key.encode(&mut bytes);
            let packed: Vec<_> = KeyLabels::of(&bytes).unwrap().pairs().collect();
            assert_eq!(packed, labels_of(&key));
            assert!(packed.is_sorted() && packed.contains(&("__name__", "cpu")));
            assert!(KeyLabels::of(&bytes[..5]).is_none());
        }
    }
}
