//! Identities at the start: IAM and STS over the store, and the root key of the configured account.
//!
//! The first start of `tidewire serve` makes an access key of the root user, prints it once and writes it to `root-key.json` in
//! the data folder, for its owner alone. Where the account has one nothing is made. Who wants a key of his own choice sets
//! `TIDEWIRE_ROOT_ACCESS_KEY_ID` and `TIDEWIRE_ROOT_SECRET_ACCESS_KEY`; it is good in either mode, and the root user's only key:
//! the environment says what it is, so whoever changes it there has the former one end.

use crate::config::Config;
use crate::fetch::Fetch;
use crate::mode::Mode;
use crate::resources::Declared;
use crate::root_key;
use crate::whole_file;
use access::sigv4::Keys;
use engine::Store;
use iam::{Iam, IamRecovery, MadeKey, Options, Sts};
use names::Region;
use seal::{RootKey, Secret};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

/// Where a key of the root user is written that was made here.
const ROOT_KEY_FILE: &str = "root-key.json";

const ID_VARIABLE: &str = "TIDEWIRE_ROOT_ACCESS_KEY_ID";
const SECRET_VARIABLE: &str = "TIDEWIRE_ROOT_SECRET_ACCESS_KEY";

/// Both services.
#[derive(Clone)]
pub(crate) struct Identities {
    pub(crate) iam: Arc<Iam>,
    pub(crate) sts: Arc<Sts>,
    pub(crate) signing_keys: Arc<Keys>,
}

impl Identities {
    /// The services, with the identities that were replayed. Where the store keeps nothing there is no root key, and one that
    /// nobody will need again is made.
    pub(crate) fn begin(
        root: Option<Arc<dyn RootKey>>,
        region: &Region,
        store: &Store,
        recovery: IamRecovery,
    ) -> Result<Self, String> {
        let signing_keys = Arc::<Keys>::default();
        let options = Options {
            root: root.unwrap_or_else(root_key::passing),
            chance: root_key::chance(),
            signing_keys: Arc::clone(&signing_keys),
            documents: Arc::<Fetch>::default(),
            arn_partition: region.arn_partition(),
        };
        let (iam, sts) = Iam::begin(store, recovery, options).map_err(|error| error.to_string())?;
        Ok(Self { iam: Arc::new(iam), sts: Arc::new(sts), signing_keys })
    }

    /// Before anybody is let in: what is declared, and a key of the root user; gives the one that was made.
    pub(crate) async fn at_start(
        &self,
        mode: Mode,
        config: &Config,
        declared: Option<&Declared>,
    ) -> Result<Option<MadeKey>, String> {
        if let Some(declared) = declared {
            self.declare(config, declared).await?;
        }
        self.root_key(mode, config).await
    }

    /// Sees to it that the root user has a key where keys are asked for; gives the one that was made.
    async fn root_key(&self, mode: Mode, config: &Config) -> Result<Option<MadeKey>, String> {
        let failed = |error: iam::KeyNotSet| format!("the root key cannot be kept: {error}");
        if let Some(given) = given_root_key()? {
            let former = self.iam.set_root_key(config.account, &given).await.map_err(failed)?;
            former.iter().for_each(|key| tracing::warn!(key, "a former key of the root user was removed"));
            forget_root_key(&config.data_dir, &former)?;
            return Ok(None);
        }
        if mode == Mode::Dev || self.iam.has_root_key(config.account) {
            return Ok(None);
        }
        let made = self.iam.new_root_key(config.account);
        // Written before it is good for anything: a key that is, and that nobody knows, would lock everybody out.
        if !config.ephemeral {
            write_root_key(&config.data_dir, config, &made)?;
        }
        self.iam.set_root_key(config.account, &made).await.map_err(failed)?;
        Ok(Some(made))
    }
}

/// What a declaration says of identities.
impl Identities {
    /// Makes the configured account have what is declared.
    async fn declare(&self, config: &Config, declared: &Declared) -> Result<(), String> {
        if declared.identities.is_empty() {
            return Ok(());
        }
        let changed = self.iam.declare(config.account, declared.identities.clone()).await;
        let changed = changed.map_err(|why| format!("the declared identities cannot be applied: {why}"))?;
        for change in &changed {
            tracing::info!(%change, "identity applied");
        }
        Ok(())
    }
}

/// The key that the environment gives.
fn given_root_key() -> Result<Option<MadeKey>, String> {
    match (std::env::var(ID_VARIABLE), std::env::var(SECRET_VARIABLE)) {
        (Ok(id), Ok(secret)) => {
            let is_id = (16..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
            if !is_id || secret.is_empty() {
                return Err(format!("{ID_VARIABLE} takes 16 to 128 letters and digits, {SECRET_VARIABLE} a secret"));
            }
            Ok(Some(MadeKey { access_key_id: id, secret: Secret::from(secret) }))
        }
        (Err(_), Err(_)) => Ok(None),
        _ => Err(format!("{ID_VARIABLE} and {SECRET_VARIABLE} are set together")),
    }
}

/// Removes the file of a key that is good for nothing any more: our own commands would go on using it.
fn forget_root_key(folder: &Path, former: &[String]) -> Result<(), String> {
    let path = folder.join(ROOT_KEY_FILE);
    let Ok(text) = std::fs::read_to_string(&path) else { return Ok(()) };
    let kept: Value = serde_json::from_str(&text).unwrap_or_default();
    match former.iter().any(|key| kept["access_key_id"] == **key) {
        true => std::fs::remove_file(&path).map_err(|error| format!("{}: {error}", path.display())),
        false => Ok(()),
    }
}

fn write_root_key(folder: &Path, config: &Config, made: &MadeKey) -> Result<(), String> {
    let path = folder.join(ROOT_KEY_FILE);
    let text = json!({
        "account": config.account.as_str(),
        "access_key_id": made.access_key_id,
        "secret_access_key": made.secret.expose_text().unwrap_or_default(),
    });
    let text = Secret::from(format!("{text:#}\n"));
    whole_file::replace(&path, text.expose(), 0o600).map_err(|error| format!("{}: {error}", path.display()))
}
