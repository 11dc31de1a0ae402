//! TLS as curl, boto3 and our own client see it.

use crate::programs::poll;
use crate::secured::{BOTH, Key, Secured, boto3, curl, one_datum};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SerialNumber,
};
use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

/// An authority of its own, and the files of a server and of a client.
pub(crate) struct Authority {
    dir: tempfile::TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

#[expect(clippy::disallowed_methods, reason = "what an operator's tools would write")]
fn write(path: PathBuf, text: &str) {
    std::fs::write(path, text).expect("written");
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("sound");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Sightline tests");
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("signed");
        let authority = Self { dir: tempfile::tempdir().expect("a place"), issuer };
        write(authority.path("ca.pem"), &authority.issuer.pem());
        authority.issue("server", 1);
        authority
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes `NAME.pem` and `NAME.key` for localhost.
    fn issue(&self, name: &str, serial: u64) {
        let mut params = CertificateParams::new(["localhost".to_owned()]).expect("sound");
        params.distinguished_name.push(DnType::CommonName, name);
        params.serial_number = Some(SerialNumber::from(serial));
        let key = KeyPair::generate().expect("a key");
        let cert = params.signed_by(&key, &self.issuer).expect("signed");
        write(self.path(&format!("{name}.pem")), &cert.pem());
        write(self.path(&format!("{name}.key")), &key.serialize_pem());
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).to_str().expect("a plain path").to_owned()
    }

    /// A server with `--auth required` and TLS.
    #[track_caller]
    pub(crate) fn server(&self, more: &[&str]) -> Secured {
        let (cert, key) = (self.text("server.pem"), self.text("server.key"));
        let mut secured =
            Secured::start_with(&[&["--tls-cert", &cert, "--tls-key", &key], more].concat());
        secured.scheme = "https";
        secured.trust = vec!["--ca".into(), self.text("ca.pem")];
        secured
    }
}

/// What curl says of the certificate that a server shows now.
#[track_caller]
fn served(authority: &Authority, secured: &Secured) -> String {
    let health = secured.url("/-/healthy");
    let told = curl(&["--cacert", &authority.text("ca.pem"), "-w", "\ncerts %{certs}", &health]);
    let (_, certificates) = told.body.split_once("\ncerts ").unwrap_or_default();
    assert!(certificates.contains("Serial Number"), "curl shows no certificate: {told:?}");
    certificates.to_owned()
}

#[test]
fn oracle_clients_of_all_kinds_speak_tls() {
    let authority = Authority::new();
    let secured = authority.server(&[]);
    let ca = authority.path("ca.pem");
    for which in BOTH {
        let call = |verify| {
            boto3(
                which,
                &secured.url(""),
                verify,
                Some(&secured.admin),
                ("cloudwatch", "PutMetricData"),
                &one_datum(),
            )
        };
        let told = call(Some(&ca));
        assert!(told.get("ok").is_some(), "{which:?} {told}");
        let told = call(None);
        assert!(told["broken"].as_str().is_some_and(|t| t.contains("SSL")), "{told}");
    }
    secured.manage(&["put", "-n", "Shop", "-m", "Orders", "-v", "1"], "");
    let said = secured.manage(&["query", "-n", "Shop"], "");
    assert!(said.contains("Orders"), "{said}");
    let health = secured.url("/-/healthy");
    assert_eq!(curl(&["--cacert", &authority.text("ca.pem"), &health]).status, 200);
    assert_eq!(curl(&[&health]).status, 0, "nobody trusts it unasked");
    let plain = format!("http://{}/-/healthy", secured.server.address);
    assert_eq!(curl(&[&plain]).status, 0, "nothing is said in the clear");
    let untrusting = Secured { trust: Vec::new(), ..secured };
    let (code, said) = untrusting.run_as(&[("SIGHTLINE_TOKEN", "x")], &["query", "-n", "Shop"], "");
    assert!(code == Some(1) && said.contains("--ca"), "{said}");
}

