//! The journal, its frames, and the manifest, as a damaged disk gives them back.

use crate::checksums;
use metric_store::{
    FileStore, Matcher, MetricStore, ReadBudget, StoreError, StoreOptions, fuzzing,
};
use model::{SeriesKey, TenantId, TimeRange, VIRTUAL_NAMES};
use std::path::Path;
use std::sync::Arc;
use stdx::{CrashPlan, Disk, SimDisk};
use storage::{FileJournalOptions, Manifest, ManifestError, ManifestFile};

pub(super) const MANIFEST_WORDS: &[&[u8]] = &[
    b"sightline-manifest 1\n",
    b"flushed 7\n",
    b"next 3\n",
    b"set clock virtual\n",
    b"part 000000000001.part\n",
    b"part ../x\n",
    b"sightline-manifest 2\n",
    b"tombstone 000000000001.part,000000000002.part 1 all job=a\n",
    b"sum ",
    b"\r\n",
    b"18446744073709551615",
    b"+1",
];

/// A disk of memory that holds one file.
pub(super) fn disk_with(path: &str, bytes: &[u8]) -> Arc<SimDisk> {
    let disk = Arc::new(SimDisk::new(1, CrashPlan::default()));
    let path = Path::new(path);
    disk.create_dir_all(path.parent().expect("a file in a directory")).expect("made");
    disk.open_or_create(path).expect("made").write_all_at(bytes, 0).expect("written");
    disk
}

/// What a store gave.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Read {
    points: u64,
    /// Some key is none that a writer of ours writes: labels out of order, twice, empty, or with the
    /// name of a virtual one. What such a key is found by, head and parts need not agree about.
    odd_keys: bool,
}

fn is_odd(key: &SeriesKey) -> bool {
    let mut canonical = key.clone();
    canonical.canonicalise().is_err()
        || canonical != *key
        || key.labels.iter().any(|(name, _)| VIRTUAL_NAMES.contains(&name.as_str()))
}

/// Reads all that a store holds.
pub(super) fn read_all(store: &MetricStore) -> Result<Read, Box<dyn std::error::Error>> {
    let mut points = 0u64;
    let mut odd_keys = false;
    for tenant in [TenantId(0), TenantId(1), TenantId(2)] {
        let budget = &ReadBudget::default();
        for matcher in [
            Matcher::equal("__name__", "up"),
            Matcher { negated: true, ..Matcher::equal("job", "a") },
        ] {
            for series in store.select(tenant, &[matcher], TimeRange::ALL, budget)? {
                points += series.points()?.len() as u64;
            }
        }
        store.labels(tenant, TimeRange::ALL, |_| true, budget)?;
        store.units(tenant, TimeRange::ALL, budget)?;
        for key in store.keys(tenant, &[], TimeRange::ALL, budget)? {
            odd_keys |= is_odd(&key);
            store.find((&key).into(), TimeRange::ALL, budget)?;
        }
    }
    Ok(Read { points, odd_keys })
}

fn open(disk: Arc<SimDisk>) -> Result<MetricStore, StoreError> {
    let journal = FileJournalOptions::default();
    FileStore::open(disk, Path::new("/data"), journal, StoreOptions::default())
}

/// Two segments, the length of the first in front; checksums are put right unless the highest bit
/// of that length is set.
pub(super) fn journal(input: &[u8]) {
    let Some((head, rest)) = input.split_first_chunk::<2>() else { return };
    let head = u16::from_le_bytes(*head);
    let (mut first, mut second) = {
        let (first, second) = rest.split_at(usize::from(head & 0x7fff).min(rest.len()));
        (first.to_vec(), second.to_vec())
    };
    if head & 0x8000 == 0 {
        checksums::mend_segment(&mut first);
        checksums::mend_segment(&mut second);
    }
    let disk = disk_with("/data/journal/000000000001.journal", &first);
    if !second.is_empty() {
        let file = disk.open_or_create(Path::new("/data/journal/000000000002.journal"));
        file.expect("made").write_all_at(&second, 0).expect("written");
    }
    let store = match open(disk.clone()) {
        Ok(store) => store,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let before = read_all(&store).expect("what was replayed is read");
    drop(store);
    // What was read once is read the same the next time, and from parts as from the head.
    let store = open(disk.clone()).expect("opens again");
    assert_eq!(read_all(&store).expect("reads again"), before);
    store.flush().expect("flushes");
    let from_parts = read_all(&store).expect("reads from parts");
    // The head shows a label with a virtual name as what it is named after.
    let names_virtual = |bytes: &[u8]| {
        VIRTUAL_NAMES.iter().any(|name| bytes.windows(name.len()).any(|w| w == name.as_bytes()))
    };
    let is_odd = before.odd_keys || names_virtual(&first) || names_virtual(&second);
    assert!(from_parts == before || is_odd, "{from_parts:?} is not {before:?}");
    drop(store);
    let store = open(disk).expect("opens after the flush");
    assert_eq!(read_all(&store).expect("reads after the flush"), from_parts);
}

/// A frame's payload by itself.
pub(super) fn frame(input: &[u8]) {
    if let Some(count) = fuzzing::read_frame(input) {
        assert!(count <= input.len(), "{count} things in {} bytes", input.len());
    }
}

/// A manifest; its checksum is put right.
pub(super) fn manifest(input: &[u8]) {
    let text = checksums::mend_manifest(input);
    for bytes in [input, &text] {
        let disk = disk_with("/d/MANIFEST", bytes);
        let file = ManifestFile::new(disk.clone(), Path::new("/d"));
        match file.read() {
            Ok(manifest) => {
                let manifest: Manifest = manifest.expect("the file is there");
                file.replace(&manifest).expect("written");
                assert_eq!(file.read().expect("our own is read"), Some(manifest));
            }
            Err(ManifestError::Damaged { what, .. }) => assert!(!what.is_empty()),
            Err(error) => panic!("{error}"),
        }
    }
}
