//! Series found for a language that reads each of them once: nothing is copied but what the head has
//! of them, and values are unpacked as they are read, by as many readers as there are threads.
//!
//! What is found is a list of places: which parts have a series, under which number. Parts are not
//! compared by their keys but by a hash of them (128 bits under a secret, as the registry knows raw
//! keys), and where one source alone has series, not at all.

mod cursor;
mod groups;
mod latest;
mod reader;

pub use groups::ScanGroups;
pub use reader::{Columns, ScanReader};

use crate::graves::Graves;
use crate::head::{Frozen, HeadSeries};
use crate::install::View;
use crate::matcher::{LabelIndex, Matcher, Test};
use crate::part::Part;
use crate::read_budget::{Charge, ReadBudget};
use crate::registry::{RawHash, Registry};
use crate::retention::Shown;
use crate::snapshot::{ReadError, Restart, serving};
use crate::store::MetricStore;
use hashbrown::HashTable;
use model::{TenantId, TimeRange};
use std::ops::Range;
use std::sync::Arc;

/// Series of the head that are copied under one hold of its lock.
const SLICE: usize = 512;

/// What of each series is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// All points in the range.
    All,
    /// The newest point in the range.
    Newest,
}

/// Series that were found, their values not yet unpacked. Some may have no points in the range.
#[derive(Debug)]
pub struct Scan<'b> {
    tenant: TenantId,
    sources: Vec<Source>,
    places: Places,
    range: TimeRange,
    shown: Shown,
    wanted: Wanted,
    one_name: bool,
    charge: Charge<'b>,
}

/// Where series are: for each a place in one source or more, in the order of arrival.
#[derive(Debug)]
enum Places {
    /// All are in one source.
    One(Vec<u32>),
    Many {
        starts: Vec<u32>,
        places: Vec<Place>,
    },
}

/// A series in a source: its number there, or where its copy stands.
#[derive(Debug, Clone, Copy)]
struct Place {
    source: u32,
    number: u32,
}

#[derive(Debug)]
enum Source {
    Part(Arc<Part>, Option<Arc<Graves>>),
    Frozen(Arc<Frozen>),
    Head(Copies),
}

/// Series of the head as they were at one moment.
#[derive(Debug)]
struct Copies {
    registry: Arc<Registry>,
    numbers: Vec<u32>,
    series: Vec<Copied>,
}

#[derive(Debug)]
enum Copied {
    /// The newest point, where only that is wanted.
    Newest(i64, f64),
    Series(Box<HeadSeries>),
}

impl Copied {
    fn heap_bytes(&self) -> u64 {
        match self {
            Self::Newest(..) => 0,
            Self::Series(series) => (size_of::<HeadSeries>() + series.heap_bytes()) as u64,
        }
    }
}

impl Scan<'_> {
    /// Returns how many series there are.
    pub fn len(&self) -> usize {
        match &self.places {
            Places::One(numbers) => numbers.len(),
            Places::Many { starts, .. } => starts.len() - 1,
        }
    }

    /// Says whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Says whether all series certainly have one name and neither namespace nor unit, which costs
    /// nothing to know.
    pub fn has_one_name(&self) -> bool {
        self.one_name
    }

    /// Returns a reader. Several may read at once.
    pub fn reader(&self) -> ScanReader<'_> {
        ScanReader::new(self)
    }

    /// Returns the number that a source's index knows a series by.
    fn number_in(&self, place: Place) -> u32 {
        match &self.sources[place.source as usize] {
            Source::Part(..) | Source::Frozen(_) => place.number,
            Source::Head(head) => head.numbers[place.number as usize],
        }
    }

    /// Shows the places of a series.
    fn places_of(&self, series: usize) -> impl DoubleEndedIterator<Item = Place> + Clone {
        let (one, many): (&[u32], &[Place]) = match &self.places {
            Places::One(numbers) => (&numbers[series..=series], &[]),
            Places::Many { starts, places } => {
                (&[], &places[starts[series] as usize..starts[series + 1] as usize])
            }
        };
        let one = one.iter().map(|&number| Place { source: 0, number });
        one.chain(many.iter().copied())
    }
}

