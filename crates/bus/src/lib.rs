//! How people and programs are told.
//!
//! A [`Notice`] says what happened and to whom it goes. The crate decides what a receiver gets
//! ([`Handlers`], [`template`]), when what failed is tried again ([`RetryPolicy`]) and what may be
//! sent to at all ([`address`]); [`RealNet`] is the hand that reaches out. It keeps nothing: the
//! outbox is the platform's.
//!
//! ```
//! use bus::Handlers;
//!
//! let handlers = Handlers::read(
//!     "[[handler]]\nname = 'reboot'\nmatch = 'arn:aws:automate:*:ec2:reboot'\ncommand = ['/usr/local/bin/reboot']",
//! )?;
//! assert!(handlers.of_target("arn:aws:automate:us-east-1:ec2:reboot").is_some());
//! assert!(handlers.of_target("arn:aws:automate:us-east-1:ec2:stop").is_none());
//! # Ok::<(), bus::HandlersError>(())
//! ```

pub mod address;
mod event;
mod handlers;
mod notice;
mod real_net;
mod retry;
pub mod template;

pub use handlers::{Handler, Handlers, HandlersError};
pub use notice::{
    AlarmSaid, ConfirmSaid, MessageAttribute, Notice, Outcome, PublishedMessage, Said, uuid_of,
    uuid_of_random,
};
pub use real_net::{NetError, RealNet, shown};
pub use retry::{BackOff, RetryPolicy, RetryPolicyError};
