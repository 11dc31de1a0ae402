//! The key that secrets in the catalog are encrypted under, in a file beside them.
//!
//! Whoever has the catalog alone - a backup, a stolen disk image of it - has no secrets.

use super::random_text::{hex, unhex};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};
use stdx::{Disk, Rng};

/// First line of the file.
const FORM: &str = "sightline-key 1";

/// Why there is no key to encrypt or decrypt with.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// Others can read it.
    #[error(
        "key file {0} can be read by others; make it yours alone: chmod 600 {0}, and make new \
         access keys if anybody may have read it"
    )]
    Open(PathBuf),
    /// It is not there, and there are secrets that need it.
    #[error(
        "key file {0} is missing, and the secrets of access keys are encrypted under it; put it \
         back (a backup leaves it out on purpose), name it with --key-file, or revoke the keys \
         (`sightline keys revoke --all --data DIR`) and make new ones"
    )]
    Missing(PathBuf),
    /// It is another key.
    #[error(
        "key file {path} is not the one that the secrets of access keys are encrypted under \
         ({what}); put the right one back, name it with --key-file, or revoke the keys \
         (`sightline keys revoke --all --data DIR`) and make new ones"
    )]
    Wrong {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        what: String,
    },
    /// It is no key file.
    #[error("key file {0} is damaged: it must hold `{FORM}`, an id and a key, a line each")]
    Damaged(PathBuf),
    /// It cannot be read or made.
    #[error("key file {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
}

/// A secret as the catalog keeps it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Sealed {
    /// Which key it was encrypted under; so that there can be several, one day.
    pub(super) under: String,
    nonce: String,
    text: String,
}

