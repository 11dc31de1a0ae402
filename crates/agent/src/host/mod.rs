//! One round of collecting: the parts, and what they share.

mod counters;
mod cpu;
mod disk;
mod diskio;
mod mem;
mod net;
mod netstat;
mod processes;

use counters::Counters;
pub use disk::{FileSystems, RealFileSystems, Usage};
use model::Unit;
use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

/// One value of the host.
#[derive(Debug, Clone, PartialEq)]
pub struct HostDatum {
    /// The metric's name, such as `cpu_usage_idle`.
    pub name: &'static str,
    /// The unit that the CloudWatch agent documents for it.
    pub unit: Unit,
    /// Names and values; the first is always `host`.
    pub dimensions: Vec<(&'static str, String)>,
    /// The value.
    pub value: f64,
}

/// What one round brought.
#[derive(Debug)]
pub struct Collected {
    /// The time of the data, as it was given, milliseconds since 1970.
    pub at_ms: i64,
    /// The data that could be had.
    pub data: Vec<HostDatum>,
    /// Why other data could not, as far as the round before did not say so already. So a caller may
    /// log all of it, and each trouble comes once until it goes away.
    pub errors: Vec<CollectError>,
}

/// Why some data could not be had. The rest of the round is not touched by it.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// A file, or the state of a file system, could not be read.
    #[error("read {path}")]
    Read {
        /// Which one.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file is not of the form that the kernel documents.
    #[error("{path} has no {what} where it should be")]
    Form {
        /// Which one.
        path: PathBuf,
        /// What was looked for.
        what: String,
    },
    /// A counter is below what it was: reset, wrapped, or its device was replaced.
    #[error("counter {counter} went back from {before} to {now}")]
    WentBack {
        /// Device and counter.
        counter: String,
        /// What it was a round ago.
        before: u64,
        /// What it is.
        now: u64,
    },
}

/// Collects the metrics of the host that it runs on.
#[derive(Debug)]
pub struct HostCollector {
    host: String,
    proc_root: PathBuf,
    file_systems: Box<dyn FileSystems>,
    counters: Counters,
    /// What the round before had to say, so that it is not said again.
    told: HashSet<String>,
}

impl HostCollector {
    /// A collector of this host, under the name `host`.
    pub fn new(host: impl Into<String>) -> Self {
        Self::with_sources(host, "/proc", Box::new(RealFileSystems))
    }

    /// A collector that reads another `/proc` (of a container's host, or a recorded one).
    pub fn with_sources(
        host: impl Into<String>,
        proc_root: impl Into<PathBuf>,
        file_systems: Box<dyn FileSystems>,
    ) -> Self {
        Self {
            host: host.into(),
            proc_root: proc_root.into(),
            file_systems,
            counters: Counters::default(),
            told: HashSet::new(),
        }
    }

    /// Makes one round.
    ///
    /// What is a difference between two rounds (CPU usage, disk and network traffic) is missing
    /// from the first one, and from the first one after its counter could not be read.
    pub fn collect(&mut self, now_ms: i64) -> Collected {
        let mut round = Round {
            host: &self.host,
            proc_root: &self.proc_root,
            counters: &mut self.counters,
            data: Vec::new(),
            errors: Vec::new(),
        };
        cpu::collect(&mut round);
        mem::collect(&mut round);
        disk::collect(&mut round, self.file_systems.as_ref());
        diskio::collect(&mut round);
        net::collect(&mut round);
        netstat::collect(&mut round);
        processes::collect(&mut round);
        let Round { data, errors, .. } = round;
        self.counters.end_round();
        let errors = self.untold(errors);
        Collected { at_ms: now_ms, data, errors }
    }

    /// Keeps the errors that the round before did not have.
    fn untold(&mut self, errors: Vec<CollectError>) -> Vec<CollectError> {
        let before = std::mem::take(&mut self.told);
        let mut new = Vec::new();
        for error in errors {
            let identity = error.identity();
            if !before.contains(&identity) {
                new.push(error);
            }
            self.told.insert(identity);
        }
        new
    }
}

impl CollectError {
    /// What makes two errors the same trouble: the place and the kind, not the numbers.
    fn identity(&self) -> String {
        match self {
            Self::Read { path, source } => format!("read {} {:?}", path.display(), source.kind()),
            Self::Form { path, what } => format!("form {} {what}", path.display()),
            Self::WentBack { counter, .. } => format!("back {counter}"),
        }
    }
}

/// What a part of the collector reads from and writes to.
struct Round<'a> {
    host: &'a str,
    proc_root: &'a Path,
    counters: &'a mut Counters,
    data: Vec<HostDatum>,
    errors: Vec<CollectError>,
}

impl Round<'_> {
    fn put(
        &mut self,
        name: &'static str,
        unit: Unit,
        dimensions: &[(&'static str, &str)],
        value: f64,
    ) {
        let mut all = Vec::with_capacity(dimensions.len() + 1);
        all.push(("host", self.host.to_owned()));
        all.extend(dimensions.iter().map(|&(name, value)| (name, value.to_owned())));
        self.data.push(HostDatum { name, unit, dimensions: all, value });
    }

    /// Reads a file below `/proc`; text that is not UTF-8 (names that users chose) is replaced.
    fn read(&mut self, file: &str) -> Option<String> {
        let path = self.proc_root.join(file);
        match std::fs::read(&path) {
            Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
            Err(source) => {
                self.errors.push(CollectError::Read { path, source });
                None
            }
        }
    }

    /// Reads a file that not every kernel has.
    fn read_if_there(&mut self, file: &str) -> Option<String> {
        if self.proc_root.join(file).exists() { self.read(file) } else { None }
    }

    fn form_error(&mut self, file: &str, what: impl Into<String>) {
        let path = self.proc_root.join(file);
        self.errors.push(CollectError::Form { path, what: what.into() });
    }

    /// Returns by how much a counter grew since the round before, if both are known.
    fn grown(&mut self, device: &str, counter: &str, now: u64) -> Option<u64> {
        let key = format!("{device} {counter}");
        let before = self.counters.replace(&key, now)?;
        if now < before {
            self.errors.push(CollectError::WentBack { counter: key, before, now });
        }
        now.checked_sub(before)
    }
}

/// Returns the numbers of a line, as many as there are before something else.
fn numbers(fields: &str) -> Vec<u64> {
    fields.split_ascii_whitespace().map_while(|field| field.parse().ok()).collect()
}

/// Returns a part in percent of the whole; nothing of nothing is 0.
fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 * 100.0 }
}
