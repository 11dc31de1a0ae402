//! What a process has used, as the kernel counts it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// The kernel shows times to programs in hundredths of a second on every machine.
///
/// Source: proc(5), `sysconf(_SC_CLK_TCK)`; a constant of Linux' interface since 2.6.
const TICKS_PER_SECOND: f64 = 100.0;

/// One reading.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    /// User and system time of all threads, seconds.
    pub(crate) cpu_s: f64,
    /// Largest resident memory so far, bytes.
    pub(crate) peak_rss: f64,
    /// Resident memory that no file stands behind, bytes.
    pub(crate) anonymous: f64,
}

/// Reads what a running process has used.
pub(crate) fn usage(pid: u32) -> Result<Usage> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let bytes = |name: &str| -> f64 {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|rest| rest.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok());
        kib.unwrap_or(0.0) * 1_024.0
    };
    let (_, cpu_s) = state(pid)?;
    Ok(Usage { cpu_s, peak_rss: bytes("VmHWM:"), anonymous: bytes("RssAnon:") })
}

/// Returns a process' state letter and the seconds of processor time it has used; both can still
/// be read when it has ended and nobody has waited for it yet.
pub(crate) fn state(pid: u32) -> Result<(char, f64)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in parentheses may hold anything; fields are counted from behind it.
    let (_, rest) = stat.rsplit_once(')').context("malformed stat")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok());
    let letter = fields.first().and_then(|text| text.chars().next()).context("malformed stat")?;
    let used = ticks(11).zip(ticks(12)).map(|(user, system)| user + system);
    Ok((letter, used.context("malformed stat")? / TICKS_PER_SECOND))
}

/// Returns the seconds of processor time that all processes of the machine have used, with what
/// the hypervisor took.
pub(crate) fn machine_cpu_s() -> Result<f64> {
    let stat = fs::read_to_string("/proc/stat")?;
    let line = stat.lines().next().context("empty /proc/stat")?;
    let ticks: Vec<f64> =
        line.split_whitespace().skip(1).filter_map(|text| text.parse().ok()).collect();
    // user nice system idle iowait irq softirq steal
    let busy = [0, 1, 2, 5, 6, 7].iter().filter_map(|&at| ticks.get(at)).sum::<f64>();
    Ok(busy / TICKS_PER_SECOND)
}

/// Says whether a program is there and may be run.
pub(crate) fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_the_machine_has_used_more_time_than_it() {
        let own = usage(std::process::id()).expect("own usage");
        assert!(own.peak_rss >= own.anonymous && own.anonymous > 0.0);
        assert!(machine_cpu_s().expect("machine") >= own.cpu_s);
    }
}
