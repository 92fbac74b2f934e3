//! Lists that could be long: each page costs what it shows, and pages together are the whole.

#![allow(clippy::unwrap_used, reason = "a panic is the report")]

mod house;

use house::{ACCOUNT, House, allows, escaped};
use journal::sim::SimDisk;
use serde_json::{Value, json};
use std::fmt::Write;
use std::sync::Arc;

fn house() -> House {
    House::new(&Arc::new(SimDisk::new(1)))
}

/// All pages of an operation, of `member`.
fn pages(house: &House, operation: &str, form: &str, member: &str) -> Vec<Vec<Value>> {
    let (mut pages, mut more) = (Vec::new(), String::new());
    loop {
        let answer = house.ask(operation, &format!("{form}{more}")).unwrap();
        pages.push(answer[member].as_array().unwrap().clone());
        match answer["Marker"].as_str() {
            Some(marker) => more = format!("&Marker={marker}"),
            None => return pages,
        }
        assert_eq!(answer["IsTruncated"], true);
    }
}

#[test]
fn a_page_of_a_simulation_weighs_so_many_bytes_of_policies_and_no_more() {
    let house = house();
    let (mut form, mut wanted) = ("MaxItems=1000".to_owned(), Vec::new());
    for (n, action) in (1..=20).map(|n| (n, format!("sqs:Action{n}"))) {
        write!(form, "&ActionNames.member.{n}={action}").unwrap();
        wanted.extend((1..=20).map(|n| (action.clone(), format!("arn:aws:sqs:us-east-1:{ACCOUNT}:q{n}"))));
    }
    for n in 1..=20 {
        write!(form, "&ResourceArns.member.{n}=arn:aws:sqs:us-east-1:{ACCOUNT}:q{n}").unwrap();
    }
    // Eight documents of 16384 bytes, so that a page has room for 128 of the 400 tries: for six actions on all twenty queues.
    let document = allows("sqs:Action1", "arn:aws:sqs:*:*:q1");
    let document = format!("{document}{}", " ".repeat((1 << 14) - document.len()));
    (1..=8).for_each(|n| write!(form, "&PolicyInputList.member.{n}={}", escaped(&document)).unwrap());
    let pages = pages(&house, "SimulateCustomPolicy", &form, "EvaluationResults");
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [6, 6, 6, 2]);
    let all = tries(&pages.concat());
    assert_eq!(all.iter().map(|(action, each)| (action.clone(), resource(each))).collect::<Vec<_>>(), wanted);
    let allowed = all.iter().filter(|(_, each)| each["EvalResourceDecision"] == "allowed").count();
    assert_eq!((allowed, &all[0].1["EvalResourceDecision"]), (1, &json!("allowed")));
    assert_eq!(all[0].1["MatchedStatements"][0]["StartPosition"], json!({"Line": 1, "Column": 38}));
}

/// What came of each action on each resource.
fn tries(results: &[Value]) -> Vec<(String, Value)> {
    let of = |result: &Value| {
        let action = result["EvalActionName"].as_str().unwrap().to_owned();
        let each = result["ResourceSpecificResults"].as_array().unwrap().clone();
        each.into_iter().map(move |one| (action.clone(), one)).collect::<Vec<_>>()
    };
    results.iter().flat_map(of).collect()
}

fn resource(specific: &Value) -> String {
    specific["EvalResourceName"].as_str().unwrap().to_owned()
}

#[test]
fn an_action_with_more_resources_than_a_page_weighs_goes_on_on_the_next() {
    let house = house();
    let mut form = "ActionNames.member.1=sqs:One&ActionNames.member.2=sqs:Two".to_owned();
    let mut wanted = Vec::new();
    for action in ["sqs:One", "sqs:Two"] {
        wanted.extend((1..=200).map(|n| (action.to_owned(), format!("arn:aws:sqs:us-east-1:{ACCOUNT}:q{n}"))));
    }
    for n in 1..=200 {
        write!(form, "&ResourceArns.member.{n}=arn:aws:sqs:us-east-1:{ACCOUNT}:q{n}").unwrap();
    }
    let document = allows("sqs:One", "*");
    let document = format!("{document}{}", " ".repeat((1 << 14) - document.len()));
    (1..=8).for_each(|n| write!(form, "&PolicyInputList.member.{n}={}", escaped(&document)).unwrap());
    let pages = pages(&house, "SimulateCustomPolicy", &form, "EvaluationResults");
    let lengths = pages.iter().map(|page| tries(page).len()).collect::<Vec<_>>();
    assert_eq!(lengths, [128, 72, 128, 72]);
    let all = tries(&pages.concat());
    assert_eq!(all.iter().map(|(action, each)| (action.clone(), resource(each))).collect::<Vec<_>>(), wanted);
}

