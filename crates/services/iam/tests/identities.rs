//! What users, keys, policies and sessions may do, through both services and by the identities that the gateway is handed.

#![allow(clippy::unwrap_used, reason = "a panic is the report")]

mod house;

use house::{ACCOUNT, House, allows, escaped, session_key, trusts};
use journal::sim::SimDisk;
use serde_json::json;
use std::sync::Arc;

fn house() -> House {
    House::new(&Arc::new(SimDisk::new(1)))
}

fn refused(answer: Result<serde_json::Value, house::Refused>) -> String {
    answer.unwrap_err().0
}

#[test]
fn a_user_may_do_what_its_policy_says_and_nothing_else() {
    let house = house();
    let key = house.user("alice");
    assert_eq!(
        house.ask_with(&key, "GetCallerIdentity", "").unwrap()["Arn"],
        format!("arn:aws:iam::{ACCOUNT}:user/alice")
    );
    let (code, sentence) = house.ask_with(&key, "ListUsers", "").unwrap_err();
    assert_eq!(code, "AccessDenied");
    assert_eq!(
        sentence,
        "User: arn:aws:iam::123456789012:user/alice is not authorized to perform: iam:ListUsers on resource: \
         arn:aws:iam::123456789012:user/ because no identity-based policy allows the iam:ListUsers action"
    );
    house.allow("alice", &allows("iam:ListUsers", "*"));
    assert_eq!(house.ask_with(&key, "ListUsers", "").unwrap()["Users"][0]["UserName"], "alice");
    assert_eq!(refused(house.ask_with(&key, "CreateUser", "UserName=bob")), "AccessDenied");
    house.ask("DeleteUserPolicy", "UserName=alice&PolicyName=p").unwrap();
    assert_eq!(refused(house.ask_with(&key, "ListUsers", "")), "AccessDenied");
}

#[test]
fn a_key_that_is_inactive_or_deleted_is_nobodys() {
    let house = house();
    let key = house.user("alice");
    let form = format!("UserName=alice&AccessKeyId={}", key.id);
    house.ask("UpdateAccessKey", &format!("{form}&Status=Inactive")).unwrap();
    assert_eq!(house.identity(&key).unwrap_err(), "InvalidClientTokenId");
    assert_eq!(house.identity(&key).unwrap_err(), "InvalidClientTokenId", "nobody looks again, and it is the same");
    house.ask("UpdateAccessKey", &format!("{form}&Status=Active")).unwrap();
    assert_eq!(house.identity(&key).unwrap().secret.expose(), key.secret.as_bytes());
    house.ask("DeleteAccessKey", &form).unwrap();
    assert_eq!(house.identity(&key).unwrap_err(), "InvalidClientTokenId");
}

#[test]
fn the_last_use_of_a_key_is_shown_and_noted_once_in_five_minutes() {
    let house = house();
    let key = house.user("alice");
    let used = || {
        let told = house.ask("GetAccessKeyLastUsed", &format!("AccessKeyId={}", key.id)).unwrap();
        let last = &told["AccessKeyLastUsed"];
        assert_eq!(told["UserName"], "alice");
        (last["LastUsedDate"].as_f64(), last["ServiceName"].clone(), last["Region"].clone())
    };
    assert_eq!(used(), (None, json!("N/A"), json!("N/A")));
    let begun = house.root(ACCOUNT).now.as_secs() as f64;
    let before = house.identity(&key).unwrap();
    assert_eq!(house.use_of(&key, "sqs"), 1);
    assert_eq!(used(), (Some(begun), json!("sqs"), json!("us-east-1")));
    assert!(std::ptr::eq(&*before, &*house.identity(&key).unwrap()), "a note makes no identity anew");
    house.clock.advance_millis(299_999);
    assert_eq!(house.use_of(&key, "kms"), 0);
    // An identity that was made anew knows when the last note was.
    house.ask("TagUser", "UserName=alice&Tags.member.1.Key=a&Tags.member.1.Value=b").unwrap();
    assert_eq!(house.use_of(&key, "kms"), 0);
    house.clock.advance_millis(1);
    assert_eq!(house.use_of(&key, "kms"), 1);
    assert_eq!(used(), (Some(begun + 300.0), json!("kms"), json!("us-east-1")));
}

