//! Which requests a query is in its n-th run: other hosts and other times in each.

use crate::frames::Shape;
use crate::http::escaped;
use crate::pods;
use crate::random::Random;
use crate::samples;

use super::table::{Call, Load, Query};

/// Runs that have parameters of their own.
pub(crate) const RUNS: usize = 20;

/// How much time a range query is over.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Over {
    /// An hour, anywhere in the data.
    Hour,
    /// All the data but for what runs are shifted by, up to the newest.
    Long,
    /// As many windows as there are, end to end, up to the newest.
    Windows,
}

/// The times of one load. In milliseconds.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Of the oldest sample.
    start: i64,
    /// Of run 0; a multiple of all steps, so that a server which rounds times to steps for the sake
    /// of its cache is asked for what it would answer anyway.
    end: i64,
    /// What a run is shifted by.
    unit: i64,
    hour: i64,
    long: i64,
    window: i64,
    series: usize,
}

const MINUTE: i64 = 60_000;
/// The widest window of a rate, and the longest step.
const LEAD: i64 = 5 * MINUTE;

impl Plan {
    /// Plans six hours, or as much less as there is of `hosts`; for `pods` only the end matters.
    pub(crate) fn new(load: Load, shape: &Shape) -> Self {
        let start = shape.start_ms;
        let series = shape.lanes * shape.items;
        if load == Load::Pods {
            // Runs are asked later and later: five minutes long nothing is too old to be seen.
            let end = shape.end_ms() / 1_000 * 1_000;
            return Self { start, end, unit: -1_000, hour: 0, long: 0, window: 0, series };
        }
        let (grid, unit) =
            if shape.end_ms() - start > 120 * MINUTE { (LEAD, MINUTE) } else { (MINUTE, 10_000) };
        let end = shape.end_ms() / grid * grid;
        let room = end - start - unit * RUNS as i64;
        let long = (room - LEAD) / LEAD * LEAD;
        let hour = long.min(60 * MINUTE);
        let window = (room * 10 / 55 / 10_000 * 10_000).min(60 * MINUTE);
        Self { start, end, unit, hour, long, window, series }
    }

    /// Says whether there is enough data for all queries.
    pub(crate) fn is_good(&self, load: Load) -> bool {
        load == Load::Pods || self.long >= LEAD
    }

    /// Returns the paths of the requests of a run; `cold` asks servers not to answer from a cache of
    /// results. Those that have no such parameter do not mind it.
    pub(crate) fn paths(&self, query: &Query, run: usize, cold: bool) -> Vec<String> {
        let seed = seed(query.name, run);
        let text = self.put_names(query.text, &mut Random::seeded(seed));
        let tail = if cold { "&nocache=1" } else { "" };
        let path = |metric: &&str| {
            let text = text.replace("$metric", metric);
            // The same draws for each metric: all are asked for the same time.
            let path = self.path(query.call, &text, run, &mut Random::seeded(seed ^ 1));
            format!("{path}{tail}")
        };
        samples::GAUGES[..query.metrics].iter().map(path).collect()
    }

    fn path(&self, call: Call, text: &str, run: usize, random: &mut Random) -> String {
        let shifted = self.end - self.unit * run as i64;
        let text = escaped(text);
        let (from, to) = (self.start / 1_000 - 60 * (1 + run as i64), self.end / 1_000 + 60);
        match call {
            Call::Instant => format!("/api/v1/query?query={text}&time={}", shifted / 1_000),
            Call::Range(over, step) => {
                let (start, end, step) = self.range(over, step, shifted, random);
                format!("/api/v1/query_range?query={text}&start={start}&end={end}&step={step}")
            }
            Call::Values(label) => {
                let matching =
                    if text.is_empty() { String::new() } else { format!("match[]={text}&") };
                format!("/api/v1/label/{label}/values?{matching}start={from}&end={to}")
            }
            Call::Series => format!("/api/v1/series?match[]={text}&start={from}&end={to}"),
        }
    }

