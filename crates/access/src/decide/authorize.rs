//! The rules of evaluation, in AWS's order.
//!
//! 1. A refusal anywhere decides.
//! 2. Each level of service control policies must allow; services and the unknown are in no organization.
//! 3. Services, bearers of tokens and the unknown have the resource's policy alone.
//! 4. In one account the identity's policies or the resource's are enough, within boundary and session policy; a grant to
//!    the caller's own name stands alone. Keys and roles must always allow by their own policy.
//! 5. Across accounts both are needed.
//!
//! Sources: IAM User Guide, "How AWS enforcement code logic evaluates requests", "Policy evaluation for requests within a
//! single account", "Cross-account policy evaluation logic"; KMS Developer Guide, "Key policies".

use super::decision::{Decision, Denial, Grant, Layer, Verdict};
use super::request::{Applicable, Gate, Request};
use super::survey::{Say, ask, ask_all};
use crate::caller::Kind;
use crate::policy::Policy;
use crate::policy::principals::Reach;

/// An allowance that was found.
type Found<'a> = Option<Verdict<'a>>;

/// What the policies say, none of them refusing.
struct Survey<'a> {
    identity: Found<'a>,
    resource: Found<'a>,
    /// How the resource's policy names the caller, where it allows.
    reach: Option<Reach>,
    /// Whether boundary and session policy are absent or allow.
    boundary: bool,
    session: bool,
}

/// Decides a request by all policies that apply to it.
pub fn authorize<'a>(request: &Request<'_>, policies: &Applicable<'a>) -> Decision<'a> {
    match survey(request, policies) {
        Err(denial) => Decision::Denied(denial),
        Ok(survey) => weigh(request, &survey),
    }
}

/// Asks every policy; a refusal ends it, and then a level of service control policies that does not allow.
fn survey<'a>(request: &Request<'_>, policies: &Applicable<'a>) -> Result<Survey<'a>, Denial<'a>> {
    let bounded = policies.boundary.is_some();
    let one = |policy: Option<&'a Policy>| policy.map(|policy| (policy, ask(policy, request, bounded)));
    let resource = one(policies.resource);
    let reach = if let Some((_, Say::Allow(_, reach))) = resource { Some(reach) } else { None };
    let resource = heard(resource_layer(request.gate), resource)?;
    let identity = heard(Layer::Identity, ask_all(policies.identity, request))?;
    let boundary = heard(Layer::Boundary, one(policies.boundary))?;
    let session = policies.session.map(|all| heard(Layer::Session, ask_all(all, request))).transpose()?;
    heard(Layer::ResourceControl, ask_all(policies.resource_control, request))?;
    if !matches!(request.caller.kind(), Kind::Service | Kind::Anonymous | Kind::TokenBearer) {
        let mut within = true;
        for level in policies.service_control {
            within &= heard(Layer::ServiceControl, ask_all(level, request))?.is_some();
        }
        if !within {
            return Err(Denial::Implicit(Layer::ServiceControl));
        }
    }
    let (boundary, session) = (!bounded || boundary.is_some(), session.is_none_or(|found| found.is_some()));
    Ok(Survey { identity, resource, reach, boundary, session })
}

fn resource_layer(gate: Gate) -> Layer {
    if gate == Gate::TrustPolicy { Layer::Trust } else { Layer::Resource }
}

/// Turns a refusal into the end, and keeps an allowance.
fn heard<'a>(layer: Layer, said: Option<(&'a Policy, Say)>) -> Result<Found<'a>, Denial<'a>> {
    let verdict = |policy, statement| Verdict { layer, policy, statement };
    match said {
        Some((policy, Say::Deny(index))) => Err(Denial::Explicit(verdict(policy, index))),
        Some((policy, Say::Allow(index, _))) => Ok(Some(verdict(policy, index))),
        Some((_, Say::Nothing)) | None => Ok(None),
    }
}

fn weigh<'a>(request: &Request<'_>, survey: &Survey<'a>) -> Decision<'a> {
    let by_resource = resource_layer(request.gate);
    match request.caller.account() {
        None => granted(survey.resource, by_resource),
        Some(account) if request.resource_account.is_none_or(|owner| owner == account) => same_account(request, survey),
        // Both accounts have to agree: the caller's first, because only its own account is told why not.
        Some(_) => match (own_account(request, survey), survey.resource) {
            (denied @ Decision::Denied(_), _) => denied,
            (Decision::Allowed(_), resource) => granted(resource, by_resource),
        },
    }
}

fn same_account<'a>(request: &Request<'_>, survey: &Survey<'a>) -> Decision<'a> {
    let kind = request.caller.kind();
    match survey.reach {
        Some(Reach::Itself) => return granted(survey.resource, Layer::Resource),
        Some(Reach::Everyone) if matches!(kind, Kind::User | Kind::Root) => {
            return granted(survey.resource, Layer::Resource);
        }
        // The grant is the role's, or of everybody: a session has it as far as boundary and session policy let it.
        Some(Reach::Role | Reach::Everyone) => return within(survey, granted(survey.resource, Layer::Resource)),
        Some(Reach::Account) | None => {}
    }
    if request.gate != Gate::Usual && survey.reach.is_none() {
        return Decision::Denied(Denial::Implicit(resource_layer(request.gate)));
    }
    own_account(request, survey)
}

/// What the caller's own account grants: its identity's policies within boundary and session policy.
fn own_account<'a>(request: &Request<'_>, survey: &Survey<'a>) -> Decision<'a> {
    if request.caller.kind() == Kind::Root {
        return Decision::Allowed(Grant::Root);
    }
    within(survey, granted(survey.identity, Layer::Identity))
}

fn granted(found: Found<'_>, layer: Layer) -> Decision<'_> {
    match found {
        Some(verdict) => Decision::Allowed(Grant::By(verdict)),
        None => Decision::Denied(Denial::Implicit(layer)),
    }
}

fn within<'a>(survey: &Survey<'a>, decision: Decision<'a>) -> Decision<'a> {
    match decision {
        Decision::Allowed(_) if !survey.boundary => Decision::Denied(Denial::Implicit(Layer::Boundary)),
        Decision::Allowed(_) if !survey.session => Decision::Denied(Denial::Implicit(Layer::Session)),
        other => other,
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
