//! A data directory with one file damaged, looked at and mended.

use crate::{checksums, world};
use catalog::{Catalog, Change, RedbCatalog};
use model::{Scope, TenantId};
use platform::{FsckOptions, FsckReport, Outcome, fsck};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use stdx::{Disk, SimDisk};

pub(super) const WORDS: &[&[u8]] = &[
    b"sightline-data 1\n",
    b"clock virtual\n",
    b"sightline-manifest 2\n",
    b"flushed 7\n",
    b"part ../x\n",
    b"tombstone 1.part 1 0 9 job=a|b\n",
    b"tenants\n123456789012/us-east-1\n\xff\xff\xff\xff",
    b"\x04\x00",
    b"\x05\x00",
    b"\r\n",
];

const DATA: &str = "/data";

/// Which file an input is, by its first byte.
pub(crate) const FILES: [&str; 4] = ["VERSION", "metrics/MANIFEST", "part", "journal"];
const VERSION: u8 = 0;
const CATALOG_BYTES: u8 = 4;
const CATALOG_ENTRY: u8 = 5;

thread_local! {
    static SOUND: SimDisk = world::written_directory();
}

/// Returns the path of a file that an input may be.
pub(crate) fn path_of(disk: &SimDisk, kind: u8) -> PathBuf {
    match FILES[usize::from(kind)] {
        "part" => disk.first_name("/data/metrics", ".part"),
        "journal" => disk.first_name("/data/journal", ".journal"),
        name => Path::new(DATA).join(name),
    }
}

fn replace(disk: &SimDisk, path: &Path, bytes: &[u8]) {
    let file = disk.open_or_create(path).expect("made");
    file.set_len(0).expect("emptied");
    file.write_all_at(bytes, 0).expect("written");
}

/// Damages the directory as an input says; `false` when it says nothing.
fn damage(disk: &SimDisk, kind: u8, mend: bool, content: &[u8]) -> bool {
    match kind {
        CATALOG_BYTES => {
            let file = disk.open(&Path::new(DATA).join("catalog.redb")).expect("there");
            let len = file.len().expect("known");
            for piece in content.chunks(8) {
                let Some((offset, bytes)) = piece.split_first_chunk::<4>() else { break };
                let offset = u64::from(u32::from_le_bytes(*offset)) % len;
                let bytes = &bytes[..bytes.len().min((len - offset) as usize)];
                file.write_all_at(bytes, offset).expect("written");
            }
        }
        CATALOG_ENTRY => {
            let mut pieces = content.splitn(3, |&byte| byte == b'\n');
            let (Some(table), Some(key), Some(value)) =
                (pieces.next(), pieces.next(), pieces.next())
            else {
                return false;
            };
            let table = super::definitions::TABLES.iter().find(|name| name.as_bytes() == table);
            let (Some(table), Ok(key)) = (table, std::str::from_utf8(key)) else { return false };
            let shared: Arc<dyn Disk> = Arc::new(disk.clone());
            let catalog = RedbCatalog::open(&shared, &Path::new(DATA).join("catalog.redb"));
            let catalog = catalog.expect("it is sound");
            return catalog.write(vec![Change::put(table, key, value.to_vec())]).is_ok();
        }
        kind => {
            let mut bytes = content.to_vec();
            match FILES[usize::from(kind)] {
                "part" if mend => checksums::mend_part(&mut bytes),
                "journal" if mend => checksums::mend_segment(&mut bytes),
                "metrics/MANIFEST" if mend => bytes = checksums::mend_manifest(&bytes),
                _ => {}
            }
            replace(disk, &path_of(disk, kind), &bytes);
        }
    }
    true
}

fn check(disk: &SimDisk, options: FsckOptions) -> Result<FsckReport, String> {
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let report = fsck(shared, Path::new(DATA), options, &mut |done, total| assert!(done <= total));
    let report = report.map_err(|e| e.to_string())?;
    for finding in &report.findings {
        let texts = [&finding.place, &finding.what, &finding.means];
        assert!(texts.iter().all(|text| !text.is_empty()), "{finding:?}");
        if let Outcome::Left(todo) = &finding.outcome {
            assert!(!todo.is_empty(), "{finding:?}");
        }
    }
    Ok(report)
}

/// A file of a sound directory: which one, whether its checksums are put right (0 no), and what it
/// holds now; or pieces that are written over the catalog; or an entry of the catalog.
pub(super) fn directory(input: &[u8]) {
    let Some(([kind, mend], content)) = input.split_first_chunk::<2>() else { return };
    let kind = kind % 6;
    let disk = SOUND.with(SimDisk::after_kill);
    if !damage(&disk, kind, *mend != 0, content) {
        return;
    }
    let all = FsckOptions {
        dry_run: false,
        rebuild_manifest: true,
        forget_missing: true,
        cut_journal: true,
    };
    let operations = disk.operations();
    let looked = check(&disk, FsckOptions { dry_run: true, ..FsckOptions::default() });
    assert_eq!(disk.operations(), operations, "a dry run changes nothing");
    let mended = match (looked, check(&disk, all)) {
        (Ok(_), Ok(mended)) => mended,
        (Err(why), Err(again)) => return assert!(!why.is_empty() && why == again),
        (looked, mended) => panic!("{looked:?}, and then {mended:?}"),
    };
    let after = check(&disk, FsckOptions { dry_run: true, ..all }).expect("it can be looked at");
    for finding in &after.findings {
        assert!(!matches!(finding.outcome, Outcome::WouldMend(_)), "{finding:?} after {mended:#?}");
        let known = mended.findings.iter().any(|f| f.place == finding.place);
        assert!(known, "{finding:?} is new after {mended:#?}");
    }
    if after.findings.is_empty() && kind != VERSION {
        let platform = world::open_platform(Arc::new(disk.after_kill()));
        let platform = platform.unwrap_or_else(|e| panic!("sound, and does not open: {e:?}"));
        let known: Vec<(Scope, TenantId)> = platform.scopes();
        assert!(!known.is_empty(), "the catalog is sound");
    }
}