/// The key of a key file.
pub(super) struct SecretKey {
    path: PathBuf,
    id: String,
    cipher: XChaCha20Poly1305,
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl SecretKey {
    /// Reads the file; `None` when there is none.
    pub(super) fn read(disk: &dyn Disk, path: &Path) -> Result<Option<Self>, KeyFileError> {
        let failed = |source| KeyFileError::File { path: path.to_path_buf(), source };
        let file = match disk.open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        if disk.is_open_to_others(path).map_err(failed)? {
            return Err(KeyFileError::Open(path.to_path_buf()));
        }
        let text = String::from_utf8(file.read_all().map_err(failed)?).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let [FORM, id, key] = lines[..] else {
            return Err(KeyFileError::Damaged(path.to_path_buf()));
        };
        let key: Option<[u8; 32]> = unhex(key).and_then(|key| key.try_into().ok());
        let key = key.ok_or_else(|| KeyFileError::Damaged(path.to_path_buf()))?;
        Ok(Some(Self::new(path, id, key)))
    }

    /// Makes a new key and its file, which must not exist.
    pub(super) fn make(disk: &dyn Disk, path: &Path) -> Result<Self, KeyFileError> {
        let failed = |source| KeyFileError::File { path: path.to_path_buf(), source };
        let (id, key) = (hex(&Rng::system_bytes::<8>()), Rng::system_bytes::<32>());
        let text = format!("{FORM}\n{id}\n{}\n", hex(&key));
        // Under another name first: half a key must never stand under its own.
        let beside = path.with_extension("new");
        let write = || {
            match disk.remove(&beside) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let file = disk.create_private(&beside)?;
            file.write_all_at(text.as_bytes(), 0)?;
            file.sync()?;
            disk.rename(&beside, path)?;
            let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
            disk.sync_dir(dir.unwrap_or(Path::new(".")))
        };
        write().map_err(failed)?;
        Ok(Self::new(path, &id, key))
    }

    fn new(path: &Path, id: &str, key: [u8; 32]) -> Self {
        let cipher = XChaCha20Poly1305::new(&Key::from(key));
        Self { path: path.to_path_buf(), id: id.to_owned(), cipher }
    }

    /// Encrypts a secret; it decrypts only together with the same `bound`.
    pub(super) fn seal(&self, secret: &str, bound: &str) -> Sealed {
        let nonce = Rng::system_bytes::<24>();
        let payload = Payload { msg: secret.as_bytes(), aad: bound.as_bytes() };
        let text = self.cipher.encrypt(&XNonce::from(nonce), payload).expect("a secret is short");
        Sealed { under: self.id.clone(), nonce: hex(&nonce), text: hex(&text) }
    }

    /// Decrypts a secret.
    pub(super) fn open(&self, sealed: &Sealed, bound: &str) -> Result<String, KeyFileError> {
        let wrong = |what: String| KeyFileError::Wrong { path: self.path.clone(), what };
        if sealed.under != self.id {
            return Err(wrong(format!("they are under {}, this is {}", sealed.under, self.id)));
        }
        let nonce: Option<[u8; 24]> = unhex(&sealed.nonce).and_then(|n| n.try_into().ok());
        let plain = nonce.zip(unhex(&sealed.text)).and_then(|(nonce, text)| {
            let payload = Payload { msg: &text, aad: bound.as_bytes() };
            self.cipher.decrypt(&XNonce::from(nonce), payload).ok()
        });
        plain
            .and_then(|plain| String::from_utf8(plain).ok())
            .ok_or_else(|| wrong(format!("{bound} does not decrypt")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stdx::{CrashPlan, SimDisk};

    const PATH: &str = "/d/secret.key";

    fn disk() -> SimDisk {
        SimDisk::new(1, CrashPlan::default())
    }

    #[test]
    fn a_secret_opens_under_its_key_and_record_only() {
        let (disk, path) = (disk(), Path::new(PATH));
        assert!(SecretKey::read(&disk, path).unwrap().is_none());
        let key = SecretKey::make(&disk, path).unwrap();
        let sealed = key.seal("secret", "key 1");
        assert!(!sealed.text.contains(&hex(b"secret")));
        let again = SecretKey::read(&disk, path).unwrap().unwrap();
        assert_eq!(again.open(&sealed, "key 1").unwrap(), "secret");
        let other_record = again.open(&sealed, "key 2").unwrap_err().to_string();
        assert!(other_record.contains("does not decrypt"), "{other_record}");
        disk.remove(path).unwrap();
        let other = SecretKey::make(&disk, path).unwrap();
        assert!(matches!(other.open(&sealed, "key 1"), Err(KeyFileError::Wrong { .. })));
    }

    #[test]
    fn files_that_others_read_or_that_are_no_keys_are_refused() {
        let (disk, path) = (disk(), Path::new(PATH));
        let file = disk.open_or_create(path).unwrap();
        file.write_all_at(b"sightline-key 1\nab\n00", 0).unwrap();
        assert!(matches!(SecretKey::read(&disk, path), Err(KeyFileError::Open(_))));
        disk.remove(path).unwrap();
        for text in ["", "sightline-key 1\nab\n00", "sightline-key 2\nab\n00\n", "\u{0}"] {
            disk.create_private(path).unwrap().write_all_at(text.as_bytes(), 0).unwrap();
            let read = SecretKey::read(&disk, path);
            assert!(matches!(read, Err(KeyFileError::Damaged(_))), "{text:?}");
            disk.remove(path).unwrap();
        }
    }

    #[test]
    fn power_that_goes_while_it_is_made_leaves_none_or_a_whole_one() {
        for at in 1..12 {
            for seed in 0..8 {
                let plan = CrashPlan { power_off_at: Some(at), ..CrashPlan::default() };
                let disk = SimDisk::new(seed, plan);
                let _ = SecretKey::make(&disk, Path::new(PATH));
                let later = disk.after_power_loss();
                let found = SecretKey::read(&later, Path::new(PATH));
                assert!(found.is_ok(), "operation {at}, seed {seed}: {found:?}");
                if found.is_ok_and(|found| found.is_none()) {
                    SecretKey::make(&later, Path::new(PATH)).unwrap();
                }
            }
        }
    }
}
