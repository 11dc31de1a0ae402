//! The way out: its options, and the thread that delivers.

use crate::{ServerError, ServerOptions, Shared};
use bus::address::Reach;
use bus::{Handlers, RealNet};
use platform::{NextStep, Telling};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use stdx::StopSignal;
use tokio::runtime::Handle;

/// How people and programs are told.
#[derive(Debug, Clone, Default)]
pub struct TellingOptions {
    /// File that maps actions which exist in AWS only to web hooks and commands.
    pub handlers: Option<PathBuf>,
}

/// The longest that the thread sleeps: the machine's clock may jump.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Reads what the options name.
pub(crate) fn check(options: &TellingOptions) -> Result<(), String> {
    handlers(options).map(drop)
}

fn handlers(options: &TellingOptions) -> Result<Handlers, String> {
    let Some(path) = &options.handlers else { return Ok(Handlers::default()) };
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("--handlers: {shown} cannot be read: {error}"))?;
    Handlers::read(&text).map_err(|error| format!("--handlers: {shown}: {error}"))
}

/// Opens the way out.
pub(crate) fn begin(
    shared: &Shared,
    options: &ServerOptions,
    runtime: &Handle,
) -> Result<(), ServerError> {
    let reach = Reach { loopback: options.listen.ip().is_loopback() };
    let bad = |error: String| ServerError::Options(error);
    let net = RealNet::new(runtime.clone(), reach).map_err(|error| bad(error.to_string()))?;
    let handlers = handlers(&options.telling).map_err(bad)?;
    shared.platform.begin_telling(Telling { net: Arc::new(net), handlers });
    Ok(())
}

/// Delivers until the server stops. What is under way then is tried again after the next start.
pub(crate) fn deliver(shared: &Shared, stop: &StopSignal) {
    let platform = &shared.platform;
    while !stop.is_stopped() {
        let pause = match platform.delivery_step() {
            NextStep::Now => continue,
            NextStep::Soon => Duration::from_millis(5),
            NextStep::At(at_ms) => {
                let left = at_ms.saturating_sub(platform.clock().now_ms()).max(1);
                Duration::from_millis(left.unsigned_abs()).min(PAUSE_MAX)
            }
            NextStep::Woken => PAUSE_MAX,
        };
        platform.wait_for_deliveries(pause);
    }
}
