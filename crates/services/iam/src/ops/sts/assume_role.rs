//! AssumeRole: a session of a role, for whom the role's trust policy names.
//!
//! The door asks for `sts:AssumeRole` on the role under its trust policy. A role that is not there has no policy that would
//! allow it, so it is refused in the same words: who may not assume a role does not learn whether there is one. Where nothing
//! is enforced (`dev`), the role need not be there; such a session has no policies.

use super::{chained, session_need};
use crate::api::sts::operations::AssumeRole;
use crate::api::sts::{AssumeRoleRequest, AssumeRoleResponse, AssumedRoleUser, Credentials};
use crate::at::{At, Outcome, in_force};
use crate::documents;
use crate::identity::session_arn;
use crate::ids::named_id;
use crate::limits;
use crate::ops::tagging;
use crate::refusal::Refusal;
use crate::service::{Done, Operation};
use crate::session::{Issued, Kind, Session};
use crate::shown::moment;
use crate::state::{Entity, Sort};
use access::Sort as PolicySort;
use gateway::{Fact, Need};
use names::{AccountId, Arn};

const SET_SOURCE: &str = "SetSourceIdentity";

/// A role as a request names it.
pub(crate) struct Role<'a> {
    pub(crate) account: AccountId,
    pub(crate) name: String,
    pub(crate) entity: Option<&'a Entity>,
}

/// The role of an ARN; the path has to be right too.
pub(crate) fn role_of<'a>(at: &At<'a>, arn: &str) -> Result<Role<'a>, Refusal> {
    let invalid = || Refusal::invalid(format!("{arn} is invalid"));
    let parsed = Arn::parse(arn).map_err(|_| invalid())?;
    let account = AccountId::parse(&parsed.account).map_err(|_| invalid())?;
    let path = parsed.resource.strip_prefix("role/").filter(|_| parsed.service == "iam").ok_or_else(invalid)?;
    let name = path.rsplit('/').next().filter(|name| !name.is_empty()).ok_or_else(invalid)?;
    let entity = at.realm.account(account).and_then(|home| home.entity(Sort::Role, name));
    let entity = entity.filter(|role| role.arn(at.owner().beside(account)) == *arn);
    Ok(Role { account, name: name.to_owned(), entity })
}

/// What the trust policy of a role is asked, which is read once for all of it: one need for each action.
pub(crate) fn needs_of_role(at: &At<'_>, actions: &[&str], arn: &str) -> Result<Vec<Need>, Refusal> {
    let role = role_of(at, arn)?;
    let trust = role.entity.and_then(|entity| entity.role.as_ref());
    let trust = trust.and_then(|part| documents::compile("trust policy", &part.trust, PolicySort::Trust));
    let need = |action: &&str| {
        let need = session_need(action, arn, role.account).under(trust.clone());
        match role.entity {
            Some(entity) => tagging::with_resource_tags(need, &entity.tags),
            None => need,
        }
    };
    Ok(actions.iter().map(need).collect())
}

/// Tags of a session, and the keys of those that sessions of it keep.
struct SessionTags {
    tags: Vec<(Box<str>, Box<str>)>,
    transitive: Vec<Box<str>>,
}

/// The tags that a session of a session keeps, and those of the request: it neither says a kept one anew, nor hands on what it
/// does not give (IAM User Guide, "Chaining roles with session tags").
fn tags_of(before: Option<&Session>, input: &AssumeRoleRequest) -> Result<SessionTags, Refusal> {
    let given: Vec<(Box<str>, Box<str>)> =
        input.tags.iter().flatten().map(|tag| (tag.key.as_str().into(), tag.value.as_str().into())).collect();
    super::check_tags(&given)?;
    let mut tags = before.map(Session::kept_tags).unwrap_or_default();
    if given.iter().any(|(key, _)| tags.iter().any(|(kept, _)| kept.eq_ignore_ascii_case(key))) {
        return Err(super::invalid_parameter(
            "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the \
             calling session.",
        ));
    }
    let asked = input.transitive_tag_keys.as_deref().unwrap_or_default();
    if !asked.iter().all(|asked| given.iter().any(|(key, _)| key.eq_ignore_ascii_case(asked))) {
        return Err(super::invalid_parameter(
            "The specified transitive tag key must be included in the requested tags.",
        ));
    }
    let kept = before.map(|session| session.transitive.clone()).unwrap_or_default();
    let transitive = kept.into_iter().chain(asked.iter().map(|key| key.as_str().into())).collect();
    tags.extend(given);
    super::check_tags(&tags)?;
    Ok(SessionTags { tags, transitive })
}

