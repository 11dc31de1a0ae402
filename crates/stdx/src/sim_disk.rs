//! A disk in memory that behaves as badly as real ones may: what was not synced can vanish, the
//! last writes can be torn, a sync can fail, space can end, and power can go at any operation.

use crate::Rng;
use crate::disk::{Disk, DiskFile, DiskLock};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// When and how the disk misbehaves. Counts are of operations that change something.
#[derive(Debug, Clone, Copy, Default)]
pub struct CrashPlan {
    /// Power is lost at this operation: it is half done, and every later one fails.
    pub power_off_at: Option<u64>,
    /// This sync (counted from one, over all files) fails and leaves the content unknown.
    pub fail_sync_at: Option<u64>,
    /// Bytes that fit; beyond them a write fails with [`io::ErrorKind::StorageFull`].
    pub capacity_bytes: Option<u64>,
    /// Every change fails with [`io::ErrorKind::ReadOnlyFilesystem`].
    pub read_only: bool,
    /// Every rename fails.
    pub fail_renames: bool,
    /// A directory that something was renamed in cannot be synced; the new name is there.
    pub fail_rename_syncs: bool,
}

/// A simulated disk; clones see the same files.
#[derive(Debug, Clone)]
pub struct SimDisk(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    files: Vec<FileState>,
    /// Names as a running process sees them.
    names: BTreeMap<PathBuf, usize>,
    /// Names as they survive a loss of power.
    durable_names: BTreeMap<PathBuf, usize>,
    /// Changes of names since their directory was synced, oldest first.
    pending_names: Vec<NameChange>,
    plan: CrashPlan,
    operations: u64,
    syncs: u64,
    powered: bool,
    /// Syncs do not end before this is taken away.
    slow: bool,
    rng: Rng,
}

#[derive(Debug, Default)]
struct FileState {
    current: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Change>,
    private: bool,
}

#[derive(Debug, Clone)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    SetLen(usize),
}

#[derive(Debug, Clone)]
enum NameChange {
    Set { path: PathBuf, file: usize },
    Rename { from: PathBuf, to: PathBuf },
    Remove(PathBuf),
}

impl NameChange {
    fn dir(&self) -> Option<&Path> {
        match self {
            Self::Set { path, .. } | Self::Remove(path) => path.parent(),
            Self::Rename { to, .. } => to.parent(),
        }
    }

    fn apply(&self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Self::Set { path, file } => {
                names.insert(path.clone(), *file);
            }
            Self::Rename { from, to } => {
                if let Some(file) = names.remove(from) {
                    names.insert(to.clone(), file);
                }
            }
            Self::Remove(path) => {
                names.remove(path);
            }
        }
    }
}

fn apply(content: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Write { offset, bytes } => {
            let end = offset + bytes.len();
            if content.len() < end {
                content.resize(end, 0);
            }
            content[*offset..end].copy_from_slice(bytes);
        }
        Change::SetLen(len) => content.resize(*len, 0),
    }
}

fn powerless() -> io::Error {
    io::Error::other("simulated loss of power")
}

impl State {
    fn check_power(&self) -> io::Result<()> {
        if self.powered { Ok(()) } else { Err(powerless()) }
    }

