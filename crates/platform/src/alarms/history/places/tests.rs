//! Pages are what a slow reader of everything would show, and cost what they return.

use super::*;
use crate::alarms::history::HistoryType;
use catalog::{CatalogError, Entry, RedbCatalog};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use stdx::{CrashPlan, Disk, SimDisk};

const DAY_MS: i64 = 86_400_000;

/// Counts the entries that are read.
#[derive(Debug)]
struct Counting(RedbCatalog, AtomicUsize);

impl Counting {
    fn new() -> Self {
        let disk: Arc<dyn Disk> = Arc::new(SimDisk::new(1, CrashPlan::default()));
        let catalog = RedbCatalog::open(&disk, Path::new("/c")).expect("a catalog");
        Self(catalog, AtomicUsize::new(0))
    }

    fn counted<T>(
        &self,
        found: Result<T, CatalogError>,
        many: impl Fn(&T) -> usize,
    ) -> Result<T, CatalogError> {
        self.1.fetch_add(found.as_ref().map_or(0, many), Ordering::Relaxed);
        found
    }

    fn read(&self) -> usize {
        self.1.swap(0, Ordering::Relaxed)
    }
}

type Pairs = Vec<(String, Vec<u8>)>;

impl Catalog for Counting {
    fn get(&self, table: &'static str, key: &str) -> Result<Option<Vec<u8>>, CatalogError> {
        self.counted(self.0.get(table, key), |_| 1)
    }

    fn scan(&self, table: &'static str, prefix: &str) -> Result<Pairs, CatalogError> {
        self.counted(self.0.scan(table, prefix), Vec::len)
    }

    fn page(
        &self,
        table: &'static str,
        prefix: &str,
        after: &str,
        max: usize,
    ) -> Result<Pairs, CatalogError> {
        self.counted(self.0.page(table, prefix, after, max), Vec::len)
    }

    fn page_back(
        &self,
        table: &'static str,
        prefix: &str,
        before: &str,
        max: usize,
    ) -> Result<Pairs, CatalogError> {
        self.counted(self.0.page_back(table, prefix, before, max), Vec::len)
    }

    fn entries(&self) -> Result<Vec<Entry>, CatalogError> {
        self.0.entries()
    }

    fn write(&self, changes: Vec<Change>) -> Result<(), CatalogError> {
        self.0.write(changes)
    }

    fn watch(&self, seen: u64, wait: Duration) -> u64 {
        self.0.watch(seen, wait)
    }
}

fn item(alarm: &str, at_ms: i64, n: u64) -> HistoryShown {
    let what = if n.is_multiple_of(3) { HistoryType::Action } else { HistoryType::StateUpdate };
    HistoryShown {
        alarm: alarm.to_owned(),
        is_composite: alarm.starts_with('c'),
        at_ms,
        what,
        summary: n.to_string(),
        data: String::new(),
        contributor: Vec::new(),
    }
}

const ALARMS: [&str; 5] = ["a", "a/0000000000000005", "b", "c", "é"];

/// Several items of one moment, several alarms, and another tenant's between them.
fn fill(catalog: &dyn Catalog, many: u64) {
    for tenant in [1, 2, 3] {
        let of = |n: u64| {
            let alarm = ALARMS[(n * n % 7 % 5) as usize];
            changes(TenantId(tenant), &item(alarm, (n / 4) as i64, n), n)
        };
        catalog.write((0..many).flat_map(of).collect()).expect("write");
    }
}

fn summaries(page: &HistoryPage) -> Vec<u64> {
    page.items.iter().map(|item| item.summary.parse().expect("a number")).collect()
}

/// All pages of a filter, joined.
fn paged(catalog: &dyn Catalog, filter: &HistoryFilter, size: usize) -> Vec<u64> {
    let mut filter = HistoryFilter { limit: Some(size), ..filter.clone() };
    let mut all = Vec::new();
    loop {
        let page = page(catalog, TenantId(2), &filter).expect("a page");
        assert!(page.items.len() <= size);
        all.extend(summaries(&page));
        match page.next {
            Some(next) => filter.behind = Some(next),
            None => return all,
        }
    }
}

