//! Samples on their way to the server: gathered into requests, sent again while it is busy, and what
//! it refuses counted by reason.

use crate::client::Endpoint;
use anyhow::bail;
use bytes::Bytes;
use formats::remote_write::{Encoder, Sample, compress};
use http::{Method, Request};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;
use stdx::Stopwatch;

/// A request holds about this much before it is packed.
const REQUEST_BYTES: usize = 3 << 20;
/// More samples of one series than this go into further pieces.
const PIECE_SAMPLES: usize = 20_000;
/// What a sample takes in a request, about.
const SAMPLE_BYTES: usize = 18;
const PAUSE_MIN: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(15);
/// A server that takes nothing for so long is not merely busy.
const PATIENCE: Duration = Duration::from_secs(600);

/// What became of the samples.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Told {
    /// Samples that are stored, by this run and those before it.
    pub(super) stored: u64,
    /// What was left out: how many of what, and an example, by reason.
    pub(super) left_out: BTreeMap<String, (u64, String)>,
}

impl Told {
    pub(super) fn leave_out(&mut self, reason: &str, count: u64, first: impl FnOnce() -> String) {
        if count > 0 {
            let entry = self.left_out.entry(reason.to_owned()).or_insert_with(|| (0, first()));
            entry.0 += count;
        }
    }
}

/// Gathers and sends.
pub(super) struct Sender<'a> {
    endpoint: &'a Endpoint,
    org: Option<String>,
    encoder: Encoder,
    bytes: usize,
    samples: u64,
    stored_before: u64,
    pub(super) told: Told,
}

/// How the server words its refusals, and how we do.
const REASONS: [(&str, &str); 6] = [
    ("samples before ", "samples outside the times that the server keeps (see its --retention)"),
    ("series that cannot be stored", "series that cannot be stored"),
    ("samples of new series without room", "samples of new series for which there is no room"),
    ("native histograms", "native histograms"),
    ("exemplars that cannot be stored", "exemplars that cannot be stored"),
    ("metadata that cannot be stored", "pieces of metadata that cannot be stored"),
];

/// Reads `samples stored: 5; refused <what>: <count>, first <example>; <what>: ...`.
fn read_refusal(text: &str, told: &mut Told) -> Option<u64> {
    let rest = text.trim_end().strip_prefix("samples stored: ")?;
    let (stored, rest) = rest.split_once("; refused ")?;
    let stored = stored.parse().ok()?;
    for (theirs, ours) in REASONS {
        // At the front or behind a separator; an example may hold anything.
        let at = if rest.starts_with(theirs) {
            Some(0)
        } else {
            rest.find(&format!("; {theirs}")).map(|at| at + 2)
        };
        let Some(found) = at.map(|at| &rest[at..]) else { continue };
        let Some((head, example)) = found.split_once(", first ") else { continue };
        let Some(count) = head.rsplit_once(": ").and_then(|(_, n)| n.parse().ok()) else {
            continue;
        };
        let end = REASONS.iter().filter_map(|(next, _)| example.find(&format!("; {next}"))).min();
        let example = &example[..end.unwrap_or(example.len())];
        told.leave_out(ours, count, || example.to_owned());
    }
    Some(stored)
}

impl<'a> Sender<'a> {
    pub(super) fn new(endpoint: &'a Endpoint, org: Option<String>, told: Told) -> Self {
        let encoder = Encoder::new();
        let stored_before = told.stored;
        Self { endpoint, org, encoder, bytes: 0, samples: 0, stored_before, told }
    }

    /// Returns how many samples this run stored.
    pub(super) fn stored_now(&self) -> u64 {
        self.told.stored - self.stored_before
    }

    /// Adds a series; says whether enough is gathered for a request.
    pub(super) fn add<S: AsRef<str>>(
        &mut self,
        labels: &[(S, S)],
        samples: &[Sample],
    ) -> anyhow::Result<bool> {
        for piece in samples.chunks(PIECE_SAMPLES) {
            if self.is_full() {
                self.flush()?;
            }
            self.encoder.series(labels, piece);
            let text = |(n, v): &(S, S)| n.as_ref().len() + v.as_ref().len() + 8;
            self.bytes += piece.len() * SAMPLE_BYTES + labels.iter().map(text).sum::<usize>();
            self.samples += piece.len() as u64;
        }
        Ok(self.is_full())
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes >= REQUEST_BYTES
    }

    /// Sends what was gathered, and returns when it is stored.
    pub(super) fn flush(&mut self) -> anyhow::Result<()> {
        if self.samples == 0 {
            return Ok(());
        }
        let samples = std::mem::take(&mut self.samples);
        self.bytes = 0;
        let body = Bytes::from(compress(&std::mem::take(&mut self.encoder).finish()));
        let (watch, mut pause) = (Stopwatch::start(), PAUSE_MIN);
        loop {
            let why = match self.send(body.clone()) {
                Ok((200 | 204, _)) => {
                    self.told.stored += samples;
                    return Ok(());
                }
                Ok((400, text)) => match read_refusal(&text, &mut self.told) {
                    Some(stored) => {
                        self.told.stored += stored;
                        return Ok(());
                    }
                    None => bail!("the server refused a request: {}", text.trim_end()),
                },
                // Busy, or a disk that is full for now: the same request is welcome later.
                Ok((status @ (429 | 500..), text)) => format!("{status} {}", text.trim_end()),
                Ok((status, text)) => {
                    bail!("the server refused a request: {status} {}", text.trim_end())
                }
                Err(error) => format!("{error:#}"),
            };
            if watch.elapsed() + pause > PATIENCE {
                bail!("the server takes nothing for {} s: {why}", watch.elapsed().as_secs());
            }
            tracing::debug!(why, "sent again after a pause");
            thread::sleep(pause);
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    fn send(&self, body: Bytes) -> anyhow::Result<(u16, String)> {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri("/api/v1/write")
            .header("content-type", "application/x-protobuf")
            .header("content-encoding", "snappy")
            .header("x-prometheus-remote-write-version", "0.1.0");
        if let Some(org) = &self.org {
            request = request.header("x-scope-orgid", org);
        }
        let (status, answer) = self.endpoint.call(request, body)?;
        Ok((status, String::from_utf8_lossy(&answer).into_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_counted_by_reason() {
        let mut told = Told::default();
        let text = "samples stored: 7; refused samples before 1.5 or after 9: 3, first up{a=\"x; y\"} \
                    at 1; native histograms that make no sense: 2, first h{}\n";
        assert_eq!(read_refusal(text, &mut told), Some(7));
        assert_eq!(read_refusal(text, &mut told), Some(7));
        let found: Vec<_> = told.left_out.values().cloned().collect();
        assert_eq!(found, [(4, "h{}".to_owned()), (6, "up{a=\"x; y\"} at 1".to_owned())]);
        assert_eq!(read_refusal("body is no remote write request", &mut told), None);
    }
}
