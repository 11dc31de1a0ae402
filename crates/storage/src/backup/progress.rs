//! How far a long copy is, for whoever waits for it; and the way to end it early.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Counts of a copy under way, shared with whoever shows them.
#[derive(Debug, Default)]
pub struct Progress {
    files: AtomicU64,
    files_done: AtomicU64,
    bytes: AtomicU64,
    bytes_done: AtomicU64,
    bytes_copied: AtomicU64,
    stopped: AtomicBool,
}

/// What a [`Progress`] stands at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProgressNow {
    /// Files in all; zero while that is not known yet.
    pub files: u64,
    /// Files that are done.
    pub files_done: u64,
    /// Bytes in all.
    pub bytes: u64,
    /// Bytes that are done, copied or found in place.
    pub bytes_done: u64,
    /// Bytes that were copied.
    pub bytes_copied: u64,
}

impl Progress {
    pub(crate) fn expect(&self, files: u64, bytes: u64) {
        self.files.store(files, Ordering::Relaxed);
        self.bytes.store(bytes, Ordering::Relaxed);
    }

    pub(crate) fn file_done(&self) {
        self.files_done.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn found(&self, bytes: u64) {
        self.bytes_done.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn copied(&self, bytes: u64) {
        self.bytes_done.fetch_add(bytes, Ordering::Relaxed);
        self.bytes_copied.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Returns how far it is.
    pub fn now(&self) -> ProgressNow {
        ProgressNow {
            files: self.files.load(Ordering::Relaxed),
            files_done: self.files_done.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            bytes_done: self.bytes_done.load(Ordering::Relaxed),
            bytes_copied: self.bytes_copied.load(Ordering::Relaxed),
        }
    }

    /// Asks for the end: the copy gives up at its next piece.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}
