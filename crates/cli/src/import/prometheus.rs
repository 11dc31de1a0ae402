//! From a Prometheus data directory: its blocks, then what is in the write-ahead log only.

use super::segments::Segments;
use super::{Window, Work};
use anyhow::{Context, anyhow, bail};
use formats::remote_write::Sample;
use formats::tsdb::{
    BlockMeta, Chunk, Index, IndexSeries, Tombstones, WalReader, WalRecord, WalSeries, read_meta,
    read_record, read_tombstones,
};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Samples of the log that are gathered before they are sent, so that a request holds many of one
/// series.
const GATHERED_SAMPLES_MAX: usize = 400_000;

/// A block, as its `meta.json` tells.
struct Block {
    dir: PathBuf,
    name: String,
    min_ms: i64,
    /// End excluded.
    max_ms: i64,
    series: u64,
}

fn blocks(dir: &Path) -> anyhow::Result<Vec<Block>> {
    let shown = || format!("--prometheus {}", dir.display());
    let mut blocks = Vec::new();
    for entry in fs::read_dir(dir).with_context(shown)? {
        let entry = entry.with_context(shown)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // Names of blocks are ULIDs; one that is being made or removed has more behind it.
        if name.len() != 26 || !name.bytes().all(|b| b.is_ascii_alphanumeric()) {
            continue;
        }
        let path = entry.path().join("meta.json");
        let text = fs::read(&path).with_context(|| format!("{}", path.display()))?;
        let meta = read_meta(&text).map_err(|why| anyhow!("{}: {why}", path.display()))?;
        let BlockMeta { min_ms, max_ms, series } = meta;
        blocks.push(Block { dir: entry.path(), name, min_ms, max_ms, series });
    }
    blocks.sort_by(|a, b| (a.min_ms, &a.name).cmp(&(b.min_ms, &b.name)));
    Ok(blocks)
}

pub(super) fn import(work: &mut Work<'_>, dir: &Path) -> anyhow::Result<String> {
    let blocks = blocks(dir)?;
    let wal = dir.join("wal");
    if blocks.is_empty() && !wal.is_dir() {
        bail!("--prometheus {} holds no block and no wal directory", dir.display());
    }
    // Blocks by name: others may have come since the last run.
    let done = work.state.position()["blocks"].clone();
    let mut done: Vec<Value> = done.as_array().cloned().unwrap_or_default();
    for (number, block) in blocks.iter().enumerate() {
        let outside = block.max_ms <= work.window.first_ms || block.min_ms > work.window.last_ms;
        if outside || done.iter().any(|d| d.as_str() == Some(block.name.as_str())) {
            continue;
        }
        let at = format!("block {} of {}", number + 1, blocks.len());
        import_block(work, block, &at, &done)?;
        done.push(block.name.clone().into());
        work.reached(json!({ "blocks": done }))?;
    }
    let mut what = format!("{} blocks", blocks.len());
    if wal.is_dir() {
        // As Prometheus at its start: what is older stands in blocks, or was deleted from them.
        let covered_ms = blocks.iter().map(|b| b.max_ms).max().unwrap_or(i64::MIN);
        let mut log = Log::default();
        log.read_deleted(&segments_of(&wal)?)?;
        log.replay(work, &segments_of(&wal)?, covered_ms)?;
        // Samples that came out of order, where Prometheus was told to take them.
        let late = dir.join("wbl");
        if late.is_dir() {
            log.replay(work, &segments_of(&late)?, i64::MIN)?;
        }
        work.sender.flush()?;
        what.push_str(" and the write-ahead log");
    }
    Ok(format!("{what} of {}", dir.display()))
}

fn import_block(
    work: &mut Work<'_>,
    block: &Block,
    at: &str,
    done: &[Value],
) -> anyhow::Result<()> {
    let path = block.dir.join("index");
    let bytes = fs::read(&path).with_context(|| format!("{}", path.display()))?;
    let mut index = Index::open(&bytes).with_context(|| format!("{}", path.display()))?;
    let path = block.dir.join("tombstones");
    let deleted = match fs::read(&path) {
        Ok(bytes) => read_tombstones(&bytes).with_context(|| format!("{}", path.display()))?,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Tombstones::default(),
        Err(e) => return Err(e).with_context(|| format!("{}", path.display())),
    };
    let mut segments = Segments::open(&block.dir.join("chunks"))?;
    let position = work.state.position();
    let skip = match position["block"].as_str() {
        Some(name) if name == block.name => position["series"].as_u64().unwrap_or(0),
        _ => 0,
    };
    let mut number = 0u64;
    let shown = || format!("{}", block.dir.join("index").display());
    while let Some(series) = index.next_series().with_context(shown)? {
        number += 1;
        if number <= skip {
            continue;
        }
        let samples = samples_of(work, &series, &mut segments, &deleted, block)?;
        if work.sender.add(&series.labels, &samples)? {
            work.reached(json!({ "blocks": done, "block": block.name, "series": number }))?;
            work.show(&format!("{at}, series {number} of {}", block.series));
        }
    }
    Ok(())
}

fn samples_of(
    work: &mut Work<'_>,
    series: &IndexSeries<'_>,
    segments: &mut Segments,
    deleted: &Tombstones,
    block: &Block,
) -> anyhow::Result<Vec<Sample>> {
    let Window { first_ms, last_ms } = work.window;
    let mut samples = Vec::new();
    for chunk in &series.chunks {
        if chunk.max_ms < first_ms || chunk.min_ms > last_ms {
            continue;
        }
        let told = &mut work.sender.told;
        let example = || format!("{:?} in block {}", series.labels, block.name);
        match segments.chunk(chunk.segment, chunk.offset)? {
            Ok(Chunk::Floats(floats)) => samples.extend(floats),
            Ok(Chunk::Histograms(count)) => {
                told.leave_out("native histograms", count as u64, example);
            }
            Err(error) => {
                let example = || format!("{error}: {}", example());
                told.leave_out("chunks that cannot be read", 1, example);
            }
        }
    }
    if !deleted.is_empty() {
        samples.retain(|s| !deleted.covers(series.reference, s.at_ms));
    }
    // A chunk may reach over its block's end, into the next one's time.
    samples.retain(|s| block.min_ms <= s.at_ms && s.at_ms < block.max_ms);
    work.window.cut(&mut samples);
    Ok(samples)
}

