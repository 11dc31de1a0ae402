use lang::labels::{Label, Piece, parse_zone};
use proptest::prelude::*;
use std::fmt::Write as _;
use std::path::Path;

#[test]
fn fixtures() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/labels");
    testkit::run_fixtures(dir, |input| match Label::parse(input) {
        Ok(label) => {
            assert_eq!(label.to_string(), input, "printing back");
            let mut out = String::new();
            for piece in &label.pieces {
                let _ = match piece {
                    Piece::Text(text) => writeln!(out, "text {text:?}"),
                    Piece::Token(token) => writeln!(out, "{token:?}"),
                };
            }
            out
        }
        Err(mistakes) => {
            let shown: Vec<String> = mistakes.iter().map(|m| m.render(input)).collect();
            shown.join("\n")
        }
    });
}

#[test]
fn zones_are_hours_and_minutes_ahead_of_utc() {
    for (text, minutes) in [
        ("+0000", Some(0)),
        ("+0130", Some(90)),
        ("-0800", Some(-480)),
        ("-0030", Some(-30)),
        ("+1400", Some(840)),
        ("0130", None),
        ("+130", None),
        ("+01:30", None),
        ("+0160", None),
        ("+2400", None),
        ("", None),
        ("+01é", None),
    ] {
        assert_eq!(parse_zone(text), minutes, "{text}");
    }
}

#[test]
fn a_long_label_is_refused_between_two_characters() {
    let mistakes = Label::parse(&"é".repeat(10_000)).unwrap_err();
    assert!(mistakes[0].render(&"é".repeat(10_000)).contains("longer than 8192 bytes"));
    assert!(Label::parse(&"é".repeat(4_096)).unwrap().is_plain());
}

proptest! {
    #[test]
    fn any_pieces_are_read_or_refused(
        pieces in prop::collection::vec(
            prop::sample::select(&[
                "${", "}", "$", "{", "AVG", "LABEL", "PROP('", "Dim.", "MetricName", "')", "'", "é",
                "${MAX}", "${LABEL}", "${PROP('Dim.a}b')}", " ", "avg",
            ][..]),
            0..12,
        )
    ) {
        let text = pieces.concat();
        match Label::parse(&text) {
            Ok(label) => prop_assert_eq!(label.to_string(), text),
            Err(mistakes) => {
                prop_assert!(!mistakes.is_empty());
                mistakes.iter().for_each(|m| drop(m.render(&text)));
            }
        }
    }
}
