//! The load of pods: a million series whose names carry much, some of which are replaced each round.
//!
//! A pod has twenty series and the labels that a scrape of a Kubernetes node gives them. The first
//! three rounds repeat the same series; in each later round a tenth of the pods is gone and as many
//! new ones stand in their places.

use crate::random::Random;
use crate::samples::put_series;

/// Rounds in which nothing is replaced.
pub(crate) const STEADY: usize = 3;
/// All rounds.
pub(crate) const ROUNDS: usize = 6;
/// Time between two samples of a series.
pub(crate) const STEP_MS: i64 = 15_000;
/// Pods in one request, which makes it 2,000 samples.
pub(crate) const PODS_PER_REQUEST: usize = 100;
/// Series of one pod.
pub(crate) const SERIES_PER_POD: usize = NAMES.len();
/// The metric by which a server is asked whether everything arrived.
pub(crate) const COUNTED_NAME: &str = NAMES[0];

const NAMES: [&str; 20] = [
    "container_cpu_usage_seconds_total",
    "container_cpu_cfs_periods_total",
    "container_cpu_cfs_throttled_periods_total",
    "container_cpu_user_seconds_total",
    "container_cpu_system_seconds_total",
    "container_memory_working_set_bytes",
    "container_memory_usage_bytes",
    "container_memory_rss",
    "container_memory_cache",
    "container_memory_failures_total",
    "container_network_receive_bytes_total",
    "container_network_transmit_bytes_total",
    "container_network_receive_packets_total",
    "container_network_transmit_packets_total",
    "container_fs_reads_bytes_total",
    "container_fs_writes_bytes_total",
    "container_fs_usage_bytes",
    "container_threads",
    "container_processes",
    "container_file_descriptors",
];

/// Appends the samples of one request: the pods in places `lane * PODS_PER_REQUEST` and following.
pub(crate) fn put_request(out: &mut Vec<u8>, lane: usize, round: usize, time_ms: i64) {
    for place in lane * PODS_PER_REQUEST..(lane + 1) * PODS_PER_REQUEST {
        put_pod(out, place, round, time_ms);
    }
}

/// Returns the name of the pod in a place.
pub(crate) fn name(place: usize, round: usize) -> String {
    let mut random = random_of(place, round);
    let (low, high) = (random.next(), random.next());
    format!("service-{}-{:010x}-{:05x}", place / PODS_PER_SERVICE, low >> 24, high & 0xf_ffff)
}

fn random_of(place: usize, round: usize) -> Random {
    Random::seeded(((place as u64) << 3) | u64::from(replaced(place, round)))
}

const PODS_PER_SERVICE: usize = 50;

fn put_pod(out: &mut Vec<u8>, place: usize, round: usize, time_ms: i64) {
    let service = place / PODS_PER_SERVICE;
    let namespace = format!("team-{:02}", service % 100);
    let image = format!("registry.internal/service-{service}:1.{}.0", service % 40);
    let pod = name(place, round);
    let mut random = random_of(place, round);
    let uid = format!("{:016x}{:016x}", random.next(), random.next());
    let node = random.below(500);
    let (node, instance) =
        (format!("node-{node}"), format!("10.0.{}.{}:10250", node / 250, node % 250));
    for (at, name) in NAMES.iter().enumerate() {
        let labels = [
            ("__name__", *name),
            ("cluster", "prod-eu-1"),
            ("container", "app"),
            ("image", &image),
            ("instance", &instance),
            ("job", "kubelet"),
            ("namespace", &namespace),
            ("node", &node),
            ("pod", &pod),
            ("uid", &uid),
        ];
        let value = (random.below(1_000) + round as u64 * (at as u64 + 1) * 100) as f64;
        put_series(out, &labels, value, time_ms);
    }
}

/// Says whether the pod in this place is already the second one.
///
/// The places that change in one round are spread over all requests, as in a rolling update.
fn replaced(place: usize, round: usize) -> bool {
    round >= STEADY && place % 10 <= round - STEADY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_of_the_pods_is_replaced_in_each_late_round() {
        let new_in = |round: usize| {
            (0..1_000).filter(|&place| replaced(place, round) != replaced(place, round - 1)).count()
        };
        assert_eq!((1..ROUNDS).map(new_in).collect::<Vec<_>>(), [0, 0, 100, 100, 100]);
    }

    #[test]
    fn a_request_holds_two_thousand_samples() {
        assert_eq!(PODS_PER_REQUEST * SERIES_PER_POD, crate::samples::PER_REQUEST);
    }
}
