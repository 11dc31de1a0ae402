//! `sightline explain` and `sightline test alarm`.

use crate::client::Endpoint;
use crate::config::usage;
use crate::print;
use anyhow::Context;
use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// Say why an alarm is, or was, in its state.
#[derive(Debug, Args)]
#[command(after_help = EXPLAIN_EXAMPLES)]
pub(crate) struct ExplainArguments {
    /// Name of the alarm
    alarm: String,
    /// The moment that is asked about: a time, or a duration back from now, such as 2h [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Region of the alarm [default: the server's own]
    #[arg(long, value_name = "NAME")]
    region: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    endpoint: Endpoint,
}

const EXPLAIN_EXAMPLES: &str = "Examples:
  sightline explain cpu-high                               why it is in its state now
  sightline explain cpu-high --at 2026-01-31T14:05:00Z     why it did not fire at 14:05
  sightline explain cpu-high --at 2h --json                the evaluation two hours ago, as JSON

Values are those that the evaluation saw. What came later is told, with the time: it is known of the last
two weeks.";

/// Test what is defined against what is stored.
#[derive(Debug, Subcommand)]
pub(crate) enum TestCommand {
    /// Replay alarms over stored data, and tell every change that they would have made
    #[command(after_help = TEST_EXAMPLES)]
    Alarm(TestAlarmArguments),
}

#[derive(Debug, Args)]
pub(crate) struct TestAlarmArguments {
    /// File with the alarm, or a list of alarms: the input of PutMetricAlarm or PutCompositeAlarm as JSON,
    /// or what describe-alarms prints
    #[arg(value_name = "FILE", required_unless_present = "names")]
    file: Option<PathBuf>,
    /// A stored alarm, by its name
    #[arg(long = "name", value_name = "NAME")]
    names: Vec<String>,
    /// From when: a time, or a duration back from now, such as 720h
    #[arg(long, value_name = "TIME")]
    from: String,
    /// Up to when [default: now]
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Fail unless the alarms go into ALARM exactly so often, all together
    #[arg(long, value_name = "N")]
    expect_alarms: Option<usize>,
    /// Fail when the alarms go into ALARM more often, all together
    #[arg(long, value_name = "N", conflicts_with = "expect_alarms")]
    max_alarms: Option<usize>,
    /// Region of the metrics [default: the server's own]
    #[arg(long, value_name = "NAME")]
    region: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    endpoint: Endpoint,
}

const TEST_EXAMPLES: &str = "Examples:
  sightline test alarm cpu-high.json --from 720h                    what it would have done in 30 days
  sightline test alarm cpu-high.json --from 168h --max-alarms 2     for CI: exit code 1 if it is too loud
  sightline test alarm --name cpu-high --from 2026-01-01T00:00:00Z --to 2026-02-01T00:00:00Z

Exit codes: 0 as expected, 1 not as expected, 2 wrong use, 3 the alarm or the question is refused.";

/// What was expected did not come.
const EXIT_UNEXPECTED: u8 = 1;
/// The server refused.
const EXIT_REFUSED: u8 = 3;

/// Reads a time, or how long ago it was.
fn time(name: &str, text: &str) -> anyhow::Result<Timestamp> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    let back: SignedDuration = text.parse().map_err(|_| {
        usage(format!(
            "{name} {text:?} is neither a time (2026-01-31T14:05:00Z) nor a duration (2h)"
        ))
    })?;
    Timestamp::now().checked_sub(back).map_err(|e| usage(format!("{name} {text:?}: {e}")))
}

pub(crate) fn explain(arguments: &ExplainArguments) -> anyhow::Result<()> {
    let mut query = vec![("alarm", arguments.alarm.clone())];
    if let Some(at) = &arguments.at {
        query.push(("at", time("--at", at)?.to_string()));
    }
    query.extend(arguments.region.iter().map(|region| ("region", region.clone())));
    let explained = arguments.endpoint.get("/-/alarms/explain", &query)?;
    let data = &explained["data"];
    if arguments.json {
        return print::text(&format!("{data:#}\n"));
    }
    let words = data["words"].as_array().cloned().unwrap_or_default();
    let lines = words.iter().filter_map(Value::as_str);
    print::text(&lines.fold(String::new(), |all, line| all + line + "\n"))
}

