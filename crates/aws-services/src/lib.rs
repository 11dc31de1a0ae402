//! AWS operations as translations: what a request means in the platform's verbs, and what its
//! answer looks like. One file for each operation.
//!
//! ```
//! use aws_services::{Answer, Services};
//! use aws_wire::{Gateway, Limits};
//!
//! // A port makes one gateway of what is served, and hands its requests to one `Services`.
//! let gateway = Gateway::new(aws_services::served(), Limits::default());
//! assert!(gateway.served().iter().any(|s| s.operations.contains(&"PutMetricData")));
//! # fn answer(services: &Services, request: &aws_wire::Request) {
//! services.handle(request, |answer: Answer| drop(answer));
//! # }
//! ```
//!
//! It knows no socket and is not async: reads answer before [`Services::handle`] returns, writes
//! answer on the thread that made them durable.

pub mod audited;
mod caller;
mod cloudwatch;
mod fault;
mod operations;
mod sns;
mod spent;
mod sts;

pub use caller::{SigningKeys, is_read_only, principal};
pub use cloudwatch::alarms::read_alarm;
pub use operations::{operations_table, served};

use aws_wire::token::PageTokens;
use aws_wire::{Request, Response, ServiceError, Struct};
use caller::Caller;
use platform::Platform;
use std::sync::Arc;

/// What [`respond`] takes: the output, or the error.
pub type Answer = Result<Option<Struct<'static>>, ServiceError>;

/// Writes an answer as its protocol has it; a picture that was asked for as such is the whole body.
pub fn respond(request: &Request, mut answer: Answer) -> Response {
    if request.operation.name == "GetMetricWidgetImage"
        && let Some(picture) = cloudwatch::get_metric_widget_image::take_raw(request, &mut answer)
    {
        return request.respond_raw(cloudwatch::get_metric_widget_image::RAW, picture);
    }
    request.respond(answer)
}

/// Takes an answer when there is one.
pub(crate) type Done = Box<dyn FnOnce(Answer) + Send>;

/// All operations that are served, over one platform.
#[derive(Debug)]
pub struct Services {
    platform: Arc<Platform>,
    tokens: PageTokens,
    spent: spent::Spent,
}

impl Services {
    /// Serves `platform`. Page tokens are signed with its secret, so they outlive restarts.
    pub fn new(platform: Arc<Platform>) -> Self {
        let tokens = PageTokens::new(platform.page_secret());
        Self { platform, tokens, spent: spent::Spent::default() }
    }

    /// Does what a request asks and calls `done` exactly once: before this returns, or later on
    /// the thread that commits writes. `done` should therefore only pass the answer on.
    pub fn handle(&self, request: &Request, done: impl FnOnce(Answer) + Send + 'static) {
        let caller = Caller::of(&self.platform, request)
            .and_then(|caller| caller.check(&self.platform, request).map(|()| caller));
        let caller = match caller {
            Ok(caller) => caller,
            Err(refused) => return done(Err(refused)),
        };
        match (request.service.name, request.operation.name) {
            ("cloudwatch", "PutMetricData") => {
                cloudwatch::put_metric_data::handle(self, &caller, request, Box::new(done));
            }
            (service, operation) => done(self.read(service, operation, &caller, request)),
        }
    }

    fn read(&self, service: &str, operation: &str, caller: &Caller, request: &Request) -> Answer {
        match (service, operation) {
            ("cloudwatch", "ListMetrics") => {
                cloudwatch::list_metrics::handle(self, caller, request)
            }
            ("cloudwatch", "GetMetricStatistics") => {
                cloudwatch::get_metric_statistics::handle(self, caller, request)
            }
            ("cloudwatch", "GetMetricData") => {
                cloudwatch::get_metric_data::handle(self, caller, request)
            }
            ("cloudwatch", "GetMetricWidgetImage") => {
                cloudwatch::get_metric_widget_image::handle(self, caller, request)
            }
            ("sns", operation) => sns::handle(self, operation, caller, request),
            ("cloudwatch", operation) => cloudwatch::alarm(self, operation, caller, request),
            ("sts", "GetCallerIdentity") => sts::get_caller_identity::handle(caller, request),
            _ => Err(ServiceError::unsupported(request.service, operation)),
        }
    }
}
