//! Generated inputs, outputs and errors of the AWS services that are served: one module for each
//! service, with its table ([`Service`]), its shapes, and a module of
//! positions for each structure.
//!
//! ```
//! use aws_shapes::cloudwatch::{DIMENSION, dimension};
//! use aws_wire::Struct;
//!
//! let value = Struct::new(&DIMENSION).with(dimension::NAME, "InstanceId");
//! assert_eq!(value.str(dimension::NAME), Some("InstanceId"));
//! ```
//!
//! The tables hold what goes over the wire and no prose. There are no Rust types for the single
//! shapes: hundreds of structs with four codecs each would cost minutes of build for what one
//! table walked by four codecs does.

pub mod cloudwatch;
pub mod sns;
pub mod sts;

use aws_wire::schema::Service;

/// All services.
pub static SERVICES: &[&Service] = &[&cloudwatch::SERVICE, &sns::SERVICE, &sts::SERVICE];
