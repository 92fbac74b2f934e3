//! AssumeRoleWithWebIdentity: a session of a role, for whoever brings a token of a provider that the role trusts.
//!
//! The request is not signed. The token is verified against the provider's keys, fetched from where its discovery document says
//! (OpenID Connect Discovery 1.0, section 4), and the role's trust policy is asked with what the token says as facts.

use super::assume_role::{duration, hand_out, of_role, role_of};
use crate::api::sts::errors;
use crate::api::sts::{AssumeRoleWithWebIdentityRequest, AssumeRoleWithWebIdentityResponse};
use crate::at::{At, Outcome};
use crate::documents;
use crate::jwt::{self, Claims};
use crate::limits::PROVIDER_BYTES_MAX;
use crate::refusal::Refusal;
use crate::service::{ACTIONS, Inner, input};
use crate::session::Session;
use access::{Applicable, Context, Decision, Gate, Request, Sort as PolicySort, authorize};
use gateway::{Answer, Caller, Need, Prepared, Refused, Unprepared};
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
            let verified = verify(&service, &caller, &input).await?;
            Ok(service
                .ask::<AssumeRoleWithWebIdentityResponse>(caller, move |at| decide(at, &input, &verified))
                .await?)
        })
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
        Ok::<_, Refusal>(provider.map(|provider| (provider.arn(account), provider)))
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
    let keys = keys_of(service, caller, &url).await?;
    if !token.is_signed_by(&keys) {
        return Err(invalid_token(
            "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements",
        ));
    }
    Ok(Verified { provider: arn.into(), url: url.into(), claims: token.claims })
}

/// The keys of a provider, as it publishes them; for some minutes as it did the last time.
async fn keys_of(service: &Arc<Inner>, caller: &Caller, url: &str) -> Result<Arc<jwt::Keys>, Refusal> {
    if let Some(kept) = service.provider_keys.find(url, caller.now) {
        return Ok(kept);
    }
    let failed = |why: String| Refusal::new(&errors::IDP_COMMUNICATION_ERROR_EXCEPTION, why);
    let discovery = format!("https://{url}/.well-known/openid-configuration");
    let bytes = service.documents.fetch(&discovery, PROVIDER_BYTES_MAX).await.map_err(failed)?;
    let discovered: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let keys_url = discovered["jwks_uri"].as_str().filter(|url| url.starts_with("https://"));
    let no_url = || failed(format!("{discovery} names no jwks_uri"));
    let bytes = service.documents.fetch(keys_url.ok_or_else(no_url)?, PROVIDER_BYTES_MAX).await.map_err(failed)?;
    let keys = jwt::Keys::read(&bytes).ok_or_else(|| failed(format!("the keys of {url} cannot be read")))?;
    Ok(service.provider_keys.keep(url, caller.now, keys))
}

/// The trust policy decides; then it is as with every session of a role.
fn decide(
    at: &At<'_>,
    input: &Input,
    verified: &Verified,
) -> Result<Outcome<AssumeRoleWithWebIdentityResponse>, Refusal> {
    let role = role_of(at, &input.role_arn)?;
    let denied = || Refusal::denied("Not authorized to perform sts:AssumeRoleWithWebIdentity");
    let part = role.entity.and_then(|entity| entity.role.as_ref()).ok_or_else(denied)?;
    let trust = documents::compile("trust policy", &part.trust, PolicySort::Trust).ok_or_else(denied)?;
    let who = access::Caller::token_bearer(&verified.provider);
    let facts = facts_of(verified);
    let mut context = Context::of(&who);
    context.set("sts:rolesessionname", input.role_session_name.as_str());
    context.set("aws:currenttime", at.now);
    context.set("aws:epochtime", at.now);
    context.set("aws:securetransport", at.caller.secure);
    context.set("aws:federatedprovider", &*verified.provider);
    if let Some(source) = at.caller.source {
        context.set("aws:sourceip", source);
    }
    for (name, value) in &facts {
        context.set(name, &**value);
    }
    let audiences = format!("{}:aud", verified.url.to_lowercase());
    if let [_, _, ..] = *verified.claims.audiences {
        context.set_many(&audiences, verified.claims.audiences.iter().map(|audience| &**audience));
    }
    let request = Request {
        caller: &who,
        action: ACTIONS[1].get("AssumeRoleWithWebIdentity"),
        resource: &input.role_arn,
        resource_account: Some(role.account),
        context: &context,
        gate: Gate::TrustPolicy,
    };
    let policies = Applicable { resource: Some(&trust), ..Applicable::default() };
    let Decision::Allowed(_) = authorize(&request, &policies) else { return Err(denied()) };
    let secs = duration(role.entity, input.duration_seconds, false)?;
    let (policies, policy_arns) =
        super::session_policies(at, role.account, input.policy.as_deref(), input.policy_arns.as_deref())?;
    let is_limited = input.policy.is_some() || !policy_arns.is_empty();
    let named = of_role(at, &role, &input.role_session_name, secs);
    let session = Session { policies, policy_arns, is_limited, facts, ..named };
    let handed = hand_out(at, &session, &role);
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
