//! Every protocol that is not AWS: bytes of a request to a verb of the platform, and its outcome
//! back to bytes. Now [`prometheus`]: remote write and the HTTP API.
//!
//! A door has no sockets, threads or waiting: whoever listens gives it whole requests and takes
//! whole answers. Formats are read and written by `formats`, questions are answered by `platform`;
//! what is left here is what a protocol promises its clients: paths, parameters, codes and texts.

pub mod prometheus;
