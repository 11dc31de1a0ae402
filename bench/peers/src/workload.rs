//! The loads, and what is done to a server under each.

use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};

use crate::args::Args;
use crate::datums::Protocol;
use crate::frames::{Frames, Recipe};
use crate::measure::{self, Moment, Subject};
use crate::outcome::Outcome;
use crate::samples::Values;
use crate::sender::{Load, Sent};
use crate::server::{self, Kind, Role, Running};
use crate::{disk, http, pods, samples};

/// One load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Workload {
    /// 44,000 series of whole numbers, 6 h.
    Integers,
    /// The same over 16 connections, at most 2 h of it.
    Integers16,
    /// The same with hundredths, at most 1 h.
    Decimals,
    /// A million series, some of which are replaced.
    Pods,
    /// `PutMetricData` in each protocol.
    Aws,
}

impl Workload {
    pub(crate) const ALL: [Self; 5] =
        [Self::Integers, Self::Integers16, Self::Decimals, Self::Pods, Self::Aws];

    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::Integers => "integers",
            Self::Integers16 => "integers-16",
            Self::Decimals => "decimals",
            Self::Pods => "pods",
            Self::Aws => "aws",
        }
    }

    /// Reads names with commas between them.
    pub(crate) fn parse_list(list: &str) -> Result<Vec<Self>> {
        let find = |id: &str| Self::ALL.into_iter().find(|workload| workload.id() == id);
        list.split(',').map(|id| find(id).with_context(|| format!("{id} is no workload"))).collect()
    }

    fn recipes(self, args: &Args) -> Vec<Recipe> {
        let rounds = |hours: f64| (hours * 3_600_000.0 / samples::STEP_MS as f64) as usize;
        let hosts = |values, hours| Recipe::Hosts { values, rounds: rounds(hours) };
        match self {
            // The whole file also for the part: it is there already.
            Self::Integers | Self::Integers16 => vec![hosts(Values::Integers, args.hours)],
            Self::Decimals => vec![hosts(Values::Decimals, args.hours.min(1.0))],
            Self::Pods => vec![Recipe::Pods { series: args.series }],
            Self::Aws => {
                // 45 calls of each group at full size: 1.98 million datums in a protocol.
                let rounds = ((args.hours * 7.5) as usize).max(4);
                Protocol::ALL.map(|protocol| Recipe::Datums { protocol, rounds }).to_vec()
            }
        }
    }
}

/// Measures every chosen server under every chosen load, and saves each outcome at once.
pub(crate) fn run(args: &Args) -> Result<()> {
    for &workload in &args.workloads {
        for recipe in workload.recipes(args) {
            let frames = Frames::ready(&args.out.join("data"), recipe)?;
            for id in &args.servers {
                let kind = server::find(id)?;
                if workload == Workload::Aws && !kind.cloudwatch {
                    continue;
                }
                match kind.program(args) {
                    Ok(program) => one(args, workload, recipe, &frames, kind, &program)?,
                    Err(missing) => eprintln!("skipped: {missing}"),
                }
            }
        }
    }
    Ok(())
}

fn one(
    args: &Args,
    workload: Workload,
    recipe: Recipe,
    frames: &Frames,
    kind: &'static Kind,
    program: &Path,
) -> Result<()> {
    let load = match recipe {
        Recipe::Datums { protocol, .. } => format!("aws-{}", protocol.id()),
        _ => workload.id().to_owned(),
    };
    eprintln!("measure {load} on {}", kind.id);
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let mut outcome = Outcome {
        server: kind.id.to_owned(),
        title: kind.title(args),
        workload: load.clone(),
        scale: args.scale(),
        at_ms: now.as_millis() as i64,
        ..Outcome::default()
    };
    frames.warm()?;
    let subject = Subject::new(args, kind, program, &load)?;
    let measured = match recipe {
        Recipe::Pods { .. } => measure_pods(args, frames, &subject, &mut outcome),
        _ => measure_stream(args, workload, recipe, frames, &subject, &mut outcome),
    };
    // One server that fails must not cost the figures of the others.
    if let Err(failed) = measured {
        eprintln!("  {} failed: {failed:#}", kind.id);
        outcome.note(format!("failed: {failed:#}"));
    }
    for note in &outcome.notes {
        eprintln!("  note: {note}");
    }
    subject.clean_up()?;
    outcome.save(&args.out)
}

