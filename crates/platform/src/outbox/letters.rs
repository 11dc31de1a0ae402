//! Which dead letters there are: numbers and times in memory, so that their bounds cost no search.
//!
//! They are kept for two weeks, and so many of a tenant: whoever has a receiver that is gone for good
//! fills neither the disk nor the list of anybody else.

use super::records::{DEAD, DeadLetter, number_of};
use catalog::{Catalog, CatalogError};
use model::TenantId;
use std::collections::{BTreeMap, HashMap};

/// As long as the service's own queues for dead letters keep a message at most. Source: SQS developer
/// guide, message retention period.
const KEPT_MS: i64 = 14 * 86_400_000;
/// The oldest of a tenant make room for more than these.
const OF_TENANT_MAX: usize = 10_000;
const PAGE: usize = 512;

/// Dead letters by number, with when they were given up.
#[derive(Debug)]
pub(super) struct Letters {
    of: HashMap<TenantId, BTreeMap<u64, i64>>,
    of_tenant_max: usize,
}

impl Default for Letters {
    fn default() -> Self {
        Self { of: HashMap::new(), of_tenant_max: OF_TENANT_MAX }
    }
}

impl Letters {
    pub(super) fn load(catalog: &dyn Catalog) -> Result<Self, CatalogError> {
        let mut letters = Self::default();
        let mut after = String::new();
        loop {
            let page = catalog.page(DEAD, "", &after, PAGE)?;
            let Some((last, _)) = page.last() else { return Ok(letters) };
            after.clone_from(last);
            for (key, value) in page {
                let letter = serde_json::from_slice::<DeadLetter>(&value);
                if let (Some(number), Ok(letter)) = (number_of(&key), letter) {
                    letters.of.entry(letter.tenant()).or_default().insert(number, letter.at_ms);
                }
            }
        }
    }

    #[cfg(test)]
    pub(super) fn with_max(of_tenant_max: usize) -> Self {
        Self { of_tenant_max, ..Self::default() }
    }

    /// Notes one; returns the number of another one that makes room for it.
    pub(super) fn added(&mut self, tenant: TenantId, number: u64, at_ms: i64) -> Option<u64> {
        let of_tenant = self.of.entry(tenant).or_default();
        of_tenant.insert(number, at_ms);
        (of_tenant.len() > self.of_tenant_max).then(|| of_tenant.pop_first())?.map(|(n, _)| n)
    }

    pub(super) fn removed(&mut self, tenant: TenantId, number: u64) {
        if let Some(of_tenant) = self.of.get_mut(&tenant) {
            of_tenant.remove(&number);
            if of_tenant.is_empty() {
                self.of.remove(&tenant);
            }
        }
    }

    /// Takes those out that are too old.
    pub(super) fn take_old(&mut self, now_ms: i64) -> Vec<u64> {
        let is_old = |at_ms: i64| at_ms < now_ms.saturating_sub(KEPT_MS);
        let mut old = Vec::new();
        for of_tenant in self.of.values_mut() {
            // Numbers grow with time, but the clock may have been set.
            of_tenant.retain(|number, at_ms| {
                let is_old = is_old(*at_ms);
                old.extend(is_old.then_some(*number));
                !is_old
            });
        }
        self.of.retain(|_, of_tenant| !of_tenant.is_empty());
        old
    }

    pub(super) fn len(&self) -> usize {
        self.of.values().map(BTreeMap::len).sum()
    }

    /// When the newest one was given up.
    pub(super) fn newest_ms(&self) -> Option<i64> {
        self.of.values().filter_map(|of_tenant| of_tenant.last_key_value()).map(|(_, at)| *at).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: i64 = 86_400_000;

    #[test]
    fn each_tenant_has_room_of_its_own() {
        let mut letters = Letters::with_max(2);
        let (loud, calm) = (TenantId(1), TenantId(2));
        assert_eq!(letters.added(calm, 1, 10), None);
        assert_eq!(letters.added(loud, 2, 20), None);
        assert_eq!(letters.added(loud, 3, 30), None);
        assert_eq!(letters.added(loud, 4, 40), Some(2));
        assert_eq!(letters.added(loud, 5, 50), Some(3));
        assert_eq!((letters.len(), letters.newest_ms()), (3, Some(50)));
        letters.removed(loud, 5);
        letters.removed(calm, 7);
        assert_eq!((letters.len(), letters.newest_ms()), (2, Some(40)));
    }

    #[test]
    fn they_are_kept_for_two_weeks() {
        let mut letters = Letters::default();
        for day in 0..20 {
            letters.added(TenantId(day % 3), u64::from(day), i64::from(day) * DAY_MS);
        }
        assert!(letters.take_old(14 * DAY_MS).is_empty());
        let mut old = letters.take_old(17 * DAY_MS + 1);
        old.sort_unstable();
        assert_eq!(old, [0, 1, 2, 3]);
        assert_eq!(letters.len(), 16);
        assert_eq!(letters.take_old(i64::MAX).len(), 16);
        assert_eq!((letters.len(), letters.newest_ms()), (0, None));
    }
}