#[test]
fn the_context_of_a_simulation_is_weighed_too_and_has_a_bound() {
    let house = house();
    let document = allows("sqs:Action1", "arn:aws:sqs:*:*:q1");
    let document = format!("{document}{}", " ".repeat((1 << 14) - document.len()));
    let mut form = format!("MaxItems=1000&PolicyInputList.member.1={}", escaped(&document));
    (1..=1000).for_each(|n| write!(form, "&ActionNames.member.{n}=sqs:Action{n}").unwrap());
    // The name has ten bytes.
    let with = |bytes: usize| {
        let entry = "&ContextEntries.member.1.ContextKeyName=toy:member&ContextEntries.member.1.ContextKeyType=string";
        format!("{form}{entry}&ContextEntries.member.1.ContextKeyValues.member.1={}", "x".repeat(bytes - 10))
    };
    let results = |form: &str| {
        let page = house.ask("SimulateCustomPolicy", form).unwrap();
        page["EvaluationResults"].as_array().unwrap().len()
    };
    assert_eq!(results(&form), 1000);
    assert_eq!((results(&with(1023)), results(&with(1024))), (1000, 512));
    assert_eq!(results(&with(16 * 1024)), 1024 / 17);
    let (code, sentence) = house.ask("SimulateCustomPolicy", &with(16 * 1024 + 1)).unwrap_err();
    assert_eq!(code, "InvalidInput");
    assert_eq!(sentence, "The names and values of ContextEntries have more than 16384 bytes.");
}

#[test]
fn a_simulation_weighs_the_policies_of_an_organization() {
    let house = house();
    let level = |level: usize, n: usize, document: &str| {
        let member =
            format!("OrderedOrganizationPolicyInputList.member.{level}.ServiceControlPolicyInputList.member.{n}");
        format!("&{member}={}", escaped(document))
    };
    let form = format!(
        "ActionNames.member.1=sqs:SendMessage&ActionNames.member.2=sqs:ReceiveMessage&PolicyInputList.member.1={}",
        escaped(&allows("sqs:SendMessage", "*"))
    );
    let decisions = |more: &str| -> Vec<(String, Option<bool>)> {
        let answer = house.ask("SimulateCustomPolicy", &format!("{form}{more}")).unwrap();
        let results = answer["EvaluationResults"].as_array().unwrap().clone();
        let row = |result: &Value| {
            let detail = result["OrganizationsDecisionDetail"]["AllowedByOrganizations"].as_bool();
            (result["EvalDecision"].as_str().unwrap().to_owned(), detail)
        };
        results.iter().map(row).collect()
    };
    let row = |decision: &str, detail| (decision.to_owned(), detail);
    assert_eq!(decisions(""), [row("allowed", None), row("implicitDeny", None)]);
    let all = allows("*", "*");
    let open = format!("{}{}", level(1, 1, &all), level(2, 1, &all));
    assert_eq!(decisions(&open), [row("allowed", Some(true)), row("implicitDeny", Some(true))]);
    // Each level has to allow.
    let narrow = format!("{}{}", level(1, 1, &all), level(2, 1, &allows("sqs:ReceiveMessage", "*")));
    assert_eq!(decisions(&narrow), [row("implicitDeny", Some(false)), row("implicitDeny", Some(true))]);
    let denies = allows("sqs:SendMessage", "*").replace("Allow", "Deny");
    let closed = format!("{}{}", level(1, 1, &all), level(1, 2, &denies));
    assert_eq!(decisions(&closed)[0], row("explicitDeny", Some(false)));
    let wrong = house.ask("SimulateCustomPolicy", &format!("{form}{}", level(1, 1, "{}"))).unwrap_err();
    assert_eq!(wrong.0, "InvalidInput");
    assert!(wrong.1.starts_with("OrderedOrganizationPolicyInputList.1.1: "), "{}", wrong.1);
}

