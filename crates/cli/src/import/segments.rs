//! Chunks out of a block's segment files: read in windows, as a series' chunks lie side by side.

use anyhow::{Context, bail};
use formats::tsdb::{
    CHUNK_HEADER_MAX, Chunk, ChunkError, SEGMENT_HEADER_BYTES, chunk_len, read_chunk, segment_ok,
};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

const WINDOW_BYTES: usize = 1 << 20;

#[derive(Debug)]
struct Segment {
    path: PathBuf,
    file: File,
    len: u64,
}

/// The segment files of a block.
#[derive(Debug)]
pub(super) struct Segments {
    files: Vec<Segment>,
    window: Vec<u8>,
    /// Which file the window is of, and where it starts.
    at: (usize, u64),
}

impl Segments {
    pub(super) fn open(dir: &Path) -> anyhow::Result<Self> {
        let shown = || format!("{}", dir.display());
        let mut paths = Vec::new();
        for entry in fs::read_dir(dir).with_context(shown)? {
            let path = entry.with_context(shown)?.path();
            let name = path.file_name().and_then(|n| n.to_str()).unwrap_or("");
            if !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit()) {
                paths.push(path);
            }
        }
        paths.sort();
        let mut files = Vec::with_capacity(paths.len());
        for path in paths {
            let shown = || format!("{}", path.display());
            let file = File::open(&path).with_context(shown)?;
            let len = file.metadata().with_context(shown)?.len();
            let mut header = [0; SEGMENT_HEADER_BYTES];
            file.read_exact_at(&mut header, 0).with_context(shown)?;
            if !segment_ok(&header) {
                bail!("{} is no segment of chunks", path.display());
            }
            files.push(Segment { path, file, len });
        }
        Ok(Self { files, window: Vec::new(), at: (usize::MAX, 0) })
    }

    /// Reads the chunk at a place. The inner error is one of the chunk, the outer one of the disk.
    pub(super) fn chunk(
        &mut self,
        segment: usize,
        offset: u64,
    ) -> anyhow::Result<Result<Chunk, ChunkError>> {
        if self.files.get(segment).is_none_or(|f| offset >= f.len) {
            return Ok(Err(ChunkError::Short));
        }
        self.fill(segment, offset, CHUNK_HEADER_MAX)?;
        let len = match chunk_len(self.from(offset, CHUNK_HEADER_MAX)) {
            Ok(len) => len,
            Err(error) => return Ok(Err(error)),
        };
        self.fill(segment, offset, len)?;
        Ok(read_chunk(self.from(offset, len)))
    }

    fn from(&self, offset: u64, len: usize) -> &[u8] {
        let start =
            usize::try_from(offset - self.at.1).unwrap_or(usize::MAX).min(self.window.len());
        &self.window[start..self.window.len().min(start + len)]
    }

    /// Has the window hold `len` bytes from `offset` on, as far as the file goes.
    fn fill(&mut self, segment: usize, offset: u64, len: usize) -> anyhow::Result<()> {
        let file = &self.files[segment];
        let end = (offset + len as u64).min(file.len);
        let (of, start) = self.at;
        if of == segment && start <= offset && end <= start + self.window.len() as u64 {
            return Ok(());
        }
        let take = (file.len - offset).min(len.max(WINDOW_BYTES) as u64);
        self.window.resize(usize::try_from(take)?, 0);
        self.at = (segment, offset);
        let read = file.file.read_exact_at(&mut self.window, offset);
        read.with_context(|| format!("{}", file.path.display()))
    }
}
