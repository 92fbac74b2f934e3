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
    OrderedOrganizationPolicyType, SimulateCustomPolicyRequest, SimulatePolicyResponse, SimulatePrincipalPolicyRequest,
};
use crate::at::At;
use crate::exclusions::Exclusions;
use crate::refusal::Refusal;
use crate::service::{Inner, input};
use crate::state::{Entity, Owner, Sort};
use crate::trial::{Above, Source, Trial, compiled, context_keys};
use access::{Caller as Principal, Sort as PolicySort};
use gateway::{Answer, Answered, Caller, Need, Prepared, Refused, Unprepared};
use names::{AccountId, Arn};
use std::sync::Arc;
use wire::{Reader, Write};

/// An operation that copies something out of the state, and makes its answer of the copy: that may take long, and shall keep
/// nobody waiting who wants the state.
pub(crate) trait Study: wire::Operation<Input: Write, Output: 'static> {
    /// What it takes with it.
    type Copy: Send + 'static;

    /// What must be allowed.
    fn needs(at: &At<'_>, input: &Self::Input) -> Result<Vec<Need>, Refusal>;

    /// Takes it.
    fn copy(at: &At<'_>, input: Self::Input) -> Result<Self::Copy, Refusal>;

    /// What comes of it.
    fn conclude(copy: Self::Copy) -> Result<Self::Output, Refusal>;
}

struct Call<S: Study> {
    service: Arc<Inner>,
    input: S::Input,
}

/// Reads the input of a study.
pub(crate) fn prepare_study<S: Study + 'static>(
    service: &Arc<Inner>,
    reader: &mut dyn Reader,
) -> Result<Box<dyn Prepared>, Unprepared> {
    let input = input::<S::Input>(reader)?;
    Ok(Box::new(Call::<S> { service: Arc::clone(service), input }))
}

