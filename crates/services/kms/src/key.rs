//! A key: what it is, in which state, with which materials.
//!
//! A key is a value that is replaced as a whole when it changes, so that whoever reads one holds a key as it was at one
//! moment. Its materials are sealed under the root key (`vault.rs`) and never stand open in here.

use crate::key_id::KeyId;
use crate::spec::{KeySpec, Usage};
use access::{Policy, Sort};
use names::{AccountId, Instant, Region};
use std::sync::Arc;

/// Tags by key, in order.
pub(crate) type Tags = Vec<(Box<str>, Box<str>)>;

/// A key of an account in a region.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Key {
    pub(crate) id: KeyId,
    pub(crate) account: AccountId,
    pub(crate) region: Region,
    pub(crate) created_at: Instant,
    pub(crate) description: Box<str>,
    pub(crate) spec: KeySpec,
    pub(crate) usage: Usage,
    pub(crate) origin: Origin,
    /// Whether it is one of AWS's managed keys, `alias/aws/…`.
    pub(crate) is_managed: bool,
    pub(crate) state: State,
    pub(crate) policy: KeyPolicy,
    /// By key, in order.
    pub(crate) tags: Tags,
    /// Oldest first; the last one encrypts. None before an import.
    pub(crate) materials: Vec<Material>,
    pub(crate) rotation: Option<Rotation>,
    pub(crate) multi_region: Option<MultiRegion>,
}

/// Where a key's material comes from. The numbers are those of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    Made = 1,
    External = 2,
}

impl Origin {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Made => "AWS_KMS",
            Self::External => "EXTERNAL",
        }
    }
}

/// Whether a key can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Enabled,
    Disabled,
    /// It has no material yet, or no longer.
    PendingImport,
    /// It is gone at this moment.
    PendingDeletion(Instant),
    /// It is gone this many days after the last of its replicas.
    PendingReplicaDeletion(u32),
}

impl State {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Enabled => "Enabled",
            Self::Disabled => "Disabled",
            Self::PendingImport => "PendingImport",
            Self::PendingDeletion(_) => "PendingDeletion",
            Self::PendingReplicaDeletion(_) => "PendingReplicaDeletion",
        }
    }
}

/// One material of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Material {
    /// Which one it is, counted from 1 and never used twice; ciphertexts name it.
    pub(crate) number: u32,
    /// KeyMaterialId: made of the material, so that the same one is known again when it is imported anew.
    pub(crate) identity: [u8; 32],
    pub(crate) made_at: Instant,
    pub(crate) by: MadeBy,
    /// Sealed under the root key; nothing once it was deleted or is over.
    pub(crate) sealed: Option<Box<[u8]>>,
    /// When an imported one is over.
    pub(crate) valid_to: Option<Instant>,
    pub(crate) description: Option<Box<str>>,
}

/// How a material came about. The numbers are those of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MadeBy {
    Creation = 1,
    Automatic = 2,
    OnDemand = 3,
    Import = 4,
}

/// Automatic rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rotation {
    pub(crate) days: u32,
    pub(crate) next_at: Instant,
}

/// What a multi-Region key knows of its relatives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MultiRegion {
    pub(crate) primary: Region,
    /// In order.
    pub(crate) replicas: Vec<Region>,
}

/// A key policy, as it was given and as it is asked.
#[derive(Debug, Clone)]
pub(crate) struct KeyPolicy {
    pub(crate) text: Box<str>,
    pub(crate) compiled: Option<Arc<Policy>>,
}

impl PartialEq for KeyPolicy {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl KeyPolicy {
    /// A policy that was checked when it was put. One that cannot be read any more allows nothing.
    pub(crate) fn new(text: &str) -> Self {
        let compiled = Policy::parse("key policy", text, Sort::Resource).ok().map(Arc::new);
        Self { text: text.into(), compiled }
    }

    /// What AWS gives a key whose creator says nothing: the account's own policies decide.
    pub(crate) fn of_account(account: AccountId, partition: &str) -> Self {
        Self::new(&format!(
            "{{\n  \"Version\" : \"2012-10-17\",\n  \"Id\" : \"key-default-1\",\n  \"Statement\" : [ {{\n    \"Sid\" : \
             \"Enable IAM User Permissions\",\n    \"Effect\" : \"Allow\",\n    \"Principal\" : {{\n      \"AWS\" : \
             \"arn:{partition}:iam::{account}:root\"\n    }},\n    \"Action\" : \"kms:*\",\n    \"Resource\" : \"*\"\n  }} ]\n}}"
        ))
    }

