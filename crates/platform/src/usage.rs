//! Who sends what, and what of it is refused: for the operator's view, never for a decision.

use crate::Platform;
use model::{Principal, Scope, TenantId};
use parking_lot::Mutex;
use std::collections::HashMap;

/// So many namespaces, and so many senders, are told apart: strangers choose their names.
const TOLD_APART_MAX: usize = 10_000;
/// Stands for the others.
pub const OTHERS: &str = "(others)";

/// What was sent since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SentUse {
    /// Requests.
    pub requests: u64,
    /// Points that were taken.
    pub points: u64,
    /// Points that were refused, for whatever reason.
    pub refused: u64,
    /// Bytes of the bodies as they came.
    pub bytes: u64,
}

impl SentUse {
    fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.points += other.points;
        self.refused += other.refused;
        self.bytes += other.bytes;
    }
}

/// One request that brought points.
#[derive(Debug)]
pub struct Sent<'a> {
    /// Who sent it.
    pub who: &'a Principal,
    /// The tenant.
    pub tenant: TenantId,
    /// Through which door.
    pub door: &'static str,
    /// The namespace of the points; empty for none.
    pub namespace: &'a str,
    /// What it was.
    pub sent: SentUse,
}

/// What one sender sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// The tenant.
    pub tenant: TenantId,
    /// Through which door.
    pub door: &'static str,
    /// Key id or name, as the request carried it; empty for none.
    pub name: String,
    /// What it was.
    pub sent: SentUse,
}

#[derive(Debug, Default)]
pub(crate) struct Usage {
    namespaces: Mutex<Named<TenantId>>,
    senders: Mutex<Named<(TenantId, &'static str)>>,
}

/// Uses by name below something, with a bound on the names.
#[derive(Debug)]
struct Named<K> {
    by_name: HashMap<K, HashMap<String, SentUse>>,
    count: usize,
}

impl<K> Default for Named<K> {
    fn default() -> Self {
        Self { by_name: HashMap::new(), count: 0 }
    }
}

impl<K: std::hash::Hash + Eq + Copy> Named<K> {
    fn add(&mut self, key: K, name: &str, sent: SentUse) {
        let names = self.by_name.entry(key).or_default();
        if let Some(known) = names.get_mut(name) {
            return known.add(sent);
        }
        let name = if self.count < TOLD_APART_MAX { name } else { OTHERS };
        self.count += 1;
        names.entry(name.to_owned()).or_default().add(sent);
    }

    fn list(&self) -> impl Iterator<Item = (K, &String, SentUse)> {
        self.by_name.iter().flat_map(|(k, names)| names.iter().map(|(n, u)| (*k, n, *u)))
    }
}

impl Platform {
    /// Notes what a request brought.
    pub fn note_sent(&self, one: &Sent<'_>) {
        self.usage.namespaces.lock().add(one.tenant, one.namespace, one.sent);
        self.usage.senders.lock().add((one.tenant, one.door), &one.who.key_id, one.sent);
    }

    /// Returns what came for each namespace of each tenant.
    pub fn sent_by_namespace(&self) -> Vec<(TenantId, String, SentUse)> {
        let namespaces = self.usage.namespaces.lock();
        namespaces.list().map(|(tenant, name, sent)| (tenant, name.clone(), sent)).collect()
    }

    /// Returns what each sender sent.
    pub fn senders(&self) -> Vec<Sender> {
        let senders = self.usage.senders.lock();
        senders
            .list()
            .map(|((tenant, door), name, sent)| Sender { tenant, door, name: name.clone(), sent })
            .collect()
    }

    /// Returns the scope behind a tenant's number, if it has one.
    pub fn scope_of(&self, tenant: TenantId) -> Option<Scope> {
        self.scopes().into_iter().find(|(_, number)| *number == tenant).map(|(scope, _)| scope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_strangers_choose_are_bounded() {
        let mut named: Named<u8> = Named::default();
        let sent = SentUse { requests: 1, points: 2, refused: 0, bytes: 3 };
        for n in 0..TOLD_APART_MAX + 500 {
            named.add(1, &format!("n{n}"), sent);
        }
        named.add(1, "n7", sent);
        assert_eq!(named.list().count(), TOLD_APART_MAX + 1);
        let of = |name: &str| named.list().find(|(_, n, _)| *n == name).unwrap().2;
        assert_eq!(of("n7").points, 4);
        assert_eq!(of(OTHERS).requests, 500);
    }
}