#[test]
fn the_last_use_of_a_role_is_that_of_its_sessions() {
    let house = house();
    let alice = house.user("alice");
    house.allow("alice", &allows("sts:AssumeRole", "*"));
    let trust = escaped(&trusts("arn:aws:iam::123456789012:root"));
    house.ask("CreateRole", &format!("RoleName=Worker&AssumeRolePolicyDocument={trust}")).unwrap();
    let session = || {
        let form = "RoleArn=arn:aws:iam::123456789012:role/Worker&RoleSessionName=s1";
        session_key(&house.ask_with(&alice, "AssumeRole", form).unwrap())
    };
    let (one, other) = (session(), session());
    let used = || house.ask("GetRole", "RoleName=worker").unwrap()["Role"]["RoleLastUsed"].clone();
    assert_eq!(used(), json!({}));
    let begun = house.root(ACCOUNT).now.as_secs();
    assert_eq!(house.use_of(&one, "sqs"), 1);
    assert_eq!(house.use_of(&other, "sqs"), 0, "the role was noted");
    assert_eq!(used(), json!({"LastUsedDate": begun, "Region": "us-east-1"}));
    let temporary = session_key(&house.ask_with(&alice, "GetSessionToken", "").unwrap());
    assert_eq!(house.use_of(&temporary, "sqs"), 0, "a temporary key of a user is listed nowhere");
}

#[test]
fn a_new_name_keeps_keys_and_groups() {
    let house = house();
    let key = house.user("alice");
    house.ask("CreateGroup", "GroupName=readers").unwrap();
    house.ask("AddUserToGroup", "GroupName=readers&UserName=alice").unwrap();
    house.ask("AttachGroupPolicy", "GroupName=readers&PolicyArn=arn:aws:iam::aws:policy/IAMReadOnlyAccess").unwrap();
    house.ask("UpdateUser", "UserName=alice&NewUserName=eve&NewPath=%2Fx%2F").unwrap();
    let me = house.ask_with(&key, "GetUser", "").unwrap();
    assert_eq!(me["User"]["Arn"], format!("arn:aws:iam::{ACCOUNT}:user/x/eve"));
    assert_eq!(house.ask("GetGroup", "GroupName=readers").unwrap()["Users"][0]["UserName"], "eve");
    assert_eq!(refused(house.ask("GetUser", "UserName=alice")), "NoSuchEntity");
}

#[test]
fn names_are_the_same_in_upper_and_lower_case() {
    let house = house();
    house.user("Alice");
    assert_eq!(refused(house.ask("CreateUser", "UserName=ALICE")), "EntityAlreadyExists");
    assert_eq!(house.ask("GetUser", "UserName=alice").unwrap()["User"]["UserName"], "Alice");
}

#[test]
fn a_boundary_cuts_what_policies_allow() {
    let house = house();
    let key = house.user("alice");
    house.allow("alice", &allows("iam:*", "*"));
    let document = escaped(&allows("iam:List*", "*"));
    house.ask("CreatePolicy", &format!("PolicyName=most&PolicyDocument={document}")).unwrap();
    let arn = format!("arn:aws:iam::{ACCOUNT}:policy/most");
    house.ask("PutUserPermissionsBoundary", &format!("UserName=alice&PermissionsBoundary={arn}")).unwrap();
    house.ask_with(&key, "ListUsers", "").unwrap();
    let (_, sentence) = house.ask_with(&key, "CreateUser", "UserName=bob").unwrap_err();
    assert!(sentence.ends_with("because no permissions boundary allows the iam:CreateUser action"), "{sentence}");
    assert_eq!(refused(house.ask("DeletePolicy", &format!("PolicyArn={arn}"))), "DeleteConflict");
}

#[test]
fn who_may_not_attach_a_policy_cannot_gain_by_a_new_version_or_another_users_key() {
    let house = house();
    let key = house.user("mallory");
    house.user("admin");
    house.allow("mallory", &allows("iam:CreateAccessKey", "arn:aws:iam::123456789012:user/${aws:username}"));
    house.ask_with(&key, "CreateAccessKey", "").unwrap();
    let document = escaped(&allows("*", "*"));
    for (operation, form) in [
        ("CreateAccessKey", "UserName=admin".to_owned()),
        // In other letters it is the same user, and asked about by its own name.
        ("CreateAccessKey", "UserName=ADMIN".to_owned()),
        ("PutUserPolicy", format!("UserName=mallory&PolicyName=q&PolicyDocument={document}")),
        ("AttachUserPolicy", "UserName=mallory&PolicyArn=arn:aws:iam::aws:policy/AdministratorAccess".to_owned()),
        ("CreatePolicy", format!("PolicyName=q&PolicyDocument={document}")),
        ("UpdateUser", "UserName=admin&NewUserName=mallory2".to_owned()),
    ] {
        assert_eq!(refused(house.ask_with(&key, operation, &form)), "AccessDenied", "{operation}");
    }
}

