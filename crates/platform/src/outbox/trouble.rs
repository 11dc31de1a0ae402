//! What is wrong with deliveries just now, for whoever looks after the server.

use stdx::Stopwatch;

/// What the delivering thread last saw.
#[derive(Debug, Default)]
pub(crate) struct Trouble {
    /// The outbox cannot be read or written: with what, and for how long.
    pub(crate) stuck: Option<(String, Stopwatch)>,
    /// The receiver that has failed for the longest time.
    pub(crate) failing: Option<FailingReceiver>,
    /// How many fail.
    pub(crate) failing_count: usize,
    /// Dead letters that there are.
    pub(crate) letters: usize,
    /// When the newest was given up, milliseconds since 1970.
    pub(crate) newest_letter_ms: Option<i64>,
}

/// A receiver whose last attempt failed.
#[derive(Debug, Clone)]
pub(crate) struct FailingReceiver {
    /// `handler/NAME` or `subscription/ARN`.
    pub(crate) lane: String,
    /// Of the first attempt that failed without one behind it that did not, milliseconds since 1970.
    pub(crate) since_ms: i64,
    /// What the last one said.
    pub(crate) why: String,
}
