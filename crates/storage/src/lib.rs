//! Bytes that survive: the journal that makes a write durable, the immutable parts it later moves
//! to, and the manifest that says which parts count. This crate does not know what the bytes mean.
//!
//! The two seams to other engines are traits here, [`Journal`] and [`Parts`], each with its
//! embedded form ([`FileJournal`], [`FileParts`]) and a test-suite ([`suite`]) that any other form
//! must pass too.

mod backup;
mod block;
mod file_journal;
mod journal;
mod journal_follow;
mod journal_inspect;
mod journal_scan;
mod manifest;
mod parts;
pub mod suite;

pub use backup::{
    BackupDir, BackupError, Findings, Progress, ProgressNow, SavedFile, Snapshot, Source,
};
pub use block::{BLOCK_HEADER_BYTES, BlockError, open_block, seal_block};
pub use file_journal::{FileJournal, FileJournalOptions};
pub use journal::{CommitError, Frame, Journal, JournalError, SyncMode, SyncModeError, SyncTimes};
pub use journal_inspect::{JournalDamage, JournalReport, cut_journal, cut_tail, inspect_journal};
pub use journal_scan::UnreadTail;
pub use manifest::{Manifest, ManifestError, ManifestFile, Tombstone};
pub use parts::{FileParts, PartFile, PartWriter, Parts};
