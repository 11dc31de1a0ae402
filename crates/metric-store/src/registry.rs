//! The head's registry: which number stands for which series, and the index over their labels.
//!
//! Numbers live as long as the registry. They are declared anew in the journal after each flush, so
//! nothing on disk outlives them; when too many of its series have died, the store starts an empty
//! registry and the living ones come back at the price of a birth.

use crate::budget::{BudgetOf, Culprit, NamespaceUse, OverBudget, SeriesLimits, Use};
use crate::find::MetricKey;
use crate::matcher::{LabelIndex, ShowLabels};
use crate::postings::Postings;
use hashbrown::{HashMap, HashTable};
use model::{Kind, SeriesKey, TenantId, Unit};
use parking_lot::{Mutex, RwLock};
use std::collections::{BTreeMap, HashSet};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use xxhash_rust::xxh3::{xxh3_64_with_seed, xxh3_128_with_secret};

/// Shards of the map from raw keys, so that decoding threads seldom meet.
const SHARDS: usize = 64;
const SECRET_BYTES: usize = 256;
/// Keys that are shown under one hold of the lock.
const KEYS_AT_ONCE: usize = 4_096;

/// A raw key's hash: 128 bits under a secret of the process. That two keys of a client share one
/// is less likely than a broken memory cell, and cannot be brought about from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawHash(u128);

/// What a hash is made under, so that nobody outside can bring equal ones about.
pub(crate) type Secret = [u8; SECRET_BYTES];

impl RawHash {
    #[inline]
    pub(crate) fn of(bytes: &[u8], secret: &Secret) -> Self {
        Self(xxh3_128_with_secret(bytes, secret))
    }

    /// Returns the half that a table looks at.
    #[inline]
    pub(crate) fn half(self) -> u64 {
        self.0 as u64
    }
}

#[derive(Debug)]
pub(crate) struct Registry {
    secret: Secret,
    seed: u64,
    raw: Vec<Mutex<HashTable<RawEntry>>>,
    inner: RwLock<Inner>,
    limits: SeriesLimits,
    lasting: Arc<Lasting>,
    /// Bytes of all series and their index, roughly: looked at by every write.
    bytes: AtomicUsize,
}

/// What outlives registries: a renewal must not set it back.
#[derive(Debug, Default)]
pub(crate) struct Lasting {
    /// Tenants that share a budget with another one, and with which.
    groups: RwLock<HashMap<TenantId, TenantId>>,
    /// What was refused for want of room.
    by_namespace: Mutex<BTreeMap<(TenantId, String), Refused>>,
    /// Something was refused since the last renewal.
    pressed: AtomicBool,
}

#[derive(Debug, Default)]
struct Refused {
    count: u64,
    culprit: Option<Arc<Culprit>>,
    /// Count at which the culprit is looked for again.
    look_again: u64,
}

/// Namespaces that an account may have: each is a line in every view of who has what.
const NAMESPACES_MAX: usize = 10_000;
/// So many namespaces are told apart in what was refused; strangers choose their names.
const REFUSALS_MAX: usize = 10_000;
/// So many of the newest series of a namespace are looked at for the label to blame ...
const CULPRIT_SERIES: usize = 2_000;
/// ... which must have at least one value for so many of them, or none stands out.
const CULPRIT_SHARE: usize = 4;

/// Hash (four words) and number; words keep it at twenty bytes.
type RawEntry = [u32; 5];

#[derive(Debug, Default)]
struct Inner {
    symbols: Symbols,
    pairs: Vec<Pair>,
    pair_numbers: HashTable<u32>,
    postings: Vec<Postings>,
    /// Pairs of each label of each tenant, in the order of birth.
    labels: HashMap<(TenantId, u32), Vec<u32>>,
    tenants: HashMap<TenantId, Postings>,
    series: Vec<Entry>,
    pair_lists: Vec<u32>,
    /// By tenant and symbol of the namespace, [`NO_SYMBOL`] for none.
    uses: HashMap<(TenantId, u32), Use>,
    /// By the first tenant of each account, which share a budget.
    account_uses: HashMap<TenantId, Use>,
    /// Number of namespaces of each account.
    account_namespaces: HashMap<TenantId, usize>,
    all_uses: Use,
    /// Hash of tenant, kind and pairs, and the number.
    by_identity: HashTable<(u32, u32)>,
}

/// Stands for a text that is not there.
const NO_SYMBOL: u32 = u32::MAX;
/// Labels of all series together take less than the 4 GiB that a symbol's place can tell.
const SYMBOL_BYTES_MAX: usize = (u32::MAX - (64 << 20)) as usize;
/// Labels of all series, counted each time, fit the number that a series' place has.
const PAIRS_LISTED_MAX: usize = (u32::MAX - (1 << 20)) as usize;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pair {
    tenant: TenantId,
    name: u32,
    value: u32,
}

/// Where the pairs of a series stand, and what cannot be told from them.
#[derive(Debug, Clone, Copy)]
struct Entry {
    start: u32,
    tenant: TenantId,
    len: u16,
    kind: Kind,
}

