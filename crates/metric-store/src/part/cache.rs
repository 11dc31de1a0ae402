//! Blocks of parts that were unpacked lately: keys, labels, times, values. A question about one host
//! touches a few blocks of each kind, and so do all that follow it; unpacking them was nine tenths of
//! such a question.

use super::{Entries, ValuesView};
use moka::sync::Cache;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Which block: the part's number in this process, and where the block starts.
type Key = (u64, u64);

/// What an entry takes beside its content.
const ENTRY_BYTES: usize = 160;

#[derive(Debug, Clone)]
enum Unpacked {
    Bytes(Arc<Vec<u8>>),
    Entries(Arc<Entries>),
    Values(Arc<ValuesView>),
}

impl Unpacked {
    fn bytes(&self) -> usize {
        ENTRY_BYTES
            + match self {
                Self::Bytes(bytes) => bytes.len(),
                Self::Entries(entries) => entries.heap_bytes(),
                Self::Values(view) => view.heap_bytes(),
            }
    }
}

/// Keeps unpacked blocks of all parts of a store, the ones used most. Those of a part that is gone are
/// asked for no more and pushed out.
#[derive(Debug)]
pub(crate) struct BlockCache {
    blocks: Cache<Key, Unpacked>,
    parts: AtomicU64,
}

impl BlockCache {
    /// Keeps about so many bytes.
    pub(crate) fn new(bytes_max: u64) -> Self {
        let weight = |_: &Key, block: &Unpacked| u32::try_from(block.bytes()).unwrap_or(u32::MAX);
        let blocks = Cache::builder().max_capacity(bytes_max).weigher(weight).build();
        Self { blocks, parts: AtomicU64::new(0) }
    }

    /// Returns how many bytes are kept, about.
    pub(crate) fn bytes(&self) -> u64 {
        self.blocks.weighted_size()
    }

    /// Gives a part its place.
    pub(crate) fn of_part(self: &Arc<Self>) -> Cached {
        Cached { cache: Arc::clone(self), part: self.parts.fetch_add(1, Ordering::Relaxed) }
    }
}

/// The blocks of one part that are kept.
#[derive(Debug)]
pub(crate) struct Cached {
    cache: Arc<BlockCache>,
    part: u64,
}

impl Cached {
    /// Returns a block, unpacking it if it is not kept.
    pub(crate) fn bytes<E>(
        &self,
        offset: u64,
        unpack: impl FnOnce() -> Result<Vec<u8>, E>,
    ) -> Result<Arc<Vec<u8>>, E> {
        let key = (self.part, offset);
        if let Some(Unpacked::Bytes(bytes)) = self.cache.blocks.get(&key) {
            return Ok(bytes);
        }
        let bytes = Arc::new(unpack()?);
        self.cache.blocks.insert(key, Unpacked::Bytes(Arc::clone(&bytes)));
        Ok(bytes)
    }

    /// Returns a block of keys or labels, reading it if it is not kept.
    pub(crate) fn entries<E>(
        &self,
        offset: u64,
        read: impl FnOnce() -> Result<Entries, E>,
    ) -> Result<Arc<Entries>, E> {
        let key = (self.part, offset);
        if let Some(Unpacked::Entries(entries)) = self.cache.blocks.get(&key) {
            return Ok(entries);
        }
        let entries = Arc::new(read()?);
        self.cache.blocks.insert(key, Unpacked::Entries(Arc::clone(&entries)));
        Ok(entries)
    }

    /// Returns a block of values, reading it if it is not kept.
    pub(crate) fn values<E>(
        &self,
        offset: u64,
        read: impl FnOnce() -> Result<ValuesView, E>,
    ) -> Result<Arc<ValuesView>, E> {
        let key = (self.part, offset);
        if let Some(Unpacked::Values(view)) = self.cache.blocks.get(&key) {
            return Ok(view);
        }
        let view = Arc::new(read()?);
        self.cache.blocks.insert(key, Unpacked::Values(Arc::clone(&view)));
        Ok(view)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_unpacked_once_and_no_more_are_kept_than_fit() {
        let cache = Arc::new(BlockCache::new(10_000));
        let (one, other) = (cache.of_part(), cache.of_part());
        let get = |of: &Cached, offset, fill: u8| {
            let mut unpacked = false;
            let bytes = of.bytes(offset, || {
                unpacked = true;
                Ok::<_, ()>(vec![fill; 1_000])
            });
            (bytes.unwrap()[0], unpacked)
        };
        assert_eq!(get(&one, 0, 1), (1, true));
        assert_eq!(get(&one, 0, 2), (1, false));
        assert_eq!(get(&other, 0, 3), (3, true));
        for offset in 0..100 {
            get(&one, offset, 4);
        }
        cache.blocks.run_pending_tasks();
        assert!((1_000..=10_000).contains(&cache.bytes()), "{}", cache.bytes());
        let failed = other.bytes(7, || Err::<Vec<u8>, &str>("damaged"));
        assert_eq!(failed.unwrap_err(), "damaged");
    }
}
