//! Where samples come from and how much may be taken: what whoever asks provides.

use super::labels::is_name;
use super::{EvalError, Grouping, Labels, Samples};
use lang::promql::Matcher;

/// Which series, and which of their samples.
#[derive(Debug, Clone, Copy)]
pub struct Selection<'a> {
    /// All must match.
    pub matchers: &'a [Matcher],
    /// Samples later than this, milliseconds since 1970.
    pub after_ms: i64,
    /// The last moment of which samples are wanted.
    pub last_ms: i64,
    /// Only the newest of these samples of each series is wanted; others may be left out.
    pub newest: bool,
}

/// A place that has series.
pub trait Source {
    /// Finds the series that have samples in a selection. Nothing needs to be decoded yet.
    ///
    /// # Errors
    /// What the place says, as [`EvalError::Source`] or a limit.
    fn select<'s>(
        &'s self,
        selection: &Selection<'_>,
    ) -> Result<Box<dyn SeriesSet + 's>, EvalError>;
}

/// The series of a selection. Some may turn out to have no samples in it.
pub trait SeriesSet: Sync {
    /// Returns how many there are.
    fn len(&self) -> usize;

    /// Says whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns what reads them; several may read at once, each on a thread of its own.
    fn reader(&self) -> Box<dyn SeriesReader + '_>;

    /// Says which group each series is in, by the values of some labels, sorted by name; `None` where it
    /// takes no less than to look at each series (see [`SeriesReader::group`]).
    ///
    /// # Errors
    /// As [`SeriesReader::labels`].
    fn groups(&self, _labels: &[String]) -> Result<Option<SetGroups>, EvalError> {
        Ok(None)
    }

    /// Says whether all have the same name (namespace, unit): without it they differ as before.
    ///
    /// # Errors
    /// As [`SeriesReader::labels`].
    fn have_one_name(&self) -> Result<bool, EvalError> {
        let mut reader = self.reader();
        let mut first: Option<Labels> = None;
        for at in 0..self.len() {
            let labels = reader.labels(at)?;
            let own = || labels.iter().filter(|(name, _)| is_name(name));
            match &first {
                None => first = Some(Labels::from_sorted(own())),
                Some(first) if first.iter().eq(own()) => {}
                Some(_) => return Ok(false),
            }
        }
        Ok(true)
    }
}

/// The groups of a set's series.
#[derive(Debug)]
pub struct SetGroups {
    /// For each series the number of its group.
    pub of: Vec<u32>,
    /// For each group what its series have in common.
    pub labels: Vec<Labels>,
}

/// Reads the series of a set, quickest one after the other.
pub trait SeriesReader {
    /// Returns the labels of a series, with `__name__`.
    ///
    /// # Errors
    /// As [`Source::select`].
    fn labels(&mut self, at: usize) -> Result<Labels, EvalError>;

    /// Replaces `key` by the group of a series (see [`Grouping::key_of`]).
    ///
    /// # Errors
    /// As [`SeriesReader::labels`].
    fn group(&mut self, at: usize, grouping: &Grouping, key: &mut String) -> Result<(), EvalError> {
        grouping.key_of(&self.labels(at)?, key);
        Ok(())
    }

    /// Replaces `into` by the samples of a series inside the selection, oldest first, stale
    /// markers among them.
    ///
    /// # Errors
    /// As [`Source::select`].
    fn read(&mut self, at: usize, into: &mut Samples) -> Result<(), EvalError>;
}

/// How long and how much: asked as the evaluation goes on, by all its threads.
pub trait Limits: Sync {
    /// Says whether to go on. Called every few hundred series.
    ///
    /// # Errors
    /// [`EvalError::Timeout`] or [`EvalError::Cancelled`].
    fn check(&self) -> Result<(), EvalError>;

    /// Counts samples that were read.
    ///
    /// # Errors
    /// [`EvalError::TooMuch`] when they are too many in all.
    fn read(&self, samples: u64) -> Result<(), EvalError>;

    /// Takes memory for values between; it is given back.
    ///
    /// # Errors
    /// [`EvalError::TooMuch`].
    fn take(&self, bytes: u64) -> Result<(), EvalError>;

    /// Gives back memory that was taken.
    fn give_back(&self, bytes: u64);
}

/// No limits: for tests and for what is known to be small.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unlimited;

impl Limits for Unlimited {
    fn check(&self) -> Result<(), EvalError> {
        Ok(())
    }

    fn read(&self, _samples: u64) -> Result<(), EvalError> {
        Ok(())
    }

    fn take(&self, _bytes: u64) -> Result<(), EvalError> {
        Ok(())
    }

    fn give_back(&self, _bytes: u64) {}
}
