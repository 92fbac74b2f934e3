//! The organization that accounts are of: a file with service control policies and resource control policies, level by level.
//!
//! ```json
//! {"ManagementAccountId": "000000000000", "Levels": [
//!   {"ServiceControlPolicies": ["FullAWSAccess"]},
//!   {"Accounts": ["111122223333"], "ServiceControlPolicies": ["FullAWSAccess", {"Name": "no-purge", "Document":
//!     {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "sqs:PurgeQueue", "Resource": "*"}}}]}]}
//! ```
//! A level without `Accounts` is over all of them. `FullAWSAccess` is AWS's policy of that name, which allows everything. What is
//! wrong with the file stops the start. It is read again when it changes or at SIGHUP; what is wrong with it then leaves what was read
//! before in its place. Sources: Organizations User Guide, "SCP syntax", "RCP syntax".

use crate::tls::Stamp;
use access::{Policy, Sort};
use gateway::{Gateway, Level, Organization};
use names::AccountId;
use serde::Deserialize;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::Signal;

/// How often the file is looked at.
const LOOK_AT_FILE: Duration = Duration::from_secs(10);

/// What AWS attaches to every level until somebody takes it away.
const FULL: (&str, &str) =
    ("FullAWSAccess", r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#);

/// The file of a server, and what it said.
pub(crate) struct Kept {
    path: PathBuf,
    seen: Stamp,
    /// Whether it could be read when it was looked at last, whatever it said.
    is_there: bool,
    organization: Arc<Organization>,
}

impl Kept {
    /// Reads it for the first time.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        // The stamp first, so that a change while it is read is seen as one.
        let seen = Stamp::of(&[path.to_owned()]);
        let organization = Arc::new(read(path)?);
        Ok(Self { path: path.to_owned(), seen, is_there: true, organization })
    }

    /// What it said the last time that it could be read.
    pub(crate) fn organization(&self) -> Arc<Organization> {
        Arc::clone(&self.organization)
    }

    /// Has the gateway go by what it says, for as long as the server runs.
    pub(crate) async fn keep_fresh(mut self, gateway: Gateway, mut hangups: Signal) {
        let mut look = tokio::time::interval(LOOK_AT_FILE);
        loop {
            let told = tokio::select! {
                _ = look.tick() => false,
                Some(()) = hangups.recv() => true,
            };
            if self.look(told) {
                gateway.reorganize(self.organization());
            }
        }
    }

    /// Whether there is something new to go by. Told to, it reads the file whether or not it seems to have changed.
    fn look(&mut self, told: bool) -> bool {
        let found = Stamp::of(std::slice::from_ref(&self.path));
        if !told && found == self.seen {
            return false;
        }
        let text = text(&self.path);
        let was_there = std::mem::replace(&mut self.is_there, text.is_ok());
        // A file that could not be had at this moment is looked for again, and missed aloud once.
        if text.is_ok() {
            self.seen = found;
        } else if !was_there && !told {
            return false;
        }
        match text.and_then(|text| parse_of(&self.path, &text)) {
            Ok(organization) => {
                self.organization = Arc::new(organization);
                tracing::info!("the organization was read again");
                true
            }
            Err(why) => {
                tracing::error!(%why, "the organization cannot be read; the old one stays");
                false
            }
        }
    }
}

/// Reads the file. The error names it, and what is wrong with it.
pub(crate) fn read(path: &Path) -> Result<Organization, String> {
    parse_of(path, &text(path)?)
}

