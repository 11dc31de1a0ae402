//! AWS protocols for any service: what a request means and how its answer is written.
//!
//! A service is a constant table ([`schema::Service`], generated in `aws-shapes`); the codecs walk
//! it. A [`Gateway`] finds the operation of an HTTP request and checks who signed it; the
//! [`Request`] then reads its input as a [`Struct`], and writes the output or a [`ServiceError`]
//! in the protocol that the client speaks:
//!
//! ```
//! use aws_wire::schema::{Kind, Member, Operation, Service, Shape, Structure, Text, Wire};
//! use aws_wire::{Access, Gateway, Limits, Served, Struct};
//!
//! static NAME: Shape = Shape::new("Name", Kind::String(Text::ANY));
//! static HELLO: Shape =
//!     Shape::new("Hello", Kind::Structure(Structure::new(&[Member::new("Name", &NAME)])));
//! static SERVICE: Service = Service {
//!     name: "greeter",
//!     title: "Greeter",
//!     signing_name: "greeter",
//!     api_version: "2020-01-01",
//!     namespace: "com.example.greeter",
//!     target_prefix: "Greeter",
//!     json_version: "1.0",
//!     xml_namespace: "",
//!     protocols: &[Wire::Json],
//!     query_compatible: false,
//!     validation_error: "ValidationException",
//!     operations: &[Operation::new("Greet", "POST", "/").input(&HELLO).output(&HELLO, "")],
//! };
//!
//! let gateway =
//!     Gateway::new([Served { service: &SERVICE, operations: &["Greet"] }], Limits::default());
//! let (parts, body) = http::Request::post("/")
//!     .header("x-amz-target", "Greeter.Greet")
//!     .body(bytes::Bytes::from(r#"{"Name":"World"}"#))
//!     .unwrap()
//!     .into_parts();
//! let request = gateway.accept(parts, &body, Access::Open, 0).unwrap();
//! let input = request.input().unwrap();
//! let response = request.respond(Ok(Some(input.clone())));
//! assert_eq!((response.status, &response.body[..]), (200, br#"{"Name":"World"}"#.as_slice()));
//! ```
//!
//! It knows no single service, no socket and no clock. Event streams are not spoken yet.

pub mod body;
pub mod codec;
pub mod error;
mod pattern;
pub mod request_id;
pub mod router;
pub mod schema;
pub mod sigv4;
pub mod token;
pub mod validate;
mod value;

pub use body::Limits;
pub use error::{Common, ServiceError};
pub use pattern::Pattern;
pub use router::{
    Access, CredentialError, Credentials, Gateway, Protocol, Request, Response, Served, Told,
};
pub use value::{Struct, Value};
