//! Bit packing in blocks of 128 numbers, each block with its own width: quick to write and read,
//! and one large number costs its block only.

use stdx::varint::Reader;

/// Numbers of one width.
pub(crate) const BLOCK: usize = 128;

/// Appends `numbers`, for each 128 of them a byte with the width and then the bits, low ones first.
pub(crate) fn pack(out: &mut Vec<u8>, numbers: &[u64]) {
    for block in numbers.chunks(BLOCK) {
        let all = block.iter().fold(0, |all, n| all | n);
        let width = 64 - all.leading_zeros();
        out.push(width as u8);
        if width == 0 {
            continue;
        }
        let mut held: u128 = 0;
        let mut bits = 0;
        for &number in block {
            held |= u128::from(number) << bits;
            bits += width;
            if bits >= 64 {
                out.extend_from_slice(&(held as u64).to_le_bytes());
                held >>= 64;
                bits -= 64;
            }
        }
        let bytes = bits.div_ceil(8) as usize;
        out.extend_from_slice(&(held as u64).to_le_bytes()[..bytes]);
    }
}

/// Returns how many bytes [`pack`] writes.
pub(crate) fn packed_len(numbers: &[u64]) -> usize {
    numbers
        .chunks(BLOCK)
        .map(|block| {
            let all = block.iter().fold(0, |all, n| all | n);
            1 + (block.len() * (64 - all.leading_zeros()) as usize).div_ceil(8)
        })
        .sum()
}

/// Reads `count` numbers, handing each to `take`; `None` when the bytes are too few or odd.
#[inline]
pub(crate) fn unpack(
    reader: &mut Reader<'_>,
    count: usize,
    mut take: impl FnMut(u64),
) -> Option<()> {
    let mut left = count;
    while left > 0 {
        let len = left.min(BLOCK);
        let width = u32::from(reader.u8()?);
        if width > 64 {
            return None;
        }
        let bytes = reader.take((len * width as usize).div_ceil(8))?;
        let mask = if width == 64 { u64::MAX } else { (1u64 << width) - 1 };
        let mut at_bit = 0usize;
        for _ in 0..len {
            let at = at_bit / 8;
            // Sixteen bytes always hold a number of 64 bits at any bit offset.
            let word = match bytes.get(at..at + 16) {
                Some(whole) => u128::from_le_bytes(whole.try_into().expect("sixteen bytes")),
                None => {
                    let mut padded = [0; 16];
                    let tail = &bytes[at.min(bytes.len())..];
                    let tail = &tail[..tail.len().min(16)];
                    padded[..tail.len()].copy_from_slice(tail);
                    u128::from_le_bytes(padded)
                }
            };
            take((word >> (at_bit % 8)) as u64 & mask);
            at_bit += width as usize;
        }
        left -= len;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn unpacking_undoes_packing(
            numbers in proptest::collection::vec(any::<u64>(), 0..300),
            shift in 0u32..64,
        ) {
            let numbers: Vec<u64> = numbers.into_iter().map(|n| n >> shift).collect();
            let mut bytes = Vec::new();
            pack(&mut bytes, &numbers);
            prop_assert_eq!(bytes.len(), packed_len(&numbers));
            let mut read = Vec::new();
            let mut reader = Reader::new(&bytes);
            prop_assert!(unpack(&mut reader, numbers.len(), |n| read.push(n)).is_some());
            prop_assert!(reader.is_empty());
            prop_assert_eq!(read, numbers);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = unpack(&mut Reader::new(&bytes), 500, |_| {});
        }
    }
}
