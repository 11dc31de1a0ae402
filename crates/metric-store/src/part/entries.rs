//! A block of front-coded texts in memory, with places at which reading may begin: keys of series, and
//! pairs of labels with what stands behind them.
//!
//! A text tells only how it differs from the one before it, so without such places a look at one entry
//! walks half of its block. They are found once, when the block is unpacked, and cost one text in
//! [`STRIDE`].

use stdx::varint::Reader;

/// Entries from one place to the next.
const STRIDE: usize = 16;

/// Entries in the order of their texts; all of them were read once and make sense.
#[derive(Debug)]
pub(crate) struct Entries {
    content: Vec<u8>,
    /// Something stands behind each text, with its length.
    are_followed: bool,
    len: usize,
    places: Vec<Place>,
    /// Whole texts of the entries at the places, one behind the other.
    texts: Vec<u8>,
}

/// Every [`STRIDE`]-th entry.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// Where its text ends among the texts.
    text_end: u32,
    /// What stands behind its text in the content.
    followed_by: (u32, u32),
}

/// One entry, as a walk has come to it.
#[derive(Debug, Default)]
pub(crate) struct Entry {
    /// Its place in the block.
    pub(crate) number: usize,
    /// Its text.
    pub(crate) text: Vec<u8>,
    /// What stands behind its text in the content; the next entry begins at its end.
    followed_by: (u32, u32),
}

impl Entries {
    /// Reads a block of keys; `None` if it is odd.
    pub(crate) fn of_keys(content: Vec<u8>) -> Option<Self> {
        Self::of(content, false)
    }

    /// Reads a block of labels; `None` if it is odd.
    pub(crate) fn of_labels(content: Vec<u8>) -> Option<Self> {
        Self::of(content, true)
    }

    fn of(content: Vec<u8>, are_followed: bool) -> Option<Self> {
        // Places are told in four bytes.
        u32::try_from(content.len()).ok()?;
        let mut all = Self { content, are_followed, len: 0, places: Vec::new(), texts: Vec::new() };
        let mut entry = Entry::default();
        while (entry.followed_by.1 as usize) < all.content.len() {
            all.read(&mut entry)?;
            if all.len.is_multiple_of(STRIDE) {
                all.texts.extend_from_slice(&entry.text);
                let text_end = u32::try_from(all.texts.len()).ok()?;
                all.places.push(Place { text_end, followed_by: entry.followed_by });
            }
            all.len += 1;
        }
        all.places.shrink_to_fit();
        all.texts.shrink_to_fit();
        Some(all)
    }

    /// Replaces an entry by the one behind it.
    fn read(&self, entry: &mut Entry) -> Option<()> {
        let mut reader = Reader::new(self.content.get(entry.followed_by.1 as usize..)?);
        let shared = reader.usize().filter(|&shared| shared <= entry.text.len())?;
        let rest = reader.bytes()?;
        entry.text.truncate(shared);
        entry.text.extend_from_slice(rest);
        let followed_by = if self.are_followed { reader.bytes()?.len() } else { 0 };
        let end = self.content.len() - reader.rest().len();
        entry.followed_by = ((end - followed_by) as u32, end as u32);
        Some(())
    }

    /// Returns how many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Returns the bytes that it takes in memory.
    pub(crate) fn heap_bytes(&self) -> usize {
        let places = size_of_val(self.places.as_slice());
        size_of::<Self>() + self.content.capacity() + places + self.texts.len()
    }

    fn text_at(&self, place: usize) -> &[u8] {
        let start = place.checked_sub(1).map_or(0, |before| self.places[before].text_end);
        &self.texts[start as usize..self.places[place].text_end as usize]
    }

    fn start_at(&self, place: usize, entry: &mut Entry) {
        entry.number = place * STRIDE;
        entry.text.clear();
        entry.text.extend_from_slice(self.text_at(place));
        entry.followed_by = self.places[place].followed_by;
    }

    /// Replaces an entry by the first one; says whether there is one.
    pub(crate) fn first(&self, entry: &mut Entry) -> bool {
        let any = !self.places.is_empty();
        if any {
            self.start_at(0, entry);
        }
        any
    }

