//! A simulation: actions tried on resources under policies, one page of results at a time; of each action one result, and in it one
//! for each resource.
//!
//! Everything that it needs is in it, so it is run where nobody waits for the state. Of all combinations only those of the asked
//! page are tried, and no more of them than [`limits::SIMULATED_BYTES_MAX`] has room for: a caller asks again with the marker. An
//! action whose resources alone are more than that has a result on each of several pages.

use crate::api::iam::enums::policy_evaluation_decision_type as decisions;
use crate::api::iam::{
    ContextEntry, EvaluationResult, OrganizationsDecisionDetail, PermissionsBoundaryDecisionDetail, Position,
    ResourceSpecificResult, SimulatePolicyResponse, Statement,
};
use crate::limits;
use crate::pages::{Wanted, numbered};
use crate::positions::{self, Place};
use crate::refusal::Refusal;
use access::{
    Action, Applicable, Caller, Context, Decision, Denial, Gate, Grant, Layer, Policy, Request, Sort as PolicySort,
    authorize,
};
use gateway::Organization;
use names::{AccountId, Arn};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

/// A document and what results call it.
pub(crate) struct Source {
    pub(crate) id: String,
    pub(crate) document: String,
}

/// What stands over the account of whoever is simulated.
pub(crate) enum Above {
    /// Nothing that was told.
    Nothing,
    /// Service control policies that were handed in, level by level from the organization's root on.
    Given(Vec<Vec<Source>>),
    /// The organization that the server has.
    Configured {
        organization: Arc<Organization>,
        /// Whether its service control policies count, or it is asked what would be without them.
        has_service_control: bool,
        /// Whose simulation it is, and whose resources are controlled in it: of others an account learns nothing.
        account: AccountId,
    },
}

/// What a simulation is made of.
pub(crate) struct Trial {
    pub(crate) caller: Caller,
    pub(crate) identity: Vec<Source>,
    pub(crate) boundary: Option<Source>,
    pub(crate) resource: Option<Source>,
    pub(crate) above: Above,
    pub(crate) owner: Option<AccountId>,
    pub(crate) actions: Vec<String>,
    /// At least one; `*` alone, if none was named.
    pub(crate) resources: Vec<String>,
    pub(crate) context: Vec<ContextEntry>,
    pub(crate) marker: Option<String>,
    pub(crate) max_items: Option<i32>,
}

/// The same, read: what is the same for each result is made once.
struct Ready<'t> {
    trial: &'t Trial,
    identity: Vec<Arc<Policy>>,
    boundary: Option<Arc<Policy>>,
    resource: Option<Arc<Policy>>,
    service_control: Vec<Vec<Arc<Policy>>>,
    context: Context<'t>,
    /// What policies ask for and the simulation was not told.
    missing: Vec<String>,
    /// Where the statements of each document stand.
    places: Vec<(&'t str, Vec<(Place, Place)>)>,
}

pub(crate) fn compiled(source: &Source, sort: PolicySort) -> Result<Arc<Policy>, Refusal> {
    match Policy::parse(&source.id, &source.document, sort) {
        Ok(policy) => Ok(Arc::new(policy)),
        Err(malformed) => Err(Refusal::invalid_input(format!("{}: {malformed}", source.id))),
    }
}

impl Trial {
    /// Tries the combinations of the asked page: each action on each resource, in the order in which they were given.
    pub(crate) fn run(&self) -> Result<SimulatePolicyResponse, Refusal> {
        self.check_context()?;
        let each = self.resources.len();
        let wanted = Wanted { marker: self.marker.as_deref(), max_items: self.max_items };
        let page = numbered(self.actions.len().saturating_mul(each), each, self.tries_max(), &wanted)?;
        let ready = self.ready()?;
        let of_one_action = page.items.chunk_by(|one, next| one / each == next / each);
        let results = of_one_action.map(|tries| {
            let resources = tries.iter().map(|nth| &*self.resources[nth % each]);
            ready.result(&self.actions[tries[0] / each], resources)
        });
        Ok(SimulatePolicyResponse {
            evaluation_results: Some(results.collect()),
            is_truncated: page.is_truncated(),
            marker: page.marker,
        })
    }

    /// Names and values together; each may be compared with every pattern of every document.
    fn context_bytes(&self) -> usize {
        let of = |entry: &ContextEntry| {
            let values = entry.context_key_values.iter().flatten().map(String::len).sum::<usize>();
            entry.context_key_name.as_deref().map_or(0, str::len) + values
        };
        self.context.iter().map(of).sum()
    }

