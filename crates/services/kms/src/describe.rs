//! A key in the words of the API.

use crate::api::{KeyMetadata, MultiRegionConfiguration, MultiRegionKey, Tag};
use crate::key::{Key, Material, State};
use crate::spec::{KeySpec, Usage};
use names::{Instant, Region};
use wire::Timestamp;

/// Metadata as DescribeKey shows it.
pub(crate) fn metadata(key: &Key) -> KeyMetadata {
    let names = |names: &[&str]| (!names.is_empty()).then(|| names.iter().map(ToString::to_string).collect());
    let of =
        |usage: Usage, algorithms: &'static [&'static str]| if key.usage == usage { names(algorithms) } else { None };
    let current = key.current();
    let imported = current.filter(|_| key.origin == crate::key::Origin::External);
    let expiration = imported.map(crate::ops::expiration);
    KeyMetadata {
        aws_account_id: Some(key.account.as_str().to_owned()),
        key_id: key.id.to_string(),
        arn: Some(key.arn()),
        creation_date: Some(timestamp(key.created_at)),
        enabled: Some(key.state == State::Enabled),
        description: Some(key.description.to_string()),
        key_usage: Some(key.usage.name().into()),
        key_state: Some(key.state.name().into()),
        deletion_date: if let State::PendingDeletion(at) = key.state { Some(timestamp(at)) } else { None },
        pending_deletion_window_in_days: if let State::PendingReplicaDeletion(days) = key.state {
            i32::try_from(days).ok()
        } else {
            None
        },
        valid_to: imported.and_then(|material| material.valid_to).map(timestamp),
        origin: Some(key.origin.name().into()),
        expiration_model: expiration.map(Into::into),
        key_manager: Some(if key.is_managed { "AWS" } else { "CUSTOMER" }.into()),
        customer_master_key_spec: Some(key.spec.name().into()),
        key_spec: Some(key.spec.name().into()),
        encryption_algorithms: of(Usage::Encrypt, key.spec.encryption_algorithms()),
        signing_algorithms: of(Usage::Sign, key.spec.signing_algorithms()),
        mac_algorithms: of(Usage::Mac, key.spec.mac_algorithms()),
        multi_region: Some(key.multi_region.is_some()),
        multi_region_configuration: configuration(key),
        current_key_material_id: material_id(key, current),
        ..KeyMetadata::default()
    }
}

fn configuration(key: &Key) -> Option<MultiRegionConfiguration> {
    let config = key.multi_region.as_ref()?;
    let relative = |region: &Region| MultiRegionKey {
        arn: Some(key.id.arn(region, key.account)),
        region: Some(region.as_str().to_owned()),
    };
    Some(MultiRegionConfiguration {
        multi_region_key_type: Some(if key.is_primary() { "PRIMARY" } else { "REPLICA" }.into()),
        primary_key: Some(relative(&config.primary)),
        replica_keys: Some(config.replicas.iter().map(relative).collect()),
    })
}

/// KeyMaterialId, which only symmetric keys that encrypt have.
pub(crate) fn material_id(key: &Key, material: Option<&Material>) -> Option<String> {
    let material = material.filter(|_| key.spec == KeySpec::Symmetric)?;
    Some(material.identity.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Tags as the API lists them.
pub(crate) fn tags(tags: &[(Box<str>, Box<str>)]) -> Vec<Tag> {
    let tag = |(key, value): &(Box<str>, Box<str>)| Tag { tag_key: key.to_string(), tag_value: value.to_string() };
    tags.iter().map(tag).collect()
}

/// A moment as the API writes it.
pub(crate) fn timestamp(at: Instant) -> Timestamp {
    Timestamp::from_millis(i64::try_from(at.as_millis()).unwrap_or(i64::MAX))
}
