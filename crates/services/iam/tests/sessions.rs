//! What a temporary key stays bound to: its own session, the chain that it continues, and what STS and IAM never let it do.

#![allow(clippy::unwrap_used, reason = "a panic is the report")]

mod house;

use gateway::{Actions, Fact, Need};
use house::{ACCOUNT, House, Key, account, allows, escaped, session_key};
use journal::sim::SimDisk;
use serde_json::Value;
use std::sync::{Arc, LazyLock};

static SQS: LazyLock<Actions> = LazyLock::new(|| Actions::new("sqs", ["SendMessage", "ReceiveMessage"]));

fn house() -> House {
    House::new(&Arc::new(SimDisk::new(1)))
}

fn refused(answer: Result<Value, house::Refused>) -> String {
    answer.unwrap_err().0
}

/// A role that these actions of STS are granted for to a principal, and that may do everything.
fn role(house: &House, name: &str, principal: &str, actions: &str) {
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{principal}"}},"Action":[{actions}]}}]}}"#
    );
    house.ask("CreateRole", &format!("RoleName={name}&AssumeRolePolicyDocument={}", escaped(&trust))).unwrap();
    let document = escaped(&allows("*", "*"));
    house.ask("PutRolePolicy", &format!("RoleName={name}&PolicyName=p&PolicyDocument={document}")).unwrap();
}

fn assume(house: &House, key: &Key, role: &str, more: &str) -> Result<Value, house::Refused> {
    let form = format!("RoleArn=arn:aws:iam::{ACCOUNT}:role/{role}&RoleSessionName=s1{more}");
    house.ask_with(key, "AssumeRole", &form)
}

