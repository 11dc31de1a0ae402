//! Which labels there are, and which values they have: read from the indexes alone.
//!
//! A part has its pairs in order, so values of several sources are merged as they stand.

use crate::read_budget::{Charge, ReadBudget};
use crate::registry::Registry;
use crate::snapshot::{ReadError, Restart, serving};
use crate::store::MetricStore;
use model::{TenantId, TimeRange, Unit};
use std::collections::BTreeMap;
use std::ops::Range;

/// What a text takes beside its bytes, which are counted twice: lists are merged into new ones.
const TEXT_BYTES: usize = 2 * size_of::<u32>() + 24;

/// Texts in order, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts {
    /// One behind the other.
    bytes: String,
    ends: Vec<usize>,
}

impl Texts {
    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Says whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Returns them in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.len()).map(|at| &self.bytes[self.place(at)])
    }

    fn place(&self, at: usize) -> Range<usize> {
        at.checked_sub(1).map_or(0, |before| self.ends[before])..self.ends[at]
    }

    /// Appends a text, which is to be behind the last one.
    fn push(&mut self, text: &str) {
        self.bytes.push_str(text);
        self.ends.push(self.bytes.len());
    }

    /// Adds the texts of another list.
    fn merge(&mut self, other: Self) {
        if self.is_empty() || other.is_empty() {
            if self.is_empty() {
                *self = other;
            }
            return;
        }
        let mut all = Self {
            bytes: String::with_capacity(self.bytes.len().max(other.bytes.len())),
            ends: Vec::with_capacity(self.len().max(other.len())),
        };
        let (mut one, mut two) = (self.iter().peekable(), other.iter().peekable());
        loop {
            let (left, right) = (one.peek().copied(), two.peek().copied());
            let Some(next) = left.into_iter().chain(right).min() else { break };
            all.push(next);
            one.next_if(|text| *text == next);
            two.next_if(|text| *text == next);
        }
        drop((one, two));
        *self = all;
    }

    fn paid_bytes(&self) -> u64 {
        (self.len() * TEXT_BYTES + 2 * self.bytes.len()) as u64
    }
}

/// Sorts texts, and leaves out those that are there already.
impl<'t> FromIterator<&'t str> for Texts {
    fn from_iter<I: IntoIterator<Item = &'t str>>(texts: I) -> Self {
        let mut sorted: Vec<&str> = texts.into_iter().collect();
        sorted.sort_unstable();
        sorted.dedup();
        let mut all = Self::default();
        sorted.into_iter().for_each(|text| all.push(text));
        all
    }
}

/// The labels of one source, in its order.
struct Own<'b> {
    charge: Charge<'b>,
    labels: Vec<(String, Texts)>,
    failed: Option<ReadError>,
}

impl<'b> Own<'b> {
    fn new(budget: &'b ReadBudget) -> Self {
        Self { charge: budget.charge(), labels: Vec::new(), failed: None }
    }

    /// Takes a label, or one of its values, which come in order. Those who show them cannot be
    /// stopped: what they show after a failure costs nothing.
    fn add(&mut self, label: &str, value: Option<&str>) {
        if self.failed.is_some() {
            return;
        }
        let is_new = self.labels.last().is_none_or(|(last, _)| last != label);
        let texts = if is_new { 1 } else { 0 } + usize::from(value.is_some());
        let bytes = if is_new { label.len() } else { 0 } + value.map_or(0, str::len);
        if let Err(error) = self.charge.take((texts * TEXT_BYTES + 2 * bytes) as u64) {
            self.failed = Some(error);
            return;
        }
        if is_new {
            self.labels.push((label.to_owned(), Texts::default()));
        }
        if let Some((_, values)) = self.labels.last_mut()
            && let Some(value) = value
        {
            values.push(value);
        }
    }

    fn add_registry(
        &mut self,
        registry: &Registry,
        tenant: TenantId,
        wanted: &impl Fn(&str) -> bool,
    ) {
        registry.for_labels(tenant, wanted, |label, values| {
            self.add(label, None);
            values.iter().for_each(|value| self.add(label, Some(value)));
        });
        // Pairs stand in the order of birth; births wait until they were shown, and not for this.
        for (_, values) in &mut self.labels {
            *values = values.iter().collect();
        }
    }
}

