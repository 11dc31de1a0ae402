//! Errors as the protocols show them.
//!
//! A service says what is wrong in the model's words; this file alone knows how each protocol
//! writes that. Source: public SDK models and answers recorded from AWS.

use std::borrow::Cow;

use http::{HeaderMap, HeaderValue};

use crate::codec::xml::{self, XmlError};
use crate::codec::{cbor, json};
use crate::router::{Protocol, Response, Told};
use crate::schema::{Kind, Service, Shape};
use crate::value::{Struct, Value};

/// Errors that every service can answer and few models list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Common {
    /// A constraint of the model is violated.
    Validation,
    /// The body is not what the operation takes.
    Serialization,
    /// Nobody has heard of the operation.
    UnknownOperation,
    /// The operation exists and is not served here.
    Unsupported,
    /// The body is too large.
    TooLarge,
    /// The signature is not put together as one.
    IncompleteSignature,
    /// There is no signature, and one is needed.
    MissingAuthentication,
    /// The access key is not known.
    UnrecognizedClient,
    /// The signature is not the one that was calculated, or too old.
    SignatureMismatch,
    /// A presigned request came too late.
    RequestExpired,
    /// The session token is not valid any more.
    ExpiredToken,
    /// The principal may not do this.
    AccessDenied,
    /// Too many requests; try again later.
    Throttling,
    /// Not able to answer now; try again later.
    Unavailable,
    /// Our mistake.
    Internal,
}

/// Names and statuses of one of the common errors.
struct Names {
    /// In JSON and CBOR, and its namespace where the service writes them.
    json: &'static str,
    namespace: &'static str,
    json_status: u16,
    query: &'static str,
    query_status: u16,
}

