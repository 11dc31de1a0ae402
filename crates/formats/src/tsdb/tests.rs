use super::sum::crc32c;
use super::*;
use crate::remote_write::Sample;
use proptest::prelude::*;
use stdx::varint;

/// Writes bits from the highest down.
#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
    used: usize,
}

impl Writer {
    fn put(&mut self, value: u64, count: u32) {
        for n in (0..count).rev() {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let last = self.bytes.last_mut().unwrap();
            *last |= u8::from(value >> n & 1 == 1) << (7 - self.used % 8);
            self.used += 1;
        }
    }

    fn put_bytes(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|b| self.put(u64::from(*b), 8));
    }
}

/// A chunk as Prometheus writes it.
fn encode_chunk(samples: &[Sample]) -> Vec<u8> {
    let mut bits = Writer::default();
    let (mut last, mut step, mut leading, mut trailing) = (samples[0], 0i64, 0u32, 0u32);
    let mut fresh = true;
    for (n, sample) in samples.iter().enumerate() {
        let mut bytes = Vec::new();
        if n == 0 {
            varint::put_i64(&mut bytes, sample.at_ms);
            bits.put_bytes(&bytes);
            bits.put(sample.value.to_bits(), 64);
            continue;
        }
        let next = sample.at_ms - last.at_ms;
        if n == 1 {
            varint::put_u64(&mut bytes, next as u64);
            bits.put_bytes(&bytes);
        } else {
            let dod = next - step;
            let fits = |size: u32| -((1i64 << (size - 1)) - 1) <= dod && dod <= 1i64 << (size - 1);
            match dod {
                0 => bits.put(0, 1),
                _ if fits(14) => bits.put(0b10 << 14 | dod as u64 & 0x3fff, 16),
                _ if fits(17) => bits.put(0b110 << 17 | dod as u64 & 0x1_ffff, 20),
                _ if fits(20) => bits.put(0b1110 << 20 | dod as u64 & 0xf_ffff, 24),
                _ => {
                    bits.put(0b1111, 4);
                    bits.put(dod as u64, 64);
                }
            }
        }
        step = next;
        let xor = sample.value.to_bits() ^ last.value.to_bits();
        if xor == 0 {
            bits.put(0, 1);
        } else {
            bits.put(1, 1);
            let (l, t) = (xor.leading_zeros().min(31), xor.trailing_zeros());
            if !fresh && l >= leading && t >= trailing {
                bits.put(0, 1);
            } else {
                (leading, trailing, fresh) = (l, t, false);
                let significant = 64 - l - t;
                bits.put(1, 1);
                bits.put(u64::from(l), 5);
                bits.put(u64::from(significant) & 63, 6);
            }
            bits.put(xor >> trailing, 64 - leading - trailing);
        }
        last = *sample;
    }
    let mut data = (samples.len() as u16).to_be_bytes().to_vec();
    data.extend_from_slice(&bits.bytes);
    wrap(1, &data)
}

fn wrap(encoding: u8, data: &[u8]) -> Vec<u8> {
    let mut chunk = Vec::new();
    varint::put_u64(&mut chunk, data.len() as u64);
    let start = chunk.len();
    chunk.push(encoding);
    chunk.extend_from_slice(data);
    let sum = crc32c(&chunk[start..]);
    chunk.extend_from_slice(&sum.to_be_bytes());
    chunk
}

fn same(a: &[Sample], b: &[Sample]) -> bool {
    let bits =
        |s: &[Sample]| -> Vec<_> { s.iter().map(|s| (s.at_ms, s.value.to_bits())).collect() };
    bits(a) == bits(b)
}

fn values() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<u64>().prop_map(f64::from_bits),
        (0i32..50).prop_map(f64::from),
        Just(f64::from_bits(model::STALE_NAN_BITS)),
    ]
}

fn steps() -> impl Strategy<Value = i64> {
    prop_oneof![Just(15_000i64), 0i64..40_000, 0i64..(1 << 19), 0i64..(1 << 40)]
}

proptest! {
    #[test]
    fn chunks_are_read_as_they_were_written(
        start in -1i64 << 42..1 << 42,
        points in prop::collection::vec((steps(), values()), 1..200),
    ) {
        let mut at_ms = start;
        let samples: Vec<Sample> = points
            .into_iter()
            .map(|(step, value)| { at_ms += step; Sample { at_ms, value } })
            .collect();
        let bytes = encode_chunk(&samples);
        prop_assert_eq!(chunk_len(&bytes[..5]).unwrap(), bytes.len());
        let Chunk::Floats(found) = read_chunk(&bytes).unwrap() else { panic!("floats") };
        prop_assert!(same(&found, &samples));
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x40;
            prop_assert!(read_chunk(&damaged).is_err(), "byte {}", at);
        }
    }

    #[test]
    fn no_bytes_bring_the_readers_down(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = read_chunk(&bytes);
        let _ = read_chunk(&wrap(1, &bytes));
        let _ = read_record(&bytes);
        let _ = read_tombstones(&bytes);
        let mut index = sample_index();
        for (at, byte) in bytes.iter().enumerate() {
            let at = (at * 31 + usize::from(*byte)) % index.len();
            index[at] = *byte;
        }
        if let Ok(mut index) = Index::open(&index) {
            while let Ok(Some(_)) = index.next_series() {}
        }
        let mut log = WalReader::new(&bytes);
        while let Ok(Some(record)) = log.next_record() {
            let _ = read_record(record);
        }
    }
}