pub(crate) fn test(command: &TestCommand) -> anyhow::Result<ExitCode> {
    let TestCommand::Alarm(arguments) = command;
    let mut body = json!({ "from": time("--from", &arguments.from)?.to_string() });
    if let Some(to) = &arguments.to {
        body["to"] = time("--to", to)?.to_string().into();
    }
    if let Some(region) = &arguments.region {
        body["region"] = region.as_str().into();
    }
    if let Some(file) = &arguments.file {
        let shown = file.display();
        let text = std::fs::read(file).with_context(|| format!("{shown} cannot be read"))?;
        let found: Value =
            serde_json::from_slice(&text).map_err(|e| usage(format!("{shown} is no JSON: {e}")))?;
        body["alarms"] = alarms_of(found).into();
    }
    if !arguments.names.is_empty() {
        body["names"] = arguments.names.clone().into();
    }
    let answer = match arguments.endpoint.post("/-/alarms/backtest", &body) {
        Ok(answer) => answer,
        Err(error) => {
            eprintln!("error: {error:#}");
            return Ok(ExitCode::from(EXIT_REFUSED));
        }
    };
    let data = &answer["data"];
    let transitions = data["transitions"].as_array().cloned().unwrap_or_default();
    let alarms = transitions.iter().filter(|one| one["to"] == "ALARM").count();
    if arguments.json {
        print::text(&format!("{data:#}\n"))?;
    } else {
        print::text(&table(&transitions, alarms))?;
    }
    let wrong = match (arguments.expect_alarms, arguments.max_alarms) {
        (Some(expected), _) if expected != alarms => {
            Some(format!("into ALARM {alarms} times, {expected} expected"))
        }
        (_, Some(max)) if alarms > max => {
            Some(format!("into ALARM {alarms} times, at most {max} allowed"))
        }
        _ => None,
    };
    if let Some(wrong) = wrong {
        eprintln!("{wrong}");
        return Ok(ExitCode::from(EXIT_UNEXPECTED));
    }
    Ok(ExitCode::SUCCESS)
}

/// One alarm, a list of them, or what `describe-alarms` prints.
fn alarms_of(found: Value) -> Vec<Value> {
    match found {
        Value::Array(all) => all,
        Value::Object(mut all)
            if all.contains_key("MetricAlarms") || all.contains_key("CompositeAlarms") =>
        {
            let lists =
                ["MetricAlarms", "CompositeAlarms"].into_iter().filter_map(|n| all.remove(n));
            lists.flat_map(|list| list.as_array().cloned().unwrap_or_default()).collect()
        }
        one => vec![one],
    }
}

fn table(transitions: &[Value], alarms: usize) -> String {
    let mut text = String::new();
    for one in transitions {
        let field = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
        let _ = writeln!(
            text,
            "{}  {}  {} -> {}  {}",
            field("at"),
            field("alarm"),
            field("from"),
            field("to"),
            field("reason")
        );
        if let Some(by) = one["actions_held_by"].as_str() {
            let _ = writeln!(text, "    actions held back: {by}");
        }
    }
    let _ = writeln!(text, "changes: {}, of which into ALARM: {alarms}", transitions.len());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_hold_one_alarm_a_list_or_a_description() {
        assert_eq!(alarms_of(json!({ "AlarmName": "a" })).len(), 1);
        assert_eq!(alarms_of(json!([{ "AlarmName": "a" }, { "AlarmName": "b" }])).len(), 2);
        let described = json!({ "MetricAlarms": [{ "AlarmName": "a" }], "CompositeAlarms": [] });
        assert_eq!(alarms_of(described), [json!({ "AlarmName": "a" })]);
    }

    #[test]
    fn times_are_moments_or_durations_back() {
        assert_eq!(time("--at", "1970-01-01T00:01:00Z").unwrap().as_second(), 60);
        let back = Timestamp::now().as_second() - time("--at", "2h").unwrap().as_second();
        assert!((7_199..=7_201).contains(&back), "{back}");
        assert!(time("--at", "yesterday").unwrap_err().to_string().contains("--at"));
    }
}
