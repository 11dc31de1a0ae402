//! Signature version 4, both ways: checking what clients sign, and signing.
//!
//! Everything works on the raw path and the raw query as they came: a server that decodes and
//! encodes again checks something else than the client signed. Source: AWS General Reference,
//! "Signature Version 4 signing process"; services here other than S3, so the path is escaped
//! twice and empty parts of it are dropped.

use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderMap;
use http::request::Parts;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::codec::query::{escape, unescape};
use crate::codec::time;
use crate::error::{Common, ServiceError};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const TERMINATOR: &str = "aws4_request";
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
/// How far a client's clock may be off.
pub const SKEW_MS_MAX: i64 = 15 * 60 * 1_000;
/// How long a presigned request may be good for.
const EXPIRES_S_MAX: i64 = 7 * 24 * 60 * 60;

/// Why a signature is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// It is not put together as a signature.
    #[error("{0}")]
    Incomplete(String),
    /// It is not the one calculated here, or from another time.
    #[error("{0}")]
    Mismatch(String),
    /// The presigned request came too late.
    #[error("Request has expired.")]
    Expired,
}

impl From<SignatureError> for ServiceError {
    fn from(error: SignatureError) -> Self {
        let common = match &error {
            SignatureError::Incomplete(_) => Common::IncompleteSignature,
            SignatureError::Mismatch(_) => Common::SignatureMismatch,
            SignatureError::Expired => Common::RequestExpired,
        };
        ServiceError::common(common, error.to_string())
    }
}

/// What a request says about who signed it. Nothing of it is checked before [`Claim::verify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Access key id.
    pub key_id: String,
    /// Region of the credential scope.
    pub region: String,
    /// Service of the credential scope, such as `monitoring`.
    pub service: String,
    /// Token of a session, where the key is one of a session.
    pub session_token: Option<String>,
    /// Day of the credential scope.
    date: String,
    /// Moment of signing, in the basic form.
    signed_at: String,
    signed_headers: Vec<String>,
    signature: String,
    /// Seconds that a presigned request is good for.
    expires_s: Option<i64>,
}

/// Reads who signed a request, from its header or from its query; `None` when nobody did.
///
/// # Errors
/// [`SignatureError::Incomplete`] when there is an `Authorization` header or a presigned query
/// that lacks a part or is put together wrongly.
pub fn parse(parts: &Parts) -> Result<Option<Claim>, SignatureError> {
    if let Some(header) = parts.headers.get(http::header::AUTHORIZATION) {
        let text = header.to_str().map_err(|_| incomplete("Authorization header is not text."))?;
        return of_header(text, &parts.headers).map(Some);
    }
    match parts.uri.query() {
        Some(query)
            if query.contains("X-Amz-Algorithm=") || query.contains("X-Amz-Credential=") =>
        {
            of_query(query).map(Some)
        }
        _ => Ok(None),
    }
}

fn incomplete(text: impl Into<String>) -> SignatureError {
    SignatureError::Incomplete(text.into())
}

