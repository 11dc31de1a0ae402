//! What a check found, for people and for programs.

use serde::Serialize;

/// What became of a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", content = "action", rename_all = "snake_case")]
pub enum Outcome {
    /// It was mended, in this way.
    Mended(String),
    /// The run is dry; this would mend it.
    WouldMend(String),
    /// It is left as it is; this can be done about it.
    Left(String),
    /// It is no damage, only worth knowing.
    Note,
}

/// One thing that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The file, below the data directory.
    pub place: String,
    /// What is wrong with it.
    pub what: String,
    /// What that means for the data.
    pub means: String,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What was checked, and what was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FsckReport {
    /// Nothing was changed.
    pub dry_run: bool,
    /// Bytes that were read.
    pub bytes: u64,
    /// Parts that are sound.
    pub parts: usize,
    /// Series in them, counted in each part.
    pub series: u64,
    /// Points in them.
    pub points: u64,
    /// Frames of the journal that can be read.
    pub journal_frames: u64,
    /// Points in those that no part holds yet.
    pub journal_points: u64,
    /// Entries of the catalog.
    pub catalog_entries: usize,
    /// What is not as it should be, in the order in which it was found.
    pub findings: Vec<Finding>,
}

impl FsckReport {
    /// Returns how the check ended, as the code of a process: 0 all is sound, 1 what was found was
    /// mended (or would be), 2 damage remains.
    pub fn code(&self) -> u8 {
        let any = |test: fn(&Outcome) -> bool| self.findings.iter().any(|f| test(&f.outcome));
        if any(|o| matches!(o, Outcome::Left(_))) {
            2
        } else if any(|o| matches!(o, Outcome::Mended(_) | Outcome::WouldMend(_))) {
            1
        } else {
            0
        }
    }
}
