//! Answers: the envelope of the HTTP API, and failures as codes and texts.

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{
    ACCEPT_ENCODING, ALLOW, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER,
    VARY, WWW_AUTHENTICATE,
};
use http::request::Parts;
use http::{Response, StatusCode};
use platform::{AskError, QueryError, ReadError};
use std::io::Write as _;

/// Answers up to this size travel as they are: packing them saves no packet.
const PLAIN_BYTES_MAX: usize = 1_024;
/// Fast rather than small: the usual reader is near.
const GZIP_LEVEL: u32 = 1;
/// How credentials may be brought. Basic alone is named: a browser that is asked so asks its user.
const CHALLENGE: &str = "Basic realm=\"Sightline\", charset=\"UTF-8\"";

/// An answer in the making: JSON from the start, the data written behind it.
#[derive(Debug)]
pub(super) struct Data {
    pub(super) json: Vec<u8>,
    warnings: Vec<String>,
    infos: Vec<String>,
}

impl Data {
    pub(super) fn new() -> Self {
        Self {
            json: br#"{"status":"success","data":"#.to_vec(),
            warnings: Vec::new(),
            infos: Vec::new(),
        }
    }

    /// An answer that is small and made at once.
    pub(super) fn of(value: &serde_json::Value) -> Self {
        let mut data = Self::new();
        serde_json::to_writer(&mut data.json, value).expect("writing to memory does not fail");
        data
    }

    pub(super) fn warn(&mut self, warning: impl Into<String>) {
        self.warnings.push(warning.into());
    }

    pub(super) fn inform(&mut self, info: String) {
        self.infos.push(info);
    }

    pub(super) fn into_response(self, parts: &Parts) -> Response<Bytes> {
        let Self { mut json, warnings, infos } = self;
        for (name, texts) in [("warnings", warnings), ("infos", infos)] {
            if !texts.is_empty() {
                json.extend_from_slice(format!(r#","{name}":"#).as_bytes());
                push_list(&mut json, texts);
            }
        }
        json.push(b'}');
        let mut response = respond(StatusCode::OK, "application/json", Vec::new());
        let headers = response.headers_mut();
        headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
        if json.len() > PLAIN_BYTES_MAX && takes_gzip(parts) {
            let out = Vec::with_capacity(json.len() / 4);
            let mut packer = GzEncoder::new(out, Compression::new(GZIP_LEVEL));
            packer.write_all(&json).expect("writing to memory does not fail");
            json = packer.finish().expect("writing to memory does not fail");
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        *response.body_mut() = json.into();
        response
    }
}

fn takes_gzip(parts: &Parts) -> bool {
    let lists = parts.headers.get_all(ACCEPT_ENCODING).iter();
    let mut codings = lists.filter_map(|l| l.to_str().ok()).flat_map(|l| l.split(','));
    codings.any(|coding| {
        let mut pieces = coding.split(';').map(str::trim);
        let gzip = pieces.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let refused = |q: &str| q.strip_prefix("q=").and_then(|q| q.parse().ok()) == Some(0.0);
        gzip && !pieces.any(refused)
    })
}

/// Appends a text as JSON.
pub(super) fn push_text(out: &mut Vec<u8>, text: &str) {
    if is_plain(text.as_bytes()) {
        out.reserve(text.len() + 2);
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        serde_json::to_writer(out, text).expect("a text is JSON");
    }
}

/// Says whether a text stands in JSON as it is, without anything escaped.
fn is_plain(text: &[u8]) -> bool {
    // Eight bytes at a time: a byte's high bit is set where it is less than a bound, or equal to a byte.
    const ONES: u64 = u64::MAX / 0xff;
    const HIGH: u64 = ONES << 7;
    let less = |word: u64, bound: u8| word.wrapping_sub(ONES * u64::from(bound)) & !word & HIGH;
    let equal = |word: u64, byte: u8| less(word ^ (ONES * u64::from(byte)), 1);
    let odd = |word: u64| less(word, 0x20) | equal(word, b'"') | equal(word, b'\\');
    let (words, rest) = text.as_chunks::<8>();
    let any = words.iter().fold(0, |any, word| any | odd(u64::from_le_bytes(*word)));
    any == 0 && !rest.iter().any(|byte| *byte < 0x20 || matches!(byte, b'"' | b'\\'))
}

/// Appends a list of texts.
pub(super) fn push_list(out: &mut Vec<u8>, texts: impl IntoIterator<Item = impl AsRef<str>>) {
    out.push(b'[');
    for (n, text) in texts.into_iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        push_text(out, text.as_ref());
    }
    out.push(b']');
}

/// Appends texts by name.
pub(super) fn push_map<'a>(out: &mut Vec<u8>, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) {
    out.push(b'{');
    for (n, (name, value)) in pairs.into_iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        push_text(out, name);
        out.push(b':');
        push_text(out, value);
    }
    out.push(b'}');
}

