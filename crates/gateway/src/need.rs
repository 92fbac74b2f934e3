//! What an operation needs to be allowed, and the asking.
//!
//! A service names its [`Need`]s from the input alone, before anything is carried out; the gateway weighs each by all
//! policies that apply. A service that finds out only on its way that something further is needed (a role that is passed
//! on, a key that a queue is encrypted with) asks [`Caller::may`] itself.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use access::{Action, Applicable, Context, Decision, Denial, Gate, Kind, Layer, Policy, Request, authorize};
use names::AccountId;

use crate::identity::Fact;
use crate::service::Caller;

/// One thing that must be allowed before an operation is carried out.
#[derive(Debug, Clone)]
pub struct Need {
    /// What is done, e.g. out of a service's [`Actions`].
    pub action: &'static Action,
    /// To what: an ARN, or `*`.
    pub resource: Arc<str>,
    /// Whose it is.
    pub owner: Option<AccountId>,
    /// The resource's own policy.
    pub policy: Option<Arc<Policy>>,
    /// Whether something outside of policies allows it, as a grant on a key does. A policy that refuses still wins.
    pub granted: bool,
    /// Condition keys of the operation itself; names in lower case.
    pub facts: Vec<(Box<str>, Fact)>,
    /// Whether the resource is AWS's own, as the managed keys of KMS are: resource control policies leave it alone.
    pub is_awss: bool,
    /// Condition keys of the resource, `aws:ResourceTag/…` among them, made when they changed and not for each request.
    pub about: Option<Facts>,
}

/// Condition keys that are made once and shared.
pub type Facts = Arc<[(Box<str>, Fact)]>;

impl Need {
    /// A need about a resource that has no policy of its own.
    pub fn of(action: &'static Action, resource: impl Into<Arc<str>>, owner: AccountId) -> Self {
        let (resource, owner) = (resource.into(), Some(owner));
        Self { action, resource, owner, policy: None, granted: false, facts: Vec::new(), is_awss: false, about: None }
    }

    /// The same, with the policy that the resource has.
    #[must_use]
    pub fn under(self, policy: Option<Arc<Policy>>) -> Self {
        Self { policy, ..self }
    }

    /// The same, with a condition key.
    #[must_use]
    pub fn with(mut self, name: impl Into<Box<str>>, fact: Fact) -> Self {
        self.facts.push((name.into(), fact));
        self
    }
}

/// The actions of a service, made once: `service:Name` for each name. To be kept in a static.
#[derive(Debug)]
pub struct Actions(Box<[(Box<str>, Action)]>);

impl Actions {
    /// The actions of these names, behind a prefix such as `kms`.
    pub fn new<'a>(prefix: &str, names: impl IntoIterator<Item = &'a str>) -> Self {
        let action = |name: &str| (name.into(), Action::new(&format!("{prefix}:{name}")));
        let mut actions: Vec<(Box<str>, Action)> = names.into_iter().map(action).collect();
        actions.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        Self(actions.into())
    }

    /// The action of a name.
    ///
    /// # Panics
    /// If there is none: names of actions are written in the code.
    pub fn get(&self, name: &str) -> &Action {
        let found = self.0.binary_search_by(|(known, _)| (**known).cmp(name));
        &self.0[found.unwrap_or_else(|_| panic!("no action is called {name}"))].1
    }
}

/// Why somebody may not, as it is told to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// AWS's sentence.
    pub sentence: String,
    /// Whether a policy refuses, rather than none allowing.
    pub is_explicit: bool,
    /// The statement that refuses, for the operator and not for the caller: `statement 2 (Sid "Others") of identity-based policy
    /// "worker"`; where none allows, the sort of policy that does not.
    pub by: String,
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl std::error::Error for Denied {}

/// What refused somebody in the course of a request: the last refusal, for whoever keeps a record of what came of it.
#[derive(Debug, Default)]
pub(crate) struct Refuser(Mutex<Option<Box<str>>>);

impl Refuser {
    fn note(&self, by: &str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(by.into());
    }