    /// Goes on to the next entry; says whether there is one.
    pub(crate) fn next(&self, entry: &mut Entry) -> bool {
        entry.number += 1;
        entry.number < self.len && self.read(entry).is_some()
    }

    /// Replaces an entry, which must be of this block or new, by the one with a number; says whether
    /// there is one. From one that is not far before it is walked on.
    pub(crate) fn go_to(&self, number: usize, entry: &mut Entry) -> bool {
        if number >= self.len {
            return false;
        }
        let is_new = entry.followed_by.1 == 0;
        if is_new || entry.number > number || number / STRIDE != entry.number / STRIDE {
            self.start_at(number / STRIDE, entry);
        }
        while entry.number < number {
            if !self.next(entry) {
                return false;
            }
        }
        true
    }

    /// Replaces an entry by the first one whose text is not below this one; says whether there is one.
    pub(crate) fn find(&self, text: &[u8], entry: &mut Entry) -> bool {
        let (mut low, mut high) = (0, self.places.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.text_at(middle) <= text { low = middle + 1 } else { high = middle }
        }
        if self.places.is_empty() {
            return false;
        }
        self.start_at(low.saturating_sub(1), entry);
        while entry.text.as_slice() < text {
            if !self.next(entry) {
                return false;
            }
        }
        true
    }

    /// Returns what stands behind an entry's text.
    pub(crate) fn behind(&self, entry: &Entry) -> &[u8] {
        let (start, end) = entry.followed_by;
        &self.content[start as usize..end as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::super::writer::put_front_coded;
    use super::*;
    use stdx::varint;

    fn texts(count: usize) -> Vec<String> {
        (0..count).map(|n| format!("name-{:04}", n * 2)).collect()
    }

    fn block(texts: &[String], are_followed: bool) -> Entries {
        let (mut content, mut last) = (Vec::new(), "");
        for text in texts {
            put_front_coded(&mut content, last.as_bytes(), text.as_bytes());
            if are_followed {
                varint::put_bytes(&mut content, &text.as_bytes()[5..]);
            }
            last = text;
        }
        Entries::of(content, are_followed).unwrap()
    }

    #[test]
    fn entries_are_found_by_number_and_by_text() {
        for count in [0, 1, 15, 16, 17, 128] {
            for are_followed in [false, true] {
                let texts = texts(count);
                let block = block(&texts, are_followed);
                assert_eq!(block.len(), count);
                let mut entry = Entry::default();
                for numbers in [(0..count).collect::<Vec<_>>(), (0..count).rev().collect()] {
                    for number in numbers {
                        assert!(block.go_to(number, &mut entry) && entry.number == number);
                        assert_eq!(entry.text, texts[number].as_bytes());
                        let behind = if are_followed { &texts[number][5..] } else { "" };
                        assert_eq!(block.behind(&entry), behind.as_bytes());
                        // The text itself, and one that is before it and behind the last.
                        let before = number.checked_sub(1).map_or(0, |n| n * 2 + 1);
                        for text in [texts[number].clone(), format!("name-{before:04}")] {
                            assert!(block.find(text.as_bytes(), &mut entry), "{text}");
                            assert_eq!(entry.number, number);
                        }
                    }
                }
                assert!(!block.go_to(count, &mut Entry::default()));
                assert!(!block.find(b"z", &mut entry));
            }
        }
    }

    #[test]
    fn a_walk_shows_all() {
        let texts = texts(40);
        let block = block(&texts, true);
        let (mut entry, mut shown) = (Entry::default(), Vec::new());
        let mut any = block.first(&mut entry);
        while any {
            shown.push(String::from_utf8(entry.text.clone()).unwrap());
            any = block.next(&mut entry);
        }
        assert_eq!(shown, texts);
    }

    #[test]
    fn odd_bytes_are_refused() {
        for odd in [&[1][..], &[1, 0], &[0, 5, b'a'], &[0, 1, b'a', 2, 1]] {
            assert!(Entries::of_keys(odd.to_vec()).is_none(), "{odd:?}");
        }
        assert!(Entries::of_labels(vec![0, 1, b'a']).is_none());
        assert_eq!(Entries::of_labels(vec![0, 1, b'a', 0]).unwrap().len(), 1);
    }
}
