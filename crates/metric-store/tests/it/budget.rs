//! New series have a budget; known ones go on.

use metric_store::{
    BudgetOf, FileStore, Matcher, MetricStore, OverBudget, ReadBudget, ReadLimits, SeriesLimits,
    Share, Step, StoreOptions,
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
            &ReadBudget::default(),
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
    let found = store.select(TenantId(1), &[], TimeRange::ALL, &ReadBudget::default()).unwrap();
    assert_eq!(found.len(), 50 + 25);
}

#[test]
fn writers_wait_while_memory_is_full_and_go_on_after_the_flush() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let options = StoreOptions { memory_bytes_max: 1 << 20, ..StoreOptions::default() };
    let journal = FileJournalOptions::default();
    let store = FileStore::open(Arc::new(disk), Path::new("/data"), journal, options).unwrap();
    let fill = |from: i64| {
        for n in from.. {
            let mut batch = store.batch();
            let series = batch.register(None, &key(1, "Shop", 1), Kind::Float).unwrap();
            for at in 0..10_000 {
                // Noise: nothing that packs well.
                let noise = ((n * 10_000 + at) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                let value = f64::from_bits(noise >> 2);
                batch.float(series, 5 * DAY + n * 10_000 + at, value);
            }
            match store.write(batch) {
                Ok(()) => assert!(n < from + 100, "a megabyte holds no million noisy points"),
                Err(error) => return (n, error.to_string()),
            }
        }
        unreachable!("the loop has no end");
    };
    let (written, refused) = fill(0);
    assert!(written > 5, "{written}");
    assert!(refused.contains("take") && refused.contains("at most 1048576 may"), "{refused}");
    // The flush comes before the limit where somebody looks after the store.
    assert_eq!(store.maintain(5 * DAY).unwrap(), Step::Flushed);
    assert!(fill(written).0 > written + 5);
    let found = store.select(TenantId(1), &[], TimeRange::ALL, &ReadBudget::default()).unwrap();
    assert!(found[0].points().unwrap().len() as i64 >= 2 * written * 10_000);
}

#[test]
fn lists_are_paid_for_too() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let store = store(&disk, SeriesLimits::UNBOUNDED);
    for n in 0..500 {
        put(&store, &key(1, "Shop", n), 5 * DAY).unwrap();
    }
    let within = |bytes_max| {
        let limits = ReadLimits { bytes_max, ..ReadLimits::default() };
        ReadBudget::new(limits, None)
    };
    for flushed in [false, true] {
        let few = within(20_000);
        let keys = store.keys(TenantId(1), &[], TimeRange::ALL, &few).unwrap_err().to_string();
        assert!(keys.contains("bytes of memory or more, at most 20000 may"), "{keys}");
        let labels = store.labels(TenantId(1), TimeRange::ALL, |_| true, &few).unwrap_err();
        assert!(labels.to_string().contains("at most 20000 may"), "{labels}");
        assert_eq!(few.taken(), 0, "what failed is given back");
        let names = store.labels(TenantId(1), TimeRange::ALL, |_| false, &few).unwrap();
        assert_eq!(names.len(), 4);
        let enough = within(1 << 20);
        assert_eq!(store.keys(TenantId(1), &[], TimeRange::ALL, &enough).unwrap().len(), 500);
        assert!(enough.taken() > 500 * 100);
        if !flushed {
            store.flush().unwrap();
        }
    }
}

