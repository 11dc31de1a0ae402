//! How much a server's directory holds, by kind of file.

use std::fs;
use std::path::Path;

/// Lengths of files added up, bytes.
///
/// Lengths and not blocks: some servers reserve room ahead, and the file system decides about
/// blocks long after the write.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sizes {
    /// What answers queries for good: parts and their index.
    pub(crate) parts: u64,
    /// What is only there to be read at the next start: journal and caches.
    pub(crate) apart: u64,
}

impl Sizes {
    pub(crate) fn total(self) -> u64 {
        self.parts + self.apart
    }
}

/// Measures a directory. What lies below one of the `apart` names is counted apart, all else as parts.
///
/// A server may delete files while they are counted; what is gone counts as nothing.
pub(crate) fn sizes(dir: &Path, apart: &[&str]) -> Sizes {
    let mut sizes = Sizes::default();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let len = tree_len(&entry.path());
        if apart.iter().any(|name| entry.file_name() == *name) {
            sizes.apart += len;
        } else {
            sizes.parts += len;
        }
    }
    sizes
}

fn tree_len(path: &Path) -> u64 {
    match fs::symlink_metadata(path) {
        Ok(file) if file.is_dir() => {
            fs::read_dir(path).into_iter().flatten().flatten().map(|e| tree_len(&e.path())).sum()
        }
        Ok(file) => file.len(),
        Err(_) => 0,
    }
}

/// Counts the samples in a Prometheus server's blocks, which say so in their own description.
///
/// The newest two to three hours are in memory and in the journal, so the blocks' bytes must be
/// divided by the blocks' samples.
pub(crate) fn samples_in_blocks(dir: &Path) -> u64 {
    let count = |path: &Path| -> Option<u64> {
        let meta: serde_json::Value =
            serde_json::from_slice(&fs::read(path.join("meta.json")).ok()?).ok()?;
        meta["stats"]["numSamples"].as_u64()
    };
    fs::read_dir(dir).into_iter().flatten().flatten().filter_map(|e| count(&e.path())).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shows `look` a directory with these files.
    fn with_files<T>(name: &str, files: &[(&str, &[u8])], look: impl Fn(&Path) -> T) -> T {
        let dir = std::env::temp_dir().join(format!("bench-peers-{name}-{}", std::process::id()));
        for (name, bytes) in files {
            let path = dir.join(name);
            fs::create_dir_all(path.parent().expect("parent")).expect("directory");
            fs::write(path, bytes).expect("file");
        }
        let seen = look(&dir);
        fs::remove_dir_all(&dir).expect("cleaned up");
        seen
    }

    #[test]
    fn the_journal_is_counted_apart() {
        let files: [(&str, &[u8]); 3] =
            [("journal/1", &[0; 10]), ("metrics/p/index", &[0; 3]), ("metrics/q", &[0; 4])];
        let seen = with_files("sizes", &files, |dir| sizes(dir, &["journal"]));
        assert_eq!(seen, Sizes { parts: 7, apart: 10 });
    }

    #[test]
    fn blocks_say_how_many_samples_they_hold() {
        let files: [(&str, &[u8]); 3] = [
            ("01A/meta.json", br#"{"ulid":"01A","stats":{"numSamples":120,"numSeries":2}}"#),
            ("01B/meta.json", br#"{"ulid":"01B","stats":{"numSamples":30}}"#),
            ("wal/00000000", b"journal"),
        ];
        assert_eq!(with_files("blocks", &files, samples_in_blocks), 150);
    }
}
