//! TLS on the listener: a certificate and its key from files, which may change while the server runs.

use parking_lot::Mutex;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio_rustls::TlsAcceptor;
use x509_cert::Certificate;
use x509_cert::der::Decode;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Where the server's certificate is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsOptions {
    /// Certificates in PEM, the server's own first.
    pub cert: PathBuf,
    /// Its private key in PEM.
    pub key: PathBuf,
    /// Authorities in PEM, one of which must have signed the certificate that a client then has to
    /// bring.
    pub client_ca: Option<PathBuf>,
}

/// What is wrong with the files.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {what}")]
pub struct TlsError {
    path: PathBuf,
    what: String,
}

fn wrong(path: &Path, what: impl std::fmt::Display) -> TlsError {
    TlsError { path: path.to_path_buf(), what: what.to_string() }
}

/// The files as they are now.
#[derive(PartialEq, Eq)]
struct Files {
    cert: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

impl Files {
    fn read(options: &TlsOptions) -> Result<Self, TlsError> {
        let read = |path: &Path| std::fs::read(path).map_err(|error| wrong(path, error));
        Ok(Self {
            cert: read(&options.cert)?,
            key: read(&options.key)?,
            client_ca: options.client_ca.as_deref().map(read).transpose()?,
        })
    }

    fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        match all {
            Ok(all) if all.is_empty() => Err(wrong(path, "holds no certificate in PEM")),
            other => other.map_err(|error| wrong(path, error)),
        }
    }

    /// Returns what connections are accepted with, and when the certificate expires, in seconds
    /// since 1970.
    fn load(&self, options: &TlsOptions) -> Result<(ServerConfig, i64), TlsError> {
        let certificates = Self::certificates(&options.cert, &self.cert)?;
        let own = Certificate::from_der(&certificates[0]).map_err(|e| wrong(&options.cert, e))?;
        let expires = own.tbs_certificate().validity().not_after.to_unix_duration().as_secs();
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|e| wrong(&options.key, e))?;
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong(&options.cert, error))?;
        let builder = match (&options.client_ca, &self.client_ca) {
            (Some(path), Some(pem)) => {
                let mut roots = RootCertStore::empty();
                for authority in Self::certificates(path, pem)? {
                    roots.add(authority).map_err(|error| wrong(path, error))?;
                }
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                        .build()
                        .map_err(|error| wrong(path, error))?;
                builder.with_client_cert_verifier(verifier)
            }
            _ => builder.with_no_client_auth(),
        };
        let mut config = builder.with_single_cert(certificates, key).map_err(|error| {
            wrong(&options.key, format!("does not fit the certificate: {error}"))
        })?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok((config, i64::try_from(expires).unwrap_or(i64::MAX)))
    }
}

/// What connections are accepted with, and how it came about.
pub(crate) struct Tls {
    options: TlsOptions,
    acceptor: Mutex<TlsAcceptor>,
    /// The files that were tried last; `None` when they could not be read.
    seen: Mutex<Option<Files>>,
    /// When the certificate in use expires, in seconds since 1970.
    pub(crate) expires_s: AtomicI64,
    /// Newer files are not usable, and older ones are in use.
    pub(crate) is_stale: AtomicBool,
    pub(crate) loads: AtomicU64,
    pub(crate) failures: AtomicU64,
    /// Connections that did not become one.
    pub(crate) handshakes_failed: AtomicU64,
}

impl Tls {
    /// Reads the files.
    pub(crate) fn open(options: &TlsOptions) -> Result<Self, TlsError> {
        let files = Files::read(options)?;
        let (config, expires_s) = files.load(options)?;
        Ok(Self {
            options: options.clone(),
            acceptor: Mutex::new(TlsAcceptor::from(Arc::new(config))),
            seen: Mutex::new(Some(files)),
            expires_s: AtomicI64::new(expires_s),
            is_stale: AtomicBool::new(false),
            loads: AtomicU64::new(1),
            failures: AtomicU64::new(0),
            handshakes_failed: AtomicU64::new(0),
        })
    }

