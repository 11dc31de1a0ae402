//! From VictoriaMetrics' export: lines of JSON.

use super::Work;
use anyhow::{Context, bail};
use flate2::bufread::MultiGzDecoder;
use formats::victoria::read_line;
use serde_json::json;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

/// A line longer than this is no line of an export.
const LINE_BYTES_MAX: u64 = 512 << 20;
const BUFFER_BYTES: usize = 1 << 20;

fn open(file: &str) -> anyhow::Result<Box<dyn BufRead>> {
    let mut plain: Box<dyn BufRead> = match file {
        "-" => Box::new(BufReader::with_capacity(BUFFER_BYTES, io::stdin())),
        path => {
            let file = File::open(path).with_context(|| format!("--victoriametrics {path}"))?;
            Box::new(BufReader::with_capacity(BUFFER_BYTES, file))
        }
    };
    // By its first bytes, as a pipe has no name.
    if plain.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
        return Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, MultiGzDecoder::new(plain))));
    }
    Ok(plain)
}

pub(super) fn import(work: &mut Work<'_>, file: &str) -> anyhow::Result<String> {
    let mut reader = open(file)?;
    let done = work.state.position()["lines"].as_u64().unwrap_or(0);
    let (mut number, mut line) = (0u64, Vec::new());
    loop {
        line.clear();
        let read = reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line);
        let read = read.with_context(|| format!("line {} of {file}", number + 1))?;
        if read == 0 {
            break;
        }
        number += 1;
        if read as u64 == LINE_BYTES_MAX {
            bail!("line {number} of {file} has more than {LINE_BYTES_MAX} bytes");
        }
        if number <= done || line.trim_ascii().is_empty() {
            continue;
        }
        let full = match read_line(&line) {
            Ok(mut parsed) => {
                work.window.cut(&mut parsed.samples);
                let what = "values that are no numbers (null)";
                let nulls = parsed.nulls as u64;
                work.sender.told.leave_out(what, nulls, || format!("in line {number}"));
                work.sender.add(&parsed.labels, &parsed.samples)?
            }
            Err(why) => {
                let what = "lines that cannot be read";
                work.sender.told.leave_out(what, 1, || format!("line {number}: {why}"));
                false
            }
        };
        if full {
            work.reached(json!({ "lines": number }))?;
            work.show(&format!("line {number}"));
        }
    }
    work.reached(json!({ "lines": number }))?;
    Ok(format!("{number} lines of {file}"))
}
