//! One file per operation: input → command → output. What several of them share stands beside them: `aliases`,
//! `data_keys`, `dry_runs`, `grants`, `import`.

mod aliases;
mod cancel_key_deletion;
mod create_alias;
mod create_grant;
mod create_key;
mod data_keys;
mod decrypt;
mod delete_alias;
mod delete_imported_key_material;
mod describe_key;
mod disable_key;
mod disable_key_rotation;
mod dry_runs;
mod enable_key;
mod enable_key_rotation;
mod encrypt;
mod generate_data_key;
mod generate_data_key_pair;
mod generate_data_key_pair_without_plaintext;
mod generate_data_key_without_plaintext;
mod generate_mac;
mod generate_random;
mod get_key_policy;
mod get_key_rotation_status;
mod get_parameters_for_import;
mod get_public_key;
mod grants;
mod import;
mod import_key_material;
mod list_aliases;
mod list_grants;
mod list_key_policies;
mod list_key_rotations;
mod list_keys;
mod list_resource_tags;
mod list_retirable_grants;
mod put_key_policy;
mod re_encrypt;
mod replicate_key;
mod retire_grant;
mod revoke_grant;
mod rotate_key_on_demand;
mod schedule_key_deletion;
pub(crate) mod sign;
mod tag_resource;
mod untag_resource;
mod update_alias;
mod update_key_description;
mod update_primary_region;
mod verify;
mod verify_mac;

pub(crate) use import::expiration;

use crate::service::{Prepare, prepare};

/// The operations that are carried out. The model's others are refused by name.
pub(crate) const TABLE: &[(&str, Prepare)] = &[
    ("CancelKeyDeletion", prepare::<cancel_key_deletion::CancelKeyDeletion>),
    ("CreateAlias", prepare::<create_alias::CreateAlias>),
    ("CreateGrant", prepare::<create_grant::CreateGrant>),
    ("CreateKey", prepare::<create_key::CreateKey>),
    ("Decrypt", prepare::<decrypt::Decrypt>),
    ("DeleteAlias", prepare::<delete_alias::DeleteAlias>),
    ("DeleteImportedKeyMaterial", prepare::<delete_imported_key_material::DeleteImportedKeyMaterial>),
    ("DescribeKey", prepare::<describe_key::DescribeKey>),
    ("DisableKey", prepare::<disable_key::DisableKey>),
    ("DisableKeyRotation", prepare::<disable_key_rotation::DisableKeyRotation>),
    ("EnableKey", prepare::<enable_key::EnableKey>),
    ("EnableKeyRotation", prepare::<enable_key_rotation::EnableKeyRotation>),
    ("Encrypt", prepare::<encrypt::Encrypt>),
    ("GenerateDataKey", prepare::<generate_data_key::GenerateDataKey>),
    ("GenerateDataKeyPair", prepare::<generate_data_key_pair::GenerateDataKeyPair>),
    (
        "GenerateDataKeyPairWithoutPlaintext",
        prepare::<generate_data_key_pair_without_plaintext::GenerateDataKeyPairWithoutPlaintext>,
    ),
    (
        "GenerateDataKeyWithoutPlaintext",
        prepare::<generate_data_key_without_plaintext::GenerateDataKeyWithoutPlaintext>,
    ),
    ("GenerateMac", prepare::<generate_mac::GenerateMac>),
    ("GenerateRandom", prepare::<generate_random::GenerateRandom>),
    ("GetKeyPolicy", prepare::<get_key_policy::GetKeyPolicy>),
    ("GetKeyRotationStatus", prepare::<get_key_rotation_status::GetKeyRotationStatus>),
    ("GetParametersForImport", prepare::<get_parameters_for_import::GetParametersForImport>),
    ("GetPublicKey", prepare::<get_public_key::GetPublicKey>),
    ("ImportKeyMaterial", prepare::<import_key_material::ImportKeyMaterial>),
    ("ListAliases", prepare::<list_aliases::ListAliases>),
    ("ListGrants", prepare::<list_grants::ListGrants>),
    ("ListKeyPolicies", prepare::<list_key_policies::ListKeyPolicies>),
    ("ListKeyRotations", prepare::<list_key_rotations::ListKeyRotations>),
    ("ListKeys", prepare::<list_keys::ListKeys>),
    ("ListResourceTags", prepare::<list_resource_tags::ListResourceTags>),
    ("ListRetirableGrants", prepare::<list_retirable_grants::ListRetirableGrants>),
    ("PutKeyPolicy", prepare::<put_key_policy::PutKeyPolicy>),
    ("ReEncrypt", prepare::<re_encrypt::ReEncrypt>),
    ("ReplicateKey", prepare::<replicate_key::ReplicateKey>),
    ("RetireGrant", prepare::<retire_grant::RetireGrant>),
    ("RevokeGrant", prepare::<revoke_grant::RevokeGrant>),
    ("RotateKeyOnDemand", prepare::<rotate_key_on_demand::RotateKeyOnDemand>),
    ("ScheduleKeyDeletion", prepare::<schedule_key_deletion::ScheduleKeyDeletion>),
    ("Sign", prepare::<sign::Sign>),
    ("TagResource", prepare::<tag_resource::TagResource>),
    ("UntagResource", prepare::<untag_resource::UntagResource>),
    ("UpdateAlias", prepare::<update_alias::UpdateAlias>),
    ("UpdateKeyDescription", prepare::<update_key_description::UpdateKeyDescription>),
    ("UpdatePrimaryRegion", prepare::<update_primary_region::UpdatePrimaryRegion>),
    ("Verify", prepare::<verify::Verify>),
    ("VerifyMac", prepare::<verify_mac::VerifyMac>),
];
