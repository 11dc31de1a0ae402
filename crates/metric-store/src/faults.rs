//! What fails just now, and for how long: for whoever watches the server.

use parking_lot::Mutex;
use std::error::Error;
use std::io;
use std::time::Duration;
use stdx::Stopwatch;

/// What kind of failure it is, which decides what somebody can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// No space is left.
    Full,
    /// The disk takes no writes at all.
    ReadOnly,
    /// A sync of the journal failed: what the disk holds is unknown until the next start.
    SyncFailed,
    /// Anything else.
    Other,
}

/// A failure that lasts.
#[derive(Debug, Clone)]
pub struct Fault {
    /// What kind it is.
    pub kind: FaultKind,
    /// What was said the last time.
    pub error: String,
    /// For how long, in real time.
    pub lasting: Duration,
    /// How often it happened meanwhile.
    pub times: u64,
}

#[derive(Debug)]
struct Record {
    kind: FaultKind,
    error: String,
    since: Stopwatch,
    times: u64,
}

/// One thing that is tried over and over, and whether it fails.
#[derive(Debug, Default)]
pub(crate) struct Watched(Mutex<Option<Record>>);

impl Watched {
    pub(crate) fn works(&self) {
        *self.0.lock() = None;
    }

    pub(crate) fn fails(&self, kind: FaultKind, error: &dyn Error) {
        let error = match error.source() {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        };
        let mut record = self.0.lock();
        let (since, times) = match record.take() {
            Some(before) => (before.since, before.times + 1),
            None => (Stopwatch::start(), 1),
        };
        *record = Some(Record { kind, error, since, times });
    }

    pub(crate) fn told(&self) -> Option<Fault> {
        self.0.lock().as_ref().map(|record| Fault {
            kind: record.kind,
            error: record.error.clone(),
            lasting: record.since.elapsed(),
            times: record.times,
        })
    }
}

/// Says of which kind an error is, by what the disk said at the bottom of it.
pub(crate) fn kind_of(error: &(dyn Error + 'static)) -> FaultKind {
    let mut at = Some(error);
    while let Some(error) = at {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return match error.kind() {
                io::ErrorKind::StorageFull
                | io::ErrorKind::QuotaExceeded
                | io::ErrorKind::FileTooLarge => FaultKind::Full,
                io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
                    FaultKind::ReadOnly
                }
                _ => FaultKind::Other,
            };
        }
        at = error.source();
    }
    FaultKind::Other
}