/// An index with two series, written by hand from the format's page.
fn sample_index() -> Vec<u8> {
    let mut out = vec![0xba, 0xaa, 0xd7, 0x00, 2];
    let symbols_at = out.len();
    let mut symbols = 5u32.to_be_bytes().to_vec();
    for symbol in ["", "__name__", "job", "up", "x"] {
        varint::put_bytes(&mut symbols, symbol.as_bytes());
    }
    out.extend_from_slice(&(symbols.len() as u32).to_be_bytes());
    let sum = crc32c(&symbols);
    out.extend_from_slice(&symbols);
    out.extend_from_slice(&sum.to_be_bytes());
    let pad = |out: &mut Vec<u8>| out.resize(out.len().next_multiple_of(16), 0);
    pad(&mut out);
    let series_at = out.len();
    for count in [1u64, 2] {
        pad(&mut out);
        let mut series = Vec::new();
        varint::put_u64(&mut series, count);
        for n in 0..count {
            varint::put_u64(&mut series, n + 1);
            varint::put_u64(&mut series, n + 3);
        }
        varint::put_u64(&mut series, 2);
        varint::put_i64(&mut series, -5);
        varint::put_u64(&mut series, 10);
        varint::put_u64(&mut series, 1 << 32 | 8);
        varint::put_u64(&mut series, 1);
        varint::put_u64(&mut series, 20);
        varint::put_i64(&mut series, 100);
        varint::put_u64(&mut out, series.len() as u64);
        let sum = crc32c(&series);
        out.extend_from_slice(&series);
        out.extend_from_slice(&sum.to_be_bytes());
    }
    let end = out.len() as u64;
    let contents = out.len();
    for place in [symbols_at as u64, series_at as u64, 0, end, 0, end] {
        out.extend_from_slice(&place.to_be_bytes());
    }
    let sum = crc32c(&out[contents..]);
    out.extend_from_slice(&sum.to_be_bytes());
    out
}

#[test]
fn an_index_tells_series_and_their_chunks() {
    let bytes = sample_index();
    let mut index = Index::open(&bytes).unwrap();
    let first = index.next_series().unwrap().unwrap();
    assert_eq!(first.labels, [("__name__", "up")]);
    let second = index.next_series().unwrap().unwrap();
    assert_eq!(second.labels, [("__name__", "up"), ("job", "x")]);
    assert!(second.reference > first.reference);
    let chunk = |min_ms, max_ms, offset| ChunkRef { min_ms, max_ms, segment: 1, offset };
    assert_eq!(second.chunks, [chunk(-5, 5, 8), chunk(6, 26, 108)]);
    assert_eq!(index.next_series().unwrap(), None);
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        // Padding says nothing; whatever else is damaged is told or changes nothing.
        if let Ok(mut index) = Index::open(&damaged) {
            let mut labels = 0;
            while let Ok(Some(series)) = index.next_series() {
                labels += series.labels.len();
            }
            assert!(labels <= 3, "byte {at}");
        }
    }
}

#[test]
fn tombstones_cover_what_they_say() {
    let mut content = vec![1];
    for (series, min, max) in [(7, -10, 20), (9, 5, 5)] {
        varint::put_u64(&mut content, series);
        varint::put_i64(&mut content, min);
        varint::put_i64(&mut content, max);
    }
    let mut bytes = vec![0x01, 0x30, 0xba, 0x30];
    bytes.extend_from_slice(&content);
    bytes.extend_from_slice(&crc32c(&content[1..]).to_be_bytes());
    let found = read_tombstones(&bytes).unwrap();
    assert!(found.covers(7, 20) && found.covers(7, -10) && found.covers(9, 5));
    assert!(!found.covers(7, 21) && !found.covers(9, 4) && !found.covers(8, 0));
    bytes[6] ^= 1;
    assert!(read_tombstones(&bytes).is_err());
}

#[test]
fn records_lie_across_pages() {
    let mut bytes = Vec::new();
    let long: Vec<u8> = (0..70_000u32).map(|n| (n % 250) as u8).collect();
    let short = b"\x02".to_vec();
    let packed = crate::remote_write::compress(&long);
    let mut put = |record: &[u8], packing: u8| {
        let mut rest = record;
        let mut first = true;
        loop {
            let room = PAGE_BYTES - bytes.len() % PAGE_BYTES;
            if room <= 7 {
                bytes.resize(bytes.len() + room, 0);
                continue;
            }
            let len = rest.len().min(room - 7);
            let (piece, next) = rest.split_at(len);
            let kind = match (first, next.is_empty()) {
                (true, true) => 1,
                (true, false) => 2,
                (false, false) => 3,
                (false, true) => 4,
            };
            bytes.push(kind | packing);
            bytes.extend_from_slice(&(len as u16).to_be_bytes());
            bytes.extend_from_slice(&crc32c(piece).to_be_bytes());
            bytes.extend_from_slice(piece);
            (rest, first) = (next, false);
            if rest.is_empty() {
                return;
            }
        }
    };
    put(&long, 0);
    put(&short, 0);
    put(&packed, 8);
    let mut log = WalReader::new(&bytes);
    assert_eq!(log.next_record().unwrap(), Some(&long[..]));
    assert_eq!(log.next_record().unwrap(), Some(&short[..]));
    assert_eq!(log.next_record().unwrap(), Some(&long[..]));
    assert_eq!(log.next_record().unwrap(), None);
    assert_eq!(read_record(&short), Some(WalRecord::Samples(Vec::new())));
    let cut = &bytes[..bytes.len() - 3];
    let mut log = WalReader::new(cut);
    log.next_record().unwrap();
    log.next_record().unwrap();
    assert!(log.next_record().is_err());
}

#[test]
fn native_histograms_are_counted() {
    assert_eq!(read_chunk(&wrap(2, &[0, 7, 1, 2, 3])), Ok(Chunk::Histograms(7)));
    assert_eq!(read_chunk(&wrap(9, &[0, 7])), Err(ChunkError::Encoding(9)));
}
