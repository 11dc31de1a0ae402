//! The catalog: the engine's own check, and every entry that this version knows.

use super::{Check, Outcome, with_cause};
use crate::described::{EntityOfSeries, MetricMetadata};
use crate::tenants::tenant_of_entry;
use catalog::{Entry, inspect_catalog};
use model::{AccountId, TenantId};
use std::collections::{BTreeMap, BTreeSet};

const PLACE: &str = "catalog.redb";

/// Says whether an entry is of the form of its table; `None` for tables that are not known here.
fn is_sound(entry: &Entry) -> Option<bool> {
    let json = |found: Result<(), serde_json::Error>| Some(found.is_ok());
    match entry.table.as_str() {
        "tenants" => Some(tenant_of_entry(&entry.key, &entry.value).is_some()),
        "org-names" => {
            let account = std::str::from_utf8(&entry.value).ok();
            Some(account.is_some_and(|a| a.parse::<AccountId>().is_ok()))
        }
        "secrets" if entry.key == "page-tokens" => Some(entry.value.len() == 32),
        "metric-metadata" => json(serde_json::from_slice::<MetricMetadata>(&entry.value).map(drop)),
        "entities" => json(serde_json::from_slice::<EntityOfSeries>(&entry.value).map(drop)),
        "secrets" if entry.key == "signing-key" => {
            json(serde_json::from_slice::<serde_json::Value>(&entry.value).map(drop))
        }
        table => crate::outbox::is_sound(table, &entry.value)
            .or_else(|| crate::topics::is_sound(table, &entry.value))
            .or_else(|| crate::alarms::is_sound_entry(table, &entry.key, &entry.value)),
    }
}

impl Check<'_> {
    pub(super) fn catalog(&mut self) {
        let path = self.dir.join(PLACE);
        let names = self.disk.list(self.dir).unwrap_or_default();
        if !names.iter().any(|name| name == PLACE) {
            if !self.tenants.is_empty() {
                let what = "it is missing".to_owned();
                let means =
                    "accounts and regions of the series are not known: nobody can read them";
                let todo = "bring it back from a backup; a start without it makes an empty one";
                self.found(PLACE, what, means, Outcome::Left(todo.into()));
            }
            return;
        }
        let entries = match inspect_catalog(&*self.disk, &path) {
            Ok(entries) => entries,
            Err(error) => {
                let means = "accounts and regions of the series, and all definitions, cannot be read; \
                             the server does not start";
                let todo = "bring it back from a backup (`sightline restore`); the metrics are not \
                            touched by this";
                self.found(PLACE, with_cause(&error), means, Outcome::Left(todo.into()));
                return;
            }
        };
        self.done(self.file_len(&path));
        self.report.catalog_entries = entries.len();
        let mut odd: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
        let mut unknown: BTreeMap<&str, usize> = BTreeMap::new();
        let mut tenants: BTreeSet<TenantId> = BTreeSet::new();
        for entry in &entries {
            match is_sound(entry) {
                Some(true) => {}
                Some(false) => odd.entry(&entry.table).or_insert((0, &entry.key)).0 += 1,
                None => *unknown.entry(&entry.table).or_default() += 1,
            }
            if entry.table == "tenants"
                && let Ok(number) = <[u8; 4]>::try_from(entry.value.as_slice())
            {
                tenants.insert(TenantId(u32::from_le_bytes(number)));
            }
        }
        for (table, (count, key)) in odd {
            let what = format!("{count} entries of {table} cannot be read, {key:?} among them");
            let means = "what they define is not there; the server may not start";
            let todo = "bring the catalog back from a backup (`sightline restore`)";
            self.found(PLACE, what, means, Outcome::Left(todo.into()));
        }
        if !unknown.is_empty() {
            let tables: Vec<String> =
                unknown.iter().map(|(table, count)| format!("{table} ({count})")).collect();
            let what = format!("entries that this check does not look into: {}", tables.join(", "));
            self.found(PLACE, what, "none", Outcome::Note);
        }
        let lost: Vec<String> =
            self.tenants.difference(&tenants).map(|tenant| tenant.0.to_string()).collect();
        if !lost.is_empty() {
            let what = format!("tenants {} have series and no account", lost.join(", "));
            let means = "nobody can read those series";
            let todo = "bring the catalog back from a backup";
            self.found(PLACE, what, means, Outcome::Left(todo.into()));
        }
    }
}
