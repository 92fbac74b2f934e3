//! Where the root key comes from, which wraps the data keys of a data folder (ADR 0028): a file, the environment, or a
//! passphrase in the environment.
//!
//! A file that is missing is made, 0600, where the folder has no keys yet; where it has some, nothing is made and nothing is
//! changed, because a new root key would open none of them.

use crate::whole_file;
use base64_simd::STANDARD;
use engine::{Chance, Keyring, Wrapped};
use journal::{Io, ROOT_KEY};
use seal::{KEY_BYTES, LocalRootKey, Passphrase, RootKey, Secret};
use std::fmt;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the key `root_key` says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum RootKeySource {
    /// `root.key` in the data folder.
    #[default]
    Beside,
    /// A file: 32 bytes in base64.
    File(PathBuf),
    /// A variable: 32 bytes in base64.
    Variable(String),
    /// A variable that holds a passphrase.
    Passphrase(String),
}

/// A root key, and how it came from a passphrase if it did.
pub(crate) type Root = (Arc<dyn RootKey>, Option<Passphrase>);

impl RootKeySource {
    /// Reads the value of the key.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text.is_empty() => Ok(Self::Beside),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            Some(("env", name)) if !name.is_empty() => Ok(Self::Variable(name.into())),
            Some(("passphrase-env", name)) if !name.is_empty() => Ok(Self::Passphrase(name.into())),
            _ => Err("expected file:PATH, env:NAME or passphrase-env:NAME".into()),
        }
    }

    /// The root key for a folder. One that is missing is made if the folder has no keys yet.
    pub(crate) fn open(&self, folder: &Path, io: &dyn Io) -> Result<Root, String> {
        self.find(folder, io, true)
    }

    /// The root key for a folder, as far as it is there.
    pub(crate) fn look(&self, folder: &Path, io: &dyn Io) -> Result<Root, String> {
        self.find(folder, io, false)
    }

    /// A root key that is to wrap the keys of a folder from now on, whatever wrapped them before.
    pub(crate) fn new_root(&self, folder: &Path) -> Result<Root, String> {
        match self {
            Self::Beside => of_file(&folder.join(ROOT_KEY), None, true),
            Self::File(path) => of_file(path, None, true),
            Self::Variable(name) => {
                Ok((of_text(&variable(name)?).map_err(|why| format!("the variable {name}: {why}"))?, None))
            }
            Self::Passphrase(name) => of_passphrase(&variable(name)?, None),
        }
    }

    /// As the key `root_key` has it.
    pub(crate) fn as_value(&self) -> String {
        match self {
            Self::Beside => String::new(),
            Self::File(path) => format!("file:{}", path.display()),
            Self::Variable(name) => format!("env:{name}"),
            Self::Passphrase(name) => format!("passphrase-env:{name}"),
        }
    }

    fn find(&self, folder: &Path, io: &dyn Io, make: bool) -> Result<Root, String> {
        let wrapped = Keyring::look(io).map_err(|error| error.to_string())?;
        let root = match self {
            Self::Beside => of_file(&folder.join(ROOT_KEY), wrapped.as_ref(), make)?,
            Self::File(path) => of_file(path, wrapped.as_ref(), make)?,
            Self::Variable(name) => {
                (of_text(&variable(name)?).map_err(|why| format!("the variable {name}: {why}"))?, None)
            }
            Self::Passphrase(name) => of_passphrase(&variable(name)?, wrapped.as_ref())?,
        };
        match wrapped.filter(|wrapped| wrapped.root != root.0.id()) {
            None => Ok(root),
            Some(wrapped) => Err(format!(
                "{self} is not the root key of this folder: its keys were wrapped by the root key {}, and this one is {}. \
                 Name the right one with root_key; nothing was changed",
                shown(&wrapped.root),
                shown(&root.0.id())
            )),
        }
    }
}

impl fmt::Display for RootKeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Beside => write!(f, "the file {ROOT_KEY}"),
            Self::File(path) => write!(f, "the file {}", path.display()),
            Self::Variable(name) => write!(f, "the variable {name}"),
            Self::Passphrase(name) => write!(f, "the passphrase in {name}"),
        }
    }
}

