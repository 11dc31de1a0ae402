//! Which windows want a new series.
//!
//! What a window wants is a conjunction: its namespace, its name and each of its dimensions. It is filed
//! under one of these equalities only, the one under which the fewest are filed already, so that a new
//! series of L labels finds all who want it with L + 2 lookups and few candidates to verify. The answer
//! is kept with the series; no sample asks again.

use crate::definition::Metric;
use model::{SeriesKey, TenantId, Unit};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

/// What a window wants: series of exactly these labels.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Wanted {
    pub(crate) tenant: TenantId,
    pub(crate) metric: Metric,
}

impl Wanted {
    /// Says whether a series is wanted.
    pub(crate) fn takes(&self, key: &SeriesKey) -> bool {
        let Metric { namespace, name, dimensions, unit } = &self.metric;
        self.tenant == key.tenant
            && *name == key.name
            && *namespace == key.namespace
            && *dimensions == key.labels
            && unit.is_none_or(|unit: Unit| unit == key.unit)
    }

    fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        pairs(&self.metric.namespace, &self.metric.name, &self.metric.dimensions)
    }
}

fn pairs<'k>(
    namespace: &'k str,
    name: &'k str,
    labels: &'k [(String, String)],
) -> impl Iterator<Item = (&'k str, &'k str)> {
    let virtual_ones = [("__namespace__", namespace), ("__name__", name)];
    let labels = labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    virtual_ones.into_iter().chain(labels)
}

/// Windows by the equality that they are filed under.
#[derive(Debug, Default)]
pub(crate) struct Interest {
    /// By the hash of tenant, label and value: whoever is found is verified.
    filed: HashMap<u64, Filed>,
    hasher: RandomState,
}

#[derive(Debug, Clone, PartialEq)]
enum Filed {
    One(u32),
    Many(Vec<u32>),
}

impl Filed {
    fn all(&self) -> &[u32] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

impl Interest {
    fn hash(&self, tenant: TenantId, pair: (&str, &str)) -> u64 {
        self.hasher.hash_one((tenant, pair))
    }

    /// Files a window; returns the place, which [`Interest::remove`] needs.
    pub(crate) fn file(&mut self, slot: u32, wanted: &Wanted) -> u64 {
        let crowd = |hash: &u64| self.filed.get(hash).map_or(0, |filed| filed.all().len());
        let hashes = wanted.pairs().map(|pair| self.hash(wanted.tenant, pair));
        let place = hashes.min_by_key(crowd).expect("a metric has a name");
        match self.filed.get_mut(&place) {
            None => {
                self.filed.insert(place, Filed::One(slot));
            }
            Some(Filed::Many(many)) => many.push(slot),
            Some(filed) => {
                let mut many = filed.all().to_vec();
                many.push(slot);
                *filed = Filed::Many(many);
            }
        }
        place
    }

    /// Removes a window from its place.
    pub(crate) fn remove(&mut self, slot: u32, place: u64) {
        let Some(filed) = self.filed.get_mut(&place) else { return };
        if let Filed::Many(many) = filed {
            many.retain(|held| *held != slot);
            if !many.is_empty() {
                return;
            }
        } else if *filed != Filed::One(slot) {
            return;
        }
        self.filed.remove(&place);
    }

    /// Shows each window that may want a series; each is shown once.
    pub(crate) fn candidates(&self, key: &SeriesKey, mut see: impl FnMut(u32)) {
        for pair in pairs(&key.namespace, &key.name, &key.labels) {
            if let Some(filed) = self.filed.get(&self.hash(key.tenant, pair)) {
                filed.all().iter().for_each(|slot| see(*slot));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stdx::Rng;

    fn labels(rng: &mut Rng) -> Vec<(String, String)> {
        let names = ["a", "b", "c"].into_iter().filter(|_| rng.one_in(2));
        let names: Vec<&str> = names.collect();
        names.into_iter().map(|name| (name.to_owned(), format!("v{}", rng.below(3)))).collect()
    }

    /// Forward equals backward: what the index finds is what a look at all windows finds.
    #[test]
    fn all_who_want_a_series_are_found_once() {
        let mut rng = Rng::from_seed(11);
        let (mut interest, mut known) = (Interest::default(), HashMap::new());
        for round in 0..3_000u32 {
            let (tenant, name) = (TenantId(rng.below(2) as u32), format!("m{}", rng.below(2)));
            let unit = rng.one_in(3).then_some(Unit::Count);
            if rng.one_in(3) {
                let metric = Metric {
                    namespace: "ns".into(),
                    name: name.clone(),
                    dimensions: labels(&mut rng),
                    unit,
                };
                let wanted = Wanted { tenant, metric };
                let place = interest.file(round, &wanted);
                known.insert(round, (wanted, place));
            } else if rng.one_in(4)
                && let Some(slot) = known.keys().min().copied()
            {
                let (_, place) = known.remove(&slot).unwrap();
                interest.remove(slot, place);
            }
            let key = SeriesKey {
                tenant,
                namespace: "ns".into(),
                name,
                unit: unit.unwrap_or(Unit::Percent),
                labels: labels(&mut rng),
            };
            let mut found = Vec::new();
            interest.candidates(&key, |slot| {
                if known[&slot].0.takes(&key) {
                    found.push(slot);
                }
            });
            found.sort_unstable();
            let takes =
                |(slot, (wanted, _)): (&u32, &(Wanted, u64))| wanted.takes(&key).then_some(*slot);
            let mut all: Vec<u32> = known.iter().filter_map(takes).collect();
            all.sort_unstable();
            assert_eq!(found, all);
        }
    }
}
