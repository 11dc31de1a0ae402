//! What a real Prometheus holds is brought over - blocks, write-ahead log, remote read - and then both
//! are asked the same questions.

use crate::http::{ask, post, remote_write};
use crate::programs::{Program, Server, free_address, poll, run, tool};
use crate::prometheus::{answers, difference, told};
use formats::remote_write::{Encoder, Sample, compress};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use stdx::{Clock, RealClock, Rng};

const WAIT: Duration = Duration::from_secs(60);
const MINUTE_MS: i64 = 60_000;
const SERIES: usize = 40;

/// A Prometheus that takes remote write and scrapes nobody.
struct Prometheus {
    program: Program,
    address: SocketAddr,
}

impl Prometheus {
    fn start(home: &Path) -> Self {
        let configuration = home.join("prometheus.yml");
        #[expect(clippy::disallowed_methods, reason = "another program's configuration")]
        fs::write(&configuration, "scrape_configs: []\n").expect("a configuration");
        let address = free_address();
        let mut command = tool("prometheus");
        command
            .arg(format!("--config.file={}", configuration.display()))
            .arg(format!("--storage.tsdb.path={}", home.join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .args(["--web.enable-remote-write-receiver", "--web.enable-admin-api"]);
        let program = Program::start("prometheus", &mut command);
        poll("prometheus", WAIT, || answers(address, "/-/ready"));
        Self { program, address }
    }

    #[track_caller]
    fn admin(&self, path: &str) -> serde_json::Value {
        let path = format!("/api/v1/admin/tsdb/{path}");
        let answer = post(self.address, &path, &[], b"").expect("an answer");
        assert!(answer.status < 300, "{path}: {answer:?}");
        serde_json::from_str(&answer.body).unwrap_or_default()
    }
}

fn value(rng: &mut Rng, series: usize, n: usize) -> f64 {
    match series % 5 {
        0 => n as f64 * 7.0,
        1 => (rng.below(10_000) as f64) / 100.0,
        2 => f64::from_bits(rng.next_u64() >> 2),
        3 if n % 37 == 36 => f64::from_bits(model::STALE_NAN_BITS),
        3 => 5.0,
        _ => [0.0, -1.5, f64::INFINITY, f64::NAN][n % 4],
    }
}

/// Sends samples of some kinds from `start_ms` on to a Prometheus.
fn fill(address: SocketAddr, rng: &mut Rng, start_ms: i64, minutes: i64) {
    let mut encoder = Encoder::new();
    for series in 0..SERIES {
        let (number, group) = (series.to_string(), (series % 3).to_string());
        let labels =
            [("__name__", "brought"), ("group", group.as_str()), ("number", number.as_str())];
        let jitter = if series % 2 == 0 { 1 } else { 900 };
        let samples: Vec<Sample> = (0..minutes * 4)
            .map(|n| Sample {
                at_ms: start_ms + n * 15_000 + rng.below(jitter) as i64,
                value: value(rng, series, n as usize),
            })
            .collect();
        encoder.series(&labels, &samples);
    }
    let answer = remote_write(address, &compress(&encoder.finish())).expect("an answer");
    assert_eq!(answer.status, 204, "{answer:?}");
}

/// Compares all samples; says how many there were.
#[track_caller]
fn compare(theirs: SocketAddr, ours: SocketAddr, end_ms: i64) -> usize {
    let end = (end_ms as f64 / 1000.0).to_string();
    let mut samples = 0;
    for group in 0..3 {
        let query = format!("brought{{group=\"{group}\"}}[12h]");
        let asked = [("query", query.as_str()), ("time", end.as_str())];
        let answers = [theirs, ours].map(|at| told(at, "/api/v1/query", &asked));
        let differs = difference(&query, &answers[0], &answers[1]);
        assert!(differs.is_none(), "{}", differs.unwrap_or_default());
        samples += answers[0].values().filter_map(|v| v.as_array()).map(Vec::len).sum::<usize>();
    }
    samples
}

fn import(place: &Path, server: &Server, state: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let (state, url) = (place.join(state), format!("http://{}", server.address));
    let state = state.to_str().expect("a plain path");
    run(&[&["import", "--url", &url, "--state", state][..], arguments].concat())
}

#[test]
fn oracle_a_prometheus_is_brought_over() {
    let place = tempfile::tempdir().expect("a place");
    let home = place.path().join("prometheus");
    fs::create_dir_all(&home).expect("made");
    let mut prometheus = Prometheus::start(&home);
    let theirs = prometheus.address;
    let mut rng = Rng::from_system();
    let end_ms = RealClock.now_ms();
    let start_ms = end_ms - 300 * MINUTE_MS;
    fill(theirs, &mut rng, start_ms, 120);
    fill(theirs, &mut rng, start_ms + 121 * MINUTE_MS, 120);
    // Deleted, and still in the chunks.
    let cut_from = (start_ms + 30 * MINUTE_MS) / 1000;
    let cut_to = cut_from + 3600;
    prometheus.admin(&format!(
        "delete_series?match[]=brought{{number=\"2\"}}&match[]=brought{{number=\"7\"}}&start={cut_from}&end={cut_to}"
    ));

    // By remote read, while it runs.
    let by_read = Server::start(&place.path().join("by-read"), &[]);
    let from = jiff_text(start_ms - MINUTE_MS);
    let to = jiff_text(end_ms);
    let url = format!("http://{theirs}/api/v1/read");
    let asked =
        ["--remote-read", &url, "--match", "brought{number=~\".+\"}", "--from", &from, "--to", &to];
    let (code, said) = import(place.path(), &by_read, "read.state", &asked);
    assert_eq!(code, Some(0), "{said}");
    let samples = compare(theirs, by_read.address, end_ms);
    assert!(samples > SERIES * 800, "{samples}");
    // Stale markers come too, and do not show in range vectors.
    let imported = said.lines().find_map(|l| l.strip_prefix("imported "));
    let imported = imported.and_then(|l| l.split(' ').next()?.parse::<usize>().ok());
    let stale = (0..SERIES).filter(|s| s % 5 == 3).count() * 2 * (480 / 37);
    assert!(imported >= Some(samples) && imported <= Some(samples + stale), "{said}");
    // Again: the state says that it is done; without it, nothing changes.
    let (code, said) = import(place.path(), &by_read, "read.state", &asked);
    assert!(code == Some(0) && said.contains("is done"), "{said}");
    let (code, said) = import(place.path(), &by_read, "other.state", &asked);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(compare(theirs, by_read.address, end_ms), samples);

    // By its snapshot: blocks, with the head among them.
    let snapshot =
        prometheus.admin("snapshot")["data"]["name"].as_str().expect("a name").to_owned();
    let snapshot = home.join("data/snapshots").join(snapshot);
    let by_blocks = Server::start(&place.path().join("by-blocks"), &[]);
    let arguments = ["--prometheus", snapshot.to_str().expect("a plain path")];
    let (code, said) = import(place.path(), &by_blocks, "blocks.state", &arguments);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("samples from ") && said.contains(" blocks of "), "{said}");
    assert!(!said.contains("not imported"), "{said}");
    assert_eq!(compare(theirs, by_blocks.address, end_ms), samples);

    // By its directory when it is stopped: the write-ahead log.
    assert!(prometheus.program.stop().success());
    let by_log = Server::start(&place.path().join("by-log"), &[]);
    let data = home.join("data");
    let arguments = ["--prometheus", data.to_str().expect("a plain path")];
    let (code, said) = import(place.path(), &by_log, "log.state", &arguments);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("and the write-ahead log of "), "{said}");
    let again = Prometheus::start(&home);
    assert_eq!(compare(again.address, by_log.address, end_ms), samples);
}

