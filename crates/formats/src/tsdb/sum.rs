//! CRC-32 with Castagnoli's polynomial, which all of these files use.

const POLYNOMIAL: u32 = 0x82f6_3b78;

/// Eight tables: one look-up for each byte of eight at a time.
const fn tables() -> [[u32; 256]; 8] {
    let mut tables = [[0u32; 256]; 8];
    let mut n = 0;
    while n < 256 {
        let mut value = n as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { value >> 1 ^ POLYNOMIAL } else { value >> 1 };
            bit += 1;
        }
        tables[0][n] = value;
        n += 1;
    }
    let mut n = 0;
    while n < 256 {
        let mut table = 1;
        while table < 8 {
            let last = tables[table - 1][n];
            tables[table][n] = last >> 8 ^ tables[0][(last & 0xff) as usize];
            table += 1;
        }
        n += 1;
    }
    tables
}

static TABLES: [[u32; 256]; 8] = tables();

/// Returns the checksum of `bytes`.
pub(super) fn crc32c(bytes: &[u8]) -> u32 {
    let mut sum = !0u32;
    let (eights, rest) = bytes.as_chunks::<8>();
    for eight in eights {
        let low = sum ^ u32::from_le_bytes([eight[0], eight[1], eight[2], eight[3]]);
        let at = |table: usize, byte: u32| TABLES[table][(byte & 0xff) as usize];
        sum = at(7, low)
            ^ at(6, low >> 8)
            ^ at(5, low >> 16)
            ^ at(4, low >> 24)
            ^ at(3, u32::from(eight[4]))
            ^ at(2, u32::from(eight[5]))
            ^ at(1, u32::from(eight[6]))
            ^ at(0, u32::from(eight[7]));
    }
    for &byte in rest {
        sum = sum >> 8 ^ TABLES[0][((sum ^ u32::from(byte)) & 0xff) as usize];
    }
    !sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_vectors_hold() {
        // RFC 3720, appendix B.4.
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
        let up: Vec<u8> = (0..32).collect();
        assert_eq!(crc32c(&up), 0x46dd_794e);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }
}
