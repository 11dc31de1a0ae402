//! `/proc/net/dev`: what went through the network interfaces.

use super::{Round, numbers};
use model::Unit;

const FILE: &str = "net/dev";
const HEADINGS: usize = 2;

/// Metric, unit and column after the name.
const COUNTERS: [(&str, Unit, usize); 8] = [
    ("net_bytes_recv", Unit::Bytes, 0),
    ("net_packets_recv", Unit::Count, 1),
    ("net_err_in", Unit::Count, 2),
    ("net_drop_in", Unit::Count, 3),
    ("net_bytes_sent", Unit::Bytes, 8),
    ("net_packets_sent", Unit::Count, 9),
    ("net_err_out", Unit::Count, 10),
    ("net_drop_out", Unit::Count, 11),
];
const COLUMNS_MIN: usize = 12;

pub(super) fn collect(round: &mut Round<'_>) {
    let Some(text) = round.read(FILE) else { return };
    for line in text.lines().skip(HEADINGS) {
        // Aliases have colons in their names; counters have none.
        let (name, columns) = line.rsplit_once(':').unwrap_or_default();
        let (name, columns) = (name.trim(), numbers(columns));
        if name.is_empty() || columns.len() < COLUMNS_MIN {
            round.form_error(FILE, "columns of an interface");
            continue;
        }
        // As the agent does.
        if name == "lo" {
            continue;
        }
        // Interfaces that nobody ever used are not shown, but noted, as disks are.
        let used = columns.iter().any(|&c| c != 0);
        for (metric, unit, column) in COUNTERS {
            let grown = round.grown(name, metric, columns[column]);
            if let Some(grown) = grown.filter(|_| used) {
                round.put(metric, unit, &[("interface", name)], grown as f64);
            }
        }
    }
}