#[test]
fn a_role_is_assumed_by_whom_its_trust_policy_names() {
    let house = house();
    let (alice, mallory) = (house.user("alice"), house.user("mallory"));
    let trust = escaped(&trusts("arn:aws:iam::123456789012:user/alice"));
    house.ask("CreateRole", &format!("RoleName=worker&Path=%2Fp%2F&AssumeRolePolicyDocument={trust}")).unwrap();
    house.ask("AttachRolePolicy", "RoleName=worker&PolicyArn=arn:aws:iam::aws:policy/IAMReadOnlyAccess").unwrap();
    let form = "RoleArn=arn:aws:iam::123456789012:role/p/worker&RoleSessionName=s1";
    let answer = house.ask_with(&alice, "AssumeRole", form).unwrap();
    assert_eq!(answer["AssumedRoleUser"]["Arn"], "arn:aws:sts::123456789012:assumed-role/worker/s1");
    let session = session_key(&answer);
    house.ask_with(&session, "ListUsers", "").unwrap();
    assert_eq!(refused(house.ask_with(&session, "CreateUser", "UserName=x")), "AccessDenied");
    let (_, sentence) = house.ask_with(&mallory, "AssumeRole", form).unwrap_err();
    assert!(sentence.contains("is not authorized to perform: sts:AssumeRole on resource"), "{sentence}");
    // A role that is not there is refused with the same code.
    let form = "RoleArn=arn:aws:iam::123456789012:role/nothing&RoleSessionName=s1";
    assert_eq!(refused(house.ask_with(&alice, "AssumeRole", form)), "AccessDenied");
    // What is taken from the role is taken from its sessions at once.
    house.ask("DetachRolePolicy", "RoleName=worker&PolicyArn=arn:aws:iam::aws:policy/IAMReadOnlyAccess").unwrap();
    assert_eq!(refused(house.ask_with(&session, "ListUsers", "")), "AccessDenied");
    house.ask("DeleteRole", "RoleName=worker").unwrap();
    assert_eq!(house.identity(&session).unwrap_err(), "InvalidClientTokenId");
}

#[test]
fn a_role_of_another_account_needs_both_accounts() {
    let house = house();
    let alice = house.user("alice");
    let trust = escaped(&trusts("arn:aws:iam::123456789012:root"));
    let form = format!("RoleName=guest&AssumeRolePolicyDocument={trust}");
    house.ask_as(house.root("999999999999"), "CreateRole", &form).unwrap();
    let form = "RoleArn=arn:aws:iam::999999999999:role/guest&RoleSessionName=s1";
    assert_eq!(refused(house.ask_with(&alice, "AssumeRole", form)), "AccessDenied");
    house.allow("alice", &allows("sts:AssumeRole", "arn:aws:iam::999999999999:role/guest"));
    let session = session_key(&house.ask_with(&alice, "AssumeRole", form).unwrap());
    let me = house.ask_with(&session, "GetCallerIdentity", "").unwrap();
    assert_eq!(
        (&me["Account"], &me["Arn"]),
        (&json!("999999999999"), &json!("arn:aws:sts::999999999999:assumed-role/guest/s1"))
    );
    assert_eq!(
        house.ask("GetAccessKeyInfo", &format!("AccessKeyId={}", session.id)).unwrap()["Account"],
        "999999999999"
    );
}

