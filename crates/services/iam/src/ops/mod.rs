//! One file per noun: what its operations need, change and answer.

mod access_keys;
mod account;
mod attachments;
mod boundaries;
mod entity;
mod groups;
mod inline;
mod linked_roles;
pub(crate) mod policies;
mod policy_versions;
pub(crate) mod providers;
mod roles;
mod simulate;
mod sts;
mod tagging;
mod users;

use crate::api::iam::operations as iam;
use crate::api::sts::operations as sts_api;
use crate::at::At;
use crate::service::{ACTIONS, Prepare, prepare};
use gateway::Need;
use simulate::prepare_study;
use std::sync::Arc;

/// What an operation of IAM needs: the action of its own name.
fn need<O: wire::Operation>(at: &At<'_>, resource: impl Into<Arc<str>>) -> Need {
    Need::of(ACTIONS[0].get(O::SHAPE.name), resource, at.account())
}

/// The operations of IAM that are carried out. The model's others are refused by name.
pub(crate) const IAM: &[(&str, Prepare)] = &[
    ("AddClientIDToOpenIDConnectProvider", prepare::<iam::AddClientIDToOpenIDConnectProvider>),
    ("AddUserToGroup", prepare::<iam::AddUserToGroup>),
    ("AttachGroupPolicy", prepare::<iam::AttachGroupPolicy>),
    ("AttachRolePolicy", prepare::<iam::AttachRolePolicy>),
    ("AttachUserPolicy", prepare::<iam::AttachUserPolicy>),
    ("CreateAccessKey", prepare::<iam::CreateAccessKey>),
    ("CreateAccountAlias", prepare::<iam::CreateAccountAlias>),
    ("CreateGroup", prepare::<iam::CreateGroup>),
    ("CreateOpenIDConnectProvider", prepare::<iam::CreateOpenIDConnectProvider>),
    ("CreatePolicy", prepare::<iam::CreatePolicy>),
    ("CreatePolicyVersion", prepare::<iam::CreatePolicyVersion>),
    ("CreateRole", prepare::<iam::CreateRole>),
    ("CreateServiceLinkedRole", prepare::<iam::CreateServiceLinkedRole>),
    ("CreateUser", prepare::<iam::CreateUser>),
    ("DeleteAccessKey", prepare::<iam::DeleteAccessKey>),
    ("DeleteAccountAlias", prepare::<iam::DeleteAccountAlias>),
    ("DeleteGroup", prepare::<iam::DeleteGroup>),
    ("DeleteGroupPolicy", prepare::<iam::DeleteGroupPolicy>),
    ("DeleteOpenIDConnectProvider", prepare::<iam::DeleteOpenIDConnectProvider>),
    ("DeletePolicy", prepare::<iam::DeletePolicy>),
    ("DeletePolicyVersion", prepare::<iam::DeletePolicyVersion>),
    ("DeleteRole", prepare::<iam::DeleteRole>),
    ("DeleteRolePermissionsBoundary", prepare::<iam::DeleteRolePermissionsBoundary>),
    ("DeleteRolePolicy", prepare::<iam::DeleteRolePolicy>),
    ("DeleteServiceLinkedRole", prepare::<iam::DeleteServiceLinkedRole>),
    ("DeleteUser", prepare::<iam::DeleteUser>),
    ("DeleteUserPermissionsBoundary", prepare::<iam::DeleteUserPermissionsBoundary>),
    ("DeleteUserPolicy", prepare::<iam::DeleteUserPolicy>),
    ("DetachGroupPolicy", prepare::<iam::DetachGroupPolicy>),
    ("DetachRolePolicy", prepare::<iam::DetachRolePolicy>),
    ("DetachUserPolicy", prepare::<iam::DetachUserPolicy>),
    ("GetAccessKeyLastUsed", prepare::<iam::GetAccessKeyLastUsed>),
    ("GetAccountAuthorizationDetails", prepare::<iam::GetAccountAuthorizationDetails>),
    ("GetAccountSummary", prepare::<iam::GetAccountSummary>),
    ("GetContextKeysForCustomPolicy", prepare_study::<iam::GetContextKeysForCustomPolicy>),
    ("GetContextKeysForPrincipalPolicy", prepare_study::<iam::GetContextKeysForPrincipalPolicy>),
    ("GetGroup", prepare::<iam::GetGroup>),
    ("GetGroupPolicy", prepare::<iam::GetGroupPolicy>),
    ("GetOpenIDConnectProvider", prepare::<iam::GetOpenIDConnectProvider>),
    ("GetPolicy", prepare::<iam::GetPolicy>),
    ("GetPolicyVersion", prepare::<iam::GetPolicyVersion>),
    ("GetRole", prepare::<iam::GetRole>),
    ("GetRolePolicy", prepare::<iam::GetRolePolicy>),
    ("GetServiceLinkedRoleDeletionStatus", prepare::<iam::GetServiceLinkedRoleDeletionStatus>),
    ("GetUser", prepare::<iam::GetUser>),
    ("GetUserPolicy", prepare::<iam::GetUserPolicy>),
    ("ListAccessKeys", prepare::<iam::ListAccessKeys>),
    ("ListAccountAliases", prepare::<iam::ListAccountAliases>),
    ("ListAttachedGroupPolicies", prepare::<iam::ListAttachedGroupPolicies>),
    ("ListAttachedRolePolicies", prepare::<iam::ListAttachedRolePolicies>),
    ("ListAttachedUserPolicies", prepare::<iam::ListAttachedUserPolicies>),
    ("ListEntitiesForPolicy", prepare::<iam::ListEntitiesForPolicy>),
    ("ListGroupPolicies", prepare::<iam::ListGroupPolicies>),
    ("ListGroups", prepare::<iam::ListGroups>),
    ("ListGroupsForUser", prepare::<iam::ListGroupsForUser>),
    ("ListInstanceProfilesForRole", prepare::<iam::ListInstanceProfilesForRole>),
    ("ListOpenIDConnectProviderTags", prepare::<iam::ListOpenIDConnectProviderTags>),
    ("ListOpenIDConnectProviders", prepare::<iam::ListOpenIDConnectProviders>),
    ("ListPolicies", prepare::<iam::ListPolicies>),
    ("ListPolicyTags", prepare::<iam::ListPolicyTags>),
    ("ListPolicyVersions", prepare::<iam::ListPolicyVersions>),
    ("ListRolePolicies", prepare::<iam::ListRolePolicies>),
    ("ListRoleTags", prepare::<iam::ListRoleTags>),
    ("ListRoles", prepare::<iam::ListRoles>),
    ("ListUserPolicies", prepare::<iam::ListUserPolicies>),
    ("ListUserTags", prepare::<iam::ListUserTags>),
    ("ListUsers", prepare::<iam::ListUsers>),
    ("PutGroupPolicy", prepare::<iam::PutGroupPolicy>),
    ("PutRolePermissionsBoundary", prepare::<iam::PutRolePermissionsBoundary>),
    ("PutRolePolicy", prepare::<iam::PutRolePolicy>),
    ("PutUserPermissionsBoundary", prepare::<iam::PutUserPermissionsBoundary>),
    ("PutUserPolicy", prepare::<iam::PutUserPolicy>),
    ("RemoveClientIDFromOpenIDConnectProvider", prepare::<iam::RemoveClientIDFromOpenIDConnectProvider>),
    ("RemoveUserFromGroup", prepare::<iam::RemoveUserFromGroup>),
    ("SetDefaultPolicyVersion", prepare::<iam::SetDefaultPolicyVersion>),
    ("SimulateCustomPolicy", prepare_study::<iam::SimulateCustomPolicy>),
    ("SimulatePrincipalPolicy", prepare_study::<iam::SimulatePrincipalPolicy>),
    ("TagOpenIDConnectProvider", prepare::<iam::TagOpenIDConnectProvider>),
    ("TagPolicy", prepare::<iam::TagPolicy>),
    ("TagRole", prepare::<iam::TagRole>),
    ("TagUser", prepare::<iam::TagUser>),
    ("UntagOpenIDConnectProvider", prepare::<iam::UntagOpenIDConnectProvider>),
    ("UntagPolicy", prepare::<iam::UntagPolicy>),
    ("UntagRole", prepare::<iam::UntagRole>),
    ("UntagUser", prepare::<iam::UntagUser>),
    ("UpdateAccessKey", prepare::<iam::UpdateAccessKey>),
    ("UpdateAssumeRolePolicy", prepare::<iam::UpdateAssumeRolePolicy>),
    ("UpdateGroup", prepare::<iam::UpdateGroup>),
    ("UpdateOpenIDConnectProviderThumbprint", prepare::<iam::UpdateOpenIDConnectProviderThumbprint>),
    ("UpdateRole", prepare::<iam::UpdateRole>),
    ("UpdateRoleDescription", prepare::<iam::UpdateRoleDescription>),
    ("UpdateUser", prepare::<iam::UpdateUser>),
];

/// The same of STS.
pub(crate) const STS: &[(&str, Prepare)] = &[
    ("AssumeRole", prepare::<sts_api::AssumeRole>),
    ("AssumeRoleWithWebIdentity", sts::prepare_web_identity),
    ("DecodeAuthorizationMessage", prepare::<sts_api::DecodeAuthorizationMessage>),
    ("GetAccessKeyInfo", prepare::<sts_api::GetAccessKeyInfo>),
    ("GetCallerIdentity", prepare::<sts_api::GetCallerIdentity>),
    ("GetFederationToken", prepare::<sts_api::GetFederationToken>),
    ("GetSessionToken", prepare::<sts_api::GetSessionToken>),
];
