//! The checksum of everything we write: XXH3, 64 bits.

/// Returns the checksum of `bytes`. It finds accidents, it does not keep out forgers.
pub fn checksum(bytes: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(bytes)
}

/// Returns the checksum of `bytes` under a seed, so that equal content in two places differs.
pub fn checksum_seeded(bytes: &[u8], seed: u64) -> u64 {
    xxhash_rust::xxh3::xxh3_64_with_seed(bytes, seed)
}

/// Computes [`checksum`] over bytes that come in pieces.
#[derive(Clone, Default)]
pub struct Checksummer(xxhash_rust::xxh3::Xxh3Default);

impl std::fmt::Debug for Checksummer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checksummer").finish_non_exhaustive()
    }
}

impl Checksummer {
    /// Adds the next piece.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Returns the checksum of all pieces so far.
    pub fn finish(&self) -> u64 {
        self.0.digest()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_have_the_checksum_of_the_whole() {
        let bytes: Vec<u8> = (0..3000u32).map(|n| (n % 251) as u8).collect();
        let mut sum = Checksummer::default();
        for piece in bytes.chunks(700) {
            sum.update(piece);
        }
        assert_eq!(sum.finish(), checksum(&bytes));
    }
}
