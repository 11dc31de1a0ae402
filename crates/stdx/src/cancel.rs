//! Tells work that nobody waits for its result any more.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A flag that whoever waits raises when they go, and that long work looks at now and then.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

thread_local! {
    /// The flag of what this thread works on.
    static CURRENT: RefCell<Option<Cancel>> = const { RefCell::new(None) };
}

impl Cancel {
    /// Makes a flag that is not raised.
    pub fn new() -> Self {
        Self::default()
    }

    /// Raises the flag, for good.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Says whether the flag was raised.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Does work on this thread; while it lasts [`Cancel::current`] gives this flag here.
    ///
    /// Of the thread and not of every function between a socket and a loop: all doors answer
    /// questions on a thread that works on nothing else, and none of their words is about sockets.
    pub fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        /// Also when the work panics: the thread goes on with something else.
        struct Restore(Option<Cancel>);
        impl Drop for Restore {
            fn drop(&mut self) {
                CURRENT.set(self.0.take());
            }
        }
        let _restore = Restore(CURRENT.replace(Some(self.clone())));
        work()
    }

    /// Returns the flag of what this thread works on, if it has one.
    pub fn current() -> Option<Self> {
        CURRENT.with_borrow(Clone::clone)
    }
}

#[cfg(test)]
mod tests {
    use super::Cancel;

    #[test]
    fn a_flag_is_there_while_the_work_lasts() {
        let (outer, inner) = (Cancel::new(), Cancel::new());
        inner.cancel();
        let raised = || Cancel::current().map(|flag| flag.is_cancelled());
        assert_eq!(raised(), None);
        outer.during(|| {
            assert_eq!(raised(), Some(false));
            inner.during(|| assert_eq!(raised(), Some(true)));
            let failed = std::panic::catch_unwind(|| inner.during(|| panic!("a mistake")));
            assert!(failed.is_err());
            assert_eq!(raised(), Some(false));
        });
        assert_eq!(raised(), None);
    }
}