/// Interned strings: one after the other, found by hash.
#[derive(Debug)]
struct Symbols {
    bytes: Vec<u8>,
    ends: Vec<u32>,
    table: HashTable<u32>,
}

impl Default for Symbols {
    fn default() -> Self {
        Self { bytes: Vec::new(), ends: vec![0], table: HashTable::new() }
    }
}

impl Symbols {
    fn get(&self, number: u32) -> &str {
        let (start, end) = (self.ends[number as usize], self.ends[number as usize + 1]);
        std::str::from_utf8(&self.bytes[start as usize..end as usize])
            .expect("only strings are interned")
    }

    fn find(&self, text: &str, seed: u64) -> Option<u32> {
        let hash = xxh3_64_with_seed(text.as_bytes(), seed);
        self.table.find(hash, |&n| self.get(n) == text).copied()
    }

    fn intern(&mut self, text: &str, seed: u64) -> u32 {
        let hash = xxh3_64_with_seed(text.as_bytes(), seed);
        let (bytes, ends) = (&self.bytes, &self.ends);
        let slice = |n: u32| &bytes[ends[n as usize] as usize..ends[n as usize + 1] as usize];
        if let Some(&number) = self.table.find(hash, |&n| slice(n) == text.as_bytes()) {
            return number;
        }
        let number = u32::try_from(self.ends.len() - 1).expect("fewer than 2^32 strings");
        self.table.insert_unique(hash, number, |&n| xxh3_64_with_seed(slice(n), seed));
        self.bytes.extend_from_slice(text.as_bytes());
        self.ends.push(u32::try_from(self.bytes.len()).expect("fewer than 4 GiB of labels"));
        number
    }
}

fn pair_hash(pair: Pair, seed: u64) -> u64 {
    let mut bytes = [0; 12];
    bytes[..4].copy_from_slice(&pair.tenant.0.to_le_bytes());
    bytes[4..8].copy_from_slice(&pair.name.to_le_bytes());
    bytes[8..].copy_from_slice(&pair.value.to_le_bytes());
    xxh3_64_with_seed(&bytes, seed)
}

/// What a pair that nobody had before takes: itself, its place in three tables, two symbols' ends
/// and the head of its postings.
const PAIR_BYTES: usize = size_of::<Pair>() + size_of::<Postings>() + 40;
/// What a pair of a series takes: its place in the list, and one or two bytes of postings.
const LISTED_BYTES: usize = 6;
/// What a series takes beside its pairs: its entry, its place by identity and by raw key, and the
/// first bytes of its points in the head.
const SERIES_BYTES: usize = size_of::<Entry>() + 9 + 30 + 64;

fn identity_hash(tenant: TenantId, kind: Kind, list: &[u32], seed: u64) -> u32 {
    let mut bytes = Vec::with_capacity(list.len() * 4 + 5);
    bytes.extend_from_slice(&tenant.0.to_le_bytes());
    bytes.push(kind as u8);
    list.iter().for_each(|p| bytes.extend_from_slice(&p.to_le_bytes()));
    xxh3_64_with_seed(&bytes, seed) as u32
}

/// Spreads a stored half hash over 64 bits, as the table wants them.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

fn raw_words(hash: RawHash, number: u32) -> RawEntry {
    let h = hash.0;
    [h as u32, (h >> 32) as u32, (h >> 64) as u32, (h >> 96) as u32, number]
}

fn raw_table_hash(entry: &RawEntry) -> u64 {
    u64::from(entry[0]) | u64::from(entry[1]) << 32
}

impl Registry {
    #[cfg(test)]
    pub(crate) fn new() -> Self {
        Self::limited(SeriesLimits::UNBOUNDED, Arc::default())
    }

    pub(crate) fn new_secret() -> Secret {
        let mut secret = [0; SECRET_BYTES];
        for piece in secret.chunks_mut(32) {
            piece.copy_from_slice(&stdx::Rng::system_bytes::<32>());
        }
        secret
    }

    pub(crate) fn limited(limits: SeriesLimits, lasting: Arc<Lasting>) -> Self {
        Self {
            secret: Self::new_secret(),
            seed: u64::from_le_bytes(stdx::Rng::system_bytes::<8>()),
            raw: (0..SHARDS).map(|_| Mutex::new(HashTable::new())).collect(),
            inner: RwLock::new(Inner::default()),
            limits,
            lasting,
            bytes: AtomicUsize::new(0),
        }
    }

    /// Returns an empty registry with the same limits.
    pub(crate) fn renewed(&self) -> Self {
        self.lasting.pressed.store(false, Ordering::Relaxed);
        Self::limited(self.limits, self.lasting.clone())
    }

    /// Notes that there was no room.
    pub(crate) fn press(&self) {
        self.lasting.press();
    }

    /// Says whether a series was refused since the registry was renewed last.
    pub(crate) fn is_pressed(&self) -> bool {
        self.lasting.pressed.load(Ordering::Relaxed)
    }

    /// Hashes a key as a client sent it.
    #[inline]
    pub(crate) fn raw_hash(&self, raw: &[u8]) -> RawHash {
        RawHash::of(raw, &self.secret)
    }

