//! The exemplars in memory: by series, and by time, as the oldest go first.

use super::{Exemplar, ExemplarStatus, read_labels};
use crate::retention::Retention;
use hashbrown::HashMap;
use model::{SeriesKey, TenantId, TimeRange};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// An exemplar as it is kept.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) at_ms: i64,
    pub(crate) value: f64,
    /// Name and value of each label, with their lengths.
    pub(crate) labels: Box<[u8]>,
    /// The frame that it came with last; zero if that is in the file.
    pub(crate) sequence: u64,
}

impl Stored {
    pub(crate) fn new(at_ms: i64, value: f64, labels: Box<[u8]>) -> Self {
        Self { at_ms, value, labels, sequence: 0 }
    }

    /// What tells exemplars of a series apart, and which of them goes first.
    fn order(&self, other: &Self) -> Ordering {
        let key = |e: &Self| (e.at_ms, e.value.to_bits());
        key(self).cmp(&key(other)).then_with(|| self.labels.cmp(&other.labels))
    }

    /// Returns the memory that it takes: itself, its labels, and its place among the times.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>() + 16 + self.labels.len() + 2 * size_of::<(i64, Arc<[u8]>)>()
    }

    pub(crate) fn told(&self) -> Option<Exemplar> {
        let labels = read_labels(&self.labels)?;
        Some(Exemplar { at_ms: self.at_ms, value: self.value, labels })
    }
}

/// A series takes this beside its key and exemplars.
const SERIES_BYTES: usize = 96;

#[derive(Debug, Default)]
struct OfTenant {
    /// By key; exemplars in their order.
    series: BTreeMap<Arc<[u8]>, VecDeque<Stored>>,
    /// Of each series the times that it has exemplars at.
    times: BTreeSet<(i64, Arc<[u8]>)>,
    count: usize,
    bytes: usize,
}

/// All exemplars that are kept.
#[derive(Debug)]
pub(crate) struct Kept {
    tenants: HashMap<TenantId, OfTenant>,
    /// Exemplars of each tenant at most.
    count_max: usize,
    /// Bytes of all tenants at most.
    bytes_max: usize,
    bytes: usize,
    evicted: u64,
    /// Grows with each change, and where it stood when the file in force was written.
    changes: u64,
    written: u64,
    expired: Option<(Arc<Retention>, i64)>,
    /// The file in force is damaged: what could be read of it is here.
    pub(super) damaged: bool,
}

impl Kept {
    pub(crate) fn new(count_max: usize, bytes_max: usize) -> Self {
        Self {
            tenants: HashMap::new(),
            count_max,
            bytes_max,
            bytes: 0,
            evicted: 0,
            changes: 0,
            written: 0,
            expired: None,
            damaged: false,
        }
    }

    /// Keeps an exemplar, unless it is there already, or older than all of a tenant that has its number.
    pub(crate) fn insert(&mut self, key: &Arc<[u8]>, exemplar: Stored) {
        let Some(tenant) = tenant_of(key) else { return };
        let of_tenant = self.tenants.entry(tenant).or_default();
        let before = of_tenant.bytes;
        if !of_tenant.insert(key, exemplar) {
            return;
        }
        self.changes += 1;
        while of_tenant.count > self.count_max {
            of_tenant.evict();
            self.evicted += 1;
        }
        self.bytes = self.bytes + of_tenant.bytes - before;
        while self.bytes > self.bytes_max {
            let Some(most) = self.tenants.values_mut().max_by_key(|t| t.bytes) else { return };
            let before = most.bytes;
            most.evict();
            self.evicted += 1;
            self.bytes -= before - most.bytes;
        }
    }

    pub(crate) fn keys_of(&self, tenant: TenantId) -> Vec<Arc<[u8]>> {
        self.tenants.get(&tenant).map(|t| t.series.keys().cloned().collect()).unwrap_or_default()
    }

    /// Returns the exemplars of a series in `range`.
    pub(crate) fn of_series(&self, tenant: TenantId, key: &[u8], range: TimeRange) -> Vec<Stored> {
        let series = self.tenants.get(&tenant).and_then(|t| t.series.get(key));
        let Some(series) = series else { return Vec::new() };
        let first = series.partition_point(|e| e.at_ms < range.start_ms);
        series.range(first..).take_while(|e| range.contains(e.at_ms)).cloned().collect()
    }

