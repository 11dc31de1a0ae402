//! What does it cost to know who calls? `PutMetricData` of 1,000 datums with two dimensions in AWS
//! JSON, from the bytes to the store's commit, on a simulated disk: with `--auth open`, with
//! signatures, and with a bearer token.
//!
//! Estimate: SHA-256 over 200 KB at 1.5 GB/s is 130 us a call, or 0.13 us a datum of 1.6 us: above
//! 3 %, and the price of SigV4 itself, which covers the body. Everything else - finding the key,
//! four HMACs for the signing key, role and account - is some 5 us a call, under 1 %.
//!
//! `cargo bench -p aws-services --bench access`

use aws_services::{Services, SigningKeys};
use aws_wire::sigv4::{Keys, sign};
use aws_wire::{Access, Gateway, Limits};
use bytes::Bytes;
use http::request::Parts;
use model::{AccountId, Principal, Role, Scope};
use platform::{
    AuthMode, CallSource, LoginStep, NewCredential, Platform, PlatformOptions, Presented,
    StoreOptions,
};
use serde_json::json;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;
use stdx::{CrashPlan, SimDisk, Stopwatch, VirtualClock};

const NOW_MS: i64 = 1_700_000_000_000;
const DATUMS: u32 = 1_000;
const CALLS: u32 = 300;
const ROUNDS: usize = 7;

struct World {
    platform: Arc<Platform>,
    services: Services,
    gateway: Gateway,
}

fn open(auth: AuthMode) -> World {
    let options = PlatformOptions {
        data_dir: "/data".into(),
        default_scope: Scope { account: AccountId::DEFAULT, region: "us-east-1".into() },
        sync: platform::SyncMode::default(),
        auth,
        key_file: None,
        store: StoreOptions::default(),
        questions: Default::default(),
    };
    let clock = Arc::new(VirtualClock::starting_at(NOW_MS));
    let disk = Arc::new(SimDisk::new(1, CrashPlan::default()));
    let platform = Arc::new(Platform::open(&options, clock, disk).unwrap());
    World {
        services: Services::new(platform.clone()),
        gateway: Gateway::new(aws_services::served(), Limits::default()),
        platform,
    }
}

fn body() -> Bytes {
    let datums = (0..DATUMS).map(|n| {
        json!({
            "MetricName": format!("metric-{n}"), "Value": f64::from(n), "Unit": "Count",
            "Timestamp": NOW_MS / 1_000,
            "Dimensions": [{"Name": "InstanceId", "Value": "i-1234567890"}, {"Name": "Zone", "Value": "a"}],
        })
    });
    json!({"Namespace": "Shop", "MetricData": datums.collect::<Vec<_>>()}).to_string().into()
}

fn head() -> Parts {
    http::Request::post("/")
        .header("host", "127.0.0.1:4280")
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", "GraniteServiceVersion20100801.PutMetricData")
        .body(())
        .unwrap()
        .into_parts()
        .0
}

/// Nanoseconds a call for who it is, and for the rest of it.
fn calls(world: &World, head: &Parts, body: &Bytes, access: Access<'_>) -> (f64, f64) {
    let (mut who, mut rest) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..CALLS {
        let head = head.clone();
        let watch = Stopwatch::start();
        let request = world.gateway.accept(head, body, access, NOW_MS).unwrap();
        who += watch.elapsed();
        let watch = Stopwatch::start();
        world.services.handle(&request, |answer| assert!(answer.is_ok(), "{answer:?}"));
        world.platform.commit_step(Duration::ZERO);
        rest += watch.elapsed();
    }
    while world.platform.upkeep_step().unwrap() {}
    let each = |time: Duration| time.as_nanos() as f64 / f64::from(CALLS);
    (each(who), each(rest))
}

fn middle(mut of: Vec<f64>) -> f64 {
    of.sort_unstable_by(f64::total_cmp);
    of[of.len() / 2]
}

fn main() {
    let body = body();
    println!(
        "{DATUMS} datums and {} bytes a call, {ROUNDS} rounds of {CALLS}, medians",
        body.len()
    );
    let (everybody, known) = (open(AuthMode::Open), open(AuthMode::Required));
    let new = NewCredential {
        name: None,
        account: AccountId::DEFAULT,
        role: Role::Editor,
        description: None,
    };
    let admin = Principal::internal(AccountId::DEFAULT);
    let manage = known.platform.manage(&admin, CallSource::default());
    let (key, token) = (manage.create_key(&new).unwrap(), manage.create_token(&new).unwrap());
    let mut signed = head();
    let keys = Keys { key_id: &key.shown.id, secret: &key.secret_access_key, session_token: None };
    sign(&mut signed, &body, keys, "us-east-1", "monitoring", NOW_MS);
    let secrets = SigningKeys(&known.platform);

    let measure = |world: &World, head: &Parts, access: Access<'_>| {
        calls(world, head, &body, access);
        let rounds: Vec<_> = (0..ROUNDS).map(|_| calls(world, head, &body, access)).collect();
        let of = |pick: fn(&(f64, f64)) -> f64| middle(rounds.iter().map(pick).collect());
        (of(|r| r.0), of(|r| r.1))
    };
    let (open_accept, open_rest) = measure(&everybody, &head(), Access::Open);
    let whole = open_accept + open_rest;
    let share = |ns: f64| 100.0 * ns / whole;
    println!("open: {:.0} ns a datum", whole / f64::from(DATUMS));
    let (signed_accept, signed_rest) = measure(&known, &signed, Access::Required(&secrets));
    let signature = signed_accept - open_accept;
    println!(
        "signed: {:.0} ns a datum; the signature {:.1} us a call, {:.1} % of open",
        (signed_accept + signed_rest) / f64::from(DATUMS),
        signature / 1e3,
        share(signature)
    );

    let each = |n: u32, mut work: Box<dyn FnMut() + '_>| {
        let rounds = (0..ROUNDS).map(|_| {
            let watch = Stopwatch::start();
            (0..n).for_each(|_| work());
            watch.elapsed().as_nanos() as f64 / f64::from(n)
        });
        middle(rounds.collect())
    };
    let mut small = head();
    sign(&mut small, b"{}", keys, "us-east-1", "monitoring", NOW_MS);
    let empty = Bytes::from_static(b"{}");
    let without_body = each(
        10_000,
        Box::new(|| {
            let accepted =
                known.gateway.accept(small.clone(), &empty, Access::Required(&secrets), NOW_MS);
            assert!(accepted.is_ok());
        }),
    );
    let unsigned = each(
        10_000,
        Box::new(|| {
            let accepted = known.gateway.accept(head(), &empty, Access::Open, NOW_MS);
            assert!(accepted.is_ok());
        }),
    );
    let but_body = without_body - unsigned;
    println!(
        "  of it all but the body's hash: {:.1} us a call, {:.2} % of open",
        but_body / 1e3,
        share(but_body)
    );
    let home = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let presented = Presented::Bearer(&token.token);
    let login = each(
        100_000,
        Box::new(|| {
            let step = known.platform.credentials().begin_login(presented, home, NOW_MS);
            assert!(matches!(step, LoginStep::Done(Ok(_))));
        }),
    );
    println!("bearer token: {login:.0} ns a call, {:.3} % of open", share(login));
    let who = known.platform.credentials().principal_of(&key.shown.id).unwrap();
    let scope = known.platform.default_scope();
    let check = each(
        100_000,
        Box::new(|| known.platform.check(&who, scope, platform::Verb::Write).unwrap()),
    );
    println!("role and account: {check:.0} ns a call, {:.4} % of open", share(check));
}
