//! A policy that refuses by `aws:ResourceTag/…` holds for every operation on what has such a tag.
//!
//! The operations are taken out of the model: each that names a user, a role, a policy, a provider or a key. So one that is added
//! later is asked here too.

#![allow(clippy::unwrap_used, reason = "a panic is the report")]

mod house;

use house::{ACCOUNT, House, escaped};
use journal::sim::SimDisk;
use serde_json::json;
use std::sync::Arc;

/// Members that name something that may have tags.
const NAMES: [&str; 6] =
    ["UserName", "RoleName", "PolicyArn", "OpenIDConnectProviderArn", "PolicySourceArn", "AccessKeyId"];

/// What an operation has that is about something else: what it makes, or a group, which has no tags.
fn is_about_another(operation: &wire::schema::OperationShape) -> bool {
    ["CreateUser", "CreateRole"].contains(&operation.name) || operation.input.position("GroupName").is_some()
}

#[test]
fn every_operation_on_what_has_tags_is_refused_by_its_tags() {
    let house = House::new(&Arc::new(SimDisk::new(1)));
    let tags = "Tags.member.1.Key=Locked&Tags.member.1.Value=yes";
    let document = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "*", "Resource": "*" },
        { "Effect": "Deny", "Action": "*", "Resource": "*",
          "Condition": { "StringEquals": { "aws:ResourceTag/locked": "yes" } } },
    ]});
    let document = escaped(&document.to_string());
    let trust = escaped(&house::trusts(&format!("arn:aws:iam::{ACCOUNT}:root")));
    house.ask("CreateUser", &format!("UserName=u&{tags}")).unwrap();
    let key = house.key("u");
    house.ask("CreateRole", &format!("RoleName=r&AssumeRolePolicyDocument={trust}&{tags}")).unwrap();
    house.ask("CreatePolicy", &format!("PolicyName=p&PolicyDocument={document}&{tags}")).unwrap();
    house.ask("CreateOpenIDConnectProvider", &format!("Url=https%3A%2F%2Fp.example&{tags}")).unwrap();
    let asker = house.user("asker");
    house.ask("PutUserPolicy", &format!("UserName=asker&PolicyName=q&PolicyDocument={document}")).unwrap();

    // One form for all of them: an operation reads its own members out of it.
    let thumbprint = "0".repeat(40);
    let form = format!(
        "UserName=u&RoleName=r&PolicyArn=arn:aws:iam::{ACCOUNT}:policy/p&AccessKeyId={}&Status=Inactive&VersionId=v1\
         &OpenIDConnectProviderArn=arn:aws:iam::{ACCOUNT}:oidc-provider/p.example&ClientID=c\
         &ThumbprintList.member.1={thumbprint}&PolicySourceArn=arn:aws:iam::{ACCOUNT}:user/u&PolicyName=q\
         &PolicyDocument={document}&NewUserName=v&Description=d&ActionNames.member.1=sqs:SendMessage\
         &PermissionsBoundary=arn:aws:iam::{ACCOUNT}:policy/p&TagKeys.member.1=k&Tags.member.1.Key=k\
         &Tags.member.1.Value=v",
        key.id
    );
    let mut asked = 0;
    for operation in iam::api::iam::SERVICE.operations {
        let is_about_it = NAMES.iter().any(|name| operation.input.position(name).is_some());
        if !is_about_it || is_about_another(operation) {
            continue;
        }
        asked += 1;
        let answer = house.ask_with(&asker, operation.name, &form);
        let (code, sentence) = answer.expect_err(operation.name);
        assert_eq!(code, "AccessDenied", "{}: {sentence}", operation.name);
        assert!(sentence.contains("with an explicit deny"), "{}: {sentence}", operation.name);
    }
    assert!(asked > 50, "only {asked} operations are about something with tags");
}
