//! What was made, listed, changed and taken away, read back: aliases of the account, groups, users' policies, providers.

#![allow(clippy::unwrap_used, reason = "a panic is the report")]

mod house;

use house::{ACCOUNT, House, allows, escaped};
use journal::sim::SimDisk;
use serde_json::{Value, json};
use std::sync::Arc;

fn house() -> House {
    House::new(&Arc::new(SimDisk::new(1)))
}

fn code(house: &House, operation: &str, form: &str) -> String {
    house.ask(operation, form).unwrap_err().0
}

/// A member of each entry of a list.
fn names(answer: &Value, list: &str, member: &str) -> Vec<String> {
    let all = answer[list].as_array().unwrap();
    all.iter().map(|one| one[member].as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_account_has_one_alias_and_nobody_else_has_it() {
    let house = house();
    let aliases =
        |digits: &str| house.ask_as(house.root(digits), "ListAccountAliases", "").unwrap()["AccountAliases"].clone();
    assert_eq!(aliases(ACCOUNT), json!([]));
    for alias in ["acme", "acme", "acme-inc"] {
        house.ask("CreateAccountAlias", &format!("AccountAlias={alias}")).unwrap();
        assert_eq!(aliases(ACCOUNT), json!([alias]), "the last one counts");
    }
    let taken = house.ask_as(house.root("444455556666"), "CreateAccountAlias", "AccountAlias=acme-inc").unwrap_err();
    assert_eq!(taken.0, "EntityAlreadyExists");
    assert_eq!(aliases("444455556666"), json!([]));
    assert_eq!(code(&house, "DeleteAccountAlias", "AccountAlias=acme"), "NoSuchEntity");
    house.ask("DeleteAccountAlias", "AccountAlias=acme-inc").unwrap();
    assert_eq!(aliases(ACCOUNT), json!([]));
    house.ask_as(house.root("444455556666"), "CreateAccountAlias", "AccountAlias=acme-inc").unwrap();
}

#[test]
fn groups_are_listed_renamed_and_left() {
    let house = house();
    house.user("u");
    for (name, path) in [("readers", "/a/"), ("writers", "/a/b/"), ("others", "/")] {
        house.ask("CreateGroup", &format!("GroupName={name}&Path={path}")).unwrap();
        house.ask("AddUserToGroup", &format!("GroupName={name}&UserName=u")).unwrap();
    }
    let listed = |form: &str| names(&house.ask("ListGroups", form).unwrap(), "Groups", "GroupName");
    let of_user = || names(&house.ask("ListGroupsForUser", "UserName=u").unwrap(), "Groups", "GroupName");
    assert_eq!(listed(""), ["others", "readers", "writers"]);
    assert_eq!(listed("PathPrefix=/a/"), ["readers", "writers"]);
    assert_eq!(of_user(), ["others", "readers", "writers"]);
    house.ask("UpdateGroup", "GroupName=readers&NewGroupName=all&NewPath=/c/").unwrap();
    assert_eq!(
        (listed("PathPrefix=/c/"), of_user()),
        (vec!["all".to_owned()], ["all", "others", "writers"].map(Into::into).to_vec())
    );
    assert_eq!(
        house.ask("GetGroup", "GroupName=all").unwrap()["Group"]["Arn"],
        format!("arn:aws:iam::{ACCOUNT}:group/c/all")
    );
    assert_eq!(code(&house, "UpdateGroup", "GroupName=others&NewGroupName=WRITERS"), "EntityAlreadyExists");
    assert_eq!(code(&house, "GetGroup", "GroupName=readers"), "NoSuchEntity");
    house.ask("RemoveUserFromGroup", "GroupName=all&UserName=u").unwrap();
    assert_eq!(of_user(), ["others", "writers"]);
    assert_eq!(code(&house, "RemoveUserFromGroup", "GroupName=all&UserName=u"), "NoSuchEntity");
    assert_eq!(code(&house, "DeleteGroup", "GroupName=writers"), "DeleteConflict");
    house.ask("DeleteGroup", "GroupName=all").unwrap();
    assert_eq!(listed(""), ["others", "writers"]);
}

#[test]
fn policies_are_detached_from_whom_they_were_attached_to_and_are_in_force_no_longer() {
    let house = house();
    let alice = house.user("alice");
    house.ask("CreateGroup", "GroupName=g").unwrap();
    house.ask("AddUserToGroup", "GroupName=g&UserName=alice").unwrap();
    let policy = |name: &str, action: &str| {
        let document = escaped(&allows(action, "*"));
        house.ask("CreatePolicy", &format!("PolicyName={name}&PolicyDocument={document}")).unwrap();
        format!("arn:aws:iam::{ACCOUNT}:policy/{name}")
    };
    for (sort, who, policy, operation) in [
        ("User", "UserName=alice", policy("of-user", "iam:ListUsers"), "ListUsers"),
        ("Group", "GroupName=g", policy("of-group", "iam:ListRoles"), "ListRoles"),
    ] {
        let attached = || {
            let listed = house.ask(&format!("ListAttached{sort}Policies"), who).unwrap();
            names(&listed, "AttachedPolicies", "PolicyArn")
        };
        let arn = format!("{who}&PolicyArn={policy}");
        assert_eq!(house.ask_with(&alice, operation, "").unwrap_err().0, "AccessDenied");
        house.ask(&format!("Attach{sort}Policy"), &arn).unwrap();
        assert_eq!(attached(), [policy.as_str()]);
        house.ask_with(&alice, operation, "").unwrap();
        house.ask(&format!("Detach{sort}Policy"), &arn).unwrap();
        assert_eq!(attached(), [""; 0]);
        assert_eq!(house.ask_with(&alice, operation, "").unwrap_err().0, "AccessDenied");
        assert_eq!(code(&house, &format!("Detach{sort}Policy"), &arn), "NoSuchEntity");
    }
}

#[test]
fn a_users_own_policies_and_tags_are_read_back() {
    let house = house();
    house.user("u");
    let document = allows("sqs:SendMessage", "*");
    house.allow("u", &document);
    assert_eq!(house.ask("ListUserPolicies", "UserName=u").unwrap()["PolicyNames"], json!(["p"]));
    let read = house.ask("GetUserPolicy", "UserName=u&PolicyName=p").unwrap();
    assert_eq!((&read["UserName"], &read["PolicyName"]), (&json!("u"), &json!("p")));
    let written = read["PolicyDocument"].as_str().unwrap();
    assert!(written.starts_with("%7B%22Version%22") && written.contains("sqs%3ASendMessage"), "{written}");
    assert_eq!(code(&house, "GetUserPolicy", "UserName=u&PolicyName=q"), "NoSuchEntity");

    let tags = || house.ask("ListUserTags", "UserName=u").unwrap()["Tags"].clone();
    let two = "&Tags.member.1.Key=a&Tags.member.1.Value=1&Tags.member.2.Key=b&Tags.member.2.Value=2";
    house.ask("TagUser", &format!("UserName=u{two}")).unwrap();
    assert_eq!(tags(), json!([{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]));
    house.ask("UntagUser", "UserName=u&TagKeys.member.1=a&TagKeys.member.2=none").unwrap();
    assert_eq!(tags(), json!([{"Key": "b", "Value": "2"}]));
}

#[test]
fn a_provider_is_shown_as_it_was_made_and_changed() {
    let house = house();
    let (first, second) = ("a".repeat(40), "b".repeat(40));
    let made = format!(
        "Url=https%3A%2F%2Fp.example%2Fx&ClientIDList.member.1=one&ThumbprintList.member.1={first}&Tags.member.1.Key=k&\
         Tags.member.1.Value=v"
    );
    let made = house.ask("CreateOpenIDConnectProvider", &made).unwrap();
    let arn = format!("arn:aws:iam::{ACCOUNT}:oidc-provider/p.example/x");
    assert_eq!(made["OpenIDConnectProviderArn"], arn);
    let of = format!("OpenIDConnectProviderArn={arn}");
    let shown = || house.ask("GetOpenIDConnectProvider", &of).unwrap();
    let read = shown();
    assert_eq!(
        (&read["Url"], &read["ClientIDList"], &read["ThumbprintList"]),
        (&json!("p.example/x"), &json!(["one"]), &json!([first]))
    );
    assert!(!read["CreateDate"].is_null());
    house.ask("UpdateOpenIDConnectProviderThumbprint", &format!("{of}&ThumbprintList.member.1={second}")).unwrap();
    house.ask("AddClientIDToOpenIDConnectProvider", &format!("{of}&ClientID=two")).unwrap();
    assert_eq!((&shown()["ThumbprintList"], &shown()["ClientIDList"]), (&json!([second]), &json!(["one", "two"])));
    house.ask("RemoveClientIDFromOpenIDConnectProvider", &format!("{of}&ClientID=one")).unwrap();
    assert_eq!(shown()["ClientIDList"], json!(["two"]));

    let tags = || house.ask("ListOpenIDConnectProviderTags", &of).unwrap()["Tags"].clone();
    assert_eq!(tags(), json!([{"Key": "k", "Value": "v"}]));
    house.ask("TagOpenIDConnectProvider", &format!("{of}&Tags.member.1.Key=l&Tags.member.1.Value=w")).unwrap();
    assert_eq!(tags(), json!([{"Key": "k", "Value": "v"}, {"Key": "l", "Value": "w"}]));
    house.ask("UntagOpenIDConnectProvider", &format!("{of}&TagKeys.member.1=k")).unwrap();
    assert_eq!((tags(), &shown()["Tags"]), (json!([{"Key": "l", "Value": "w"}]), &json!([{"Key": "l", "Value": "w"}])));

    let listed = || house.ask("ListOpenIDConnectProviders", "").unwrap()["OpenIDConnectProviderList"].clone();
    assert_eq!(listed(), json!([{"Arn": arn}]));
    house.ask("DeleteOpenIDConnectProvider", &of).unwrap();
    assert_eq!(listed(), json!([]));
    assert_eq!(code(&house, "GetOpenIDConnectProvider", &of), "NoSuchEntity");
}