    /// Shows all of them: keys in their order, and the exemplars of each in theirs.
    pub(crate) fn each(&self, mut show: impl FnMut(&Arc<[u8]>, &VecDeque<Stored>)) {
        let mut tenants: Vec<TenantId> = self.tenants.keys().copied().collect();
        tenants.sort_unstable();
        for tenant in tenants {
            self.tenants[&tenant].series.iter().for_each(|(key, series)| show(key, series));
        }
    }

    /// Says whether any is such as `wanted` says.
    pub(crate) fn any(&self, wanted: impl Fn(&SeriesKey, &Stored) -> bool) -> bool {
        let mut all = self.tenants.values().flat_map(|t| &t.series);
        all.any(|(bytes, series)| {
            SeriesKey::decode(bytes).is_some_and(|key| series.iter().any(|e| wanted(&key, e)))
        })
    }

    /// Removes what `stays` does not take.
    pub(crate) fn retain(&mut self, stays: impl Fn(&SeriesKey, &Stored) -> bool) {
        for of_tenant in self.tenants.values_mut() {
            let before = (of_tenant.count, of_tenant.bytes);
            of_tenant.retain(&stays);
            self.bytes -= before.1 - of_tenant.bytes;
            self.changes += (before.0 - of_tenant.count) as u64;
        }
        self.tenants.retain(|_, of_tenant| of_tenant.count > 0);
    }

    pub(crate) fn status(&self) -> ExemplarStatus {
        let count = self.tenants.values().map(|t| t.count).sum();
        ExemplarStatus { count, bytes: self.bytes, evicted: self.evicted }
    }

    pub(crate) fn changes(&self) -> u64 {
        self.changes
    }

    pub(crate) fn is_changed(&self) -> bool {
        self.changes != self.written
    }

    pub(crate) fn written(&mut self, mark: u64) {
        self.damaged &= self.written == mark;
        self.written = mark;
    }

    /// Says whether some may be past their retention that were not when this was asked last.
    pub(crate) fn is_to_expire(&mut self, retention: &Arc<Retention>, day: i64) -> bool {
        let same =
            |(rules, on): &(Arc<Retention>, i64)| Arc::ptr_eq(rules, retention) && *on == day;
        if self.expired.as_ref().is_some_and(same) {
            return false;
        }
        self.expired = Some((retention.clone(), day));
        true
    }
}

impl OfTenant {
    /// Says whether it was not there before.
    fn insert(&mut self, key: &Arc<[u8]>, exemplar: Stored) -> bool {
        let (key, series) = match self.series.get_key_value(key) {
            // The key that is there already, so that each is in memory once.
            Some((known, _)) => (known.clone(), self.series.get_mut(key)),
            None => (key.clone(), None),
        };
        let series = match series {
            Some(series) => series,
            None => {
                self.bytes += SERIES_BYTES + key.len();
                self.series.entry(key.clone()).or_default()
            }
        };
        match series.binary_search_by(|e| e.order(&exemplar)) {
            Ok(at) => {
                series[at].sequence = series[at].sequence.max(exemplar.sequence);
                false
            }
            Err(at) => {
                self.count += 1;
                self.bytes += exemplar.bytes();
                self.times.insert((exemplar.at_ms, key));
                series.insert(at, exemplar);
                true
            }
        }
    }

    /// Removes the oldest.
    fn evict(&mut self) {
        let Some((at_ms, key)) = self.times.pop_first() else { return };
        let Some(series) = self.series.get_mut(&key) else { return };
        if let Some(oldest) = series.pop_front() {
            self.count -= 1;
            self.bytes -= oldest.bytes();
        }
        match series.front() {
            Some(next) if next.at_ms == at_ms => drop(self.times.insert((at_ms, key))),
            Some(_) => {}
            None => {
                self.bytes -= SERIES_BYTES + key.len();
                self.series.remove(&key);
            }
        }
    }

