//! Every record that the partition of identities journals, on one screen. Integers are big-endian.
//!
//! ```text
//! kind  1 v1  keyring made      the wrapped key
//! kind  2 v1  account opened    account 12 │ at 8
//! kind  3 v1  alias set         account 12 │ text (empty: none)
//! kind  4 v1  entity put        account 12 │ sort 1 │ id │ name │ path │ created at 8 │ tags │ boundary? │ texts attached
//!                               │ pairs inline │ texts groups │ role?
//! kind  5 v1  entity removed    account 12 │ sort 1 │ name
//! kind  6 v1  policy put        account 12 │ id │ name │ path │ description? │ created at 8 │ updated at 8 │ tags
//!                               │ default 4 │ next 4 │ count 4 │ count × ( number 4 │ created at 8 │ document )
//! kind  7 v1  policy removed    account 12 │ name
//! kind  8 v1  key put           account 12 │ id │ user? │ created at 8 │ active 1 │ sealed secret │ use?
//! kind  9 v1  key removed       account 12 │ id
//! kind 10 v1  provider put      account 12 │ url │ created at 8 │ texts client ids │ texts thumbprints │ tags
//! kind 11 v1  provider removed  account 12 │ url
//! kind 12 v1  account wiped     account 12
//! kind 13 v1  key used          account 12 │ id │ use
//! kind 14 v1  role used         account 12 │ name │ at 8 │ region
//! text        length 4, bytes          x?      1 if it is there, then x; else 0
//! texts       count 4, texts           tags, pairs   count 4 │ count × ( text │ text )
//! role        trust │ description? │ max session 4 │ ( at 8 │ region )?
//! use         at 8 │ service │ region
//! sort        0 user, 1 group, 2 role
//! ```
//! What is put is put whole: a row of identities is some kilobytes at the most and changes seldom, and whoever reads one record
//! knows all of its row. When something was used last is noted by itself, because that happens all the time. A snapshot is the
//! same rows, one after the other (`snapshot.rs`).

use crate::pen::Pen;
use crate::state::{AccessKey, Entity, KeyUse, Managed, Provider, RolePart, Sort, Tags, Version, folded};
use engine::MalformedRecord;
use engine::fields::Fields;
use names::{AccountId, Instant};

/// The family of the one partition that all identities are in.
pub const FAMILY: u8 = 2;

/// The version of all records.
const VERSION: u8 = 1;

/// A journaled change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    KeyringMade(Box<[u8]>),
    Of(AccountId, Change),
}

/// A journaled change of one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    Opened(Instant),
    AliasSet(Option<Box<str>>),
    EntityPut(Box<Entity>),
    EntityRemoved(Sort, Box<str>),
    PolicyPut(Box<Managed>),
    PolicyRemoved(Box<str>),
    KeyPut(Box<AccessKey>),
    KeyRemoved(Box<str>),
    ProviderPut(Box<Provider>),
    ProviderRemoved(Box<str>),
    Wiped,
    KeyUsed(Box<str>, KeyUse),
    RoleUsed(Box<str>, Instant, Box<str>),
}

impl Change {
    /// The entity as it is from now on.
    pub(crate) fn put(entity: Entity) -> Self {
        Self::EntityPut(Box::new(entity))
    }

