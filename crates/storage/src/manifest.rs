//! The manifest: which parts count, and up to which frame of the journal they hold everything.
//!
//! One small text file, replaced as a whole: written beside, synced, renamed. So a list of parts
//! and the position flushed with it change in one step, which is what makes replay apply each
//! frame exactly once. Text, because somebody will read it at night.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use stdx::Disk;
use stdx::checksum::checksum;

const FIRST_LINE: &str = "sightline-manifest 1";
/// A manifest with tombstones: a version that does not know them would show what was deleted, so it
/// must refuse the file. Without any, the first form is written, and going back stays possible.
const FIRST_LINE_TOMBSTONES: &str = "sightline-manifest 2";
/// A manifest that says more of parts than their names: a version that does not know what would take
/// all of them for alike, and count twice what is in two of them. With or without tombstones.
const FIRST_LINE_ABOUT: &str = "sightline-manifest 3";

/// What the manifest says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Manifest {
    /// Frames up to and with this one are in the parts.
    pub flushed: u64,
    /// Number for the next part; grows only.
    pub next_part: u64,
    /// Names of the parts that count, in the order of their content's arrival. A name holds no
    /// white space.
    pub parts: Vec<String>,
    /// Further settings of the store, as key and value on one line each: a key holds no space, and
    /// neither a line break. A value may hold anything else, a carriage return at its end too.
    pub settings: Vec<(String, String)>,
    /// What was deleted and may still stand in parts.
    pub tombstones: Vec<Tombstone>,
    /// What the store has to say of parts, by name, in its own words; one line each.
    pub about: BTreeMap<String, String>,
}

/// Something that was deleted and still stands in some parts, until they are rewritten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tombstone {
    /// Names of the parts that it counts for; what is in others came later.
    pub parts: Vec<String>,
    /// What was deleted, in the store's own words; one line.
    pub what: String,
}

/// Why the manifest could not be read or replaced.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The disk said no.
    #[error("manifest {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the disk said.
        #[source]
        source: io::Error,
    },
    /// The file is not what was written.
    #[error("manifest {path} is damaged: {what}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// It would not be read back as it is; nothing was written.
    #[error("manifest {path} cannot be written: {what}")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What has no place in it.
        what: String,
    },
}

impl Manifest {
    /// Says what of it would not be read back from its text as it is.
    fn unwritable(&self) -> Option<String> {
        let broken = |text: &str| text.contains('\n');
        for (key, value) in &self.settings {
            if key.contains(' ') || broken(key) || broken(value) {
                return Some(format!("setting {key:?}, {value:?}"));
            }
        }
        for tombstone in &self.tombstones {
            let odd = |name: &String| name.contains([' ', ',', '\n']);
            if tombstone.parts.is_empty()
                || tombstone.parts.iter().any(odd)
                || broken(&tombstone.what)
            {
                return Some(format!("tombstone {:?} of {:?}", tombstone.what, tombstone.parts));
            }
        }
        for (name, words) in &self.about {
            if name.contains([' ', '\n']) || broken(words) {
                return Some(format!("{words:?} about part {name:?}"));
            }
        }
        self.parts.iter().find(|name| broken(name)).map(|name| format!("part {name:?}"))
    }

    /// Writes it as it stands in the file.
    pub(crate) fn to_text(&self) -> String {
        use std::fmt::Write;
        let first = match (self.about.is_empty(), self.tombstones.is_empty()) {
            (true, true) => FIRST_LINE,
            (true, false) => FIRST_LINE_TOMBSTONES,
            (false, _) => FIRST_LINE_ABOUT,
        };
        let mut text = format!("{first}\nflushed {}\nnext {}\n", self.flushed, self.next_part);
        for (key, value) in &self.settings {
            let _ = writeln!(text, "set {key} {value}");
        }
        for part in &self.parts {
            let _ = writeln!(text, "part {part}");
        }
        for (name, words) in &self.about {
            let _ = writeln!(text, "about {name} {words}");
        }
        for tombstone in &self.tombstones {
            let _ = writeln!(text, "tombstone {} {}", tombstone.parts.join(","), tombstone.what);
        }
        let sum = checksum(text.as_bytes());
        let _ = writeln!(text, "sum {sum:016x}");
        text
    }

