//! `tidewire policy simulate`: may X do Y on Z, and why; from policies in files, without a server.
//!
//! Exit codes: 0 they may, 1 they may not, 2 it could not be decided: a file is missing or is no policy, or a name is none.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the answer is what this command prints")]

use crate::organization;
use access::{Action, Applicable, Caller, Context, Decision, Gate, Grant, Policy, Request, Sort, Verdict, authorize};
use clap::{Arg, ArgAction, ArgMatches, Command};
use names::{AccountId, Arn};
use serde_json::{Value, json};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

const DENIED: u8 = 1;
const NOT_DECIDED: u8 = 2;

/// What the command line says.
#[derive(Debug, Clone)]
pub(crate) struct Simulate {
    caller: Caller,
    /// The role of the caller, where it is a session and its own ARN does not tell.
    role: Option<String>,
    action: String,
    resource: String,
    resource_account: Option<AccountId>,
    context: Vec<(String, Vec<String>)>,
    identity: Vec<String>,
    boundary: Option<String>,
    session: Vec<String>,
    resource_policy: Option<String>,
    trust_policy: Option<String>,
    service_control: Vec<String>,
    resource_control: Vec<String>,
    organization: Option<String>,
    json: bool,
}

/// `policy simulate` as clap knows it.
pub(crate) fn command() -> Command {
    let one = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help).action(ArgAction::Set)
    };
    let many = |name, value, help| one(name, value, help).action(ArgAction::Append);
    let simulate = Command::new("simulate")
        .about("Say whether a caller may do something, and which statement of which policy decides")
        .after_help("Exit codes: 0 allowed, 1 denied, 2 not decided.")
        .arg(
            one("principal", "ARN", "Who: an ARN, a service such as s3.amazonaws.com, or `anonymous`")
                .required(true)
                .value_parser(Caller::parse),
        )
        .arg(one("role-arn", "ARN", "The role of a session, if it has a path"))
        .arg(one("action", "ACTION", "What, e.g. sqs:SendMessage").required(true))
        .arg(one("resource", "ARN", "To what; without it, *").default_value("*"))
        .arg(
            one("resource-account", "ID", "Whose the resource is, if its ARN does not say")
                .value_parser(AccountId::parse),
        )
        .arg(many("context", "KEY=VALUE", "A condition key; several values are divided by commas").value_parser(pair))
        .arg(many("identity-policy", "FILE", "A policy of the caller, its groups or its role"))
        .arg(one("boundary", "FILE", "The caller's permissions boundary"))
        .arg(many("session-policy", "FILE", "A policy handed over with the session"))
        .arg(one("resource-policy", "FILE", "The policy of the resource").conflicts_with("trust-policy"))
        .arg(one("trust-policy", "FILE", "The trust policy of the role that is the resource"))
        .arg(many("scp", "FILE[,FILE]", "The service control policies of one level of the caller's organization"))
        .arg(many("rcp", "FILE", "A resource control policy of the resource's organization"))
        .arg(
            one("organization", "FILE", "What stands over accounts, as the server's setting of this name has it")
                .conflicts_with_all(["scp", "rcp"]),
        )
        .arg(one("output", "FORM", "How it is printed").default_value("text").value_parser(["text", "json"]));
    Command::new("policy").about("Work with access policies").subcommand_required(true).subcommand(simulate)
}

fn pair(text: &str) -> Result<(String, Vec<String>), String> {
    let (key, values) = text.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or("KEY=VALUE is wanted")?;
    Ok((key.to_owned(), values.split(',').map(str::to_owned).collect()))
}

/// Reads what clap has found under `policy`.
pub(crate) fn words(matches: &ArgMatches) -> Simulate {
    let (_, matches) = matches.subcommand().expect("clap demands a command under policy");
    let one = |name: &str| matches.get_one::<String>(name).cloned();
    let many = |name: &str| matches.get_many::<String>(name).into_iter().flatten().cloned().collect();
    let caller = matches.get_one::<Caller>("principal").cloned().expect("clap demands it");
    Simulate {
        caller,
        role: one("role-arn"),
        action: one("action").expect("clap demands it"),
        resource: one("resource").expect("it has a default"),
        resource_account: matches.get_one("resource-account").copied(),
        context: matches.get_many("context").into_iter().flatten().cloned().collect(),
        identity: many("identity-policy"),
        boundary: one("boundary"),
        session: many("session-policy"),
        resource_policy: one("resource-policy"),
        trust_policy: one("trust-policy"),
        service_control: many("scp"),
        resource_control: many("rcp"),
        organization: one("organization"),
        json: one("output").as_deref() == Some("json"),
    }
}

/// Decides and says why.
pub(crate) fn run(words: &Simulate) -> ExitCode {
    match decide(words) {
        Ok(answer) => {
            let shown = if words.json { format!("{:#}", answer.json()) } else { answer.text() };
            println!("{shown}");
            ExitCode::from(if answer.allowed { 0 } else { DENIED })
        }
        Err(why) => {
            eprintln!("tidewire: {why}");
            ExitCode::from(NOT_DECIDED)
        }
    }
}

/// What is printed.
struct Answer {
    allowed: bool,
    /// The statement that decided, if one did.
    statement: Option<Value>,
    /// Why, in a sentence.
    because: String,
}

