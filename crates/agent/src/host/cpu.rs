//! `/proc/stat`: where the time of the processors went.

use super::{Round, numbers};
use model::Unit;

const FILE: &str = "stat";

/// The states of a processor, in the order of the kernel's columns.
#[derive(Clone, Copy)]
enum State {
    User,
    Nice,
    System,
    Idle,
    Iowait,
    Irq,
    Softirq,
    Steal,
    Guest,
    GuestNice,
}

use State::*;

/// Time metric, usage metric and the kernel's name of each state.
const STATES: [(State, &str, &str, &str); 10] = [
    (User, "cpu_time_user", "cpu_usage_user", "user"),
    (Nice, "cpu_time_nice", "cpu_usage_nice", "nice"),
    (System, "cpu_time_system", "cpu_usage_system", "system"),
    (Idle, "cpu_time_idle", "cpu_usage_idle", "idle"),
    (Iowait, "cpu_time_iowait", "cpu_usage_iowait", "iowait"),
    (Irq, "cpu_time_irq", "cpu_usage_irq", "irq"),
    (Softirq, "cpu_time_softirq", "cpu_usage_softirq", "softirq"),
    (Steal, "cpu_time_steal", "cpu_usage_steal", "steal"),
    (Guest, "cpu_time_guest", "cpu_usage_guest", "guest"),
    (GuestNice, "cpu_time_guest_nice", "cpu_usage_guest_nice", "guest_nice"),
];

/// The states that make up the whole: guests' time is within user and nice.
const WHOLE: std::ops::RangeInclusive<usize> = (User as usize)..=(Steal as usize);

pub(super) fn collect(round: &mut Round<'_>) {
    let Some(text) = round.read(FILE) else { return };
    let mut seen = false;
    for line in text.lines() {
        let Some((name, rest)) = line.split_once(' ') else { continue };
        let cpu = match name.strip_prefix("cpu") {
            Some("") => "cpu-total",
            Some(number) if number.bytes().all(|b| b.is_ascii_digit()) => name,
            _ => continue,
        };
        seen = true;
        let mut times = numbers(rest);
        if times.len() < 4 {
            round.form_error(FILE, format!("times of {cpu}"));
            continue;
        }
        // Old kernels have fewer states.
        times.resize(STATES.len(), 0);
        put_times(round, cpu, &times);
        put_usage(round, cpu, &times);
    }
    if !seen {
        round.form_error(FILE, "line of a processor");
    }
}

/// The kernel counts in hundredths of a second (USER_HZ), which is also what the agent documents.
fn put_times(round: &mut Round<'_>, cpu: &str, times: &[u64]) {
    let dimensions = [("cpu", cpu)];
    for (state, time, _, _) in STATES {
        round.put(time, Unit::None, &dimensions, times[state as usize] as f64);
    }
    let active: u64 = times[WHOLE].iter().sum::<u64>().saturating_sub(times[Idle as usize]);
    round.put("cpu_time_active", Unit::None, &dimensions, active as f64);
}

fn put_usage(round: &mut Round<'_>, cpu: &str, times: &[u64]) {
    let mut grown = [None; STATES.len()];
    for (state, _, _, name) in STATES {
        grown[state as usize] = round.grown(cpu, name, times[state as usize]);
    }
    // Waiting for a disk is known to count back now and then: that state is left out of the round,
    // the others stay right to within its share.
    let whole: u64 = grown[WHOLE].iter().flatten().sum();
    if whole == 0 {
        return;
    }
    let percent = |part: u64| super::percent(part, whole);
    let dimensions = [("cpu", cpu)];
    for (state, _, usage, _) in STATES {
        let own = match state {
            User => less(grown[User as usize], grown[Guest as usize]),
            Nice => less(grown[Nice as usize], grown[GuestNice as usize]),
            _ => grown[state as usize],
        };
        if let Some(own) = own {
            round.put(usage, Unit::Percent, &dimensions, percent(own));
        }
    }
    if let Some(idle) = grown[Idle as usize] {
        round.put("cpu_usage_active", Unit::Percent, &dimensions, percent(whole - idle));
    }
}

/// A guest's time is shown as the guest's and not a second time as its host's.
fn less(host: Option<u64>, guest: Option<u64>) -> Option<u64> {
    Some(host?.saturating_sub(guest?))
}
