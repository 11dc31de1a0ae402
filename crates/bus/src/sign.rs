//! The key that messages are signed with, and its certificate.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, DnType, KeyPair, PKCS_RSA_SHA256};
use rsa::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _};
use rsa::rand_core::{CryptoRng, RngCore};
use rsa::{Pkcs1v15Sign, RsaPrivateKey};
use rustls::pki_types::PrivatePkcs8KeyDer;
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use std::fmt;
use stdx::Rng;

const BITS: usize = 2_048;

/// How a message is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SignatureVersion {
    /// Over SHA-1, which is what topics have unless told otherwise.
    #[default]
    One,
    /// Over SHA-256.
    Two,
}

impl SignatureVersion {
    /// Returns the word that goes over the wire.
    pub fn text(self) -> &'static str {
        match self {
            Self::One => "1",
            Self::Two => "2",
        }
    }

    /// Returns what the digest is called inside of the signature: the beginning of its structure.
    fn prefix(self) -> &'static [u8] {
        const SHA1: &[u8] = &[
            0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04,
            0x14,
        ];
        const SHA256: &[u8] = &[
            0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
            0x01, 0x05, 0x00, 0x04, 0x20,
        ];
        match self {
            Self::One => SHA1,
            Self::Two => SHA256,
        }
    }

    fn digest(self, text: &str) -> Vec<u8> {
        match self {
            Self::One => Sha1::digest(text.as_bytes()).to_vec(),
            Self::Two => Sha256::digest(text.as_bytes()).to_vec(),
        }
    }
}

/// Why there is no key to sign with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("key for signing messages: {0}")]
pub struct SigningKeyError(String);

fn failed(error: impl fmt::Display) -> SigningKeyError {
    SigningKeyError(error.to_string())
}

/// A key and its certificate as they are kept. The key is a secret.
#[derive(Clone, Serialize, Deserialize)]
pub struct KeptSigningKey {
    /// PKCS#8, in base64.
    pub key: String,
    /// The certificate, in PEM.
    pub certificate: String,
}

/// A key to sign with.
pub struct SigningKey {
    key: RsaPrivateKey,
    certificate: String,
    id: String,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The operating system's randomness, as the key's crate wants it.
struct SystemRng;

impl RngCore for SystemRng {
    fn next_u32(&mut self) -> u32 {
        u32::from_le_bytes(Rng::system_bytes())
    }

    fn next_u64(&mut self) -> u64 {
        u64::from_le_bytes(Rng::system_bytes())
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        for piece in bytes.chunks_mut(64) {
            piece.copy_from_slice(&Rng::system_bytes::<64>()[..piece.len()]);
        }
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rsa::rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for SystemRng {}

impl SigningKey {
    /// Makes a key, which takes some tenths of a second.
    ///
    /// # Errors
    /// [`SigningKeyError`].
    pub fn make() -> Result<(Self, KeptSigningKey), SigningKeyError> {
        let key = RsaPrivateKey::new(&mut SystemRng, BITS).map_err(failed)?;
        let der = key.to_pkcs8_der().map_err(failed)?;
        let pair = PrivatePkcs8KeyDer::from(der.as_bytes().to_vec());
        let pair =
            KeyPair::from_pkcs8_der_and_sign_algo(&pair, &PKCS_RSA_SHA256).map_err(failed)?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Sightline notifications");
        let certificate = params.self_signed(&pair).map_err(failed)?.pem();
        let kept = KeptSigningKey { key: STANDARD.encode(der.as_bytes()), certificate };
        Ok((Self::read(&kept)?, kept))
    }

    /// Reads a key that was kept.
    ///
    /// # Errors
    /// [`SigningKeyError`].
    pub fn read(kept: &KeptSigningKey) -> Result<Self, SigningKeyError> {
        let der = STANDARD.decode(&kept.key).map_err(failed)?;
        let key = RsaPrivateKey::from_pkcs8_der(&der).map_err(failed)?;
        let digest = Sha256::digest(kept.certificate.as_bytes());
        let id = digest[..16].iter().map(|b| format!("{b:02x}")).collect();
        Ok(Self { key, certificate: kept.certificate.clone(), id })
    }

    /// Returns the certificate in PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Returns what tells this certificate from others: hexadecimal digits.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Signs a text; the signature is in base64.
    pub fn sign(&self, text: &str, version: SignatureVersion) -> String {
        let mut info = version.prefix().to_vec();
        info.extend(version.digest(text));
        let padding = Pkcs1v15Sign::new_unprefixed();
        let signature = self.key.sign_with_rng(&mut SystemRng, padding, &info);
        STANDARD.encode(signature.expect("a digest fits into the key"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rsa::RsaPublicKey;

    #[test]
    fn signatures_verify_with_the_key_of_the_certificate() {
        let (key, kept) = SigningKey::make().unwrap();
        let again = SigningKey::read(&kept).unwrap();
        assert_eq!(key.id(), again.id());
        assert!(key.certificate().starts_with("-----BEGIN CERTIFICATE-----"));
        let public = RsaPublicKey::from(&key.key);
        for (version, len) in [(SignatureVersion::One, 35), (SignatureVersion::Two, 51)] {
            let signature = STANDARD.decode(again.sign("text\n", version)).unwrap();
            let mut info = version.prefix().to_vec();
            info.extend(version.digest("text\n"));
            assert_eq!(info.len(), len);
            assert_eq!(public.verify(Pkcs1v15Sign::new_unprefixed(), &info, &signature), Ok(()));
        }
    }
}
