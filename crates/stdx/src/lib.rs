//! What std lacks, and the seams to the outside world.
//!
//! Everything above this crate reads time through [`Clock`], files through [`Disk`] and randomness
//! through [`Rng`]. Each seam has a real form and a faked one, so that a whole platform can run on
//! a simulated world under one seed. This crate knows nothing of monitoring.
//!
//! ```
//! use stdx::{Clock, VirtualClock};
//! let clock = VirtualClock::starting_at(1_000);
//! clock.advance_to(61_000);
//! assert_eq!(clock.now_ms(), 61_000);
//! ```

mod cancel;
pub mod checksum;
mod clock;
pub mod disk;
pub mod machine;
mod net;
mod rng;
mod sim_disk;
mod stop;
pub mod varint;

pub use cancel::Cancel;
pub use clock::{Clock, RealClock, Stopwatch, VirtualClock};
pub use disk::{Disk, DiskFile, DiskLock, RealDisk};
pub use net::{Call, CallDone, CallError, CommandCall, HttpCall, MailCall, Net, Reply, SimNet};
pub use rng::Rng;
pub use sim_disk::{CrashPlan, SimDisk};
pub use stop::StopSignal;