    /// The entity is no more.
    pub(crate) fn remove(entity: &Entity) -> Self {
        Self::EntityRemoved(entity.sort, folded(&entity.name))
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Opened(_) => 2,
            Self::AliasSet(_) => 3,
            Self::EntityPut(_) => 4,
            Self::EntityRemoved(..) => 5,
            Self::PolicyPut(_) => 6,
            Self::PolicyRemoved(_) => 7,
            Self::KeyPut(_) => 8,
            Self::KeyRemoved(_) => 9,
            Self::ProviderPut(_) => 10,
            Self::ProviderRemoved(_) => 11,
            Self::Wiped => 12,
            Self::KeyUsed(..) => 13,
            Self::RoleUsed(..) => 14,
        }
    }

    fn encode(&self, pen: &mut Pen<'_>) {
        match self {
            Self::Opened(at) => pen.instant(*at),
            Self::AliasSet(alias) => pen.text(alias.as_deref().unwrap_or_default()),
            Self::EntityPut(entity) => put_entity(pen, entity),
            Self::EntityRemoved(sort, name) => {
                pen.byte(*sort as u8);
                pen.text(name);
            }
            Self::PolicyPut(policy) => put_policy(pen, policy),
            Self::PolicyRemoved(text) | Self::KeyRemoved(text) | Self::ProviderRemoved(text) => pen.text(text),
            Self::KeyPut(key) => put_key(pen, key),
            Self::ProviderPut(provider) => put_provider(pen, provider),
            Self::Wiped => {}
            Self::KeyUsed(id, used) => {
                pen.text(id);
                put_use(pen, used);
            }
            Self::RoleUsed(name, at, region) => {
                pen.text(name);
                pen.instant(*at);
                pen.text(region);
            }
        }
    }

    fn decode(kind: u8, fields: &mut Fields<'_>) -> Option<Self> {
        Some(match kind {
            2 => Self::Opened(fields.instant()?),
            3 => Self::AliasSet(fields.text().map(|alias| (!alias.is_empty()).then_some(alias))?),
            4 => Self::put(entity(fields)?),
            5 => Self::EntityRemoved(sort(fields.byte()?)?, fields.text()?),
            6 => Self::PolicyPut(Box::new(policy(fields)?)),
            7 => Self::PolicyRemoved(fields.text()?),
            8 => Self::KeyPut(Box::new(key(fields)?)),
            9 => Self::KeyRemoved(fields.text()?),
            10 => Self::ProviderPut(Box::new(provider(fields)?)),
            11 => Self::ProviderRemoved(fields.text()?),
            12 => Self::Wiped,
            13 => Self::KeyUsed(fields.text()?, key_use(fields)?),
            14 => Self::RoleUsed(fields.text()?, fields.instant()?, fields.text()?),
            _ => return None,
        })
    }
}

impl engine::Effect for Effect {
    fn kind(&self) -> u8 {
        if let Self::Of(_, change) = self { change.kind() } else { 1 }
    }

    fn version(&self) -> u8 {
        VERSION
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::KeyringMade(wrapped) => out.extend_from_slice(wrapped),
            Self::Of(account, change) => {
                out.extend_from_slice(account.as_str().as_bytes());
                change.encode(&mut Pen(out));
            }
        }
    }

    fn decode(kind: u8, version: u8, payload: &[u8]) -> Result<Self, MalformedRecord> {
        let malformed = |why| MalformedRecord { kind, version, why };
        match (kind, version) {
            (1, VERSION) => Ok(Self::KeyringMade(payload.into())),
            (2..=14, VERSION) => {
                let mut fields = Fields::new(payload);
                let effect = fields.account().zip(Change::decode(kind, &mut fields));
                let effect = effect.and_then(|effect| fields.end(effect));
                let (account, change) = effect.ok_or_else(|| malformed("its fields do not fit its length"))?;
                Ok(Self::Of(account, change))
            }
            (1..=14, _) => Err(malformed("a version that this program does not know")),
            _ => Err(malformed("a kind that this program does not know")),
        }
    }

    fn frees(&self) -> bool {
        matches!(
            self,
            Self::Of(
                _,
                Change::EntityRemoved(..)
                    | Change::PolicyRemoved(_)
                    | Change::KeyRemoved(_)
                    | Change::ProviderRemoved(_)
                    | Change::Wiped
            )
        )
    }
}

fn sort(byte: u8) -> Option<Sort> {
    [Sort::User, Sort::Group, Sort::Role].into_iter().find(|sort| *sort as u8 == byte)
}

fn put_entity(pen: &mut Pen<'_>, entity: &Entity) {
    pen.byte(entity.sort as u8);
    [&entity.id, &entity.name, &entity.path].into_iter().for_each(|text| pen.text(text));
    pen.instant(entity.created_at);
    pen.pairs(entity.tags.iter());
    pen.some(entity.boundary.as_ref(), |pen, boundary| pen.text(boundary));
    pen.texts(&entity.attached);
    pen.pairs(entity.inline.iter().map(|(name, document)| (&**name, &**document)));
    pen.texts(&entity.groups);
    pen.some(entity.role.as_ref(), |pen, role| {
        pen.text(&role.trust);
        pen.some(role.description.as_ref(), |pen, text| pen.text(text));
        pen.number(role.max_session_secs);
        pen.some(role.last_used.as_ref(), |pen, (at, region)| {
            pen.instant(*at);
            pen.text(region);
        });
    });
}

