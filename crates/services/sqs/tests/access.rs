//! Who may do what with queues: the needs of operations, weighed as the gateway weighs them.
//!
//! Queues belong to account 000000000000; who asks is somebody of it, somebody of another account, a service, or nobody known.

// Integration tests are test code all through; clippy sees that only inside the test functions.
#![allow(clippy::unwrap_used)]

mod house;

use access::{Policy, Sort};
use gateway::{Caller, Fact, Identity, Service};
use house::House;
use names::{AccountId, Region};
use serde_json::{Value, json};
use std::sync::Arc;
use wire::json::JsonReader;

const JOBS: &str = "arn:aws:sqs:us-east-1:000000000000:jobs";
const URL: &str = "http://localhost:4566/000000000000/jobs";
const BUCKET: &str = "arn:aws:s3:::pictures";

/// Somebody with policies that allow these actions on all resources.
fn somebody(arn: &str, allowed: &[&str]) -> Identity {
    let nothing = Identity::bare(access::Caller::parse(arn).unwrap(), "".into());
    match allowed {
        [] => nothing,
        allowed => with_policy(arn, &json!({"Effect": "Allow", "Action": allowed, "Resource": "*"})),
    }
}

fn with_policy(arn: &str, statement: &Value) -> Identity {
    let policy = json!({"Version": "2012-10-17", "Statement": statement}).to_string();
    let policies = vec![Arc::new(Policy::parse("own", &policy, Sort::Identity).unwrap())];
    Identity { policies, ..somebody(arn, &[]) }
}

/// S3, on behalf of a bucket.
fn s3(bucket: &str, account: &str) -> Identity {
    let facts = [("aws:sourcearn", bucket), ("aws:sourceaccount", account)];
    let facts = facts.map(|(name, value)| (name.into(), Fact::Text(value.into())));
    Identity { facts: facts.into(), ..Identity::bare(access::Caller::service("s3.amazonaws.com"), "".into()) }
}

/// Whether somebody may: the refusal's name and sentence.
fn may(house: &House, who: &Identity, operation: &str, input: &Value) -> Result<(), String> {
    let operations = house.sqs.describe().shape.operations;
    let index = operations.iter().position(|known| known.name == operation).unwrap();
    let bytes = input.to_string().into_bytes();
    let prepared = house.sqs.prepare(index, &mut JsonReader::new(&bytes).unwrap()).unwrap();
    let caller = Caller::for_test(AccountId::DEFAULT, Region::parse("us-east-1").unwrap(), House::START);
    let caller = caller.proved(Arc::new(who.clone()));
    let needs = prepared.needs(&caller).map_err(|refused| format!("{}: {}", refused.error.name, refused.message))?;
    assert!(!needs.is_empty(), "{operation} asks for nothing");
    needs.iter().try_for_each(|need| caller.may(need)).map_err(|denied| denied.sentence)
}

fn house_with(policy: Option<Value>) -> House {
    let house = House::new();
    let attributes = policy.map_or(json!({}), |policy| json!({"Policy": policy.to_string()}));
    house.ask("CreateQueue", &json!({"QueueName": "jobs", "Attributes": attributes})).unwrap();
    house
}

fn statement(principal: &Value, action: &str, condition: &Value) -> Value {
    let one =
        json!({"Effect": "Allow", "Principal": principal, "Action": action, "Resource": JOBS, "Condition": condition});
    json!({"Version": "2012-10-17", "Statement": [one]})
}

fn receive() -> Value {
    json!({"QueueUrl": URL})
}

fn send() -> Value {
    json!({"QueueUrl": URL, "MessageBody": "b"})
}

const BOB: &str = "arn:aws:iam::000000000000:user/bob";
const EVE: &str = "arn:aws:iam::111122223333:user/eve";

