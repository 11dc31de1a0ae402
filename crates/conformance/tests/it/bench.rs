//! The built binary as a test bench: started on a free port, moved through time, stopped.

use crate::http_plain::{self, Answer};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use std::cell::Cell;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

/// Where the virtual clock starts, in milliseconds since 1970: 2026-03-02T12:00:00Z.
pub(crate) const CLOCK_START: i64 = 1_772_452_800_000;
const CLOCK_START_TEXT: &str = "2026-03-02T12:00:00Z";

pub(crate) const SECOND: i64 = 1_000;
pub(crate) const MINUTE: i64 = 60 * SECOND;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

/// What the bench is started with, besides address and directory.
pub(crate) const VIRTUAL: &[&str] =
    &["--test-bench", "--clock", "virtual", "--clock-start", CLOCK_START_TEXT];

const START_WAIT: Duration = Duration::from_secs(60);
const STOP_WAIT: Duration = Duration::from_secs(15);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A running server with its directory.
pub(crate) struct Server {
    process: Child,
    address: SocketAddr,
    directory: Arc<tempfile::TempDir>,
    log: Arc<Mutex<String>>,
    now: Cell<i64>,
}

impl Server {
    /// Starts the bench on a virtual clock and an empty directory.
    pub(crate) fn start() -> Server {
        let directory = Arc::new(tempfile::tempdir().expect("a temporary directory"));
        Server::start_on(directory, VIRTUAL).unwrap_or_else(|log| panic!("no server:\n{log}"))
    }

    /// Starts a server on a directory. The error is everything it said.
    pub(crate) fn start_on(
        directory: Arc<tempfile::TempDir>,
        arguments: &[&str],
    ) -> Result<Server, String> {
        let mut process = command(directory.path())
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{} does not start: {e}", binary().display()));
        let log = Arc::new(Mutex::new(String::new()));
        let (found, address) = mpsc::channel();
        let stdout = process.stdout.take().expect("piped");
        let readers = [
            gather(stdout, log.clone(), Some(found)),
            gather(process.stderr.take().expect("piped"), log.clone(), None),
        ];
        match address.recv_timeout(START_WAIT) {
            Ok(address) => {
                Ok(Server { process, address, directory, log, now: Cell::new(CLOCK_START) })
            }
            Err(_) => {
                let _ = process.kill();
                let status = process.wait();
                for reader in readers {
                    let _ = reader.join();
                }
                let log = log.lock().expect("not poisoned").clone();
                Err(format!("{log}\n(ended: {status:?})"))
            }
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn directory(&self) -> Arc<tempfile::TempDir> {
        self.directory.clone()
    }

    /// What the virtual clock shows: only this harness moves it.
    pub(crate) fn now(&self) -> i64 {
        self.now.get()
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        http_plain::send(self.address, "GET", path, &[], "").expect("an answer")
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> Answer {
        let headers = [("content-type", "application/json")];
        http_plain::send(self.address, "POST", path, &headers, body).expect("an answer")
    }

    /// Moves the virtual clock; everything due in between has happened on return.
    pub(crate) fn advance(&self, by_ms: i64) {
        let answer =
            self.post("/-/clock", &json!({"advance": format!("{}s", by_ms / SECOND)}).to_string());
        assert_eq!(answer.status, 200, "advance: {answer:?}");
        self.now.set(self.now.get() + by_ms);
    }

    /// Empties the server, and moves on to a whole hour so that scenarios may count from it.
    pub(crate) fn reset(&self) {
        let answer = self.post("/-/reset", "");
        assert!((200..300).contains(&answer.status), "reset: {answer:?}");
        let beyond = self.now.get().rem_euclid(HOUR);
        if beyond != 0 {
            self.advance(HOUR - beyond);
        }
    }

    /// Starts again on the same directory, at the time that the clock showed. It must have been stopped.
    pub(crate) fn start_again(&mut self) {
        let at = jiff::Timestamp::from_millisecond(self.now()).expect("in range").to_string();
        let arguments = ["--test-bench", "--clock", "virtual", "--clock-start", &at];
        let again = Server::start_on(self.directory(), &arguments)
            .unwrap_or_else(|log| panic!("does not start again:\n{log}"));
        again.now.set(self.now());
        *self = again;
    }

    /// Stops by SIGTERM, as a service manager does.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        signal(&self.process, Signal::TERM);
        let ended = wait(&mut self.process);
        ended.unwrap_or_else(|| panic!("still running {STOP_WAIT:?} after SIGTERM"))
    }

    /// Stops by SIGKILL: nothing is flushed, nothing is said.
    pub(crate) fn kill(&mut self) {
        signal(&self.process, Signal::KILL);
        let _ = self.process.wait();
    }

    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("not poisoned").clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !matches!(self.process.try_wait(), Ok(Some(_))) {
            signal(&self.process, Signal::TERM);
            if wait(&mut self.process).is_none() {
                let _ = self.process.kill();
                let _ = self.process.wait();
            }
        }
        if std::thread::panicking() {
            eprintln!("--- what the server said ---\n{}----------------------------", self.log());
        }
    }
}

/// Runs the program to its end, for what must not start. Returns its status and all it said.
pub(crate) fn refused_start(arguments: &[&str]) -> (ExitStatus, String) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut process = command(directory.path())
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let ended = wait(&mut process);
    if ended.is_none() {
        let _ = process.kill();
    }
    let output = process.wait_with_output().expect("output");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(ended.is_some(), "started although it must not: {arguments:?}\n{said}");
    (output.status, said)
}

fn command(data: &Path) -> Command {
    let mut command = Command::new(binary());
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("SIGHTLINE_") || text.starts_with("AWS_") {
            command.env_remove(&name);
        }
    }
    command.env("SIGHTLINE_LISTEN", "127.0.0.1:0");
    command.args(["serve", "--data"]).arg(data).stdin(Stdio::null());
    command
}

/// `SIGHTLINE_BIN`, else the program of the profile that these tests were built with.
fn binary() -> PathBuf {
    let path = match std::env::var_os("SIGHTLINE_BIN") {
        Some(path) => PathBuf::from(path),
        None => {
            let test = std::env::current_exe().expect("path of the test");
            // target/<profile>/deps/<test>
            test.ancestors().nth(2).expect("in a target directory").join("sightline")
        }
    };
    assert!(
        path.exists(),
        "{} is missing: build it in the same profile (`cargo build -p cli --profile ...`), \
         run `make test`, or name it in SIGHTLINE_BIN",
        path.display()
    );
    path
}

fn gather(
    from: impl Read + Send + 'static,
    log: Arc<Mutex<String>>,
    found: Option<mpsc::Sender<SocketAddr>>,
) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if let (Some(found), Some((_, rest))) = (&found, line.split_once("answers on http://"))
                && let Ok(address) = rest.trim().parse()
            {
                let _ = found.send(address);
            }
            let mut log = log.lock().expect("not poisoned");
            log.push_str(&line);
            log.push('\n');
        }
    })
}

fn signal(process: &Child, signal: Signal) {
    let id = process.id().try_into().ok().and_then(Pid::from_raw);
    let _ = kill_process(id.expect("a process id"), signal);
}

fn wait(process: &mut Child) -> Option<ExitStatus> {
    let mut waited = Duration::ZERO;
    loop {
        if let Ok(Some(status)) = process.try_wait() {
            return Some(status);
        }
        if waited >= STOP_WAIT {
            return None;
        }
        std::thread::sleep(LOOK_EVERY);
        waited += LOOK_EVERY;
    }
}
