//! Each record comes back as it was written, and looks as its picture says.

use super::*;
use crate::snapshot;
use crate::state::Realm;
use engine::Effect as _;
use std::collections::{BTreeMap, BTreeSet};

fn at(secs: u64) -> Instant {
    Instant::from_millis(secs * 1000)
}

fn account() -> AccountId {
    AccountId::parse("123456789012").unwrap()
}

fn role() -> Entity {
    Entity {
        sort: Sort::Role,
        id: "AROAX".into(),
        name: "Worker".into(),
        path: "/p/".into(),
        created_at: at(1),
        tags: Tags(vec![("k".into(), "v".into())]),
        boundary: Some("arn:b".into()),
        attached: BTreeSet::from(["arn:a".into()]),
        inline: BTreeMap::from([("n".into(), "{}".into())]),
        groups: BTreeSet::from(["AGPAX".into()]),
        role: Some(RolePart {
            trust: "{}".into(),
            description: Some("d".into()),
            max_session_secs: 3600,
            last_used: Some((at(2), "r".into())),
        }),
    }
}

fn all() -> Vec<Effect> {
    let policy = Managed {
        id: "ANPAX".into(),
        name: "Pol".into(),
        path: "/".into(),
        description: None,
        created_at: at(1),
        updated_at: at(2),
        tags: Tags::default(),
        versions: vec![Version { number: 3, document: "{}".into(), created_at: at(1) }],
        default: 3,
        next: 4,
    };
    let key = AccessKey {
        id: "AKIAX".into(),
        user: Some("AIDAX".into()),
        created_at: at(1),
        is_active: true,
        sealed: [1, 2, 3].into(),
        last_used: Some(KeyUse { at: at(2), service: "sqs".into(), region: "r".into() }),
    };
    let provider = Provider {
        url: "idp.example".into(),
        created_at: at(1),
        client_ids: vec!["c".into()],
        thumbprints: vec!["t".into()],
        tags: Tags::default(),
    };
    let of = |change| Effect::Of(account(), change);
    vec![
        Effect::KeyringMade([9, 8].into()),
        of(Change::Opened(at(1))),
        of(Change::AliasSet(Some("alias".into()))),
        of(Change::put(role())),
        of(Change::PolicyPut(Box::new(policy))),
        of(Change::KeyPut(Box::new(key))),
        of(Change::ProviderPut(Box::new(provider))),
        of(Change::EntityRemoved(Sort::Group, "g".into())),
        of(Change::PolicyRemoved("p".into())),
        of(Change::KeyRemoved("AKIAY".into())),
        of(Change::ProviderRemoved("u".into())),
        of(Change::AliasSet(None)),
        of(Change::Wiped),
        of(Change::KeyUsed("AKIAX".into(), KeyUse { at: at(3), service: "kms".into(), region: "r2".into() })),
        of(Change::RoleUsed("worker".into(), at(3), "r2".into())),
    ]
}

fn bytes(effect: &Effect) -> Vec<u8> {
    let mut out = Vec::new();
    effect.encode(&mut out);
    out
}

#[test]
fn every_record_comes_back_as_it_was_written() {
    for effect in all() {
        let written = bytes(&effect);
        assert_eq!(Effect::decode(effect.kind(), effect.version(), &written).as_ref(), Ok(&effect));
        for cut in 0..written.len() {
            let read = Effect::decode(effect.kind(), effect.version(), &written[..cut]);
            assert!(read.is_err() || effect.kind() == 1, "{effect:?} cut at {cut}");
        }
        assert!(Effect::decode(effect.kind(), 2, &written).is_err());
    }
    assert!(Effect::decode(15, 1, b"").is_err());
}

#[test]
fn records_look_as_they_always_did() {
    let expected = expect_test::expect_file!["../tests/golden/records.txt"];
    let mut text = String::new();
    for effect in all() {
        let hex: String = bytes(&effect).iter().map(|byte| format!("{byte:02x}")).collect();
        text += &format!("kind {} v{} {hex}\n", effect.kind(), effect.version());
    }
    expected.assert_eq(&text);
}

#[test]
fn a_snapshot_is_the_state_that_its_records_made() {
    let mut realm = Realm::default();
    let mut made = all();
    made.iter().take(7).for_each(|effect| realm.apply(effect));
    let mut state = Vec::new();
    snapshot::write(&realm, &mut state);
    assert_eq!(snapshot::read(snapshot::VERSION, &state).as_ref(), Ok(&realm));
    assert_eq!(realm.key("AKIAX").map(|(owner, _)| owner), Some(account()));
    assert!(snapshot::read(snapshot::VERSION, &state[..state.len() - 1]).is_err());
    assert!(snapshot::read(2, &state).is_err());
    let (used, rest) = made[7..].split_at_mut(6);
    rest.iter().for_each(|effect| realm.apply(effect));
    let home = &realm.accounts[&account()];
    assert_eq!(home.keys["AKIAX"].last_used.as_ref().map(|used| (used.at, &*used.service)), Some((at(3), "kms")));
    let role = home.entity(Sort::Role, "Worker").and_then(|role| role.role.clone()).unwrap();
    assert_eq!(role.last_used, Some((at(3), "r2".into())));
    used.iter().for_each(|effect| realm.apply(effect));
    assert!(realm.accounts.is_empty() && realm.owners.is_empty());
    // Of what is gone nothing is noted.
    rest.iter().for_each(|effect| realm.apply(effect));
    assert!(
        realm.accounts.values().all(|home| home.keys.is_empty() && home.entities.is_empty()) && realm.owners.is_empty()
    );
}
