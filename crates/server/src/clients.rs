//! Who is connected, and whom to cut off when there is no room for others.
//!
//! A client that sends slowly, or not at all, costs something for as long as it stays. While there
//! is room nobody minds; when there is none the slowest gives way to the next, so that those who
//! hold still never hold up those who write.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;
use stdx::Stopwatch;
use tokio::sync::Notify;

/// What a client is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Doing {
    /// Nothing, or sending the head of a request.
    Idle = 0,
    /// Sending the body of a request.
    Sending = 1,
    /// Waiting for an answer, which is being worked on.
    Waiting = 2,
    /// Reading an answer.
    Reading = 3,
    /// Sending a body for the rest of which there is no room yet.
    HeldUp = 4,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Client {
    clients: Arc<Clients>,
    number: u64,
    doing: AtomicU8,
    /// Since when it has been doing that, in milliseconds since the server's start.
    since_ms: AtomicU64,
    /// Bytes of the body that it sent so far.
    sent: AtomicU64,
    cut: Notify,
}

/// All connections.
#[derive(Debug)]
pub(crate) struct Clients {
    started: Stopwatch,
    max: usize,
    all: Mutex<HashMap<u64, Arc<Client>>>,
    next: AtomicU64,
    cut_idle: AtomicU64,
    cut_slow: AtomicU64,
    /// When a slow one was cut off last.
    cut_at_ms: AtomicU64,
}

/// A client is not cut off in its first moments of something: everyone needs some time.
const GRACE_MS: u64 = 1_000;
/// Slow ones are cut off no faster than this: it takes a moment until their memory is free.
const CUT_EVERY_MS: u64 = 30;

impl Clients {
    /// Allows so many connections.
    pub(crate) fn new(max: usize) -> Self {
        Self {
            started: Stopwatch::start(),
            max,
            all: Mutex::default(),
            next: AtomicU64::new(0),
            cut_idle: AtomicU64::new(0),
            cut_slow: AtomicU64::new(0),
            cut_at_ms: AtomicU64::new(0),
        }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Notes a new connection; the longest idle one gives way when there are too many. `None` when
    /// nobody is idle: then the new one has to go.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<Arc<Client>> {
        let client = Arc::new(Client {
            clients: self.clone(),
            number: self.next.fetch_add(1, Ordering::Relaxed),
            doing: AtomicU8::new(Doing::Idle as u8),
            since_ms: AtomicU64::new(self.now_ms()),
            sent: AtomicU64::new(0),
            cut: Notify::new(),
        });
        let mut all = self.all.lock();
        if all.len() >= self.max {
            let idle = all.values().filter(|c| c.is(Doing::Idle));
            let longest = idle.min_by_key(|c| c.since_ms.load(Ordering::Relaxed))?.number;
            if let Some(gone) = all.remove(&longest) {
                self.cut_idle.fetch_add(1, Ordering::Relaxed);
                gone.cut.notify_one();
            }
        }
        all.insert(client.number, client.clone());
        Some(client)
    }

    /// Cuts off whoever sends a body most slowly, if anybody has had the time to be slow; else, of
    /// those who are held up and hold each other up, the one who holds most. One at a time: what
    /// that one held must first be free.
    pub(crate) fn cut_slowest(&self) -> bool {
        let now_ms = self.now_ms();
        let mut all = self.all.lock();
        if now_ms.saturating_sub(self.cut_at_ms.load(Ordering::Relaxed)) < CUT_EVERY_MS {
            return false;
        }
        let lasting = |doing: Doing| {
            all.values()
                .filter(move |c| c.is(doing))
                .map(|c| (now_ms.saturating_sub(c.since_ms.load(Ordering::Relaxed)), c))
                .filter(|(took_ms, _)| *took_ms >= GRACE_MS)
        };
        let slowest = lasting(Doing::Sending)
            .min_by_key(|(took_ms, c)| c.sent.load(Ordering::Relaxed) / took_ms)
            .or_else(|| lasting(Doing::HeldUp).max_by_key(|(_, c)| c.sent.load(Ordering::Relaxed)))
            .map(|(_, c)| c.number);
        let Some(gone) = slowest.and_then(|number| all.remove(&number)) else { return false };
        self.cut_at_ms.store(now_ms, Ordering::Relaxed);
        self.cut_slow.fetch_add(1, Ordering::Relaxed);
        gone.cut.notify_one();
        true
    }