    /// Hashes a key as a client sent it, behind a prefix: the key's own hash with the prefix in
    /// front of it, hashed again, so that a long key need not be copied behind its prefix.
    #[inline]
    pub(crate) fn raw_hash_prefixed(&self, prefix: u64, raw: &[u8]) -> RawHash {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&prefix.to_le_bytes());
        bytes[8..].copy_from_slice(&self.raw_hash(raw).0.to_le_bytes());
        self.raw_hash(&bytes)
    }

    /// Returns the number of a key that was seen before in this form.
    #[inline]
    pub(crate) fn find_raw(&self, hash: RawHash) -> Option<u32> {
        let entry = raw_words(hash, 0);
        let shard = &self.raw[entry[3] as usize % SHARDS];
        let table = shard.lock();
        table.find(raw_table_hash(&entry), |e| e[..4] == entry[..4]).map(|e| e[4])
    }

    fn remember_raw(&self, hash: RawHash, number: u32, series: usize) {
        let entry = raw_words(hash, number);
        let mut table = self.raw[entry[3] as usize % SHARDS].lock();
        if table.len() * SHARDS > 4 * series + 100_000 {
            // Someone sends the same series in ever new forms; the map is a cache, so let it go.
            table.clear();
        }
        if table.find(raw_table_hash(&entry), |e| e[..4] == entry[..4]).is_none() {
            table.insert_unique(raw_table_hash(&entry), entry, raw_table_hash);
        }
    }

    /// Returns the number of a series, giving it one when it is new and there is room for it; `key`
    /// must be canonical.
    ///
    /// # Errors
    /// [`OverBudget`] says whose room is used up. A series that has a number keeps it.
    pub(crate) fn register_within_limits(
        &self,
        raw: Option<RawHash>,
        key: &SeriesKey,
        kind: Kind,
    ) -> Result<u32, OverBudget> {
        let inner = self.inner.read();
        let Some((of, full, share)) =
            inner.full(key, self.lasting.group(key.tenant), &self.limits, self.seed)
        else {
            drop(inner);
            return Ok(self.register(raw, key, kind));
        };
        // Not under the lock for writing: an explosion asks this again and again.
        if let Some(number) = inner.find(key, kind, self.seed) {
            let series = inner.series.len();
            drop(inner);
            if let Some(raw) = raw {
                self.remember_raw(raw, number, series);
            }
            return Ok(number);
        }
        let culprit = self.lasting.refuse(key, || inner.culprit(key, self.seed));
        let namespace = key.namespace.clone();
        Err(OverBudget { of, namespace, series: full.series, share, culprit })
    }

    /// Has a tenant share the budget of another one.
    pub(crate) fn share_budget(&self, tenant: TenantId, with: TenantId) {
        self.lasting.groups.write().insert(tenant, with);
        let mut inner = self.inner.write();
        let Inner { uses, account_uses, account_namespaces, .. } = &mut *inner;
        account_uses.clear();
        account_namespaces.clear();
        for ((tenant, _), used) in uses.iter() {
            let group = self.lasting.group(*tenant);
            let all = account_uses.entry(group).or_default();
            all.series += used.series;
            all.bytes += used.bytes;
            *account_namespaces.entry(group).or_default() += 1;
        }
    }

    /// Returns what each namespace has, and what it was refused.
    pub(crate) fn uses(&self) -> Vec<NamespaceUse> {
        let mut all: BTreeMap<(TenantId, String), NamespaceUse> = BTreeMap::new();
        let none = |tenant, namespace: &str| NamespaceUse {
            tenant,
            namespace: namespace.to_owned(),
            series: 0,
            bytes: 0,
            refused: 0,
            culprit: None,
        };
        {
            let inner = self.inner.read();
            for (&(tenant, symbol), used) in &inner.uses {
                let namespace = if symbol == NO_SYMBOL { "" } else { inner.symbols.get(symbol) };
                let one = all
                    .entry((tenant, namespace.to_owned()))
                    .or_insert_with(|| none(tenant, namespace));
                (one.series, one.bytes) = (used.series, used.bytes);
            }
        }
        for ((tenant, namespace), refused) in &*self.lasting.by_namespace.lock() {
            let one =
                all.entry((*tenant, namespace.clone())).or_insert_with(|| none(*tenant, namespace));
            (one.refused, one.culprit) = (refused.count, refused.culprit.clone());
        }
        all.into_values().collect()
    }

    /// Returns the number of a series, giving it one when it is new; `key` must be canonical.
    pub(crate) fn register(&self, raw: Option<RawHash>, key: &SeriesKey, kind: Kind) -> u32 {
        let group = self.lasting.group(key.tenant);
        let mut inner = self.inner.write();
        let number = inner.register(key, kind, group, self.seed);
        let series = inner.series.len();
        self.bytes.store(inner.all_uses.bytes as usize, Ordering::Relaxed);
        drop(inner);
        if let Some(raw) = raw {
            self.remember_raw(raw, number, series);
        }
        number
    }

    /// Returns the bytes of all series and their index, roughly.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn len(&self) -> usize {
        self.inner.read().series.len()
    }

    /// Returns the identity behind a number.
    #[cfg(test)]
    pub(crate) fn key(&self, number: u32) -> (SeriesKey, Kind) {
        self.inner.read().key(number)
    }

    pub(crate) fn kind(&self, number: u32) -> Kind {
        self.inner.read().series[number as usize].kind
    }

    /// Appends the canonical bytes of each number's key and its end; one lock for all.
    pub(crate) fn encode_keys(&self, numbers: &[u32], bytes: &mut Vec<u8>, ends: &mut Vec<usize>) {
        let inner = self.inner.read();
        for &number in numbers {
            inner.encode_key(number, bytes);
            ends.push(bytes.len());
        }
    }

    /// Shows the canonical bytes of each number's key, with its place among the numbers.
    pub(crate) fn for_keys(&self, numbers: &[u32], mut show: impl FnMut(usize, &[u8])) {
        let mut key = Vec::new();
        for (n, slice) in numbers.chunks(KEYS_AT_ONCE).enumerate() {
            // Births wait for the lock, so it is not held for all.
            let inner = self.inner.read();
            for (at, &number) in slice.iter().enumerate() {
                key.clear();
                inner.encode_key(number, &mut key);
                show(n * KEYS_AT_ONCE + at, &key);
            }
        }
    }

    /// Says whether series have values of one kind.
    pub(crate) fn is_one_kind(&self, numbers: &[u32]) -> bool {
        let inner = self.inner.read();
        let mut kinds = numbers.iter().map(|&number| inner.series[number as usize].kind);
        let first = kinds.next();
        kinds.all(|kind| Some(kind) == first)
    }

    /// Sorts numbers by tenant, namespace and name only: cheap, and what follows sorts within.
    pub(crate) fn group(&self, numbers: Vec<u32>) -> Vec<(Kind, Vec<u32>)> {
        let inner = self.inner.read();
        let mut groups: HashMap<(Kind, TenantId, u32, u32), Vec<u32>> = HashMap::new();
        for number in numbers {
            let entry = inner.series[number as usize];
            let (namespace, name) = inner.head_symbols(&entry);
            groups.entry((entry.kind, entry.tenant, namespace, name)).or_default().push(number);
        }
        // The canonical bytes of one member order the groups as they order all members.
        let mut keyed: Vec<(Vec<u8>, Kind, Vec<u32>)> = groups
            .into_iter()
            .map(|((kind, ..), numbers)| {
                let mut bytes = Vec::new();
                inner.encode_group_key(numbers[0], &mut bytes);
                (bytes, kind, numbers)
            })
            .collect();
        keyed.sort_unstable_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        keyed.into_iter().map(|(_, kind, numbers)| (kind, numbers)).collect()
    }

    /// Returns the front of the canonical bytes of a series: tenant, namespace and name.
    pub(crate) fn group_front(&self, number: u32) -> Vec<u8> {
        let mut front = Vec::new();
        self.inner.read().encode_group_key(number, &mut front);
        front
    }

    /// Returns the numbers of all series of a metric, of any unit unless it names one.
    pub(crate) fn find_all(&self, metric: &MetricKey<'_>) -> Vec<u32> {
        let units = metric.unit.as_ref().map_or(Unit::ALL, std::slice::from_ref);
        self.inner.read().find_in_units(metric, units, self.seed, |_| true)
    }

    /// Returns numbers that all matchers take.
    pub(crate) fn select(&self, tenant: TenantId, matchers: &[crate::Matcher]) -> Vec<u32> {
        let inner = self.inner.read();
        let index = TenantIndex { inner: &inner, tenant, seed: self.seed };
        match crate::matcher::select(&index, matchers) {
            Ok(found) => found,
            Err(never) => match never {},
        }
    }

    /// Calls `read` with the index over a tenant's labels.
    pub(crate) fn with_index<T>(
        &self,
        tenant: TenantId,
        read: impl FnOnce(&TenantIndex<'_>) -> Result<T, Infallible>,
    ) -> T {
        let inner = self.inner.read();
        match read(&TenantIndex { inner: &inner, tenant, seed: self.seed }) {
            Ok(found) => found,
            Err(never) => match never {},
        }
    }

    /// Shows every label of a tenant, virtual ones included; with all its values, in the order of
    /// their birth, where `wanted` says so.
    pub(crate) fn for_labels(
        &self,
        tenant: TenantId,
        wanted: impl Fn(&str) -> bool,
        mut show: impl FnMut(&str, &[&str]),
    ) {
        let inner = self.inner.read();
        let of_tenant = inner.labels.iter().filter(|((t, _), _)| *t == tenant);
        for ((_, name), pairs) in of_tenant {
            let name = inner.symbols.get(*name);
            let value = |&pair: &u32| inner.symbols.get(inner.pairs[pair as usize].value);
            let values: Vec<&str> = match wanted(name) {
                true => pairs.iter().map(value).collect(),
                false => Vec::new(),
            };
            show(name, &values);
        }
    }

    /// Returns the bytes that the registry holds: what the estimate is held against.
    #[cfg(test)]
    fn heap_bytes(&self) -> usize {
        let inner = self.inner.read();
        let raw: usize = self.raw.iter().map(|t| t.lock().capacity() * 21).sum();
        raw + inner.symbols.bytes.capacity()
            + inner.symbols.ends.capacity() * 4
            + inner.symbols.table.capacity() * 5
            + inner.pairs.capacity() * (size_of::<Pair>() + 5 + size_of::<Postings>())
            + inner.postings.iter().map(Postings::heap_bytes).sum::<usize>()
            + inner.series.capacity() * (size_of::<Entry>() + 9)
            + inner.pair_lists.capacity() * 4
    }
}

