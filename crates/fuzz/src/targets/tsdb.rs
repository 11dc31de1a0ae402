//! The files of a Prometheus data directory that somebody brings along. Checksums are put right in a
//! second try.

use crate::checksums;
use formats::tsdb::{
    Chunk, Index, TsdbError, WalReader, WalRecord, chunk_len, read_chunk, read_meta, read_record,
    read_tombstones,
};

pub(super) const META_WORDS: &[&[u8]] = &[
    b"\"minTime\":",
    b"\"maxTime\":",
    b"\"version\":1",
    b"\"stats\":{\"numSeries\":",
    b"-9223372036854775808",
    b"null",
    b"[[[[[[[[[[[[[[[[",
    b"1.5",
];

fn check_place(error: &TsdbError, input: &[u8]) {
    assert!(error.offset <= input.len(), "{error}: no place in {} bytes", input.len());
    assert!(!error.what.is_empty());
}

/// As it came, and with its checksums mended.
fn both(input: &[u8], mend: fn(&mut [u8]), attack: fn(&[u8])) {
    attack(input);
    let mut mended = input.to_vec();
    mend(&mut mended);
    attack(&mended);
}

/// `meta.json`.
pub(super) fn meta(input: &[u8]) {
    match read_meta(input) {
        Ok(meta) => assert!(meta.min_ms <= meta.max_ms, "{meta:?}"),
        Err(why) => assert!(!why.is_empty()),
    }
}

/// The index of a block.
pub(super) fn index(input: &[u8]) {
    both(input, checksums::mend_tsdb_index, |bytes| {
        let mut index = match Index::open(bytes) {
            Ok(index) => index,
            Err(error) => return check_place(&error, bytes),
        };
        let mut last = None;
        loop {
            match index.next_series() {
                Ok(Some(series)) => {
                    assert!(last < Some(series.reference), "series go forward");
                    last = Some(series.reference);
                    let mut before = i64::MIN;
                    for chunk in &series.chunks {
                        assert!(before <= chunk.min_ms && chunk.min_ms <= chunk.max_ms);
                        before = chunk.max_ms;
                    }
                }
                Ok(None) => return,
                Err(error) => return check_place(&error, bytes),
            }
        }
    });
}

/// A chunk of samples.
pub(super) fn chunk(input: &[u8]) {
    both(input, checksums::mend_tsdb_chunk, |bytes| match read_chunk(bytes) {
        Ok(chunk) => {
            let len = chunk_len(bytes).expect("it was read");
            assert!(len <= bytes.len(), "it was read from what is there");
            if let Chunk::Floats(samples) = chunk {
                assert!(samples.len() <= len * 4, "{} samples in {len} bytes", samples.len());
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    });
}

/// What was deleted of a block.
pub(super) fn tombstones(input: &[u8]) {
    both(input, checksums::mend_tsdb_tombstones, |bytes| match read_tombstones(bytes) {
        Ok(tombstones) => {
            let _ = (tombstones.is_empty(), tombstones.covers(1, 0));
        }
        Err(error) => check_place(&error, bytes),
    });
}

/// A segment of the write-ahead log, and its records.
pub(super) fn log(input: &[u8]) {
    both(input, checksums::mend_tsdb_log, |bytes| {
        let mut log = WalReader::new(bytes);
        let mut records = 0;
        loop {
            match log.next_record() {
                Ok(Some(found)) => {
                    record(found);
                    records += 1;
                    assert!(records <= bytes.len(), "a record takes some bytes");
                }
                Ok(None) => break assert!(log.offset() <= bytes.len(), "at the end"),
                Err(error) => break check_place(&error, bytes),
            }
        }
    });
}

/// A record of the log.
pub(super) fn record(input: &[u8]) {
    let least = |count: usize, bytes: usize| assert!(count * bytes < input.len().max(1));
    match read_record(input) {
        Some(WalRecord::Series(series)) => {
            least(series.len(), 9);
            least(series.iter().map(|s| s.labels.len()).sum(), 2);
        }
        Some(WalRecord::Samples(samples)) => least(samples.len(), 10),
        Some(WalRecord::Tombstones(deleted)) => least(deleted.len(), 10),
        Some(WalRecord::Histograms(bytes)) => assert!(bytes < input.len()),
        Some(WalRecord::Other) | None => {}
    }
}
