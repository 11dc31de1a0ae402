//! As much of an HTTP/1.1 client as the bench needs: one request at a time on a kept connection.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::frames::{self, Recipe};

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Client {
    stream: TcpStream,
    /// Bytes that came; those before `taken` were taken already.
    received: Vec<u8>,
    taken: usize,
    /// Where bytes arrive; large, as some answers are ten megabytes.
    buffer: Box<[u8]>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        // A server that is silent for so long will not answer any more.
        stream.set_read_timeout(Some(Duration::from_secs(120)))?;
        stream.set_write_timeout(Some(Duration::from_secs(120)))?;
        let buffer = vec![0; 1 << 17].into_boxed_slice();
        Ok(Self { stream, received: Vec::with_capacity(1 << 12), taken: 0, buffer })
    }

    /// Sends a whole request and waits for the whole answer.
    pub(crate) fn exchange(&mut self, request: &[u8]) -> io::Result<Answer> {
        self.stream.write_all(request)?;
        self.received.clear();
        self.taken = 0;
        let head = self.take_until(b"\r\n\r\n")?.to_ascii_lowercase();
        let status = head.get(9..12).and_then(|code| code.parse().ok()).ok_or_else(malformed)?;
        let body = if status == 204 || status == 304 {
            Vec::new()
        } else if header(&head, "transfer-encoding").is_some_and(|coding| coding == "chunked") {
            self.chunks()?
        } else {
            let len = header(&head, "content-length").and_then(|len| len.parse().ok());
            let mut body = Vec::new();
            self.take(len.ok_or_else(malformed)?, &mut body)?;
            body
        };
        Ok(Answer { status, body })
    }

    fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.take_until(b"\r\n")?;
            let len = usize::from_str_radix(line.trim(), 16).map_err(|_| malformed())?;
            self.take(len, &mut body)?;
            self.take_until(b"\r\n")?;
            if len == 0 {
                return Ok(body);
            }
        }
    }

    fn take_until(&mut self, end: &[u8]) -> io::Result<String> {
        loop {
            let rest = &self.received[self.taken..];
            if let Some(at) = find(rest, end) {
                self.taken += at + end.len();
                return Ok(String::from_utf8_lossy(&rest[..at + end.len()]).into_owned());
            }
            self.receive()?;
        }
    }

    fn take(&mut self, len: usize, out: &mut Vec<u8>) -> io::Result<()> {
        self.received.reserve(len);
        while self.received.len() - self.taken < len {
            self.receive()?;
        }
        out.extend(&self.received[self.taken..self.taken + len]);
        self.taken += len;
        Ok(())
    }

    fn receive(&mut self) -> io::Result<()> {
        self.received.drain(..self.taken);
        self.taken = 0;
        let len = self.stream.read(&mut self.buffer)?;
        if len == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.received.extend(&self.buffer[..len]);
        Ok(())
    }
}

/// Gets one page on a connection of its own.
pub(crate) fn get(address: SocketAddr, path: &str) -> io::Result<Answer> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    Client::connect(address)?.exchange(request.as_bytes())
}

/// Returns the request line and header lines for frames of a recipe, but for the length.
pub(crate) fn head_lines(recipe: Recipe, address: SocketAddr) -> String {
    let now_ms = frames::now_ms();
    let (path, lines) = match recipe {
        Recipe::Datums { protocol, .. } => (protocol.path(), protocol.header_lines(now_ms)),
        _ => (
            "/api/v1/write",
            "Content-Type: application/x-protobuf\r\nContent-Encoding: snappy\r\n\
             X-Prometheus-Remote-Write-Version: 0.1.0\r\n"
                .to_owned(),
        ),
    };
    format!("POST {path} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: bench-peers\r\n{lines}")
}

/// Returns the path of an instant query.
pub(crate) fn query_path(query: &str, at_ms: i64) -> String {
    format!("/api/v1/query?query={}&time={}", escaped(query), at_ms / 1_000)
}

/// Writes a text so that it can stand in a path's parameter.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let lines = head.lines().filter_map(|line| line.split_once(':'));
    lines.filter(|(key, _)| *key == name).map(|(_, value)| value.trim()).next()
}

fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|window| window == needle)
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "malformed HTTP answer")
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn answer(bytes: &'static [u8]) -> Answer {
        let listener = TcpListener::bind("127.0.0.1:0").expect("listen");
        let address = listener.local_addr().expect("bound");
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("accept");
            let mut buffer = [0; 1_024];
            let len = stream.read(&mut buffer).expect("request");
            assert!(len > 0);
            stream.write_all(bytes).expect("answer");
        });
        let answer = get(address, "/").expect("answer");
        server.join().expect("server");
        answer
    }

    #[test]
    fn bodies_come_with_a_length_in_chunks_or_not_at_all() {
        let whole = answer(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\n\r\nno!");
        assert_eq!((whole.status, whole.body.as_slice()), (400, &b"no!"[..]));
        let chunked = answer(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
        );
        assert_eq!(chunked.body, b"abc");
        assert_eq!(answer(b"HTTP/1.1 204 No Content\r\n\r\n").status, 204);
    }

    #[test]
    fn a_query_is_escaped() {
        assert_eq!(
            query_path("up{a=\"b\"}", 5_000),
            "/api/v1/query?query=up%7Ba%3D%22b%22%7D&time=5"
        );
    }
}
