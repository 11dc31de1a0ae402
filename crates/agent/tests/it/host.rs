use agent::{CollectError, Collected, FileSystems, HostCollector, RealFileSystems, Usage};
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::{fs, os::unix::fs::symlink};

/// File systems of known sizes; those that are not known fail.
#[derive(Debug)]
struct Known;

impl FileSystems for Known {
    fn usage(&self, path: &Path) -> io::Result<Usage> {
        let (total_bytes, free_bytes, available_bytes) = match path.to_str() {
            Some("/") => (1_000_000, 600_000, 350_000),
            Some("/mnt/my data") => (4_000_000, 4_000_000, 4_000_000),
            Some("/pool") => (2_000_000, 500_000, 500_000),
            _ => return Err(io::ErrorKind::NotFound.into()),
        };
        let inodes_total = if path == Path::new("/pool") { 0 } else { 1_000 };
        let inodes_free = inodes_total / 4;
        Ok(Usage { total_bytes, free_bytes, available_bytes, inodes_total, inodes_free })
    }
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// A `/proc` that can be changed between rounds: every entry is a link into a recorded one.
struct Proc {
    dir: tempfile::TempDir,
}

impl Proc {
    fn new(recorded: &str) -> Self {
        let proc = Self { dir: tempfile::tempdir().unwrap() };
        for entry in fs::read_dir(fixture(recorded)).unwrap() {
            let entry = entry.unwrap();
            symlink(entry.path(), proc.path(entry.file_name().to_str().unwrap())).unwrap();
        }
        proc
    }

    fn path(&self, file: &str) -> PathBuf {
        self.dir.path().join(file)
    }

    #[expect(clippy::disallowed_methods, reason = "a recorded /proc of the test, not stored data")]
    fn remove(&self, file: &str) {
        fs::remove_file(self.path(file)).unwrap();
    }

    #[expect(clippy::disallowed_methods, reason = "a recorded /proc of the test, not stored data")]
    fn replace(&self, file: &str, text: &str) {
        let _ = fs::remove_file(self.path(file));
        fs::write(self.path(file), text).unwrap();
    }

    /// Shows what was recorded a round later.
    fn move_on(&self, file: &str, recorded: &str) {
        self.remove(file);
        symlink(fixture(recorded).join(file), self.path(file)).unwrap();
    }

    fn collector(&self) -> HostCollector {
        HostCollector::with_sources("web-1", self.dir.path(), Box::new(Known))
    }
}

fn describe(collected: &Collected) -> String {
    let mut lines: Vec<String> = collected
        .data
        .iter()
        .map(|datum| {
            let mut line = datum.name.to_owned();
            for (name, value) in &datum.dimensions {
                let _ = write!(line, " {name}={value}");
            }
            let _ = write!(line, ": {} {}", datum.value, datum.unit);
            line
        })
        .collect();
    lines.extend(collected.errors.iter().map(|e| format!("error: {e}")));
    lines.join("\n") + "\n"
}

fn values<'a>(collected: &'a Collected, name: &str) -> Vec<(&'a str, f64)> {
    let data = collected.data.iter().filter(|d| d.name == name);
    data.map(|d| (d.dimensions.last().unwrap().1.as_str(), d.value)).collect()
}

#[test]
fn two_rounds_of_a_recorded_host() {
    let proc = Proc::new("proc-1");
    let mut collector = proc.collector();
    let first = collector.collect(1_000);
    testkit::assert_golden(fixture("round-1.txt"), &describe(&first));
    for file in ["stat", "meminfo", "diskstats", "net"] {
        proc.move_on(file, "proc-2");
    }
    let second = collector.collect(61_000);
    assert_eq!((first.at_ms, second.at_ms), (1_000, 61_000));
    testkit::assert_golden(fixture("round-2.txt"), &describe(&second));
}

#[test]
fn the_first_round_has_no_differences() {
    let first = Proc::new("proc-1").collector().collect(0);
    for name in ["cpu_usage_idle", "diskio_reads", "net_bytes_sent"] {
        assert_eq!(values(&first, name), []);
    }
    assert!(!values(&first, "mem_used_percent").is_empty());
}

#[test]
fn a_missing_file_costs_its_own_metrics_and_is_told_once() {
    let proc = Proc::new("proc-1");
    let mut collector = proc.collector();
    proc.remove("meminfo");
    let first = collector.collect(0);
    assert!(
        matches!(&first.errors[..], [CollectError::Read { path, .. }] if path.ends_with("meminfo"))
    );
    assert_eq!(values(&first, "mem_total"), []);
    assert_eq!(values(&first, "swap_free"), []);
    assert_eq!(values(&first, "processes_total").len(), 1);
    assert!(collector.collect(1).errors.is_empty(), "told again");
    symlink(fixture("proc-1/meminfo"), proc.path("meminfo")).unwrap();
    assert_eq!(values(&collector.collect(2), "mem_total").len(), 1);
    proc.remove("meminfo");
    assert_eq!(collector.collect(3).errors.len(), 1, "not told again after it was well");
}

