//! `tidewire policy simulate` as a person runs it: may X do Y on Z, why, and the exit code.

use super::server::{File, output};

const USER: &str = "arn:aws:iam::111111111111:user/worker";
const QUEUE: &str = "arn:aws:sqs:us-east-1:111111111111:jobs";

const WORKER: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Sid": "Work", "Effect": "Allow", "Action": ["sqs:ReceiveMessage", "sqs:DeleteMessage"], "Resource": "*"},
    {"Sid": "NotFromOutside", "Effect": "Deny", "Action": "*", "Resource": "*",
     "Condition": {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}]}"#;

const FROM_BUCKET: &str = r#"{"Version": "2012-10-17", "Statement": {
    "Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "SQS:SendMessage", "Resource": "*",
    "Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:s3:*:*:uploads"},
                  "StringEquals": {"aws:SourceAccount": "111111111111"}}}}"#;

fn ask(principal: &str, action: &str, more: &[&str]) -> (Option<i32>, String) {
    let words = ["policy", "simulate", "--principal", principal, "--action", action, "--resource", QUEUE];
    output(&[&words, more].concat())
}

#[test]
fn a_callers_own_policy_decides_and_the_statement_is_named() {
    let file = File::of("worker", WORKER);
    let policy = ["--identity-policy", file.path()];
    let inside = [&policy[..], &["--context", "aws:SourceIp=10.1.2.3"]].concat();
    let (code, said) = ask(USER, "sqs:ReceiveMessage", &inside);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with("allowed: statement 1 (Sid \"Work\") of identity-based policy"), "{said}");

    let (code, said) = ask(USER, "sqs:SendMessage", &inside);
    assert_eq!(code, Some(1), "{said}");
    let sentence = format!(
        "denied: User: {USER} is not authorized to perform: sqs:SendMessage on resource: {QUEUE} because no \
         identity-based policy allows the sqs:SendMessage action"
    );
    assert_eq!(said.trim(), sentence);

    let (code, said) = ask(USER, "sqs:ReceiveMessage", &policy);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("with an explicit deny in an identity-based policy"), "{said}");
    assert!(said.contains("by statement 2 (Sid \"NotFromOutside\")"), "{said}");
}

#[test]
fn a_role_beside_who_is_no_session_decides_nothing() {
    let file = File::of("role-arn", WORKER);
    let role = ["--identity-policy", file.path(), "--role-arn", "arn:aws:iam::111111111111:role/p/worker"];
    let (code, said) = ask("arn:aws:sts::111111111111:assumed-role/worker/s", "sqs:ReceiveMessage", &role);
    assert_eq!(code, Some(1), "{said}");
    let (code, said) = ask(USER, "sqs:ReceiveMessage", &role);
    assert_eq!(code, Some(2), "{said}");
    assert_eq!(said.trim(), format!("tidewire: --role-arn names the role of a session, and {USER} is none"));
}

#[test]
fn events_of_a_bucket_are_let_in_only_from_that_bucket_and_account() {
    let file = File::of("bucket", FROM_BUCKET);
    let send = |arn: &str, account: &str, principal: &str| {
        let (arn, account) = (format!("aws:SourceArn={arn}"), format!("aws:SourceAccount={account}"));
        let more = ["--resource-policy", file.path(), "--context", &arn, "--context", &account, "--output", "json"];
        ask(principal, "sqs:SendMessage", &more)
    };
    let (code, said) = send("arn:aws:s3:::uploads", "111111111111", "s3.amazonaws.com");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("\"decision\": \"allowed\"") && said.contains("\"index\": 0"), "{said}");
    for (arn, account, principal) in [
        ("arn:aws:s3:::downloads", "111111111111", "s3.amazonaws.com"),
        ("arn:aws:s3:::uploads", "222222222222", "s3.amazonaws.com"),
        ("arn:aws:s3:::uploads", "111111111111", "sns.amazonaws.com"),
        ("arn:aws:s3:::uploads", "111111111111", "anonymous"),
    ] {
        let (code, said) = send(arn, account, principal);
        assert_eq!(code, Some(1), "{arn} {account} {principal}: {said}");
        assert!(said.contains("because no resource-based policy allows the sqs:SendMessage action"), "{said}");
    }
}

#[test]
fn what_is_no_policy_and_who_is_no_caller_is_said() {
    let file = File::of("broken", &WORKER.replace("2012", "2008"));
    let (code, said) = ask(USER, "sqs:SendMessage", &["--identity-policy", file.path()]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("MalformedPolicyDocument: Policy document must be version 2012-10-17 or greater."), "{said}");
    let (code, said) = ask("bob", "sqs:SendMessage", &[]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("a caller is the ARN of"), "{said}");
}