    /// Counts one changing operation; true when power goes during it.
    fn step(&mut self) -> io::Result<bool> {
        self.check_power()?;
        if self.plan.read_only {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        self.operations += 1;
        if self.plan.power_off_at == Some(self.operations) {
            self.powered = false;
            return Ok(true);
        }
        Ok(false)
    }

    fn used_bytes(&self) -> u64 {
        self.names.values().map(|&f| self.files[f].current.len() as u64).sum()
    }

    fn change(&mut self, file: usize, mut change: Change) -> io::Result<()> {
        let dies = self.step()?;
        let mut full = false;
        let used = self.used_bytes();
        if let (Some(capacity), Change::Write { offset, bytes }) =
            (self.plan.capacity_bytes, &mut change)
        {
            let grows = (*offset + bytes.len()).saturating_sub(self.files[file].current.len());
            let over = (used + grows as u64).saturating_sub(capacity);
            if grows > 0 && over > 0 {
                // What fits is written, as a real disk does it.
                full = true;
                let fits = bytes.len().saturating_sub(usize::try_from(over).unwrap_or(usize::MAX));
                bytes.truncate(fits);
            }
        }
        let state = &mut self.files[file];
        apply(&mut state.current, &change);
        state.pending.push(change);
        match (dies, full) {
            (true, _) => Err(powerless()),
            (false, true) => Err(io::ErrorKind::StorageFull.into()),
            (false, false) => Ok(()),
        }
    }

    fn change_name(&mut self, change: NameChange) -> io::Result<()> {
        let dies = self.step()?;
        change.apply(&mut self.names);
        self.pending_names.push(change);
        if dies { Err(powerless()) } else { Ok(()) }
    }
}

impl SimDisk {
    /// Makes an empty disk whose misfortunes follow `seed` and `plan`.
    pub fn new(seed: u64, plan: CrashPlan) -> Self {
        Self(Arc::new(Mutex::new(State {
            files: Vec::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            pending_names: Vec::new(),
            plan,
            operations: 0,
            syncs: 0,
            powered: true,
            slow: false,
            rng: Rng::from_seed(seed),
        })))
    }

    /// Returns how many changing operations were asked for, to choose crash points from.
    pub fn operations(&self) -> u64 {
        self.0.lock().operations
    }

    /// Returns the bytes that all files take, to choose a capacity from.
    pub fn used_bytes(&self) -> u64 {
        self.0.lock().used_bytes()
    }

    /// Returns how many syncs of files were asked for.
    pub fn syncs(&self) -> u64 {
        self.0.lock().syncs
    }

    /// Makes syncs of files wait until this is called with `false`, as on a disk that is overloaded.
    pub fn hold_syncs(&self, held: bool) {
        self.0.lock().slow = held;
    }

    /// Changes how the disk misbehaves from now on.
    pub fn set_plan(&self, plan: CrashPlan) {
        self.0.lock().plan = plan;
    }

    /// Cuts the power if it is still on, then decides what survived: everything synced, and of the
    /// rest any subset of each file's writes, the last kept one possibly torn. Returns the disk as
    /// the next start finds it, with no misfortune planned.
    #[must_use]
    pub fn after_power_loss(&self) -> Self {
        let mut state = self.0.lock();
        state.powered = false;
        let mut rng = state.rng.clone();
        let mut names = state.durable_names.clone();
        // Names reach the disk in order, as journalling file systems do it, up to some point.
        let kept = rng.below(state.pending_names.len() as u64 + 1) as usize;
        for change in &state.pending_names[..kept] {
            change.apply(&mut names);
        }
        let files = state.files.iter().map(|file| {
            let mut content = file.durable.clone();
            for change in &file.pending {
                match rng.below(4) {
                    0 => {}
                    1 => {
                        if let Change::Write { offset, bytes } = change {
                            let torn = rng.below(bytes.len() as u64 + 1) as usize;
                            let bytes = bytes[..torn].to_vec();
                            apply(&mut content, &Change::Write { offset: *offset, bytes });
                        }
                    }
                    _ => apply(&mut content, change),
                }
            }
            let (current, durable) = (content.clone(), content);
            FileState { current, durable, pending: Vec::new(), private: file.private }
        });
        let files = files.collect();
        Self(Arc::new(Mutex::new(State {
            files,
            durable_names: names.clone(),
            names,
            pending_names: Vec::new(),
            plan: CrashPlan::default(),
            operations: 0,
            syncs: 0,
            powered: true,
            slow: false,
            rng: Rng::from_seed(rng.next_u64()),
        })))
    }

    /// Returns the disk as the next start finds it after `kill -9`: the kernel keeps all writes.
    #[must_use]
    pub fn after_kill(&self) -> Self {
        let state = self.0.lock();
        let copy = |f: &FileState| FileState {
            current: f.current.clone(),
            durable: f.durable.clone(),
            pending: f.pending.clone(),
            private: f.private,
        };
        Self(Arc::new(Mutex::new(State {
            files: state.files.iter().map(copy).collect(),
            names: state.names.clone(),
            durable_names: state.durable_names.clone(),
            pending_names: state.pending_names.clone(),
            plan: CrashPlan::default(),
            operations: 0,
            syncs: 0,
            powered: true,
            slow: false,
            rng: state.rng.clone(),
        })))
    }

