//! What is known of metrics and series beside their points: metadata from Prometheus, entities from
//! CloudWatch. Kept in the catalog, written only when something changes.

use crate::Platform;
use crate::access::Verb;
use crate::read::AskError;
use crate::tenants::Tenants;
use catalog::{Catalog, CatalogError, Change};
use model::{Principal, Scope, TenantId};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};

const METADATA: &str = "metric-metadata";
const ENTITIES: &str = "entities";

/// What a metric is, as Prometheus tells: type, help and unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricMetadata {
    /// `counter`, `gauge`, `histogram`, `summary`, `info`, `stateset` or `unknown`.
    #[serde(rename = "type")]
    pub metric_type: String,
    /// What it means, for people.
    pub help: String,
    /// The unit, as its sender writes it.
    pub unit: String,
}

/// What a series belongs to, as CloudWatch tells: attributes that identify it, and others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Entity {
    /// Attributes that identify it, such as `Type` and `Name`.
    pub key_attributes: BTreeMap<String, String>,
    /// Other attributes.
    pub attributes: BTreeMap<String, String>,
}

/// An entity and the metric that it was reported with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntityOfSeries {
    /// Namespace of the metric.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its dimensions.
    pub dimensions: Vec<(String, String)>,
    /// The entity.
    pub entity: Entity,
}

impl EntityOfSeries {
    /// Returns the value of a dimension; empty when there is none.
    pub(crate) fn dimension(&self, name: &str) -> &str {
        let found = self.dimensions.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    }
}

/// Families that one tenant may describe, and entities that it may report with: each is kept in
/// memory and in the catalog for good.
const DESCRIBED_MAX: usize = 100_000;
/// Bytes of these descriptions, and of these entities.
const DESCRIBED_BYTES_MAX: usize = 64 << 20;

/// An account has described as much as it may.
#[derive(Debug, thiserror::Error)]
pub enum DescribeError {
    /// There is no room for a further one; those that are there can still be changed.
    #[error(
        "the account has described {count} {what} of at most {DESCRIBED_MAX}, with {bytes} bytes of \
         at most {DESCRIBED_BYTES_MAX}"
    )]
    Full {
        /// What there is no room for.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// What they take.
        bytes: usize,
    },
    /// They could not be kept.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

/// A copy of a table of the catalog, so that a repeated report costs a look and no write.
#[derive(Debug)]
struct Copy<K, V> {
    /// With the bytes that each takes.
    entries: HashMap<K, (V, usize)>,
    /// Number and bytes by account, as its first tenant.
    taken: HashMap<TenantId, (usize, usize)>,
}

impl<K, V> Default for Copy<K, V> {
    fn default() -> Self {
        Self { entries: HashMap::new(), taken: HashMap::new() }
    }
}

impl<K: std::hash::Hash + Eq, V> Copy<K, V> {
    fn has_room(&self, tenant: TenantId, more: (usize, usize)) -> bool {
        let (count, bytes) = self.taken.get(&tenant).copied().unwrap_or_default();
        count + more.0 <= DESCRIBED_MAX && bytes + more.1 <= DESCRIBED_BYTES_MAX
    }

    fn full(&self, tenant: TenantId, what: &'static str) -> DescribeError {
        let (count, bytes) = self.taken.get(&tenant).copied().unwrap_or_default();
        DescribeError::Full { what, count, bytes }
    }

    fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|(value, _)| value)
    }

    fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter().map(|(key, (value, _))| (key, value))
    }

    fn insert(&mut self, tenant: TenantId, key: K, value: V, bytes: usize) {
        let taken = self.taken.entry(tenant).or_default();
        taken.1 += bytes;
        match self.entries.insert(key, (value, bytes)) {
            Some((_, before)) => taken.1 -= before,
            None => taken.0 += 1,
        }
    }

    fn remove(&mut self, tenant: TenantId, key: &K) {
        if let Some((_, bytes)) = self.entries.remove(key)
            && let Some(taken) = self.taken.get_mut(&tenant)
        {
            *taken = (taken.0 - 1, taken.1 - bytes);
        }
    }

    fn clear(&mut self) {
        self.entries.clear();
        self.taken.clear();
    }
}

/// Descriptions of metrics and of entities.
#[derive(Debug, Default)]
pub(crate) struct Described {
    metadata: Mutex<Copy<(TenantId, String), MetricMetadata>>,
    entities: Mutex<Copy<String, Vec<u8>>>,
    /// Pieces of metadata, and exemplars, that doors refused.
    refused: [AtomicU64; 2],
    /// Held by whoever writes to the catalog, so that those who only look do not wait for it.
    writing: Mutex<()>,
}

fn metadata_bytes(family: &str, metadata: &MetricMetadata) -> usize {
    100 + family.len() + metadata.help.len() + metadata.unit.len()
}

fn metadata_key(tenant: TenantId, family: &str) -> String {
    format!("{:08x}/{family}", tenant.0)
}

