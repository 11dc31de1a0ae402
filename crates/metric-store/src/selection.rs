//! Series found by a [`Selector`]: all at once, or first their groups and then their points, a few
//! groups at a time.

use crate::groups::{Grouped, Values, group};
use crate::install::View;
use crate::part::Part;
use crate::read_budget::{Charge, ReadBudget};
use crate::registry::Registry;
use crate::selector::{Selector, select};
use crate::snapshot::{Found, ReadError, Restart, Series, collect_chunks, serving};
use crate::store::MetricStore;
use model::{TenantId, TimeRange};
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Groups of series whose points are not read yet.
///
/// It can be read by several threads at once. A group is read as it was at one moment; when the head
/// is flushed in between, later ones are of a later moment.
#[derive(Debug)]
pub struct Selection<'s> {
    store: &'s MetricStore,
    tenant: TenantId,
    selector: Selector,
    labels: Vec<String>,
    range: TimeRange,
    /// What was found when this began; groups that come later are not among it.
    groups: Vec<Values>,
    taken: Mutex<Arc<Taken>>,
    /// What was read so far, held against the question's limits.
    series_read: AtomicUsize,
    points_read: AtomicU64,
}

/// Series of some groups; the question pays for them until this is dropped.
#[derive(Debug)]
pub struct GroupsRead<'b> {
    /// The series, in no order.
    pub series: Vec<Series>,
    _charge: Charge<'b>,
}

/// What was found at one moment, by where it stands.
#[derive(Debug)]
struct Taken {
    view: Arc<View>,
    registry: Arc<Registry>,
    parts: Vec<(Arc<Part>, Grouped)>,
    frozen: Grouped,
    head: Grouped,
}

impl MetricStore {
    /// Finds the series of a tenant that are meant and that have points in `range`, sorted by key.
    ///
    /// # Errors
    /// As [`MetricStore::select`].
    pub fn select_where(
        &self,
        tenant: TenantId,
        selector: &Selector,
        range: TimeRange,
        budget: &ReadBudget,
    ) -> Result<Vec<Series>, ReadError> {
        let shown = self.shown(None);
        let range = shown.range(range);
        self.read_consistently(|view| {
            let mut found = Found::new(budget, range, shown.clone());
            for part in Self::parts_in(view, range) {
                budget.check_time()?;
                let chunks = serving(part, || {
                    let numbers = select(&part.index(tenant), selector)?;
                    let graves = part.graves(&view.tombstones)?;
                    collect_chunks(part, numbers, range, graves.as_deref())
                })?;
                found.add_part(part, chunks)?;
            }
            let of_head =
                |head: &Registry| head.with_index(tenant, |index| select(index, selector));
            self.add_heads(view, of_head, &mut found)?;
            let mut found = found.finish();
            found.sort_by(|a, b| a.key.cmp(&b.key));
            Ok(Some(found))
        })
    }

    /// Finds the series of a tenant that are meant, told apart by the values of `labels`, without
    /// reading their points. Some may have none in `range`.
    ///
    /// # Errors
    /// As [`MetricStore::select`]; what is found stays charged to the question.
    pub fn select_groups(
        &self,
        tenant: TenantId,
        selector: Selector,
        labels: &[String],
        range: TimeRange,
        budget: &ReadBudget,
    ) -> Result<Selection<'_>, ReadError> {
        let range = self.shown(None).range(range);
        let taken = self.take(tenant, &selector, labels, range, budget)?;
        let groups: BTreeSet<&Values> = taken.sources().flat_map(Grouped::groups).collect();
        let groups = groups.into_iter().cloned().collect();
        Ok(Selection {
            store: self,
            tenant,
            selector,
            labels: labels.to_vec(),
            range,
            groups,
            taken: Mutex::new(Arc::new(taken)),
            series_read: AtomicUsize::new(0),
            points_read: AtomicU64::new(0),
        })
    }

    fn take(
        &self,
        tenant: TenantId,
        selector: &Selector,
        labels: &[String],
        range: TimeRange,
        budget: &ReadBudget,
    ) -> Result<Taken, ReadError> {
        loop {
            let view = self.view.load_full();
            let registry = {
                let state = self.head.read();
                if state.generation != view.generation {
                    continue;
                }
                state.registry.clone()
            };
            let mut parts = Vec::new();
            for part in Self::parts_in(&view, range) {
                budget.check_time()?;
                let found = serving(part, || {
                    let index = part.index(tenant);
                    let mut numbers = select(&index, selector)?;
                    if let Some(graves) = part.graves(&view.tombstones)? {
                        numbers.retain(|&n| !graves.is_whole(n));
                    }
                    group(&index, &numbers, labels)
                })?;
                parts.push((part.clone(), found));
            }
            let of_head = |head: &Registry| {
                head.with_index(tenant, |index| group(index, &select(index, selector)?, labels))
            };
            budget.check_time()?;
            let frozen = view.frozen.as_ref().map(|f| of_head(&f.registry)).unwrap_or_default();
            let head = of_head(&registry);
            let taken = Taken { view, registry, parts, frozen, head };
            // As many as in one place are there at least.
            budget.check_series(taken.sources().map(Grouped::len).max().unwrap_or(0))?;
            budget.take(taken.sources().map(Grouped::heap_bytes).sum())?;
            return Ok(taken);
        }
    }
}