/// The labels of all sources.
struct All<'b> {
    charge: Charge<'b>,
    labels: BTreeMap<String, Texts>,
}

impl All<'_> {
    fn add(&mut self, own: Own<'_>) -> Result<(), ReadError> {
        let Own { charge, labels, failed } = own;
        if let Some(error) = failed {
            return Err(error);
        }
        let mut grown = 0;
        for (label, values) in labels {
            let before = self.labels.get(&label).map(Texts::paid_bytes);
            let label_bytes = (TEXT_BYTES + 2 * label.len()) as u64;
            let known = self.labels.entry(label).or_default();
            known.merge(values);
            grown += known.paid_bytes() - before.unwrap_or(0);
            grown += if before.is_none() { label_bytes } else { 0 };
        }
        drop(charge);
        self.charge.take(grown)
    }
}

impl MetricStore {
    /// Returns the units that series of a tenant have, among them [`Unit::None`].
    ///
    /// # Errors
    /// As [`MetricStore::select`].
    pub fn units(
        &self,
        tenant: TenantId,
        range: TimeRange,
        budget: &ReadBudget,
    ) -> Result<Vec<Unit>, ReadError> {
        let labels = self.labels(tenant, range, |label| label == "__unit__", budget)?;
        let named = labels.get("__unit__").into_iter().flat_map(Texts::iter);
        Ok([Unit::None].into_iter().chain(named.filter_map(|u| u.parse().ok())).collect())
    }

    /// Returns the labels of a tenant, virtual ones included, each with its values; of labels that
    /// `wanted` refuses the names only. Series without points in `range` may count too, as long as
    /// the day or the head that they are in has any.
    ///
    /// # Errors
    /// As [`MetricStore::select`].
    pub fn labels(
        &self,
        tenant: TenantId,
        range: TimeRange,
        wanted: impl Fn(&str) -> bool,
        budget: &ReadBudget,
    ) -> Result<BTreeMap<String, Texts>, ReadError> {
        let shown = self.shown(None);
        let range = shown.range(range);
        self.read_consistently(|view| {
            let mut all = All { charge: budget.charge(), labels: BTreeMap::new() };
            for part in Self::parts_in(view, range) {
                budget.check_time()?;
                // Of a part that turns out to be damaged nothing is shown.
                let own = serving(part, || {
                    let graves = part.graves(&view.tombstones)?;
                    let mut own = Own::new(budget);
                    part.for_labels(tenant, &wanted, graves.as_deref(), |label, value| {
                        own.add(label, value);
                    })?;
                    Ok(Some(own))
                })?;
                own.map_or(Ok(()), |own| all.add(own))?;
            }
            let registry = {
                let state = self.head.read();
                if state.generation != view.generation {
                    return Err(Restart::Again);
                }
                state.registry.clone()
            };
            for registry in view.frozen.iter().map(|f| &f.registry).chain([&registry]) {
                let mut own = Own::new(budget);
                own.add_registry(registry, tenant, &wanted);
                all.add(own)?;
            }
            all.charge.keep();
            Ok(Some(all.labels))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_merged_in_order_and_each_text_once() {
        let of = |text: &str| text.split_whitespace().collect::<Texts>();
        for (one, two, both) in [
            ("", "", ""),
            ("b a b", "", "a b"),
            ("", "a", "a"),
            ("a c e", "b c d f", "a b c d e f"),
            ("a b", "a b", "a b"),
        ] {
            let mut all = of(one);
            all.merge(of(two));
            assert_eq!(all.iter().collect::<Vec<_>>().join(" "), both);
            assert_eq!(all.len(), both.split_whitespace().count());
        }
        // Of those that are no text at all there may be one.
        let mut all: Texts = ["", "a", ""].into_iter().collect();
        all.merge([""].into_iter().collect());
        assert_eq!(all.iter().collect::<Vec<_>>(), ["", "a"]);
    }
}
