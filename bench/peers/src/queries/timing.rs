//! How long a server takes for a query.

use std::fs;
use std::net::SocketAddr;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

use crate::http::{Answer as Reply, Client};
use crate::measure::Subject;
use crate::outcome::Outcome;
use crate::process;
use crate::server::Running;

use super::answer::Answer;
use super::data;
use super::plan::{Plan, RUNS};
use super::table::{How, Query};

/// Cold runs of a query take at most so long together, three runs excepted.
const COLD_MAX: Duration = Duration::from_secs(30);
/// The same of warm runs.
const WARM_MAX: Duration = Duration::from_secs(4);
const WARM_RUNS: usize = 50;
const RUNS_MIN: usize = 3;

/// Runs of one kind.
#[derive(Debug, Default)]
struct Runs {
    /// Milliseconds of each, ascending.
    ms: Vec<f64>,
    /// What was answered to run 0.
    answer: Vec<Vec<u8>>,
    /// Processor time of the server in all of them.
    cpu_ms: f64,
    peak_rss: f64,
}

impl Runs {
    fn at(&self, percent: usize) -> f64 {
        let place = (self.ms.len() * percent).div_ceil(100).max(1) - 1;
        self.ms.get(place).copied().unwrap_or(f64::NAN)
    }
}

/// Measures one query, first cold, then warm, and puts down the figures under its name.
///
/// # Errors
/// The server refuses the query, or answers otherwise when it is asked again.
pub(crate) fn measure(
    query: &Query,
    plan: &Plan,
    subject: &Subject<'_>,
    running: &Running,
    outcome: &mut Outcome,
) -> Result<()> {
    let id = subject.kind.id;
    let named = || format!("{id}, {}", query.name);
    let mut clients = (0..query.metrics)
        .map(|_| Client::connect(running.address))
        .collect::<std::io::Result<Vec<Client>>>()?;
    let cold = cold(query, plan, subject, running, &mut clients).with_context(named)?;
    let warm = warm(query, plan, running, &mut clients).with_context(named)?;
    let (series, points) =
        check_and_count(query, &cold.answer, &warm.answer).with_context(named)?;

    let cpu_ms = cold.cpu_ms / cold.ms.len() as f64;
    let mut set =
        |figure: &str, value: f64| outcome.set(&format!("{}/{figure}", query.name), value);
    set("cold_p50_ms", cold.at(50));
    set("cold_p95_ms", cold.at(95));
    set("cold_runs", cold.ms.len() as f64);
    set("cpu_ms", cpu_ms);
    set("warm_p50_ms", warm.at(50));
    set("bytes", cold.answer.iter().map(Vec::len).sum::<usize>() as f64);
    set("series", series as f64);
    set("points", points as f64);
    if query.alone {
        set("peak_rss", cold.peak_rss);
    }
    let (cold, warm) = (cold.at(50), warm.at(50));
    eprintln!("    {id}: cold {cold:.2} ms, warm {warm:.2} ms, CPU {cpu_ms:.1} ms a cold run");
    Ok(())
}

/// Asks for something else each time, of a server whose files' pages were dropped.
fn cold(
    query: &Query,
    plan: &Plan,
    subject: &Subject<'_>,
    running: &Running,
    clients: &mut [Client],
) -> Result<Runs> {
    if query.alone {
        // Sets the process' peak back to what it holds now. Source: proc(5), clear_refs.
        let _ = fs::write(format!("/proc/{}/clear_refs", running.pid()), "5");
    }
    let mut runs = Runs::default();
    let before = process::usage(running.pid())?;
    let start = Instant::now();
    for run in 0..RUNS {
        if run >= RUNS_MIN && start.elapsed() > COLD_MAX {
            break;
        }
        data::drop_pages(&subject.dir)?;
        let (ms, bodies) = ask(clients, &plan.paths(query, run, true), running.address)?;
        runs.ms.push(ms);
        if run == 0 {
            runs.answer = bodies;
        }
    }
    let after = process::usage(running.pid())?;
    runs.cpu_ms = (after.cpu_s - before.cpu_s) * 1e3;
    runs.peak_rss = after.peak_rss;
    runs.ms.sort_by(f64::total_cmp);
    Ok(runs)
}