#[test]
fn a_user_may_what_its_policies_allow_and_is_told_what_it_may_not() {
    let house = house_with(None);
    let bob = somebody(BOB, &["sqs:SendMessage", "SQS:GetQueue*"]);
    assert_eq!(may(&house, &bob, "SendMessage", &send()), Ok(()));
    let batch = json!({"QueueUrl": URL, "Entries": [{"Id": "a", "MessageBody": "b"}]});
    assert_eq!(may(&house, &bob, "SendMessageBatch", &batch), Ok(()), "a batch is what its entries are");
    assert_eq!(may(&house, &bob, "GetQueueUrl", &json!({"QueueName": "jobs"})), Ok(()));
    let sentence = format!(
        "User: {BOB} is not authorized to perform: sqs:receivemessage on resource: {JOBS} because no identity-based policy \
         allows the sqs:receivemessage action"
    );
    assert_eq!(may(&house, &bob, "ReceiveMessage", &receive()), Err(sentence));
    let all = may(&house, &bob, "ListQueues", &json!({})).unwrap_err();
    assert!(all.contains("sqs:listqueues on resource: arn:aws:sqs:us-east-1:000000000000: because"), "{all}");
    let root = somebody("arn:aws:iam::000000000000:root", &[]);
    assert_eq!(may(&house, &root, "DeleteQueue", &receive()), Ok(()));
}

#[test]
fn another_account_receives_if_both_sides_say_so_and_not_if_anything_differs() {
    let policy = statement(&json!({"AWS": "111122223333"}), "sqs:ReceiveMessage", &json!({}));
    let house = house_with(Some(policy));
    house.ask("CreateQueue", &json!({"QueueName": "other"})).unwrap();
    let eve = somebody(EVE, &["sqs:*"]);
    assert_eq!(may(&house, &eve, "ReceiveMessage", &receive()), Ok(()));
    for (what, who, operation, input, reason) in [
        ("nothing of its own", somebody(EVE, &[]), "ReceiveMessage", receive(), "no identity-based policy"),
        (
            "a third account",
            somebody("arn:aws:iam::444455556666:user/x", &["sqs:*"]),
            "ReceiveMessage",
            receive(),
            "no resource-based policy",
        ),
        ("another action", eve.clone(), "SendMessage", send(), "no resource-based policy"),
        (
            "another queue",
            eve.clone(),
            "ReceiveMessage",
            json!({"QueueUrl": URL.replace("jobs", "other")}),
            "no resource-based policy",
        ),
        (
            "a queue that is not there",
            eve.clone(),
            "ReceiveMessage",
            json!({"QueueUrl": URL.replace("jobs", "none")}),
            "no resource-based policy",
        ),
    ] {
        let denied = may(&house, &who, operation, &input).unwrap_err();
        assert!(denied.contains(reason), "{what}: {denied}");
    }
    let house = house.reopen();
    assert_eq!(may(&house, &eve, "ReceiveMessage", &receive()), Ok(()), "a policy is in force after a restart");
}

#[test]
fn a_permission_is_in_force_from_its_adding_to_its_removal() {
    let (house, eve) = (house_with(None), somebody(EVE, &["sqs:*"]));
    assert!(may(&house, &eve, "SendMessage", &send()).is_err());
    let permission =
        json!({"QueueUrl": URL, "Label": "l", "AWSAccountIds": ["111122223333"], "Actions": ["SendMessage"]});
    house.ask("AddPermission", &permission).unwrap();
    assert_eq!(may(&house, &eve, "SendMessage", &send()), Ok(()));
    assert!(may(&house, &eve, "ReceiveMessage", &receive()).is_err());
    house.ask("RemovePermission", &json!({"QueueUrl": URL, "Label": "l"})).unwrap();
    assert!(may(&house, &eve, "SendMessage", &send()).is_err());
}

#[test]
fn events_of_a_bucket_arrive_and_of_no_other() {
    let condition = json!({
        "ArnLike": {"aws:SourceArn": "arn:aws:s3:*:*:pictures"},
        "StringEquals": {"aws:SourceAccount": "777788889999"},
    });
    for principal in [json!("*"), json!({"AWS": "*"}), json!({"Service": "s3.amazonaws.com"})] {
        let house = house_with(Some(statement(&principal, "SQS:SendMessage", &condition)));
        assert_eq!(may(&house, &s3(BUCKET, "777788889999"), "SendMessage", &send()), Ok(()), "{principal}");
        let sns = Identity { caller: access::Caller::service("sns.amazonaws.com"), ..s3(BUCKET, "777788889999") };
        let everybody = principal != json!({"Service": "s3.amazonaws.com"});
        for (what, who, operation, input) in [
            ("another bucket", s3("arn:aws:s3:::letters", "777788889999"), "SendMessage", send()),
            ("another account's bucket", s3(BUCKET, "777788889990"), "SendMessage", send()),
            ("another action", s3(BUCKET, "777788889999"), "ReceiveMessage", receive()),
            ("no bucket at all", Identity { facts: Vec::new(), ..s3("", "") }, "SendMessage", send()),
            ("nobody known", Identity::anonymous(), "SendMessage", send()),
        ] {
            assert!(may(&house, &who, operation, &input).is_err(), "{what} by {principal}");
        }
        assert_eq!(may(&house, &sns, "SendMessage", &send()).is_ok(), everybody, "another service by {principal}");
    }
}

