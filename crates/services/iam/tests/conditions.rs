//! Condition keys of IAM, of STS and of sessions: each lets through what it is about, and nothing else.

#![allow(clippy::unwrap_used, reason = "a panic is the report")]
#![allow(clippy::needless_pass_by_value, reason = "documents are written where they are handed over")]

mod house;

use access::sigv4::{Claim, Fault, Incoming, Signer};
use gateway::{Actions, Need};
use house::{ACCOUNT, House, Key, account, escaped, session_key};
use journal::sim::SimDisk;
use serde_json::{Value, json};
use std::sync::{Arc, LazyLock};

static SQS: LazyLock<Actions> = LazyLock::new(|| Actions::new("sqs", ["SendMessage"]));

fn house() -> House {
    House::new(&Arc::new(SimDisk::new(1)))
}

fn document(statements: Value) -> String {
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

fn allow_if(action: &str, condition: Value) -> Value {
    json!({"Effect": "Allow", "Action": action, "Resource": "*", "Condition": condition})
}

/// Whether a key's identity may send.
fn may_send(house: &House, key: &Key) -> bool {
    let need = Need::of(SQS.get("SendMessage"), format!("arn:aws:sqs:us-east-1:{ACCOUNT}:jobs"), account(ACCOUNT));
    house.caller(key).unwrap().may(&need).is_ok()
}

/// A role that alice may assume, with everything that `statements` say.
fn role(house: &House, statements: Value) {
    let trust = document(json!({"Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:user/alice")},
        "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]}));
    house.ask("CreateRole", &format!("RoleName=r&AssumeRolePolicyDocument={}", escaped(&trust))).unwrap();
    let policy = escaped(&document(statements));
    house.ask("PutRolePolicy", &format!("RoleName=r&PolicyName=p&PolicyDocument={policy}")).unwrap();
}

fn assume(house: &House, key: &Key, more: &str) -> Key {
    session_key(&assumed(house, key, more).unwrap())
}

fn assumed(house: &House, key: &Key, more: &str) -> Result<Value, house::Refused> {
    house.ask_with(key, "AssumeRole", &format!("RoleArn=arn:aws:iam::{ACCOUNT}:role/r&{more}"))
}

#[test]
fn a_refusal_by_issue_time_ends_the_sessions_that_are_older() {
    let house = house();
    let alice = house.user("alice");
    // The clock of the house says 2027-01-15T08:00:00Z.
    role(
        &house,
        json!([
            {"Effect": "Allow", "Action": "*", "Resource": "*"},
            {"Effect": "Deny", "Action": "*", "Resource": "*",
             "Condition": {"DateLessThan": {"aws:TokenIssueTime": "2027-01-15T08:01:00Z"}}},
        ]),
    );
    let older = assume(&house, &alice, "RoleSessionName=s1");
    assert!(!may_send(&house, &older));
    house.clock.advance_millis(60_000);
    let newer = assume(&house, &alice, "RoleSessionName=s1");
    assert_eq!((may_send(&house, &older), may_send(&house, &newer)), (false, true));
    // A lasting key has no such time, so nothing is refused by it.
    house.allow(
        "alice",
        &document(json!([
            {"Effect": "Allow", "Action": "*", "Resource": "*"},
            {"Effect": "Deny", "Action": "*", "Resource": "*",
             "Condition": {"DateLessThan": {"aws:TokenIssueTime": "2037-01-15T08:01:00Z"}}},
        ])),
    );
    assert!(may_send(&house, &alice));
}

#[test]
fn a_session_has_no_second_factor_and_a_lasting_key_says_nothing_of_one() {
    let house = house();
    let alice = house.user("alice");
    let temporary = session_key(&house.ask_with(&alice, "GetSessionToken", "").unwrap());
    for (condition, lasting, session) in [
        (json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}}), false, false),
        (json!({"Bool": {"aws:MultiFactorAuthPresent": "false"}}), false, true),
        (json!({"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}}), true, false),
        (json!({"Null": {"aws:MultiFactorAuthPresent": "true"}}), true, false),
    ] {
        house.allow("alice", &document(allow_if("sqs:*", condition.clone())));
        assert_eq!((may_send(&house, &alice), may_send(&house, &temporary)), (lasting, session), "{condition}");
    }
}

#[test]
fn a_source_identity_is_a_key_of_its_session() {
    let house = house();
    let alice = house.user("alice");
    role(&house, allow_if("sqs:*", json!({"StringEquals": {"aws:SourceIdentity": "alice"}})));
    for (more, allowed) in [("", false), ("&SourceIdentity=mallory", false), ("&SourceIdentity=alice", true)] {
        let session = assume(&house, &alice, &format!("RoleSessionName=s1{more}"));
        assert_eq!(may_send(&house, &session), allowed, "{more}");
    }
}

#[test]
fn what_is_said_when_a_role_is_assumed_is_what_its_trust_policy_is_asked_with() {
    let house = house();
    let alice = house.user("alice");
    role(&house, allow_if("sqs:*", json!({})));
    let tag = "&Tags.member.1.Key=Team&Tags.member.1.Value=blue";
    let kept = format!("{tag}&TransitiveTagKeys.member.1=Team");
    for (condition, right, wrong) in [
        (
            json!({"StringEquals": {"sts:RoleSessionName": "s1"}}),
            "RoleSessionName=s1".to_owned(),
            "RoleSessionName=s2".to_owned(),
        ),
        (
            json!({"StringEquals": {"sts:RoleSessionName": "${aws:username}"}}),
            "RoleSessionName=alice".into(),
            "RoleSessionName=s1".into(),
        ),
        (
            json!({"StringEquals": {"sts:SourceIdentity": "alice"}}),
            "RoleSessionName=s1&SourceIdentity=alice".into(),
            "RoleSessionName=s1".into(),
        ),
        (
            json!({"StringEquals": {"sts:ExternalId": "word"}}),
            "RoleSessionName=s1&ExternalId=word".into(),
            "RoleSessionName=s1&ExternalId=other".into(),
        ),
        (
            json!({"ForAnyValue:StringEquals": {"sts:TransitiveTagKeys": "Team"}}),
            format!("RoleSessionName=s1{kept}"),
            format!("RoleSessionName=s1{tag}"),
        ),
        (
            json!({"StringEquals": {"aws:RequestTag/Team": "blue"}}),
            format!("RoleSessionName=s1{tag}"),
            "RoleSessionName=s1".into(),
        ),
        (
            json!({"ForAllValues:StringEquals": {"aws:TagKeys": "Team"}}),
            format!("RoleSessionName=s1{tag}"),
            format!("RoleSessionName=s1{}", tag.replace("Team", "Other")),
        ),
    ] {
        let trust =
            document(json!({"Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:user/alice")},
            "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"], "Condition": condition}));
        house.ask("UpdateAssumeRolePolicy", &format!("RoleName=r&PolicyDocument={}", escaped(&trust))).unwrap();
        assert!(assumed(&house, &alice, &right).is_ok(), "{condition}: {right}");
        assert_eq!(assumed(&house, &alice, &wrong).unwrap_err().0, "AccessDenied", "{condition}: {wrong}");
    }
}

