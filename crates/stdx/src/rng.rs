//! Randomness: seeded where a run must repeat, from the system where it must not be guessed.

/// A small, fast generator (SplitMix64); repeatable under its seed, not for secrets.
#[derive(Debug, Clone)]
pub struct Rng(u64);

impl Rng {
    /// Starts the sequence that belongs to `seed`.
    pub fn from_seed(seed: u64) -> Self {
        Self(seed)
    }

    /// Starts from the operating system's randomness.
    pub fn from_system() -> Self {
        let mut bytes = [0u8; 8];
        fill_from_system(&mut bytes);
        Self(u64::from_le_bytes(bytes))
    }

    /// Returns the next 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Returns a number below `bound`, which must not be zero.
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "an empty range has no member");
        self.next_u64() % bound
    }

    /// Returns true once in `n` calls on average.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// Returns a number in [0, 1).
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Fills `bytes` from the operating system's generator, fit for secrets.
///
/// # Panics
/// When the operating system has no randomness to give; nothing safe can be done then.
fn fill_from_system(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the operating system gives randomness");
}

impl Rng {
    /// Returns random bytes fit for secrets and request ids, from the operating system.
    pub fn system_bytes<const N: usize>() -> [u8; N] {
        let mut bytes = [0u8; N];
        fill_from_system(&mut bytes);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::Rng;

    #[test]
    fn a_seed_repeats_its_sequence() {
        let (mut a, mut b) = (Rng::from_seed(7), Rng::from_seed(7));
        assert!((0..100).all(|_| a.next_u64() == b.next_u64()));
        assert!((0..100).all(|_| a.below(3) < 3));
        assert!((0..100).all(|_| (0.0..1.0).contains(&a.unit())));
    }

    #[test]
    fn system_bytes_differ() {
        assert_ne!(Rng::system_bytes::<16>(), Rng::system_bytes::<16>());
    }
}