#[test]
fn the_unknown_have_what_a_policy_gives_to_everybody() {
    let house = house_with(Some(statement(&json!("*"), "sqs:SendMessage", &json!({}))));
    assert_eq!(may(&house, &Identity::anonymous(), "SendMessage", &send()), Ok(()));
    let denied = may(&house, &Identity::anonymous(), "ReceiveMessage", &receive()).unwrap_err();
    assert_eq!(denied, "Access to the resource http://localhost:4566/ is denied.");
    let address = json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}});
    let house = house_with(Some(statement(&json!("*"), "sqs:SendMessage", &address)));
    assert!(
        may(&house, &Identity::anonymous(), "SendMessage", &send()).is_err(),
        "an address that is not known is in no range"
    );
}

#[test]
fn what_changes_a_queue_is_its_owners_alone() {
    let house = house_with(Some(statement(&json!("*"), "sqs:*", &json!({}))));
    let eve = somebody(EVE, &["sqs:*"]);
    for (operation, input) in [
        ("AddPermission", json!({"QueueUrl": URL, "Label": "l", "AWSAccountIds": ["111122223333"], "Actions": ["*"]})),
        ("RemovePermission", json!({"QueueUrl": URL, "Label": "l"})),
        ("DeleteQueue", receive()),
        ("ListQueueTags", receive()),
        ("SetQueueAttributes", json!({"QueueUrl": URL, "Attributes": {}})),
        ("TagQueue", json!({"QueueUrl": URL, "Tags": {"a": "b"}})),
        ("UntagQueue", json!({"QueueUrl": URL, "TagKeys": ["a"]})),
    ] {
        for who in [&eve, &Identity::anonymous()] {
            assert!(may(&house, who, operation, &input).is_err(), "{operation} by {}", who.caller.name());
        }
        assert_eq!(may(&house, &somebody(BOB, &[]), operation, &input), Ok(()), "its own account has it by the policy");
    }
    for (operation, input) in
        [("PurgeQueue", receive()), ("GetQueueAttributes", receive()), ("ReceiveMessage", receive())]
    {
        assert_eq!(may(&house, &eve, operation, &input), Ok(()), "{operation}");
    }
}

#[test]
fn of_foreign_queues_only_those_learn_who_may() {
    let house = house_with(Some(statement(&json!({"AWS": EVE}), "sqs:GetQueueUrl", &json!({}))));
    let ask = |name: &str| json!({"QueueName": name, "QueueOwnerAWSAccountId": "000000000000"});
    let eve = somebody(EVE, &["sqs:*"]);
    assert_eq!(may(&house, &eve, "GetQueueUrl", &ask("jobs")), Ok(()));
    let words = "QueueDoesNotExist: The specified queue does not exist or you do not have access to it.";
    assert_eq!(may(&house, &eve, "GetQueueUrl", &ask("none")), Err(words.into()));
    let other = somebody("arn:aws:iam::111122223333:user/other", &["sqs:*"]);
    assert_eq!(may(&house, &other, "GetQueueUrl", &ask("jobs")), Err(words.into()));
}