/// Why a request is not done. The variants differ where codes do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// Parameters, headers or bodies that make no sense.
    BadData(String),
    /// A question that makes sense and gets no answer.
    Execution(String),
    /// The time that the asker gave is over.
    Timeout,
    /// The asker is gone; nobody reads this.
    Canceled,
    /// The server cannot now.
    Unavailable(String),
    /// The server has too much to do: whoever asks is told so.
    Busy(String),
    /// The server has too much to do: whoever sends is to send the same again.
    Overloaded(String),
    /// The asker does not say who they are, or what they say is wrong.
    Unauthorized(String),
    /// Too many failed logins came before.
    Slow { text: String, wait_s: u64 },
    /// The asker may not.
    Forbidden(String),
    /// There is nothing at this path.
    NotFound(&'static str),
    /// A path that takes other methods.
    Method { allow: &'static str },
    /// A body of another kind than the path takes.
    Media(String),
    /// A body beyond a limit.
    TooLarge(String),
}

impl Failure {
    pub(super) fn bad_data(text: impl Into<String>) -> Self {
        Self::BadData(text.into())
    }

    /// A parameter that cannot be taken.
    pub(super) fn parameter(name: &str, why: impl std::fmt::Display) -> Self {
        Self::BadData(format!("invalid parameter {name:?}: {why}"))
    }

    /// The one place that turns failures into codes, kinds and texts.
    fn told(&self) -> (StatusCode, &'static str, &str) {
        match self {
            Self::BadData(text) => (StatusCode::BAD_REQUEST, "bad_data", text),
            Self::Execution(text) => (StatusCode::UNPROCESSABLE_ENTITY, "execution", text),
            Self::Timeout => (
                StatusCode::SERVICE_UNAVAILABLE,
                "timeout",
                "query timed out in expression evaluation",
            ),
            Self::Canceled => {
                (client_closed_request(), "canceled", "query was canceled in expression evaluation")
            }
            Self::Unavailable(text) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable", text),
            Self::Overloaded(text) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable", text),
            Self::Busy(text) => (StatusCode::TOO_MANY_REQUESTS, "unavailable", text),
            Self::Unauthorized(text) => (StatusCode::UNAUTHORIZED, "unauthorized", text),
            Self::Slow { text, .. } => (StatusCode::TOO_MANY_REQUESTS, "unavailable", text),
            Self::Forbidden(text) => (StatusCode::FORBIDDEN, "forbidden", text),
            Self::NotFound(text) => (StatusCode::NOT_FOUND, "not_found", text),
            Self::Method { .. } => {
                (StatusCode::METHOD_NOT_ALLOWED, "bad_data", "method not allowed")
            }
            Self::Media(text) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "bad_data", text),
            Self::TooLarge(text) => (StatusCode::PAYLOAD_TOO_LARGE, "bad_data", text),
        }
    }

    /// Shows the failure as the HTTP API does.
    pub(super) fn as_json(&self) -> Response<Bytes> {
        let (status, kind, text) = self.told();
        let mut json = Vec::with_capacity(64 + text.len());
        push_map(&mut json, [("status", "error"), ("errorType", kind), ("error", text)]);
        self.with_headers(respond(status, "application/json", json))
    }

    /// Shows the failure to a sender, which puts the text into its log.
    pub(super) fn as_text(&self) -> Response<Bytes> {
        let (status, _, text) = self.told();
        let text = format!("{text}\n").into_bytes();
        self.with_headers(respond(status, "text/plain; charset=utf-8", text))
    }

    fn with_headers(&self, mut response: Response<Bytes>) -> Response<Bytes> {
        let fixed =
            |name: HeaderName, text: &'static str| Some((name, HeaderValue::from_static(text)));
        let header = match self {
            Self::Method { allow } => fixed(ALLOW, allow),
            Self::Busy(_) | Self::Overloaded(_) => fixed(RETRY_AFTER, "1"),
            Self::Unauthorized(_) => fixed(WWW_AUTHENTICATE, CHALLENGE),
            Self::Slow { wait_s, .. } => Some((RETRY_AFTER, HeaderValue::from(*wait_s))),
            _ => None,
        };
        if let Some((name, value)) = header {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

impl From<AskError> for Failure {
    fn from(error: AskError) -> Self {
        match &error {
            AskError::Access(_) => Self::Forbidden(error.to_string()),
            AskError::Busy(_)
            | AskError::Query(QueryError::Read(ReadError::MemoryInUse { .. })) => {
                Self::Busy(error.to_string())
            }
            AskError::Query(QueryError::Read(ReadError::OutOfTime { .. })) => Self::Timeout,
            AskError::Query(QueryError::Read(ReadError::Cancelled)) => Self::Canceled,
            AskError::Query(QueryError::Bad(_)) => Self::BadData(error.to_string()),
            AskError::Query(QueryError::Read(ReadError::Part(why))) => {
                Self::Unavailable(format!("{error}: {why}"))
            }
            AskError::Query(
                QueryError::Execution(_) | QueryError::Expression { .. } | QueryError::Read(_),
            ) => Self::Execution(match error.limit_option() {
                Some(option) => format!("{error} (the server's {option})"),
                None => error.to_string(),
            }),
        }
    }
}

/// 499 has no name among the registered codes; it is what Prometheus says.
fn client_closed_request() -> StatusCode {
    StatusCode::from_u16(499).expect("a code of three digits")
}

/// Says that something is done.
pub(super) fn done() -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

fn respond(status: StatusCode, content_type: &'static str, body: Vec<u8>) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_used_when_asked_for() {
        let cases = [
            ("gzip", true),
            ("deflate, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("gzip; q=0.000, br", false),
            ("br", false),
            ("", false),
        ];
        for (accept, expected) in cases {
            let request = http::Request::builder().header(ACCEPT_ENCODING, accept).body(());
            let (parts, ()) = request.unwrap().into_parts();
            assert_eq!(takes_gzip(&parts), expected, "{accept}");
        }
    }

    #[test]
    fn texts_are_escaped_where_they_must_be() {
        for odd in ["\"", "\\", "\n", "\0", "\u{1f}", " ", "é", "\u{7f}", "😀", "!", "#", "[", "]"]
        {
            for before in 0..17 {
                let text = format!("{}{odd}{}", "x".repeat(before), "y".repeat(16 - before));
                let mut json = Vec::new();
                push_text(&mut json, &text);
                assert_eq!(String::from_utf8(json).unwrap(), serde_json::to_string(&text).unwrap());
            }
        }
    }
}
