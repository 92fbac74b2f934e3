//! The keys of an account by scripts: what each state lets happen, and what time brings.
//!
//! Sources of the rules: KMS Developer Guide, "Key states of AWS KMS keys"; words of refusals as recorded.

use super::*;
use crate::context::Context;
use crate::grant::Terms;
use crate::key::{KeyPolicy, MadeBy, Material, MultiRegion, Origin};
use crate::spec::{KeySpec, Usage};

const NOW: Instant = Instant::from_millis(1_700_000_000_000);

fn region(name: &str) -> Region {
    Region::parse(name).unwrap()
}

fn material(number: u32, by: MadeBy) -> Material {
    let sealed = Some(Box::from(&b"sealed"[..]));
    Material { number, identity: [number as u8; 32], made_at: NOW, by, sealed, valid_to: None, description: None }
}

fn key(byte: u8, is_multi_region: bool) -> Key {
    let region = region("us-east-1");
    Key {
        id: KeyId::from_record([byte; 16], is_multi_region),
        account: AccountId::DEFAULT,
        created_at: NOW,
        description: "".into(),
        spec: KeySpec::Symmetric,
        usage: Usage::Encrypt,
        origin: Origin::Made,
        is_managed: false,
        state: State::Enabled,
        policy: KeyPolicy::of_account(AccountId::DEFAULT, "aws"),
        tags: Vec::new(),
        materials: vec![material(1, MadeBy::Creation)],
        rotation: None,
        multi_region: is_multi_region.then(|| MultiRegion { primary: region.clone(), replicas: Vec::new() }),
        region,
    }
}

fn place(key: &Key) -> Place {
    (key.region.clone(), key.id)
}

/// A machine that is asked, and whose changes are applied.
struct Script(Keyring);

impl Script {
    fn with(keys: &[Key]) -> Self {
        let mut script = Self(Keyring::unborn());
        for key in keys {
            let create =
                Command::Create { account: AccountId::DEFAULT, key: Box::new(key.clone()), alias: None, keys_max: 60 };
            script.ask(NOW, create).unwrap();
        }
        script
    }

    fn ask(&mut self, now: Instant, command: Command) -> Result<Reply, String> {
        let decision = self.0.decide(now, command);
        for effect in &decision.effects {
            self.0.apply(Position::ZERO, effect, &mut Vec::new());
        }
        match decision.reply {
            Reply::Refused(refusal) => Err(format!("{}: {}", refusal.error.0.name, refusal.message)),
            reply => Ok(reply),
        }
    }

    fn change(&mut self, now: Instant, key: &Key, change: Change) -> Result<Kept, String> {
        match self.ask(now, Command::Change { place: place(key), change: Box::new(change) })? {
            Reply::Key(kept) => Ok(kept),
            other => panic!("{other:?}"),
        }
    }

    fn state(&mut self, now: Instant, key: &Key) -> Result<State, String> {
        match self.ask(now, Command::Find(key.region.clone(), Target::Key(key.id)))? {
            Reply::Key(kept) => Ok(kept.key.state),
            other => panic!("{other:?}"),
        }
    }

    fn alias(&mut self, name: &str, key: &Key, is_new: bool) -> Result<Reply, String> {
        let known = if is_new { Known::Nothing } else { Known::Key(None) };
        self.ask(NOW, Command::SetAlias { region: key.region.clone(), name: name.into(), target: key.id, known })
    }
}

#[test]
fn a_key_that_is_to_go_is_gone_at_its_moment_and_buried_soon_after() {
    let key = key(1, false);
    let mut script = Script::with(std::slice::from_ref(&key));
    script.alias("alias/a", &key, true).unwrap();
    script.change(NOW, &key, Change::ScheduleDeletion { days: 7 }).unwrap();
    let end = NOW.plus_millis(7 * limits::DAY_MILLIS);
    assert_eq!(script.state(end.minus_millis(1), &key), Ok(State::PendingDeletion(end)));
    let gone = script.state(end, &key).unwrap_err();
    assert_eq!(gone, format!("NotFoundException: Key '{}' does not exist", key.arn()));
    assert!(script.0.keys.contains_key(&place(&key)));
    script.ask(end, Command::Bury).unwrap();
    assert!(script.0.keys.is_empty() && script.0.aliases.is_empty());
}

