//! `sightline deliveries`: what was given up, and sending it again.

use crate::client::Endpoint;
use crate::print;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Deliveries that were given up.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct DeliveriesArguments {
    #[command(subcommand)]
    command: DeliveriesCommand,
}

#[derive(Debug, Subcommand)]
enum DeliveriesCommand {
    /// List what was given up: to whom, what, and why
    List {
        #[command(flatten)]
        endpoint: Endpoint,
    },
    /// Send again what was given up, behind what waits for the same receiver
    Resend {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        endpoint: Endpoint,
    },
    /// Throw away what was given up
    Drop {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        endpoint: Endpoint,
    },
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// Its id in the list
    id: Option<String>,
    /// All that there is now
    #[arg(long)]
    all: bool,
}

impl Which {
    fn order(&self) -> Value {
        match &self.id {
            Some(id) => json!({ "id": id }),
            None => json!({ "all": true }),
        }
    }
}

const EXAMPLES: &str = "Examples:
  sightline deliveries list
  sightline deliveries resend 000000000000002a
  sightline deliveries resend --all";

pub(crate) fn run(arguments: &DeliveriesArguments) -> anyhow::Result<()> {
    match &arguments.command {
        DeliveriesCommand::List { endpoint } => list(endpoint),
        DeliveriesCommand::Resend { which, endpoint } => {
            let told = endpoint.post("/-/manage/deliveries/resend", &which.order())?;
            print::text(&format!("{} sent again\n", told["resent"]))
        }
        DeliveriesCommand::Drop { which, endpoint } => {
            let told = endpoint.post("/-/manage/deliveries/drop", &which.order())?;
            print::text(&format!("{} thrown away\n", told["dropped"]))
        }
    }
}

fn list(endpoint: &Endpoint) -> anyhow::Result<()> {
    let mut after = String::new();
    let mut any = false;
    loop {
        let told = endpoint.get("/-/manage/deliveries", &[("after", after.clone())])?;
        let letters = told["dead_letters"].as_array().cloned().unwrap_or_default();
        let Some(last) = letters.last() else { break };
        after = last["id"].as_str().unwrap_or_default().to_owned();
        print::text(&table(&letters, !any))?;
        any = true;
    }
    if any { Ok(()) } else { print::text("nothing was given up\n") }
}

fn table(letters: &[Value], with_head: bool) -> String {
    let mut text = String::new();
    if with_head {
        let _ = writeln!(
            text,
            "{:<16} {:<20} {:>5}  {:<40} WHAT AND WHY",
            "ID", "GIVEN UP", "TRIES", "RECEIVER"
        );
    }
    for letter in letters {
        let of = |name: &str| letter[name].as_str().unwrap_or_default();
        // What others wrote must not move the cursor.
        let plain = |name: &str| -> String {
            of(name).chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
        };
        let (given_up, receiver) =
            (of("given_up").get(..19).unwrap_or(of("given_up")), plain("receiver"));
        let _ = writeln!(
            text,
            "{:<16} {given_up:<20} {:>5}  {receiver:<40} {}: {}",
            of("id"),
            letter["attempts"],
            plain("subject"),
            plain("why")
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_is_a_line_whatever_it_holds() {
        let letter = json!({ "id": "2a", "given_up": "2026-01-01T00:00:00Z", "attempts": 3,
            "receiver": "oncall", "subject": "ALARM: x\n\u{1b}[2J", "why": "status 400" });
        let text = table(&[letter], true);
        assert_eq!(text.lines().count(), 2);
        assert!(text.contains("ALARM: x  [2J: status 400") && !text.contains('\u{1b}'), "{text}");
    }
}