fn of_header(text: &str, headers: &HeaderMap) -> Result<Claim, SignatureError> {
    // The header itself is not repeated in the answer: it may be a secret of another scheme.
    let Some(rest) = text.strip_prefix(ALGORITHM) else {
        return Err(incomplete(format!(
            "Authorization header requires the algorithm {ALGORITHM}."
        )));
    };
    let (mut credential, mut signed_headers, mut signature) = (None, None, None);
    for part in rest.split(',') {
        match part.trim().split_once('=') {
            Some(("Credential", value)) => credential = Some(value.trim()),
            Some(("SignedHeaders", value)) => signed_headers = Some(value.trim()),
            Some(("Signature", value)) => signature = Some(value.trim()),
            _ => return Err(incomplete("Authorization header has a part that is not known.")),
        }
    }
    let required = |part: Option<&str>, name: &str| match part {
        Some(text) if !text.is_empty() => Ok(text.to_owned()),
        _ => Err(incomplete(format!("Authorization header requires '{name}' parameter."))),
    };
    let credential = required(credential, "Credential")?;
    let signature = required(signature, "Signature")?;
    let signed_headers = required(signed_headers, "SignedHeaders")?;
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let signed_at = match header("x-amz-date") {
        Some(text) if time::parse_basic(text).is_some() => text.to_owned(),
        Some(_) => return Err(incomplete("'X-Amz-Date' is not of the form 20100801T000000Z.")),
        None => header("date")
            .and_then(|text| time::parse_basic(text).or_else(|| time::parse_http_date(text)))
            .map(time::basic)
            .ok_or_else(|| {
                incomplete("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
            })?,
    };
    let token = header("x-amz-security-token").map(str::to_owned);
    claim(&credential, signed_at, &signed_headers, signature, token, None)
}

fn of_query(query: &str) -> Result<Claim, SignatureError> {
    let parameter = |name: &str| {
        query.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=')?;
            (key == name).then(|| unescape(value.as_bytes(), true).ok())?
        })
    };
    let required = |name: &str| match parameter(name) {
        Some(text) if !text.is_empty() => Ok(text.into_owned()),
        _ => Err(incomplete(format!("AWS query-string parameters must include '{name}'."))),
    };
    if required("X-Amz-Algorithm")? != ALGORITHM {
        return Err(incomplete(format!("X-Amz-Algorithm must be {ALGORITHM}.")));
    }
    let signed_at = required("X-Amz-Date")?;
    if time::parse_basic(&signed_at).is_none() {
        return Err(incomplete("'X-Amz-Date' is not of the form 20100801T000000Z."));
    }
    let expires: i64 = match parameter("X-Amz-Expires") {
        Some(text) => text
            .parse()
            .ok()
            .filter(|seconds| (1..=EXPIRES_S_MAX).contains(seconds))
            .ok_or_else(|| incomplete("X-Amz-Expires must be between 1 and 604800."))?,
        None => SKEW_MS_MAX / 1_000,
    };
    claim(
        &required("X-Amz-Credential")?,
        signed_at,
        &required("X-Amz-SignedHeaders")?,
        required("X-Amz-Signature")?,
        parameter("X-Amz-Security-Token").map(|text| text.into_owned()),
        Some(expires),
    )
}

fn claim(
    credential: &str,
    signed_at: String,
    signed_headers: &str,
    signature: String,
    session_token: Option<String>,
    expires_s: Option<i64>,
) -> Result<Claim, SignatureError> {
    let parts: Vec<&str> = credential.split('/').collect();
    let [key_id, date, region, service, TERMINATOR] = parts[..] else {
        return Err(incomplete(
            "Credential must have exactly 5 slash-delimited elements, e.g. \
             keyid/date/region/service/aws4_request.",
        ));
    };
    let is_date = date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit());
    if key_id.is_empty() || region.is_empty() || service.is_empty() || !is_date {
        return Err(incomplete("Credential has an empty or malformed element."));
    }
    let signed_headers: Vec<String> =
        signed_headers.split(';').map(|name| name.trim().to_ascii_lowercase()).collect();
    Ok(Claim {
        key_id: key_id.to_owned(),
        region: region.to_owned(),
        service: service.to_owned(),
        session_token,
        date: date.to_owned(),
        signed_at,
        signed_headers,
        signature,
        expires_s,
    })
}

impl Claim {
    /// Checks time and signature of a request against the secret of its key.
    ///
    /// `body` is what came over the wire, before decompression.
    ///
    /// # Errors
    /// [`SignatureError`] says what does not fit; never what would have fitted.
    pub fn verify(
        &self,
        parts: &Parts,
        body: &[u8],
        secret: &str,
        now_ms: i64,
    ) -> Result<(), SignatureError> {
        self.check_time(now_ms)?;
        self.check_signed_headers(&parts.headers)?;
        let payload = self.payload(parts, body)?;
        let canonical =
            canonical_request(parts, &self.signed_headers, &payload, self.expires_s.is_some());
        let expected = signature(&canonical, &self.signed_at, &self.scope(), secret);
        if expected.as_bytes().ct_eq(self.signature.as_bytes()).into() {
            return Ok(());
        }
        Err(SignatureError::Mismatch(
            "The request signature we calculated does not match the signature you provided. Check \
             your AWS Secret Access Key and signing method. Consult the service documentation for \
             details."
                .to_owned(),
        ))
    }

    /// Checks that the scope is for this service.
    ///
    /// # Errors
    /// [`SignatureError::Mismatch`].
    pub fn check_service(&self, signing_name: &str) -> Result<(), SignatureError> {
        if self.service == signing_name {
            return Ok(());
        }
        Err(SignatureError::Mismatch(format!(
            "Credential should be scoped to correct service: '{signing_name}'. "
        )))
    }

