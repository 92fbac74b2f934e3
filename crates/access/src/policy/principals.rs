//! Principal and NotPrincipal: whom a statement of a resource's policy is about.
//!
//! How a caller is reached matters as much as that it is: a grant to its own ARN stands alone, one to its role is cut by
//! boundary and session policy, one to its account only hands the decision to the account's own policies. Sources: IAM
//! User Guide, "AWS JSON policy elements: Principal", "NotPrincipal", "Policy evaluation for requests within a single
//! account".

use super::json::Json;
use super::malformed::Malformed;
use crate::caller::{Caller, Kind};
use names::{AccountId, Arn};

/// How a statement names its caller, from the least direct.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    /// By its account.
    Account,
    /// By the role that it is a session of.
    Role,
    /// As everybody.
    Everyone,
    /// By its own name.
    Itself,
}

/// One entry of a Principal element.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Entry {
    Everyone,
    /// Also `arn:aws:iam::…:root`.
    Account(AccountId),
    /// A user, role, session or federated user.
    Arn(Box<str>),
    /// `AIDA…`, `AROA…`: what AWS keeps of one that was deleted.
    UniqueId(Box<str>),
    Service(Box<str>),
    /// A token provider; nothing for `*`.
    Federated(Option<Box<str>>),
    /// An S3 owner: no caller of this server answers to one.
    CanonicalUser,
}

/// A Principal or NotPrincipal element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Principals {
    entries: Box<[Entry]>,
    /// NotPrincipal.
    inverted: bool,
}

impl Principals {
    pub(crate) fn compile(element: &Json, inverted: bool) -> Result<Self, Malformed> {
        let mut entries = Vec::new();
        match element {
            Json::Text(text) if text == "*" => entries.push(Entry::Everyone),
            Json::Text(text) => return Err(invalid("AWS", text)),
            Json::Object(members) if !members.is_empty() => {
                for (sort, values) in members {
                    for value in values.items() {
                        entries.push(entry(sort, value.text().ok_or(Malformed::Syntax)?)?);
                    }
                }
            }
            _ => return Err(Malformed::Syntax),
        }
        if entries.is_empty() {
            return Err(Malformed::PrincipalMissing);
        }
        Ok(Self { entries: entries.into(), inverted })
    }

    /// How the statement reaches the caller, if it does. A Deny spares only whom NotPrincipal lists under every name it
    /// answers to, its account among them, and nobody with a boundary; an Allow reaches only whom it lists under none.
    pub(crate) fn reach(&self, caller: &Caller, denies: bool, bounded: bool) -> Option<Reach> {
        if !self.inverted {
            return self.entries.iter().filter_map(|entry| entry.reach(caller)).max();
        }
        let spared = if denies { !bounded && self.lists_all_of(caller) } else { self.lists_any_of(caller) };
        (!spared).then_some(Reach::Everyone)
    }

    fn lists_any_of(&self, caller: &Caller) -> bool {
        self.entries.iter().any(|entry| entry.reach(caller).is_some())
    }

    fn lists_all_of(&self, caller: &Caller) -> bool {
        let listed = |reach| self.entries.iter().any(|entry| entry.reach(caller) == Some(reach));
        if listed(Reach::Everyone) {
            return true;
        }
        match caller.kind() {
            Kind::Anonymous => false,
            Kind::Root | Kind::Service | Kind::TokenBearer => listed(Reach::Itself),
            Kind::User | Kind::FederatedUser => listed(Reach::Itself) && listed(Reach::Account),
            Kind::Role => listed(Reach::Role) && listed(Reach::Account),
            Kind::Session => listed(Reach::Itself) && listed(Reach::Role) && listed(Reach::Account),
        }
    }
}

impl Entry {
    fn reach(&self, caller: &Caller) -> Option<Reach> {
        match self {
            Self::Everyone => Some(Reach::Everyone),
            Self::Account(account) if caller.account() == Some(*account) => {
                Some(if caller.kind() == Kind::Root { Reach::Itself } else { Reach::Account })
            }
            Self::Arn(arn) if caller.role() == Some(arn) => Some(Reach::Role),
            Self::Arn(arn) if caller.account().is_some() && **arn == *caller.name() => Some(Reach::Itself),
            Self::UniqueId(id) if caller.unique_id() == Some(id) => {
                Some(if caller.role().is_some() { Reach::Role } else { Reach::Itself })
            }
            Self::Service(name) if caller.kind() == Kind::Service && **name == *caller.name() => Some(Reach::Itself),
            Self::Federated(provider) if caller.kind() == Kind::TokenBearer => {
                provider.as_deref().is_none_or(|provider| provider == caller.name()).then_some(Reach::Itself)
            }
            _ => None,
        }
    }
}

