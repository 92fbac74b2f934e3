//! Every record that an account's keys journal, on one screen. Integers are big-endian; `text` is a length of 4 and UTF-8.
//!
//! ```text
//! kind 1 v1   opened         account 12
//! kind 2 v1   key put        key
//! kind 3 v1   key gone       region │ id
//! kind 4 v1   alias put      region │ name text │ id │ created at 8 │ changed at 8
//! kind 5 v1   alias gone     region │ name text
//! kind 6 v1   grant put      region │ id │ grant
//! kind 7 v1   grant gone     region │ id │ grant id 32
//! region      text
//! id          multi-Region 1 (0, 1) │ 16
//! key         region │ id │ created at 8 │ description text │ spec 1 │ usage 1 │ origin 1 │ managed 1 │ state │ policy text │
//!             tags │ count 4 × material │ 0, or 1 and rotation: days 4, next at 8 │ 0, or 1 and primary region, count 4 × region
//! state       1 enabled · 2 disabled · 3 pending import · 4 pending deletion, at 8 · 5 pending replica deletion, days 4
//! tags        count 4 × ( key text │ value text )
//! material    number 4 │ identity 32 │ made at 8 │ made by 1 │ option text sealed │ option 8 valid to │ option text description
//! grant       id 32 │ option text name │ created at 8 │ grantee text │ option text retiring │ issuer 12 │
//!             count 4 × operation text │ option tags equals │ option tags subset
//! option      0, or 1 and what it is of
//! snapshot v1 account 12 │ count 4 × ( key │ count 4 × grant ) │ count 4 × alias (as in kind 4)
//! ```
//! `sealed` is what the root key wrapped (docs/formats); nothing else of a key is secret. A key is put as a whole whenever it
//! changes, its grants one by one, since there may be many. Numbers of specs, usages and the like stand with their types.

use crate::context::Context;
use crate::grant::{Grant, GrantId, Terms};
use crate::key::{Key, KeyPolicy, MadeBy, Material, MultiRegion, Origin, Rotation, State};
use crate::key_id::KeyId;
use crate::machine::{Alias, Kept, Keyring};
use crate::spec::{KeySpec, Usage};
use engine::MalformedRecord;
use engine::fields::{Fields, put_bytes, put_count, put_instant, put_option, put_pairs, put_text};
use names::{AccountId, Region};
use std::sync::Arc;

/// The family of partitions that hold an account's keys.
pub const FAMILY: u8 = 3;

const OPENED: u8 = 1;
const KEY_PUT: u8 = 2;
const KEY_GONE: u8 = 3;
const ALIAS_PUT: u8 = 4;
const ALIAS_GONE: u8 = 5;
const GRANT_PUT: u8 = 6;
const GRANT_GONE: u8 = 7;
/// The version of all records, and of the snapshot.
pub(crate) const VERSION: u8 = 1;

/// A journaled change of an account's keys.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Effect {
    Opened(AccountId),
    /// The account is the partition's.
    KeyPut(Arc<Key>),
    KeyGone(Region, KeyId),
    AliasPut(Region, Box<str>, Alias),
    AliasGone(Region, Box<str>),
    GrantPut(Region, KeyId, Arc<Grant>),
    GrantGone(Region, KeyId, GrantId),
}

impl engine::Effect for Effect {
    fn kind(&self) -> u8 {
        match self {
            Self::Opened(_) => OPENED,
            Self::KeyPut(_) => KEY_PUT,
            Self::KeyGone(..) => KEY_GONE,
            Self::AliasPut(..) => ALIAS_PUT,
            Self::AliasGone(..) => ALIAS_GONE,
            Self::GrantPut(..) => GRANT_PUT,
            Self::GrantGone(..) => GRANT_GONE,
        }
    }

