//! Prometheus: remote write 1.0 in, and the HTTP API that reads.
//!
//! Sources: Prometheus remote write 1.0 specification; Prometheus documentation, "HTTP API".

mod admin;
mod answer;
mod caller;
mod exemplar_query;
mod exemplar_write;
mod form;
mod listing;
mod nothing;
mod query;
mod refused;
mod result;
mod routes;
mod status;
mod tree;
mod write;

use answer::Failure;
use bytes::Bytes;
use caller::Caller;
use form::Params;
use http::request::Parts;
use http::{Method, Response};
use platform::{LoginError, Platform};
use routes::Route;
use std::sync::Arc;

pub use write::{LABELS_MAX, NAME_BYTES_MAX, VALUE_BYTES_MAX};

/// How much the door takes and gives.
#[derive(Debug, Clone, Copy)]
pub struct PrometheusOptions {
    /// Bodies longer than this are refused with 413; whoever reads them off a socket can stop there.
    pub body_bytes_max: usize,
    /// Bodies that unpack to more than this are refused with 413.
    pub unpacked_bytes_max: usize,
    /// Answers longer than this, before they are packed, are refused with 422.
    pub answer_bytes_max: usize,
    /// Serves what changes the store: `/api/v1/admin/tsdb/delete_series` and `clean_tombstones`.
    pub admin_api: bool,
}

impl Default for PrometheusOptions {
    fn default() -> Self {
        Self {
            body_bytes_max: 32 << 20,
            unpacked_bytes_max: 128 << 20,
            answer_bytes_max: 256 << 20,
            admin_api: false,
        }
    }
}

/// The door for clients of Prometheus.
#[derive(Debug)]
pub struct PrometheusDoor {
    platform: Arc<Platform>,
    options: PrometheusOptions,
    opened_at_ms: i64,
}

impl PrometheusDoor {
    /// Opens the door with the usual limits.
    pub fn new(platform: Arc<Platform>) -> Self {
        Self::with_options(platform, PrometheusOptions::default())
    }

    /// Opens the door.
    pub fn with_options(platform: Arc<Platform>, options: PrometheusOptions) -> Self {
        let opened_at_ms = platform.clock().now_ms();
        Self { platform, options, opened_at_ms }
    }

    /// Returns the limits.
    pub fn options(&self) -> &PrometheusOptions {
        &self.options
    }

    /// Says whether a request is for this door: everything below `/api/v1/`.
    pub fn claims(&self, parts: &Parts) -> bool {
        parts.uri.path().starts_with(routes::PREFIX)
    }

    /// Refuses a request whose sender brought no credentials (`None`) or none that are good.
    pub fn refuse(&self, error: Option<LoginError>) -> Response<Bytes> {
        let failure = match error {
            None => Failure::Unauthorized(caller::NO_CREDENTIALS.into()),
            Some(error @ LoginError::Wrong) => Failure::Unauthorized(error.to_string()),
            Some(error @ LoginError::Slow { wait_ms }) => {
                let wait_s = u64::try_from(wait_ms).unwrap_or_default().div_ceil(1_000);
                Failure::Slow { text: error.to_string(), wait_s }
            }
        };
        failure.as_json()
    }

    /// Answers a request of whom the [`Principal`](model::Principal) among its extensions says who
    /// they are, or, with `--auth open`, of anybody: a question at once and on this thread, a write when its samples survive a
    /// crash, on the thread that commits them.
    ///
    /// `done` is called once, unless the platform goes away before a write is decided.
    pub fn handle(
        &self,
        parts: &Parts,
        body: Bytes,
        done: impl FnOnce(Response<Bytes>) + Send + 'static,
    ) {
        let route = Route::of(parts.uri.path());
        if let Some(allow) = route.refuses(&parts.method) {
            return done(Failure::Method { allow }.as_json());
        }
        if let Route::Write = route {
            return write::write(self, parts, body, done);
        }
        if let Some(act) = route.act() {
            return done(match self.asked(parts, &body).and_then(|asked| act(&asked)) {
                Ok(()) => answer::done(),
                Err(failure) => failure.as_json(),
            });
        }
        done(match self.ask(route, parts, &body) {
            Ok(data) => data.into_response(parts),
            Err(failure) => failure.as_json(),
        });
    }

    fn asked(&self, parts: &Parts, body: &[u8]) -> Result<Asked<'_>, Failure> {
        let form = matches!(parts.method, Method::POST | Method::PUT);
        let params = Params::read(parts, if form { body } else { b"" })?;
        let caller = Caller::of(&self.platform, parts)?;
        Ok(Asked { door: self, caller, params })
    }

    fn ask(&self, route: Route<'_>, parts: &Parts, body: &[u8]) -> Result<answer::Data, Failure> {
        let asked = self.asked(parts, body)?;
        match route {
            Route::Write | Route::DeleteSeries | Route::CleanTombstones | Route::Snapshot => {
                unreachable!("these are no questions")
            }
            Route::Query => query::instant(&asked),
            Route::QueryRange => query::range(&asked),
            Route::Series => listing::series(&asked),
            Route::Labels => listing::labels(&asked),
            Route::LabelValues(name) => listing::label_values(&asked, name),
            Route::Metadata => listing::metadata(&asked),
            Route::Told { tell, .. } => tell(&asked),
            Route::NotServed => Err(Failure::NotFound("not served yet")),
            Route::Unknown => Err(Failure::NotFound("no such path")),
        }
    }
}

/// Answers a question that has no parameters in its path.
type Tell = fn(&Asked<'_>) -> Result<answer::Data, Failure>;

/// Something that is done and has no answer but that it is done.
type Act = fn(&Asked<'_>) -> Result<(), Failure>;

/// A question: who asks, and with which parameters.
struct Asked<'a> {
    door: &'a PrometheusDoor,
    caller: Caller,
    params: Params,
}

impl<'a> Asked<'a> {
    fn platform(&self) -> &'a Platform {
        &self.door.platform
    }
}
