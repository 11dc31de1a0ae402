//! Page tokens: opaque to clients, checked by us, good for one request only.
//!
//! A token holds where the next page starts and a keyed checksum over that, the operation, the
//! scope and everything else the request asked for. So a made-up token, one of another operation
//! or account, and one that comes with a changed filter are all refused, and nothing is kept on
//! the server. That a token was used before cannot be told from it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::codec::cbor;
use crate::schema::Field;
use crate::value::{Struct, Value};

/// Bytes of the checksum that a token carries. Half of the whole is out of reach of guessing.
const CHECKSUM_BYTES: usize = 16;
/// First byte of every token, so that a later form can be told apart.
const FORM: u8 = 1;
/// The longest token that is looked at.
const TOKEN_CHARS_MAX: usize = 8_192;

/// Why a token is refused. There is one cause for the client: start again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("page token is not one of this request")]
pub struct BadToken;

/// Makes and checks the tokens of one store.
pub struct PageTokens {
    secret: [u8; 32],
}

impl std::fmt::Debug for PageTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PageTokens(..)")
    }
}

/// What a token is bound to.
#[derive(Debug, Clone, Copy)]
pub struct Bound<'r> {
    /// Name of the operation.
    pub operation: &'r str,
    /// Account and region, or whatever else the answer depends on.
    pub scope: &'r str,
    /// The request.
    pub request: &'r Struct<'r>,
    /// The request's member for the token, which is left out of what is bound.
    pub token: Field,
}

impl PageTokens {
    /// Takes the secret of a store. Tokens live as long as it does.
    pub fn new(secret: [u8; 32]) -> Self {
        Self { secret }
    }

    /// Makes a token from what says where the next page starts.
    pub fn seal(&self, bound: &Bound<'_>, position: &[u8]) -> String {
        let mut token = vec![FORM];
        token.extend_from_slice(&self.checksum(bound, position));
        token.extend_from_slice(position);
        BASE64.encode(token)
    }

    /// Returns what [`Self::seal`] was given.
    ///
    /// # Errors
    /// [`BadToken`] when it was not made here for the same operation, scope and request.
    pub fn open(&self, bound: &Bound<'_>, token: &str) -> Result<Vec<u8>, BadToken> {
        if token.len() > TOKEN_CHARS_MAX {
            return Err(BadToken);
        }
        let bytes = BASE64.decode(token).map_err(|_| BadToken)?;
        let Some((&FORM, rest)) = bytes.split_first() else { return Err(BadToken) };
        let (checksum, position) = rest.split_at_checked(CHECKSUM_BYTES).ok_or(BadToken)?;
        if self.checksum(bound, position).ct_eq(checksum).into() {
            Ok(position.to_vec())
        } else {
            Err(BadToken)
        }
    }

    /// Returns the position of the request's own token; `None` when it is a first page.
    ///
    /// # Errors
    /// [`BadToken`] as [`Self::open`].
    pub fn position(&self, bound: &Bound<'_>) -> Result<Option<Vec<u8>>, BadToken> {
        match bound.request.get(bound.token) {
            Value::Str(token) => self.open(bound, token).map(Some),
            _ => Ok(None),
        }
    }

    fn checksum(&self, bound: &Bound<'_>, position: &[u8]) -> [u8; CHECKSUM_BYTES] {
        let mut request = bound.request.clone();
        request.set(bound.token, Value::Null);
        let mut bytes = Vec::new();
        cbor::encode(&request, &mut bytes);
        let asked = Sha256::digest(&bytes);
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.secret).expect("a key of any length is taken");
        // Each part behind its length: no two different lists of parts give the same bytes.
        for part in [bound.operation.as_bytes(), bound.scope.as_bytes(), &asked, position] {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part);
        }
        let whole = mac.finalize().into_bytes();
        let mut half = [0; CHECKSUM_BYTES];
        half.copy_from_slice(&whole[..CHECKSUM_BYTES]);
        half
    }
}