#[test]
fn tags_of_queues_and_of_requests_are_asked_for() {
    let house = house_with(None);
    let rule = |key: &str, value: &str| json!({"Effect": "Allow", "Action": "sqs:*", "Resource": "*", "Condition": {"StringEquals": {key: value}}});
    let by_resource = with_policy(BOB, &rule("aws:ResourceTag/Team", "blue"));
    assert!(may(&house, &by_resource, "SendMessage", &send()).is_err());
    house.ask("TagQueue", &json!({"QueueUrl": URL, "Tags": {"team": "blue"}})).unwrap();
    assert_eq!(may(&house, &by_resource, "SendMessage", &send()), Ok(()));
    let house = house.reopen();
    assert_eq!(may(&house, &by_resource, "SendMessage", &send()), Ok(()));
    house.ask("UntagQueue", &json!({"QueueUrl": URL, "TagKeys": ["team"]})).unwrap();
    assert!(may(&house, &by_resource, "SendMessage", &send()).is_err());

    let by_request = with_policy(BOB, &rule("aws:RequestTag/team", "blue"));
    let create = |tags: Value| json!({"QueueName": "new", "tags": tags});
    assert_eq!(may(&house, &by_request, "CreateQueue", &create(json!({"team": "blue"}))), Ok(()));
    assert!(may(&house, &by_request, "CreateQueue", &create(json!({"team": "red"}))).is_err());
    assert!(may(&house, &by_request, "CreateQueue", &json!({"QueueName": "new"})).is_err());
    let keys = json!({"Effect": "Allow", "Action": "sqs:*", "Resource": "*",
        "Condition": {"ForAllValues:StringEquals": {"aws:TagKeys": ["a", "b"]}}});
    let by_keys = with_policy(BOB, &keys);
    assert_eq!(may(&house, &by_keys, "UntagQueue", &json!({"QueueUrl": URL, "TagKeys": ["a"]})), Ok(()));
    assert!(may(&house, &by_keys, "UntagQueue", &json!({"QueueUrl": URL, "TagKeys": ["a", "c"]})).is_err());
}

#[test]
fn a_queue_made_with_tags_needs_both_actions() {
    let house = house_with(None);
    let create = somebody(BOB, &["sqs:CreateQueue"]);
    assert_eq!(may(&house, &create, "CreateQueue", &json!({"QueueName": "new"})), Ok(()));
    let denied = may(&house, &create, "CreateQueue", &json!({"QueueName": "new", "tags": {"a": "b"}})).unwrap_err();
    assert!(denied.contains("sqs:tagqueue on resource: arn:aws:sqs:us-east-1:000000000000:new because"), "{denied}");
}

/// Every operation with an input, and the actions that it needs on the queue `jobs`; `other:` on the queue beside it.
fn rows() -> Vec<(&'static str, Value, Vec<&'static str>)> {
    let arn = json!({"SourceArn": JOBS});
    let handle = json!({"taskId": "one", "sourceArn": JOBS}).to_string();
    let handle = base64_simd::STANDARD.encode_to_string(handle);
    let entry = |more: Value| {
        let mut entry = json!({"Id": "a"});
        entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"QueueUrl": URL, "Entries": [entry]})
    };
    let with = |more: Value| {
        let mut input = receive();
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let set = |name: &str, value: String| with(json!({"Attributes": {name: value}}));
    let replay = json!({"from": 0, "into": OTHER, "only": "all"}).to_string();
    let taking = |first| vec![first, "receivemessage", "deletemessage", "getqueueattributes"];
    let permission = with(json!({"Label": "l", "AWSAccountIds": ["111122223333"], "Actions": ["*"]}));
    let to_other = json!({"SourceArn": JOBS, "DestinationArn": OTHER});
    let one = |name| vec![name];
    vec![
        ("AddPermission", permission, one("addpermission")),
        ("CancelMessageMoveTask", json!({"TaskHandle": handle}), taking("cancelmessagemovetask")),
        (
            "ChangeMessageVisibility",
            with(json!({"ReceiptHandle": "h", "VisibilityTimeout": 1})),
            one("changemessagevisibility"),
        ),
        (
            "ChangeMessageVisibilityBatch",
            entry(json!({"ReceiptHandle": "h", "VisibilityTimeout": 1})),
            one("changemessagevisibility"),
        ),
        ("CreateQueue", json!({"QueueName": "jobs"}), one("createqueue")),
        ("DeleteMessage", with(json!({"ReceiptHandle": "h"})), one("deletemessage")),
        ("DeleteMessageBatch", entry(json!({"ReceiptHandle": "h"})), one("deletemessage")),
        ("DeleteQueue", receive(), one("deletequeue")),
        ("GetQueueAttributes", receive(), one("getqueueattributes")),
        ("GetQueueUrl", json!({"QueueName": "jobs"}), one("getqueueurl")),
        ("ListDeadLetterSourceQueues", receive(), one("listdeadlettersourcequeues")),
        ("ListMessageMoveTasks", arn, vec!["listmessagemovetasks", "getqueueattributes"]),
        ("ListQueueTags", receive(), one("listqueuetags")),
        ("PurgeQueue", receive(), one("purgequeue")),
        ("ReceiveMessage", receive(), one("receivemessage")),
        ("RemovePermission", with(json!({"Label": "l"})), one("removepermission")),
        ("SendMessage", send(), one("sendmessage")),
        ("SendMessageBatch", entry(json!({"MessageBody": "b"})), one("sendmessage")),
        ("SetQueueAttributes", with(json!({"Attributes": {}})), one("setqueueattributes")),
        (
            "SetQueueAttributes",
            set("TidewireReplay", replay),
            vec!["setqueueattributes", "receivemessage", "other:sendmessage"],
        ),
        (
            "SetQueueAttributes",
            set("TidewireUnpark", json!({"then": "drop-first"}).to_string()),
            vec!["setqueueattributes", "deletemessage"],
        ),
        ("SetQueueAttributes", set("TidewireUnpark", json!({"then": "retry"}).to_string()), one("setqueueattributes")),
        ("StartMessageMoveTask", to_other, [taking("startmessagemovetask"), vec!["other:sendmessage"]].concat()),
        ("TagQueue", with(json!({"Tags": {"a": "b"}})), one("tagqueue")),
        ("UntagQueue", with(json!({"TagKeys": ["a"]})), one("untagqueue")),
    ]
}