    fn version(&self) -> u8 {
        VERSION
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Opened(account) => out.extend(account.as_str().as_bytes()),
            Self::KeyPut(key) => put_key(key, out),
            Self::KeyGone(region, id) => put_place(region, id, out),
            Self::AliasPut(region, name, alias) => put_alias(region, name, alias, out),
            Self::AliasGone(region, name) => {
                put_text(region.as_str(), out);
                put_text(name, out);
            }
            Self::GrantPut(region, id, grant) => {
                put_place(region, id, out);
                put_grant(grant, out);
            }
            Self::GrantGone(region, id, grant) => {
                put_place(region, id, out);
                out.extend(grant.0);
            }
        }
    }

    fn decode(kind: u8, version: u8, payload: &[u8]) -> Result<Self, MalformedRecord> {
        let malformed = |why| MalformedRecord { kind, version, why };
        if version != VERSION {
            return Err(malformed("a version that this program does not know"));
        }
        let mut fields = Fields::new(payload);
        let effect = match kind {
            OPENED => fields.account().map(Self::Opened),
            // Whose key it is says the partition; the machine puts it in.
            KEY_PUT => key(&mut fields, AccountId::DEFAULT).map(|key| Self::KeyPut(Arc::new(key))),
            KEY_GONE => place(&mut fields).map(|(region, id)| Self::KeyGone(region, id)),
            ALIAS_PUT => alias(&mut fields).map(|(region, name, alias)| Self::AliasPut(region, name, alias)),
            ALIAS_GONE => fields.region().zip(fields.text()).map(|(region, name)| Self::AliasGone(region, name)),
            GRANT_PUT => place(&mut fields)
                .zip(grant(&mut fields))
                .map(|((region, id), grant)| Self::GrantPut(region, id, Arc::new(grant))),
            GRANT_GONE => place(&mut fields)
                .zip(fields.array().map(GrantId))
                .map(|((region, id), grant)| Self::GrantGone(region, id, grant)),
            _ => return Err(malformed("a kind that this program does not know")),
        };
        effect.and_then(|effect| fields.end(effect)).ok_or_else(|| malformed("its fields do not fit its length"))
    }

    fn frees(&self) -> bool {
        matches!(self, Self::KeyGone(..) | Self::AliasGone(..) | Self::GrantGone(..))
    }
}

/// The whole state of an account's keys.
pub(crate) fn put_ring(ring: &Keyring, out: &mut Vec<u8>) {
    out.extend(ring.account.as_str().as_bytes());
    put_count(ring.keys.len(), out);
    for kept in ring.keys.values() {
        put_key(&kept.key, out);
        put_count(kept.grants.len(), out);
        kept.grants.values().for_each(|grant| put_grant(grant, out));
    }
    put_count(ring.aliases.len(), out);
    ring.aliases.iter().for_each(|((region, name), alias)| put_alias(region, name, alias, out));
}

/// Reads what [`put_ring`] wrote.
pub(crate) fn ring(state: &[u8]) -> Option<Keyring> {
    let mut fields = Fields::new(state);
    let mut ring = Keyring::of(fields.account()?);
    for _ in 0..fields.count()? {
        let key = key(&mut fields, ring.account)?;
        let grants = fields.list(|fields| grant(fields).map(|grant| (grant.id, Arc::new(grant))))?;
        let grants = Arc::new(grants);
        ring.put((key.region.clone(), key.id), Kept { key: Arc::new(key), grants });
    }
    for _ in 0..fields.count()? {
        let (region, name, alias) = alias(&mut fields)?;
        ring.aliases.insert((region, name), alias);
    }
    fields.end(ring)
}

fn put_place(region: &Region, id: &KeyId, out: &mut Vec<u8>) {
    put_text(region.as_str(), out);
    put_id(id, out);
}

fn put_id(id: &KeyId, out: &mut Vec<u8>) {
    out.push(u8::from(id.is_multi_region()));
    out.extend(id.bytes());
}

fn put_key(key: &Key, out: &mut Vec<u8>) {
    put_place(&key.region, &key.id, out);
    put_instant(key.created_at, out);
    put_text(&key.description, out);
    out.extend([key.spec as u8, key.usage as u8, key.origin as u8, u8::from(key.is_managed)]);
    match key.state {
        State::Enabled => out.push(1),
        State::Disabled => out.push(2),
        State::PendingImport => out.push(3),
        State::PendingDeletion(at) => {
            out.push(4);
            put_instant(at, out);
        }
        State::PendingReplicaDeletion(days) => {
            out.push(5);
            out.extend(days.to_be_bytes());
        }
    }
    put_text(&key.policy.text, out);
    put_pairs(key.tags.iter().map(|(key, value)| (&**key, &**value)), out);
    put_count(key.materials.len(), out);
    key.materials.iter().for_each(|material| put_material(material, out));
    put_option(key.rotation, out, |rotation, out| {
        out.extend(rotation.days.to_be_bytes());
        put_instant(rotation.next_at, out);
    });
    put_option(key.multi_region.as_ref(), out, |config, out| {
        put_text(config.primary.as_str(), out);
        put_count(config.replicas.len(), out);
        config.replicas.iter().for_each(|region| put_text(region.as_str(), out));
    });
}

fn put_material(material: &Material, out: &mut Vec<u8>) {
    out.extend(material.number.to_be_bytes());
    out.extend(material.identity);
    put_instant(material.made_at, out);
    out.push(material.by as u8);
    put_option(material.sealed.as_deref(), out, put_bytes);
    put_option(material.valid_to, out, put_instant);
    put_option(material.description.as_deref(), out, put_text);
}

