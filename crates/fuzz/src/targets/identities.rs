//! Who a series is and what a delta holds, as the files have it.

use model::{Delta, SeriesKey};
use stdx::varint::Reader;

/// The canonical bytes of a series.
pub(super) fn series_key(input: &[u8]) {
    let Some(key) = SeriesKey::decode(input) else { return };
    let mut bytes = Vec::new();
    key.encode(&mut bytes);
    assert!(bytes.len() <= input.len(), "ours is the shortest form");
    assert_eq!(SeriesKey::decode(&bytes).as_ref(), Some(&key));
    let mut canonical = key.clone();
    if canonical.canonicalise().is_ok() {
        let mut again = canonical.clone();
        assert_eq!(again.canonicalise(), Ok(()), "canonical stays canonical");
        assert_eq!(again, canonical);
        for (name, value) in &canonical.labels {
            if !model::VIRTUAL_NAMES.contains(&name.as_str()) {
                assert_eq!(canonical.label(name), value);
            }
        }
    }
}

/// A delta.
pub(super) fn delta(input: &[u8]) {
    let mut reader = Reader::new(input);
    let Some(delta) = Delta::decode(&mut reader) else { return };
    let mut bytes = Vec::new();
    delta.encode(&mut bytes);
    let mut again = Vec::new();
    Delta::decode(&mut Reader::new(&bytes)).expect("our own delta is read").encode(&mut again);
    assert_eq!(bytes, again, "bit for bit");
    assert!(bytes.len() <= input.len() - reader.rest().len(), "ours is the shortest form");
    // Whatever came in must be usable: added up, looked at.
    let mut sum = delta.clone();
    sum.add(&delta);
    let _ = (sum.weight_bytes(), sum.as_single());
    for (number, _) in delta.buckets {
        let (low, high) = model::bucket_bounds(number);
        assert!(low <= high, "bucket {number} holds {low} to {high}");
    }
}