/// Asks for the same again and again.
fn warm(query: &Query, plan: &Plan, running: &Running, clients: &mut [Client]) -> Result<Runs> {
    let paths = plan.paths(query, 0, false);
    // The first fills caches.
    ask(clients, &paths, running.address)?;
    let mut runs = Runs::default();
    let start = Instant::now();
    while runs.ms.len() < RUNS_MIN || (runs.ms.len() < WARM_RUNS && start.elapsed() < WARM_MAX) {
        let (ms, bodies) = ask(clients, &paths, running.address)?;
        runs.ms.push(ms);
        runs.answer = bodies;
    }
    runs.ms.sort_by(f64::total_cmp);
    Ok(runs)
}

/// Holds what was answered from caches against what was answered without; returns series and points.
fn check_and_count(query: &Query, cold: &[Vec<u8>], warm: &[Vec<u8>]) -> Result<(usize, usize)> {
    let ties = query.known.as_ref().map(|known| known.how).filter(|how| *how == How::Values);
    let (mut series, mut points) = (0, 0);
    for (cold, warm) in cold.iter().zip(warm) {
        let cold = Answer::read(cold)?;
        if let Some(told) = cold.differences(&Answer::read(warm)?, ties) {
            bail!("the answer is another one when it is warm: {told}");
        }
        series += cold.size().series;
        points += cold.size().points;
    }
    Ok((series, points))
}

/// Returns a request for a path on a connection that is kept.
pub(crate) fn request(path: &str, address: SocketAddr) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: bench-peers\r\n\r\n")
}

/// Sends one request over each connection at once; returns the milliseconds from the first byte sent
/// to the last received, and the bodies.
fn ask(
    clients: &mut [Client],
    paths: &[String],
    address: SocketAddr,
) -> Result<(f64, Vec<Vec<u8>>)> {
    let all_there = Barrier::new(clients.len());
    let exchange = |client: &mut Client, path: &str| {
        let request = request(path, address);
        all_there.wait();
        let start = Instant::now();
        let reply = client.exchange(request.as_bytes());
        (start, Instant::now(), reply)
    };
    let replies: Vec<(Instant, Instant, std::io::Result<Reply>)> = thread::scope(|scope| {
        let pairs: Vec<_> = clients.iter_mut().zip(paths).collect();
        let mut threads = Vec::new();
        let mut own = None;
        for (client, path) in pairs {
            // One request needs no thread, whose start would be a part of what it took.
            if own.is_none() {
                own = Some((client, path));
            } else {
                threads.push(scope.spawn(move || exchange(client, path)));
            }
        }
        let own = own.map(|(client, path)| exchange(client, path));
        let join = |thread: thread::ScopedJoinHandle<'_, _>| thread.join().ok();
        own.into_iter().map(Some).chain(threads.into_iter().map(join)).flatten().collect()
    });
    if replies.len() != paths.len() {
        return Err(anyhow!("an asking thread panicked"));
    }
    let start = replies.iter().map(|(start, ..)| *start).min().context("nothing asked")?;
    let end = replies.iter().map(|(_, end, _)| *end).max().context("nothing asked")?;
    let mut bodies = Vec::new();
    for (.., reply) in replies {
        let reply = reply?;
        if reply.status != 200 {
            let body = String::from_utf8_lossy(&reply.body);
            bail!("status {}: {}", reply.status, body.chars().take(400).collect::<String>());
        }
        bodies.push(reply.body);
    }
    Ok((end.duration_since(start).as_secs_f64() * 1e3, bodies))
}
