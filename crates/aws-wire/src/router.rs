//! From an HTTP request to an operation, and from its result to an HTTP answer.
//!
//! The order in which one port serves all services: the path of Smithy RPC v2, then
//! `X-Amz-Target`, then a form with `Action` and `Version` and the service of the credential
//! scope, then a REST path. Never the host: clients reach us by any name.

use bytes::Bytes;
use http::HeaderMap;
use http::request::Parts;

use crate::body::{self, BodyError, Limits};
use crate::codec::query::{self, Pair};
use crate::codec::{DecodeError, cbor, json, rest, xml};
use crate::error::{Common, ServiceError, insert};
use crate::schema::{Kind, Operation, Service, Shape, Structure, Wire};
use crate::sigv4::{self, Claim};
use crate::value::Struct;
use crate::{request_id, validate};

/// How one request is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// Smithy RPC v2 CBOR.
    Cbor,
    /// AWS JSON 1.0.
    Json10,
    /// AWS JSON 1.1.
    Json11,
    /// AWS Query.
    Query,
    /// REST-JSON.
    RestJson,
}

impl Protocol {
    fn content_type(self) -> &'static str {
        match self {
            Protocol::Cbor => "application/cbor",
            Protocol::Json10 => "application/x-amz-json-1.0",
            Protocol::Json11 => "application/x-amz-json-1.1",
            Protocol::Query => "text/xml",
            Protocol::RestJson => "application/json",
        }
    }

    fn of_json_version(version: &str) -> Self {
        if version == "1.0" { Protocol::Json10 } else { Protocol::Json11 }
    }
}

/// One service and what of it is served.
#[derive(Debug, Clone, Copy)]
pub struct Served {
    /// The whole service as its model has it.
    pub service: &'static Service,
    /// Names of the operations that are served.
    pub operations: &'static [&'static str],
}

/// Who may come in.
#[derive(Clone, Copy)]
pub enum Access<'c> {
    /// Everybody. A signature is read for its key, region and service, and not checked; there may
    /// be none.
    Open,
    /// Whoever signs with a known key.
    Required(&'c dyn Credentials),
}

/// Where secrets of access keys come from.
pub trait Credentials {
    /// Returns the secret of a key. `session_token` is what the request brought; a key of a
    /// session is known only together with its token.
    ///
    /// # Errors
    /// [`CredentialError`] says why there is none.
    fn secret(&self, key_id: &str, session_token: Option<&str>) -> Result<String, CredentialError>;
}

/// Why there is no secret for a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// Nobody has the key, or not with this token.
    #[error("access key is not known")]
    Unknown,
    /// The session is over.
    #[error("session has expired")]
    Expired,
}

/// Finds operations and speaks their protocols; holds no state of requests.
#[derive(Debug)]
pub struct Gateway {
    served: Vec<Served>,
    limits: Limits,
}

/// An answer, ready to be sent.
#[derive(Debug, Clone)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Headers, without those that the transport adds.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
    /// What went wrong, if something did; for logs and audit records.
    pub error: Option<Box<Told>>,
}

/// An error as it was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Its code, as the query protocol writes it.
    pub code: String,
    /// Its message.
    pub message: String,
}

impl Response {
    /// Adds the headers that every answer of a protocol has.
    pub(crate) fn with_request_id(mut self, protocol: Protocol, request_id: &str) -> Self {
        insert(&mut self.headers, "x-amzn-requestid", request_id);
        // An answer without a body has no type either; Smithy's RPC clients look at that.
        if !self.body.is_empty() && !self.headers.contains_key("content-type") {
            insert(&mut self.headers, "content-type", protocol.content_type());
        }
        if protocol == Protocol::Cbor {
            insert(&mut self.headers, "smithy-protocol", "rpc-v2-cbor");
        }
        self
    }
}

/// A request whose operation is known and served.
#[derive(Debug)]
pub struct Request {
    /// The service.
    pub service: &'static Service,
    /// The operation.
    pub operation: &'static Operation,
    /// How the request is written and the answer will be.
    pub protocol: Protocol,
    /// Who signed it, if anybody did. Checked when access is required.
    pub claim: Option<Claim>,
    /// Id of this request.
    pub request_id: String,
    query_mode: bool,
    parts: Parts,
    body: Bytes,
    depth_max: usize,
}

