//! Who asks: a root user, a user, a role's session, a federated user, the bearer of a token, an AWS service, or nobody known.
//!
//! A caller is what authentication found out; policies are matched against all the names it answers to. A role's session
//! answers to its own ARN and to its role's, which cannot be made from the session's where the role has a path: so whoever
//! knows the role says both.

use names::{AccountId, Arn};
use std::fmt;

/// What sort of caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The account itself.
    Root,
    /// An IAM user.
    User,
    /// A role in a simulation, where no session is named. Requests come from sessions.
    Role,
    /// A session of a role.
    Session,
    /// A session of GetFederationToken.
    FederatedUser,
    /// The bearer of a token or assertion who asks STS for a role.
    TokenBearer,
    /// An AWS service such as `sns.amazonaws.com`, acting for a resource of its own.
    Service,
    /// A request without a signature.
    Anonymous,
}

impl Kind {
    /// The value of `aws:PrincipalType`.
    pub(crate) fn principal_type(self) -> &'static str {
        match self {
            Self::Root => "Account",
            Self::User => "User",
            Self::Role | Self::Session => "AssumedRole",
            Self::FederatedUser => "FederatedUser",
            Self::TokenBearer => "WebIdentityUser",
            Self::Service => "Service",
            Self::Anonymous => "Anonymous",
        }
    }
}

/// Who asks, under all names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    kind: Kind,
    account: Option<AccountId>,
    name: Box<str>,
    role: Option<Box<str>>,
    unique_id: Option<Box<str>>,
}

impl Caller {
    /// A request without a signature.
    pub fn anonymous() -> Self {
        Self { kind: Kind::Anonymous, account: None, name: "anonymous".into(), role: None, unique_id: None }
    }

    /// An AWS service by its principal, e.g. `sns.amazonaws.com`.
    pub fn service(principal: &str) -> Self {
        Self { kind: Kind::Service, name: principal.into(), ..Self::anonymous() }
    }

    /// The bearer of a token of a provider: its ARN, or a well-known name such as `accounts.google.com`.
    pub fn token_bearer(provider: &str) -> Self {
        Self { kind: Kind::TokenBearer, name: provider.into(), ..Self::anonymous() }
    }

    /// The root user of an account.
    pub fn root(account: AccountId) -> Self {
        Self::root_in("aws", account)
    }

    /// The root user of an account in a partition of AWS, such as `aws-cn`.
    pub fn root_in(partition: &str, account: AccountId) -> Self {
        let name = format!("arn:{partition}:iam::{account}:root").into();
        Self { kind: Kind::Root, account: Some(account), name, ..Self::anonymous() }
    }

    /// A session of a role, which is named by its own ARN because of its path.
    pub fn session(session: &str, role: &str) -> Result<Self, UnknownCaller> {
        let caller = Self::parse(session)?;
        if caller.kind != Kind::Session { Err(UnknownCaller) } else { Ok(Self { role: Some(role.into()), ..caller }) }
    }

    /// Reads an ARN, a service's principal, or `anonymous`. The role of a session is taken to have no path.
    pub fn parse(text: &str) -> Result<Self, UnknownCaller> {
        if text == "anonymous" {
            return Ok(Self::anonymous());
        }
        if !text.contains(':') && text.ends_with(".amazonaws.com") {
            return Ok(Self::service(text));
        }
        let arn = Arn::parse(text).map_err(|_| UnknownCaller)?;
        let account = AccountId::parse(&arn.account).map_err(|_| UnknownCaller)?;
        let (sort, rest) = arn.resource.split_once('/').unwrap_or((&arn.resource, ""));
        let caller = |kind, role| Self { kind, account: Some(account), name: text.into(), role, unique_id: None };
        match (arn.service.as_str(), sort) {
            ("iam", "root") if rest.is_empty() => Ok(caller(Kind::Root, None)),
            ("iam", "user") if !rest.is_empty() => Ok(caller(Kind::User, None)),
            ("iam", "role") if !rest.is_empty() => Ok(caller(Kind::Role, Some(text.into()))),
            ("sts", "federated-user") if !rest.is_empty() => Ok(caller(Kind::FederatedUser, None)),
            ("sts", "assumed-role") => {
                let (role, _session) = rest.split_once('/').ok_or(UnknownCaller)?;
                let role = format!("arn:{}:iam::{account}:role/{role}", arn.partition);
                Ok(caller(Kind::Session, Some(role.into())))
            }
            _ => Err(UnknownCaller),
        }
    }