fn text(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn parse_of(path: &Path, text: &str) -> Result<Organization, String> {
    parse(text).map_err(|why| format!("{}: {why}", path.display()))
}

fn parse(text: &str) -> Result<Organization, String> {
    let said: Said = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let management = said.management_account_id.as_deref().map(account).transpose()?;
    let level = |(nth, said): (usize, SaidLevel)| level(said).map_err(|why| format!("level {}: {why}", nth + 1));
    let levels = said.levels.into_iter().enumerate().map(level).collect::<Result<Vec<_>, _>>()?;
    let organization = Organization::new(management, &levels);
    match said.id {
        None => Ok(organization),
        Some(id) if is_id(&id) => Ok(organization.called(id.into())),
        Some(id) => Err(format!("{id:?} is no id of an organization: o- and ten to 32 letters and digits")),
    }
}

/// Whether a text is an organization's id (Organizations API reference, "Organization").
fn is_id(text: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.strip_prefix("o-").is_some_and(|rest| (10..=32).contains(&rest.len()) && rest.bytes().all(is_legal))
}

fn account(text: &str) -> Result<AccountId, String> {
    AccountId::parse(text).map_err(|_| format!("{text:?} is no account"))
}

fn level(said: SaidLevel) -> Result<Level, String> {
    let accounts = said.accounts.map(|accounts| accounts.iter().map(|text| account(text)).collect());
    let all = |policies: Vec<SaidPolicy>, sort| policies.into_iter().map(|said| policy(said, sort)).collect();
    let service_control = said.service_control_policies.map(|policies| all(policies, Sort::ServiceControl));
    let service_control: Option<Vec<_>> = service_control.transpose()?;
    if service_control.as_ref().is_some_and(Vec::is_empty) {
        return Err(
            "without any service control policy nothing is allowed: leave the list out, or put FullAWSAccess into it"
                .into(),
        );
    }
    let resource_control = all(said.resource_control_policies, Sort::ResourceControl)?;
    Ok(Level { accounts: accounts.transpose()?, service_control, resource_control })
}

fn policy(said: SaidPolicy, sort: Sort) -> Result<Arc<Policy>, String> {
    let (name, text) = match said {
        SaidPolicy::Own { name, document } => (name, document.to_string()),
        SaidPolicy::Awss(name) if name == FULL.0 && sort == Sort::ServiceControl => (name, FULL.1.to_owned()),
        SaidPolicy::Awss(name) => {
            return Err(format!("{name:?} is no policy of AWS's: a policy is an object with Name and Document"));
        }
    };
    match Policy::parse(&name, &text, sort) {
        Ok(policy) => Ok(Arc::new(policy)),
        Err(malformed) => Err(format!("policy {name:?}: {malformed}")),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Said {
    id: Option<String>,
    management_account_id: Option<String>,
    levels: Vec<SaidLevel>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct SaidLevel {
    accounts: Option<Vec<String>>,
    service_control_policies: Option<Vec<SaidPolicy>>,
    #[serde(default)]
    resource_control_policies: Vec<SaidPolicy>,
}

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum SaidPolicy {
    Awss(String),
    #[serde(rename_all = "PascalCase")]
    Own {
        name: String,
        document: Value,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_changed_is_read_again_and_a_broken_one_leaves_the_old() {
        let path = std::env::temp_dir().join(format!("tidewire-organization-{}.json", std::process::id()));
        let over = |account: &str| {
            let deny = format!(r#"{{"Name":"d","Document":{DENY}}}"#);
            format!(r#"{{"Levels":[{{"Accounts":["{account}"],"ServiceControlPolicies":[{deny}]}}]}}"#)
        };
        let levels = |kept: &Kept, digits: &str| {
            let user = access::Caller::parse(&format!("arn:aws:iam::{digits}:user/u")).unwrap();
            kept.organization().service_control(&user).len()
        };
        std::fs::write(&path, over("111111111111")).unwrap();
        let mut kept = Kept::read(&path).unwrap();
        assert_eq!((levels(&kept, "111111111111"), levels(&kept, "222222222222")), (1, 0));
        assert!(!kept.look(false), "it is as it was");
        assert!(kept.look(true), "somebody knows better");
        std::fs::write(&path, over("222222222222") + " ").unwrap();
        assert!(kept.look(false));
        assert_eq!((levels(&kept, "111111111111"), levels(&kept, "222222222222")), (0, 1));
        assert!(!kept.look(false));
        std::fs::write(&path, "{").unwrap();
        assert!(!kept.look(false) && !kept.look(true), "it cannot be read");
        assert_eq!(levels(&kept, "222222222222"), 1);
        std::fs::remove_file(&path).unwrap();
        assert!(!kept.look(false), "it is gone");
        assert_eq!(levels(&kept, "222222222222"), 1);
        // A file that cannot be had for a while is looked for until it can, whatever its stamp.
        std::fs::create_dir(&path).unwrap();
        assert!(!kept.look(false) && !kept.look(false));
        std::fs::remove_dir(&path).unwrap();
        std::fs::write(&path, over("111111111111")).unwrap();
        assert!(kept.look(false));
        std::fs::remove_file(&path).unwrap();
        assert!(Kept::read(&path).is_err());
    }

    const DENY: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"sqs:*","Resource":"*"}}"#;

    #[test]
    fn an_organization_is_read_or_what_is_wrong_with_it_is_told() {
        let own = format!(r#"{{"Name":"d","Document":{DENY}}}"#);
        let control = own.replace(r#""Effect""#, r#""Principal":"*","Effect""#);
        for right in [
            r#"{"Levels":[]}"#.to_owned(),
            r#"{"ManagementAccountId":"000000000000","Levels":[{"ServiceControlPolicies":["FullAWSAccess"]}]}"#.into(),
            format!(r#"{{"Levels":[{{"Accounts":["111111111111"],"ServiceControlPolicies":[{own}]}}]}}"#),
            format!(r#"{{"Levels":[{{"ResourceControlPolicies":[{control}]}}]}}"#),
        ] {
            assert_eq!(parse(&right).map(drop), Ok(()), "{right}");
        }
        for (wrong, why) in [
            ("{}", "missing field `Levels`"),
            (r#"{"Levels":[],"ManagementAccountId":"me"}"#, "\"me\" is no account"),
            (r#"{"Levels":[],"Id":"o-short"}"#, "\"o-short\" is no id of an organization"),
            (r#"{"Levels":[{"Accounts":["1"]}]}"#, "level 1: \"1\" is no account"),
            (r#"{"Levels":[{"Account":[]}]}"#, "unknown field `Account`"),
            (r#"{"Levels":[{},{"ServiceControlPolicies":[]}]}"#, "level 2: without any service control policy"),
            (r#"{"Levels":[{"ServiceControlPolicies":["AWSDenyAll"]}]}"#, "\"AWSDenyAll\" is no policy of AWS's"),
            (r#"{"Levels":[{"ResourceControlPolicies":["FullAWSAccess"]}]}"#, "is no policy of AWS's"),
            (&format!(r#"{{"Levels":[{{"ResourceControlPolicies":[{own}]}}]}}"#), "policy \"d\": "),
            (&format!(r#"{{"Levels":[{{"ServiceControlPolicies":[{control}]}}]}}"#), "policy \"d\": "),
        ] {
            let told = parse(wrong).map(drop).unwrap_err();
            assert!(told.contains(why), "{wrong}: {told}");
        }
        assert_eq!(parse(r#"{"Levels":[],"Id":"o-abcdefghij"}"#).unwrap().id(), Some("o-abcdefghij"));
    }
}
