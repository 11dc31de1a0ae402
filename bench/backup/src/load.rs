//! A load whose every sample can be named: which value a series has at which place.

use anyhow::{Context, Result, bail};
use formats::remote_write::{Encoder, Sample, compress};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::sleep;
use std::time::Duration;
use stdx::Stopwatch;

pub(crate) const CONNECTIONS: u64 = 4;
/// Series of one connection.
pub(crate) const SERIES: u64 = 2_500;
pub(crate) const STEP_MS: i64 = 15_000;

/// A number in [0, 1) that looks random: nothing can be gained by packing it.
pub(crate) fn value(series: u64, place: u64) -> f64 {
    let mut bits =
        series.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ place.wrapping_mul(0xd1b5_4a32_d192_ed03);
    bits ^= bits >> 29;
    bits = bits.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits ^= bits >> 32;
    (bits >> 12) as f64 / (1u64 << 52) as f64
}

/// One connection's samples: what it sent, and what of it was acknowledged, in whole places (a
/// sample of each of its series).
#[derive(Default)]
pub(crate) struct Lane {
    pub(crate) sent: AtomicU64,
    pub(crate) kept: AtomicU64,
}

/// The lanes and how fast they go.
pub(crate) struct Load {
    pub(crate) address: SocketAddr,
    pub(crate) start_ms: i64,
    pub(crate) lanes: Vec<Lane>,
    pub(crate) stop: AtomicBool,
}

impl Load {
    pub(crate) fn kept(&self) -> u64 {
        self.lanes.iter().map(|l| l.kept.load(Ordering::SeqCst)).sum::<u64>() * SERIES
    }

    pub(crate) fn sent(&self) -> u64 {
        self.lanes.iter().map(|l| l.sent.load(Ordering::SeqCst)).sum::<u64>() * SERIES
    }

    /// Sends places one request after the other, `places` of them in each, until told to stop or
    /// `limit` is reached. `rate` is in samples a second over all lanes; without it, as fast as the
    /// server answers.
    pub(crate) fn run(&self, lane: u64, places: u64, rate: Option<f64>, limit: u64) -> Result<()> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        let state = &self.lanes[usize::try_from(lane)?];
        let (watch, first) = (Stopwatch::start(), state.kept.load(Ordering::SeqCst));
        while !self.stop.load(Ordering::SeqCst) {
            let at = state.kept.load(Ordering::SeqCst);
            if at >= limit {
                return Ok(());
            }
            if let Some(rate) = rate {
                // When this request is due; one that is late is sent at once.
                let due = ((at - first) * SERIES * CONNECTIONS) as f64 / rate;
                sleep(Duration::from_secs_f64((due - watch.elapsed().as_secs_f64()).max(0.0)));
            }
            let body = self.request(lane, at, places);
            state.sent.store(at + places, Ordering::SeqCst);
            loop {
                match exchange(&mut stream, &body)? {
                    204 => break,
                    429 | 503 => sleep(Duration::from_millis(50)),
                    status => bail!("a request was answered {status}"),
                }
            }
            state.kept.store(at + places, Ordering::SeqCst);
        }
        Ok(())
    }

    fn request(&self, lane: u64, at: u64, places: u64) -> Vec<u8> {
        let mut encoder = Encoder::new();
        for n in 0..SERIES {
            let number = lane * SERIES + n;
            let (host, metric) = (format!("host-{:05}", number / 10), format!("m{}", number % 10));
            let samples: Vec<Sample> = (at..at + places)
                .map(|place| Sample {
                    at_ms: self.start_ms + place as i64 * STEP_MS,
                    value: value(number, place),
                })
                .collect();
            let labels = [("__name__", metric.as_str()), ("host", &host), ("job", "bench-backup")];
            encoder.series(&labels, &samples);
        }
        let packed = compress(&encoder.finish());
        let head = format!(
            "POST /api/v1/write HTTP/1.1\r\nhost: {}\r\ncontent-type: application/x-protobuf\r\n\
             content-encoding: snappy\r\ncontent-length: {}\r\n\r\n",
            self.address,
            packed.len()
        );
        [head.as_bytes(), &packed].concat()
    }
}

/// Sends a request on a kept connection and reads the answer to its end; returns the status.
fn exchange(stream: &mut TcpStream, request: &[u8]) -> Result<u16> {
    stream.write_all(request)?;
    let mut answer = Vec::new();
    let mut some = [0; 4096];
    loop {
        let n = stream.read(&mut some)?;
        if n == 0 {
            bail!("the server closed the connection");
        }
        answer.extend_from_slice(&some[..n]);
        let Some(end) = answer.windows(4).position(|w| w == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
        let len = head.lines().find_map(|l| l.strip_prefix("content-length:"));
        let len: usize = len.map_or(Ok(0), |l| l.trim().parse())?;
        if answer.len() >= end + 4 + len {
            let status = head.get(9..12).and_then(|s| s.parse().ok());
            return status.context("an answer without a status");
        }
    }
}
