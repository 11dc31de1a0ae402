//! The file of exemplars.

use super::{Check, Outcome, text, with_cause};
use metric_store::{PartError, is_exemplars_file, set_exemplars_file, verify_exemplars};
use storage::{FileParts, Manifest, ManifestFile, Parts};

/// What is lost with the file.
const MEANS: &str = "exemplars that were flushed are missing; no points are";

impl Check<'_> {
    /// Returns the names of the files of exemplars that are there, oldest first.
    pub(super) fn exemplar_names(&self) -> Vec<String> {
        let mut names = self.disk.list(&self.metrics_dir()).unwrap_or_default();
        names.retain(|name| is_exemplars_file(name));
        // Their numbers have as many digits.
        names.sort_unstable();
        names
    }

    /// Checks the file that is listed, and removes others.
    pub(super) fn exemplars(&mut self, manifest: Option<&Manifest>) {
        let listed = manifest.and_then(|m| metric_store::exemplars_file(m)).map(str::to_owned);
        let present = self.exemplar_names();
        if let Some(name) = &listed {
            match present.contains(name) {
                true => self.listed_exemplars(name),
                false => {
                    let what = "the manifest lists it, and there is no such file".to_owned();
                    let action = "it is taken off the manifest";
                    let next = self.manifest_without_exemplars();
                    self.mend(&format!("metrics/{name}"), what, MEANS, action, |_| next());
                }
            }
        }
        for name in present.iter().filter(|name| Some(*name) != listed.as_ref()) {
            let path = self.metrics_dir().join(name);
            let bytes = self.file_len(&path);
            if manifest.is_some() {
                let means = "none: a later one took its place; a start removes it";
                let what = "a file of exemplars that the manifest does not list".to_owned();
                let action = "the file is removed";
                self.mend(&format!("metrics/{name}"), what, means, action, |disk| {
                    disk.remove(&path).map_err(|e| text(&e))
                });
            }
            self.done(bytes);
        }
    }

    fn listed_exemplars(&mut self, name: &str) {
        let (dir, place) = (self.metrics_dir(), format!("metrics/{name}"));
        let bytes = self.file_len(&dir.join(name));
        let io = |source| PartError::Io { part: name.into(), offset: 0, len: 0, source };
        let file = FileParts::open_dir(self.disk.clone(), &dir).and_then(|parts| parts.open(name));
        match file.map_err(io).and_then(|file| verify_exemplars(name, &*file)) {
            Ok(tenants) => self.tenants.extend(tenants),
            Err(error @ PartError::Io { .. }) => {
                let todo = "the disk does not give the bytes: bring the file back from a backup";
                self.found(&place, with_cause(&error), MEANS, Outcome::Left(todo.into()));
            }
            Err(error) => {
                let action = "it is moved to metrics/aside and taken off the manifest; a backup may \
                              have it whole";
                let next = self.manifest_without_exemplars();
                self.mend(&place, error.to_string(), MEANS, action, |disk| {
                    let aside = dir.join("aside");
                    let moved = disk
                        .create_dir_all(&aside)
                        .and_then(|()| disk.rename(&dir.join(name), &aside.join(name)))
                        .and_then(|()| disk.sync_dir(&aside))
                        .and_then(|()| disk.sync_dir(&dir));
                    moved.map_err(|e| text(&e))?;
                    next()
                });
            }
        }
        self.done(bytes);
    }

    /// Takes the file off the manifest as it is then: parts may have been taken off it meanwhile.
    fn manifest_without_exemplars(&self) -> impl FnOnce() -> Result<(), String> + use<> {
        let (disk, dir) = (self.disk.clone(), self.dir.to_path_buf());
        move || {
            let file = ManifestFile::new(disk.clone(), &dir.join("metrics"));
            let mut next = file.read().map_err(|e| with_cause(&e))?.unwrap_or_default();
            set_exemplars_file(&mut next, None);
            Self::replace_manifest(&disk, &dir, &next)
        }
    }
}
