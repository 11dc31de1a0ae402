//! The figures of the queries as a table.

use std::fmt::Write as _;

use crate::outcome::Outcome;
use crate::report::shown;
use crate::server::{self, Role};

use super::LOADS;
use super::table::{Load, QUERIES, Query};

/// Warm answers may take this much longer than the best peer's, in milliseconds.
const WARM_MORE_MS: f64 = 0.2;
/// Peak memory of a query that is asked alone: what ours must reach, what we would like.
const PEAK: (f64, f64) = (0.3, 0.1);
const MIB: f64 = 1_048_576.0;

/// Appends the tables of one load, if anything was measured.
pub(crate) fn put_table(out: &mut String, workload: &str, full: bool, outcomes: &[Outcome]) {
    let load = if workload == LOADS[0] { Load::Hosts } else { Load::Pods };
    let mut told: Vec<&Outcome> =
        outcomes.iter().filter(|outcome| outcome.workload == workload).collect();
    if told.is_empty() {
        return;
    }
    told.sort_by_key(|outcome| !is_ours(outcome));
    let heads: Vec<String> = told
        .iter()
        .map(|outcome| format!("{}: cold p50 / p95, warm, CPU ms", outcome.title))
        .collect();
    let _ = writeln!(out, "\n### {workload}\n");
    let _ = writeln!(
        out,
        "| query | {} | cold ratio | bar | aim | CPU ratio | warm ratio | bar | series, points, kB |",
        heads.join(" | ")
    );
    let _ = writeln!(out, "|---|{}---:|---:|---:|---:|---:|---:|---:|", "---:|".repeat(told.len()));
    let rows = QUERIES.iter().filter(|query| query.load == load);
    let (cold, warm): (Vec<_>, Vec<_>) = rows.map(|query| put_row(out, query, &told)).unzip();
    put_summary(out, "cold", full, &cold);
    put_summary(out, "warm", full, &warm);
    for query in QUERIES.iter().filter(|query| query.alone && query.load == load) {
        put_peak(out, query, &told);
    }
    for query in QUERIES.iter().filter(|query| query.load == load) {
        if let Some(known) = &query.known {
            let _ = writeln!(out, "\n{}: {}", query.name, known.why);
        }
    }
}

/// Ours by the best peer's, and whether the bar is held.
type Verdict = Option<(f64, bool)>;

fn put_row(out: &mut String, query: &Query, told: &[&Outcome]) -> (Verdict, Verdict) {
    let get = |outcome: &Outcome, name: &str| outcome.get(&format!("{}/{name}", query.name));
    let cells: Vec<String> = told
        .iter()
        .map(|outcome| {
            let show = |name| get(outcome, name).map_or_else(|| "-".to_owned(), shown);
            format!(
                "{} / {}, {}, {}",
                show("cold_p50_ms"),
                show("cold_p95_ms"),
                show("warm_p50_ms"),
                show("cpu_ms")
            )
        })
        .collect();
    let cold = pair(told, query, "cold_p50_ms").map(|(ours, best)| {
        let ratio = ours / best;
        (ratio, ratio <= query.cold.0)
    });
    let warm = pair(told, query, "warm_p50_ms")
        .map(|(ours, best)| (ours / best, ours <= best + WARM_MORE_MS));
    // Ticks are hundredths of a second: of less than one a run there is no ratio worth telling.
    let cpu = pair(told, query, "cpu_ms")
        .filter(|(_, best)| *best >= 1.0)
        .map(|(ours, best)| (ours / best, true));
    let ratio =
        |verdict: Verdict| verdict.map_or_else(|| "-".to_owned(), |(r, _)| format!("{r:.2}x"));
    let size = told.first().map_or_else(String::new, |outcome| {
        let count = |name| get(outcome, name).unwrap_or(0.0);
        format!("{}, {}, {}", count("series"), count("points"), shown(count("bytes") / 1e3))
    });
    let _ = writeln!(
        out,
        "| {} | {} | {} | <={}x{} | <={}x | {} | {} | <=1x + {WARM_MORE_MS} ms{} | {size} |",
        query.name,
        cells.join(" | "),
        ratio(cold),
        query.cold.0,
        word(cold),
        query.cold.1,
        ratio(cpu),
        ratio(warm),
        word(warm),
    );
    (cold, warm)
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        None => "",
        Some((_, true)) => " held",
        Some((_, false)) => " missed",
    }
}