#[test]
fn a_session_is_bound_to_its_key_and_its_time() {
    let house = house();
    let alice = house.user("alice");
    let first = session_key(&house.ask_with(&alice, "GetSessionToken", "DurationSeconds=900").unwrap());
    let second = session_key(&house.ask_with(&alice, "GetSessionToken", "").unwrap());
    let identity = house.identity(&first).unwrap();
    assert_eq!(identity.secret.expose(), first.secret.as_bytes());
    assert_eq!(identity.caller.name(), "arn:aws:iam::123456789012:user/alice");
    for (id, token) in [(&first.id, &second.token), (&first.id, &None), (&alice.id, &first.token)] {
        let mixed = house::Key { id: id.clone(), secret: String::new(), token: token.clone() };
        assert_eq!(house.identity(&mixed).unwrap_err(), "InvalidClientTokenId");
    }
    let mut cut = first.token.clone().unwrap();
    cut.truncate(40);
    let cut = house::Key { id: first.id.clone(), secret: String::new(), token: Some(cut) };
    assert_eq!(house.identity(&cut).unwrap_err(), "InvalidClientTokenId");
    house.clock.advance_millis(901_000);
    assert_eq!(house.identity(&first).unwrap_err(), "ExpiredToken");
    assert!(house.identity(&second).is_ok());
    assert_eq!(refused(house.ask_with(&second, "GetSessionToken", "")), "AccessDenied");
}

#[test]
fn session_policies_and_tags_are_in_force() {
    let house = house();
    let alice = house.user("alice");
    let trust = escaped(&trusts("arn:aws:iam::123456789012:root"));
    house.ask("CreateRole", &format!("RoleName=worker&AssumeRolePolicyDocument={trust}")).unwrap();
    house.ask("AttachRolePolicy", "RoleName=worker&PolicyArn=arn:aws:iam::aws:policy/IAMFullAccess").unwrap();
    house.allow("alice", &allows("sts:*", "*"));
    let policy = escaped(&allows("iam:ListUsers", "*"));
    let form = format!(
        "RoleArn=arn:aws:iam::123456789012:role/worker&RoleSessionName=s1&Policy={policy}&Tags.member.1.Key=Team\
         &Tags.member.1.Value=blue"
    );
    let session = session_key(&house.ask_with(&alice, "AssumeRole", &form).unwrap());
    house.ask_with(&session, "ListUsers", "").unwrap();
    let (_, sentence) = house.ask_with(&session, "ListRoles", "").unwrap_err();
    assert!(sentence.ends_with("because no session policy allows the iam:ListRoles action"), "{sentence}");
    let facts = &house.identity(&session).unwrap().facts;
    assert!(facts.contains(&("aws:principaltag/team".into(), gateway::Fact::Text("blue".into()))));
}

#[test]
fn a_federated_user_has_what_both_policies_allow() {
    let house = house();
    let alice = house.user("alice");
    house.allow("alice", &allows("*", "*"));
    let bare = session_key(&house.ask_with(&alice, "GetFederationToken", "Name=guest").unwrap());
    assert_eq!(house.identity(&bare).unwrap().session.as_ref().map(Vec::len), Some(0));
    let policy = escaped(&allows("sqs:*", "*"));
    let form = format!("Name=guest&Policy={policy}");
    let guest = session_key(&house.ask_with(&alice, "GetFederationToken", &form).unwrap());
    let me = house.ask_with(&guest, "GetCallerIdentity", "").unwrap();
    assert_eq!(me["Arn"], "arn:aws:sts::123456789012:federated-user/guest");
    assert_eq!(me["UserId"], "123456789012:guest");
}

#[test]
fn temporary_keys_of_users_do_not_reach_iam() {
    let house = house();
    let alice = house.user("alice");
    house.allow("alice", &allows("*", "*"));
    let session = session_key(&house.ask_with(&alice, "GetSessionToken", "").unwrap());
    assert_eq!(refused(house.ask_with(&session, "ListUsers", "")), "InvalidClientTokenId");
    house.ask_with(&session, "GetCallerIdentity", "").unwrap();
}

#[test]
fn values_that_the_model_does_not_allow_are_told_in_iams_words() {
    let house = house();
    let (code, sentence) = house.ask("CreateUser", "UserName=a%20b").unwrap_err();
    assert_eq!(code, "ValidationError");
    assert_eq!(
        sentence,
        "1 validation error detected: Value 'a b' at 'userName' failed to satisfy constraint: Member must satisfy regular \
         expression pattern: [\\w+=,.@-]+"
    );
    let (code, sentence) = house.ask("CreateUser", "").unwrap_err();
    assert_eq!(code, "ValidationError");
    assert!(sentence.ends_with("Value null at 'userName' failed to satisfy constraint: Member must not be null"));
    assert_eq!(refused(house.ask("CreatePolicy", "PolicyName=p&PolicyDocument=%7B%7D")), "MalformedPolicyDocument");
}