    /// Returns how many files of `dir` end with `ending`.
    pub fn list_names(&self, dir: &str, ending: &str) -> usize {
        let state = self.0.lock();
        let names = state.names.keys().filter(|p| p.parent() == Some(Path::new(dir)));
        names.filter(|p| p.to_string_lossy().ends_with(ending)).count()
    }

    /// Returns the first file of `dir` whose name ends with `ending`.
    ///
    /// # Panics
    /// When there is none.
    pub fn first_name(&self, dir: &str, ending: &str) -> PathBuf {
        let state = self.0.lock();
        let mut names = state.names.keys().filter(|p| p.parent() == Some(Path::new(dir)));
        names.find(|p| p.to_string_lossy().ends_with(ending)).expect("there is such a file").clone()
    }

    /// Flips bits of one byte of a file, as a bad sector would.
    ///
    /// # Panics
    /// When there is no such file or byte.
    pub fn damage(&self, path: &Path, offset: usize) {
        let mut state = self.0.lock();
        let file = state.names[path];
        state.files[file].current[offset] ^= 0x5a;
        let file = &mut state.files[file];
        if let Some(byte) = file.durable.get_mut(offset) {
            *byte ^= 0x5a;
        }
    }
}

#[derive(Debug)]
struct SimFile {
    disk: Arc<Mutex<State>>,
    file: usize,
}

impl DiskFile for SimFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.disk.lock();
        state.check_power()?;
        let content = &state.files[self.file].current;
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(content.len());
        let len = buf.len().min(content.len() - start);
        buf[..len].copy_from_slice(&content[start..start + len]);
        Ok(len)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let offset = usize::try_from(offset).map_err(io::Error::other)?;
        self.disk.lock().change(self.file, Change::Write { offset, bytes: bytes.to_vec() })
    }

    fn sync(&self) -> io::Result<()> {
        while self.disk.lock().slow {
            std::thread::yield_now();
        }
        let mut state = self.disk.lock();
        let dies = state.step()?;
        state.syncs += 1;
        if dies {
            return Err(powerless());
        }
        let fails = state.plan.fail_sync_at == Some(state.syncs);
        let file = &mut state.files[self.file];
        let pending = std::mem::take(&mut file.pending);
        if fails {
            // As Linux does: the pages are marked clean although they may never have reached the
            // disk; a later sync says nothing of them.
            file.pending = pending;
            return Err(io::Error::other("simulated failure of a sync"));
        }
        for change in &pending {
            apply(&mut file.durable, change);
        }
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        let state = self.disk.lock();
        state.check_power()?;
        Ok(state.files[self.file].current.len() as u64)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let len = usize::try_from(len).map_err(io::Error::other)?;
        self.disk.lock().change(self.file, Change::SetLen(len))
    }
}

impl Disk for SimDisk {
    fn create_dir_all(&self, _dir: &Path) -> io::Result<()> {
        self.0.lock().check_power()
    }

    fn create_private_dir(&self, dir: &Path) -> io::Result<()> {
        self.create_dir_all(dir)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let state = self.0.lock();
        state.check_power()?;
        let in_dir = state.names.keys().filter(|path| path.parent() == Some(dir));
        Ok(in_dir
            .filter_map(|path| path.file_name())
            .map(|n| n.to_string_lossy().into_owned())
            .collect())
    }

