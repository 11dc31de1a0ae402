//! `/proc/net/{tcp,tcp6,udp,udp6}`: sockets by their state.

use super::Round;
use model::Unit;

/// Metrics of the kernel's TCP states; the state is the index, from 1.
///
/// Source: Linux, `include/net/tcp_states.h`.
const STATES: [&str; 11] = [
    "netstat_tcp_established",
    "netstat_tcp_syn_sent",
    "netstat_tcp_syn_recv",
    "netstat_tcp_fin_wait1",
    "netstat_tcp_fin_wait2",
    "netstat_tcp_time_wait",
    "netstat_tcp_close",
    "netstat_tcp_close_wait",
    "netstat_tcp_last_ack",
    "netstat_tcp_listen",
    "netstat_tcp_closing",
];
const SYN_RECV: usize = 3;
/// A request to connect that is not a full socket yet.
const NEW_SYN_RECV: usize = 12;

pub(super) fn collect(round: &mut Round<'_>) {
    // One count over both families: with one of them missing it would be wrong, not incomplete. A
    // kernel without IPv6 has no files for it.
    let tcp = [round.read("net/tcp"), round.read_if_there("net/tcp6")];
    if tcp[0].is_some() {
        let mut counts = [0u64; STATES.len()];
        let mut none = 0u64;
        for line in tcp.iter().flatten().flat_map(|text| text.lines().skip(1)) {
            match state(line) {
                Some(NEW_SYN_RECV) => counts[SYN_RECV - 1] += 1,
                Some(state) if (1..=STATES.len()).contains(&state) => counts[state - 1] += 1,
                _ => none += 1,
            }
        }
        for (name, count) in STATES.into_iter().zip(counts) {
            round.put(name, Unit::Count, &[], count as f64);
        }
        round.put("netstat_tcp_none", Unit::Count, &[], none as f64);
    }
    let udp = [round.read("net/udp"), round.read_if_there("net/udp6")];
    if udp[0].is_some() {
        let sockets: usize = udp.iter().flatten().map(|text| text.lines().skip(1).count()).sum();
        round.put("netstat_udp_socket", Unit::Count, &[], sockets as f64);
    }
}

/// Reads the fourth column, a hexadecimal number.
fn state(line: &str) -> Option<usize> {
    let column = line.split_ascii_whitespace().nth(3)?;
    usize::from_str_radix(column, 16).ok()
}
