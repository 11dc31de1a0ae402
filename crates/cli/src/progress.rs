//! How far something long is: one line that changes on a terminal, a line every few seconds elsewhere.

use std::io::{IsTerminal, Write};
use std::time::Duration;
use stdx::Stopwatch;

/// Whoever reads a log wants to see that it goes on, not each percent.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Shows progress on standard error.
pub(crate) struct Shown {
    terminal: bool,
    last_line: Option<Stopwatch>,
    width: usize,
}

impl Shown {
    pub(crate) fn new() -> Self {
        Self { terminal: std::io::stderr().is_terminal(), last_line: None, width: 0 }
    }

    pub(crate) fn show(&mut self, text: &str) {
        let mut out = std::io::stderr().lock();
        if self.terminal {
            let _ = write!(out, "\r{text:<width$}", width = self.width);
            let _ = out.flush();
            self.width = text.chars().count();
        } else if self.last_line.is_none_or(|line| line.elapsed() >= LINE_EVERY) {
            let _ = writeln!(out, "{text}");
            self.last_line = Some(Stopwatch::start());
        }
    }

    /// Makes room for what comes after.
    pub(crate) fn end(&mut self) {
        if self.terminal && self.width > 0 {
            let _ = write!(std::io::stderr().lock(), "\r{:width$}\r", "", width = self.width);
            self.width = 0;
        }
    }
}

/// A number of bytes for people.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut shown = count as f64;
    let mut unit = 0;
    while shown >= 1000.0 && unit + 1 < UNITS.len() {
        shown /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{count} B") } else { format!("{shown:.1} {}", UNITS[unit]) }
}

/// How far a copy is, for people.
pub(crate) fn copying(what: &str, files: u64, files_done: u64, all: u64, done: u64) -> String {
    if files == 0 {
        return format!("{what}: preparing");
    }
    let percent = done.saturating_mul(100).checked_div(all).unwrap_or(100);
    format!("{what}: {percent} %, {} of {}, {files_done} of {files} files", bytes(done), bytes(all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_short() {
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1_250_000), "1.2 MB");
        assert_eq!(copying("x", 0, 0, 0, 0), "x: preparing");
        assert_eq!(copying("x", 2, 1, 2000, 500), "x: 25 %, 500 B of 2.0 kB, 1 of 2 files");
    }
}
