//! Prometheus remote write 1.0: a snappy block around the protobuf message `prometheus.WriteRequest`.
//!
//! The reader walks the bytes in place and allocates nothing: a receiver hashes the labels of a
//! series as they came ([`SeriesView::labels_raw`]) and looks into them only when it has never seen
//! them. So what lies inside a label is checked when the labels are read, and everything else when
//! the walk passes it.
//!
//! Source: Prometheus remote write 1.0 specification.

mod encode;
mod exemplar;
mod histogram;
mod key;
mod snappy;
mod view;
mod wire;

pub use encode::{Encoder, ExemplarToSend, compress};
pub use exemplar::{ExemplarView, Exemplars};
pub use histogram::{HistogramError, HistogramSample, Histograms, ReadHistogram};
pub use key::LabelError;
pub use snappy::{DecompressError, decompress};
pub use view::{Item, Items, Labels, MetadataView, MetricType, Sample, Samples, SeriesView, items};
pub use wire::{DecodeError, Malformed};
