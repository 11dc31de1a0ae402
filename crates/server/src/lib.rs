//! Puts the product together: opens the platform, starts the threads, listens, and stops in order.

mod alarms;
mod backups;
mod body;
mod clients;
mod control;
mod credentials;
mod dead_letters;
mod deliveries;
#[doc(hidden)]
pub mod fuzzing;
mod identify;
mod lanes;
mod listen;
mod manage;
mod neighbours;
mod own_metrics;
mod retention;
mod sessions;
mod tls;
mod upkeep;
mod usage;

use aws_services::Services;
use aws_wire::{Gateway, Limits};
pub use deliveries::TellingOptions;
use doors::prometheus::{PrometheusDoor, PrometheusOptions};
use model::Scope;
pub use platform::saving;
pub use platform::{
    AuthMode, MemoryPlan, NewCredential, QuestionLimits, ReadLimits, RollUpTimes, SeriesLimits,
    Share, StoppedDirectory, StoreOptions, SyncMode,
};
pub use platform::{Finding, FsckError, FsckOptions, FsckReport, Outcome};
use platform::{OpenError, Platform, PlatformOptions};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use stdx::{Clock, Disk, RealClock, RealDisk, StopSignal, Stopwatch, VirtualClock};
pub use tls::{TlsError, TlsOptions};

/// How the server runs.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// Where it listens; loopback only, while everyone may come in.
    pub listen: SocketAddr,
    /// Where it keeps everything.
    pub data_dir: PathBuf,
    /// Account and region of whoever names none.
    pub default_scope: Scope,
    /// When a write counts as kept.
    pub sync: platform::SyncMode,
    /// Who may come in.
    pub auth: AuthMode,
    /// Where the key is that secrets are encrypted under; `None` is `secret.key` in the directory.
    pub key_file: Option<PathBuf>,
    /// Certificate and key; `None` serves plain HTTP.
    pub tls: Option<TlsOptions>,
    /// `None` for the machine's clock, else where the virtual one starts (milliseconds since 1970).
    pub clock_start_ms: Option<i64>,
    /// Offers `/-/clock` and `/-/reset`.
    pub test_bench: bool,
    /// Collects the metrics of the host it runs on.
    pub collect_host: bool,
    /// Name of the host in those metrics.
    pub host_name: String,
    /// Serves Prometheus' admin API, which deletes series.
    pub admin_api: bool,
    /// How metrics are kept.
    pub store: StoreOptions,
    /// Memory for each use.
    pub memory: MemoryPlan,
    /// What questions may cost.
    pub questions: QuestionLimits,
    /// How people and programs are told.
    pub telling: TellingOptions,
}

/// Why the server did not start, or did not stop well.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// An option that does not go with another.
    #[error("{0}")]
    Options(String),
    /// The data directory.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The address.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// The certificate or its key.
    #[error("TLS: {0}")]
    Tls(#[from] TlsError),
    /// A thread or signal handler could not be had.
    #[error("{what}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
}

/// What requests need; shared by all connections.
pub(crate) struct Shared {
    pub(crate) platform: Arc<Platform>,
    pub(crate) gateway: Gateway,
    pub(crate) services: Services,
    pub(crate) prometheus: PrometheusDoor,
    pub(crate) virtual_clock: Option<Arc<VirtualClock>>,
    pub(crate) test_bench: bool,
    pub(crate) requests: own_metrics::Requests,
    pub(crate) memory: MemoryPlan,
    pub(crate) clients: Arc<clients::Clients>,
    pub(crate) traffic: body::Traffic,
    pub(crate) lanes: lanes::Lanes,
    pub(crate) named: usage::Named,
    pub(crate) backups: backups::Backups,
    pub(crate) tls: Option<Arc<tls::Tls>>,
    pub(crate) hashing: identify::Hashing,
    pub(crate) sessions: sessions::Sessions,
    pub(crate) asking: listen::Asking,
    /// Requests that said who they are and were not believed.
    pub(crate) logins_refused: AtomicU64,
    pub(crate) uptime: Stopwatch,
}