#[test]
fn regions_of_an_account_share_its_budget() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let store = store(&disk, limits());
    for n in 0..40 {
        put(&store, &key(2, "Shop", n), 5 * DAY).unwrap();
    }
    store.share_budget(TenantId(2), TenantId(1));
    for (namespace, count) in [("Shop", 50), ("Bank", 30)] {
        for n in 0..count {
            put(&store, &key(1, namespace, n), 5 * DAY).unwrap();
        }
    }
    let refused = put(&store, &key(2, "Bank", 0), 5 * DAY).unwrap_err();
    assert_eq!((refused.of, refused.series), (BudgetOf::Tenant, 120));
    put(&store, &key(3, "Bank", 0), 5 * DAY).expect("another account has its own");
    // Also after a renewal.
    store.clear().unwrap();
    for n in 0..50 {
        put(&store, &key(1, "Shop", n), 5 * DAY).unwrap();
        put(&store, &key(2, "Shop", n), 5 * DAY).unwrap();
    }
    let born = (0..50).filter(|&n| put(&store, &key(2, "Bank", n), 5 * DAY).is_ok()).count();
    assert_eq!(born, 20);
}

#[test]
fn namespaces_of_an_account_are_bounded() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let store = store(&disk, SeriesLimits::UNBOUNDED);
    let mut batch = store.batch();
    for n in 0..10_000 {
        let series = batch.register(None, &key(1, &format!("ns{n}"), 0), Kind::Float).unwrap();
        batch.float(series, 5 * DAY, 1.0);
    }
    let refused = batch.register(None, &key(1, "one-more", 0), Kind::Float).unwrap_err();
    assert_eq!(refused.of, BudgetOf::Namespaces);
    let text = refused.to_string();
    assert!(text.starts_with("the account has 10000 namespaces in memory"), "{text}");
    batch.register(None, &key(1, "ns7", 1), Kind::Float).expect("old ones grow");
    batch.register(None, &key(2, "one-more", 0), Kind::Float).expect("others have their own");
    store.write(batch).unwrap();
    assert_eq!(store.namespace_uses().iter().filter(|u| u.series > 0).count(), 10_001);
}

#[test]
fn a_start_with_less_memory_takes_writes_again() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let first = store(&disk, SeriesLimits::UNBOUNDED);
    for n in 0..6_000 {
        put(&first, &key(1, "Shop", n), 5 * DAY).unwrap();
    }
    drop(first);
    let options = StoreOptions {
        memory_bytes_max: 1 << 20,
        series: SeriesLimits {
            store: Share { series: usize::MAX, bytes: 1 << 18 },
            ..SeriesLimits::UNBOUNDED
        },
        ..StoreOptions::default()
    };
    let journal = FileJournalOptions::default();
    let store = FileStore::open(Arc::new(disk), Path::new("/data"), journal, options).unwrap();
    assert!(store.status().memory_bytes > 1 << 20);
    let mut batch = store.batch();
    let series = batch.register(None, &key(1, "Shop", 1), Kind::Float).unwrap();
    batch.float(series, 5 * DAY + 1, 1.0);
    assert!(store.write(batch).is_err(), "the index alone is beyond the memory");
    while store.maintain(5 * DAY).unwrap() != Step::Nothing {}
    put(&store, &key(1, "Shop", 1), 5 * DAY + 1).unwrap();
    assert!(store.status().memory_bytes < 1 << 19);
    let found = store.keys(TenantId(1), &[], TimeRange::ALL, &ReadBudget::default()).unwrap();
    assert_eq!(found.len(), 6_000, "all that was acknowledged is there");
}

#[test]
fn a_question_for_one_series_pays_for_that_one() {
    let disk = SimDisk::new(1, CrashPlan::default());
    let store = store(&disk, SeriesLimits::UNBOUNDED);
    let whole = SeriesKey { labels: vec![("host".into(), "h1".into())], ..key(1, "Shop", 0) };
    put(&store, &whole, 5 * DAY).unwrap();
    for n in 0..50 {
        put(&store, &key(1, "Shop", 3 * n + 1), 5 * DAY).unwrap();
    }
    let few = ReadLimits { series_max: 1, points_max: 1, ..ReadLimits::default() };
    for flushed in [false, true] {
        let budget = ReadBudget::new(few, None);
        let found = store.find((&whole).into(), TimeRange::ALL, &budget).expect("one of one point");
        assert_eq!(found.len(), 1, "flushed {flushed}");
        store.flush().unwrap();
    }
}
