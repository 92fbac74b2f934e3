//! AssumeRoleWithWebIdentity: a session of a role, for whoever brings a token of a provider that the role trusts.
//!
//! The request is not signed. The token is verified against the provider's keys, fetched from where its discovery document says
//! (OpenID Connect Discovery 1.0, section 4; `provider_keys.rs` bounds that), and the role's trust policy is asked as by every
//! request, with what the token says as further facts.

use super::assume_role::{duration, hand_out, needs_of_role, of_role, role_of};
use crate::api::sts::errors;
use crate::api::sts::{AssumeRoleWithWebIdentityRequest, AssumeRoleWithWebIdentityResponse};
use crate::at::{At, Outcome};
use crate::jwt::{self, Claims};
use crate::limits::PROVIDER_BYTES_MAX;
use crate::refusal::Refusal;
use crate::service::{Inner, input};
use crate::session::Session;
use crate::web::Documents;
use gateway::{Answer, Answered, Caller, Fact, Identity, Need, Prepared, Refused, Unprepared};
use seal::Secret;
use serde_json::Value;
use std::sync::Arc;
use wire::Reader;

type Input = AssumeRoleWithWebIdentityRequest;

/// Reads the input.
pub(crate) fn prepare_web_identity(
    service: &Arc<Inner>,
    reader: &mut dyn Reader,
) -> Result<Box<dyn Prepared>, Unprepared> {
    let input = input::<Input>(reader)?;
    Ok(Box::new(Call { service: Arc::clone(service), input }))
}

struct Call {
    service: Arc<Inner>,
    input: Input,
}

impl Prepared for Call {
    /// The token is the proof, and it is looked at first: there is nobody to be asked about before.
    fn needs(&self, _caller: &Caller) -> Result<Vec<Need>, Refused> {
        Ok(Vec::new())
    }

    fn call(self: Box<Self>, caller: Caller) -> Answer {
        Box::pin(async move {
            let Self { service, input } = *self;
            check_members(&input)?;
            let verified = verify(&service, &caller, &input).await?;
            let output = service
                .ask::<AssumeRoleWithWebIdentityResponse>(caller, move |at| decide(at, &input, &verified))
                .await?;
            Ok(Answered::Whole(output))
        })
    }
}

/// Access tokens of the two providers of OAuth 2.0 that AWS knows by name are not taken here.
fn check_members(input: &Input) -> Result<(), Refusal> {
    match &input.provider_id {
        Some(_) => {
            Err(invalid_token("ProviderId is not supported: this server takes ID tokens of OpenID Connect alone."))
        }
        None => Ok(()),
    }
}

/// A token that a provider stands for.
struct Verified {
    provider: Box<str>,
    url: Box<str>,
    claims: Claims,
}

fn invalid_token(message: impl Into<std::borrow::Cow<'static, str>>) -> Refusal {
    Refusal::invalid_identity_token(message)
}