impl Common {
    fn names(self) -> Names {
        const SERVICE: &str = "com.amazon.coral.service";
        const VALIDATE: &str = "com.amazon.coral.validate";
        let (json, namespace, json_status, query, query_status) = match self {
            Self::Validation => ("ValidationException", VALIDATE, 400, "ValidationError", 400),
            Self::Serialization => ("SerializationException", SERVICE, 400, "MalformedInput", 400),
            Self::UnknownOperation => {
                ("UnknownOperationException", SERVICE, 400, "InvalidAction", 400)
            }
            Self::Unsupported => {
                ("UnsupportedOperation", SERVICE, 501, "UnsupportedOperation", 501)
            }
            Self::TooLarge => ("RequestEntityTooLarge", SERVICE, 413, "RequestEntityTooLarge", 413),
            Self::IncompleteSignature => {
                ("IncompleteSignatureException", SERVICE, 400, "IncompleteSignature", 400)
            }
            Self::MissingAuthentication => (
                "MissingAuthenticationTokenException",
                SERVICE,
                400,
                "MissingAuthenticationToken",
                403,
            ),
            Self::UnrecognizedClient => {
                ("UnrecognizedClientException", SERVICE, 400, "InvalidClientTokenId", 403)
            }
            Self::SignatureMismatch => {
                ("InvalidSignatureException", SERVICE, 400, "SignatureDoesNotMatch", 403)
            }
            Self::RequestExpired => ("RequestExpired", SERVICE, 400, "RequestExpired", 400),
            Self::ExpiredToken => ("ExpiredTokenException", SERVICE, 400, "ExpiredToken", 403),
            Self::AccessDenied => ("AccessDeniedException", SERVICE, 400, "AccessDenied", 403),
            Self::Throttling => ("ThrottlingException", SERVICE, 400, "Throttling", 400),
            Self::Unavailable => {
                ("ServiceUnavailableException", SERVICE, 503, "ServiceUnavailable", 503)
            }
            Self::Internal => ("InternalFailure", SERVICE, 500, "InternalFailure", 500),
        };
        Names { json, namespace, json_status, query, query_status }
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Code {
    Common(Common),
    /// A modelled error with the members beside its message.
    Modelled(Struct<'static>),
    /// A code that no model lists.
    Custom {
        json: Cow<'static, str>,
        query: Cow<'static, str>,
        status: u16,
    },
}

/// One error as a service gives it.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceError {
    code: Code,
    message: Option<String>,
}

impl ServiceError {
    /// An error of [`Common`].
    pub fn common(common: Common, message: impl Into<String>) -> Self {
        Self { code: Code::Common(common), message: Some(message.into()) }
    }

    /// A violated constraint, in the service's own form of it.
    pub fn validation(message: impl Into<String>) -> Self {
        Self::common(Common::Validation, message)
    }

    /// An error that the model lists. The message is left out where its shape has none, as AWS
    /// does, unless the service is of an older kind whose models never list messages.
    pub fn modelled(shape: &'static Shape, message: impl Into<String>) -> Self {
        Self { code: Code::Modelled(Struct::new(shape)), message: Some(message.into()) }
    }

    /// An error that the model lists, with its members.
    pub fn with_members(members: Struct<'static>) -> Self {
        Self { code: Code::Modelled(members), message: None }
    }

    /// A code that no model lists: its name in JSON and CBOR, its code in the query protocol.
    pub fn custom(
        json: impl Into<Cow<'static, str>>,
        query: impl Into<Cow<'static, str>>,
        status: u16,
        message: impl Into<String>,
    ) -> Self {
        let code = Code::Custom { json: json.into(), query: query.into(), status };
        Self { code, message: Some(message.into()) }
    }

    /// Our own mistake. Says nothing of its cause: that belongs into the log.
    pub fn internal() -> Self {
        Self::common(Common::Internal, "The request could not be handled due to an internal error.")
    }

    /// An operation that the model has and we do not serve.
    pub fn unsupported(service: &Service, operation: &str) -> Self {
        Self::common(
            Common::Unsupported,
            format!(
                "{} {operation} is not served by Sightline yet; `sightline aws operations` lists \
                 what is",
                service.title
            ),
        )
    }

    /// Returns the message, if it has one.
    pub fn message(&self) -> Option<&str> {
        let of_member = || match &self.code {
            Code::Modelled(members) => {
                message_member(members.shape()).and_then(|(at, _)| members.members()[at].as_str())
            }
            _ => None,
        };
        self.message.as_deref().or_else(of_member)
    }

    /// Returns the code in the query protocol; also for logs and audit records.
    pub fn query_code(&self) -> &str {
        match &self.code {
            Code::Common(common) => common.names().query,
            Code::Modelled(members) => traits(members.shape()).0,
            Code::Custom { query, .. } => query,
        }
    }

    /// Says whether the sender is to blame.
    pub fn is_sender(&self) -> bool {
        self.modelled_status() < 500
    }

    /// Status in the query protocol and in REST.
    fn modelled_status(&self) -> u16 {
        match &self.code {
            Code::Common(common) => common.names().query_status,
            Code::Modelled(members) => traits(members.shape()).1,
            Code::Custom { status, .. } => *status,
        }
    }

    /// Status in JSON and CBOR without the old codes: the blame only.
    fn plain_status(&self) -> u16 {
        match &self.code {
            Code::Common(common) => common.names().json_status,
            Code::Modelled(_) if self.is_sender() => 400,
            Code::Modelled(_) => 500,
            Code::Custom { status, .. } => *status,
        }
    }

    /// Name in JSON and CBOR.
    fn json_name(&self, service: &Service) -> Cow<'_, str> {
        match &self.code {
            // Logs has another name for it than the rest.
            Code::Common(Common::Validation)
                if service.validation_error != "ValidationException" =>
            {
                Cow::Borrowed(service.validation_error)
            }
            Code::Common(common) => Cow::Borrowed(common.names().json),
            Code::Modelled(members) => Cow::Borrowed(members.shape().name),
            Code::Custom { json, .. } => Cow::Borrowed(json),
        }
    }

    fn json_type(&self, service: &Service) -> String {
        let name = self.json_name(service);
        match &self.code {
            _ if !service.query_compatible => name.into_owned(),
            Code::Common(common) => format!("{}#{name}", common.names().namespace),
            _ => format!("{}#{name}", service.namespace),
        }
    }

    /// Returns the message under the name that goes over the wire.
    fn named_message(&self, service: &Service) -> Option<(&'static str, &str)> {
        let text = self.message.as_deref();
        match &self.code {
            Code::Modelled(members) => match message_member(members.shape()) {
                // When it was given as a member, it is written with the other members.
                Some((_, name)) => text.map(|text| (name, text)),
                None if service.query_compatible => None,
                None => text.map(|text| ("message", text)),
            },
            _ => text.map(|text| ("message", text)),
        }
    }

    fn members(&self) -> Option<&Struct<'static>> {
        match &self.code {
            Code::Modelled(members) => Some(members),
            _ => None,
        }
    }

