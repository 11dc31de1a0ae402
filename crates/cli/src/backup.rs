//! `sightline backup`.

use crate::client::Endpoint;
use crate::config::usage;
use crate::print;
use crate::progress::{Shown, bytes, copying};
use anyhow::{Context, bail};
use clap::Args;
use serde_json::{Value, json};
use server::saving::{BackupDir, BackupRequest, Progress, backup_stopped, verify};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use stdx::{Clock, Disk, RealClock, RealDisk};

/// Where to, and from what.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct BackupArguments {
    #[command(flatten)]
    endpoint: Endpoint,
    /// Directory of backups, on the machine of the server; made when it is absent
    #[arg(long, value_name = "DIR", required_unless_present_any = ["verify", "list"])]
    to: Option<PathBuf>,
    /// Save the data directory of a server that does not run, instead of asking a running one
    #[arg(long, value_name = "DIR", requires = "to")]
    data: Option<PathBuf>,
    /// Keep this many snapshots and remove older ones afterwards [default: keep all]
    #[arg(long, value_name = "N", requires = "to", value_parser = clap::value_parser!(u32).range(1..))]
    keep: Option<u32>,
    /// Read every file of a directory of backups, here, and compare checksums
    #[arg(long, value_name = "DIR", conflicts_with_all = ["to", "list"])]
    verify: Option<PathBuf>,
    /// List the snapshots of a directory of backups, here
    #[arg(long, value_name = "DIR", conflicts_with = "to")]
    list: Option<PathBuf>,
}

const EXAMPLES: &str = "A backup holds everything that was acknowledged up to one moment, while writes go on. The next one
into the same directory copies only what is new. The key file secret.key is left out on purpose: keep
it elsewhere, or who finds the backup has the secrets too.

Examples:
  sightline backup --to /backup/sightline                  through the server on 127.0.0.1:4280
  sightline backup --to /backup/sightline --keep 14        and keep fourteen
  sightline backup --data /var/lib/sightline --to /backup/sightline     of a stopped server
  sightline backup --list /backup/sightline
  sightline backup --verify /backup/sightline              exit code 1 when anything is damaged";

const LOOK_EVERY: Duration = Duration::from_millis(200);

pub(crate) fn disk() -> Arc<dyn Disk> {
    Arc::new(RealDisk)
}

pub(crate) fn backup(arguments: &BackupArguments) -> anyhow::Result<()> {
    if let Some(dir) = &arguments.verify {
        return verify_all(dir);
    }
    if let Some(dir) = &arguments.list {
        return list(dir);
    }
    let to = arguments.to.as_deref().expect("clap asks for it");
    let done = match &arguments.data {
        Some(data) => of_stopped(data, to, arguments.keep)?,
        None => through_server(&arguments.endpoint, to, arguments.keep)?,
    };
    print::text(&told(&done))?;
    // What runs this at night looks at nothing else.
    if done["damaged"].as_array().is_some_and(|damaged| !damaged.is_empty()) {
        bail!(
            "the backup is complete, but the data directory has damaged parts; older snapshots were \
             kept, as they may have them whole (docs/damage.md)"
        );
    }
    Ok(())
}

/// What a person wants to know at the end.
fn told(done: &Value) -> String {
    let number = |name: &str| done[name].as_u64().unwrap_or(0);
    let names = |name: &str| -> Vec<String> {
        let list = done[name].as_array().into_iter().flatten();
        list.filter_map(|v| v.as_str().map(str::to_owned)).collect()
    };
    let mut text = format!(
        "snapshot {} in {}: {} parts, {} points, {} ({} copied), up to frame {} of the journal\n",
        done["snapshot"].as_str().unwrap_or("?"),
        done["to"].as_str().unwrap_or("?"),
        number("parts"),
        number("points"),
        bytes(number("bytes")),
        bytes(number("bytes_copied")),
        number("position")
    );
    let removed = names("removed");
    if !removed.is_empty() {
        let _ = writeln!(text, "removed {} older snapshots", removed.len());
    }
    let damaged = names("damaged");
    if !damaged.is_empty() {
        let _ = writeln!(
            text,
            "warning: {} parts are damaged in the data directory and were saved as they are: {}",
            damaged.len(),
            damaged.join(", ")
        );
    }
    text.push_str("secret.key is not in it: keep a copy elsewhere\n");
    text
}

