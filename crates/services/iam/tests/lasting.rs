//! Identities last: over a crash at any write, in the log and in snapshots, with secrets that nobody reads off the disk.

#![allow(clippy::unwrap_used, reason = "a panic is the report")]

mod house;

use house::{House, allows};
use iam::{Declared, DeclaredSort};
use journal::Io;
use journal::sim::SimDisk;
use std::collections::BTreeSet;
use std::sync::Arc;

#[test]
fn keys_and_policies_are_there_after_a_power_cut() {
    let disk = Arc::new(SimDisk::new(1));
    let first = House::new(&disk);
    let key = first.user("alice");
    first.allow("alice", &allows("iam:ListUsers", "*"));
    let session = house::session_key(&first.ask_with(&key, "GetSessionToken", "").unwrap());
    drop(first);
    let second = House::new(&Arc::new(disk.crash()));
    assert_eq!(second.identity(&key).unwrap().secret.expose(), key.secret.as_bytes());
    second.ask_with(&key, "ListUsers", "").unwrap();
    assert!(second.identity(&session).is_ok());
}

#[test]
fn a_power_cut_at_any_write_loses_nothing_acknowledged_and_invents_nothing() {
    for cut in 1..60 {
        let disk = Arc::new(SimDisk::new(cut));
        let house = House::new(&disk);
        house.ask("CreateGroup", "GroupName=g").unwrap();
        disk.power_off_at(disk.ops() + cut);
        let (mut done, mut gone, mut keys) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
        for n in 0..20 {
            let name = format!("user{n}");
            if house.ask("CreateUser", &format!("UserName={name}")).is_ok() {
                done.insert(name.clone());
            }
            if let Ok(made) = house.ask("CreateAccessKey", &format!("UserName={name}")) {
                keys.push(made["AccessKey"]["AccessKeyId"].as_str().unwrap().to_owned());
            } else if n % 3 == 0 && house.ask("DeleteUser", &format!("UserName={name}")).is_ok() {
                done.remove(&name);
                gone.insert(name.clone());
            }
            let _ = house.ask("AddUserToGroup", &format!("GroupName=g&UserName={name}"));
        }
        drop(house);
        let after = House::new(&Arc::new(disk.crash()));
        let listed = after.ask("ListUsers", "").unwrap();
        let names: BTreeSet<String> = listed["Users"]
            .as_array()
            .unwrap()
            .iter()
            .map(|user| user["UserName"].as_str().unwrap().to_owned())
            .collect();
        assert!(done.is_subset(&names), "cut {cut}: {done:?} of {names:?}");
        assert!(gone.is_disjoint(&names), "cut {cut}");
        for id in keys {
            assert!(after.ask("GetAccessKeyLastUsed", &format!("AccessKeyId={id}")).is_ok(), "cut {cut}: {id}");
        }
    }
}

#[test]
fn no_secret_is_on_the_disk() {
    let disk = Arc::new(SimDisk::new(1));
    let house = House::new(&disk);
    let key = house.user("alice");
    house.store.journal().commit().unwrap();
    let holds = |needle: &[u8]| {
        disk.list().unwrap().iter().any(|name| {
            let bytes = disk.bytes(name).unwrap_or_default();
            bytes.windows(needle.len()).any(|window| window == needle)
        })
    };
    assert!(holds(key.id.as_bytes()), "the id is there, so this looks where the secret would be");
    assert!(!holds(key.secret.as_bytes()));
}

#[test]
fn another_root_key_opens_nothing() {
    let disk = Arc::new(SimDisk::new(1));
    let house = House::new(&disk);
    house.user("alice");
    drop(house);
    assert!(House::with_root_key(&Arc::new(disk.crash()), &[8; 32]).is_err());
}

#[test]
fn what_is_declared_is_made_once_and_stays() {
    let disk = Arc::new(SimDisk::new(1));
    let house = House::new(&disk);
    let alice = || Declared {
        sort: DeclaredSort::User,
        name: "alice".into(),
        path: None,
        policies: Some([("p".to_owned(), allows("iam:ListUsers", "*"))].into()),
        attached: None,
        groups: Some(["readers".to_owned()].into()),
        trust: None,
        keys: vec![("AKIAALICEALICEALICE1".to_owned(), "secret".into())],
    };
    let readers = || Declared {
        sort: DeclaredSort::Group,
        name: "readers".into(),
        policies: None,
        groups: None,
        keys: Vec::new(),
        ..alice()
    };
    let declare =
        |house: &House| house.wait(house.iam.declare(house::account(house::ACCOUNT), vec![readers(), alice()]));
    let changed = declare(&house).unwrap();
    assert_eq!(changed, ["+ group readers", "+ user alice", "~ key AKIAALICEALICEALICE1 of user alice"]);
    assert_eq!(declare(&house).unwrap(), [""; 0]);
    let key = house::Key { id: "AKIAALICEALICEALICE1".into(), secret: "secret".into(), token: None };
    house.ask_with(&key, "ListUsers", "").unwrap();
    let wrong = Declared { policies: Some([("p".to_owned(), "{".to_owned())].into()), ..alice() };
    let bob = Declared { name: "bob".into(), keys: Vec::new(), ..alice() };
    let refused = house.wait(house.iam.declare(house::account(house::ACCOUNT), vec![bob, wrong])).unwrap_err();
    assert!(refused.starts_with("alice: "), "{refused}");
    assert!(house.ask("GetUser", "UserName=bob").is_err(), "one mistake, and nothing is done");
}
