//! SimulateCustomPolicy, SimulatePrincipalPolicy, and the context keys that policies ask for.
//!
//! The same evaluation that decides requests, over policies that are handed in or are a user's, group's or role's (`trial.rs`).
//! Documents are copied out of the state; what is tried with them keeps nobody else waiting.

use super::{entity, need};
use crate::api::iam::operations::{
    GetContextKeysForCustomPolicy, GetContextKeysForPrincipalPolicy, SimulateCustomPolicy, SimulatePrincipalPolicy,
};
use crate::api::iam::{
    GetContextKeysForCustomPolicyRequest, GetContextKeysForPolicyResponse, GetContextKeysForPrincipalPolicyRequest,
    SimulateCustomPolicyRequest, SimulatePolicyResponse, SimulatePrincipalPolicyRequest,
};
use crate::at::{At, Outcome};
use crate::refusal::Refusal;
use crate::service::{Done, Inner, Operation, check_session, input};
use crate::state::{Entity, Sort};
use crate::trial::{Source, Trial, compiled, context_keys};
use access::{Caller as Principal, Sort as PolicySort};
use gateway::{Answer, Answered, Caller, Need, Prepared, Refused, Unprepared};
use names::{AccountId, Arn};
use std::sync::Arc;
use wire::{Reader, Write};

/// A simulation: what it needs, and what is tried.
pub(crate) trait Simulation: wire::Operation<Input: Write, Output = SimulatePolicyResponse> {
    /// What must be allowed.
    fn needs(at: &At<'_>, input: &Self::Input) -> Result<Vec<Need>, Refusal>;

    /// What is tried, with copies of what the state has of it.
    fn trial(at: &At<'_>, input: Self::Input) -> Result<Trial, Refusal>;
}

struct Call<S: Simulation> {
    service: Arc<Inner>,
    input: S::Input,
}

/// Reads the input of a simulation.
pub(crate) fn prepare_simulation<S: Simulation + 'static>(
    service: &Arc<Inner>,
    reader: &mut dyn Reader,
) -> Result<Box<dyn Prepared>, Unprepared> {
    let input = input::<S::Input>(reader)?;
    Ok(Box::new(Call::<S> { service: Arc::clone(service), input }))
}

impl<S: Simulation + 'static> Prepared for Call<S> {
    fn needs(&self, caller: &Caller) -> Result<Vec<Need>, Refused> {
        let needs = self.service.look(caller, |at| {
            check_session(at, S::SHAPE.name)?;
            S::needs(at, &self.input)
        });
        Ok(needs.flatten()?)
    }

    fn call(self: Box<Self>, caller: Caller) -> Answer {
        Box::pin(async move {
            let Self { service, input } = *self;
            let trial = service.read(caller, move |at| S::trial(at, input)).await?;
            Ok(Answered::whole(trial.run()?))
        })
    }
}

fn inputs(name: &str, documents: Option<&[String]>) -> Vec<Source> {
    let numbered = documents.unwrap_or_default().iter().zip(1..);
    numbered.map(|(document, n)| Source { id: format!("{name}.{n}"), document: document.clone() }).collect()
}

/// The boundary that is handed in: one, as whoever is bounded has one (API reference, SimulateCustomPolicy).
fn boundary(documents: Option<&[String]>) -> Result<Option<Source>, Refusal> {
    let mut given = inputs("PermissionsBoundaryPolicyInputList", documents);
    match given.len() {
        0 | 1 => Ok(given.pop()),
        _ => Err(Refusal::invalid_input(
            "Only one permissions boundary can be passed in PermissionsBoundaryPolicyInputList.",
        )),
    }
}

fn caller(text: Option<&str>, fallback: impl FnOnce() -> Principal) -> Result<Principal, Refusal> {
    match text {
        Some(text) => Principal::parse(text).map_err(|_| Refusal::invalid_input(format!("Invalid CallerArn {text}"))),
        None => Ok(fallback()),
    }
}

/// Whoever has the policies and nothing else: no root user, whom policies do not hold.
fn nobody(account: AccountId) -> Principal {
    Principal::parse(&format!("arn:aws:iam::{account}:user/simulated")).expect("this is a user's ARN")
}

fn owner(text: Option<&str>) -> Option<AccountId> {
    let text = text?;
    AccountId::parse(text).ok().or_else(|| AccountId::parse(&Arn::parse(text).ok()?.account).ok())
}

