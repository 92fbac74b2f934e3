//! The answer, and why, in AWS's words.
//!
//! "User: … is not authorized to perform: … on resource: … because no identity-based policy allows the … action": IAM User
//! Guide, "Troubleshoot access denied error messages". Of several reasons one is told.

use super::request::Request;
use crate::policy::Policy;
use std::fmt;

/// A sort of policy, as a decision speaks of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// Of the caller.
    Identity,
    /// Of the resource.
    Resource,
    /// Of a role, about who may assume it.
    Trust,
    /// The caller's boundary.
    Boundary,
    /// Handed over with the session.
    Session,
    /// Of the caller's organization.
    ServiceControl,
    /// Of the resource's organization.
    ResourceControl,
}

impl Layer {
    /// As the sentence names it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Identity => "identity-based policy",
            Self::Resource => "resource-based policy",
            Self::Trust => "role trust policy",
            Self::Boundary => "permissions boundary",
            Self::Session => "session policy",
            Self::ServiceControl => "service control policy",
            Self::ResourceControl => "resource control policy",
        }
    }

    fn article(self) -> &'static str {
        match self {
            Self::Identity => "an",
            Self::Trust => "the",
            _ => "a",
        }
    }
}

/// A statement that decided: which layer, which policy, which of its statements.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict<'a> {
    /// The sort of policy.
    pub layer: Layer,
    /// The policy.
    pub policy: &'a Policy,
    /// The place of the statement in it, from zero.
    pub statement: usize,
}

impl Verdict<'_> {
    /// The statement's Sid, if it has one.
    pub fn sid(&self) -> Option<&str> {
        self.policy.statements()[self.statement].sid()
    }
}

/// What allowed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Grant<'a> {
    /// A statement.
    By(Verdict<'a>),
    /// A root user may do everything in its account.
    Root,
}

/// What denied.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Denial<'a> {
    /// A statement refuses.
    Explicit(Verdict<'a>),
    /// No policy of this sort allows.
    Implicit(Layer),
}

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Decision<'a> {
    /// They may.
    Allowed(Grant<'a>),
    /// They may not.
    Denied(Denial<'a>),
}

impl Decision<'_> {
    /// Whether they may.
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed(_))
    }
}

impl Denial<'_> {
    /// The sentence that the caller is told.
    pub fn sentence(&self, request: &Request<'_>) -> String {
        let (who, what, on) = (request.caller.name(), request.action.as_str(), request.resource);
        format!("User: {who} is not authorized to perform: {what} on resource: {on} {}", self.because(what))
    }

    fn because(&self, action: &str) -> String {
        match self {
            Self::Explicit(Verdict { layer, .. }) => {
                format!("with an explicit deny in {} {}", layer.article(), layer.words())
            }
            Self::Implicit(layer) => format!("because no {} allows the {action} action", layer.words()),
        }
    }
}

impl fmt::Display for Verdict<'_> {
    /// `statement 2 (Sid "Others") of identity-based policy "worker.json"`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "statement {}", self.statement + 1)?;
        if let Some(sid) = self.sid() {
            write!(f, " (Sid {sid:?})")?;
        }
        write!(f, " of {} {:?}", self.layer.words(), self.policy.name())
    }
}
