//! Bodies on their way in and answers on their way out, within the memory that they may take.

use crate::clients::{Client, Clients, Doing};
use crate::listen::{Answer, plain};
use bytes::{Bytes, BytesMut};
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use stdx::Stopwatch;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// No door takes a larger body; each may take less, and so may a server with little memory.
const BODY_BYTES_MAX: usize = 64 << 20;
/// Less than this for all bodies together makes no server.
const BODIES_BYTES_MIN: u64 = 16 << 20;
/// A sender that has not finished its body by then is gone; on loopback the largest takes a second.
const BODY_WAIT: Duration = Duration::from_secs(60);
/// Nor may it pause for so long.
const PAUSE_MAX: Duration = Duration::from_secs(20);
/// The first bytes of each body come out of a half of the memory that large bodies never touch, so
/// that those who send little, as most do, need not wait for those who send much.
const SMALL_BYTES: usize = 1 << 20;
/// A sender for whom there is no room waits so long for others to finish.
const ROOM_WAIT: Duration = Duration::from_secs(5);
/// Answers up to this size are not counted.
const SMALL_ANSWER_BYTES: usize = 64 << 10;
/// What permits count.
const UNIT: usize = 1 << 10;

/// Memory of bodies and answers.
#[derive(Debug)]
pub(crate) struct Traffic {
    small: Arc<Semaphore>,
    large: Arc<Semaphore>,
    answers: Arc<Semaphore>,
    body_max: usize,
    bodies_max: u64,
    answers_max: u64,
    refused_bodies: AtomicU64,
    refused_answers: AtomicU64,
}

/// What a body takes of the memory, for as long as it is held.
#[derive(Debug, Default)]
pub(crate) struct Held {
    small: Option<OwnedSemaphorePermit>,
    large: Option<OwnedSemaphorePermit>,
    bytes: usize,
}

fn permits(bytes: u64) -> usize {
    usize::try_from(bytes / UNIT as u64).unwrap_or(usize::MAX).clamp(64, Semaphore::MAX_PERMITS)
}

impl Traffic {
    /// Allows so many bytes of bodies and of answers.
    pub(crate) fn new(bodies_max: u64, answers_max: u64) -> Self {
        let bodies_max = bodies_max.max(BODIES_BYTES_MIN);
        // One of the largest size fits into its half, or it could never come in.
        let body_max = BODY_BYTES_MAX.min(usize::try_from(bodies_max / 2).unwrap_or(usize::MAX));
        let semaphore = |bytes| Arc::new(Semaphore::new(permits(bytes)));
        Self {
            small: semaphore(bodies_max / 2),
            large: semaphore(bodies_max / 2),
            answers: semaphore(answers_max),
            body_max,
            bodies_max,
            answers_max,
            refused_bodies: AtomicU64::new(0),
            refused_answers: AtomicU64::new(0),
        }
    }

    /// Returns the bytes that bodies and answers take now.
    pub(crate) fn used(&self) -> (u64, u64) {
        let left = |s: &Semaphore| (s.available_permits() * UNIT) as u64;
        let bodies = self.bodies_max.saturating_sub(left(&self.small) + left(&self.large));
        (bodies, self.answers_max.saturating_sub(left(&self.answers)))
    }

    /// Returns how many bodies and answers found no room.
    pub(crate) fn refused(&self) -> (u64, u64) {
        (self.refused_bodies.load(Ordering::Relaxed), self.refused_answers.load(Ordering::Relaxed))
    }

    /// Takes room for more bytes of a body; slow senders give way when there is none.
    async fn hold(&self, held: &mut Held, more: usize, client: &Client, clients: &Clients) -> bool {
        if self.try_hold(held, more) {
            return true;
        }
        let waited = Stopwatch::start();
        client.is_held_up();
        while waited.elapsed() < ROOM_WAIT {
            clients.cut_slowest();
            tokio::time::sleep(Duration::from_millis(20)).await;
            if self.try_hold(held, more) {
                client.goes_on(waited.elapsed());
                return true;
            }
        }
        self.refused_bodies.fetch_add(1, Ordering::Relaxed);
        false
    }

    fn try_hold(&self, held: &mut Held, more: usize) -> bool {
        let before = held.bytes;
        let all = before + more;
        let units = |from: usize, to: usize| (to.div_ceil(UNIT) - from.div_ceil(UNIT)) as u32;
        let small = units(before.min(SMALL_BYTES), all.min(SMALL_BYTES));
        let large = units(before.max(SMALL_BYTES), all.max(SMALL_BYTES));
        let Ok(of_small) = self.small.clone().try_acquire_many_owned(small) else { return false };
        let Ok(of_large) = self.large.clone().try_acquire_many_owned(large) else { return false };
        for (slot, permit) in [(&mut held.small, of_small), (&mut held.large, of_large)] {
            match slot {
                Some(slot) => slot.merge(permit),
                None => *slot = Some(permit),
            }
        }
        held.bytes = all;
        true
    }