    fn check_context(&self) -> Result<(), Refusal> {
        match self.context_bytes() > limits::CONTEXT_BYTES_MAX {
            true => Err(Refusal::invalid_input(format!(
                "The names and values of ContextEntries have more than {} bytes.",
                limits::CONTEXT_BYTES_MAX
            ))),
            false => Ok(()),
        }
    }

    /// How many combinations one page may have: each weighs every document, once more for each kilobyte of context.
    fn tries_max(&self) -> usize {
        let bytes = self.sources().map(|source| source.document.len()).sum::<usize>() + self.bytes_above();
        let weight = bytes.max(1).saturating_mul(1 + self.context_bytes() / 1024);
        (limits::SIMULATED_BYTES_MAX / weight).max(1)
    }

    fn ready(&self) -> Result<Ready<'_>, Refusal> {
        let identity = self.identity.iter().map(|source| compiled(source, PolicySort::Identity));
        let boundary = self.boundary.as_ref().map(|source| compiled(source, PolicySort::Identity));
        let resource = self.resource.as_ref().map(|source| compiled(source, PolicySort::Resource));
        Ok(Ready {
            trial: self,
            identity: identity.collect::<Result<_, _>>()?,
            boundary: boundary.transpose()?,
            resource: resource.transpose()?,
            service_control: self.service_control()?,
            context: self.context(),
            missing: self.missing(),
            places: self.sources().map(|source| (&*source.id, positions::statements(&source.document))).collect(),
        })
    }

    fn context(&self) -> Context<'_> {
        let mut context = Context::of(&self.caller);
        for entry in &self.context {
            let (Some(name), Some(values)) = (entry.context_key_name.as_deref(), &entry.context_key_values) else {
                continue;
            };
            match (entry.context_key_type.as_deref().is_some_and(|sort| sort.ends_with("List")), values.first()) {
                (true, _) => context.set_many(name, values.iter().map(String::as_str)),
                (false, Some(value)) => context.set(name, value.as_str()),
                (false, None) => {}
            }
        }
        context
    }

    fn owner_of(&self, arn: &str) -> Option<AccountId> {
        let of_arn = || AccountId::parse(&Arn::parse(arn).ok()?.account).ok();
        self.owner.or_else(of_arn).or_else(|| self.caller.account())
    }

    fn sources(&self) -> impl Iterator<Item = &Source> {
        self.identity.iter().chain(&self.boundary).chain(&self.resource)
    }

    /// The levels over the caller. Who is of another account than the one that asks is below nothing that is told here.
    fn service_control(&self) -> Result<Vec<Vec<Arc<Policy>>>, Refusal> {
        let level = |level: &Vec<Source>| -> Result<Vec<_>, _> {
            level.iter().map(|source| compiled(source, PolicySort::ServiceControl)).collect()
        };
        match &self.above {
            Above::Given(levels) => levels.iter().map(level).collect(),
            Above::Configured { organization, has_service_control: true, account }
                if self.caller.account() == Some(*account) =>
            {
                Ok(organization.service_control(&self.caller).to_vec())
            }
            Above::Configured { .. } | Above::Nothing => Ok(Vec::new()),
        }
    }

    fn resource_control(&self, action: &Action, owner: Option<AccountId>) -> &[Arc<Policy>] {
        match &self.above {
            Above::Configured { organization, account, .. } => {
                organization.resource_control(&self.caller, action, owner.filter(|owner| owner == account))
            }
            Above::Given(_) | Above::Nothing => &[],
        }
    }

    /// Bytes of what stands above; of what controls resources as far as it is over any of the actions.
    fn bytes_above(&self) -> usize {
        let of = |policies: &[Arc<Policy>]| policies.iter().map(|policy| policy.bytes()).sum::<usize>();
        match &self.above {
            Above::Nothing => 0,
            Above::Given(levels) => levels.iter().flatten().map(|source| source.document.len()).sum(),
            Above::Configured { organization, account, .. } => {
                let levels = organization.service_control(&self.caller).iter().map(|level| of(level)).sum::<usize>();
                let mut controlled =
                    self.actions.iter().map(|action| of(self.resource_control(&Action::new(action), Some(*account))));
                levels + controlled.find(|bytes| *bytes > 0).unwrap_or_default()
            }
        }
    }

    /// Whether the caller's account is known to be of an organization.
    fn is_organized(&self) -> bool {
        match &self.above {
            Above::Nothing => false,
            Above::Given(levels) => !levels.is_empty(),
            Above::Configured { account, .. } => self.caller.account() == Some(*account),
        }
    }

    fn missing(&self) -> Vec<String> {
        let told: BTreeSet<String> =
            self.context.iter().filter_map(|entry| Some(entry.context_key_name.as_deref()?.to_lowercase())).collect();
        let is_told = |key: &str| {
            OF_CALLER.iter().any(|known| known.eq_ignore_ascii_case(key)) || told.contains(&key.to_lowercase())
        };
        let asked = context_keys(self.sources().map(|source| &*source.document));
        asked.into_iter().filter(|key| !is_told(key)).collect()
    }
}

