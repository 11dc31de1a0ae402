//! Passwords from a terminal without showing them, or from standard input.

use crate::config::usage;
use anyhow::{Context, bail};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};

/// Puts the terminal back as it was, however the question ends.
struct Quiet<'t> {
    terminal: &'t File,
    before: rustix::termios::Termios,
}

impl<'t> Quiet<'t> {
    fn start(terminal: &'t File) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        quiet.local_modes.insert(LocalModes::ECHONL);
        tcsetattr(terminal, OptionalActions::Flush, &quiet)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        let _ = tcsetattr(self.terminal, OptionalActions::Flush, &self.before);
    }
}

fn first_line(from: impl io::Read) -> anyhow::Result<String> {
    let mut line = String::new();
    BufReader::new(from).read_line(&mut line).context("the password cannot be read")?;
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}

/// Asks for a password on the terminal.
pub(crate) fn ask(question: &str) -> anyhow::Result<String> {
    let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty");
    let terminal = terminal.map_err(|_| {
        usage("there is no terminal to ask for a password; use --password-stdin or SIGHTLINE_PASSWORD")
    })?;
    let quiet = Quiet::start(&terminal).context("the terminal cannot hide a password")?;
    (&terminal).write_all(question.as_bytes())?;
    let password = first_line(&terminal)?;
    drop(quiet);
    Ok(password)
}

/// Returns a new password: the first line of standard input, or what is typed twice.
pub(crate) fn new(from_stdin: bool) -> anyhow::Result<String> {
    if from_stdin {
        return first_line(io::stdin());
    }
    let password = ask("New password: ")?;
    if ask("Once more: ")? != password {
        bail!("the two passwords differ; nothing was changed");
    }
    Ok(password)
}
