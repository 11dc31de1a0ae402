//! Wakes the thread that delivers, and tells whoever waits when nothing is left to do.

use parking_lot::{Condvar, Mutex};
use std::time::Duration;
use stdx::Stopwatch;

#[derive(Debug, Default)]
struct State {
    woken: bool,
    /// Questions whether all is quiet ...
    asked: u64,
    /// ... and the last of them that was answered with yes.
    answered: u64,
}

/// What the delivering thread and the others tell each other.
#[derive(Debug, Default)]
pub(super) struct Signal {
    state: Mutex<State>,
    wake: Condvar,
    quiet: Condvar,
}

impl Signal {
    pub(super) fn wake(&self) {
        self.state.lock().woken = true;
        self.wake.notify_all();
    }

    /// Waits to be woken, at most so long.
    pub(super) fn wait(&self, pause: Duration) {
        let mut state = self.state.lock();
        if !state.woken {
            self.wake.wait_for(&mut state, pause);
        }
        state.woken = false;
    }

    /// Returns the newest question; what is done after this call answers it.
    pub(super) fn asked(&self) -> u64 {
        self.state.lock().asked
    }

    /// All was quiet after this question was asked.
    pub(super) fn answer(&self, asked: u64) {
        let mut state = self.state.lock();
        state.answered = state.answered.max(asked);
        drop(state);
        self.quiet.notify_all();
    }

    /// Waits until nothing is due and nothing is under way, at most so long (of real time). Returns
    /// whether that is so.
    pub(super) fn until_quiet(&self, patience: Duration) -> bool {
        let watch = Stopwatch::start();
        let mut state = self.state.lock();
        state.asked += 1;
        let mine = state.asked;
        state.woken = true;
        self.wake.notify_all();
        while state.answered < mine {
            let Some(left) = patience.checked_sub(watch.elapsed()).filter(|l| !l.is_zero()) else {
                return false;
            };
            self.quiet.wait_for(&mut state, left);
        }
        true
    }
}
