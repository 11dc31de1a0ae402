//! One signal that everything which waits listens to.

use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use std::time::Duration;

/// Tells threads to stop; cloned to everyone who waits.
#[derive(Debug, Clone, Default)]
pub struct StopSignal(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    stopped: Mutex<bool>,
    wake: Condvar,
}

impl StopSignal {
    /// Makes a signal that has not been given.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives the signal and wakes everyone who waits for it.
    pub fn stop(&self) {
        *self.0.stopped.lock() = true;
        self.0.wake.notify_all();
    }

    /// Says whether the signal was given.
    pub fn is_stopped(&self) -> bool {
        *self.0.stopped.lock()
    }

    /// Waits until the signal is given or `pause` has passed; returns true when it was given.
    pub fn wait(&self, pause: Duration) -> bool {
        let mut stopped = self.0.stopped.lock();
        if !*stopped {
            self.0.wake.wait_for(&mut stopped, pause);
        }
        *stopped
    }
}

#[cfg(test)]
mod tests {
    use super::StopSignal;
    use std::time::Duration;

    #[test]
    fn wait_returns_at_once_after_stop() {
        let signal = StopSignal::new();
        assert!(!signal.is_stopped());
        let other = signal.clone();
        other.stop();
        assert!(signal.wait(Duration::from_secs(3600)));
    }
}