/// The source identity of the session that is asked for: what a chain began with stays, and a request that says another is
/// refused (IAM User Guide, "Monitor and control actions taken with assumed roles").
fn source_identity<'a>(at: &At<'a>, input: &'a AssumeRoleRequest) -> Result<Option<&'a str>, Refusal> {
    let given = input.source_identity.as_deref();
    let kept = chained(at).and_then(|session| session.fact("aws:sourceidentity"));
    match (kept, given) {
        (Some(kept), Some(given)) if kept != given => Err(not_authorized(at, SET_SOURCE, &input.role_arn)),
        _ => Ok(kept.or(given)),
    }
}

impl Operation for AssumeRole {
    fn needs(at: &At<'_>, input: &AssumeRoleRequest) -> Result<Vec<Need>, Refusal> {
        if at.caller.identity.caller.kind() == access::Kind::Root {
            return Err(Refusal::denied("Roles may not be assumed by root accounts."));
        }
        let source = source_identity(at, input)?;
        let said = |need: Need| {
            let need = need.with("sts:rolesessionname", Fact::Text(input.role_session_name.as_str().into()));
            let need = match &input.external_id {
                Some(id) => need.with("sts:externalid", Fact::Text(id.as_str().into())),
                None => need,
            };
            match source {
                Some(source) => need.with("sts:sourceidentity", Fact::Text(source.into())),
                None => need,
            }
        };
        let tags = input.tags.as_deref().unwrap_or_default();
        let with_tags = |need: Need| {
            let need = super::with_session_tags(said(need), tags);
            match &input.transitive_tag_keys {
                Some(keys) => need.with("sts:transitivetagkeys", Fact::Many(super::texts(keys))),
                None => need,
            }
        };
        // Handing a source identity on along a chain is asked for like setting it.
        let tagging = (!tags.is_empty()).then_some("TagSession");
        let setting = source.map(|_| SET_SOURCE);
        let actions: Vec<&str> = ["AssumeRole"].into_iter().chain(tagging).chain(setting).collect();
        let needs = needs_of_role(at, &actions, &input.role_arn)?.into_iter().zip(&actions);
        Ok(needs.map(|(need, action)| if *action == SET_SOURCE { said(need) } else { with_tags(need) }).collect())
    }

    fn decide(at: &At<'_>, input: AssumeRoleRequest) -> Done<Self> {
        check_members(&input)?;
        check_again(at, &input)?;
        let role = role_of(at, &input.role_arn)?;
        let before = chained(at);
        let source = source_identity(at, &input)?.map(str::to_owned);
        let SessionTags { tags, transitive } = tags_of(before, &input)?;
        let secs = duration(role.entity, input.duration_seconds, before.is_some())?;
        let (policies, policy_arns) =
            super::session_policies(at, role.account, input.policy.as_deref(), input.policy_arns.as_deref())?;
        let facts = source.iter().map(|source| ("aws:sourceidentity".into(), source.as_str().into())).collect();
        let is_limited = input.policy.is_some() || !policy_arns.is_empty();
        let session = Session {
            policies,
            policy_arns,
            is_limited,
            tags,
            transitive,
            facts,
            ..of_role(at, &role, &input.role_session_name, secs)
        };
        let handed = hand_out(at, &session, &role, input.minimum_session_token_size);
        Outcome::read(AssumeRoleResponse {
            credentials: Some(handed.credentials),
            assumed_role_user: Some(handed.user),
            packed_policy_size: super::packed_size(&session),
            source_identity: source,
            ..AssumeRoleResponse::default()
        })
    }
}