impl Lasting {
    fn group(&self, tenant: TenantId) -> TenantId {
        self.groups.read().get(&tenant).copied().unwrap_or(tenant)
    }

    /// Notes that there was no room, so that dead series are looked for.
    pub(crate) fn press(&self) {
        self.pressed.store(true, Ordering::Relaxed);
    }

    /// Counts a refusal and says which label is to blame; `look` finds it, and is not asked each
    /// time.
    fn refuse(
        &self,
        key: &SeriesKey,
        look: impl FnOnce() -> Option<Culprit>,
    ) -> Option<Arc<Culprit>> {
        self.pressed.store(true, Ordering::Relaxed);
        let mut all = self.by_namespace.lock();
        let mut at = (key.tenant, key.namespace.clone());
        if !all.contains_key(&at) && all.len() >= REFUSALS_MAX {
            at.1 = "(others)".into();
        }
        let refused = all.entry(at).or_default();
        if refused.count >= refused.look_again {
            refused.culprit = look().map(Arc::new);
            refused.look_again = refused.count + 100_000;
        }
        refused.count += 1;
        refused.culprit.clone()
    }
}

impl Inner {
    /// Says whose room a further series would exceed, with what is there and what may be.
    fn full(
        &self,
        key: &SeriesKey,
        group: TenantId,
        limits: &SeriesLimits,
        seed: u64,
    ) -> Option<(BudgetOf, Use, crate::budget::Share)> {
        let namespace = match key.namespace.as_str() {
            "" => NO_SYMBOL,
            // A name that nobody wrote yet has no series either.
            name => self.symbols.find(name, seed).unwrap_or(NO_SYMBOL - 1),
        };
        let of_namespace = self.uses.get(&(key.tenant, namespace)).copied().unwrap_or_default();
        let of_tenant = self.account_uses.get(&group).copied().unwrap_or_default();
        let mut shares = [
            (BudgetOf::Namespace, of_namespace, limits.namespace),
            (BudgetOf::Tenant, of_tenant, limits.tenant),
            (BudgetOf::Store, self.all_uses, limits.store),
        ]
        .into_iter();
        if let Some(full) = shares.find(|(_, used, share)| used.fills(*share)) {
            return Some(full);
        }
        let namespaces = self.account_namespaces.get(&group).copied().unwrap_or_default();
        if of_namespace.series == 0 && namespaces >= NAMESPACES_MAX {
            let share = crate::budget::Share { series: namespaces, bytes: u64::MAX };
            return Some((BudgetOf::Namespaces, Use { series: namespaces, bytes: 0 }, share));
        }
        // What numbers of 32 bits can tell is a bound of its own.
        let labels: usize = key.labels.iter().map(|(n, v)| n.len() + v.len()).sum();
        let texts = self.symbols.bytes.len() + labels + key.name.len() + key.namespace.len();
        let listed = self.pair_lists.len() + key.labels.len() + 3;
        let bound = crate::budget::Share {
            series: if listed > PAIRS_LISTED_MAX { self.series.len() } else { usize::MAX },
            bytes: SYMBOL_BYTES_MAX as u64,
        };
        (texts > SYMBOL_BYTES_MAX || listed > PAIRS_LISTED_MAX).then_some((
            BudgetOf::Store,
            self.all_uses,
            bound,
        ))
    }

