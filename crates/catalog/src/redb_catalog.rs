//! The embedded catalog: redb over our own disk seam.

use crate::{Catalog, CatalogError, Change, Entry, Expect};
use parking_lot::{Condvar, Mutex, RwLock};
use redb::{Database, ReadableDatabase, ReadableTable, StorageBackend, TableDefinition};
use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use stdx::{Disk, DiskFile};

/// All entries, under table, NUL and key.
const ENTRIES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("entries");
/// Definitions are small and few; redb's own default would allow a gigabyte.
const CACHE_BYTES: usize = 8 << 20;

#[derive(Debug)]
struct Backend {
    file: Box<dyn DiskFile>,
    /// Another one has the file now: this one must not change it any more.
    is_retired: Arc<AtomicBool>,
}

impl Backend {
    fn may_write(&self) -> io::Result<()> {
        match self.is_retired.load(Ordering::Acquire) {
            false => Ok(()),
            true => Err(io::Error::other("the catalog was opened again")),
        }
    }
}

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(out, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.may_write()?;
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.may_write()?;
        self.file.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.may_write()?;
        self.file.write_all_at(data, offset)
    }
}

/// An open database, and how its hands are bound.
struct Open {
    database: Database,
    is_retired: Arc<AtomicBool>,
}

impl Open {
    fn of(file: Box<dyn DiskFile>) -> Result<Self, CatalogError> {
        let is_retired = Arc::new(AtomicBool::new(false));
        let database = Database::builder()
            .set_cache_size(CACHE_BYTES)
            .create_with_backend(Backend { file, is_retired: is_retired.clone() })
            .map_err(storage("cannot be opened"))?;
        Ok(Self { database, is_retired })
    }
}

/// The embedded form of [`Catalog`].
pub struct RedbCatalog {
    /// None while it could not be opened again. Held for as long as a read or a write lasts.
    open: RwLock<Option<Open>>,
    /// Where the file is, to open it again.
    place: Option<(Arc<dyn Disk>, PathBuf)>,
    /// A write failed: redb takes no other before it is opened again.
    is_failing: AtomicBool,
    waiting: Mutex<Waiting>,
    /// Held by whoever commits for all that wait.
    committing: Mutex<()>,
    done: Condvar,
    revision: AtomicU64,
    changed: (Mutex<()>, Condvar),
}

/// More than what a small write takes: room for it is room for going on.
const PROBE_BYTES: usize = 256 << 10;

fn not_open() -> CatalogError {
    let why = "a write failed, and it could not be opened again yet".to_owned();
    CatalogError::Storage { what: "is not open", why }
}

fn begin_read(open: &Option<Open>) -> Result<redb::ReadTransaction, CatalogError> {
    let open = open.as_ref().ok_or_else(not_open)?;
    open.database.begin_read().map_err(storage("cannot be read"))
}

fn begin_write(open: &Option<Open>) -> Result<redb::WriteTransaction, CatalogError> {
    let open = open.as_ref().ok_or_else(not_open)?;
    open.database.begin_write().map_err(storage("transaction cannot begin"))
}

/// What became of each write, by its number.
type Outcomes = Vec<(u64, Result<(), CatalogError>)>;

#[derive(Default)]
struct Waiting {
    next: u64,
    writes: Vec<(u64, Vec<Change>)>,
    results: Outcomes,
}

impl std::fmt::Debug for RedbCatalog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedbCatalog").finish_non_exhaustive()
    }
}

fn storage<E: std::fmt::Display>(what: &'static str) -> impl Fn(E) -> CatalogError {
    move |error| CatalogError::Storage { what, why: error.to_string() }
}

fn entry(table: &str, key: &str) -> String {
    format!("{table}\0{key}")
}

/// Returns the least text behind all that begin with `prefix`: its last character becomes the next one.
/// Every prefix of ours holds a NUL, which has a next one.
fn behind_all(prefix: &str) -> String {
    let mut end = prefix.to_owned();
    while let Some(last) = end.pop() {
        // Numbers in the middle are no characters.
        let next = (u32::from(last) + 1..=u32::from(char::MAX)).find_map(char::from_u32);
        if let Some(next) = next {
            end.push(next);
            break;
        }
    }
    end
}