#[test]
fn pages_hold_what_fits_in_order_and_each_once() {
    let catalog = Counting::new();
    fill(&catalog, 300);
    let whats = [None, Some(HistoryType::Action), Some(HistoryType::ConfigurationUpdate)];
    let alarms = ALARMS.into_iter().map(Some).chain([None, Some("nobody"), Some("")]);
    for alarm in alarms {
        for what in whats {
            for (start_ms, end_ms) in [(None, None), (Some(20), Some(40)), (Some(41), Some(40))] {
                for is_ascending in [false, true] {
                    let filter = HistoryFilter {
                        alarm: alarm.map(str::to_owned),
                        what,
                        start_ms,
                        end_ms,
                        is_ascending,
                        ..HistoryFilter::default()
                    };
                    // Slow, and plain to see.
                    let mut wanted: Vec<u64> = (0..300)
                        .filter(|n: &u64| {
                            let of = item(ALARMS[(n * n % 7 % 5) as usize], (n / 4) as i64, *n);
                            alarm.is_none_or(|alarm| alarm == of.alarm)
                                && what.is_none_or(|what| what == of.what)
                                && start_ms.is_none_or(|start| start <= of.at_ms)
                                && end_ms.is_none_or(|end| of.at_ms <= end)
                        })
                        .collect();
                    if !is_ascending {
                        wanted.reverse();
                    }
                    for size in [1, 7, 1_000] {
                        assert_eq!(paged(&catalog, &filter, size), wanted, "{filter:?}, {size}");
                    }
                }
            }
        }
    }
}

#[test]
fn times_beyond_all_times_bound_nothing_or_all() {
    let catalog = Counting::new();
    fill(&catalog, 20);
    for is_ascending in [false, true] {
        let many = |start_ms, end_ms| {
            let filter = HistoryFilter {
                start_ms: Some(start_ms),
                end_ms: Some(end_ms),
                is_ascending,
                ..HistoryFilter::default()
            };
            page(&catalog, TenantId(1), &filter).expect("a page").items.len()
        };
        assert_eq!(many(i64::MIN, i64::MAX), 20);
        assert_eq!((many(i64::MAX, i64::MAX), many(i64::MIN, -1)), (0, 0));
    }
}

#[test]
fn a_page_goes_on_where_it_was_whatever_came_meanwhile() {
    let catalog = Counting::new();
    fill(&catalog, 40);
    let filter = HistoryFilter { limit: Some(5), ..HistoryFilter::default() };
    let first = page(&catalog, TenantId(2), &filter).expect("a page");
    assert_eq!(summaries(&first), [39, 38, 37, 36, 35]);
    catalog.write(changes(TenantId(2), &item("a", 99, 40), 40).into()).expect("write");
    let filter = HistoryFilter { behind: first.next, ..filter };
    assert_eq!(
        summaries(&page(&catalog, TenantId(2), &filter).expect("a page")),
        [34, 33, 32, 31, 30]
    );
    let next = first.next.expect("a next page");
    assert_eq!(HistoryPlace::of_bytes(&next.to_bytes()), Some(next));
    assert_eq!(HistoryPlace::of_bytes(&next.to_bytes()[1..]), None);
}

#[test]
fn a_page_costs_what_it_returns() {
    let catalog = Counting::new();
    let busy = |n: u64| changes(TenantId(1), &item("busy", n as i64, n), n);
    catalog.write((0..20_000).flat_map(busy).collect()).expect("write");
    let quiet = |n: u64| changes(TenantId(1), &item("quiet", 5_000 * n as i64, n), n | 1 << 20);
    catalog.write((0..4).flat_map(quiet).collect()).expect("write");
    let ask = |alarm: Option<&str>, behind, what| {
        let alarm = alarm.map(str::to_owned);
        let limit = Some(100);
        let filter = HistoryFilter { alarm, behind, what, limit, ..HistoryFilter::default() };
        let page = page(&catalog, TenantId(1), &filter).expect("a page");
        (page.items.len(), catalog.read(), page.next)
    };
    let (found, read, next) = ask(Some("quiet"), None, None);
    assert_eq!((found, next), (4, None));
    assert!(read <= 8, "{read} entries for four items");
    for alarm in [None, Some("busy")] {
        let (found, read, next) = ask(alarm, None, None);
        assert!(found == 100 && read <= 230, "{read} entries for a page");
        let (found, read, _) = ask(alarm, next, None);
        assert!(found == 100 && read <= 230, "{read} entries for the next one");
    }
    // What is looked for in vain ends after so many, and says that there is more.
    let (found, read, next) = ask(None, None, Some(HistoryType::ConfigurationUpdate));
    assert!(found == 0 && next.is_some() && read < 12_000, "{read} entries for nothing");
}

