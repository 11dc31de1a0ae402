//! Readings of one server before, during and after a load.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::args::Args;
use crate::disk::{self, Sizes};
use crate::http;
use crate::outcome::Outcome;
use crate::process::{self, Usage};
use crate::server::{Kind, Running};

/// All counters at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) at: Instant,
    pub(crate) server: Usage,
    machine_cpu_s: f64,
    driver_cpu_s: f64,
}

/// What passed between two moments.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Span {
    pub(crate) seconds: f64,
    pub(crate) server_cpu_s: f64,
    pub(crate) driver_cpu_s: f64,
    /// Processor time of everybody else: how noisy the measurement was.
    pub(crate) others_cpu_s: f64,
}

impl Moment {
    pub(crate) fn now(pid: u32) -> Result<Self> {
        let (_, driver_cpu_s) = process::state(std::process::id())?;
        let machine_cpu_s = process::machine_cpu_s()?;
        Ok(Self { at: Instant::now(), server: process::usage(pid)?, machine_cpu_s, driver_cpu_s })
    }

    pub(crate) fn until(&self, end: &Self) -> Span {
        let server_cpu_s = end.server.cpu_s - self.server.cpu_s;
        let driver_cpu_s = end.driver_cpu_s - self.driver_cpu_s;
        let all = end.machine_cpu_s - self.machine_cpu_s;
        Span {
            seconds: end.at.duration_since(self.at).as_secs_f64(),
            server_cpu_s,
            driver_cpu_s,
            // Ticks are rounded for each process, so the rest can come out a little below zero.
            others_cpu_s: (all - server_cpu_s - driver_cpu_s).max(0.0),
        }
    }
}

impl Span {
    /// Adds another stretch of time.
    pub(crate) fn add(&mut self, other: &Self) {
        self.seconds += other.seconds;
        self.server_cpu_s += other.server_cpu_s;
        self.driver_cpu_s += other.driver_cpu_s;
        self.others_cpu_s += other.others_cpu_s;
    }

    /// Puts down how noisy it was, and notes when it was so much that rates mean little.
    pub(crate) fn put_noise(&self, outcome: &mut Outcome) {
        outcome.set("others_cpu_s", self.others_cpu_s);
        let cores = thread::available_parallelism().map_or(1, usize::from) as f64;
        if self.others_cpu_s > 0.1 * cores * self.seconds {
            let share = 100.0 * self.others_cpu_s / (cores * self.seconds);
            outcome.note(format!("noisy: other processes used {share:.0} % of the machine"));
        }
    }
}

/// One server with its directory, from the first start to the last stop.
#[derive(Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) kind: &'static Kind,
    program: &'a Path,
    pub(crate) dir: PathBuf,
    log: PathBuf,
    keep: bool,
}

impl<'a> Subject<'a> {
    /// Makes an empty directory for a server.
    pub(crate) fn new(
        args: &Args,
        kind: &'static Kind,
        program: &'a Path,
        load: &str,
    ) -> Result<Self> {
        let subject = Self::with_old_data(args, kind, program, load)?;
        subject.empty()?;
        Ok(subject)
    }

    /// Takes a server's directory as it is, or makes one.
    pub(crate) fn with_old_data(
        args: &Args,
        kind: &'static Kind,
        program: &'a Path,
        load: &str,
    ) -> Result<Self> {
        let run = args.out.join("run");
        let dir = run.join(format!("{}.{load}", kind.id));
        std::fs::create_dir_all(&dir)?;
        let log = run.join(format!("{}.{load}.log", kind.id));
        // Absolute, because a server may change its own directory.
        Ok(Self { kind, program, dir: dir.canonicalize()?, log, keep: args.keep })
    }

    /// Removes what the server has written.
    pub(crate) fn empty(&self) -> Result<()> {
        std::fs::remove_dir_all(&self.dir)?;
        std::fs::create_dir(&self.dir)?;
        if self.log.exists() {
            std::fs::remove_file(&self.log)?;
        }
        Ok(())
    }

    /// Starts the server and waits until it is ready.
    pub(crate) fn start(&self) -> Result<Running> {
        self.start_as(false)
    }

    /// The same; `hurry` is for loads that are only the ground for questions.
    pub(crate) fn start_as(&self, hurry: bool) -> Result<Running> {
        let mut running = Running::start(self.kind, self.program, &self.dir, &self.log, hurry)?;
        running.wait_ready(self.kind)?;
        Ok(running)
    }

    pub(crate) fn sizes(&self) -> Sizes {
        disk::sizes(&self.dir, self.kind.apart)
    }

