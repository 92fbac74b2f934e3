//! GetSessionToken and GetFederationToken: temporary keys for oneself, and for somebody whom one answers for.
//!
//! Neither may be asked for by who has a temporary key. What a federated user may do is what its session policies and its
//! maker's policies both allow; without session policies that is nothing.

use super::{assume_role::credentials, session_need, session_policies, with_session_tags};
use crate::api::sts::operations::{GetFederationToken, GetSessionToken};
use crate::api::sts::{
    FederatedUser, GetFederationTokenRequest, GetFederationTokenResponse, GetSessionTokenRequest,
    GetSessionTokenResponse,
};
use crate::at::{At, Outcome};
use crate::limits;
use crate::refusal::Refusal;
use crate::service::{Done, Operation};
use crate::session::{Kind, Session};
use access::Kind as CallerKind;
use gateway::Need;

/// Whoever asks has a long-term key of a user or the root user.
fn check_asking(at: &At<'_>, operation: &str) -> Result<(), Refusal> {
    let kind = at.caller.identity.caller.kind();
    match at.session().is_some() || !matches!(kind, CallerKind::User | CallerKind::Root) {
        true => Err(Refusal::denied(format!("Cannot call {operation} with session credentials"))),
        false => Ok(()),
    }
}

fn secs(at: &At<'_>, asked: Option<i32>) -> u32 {
    let asked = asked.and_then(|secs| u32::try_from(secs).ok()).unwrap_or(limits::TOKEN_SECS_DEFAULT);
    let is_root = at.caller.identity.caller.kind() == CallerKind::Root;
    asked.min(if is_root { limits::ROOT_TOKEN_SECS_MAX } else { limits::TOKEN_SECS_MAX })
}

/// A session of the user who asks, or of the root user. A user that is gone since the request was signed is nobody.
fn of_asking(at: &At<'_>, of_user: Kind, of_root: Kind, asked: Option<i32>) -> Result<Session, Refusal> {
    let (kind, id) = match at.caller.identity.caller.kind() {
        CallerKind::Root => (of_root, Box::default()),
        _ => (of_user, at.asking_user().ok_or_else(Refusal::invalid_token)?.id.clone()),
    };
    Ok(Session { kind, account: at.account(), id, ..Session::begun(at.now, secs(at, asked), at.dice) })
}

impl Operation for GetSessionToken {
    /// Every user may.
    fn needs(_at: &At<'_>, _input: &GetSessionTokenRequest) -> Result<Vec<Need>, Refusal> {
        Ok(Vec::new())
    }

    fn decide(at: &At<'_>, input: GetSessionTokenRequest) -> Done<Self> {
        check_asking(at, "GetSessionToken")?;
        if input.serial_number.is_some() || input.token_code.is_some() {
            return Err(super::no_second_factor());
        }
        let session = of_asking(at, Kind::User, Kind::Root, input.duration_seconds)?;
        let credentials = Some(credentials(at, &session, input.minimum_session_token_size));
        Outcome::read(GetSessionTokenResponse { credentials, ..GetSessionTokenResponse::default() })
    }
}

impl Operation for GetFederationToken {
    fn needs(at: &At<'_>, input: &GetFederationTokenRequest) -> Result<Vec<Need>, Refusal> {
        let tags = input.tags.as_deref().unwrap_or_default();
        let arn = at.owner().arn("sts", format_args!("federated-user/{}", input.name));
        let need = |action| with_session_tags(session_need(action, arn.as_str(), at.account()), tags);
        let tagging = (!tags.is_empty()).then(|| need("TagSession"));
        Ok(std::iter::once(need("GetFederationToken")).chain(tagging).collect())
    }

    fn decide(at: &At<'_>, input: GetFederationTokenRequest) -> Done<Self> {
        check_asking(at, "GetFederationToken")?;
        let arns = input.policy_arns.as_deref();
        let (policies, policy_arns) = session_policies(at, at.account(), input.policy.as_deref(), arns)?;
        let tags: Vec<(Box<str>, Box<str>)> =
            input.tags.into_iter().flatten().map(|tag| (tag.key.into(), tag.value.into())).collect();
        super::check_tags(&tags)?;
        let session = Session {
            name: input.name.into(),
            is_limited: true,
            policies,
            policy_arns,
            tags,
            ..of_asking(at, Kind::Federated, Kind::FederatedByRoot, input.duration_seconds)?
        };
        let user = FederatedUser {
            federated_user_id: format!("{}:{}", at.account(), session.name),
            arn: at.owner().arn("sts", format_args!("federated-user/{}", session.name)),
        };
        Outcome::read(GetFederationTokenResponse {
            credentials: Some(credentials(at, &session, input.minimum_session_token_size)),
            federated_user: Some(user),
            packed_policy_size: super::packed_size(&session),
            ..GetFederationTokenResponse::default()
        })
    }
}
