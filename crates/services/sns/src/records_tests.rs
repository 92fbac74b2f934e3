//! Golden bytes of every record: what is on disk somewhere must be readable for ever.

use super::*;
use engine::Effect as _;
use names::{AccountId, Instant, Region};

fn about() -> Arc<About> {
    let region = Region::parse("eu-west-1").unwrap();
    Arc::new(About {
        key: TopicKey { account: AccountId::DEFAULT, region, name: "t".into() },
        created_at: Instant::from_millis(1),
        attributes: [("a".into(), "b".into())].into(),
        tags: [("k".into(), "v".into())].into(),
    })
}

fn subscription() -> Arc<Subscription> {
    Arc::new(Subscription {
        id: SubscriptionId(7),
        owner: AccountId::DEFAULT,
        protocol: Protocol::Sqs,
        endpoint: "q".into(),
        attributes: Pairs::new(),
        created_at: Instant::from_millis(2),
    })
}

fn published() -> Published {
    Published { sequence: 9, dedup: [7; 16], id: 5, at: Instant::from_millis(1_000) }
}

fn replay() -> Replay {
    let (start, live) = (Instant::from_millis(1), Live { after: Instant::from_millis(3), counter: 4 });
    Replay { run: 6, start, end: Some(Instant::from_millis(2)), live, next: 5, state: State::InProgress }
}

const REPLAY: &str =
    "0000000000000006000000000000000101000000000000000200000000000000030000000000000004000000000000000502";

fn golden() -> Vec<(Effect, &'static str)> {
    vec![
        (
            Effect::AboutPut(about()),
            "3030303030303030303030300000000965752d776573742d31000000017400000000000000010000000100000001610000000162\
             00000001000000016b0000000176",
        ),
        (
            Effect::ArchiveCut(about()),
            "3030303030303030303030300000000965752d776573742d31000000017400000000000000010000000100000001610000000162\
             00000001000000016b0000000176",
        ),
        (
            Effect::SubscriptionPut(3, subscription()),
            "000000000000000300000000000000000000000000000007303030303030303030303030010000000171000000000000000000000002",
        ),
        (Effect::SubscriptionGone(3), "0000000000000003"),
        (Effect::Deleted, ""),
        (
            Effect::ReplayPut(3, replay()),
            "0000000000000003000000000000000600000000000000010100000000000000020000000000000003000000000000000400000000000000\
             0502",
        ),
        (Effect::ReplayMoved(3, 6, 9), "000000000000000300000000000000060000000000000009"),
        (Effect::ReplayOver(3, 6, State::Failed), "0000000000000003000000000000000604"),
        (
            Effect::Published(published()),
            "0000000000000009070707070707070707070707070707070000000000000000000000000000000500000000000003e8",
        ),
    ]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn records_are_what_they_were() {
    for (effect, bytes) in golden() {
        let mut out = Vec::new();
        effect.encode(&mut out);
        assert_eq!(hex(&out), bytes, "{effect:?}");
        assert_eq!(Effect::decode(effect.kind(), effect.version(), &out), Ok(effect.clone()));
        for length in 0..out.len() {
            assert!(Effect::decode(effect.kind(), VERSION, &out[..length]).is_err(), "{effect:?} cut at {length}");
        }
        out.push(0);
        assert!(Effect::decode(effect.kind(), VERSION, &out).is_err());
    }
}

#[test]
fn a_kind_or_version_of_later_is_refused() {
    assert!(Effect::decode(99, VERSION, &[]).is_err() && Effect::decode(DELETED, 2, &[]).is_err());
}

#[test]
fn a_snapshot_says_the_whole_topic() {
    let subscriptions = [(3, subscription())].into_iter().collect();
    let mut topic = Topic { about: Some(about()), subscriptions, next_number: 4, ..Topic::default() };
    let mut out = Vec::new();
    put_topic(&topic, &mut out);
    assert_eq!(super::topic(&out, 1), Some(topic.clone()), "the version of before parts");
    assert_eq!(super::topic(&out, 2), Some(topic.clone()));
    let bare = topic.clone();
    topic.fifo.note(&published());
    let without_parts = out.len();
    out.clear();
    put_topic(&topic, &mut out);
    assert_eq!(
        hex(&out[without_parts..]),
        "0a0000002f000000000000000901e807090107070707070707070707070707070707000000000000000000000000000000050000"
    );
    assert_eq!(super::topic(&out, 2), Some(topic));
    let cut = |length: &usize| super::topic(&out[..*length], 2).is_some();
    assert_eq!((0..out.len()).filter(cut).collect::<Vec<_>>(), [without_parts], "but for a whole part");
    assert_eq!(super::topic(&out, 1), None);
    let mut topic = bare;
    topic.replays.put(3, replay());
    out.clear();
    put_topic(&topic, &mut out);
    let part = format!("05000000460000000000000006000000010000000000000003{REPLAY}");
    assert_eq!(hex(&out[without_parts..]), part);
    assert_eq!(super::topic(&out, 2), Some(topic));
}

#[test]
fn a_replay_is_over_in_one_of_three_ways() {
    let over = |state: u8| Effect::decode(REPLAY_OVER, VERSION, &[[0; 16].as_slice(), &[state]].concat()).is_ok();
    assert_eq!((0..8).filter(|state| over(*state)).collect::<Vec<_>>(), [3, 4, 5]);
}