    /// Writes the error as `protocol` shows it.
    pub fn response(
        &self,
        service: &Service,
        protocol: Protocol,
        query_mode: bool,
        request_id: &str,
    ) -> Response {
        let mut response = match protocol {
            Protocol::Query => self.xml_response(service, request_id),
            Protocol::RestJson => self.rest_response(service),
            Protocol::Json10 | Protocol::Json11 | Protocol::Cbor => {
                self.rpc_response(service, protocol, query_mode)
            }
        };
        let code = self.query_code().to_owned();
        let message = self.message().unwrap_or_default().to_owned();
        response.error = Some(Box::new(Told { code, message }));
        response.with_request_id(protocol, request_id)
    }

    fn rpc_response(&self, service: &Service, protocol: Protocol, query_mode: bool) -> Response {
        let mut body = Vec::new();
        let kind = self.json_type(service);
        let message = self.named_message(service);
        if protocol == Protocol::Cbor {
            cbor::encode_error(&kind, message, self.members(), &mut body);
        } else {
            json_error(Some(&kind), message, self.members(), &mut body);
        }
        let query_mode = query_mode && service.query_compatible;
        let status = if query_mode { self.modelled_status() } else { self.plain_status() };
        let mut headers = HeaderMap::new();
        if query_mode {
            let blame = if self.is_sender() { "Sender" } else { "Receiver" };
            insert(&mut headers, "x-amzn-query-error", &format!("{};{blame}", self.query_code()));
        }
        Response { status, headers, body: body.into(), error: None }
    }

    fn rest_response(&self, service: &Service) -> Response {
        let mut body = Vec::new();
        json_error(None, self.named_message(service), self.members(), &mut body);
        let mut headers = HeaderMap::new();
        insert(&mut headers, "x-amzn-errortype", &self.json_name(service));
        // Nothing stands at that path.
        let is_unknown = self.code == Code::Common(Common::UnknownOperation);
        let status = if is_unknown { 404 } else { self.modelled_status() };
        Response { status, headers, body: body.into(), error: None }
    }

    fn xml_response(&self, service: &Service, request_id: &str) -> Response {
        let members = self.members().map(without_message);
        let error = XmlError {
            code: self.query_code(),
            sender: self.is_sender(),
            message: self.message(),
            members: members.as_ref(),
        };
        let body = xml::encode_error(service.xml_namespace, &error, request_id);
        Response {
            status: self.modelled_status(),
            headers: HeaderMap::new(),
            body: body.into(),
            error: None,
        }
    }
}

/// Code, status of a modelled error.
fn traits(shape: &'static Shape) -> (&'static str, u16) {
    match &shape.kind {
        Kind::Structure(structure) => {
            structure.error.map_or((shape.name, 400), |error| (error.code, error.status))
        }
        _ => (shape.name, 400),
    }
}

/// Position and name of the member that holds the message.
fn message_member(shape: &'static Shape) -> Option<(usize, &'static str)> {
    shape
        .members()
        .iter()
        .position(|member| member.wire_name.eq_ignore_ascii_case("message"))
        .map(|at| (at, shape.members()[at].wire_name))
}

/// XML has its own element for the message.
fn without_message(members: &Struct<'static>) -> Struct<'static> {
    let mut rest = members.clone();
    if let Some((at, _)) = message_member(members.shape()) {
        *rest.slot(at) = Value::Null;
    }
    rest
}

fn json_error(
    kind: Option<&str>,
    message: Option<(&str, &str)>,
    members: Option<&Struct<'_>>,
    out: &mut Vec<u8>,
) {
    out.push(b'{');
    for (key, text) in kind.map(|kind| ("__type", kind)).into_iter().chain(message) {
        if out.len() > 1 {
            out.push(b',');
        }
        json::write_string(key, out);
        out.push(b':');
        json::write_string(text, out);
    }
    let mut rest = Vec::new();
    if let Some(members) = members {
        json::encode(members, &mut rest);
    }
    if rest.len() > 2 {
        if out.len() > 1 {
            out.push(b',');
        }
        out.extend_from_slice(&rest[1..rest.len() - 1]);
    }
    out.push(b'}');
}

/// Sets a header; text that no header can hold is left out.
pub(crate) fn insert(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
