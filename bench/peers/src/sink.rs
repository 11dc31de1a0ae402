//! A server that reads requests and throws them away.
//!
//! Measured like a server it shows the ceiling: what the sender, the sockets and this machine
//! leave for a server that does nothing.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use anyhow::Result;

/// Listens until the process is ended.
pub(crate) fn serve(listen: &str) -> Result<()> {
    let listener = TcpListener::bind(listen)?;
    for stream in listener.incoming() {
        let stream = stream?;
        thread::spawn(move || {
            // A closed connection is how every client ends.
            let _ = answer_all(stream);
        });
    }
    Ok(())
}

fn answer_all(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut received = Vec::with_capacity(1 << 17);
    let mut buffer = vec![0; 1 << 17];
    loop {
        let Some(head_len) = received.windows(4).position(|end| end == b"\r\n\r\n") else {
            let len = stream.read(&mut buffer)?;
            if len == 0 {
                return Ok(());
            }
            received.extend(&buffer[..len]);
            continue;
        };
        let mut missing =
            (head_len + 4 + content_length(&received[..head_len])).saturating_sub(received.len());
        while missing > 0 {
            let len = stream.read(&mut buffer[..missing.min(1 << 17)])?;
            if len == 0 {
                return Ok(());
            }
            missing -= len;
        }
        received.clear();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")?;
    }
}

fn content_length(head: &[u8]) -> usize {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let value = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    value.and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}
