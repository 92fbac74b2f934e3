//! An organization: the most that whoever is of an account may do, and that may be done with what an account has, whatever their
//! own policies say.
//!
//! It has levels, as AWS has a root, organizational units and accounts, each over some accounts or over all. Every level over the
//! caller's account that has service control policies must allow a request, and none may refuse it; of resource control policies
//! over the resource's account only what they refuse counts. The management account stands above both, and service-linked roles
//! do. Sources: Organizations User Guide, "Service control policies", "SCP evaluation", "Resource control policies".

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use access::{Action, Policy};
use names::AccountId;

/// Policies of one sort that stand together.
type Policies = Vec<Arc<Policy>>;

/// Services whose resources have resource control policies (User Guide, "AWS services that support RCPs"), of those that
/// are here.
const CONTROLLED: &[&str] = &["kms:", "sqs:", "sts:"];

/// One level.
#[derive(Debug, Default)]
pub struct Level {
    /// The accounts below it; all, if none is said.
    pub accounts: Option<Vec<AccountId>>,
    /// Of which one has to allow; nothing, if the level has none.
    pub service_control: Option<Policies>,
    /// Of which none may refuse.
    pub resource_control: Policies,
}

/// Levels, by the accounts that they are over.
#[derive(Debug)]
pub struct Organization {
    /// Its id, where it has one: `o-` and letters and digits.
    id: Option<Box<str>>,
    management: Option<AccountId>,
    named: HashMap<AccountId, Over>,
    others: Over,
}

/// What stands over an account.
#[derive(Debug, Default)]
struct Over {
    service_control: Vec<Policies>,
    resource_control: Policies,
}

impl Organization {
    /// The levels from the root on, and the account that none of them is over.
    pub fn new(management: Option<AccountId>, levels: &[Level]) -> Self {
        let accounts: BTreeSet<AccountId> =
            levels.iter().flat_map(|level| level.accounts.iter().flatten()).copied().collect();
        let named = accounts.into_iter().map(|account| (account, Over::of(Some(account), levels))).collect();
        Self { id: None, management, named, others: Over::of(None, levels) }
    }

    /// The same, with an id, which policies may ask for: every account of the server is of it.
    #[must_use]
    pub fn called(self, id: Box<str>) -> Self {
        Self { id: Some(id), ..self }
    }

    /// Its id.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The levels of service control policies over whoever asks.
    pub fn service_control(&self, caller: &access::Caller) -> &[Policies] {
        match caller.account().filter(|_| !is_service_linked(caller)) {
            Some(account) => self.over(account).map_or(&[], |over| &over.service_control),
            None => &[],
        }
    }

    /// The resource control policies over what somebody of this account has, for an action on it.
    pub fn resource_control(
        &self,
        caller: &access::Caller,
        action: &Action,
        owner: Option<AccountId>,
    ) -> &[Arc<Policy>] {
        let is_controlled = CONTROLLED.iter().any(|prefix| action.folded().starts_with(prefix));
        match owner.filter(|_| is_controlled && !is_service_linked(caller)) {
            Some(owner) => self.over(owner).map_or(&[], |over| &over.resource_control),
            None => &[],
        }
    }

    fn over(&self, account: AccountId) -> Option<&Over> {
        let over = self.named.get(&account).unwrap_or(&self.others);
        (self.management != Some(account)).then_some(over)
    }
}

impl Over {
    /// What these levels put over an account, or over every one that none of them names.
    fn of(account: Option<AccountId>, levels: &[Level]) -> Self {
        let is_over = |level: &&Level| match (&level.accounts, account) {
            (None, _) => true,
            (Some(accounts), Some(account)) => accounts.contains(&account),
            (Some(_), None) => false,
        };
        let over = || levels.iter().filter(is_over);
        Self {
            service_control: over().filter_map(|level| level.service_control.clone()).collect(),
            resource_control: over().flat_map(|level| level.resource_control.iter().cloned()).collect(),
        }
    }
}