impl RedbCatalog {
    /// Opens the catalog in the file `path`, which is made when it is absent, for its owner alone: it
    /// holds what passwords and tokens are compared with.
    ///
    /// # Errors
    /// [`CatalogError::Storage`] when the file cannot be opened or repaired.
    pub fn open(disk: &Arc<dyn Disk>, path: &Path) -> Result<Self, CatalogError> {
        let file = match disk.open(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                Self::make(disk, path)?;
                disk.open(path)
            }
            other => other,
        };
        let file = file.map_err(storage("file cannot be opened"))?;
        if let Some(dir) = path.parent() {
            disk.sync_dir(dir).map_err(storage("directory cannot be synced"))?;
        }
        let mut catalog = Self::of_file(file)?;
        catalog.place = Some((disk.clone(), path.to_path_buf()));
        // The table must exist before the first read.
        catalog.commit(vec![])?;
        Ok(catalog)
    }

    /// Makes an empty catalog beside its place and moves it there: a loss of power while it is made
    /// leaves no file that is half a catalog.
    fn make(disk: &Arc<dyn Disk>, path: &Path) -> Result<(), CatalogError> {
        let new = path.with_extension("redb.new");
        match disk.remove(&new) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                return Err(storage("file of an earlier attempt cannot be removed")(e));
            }
            _ => {}
        }
        let file = disk.create_private(&new).map_err(storage("file cannot be made"))?;
        Self::of_file(file)?.commit(vec![])?;
        disk.rename(&new, path).map_err(storage("file cannot be moved to its place"))
    }

    /// Opens the catalog in a file that has one, and writes nothing yet.
    pub(crate) fn of_file(file: Box<dyn DiskFile>) -> Result<Self, CatalogError> {
        Ok(Self {
            open: RwLock::new(Some(Open::of(file)?)),
            place: None,
            is_failing: AtomicBool::new(false),
            waiting: Mutex::default(),
            committing: Mutex::default(),
            done: Condvar::new(),
            revision: AtomicU64::new(0),
            changed: (Mutex::new(()), Condvar::new()),
        })
    }

    /// Makes the file `path` a catalog with exactly these entries, in one durable step.
    ///
    /// # Errors
    /// [`CatalogError::Storage`], also when there are entries already.
    pub fn create_with(
        disk: &Arc<dyn Disk>,
        path: &Path,
        entries: &[Entry],
    ) -> Result<(), CatalogError> {
        let catalog = Self::open(disk, path)?;
        if !catalog.entries()?.is_empty() {
            let why = "it holds entries already".to_owned();
            return Err(CatalogError::Storage { what: "cannot be filled", why });
        }
        let open = catalog.open.read();
        let transaction = begin_write(&open)?;
        {
            let mut table =
                transaction.open_table(ENTRIES).map_err(storage("table cannot be opened"))?;
            for Entry { table: name, key, value } in entries {
                table
                    .insert(entry(name, key).as_str(), value.as_slice())
                    .map_err(storage("entry cannot be written"))?;
            }
        }
        transaction.commit().map_err(storage("transaction cannot be committed"))
    }

    /// Runs the engine's own check of everything; what it could mend counts as damage too.
    pub(crate) fn check(&mut self) -> Result<(), CatalogError> {
        let Some(open) = self.open.get_mut() else { return Err(not_open()) };
        match open.database.check_integrity() {
            Ok(true) => Ok(()),
            Ok(false) => {
                let why = "its checksums do not hold".to_owned();
                Err(CatalogError::Storage { what: "is damaged", why })
            }
            Err(error) => Err(storage("is damaged")(error)),
        }
    }

    /// Makes several writes in one transaction; each is whole or refused for itself.
    fn commit(&self, writes: Vec<(u64, Vec<Change>)>) -> Result<Outcomes, CatalogError> {
        if self.is_failing.load(Ordering::Acquire) {
            self.open_again()?;
        }
        let done = self.commit_once(writes);
        // The whole transaction failed: what a single write found is an outcome of its own.
        self.is_failing.store(done.is_err(), Ordering::Release);
        done
    }

    /// Opens the file again after a write that failed, as a start would, if the disk takes writes.
    fn open_again(&self) -> Result<(), CatalogError> {
        let Some((disk, path)) = &self.place else { return Ok(()) };
        let probe = path.with_extension("redb.probe");
        let takes_writes = disk.create_private(&probe).and_then(|file| {
            file.write_all_at(&vec![0; PROBE_BYTES], 0)?;
            file.sync()
        });
        let removed = disk.remove(&probe);
        takes_writes.and(removed).map_err(storage("waits for a disk that takes writes"))?;
        let mut open = self.open.write();
        if let Some(old) = open.take() {
            old.is_retired.store(true, Ordering::Release);
        }
        *open = Some(Open::of(disk.open(path).map_err(storage("file cannot be opened"))?)?);
        tracing::info!("the catalog was opened again after a write that failed");
        Ok(())
    }

    fn commit_once(&self, writes: Vec<(u64, Vec<Change>)>) -> Result<Outcomes, CatalogError> {
        let open = self.open.read();
        let transaction = begin_write(&open)?;
        let mut results = Vec::with_capacity(writes.len());
        {
            let mut table =
                transaction.open_table(ENTRIES).map_err(storage("table cannot be opened"))?;
            for (number, changes) in writes {
                let mut conflict = None;
                // Looking at what is written anyway would cost a third of the write.
                for change in changes.iter().filter(|c| !matches!(c.expect, Expect::Anything)) {
                    let found = table
                        .get(entry(change.table, &change.key).as_str())
                        .map_err(storage("entry cannot be read"))?;
                    let as_expected = match (&change.expect, &found) {
                        (Expect::Absent, None) => true,
                        (Expect::Value(value), Some(found)) => found.value() == value.as_slice(),
                        _ => false,
                    };
                    if !as_expected {
                        let (table, key) = (change.table, change.key.clone());
                        conflict = Some(CatalogError::Conflict { table, key });
                        break;
                    }
                }
                if let Some(conflict) = conflict {
                    results.push((number, Err(conflict)));
                    continue;
                }
                for change in changes {
                    let key = entry(change.table, &change.key);
                    match change.value {
                        Some(value) => table.insert(key.as_str(), value.as_slice()).map(drop),
                        None => table.remove(key.as_str()).map(drop),
                    }
                    .map_err(storage("entry cannot be written"))?;
                }
                results.push((number, Ok(())));
            }
        }
        transaction.commit().map_err(storage("transaction cannot be committed"))?;
        Ok(results)
    }
}

