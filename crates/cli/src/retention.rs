//! `sightline retention`.

use crate::client::Endpoint;
use crate::config::usage;
use crate::print;
use crate::progress::bytes;
use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::{self, BufRead, IsTerminal, Write};

/// How long a running server keeps points, and what that costs.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(crate) struct RetentionArguments {
    #[command(subcommand)]
    command: Option<RetentionCommand>,
    #[command(flatten)]
    endpoint: Endpoint,
}

#[derive(Debug, Subcommand)]
enum RetentionCommand {
    /// Make or replace a rule
    #[command(after_help = EXAMPLES)]
    Set(SetArguments),
    /// Remove a rule
    #[command(after_help = EXAMPLES)]
    Remove(RemoveArguments),
}

#[derive(Debug, Args)]
struct SetArguments {
    /// What the rule is called; one of that name is replaced and keeps its place
    name: String,
    /// A whole namespace
    #[arg(short, long, required_unless_present = "selector", conflicts_with = "selector")]
    namespace: Option<String>,
    /// PromQL selector of the series, such as {team="a"}
    #[arg(long = "match", value_name = "SELECTOR")]
    selector: Option<String>,
    /// How long raw points are kept, in days [default: as the server's]
    #[arg(long, value_name = "DAYS")]
    raw: Option<String>,
    /// How long roll-ups of 5 minutes are kept [default: as the server's]
    #[arg(long = "5m", value_name = "DAYS")]
    five_minutes: Option<String>,
    /// How long roll-ups of an hour are kept [default: as the server's]
    #[arg(long = "1h", value_name = "DAYS")]
    hour: Option<String>,
    /// Ask this rule before all others
    #[arg(long)]
    first: bool,
    /// Account whose series are meant [default: the server's own]
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// Region whose series are meant [default: the server's own]
    #[arg(long, value_name = "NAME")]
    region: Option<String>,
    #[command(flatten)]
    change: ChangeArguments,
}

#[derive(Debug, Args)]
struct RemoveArguments {
    /// Which rule
    name: String,
    #[command(flatten)]
    change: ChangeArguments,
}

#[derive(Debug, Args)]
struct ChangeArguments {
    /// Say what would be gone, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Change it without asking, although points would be gone
    #[arg(short, long, conflicts_with = "dry_run")]
    yes: bool,
    #[command(flatten)]
    endpoint: Endpoint,
}

const EXAMPLES: &str = "Examples:
  sightline retention                                          rules, and what each costs
  sightline retention set shop -n Shop --raw 30d --dry-run     what a rule would take
  sightline retention set shop -n Shop --raw 30d --1h 1000d    asks if points would be gone
  sightline retention set dev --match '{env=\"dev\"}' --raw 3d --5m 3d --1h 3d --first --yes
  sightline retention remove shop

The first rule that takes a series decides; series that no rule takes are kept as `sightline serve`
says (--retention, --retention-5m, --retention-1h). What a rule ends is gone from every answer at once,
and from the disk when its parts are written anew. A coarser form is kept as long as a finer one or
longer.";

const FORMS: [&str; 3] = ["raw", "5m", "1h"];

pub(crate) fn retention(arguments: &RetentionArguments) -> anyhow::Result<()> {
    match &arguments.command {
        None => print::text(&table(&arguments.endpoint.get("/-/manage/retention", &[])?)),
        Some(RetentionCommand::Set(set)) => {
            let mut order = json!({ "name": set.name, "first": set.first });
            for (name, value) in [
                ("namespace", &set.namespace),
                ("match", &set.selector),
                ("raw", &set.raw),
                ("5m", &set.five_minutes),
                ("1h", &set.hour),
                ("account", &set.account),
                ("region", &set.region),
            ] {
                if let Some(value) = value {
                    order[name] = value.as_str().into();
                }
            }
            change("/-/manage/retention", order, &set.change)
        }
        Some(RetentionCommand::Remove(remove)) => {
            let order = json!({ "name": remove.name });
            change("/-/manage/retention/remove", order, &remove.change)
        }
    }
}

