//! Who is behind an access key, and who says so.
//!
//! The service that owns identities is an [`Authority`]: for a key it hands out an [`Identity`], made once and shared by all
//! requests until something of it changes. [`Auth`] says how much of that a server asks for.

use std::any::Any;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use access::sigv4::Fault;
use access::{Policy, Secret, Value};
use names::{AccountId, Instant};

/// What knows the identities behind access keys.
pub trait Authority: Send + Sync + 'static {
    /// The identity that a key stands for at this moment. `token` is the session token that came with the request, which
    /// must be the key's: one that is missing, foreign or superfluous is [`Fault::UnknownKey`], one that is over
    /// [`Fault::ExpiredToken`].
    ///
    /// Asked for every request, so the answer should be a look into a table.
    fn identity(&self, access_key: &str, token: Option<&str>, now: Instant) -> Result<Arc<Identity>, Fault>;

    /// A request came from this identity, and its [`Identity::noted`] says that it is time to write that down. Must not wait.
    fn note(&self, _proven: &Proven<'_>) {}
}

/// Who came, for what and when.
#[derive(Debug, Clone, Copy)]
pub struct Proven<'a> {
    /// What the request was signed with.
    pub access_key: &'a str,
    /// Who that is.
    pub identity: &'a Identity,
    /// The signing name of the service that was asked.
    pub service: &'static str,
    /// The region that was asked.
    pub region: &'a str,
    /// When.
    pub at: Instant,
}

/// When the use of an identity is to be noted next, so that a key in use costs a note now and then and not one for each request.
#[derive(Debug)]
pub struct Noted {
    /// Milliseconds since 1970; never, at the end of all time.
    next: AtomicU64,
    every_millis: u64,
}

impl Noted {
    /// Noted the last time at `last`, if ever, and once in so many milliseconds from then on.
    pub fn since(last: Option<Instant>, every_millis: u64) -> Self {
        let next = last.map_or(0, |last| last.plus_millis(every_millis).as_millis());
        Self { next: AtomicU64::new(next), every_millis }
    }

    /// Whether it is time for a note. Says so once, to one of those who ask at the same time.
    pub fn is_due(&self, now: Instant) -> bool {
        let next = self.next.load(Ordering::Relaxed);
        if now.as_millis() < next {
            return false;
        }
        let then = now.plus_millis(self.every_millis).as_millis();
        self.next.compare_exchange(next, then, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

impl Default for Noted {
    /// Of nobody whose uses matter.
    fn default() -> Self {
        Self { next: AtomicU64::new(u64::MAX), every_millis: 0 }
    }
}

impl Clone for Noted {
    fn clone(&self) -> Self {
        Self { next: AtomicU64::new(self.next.load(Ordering::Relaxed)), every_millis: self.every_millis }
    }
}

/// What is known of a caller who proved a key. Made anew when anything of it changes.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Kind, account, names, unique id.
    pub caller: access::Caller,
    /// What signatures are made with.
    pub secret: Secret,
    /// Its own policies, its groups', its role's.
    pub policies: Vec<Arc<Policy>>,
    /// The most that it can have.
    pub boundary: Option<Arc<Policy>>,
    /// Session policies, if any were handed over.
    pub session: Option<Vec<Arc<Policy>>>,
    /// `aws:PrincipalTag/…`, `aws:MultiFactorAuthPresent`, `aws:TokenIssueTime` and the like; names in lower case.
    pub facts: Vec<(Box<str>, Fact)>,
    /// When its use is to be noted.
    pub noted: Noted,
    /// What the authority made it of, where it wants to know that again; nobody else looks into it.
    pub origin: Option<Arc<dyn Any + Send + Sync>>,
}

impl Identity {
    /// An identity with nothing but a name and a secret.
    pub fn bare(caller: access::Caller, secret: Secret) -> Self {
        let noted = Noted::default();
        Self {
            caller,
            secret,
            policies: Vec::new(),
            boundary: None,
            session: None,
            facts: Vec::new(),
            noted,
            origin: None,
        }
    }

    /// The root user of an account, where no secret is asked for.
    pub fn root(account: AccountId) -> Self {
        Self::root_in("aws", account)
    }

    /// The same in a partition of AWS.
    pub fn root_in(partition: &str, account: AccountId) -> Self {
        Self::bare(access::Caller::root_in(partition, account), Secret::from(""))
    }

    /// Who signed nothing.
    pub fn anonymous() -> Self {
        Self::bare(access::Caller::anonymous(), Secret::from(""))
    }
}

/// The value of a condition key.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// Anything.
    Text(Box<str>),
    /// The values of a key that is of many by its nature, such as `aws:TagKeys`.
    Many(Vec<Box<str>>),
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Number(i64),
    /// A point in time.
    Moment(Instant),
    /// An address.
    Address(IpAddr),
}

impl Fact {
    /// Says the fact under its name.
    pub(crate) fn tell<'a>(&'a self, name: &'a str, context: &mut access::Context<'a>) {
        match self {
            Self::Text(text) => context.set(name, &**text),
            Self::Many(texts) => context.set_many(name, texts.iter().map(|text| &**text)),
            Self::Bool(value) => context.set(name, *value),
            Self::Number(number) => context.set(name, Value::Number(*number)),
            Self::Moment(moment) => context.set(name, *moment),
            Self::Address(address) => context.set(name, *address),
        }
    }
}

/// How much of a request's signature counts.
#[derive(Clone)]
pub enum Auth {
    /// Nothing: the access key in the credential scope names the account, and everybody may do everything.
    Off,
    /// Signatures are not checked and nothing is forbidden; a key that the authority knows is its identity, any other the
    /// root user of its account.
    ParseOnly(Option<Arc<dyn Authority>>),
    /// Every request is authenticated, and every operation allowed by a policy before it begins.
    Verify(Arc<dyn Authority>),
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "Off",
            Self::ParseOnly(_) => "ParseOnly",
            Self::Verify(_) => "Verify",
        })
    }
}