#[test]
fn an_empty_proc_gives_errors_and_no_data_but_processes() {
    let dir = tempfile::tempdir().unwrap();
    let mut collector = HostCollector::with_sources("h", dir.path(), Box::new(Known));
    let collected = collector.collect(0);
    assert!(collected.data.iter().all(|d| d.name.starts_with("processes_") && d.value == 0.0));
    assert_eq!(collected.errors.len(), 7);
    let mut gone = HostCollector::with_sources("h", dir.path().join("no"), Box::new(Known));
    let collected = gone.collect(0);
    assert!(collected.data.is_empty());
    assert_eq!(collected.errors.len(), 8);
}

#[test]
fn a_counter_that_went_back_costs_only_itself() {
    let disk = |reads: u64, writes: u64| format!("8 0 sda {reads} 0 80 5 {writes} 0 0 0 0 5 5\n");
    let proc = Proc::new("proc-1");
    let mut collector = proc.collector();
    proc.replace("diskstats", &disk(100, 10));
    collector.collect(0);
    proc.replace("diskstats", &disk(4, 15));
    let back = collector.collect(1);
    assert_eq!(values(&back, "diskio_reads"), []);
    assert_eq!(values(&back, "diskio_writes"), [("sda", 5.0)]);
    let told: Vec<String> = back.errors.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["counter sda diskio_reads went back from 100 to 4"]);
    proc.replace("diskstats", &disk(6, 15));
    assert_eq!(values(&collector.collect(2), "diskio_reads"), [("sda", 2.0)]);
}

#[test]
fn a_processor_state_that_went_back_leaves_the_others() {
    let proc = Proc::new("proc-1");
    let mut collector = proc.collector();
    proc.replace("stat", "cpu  100 0 0 900 50 0 0 0 0 0\n");
    collector.collect(0);
    proc.replace("stat", "cpu  125 0 0 975 49 0 0 0 0 0\n");
    let collected = collector.collect(1);
    assert_eq!(values(&collected, "cpu_usage_iowait"), []);
    assert_eq!(values(&collected, "cpu_usage_user"), [("cpu-total", 25.0)]);
    assert_eq!(values(&collected, "cpu_usage_idle"), [("cpu-total", 75.0)]);
    assert_eq!(values(&collected, "cpu_usage_active"), [("cpu-total", 25.0)]);
}

#[test]
fn a_difference_never_spans_a_gap() {
    let line = "8 0 sda 100 0 80 5 1 0 0 0 0 5 5\n";
    let proc = Proc::new("proc-1");
    let mut collector = proc.collector();
    proc.replace("diskstats", line);
    collector.collect(0);
    proc.replace("diskstats", "");
    collector.collect(1);
    proc.replace("diskstats", line);
    assert_eq!(values(&collector.collect(2), "diskio_reads"), []);
    assert_eq!(values(&collector.collect(3), "diskio_reads"), [("sda", 0.0)]);
}

#[test]
fn what_is_not_of_the_form_is_told() {
    let proc = Proc::new("proc-1");
    proc.replace("stat", "cpu  1 x\nintr 5\n");
    proc.replace("meminfo", "MemTotal: 100 kB\nMemFree: lots\n");
    proc.replace("diskstats", "8 0 sda 1 2\n\u{fffd}\n");
    let collected = proc.collector().collect(0);
    assert_eq!(values(&collected, "mem_total"), [("web-1", 102_400.0)]);
    assert_eq!(values(&collected, "mem_used"), []);
    assert!(collected.errors.iter().all(|e| matches!(e, CollectError::Form { .. })));
    assert!(collected.errors.len() >= 4);
}

#[test]
fn a_file_system_that_cannot_be_asked_costs_only_itself() {
    let proc = Proc::new("proc-1");
    proc.remove("self");
    fs::create_dir(proc.path("self")).unwrap();
    proc.replace(
        "self/mountinfo",
        "27 1 259:1 / / rw - ext4 /dev/a rw\n28 1 259:2 / /gone rw - ext4 /dev/b rw\nnonsense\n",
    );
    let collected = proc.collector().collect(0);
    assert_eq!(values(&collected, "disk_total"), [("ext4", 1_000_000.0)]);
    assert_eq!(collected.errors.len(), 2);
}

#[test]
fn the_host_that_runs_the_test_can_be_collected() {
    let usage = RealFileSystems.usage(Path::new("/")).unwrap();
    assert!(usage.total_bytes >= usage.free_bytes && usage.free_bytes >= usage.available_bytes);
    let collected = HostCollector::new("h").collect(0);
    assert_eq!(values(&collected, "mem_total").len(), 1, "{:?}", collected.errors);
    assert!(values(&collected, "processes_total")[0].1 >= 1.0);
}
