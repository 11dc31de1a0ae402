//! Asks servers that hold the same data the same questions: first whether they answer the same, then
//! how long they take, cold and warm.
//!
//! `table` says what is asked, `plan` of whom and when. Every server is loaded and asked once, then the
//! answers are compared, and only then is anything timed. All servers run while that happens and are
//! asked in turn, query by query: whatever else the machine does in these minutes, it does to all of
//! them. A server that nobody asks does next to nothing.

mod answer;
mod compare;
mod data;
mod plan;
mod report;
mod table;
mod timing;

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::args::Args;
use crate::frames::{self, Frames, Recipe};
use crate::measure::{Moment, Span, Subject};
use crate::outcome::Outcome;
use crate::server::{self, Running};

use plan::Plan;
use table::{Load, QUERIES, Query};

pub(crate) use report::put_table;

/// The workloads' names.
pub(crate) const LOADS: [&str; 2] = ["queries", "queries-pods"];

/// Reads names of queries with commas between them.
pub(crate) fn parse_list(list: &str) -> Result<Vec<String>> {
    for name in list.split(',') {
        if !QUERIES.iter().any(|query| query.name == name) {
            let known: Vec<&str> = QUERIES.iter().map(|query| query.name).collect();
            bail!("{name} is no query; known are {}", known.join(", "));
        }
    }
    Ok(list.split(',').map(str::to_owned).collect())
}

/// Loads, compares and measures all chosen servers that answer queries.
pub(crate) fn run(args: &Args, workload: &str, recipe: Recipe, frames: &Frames) -> Result<()> {
    let load = if workload == LOADS[0] { Load::Hosts } else { Load::Pods };
    let plan = Plan::new(load, &frames.shape);
    if !plan.is_good(load) {
        bail!("{workload}: --hours {} is too short for the queries; take 0.25", args.hours);
    }
    let is_chosen = |query: &&Query| {
        query.load == load
            && (args.queries.is_empty() || args.queries.iter().any(|name| name == query.name))
    };
    let queries: Vec<&Query> = QUERIES.iter().filter(is_chosen).collect();
    if queries.is_empty() {
        return Ok(());
    }
    let mut subjects: Vec<(Subject<'_>, String)> = Vec::new();
    let programs = programs(args)?;
    for (kind, program) in &programs {
        let subject = Subject::with_old_data(args, kind, program, workload)?;
        let loaded_by = data::ready(args, &subject, recipe, frames)?;
        eprintln!("ask {} once", kind.id);
        compare::keep_answers(args, workload, &subject, &plan, &queries)?;
        subjects.push((subject, loaded_by));
    }
    compare::all(args, workload, &plan, &queries)?;
    time(args, workload, &plan, &queries, &subjects)?;
    subjects.into_iter().try_for_each(|(subject, _)| subject.clean_up())
}

fn programs(args: &Args) -> Result<Vec<(&'static server::Kind, PathBuf)>> {
    let mut programs = Vec::new();
    for id in &args.servers {
        let kind = server::find(id)?;
        if !kind.answers() {
            continue;
        }
        match kind.program(args) {
            Ok(program) => programs.push((kind, program)),
            Err(missing) => eprintln!("skipped: {missing}"),
        }
    }
    Ok(programs)
}

/// Starts an outcome; of a run with some queries only, the others' figures are those of before.
fn outcome(args: &Args, workload: &str, subject: &Subject<'_>) -> Outcome {
    let id = subject.kind.id;
    let mut outcome = Outcome {
        server: id.to_owned(),
        title: subject.kind.title(args),
        workload: workload.to_owned(),
        scale: args.scale(),
        at_ms: frames::now_ms(),
        ..Outcome::default()
    };
    let before = Outcome::load(&args.out, &outcome.scale, workload, id);
    if let Some(before) = before.filter(|_| !args.queries.is_empty()) {
        outcome.figures = before.figures;
        let names = args.queries.join(", ");
        let title = before.title;
        outcome.note(format!("only {names} measured in this run, the others before by {title}"));
    }
    outcome
}

/// A server that is asked in turn with others.
struct Turn<'a> {
    subject: &'a Subject<'a>,
    /// Nothing only while it starts anew.
    running: Option<Running>,
    outcome: Outcome,
    /// All its turns together.
    span: Span,
}

/// Before a server's turn the one before may finish what it does after an answer.
const PAUSE: Duration = Duration::from_millis(300);

fn time(
    args: &Args,
    workload: &str,
    plan: &Plan,
    queries: &[&Query],
    subjects: &[(Subject<'_>, String)],
) -> Result<()> {
    let mut turns = Vec::new();
    for (subject, loaded_by) in subjects {
        let mut outcome = outcome(args, workload, subject);
        if *loaded_by != outcome.title {
            outcome.note(format!("its data was loaded by {loaded_by}"));
        }
        outcome.note(format!("load average {} at the start", load_average()));
        turns.push(Turn {
            subject,
            running: Some(subject.start()?),
            outcome,
            span: Span::default(),
        });
    }
    for turn in &turns {
        turn.running
            .iter()
            .try_for_each(|running| turn.subject.settle(running, false).map(drop))?;
    }
    for (at, query) in queries.iter().enumerate() {
        eprintln!("  {} ({} of {}): {}", query.name, at + 1, queries.len(), query.asks);
        for turn in &mut turns {
            turn.take(query, plan)?;
            // At once: a run that is broken off leaves what it has seen.
            turn.outcome.save(&args.out)?;
        }
    }
    for turn in turns {
        let Turn { running, mut outcome, span, .. } = turn;
        span.put_noise(&mut outcome);
        outcome.note(format!("load average {} at the end", load_average()));
        outcome.save(&args.out)?;
        running.map(Running::stop).transpose()?;
    }
    Ok(())
}

impl Turn<'_> {
    fn take(&mut self, query: &Query, plan: &Plan) -> Result<()> {
        let running = match self.running.take() {
            Some(running) if !query.alone => running,
            old => {
                old.map(Running::stop).transpose()?;
                let running = self.subject.start()?;
                self.subject.settle(&running, false)?;
                running
            }
        };
        thread::sleep(PAUSE);
        let before = Moment::now(running.pid())?;
        timing::measure(query, plan, self.subject, &running, &mut self.outcome)?;
        self.span.add(&before.until(&Moment::now(running.pid())?));
        self.running = Some(running);
        Ok(())
    }
}

fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().unwrap_or("unknown").to_owned()
}
