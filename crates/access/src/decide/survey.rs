//! What each policy says to a request, before anything is weighed.
//!
//! A policy is gone through once: the first statement that refuses ends it, else the most direct allowance is kept. What
//! costs least is asked first: the action, then the resource, the principal, the conditions.

use super::request::Request;
use crate::policy::principals::Reach;
use crate::policy::{Effect, Policy, Statement};
use std::sync::Arc;

/// What one policy says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Say {
    Nothing,
    /// The place of the statement, and how it names the caller.
    Allow(usize, Reach),
    Deny(usize),
}

/// Asks a policy. A caller with a boundary is never spared by a NotPrincipal.
pub(super) fn ask(policy: &Policy, request: &Request<'_>, bounded: bool) -> Say {
    let mut say = Say::Nothing;
    for (index, statement) in policy.statements().iter().enumerate() {
        let Some(reach) = applies(statement, request, bounded) else { continue };
        match (statement.effect, say) {
            (Effect::Deny, _) => return Say::Deny(index),
            (Effect::Allow, Say::Allow(_, known)) if known >= reach => {}
            (Effect::Allow, _) => say = Say::Allow(index, reach),
        }
    }
    say
}

fn applies(statement: &Statement, request: &Request<'_>, bounded: bool) -> Option<Reach> {
    let context = request.context;
    if !statement.actions.match_value(request.action.folded(), context)
        || !statement.resources.match_value(request.resource, context)
    {
        return None;
    }
    let reach = match &statement.principals {
        None => Reach::Itself,
        Some(principals) => principals.reach(request.caller, statement.effect == Effect::Deny, bounded)?,
    };
    statement.conditions.iter().all(|condition| condition.holds(context)).then_some(reach)
}

/// What several policies of one sort say together: the first refusal, else the first allowance.
pub(super) fn ask_all<'a>(policies: &'a [Arc<Policy>], request: &Request<'_>) -> Option<(&'a Policy, Say)> {
    let mut found = None;
    for policy in policies {
        match ask(policy, request, false) {
            Say::Nothing => {}
            say @ Say::Deny(_) => return Some((policy, say)),
            say @ Say::Allow(..) => found = found.or(Some((&**policy, say))),
        }
    }
    found
}
