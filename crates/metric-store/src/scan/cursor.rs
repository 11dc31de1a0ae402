//! Where a reader stands in a part: blocks are unpacked once while neighbours are read.

use crate::chunk::times::Times;
use crate::part::{ChunkAt, Entries, Entry, Part, PartError, TimesAt, ValuesView};
use std::sync::Arc;

/// A block of values, by its place in the part.
type Block = usize;

#[derive(Debug)]
pub(super) struct Cursor {
    part: Arc<Part>,
    values: Option<(Block, Arc<ValuesView>)>,
    shared: Option<(u32, Arc<Vec<u8>>)>,
    /// The times read last, and of what: neighbours mostly have the same.
    times: Option<(TimesOf, Times)>,
    /// Keys of a block.
    keys: Option<(usize, Arc<Entries>)>,
    /// The key among them that was read last.
    key: Entry,
}

/// Tells times of a part apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct TimesOf {
    /// Of times inside a block of values: which.
    block: Option<Block>,
    at: TimesAt,
    count: u32,
}

impl Cursor {
    pub(super) fn new(part: Arc<Part>) -> Self {
        Self { part, values: None, shared: None, times: None, keys: None, key: Entry::default() }
    }

    pub(super) fn part(&self) -> &Arc<Part> {
        &self.part
    }

    /// Shows the chunks of a series, block by block.
    pub(super) fn each_chunk<E: From<PartError>>(
        &mut self,
        number: u32,
        mut show: impl FnMut(&mut Self, Block, ChunkAt) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut block = self.first_block_of(number);
        while self.part.values_blocks().get(block).is_some_and(|b| b.first_series <= number) {
            for at in self.view(block)?.places_of(number) {
                // What is shown may look into other blocks.
                let chunk = self.view(block)?.chunks[at];
                show(self, block, chunk)?;
            }
            block += 1;
        }
        Ok(())
    }

    /// Returns the first block that may have chunks of a series; series mostly follow each other.
    fn first_block_of(&self, number: u32) -> Block {
        let blocks = self.part.values_blocks();
        let is_first = |at: Block| {
            let before = at.checked_sub(1).and_then(|before| blocks.get(before));
            before.is_none_or(|before| before.last_series < number)
                && blocks.get(at).is_some_and(|block| number <= block.last_series)
        };
        match &self.values {
            Some((last, _)) if is_first(*last) => *last,
            _ => blocks.partition_point(|block| block.last_series < number),
        }
    }

    fn view(&mut self, block: Block) -> Result<&ValuesView, PartError> {
        if self.values.as_ref().is_none_or(|(at, _)| *at != block) {
            let view = self.part.kept_values(&self.part.values_blocks()[block])?;
            self.values = Some((block, view));
        }
        Ok(&self.values.as_ref().expect("read above").1)
    }

    /// Returns the times and the packed values of a chunk.
    pub(super) fn open(
        &mut self,
        block: Block,
        chunk: &ChunkAt,
    ) -> Result<(&Times, &[u8]), PartError> {
        self.view(block)?;
        let here = matches!(chunk.times, TimesAt::Here { .. }).then_some(block);
        let of = TimesOf { block: here, at: chunk.times, count: chunk.count };
        if self.times.as_ref().is_none_or(|(known, _)| *known != of) {
            let times = self.read_times(chunk)?;
            self.times = Some((of, times));
        }
        let view = &self.values.as_ref().expect("read above").1;
        Ok((&self.times.as_ref().expect("read above").1, view.values(chunk)))
    }

    fn read_times(&mut self, chunk: &ChunkAt) -> Result<Times, PartError> {
        if let TimesAt::Shared { block, .. } = chunk.times
            && self.shared.as_ref().is_none_or(|(at, _)| *at != block)
        {
            self.shared = Some((block, self.part.view_times(block)?));
        }
        let shared = self.shared.as_ref().map_or(&[][..], |(_, bytes)| bytes);
        let view = &self.values.as_ref().expect("the chunk's block is open").1;
        let times = view.times(chunk, shared).and_then(|t| Times::read(t, chunk.count as usize));
        self.part.decoded(times)
    }

    /// Returns the packed times of a chunk, whose block must be open, and its packed values.
    pub(super) fn raw(&mut self, chunk: &ChunkAt) -> Result<(Vec<u8>, Vec<u8>), PartError> {
        let shared = match chunk.times {
            TimesAt::Shared { block, .. } => self.part.view_times(block)?,
            TimesAt::Here { .. } => Arc::default(),
        };
        let view = &self.values.as_ref().expect("the chunk's block is open").1;
        let times = self.part.decoded(view.times(chunk, &shared))?.to_vec();
        Ok((times, view.values(chunk).to_vec()))
    }

    /// Returns the key of a series.
    pub(super) fn key(&mut self, number: u32) -> Result<&[u8], PartError> {
        let (block, at) = Part::place_of_key(number);
        if self.keys.as_ref().is_none_or(|(known, ..)| *known != block) {
            self.keys = Some((block, self.part.keys_of(block)?));
            self.key = Entry::default();
        }
        let keys = &self.keys.as_ref().expect("read above").1;
        let found = keys.go_to(at, &mut self.key);
        self.part.decoded(found.then_some(&*self.key.text))
    }
}