/// Files of a log: those of the last checkpoint, then the segments behind it.
fn segments_of(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let shown = |dir: &Path| format!("{}", dir.display());
    let numbered = |dir: &Path, prefix: &str| -> anyhow::Result<Vec<(u64, PathBuf)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(dir).with_context(|| shown(dir))? {
            let path = entry.with_context(|| shown(dir))?.path();
            let name = path.file_name().and_then(|n| n.to_str()).unwrap_or("");
            if let Some(number) = name.strip_prefix(prefix).and_then(|n| n.parse().ok()) {
                found.push((number, path));
            }
        }
        found.sort();
        Ok(found)
    };
    let mut files = Vec::new();
    let mut from = 0;
    if let Some((number, checkpoint)) = numbered(dir, "checkpoint.")?.pop() {
        files.extend(numbered(&checkpoint, "")?.into_iter().map(|(_, path)| path));
        from = number + 1;
    }
    let behind = numbered(dir, "")?.into_iter().filter(|(number, _)| *number >= from);
    files.extend(behind.map(|(_, path)| path));
    Ok(files)
}

#[derive(Default)]
struct Series {
    labels: Vec<(String, String)>,
    samples: Vec<Sample>,
}

/// What a log tells, record by record.
#[derive(Default)]
struct Log {
    series: HashMap<u64, Series>,
    deleted: Tombstones,
    gathered: usize,
}

/// Shows every record of a log; one that cannot be read ends its file, as the last one of a log that
/// was being written does.
fn records(
    files: &[PathBuf],
    mut show: impl FnMut(WalRecord<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<Vec<String>> {
    let mut torn = Vec::new();
    for path in files {
        let bytes = fs::read(path).with_context(|| format!("{}", path.display()))?;
        let mut log = WalReader::new(&bytes);
        loop {
            let offset = log.offset();
            match log.next_record() {
                Ok(Some(record)) => match read_record(record) {
                    Some(record) => show(record)?,
                    None => torn.push(format!("{} at byte {offset}", path.display())),
                },
                Ok(None) => break,
                Err(error) => {
                    torn.push(format!("{}: {error}", path.display()));
                    break;
                }
            }
        }
    }
    Ok(torn)
}

impl Log {
    /// Deletions hold for samples before and behind them, so they are read first.
    fn read_deleted(&mut self, files: &[PathBuf]) -> anyhow::Result<()> {
        records(files, |record| {
            if let WalRecord::Tombstones(deleted) = record {
                deleted
                    .into_iter()
                    .for_each(|(series, min, max)| self.deleted.add(series, min, max));
            }
            Ok(())
        })?;
        Ok(())
    }

    /// Sends the samples from `covered_ms` on.
    fn replay(
        &mut self,
        work: &mut Work<'_>,
        files: &[PathBuf],
        covered_ms: i64,
    ) -> anyhow::Result<()> {
        for (number, path) in files.iter().enumerate() {
            let at = format!("write-ahead log, file {} of {}", number + 1, files.len());
            let torn = records(std::slice::from_ref(path), |record| {
                match record {
                    WalRecord::Series(series) => self.name(series),
                    WalRecord::Samples(samples) => {
                        for sample in samples {
                            if sample.at_ms >= covered_ms {
                                self.gather(work, sample.reference, sample.at_ms, sample.value);
                            }
                        }
                    }
                    WalRecord::Histograms(_) => {
                        let what = "records of native histograms in the write-ahead log";
                        work.sender.told.leave_out(what, 1, String::new);
                    }
                    WalRecord::Tombstones(_) | WalRecord::Other => {}
                }
                if self.gathered >= GATHERED_SAMPLES_MAX {
                    self.send(work)?;
                    work.show(&at);
                }
                Ok(())
            })?;
            for torn in torn {
                let what = "places where the write-ahead log ends early or cannot be read";
                work.sender.told.leave_out(what, 1, || torn);
            }
        }
        self.send(work)
    }

    fn name(&mut self, series: Vec<WalSeries<'_>>) {
        let own = |labels: Vec<(&str, &str)>| {
            labels.into_iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
        };
        for WalSeries { reference, labels } in series {
            self.series.entry(reference).or_default().labels = own(labels);
        }
    }

    fn gather(&mut self, work: &mut Work<'_>, reference: u64, at_ms: i64, value: f64) {
        let Window { first_ms, last_ms } = work.window;
        if at_ms < first_ms || at_ms > last_ms || self.deleted.covers(reference, at_ms) {
            return;
        }
        match self.series.get_mut(&reference) {
            Some(series) => {
                series.samples.push(Sample { at_ms, value });
                self.gathered += 1;
            }
            None => {
                let what = "samples of the write-ahead log whose series is not in it";
                work.sender.told.leave_out(what, 1, String::new);
            }
        }
    }

    fn send(&mut self, work: &mut Work<'_>) -> anyhow::Result<()> {
        for series in self.series.values_mut().filter(|s| !s.samples.is_empty()) {
            work.sender.add(&series.labels, &series.samples)?;
            series.samples.clear();
        }
        self.gathered = 0;
        work.sender.flush()
    }
}