    fn scope(&self) -> Scope<'_> {
        Scope { date: &self.date, region: &self.region, service: &self.service }
    }

    fn check_time(&self, now_ms: i64) -> Result<(), SignatureError> {
        let at = &self.signed_at;
        if !at.starts_with(&self.date) {
            return Err(SignatureError::Mismatch(format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date \
                 from HTTP: '{}' != '{}', from '{at}'.",
                self.date,
                &at[..8],
            )));
        }
        let at_ms = time::parse_basic(at).unwrap_or_default();
        let now = time::basic(now_ms);
        if at_ms > now_ms.saturating_add(SKEW_MS_MAX) {
            let latest = time::basic(now_ms.saturating_add(SKEW_MS_MAX));
            return Err(SignatureError::Mismatch(format!(
                "Signature not yet current: {at} is still later than {latest} ({now} + 15 min.)"
            )));
        }
        match self.expires_s {
            Some(seconds) if at_ms + seconds * 1_000 < now_ms => Err(SignatureError::Expired),
            None if at_ms < now_ms.saturating_sub(SKEW_MS_MAX) => {
                let earliest = time::basic(now_ms.saturating_sub(SKEW_MS_MAX));
                Err(SignatureError::Mismatch(format!(
                    "Signature expired: {at} is now earlier than {earliest} ({now} - 15 min.)"
                )))
            }
            _ => Ok(()),
        }
    }

    /// What decides who is asked for what must be under the signature.
    fn check_signed_headers(&self, headers: &HeaderMap) -> Result<(), SignatureError> {
        let is_signed = |name: &str| self.signed_headers.iter().any(|signed| signed == name);
        for name in ["host", "x-amz-date", "x-amz-target", "x-amz-security-token"] {
            if !is_signed(name) && (name == "host" || headers.contains_key(name)) {
                return Err(SignatureError::Mismatch(format!(
                    "'{name}' must be a 'SignedHeader' in the AWS Authorization."
                )));
            }
        }
        Ok(())
    }

    fn payload(&self, parts: &Parts, body: &[u8]) -> Result<String, SignatureError> {
        let hash = hex(&Sha256::digest(body));
        let said = match parts.headers.get("x-amz-content-sha256") {
            Some(value) => value.to_str().unwrap_or_default(),
            None if self.expires_s.is_some() => {
                let query = parts.uri.query().unwrap_or_default();
                let is_unsigned =
                    query.split('&').any(|pair| pair == "X-Amz-Content-Sha256=UNSIGNED-PAYLOAD");
                if is_unsigned { UNSIGNED } else { &hash }
            }
            None => &hash,
        };
        if said == UNSIGNED || said == hash {
            return Ok(said.to_owned());
        }
        Err(SignatureError::Mismatch(
            "The provided 'x-amz-content-sha256' header does not match what was computed.".into(),
        ))
    }
}

/// The part of a scope that the signing key depends on.
#[derive(Debug, Clone, Copy)]
struct Scope<'s> {
    date: &'s str,
    region: &'s str,
    service: &'s str,
}

/// Keys to sign with.
#[derive(Clone, Copy)]
pub struct Keys<'k> {
    /// Access key id.
    pub key_id: &'k str,
    /// Its secret.
    pub secret: &'k str,
    /// Token of a session, where the key is one of a session.
    pub session_token: Option<&'k str>,
}

impl std::fmt::Debug for Keys<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

/// Signs a request by headers. All headers that are there, but those that proxies change, come
/// under the signature.
///
/// # Panics
/// When a key holds what no header can.
pub fn sign(
    parts: &mut Parts,
    body: &[u8],
    keys: Keys<'_>,
    region: &str,
    service: &str,
    now_ms: i64,
) {
    let at = time::basic(now_ms);
    let header = |text: &str| http::HeaderValue::from_str(text).expect("keys are visible ASCII");
    parts.headers.insert("x-amz-date", header(&at));
    if let Some(token) = keys.session_token {
        parts.headers.insert("x-amz-security-token", header(token));
    }
    if !parts.headers.contains_key("host")
        && let Some(authority) = parts.uri.authority()
    {
        let host = header(authority.as_str());
        parts.headers.insert("host", host);
    }
    let mut signed: Vec<String> = parts
        .headers
        .keys()
        .map(|name| name.as_str().to_owned())
        .filter(|name| {
            !matches!(
                name.as_str(),
                "authorization"
                    | "user-agent"
                    | "expect"
                    | "connection"
                    | "transfer-encoding"
                    | "x-amzn-trace-id"
            )
        })
        .collect();
    signed.sort();
    let scope = Scope { date: &at[..8], region, service };
    let payload = hex(&Sha256::digest(body));
    let canonical = canonical_request(parts, &signed, &payload, false);
    let signature = signature(&canonical, &at, &scope, keys.secret);
    let authorization = format!(
        "{ALGORITHM} Credential={}/{}/{region}/{service}/{TERMINATOR}, SignedHeaders={}, \
         Signature={signature}",
        keys.key_id,
        scope.date,
        signed.join(";"),
    );
    parts.headers.insert(http::header::AUTHORIZATION, header(&authorization));
}