const OTHER: &str = "arn:aws:sqs:us-east-1:000000000000:other";

/// An allowance of these actions, each on its queue alone.
fn exactly(needed: &[&str]) -> Identity {
    let one = |action: &&str| match action.strip_prefix("other:") {
        Some(action) => json!({"Effect": "Allow", "Action": format!("sqs:{action}"), "Resource": OTHER}),
        None => json!({"Effect": "Allow", "Action": format!("sqs:{action}"), "Resource": JOBS}),
    };
    match needed {
        [] => somebody(BOB, &[]),
        needed => with_policy(BOB, &needed.iter().map(one).collect()),
    }
}

#[test]
fn each_operation_needs_each_of_its_actions_and_no_other() {
    let house = house_with(None);
    house.ask("CreateQueue", &json!({"QueueName": "other"})).unwrap();
    for (operation, input, needed) in rows() {
        assert_eq!(may(&house, &exactly(&needed), operation, &input), Ok(()), "{operation} {input}");
        for left_out in &needed {
            let others: Vec<&str> = needed.iter().filter(|action| *action != left_out).copied().collect();
            let denied = may(&house, &exactly(&others), operation, &input).unwrap_err();
            let (queue, action) = left_out.split_once(':').unwrap_or(("jobs", left_out));
            let sentence = format!("sqs:{action} on resource: arn:aws:sqs:us-east-1:000000000000:{queue} because");
            assert!(denied.contains(&sentence), "{operation} without {left_out}: {denied}");
        }
    }
}

#[test]
fn exactly_the_operations_that_may_come_unsigned_can_be_granted_to_the_unknown_and_to_other_accounts() {
    let house = house_with(Some(statement(&json!("*"), "sqs:*", &json!({}))));
    let description = house.sqs.describe();
    let rows = rows();
    let asked = |operation: &str| rows.iter().any(|(known, ..)| *known == operation) || operation == "ListQueues";
    assert!(description.shape.operations.iter().all(|operation| asked(operation.name)), "a row for each");
    for (operation, input, needed) in rows {
        if needed.iter().any(|action| action.starts_with("other:")) {
            continue;
        }
        let is_open = description.unsigned.contains(&operation);
        assert_eq!(may(&house, &Identity::anonymous(), operation, &input).is_ok(), is_open, "{operation}");
        // A queue's name without an account is one of the caller's own, and so are the queues of move tasks.
        let of_own = ["GetQueueUrl", "CreateQueue", "CancelMessageMoveTask", "ListMessageMoveTasks"];
        if !of_own.contains(&operation) {
            assert_eq!(may(&house, &somebody(EVE, &["sqs:*"]), operation, &input).is_ok(), is_open, "{operation}");
        }
    }
    let tasks = json!({"SourceArn": JOBS});
    let start = may(&house, &somebody(EVE, &["sqs:*"]), "StartMessageMoveTask", &tasks);
    assert!(start.is_err(), "a task of another account's queue");
    assert!(may(&house, &Identity::anonymous(), "ListQueues", &json!({})).is_err());
}
