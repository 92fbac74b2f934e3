//! What may be changed of a key, and in which of its states.
//!
//! A change makes a new key of an old one; of a multi-Region key also of its relatives, as far as they share it. Source: KMS
//! Developer Guide, "Key states of AWS KMS keys", "Multi-Region keys".

use crate::api::errors;
use crate::key::{Key, KeyPolicy, MadeBy, Material, MultiRegion, Rotation, State, Tags};
use crate::limits::{self, DAY_MILLIS};
use crate::machine::{Keyring, check_usable};
use crate::refusal::Refusal;
use names::{Instant, Region};
use std::sync::Arc;

/// A change of a key.
#[derive(Debug)]
pub(crate) enum Change {
    Describe(Box<str>),
    Enable,
    Disable,
    ScheduleDeletion {
        days: u32,
    },
    CancelDeletion,
    SetPolicy(KeyPolicy),
    /// Lays tags over those that are there.
    Tag(Tags),
    /// Takes away the tags of these keys.
    Untag(Vec<Box<str>>),
    EnableRotation {
        days: Option<u32>,
    },
    DisableRotation,
    /// Sealed material under its number becomes the current one.
    Rotate(Material),
    /// Imported material.
    Import(Material),
    /// Lets go of imported material: of this identity, or the current one.
    DropMaterial(Option<[u8; 32]>),
    /// A replica in another region, with a policy, a description and tags of its own.
    Replicate(Box<Replica>),
    SetPrimary(Region),
}

/// What a replica does not share with its primary.
#[derive(Debug)]
pub(crate) struct Replica {
    pub(crate) region: Region,
    pub(crate) policy: KeyPolicy,
    pub(crate) description: Box<str>,
    pub(crate) tags: Tags,
}

impl Change {
    /// The key as it is afterwards, and before or behind it what else changes: the first is the one that is answered.
    pub(crate) fn apply_to(&self, key: &Key, now: Instant, ring: &Keyring) -> Result<Vec<Arc<Key>>, Refusal> {
        let mut new = key.clone();
        match self {
            Self::Describe(text) => {
                check_staying(key)?;
                new.description = text.clone();
            }
            Self::Enable | Self::Disable => {
                check_staying(key)?;
                if key.state == State::PendingImport {
                    return Err(Refusal::state(&key.arn(), "pending import"));
                }
                new.state = if matches!(self, Self::Enable) { State::Enabled } else { State::Disabled };
            }
            Self::ScheduleDeletion { days } => schedule(&mut new, *days, now)?,
            Self::CancelDeletion => {
                if !key.is_going() {
                    return Err(Refusal::state(&key.arn(), "not pending deletion"));
                }
                new.state = if key.current().is_some() { State::Disabled } else { State::PendingImport };
            }
            Self::SetPolicy(policy) => new.policy = policy.clone(),
            Self::Tag(tags) => tag(&mut new, tags)?,
            Self::Untag(keys) => {
                check_staying(key)?;
                new.tags.retain(|(key, _)| !keys.contains(key));
            }
            Self::EnableRotation { days } => enable_rotation(&mut new, *days, now)?,
            Self::DisableRotation => {
                check_rotatable(key)?;
                new.rotation = None;
            }
            Self::Rotate(material) => rotate(&mut new, material, now)?,
            Self::Import(material) => import(&mut new, material)?,
            Self::DropMaterial(identity) => drop_material(&mut new, identity.as_ref())?,
            Self::Replicate(replica) => return replicate(key, replica, now, ring),
            Self::SetPrimary(region) => return set_primary(key, region, ring),
        }
        if new == *key {
            return Ok(Vec::new());
        }
        let shares = matches!(self, Self::EnableRotation { .. } | Self::DisableRotation | Self::Rotate(_));
        let relatives = if shares { relatives(&new, ring) } else { Vec::new() };
        let (materials, rotation) = (new.materials.clone(), new.rotation);
        let shared = |relative: Key| Arc::new(Key { materials: materials.clone(), rotation, ..relative });
        Ok([Arc::new(new)].into_iter().chain(relatives.into_iter().map(shared)).collect())
    }
}

/// The same key in other regions.
fn relatives(key: &Key, ring: &Keyring) -> Vec<Key> {
    let others = ring.keys.iter().filter(|((region, id), _)| *id == key.id && *region != key.region);
    if key.multi_region.is_none() { Vec::new() } else { others.map(|(_, kept)| (*kept.key).clone()).collect() }
}

fn check_staying(key: &Key) -> Result<(), Refusal> {
    if key.is_going() { check_usable(key) } else { Ok(()) }
}

fn check_rotatable(key: &Key) -> Result<(), Refusal> {
    if !key.is_rotatable() || (key.multi_region.is_some() && !key.is_primary()) {
        return Err(Refusal::unsupported(format!(
            "{} is not a key whose material AWS KMS rotates automatically.",
            key.arn()
        )));
    }
    check_usable(key)
}

fn schedule(key: &mut Key, days: u32, now: Instant) -> Result<(), Refusal> {
    check_staying(key)?;
    let has_replicas = key.is_primary() && key.multi_region.as_ref().is_some_and(|config| !config.replicas.is_empty());
    key.state = match has_replicas {
        true => State::PendingReplicaDeletion(days),
        false => State::PendingDeletion(now.plus_millis(u64::from(days) * DAY_MILLIS)),
    };
    Ok(())
}