    /// The same caller with its unique id: `AIDA…` for a user, `AROA…` for a role, `AIDA…`-like digits for a root user.
    #[must_use]
    pub fn with_unique_id(mut self, id: &str) -> Self {
        self.unique_id = Some(id.into());
        self
    }

    /// How much memory its names take.
    pub fn bytes(&self) -> usize {
        let text = |text: &Option<Box<str>>| text.as_deref().map_or(0, str::len);
        self.name.len() + text(&self.role) + text(&self.unique_id)
    }

    /// What sort of caller it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whose it is; services, token bearers and the unknown are nobody's.
    pub fn account(&self) -> Option<AccountId> {
        self.account
    }

    /// Its ARN, a service's principal, a provider, or `anonymous`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The ARN of a session's role, or of a bare role.
    pub fn role(&self) -> Option<&str> {
        self.role.as_deref()
    }

    /// Its unique id, where it is known.
    pub fn unique_id(&self) -> Option<&str> {
        self.unique_id.as_deref()
    }

    /// The value of `aws:PrincipalArn`: the role's where it is a session, else its own.
    pub fn lasting_arn(&self) -> &str {
        self.role().unwrap_or(&self.name)
    }

    /// The last part of a user's ARN; sessions have no `aws:username`.
    pub(crate) fn user_name(&self) -> Option<&str> {
        (self.kind == Kind::User).then(|| self.last_part())
    }

    /// The value of `aws:userid`, made of the unique id as IAM User Guide's table of principals has it.
    pub fn user_id(&self) -> Option<String> {
        match self.kind {
            Kind::Root => self.account.map(|account| account.to_string()),
            Kind::User | Kind::Role => self.unique_id.as_deref().map(str::to_owned),
            Kind::Session => self.unique_id.as_deref().map(|id| format!("{id}:{}", self.last_part())),
            Kind::FederatedUser => self.account.map(|account| format!("{account}:{}", self.last_part())),
            Kind::TokenBearer | Kind::Service | Kind::Anonymous => None,
        }
    }

    fn last_part(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or(&self.name)
    }
}

/// The text names no caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownCaller;

impl fmt::Display for UnknownCaller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a caller is the ARN of a root, user, role, assumed-role or federated-user, \
             a service such as sns.amazonaws.com, or `anonymous`",
        )
    }
}

impl std::error::Error for UnknownCaller {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sort_of_caller_is_told_by_its_arn() {
        for (text, kind, lasting) in [
            ("arn:aws:iam::111111111111:root", Kind::Root, "arn:aws:iam::111111111111:root"),
            ("arn:aws:iam::111111111111:user/a/b", Kind::User, "arn:aws:iam::111111111111:user/a/b"),
            ("arn:aws:sts::111111111111:assumed-role/r/s", Kind::Session, "arn:aws:iam::111111111111:role/r"),
            ("arn:aws:iam::111111111111:role/p/r", Kind::Role, "arn:aws:iam::111111111111:role/p/r"),
            (
                "arn:aws:sts::111111111111:federated-user/f",
                Kind::FederatedUser,
                "arn:aws:sts::111111111111:federated-user/f",
            ),
            ("sns.amazonaws.com", Kind::Service, "sns.amazonaws.com"),
            ("anonymous", Kind::Anonymous, "anonymous"),
        ] {
            let caller = Caller::parse(text).unwrap();
            assert_eq!((caller.kind(), caller.lasting_arn()), (kind, lasting));
        }
        for wrong in [
            "",
            "*",
            "bob",
            "arn:aws:iam::111111111111:group/g",
            "arn:aws:iam::1:user/a",
            "arn:aws:sts::111111111111:assumed-role/r",
        ] {
            assert_eq!(Caller::parse(wrong), Err(UnknownCaller), "{wrong}");
        }
    }

    #[test]
    fn ids_are_made_as_aws_writes_them() {
        let session =
            Caller::session("arn:aws:sts::111111111111:assumed-role/r/s", "arn:aws:iam::111111111111:role/p/r");
        let session = session.unwrap().with_unique_id("AROAX");
        assert_eq!((session.user_id().as_deref(), session.user_name()), (Some("AROAX:s"), None));
        assert_eq!(session.lasting_arn(), "arn:aws:iam::111111111111:role/p/r");
        let user = Caller::parse("arn:aws:iam::111111111111:user/a/b").unwrap().with_unique_id("AIDAX");
        assert_eq!((user.user_id().as_deref(), user.user_name()), (Some("AIDAX"), Some("b")));
    }
}
