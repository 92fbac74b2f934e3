//! Golden bytes of every record: what is on disk somewhere must be readable for ever.

use super::*;
use engine::Effect as _;
use names::{AccountId, Region};

fn about() -> About {
    About {
        key: StreamKey { account: AccountId::DEFAULT, region: Region::parse("eu-west-1").unwrap(), name: "s".into() },
        created_at: Instant::from_millis(1),
        mode: Mode::OnDemand,
        retention_hours: 24,
        record_kib_max: 1024,
        distribution: Distribution::Auto,
        metrics: Metrics(3),
        tags: [("k".into(), "v".into())].into(),
        policy: Some("{}".into()),
    }
}

fn shard() -> ShardEntry {
    ShardEntry {
        index: 2,
        partition: PartitionId::of_family(5, 9),
        first_hash: 0,
        last_hash: u128::MAX,
        parent: Some(0),
        adjacent_parent: Some(1),
        opened_at: Instant::from_millis(2),
        closed_at: Some(Instant::from_millis(3)),
    }
}

fn consumer() -> Consumer {
    Consumer { name: "c".into(), created_at: Instant::from_millis(4), tags: Tags::new(), policy: None }
}

/// Bytes of each record as version 1 has them: what is on disk somewhere must be readable for ever.
fn golden() -> Vec<(Effect, &'static str)> {
    let (about, shard, consumer) = (Arc::new(about()), shard(), consumer());
    vec![
        (
            Effect::SettingsPut(about),
            "3030303030303030303030300000000965752d776573742d3100000001730000000000000001020000001800000400020300000001\
             000000016b00000001760100000002\
             7b7d",
        ),
        (
            Effect::Resharded { at: Instant::from_millis(5), closed: vec![0, 1], opened: vec![shard] },
            "00000000000000050000000200000000000000010000000100000002050000000000000900000000000000000000000000000000\
             ffffffffffffffffffffffffffffffff0100000000010000000100000000000000020100000000000000\
             03",
        ),
        (Effect::ShardsForgotten(vec![7]), "0000000100000007"),
        (Effect::ConsumerPut(consumer), "000000016300000000000000040000000000"),
        (Effect::ConsumerGone("c".into()), "0000000163"),
        (Effect::Deleted, ""),
        (
            Effect::EncryptionSet { at: Instant::from_millis(6), key: Some("alias/k".into()) },
            "00000000000000060100000007616c6961732f6b",
        ),
        (Effect::EncryptionSet { at: Instant::from_millis(7), key: None }, "000000000000000700"),
        (
            Effect::CommitmentPut(Arc::new(commitment())),
            "3030303030303030303030300000000965752d776573742d31000000000000000801000000000000000a",
        ),
        (Effect::WarmSet(Some(10)), "010000000a"),
        (Effect::WarmSet(None), "00"),
    ]
}

fn commitment() -> Commitment {
    let StreamKey { account, region, .. } = about().key;
    Commitment { account, region, started_at: Instant::from_millis(8), ended_at: Some(Instant::from_millis(10)) }
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

fn whole() -> Stream {
    let consumers = [("c".into(), consumer())].into();
    let encryption = Encryption {
        key: Some("k".into()),
        applied: vec![Instant::from_millis(9)],
        stopped: vec![Instant::from_millis(10), Instant::from_millis(11)],
    };
    Stream {
        about: Some(Arc::new(about())),
        next_index: 3,
        shards: Arc::new(vec![shard()]),
        consumers,
        encryption,
        warm_mibps: Some(7),
        ..Stream::default()
    }
}

#[test]
fn a_snapshot_says_the_whole_stream() {
    let account = Stream { commitment: Some(Arc::new(commitment())), ..Stream::default() };
    let plain = Stream { encryption: Encryption::default(), warm_mibps: None, ..whole() };
    for stream in [whole(), plain, account] {
        let mut out = Vec::new();
        put_stream(&stream, &mut out);
        assert_eq!(super::stream(SNAPSHOT_VERSION, &out), Some(stream));
        assert!((0..out.len()).all(|length| super::stream(SNAPSHOT_VERSION, &out[..length]).is_none()));
    }
}

/// What version 1 wrote of a stream without key and warm throughput: `about`, number, shards, consumers.
#[test]
fn a_snapshot_of_version_1_is_read() {
    let plain = Stream { encryption: Encryption::default(), warm_mibps: None, ..whole() };
    let mut out = Vec::new();
    put_stream(&plain, &mut out);
    let (first, last) = (&out[1..], 4);
    assert_eq!((out[0], &first[first.len() - last..]), (OF_STREAM, &[0; 4][..]));
    assert_eq!(stream(1, &first[..first.len() - last]), Some(plain));
}

#[test]
fn the_parts_of_a_snapshot_stay_what_they_are() {
    let mut out = Vec::new();
    put_parts(&whole(), &mut out);
    let sealed = "01 00000001 6b 00000001 0000000000000009 00000002 000000000000000a 000000000000000b";
    let expected = format!("00000002 01 00000026 {sealed} 02 00000004 00000007");
    assert_eq!(hex(&out), expected.replace(' ', ""));
}
