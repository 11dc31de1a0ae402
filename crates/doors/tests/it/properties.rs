//! Whatever a stranger sends: an answer, and no trace.

use crate::world::{World, told, write_request};
use http::Request;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn random_bodies_store_nothing(bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..20)) {
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
        path in prop::sample::select(vec!["query", "query_range", "series", "labels", "label/a/values", "metadata"]),
        params in prop::collection::vec((prop::sample::select(vec!["query", "time", "start", "end", "step", "limit", "match[]", "lookback_delta", "timeout"]), "[ -~]{0,20}|[0-9]{1,20}|up|-?[0-9]{1,3}[smhdwy]|[0-9.]+e[0-9]+"), 0..6),
        junk in "[a-z%&=+;:0-9]{0,20}",
    ) {
        let world = World::new();
        let form: Vec<String> = params.iter().map(|(n, v)| format!("{n}={}", crate::world::encoded(v))).collect();
        let (code, text) = world.get(&format!("/api/v1/{path}?{}&{junk}", form.join("&")));
        prop_assert!([200, 400, 422, 503].contains(&code), "{} {}", code, text);
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(json["status"].as_str(), Some(if code == 200 { "success" } else { "error" }));
    }
}