impl Catalog for RedbCatalog {
    fn get(&self, table: &'static str, key: &str) -> Result<Option<Vec<u8>>, CatalogError> {
        let open = self.open.read();
        let transaction = begin_read(&open)?;
        let entries = transaction.open_table(ENTRIES).map_err(storage("cannot be read"))?;
        let found = entries.get(entry(table, key).as_str()).map_err(storage("cannot be read"))?;
        Ok(found.map(|value| value.value().to_vec()))
    }

    fn scan(
        &self,
        table: &'static str,
        prefix: &str,
    ) -> Result<Vec<(String, Vec<u8>)>, CatalogError> {
        self.page(table, prefix, "", usize::MAX)
    }

    fn page(
        &self,
        table: &'static str,
        prefix: &str,
        after: &str,
        max: usize,
    ) -> Result<Vec<(String, Vec<u8>)>, CatalogError> {
        let open = self.open.read();
        let transaction = begin_read(&open)?;
        let entries = transaction.open_table(ENTRIES).map_err(storage("cannot be read"))?;
        let first = entry(table, prefix);
        let behind = entry(table, after);
        let from = match behind > first {
            true => Bound::Excluded(behind.as_str()),
            false => Bound::Included(first.as_str()),
        };
        let skip = table.len() + 1;
        let mut found = Vec::new();
        let items = entries.range::<&str>((from, Bound::Unbounded));
        for item in items.map_err(storage("cannot be read"))?.take(max) {
            let (key, value) = item.map_err(storage("cannot be read"))?;
            if !key.value().starts_with(&first) {
                break;
            }
            found.push((key.value()[skip..].to_owned(), value.value().to_vec()));
        }
        Ok(found)
    }

    fn page_back(
        &self,
        table: &'static str,
        prefix: &str,
        before: &str,
        max: usize,
    ) -> Result<Vec<(String, Vec<u8>)>, CatalogError> {
        let open = self.open.read();
        let transaction = begin_read(&open)?;
        let entries = transaction.open_table(ENTRIES).map_err(storage("cannot be read"))?;
        let first = entry(table, prefix);
        let mut end = behind_all(&first);
        if !before.is_empty() {
            end = end.min(entry(table, before));
        }
        if end <= first {
            return Ok(Vec::new());
        }
        let skip = table.len() + 1;
        let mut found = Vec::new();
        let items = entries.range(first.as_str()..end.as_str());
        for item in items.map_err(storage("cannot be read"))?.rev().take(max) {
            let (key, value) = item.map_err(storage("cannot be read"))?;
            found.push((key.value()[skip..].to_owned(), value.value().to_vec()));
        }
        Ok(found)
    }

    fn entries(&self) -> Result<Vec<Entry>, CatalogError> {
        let open = self.open.read();
        let transaction = begin_read(&open)?;
        let table = transaction.open_table(ENTRIES).map_err(storage("cannot be read"))?;
        let mut found = Vec::new();
        for item in table.iter().map_err(storage("cannot be read"))? {
            let (key, value) = item.map_err(storage("cannot be read"))?;
            let (name, key) = key.value().split_once('\0').map_or_else(
                || (String::new(), key.value().to_owned()),
                |(name, key)| (name.to_owned(), key.to_owned()),
            );
            found.push(Entry { table: name, key, value: value.value().to_vec() });
        }
        Ok(found)
    }