#[test]
fn a_listing_goes_on_where_its_page_ended() {
    let house = house();
    for name in ["a", "b", "c"] {
        house.ask("CreateUser", &format!("UserName={name}")).unwrap();
    }
    let first = house.ask("ListUsers", "MaxItems=2").unwrap();
    assert_eq!((first["Users"].as_array().unwrap().len(), &first["IsTruncated"]), (2, &json!(true)));
    house.ask("DeleteUser", "UserName=b").unwrap();
    let rest = house.ask("ListUsers", &format!("Marker={}", first["Marker"].as_str().unwrap())).unwrap();
    assert_eq!((&rest["Users"][0]["UserName"], &rest["IsTruncated"]), (&json!("c"), &json!(false)));
}

#[test]
fn nothing_goes_that_something_hangs_on() {
    let house = house();
    house.user("alice");
    assert_eq!(refused(house.ask("DeleteUser", "UserName=alice")), "DeleteConflict");
    house.ask("CreateGroup", "GroupName=g").unwrap();
    house.ask("AddUserToGroup", "GroupName=g&UserName=alice").unwrap();
    assert_eq!(refused(house.ask("DeleteGroup", "GroupName=g")), "DeleteConflict");
    let document = escaped(&allows("*", "*"));
    house.ask("CreatePolicy", &format!("PolicyName=p&PolicyDocument={document}")).unwrap();
    let arn = "PolicyArn=arn:aws:iam::123456789012:policy/p";
    for _ in 0..4 {
        house.ask("CreatePolicyVersion", &format!("{arn}&PolicyDocument={document}&SetAsDefault=true")).unwrap();
    }
    assert_eq!(refused(house.ask("CreatePolicyVersion", &format!("{arn}&PolicyDocument={document}"))), "LimitExceeded");
    assert_eq!(refused(house.ask("DeletePolicy", arn)), "DeleteConflict");
    assert_eq!(refused(house.ask("DeletePolicyVersion", &format!("{arn}&VersionId=v5"))), "DeleteConflict");
    house.ask("DeletePolicyVersion", &format!("{arn}&VersionId=v1")).unwrap();
    let versions = house.ask("ListPolicyVersions", arn).unwrap();
    assert_eq!(versions["Versions"][0]["VersionId"], "v5");
    assert_eq!(versions["Versions"].as_array().unwrap().len(), 4);
}

#[test]
fn a_simulation_tells_the_decision_and_its_statement() {
    let house = house();
    house.user("alice");
    house.allow("alice", &allows("sqs:SendMessage", "arn:aws:sqs:*:*:jobs"));
    let form = "PolicySourceArn=arn:aws:iam::123456789012:user/alice&ActionNames.member.1=sqs:SendMessage\
                &ActionNames.member.2=sqs:ReceiveMessage&ResourceArns.member.1=arn:aws:sqs:us-east-1:123456789012:jobs";
    let answer = house.ask("SimulatePrincipalPolicy", form).unwrap();
    let results = &answer["EvaluationResults"];
    assert_eq!(results[0]["EvalDecision"], "allowed");
    assert_eq!(results[0]["MatchedStatements"][0]["SourcePolicyId"], "user_alice_p");
    assert_eq!(results[0]["MatchedStatements"][0]["StartPosition"], json!({"Line": 1, "Column": 38}));
    assert_eq!(results[1]["EvalDecision"], "implicitDeny");
    let document = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"${aws:username}"}}}}"#;
    let form = format!("PolicyInputList.member.1={}", escaped(document));
    let keys = house.ask("GetContextKeysForCustomPolicy", &form).unwrap();
    assert_eq!(keys["ContextKeyNames"], json!(["aws:PrincipalTag/team", "aws:username"]));
    let form = format!(
        "{form}&ActionNames.member.1=sqs:SendMessage&CallerArn=arn:aws:iam::123456789012:user/bob\
         &ContextEntries.member.1.ContextKeyName=aws:PrincipalTag/team&ContextEntries.member.1.ContextKeyType=string\
         &ContextEntries.member.1.ContextKeyValues.member.1=bob"
    );
    let answer = house.ask("SimulateCustomPolicy", &form).unwrap();
    assert_eq!(answer["EvaluationResults"][0]["EvalDecision"], "explicitDeny");
    assert_eq!(answer["EvaluationResults"][0]["MissingContextValues"], json!([]));
}