#[test]
fn oracle_who_says_nothing_holds_up_nobody() {
    let authority = Authority::new();
    let secured = authority.server(&[]);
    let silent: Vec<_> = (0..64)
        .map(|_| std::net::TcpStream::connect(secured.server.address).expect("taken"))
        .collect();
    let health = secured.url("/-/healthy");
    assert_eq!(curl(&["--cacert", &authority.text("ca.pem"), "-m", "3", &health]).status, 200);
    // After their time they are gone.
    for mut one in silent {
        one.set_read_timeout(Some(Duration::from_secs(30))).expect("set");
        assert_eq!(one.read(&mut [0; 16]).expect("closed, not cut off by our own wait"), 0);
    }
}

#[test]
fn oracle_a_new_certificate_is_served_and_a_bad_one_is_not() {
    let authority = Authority::new();
    let secured = authority.server(&[]);
    let first = served(&authority, &secured);
    authority.issue("server", 2);
    poll("the new certificate", Duration::from_secs(20), || {
        let now = served(&authority, &secured);
        if now == first { Err(format!("still {now}")) } else { Ok(()) }
    });
    let second = served(&authority, &secured);
    let metrics = || {
        let credentials = format!("{}:{}", secured.admin.id, secured.admin.secret);
        curl(&["--cacert", &authority.text("ca.pem"), "-u", &credentials, &secured.url("/metrics")])
            .body
    };
    assert!(metrics().contains("sightline_tls_reload_failing 0"), "{}", metrics());
    write(authority.path("server.pem"), "no certificate at all");
    // At once rather than in two seconds.
    secured.server.program.signal(rustix::process::Signal::HUP);
    poll("the failure is told", Duration::from_secs(20), || match metrics() {
        told if told.contains("sightline_tls_reload_failing 1") => Ok(()),
        told => Err(told),
    });
    assert_eq!(served(&authority, &secured), second, "the one before stays");
    assert!(secured.server.program.log().contains("the ones before stay in use"));
    assert!(metrics().contains("sightline_tls_certificate_expires_seconds "));
}

#[test]
fn oracle_clients_without_a_certificate_stay_out_where_one_is_wanted() {
    let authority = Authority::new();
    authority.issue("client", 7);
    let secured = authority.server(&["--tls-client-ca", &authority.text("ca.pem")]);
    let (ca, url) = (authority.text("ca.pem"), secured.url("/api/v1/query?query=up"));
    let own = ["--cert", &authority.text("client.pem"), "--key", &authority.text("client.key")];
    assert_eq!(curl(&["--cacert", &ca, &url]).status, 0);
    let told = curl(&[&["--cacert", &ca][..], &own, &[&url]].concat());
    assert_eq!(told.status, 401, "credentials are needed all the same: {told:?}");
    let stranger = Authority::new();
    stranger.issue("client", 8);
    let foreign = ["--cert", &stranger.text("client.pem"), "--key", &stranger.text("client.key")];
    assert_eq!(curl(&[&["--cacert", &ca][..], &foreign, &[&url]].concat()).status, 0);
    let Key { id, secret } = &secured.admin;
    let who = [("SIGHTLINE_USER", id.as_str()), ("SIGHTLINE_PASSWORD", secret.as_str())];
    let own = [
        "keys",
        "list",
        "--client-cert",
        &authority.text("client.pem"),
        "--client-key",
        &authority.text("client.key"),
    ];
    let (code, said) = secured.run_as(&who, &own, "");
    assert!(code == Some(0) && said.contains(id), "{said}");
    assert_eq!(secured.run_as(&who, &["keys", "list"], "").0, Some(1));
}

#[test]
fn oracle_files_that_cannot_be_used_are_refused_at_start() {
    let authority = Authority::new();
    let other = Authority::new();
    let data = tempfile::tempdir().expect("a place");
    let dir = data.path().to_str().expect("a plain path");
    let check = |cert: &str, key: &str| {
        crate::programs::run(&["serve", "--data", dir, "--tls-cert", cert, "--tls-key", key])
    };
    let (code, said) = check(&authority.text("server.pem"), &other.text("server.key"));
    assert!(code == Some(2) && said.contains("does not fit"), "{code:?} {said}");
    let (code, said) = check(&authority.text("none.pem"), &authority.text("server.key"));
    assert!(code == Some(2) && said.contains("none.pem"), "{code:?} {said}");
}
