//! Every operation by who may nothing; those that no other test carries out, carried out and read back.

#![allow(clippy::unwrap_used, reason = "a panic is the report")]

mod house;

use house::{ACCOUNT, House, allows, escaped, session_key, trusts};
use journal::sim::SimDisk;
use serde_json::{Value, json};
use std::sync::Arc;

fn house() -> House {
    House::new(&Arc::new(SimDisk::new(1)))
}

/// One form for all: an operation reads its own members out of it.
fn form(document: &str, key: &str) -> String {
    let thumbprint = "0".repeat(40);
    let trust = escaped(&trusts(&format!("arn:aws:iam::{ACCOUNT}:root")));
    format!(
        "UserName=u&GroupName=g&RoleName=r&PolicyName=p&PolicyArn=arn:aws:iam::{ACCOUNT}:policy/p&VersionId=v1\
         &AccessKeyId={key}&Status=Inactive&NewUserName=v&NewGroupName=h&Description=d\
         &AccountAlias=alias&Url=https%3A%2F%2Fp.example&ClientID=c&ThumbprintList.member.1={thumbprint}\
         &OpenIDConnectProviderArn=arn:aws:iam::{ACCOUNT}:oidc-provider/p.example&AWSServiceName=sqs.amazonaws.com\
         &DeletionTaskId=task/aws-service-role/x&PolicySourceArn=arn:aws:iam::{ACCOUNT}:user/u&PolicyDocument={document}\
         &AssumeRolePolicyDocument={trust}&PolicyInputList.member.1={document}&ActionNames.member.1=sqs:SendMessage\
         &PermissionsBoundary=arn:aws:iam::{ACCOUNT}:policy/p&TagKeys.member.1=k&Tags.member.1.Key=k\
         &Tags.member.1.Value=v&RoleArn=arn:aws:iam::{ACCOUNT}:role/r&RoleSessionName=s1&Name=guest&EncodedMessage=x"
    )
}

#[test]
fn whoever_has_no_policies_does_nothing_but_ask_who_he_is() {
    let house = house();
    let nobody = house.user("nobody");
    let form = form(&escaped(&allows("*", "*")), &nobody.id);
    let (mut denied, mut open) = (0, Vec::new());
    let services = [&iam::api::iam::SERVICE, &iam::api::sts::SERVICE];
    for operation in services.iter().flat_map(|service| service.operations) {
        match house.ask_with(&nobody, operation.name, &form) {
            Ok(_) => open.push(operation.name),
            Err((code, _)) if code == "AccessDenied" => denied += 1,
            // The token is the proof there: nobody signs.
            Err(_) if operation.name == "AssumeRoleWithWebIdentity" => {}
            Err((code, sentence)) => assert_eq!(code, "InvalidAction", "{}: {sentence}", operation.name),
        }
    }
    assert_eq!(open, ["GetCallerIdentity", "GetSessionToken"]);
    assert!(denied > 90, "only {denied} operations were asked for");
    assert_eq!(house.ask("ListUsers", "").unwrap()["Users"].as_array().unwrap().len(), 1, "nothing was done");
}

fn own(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:policy/{name}")
}

fn create_policy(house: &House, name: &str, document: &str) {
    house.ask("CreatePolicy", &format!("PolicyName={name}&PolicyDocument={}", escaped(document))).unwrap();
}

fn create_role(house: &House, name: &str) {
    let trust = escaped(&trusts(&format!("arn:aws:iam::{ACCOUNT}:root")));
    house.ask("CreateRole", &format!("RoleName={name}&AssumeRolePolicyDocument={trust}")).unwrap();
}