/// Returns the table of AWS operations that are served and those that are known, as Markdown.
pub fn operations_table() -> String {
    aws_services::operations_table()
}

/// Opens the directory of a server that does not run, to manage who may come in.
///
/// # Errors
/// [`ServerError::Open`]: the server runs, mostly.
pub fn stopped_directory(
    data_dir: &Path,
    key_file: Option<PathBuf>,
) -> Result<StoppedDirectory, ServerError> {
    Ok(StoppedDirectory::open(data_dir, key_file, Arc::new(RealClock), Arc::new(RealDisk))?)
}

/// Checks the data directory of a server that is stopped, and mends what can be mended.
///
/// # Errors
/// [`FsckError`] when there is nothing that could be checked.
pub fn fsck(
    data_dir: &Path,
    options: FsckOptions,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<FsckReport, FsckError> {
    platform::fsck(Arc::new(RealDisk), data_dir, options, progress)
}

/// Threads for questions: those that are worked on and those that wait for their turn, which the
/// platform gives. One account cannot have all of them.
const QUESTION_THREADS_MAX: usize = 256;
/// Threads that no question takes, however many wait: logins, revocations, new certificates.
const OTHER_THREADS: usize = 64;
/// The deepest expressions that are read can be evaluated and shown within this: tests do it.
const STACK_BYTES: usize = 2 << 20;

/// Parts stay open, and a late flush may write one for each day: the usual soft limit of 1,024 files
/// is too low for a year of data, the hard limit is what the operator allows.
/// Returns how many there may be.
fn raise_file_limit() -> Option<u64> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "limit of open files could not be raised");
    }
    getrlimit(Resource::Nofile).current
}

/// More connections than this are nobody's intention.
const CONNECTIONS_MAX: u64 = 100_000;

/// Three quarters of the files that may be open: the rest is for parts and the journal.
fn connections_max(files_max: Option<u64>) -> usize {
    let max = files_max.map_or(CONNECTIONS_MAX, |max| (max / 4 * 3).clamp(16, CONNECTIONS_MAX));
    usize::try_from(max).unwrap_or(usize::MAX)
}

/// A request that is being worked on may take this long after the signal to stop.
const STOP_WAIT: Duration = Duration::from_secs(10);

impl ServerOptions {
    /// Refuses options that do not go with each other, and TLS files that cannot be used; [`run`] starts nothing with such.
    ///
    /// # Errors
    /// [`ServerError::Options`] says which, and what to write instead.
    pub fn check(&self) -> Result<(), ServerError> {
        let bad = |text: String| Err(ServerError::Options(text));
        let beyond = !self.listen.ip().is_loopback();
        if beyond && self.auth == AuthMode::Open {
            return bad(format!(
                "cannot listen on {}: with --auth open everyone who reaches the server may do \
                 everything, so it listens on loopback only (--listen 127.0.0.1:4280); make an \
                 access key (sightline keys create --role admin) and start with --auth required",
                self.listen
            ));
        }
        if beyond && self.test_bench {
            return bad(format!(
                "--test-bench lets clients move the clock and empty everything, so it listens on \
                 loopback only, not on {}",
                self.listen
            ));
        }
        if let Some(options) = &self.tls {
            tls::Tls::open(options)?;
        }
        deliveries::check(&self.telling).map_err(ServerError::Options)?;
        if self.clock_start_ms.is_some() && !self.test_bench {
            return bad(
                "--clock virtual needs --test-bench, which offers POST /-/clock to move it".into(),
            );
        }
        Ok(())
    }
}

