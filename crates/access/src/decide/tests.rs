//! Who may do what, as a table of sentences over one queue, one key and one role.

use super::*;
use crate::caller::Caller;
use crate::context::Context;
use crate::policy::Sort;
use crate::policy::action::Action;
use names::{AccountId, Arn};
use std::sync::Arc;

const USER: &str = "arn:aws:iam::111111111111:user/u";
const ROLE: &str = "arn:aws:iam::111111111111:role/r";
const SESSION: &str = "arn:aws:sts::111111111111:assumed-role/r/s";
const FEDERATED: &str = "arn:aws:sts::111111111111:federated-user/f";
const ROOT: &str = "arn:aws:iam::111111111111:root";
const STRANGER: &str = "arn:aws:iam::222222222222:user/x";
const OTHER_ROOT: &str = "arn:aws:iam::222222222222:root";
const QUEUE: &str = "arn:aws:sqs:us-east-1:111111111111:jobs";
const KEY: &str = "arn:aws:kms:us-east-1:111111111111:key/k";
const TARGET: &str = "arn:aws:iam::111111111111:role/target";
const EVERYBODY: &str = "\"*\"";

/// A case: who asks, what for, and all policies as statements.
#[derive(Default)]
struct Case {
    caller: &'static str,
    resource: &'static str,
    identity: Vec<String>,
    boundary: Option<String>,
    session: Option<String>,
    by_resource: Option<String>,
    service_control: Vec<String>,
    resource_control: Vec<String>,
}

fn case(caller: &'static str) -> Case {
    Case { caller, resource: QUEUE, ..Case::default() }
}

fn grant() -> String {
    r#"{"Effect": "Allow", "Action": "*", "Resource": "*"}"#.into()
}

fn refuse() -> String {
    grant().replace("Allow", "Deny")
}

