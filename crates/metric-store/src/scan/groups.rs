//! Which group each series of a scan is in, by the values of some labels: asked of the indexes, so that
//! no series' labels are put together.

use super::{Copies, Scan, Source};
use crate::groups::{Numbered, Values, number};
use crate::matcher::LabelIndex;
use crate::snapshot::{ReadError, serving};
use std::collections::HashMap;

/// The groups of a [`Scan`]'s series.
#[derive(Debug, Default)]
pub struct ScanGroups {
    /// For each series the number of its group.
    pub of: Vec<u32>,
    /// For each group its values of the labels, in their order; `None` where it has none.
    pub values: Vec<Vec<Option<String>>>,
}

/// What a series takes while it is grouped: its place in lists of numbers.
const SERIES_BYTES: u64 = 24;
/// What it takes afterwards.
const GROUPED_BYTES: u64 = 4;

/// A label with more values than one for so many series makes groups of a series each.
const SERIES_PER_VALUE: usize = 8;

impl Scan<'_> {
    /// Says which group each series is in; `None` where a label has so many values that there are about
    /// as many groups as series.
    ///
    /// # Errors
    /// [`ReadError`] when a limit was hit or the disk failed.
    pub fn groups(&self, labels: &[String]) -> Result<Option<ScanGroups>, ReadError> {
        let budget = self.charge.budget;
        if self.sources.iter().any(|source| self.has_many_values(source, labels)) {
            return Ok(None);
        }
        let mut charge = budget.charge();
        charge.take(SERIES_BYTES * self.len() as u64)?;
        // For each source its series, as it numbers them, and what is number so in the scan.
        let mut listed: Vec<Vec<(u32, u32)>> = vec![Vec::new(); self.sources.len()];
        for (series, place) in
            (0u32..).zip((0..self.len()).filter_map(|at| self.places_of(at).next()))
        {
            listed[place.source as usize].push((self.number_in(place), series));
        }
        let mut known: HashMap<Values, u32> = HashMap::new();
        let mut of = vec![0; self.len()];
        for (source, mut listed) in self.sources.iter().zip(listed) {
            budget.check_time()?;
            listed.sort_unstable();
            let numbers: Vec<u32> = listed.iter().map(|(number, _)| *number).collect();
            let Numbered { of: own, values } = match source {
                Source::Part(part, _) => {
                    serving(part, || number(&part.index(self.tenant), &numbers, labels))?
                }
                Source::Frozen(frozen) => {
                    let registry = &frozen.registry;
                    registry.with_index(self.tenant, |index| number(index, &numbers, labels))
                }
                Source::Head(head) => {
                    let registry = &head.registry;
                    registry.with_index(self.tenant, |index| number(index, &numbers, labels))
                }
            };
            let mut group_of = |values: Values| {
                let next = known.len() as u32;
                *known.entry(values).or_insert(next)
            };
            if own.len() < numbers.len() {
                // The part turned out to be damaged: its series have no points either.
                let nothing = group_of(vec![None; labels.len()]);
                listed.iter().for_each(|(_, series)| of[*series as usize] = nothing);
                continue;
            }
            let groups: Vec<u32> = values.into_iter().map(group_of).collect();
            for ((_, series), own) in listed.into_iter().zip(own) {
                of[series as usize] = groups[own as usize];
            }
        }
        let mut values = vec![Values::new(); known.len()];
        known.into_iter().for_each(|(of_group, at)| values[at as usize] = of_group);
        drop(charge);
        budget.take(GROUPED_BYTES * self.len() as u64)?;
        Ok(Some(ScanGroups { of, values }))
    }

    fn has_many_values(&self, source: &Source, labels: &[String]) -> bool {
        let sizes = match source {
            // What cannot be read is told when the series are.
            Source::Part(part, _) => part.index(self.tenant).label_sizes().unwrap_or_default(),
            Source::Frozen(frozen) => {
                frozen.registry.with_index(self.tenant, |index| index.label_sizes())
            }
            Source::Head(Copies { registry, .. }) => {
                registry.with_index(self.tenant, |index| index.label_sizes())
            }
        };
        let mut wanted = sizes.iter().filter(|(label, _)| labels.contains(label));
        wanted.any(|(_, values)| values * SERIES_PER_VALUE > self.len())
    }
}
