//! The outcomes as a table for a person and as JSON for a program.

use std::fmt::Write as _;
use std::fs;
use std::thread;

use anyhow::Result;

use crate::args::Args;
use crate::outcome::Outcome;
use crate::queries;
use crate::server::{self, Kind, Role};

/// One line of a table.
struct Row {
    workload: &'static str,
    figure: &'static str,
    title: &'static str,
    /// Figures are divided by this before they are shown.
    unit: f64,
    better: Better,
    bar: Bar,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Better {
    Less,
    More,
    /// Told for the reader, not compared.
    Neither,
}
use Better::{Less, More, Neither};

/// What ours must reach, and what we would like it to reach.
#[derive(Clone, Copy)]
enum Bar {
    None,
    /// As a multiple of the best peer's figure.
    Ratio(f64, f64),
    /// As a figure, in the row's unit.
    Figure(f64, f64),
}
use Bar::{Figure, Ratio};

const MIB: f64 = 1_048_576.0;

const fn row(
    workload: &'static str,
    figure: &'static str,
    title: &'static str,
    unit: f64,
    better: Better,
    bar: Bar,
) -> Row {
    Row { workload, figure, title, unit, better, bar }
}

const INTEGERS: &str = "integers";
const INTEGERS_16: &str = "integers-16";
const DECIMALS: &str = "decimals";
const PODS: &str = "pods";
const NO: Bar = Bar::None;

#[rustfmt::skip]
const ROWS: &[Row] = &[
    row(INTEGERS, "cpu_per_million", "server CPU s per million samples", 1.0, Less, Ratio(0.5, 0.35)),
    row(INTEGERS, "cpu_settled_per_million", "the same, background work after it included", 1.0, Less, Ratio(0.5, 0.35)),
    row(INTEGERS, "cpu_stopped_per_million", "the same, stopping included", 1.0, Less, NO),
    row(INTEGERS, "items_per_s", "samples/s", 1.0, More, NO),
    row(INTEGERS, "items_per_cpu_s", "samples per server CPU second", 1.0, More, NO),
    row(INTEGERS, "plain_mb_per_s", "MB/s (protobuf, before snappy)", 1.0, More, NO),
    row(INTEGERS, "p50_ms", "request ms, p50", 1.0, Less, NO),
    row(INTEGERS, "p99_ms", "request ms, p99", 1.0, Less, NO),
    row(INTEGERS, "peak_rss", "peak RSS, MiB", MIB, Less, Ratio(1.0, 0.6)),
    row(INTEGERS, "peak_anonymous", "peak anonymous memory, MiB", MIB, Less, NO),
    row(INTEGERS, "settled_anonymous", "anonymous memory after settling, MiB", MIB, Less, NO),
    row(INTEGERS, "bytes_per_item", "disk B/sample after settling, parts and index", 1.0, Less, Ratio(0.8, 0.65)),
    row(INTEGERS, "bytes_per_item_stopped", "the same after a stop", 1.0, Less, NO),
    row(INTEGERS, "apart_bytes", "journal and caches after settling, MiB", MIB, Neither, NO),
    row(INTEGERS, "apart_bytes_stopped", "journal and caches after a stop, MiB", MIB, Neither, NO),
    row(INTEGERS, "stop_s", "graceful stop, s", 1.0, Less, NO),
    row(INTEGERS, "first_answer_s", "start to first answer, s", 1.0, Less, Ratio(2.0, 1.0)),
    row(INTEGERS, "found_share", "share of one metric's samples found after the restart", 1.0, Neither, NO),
    row(INTEGERS, "settle_s", "seconds until quiet", 1.0, Neither, NO),
    row(INTEGERS, "items", "samples sent, million", 1e6, Neither, NO),
    row(INTEGERS, "wire_bytes_per_item", "B/sample on the wire", 1.0, Neither, NO),
    row(INTEGERS, "driver_cpu_per_million", "sender's CPU s per million", 1.0, Neither, NO),
    row(INTEGERS, "others_cpu_s", "CPU s taken by other processes", 1.0, Neither, NO),
    row(INTEGERS, "seconds", "wall s", 1.0, Neither, NO),

    row(INTEGERS_16, "items_per_s", "samples/s with 16 connections", 1.0, More, Ratio(1.5, 2.5)),
    row(INTEGERS_16, "cpu_per_million", "server CPU s per million samples", 1.0, Less, NO),
    row(INTEGERS_16, "p50_ms", "request ms, p50", 1.0, Less, NO),
    row(INTEGERS_16, "p99_ms", "request ms, p99", 1.0, Less, NO),
    row(INTEGERS_16, "peak_rss", "peak RSS, MiB", MIB, Less, NO),
    row(INTEGERS_16, "items", "samples sent, million", 1e6, Neither, NO),
    row(INTEGERS_16, "others_cpu_s", "CPU s taken by other processes", 1.0, Neither, NO),
    row(INTEGERS_16, "seconds", "wall s", 1.0, Neither, NO),

    row(DECIMALS, "bytes_per_item", "disk B/sample, two decimals, after settling", 1.0, Less, Ratio(0.75, 0.6)),
    row(DECIMALS, "bytes_per_item_stopped", "the same after a stop", 1.0, Less, NO),
    row(DECIMALS, "cpu_per_million", "server CPU s per million samples", 1.0, Less, NO),
    row(DECIMALS, "cpu_settled_per_million", "the same, background work after it included", 1.0, Less, NO),
    row(DECIMALS, "items_per_s", "samples/s", 1.0, More, NO),
    row(DECIMALS, "apart_bytes", "journal and caches after settling, MiB", MIB, Neither, NO),
    row(DECIMALS, "found_share", "share of one metric's samples found after the restart", 1.0, Neither, NO),
    row(DECIMALS, "items", "samples sent, million", 1e6, Neither, NO),
    row(DECIMALS, "others_cpu_s", "CPU s taken by other processes", 1.0, Neither, NO),
    row(DECIMALS, "seconds", "wall s", 1.0, Neither, NO),

    row(PODS, "anonymous_per_series", "anonymous B per active series, after the steady rounds", 1.0, Less, Figure(450.0, 300.0)),
    row(PODS, "cpu_us_per_new_series", "CPU us per new series", 1.0, Less, Figure(8.0, 5.0)),
    row(PODS, "cpu_us_per_new_series_at_once", "the same without the pause after the round", 1.0, Less, NO),
    row(PODS, "create_s", "first round, all series new, s", 1.0, Less, NO),
    row(PODS, "steady_s", "steady round, s", 1.0, Less, NO),
    row(PODS, "steady_cpu_s", "steady round, server CPU s with the pause after it", 1.0, Less, NO),
    row(PODS, "churn_s", "round with a tenth new, s", 1.0, Less, NO),
    row(PODS, "churn_cpu_s", "round with a tenth new, server CPU s with the pause after it", 1.0, Less, NO),
    row(PODS, "peak_rss", "peak RSS, MiB", MIB, Less, NO),
    row(PODS, "bytes_per_series", "disk B per series created, journal and caches included", 1.0, Less, NO),
    row(PODS, "stop_s", "graceful stop, s", 1.0, Less, NO),
    row(PODS, "first_answer_s", "start to first answer, s", 1.0, Less, NO),
    row(PODS, "found_share", "share of one metric's samples found after the restart", 1.0, Neither, NO),
    row(PODS, "others_cpu_s", "CPU s taken by other processes", 1.0, Neither, NO),
    row(PODS, "seconds", "wall s", 1.0, Neither, NO),
];

/// The rows of each protocol of `PutMetricData`.
const DATUM_ROWS: &[(&str, &str, Better)] = &[
    ("cpu_per_million", "server CPU s per million datums", Less),
    ("cpu_settled_per_million", "the same, background work after it included", Less),
    ("items_per_s", "datums/s", More),
    ("p50_ms", "call ms, p50", Less),
    ("p99_ms", "call ms, p99", Less),
    ("wire_bytes_per_item", "B/datum on the wire", Neither),
    ("others_cpu_s", "CPU s taken by other processes", Neither),
    ("seconds", "wall s", Neither),
];
const DATUM_LOADS: [&str; 4] = ["aws-cbor", "aws-json", "aws-json-gzip", "aws-query"];

/// Prints the tables of everything that was measured at this size, and writes them to files.
pub(crate) fn write(args: &Args) -> Result<()> {
    let outcomes: Vec<Outcome> = [INTEGERS, INTEGERS_16, DECIMALS, PODS]
        .into_iter()
        .chain(DATUM_LOADS)
        .chain(queries::LOADS)
        .flat_map(|workload| {
            let load = |kind: &&Kind| Outcome::load(&args.out, &args.scale(), workload, kind.id);
            server::KINDS.iter().filter_map(move |kind| load(&kind))
        })
        .collect();
    let text = markdown(args, &outcomes);
    let stem = args.out.join(format!("peers-{}", args.scale()));
    fs::write(stem.with_added_extension("md"), &text)?;
    fs::write(stem.with_added_extension("json"), serde_json::to_vec_pretty(&outcomes)?)?;
    print!("{text}");
    Ok(())
}

fn markdown(args: &Args, outcomes: &[Outcome]) -> String {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let mut out = format!("Scale: {}; {cores} cores shared by server and sender.\n", args.scale());
    if !args.is_full() {
        out.push_str("A short run for development: bars are held at full size only.\n");
    }
    let bars: Vec<&Row> = ROWS.iter().filter(|row| !matches!(row.bar, Bar::None)).collect();
    put_table(&mut out, "Bars", &bars, outcomes);
    for workload in [INTEGERS, INTEGERS_16, DECIMALS, PODS] {
        let rows: Vec<&Row> = ROWS.iter().filter(|row| row.workload == workload).collect();
        put_table(&mut out, workload, &rows, outcomes);
    }
    for workload in DATUM_LOADS {
        let rows: Vec<Row> = DATUM_ROWS
            .iter()
            .map(|(figure, title, better)| row(workload, figure, title, 1.0, *better, NO))
            .collect();
        put_table(&mut out, workload, &rows.iter().collect::<Vec<_>>(), outcomes);
    }
    for workload in queries::LOADS {
        queries::put_table(&mut out, workload, args.is_full(), outcomes);
    }
    for outcome in outcomes {
        for note in &outcome.notes {
            let _ = writeln!(out, "- {}, {}: {note}", outcome.title, outcome.workload);
        }
    }
    out
}

fn put_table(out: &mut String, title: &str, rows: &[&Row], outcomes: &[Outcome]) {
    let is_told = |outcome: &&Outcome| rows.iter().any(|row| row.workload == outcome.workload);
    let told: Vec<&Outcome> = outcomes.iter().filter(is_told).collect();
    if told.is_empty() {
        return;
    }
    let mut kinds: Vec<&Kind> = Vec::new();
    for kind in &server::KINDS {
        let measured = told.iter().any(|outcome| outcome.server == kind.id);
        if measured || kind.role == Role::Ours {
            kinds.push(kind);
        }
    }
    let heads: Vec<String> = kinds.iter().map(|kind| head(kind, &told)).collect();
    let _ = writeln!(out, "\n### {title}\n");
    let _ =
        writeln!(out, "| measure | {} | ratio to the best peer | bar | aim |", heads.join(" | "));
    let _ = writeln!(out, "|---|{}---:|---:|---:|", "---:|".repeat(kinds.len()));
    for row in rows {
        put_row(out, row, &kinds, &told);
    }
}

fn head(kind: &Kind, told: &[&Outcome]) -> String {
    let own = told.iter().find(|outcome| outcome.server == kind.id);
    own.map_or_else(|| format!("{} (not measured)", kind.id), |outcome| outcome.title.clone())
}

fn put_row(out: &mut String, row: &Row, kinds: &[&Kind], told: &[&Outcome]) {
    let figure = |kind: &Kind| {
        let of =
            |outcome: &&&Outcome| outcome.server == kind.id && outcome.workload == row.workload;
        told.iter().find(of).and_then(|outcome| outcome.get(row.figure))
    };
    let mut cells = Vec::new();
    let mut ours = None;
    let mut best: Option<f64> = None;
    for kind in kinds {
        let figure = figure(kind).map(|figure| figure / row.unit);
        cells.push(figure.map_or_else(|| "-".to_owned(), shown));
        match (kind.role, figure) {
            (Role::Ours, figure) => ours = figure,
            (Role::Peer(_), Some(figure)) => {
                let pick = if row.better == More { f64::max } else { f64::min };
                best = Some(best.map_or(figure, |best| pick(best, figure)));
            }
            _ => {}
        }
    }
    let ratio = match row.better {
        Neither => None,
        Less | More => ours.zip(best).map(|(ours, best)| ours / best),
    };
    let ratio_cell = ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}x"));
    let (bar, aim) = bar_cells(row, ours, ratio);
    let _ =
        writeln!(out, "| {} | {} | {ratio_cell} | {bar} | {aim} |", row.title, cells.join(" | "));
}

