//! The server that takes our mail.

use lettre::address::Envelope;
use lettre::message::Mailbox;
use lettre::transport::smtp::PoolConfig;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use reqwest::Url;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use stdx::{CallError, MailCall, Reply};
use tokio::sync::Semaphore;

/// Connections at a time: servers of mail take few from one place.
const CONNECTIONS_MAX: usize = 4;

/// How the connection is made private.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Private {
    /// From the first byte (`smtps`).
    FromTheStart,
    /// By STARTTLS, or nothing is sent.
    Required,
    /// By STARTTLS where the server offers it.
    IfOffered,
    /// Not at all.
    Never,
}

/// Where mail goes, and who we are there.
#[derive(Clone, PartialEq, Eq)]
pub struct SmtpServer {
    host: String,
    port: u16,
    login: Option<(String, String)>,
    private: Private,
    /// Authorities that are trusted beside those of the system, in PEM.
    authorities: Vec<u8>,
}

impl fmt::Debug for SmtpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SmtpServer({}:{})", self.host, self.port)
    }
}

impl SmtpServer {
    /// Reads `smtp://USER:PASSWORD@HOST:PORT` (port 587, STARTTLS) or `smtps://` (port 465, TLS from the
    /// first byte).
    ///
    /// With a password, and to other machines, STARTTLS is required; `?tls=opportunistic` takes it where
    /// it is offered, `?tls=none` sends in the clear.
    ///
    /// # Errors
    /// What is wrong with it, as a fragment; never the password.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|e| e.to_string())?;
        let host = url.host_str().filter(|h| !h.is_empty()).ok_or("it names no host")?.to_owned();
        let (is_tls, port) = match url.scheme() {
            "smtp" => (false, 587),
            "smtps" => (true, 465),
            other => return Err(format!("its scheme is {other}, not smtp or smtps")),
        };
        if !matches!(url.path(), "" | "/") {
            return Err("it has a path".into());
        }
        let decoded = crate::real_net::decoded;
        let login = match (url.username(), url.password()) {
            ("", None) => None,
            (user, Some(password)) if !user.is_empty() => {
                Some((decoded(user)?, decoded(password)?))
            }
            _ => return Err("user and password need each other".into()),
        };
        let bare = host.trim_matches(['[', ']']);
        let is_here =
            bare == "localhost" || bare.parse().is_ok_and(|a: std::net::IpAddr| a.is_loopback());
        let private = match (is_tls, url.query()) {
            (true, None) => Private::FromTheStart,
            (true, Some(_)) => return Err("smtps takes no parameters".into()),
            (false, None) if is_here => Private::IfOffered,
            (false, None | Some("tls=required")) => Private::Required,
            (false, Some("tls=opportunistic")) => Private::IfOffered,
            (false, Some("tls=none")) => Private::Never,
            (false, Some(other)) => {
                return Err(format!(
                    "{other:?} is none of tls=required, tls=opportunistic, tls=none"
                ));
            }
        };
        let port = url.port().unwrap_or(port);
        Ok(Self { host, port, login, private, authorities: Vec::new() })
    }

    /// Has the server's certificate trusted when one of these authorities signed it, in PEM, beside
    /// those that the system trusts.
    ///
    /// # Errors
    /// What is wrong with the certificates, as a fragment.
    pub fn trusting(self, authorities: Vec<u8>) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        for authority in CertificateDer::pem_slice_iter(&authorities) {
            roots.add(authority.map_err(|e| e.to_string())?).map_err(|e| e.to_string())?;
        }
        match roots.is_empty() {
            true => Err("it holds no certificate in PEM".into()),
            false => Ok(Self { authorities, ..self }),
        }
    }

    fn tls_parameters(&self, host: &str) -> Result<TlsParameters, String> {
        let builder = TlsParameters::builder(host.to_owned());
        let builder = match self.authorities.is_empty() {
            true => builder,
            false => {
                let authorities =
                    Certificate::from_pem(&self.authorities).map_err(|e| e.to_string())?;
                builder.add_root_certificate(authorities)
            }
        };
        builder.build_rustls().map_err(|e| e.to_string())
    }
}

/// Connections to the server of mail.
pub(crate) struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    turns: Arc<Semaphore>,
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Smtp").finish_non_exhaustive()
    }
}

