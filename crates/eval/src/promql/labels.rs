//! Label sets: what a series of a result is called.

use model::VIRTUAL_NAMES;
use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// The label that holds a metric's name.
pub const NAME: &str = "__name__";

/// A set of labels, sorted by name, each name once, no empty values. Cheap to clone.
///
/// Inside is one text: length and bytes of each name and value in turn. Lengths are written in six
/// bits a byte, so that the whole stays a valid text and equality, hash and grouping are those of
/// plain bytes; one allocation a series, which counts with a million of them.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Labels(Arc<str>);

/// Bits of a length in one byte; the next bit says that more follow.
const LENGTH_BITS: u32 = 6;
const LENGTH_MORE: u8 = 1 << LENGTH_BITS;

fn put_text(out: &mut String, text: &str) {
    let mut length = text.len();
    while length >= usize::from(LENGTH_MORE) {
        out.push(char::from((length % usize::from(LENGTH_MORE)) as u8 | LENGTH_MORE));
        length >>= LENGTH_BITS;
    }
    out.push(char::from(length as u8));
    out.push_str(text);
}

#[inline]
fn take_text(text: &str) -> Option<(&str, &str)> {
    let (mut length, mut shift) = (0, 0);
    for (at, &byte) in text.as_bytes().iter().enumerate() {
        length |= usize::from(byte & (LENGTH_MORE - 1)) << shift;
        shift += LENGTH_BITS;
        if byte & LENGTH_MORE == 0 {
            return Some(text[at + 1..].split_at(length));
        }
    }
    None
}

/// The labels of a set, in order.
#[derive(Debug, Clone)]
pub struct Pairs<'a>(&'a str);

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a str, &'a str);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (name, rest) = take_text(self.0)?;
        let (value, rest) = take_text(rest)?;
        self.0 = rest;
        Some((name, value))
    }
}

/// Says whether a label names the metric rather than what is measured: such labels vanish together
/// when a value is no longer the metric's own.
pub(super) fn is_name(label: &str) -> bool {
    VIRTUAL_NAMES.contains(&label)
}

impl Labels {
    /// The set without labels.
    pub fn empty() -> Self {
        Self(Arc::from(""))
    }

    /// Makes a set of any pairs: sorts them and leaves empty values out. Of equal names the last
    /// one counts.
    pub fn new<N: AsRef<str>, V: AsRef<str>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut builder = LabelsBuilder::default();
        for (name, value) in pairs {
            builder.set(name.as_ref(), value.as_ref());
        }
        builder.build()
    }

    /// Makes a set of pairs that are sorted by name, unique and without empty values already.
    pub fn from_sorted<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        // Most sets fit.
        let mut text = String::with_capacity(256);
        for (name, value) in pairs {
            put_text(&mut text, name);
            put_text(&mut text, value);
        }
        Self(text.as_str().into())
    }

    /// Returns names and values, sorted by name.
    #[inline]
    pub fn iter(&self) -> Pairs<'_> {
        Pairs(&self.0)
    }

    /// Returns a label's value; empty for one that is not there.
    pub fn get(&self, name: &str) -> &str {
        self.iter().find(|(n, _)| *n == name).map_or("", |(_, value)| value)
    }

    /// Returns the metric's name; empty when there is none.
    pub fn name(&self) -> &str {
        self.get(NAME)
    }

    /// Says whether there is no label.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the labels that `keep` wants.
    pub fn filtered(&self, keep: impl Fn(&str) -> bool) -> Self {
        if self.iter().all(|(name, _)| keep(name)) {
            return self.clone();
        }
        Self::from_sorted(self.iter().filter(|(name, _)| keep(name)))
    }

    /// Returns the labels without the metric's name.
    pub fn without_name(&self) -> Self {
        self.filtered(|name| !is_name(name))
    }

    /// Returns a builder that starts with these labels.
    pub fn to_builder(&self) -> LabelsBuilder {
        LabelsBuilder { pairs: self.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect() }
    }

    /// Returns how many bytes the set takes.
    pub fn bytes(&self) -> usize {
        self.0.len()
    }
}

