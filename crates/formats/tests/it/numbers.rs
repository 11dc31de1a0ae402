use formats::numbers::{parse_duration_ms, parse_timestamp_ms, push_timestamp, value_text};
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_value_reads_back_to_the_same_bits(bits in any::<u64>()) {
        let value = f64::from_bits(bits);
        let back: f64 = value_text(value).parse().unwrap();
        prop_assert!(back.to_bits() == bits || value.is_nan() && back.is_nan());
    }

    #[test]
    fn a_time_reads_back(at_ms in -4_000_000_000_000i64..4_000_000_000_000) {
        let mut out = Vec::new();
        push_timestamp(&mut out, at_ms);
        prop_assert_eq!(parse_timestamp_ms(std::str::from_utf8(&out).unwrap()), Ok(at_ms));
    }

    #[test]
    fn no_text_panics(text in "[0-9a-zA-Z.:+é-]{0,24}") {
        let _ = parse_duration_ms(&text);
        let _ = parse_timestamp_ms(&text);
    }
}
