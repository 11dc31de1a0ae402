//! New series have a budget; known ones go on.

use metric_store::{
    BudgetOf, FileStore, Matcher, MetricStore, OverBudget, ReadLimits, SeriesLimits, Share, Step,
    StoreOptions,
};
use model::{Kind, SeriesKey, TenantId, TimeRange, Unit};
use std::path::Path;
use std::sync::Arc;
use stdx::{CrashPlan, SimDisk};
use storage::FileJournalOptions;

const DAY: i64 = 86_400_000;
const MINUTE: i64 = 60_000;

fn share(series: usize) -> Share {
    Share { series, bytes: u64::MAX }
}

fn store(disk: &SimDisk, series: SeriesLimits) -> MetricStore {
    let options = StoreOptions { series, ..StoreOptions::default() };
    let journal = FileJournalOptions::default();
    FileStore::open(Arc::new(disk.clone()), Path::new("/data"), journal, options).unwrap()
}

fn key(tenant: u32, namespace: &str, request: usize) -> SeriesKey {
    SeriesKey {
        tenant: TenantId(tenant),
        namespace: namespace.into(),
        name: "Latency".into(),
        unit: Unit::None,
        labels: vec![
            ("host".into(), format!("h{}", request % 3)),
            ("request_id".into(), format!("{request:08}")),
        ],
    }
}

/// Writes one point of a series.
fn put(store: &MetricStore, key: &SeriesKey, at_ms: i64) -> Result<(), OverBudget> {
    let mut batch = store.batch();
    let series = batch.register(None, key, Kind::Float)?;
    batch.float(series, at_ms, 1.0);
    store.write(batch).unwrap();
    Ok(())
}

fn limits() -> SeriesLimits {
    SeriesLimits { store: share(200), tenant: share(120), namespace: share(50) }
}

#[test]
fn an_explosion_takes_its_own_namespace_and_names_the_label() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let store = store(&disk, limits());
    let refused: Vec<OverBudget> =
        (0..300).filter_map(|n| put(&store, &key(1, "Shop", n), 5 * DAY).err()).collect();
    assert_eq!(refused.len(), 250);
    let first = &refused[0];
    assert_eq!((first.of, first.series), (BudgetOf::Namespace, 50));
    assert_eq!(
        first.to_string(),
        "namespace \"Shop\" has 50 series in memory and may have 50; label \"request_id\" makes \
         most of them: 50 values in the newest 50 series"
    );
    // Known ones go on, other namespaces and tenants are born.
    put(&store, &key(1, "Shop", 7), 5 * DAY + 1).unwrap();
    put(&store, &key(1, "Bank", 0), 5 * DAY).unwrap();
    put(&store, &key(1, "", 0), 5 * DAY).unwrap();
    put(&store, &key(2, "Shop", 0), 5 * DAY).unwrap();
    let uses = store.namespace_uses();
    let shop = uses.iter().find(|u| u.tenant == TenantId(1) && u.namespace == "Shop").unwrap();
    assert_eq!((shop.series, shop.refused), (50, 250));
    assert_eq!(shop.culprit.as_ref().unwrap().label, "request_id");
    assert!(shop.bytes > 50 * 100 && shop.bytes < 50 * 1000, "{}", shop.bytes);
    // The last frame of the tenant's budget, then the store's.
    for n in 0..48 {
        put(&store, &key(1, "Bank", n + 1), 5 * DAY).unwrap();
    }
    let of_tenant = (0..50).find_map(|n| put(&store, &key(1, "Mill", n), 5 * DAY).err()).unwrap();
    assert_eq!((of_tenant.of, of_tenant.series), (BudgetOf::Tenant, 120));
    assert!(of_tenant.to_string().starts_with("the account has 120 series"), "{of_tenant}");
    let of_store = (0..600)
        .find_map(|n| put(&store, &key(2 + n / 40, "Mill", n as usize), 5 * DAY).err())
        .unwrap();
    assert_eq!((of_store.of, of_store.series), (BudgetOf::Store, 200));
}

#[test]
fn long_labels_are_bounded_by_their_bytes() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let bytes = SeriesLimits {
        namespace: Share { series: 1_000_000, bytes: 1 << 20 },
        ..SeriesLimits::UNBOUNDED
    };
    let store = store(&disk, bytes);
    let long = |n: usize| {
        let mut key = key(1, "Shop", n);
        key.labels[1].1 = format!("{n:040000}");
        key
    };
    let born = (0..100).take_while(|&n| put(&store, &long(n), 5 * DAY).is_ok()).count();
    assert!((26..=27).contains(&born), "{born}");
    let refused = put(&store, &long(99), 5 * DAY).unwrap_err().to_string();
    assert!(refused.contains("whose labels take the 1048576 bytes"), "{refused}");
}

#[test]
fn what_was_acknowledged_comes_back_beyond_a_lowered_limit() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let first = store(&disk, SeriesLimits::UNBOUNDED);
    for n in 0..80 {
        put(&first, &key(1, "Shop", n), 5 * DAY).unwrap();
    }
    drop(first);
    let store = store(&disk, limits());
    let found = store
        .select(
            TenantId(1),
            &[Matcher::equal("__name__", "Latency")],
            TimeRange::ALL,
            ReadLimits::default(),
        )
        .unwrap();
    assert_eq!(found.len(), 80);
    put(&store, &key(1, "Shop", 79), 5 * DAY + 1).unwrap();
    assert!(put(&store, &key(1, "Shop", 80), 5 * DAY + 1).is_err());
}

#[test]
fn room_that_dead_series_take_comes_back() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let store = store(&disk, limits());
    let mut now = 5 * DAY;
    let keep_up = |now: i64| while store.maintain(now).unwrap() != Step::Nothing {};
    keep_up(now);
    for n in 0..50 {
        put(&store, &key(1, "Shop", n), now).unwrap();
    }
    assert!(put(&store, &key(1, "Shop", 50), now).is_err());
    store.flush().unwrap();
    // Half of them live on, and for some time that is all there is room for.
    let mut refused = 0;
    for _ in 0..120 {
        now += MINUTE;
        for n in 0..25 {
            put(&store, &key(1, "Shop", n), now).unwrap();
        }
        if put(&store, &key(1, "Shop", 51), now).is_ok() {
            break;
        }
        refused += 1;
        keep_up(now);
    }
    assert!((20..=40).contains(&refused), "{refused}");
    let uses = store.namespace_uses();
    assert_eq!((uses[0].series, uses[0].refused), (26, refused + 1));
    for n in 60..84 {
        put(&store, &key(1, "Shop", n), now).unwrap();
    }
    assert!(put(&store, &key(1, "Shop", 99), now).is_err());
    let found = store.select(TenantId(1), &[], TimeRange::ALL, ReadLimits::default()).unwrap();
    assert_eq!(found.len(), 50 + 25);
}
