//! Tables of sentences about the machine.

use super::*;
use names::Region;

fn about() -> About {
    let region = Region::parse("us-east-1").unwrap();
    About {
        key: TopicKey { account: AccountId::DEFAULT, region, name: "news".into() },
        created_at: Instant::EPOCH,
        attributes: Pairs::new(),
        tags: Pairs::new(),
    }
}

fn subscription(id: u128, endpoint: &str) -> Subscription {
    Subscription {
        id: SubscriptionId(id),
        owner: AccountId::DEFAULT,
        protocol: Protocol::Sqs,
        endpoint: endpoint.into(),
        attributes: Pairs::new(),
        created_at: Instant::EPOCH,
    }
}

/// Decides, applies, and answers.
fn ask(topic: &mut Topic, command: Command) -> Reply {
    let decision = topic.decide(Instant::EPOCH, command);
    decision.effects.iter().for_each(|effect| topic.apply(Position::new(1), effect, &mut Vec::new()));
    decision.reply
}

fn topic() -> Topic {
    let mut topic = Topic::default();
    assert!(matches!(ask(&mut topic, Command::Create(Box::new(about()))), Reply::About(_)));
    topic
}

fn subscribe(topic: &mut Topic, subscription: Subscription) -> Reply {
    ask(topic, Command::Subscribe(Box::new(subscription), None))
}

fn words(reply: Reply) -> String {
    let Reply::Refused(refusal) = reply else { panic!("{reply:?} is no refusal") };
    refusal.message.into_owned()
}

#[test]
fn a_topic_is_made_once_and_again_with_what_it_has() {
    let mut topic = topic();
    assert!(matches!(ask(&mut topic, Command::Create(Box::new(about()))), Reply::About(_)));
    let other = About { attributes: [("DisplayName".into(), "x".into())].into(), ..about() };
    let why = "Invalid parameter: Attributes Reason: Topic already exists with different attributes";
    assert_eq!(words(ask(&mut topic, Command::Create(Box::new(other)))), why);
    let other = About { tags: [("k".into(), "v".into())].into(), ..about() };
    let why = "Invalid parameter: Tags Reason: Topic already exists with different tags";
    assert_eq!(words(ask(&mut topic, Command::Create(Box::new(other)))), why);
}

