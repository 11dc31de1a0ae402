//! What a column of a stream is called. Labels are made when somebody asks for them: a count over a
//! million series asks for none.

use super::{EvalError, Grouping, Labels, SeriesReader};
use std::cell::RefCell;

/// The name of a column.
#[derive(Clone, Copy)]
pub(super) struct Name<'n> {
    of: Of<'n>,
    /// It has lost the metric's name.
    nameless: bool,
}

#[derive(Clone, Copy)]
enum Of<'n> {
    Known(&'n Labels),
    Series(&'n (dyn Names + 'n), usize),
}

/// Tells what series of a set are called.
pub(super) trait Names {
    fn labels(&self, at: usize) -> Result<Labels, EvalError>;
    fn group(&self, at: usize, by: &Grouping, key: &mut String) -> Result<(), EvalError>;
}

impl Names for RefCell<Box<dyn SeriesReader + '_>> {
    fn labels(&self, at: usize) -> Result<Labels, EvalError> {
        self.borrow_mut().labels(at)
    }

    fn group(&self, at: usize, by: &Grouping, key: &mut String) -> Result<(), EvalError> {
        self.borrow_mut().group(at, by, key)
    }
}

impl<'n> Name<'n> {
    pub(super) fn known(labels: &'n Labels) -> Self {
        Self { of: Of::Known(labels), nameless: false }
    }

    /// That of a series of a set.
    pub(super) fn of(names: &'n (dyn Names + 'n), at: usize) -> Self {
        Self { of: Of::Series(names, at), nameless: false }
    }

    /// Takes the metric's name away.
    pub(super) fn without_name(self) -> Self {
        Self { nameless: true, ..self }
    }

    pub(super) fn labels(self) -> Result<Labels, EvalError> {
        let labels = match self.of {
            Of::Known(labels) => labels.clone(),
            Of::Series(names, at) => names.labels(at)?,
        };
        Ok(if self.nameless { labels.without_name() } else { labels })
    }

    /// Replaces `key` by the column's group.
    pub(super) fn group(self, grouping: &Grouping, key: &mut String) -> Result<(), EvalError> {
        if grouping.is_one() {
            key.clear();
            return Ok(());
        }
        match self.of {
            Of::Series(names, at) if !(self.nameless && grouping.wants_names()) => {
                names.group(at, grouping, key)?;
            }
            _ => grouping.key_of(&self.labels()?, key),
        }
        Ok(())
    }
}
