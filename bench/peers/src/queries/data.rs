//! Brings the load into a server, unless it is there already.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use rustix::fs::{Advice, fadvise};
use serde::{Deserialize, Serialize};

use crate::args::Args;
use crate::frames::{Frames, Recipe};
use crate::http;
use crate::measure::Subject;
use crate::sender::Load;

/// Stands beside a directory that holds a whole load.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Loaded {
    start_ms: i64,
    rounds: usize,
    lanes: usize,
    /// The version that took it.
    by: String,
}

/// Returns which version of the server loaded the data; stopped, settled and on the disk.
///
/// What an earlier run left with `--keep` is taken if it is of the same frames.
pub(crate) fn ready(
    args: &Args,
    subject: &Subject<'_>,
    recipe: Recipe,
    frames: &Frames,
) -> Result<String> {
    let mark = mark(&subject.dir);
    let shape = &frames.shape;
    let wanted = |by: String| Loaded {
        start_ms: shape.start_ms,
        rounds: shape.rounds,
        lanes: shape.lanes,
        by,
    };
    let kept: Option<Loaded> =
        fs::read(&mark).ok().and_then(|text| serde_json::from_slice(&text).ok());
    if let Some(kept) = kept
        && kept == wanted(kept.by.clone())
    {
        eprintln!("{} holds the load already", subject.kind.id);
        return Ok(kept.by);
    }
    let _ = fs::remove_file(&mark);
    subject.empty()?;
    send(args, subject, recipe, frames)?;
    let loaded = wanted(subject.kind.title(args));
    fs::write(&mark, serde_json::to_vec(&loaded)?)?;
    Ok(loaded.by)
}

fn mark(dir: &Path) -> PathBuf {
    dir.with_added_extension("loaded.json")
}

fn send(args: &Args, subject: &Subject<'_>, recipe: Recipe, frames: &Frames) -> Result<()> {
    eprintln!("load {}", subject.kind.id);
    frames.warm()?;
    // Ours need not sync each request here: a busy disk would make this the longest part of the run.
    let running = subject.start_as(true)?;
    let load = Load {
        address: running.address,
        head: &http::head_lines(recipe, running.address),
        frames,
        rounds: 0..frames.shape.rounds,
        connections: args.connections,
        deadline: Instant::now() + Duration::from_secs(args.time_limit_s),
    };
    let sent = load.send()?;
    if sent.cut || sent.refused > 0 {
        let complaint = sent.complaint.unwrap_or_default();
        bail!("{} did not take the whole load: {complaint}", subject.kind.id);
    }
    eprintln!("  {:.0} s; waiting until it is quiet", sent.seconds);
    subject.settle(&running, args.is_full())?;
    running.stop()?;
    each_file(&subject.dir, &mut |file| Ok(file.sync_all()?))
}

/// Asks the kernel to forget what it holds of a server's files. What a server has mapped and touched
/// stays.
pub(crate) fn drop_pages(dir: &Path) -> Result<()> {
    each_file(dir, &mut |file| Ok(fadvise(file, 0, None, Advice::DontNeed)?))
}

/// Shows each file below a directory; those that vanish meanwhile are left out.
fn each_file(dir: &Path, visit: &mut dyn FnMut(&File) -> Result<()>) -> Result<()> {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => each_file(&path, visit)?,
            Ok(kind) if kind.is_file() => File::open(&path).map_or(Ok(()), |file| visit(&file))?,
            _ => {}
        }
    }
    Ok(())
}