impl Taken {
    fn sources(&self) -> impl Iterator<Item = &Grouped> {
        self.parts.iter().map(|(_, found)| found).chain([&self.frozen, &self.head])
    }
}

impl Selection<'_> {
    /// Returns the values that each group has of the labels, sorted; `None` for series without one.
    pub fn groups(&self) -> &[Vec<Option<String>>] {
        &self.groups
    }

    /// Returns in how many places series of a group stand: those that stand in several parts count
    /// more than once.
    pub fn series_max(&self, group: usize) -> usize {
        let taken = self.taken.lock().clone();
        taken.sources().map(|found| found.numbers(&self.groups[group]).len()).sum()
    }

    /// Reads the series of some groups that have points in the range. Groups that are read together
    /// share what is unpacked for them. Limits hold over all that one selection reads.
    ///
    /// # Errors
    /// As [`MetricStore::select`].
    ///
    /// # Panics
    /// When there is no group of that number.
    pub fn read<'b>(
        &self,
        groups: &[usize],
        budget: &'b ReadBudget,
    ) -> Result<GroupsRead<'b>, ReadError> {
        loop {
            let taken = self.taken.lock().clone();
            match self.try_read(&taken, groups, budget) {
                Ok(found) => return Ok(found),
                Err(Restart::Failed(error)) => return Err(error),
                Err(Restart::Again) => self.take_again(&taken, budget)?,
            }
        }
    }

    /// Finds everything once more, unless another thread did.
    fn take_again(&self, old: &Arc<Taken>, budget: &ReadBudget) -> Result<(), ReadError> {
        let mut taken = self.taken.lock();
        if Arc::ptr_eq(&taken, old) {
            let Self { store, tenant, selector, labels, range, .. } = self;
            *taken = Arc::new(store.take(*tenant, selector, labels, *range, budget)?);
            budget.give(old.sources().map(Grouped::heap_bytes).sum());
        }
        Ok(())
    }

    fn try_read<'b>(
        &self,
        taken: &Taken,
        groups: &[usize],
        budget: &'b ReadBudget,
    ) -> Result<GroupsRead<'b>, Restart> {
        let numbers = |found: &Grouped| {
            let lists = groups.iter().map(|&at| found.numbers(&self.groups[at]).to_vec());
            crate::postings::union(lists.collect())
        };
        let mut found = Found::new(budget, self.range, self.store.shown(None));
        for (part, grouped) in &taken.parts {
            budget.check_time()?;
            let chunks = serving(part, || {
                let graves = part.graves(&taken.view.tombstones)?;
                collect_chunks(part, numbers(grouped), self.range, graves.as_deref())
            })?;
            found.add_part(part, chunks)?;
        }
        if let Some(frozen) = &taken.view.frozen {
            found.add_frozen(frozen, &numbers(&taken.frozen))?;
        }
        let of_head = numbers(&taken.head);
        self.store.add_head(&taken.view, &taken.registry, &of_head, &mut found)?;
        let (series, points, charge) = found.finish_held();
        let found = self.series_read.fetch_add(series.len(), Ordering::Relaxed) + series.len();
        budget.check_series(found)?;
        let found = self.points_read.fetch_add(points, Ordering::Relaxed) + points;
        let max = budget.limits().points_max;
        if found > max {
            return Err(ReadError::TooManyPoints { found, max }.into());
        }
        Ok(GroupsRead { series, _charge: charge })
    }
}