impl Smtp {
    pub(crate) fn new(server: &SmtpServer) -> Result<Self, String> {
        let host = server.host.trim_matches(['[', ']']).to_owned();
        let tls = || server.tls_parameters(&host);
        let tls = match server.private {
            Private::FromTheStart => Tls::Wrapper(tls()?),
            Private::Required => Tls::Required(tls()?),
            Private::IfOffered => Tls::Opportunistic(tls()?),
            Private::Never => Tls::None,
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&host)
            .port(server.port)
            .tls(tls)
            .timeout(Some(Duration::from_secs(30)))
            .pool_config(PoolConfig::new().max_size(CONNECTIONS_MAX as u32));
        if let Some((user, password)) = &server.login {
            builder = builder.credentials(Credentials::new(user.clone(), password.clone()));
        }
        Ok(Self { transport: builder.build(), turns: Arc::new(Semaphore::new(CONNECTIONS_MAX)) })
    }

    pub(crate) async fn send(&self, call: MailCall) -> Result<Reply, CallError> {
        let _turn = self.turns.acquire().await;
        let from: Mailbox =
            call.from.parse().map_err(|e| CallError::for_good(format!("sender: {e}")))?;
        let to = call.to.parse().map_err(|e| CallError::for_good(format!("receiver: {e}")))?;
        let envelope = Envelope::new(Some(from.email), vec![to])
            .map_err(|e| CallError::for_good(e.to_string()))?;
        let send = self.transport.send_raw(&envelope, &call.message);
        match tokio::time::timeout(Duration::from_millis(call.wait_ms), send).await {
            Err(_) => Err(CallError::for_now("no answer in time")),
            Ok(Ok(response)) => Ok(Reply { status: u16::from(response.code()), body: Vec::new() }),
            Ok(Err(error)) => {
                // What is said of a login may be mended; what is said of a mail or a mailbox stays so.
                let code = error.status().map(u16::from);
                let is_permanent = matches!(code, Some(550..=554)) && error.is_permanent();
                Err(CallError { text: told(&error), is_permanent })
            }
        }
    }
}

fn told(error: &lettre::transport::smtp::Error) -> String {
    let text = error.to_string();
    // Answers of servers are said by the error itself already.
    let cause = std::error::Error::source(error).map(ToString::to_string);
    let text = match cause.filter(|cause| !text.contains(cause.as_str())) {
        Some(cause) => format!("{text}: {cause}"),
        None => text,
    };
    crate::address::one_line(&text, 300)
}

/// Checks an address that mail is from.
///
/// # Errors
/// What is wrong with it, as a fragment.
pub fn check_sender(text: &str) -> Result<(), String> {
    let mailbox: Mailbox =
        text.parse().map_err(|e: lettre::address::AddressError| e.to_string())?;
    crate::address::check_mail(mailbox.email.as_ref()).map_err(str::to_owned)?;
    match text.chars().any(char::is_control) {
        true => Err("it holds control characters".into()),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_servers_say_how_private_they_are() {
        let private = |text: &str| SmtpServer::parse(text).map(|s| (s.port, s.private));
        assert_eq!(private("smtp://u:p@mail.example.com"), Ok((587, Private::Required)));
        assert_eq!(private("smtp://mail.example.com:25"), Ok((25, Private::Required)));
        assert_eq!(private("smtp://127.0.0.1:1025"), Ok((1025, Private::IfOffered)));
        assert_eq!(private("smtp://mail.example.com?tls=none"), Ok((587, Private::Never)));
        assert_eq!(private("smtps://u:p@mail.example.com"), Ok((465, Private::FromTheStart)));
        for bad in ["http://h", "smtp://", "smtp://u@h", "smtp://h/x", "smtp://h?tls=maybe", "x"] {
            assert!(SmtpServer::parse(bad).is_err(), "{bad}");
        }
        let server = SmtpServer::parse("smtp://u:s%40cret@h").unwrap();
        assert_eq!(server.login, Some(("u".into(), "s@cret".into())));
        assert!(!format!("{server:?}").contains("cret"));
    }

    #[test]
    fn authorities_are_certificates() {
        let server = SmtpServer::parse("smtps://mail.example.com").unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(["mail.example.com".to_owned()]).unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        let both = format!("{pem}{pem}").into_bytes();
        assert!(server.clone().trusting(both).unwrap().tls_parameters("mail.example.com").is_ok());
        for bad in ["", "no PEM at all", &key.serialize_pem(), &pem[..60]] {
            assert!(server.clone().trusting(bad.as_bytes().to_vec()).is_err(), "{bad}");
        }
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(server.trusting(broken.as_bytes().to_vec()).is_err());
    }

    #[test]
    fn senders_are_addresses() {
        assert_eq!(check_sender("Sightline <alarms@example.com>"), Ok(()));
        assert_eq!(check_sender("alarms@example.com"), Ok(()));
        for bad in ["", "alarms", "a@b\r\nBcc: c@d", "A <a@b>\r\nBcc: c@d"] {
            assert!(check_sender(bad).is_err(), "{bad:?}");
        }
    }
}
