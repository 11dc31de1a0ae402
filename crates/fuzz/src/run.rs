//! The bounded run: the whole corpus, then mutations of it under a seed.

use crate::{Target, corpus, mutate};
use std::io;
use stdx::Rng;

/// What a run did.
#[derive(Debug, Clone, Copy)]
pub struct Done {
    /// Inputs of the corpus.
    pub known: usize,
    /// Mutations.
    pub mutated: u32,
}

/// Attacks `target` with its corpus and with mutations under `seed`; `before` sees each input
/// before it is used, so that it can be kept when the process dies of it.
///
/// # Errors
/// When the corpus cannot be read, is empty, or `before` fails.
///
/// # Panics
/// When something does not hold.
pub fn bounded(
    target: &Target,
    seed: u64,
    rounds: u32,
    before: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<Done> {
    let known = corpus::load(target.name)?;
    if known.is_empty() {
        return Err(io::Error::other(format!(
            "no input in {}",
            corpus::dir(target.name).display()
        )));
    }
    for (_, input) in &known {
        before(input)?;
        target.attack(input);
    }
    let mut rng = Rng::from_seed(seed);
    for _ in 0..rounds {
        let mut pick = || &known[rng.below(known.len() as u64) as usize].1;
        let (from, other) = (pick(), pick());
        let input = mutate::mutated(from, other, target.words, &mut rng);
        before(&input)?;
        target.attack(&input);
    }
    Ok(Done { known: known.len(), mutated: rounds })
}
