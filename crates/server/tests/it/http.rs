//! HTTP over a socket: one request a connection, the answer read to its end.

use serde_json::{Value, json};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const ANSWER_WAIT: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Answer {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|e| panic!("{self:?} is no JSON as it should be: {e}"))
    }
}

/// Returns the head of a POST whose body has that many bytes.
pub(crate) fn post_head(path: &str, headers: &[(&str, &str)], body_len: usize) -> String {
    let mut head = format!("POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {body_len}\r\n\r\n"));
    head
}

pub(crate) fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpStream::connect(address)?;
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(ANSWER_WAIT))?;
    socket.set_write_timeout(Some(ANSWER_WAIT))?;
    Ok(socket)
}

pub(crate) fn post(
    address: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<Answer> {
    let mut socket = connect(address)?;
    socket.write_all(&[post_head(path, headers, body.len()).as_bytes(), body].concat())?;
    read_answer(&mut socket)
}

pub(crate) fn get(address: SocketAddr, path: &str) -> io::Result<Answer> {
    let mut socket = connect(address)?;
    let head = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    socket.write_all(head.as_bytes())?;
    read_answer(&mut socket)
}

/// Reads until the other side closes; an answer that was cut off is an error, as what it would have
/// said is not known.
pub(crate) fn read_answer(socket: &mut TcpStream) -> io::Result<Answer> {
    let mut bytes = Vec::new();
    socket.read_to_end(&mut bytes)?;
    parse(&bytes).ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))
}

fn parse(bytes: &[u8]) -> Option<Answer> {
    let head_end = bytes.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..head_end]).ok()?.to_ascii_lowercase();
    let rest = &bytes[head_end + 4..];
    let status: u16 = head.split(' ').nth(1)?.parse().ok()?;
    let header = |wanted: &str| {
        head.lines()
            .filter_map(|l| l.split_once(':'))
            .find(|(n, _)| *n == wanted)
            .map(|h| h.1.trim())
    };
    let body = if header("transfer-encoding") == Some("chunked") {
        joined(rest)?
    } else {
        let len = header("content-length").map_or(Some(0), |v| v.parse().ok())?;
        (rest.len() == len).then(|| rest.to_vec())?
    };
    Some(Answer { status, body: String::from_utf8(body).ok()? })
}

/// Puts the chunks of a body together.
fn joined(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line_end = rest.windows(2).position(|w| w == b"\r\n")?;
        let len = std::str::from_utf8(&rest[..line_end]).ok()?;
        let len = usize::from_str_radix(len, 16).ok()?;
        rest = &rest[line_end + 2..];
        if len == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..len)?);
        rest = rest.get(len + 2..)?;
    }
}

/// Asks for a path with parameters.
pub(crate) fn ask(
    address: SocketAddr,
    path: &str,
    parameters: &[(&str, &str)],
) -> io::Result<Answer> {
    let pairs: Vec<String> =
        parameters.iter().map(|(n, v)| format!("{}={}", encode(n), encode(v))).collect();
    get(address, &format!("{path}?{}", pairs.join("&")))
}

fn encode(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' => out.push(byte.into()),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// Calls a CloudWatch operation in AWS JSON, unsigned.
pub(crate) fn cloudwatch(
    address: SocketAddr,
    operation: &str,
    input: &Value,
) -> io::Result<Answer> {
    let target = format!("GraniteServiceVersion20100801.{operation}");
    let headers = [("content-type", "application/x-amz-json-1.0"), ("x-amz-target", &target)];
    post(address, "/", &headers, input.to_string().as_bytes())
}

/// Puts one value.
pub(crate) fn put_one(address: SocketAddr, metric: &str, value: f64) -> io::Result<Answer> {
    let data = json!([{ "MetricName": metric, "Value": value }]);
    cloudwatch(address, "PutMetricData", &json!({ "Namespace": "It", "MetricData": data }))
}

pub(crate) fn remote_write(address: SocketAddr, packed: &[u8]) -> io::Result<Answer> {
    let headers = [
        ("content-type", "application/x-protobuf"),
        ("content-encoding", "snappy"),
        ("x-prometheus-remote-write-version", "0.1.0"),
    ];
    post(address, "/api/v1/write", &headers, packed)
}