/// What a scan is made of while it is.
struct Found {
    source: Source,
    /// Sorted, but for those of a head; of a copy, where it stands.
    numbers: Vec<u32>,
}

impl MetricStore {
    /// Finds the series of a tenant that all matchers take and that may have points in `range`.
    ///
    /// # Errors
    /// [`ReadError`] when a limit was hit or the disk failed; damaged parts are set aside and do not
    /// fail the read.
    pub fn scan<'b>(
        &self,
        tenant: TenantId,
        matchers: &[Matcher],
        range: TimeRange,
        wanted: Wanted,
        budget: &'b ReadBudget,
    ) -> Result<Scan<'b>, ReadError> {
        let shown = self.shown(None);
        let range = shown.range(range);
        self.read_consistently(|view| {
            let mut charge = budget.charge();
            let mut one_name = has_name(matchers);
            let mut all: Vec<Found> = Vec::new();
            for part in Self::parts_in(view, range) {
                budget.check_time()?;
                let found = serving(part, || {
                    let index = part.index(tenant);
                    let mut numbers = crate::matcher::select(&index, matchers)?;
                    let graves = part.graves(&view.tombstones)?;
                    if let Some(graves) = &graves {
                        numbers.retain(|&n| !graves.is_whole(n));
                    }
                    one_name &= numbers.is_empty() || is_plain(&index.label_sizes()?);
                    Ok(Some((numbers, graves)))
                })?;
                let Some((numbers, graves)) = found else { continue };
                all.push(Found { source: Source::Part(part.clone(), graves), numbers });
            }
            if let Some(frozen) = &view.frozen {
                let mut numbers = frozen.registry.select(tenant, matchers);
                numbers.retain(|&n| frozen.head.get(n).is_some_and(|s| s.may_touch(range)));
                one_name &= numbers.is_empty() || head_is_plain(&frozen.registry, tenant);
                all.push(Found { source: Source::Frozen(frozen.clone()), numbers });
            }
            let copies = self.copy_head(view, tenant, matchers, range, wanted, &mut charge)?;
            one_name &= copies.numbers.is_empty() || head_is_plain(&copies.registry, tenant);
            let numbers = (0..copies.numbers.len() as u32).collect();
            all.push(Found { source: Source::Head(copies), numbers });
            all.retain(|found| !found.numbers.is_empty());
            // As many as in one place are there at least.
            budget.check_series(all.iter().map(|found| found.numbers.len()).max().unwrap_or(0))?;
            let (sources, places) = joined(all, &mut charge)?;
            let shown = shown.clone();
            let scan = Scan { tenant, sources, places, range, shown, wanted, one_name, charge };
            budget.check_series(scan.len())?;
            Ok(Some(scan))
        })
    }

    /// Copies what the head has of the series, slice by slice, as long as it is the view's.
    fn copy_head(
        &self,
        view: &View,
        tenant: TenantId,
        matchers: &[Matcher],
        range: TimeRange,
        wanted: Wanted,
        charge: &mut Charge<'_>,
    ) -> Result<Copies, Restart> {
        let registry = {
            let state = self.head.read();
            if state.generation != view.generation {
                return Err(Restart::Again);
            }
            state.registry.clone()
        };
        let wanted_numbers = registry.select(tenant, matchers);
        let (mut numbers, mut series) = (Vec::new(), Vec::new());
        for slice in wanted_numbers.chunks(SLICE) {
            let mut bytes = 0;
            {
                let state = self.head.read();
                if state.generation != view.generation {
                    return Err(Restart::Again);
                }
                for &number in slice {
                    let Some(own) = state.head.get(number) else { continue };
                    let copy = match own.newest().filter(|_| wanted == Wanted::Newest) {
                        Some((at, _)) if at < range.start_ms => continue,
                        Some((at, value)) if at < range.end_ms => Copied::Newest(at, value),
                        _ if own.may_touch(range) => Copied::Series(Box::new(own.clone())),
                        _ => continue,
                    };
                    bytes += copy.heap_bytes() + (size_of::<Copied>() + size_of::<u32>()) as u64;
                    numbers.push(number);
                    series.push(copy);
                }
            }
            charge.take(bytes)?;
            charge.budget.check_time()?;
        }
        Ok(Copies { registry, numbers, series })
    }
}

