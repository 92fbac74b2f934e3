//! The key by which SNS signs, and its certificate: made when the first message needs them, kept in the data folder.
//!
//! One file, 0600, that is there whole or not at all: the certificate, and the private key sealed under the folder's root key, as keys
//! of KMS are. To make, read or open it may take long, so a thread does that which may block, one at a time: who asks meanwhile waits
//! for the same attempt, and is told of its failure. A start does not look at it. A file whose key does not open any more is replaced with a word in the log: receivers fetch
//! the certificate that a message names, so a new key is no harm to them. The certificate is served to everybody.

use crate::{root_key, whole_file};
use base64_simd::STANDARD;
use rcgen::{CertificateParams, DnType, KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256, RsaKeySize};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use seal::{RootKey, RootKeyError, Secret};
use sns::{KeyComing, SigningKey, SigningKeys, certificate_file};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::Mutex;

/// The file, in the data folder.
pub(crate) const FILE: &str = "sns-signing.pem";

/// Before the sealed key, in a line of its own behind the certificate.
const SEALED: &str = "sealed-key ";

/// What the key is sealed for.
const CONTEXT: &[u8] = b"sns signing key";

/// How long the certificate lasts. Nobody renews it, and nobody who checks a signature checks how old it is.
const LASTS: Duration = Duration::from_secs(20 * 365 * 24 * 60 * 60);

/// Clocks of receivers may be behind.
const BACKDATED: Duration = Duration::from_secs(24 * 60 * 60);

/// The key of a server, once somebody asked for it.
pub(crate) struct Signing(Arc<Inner>);

struct Inner {
    /// Nowhere, where nothing is kept.
    file: Option<PathBuf>,
    root: Arc<dyn RootKey>,
    known: OnceLock<Known>,
    /// The certificate of the file, once it was read; nothing if there was none.
    kept: OnceLock<Option<Arc<str>>>,
    /// Held by the attempt that is under way; inside, why the last one failed.
    attempt: Mutex<String>,
    attempts: AtomicU64,
}

struct Known {
    key: Arc<SigningKey>,
    certificate: Arc<str>,
}

impl Signing {
    pub(crate) fn new(folder: Option<&Path>, root: Arc<dyn RootKey>) -> Self {
        let file = folder.map(|folder| folder.join(FILE));
        let (known, kept) = (OnceLock::new(), OnceLock::new());
        Self(Arc::new(Inner { file, root, known, kept, attempt: Mutex::default(), attempts: AtomicU64::new(0) }))
    }

    /// The certificate that is served under a path, in PEM. None is made for whoever asks.
    pub(crate) async fn certificate(&self, path: &str) -> Option<Arc<str>> {
        let text = match (self.0.known.get(), self.0.kept.get()) {
            (Some(known), _) => Arc::clone(&known.certificate),
            (None, Some(kept)) => Arc::clone(kept.as_ref()?),
            (None, None) => {
                let inner = Arc::clone(&self.0);
                tokio::task::spawn_blocking(move || inner.kept.get_or_init(|| inner.certificate()).clone())
                    .await
                    .ok()??
            }
        };
        let der = CertificateDer::from_pem_slice(text.as_bytes()).ok()?;
        (path.strip_prefix('/')? == certificate_file(&der)).then_some(text)
    }
}

impl SigningKeys for Signing {
    fn key(&self) -> KeyComing {
        if let Some(known) = self.0.known.get() {
            return Box::pin(std::future::ready(Ok(Arc::clone(&known.key))));
        }
        // A task, so that it comes whether or not anybody waits.
        let coming = tokio::spawn(Arc::clone(&self.0).coming());
        Box::pin(async move { coming.await.unwrap_or_else(|error| Err(error.to_string())) })
    }
}

impl Inner {
    /// The key, when the attempt is over that is under way, or one of its own.
    async fn coming(self: Arc<Self>) -> Result<Arc<SigningKey>, String> {
        let before = self.attempts.load(Ordering::Acquire);
        let mut failure = self.attempt.lock().await;
        if let Some(known) = self.known.get() {
            return Ok(Arc::clone(&known.key));
        }
        if self.attempts.load(Ordering::Acquire) != before {
            return Err(failure.clone());
        }
        let inner = Arc::clone(&self);
        let tried =
            tokio::task::spawn_blocking(move || inner.key()).await.unwrap_or_else(|error| Err(error.to_string()));
        self.attempts.fetch_add(1, Ordering::Release);
        if let Err(why) = &tried {
            failure.clone_from(why);
        }
        tried
    }

    /// The key that is kept, else a new one.
    fn key(&self) -> Result<Arc<SigningKey>, String> {
        let known = match self.kept()? {
            Some(kept) => kept,
            None => self.make()?,
        };
        Ok(Arc::clone(&self.known.get_or_init(|| known).key))
    }

