//! What a server is asked and what it still does after a load.

use anyhow::Result;

use crate::measure::{self, Moment, Subject};
use crate::outcome::Outcome;
use crate::server::Running;
use crate::{disk, http};

/// What a server is asked after its restart.
#[derive(Debug)]
pub(crate) struct Questions {
    /// Selects one series.
    pub(crate) one_series: String,
    pub(crate) at_ms: i64,
    /// The metric whose samples are counted, over so long before `at_ms`.
    pub(crate) name: &'static str,
    pub(crate) window_s: i64,
    /// How many there must be, if that is known.
    pub(crate) expected: Option<f64>,
    /// The same of the one series alone, for a server that does not count yet.
    pub(crate) expected_of_one: Option<f64>,
}

/// Lets the server settle, stops it, and starts it again to ask for what it was sent.
///
/// `tidies_up` waits for the server's own idea of idle, for loads whose bytes on disk count. `before` is from before the load, in which the server got `items` samples or datums.
pub(crate) fn measure(
    subject: &Subject<'_>,
    running: Running,
    before: &Moment,
    items: f64,
    questions: Option<Questions>,
    tidies_up: bool,
    outcome: &mut Outcome,
) -> Result<()> {
    match subject.settle(&running, tidies_up)? {
        Some(seconds) => outcome.set("settle_s", seconds),
        None => outcome.note("was still busy three minutes after the load"),
    }
    let settled = before.until(&Moment::now(running.pid())?);
    outcome.set("cpu_settled_per_million", settled.server_cpu_s / items * 1e6);
    outcome.set("settled_anonymous", measure::anonymous(&running)?);
    let sizes = subject.sizes();
    outcome.set("parts_bytes", sizes.parts as f64);
    outcome.set("apart_bytes", sizes.apart as f64);
    outcome.set("bytes_per_item", sizes.parts as f64 / items_in_parts(subject, items));

    let stopped = running.stop()?;
    outcome.set("stop_s", stopped.seconds);
    if stopped.killed {
        outcome.note("did not end by itself and was killed");
    }
    let cpu_s = stopped.cpu_s - before.server.cpu_s;
    outcome.set("cpu_stopped_per_million", cpu_s / items * 1e6);
    let sizes = subject.sizes();
    outcome.set("apart_bytes_stopped", sizes.apart as f64);
    outcome.set("bytes_per_item_stopped", sizes.parts as f64 / items_in_parts(subject, items));
    questions.map_or(Ok(()), |questions| ask(subject, &questions, outcome))
}

fn ask(subject: &Subject<'_>, questions: &Questions, outcome: &mut Outcome) -> Result<()> {
    let (running, seconds) = subject.first_answer(&questions.one_series, questions.at_ms)?;
    outcome.set("first_answer_s", seconds);
    let counts = subject.kind.counts_samples;
    let expected = if counts { questions.expected } else { questions.expected_of_one };
    if let Some(expected) = expected {
        let window = questions.window_s;
        let query = if counts {
            format!("sum(count_over_time({}[{window}s]))", questions.name)
        } else {
            format!("{}[{window}s]", questions.one_series)
        };
        let path = http::query_path(&query, questions.at_ms);
        let found = if counts {
            measure::first_value(running.address, &path)
        } else {
            measure::first_length(running.address, &path)
        };
        outcome.set("found_share", found.unwrap_or(f64::NAN) / expected);
        if found != Some(expected) {
            let found = found.map_or_else(|| "no count".to_owned(), |found| found.to_string());
            outcome.note(format!("{found} instead of {expected} samples after the restart"));
        }
    }
    running.stop()?;
    Ok(())
}

/// Returns how many samples the parts hold. None at all makes bytes a sample infinite, which is
/// then left out of the outcome.
fn items_in_parts(subject: &Subject<'_>, items: f64) -> f64 {
    if subject.kind.parts_are_blocks { disk::samples_in_blocks(&subject.dir) as f64 } else { items }
}
