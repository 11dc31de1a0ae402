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
    /// Bytes that came and were not taken yet.
    received: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        // A server that is silent for so long will not answer any more.
        stream.set_read_timeout(Some(Duration::from_secs(120)))?;
        stream.set_write_timeout(Some(Duration::from_secs(120)))?;
        Ok(Self { stream, received: Vec::with_capacity(1 << 12) })
    }

    /// Sends a whole request and waits for the whole answer.
    pub(crate) fn exchange(&mut self, request: &[u8]) -> io::Result<Answer> {
        self.stream.write_all(request)?;
        self.received.clear();
        let head_len = loop {
            if let Some(at) = find(&self.received, b"\r\n\r\n") {
                break at + 4;
            }
            self.receive()?;
        };
        let head = String::from_utf8_lossy(&self.received[..head_len]).to_ascii_lowercase();
        let status = head.get(9..12).and_then(|code| code.parse().ok()).ok_or_else(malformed)?;
        self.received.drain(..head_len);
        let body = if status == 204 || status == 304 {
            Vec::new()
        } else if header(&head, "transfer-encoding").is_some_and(|coding| coding == "chunked") {
            self.chunks()?
        } else {
            let len = header(&head, "content-length").and_then(|len| len.parse().ok());
            self.take(len.ok_or_else(malformed)?)?
        };
        Ok(Answer { status, body })
    }

    fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line_len = loop {
                if let Some(at) = find(&self.received, b"\r\n") {
                    break at;
                }
                self.receive()?;
            };
            let line = String::from_utf8_lossy(&self.received[..line_len]).into_owned();
            let len = usize::from_str_radix(line.trim(), 16).map_err(|_| malformed())?;
            self.received.drain(..line_len + 2);
            body.extend(self.take(len)?);
            self.take(2)?;
            if len == 0 {
                return Ok(body);
            }
        }
    }

    fn take(&mut self, len: usize) -> io::Result<Vec<u8>> {
        while self.received.len() < len {
            self.receive()?;
        }
        Ok(self.received.drain(..len).collect())
    }

    fn receive(&mut self) -> io::Result<()> {
        let mut buffer = [0; 4_096];
        let len = self.stream.read(&mut buffer)?;
        if len == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.received.extend(&buffer[..len]);
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
    let mut escaped = String::new();
    for byte in query.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("/api/v1/query?query={escaped}&time={}", at_ms / 1_000)
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