#[test]
fn what_is_too_old_goes_and_the_younger_is_not_looked_at() {
    let catalog = Counting::new();
    let now_ms = 200 * DAY_MS;
    for tenant in [1, 5] {
        let of = |n: u64| changes(TenantId(tenant), &item("a", n as i64 * DAY_MS / 10, n), n);
        catalog.write((0..2_000).flat_map(of).collect()).expect("write");
    }
    catalog.read();
    let (removals, is_all) = expired(&catalog, now_ms).expect("old ones");
    // Younger than 91 days are 910 of each tenant.
    assert_eq!((removals.len(), is_all), (2 * 2 * 1_090, true));
    assert!(catalog.read() <= 2 * 1_090 + 2 * STEPS[0] + 1, "no more than the old ones is read");
    catalog.write(removals).expect("write");
    let left = |table| catalog.scan(table, "").expect("scan").len();
    assert_eq!((left(HISTORY), left(HISTORY_OF)), (2 * 910, 2 * 910));
    assert_eq!(expired(&catalog, now_ms).expect("none").0, []);
}

#[test]
fn many_old_ones_go_in_steps() {
    let catalog = Counting::new();
    let of = |n: u64| changes(TenantId(1), &item("a", n as i64, n), n);
    catalog.write((0..12_000).flat_map(of).collect()).expect("write");
    let mut steps = 0;
    loop {
        let (removals, is_all) = expired(&catalog, 200 * DAY_MS).expect("old ones");
        assert!(removals.len() < 2 * (REMOVED_MAX + STEPS[0]));
        catalog.write(removals).expect("write");
        steps += 1;
        if is_all {
            break;
        }
    }
    assert_eq!((steps, catalog.scan(HISTORY, "").expect("scan").len()), (3, 0));
}

#[test]
fn what_older_versions_wrote_is_found_by_its_alarm() {
    let catalog = Counting::new();
    let of = |n: u64| changes(TenantId(2), &item(ALARMS[(n % 5) as usize], n as i64, n), n);
    // As versions wrote that knew of no second keys.
    let old = |n: u64| of(n).into_iter().take(1);
    catalog.write((0..3_000).flat_map(old).collect()).expect("write");
    let damaged = place(TenantId(2), &HistoryPlace { at_ms: 1, number: 9_999 }.text());
    catalog.write(vec![Change::put(HISTORY, damaged, b"{".to_vec())]).expect("write");
    let filter = HistoryFilter { alarm: Some("b".into()), ..HistoryFilter::default() };
    assert_eq!(paged(&catalog, &filter, 100), [0; 0]);
    index_older(&catalog).expect("index");
    let mut wanted: Vec<u64> = (0..3_000).filter(|n| n % 5 == 2).collect();
    wanted.reverse();
    assert_eq!(paged(&catalog, &filter, 100), wanted);
    let index = catalog.scan(HISTORY_OF, "").expect("scan");
    assert!(index.iter().all(|(key, value)| is_sound_index(key, value)));
    catalog.read();
    index_older(&catalog).expect("index");
    assert!(catalog.read() <= 1, "once");
}

#[test]
fn keys_are_told_from_what_is_none() {
    assert!(is_sound_place("0000000001/0000000000000005/00000000000000ff"));
    assert!(is_sound_index("0000000001/a/b\n0000000000000005/00000000000000ff", b""));
    for key in [
        "0000000001/0000000000000005",
        "1/0000000000000005/00000000000000ff",
        "0000000001/000000000000000f/00000000000000ff",
        "0000000001/0000000000000005/0000000000000+ff",
        "0000000001/a\n0000000000000005/00000000000000ff",
    ] {
        assert!(!is_sound_place(key), "{key}");
    }
    assert!(!is_sound_index("0000000001/0000000000000005/00000000000000ff", b""));
    assert!(!is_sound_index("0000000001/a\n0000000000000005/00000000000000ff", b"x"));
}
