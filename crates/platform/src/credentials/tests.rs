use super::*;
use catalog::RedbCatalog;
use std::net::IpAddr;
use std::path::Path;
use stdx::{CrashPlan, SimDisk};

const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

fn load(disk: &SimDisk) -> Result<Credentials, CredentialsError> {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let catalog = Arc::new(RedbCatalog::open(&disk, Path::new("/d/catalog.redb"))?);
    Credentials::load(catalog, disk, "/d/secret.key".into(), true)
}

fn disk() -> SimDisk {
    SimDisk::new(1, CrashPlan::default())
}

fn new(name: Option<&str>, role: Role) -> NewCredential {
    let account = "123456789012".parse().unwrap();
    NewCredential { name: name.map(str::to_owned), account, role, description: None }
}

/// Logs in to the end.
fn login(of: &Credentials, presented: Presented<'_>, now_ms: i64) -> Result<Principal, LoginError> {
    match of.begin_login(presented, HOME, now_ms) {
        LoginStep::Done(done) => done,
        LoginStep::Hash(check) => of.finish_login(&check, now_ms),
        LoginStep::UnderWay => panic!("nobody else is at it"),
    }
}

fn basic<'a>(user: &'a str, password: &'a str) -> Presented<'a> {
    Presented::Basic { user, password }
}

#[test]
fn all_credentials_outlive_a_restart() {
    let disk = disk();
    let first = load(&disk).unwrap();
    let key = first.create_key(&new(Some("ci"), Role::Editor), 5).unwrap();
    let token = first.create_token(&new(None, Role::Viewer), 6).unwrap();
    first.create_user(&new(Some("ann"), Role::Admin), "correct horse", 7).unwrap();
    drop(first);

    let disk = disk.after_power_loss();
    let later = load(&disk).unwrap();
    let id = key.shown.id.as_str();
    assert_eq!(later.secret_of(id).as_deref(), Some(key.secret_access_key.as_str()));
    let who = later.principal_of(id).unwrap();
    assert_eq!(
        (who.name.as_str(), who.role, who.kind),
        ("ci", Role::Editor, PrincipalKind::AccessKey)
    );
    assert_eq!(who.arn(), "arn:aws:iam::123456789012:user/ci");
    assert_eq!(login(&later, basic(id, &key.secret_access_key), 0), Ok(who));
    let by_token = [
        Presented::Bearer(&token.token),
        basic("anybody", &token.token),
        basic(&token.token, ""),
        basic(&token.token, "x"),
    ];
    for presented in by_token {
        let who = login(&later, presented, 0).unwrap();
        assert_eq!((who.role, who.kind), (Role::Viewer, PrincipalKind::Token));
        assert_eq!(who.name, token.shown.id);
    }
    assert_eq!(login(&later, basic("ann", "correct horse"), 0).unwrap().role, Role::Admin);
    assert!(later.has_admin("123456789012".parse().unwrap()));
    assert!(!later.has_admin(AccountId::DEFAULT));
}

#[test]
fn nothing_on_disk_says_a_secret() {
    let disk = disk();
    let credentials = load(&disk).unwrap();
    let key = credentials.create_key(&new(None, Role::Editor), 5).unwrap();
    let token = credentials.create_token(&new(None, Role::Viewer), 6).unwrap();
    credentials.create_user(&new(Some("ann"), Role::Admin), "correct horse", 7).unwrap();
    for name in ["catalog.redb", "secret.key"] {
        let bytes = disk.open(&Path::new("/d").join(name)).unwrap().read_all().unwrap();
        for secret in [&key.secret_access_key, &token.token, "correct horse"] {
            let found = bytes.windows(secret.len()).any(|w| w == secret.as_bytes());
            assert!(!found, "{name}");
        }
    }
    assert!(!format!("{credentials:?}").contains(&token.token));
}

