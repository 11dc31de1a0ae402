//! `sightline serve` and `sightline config check`.

use crate::config::{FileOptions, read_file, usage};
use crate::limits::{self, LimitArguments, LimitOptions};
use crate::print;
use clap::Args;
use jiff::{SignedDuration, Timestamp};
use model::{AccountId, Scope};
use server::{AuthMode, RollUpTimes, ServerOptions, StoreOptions, TellingOptions, TlsOptions};
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Options of the server. Each may also stand in the file (without dashes) and in the environment.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ServeArguments {
    /// Address to listen on; beyond loopback only with --auth required [default: 127.0.0.1:4280]
    #[arg(long, value_name = "ADDR", env = "SIGHTLINE_LISTEN")]
    listen: Option<String>,
    /// Directory that keeps everything [default: data]
    #[arg(long, value_name = "DIR", env = "SIGHTLINE_DATA")]
    data: Option<String>,
    /// Account of whoever names none: twelve digits [default: 000000000000]
    #[arg(long, value_name = "ID", env = "SIGHTLINE_ACCOUNT")]
    account: Option<String>,
    /// Region of whoever names none [default: AWS_REGION, else us-east-1]
    #[arg(long, value_name = "NAME", env = "SIGHTLINE_REGION")]
    region: Option<String>,
    /// When a write counts as kept: always (survives power loss), interval:<ms> or os (survive
    /// kill -9; power loss can take the last interval, or what the kernel had not written)
    /// [default: always]
    #[arg(long, value_name = "MODE", env = "SIGHTLINE_SYNC")]
    sync: Option<String>,
    /// Who may come in: open (everyone who reaches the server, on loopback only) or required
    /// (whoever has an access key, a password or a token) [default: open]
    #[arg(long, value_name = "MODE", env = "SIGHTLINE_AUTH")]
    auth: Option<String>,
    /// File with the key that secrets are encrypted under [default: secret.key in the directory]
    #[arg(long, value_name = "FILE", env = "SIGHTLINE_KEY_FILE")]
    key_file: Option<String>,
    /// Certificate of the server, in PEM; it is read again when it changes, and on SIGHUP
    #[arg(long, value_name = "FILE", env = "SIGHTLINE_TLS_CERT")]
    tls_cert: Option<String>,
    /// Its private key, in PEM
    #[arg(long, value_name = "FILE", env = "SIGHTLINE_TLS_KEY")]
    tls_key: Option<String>,
    /// Let in only clients with a certificate that one of these authorities has signed, in PEM;
    /// they need credentials all the same
    #[arg(long, value_name = "FILE", env = "SIGHTLINE_TLS_CLIENT_CA")]
    tls_client_ca: Option<String>,
    /// Which clock to go by: real or virtual (moves when told, needs --test-bench) [default: real]
    #[arg(long, value_name = "MODE", env = "SIGHTLINE_CLOCK")]
    clock: Option<String>,
    /// Where the virtual clock starts, such as 2026-01-01T00:00:00Z
    #[arg(long, value_name = "TIME", env = "SIGHTLINE_CLOCK_START")]
    clock_start: Option<String>,
    /// Offer GET and POST /-/clock and POST /-/reset
    #[arg(long, env = "SIGHTLINE_TEST_BENCH", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    test_bench: Option<bool>,
    /// Collect this host's metrics into the namespace CWAgent, every 10 s
    /// [default: true, false on a virtual clock]
    #[arg(long, env = "SIGHTLINE_COLLECT_HOST", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    collect_host: Option<bool>,
    /// This host's name in its metrics [default: what the system says]
    #[arg(long, value_name = "NAME", env = "SIGHTLINE_HOST_NAME")]
    host_name: Option<String>,
    /// How long raw points are kept, in days [default: 90d]
    #[arg(long, value_name = "DAYS", env = "SIGHTLINE_RETENTION")]
    retention: Option<String>,
    /// How long roll-ups of 5 minutes are kept, in days [default: 455d, or as --retention]
    #[arg(long = "retention-5m", value_name = "DAYS", env = "SIGHTLINE_RETENTION_5M")]
    retention_5m: Option<String>,
    /// How long roll-ups of an hour are kept, in days [default: 455d, or as --retention-5m]
    #[arg(long = "retention-1h", value_name = "DAYS", env = "SIGHTLINE_RETENTION_1H")]
    retention_1h: Option<String>,
    #[command(flatten)]
    limits: LimitArguments,
    /// Serve Prometheus' admin API, which deletes series (/api/v1/admin/tsdb/) [default: false]
    #[arg(long, env = "SIGHTLINE_ADMIN_API", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    admin_api: Option<bool>,
    /// File that maps actions which exist in AWS only (EC2, Lambda, ...) to web hooks and commands
    #[arg(long, value_name = "FILE", env = "SIGHTLINE_HANDLERS")]
    handlers: Option<String>,
    /// What links in messages begin with, such as https://sightline.example.com
    /// [default: the address that is listened on]
    #[arg(long, value_name = "URL", env = "SIGHTLINE_EXTERNAL_URL")]
    external_url: Option<String>,
    /// Server that takes mail: smtp://USER:PASSWORD@HOST:PORT (STARTTLS; ?tls=none or opportunistic where
    /// it must be) or smtps://; better in the environment or the file than on the line
    #[arg(long, value_name = "URL", env = "SIGHTLINE_SMTP_URL", hide_env_values = true)]
    smtp_url: Option<String>,
    /// Authorities in PEM that may have signed the certificate of the server of mail, beside those that
    /// the system trusts
    #[arg(long, value_name = "FILE", env = "SIGHTLINE_SMTP_CA")]
    smtp_ca: Option<String>,
    /// Whom mail is from, such as "Sightline <alarms@example.com>"
    #[arg(long, value_name = "ADDRESS", env = "SIGHTLINE_MAIL_FROM")]
    mail_from: Option<String>,
    /// Server of queues that topics may send to: http://KEYID:SECRET@HOST; better in the environment or
    /// the file than on the line
    #[arg(long, value_name = "URL", env = "SIGHTLINE_SQS_URL", hide_env_values = true)]
    sqs_url: Option<String>,
    /// File with these options, in TOML; flags and environment win over it
    #[arg(long, value_name = "FILE", env = "SIGHTLINE_CONFIG")]
    config: Option<PathBuf>,
}

