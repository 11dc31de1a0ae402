//! The way out: what the process sends to others because of something, through one seam.
//!
//! A call is started and answers later, so one thread can have many under way and a slow receiver
//! holds up nobody but itself. The real form lives beside whoever sends; [`SimNet`] is a world of
//! receivers made by a test.

use crate::Rng;
use parking_lot::Mutex;
use std::fmt;
use std::sync::Arc;

/// What is sent out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// A request over HTTP.
    Http(HttpCall),
    /// A message over SMTP.
    Mail(MailCall),
    /// A program on this machine.
    Command(CommandCall),
}

/// A request over HTTP. No redirect is followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpCall {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// Where to.
    pub url: String,
    /// Headers, beside those that HTTP itself needs.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// It is given up after so long.
    pub wait_ms: u64,
    /// The operator named this address: it may be anywhere.
    pub is_trusted: bool,
}

/// A message over SMTP, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailCall {
    /// Sender of the envelope.
    pub from: String,
    /// Receiver of the envelope.
    pub to: String,
    /// Head and body.
    pub message: Vec<u8>,
    /// It is given up after so long.
    pub wait_ms: u64,
}

/// A program and what it reads. There is no shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandCall {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Its standard input.
    pub input: Vec<u8>,
    /// It is killed after so long.
    pub wait_ms: u64,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Status of HTTP, code of SMTP, exit code of a program.
    pub status: u16,
    /// The beginning of what was said.
    pub body: Vec<u8>,
}

/// Why nothing came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallError {
    /// What happened, as a fragment that fits after a colon.
    pub text: String,
    /// The same call cannot succeed later.
    pub is_permanent: bool,
}

impl CallError {
    /// It may work later.
    pub fn for_now(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_permanent: false }
    }

    /// It will never work.
    pub fn for_good(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_permanent: true }
    }
}

/// Takes what became of a call.
pub type CallDone = Box<dyn FnOnce(Result<Reply, CallError>) + Send>;

/// The world outside, as far as we begin to speak.
pub trait Net: Send + Sync + fmt::Debug {
    /// Starts a call. `done` is called exactly once, at once or later on another thread.
    fn start(&self, call: Call, done: CallDone);
}

/// What a made-up receiver says to a call.
type Receiver = dyn Fn(&Call, &mut Rng) -> Option<Result<Reply, CallError>> + Send + Sync;

/// A world of receivers made by a test, under one seed.
pub struct SimNet {
    rng: Mutex<Rng>,
    receiver: Box<Receiver>,
    calls: Mutex<Vec<Call>>,
    waiting: Mutex<Vec<CallDone>>,
}

impl fmt::Debug for SimNet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimNet").finish_non_exhaustive()
    }
}

impl SimNet {
    /// Makes a world in which `receiver` answers; a call that gets `None` hangs until
    /// [`SimNet::cut`].
    pub fn new(
        seed: u64,
        receiver: impl Fn(&Call, &mut Rng) -> Option<Result<Reply, CallError>> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            rng: Mutex::new(Rng::from_seed(seed)),
            receiver: Box::new(receiver),
            calls: Mutex::default(),
            waiting: Mutex::default(),
        })
    }

    /// Returns all calls so far, in their order.
    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().clone()
    }

    /// Ends the calls that hang, as a time limit does.
    pub fn cut(&self) {
        let waiting = std::mem::take(&mut *self.waiting.lock());
        for done in waiting {
            done(Err(CallError::for_now("no answer in time")));
        }
    }
}

impl Net for SimNet {
    fn start(&self, call: Call, done: CallDone) {
        let answer = (self.receiver)(&call, &mut self.rng.lock());
        self.calls.lock().push(call);
        match answer {
            Some(answer) => done(answer),
            None => self.waiting.lock().push(done),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn a_call_that_hangs_ends_when_it_is_cut() {
        let net = SimNet::new(1, |_, _| None);
        let ended = Arc::new(AtomicUsize::new(0));
        let call = Call::Command(CommandCall { argv: vec![], input: vec![], wait_ms: 1 });
        let counted = ended.clone();
        let done = Box::new(move |outcome: Result<Reply, CallError>| {
            assert!(!outcome.unwrap_err().is_permanent);
            counted.fetch_add(1, Ordering::Relaxed);
        });
        net.start(call.clone(), done);
        assert_eq!((ended.load(Ordering::Relaxed), net.calls()), (0, vec![call]));
        net.cut();
        net.cut();
        assert_eq!(ended.load(Ordering::Relaxed), 1);
    }
}
