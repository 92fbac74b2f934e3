//! SimulateCustomPolicy, SimulatePrincipalPolicy, and the context keys that policies ask for.
//!
//! The same evaluation that decides requests, over policies that are handed in or are a user's, group's or role's. Each action
//! is tried on each resource; one result says the decision and the statement that made it.

use super::need;
use crate::api::iam::operations::{
    GetContextKeysForCustomPolicy, GetContextKeysForPrincipalPolicy, SimulateCustomPolicy, SimulatePrincipalPolicy,
};
use crate::api::iam::{
    ContextEntry, EvaluationResult, GetContextKeysForCustomPolicyRequest, GetContextKeysForPolicyResponse,
    GetContextKeysForPrincipalPolicyRequest, PermissionsBoundaryDecisionDetail, Position, SimulateCustomPolicyRequest,
    SimulatePolicyResponse, SimulatePrincipalPolicyRequest, Statement,
};
use crate::at::{At, Outcome};
use crate::pages::{Wanted, page};
use crate::positions::{self, Place};
use crate::refusal::Refusal;
use crate::service::{Done, Operation};
use crate::state::{Entity, Sort};
use access::{
    Action, Applicable, Caller, Context, Decision, Denial, Gate, Grant, Layer, Policy, Request, Sort as PolicySort,
    authorize,
};
use gateway::Need;
use names::{AccountId, Arn};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A document and what results call it.
struct Source {
    id: String,
    document: String,
}

/// What a simulation is made of.
struct Trial<'a> {
    caller: Caller,
    identity: Vec<Source>,
    boundary: Vec<Source>,
    resource: Option<Source>,
    owner: Option<AccountId>,
    actions: &'a [String],
    resources: Vec<String>,
    context: &'a [ContextEntry],
}

fn inputs(name: &str, documents: Option<&[String]>) -> Vec<Source> {
    let numbered = documents.unwrap_or_default().iter().zip(1..);
    numbered.map(|(document, n)| Source { id: format!("{name}.{n}"), document: document.clone() }).collect()
}

fn compiled(sources: &[Source], sort: PolicySort) -> Result<Vec<Arc<Policy>>, Refusal> {
    let compile = |source: &Source| match Policy::parse(&source.id, &source.document, sort) {
        Ok(policy) => Ok(Arc::new(policy)),
        Err(malformed) => Err(Refusal::invalid_input(format!("{}: {malformed}", source.id))),
    };
    sources.iter().map(compile).collect()
}