    /// Returns how many are connected.
    pub(crate) fn len(&self) -> usize {
        self.all.lock().len()
    }

    /// Returns how many may be connected.
    pub(crate) fn max(&self) -> usize {
        self.max
    }

    /// Returns how many were cut off: idle ones, slow ones.
    pub(crate) fn cut(&self) -> (u64, u64) {
        (self.cut_idle.load(Ordering::Relaxed), self.cut_slow.load(Ordering::Relaxed))
    }
}

impl Client {
    fn is(&self, doing: Doing) -> bool {
        self.doing.load(Ordering::Relaxed) == doing as u8
    }

    /// Notes what the client does from now on.
    pub(crate) fn does(&self, doing: Doing) {
        self.sent.store(0, Ordering::Relaxed);
        self.since_ms.store(self.clients.now_ms(), Ordering::Relaxed);
        self.doing.store(doing as u8, Ordering::Relaxed);
    }

    /// Notes that the client sends nothing because it is not read: there is no room yet.
    pub(crate) fn is_held_up(&self) {
        self.doing.store(Doing::HeldUp as u8, Ordering::Relaxed);
    }

    /// Notes that it may send again, after having been held up for some time, which is not its
    /// own slowness.
    pub(crate) fn goes_on(&self, held_up: Duration) {
        let held_up_ms = u64::try_from(held_up.as_millis()).unwrap_or(u64::MAX);
        self.since_ms.fetch_add(held_up_ms, Ordering::Relaxed);
        self.doing.store(Doing::Sending as u8, Ordering::Relaxed);
    }

    /// Notes bytes of a body.
    pub(crate) fn sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Waits until the client is cut off.
    pub(crate) async fn cut(&self) {
        self.cut.notified().await;
    }

    /// Notes that the connection is gone.
    pub(crate) fn left(&self) {
        self.clients.all.lock().remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_cut(client: &Client) -> bool {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let soon = std::time::Duration::from_millis(1);
        runtime.block_on(async { tokio::time::timeout(soon, client.cut()).await.is_ok() })
    }

    #[test]
    fn the_longest_idle_gives_way_and_nobody_who_is_busy() {
        let clients = Arc::new(Clients::new(3));
        let [a, b, c] = [0; 3].map(|_| clients.enter().unwrap());
        for (client, since_ms) in [(&a, 20), (&b, 10), (&c, 5)] {
            client.since_ms.store(since_ms, Ordering::Relaxed);
        }
        c.does(Doing::Waiting);
        let d = clients.enter().unwrap();
        assert!(is_cut(&b) && !is_cut(&a) && !is_cut(&c) && !is_cut(&d));
        for client in [&a, &d] {
            client.does(Doing::Sending);
        }
        assert!(clients.enter().is_none(), "everyone has something under way");
        c.left();
        assert!(clients.enter().is_some());
        assert_eq!((clients.len(), clients.cut()), (3, (1, 0)));
    }

    #[test]
    fn the_slowest_sender_gives_way() {
        let clients = Arc::new(Clients { started: Stopwatch::start(), ..Clients::new(10) });
        let [slow, fast, idle] = [0; 3].map(|_| clients.enter().unwrap());
        for client in [&slow, &fast] {
            client.does(Doing::Sending);
        }
        fast.sent(1_000_000);
        slow.sent(1_000);
        assert!(!clients.cut_slowest(), "they have only begun");
        // As if the server had run for some time.
        let wait = GRACE_MS - clients.now_ms().min(GRACE_MS) + 1;
        let begun = Stopwatch::start();
        while begun.elapsed().as_millis() <= u128::from(wait) {
            std::thread::yield_now();
        }
        assert!(clients.cut_slowest());
        assert!(is_cut(&slow) && !is_cut(&fast) && !is_cut(&idle));
        // Who is held up is not slow, and gives way only when nobody is.
        let other = clients.enter().unwrap();
        other.does(Doing::Sending);
        fast.is_held_up();
        clients.cut_at_ms.store(0, Ordering::Relaxed);
        assert!(clients.cut_slowest());
        assert!(is_cut(&fast) && !is_cut(&other), "the other one has only begun");
        assert!(!clients.cut_slowest(), "not two at once");
        other.is_held_up();
        other.goes_on(Duration::from_secs(1));
        assert!(other.is(Doing::Sending) && other.since_ms.load(Ordering::Relaxed) > wait);
        assert_eq!(clients.cut(), (0, 2));
    }
}
