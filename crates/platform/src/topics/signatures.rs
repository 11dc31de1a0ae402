//! Signatures of messages, each made once: it does not depend on who gets the message, and takes longer
//! than everything else that is done for a delivery.

use bus::{SignatureVersion, SigningKey};
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, OnceLock};

/// So many are remembered: a message goes to all of its subscriptions about at the same time.
const KEPT_MAX: usize = 1_024;

/// Tells what is signed: a digest of its text and the version.
type Signed = [u8; 32];

/// The newest signatures.
#[derive(Debug, Default)]
pub(super) struct Signatures {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    of: HashMap<Signed, Signature>,
    /// The oldest first.
    order: VecDeque<Signed>,
}

/// A signature that is there, or comes: whoever needs it first makes it, and the others wait for that.
#[derive(Debug, Clone, Default)]
pub(super) struct Signature(Arc<OnceLock<String>>);

impl Signatures {
    /// Returns the signature of a text, which may not have been made yet.
    pub(super) fn of(&self, canonical: &str, version: SignatureVersion) -> Signature {
        let mut digest = Sha256::new();
        digest.update(version.text());
        digest.update(canonical);
        let signed: Signed = digest.finalize().into();
        let mut known = self.known.lock();
        if let Some(signature) = known.of.get(&signed) {
            return signature.clone();
        }
        if known.order.len() >= KEPT_MAX
            && let Some(oldest) = known.order.pop_front()
        {
            known.of.remove(&oldest);
        }
        known.order.push_back(signed);
        known.of.entry(signed).or_default().clone()
    }
}

impl Signature {
    /// Says whether it was made.
    pub(super) fn is_made(&self) -> bool {
        self.0.get().is_some()
    }

    /// Returns it; made now if nobody has, which takes a millisecond or two.
    pub(super) fn get(&self, key: &SigningKey, canonical: &str, version: SignatureVersion) -> &str {
        self.0.get_or_init(|| key.sign(canonical, version))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_is_signed_once_and_the_newest_are_remembered() {
        let (key, _) = SigningKey::make().unwrap();
        let signatures = Signatures::default();
        let [one, two] = [SignatureVersion::One, SignatureVersion::Two];
        let first = signatures.of("a\n", one);
        assert!(!first.is_made());
        let made = first.get(&key, "a\n", one).to_owned();
        assert_eq!(made, key.sign("a\n", one), "signatures of this kind are always the same");
        let again = signatures.of("a\n", one);
        assert!(again.is_made() && again.get(&key, "a\n", one) == made);
        assert!(!signatures.of("a\n", two).is_made() && !signatures.of("b\n", one).is_made());
        for n in 0..KEPT_MAX {
            signatures.of(&n.to_string(), one);
        }
        assert!(!signatures.of("a\n", one).is_made(), "it made room");
        assert_eq!(signatures.known.lock().of.len(), KEPT_MAX);
    }
}
