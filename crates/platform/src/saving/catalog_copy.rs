//! All entries of the catalog as bytes, whatever engine keeps it: magic "SLC1", then for each entry
//! its table, key and value, each with its length in front (a varint).

use catalog::Entry;
use stdx::varint::{self, Reader};

const MAGIC: [u8; 4] = *b"SLC1";

pub(super) fn encode(entries: &[Entry]) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    for Entry { table, key, value } in entries {
        varint::put_bytes(&mut out, table.as_bytes());
        varint::put_bytes(&mut out, key.as_bytes());
        varint::put_bytes(&mut out, value);
    }
    out
}

/// Undoes [`encode`]; `None` for anything else.
pub(super) fn decode(bytes: &[u8]) -> Option<Vec<Entry>> {
    let mut reader = Reader::new(bytes.strip_prefix(&MAGIC)?);
    let mut entries = Vec::new();
    while !reader.is_empty() {
        entries.push(Entry {
            table: reader.str()?.to_owned(),
            key: reader.str()?.to_owned(),
            value: reader.bytes()?.to_vec(),
        });
    }
    Some(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoding_undoes_encoding() {
        let entry = |n: u8| Entry {
            table: format!("t{}", n % 3),
            key: format!("key {n}"),
            value: vec![n; usize::from(n)],
        };
        let entries: Vec<Entry> = (0..200).map(entry).collect();
        let bytes = encode(&entries);
        assert_eq!(decode(&bytes), Some(entries));
        assert_eq!(decode(&bytes[..bytes.len() - 1]), None);
        assert_eq!(decode(b"SLC2"), None);
        assert_eq!(decode(&MAGIC), Some(Vec::new()));
    }
}