    /// Waits until the server has done its background work: for some seconds the directory keeps its
    /// size and the processor is used for less than 3 % of one core. Gives up after five minutes.
    ///
    /// How long it must be quiet is the server's own: one that tidies up when nothing has arrived for
    /// a minute is not done before.
    ///
    /// Returns the seconds it took, the quiet ones not counted, or nothing when it never was quiet.
    pub(crate) fn settle(&self, running: &Running, tidies_up: bool) -> Result<Option<f64>> {
        let quiet = if tidies_up { self.kind.quiet_s } else { 10 };
        let start = Instant::now();
        let mut readings: VecDeque<(u64, f64)> = VecDeque::new();
        while start.elapsed() < Duration::from_secs(300) {
            readings.push_back((self.sizes().total(), process::usage(running.pid())?.cpu_s));
            if readings.len() > quiet + 1 {
                readings.pop_front();
            }
            let (size_then, cpu_then) = readings[0];
            let (size_now, cpu_now) = readings[readings.len() - 1];
            let still = size_now.abs_diff(size_then) <= size_then / 1_000 + (64 << 10);
            if readings.len() > quiet && still && cpu_now - cpu_then < 0.03 * quiet as f64 {
                return Ok(Some((start.elapsed().as_secs_f64() - quiet as f64).max(0.0)));
            }
            thread::sleep(Duration::from_secs(1));
        }
        Ok(None)
    }

    /// Starts the server again and asks until it answers with data. Returns it with the seconds
    /// from its start to the answer.
    pub(crate) fn first_answer(&self, query: &str, at_ms: i64) -> Result<(Running, f64)> {
        let running = Running::start(self.kind, self.program, &self.dir, &self.log, false)?;
        let path = http::query_path(query, at_ms);
        while running.started.elapsed() < Duration::from_secs(180) {
            if first_value(running.address, &path).is_some() {
                let seconds = running.started.elapsed().as_secs_f64();
                return Ok((running, seconds));
            }
            thread::sleep(Duration::from_millis(2));
        }
        bail!("{} does not answer {query} after its restart", self.kind.id)
    }

    /// Removes the data; the log stays until the next run.
    pub(crate) fn clean_up(self) -> Result<()> {
        if !self.keep {
            std::fs::remove_dir_all(&self.dir)?;
        }
        Ok(())
    }
}

/// Returns the value of the first series of an instant query's answer, if there is one.
pub(crate) fn first_value(address: std::net::SocketAddr, path: &str) -> Option<f64> {
    let answer = http::get(address, path).ok().filter(|answer| answer.status == 200)?;
    let tree: serde_json::Value = serde_json::from_slice(&answer.body).ok()?;
    tree["data"]["result"][0]["value"][1].as_str()?.parse().ok()
}

/// Returns how many samples the first series of a range vector has, if there is one.
pub(crate) fn first_length(address: std::net::SocketAddr, path: &str) -> Option<f64> {
    let answer = http::get(address, path).ok().filter(|answer| answer.status == 200)?;
    let tree: serde_json::Value = serde_json::from_slice(&answer.body).ok()?;
    Some(tree["data"]["result"][0]["values"].as_array()?.len() as f64)
}

/// Returns a server's anonymous memory now.
pub(crate) fn anonymous(running: &Running) -> Result<f64> {
    Ok(process::usage(running.pid())?.anonymous)
}

/// Reads anonymous memory ten times a second while `work` runs; returns the largest reading too.
pub(crate) fn watch<T>(pid: u32, work: impl FnOnce() -> T) -> (T, f64) {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let largest = scope.spawn(|| {
            let mut largest = 0.0_f64;
            while !done.load(Ordering::Relaxed) {
                largest = largest.max(process::usage(pid).map_or(0.0, |usage| usage.anonymous));
                thread::sleep(Duration::from_millis(100));
            }
            largest
        });
        let result = work();
        done.store(true, Ordering::Relaxed);
        (result, largest.join().unwrap_or(0.0))
    })
}

/// Returns the median of anonymous memory over some time: a garbage collector makes it jump.
pub(crate) fn median_anonymous(pid: u32, time: Duration) -> Result<f64> {
    let start = Instant::now();
    let mut readings = vec![process::usage(pid)?.anonymous];
    while start.elapsed() < time {
        thread::sleep(Duration::from_millis(100));
        readings.push(process::usage(pid)?.anonymous);
    }
    readings.sort_by(f64::total_cmp);
    Ok(readings[readings.len() / 2])
}
