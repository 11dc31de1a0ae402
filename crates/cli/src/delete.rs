//! `sightline delete`.

use crate::client::Endpoint;
use crate::config::usage;
use crate::print;
use crate::progress::bytes;
use anyhow::Context;
use clap::Args;
use serde_json::{Value, json};
use std::io::{self, BufRead, IsTerminal, Write};

/// What to delete of a running server.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DeleteArguments {
    #[command(flatten)]
    endpoint: Endpoint,
    /// A whole namespace
    #[arg(short, long, required_unless_present = "selectors", conflicts_with = "selectors")]
    namespace: Option<String>,
    /// PromQL selector of the series, such as up{job="node"}; may be given several times
    #[arg(long = "match", value_name = "SELECTOR")]
    selectors: Vec<String>,
    /// First moment to delete, such as 2026-01-01T00:00:00Z [default: all of time]
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// First moment to keep again
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Account whose series are meant [default: the server's own]
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// Region whose series are meant [default: the server's own]
    #[arg(long, value_name = "NAME")]
    region: Option<String>,
    /// Count what would be deleted, and delete nothing
    #[arg(long)]
    dry_run: bool,
    /// Delete without asking
    #[arg(short, long, conflicts_with = "dry_run")]
    yes: bool,
    /// Rewrite the parts now, so that the space is free at the end
    #[arg(long, conflicts_with = "dry_run")]
    clean: bool,
}

const EXAMPLES: &str = "Examples:
  sightline delete -n Shop --dry-run                  how much that is
  sightline delete -n Shop                            asks, then deletes
  sightline delete --match 'up{job=\"old\"}' --to 2026-01-01T00:00:00Z --yes
  sightline delete -n Shop --yes --clean              and frees the space at once

What was deleted is gone from every answer at once; its space is free when the parts that hold it
are rewritten (docs/damage.md). What arrives later is kept.";

fn number(answer: &Value, name: &str) -> u64 {
    answer[name].as_u64().unwrap_or_default()
}

pub(crate) fn delete(arguments: &DeleteArguments) -> anyhow::Result<()> {
    let order = |dry_run: bool| {
        let mut order = json!({ "match": arguments.selectors, "dry_run": dry_run });
        for (name, value) in [
            ("namespace", &arguments.namespace),
            ("from", &arguments.from),
            ("to", &arguments.to),
            ("account", &arguments.account),
            ("region", &arguments.region),
        ] {
            if let Some(value) = value {
                order[name] = value.as_str().into();
            }
        }
        if !dry_run {
            order["clean"] = arguments.clean.into();
        }
        order
    };
    let send = |dry_run| arguments.endpoint.post("/-/manage/delete", &order(dry_run));
    if !arguments.yes {
        let would = send(true)?;
        let series = number(&would, "series");
        if series == 0 {
            return print::text("no series matches; nothing to delete\n");
        }
        let text = format!(
            "{series} series with {} points, about {} in {} parts",
            number(&would, "points"),
            bytes(number(&would, "bytes")),
            number(&would, "parts"),
        );
        if arguments.dry_run {
            return print::text(&format!("would delete {text}\n"));
        }
        if !confirmed(&text)? {
            return print::text("nothing was deleted\n");
        }
    }
    let deleted = send(false)?;
    let series = number(&deleted, "series");
    if series == 0 {
        return print::text("no series matches; nothing was deleted\n");
    }
    let (parts, whole) = (number(&deleted, "parts"), number(&deleted, "parts_whole"));
    let space = match deleted["parts_rewritten"].as_u64() {
        Some(rewritten) => format!("{rewritten} parts were rewritten: its space is free"),
        None if whole == parts => "its space is free".into(),
        None => format!(
            "the space of {whole} parts is free, that in {} others when they are rewritten",
            parts - whole
        ),
    };
    print::text(&format!("deleted {series} series; {space}\n"))
}

fn confirmed(text: &str) -> anyhow::Result<bool> {
    if !io::stdin().is_terminal() {
        return Err(usage(format!(
            "this would delete {text}; nobody can be asked here, give --yes or --dry-run"
        )));
    }
    eprint!("delete {text}? This cannot be undone. [y/N] ");
    io::stderr().flush().ok();
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).context("standard input")?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}