/// Sends all rounds as fast as the server takes them, then lets it settle and restarts it.
fn measure_stream(
    args: &Args,
    workload: Workload,
    recipe: Recipe,
    frames: &Frames,
    subject: &Subject<'_>,
    outcome: &mut Outcome,
) -> Result<()> {
    let shape = &frames.shape;
    let rounds = match workload {
        Workload::Integers16 => 0..shape.rounds.min(2 * 3_600_000 / samples::STEP_MS as usize),
        _ => 0..shape.rounds,
    };
    let running = subject.start()?;
    let head = head_lines(recipe, running.address);
    let load = Load {
        address: running.address,
        head: &head,
        frames,
        rounds: rounds.clone(),
        connections: if workload == Workload::Integers16 { 16 } else { args.connections },
        deadline: Instant::now() + Duration::from_secs(args.time_limit_s),
    };
    let before = Moment::now(running.pid())?;
    let (sent, peak_anonymous) = measure::watch(running.pid(), || load.send());
    let after = Moment::now(running.pid())?;
    let sent = sent?;
    note_sent(outcome, &sent)?;
    let span = before.until(&after);
    let items = sent.frames as f64 * shape.items as f64;
    let millions = items / 1e6;
    let plain_share = sent.frames as f64 / (shape.lanes * shape.rounds) as f64;
    outcome.set("items", items);
    outcome.set("seconds", sent.seconds);
    outcome.set("items_per_s", items / sent.seconds);
    outcome.set("plain_mb_per_s", shape.plain_bytes as f64 * plain_share / sent.seconds / 1e6);
    outcome.set("wire_bytes_per_item", sent.wire_bytes as f64 / items);
    outcome.set("cpu_per_million", span.server_cpu_s / millions);
    outcome.set("items_per_cpu_s", items / span.server_cpu_s);
    outcome.set("driver_cpu_per_million", span.driver_cpu_s / millions);
    outcome.set("others_cpu_s", span.others_cpu_s);
    outcome.set("p50_ms", sent.latency_ms(50));
    outcome.set("p99_ms", sent.latency_ms(99));
    outcome.set("peak_rss", after.server.peak_rss);
    outcome.set("peak_anonymous", peak_anonymous);
    eprintln!(
        "  {:.0}/s, {:.3} CPU s per million, others used {:.1} of {:.1} s",
        items / sent.seconds,
        span.server_cpu_s / millions,
        span.others_cpu_s,
        span.seconds
    );
    if subject.kind.role == Role::Sink {
        running.stop()?;
        return Ok(());
    }
    let last_round = (sent.frames as usize / shape.lanes).clamp(1, rounds.end) - 1;
    let answers = match recipe {
        Recipe::Datums { .. } => None,
        _ => Some(Answers {
            query: format!("{}{{hostname=\"host_0\"}}", samples::COUNTED_NAME),
            at_ms: shape.time_ms(last_round),
            name: samples::COUNTED_NAME,
            window_s: rounds.len() as i64 * shape.step_ms / 1_000 + 600,
            expected: (!sent.cut).then_some((samples::HOSTS * rounds.len()) as f64),
        }),
    };
    measure_rest(subject, running, before.server.cpu_s, items, answers, outcome)
}

/// Sends round after round with the pause that a scraper makes between them.
fn measure_pods(
    args: &Args,
    frames: &Frames,
    subject: &Subject<'_>,
    outcome: &mut Outcome,
) -> Result<()> {
    let shape = &frames.shape;
    let active = (shape.lanes * shape.items) as f64;
    let running = subject.start()?;
    let head = head_lines(Recipe::Pods { series: args.series }, running.address);
    let deadline = Instant::now() + Duration::from_secs(args.time_limit_s);
    let first = Moment::now(running.pid())?;
    let mut spans = Vec::new();
    let mut frames_sent = 0;
    for round in 0..shape.rounds {
        let load = Load {
            address: running.address,
            head: &head,
            frames,
            rounds: round..round + 1,
            connections: args.connections,
            deadline,
        };
        let before = Moment::now(running.pid())?;
        let sent = load.send()?;
        note_sent(outcome, &sent)?;
        frames_sent += sent.frames;
        let during = before.until(&Moment::now(running.pid())?);
        // What the server does about a round after it has answered belongs to the round.
        let pause = Duration::from_millis(shape.step_ms as u64).saturating_sub(before.at.elapsed());
        thread::sleep(pause.max(Duration::from_secs(2)));
        let whole = before.until(&Moment::now(running.pid())?);
        eprintln!(
            "  round {}: {:.2} s, server CPU {:.2} s, {:.2} s with the pause",
            round + 1,
            sent.seconds,
            during.server_cpu_s,
            whole.server_cpu_s
        );
        spans.push((sent.seconds, whole.server_cpu_s));
        if round + 1 == pods::STEADY {
            let bytes = measure::median_anonymous(running.pid(), Duration::from_secs(3))?;
            outcome.set("anonymous_per_series", bytes / active);
        }
    }
    let end = Moment::now(running.pid())?;
    let mean = |spans: &[(f64, f64)]| {
        let count = spans.len() as f64;
        let seconds: f64 = spans.iter().map(|(seconds, _)| seconds).sum();
        let cpu_s: f64 = spans.iter().map(|(_, cpu_s)| cpu_s).sum();
        (seconds / count, cpu_s / count)
    };
    let (steady, churn) = (mean(&spans[1..pods::STEADY]), mean(&spans[pods::STEADY..]));
    outcome.set("create_s", spans[0].0);
    outcome.set("cpu_us_per_new_series", spans[0].1 / active * 1e6);
    outcome.set("steady_s", steady.0);
    outcome.set("steady_cpu_s", steady.1);
    outcome.set("churn_s", churn.0);
    outcome.set("churn_cpu_s", churn.1);
    outcome.set("others_cpu_s", first.until(&end).others_cpu_s);
    outcome.set("seconds", first.until(&end).seconds);
    outcome.set("peak_rss", end.server.peak_rss);
    if subject.kind.role == Role::Sink {
        running.stop()?;
        return Ok(());
    }
    // A place whose pod is never replaced.
    let pod = pods::name(9, 0);
    let answers = Answers {
        query: format!("{}{{pod=\"{pod}\"}}", pods::COUNTED_NAME),
        at_ms: shape.end_ms(),
        name: pods::COUNTED_NAME,
        window_s: 600,
        expected: Some(active / pods::SERIES_PER_POD as f64 * shape.rounds as f64),
    };
    let items = frames_sent as f64 * shape.items as f64;
    measure_rest(subject, running, first.server.cpu_s, items, Some(answers), outcome)?;
    // Each of the late rounds adds a tenth.
    let created = active * (1.0 + 0.1 * (shape.rounds - pods::STEADY) as f64);
    let bytes =
        outcome.get("parts_bytes").unwrap_or(0.0) + outcome.get("apart_bytes").unwrap_or(0.0);
    outcome.set("bytes_per_series", bytes / created);
    Ok(())
}

