//! What a column of a stream is called. Labels are made when somebody asks for them: a count over a
//! million series asks for none.

use super::source::{SeriesReader, SeriesSet, SetGroups};
use super::{EvalError, Grouping, Labels};
use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

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
    Series(&'n (dyn OfSet + 'n), usize),
}

/// Tells what the series of a set are called, for one stream of its columns.
pub(super) struct Names<'s> {
    set: &'s dyn SeriesSet,
    reader: RefCell<Box<dyn SeriesReader + 's>>,
    /// Labels that were made already, from a series on.
    made: RefCell<(usize, Vec<Option<Labels>>)>,
    /// By the one grouping that a stream ends in.
    groups: OnceCell<Option<Rc<SetGroups>>>,
}

impl<'s> Names<'s> {
    pub(super) fn new(set: &'s dyn SeriesSet) -> Self {
        let reader = RefCell::new(set.reader());
        Self { set, reader, made: RefCell::default(), groups: OnceCell::new() }
    }

    /// Hands over labels of series that follow each other, made by somebody else.
    pub(super) fn set_made(&self, first: usize, labels: Vec<Option<Labels>>) {
        *self.made.borrow_mut() = (first, labels);
    }
}

/// As [`Names`], for however long its set lives.
trait OfSet {
    fn labels(&self, at: usize) -> Result<Labels, EvalError>;
    fn group(&self, at: usize, by: &Grouping, key: &mut String) -> Result<(), EvalError>;
    fn groups(&self, by: &Grouping) -> Result<Option<&Rc<SetGroups>>, EvalError>;
}

impl OfSet for Names<'_> {
    fn labels(&self, at: usize) -> Result<Labels, EvalError> {
        let (first, made) = &*self.made.borrow();
        let known = at.checked_sub(*first).and_then(|at| made.get(at)?.clone());
        known.map_or_else(|| self.reader.borrow_mut().labels(at), Ok)
    }

    fn group(&self, at: usize, by: &Grouping, key: &mut String) -> Result<(), EvalError> {
        self.reader.borrow_mut().group(at, by, key)
    }

    fn groups(&self, by: &Grouping) -> Result<Option<&Rc<SetGroups>>, EvalError> {
        if self.groups.get().is_none() {
            let groups = by.labels().map_or(Ok(None), |labels| self.set.groups(labels))?;
            // Nobody else was here meanwhile.
            let _ = self.groups.set(groups.map(Rc::new));
        }
        Ok(self.groups.get().and_then(Option::as_ref))
    }
}

impl<'n> Name<'n> {
    pub(super) fn known(labels: &'n Labels) -> Self {
        Self { of: Of::Known(labels), nameless: false }
    }

    /// That of a series of a set.
    pub(super) fn of(names: &'n Names<'_>, at: usize) -> Self {
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

    /// Returns the groups of the set that the column is of, and the number of the column's own, where
    /// they are numbered.
    pub(super) fn numbered(
        self,
        grouping: &Grouping,
    ) -> Result<Option<(&'n Rc<SetGroups>, u32)>, EvalError> {
        let Of::Series(names, at) = self.of else { return Ok(None) };
        if self.nameless && grouping.wants_names() {
            return Ok(None);
        }
        Ok(names.groups(grouping)?.map(|groups| (groups, groups.of[at])))
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