    /// Finds a series without making anything.
    fn find(&self, key: &SeriesKey, kind: Kind, seed: u64) -> Option<u32> {
        let metric = MetricKey::from(key);
        self.find_in_units(&metric, &[key.unit], seed, |found| found == kind).pop()
    }

    /// Returns the numbers of a metric's series in some units, of the kinds that are wanted.
    fn find_in_units(
        &self,
        metric: &MetricKey<'_>,
        units: &[Unit],
        seed: u64,
        is_wanted: impl Fn(Kind) -> bool,
    ) -> Vec<u32> {
        let tenant = metric.tenant;
        let pair = |name: &str, value: &str| self.find_pair(tenant, name, value, seed);
        let heads = [("__namespace__", metric.namespace), ("__name__", metric.name)];
        let labels = metric.labels.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        let front: Option<Vec<u32>> =
            heads.into_iter().filter(|(_, v)| !v.is_empty()).map(|(n, v)| pair(n, v)).collect();
        let back: Option<Vec<u32>> = labels.map(|(n, v)| pair(n, v)).collect();
        let (Some(front), Some(back)) = (front, back) else { return Vec::new() };
        let (mut found, mut list) = (Vec::new(), Vec::new());
        for &unit in units {
            list.clear();
            list.extend_from_slice(&front);
            if unit != Unit::None {
                let Some(pair) = pair("__unit__", unit.name()) else { continue };
                list.push(pair);
            }
            list.extend_from_slice(&back);
            for kind in Kind::ALL.into_iter().filter(|kind| is_wanted(*kind)) {
                let hash = identity_hash(tenant, kind, &list, seed);
                found.extend(self.find_listed(tenant, kind, &list, hash));
            }
        }
        found
    }

