//! Whom the client trusts when it speaks TLS.

use anyhow::{Context, bail};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Files for `https://`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Trust {
    /// For https: who must have signed the server's certificate, in PEM [default: whom the system
    /// trusts]
    #[arg(long, value_name = "FILE", env = "SIGHTLINE_CA")]
    ca: Option<PathBuf>,
    /// For https: certificate of this client, where the server asks for one, in PEM
    #[arg(long, value_name = "FILE", env = "SIGHTLINE_CLIENT_CERT", requires = "client_key")]
    client_cert: Option<PathBuf>,
    /// For https: its private key, in PEM
    #[arg(long, value_name = "FILE", env = "SIGHTLINE_CLIENT_KEY", requires = "client_cert")]
    client_key: Option<PathBuf>,
}

fn certificates(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let all: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(path).and_then(|certificates| certificates.collect());
    let all = all.with_context(|| path.display().to_string())?;
    if all.is_empty() {
        bail!("{} holds no certificate in PEM", path.display());
    }
    Ok(all)
}

impl Trust {
    fn config(&self) -> anyhow::Result<ClientConfig> {
        let mut roots = RootCertStore::empty();
        match &self.ca {
            Some(path) => {
                for one in certificates(path)? {
                    roots.add(one).with_context(|| path.display().to_string())?;
                }
            }
            None => {
                let found = rustls_native_certs::load_native_certs();
                roots.add_parsable_certificates(found.certs);
                if roots.is_empty() {
                    bail!("this system trusts nobody; name the server's authority with --ca");
                }
            }
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots);
        match (&self.client_cert, &self.client_key) {
            (Some(cert), Some(path)) => {
                let key = PrivateKeyDer::from_pem_file(path)
                    .with_context(|| path.display().to_string())?;
                Ok(builder.with_client_auth_cert(certificates(cert)?, key)?)
            }
            _ => Ok(builder.with_no_client_auth()),
        }
    }

    /// Makes a connection to `host` a private one.
    pub(crate) async fn connect(
        &self,
        host: &str,
        stream: TcpStream,
    ) -> anyhow::Result<TlsStream<TcpStream>> {
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host.clone())
            .with_context(|| format!("{host:?} is no name of a server"))?;
        Ok(TlsConnector::from(Arc::new(self.config()?)).connect(name, stream).await?)
    }
}
