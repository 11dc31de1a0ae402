//! A moment of the store that can be copied while it goes on: the parts, and the manifest that
//! lists them.
//!
//! The head is flushed first, so that the parts hold everything up to one frame of the journal and
//! nothing behind it. Parts are immutable, and an open one can be read after it was merged away or
//! has expired: holding it is what keeps it.

use crate::exemplars::{exemplars_file, is_exemplars_file, verify_exemplars};
use crate::part::{Part, PartError};
use crate::store::{MetricStore, StoreError, io};
use std::io::{ErrorKind, Result as IoResult};
use std::sync::Arc;
use stdx::Rng;
use storage::{Manifest, PartFile};

/// Key of the manifest's setting that names the line of history that part names belong to.
const LINE: &str = "line";

/// A moment of the store.
#[derive(Debug)]
pub struct Saved {
    /// Lists the parts; `flushed` is the last frame that they hold.
    pub manifest: Manifest,
    /// What this directory's parts are called by, beside their names: a restored directory gets
    /// another, as it gives the same names to other content.
    pub line: String,
    /// The parts, in the order of the manifest.
    pub parts: Vec<SavedPart>,
    /// Points in them; one that was written twice in different parts counts twice.
    pub points: u64,
}

/// A part that can be read for as long as this is held.
#[derive(Debug)]
pub struct SavedPart {
    /// Its name.
    pub name: String,
    file: Held,
}

#[derive(Debug)]
enum Held {
    Open(Arc<Part>),
    /// Set aside when the store was opened: it is saved as it is, for whoever mends it.
    Aside(Box<dyn PartFile>),
    Exemplars(Box<dyn PartFile>),
}

impl SavedPart {
    /// Says whether it was found damaged.
    pub fn is_aside(&self) -> bool {
        match &self.file {
            Held::Open(part) => part.is_aside(),
            Held::Aside(_) => true,
            Held::Exemplars(_) => false,
        }
    }
}

impl PartFile for SavedPart {
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> IoResult<()> {
        match &self.file {
            Held::Open(part) => part.file().read_exact_at(buf, offset),
            Held::Aside(file) | Held::Exemplars(file) => file.read_exact_at(buf, offset),
        }
    }

    fn len(&self) -> IoResult<u64> {
        match &self.file {
            Held::Open(part) => part.file().len(),
            Held::Aside(file) | Held::Exemplars(file) => file.len(),
        }
    }
}

impl MetricStore {
    /// Flushes, and takes hold of all parts at that moment: what was acknowledged before this call
    /// is in them, what is written after it returns is not.
    ///
    /// # Errors
    /// [`StoreError`] when the head cannot be flushed.
    pub fn save(&self) -> Result<Saved, StoreError> {
        let pace = self.maintenance.lock();
        self.flush_held(&pace)?;
        let line = self.line()?;
        let manifest = self.manifest.lock().clone();
        let view = self.view.load_full();
        let mut parts = Vec::with_capacity(manifest.parts.len());
        for name in &manifest.parts {
            let file = match view.all_parts().find(|p| p.name() == name) {
                Some(part) => Held::Open(part.clone()),
                None => Held::Aside(self.parts.open(name).map_err(io("open a part"))?),
            };
            parts.push(SavedPart { name: name.clone(), file });
        }
        if let Some(name) = exemplars_file(&manifest) {
            // One that is gone was told of at the start.
            if let Some(file) = self.saved_exemplars(name)? {
                parts.push(SavedPart { name: name.to_owned(), file });
            }
        }
        let points = view.parts.iter().map(|p| p.meta().points).sum();
        Ok(Saved { manifest, line, parts, points })
    }

    fn saved_exemplars(&self, name: &str) -> Result<Option<Held>, StoreError> {
        let damaged = self.exemplars_are_damaged();
        match self.parts.open(name) {
            Ok(file) if damaged => Ok(Some(Held::Aside(file))),
            Ok(file) => Ok(Some(Held::Exemplars(file))),
            Err(error) if damaged && error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io("open exemplars")(error)),
        }
    }

    /// Returns the name of this line of history, which is made when it is first asked for.
    fn line(&self) -> Result<String, StoreError> {
        let mut manifest = self.manifest.lock();
        if let Some(line) = manifest.setting(LINE) {
            return Ok(line.to_owned());
        }
        let line = format!("{:016x}", Rng::from_system().next_u64());
        let mut next = manifest.clone();
        next.settings.push((LINE.to_owned(), line.clone()));
        self.replace_manifest(&next)?;
        *manifest = next;
        Ok(line)
    }
}

/// Returns the manifest with which a copy of the saved parts begins a line of history of its own.
#[must_use]
pub fn manifest_of_copy(saved: &Manifest) -> Manifest {
    let mut manifest = saved.clone();
    manifest.settings.retain(|(key, _)| key != LINE);
    manifest
}

/// Reads a part from front to back and compares the checksum of every block.
///
/// # Errors
/// [`PartError::Damaged`] names the first block that is not what was written.
pub fn check_part(name: &str, file: Box<dyn PartFile>) -> Result<(), PartError> {
    if is_exemplars_file(name) {
        return verify_exemplars(name, &*file).map(drop);
    }
    Part::open(name, file)?.check_blocks()
}