    fn read(&self) -> Result<Option<String>, String> {
        let Some(file) = &self.file else { return Ok(None) };
        match std::fs::read_to_string(file) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("{}: {error}", file.display())),
        }
    }

    fn certificate(&self) -> Option<Arc<str>> {
        let text = self.read().ok()??;
        text.split_once(SEALED).map(|(certificate, _)| certificate.into())
    }

    fn kept(&self) -> Result<Option<Known>, String> {
        let Some(text) = self.read()? else { return Ok(None) };
        match self.open(&text) {
            Ok(known) => Ok(Some(known)),
            Err(RootKeyError::Unavailable(why)) => Err(why),
            Err(why) => {
                tracing::warn!(%why, file = FILE, "the key that SNS signed by does not open; a new one is made");
                Ok(None)
            }
        }
    }

    fn open(&self, text: &str) -> Result<Known, RootKeyError> {
        let (certificate, sealed) = text.split_once(SEALED).ok_or(RootKeyError::Malformed)?;
        let sealed = STANDARD.decode_to_vec(sealed.trim_ascii()).map_err(|_| RootKeyError::Malformed)?;
        let pkcs8 = self.root.unwrap(&sealed, CONTEXT)?;
        let der = CertificateDer::from_pem_slice(certificate.as_bytes()).map_err(|_| RootKeyError::Malformed)?;
        let key = SigningKey::new(pkcs8.expose(), &der).map_err(|_| RootKeyError::Malformed)?;
        Ok(Known { key: Arc::new(key), certificate: certificate.into() })
    }

    fn make(&self) -> Result<Known, String> {
        let failed = |error: rcgen::Error| format!("no signing key could be made: {error}");
        let pair = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).map_err(failed)?;
        let certificate = parameters().self_signed(&pair).map_err(failed)?;
        let pkcs8 = Secret::new(pair.serialize_der());
        let key = Arc::new(SigningKey::new(pkcs8.expose(), certificate.der())?);
        let certificate: Arc<str> = certificate.pem().into();
        self.keep(&certificate, &pkcs8)?;
        Ok(Known { key, certificate })
    }

    fn keep(&self, certificate: &str, pkcs8: &Secret) -> Result<(), String> {
        let Some(file) = &self.file else { return Ok(()) };
        let mut nonce = [0; 12];
        root_key::chance()(&mut nonce);
        let sealed = self.root.wrap(pkcs8.expose(), CONTEXT, nonce).map_err(|error| error.to_string())?;
        let text = format!("{certificate}{SEALED}{}\n", STANDARD.encode_to_string(sealed));
        whole_file::replace(file, text.as_bytes(), 0o600).map_err(|error| format!("{}: {error}", file.display()))
    }
}

/// What the certificate says.
fn parameters() -> CertificateParams {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name.remove(DnType::CommonName);
    parameters.distinguished_name.push(DnType::CommonName, "tidewire SNS");
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(BACKDATED);
    parameters.not_before = rcgen::date_time_ymd(1970, 1, 1) + since_epoch.saturating_sub(BACKDATED);
    parameters.not_after = parameters.not_before + LASTS;
    parameters
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("tidewire-signing-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    async fn file_of(signing: &Signing) -> String {
        let key = signing.key().await.unwrap();
        format!("{key:?}").trim_start_matches("SigningKey(").trim_end_matches(')').to_owned()
    }

    /// A root key that is far away, and at this moment not to be reached.
    #[derive(Default)]
    struct Unreached(AtomicU64);

    impl RootKey for Unreached {
        fn id(&self) -> [u8; seal::ROOT_KEY_ID_BYTES] {
            [0; seal::ROOT_KEY_ID_BYTES]
        }

        fn wrap(&self, _plain: &[u8], _context: &[u8], _nonce: [u8; 12]) -> Result<Vec<u8>, RootKeyError> {
            Err(RootKeyError::Unavailable("nobody answers".into()))
        }

        fn unwrap(&self, _blob: &[u8], _context: &[u8]) -> Result<Secret, RootKeyError> {
            self.0.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(200));
            Err(RootKeyError::Unavailable("nobody answers".into()))
        }
    }

    #[tokio::test]
    async fn who_asks_while_a_root_key_is_not_reached_waits_for_one_attempt_that_holds_up_no_thread_of_others() {
        let folder = folder("unreached");
        let one = file_of(&Signing::new(Some(&folder), root_key::passing())).await;
        let root = Arc::<Unreached>::default();
        let signing = Signing::new(Some(&folder), Arc::clone(&root) as Arc<dyn RootKey>);
        // This runtime has one thread: what blocked it would be seen by all.
        assert!(signing.certificate(&format!("/{one}")).await.is_some());
        let all: Vec<_> = (0..20).map(|_| signing.key()).collect();
        for coming in all {
            assert_eq!(coming.await.unwrap_err(), "nobody answers");
        }
        assert_eq!(root.0.load(Ordering::Relaxed), 1);
        assert!(signing.key().await.is_err() && root.0.load(Ordering::Relaxed) == 2, "the next one tries anew");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_key_is_made_once_kept_sealed_and_its_certificate_served() {
        let (folder, root) = (folder("kept"), root_key::passing());
        let first = Signing::new(Some(&folder), Arc::clone(&root));
        assert!(first.certificate("/x").await.is_none() && !folder.join(FILE).exists(), "nothing is made for who asks");
        let (one, two) = tokio::join!(file_of(&first), file_of(&first));
        assert_eq!(one, two);
        let kept = std::fs::read_to_string(folder.join(FILE)).unwrap();
        assert_eq!(std::fs::metadata(folder.join(FILE)).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!kept.contains("PRIVATE KEY"));
        // Another life of the server serves the certificate before anything is signed, and signs with the same key.
        let second = Signing::new(Some(&folder), Arc::clone(&root));
        let certificate = second.certificate(&format!("/{one}")).await.unwrap();
        assert!(certificate.starts_with("-----BEGIN CERTIFICATE-----") && !certificate.contains(SEALED));
        assert_eq!(second.certificate("/SimpleNotificationService-00000000000000000000000000000000.pem").await, None);
        assert_eq!(file_of(&second).await, one);
        // What another root key sealed is of no use, and no reason to stop.
        let other = Signing::new(Some(&folder), root_key::passing());
        assert_ne!(file_of(&other).await, one);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn where_nothing_is_kept_the_key_lasts_as_long_as_the_process() {
        let signing = Signing::new(None, root_key::passing());
        let file = file_of(&signing).await;
        assert_eq!(file_of(&signing).await, file);
        assert!(signing.certificate(&format!("/{file}")).await.is_some());
    }
}
