//! Sessions: what a temporary key stands for.
//!
//! Nothing of a session is kept. Its token is what it is, sealed by a key of this server and bound to the session's access key:
//!
//! ```text
//! token       base64( nonce 12 │ sealed for the access key: session │ zeros, if it is to be longer │ tag 16 )
//! session v1  version 1 │ kind 1 │ account 12 │ id │ name │ issued at 8 │ expires at 8 │ secret │ limited 1
//!             │ texts policies │ texts policy arns │ pairs tags │ texts transitive keys │ pairs facts
//! kind        0 a user's (id: the user) · 1 a role's (id: the role, name: the session) · 2 a federated user's (id: the user who
//!             asked, name: its own) · 3 a role's that is not there (`dev` alone) · 4 the root user's (no id) · 5 a federated
//!             user's for whom the root user asked (no id, name: its own)
//! facts       condition keys that stay as long as the session does, such as sts:ExternalId or those of a web identity
//! ```
//! What the session may do is looked up by the unique id of its user or role each time: whoever deletes a role, or takes a policy
//! away, ends what sessions have of it at once.

use crate::ids::Dice;
use crate::keyring::Keyring;
use crate::pen::Pen;
use base64_simd::STANDARD;
use engine::fields::Fields;
use names::{AccountId, Instant};
use seal::Secret;

const VERSION: u8 = 1;

/// Nonce and tag.
const AROUND_BYTES: usize = 12 + 16;

/// Whose session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    User,
    Role,
    Federated,
    /// Of a role that is not there, where nothing is enforced; it has no policies.
    Nobody,
    /// Of the root user: a kind of its own, so that no user whose id is not known is ever taken for it.
    Root,
    /// Of a federated user whom the root user answers for.
    FederatedByRoot,
}

const KINDS: [Kind; 6] = [Kind::User, Kind::Role, Kind::Federated, Kind::Nobody, Kind::Root, Kind::FederatedByRoot];

/// What a temporary key stands for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Session {
    pub(crate) kind: Kind,
    pub(crate) account: AccountId,
    pub(crate) id: Box<str>,
    pub(crate) name: Box<str>,
    pub(crate) issued_at: Instant,
    pub(crate) expires_at: Instant,
    pub(crate) secret: Secret,
    /// Whether session policies were handed over, and be they none.
    pub(crate) is_limited: bool,
    /// Documents of session policies.
    pub(crate) policies: Vec<Box<str>>,
    /// Managed policies that are session policies.
    pub(crate) policy_arns: Vec<Box<str>>,
    pub(crate) tags: Vec<(Box<str>, Box<str>)>,
    /// Keys of tags that sessions of this session keep.
    pub(crate) transitive: Vec<Box<str>>,
    pub(crate) facts: Vec<(Box<str>, Box<str>)>,
}

/// A temporary key as it is handed out.
pub(crate) struct Issued {
    pub(crate) access_key: Box<str>,
    pub(crate) token: String,
}

impl Session {
    /// Gives it a key and seals it, into a token of so many bytes at the least.
    pub(crate) fn issue(&self, keyring: &Keyring, dice: &Dice, token_bytes: usize) -> Issued {
        let access_key = dice.access_key("ASIA", self.account);
        let mut session = self.encode();
        let least = (token_bytes.div_ceil(4) * 3).saturating_sub(AROUND_BYTES);
        session.resize(session.len().max(least), 0);
        let sealed = keyring.seal_token(&access_key, &session, dice.take());
        Issued { token: STANDARD.encode_to_string(sealed), access_key }
    }

    /// A session that begins now, of nobody yet.
    pub(crate) fn begun(now: Instant, secs: u32, dice: &Dice) -> Self {
        Self {
            kind: Kind::Nobody,
            account: AccountId::DEFAULT,
            id: Box::default(),
            name: Box::default(),
            issued_at: now,
            expires_at: now.plus_secs(u64::from(secs)),
            secret: Secret::from(dice.secret()),
            is_limited: false,
            policies: Vec::new(),
            policy_arns: Vec::new(),
            tags: Vec::new(),
            transitive: Vec::new(),
            facts: Vec::new(),
        }
    }

    /// The tags that sessions of this session have too.
    pub(crate) fn kept_tags(&self) -> Vec<(Box<str>, Box<str>)> {
        let is_kept = |key: &str| self.transitive.iter().any(|kept| kept.eq_ignore_ascii_case(key));
        self.tags.iter().filter(|(key, _)| is_kept(key)).cloned().collect()
    }

    /// A condition key that stays as long as the session does.
    pub(crate) fn fact(&self, name: &str) -> Option<&str> {
        self.facts.iter().find(|(known, _)| **known == *name).map(|(_, value)| &**value)
    }

    /// The session of this key and token, be it over or not.
    pub(crate) fn open(keyring: &Keyring, access_key: &str, token: &str) -> Option<Self> {
        let sealed = STANDARD.decode_to_vec(token.as_bytes()).ok()?;
        Self::decode(&keyring.open_token(access_key, &sealed)?)
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION, self.kind as u8];
        bytes.extend_from_slice(self.account.as_str().as_bytes());
        let mut pen = Pen(&mut bytes);
        pen.text(&self.id);
        pen.text(&self.name);
        pen.instant(self.issued_at);
        pen.instant(self.expires_at);
        pen.bytes(self.secret.expose());
        pen.byte(u8::from(self.is_limited));
        pen.texts(&self.policies);
        pen.texts(&self.policy_arns);
        pen.pairs(self.tags.iter().map(|(key, value)| (&**key, &**value)));
        pen.texts(&self.transitive);
        pen.pairs(self.facts.iter().map(|(key, value)| (&**key, &**value)));
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields::new(bytes);
        let (version, kind) = (fields.byte()?, fields.byte()?);
        let kind = *KINDS.get(usize::from(kind)).filter(|_| version == VERSION)?;
        Some(Self {
            kind,
            account: fields.account()?,
            id: fields.text()?,
            name: fields.text()?,
            issued_at: fields.instant()?,
            expires_at: fields.instant()?,
            secret: Secret::from(fields.bytes()?),
            is_limited: fields.flag()?,
            policies: fields.list(Fields::text)?,
            policy_arns: fields.list(Fields::text)?,
            tags: fields.pairs()?,
            transitive: fields.list(Fields::text)?,
            facts: fields.pairs()?,
        })
    }
}