/// What a server is asked after its restart.
struct Answers {
    /// Selects one series.
    query: String,
    at_ms: i64,
    /// The metric whose samples are counted, over so long before `at_ms`.
    name: &'static str,
    window_s: i64,
    /// How many there must be, if that is known.
    expected: Option<f64>,
}

/// Lets the server settle, stops it, and starts it again to ask for what it was sent.
fn measure_rest(
    subject: &Subject<'_>,
    running: Running,
    cpu_before_s: f64,
    items: f64,
    answers: Option<Answers>,
    outcome: &mut Outcome,
) -> Result<()> {
    match subject.settle(&running)? {
        Some(seconds) => outcome.set("settle_s", seconds),
        None => outcome.note("was still busy three minutes after the load"),
    }
    let settled = Moment::now(running.pid())?;
    let sizes = subject.sizes();
    outcome.set("cpu_settled_per_million", (settled.server.cpu_s - cpu_before_s) / items * 1e6);
    outcome.set("settled_anonymous", settled.server.anonymous);
    outcome.set("parts_bytes", sizes.parts as f64);
    outcome.set("apart_bytes", sizes.apart as f64);
    outcome.set("bytes_per_item", sizes.parts as f64 / items_in_parts(subject, items));
    let stopped = running.stop()?;
    measure::note_stop(outcome, &stopped);
    let sizes = subject.sizes();
    outcome.set("cpu_stopped_per_million", (stopped.cpu_s - cpu_before_s) / items * 1e6);
    outcome.set("bytes_per_item_stopped", sizes.parts as f64 / items_in_parts(subject, items));
    outcome.set("apart_bytes_stopped", sizes.apart as f64);
    let Some(answers) = answers else {
        return Ok(());
    };
    let (running, seconds) = subject.first_answer(&answers.query, answers.at_ms)?;
    outcome.set("first_answer_s", seconds);
    if let Some(expected) = answers.expected {
        let query = format!("sum(count_over_time({}[{}s]))", answers.name, answers.window_s);
        let path = http::query_path(&query, answers.at_ms);
        let found = measure::first_value(running.address, &path);
        outcome.set("found_share", found.unwrap_or(f64::NAN) / expected);
        if found != Some(expected) {
            outcome.note(format!("{found:?} of {expected} samples were found again"));
        }
    }
    running.stop()?;
    Ok(())
}

/// Returns how many samples the parts hold; an infinite number of bytes a sample cannot be shown,
/// so none at all becomes no figure.
fn items_in_parts(subject: &Subject<'_>, items: f64) -> f64 {
    if subject.kind.parts_are_blocks { disk::samples_in_blocks(&subject.dir) as f64 } else { items }
}

fn note_sent(outcome: &mut Outcome, sent: &Sent) -> Result<()> {
    if sent.frames == 0 {
        bail!("nothing was accepted: {}", sent.complaint.as_deref().unwrap_or("no reason given"));
    }
    if sent.cut || sent.refused > 0 || sent.retries > 0 {
        outcome.note(format!(
            "{} requests accepted, {} refused, {} sent again, {}; first complaint: {}",
            sent.frames,
            sent.refused,
            sent.retries,
            if sent.cut { "cut off before the end" } else { "all sent" },
            sent.complaint.as_deref().unwrap_or("none")
        ));
    }
    Ok(())
}

fn head_lines(recipe: Recipe, address: SocketAddr) -> String {
    let (path, lines) = match recipe {
        Recipe::Datums { protocol, .. } => (protocol.path(), protocol.header_lines()),
        _ => (
            "/api/v1/write",
            "Content-Type: application/x-protobuf\r\nContent-Encoding: snappy\r\n\
             X-Prometheus-Remote-Write-Version: 0.1.0\r\n"
                .to_owned(),
        ),
    };
    format!("POST {path} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: bench-peers\r\n{lines}")
}
