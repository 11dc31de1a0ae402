//! The corpus: files of `corpus/<target>/`, valid samples and every input that ever found a mistake.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Returns the folder of a target's inputs.
pub fn dir(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target)
}

/// Returns the inputs of a target with their names, sorted by them.
///
/// # Errors
/// When the folder is absent or a file cannot be read.
pub fn load(target: &str) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut inputs = Vec::new();
    for entry in fs::read_dir(dir(target))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        inputs.push((name, fs::read(entry.path())?));
    }
    inputs.sort();
    Ok(inputs)
}
