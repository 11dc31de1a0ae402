//! A web hook of the tests: it can be slow, refuse, be held up, and go away and come back.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{JoinHandle, sleep};
use std::time::Duration;

/// A call, as it arrived, and what it was answered with.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) path: String,
    /// The head in small letters.
    pub(crate) head: String,
    pub(crate) body: String,
    pub(crate) status: u64,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> &str {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(n, _)| *n == name).map_or("", |(_, value)| value)
    }
}

#[derive(Debug)]
struct State {
    got: Mutex<Vec<Got>>,
    /// What calls are answered with.
    status: AtomicU64,
    /// How long an answer takes.
    delay_ms: AtomicU64,
    held: (Mutex<bool>, Condvar),
}

/// What outlives the socket.
#[derive(Debug, Clone)]
pub(crate) struct Calls(Arc<State>);

impl Calls {
    pub(crate) fn new() -> Self {
        Self(Arc::new(State {
            got: Mutex::default(),
            status: AtomicU64::new(200),
            delay_ms: AtomicU64::new(0),
            held: (Mutex::new(false), Condvar::new()),
        }))
    }

    pub(crate) fn got(&self) -> Vec<Got> {
        self.0.got.lock().expect("not poisoned").clone()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.got.lock().expect("not poisoned").len()
    }

    pub(crate) fn answer_with(&self, status: u64) {
        self.0.status.store(status, Ordering::SeqCst);
    }

    pub(crate) fn answer_after(&self, delay_ms: u64) {
        self.0.delay_ms.store(delay_ms, Ordering::SeqCst);
    }

    /// While it is held, nothing is answered.
    pub(crate) fn hold(&self, held: bool) {
        *self.0.held.0.lock().expect("not poisoned") = held;
        self.0.held.1.notify_all();
    }

    fn take(&self, reader: &mut BufReader<TcpStream>) -> Option<()> {
        let mut first = String::new();
        reader.read_line(&mut first).ok().filter(|len| *len > 0)?;
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            reader.read_line(&mut head).ok().filter(|len| *len > 0)?;
            if head == "\r\n" {
                break;
            }
        }
        let path = first.split(' ').nth(1)?.to_owned();
        let mut got = Got { path, head: head.to_lowercase(), body: String::new(), status: 0 };
        let mut body = vec![0; got.header("content-length").parse().ok()?];
        reader.read_exact(&mut body).ok()?;
        got.body = String::from_utf8(body).ok()?;
        got.status = self.0.status.load(Ordering::SeqCst);
        let status = got.status;
        // Noted before it is answered: what was answered must not come again without need.
        self.0.got.lock().expect("not poisoned").push(got);
        let mut held = self.0.held.0.lock().expect("not poisoned");
        while *held {
            held = self.0.held.1.wait(held).expect("not poisoned");
        }
        drop(held);
        sleep(Duration::from_millis(self.0.delay_ms.load(Ordering::SeqCst)));
        let answer = format!("HTTP/1.1 {status} Told\r\ncontent-length: 0\r\n\r\n");
        reader.get_mut().write_all(answer.as_bytes()).ok()
    }
}

/// The socket. It is closed when this is dropped, with every connection.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    is_closed: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl Receiver {
    #[track_caller]
    pub(crate) fn open(address: SocketAddr, calls: &Calls) -> Self {
        let listener = TcpListener::bind(address).expect("a port that is free");
        let address = listener.local_addr().expect("an address");
        let is_closed = Arc::new(AtomicBool::new(false));
        let (calls, closed) = (calls.clone(), is_closed.clone());
        let accepting = std::thread::spawn(move || {
            let mut sockets = Vec::new();
            for socket in listener.incoming() {
                if closed.load(Ordering::SeqCst) {
                    break;
                }
                let Ok(socket) = socket else { continue };
                let _ = socket.set_nodelay(true);
                sockets.extend(socket.try_clone());
                let calls = calls.clone();
                std::thread::spawn(move || {
                    let mut reader = BufReader::new(socket);
                    while calls.take(&mut reader).is_some() {}
                });
            }
            for socket in sockets {
                let _ = socket.shutdown(Shutdown::Both);
            }
        });
        Self { address, is_closed, accepting: Some(accepting) }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.is_closed.store(true, Ordering::SeqCst);
        // Wakes whoever accepts.
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}