    fn find_pair(&self, tenant: TenantId, name: &str, value: &str, seed: u64) -> Option<u32> {
        let (name, value) = (self.symbols.find(name, seed)?, self.symbols.find(value, seed)?);
        let pair = Pair { tenant, name, value };
        let hash = pair_hash(pair, seed);
        self.pair_numbers.find(hash, |&n| self.pairs[n as usize] == pair).copied()
    }

    fn find_listed(&self, tenant: TenantId, kind: Kind, list: &[u32], hash: u32) -> Option<u32> {
        let same = |n: u32| {
            let e = &self.series[n as usize];
            e.tenant == tenant
                && e.kind == kind
                && self.pair_lists[e.start as usize..e.start as usize + e.len as usize] == *list
        };
        let found = self.by_identity.find(spread(hash), |&(h, n)| h == hash && same(n));
        found.map(|&(_, number)| number)
    }

    /// Looks at the newest series beside a refused one for the label that has the most values.
    fn culprit(&self, key: &SeriesKey, seed: u64) -> Option<Culprit> {
        let index = TenantIndex { inner: self, tenant: key.tenant, seed };
        let matchers = [crate::Matcher::equal("__namespace__", &key.namespace)];
        let Ok(numbers) = crate::matcher::select(&index, &matchers);
        let newest = &numbers[numbers.len().saturating_sub(CULPRIT_SERIES)..];
        let mut values: BTreeMap<u32, HashSet<u32>> = BTreeMap::new();
        for &number in newest {
            let entry = self.series[number as usize];
            let start = entry.start as usize;
            for &pair in &self.pair_lists[start..start + entry.len as usize] {
                let pair = self.pairs[pair as usize];
                values.entry(pair.name).or_default().insert(pair.value);
            }
        }
        let (name, values) = values
            .into_iter()
            .map(|(name, values)| (name, values.len()))
            .max_by_key(|(_, values)| *values)?;
        let label = match self.symbols.get(name) {
            "__name__" => "the metric's name",
            other => other,
        };
        (values > 1 && values * CULPRIT_SHARE >= newest.len()).then(|| Culprit {
            label: label.to_owned(),
            values,
            series: newest.len(),
        })
    }

    fn pair(&mut self, tenant: TenantId, name: &str, value: &str, seed: u64) -> u32 {
        let pair = Pair {
            tenant,
            name: self.symbols.intern(name, seed),
            value: self.symbols.intern(value, seed),
        };
        let hash = pair_hash(pair, seed);
        let pairs = &self.pairs;
        if let Some(&number) = self.pair_numbers.find(hash, |&n| pairs[n as usize] == pair) {
            return number;
        }
        let number = u32::try_from(self.pairs.len()).expect("fewer than 2^32 pairs");
        self.pair_numbers.insert_unique(hash, number, |&n| pair_hash(pairs[n as usize], seed));
        self.pairs.push(pair);
        self.postings.push(Postings::default());
        self.labels.entry((tenant, pair.name)).or_default().push(number);
        number
    }

    fn register(&mut self, key: &SeriesKey, kind: Kind, group: TenantId, seed: u64) -> u32 {
        let start = self.pair_lists.len();
        let before = (self.symbols.bytes.len(), self.pairs.len());
        let unit = if key.unit == Unit::None { "" } else { key.unit.name() };
        let heads = [
            ("__namespace__", key.namespace.as_str()),
            ("__name__", &key.name),
            ("__unit__", unit),
        ];
        let labels = key.labels.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        for (name, value) in heads.into_iter().filter(|(_, v)| !v.is_empty()).chain(labels) {
            let pair = self.pair(key.tenant, name, value, seed);
            self.pair_lists.push(pair);
        }
        let list = &self.pair_lists[start..];
        let hash = identity_hash(key.tenant, kind, list, seed);
        if let Some(number) = self.find_listed(key.tenant, kind, list, hash) {
            self.pair_lists.truncate(start);
            return number;
        }
        let number = u32::try_from(self.series.len()).expect("fewer than 2^32 series");
        let entry = Entry {
            start: u32::try_from(start).expect("fewer than 2^32 labels in all"),
            tenant: key.tenant,
            len: u16::try_from(list.len()).expect("doors limit the labels of a series"),
            kind,
        };
        self.series.push(entry);
        self.by_identity.insert_unique(spread(hash), (hash, number), |&(h, _)| spread(h));
        for at in start..self.pair_lists.len() {
            self.postings[self.pair_lists[at] as usize].push(number);
        }
        self.tenants.entry(key.tenant).or_default().push(number);
        let texts = self.symbols.bytes.len() - before.0;
        let pairs = self.pairs.len() - before.1;
        let bytes = texts + pairs * PAIR_BYTES + (self.pair_lists.len() - start) * LISTED_BYTES;
        let bytes = (bytes + SERIES_BYTES) as u64;
        let namespace = match key.namespace.as_str() {
            "" => NO_SYMBOL,
            name => self.symbols.intern(name, seed),
        };
        let of_namespace = self.uses.entry((key.tenant, namespace)).or_default();
        if of_namespace.series == 0 {
            *self.account_namespaces.entry(group).or_default() += 1;
        }
        of_namespace.add(bytes);
        self.account_uses.entry(group).or_default().add(bytes);
        self.all_uses.add(bytes);
        number
    }