impl Trial<'_> {
    fn run(&self) -> Result<Vec<EvaluationResult>, Refusal> {
        let identity = compiled(&self.identity, PolicySort::Identity)?;
        let boundaries = compiled(&self.boundary, PolicySort::Identity)?;
        let resource = compiled(self.resource.as_slice(), PolicySort::Resource)?;
        let mut context = Context::of(&self.caller);
        for entry in self.context {
            let (Some(name), Some(values)) = (entry.context_key_name.as_deref(), &entry.context_key_values) else {
                continue;
            };
            match (entry.context_key_type.as_deref().is_some_and(|sort| sort.ends_with("List")), values.first()) {
                (true, _) => context.set_many(name, values.iter().map(String::as_str)),
                (false, Some(value)) => context.set(name, value.as_str()),
                (false, None) => {}
            }
        }
        let mut results = Vec::new();
        for action in self.actions {
            for arn in &self.resources {
                let action = Action::new(action);
                let request = Request {
                    caller: &self.caller,
                    action: &action,
                    resource: arn,
                    resource_account: self.owner_of(arn),
                    context: &context,
                    gate: Gate::Usual,
                };
                // A boundary is one policy; of several, each has to allow.
                let decide = |boundary: Option<&Policy>| {
                    let policies = Applicable {
                        identity: &identity,
                        resource: resource.first().map(|one| &**one),
                        ..Applicable::default()
                    };
                    self.result(&request, &authorize(&request, &Applicable { boundary, ..policies }))
                };
                let decided = boundaries.iter().map(|boundary| decide(Some(&**boundary)));
                let denied = decided.reduce(|worst, next| if worst.eval_decision == "allowed" { next } else { worst });
                results.push(denied.unwrap_or_else(|| decide(None)));
            }
        }
        Ok(results)
    }

    fn owner_of(&self, arn: &str) -> Option<AccountId> {
        let of_arn = || AccountId::parse(&Arn::parse(arn).ok()?.account).ok();
        self.owner.or_else(of_arn).or_else(|| self.caller.account())
    }

    fn result(&self, request: &Request<'_>, decision: &Decision<'_>) -> EvaluationResult {
        let (eval_decision, verdict, layer) = match decision {
            Decision::Allowed(Grant::By(verdict)) => ("allowed", Some(verdict), None),
            Decision::Allowed(Grant::Root) => ("allowed", None, None),
            Decision::Denied(Denial::Explicit(verdict)) => ("explicitDeny", Some(verdict), Some(verdict.layer)),
            Decision::Denied(Denial::Implicit(layer)) => ("implicitDeny", None, Some(*layer)),
        };
        let matched = verdict.map(|verdict| self.statement(verdict.policy.name(), verdict.statement));
        let by_boundary = (!self.boundary.is_empty()).then(|| PermissionsBoundaryDecisionDetail {
            allowed_by_permissions_boundary: Some(layer != Some(Layer::Boundary)),
        });
        EvaluationResult {
            eval_action_name: request.action.as_str().to_owned(),
            eval_resource_name: Some(request.resource.to_owned()),
            eval_decision: eval_decision.to_owned(),
            matched_statements: Some(matched.into_iter().collect()),
            missing_context_values: Some(self.missing()),
            permissions_boundary_decision_detail: by_boundary,
            ..EvaluationResult::default()
        }
    }

    fn statement(&self, policy: &str, index: usize) -> Statement {
        let source = self.sources().find(|source| source.id == policy);
        let places = source.and_then(|source| positions::statements(&source.document).get(index).copied());
        let number = |number: usize| i32::try_from(number).ok();
        let position = |place: Place| Position { line: number(place.line), column: number(place.column) };
        Statement {
            source_policy_id: Some(policy.to_owned()),
            source_policy_type: Some("IAM Policy".to_owned()),
            start_position: places.map(|(start, _)| position(start)),
            end_position: places.map(|(_, end)| position(end)),
        }
    }

    fn sources(&self) -> impl Iterator<Item = &Source> {
        self.identity.iter().chain(&self.boundary).chain(&self.resource)
    }

    /// What policies ask for and the simulation was not told.
    fn missing(&self) -> Vec<String> {
        let told = |key: &str| {
            let is_it = |entry: &ContextEntry| {
                entry.context_key_name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(key))
            };
            self.context.iter().any(is_it) || OF_CALLER.iter().any(|known| known.eq_ignore_ascii_case(key))
        };
        let asked = context_keys(self.sources().map(|source| &*source.document));
        asked.into_iter().filter(|key| !told(key)).collect()
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
fn context_keys<'d>(documents: impl Iterator<Item = &'d str>) -> Vec<String> {
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

fn answer(trial: &Trial<'_>, wanted: &Wanted<'_>) -> Result<Outcome<SimulatePolicyResponse>, Refusal> {
    let results = trial.run()?.into_iter().enumerate();
    let page = page(results, |(n, _)| format!("{n:08}"), wanted)?.map(|(_, result)| result);
    let is_truncated = page.is_truncated();
    Outcome::read(SimulatePolicyResponse { evaluation_results: Some(page.items), is_truncated, marker: page.marker })
}

fn caller(text: Option<&str>, fallback: impl FnOnce() -> Caller) -> Result<Caller, Refusal> {
    match text {
        Some(text) => Caller::parse(text).map_err(|_| Refusal::invalid_input(format!("Invalid CallerArn {text}"))),
        None => Ok(fallback()),
    }
}

/// Whoever has the policies and nothing else: no root user, whom policies do not hold.
fn nobody(account: AccountId) -> Caller {
    Caller::parse(&format!("arn:aws:iam::{account}:user/simulated")).expect("this is a user's ARN")
}

fn owner(text: Option<&str>) -> Option<AccountId> {
    let text = text?;
    AccountId::parse(text).ok().or_else(|| AccountId::parse(&Arn::parse(text).ok()?.account).ok())
}

fn resources(arns: Option<&[String]>) -> Vec<String> {
    arns.filter(|arns| !arns.is_empty()).map_or_else(|| vec!["*".to_owned()], <[String]>::to_vec)
}

impl Operation for SimulateCustomPolicy {
    fn needs(at: &At<'_>, _input: &SimulateCustomPolicyRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![need::<Self>(at, "*")])
    }

    fn decide(at: &At<'_>, input: SimulateCustomPolicyRequest) -> Done<Self> {
        let resource = input.resource_policy.map(|document| Source { id: "ResourcePolicy".into(), document });
        let trial = Trial {
            caller: caller(input.caller_arn.as_deref(), || nobody(at.account()))?,
            identity: inputs("PolicyInputList", Some(&input.policy_input_list)),
            boundary: inputs(
                "PermissionsBoundaryPolicyInputList",
                input.permissions_boundary_policy_input_list.as_deref(),
            ),
            resource,
            owner: owner(input.resource_owner.as_deref()),
            actions: &input.action_names,
            resources: resources(input.resource_arns.as_deref()),
            context: input.context_entries.as_deref().unwrap_or_default(),
        };
        answer(&trial, &Wanted { marker: input.marker.as_deref(), max_items: input.max_items })
    }
}

/// The user, group or role of an ARN.
fn principal<'a>(at: &At<'a>, arn: &str) -> Result<&'a Entity, Refusal> {
    let found = at.home().entities.values().find(|entity| entity.arn(at.account()) == *arn);
    found.ok_or_else(|| Refusal::no_such(format!("Principal {arn} cannot be found.")))
}

