//! Files as the stores see them: positioned reads and writes, explicit syncs, explicit directories.
//!
//! [`RealDisk`] is the operating system's. [`SimDisk`](crate::SimDisk) keeps everything in memory,
//! loses what was not synced, tears writes and fails on request.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// An open file; all calls are positioned, so that it can be shared between threads.
pub trait DiskFile: Send + Sync + fmt::Debug {
    /// Reads up to `buf.len()` bytes at `offset`; fewer only at the end of the file.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all of `bytes` at `offset`, growing the file where needed. Not durable before
    /// [`DiskFile::sync`].
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Makes the file's content and length durable. After an error the content is unknown: the
    /// file must not be written again before it was read anew.
    fn sync(&self) -> io::Result<()>;

    /// Returns the length in bytes.
    fn len(&self) -> io::Result<u64>;

    /// Says whether the file holds nothing.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Cuts the file, or grows it with zeros.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Reads exactly `buf.len()` bytes at `offset`.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] when the file ends before.
    fn read_exact_at(&self, mut buf: &mut [u8], mut offset: u64) -> io::Result<()> {
        while !buf.is_empty() {
            let n = self.read_at(buf, offset)?;
            if n == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            buf = &mut buf[n..];
            offset += n as u64;
        }
        Ok(())
    }

    /// Reads the whole file.
    fn read_all(&self) -> io::Result<Vec<u8>> {
        let len = usize::try_from(self.len()?).map_err(io::Error::other)?;
        let mut bytes = vec![0; len];
        self.read_exact_at(&mut bytes, 0)?;
        Ok(bytes)
    }
}

/// Keeps a data directory to one process; released when dropped.
#[derive(Debug)]
pub struct DiskLock(#[expect(dead_code, reason = "held for its drop")] Option<File>);

impl DiskLock {
    /// A lock that guards nothing, for disks that only one test can see.
    pub(crate) fn unguarded() -> Self {
        Self(None)
    }
}

/// A place for files. Paths are absolute or relative to the process.
pub trait Disk: Send + Sync + fmt::Debug + 'static {
    /// Makes the directory and those above it.
    fn create_dir_all(&self, dir: &Path) -> io::Result<()>;

    /// Makes the directory for its owner alone, and those above it as usual. One that is there stays
    /// as it is.
    fn create_private_dir(&self, dir: &Path) -> io::Result<()>;

    /// Returns the names of the files directly in `dir`, sorted; an absent directory has none.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;

    /// Says whether nothing is in `dir`, neither files nor directories; an absent one holds nothing.
    fn is_vacant(&self, dir: &Path) -> io::Result<bool>;

    /// Opens an existing file for reading and writing.
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Opens a file for reading and writing, making it when it is absent. The name is durable only
    /// after [`Disk::sync_dir`].
    fn open_or_create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Makes a file for reading and writing that only its owner may open; for secrets.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] when there is a file of that name: who may read that one is
    /// not known.
    fn create_private(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Says whether anybody but its owner may read, write or run a file.
    fn is_open_to_others(&self, path: &Path) -> io::Result<bool>;

    /// Gives a file another name in one step, replacing what had that name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in `dir` durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// Takes the directory for this process alone.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when another process holds it.
    fn lock(&self, path: &Path) -> io::Result<DiskLock>;

    /// Returns how many bytes are free below `dir`.
    fn free_bytes(&self, dir: &Path) -> io::Result<u64>;
}

/// The operating system's files.
#[derive(Debug, Default, Clone, Copy)]
pub struct RealDisk;

#[derive(Debug)]
struct RealFile(File);

impl DiskFile for RealFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        loop {
            match FileExt::read_at(&self.0, buf, offset) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        FileExt::write_all_at(&self.0, bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that touches files")]
impl Disk for RealDisk {
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        fs::create_dir_all(dir)
    }

    fn create_private_dir(&self, dir: &Path) -> io::Result<()> {
        use std::os::unix::fs::DirBuilderExt;
        if let Some(above) = dir.parent() {
            fs::create_dir_all(above)?;
        }
        match fs::DirBuilder::new().mode(0o700).create(dir) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => Ok(()),
            other => other,
        }
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(dir) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(e),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn is_vacant(&self, dir: &Path) -> io::Result<bool> {
        match fs::read_dir(dir) {
            Ok(mut entries) => Ok(entries.next().is_none()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(true),
            Err(e) => Err(e),
        }
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(RealFile(OpenOptions::new().read(true).write(true).open(path)?)))
    }

    fn open_or_create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        Ok(Box::new(RealFile(options.open(path)?)))
    }

    fn create_private(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        use std::os::unix::fs::OpenOptionsExt;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(0o600);
        Ok(Box::new(RealFile(options.open(path)?)))
    }

    fn is_open_to_others(&self, path: &Path) -> io::Result<bool> {
        use std::os::unix::fs::PermissionsExt;
        Ok(fs::metadata(path)?.permissions().mode() & 0o077 != 0)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    fn lock(&self, path: &Path) -> io::Result<DiskLock> {
        use rustix::fs::{FlockOperation, flock};
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(path)?;
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        Ok(DiskLock(Some(file)))
    }

    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(dir)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_real_file_keeps_what_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let file = RealDisk.open_or_create(&path).unwrap();
        file.write_all_at(b"hello", 3).unwrap();
        file.sync().unwrap();
        RealDisk.sync_dir(dir.path()).unwrap();
        assert_eq!(RealDisk.open(&path).unwrap().read_all().unwrap(), b"\0\0\0hello");
        assert_eq!(RealDisk.list(dir.path()).unwrap(), ["a"]);
        assert!(RealDisk.free_bytes(dir.path()).unwrap() > 0);
    }

    #[test]
    fn a_private_file_is_for_its_owner_and_made_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        RealDisk.create_private(&path).unwrap().write_all_at(b"x", 0).unwrap();
        assert!(!RealDisk.is_open_to_others(&path).unwrap());
        let again = RealDisk.create_private(&path).unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(RealDisk.is_open_to_others(&path).unwrap());
    }

    #[test]
    fn a_private_directory_is_for_its_owner_and_one_that_is_there_stays() {
        let dir = tempfile::tempdir().unwrap();
        let (made, found) = (dir.path().join("above/data"), dir.path().join("above/found"));
        RealDisk.create_private_dir(&made).unwrap();
        assert!(!RealDisk.is_open_to_others(&made).unwrap());
        use std::os::unix::fs::PermissionsExt;
        fs::create_dir(&found).unwrap();
        fs::set_permissions(&found, fs::Permissions::from_mode(0o755)).unwrap();
        for dir in [&made, &found] {
            RealDisk.create_private_dir(dir).unwrap();
        }
        assert!(!RealDisk.is_open_to_others(&made).unwrap());
        assert!(RealDisk.is_open_to_others(&found).unwrap());
        RealDisk.open_or_create(&made.join("file")).unwrap();
        assert!(RealDisk.create_private_dir(&made.join("file")).is_err());
    }

    #[test]
    fn a_second_lock_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = RealDisk.lock(&path).unwrap();
        assert_eq!(RealDisk.lock(&path).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(held);
        RealDisk.lock(&path).unwrap();
    }
}