    /// Returns start, end and step in seconds.
    fn range(&self, over: Over, step: i64, shifted: i64, random: &mut Random) -> (i64, i64, i64) {
        let (start, end, step) = match over {
            Over::Hour => {
                let room = (self.end - self.start - LEAD - self.hour) / LEAD;
                let end = self.end - LEAD * random.below(room.max(1) as u64) as i64;
                (end - self.hour, end, step)
            }
            Over::Long => (shifted - self.long, shifted, step),
            Over::Windows => {
                // The first window is cut by the data's start, in later runs more than in earlier ones.
                (shifted - 5 * self.window, shifted, self.window / 1_000)
            }
        };
        (start / 1_000, end / 1_000, step)
    }

    /// Puts names of this run in the place of words with a dollar.
    fn put_names(&self, text: &str, random: &mut Random) -> String {
        let mut hosts: Vec<String> = Vec::new();
        while hosts.len() < 8 {
            let host = format!("host_{}", random.below(samples::HOSTS as u64));
            if !hosts.contains(&host) {
                hosts.push(host);
            }
        }
        let places = (self.series / pods::SERIES_PER_POD) as u64;
        // The last place of each ten keeps its pod.
        let place = random.below(places.max(10) / 10) as usize * 10 + 9;
        text.replace("$hosts", &hosts.join("|"))
            .replace("$host", &hosts[0])
            .replace("$service", &random.below(20).to_string())
            .replace("$pod", &pods::name(place, 0))
            .replace("$window", &format!("{}s", self.window / 1_000))
            .replace("$all", &format!("{}s", (self.end - self.start) / 1_000 + 60))
    }
}

/// Another one for each query and run (FNV-1a).
fn seed(name: &str, run: usize) -> u64 {
    let bytes = name.bytes().chain(run.to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::table::QUERIES;
    use super::*;

    fn shape(rounds: usize) -> Shape {
        Shape::for_test(rounds, 1_763_000_000_000)
    }

    #[test]
    fn every_cold_run_asks_for_something_else_and_inside_the_data() {
        for rounds in [90, 2_160] {
            let shape = shape(rounds);
            let plan = Plan::new(Load::Hosts, &shape);
            assert!(plan.is_good(Load::Hosts));
            for query in QUERIES.iter().filter(|query| query.load == Load::Hosts) {
                let runs: Vec<Vec<String>> =
                    (0..RUNS).map(|run| plan.paths(query, run, true)).collect();
                assert!(runs.iter().all(|paths| paths.len() == query.metrics));
                let different: BTreeSet<_> = runs.iter().collect();
                // An hour of all hosts is somewhere in the data, twice perhaps.
                assert!(rounds == 90 || different.len() > RUNS / 2, "{}", query.name);
                assert!(runs.iter().flatten().all(|path| !path.contains('$')), "{}", query.name);
            }
        }
    }

    #[test]
    fn run_0_lies_on_the_steps_so_that_a_rounding_server_is_asked_for_the_same() {
        let plan = Plan::new(Load::Hosts, &shape(2_160));
        for query in QUERIES.iter().filter(|query| query.load == Load::Hosts) {
            let Call::Range(_, step) = query.call else { continue };
            for path in plan.paths(query, 0, false) {
                let number = |name: &str| -> i64 {
                    let (_, rest) = path.split_once(name).expect("there");
                    rest.split('&').next().and_then(|text| text.parse().ok()).expect("a number")
                };
                let (start, end) = (number("&start="), number("&end="));
                assert!(step == 0 || (start % step == 0 && end % step == 0), "{path}");
                assert!(end * 1_000 <= plan.end && start * 1_000 >= plan.start, "{path}");
            }
        }
    }

    #[test]
    fn a_short_load_is_refused() {
        assert!(!Plan::new(Load::Hosts, &shape(30)).is_good(Load::Hosts));
    }
}
