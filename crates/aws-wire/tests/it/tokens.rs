//! Page tokens are good for one request only.

use aws_shapes::cloudwatch::{LIST_METRICS_INPUT, list_metrics_input as input};
use aws_wire::Struct;
use aws_wire::token::{BadToken, Bound, PageTokens};

fn request(namespace: &'static str) -> Struct<'static> {
    Struct::new(&LIST_METRICS_INPUT).with(input::NAMESPACE, namespace)
}

fn bound<'r>(operation: &'r str, scope: &'r str, request: &'r Struct<'r>) -> Bound<'r> {
    Bound { operation, scope, request, token: input::NEXT_TOKEN }
}

#[test]
fn a_token_opens_for_its_own_request_only() {
    let tokens = PageTokens::new([7; 32]);
    let first = request("shop");
    let token = tokens.seal(&bound("ListMetrics", "1/eu", &first), b"series 500");
    let next = request("shop").with(input::NEXT_TOKEN, token.clone());
    assert_eq!(tokens.position(&bound("ListMetrics", "1/eu", &first)), Ok(None));
    assert_eq!(
        tokens.position(&bound("ListMetrics", "1/eu", &next)),
        Ok(Some(b"series 500".to_vec()))
    );

    let other = request("bank").with(input::NEXT_TOKEN, token);
    for (tokens, bound) in [
        (&tokens, bound("ListMetrics", "1/eu", &other)),
        (&tokens, bound("ListMetrics", "2/eu", &next)),
        (&tokens, bound("DescribeAlarms", "1/eu", &next)),
        (&PageTokens::new([8; 32]), bound("ListMetrics", "1/eu", &next)),
    ] {
        assert_eq!(tokens.position(&bound), Err(BadToken));
    }
}

#[test]
fn made_up_and_changed_tokens_are_refused() {
    let tokens = PageTokens::new([7; 32]);
    let request = request("shop");
    let bound = bound("ListMetrics", "1/eu", &request);
    let token = tokens.seal(&bound, b"p");
    for at in 0..token.len() {
        let mut changed = token.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert_eq!(tokens.open(&bound, &changed), Err(BadToken), "{changed}");
    }
    for made_up in ["", "x", "AQ", "not base64!", &"A".repeat(100_000)] {
        assert_eq!(tokens.open(&bound, made_up), Err(BadToken));
    }
}
