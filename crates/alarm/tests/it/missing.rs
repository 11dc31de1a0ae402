use alarm::missing::{Cell, OutOf, TreatMissing, decide};
use std::path::Path;

/// `0 - X - X   3 of 3, missing`: the cells, the newest on the right; M of N; the treatment.
#[test]
fn fixtures() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/missing");
    testkit::run_fixtures(dir, |input| {
        let (cells, rule) = input.split_once("   ").expect("cells, then the rule");
        let (counts, treatment) = rule.split_once(", ").expect("M of N, then the treatment");
        let (needed, periods) = counts.split_once(" of ").expect("M of N");
        let cell = |text: &str| match text {
            "0" => Cell::Fine,
            "X" => Cell::Breaching,
            "-" => Cell::Missing,
            _ => panic!("{text} is no cell"),
        };
        let cells: Vec<Cell> = cells.split_whitespace().rev().map(cell).collect();
        let out_of = OutOf::new(needed.parse().unwrap(), periods.parse().unwrap()).unwrap();
        let treatment = TreatMissing::named(treatment).expect("a treatment");
        match decide(&cells, out_of, treatment).state {
            Some(state) => state.to_string(),
            None => "keep".to_owned(),
        }
    });
}
