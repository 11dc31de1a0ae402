//! What is known of metrics and series beside their points: metadata from Prometheus, entities from
//! CloudWatch. Kept in the catalog, written only when something changes.

use crate::Platform;
use crate::access::Verb;
use crate::read::AskError;
use catalog::{Catalog, CatalogError, Change};
use model::{Principal, Scope, TenantId};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

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

/// Copies of the catalog's tables, so that a repeated report costs a look and no write.
#[derive(Debug, Default)]
pub(crate) struct Described {
    metadata: Mutex<HashMap<(TenantId, String), MetricMetadata>>,
    entities: Mutex<HashMap<String, Vec<u8>>>,
}

fn metadata_key(tenant: TenantId, family: &str) -> String {
    format!("{:08x}/{family}", tenant.0)
}

impl Described {
    pub(crate) fn load(catalog: &dyn Catalog) -> Result<Self, CatalogError> {
        let described = Self::default();
        for (key, value) in catalog.scan(METADATA, "")? {
            let parsed = key.split_once('/').and_then(|(tenant, family)| {
                let tenant = TenantId(u32::from_str_radix(tenant, 16).ok()?);
                Some(((tenant, family.to_owned()), serde_json::from_slice(&value).ok()?))
            });
            match parsed {
                Some((key, value)) => drop(described.metadata.lock().insert(key, value)),
                None => tracing::warn!(key, "metadata of a metric cannot be read and is left out"),
            }
        }
        *described.entities.lock() = catalog.scan(ENTITIES, "")?.into_iter().collect();
        Ok(described)
    }

    /// Removes the entities of a tenant's metrics that `gone` takes, here and in the catalog.
    pub(crate) fn forget_entities(
        &self,
        catalog: &dyn Catalog,
        tenant: TenantId,
        gone: impl Fn(&EntityOfSeries) -> bool,
    ) -> Result<(), CatalogError> {
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
        keys.iter().for_each(|key| drop(entities.remove(key)));
        Ok(())
    }

    /// Removes all of it, here and in the catalog.
    pub(crate) fn clear(&self, catalog: &dyn Catalog) -> Result<(), CatalogError> {
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
    /// Keeps what a sender tells of metrics; returns when it is durable.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub fn put_metadata(
        &self,
        tenant: TenantId,
        told: Vec<(String, MetricMetadata)>,
    ) -> Result<(), CatalogError> {
        let mut known = self.described.metadata.lock();
        let new: Vec<_> = told
            .into_iter()
            .filter(|(family, m)| known.get(&(tenant, family.clone())) != Some(m))
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        let changes = new.iter().map(|(family, metadata)| {
            let value = serde_json::to_vec(metadata).expect("plain texts are JSON");
            Change::put(METADATA, metadata_key(tenant, family), value)
        });
        self.catalog.write(changes.collect())?;
        known.extend(new.into_iter().map(|(family, m)| ((tenant, family), m)));
        Ok(())
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
    /// [`CatalogError`].
    pub fn put_entities(
        &self,
        tenant: TenantId,
        told: &[EntityOfSeries],
    ) -> Result<(), CatalogError> {
        let mut known = self.described.entities.lock();
        let mut new = HashMap::new();
        for one in told {
            let identity = (&one.namespace, &one.name, &one.dimensions);
            let identity = serde_json::to_string(&identity).expect("plain texts are JSON");
            let key = format!("{:08x}/{identity}", tenant.0);
            let value = serde_json::to_vec(one).expect("plain texts are JSON");
            if known.get(&key) != Some(&value) {
                new.insert(key, value);
            }
        }
        if new.is_empty() {
            return Ok(());
        }
        let change = |(key, value): (&String, &Vec<u8>)| Change::put(ENTITIES, key, value.clone());
        self.catalog.write(new.iter().map(change).collect())?;
        known.extend(new);
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