/// Says whether the matchers let one name pass.
fn has_name(matchers: &[Matcher]) -> bool {
    let names = |m: &Matcher| {
        let one = matches!(&m.test, Test::Equal(value) if !value.is_empty());
        m.label == "__name__" && one && !m.negated
    };
    matchers.iter().any(names)
}

/// Says whether none of a source's series has a namespace or a unit.
fn is_plain(labels: &[(String, usize)]) -> bool {
    !labels.iter().any(|(label, _)| label == "__namespace__" || label == "__unit__")
}

fn head_is_plain(registry: &Registry, tenant: TenantId) -> bool {
    registry.with_index(tenant, |index| Ok(is_plain(&index.label_sizes()?)))
}

/// Finds which series of several sources are the same.
fn joined(all: Vec<Found>, charge: &mut Charge<'_>) -> Result<(Vec<Source>, Places), ReadError> {
    let one = match &all[..] {
        [] => true,
        [Found { source: Source::Part(..), .. }] => true,
        // A series with values of two kinds has two numbers in a head.
        [Found { source: Source::Frozen(frozen), numbers }] => frozen.registry.is_one_kind(numbers),
        [Found { source: Source::Head(head), .. }] => head.registry.is_one_kind(&head.numbers),
        _ => false,
    };
    let count: usize = all.iter().map(|found| found.numbers.len()).sum();
    if one {
        charge.take(4 * count as u64)?;
        let (mut sources, mut numbers) = (Vec::new(), Vec::new());
        for found in all {
            sources.push(found.source);
            numbers = found.numbers;
        }
        return Ok((sources, Places::One(numbers)));
    }
    // Hash and number in the table, which is never full, and a place and its series.
    charge.take(count as u64 * (48 + 12))?;
    let secret = Registry::new_secret();
    let mut table: HashTable<(RawHash, u32)> = HashTable::with_capacity(count / 2);
    let mut listed: Vec<(u32, Place)> = Vec::with_capacity(count);
    let mut series = 0u32;
    for (source, found) in (0u32..).zip(&all) {
        let mut add = |number: u32, key: &[u8]| {
            let hash = RawHash::of(key, &secret);
            let entry = table.entry(hash.half(), |e| e.0 == hash, |e| e.0.half());
            let known = entry.or_insert_with(|| {
                series += 1;
                (hash, series - 1)
            });
            listed.push((known.get().1, Place { source, number }));
        };
        charge.budget.check_time()?;
        match &found.source {
            Source::Part(part, _) => serving(part, || part.for_keys(&found.numbers, &mut add))?,
            Source::Frozen(frozen) => frozen.registry.for_keys(&found.numbers, |at, key| {
                add(found.numbers[at], key);
            }),
            Source::Head(head) => {
                head.registry.for_keys(&head.numbers, |at, key| add(at as u32, key));
            }
        }
    }
    // By series; those of one series stay in the order of their sources.
    let mut starts = vec![0u32; series as usize + 1];
    listed.iter().for_each(|(of, _)| starts[*of as usize + 1] += 1);
    for at in 1..starts.len() {
        starts[at] += starts[at - 1];
    }
    let mut next = starts.clone();
    let mut places = vec![Place { source: 0, number: 0 }; listed.len()];
    for (of, place) in listed {
        let at = &mut next[of as usize];
        places[*at as usize] = place;
        *at += 1;
    }
    Ok((all.into_iter().map(|found| found.source).collect(), Places::Many { starts, places }))
}

/// The part of a range of places that lies at its end, for places that are asked for one by one.
fn last_of(places: Range<usize>) -> Option<usize> {
    places.end.checked_sub(1).filter(|at| *at >= places.start)
}