    fn write(&self, changes: Vec<Change>) -> Result<(), CatalogError> {
        let mine = {
            let mut waiting = self.waiting.lock();
            waiting.next += 1;
            let number = waiting.next;
            waiting.writes.push((number, changes));
            number
        };
        loop {
            if let Some(_committing) = self.committing.try_lock() {
                let writes = std::mem::take(&mut self.waiting.lock().writes);
                if !writes.is_empty() {
                    let numbers: Vec<u64> = writes.iter().map(|w| w.0).collect();
                    let results = self.commit(writes).unwrap_or_else(|error| {
                        numbers.iter().map(|&n| (n, Err(error.clone()))).collect()
                    });
                    self.revision.fetch_add(1, Ordering::Release);
                    self.waiting.lock().results.extend(results);
                    self.done.notify_all();
                    let _changed = self.changed.0.lock();
                    self.changed.1.notify_all();
                }
            }
            let mut waiting = self.waiting.lock();
            if let Some(at) = waiting.results.iter().position(|r| r.0 == mine) {
                return waiting.results.swap_remove(at).1;
            }
            // Whoever commits now tells when it is done; the time limit covers the moment between
            // its last look at the queue and its letting go of the lock.
            self.done.wait_for(&mut waiting, Duration::from_millis(5));
        }
    }

    fn watch(&self, seen: u64, wait: Duration) -> u64 {
        let mut changed = self.changed.0.lock();
        if self.revision.load(Ordering::Acquire) <= seen && !wait.is_zero() {
            self.changed.1.wait_for(&mut changed, wait);
        }
        self.revision.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stdx::{CrashPlan, SimDisk};

    const TABLE: &str = "things";

    fn open(disk: &SimDisk) -> RedbCatalog {
        let disk: Arc<dyn Disk> = Arc::new(disk.clone());
        RedbCatalog::open(&disk, Path::new("/catalog.redb")).unwrap()
    }

    fn put(catalog: &RedbCatalog, key: &str, bytes: usize) -> Result<(), CatalogError> {
        catalog.write(vec![Change::put(TABLE, key.to_owned(), vec![7; bytes])])
    }

    #[test]
    fn it_goes_on_when_a_disk_that_failed_takes_writes_again() {
        let disk = SimDisk::new(1, CrashPlan::default());
        let catalog = open(&disk);
        put(&catalog, "before", 100).unwrap();
        disk.set_plan(CrashPlan { read_only: true, ..CrashPlan::default() });
        put(&catalog, "while it fails", 100).unwrap_err();
        // Writes would go on, but there is no room.
        let capacity_bytes = Some(disk.used_bytes());
        disk.set_plan(CrashPlan { capacity_bytes, ..CrashPlan::default() });
        put(&catalog, "while it is full", 100).unwrap_err();
        assert_eq!(catalog.get(TABLE, "before").unwrap(), Some(vec![7; 100]), "it is read");
        disk.set_plan(CrashPlan::default());
        put(&catalog, "after", 100).unwrap();
        let names = |catalog: &RedbCatalog| -> Vec<String> {
            catalog.scan(TABLE, "").unwrap().into_iter().map(|(name, _)| name).collect()
        };
        assert_eq!(names(&catalog), ["after", "before"]);
        drop(catalog);
        assert_eq!(names(&open(&disk.after_power_loss())), ["after", "before"]);
        assert_eq!(disk.list_names("/", ".probe"), 0);
    }

    #[test]
    fn a_sync_that_failed_loses_nothing_that_was_kept() {
        for nth in 1..12 {
            let disk = SimDisk::new(nth, CrashPlan::default());
            let catalog = open(&disk);
            let failing = Some(disk.syncs() + nth);
            disk.set_plan(CrashPlan { fail_sync_at: failing, ..CrashPlan::default() });
            let kept: Vec<String> = (0..8)
                .map(|n| format!("{n}"))
                .filter(|name| put(&catalog, name, 3_000).is_ok())
                .collect();
            assert!(kept.len() >= 6, "one failed, and one more at most: {kept:?}");
            drop(catalog);
            let there = open(&disk.after_power_loss()).scan(TABLE, "").unwrap();
            let there: Vec<&String> = there.iter().map(|(name, _)| name).collect();
            assert!(kept.iter().all(|name| there.contains(&name)), "{kept:?} {there:?}");
        }
    }
}