    /// Reads what [`Manifest::to_text`] wrote, or says what is wrong with it.
    pub(crate) fn from_text(text: &str) -> Result<Self, String> {
        let body_len = text.trim_end().rfind('\n').ok_or("it has no lines")? + 1;
        let (body, last) = text.split_at(body_len);
        let sum = last.trim_end().strip_prefix("sum ").ok_or("its last line is no checksum")?;
        if sum != format!("{:016x}", checksum(body.as_bytes())) {
            return Err("its checksum does not hold".into());
        }
        // Not `lines()`, which takes a carriage return off the end of a value.
        let mut lines = body.split_terminator('\n');
        let (with_tombstones, with_about) = match lines.next() {
            Some(FIRST_LINE) => (false, false),
            Some(FIRST_LINE_TOMBSTONES) => (true, false),
            Some(FIRST_LINE_ABOUT) => (true, true),
            other => return Err(format!("its version is not known: {other:?}")),
        };
        let mut manifest = Self::default();
        for line in lines {
            let (word, rest) = line.split_once(' ').ok_or_else(|| format!("line {line:?}"))?;
            let number = || rest.parse::<u64>().map_err(|_| format!("line {line:?}"));
            match word {
                "flushed" => manifest.flushed = number()?,
                "next" => manifest.next_part = number()?,
                "part" => manifest.parts.push(rest.to_owned()),
                "set" => {
                    let (key, value) = rest.split_once(' ').unwrap_or((rest, ""));
                    manifest.settings.push((key.to_owned(), value.to_owned()));
                }
                "about" if with_about => {
                    let (name, words) =
                        rest.split_once(' ').ok_or_else(|| format!("line {line:?}"))?;
                    manifest.about.insert(name.to_owned(), words.to_owned());
                }
                "tombstone" if with_tombstones => {
                    let (parts, what) =
                        rest.split_once(' ').ok_or_else(|| format!("line {line:?}"))?;
                    let parts = parts.split(',').map(str::to_owned).collect();
                    manifest.tombstones.push(Tombstone { parts, what: what.to_owned() });
                }
                _ => return Err(format!("line {line:?}")),
            }
        }
        Ok(manifest)
    }

    /// Takes parts that are no longer listed off the tombstones, and tombstones without a part away:
    /// nothing is left of what they deleted. Nothing more is to be said of such parts either.
    pub fn tidy(&mut self) {
        self.about.retain(|name, _| self.parts.contains(name));
        for tombstone in &mut self.tombstones {
            tombstone.parts.retain(|name| self.parts.contains(name));
        }
        self.tombstones.retain(|tombstone| !tombstone.parts.is_empty());
    }

    /// Makes or replaces a setting. Neither may hold a line break, and the key no space:
    /// [`ManifestFile::replace`] refuses them.
    pub fn set(&mut self, key: &str, value: String) {
        match self.settings.iter_mut().find(|(k, _)| k == key) {
            Some((_, old)) => *old = value,
            None => self.settings.push((key.to_owned(), value)),
        }
    }

    /// Returns a setting.
    pub fn setting(&self, key: &str) -> Option<&str> {
        self.settings.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }
}

/// The file `MANIFEST` of a directory.
#[derive(Debug)]
pub struct ManifestFile {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
}

impl ManifestFile {
    /// Names the manifest of `dir`; nothing is read yet.
    pub fn new(disk: Arc<dyn Disk>, dir: &Path) -> Self {
        Self { disk, dir: dir.to_path_buf() }
    }

    fn path(&self) -> PathBuf {
        self.dir.join("MANIFEST")
    }

    fn io(&self) -> impl FnOnce(io::Error) -> ManifestError {
        let path = self.path();
        move |source| ManifestError::Io { path, source }
    }