/// Returns our figure and the best peer's.
fn pair(told: &[&Outcome], query: &Query, name: &str) -> Option<(f64, f64)> {
    let get = |outcome: &&&Outcome| outcome.get(&format!("{}/{name}", query.name));
    let ours = told.iter().filter(|outcome| is_ours(outcome)).find_map(|outcome| get(&outcome))?;
    let peers = told.iter().filter(|outcome| !is_ours(outcome));
    let best = peers.filter_map(|outcome| get(&outcome)).min_by(f64::total_cmp)?;
    Some((ours, best))
}

fn is_ours(outcome: &Outcome) -> bool {
    server::find(&outcome.server).is_ok_and(|kind| kind.role == Role::Ours)
}

fn put_summary(out: &mut String, what: &str, full: bool, verdicts: &[Verdict]) {
    let mut ratios: Vec<f64> = verdicts.iter().flatten().map(|(ratio, _)| *ratio).collect();
    if ratios.is_empty() {
        return;
    }
    ratios.sort_by(f64::total_cmp);
    let held = verdicts.iter().flatten().filter(|(_, held)| *held).count();
    let aim = if what == "cold" { "0.3" } else { "0.5" };
    let _ = writeln!(
        out,
        "\n{what}: median ratio {:.2}x (aim {aim}x), {held} of {} bars held{}",
        ratios[ratios.len() / 2],
        ratios.len(),
        if full { "" } else { " at this size, which is not the one that counts" },
    );
}

fn put_peak(out: &mut String, query: &Query, told: &[&Outcome]) {
    let name = format!("{}/peak_rss", query.name);
    let cells: Vec<String> = told
        .iter()
        .filter_map(|one| Some(format!("{} {}", one.title, shown(one.get(&name)? / MIB))))
        .collect();
    let ratio = pair(told, query, "peak_rss").map(|(ours, best)| {
        let verdict = if ours / best <= PEAK.0 { "held" } else { "missed" };
        format!("; {:.2}x the best peer's, bar {}x {verdict}, aim {}x", ours / best, PEAK.0, PEAK.1)
    });
    let _ = writeln!(
        out,
        "\npeak RSS of {}, MiB: {}{}",
        query.name,
        cells.join(", "),
        ratio.unwrap_or_default()
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(server: &str, cold: f64, warm: f64) -> Outcome {
        let mut outcome = Outcome {
            server: server.to_owned(),
            title: server.to_owned(),
            workload: LOADS[0].to_owned(),
            ..Outcome::default()
        };
        for (figure, value) in [("cold_p50_ms", cold), ("warm_p50_ms", warm), ("cpu_ms", cold)] {
            outcome.set(&format!("lastpoint-all/{figure}"), value);
        }
        outcome
    }

    #[test]
    fn a_warm_answer_may_be_a_little_later_than_the_best_peers_and_a_cold_one_has_its_own_bar() {
        let peers = [outcome("vm-forky", 600.0, 0.1), outcome("prometheus-forky", 500.0, 300.0)];
        let row = |cold: f64, warm: f64| {
            let mut out = String::new();
            let ours = outcome("sightline", cold, warm);
            put_table(&mut out, LOADS[0], true, &[peers[0].clone(), ours, peers[1].clone()]);
            out.lines().find(|line| line.starts_with("| lastpoint-all")).expect("a row").to_owned()
        };
        let good = row(50.0, 0.3);
        assert!(
            good.contains("| 0.10x | <=0.2x held | <=0.05x | 0.10x | 3.00x | <=1x + 0.2 ms held |"),
            "{good}"
        );
        assert!(
            good.starts_with("| lastpoint-all | 50.0 / -, 0.300, 50.0 |"),
            "ours first: {good}"
        );
        let bad = row(150.0, 0.31);
        assert!(bad.contains("| 0.30x | <=0.2x missed") && bad.contains("0.2 ms missed"), "{bad}");
    }
}
