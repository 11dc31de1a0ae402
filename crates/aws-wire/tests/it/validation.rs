//! The sentences about violated constraints.

use aws_shapes::cloudwatch::*;
use aws_wire::schema::Kind;
use aws_wire::{Struct, Value, validate};

fn said(value: &Struct<'_>) -> String {
    validate::check(value).expect_err("something is violated")
}

fn dimensioned(name: &'static str, value: &'static str) -> Struct<'static> {
    Struct::new(&DIMENSION).with(dimension::NAME, name).with(dimension::VALUE, value)
}

#[test]
fn members_that_must_be_given_are_named_with_a_small_first_letter() {
    assert_eq!(
        said(&Struct::new(&PUT_METRIC_DATA_INPUT)),
        "1 validation error detected: Value null at 'namespace' failed to satisfy constraint: \
         Member must not be null"
    );
}

#[test]
fn structures_in_lists_are_named_by_position_and_all_violations_are_told() {
    let sound = Struct::new(&METRIC_DATUM).with(metric_datum::METRIC_NAME, "m");
    let datum = sound
        .clone()
        .with(metric_datum::METRIC_NAME, "")
        .with(metric_datum::DIMENSIONS, vec![dimensioned("a", "b"), Struct::new(&DIMENSION)])
        .with(metric_datum::UNIT, "Bytes");
    let input = Struct::new(&PUT_METRIC_DATA_INPUT)
        .with(put_metric_data_input::NAMESPACE, ":x")
        .with(put_metric_data_input::METRIC_DATA, vec![sound, datum]);
    assert_eq!(
        said(&input),
        "4 validation errors detected: \
         Value ':x' at 'namespace' failed to satisfy constraint: Member must satisfy regular \
         expression pattern: [^:].*; \
         Value '' at 'metricData.2.member.metricName' failed to satisfy constraint: Member must \
         have length greater than or equal to 1; \
         Value null at 'metricData.2.member.dimensions.2.member.name' failed to satisfy \
         constraint: Member must not be null; \
         Value null at 'metricData.2.member.dimensions.2.member.value' failed to satisfy \
         constraint: Member must not be null"
    );
}

#[test]
fn numbers_lengths_and_values_have_their_own_sentences() {
    let input = Struct::new(&DESCRIBE_ALARMS_INPUT)
        .with(describe_alarms_input::MAX_RECORDS, 101)
        .with(describe_alarms_input::STATE_VALUE, "X");
    assert_eq!(
        said(&input),
        "2 validation errors detected: \
         Value 'X' at 'stateValue' failed to satisfy constraint: Member must satisfy enum value \
         set: [INSUFFICIENT_DATA, ALARM, OK]; \
         Value '101' at 'maxRecords' failed to satisfy constraint: Member must have value less \
         than or equal to 100"
    );
}

#[test]
fn texts_in_lists_are_told_together() {
    let input = Struct::new(&GET_METRIC_STATISTICS_INPUT)
        .with(get_metric_statistics_input::NAMESPACE, "n")
        .with(get_metric_statistics_input::METRIC_NAME, "m")
        .with(get_metric_statistics_input::START_TIME, Value::Timestamp(0))
        .with(get_metric_statistics_input::END_TIME, Value::Timestamp(1))
        .with(get_metric_statistics_input::PERIOD, 60)
        .with(get_metric_statistics_input::STATISTICS, vec!["Sum", "Total"]);
    assert_eq!(
        said(&input),
        "1 validation error detected: Value '[Sum, Total]' at 'statistics' failed to satisfy \
         constraint: Member must satisfy constraint: [Member must satisfy enum value set: \
         [SampleCount, Average, Sum, Minimum, Maximum]]"
    );
    let empty = input.with(get_metric_statistics_input::STATISTICS, Vec::<Value<'_>>::new());
    assert_eq!(
        said(&empty),
        "1 validation error detected: Value '[]' at 'statistics' failed to satisfy constraint: \
         Member must have length greater than or equal to 1"
    );
}

#[test]
fn a_thousand_violations_are_not_all_told() {
    let datums = vec![Struct::new(&METRIC_DATUM); 1_000];
    let input = Struct::new(&PUT_METRIC_DATA_INPUT)
        .with(put_metric_data_input::NAMESPACE, "n")
        .with(put_metric_data_input::METRIC_DATA, datums);
    let said = said(&input);
    assert!(said.starts_with("10 validation errors detected: "), "{said}");
    assert!(said.len() < 2_000);
}

#[test]
fn every_pattern_of_the_models_is_understood() {
    for service in aws_shapes::SERVICES {
        for operation in service.operations {
            let mut open: Vec<_> = operation.input.into_iter().chain(operation.output).collect();
            let mut seen = std::collections::HashSet::new();
            while let Some(shape) = open.pop() {
                if !seen.insert(shape.name) {
                    continue;
                }
                open.extend(shape.members().iter().map(|member| member.shape));
                match &shape.kind {
                    Kind::List(list) => open.push(list.member),
                    Kind::Map(map) => open.extend([map.key, map.value]),
                    Kind::String(text) => {
                        if let Some(pattern) = &text.pattern {
                            assert!(pattern.is_understood(), "{}: {}", shape.name, pattern.text());
                        }
                    }
                    _ => {}
                }
            }
        }
    }
}