#[test]
fn a_topic_is_made_again_with_what_it_has_now_and_not_with_what_it_began_with() {
    let created = |name: &str, given: &[(&str, &str)]| {
        let attributes = given.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let key = TopicKey { name: name.into(), ..about().key };
        Command::Create(Box::new(About { key, attributes, ..about() }))
    };
    let mut topic = Topic::default();
    let is_same = |topic: &mut Topic, command| matches!(ask(topic, command), Reply::About(_));
    assert!(is_same(&mut topic, created("news.fifo", &[("FifoTopic", "true")])));
    assert_eq!(topic.about.as_ref().unwrap().attributes["ContentBasedDeduplication"], "false".into());
    for (name, value) in
        [("ContentBasedDeduplication", "true"), ("DisplayName", "x"), ("DeliveryPolicy", r#"{"http":{ "a": 1 }}"#)]
    {
        ask(&mut topic, Command::SetAttribute(name.into(), value.into()));
    }
    let fifo = ("FifoTopic", "true");
    for given in [
        &[fifo][..],
        &[fifo, ("ContentBasedDeduplication", "true"), ("DisplayName", "x")],
        &[fifo, ("DeliveryPolicy", r#"{"http":{"a":1}}"#)],
        &[fifo, ("SignatureVersion", "1"), ("TracingConfig", "PassThrough"), ("KmsMasterKeyId", "")],
        &[fifo, ("FifoThroughputScope", "Topic"), ("MaximumMessageSize", "262144")],
        &[],
    ] {
        assert!(is_same(&mut topic, created("news.fifo", given)), "{given:?}");
    }
    let why = "Invalid parameter: Attributes Reason: Topic already exists with different attributes";
    for given in [
        ("ContentBasedDeduplication", "false"),
        ("DisplayName", ""),
        ("DeliveryPolicy", r#"{"http":{"a":2}}"#),
        ("SignatureVersion", "2"),
        ("FifoThroughputScope", "MessageGroup"),
    ] {
        assert_eq!(words(ask(&mut topic, created("news.fifo", &[fifo, given]))), why, "{given:?}");
    }
}

#[test]
fn the_same_receiver_is_subscribed_once() {
    let mut topic = topic();
    let Reply::Subscribed(first, _) = subscribe(&mut topic, subscription(1, "a")) else { panic!("it is new") };
    let Reply::Subscribed(again, known) = subscribe(&mut topic, subscription(2, "a")) else { panic!("it is there") };
    assert_eq!((first, known.id), (again, SubscriptionId(1)));
    let raw =
        Subscription { attributes: [("RawMessageDelivery".into(), "true".into())].into(), ..subscription(3, "a") };
    let why = "Invalid parameter: Attributes Reason: Subscription already exists with different attributes";
    assert_eq!(words(subscribe(&mut topic, raw)), why);
}

#[test]
fn numbers_of_subscriptions_are_not_given_twice() {
    let mut topic = topic();
    subscribe(&mut topic, subscription(1, "a"));
    subscribe(&mut topic, subscription(2, "b"));
    assert!(matches!(ask(&mut topic, Command::Unsubscribe(SubscriptionId(2))), Reply::Unsubscribed(Some(1))));
    assert!(matches!(ask(&mut topic, Command::Unsubscribe(SubscriptionId(2))), Reply::Unsubscribed(None)));
    assert!(matches!(subscribe(&mut topic, subscription(3, "c")), Reply::Subscribed(2, _)));
    let mut state = Vec::new();
    topic.snapshot(&mut state);
    assert_eq!(Topic::restore(records::SNAPSHOT_VERSION, &state), Ok(topic));
}

#[test]
fn a_change_to_what_is_already_so_is_not_written() {
    let mut topic = topic();
    let set = |value: &str| Command::SetAttribute("DisplayName".into(), value.into());
    assert_eq!(topic.decide(Instant::EPOCH, set("x")).effects.len(), 1);
    ask(&mut topic, set("x"));
    assert!(topic.decide(Instant::EPOCH, set("x")).effects.is_empty());
    ask(&mut topic, set(""));
    assert!(topic.about.as_ref().is_some_and(|about| about.attributes.is_empty()));
}

#[test]
fn a_topic_has_fifty_tags_at_the_most() {
    let mut topic = topic();
    let tags = |count: usize| (0..count).map(|nth| (nth.to_string().into(), "".into())).collect();
    assert!(words(ask(&mut topic, Command::Tag(tags(51)))).starts_with("Could not complete request"));
    assert!(matches!(ask(&mut topic, Command::Tag(tags(50))), Reply::About(_)));
    assert!(matches!(ask(&mut topic, Command::Untag(vec!["7".into()])), Reply::About(about) if about.tags.len() == 49));
}

#[test]
fn of_a_deleted_topic_nothing_is_left() {
    let mut topic = topic();
    assert!(matches!(ask(&mut topic, Command::Delete { with_archive: false }), Reply::Deleted));
    assert!(topic.is_over() && matches!(ask(&mut topic, Command::Delete { with_archive: false }), Reply::Gone));
    assert!(matches!(subscribe(&mut topic, subscription(1, "a")), Reply::Gone));
}

fn fifo() -> Topic {
    let key = TopicKey { name: "news.fifo".into(), ..about().key };
    let mut topic = Topic::default();
    ask(&mut topic, Command::Create(Box::new(About { key, ..about() })));
    topic
}

#[test]
fn what_a_fifo_topic_published_is_in_its_snapshot() {
    let mut topic = fifo();
    let published = Published { sequence: 5, dedup: [1; 16], id: 7, at: Instant::EPOCH };
    assert!(matches!(ask(&mut topic, Command::Note(published)), Reply::Noted));
    let mut state = Vec::new();
    topic.snapshot(&mut state);
    let mut restored = Topic::restore(records::SNAPSHOT_VERSION, &state).unwrap();
    assert_eq!(restored, topic);
    assert_eq!(restored.fifo.find(&vec![[1; 16]], Instant::EPOCH), Some((5, 7)));
    restored.advance(Instant::from_millis(queue::DEDUP_MILLIS));
    assert!(restored.fifo.recent.is_empty() && restored.fifo.last == 5 && restored.next_expiry().is_none());
}

#[test]
fn a_duplicate_counts_from_the_moment_at_which_the_topic_noted_it() {
    let topic = fifo();
    let published = Published { sequence: 5, dedup: [1; 16], id: 7, at: Instant::EPOCH };
    let late = Instant::from_millis(9);
    let decision = topic.decide(late, Command::Note(published));
    assert_eq!(decision.effects, [Effect::Published(Published { at: late, ..published })]);
}

#[test]
fn a_fifo_topic_has_a_hundred_subscriptions() {
    let mut topic = fifo();
    for nth in 0..100 {
        assert!(matches!(subscribe(&mut topic, subscription(nth, &nth.to_string())), Reply::Subscribed(..)));
    }
    assert_eq!(
        words(subscribe(&mut topic, subscription(100, "more"))),
        "The limit of subscriptions of this topic is reached"
    );
}