/// Allows something else.
fn elsewhere() -> String {
    grant().replace(r#""Action": "*""#, r#""Action": "sns:Publish""#)
}

fn to(principal: &str) -> String {
    let principal = if principal == EVERYBODY { principal.into() } else { format!(r#"{{"AWS": "{principal}"}}"#) };
    grant().replacen('{', &format!(r#"{{"Principal": {principal}, "#), 1)
}

fn policy(statement: &str, sort: Sort) -> Arc<Policy> {
    let text = format!(r#"{{"Version": "2012-10-17", "Statement": [{statement}]}}"#);
    Arc::new(Policy::parse("p", &text, sort).unwrap_or_else(|error| panic!("{text}: {error}")))
}

impl Case {
    /// `allowed`, or the reason from the sentence.
    fn answer(&self) -> String {
        let action = Action::new(match self.resource {
            KEY => "kms:Decrypt",
            TARGET => "sts:AssumeRole",
            _ => "sqs:SendMessage",
        });
        let all = |texts: &[String], sort| texts.iter().map(|text| policy(text, sort)).collect::<Vec<_>>();
        let identity = all(&self.identity, Sort::Identity);
        let boundary = self.boundary.as_ref().map(|text| policy(text, Sort::Identity));
        let session = self.session.as_ref().map(|text| vec![policy(text, Sort::Identity)]);
        let trust = self.resource == TARGET;
        let resource = self.by_resource.as_ref().map(|text| match trust {
            true => policy(
                &text.replace(r#", "Resource": "*""#, "").replace(r#""Action": "*""#, r#""Action": "sts:AssumeRole""#),
                Sort::Trust,
            ),
            false => policy(text, Sort::Resource),
        });
        let service_control: Vec<_> =
            self.service_control.iter().map(|text| vec![policy(text, Sort::ServiceControl)]).collect();
        let resource_control = all(&self.resource_control, Sort::ResourceControl);
        let caller = match self.caller {
            "google" => Caller::token_bearer("accounts.google.com"),
            name => Caller::parse(name).unwrap(),
        };
        let account = Arn::parse(self.resource).unwrap().account;
        let request = Request {
            caller: &caller,
            action: &action,
            resource: self.resource,
            resource_account: AccountId::parse(&account).ok(),
            context: &Context::of(&caller),
            gate: Gate::before(self.resource, &action),
        };
        let applicable = Applicable {
            identity: &identity,
            boundary: boundary.as_deref(),
            session: session.as_deref(),
            resource: resource.as_deref(),
            service_control: &service_control,
            resource_control: &resource_control,
        };
        match authorize(&request, &applicable) {
            Decision::Allowed(_) => "allowed".into(),
            Decision::Denied(denial) => {
                let sentence = denial.sentence(&request);
                let start = format!(
                    "User: {} is not authorized to perform: {} on resource: {} ",
                    self.caller,
                    action.as_str(),
                    self.resource
                );
                sentence.strip_prefix(&start).map(str::to_owned).unwrap_or(sentence)
            }
        }
    }

    #[track_caller]
    fn is(&self, answer: &str) {
        let answer = answer.replace(
            "ACTION",
            match self.resource {
                KEY => "kms:Decrypt",
                TARGET => "sts:AssumeRole",
                _ => "sqs:SendMessage",
            },
        );
        assert_eq!(self.answer(), answer);
    }
}

const NO_IDENTITY: &str = "because no identity-based policy allows the ACTION action";
const NO_RESOURCE: &str = "because no resource-based policy allows the ACTION action";
const NO_TRUST: &str = "because no role trust policy allows the ACTION action";
const NO_BOUNDARY: &str = "because no permissions boundary allows the ACTION action";
const NO_SESSION: &str = "because no session policy allows the ACTION action";

#[test]
fn nobody_may_anything_but_root_in_its_own_account() {
    case(USER).is(NO_IDENTITY);
    case(SESSION).is(NO_IDENTITY);
    case(ROOT).is("allowed");
    case(OTHER_ROOT).is(NO_RESOURCE);
    case("anonymous").is(NO_RESOURCE);
}

#[test]
fn in_one_account_either_policy_is_enough() {
    Case { identity: vec![elsewhere(), grant()], ..case(USER) }.is("allowed");
    Case { by_resource: Some(to(USER)), ..case(USER) }.is("allowed");
    Case { by_resource: Some(to(EVERYBODY)), ..case(USER) }.is("allowed");
    Case { by_resource: Some(to(ROLE)), ..case(SESSION) }.is("allowed");
    Case { by_resource: Some(to(ROLE)), ..case(USER) }.is(NO_IDENTITY);
}

#[test]
fn a_grant_to_the_account_hands_over_to_its_policies() {
    Case { by_resource: Some(to(ROOT)), ..case(USER) }.is(NO_IDENTITY);
    Case { by_resource: Some(to("111111111111")), identity: vec![grant()], ..case(USER) }.is("allowed");
}

#[test]
fn across_accounts_both_are_needed() {
    Case { identity: vec![grant()], ..case(STRANGER) }.is(NO_RESOURCE);
    Case { by_resource: Some(to(STRANGER)), ..case(STRANGER) }.is(NO_IDENTITY);
    for principal in [STRANGER, OTHER_ROOT, "222222222222", EVERYBODY] {
        Case { identity: vec![grant()], by_resource: Some(to(principal)), ..case(STRANGER) }.is("allowed");
    }
    Case { by_resource: Some(to(OTHER_ROOT)), ..case(OTHER_ROOT) }.is("allowed");
    Case { identity: vec![grant()], by_resource: Some(to(STRANGER)), boundary: Some(elsewhere()), ..case(STRANGER) }
        .is(NO_BOUNDARY);
}

#[test]
fn a_refusal_anywhere_decides() {
    let open = || Case { identity: vec![grant()], by_resource: Some(to(USER)), ..case(USER) };
    let denied = |article: &str, words: &str| format!("with an explicit deny in {article} {words}");
    Case { identity: vec![grant(), refuse()], ..open() }.is(&denied("an", "identity-based policy"));
    Case { by_resource: Some(to(USER).replace("Allow", "Deny")), ..open() }.is(&denied("a", "resource-based policy"));
    Case { boundary: Some(refuse()), ..open() }.is(&denied("a", "permissions boundary"));
    Case { session: Some(refuse()), ..open() }.is(&denied("a", "session policy"));
    Case { service_control: vec![grant(), refuse()], ..open() }.is(&denied("a", "service control policy"));
    let control = to(EVERYBODY).replace("Allow", "Deny");
    Case { resource_control: vec![control.clone()], ..open() }.is(&denied("a", "resource control policy"));
    Case { identity: vec![refuse()], ..case(ROOT) }.is(&denied("an", "identity-based policy"));
    Case { resource_control: vec![control], by_resource: Some(to(EVERYBODY)), ..case("anonymous") }
        .is(&denied("a", "resource control policy"));
    Case {
        resource: TARGET,
        by_resource: Some(to(USER).replace("Allow", "Deny")),
        identity: vec![grant()],
        ..case(USER)
    }
    .is(&denied("the", "role trust policy"));
}

#[test]
fn every_level_of_service_control_policies_must_allow() {
    let open = || Case { identity: vec![grant()], ..case(USER) };
    Case { service_control: vec![grant(), grant()], ..open() }.is("allowed");
    let no = "because no service control policy allows the ACTION action";
    Case { service_control: vec![grant(), elsewhere()], ..open() }.is(no);
    Case { service_control: vec![elsewhere()], ..case(ROOT) }.is(no);
    Case { service_control: vec![elsewhere()], by_resource: Some(to(EVERYBODY)), ..case("sns.amazonaws.com") }
        .is("allowed");
}

#[test]
fn boundary_and_session_policy_cut_what_identities_are_granted() {
    Case { identity: vec![grant()], boundary: Some(elsewhere()), ..case(USER) }.is(NO_BOUNDARY);
    Case { identity: vec![grant()], boundary: Some(grant()), ..case(USER) }.is("allowed");
    Case { identity: vec![grant()], session: Some(elsewhere()), ..case(SESSION) }.is(NO_SESSION);
    Case { boundary: Some(grant()), ..case(USER) }.is(NO_IDENTITY);
}

#[test]
fn a_grant_to_the_caller_itself_stands_alone_and_one_to_its_role_is_cut() {
    for (caller, direct) in [(USER, USER), (SESSION, SESSION), (FEDERATED, FEDERATED), (USER, EVERYBODY)] {
        let open = || Case { by_resource: Some(to(direct)), ..case(caller) };
        Case { boundary: Some(elsewhere()), ..open() }.is("allowed");
        Case { session: Some(elsewhere()), ..open() }.is("allowed");
    }
    for indirect in [ROLE, EVERYBODY] {
        let open = || Case { by_resource: Some(to(indirect)), ..case(SESSION) };
        Case { boundary: Some(elsewhere()), ..open() }.is(NO_BOUNDARY);
        Case { session: Some(elsewhere()), ..open() }.is(NO_SESSION);
    }
}

#[test]
fn services_and_the_unknown_have_the_resources_policy_alone() {
    let service = grant().replacen('{', r#"{"Principal": {"Service": "sns.amazonaws.com"}, "#, 1);
    Case { by_resource: Some(service.clone()), ..case("sns.amazonaws.com") }.is("allowed");
    Case { by_resource: Some(service), identity: vec![grant()], ..case("s3.amazonaws.com") }.is(NO_RESOURCE);
    Case { by_resource: Some(to(EVERYBODY)), ..case("anonymous") }.is("allowed");
    Case { by_resource: Some(to(ROOT)), ..case("anonymous") }.is(NO_RESOURCE);
}

#[test]
fn a_key_must_name_the_caller_or_hand_over_to_the_account() {
    let key = |caller| Case { resource: KEY, ..case(caller) };
    Case { identity: vec![grant()], ..key(USER) }.is(NO_RESOURCE);
    key(ROOT).is(NO_RESOURCE);
    Case { by_resource: Some(to(USER)), ..key(USER) }.is("allowed");
    Case { by_resource: Some(to(ROOT)), ..key(USER) }.is(NO_IDENTITY);
    Case { by_resource: Some(to(ROOT)), identity: vec![grant()], ..key(USER) }.is("allowed");
    Case { by_resource: Some(to(ROOT)), ..key(ROOT) }.is("allowed");
}

#[test]
fn a_role_is_assumed_only_by_whom_it_trusts() {
    let role = |caller| Case { resource: TARGET, ..case(caller) };
    Case { identity: vec![grant()], ..role(USER) }.is(NO_TRUST);
    Case { by_resource: Some(to(USER)), ..role(USER) }.is("allowed");
    Case { by_resource: Some(to(ROOT)), ..role(USER) }.is(NO_IDENTITY);
    Case { by_resource: Some(to(ROOT)), identity: vec![grant()], ..role(USER) }.is("allowed");
    Case { by_resource: Some(to(STRANGER)), ..role(STRANGER) }.is(NO_IDENTITY);
    let google = grant().replacen('{', r#"{"Principal": {"Federated": "accounts.google.com"}, "#, 1);
    Case { by_resource: Some(google.clone()), ..role("google") }.is("allowed");
    Case { by_resource: Some(google), ..role("anonymous") }.is(NO_TRUST);
}

#[test]
fn the_statement_that_decided_is_told() {
    let text = r#"{"Version": "2012-10-17", "Statement": [
        {"Sid": "Others", "Effect": "Allow", "Action": "sns:*", "Resource": "*"},
        {"Sid": "Ours", "Effect": "Allow", "Action": "sqs:*", "Resource": "*"}]}"#;
    let identity = [Arc::new(Policy::parse("worker", text, Sort::Identity).unwrap())];
    let (caller, action) = (Caller::parse(USER).unwrap(), Action::new("sqs:SendMessage"));
    let context = Context::of(&caller);
    let request = Request {
        caller: &caller,
        action: &action,
        resource: QUEUE,
        resource_account: caller.account(),
        context: &context,
        gate: Gate::Usual,
    };
    let decision = authorize(&request, &Applicable { identity: &identity, ..Applicable::default() });
    let Decision::Allowed(Grant::By(verdict)) = decision else { panic!("{decision:?}") };
    assert_eq!(verdict.to_string(), r#"statement 2 (Sid "Ours") of identity-based policy "worker""#);
}
