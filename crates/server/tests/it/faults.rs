//! What the built binary says and does when its disk is full or damaged, and that nothing
//! acknowledged is lost.

use crate::http::{cloudwatch, put_one};
use crate::programs::{Program, Server, poll, sightline};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use stdx::{Disk, RealDisk};

/// Starts a server that may write files of so many blocks at most: what it writes beyond fails, as
/// on a disk without space, and no right to mount anything is needed.
fn start_limited(data: &Path, blocks: u32) -> (Program, SocketAddr) {
    let serve = sightline(&["serve", "--listen", "127.0.0.1:0", "--collect-host=false", "--data"]);
    let mut command = Command::new("sh");
    // The signal that comes with the error would end the process.
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
    command.args(["-c", &script, "sh"]).arg(serve.get_program()).args(serve.get_args()).arg(data);
    for (name, value) in serve.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let program = Program::start("sightline", &mut command);
    let address = poll("the server's address", Duration::from_secs(60), || {
        let log = program.log();
        let mut lines = log.lines().filter_map(|l| l.split_once(" answers on http://"));
        let address = lines.next().and_then(|(_, address)| address.trim().parse().ok());
        address.ok_or_else(|| log.clone())
    });
    (program, address)
}

fn condition(address: SocketAddr, name: &str) -> Value {
    let health = crate::http::get(address, "/-/health").expect("an answer").json();
    let conditions = health["conditions"].as_array().expect("a list").clone();
    conditions.into_iter().find(|c| c["condition"] == name).expect("the condition is listed")
}

fn count(address: SocketAddr) -> usize {
    let input = json!({ "Namespace": "Full" });
    let answer = cloudwatch(address, "ListMetrics", &input).expect("an answer").json();
    answer["Metrics"].as_array().expect("a list").len()
}

#[test]
fn oracle_a_full_disk_is_told_reads_go_on_and_nothing_acknowledged_is_lost() {
    let data = tempfile::tempdir().expect("a temporary directory");
    let (mut program, address) = start_limited(data.path(), 4096);
    let put = |n: usize| {
        // Some 60 kB of journal each: names are declared once.
        let data: Vec<Value> = (0..200)
            .map(|m| json!({ "MetricName": format!("{n}-{m}-{}", "x".repeat(200)), "Value": m }))
            .collect();
        let input = json!({ "Namespace": "Full", "MetricData": data });
        cloudwatch(address, "PutMetricData", &input).expect("an answer")
    };
    let mut kept = 0;
    let refused = loop {
        let answer = put(kept);
        if answer.status != 200 {
            break answer;
        }
        kept += 1;
        assert!(kept < 200, "the limit is far below");
    };
    assert!(refused.status >= 500, "senders try again: {refused:?}");
    let ready = crate::http::get(address, "/-/ready").expect("an answer");
    assert!(ready.status == 503 && ready.body.contains("disk_full"), "{ready:?}");
    assert_eq!(crate::http::get(address, "/-/healthy").expect("an answer").status, 200);
    let full = condition(address, "disk_full");
    assert!(full["active"] == true && full["stops_writes"] == true, "{full}");
    assert!(full["since"].as_str().is_some_and(|since| since.ends_with('Z')), "{full}");
    let page = crate::http::get(address, "/metrics").expect("an answer").body;
    assert!(page.contains("sightline_health{condition=\"disk_full\"} 1"), "{page}");
    assert_eq!(count(address).min(500), 500, "reads go on");
    program.kill();

    let server = Server::start(data.path(), &[]);
    assert_eq!(server.get("/-/ready").status, 200);
    assert_eq!(condition(server.address, "disk_full")["active"], false);
    let url = format!("http://{}", server.address);
    let delete = ["delete", "-n", "Full", "--dry-run", "--url", &url];
    let (_, said) = crate::programs::run(&delete);
    let expected = format!("would delete {} series", kept * 200);
    assert!(said.starts_with(&expected), "{said} where {kept} puts were kept");
}

#[test]
fn oracle_a_damaged_part_is_told_and_the_rest_serves() {
    let data = tempfile::tempdir().expect("a temporary directory");
    let mut server = Server::start(data.path(), &[]);
    assert_eq!(put_one(server.address, "m", 1.0).expect("an answer").status, 200);
    assert_eq!(condition(server.address, "part_damaged")["active"], false);
    server.stop();
    let metrics = data.path().join("metrics");
    let names = RealDisk.list(&metrics).expect("lists");
    let part = names.iter().find(|name| name.ends_with(".part")).expect("a part");
    let file = RealDisk.open(&metrics.join(part)).expect("opens");
    // Its trailer, which every start reads.
    let end = file.len().expect("a length");
    file.write_all_at(b"xxxx", end - 4).expect("writes");
    let server = Server::start(data.path(), &[]);
    let damaged = condition(server.address, "part_damaged");
    assert!(damaged["active"] == true && damaged["stops_writes"] == false, "{damaged}");
    assert_eq!(server.get("/-/ready").status, 200, "it takes writes");
    assert_eq!(put_one(server.address, "m", 1.0).expect("an answer").status, 200);
}
