//! Sends frames over several connections and counts what came back.
//!
//! A lane belongs to one connection, so that every series keeps its order of time and a server
//! that remembers what a connection sent last finds it again. No connection runs far ahead of the
//! others: some servers refuse samples that are much older than the newest they have.

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};

use crate::frames::Frames;
use crate::http::{Answer, Client};
use crate::outcome::Outcome;

/// What to send where.
#[derive(Debug)]
pub(crate) struct Load<'a> {
    pub(crate) address: SocketAddr,
    /// Request line and header lines but for the length.
    pub(crate) head: &'a str,
    pub(crate) frames: &'a Frames,
    pub(crate) rounds: Range<usize>,
    pub(crate) connections: usize,
    /// When to stop though not all is sent.
    pub(crate) deadline: Instant,
}

/// What was sent and how it went.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    /// Requests that were answered with a 2xx status.
    pub(crate) frames: u64,
    pub(crate) wire_bytes: u64,
    pub(crate) seconds: f64,
    /// From the first byte of a request to the last of its answer, microseconds, ascending.
    pub(crate) latencies_us: Vec<u32>,
    /// Requests sent again because the server asked for it or closed the connection.
    pub(crate) retries: u64,
    /// Requests that the server refused for good.
    pub(crate) refused: u64,
    /// The first refusal in the server's words.
    pub(crate) complaint: Option<String>,
    /// Not everything was sent: time ran out or too much was refused.
    pub(crate) cut: bool,
}

/// A connection may be at most so many rounds ahead of the slowest one.
const ROUNDS_AHEAD_MAX: usize = 30;
/// After so many refusals a connection gives up.
const REFUSALS_MAX: u64 = 20;

impl Load<'_> {
    /// Sends everything and returns when the last answer is there.
    pub(crate) fn send(&self) -> Result<Sent> {
        let pace = Pace::new(self.connections, self.rounds.start);
        let start = Instant::now();
        let parts: Vec<Result<Sent>> = thread::scope(|scope| {
            let threads: Vec<_> = (0..self.connections)
                .map(|own| {
                    let pace = &pace;
                    scope.spawn(move || {
                        let sent = self.send_lanes(own, pace);
                        pace.reach(own, usize::MAX);
                        sent
                    })
                })
                .collect();
            let join = |thread: thread::ScopedJoinHandle<'_, Result<Sent>>| {
                thread.join().unwrap_or_else(|_| Err(anyhow!("a sending thread panicked")))
            };
            threads.into_iter().map(join).collect()
        });
        let mut all = Sent { seconds: start.elapsed().as_secs_f64(), ..Sent::default() };
        for part in parts {
            all.add(part?);
        }
        all.latencies_us.sort_unstable();
        Ok(all)
    }

    fn send_lanes(&self, own: usize, pace: &Pace) -> Result<Sent> {
        let mut sent = Sent::default();
        let mut line = Line { address: self.address, client: None };
        let mut request = Vec::new();
        for round in self.rounds.clone() {
            pace.reach(own, round);
            for lane in (own..self.frames.shape.lanes).step_by(self.connections) {
                if Instant::now() >= self.deadline || sent.refused >= REFUSALS_MAX {
                    sent.cut = true;
                    return Ok(sent);
                }
                let body_len = self.frames.len(round, lane);
                request.clear();
                request.extend(self.head.as_bytes());
                request.extend(format!("Content-Length: {body_len}\r\n\r\n").as_bytes());
                self.frames.append(round, lane, &mut request)?;
                line.deliver(&request, self.deadline, &mut sent)?;
            }
        }
        Ok(sent)
    }
}

impl Sent {
    fn add(&mut self, part: Self) {
        self.frames += part.frames;
        self.wire_bytes += part.wire_bytes;
        self.latencies_us.extend(part.latencies_us);
        self.retries += part.retries;
        self.refused += part.refused;
        self.complaint = self.complaint.take().or(part.complaint);
        self.cut |= part.cut;
    }

