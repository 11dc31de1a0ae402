//! What operators write, and what the catalog keeps.

use crate::{http_text, world};
use catalog::{Catalog, Change, RedbCatalog};
use model::{AccountId, Principal, Scope};
use platform::{LoginStep, Presented, TimeLimits};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use stdx::{CrashPlan, Disk, SimDisk};

// The configuration file belongs to a program, which nobody can use as a library.
#[path = "../../../cli/src/config.rs"]
#[expect(dead_code, reason = "only the form of the file is of interest")]
mod cli_config;

pub(super) const CONFIG_WORDS: &[&[u8]] = &[
    b"listen = ",
    b"data = ",
    b"account = '000000000000'\n",
    b"test-bench = true\n",
    b"clock-start = ",
    b"\"\"\"",
    b"'''",
    b"[a.b]\n",
    b"[[a]]\n",
    b"{ a = 1, b = [1, 2] }",
    b"2015-07-01T20:10:51.781Z",
    b"0x1f",
    b"\\u00e9",
    b"#",
    b"[[[[[[[[[[[[",
    b"a.b.c.d = 1\n",
];

pub(super) const CONTROL_WORDS: &[&[u8]] = &[
    b"{\"advance\":\"",
    b"{\"to\":\"",
    b"\"}",
    b"60s",
    b"PT1H",
    b"P1Y",
    b"9999999999999h",
    b"2026-01-01T00:00:00Z",
    b"[UTC]",
    b"-9999-01-02",
    b"\\u0000",
    b"[[[[[[[[[[[[[[[[[[[[[[",
];

pub(super) const HOST_WORDS: &[&[u8]] = &[
    b"\nhost: ",
    b"\norigin: http://",
    b"localhost",
    b".localhost",
    b"127.0.0.1",
    b"[::1]",
    b"[::ffff:127.0.0.1]",
    b":4280",
    b"logs.",
    b"streaming-",
    b"evil.example",
    b"@",
    b".",
    b"%",
    b"null",
];

pub(super) const CATALOG_WORDS: &[&[u8]] = &[
    b"tenants\n",
    b"org-names\n",
    b"metric-metadata\n",
    b"entities\n",
    b"access-keys\n",
    b"users\n",
    b"tokens\n",
    b"\"account\":\"123456789012\",\"role\":\"admin\",\"created_ms\":0,",
    b"\"secret\":{\"under\":\"\",\"nonce\":\"00\",\"text\":\"00\"}",
    b"\"revoked_ms\":9223372036854775807,",
    b"123456789012/us-east-1\n",
    b"00000001/up\n",
    b"\xff\xff\xff\xff",
    b"{\"type\":\"counter\",\"help\":\"\",\"unit\":\"\"}",
    b"{\"namespace\":\"\",\"name\":\"\",\"dimensions\":[],\"entity\":{\"key_attributes\":{},\"attributes\":{}}}",
];

/// A configuration file.
pub(super) fn config(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Err(error) = toml::from_str::<cli_config::FileOptions>(text) {
        let shown = error.to_string();
        assert!(shown.contains("line") || !error.message().is_empty(), "{shown}");
    }
}

/// The body of `POST /-/clock`.
pub(super) fn control(input: &[u8]) {
    if let Err(why) = server::fuzzing::read_clock_step(input) {
        assert!(!why.is_empty());
    }
}

/// `Host` and `Origin`: whoever comes in is of this machine.
pub(super) fn host(input: &[u8]) {
    let Some((parts, _)) = http_text::parse(input) else { return };
    let refused = server::fuzzing::refusal(&parts);
    for name in ["host", "origin"] {
        let Some(value) = parts.headers.get(name) else { continue };
        let value = String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase();
        let local = ["localhost", "127.", "::1", "::ffff:"].iter().any(|word| value.contains(word));
        assert!(local || refused.is_some(), "{name} {value:?} came in");
    }
    if let Some(why) = refused {
        assert!(!why.is_empty());
    }
}

