//! `test-filter`: whether a message passes a filter policy, and why: of a policy in a file without a server, of a subscription's own as
//! the server has it. It is the evaluation of `crates/filter`, which deliveries go by.
//!
//! Exit codes: 0 it passes, 1 it does not, 2 it could not be decided: a file is missing, or the policy is none.
#![expect(clippy::print_stdout, reason = "the answer is what this command prints")]

use super::words::{Scope as Asked, TestFilter};
use super::{Session, text_or_file};
use crate::client::{Client, Target};
use crate::config::Config;
use crate::queues::words::Form;
use crate::queues::{Stop, body, message};
use filter::{Alternative, Attribute, Explanation, Filter, Limits, Message, Scope};
use serde_json::{Value, json};
use std::process::ExitCode;

const DOES_NOT_PASS: u8 = 1;

/// What decides: a policy, what it is about, and how many keys it may have.
struct Policy {
    text: String,
    scope: Scope,
    limits: Limits,
}

/// Carries the command out. Without a subscription no server is needed, and whom one would have asked does not matter.
pub(super) fn run(config: &Config, target: Result<Target, String>, form: Form, words: &TestFilter) -> ExitCode {
    let policy = match &words.subscription {
        Some(arn) => target.map_err(Stop::NotBegun).and_then(|target| of_subscription(target, arn)),
        None => given(config, words).map(Some),
    };
    let explained = policy.and_then(|policy| decide(policy, words));
    match explained {
        Ok(explained) => {
            print(&explained, form);
            if explained.passes() { ExitCode::SUCCESS } else { ExitCode::from(DOES_NOT_PASS) }
        }
        // That it could not be decided must not look as if it did not pass.
        Err(Stop::Failed(why)) => Stop::NotBegun(why).told(),
        Err(stop) => stop.told(),
    }
}

/// Why a message passes or not.
enum Explained {
    /// There is no filter.
    All,
    By(Explanation),
}

impl Explained {
    fn passes(&self) -> bool {
        match self {
            Self::All => true,
            Self::By(explanation) => explanation.passes,
        }
    }
}

fn given(config: &Config, words: &TestFilter) -> Result<Policy, Stop> {
    let text = text_or_file(words.policy.as_deref().unwrap_or_default())?;
    let scope = if words.scope == Some(Asked::Body) { Scope::MessageBody } else { Scope::MessageAttributes };
    Ok(Policy { text, scope, limits: Limits { keys_max: config.sns_filter_keys_max } })
}

/// The policy of a subscription, which the server has taken whatever it has.
fn of_subscription(target: Target, arn: &str) -> Result<Option<Policy>, Stop> {
    let asked = async {
        let mut session = Session { client: Client::new(target.clone()), target, form: Form::Json, yes: false };
        session.call("GetSubscriptionAttributes", &json!({ "SubscriptionArn": arn })).await
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Stop::NotBegun(format!("the runtime did not start: {error}")))?;
    let answer = runtime.block_on(asked)?;
    let text = |name: &str| answer["Attributes"][name].as_str();
    let Some(policy) = text("FilterPolicy") else { return Ok(None) };
    let scope = text("FilterPolicyScope").map_or(Ok(Scope::MessageAttributes), Scope::parse);
    let scope = scope.map_err(|refused| Stop::Failed(refused.message()))?;
    Ok(Some(Policy { text: policy.to_owned(), scope, limits: Limits::LIFTED }))
}

fn decide(policy: Option<Policy>, words: &TestFilter) -> Result<Explained, Stop> {
    let Some(Policy { text, scope, limits }) = policy else { return Ok(Explained::All) };
    let compiled = Filter::compile(&text, scope, &limits);
    let compiled = compiled.map_err(|refused| Stop::NotBegun(format!("the filter policy: {}", refused.message())))?;
    let Some(filter) = compiled else { return Ok(Explained::All) };
    let given = message::attributes(&words.beside.attributes)?;
    let attributes: Vec<Attribute<'_>> = given.as_object().into_iter().flatten().map(attribute).collect();
    let body = text_of(words)?;
    Ok(Explained::By(filter.explain(&Message { attributes: &attributes, body: &body })))
}

fn attribute<'a>((name, value): (&'a String, &'a Value)) -> Attribute<'a> {
    Attribute { name, data_type: value["DataType"].as_str().unwrap_or_default(), text: value["StringValue"].as_str() }
}

/// The message's text; one that is not given is empty, since a policy of attributes needs none.
fn text_of(words: &TestFilter) -> Result<String, Stop> {
    match (&words.file, words.message.as_deref()) {
        (Some(file), _) => std::fs::read_to_string(file)
            .map_err(|error| Stop::NotBegun(format!("{} cannot be read: {error}", file.display()))),
        (None, Some(text)) => body(Some(text)),
        (None, None) => Ok(String::new()),
    }
}

fn print(explained: &Explained, form: Form) {
    match (explained, form) {
        (Explained::All, Form::Table) => println!("passes: there is no filter policy"),
        (Explained::By(explanation), Form::Table) => println!("{explanation}"),
        (_, Form::Json) => println!("{:#}", in_json(explained)),
        (_, Form::Ndjson) => println!("{}", in_json(explained)),
    }
}

fn in_json(explained: &Explained) -> Value {
    let Explained::By(explanation) = explained else { return json!({ "passes": true, "filter": false }) };
    let alternative = |alternative: &Alternative| {
        let keys = alternative.keys.iter().map(|key| {
            let rules = key.rules.iter().map(|rule| json!({ "rule": json_of(&rule.rule), "met": rule.is_met, "by": rule.by.as_deref().map(json_of) }));
            json!({
                "key": key.key,
                "holds": key.holds,
                "values": key.values.iter().map(|value| json_of(value)).collect::<Vec<_>>(),
                "rules": rules.collect::<Vec<_>>(),
            })
        });
        json!({ "holds": alternative.holds, "scattered": alternative.is_scattered(), "keys": keys.collect::<Vec<_>>() })
    };
    json!({
        "passes": explanation.passes,
        "filter": true,
        "scope": explanation.scope.name(),
        "readable": explanation.is_readable,
        "alternatives": explanation.alternatives.iter().map(alternative).collect::<Vec<_>>(),
    })
}

/// A text that is JSON, as what it says.
fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| json!(text))
}