fn tag(key: &mut Key, tags: &[(Box<str>, Box<str>)]) -> Result<(), Refusal> {
    check_staying(key)?;
    for (name, value) in tags {
        match key.tags.binary_search_by(|(known, _)| known.cmp(name)) {
            Ok(at) => key.tags[at].1 = value.clone(),
            Err(at) => key.tags.insert(at, (name.clone(), value.clone())),
        }
    }
    match key.tags.len() > limits::TAGS_MAX {
        true => Err(Refusal::limit("Too many tags")),
        false => Ok(()),
    }
}

fn enable_rotation(key: &mut Key, days: Option<u32>, now: Instant) -> Result<(), Refusal> {
    check_rotatable(key)?;
    let days = days.or(key.rotation.map(|rotation| rotation.days)).unwrap_or(limits::ROTATION_DAYS_DEFAULT);
    if key.rotation.is_none_or(|rotation| rotation.days != days) {
        key.rotation = Some(Rotation { days, next_at: now.plus_millis(u64::from(days) * DAY_MILLIS) });
    }
    Ok(())
}

fn rotate(key: &mut Key, material: &Material, now: Instant) -> Result<(), Refusal> {
    check_rotatable(key)?;
    if material.number != key.next_material() {
        // Another rotation came in between.
        return Err(Refusal::new(&errors::CONFLICT_EXCEPTION, format!("{} is being rotated.", key.arn())));
    }
    let on_demand = key.materials.iter().filter(|known| known.by == MadeBy::OnDemand).count();
    if material.by == MadeBy::OnDemand && on_demand >= limits::ON_DEMAND_ROTATIONS_MAX {
        return Err(Refusal::limit(format!(
            "The on-demand rotations limit has been reached for the given keyId. No more on-demand rotations can be \
             performed for this key: {}",
            key.arn()
        )));
    }
    key.materials.push(Material { made_at: now, ..material.clone() });
    if let Some(rotation) = key.rotation.as_mut().filter(|_| material.by == MadeBy::Automatic) {
        rotation.next_at = now.plus_millis(u64::from(rotation.days) * DAY_MILLIS);
    }
    Ok(())
}

/// Material comes back only as what it was: a key whose ciphertexts are out there must open them for ever.
fn import(key: &mut Key, material: &Material) -> Result<(), Refusal> {
    check_staying(key)?;
    match key.materials.last_mut() {
        None => key.materials.push(material.clone()),
        Some(known) if known.identity == material.identity => {
            let (number, description) = (known.number, material.description.clone().or(known.description.take()));
            *known = Material { number, description, ..material.clone() };
        }
        Some(_) => return Err(Refusal::other_material()),
    }
    if key.state == State::PendingImport {
        key.state = State::Enabled;
    }
    Ok(())
}

fn drop_material(key: &mut Key, identity: Option<&[u8; 32]>) -> Result<(), Refusal> {
    check_staying(key)?;
    let is_meant = |material: &&mut Material| identity.is_none_or(|identity| material.identity == *identity);
    match key.materials.last_mut().filter(is_meant) {
        Some(material) => {
            material.sealed = None;
            material.valid_to = None;
        }
        None if identity.is_some() => return Err(Refusal::not_found("The key material does not exist.")),
        None => {}
    }
    key.state = State::PendingImport;
    Ok(())
}

fn replicate(primary: &Key, replica: &Replica, now: Instant, ring: &Keyring) -> Result<Vec<Arc<Key>>, Refusal> {
    let config = primary.multi_region.clone().filter(|_| primary.is_primary());
    let Some(mut config) = config else {
        return Err(Refusal::unsupported(format!("{} is not a multi-Region primary key.", primary.arn())));
    };
    check_usable(primary)?;
    if replica.region == primary.region || config.replicas.contains(&replica.region) {
        let message = format!("The key {} already exists in the region {}.", primary.id, replica.region);
        return Err(Refusal::new(&errors::ALREADY_EXISTS_EXCEPTION, message));
    }
    if config.replicas.len() >= limits::REPLICAS_MAX {
        return Err(Refusal::limit(format!("A key has at most {} replicas.", limits::REPLICAS_MAX)));
    }
    config.replicas.push(replica.region.clone());
    config.replicas.sort();
    let new = Key {
        region: replica.region.clone(),
        created_at: now,
        description: replica.description.clone(),
        policy: replica.policy.clone(),
        tags: replica.tags.clone(),
        ..primary.clone()
    };
    Ok(configured([new, primary.clone()].into_iter().chain(relatives(primary, ring)), &config))
}

fn set_primary(primary: &Key, region: &Region, ring: &Keyring) -> Result<Vec<Arc<Key>>, Refusal> {
    let config = primary.multi_region.clone().filter(|_| primary.is_primary());
    let Some(mut config) = config else {
        return Err(Refusal::unsupported(format!("{} is not a multi-Region primary key.", primary.arn())));
    };
    check_usable(primary)?;
    let relatives = relatives(primary, ring);
    let Some(next) = relatives.iter().find(|key| key.region == *region) else {
        return Err(Refusal::no_key(&primary.id.arn(region, primary.account)));
    };
    check_usable(next)?;
    config.replicas.retain(|known| known != region);
    config.replicas.push(std::mem::replace(&mut config.primary, region.clone()));
    config.replicas.sort();
    Ok(configured([primary.clone()].into_iter().chain(relatives), &config))
}

/// All of these with one idea of who is primary and who is replica.
fn configured(keys: impl Iterator<Item = Key>, config: &MultiRegion) -> Vec<Arc<Key>> {
    keys.map(|key| Arc::new(Key { multi_region: Some(config.clone()), ..key })).collect()
}