/// Stands for the service while it is not known.
static NOBODY: Service = Service {
    name: "",
    title: "",
    signing_name: "",
    api_version: "",
    namespace: "",
    target_prefix: "",
    json_version: "1.1",
    xml_namespace: "",
    protocols: &[],
    query_compatible: false,
    validation_error: "ValidationException",
    operations: &[],
};

/// Input of operations that have none.
static NOTHING: Shape = Shape::new("Unit", Kind::Structure(Structure::new(&[])));

/// What the head of a request tells: how it is written, and often for whom it is.
#[derive(Debug)]
struct Door<'p> {
    protocol: Protocol,
    service: Option<&'static Service>,
    operation: &'p str,
}

impl Gateway {
    /// Serves some operations of some services.
    pub fn new(served: impl IntoIterator<Item = Served>, limits: Limits) -> Self {
        Self { served: served.into_iter().collect(), limits }
    }

    /// Returns what is served.
    pub fn served(&self) -> &[Served] {
        &self.served
    }

    /// Says whether a request is meant for an AWS service at all; for a port that serves others.
    pub fn claims(&self, parts: &Parts) -> bool {
        rpc_path(parts.uri.path()).is_some()
            || parts.headers.contains_key("x-amz-target")
            || parts
                .headers
                .get("authorization")
                .is_some_and(|value| value.as_bytes().starts_with(b"AWS4-"))
            || has_action(parts.uri.query())
            || parts.uri.query().is_some_and(|query| query.contains("X-Amz-Algorithm="))
            || (parts.uri.path() == "/" && is_form(parts))
    }

    /// Refuses a request before anything of it but its head was looked at, in the form that its
    /// protocol has for errors.
    pub fn refuse(&self, parts: &Parts, error: &ServiceError) -> Response {
        let door = self.door(parts);
        let query_mode = header(parts, "x-amzn-query-mode").eq_ignore_ascii_case("true");
        let service = door.service.unwrap_or(&NOBODY);
        error.response(service, door.protocol, query_mode, &request_id::new())
    }

    /// Finds the operation of a request and checks its signature.
    ///
    /// `parts` must hold the path and query as they came, and `body` the bytes as they came.
    ///
    /// # Errors
    /// The answer to send when there is no such operation, it is not served, the request is too
    /// large or it is not signed as `access` wants it.
    pub fn accept(
        &self,
        parts: Parts,
        body: &Bytes,
        access: Access<'_>,
        now_ms: i64,
    ) -> Result<Request, Box<Response>> {
        let request_id = request_id::new();
        let query_mode = header(&parts, "x-amzn-query-mode").eq_ignore_ascii_case("true");
        let found = {
            let door = self.door(&parts);
            let answer = |service: &Service, error: &ServiceError| {
                Box::new(error.response(service, door.protocol, query_mode, &request_id))
            };
            let nobody = door.service.unwrap_or(&NOBODY);
            let (claim, plain) =
                self.admit(&parts, body, access, now_ms).map_err(|error| answer(nobody, &error))?;
            let (service, operation) = self
                .find(&door, &parts, &plain, claim.as_ref())
                .map_err(|(service, error)| answer(service, &error))?;
            if let (Access::Required(_), Some(claim)) = (access, &claim) {
                claim
                    .check_service(service.signing_name)
                    .map_err(|error| answer(service, &error.into()))?;
            }
            (service, operation, door.protocol, claim, plain)
        };
        let (service, operation, protocol, claim, body) = found;
        let depth_max = self.limits.depth_max;
        Ok(Request {
            service,
            operation,
            protocol,
            claim,
            request_id,
            query_mode,
            parts,
            body,
            depth_max,
        })
    }

