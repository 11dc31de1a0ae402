//! The checksum of everything we write: XXH3, 64 bits.

/// Returns the checksum of `bytes`. It finds accidents, it does not keep out forgers.
pub fn checksum(bytes: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(bytes)
}

/// Returns the checksum of `bytes` under a seed, so that equal content in two places differs.
pub fn checksum_seeded(bytes: &[u8], seed: u64) -> u64 {
    xxhash_rust::xxh3::xxh3_64_with_seed(bytes, seed)
}
