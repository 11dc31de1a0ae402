//! The servers that can be measured, and how to start and stop one.
//!
//! A server is a row in [`KINDS`]. Peers run with their defaults but for what the load needs: long
//! retention, raised limits on series, and no waiting before new samples are shown.

use std::fs::{self, File};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::args::Args;
use crate::{http, process};

/// One row of the table.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) id: &'static str,
    pub(crate) role: Role,
    /// Path that answers 200 when the server takes data.
    ready: &'static str,
    arguments: fn(&Place) -> Vec<String>,
    /// Names below the data directory that are neither parts nor index (see `disk`).
    pub(crate) apart: &'static [&'static str],
    /// Only a part of the samples is in parts, and Prometheus' block descriptions count it.
    pub(crate) parts_are_blocks: bool,
    pub(crate) cloudwatch: bool,
    /// Answers `count_over_time`.
    pub(crate) counts_samples: bool,
    /// Seconds without change after which it has done its background work.
    pub(crate) quiet_s: usize,
}

/// What a server is in the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The one that the bars are for.
    Ours,
    /// One that it is held against; the package's program of this name.
    Peer(&'static str),
    /// Shows what the sender itself costs.
    Sink,
}

/// What a server is started with.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) address: SocketAddr,
    pub(crate) dir: PathBuf,
    /// What it costs to take data is not the question.
    pub(crate) hurry: bool,
}

/// The table.
pub(crate) static KINDS: [Kind; 8] = [
    Kind {
        id: "sightline",
        role: Role::Ours,
        ready: "/-/ready",
        arguments: sightline,
        apart: &["journal"],
        parts_are_blocks: false,
        cloudwatch: true,
        counts_samples: false,
        quiet_s: 85,
    },
    victoria("vm-bookworm"),
    victoria("vm-trixie"),
    victoria("vm-forky"),
    prometheus("prometheus-bookworm"),
    prometheus("prometheus-trixie"),
    prometheus("prometheus-forky"),
    Kind {
        id: "sink",
        role: Role::Sink,
        ready: "/",
        arguments: |place| vec!["sink".to_owned(), place.address.to_string()],
        apart: &[],
        parts_are_blocks: false,
        cloudwatch: true,
        counts_samples: true,
        quiet_s: 20,
    },
];

/// What is measured when nothing else is asked for: the middle releases add hours and no leader.
pub(crate) const DEFAULT: [&str; 5] =
    ["sightline", "vm-bookworm", "vm-forky", "prometheus-bookworm", "prometheus-forky"];

const fn victoria(id: &'static str) -> Kind {
    Kind {
        id,
        role: Role::Peer("victoria-metrics"),
        ready: "/health",
        arguments: |place| {
            vec![
                format!("-httpListenAddr={}", place.address),
                format!("-storageDataPath={}", place.dir.display()),
                "-retentionPeriod=100y".to_owned(),
                "-search.latencyOffset=0s".to_owned(),
                "-search.maxUniqueTimeseries=5000000".to_owned(),
                // As long as the others allow by themselves.
                "-search.maxQueryDuration=2m".to_owned(),
            ]
        },
        // There is no journal; the caches are written when the server ends.
        apart: &["cache"],
        parts_are_blocks: false,
        cloudwatch: false,
        counts_samples: true,
        quiet_s: 20,
    }
}

const fn prometheus(id: &'static str) -> Kind {
    Kind {
        id,
        role: Role::Peer("prometheus"),
        ready: "/-/ready",
        arguments: |place| {
            vec![
                format!("--web.listen-address={}", place.address),
                format!("--storage.tsdb.path={}", place.dir.display()),
                // An empty configuration is a valid one, and every system has an empty file.
                "--config.file=/dev/null".to_owned(),
                "--storage.tsdb.retention.time=100y".to_owned(),
                "--web.enable-remote-write-receiver".to_owned(),
            ]
        },
        apart: &["wal", "chunks_head"],
        parts_are_blocks: true,
        cloudwatch: false,
        counts_samples: true,
        quiet_s: 20,
    }
}

fn sightline(place: &Place) -> Vec<String> {
    vec![
        "serve".to_owned(),
        format!("--listen={}", place.address),
        format!("--data={}", place.dir.display()),
        // The peers do not sync before they answer. Ours does, and is compared with that.
        format!("--sync={}", if place.hurry { "os" } else { "always" }),
        "--collect-host=false".to_owned(),
        "--query-series-max=5000000".to_owned(),
    ]
}

