//! `sightline import`: from Prometheus and VictoriaMetrics into a running server, through the door
//! that remote write uses.

mod prometheus;
mod remote_read;
mod segments;
mod sender;
mod state;
mod victoria;

use crate::client::Endpoint;
use crate::config::usage;
use crate::print;
use crate::progress::Shown;
use anyhow::Context;
use clap::{ArgGroup, Args};
use formats::remote_write::Sample;
use jiff::Timestamp;
use sender::{Sender, Told};
use state::StateFile;
use std::fmt::Write as _;
use std::path::PathBuf;
use stdx::Stopwatch;

/// From where, and which.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, group = ArgGroup::new("source").required(true))]
pub(crate) struct ImportArguments {
    #[command(flatten)]
    endpoint: Endpoint,
    /// Data directory of a Prometheus that does not run, or one of its snapshots
    #[arg(long, value_name = "DIR", group = "source")]
    prometheus: Option<PathBuf>,
    /// Remote-read endpoint, such as http://127.0.0.1:9090/api/v1/read
    #[arg(long, value_name = "URL", group = "source")]
    remote_read: Option<String>,
    /// VictoriaMetrics' export in JSON lines, packed with gzip or not; - is standard input
    #[arg(long, value_name = "FILE", group = "source")]
    victoriametrics: Option<String>,
    /// Series to ask a remote-read endpoint for; may be given several times
    #[arg(long = "match", value_name = "SELECTOR", requires = "remote_read")]
    selectors: Vec<String>,
    /// Header for a remote-read endpoint, such as 'Authorization: Bearer ...'; may be given several
    /// times
    #[arg(long = "source-header", value_name = "HEADER", requires = "remote_read")]
    source_headers: Vec<String>,
    /// First time to import, such as 2026-01-01T00:00:00Z [default: all; needed by --remote-read]
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Time to stop before [default: all; now for --remote-read]
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Whose the series become, as X-Scope-OrgID says it: twelve digits or a name
    #[arg(long, value_name = "ID")]
    org: Option<String>,
    /// File that keeps how far it is, so that the same command goes on after an interruption
    #[arg(long, value_name = "FILE", default_value = "sightline-import.state")]
    state: PathBuf,
}

const EXAMPLES: &str = "Times that the server does not keep (--retention of `sightline serve`), native histograms and series
that cannot be stored are counted and told at the end, with an example. Importing twice changes
nothing: a sample of the same series and time replaces itself.

Examples:
  sightline import --prometheus /var/lib/prometheus        blocks and write-ahead log; stop it first
  sightline import --remote-read http://prom:9090/api/v1/read --match '{job=\"node\"}' \\
      --from 2026-10-01T00:00:00Z
  curl -s http://vm:8428/api/v1/export -d 'match[]={__name__!=\"\"}' | gzip > vm.jsonl.gz
  sightline import --victoriametrics vm.jsonl.gz";

/// Times to import, both ends included.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    first_ms: i64,
    last_ms: i64,
}

impl Window {
    fn cut(self, samples: &mut Vec<Sample>) {
        if (self.first_ms, self.last_ms) != (i64::MIN, i64::MAX) {
            samples.retain(|s| self.first_ms <= s.at_ms && s.at_ms <= self.last_ms);
        }
    }
}

fn time(name: &str, text: Option<&String>) -> anyhow::Result<Option<i64>> {
    let Some(text) = text else { return Ok(None) };
    let at: Timestamp = text.parse().map_err(|e| usage(format!("--{name} {text:?}: {e}")))?;
    Ok(Some(at.as_millisecond()))
}

/// What an import works with.
struct Work<'a> {
    sender: Sender<'a>,
    state: StateFile,
    shown: Shown,
    watch: Stopwatch,
    window: Window,
}

