//! Whether all servers answer the same. Answers are kept in files, so that a server can be held
//! against others that were asked before.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::args::Args;
use crate::http::Client;
use crate::measure::Subject;
use crate::server;

use super::answer::Answer;
use super::plan::Plan;
use super::table::{How, Query};
use super::timing;

/// Runs of each query whose answers are compared.
const COMPARED: usize = 3;

/// Asks a server everything and keeps what it answers, refusals included.
pub(crate) fn keep_answers(
    args: &Args,
    workload: &str,
    subject: &Subject<'_>,
    plan: &Plan,
    queries: &[&Query],
) -> Result<()> {
    let dir = dir(args, workload, subject.kind.id);
    fs::create_dir_all(&dir)?;
    let running = subject.start()?;
    for query in queries {
        for run in 0..COMPARED {
            let paths = plan.paths(query, run, true);
            let mut kept = paths.join(" ").into_bytes();
            for path in &paths {
                let mut client = Client::connect(running.address)?;
                let answer = client.exchange(timing::request(path, running.address).as_bytes())?;
                kept.push(b'\n');
                kept.extend(
                    answer.body.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }),
                );
            }
            fs::write(file(&dir, query, run), kept)?;
        }
    }
    running.stop()?;
    Ok(())
}

fn dir(args: &Args, workload: &str, id: &str) -> PathBuf {
    args.out.join("run").join(format!("answers-{workload}")).join(id)
}

fn file(dir: &Path, query: &Query, run: usize) -> PathBuf {
    dir.join(format!("{}-{run}.txt", query.name))
}

/// Compares the answers of all servers that have been asked the very same.
///
/// # Errors
/// Says of each query what differs and shows how both answers begin.
pub(crate) fn all(args: &Args, workload: &str, plan: &Plan, queries: &[&Query]) -> Result<()> {
    let mut wrong = 0;
    for query in queries {
        for complaint in complaints(args, workload, plan, query) {
            eprintln!("DIFFERENT {} ({}): {complaint}", query.name, query.asks);
            wrong += 1;
        }
    }
    if wrong > 0 {
        bail!("{wrong} answers differ and no reason is listed; nothing was measured");
    }
    Ok(())
}

fn complaints(args: &Args, workload: &str, plan: &Plan, query: &Query) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut series = 0;
    for run in 0..COMPARED {
        let paths = plan.paths(query, run, true);
        let mut asked: Vec<(&str, Vec<String>)> = server::KINDS
            .iter()
            .filter_map(|kind| {
                let dir = dir(args, workload, kind.id);
                Some((kind.id, bodies(&file(&dir, query, run), &paths)?))
            })
            .collect();
        // Prometheus is what everybody claims to answer like.
        asked.sort_by_key(|(id, _)| !id.starts_with("prometheus"));
        let Some(((id, first), others)) = asked.split_first() else { continue };
        let size = |body: &String| Answer::read(body.as_bytes()).map_or(0, |it| it.size().series);
        series += first.iter().map(size).sum::<usize>();
        for (other_id, other) in others {
            let known = query.known.as_ref().filter(|known| {
                id.starts_with(known.servers) || other_id.starts_with(known.servers)
            });
            for ((path, one), other) in paths.iter().zip(first).zip(other) {
                if let Some(told) = differences(one, other, known.map(|known| known.how)) {
                    complaints.push(format!(
                        "{id} and {other_id}: {told}\n  asked {path}\n  {id}: {}\n  {other_id}: {}",
                        beginning(one),
                        beginning(other)
                    ));
                }
            }
        }
        if others.is_empty() && run == 0 {
            eprintln!("  {}: only {id} was asked, nothing to compare with", query.name);
        }
    }
    // In a short load no host may be above a threshold.
    if series == 0 && args.is_full() {
        complaints.push("the answers are empty, which compares nothing".to_owned());
    }
    complaints
}

fn differences(one: &str, other: &str, how: Option<How>) -> Option<String> {
    match (Answer::read(one.as_bytes()), Answer::read(other.as_bytes())) {
        (Ok(one), Ok(other)) => one.differences(&other, how),
        (Err(error), _) => Some(format!("the first has {error:#}")),
        (_, Err(error)) => Some(format!("the second has {error:#}")),
    }
}

/// Returns what a server answered, if it was asked for just these paths.
fn bodies(file: &Path, paths: &[String]) -> Option<Vec<String>> {
    let kept = fs::read_to_string(file).ok()?;
    let mut lines = kept.split('\n').map(str::to_owned);
    (lines.next()? == paths.join(" ")).then(|| lines.collect())
}

fn beginning(body: &str) -> String {
    body.chars().take(400).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frames::Shape;
    use crate::queries::table::{Load, QUERIES};

    /// Keeps an answer with this value of each server, and returns what is said about them.
    fn said_of(name: &str, values: &[(&str, f64)]) -> Vec<String> {
        let out = std::env::temp_dir().join(format!("bench-peers-{name}-{}", std::process::id()));
        let words = ["run", "--out", &out.display().to_string()].map(str::to_owned);
        let args = Args::parse(words.into_iter()).expect("arguments");
        let plan = Plan::new(Load::Hosts, &Shape::for_test(2_160, 1_763_000_000_000));
        let query = QUERIES.iter().find(|query| query.name == name).expect("a query");
        for (id, value) in values {
            let dir = dir(&args, "queries", id);
            fs::create_dir_all(&dir).expect("directory");
            let body = format!(
                r#"{{"status":"success","data":{{"result":[{{"metric":{{}},"value":[7,"{value}"]}}]}}}}"#
            );
            let kept = format!("{}\n{body}", plan.paths(query, 0, true).join(" "));
            fs::write(file(&dir, query, 0), kept).expect("file");
        }
        let said = complaints(&args, "queries", &plan, query);
        fs::remove_dir_all(&out).expect("cleaned up");
        said
    }

    #[test]
    fn a_difference_is_told_with_both_answers_unless_it_is_listed_for_that_server() {
        let rates = "sum-rate-all-by-region-1h";
        let near = [("prometheus-forky", 1.0), ("vm-forky", 1.000_1), ("sightline", 1.0)];
        assert_eq!(said_of(rates, &near), [""; 0]);
        let said = said_of(rates, &[("prometheus-forky", 1.0), ("sightline", 1.000_1)]);
        assert_eq!(said.len(), 1);
        for part in
            ["prometheus-forky and sightline", "1 at 7000 and 1.0001", "asked /api/v1/query_range"]
        {
            assert!(said[0].contains(part), "{}", said[0]);
        }
    }
}
