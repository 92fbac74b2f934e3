//! Random policies and requests with our verdict on each, one line of JSON a case, for `clients/policy-oracle`.
//!
//! `policy_cases SEED FIRST COUNT`: case number N of a seed is always the same. `policy_cases -` reads cases from standard
//! input instead, one a line, to make a difference smaller by hand. A case has the shape that the oracle's
//! program takes, beside it the verdict in its words and the statement or sort of policy that decided.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a program of the tests: its output is the cases")]

mod conditions;
mod draw;
mod statements;

use access::{
    Action, Applicable, Caller, Context, Decision, Denial, Gate, Grant, Policy, Request, Sort, Verdict, authorize,
};
use draw::{Draw, MANY_VALUED};
use names::AccountId;
use serde_json::{Value, json};
use std::sync::Arc;

fn main() {
    if std::env::args().nth(1).as_deref() == Some("-") {
        return std::io::stdin().lines().for_each(|line| {
            let (verdict, because) = decide(&serde_json::from_str(&line.unwrap()).unwrap());
            println!("{}", json!({ "verdict": verdict, "because": because }));
        });
    }
    let number = |place: usize| std::env::args().nth(place).and_then(|text| text.parse::<u64>().ok());
    let (Some(seed), Some(first), Some(count)) = (number(1), number(2), number(3)) else {
        panic!("policy_cases SEED FIRST COUNT");
    };
    for case in first..first + count {
        let mut draw = Draw::new(seed, case);
        let simulation = draw.simulation();
        let (verdict, because) = decide(&simulation);
        println!("{}", json!({ "case": case, "simulation": simulation, "verdict": verdict, "because": because }));
    }
}

fn decide(simulation: &Value) -> (&'static str, Value) {
    let asked = &simulation["request"];
    let (caller, action) = (caller(&asked["principal"]), Action::new(asked["action"].as_str().unwrap()));
    let resource = asked["resource"]["resource"].as_str().unwrap();
    let context = context(&asked["contextVariables"]);
    let gate = Gate::before(resource, &action);
    let request = Request {
        caller: &caller,
        action: &action,
        resource,
        resource_account: AccountId::parse(asked["resource"]["accountId"].as_str().unwrap()).ok(),
        context: &context,
        gate,
    };
    let named = |list: &Value, sort| policies(list.as_array().map(Vec::as_slice).unwrap_or_default(), sort);
    let levels = |list: &Value, sort| -> Vec<Vec<Arc<Policy>>> {
        list.as_array().unwrap().iter().map(|level| named(&level["policies"], sort)).collect()
    };
    let single = |document: &Value, sort| (!document.is_null()).then(|| policy("p", document, sort));
    let identity = named(&simulation["identityPolicies"], Sort::Identity);
    let boundary = named(&simulation["permissionBoundaryPolicies"], Sort::Identity);
    let session = single(&simulation["sessionPolicy"], Sort::Identity).map(|policy| vec![policy]);
    let trust = if gate == Gate::TrustPolicy { Sort::Trust } else { Sort::Resource };
    let resource_policy = single(&simulation["resourcePolicy"], trust);
    let service_control = levels(&simulation["serviceControlPolicies"], Sort::ServiceControl);
    let resource_control = levels(&simulation["resourceControlPolicies"], Sort::ResourceControl).concat();
    let applicable = Applicable {
        identity: &identity,
        boundary: boundary.first().map(|policy| &**policy),
        session: session.as_deref(),
        resource: resource_policy.as_deref(),
        service_control: &service_control,
        resource_control: &resource_control,
    };
    match authorize(&request, &applicable) {
        Decision::Allowed(Grant::Root) => ("Allowed", json!({ "layer": "root" })),
        Decision::Allowed(Grant::By(verdict)) => ("Allowed", because(&verdict)),
        Decision::Denied(Denial::Explicit(verdict)) => ("ExplicitlyDenied", because(&verdict)),
        Decision::Denied(Denial::Implicit(layer)) => ("ImplicitlyDenied", json!({ "layer": layer.words() })),
    }
}

fn because(verdict: &Verdict<'_>) -> Value {
    json!({ "layer": verdict.layer.words(), "policy": verdict.policy.name(), "statement": verdict.statement })
}

fn caller(principal: &Value) -> Caller {
    principal.as_str().map_or_else(Caller::anonymous, |name| Caller::parse(name).unwrap())
}

/// Only what the case says: what the caller itself says would be ours, and the oracle does not add it.
fn context(variables: &Value) -> Context<'_> {
    let mut context = Context::new();
    for (key, value) in variables.as_object().unwrap() {
        let lower = key.to_lowercase();
        match value {
            Value::Array(values) => context.set_many(key, values.iter().map(|value| value.as_str().unwrap())),
            _ => context.set(key, value.as_str().unwrap()),
        }
        assert_eq!(value.is_array(), MANY_VALUED.iter().any(|many| many.to_lowercase() == lower), "{key}");
    }
    context
}

fn policies(list: &[Value], sort: Sort) -> Vec<Arc<Policy>> {
    list.iter().map(|named| policy(named["name"].as_str().unwrap(), &named["policy"], sort)).collect()
}

fn policy(name: &str, document: &Value, sort: Sort) -> Arc<Policy> {
    let text = document.to_string();
    Arc::new(Policy::parse(name, &text, sort).unwrap_or_else(|why| panic!("{text}: {why}")))
}
