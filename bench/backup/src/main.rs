//! What a backup costs a server that takes samples meanwhile, and whether it holds them.
//!
//! Fills a server with about a gigabyte of parts, then sends at a steady rate: a while alone, a while
//! with a backup, a while alone, a while with the next, incremental one. Restores both, and looks for
//! gaps in what they hold.

mod load;

use anyhow::{Context, Result, bail};
use load::{CONNECTIONS, Lane, Load, SERIES, STEP_MS, value};
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{scope, sleep};
use std::time::Duration;
use stdx::{Clock, RealClock, Stopwatch};

const USAGE: &str = "usage: bench-backup [--ours PROGRAM] [--dir DIR] [--gigabytes N] [--rate SAMPLES] [--alone SECONDS]
  --ours       our server [target/release/sightline]
  --dir        where data and backups go; removed first [bench/out/backup]
  --gigabytes  parts before the first backup [1]
  --rate       samples a second while backups run [500000]
  --alone      seconds of load before each backup [30]";

struct Options {
    ours: PathBuf,
    dir: PathBuf,
    gigabytes: f64,
    rate: f64,
    alone: Duration,
}

fn options() -> Result<Options> {
    let mut options = Options {
        ours: "target/release/sightline".into(),
        dir: "bench/out/backup".into(),
        gigabytes: 1.0,
        rate: 500_000.0,
        alone: Duration::from_secs(30),
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().with_context(|| format!("{word} needs a value\n{USAGE}"));
        match word.as_str() {
            "--ours" => options.ours = value()?.into(),
            "--dir" => options.dir = value()?.into(),
            "--gigabytes" => options.gigabytes = value()?.parse()?,
            "--rate" => options.rate = value()?.parse()?,
            "--alone" => options.alone = Duration::from_secs(value()?.parse()?),
            _ => bail!("{USAGE}"),
        }
    }
    Ok(options)
}

/// A server that does not outlive the bench.
struct Server {
    process: Child,
    address: SocketAddr,
}

