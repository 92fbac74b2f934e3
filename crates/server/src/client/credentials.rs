//! In whose name the command line asks: the keys that SDKs would take, else those of a server in the same data folder.
//!
//! In order: `AWS_ACCESS_KEY_ID` with its secret and token; the profile that `AWS_PROFILE` names; the root key that a server
//! left in its data folder. Where there is none of them, the account is the key, which a server that verifies nothing takes.

use crate::config::Config;
use access::Secret;
use serde_json::Value;
use std::path::PathBuf;

/// The file in a data folder that has the root user's key.
const ROOT_KEY_FILE: &str = "root-key.json";

/// The secret beside an account: nobody checks it.
const NO_SECRET: &str = "tidewire";

/// An access key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) access_key: String,
    pub(crate) secret: Secret,
    pub(crate) token: Option<String>,
}

impl Credentials {
    /// Those of somebody whom nobody checks.
    pub(crate) fn of_account(account: &str) -> Self {
        Self { access_key: account.to_owned(), secret: NO_SECRET.into(), token: None }
    }

    /// Those that the surroundings have, for the server of this configuration.
    pub(crate) fn find(config: &Config) -> Result<Self, String> {
        if let Some(access_key) = variable("AWS_ACCESS_KEY_ID") {
            let secret = variable("AWS_SECRET_ACCESS_KEY").unwrap_or_else(|| NO_SECRET.to_owned()).into();
            return Ok(Self { access_key, secret, token: variable("AWS_SESSION_TOKEN") });
        }
        if let Some(profile) = variable("AWS_PROFILE") {
            return of_profile(&profile);
        }
        Self::of_server(config)
    }

    /// The root user's of the server of this configuration, else its account's.
    pub(crate) fn of_server(config: &Config) -> Result<Self, String> {
        Ok(of_folder(config)?.unwrap_or_else(|| Self::of_account(config.account.as_str())))
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The root key of the server that keeps its data in the configured folder, if it has one and we may read it.
fn of_folder(config: &Config) -> Result<Option<Credentials>, String> {
    let path = config.data_dir.join(ROOT_KEY_FILE);
    let Ok(text) = std::fs::read_to_string(&path) else { return Ok(None) };
    let key = of_json(&text).ok_or_else(|| format!("{}: there is no access key in it", path.display()))?;
    Ok(Some(key))
}

/// `{"access_key_id": …, "secret_access_key": …}`.
fn of_json(text: &str) -> Option<Credentials> {
    let value: Value = serde_json::from_str(text).ok()?;
    let text = |name: &str| value[name].as_str().map(str::to_owned);
    Some(Credentials { access_key: text("access_key_id")?, secret: text("secret_access_key")?.into(), token: None })
}

fn of_profile(profile: &str) -> Result<Credentials, String> {
    let home = || variable("HOME").map(|home| PathBuf::from(home).join(".aws/credentials"));
    let path = variable("AWS_SHARED_CREDENTIALS_FILE").map(PathBuf::from).or_else(home);
    let path = path.ok_or_else(|| format!("AWS_PROFILE={profile}, and there is no home to look for its file in"))?;
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    in_profile(&text, profile).ok_or_else(|| format!("{}: no keys of the profile {profile}", path.display()))
}

/// The keys under `[profile]` of a credentials file.
fn in_profile(text: &str, profile: &str) -> Option<Credentials> {
    let heading = format!("[{profile}]");
    let lines = text.lines().map(str::trim).skip_while(|line| *line != heading).skip(1);
    let pairs: Vec<(&str, &str)> = lines
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.trim(), value.trim()))
        .collect();
    let value = |wanted: &str| pairs.iter().find(|(name, _)| *name == wanted).map(|(_, value)| (*value).to_owned());
    Some(Credentials {
        access_key: value("aws_access_key_id")?,
        secret: value("aws_secret_access_key")?.into(),
        token: value("aws_session_token"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(access_key: &str, secret: &str, token: Option<&str>) -> Option<Credentials> {
        Some(Credentials { access_key: access_key.into(), secret: secret.into(), token: token.map(Into::into) })
    }

    #[test]
    fn a_profile_is_a_section_of_the_file_of_credentials() {
        let file = "[default]\naws_access_key_id = A\naws_secret_access_key = a/b+c=\n\n[work]\n# mine\n\
                    aws_secret_access_key=s\naws_access_key_id=W\naws_session_token = t==\n[half]\naws_access_key_id=H\n";
        assert_eq!(in_profile(file, "default"), key("A", "a/b+c=", None));
        assert_eq!(in_profile(file, "work"), key("W", "s", Some("t==")));
        assert_eq!(in_profile(file, "half"), None);
        assert_eq!(in_profile(file, "other"), None);
    }

    #[test]
    fn a_root_key_is_read_from_its_file() {
        let text = r#"{"account": "000000000000", "access_key_id": "AKIA", "secret_access_key": "s"}"#;
        assert_eq!(of_json(text), key("AKIA", "s", None));
        assert_eq!(of_json("{}"), None);
        assert!(!format!("{:?}", of_json(text)).contains("\"s\""), "nothing of the secret is shown");
    }
}
