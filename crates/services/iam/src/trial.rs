//! A simulation: actions tried on resources under policies, one page of results at a time.
//!
//! Everything that it needs is in it, so it is run where nobody waits for the state. Of all combinations only those of the asked
//! page are tried, and no more of them than [`limits::SIMULATED_BYTES_MAX`] has room for: a caller asks again with the marker.

use crate::api::iam::{
    ContextEntry, EvaluationResult, OrganizationsDecisionDetail, PermissionsBoundaryDecisionDetail, Position,
    SimulatePolicyResponse, Statement,
};
use crate::limits;
use crate::pages::{Wanted, numbered};
use crate::positions::{self, Place};
use crate::refusal::Refusal;
use access::{
    Action, Applicable, Caller, Context, Decision, Denial, Gate, Grant, Layer, Policy, Request, Sort as PolicySort,
    authorize,
};
use names::{AccountId, Arn};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A document and what results call it.
pub(crate) struct Source {
    pub(crate) id: String,
    pub(crate) document: String,
}

/// What a simulation is made of.
pub(crate) struct Trial {
    pub(crate) caller: Caller,
    pub(crate) identity: Vec<Source>,
    pub(crate) boundary: Option<Source>,
    pub(crate) resource: Option<Source>,
    /// Service control policies, level by level from the organization's root on.
    pub(crate) service_control: Vec<Vec<Source>>,
    pub(crate) owner: Option<AccountId>,
    pub(crate) actions: Vec<String>,
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
        let count = self.actions.len().saturating_mul(self.resources.len());
        let wanted = Wanted { marker: self.marker.as_deref(), max_items: self.max_items };
        let page = numbered(count, self.tries_max(), &wanted)?;
        let ready = self.ready()?;
        let page = page
            .map(|n| ready.result(&self.actions[n / self.resources.len()], &self.resources[n % self.resources.len()]));
        let is_truncated = page.is_truncated();
        Ok(SimulatePolicyResponse { evaluation_results: Some(page.items), is_truncated, marker: page.marker })
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
        let bytes: usize = self.sources().map(|source| source.document.len()).sum();
        let weight = bytes.max(1).saturating_mul(1 + self.context_bytes() / 1024);
        (limits::SIMULATED_BYTES_MAX / weight).max(1)
    }

    fn ready(&self) -> Result<Ready<'_>, Refusal> {
        let identity = self.identity.iter().map(|source| compiled(source, PolicySort::Identity));
        let boundary = self.boundary.as_ref().map(|source| compiled(source, PolicySort::Identity));
        let resource = self.resource.as_ref().map(|source| compiled(source, PolicySort::Resource));
        let level = |level: &Vec<Source>| -> Result<Vec<_>, _> {
            level.iter().map(|source| compiled(source, PolicySort::ServiceControl)).collect()
        };
        Ok(Ready {
            trial: self,
            identity: identity.collect::<Result<_, _>>()?,
            boundary: boundary.transpose()?,
            resource: resource.transpose()?,
            service_control: self.service_control.iter().map(level).collect::<Result<_, _>>()?,
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
        self.identity.iter().chain(&self.boundary).chain(&self.resource).chain(self.service_control.iter().flatten())
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

impl Ready<'_> {
    fn result(&self, action: &str, resource: &str) -> EvaluationResult {
        let action = Action::new(action);
        let request = Request {
            caller: &self.trial.caller,
            action: &action,
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
            ..Applicable::default()
        };
        EvaluationResult {
            organizations_decision_detail: self.by_organizations(&request),
            ..self.shown(&request, &authorize(&request, &policies))
        }
    }

    /// Whether the organization allows it, whatever the other policies say; nothing where there is no organization.
    fn by_organizations(&self, request: &Request<'_>) -> Option<OrganizationsDecisionDetail> {
        let alone = Applicable { service_control: &self.service_control, ..Applicable::default() };
        let layer = match authorize(request, &alone) {
            Decision::Allowed(_) => None,
            Decision::Denied(Denial::Explicit(verdict)) => Some(verdict.layer),
            Decision::Denied(Denial::Implicit(layer)) => Some(layer),
        };
        let allowed_by_organizations = Some(layer != Some(Layer::ServiceControl));
        (!self.service_control.is_empty()).then_some(OrganizationsDecisionDetail { allowed_by_organizations })
    }

    fn shown(&self, request: &Request<'_>, decision: &Decision<'_>) -> EvaluationResult {
        let (eval_decision, verdict, layer) = match decision {
            Decision::Allowed(Grant::By(verdict)) => ("allowed", Some(verdict), None),
            Decision::Allowed(Grant::Root) => ("allowed", None, None),
            Decision::Denied(Denial::Explicit(verdict)) => ("explicitDeny", Some(verdict), Some(verdict.layer)),
            Decision::Denied(Denial::Implicit(layer)) => ("implicitDeny", None, Some(*layer)),
        };
        let matched = verdict.map(|verdict| self.statement(verdict.policy.name(), verdict.statement));
        let by_boundary = self.boundary.is_some().then(|| PermissionsBoundaryDecisionDetail {
            allowed_by_permissions_boundary: Some(layer != Some(Layer::Boundary)),
        });
        EvaluationResult {
            eval_action_name: request.action.as_str().to_owned(),
            eval_resource_name: Some(request.resource.to_owned()),
            eval_decision: eval_decision.to_owned(),
            matched_statements: Some(matched.into_iter().collect()),
            missing_context_values: Some(self.missing.clone()),
            permissions_boundary_decision_detail: by_boundary,
            ..EvaluationResult::default()
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
