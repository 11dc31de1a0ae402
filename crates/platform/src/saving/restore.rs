//! A data directory made of a snapshot.

use super::{
    CATALOG, PART, Progress, RESTORING, SaveError, catalog_copy, directory, lock_directory,
};
use crate::directory::{DIRECTORY_VERSION, mark_directory};
use catalog::RedbCatalog;
use metric_store::{FileStore, ReadBudget, ReadLimits, StoreOptions, manifest_of_copy};
use model::{TenantId, TimeRange};
use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Arc;
use stdx::Disk;
use storage::{BackupDir, BackupError, FileJournalOptions, ManifestFile};

/// Series of a tenant are counted up to this number.
const COUNTED_MAX: usize = 5_000_000;

/// What was brought back.
#[derive(Debug, Clone)]
pub struct Restored {
    /// Name of the snapshot.
    pub snapshot: String,
    /// When it was made, as text.
    pub made: String,
    /// Parts.
    pub parts: usize,
    /// Points in them.
    pub points: u64,
    /// Series, as far as they were counted; `None` when there are too many to count.
    pub series: Option<usize>,
    /// Bytes of the files.
    pub bytes: u64,
    /// Parts that were damaged before they were saved, and are so again.
    pub damaged: usize,
}

/// Makes a data directory of a snapshot, the newest without a name. The directory must be empty or
/// absent, or one whose restore was interrupted. Ends with opening it.
///
/// # Errors
/// [`SaveError`]: what is in the directory then does not open, and may be restored into again.
pub fn restore(
    disk: &Arc<dyn Disk>,
    from: &Path,
    snapshot: Option<&str>,
    to: &Path,
    progress: &Progress,
) -> Result<Restored, SaveError> {
    let backups = BackupDir::open(disk.clone(), from)?;
    let snapshot = backups.snapshot(snapshot)?;
    if snapshot.note("format") != DIRECTORY_VERSION {
        let what = format!(
            "snapshot {} was written by another version ({:?}; this one reads {DIRECTORY_VERSION:?})",
            snapshot.name,
            snapshot.note("format")
        );
        return Err(directory(from, what));
    }
    let marker = to.join(RESTORING);
    let vacant = disk.is_vacant(to).map_err(|e| directory(to, e.to_string()))?;
    if !vacant && disk.open(&marker).is_err() {
        let what = "is not empty; restore into a new directory, or remove what is in it first";
        return Err(directory(to, what));
    }
    let io = |what: &'static str| {
        let path = to.to_path_buf();
        move |source: io::Error| BackupError::Io { what, path, source }
    };
    let metrics = to.join("metrics");
    let made = disk.create_private_dir(to).and_then(|()| disk.create_dir_all(&metrics));
    made.map_err(io("cannot make"))?;
    let lock = lock_directory(&**disk, to)?;
    let text = format!("from {} snapshot {}\n", from.display(), snapshot.name);
    let mark = || {
        let file = disk.open_or_create(&marker)?;
        file.write_all_at(text.as_bytes(), 0)?;
        file.sync()?;
        disk.sync_dir(to)
    };
    mark().map_err(io("cannot mark"))?;

    let needed_bytes = snapshot.bytes();
    let free_bytes = disk.free_bytes(to).map_err(io("cannot ask for space of"))?;
    if needed_bytes > free_bytes {
        let dir = to.to_path_buf();
        return Err(BackupError::Space { dir, free_bytes, needed_bytes }.into());
    }
    let place = |file: &storage::SavedFile| (file.kind == PART).then(|| metrics.join(&file.name));
    backups.bring_back(&snapshot, place, progress)?;
    disk.sync_dir(&metrics).map_err(io("cannot sync"))?;

    let catalog_path = to.join("catalog.redb");
    match disk.remove(&catalog_path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => {
            return Err(io("cannot clear")(e).into());
        }
        _ => {}
    }
    let copy = snapshot.files.iter().find(|f| f.kind == CATALOG);
    let copy = copy.ok_or_else(|| directory(from, "the snapshot lists no catalog"))?;
    let entries = catalog_copy::decode(&backups.read(copy)?).ok_or_else(|| {
        let path = from.join(&copy.stored);
        BackupError::Damaged { path, what: "it is no copy of a catalog".into() }
    })?;
    RedbCatalog::create_with(disk, &catalog_path, &entries)?;
    // Last, and with it everything counts.
    let manifest = manifest_of_copy(&snapshot.manifest);
    ManifestFile::new(disk.clone(), &metrics)
        .replace(&manifest)
        .map_err(metric_store::StoreError::from)?;
    mark_directory(&**disk, to, Some(snapshot.note("clock") == "virtual"))
        .map_err(|what| directory(to, what))?;

    let tenants = entries.iter().filter(|e| e.table == crate::tenants::TENANTS);
    let tenants = tenants.filter_map(|e| Some(u32::from_le_bytes(e.value[..].try_into().ok()?)));
    let (series, damaged) = count_series(disk, to, &tenants.collect())?;
    // Not before it opened: until then nobody may start on it.
    disk.remove(&marker).and_then(|()| disk.sync_dir(to)).map_err(io("cannot finish"))?;
    drop(lock);
    Ok(Restored {
        made: snapshot.note("made").to_owned(),
        parts: manifest.parts.len(),
        points: snapshot.note("points").parse().unwrap_or(0),
        series,
        bytes: needed_bytes,
        damaged,
        snapshot: snapshot.name,
    })
}

/// Opens what was restored and counts its series and damaged parts.
fn count_series(
    disk: &Arc<dyn Disk>,
    dir: &Path,
    tenants: &BTreeSet<u32>,
) -> Result<(Option<usize>, usize), SaveError> {
    let journal = FileJournalOptions::default();
    // Whatever the server will keep of it.
    let options = StoreOptions { retention_ms: i64::MAX, ..StoreOptions::default() };
    let store = FileStore::open(disk.clone(), dir, journal, options)?;
    let damaged = store.status().parts_damaged;
    let mut count = 0;
    for tenant in tenants {
        let budget =
            ReadBudget::new(ReadLimits { series_max: COUNTED_MAX, ..ReadLimits::default() }, None);
        match store.keys(TenantId(*tenant), &[], TimeRange::ALL, &budget) {
            Ok(keys) => count += keys.len(),
            Err(_) => return Ok((None, damaged)),
        }
    }
    Ok((Some(count), damaged))
}
