//! What the gateway is told of a caller: made of the state, of a long-term key or of a session.
//!
//! Policies are compiled here, once for as long as nothing changes. If one that is in force cannot be compiled the caller is
//! nobody: leaving it out might leave out a refusal.

use crate::at::in_force;
use crate::documents::compile;
use crate::ids::named_id;
use crate::keyring::Keyring;
use crate::limits::LAST_USE_MILLIS;
use crate::session::{Kind, Session};
use crate::state::{Account, Entity, Owner, Realm, Sort};
use access::sigv4::Fault;
use access::{Caller, Policy, Sort as PolicySort};
use gateway::{Fact, Identity, Noted};
use names::Instant;
use seal::Secret;
use std::sync::Arc;

type Policies = Vec<Arc<Policy>>;

/// Who is behind a long-term key.
pub(crate) fn of_key(realm: &Realm, keyring: &Keyring, partition: &'static str, id: &str) -> Result<Identity, Fault> {
    let (account_id, key) = realm.key(id).filter(|(_, key)| key.is_active).ok_or(Fault::UnknownKey)?;
    let secret = keyring.open_secret(&key.id, &key.sealed).ok_or(Fault::UnknownKey)?;
    let owner = Owner { account: account_id, partition };
    let account = realm.account(account_id).ok_or(Fault::UnknownKey)?;
    let noted = Noted::since(key.last_used.as_ref().map(|used| used.at), LAST_USE_MILLIS);
    match &key.user {
        None => Ok(Identity { noted, ..Identity::bare(root(owner), secret) }),
        Some(user) => {
            let user = account.entity_by_id(user).ok_or(Fault::UnknownKey)?;
            Ok(Identity { noted, ..of_user(account, owner, user, secret)? })
        }
    }
}

/// The root user of an account, whose unique id is the account's number.
fn root(owner: Owner) -> Caller {
    Caller::root_in(owner.partition, owner.account).with_unique_id(owner.account.as_str())
}

fn of_user(account: &Account, owner: Owner, user: &Entity, secret: Secret) -> Result<Identity, Fault> {
    let caller = Caller::parse(&user.arn(owner)).map_err(|_| Fault::UnknownKey)?.with_unique_id(&user.id);
    Ok(Identity {
        caller,
        secret,
        policies: policies_of(account, owner, user)?,
        boundary: boundary_of(account, owner, user)?,
        session: None,
        facts: tag_facts(user.tags.iter()),
        noted: Noted::default(),
        origin: None,
    })
}

/// Who is behind a session that is not over.
pub(crate) fn of_session(realm: &Realm, partition: &'static str, session: &Session) -> Result<Identity, Fault> {
    let empty = Account::default();
    let owner = Owner { account: session.account, partition };
    let account = realm.account(session.account).unwrap_or(&empty);
    let entity = || account.entity_by_id(&session.id).ok_or(Fault::UnknownKey);
    let secret = session.secret.clone();
    let mut identity = match session.kind {
        Kind::Root => Identity::bare(root(owner), secret),
        Kind::User => of_user(account, owner, entity()?, secret)?,
        Kind::FederatedByRoot => {
            Identity { policies: vec![everything()?], ..Identity::bare(federated(owner, session)?, secret) }
        }
        Kind::Federated => {
            Identity { caller: federated(owner, session)?, ..of_user(account, owner, entity()?, secret)? }
        }
        Kind::Nobody => {
            let arn = session_arn(owner, session, &session.id);
            let caller =
                Caller::parse(&arn).map_err(|_| Fault::UnknownKey)?.with_unique_id(&named_id("AROA", &session.id));
            Identity::bare(caller, secret)
        }
        Kind::Role => {
            let role = entity()?;
            let caller = Caller::session(&session_arn(owner, session, &role.name), &role.arn(owner));
            let caller = caller.map_err(|_| Fault::UnknownKey)?.with_unique_id(&role.id);
            let bare = Identity::bare(caller, secret);
            let (policies, boundary) = (policies_of(account, owner, role)?, boundary_of(account, owner, role)?);
            let used = role.role.as_ref().and_then(|part| part.last_used.as_ref());
            let noted = Noted::since(used.map(|(at, _)| *at), LAST_USE_MILLIS);
            Identity { policies, boundary, facts: tag_facts(role.tags.iter()), noted, ..bare }
        }
    };
    identity.session = session_policies(account, owner, session)?;
    identity.facts.extend(session_facts(session));
    Ok(identity)
}

