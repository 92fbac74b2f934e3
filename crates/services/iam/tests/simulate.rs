//! What a simulation tells: of each action one result, of each resource one in it, and what stands over the account.

#![allow(clippy::unwrap_used, reason = "a panic is the report")]

mod house;

use access::{Policy, Sort};
use gateway::{Caller, Level, Organization};
use house::{ACCOUNT, House, account, allows, escaped};
use journal::sim::SimDisk;
use serde_json::{Value, json};
use std::sync::Arc;

const NEIGHBOUR: &str = "444455556666";

fn house() -> House {
    House::new(&Arc::new(SimDisk::new(1)))
}

fn queue(name: &str) -> String {
    format!("arn:aws:sqs:us-east-1:{ACCOUNT}:{name}")
}

fn results(answer: &Value) -> Vec<Value> {
    answer["EvaluationResults"].as_array().unwrap().clone()
}

#[test]
fn an_action_is_what_it_is_on_the_resource_that_restricts_it_most() {
    let house = house();
    let denies = allows("sqs:*", &queue("secret")).replace("Allow", "Deny");
    let form = |resources: &[String]| {
        let mut form = format!(
            "ActionNames.member.1=sqs:SendMessage&ActionNames.member.2=sqs:ReceiveMessage&PolicyInputList.member.1={}\
             &PolicyInputList.member.2={}&PermissionsBoundaryPolicyInputList.member.1={}",
            escaped(&allows("sqs:SendMessage", &queue("jobs*"))),
            escaped(&denies),
            escaped(&allows("sqs:*", "*")),
        );
        for (arn, n) in resources.iter().zip(1..) {
            form += &format!("&ResourceArns.member.{n}={arn}");
        }
        form
    };
    let ask = |names: &[&str]| {
        let arns: Vec<String> = names.iter().map(|name| queue(name)).collect();
        results(&house.ask("SimulateCustomPolicy", &form(&arns)).unwrap())
    };
    let decisions = |results: &[Value]| {
        results.iter().map(|result| result["EvalDecision"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let of_policy = |result: &Value| {
        let matched = result["MatchedStatements"].as_array().unwrap();
        matched.iter().map(|one| one["SourcePolicyId"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let one = ask(&["jobs"]);
    assert_eq!(decisions(&one), ["allowed", "implicitDeny"]);
    assert_eq!(
        (&one[0]["EvalResourceName"], of_policy(&one[0])),
        (&json!(queue("jobs")), vec!["PolicyInputList.1".into()])
    );
    assert_eq!(one[0]["EvalDecisionDetails"], json!({}));

    assert_eq!(decisions(&ask(&["jobs", "jobs-2"])), ["allowed", "implicitDeny"]);
    assert_eq!(decisions(&ask(&["jobs", "others"])), ["implicitDeny", "implicitDeny"]);
    let three = ask(&["others", "secret", "jobs"]);
    assert_eq!(decisions(&three), ["explicitDeny", "explicitDeny"]);
    assert_eq!(of_policy(&three[0]), ["PolicyInputList.2"], "only what contributed to the decision");
    assert_eq!(three[0]["EvalResourceName"], "*");
    let each = three[0]["ResourceSpecificResults"].as_array().unwrap();
    let told: Vec<_> = each
        .iter()
        .map(|one| {
            (one["EvalResourceName"].as_str().unwrap(), one["EvalResourceDecision"].as_str().unwrap(), of_policy(one))
        })
        .collect();
    let [others, secret, jobs] = ["others", "secret", "jobs"].map(queue);
    assert_eq!(
        told,
        [
            (&*others, "implicitDeny", vec![]),
            (&secret, "explicitDeny", vec!["PolicyInputList.2".into()]),
            (&jobs, "allowed", vec!["PolicyInputList.1".into()]),
        ]
    );
    let within = json!({"AllowedByPermissionsBoundary": true});
    assert!(each.iter().chain(&three).all(|one| one["PermissionsBoundaryDecisionDetail"] == within));

    // Where no resource is named there is one result, of all resources.
    let all = ask(&[]);
    assert_eq!((decisions(&all), &all[0]["EvalResourceName"]), (vec!["implicitDeny".into(); 2], &json!("*")));
    assert_eq!((&all[0]["ResourceSpecificResults"], &all[0]["EvalDecisionDetails"]), (&Value::Null, &Value::Null));
}

#[test]
fn what_a_boundary_says_is_told_also_where_no_policy_allows() {
    let house = house();
    let form = format!(
        "ActionNames.member.1=sqs:SendMessage&ActionNames.member.2=kms:Encrypt&PolicyInputList.member.1={}\
         &PermissionsBoundaryPolicyInputList.member.1={}",
        escaped(&allows("sns:*", "*")),
        escaped(&allows("sqs:*", "*")),
    );
    let told = results(&house.ask("SimulateCustomPolicy", &form).unwrap());
    let within = |result: &Value| result["PermissionsBoundaryDecisionDetail"]["AllowedByPermissionsBoundary"].clone();
    assert_eq!([within(&told[0]), within(&told[1])], [json!(true), json!(false)]);
}

fn policy(name: &str, text: &str, sort: Sort) -> Arc<Policy> {
    Arc::new(Policy::parse(name, text, sort).unwrap())
}

/// Everything is allowed by the root; the accounts of the house and beside it may not purge, nor list without a second factor; and
/// nobody deletes messages of theirs.
fn organization() -> Arc<Organization> {
    let no_purge = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny",
        "Action":"sqs:PurgeQueue","Resource":"*"},{"Effect":"Deny","Action":"sqs:ListQueues","Resource":"*","Condition":
        {"Bool":{"aws:MultiFactorAuthPresent":"false"}}}]}"#;
    let no_delete = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"sqs:DeleteMessage",
        "Resource":"*"}}"#;
    let root = Level {
        service_control: Some(vec![policy("full", &allows("*", "*"), Sort::ServiceControl)]),
        ..Level::default()
    };
    let members = Level {
        accounts: Some(vec![account(ACCOUNT), account(NEIGHBOUR)]),
        service_control: Some(vec![policy("no-purge", no_purge, Sort::ServiceControl)]),
        resource_control: vec![policy("no-delete", no_delete, Sort::ResourceControl)],
    };
    Arc::new(Organization::new(Some(account("999999999999")), &[root, members]))
}

const ASKED: [&str; 3] = ["sqs:SendMessage", "sqs:PurgeQueue", "sqs:DeleteMessage"];

/// Decisions on the actions above, whether the organization allows them, and how many statements were shown.
fn told(house: &House, caller: Caller, operation: &str, form: &str) -> Vec<(String, Option<bool>, usize)> {
    let actions =
        ASKED.iter().zip(1..).map(|(action, n)| format!("&ActionNames.member.{n}={action}")).collect::<String>();
    let answer = house.ask_as(caller, operation, &format!("{form}{actions}")).unwrap();
    let row = |result: &Value| {
        let allowed = result["OrganizationsDecisionDetail"]["AllowedByOrganizations"].as_bool();
        let shown = result["MatchedStatements"].as_array().unwrap().len();
        (result["EvalDecision"].as_str().unwrap().to_owned(), allowed, shown)
    };
    results(&answer).iter().map(row).collect()
}

fn row(decision: &str, allowed: Option<bool>, shown: usize) -> (String, Option<bool>, usize) {
    (decision.to_owned(), allowed, shown)
}

#[test]
fn a_simulation_weighs_what_stands_over_the_account_and_says_so() {
    let house = house();
    house.user("alice");
    house.allow("alice", &allows("sqs:*", "*"));
    let root = |digits: &str| house.root(digits).below(organization());
    let alice = format!("PolicySourceArn=arn:aws:iam::{ACCOUNT}:user/alice&ResourceArns.member.1={}", queue("jobs"));
    let custom = format!("PolicyInputList.member.1={}", escaped(&allows("sqs:*", "*")));
    let free = ["allowed"; 3].map(|decision| row(decision, None, 1));
    assert_eq!(told(&house, house.root(ACCOUNT), "SimulatePrincipalPolicy", &alice), free, "no organization");
    let held =
        [row("allowed", Some(true), 1), row("explicitDeny", Some(false), 0), row("explicitDeny", Some(false), 0)];
    assert_eq!(told(&house, root(ACCOUNT), "SimulatePrincipalPolicy", &alice), held);
    assert_eq!(told(&house, root(ACCOUNT), "SimulateCustomPolicy", &custom), held);
    // The management account and what is beside its levels are free, and of an organization all the same.
    let above = ["allowed"; 3].map(|decision| row(decision, Some(true), 1));
    for digits in ["999999999999", "111111111111"] {
        assert_eq!(told(&house, root(digits), "SimulateCustomPolicy", &custom), above, "{digits}");
    }
    // What is handed in stands in the place of what there is.
    let open = format!(
        "&OrderedOrganizationPolicyInputList.member.1.ServiceControlPolicyInputList.member.1={}",
        escaped(&allows("*", "*"))
    );
    assert_eq!(told(&house, root(ACCOUNT), "SimulateCustomPolicy", &format!("{custom}{open}")), above);
    // Without the service control policies; those of resources cannot be left out.
    let without = |sort: &str| format!("{alice}&PolicyExclusionList.member.1.PolicyType={sort}");
    let purges = [held[0].clone(), above[0].clone(), held[2].clone()];
    assert_eq!(told(&house, root(ACCOUNT), "SimulatePrincipalPolicy", &without("scp")), purges);
    assert_eq!(told(&house, root(ACCOUNT), "SimulatePrincipalPolicy", &without("rcp")), held);
}

#[test]
fn a_simulation_tells_nothing_of_what_stands_over_other_accounts() {
    let house = house();
    let asking = || house.root(ACCOUNT).below(organization());
    let policies = format!("PolicyInputList.member.1={}", escaped(&allows("sqs:*", "*")));
    let stranger = format!("{policies}&CallerArn=arn:aws:iam::{NEIGHBOUR}:user/bob");
    let open = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}"#;
    let open = escaped(open);
    let theirs = format!("ResourceArns.member.1=arn:aws:sqs:us-east-1:{NEIGHBOUR}:q&ResourcePolicy={open}");
    let rows = told(&house, asking(), "SimulateCustomPolicy", &format!("{stranger}&{theirs}"));
    assert_eq!(rows, ["allowed"; 3].map(|decision| row(decision, None, 1)));
    // Whoever is of the account that asks is below its levels, at another's queue too, whose own are not told.
    let rows = told(&house, asking(), "SimulateCustomPolicy", &format!("{policies}&{theirs}"));
    assert_eq!(
        rows,
        [row("allowed", Some(true), 1), row("explicitDeny", Some(false), 0), row("allowed", Some(true), 1)]
    );
}

#[test]
fn context_keys_of_an_organizations_policies_are_not_missed() {
    let house = house();
    let policies = escaped(&allows("sqs:*", "arn:aws:sqs:*:*:${aws:PrincipalTag/queue}"));
    let form = format!("PolicyInputList.member.1={policies}&ActionNames.member.1=sqs:ListQueues");
    let answer = house.ask_as(house.root(ACCOUNT).below(organization()), "SimulateCustomPolicy", &form).unwrap();
    assert_eq!(results(&answer)[0]["MissingContextValues"], json!(["aws:PrincipalTag/queue"]));
}
