//! The way of reads that name a metric whole: its series are looked up by their keys, whatever else
//! shares their labels.

use crate::graves::Graves;
use crate::install::View;
use crate::part::{Part, PartError};
use crate::read_budget::ReadBudget;
use crate::registry::Registry;
use crate::snapshot::{Collected, Found, ReadError, Series, collect_chunks, serving};
use crate::store::MetricStore;
use model::{SeriesKey, TenantId, TimeRange, Unit};
use std::sync::Arc;

/// A metric by its whole name: one series for each unit and kind of value that it was reported in.
#[derive(Debug, Clone, Copy)]
pub struct MetricKey<'a> {
    /// Whose.
    pub tenant: TenantId,
    /// The namespace; empty for series without one.
    pub namespace: &'a str,
    /// The name.
    pub name: &'a str,
    /// All labels, sorted by name.
    pub labels: &'a [(String, String)],
    /// Only series of this unit; `None` for those of any.
    pub unit: Option<Unit>,
}

impl<'a> From<&'a SeriesKey> for MetricKey<'a> {
    fn from(key: &'a SeriesKey) -> Self {
        Self {
            tenant: key.tenant,
            namespace: &key.namespace,
            name: &key.name,
            labels: &key.labels,
            unit: Some(key.unit),
        }
    }
}

impl MetricKey<'_> {
    fn of_unit(&self, unit: Unit) -> SeriesKey {
        SeriesKey {
            tenant: self.tenant,
            namespace: self.namespace.to_owned(),
            name: self.name.to_owned(),
            unit,
            labels: self.labels.to_vec(),
        }
    }

    pub(crate) fn numbers_in(&self, registry: &Registry) -> Vec<u32> {
        registry.find_all(self)
    }

    /// Returns the numbers of its series in a part, sorted. Keys are sorted by their bytes, and the unit
    /// stands in front of the labels: from one unit of the name the next is found without looking at the
    /// series between.
    pub(crate) fn numbers_in_part(&self, part: &Part) -> Result<Vec<u32>, PartError> {
        let mut bytes = Vec::new();
        if let Some(unit) = self.unit {
            self.of_unit(unit).encode(&mut bytes);
            return Ok(part.find_key(&bytes)?.into_iter().collect());
        }
        self.of_unit(Unit::None).encode(&mut bytes);
        let front = front_len(self);
        let mut numbers = Vec::new();
        for _ in Unit::ALL {
            let Some((number, key)) = part.first_key_from(&bytes)? else { break };
            if key == bytes {
                numbers.push(number);
            }
            if key.len() <= front || key[..front] != bytes[..front] {
                break;
            }
            // The next unit that there is, or the one behind this.
            bytes[front] = if key[front] == bytes[front] { key[front] + 1 } else { key[front] };
        }
        numbers.sort_unstable();
        Ok(numbers)
    }
}

/// Length of what stands in front of the unit in a canonical key.
fn front_len(key: &MetricKey<'_>) -> usize {
    let mut front = Vec::new();
    let bare = MetricKey { labels: &[], ..*key };
    bare.of_unit(Unit::None).encode(&mut front);
    // The unit and the number of labels, a byte each.
    front.len() - 2
}

impl MetricStore {
    /// Finds the series of one metric that have points in `range`.
    ///
    /// # Errors
    /// As [`MetricStore::select`].
    pub fn find(
        &self,
        metric: MetricKey<'_>,
        range: TimeRange,
        budget: &ReadBudget,
    ) -> Result<Vec<Series>, ReadError> {
        let shown = self.shown(None);
        let range = shown.range(range);
        self.read_consistently(|view| {
            let mut found = Found::new(budget, range, shown.clone());
            for part in Self::parts_in(view, range) {
                budget.check_time()?;
                found.add_part(part, chunks_of(part, &metric, range, view)?)?;
            }
            self.add_heads(view, |registry| metric.numbers_in(registry), &mut found)?;
            Ok(Some(found.finish()))
        })
    }
}

fn chunks_of(
    part: &Arc<Part>,
    metric: &MetricKey<'_>,
    range: TimeRange,
    view: &View,
) -> Result<Vec<Collected>, ReadError> {
    serving(part, || {
        let numbers = metric.numbers_in_part(part)?;
        if numbers.is_empty() {
            return Ok(Vec::new());
        }
        let graves: Option<Arc<Graves>> = part.graves(&view.tombstones)?;
        collect_chunks(part, numbers, range, graves.as_deref())
    })
}