    fn pairs_of(&self, entry: &Entry) -> impl Iterator<Item = (&str, &str)> {
        let list =
            &self.pair_lists[entry.start as usize..entry.start as usize + entry.len as usize];
        list.iter().map(|&pair| {
            let pair = &self.pairs[pair as usize];
            (self.symbols.get(pair.name), self.symbols.get(pair.value))
        })
    }

    /// Symbols of namespace and name, `u32::MAX` for none.
    fn head_symbols(&self, entry: &Entry) -> (u32, u32) {
        let mut symbols = (u32::MAX, u32::MAX);
        let list =
            &self.pair_lists[entry.start as usize..entry.start as usize + entry.len as usize];
        for &pair in list.iter().take(2) {
            let pair = &self.pairs[pair as usize];
            match self.symbols.get(pair.name) {
                "__namespace__" => symbols.0 = pair.value,
                "__name__" => symbols.1 = pair.value,
                _ => {}
            }
        }
        symbols
    }

    /// The front of the canonical bytes: tenant, namespace and name.
    fn encode_group_key(&self, number: u32, out: &mut Vec<u8>) {
        let entry = self.series[number as usize];
        let (mut namespace, mut name) = ("", "");
        for (label, value) in self.pairs_of(&entry).take(2) {
            match label {
                "__namespace__" => namespace = value,
                "__name__" => name = value,
                _ => {}
            }
        }
        out.extend_from_slice(&entry.tenant.0.to_be_bytes());
        stdx::varint::put_bytes(out, namespace.as_bytes());
        stdx::varint::put_bytes(out, name.as_bytes());
    }

    /// Appends what [`SeriesKey::encode`] would, without making a key.
    fn encode_key(&self, number: u32, out: &mut Vec<u8>) {
        self.encode_group_key(number, out);
        let entry = self.series[number as usize];
        let unit = self.pairs_of(&entry).take(3).find(|(n, _)| *n == "__unit__");
        let unit = unit.and_then(|(_, u)| u.parse::<Unit>().ok()).unwrap_or_default();
        out.push(unit as u8);
        let labels = || self.pairs_of(&entry).filter(|(n, _)| !model::VIRTUAL_NAMES.contains(n));
        stdx::varint::put_u64(out, labels().count() as u64);
        for (name, value) in labels() {
            stdx::varint::put_bytes(out, name.as_bytes());
            stdx::varint::put_bytes(out, value.as_bytes());
        }
    }

    #[cfg(test)]
    fn key(&self, number: u32) -> (SeriesKey, Kind) {
        let entry = self.series[number as usize];
        let mut key = SeriesKey {
            tenant: entry.tenant,
            namespace: String::new(),
            name: String::new(),
            unit: Unit::None,
            labels: Vec::with_capacity(entry.len as usize),
        };
        for (name, value) in self.pairs_of(&entry) {
            match name {
                "__namespace__" => value.clone_into(&mut key.namespace),
                "__name__" => value.clone_into(&mut key.name),
                "__unit__" => key.unit = value.parse().unwrap_or_default(),
                _ => key.labels.push((name.to_owned(), value.to_owned())),
            }
        }
        (key, entry.kind)
    }
}

pub(crate) struct TenantIndex<'a> {
    inner: &'a Inner,
    tenant: TenantId,
    seed: u64,
}

