//! A data protection policy as it is written: every member read, and each that is not known here refused by its name.

use super::Hidden;
use super::audit::Audit;
use super::find::{Custom, Identifier};
use super::managed::Managed;
use super::patterns;
use crate::limits::{CUSTOM_IDENTIFIERS_MAX, CUSTOM_NAME_LEN_MAX, LOG_GROUP_LEN_MAX};
use names::Arn;
use serde_json::{Map, Value};
use std::sync::Arc;

/// What stands before the name of one of AWS's identifiers.
const MANAGED: &str = "arn:aws:dataprotection::aws:data-identifier/";

const VERSION: &str = "2021-06-01";

/// What the names of log groups begin with that other services may write to.
const VENDED: &str = "/aws/vendedlogs/";

/// One statement.
pub(super) struct Statement {
    pub(super) direction: Direction,
    pub(super) principals: Principals,
    pub(super) identifiers: Vec<Identifier>,
    pub(super) action: Action,
}

/// Which way messages go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// They are published.
    Inbound,
    /// They are delivered.
    Outbound,
}

/// Whose messages it is about.
pub(super) enum Principals {
    All,
    Named(Vec<Box<str>>),
}

/// What it does.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Action {
    Deny,
    Hide(Hidden),
    Audit(Audit),
}

type Object = Map<String, Value>;

/// Where a policy comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// From a request: expressions are compiled to see whether they are some.
    Request,
    /// From the log, as a request had it. Expressions are compiled when they are needed: a server may have a million.
    Log,
}

/// The statements of a policy; what is wrong with it.
pub(super) fn parse(text: &str, source: Source) -> Result<Vec<Statement>, String> {
    let Ok(Value::Object(policy)) = serde_json::from_str(text) else {
        return Err("it is no JSON object".to_owned());
    };
    only(&policy, "the policy", &["Name", "Description", "Version", "Statement", "Configuration"])?;
    text_of(&policy, "Name").filter(|name| !name.is_empty()).ok_or("Name is required")?;
    if policy.get("Description").is_some_and(|description| !description.is_string()) {
        return Err("Description must be a text".to_owned());
    }
    if text_of(&policy, "Version") != Some(VERSION) {
        return Err(format!("Version must be {VERSION}"));
    }
    let customs = policy.get("Configuration").map_or(Ok(Vec::new()), |given| customs(given, source))?;
    let statements = policy.get("Statement").and_then(Value::as_array).filter(|all| !all.is_empty());
    let statements = statements.ok_or("Statement must be a list of at least one statement")?;
    let statements: Vec<Statement> = statements.iter().map(|one| statement(one, &customs)).collect::<Result<_, _>>()?;
    match statements.iter().filter(|one| matches!(one.action, Action::Audit(_))).count() {
        0 | 1 => Ok(statements),
        _ => Err("a policy has one statement with Audit at the most".to_owned()),
    }
}

fn only(object: &Object, of: &str, known: &[&str]) -> Result<(), String> {
    match object.keys().find(|name| !known.contains(&name.as_str())) {
        Some(other) => Err(format!("{of} has a member {other}, which this version of tidewire does not act on")),
        None => Ok(()),
    }
}

fn text_of<'a>(object: &'a Object, name: &str) -> Option<&'a str> {
    object.get(name).and_then(Value::as_str)
}

/// The identifiers that a policy brings along.
fn customs(configuration: &Value, source: Source) -> Result<Vec<Arc<Custom>>, String> {
    let configuration = configuration.as_object().ok_or("Configuration must be an object")?;
    only(configuration, "Configuration", &["CustomDataIdentifier"])?;
    let Some(listed) = configuration.get("CustomDataIdentifier") else { return Ok(Vec::new()) };
    let listed = listed.as_array().ok_or("CustomDataIdentifier must be a list")?;
    if listed.len() > CUSTOM_IDENTIFIERS_MAX {
        return Err(format!("a policy has {CUSTOM_IDENTIFIERS_MAX} custom data identifiers at the most"));
    }
    let mut customs: Vec<Arc<Custom>> = Vec::with_capacity(listed.len());
    for one in listed {
        let one = custom(one, source)?;
        if customs.iter().any(|known| known.name == one.name) {
            return Err(format!("the custom data identifier {} is there twice", one.name));
        }
        customs.push(Arc::new(one));
    }
    Ok(customs)
}