/// Checks the token's form, its provider, its audience and time, and its signature, in this order.
async fn verify(service: &Arc<Inner>, caller: &Caller, input: &Input) -> Result<Verified, Refusal> {
    let token = jwt::Token::read(&input.web_identity_token).ok_or_else(|| {
        invalid_token("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
    })?;
    let issuer = token.claims.issuer.clone();
    let url = issuer.strip_prefix("https://").map(|url| url.trim_end_matches('/')).unwrap_or_default().to_owned();
    let found = service.look(caller, |at| {
        let account = role_of(at, &input.role_arn)?.account;
        let provider = at.realm.account(account).and_then(|home| home.providers.get(&*url).cloned());
        Ok::<_, Refusal>(provider.map(|provider| (provider.arn(at.owner().beside(account)), provider)))
    })??;
    let missing = || invalid_token(format!("No OpenIDConnect provider found in your account for {issuer}"));
    let (arn, provider) = found.ok_or_else(missing)?;
    if !token.claims.audiences.iter().any(|audience| provider.client_ids.iter().any(|known| **known == **audience)) {
        return Err(invalid_token("Incorrect token audience"));
    }
    let now = caller.now.as_secs();
    if token.claims.expires_at <= now {
        let message = format!(
            "Token expired: current date/time {now} must be before the expiration date/time {}",
            token.claims.expires_at
        );
        return Err(Refusal::new(&errors::EXPIRED_TOKEN_EXCEPTION, message));
    }
    if token.claims.not_before.is_some_and(|from| from > now + 300) {
        return Err(invalid_token("Token is not valid yet"));
    }
    let keys = service.provider_keys.get(&url, caller.now, fetch(&*service.documents, &url)).await?;
    if !token.is_signed_by(&keys) {
        return Err(invalid_token(
            "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements",
        ));
    }
    Ok(Verified { provider: arn.into(), url: url.into(), claims: token.claims })
}

/// The keys of a provider, as it publishes them.
async fn fetch(documents: &dyn Documents, url: &str) -> Result<jwt::Keys, String> {
    let discovery = format!("https://{url}/.well-known/openid-configuration");
    let bytes = documents.fetch(&discovery, PROVIDER_BYTES_MAX).await?;
    let discovered: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let keys_url = discovered["jwks_uri"].as_str().filter(|url| url.starts_with("https://"));
    let keys_url = keys_url.ok_or_else(|| format!("{discovery} names no jwks_uri"))?;
    let bytes = documents.fetch(keys_url, PROVIDER_BYTES_MAX).await?;
    jwt::Keys::read(&bytes).ok_or_else(|| format!("the keys of {url} cannot be read"))
}

/// Who brings the token, in the same request: what the token says are facts beside those that every request has.
fn bearer(at: &At<'_>, verified: &Verified) -> Caller {
    let mut facts: Vec<_> = facts_of(verified).into_iter().map(|(name, text)| (name, Fact::Text(text))).collect();
    if let [_, _, ..] = *verified.claims.audiences {
        let name = format!("{}:aud", verified.url.to_lowercase());
        facts.push((name.into(), Fact::Many(verified.claims.audiences.to_vec())));
    }
    let bare = Identity::bare(access::Caller::token_bearer(&verified.provider), Secret::from(""));
    at.caller.clone().proved(Arc::new(Identity { facts, ..bare }))
}

/// The trust policy decides; then it is as with every session of a role.
fn decide(
    at: &At<'_>,
    input: &Input,
    verified: &Verified,
) -> Result<Outcome<AssumeRoleWithWebIdentityResponse>, Refusal> {
    let role = role_of(at, &input.role_arn)?;
    let denied = || Refusal::denied("Not authorized to perform sts:AssumeRoleWithWebIdentity");
    let bearer = bearer(at, verified);
    for need in needs_of_role(at, &["AssumeRoleWithWebIdentity"], &input.role_arn)? {
        let need = need.with("sts:rolesessionname", Fact::Text(input.role_session_name.as_str().into()));
        bearer.may(&need).map_err(|_| denied())?;
    }
    let secs = duration(role.entity, input.duration_seconds, false)?;
    let (policies, policy_arns) =
        super::session_policies(at, role.account, input.policy.as_deref(), input.policy_arns.as_deref())?;
    let is_limited = input.policy.is_some() || !policy_arns.is_empty();
    let named = of_role(at, &role, &input.role_session_name, secs);
    let session = Session { policies, policy_arns, is_limited, facts: facts_of(verified), ..named };
    let handed = hand_out(at, &session, &role, input.minimum_session_token_size);
    Outcome::read(AssumeRoleWithWebIdentityResponse {
        credentials: Some(handed.credentials),
        subject_from_web_identity_token: Some(verified.claims.subject.to_string()),
        assumed_role_user: Some(handed.user),
        packed_policy_size: super::packed_size(&session),
        provider: Some(verified.provider.to_string()),
        audience: verified.claims.audiences.first().map(ToString::to_string),
        ..AssumeRoleWithWebIdentityResponse::default()
    })
}

/// Condition keys that the token says; they stay with the session (IAM User Guide, "Available keys for AWS OIDC federation").
fn facts_of(verified: &Verified) -> Vec<(Box<str>, Box<str>)> {
    let url = verified.url.to_lowercase();
    let key = |name: &str| format!("{url}:{name}").into();
    let mut facts: Vec<(Box<str>, Box<str>)> = vec![(key("sub"), verified.claims.subject.clone())];
    if let [audience] = &*verified.claims.audiences {
        facts.push((key("aud"), audience.clone()));
    }
    facts.extend(verified.claims.others.iter().map(|(name, value)| (key(name), value.clone())));
    facts.push(("aws:federatedprovider".into(), verified.provider.clone()));
    facts
}
