//! Ids and secrets, as texts that nobody guesses.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use stdx::Rng;

/// What ids of access keys begin with. As long as AWS's, so that SDKs take them.
const KEY_ID_PREFIX: &str = "SLAK";
const TOKEN_ID_PREFIX: &str = "SLTK";
/// What tokens begin with: a leaked one is recognised, and told from a password.
pub(crate) const TOKEN_PREFIX: &str = "slt_";

/// Eighty random bits as sixteen letters and digits.
fn id(prefix: &str) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bytes = Rng::system_bytes::<16>();
    let letters = bytes.iter().map(|b| char::from(ALPHABET[usize::from(b & 31)]));
    prefix.chars().chain(letters).collect()
}

pub(super) fn key_id() -> String {
    id(KEY_ID_PREFIX)
}

pub(super) fn token_id() -> String {
    id(TOKEN_ID_PREFIX)
}

/// Says whether a text has the form of an access key's id.
pub(super) fn is_key_id(text: &str) -> bool {
    text.len() == 20 && text.starts_with(KEY_ID_PREFIX)
}

/// Length of an access key's secret.
const SECRET_LEN: usize = 40;

/// Says whether a text is, by its form, a token, a secret of an access key, or of one of AWS.
pub(super) fn is_secret(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_+/".contains(&b);
    text.contains(TOKEN_PREFIX) || (text.len() == SECRET_LEN && text.bytes().all(allowed))
}

/// Forty characters from 240 random bits.
pub(super) fn key_secret() -> String {
    URL_SAFE_NO_PAD.encode(Rng::system_bytes::<30>())
}

/// A token from 256 random bits.
pub(super) fn token() -> String {
    format!("{TOKEN_PREFIX}{}", URL_SAFE_NO_PAD.encode(Rng::system_bytes::<32>()))
}

/// What is kept of a token. Its 256 random bits need no salt and no slow hash.
pub(super) fn token_hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let nibble = |n: u8| char::from(b"0123456789abcdef"[usize::from(n & 15)]);
    bytes.iter().flat_map(|byte| [nibble(byte >> 4), nibble(*byte)]).collect()
}

pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect();
    let digits = digits?;
    (digits.len() % 2 == 0).then(|| digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_secrets_have_the_form_that_clients_take() {
        let id = key_id();
        assert!(is_key_id(&id), "{id}");
        assert!(id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()), "{id}");
        assert_ne!(id, key_id());
        assert_eq!(key_secret().len(), SECRET_LEN);
        assert!(is_secret(&key_secret()) && is_secret(&token()) && is_secret("user:slt_x"));
        assert!(!is_secret(&id) && !is_secret("ann") && !is_secret(&token_id()));
        assert_eq!(token().len(), TOKEN_PREFIX.len() + 43);
        assert_eq!(token_id().len(), 20);
    }

    #[test]
    fn hexadecimal_goes_both_ways() {
        assert_eq!(hex(&[0, 255, 26]), "00ff1a");
        assert_eq!(unhex("00ff1a"), Some(vec![0, 255, 26]));
        assert_eq!((unhex("0"), unhex("0g")), (None, None));
    }
}
