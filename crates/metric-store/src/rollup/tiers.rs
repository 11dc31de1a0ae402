//! Which parts are roll-ups, of which days they answer for, and which raw parts are in them.
//!
//! A raw part is *rolled* when the roll-ups of its day hold what it holds; one that came later is not,
//! so that a reader adds it, and nothing counts twice or is missing. A day is answered for by one part
//! of a tier at most. Days are *kept* where raw points may have gone since: then the roll-up is all
//! there is, and late points are added to it instead of building it anew.

use super::days::Days;
use super::tier::Tier;
use crate::part::Part;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What the manifest says of raw parts whose points are in roll-ups.
const ROLLED: &str = "rolled";

/// A part of a tier.
#[derive(Debug, Clone)]
pub(crate) struct TierPart {
    pub(crate) name: String,
    /// `None` when it could not be opened.
    pub(crate) part: Option<Arc<Part>>,
    pub(crate) tier: Tier,
    /// Days that it answers for; what it holds of others is void.
    pub(crate) days: Days,
    /// Days of which raw points may be gone.
    pub(crate) kept: Days,
}

impl TierPart {
    /// Returns the part if it can be read.
    pub(crate) fn serving(&self) -> Option<&Arc<Part>> {
        self.part.as_ref().filter(|part| !part.is_aside())
    }
}

/// All that is known of roll-ups; replaced as a whole, with the manifest.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tiers {
    /// Names of raw parts that are rolled.
    pub(crate) rolled: BTreeSet<String>,
    pub(crate) parts: Vec<TierPart>,
}

impl Tiers {
    /// Reads what the manifest says; parts come without their files. `Err` has the words that make no
    /// sense.
    pub(crate) fn of_words(about: &BTreeMap<String, String>) -> Result<Self, String> {
        let mut tiers = Self::default();
        for (name, words) in about {
            if words == ROLLED {
                tiers.rolled.insert(name.clone());
                continue;
            }
            let read = || {
                let mut words = words.split(' ');
                let tier: Tier = words.next()?.parse().ok()?;
                let days: Days = words.next()?.parse().ok()?;
                let kept: Days = words.next()?.parse().ok()?;
                words.next().is_none().then_some((tier, days, kept))
            };
            let (tier, days, kept) = read().ok_or_else(|| format!("{name} {words}"))?;
            tiers.parts.push(TierPart { name: name.clone(), part: None, tier, days, kept });
        }
        Ok(tiers)
    }

    /// Undoes [`Tiers::of_words`].
    pub(crate) fn to_words(&self) -> BTreeMap<String, String> {
        let rolled = self.rolled.iter().map(|name| (name.clone(), ROLLED.to_owned()));
        let parts = self.parts.iter().map(|p| {
            let words = format!("{} {} {}", p.tier, p.days, p.kept);
            (p.name.clone(), words)
        });
        rolled.chain(parts).collect()
    }

    pub(crate) fn is_tier_part(&self, name: &str) -> bool {
        self.parts.iter().any(|p| p.name == name)
    }

    pub(crate) fn of_tier(&self, tier: Tier) -> impl Iterator<Item = &TierPart> {
        self.parts.iter().filter(move |p| p.tier == tier)
    }

    /// Returns the days that parts in service answer for.
    pub(crate) fn covered(&self, tier: Tier) -> Days {
        let mut covered = Days::default();
        for part in self.of_tier(tier).filter(|p| p.serving().is_some()) {
            covered.extend(&part.days);
        }
        covered
    }

    /// Returns the days of which raw points may be gone.
    pub(crate) fn kept(&self) -> Days {
        let mut kept = Days::default();
        self.parts.iter().for_each(|p| kept.extend(&p.kept));
        kept
    }

    /// Says whether a part out of service answers for a day.
    pub(crate) fn is_aside(&self, day: i64) -> bool {
        self.parts.iter().any(|p| p.serving().is_none() && p.days.contains(day))
    }

    /// Notes that raw points of a day go.
    pub(crate) fn keep_day(&mut self, day: i64) {
        for part in self.parts.iter_mut().filter(|p| p.days.contains(day)) {
            part.kept.insert(day);
        }
    }

    /// Takes a day from whatever part of a tier answers for it; parts without a day go.
    pub(crate) fn take_day(&mut self, tier: Tier, day: i64) {
        for part in self.parts.iter_mut().filter(|p| p.tier == tier) {
            part.days.remove(day);
            part.kept.remove(day);
        }
        self.parts.retain(|p| !p.days.is_empty());
    }

    /// Puts a part in the place of others. It answers for what they answer for now: while it was
    /// written, days may have been kept, or taken from them.
    pub(crate) fn put_together(&mut self, of: &[String], came: Vec<TierPart>) {
        let (mut days, mut kept) = (Days::default(), Days::default());
        for part in self.parts.extract_if(.., |part| of.contains(&part.name)) {
            days.extend(&part.days);
            kept.extend(&part.kept);
        }
        if !days.is_empty() {
            let answers = |part| TierPart { days: days.clone(), kept: kept.clone(), ..part };
            self.parts.extend(came.into_iter().map(answers));
        }
    }

    /// Has a day built anew: raw points alone answer for it until then. In all tiers, as raw points that
    /// are no longer rolled count beside each of them.
    pub(crate) fn forget_day(&mut self, day: i64) {
        Tier::ALL.into_iter().for_each(|tier| self.take_day(tier, day));
        self.rolled.retain(|name| day_of_name(name) != Some(day));
    }
}

/// Returns the partition that stands in the name of a raw part.
pub(crate) fn day_of_name(name: &str) -> Option<i64> {
    name.split('.').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_manifest_are_read_back() {
        let about = BTreeMap::from([
            ("7.20736.part".to_owned(), "rolled".to_owned()),
            ("9.20736.1h.part".to_owned(), "1h 20736..20739,20741 20736".to_owned()),
            ("8.20736.5m.part".to_owned(), "5m 20736 -".to_owned()),
        ]);
        let mut tiers = Tiers::of_words(&about).unwrap();
        assert_eq!(tiers.to_words(), about);
        assert_eq!(day_of_name("7.20736.part"), Some(20736));
        tiers.keep_day(20736);
        assert_eq!(tiers.to_words()["8.20736.5m.part"], "5m 20736 20736");
        tiers.forget_day(20736);
        let left =
            BTreeMap::from([("9.20736.1h.part".to_owned(), "1h 20737..20739,20741 -".to_owned())]);
        assert_eq!(tiers.to_words(), left, "no day, no part; and its raw parts are not rolled");
        tiers.keep_day(20738);
        tiers.take_day(Tier::Hour, 20741);
        let came = Tiers::of_words(&left).unwrap().parts;
        tiers.put_together(&["9.20736.1h.part".to_owned()], came);
        assert_eq!(tiers.to_words()["9.20736.1h.part"], "1h 20737..20739 20738");
        for odd in ["", "1h", "1h 1", "1d 1 -", "1h 1 - -", "1h x -"] {
            let about = BTreeMap::from([("1.1.part".to_owned(), odd.to_owned())]);
            assert!(Tiers::of_words(&about).is_err(), "{odd:?}");
        }
    }
}
