//! Golden bytes of every record: what is on disk somewhere must be readable for ever.

use super::*;
use engine::Effect as _;
use names::Instant;

fn about() -> About {
    About { stream: PartitionId::of_family(4, 7), name: "g".into(), created_at: Instant::from_millis(1) }
}

const MEMBER: Member = Member { session_millis: 30_000, joined_at: Instant::from_millis(2) };
const COMMIT: Committed = Committed { arrived_at: Instant::from_millis(3000), at: Instant::from_millis(4) };

fn golden() -> Vec<(Effect, &'static str)> {
    vec![
        (
            Effect::Created { about: Arc::new(about()), places: vec![(0, 5)] },
            "04000000000000070000000167000000000000000100000001000000000000000000000005",
        ),
        (Effect::MemberJoined { name: "m".into(), member: MEMBER }, "000000016d000075300000000000000002"),
        (Effect::MemberGone { name: "m".into() }, "000000016d"),
        (Effect::ShardsFollowed(vec![(2, 1)]), "00000001000000020000000000000001"),
        (Effect::ShardsForgotten(vec![0]), "0000000100000000"),
        (
            Effect::Lent { generation: 6, shards: vec![(0, Some("m".into())), (1, None)] },
            "0000000000000006000000020000000001000000016d0000000100",
        ),
        (
            Effect::Committed { shard: 1, next: 9, committed: COMMIT },
            "0000000100000000000000090000000000000bb80000000000000004",
        ),
        (Effect::Reset { generation: 7, places: vec![(1, 1)] }, "000000000000000700000001000000010000000000000001"),
        (Effect::Deleted, ""),
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
fn a_snapshot_says_the_whole_group() {
    let read = Place { next: 9, committed: Some(COMMIT), owner: Some("m".into()), generation: 6 };
    let unread = Place { next: 1, committed: None, owner: None, generation: 0 };
    let (members, shards) = ([("m".into(), MEMBER)].into(), [(0, read), (3, unread)].into());
    let group = Group { about: Some(Arc::new(about())), generation: 6, members, shards, is_deleted: false };
    let mut out = Vec::new();
    put_group(&group, &mut out);
    assert_eq!(
        hex(&out),
        "04000000000000070000000167000000000000000100000000000000060000000100000001\
         6d0000753000000000000000020000000200000000000000000000000901\
         0000000000000bb8000000000000000401000000016d0000000000000006\
         00000003000000000000000100000000000000000000"
    );
    assert_eq!(super::group(&out), Some(group));
    assert!((0..out.len()).all(|length| super::group(&out[..length]).is_none()));
}
