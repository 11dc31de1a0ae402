//! The drill with the built binary: save under load, save again, bring both back, compare; damage a
//! byte; kill the server while it saves.

use crate::http::{ask, cloudwatch, get, post, put_one, remote_write};
use crate::programs::{Program, Server, poll, run, sightline};
use formats::remote_write::{Encoder, Sample, compress};
use serde_json::json;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use stdx::{Clock, RealClock};

const WAIT: Duration = Duration::from_secs(60);

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

/// Sends the values `from..to` of one series, a second apart, as one request.
fn send(address: SocketAddr, start_ms: i64, from: usize, to: usize) -> bool {
    let samples: Vec<Sample> =
        (from..to).map(|n| Sample { at_ms: start_ms + n as i64 * 1000, value: n as f64 }).collect();
    let mut encoder = Encoder::new();
    encoder.series(&[("__name__", "drill"), ("k", "v")], &samples);
    remote_write(address, &compress(&encoder.finish())).is_ok_and(|a| a.status == 204)
}

/// The values that a server has, which must be a front of what was sent.
fn front(address: SocketAddr) -> usize {
    let now = (RealClock.now_ms() as f64 / 1000.0).to_string();
    let asked = [("query", "drill[20d]"), ("time", now.as_str())];
    let answer = ask(address, "/api/v1/query", &asked).expect("an answer").json();
    let result = answer["data"]["result"].as_array().expect("a list").clone();
    let points = result.first().and_then(|s| s["values"].as_array().cloned()).unwrap_or_default();
    for (n, point) in points.iter().enumerate() {
        assert_eq!(point[1].as_str(), Some(n.to_string().as_str()), "a gap before {n}");
    }
    points.len()
}

fn orders(address: SocketAddr) -> f64 {
    let now = RealClock.now_ms() as f64 / 1000.0;
    let input = json!({
        "Namespace": "It", "MetricName": "orders", "Period": 86400, "Statistics": ["Sum"],
        "StartTime": now - 86400.0, "EndTime": now + 3600.0,
    });
    let answer = cloudwatch(address, "GetMetricStatistics", &input).expect("an answer").json();
    let points = answer["Datapoints"].as_array().expect("a list").clone();
    points.iter().filter_map(|p| p["Sum"].as_f64()).sum()
}

/// Runs `sightline backup` through a server and returns the snapshot's name.
#[track_caller]
fn backup(address: SocketAddr, to: &Path) -> String {
    let url = format!("http://{address}");
    let (code, said) = run(&["backup", "--to", text(to), "--url", &url]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("backup: ") && said.contains("secret.key is not in it"), "{said}");
    let line = said.lines().find_map(|l| l.strip_prefix("snapshot ")).expect("an end line");
    line.split(' ').next().expect("a name").to_owned()
}

/// Restores and starts a server on it.
#[track_caller]
fn restored(from: &Path, snapshot: &str, to: &Path) -> Server {
    let arguments = ["restore", "--from", text(from), "--snapshot", snapshot, "--data", text(to)];
    let (code, said) = run(&arguments);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(&format!("restored snapshot {snapshot}")), "{said}");
    assert!(said.contains("series") && said.contains("next: "), "{said}");
    Server::start(to, &[])
}

fn parts(backups: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(backups.join("parts")).expect("lists");
    entries.map(|e| e.expect("an entry").path()).collect()
}

#[test]
fn oracle_backups_under_load_are_brought_back_as_they_were() {
    let place = tempfile::tempdir().expect("a place");
    let (data, backups) = (place.path().join("data"), place.path().join("backups"));
    let mut server = Server::start(&data, &[]);
    let address = server.address;
    let start_ms = RealClock.now_ms() - 19 * 86_400_000;
    let (stop, sent, kept) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    let saved: Vec<(String, usize, usize, f64)> = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::SeqCst) {
                let from = kept.load(Ordering::SeqCst);
                sent.store(from + 50, Ordering::SeqCst);
                assert!(send(address, start_ms, from, from + 50), "a write was refused");
                kept.store(from + 50, Ordering::SeqCst);
            }
        });
        let saved = (1..=3).map(|n| {
            poll("some load", WAIT, || match kept.load(Ordering::SeqCst) {
                kept if kept >= n * 400 => Ok(()),
                kept => Err(format!("{kept} kept")),
            });
            assert_eq!(put_one(address, "orders", 1.0).expect("an answer").status, 200);
            let before = kept.load(Ordering::SeqCst);
            let name = backup(address, &backups);
            (name, before, sent.load(Ordering::SeqCst), n as f64)
        });
        let saved = saved.collect();
        stop.store(true, Ordering::SeqCst);
        saved
    });
    for (n, (snapshot, before, after, puts)) in saved.iter().enumerate() {
        let back = restored(&backups, snapshot, &place.path().join(format!("back-{n}")));
        let found = front(back.address);
        assert!(*before <= found && found <= *after, "{before} <= {found} <= {after}");
        assert_eq!(orders(back.address), *puts);
        // It goes on from there.
        assert!(send(back.address, start_ms, found, found + 5));
        assert_eq!(front(back.address), found + 5);
    }
    assert_eq!(front(address), kept.load(Ordering::SeqCst));

    // Of the stopped server the newest snapshot equals all of it; a running one is left alone.
    let stopped = ["backup", "--data", text(&data), "--to", text(&backups), "--keep", "2"];
    let (code, said) = run(&stopped);
    assert!(code == Some(1) && said.contains("is in use by a running server"), "{said}");
    server.stop();
    let (code, said) = run(&stopped);
    assert!(code == Some(0) && said.contains("removed 2 older snapshots"), "{said}");
    let (code, listed) = run(&["backup", "--list", text(&backups)]);
    let names: Vec<&str> = listed.lines().skip(1).filter_map(|l| l.split(' ').next()).collect();
    assert!(code == Some(0) && names.len() == 2, "{listed}");
    let back = restored(&backups, names[1], &place.path().join("last"));
    assert_eq!((front(back.address), orders(back.address)), (kept.load(Ordering::SeqCst), 3.0));
}