/// Runs the server until it is told to stop (SIGINT or SIGTERM), then stops in order: no new
/// connections, requests finish, points in memory go to parts.
///
/// `announce` is called once, when the server answers, with the address it listens on.
///
/// # Errors
/// [`ServerError`] names what could not be had.
pub fn run(options: &ServerOptions, announce: impl FnOnce(SocketAddr)) -> Result<(), ServerError> {
    options.check()?;
    let connections_max = connections_max(raise_file_limit());
    let processors = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .worker_threads(2 * processors)
        .max_blocking_threads(QUESTION_THREADS_MAX + OTHER_THREADS)
        .thread_name("door")
        .thread_stack_size(STACK_BYTES)
        .build()
        .map_err(|source| ServerError::System { what: "threads cannot be started", source })?;
    // Bound before the store is read: a second start on the same port fails at once.
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind(options.listen))
        .map_err(|source| ServerError::Listen { address: options.listen, source })?;
    let address = listener
        .local_addr()
        .map_err(|source| ServerError::Listen { address: options.listen, source })?;

    let virtual_clock = options.clock_start_ms.map(|at| Arc::new(VirtualClock::starting_at(at)));
    let clock: Arc<dyn Clock> = match &virtual_clock {
        Some(clock) => clock.clone(),
        None => Arc::new(RealClock),
    };
    let platform_options = PlatformOptions {
        data_dir: options.data_dir.clone(),
        default_scope: options.default_scope.clone(),
        sync: options.sync,
        auth: options.auth,
        key_file: options.key_file.clone(),
        store: options.store,
        questions: options.questions,
    };
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let platform = Arc::new(Platform::open(&platform_options, clock, disk)?);
    let shared = Arc::new(Shared {
        gateway: Gateway::new(aws_services::served(), Limits::default()),
        services: Services::new(platform.clone()),
        prometheus: PrometheusDoor::with_options(
            platform.clone(),
            PrometheusOptions { admin_api: options.admin_api, ..PrometheusOptions::default() },
        ),
        platform: platform.clone(),
        virtual_clock,
        test_bench: options.test_bench,
        requests: own_metrics::Requests::default(),
        memory: options.memory,
        clients: Arc::new(clients::Clients::new(connections_max)),
        traffic: body::Traffic::new(options.memory.bodies, options.memory.answers),
        lanes: lanes::Lanes::new(processors),
        named: usage::Named::default(),
        backups: backups::Backups::default(),
        tls: options.tls.as_ref().map(tls::Tls::open).transpose()?.map(Arc::new),
        hashing: identify::Hashing::default(),
        sessions: sessions::Sessions::default(),
        asking: listen::Asking::new(QUESTION_THREADS_MAX, {
            let platform = platform.clone();
            move || platform.wake_questions()
        }),
        logins_refused: AtomicU64::new(0),
        uptime: Stopwatch::start(),
    });

    deliveries::begin(&shared, options, address, runtime.handle())?;
    let stop = StopSignal::new();
    let threads = upkeep::start(&shared, options, &stop)?;
    let stopped = runtime.block_on(async {
        let signals = listen::stop_signals()
            .map_err(|source| ServerError::System { what: "signals cannot be caught", source })?;
        warn_of_gaps(options, &platform);
        if let Some(tls) = &shared.tls {
            tokio::spawn(tls.clone().watch());
        }
        announce(address);
        listen::serve(listener, shared.clone(), signals, STOP_WAIT).await;
        Ok(())
    });
    shared.backups.finish();
    tracing::info!("stopping: writing what is in memory into parts");
    threads.finish(&stop, &platform);
    // A question that still computes has had its time; everything that was written is kept.
    runtime.shutdown_background();
    stopped
}

/// Says what works and should not stay so.
fn warn_of_gaps(options: &ServerOptions, platform: &Platform) {
    if options.auth == AuthMode::Required
        && !platform.credentials().has_admin(options.default_scope.account)
    {
        tracing::warn!(
            account = %options.default_scope.account,
            "--auth required, and nobody is an admin: stop it and make a key with `sightline keys \
             create --role admin`"
        );
    }
    if !options.listen.ip().is_loopback() && options.tls.is_none() {
        tracing::warn!(
            address = %options.listen,
            "LISTENING BEYOND THIS MACHINE WITHOUT TLS: secrets of bearer and basic authentication \
             and all data can be read on the way; give --tls-cert and --tls-key, or put a proxy with TLS \
             before it"
        );
    }
}
