//! Policies of topics on a disk: who may have one, what they do to what is published, kept and replayed, and that they outlive a restart.

use crate::api::{
    CreatePlatformApplicationInput, CreatePlatformEndpointInput, CreateTopicInput, GetDataProtectionPolicyInput,
    PublishBatchInput, PublishBatchRequestEntry, PublishInput, PutDataProtectionPolicyInput,
};
use crate::disk_house::{House, NOW};
use crate::limits;
use crate::ops::for_tests::{CreateTopic, GetDataProtectionPolicy, Publish, PublishBatch, PutDataProtectionPolicy};
use crate::push::ops::{CreatePlatformApplication, CreatePlatformEndpoint};
use crate::refusal::Refusal;
use journal::sim::SimDisk;
use std::sync::Arc;

const DENY: &str = r#"{"Name":"p","Version":"2021-06-01","Statement":[{"DataDirection":"Inbound","Principal":["*"],"DataIdentifier":["arn:aws:dataprotection::aws:data-identifier/EmailAddress"],"Operation":{"Deny":{}}}]}"#;

fn masking() -> String {
    DENY.replace(r#"{"Deny":{}}"#, r##"{"Deidentify":{"MaskConfig":{"MaskWithCharacter":"x"}}}"##)
}

fn put(house: &House, topic: &str, policy: &str) -> Result<(), Refusal> {
    let input = PutDataProtectionPolicyInput { resource_arn: topic.into(), data_protection_policy: policy.into() };
    house.ask::<PutDataProtectionPolicy>(input).map(drop)
}

fn get(house: &House, topic: &str) -> Option<String> {
    let input = GetDataProtectionPolicyInput { resource_arn: topic.into() };
    house.ask::<GetDataProtectionPolicy>(input).unwrap().data_protection_policy
}

fn create(house: &House, name: &str, policy: &str) -> Result<String, Refusal> {
    let is_fifo = name.ends_with(".fifo");
    let attributes = is_fifo.then(|| vec![("FifoTopic".to_owned(), "true".to_owned())]);
    let policy = Some(policy.to_owned());
    let input =
        CreateTopicInput { name: name.into(), attributes, data_protection_policy: policy, ..Default::default() };
    house.ask::<CreateTopic>(input).map(|answer| answer.topic_arn.unwrap())
}

fn publish(house: &House, topic: &str, message: &str) -> Result<(), Refusal> {
    let input = PublishInput { topic_arn: Some(topic.into()), message: message.into(), ..Default::default() };
    house.ask::<Publish>(input).map(drop)
}

fn raw(house: &House, topic: &str, queue: &str) -> String {
    house.subscribe(topic, queue, &[("RawMessageDelivery", "true")]).unwrap()
}

#[test]
fn a_topic_has_the_policy_that_was_set_last_and_none_when_that_was_taken_away() {
    let house = House::new();
    let topic = house.topic("t", &[]);
    assert_eq!(get(&house, &topic), None);
    put(&house, &topic, DENY).unwrap();
    assert_eq!(get(&house, &topic).as_deref(), Some(DENY));
    put(&house, &topic, &masking()).unwrap();
    assert_eq!(get(&house, &topic), Some(masking()));
    let wrong = put(&house, &topic, "{}").unwrap_err();
    assert_eq!(wrong.message, "Invalid parameter: DataProtectionPolicy Reason: Name is required");
    assert_eq!(get(&house, &topic), Some(masking()), "what is refused changes nothing");
    assert_eq!(house.of_topic(&topic, ".DataProtectionPolicy"), None, "it is shown nowhere else");
    put(&house, &topic, "").unwrap();
    assert_eq!(get(&house, &topic), None);
    publish(&house, &topic, "to a@b.org").unwrap();
}

#[test]
fn a_policy_comes_with_a_topic_and_is_compared_when_it_is_created_again() {
    let house = House::new();
    let topic = create(&house, "t", DENY).unwrap();
    assert_eq!(get(&house, &topic).as_deref(), Some(DENY));
    assert_eq!(create(&house, "t", &DENY.replace(",\"Version\"", ", \"Version\"")).unwrap(), topic);
    assert!(create(&house, "t", &masking()).unwrap_err().message.contains("already exists with different attributes"));
    assert!(create(&house, "u", "{}").unwrap_err().message.contains("DataProtectionPolicy"));
}

#[test]
fn topics_in_order_and_policies_too_long_are_refused() {
    let house = House::new();
    let fifo = house.topic("t.fifo", &[]);
    assert!(put(&house, &fifo, DENY).unwrap_err().message.contains("FIFO"));
    assert!(create(&house, "u.fifo", DENY).unwrap_err().message.contains("FIFO"));
    put(&house, &fifo, "").unwrap();
    let topic = house.topic("t", &[]);
    let of = |chars: usize| DENY.replace(r#""p""#, &format!("\"{}\"", "é".repeat(chars - DENY.chars().count() + 1)));
    put(&house, &topic, &of(limits::PROTECTION_POLICY_LEN_MAX)).unwrap();
    let wrong = put(&house, &topic, &of(limits::PROTECTION_POLICY_LEN_MAX + 1)).unwrap_err();
    assert!(wrong.message.contains("more than 30720 characters"));
}

#[test]
fn what_is_forbidden_reaches_nobody_and_the_rest_of_a_batch_does() {
    let house = House::new();
    let topic = create(&house, "t", DENY).unwrap();
    raw(&house, &topic, "q");
    let refused = publish(&house, &topic, "to a@b.org").unwrap_err();
    let why = format!("The topic's data protection policy prohibits this message from being published to {topic}");
    assert_eq!((refused.error.query_code, refused.error.status, &*refused.message), ("AuthorizationError", 403, &*why));
    let entry = |id: &str, message: &str| PublishBatchRequestEntry {
        id: id.into(),
        message: message.into(),
        ..Default::default()
    };
    let entries = vec![entry("1", "one"), entry("2", "a@b.org"), entry("3", "three")];
    let input = PublishBatchInput { topic_arn: topic.clone(), publish_batch_request_entries: entries };
    let answer = house.ask::<PublishBatch>(input).unwrap();
    let done: Vec<_> = answer.successful.unwrap().into_iter().filter_map(|entry| entry.id).collect();
    assert_eq!(done, ["1", "3"]);
    let failed = answer.failed.unwrap();
    assert_eq!(
        (failed.len(), &*failed[0].id, &*failed[0].code, failed[0].sender_fault),
        (1, "2", "AuthorizationError", true)
    );
    assert_eq!(house.boxes.bodies("q"), ["one", "three"]);
}

#[test]
fn what_is_hidden_is_hidden_from_receivers_from_filters_and_from_the_archive() {
    let house = House::new();
    let topic = house.topic("t", &[("ArchivePolicy", r#"{"MessageRetentionPeriod":"1"}"#)]);
    put(&house, &topic, &masking()).unwrap();
    raw(&house, &topic, "q");
    let filter = [("FilterPolicyScope", "MessageBody"), ("FilterPolicy", r#"{"mail":["a@b.org"]}"#)];
    house.subscribe(&topic, "filtered", &filter).unwrap();
    publish(&house, &topic, r#"{"mail":"a@b.org"}"#).unwrap();
    assert_eq!(house.boxes.bodies("q"), [r#"{"mail":"xxxxxxx"}"#]);
    assert_eq!(house.boxes.bodies("filtered"), <[String; 0]>::default());
    // Without the policy the archive still has nothing but what went out.
    put(&house, &topic, "").unwrap();
    house.subscribe(&topic, "later", &[("RawMessageDelivery", "true"), ("ReplayPolicy", &House::since(NOW))]).unwrap();
    house.pass(5);
    assert_eq!(house.boxes.bodies("later"), [r#"{"mail":"xxxxxxx"}"#]);
}

#[test]
fn a_policy_outlives_the_server() {
    let disk = SimDisk::new(1);
    let house = House::open(disk.clone(), Arc::default(), NOW);
    let topic = house.topic("t", &[]);
    raw(&house, &topic, "q");
    put(&house, &topic, DENY).unwrap();
    let boxes = Arc::clone(&house.boxes);
    drop(house);
    let house = House::open(disk, boxes, NOW);
    assert_eq!(get(&house, &topic).as_deref(), Some(DENY));
    assert!(publish(&house, &topic, "to a@b.org").is_err());
    publish(&house, &topic, "to nobody").unwrap();
    assert_eq!(house.boxes.bodies("q"), ["to nobody"]);
}

/// What a service tells its log.
fn told(house: &House) -> Vec<serde_json::Value> {
    house.lines.lock().unwrap().drain(..).map(|line| serde_json::from_str(&line).unwrap()).collect()
}

fn outbound(principal: &str) -> String {
    DENY.replace("Inbound", "Outbound").replace(r#"["*"]"#, &format!("[\"{principal}\"]"))
}

#[test]
fn what_is_forbidden_to_subscribers_is_published_and_told_as_failed() {
    let house = House::new();
    let role = "arn:aws:iam::000000000000:role/r";
    let topic = house.topic("t", &[("SQSFailureFeedbackRoleArn", role), ("HTTPFailureFeedbackRoleArn", role)]);
    let dead = ("RedrivePolicy", r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead"}"#);
    let subscription = house.subscribe(&topic, "q", &[("RawMessageDelivery", "true"), dead]).unwrap();
    put(&house, &topic, &outbound("*")).unwrap();
    let input = PublishInput { topic_arn: Some(topic.clone()), message: "to a@b.org".into(), ..Default::default() };
    let id = house.ask::<Publish>(input).unwrap().message_id.unwrap();
    publish(&house, &topic, "to nobody").unwrap();
    assert_eq!(house.boxes.bodies("q"), ["to nobody"]);
    assert_eq!(house.boxes.bodies("dead"), <[String; 0]>::default());
    let lines = told(&house);
    assert_eq!(lines.len(), 1, "what is delivered is not asked for");
    let said =
        format!("The topic's data protection policy prohibits this message from being delivered to {subscription}");
    assert_eq!(lines[0]["notification"]["messageId"], *id);
    assert_eq!((&lines[0]["delivery"]["statusCode"], &lines[0]["status"]), (&403.into(), &"FAILURE".into()));
    assert_eq!(lines[0]["delivery"]["providerResponse"], *said);
    let (own, _) = house.inner.status.counts();
    assert_eq!((own[0].1.published, own[0].1.delivered, own[0].1.failed), (2, 1, 1));
}

#[test]
fn a_statement_about_deliveries_is_about_who_subscribed_and_about_replays_too() {
    let house = House::new();
    let topic = house.topic("t", &[("ArchivePolicy", r#"{"MessageRetentionPeriod":"1"}"#)]);
    let subscription = raw(&house, &topic, "q");
    let principal = house.of(&subscription, "SubscriptionPrincipal").unwrap();
    put(&house, &topic, &outbound("arn:aws:iam::000000000000:user/somebody-else")).unwrap();
    publish(&house, &topic, "to a@b.org").unwrap();
    assert_eq!(house.boxes.bodies("q"), ["to a@b.org"]);
    put(&house, &topic, &outbound(&principal)).unwrap();
    publish(&house, &topic, "to c@d.org").unwrap();
    publish(&house, &topic, "to nobody").unwrap();
    assert_eq!(house.boxes.bodies("q"), ["to a@b.org", "to nobody"]);
    let replay = ("ReplayPolicy", &*House::since(NOW));
    let later = house.subscribe(&topic, "later", &[("RawMessageDelivery", "true"), replay]).unwrap();
    house.pass(5);
    assert_eq!(house.boxes.bodies("later"), ["to nobody"]);
    assert_eq!(house.of(&later, "ReplayStatus").as_deref(), Some("Completed"));
}

#[test]
fn events_of_an_application_are_no_way_around_a_policy() {
    let house = House::new();
    let topic = house.topic("t", &[]);
    raw(&house, &topic, "q");
    let given = [("PlatformCredential", "secret"), ("PlatformPrincipal", "id"), ("EventEndpointCreated", &topic)];
    let attributes = given.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let made = CreatePlatformApplicationInput { name: "a".into(), platform: "ADM".into(), attributes };
    let application = house.ask::<CreatePlatformApplication>(made).unwrap().platform_application_arn.unwrap();
    let events = |token: &str| {
        let (arn, token) = (application.clone(), token.to_owned());
        let asked = CreatePlatformEndpointInput { platform_application_arn: arn, token, ..Default::default() };
        house.ask::<CreatePlatformEndpoint>(asked).unwrap();
        house.run();
        house.boxes.bodies("q").len()
    };
    assert_eq!(events("one"), 1);
    let custom = r#""Configuration":{"CustomDataIdentifier":[{"Name":"E","Regex":"EndpointCreated"}]},"Statement""#;
    let policy = DENY.replace(r#""Statement""#, custom);
    put(&house, &topic, &policy.replace("arn:aws:dataprotection::aws:data-identifier/EmailAddress", "E")).unwrap();
    assert_eq!(events("two"), 1);
    put(&house, &topic, "").unwrap();
    assert_eq!(events("three"), 2);
}

#[test]
fn an_audit_tells_what_it_found_before_it_was_hidden_and_counts_what_had_nothing() {
    let house = House::new();
    let topic = house.topic("t", &[]);
    raw(&house, &topic, "q");
    let to = |name: &str| format!(r#"{{"CloudWatchLogs":{{"LogGroup":"/aws/vendedlogs/{name}"}}}}"#);
    let (some, none) = (to("some"), to("none"));
    let audit =
        format!(r#"{{"Audit":{{"SampleRate":"99","FindingsDestination":{some},"NoFindingsDestination":{none}}}}}"#);
    let one = DENY.split_once("[{").unwrap().1.strip_suffix("]}").unwrap();
    let both = masking().replace("[{", &format!("[{{{},{{", one.replace(r#"{"Deny":{}}"#, &audit)));
    put(&house, &topic, &both).unwrap();
    for nth in 0..200 {
        publish(&house, &topic, if nth % 2 == 0 { "é a@b.org, c@d.org" } else { "to nobody" }).unwrap();
    }
    assert!(house.boxes.bodies("q").iter().all(|body| body == "é xxxxxxx, xxxxxxx" || body == "to nobody"));
    let lines = told(&house);
    assert!(lines.len() > 150 && lines.len() < 200, "nearly all, and never all: {}", lines.len());
    let (own, _) = house.inner.status.counts();
    let (found, nothing): (Vec<_>, Vec<_>) = lines.iter().partition(|line| line["logGroup"] == "/aws/vendedlogs/some");
    assert_eq!((own[0].1.with_findings, own[0].1.with_no_findings), (found.len() as u64, nothing.len() as u64));
    for line in &lines {
        assert_eq!((&line["resourceArn"], line["messageId"].as_str().unwrap().len()), (&topic.clone().into(), 36));
        assert!(line["callerPrincipal"].as_str().unwrap().starts_with("arn:aws:iam::"));
    }
    let detections = serde_json::json!([{ "start": 2, "end": 9 }, { "start": 11, "end": 18 }]);
    let expected = serde_json::json!([{ "name": "EmailAddress", "count": 2, "detections": detections }]);
    assert!(found.iter().all(|line| line["dataIdentifiers"] == expected));
    assert!(nothing.iter().all(|line| line["dataIdentifiers"] == serde_json::json!([])));
    assert!(nothing.len() > 50);
}

#[test]
fn of_a_rate_of_none_nothing_is_told_and_without_a_log_nothing_is_promised() {
    let audit = |rate: u8, to: &str| {
        let audit = format!(r#"{{"Audit":{{"SampleRate":{rate},"FindingsDestination":{to}}}}}"#);
        DENY.replace(r#"{"Deny":{}}"#, &audit)
    };
    let group = r#"{"CloudWatchLogs":{"LogGroup":"/aws/vendedlogs/x"}}"#;
    let house = House::new();
    let topic = house.topic("t", &[]);
    put(&house, &topic, &audit(0, group)).unwrap();
    (0..50).for_each(|_| publish(&house, &topic, "a@b.org").unwrap());
    assert!(told(&house).is_empty());
    put(&house, &topic, &audit(99, "{}")).unwrap();
    (0..50).for_each(|_| publish(&house, &topic, "a@b.org").unwrap());
    assert!(told(&house).is_empty(), "it is counted alone");
    let (own, _) = house.inner.status.counts();
    assert!(own[0].1.with_findings > 30 && own[0].1.with_no_findings == 0);
    let house = crate::house::House::with(|options| options.log = None);
    let topic = house.topic("t", &[]);
    let put = |policy: String| {
        let input = PutDataProtectionPolicyInput { resource_arn: topic.clone(), data_protection_policy: policy };
        house.ask::<PutDataProtectionPolicy>(input).map(drop)
    };
    assert!(put(audit(9, group)).unwrap_err().message.contains("writes no delivery log"));
    put(audit(9, "{}")).unwrap();
}