/// Returns a row by its name.
pub(crate) fn find(id: &str) -> Result<&'static Kind> {
    KINDS.iter().find(|kind| kind.id == id).with_context(|| {
        let known: Vec<&str> = KINDS.iter().map(|kind| kind.id).collect();
        format!("{id} is no server; known are {}", known.join(", "))
    })
}

impl Kind {
    /// Returns the server's program, or says which one is missing.
    pub(crate) fn program(&self, args: &Args) -> Result<PathBuf> {
        let path = match self.role {
            Role::Ours => args.ours.clone(),
            Role::Peer(name) => args.cache.join(self.id).join("usr/bin").join(name),
            Role::Sink => std::env::current_exe()?,
        };
        if !process::is_program(&path) {
            bail!("{}: no program at {}", self.id, path.display());
        }
        Ok(path)
    }

    /// Says whether queries are asked of it: ours, and the newest of each peer.
    pub(crate) fn answers(&self) -> bool {
        match self.role {
            Role::Ours => true,
            Role::Peer(_) => self.id.ends_with("-forky"),
            Role::Sink => false,
        }
    }

    /// Returns the name that a person reads above a column.
    pub(crate) fn title(&self, args: &Args) -> String {
        match self.role {
            Role::Ours => format!("sightline {}", args.commit).trim_end().to_owned(),
            Role::Sink => "sink (no server)".to_owned(),
            Role::Peer(name) => {
                let version = fs::read_to_string(args.cache.join(self.id).join("version"));
                let version = version.unwrap_or_default();
                // 1.79.5+ds1-2+b5: upstream's version ends where Debian's begins.
                let upstream = version.trim().split(['+', '-']).next().unwrap_or_default();
                let short =
                    if name == "victoria-metrics" { "VictoriaMetrics" } else { "Prometheus" };
                format!("{short} {upstream}")
            }
        }
    }
}

/// A server that runs. Dropping it ends the process.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    pub(crate) address: SocketAddr,
    /// When the process was started.
    pub(crate) started: Instant,
}

/// How a server ended.
#[derive(Debug)]
pub(crate) struct Stopped {
    pub(crate) seconds: f64,
    /// Processor time of its whole life.
    pub(crate) cpu_s: f64,
    /// It did not end by itself.
    pub(crate) killed: bool,
}

/// A server gets so long to become ready, and so long to end.
const PATIENCE: Duration = Duration::from_secs(180);

impl Running {
    /// Starts a server on a free port; does not wait for it.
    pub(crate) fn start(
        kind: &Kind,
        program: &Path,
        dir: &Path,
        log: &Path,
        hurry: bool,
    ) -> Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let place = Place { address, dir: dir.to_owned(), hurry };
        let log = File::options().create(true).append(true).open(log)?;
        let started = Instant::now();
        let child = with_our_end(program)
            .args((kind.arguments)(&place))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("start {}", program.display()))?;
        Ok(Self { child, address, started })
    }

    /// Waits until the server says that it is ready.
    pub(crate) fn wait_ready(&mut self, kind: &Kind) -> Result<()> {
        while self.started.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended at its start: {status}", kind.id);
            }
            if http::get(self.address, kind.ready).is_ok_and(|answer| answer.status == 200) {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Err(anyhow!("{} is not ready after {} s", kind.id, PATIENCE.as_secs()))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks the server to end, waits for it, and reads what its life has cost.
    pub(crate) fn stop(mut self) -> Result<Stopped> {
        let start = Instant::now();
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM).map_err(io::Error::from)?;
        let mut killed = false;
        loop {
            // Read before anybody waits for the process: afterwards the kernel has forgotten it.
            let (letter, cpu_s) = process::state(self.pid())?;
            if letter == 'Z' {
                self.child.wait()?;
                return Ok(Stopped { seconds: start.elapsed().as_secs_f64(), cpu_s, killed });
            }
            if start.elapsed() > PATIENCE && !killed {
                kill_process(pid, Signal::KILL).map_err(io::Error::from)?;
                killed = true;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // After `stop` both do nothing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Prepares a command that is ended by the kernel when this program ends in whatever way.
fn with_our_end(program: &Path) -> Command {
    let setpriv = Path::new("/usr/bin/setpriv");
    if !process::is_program(setpriv) {
        return Command::new(program);
    }
    // It replaces itself by the server, so the process number is the server's.
    let mut command = Command::new(setpriv);
    command.args(["--pdeathsig", "TERM", "--"]).arg(program);
    command
}
