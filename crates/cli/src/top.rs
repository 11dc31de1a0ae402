//! `sightline top`: who sends what, what is refused, what questions cost.

use crate::client::Endpoint;
use crate::print;
use clap::Args;
use serde_json::Value;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::IsTerminal;
use std::time::Duration;
use stdx::Stopwatch;

const EXAMPLES: &str = "Examples:
  sightline top                       live view, a new one every 2 s, until Ctrl-C
  sightline top --once                one view of the last two seconds, for a ticket or a script
  sightline top --json | jq .series   what the server tells: totals since its start";

/// Show who sends what, what is refused and what questions cost, live
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct TopArguments {
    #[command(flatten)]
    endpoint: Endpoint,
    /// Seconds between two views
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=3600))]
    every: u64,
    /// Lines of each list
    #[arg(long, value_name = "N", default_value_t = 10)]
    lines: usize,
    /// Show one view and end
    #[arg(long)]
    once: bool,
    /// Print what the server tells as JSON and end
    #[arg(long)]
    json: bool,
}

pub(crate) fn top(arguments: &TopArguments) -> anyhow::Result<()> {
    let ask = || arguments.endpoint.get("/-/top", &[]);
    let mut before = ask()?;
    if arguments.json {
        return print::text(&format!("{before:#}\n"));
    }
    let live = !arguments.once && std::io::stdout().is_terminal();
    loop {
        let since = Stopwatch::start();
        std::thread::sleep(Duration::from_secs(arguments.every));
        let now = ask()?;
        let view = render(&before, &now, since.elapsed().as_secs_f64(), arguments.lines);
        if live {
            // Home and clear: the view stays where it is.
            print::text(&format!("\x1b[H\x1b[2J{view}"))?;
        } else {
            print::text(&view)?;
        }
        if arguments.once {
            return Ok(());
        }
        before = now;
    }
}

/// Shows two answers of the server, `seconds` apart.
fn render(before: &Value, now: &Value, seconds: f64, lines: usize) -> String {
    let mut view = String::new();
    let number = |value: &Value| value.as_f64().unwrap_or(0.0);
    let memory = &now["memory"];
    let _ = writeln!(
        view,
        "up {}   memory {} of {} (store {} of {}, questions {} of {})",
        time(number(&now["uptime_seconds"])),
        bytes(number(&memory["resident_bytes"])),
        bytes(number(&memory["limit_bytes"])),
        bytes(number(&memory["store"]["used_bytes"])),
        bytes(number(&memory["store"]["limit_bytes"])),
        bytes(number(&memory["questions"]["used_bytes"])),
        bytes(number(&memory["questions"]["limit_bytes"])),
    );
    let series = &now["series"];
    let _ = writeln!(
        view,
        "series {} of {} (an account {}, a namespace {})   disk free {}, parts {}, journal {}\n",
        count(number(&series["in_memory"])),
        count(number(&series["limit"])),
        count(number(&series["limit_account"])),
        count(number(&series["limit_namespace"])),
        bytes(number(&now["disk"]["free_bytes"])),
        bytes(number(&now["disk"]["parts_bytes"])),
        bytes(number(&now["disk"]["journal_bytes"])),
    );

    let rates = Rates::of(before, now, seconds);
    let of_namespace = ["account", "region", "namespace"];
    let mut rows: Vec<(f64, [String; 7])> = Vec::new();
    for line in list(now, "namespaces") {
        let rate = |field| rates.of_line("namespaces", &of_namespace, line, field);
        let refused = rate("refused") + rate("series_refused");
        rows.push((
            rate("points") + refused,
            [
                format!("{}/{}", text(line, "account"), text(line, "region")),
                shown(text(line, "namespace"), "(none)"),
                count(rate("points")),
                count(rate("refused")),
                count(number(&line["series"])),
                count(rate("series_refused")),
                text(line, "label").to_owned(),
            ],
        ));
    }
    let head =
        ["ACCOUNT", "NAMESPACE", "POINTS/S", "REFUSED/S", "SERIES", "NEW REFUSED/S", "LABEL"];
    table(&mut view, head, rows, lines);

    let of_sender = ["account", "region", "door", "sender"];
    let mut rows: Vec<(f64, [String; 7])> = Vec::new();
    for line in list(now, "senders") {
        let rate = |field| rates.of_line("senders", &of_sender, line, field);
        rows.push((
            rate("points") + rate("refused"),
            [
                format!("{}/{}", text(line, "account"), text(line, "region")),
                shown(text(line, "sender"), "(anonymous)"),
                text(line, "door").to_owned(),
                count(rate("requests")),
                count(rate("points")),
                count(rate("refused")),
                bytes(rate("bytes")),
            ],
        ));
    }
    let head = ["ACCOUNT", "SENDER", "DOOR", "REQUESTS/S", "POINTS/S", "REFUSED/S", "BYTES/S"];
    table(&mut view, head, rows, lines);

    let mut rows: Vec<(f64, [String; 7])> = Vec::new();
    for line in list(now, "questions") {
        let rate = |field| rates.of_line("questions", &["account", "region"], line, field);
        rows.push((
            rate("busy_seconds"),
            [
                format!("{}/{}", text(line, "account"), text(line, "region")),
                count(rate("asked")),
                count(rate("refused")),
                format!("{:.2}", rate("busy_seconds")),
                count(number(&line["running"])),
                count(number(&line["waiting"])),
                bytes(number(&line["bytes_max"])),
            ],
        ));
    }
    let head = ["ACCOUNT", "QUESTIONS/S", "REFUSED/S", "BUSY", "RUNNING", "WAITING", "LARGEST"];
    table(&mut view, head, rows, lines);
    view
}