    /// Reads a body whole.
    pub(crate) async fn read(
        &self,
        parts: &Parts,
        body: Incoming,
        client: &Client,
        clients: &Clients,
    ) -> Result<(Bytes, Held), Box<Answer>> {
        let announced = parts.headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok());
        let announced = announced.and_then(|v| v.parse::<usize>().ok());
        if announced.is_some_and(|len| len > self.body_max) {
            return Err(self.too_large());
        }
        if announced.unwrap_or(0) == 0 && body.is_end_stream() {
            return Ok((Bytes::new(), Held::default()));
        }
        client.does(Doing::Sending);
        let read = tokio::time::timeout(BODY_WAIT, self.collect(body, announced, client, clients));
        match read.await {
            Ok(read) => read,
            Err(_) => Err(late(&format!("the body was not there within {BODY_WAIT:?}"))),
        }
    }

    async fn collect(
        &self,
        mut body: Incoming,
        announced: Option<usize>,
        client: &Client,
        clients: &Clients,
    ) -> Result<(Bytes, Held), Box<Answer>> {
        let mut held = Held::default();
        let mut first = Bytes::new();
        let mut all = BytesMut::new();
        loop {
            let Ok(frame) = tokio::time::timeout(PAUSE_MAX, body.frame()).await else {
                return Err(late(&format!("nothing of the body came for {PAUSE_MAX:?}")));
            };
            let data = match frame {
                None => break,
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => data,
                    Err(_trailers) => continue,
                },
                Some(Err(error)) => {
                    let text = format!("the body could not be read: {error}\n");
                    return Err(Box::new(plain(StatusCode::BAD_REQUEST, text)));
                }
            };
            let so_far = first.len() + all.len();
            if so_far + data.len() > self.body_max {
                return Err(self.too_large());
            }
            client.sent(data.len());
            if !self.hold(&mut held, data.len(), client, clients).await {
                return Err(busy("bodies of requests take all the memory that they may"));
            }
            // Most bodies come in one piece, which is taken as it is.
            if so_far == 0 {
                first = data;
                continue;
            }
            if all.is_empty() {
                // As announced, but not before anything of it is there.
                all.reserve(announced.unwrap_or(0).min(4 * (so_far + data.len())));
                all.extend_from_slice(&std::mem::take(&mut first));
            }
            all.extend_from_slice(&data);
        }
        Ok((if all.is_empty() { first } else { all.freeze() }, held))
    }

    fn too_large(&self) -> Box<Answer> {
        let text = format!("the body may have {} bytes at most\n", self.body_max);
        Box::new(plain(StatusCode::PAYLOAD_TOO_LARGE, text))
    }

    /// Sends an answer on its way, if there is room for it.
    pub(crate) fn send(&self, answer: Answer, client: &Arc<Client>) -> Answer {
        let len = answer.body().size_hint().exact().unwrap_or(0);
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        if len <= SMALL_ANSWER_BYTES {
            client.does(Doing::Idle);
            return answer;
        }
        let units = u32::try_from(len.div_ceil(UNIT)).unwrap_or(u32::MAX);
        let Ok(held) = self.answers.clone().try_acquire_many_owned(units) else {
            self.refused_answers.fetch_add(1, Ordering::Relaxed);
            client.does(Doing::Idle);
            return *busy("answers that clients have not read yet take all the memory");
        };
        client.does(Doing::Reading);
        let client = client.clone();
        answer.map(|full| {
            let bytes = full.into_inner().unwrap_or_default();
            Full::new(Bytes::from_owner(Unread { bytes, client, _held: held }))
        })
    }
}

/// An answer whose memory is held until the last of it is written, or its reader is gone. The
/// connection lets go of a body as soon as it has taken its bytes, so the bytes carry it.
struct Unread {
    bytes: Bytes,
    client: Arc<Client>,
    _held: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Unread {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        self.client.does(Doing::Idle);
    }
}

fn late(text: &str) -> Box<Answer> {
    Box::new(plain(StatusCode::REQUEST_TIMEOUT, format!("{text}\n")))
}

/// What a client is told that may try again.
fn busy(text: &str) -> Box<Answer> {
    let mut answer = plain(StatusCode::SERVICE_UNAVAILABLE, format!("{text}; try again\n"));
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    Box::new(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_bodies_leave_room_for_small_ones() {
        let traffic = Traffic::new(0, 0);
        let mut all = Vec::new();
        loop {
            let mut held = Held::default();
            if !traffic.try_hold(&mut held, traffic.body_max) {
                break;
            }
            all.push(held);
        }
        assert_eq!(all.len(), 1, "the least that may be set is for one of the largest");
        for _ in 0..7 {
            let mut held = Held::default();
            assert!(traffic.try_hold(&mut held, 1_000) && traffic.try_hold(&mut held, 999_000));
            all.push(held);
        }
        let (bodies, _) = traffic.used();
        let expected = traffic.body_max as u64 + 7_000_000;
        assert!(bodies.abs_diff(expected) < 100 * UNIT as u64, "{bodies} is not {expected}");
        drop(all);
        assert_eq!(traffic.used().0, 0);
    }

    #[test]
    fn answers_that_nobody_reads_leave_room_for_small_ones() {
        let traffic = Traffic::new(0, 1 << 20);
        let client = Arc::new(Clients::new(10)).enter().unwrap();
        let answer = |bytes: usize| plain(StatusCode::OK, vec![b'x'; bytes]);
        let sent: Vec<_> = (0..4).map(|_| traffic.send(answer(300 << 10), &client)).collect();
        let statuses: Vec<u16> = sent.iter().map(|s| s.status().as_u16()).collect();
        assert_eq!(statuses, [200, 200, 200, 503]);
        assert_eq!(traffic.send(answer(64 << 10), &client).status(), 200);
        drop(sent);
        assert_eq!((traffic.used().1, traffic.refused()), (0, (0, 1)));
    }
}
