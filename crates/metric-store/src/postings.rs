//! Posting lists: growing lists of series numbers, appended in order, a byte or two each.

use stdx::varint::{self, Reader};

/// A sorted list of numbers, kept as gaps; a run of neighbours is one entry.
#[derive(Debug, Clone, Default)]
pub(crate) struct Postings {
    bytes: Vec<u8>,
    /// One more than the last number that stands in `bytes`; zero while there is none.
    written: u32,
    /// Numbers that follow `written` without a gap and are not in `bytes` yet.
    run: u32,
    run_start: u32,
    count: u32,
}

impl Postings {
    /// Appends `number`, which must not be smaller than the last one; the same one again is
    /// ignored.
    #[inline]
    pub(crate) fn push(&mut self, number: u32) {
        if self.run > 0 {
            let next = self.run_start + self.run;
            if number == next {
                self.run += 1;
                self.count += 1;
                return;
            }
            if number < next {
                debug_assert_eq!(number + 1, next, "numbers are appended in order");
                return;
            }
            self.write_run();
        }
        self.run_start = number;
        self.run = 1;
        self.count += 1;
    }

    /// A gap to the end of the last run, twice; the lowest bit says that a length follows.
    fn write_run(&mut self) {
        put_run(&mut self.bytes, u64::from(self.run_start - self.written), u64::from(self.run));
        self.written = self.run_start + self.run;
        self.run = 0;
    }

    pub(crate) fn len(&self) -> usize {
        self.count as usize
    }

    /// Returns all numbers, in order.
    pub(crate) fn to_vec(&self) -> Vec<u32> {
        let mut all = Vec::with_capacity(self.len());
        self.append_to(&mut all);
        all
    }

    /// Appends all numbers, in order.
    pub(crate) fn append_to(&self, out: &mut Vec<u32>) {
        read_runs(&self.bytes, out).expect("postings read what they wrote");
        out.extend(self.run_start..self.run_start + self.run);
    }

    /// Appends the list in the form that [`decode`] reads.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.bytes);
        if self.run > 0 {
            put_run(out, u64::from(self.run_start - self.written), u64::from(self.run));
        }
    }

    #[cfg(test)]
    pub(crate) fn heap_bytes(&self) -> usize {
        self.bytes.capacity()
    }
}

fn put_run(out: &mut Vec<u8>, gap: u64, run: u64) {
    if run == 1 {
        varint::put_u64(out, gap << 1);
    } else {
        varint::put_u64(out, gap << 1 | 1);
        varint::put_u64(out, run);
    }
}

fn read_runs(bytes: &[u8], out: &mut Vec<u32>) -> Option<()> {
    let mut reader = Reader::new(bytes);
    let mut next = 0u32;
    while !reader.is_empty() {
        let gap = reader.u64()?;
        let run = if gap & 1 == 1 { reader.u32()? } else { 1 };
        let start = next.checked_add(u32::try_from(gap >> 1).ok()?)?;
        next = start.checked_add(run)?;
        out.extend(start..next);
    }
    Some(())
}

/// Reads a list; `None` when it is damaged or holds numbers of `limit` or more.
pub(crate) fn decode(bytes: &[u8], limit: u32) -> Option<Vec<u32>> {
    let mut all = Vec::new();
    decode_to(bytes, limit, &mut all)?;
    Some(all)
}

/// Appends a list, as [`decode`] reads it; nothing when it is damaged.
pub(crate) fn decode_to(bytes: &[u8], limit: u32, out: &mut Vec<u32>) -> Option<()> {
    // The checksum of the block has held; the limit keeps a mistake from asking for all memory.
    let mut reader = Reader::new(bytes);
    let mut next = 0u32;
    while !reader.is_empty() {
        let gap = reader.u64()?;
        let run = if gap & 1 == 1 { reader.u32()? } else { 1 };
        next = next.checked_add(u32::try_from(gap >> 1).ok()?)?.checked_add(run)?;
    }
    if next > limit {
        return None;
    }
    read_runs(bytes, out)
}

/// Returns what is in both sorted lists.
pub(crate) fn intersect(a: &[u32], b: &[u32]) -> Vec<u32> {
    let (small, large) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let mut both = Vec::with_capacity(small.len());
    if small.len() * 16 < large.len() {
        let mut rest = large;
        for &n in small {
            let at = rest.partition_point(|&m| m < n);
            rest = &rest[at..];
            if rest.first() == Some(&n) {
                both.push(n);
            }
        }
        return both;
    }
    let (mut i, mut j) = (0, 0);
    while i < small.len() && j < large.len() {
        match small[i].cmp(&large[j]) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                both.push(small[i]);
                i += 1;
                j += 1;
            }
        }
    }
    both
}

/// Returns what is in the sorted list `a` and not in the sorted list `b`.
pub(crate) fn subtract(a: &[u32], b: &[u32]) -> Vec<u32> {
    let mut rest = b;
    a.iter()
        .copied()
        .filter(|&n| {
            while rest.first().is_some_and(|&m| m < n) {
                rest = &rest[1..];
            }
            rest.first() != Some(&n)
        })
        .collect()
}

/// Returns what is in any of the lists, sorted.
pub(crate) fn union(lists: Vec<Vec<u32>>) -> Vec<u32> {
    let mut lists = lists;
    if lists.len() <= 1 {
        return lists.pop().unwrap_or_default();
    }
    sorted(lists.concat())
}

/// Numbers are marked in a row of bits when they are at least this share of it.
const DENSE_SHARE: usize = 64;

/// Sorts numbers of several lists, one behind the other; each stays once.
pub(crate) fn sorted(mut all: Vec<u32>) -> Vec<u32> {
    if all.is_sorted_by(|a, b| a < b) {
        return all;
    }
    let last = all.iter().copied().max().unwrap_or(0) as usize;
    if last / DENSE_SHARE > all.len() {
        all.sort_unstable();
        all.dedup();
        return all;
    }
    // A million numbers of a million lists: marking them takes a tenth of sorting them.
    let mut marks = vec![0u64; last / 64 + 1];
    all.iter().for_each(|&n| marks[n as usize / 64] |= 1 << (n % 64));
    all.clear();
    for (at, mut word) in (0u32..).zip(marks) {
        while word != 0 {
            all.push(at * 64 + word.trailing_zeros());
            word &= word - 1;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn lists_behave_as_sets(
            mut a in proptest::collection::vec(0u32..500, 0..200),
            mut b in proptest::collection::vec(0u32..500, 0..20),
        ) {
            a.sort_unstable();
            b.sort_unstable();
            let mut postings = Postings::default();
            a.iter().for_each(|&n| postings.push(n));
            a.dedup();
            b.dedup();
            prop_assert_eq!(postings.to_vec(), a.clone());
            prop_assert_eq!(postings.len(), a.len());
            let mut bytes = Vec::new();
            postings.encode(&mut bytes);
            prop_assert_eq!(decode(&bytes, 500), Some(a.clone()));
            let both: Vec<u32> = a.iter().copied().filter(|n| b.contains(n)).collect();
            prop_assert_eq!(intersect(&a, &b), both);
            let only: Vec<u32> = a.iter().copied().filter(|n| !b.contains(n)).collect();
            prop_assert_eq!(subtract(&a, &b), only);
            let mut any = [a.clone(), b.clone()].concat();
            any.sort_unstable();
            any.dedup();
            prop_assert_eq!(union(vec![a, b]), any);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..50)) {
            if let Some(all) = decode(&bytes, 1000) {
                prop_assert!(all.iter().all(|&n| n < 1000));
            }
        }
    }
}