    /// Reads the manifest; `None` when there is none yet.
    ///
    /// # Errors
    /// [`ManifestError::Damaged`] when the checksum does not hold or the version is not known.
    pub fn read(&self) -> Result<Option<Manifest>, ManifestError> {
        let file = match self.disk.open(&self.path()) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(self.io()(e)),
        };
        let bytes = file.read_all().map_err(self.io())?;
        let damaged = |what: String| ManifestError::Damaged { path: self.path(), what };
        let text = String::from_utf8(bytes).map_err(|_| damaged("it is no UTF-8".into()))?;
        Manifest::from_text(&text).map(Some).map_err(damaged)
    }

    /// Replaces the manifest in one durable step.
    ///
    /// # Errors
    /// [`ManifestError::Io`]; the old manifest, or the new one whole, is in force then.
    /// [`ManifestError::Unwritable`] when it would be read back as something else; the old one is.
    pub fn replace(&self, manifest: &Manifest) -> Result<(), ManifestError> {
        if let Some(what) = manifest.unwritable() {
            return Err(ManifestError::Unwritable { path: self.path(), what });
        }
        let temporary = self.dir.join("MANIFEST.new");
        let write = || -> io::Result<()> {
            let file = self.disk.open_or_create(&temporary)?;
            let text = manifest.to_text();
            file.set_len(0)?;
            file.write_all_at(text.as_bytes(), 0)?;
            // Before the rename, or a crash can leave the new name on an empty file.
            file.sync()?;
            self.disk.rename(&temporary, &self.path())?;
            self.disk.sync_dir(&self.dir)
        };
        write().map_err(self.io())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stdx::{CrashPlan, SimDisk};

    fn sample(n: u64) -> Manifest {
        Manifest {
            flushed: n,
            next_part: n + 1,
            parts: (0..n).map(|p| format!("{p}.part")).collect(),
            settings: vec![("clock".into(), "virtual now".into())],
            ..Manifest::default()
        }
    }

    #[test]
    fn reading_undoes_replacing() {
        let disk = Arc::new(SimDisk::new(1, CrashPlan::default()));
        let file = ManifestFile::new(disk.clone(), Path::new("/d"));
        assert_eq!(file.read().unwrap(), None);
        file.replace(&sample(3)).unwrap();
        assert_eq!(file.read().unwrap(), Some(sample(3)));
        disk.damage(Path::new("/d/MANIFEST"), 30);
        assert!(matches!(file.read(), Err(ManifestError::Damaged { .. })));
    }

    #[test]
    fn what_is_written_is_read_back_exactly_or_refused() {
        let pieces = ["", " ", "\r", "\n", "\r\n", ",", "a", "sum 0", "é\u{85}\u{2028}", "\t\0"];
        let mut texts: Vec<String> = Vec::new();
        for first in pieces {
            texts.extend(pieces.iter().map(|second| format!("{first}{second}")));
        }
        let (mut written, mut refused) = (0, 0);
        let mut check = |manifest: Manifest| {
            let disk = Arc::new(SimDisk::new(1, CrashPlan::default()));
            let file = ManifestFile::new(disk, Path::new("/d"));
            file.replace(&sample(1)).unwrap();
            match file.replace(&manifest) {
                Ok(()) => {
                    written += 1;
                    assert_eq!(file.read().unwrap(), Some(manifest));
                }
                Err(error) => {
                    refused += 1;
                    assert!(matches!(error, ManifestError::Unwritable { .. }), "{error}");
                    assert_eq!(file.read().unwrap(), Some(sample(1)), "the old one stays");
                }
            }
        };
        for text in &texts {
            let tombstone =
                |parts: Vec<String>, what: &str| vec![Tombstone { parts, what: what.to_owned() }];
            check(Manifest { settings: vec![("k".into(), text.clone())], ..sample(2) });
            check(Manifest { settings: vec![(text.clone(), "v\r".into())], ..sample(2) });
            check(Manifest { parts: vec![text.clone(), "b".into()], ..sample(2) });
            let about = |name: &str, words: &str| BTreeMap::from([(name.into(), words.into())]);
            check(Manifest { about: about("1.part", text), ..sample(2) });
            check(Manifest { about: about(text, "w\r"), ..sample(2) });
            check(Manifest { tombstones: tombstone(vec!["1.part".into()], text), ..sample(2) });
            check(Manifest { tombstones: tombstone(vec![text.clone()], "w\r"), ..sample(2) });
        }
        check(Manifest {
            tombstones: vec![Tombstone { parts: vec![], what: "w".into() }],
            ..sample(2)
        });
        assert!(written > 200 && refused > 100, "{written} written, {refused} refused");
        let carriage = Manifest { settings: vec![("k".into(), "v\r".into())], ..sample(2) };
        assert_eq!(Manifest::from_text(&carriage.to_text()), Ok(carriage));
    }

    #[test]
    fn tombstones_raise_the_version_and_go_with_their_parts() {
        let mut manifest = sample(3);
        assert!(manifest.to_text().starts_with("sightline-manifest 1\n"));
        let parts = vec!["0.part".into(), "2.part".into()];
        manifest.tombstones = vec![Tombstone { parts, what: "1 all host=a b".into() }];
        let text = manifest.to_text();
        // What an older version says to it: "its version is not known".
        assert!(text.starts_with("sightline-manifest 2\n"));
        assert_eq!(Manifest::from_text(&text), Ok(manifest.clone()));
        manifest.parts.remove(0);
        manifest.tidy();
        assert_eq!(manifest.tombstones[0].parts, ["2.part"]);
        manifest.parts.retain(|name| name != "2.part");
        manifest.tidy();
        assert!(manifest.to_text().starts_with("sightline-manifest 1\n"));
    }

    #[test]
    fn what_is_said_of_parts_raises_the_version_and_goes_with_them() {
        let mut manifest = sample(3);
        manifest.about.insert("1.part".into(), "rolled".into());
        let text = manifest.to_text();
        assert!(text.starts_with("sightline-manifest 3\n"));
        assert_eq!(Manifest::from_text(&text), Ok(manifest.clone()));
        // What an older version does not know it must not skip.
        let older = text.replace("sightline-manifest 3", "sightline-manifest 2");
        let body = &older[..older.rfind("sum ").unwrap()];
        let older = format!("{body}sum {:016x}\n", checksum(body.as_bytes()));
        assert!(Manifest::from_text(&older).unwrap_err().contains("about 1.part rolled"));
        manifest.parts.remove(1);
        manifest.tidy();
        assert!(manifest.to_text().starts_with("sightline-manifest 1\n"));
    }

    #[test]
    fn a_setting_is_replaced() {
        let mut manifest = sample(1);
        manifest.set("clock", "real".into());
        manifest.set("seen", "5".into());
        let read = Manifest::from_text(&manifest.to_text()).unwrap();
        assert_eq!((read.setting("clock"), read.setting("seen")), (Some("real"), Some("5")));
    }

    #[test]
    fn a_crash_at_any_point_leaves_the_old_or_the_new_one() {
        for seed in 0..20 {
            for power_off in 1..12 {
                let disk = SimDisk::new(seed, CrashPlan::default());
                let file = ManifestFile::new(Arc::new(disk.clone()), Path::new("/d"));
                file.replace(&sample(1)).unwrap();
                let at = disk.operations() + power_off;
                disk.set_plan(CrashPlan { power_off_at: Some(at), ..CrashPlan::default() });
                let done = file.replace(&sample(2)).is_ok();
                let disk = disk.after_power_loss();
                let file = ManifestFile::new(Arc::new(disk), Path::new("/d"));
                let found = file.read().unwrap().unwrap();
                assert!(found == sample(2) || (!done && found == sample(1)), "seed {seed}");
            }
        }
    }
}
