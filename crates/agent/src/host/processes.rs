//! `/proc/<number>/stat`: processes by their state.

use super::{CollectError, Round};
use model::Unit;
use std::fs;

/// Metrics and the kernel's letters for them.
///
/// Source: proc_pid_stat(5).
const STATES: [(&str, &[u8]); 8] = [
    ("processes_blocked", b"D"),
    ("processes_dead", b"Xx"),
    ("processes_idle", b"I"),
    ("processes_paging", b"W"),
    ("processes_running", b"R"),
    ("processes_sleeping", b"S"),
    ("processes_stopped", b"Tt"),
    ("processes_zombies", b"Z"),
];

/// Columns after the name: the state comes first.
const THREADS: usize = 17;

pub(super) fn collect(round: &mut Round<'_>) {
    let entries = match fs::read_dir(round.proc_root) {
        Ok(entries) => entries,
        Err(source) => {
            let path = round.proc_root.to_owned();
            round.errors.push(CollectError::Read { path, source });
            return;
        }
    };
    let mut counts = [0u64; STATES.len()];
    let (mut total, mut threads) = (0u64, 0u64);
    for entry in entries.flatten() {
        let name = entry.file_name();
        if !name.as_encoded_bytes().iter().all(u8::is_ascii_digit) {
            continue;
        }
        // A process that ended between the two reads is no error, nor one that we may not see.
        let Ok(stat) = fs::read(entry.path().join("stat")) else { continue };
        let Some((state, own_threads)) = state_and_threads(&stat) else {
            round.form_error(&format!("{}/stat", name.to_string_lossy()), "state and threads");
            continue;
        };
        total += 1;
        threads += own_threads;
        if let Some(at) = STATES.iter().position(|(_, letters)| letters.contains(&state)) {
            counts[at] += 1;
        }
    }
    for ((name, _), count) in STATES.into_iter().zip(counts) {
        round.put(name, Unit::Count, &[], count as f64);
    }
    round.put("processes_total", Unit::Count, &[], total as f64);
    round.put("processes_total_threads", Unit::Count, &[], threads as f64);
}

/// The name is in parentheses and may hold any bytes, also blanks and parentheses.
fn state_and_threads(stat: &[u8]) -> Option<(u8, u64)> {
    let name_end = stat.iter().rposition(|&b| b == b')')?;
    let rest = std::str::from_utf8(&stat[name_end + 1..]).ok()?;
    let mut columns = rest.split_ascii_whitespace();
    let state = *columns.next()?.as_bytes().first()?;
    let threads = columns.nth(THREADS - 1)?.parse().ok()?;
    Some((state, threads))
}