const EXAMPLES: &str = "Examples:
  sightline serve
  sightline serve --listen 127.0.0.1:9000 --data /var/lib/sightline --region eu-west-1
  sightline serve --listen 0.0.0.0:4280 --auth required --tls-cert cert.pem --tls-key key.pem
  sightline serve --test-bench --clock virtual --clock-start 2026-01-01T00:00:00Z --data /tmp/bench
  sightline serve --config /etc/sightline.toml       (listen = \"127.0.0.1:4280\", sync = \"always\", ...)";

const DAY_MS: i64 = 86_400_000;

/// Puts the layers together and checks each value.
fn options(arguments: &ServeArguments) -> anyhow::Result<ServerOptions> {
    let file = match &arguments.config {
        Some(path) => read_file(path)?,
        None => FileOptions::default(),
    };
    let pick = |flag: &Option<String>, file: &Option<String>| flag.clone().or_else(|| file.clone());
    let listen = pick(&arguments.listen, &file.listen).unwrap_or_else(|| "127.0.0.1:4280".into());
    let listen: SocketAddr = listen.parse().map_err(|_| {
        usage(format!("--listen {listen:?} must be an address and a port, such as 127.0.0.1:4280"))
    })?;
    let account = match pick(&arguments.account, &file.account) {
        Some(text) => text.parse().map_err(|e| usage(format!("--account {text:?}: {e}")))?,
        None => AccountId::DEFAULT,
    };
    let region = pick(&arguments.region, &file.region)
        .or_else(|| std::env::var("AWS_REGION").ok().filter(|r| !r.is_empty()))
        .unwrap_or_else(|| "us-east-1".into());
    let region_ok = (1..=64).contains(&region.len())
        && region.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !region_ok {
        return Err(usage(format!(
            "--region {region:?} must be 1 to 64 letters, digits and dashes"
        )));
    }
    let sync = match pick(&arguments.sync, &file.sync) {
        Some(text) => text.parse().map_err(|e| usage(format!("--sync {text:?}: {e}")))?,
        None => server::SyncMode::Always,
    };
    let auth = match pick(&arguments.auth, &file.auth) {
        Some(text) => text.parse().map_err(|e: String| usage(e))?,
        None => AuthMode::Open,
    };
    let tls = match (
        pick(&arguments.tls_cert, &file.tls_cert),
        pick(&arguments.tls_key, &file.tls_key),
        pick(&arguments.tls_client_ca, &file.tls_client_ca),
    ) {
        (Some(cert), Some(key), client_ca) => Some(TlsOptions {
            cert: cert.into(),
            key: key.into(),
            client_ca: client_ca.map(Into::into),
        }),
        (None, None, None) => None,
        (None, None, Some(_)) => {
            return Err(usage("--tls-client-ca needs --tls-cert and --tls-key"));
        }
        _ => return Err(usage("--tls-cert and --tls-key need each other")),
    };
    let clock_start = pick(&arguments.clock_start, &file.clock_start);
    let clock_start_ms = match pick(&arguments.clock, &file.clock).as_deref() {
        None | Some("real") => match clock_start {
            None => None,
            Some(_) => return Err(usage("--clock-start needs --clock virtual")),
        },
        Some("virtual") => {
            let text = clock_start.ok_or_else(|| {
                usage("--clock virtual needs --clock-start, such as 2026-01-01T00:00:00Z")
            })?;
            let at: Timestamp =
                text.parse().map_err(|e| usage(format!("--clock-start {text:?}: {e}")))?;
            Some(at.as_millisecond())
        }
        Some(other) => {
            return Err(usage(format!("--clock must be real or virtual, not {other:?}")));
        }
    };
    let kept = |name: &str, text: Option<String>, at_least: i64, default: i64| match text {
        None => Ok(default.max(at_least)),
        Some(text) => days(&text).filter(|ms| *ms >= at_least).ok_or_else(|| {
            let least = at_least / DAY_MS;
            usage(format!("--{name} {text:?} must be days, {least}d to 36500d"))
        }),
    };
    let defaults = StoreOptions::default();
    let raw = pick(&arguments.retention, &file.retention);
    let retention_ms = kept("retention", raw, DAY_MS, defaults.retention_ms)?;
    let five_minutes = pick(&arguments.retention_5m, &file.retention_5m);
    let default = defaults.rollups.five_minutes_ms;
    // A coarser form is kept as long as a finer one, or longer.
    let five_minutes_ms = kept("retention-5m", five_minutes, retention_ms, default)?;
    let hour = pick(&arguments.retention_1h, &file.retention_1h);
    let hour_ms = kept("retention-1h", hour, five_minutes_ms, defaults.rollups.hour_ms)?;
    let LimitOptions { memory, series, exemplars_max, questions } =
        limits::options(&arguments.limits, &file)?;
    let options = ServerOptions {
        listen,
        data_dir: pick(&arguments.data, &file.data).unwrap_or_else(|| "data".into()).into(),
        default_scope: Scope { account, region },
        sync,
        auth,
        key_file: pick(&arguments.key_file, &file.key_file).map(Into::into),
        tls,
        clock_start_ms,
        test_bench: arguments.test_bench.or(file.test_bench).unwrap_or(false),
        collect_host: arguments
            .collect_host
            .or(file.collect_host)
            .unwrap_or(clock_start_ms.is_none()),
        host_name: pick(&arguments.host_name, &file.host_name).unwrap_or_else(host_name),
        admin_api: arguments.admin_api.or(file.admin_api).unwrap_or(false),
        store: StoreOptions {
            retention_ms,
            rollups: RollUpTimes { five_minutes_ms, hour_ms },
            series,
            exemplars_max,
            memory_bytes_max: usize::try_from(memory.store).unwrap_or(usize::MAX),
            block_cache_bytes: memory.blocks,
            ..StoreOptions::default()
        },
        memory,
        questions,
        telling: TellingOptions {
            handlers: pick(&arguments.handlers, &file.handlers).map(Into::into),
            external_url: pick(&arguments.external_url, &file.external_url),
            smtp_url: pick(&arguments.smtp_url, &file.smtp_url),
            smtp_ca: pick(&arguments.smtp_ca, &file.smtp_ca).map(Into::into),
            mail_from: pick(&arguments.mail_from, &file.mail_from),
            sqs_url: pick(&arguments.sqs_url, &file.sqs_url),
        },
    };
    // Here, so that `config check` refuses what `serve` would.
    options.check().map_err(|error| usage(error.to_string()))?;
    Ok(options)
}

fn days(text: &str) -> Option<i64> {
    let days: i64 = text.strip_suffix('d').unwrap_or(text).parse().ok()?;
    (1..=36_500).contains(&days).then(|| days * DAY_MS)
}

fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

fn describe(options: &ServerOptions) -> String {
    let clock = match options.clock_start_ms {
        None => "real".to_owned(),
        Some(at) => format!(
            "virtual, from {}",
            Timestamp::from_millisecond(at).map(|t| t.to_string()).unwrap_or_default()
        ),
    };
    let key_file = match &options.key_file {
        Some(path) => path.display().to_string(),
        None => options.data_dir.join("secret.key").display().to_string(),
    };
    let tls = match &options.tls {
        None => "no".to_owned(),
        Some(TlsOptions { cert, key, client_ca: None }) => {
            format!("{} with {}", cert.display(), key.display())
        }
        Some(TlsOptions { cert, key, client_ca: Some(authority) }) => format!(
            "{} with {}, for clients of {}",
            cert.display(),
            key.display(),
            authority.display()
        ),
    };
    let limits = LimitOptions {
        memory: options.memory,
        series: options.store.series,
        exemplars_max: options.store.exemplars_max,
        questions: options.questions,
    };
    let in_days = |ms: i64| SignedDuration::from_millis(ms).as_hours() / 24;
    let retention = in_days(options.store.retention_ms);
    let rollups = options.store.rollups;
    let (five_minutes, hour) = (in_days(rollups.five_minutes_ms), in_days(rollups.hour_ms));
    format!(
        "listen        {}\ndata          {}\naccount       {}\nregion        {}\nsync          {}\n\
         auth          {}\nkey-file      {key_file}\ntls           {tls}\nclock         {clock}\ntest-bench    {}\ncollect-host  {}\n\
         host-name     {}\nretention     {retention}d, 5m {five_minutes}d, 1h {hour}d\nadmin-api     {}\n{}{}",
        options.listen,
        options.data_dir.display(),
        options.default_scope.account,
        options.default_scope.region,
        options.sync,
        options.auth,
        options.test_bench,
        options.collect_host,
        options.host_name,
        options.admin_api,
        telling(&options.telling),
        limits.describe(),
    )
}

/// Addresses may hold passwords: only that they are there is shown.
fn telling(options: &TellingOptions) -> String {
    let given = |option: &Option<String>| if option.is_some() { "given" } else { "no" };
    let path = |option: &Option<PathBuf>| match option {
        Some(path) => path.display().to_string(),
        None => "no".to_owned(),
    };
    format!(
        "handlers      {}\nexternal-url  {}\nsmtp-url      {}\nsmtp-ca       {}\nmail-from     {}\nsqs-url       {}\n",
        path(&options.handlers),
        options.external_url.as_deref().unwrap_or("the address that is listened on"),
        given(&options.smtp_url),
        path(&options.smtp_ca),
        options.mail_from.as_deref().unwrap_or("no"),
        given(&options.sqs_url),
    )
}

pub(crate) fn check(arguments: &ServeArguments) -> anyhow::Result<()> {
    print::text(&describe(&options(arguments)?))
}

pub(crate) fn serve(arguments: &ServeArguments) -> anyhow::Result<()> {
    let options = options(arguments)?;
    let filter = tracing_subscriber::EnvFilter::try_from_env("SIGHTLINE_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    tracing::info!(data = %options.data_dir.display(), sync = %options.sync, "starting");
    server::run(&options, |address| announce(&options, address))?;
    tracing::info!("stopped");
    Ok(())
}

/// What a person needs next: where to look and what to type.
fn announce(options: &ServerOptions, address: SocketAddr) {
    let Scope { account, region } = &options.default_scope;
    let scheme = if options.tls.is_some() { "https" } else { "http" };
    let what = if options.collect_host { "CWAgent" } else { "Sightline" };
    let clients = match options.auth {
        AuthMode::Open => "any key is taken; a key id of twelve digits selects that account",
        AuthMode::Required => "sign with an access key: `sightline keys create`",
    };
    let try_it = match options.auth {
        AuthMode::Open => format!(
            "  AWS_ACCESS_KEY_ID={account} AWS_SECRET_ACCESS_KEY=any AWS_DEFAULT_REGION={region} \\\n\
             \x20 aws --endpoint-url {scheme}://{address} cloudwatch list-metrics --namespace {what}\n"
        ),
        AuthMode::Required => {
            format!("  SIGHTLINE_TOKEN=... sightline query --url {scheme}://{address} -n {what}\n")
        }
    };
    let text = format!(
        "\nSightline {} answers on {scheme}://{address}\n\
         \n  AWS clients   {clients}\n\
         \x20               (now account {account}, region {region})\n\
         \x20 Prometheus    remote_write url {scheme}://{address}/api/v1/write\n\
         \x20 Health        {scheme}://{address}/-/ready    own metrics {scheme}://{address}/metrics\n\
         \nTry, in another terminal:\n\n{try_it}\n",
        env!("CARGO_PKG_VERSION"),
    );
    // Nobody may be reading; the server runs all the same.
    let _ = print::text(&text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Only {
        #[command(flatten)]
        serve: ServeArguments,
    }

    fn options_of(flags: &[&str]) -> anyhow::Result<ServerOptions> {
        options(&Only::try_parse_from([&["serve"], flags].concat())?.serve)
    }

    #[test]
    fn flags_are_checked_with_a_hint() {
        let options =
            options_of(&["--account", "123456789012", "--test-bench", "--retention=7d"]).unwrap();
        assert!(options.test_bench && options.collect_host);
        assert_eq!(options.store.retention_ms, 7 * DAY_MS);
        options_of(&["--listen", "0.0.0.0:4280", "--auth", "required"]).unwrap();
        let virtual_clock =
            ["--clock", "virtual", "--clock-start", "2026-01-01T00:00:00Z", "--test-bench"];
        let options = options_of(&virtual_clock).unwrap();
        assert_eq!(options.clock_start_ms, Some(1_767_225_600_000));
        assert!(!options.collect_host, "off on a virtual clock");
        for flags in [&["--collect-host", "false"][..], &["--collect-host=false", "--test-bench"]] {
            assert!(!options_of(flags).unwrap().collect_host);
        }
        for bad in [
            &["--account", "1"][..],
            &["--listen", "4280"],
            &["--listen", "0.0.0.0:4280"],
            &["--test-bench", "--listen", "0.0.0.0:4280", "--auth", "required"],
            &["--clock", "virtual", "--clock-start", "2026-01-01T00:00:00Z"],
            &["--sync", "never"],
            &["--auth", "maybe"],
            &["--tls-cert", "cert.pem"],
            &["--tls-client-ca", "ca.pem"],
            &["--clock", "virtual"],
            &["--clock-start", "2026-01-01T00:00:00Z"],
            &["--retention", "0d"],
            &["--region", "a b"],
        ] {
            let error = options_of(bad).unwrap_err().to_string();
            assert!(error.contains(bad[0]), "{error}");
        }
    }
}