/// Roles that AWS makes for a service of its own are above both sorts of policies.
fn is_service_linked(caller: &access::Caller) -> bool {
    caller.role().is_some_and(|role| role.contains(":role/aws-service-role/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Identity;
    use crate::service::Caller;
    use crate::{Actions, Need};
    use access::Sort;
    use names::{Instant, Region};
    use std::sync::LazyLock;

    static ACTIONS: LazyLock<Actions> = LazyLock::new(|| Actions::new("sqs", ["sendmessage", "purgequeue"]));
    static STREAMS: LazyLock<Actions> = LazyLock::new(|| Actions::new("kinesis", ["PutRecord"]));

    const MEMBER: &str = "111111111111";
    const MANAGER: &str = "222222222222";

    fn account(digits: &str) -> AccountId {
        AccountId::parse(digits).unwrap()
    }

    fn policy(effect: &str, action: &str, sort: Sort) -> Arc<Policy> {
        let of_resource = matches!(sort, Sort::Resource | Sort::ResourceControl);
        let principal = if of_resource { r#""Principal":"*","# } else { "" };
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"{effect}",{principal}"Action":"{action}","Resource":"*"}}}}"#
        );
        Arc::new(Policy::parse("p", &text, sort).unwrap())
    }

    fn scp(effect: &str, action: &str) -> Arc<Policy> {
        policy(effect, action, Sort::ServiceControl)
    }

    /// What somebody who may everything is refused by, for an action on its own account's queue; nothing if it is allowed.
    fn refused(levels: &[Level], who: &str, need: &Need) -> Option<String> {
        let identity = Identity {
            policies: vec![policy("Allow", "*", Sort::Identity)],
            ..Identity::bare(access::Caller::parse(who).unwrap(), "".into())
        };
        let home = Region::parse("eu-west-1").unwrap();
        let caller = Caller::for_test(AccountId::DEFAULT, home, Instant::EPOCH).proved(Arc::new(identity));
        let organization = Organization::new(Some(account(MANAGER)), levels);
        Caller { organization: Some(Arc::new(organization)), ..caller }.may(need).err().map(|denied| denied.by)
    }

    fn need(action: &str, owner: &str) -> Need {
        Need::of(ACTIONS.get(action), format!("arn:aws:sqs:eu-west-1:{owner}:q"), account(owner))
    }

    fn user(account: &str) -> String {
        format!("arn:aws:iam::{account}:user/u")
    }

    #[test]
    fn every_level_over_an_account_must_allow_and_none_may_refuse() {
        let full = || Some(vec![scp("Allow", "*")]);
        let over = |accounts: &[&str], service_control| Level {
            accounts: (!accounts.is_empty()).then(|| accounts.iter().map(|digits| account(digits)).collect()),
            service_control,
            ..Level::default()
        };
        let sends = || Some(vec![scp("Allow", "sqs:SendMessage")]);
        let no = Some("no service control policy allows it".to_owned());
        let deny = Some(r#"statement 1 of service control policy "p""#.to_owned());
        let both = Some(vec![scp("Allow", "*"), scp("Deny", "sqs:PurgeQueue")]);
        for (levels, answer) in [
            (vec![], None),
            (vec![over(&[], None)], None),
            (vec![over(&[], full()), over(&[MEMBER], full())], None),
            (vec![over(&[], full()), over(&[MEMBER], sends())], no.clone()),
            (vec![over(&[], sends()), over(&[MEMBER], full())], no.clone()),
            (vec![over(&["333333333333"], sends())], None),
            (vec![over(&[], both.clone())], deny),
        ] {
            assert_eq!(refused(&levels, &user(MEMBER), &need("purgequeue", MEMBER)), answer, "{levels:?}");
        }
        let levels = [over(&[], both)];
        let linked = format!("arn:aws:iam::{MEMBER}:role/aws-service-role/sqs.amazonaws.com/r");
        for (who, is_free) in [
            (format!("arn:aws:iam::{MEMBER}:root"), false),
            (user("333333333333"), false),
            (format!("arn:aws:iam::{MEMBER}:role/r"), false),
            (user(MANAGER), true),
            (linked, true),
        ] {
            let own = who.split(':').nth(4).unwrap();
            assert_eq!(refused(&levels, &who, &need("purgequeue", own)).is_none(), is_free, "{who}");
            assert_eq!(refused(&levels, &who, &need("sendmessage", own)), None, "{who}");
        }
        // What somebody is granted beside policies is no way around.
        let granted = Need { granted: true, ..need("purgequeue", MEMBER) };
        assert_eq!(refused(&[over(&[], sends())], &user(MEMBER), &granted), no);
    }

    #[test]
    fn what_controls_resources_is_of_their_account_and_refuses_alone() {
        let over_member = |action: &str| Level {
            accounts: Some(vec![account(MEMBER)]),
            resource_control: vec![policy("Deny", action, Sort::ResourceControl)],
            ..Level::default()
        };
        let levels = [over_member("sqs:SendMessage"), over_member("kinesis:*")];
        let by = Some(r#"statement 1 of resource control policy "p""#.to_owned());
        let open = |owner| Need { policy: Some(policy("Allow", "*", Sort::Resource)), ..need("sendmessage", owner) };
        for who in [MEMBER, MANAGER, "333333333333"] {
            assert_eq!(refused(&levels, &user(who), &open(MEMBER)), by, "{who}");
        }
        assert_eq!(refused(&levels, &user(MEMBER), &open("333333333333")), None, "of another account");
        assert_eq!(refused(&levels, &user(MEMBER), &need("purgequeue", MEMBER)), None, "another action");
        assert_eq!(refused(&levels, &user(MEMBER), &Need { is_awss: true, ..open(MEMBER) }), None);
        let stream = Need::of(STREAMS.get("PutRecord"), "arn:aws:kinesis:r:111111111111:stream/s", account(MEMBER));
        assert_eq!(refused(&levels, &user(MEMBER), &stream), None, "Kinesis has no such policies");
    }
}