impl Answer {
    fn text(&self) -> String {
        format!("{}: {}", if self.allowed { "allowed" } else { "denied" }, self.because)
    }

    fn json(&self) -> Value {
        let decision = if self.allowed { "allowed" } else { "denied" };
        json!({ "decision": decision, "because": self.because, "statement": self.statement })
    }
}

fn decide(words: &Simulate) -> Result<Answer, String> {
    let identity = read_all(&words.identity, Sort::Identity)?;
    let boundary = words.boundary.as_deref().map(|file| read(file, Sort::Identity)).transpose()?;
    let session = read_all(&words.session, Sort::Identity)?;
    let resource = match (&words.resource_policy, &words.trust_policy) {
        (Some(file), _) => Some(read(file, Sort::Resource)?),
        (None, Some(file)) => Some(read(file, Sort::Trust)?),
        (None, None) => None,
    };
    let action = Action::new(&words.action);
    let caller = &caller(words)?;
    let owner = words.resource_account.or_else(|| account_of(&words.resource));
    let (service_control, resource_control) = above(words, caller, &action, owner)?;
    let request = Request {
        caller,
        action: &action,
        resource: &words.resource,
        resource_account: owner,
        context: &context(caller, words),
        gate: Gate::before(&words.resource, &action),
    };
    let policies = Applicable {
        identity: &identity,
        boundary: boundary.as_deref(),
        session: (!session.is_empty()).then_some(&session),
        resource: resource.as_deref(),
        service_control: &service_control,
        resource_control: &resource_control,
    };
    Ok(answer(&request, &authorize(&request, &policies)))
}

/// What stands over the caller, level by level, and over what the resource's account has.
type Above = (Vec<Vec<Arc<Policy>>>, Vec<Arc<Policy>>);

fn above(words: &Simulate, caller: &Caller, action: &Action, owner: Option<AccountId>) -> Result<Above, String> {
    if let Some(file) = &words.organization {
        let organization = organization::read(Path::new(file))?;
        let controlled = organization.resource_control(caller, action, owner.or_else(|| caller.account()));
        return Ok((organization.service_control(caller).to_vec(), controlled.to_vec()));
    }
    let level = |files: &String| files.split(',').map(|file| read(file, Sort::ServiceControl)).collect();
    let service_control = words.service_control.iter().map(level).collect::<Result<_, String>>()?;
    Ok((service_control, read_all(&words.resource_control, Sort::ResourceControl)?))
}

/// Who asks. A role beside anybody but a session would be left out silently, so it is an error.
fn caller(words: &Simulate) -> Result<Caller, String> {
    let name = words.caller.name();
    match &words.role {
        Some(role) => Caller::session(name, role)
            .map_err(|_| format!("--role-arn names the role of a session, and {name} is none")),
        None => Ok(words.caller.clone()),
    }
}

/// What is known of the caller, and over it what the command line says.
fn context<'w>(caller: &'w Caller, words: &'w Simulate) -> Context<'w> {
    let mut context = Context::of(caller);
    for (key, values) in &words.context {
        match values.as_slice() {
            [value] if !is_of_many(key) => context.set(key, value.as_str()),
            values => context.set_many(key, values.iter().map(String::as_str)),
        }
    }
    context
}

/// The global keys that have many values by their nature, even where they have one.
fn is_of_many(key: &str) -> bool {
    let many = ["aws:tagkeys", "aws:principalorgpaths", "aws:resourceorgpaths", "aws:principalservicenameslist"];
    many.iter().any(|known| key.eq_ignore_ascii_case(known))
}

fn account_of(resource: &str) -> Option<AccountId> {
    AccountId::parse(&Arn::parse(resource).ok()?.account).ok()
}

fn answer(request: &Request<'_>, decision: &Decision<'_>) -> Answer {
    let of = |verdict: &Verdict<'_>| {
        let Verdict { layer, policy, statement } = verdict;
        let place = json!({
            "policyType": layer.words(), "policy": policy.name(), "index": statement, "sid": verdict.sid(),
        });
        (Some(place), verdict.to_string())
    };
    let (statement, because) = match decision {
        Decision::Allowed(Grant::By(verdict)) => of(verdict),
        Decision::Allowed(Grant::Root) => (None, "a root user may do everything in its account".to_owned()),
        Decision::Denied(denial) => {
            let sentence = denial.sentence(request);
            match denial {
                access::Denial::Explicit(verdict) => {
                    let (statement, place) = of(verdict);
                    (statement, format!("{sentence}\n  by {place}"))
                }
                access::Denial::Implicit(_) => (None, sentence),
            }
        }
    };
    Answer { allowed: decision.is_allowed(), statement, because }
}

fn read_all(files: &[String], sort: Sort) -> Result<Vec<Arc<Policy>>, String> {
    files.iter().map(|file| read(file, sort)).collect()
}

fn read(file: &str, sort: Sort) -> Result<Arc<Policy>, String> {
    let text = std::fs::read_to_string(Path::new(file)).map_err(|error| format!("{file}: {error}"))?;
    let policy = Policy::parse(file, &text, sort).map_err(|why| format!("{file}: MalformedPolicyDocument: {why}"))?;
    Ok(Arc::new(policy))
}