#[test]
fn what_is_changed_of_a_role_is_read_back() {
    let house = house();
    create_role(&house, "r");
    let shown = || house.ask("GetRole", "RoleName=r").unwrap()["Role"].clone();
    house.ask("UpdateRole", "RoleName=r&Description=first&MaxSessionDuration=7200").unwrap();
    assert_eq!((&shown()["Description"], &shown()["MaxSessionDuration"]), (&json!("first"), &json!(7200)));
    let answer = house.ask("UpdateRoleDescription", "RoleName=r&Description=second").unwrap();
    assert_eq!((&answer["Role"]["Description"], &shown()["Description"]), (&json!("second"), &json!("second")));
    assert_eq!(shown()["MaxSessionDuration"], 7200, "a description is no duration");
    let tags = || house.ask("ListRoleTags", "RoleName=r").unwrap()["Tags"].clone();
    house
        .ask(
            "TagRole",
            "RoleName=r&Tags.member.1.Key=a&Tags.member.1.Value=1&Tags.member.2.Key=b&Tags.member.2.Value=2",
        )
        .unwrap();
    assert_eq!(tags(), json!([{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]));
    house.ask("UntagRole", "RoleName=r&TagKeys.member.1=A").unwrap();
    assert_eq!(tags(), json!([{"Key": "b", "Value": "2"}]));
}

#[test]
fn a_boundary_of_a_role_holds_its_sessions_until_it_is_taken_away() {
    let house = house();
    let alice = house.user("alice");
    house.allow("alice", &allows("sts:AssumeRole", "*"));
    create_role(&house, "r");
    house.ask("AttachRolePolicy", "RoleName=r&PolicyArn=arn:aws:iam::aws:policy/IAMFullAccess").unwrap();
    create_policy(&house, "most", &allows("iam:ListUsers", "*"));
    let form = format!("RoleArn=arn:aws:iam::{ACCOUNT}:role/r&RoleSessionName=s1");
    let session = session_key(&house.ask_with(&alice, "AssumeRole", &form).unwrap());
    house.ask_with(&session, "ListRoles", "").unwrap();
    let bound = format!("RoleName=r&PermissionsBoundary={}", own("most"));
    house.ask("PutRolePermissionsBoundary", &bound).unwrap();
    house.ask_with(&session, "ListUsers", "").unwrap();
    let (code, sentence) = house.ask_with(&session, "ListRoles", "").unwrap_err();
    assert_eq!(code, "AccessDenied");
    assert!(sentence.ends_with("because no permissions boundary allows the iam:ListRoles action"), "{sentence}");
    house.ask("DeleteRolePermissionsBoundary", "RoleName=r").unwrap();
    house.ask_with(&session, "ListRoles", "").unwrap();
    assert_eq!(house.ask("GetRole", "RoleName=r").unwrap()["Role"].get("PermissionsBoundary"), None);
}

#[test]
fn what_has_a_policy_is_listed_and_counted_and_its_tags_come_and_go() {
    let house = house();
    create_policy(&house, "p", &allows("sqs:SendMessage", "*"));
    house.ask("CreateGroup", "GroupName=g").unwrap();
    house.user("u");
    create_role(&house, "r");
    for (operation, who) in
        [("AttachGroupPolicy", "GroupName=g"), ("AttachUserPolicy", "UserName=u"), ("AttachRolePolicy", "RoleName=r")]
    {
        house.ask(operation, &format!("{who}&PolicyArn={}", own("p"))).unwrap();
    }
    let listed = house.ask("ListEntitiesForPolicy", &format!("PolicyArn={}", own("p"))).unwrap();
    let name = |list: &str, member: &str| listed[list][0][member].clone();
    assert_eq!(
        (name("PolicyGroups", "GroupName"), name("PolicyUsers", "UserName"), name("PolicyRoles", "RoleName")),
        (json!("g"), json!("u"), json!("r"))
    );
    let of_roles = format!("PolicyArn={}&EntityFilter=Role", own("p"));
    let listed = house.ask("ListEntitiesForPolicy", &of_roles).unwrap();
    let is_none = |list: &Value| list.as_array().is_none_or(Vec::is_empty);
    assert!(is_none(&listed["PolicyGroups"]) && is_none(&listed["PolicyUsers"]) && !is_none(&listed["PolicyRoles"]));

    let document = escaped(&allows("sqs:ReceiveMessage", "*"));
    house.ask("PutGroupPolicy", &format!("GroupName=g&PolicyName=own&PolicyDocument={document}")).unwrap();
    let inline = || house.ask("ListGroupPolicies", "GroupName=g").unwrap()["PolicyNames"].clone();
    assert_eq!(inline(), json!(["own"]));
    house.ask("DeleteGroupPolicy", "GroupName=g&PolicyName=own").unwrap();
    assert_eq!(inline(), json!([]));
    assert_eq!(house.ask("GetGroupPolicy", "GroupName=g&PolicyName=own").unwrap_err().0, "NoSuchEntity");

    let tags = || house.ask("ListPolicyTags", &format!("PolicyArn={}", own("p"))).unwrap()["Tags"].clone();
    house.ask("TagPolicy", &format!("PolicyArn={}&Tags.member.1.Key=a&Tags.member.1.Value=1", own("p"))).unwrap();
    assert_eq!(tags(), json!([{"Key": "a", "Value": "1"}]));
    house.ask("UntagPolicy", &format!("PolicyArn={}&TagKeys.member.1=a", own("p"))).unwrap();
    assert_eq!(tags(), json!([]));

    let summary = house.ask("GetAccountSummary", "").unwrap()["SummaryMap"].clone();
    let counted = |name: &str| summary[name].as_i64().unwrap_or_else(|| panic!("{name} is not in {summary}"));
    assert_eq!((counted("Users"), counted("Groups"), counted("Roles"), counted("Policies")), (1, 1, 1, 1));
}

#[test]
fn the_keys_that_a_users_policies_ask_for_are_told() {
    let house = house();
    house.user("u");
    let asks = |key: &str| {
        json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*",
            "Condition": {"StringEquals": {key: "x"}}}})
        .to_string()
    };
    house.allow("u", &asks("aws:PrincipalTag/own"));
    house.ask("CreateGroup", "GroupName=g").unwrap();
    house.ask("AddUserToGroup", "GroupName=g&UserName=u").unwrap();
    let document = escaped(&asks("aws:SourceVpc"));
    house.ask("PutGroupPolicy", &format!("GroupName=g&PolicyName=q&PolicyDocument={document}")).unwrap();
    let form = format!("PolicySourceArn=arn:aws:iam::{ACCOUNT}:user/u");
    let keys = house.ask("GetContextKeysForPrincipalPolicy", &form).unwrap();
    assert_eq!(keys["ContextKeyNames"], json!(["aws:PrincipalTag/own", "aws:SourceVpc"]));
    let more = format!("{form}&PolicyInputList.member.1={}", escaped(&asks("aws:PrincipalOrgID")));
    let keys = house.ask("GetContextKeysForPrincipalPolicy", &more).unwrap();
    assert_eq!(keys["ContextKeyNames"], json!(["aws:PrincipalOrgID", "aws:PrincipalTag/own", "aws:SourceVpc"]));
    for wrong in ["user/other", "user/p/u", "group/u", "root"] {
        let form = format!("PolicySourceArn=arn:aws:iam::{ACCOUNT}:{wrong}");
        assert_eq!(house.ask("GetContextKeysForPrincipalPolicy", &form).unwrap_err().0, "NoSuchEntity", "{wrong}");
    }
    let wrong = house.ask("GetContextKeysForPrincipalPolicy", &format!("{form}&PolicyInputList.member.1=%7B%7D"));
    assert_eq!(wrong.unwrap_err().0, "InvalidInput");
}

#[test]
fn a_service_linked_role_goes_by_a_task() {
    let house = house();
    let made = house.ask("CreateServiceLinkedRole", "AWSServiceName=sqs.amazonaws.com").unwrap();
    let name = made["Role"]["RoleName"].as_str().unwrap().to_owned();
    assert_eq!(house.ask("DeleteRole", &format!("RoleName={name}")).unwrap_err().0, "UnmodifiableEntity");
    let task = house.ask("DeleteServiceLinkedRole", &format!("RoleName={name}")).unwrap();
    let task = escaped(task["DeletionTaskId"].as_str().unwrap());
    let status = house.ask("GetServiceLinkedRoleDeletionStatus", &format!("DeletionTaskId={task}")).unwrap();
    assert_eq!(status["Status"], "SUCCEEDED");
    assert_eq!(house.ask("GetRole", &format!("RoleName={name}")).unwrap_err().0, "NoSuchEntity");
}