/// What came of an action on a resource.
struct Tried<'a> {
    resource: &'a str,
    decision: &'static str,
    matched: Option<Statement>,
    by_boundary: Option<bool>,
    by_organization: Option<bool>,
    /// Whether it is another account's.
    is_foreign: bool,
}

/// How much a decision restricts.
fn severity(decision: &str) -> usize {
    [decisions::ALLOWED, decisions::IMPLICIT_DENY, decisions::EXPLICIT_DENY]
        .iter()
        .position(|known| *known == decision)
        .expect("these are all there are")
}

impl Ready<'_> {
    /// What comes of an action: the most restrictive of what comes of it on each resource, and each of these.
    fn result<'a>(&self, action: &str, resources: impl Iterator<Item = &'a str>) -> EvaluationResult {
        let action = Action::new(action);
        let tried: Vec<Tried<'_>> = resources.map(|resource| self.try_on(&action, resource)).collect();
        let decision = tried.iter().map(|tried| tried.decision).max_by_key(|decision| severity(decision));
        let decision = decision.expect("an action is tried on a resource at least");
        let mut matched: Vec<Statement> = Vec::new();
        for statement in
            tried.iter().filter(|tried| tried.decision == decision).filter_map(|tried| tried.matched.as_ref())
        {
            if !matched.contains(statement) {
                matched.push(statement.clone());
            }
        }
        let all = |of: fn(&Tried<'_>) -> Option<bool>| tried.iter().filter_map(of).reduce(|one, other| one && other);
        let is_named = *self.trial.resources != ["*"];
        EvaluationResult {
            eval_action_name: action.as_str().to_owned(),
            eval_resource_name: Some(match &self.trial.resources[..] {
                [one] => one.clone(),
                _ => "*".to_owned(),
            }),
            eval_decision: decision.to_owned(),
            matched_statements: Some(matched),
            missing_context_values: Some(self.missing.clone()),
            organizations_decision_detail: all(|tried| tried.by_organization)
                .map(|by| OrganizationsDecisionDetail { allowed_by_organizations: Some(by) }),
            permissions_boundary_decision_detail: all(|tried| tried.by_boundary).map(boundary_detail),
            eval_decision_details: (is_named && tried.iter().all(|tried| !tried.is_foreign)).then(Vec::new),
            resource_specific_results: is_named.then(|| tried.into_iter().map(|tried| self.specific(tried)).collect()),
        }
    }

    fn specific(&self, tried: Tried<'_>) -> ResourceSpecificResult {
        ResourceSpecificResult {
            eval_resource_name: tried.resource.to_owned(),
            eval_resource_decision: tried.decision.to_owned(),
            matched_statements: Some(tried.matched.into_iter().collect()),
            missing_context_values: Some(self.missing.clone()),
            eval_decision_details: (!tried.is_foreign).then(Vec::new),
            permissions_boundary_decision_detail: tried.by_boundary.map(boundary_detail),
        }
    }

    fn try_on<'a>(&self, action: &Action, resource: &'a str) -> Tried<'a> {
        let request = Request {
            caller: &self.trial.caller,
            action,
            resource,
            resource_account: self.trial.owner_of(resource),
            context: &self.context,
            gate: Gate::Usual,
        };
        let policies = Applicable {
            identity: &self.identity,
            boundary: self.boundary.as_deref(),
            resource: self.resource.as_deref(),
            service_control: &self.service_control,
            resource_control: self.trial.resource_control(action, request.resource_account),
            ..Applicable::default()
        };
        let (decision, verdict) = match authorize(&request, &policies) {
            Decision::Allowed(Grant::By(verdict)) => (decisions::ALLOWED, Some(verdict)),
            Decision::Allowed(Grant::Root) => (decisions::ALLOWED, None),
            Decision::Denied(Denial::Explicit(verdict)) => (decisions::EXPLICIT_DENY, Some(verdict)),
            Decision::Denied(Denial::Implicit(_)) => (decisions::IMPLICIT_DENY, None),
        };
        // What an organization's policies say is told in one word and not shown.
        let verdict =
            verdict.filter(|verdict| !matches!(verdict.layer, Layer::ServiceControl | Layer::ResourceControl));
        Tried {
            resource,
            decision,
            matched: verdict.map(|verdict| self.statement(verdict.policy.name(), verdict.statement)),
            by_boundary: policies.boundary.map(|_| is_within_boundary(&request, &policies)),
            by_organization: self.trial.is_organized().then(|| is_within_organization(&request, &policies)),
            is_foreign: request.resource_account != request.caller.account(),
        }
    }

    fn statement(&self, policy: &str, index: usize) -> Statement {
        let source = self.places.iter().find(|(id, _)| *id == policy);
        let places = source.and_then(|(_, places)| places.get(index).copied());
        let number = |number: usize| i32::try_from(number).ok();
        let position = |place: Place| Position { line: number(place.line), column: number(place.column) };
        Statement {
            source_policy_id: Some(policy.to_owned()),
            source_policy_type: Some("IAM Policy".to_owned()),
            start_position: places.map(|(start, _)| position(start)),
            end_position: places.map(|(_, end)| position(end)),
        }
    }
}

