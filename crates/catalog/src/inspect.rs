//! Looks at the catalog of a stopped server, on a copy in memory: opening repairs what a crash left,
//! and looking must change nothing.

use crate::{Catalog, CatalogError, Change, Entry, RedbCatalog};
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use stdx::{CrashPlan, Disk, SimDisk};

/// Checks the file at `path` by the engine's own check and returns all entries.
///
/// # Errors
/// [`CatalogError::Storage`] says what is wrong with it.
pub fn inspect_catalog(disk: &dyn Disk, path: &Path) -> Result<Vec<Entry>, CatalogError> {
    let storage =
        |what| move |error: std::io::Error| CatalogError::Storage { what, why: error.to_string() };
    let file = disk.open(path).map_err(storage("file cannot be opened"))?;
    let bytes = file.read_all().map_err(storage("file cannot be read"))?;
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let entries = on_copy(&bytes, |catalog| {
        catalog.check()?;
        catalog.entries()
    })?;
    // The check mends what it keeps of free pages before it compares; a start takes that as it stands.
    on_copy(&bytes, |catalog| catalog.write(vec![Change::put("check", "trial", vec![0; 5_000])]))?;
    Ok(entries)
}

/// Opens a copy of the catalog, does something with it and closes it.
fn on_copy<T>(
    bytes: &[u8],
    act: impl FnOnce(&mut RedbCatalog) -> Result<T, CatalogError>,
) -> Result<T, CatalogError> {
    let storage = |error: std::io::Error| CatalogError::Storage {
        what: "copy cannot be made",
        why: error.to_string(),
    };
    let memory: Arc<dyn Disk> = Arc::new(SimDisk::new(0, CrashPlan::default()));
    let file = memory.open_or_create(Path::new("/catalog")).map_err(storage)?;
    file.write_all_at(bytes, 0).map_err(storage)?;
    // What a panic leaves is never closed: closing writes, and a second panic ends the process.
    let mut catalog = ManuallyDrop::new(guarded(|| RedbCatalog::of_file(file))?);
    let done = guarded(|| Ok(act(&mut catalog)))?;
    guarded(|| {
        drop(ManuallyDrop::into_inner(catalog));
        Ok(())
    })?;
    done
}

/// The engine trusts what its header says and panics on some of what a disk can make of it.
fn guarded<T>(act: impl FnOnce() -> Result<T, CatalogError>) -> Result<T, CatalogError> {
    catch_unwind(AssertUnwindSafe(act)).unwrap_or_else(|_| {
        let why = "the engine gave up on its content".to_owned();
        Err(CatalogError::Storage { what: "is damaged", why })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Change;

    #[test]
    fn a_sound_catalog_is_read_and_a_damaged_one_told() {
        let disk = SimDisk::new(1, CrashPlan::default());
        let shared: Arc<dyn Disk> = Arc::new(disk.clone());
        let path = Path::new("/c");
        let catalog = RedbCatalog::open(&shared, path).unwrap();
        for n in 0..200u32 {
            catalog.write(vec![Change::put("t", n.to_string(), vec![7; 500])]).unwrap();
        }
        // Not closed in order, as after kill -9.
        let killed = disk.after_kill();
        drop(catalog);
        for disk in [&disk, &killed] {
            let operations = disk.operations();
            assert_eq!(inspect_catalog(disk, path).unwrap().len(), 200);
            assert_eq!(disk.operations(), operations, "looking changes nothing");
        }
        let len = disk.open(path).unwrap().len().unwrap();
        let mut found = 0;
        for at in (0..len).step_by(4096) {
            let at = usize::try_from(at).unwrap() + 100;
            disk.damage(path, at);
            let told = inspect_catalog(&disk, path);
            found += usize::from(told.is_err() || told.is_ok_and(|entries| entries.len() != 200));
            disk.damage(path, at);
        }
        assert!(found > 10, "damage was found at {found} places only");
    }
}
