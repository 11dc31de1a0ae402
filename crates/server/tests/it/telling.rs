//! Topics, hooks, mail, queues and dead letters, with boto3, aiosmtpd, moto's server of queues and a
//! public verifier of signatures.

use crate::programs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// `SIGHTLINE_PYTHON_TELLING`, else what `make test-deps` makes.
fn python() -> PathBuf {
    let named = std::env::var_os("SIGHTLINE_PYTHON_TELLING").map(PathBuf::from);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let path = named.unwrap_or_else(|| root.join(".venv-telling/bin/python"));
    let shown = path.display();
    assert!(path.exists(), "{shown} is missing: `make test-deps` makes it");
    path
}

/// Runs a script beside this file against the binary.
#[track_caller]
fn run(script: &str) {
    let directory = tempfile::tempdir().expect("a directory");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/telling").join(script);
    let mut command = Command::new(python());
    // Neither the user's profiles nor a proxy may take part.
    for (name, _) in std::env::vars_os() {
        let upper = name.to_string_lossy().to_uppercase();
        if upper.starts_with("AWS_") || upper.ends_with("_PROXY") {
            command.env_remove(&name);
        }
    }
    // It would write what it compiled beside the scripts.
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    let done = command.arg(script).arg(programs::binary()).arg(directory.path()).output();
    let done = done.expect("python starts");
    assert!(
        done.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
}

#[test]
fn oracle_receivers_of_others_are_told() {
    run("telling.py");
}

#[test]
fn oracle_servers_of_mail_are_spoken_to_safely() {
    run("mail_servers.py");
}
