//! From a remote-read endpoint, one stretch of time after the other.

use super::{ImportArguments, Work};
use crate::config::usage;
use anyhow::{Context, bail};
use bytes::Bytes;
use formats::remote_read::{MatchType, ReadMatcher, request, results};
use formats::remote_write::{Item, Sample, compress, decompress};
use http::Request;
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use lang::promql::{MatchOp, Matcher, parse_series_selector};
use serde_json::json;
use stdx::{Clock, RealClock};

const MINUTE_MS: i64 = 60_000;
/// The first stretch that is asked for; it grows while answers are small.
const STRETCH_MS: i64 = 60 * MINUTE_MS;
const STRETCH_MS_MAX: i64 = 24 * 60 * MINUTE_MS;
/// Answers with less than this make the next stretch twice as long.
const SMALL_SAMPLES: u64 = 500_000;
/// A larger answer is refused, and asked for again in pieces.
const ANSWER_BYTES_MAX: usize = 256 << 20;
const UNPACKED_BYTES_MAX: usize = 1 << 30;

/// A server of somebody else: nothing of our own credentials goes there.
struct Source {
    authority: String,
    path: String,
    headers: Vec<(String, String)>,
}

impl Source {
    fn of(url: &str, headers: &[String]) -> anyhow::Result<Self> {
        let rest = url.strip_prefix("http://").ok_or_else(|| {
            usage(format!("--remote-read {url}: must be http://HOST:PORT/api/v1/read; for TLS put a proxy in front"))
        })?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, "api/v1/read"));
        let authority = if authority.rsplit(']').next().is_some_and(|end| end.contains(':')) {
            authority.to_owned()
        } else {
            format!("{authority}:80")
        };
        let headers = headers.iter().map(|header| {
            let (name, value) = header.split_once(':').ok_or_else(|| {
                usage(format!("--source-header {header:?} must be 'Name: value'"))
            })?;
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        });
        let headers = headers.collect::<anyhow::Result<Vec<_>>>()?;
        Ok(Self { authority, path: format!("/{path}"), headers })
    }

    fn ask(&self, body: Vec<u8>) -> anyhow::Result<(u16, Bytes)> {
        let mut request = Request::post(&self.path)
            .header("host", &self.authority)
            .header("content-type", "application/x-protobuf")
            .header("content-encoding", "snappy")
            .header("x-prometheus-remote-read-version", "0.1.0");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(Bytes::from(body)))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let stream = tokio::net::TcpStream::connect(&self.authority)
                .await
                .with_context(|| format!("nobody answers on {}", self.authority))?;
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
            tokio::spawn(connection);
            let answer = sender.send_request(request).await?;
            let status = answer.status().as_u16();
            let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
            let body = body.map_err(|e| anyhow::anyhow!("the answer: {e}"))?;
            Ok((status, body.to_bytes()))
        })
    }
}

fn matchers(selectors: &[String]) -> anyhow::Result<Vec<Vec<Matcher>>> {
    if selectors.is_empty() {
        return Err(usage(
            "--remote-read needs --match, such as --match '{job=\"node\"}'; --match '{__name__!=\"\"}' is everything",
        ));
    }
    let parse = |text: &String| {
        parse_series_selector(text).map_err(|e| usage(format!("--match {text:?}: {e}")))
    };
    selectors.iter().map(parse).collect()
}

/// Asks for one stretch and passes its samples on; says how many there were, or what is wrong with
/// the stretch as it is.
fn stretch(
    work: &mut Work<'_>,
    source: &Source,
    matchers: &[Matcher],
    first_ms: i64,
    last_ms: i64,
) -> anyhow::Result<Result<u64, String>> {
    let asked: Vec<ReadMatcher<'_>> = matchers
        .iter()
        .map(|m| {
            let kind = match m.op {
                MatchOp::Eq => MatchType::Equal,
                MatchOp::Ne => MatchType::NotEqual,
                MatchOp::Re => MatchType::Regex,
                MatchOp::Nre => MatchType::NotRegex,
            };
            (kind, m.name.as_str(), m.value.as_str())
        })
        .collect();
    let (status, body) = source.ask(compress(&request(&asked, first_ms, last_ms)))?;
    if status != 200 {
        let text = String::from_utf8_lossy(&body).trim_end().chars().take(500).collect::<String>();
        return Ok(Err(format!("{status} {text}")));
    }
    let mut buffer = Vec::new();
    let unpacked = match decompress(&body, UNPACKED_BYTES_MAX, &mut buffer) {
        Ok(unpacked) => unpacked,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let mut count = 0;
    for result in results(unpacked).context("the answer is no remote-read response")? {
        for item in result {
            let Item::Series(series) = item.context("the answer is damaged")? else { continue };
            let labels: Result<Vec<(&str, &str)>, _> = series.labels().collect();
            let labels = labels.context("labels in the answer cannot be read")?;
            let told = &mut work.sender.told;
            told.leave_out("native histograms", series.histograms().count() as u64, || {
                format!("{labels:?}")
            });
            let samples: Result<Vec<Sample>, _> = series.samples().collect();
            let mut samples = samples.context("samples in the answer cannot be read")?;
            count += samples.len() as u64;
            work.window.cut(&mut samples);
            work.sender.add(&labels, &samples)?;
        }
    }
    Ok(Ok(count))
}

pub(super) fn import(
    work: &mut Work<'_>,
    url: &str,
    arguments: &ImportArguments,
) -> anyhow::Result<String> {
    let source = Source::of(url, &arguments.source_headers)?;
    let selectors = matchers(&arguments.selectors)?;
    if arguments.from.is_none() {
        return Err(usage("--remote-read needs --from: the first time to ask for"));
    }
    let window_end = if work.window.last_ms == i64::MAX { None } else { Some(work.window.last_ms) };
    // An interrupted run without --to goes on to where it was going.
    let noted = work.state.position()["last_ms"].as_i64();
    let last_ms = window_end.or(noted).unwrap_or_else(|| RealClock.now_ms());
    let begin = work.window.first_ms;
    let mut number = work.state.position()["selector"].as_u64().unwrap_or(0);
    let mut at = work.state.position()["next_ms"].as_i64().unwrap_or(begin);
    let mut length = STRETCH_MS;
    while let Some(matchers) = usize::try_from(number).ok().and_then(|n| selectors.get(n)) {
        while at <= last_ms {
            let end = at.saturating_add(length - 1).min(last_ms);
            match stretch(work, &source, matchers, at, end)? {
                Ok(count) => {
                    at = end + 1;
                    if count < SMALL_SAMPLES {
                        length = (length * 2).min(STRETCH_MS_MAX);
                    }
                }
                Err(why) if length > MINUTE_MS => {
                    tracing::debug!(why, length, "asked again for less");
                    length = (length / 4).max(MINUTE_MS);
                    continue;
                }
                Err(why) => bail!("{url} refuses {at} to {end} ms: {why}"),
            }
            work.reached(json!({ "selector": number, "next_ms": at, "last_ms": last_ms }))?;
            let shown = Timestamp::from_millisecond(at).map(|t| t.to_string()).unwrap_or_default();
            work.show(&format!("selector {} of {}, {shown}", number + 1, selectors.len()));
        }
        number += 1;
        at = begin;
        work.reached(json!({ "selector": number, "next_ms": at, "last_ms": last_ms }))?;
    }
    Ok(format!("{} selectors of {url}", selectors.len()))
}
