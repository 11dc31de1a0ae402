//! Reads bits from the highest down, as Prometheus' chunks are written.

#[derive(Debug)]
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    /// Bits that were read.
    at: usize,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn bit(&mut self) -> Option<bool> {
        let byte = *self.bytes.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(bit == 1)
    }

    /// Reads up to 64 bits as a number, the first one highest.
    pub(super) fn take(&mut self, count: u32) -> Option<u64> {
        let mut left = count as usize;
        if self.at + left > self.bytes.len() * 8 {
            return None;
        }
        let mut value = 0u64;
        while left > 0 {
            let (byte, used) = (self.bytes[self.at / 8], self.at % 8);
            let here = (8 - used).min(left);
            let piece = u64::from(byte << used) & 0xff;
            value = value << here | piece >> (8 - here);
            self.at += here;
            left -= here;
        }
        Some(value)
    }

    /// Reads a varint whose bytes may lie across bytes.
    pub(super) fn uvarint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(8)?;
            if shift == 63 && byte > 1 {
                return None;
            }
            value |= (byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    pub(super) fn varint(&mut self) -> Option<i64> {
        self.uvarint().map(stdx::varint::unzigzag)
    }
}
