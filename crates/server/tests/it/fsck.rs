//! `sightline fsck` as somebody runs it at night: on a directory of a server that was killed.

use crate::http::put_one;
use crate::programs::{Server, run};
use std::path::{Path, PathBuf};
use stdx::{Disk, RealDisk};

fn flip(path: &Path, at: u64) {
    let file = RealDisk.open(path).expect("opens");
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).expect("reads");
    file.write_all_at(&[byte[0] ^ 0x5a], at).expect("writes");
}

fn last(dir: &Path, ending: &str) -> PathBuf {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(dir)
        .expect("lists")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    paths.into_iter().rfind(|p| p.to_string_lossy().ends_with(ending)).expect("there is one")
}

fn put_some(server: &Server, count: usize) {
    for n in 0..count {
        assert_eq!(put_one(server.address, "m", n as f64).expect("an answer").status, 200);
    }
}

#[test]
fn oracle_fsck_says_what_it_finds_and_ends_with_its_code() {
    let data = tempfile::tempdir().expect("a temporary directory");
    let dir = data.path().to_str().expect("a plain path");
    let mut server = Server::start(data.path(), &[]);
    put_some(&server, 5);
    let (code, said) = run(&["fsck", "--data", dir]);
    assert!(code == Some(3) && said.contains("in use by a running server"), "{said}");
    server.stop();
    let mut server = Server::start(data.path(), &[]);
    put_some(&server, 5);
    server.program.kill();

    // What was under way when it was killed, a merge, say, may have left a file.
    let (code, said) = run(&["fsck", "--data", dir]);
    assert!(code == Some(0) || said.contains("does not list"), "{said}");
    let (code, said) = run(&["fsck", "--data", dir]);
    assert!(code == Some(0) && said.contains("all is sound"), "{said}");

    // A part is damaged: the server serves the rest, fsck sets it aside.
    flip(&last(&data.path().join("metrics"), ".part"), 40);
    let (code, said) = run(&["fsck", "--data", dir, "--dry-run", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&said).expect("one JSON document");
    assert_eq!((code, &report["exit_code"]), (Some(1), &1.into()));
    assert_eq!(report["findings"][0]["state"], "would_mend");
    let (code, said) = run(&["fsck", "--data", dir]);
    assert!(code == Some(1) && said.contains("mended") && said.contains("(UTC)"), "{said}");
    let mut server = Server::start(data.path(), &[]);
    assert!(server.get("/metrics").body.contains("sightline_parts_damaged 0"));
    put_some(&server, 5);
    server.program.kill();

    let (code, said) = run(&["fsck", "--data", dir]);
    assert!(matches!(code, Some(0 | 1)), "{said}");
    // Acknowledged frames behind damage: neither the server nor fsck throws them away.
    let journal = last(&data.path().join("journal"), ".journal");
    flip(&journal, 32 + 45);
    let (code, said) = run(&["serve", "--listen", "127.0.0.1:0", "--data", dir]);
    assert!(code == Some(1) && said.contains("sightline fsck"), "{said}");
    let (code, said) = run(&["fsck", "--data", dir]);
    assert!(code == Some(2) && said.contains("--cut-journal"), "{said}");
    let (code, said) = run(&["fsck", "--data", dir, "--cut-journal"]);
    assert!(code == Some(1) && said.contains("journal/aside"), "{said}");
    let server = Server::start(data.path(), &[]);
    put_some(&server, 1);

    let (code, said) = run(&["fsck", "--data", "/nonexistent"]);
    assert!(code == Some(3) && said.contains("/nonexistent"), "{said}");
}