/// An id as people read it.
pub(crate) fn shown(id: &[u8; 16]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A root key that nobody keeps.
pub(crate) fn passing() -> Arc<dyn RootKey> {
    Arc::new(LocalRootKey::new(&secret()))
}

/// Bytes that nobody guesses, for as long as the process lasts.
pub(crate) fn secret() -> [u8; KEY_BYTES] {
    let mut bytes = [0; KEY_BYTES];
    chance()(&mut bytes);
    bytes
}

/// The system's chance.
pub(crate) fn chance() -> Chance {
    Arc::new(|out: &mut [u8]| getrandom::fill(out).expect("the system gives random bytes"))
}

fn variable(name: &str) -> Result<Secret, String> {
    std::env::var(name).map(Secret::from).map_err(|_| format!("root_key names the variable {name}, which is not set"))
}

fn of_text(text: &Secret) -> Result<Arc<dyn RootKey>, String> {
    let bytes = STANDARD.decode_to_vec(text.expose().trim_ascii()).ok().map(Secret::new);
    let bytes = bytes.ok_or("it is no base64; `openssl rand -base64 32` makes a key")?;
    let bytes: &[u8; KEY_BYTES] =
        bytes.expose().try_into().map_err(|_| "it is not 32 bytes; `openssl rand -base64 32` makes a key")?;
    Ok(Arc::new(LocalRootKey::new(bytes)))
}

fn of_passphrase(text: &Secret, wrapped: Option<&Wrapped>) -> Result<Root, String> {
    let salt = || {
        let mut salt = [0; 16];
        chance()(&mut salt);
        Passphrase::new(salt)
    };
    if text.is_empty() {
        return Err("the passphrase is empty".into());
    }
    let passphrase = match wrapped {
        None => salt(),
        Some(wrapped) => wrapped.passphrase.ok_or_else(|| {
            let id = shown(&wrapped.root);
            format!("the keys of this folder were wrapped by the root key {id}, which comes from no passphrase")
        })?,
    };
    Ok((Arc::new(passphrase.root_key(text)), Some(passphrase)))
}

fn of_file(path: &Path, wrapped: Option<&Wrapped>, make: bool) -> Result<Root, String> {
    match std::fs::read(path).map(Secret::new) {
        Ok(text) => {
            warn_if_open(path);
            let root = of_text(&text).map_err(|why| format!("the root key in {}: {why}", path.display()))?;
            Ok((root, None))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => match wrapped {
            Some(wrapped) => Err(format!(
                "what is in this folder is sealed, and its root key {} is not there: {} is missing. Put the file back, or name \
                 another with root_key; no backup contains it, and nothing opens the folder without it. Nothing was changed",
                shown(&wrapped.root),
                path.display()
            )),
            None if make => make_file(path),
            None => Err(format!("{} is missing", path.display())),
        },
        Err(error) => Err(format!("the root key in {} cannot be read: {error}", path.display())),
    }
}

fn make_file(path: &Path) -> Result<Root, String> {
    let mut bytes = vec![0; KEY_BYTES];
    chance()(&mut bytes);
    let text = Secret::new(format!("{}\n", STANDARD.encode_to_string(&bytes)));
    drop(Secret::new(bytes));
    // Durable before anything is wrapped by it.
    whole_file::make(path, text.expose(), 0o600)
        .map_err(|error| format!("the root key cannot be written to {}: {error}", path.display()))?;
    tracing::info!(file = %path.display(), "made a root key: keep a copy apart from the backups, nothing opens them without it");
    Ok((of_text(&text)?, None))
}

fn warn_if_open(path: &Path) {
    let others = std::fs::metadata(path).map_or(0, |metadata| metadata.permissions().mode() & 0o007);
    if others != 0 {
        tracing::warn!(file = %path.display(), "everybody on this machine may read the root key; chmod 600 it");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use journal::sim::SimDisk;

    #[test]
    fn the_key_says_file_variable_or_passphrase() {
        assert_eq!(RootKeySource::parse(""), Ok(RootKeySource::Beside));
        assert_eq!(RootKeySource::parse("file:/run/key"), Ok(RootKeySource::File("/run/key".into())));
        assert_eq!(RootKeySource::parse("env:KEY"), Ok(RootKeySource::Variable("KEY".into())));
        assert_eq!(RootKeySource::parse("passphrase-env:WORDS"), Ok(RootKeySource::Passphrase("WORDS".into())));
        for wrong in ["file:", "env:", "/run/key", "vault:x", "passphrase:secret"] {
            assert!(RootKeySource::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_key_is_32_bytes_in_base64_and_no_error_repeats_it() {
        let sound = Secret::new(format!("{}\n", STANDARD.encode_to_string([7; 32])));
        assert_eq!(of_text(&sound).unwrap().id(), LocalRootKey::new(&[7; 32]).id());
        for wrong in ["hunter2!", "aHVudGVyMg==", ""] {
            let why = of_text(&Secret::from(wrong)).err().unwrap();
            assert!(wrong.is_empty() || !why.contains(wrong), "{why}");
        }
    }

    #[test]
    fn a_passphrase_needs_the_salt_that_was_kept() {
        let words = Secret::from("correct horse");
        let (root, passphrase) = of_passphrase(&words, None).unwrap();
        let disk: Arc<dyn Io> = Arc::new(SimDisk::new(1));
        let other: Arc<dyn RootKey> = Arc::new(LocalRootKey::new(&[7; 32]));
        let keys = Keyring::simulated(&disk).unwrap();
        keys.rotate(names::Instant::EPOCH).unwrap();
        let refused = of_passphrase(&words, Keyring::look(&*disk).unwrap().as_ref()).err().unwrap();
        assert!(refused.contains("comes from no passphrase"), "{refused}");
        Keyring::rewrap(&*disk, &*other, &*root, passphrase, &chance()).unwrap();
        let wrapped = Keyring::look(&*disk).unwrap().unwrap();
        assert_eq!(of_passphrase(&words, Some(&wrapped)).unwrap().0.id(), root.id());
        assert_ne!(of_passphrase(&Secret::from("correct hose"), Some(&wrapped)).unwrap().0.id(), root.id());
    }
}