/// The text that a set is inside: what sets are grouped by.
impl Borrow<str> for Labels {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// By the first label that differs, its name and then its value; a set that ends first is less.
impl Ord for Labels {
    fn cmp(&self, other: &Self) -> Ordering {
        let (one, two) = (self.0.as_bytes(), other.0.as_bytes());
        let same = same_bytes(one, two);
        if same == one.len().min(two.len()) {
            // The bytes of one are the first ones of the other, and so are its texts.
            return one.len().cmp(&two.len());
        }
        // In front of the byte that differs lie texts that are the same.
        let mut at = 0;
        loop {
            let (own, rest) = text_at(one, at);
            if rest > same {
                return own.cmp(text_at(two, at).0);
            }
            at = rest;
        }
    }
}

/// Returns how many bytes two lists have in common from their starts.
fn same_bytes(one: &[u8], two: &[u8]) -> usize {
    const WORD: usize = size_of::<u64>();
    let word = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("eight bytes"));
    let words = one.chunks_exact(WORD).zip(two.chunks_exact(WORD));
    let mut same = 0;
    for (a, b) in words {
        let differing = word(a) ^ word(b);
        if differing != 0 {
            return same + differing.trailing_zeros() as usize / 8;
        }
        same += WORD;
    }
    same + one[same..].iter().zip(&two[same..]).take_while(|(a, b)| a == b).count()
}

/// Returns the text whose length stands at a place, and the place behind it.
fn text_at(bytes: &[u8], mut at: usize) -> (&[u8], usize) {
    let (mut length, mut shift) = (0, 0);
    loop {
        let byte = bytes[at];
        at += 1;
        length |= usize::from(byte & (LENGTH_MORE - 1)) << shift;
        shift += LENGTH_BITS;
        if byte & LENGTH_MORE == 0 {
            return (&bytes[at..at + length], at + length);
        }
    }
}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// As Prometheus' messages write a set: `{__name__="m", a="b"}`.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (n, (name, value)) in self.iter().enumerate() {
            let comma = if n == 0 { "" } else { ", " };
            write!(f, "{comma}{name}={value:?}")?;
        }
        f.write_str("}")
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Changes a set of labels.
#[derive(Debug, Clone, Default)]
pub struct LabelsBuilder {
    pairs: Vec<(String, String)>,
}

impl LabelsBuilder {
    /// Sets a label; an empty value removes it.
    pub fn set(&mut self, name: &str, value: &str) {
        match self.pairs.binary_search_by(|(n, _)| n.as_str().cmp(name)) {
            Ok(at) if value.is_empty() => drop(self.pairs.remove(at)),
            Ok(at) => value.clone_into(&mut self.pairs[at].1),
            Err(_) if value.is_empty() => {}
            Err(at) => self.pairs.insert(at, (name.to_owned(), value.to_owned())),
        }
    }

    /// Removes the labels that `keep` does not want.
    pub fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.pairs.retain(|(name, _)| keep(name));
    }

    /// Returns the set.
    pub fn build(&self) -> Labels {
        Labels::from_sorted(self.pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())))
    }
}

/// Which labels tell groups apart: those of `by` and `on`, or all but those of `without` and
/// `ignoring` and the metric's name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grouping {
    names: Vec<String>,
    without: bool,
}

impl Grouping {
    /// These labels.
    pub fn by(names: &[String]) -> Self {
        Self::new(names, false)
    }

    /// All labels but these and the metric's name.
    pub fn without(names: &[String]) -> Self {
        Self::new(names, true)
    }

    fn new(names: &[String], without: bool) -> Self {
        let mut names = names.to_vec();
        names.sort_unstable();
        names.dedup();
        Self { names, without }
    }

    /// Says whether a label tells groups apart.
    #[inline]
    pub fn wants(&self, label: &str) -> bool {
        let named = self.names.iter().any(|name| name == label);
        if self.without { !named && !is_name(label) } else { named }
    }