fn custom(one: &Value, source: Source) -> Result<Custom, String> {
    let one = one.as_object().ok_or("a custom data identifier must be an object")?;
    only(one, "a custom data identifier", &["Name", "Regex"])?;
    let name = text_of(one, "Name").unwrap_or_default();
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if !(1..=CUSTOM_NAME_LEN_MAX).contains(&name.len()) || !name.bytes().all(legal) {
        return Err(format!(
            "the Name of a custom data identifier has 1 to {CUSTOM_NAME_LEN_MAX} letters, digits, underscores and hyphens"
        ));
    }
    if Managed::named(name).is_some() {
        return Err(format!("a custom data identifier may not have the name {name} of a managed one"));
    }
    let given = text_of(one, "Regex").unwrap_or_default();
    let pattern = match source {
        Source::Request => patterns::checked(given),
        Source::Log => Ok(patterns::with_ascii_classes(given).into()),
    };
    let pattern = pattern.map_err(|why| format!("the Regex of the custom data identifier {name}: {why}"))?;
    Ok(Custom { name: name.into(), pattern })
}

fn statement(one: &Value, customs: &[Arc<Custom>]) -> Result<Statement, String> {
    let one = one.as_object().ok_or("a statement must be an object")?;
    only(one, "a statement", &["Sid", "DataDirection", "Principal", "DataIdentifier", "Operation"])?;
    if one.get("Sid").is_some_and(|sid| !sid.is_string()) {
        return Err("Sid must be a text".to_owned());
    }
    let direction = match text_of(one, "DataDirection") {
        Some("Inbound") => Direction::Inbound,
        Some("Outbound") => Direction::Outbound,
        _ => return Err("DataDirection must be Inbound or Outbound".to_owned()),
    };
    let action = action(one.get("Operation"))?;
    // "This operation is available for inbound messages only"; "samples topic inbound messages".
    if direction == Direction::Outbound && action != Action::Deny {
        return Err("Deidentify and Audit are for DataDirection Inbound alone".to_owned());
    }
    let listed = one.get("DataIdentifier").and_then(Value::as_array).filter(|all| !all.is_empty());
    let listed = listed.ok_or("DataIdentifier must be a list of at least one data identifier")?;
    Ok(Statement {
        direction,
        principals: principals(one.get("Principal"))?,
        identifiers: listed.iter().map(|one| identifier(one, customs)).collect::<Result<_, _>>()?,
        action,
    })
}

fn later(what: &str) -> String {
    format!("this version of tidewire does not act on {what}")
}

fn principals(given: Option<&Value>) -> Result<Principals, String> {
    let wrong = || "Principal must be a list of ARNs, or of \"*\" alone".to_owned();
    let named: Vec<&str> = match given {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(all)) => all.iter().map(Value::as_str).collect::<Option<_>>().ok_or_else(wrong)?,
        _ => return Err(wrong()),
    };
    match named[..] {
        ["*"] => Ok(Principals::All),
        [] => Err(wrong()),
        _ if named.iter().any(|name| Arn::parse(name).is_err()) => Err(wrong()),
        _ => Ok(Principals::Named(named.into_iter().map(Into::into).collect())),
    }
}

fn identifier(given: &Value, customs: &[Arc<Custom>]) -> Result<Identifier, String> {
    let given = given.as_str().ok_or("a data identifier must be a text")?;
    if let Some(name) = given.strip_prefix(MANAGED) {
        return Managed::named(name)
            .map(Identifier::Managed)
            .ok_or_else(|| format!("this version of tidewire does not detect the data identifier {name}"));
    }
    let custom = customs.iter().find(|custom| *custom.name == *given);
    custom
        .map(|custom| Identifier::Custom(Arc::clone(custom)))
        .ok_or_else(|| format!("there is no data identifier {given}"))
}