#[test]
fn a_request_keeps_the_session_that_it_was_proved_by_whatever_is_kept_by_then() {
    let house = house();
    let alice = house.user("alice");
    house.allow("alice", &allows("*", "*"));
    role(&house, "worker", &format!("arn:aws:iam::{ACCOUNT}:user/alice"), r#""sts:*""#);
    role(&house, "next", &format!("arn:aws:iam::{ACCOUNT}:role/worker"), r#""sts:*""#);
    let of_user = session_key(&house.ask_with(&alice, "GetSessionToken", "").unwrap());
    let of_role = session_key(&assume(&house, &alice, "worker", "").unwrap());
    let before = [&of_user, &of_role].map(|key| house.caller(key).unwrap());
    // Something changes, and others come with the same keys: what is kept for these keys now is not what these two came by.
    house.user("bob");
    let [_, _] = [&of_user, &of_role].map(|key| house.caller(key).unwrap());
    let [of_user, of_role] = before;
    assert_eq!(refused(house.ask_as(of_user.clone(), "ListUsers", "")), "InvalidClientTokenId");
    assert_eq!(refused(house.ask_as(of_user, "GetFederationToken", "Name=guest")), "AccessDenied");
    let form = format!("RoleArn=arn:aws:iam::{ACCOUNT}:role/next&RoleSessionName=s1");
    house.ask_as(of_role, "AssumeRole", &form).unwrap();
}

#[test]
fn a_user_that_is_gone_gets_no_key_of_the_root_user() {
    let house = house();
    let alice = house.user("alice");
    let root = house.ask("GetSessionToken", "").unwrap();
    let me = house.ask_with(&session_key(&root), "GetCallerIdentity", "").unwrap();
    assert_eq!(me["Arn"], format!("arn:aws:iam::{ACCOUNT}:root"));
    house.allow("alice", &allows("*", "*"));
    let asked = house.caller(&alice).unwrap();
    house.ask("DeleteUserPolicy", "UserName=alice&PolicyName=p").unwrap();
    house.ask("DeleteAccessKey", &format!("UserName=alice&AccessKeyId={}", alice.id)).unwrap();
    house.ask("DeleteUser", "UserName=alice").unwrap();
    assert_eq!(refused(house.ask_as(asked.clone(), "GetSessionToken", "")), "InvalidClientTokenId");
    assert_eq!(refused(house.ask_as(asked, "GetFederationToken", "Name=guest")), "InvalidClientTokenId");
}

#[test]
fn a_federated_user_asks_sts_who_it_is_and_nothing_else() {
    let house = house();
    let alice = house.user("alice");
    house.allow("alice", &allows("*", "*"));
    role(&house, "worker", &format!("arn:aws:iam::{ACCOUNT}:root"), r#""sts:*""#);
    let form = format!("Name=guest&Policy={}", escaped(&allows("*", "*")));
    for answer in [house.ask_with(&alice, "GetFederationToken", &form), house.ask("GetFederationToken", &form)] {
        let guest = session_key(&answer.unwrap());
        house.ask_with(&guest, "GetCallerIdentity", "").unwrap();
        assert_eq!(refused(assume(&house, &guest, "worker", "")), "AccessDenied");
        assert_eq!(refused(house.ask_with(&guest, "GetSessionToken", "")), "AccessDenied");
        assert_eq!(
            refused(house.ask_with(&guest, "GetAccessKeyInfo", "AccessKeyId=AKIAIOSFODNN7EXAMPLE")),
            "AccessDenied"
        );
        assert_eq!(refused(house.ask_with(&guest, "ListUsers", "")), "InvalidClientTokenId");
    }
}

#[test]
fn a_session_of_a_user_assumes_roles_asks_who_it_is_and_nothing_else() {
    let house = house();
    let alice = house.user("alice");
    house.allow("alice", &allows("*", "*"));
    role(&house, "worker", &format!("arn:aws:iam::{ACCOUNT}:user/alice"), r#""sts:*""#);
    let of_user = session_key(&house.ask_with(&alice, "GetSessionToken", "").unwrap());
    house.ask_with(&of_user, "GetCallerIdentity", "").unwrap();
    assume(&house, &of_user, "worker", "").unwrap();
    let of_root = session_key(&house.ask("GetSessionToken", "").unwrap());
    house.ask_with(&of_root, "GetCallerIdentity", "").unwrap();
    for key in [&of_user, &of_root] {
        for (operation, form) in [
            ("GetAccessKeyInfo", "AccessKeyId=AKIAIOSFODNN7EXAMPLE"),
            ("DecodeAuthorizationMessage", "EncodedMessage=x"),
            ("GetSessionToken", ""),
            ("GetFederationToken", "Name=guest"),
        ] {
            let (code, sentence) = house.ask_with(key, operation, form).unwrap_err();
            assert_eq!(code, "AccessDenied");
            assert_eq!(sentence, format!("Cannot call {operation} with session credentials"));
        }
    }
    house.ask_with(&alice, "GetAccessKeyInfo", &format!("AccessKeyId={}", alice.id)).unwrap();
}

#[test]
fn what_changed_since_the_door_was_asked_counts() {
    let house = house();
    let alice = house.user("alice");
    role(&house, "worker", &format!("arn:aws:iam::{ACCOUNT}:user/alice"), r#""sts:*""#);
    let form = format!("RoleArn=arn:aws:iam::{ACCOUNT}:role/worker&RoleSessionName=s1");
    let caller = || house.caller(&alice).unwrap();
    let admitted = || house.admitted(&caller(), "AssumeRole", &form).unwrap();
    house.carry_out(admitted(), caller()).unwrap();
    // The role trusts somebody else by now, and then it is another role, and then there is none.
    let (trusting, made) = (admitted(), admitted());
    let trust = escaped(&house::trusts(&format!("arn:aws:iam::{ACCOUNT}:role/worker")));
    house.ask("UpdateAssumeRolePolicy", &format!("RoleName=worker&PolicyDocument={trust}")).unwrap();
    let (code, sentence) = house.carry_out(trusting, caller()).unwrap_err();
    assert_eq!(code, "AccessDenied");
    assert!(sentence.contains("is not authorized to perform: sts:AssumeRole on resource"), "{sentence}");
    house.ask("DeleteRolePolicy", "RoleName=worker&PolicyName=p").unwrap();
    house.ask("DeleteRole", "RoleName=worker").unwrap();
    assert_eq!(refused(house.carry_out(made, caller())), "AccessDenied");
}

#[test]
fn what_is_not_done_is_refused_by_name() {
    let house = house();
    let alice = house.user("alice");
    role(&house, "worker", &format!("arn:aws:iam::{ACCOUNT}:user/alice"), r#""sts:*""#);
    for more in ["&SerialNumber=arn:aws:iam::123456789012:mfa/alice", "&TokenCode=123456"] {
        let (code, sentence) = assume(&house, &alice, "worker", more).unwrap_err();
        assert_eq!(code, "AccessDenied");
        assert_eq!(sentence, "MultiFactorAuthentication failed, unable to validate MFA code.");
    }
    let context = "&ProvidedContexts.member.1.ProviderArn=arn:aws:iam::aws:contextProvider/IdentityCenter\
                   &ProvidedContexts.member.1.ContextAssertion=eyJh";
    let (code, sentence) = assume(&house, &alice, "worker", context).unwrap_err();
    assert_eq!(code, "ValidationError");
    assert!(sentence.contains("ProvidedContexts"), "{sentence}");
}

#[test]
fn a_token_is_as_long_as_it_is_asked_to_be() {
    let house = house();
    let alice = house.user("alice");
    house.allow("alice", &allows("*", "*"));
    role(&house, "worker", &format!("arn:aws:iam::{ACCOUNT}:user/alice"), r#""sts:*""#);
    let length = |key: &Key| key.token.as_ref().unwrap().len();
    for least in [0, 1, 1000, 1001, 1002, 1003, 4096] {
        let more = format!("&MinimumSessionTokenSize={least}");
        for (operation, form) in [
            ("AssumeRole", format!("RoleArn=arn:aws:iam::{ACCOUNT}:role/worker&RoleSessionName=s1{more}")),
            ("GetSessionToken", more[1..].to_owned()),
            ("GetFederationToken", format!("Name=guest{more}")),
        ] {
            let key = session_key(&house.ask_with(&alice, operation, &form).unwrap());
            assert!((least..=least.max(400) + 4).contains(&length(&key)), "{operation} {least}: {}", length(&key));
            house.ask_with(&key, "GetCallerIdentity", "").unwrap();
        }
    }
}

#[test]
fn a_federated_user_of_the_root_user_has_what_its_session_policies_say() {
    let house = house();
    let form = format!("Name=guest&Policy={}", escaped(&allows("sqs:SendMessage", "*")));
    let guest = session_key(&house.ask("GetFederationToken", &form).unwrap());
    let bare = session_key(&house.ask("GetFederationToken", "Name=guest").unwrap());
    let may = |key: &Key, action: &str| {
        let queue = format!("arn:aws:sqs:us-east-1:{ACCOUNT}:jobs");
        house.caller(key).unwrap().may(&Need::of(SQS.get(action), queue, account(ACCOUNT))).is_ok()
    };
    assert!(may(&guest, "SendMessage"));
    assert!(!may(&guest, "ReceiveMessage"));
    assert!(!may(&bare, "SendMessage"));
}

#[test]
fn a_chain_keeps_its_tags_and_its_source_identity() {
    let house = house();
    let alice = house.user("alice");
    role(&house, "first", &format!("arn:aws:iam::{ACCOUNT}:user/alice"), r#""sts:*""#);
    role(&house, "second", &format!("arn:aws:iam::{ACCOUNT}:role/first"), r#""sts:*""#);
    role(&house, "closed", &format!("arn:aws:iam::{ACCOUNT}:role/first"), r#""sts:AssumeRole""#);
    let team = |team: &str| format!("&Tags.member.1.Key=Team&Tags.member.1.Value={team}");
    let begun = format!("{}&TransitiveTagKeys.member.1=team&SourceIdentity=alice", team("blue"));
    let first = session_key(&assume(&house, &alice, "first", &begun).unwrap());

    let (code, sentence) = assume(&house, &first, "second", &team("red")).unwrap_err();
    assert_eq!(code, "InvalidParameterValue");
    assert_eq!(
        sentence,
        "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the \
         calling session."
    );
    let (code, sentence) = assume(&house, &first, "second", "&TransitiveTagKeys.member.1=Other").unwrap_err();
    assert_eq!(code, "InvalidParameterValue");
    assert_eq!(sentence, "The specified transitive tag key must be included in the requested tags.");
    let (code, sentence) = assume(&house, &first, "second", "&SourceIdentity=mallory").unwrap_err();
    assert_eq!(code, "AccessDenied");
    assert!(sentence.contains("is not authorized to perform: sts:SetSourceIdentity on resource"), "{sentence}");
    // To hand a source identity on is asked for as setting one is.
    let (code, sentence) = assume(&house, &first, "closed", "").unwrap_err();
    assert_eq!(code, "AccessDenied");
    assert!(sentence.contains("sts:SetSourceIdentity"), "{sentence}");

    for more in ["", "&SourceIdentity=alice", "&Tags.member.1.Key=Stage&Tags.member.1.Value=test"] {
        let answer = assume(&house, &first, "second", more).unwrap();
        assert_eq!(answer["SourceIdentity"], "alice");
        let facts = &house.identity(&session_key(&answer)).unwrap().facts;
        assert!(facts.contains(&("aws:principaltag/team".into(), Fact::Text("blue".into()))), "{facts:?}");
    }
    let twice = format!("{}&Tags.member.2.Key=team&Tags.member.2.Value=red", team("blue"));
    let (code, sentence) = assume(&house, &alice, "first", &twice).unwrap_err();
    assert_eq!(code, "InvalidParameterValue");
    assert_eq!(sentence, "Duplicate tag keys found. Please note that Tag keys are case insensitive.");
}
