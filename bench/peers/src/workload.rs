//! The loads, and what is done to a server under each.

use std::path::Path;

use anyhow::{Context, Result};

use crate::args::Args;
use crate::datums::Protocol;
use crate::frames::{self, Frames, Recipe};
use crate::measure::Subject;
use crate::outcome::Outcome;
use crate::samples::{self, Values};
use crate::server::{self, Kind};
use crate::{queries, rounds, stream};

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
    /// Queries over the first load.
    Queries,
    /// Queries over a million series.
    QueriesPods,
}

impl Workload {
    pub(crate) const ALL: [Self; 7] = [
        Self::Integers,
        Self::Integers16,
        Self::Decimals,
        Self::Pods,
        Self::Aws,
        Self::Queries,
        Self::QueriesPods,
    ];

    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::Integers => "integers",
            Self::Integers16 => "integers-16",
            Self::Decimals => "decimals",
            Self::Pods => "pods",
            Self::Aws => "aws",
            Self::Queries => "queries",
            Self::QueriesPods => "queries-pods",
        }
    }

    /// Reads names with commas between them.
    pub(crate) fn parse_list(list: &str) -> Result<Vec<Self>> {
        let find = |id: &str| Self::ALL.into_iter().find(|workload| workload.id() == id);
        list.split(',').map(|id| find(id).with_context(|| format!("{id} is no workload"))).collect()
    }

    fn connections(self, args: &Args) -> usize {
        if self == Self::Integers16 { 16 } else { args.connections }
    }

    /// Returns the frames with how many of their rounds are sent.
    fn part_of(self, frames: &Frames) -> (&Frames, usize) {
        let all = frames.shape.rounds;
        match self {
            Self::Integers16 => (frames, all.min(2 * 3_600_000 / samples::STEP_MS as usize)),
            _ => (frames, all),
        }
    }

    fn recipes(self, args: &Args) -> Vec<Recipe> {
        let rounds = |hours: f64| (hours * 3_600_000.0 / samples::STEP_MS as f64) as usize;
        let hosts = |values, hours| Recipe::Hosts { values, rounds: rounds(hours) };
        match self {
            // The whole file also for the part: it is there already.
            Self::Integers | Self::Integers16 | Self::Queries => {
                vec![hosts(Values::Integers, args.hours)]
            }
            Self::Decimals => vec![hosts(Values::Decimals, args.hours.min(1.0))],
            Self::Pods | Self::QueriesPods => vec![Recipe::Pods { series: args.series }],
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
            if matches!(workload, Workload::Queries | Workload::QueriesPods) {
                queries::run(args, workload.id(), recipe, &frames)?;
                continue;
            }
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
    let mut outcome = Outcome {
        server: kind.id.to_owned(),
        title: kind.title(args),
        workload: load.clone(),
        scale: args.scale(),
        at_ms: frames::now_ms(),
        ..Outcome::default()
    };
    frames.warm()?;
    let subject = Subject::new(args, kind, program, &load)?;
    let measured = match recipe {
        Recipe::Pods { .. } => rounds::measure(args, frames, &subject, &mut outcome),
        _ => {
            let connections = workload.connections(args);
            stream::measure(
                args,
                connections,
                recipe,
                workload.part_of(frames),
                &subject,
                &mut outcome,
            )
        }
    };
    // One server that fails must not cost the figures of the others.
    if let Err(failed) = measured {
        outcome.note(format!("failed: {failed:#}"));
    }
    for note in &outcome.notes {
        eprintln!("  note: {note}");
    }
    subject.clean_up()?;
    outcome.save(&args.out)
}