fn invalid(sort: &str, text: &str) -> Malformed {
    Malformed::Principal { sort: sort.to_owned(), text: text.to_owned() }
}

fn entry(sort: &str, text: &str) -> Result<Entry, Malformed> {
    let known = match sort {
        "AWS" => aws(text),
        "Service" => service(text),
        "Federated" => match text {
            "*" => Some(Entry::Federated(None)),
            _ => (!text.is_empty() && !text.contains('*')).then(|| Entry::Federated(Some(text.into()))),
        },
        "CanonicalUser" => {
            let hex = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            hex.then_some(Entry::CanonicalUser)
        }
        _ => return Err(Malformed::Syntax),
    };
    known.ok_or_else(|| invalid(sort, text))
}

fn aws(text: &str) -> Option<Entry> {
    if text == "*" {
        return Some(Entry::Everyone);
    }
    if let Ok(account) = AccountId::parse(text) {
        return Some(Entry::Account(account));
    }
    let Ok(arn) = Arn::parse(text) else {
        let id =
            text.len() >= "AIDAJQABLZS4A3QDU576Q".len() - 5 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        return (id && (text.starts_with("AIDA") || text.starts_with("AROA"))).then(|| Entry::UniqueId(text.into()));
    };
    let account = AccountId::parse(&arn.account).ok()?;
    if arn.service == "iam" && arn.resource == "root" {
        return Some(Entry::Account(account));
    }
    let sorts: &[&str] = match arn.service.as_str() {
        "iam" => &["user/", "role/"],
        "sts" => &["assumed-role/", "federated-user/"],
        _ => &[],
    };
    let known = sorts.iter().any(|sort| arn.resource.strip_prefix(sort).is_some_and(|name| !name.is_empty()));
    (known && !arn.resource.contains(['*', '?'])).then(|| Entry::Arn(text.into()))
}

