//! Page tokens that were used: the service refuses them.
//!
//! A token carries a number of its own, so that two readers of the same list do not spend each
//! other's. What is remembered is bounded; a token older than that many others is taken again, which
//! gives its page once more and harms nobody.

use parking_lot::Mutex;
use std::collections::{HashSet, VecDeque};
use stdx::Rng;

const REMEMBERED: usize = 16_384;
const NUMBER_BYTES: usize = 8;

/// Numbers of tokens that were used, since the start.
#[derive(Debug, Default)]
pub(crate) struct Spent(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    order: VecDeque<[u8; NUMBER_BYTES]>,
    known: HashSet<[u8; NUMBER_BYTES]>,
}

/// Puts a number of its own in front of a token's position.
pub(crate) fn numbered(position: &[u8]) -> Vec<u8> {
    let mut bytes = Rng::system_bytes::<NUMBER_BYTES>().to_vec();
    bytes.extend_from_slice(position);
    bytes
}

impl Spent {
    /// Takes the number off; `None` when it was spent before or is not there.
    pub(crate) fn check<'b>(&self, bytes: &'b [u8]) -> Option<&'b [u8]> {
        let (number, position) = bytes.split_first_chunk::<NUMBER_BYTES>()?;
        (!self.0.lock().known.contains(number)).then_some(position)
    }

    /// Remembers that a token was used.
    pub(crate) fn spend(&self, bytes: &[u8]) {
        let Some((number, _)) = bytes.split_first_chunk::<NUMBER_BYTES>() else { return };
        let mut inner = self.0.lock();
        if inner.known.insert(*number) {
            inner.order.push_back(*number);
        }
        if inner.order.len() > REMEMBERED
            && let Some(oldest) = inner.order.pop_front()
        {
            inner.known.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_good_until_it_is_spent() {
        let spent = Spent::default();
        let (one, other) = (numbered(b"page 2"), numbered(b"page 2"));
        assert_eq!(spent.check(&one), Some(&b"page 2"[..]));
        spent.spend(&one);
        assert_eq!(spent.check(&one), None);
        assert_eq!(spent.check(&other), Some(&b"page 2"[..]), "another reader's token");
        assert_eq!(spent.check(b"short"), None);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let spent = Spent::default();
        let first = numbered(b"");
        spent.spend(&first);
        (0..REMEMBERED).for_each(|_| spent.spend(&numbered(b"")));
        assert!(spent.check(&first).is_some());
        assert_eq!(spent.0.lock().known.len(), REMEMBERED);
    }
}
