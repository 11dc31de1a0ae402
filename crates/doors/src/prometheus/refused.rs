//! What of a write was refused, for a sender's log.

use formats::numbers::push_timestamp;
use formats::remote_write::{HistogramError, SeriesView};
use model::TimeRange;
use platform::OverBudget;
use std::fmt::Write as _;

/// How many, and what the first one was.
#[derive(Debug, Default)]
struct Tally {
    count: usize,
    first: String,
}

impl Tally {
    fn add(&mut self, count: usize, first: impl FnOnce() -> String) {
        if self.count == 0 && count > 0 {
            self.first = first();
        }
        self.count += count;
    }
}

/// What of a write was refused.
#[derive(Debug, Default)]
pub(super) struct Refused {
    times: Tally,
    series: Tally,
    histograms: Tally,
    exemplars: Tally,
    metadata: Tally,
    room: Tally,
}

impl Refused {
    pub(super) fn sample(&mut self, series: &SeriesView<'_>, at_ms: i64) {
        self.times.add(1, || format!("{} at {}", shown(series), seconds(at_ms)));
    }

    pub(super) fn series(&mut self, series: &SeriesView<'_>, why: &str) {
        self.series.add(1, || format!("{} {why}", shown(series)));
    }

    /// Samples of a new series for which there is no room.
    pub(super) fn full(&mut self, series: &SeriesView<'_>, samples: usize, full: &OverBudget) {
        self.room.add(samples, || format!("{}: {full}", shown(series)));
    }

    pub(super) fn exemplars(&mut self, series: &SeriesView<'_>, count: usize, why: &str) {
        self.exemplars.add(count, || format!("{} {why}", shown(series)));
    }

    pub(super) fn histogram(&mut self, series: &SeriesView<'_>, at_ms: i64, why: &HistogramError) {
        self.histograms.add(1, || format!("{} at {}: {why}", shown(series), seconds(at_ms)));
    }

    pub(super) fn metadata(&mut self, why: String) {
        self.metadata.add(1, || why);
    }

    /// Returns how many pieces of metadata, and how many exemplars, were refused.
    pub(super) fn beside(&self) -> (usize, usize) {
        (self.metadata.count, self.exemplars.count)
    }

    /// Returns how many samples were refused, as far as they were counted.
    pub(super) fn samples(&self) -> u64 {
        (self.times.count + self.room.count + self.series.count + self.histograms.count) as u64
    }

    /// Says what was refused, and that the rest was not; `None` when nothing was.
    pub(super) fn told(&self, stored: usize, times: TimeRange) -> Option<String> {
        let (from, to) = (seconds(times.start_ms), seconds(times.end_ms.saturating_sub(1)));
        let reasons = [
            (&self.times, format!("samples before {from} or after {to}")),
            (&self.series, "series that cannot be stored".into()),
            (&self.room, "samples of new series without room".into()),
            (&self.histograms, "native histograms that make no sense".into()),
            (&self.exemplars, "exemplars that cannot be stored".into()),
            (&self.metadata, "metadata that cannot be stored".into()),
        ];
        let mut text = format!("samples stored: {stored}; refused");
        let mut separator = "";
        for (tally, what) in reasons.iter().filter(|(tally, _)| tally.count > 0) {
            let _ = write!(text, "{separator} {what}: {}, first {}", tally.count, tally.first);
            separator = ";";
        }
        (!separator.is_empty()).then_some(text)
    }
}

/// A series is shown with so many characters at most.
const SHOWN_CHARS_MAX: usize = 300;

/// Shows a series as PromQL would, as far as its labels can be read.
fn shown(series: &SeriesView<'_>) -> String {
    let mut name = "";
    let mut labels = String::new();
    for (label, value) in series.labels().map_while(Result::ok) {
        if label == "__name__" && name.is_empty() {
            name = value;
        } else if labels.len() < 4 * SHOWN_CHARS_MAX {
            let separator = if labels.is_empty() { "" } else { "," };
            let _ = write!(labels, "{separator}{label}={value:?}");
        }
    }
    let mut text: String = format!("{name}{{{labels}}}");
    if let Some((end, _)) = text.char_indices().nth(SHOWN_CHARS_MAX) {
        text.truncate(end);
        text.push('…');
    }
    text
}

fn seconds(at_ms: i64) -> String {
    let mut out = Vec::new();
    push_timestamp(&mut out, at_ms);
    String::from_utf8(out).expect("digits are text")
}
