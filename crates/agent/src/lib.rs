//! What a host tells about itself: a collector that reads `/proc` and speaks in the CloudWatch
//! agent's metrics.
//!
//! [`HostCollector::collect`] makes one round and returns data; it starts no thread, sends nothing
//! and does not read a clock. Names, units and dimensions are the CloudWatch agent's, so that its
//! dashboards and alarms work.
//!
//! ```
//! use agent::HostCollector;
//! let mut collector = HostCollector::new("web-1");
//! let collected = collector.collect(1_700_000_000_000);
//! assert!(collected.data.iter().all(|d| d.dimensions[0] == ("host", "web-1".to_owned())));
//! ```
//!
//! Source: CloudWatch user guide, "Metrics collected by the CloudWatch agent".

mod host;

pub use host::{
    CollectError, Collected, FileSystems, HostCollector, HostDatum, RealFileSystems, Usage,
};