fn change(path: &str, mut order: Value, arguments: &ChangeArguments) -> anyhow::Result<()> {
    if !arguments.yes {
        order["dry_run"] = true.into();
        let would = arguments.endpoint.post(path, &order)?;
        let gone = gone(&would["gone"]);
        if arguments.dry_run {
            let gone = gone.unwrap_or_else(|| "nothing".into());
            return print::text(&format!("would be gone: {gone}\n"));
        }
        if let Some(gone) = gone
            && !confirmed(&gone)?
        {
            return print::text("nothing was changed\n");
        }
        order["dry_run"] = false.into();
    }
    order["confirm"] = true.into();
    let changed = arguments.endpoint.post(path, &order)?;
    let gone = gone(&changed["gone"]).unwrap_or_else(|| "nothing".into());
    print::text(&format!("changed; gone: {gone}\n"))
}

/// Names what a change takes of each form; none where it takes nothing.
fn gone(told: &Value) -> Option<String> {
    let number = |form: &str, name: &str| told[form][name].as_u64().unwrap_or_default();
    let forms = FORMS.iter().filter(|form| number(form, "points") > 0).map(|form| {
        format!(
            "{form}: {} points of {} series, about {}",
            number(form, "points"),
            number(form, "series"),
            bytes(number(form, "bytes"))
        )
    });
    let forms: Vec<String> = forms.collect();
    (!forms.is_empty()).then(|| forms.join("; "))
}

/// Shows rules as lines: how long each form is kept, and what it takes.
fn table(told: &Value) -> String {
    let mut text = format!("{:<16} {:<24} {:<20} {:<20} {}\n", "RULE", "SERIES", "RAW", "5M", "1H");
    let rules = told["rules"].as_array().map(Vec::as_slice).unwrap_or_default();
    for rule in rules {
        let name = rule["name"].as_str().unwrap_or("(default)");
        let which = rule["match"].as_str().unwrap_or("all others");
        let form = |form: &str| {
            let held = rule["held"][form]["bytes"].as_u64().unwrap_or_default();
            format!("{} {}", rule[form].as_str().unwrap_or_default(), bytes(held))
        };
        let [raw, five_minutes, hour] = FORMS.map(form);
        let _ = writeln!(text, "{name:<16} {which:<24} {raw:<20} {five_minutes:<20} {hour}");
    }
    text
}

fn confirmed(text: &str) -> anyhow::Result<bool> {
    if !io::stdin().is_terminal() {
        return Err(usage(format!(
            "this would end {text}; nobody can be asked here, give --yes or --dry-run"
        )));
    }
    eprint!("{text} would be gone. This cannot be undone. Go on? [y/N] ");
    io::stderr().flush().ok();
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).context("standard input")?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_and_what_they_cost_are_lines() {
        let held = json!({ "raw": { "bytes": 1_500_000 }, "5m": { "bytes": 10 }, "1h": {} });
        let told = json!({ "rules": [
            { "name": "shop", "match": "{a=\"b\"}", "raw": "30d", "5m": "90d", "1h": "455d", "held": held },
            { "name": null, "raw": "90d", "5m": "455d", "1h": "455d", "held": {} },
        ]});
        let lines: Vec<Vec<String>> = table(&told)
            .lines()
            .map(|line| line.split_whitespace().map(str::to_owned).collect())
            .collect();
        assert_eq!(
            lines[1],
            ["shop", "{a=\"b\"}", "30d", "1.5", "MB", "90d", "10", "B", "455d", "0", "B"]
        );
        assert_eq!(lines[2][..3], ["(default)", "all", "others"]);
        let gone = gone(&json!({ "raw": { "series": 2, "points": 7, "bytes": 2_000 } }));
        assert_eq!(gone.as_deref(), Some("raw: 7 points of 2 series, about 2.0 kB"));
    }
}