impl Server {
    fn start(ours: &Path, data: &Path) -> Result<Self> {
        let mut process = Command::new(ours)
            .args(["serve", "--listen", "127.0.0.1:0", "--collect-host=false", "--data"])
            .arg(data)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("{}", ours.display()))?;
        let lines = BufReader::new(process.stdout.take().context("piped")?).lines();
        for line in lines.map_while(Result::ok) {
            if let Some((_, address)) = line.split_once(" answers on http://") {
                let address = address.trim().parse()?;
                return Ok(Self { process, address });
            }
        }
        bail!("the server ended at once");
    }

    fn stop(mut self) -> Result<()> {
        use rustix::process::{Pid, Signal, kill_process};
        let id = Pid::from_raw(i32::try_from(self.process.id())?).context("a process id")?;
        kill_process(id, Signal::TERM)?;
        let status = self.process.wait()?;
        if status.success() { Ok(()) } else { bail!("the server ended with {status}") }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn bytes_below(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => bytes_below(&entry.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}

/// What went in within a stretch of time.
struct Stretch {
    samples: u64,
    seconds: f64,
}

impl Stretch {
    fn rate(&self) -> f64 {
        self.samples as f64 / self.seconds
    }
}

fn measured<T>(load: &Load, work: impl FnOnce() -> Result<T>) -> Result<(Stretch, T)> {
    let (before, watch) = (load.kept(), Stopwatch::start());
    let done = work()?;
    let seconds = watch.elapsed().as_secs_f64();
    Ok((Stretch { samples: load.kept() - before, seconds }, done))
}

/// Runs one of our commands and returns what it printed at its end.
fn run(ours: &Path, arguments: &[&str]) -> Result<String> {
    let output = Command::new(ours).args(arguments).output()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        bail!("{arguments:?}: {said}{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(said)
}

/// Restores a snapshot and returns how many samples it holds, after a look at some series of each
/// connection: every place from the first to the last, with its value.
fn check(options: &Options, load: &Load, snapshot: &str, within: (u64, u64)) -> Result<()> {
    let (from, to) = (options.dir.join("backups"), options.dir.join("restored"));
    let _ = fs::remove_dir_all(&to);
    let (from, to_text) = (from.display().to_string(), to.display().to_string());
    let watch = Stopwatch::start();
    let said = run(
        &options.ours,
        &["restore", "--from", &from, "--snapshot", snapshot, "--data", &to_text],
    )?;
    let seconds = watch.elapsed().as_secs_f64();
    let line = said.lines().next().unwrap_or_default();
    println!("  {line}, in {seconds:.1} s ({:.0} MB/s)", bytes_below(&to) as f64 / 1e6 / seconds);
    let points = line.split(", ").find_map(|w| w.strip_suffix(" points")?.parse::<u64>().ok());
    let points = points.context("restore tells no points")?;
    // The server's own metrics are among the points.
    let own = 1_000_000;
    if points < within.0 || points > within.1 + own {
        bail!("{points} points, between {} and {} were sent", within.0, within.1);
    }
    let server = Server::start(&options.ours, &to)?;
    let mut looked = 0u64;
    for lane in 0..CONNECTIONS {
        for n in [0, SERIES / 2, SERIES - 1] {
            looked += front_of(&server, load, lane * SERIES + n)?;
        }
    }
    server.stop()?;
    println!("  {looked} samples of 12 series: no gap, each as it was sent");
    Ok(())
}

/// Asks for all samples of a series; they must be the first ones that were sent.
fn front_of(server: &Server, load: &Load, number: u64) -> Result<u64> {
    use std::io::{Read, Write};
    let query = format!("m{}{{host=\"host-{:05}\"}}[40d]", number % 10, number / 10);
    let query: String = query.bytes().map(|b| format!("%{b:02X}")).collect();
    let at = RealClock.now_ms() / 1000;
    let mut stream = std::net::TcpStream::connect(server.address)?;
    let head = format!(
        "GET /api/v1/query?query={query}&time={at} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n",
        server.address
    );
    stream.write_all(head.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n").context("no answer")?;
    let answer: serde_json::Value = serde_json::from_slice(&answer[end + 4..])?;
    let points = answer["data"]["result"][0]["values"].as_array().context("no samples")?;
    for (place, point) in points.iter().enumerate() {
        let at_ms = (point[0].as_f64().context("a time")? * 1000.0).round() as i64;
        let found: f64 = point[1].as_str().context("a value")?.parse()?;
        let place = place as u64;
        if (at_ms, found) != (load.start_ms + place as i64 * STEP_MS, value(number, place)) {
            bail!("series {number} has {found} at {at_ms} in place {place}");
        }
    }
    Ok(points.len() as u64)
}

fn main() -> Result<()> {
    let options = options()?;
    let _ = fs::remove_dir_all(&options.dir);
    fs::create_dir_all(&options.dir)?;
    let dir = fs::canonicalize(&options.dir)?;
    let (data, backups) = (dir.join("data"), dir.join("backups").display().to_string());
    let server = Server::start(&options.ours, &data)?;
    let now_ms = RealClock.now_ms();
    let load = Load {
        address: server.address,
        start_ms: now_ms - 30 * 86_400_000,
        lanes: (0..CONNECTIONS).map(|_| Lane::default()).collect(),
        stop: AtomicBool::new(false),
    };
    // Eight bytes a sample and little more.
    let places = (options.gigabytes * 1e9 / 8.2 / (CONNECTIONS * SERIES) as f64) as u64;
    let (filled, ()) = measured(&load, || {
        let sent: Result<Vec<()>> = scope(|scope| {
            let send = |lane| {
                let load = &load;
                scope.spawn(move || load.run(lane, 20, None, places))
            };
            let lanes: Vec<_> = (0..CONNECTIONS).map(send).collect();
            lanes.into_iter().map(|l| l.join().expect("a lane")).collect()
        });
        sent.map(drop)
    })?;
    println!("filled: {} samples, {:.0} a second", filled.samples, filled.rate());
    let url = format!("http://{}", server.address);
    let mut taken = Vec::new();
    scope(|scope| -> Result<()> {
        let send = |lane| {
            let (load, rate) = (&load, options.rate);
            scope.spawn(move || load.run(lane, 1, Some(rate), u64::MAX))
        };
        let lanes: Vec<_> = (0..CONNECTIONS).map(send).collect();
        let mut rounds = || -> Result<()> {
            for round in 1..=2 {
                let (alone, ()) = measured(&load, || {
                    sleep(options.alone);
                    Ok(())
                })?;
                let before = load.kept();
                let (with, said) = measured(&load, || {
                    run(&options.ours, &["backup", "--to", &backups, "--url", &url])
                })?;
                let after = load.sent();
                let line = said.lines().next().unwrap_or_default().to_owned();
                println!(
                    "backup {round}: {:.1} s; {:.0} samples a second with it, {:.0} before: {:.2} x\n  {line}",
                    with.seconds,
                    with.rate(),
                    alone.rate(),
                    with.rate() / alone.rate()
                );
                let name = line.split(' ').nth(1).context("a snapshot's name")?.to_owned();
                taken.push((name, (before, after)));
            }
            Ok(())
        };
        let done = rounds();
        load.stop.store(true, Ordering::SeqCst);
        for lane in lanes {
            lane.join().expect("a lane")?;
        }
        done
    })?;
    let all = load.kept();
    println!("sent {all} samples in all; every request was acknowledged");
    server.stop()?;
    let stopped = ["backup", "--data", &data.display().to_string(), "--to", &backups];
    let said = run(&options.ours, &stopped)?;
    let name = said.split(' ').nth(1).context("a snapshot's name")?.to_owned();
    taken.push((name, (all, all)));
    for (snapshot, within) in &taken {
        println!("restored {snapshot}:");
        check(&options, &load, snapshot, *within)?;
    }
    Ok(())
}