impl<S: Study + 'static> Prepared for Call<S> {
    fn needs(&self, caller: &Caller) -> Result<Vec<Need>, Refused> {
        self.service.needs(caller, S::SHAPE, |at| S::needs(at, &self.input))
    }

    fn call(self: Box<Self>, caller: Caller) -> Answer {
        Box::pin(async move {
            let Self { service, input } = *self;
            let copy = service.read(caller, move |at| S::copy(at, input)).await?;
            Ok(Answered::whole(S::conclude(copy)?))
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
fn nobody(owner: Owner) -> Principal {
    Principal::parse(&owner.arn("iam", format_args!("user/simulated"))).expect("this is a user's ARN")
}

fn owner(text: Option<&str>) -> Option<AccountId> {
    let text = text?;
    AccountId::parse(text).ok().or_else(|| AccountId::parse(&Arn::parse(text).ok()?.account).ok())
}

fn resources(arns: Option<Vec<String>>) -> Vec<String> {
    arns.filter(|arns| !arns.is_empty()).unwrap_or_else(|| vec!["*".to_owned()])
}

/// Scenarios of EC2 say which resources have to be there; none of them is simulated here.
fn check_handling(option: Option<&str>) -> Result<(), Refusal> {
    match option {
        None => Ok(()),
        Some(option) => Err(Refusal::invalid_input(format!(
            "ResourceHandlingOption {option} is not supported: this server simulates no scenarios of EC2."
        ))),
    }
}

/// Service control policies that are handed in, level by level; else what the server has over accounts.
fn above(at: &At<'_>, given: Option<Vec<OrderedOrganizationPolicyType>>, excluded: &Exclusions) -> Above {
    let level = |(level, n): (OrderedOrganizationPolicyType, i32)| {
        inputs(&format!("OrderedOrganizationPolicyInputList.{n}"), level.service_control_policy_input_list.as_deref())
    };
    match (given.filter(|levels| !levels.is_empty()), at.caller.organization()) {
        (Some(levels), _) => Above::Given(levels.into_iter().zip(1..).map(level).collect()),
        (None, Some(organization)) => Above::Configured {
            organization: Arc::clone(organization),
            has_service_control: !excluded.has_service_control(),
            account: at.account(),
        },
        (None, None) => Above::Nothing,
    }
}

fn resource_policy(document: Option<String>) -> Option<Source> {
    document.map(|document| Source { id: "ResourcePolicy".into(), document })
}

impl Study for SimulateCustomPolicy {
    type Copy = Trial;

    fn needs(at: &At<'_>, _input: &SimulateCustomPolicyRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![need::<Self>(at, "*")])
    }

    fn copy(at: &At<'_>, input: SimulateCustomPolicyRequest) -> Result<Trial, Refusal> {
        check_handling(input.resource_handling_option.as_deref())?;
        Ok(Trial {
            caller: caller(input.caller_arn.as_deref(), || nobody(at.owner()))?,
            identity: inputs("PolicyInputList", Some(&input.policy_input_list)),
            boundary: boundary(input.permissions_boundary_policy_input_list.as_deref())?,
            resource: resource_policy(input.resource_policy),
            above: above(at, input.ordered_organization_policy_input_list, &Exclusions::default()),
            owner: owner(input.resource_owner.as_deref()),
            actions: input.action_names,
            resources: resources(input.resource_arns),
            context: input.context_entries.unwrap_or_default(),
            marker: input.marker,
            max_items: input.max_items,
        })
    }

    fn conclude(trial: Trial) -> Result<SimulatePolicyResponse, Refusal> {
        trial.run()
    }
}

/// The user, group or role of an ARN: found by sort and name, and to be of the right path too.
fn principal<'a>(at: &At<'a>, arn: &str) -> Result<&'a Entity, Refusal> {
    let named = || {
        let arn = Arn::parse(arn).ok()?;
        let (sort, rest) = arn.resource.split_once('/')?;
        let sort = [Sort::User, Sort::Group, Sort::Role].into_iter().find(|known| known.word() == sort)?;
        at.home().entity(sort, rest.rsplit('/').next()?)
    };
    let found = named().filter(|entity| entity.arn(at.owner()) == *arn);
    found.ok_or_else(|| Refusal::no_such(format!("Principal {arn} cannot be found.")))
}

/// The documents of a user, group or role, and of a user's groups, but for those that are left out.
fn sources_of(at: &At<'_>, entity: &Entity, excluded: &Exclusions) -> Vec<Source> {
    let own = |entity: &Entity| {
        let inline = entity.inline.iter().filter(|(name, _)| !excluded.has_inline(entity, name));
        let inline = inline.map(|(name, document)| Source {
            id: format!("{}_{}_{name}", entity.sort.word(), entity.name),
            document: document.to_string(),
        });
        let attached = entity.attached.iter().filter(|arn| !excluded.has_managed(arn)).filter_map(|arn| {
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

impl Study for SimulatePrincipalPolicy {
    type Copy = Trial;

    fn needs(at: &At<'_>, input: &SimulatePrincipalPolicyRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![need_of_principal::<Self>(at, &input.policy_source_arn)])
    }

    fn copy(at: &At<'_>, input: SimulatePrincipalPolicyRequest) -> Result<Trial, Refusal> {
        check_handling(input.resource_handling_option.as_deref())?;
        let entity = principal(at, &input.policy_source_arn)?;
        let excluded = Exclusions::read(input.policy_exclusion_list.unwrap_or_default())?;
        let mut identity = sources_of(at, entity, &excluded);
        identity.extend(inputs("PolicyInputList", input.policy_input_list.as_deref()));
        let given = boundary(input.permissions_boundary_policy_input_list.as_deref())?;
        let own = entity.boundary.as_deref().filter(|_| !excluded.has_boundary()).and_then(|arn| at.in_force(arn));
        let own = own.map(|policy| Source { id: policy.name.to_owned(), document: policy.document.to_owned() });
        let fallback = || {
            let parsed = Principal::parse(&entity.arn(at.owner())).unwrap_or_else(|_| nobody(at.owner()));
            parsed.with_unique_id(&entity.id)
        };
        Ok(Trial {
            caller: caller(input.caller_arn.as_deref(), fallback)?,
            identity,
            boundary: given.or(own),
            resource: resource_policy(input.resource_policy),
            above: above(at, None, &excluded),
            owner: owner(input.resource_owner.as_deref()),
            actions: input.action_names,
            resources: resources(input.resource_arns),
            context: input.context_entries.unwrap_or_default(),
            marker: input.marker,
            max_items: input.max_items,
        })
    }

    fn conclude(trial: Trial) -> Result<SimulatePolicyResponse, Refusal> {
        trial.run()
    }
}

/// Documents have to be policies, also where nothing is decided by them.
fn check(sources: &[Source]) -> Result<(), Refusal> {
    sources.iter().try_for_each(|source| compiled(source, PolicySort::Identity).map(drop))
}

/// What documents are asked for context keys: those that were given have to be policies.
pub(crate) struct Asked {
    given: Vec<Source>,
    own: Vec<Source>,
}

impl Asked {
    fn keys(&self) -> Result<GetContextKeysForPolicyResponse, Refusal> {
        check(&self.given)?;
        let all = self.own.iter().chain(&self.given).map(|source| &*source.document);
        Ok(GetContextKeysForPolicyResponse { context_key_names: Some(context_keys(all)) })
    }
}

impl Study for GetContextKeysForCustomPolicy {
    type Copy = Asked;

    fn needs(at: &At<'_>, _input: &GetContextKeysForCustomPolicyRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![need::<Self>(at, "*")])
    }

    fn copy(_at: &At<'_>, input: GetContextKeysForCustomPolicyRequest) -> Result<Asked, Refusal> {
        Ok(Asked { given: inputs("PolicyInputList", Some(&input.policy_input_list)), own: Vec::new() })
    }

    fn conclude(asked: Asked) -> Result<GetContextKeysForPolicyResponse, Refusal> {
        asked.keys()
    }
}

impl Study for GetContextKeysForPrincipalPolicy {
    type Copy = Asked;

    fn needs(at: &At<'_>, input: &GetContextKeysForPrincipalPolicyRequest) -> Result<Vec<Need>, Refusal> {
        Ok(vec![need_of_principal::<Self>(at, &input.policy_source_arn)])
    }

    fn copy(at: &At<'_>, input: GetContextKeysForPrincipalPolicyRequest) -> Result<Asked, Refusal> {
        let own = sources_of(at, principal(at, &input.policy_source_arn)?, &Exclusions::default());
        Ok(Asked { given: inputs("PolicyInputList", input.policy_input_list.as_deref()), own })
    }

    fn conclude(asked: Asked) -> Result<GetContextKeysForPolicyResponse, Refusal> {
        asked.keys()
    }
}