#[test]
fn wrong_ones_do_not_come_in() {
    let credentials = load(&disk()).unwrap();
    let key = credentials.create_key(&new(None, Role::Editor), 5).unwrap();
    credentials.create_user(&new(Some("ann"), Role::Admin), "correct horse", 7).unwrap();
    for presented in [
        basic("ann", "correct horsf"),
        basic("bob", "correct horse"),
        basic("", ""),
        basic(&key.shown.id, "wrong"),
        basic("SLAKAAAAAAAAAAAAAAAA", ""),
        Presented::Bearer("slt_x"),
        Presented::Bearer(""),
        Presented::Bearer(&key.secret_access_key),
        basic("ann", "slt_x"),
    ] {
        assert_eq!(login(&credentials, presented, 0), Err(LoginError::Wrong));
    }
    assert!(credentials.secret_of("SLAKAAAAAAAAAAAAAAAA").is_none());
}

#[test]
fn revoked_ones_are_worth_nothing_at_once_and_after_a_restart() {
    let disk = disk();
    let credentials = load(&disk).unwrap();
    let key = credentials.create_key(&new(None, Role::Editor), 5).unwrap();
    let token = credentials.create_token(&new(None, Role::Viewer), 6).unwrap();
    credentials.create_user(&new(Some("ann"), Role::Admin), "correct horse", 7).unwrap();
    login(&credentials, basic("ann", "correct horse"), 8).unwrap();
    let all = [
        (PrincipalKind::AccessKey, key.shown.id.as_str()),
        (PrincipalKind::Token, &token.shown.id),
        (PrincipalKind::User, "ann"),
    ];
    for (kind, id) in all {
        let revoked = credentials.revoke(kind, id, 9).unwrap();
        assert_eq!(revoked.revoked.as_deref(), Some("1970-01-01T00:00:00.009Z"));
        let again = credentials.revoke(kind, id, 10).unwrap();
        assert_eq!(again.revoked, revoked.revoked, "since the first time");
    }
    let nobody_comes_in = |credentials: &Credentials| {
        assert!(credentials.secret_of(&key.shown.id).is_none());
        assert!(credentials.principal_of(&key.shown.id).is_none());
        for presented in [
            basic(&key.shown.id, &key.secret_access_key),
            Presented::Bearer(&token.token),
            basic("ann", "correct horse"),
        ] {
            assert_eq!(login(credentials, presented, 11), Err(LoginError::Wrong));
        }
    };
    nobody_comes_in(&credentials);
    drop(credentials);
    // No secret is left that would need it.
    disk.remove(Path::new("/d/secret.key")).unwrap();
    let later = load(&disk).unwrap();
    nobody_comes_in(&later);
    assert_eq!(later.keys(None).len() + later.users(None).len() + later.tokens(None).len(), 3);
    later.create_user(&new(Some("ann"), Role::Viewer), "another one", 12).unwrap();
    assert_eq!(login(&later, basic("ann", "another one"), 13).unwrap().role, Role::Viewer);
    let unknown = later.revoke(PrincipalKind::User, "bob", 14);
    assert!(matches!(unknown, Err(CredentialsError::Unknown { .. })));
}

#[test]
fn a_changed_password_replaces_the_old_one_at_once() {
    let credentials = load(&disk()).unwrap();
    credentials.create_user(&new(Some("ann"), Role::Admin), "correct horse", 7).unwrap();
    login(&credentials, basic("ann", "correct horse"), 8).unwrap();
    let LoginStep::Hash(under_way) =
        credentials.begin_login(basic("ann", "correct  horse"), HOME, 8)
    else {
        panic!("an unknown password is hashed")
    };
    credentials.set_password("ann", "battery staple").unwrap();
    assert!(credentials.finish_login(&under_way, 8).is_err());
    assert_eq!(login(&credentials, basic("ann", "correct horse"), 9), Err(LoginError::Wrong));
    login(&credentials, basic("ann", "battery staple"), 10).unwrap();
    // Remembered: no hash the second time.
    let step = credentials.begin_login(basic("ann", "battery staple"), HOME, 11);
    assert!(matches!(step, LoginStep::Done(Ok(_))), "{step:?}");
    assert!(credentials.set_password("bob", "battery staple").is_err());
}