impl Described {
    pub(crate) fn load(catalog: &dyn Catalog, tenants: &Tenants) -> Result<Self, CatalogError> {
        let described = Self::default();
        for (key, value) in catalog.scan(METADATA, "")? {
            let parsed = key.split_once('/').and_then(|(tenant, family)| {
                let tenant = TenantId(u32::from_str_radix(tenant, 16).ok()?);
                Some(((tenant, family.to_owned()), serde_json::from_slice(&value).ok()?))
            });
            match parsed {
                Some((key, value)) => {
                    let bytes = metadata_bytes(&key.1, &value);
                    described.metadata.lock().insert(tenants.first_of(key.0), key, value, bytes);
                }
                None => tracing::warn!(key, "metadata of a metric cannot be read and is left out"),
            }
        }
        for (key, value) in catalog.scan(ENTITIES, "")? {
            let number = key.split_once('/').and_then(|(n, _)| u32::from_str_radix(n, 16).ok());
            let Some(tenant) = number.map(TenantId) else {
                tracing::warn!(key, "an entity cannot be read and is left out");
                continue;
            };
            let bytes = key.len() + value.len();
            described.entities.lock().insert(tenants.first_of(tenant), key, value, bytes);
        }
        Ok(described)
    }

    /// Removes the entities of a tenant's metrics that `gone` takes, here and in the catalog.
    pub(crate) fn forget_entities(
        &self,
        catalog: &dyn Catalog,
        (tenant, group): (TenantId, TenantId),
        gone: impl Fn(&EntityOfSeries) -> bool,
    ) -> Result<(), CatalogError> {
        let _writing = self.writing.lock();
        let prefix = format!("{:08x}/", tenant.0);
        let mut entities = self.entities.lock();
        let of_tenant = entities.iter().filter(|(key, _)| key.starts_with(&prefix));
        let keys: Vec<String> = of_tenant
            .filter(|(_, value)| serde_json::from_slice(value).is_ok_and(|entity| gone(&entity)))
            .map(|(key, _)| key.clone())
            .collect();
        if keys.is_empty() {
            return Ok(());
        }
        catalog.write(keys.iter().map(|key| Change::remove(ENTITIES, key.clone())).collect())?;
        keys.iter().for_each(|key| entities.remove(group, key));
        Ok(())
    }

    /// Removes all of it, here and in the catalog.
    pub(crate) fn clear(&self, catalog: &dyn Catalog) -> Result<(), CatalogError> {
        let _writing = self.writing.lock();
        let (mut metadata, mut entities) = (self.metadata.lock(), self.entities.lock());
        let mut changes = Vec::new();
        for table in [METADATA, ENTITIES] {
            let entries = catalog.scan(table, "")?;
            changes.extend(entries.into_iter().map(|(key, _)| Change::remove(table, key)));
        }
        catalog.write(changes)?;
        metadata.clear();
        entities.clear();
        Ok(())
    }
}

impl Platform {
    /// Counts pieces of metadata and exemplars that a door refused.
    pub fn note_refused_beside(&self, metadata: usize, exemplars: usize) {
        for (counter, more) in self.described.refused.iter().zip([metadata, exemplars]) {
            counter.fetch_add(more as u64, Ordering::Relaxed);
        }
    }

    /// Returns how many pieces of metadata, and how many exemplars, doors refused.
    pub fn refused_beside(&self) -> [u64; 2] {
        self.described.refused.each_ref().map(|counter| counter.load(Ordering::Relaxed))
    }

    /// Keeps what a sender tells of metrics; returns when it is durable.
    ///
    /// # Errors
    /// [`DescribeError::Full`] when some of it is new and there is no room; the rest is kept.
    pub fn put_metadata(
        &self,
        tenant: TenantId,
        told: Vec<(String, MetricMetadata)>,
    ) -> Result<(), DescribeError> {
        let is_known = |told: &[(String, MetricMetadata)]| {
            let known = self.described.metadata.lock();
            told.iter().all(|(family, m)| known.get(&(tenant, family.clone())) == Some(m))
        };
        if is_known(&told) {
            return Ok(());
        }
        let group = self.tenants.first_of(tenant);
        let _writing = self.described.writing.lock();
        let mut new: HashMap<(TenantId, String), MetricMetadata> = HashMap::new();
        let mut refused = None;
        {
            let known = self.described.metadata.lock();
            let mut more = (0, 0);
            for (family, metadata) in told {
                let bytes = metadata_bytes(&family, &metadata);
                let key = (tenant, family);
                let before = known.get(&key);
                if before == Some(&metadata) {
                    continue;
                }
                let with_this = (more.0 + usize::from(before.is_none()), more.1 + bytes);
                if known.has_room(group, with_this) {
                    more = with_this;
                    new.insert(key, metadata);
                } else {
                    refused = Some(known.full(group, "families of metrics"));
                }
            }
        }
        if !new.is_empty() {
            let changes = new.iter().map(|((_, family), metadata)| {
                let value = serde_json::to_vec(metadata).expect("plain texts are JSON");
                Change::put(METADATA, metadata_key(tenant, family), value)
            });
            self.catalog.write(changes.collect())?;
            let mut known = self.described.metadata.lock();
            for (key, metadata) in new {
                let bytes = metadata_bytes(&key.1, &metadata);
                known.insert(group, key, metadata, bytes);
            }
        }
        refused.map_or(Ok(()), Err)
    }