    /// Reads the head alone.
    fn door<'p>(&self, parts: &'p Parts) -> Door<'p> {
        if let Some((service, operation)) = rpc_path(parts.uri.path()) {
            let service = self.by_target(service, Wire::Cbor);
            return Door { protocol: Protocol::Cbor, service, operation };
        }
        let target = header(parts, "x-amz-target");
        if !target.is_empty() {
            // From the right: CloudTrail's prefix has dots of its own.
            let (prefix, operation) = target.rsplit_once('.').unwrap_or(("", target));
            let service = self.by_target(prefix, Wire::Json);
            let version = match service {
                Some(service) => service.json_version,
                None if content_type(parts).ends_with("json-1.0") => "1.0",
                None => "1.1",
            };
            return Door { protocol: Protocol::of_json_version(version), service, operation };
        }
        let is_query = has_action(parts.uri.query()) || is_form(parts);
        let protocol = if is_query { Protocol::Query } else { Protocol::RestJson };
        Door { protocol, service: None, operation: "" }
    }

    fn by_target(&self, prefix: &str, wire: Wire) -> Option<&'static Service> {
        self.served.iter().map(|served| served.service).find(|service| {
            !prefix.is_empty() && service.target_prefix == prefix && service.speaks(wire)
        })
    }

    /// Checks size and signature, in this order, and undoes the compression at last.
    fn admit(
        &self,
        parts: &Parts,
        body: &Bytes,
        access: Access<'_>,
        now_ms: i64,
    ) -> Result<(Option<Claim>, Bytes), ServiceError> {
        body::check_size(body, &self.limits).map_err(of_body)?;
        let claim = sigv4::parse(parts)?;
        if let Access::Required(credentials) = access {
            let Some(claim) = &claim else {
                return Err(ServiceError::common(
                    Common::MissingAuthentication,
                    "Request is missing Authentication Token",
                ));
            };
            let secret = credentials
                .secret(&claim.key_id, claim.session_token.as_deref())
                .map_err(of_credentials)?;
            claim.verify(parts, body, &secret, now_ms)?;
        }
        let encoding = parts.headers.get("content-encoding").and_then(|value| value.to_str().ok());
        let plain = match body::plain(body, encoding, &self.limits).map_err(of_body)? {
            std::borrow::Cow::Borrowed(_) => body.clone(),
            std::borrow::Cow::Owned(plain) => Bytes::from(plain),
        };
        Ok((claim, plain))
    }

    /// Finds the operation. The error comes with the service in whose form it is written.
    fn find(
        &self,
        door: &Door<'_>,
        parts: &Parts,
        body: &[u8],
        claim: Option<&Claim>,
    ) -> Result<(&'static Service, &'static Operation), (&'static Service, ServiceError)> {
        let (service, operation) = match door.protocol {
            Protocol::Cbor | Protocol::Json10 | Protocol::Json11 => {
                let service = door.service.ok_or_else(|| (&NOBODY, unknown_operation()))?;
                let operation = service
                    .operation(door.operation)
                    .ok_or_else(|| (service, unknown_operation()))?;
                (service, operation)
            }
            Protocol::Query => self.by_form(parts, body, claim)?,
            Protocol::RestJson => self
                .by_path(parts, claim)
                .map(|(service, operation, _)| (service, operation))
                .ok_or_else(|| (&NOBODY, unknown_operation()))?,
        };
        if self.serves(service, operation.name) {
            Ok((service, operation))
        } else {
            Err((service, ServiceError::unsupported(service, operation.name)))
        }
    }

    fn serves(&self, service: &Service, operation: &str) -> bool {
        self.served
            .iter()
            .filter(|served| std::ptr::eq(served.service, service))
            .any(|served| served.operations.contains(&operation))
    }

    fn by_form(
        &self,
        parts: &Parts,
        body: &[u8],
        claim: Option<&Claim>,
    ) -> Result<(&'static Service, &'static Operation), (&'static Service, ServiceError)> {
        let pairs = form_pairs(parts, body).map_err(|error| (&NOBODY, of_decoding(&error)))?;
        let value = |name: &str| {
            pairs.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_ref())
        };
        let (action, version) = (value("Action"), value("Version"));
        let of_scope = |service: &Service| match claim {
            Some(claim) => claim.service == service.signing_name,
            None => service.api_version == version,
        };
        let mut services = self
            .served
            .iter()
            .map(|served| served.service)
            .filter(|service| service.speaks(Wire::Query) && of_scope(service))
            .peekable();
        let first = services.peek().copied().unwrap_or(&NOBODY);
        if action.is_empty() {
            return Err((first, missing_action()));
        }
        services
            .filter(|service| version.is_empty() || service.api_version == version)
            .find_map(|service| Some((service, service.operation(action)?)))
            .ok_or_else(|| (first, invalid_action(action, version)))
    }

    fn by_path<'p>(
        &self,
        parts: &'p Parts,
        claim: Option<&Claim>,
    ) -> Option<(&'static Service, &'static Operation, rest::Fit<'p>)> {
        let (method, path) = (parts.method.as_str(), parts.uri.path());
        self.served
            .iter()
            .map(|served| served.service)
            .filter(|service| service.speaks(Wire::RestJson))
            .filter(|service| claim.is_none_or(|claim| claim.service == service.signing_name))
            .flat_map(|service| {
                service.operations.iter().map(move |operation| (service, operation))
            })
            .filter_map(|(service, operation)| {
                Some((service, operation, rest::fit(operation, method, path)?))
            })
            .max_by_key(|(_, _, fit)| fit.literal_parts)
    }
}