fn through_server(endpoint: &Endpoint, to: &Path, keep: Option<u32>) -> anyhow::Result<Value> {
    const PATH: &str = "/-/manage/backup";
    if !to.is_absolute() {
        return Err(usage(format!(
            "--to {}: must be a whole path, such as /backup/sightline: it is the server that writes \
             there, on its machine",
            to.display()
        )));
    }
    endpoint.post(PATH, &json!({ "to": to, "keep": keep }))?;
    let mut shown = Shown::new();
    loop {
        let now = endpoint.get(PATH, &[]).context("the server does not tell how far it is")?;
        let number = |name: &str| now[name].as_u64().unwrap_or(0);
        match now["state"].as_str() {
            Some("running") => {
                let (files, done) = (number("files"), number("files_done"));
                let text = copying("backup", files, done, number("bytes"), number("bytes_done"));
                shown.show(&text);
            }
            Some("done") => {
                shown.end();
                return Ok(now);
            }
            state => {
                shown.end();
                let why = now["error"].as_str().or(state).unwrap_or("the server says nothing");
                bail!("backup failed: {why}");
            }
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// Does work on another thread and shows how far it is.
pub(crate) fn watched<T: Send>(what: &str, work: impl FnOnce(&Progress) -> T + Send) -> T {
    let progress = Progress::default();
    thread::scope(|scope| {
        let worker = scope.spawn(|| work(&progress));
        let mut shown = Shown::new();
        let mut pause = Duration::from_millis(10);
        while !worker.is_finished() {
            let now = progress.now();
            shown.show(&copying(what, now.files, now.files_done, now.bytes, now.bytes_done));
            thread::sleep(pause);
            pause = (pause * 2).min(LOOK_EVERY);
        }
        shown.end();
        worker.join().unwrap_or_else(|cause| std::panic::resume_unwind(cause))
    })
}

fn of_stopped(data: &Path, to: &Path, keep: Option<u32>) -> anyhow::Result<Value> {
    let keep = keep.map(usize::try_from).transpose()?;
    let request = BackupRequest { to: to.to_path_buf(), keep };
    let now_ms = RealClock.now_ms();
    let done =
        watched("backup", |progress| backup_stopped(&disk(), data, &request, now_ms, progress))?;
    Ok(json!({
        "to": to, "snapshot": done.snapshot, "position": done.position, "parts": done.parts,
        "points": done.points, "bytes": done.bytes, "bytes_copied": done.bytes_copied,
        "damaged": done.damaged, "removed": done.removed,
    }))
}

fn list(dir: &Path) -> anyhow::Result<()> {
    let backups = BackupDir::open(disk(), dir)?;
    let mut rows = print::Rows {
        header: ["snapshot", "parts", "points", "bytes", "frame"].map(str::to_owned).to_vec(),
        rows: Vec::new(),
    };
    for name in backups.names()? {
        rows.rows.push(match backups.snapshot(Some(&name)) {
            Ok(s) => {
                let (parts, points) = (s.note("parts").to_owned(), s.note("points").to_owned());
                let frame = s.manifest.flushed.to_string();
                vec![name, parts, points, bytes(s.bytes()), frame]
            }
            Err(error) => {
                vec![name, error.to_string(), String::new(), String::new(), String::new()]
            }
        });
    }
    rows.print(print::Format::Table)
}

fn verify_all(dir: &Path) -> anyhow::Result<()> {
    let found = watched("verify", |progress| verify(&disk(), dir, progress))?;
    let findings = &found.findings;
    let mut text = String::new();
    for (name, wrong) in &findings.damaged {
        for error in wrong {
            let _ = writeln!(text, "snapshot {name}: {error}");
        }
    }
    for (file, error) in &found.damaged_before {
        let _ = writeln!(text, "{file}: was damaged before it was saved: {error}");
    }
    let _ = writeln!(
        text,
        "{} files, {} read: {} snapshots are whole, {} are damaged",
        findings.files,
        bytes(findings.bytes),
        findings.whole.len(),
        findings.damaged.len()
    );
    print::text(&text)?;
    if findings.damaged.is_empty() && !found.damaged_before.is_empty() {
        bail!("{} holds parts that were damaged before they were saved", dir.display());
    }
    if findings.damaged.is_empty() {
        Ok(())
    } else {
        bail!("{} holds damaged snapshots", dir.display());
    }
}
