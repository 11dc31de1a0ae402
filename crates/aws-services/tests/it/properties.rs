//! Whatever a stranger sends: no panic, and all of a request is kept or nothing.

use crate::server::{NOW_S, Server, Wire};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

fn number() -> impl Strategy<Value = Json> {
    prop_oneof![
        4 => (-1e6..1e6f64).prop_map(|n| json!(n)),
        1 => prop_oneof![
            Just(json!("NaN")), Just(json!("Infinity")), Just(json!(1e300)), Just(json!(0.0)),
            Just(json!(-0.0)), Just(json!(2f64.powi(360))),
        ],
    ]
}

fn datum() -> impl Strategy<Value = Json> {
    let dimension = ("[ab_]{1,2}", "[ xy]{1,2}").prop_map(|(n, v)| json!({"Name": n, "Value": v}));
    let form = prop_oneof![
        4 => number().prop_map(|v| json!({"Value": v})),
        1 => (prop::collection::vec(number(), 0..4), prop::collection::vec(number(), 0..4))
            .prop_map(|(v, c)| json!({"Values": v, "Counts": c})),
        1 => (number(), number(), number(), number()).prop_map(|(n, s, low, high)| json!({
            "StatisticValues": {"SampleCount": n, "Sum": s, "Minimum": low, "Maximum": high},
        })),
        1 => Just(json!({})),
    ];
    (
        "[mn ]{1,2}",
        form,
        prop::collection::vec(dimension, 0..3),
        prop_oneof![
            4 => Just(None), 2 => (0..3_600i64).prop_map(Some), 1 => any::<i32>().prop_map(|n| Some(n.into())),
        ],
        prop_oneof![4 => Just(None), 1 => Just(Some(1)), 1 => (0..70i64).prop_map(Some)],
    )
        .prop_map(|(name, form, dimensions, offset, resolution)| {
            let mut datum = form;
            datum["MetricName"] = json!(name);
            datum["Dimensions"] = json!(dimensions);
            if let Some(offset) = offset {
                datum["Timestamp"] = json!(NOW_S - offset);
            }
            if let Some(resolution) = resolution {
                datum["StorageResolution"] = json!(resolution);
            }
            datum
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..Default::default() })]

    #[test]
    fn all_of_a_request_is_kept_or_nothing(
        datums in prop::collection::vec(datum(), 1..6),
        wire in prop_oneof![Just(Wire::Json), Just(Wire::Cbor), Just(Wire::Query)],
    ) {
        let server = Server::new();
        let body = json!({"Namespace": "Shop", "MetricData": datums});
        let reply = server.send_in(wire, "PutMetricData", &body);
        let kept = server.platform.store_status();
        if reply.status == 200 {
            let mut metrics: Vec<_> = datums
                .iter()
                .map(|datum| {
                    let mut dimensions: Vec<_> = datum["Dimensions"]
                        .as_array()
                        .unwrap()
                        .iter()
                        .map(Json::to_string)
                        .collect();
                    dimensions.sort();
                    (datum["MetricName"].to_string(), dimensions)
                })
                .collect();
            metrics.sort();
            metrics.dedup();
            prop_assert_eq!(server.listed(&json!({})).len(), metrics.len());
            prop_assert_eq!(kept.head_points, datums.len() as u64);
        } else {
            prop_assert_eq!(reply.status, 400);
            prop_assert_eq!((kept.head_points, kept.series), (0, 0));
        }
    }

    #[test]
    fn reading_answers_or_refuses(
        start in any::<i32>(), length in any::<i32>(), period in any::<i32>(),
        stat in "[pA-Za-z0-9.:()%]{1,8}", text in "\\PC{0,12}", max in any::<i32>(),
    ) {
        let server = Server::new();
        server.put("Shop", &json!([{"MetricName": "m", "Value": 1.0}]));
        let (start, end) = (i64::from(start), i64::from(start) + i64::from(length));
        for period in [i64::from(period), i64::from(period) * 60] {
            let body = json!({
                "Namespace": "Shop", "MetricName": "m", "StartTime": start, "EndTime": end,
                "Period": period, "ExtendedStatistics": [stat],
            });
            let status = server.call("GetMetricStatistics", &body).status;
            prop_assert!(status == 200 || status == 400);
            let body = json!({
                "MetricDataQueries": [{"Id": "m", "Label": text, "MetricStat": {
                    "Metric": {"Namespace": "Shop", "MetricName": "m"}, "Period": period, "Stat": stat,
                }}],
                "StartTime": start, "EndTime": end, "MaxDatapoints": max,
            });
            let status = server.call("GetMetricData", &body).status;
            prop_assert!(status == 200 || status == 400);
            let body = json!({"NextToken": text, "Namespace": text});
            let status = server.call("ListMetrics", &body).status;
            prop_assert!(status == 200 || status == 400);
        }
    }
}