#[test]
fn what_is_to_go_can_only_be_kept() {
    let key = key(1, false);
    let mut script = Script::with(std::slice::from_ref(&key));
    let refused = script.change(NOW, &key, Change::CancelDeletion).unwrap_err();
    assert_eq!(refused, format!("KMSInvalidStateException: {} is not pending deletion.", key.arn()));
    script.change(NOW, &key, Change::ScheduleDeletion { days: 30 }).unwrap();
    for change in [
        Change::Enable,
        Change::Disable,
        Change::ScheduleDeletion { days: 7 },
        Change::Describe("x".into()),
        Change::EnableRotation { days: None },
        Change::Tag(vec![("a".into(), "b".into())]),
    ] {
        let refused = script.change(NOW, &key, change).unwrap_err();
        assert_eq!(refused, format!("KMSInvalidStateException: {} is pending deletion.", key.arn()));
    }
    assert!(script.alias("alias/a", &key, true).unwrap_err().ends_with("is pending deletion."));
    assert_eq!(script.change(NOW, &key, Change::CancelDeletion).unwrap().key.state, State::Disabled);
    assert_eq!(script.change(NOW, &key, Change::Enable).unwrap().key.state, State::Enabled);
}

#[test]
fn an_alias_is_of_one_key_and_goes_with_it() {
    let (one, other) = (key(1, false), key(2, false));
    let mut script = Script::with(&[one.clone(), other.clone()]);
    script.alias("alias/a", &one, true).unwrap();
    let twice = script.alias("alias/a", &other, true).unwrap_err();
    let arn = "arn:aws:kms:us-east-1:000000000000:alias/a";
    assert_eq!(twice, format!("AlreadyExistsException: An alias with the name {arn} already exists"));
    script.alias("alias/a", &other, false).unwrap();
    let of = |script: &mut Script| match script
        .ask(NOW, Command::Find(one.region.clone(), Target::Alias("alias/a".into())))
    {
        Ok(Reply::Key(kept)) => kept.key.id,
        other => panic!("{other:?}"),
    };
    assert_eq!(of(&mut script), other.id);
    let missing = script.alias("alias/b", &one, false).unwrap_err();
    assert_eq!(missing, "NotFoundException: Alias arn:aws:kms:us-east-1:000000000000:alias/b is not found.");
    let signs = Key { spec: KeySpec::P256, usage: Usage::Sign, ..key(3, false) };
    script
        .ask(
            NOW,
            Command::Create { account: AccountId::DEFAULT, key: Box::new(signs.clone()), alias: None, keys_max: 60 },
        )
        .unwrap();
    assert!(script.alias("alias/a", &signs, false).unwrap_err().starts_with("ValidationException"));
    for nth in 0..limits::ALIASES_PER_KEY_MAX {
        script.alias(&format!("alias/{nth}"), &one, true).unwrap();
    }
    assert!(script.alias("alias/more", &one, true).unwrap_err().starts_with("LimitExceededException"));
}

#[test]
fn an_alias_that_went_to_another_key_is_not_changed_for_the_first_one() {
    let (one, other) = (key(1, false), key(2, false));
    let mut script = Script::with(&[one.clone(), other.clone()]);
    script.alias("alias/a", &other, true).unwrap();
    let (region, name) = (one.region.clone(), Box::<str>::from("alias/a"));
    let set = |of| Command::SetAlias {
        region: region.clone(),
        name: name.clone(),
        target: one.id,
        known: Known::Key(Some(of)),
    };
    let delete = |of| Command::DeleteAlias { region: region.clone(), name: name.clone(), of: Some(of) };
    for command in [set(one.id), delete(one.id)] {
        assert!(script.ask(NOW, command).unwrap_err().starts_with("ConflictException"));
    }
    script.ask(NOW, set(other.id)).unwrap();
    script.ask(NOW, delete(one.id)).unwrap();
    assert!(script.ask(NOW, delete(one.id)).unwrap_err().starts_with("NotFoundException"));
}