    /// Returns what is known of metrics, by family.
    ///
    /// # Errors
    /// [`AskError`].
    pub fn metadata(
        &self,
        who: &Principal,
        scope: &Scope,
    ) -> Result<BTreeMap<String, MetricMetadata>, AskError> {
        self.check(who, scope, Verb::Read)?;
        let Some(tenant) = self.tenants.find(scope) else { return Ok(BTreeMap::new()) };
        let known = self.described.metadata.lock();
        let of_tenant = known.iter().filter(|((t, _), _)| *t == tenant);
        Ok(of_tenant.map(|((_, family), m)| (family.clone(), m.clone())).collect())
    }

    /// Keeps which entity metrics belong to; returns when it is durable.
    ///
    /// # Errors
    /// [`DescribeError::Full`] when one of them is new and there is no room; then none is kept.
    pub fn put_entities(
        &self,
        tenant: TenantId,
        told: &[EntityOfSeries],
    ) -> Result<(), DescribeError> {
        let mut all = HashMap::new();
        for one in told {
            let identity = (&one.namespace, &one.name, &one.dimensions);
            let identity = serde_json::to_string(&identity).expect("plain texts are JSON");
            let key = format!("{:08x}/{identity}", tenant.0);
            all.insert(key, serde_json::to_vec(one).expect("plain texts are JSON"));
        }
        let keep_new = |all: &mut HashMap<String, Vec<u8>>| {
            let known = self.described.entities.lock();
            all.retain(|key, value| known.get(key) != Some(value));
            all.is_empty()
        };
        if keep_new(&mut all) {
            return Ok(());
        }
        let group = self.tenants.first_of(tenant);
        let _writing = self.described.writing.lock();
        if keep_new(&mut all) {
            return Ok(());
        }
        {
            let known = self.described.entities.lock();
            let bytes = all.iter().map(|(key, value)| key.len() + value.len()).sum();
            let added = all.keys().filter(|key| !known.entries.contains_key(*key)).count();
            if !known.has_room(group, (added, bytes)) {
                return Err(known.full(group, "entities"));
            }
        }
        let change = |(key, value): (&String, &Vec<u8>)| Change::put(ENTITIES, key, value.clone());
        self.catalog.write(all.iter().map(change).collect())?;
        let mut known = self.described.entities.lock();
        for (key, value) in all {
            let bytes = key.len() + value.len();
            known.insert(group, key, value, bytes);
        }
        Ok(())
    }

    /// Returns the entities that metrics of a namespace (all for `None`) were reported with.
    ///
    /// # Errors
    /// [`AskError`].
    pub fn entities(
        &self,
        who: &Principal,
        scope: &Scope,
        namespace: Option<&str>,
    ) -> Result<Vec<EntityOfSeries>, AskError> {
        self.check(who, scope, Verb::Read)?;
        let Some(tenant) = self.tenants.find(scope) else { return Ok(Vec::new()) };
        let prefix = format!("{:08x}/", tenant.0);
        let known = self.described.entities.lock();
        let of_tenant = known.iter().filter(|(key, _)| key.starts_with(&prefix));
        let mut found: Vec<EntityOfSeries> =
            of_tenant.filter_map(|(_, value)| serde_json::from_slice(value).ok()).collect();
        found.retain(|e| namespace.is_none_or(|n| n == e.namespace));
        found.sort_by(|a, b| {
            (&a.namespace, &a.name, &a.dimensions).cmp(&(&b.namespace, &b.name, &b.dimensions))
        });
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_describes_so_much_and_no_more() {
        let mut copy: Copy<String, u8> = Copy::default();
        let (one, other) = (TenantId(1), TenantId(2));
        for n in 0..DESCRIBED_MAX - 1 {
            copy.insert(one, n.to_string(), 0, 10);
        }
        assert!(copy.has_room(one, (1, 10)) && !copy.has_room(one, (2, 10)));
        assert!(copy.has_room(one, (0, 10)), "a change needs no further place");
        assert!(!copy.has_room(one, (0, DESCRIBED_BYTES_MAX)));
        assert!(copy.has_room(other, (DESCRIBED_MAX, DESCRIBED_BYTES_MAX)));
        for _ in 0..10_000 {
            // Two senders that differ, each in its turn.
            copy.insert(one, "0".into(), 1, 10_000);
        }
        assert!(copy.has_room(one, (1, 10)), "a change takes the place of what was there");
        let text = copy.full(one, "entities").to_string();
        assert!(text.starts_with("the account has described 99999 entities of at most"), "{text}");
    }
}