fn unknown_operation() -> ServiceError {
    ServiceError::common(Common::UnknownOperation, "The operation is not known.")
}

fn missing_action() -> ServiceError {
    ServiceError::custom(
        "MissingAction",
        "MissingAction",
        400,
        "The request is missing an action or a required parameter.",
    )
}

fn invalid_action(action: &str, version: &str) -> ServiceError {
    let shown: String = action.chars().take(128).collect();
    let version: String = version.chars().take(32).collect();
    ServiceError::common(
        Common::UnknownOperation,
        format!("Could not find operation {shown} for version {version}"),
    )
}

fn of_body(error: BodyError) -> ServiceError {
    let common = match error {
        BodyError::TooLarge { .. } => Common::TooLarge,
        BodyError::NotGzip | BodyError::UnknownEncoding => Common::Serialization,
    };
    ServiceError::common(common, error.to_string())
}

fn of_decoding(error: &DecodeError) -> ServiceError {
    ServiceError::common(Common::Serialization, error.message.clone())
}

fn of_credentials(error: CredentialError) -> ServiceError {
    match error {
        CredentialError::Unknown => ServiceError::common(
            Common::UnrecognizedClient,
            "The security token included in the request is invalid.",
        ),
        CredentialError::Expired => ServiceError::common(
            Common::ExpiredToken,
            "The security token included in the request is expired",
        ),
    }
}

/// Takes `/service/Name/operation/Name` apart; anything may precede it.
fn rpc_path(path: &str) -> Option<(&str, &str)> {
    let mut parts = path.rsplit('/');
    let operation = parts.next().filter(|name| !name.is_empty())?;
    let is_path = parts.next() == Some("operation");
    let service = parts.next()?;
    (is_path && parts.next() == Some("service")).then_some((service, operation))
}

fn header<'p>(parts: &'p Parts, name: &str) -> &'p str {
    parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn content_type(parts: &Parts) -> &str {
    header(parts, "content-type").split(';').next().unwrap_or_default().trim()
}

