//! The account as a whole: its alias, its summary, and everything in it.

use super::need;
use crate::api::iam::operations::{
    CreateAccountAlias, DeleteAccountAlias, GetAccountAuthorizationDetails, GetAccountSummary, ListAccountAliases,
};
use crate::api::iam::{
    CreateAccountAliasRequest, DeleteAccountAliasRequest, GetAccountAuthorizationDetailsRequest,
    GetAccountAuthorizationDetailsResponse, GetAccountSummaryResponse, ListAccountAliasesRequest,
    ListAccountAliasesResponse,
};
use crate::at::{At, Outcome};
use crate::aws_managed;
use crate::limits;
use crate::pages::{Wanted, page};
use crate::records::Change;
use crate::refusal::Refusal;
use crate::service::{Done, Operation};
use crate::shown;
use crate::state::{Entity, Managed, Sort};
use gateway::Need;
use wire::Nothing;

impl Operation for CreateAccountAlias {
    fn needs(at: &At<'_>, _input: &CreateAccountAliasRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![need::<Self>(at, "*")])
    }

    fn decide(at: &At<'_>, input: CreateAccountAliasRequest) -> Done<Self> {
        let alias = input.account_alias;
        let holder = at.realm.accounts.iter().find(|(_, account)| account.alias.as_deref() == Some(&*alias));
        match holder {
            Some((holder, _)) if *holder == at.account() => Outcome::read(Nothing),
            Some(_) => Err(Refusal::exists(format!("The account alias {alias} already exists."))),
            None => at.change(vec![Change::AliasSet(Some(alias.into()))], Nothing),
        }
    }
}

impl Operation for DeleteAccountAlias {
    fn needs(at: &At<'_>, _input: &DeleteAccountAliasRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![need::<Self>(at, "*")])
    }

    fn decide(at: &At<'_>, input: DeleteAccountAliasRequest) -> Done<Self> {
        match at.home().alias.as_deref() == Some(&*input.account_alias) {
            true => at.change(vec![Change::AliasSet(None)], Nothing),
            false => Err(Refusal::not_found("account alias", &input.account_alias)),
        }
    }
}

impl Operation for ListAccountAliases {
    fn needs(at: &At<'_>, _input: &ListAccountAliasesRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![need::<Self>(at, "*")])
    }

    fn decide(at: &At<'_>, _input: ListAccountAliasesRequest) -> Done<Self> {
        let account_aliases = at.home().alias.iter().map(ToString::to_string).collect();
        Outcome::read(ListAccountAliasesResponse { account_aliases, is_truncated: Some(false), marker: None })
    }
}

impl Operation for GetAccountSummary {
    fn needs(at: &At<'_>, _input: &Nothing) -> Result<Vec<Need>, Refusal> {
        Ok(vec![need::<Self>(at, "*")])
    }

    fn decide(at: &At<'_>, _input: Nothing) -> Done<Self> {
        let home = at.home();
        let of = |sort| home.entities_of(sort).count();
        let versions = home.policies.values().map(|policy| policy.versions.len()).sum();
        let root_keys = home.keys_of(None).next().is_some();
        let map = [
            ("AccessKeysPerUserQuota", limits::KEYS_PER_USER_MAX),
            ("AccountAccessKeysPresent", usize::from(root_keys)),
            ("AccountMFAEnabled", 0),
            ("AccountPasswordPresent", 0),
            ("AccountSigningCertificatesPresent", 0),
            ("AssumeRolePolicySizeQuota", limits::TRUST_CHARS_MAX),
            ("AttachedPoliciesPerGroupQuota", limits::ATTACHED_MAX),
            ("AttachedPoliciesPerRoleQuota", limits::ATTACHED_MAX),
            ("AttachedPoliciesPerUserQuota", limits::ATTACHED_MAX),
            ("GlobalEndpointTokenVersion", 2),
            ("GroupPolicySizeQuota", limits::INLINE_CHARS_MAX[Sort::Group as usize]),
            ("Groups", of(Sort::Group)),
            ("GroupsPerUserQuota", limits::GROUPS_PER_USER_MAX),
            ("GroupsQuota", limits::GROUPS_MAX),
            ("InstanceProfiles", 0),
            ("InstanceProfilesQuota", 0),
            ("MFADevices", 0),
            ("MFADevicesInUse", 0),
            ("Policies", home.policies.len()),
            ("PoliciesQuota", limits::POLICIES_MAX),
            ("PolicySizeQuota", limits::MANAGED_CHARS_MAX),
            ("PolicyVersionsInUse", versions),
            ("PolicyVersionsInUseQuota", limits::POLICIES_MAX * limits::VERSIONS_MAX),
            ("Providers", home.providers.len()),
            ("RolePolicySizeQuota", limits::INLINE_CHARS_MAX[Sort::Role as usize]),
            ("Roles", of(Sort::Role)),
            ("RolesQuota", limits::ROLES_MAX),
            ("ServerCertificates", 0),
            ("ServerCertificatesQuota", 0),
            ("SigningCertificatesPerUserQuota", 0),
            ("UserPolicySizeQuota", limits::INLINE_CHARS_MAX[Sort::User as usize]),
            ("Users", of(Sort::User)),
            ("UsersQuota", limits::USERS_MAX),
            ("VersionsPerPolicyQuota", limits::VERSIONS_MAX),
        ];
        let map = map.map(|(name, count)| (name.to_owned(), i32::try_from(count).unwrap_or(i32::MAX)));
        Outcome::read(GetAccountSummaryResponse { summary_map: Some(map.into()) })
    }
}

