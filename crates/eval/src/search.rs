//! What a search finds: a predicate over a metric's namespace, name and dimensions.
//!
//! Texts fall into words where the kind of character changes: at each number, at a capital behind a
//! small letter, before the last capital of a run that small letters follow, and at what is neither
//! letter nor digit, which is left out (`SDBFailure-2` is `SDB`, `Failure`, `2`). A partial term is
//! found where its words stand one behind the other, or where it is the whole text.
//!
//! The user guide says that a single word is found in any case and that several are found in theirs,
//! and then finds `Network-Errors-2` by `network/errors`. Both hold here: what stands between two
//! characters that are neither letter nor digit is compared in any case when it is one word, and
//! letter for letter when it is several (`count1` does not find `CustomCount1`, `Count1` does).
//!
//! Source: CloudWatch user guide, "Search expression syntax".

use lang::search::{Condition, Place, Search, Term, Text};

/// A metric that a search looks at.
#[derive(Debug, Clone, Copy)]
pub struct Metric<'a> {
    /// The account that has it, which is the one that asks.
    pub account: &'a str,
    /// Its namespace.
    pub namespace: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its dimensions.
    pub dimensions: &'a [(String, String)],
}

/// Says whether a search finds a metric.
pub fn matches(search: &Search, metric: &Metric<'_>) -> bool {
    let of_schema = search.schema.as_ref().is_none_or(|schema| {
        // Names of both sides are different ones: equally many that are all there are the same.
        schema.namespace == metric.namespace
            && schema.dimensions.len() == metric.dimensions.len()
            && metric.dimensions.iter().all(|(name, _)| schema.dimensions.contains(name))
    });
    of_schema && search.condition.as_ref().is_none_or(|condition| holds(condition, metric))
}

fn holds(condition: &Condition, metric: &Metric<'_>) -> bool {
    match condition {
        Condition::All(all) => all.iter().all(|one| holds(one, metric)),
        Condition::Any(all) => all.iter().any(|one| holds(one, metric)),
        Condition::Not(inner) => !holds(inner, metric),
        Condition::Term(term) => is_found(term, metric),
    }
}

fn is_found(term: &Term, metric: &Metric<'_>) -> bool {
    if term.place == Place::Account {
        return is_account(&term.text, metric.account);
    }
    let pattern = Pattern::new(&term.text);
    match &term.place {
        Place::Anywhere => {
            let texts = metric.dimensions.iter().flat_map(|(name, value)| [name, value]);
            pattern.matches(metric.namespace)
                || pattern.matches(metric.name)
                || texts.into_iter().any(|text| pattern.matches(text))
        }
        Place::MetricName => pattern.matches(metric.name),
        Place::Namespace => pattern.matches(metric.namespace),
        Place::Dimension(wanted) => {
            let mut found = metric.dimensions.iter().filter(|(name, _)| name == wanted);
            found.any(|(_, value)| pattern.matches(value))
        }
        Place::Account => false,
    }
}

/// Says whether the text of an account's property names the account that asks.
pub fn is_account(text: &Text, account: &str) -> bool {
    let (Text::Exact(wanted) | Text::Partial(wanted)) = text;
    wanted == "LOCAL" || wanted == account
}

/// The text of a term, ready to be tried on many texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// The whole text, letter for letter.
    Exact(String),
    /// Words that stand one behind the other.
    Words {
        /// Each, and whether its case counts.
        words: Vec<(String, bool)>,
        /// All of them as one, in small letters.
        whole: String,
    },
}

impl Pattern {
    /// Prepares a text.
    pub fn new(text: &Text) -> Self {
        let text = match text {
            Text::Exact(text) => return Self::Exact(text.clone()),
            Text::Partial(text) => text,
        };
        let mut all = Vec::new();
        for stretch in text.split(|c: char| !c.is_alphanumeric()).filter(|s| !s.is_empty()) {
            let cased = words(stretch).nth(1).is_some();
            all.extend(words(stretch).map(|word| (word.to_owned(), cased)));
        }
        Self::Words { words: all, whole: folded(text).collect() }
    }

    /// Says whether it is found in `text`.
    pub fn matches(&self, text: &str) -> bool {
        match self {
            Self::Exact(wanted) => wanted == text,
            Self::Words { words: wanted, whole } => {
                let Some((first, _)) = wanted.first() else { return false };
                (may_hold(text, first) && stands_in(wanted, text)) || folded(text).eq(whole.chars())
            }
        }
    }
}

/// Says quickly of most texts that a word is not in them: an index is walked value by value.
fn may_hold(text: &str, word: &str) -> bool {
    if !text.is_ascii() || !word.is_ascii() {
        return true;
    }
    let (text, word) = (text.as_bytes(), word.as_bytes());
    let Some(first) = word.first() else { return true };
    let starts = text.iter().enumerate().filter(|(_, byte)| byte.eq_ignore_ascii_case(first));
    starts
        .map(|(at, _)| &text[at..])
        .any(|rest| rest.len() >= word.len() && rest[..word.len()].eq_ignore_ascii_case(word))
}

/// Letters and digits in small letters.
fn folded(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase)
}

fn stands_in(wanted: &[(String, bool)], text: &str) -> bool {
    let mut rest = words(text);
    loop {
        let mut from_here = rest.clone();
        let here = wanted.iter().all(|(word, cased)| {
            from_here
                .next()
                .is_some_and(|found| if *cased { found == word } else { same(found, word) })
        });
        if here {
            return true;
        }
        if rest.next().is_none() {
            return false;
        }
    }
}

fn same(a: &str, b: &str) -> bool {
    if a.is_ascii() {
        return a.eq_ignore_ascii_case(b);
    }
    folded(a).eq(folded(b))
}

/// Returns the words of a text, as they are written.
pub fn words(text: &str) -> Words<'_> {
    Words { rest: text }
}

/// The words that are left of a text.
#[derive(Debug, Clone)]
pub struct Words<'a> {
    rest: &'a str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Capital,
    /// Letters without a case too.
    Small,
    Digit,
}

fn kind(c: char) -> Option<Kind> {
    if c.is_numeric() {
        Some(Kind::Digit)
    } else if c.is_uppercase() {
        Some(Kind::Capital)
    } else if c.is_alphabetic() {
        Some(Kind::Small)
    } else {
        None
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let text = self.rest.trim_start_matches(|c| kind(c).is_none());
        let first = kind(text.chars().next()?);
        let len = |text: &str, of: Option<Kind>| text.find(|c| kind(c) != of).unwrap_or(text.len());
        let run = len(text, first);
        let mut end = run;
        if first == Some(Kind::Capital) {
            let small = len(&text[run..], Some(Kind::Small));
            // Small letters take the capital before them along: all of one, the last of many.
            let last = text[..run].char_indices().next_back().map_or(0, |(at, _)| at);
            end = match (small, last) {
                (0, _) => run,
                (_, 0) => run + small,
                (_, last) => last,
            };
        }
        self.rest = &text[end..];
        Some(&text[..end])
    }
}