    fn is_vacant(&self, dir: &Path) -> io::Result<bool> {
        let state = self.0.lock();
        state.check_power()?;
        Ok(!state.names.keys().any(|path| path.starts_with(dir)))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let state = self.0.lock();
        state.check_power()?;
        let file = *state.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(SimFile { disk: self.0.clone(), file }))
    }

    fn open_or_create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.0.lock();
        if !state.names.contains_key(path) {
            state.files.push(FileState::default());
            let file = state.files.len() - 1;
            state.change_name(NameChange::Set { path: path.to_path_buf(), file })?;
        }
        drop(state);
        self.open(path)
    }

    fn create_private(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.0.lock();
        if state.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        state.files.push(FileState { private: true, ..FileState::default() });
        let file = state.files.len() - 1;
        state.change_name(NameChange::Set { path: path.to_path_buf(), file })?;
        drop(state);
        self.open(path)
    }

    fn is_open_to_others(&self, path: &Path) -> io::Result<bool> {
        let state = self.0.lock();
        state.check_power()?;
        let file = *state.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(!state.files[file].private)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        if state.plan.fail_renames {
            return Err(io::Error::other("simulated failure of a rename"));
        }
        if !state.names.contains_key(from) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.change_name(NameChange::Rename { from: from.to_path_buf(), to: to.to_path_buf() })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        if !state.names.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.change_name(NameChange::Remove(path.to_path_buf()))
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        if state.step()? {
            return Err(powerless());
        }
        let renamed =
            |c: &NameChange| matches!(c, NameChange::Rename { .. }) && c.dir() == Some(dir);
        if state.plan.fail_rename_syncs && state.pending_names.iter().any(renamed) {
            return Err(io::Error::other("simulated failure of a sync of a directory"));
        }
        let pending = std::mem::take(&mut state.pending_names);
        let (synced, rest): (Vec<_>, Vec<_>) =
            pending.into_iter().partition(|change| change.dir() == Some(dir));
        for change in &synced {
            change.apply(&mut state.durable_names);
        }
        state.pending_names = rest;
        Ok(())
    }

    fn lock(&self, _path: &Path) -> io::Result<DiskLock> {
        self.0.lock().check_power()?;
        Ok(DiskLock::unguarded())
    }

    fn free_bytes(&self, _dir: &Path) -> io::Result<u64> {
        let state = self.0.lock();
        state.check_power()?;
        Ok(state.plan.capacity_bytes.unwrap_or(u64::MAX).saturating_sub(state.used_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn synced_content_under_a_synced_name_survives() {
        for seed in 0..50 {
            let disk = SimDisk::new(seed, CrashPlan::default());
            let dir = Path::new("/d");
            let file = disk.open_or_create(&dir.join("a")).unwrap();
            file.write_all_at(b"kept", 0).unwrap();
            file.sync().unwrap();
            disk.sync_dir(dir).unwrap();
            file.write_all_at(b"lost or torn", 4).unwrap();
            let later = disk.after_power_loss();
            let content = later.open(&dir.join("a")).unwrap().read_all().unwrap();
            assert!(content.starts_with(b"kept"), "seed {seed}");
            assert!(b"keptlost or torn".starts_with(&content[..]), "seed {seed}");
        }
    }

    #[test]
    fn unsynced_content_is_lost_under_some_seed() {
        let survives = |seed| {
            let disk = SimDisk::new(seed, CrashPlan::default());
            disk.open_or_create(Path::new("/d/a")).unwrap().write_all_at(b"x", 0).unwrap();
            disk.after_power_loss().open(Path::new("/d/a")).is_ok()
        };
        assert!((0..50).any(survives) && !(0..50).all(survives));
    }

    #[test]
    fn power_goes_at_the_planned_operation() {
        let plan = CrashPlan { power_off_at: Some(2), ..CrashPlan::default() };
        let disk = SimDisk::new(1, plan);
        let file = disk.open_or_create(Path::new("/a")).unwrap();
        assert!(file.write_all_at(b"x", 0).is_err());
        assert!(file.sync().is_err());
        assert!(disk.list(Path::new("/")).is_err());
    }

    #[test]
    fn a_full_disk_refuses_growth_only() {
        let plan = CrashPlan { capacity_bytes: Some(4), ..CrashPlan::default() };
        let disk = SimDisk::new(1, plan);
        let file = disk.open_or_create(Path::new("/a")).unwrap();
        file.write_all_at(b"1234", 0).unwrap();
        assert_eq!(file.write_all_at(b"5", 4).unwrap_err().kind(), io::ErrorKind::StorageFull);
        file.write_all_at(b"5", 0).unwrap();
    }
}