/// A row of everything in an account.
enum Row<'a> {
    Of(&'a Entity),
    Own(&'a Managed),
    Aws(&'static aws_managed::AwsManaged),
}

impl Row<'_> {
    /// Entities by sort and name, then policies, in the order in which pages go.
    fn key(&self) -> String {
        match self {
            Self::Of(entity) => format!("{}/{}", entity.sort as u8, entity.key().1),
            Self::Own(policy) => format!("3/{}", policy.name.to_lowercase()),
            Self::Aws(policy) => format!("4/{}", policy.name),
        }
    }

    fn filter(&self) -> &'static str {
        match self {
            Self::Of(Entity { sort: Sort::User, .. }) => "User",
            Self::Of(Entity { sort: Sort::Group, .. }) => "Group",
            Self::Of(Entity { sort: Sort::Role, .. }) => "Role",
            Self::Own(_) => "LocalManagedPolicy",
            Self::Aws(_) => "AWSManagedPolicy",
        }
    }
}

impl Operation for GetAccountAuthorizationDetails {
    fn needs(at: &At<'_>, _input: &GetAccountAuthorizationDetailsRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![need::<Self>(at, "*")])
    }

    fn decide(at: &At<'_>, input: GetAccountAuthorizationDetailsRequest) -> Done<Self> {
        let (home, uses) = (at.home(), at.home().uses());
        let own = home.policies.values().map(Row::Own);
        // Of AWS's policies only those that are attached, as AWS does.
        let is_used = |policy: &&aws_managed::AwsManaged| !uses.of(&policy.arn(at.owner())).is_none();
        let aws = aws_managed::ALL.iter().filter(is_used).map(Row::Aws);
        let filters = input.filter.unwrap_or_default();
        let is_wanted = |row: &Row<'_>| filters.is_empty() || filters.iter().any(|filter| filter == row.filter());
        let rows = home.entities.values().map(Row::Of).chain(own).chain(aws).filter(is_wanted);
        let wanted = Wanted { marker: input.marker.as_deref(), max_items: input.max_items };
        let page = page(rows, Row::key, &wanted)?;
        let is_truncated = page.is_truncated();
        let (mut users, mut groups, mut roles, mut policies) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for row in page.items {
            match row {
                Row::Of(entity) => match entity.sort {
                    Sort::User => users.push(shown::user_detail(at, entity)),
                    Sort::Group => groups.push(shown::group_detail(at, entity)),
                    Sort::Role => roles.push(shown::role_detail(at, entity)),
                },
                Row::Own(policy) => {
                    let used = uses.of(&policy.arn(at.owner()));
                    policies.push(shown::policy_detail(at.owner(), policy, used));
                }
                Row::Aws(policy) => policies.push(policy.detail(at.owner(), uses.of(&policy.arn(at.owner())))),
            }
        }
        Outcome::read(GetAccountAuthorizationDetailsResponse {
            user_detail_list: Some(users),
            group_detail_list: Some(groups),
            role_detail_list: Some(roles),
            policies: Some(policies),
            is_truncated,
            marker: page.marker,
        })
    }
}
