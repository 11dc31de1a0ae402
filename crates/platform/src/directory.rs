//! The data directory: taken for one process, and marked with what it is.

use crate::{OpenError, saving};
use std::path::{Path, PathBuf};
use stdx::{Disk, DiskLock};

/// The first line of the file that marks a data directory; a later version that cannot read this
/// form refuses it by this line.
pub(crate) const DIRECTORY_VERSION: &str = "sightline-data 1";

/// Where the key of a data directory is unless somebody says otherwise.
pub(crate) fn key_file(dir: &Path) -> PathBuf {
    dir.join("secret.key")
}

/// Takes a data directory, which is made for its owner alone when there is none. `is_virtual` says which clock it is
/// written by; `None` takes any.
pub(crate) fn take(
    disk: &dyn Disk,
    dir: &Path,
    is_virtual: Option<bool>,
) -> Result<DiskLock, OpenError> {
    let failed = |what: String| OpenError::Directory { dir: dir.to_path_buf(), what };
    disk.create_private_dir(dir).map_err(|e| failed(format!("cannot be made: {e}")))?;
    let lock = disk.lock(&dir.join("LOCK")).map_err(|e| match e.kind() {
        std::io::ErrorKind::WouldBlock => {
            failed("is in use by another process; stop that one, or choose another --data".into())
        }
        _ => failed(format!("cannot be locked: {e}")),
    })?;
    saving::refuse_unfinished(disk, dir).map_err(failed)?;
    mark_directory(disk, dir, is_virtual).map_err(failed)?;
    Ok(lock)
}

/// Checks or writes the file that says what the directory is. One written on a virtual clock does
/// not open on the real one: its times are not of this world.
pub(crate) fn mark_directory(
    disk: &dyn Disk,
    dir: &Path,
    is_virtual: Option<bool>,
) -> Result<(), String> {
    let path = dir.join("VERSION");
    let clock = if is_virtual == Some(true) { "virtual" } else { "real" };
    let text = format!("{DIRECTORY_VERSION}\nclock {clock}\n");
    let file = disk.open_or_create(&path).map_err(|e| format!("cannot be marked: {e}"))?;
    let found = file.read_all().map_err(|e| format!("mark cannot be read: {e}"))?;
    let found = String::from_utf8_lossy(&found);
    // A crash while it was written leaves a piece of it: nothing was kept here before it was whole.
    if found.len() < text.len() && text.starts_with(&*found) {
        let write = || {
            file.write_all_at(text.as_bytes(), 0)?;
            file.sync()?;
            disk.sync_dir(dir)
        };
        return write().map_err(|e: std::io::Error| format!("cannot be marked: {e}"));
    }
    let mut lines = found.lines();
    let version = lines.next().unwrap_or_default();
    if version != DIRECTORY_VERSION {
        return Err(format!(
            "was written by another version ({version:?}; this one reads {DIRECTORY_VERSION:?})"
        ));
    }
    match lines.next() {
        Some(_) if is_virtual.is_none() => Ok(()),
        Some(line) if line == format!("clock {clock}") => Ok(()),
        Some("clock virtual") => {
            Err("was written on a virtual clock and does not open on the real one".into())
        }
        _ => Err("was written on the real clock and does not open on a virtual one".into()),
    }
}