pub(super) const CREDENTIAL_WORDS: &[&[u8]] = &[
    b"GET /",
    b"POST /-/manage/keys",
    b"POST /-/manage/users",
    b"/root/password",
    b"/revoke",
    b"\nauthorization: Basic cm9vdDpwYXNzd29yZA==",
    b"\nauthorization: Bearer slt_",
    b"\ncookie: sightline4280=",
    b"\nhost: localhost:4280",
    b"GET /console/assets/",
    b"\naccept-encoding: br;q=0",
    b"\nauthorization: Basic U0xBS0FBQUFBQUFBQUFBQTpz",
    b"{\"role\":\"admin\",\"name\":\"a\"}",
    b"{\"password\":\"correct horse\"}",
    b"\n\n",
    b"=",
];

/// Who a request says it is of, and what it asks of keys, users and tokens. Nobody exists here, so
/// nobody comes in.
pub(super) fn credentials(input: &[u8]) {
    let Some((parts, body)) = http_text::parse(input) else { return };
    if let Err(why) = server::fuzzing::read_management(&parts, &body) {
        assert!(!why.is_empty());
    }
    let texts: Vec<_> = parts.headers.values().map(http::HeaderValue::as_bytes).collect();
    for token in server::fuzzing::session_tokens(&parts).into_iter().flatten() {
        let hex: String = token.iter().map(|byte| format!("{byte:02x}")).collect();
        let holds = |text: &&[u8]| {
            text.to_ascii_lowercase().windows(64).any(|window| window == hex.as_bytes())
        };
        assert!(texts.iter().any(holds), "a token that nobody sent");
    }
    if let Some((status, _)) = server::fuzzing::console_answer(&parts) {
        assert!([200, 302, 304, 404, 405].contains(&status), "{status}");
    }
    let Some((user, password)) = server::fuzzing::brought(&parts) else { return };
    let presented = match user.as_str() {
        "" => Presented::Bearer(&password),
        user => Presented::Basic { user, password: &password },
    };
    let world = world::lend();
    let step = world.platform.credentials().begin_login(presented, LOOPBACK, world::NOW_MS);
    if let LoginStep::Done(done) = step {
        assert!(done.is_err(), "{user:?} came in");
    }
}

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

pub(super) const TABLES: &[&str] =
    &["tenants", "org-names", "metric-metadata", "entities", "access-keys", "users", "tokens"];

/// A record of the catalog: table, key and value, a line each, the value to the end.
pub(super) fn catalog_records(input: &[u8]) {
    let mut pieces = input.splitn(3, |&byte| byte == b'\n');
    let (Some(table), Some(key), Some(value)) = (pieces.next(), pieces.next(), pieces.next())
    else {
        return;
    };
    let table = TABLES.iter().find(|name| name.as_bytes() == table);
    let (Some(table), Ok(key)) = (table, std::str::from_utf8(key)) else { return };
    let disk: Arc<dyn Disk> = Arc::new(SimDisk::new(1, CrashPlan::default()));
    disk.create_dir_all(Path::new("/data")).expect("a disk of memory");
    {
        let catalog = RedbCatalog::open(&disk, Path::new("/data/catalog.redb")).expect("opens");
        // A key that the catalog itself refuses never gets there.
        if catalog.write(vec![Change::put(table, key, value.to_vec())]).is_err() {
            return;
        }
    }
    let platform = match world::open_platform(disk) {
        Ok(platform) => platform,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let account: AccountId = "123456789012".parse().expect("twelve digits");
    let scope = Scope { account, region: "us-east-1".into() };
    let who = Principal::open("", account);
    let _ = (platform.metadata(&who, &scope), platform.entities(&who, &scope, None));
    let _ = platform.scopes();
    let _ = platform.account_of_org("another-team");
    let _ = platform.begin_ingest(&who, &scope, TimeLimits::Retention);
    platform.reset().expect("everything can be removed");
}
