//! Hostile bytes for every decoder and parser that a stranger or a damaged disk can reach.
//!
//! A [`Target`] takes any bytes and asserts what must hold of them: that they are read or refused,
//! that a refusal says why and where, that decoding undoes encoding, and that memory stays in
//! proportion to the input. The bounded run of `make test` feeds each target its corpus and
//! mutations under a seed ([`run`]); the long run is coverage-guided and lies beside, in `guided/`.
//! How to run both, and what they found: `docs/fuzzing.md`. Never shipped.

mod checksums;
pub mod corpus;
mod heap;
mod http_text;
mod mutate;
pub mod run;
pub mod samples;
mod targets;
mod world;

pub use targets::TARGETS;

/// One decoder or parser under attack.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, and that of its folder in the corpus.
    pub name: &'static str,
    /// Attacks it; panics when something does not hold.
    pub attack: fn(&[u8]),
    /// Live memory that one byte of input may cost, in bytes.
    pub bytes_per_byte: usize,
    /// Live memory that any input may cost, in bytes.
    pub bytes_base: usize,
    /// Mutated inputs of the bounded run.
    pub rounds: u32,
    /// Pieces that mutations insert: words of the format.
    pub words: &'static [&'static [u8]],
}

/// Inputs longer than this are no better than short ones, and slow.
pub const INPUT_BYTES_MAX: usize = 64 << 10;

impl Target {
    /// Returns the target with this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        TARGETS.iter().find(|target| target.name == name)
    }

    /// Attacks with one input.
    ///
    /// # Panics
    /// When something does not hold, or took too much memory.
    pub fn attack(&self, input: &[u8]) {
        if input.len() > INPUT_BYTES_MAX {
            return;
        }
        world::prepare();
        let peak = heap::peak_bytes(|| (self.attack)(input));
        let allowed = self.bytes_base + self.bytes_per_byte * input.len();
        assert!(
            peak <= allowed,
            "{} held {peak} bytes for an input of {}, allowed are {allowed}",
            self.name,
            input.len()
        );
    }
}