#[test]
fn oracle_a_damaged_backup_says_which_file() {
    let place = tempfile::tempdir().expect("a place");
    let backups = place.path().join("backups");
    let server = Server::start(&place.path().join("data"), &[]);
    let start_ms = RealClock.now_ms() - 86_400_000;
    assert!(send(server.address, start_ms, 0, 1000));
    let snapshot = backup(server.address, &backups);
    let (code, said) = run(&["backup", "--verify", text(&backups)]);
    assert!(code == Some(0) && said.contains("1 snapshots are whole, 0 are damaged"), "{said}");

    let part = parts(&backups).pop().expect("a part");
    let mut bytes = fs::read(&part).expect("reads");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    #[expect(clippy::disallowed_methods, reason = "a bad sector, not a store")]
    fs::write(&part, bytes).expect("writes");
    let (code, said) = run(&["backup", "--verify", text(&backups)]);
    let damaged = format!("snapshot {snapshot}: {} is damaged", part.display());
    assert!(code == Some(1) && said.contains(&damaged), "{said}");
    let back = place.path().join("back");
    let (code, said) = run(&["restore", "--from", text(&backups), "--data", text(&back)]);
    let damaged = format!("{} is damaged: its checksum does not hold", part.display());
    assert!(code == Some(1) && said.contains(&damaged), "{said}");
    // What is there of it is not taken for a data directory.
    let (code, said) = run(&["serve", "--listen", "127.0.0.1:0", "--data", text(&back)]);
    assert!(code == Some(1) && said.contains("a restore into it was not finished"), "{said}");
}

#[test]
fn oracle_killed_while_it_saves_the_next_backup_is_whole() {
    let place = tempfile::tempdir().expect("a place");
    let (data, backups) = (place.path().join("data"), place.path().join("backups"));
    let start_ms = RealClock.now_ms() - 19 * 86_400_000;
    let mut total = 0;
    let mut snapshots: Vec<(String, usize)> = Vec::new();
    for round in 0..6u64 {
        let mut server = Server::start(&data, &[]);
        for _ in 0..20 {
            assert!(send(server.address, start_ms, total, total + 500));
            total += 500;
        }
        let url = format!("http://{}", server.address);
        let arguments = ["backup", "--to", text(&backups), "--url", &url];
        let mut asking = Program::start("sightline backup", &mut sightline(&arguments));
        std::thread::sleep(Duration::from_millis(round * 6));
        server.program.kill();
        let asked = asking.wait();
        let said = asking.log();
        assert!(asked.success() || said.contains("sightline: "), "{said}");
        let server = Server::start(&data, &[]);
        snapshots.push((backup(server.address, &backups), total));
    }
    let (code, said) = run(&["backup", "--verify", text(&backups)]);
    assert_eq!(code, Some(0), "{said}");
    for (n, (snapshot, total)) in snapshots.iter().enumerate().skip(3) {
        let back = restored(&backups, snapshot, &place.path().join(format!("back-{n}")));
        assert_eq!(front(back.address), *total, "{snapshot}");
    }
}

#[test]
fn oracle_requests_for_backups_are_refused_with_a_reason() {
    let place = tempfile::tempdir().expect("a place");
    let server = Server::start(&place.path().join("data"), &[]);
    let ask_for = |body: &str| {
        let headers = [("content-type", "application/json")];
        post(server.address, "/-/manage/backup", &headers, body.as_bytes()).expect("an answer")
    };
    assert_eq!(get(server.address, "/-/manage/backup").expect("an answer").status, 200);
    for bad in ["{}", r#"{"to": "backups"}"#, r#"{"to": "/x", "keep": -1}"#, "nonsense"] {
        let answer = ask_for(bad);
        assert!(answer.status == 400 && answer.body.contains("\"hint\""), "{bad}: {answer:?}");
    }
    let url = format!("http://{}", server.address);
    let (code, said) = run(&["backup", "--to", "somewhere", "--url", &url]);
    assert!(code == Some(2) && said.contains("whole path"), "{said}");
    // A directory that holds something else stays as it is.
    let inside = place.path().join("data/backups");
    for (to, why) in [(place.path(), "holds no backups"), (&inside, "lies in the data directory")] {
        let (code, said) = run(&["backup", "--to", text(to), "--url", &url]);
        assert!(code == Some(1) && said.contains(why), "{said}");
    }
    let (code, said) = run(&["backup", "--verify", text(place.path())]);
    assert!(code == Some(1) && said.contains("holds no backups"), "{said}");
}
