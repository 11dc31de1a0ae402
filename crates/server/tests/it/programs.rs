//! Programs that tests start, and end without fail.

use crate::http;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::Duration;
use stdx::{Rng, Stopwatch};

const START_WAIT: Duration = Duration::from_secs(60);
/// A server gives requests 10 s to end, then writes what is in memory.
const STOP_WAIT: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Looks until there is something to see.
#[track_caller]
pub(crate) fn poll<T>(
    what: &str,
    patience: Duration,
    mut look: impl FnMut() -> Result<T, String>,
) -> T {
    let watch = Stopwatch::start();
    loop {
        match look() {
            Ok(seen) => return seen,
            Err(why) if watch.elapsed() > patience => {
                panic!("{what}: not within {patience:?}: {why}")
            }
            Err(_) => sleep(LOOK_EVERY),
        }
    }
}

/// A program that runs, and does not outlive the test.
pub(crate) struct Program {
    name: &'static str,
    process: Child,
    log: Arc<Mutex<String>>,
    readers: Vec<std::thread::JoinHandle<()>>,
}

impl Program {
    pub(crate) fn start(name: &'static str, command: &mut Command) -> Self {
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap_or_else(|e| panic!("{command:?}: {e}"));
        let log = Arc::new(Mutex::new(String::new()));
        let readers = vec![
            gather(process.stdout.take().expect("piped"), log.clone()),
            gather(process.stderr.take().expect("piped"), log.clone()),
        ];
        Self { name, process, log, readers }
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// What it has said so far, on both of its channels.
    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("not poisoned").clone()
    }

    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().expect("a child of ours")
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw);
        kill_process(id.expect("a process id"), signal).expect("a running child of ours");
    }

    /// Waits for its end, and for everything that it says before.
    #[track_caller]
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let name = self.name;
        let status = poll(&format!("end of {name}"), STOP_WAIT, || {
            self.ended().ok_or_else(|| "it still runs".to_owned())
        });
        for reader in self.readers.drain(..) {
            reader.join().expect("reads to the end");
        }
        status
    }

    #[track_caller]
    pub(crate) fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.wait()
    }

    /// SIGKILL: nothing is flushed, nothing is said.
    pub(crate) fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.wait();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Both fail for a process that has ended, and then there is nothing left to do.
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            eprintln!("--- {} said ---\n{}---", self.name, self.log());
        }
    }
}

fn gather(
    from: impl Read + Send + 'static,
    log: Arc<Mutex<String>>,
) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            let mut log = log.lock().expect("not poisoned");
            log.push_str(&line);
            log.push('\n');
        }
    })
}

/// `SIGHTLINE_BIN`, else the program of the profile that these tests were built with.
pub(crate) fn binary() -> PathBuf {
    let path = std::env::var_os("SIGHTLINE_BIN").map(PathBuf::from).unwrap_or_else(|| {
        let test = std::env::current_exe().expect("path of the test");
        // target/<profile>/deps/<test>
        test.ancestors().nth(2).expect("in a target directory").join("sightline")
    });
    let shown = path.display();
    assert!(
        path.exists(),
        "{shown} is missing: `make test` builds it, or name it in SIGHTLINE_BIN"
    );
    path
}

/// A program that `make test-deps` brings.
pub(crate) fn tool(name: &str) -> Command {
    tool_of("", name)
}

/// As [`tool`], of a package that stands apart from those of Debian's stable suite.
pub(crate) fn tool_of(package: &str, name: &str) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools");
    let path = root.join(package).join("usr/bin").join(name);
    let shown = path.display();
    assert!(path.exists(), "{shown} is missing: run `make test-deps`");
    Command::new(path)
}

/// An address that was free a moment ago, for programs that do not say which they took, and for
/// those that come back to the one they had. From below the ports that systems give to whoever
/// asks for any, so that nobody gets it while its program is down.
pub(crate) fn free_address() -> SocketAddr {
    let mut rng = Rng::from_system();
    poll("a free port", START_WAIT, || {
        let port = 20_000 + u16::try_from(rng.below(12_000)).expect("in range");
        let listener = TcpListener::bind(("127.0.0.1", port)).map_err(|e| e.to_string())?;
        listener.local_addr().map_err(|e| e.to_string())
    })
}

/// The binary with a subcommand's arguments, untouched by the environment of whoever tests.
pub(crate) fn sightline(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("SIGHTLINE_") || text == "AWS_REGION" {
            command.env_remove(&name);
        }
    }
    command.args(arguments);
    command
}

/// Runs the binary to its end; what does not end by itself fails the test.
#[track_caller]
pub(crate) fn run(arguments: &[&str]) -> (Option<i32>, String) {
    let mut program = Program::start("sightline", &mut sightline(arguments));
    let status = program.wait();
    (status.code(), program.log())
}

/// A server with its directory.
pub(crate) struct Server {
    pub(crate) program: Program,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts on a free port.
    #[track_caller]
    pub(crate) fn start(data: &Path, arguments: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0".parse().expect("an address"), data, arguments)
    }

    /// Starts and waits until it says where it answers.
    #[track_caller]
    pub(crate) fn start_at(listen: SocketAddr, data: &Path, arguments: &[&str]) -> Self {
        let mut program = Self::launch(listen, data, arguments);
        let address = poll("the server's address", START_WAIT, || {
            let ended = program.ended();
            let log = program.log();
            assert!(ended.is_none(), "ended at once, {ended:?}:\n{log}");
            let mut lines = log.lines().filter_map(|l| l.split_once(" answers on "));
            let address = lines.next().and_then(|(_, url)| url.split_once("://"));
            let address = address.and_then(|(_, address)| address.trim().parse().ok());
            address.ok_or_else(|| "nothing printed yet".into())
        });
        Self { program, address }
    }

    /// Starts and does not wait.
    pub(crate) fn launch(listen: SocketAddr, data: &Path, arguments: &[&str]) -> Program {
        let (listen, data) = (listen.to_string(), data.to_str().expect("a plain path"));
        let mut command = sightline(&["serve", "--listen", &listen, "--data", data]);
        if !arguments.iter().any(|a| a.starts_with("--collect-host")) {
            command.arg("--collect-host=false");
        }
        Program::start("sightline", command.args(arguments))
    }

    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> http::Answer {
        http::get(self.address, path).expect("an answer")
    }

    /// Stops as a service manager does, and expects that all went well.
    #[track_caller]
    pub(crate) fn stop(&mut self) {
        let status = self.program.stop();
        assert!(status.success(), "SIGTERM is an orderly end: {status}");
    }
}