fn jiff_text(at_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(at_ms).expect("a time").to_string()
}

#[test]
fn oracle_an_export_of_victoriametrics_is_brought_over() {
    let place = tempfile::tempdir().expect("a place");
    let server = Server::start(&place.path().join("data"), &[]);
    let now_ms = RealClock.now_ms();
    let file = place.path().join("export.jsonl");
    let mut text = String::new();
    for series in 0..500 {
        let times: Vec<i64> = (0..200).map(|n| now_ms - (200 - n) * 10_000).collect();
        let values: Vec<i64> = (0..200).map(|n| n * series).collect();
        text.push_str(&format!(
            "{{\"metric\":{{\"__name__\":\"brought\",\"n\":\"{series}\"}},\"values\":{values:?},\"timestamps\":{times:?}}}\n"
        ));
    }
    // Too old for any retention, no name, no number, no line.
    text.push_str(
        "{\"metric\":{\"__name__\":\"old\"},\"values\":[1,2],\"timestamps\":[1000,2000]}\n",
    );
    text.push_str(&format!(
        "{{\"metric\":{{\"a\":\"b\"}},\"values\":[1],\"timestamps\":[{now_ms}]}}\n"
    ));
    text.push_str(&format!(
        "{{\"metric\":{{\"__name__\":\"odd\"}},\"values\":[null,\"Infinity\"],\"timestamps\":[{now_ms},{now_ms}]}}\n"
    ));
    text.push_str("nonsense\n");
    #[expect(clippy::disallowed_methods, reason = "a file of another program")]
    fs::write(&file, &text).expect("written");
    let path = file.to_str().expect("a plain path");
    let (code, said) = import(place.path(), &server, "state", &["--victoriametrics", path]);
    assert_eq!(code, Some(0), "{said}");
    for line in [
        "imported 100001 samples from 504 lines",
        "2 samples outside the times that the server keeps (see its --retention), first old{} at 1",
        "1 series that cannot be stored, first {a=\"b\"} has no name",
        "1 values that are no numbers (null), first in line 503",
        "1 lines that cannot be read, first line 504",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    let time = (now_ms as f64 / 1000.0).to_string();
    let count = || {
        let asked = [("query", "{__name__=~\"brought|odd\"}[1h]"), ("time", time.as_str())];
        let answer = ask(server.address, "/api/v1/query", &asked).expect("an answer").json();
        let result = answer["data"]["result"].as_array().expect("a list").clone();
        result.iter().filter_map(|s| s["values"].as_array()).map(Vec::len).sum::<usize>()
    };
    assert_eq!(count(), 100_001);

    // Another's state is not gone on with.
    let (code, said) = import(place.path(), &server, "state", &["--victoriametrics", "-"]);
    assert!(code == Some(1) && said.contains("belongs to another import"), "{said}");
    let (code, said) = import(place.path(), &server, "x", &["--victoriametrics", "/nowhere"]);
    assert!(code == Some(1) && said.contains("--victoriametrics /nowhere"), "{said}");
    let (code, said) = import(place.path(), &server, "y", &[]);
    assert!(code == Some(2) && said.contains("--prometheus"), "{said}");
}

#[test]
fn oracle_an_import_goes_on_where_it_was_interrupted() {
    let place = tempfile::tempdir().expect("a place");
    let data = place.path().join("data");
    let now_ms = RealClock.now_ms();
    let file = place.path().join("export.jsonl");
    let mut text = String::new();
    for series in 0..4000 {
        let times: Vec<i64> = (0..250).map(|n| now_ms - (250 - n) * 10_000).collect();
        let values: Vec<i64> = (0..250).map(|n| n * 3 + series).collect();
        text.push_str(&format!(
            "{{\"metric\":{{\"__name__\":\"long\",\"n\":\"{series}\"}},\"values\":{values:?},\"timestamps\":{times:?}}}\n"
        ));
    }
    #[expect(clippy::disallowed_methods, reason = "a file of another program")]
    fs::write(&file, &text).expect("written");
    let listen = free_address();
    let mut server = Server::start_at(listen, &data, &[]);
    let (url, state) = (format!("http://{listen}"), place.path().join("state"));
    let arguments = [
        "import",
        "--url",
        &url,
        "--state",
        state.to_str().expect("a plain path"),
        "--victoriametrics",
        file.to_str().expect("a plain path"),
    ];
    let mut importing =
        Program::start("sightline import", &mut crate::programs::sightline(&arguments));
    poll("some of it", WAIT, || match fs::read_to_string(&state) {
        Ok(state) if state.contains("\"lines\"") => Ok(()),
        other => Err(format!("{other:?}")),
    });
    // First the server goes, which is waited for; then the importer.
    server.program.kill();
    server = Server::start_at(listen, &data, &[]);
    std::thread::sleep(Duration::from_millis(300));
    importing.kill();
    let (code, said) = run(&arguments);
    assert_eq!(code, Some(0), "{said}");
    let time = (now_ms as f64 / 1000.0).to_string();
    let asked = [("query", "long[1h]"), ("time", time.as_str())];
    let answer = ask(server.address, "/api/v1/query", &asked).expect("an answer").json();
    let result = answer["data"]["result"].as_array().expect("a list").clone();
    let counts: Vec<usize> =
        result.iter().filter_map(|s| s["values"].as_array()).map(Vec::len).collect();
    assert_eq!((counts.len(), counts.iter().sum::<usize>()), (4000, 1_000_000));
}