    /// Returns what the next connection is accepted with.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.lock().clone()
    }

    /// Takes the files if they changed since they were looked at last. What cannot be used is told
    /// once and leaves what is in use as it is: a pair is often replaced one file after the other.
    pub(crate) fn look(&self) {
        let files = match Files::read(&self.options) {
            Ok(files) => files,
            Err(error) => {
                if self.seen.lock().take().is_some() {
                    self.failed(&error);
                }
                return;
            }
        };
        if self.seen.lock().as_ref() == Some(&files) {
            return;
        }
        match files.load(&self.options) {
            Ok((config, expires_s)) => {
                *self.acceptor.lock() = TlsAcceptor::from(Arc::new(config));
                self.expires_s.store(expires_s, Ordering::Relaxed);
                self.is_stale.store(false, Ordering::Relaxed);
                self.loads.fetch_add(1, Ordering::Relaxed);
                let until = jiff::Timestamp::from_second(expires_s).unwrap_or_default();
                tracing::info!(%until, cert = %self.options.cert.display(), "certificate loaded");
            }
            Err(error) => self.failed(&error),
        }
        *self.seen.lock() = Some(files);
    }

    fn failed(&self, error: &TlsError) {
        self.is_stale.store(true, Ordering::Relaxed);
        self.failures.fetch_add(1, Ordering::Relaxed);
        tracing::error!(%error, "new TLS files cannot be used; the ones before stay in use");
    }

    /// Looks at the files every two seconds, and at once on SIGHUP.
    pub(crate) async fn watch(self: Arc<Self>) {
        let mut hangup = match signal(SignalKind::hangup()) {
            Ok(hangup) => hangup,
            Err(error) => {
                tracing::warn!(%error, "SIGHUP cannot be caught");
                return self.watch_by_time().await;
            }
        };
        loop {
            tokio::select! {
                _ = hangup.recv() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            self.clone().look_aside().await;
        }
    }

    async fn watch_by_time(self: Arc<Self>) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            self.clone().look_aside().await;
        }
    }

    /// Files are read off the threads that serve connections: they may lie on a slow disk.
    async fn look_aside(self: Arc<Self>) {
        let _ = tokio::task::spawn_blocking(move || self.look()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair};

    /// Writes a pair for `localhost`; returns its certificate and key in PEM.
    fn pair() -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    #[expect(clippy::disallowed_methods, reason = "what an operator's tools would write")]
    fn write(path: &Path, text: &str) {
        std::fs::write(path, text).unwrap();
    }

    fn options(dir: &Path) -> TlsOptions {
        TlsOptions { cert: dir.join("cert.pem"), key: dir.join("key.pem"), client_ca: None }
    }

    #[test]
    fn a_new_pair_is_taken_and_a_bad_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let options = options(dir.path());
        let told = |options: &TlsOptions| Tls::open(options).err().unwrap().to_string();
        assert!(told(&options).contains("cert.pem"), "{}", told(&options));
        let (cert, key) = pair();
        write(&options.cert, &cert);
        write(&options.key, &key);
        let tls = Tls::open(&options).unwrap();
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        assert!(tls.expires_s.load(Ordering::Relaxed) > 1_735_689_600);
        tls.look();
        assert_eq!((count(&tls.loads), count(&tls.failures)), (1, 0), "nothing changed");

        let (cert, key) = pair();
        write(&options.cert, &cert);
        tls.look();
        tls.look();
        assert_eq!((count(&tls.loads), count(&tls.failures)), (1, 1), "the old key does not fit");
        assert!(tls.is_stale.load(Ordering::Relaxed));
        assert!(told(&options).contains("does not fit"), "{}", told(&options));
        write(&options.key, &key);
        tls.look();
        assert_eq!((count(&tls.loads), count(&tls.failures)), (2, 1));
        assert!(!tls.is_stale.load(Ordering::Relaxed));
        write(&options.cert, "no PEM");
        tls.look();
        assert_eq!((count(&tls.loads), count(&tls.failures)), (2, 2));
        let gone = TlsOptions { cert: dir.path().join("none.pem"), ..options };
        assert!(told(&gone).contains("none.pem"));
    }

    #[test]
    fn authorities_of_clients_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let (cert, key) = pair();
        let mut options = options(dir.path());
        write(&options.cert, &cert);
        write(&options.key, &key);
        let authority = dir.path().join("ca.pem");
        options.client_ca = Some(authority.clone());
        write(&authority, "nothing");
        assert!(Tls::open(&options).err().unwrap().to_string().contains("ca.pem"));
        write(&authority, &cert);
        Tls::open(&options).unwrap();
    }
}