/// What the root user may, for those whom it answers for: of this their session policies leave a part.
fn everything() -> Result<Arc<Policy>, Fault> {
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    identity_policy("root user", document)
}

/// The ARN of a role's session.
pub(crate) fn session_arn(owner: Owner, session: &Session, role: &str) -> String {
    owner.arn("sts", format_args!("assumed-role/{role}/{}", session.name))
}

fn federated(owner: Owner, session: &Session) -> Result<Caller, Fault> {
    let arn = owner.arn("sts", format_args!("federated-user/{}", session.name));
    let caller = Caller::parse(&arn).map_err(|_| Fault::UnknownKey)?;
    Ok(caller.with_unique_id(&format!("{}:{}", session.account, session.name)))
}

/// The policies that are an entity's: attached, inline, and of its groups.
fn policies_of(account: &Account, owner: Owner, entity: &Entity) -> Result<Policies, Fault> {
    let mut policies = own_policies(account, owner, entity)?;
    if entity.sort == Sort::User {
        for group in account.groups_of(entity) {
            policies.extend(own_policies(account, owner, group)?);
        }
    }
    Ok(policies)
}

fn own_policies(account: &Account, owner: Owner, entity: &Entity) -> Result<Policies, Fault> {
    let attached = entity.attached.iter().map(|arn| managed(account, owner, arn));
    let inline = entity.inline.iter().map(|(name, document)| identity_policy(name, document));
    attached.chain(inline).collect()
}

/// The boundary of an entity, if it has one.
fn boundary_of(account: &Account, owner: Owner, entity: &Entity) -> Result<Option<Arc<Policy>>, Fault> {
    entity.boundary.as_deref().map(|arn| managed(account, owner, arn)).transpose()
}

fn managed(account: &Account, owner: Owner, arn: &str) -> Result<Arc<Policy>, Fault> {
    let policy = in_force(account, owner, arn).ok_or(Fault::UnknownKey)?;
    identity_policy(policy.name, policy.document)
}

fn identity_policy(name: &str, document: &str) -> Result<Arc<Policy>, Fault> {
    compile(name, document, PolicySort::Identity).ok_or(Fault::UnknownKey)
}

fn session_policies(account: &Account, owner: Owner, session: &Session) -> Result<Option<Policies>, Fault> {
    if !session.is_limited {
        return Ok(None);
    }
    let documents = session.policies.iter().map(|document| identity_policy("session policy", document));
    let managed = session.policy_arns.iter().map(|arn| managed(account, owner, arn));
    documents.chain(managed).collect::<Result<_, _>>().map(Some)
}

fn tag_facts<'t>(tags: impl Iterator<Item = (&'t str, &'t str)>) -> Vec<(Box<str>, Fact)> {
    tags.map(|(key, value)| (tag_key(key), Fact::Text(value.into()))).collect()
}

fn tag_key(key: &str) -> Box<str> {
    format!("aws:principaltag/{}", key.to_lowercase()).into()
}

fn session_facts(session: &Session) -> Vec<(Box<str>, Fact)> {
    let tags = tag_facts(session.tags.iter().map(|(key, value)| (&**key, &**value)));
    let kept = session.facts.iter().map(|(key, value)| (key.clone(), Fact::Text(value.clone())));
    let mut facts: Vec<_> = tags.into_iter().chain(kept).collect();
    facts.push(("aws:tokenissuetime".into(), Fact::Moment(Instant::from_millis(session.issued_at.as_secs() * 1000))));
    facts.push(("aws:multifactorauthpresent".into(), Fact::Bool(false)));
    facts
}
