//! Whatever a stranger sends: an answer, and no trace.

use crate::world::{NOW_MS, Row, World, body, encoded, told, write_request};
use http::Request;
use proptest::prelude::*;
use std::collections::BTreeMap;

const PATHS: [&str; 6] = ["query", "query_range", "series", "labels", "label/a/values", "metadata"];
const PARAMETERS: [&str; 9] =
    ["query", "time", "start", "end", "step", "limit", "match[]", "lookback_delta", "timeout"];
const VALUES: &str = "[ -~]{0,20}|[0-9]{1,20}|up|-?[0-9]{1,3}[smhdwy]|[0-9.]+e[0-9]+";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn random_bodies_store_nothing(
        bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..20),
    ) {
        let world = World::new();
        for body in bodies {
            let request = Request::post("/api/v1/write").body(body.clone()).unwrap();
            prop_assert!([204, 400, 413].contains(&told(&world.ask(request)).0));
            prop_assert!([204, 400].contains(&told(&world.ask(write_request(&body))).0));
        }
        prop_assert_eq!(world.platform.store_status().head_points, 0);
        prop_assert_eq!(world.get("/api/v1/labels").1, r#"{"status":"success","data":[]}"#);
    }

    #[test]
    fn random_questions_are_answered(
        path in prop::sample::select(&PATHS[..]),
        params in prop::collection::vec((prop::sample::select(&PARAMETERS[..]), VALUES), 0..6),
        junk in "[a-z%&=+;:0-9]{0,20}",
    ) {
        let world = World::new();
        let form: Vec<String> =
            params.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let (code, text) = world.get(&format!("/api/v1/{path}?{}&{junk}", form.join("&")));
        prop_assert!([200, 400, 422, 503].contains(&code), "{} {}", code, text);
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&json["status"], if code == 200 { "success" } else { "error" });
    }

    #[test]
    fn what_is_written_is_what_is_read(
        requests in prop::collection::vec(
            prop::collection::vec(
                (
                    "[abü.\"\\\\]{1,3}",
                    "[xy\n]{0,2}",
                    prop::collection::vec((0..50i64, any::<f64>()), 1..5),
                ),
                1..6,
            ),
            1..6,
        ),
    ) {
        let world = World::new();
        let mut expected: BTreeMap<(String, String), BTreeMap<i64, f64>> = BTreeMap::new();
        for request in &requests {
            let labels: Vec<[(&str, &str); 2]> = request
                .iter()
                .map(|(name, value, _)| [("__name__", name.as_str()), ("l", value.as_str())])
                .collect();
            let samples: Vec<Vec<(i64, f64)>> = request
                .iter()
                .map(|(.., samples)| samples.iter().map(|(n, v)| (NOW_MS - n, *v)).collect())
                .collect();
            let series: Vec<Row<'_>> =
                labels.iter().zip(&samples).map(|(l, s)| (&l[..], &s[..])).collect();
            prop_assert_eq!(world.write(&body(&series)).0, 204);
            // A form is new or known for a whole request, so arrivals are in its order.
            for ((name, value, _), samples) in request.iter().zip(&samples) {
                let known = expected.entry((name.clone(), value.clone())).or_default();
                known.extend(samples.iter().copied());
            }
        }
        let address = format!("/api/v1/query?query={}", encoded("{__name__!=''}[1m]"));
        let json: serde_json::Value = serde_json::from_str(&world.get(&address).1).unwrap();
        let mut found = BTreeMap::new();
        for series in json["data"]["result"].as_array().unwrap() {
            let label =
                |name: &str| series["metric"][name].as_str().unwrap_or_default().to_owned();
            let points = series["values"].as_array().unwrap().iter().map(|point| {
                let at_ms = (point[0].as_f64().unwrap() * 1_000.0).round() as i64;
                (at_ms, point[1].as_str().unwrap().parse::<f64>().unwrap().to_bits())
            });
            found.insert((label("__name__"), label("l")), points.collect::<BTreeMap<_, _>>());
        }
        let bits = |value: f64| if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() };
        let expected: BTreeMap<_, BTreeMap<_, _>> = expected
            .into_iter()
            .map(|(key, points)| (key, points.into_iter().map(|(at, v)| (at, bits(v))).collect()))
            .collect();
        prop_assert_eq!(found, expected);
    }
}
