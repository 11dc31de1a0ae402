//! Bytes of foreign protocols to the product's values and back.
//!
//! [`remote_write`] reads and writes Prometheus remote write 1.0 bodies, [`exposition`] writes the
//! Prometheus text format, [`numbers`] writes and reads values, times and durations as the
//! Prometheus HTTP API has them, [`tsdb`], [`remote_read`] and [`victoria`] read what is brought over
//! from Prometheus and VictoriaMetrics. Pure functions over bytes: no sockets, no headers, no clocks.
//!
//! ```
//! use formats::remote_write::{self, Encoder, Item, Sample};
//!
//! let mut encoder = Encoder::new();
//! encoder.series(&[("__name__", "up"), ("job", "node")], &[Sample { at_ms: 1_000, value: 1.0 }]);
//! let body = remote_write::compress(&encoder.finish());
//!
//! let mut buffer = Vec::new();
//! let request = remote_write::decompress(&body, 1 << 20, &mut buffer).unwrap();
//! for item in remote_write::items(request) {
//!     let Item::Series(series) = item.unwrap() else { continue };
//!     let key = series.series_key(model::TenantId(0)).unwrap();
//!     assert_eq!((key.name.as_str(), key.label("job")), ("up", "node"));
//! }
//! ```

pub mod exposition;
pub mod numbers;
pub mod remote_read;
pub mod remote_write;
pub mod tsdb;
pub mod victoria;
