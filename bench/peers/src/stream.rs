//! Sends a load as fast as the server takes it.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::afterwards::{self, Questions};
use crate::args::Args;
use crate::frames::{Frames, Recipe};
use crate::measure::{self, Moment, Span, Subject};
use crate::outcome::Outcome;
use crate::sender::{Load, Sent};
use crate::server::Role;
use crate::{http, samples};

/// Sends so many rounds of the frames, then lets the server settle and restarts it.
pub(crate) fn measure(
    args: &Args,
    connections: usize,
    recipe: Recipe,
    (frames, rounds): (&Frames, usize),
    subject: &Subject<'_>,
    outcome: &mut Outcome,
) -> Result<()> {
    let running = subject.start()?;
    let load = Load {
        address: running.address,
        head: &http::head_lines(recipe, running.address),
        frames,
        rounds: 0..rounds,
        connections,
        deadline: Instant::now() + Duration::from_secs(args.time_limit_s),
    };
    let before = Moment::now(running.pid())?;
    let (sent, peak_anonymous) = measure::watch(running.pid(), || load.send());
    let after = Moment::now(running.pid())?;
    let sent = sent?;
    sent.note_in(outcome)?;
    outcome.set("peak_rss", after.server.peak_rss);
    outcome.set("peak_anonymous", peak_anonymous);
    put_costs(outcome, frames, &sent, before.until(&after));
    if subject.kind.role == Role::Sink {
        running.stop()?;
        return Ok(());
    }
    let questions = match recipe {
        Recipe::Datums { .. } => None,
        _ => Some(questions(frames, rounds, &sent)),
    };
    let items = (sent.frames * frames.shape.items as u64) as f64;
    // The bars for bytes on disk are of these loads.
    let tidies_up = connections == args.connections && !matches!(recipe, Recipe::Datums { .. });
    afterwards::measure(subject, running, &before, items, questions, tidies_up, outcome)
}

fn put_costs(outcome: &mut Outcome, frames: &Frames, sent: &Sent, span: Span) {
    let shape = &frames.shape;
    let items = (sent.frames * shape.items as u64) as f64;
    let millions = items / 1e6;
    let share = sent.frames as f64 / (shape.lanes * shape.rounds) as f64;
    outcome.set("items", items);
    outcome.set("seconds", sent.seconds);
    outcome.set("items_per_s", items / sent.seconds);
    outcome.set("plain_mb_per_s", shape.plain_bytes as f64 * share / sent.seconds / 1e6);
    outcome.set("wire_bytes_per_item", sent.wire_bytes as f64 / items);
    outcome.set("cpu_per_million", span.server_cpu_s / millions);
    outcome.set("items_per_cpu_s", items / span.server_cpu_s);
    outcome.set("driver_cpu_per_million", span.driver_cpu_s / millions);
    outcome.set("p50_ms", sent.latency_ms(50));
    outcome.set("p99_ms", sent.latency_ms(99));
    span.put_noise(outcome);
    eprintln!(
        "  {:.0}/s, {:.3} CPU s per million, others used {:.1} CPU s in {:.1} s",
        items / sent.seconds,
        span.server_cpu_s / millions,
        span.others_cpu_s,
        span.seconds
    );
}

fn questions(frames: &Frames, rounds: usize, sent: &Sent) -> Questions {
    let shape = &frames.shape;
    // Where a load was cut off, this round is sure to be there or not far behind.
    let last_round = (sent.frames as usize / shape.lanes).clamp(1, rounds) - 1;
    Questions {
        one_series: format!("{}{{hostname=\"host_0\"}}", samples::COUNTED_NAME),
        at_ms: shape.time_ms(last_round),
        name: samples::COUNTED_NAME,
        window_s: rounds as i64 * shape.step_ms / 1_000 + 600,
        expected: (!sent.cut).then_some((samples::HOSTS * rounds) as f64),
        expected_of_one: (!sent.cut).then_some(rounds as f64),
    }
}
