//! What was deleted, as the manifest keeps it until the parts that hold it are rewritten.
//!
//! A tombstone names the parts that it counts for: those that held something of it when it was made.
//! What arrives later stands in other parts, so nothing about time has to be decided when reading.

use crate::matcher::{Matcher, Test};
use model::{TenantId, TimeRange};
use std::collections::HashSet;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// Series of a tenant, chosen by labels, within a range of times, in some parts.
#[derive(Debug)]
pub(crate) struct Tombstone {
    /// Tells tombstones apart while the store is open.
    pub(crate) id: u64,
    pub(crate) tenant: TenantId,
    pub(crate) range: TimeRange,
    /// Values only, no functions: this is written down.
    pub(crate) matchers: Vec<Matcher>,
    parts: HashSet<String>,
    /// Since when background work knows of it; [`i64::MIN`] before that.
    known_since_ms: AtomicI64,
}

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

impl Tombstone {
    pub(crate) fn new(
        tenant: TenantId,
        range: TimeRange,
        matchers: Vec<Matcher>,
        parts: impl IntoIterator<Item = String>,
    ) -> Self {
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        let known_since_ms = AtomicI64::new(i64::MIN);
        Self { id, tenant, range, matchers, parts: parts.into_iter().collect(), known_since_ms }
    }

    /// Says whether it counts for a part.
    pub(crate) fn covers(&self, part: &str) -> bool {
        self.parts.contains(part)
    }

    /// Returns since when background work knows of it: from the first call on since the store was
    /// opened, or since a clock was set back.
    pub(crate) fn known_since(&self, now_ms: i64) -> i64 {
        match self.known_since_ms.load(Ordering::Relaxed) {
            since if since != i64::MIN && since <= now_ms => since,
            _ => {
                self.known_since_ms.store(now_ms, Ordering::Relaxed);
                now_ms
            }
        }
    }

    /// Returns the form of the manifest; `parts` are those to name, in order.
    pub(crate) fn to_stored(&self, parts: &[String]) -> storage::Tombstone {
        let mut what = format!("{} {} {}", self.tenant.0, self.range.start_ms, self.range.end_ms);
        for matcher in &self.matchers {
            what.push(' ');
            encode(&mut what, &matcher.label);
            what.push_str(if matcher.negated { "!=" } else { "=" });
            for (n, value) in values(matcher).iter().enumerate() {
                if n > 0 {
                    what.push('|');
                }
                encode(&mut what, value);
            }
        }
        let parts = parts.iter().filter(|name| self.covers(name)).cloned().collect();
        storage::Tombstone { parts, what }
    }

    /// Undoes [`Tombstone::to_stored`]; `None` when the words make no sense.
    pub(crate) fn of_stored(stored: &storage::Tombstone) -> Option<Self> {
        let mut words = stored.what.split(' ');
        let tenant = TenantId(words.next()?.parse().ok()?);
        let start_ms = words.next()?.parse().ok()?;
        let end_ms = words.next()?.parse().ok()?;
        let mut matchers = Vec::new();
        for word in words {
            let (label, values) = word.split_once('=')?;
            let (label, negated) = match label.strip_suffix('!') {
                Some(label) => (label, true),
                None => (label, false),
            };
            let values: Option<Vec<String>> = values.split('|').map(decode).collect();
            matchers.push(Matcher { label: decode(label)?, test: Test::AnyOf(values?), negated });
        }
        let range = TimeRange { start_ms, end_ms };
        Some(Self::new(tenant, range, matchers, stored.parts.iter().cloned()))
    }
}

fn values(matcher: &Matcher) -> &[String] {
    match &matcher.test {
        Test::Equal(value) => std::slice::from_ref(value),
        Test::AnyOf(values) => values,
        Test::Passes(_) => unreachable!("functions are resolved to values before"),
    }
}

/// Appends a text with everything but letters, digits and a few signs as `%` and two digits.
fn encode(out: &mut String, text: &str) {
    use std::fmt::Write;
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b':' | b'/' => {
                out.push(char::from(byte));
            }
            _ => {
                let _ = write!(out, "%{byte:02x}");
            }
        }
    }
}

fn decode(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_undoes_writing() {
        let any = |label: &str, values: &[&str], negated| Matcher {
            label: label.into(),
            test: Test::AnyOf(values.iter().map(|v| (*v).into()).collect()),
            negated,
        };
        let matchers = vec![
            Matcher::equal("__namespace__", "AWS/EC2 ä=|!%"),
            any("host=", &["a", "", "b c"], true),
            any("x!", &[""], false),
            any("line\r", &["a\r", "\r\n", "b\n", "\0"], false),
        ];
        let range = TimeRange { start_ms: -5, end_ms: i64::MAX };
        let parts = ["1.5.part".to_owned(), "3.5.part".to_owned()];
        let tombstone = Tombstone::new(TenantId(7), range, matchers, parts.clone());
        let stored = tombstone.to_stored(&["0.5.part".into(), parts[0].clone(), parts[1].clone()]);
        assert_eq!(stored.parts, parts);
        // Whatever somebody matches by, it is one line of plain signs in the manifest.
        assert!(stored.what.bytes().all(|b| b.is_ascii_graphic() || b == b' '), "{}", stored.what);
        let read = Tombstone::of_stored(&stored).unwrap();
        assert_eq!(read.to_stored(&parts), stored);
        assert_eq!((read.tenant, read.range), (TenantId(7), range));
        for value in ["AWS/EC2 ä=|!%", "other"] {
            assert_eq!(read.matchers[0].matches(value), value != "other");
        }
        assert!(!read.matchers[1].matches("") && read.matchers[1].matches("c"));
        for odd in ["", "1", "1 2", "1 2 x", "1 2 3 host", "1 2 3 a=%4", "1 2 3 a=%ff"] {
            let stored = storage::Tombstone { parts: vec!["p".into()], what: odd.into() };
            assert!(Tombstone::of_stored(&stored).is_none(), "{odd}");
        }
    }
}