fn action(given: Option<&Value>) -> Result<Action, String> {
    const ONE: &str = "Operation must be one of Audit, Deidentify and Deny";
    let operation = given.and_then(Value::as_object).filter(|operation| operation.len() == 1).ok_or(ONE)?;
    let (name, how) = operation.iter().next().ok_or(ONE)?;
    let how = how.as_object().ok_or_else(|| format!("{name} must be an object"))?;
    match name.as_str() {
        "Deny" => only(how, "Deny", &[]).map(|()| Action::Deny),
        "Deidentify" => hidden(how).map(Action::Hide),
        "Audit" => audit(how).map(Action::Audit),
        _ => Err(ONE.to_owned()),
    }
}

fn audit(how: &Object) -> Result<Audit, String> {
    only(how, "Audit", &["SampleRate", "FindingsDestination", "NoFindingsDestination"])?;
    let sample_rate = match how.get("SampleRate") {
        Some(Value::String(text)) => text.parse::<u8>().ok(),
        Some(Value::Number(number)) => number.as_u64().and_then(|number| u8::try_from(number).ok()),
        _ => None,
    };
    let sample_rate = sample_rate.filter(|rate| *rate < 100).ok_or("SampleRate must be an integer from 0 to 99")?;
    let named = ["FindingsDestination", "NoFindingsDestination"];
    if named.iter().all(|name| how.get(*name).is_none()) {
        return Err("Audit must have a FindingsDestination or a NoFindingsDestination".to_owned());
    }
    let [findings, no_findings] = named.map(|name| how.get(name).map_or(Ok(None), |it| log_group(name, it)));
    Ok(Audit { sample_rate, findings: findings?, no_findings: no_findings? })
}

/// The log group of a destination; none where it names nothing, and messages are counted alone.
fn log_group(name: &str, destination: &Value) -> Result<Option<Box<str>>, String> {
    let destination = destination.as_object().ok_or_else(|| format!("{name} must be an object"))?;
    if let Some(other) = ["Firehose", "S3"].into_iter().find(|other| destination.contains_key(*other)) {
        return Err(later(&format!("the destination {other} of {name}, which it cannot write to")));
    }
    only(destination, name, &["CloudWatchLogs"])?;
    let Some(logs) = destination.get("CloudWatchLogs") else { return Ok(None) };
    let logs = logs.as_object().ok_or("CloudWatchLogs must be an object")?;
    only(logs, "CloudWatchLogs", &["LogGroup"])?;
    let legal = |one: char| one.is_ascii_alphanumeric() || "_-/.#".contains(one);
    let group = text_of(logs, "LogGroup").filter(|group| group.len() <= LOG_GROUP_LEN_MAX && group.chars().all(legal));
    let group = group.filter(|group| group.strip_prefix(VENDED).is_some_and(|rest| !rest.is_empty()));
    group
        .map(|group| Some(group.into()))
        .ok_or_else(|| format!("LogGroup must be the name of a log group that begins with {VENDED}"))
}

fn hidden(how: &Object) -> Result<Hidden, String> {
    const ONE: &str = "Deidentify must have one of MaskConfig and RedactConfig";
    only(how, "Deidentify", &["MaskConfig", "RedactConfig"])?;
    match (how.get("MaskConfig").map(Value::as_object), how.get("RedactConfig").map(Value::as_object)) {
        (Some(Some(mask)), None) => {
            only(mask, "MaskConfig", &["MaskWithCharacter"])?;
            let mut with = text_of(mask, "MaskWithCharacter").unwrap_or_default().chars();
            match (with.next(), with.next()) {
                (Some(one), None) if one.is_ascii_graphic() || one == ' ' => Ok(Hidden::Masked(one)),
                _ => Err("MaskWithCharacter must be one printable character of ASCII".to_owned()),
            }
        }
        (None, Some(Some(redact))) => only(redact, "RedactConfig", &[]).map(|()| Hidden::Gone),
        _ => Err(ONE.to_owned()),
    }
}