fn is_form(parts: &Parts) -> bool {
    content_type(parts).eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

fn has_action(query: Option<&str>) -> bool {
    query.is_some_and(|query| query.split('&').any(|pair| pair.starts_with("Action=")))
}

/// Parameters of the query string and of the form; clients use either.
fn form_pairs<'r>(parts: &'r Parts, body: &'r [u8]) -> Result<Vec<Pair<'r>>, DecodeError> {
    let mut pairs = query::pairs(parts.uri.query().unwrap_or_default().as_bytes())?;
    pairs.extend(query::pairs(body)?);
    Ok(pairs)
}

impl Request {
    /// Returns how many bytes the body has, unpacked.
    pub fn body_len(&self) -> usize {
        self.body.len()
    }

    /// Reads the input and checks the constraints of the model. What the input borrows lives as
    /// long as the request.
    ///
    /// # Errors
    /// [`Common::Serialization`] when the body is not of the shape, [`Common::Validation`] when a
    /// constraint is violated.
    pub fn input(&self) -> Result<Struct<'_>, ServiceError> {
        let input = self.decode()?;
        validate::check(&input).map_err(ServiceError::validation)?;
        Ok(input)
    }

    /// Reads the input without checking constraints; for operations that word them differently.
    ///
    /// # Errors
    /// [`Common::Serialization`] when the body is not of the shape.
    pub fn decode(&self) -> Result<Struct<'_>, ServiceError> {
        let Some(shape) = self.operation.input else { return Ok(Struct::new(&NOTHING)) };
        match self.protocol {
            Protocol::Cbor => cbor::decode(shape, &self.body, self.depth_max),
            Protocol::Json10 | Protocol::Json11 => json::decode(shape, &self.body, self.depth_max),
            Protocol::Query => form_pairs(&self.parts, &self.body)
                .and_then(|pairs| query::decode(shape, pairs, self.depth_max)),
            Protocol::RestJson => self.decode_rest(shape),
        }
        .map_err(|error| of_decoding(&error))
    }

    fn decode_rest(&self, shape: &'static Shape) -> Result<Struct<'_>, DecodeError> {
        let parts = &self.parts;
        let fit = rest::fit(self.operation, parts.method.as_str(), parts.uri.path());
        let parts = rest::Parts {
            labels: fit.map(|fit| fit.labels).unwrap_or_default(),
            query: query::pairs(parts.uri.query().unwrap_or_default().as_bytes())?,
            headers: &parts.headers,
            body: &self.body,
        };
        rest::decode(self.operation, &parts, self.depth_max)
            .map(|input| input.unwrap_or_else(|| Struct::new(shape)))
    }

    /// Returns the head of the request, for who needs more than the input.
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    /// Writes the answer: the output (`None` for operations without one) or the error.
    pub fn respond(&self, result: Result<Option<Struct<'_>>, ServiceError>) -> Response {
        match result {
            Ok(output) => self.success(output.as_ref()),
            Err(error) => {
                error.response(self.service, self.protocol, self.query_mode, &self.request_id)
            }
        }
    }

    /// Writes an answer that is not of the protocol: bytes of another type, as they are.
    pub fn respond_raw(&self, content_type: &'static str, body: impl Into<Bytes>) -> Response {
        let mut headers = HeaderMap::new();
        insert(&mut headers, "content-type", content_type);
        insert(&mut headers, "x-amzn-requestid", &self.request_id);
        Response { status: 200, headers, body: body.into(), error: None }
    }

    fn success(&self, output: Option<&Struct<'_>>) -> Response {
        debug_assert!(
            match (output, self.operation.output) {
                (Some(output), Some(shape)) => std::ptr::eq(output.shape(), shape),
                (Some(_), None) => false,
                (None, _) => true,
            },
            "{} does not answer this",
            self.operation.name
        );
        let empty = self.operation.output.map(Struct::new);
        let output = output.or(empty.as_ref());
        let mut response =
            Response { status: 200, headers: HeaderMap::new(), body: Bytes::new(), error: None };
        let mut body = Vec::new();
        match (self.protocol, output) {
            (Protocol::Query, output) => {
                body = xml::encode(self.service, self.operation, output, &self.request_id);
            }
            (Protocol::RestJson, output) => {
                let answer = rest::encode(self.operation, output);
                response.status = answer.status;
                response.headers = answer.headers;
                body = answer.body;
            }
            // An operation that answers nothing has an empty body.
            (_, None) => {}
            (Protocol::Cbor, Some(output)) => cbor::encode(output, &mut body),
            (Protocol::Json10 | Protocol::Json11, Some(output)) => json::encode(output, &mut body),
        }
        response.body = body.into();
        response.with_request_id(self.protocol, &self.request_id)
    }
}
