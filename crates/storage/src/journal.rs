//! The seam to the journal: what makes a write durable, whatever engine does it.

use std::fmt;
use std::io;
use std::ops::ControlFlow;
use std::str::FromStr;
use std::time::Duration;

/// One frame as it was enqueued, with the sequence that it got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Position in the journal: grows by one with each frame, never used twice.
    pub sequence: u64,
    /// What the payload is; the journal does not look at it.
    pub kind: u8,
    /// The bytes.
    pub payload: &'a [u8],
}

/// When a write counts as kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SyncMode {
    /// After the disk confirmed it. Survives loss of power.
    #[default]
    Always,
    /// When it was handed to the operating system, which is made to write it out every so often.
    /// Survives `kill -9`; loss of power can take what came within the interval.
    Interval(Duration),
    /// When it was handed to the operating system. Survives `kill -9`; loss of power can take what
    /// the operating system had not written, usually up to half a minute.
    Os,
}

/// Why a text is no [`SyncMode`].
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("sync mode must be `always`, `interval:<milliseconds>` (1 to 60000) or `os`")]
pub struct SyncModeError;

impl FromStr for SyncMode {
    type Err = SyncModeError;

    fn from_str(text: &str) -> Result<Self, SyncModeError> {
        match text {
            "always" => Ok(Self::Always),
            "os" => Ok(Self::Os),
            _ => {
                let ms = text.strip_prefix("interval:").ok_or(SyncModeError)?;
                let ms = ms.strip_suffix("ms").unwrap_or(ms);
                match ms.parse::<u64>() {
                    Ok(ms @ 1..=60_000) => Ok(Self::Interval(Duration::from_millis(ms))),
                    _ => Err(SyncModeError),
                }
            }
        }
    }
}

impl fmt::Display for SyncMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Always => f.write_str("always"),
            Self::Interval(pause) => write!(f, "interval:{}", pause.as_millis()),
            Self::Os => f.write_str("os"),
        }
    }
}

/// Why the journal could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The disk said no.
    #[error("journal {what}")]
    Io {
        /// What was tried, with the file's name.
        what: String,
        /// What the disk said.
        #[source]
        source: io::Error,
    },
    /// Frames that were acknowledged cannot be read back. Opening would silently lose them.
    #[error(
        "journal segment {segment} is damaged at byte {offset}: frame {sequence} cannot be read, \
         yet later frames were acknowledged after it; `sightline fsck` says what can be read behind it"
    )]
    Damaged {
        /// File name of the segment.
        segment: String,
        /// Where the unreadable frame starts.
        offset: u64,
        /// The sequence that was expected there.
        sequence: u64,
    },
    /// Frames that the caller still needs are gone.
    #[error(
        "journal starts at frame {oldest}, after the needed frame {needed}; `sightline fsck` says \
         what is missing"
    )]
    Gone {
        /// First frame that is needed.
        needed: u64,
        /// First frame that there is.
        oldest: u64,
    },
    /// A segment was written by a version that this one does not know.
    #[error("journal segment {segment} has format version {version}, which is not known here")]
    Version {
        /// File name of the segment.
        segment: String,
        /// The version that it names.
        version: u16,
    },
    /// A commit failed, and its frames have not been given up yet (see [`Journal::resume`]).
    #[error("journal takes no frames while it gives up those that it could not keep")]
    Refusing,
    /// A sync failed earlier: what the disk holds is unknown until the journal is reopened.
    #[error("journal refuses writes since a sync failed; restart to read back what was kept")]
    Broken,
}

/// Why enqueued frames were not kept. They, and all enqueued after them, are taken back: their
/// sequences will be given again, after [`Journal::resume`].
#[derive(Debug, thiserror::Error)]
#[error("journal did not keep frames from {from} on")]
pub struct CommitError {
    /// The first frame that was taken back.
    pub from: u64,
    /// Says whether the journal takes further frames (a full disk) or not (a failed sync).
    pub broken: bool,
    /// What went wrong.
    #[source]
    pub source: JournalError,
}

/// An ordered, durable sequence of frames.
///
/// Writers [`enqueue`](Journal::enqueue) from any thread; one thread calls
/// [`commit`](Journal::commit) over and over, and each commit keeps all that was enqueued with one
/// sync. Readers (replay, the tap) see committed frames only.
pub trait Journal: Send + Sync + fmt::Debug {
    /// Adds a frame to the next commit and returns its sequence. It is not kept yet.
    ///
    /// # Errors
    /// [`JournalError::Broken`] after a failed sync, [`JournalError::Refusing`] between a failed
    /// commit and [`Journal::resume`].
    fn enqueue(&self, kind: u8, payload: &[u8]) -> Result<u64, JournalError>;

    /// Waits up to `wait` for enqueued frames and keeps them; returns the last kept sequence when
    /// there were any.
    ///
    /// # Errors
    /// [`CommitError`] names the frames that were taken back. No frame is taken then until
    /// [`Journal::resume`]: one that came in between could rest on frames that are gone.
    fn commit(&self, wait: Duration) -> Result<Option<u64>, CommitError>;

    /// Takes frames again after a failed commit; called when whoever enqueued the lost frames knows.
    /// After a failed sync it changes nothing.
    fn resume(&self);

    /// Returns the sequence of the last kept frame; zero before the first.
    fn committed(&self) -> u64;

    /// Shows every kept frame from sequence `from` on, oldest first, until `visit` breaks.
    ///
    /// # Errors
    /// [`JournalError::Gone`] when frames from `from` on were released.
    fn read_from(
        &self,
        from: u64,
        visit: &mut dyn FnMut(Frame<'_>) -> ControlFlow<()>,
    ) -> Result<(), JournalError>;

    /// Says that nobody needs the frames up to and with `upto`; their space is used again.
    fn release(&self, upto: u64);

    /// Returns the bytes that the journal occupies.
    fn size_bytes(&self) -> u64;

    /// Returns how long its syncs take; nothing where there are none.
    fn sync_times(&self) -> SyncTimes {
        SyncTimes::default()
    }
}

/// How long the writes and syncs of commits take, in real time.
#[derive(Debug, Clone, Copy, Default)]
pub struct SyncTimes {
    /// How many were done.
    pub count: u64,
    /// How long all of them took.
    pub total: Duration,
    /// The longest of the last minute or so.
    pub longest: Duration,
    /// For how long the present one has been under way, if one is.
    pub under_way: Option<Duration>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sync_modes_are_read_and_shown() {
        for text in ["always", "os", "interval:100"] {
            assert_eq!(text.parse::<SyncMode>().unwrap().to_string(), text);
        }
        for text in ["", "never", "interval:", "interval:0", "interval:x", "interval:60001"] {
            assert_eq!(text.parse::<SyncMode>(), Err(SyncModeError), "{text}");
        }
    }
}