/// What grew between two answers.
struct Rates<'v> {
    before: &'v Value,
    seconds: f64,
    lines: HashMap<(&'static str, Vec<&'v str>), &'v Value>,
    /// The server was started anew in between: totals are rates of nothing.
    restarted: bool,
}

impl<'v> Rates<'v> {
    fn of(before: &'v Value, now: &Value, seconds: f64) -> Self {
        let uptime = |view: &Value| view["uptime_seconds"].as_f64().unwrap_or(0.0);
        let mut lines = HashMap::new();
        for (name, keys) in [
            ("namespaces", &["account", "region", "namespace"][..]),
            ("senders", &["account", "region", "door", "sender"]),
            ("questions", &["account", "region"]),
        ] {
            for line in list(before, name) {
                lines.insert((name, keys.iter().map(|k| text(line, k)).collect()), line);
            }
        }
        let restarted = uptime(now) < uptime(before);
        Self { before, seconds: seconds.max(0.001), lines, restarted }
    }

    fn of_line(&self, name: &'static str, keys: &[&str], line: &Value, field: &str) -> f64 {
        let key: Vec<&str> = keys.iter().map(|k| text(line, k)).collect();
        let total = line[field].as_f64().unwrap_or(0.0);
        let known = self.lines.iter().find(|((n, k), _)| *n == name && *k == key);
        let was = match known {
            Some((_, line)) if !self.restarted => line[field].as_f64().unwrap_or(0.0),
            // Not in the list before: it may have been outside the worst, so its past is unknown.
            None if !self.restarted && list(self.before, name).len() >= 50 => total,
            _ => 0.0,
        };
        (total - was).max(0.0) / self.seconds
    }
}

fn list<'v>(view: &'v Value, name: &str) -> &'v [Value] {
    view[name].as_array().map_or(&[], Vec::as_slice)
}

fn text<'v>(line: &'v Value, name: &str) -> &'v str {
    line[name].as_str().unwrap_or_default()
}

/// Names come from strangers: no control character of theirs reaches the terminal.
fn shown(name: &str, none: &str) -> String {
    if name.is_empty() {
        return none.to_owned();
    }
    let plain = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let mut shown: String = name.chars().take(40).map(plain).collect();
    if name.chars().nth(40).is_some() {
        shown.push('…');
    }
    shown
}