#[test]
fn a_rotated_key_keeps_what_opens_its_older_ciphertexts() {
    let key = key(1, false);
    let mut script = Script::with(std::slice::from_ref(&key));
    script.change(NOW, &key, Change::EnableRotation { days: Some(90) }).unwrap();
    let later = NOW.plus_millis(90 * limits::DAY_MILLIS);
    let kept = script.change(later, &key, Change::Rotate(material(2, MadeBy::Automatic))).unwrap();
    assert_eq!(kept.key.current().unwrap().number, 2);
    assert!(kept.key.material(1).unwrap().sealed.is_some());
    assert_eq!(kept.key.rotation.unwrap().next_at, later.plus_millis(90 * limits::DAY_MILLIS));
    let stale = script.change(later, &key, Change::Rotate(material(2, MadeBy::OnDemand))).unwrap_err();
    assert!(stale.starts_with("ConflictException"), "{stale}");
    for nth in 0..limits::ON_DEMAND_ROTATIONS_MAX as u32 {
        script.change(later, &key, Change::Rotate(material(3 + nth, MadeBy::OnDemand))).unwrap();
    }
    let next = material(3 + limits::ON_DEMAND_ROTATIONS_MAX as u32, MadeBy::OnDemand);
    assert!(script.change(later, &key, Change::Rotate(next)).unwrap_err().starts_with("LimitExceededException"));
}

#[test]
fn imported_material_comes_back_only_as_what_it_was_and_ends_in_its_time() {
    let empty = Key { origin: Origin::External, state: State::PendingImport, materials: Vec::new(), ..key(1, false) };
    let mut script = Script::with(std::slice::from_ref(&empty));
    let end = NOW.plus_secs(60);
    let imported = Material { valid_to: Some(end), ..material(1, MadeBy::Import) };
    assert_eq!(script.change(NOW, &empty, Change::Import(imported.clone())).unwrap().key.state, State::Enabled);
    assert_eq!(script.state(end.minus_millis(1), &empty), Ok(State::Enabled));
    assert_eq!(script.state(end, &empty), Ok(State::PendingImport));
    script.ask(end, Command::Bury).unwrap();
    assert!(script.0.keys[&place(&empty)].key.materials[0].sealed.is_none());
    let other = Material { identity: [9; 32], ..imported.clone() };
    assert!(script.change(end, &empty, Change::Import(other)).unwrap_err().starts_with("IncorrectKeyMaterial"));
    let again = Material { valid_to: None, ..imported };
    assert_eq!(script.change(end, &empty, Change::Import(again)).unwrap().key.state, State::Enabled);
    assert_eq!(script.change(end, &empty, Change::DropMaterial(None)).unwrap().key.state, State::PendingImport);
}

#[test]
fn a_multi_region_key_changes_in_all_its_regions_at_once() {
    let primary = key(1, true);
    let mut script = Script::with(std::slice::from_ref(&primary));
    let replica = |name: &str| {
        let policy = KeyPolicy::of_account(AccountId::DEFAULT, "aws");
        Change::Replicate(Box::new(crate::change::Replica {
            region: region(name),
            policy,
            description: "".into(),
            tags: Vec::new(),
        }))
    };
    let first = script.change(NOW, &primary, replica("eu-west-1")).unwrap().key;
    assert_eq!((first.region.as_str(), first.is_primary()), ("eu-west-1", false));
    assert!(script.change(NOW, &primary, replica("eu-west-1")).unwrap_err().starts_with("AlreadyExists"));
    script.change(NOW, &primary, Change::Rotate(material(2, MadeBy::OnDemand))).unwrap();
    assert_eq!(script.0.keys[&place(&first)].key.current().unwrap().number, 2);
    assert!(script.change(NOW, &first, Change::DisableRotation).unwrap_err().starts_with("UnsupportedOperation"));
    script.change(NOW, &primary, Change::SetPrimary(region("eu-west-1"))).unwrap();
    let config = script.0.keys[&place(&first)].key.multi_region.clone().unwrap();
    assert_eq!((config.primary.as_str(), config.replicas), ("eu-west-1", vec![region("us-east-1")]));
    // The new primary waits for its replicas, which end in one round here, and then for its own days.
    let second = script.change(NOW, &first, replica("ap-south-1")).unwrap().key;
    let waiting = script.change(NOW, &first, Change::ScheduleDeletion { days: 7 }).unwrap();
    assert_eq!(waiting.key.state, State::PendingReplicaDeletion(7));
    script.change(NOW, &primary, Change::ScheduleDeletion { days: 7 }).unwrap();
    script.change(NOW, &second, Change::ScheduleDeletion { days: 7 }).unwrap();
    let end = NOW.plus_millis(7 * limits::DAY_MILLIS);
    script.ask(end, Command::Bury).unwrap();
    assert_eq!(script.state(end, &first), Ok(State::PendingDeletion(end.plus_millis(7 * limits::DAY_MILLIS))));
    assert!(script.state(end, &primary).is_err());
}