    /// Notes what did not go smoothly.
    ///
    /// # Errors
    /// Nothing at all was accepted: there is nothing to measure.
    pub(crate) fn note_in(&self, outcome: &mut Outcome) -> Result<()> {
        let complaint = self.complaint.as_deref().unwrap_or("none");
        if self.frames == 0 {
            bail!("nothing was accepted; first complaint: {complaint}");
        }
        if self.cut || self.refused > 0 || self.retries > 0 {
            let Self { frames, refused, retries, .. } = self;
            let end = if self.cut { "cut off before the end" } else { "all sent" };
            outcome.note(format!(
                "{end}: {frames} requests accepted, {refused} refused, {retries} sent again; \
                 first complaint: {complaint}"
            ));
        }
        Ok(())
    }

    /// Returns a percentile of the request times, milliseconds.
    pub(crate) fn latency_ms(&self, percent: usize) -> f64 {
        let last = self.latencies_us.len().saturating_sub(1);
        let at = self.latencies_us.get(last * percent / 100);
        at.map_or(0.0, |us| f64::from(*us) / 1_000.0)
    }
}

/// A connection that is opened again when it breaks.
struct Line {
    address: SocketAddr,
    client: Option<Client>,
}

impl Line {
    /// Sends one request until it is taken, refused for good, or time is up.
    fn deliver(&mut self, request: &[u8], deadline: Instant, sent: &mut Sent) -> Result<()> {
        loop {
            let start = Instant::now();
            match self.exchange(request) {
                Ok(answer) if (200..300).contains(&answer.status) => {
                    let us = u32::try_from(start.elapsed().as_micros()).unwrap_or(u32::MAX);
                    sent.latencies_us.push(us);
                    sent.frames += 1;
                    sent.wire_bytes += request.len() as u64;
                    return Ok(());
                }
                Ok(answer) if answer.status == 429 || answer.status >= 500 => {
                    sent.complaint.get_or_insert_with(|| words_of(&answer));
                }
                Ok(answer) => {
                    sent.complaint.get_or_insert_with(|| words_of(&answer));
                    sent.refused += 1;
                    return Ok(());
                }
                Err(broken) => {
                    self.client = None;
                    sent.complaint.get_or_insert_with(|| broken.to_string());
                }
            }
            if Instant::now() >= deadline {
                sent.refused += 1;
                return Ok(());
            }
            sent.retries += 1;
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn exchange(&mut self, request: &[u8]) -> std::io::Result<Answer> {
        let client = match &mut self.client {
            Some(client) => client,
            none => none.insert(Client::connect(self.address)?),
        };
        client.exchange(request)
    }
}

fn words_of(answer: &Answer) -> String {
    let text = String::from_utf8_lossy(&answer.body);
    let start: String = text.trim().chars().take(200).collect();
    format!("{} {start}", answer.status)
}

/// Which round each connection has reached.
struct Pace {
    rounds: Mutex<Vec<usize>>,
    moved: Condvar,
}

impl Pace {
    fn new(connections: usize, start: usize) -> Self {
        Self { rounds: Mutex::new(vec![start; connections]), moved: Condvar::new() }
    }

    /// Notes that a connection begins a round, and waits until the others are near enough.
    fn reach(&self, own: usize, round: usize) {
        let mut rounds = self.rounds.lock().unwrap_or_else(PoisonError::into_inner);
        rounds[own] = round;
        self.moved.notify_all();
        let ahead = |rounds: &Vec<usize>| {
            let slowest = rounds.iter().min().copied().unwrap_or(round);
            round != usize::MAX && round > slowest.saturating_add(ROUNDS_AHEAD_MAX)
        };
        while ahead(&rounds) {
            rounds = self.moved.wait(rounds).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_come_from_the_sorted_times() {
        let sent = Sent { latencies_us: (1..=1_000).collect(), ..Sent::default() };
        assert_eq!((sent.latency_ms(50), sent.latency_ms(99)), (0.5, 0.99));
        assert_eq!(Sent::default().latency_ms(99), 0.0);
    }

    #[test]
    fn a_fast_connection_waits_for_a_slow_one() {
        let pace = Pace::new(2, 0);
        thread::scope(|scope| {
            let fast = scope.spawn(|| pace.reach(0, ROUNDS_AHEAD_MAX + 1));
            pace.reach(1, 1);
            fast.join().expect("released");
        });
        pace.reach(0, usize::MAX);
    }
}