    fn retain(&mut self, stays: &impl Fn(&SeriesKey, &Stored) -> bool) {
        let Self { series, times, count, bytes } = self;
        series.retain(|encoded, exemplars| {
            let Some(key) = SeriesKey::decode(encoded) else { return true };
            let before = exemplars.len();
            exemplars.retain(|exemplar| {
                let stays = stays(&key, exemplar);
                if !stays {
                    *bytes -= exemplar.bytes();
                    times.remove(&(exemplar.at_ms, encoded.clone()));
                }
                stays
            });
            if exemplars.len() < before {
                *count -= before - exemplars.len();
                // One that stays may have had the time of one that went.
                times.extend(exemplars.iter().map(|e| (e.at_ms, encoded.clone())));
            }
            if exemplars.is_empty() {
                *bytes -= SERIES_BYTES + encoded.len();
            }
            !exemplars.is_empty()
        });
    }
}

/// The first bytes of a canonical key.
pub(crate) fn tenant_of(key: &[u8]) -> Option<TenantId> {
    Some(TenantId(u32::from_be_bytes(*key.first_chunk::<4>()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(tenant: u32, name: &str) -> Arc<[u8]> {
        let mut bytes = Vec::new();
        let labels = Vec::new();
        let name = name.to_owned();
        let (tenant, unit) = (TenantId(tenant), model::Unit::None);
        SeriesKey { tenant, namespace: String::new(), name, unit, labels }.encode(&mut bytes);
        bytes.into()
    }

    fn all(kept: &Kept) -> Vec<(Arc<[u8]>, i64, u64)> {
        let mut all = Vec::new();
        kept.each(|key, series| {
            all.extend(series.iter().map(|e| (key.clone(), e.at_ms, e.value.to_bits())));
        });
        all
    }

    proptest! {
        #[test]
        fn the_newest_are_kept_however_they_come(
            mut came in proptest::collection::vec((0u32..2, 0u8..4, 0i64..30, 0u8..3), 0..80),
            again in 0usize..80,
            seed in any::<u64>(),
        ) {
            let exemplar = |at, value| Stored::new(at, f64::from(value), [1, b'a', 1, b'b'].into());
            let fill = |came: &[(u32, u8, i64, u8)]| {
                let mut kept = Kept::new(7, usize::MAX);
                for (tenant, name, at, value) in came {
                    kept.insert(&key(*tenant, &name.to_string()), exemplar(*at, *value));
                }
                kept
            };
            let mut kept = fill(&came);
            let mut wanted = Vec::new();
            for tenant in 0..2 {
                let of_tenant = came.iter().filter(|c| c.0 == tenant);
                let mut newest: Vec<_> = of_tenant
                    .map(|(_, name, at, value)| {
                        (*at, key(tenant, &name.to_string()), f64::from(*value).to_bits())
                    })
                    .collect();
                newest.sort();
                newest.dedup();
                let mut newest = newest.split_off(newest.len().saturating_sub(7));
                newest.sort_by(|a, b| (&a.1, a.0, a.2).cmp(&(&b.1, b.0, b.2)));
                wanted.extend(newest.into_iter().map(|(at, key, bits)| (key, at, bits)));
            }
            prop_assert_eq!(all(&kept), wanted.clone());
            // Some of them again, and in another order.
            came.extend(came.clone().into_iter().take(again));
            let mut rng = stdx::Rng::from_seed(seed);
            for n in (1..came.len()).rev() {
                came.swap(n, rng.below(n as u64 + 1) as usize);
            }
            prop_assert_eq!(all(&fill(&came)), wanted);
            kept.retain(|_, e| e.at_ms % 3 == 0);
            prop_assert!(all(&kept).iter().all(|(_, at, _)| at % 3 == 0));
            kept.retain(|_, _| false);
            prop_assert_eq!((kept.status().count, kept.status().bytes), (0, 0));
        }
    }

    #[test]
    fn whoever_takes_most_memory_gives_some_back() {
        let mut kept = Kept::new(1_000, 20_000);
        let large = |at| Stored::new(at, 1.0, vec![0; 500].into());
        kept.insert(&key(1, "small"), large(1));
        for at in 0..100 {
            kept.insert(&key(2, "much"), large(at));
        }
        let status = kept.status();
        assert!(status.bytes <= 20_000 && status.evicted > 50, "{status:?}");
        assert_eq!(kept.of_series(TenantId(1), &key(1, "small"), TimeRange::ALL).len(), 1);
        let left = kept.of_series(TenantId(2), &key(2, "much"), TimeRange::ALL);
        assert_eq!(left.last().unwrap().at_ms, 99, "the newest are left");
    }
}
