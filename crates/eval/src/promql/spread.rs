//! Work on many series, spread over threads, whose results are taken in order.

use super::EvalError;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

/// Results that may wait for those before them: each takes memory.
pub(super) const WAITING_MAX: usize = 6;

/// How long to wait for others before looking at the limits.
const WAIT: Duration = Duration::from_millis(10);

/// Says that nobody wants results any more.
#[derive(Debug, Default)]
pub(super) struct Stop(AtomicBool);

impl Stop {
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Calls `make` with the numbers below `count` on so many threads, the caller's among them, and `give`
/// with what it made, in the order of the numbers. Each thread works with something of its own that
/// `with` makes. `check` is asked now and then whether to go on.
///
/// # Errors
/// The first one of `give` or `check`; what is still being made is thrown away.
pub(super) fn in_order<W, R: Send>(
    threads: usize,
    count: usize,
    with: impl Fn() -> W + Sync,
    make: impl Fn(&mut W, usize, &Stop) -> R + Sync,
    mut give: impl FnMut(R) -> Result<(), EvalError>,
    check: impl Fn() -> Result<(), EvalError>,
) -> Result<(), EvalError> {
    let stop = Stop::default();
    if threads < 2 || count < 2 {
        let mut own = with();
        return (0..count).try_for_each(|number| {
            check()?;
            give(make(&mut own, number, &stop))
        });
    }
    let next = AtomicUsize::new(0);
    let take = || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|number| *number < count);
    thread::scope(|scope| {
        let (sender, made) = sync_channel(1);
        for _ in 1..threads {
            let (sender, with, make, take, stop) = (sender.clone(), &with, &make, &take, &stop);
            scope.spawn(move || {
                let mut own = with();
                while !stop.is_set()
                    && let Some(number) = take()
                {
                    let result = make(&mut own, number, stop);
                    if sender.send((number, result)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let mut own = with();
        let mut waiting = BTreeMap::new();
        let mut wanted = 0;
        let result = loop {
            waiting.extend(made.try_iter());
            if let Some(result) = waiting.remove(&wanted) {
                wanted += 1;
                if let Err(error) = give(result) {
                    break Err(error);
                }
                continue;
            }
            if wanted == count {
                break Ok(());
            }
            if let Err(error) = check() {
                break Err(error);
            }
            if waiting.len() < WAITING_MAX
                && let Some(number) = take()
            {
                waiting.insert(number, make(&mut own, number, &stop));
                continue;
            }
            match made.recv_timeout(WAIT) {
                Ok((number, result)) => drop(waiting.insert(number, result)),
                Err(RecvTimeoutError::Timeout) => {}
                // A thread that panicked: the scope says so.
                Err(RecvTimeoutError::Disconnected) => {
                    if !waiting.contains_key(&wanted) {
                        break Err(EvalError::execution("a thread of the evaluation ended"));
                    }
                }
            }
        };
        stop.0.store(true, Ordering::Relaxed);
        result
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(threads: usize, count: usize, fail_at: usize) -> (Vec<usize>, bool) {
        let mut seen = Vec::new();
        let give = |number: usize| {
            seen.push(number);
            if number == fail_at { Err(EvalError::Cancelled) } else { Ok(()) }
        };
        let make = |own: &mut usize, number, _: &Stop| {
            *own += 1;
            number
        };
        let done = in_order(threads, count, || 0, make, give, || Ok(()));
        (seen, done.is_ok())
    }

    #[test]
    fn results_come_in_order_and_an_error_ends_it() {
        for threads in 1..=4 {
            for count in [0, 1, 2, 1_000] {
                assert_eq!(run(threads, count, usize::MAX), ((0..count).collect(), true));
            }
            assert_eq!(run(threads, 1_000, 70), ((0..=70).collect(), false));
        }
        let never = || Err(EvalError::Timeout);
        let done = in_order(2, 10, || (), |(), n, _| n, |_| Ok(()), never);
        assert!(matches!(done, Err(EvalError::Timeout)));
    }
}
