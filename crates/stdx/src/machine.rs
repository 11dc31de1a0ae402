//! What the machine gives this process: memory, as its own size and its control groups allow.

use std::path::{Component, Path, PathBuf};

/// Returns the bytes of memory that this process may use: the machine's, or less where a control
/// group (a container, a unit of systemd) says so. `None` where neither can be read.
pub fn memory_bytes() -> Option<u64> {
    memory_limit(&|path| std::fs::read_to_string(path).ok())
}

/// Returns the bytes of memory that are this process's own now, shared files not counted.
pub fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    kib_of(&status, "RssAnon:")
}

/// Returns the number of file descriptors that are open.
pub fn open_files() -> Option<usize> {
    Some(std::fs::read_dir("/proc/self/fd").ok()?.count())
}

fn kib_of(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

fn memory_limit(read: &dyn Fn(&Path) -> Option<String>) -> Option<u64> {
    let machine = read(Path::new("/proc/meminfo")).and_then(|text| kib_of(&text, "MemTotal:"));
    [machine, group_limit(read)].into_iter().flatten().min()
}

/// The smallest limit of the process's control group and those above it.
fn group_limit(read: &dyn Fn(&Path) -> Option<String>) -> Option<u64> {
    let groups = read(Path::new("/proc/self/cgroup"))?;
    let mut limit: Option<u64> = None;
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':');
        let (Some(number), Some(controllers), Some(group)) =
            (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        // Version 2 has one line, without controllers; version 1 one for each controller.
        let (root, file) = if number == "0" && controllers.is_empty() {
            ("/sys/fs/cgroup", "memory.max")
        } else if controllers.split(',').any(|c| c == "memory") {
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
        } else {
            continue;
        };
        let mut dir = PathBuf::from(root);
        let named = Path::new(group).components();
        let mut dirs = vec![dir.clone()];
        for component in named.filter(|c| matches!(c, Component::Normal(_))) {
            dir.push(component);
            dirs.push(dir.clone());
        }
        // "max" is no number, and no limit.
        let found = dirs.iter().filter_map(|dir| read(&dir.join(file))?.trim().parse().ok());
        limit = found.chain(limit).min();
    }
    limit
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn limit_of(files: &[(&str, &str)]) -> Option<u64> {
        let files: HashMap<PathBuf, String> =
            files.iter().map(|(path, text)| (path.into(), (*text).to_owned())).collect();
        memory_limit(&|path| files.get(path).cloned())
    }

    const MACHINE: (&str, &str) = ("/proc/meminfo", "MemTotal:       16000000 kB\nMemFree: 1 kB\n");

    #[test]
    fn the_smallest_limit_counts() {
        assert_eq!(limit_of(&[]), None);
        assert_eq!(limit_of(&[MACHINE]), Some(16_384_000_000));
        let unit = ("/proc/self/cgroup", "0::/system.slice/sightline.service\n");
        let unlimited = ("/sys/fs/cgroup/system.slice/sightline.service/memory.max", "max\n");
        assert_eq!(limit_of(&[MACHINE, unit, unlimited]), Some(16_384_000_000));
        let of_slice = ("/sys/fs/cgroup/system.slice/memory.max", "4000000000\n");
        assert_eq!(limit_of(&[MACHINE, unit, unlimited, of_slice]), Some(4_000_000_000));
        // Inside a container the group is the root of what it sees.
        let container = [("/proc/self/cgroup", "0::/\n"), ("/sys/fs/cgroup/memory.max", "512\n")];
        assert_eq!(limit_of(&container), Some(512));
        let version_1 = [
            MACHINE,
            ("/proc/self/cgroup", "5:cpu,cpuacct:/a\n4:memory:/a\n"),
            ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "1000\n"),
        ];
        assert_eq!(limit_of(&version_1), Some(1_000));
    }

    #[test]
    fn this_process_has_memory_and_files() {
        assert!(resident_bytes().is_some_and(|bytes| bytes > 100_000));
        assert!(memory_bytes() > resident_bytes());
        assert!(open_files().is_some_and(|files| files > 2));
    }
}
