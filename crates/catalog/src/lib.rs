//! Named definitions: everything that is put, listed and changed rather than streamed.
//!
//! The seam is [`Catalog`]: get, scan, compare-and-write, watch. The embedded form keeps entries in
//! redb, over `stdx::Disk`, with many writers sharing one commit; [`suite`] is what any other form
//! must pass too. It does not know what definitions do.
//!
//! ```
//! use catalog::{Catalog, Change, RedbCatalog};
//! let disk: std::sync::Arc<dyn stdx::Disk> =
//!     std::sync::Arc::new(stdx::SimDisk::new(1, stdx::CrashPlan::default()));
//! let catalog = RedbCatalog::open(&disk, std::path::Path::new("/catalog.redb"))?;
//! catalog.write(vec![Change::create("tenants", "1", b"000000000000/us-east-1".to_vec())])?;
//! assert!(catalog.get("tenants", "1")?.is_some());
//! # Ok::<(), catalog::CatalogError>(())
//! ```

mod inspect;
mod redb_catalog;
pub mod suite;

pub use inspect::inspect_catalog;
pub use redb_catalog::RedbCatalog;

use std::fmt;
use std::time::Duration;

/// What an entry must be for a change to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    /// Anything.
    Anything,
    /// There must be no entry.
    Absent,
    /// The entry must be exactly this.
    Value(Vec<u8>),
}

/// A change of one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The kind of definition; holds no NUL.
    pub table: &'static str,
    /// Its name.
    pub key: String,
    /// What it becomes; `None` removes it.
    pub value: Option<Vec<u8>>,
    /// What it must be before.
    pub expect: Expect,
}

impl Change {
    /// Makes an entry that must not exist.
    pub fn create(table: &'static str, key: impl Into<String>, value: Vec<u8>) -> Self {
        Self { table, key: key.into(), value: Some(value), expect: Expect::Absent }
    }

    /// Makes or replaces an entry.
    pub fn put(table: &'static str, key: impl Into<String>, value: Vec<u8>) -> Self {
        Self { table, key: key.into(), value: Some(value), expect: Expect::Anything }
    }

    /// Removes an entry if it is there.
    pub fn remove(table: &'static str, key: impl Into<String>) -> Self {
        Self { table, key: key.into(), value: None, expect: Expect::Anything }
    }
}

/// Why the catalog did not do as asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CatalogError {
    /// An entry was not as expected; nothing was changed.
    #[error("{table} {key:?} is not as expected")]
    Conflict {
        /// Table of the entry.
        table: &'static str,
        /// Key of the entry.
        key: String,
    },
    /// The file failed or is damaged.
    #[error("catalog {what}: {why}")]
    Storage {
        /// What was tried.
        what: &'static str,
        /// What was said.
        why: String,
    },
}

/// An entry of any table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The kind of definition.
    pub table: String,
    /// Its name.
    pub key: String,
    /// What it is.
    pub value: Vec<u8>,
}

/// Entries in tables, changed in steps that are durable and whole.
pub trait Catalog: Send + Sync + fmt::Debug {
    /// Returns an entry.
    ///
    /// # Errors
    /// [`CatalogError::Storage`].
    fn get(&self, table: &'static str, key: &str) -> Result<Option<Vec<u8>>, CatalogError>;

    /// Returns the entries whose key begins with `prefix`, in the order of their keys.
    ///
    /// # Errors
    /// [`CatalogError::Storage`].
    fn scan(
        &self,
        table: &'static str,
        prefix: &str,
    ) -> Result<Vec<(String, Vec<u8>)>, CatalogError>;

    /// Returns up to `max` entries whose key begins with `prefix` and stands behind `after`, in the
    /// order of their keys: for tables that are too long to be taken at once.
    ///
    /// # Errors
    /// [`CatalogError::Storage`].
    fn page(
        &self,
        table: &'static str,
        prefix: &str,
        after: &str,
        max: usize,
    ) -> Result<Vec<(String, Vec<u8>)>, CatalogError>;

    /// Returns up to `max` entries whose key begins with `prefix` and stands before `before`, the last of
    /// them first; nothing is before the empty text, which stands for the end.
    ///
    /// # Errors
    /// [`CatalogError::Storage`].
    fn page_back(
        &self,
        table: &'static str,
        prefix: &str,
        before: &str,
        max: usize,
    ) -> Result<Vec<(String, Vec<u8>)>, CatalogError>;

    /// Returns all entries of all tables as they stood at one moment, sorted by table and key.
    ///
    /// # Errors
    /// [`CatalogError::Storage`].
    fn entries(&self) -> Result<Vec<Entry>, CatalogError>;

    /// Makes all changes, or none; returns when they are durable.
    ///
    /// # Errors
    /// [`CatalogError::Conflict`] names the first entry that was not as expected.
    fn write(&self, changes: Vec<Change>) -> Result<(), CatalogError>;

    /// Waits up to `wait` until something was written after `seen` and returns the revision then:
    /// a number that grows with each write. Zero is before the first.
    fn watch(&self, seen: u64, wait: Duration) -> u64;
}