fn boundary_detail(is_within: bool) -> PermissionsBoundaryDecisionDetail {
    PermissionsBoundaryDecisionDetail { allowed_by_permissions_boundary: Some(is_within) }
}

/// Whether the organization allows it, whatever the other policies say.
fn is_within_organization(request: &Request<'_>, policies: &Applicable<'_>) -> bool {
    let (service_control, resource_control) = (policies.service_control, policies.resource_control);
    let layer = match authorize(request, &Applicable { service_control, resource_control, ..Applicable::default() }) {
        Decision::Allowed(_) => return true,
        Decision::Denied(Denial::Explicit(verdict)) => verdict.layer,
        Decision::Denied(Denial::Implicit(layer)) => layer,
    };
    !matches!(layer, Layer::ServiceControl | Layer::ResourceControl)
}

/// Whether the boundary allows it, whatever the other policies say.
fn is_within_boundary(request: &Request<'_>, policies: &Applicable<'_>) -> bool {
    static EVERYTHING: LazyLock<[Arc<Policy>; 1]> = LazyLock::new(|| {
        let text = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
        [Arc::new(Policy::parse("everything", text, PolicySort::Identity).expect("it is a policy"))]
    });
    let alone = Applicable { identity: &*EVERYTHING, boundary: policies.boundary, ..Applicable::default() };
    authorize(&Request { resource_account: None, ..*request }, &alone).is_allowed()
}

/// Keys that the caller says.
const OF_CALLER: [&str; 6] = [
    "aws:PrincipalArn",
    "aws:PrincipalAccount",
    "aws:PrincipalType",
    "aws:PrincipalIsAWSService",
    "aws:username",
    "aws:userid",
];

/// The keys of conditions and the variables of documents, each once.
pub(crate) fn context_keys<'d>(documents: impl Iterator<Item = &'d str>) -> Vec<String> {
    let mut keys = BTreeSet::new();
    for document in documents {
        let Ok(document) = serde_json::from_str::<Value>(document) else { continue };
        let statements = match &document["Statement"] {
            Value::Array(statements) => statements.iter().collect(),
            one => vec![one],
        };
        for statement in statements {
            let operators = statement["Condition"].as_object().into_iter().flat_map(|operators| operators.values());
            keys.extend(operators.filter_map(Value::as_object).flat_map(|keys| keys.keys().cloned()));
            variables(statement, &mut keys);
        }
    }
    keys.into_iter().collect()
}

/// `aws:username` of `${aws:username}` and of `${aws:username, 'nobody'}`, wherever it stands.
fn variables(value: &Value, keys: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            for rest in text.split("${").skip(1) {
                let name = rest.split(['}', ',']).next().unwrap_or_default().trim();
                if name.contains(':') {
                    keys.insert(name.to_owned());
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| variables(value, keys)),
        Value::Object(members) => members.values().for_each(|value| variables(value, keys)),
        _ => {}
    }
}