/// What is not done here is refused rather than left out: a session that a second factor or a context was asked for is another
/// than one without.
fn check_members(input: &AssumeRoleRequest) -> Result<(), Refusal> {
    if input.serial_number.is_some() || input.token_code.is_some() {
        return Err(super::no_second_factor());
    }
    if input.provided_contexts.as_ref().is_some_and(|contexts| !contexts.is_empty()) {
        return Err(Refusal::invalid("ProvidedContexts is not supported: this server knows no context providers."));
    }
    Ok(())
}

/// The state may have changed since the door was asked: the role may be another one, or trust somebody else.
fn check_again(at: &At<'_>, input: &AssumeRoleRequest) -> Result<(), Refusal> {
    if !at.caller.is_held_to_policies() {
        return Ok(());
    }
    let needs = AssumeRole::needs(at, input)?;
    needs.iter().try_for_each(|need| at.caller.may(need)).map_err(|denied| Refusal::denied(denied.sentence))
}

/// A session that has a source identity sets no other; in the words of a refusal by policy.
fn not_authorized(at: &At<'_>, action: &str, arn: &str) -> Refusal {
    let who = at.caller.identity.caller.name();
    at.caller.is_refused_because("the session hands another source identity on");
    Refusal::denied(format!("User: {who} is not authorized to perform: sts:{action} on resource: {arn}"))
}

/// How long a session lasts.
pub(crate) fn duration(role: Option<&Entity>, asked: Option<i32>, is_chained: bool) -> Result<u32, Refusal> {
    let most = role.and_then(|role| role.role.as_ref()).map_or(limits::SESSION_SECS_MAX, |part| part.max_session_secs);
    let Some(asked) = asked else { return Ok(limits::SESSION_SECS_DEFAULT.min(most)) };
    let secs = u32::try_from(asked).unwrap_or(u32::MAX);
    if secs > most {
        return Err(Refusal::invalid(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ));
    }
    if is_chained && secs > limits::CHAINED_SECS_MAX {
        return Err(Refusal::invalid(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
        ));
    }
    Ok(secs)
}

/// A session of a role with nothing but what every one has.
pub(crate) fn of_role(at: &At<'_>, role: &Role<'_>, name: &str, secs: u32) -> Session {
    let (kind, id) = match role.entity {
        Some(entity) => (Kind::Role, entity.id.clone()),
        None => (Kind::Nobody, role.name.as_str().into()),
    };
    Session { kind, account: role.account, id, name: name.into(), ..Session::begun(at.now, secs, at.dice) }
}

/// What is handed out for a session of a role.
pub(crate) struct HandedOut {
    pub(crate) credentials: Credentials,
    pub(crate) user: AssumedRoleUser,
}

pub(crate) fn hand_out(at: &At<'_>, session: &Session, role: &Role<'_>, token_bytes: Option<i32>) -> HandedOut {
    let id = role.entity.map_or_else(|| named_id("AROA", &role.name), |entity| entity.id.to_string());
    let user = AssumedRoleUser {
        assumed_role_id: format!("{id}:{}", session.name),
        arn: session_arn(at.owner().beside(role.account), session, &role.name),
    };
    HandedOut { credentials: credentials(at, session, token_bytes), user }
}

/// A session's key, secret and token, which is as long as a request says that it is to be at the least.
pub(crate) fn credentials(at: &At<'_>, session: &Session, token_bytes: Option<i32>) -> Credentials {
    let least = token_bytes.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or_default();
    let Issued { access_key, token } = session.issue(at.keyring, at.dice, least);
    Credentials {
        access_key_id: access_key.into(),
        secret_access_key: session.secret.expose_text().unwrap_or_default().to_owned(),
        session_token: token,
        expiration: moment(session.expires_at),
    }
}

/// The managed policies that a session is limited to have to be there.
pub(crate) fn check_arn(at: &At<'_>, account: AccountId, arn: &str) -> Result<(), Refusal> {
    let found = at.realm.account(account).and_then(|home| in_force(home, at.owner().beside(account), arn).map(|_| ()));
    let of_aws = || crate::aws_managed::find(at.owner(), arn).map(|_| ());
    found.or_else(of_aws).ok_or_else(|| Refusal::malformed_policy(format!("The specified policy {arn} was not found.")))
}
