//! `/proc/self/mountinfo`: how full the file systems are.

use super::{CollectError, Round, percent};
use model::Unit;
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

const FILE: &str = "self/mountinfo";

/// File systems without a disk of their own, and read-only images, which are always full.
const PSEUDO: &[&str] = &[
    "aufs",
    "autofs",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devfs",
    "devpts",
    "devtmpfs",
    "efivarfs",
    "erofs",
    "fuse.gvfsd-fuse",
    "fuse.lxcfs",
    "fuse.portal",
    "fusectl",
    "hugetlbfs",
    "iso9660",
    "mqueue",
    "nsfs",
    "overlay",
    "proc",
    "pstore",
    "ramfs",
    "rootfs",
    "rpc_pipefs",
    "securityfs",
    "selinuxfs",
    "squashfs",
    "sysfs",
    "tmpfs",
    "tracefs",
];

/// File systems over a network: asking them blocks for as long as their server is away, and with it
/// everything else that this host has to say.
const REMOTE: &[&str] =
    &["9p", "afs", "ceph", "cifs", "fuse.glusterfs", "fuse.sshfs", "nfs", "nfs4", "smb3", "smbfs"];

/// How full a file system is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Size, bytes.
    pub total_bytes: u64,
    /// Free, also what only root may use, bytes.
    pub free_bytes: u64,
    /// Free for everybody, bytes.
    pub available_bytes: u64,
    /// Index nodes; 0 where a file system has no fixed number of them.
    pub inodes_total: u64,
    /// Free index nodes.
    pub inodes_free: u64,
}

/// Where the usage of a mounted file system comes from; tests have their own.
pub trait FileSystems: Send + fmt::Debug {
    /// Returns the usage of the file system that is mounted at `path`.
    ///
    /// # Errors
    /// What the kernel says, for example because it was unmounted meanwhile.
    fn usage(&self, path: &Path) -> io::Result<Usage>;
}

/// Asks the kernel.
#[derive(Debug, Default, Clone, Copy)]
pub struct RealFileSystems;

impl FileSystems for RealFileSystems {
    fn usage(&self, path: &Path) -> io::Result<Usage> {
        let stat = rustix::fs::statvfs(path)?;
        let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
        Ok(Usage {
            total_bytes: bytes(stat.f_blocks),
            free_bytes: bytes(stat.f_bfree),
            available_bytes: bytes(stat.f_bavail),
            inodes_total: stat.f_files,
            inodes_free: stat.f_ffree,
        })
    }
}

pub(super) fn collect(round: &mut Round<'_>, file_systems: &dyn FileSystems) {
    let Some(text) = round.read(FILE) else { return };
    let mut mounts: Vec<Mount> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for line in text.lines() {
        let Some(mount) = Mount::of_line(line) else {
            round.form_error(FILE, "mount in a line");
            continue;
        };
        if PSEUDO.contains(&mount.fstype.as_str()) || REMOTE.contains(&mount.fstype.as_str()) {
            continue;
        }
        // A device that is mounted at several places is one disk: its whole mount is shown, or the
        // first of its parts.
        match places.get(&mount.device_number) {
            Some(&place) if mounts[place].is_part && !mount.is_part => mounts[place] = mount,
            Some(_) => {}
            None => {
                places.insert(mount.device_number.clone(), mounts.len());
                mounts.push(mount);
            }
        }
    }
    for mount in mounts {
        match file_systems.usage(Path::new(&mount.path)) {
            Ok(usage) => put_usage(round, &mount, usage),
            Err(source) => {
                round.errors.push(CollectError::Read { path: PathBuf::from(mount.path), source });
            }
        }
    }
}

fn put_usage(round: &mut Round<'_>, mount: &Mount, usage: Usage) {
    if usage.total_bytes == 0 {
        return;
    }
    let dimensions = [
        ("path", mount.path.as_str()),
        ("device", mount.device.trim_start_matches("/dev/")),
        ("fstype", mount.fstype.as_str()),
    ];
    let used = usage.total_bytes.saturating_sub(usage.free_bytes);
    let inodes_used = usage.inodes_total.saturating_sub(usage.inodes_free);
    // Of what everybody may use, as df shows it: full is 100 although root still has some.
    let used_percent = percent(used, used + usage.available_bytes);
    for (name, unit, value) in [
        ("disk_free", Unit::Bytes, usage.available_bytes as f64),
        ("disk_inodes_free", Unit::Count, usage.inodes_free as f64),
        ("disk_inodes_total", Unit::Count, usage.inodes_total as f64),
        ("disk_inodes_used", Unit::Count, inodes_used as f64),
        ("disk_total", Unit::Bytes, usage.total_bytes as f64),
        ("disk_used", Unit::Bytes, used as f64),
        ("disk_used_percent", Unit::Percent, used_percent),
    ] {
        round.put(name, unit, &dimensions, value);
    }
}

struct Mount {
    device_number: String,
    /// A part of the file system (a bind mount, a subvolume) and not all of it.
    is_part: bool,
    path: String,
    fstype: String,
    device: String,
}

impl Mount {
    /// Reads a line: number, parent, device number, root, path, options, any number of fields, a
    /// dash, type, device, options.
    ///
    /// Source: proc_pid_mountinfo(5).
    fn of_line(line: &str) -> Option<Self> {
        let (front, back) = line.split_once(" - ")?;
        let mut front = front.split(' ').skip(2);
        let (device_number, root, path) = (front.next()?, front.next()?, front.next()?);
        let mut back = back.split(' ');
        let (fstype, device) = (back.next()?, back.next()?);
        Some(Self {
            device_number: device_number.to_owned(),
            is_part: root != "/",
            path: unescape(path),
            fstype: fstype.to_owned(),
            device: unescape(device),
        })
    }
}

/// Undoes the kernel's octal escapes of blanks and backslashes.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let code = rest.get(at + 1..at + 4).and_then(|code| u8::from_str_radix(code, 8).ok());
        match code.filter(u8::is_ascii) {
            Some(code) => {
                out.push(char::from(code));
                rest = &rest[at + 4..];
            }
            None => {
                out.push('\\');
                rest = &rest[at + 1..];
            }
        }
    }
    out.push_str(rest);
    out
}