fn service(text: &str) -> Option<Entry> {
    let domain = [".amazonaws.com", ".amazonaws.com.cn", ".amazon.com", ".aws.internal"];
    let known = domain.iter().any(|end| text.ends_with(end)) && !text.contains(['*', ':', '/']);
    known.then(|| Entry::Service(text.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: &str = "arn:aws:iam::111111111111:user/u";
    const ROLE: &str = "arn:aws:iam::111111111111:role/r";
    const SESSION: &str = "arn:aws:sts::111111111111:assumed-role/r/s";

    fn principals(json: &str, inverted: bool) -> Result<Principals, Malformed> {
        Principals::compile(&Json::parse(json).unwrap(), inverted)
    }

    fn reach(json: &str, caller: &str) -> Option<Reach> {
        principals(json, false).unwrap().reach(&Caller::parse(caller).unwrap(), false, false)
    }

    #[test]
    fn a_caller_is_reached_by_each_of_its_names() {
        assert_eq!(reach(r#"{"AWS": "111111111111"}"#, USER), Some(Reach::Account));
        assert_eq!(reach(r#"{"AWS": "arn:aws:iam::111111111111:root"}"#, USER), Some(Reach::Account));
        assert_eq!(reach(r#"{"AWS": "111111111111"}"#, "arn:aws:iam::111111111111:root"), Some(Reach::Itself));
        assert_eq!(reach(&format!(r#"{{"AWS": ["111111111111", "{USER}"]}}"#), USER), Some(Reach::Itself));
        assert_eq!(reach(&format!(r#"{{"AWS": "{ROLE}"}}"#), SESSION), Some(Reach::Role));
        assert_eq!(reach(&format!(r#"{{"AWS": "{SESSION}"}}"#), SESSION), Some(Reach::Itself));
        assert_eq!(reach(r#"{"AWS": "222222222222"}"#, USER), None);
        assert_eq!(reach(r#"{"Service": "sns.amazonaws.com"}"#, "sns.amazonaws.com"), Some(Reach::Itself));
        assert_eq!(reach(r#"{"Service": "sns.amazonaws.com"}"#, "s3.amazonaws.com"), None);
        assert_eq!(reach(r#"{"CanonicalUser": "79a59df900b949e5"}"#, USER), None);
        for everyone in [r#""*""#, r#"{"AWS": "*"}"#] {
            for caller in [USER, SESSION, "anonymous", "s3.amazonaws.com"] {
                assert_eq!(reach(everyone, caller), Some(Reach::Everyone));
            }
        }
    }

    #[test]
    fn a_deleted_callers_id_names_only_who_has_that_id() {
        let listed = principals(r#"{"AWS": "AIDAJQABLZS4A3QDU576Q"}"#, false).unwrap();
        let user = Caller::parse(USER).unwrap();
        assert_eq!(listed.reach(&user, false, false), None);
        assert_eq!(listed.reach(&user.with_unique_id("AIDAJQABLZS4A3QDU576Q"), false, false), Some(Reach::Itself));
    }

    #[test]
    fn a_token_is_of_its_provider() {
        let listed = principals(r#"{"Federated": "accounts.google.com"}"#, false).unwrap();
        assert_eq!(listed.reach(&Caller::token_bearer("accounts.google.com"), false, false), Some(Reach::Itself));
        assert_eq!(listed.reach(&Caller::token_bearer("www.amazon.com"), false, false), None);
    }

    #[test]
    fn a_deny_spares_only_who_is_listed_under_every_name_and_has_no_boundary() {
        let denied = |list: &str, caller: &str, bounded| {
            let listed = principals(&format!(r#"{{"AWS": [{list}]}}"#), true).unwrap();
            listed.reach(&Caller::parse(caller).unwrap(), true, bounded).is_some()
        };
        let all = format!(r#""{SESSION}", "{ROLE}", "111111111111""#);
        assert!(!denied(&all, SESSION, false));
        assert!(denied(&all, SESSION, true));
        assert!(denied(&format!(r#""{ROLE}", "111111111111""#), SESSION, false));
        assert!(denied(&format!(r#""{USER}""#), USER, false));
        assert!(denied(r#""111111111111""#, USER, false));
        assert!(!denied(&format!(r#""{USER}", "111111111111""#), USER, false));
        assert!(!denied(r#""*""#, USER, false));
        assert!(denied(&all, "anonymous", false));
    }

    #[test]
    fn an_allow_reaches_only_who_is_listed_under_no_name() {
        let listed = principals(&format!(r#"{{"AWS": "{ROLE}"}}"#), true).unwrap();
        assert_eq!(listed.reach(&Caller::parse(SESSION).unwrap(), false, false), None);
        assert_eq!(listed.reach(&Caller::parse(USER).unwrap(), false, false), Some(Reach::Everyone));
    }

    #[test]
    fn what_is_no_principal_is_refused_in_awss_words() {
        for (json, words) in [
            (r#"{"AWS": "bob"}"#, "Invalid principal in policy: \"AWS\":\"bob\""),
            (
                r#"{"AWS": "arn:aws:iam::111111111111:user/*"}"#,
                "Invalid principal in policy: \"AWS\":\"arn:aws:iam::111111111111:user/*\"",
            ),
            (
                r#"{"AWS": "arn:aws:iam::111111111111:group/g"}"#,
                "Invalid principal in policy: \"AWS\":\"arn:aws:iam::111111111111:group/g\"",
            ),
            (r#"{"Service": "*"}"#, "Invalid principal in policy: \"Service\":\"*\""),
            (r#"{"CanonicalUser": "x"}"#, "Invalid principal in policy: \"CanonicalUser\":\"x\""),
            (r#""bob""#, "Invalid principal in policy: \"AWS\":\"bob\""),
            (r#"{"Nobody": "x"}"#, "Syntax errors in policy."),
            (r#"{"AWS": 1}"#, "Syntax errors in policy."),
            (r#"{"AWS": []}"#, "Missing required field Principal"),
            ("{}", "Syntax errors in policy."),
        ] {
            assert_eq!(principals(json, false).unwrap_err().to_string(), words, "{json}");
        }
    }
}