fn entity(fields: &mut Fields<'_>) -> Option<Entity> {
    let sort = sort(fields.byte()?)?;
    let (id, name, path, created_at) = (fields.text()?, fields.text()?, fields.text()?, fields.instant()?);
    let tags = Tags(fields.pairs()?);
    let boundary = fields.option(Fields::text)?;
    let attached = fields.list(Fields::text)?;
    let inline = fields.pairs()?;
    let groups = fields.list(Fields::text)?;
    let role = fields.option(|fields| {
        Some(RolePart {
            trust: fields.text()?,
            description: fields.option(Fields::text)?,
            max_session_secs: fields.u32()?,
            last_used: fields.option(|fields| Some((fields.instant()?, fields.text()?)))?,
        })
    })?;
    Some(Entity { sort, id, name, path, created_at, tags, boundary, attached, inline, groups, role })
}

fn put_policy(pen: &mut Pen<'_>, policy: &Managed) {
    [&policy.id, &policy.name, &policy.path].into_iter().for_each(|text| pen.text(text));
    pen.some(policy.description.as_ref(), |pen, text| pen.text(text));
    pen.instant(policy.created_at);
    pen.instant(policy.updated_at);
    pen.pairs(policy.tags.iter());
    pen.number(policy.default);
    pen.number(policy.next);
    pen.count(policy.versions.len());
    for version in &policy.versions {
        pen.number(version.number);
        pen.instant(version.created_at);
        pen.text(&version.document);
    }
}

fn policy(fields: &mut Fields<'_>) -> Option<Managed> {
    let (id, name, path) = (fields.text()?, fields.text()?, fields.text()?);
    let description = fields.option(Fields::text)?;
    let (created_at, updated_at) = (fields.instant()?, fields.instant()?);
    let tags = Tags(fields.pairs()?);
    let (default, next) = (fields.u32()?, fields.u32()?);
    let version = |fields: &mut Fields<'_>| {
        let (number, created_at) = (fields.u32()?, fields.instant()?);
        Some(Version { number, created_at, document: fields.text()? })
    };
    let versions: Vec<_> = fields.list(version)?;
    versions.iter().find(|version| version.number == default)?;
    Some(Managed { id, name, path, description, created_at, updated_at, tags, versions, default, next })
}

fn put_key(pen: &mut Pen<'_>, key: &AccessKey) {
    pen.text(&key.id);
    pen.some(key.user.as_ref(), |pen, user| pen.text(user));
    pen.instant(key.created_at);
    pen.byte(u8::from(key.is_active));
    pen.bytes(&key.sealed);
    pen.some(key.last_used.as_ref(), put_use);
}

fn put_use(pen: &mut Pen<'_>, used: &KeyUse) {
    pen.instant(used.at);
    pen.text(&used.service);
    pen.text(&used.region);
}

fn key_use(fields: &mut Fields<'_>) -> Option<KeyUse> {
    let (at, service) = (fields.instant()?, fields.text()?);
    Some(KeyUse { at, service, region: fields.text()? })
}

fn key(fields: &mut Fields<'_>) -> Option<AccessKey> {
    Some(AccessKey {
        id: fields.text()?,
        user: fields.option(Fields::text)?,
        created_at: fields.instant()?,
        is_active: fields.flag()?,
        sealed: fields.bytes()?.into(),
        last_used: fields.option(key_use)?,
    })
}

fn put_provider(pen: &mut Pen<'_>, provider: &Provider) {
    pen.text(&provider.url);
    pen.instant(provider.created_at);
    pen.texts(&provider.client_ids);
    pen.texts(&provider.thumbprints);
    pen.pairs(provider.tags.iter());
}

fn provider(fields: &mut Fields<'_>) -> Option<Provider> {
    Some(Provider {
        url: fields.text()?,
        created_at: fields.instant()?,
        client_ids: fields.list(Fields::text)?,
        thumbprints: fields.list(Fields::text)?,
        tags: Tags(fields.pairs()?),
    })
}

#[cfg(test)]
#[path = "records_tests.rs"]
mod tests;
