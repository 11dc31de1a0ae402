//! A real Prometheus and we hold the same generated data and are asked the same questions, by the
//! thousand; and we are asked again after a restart.
//!
//! Prometheus 3.5 answers: `queries.txt` holds what is asked, `intended.txt` where we mean to differ
//! and why. What is newer than 3.5 has fixtures beside `lang` and `eval`.

mod compare;
mod data;
mod natives;
mod templates;

use crate::http::ask;
use crate::programs::{Program, Server, free_address, poll, tool_of};
use crate::prometheus::answers;
use data::{MINUTE_MS, MINUTES};
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use stdx::{Clock, RealClock};
use templates::Question;

const QUERIES: &str = include_str!("promql/queries.txt");
const CALLS: &str = include_str!("promql/calls.txt");
const INTENDED: &str = include_str!("promql/intended.txt");
const START_WAIT: Duration = Duration::from_secs(30);
const SEED: u64 = 20_261_121;
/// Fewer would mean that the table was cut by mistake.
const QUESTIONS_MIN: usize = 1_000;

const FEATURES: &str = "promql-experimental-functions,promql-duration-expr,native-histograms";

fn prometheus(address: SocketAddr, home: &Path) -> Program {
    let config = "global:
  scrape_interval: 1h
storage:
  tsdb:
    out_of_order_time_window: 2h
";
    #[expect(
        clippy::disallowed_methods,
        reason = "another program's configuration, not stored data"
    )]
    std::fs::write(home.join("prometheus.yml"), config).expect("a configuration");
    let mut command = tool_of("prometheus-3.5", "prometheus");
    command
        .arg(format!("--config.file={}", home.join("prometheus.yml").display()))
        .arg(format!("--storage.tsdb.path={}", home.join("data").display()))
        .arg(format!("--web.listen-address={address}"))
        .arg(format!("--enable-feature={FEATURES}"))
        .arg("--web.enable-remote-write-receiver");
    let program = Program::start("prometheus", &mut command);
    poll("prometheus", START_WAIT, || answers(address, "/-/ready"));
    program
}

/// Expressions on which we mean to differ.
fn intended() -> BTreeSet<&'static str> {
    INTENDED.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

/// One request: a path and parameters, and what it is about.
struct Request {
    about: String,
    path: String,
    parameters: Vec<(String, String)>,
}

impl Request {
    fn put(&self, to: SocketAddr) -> (u16, Value) {
        let parameters: Vec<(&str, &str)> =
            self.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let answer = ask(to, &self.path, &parameters).expect("an answer");
        (answer.status, answer.json())
    }
}

fn seconds(at_ms: i64) -> String {
    format!("{}.{:03}", at_ms / 1_000, at_ms % 1_000)
}

/// The requests of a question: at two moments, and over a range, which take turns.
fn requests(number: usize, question: &Question, start_ms: i64) -> Vec<Request> {
    let middle_s = (start_ms + 45 * MINUTE_MS) / 1_000;
    let text = question.text.replace("$MID", &middle_s.to_string());
    let at = |minutes: i64, ms: i64| start_ms + minutes * MINUTE_MS + ms;
    let moments = [at(45, 0), at(61, 17_300), at(33, 7), at(89, 0), at(52, 30_000), at(94, 1)];
    let ranges = [
        (at(20, 0), at(50, 0), "60"),
        (at(-2, 0), at(12, 0), "37s"),
        (at(58, 1_234), at(99, 0), "1m30s"),
        (at(44, 0), at(46, 0), "7.5"),
    ];
    let request = |path: &str, more: &[(&str, &str)]| Request {
        about: match path {
            "query" | "query_range" => question.text.clone(),
            path => format!("{path} {}", question.text),
        },
        path: format!("/api/v1/{path}"),
        parameters: [&[("query", text.as_str())], more]
            .concat()
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
    };
    let instant = |at_ms: i64| request("query", &[("time", &seconds(at_ms))]);
    let mut all = vec![
        instant(moments[number % moments.len()]),
        instant(moments[(number + 1 + number / 6) % moments.len()]),
        // How expressions are read and shown, too.
        request("parse_query", &[]),
        request("format_query", &[]),
    ];
    if !question.instant_only {
        let (start, end, step) = ranges[number % ranges.len()];
        let (start, end) = (seconds(start), seconds(end));
        all.push(request("query_range", &[("start", &start), ("end", &end), ("step", step)]));
    }
    all
}

/// The calls of `calls.txt`.
fn calls(start_ms: i64) -> Vec<Request> {
    let at = |minutes: i64| (start_ms / 1_000 + minutes * 60).to_string();
    let times = [("$START", at(0)), ("$MID", at(45)), ("$END", at(MINUTES))];
    let filled = |text: &str| {
        times.iter().fold(text.to_owned(), |text, (name, time)| text.replace(name, time))
    };
    CALLS
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let mut words = line.split(' ');
            let path = words.next().unwrap_or_default();
            let pair = |word: &str| {
                let (name, value) = word.split_once('=').expect("a name and a value");
                (name.to_owned(), filled(value))
            };
            let path = format!("/api/v1/{path}");
            Request { about: line.to_owned(), path, parameters: words.map(pair).collect() }
        })
        .collect()
}

#[test]
fn oracle_promql_agrees_with_prometheus() {
    let (data, home) =
        (tempfile::tempdir().expect("a place"), tempfile::tempdir().expect("a place"));
    let now_ms = RealClock.now_ms();
    let start_ms = now_ms - now_ms % MINUTE_MS - (MINUTES + 15) * MINUTE_MS;
    let address = free_address();
    let theirs = prometheus(address, home.path());
    let mut ours = Server::start(data.path(), &[]);
    let series = data::generate(SEED, start_ms);
    for to in [address, ours.address] {
        data::push(to, &series, start_ms);
    }

    let questions = templates::expand(QUERIES);
    assert!(questions.len() >= QUESTIONS_MIN, "only {} questions", questions.len());
    let questions = questions.iter().enumerate();
    let all = questions.flat_map(|(n, question)| requests(n, question, start_ms));
    let asked: Vec<(Request, (u16, Value))> = all
        .chain(calls(start_ms))
        .map(|request| {
            let answer = request.put(address);
            (request, answer)
        })
        .collect();
    let intended = intended();
    for when in ["before a restart", "after a restart"] {
        let mut differ: BTreeSet<&str> = BTreeSet::new();
        let mut told = Vec::new();
        for (request, answer) in &asked {
            let ordered = request.about.starts_with("sort") || request.path.ends_with("_range");
            let own = request.put(ours.address);
            let Some(how) = compare::difference(answer, &own, ordered) else { continue };
            differ.insert(&request.about);
            if !intended.contains(request.about.as_str()) {
                told.push(format!("{} {:?}\n    {how}", request.path, request.parameters));
            }
        }
        let agree: Vec<_> = intended.iter().filter(|text| !differ.contains(**text)).collect();
        assert!(agree.is_empty(), "{when}: no difference any more, or no question: {agree:#?}");
        let count = told.len();
        let shown = std::env::var("DIFFERENCES").ok().and_then(|n| n.parse().ok()).unwrap_or(20);
        told.truncate(shown);
        assert!(
            told.is_empty(),
            "{when}, from {start_ms}: {count} of {} answers differ (DIFFERENCES=100 shows more):\n{}",
            asked.len(),
            told.join("\n")
        );
        println!("{when}: {} answers agree", asked.len());
        ours.stop();
        ours = Server::start(data.path(), &[]);
    }
    drop(theirs);
}
