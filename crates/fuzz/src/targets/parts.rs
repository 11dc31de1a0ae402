//! A part, as a damaged disk gives it back.

use super::journal::{disk_with, read_all};
use crate::checksums;
use metric_store::{FileStore, StoreOptions};
use std::path::Path;
use stdx::Disk;
use storage::{FileJournalOptions, Manifest, ManifestFile};

/// The first byte says what is put right before reading: 0 nothing, else all checksums.
pub(super) fn part(input: &[u8]) {
    let Some((&mend, bytes)) = input.split_first() else { return };
    let mut bytes = bytes.to_vec();
    if mend != 0 {
        checksums::mend_part(&mut bytes);
    }
    let disk = disk_with("/data/metrics/1.part", &bytes);
    // Twice the same, so that a merge reads it too.
    let other = disk.open_or_create(Path::new("/data/metrics/2.part")).expect("made");
    other.write_all_at(&bytes, 0).expect("written");
    let manifest = Manifest {
        next_part: 3,
        parts: vec!["1.part".into(), "2.part".into()],
        ..Manifest::default()
    };
    ManifestFile::new(disk.clone(), Path::new("/data/metrics"))
        .replace(&manifest)
        .expect("written");
    let journal = FileJournalOptions::default();
    let options = StoreOptions { retention_ms: i64::MAX / 2, ..StoreOptions::default() };
    let store = match FileStore::open(disk, Path::new("/data"), journal, options) {
        Ok(store) => store,
        // A part that is damaged is set aside; nothing else may keep the store from opening.
        Err(error) => panic!("{error}"),
    };
    if let Err(error) = read_all(&store) {
        assert!(!error.to_string().is_empty());
    }
    if let Err(error) = store.settle(1_700_000_000_000) {
        assert!(!error.to_string().is_empty());
    }
    let _ = read_all(&store);
    let _ = store.status();
}
