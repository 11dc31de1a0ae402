//! The seam to the parts: immutable files, written once, synced, then listed in the manifest.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use stdx::{Disk, DiskFile};

/// Reads an immutable part by position.
pub trait PartFile: Send + Sync + fmt::Debug {
    /// Reads exactly `buf.len()` bytes at `offset`.
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()>;

    /// Returns the length in bytes.
    fn len(&self) -> io::Result<u64>;

    /// Says whether the part holds nothing.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
}

/// Writes a new part from front to back.
pub trait PartWriter: Send + fmt::Debug {
    /// Appends bytes.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Makes content and name durable. A part that was not finished leaves at most a leftover,
    /// which [`Parts::retain`] removes.
    fn finish(&mut self) -> io::Result<()>;
}

/// A place for immutable parts: files here, object storage elsewhere.
pub trait Parts: Send + Sync + fmt::Debug {
    /// Starts a new part under a name that is not in use.
    fn create(&self, name: &str) -> io::Result<Box<dyn PartWriter>>;

    /// Opens a finished part.
    fn open(&self, name: &str) -> io::Result<Box<dyn PartFile>>;

    /// Removes a part. Those who have it open may go on reading it.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Returns the names of all parts that are there, listed or not.
    fn names(&self) -> io::Result<Vec<String>>;

    /// Removes everything that `keep` does not want: leftovers of a crash. Returns their names.
    fn retain(&self, keep: &dyn Fn(&str) -> bool) -> io::Result<Vec<String>>;
}

/// The embedded form of [`Parts`]: files with the ending `.part` in one directory.
#[derive(Debug, Clone)]
pub struct FileParts {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
}

impl FileParts {
    /// Uses `dir`, which is made when it is absent.
    pub fn open_dir(disk: Arc<dyn Disk>, dir: &Path) -> io::Result<Self> {
        disk.create_dir_all(dir)?;
        Ok(Self { disk, dir: dir.to_path_buf() })
    }
}

#[derive(Debug)]
struct FilePart(Box<dyn DiskFile>);

impl PartFile for FilePart {
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_exact_at(buf, offset)
    }

    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }
}

/// Writes reach the disk in pieces of this size.
const WRITE_BYTES: usize = 1 << 20;

#[derive(Debug)]
struct FilePartWriter {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    file: Box<dyn DiskFile>,
    buffer: Vec<u8>,
    written: u64,
}

impl FilePartWriter {
    fn drain(&mut self) -> io::Result<()> {
        self.file.write_all_at(&self.buffer, self.written)?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

impl PartWriter for FilePartWriter {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= WRITE_BYTES { self.drain() } else { Ok(()) }
    }

    fn finish(&mut self) -> io::Result<()> {
        self.drain()?;
        self.file.sync()?;
        self.disk.sync_dir(&self.dir)
    }
}

impl Parts for FileParts {
    fn create(&self, name: &str) -> io::Result<Box<dyn PartWriter>> {
        let path = self.dir.join(name);
        let file = self.disk.open_or_create(&path)?;
        // A leftover of the same name may be there after a crash.
        if !file.is_empty()? {
            file.set_len(0)?;
        }
        let (disk, dir) = (self.disk.clone(), self.dir.clone());
        Ok(Box::new(FilePartWriter { disk, dir, file, buffer: Vec::new(), written: 0 }))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn PartFile>> {
        Ok(Box::new(FilePart(self.disk.open(&self.dir.join(name))?)))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.remove(&self.dir.join(name))
    }

    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = self.disk.list(&self.dir)?;
        names.retain(|name| name.ends_with(".part"));
        Ok(names)
    }

    fn retain(&self, keep: &dyn Fn(&str) -> bool) -> io::Result<Vec<String>> {
        let mut removed = Vec::new();
        for name in self.names()? {
            if !keep(&name) {
                self.disk.remove(&self.dir.join(&name))?;
                removed.push(name);
            }
        }
        Ok(removed)
    }
}
