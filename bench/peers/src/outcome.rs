//! What one load did to one server, kept in a file so that servers can be measured on other days.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::{Deserialize, Serialize};

/// The figures of one server under one load.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) server: String,
    /// Name and version for the head of a column.
    pub(crate) title: String,
    pub(crate) workload: String,
    /// See [`crate::args::Args::scale`].
    pub(crate) scale: String,
    /// When it was measured, milliseconds since 1970.
    pub(crate) at_ms: i64,
    /// Figures by name; what could not be measured is not there.
    pub(crate) figures: BTreeMap<String, f64>,
    /// What a reader must know beside the figures.
    pub(crate) notes: Vec<String>,
}

impl Outcome {
    pub(crate) fn set(&mut self, name: &str, figure: f64) {
        if figure.is_finite() {
            self.figures.insert(name.to_owned(), figure);
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<f64> {
        self.figures.get(name).copied()
    }

    pub(crate) fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// Writes the outcome in the place of an older one of the same server, load and size.
    pub(crate) fn save(&self, out: &Path) -> Result<()> {
        let dir = dir(out, &self.scale);
        fs::create_dir_all(&dir)?;
        let path = dir.join(format!("{}.{}.json", self.workload, self.server));
        Ok(fs::write(path, serde_json::to_vec_pretty(self)?)?)
    }

    /// Reads the outcome of a server under a load, if there is one of this size.
    pub(crate) fn load(out: &Path, scale: &str, workload: &str, server: &str) -> Option<Self> {
        let path = dir(out, scale).join(format!("{workload}.{server}.json"));
        serde_json::from_slice(&fs::read(path).ok()?).ok()
    }
}

fn dir(out: &Path, scale: &str) -> PathBuf {
    out.join("results").join(scale)
}
