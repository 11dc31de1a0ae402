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

mod action;
pub mod address;
mod event;
pub mod filter;
mod handlers;
mod mail;
mod notice;
mod queue;
mod real_net;
mod retry;
mod sign;
mod smtp;
mod sns_message;
pub mod template;

pub use action::{check_action, is_action_on_instance, is_topic};
pub use handlers::{Handler, Handlers, HandlersError};
pub use mail::{Mail, Paragraph};
pub use notice::{
    AlarmSaid, ConfirmSaid, MessageAttribute, Notice, Outcome, PublishedMessage, Said, uuid_of,
    uuid_of_random,
};
pub use queue::Queues;
pub use real_net::{HttpCallParts, NetError, RealNet, shown};
pub use retry::{BackOff, RetryPolicy, RetryPolicyError, content_type_of_policy};
pub use sign::{KeptSigningKey, SignatureVersion, SigningKey, SigningKeyError};
pub use smtp::{SmtpServer, check_sender};
pub use sns_message::{MessageType, SnsMessage};