/// Returns everything a signature covers, as text.
fn canonical_request(
    parts: &Parts,
    signed_headers: &[String],
    payload: &str,
    is_presigned: bool,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    out.extend_from_slice(parts.method.as_str().as_bytes());
    out.push(b'\n');
    escape_path(&normal_path(parts.uri.path()), &mut out);
    out.push(b'\n');
    canonical_query(parts.uri.query().unwrap_or_default(), is_presigned, &mut out);
    out.push(b'\n');
    for name in signed_headers {
        out.extend_from_slice(name.as_bytes());
        out.push(b':');
        canonical_header(name, parts, &mut out);
        out.push(b'\n');
    }
    out.push(b'\n');
    out.extend_from_slice(signed_headers.join(";").as_bytes());
    out.push(b'\n');
    out.extend_from_slice(payload.as_bytes());
    out
}

/// Takes empty parts, `.` and `..` out of a path.
fn normal_path(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => _ = kept.pop(),
            part => kept.push(part),
        }
    }
    let mut out = format!("/{}", kept.join("/"));
    if path.len() > 1 && path.ends_with('/') && !kept.is_empty() {
        out.push('/');
    }
    out
}

fn escape_path(path: &str, out: &mut Vec<u8>) {
    for (i, part) in path.split('/').enumerate() {
        if i > 0 {
            out.push(b'/');
        }
        escape(part.as_bytes(), out);
    }
}

fn canonical_query(query: &str, is_presigned: bool, out: &mut Vec<u8>) {
    let mut pairs: Vec<(Vec<u8>, Vec<u8>)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .filter(|(name, _)| !(is_presigned && *name == "X-Amz-Signature"))
        .map(|(name, value)| (normal_escapes(name), normal_escapes(value)))
        .collect();
    pairs.sort();
    for (i, (name, value)) in pairs.iter().enumerate() {
        if i > 0 {
            out.push(b'&');
        }
        out.extend_from_slice(name);
        out.push(b'=');
        out.extend_from_slice(value);
    }
}

/// Writes the escapes of a parameter in the one way that signatures use, whatever the client did.
fn normal_escapes(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    match unescape(text.as_bytes(), true) {
        Ok(plain) => escape(plain.as_bytes(), &mut out),
        // Escapes that give no text are taken as they stand; the client did so too.
        Err(_) => out.extend_from_slice(text.as_bytes()),
    }
    out
}

fn canonical_header(name: &str, parts: &Parts, out: &mut Vec<u8>) {
    let mut is_first = true;
    for value in parts.headers.get_all(name) {
        if !std::mem::replace(&mut is_first, false) {
            out.push(b',');
        }
        let words = value.as_bytes().split(|byte| matches!(byte, b' ' | b'\t'));
        for (i, word) in words.filter(|word| !word.is_empty()).enumerate() {
            if i > 0 {
                out.push(b' ');
            }
            out.extend_from_slice(word);
        }
    }
    // HTTP/2 has the host elsewhere.
    if is_first
        && name == "host"
        && let Some(authority) = parts.uri.authority()
    {
        out.extend_from_slice(authority.as_str().as_bytes());
    }
}

fn signature(canonical: &[u8], at: &str, scope: &Scope<'_>, secret: &str) -> String {
    let Scope { date, region, service } = scope;
    let to_sign = format!(
        "{ALGORITHM}\n{at}\n{date}/{region}/{service}/{TERMINATOR}\n{}",
        hex(&Sha256::digest(canonical))
    );
    let mut key = hmac(format!("AWS4{secret}").as_bytes(), date);
    for part in [region, service, TERMINATOR] {
        key = hmac(&key, part);
    }
    hex(&hmac(&key, &to_sign))
}

fn hmac(key: &[u8], text: &str) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length is taken");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().into()
}

fn hex(bytes: &[u8]) -> String {
    let nibble = |n: u8| char::from(b"0123456789abcdef"[usize::from(n & 15)]);
    bytes.iter().flat_map(|byte| [nibble(byte >> 4), nibble(*byte)]).collect()
}