/// Appends the first lines of a table, the largest first; numbers are aligned to the right.
fn table<const N: usize>(
    view: &mut String,
    head: [&str; N],
    mut rows: Vec<(f64, [String; N])>,
    lines: usize,
) {
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let more = rows.len().saturating_sub(lines);
    rows.truncate(lines);
    let cells: Vec<[String; N]> = std::iter::once(head.map(str::to_owned))
        .chain(rows.into_iter().map(|(_, row)| row.map(|cell| shown(&cell, ""))))
        .collect();
    let width = |column: usize| cells.iter().map(|r| r[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N).map(width).collect();
    let is_number =
        |cell: &str| cell.starts_with(|c: char| c.is_ascii_digit()) && !cell.contains('/');
    let right: Vec<bool> =
        (0..N).map(|c| cells.len() > 1 && cells[1..].iter().all(|r| is_number(&r[c]))).collect();
    for row in &cells {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let pad = " ".repeat(widths[column] - cell.chars().count());
            let (left, behind) =
                if right[column] { (pad, String::new()) } else { (String::new(), pad) };
            let _ = write!(line, "{left}{cell}{behind}  ");
        }
        let _ = writeln!(view, "{}", line.trim_end());
    }
    if cells.len() == 1 {
        view.push_str("(nothing yet)\n");
    }
    if more > 0 {
        let _ = writeln!(view, "and {more} more");
    }
    view.push('\n');
}

fn scaled(value: f64, step: f64, units: &[&str]) -> String {
    let (mut value, mut unit) = (value, 0);
    while value >= step && unit + 1 < units.len() {
        value /= step;
        unit += 1;
    }
    let digits = if value >= 100.0 || value == value.trunc() { 0 } else { 1 };
    format!("{value:.digits$}{}", units[unit])
}

fn count(value: f64) -> String {
    scaled(value, 1_000.0, &["", "k", "M", "G"])
}

fn bytes(value: f64) -> String {
    scaled(value, 1_024.0, &["B", "KiB", "MiB", "GiB", "TiB"])
}

fn time(seconds: f64) -> String {
    let seconds = seconds as u64;
    match (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, minutes) => format!("{minutes}m{:02}s", seconds % 60),
        (0, hours, minutes) => format!("{hours}h{minutes:02}m"),
        (days, hours, _) => format!("{days}d{hours:02}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(points: u64, refused: u64, uptime: f64) -> Value {
        json!({
            "uptime_seconds": uptime,
            "memory": { "resident_bytes": 104_857_600, "limit_bytes": 4_294_967_296_u64,
                "store": { "used_bytes": 1_048_576, "limit_bytes": 2_147_483_648_u64 },
                "questions": { "used_bytes": 0, "limit_bytes": 1_073_741_824 } },
            "series": { "in_memory": 50, "limit": 200, "limit_account": 150, "limit_namespace": 50 },
            "disk": { "free_bytes": 1_000_000, "parts_bytes": 0, "journal_bytes": 10 },
            "namespaces": [
                { "account": "000000000000", "region": "eu", "namespace": "Shop\u{1b}[2J",
                  "points": points, "refused": refused, "series": 50, "series_refused": refused,
                  "label": "request_id" },
                { "account": "000000000000", "region": "eu", "namespace": "", "points": 7, "refused": 0 },
            ],
            "senders": [], "questions": [],
        })
    }

    #[test]
    fn rates_are_shown_and_names_of_strangers_are_tame() {
        let view = render(&told(100, 0, 10.0), &told(20_100, 500, 12.0), 2.0, 10);
        let shop = view.lines().find(|l| l.contains("Shop")).unwrap();
        let cells: Vec<&str> = shop.split_whitespace().collect();
        assert_eq!(cells[2..], ["10k", "250", "50", "250", "request_id"], "{view}");
        assert!(!view.contains('\u{1b}'), "a control character reached the terminal");
        assert!(view.contains("memory 100MiB of 4GiB"), "{view}");
        assert!(view.contains("(none)") && view.contains("(nothing yet)"), "{view}");
        // A restart in between sets totals back.
        let view = render(&told(20_100, 0, 10.0), &told(100, 0, 1.0), 2.0, 1);
        assert!(view.contains("  50  ") && view.contains("and 1 more"), "{view}");
    }

    #[test]
    fn numbers_have_a_human_size() {
        assert_eq!(
            [count(999.0), count(1_500.0), count(2e6), count(0.5)],
            ["999", "1.5k", "2M", "0.5"]
        );
        assert_eq!([bytes(1023.0), bytes(1536.0)], ["1023B", "1.5KiB"]);
        assert_eq!(
            [time(59.0), time(61.0), time(3_660.0), time(90_000.0)],
            ["59s", "1m01s", "1h01m", "1d01h"]
        );
    }
}
