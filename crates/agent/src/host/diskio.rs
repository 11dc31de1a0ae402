//! `/proc/diskstats`: what the disks did.

use super::{Round, numbers};
use model::Unit;

const FILE: &str = "diskstats";

/// The kernel counts in sectors of this size, whatever a disk's own is.
const SECTOR_BYTES: u64 = 512;

/// Metric, unit, column after the name, and what one of it is worth.
const COUNTERS: [(&str, Unit, usize, u64); 7] = [
    ("diskio_reads", Unit::Count, 0, 1),
    ("diskio_read_bytes", Unit::Bytes, 2, SECTOR_BYTES),
    ("diskio_read_time", Unit::Milliseconds, 3, 1),
    ("diskio_writes", Unit::Count, 4, 1),
    ("diskio_write_bytes", Unit::Bytes, 6, SECTOR_BYTES),
    ("diskio_write_time", Unit::Milliseconds, 7, 1),
    ("diskio_io_time", Unit::Milliseconds, 9, 1),
];
const IN_PROGRESS: usize = 8;
const COLUMNS_MIN: usize = 11;

pub(super) fn collect(round: &mut Round<'_>) {
    let Some(text) = round.read(FILE) else { return };
    for line in text.lines() {
        let mut fields = line.split_ascii_whitespace().skip(2);
        let name = fields.next().unwrap_or_default();
        let columns = numbers(&fields.collect::<Vec<_>>().join(" "));
        if name.is_empty() || columns.len() < COLUMNS_MIN {
            round.form_error(FILE, "columns of a disk");
            continue;
        }
        // Devices that nobody ever used are not shown: kernels make a dozen of them. Their counters
        // are noted all the same, so that the first use is not lost.
        let used = columns.iter().any(|&c| c != 0);
        let dimensions = [("name", name)];
        if used {
            let in_progress = columns[IN_PROGRESS] as f64;
            round.put("diskio_iops_in_progress", Unit::Count, &dimensions, in_progress);
        }
        for (metric, unit, column, worth) in COUNTERS {
            let grown = round.grown(name, metric, columns[column]);
            if let Some(grown) = grown.filter(|_| used) {
                round.put(metric, unit, &dimensions, grown.saturating_mul(worth) as f64);
            }
        }
    }
}
