//! `/proc/meminfo`: memory and swap.

use super::{Round, percent};
use model::Unit;
use std::collections::HashMap;

const FILE: &str = "meminfo";

pub(super) fn collect(round: &mut Round<'_>) {
    let Some(text) = round.read(FILE) else { return };
    let sizes = Sizes { bytes: text.lines().filter_map(size).collect() };
    put_memory(round, &sizes);
    put_swap(round, &sizes);
}

/// Reads a line such as `MemTotal:  16 kB`.
fn size(line: &str) -> Option<(&str, u64)> {
    let (name, rest) = line.split_once(':')?;
    let kilobytes: u64 = rest.trim().strip_suffix(" kB")?.parse().ok()?;
    Some((name, kilobytes.checked_mul(1024)?))
}

struct Sizes<'a> {
    bytes: HashMap<&'a str, u64>,
}

impl Sizes<'_> {
    /// Returns a size, or notes that it is missing.
    fn get(&self, round: &mut Round<'_>, name: &str) -> Option<u64> {
        let found = self.bytes.get(name).copied();
        if found.is_none() {
            round.form_error(FILE, name);
        }
        found
    }
}

fn put_memory(round: &mut Round<'_>, sizes: &Sizes<'_>) {
    for (metric, name) in [
        ("mem_active", "Active"),
        ("mem_buffered", "Buffers"),
        ("mem_free", "MemFree"),
        ("mem_inactive", "Inactive"),
        ("mem_shared", "Shmem"),
        ("mem_total", "MemTotal"),
        ("mem_available", "MemAvailable"),
    ] {
        if let Some(bytes) = sizes.get(round, name) {
            round.put(metric, Unit::Bytes, &[], bytes as f64);
        }
    }
    let known = |name: &str| sizes.bytes.get(name).copied();
    // The agent counts the slab that can be given back as cache.
    let cached = sizes.get(round, "Cached").map(|c| c + known("SReclaimable").unwrap_or(0));
    if let Some(cached) = cached {
        round.put("mem_cached", Unit::Bytes, &[], cached as f64);
    }
    let Some(total) = known("MemTotal") else { return };
    if let Some(available) = known("MemAvailable") {
        round.put("mem_available_percent", Unit::Percent, &[], percent(available, total));
    }
    if let (Some(free), Some(buffers), Some(cached)) = (known("MemFree"), known("Buffers"), cached)
    {
        let used = total.saturating_sub(free + buffers + cached);
        round.put("mem_used", Unit::Bytes, &[], used as f64);
        round.put("mem_used_percent", Unit::Percent, &[], percent(used, total));
    }
}

fn put_swap(round: &mut Round<'_>, sizes: &Sizes<'_>) {
    let total = sizes.get(round, "SwapTotal");
    let free = sizes.get(round, "SwapFree");
    if let (Some(total), Some(free)) = (total, free) {
        let used = total.saturating_sub(free);
        round.put("swap_free", Unit::Bytes, &[], free as f64);
        round.put("swap_used", Unit::Bytes, &[], used as f64);
        round.put("swap_used_percent", Unit::Percent, &[], percent(used, total));
    }
}
