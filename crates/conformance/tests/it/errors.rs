//! What a client is told when it asks for what is wrong, or for what is not served.

use crate::world::each_client;
use serde_json::json;

#[test]
fn operations_that_are_not_served_are_refused_by_name() {
    each_client(|w| {
        let dashboard = json!({"DashboardName": "d", "DashboardBody": "{\"widgets\":[]}"});
        for (operation, input) in
            [("DescribeAnomalyDetectors", json!({})), ("PutDashboard", dashboard)]
        {
            let told = w.told(operation, input);
            assert!(told.message.contains(operation), "{told:?}");
            assert!(!told.code.is_empty(), "{told:?}");
            assert!((400..=501).contains(&told.status), "{told:?}");
            w.note_refusal(operation, &told);
        }
    });
}

#[test]
fn a_word_outside_its_set_is_told_with_the_set() {
    each_client(|w| {
        let queries = json!([w.query("a", "m", "Sum")]);
        let told = w.told("GetMetricData", w.data_input(queries, json!({"ScanBy": "Sideways"})));
        assert_eq!(told.code, "ValidationError", "{told:?}");
        assert_eq!(told.status, 400, "{told:?}");
        let start = "1 validation error detected: Value 'Sideways' at 'scanBy' failed to satisfy constraint: \
                     Member must satisfy enum value set: [";
        assert!(told.message.starts_with(start), "{told:?}");
        for word in ["TimestampDescending", "TimestampAscending"] {
            assert!(told.message.contains(word), "{told:?}");
        }
        w.note("ScanBy", json!(told.message));
    });
}

#[test]
fn all_violations_of_a_request_are_told_at_once() {
    each_client(|w| {
        let mut query = w.query("a", "m", "Sum");
        query["MetricStat"]["Unit"] = json!("Furlongs");
        let input = w.data_input(json!([query]), json!({"ScanBy": "Sideways"}));
        let told = w.told("GetMetricData", input);
        assert_eq!(told.code, "ValidationError", "{told:?}");
        assert!(told.message.starts_with("2 validation errors detected: "), "{told:?}");
        for words in ["Value 'Sideways' at 'scanBy'", "Value 'Furlongs' at '"] {
            assert!(told.message.contains(words), "{words}: {told:?}");
        }
        w.note("two", json!(told.message));
    });
}
