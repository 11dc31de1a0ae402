//! What the command line said. `bench/peers/run --help` explains it to a person.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::workload::Workload;
use crate::{queries, server};

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Measure the chosen servers, then print the table.
    Run,
    /// Print the table of what was measured before.
    Table,
    /// Be the server that throws everything away (see `sink`).
    Sink {
        /// Address to listen on.
        listen: String,
    },
}

/// How to do it.
#[derive(Debug)]
pub(crate) struct Args {
    pub(crate) command: Command,
    /// Where frames, data directories and results go.
    pub(crate) out: PathBuf,
    /// Where the unpacked peers lie.
    pub(crate) cache: PathBuf,
    /// Our own program.
    pub(crate) ours: PathBuf,
    /// What our own program was built from; only printed.
    pub(crate) commit: String,
    pub(crate) servers: Vec<String>,
    pub(crate) workloads: Vec<Workload>,
    /// Length of the data of the `integers` load; the others never last longer than this.
    pub(crate) hours: f64,
    /// Active series of the `pods` load.
    pub(crate) series: usize,
    pub(crate) connections: usize,
    /// After so long a load (of pods: a round) is cut off, and the figures are those of the part that was sent.
    pub(crate) time_limit_s: u64,
    /// Queries to measure, by name; none are all of them.
    pub(crate) queries: Vec<String>,
    /// Leaves the servers' data and logs where they are.
    pub(crate) keep: bool,
}

/// The size at which the bars are held; every other size is for development.
pub(crate) const FULL_HOURS: f64 = 6.0;
/// See [`FULL_HOURS`].
pub(crate) const FULL_SERIES: usize = 1_000_000;

impl Args {
    /// Reads the arguments after the program's name.
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let command = match words.next().as_deref() {
            Some("run") => Command::Run,
            Some("table") => Command::Table,
            Some("sink") => {
                let listen = words.next().context("sink: an address to listen on is missing")?;
                Command::Sink { listen }
            }
            other => bail!("{other:?} is no command; see bench/peers/run --help"),
        };
        let mut args = Self::defaults(command);
        while let Some(word) = words.next() {
            args.take(&word, &mut words)?;
        }
        Ok(args)
    }

    fn defaults(command: Command) -> Self {
        Self {
            command,
            out: PathBuf::from("bench/out"),
            cache: PathBuf::from("bench/out/peers"),
            ours: PathBuf::from("target/release/sightline"),
            commit: String::new(),
            servers: server::DEFAULT.iter().map(|id| (*id).to_owned()).collect(),
            workloads: Workload::ALL.to_vec(),
            hours: FULL_HOURS,
            series: FULL_SERIES,
            connections: 4,
            time_limit_s: 1_200,
            queries: Vec::new(),
            keep: false,
        }
    }

    fn take(&mut self, word: &str, words: &mut impl Iterator<Item = String>) -> Result<()> {
        if word == "--keep" {
            self.keep = true;
            return Ok(());
        }
        let value = words.next().with_context(|| format!("{word}: a value is missing"))?;
        let number = || value.parse::<usize>().with_context(|| format!("{word} {value}"));
        match word {
            "--out" => self.out = PathBuf::from(value),
            "--cache" => self.cache = PathBuf::from(value),
            "--ours" => self.ours = PathBuf::from(value),
            "--commit" => self.commit = value,
            "--servers" => self.servers = value.split(',').map(str::to_owned).collect(),
            "--workloads" => self.workloads = Workload::parse_list(&value)?,
            "--queries" => self.queries = queries::parse_list(&value)?,
            "--hours" => {
                self.hours = value.parse().with_context(|| format!("{word} {value}"))?;
            }
            "--series" => self.series = number()?,
            "--connections" => self.connections = number()?,
            "--time-limit" => self.time_limit_s = number()? as u64,
            _ => bail!("{word} is no option; see bench/peers/run --help"),
        }
        self.check()
    }

    fn check(&self) -> Result<()> {
        if !(0.02..=24.0).contains(&self.hours) {
            bail!("--hours {}: between 0.02 and 24", self.hours);
        }
        if !(20_000..=5_000_000).contains(&self.series) {
            bail!("--series {}: between 20000 and 5000000", self.series);
        }
        if !(1..=64).contains(&self.connections) {
            bail!("--connections {}: between 1 and 64", self.connections);
        }
        for id in &self.servers {
            server::find(id)?;
        }
        Ok(())
    }

    /// Names the size of the run, so that results of different sizes never share a table.
    pub(crate) fn scale(&self) -> String {
        if self.is_full() {
            return "full".to_owned();
        }
        format!("hours-{}-series-{}-connections-{}", self.hours, self.series, self.connections)
    }

    /// Says whether this is the size at which the bars are held.
    pub(crate) fn is_full(&self) -> bool {
        self.hours == FULL_HOURS && self.series == FULL_SERIES && self.connections == 4
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Args> {
        Args::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn a_short_run_has_a_scale_of_its_own() {
        let short = parse("run --hours 0.25 --servers sink,vm-bookworm").expect("valid");
        assert_eq!(short.scale(), "hours-0.25-series-1000000-connections-4");
        assert_eq!(parse("table").expect("valid").scale(), "full");
    }

    #[test]
    fn what_is_not_known_is_refused_by_name() {
        let refused = parse("run --servers graphite").expect_err("unknown server").to_string();
        assert!(refused.contains("graphite"), "{refused}");
        assert!(parse("run --hours 0").is_err());
        assert!(parse("run --colour red").is_err());
    }
}