/// The documents of a user, group or role, and of a user's groups.
fn sources_of(at: &At<'_>, entity: &Entity) -> Vec<Source> {
    let own = |entity: &Entity| {
        let inline = entity.inline.iter().map(|(name, document)| Source {
            id: format!("{}_{}_{name}", entity.sort.word(), entity.name),
            document: document.to_string(),
        });
        let attached = entity.attached.iter().filter_map(|arn| {
            let policy = at.in_force(arn)?;
            Some(Source { id: policy.name.to_owned(), document: policy.document.to_owned() })
        });
        inline.chain(attached).collect::<Vec<_>>()
    };
    let mut sources = own(entity);
    if entity.sort == Sort::User {
        at.home().groups_of(entity).for_each(|group| sources.extend(own(group)));
    }
    sources
}

impl Operation for SimulatePrincipalPolicy {
    fn needs(at: &At<'_>, input: &SimulatePrincipalPolicyRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![need::<Self>(at, input.policy_source_arn.as_str())])
    }

    fn decide(at: &At<'_>, input: SimulatePrincipalPolicyRequest) -> Done<Self> {
        let entity = principal(at, &input.policy_source_arn)?;
        let mut identity = sources_of(at, entity);
        identity.extend(inputs("PolicyInputList", input.policy_input_list.as_deref()));
        let given =
            inputs("PermissionsBoundaryPolicyInputList", input.permissions_boundary_policy_input_list.as_deref());
        let own = entity.boundary.as_deref().and_then(|arn| at.in_force(arn));
        let own = own.map(|policy| Source { id: policy.name.to_owned(), document: policy.document.to_owned() });
        let boundary = if given.is_empty() { own.into_iter().collect() } else { given };
        let fallback = || {
            let parsed = Caller::parse(&entity.arn(at.account())).unwrap_or_else(|_| nobody(at.account()));
            parsed.with_unique_id(&entity.id)
        };
        let trial = Trial {
            caller: caller(input.caller_arn.as_deref(), fallback)?,
            identity,
            boundary,
            resource: input.resource_policy.map(|document| Source { id: "ResourcePolicy".into(), document }),
            owner: owner(input.resource_owner.as_deref()),
            actions: &input.action_names,
            resources: resources(input.resource_arns.as_deref()),
            context: input.context_entries.as_deref().unwrap_or_default(),
        };
        answer(&trial, &Wanted { marker: input.marker.as_deref(), max_items: input.max_items })
    }
}

impl Operation for GetContextKeysForCustomPolicy {
    fn needs(at: &At<'_>, _input: &GetContextKeysForCustomPolicyRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![need::<Self>(at, "*")])
    }

    fn decide(_at: &At<'_>, input: GetContextKeysForCustomPolicyRequest) -> Done<Self> {
        compiled(&inputs("PolicyInputList", Some(&input.policy_input_list)), PolicySort::Identity)?;
        let context_key_names = Some(context_keys(input.policy_input_list.iter().map(String::as_str)));
        Outcome::read(GetContextKeysForPolicyResponse { context_key_names })
    }
}

impl Operation for GetContextKeysForPrincipalPolicy {
    fn needs(at: &At<'_>, input: &GetContextKeysForPrincipalPolicyRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![need::<Self>(at, input.policy_source_arn.as_str())])
    }

    fn decide(at: &At<'_>, input: GetContextKeysForPrincipalPolicyRequest) -> Done<Self> {
        let mut sources = sources_of(at, principal(at, &input.policy_source_arn)?);
        let given = inputs("PolicyInputList", input.policy_input_list.as_deref());
        compiled(&given, PolicySort::Identity)?;
        sources.extend(given);
        let context_key_names = Some(context_keys(sources.iter().map(|source| &*source.document)));
        Outcome::read(GetContextKeysForPolicyResponse { context_key_names })
    }
}