    /// Says whether no label tells groups apart: there is one.
    pub fn is_one(&self) -> bool {
        self.names.is_empty() && !self.without
    }

    /// Returns the labels that tell groups apart, sorted, if it is said which; the others of a series do
    /// not.
    pub fn labels(&self) -> Option<&[String]> {
        (!self.without).then_some(&self.names)
    }

    /// Says whether a name may tell groups apart.
    pub(super) fn wants_names(&self) -> bool {
        !self.without && self.names.iter().any(|name| is_name(name))
    }

    /// Writes the labels of a series' group to `key`, which is the text inside a [`Labels`].
    #[inline]
    pub fn key_of(&self, labels: &Labels, key: &mut String) {
        self.key_from(labels.iter(), key);
    }

    /// As [`Grouping::key_of`], for labels sorted by name, each once, none of them empty.
    #[inline]
    pub fn key_from<'l>(
        &self,
        labels: impl IntoIterator<Item = (&'l str, &'l str)>,
        key: &mut String,
    ) {
        key.clear();
        for (name, value) in labels {
            if self.wants(name) {
                put_text(key, name);
                put_text(key, value);
            }
        }
    }

    /// Turns a key into the labels that it stands for.
    pub fn labels_of(key: &str) -> Labels {
        Labels(Arc::from(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_sorted_unique_and_not_empty() {
        let long = "x".repeat(5000);
        let labels = Labels::new([("b", "2"), ("a", "ä"), ("c", ""), ("b", &long)]);
        assert_eq!(labels.iter().collect::<Vec<_>>(), [("a", "ä"), ("b", long.as_str())]);
        assert_eq!((labels.get("a"), labels.get("c"), labels.get("d")), ("ä", "", ""));
        assert_eq!(Labels::new([("a", "")]), Labels::empty());
    }

    #[test]
    fn sets_are_ordered_by_the_first_difference() {
        let set = |text: &str| {
            Labels::new(text.split_whitespace().map(|pair| pair.split_once('=').unwrap()))
        };
        let sorted = ["", "a=1", "a=1 b=1", "a=10", "a=2", "aa=0", "b=1"].map(set);
        let mut shuffled = sorted.to_vec();
        shuffled.reverse();
        shuffled.sort();
        assert_eq!(shuffled, sorted);
    }

    #[test]
    fn sets_are_ordered_as_their_pairs_are() {
        let texts = ["", "a", "b", "ab", "aaaaaaaaa", "aaaaaaaab"].map(str::to_owned);
        let texts = [&texts[..], &["x".repeat(63), "x".repeat(64), "x".repeat(5000)]].concat();
        let mut sets = vec![Labels::empty()];
        for name in &texts[1..] {
            for value in &texts[1..] {
                sets.push(Labels::from_sorted([(name.as_str(), value.as_str())]));
                let two = [("A", value.as_str()), (name.as_str(), value.as_str())];
                sets.push(Labels::from_sorted(two));
            }
        }
        for one in &sets {
            for two in &sets {
                assert_eq!(one.cmp(two), one.iter().cmp(two.iter()), "{one} {two}");
            }
        }
    }

    #[test]
    fn groups_are_told_apart_by_the_labels_asked_for() {
        let labels = Labels::new([(NAME, "m"), ("a", "1"), ("b", "2"), ("__unit__", "s")]);
        let names = ["b".to_owned(), NAME.to_owned()];
        let mut key = String::new();
        for (grouping, expected) in [
            (Grouping::by(&names), "{__name__=\"m\", b=\"2\"}"),
            (Grouping::without(&names[..1]), "{a=\"1\"}"),
            (Grouping::default(), "{}"),
        ] {
            grouping.key_of(&labels, &mut key);
            assert_eq!(Grouping::labels_of(&key).to_string(), expected);
        }
        assert_eq!(labels.without_name().to_string(), "{a=\"1\", b=\"2\"}");
    }
}
