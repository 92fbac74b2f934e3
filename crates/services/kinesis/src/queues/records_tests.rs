//! Golden bytes of every record of a queue: what is on disk somewhere must be readable for ever.

use super::*;
use crate::queues::script::about;
use engine::{Effect as _, Machine};
use expect_test::expect;
use std::fmt::Write;

fn full() -> About {
    let tags = [("k".into(), "v".into())].into();
    About { tags, policy: Some("{}".into()), receives_max: None, start: Start::AtTimestamp, ..about() }
}

fn effects() -> Vec<Effect> {
    let (at, until) = (Instant::from_millis(1), Instant::from_millis(2));
    let runs = vec![Run { shard: 3, first: 4, count: 5 }, Run { shard: 6, first: 7, count: 1 }];
    vec![
        Effect::Created { about: Arc::new(about()), cursors: vec![(1, 2)] },
        Effect::SettingsPut { at, about: Arc::new(full()) },
        Effect::Received { at, until, receipt: 0x0102_0304_0506_0708, runs },
        Effect::Acknowledged(vec![(1, 2), (3, 4)]),
        Effect::Hidden { at, places: vec![((1, 2), until)] },
        Effect::Restored { at, places: vec![(1, 2)] },
        Effect::Released { at, places: vec![(1, 2)] },
        Effect::Trimmed { below: vec![(1, 2)], gone: vec![3] },
        Effect::Deleted,
    ]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn records_are_what_they_were() {
    let mut golden = String::new();
    for effect in effects() {
        let mut out = Vec::new();
        effect.encode(&mut out);
        writeln!(golden, "{}:{}", effect.kind(), hex(&out)).unwrap();
        assert_eq!(Effect::decode(effect.kind(), effect.version(), &out), Ok(effect.clone()));
        for length in 0..out.len() {
            assert!(Effect::decode(effect.kind(), VERSION, &out[..length]).is_err(), "{effect:?} cut at {length}");
        }
        out.push(0);
        assert!(Effect::decode(effect.kind(), VERSION, &out).is_err());
    }
    expect![[r#"
        20:3030303030303030303030300000000965752d776573742d31000000017100000002316604000000000000010000018bcfe56800020000018bcfe568000000001e0100000006000000000000000001000000010000000000000002
        21:00000000000000013030303030303030303030300000000965752d776573742d31000000017100000002316604000000000000010000018bcfe56800030000018bcfe568000000001e0000000001000000016b000000017601000000027b7d
        22:000000000000000100000000000000020102030405060708000000020000000300000000000000040000000500000006000000000000000700000001
        23:00000002000000010000000000000002000000030000000000000004
        24:0000000000000001000000010000000100000000000000020000000000000002
        25:000000000000000100000001000000010000000000000002
        26:000000000000000100000001000000010000000000000002
        27:000000010000000100000000000000020000000100000003
        28:
    "#]].assert_eq(&golden);
}

#[test]
fn a_kind_or_version_of_later_is_refused() {
    assert!([0, 19, 29].iter().all(|kind| Effect::decode(*kind, VERSION, &[]).is_err()));
    assert!(Effect::decode(DELETED, 2, &[]).is_err() && Queue::restore(2, &[]).is_err());
}

#[test]
fn a_snapshot_says_the_whole_queue() {
    let mut held = Held::default();
    let [until, first_received_at] = [7, 5].map(Instant::from_millis);
    held.put((1, 2), Status { until, first_received_at, receives: 3, receipt: 4, is_dead: true });
    held.put((1, 9), Status { until, first_received_at, receives: 0, receipt: 0, is_dead: false });
    let queue = Queue { about: Some(Arc::new(full())), is_deleted: false, cursors: [(1, 10)].into(), held };
    let mut out = Vec::new();
    put_queue(&queue, &mut out);
    expect!["3030303030303030303030300000000965752d776573742d31000000017100000002316604000000000000010000018bcfe56800030000018bcfe568000000001e0000000001000000016b000000017601000000027b7d0000000100000001000000000000000a0000000200000001000000000000000200000000000000070000000000000005000000030000000000000004010000000100000000000000090000000000000007000000000000000500000000000000000000000000"].assert_eq(&hex(&out));
    assert_eq!(super::queue(&out), Some(queue));
    assert!((0..out.len()).all(|length| super::queue(&out[..length]).is_none()));
}

#[test]
fn records_that_follow_one_another_are_one_run() {
    let places = [(1, 1), (1, 2), (2, 3), (1, 3), (1, 5)];
    let runs = Run::of(&places);
    assert_eq!(runs.len(), 4);
    assert_eq!(runs.iter().flat_map(Run::places).collect::<Vec<_>>(), places);
}
