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
use names::{AccountId, Instant, Region};
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
        let mut fields = Fields(payload);
        let effect = match kind {
            OPENED => fields.account().map(Self::Opened),
            // Whose key it is says the partition; the machine puts it in.
            KEY_PUT => fields.key(AccountId::DEFAULT).map(|key| Self::KeyPut(Arc::new(key))),
            KEY_GONE => fields.place().map(|(region, id)| Self::KeyGone(region, id)),
            ALIAS_PUT => fields.alias().map(|(region, name, alias)| Self::AliasPut(region, name, alias)),
            ALIAS_GONE => fields.region().zip(fields.text()).map(|(region, name)| Self::AliasGone(region, name)),
            GRANT_PUT => fields
                .place()
                .zip(fields.grant())
                .map(|((region, id), grant)| Self::GrantPut(region, id, Arc::new(grant))),
            GRANT_GONE => fields
                .place()
                .zip(fields.array().map(GrantId))
                .map(|((region, id), grant)| Self::GrantGone(region, id, grant)),
            _ => return Err(malformed("a kind that this program does not know")),
        };
        effect.filter(|_| fields.0.is_empty()).ok_or_else(|| malformed("its fields do not fit its length"))
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
    let mut fields = Fields(state);
    let mut ring = Keyring::of(fields.account()?);
    for _ in 0..fields.count()? {
        let key = fields.key(ring.account)?;
        let grants = (0..fields.count()?).map(|_| fields.grant().map(|grant| (grant.id, Arc::new(grant))));
        let grants = Arc::new(grants.collect::<Option<_>>()?);
        ring.put((key.region.clone(), key.id), Kept { key: Arc::new(key), grants });
    }
    for _ in 0..fields.count()? {
        let (region, name, alias) = fields.alias()?;
        ring.aliases.insert((region, name), alias);
    }
    fields.0.is_empty().then_some(ring)
}

fn put_count(count: usize, out: &mut Vec<u8>) {
    out.extend(u32::try_from(count).expect("counts were bounded at the door").to_be_bytes());
}

fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put_count(bytes.len(), out);
    out.extend(bytes);
}

fn put_text(text: &str, out: &mut Vec<u8>) {
    put_bytes(text.as_bytes(), out);
}

fn put_option<T>(value: Option<T>, out: &mut Vec<u8>, put: impl FnOnce(T, &mut Vec<u8>)) {
    out.push(u8::from(value.is_some()));
    if let Some(value) = value {
        put(value, out);
    }
}

fn put_instant(at: Instant, out: &mut Vec<u8>) {
    out.extend(at.as_millis().to_be_bytes());
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

fn put_pairs<'a>(pairs: impl ExactSizeIterator<Item = (&'a str, &'a str)>, out: &mut Vec<u8>) {
    put_count(pairs.len(), out);
    for (key, value) in pairs {
        put_text(key, out);
        put_text(value, out);
    }
}

/// Takes fields off the front of a payload.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn key(&mut self, account: AccountId) -> Option<Key> {
        let (region, id) = self.place()?;
        Some(Key {
            id,
            account,
            region,
            created_at: self.instant()?,
            description: self.text()?,
            spec: KeySpec::numbered(self.byte()?)?,
            usage: Usage::numbered(self.byte()?)?,
            origin: [Origin::Made, Origin::External].into_iter().nth(usize::from(self.byte()?.checked_sub(1)?))?,
            is_managed: self.flag()?,
            state: self.state()?,
            policy: KeyPolicy::new(&self.text()?),
            tags: self.pairs()?,
            materials: (0..self.count()?).map(|_| self.material()).collect::<Option<_>>()?,
            rotation: self.option(|fields| Some(Rotation { days: fields.number()?, next_at: fields.instant()? }))?,
            multi_region: self.option(|fields| {
                let primary = fields.region()?;
                let replicas = (0..fields.count()?).map(|_| fields.region()).collect::<Option<_>>()?;
                Some(MultiRegion { primary, replicas })
            })?,
        })
    }

    fn state(&mut self) -> Option<State> {
        Some(match self.byte()? {
            1 => State::Enabled,
            2 => State::Disabled,
            3 => State::PendingImport,
            4 => State::PendingDeletion(self.instant()?),
            5 => State::PendingReplicaDeletion(self.number()?),
            _ => return None,
        })
    }

    fn material(&mut self) -> Option<Material> {
        Some(Material {
            number: self.number()?,
            identity: self.array()?,
            made_at: self.instant()?,
            by: match self.byte()? {
                1 => MadeBy::Creation,
                2 => MadeBy::Automatic,
                3 => MadeBy::OnDemand,
                4 => MadeBy::Import,
                _ => return None,
            },
            sealed: self.option(|fields| fields.bytes().map(Box::from))?,
            valid_to: self.option(Self::instant)?,
            description: self.option(Self::text)?,
        })
    }

    fn alias(&mut self) -> Option<(Region, Box<str>, Alias)> {
        let (region, name, target) = (self.region()?, self.text()?, self.id()?);
        Some((region, name, Alias { target, created_at: self.instant()?, changed_at: self.instant()? }))
    }

    fn grant(&mut self) -> Option<Grant> {
        Some(Grant {
            id: GrantId(self.array()?),
            name: self.option(Self::text)?,
            created_at: self.instant()?,
            grantee: self.text()?,
            retiring: self.option(Self::text)?,
            issuer: self.account()?,
            terms: Terms {
                operations: (0..self.count()?).map(|_| self.text()).collect::<Option<_>>()?,
                equals: self.option(Self::context)?,
                subset: self.option(Self::context)?,
            },
        })
    }

    fn context(&mut self) -> Option<Context> {
        let pairs = self.pairs()?.into_iter().map(|(key, value)| (key.into(), value.into()));
        Some(Context::new(Some(pairs.collect())))
    }

    fn pairs(&mut self) -> Option<Vec<(Box<str>, Box<str>)>> {
        (0..self.count()?).map(|_| Some((self.text()?, self.text()?))).collect()
    }

    /// What may be there: nothing if the bytes do not say so as they should.
    fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        if self.flag()? { read(self).map(Some) } else { Some(None) }
    }

    fn place(&mut self) -> Option<(Region, KeyId)> {
        Some((self.region()?, self.id()?))
    }

    fn id(&mut self) -> Option<KeyId> {
        let multi_region = self.flag()?;
        Some(KeyId::from_record(self.array()?, multi_region))
    }

    fn account(&mut self) -> Option<AccountId> {
        AccountId::parse(std::str::from_utf8(self.take(AccountId::LEN)?).ok()?).ok()
    }

    fn region(&mut self) -> Option<Region> {
        Region::parse(&self.text()?).ok()
    }

    fn text(&mut self) -> Option<Box<str>> {
        std::str::from_utf8(self.bytes()?).ok().map(Box::from)
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.count()?;
        self.take(length)
    }

    /// A count of things, none of which is shorter than a byte.
    fn count(&mut self) -> Option<usize> {
        self.number().map(|count| count as usize).filter(|count| *count <= self.0.len())
    }

    fn number(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    fn instant(&mut self) -> Option<Instant> {
        self.array().map(u64::from_be_bytes).map(Instant::from_millis)
    }

    fn flag(&mut self) -> Option<bool> {
        self.byte().filter(|byte| *byte < 2).map(|byte| byte == 1)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn array<const BYTES: usize>(&mut self) -> Option<[u8; BYTES]> {
        self.take(BYTES)?.try_into().ok()
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests;
