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

const EVERYTHING: &str =
    r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#;
const RECEIVES: &str =
    r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sqs:ReceiveMessage", "Resource": "*"}}"#;
const NO_SENDS: &str = r#"{"Version": "2012-10-17", "Statement": {
    "Sid": "Silent", "Effect": "Deny", "Action": "sqs:SendMessage", "Resource": "*"}}"#;
const NO_SENDS_HERE: &str = r#"{"Version": "2012-10-17", "Statement": {
    "Sid": "Deaf", "Effect": "Deny", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}}"#;
const TRUSTS_THE_WORKER: &str = r#"{"Version": "2012-10-17", "Statement": {
    "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:user/worker"}, "Action": "sts:AssumeRole"}}"#;

#[test]
fn every_gate_beside_the_callers_own_policy_takes_away_what_it_does_not_allow() {
    let session = "arn:aws:sts::111111111111:assumed-role/worker/s";
    let all = File::of("gates-all", EVERYTHING);
    let receives = File::of("gates-receives", RECEIVES);
    let (silent, deaf) = (File::of("gates-silent", NO_SENDS), File::of("gates-deaf", NO_SENDS_HERE));
    let level = format!("{},{}", all.path(), silent.path());
    for (principal, gate, because) in [
        (
            USER,
            &["--boundary", receives.path()][..],
            "because no permissions boundary allows the sqs:SendMessage action",
        ),
        (
            session,
            &["--session-policy", receives.path()],
            "because no session policy allows the sqs:SendMessage action",
        ),
        (USER, &["--scp", receives.path()], "because no service control policy allows the sqs:SendMessage action"),
        (
            USER,
            &["--scp", all.path(), "--scp", receives.path()],
            "because no service control policy allows the sqs:SendMessage action",
        ),
        (
            USER,
            &["--scp", &level],
            "with an explicit deny in a service control policy\n  by statement 1 (Sid \"Silent\")",
        ),
        (
            USER,
            &["--rcp", deaf.path()],
            "with an explicit deny in a resource control policy\n  by statement 1 (Sid \"Deaf\")",
        ),
    ] {
        let own = ["--identity-policy", all.path()];
        let (code, said) = ask(principal, "sqs:SendMessage", &own);
        assert_eq!(code, Some(0), "without {gate:?}: {said}");
        let words = [&own, gate].concat();
        let (code, said) = ask(principal, "sqs:SendMessage", &words);
        assert!(code == Some(1) && said.contains(because), "{gate:?}: {said}");
        let (code, said) = ask(principal, "sqs:ReceiveMessage", &words);
        assert_eq!(code, Some(0), "{gate:?} leaves what it allows: {said}");
    }
}

#[test]
fn the_servers_organization_stands_over_callers_and_resources() {
    let all = File::of("organized-all", EVERYTHING);
    let levels = format!(
        r#"{{"ManagementAccountId": "999999999999", "Levels": [
            {{"ServiceControlPolicies": ["FullAWSAccess", {{"Name": "no-sends", "Document": {NO_SENDS}}}]}},
            {{"Accounts": ["111111111111"], "ServiceControlPolicies": [{{"Name": "receives", "Document": {RECEIVES}}}]}},
            {{"Accounts": ["222222222222"], "ResourceControlPolicies": [{{"Name": "here", "Document": {NO_SENDS_HERE}}}]}}]}}"#
    );
    let levels = File::of("organized", &levels);
    let says = |account: &str, owner: &str, action: &str| {
        let (user, queue) = (format!("arn:aws:iam::{account}:user/u"), format!("arn:aws:sqs:r:{owner}:q"));
        let words = ["policy", "simulate", "--principal", &user, "--action", action, "--resource", &queue];
        let more = ["--identity-policy", all.path(), "--organization", levels.path()];
        output(&[&words[..], &more].concat())
    };
    let deny = "with an explicit deny in a service control policy\n  by statement 1 (Sid \"Silent\")";
    let none = "because no service control policy allows the sqs:PurgeQueue action";
    let control = "with an explicit deny in a resource control policy\n  by statement 1 (Sid \"Deaf\")";
    for (account, action, because) in [
        ("111111111111", "sqs:SendMessage", Some(deny)),
        ("111111111111", "sqs:PurgeQueue", Some(none)),
        ("111111111111", "sqs:ReceiveMessage", None),
        ("333333333333", "sqs:SendMessage", Some(deny)),
        ("333333333333", "sqs:PurgeQueue", None),
        ("222222222222", "SQS:SENDMESSAGE", Some(control)),
        ("999999999999", "sqs:SendMessage", None),
    ] {
        let (code, said) = says(account, account, action);
        let expected = if because.is_none() { 0 } else { 1 };
        assert!(code == Some(expected) && said.contains(because.unwrap_or("allowed: ")), "{account} {action}: {said}");
    }
    let words = ["--organization", levels.path(), "--scp", all.path()];
    let (code, said) = ask(USER, "sqs:SendMessage", &words);
    assert!(code == Some(2) && said.contains("cannot be used with"), "{said}");
    let (code, said) = ask(USER, "sqs:SendMessage", &["--organization", all.path()]);
    assert!(code == Some(2) && said.contains("unknown field"), "{said}");
}

#[test]
fn a_role_is_assumed_by_whom_its_trust_policy_names() {
    let (trust, all) = (File::of("trust", TRUSTS_THE_WORKER), File::of("trust-all", EVERYTHING));
    let assume = |principal: &str, more: &[&str]| {
        let role = "arn:aws:iam::111111111111:role/worker";
        let words = ["policy", "simulate", "--principal", principal, "--action", "sts:AssumeRole", "--resource", role];
        output(&[&words[..], &["--identity-policy", all.path()], more].concat())
    };
    let (code, said) = assume(USER, &["--trust-policy", trust.path()]);
    assert!(code == Some(0) && said.contains("role trust policy"), "{said}");
    let other = "arn:aws:iam::111111111111:user/other";
    for (principal, more) in [(other, &["--trust-policy", trust.path()][..]), (USER, &[])] {
        let (code, said) = assume(principal, more);
        let because = "because no role trust policy allows the sts:AssumeRole action";
        assert!(code == Some(1) && said.contains(because), "{principal} {more:?}: {said}");
    }
}

#[test]
fn whose_a_resource_is_counts_where_its_arn_does_not_say() {
    let all = File::of("account", EVERYTHING);
    let get = |account: &str| {
        let words = ["policy", "simulate", "--principal", USER, "--action", "s3:GetObject", "--resource"];
        let more = ["arn:aws:s3:::uploads/k", "--identity-policy", all.path(), "--resource-account", account];
        output(&[&words[..], &more].concat())
    };
    let (code, said) = get("111111111111");
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = get("222222222222");
    assert!(
        code == Some(1) && said.contains("because no resource-based policy allows the s3:GetObject action"),
        "{said}"
    );
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
