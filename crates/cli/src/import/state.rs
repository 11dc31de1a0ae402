//! How far an import is, in a small file, so that the same command goes on after an interruption.

use super::sender::Told;
use crate::backup::disk;
use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;
use stdx::Stopwatch;

/// What was sent since the last note is sent again after an interruption, which changes nothing.
const NOTE_EVERY: Duration = Duration::from_secs(2);

#[derive(Debug, Default, Serialize, Deserialize)]
struct State {
    source: String,
    position: Value,
    told: Told,
    done: bool,
}

/// The file.
#[derive(Debug)]
pub(super) struct StateFile {
    path: PathBuf,
    state: State,
    noted: Option<Stopwatch>,
}

impl StateFile {
    /// Reads the file, or begins one when it is absent.
    pub(super) fn open(path: &Path, source: &str) -> anyhow::Result<Self> {
        let state = match std::fs::read(path) {
            Ok(bytes) => {
                let state: State = serde_json::from_slice(&bytes)
                    .with_context(|| format!("--state {} is no state file", path.display()))?;
                if state.source != source {
                    bail!(
                        "--state {} belongs to another import ({}); name another file, or remove it",
                        path.display(),
                        state.source
                    );
                }
                state
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                State { source: source.to_owned(), ..State::default() }
            }
            Err(e) => return Err(e).with_context(|| format!("--state {}", path.display())),
        };
        let file = Self { path: path.to_path_buf(), state, noted: None };
        // Before hours of work: a place that cannot be written is told now.
        file.write()?;
        Ok(file)
    }

    pub(super) fn is_done(&self) -> bool {
        self.state.done
    }

    /// Returns where to go on; null at the front.
    pub(super) fn position(&self) -> &Value {
        &self.state.position
    }

    pub(super) fn told(&self) -> Told {
        self.state.told.clone()
    }

    /// Notes that everything before `position` is stored.
    pub(super) fn note(&mut self, position: Value, told: &Told) -> anyhow::Result<()> {
        self.state.position = position;
        self.state.told = told.clone();
        if self.noted.is_some_and(|n| n.elapsed() < NOTE_EVERY) {
            return Ok(());
        }
        self.write()?;
        self.noted = Some(Stopwatch::start());
        Ok(())
    }

    pub(super) fn finish(&mut self, told: &Told) -> anyhow::Result<()> {
        self.state.told = told.clone();
        self.state.done = true;
        self.write()
    }

    fn write(&self) -> anyhow::Result<()> {
        let mut new = self.path.clone().into_os_string();
        new.push(".new");
        let new = PathBuf::from(new);
        let bytes = serde_json::to_vec(&self.state)?;
        let write = || {
            let disk = disk();
            let file = disk.open_or_create(&new)?;
            file.set_len(0)?;
            file.write_all_at(&bytes, 0)?;
            file.sync()?;
            disk.rename(&new, &self.path)
        };
        write().with_context(|| format!("--state {}", self.path.display()))
    }
}

impl Drop for StateFile {
    /// Whoever fails goes on from the last position, not from the last note.
    fn drop(&mut self) {
        if self.noted.is_some() && !self.state.done {
            let _ = self.write();
        }
    }
}
