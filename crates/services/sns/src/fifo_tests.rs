//! Tables of sentences about names, attributes and labels of FIFO topics.

use super::*;
use names::{AccountId, Region};

fn key(name: &str) -> Result<TopicKey, Refusal> {
    TopicKey::new(AccountId::DEFAULT, &Region::parse("us-east-1").unwrap(), name)
}

fn pairs(given: &[(&str, &str)]) -> Pairs {
    given.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
}

fn about(name: &str, attributes: &[(&str, &str)]) -> About {
    let created_at = Instant::EPOCH;
    About { key: key(name).unwrap(), created_at, attributes: pairs(attributes), tags: Pairs::new() }
}

fn draft(group: Option<&str>, deduplication: Option<&str>) -> Draft {
    Draft {
        message: "body".to_owned(),
        subject: None,
        structure: None,
        attributes: Vec::new(),
        group: group.map(Into::into),
        deduplication: deduplication.map(Into::into),
    }
}

fn labels(group: &str, deduplication: Option<&str>, attributes: &[(&str, &str)]) -> Labels {
    Labels::take(&mut draft(Some(group), deduplication), &pairs(attributes)).unwrap()
}

#[test]
fn a_topic_is_fifo_by_its_name_and_says_so() {
    let asks = [("FifoTopic".to_owned(), "True".to_owned())];
    let words = |name: &str| key_of_new(key(name), Some(&asks)).unwrap_err().message.into_owned();
    for wrong in ["news", "a.b.fifo", ".fifo", "news.fifo.x"] {
        assert!(words(wrong).starts_with("Fifo Topic names must end with .fifo and must be made up of"), "{wrong}");
    }
    assert!(key_of_new(key("news.fifo"), Some(&asks)).is_ok() && key_of_new(key("news"), None).is_ok());
    let mut none = Pairs::new();
    let why = settle(&key("news.fifo").unwrap(), &mut none).unwrap_err();
    assert_eq!(why.message, "Invalid parameter: Topic Name");
}

#[test]
fn attributes_are_kept_in_one_form() {
    let settled = |name: &str, given: &[(&str, &str)]| {
        let mut attributes = pairs(given);
        settle(&key(name).unwrap(), &mut attributes).map(|()| attributes)
    };
    let mut fifo = settled("a.fifo", &[("FifoTopic", "True")]).unwrap();
    assert_eq!(fifo, pairs(&[("FifoTopic", "true")]), "what was not given is not compared with a topic that there is");
    complete(&mut fifo);
    assert_eq!(fifo, pairs(&[("FifoTopic", "true"), ("ContentBasedDeduplication", "false")]));
    assert_eq!(settled("a", &[("FifoTopic", "false")]).unwrap(), Pairs::new());
    let why = settled("a", &[("ContentBasedDeduplication", "true")]).unwrap_err();
    assert!(why.message.ends_with("can only be set for FIFO topics"));
    assert!(check_attribute("FifoThroughputScope", "MessageGroup").is_ok());
    assert!(check_attribute("FifoThroughputScope", "queue").is_err() && check_attribute("FifoTopic", "1").is_err());
}

#[test]
fn the_scope_is_widened_once_and_the_type_never() {
    let fifo = about("a.fifo", &[("FifoThroughputScope", "MessageGroup")]);
    assert!(changed(&fifo, "FifoThroughputScope", "MessageGroup").is_ok());
    assert!(changed(&fifo, "FifoThroughputScope", "Topic").is_err());
    assert!(changed(&about("a.fifo", &[]), "FifoThroughputScope", "MessageGroup").is_ok());
    assert!(changed(&fifo, "FifoTopic", "true").is_err());
    assert!(changed(&about("a", &[]), "ContentBasedDeduplication", "true").is_err());
    assert_eq!(&*changed(&fifo, "ContentBasedDeduplication", "True").unwrap(), "true");
}

#[test]
fn a_message_needs_a_group_and_something_to_deduplicate_by() {
    let refused = |mut draft: Draft| Labels::take(&mut draft, &Pairs::new()).unwrap_err().message.into_owned();
    let why = "Invalid parameter: The MessageGroupId parameter is required for FIFO topics";
    assert_eq!(refused(draft(None, Some("d"))), why);
    let why = "Invalid parameter: The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly";
    assert_eq!(refused(draft(Some("g"), None)), why);
    assert!(refused(draft(Some("g"), Some("a b"))).starts_with("Invalid parameter: MessageDeduplicationId"));
    let by_content = labels("g", None, &[("ContentBasedDeduplication", "true")]);
    let sha = "230d8358dc8e8890b4c58deeb62912ee2f20357ae92a5cc861b98e68fe31acb5";
    assert_eq!(by_content.deduplication, sha, "what queues are told");
    assert_eq!(by_content, labels("g", Some(sha), &[]), "a message may be named by what another's body is");
}

#[test]
fn a_duplicate_is_one_within_its_scope_and_for_five_minutes() {
    let by_group = [("FifoThroughputScope", "MessageGroup")];
    let (before, a, b) =
        (labels("a", Some("d"), &[]), labels("a", Some("d"), &by_group), labels("b", Some("d"), &by_group));
    let at = Instant::from_millis(1_000);
    let mut fifo = Fifo::default();
    fifo.note(&Published { sequence: 7, dedup: a.digests[0], id: 1, at });
    let last = at.plus_millis(queue::DEDUP_MILLIS - 1);
    assert_eq!((fifo.find(&a.digests, last), fifo.find(&b.digests, last)), (Some((7, 1)), None));
    assert_eq!(fifo.find(&a.digests, last.plus_millis(1)), None);
    assert_eq!(fifo.find(&before.digests, last), None);
    fifo.note(&Published { sequence: 8, dedup: before.digests[0], id: 2, at: last });
    assert_eq!(fifo.find(&b.digests, last), Some((8, 2)), "sent before the scope was the group's");
}

#[test]
fn sequence_numbers_rise_with_the_clock_and_without_it() {
    let now = Instant::from_millis(1_700_000_000_000);
    let first = sequence_after(0, now);
    assert_eq!(show_sequence(first).len(), 20);
    assert_eq!(sequence_after(first, now), first + 1);
    assert_eq!(sequence_after(first, Instant::from_millis(5)), first + 1, "a clock that was set back");
    assert!(sequence_after(first, now.plus_millis(1)) > first + 1);
    assert!(show_sequence(sequence_after(first, now.plus_millis(1))) > show_sequence(first));
}
