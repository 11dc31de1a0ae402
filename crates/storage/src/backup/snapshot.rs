//! What one backup holds, as a text that somebody can read at night.

use crate::manifest::Manifest;
use stdx::checksum::checksum;

const FIRST_LINE: &str = "sightline-snapshot 1";

/// A file of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedFile {
    /// What the file is to whoever restores it.
    pub kind: String,
    /// Its name there. Names and kinds hold no white space.
    pub name: String,
    /// Where it is in the directory of backups.
    pub stored: String,
    /// Its length.
    pub bytes: u64,
    /// Its checksum (XXH3, 64 bits).
    pub sum: u64,
}

/// What one backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// Its name: the time at which it was made, so that names sort by time.
    pub name: String,
    /// What whoever saved wants to know again, as key and value on one line each.
    pub notes: Vec<(String, String)>,
    /// The manifest that lists the parts: up to `flushed` everything that was acknowledged is here.
    pub manifest: Manifest,
    /// The files, parts and others.
    pub files: Vec<SavedFile>,
}

impl Snapshot {
    /// Returns a note; empty when there is none.
    pub fn note(&self, key: &str) -> &str {
        self.notes.iter().find(|(k, _)| k == key).map_or("", |(_, v)| v)
    }

    /// Returns the bytes of all its files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|f| f.bytes).sum()
    }

    pub(crate) fn to_text(&self) -> String {
        use std::fmt::Write;
        let mut text = format!("{FIRST_LINE}\n");
        for (key, value) in &self.notes {
            let _ = writeln!(text, "note {key} {value}");
        }
        // As it stands, so that whatever a manifest says comes back.
        for line in self.manifest.to_text().split_terminator('\n') {
            let _ = writeln!(text, "manifest {line}");
        }
        for file in &self.files {
            let SavedFile { kind, name, stored, bytes, sum } = file;
            let _ = writeln!(text, "file {kind} {name} {stored} {bytes} {sum:016x}");
        }
        let sum = checksum(text.as_bytes());
        let _ = writeln!(text, "sum {sum:016x}");
        text
    }

    pub(crate) fn from_text(name: &str, text: &str) -> Result<Self, String> {
        let body_len = text.trim_end().rfind('\n').ok_or("it has no lines")? + 1;
        let (body, last) = text.split_at(body_len);
        let sum = last.trim_end().strip_prefix("sum ").ok_or("its last line is no checksum")?;
        if sum != format!("{:016x}", checksum(body.as_bytes())) {
            return Err("its checksum does not hold".into());
        }
        // Not `lines()`, which takes a carriage return off the end of a manifest's setting.
        let mut lines = body.split_terminator('\n');
        match lines.next() {
            Some(FIRST_LINE) => {}
            other => return Err(format!("its version is not known: {other:?}")),
        }
        let mut snapshot = Self { name: name.to_owned(), ..Self::default() };
        let mut manifest = String::new();
        for line in lines {
            let odd = || format!("line {line:?}");
            let (word, rest) = line.split_once(' ').ok_or_else(odd)?;
            match word {
                "note" => {
                    let (key, value) = rest.split_once(' ').unwrap_or((rest, ""));
                    snapshot.notes.push((key.to_owned(), value.to_owned()));
                }
                "manifest" => {
                    manifest.push_str(rest);
                    manifest.push('\n');
                }
                "file" => snapshot.files.push(file_of(rest).ok_or_else(odd)?),
                _ => return Err(odd()),
            }
        }
        snapshot.manifest =
            Manifest::from_text(&manifest).map_err(|e| format!("its manifest: {e}"))?;
        Ok(snapshot)
    }
}

/// A name that stays where it is put: no way up, no root, no second folder.
fn is_plain(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    !name.is_empty() && !name.starts_with('.') && name.bytes().all(allowed)
}

fn file_of(text: &str) -> Option<SavedFile> {
    let mut words = text.split(' ');
    let mut word = || words.next();
    let (kind, name, stored) = (word()?, word()?, word()?);
    let (bytes, sum) = (word()?.parse().ok()?, u64::from_str_radix(word()?, 16).ok()?);
    let (folder, file) = stored.split_once('/')?;
    let plain = is_plain(kind) && is_plain(name) && is_plain(folder) && is_plain(file);
    (plain && words.next().is_none()).then(|| SavedFile {
        kind: kind.to_owned(),
        name: name.to_owned(),
        stored: stored.to_owned(),
        bytes,
        sum,
    })
}
