//! From a JSON tree to a compiled policy, checked in the order in which IAM is seen to check.
//!
//! First the syntax of the whole document, then the version, then what the "legacy parsing" refuses, then Sids, actions
//! and resources: so that of several faults the one is named that AWS would name.

use super::condition::Condition;
use super::json::Json;
use super::malformed::Malformed;
use super::operator::Operator;
use super::principals::Principals;
use super::{Effect, Patterns, Policy, Sort, Statement, action, resource};

/// A statement whose syntax is right.
struct Raw<'a> {
    sid: Option<&'a str>,
    effect: &'a str,
    principal: Option<(&'a Json, bool)>,
    actions: Option<(Vec<&'a str>, bool)>,
    resources: Option<(Vec<&'a str>, bool)>,
    conditions: Vec<RawCondition<'a>>,
}

/// An operator, a key, and the values under it.
type RawCondition<'a> = (Operator, &'a str, Vec<String>);

pub(super) fn compile(name: &str, tree: &Json, sort: Sort) -> Result<Policy, Malformed> {
    let members = tree.object().ok_or(Malformed::Syntax)?;
    let (mut version, mut id, mut raws) = (None, None, Vec::new());
    for (key, value) in members {
        match key.as_str() {
            "Version" => version = Some(self::version(value)?),
            "Id" => id = Some(value.text().ok_or(Malformed::Syntax)?),
            "Statement" => {
                for statement in value.items() {
                    raws.push(raw(statement)?);
                }
            }
            _ => return Err(Malformed::Syntax),
        }
    }
    if raws.is_empty() {
        return Err(Malformed::Syntax);
    }
    let variables = version == Some(true);
    if sort == Sort::Identity && !variables {
        return Err(Malformed::Version);
    }
    check(&raws, sort)?;
    let statements = raws.iter().map(|raw| statement(raw, variables)).collect::<Result<Box<[Statement]>, _>>()?;
    let asks = statements.iter().any(Statement::asks);
    Ok(Policy { name: name.into(), id: id.map(Into::into), statements, asks, bytes: 0 })
}

/// Whether it is the version that has variables.
fn version(value: &Json) -> Result<bool, Malformed> {
    match value.text() {
        Some("2012-10-17") => Ok(true),
        Some("2008-10-17") => Ok(false),
        _ => Err(Malformed::Syntax),
    }
}

fn raw(statement: &Json) -> Result<Raw<'_>, Malformed> {
    let mut raw =
        Raw { sid: None, effect: "", principal: None, actions: None, resources: None, conditions: Vec::new() };
    for (key, value) in statement.object().ok_or(Malformed::Syntax)? {
        let text = || value.text().ok_or(Malformed::Syntax);
        match key.as_str() {
            "Sid" => raw.sid = Some(text()?),
            "Effect" => raw.effect = text()?,
            "Principal" => once(&mut raw.principal, (value, false))?,
            "NotPrincipal" => once(&mut raw.principal, (value, true))?,
            "Action" => once(&mut raw.actions, (texts(value)?, false))?,
            "NotAction" => once(&mut raw.actions, (texts(value)?, true))?,
            "Resource" => once(&mut raw.resources, (texts(value)?, false))?,
            "NotResource" => once(&mut raw.resources, (texts(value)?, true))?,
            "Condition" => raw.conditions = conditions(value)?,
            _ => return Err(Malformed::Syntax),
        }
    }
    let known = raw.effect.eq_ignore_ascii_case("Allow") || raw.effect.eq_ignore_ascii_case("Deny");
    if known { Ok(raw) } else { Err(Malformed::Syntax) }
}

/// An element and its opposite exclude each other.
fn once<T>(place: &mut Option<T>, value: T) -> Result<(), Malformed> {
    if place.replace(value).is_some() { Err(Malformed::Syntax) } else { Ok(()) }
}

fn texts(value: &Json) -> Result<Vec<&str>, Malformed> {
    value.items().iter().map(|item| item.text().ok_or(Malformed::Syntax)).collect()
}

