//! A directory of backups, brought back: somebody may have handed it over.

use super::journal::disk_with;
use crate::{checksums, world};
use platform::saving::{Progress, restore, verify};
use std::path::Path;
use std::sync::Arc;
use stdx::Disk;
use stdx::checksum::checksum;

pub(super) const WORDS: &[&[u8]] = &[
    b"sightline-snapshot 1\n",
    b"note format sightline-data 1\n",
    b"note clock virtual\n",
    b"file part ",
    b"file catalog catalog ",
    b" parts/",
    b" catalogs/",
    b"../",
    b"/etc/x",
    b"manifest part ",
    b"manifest sightline-manifest 2\n",
    b"manifest tombstone 1.part 1 0 9 job=a|b\n",
    b"SLC1",
    b"\x07tenants\x16123456789012/us-east-1\x04",
];

/// A snapshot's text, a catalog's copy and a part, with the lengths of the first two in front.
/// Lengths and checksums are put right.
pub(super) fn backup(input: &[u8]) {
    let Some((lengths, rest)) = input.split_first_chunk::<4>() else { return };
    let length = |at: usize| usize::from(u16::from_le_bytes([lengths[at], lengths[at + 1]]));
    let (text, rest) = rest.split_at(length(0).min(rest.len()));
    let (catalog, part) = rest.split_at(length(2).min(rest.len()));
    let disk = disk_with("/backup/BACKUP", b"sightline-backup 1\n");
    let text = mend_snapshot(&String::from_utf8_lossy(text), catalog, part, &*disk);
    let put = |path: &str, bytes: &[u8]| put(&*disk, Path::new(path), bytes);
    put("/backup/snapshots/2023-11-14T22-13-20Z.snapshot", text.as_bytes());
    let disk: Arc<dyn Disk> = disk;
    let from = Path::new("/backup");
    if let Err(error) = verify(&disk, from, &Progress::default()) {
        assert!(!error.to_string().is_empty());
    }
    match restore(&disk, from, None, Path::new("/data"), &Progress::default()) {
        Err(error) => assert!(!error.to_string().is_empty()),
        // What it says is restored opens, or says what is wrong with it.
        Ok(_) => match world::open_platform(disk) {
            Ok(platform) => drop(platform.scopes()),
            Err(error) => assert!(!error.to_string().is_empty()),
        },
    }
}

fn put(disk: &dyn Disk, path: &Path, bytes: &[u8]) {
    disk.create_dir_all(path.parent().expect("in a directory")).expect("made");
    let file = disk.open_or_create(path).expect("made");
    file.write_all_at(bytes, 0).expect("written");
}

/// Writes the content that the lines name, and makes length and checksum of each line true.
fn mend_snapshot(text: &str, catalog: &[u8], part: &[u8], disk: &dyn Disk) -> String {
    let manifest: String = text
        .split_terminator('\n')
        .filter_map(|l| l.strip_prefix("manifest "))
        .map(|l| format!("{l}\n"))
        .collect();
    let manifest = checksums::mend_manifest(manifest.as_bytes());
    let mut manifest = String::from_utf8(manifest).expect("text and a sum");
    let mut out = String::new();
    for line in text.split_terminator('\n') {
        if line.starts_with("manifest ") {
            for line in std::mem::take(&mut manifest).split_terminator('\n') {
                out.push_str(&format!("manifest {line}\n"));
            }
            continue;
        }
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["file", kind, name, stored, ..] => {
                let content = if *kind == "catalog" { catalog } else { part };
                let (bytes, sum) = (content.len(), checksum(content));
                out.push_str(&format!("file {kind} {name} {stored} {bytes} {sum:016x}\n"));
                if !stored.is_empty() && !stored.starts_with('/') && !stored.contains("..") {
                    put(disk, &Path::new("/backup").join(stored), content);
                }
            }
            _ => out.push_str(&format!("{line}\n")),
        }
    }
    String::from_utf8(checksums::mend_manifest(out.as_bytes())).expect("text and a sum")
}