    /// What refused last, if anything did.
    pub(crate) fn take(&self) -> Option<Box<str>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Caller {
    /// Notes for the operator why the caller is refused, where no policy was asked: what it asks about is not there, which the
    /// caller is not told.
    pub fn is_refused_because(&self, why: &str) {
        if let Some(refuser) = &self.refuser {
            refuser.note(why);
        }
    }

    /// Whether the caller may; the refusal has AWS's sentence. Everything is allowed where nothing is verified.
    pub fn may(&self, need: &Need) -> Result<(), Denied> {
        if !self.is_held_to_policies() {
            return Ok(());
        }
        let identity = &*self.identity;
        let context = if self.is_asked_for_facts(need) { self.context(need) } else { Context::new() };
        let request = Request {
            caller: &identity.caller,
            action: need.action,
            resource: &need.resource,
            resource_account: need.owner,
            context: &context,
            gate: Gate::before(&need.resource, need.action),
        };
        let applicable = Applicable {
            identity: &identity.policies,
            boundary: identity.boundary.as_deref(),
            session: identity.session.as_deref(),
            resource: need.policy.as_deref(),
            service_control: self.service_control(),
            resource_control: self.resource_control(need),
        };
        match authorize(&request, &applicable) {
            Decision::Allowed(_) => Ok(()),
            // What stands over the caller's account no grant of a resource overrules.
            Decision::Denied(Denial::Implicit(layer)) if need.granted && layer != Layer::ServiceControl => Ok(()),
            Decision::Denied(denial) => {
                let denied = self.denied(&request, &denial);
                self.is_refused_because(&denied.by);
                Err(denied)
            }
        }
    }

    fn service_control(&self) -> &[Vec<Arc<Policy>>] {
        self.organization.as_ref().map_or(&[], |organization| organization.service_control(&self.identity.caller))
    }

    fn resource_control(&self, need: &Need) -> &[Arc<Policy>] {
        match &self.organization {
            Some(organization) if !need.is_awss => {
                organization.resource_control(&self.identity.caller, need.action, need.owner)
            }
            _ => &[],
        }
    }

    fn denied(&self, request: &Request<'_>, denial: &Denial<'_>) -> Denied {
        let sentence = match self.identity.caller.kind() {
            Kind::Anonymous => format!("Access to the resource {}{} is denied.", self.base, self.path()),
            _ => denial.sentence(request),
        };
        let (is_explicit, by) = match denial {
            Denial::Explicit(verdict) => (true, verdict.to_string()),
            Denial::Implicit(layer) => (false, format!("no {} allows it", layer.words())),
        };
        Denied { sentence, is_explicit, by }
    }

    /// Whether any policy that applies has a condition or a variable; most have neither, and then no facts are gathered.
    fn is_asked_for_facts(&self, need: &Need) -> bool {
        let identity = &*self.identity;
        let session = identity.session.iter().flatten();
        let single = [&identity.boundary, &need.policy].into_iter().flatten();
        let control = self.service_control().iter().flatten().chain(self.resource_control(need));
        identity.policies.iter().chain(session).chain(single).chain(control).any(|policy| policy.asks())
    }

    /// The facts of a request: who asks, how, for what.
    fn context<'a>(&'a self, need: &'a Need) -> Context<'a> {
        let identity = &*self.identity;
        let mut context = Context::of(&identity.caller);
        context.set("aws:currenttime", self.now);
        context.set("aws:epochtime", self.now);
        context.set("aws:securetransport", self.secure);
        context.set("aws:requestedregion", self.region.as_str());
        context.set("aws:viaawsservice", self.via.is_some());
        if let Some(service) = self.via {
            context.set_many("aws:calledvia", [service]);
            context.set("aws:calledviafirst", service);
            context.set("aws:calledvialast", service);
        }
        if let Some(source) = self.source {
            context.set("aws:sourceip", source);
        }
        if let Some(agent) = self.user_agent() {
            context.set("aws:useragent", agent);
        }
        if let Some(owner) = &need.owner {
            context.set("aws:resourceaccount", owner.as_str());
        }
        // Services and whoever signs nothing are of no account, and of no organization.
        let id = self.organization.as_ref().and_then(|organization| organization.id());
        if let Some(id) = id.filter(|_| identity.caller.account().is_some()) {
            context.set("aws:principalorgid", id);
        }
        if let Some(id) = id.filter(|_| need.owner.is_some()) {
            context.set("aws:resourceorgid", id);
        }
        let about = need.about.iter().flat_map(|about| about.iter());
        for (name, fact) in identity.facts.iter().chain(&need.facts).chain(about) {
            fact.tell(name, &mut context);
        }
        context
    }
}