impl Work<'_> {
    /// Shows how far it is.
    fn show(&mut self, at: &str) {
        let told = &self.sender.told;
        let seconds = self.watch.elapsed().as_secs_f64().max(0.001);
        let rate = self.sender.stored_now() as f64 / seconds;
        let text = format!("import: {at}, {} samples stored, {rate:.0} a second", told.stored);
        self.shown.show(&text);
    }

    /// Sends what waits and notes where to go on.
    fn reached(&mut self, position: serde_json::Value) -> anyhow::Result<()> {
        self.sender.flush()?;
        self.state.note(position, &self.sender.told)
    }
}

pub(crate) fn import(arguments: &ImportArguments) -> anyhow::Result<()> {
    let first_ms = time("from", arguments.from.as_ref())?;
    let to_ms = time("to", arguments.to.as_ref())?;
    if let (Some(first), Some(to)) = (first_ms, to_ms)
        && first >= to
    {
        return Err(usage("--from must be before --to"));
    }
    let window = Window {
        first_ms: first_ms.unwrap_or(i64::MIN),
        last_ms: to_ms.map_or(i64::MAX, |to| to - 1),
    };
    let source = source_of(arguments)?;
    let state = StateFile::open(&arguments.state, &source)?;
    if state.is_done() {
        return print::text(&format!(
            "{} says that this import is done; remove it to import again\n",
            arguments.state.display()
        ));
    }
    let mut work = Work {
        sender: Sender::new(&arguments.endpoint, arguments.org.clone(), state.told()),
        shown: Shown::new(),
        watch: Stopwatch::start(),
        state,
        window,
    };
    let result = match (&arguments.prometheus, &arguments.remote_read, &arguments.victoriametrics) {
        (Some(dir), _, _) => prometheus::import(&mut work, dir),
        (_, Some(url), _) => remote_read::import(&mut work, url, arguments),
        (_, _, Some(file)) => victoria::import(&mut work, file),
        _ => Err(usage("nothing to import from")),
    };
    work.shown.end();
    let what = result.with_context(|| {
        format!(
            "{} samples are stored; the same command goes on from there ({})",
            work.sender.told.stored,
            arguments.state.display()
        )
    })?;
    work.state.finish(&work.sender.told)?;
    print::text(&report(&what, &work.sender.told, work.sender.stored_now(), work.watch))
}

/// What tells this import from others, so that a state file is not used for another one.
fn source_of(arguments: &ImportArguments) -> anyhow::Result<String> {
    let whole = |path: &std::path::Path| {
        std::path::absolute(path).map(|p| p.display().to_string()).context("--prometheus")
    };
    let what = match (&arguments.prometheus, &arguments.remote_read, &arguments.victoriametrics) {
        (Some(dir), _, _) => format!("prometheus {}", whole(dir)?),
        (_, Some(url), _) => format!("remote-read {url} {}", arguments.selectors.join(" ")),
        (_, _, Some(file)) if file == "-" => "victoriametrics -".to_owned(),
        (_, _, Some(file)) => format!("victoriametrics {}", whole(file.as_ref())?),
        _ => String::new(),
    };
    let text = |t: &Option<String>| t.clone().unwrap_or_default();
    let (from, to, org) = (text(&arguments.from), text(&arguments.to), text(&arguments.org));
    Ok(format!("{what} from {from:?} to {to:?} org {org:?} into {}", arguments.endpoint.shown()))
}

fn report(what: &str, told: &Told, stored_now: u64, watch: Stopwatch) -> String {
    let seconds = watch.elapsed().as_secs_f64();
    let rate = stored_now as f64 / seconds.max(0.001);
    let mut text = format!(
        "imported {} samples from {what} in {seconds:.1} s ({rate:.0} samples a second)\n",
        told.stored
    );
    if stored_now < told.stored {
        let before = told.stored - stored_now;
        let _ = writeln!(text, "{before} of them were imported by runs before this one");
    }
    if !told.left_out.is_empty() {
        text.push_str("not imported:\n");
        for (reason, (count, first)) in &told.left_out {
            let _ = write!(text, "  {count} {reason}");
            let _ =
                if first.is_empty() { writeln!(text) } else { writeln!(text, ", first {first}") };
        }
    }
    text
}