#[test]
fn operations_of_iam_are_allowed_by_what_they_are_about() {
    let house = house();
    let admin = house.user("admin");
    house.ask("CreateUser", "UserName=tagged&Tags.member.1.Key=Team&Tags.member.1.Value=blue").unwrap();
    house.ask("CreateUser", "UserName=bare").unwrap();
    let tag = "Tags.member.1.Key=Team&Tags.member.1.Value=blue";
    let managed = |name: &str| format!("UserName=bare&PolicyArn=arn:aws:iam::aws:policy/{name}");
    for (operation, condition, right, wrong) in [
        (
            "AttachUserPolicy",
            json!({"ArnEquals": {"iam:PolicyARN": "arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess"}}),
            managed("AmazonSQSReadOnlyAccess"),
            managed("AdministratorAccess"),
        ),
        (
            "CreateServiceLinkedRole",
            json!({"StringEquals": {"iam:AWSServiceName": "sqs.amazonaws.com"}}),
            "AWSServiceName=sqs.amazonaws.com".into(),
            "AWSServiceName=sns.amazonaws.com".into(),
        ),
        (
            "GetUser",
            json!({"StringEquals": {"iam:ResourceTag/Team": "blue"}}),
            "UserName=tagged".into(),
            "UserName=bare".into(),
        ),
        (
            "CreateUser",
            json!({"StringEquals": {"aws:RequestTag/Team": "blue"}}),
            format!("UserName=new1&{tag}"),
            format!("UserName=new2&{}", tag.replace("blue", "red")),
        ),
        (
            "CreateUser",
            json!({"ForAllValues:StringEquals": {"aws:TagKeys": ["Team"]}}),
            format!("UserName=new3&{tag}"),
            format!("UserName=new4&{}", tag.replace("Team", "Other")),
        ),
    ] {
        house.allow("admin", &document(allow_if("iam:*", condition.clone())));
        let (code, sentence) = house.ask_with(&admin, operation, &wrong).expect_err(&wrong);
        assert_eq!(code, "AccessDenied", "{operation} {condition}: {sentence}");
        house.ask_with(&admin, operation, &right).unwrap_or_else(|why| panic!("{operation} {condition}: {why:?}"));
    }
}

#[test]
fn a_signing_key_that_is_kept_goes_with_the_access_key_that_changes() {
    let house = house();
    let alice = house.user("alice");
    let now = house.root(ACCOUNT).now;
    let plain: &[(&str, &[u8])] = &[("host", b"localhost")];
    let signed = |is_told_another: bool| {
        let secret = alice.secret.as_str().into();
        let signer =
            Signer { access_key: &alice.id, secret: &secret, token: None, region: "us-east-1", service: "sqs" };
        let request = Incoming { method: "POST", path: "/", query: "", headers: plain, body: b"" };
        let added = signer.sign(&request, now).unwrap();
        let mut headers = plain.to_vec();
        headers.extend(added.iter().map(|(name, value)| (*name, value.as_bytes())));
        let request = Incoming { headers: &headers, ..request };
        let claim = Claim::read(&request).unwrap();
        // What the authority says of the secret counts only where no signing key is kept.
        let told = if is_told_another { "another" } else { alice.secret.as_str() };
        house.signing_keys.verify(&request, &claim, now, &told.into()).map(drop)
    };
    assert_eq!(signed(false), Ok(()));
    assert_eq!(signed(true), Ok(()), "it is known from before");
    let form = format!("UserName=alice&AccessKeyId={}", alice.id);
    for (operation, more) in [("UpdateAccessKey", "&Status=Inactive"), ("DeleteAccessKey", "")] {
        house.ask(operation, &format!("{form}{more}")).unwrap();
        assert_eq!(signed(true), Err(Fault::Mismatch), "{operation}");
        assert_eq!(signed(false), Ok(()));
    }
}