#[test]
fn guessing_is_slowed_and_who_is_in_stays_in() {
    let credentials = load(&disk()).unwrap();
    credentials.create_user(&new(Some("ann"), Role::Admin), "correct horse", 7).unwrap();
    login(&credentials, basic("ann", "correct horse"), 0).unwrap();
    let mut guesses = 0;
    let wait_ms = loop {
        match credentials.begin_login(basic("ann", &format!("guess {guesses}")), HOME, 1) {
            LoginStep::Hash(_) => guesses += 1,
            LoginStep::Done(Err(LoginError::Slow { wait_ms })) => break wait_ms,
            other => panic!("{other:?}"),
        }
    };
    assert!(guesses < 10 && wait_ms >= 1_000, "{guesses} guesses, {wait_ms} ms");
    login(&credentials, basic("ann", "correct horse"), 2).expect("remembered");
    let elsewhere = "198.51.100.7".parse().unwrap();
    let step = credentials.begin_login(basic("ann", "guess"), elsewhere, 2);
    assert!(matches!(step, LoginStep::Hash(_)), "another source may try: {step:?}");
}

#[test]
fn one_password_on_many_connections_is_one_guess() {
    let credentials = load(&disk()).unwrap();
    credentials.create_user(&new(Some("ann"), Role::Admin), "correct horse", 7).unwrap();
    let right = basic("ann", "correct horse");
    let begin = |presented| credentials.begin_login(presented, HOME, 1);
    let LoginStep::Hash(first) = begin(right) else { panic!("nobody is at it") };
    for _ in 0..50 {
        assert!(matches!(begin(right), LoginStep::UnderWay));
    }
    assert!(matches!(begin(basic("ann", "another")), LoginStep::Hash(_)));
    credentials.finish_login(&first, 1).unwrap();
    drop(first);
    assert!(matches!(begin(right), LoginStep::Done(Ok(_))));
    // What was given up, or was wrong, is hashed for the next, and counts again.
    let wrong = basic("ann", "wrong");
    let guesses = (0..50).take_while(|_| matches!(begin(wrong), LoginStep::Hash(_))).count();
    assert!((1..10).contains(&guesses), "{guesses}");
    assert!(matches!(begin(wrong), LoginStep::Done(Err(LoginError::Slow { .. }))));
}

#[test]
fn names_that_nobody_has_are_not_kept() {
    let credentials = load(&disk()).unwrap();
    let long = "x".repeat(60_000);
    for n in 0..6 {
        let name = format!("{n}{long}");
        let step = credentials.begin_login(basic(&name, "password"), HOME, 0);
        assert!(matches!(step, LoginStep::Done(Err(LoginError::Wrong))), "{n}: {step:?}");
    }
    let step = credentials.begin_login(basic(&long, "password"), HOME, 0);
    assert!(matches!(step, LoginStep::Done(Err(LoginError::Slow { .. }))), "{step:?}");
    let kept = format!("{:?}", credentials.throttle.lock());
    assert!(kept.len() < 1_000, "{} bytes are kept", kept.len());
}

#[test]
fn what_may_be_a_secret_is_no_name_to_write_down() {
    let (token, secret) = (random_text::token(), random_text::key_secret());
    let long = "x".repeat(65);
    for name in [token.as_str(), &secret, &long, "", "my pass phrase", "pass:word", "slt_"] {
        assert_eq!(basic(name, "x").name(), None, "{name}");
    }
    for name in ["ann", "ann@example.com", "SLAKAAAAAAAAAAAAAAAA"] {
        assert_eq!(basic(name, "x").name(), Some(name));
    }
}

