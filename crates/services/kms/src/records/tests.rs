//! Every record is read as it was written, for ever; what is none is malformed and never a panic.
//!
//! Golden bytes pin the first version.

use super::*;
use crate::key::Rotation;
use engine::Effect as _;
use names::Instant;

fn region() -> Region {
    Region::parse("eu-west-1").unwrap()
}

fn id() -> KeyId {
    KeyId::from_record([0x5a; 16], true)
}

fn material(number: u32) -> Material {
    Material {
        number,
        identity: [number as u8; 32],
        made_at: Instant::from_millis(1000),
        by: MadeBy::OnDemand,
        sealed: Some(Box::from(&b"sealed"[..])),
        valid_to: Some(Instant::from_millis(2000)),
        description: Some("of May".into()),
    }
}

fn key() -> Key {
    Key {
        id: id(),
        account: AccountId::DEFAULT,
        region: region(),
        created_at: Instant::from_millis(7),
        description: "words".into(),
        spec: KeySpec::P384,
        usage: Usage::Sign,
        origin: Origin::External,
        is_managed: false,
        state: State::PendingDeletion(Instant::from_millis(9)),
        policy: KeyPolicy::of_account(AccountId::DEFAULT, "aws"),
        tags: vec![("a".into(), "1".into())],
        materials: vec![material(1), Material { sealed: None, valid_to: None, description: None, ..material(2) }],
        rotation: Some(Rotation { days: 90, next_at: Instant::from_millis(11) }),
        multi_region: Some(MultiRegion { primary: region(), replicas: vec![Region::parse("us-east-1").unwrap()] }),
    }
}

fn grant() -> Grant {
    Grant {
        id: GrantId([0xcd; 32]),
        name: Some("g".into()),
        created_at: Instant::from_millis(13),
        grantee: "arn:aws:iam::111111111111:role/r".into(),
        retiring: None,
        issuer: AccountId::DEFAULT,
        terms: Terms {
            operations: vec!["Decrypt".into(), "Encrypt".into()],
            equals: None,
            subset: Some(Context::new(Some(vec![("x".into(), "y".into())]))),
        },
    }
}

fn alias() -> Alias {
    Alias { target: id(), created_at: Instant::from_millis(3), changed_at: Instant::from_millis(4) }
}

fn effects() -> Vec<Effect> {
    let small = Key {
        description: "".into(),
        spec: KeySpec::Symmetric,
        usage: Usage::Encrypt,
        origin: Origin::Made,
        state: State::Enabled,
        policy: KeyPolicy::new("{}"),
        tags: Vec::new(),
        materials: Vec::new(),
        rotation: None,
        multi_region: None,
        ..key()
    };
    vec![
        Effect::Opened(AccountId::DEFAULT),
        Effect::KeyPut(Arc::new(key())),
        Effect::KeyPut(Arc::new(small)),
        Effect::KeyGone(region(), id()),
        Effect::AliasPut(region(), "alias/a".into(), alias()),
        Effect::AliasGone(region(), "alias/a".into()),
        Effect::GrantPut(region(), id(), Arc::new(grant())),
        Effect::GrantGone(region(), id(), GrantId([0xcd; 32])),
    ]
}

fn encoded(effect: &Effect) -> Vec<u8> {
    let mut out = Vec::new();
    effect.encode(&mut out);
    out
}

#[test]
fn every_record_is_read_as_it_was_written() {
    for effect in effects() {
        let bytes = encoded(&effect);
        assert_eq!(Effect::decode(effect.kind(), effect.version(), &bytes).as_ref(), Ok(&effect));
    }
}

#[test]
fn a_record_that_is_cut_or_too_long_is_malformed() {
    for effect in effects() {
        let bytes = encoded(&effect);
        for length in 0..bytes.len() {
            assert!(Effect::decode(effect.kind(), VERSION, &bytes[..length]).is_err(), "{effect:?} at {length}");
        }
        assert!(Effect::decode(effect.kind(), VERSION, &[bytes, vec![0]].concat()).is_err(), "{effect:?}");
        assert!(Effect::decode(effect.kind(), VERSION + 1, &[]).is_err());
    }
    assert!(Effect::decode(200, VERSION, &[]).is_err());
}

#[test]
fn garbage_is_malformed_and_never_a_panic() {
    let mut random = fastrand::Rng::with_seed(5);
    let whole: Vec<(u8, Vec<u8>)> = effects().iter().map(|effect| (effect.kind(), encoded(effect))).collect();
    for _ in 0..20_000 {
        let (kind, mut bytes) = whole[random.usize(..whole.len())].clone();
        for _ in 0..random.usize(1..4) {
            let at = random.usize(..bytes.len());
            bytes[at] = random.u8(..);
        }
        // Either it is still a record or it is not; what counts is that the question ends.
        if let Ok(effect) = Effect::decode(kind, VERSION, &bytes) {
            assert_eq!(encoded(&effect).len(), bytes.len());
        }
    }
}

#[test]
fn records_of_the_first_version_are_read_for_ever() {
    let shown: Vec<String> = effects()[2..].iter().map(|effect| hex(&encoded(effect))).collect();
    assert_eq!(shown, GOLDEN);
}

#[test]
fn a_snapshot_is_read_as_it_was_written() {
    let mut ring = Keyring::of(AccountId::DEFAULT);
    let grants = Arc::new([(grant().id, Arc::new(grant()))].into());
    ring.put((region(), id()), Kept { key: Arc::new(key()), grants });
    ring.aliases.insert((region(), "alias/a".into()), alias());
    let mut state = Vec::new();
    put_ring(&ring, &mut state);
    assert_eq!(super::ring(&state).as_ref(), Some(&ring));
    for length in 0..state.len() {
        assert_eq!(super::ring(&state[..length]), None, "{length}");
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[rustfmt::skip]
const GOLDEN: [&str; 6] = [
    "0000000965752d776573742d31015a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a0000000000000007000000000101010001000000027b7d00000000000000000000",
    "0000000965752d776573742d31015a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a",
    "0000000965752d776573742d3100000007616c6961732f61015a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a00000000000000030000000000000004",
    "0000000965752d776573742d3100000007616c6961732f61",
    "0000000965752d776573742d31015a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5acdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd010000000167000000000000000d0000002061726e3a6177733a69616d3a3a3131313131313131313131313a726f6c652f720030303030303030303030303000000002000000074465637279707400000007456e637279707400010000000100000001780000000179",
    "0000000965752d776573742d31015a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5acdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
];