fn conditions(value: &Json) -> Result<Vec<RawCondition<'_>>, Malformed> {
    let mut all = Vec::new();
    for (name, keys) in value.object().ok_or(Malformed::Syntax)? {
        let keys = keys.object().ok_or(Malformed::Syntax)?;
        // AWS takes an unknown operator with nothing under it.
        let operator = if keys.is_empty() { continue } else { Operator::parse(name).ok_or(Malformed::Syntax)? };
        for (key, values) in keys {
            let values = values.items().iter().map(scalar).collect::<Option<_>>().ok_or(Malformed::Syntax)?;
            all.push((operator, key.as_str(), values));
        }
    }
    Ok(all)
}

/// Numbers and booleans may stand without quotes.
fn scalar(value: &Json) -> Option<String> {
    match value {
        Json::Text(text) | Json::Number(text) => Some(text.clone()),
        Json::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

/// What goes beyond syntax, over all statements before the next check.
fn check(raws: &[Raw<'_>], sort: Sort) -> Result<(), Malformed> {
    for raw in raws {
        check_legacy(raw)?;
    }
    check_sids(raws, sort)?;
    for raw in raws {
        if raw.actions.as_ref().is_none_or(|(actions, _)| actions.is_empty()) {
            return Err(Malformed::NoActions);
        }
        check_resources_given(raw, sort)?;
        check_principal(raw, sort)?;
    }
    for raw in raws {
        let (resources, _) = raw.resources.as_ref().map_or((&[][..], false), |(list, not)| (list, *not));
        for resource in resources.iter().filter(|_| sort == Sort::Identity) {
            resource::check(resource)?;
        }
        for action in raw.actions.iter().flat_map(|(actions, _)| actions) {
            action::check(action)?;
            let assuming = ["sts:assumerole", "sts:tagsession", "sts:setsourceidentity", "sts:setcontext"];
            let folded = action.to_lowercase();
            if sort == Sort::Trust && !assuming.iter().any(|known| folded.starts_with(known)) && folded != "sts:*" {
                return Err(Malformed::TrustAction);
            }
        }
    }
    Ok(())
}

/// Effects are compared by case here, and dates have to be dates.
fn check_legacy(raw: &Raw<'_>) -> Result<(), Malformed> {
    if !matches!(raw.effect, "Allow" | "Deny") {
        return Err(Malformed::LegacyParsing);
    }
    for (operator, key, values) in &raw.conditions {
        Condition::compile(*operator, key, values, false)?;
    }
    Ok(())
}

fn check_sids(raws: &[Raw<'_>], sort: Sort) -> Result<(), Malformed> {
    let mut sids: Vec<&str> = raws.iter().filter_map(|raw| raw.sid).filter(|sid| !sid.is_empty()).collect();
    let plain = |sid: &&str| sid.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if sort == Sort::Identity && !sids.iter().all(plain) {
        return Err(Malformed::SidForm);
    }
    sids.sort_unstable();
    if sids.windows(2).any(|pair| pair[0] == pair[1]) { Err(Malformed::SidTwice) } else { Ok(()) }
}

fn check_resources_given(raw: &Raw<'_>, sort: Sort) -> Result<(), Malformed> {
    let given = raw.resources.as_ref().is_some_and(|(resources, _)| !resources.is_empty());
    match sort {
        Sort::Trust if raw.resources.is_some() => Err(Malformed::Prohibited("Resource")),
        Sort::Trust => Ok(()),
        _ if given => Ok(()),
        _ => Err(Malformed::NoResources),
    }
}

fn check_principal(raw: &Raw<'_>, sort: Sort) -> Result<(), Malformed> {
    match (sort, raw.principal) {
        (Sort::Identity | Sort::ServiceControl, Some(_)) => Err(Malformed::PrincipalForbidden),
        (Sort::Resource | Sort::Trust | Sort::ResourceControl, None) => Err(Malformed::PrincipalMissing),
        (Sort::Trust | Sort::ResourceControl, Some((_, true))) => Err(Malformed::Prohibited("NotPrincipal")),
        _ => Ok(()),
    }
}

fn statement(raw: &Raw<'_>, variables: bool) -> Result<Statement, Malformed> {
    let (actions, not_actions) = raw.actions.as_ref().expect("a statement without actions was refused");
    let resources = raw.resources.as_ref().map_or((vec!["*"], false), Clone::clone);
    let conditions = raw.conditions.iter();
    let conditions = conditions.map(|(operator, key, values)| Condition::compile(*operator, key, values, variables));
    Ok(Statement {
        sid: raw.sid.map(Into::into),
        effect: if raw.effect == "Deny" { Effect::Deny } else { Effect::Allow },
        actions: Patterns {
            patterns: actions.iter().map(|text| action::compile(text)).collect(),
            inverted: *not_actions,
        },
        resources: Patterns {
            patterns: resources.0.iter().map(|text| resource::compile(text, variables)).collect(),
            inverted: resources.1,
        },
        principals: raw.principal.map(|(element, not)| Principals::compile(element, not)).transpose()?,
        conditions: conditions.collect::<Result<_, _>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUEUE: &str = "arn:aws:sqs:us-east-1:111111111111:jobs";

    fn refusal(text: &str, sort: Sort) -> String {
        Policy::parse("p", text, sort).unwrap_err().to_string()
    }

    /// A policy of one statement, with the words put in the place of its elements.
    fn one(statement: &str) -> String {
        format!(r#"{{"Version": "2012-10-17", "Statement": {{{statement}}}}}"#)
    }

    #[test]
    fn one_statement_or_value_may_stand_without_a_list() {
        let alone = r#""Effect": "Allow", "Action": "sqs:*", "Resource": "*""#;
        let policy = Policy::parse("p", &one(alone), Sort::Identity).unwrap();
        let listed = r#"{"Version": "2012-10-17", "Id": "i", "Statement": [
            {"Sid": "A", "Effect": "Allow", "Action": ["sqs:*"], "Resource": ["*"]}]}"#;
        let listed = Policy::parse("p", listed, Sort::Identity).unwrap();
        assert_eq!((listed.id(), listed.statements()[0].sid()), (Some("i"), Some("A")));
        assert_eq!(policy.statements()[0].actions, listed.statements()[0].actions);
    }

    #[test]
    fn an_identitys_policy_is_refused_in_awss_words() {
        let allow = r#""Effect": "Allow", "Action": "sqs:*", "Resource": "*""#;
        let twice =
            format!(r#"{{"Version": "2012-10-17", "Statement": [{{"Sid": "A", {allow}}}, {{"Sid": "A", {allow}}}]}}"#);
        for (text, words) in [
            ("", "Syntax errors in policy."),
            ("[]", "Syntax errors in policy."),
            (r#"{"Version": "2012-10-17"}"#, "Syntax errors in policy."),
            (r#"{"Version": "2012-10-17", "Statement": []}"#, "Syntax errors in policy."),
            (&one(&format!("{allow}, {allow}")), "Syntax errors in policy."),
            (&one(&format!(r#"{allow}, "Extra": "x""#)), "Syntax errors in policy."),
            (&one(&format!(r#"{allow}, "NotAction": "sns:*""#)), "Syntax errors in policy."),
            (&one(&format!(r#"{allow}, "Condition": {{"StringIs": {{"a": "b"}}}}"#)), "Syntax errors in policy."),
            (&one(&format!(r#"{allow}, "Condition": {{"Bool": {{"a": {{}}}}}}"#)), "Syntax errors in policy."),
            (&one(r#""Effect": "Maybe", "Action": "sqs:*", "Resource": "*""#), "Syntax errors in policy."),
            (&one(r#""Effect": "Allow", "Action": 1, "Resource": "*""#), "Syntax errors in policy."),
            (r#"{"Version": "2013-10-17", "Statement": []}"#, "Syntax errors in policy."),
            (&one(allow).replace("2012", "2008"), "Policy document must be version 2012-10-17 or greater."),
            (
                &one(allow).replace(r#""Version": "2012-10-17", "#, ""),
                "Policy document must be version 2012-10-17 or greater.",
            ),
            (&one(r#""Effect": "allow", "Action": "sqs:*", "Resource": "*""#), "The policy failed legacy parsing"),
            (
                &one(&format!(r#"{allow}, "Condition": {{"DateEquals": {{"a": "soon"}}}}"#)),
                "The policy failed legacy parsing",
            ),
            (&twice, "Statement IDs (SID) in a single policy must be unique."),
            (&one(r#""Effect": "Allow", "Action": [], "Resource": "*""#), "Policy statement must contain actions."),
            (&one(r#""Effect": "Allow", "Resource": "*""#), "Policy statement must contain actions."),
            (&one(r#""Effect": "Allow", "Action": "sqs:*""#), "Policy statement must contain resources."),
            (
                &one(r#""Effect": "Allow", "Action": "sqs:*", "Resource": "q""#),
                "Resource q must be in ARN format or \"*\".",
            ),
            (
                &one(r#""Effect": "Allow", "Action": "Send", "Resource": "*""#),
                "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
            ),
            (&one(&format!(r#"{allow}, "Principal": "*""#)), "Policy document should not specify a principal."),
            (&format!("{}{}", one(allow), " ".repeat(40_000)), "The policy is longer than any policy may be."),
        ] {
            assert_eq!(refusal(text, Sort::Identity), words, "{text}");
        }
        assert!(
            refusal(&one(&format!(r#""Sid": "a b", {allow}"#)), Sort::Identity)
                .starts_with("Statement IDs (SID) must be")
        );
    }

    #[test]
    fn a_resources_policy_names_principals_and_may_be_of_either_version() {
        let statement =
            format!(r#""Sid": "a b", "Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": "{QUEUE}""#);
        assert!(Policy::parse("p", &one(&statement), Sort::Resource).is_ok());
        assert!(Policy::parse("p", &one(&statement).replace("2012", "2008"), Sort::Resource).is_ok());
        let without = one(&statement.replace(r#""Principal": "*", "#, ""));
        assert_eq!(refusal(&without, Sort::Resource), "Missing required field Principal");
        let wrong = one(&statement.replace(r#""*""#, r#"{"AWS": "bob"}"#));
        assert_eq!(refusal(&wrong, Sort::Resource), "Invalid principal in policy: \"AWS\":\"bob\"");
    }

    #[test]
    fn a_trust_policy_is_about_assuming_its_role_only() {
        let statement = r#""Effect": "Allow", "Principal": {"AWS": "111111111111"}, "Action": "sts:AssumeRole""#;
        assert!(Policy::parse("p", &one(statement), Sort::Trust).is_ok());
        let with_resource = one(&format!(r#"{statement}, "Resource": "*""#));
        assert_eq!(refusal(&with_resource, Sort::Trust), "Has prohibited field Resource");
        let other = one(&statement.replace("sts:AssumeRole", "sqs:SendMessage"));
        assert_eq!(refusal(&other, Sort::Trust), "AssumeRole policy may only specify STS AssumeRole actions.");
        let inverted = one(&statement.replace("Principal", "NotPrincipal"));
        assert_eq!(refusal(&inverted, Sort::Trust), "Has prohibited field NotPrincipal");
    }

    #[test]
    fn a_policy_tells_whether_it_asks_for_facts() {
        let asks = |statement: &str| Policy::parse("p", &one(statement), Sort::Identity).unwrap().asks();
        let plain = r#""Effect": "Allow", "Action": "sqs:*", "Resource": "arn:aws:sqs:*:*:a-*""#;
        assert!(!asks(plain));
        assert!(asks(&plain.replace("a-*", "${aws:username}-*")));
        assert!(asks(&format!(r#"{plain}, "Condition": {{"Bool": {{"aws:SecureTransport": "true"}}}}"#)));
    }

    #[test]
    fn numbers_and_booleans_may_stand_without_quotes() {
        let statement = r#""Effect": "Allow", "Action": "sqs:*", "Resource": "*",
            "Condition": {"NumericLessThan": {"a": 5}, "Bool": {"b": [true]}, "Whatever": {}}"#;
        assert_eq!(Policy::parse("p", &one(statement), Sort::Identity).unwrap().statements()[0].conditions.len(), 2);
    }
}