/// Returns the bar with "held" or "missed" if ours was measured, and the aim.
fn bar_cells(row: &Row, ours: Option<f64>, ratio: Option<f64>) -> (String, String) {
    let sign = if row.better == More { ">=" } else { "<=" };
    let verdict = |seen: Option<f64>, bar: f64| match seen {
        None => "",
        Some(seen)
            if (row.better == More && seen >= bar) || (row.better != More && seen <= bar) =>
        {
            " held"
        }
        Some(_) => " missed",
    };
    match row.bar {
        Bar::None => (String::new(), String::new()),
        Ratio(bar, aim) => {
            (format!("{sign}{bar}x{}", verdict(ratio, bar)), format!("{sign}{aim}x"))
        }
        Figure(bar, aim) => (format!("{sign}{bar}{}", verdict(ours, bar)), format!("{sign}{aim}")),
    }
}

/// Shows a figure with three digits that count, or whole when it is large.
pub(crate) fn shown(figure: f64) -> String {
    let decimals = match figure.abs() {
        0.0 => 0,
        size if size < 1.0 => 3,
        size if size < 10.0 => 2,
        size if size < 100.0 => 1,
        _ => 0,
    };
    format!("{figure:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(server: &str, figure: f64) -> Outcome {
        let mut outcome = Outcome {
            server: server.to_owned(),
            title: server.to_owned(),
            workload: INTEGERS.to_owned(),
            ..Outcome::default()
        };
        outcome.set("cpu_per_million", figure);
        outcome
    }

    fn line(outcomes: &[Outcome]) -> String {
        let mut out = String::new();
        put_table(&mut out, "t", &[&ROWS[0]], outcomes);
        out.lines().last().expect("a row").to_owned()
    }

    #[test]
    fn ours_is_held_against_the_best_peer() {
        let peers = [outcome("vm-bookworm", 1.68), outcome("prometheus-bookworm", 8.0)];
        let with =
            |ours: f64| line(&[outcome("sightline", ours), peers[0].clone(), peers[1].clone()]);
        assert_eq!(
            with(0.6),
            "| server CPU s per million samples | 0.600 | 1.68 | 8.00 | 0.36x | <=0.5x held | <=0.35x |"
        );
        assert!(with(1.0).contains("<=0.5x missed"));
    }

    #[test]
    fn without_ours_no_bar_is_judged_and_the_sink_is_no_peer() {
        let row = line(&[outcome("vm-bookworm", 1.7), outcome("sink", 0.01)]);
        assert_eq!(
            row,
            "| server CPU s per million samples | - | 1.70 | 0.010 | - | <=0.5x | <=0.35x |"
        );
    }
}