fn resources(arns: Option<Vec<String>>) -> Vec<String> {
    arns.filter(|arns| !arns.is_empty()).unwrap_or_else(|| vec!["*".to_owned()])
}

fn resource_policy(document: Option<String>) -> Option<Source> {
    document.map(|document| Source { id: "ResourcePolicy".into(), document })
}

impl Simulation for SimulateCustomPolicy {
    fn needs(at: &At<'_>, _input: &SimulateCustomPolicyRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![need::<Self>(at, "*")])
    }

    fn trial(at: &At<'_>, input: SimulateCustomPolicyRequest) -> Result<Trial, Refusal> {
        Ok(Trial {
            caller: caller(input.caller_arn.as_deref(), || nobody(at.account()))?,
            identity: inputs("PolicyInputList", Some(&input.policy_input_list)),
            boundary: boundary(input.permissions_boundary_policy_input_list.as_deref())?,
            resource: resource_policy(input.resource_policy),
            owner: owner(input.resource_owner.as_deref()),
            actions: input.action_names,
            resources: resources(input.resource_arns),
            context: input.context_entries.unwrap_or_default(),
            marker: input.marker,
            max_items: input.max_items,
        })
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

/// What operations on the policies of a user, group or role need.
fn need_of_principal<O: wire::Operation>(at: &At<'_>, arn: &str) -> Need {
    match principal(at, arn) {
        Ok(found) => entity::need_of::<O>(at, found.sort, &found.name),
        Err(_) => need::<O>(at, arn.to_owned()),
    }
}

impl Simulation for SimulatePrincipalPolicy {
    fn needs(at: &At<'_>, input: &SimulatePrincipalPolicyRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![need_of_principal::<Self>(at, &input.policy_source_arn)])
    }

    fn trial(at: &At<'_>, input: SimulatePrincipalPolicyRequest) -> Result<Trial, Refusal> {
        let entity = principal(at, &input.policy_source_arn)?;
        let mut identity = sources_of(at, entity);
        identity.extend(inputs("PolicyInputList", input.policy_input_list.as_deref()));
        let given = boundary(input.permissions_boundary_policy_input_list.as_deref())?;
        let own = entity.boundary.as_deref().and_then(|arn| at.in_force(arn));
        let own = own.map(|policy| Source { id: policy.name.to_owned(), document: policy.document.to_owned() });
        let fallback = || {
            let parsed = Principal::parse(&entity.arn(at.account())).unwrap_or_else(|_| nobody(at.account()));
            parsed.with_unique_id(&entity.id)
        };
        Ok(Trial {
            caller: caller(input.caller_arn.as_deref(), fallback)?,
            identity,
            boundary: given.or(own),
            resource: resource_policy(input.resource_policy),
            owner: owner(input.resource_owner.as_deref()),
            actions: input.action_names,
            resources: resources(input.resource_arns),
            context: input.context_entries.unwrap_or_default(),
            marker: input.marker,
            max_items: input.max_items,
        })
    }
}

/// Documents have to be policies, also where nothing is decided by them.
fn check(sources: &[Source]) -> Result<(), Refusal> {
    sources.iter().try_for_each(|source| compiled(source, PolicySort::Identity).map(drop))
}

impl Operation for GetContextKeysForCustomPolicy {
    fn needs(at: &At<'_>, _input: &GetContextKeysForCustomPolicyRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![need::<Self>(at, "*")])
    }

    fn decide(_at: &At<'_>, input: GetContextKeysForCustomPolicyRequest) -> Done<Self> {
        check(&inputs("PolicyInputList", Some(&input.policy_input_list)))?;
        let context_key_names = Some(context_keys(input.policy_input_list.iter().map(String::as_str)));
        Outcome::read(GetContextKeysForPolicyResponse { context_key_names })
    }
}

impl Operation for GetContextKeysForPrincipalPolicy {
    fn needs(at: &At<'_>, input: &GetContextKeysForPrincipalPolicyRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![need_of_principal::<Self>(at, &input.policy_source_arn)])
    }

    fn decide(at: &At<'_>, input: GetContextKeysForPrincipalPolicyRequest) -> Done<Self> {
        let mut sources = sources_of(at, principal(at, &input.policy_source_arn)?);
        let given = inputs("PolicyInputList", input.policy_input_list.as_deref());
        check(&given)?;
        sources.extend(given);
        let context_key_names = Some(context_keys(sources.iter().map(|source| &*source.document)));
        Outcome::read(GetContextKeysForPolicyResponse { context_key_names })
    }
}
