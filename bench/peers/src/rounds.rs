//! Sends the load of pods round by round, with the pause that a scraper makes between them.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::afterwards::{self, Questions};
use crate::args::Args;
use crate::frames::{Frames, Recipe};
use crate::measure::{self, Moment, Subject};
use crate::outcome::Outcome;
use crate::sender::Load;
use crate::server::{Role, Running};
use crate::{http, pods};

/// What one round took.
#[derive(Clone, Copy)]
struct Round {
    frames: u64,
    /// Until the last answer.
    seconds: f64,
    /// The server's processor time until the last answer.
    cpu_s: f64,
    /// The same with the pause: what a server does about a round after it has answered is a part
    /// of the round's cost.
    cpu_with_pause_s: f64,
}

/// Sends all rounds, then lets the server settle and restarts it.
pub(crate) fn measure(
    args: &Args,
    frames: &Frames,
    subject: &Subject<'_>,
    outcome: &mut Outcome,
) -> Result<()> {
    let shape = &frames.shape;
    let active = (shape.lanes * shape.items) as f64;
    let running = subject.start()?;
    let before = Moment::now(running.pid())?;
    let mut rounds = Vec::new();
    for round in 0..shape.rounds {
        rounds.push(send_one(args, frames, round, &running, outcome)?);
        if round + 1 == pods::STEADY {
            let bytes = measure::median_anonymous(running.pid(), Duration::from_secs(3))?;
            outcome.set("anonymous_per_series", bytes / active);
        }
    }
    let after = Moment::now(running.pid())?;
    outcome.set("peak_rss", after.server.peak_rss);
    outcome.set("seconds", before.until(&after).seconds);
    before.until(&after).put_noise(outcome);
    put_costs(outcome, &rounds, active);
    if subject.kind.role == Role::Sink {
        running.stop()?;
        return Ok(());
    }
    let questions = Questions {
        // A place whose pod is never replaced.
        one_series: format!("{}{{pod=\"{}\"}}", pods::COUNTED_NAME, pods::name(9, 0)),
        at_ms: shape.end_ms(),
        name: pods::COUNTED_NAME,
        window_s: 600,
        expected: Some(active / pods::SERIES_PER_POD as f64 * shape.rounds as f64),
        expected_of_one: Some(shape.rounds as f64),
    };
    let frames_sent: u64 = rounds.iter().map(|round| round.frames).sum();
    let items = (frames_sent * shape.items as u64) as f64;
    afterwards::measure(subject, running, &before, items, Some(questions), false, outcome)?;
    // Each of the late rounds adds a tenth.
    let created = active * (1.0 + 0.1 * (shape.rounds - pods::STEADY) as f64);
    let bytes = |name| outcome.get(name).unwrap_or(0.0);
    outcome.set("bytes_per_series", (bytes("parts_bytes") + bytes("apart_bytes")) / created);
    Ok(())
}

fn send_one(
    args: &Args,
    frames: &Frames,
    round: usize,
    running: &Running,
    outcome: &mut Outcome,
) -> Result<Round> {
    let recipe = Recipe::Pods { series: args.series };
    let load = Load {
        address: running.address,
        head: &http::head_lines(recipe, running.address),
        frames,
        rounds: round..round + 1,
        connections: args.connections,
        deadline: Instant::now() + Duration::from_secs(args.time_limit_s),
    };
    let before = Moment::now(running.pid())?;
    let sent = load.send()?;
    let cpu_s = before.until(&Moment::now(running.pid())?).server_cpu_s;
    sent.note_in(outcome)?;
    let step = Duration::from_millis(frames.shape.step_ms as u64);
    thread::sleep(step.saturating_sub(before.at.elapsed()).max(Duration::from_secs(2)));
    let cpu_with_pause_s = before.until(&Moment::now(running.pid())?).server_cpu_s;
    eprintln!(
        "  round {}: {:.2} s, server CPU {cpu_s:.2} s, {cpu_with_pause_s:.2} s with the pause",
        round + 1,
        sent.seconds
    );
    Ok(Round { frames: sent.frames, seconds: sent.seconds, cpu_s, cpu_with_pause_s })
}

fn put_costs(outcome: &mut Outcome, rounds: &[Round], active: f64) {
    let mean = |rounds: &[Round], of: fn(&Round) -> f64| {
        rounds.iter().map(of).sum::<f64>() / rounds.len() as f64
    };
    let (first, steady, churn) = (&rounds[0], &rounds[1..pods::STEADY], &rounds[pods::STEADY..]);
    outcome.set("create_s", first.seconds);
    outcome.set("cpu_us_per_new_series", first.cpu_with_pause_s / active * 1e6);
    outcome.set("cpu_us_per_new_series_at_once", first.cpu_s / active * 1e6);
    outcome.set("steady_s", mean(steady, |round| round.seconds));
    outcome.set("steady_cpu_s", mean(steady, |round| round.cpu_with_pause_s));
    outcome.set("churn_s", mean(churn, |round| round.seconds));
    outcome.set("churn_cpu_s", mean(churn, |round| round.cpu_with_pause_s));
}