impl LabelIndex for TenantIndex<'_> {
    type Error = Infallible;

    fn all(&self) -> Result<Vec<u32>, Infallible> {
        Ok(self.inner.tenants.get(&self.tenant).map(Postings::to_vec).unwrap_or_default())
    }

    fn with_value(&self, label: &str, value: &str) -> Result<Vec<u32>, Infallible> {
        let find = || {
            let name = self.inner.symbols.find(label, self.seed)?;
            let value = self.inner.symbols.find(value, self.seed)?;
            let pair = Pair { tenant: self.tenant, name, value };
            let same = |&n: &u32| self.inner.pairs[n as usize] == pair;
            self.inner.pair_numbers.find(pair_hash(pair, self.seed), same)
        };
        Ok(find().map(|&n| self.inner.postings[n as usize].to_vec()).unwrap_or_default())
    }

    fn with_values(
        &self,
        label: &str,
        wanted: &mut dyn FnMut(&str, usize) -> bool,
        out: &mut Vec<u32>,
    ) -> Result<(), Infallible> {
        let inner = self.inner;
        let name = inner.symbols.find(label, self.seed);
        let pairs = name.and_then(|name| inner.labels.get(&(self.tenant, name)));
        for &pair in pairs.into_iter().flatten() {
            if wanted(inner.symbols.get(inner.pairs[pair as usize].value), out.len()) {
                inner.postings[pair as usize].append_to(out);
            }
        }
        Ok(())
    }

    fn label_sizes(&self) -> Result<Vec<(String, usize)>, Infallible> {
        let of_tenant = self.inner.labels.iter().filter(|((tenant, _), _)| *tenant == self.tenant);
        let named = of_tenant.map(|((_, name), pairs)| (self.inner.symbols.get(*name), pairs));
        Ok(named.map(|(name, pairs)| (name.to_owned(), pairs.len())).collect())
    }

    fn show_labels(&self, numbers: &[u32], show: &mut ShowLabels<'_>) -> Result<(), Infallible> {
        let mut labels = Vec::new();
        for &number in numbers {
            labels.clear();
            labels.extend(self.inner.pairs_of(&self.inner.series[number as usize]));
            show(number, &labels);
        }
        Ok(())
    }

    fn show_cost(&self, numbers: &[u32]) -> u64 {
        numbers.len() as u64 * 100
    }

    fn series_len(&self) -> usize {
        self.inner.tenants.get(&self.tenant).map_or(0, Postings::len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Matcher;

    fn key(tenant: u32, name: &str, labels: &[(&str, &str)]) -> SeriesKey {
        let mut key = SeriesKey {
            tenant: TenantId(tenant),
            namespace: "ns".into(),
            name: name.into(),
            unit: Unit::Count,
            labels: labels.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect(),
        };
        key.canonicalise().unwrap();
        key
    }

    #[test]
    fn prefixes_set_equal_keys_apart() {
        let registry = Registry::new();
        let hash = registry.raw_hash_prefixed(1, b"raw");
        assert_eq!(hash, registry.raw_hash_prefixed(1, b"raw"));
        assert_ne!(hash, registry.raw_hash_prefixed(2, b"raw"));
        assert_ne!(hash, registry.raw_hash_prefixed(1, b"row"));
        assert_ne!(hash, registry.raw_hash(b"raw"));
    }

    #[test]
    fn a_series_keeps_its_number_and_identity() {
        let registry = Registry::new();
        let a = key(1, "a", &[("x", "1")]);
        let hash = registry.raw_hash(b"raw form of a");
        assert_eq!(registry.find_raw(hash), None);
        let n = registry.register(Some(hash), &a, Kind::Delta);
        assert_eq!(registry.find_raw(hash), Some(n));
        assert_eq!(registry.register(None, &a, Kind::Delta), n);
        assert_ne!(registry.register(None, &a, Kind::Float), n, "a kind is a series of its own");
        assert_ne!(registry.register(None, &key(2, "a", &[("x", "1")]), Kind::Delta), n);
        assert_eq!(registry.key(n), (a.clone(), Kind::Delta));
        let (mut bytes, mut ends, mut expected) = (Vec::new(), Vec::new(), Vec::new());
        registry.encode_keys(&[n], &mut bytes, &mut ends);
        a.encode(&mut expected);
        assert_eq!(bytes, expected);
    }

    #[test]
    fn the_estimate_of_its_bytes_is_near_what_it_holds() {
        for (labels, values, long) in [(2, 10, 0), (10, 100_000, 0), (5, 100_000, 60)] {
            let registry = Registry::new();
            for n in 0..50_000usize {
                let labels: Vec<(String, String)> = (0..labels)
                    .map(|l| (l, if l == 0 { n } else { n * (l + 7) % values }))
                    .map(|(l, value)| (format!("label_{l}"), format!("{value:0long$}")))
                    .collect();
                let labels: Vec<(&str, &str)> =
                    labels.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
                let key = key(1, &format!("metric_{}", n % 500), &labels);
                let raw = registry.raw_hash(&n.to_le_bytes());
                registry.register(Some(raw), &key, Kind::Float);
            }
            // The first points of each series are in the estimate and not in the registry.
            let estimate = registry.bytes() - registry.len() * 64;
            let ratio = estimate as f64 / registry.heap_bytes() as f64;
            assert!((0.6..1.7).contains(&ratio), "{ratio} for {values} values of {labels} labels");
        }
    }

    #[test]
    fn matchers_select_by_labels_of_the_tenant() {
        let registry = Registry::new();
        let numbers: Vec<u32> = [
            key(1, "a", &[("x", "1"), ("y", "p")]),
            key(1, "a", &[("x", "2")]),
            key(1, "b", &[]),
            key(2, "a", &[("x", "1")]),
        ]
        .iter()
        .map(|k| registry.register(None, k, Kind::Float))
        .collect();
        let select = |matchers: &[Matcher]| registry.select(TenantId(1), matchers);
        assert_eq!(select(&[]), numbers[..3]);
        assert_eq!(select(&[Matcher::equal("__name__", "a")]), numbers[..2]);
        assert_eq!(select(&[Matcher::equal("x", "1")]), numbers[..1]);
        assert_eq!(select(&[Matcher::equal("x", "")]), numbers[2..3]);
        let not_1 = Matcher { negated: true, ..Matcher::equal("x", "1") };
        assert_eq!(select(&[not_1]), numbers[1..3]);
        assert_eq!(select(&[Matcher::equal("nowhere", "1")]), [0_u32; 0]);
    }
}