    /// What a managed key of a service has: whoever of the account uses the service may use it through the service.
    pub(crate) fn of_service(account: AccountId, partition: &str, region: &Region, service: &str) -> Self {
        Self::new(&format!(
            "{{\n  \"Version\" : \"2012-10-17\",\n  \"Id\" : \"auto-{service}-1\",\n  \"Statement\" : [ {{\n    \"Sid\" : \
             \"Allow access through the service for all principals in the account that are authorized to use it\",\n    \
             \"Effect\" : \"Allow\",\n    \"Principal\" : {{\n      \"AWS\" : \"*\"\n    }},\n    \"Action\" : [ \
             \"kms:Encrypt\", \"kms:Decrypt\", \"kms:ReEncrypt*\", \"kms:GenerateDataKey*\", \"kms:CreateGrant\", \
             \"kms:DescribeKey\" ],\n    \"Resource\" : \"*\",\n    \"Condition\" : {{\n      \"StringEquals\" : {{\n        \
             \"kms:CallerAccount\" : \"{account}\",\n        \"kms:ViaService\" : \"{service}.{region}.amazonaws.com\"\n      \
             }}\n    }}\n  }}, {{\n    \"Sid\" : \"Allow direct access to key metadata to the account\",\n    \"Effect\" : \
             \"Allow\",\n    \"Principal\" : {{\n      \"AWS\" : \"arn:{partition}:iam::{account}:root\"\n    }},\n    \
             \"Action\" : [ \"kms:Describe*\", \"kms:Get*\", \"kms:List*\", \"kms:RevokeGrant\" ],\n    \"Resource\" : \
             \"*\"\n  }} ]\n}}"
        ))
    }
}

impl Key {
    /// Its ARN.
    pub(crate) fn arn(&self) -> String {
        self.id.arn(&self.region, self.account)
    }

    /// The material that encrypts and signs.
    pub(crate) fn current(&self) -> Option<&Material> {
        self.materials.last().filter(|material| material.sealed.is_some())
    }

    /// The material of this number.
    pub(crate) fn material(&self, number: u32) -> Option<&Material> {
        self.materials.iter().find(|material| material.number == number)
    }

    /// The number of the material that comes next.
    pub(crate) fn next_material(&self) -> u32 {
        self.materials.last().map_or(1, |last| last.number + 1)
    }

    /// Whether it is the one that its replicas are made of.
    pub(crate) fn is_primary(&self) -> bool {
        self.multi_region.as_ref().is_some_and(|config| config.primary == self.region)
    }

    /// Whether it is gone by now.
    pub(crate) fn has_ended(&self, now: Instant) -> bool {
        matches!(self.state, State::PendingDeletion(at) if at <= now)
    }

    /// Whether it waits for its end.
    pub(crate) fn is_going(&self) -> bool {
        matches!(self.state, State::PendingDeletion(_) | State::PendingReplicaDeletion(_))
    }

    /// Whether new material can be made for it.
    pub(crate) fn is_rotatable(&self) -> bool {
        self.spec == KeySpec::Symmetric && self.origin == Origin::Made
    }

    /// What time has made of it at `now`; nothing if it is as it was.
    pub(crate) fn aged(&self, now: Instant) -> Option<Self> {
        let over = |material: &Material| material.sealed.is_some() && material.valid_to.is_some_and(|at| at <= now);
        if !self.materials.iter().any(over) {
            return None;
        }
        let mut key = self.clone();
        key.materials.iter_mut().filter(|material| over(material)).for_each(|material| material.sealed = None);
        if matches!(key.state, State::Enabled | State::Disabled) {
            key.state = State::PendingImport;
        }
        Some(key)
    }

    /// When time changes it next.
    pub(crate) fn changes_at(&self) -> Option<Instant> {
        let held = self.materials.iter().filter(|material| material.sealed.is_some());
        let ends = held.filter_map(|material| material.valid_to);
        let gone = if let State::PendingDeletion(at) = self.state { Some(at) } else { None };
        ends.chain(gone).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policies_that_we_write_are_policies() {
        let region = Region::parse("eu-west-1").unwrap();
        let default = KeyPolicy::of_account(AccountId::DEFAULT, "aws");
        assert_eq!(default.compiled.unwrap().statements().len(), 1);
        let managed = KeyPolicy::of_service(AccountId::DEFAULT, "aws", &region, "sqs");
        assert_eq!(managed.compiled.unwrap().statements().len(), 2);
    }
}
