//! What every form of the catalog must do.

use crate::{Catalog, CatalogError, Change, Expect};
use std::time::Duration;

/// Checks a catalog; `reopen` closes what it returned before and opens the same catalog again.
///
/// # Panics
/// When the catalog breaks a promise of the trait.
pub fn check(reopen: &mut dyn FnMut() -> Box<dyn Catalog>) {
    let catalog = reopen();
    let before = catalog.watch(0, Duration::ZERO);
    assert_eq!(catalog.get("t", "a").expect("get"), None);
    let changes = vec![
        Change::create("t", "a", b"1".to_vec()),
        Change::create("t", "ab", b"2".to_vec()),
        Change::put("t2", "a", b"3".to_vec()),
    ];
    catalog.write(changes).expect("write");
    assert!(catalog.watch(before, Duration::from_secs(1)) > before, "a write is noticed");

    let again = catalog
        .write(vec![Change::put("t", "c", b"x".to_vec()), Change::create("t", "a", b"x".to_vec())]);
    assert!(matches!(again, Err(CatalogError::Conflict { table: "t", .. })));
    assert_eq!(catalog.get("t", "c").expect("get"), None, "a write is whole or nothing");

    let swap = |from: &[u8], to: &[u8]| Change {
        table: "t",
        key: "a".into(),
        value: Some(to.to_vec()),
        expect: Expect::Value(from.to_vec()),
    };
    catalog.write(vec![swap(b"1", b"4")]).expect("as expected");
    assert!(catalog.write(vec![swap(b"1", b"5")]).is_err(), "no longer as expected");
    drop(catalog);

    let catalog = reopen();
    let found = catalog.scan("t", "").expect("scan");
    assert_eq!(found, [("a".into(), b"4".to_vec()), ("ab".into(), b"2".to_vec())]);
    assert_eq!(catalog.scan("t", "ab").expect("scan").len(), 1);
    let page = |prefix: &str, after: &str, max: usize| -> Vec<String> {
        let found = catalog.page("t", prefix, after, max).expect("page");
        found.into_iter().map(|(key, _)| key).collect()
    };
    assert_eq!((page("", "", 1), page("", "a", 9)), (vec!["a".into()], vec!["ab".into()]));
    assert_eq!((page("a", "", 9).len(), page("", "ab", 9)), (2, vec![]));
    assert_eq!(
        page("b", "a", 9),
        Vec::<String>::new(),
        "what stands before the prefix is not in it"
    );
    let back = |prefix: &str, before: &str, max: usize| -> Vec<String> {
        let found = catalog.page_back("t", prefix, before, max).expect("page");
        found.into_iter().map(|(key, _)| key).collect()
    };
    assert_eq!(back("", "", 9), ["ab", "a"], "from the end, and no other table's");
    assert_eq!((back("", "", 1), back("", "ab", 9)), (vec!["ab".into()], vec!["a".into()]));
    assert_eq!((back("ab", "", 9), back("ab", "ab", 9)), (vec!["ab".into()], vec![]));
    assert_eq!((back("", "zz", 9).len(), back("b", "a", 9).len()), (2, 0));
    let all = catalog.entries().expect("entries");
    let all: Vec<_> = all.iter().map(|e| (e.table.as_str(), e.key.as_str(), &e.value)).collect();
    let (four, two, three) = (b"4".to_vec(), b"2".to_vec(), b"3".to_vec());
    assert_eq!(all, [("t", "a", &four), ("t", "ab", &two), ("t2", "a", &three)]);
    catalog.write(vec![Change::remove("t", "a"), Change::remove("t", "nothing")]).expect("remove");
    assert_eq!(catalog.get("t", "a").expect("get"), None);
    assert!(catalog.get("t2", "a").expect("get").is_some(), "tables do not mix");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RedbCatalog;
    use std::path::Path;
    use std::sync::Arc;
    use stdx::{CrashPlan, Disk, SimDisk};

    fn open(disk: &SimDisk) -> Result<RedbCatalog, CatalogError> {
        let disk: Arc<dyn Disk> = Arc::new(disk.clone());
        RedbCatalog::open(&disk, Path::new("/c"))
    }

    #[test]
    fn the_embedded_catalog_keeps_the_promises() {
        let disk: Arc<dyn Disk> = Arc::new(SimDisk::new(1, CrashPlan::default()));
        check(&mut || Box::new(RedbCatalog::open(&disk, Path::new("/c")).unwrap()));
    }

    #[test]
    fn pages_back_end_where_a_prefix_ends() {
        let disk = SimDisk::new(1, CrashPlan::default());
        let catalog = open(&disk).unwrap();
        let last = char::MAX;
        let keys = [
            "a/1".to_owned(),
            "a/\u{d7ff}x".to_owned(),
            "a/\u{e000}".to_owned(),
            format!("a/{last}"),
            format!("a/{last}{last}z"),
            "a0".to_owned(),
        ];
        catalog.write(keys.iter().map(|key| Change::put("t", key, vec![])).collect()).unwrap();
        let back = |prefix: &str| catalog.page_back("t", prefix, "", 9).unwrap().len();
        assert_eq!((back("a/"), back("a"), back("a/\u{d7ff}"), back("a/1")), (5, 6, 1, 1));
        assert_eq!((back(&format!("a/{last}")), back(&format!("a/{last}{last}"))), (2, 1));
    }

    #[test]
    fn a_copy_holds_the_same_entries() {
        let disk: Arc<dyn Disk> = Arc::new(SimDisk::new(1, CrashPlan::default()));
        let catalog = RedbCatalog::open(&disk, Path::new("/c")).unwrap();
        let put = |n: u8| Change::put("t", n.to_string(), vec![n; 9]);
        catalog.write((0..20).map(put).collect()).unwrap();
        let entries = catalog.entries().unwrap();
        RedbCatalog::create_with(&disk, Path::new("/d"), &entries).unwrap();
        let copy = RedbCatalog::open(&disk, Path::new("/d")).unwrap();
        assert_eq!((copy.entries().unwrap(), entries.len()), (entries.clone(), 20));
        drop(copy);
        assert!(RedbCatalog::create_with(&disk, Path::new("/d"), &entries).is_err());
    }

    #[test]
    fn many_writers_share_commits_and_none_is_lost() {
        let disk = SimDisk::new(1, CrashPlan::default());
        let catalog = open(&disk).unwrap();
        std::thread::scope(|scope| {
            for writer in 0..8 {
                let catalog = &catalog;
                scope.spawn(move || {
                    for n in 0..20 {
                        let key = format!("{writer}-{n}");
                        catalog.write(vec![Change::create("t", key, vec![1])]).unwrap();
                    }
                });
            }
        });
        drop(catalog);
        let catalog = open(&disk.after_power_loss()).unwrap();
        assert_eq!(catalog.scan("t", "").unwrap().len(), 160);
    }

    #[test]
    fn written_entries_survive_loss_of_power_at_any_operation() {
        for seed in 0..60u64 {
            let disk = SimDisk::new(seed, CrashPlan::default());
            drop(open(&disk).unwrap());
            let plan =
                CrashPlan { power_off_at: Some(disk.operations() + seed), ..CrashPlan::default() };
            disk.set_plan(plan);
            let mut kept = 0;
            if let Ok(catalog) = open(&disk) {
                for n in 0..10u8 {
                    match catalog.write(vec![Change::put("t", n.to_string(), vec![n; 300])]) {
                        Ok(()) => kept = n + 1,
                        Err(_) => break,
                    }
                }
            }
            let catalog = open(&disk.after_power_loss()).unwrap();
            for n in 0..kept {
                assert_eq!(
                    catalog.get("t", &n.to_string()).unwrap(),
                    Some(vec![n; 300]),
                    "seed {seed}"
                );
            }
        }
    }
}