#[test]
fn imported_material_of_a_primary_that_waits_for_its_replicas_ends_in_its_time() {
    let end = NOW.plus_secs(60);
    let imported = Material { valid_to: Some(end), ..material(1, MadeBy::Import) };
    let primary = Key { origin: Origin::External, materials: vec![imported], ..key(1, true) };
    let mut script = Script::with(std::slice::from_ref(&primary));
    let policy = KeyPolicy::of_account(AccountId::DEFAULT, "aws");
    let replica =
        crate::change::Replica { region: region("eu-west-1"), policy, description: "".into(), tags: Vec::new() };
    script.change(NOW, &primary, Change::Replicate(Box::new(replica))).unwrap();
    script.change(NOW, &primary, Change::ScheduleDeletion { days: 7 }).unwrap();
    let mut buried = |now| match script.ask(now, Command::Bury) {
        Ok(Reply::Buried(ids)) => ids.len(),
        other => panic!("{other:?}"),
    };
    assert_eq!((buried(end.minus_millis(1)), buried(end), buried(end)), (0, 2, 0));
    let kept = &script.0.keys[&place(&primary)].key;
    assert_eq!((kept.state, &kept.materials[0].sealed), (State::PendingReplicaDeletion(7), &None));
    assert_eq!(kept.changes_at(), None, "nothing is due any more");
}

#[test]
fn the_same_grant_is_made_once() {
    let key = key(1, false);
    let mut script = Script::with(std::slice::from_ref(&key));
    let grant = |byte: u8, name: Option<&str>| Grant {
        id: GrantId([byte; 32]),
        name: name.map(Into::into),
        created_at: NOW.plus_secs(u64::from(byte)),
        grantee: "arn:aws:iam::111111111111:role/r".into(),
        retiring: None,
        issuer: AccountId::DEFAULT,
        terms: Terms { operations: vec!["Decrypt".into()], equals: Some(Context::default()), subset: None },
    };
    let add = |script: &mut Script, grant| match script
        .ask(NOW, Command::AddGrant { place: place(&key), grant: Box::new(grant) })
    {
        Ok(Reply::Granted(id)) => id.0[0],
        other => panic!("{other:?}"),
    };
    assert_eq!((add(&mut script, grant(1, Some("g"))), add(&mut script, grant(2, Some("g")))), (1, 1));
    assert_eq!((add(&mut script, grant(3, None)), add(&mut script, grant(4, None))), (3, 4));
    let remove = |byte| Command::RemoveGrant { place: place(&key), grant: GrantId([byte; 32]) };
    script.ask(NOW, remove(1)).unwrap();
    assert!(script.ask(NOW, remove(1)).unwrap_err().starts_with("NotFoundException: Grant ID 0101"));
}

#[test]
fn replay_of_effects_and_of_a_snapshot_come_to_the_same() {
    let (one, two) = (key(1, false), key(2, true));
    let mut script = Script::with(&[one.clone(), two]);
    script.alias("alias/a", &one, true).unwrap();
    script.change(NOW, &one, Change::Describe("words".into())).unwrap();
    let mut state = Vec::new();
    script.0.snapshot(&mut state);
    assert_eq!(Keyring::restore(records::VERSION, &state).unwrap(), script.0);
    assert!(Keyring::restore(records::VERSION + 1, &state).is_err());
}