#[test]
fn a_key_file_that_is_missing_wrong_or_open_is_refused() {
    let disk = disk();
    let path = Path::new("/d/secret.key");
    let credentials = load(&disk).unwrap();
    assert!(disk.open(path).is_err(), "made when it is needed");
    credentials.create_key(&new(None, Role::Editor), 5).unwrap();
    drop(credentials);
    disk.rename(path, Path::new("/d/away")).unwrap();
    let told = |disk: &SimDisk| load(disk).unwrap_err().to_string();
    assert!(told(&disk).contains("/d/secret.key is missing"), "{}", told(&disk));
    key_file::SecretKey::make(&disk, path).unwrap();
    assert!(told(&disk).contains("is not the one"), "{}", told(&disk));
    disk.remove(path).unwrap();
    let open = disk.open_or_create(path).unwrap();
    let key = disk.open(Path::new("/d/away")).unwrap().read_all().unwrap();
    open.write_all_at(&key, 0).unwrap();
    assert!(told(&disk).contains("chmod 600"), "{}", told(&disk));
    disk.rename(Path::new("/d/away"), path).unwrap();
    load(&disk).unwrap();
}

#[test]
fn a_new_key_is_never_made_under_another_key_file() {
    let disk = disk();
    let path = Path::new("/d/secret.key");
    let credentials = load(&disk).unwrap();
    credentials.create_key(&new(None, Role::Editor), 5).unwrap();
    disk.rename(path, Path::new("/d/away")).unwrap();
    assert!(credentials.create_key(&new(None, Role::Editor), 6).is_err());
    key_file::SecretKey::make(&disk, path).unwrap();
    assert!(credentials.create_key(&new(None, Role::Editor), 6).is_err());
    disk.rename(Path::new("/d/away"), path).unwrap();
    credentials.create_key(&new(None, Role::Editor), 6).unwrap();
}

#[test]
fn names_and_passwords_that_cannot_be_are_refused_with_the_rule() {
    let credentials = load(&disk()).unwrap();
    let user = |name: &str, password: &str| {
        credentials
            .create_user(&new(Some(name), Role::Viewer), password, 1)
            .unwrap_err()
            .to_string()
    };
    for name in ["", "a:b", "a b", "ä", &"x".repeat(65), "SLAKAAAAAAAAAAAAAAAA", "slt_a"] {
        assert!(user(name, "correct horse").contains("name"), "{name}");
    }
    for password in ["", "seven b", &"x".repeat(257), "slt_1234567890"] {
        assert!(user("ann", password).contains("password"), "{password}");
    }
    credentials.create_user(&new(Some("ann"), Role::Viewer), "correct horse", 1).unwrap();
    assert!(user("ann", "correct horse").contains("exists already"));
    let long = NewCredential { description: Some("x".repeat(257)), ..new(None, Role::Viewer) };
    assert!(credentials.create_token(&long, 1).is_err());
}

#[test]
fn who_came_in_stands_until_their_credential_changes() {
    let of = load(&disk()).unwrap();
    assert!(!of.has_users());
    of.create_user(&new(Some("ann"), Role::Viewer), "correct horse", 1).unwrap();
    let key = of.create_key(&new(None, Role::Admin), 1).unwrap();
    let token = of.create_token(&new(None, Role::Editor), 1).unwrap();
    assert!(of.has_users());
    let stands = |presented| {
        let who = login(&of, presented, 2).unwrap();
        let standing = of.standing_of(&who).unwrap();
        assert!(of.still_stands(&standing) && standing.is_of(&who));
        standing
    };
    let ann = stands(basic("ann", "correct horse"));
    let by_key = stands(basic(&key.shown.id, &key.secret_access_key));
    let by_token = stands(Presented::Bearer(&token.token));
    of.set_password("ann", "battery staple").unwrap();
    assert!(!of.still_stands(&ann), "another password");
    let ann = stands(basic("ann", "battery staple"));
    of.revoke(PrincipalKind::User, "ann", 3).unwrap();
    of.create_user(&new(Some("ann"), Role::Viewer), "battery staple", 4).unwrap();
    assert!(!of.still_stands(&ann), "another user of that name");
    of.revoke(PrincipalKind::AccessKey, &key.shown.id, 5).unwrap();
    of.revoke(PrincipalKind::Token, &token.shown.id, 5).unwrap();
    assert!(!of.still_stands(&by_key) && !of.still_stands(&by_token));
    assert!(of.standing_of(&Principal::internal(ann.who.account)).is_none());
}