#[test]
fn a_simulation_leaves_out_what_it_is_asked_to_leave_out() {
    let house = house();
    house.user("alice");
    house.allow("alice", &allows("sqs:Inline", "*"));
    house.ask("CreateGroup", "GroupName=readers").unwrap();
    house.ask("AddUserToGroup", "GroupName=readers&UserName=alice").unwrap();
    let document = escaped(&allows("sqs:OfGroup", "*"));
    house.ask("PutGroupPolicy", &format!("GroupName=readers&PolicyName=g&PolicyDocument={document}")).unwrap();
    let document = escaped(&allows("sqs:Managed", "*"));
    house.ask("CreatePolicy", &format!("PolicyName=own&PolicyDocument={document}")).unwrap();
    let own = format!("arn:aws:iam::{ACCOUNT}:policy/own");
    house.ask("AttachUserPolicy", &format!("UserName=alice&PolicyArn={own}")).unwrap();
    house.ask("AttachUserPolicy", "UserName=alice&PolicyArn=arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess").unwrap();
    let all = ["sqs:Inline", "sqs:OfGroup", "sqs:Managed", "sqs:GetQueueUrl"];
    let mut form = format!("PolicySourceArn=arn:aws:iam::{ACCOUNT}:user/alice");
    all.iter().zip(1..).for_each(|(action, n)| write!(form, "&ActionNames.member.{n}={action}").unwrap());
    let asked = |more: &str| house.ask("SimulatePrincipalPolicy", &format!("{form}{more}"));
    let allowed = |more: &str| -> Vec<String> {
        let results = asked(more).unwrap()["EvaluationResults"].as_array().unwrap().clone();
        let allowed = results.iter().filter(|result| result["EvalDecision"] == "allowed");
        allowed.map(|result| result["EvalActionName"].as_str().unwrap().to_owned()).collect()
    };
    let one = "&PolicyExclusionList.member.1";
    let inline = |sort: &str, name: &str, policy: &str| {
        let it = format!("{one}.InlinePolicyIdentifier");
        format!("{it}.AttachmentType={sort}&{}.AttachmentName={name}&{}.PolicyName={policy}", &it[1..], &it[1..])
    };
    assert_eq!(allowed(""), all);
    assert_eq!(allowed(&format!("{one}.PolicyType=inline")), all[2..]);
    assert_eq!(allowed(&format!("{one}.PolicyType=aws-managed")), all[..3]);
    assert_eq!(allowed(&format!("{one}.PolicyType=user-managed")), [all[0], all[1], all[3]]);
    assert_eq!(allowed(&format!("{one}.PolicyType=scp")), all);
    assert_eq!(allowed(&format!("{one}.PolicyArn=arn:aws:iam::aws:policy/AmazonSQS*")), all[..3]);
    assert_eq!(allowed(&inline("group", "readers", "g")), [all[0], all[2], all[3]]);
    assert_eq!(allowed(&inline("user", "readers", "g")), all);
    assert_eq!(asked(&format!("{one}.PolicyArn=arn:aws:iam::aws:policy/*SQS*")).unwrap_err().0, "InvalidInput");
    // The boundary is one too.
    house.ask("PutUserPermissionsBoundary", &format!("UserName=alice&PermissionsBoundary={own}")).unwrap();
    assert_eq!(allowed(""), ["sqs:Managed"]);
    assert_eq!(allowed(&format!("{one}.PolicyType=permission-boundary")), all);
    // Scenarios of EC2 are none of this server's.
    let (code, sentence) = asked("&ResourceHandlingOption=EC2-VPC-EBS").unwrap_err();
    assert_eq!(code, "InvalidInput");
    assert!(sentence.contains("ResourceHandlingOption EC2-VPC-EBS is not supported"), "{sentence}");
}

#[test]
fn a_simulation_has_one_boundary() {
    let house = house();
    let form = |count: usize| {
        let document = escaped(&allows("sqs:*", "*"));
        (1..=count).fold(format!("ActionNames.member.1=sns:Publish&PolicyInputList.member.1={document}"), |form, n| {
            format!("{form}&PermissionsBoundaryPolicyInputList.member.{n}={document}")
        })
    };
    assert!(house.ask("SimulateCustomPolicy", &form(1)).is_ok());
    assert_eq!(house.ask("SimulateCustomPolicy", &form(2)).unwrap_err().0, "InvalidInput");
}

#[test]
fn policies_are_listed_with_how_often_they_are_used() {
    let house = house();
    for name in ["first", "second", "third"] {
        let document = escaped(&allows("sqs:*", "*"));
        house.ask("CreatePolicy", &format!("PolicyName={name}&PolicyDocument={document}")).unwrap();
    }
    let own = |name: &str| format!("arn:aws:iam::{ACCOUNT}:policy/{name}");
    for user in ["a", "b"] {
        house.ask("CreateUser", &format!("UserName={user}&PermissionsBoundary={}", own("second"))).unwrap();
        house.ask("AttachUserPolicy", &format!("UserName={user}&PolicyArn={}", own("first"))).unwrap();
    }
    house.ask("AttachUserPolicy", "UserName=a&PolicyArn=arn:aws:iam::aws:policy/IAMFullAccess").unwrap();
    let listed = |form: &str| -> Vec<(String, i64, i64)> {
        let found = pages(&house, "ListPolicies", form, "Policies").concat();
        let number = |policy: &Value, name: &str| policy[name].as_i64().unwrap();
        let row = |policy: &Value| {
            let name = policy["PolicyName"].as_str().unwrap().to_owned();
            (name, number(policy, "AttachmentCount"), number(policy, "PermissionsBoundaryUsageCount"))
        };
        found.iter().map(row).collect()
    };
    let row = |name: &str, attached, bounding| (name.to_owned(), attached, bounding);
    let all = [row("first", 2, 0), row("second", 0, 2), row("third", 0, 0)];
    assert_eq!(listed("Scope=Local&MaxItems=1"), all);
    assert_eq!(listed("OnlyAttached=true&MaxItems=1"), [row("first", 2, 0), row("IAMFullAccess", 1, 0)]);
    assert_eq!(listed("PolicyUsageFilter=PermissionsBoundary"), [row("second", 0, 2)]);
    assert_eq!(listed("PolicyUsageFilter=PermissionsPolicy&Scope=AWS"), [row("IAMFullAccess", 1, 0)]);
    let details = pages(&house, "GetAccountAuthorizationDetails", "MaxItems=1", "Policies").concat();
    let counts: Vec<_> = details.iter().map(|policy| policy["AttachmentCount"].as_i64().unwrap()).collect();
    assert_eq!(counts, [2, 0, 0, 1]);
}