fn put_alias(region: &Region, name: &str, alias: &Alias, out: &mut Vec<u8>) {
    put_text(region.as_str(), out);
    put_text(name, out);
    put_id(&alias.target, out);
    put_instant(alias.created_at, out);
    put_instant(alias.changed_at, out);
}

fn put_grant(grant: &Grant, out: &mut Vec<u8>) {
    out.extend(grant.id.0);
    put_option(grant.name.as_deref(), out, put_text);
    put_instant(grant.created_at, out);
    put_text(&grant.grantee, out);
    put_option(grant.retiring.as_deref(), out, put_text);
    out.extend(grant.issuer.as_str().as_bytes());
    put_count(grant.terms.operations.len(), out);
    grant.terms.operations.iter().for_each(|operation| put_text(operation, out));
    for context in [&grant.terms.equals, &grant.terms.subset] {
        let pairs = context.as_ref().map(Context::pairs);
        put_option(pairs, out, |pairs, out| put_pairs(pairs.iter().map(|(key, value)| (&**key, &**value)), out));
    }
}

fn key(fields: &mut Fields<'_>, account: AccountId) -> Option<Key> {
    let (region, id) = place(fields)?;
    Some(Key {
        id,
        account,
        region,
        created_at: fields.instant()?,
        description: fields.text()?,
        spec: KeySpec::numbered(fields.byte()?)?,
        usage: Usage::numbered(fields.byte()?)?,
        origin: [Origin::Made, Origin::External].into_iter().nth(usize::from(fields.byte()?.checked_sub(1)?))?,
        is_managed: fields.flag()?,
        state: state(fields)?,
        policy: KeyPolicy::new(&fields.text()?),
        tags: fields.pairs()?,
        materials: fields.list(material)?,
        rotation: fields.option(|fields| Some(Rotation { days: fields.u32()?, next_at: fields.instant()? }))?,
        multi_region: fields.option(|fields| {
            let primary = fields.region()?;
            let replicas = fields.list(Fields::region)?;
            Some(MultiRegion { primary, replicas })
        })?,
    })
}

fn state(fields: &mut Fields<'_>) -> Option<State> {
    Some(match fields.byte()? {
        1 => State::Enabled,
        2 => State::Disabled,
        3 => State::PendingImport,
        4 => State::PendingDeletion(fields.instant()?),
        5 => State::PendingReplicaDeletion(fields.u32()?),
        _ => return None,
    })
}

fn material(fields: &mut Fields<'_>) -> Option<Material> {
    Some(Material {
        number: fields.u32()?,
        identity: fields.array()?,
        made_at: fields.instant()?,
        by: match fields.byte()? {
            1 => MadeBy::Creation,
            2 => MadeBy::Automatic,
            3 => MadeBy::OnDemand,
            4 => MadeBy::Import,
            _ => return None,
        },
        sealed: fields.option(|fields| fields.bytes().map(Box::from))?,
        valid_to: fields.option(Fields::instant)?,
        description: fields.option(Fields::text)?,
    })
}

fn alias(fields: &mut Fields<'_>) -> Option<(Region, Box<str>, Alias)> {
    let (region, name, target) = (fields.region()?, fields.text()?, id(fields)?);
    Some((region, name, Alias { target, created_at: fields.instant()?, changed_at: fields.instant()? }))
}

fn grant(fields: &mut Fields<'_>) -> Option<Grant> {
    Some(Grant {
        id: GrantId(fields.array()?),
        name: fields.option(Fields::text)?,
        created_at: fields.instant()?,
        grantee: fields.text()?,
        retiring: fields.option(Fields::text)?,
        issuer: fields.account()?,
        terms: Terms {
            operations: fields.list(Fields::text)?,
            equals: fields.option(context)?,
            subset: fields.option(context)?,
        },
    })
}

fn context(fields: &mut Fields<'_>) -> Option<Context> {
    let pairs: Vec<_> = fields.pairs()?;
    let pairs = pairs.into_iter().map(|(key, value)| (key.into(), value.into()));
    Some(Context::new(Some(pairs.collect())))
}

fn place(fields: &mut Fields<'_>) -> Option<(Region, KeyId)> {
    Some((fields.region()?, id(fields)?))
}

fn id(fields: &mut Fields<'_>) -> Option<KeyId> {
    let multi_region = fields.flag()?;
    Some(KeyId::from_record(fields.array()?, multi_region))
}

#[cfg(test)]
mod tests;
