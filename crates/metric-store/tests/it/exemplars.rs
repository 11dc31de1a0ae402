//! Exemplars live as long as raw points, and hold neither the journal nor memory longer than that.

use metric_store::{
    Exemplar, FileStore, Keep, Matcher, MetricStore, ReadBudget, Retention, RetentionRule, Step,
    StoreOptions,
};
use model::{SeriesKey, TenantId, TimeRange, Unit};
use std::path::Path;
use std::sync::Arc;
use stdx::{CrashPlan, SimDisk};
use storage::FileJournalOptions;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
const TENANT: TenantId = TenantId(1);

fn disk() -> SimDisk {
    SimDisk::new(1, CrashPlan::default())
}

fn open(disk: &SimDisk, options: StoreOptions) -> MetricStore {
    let journal = FileJournalOptions { segment_bytes: 10_000, ..FileJournalOptions::default() };
    FileStore::open(Arc::new(disk.clone()), Path::new("/data"), journal, options).unwrap()
}

fn ten_days() -> StoreOptions {
    StoreOptions { retention_ms: 10 * DAY, trust_clock: true, ..StoreOptions::default() }
}

/// Writes exemplars without any sample.
fn write(store: &MetricStore, name: &str, times: impl Iterator<Item = i64>) {
    let key = SeriesKey {
        tenant: TENANT,
        namespace: String::new(),
        name: name.into(),
        unit: Unit::None,
        labels: Vec::new(),
    };
    let labels = vec![("trace_id".to_owned(), "0123456789abcdef".repeat(4))];
    let exemplar = |at_ms| Exemplar { at_ms, value: 1.0, labels: labels.clone() };
    let mut batch = store.batch();
    batch.exemplars(&key, &times.map(exemplar).collect::<Vec<_>>());
    store.write(batch).unwrap();
}

fn days(store: &MetricStore, name: &str) -> Vec<i64> {
    let selectors = [vec![Matcher::equal("__name__", name)]];
    let found = store.exemplars(TENANT, &selectors, TimeRange::ALL, &ReadBudget::default());
    found.unwrap().iter().flat_map(|of| &of.exemplars).map(|e| e.at_ms.div_euclid(DAY)).collect()
}

#[test]
fn they_are_gone_with_raw_points() {
    let disk = disk();
    let store = open(&disk, ten_days());
    write(&store, "m", (95..=100).map(|day| day * DAY));
    write(&store, "short", (95..=100).map(|day| day * DAY));
    assert_eq!(days(&store, "m"), [95, 96, 97, 98, 99, 100], "no time is believed yet");
    let default = Retention::of_options(&ten_days()).default;
    let keep = Keep { raw_ms: 2 * DAY, ..default };
    let matchers = vec![Matcher::equal("__name__", "short")];
    let rule = RetentionRule { name: "short".into(), tenant: TENANT, matchers, keep };
    store.maintain(100 * DAY).unwrap();
    store.set_retention(Retention { rules: vec![rule], default }).unwrap();
    assert_eq!(days(&store, "short"), [98, 99, 100], "at once");
    assert_eq!(store.exemplar_status().count, 12);
    store.maintain(107 * DAY + HOUR).unwrap();
    assert_eq!((days(&store, "m"), days(&store, "short")), (vec![97, 98, 99, 100], vec![]));
    assert_eq!(store.exemplar_status().count, 4, "and their memory is free");
    store.flush().unwrap();
    drop(store);
    let disk = disk.after_kill();
    let store = open(&disk, ten_days());
    assert_eq!(store.exemplar_status().count, 4);
    store.maintain(120 * DAY).unwrap();
    assert_eq!(store.exemplar_status().bytes, 0);
    store.flush().unwrap();
    assert_eq!(disk.list_names("/data/metrics", ".part"), 0, "no file of none");
}

#[test]
fn without_samples_the_journal_is_let_go_all_the_same() {
    let disk = disk();
    let options = StoreOptions { journal_bytes_max: 50_000, exemplars_max: 20, ..ten_days() };
    let store = open(&disk, options);
    let now_ms = 100 * DAY;
    let (mut largest, mut flushes) = (0, 0);
    for n in 0..2_000 {
        write(&store, "m", [now_ms + n].into_iter());
        flushes += usize::from(store.maintain(now_ms + n).unwrap() == Step::Flushed);
        largest = largest.max(store.status().journal_bytes);
    }
    assert!(largest < 100_000 && flushes > 3, "{largest} bytes, {flushes} flushes");
    assert_eq!(
        disk.list_names("/data/metrics", ".exemplars.part"),
        1,
        "each takes the last's place"
    );
    let status = store.exemplar_status();
    assert_eq!((status.count, status.evicted), (20, 1_980));
    // What has not changed is not written again.
    store.flush().unwrap();
    let name = disk.first_name("/data/metrics", ".exemplars.part");
    store.flush().unwrap();
    assert_eq!(disk.first_name("/data/metrics", ".exemplars.part"), name);
    store.clear().unwrap();
    assert_eq!(disk.list_names("/data/metrics", ".part"), 0);
    drop(store);
    assert_eq!(open(&disk.after_power_loss(), options).exemplar_status().count, 0);
}
