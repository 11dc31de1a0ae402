//! Errors as bytes, protocol by protocol.

use aws_shapes::cloudwatch::{RESOURCE_NOT_FOUND, RESOURCE_NOT_FOUND_EXCEPTION, SERVICE};
use aws_wire::{Common, Protocol, Response, ServiceError};

fn shown(error: &ServiceError, protocol: Protocol, query_mode: bool) -> (u16, String, Response) {
    let response = error.response(&SERVICE, protocol, query_mode, "id-1");
    (response.status, String::from_utf8_lossy(&response.body).into_owned(), response)
}

#[test]
fn a_modelled_error_keeps_its_old_code_only_for_clients_that_ask() {
    let error = ServiceError::modelled(&RESOURCE_NOT_FOUND, "no such alarm");
    let expected = r#"{"__type":"com.amazonaws.cloudwatch.v2010_08_01#ResourceNotFound","message":"no such alarm"}"#;

    let (status, body, response) = shown(&error, Protocol::Json10, false);
    assert_eq!((status, body.as_str()), (400, expected));
    assert!(!response.headers.contains_key("x-amzn-query-error"));
    assert_eq!(response.headers["content-type"], "application/x-amz-json-1.0");
    assert_eq!(response.headers["x-amzn-requestid"], "id-1");

    let (status, body, response) = shown(&error, Protocol::Json10, true);
    assert_eq!((status, body.as_str()), (404, expected));
    assert_eq!(response.headers["x-amzn-query-error"], "ResourceNotFound;Sender");

    let (status, body, response) = shown(&error, Protocol::Query, false);
    assert_eq!(
        (status, body.as_str()),
        (
            404,
            "<ErrorResponse xmlns=\"http://monitoring.amazonaws.com/doc/2010-08-01/\"><Error>\
             <Type>Sender</Type><Code>ResourceNotFound</Code><Message>no such alarm</Message>\
             </Error><RequestId>id-1</RequestId></ErrorResponse>"
        )
    );
    assert_eq!(response.headers["content-type"], "text/xml");
}

#[test]
fn a_model_without_a_message_gives_none() {
    let error = ServiceError::modelled(&RESOURCE_NOT_FOUND_EXCEPTION, "unused");
    let (_, body, _) = shown(&error, Protocol::Json10, false);
    assert_eq!(
        body,
        r#"{"__type":"com.amazonaws.cloudwatch.v2010_08_01#ResourceNotFoundException"}"#
    );
}

#[test]
fn a_violated_constraint_has_its_own_namespace_and_a_small_message() {
    let error = ServiceError::validation("1 validation error detected: ...");
    let (status, body, response) = shown(&error, Protocol::Json10, true);
    assert_eq!(status, 400);
    assert_eq!(
        body,
        r#"{"__type":"com.amazon.coral.validate#ValidationException","message":"1 validation error detected: ..."}"#
    );
    assert_eq!(response.headers["x-amzn-query-error"], "ValidationError;Sender");
    let (status, body, _) = shown(&error, Protocol::Query, false);
    assert_eq!(status, 400);
    assert!(body.contains("<Code>ValidationError</Code>"), "{body}");
}

#[test]
fn cbor_answers_say_so_in_a_header() {
    let (status, _, response) =
        shown(&ServiceError::common(Common::Throttling, "slow down"), Protocol::Cbor, false);
    assert_eq!(status, 400);
    assert_eq!(response.headers["smithy-protocol"], "rpc-v2-cbor");
    assert_eq!(response.headers["content-type"], "application/cbor");
}

#[test]
fn rest_names_the_error_in_a_header() {
    let (status, body, response) =
        shown(&ServiceError::common(Common::AccessDenied, "no"), Protocol::RestJson, false);
    assert_eq!((status, body.as_str()), (403, r#"{"message":"no"}"#));
    assert_eq!(response.headers["x-amzn-errortype"], "AccessDeniedException");
}
