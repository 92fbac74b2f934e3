//! Identities last: over a crash at any write, in the log and in snapshots, with secrets that nobody reads off the disk.

#![allow(clippy::unwrap_used, reason = "a panic is the report")]

mod house;

use house::{House, allows};
use iam::{Declaration, Declared, DeclaredPolicy, DeclaredProvider, DeclaredSort};
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
        policies: Some([("p".to_owned(), allows("iam:ListUsers", "*"))].into()),
        groups: Some(["readers".to_owned()].into()),
        keys: Some(vec![("AKIAALICEALICEALICE1".to_owned(), "secret".into())]),
        ..Declared::new(DeclaredSort::User, "alice")
    };
    let readers = || Declared::new(DeclaredSort::Group, "readers");
    let changed = declare(&house, vec![readers(), alice()]).unwrap();
    assert_eq!(changed, ["+ group readers", "+ user alice", "~ key AKIAALICEALICEALICE1 of user alice"]);
    assert_eq!(declare(&house, vec![readers(), alice()]).unwrap(), [""; 0]);
    let key = house::Key { id: "AKIAALICEALICEALICE1".into(), secret: "secret".into(), token: None };
    house.ask_with(&key, "ListUsers", "").unwrap();
    let wrong = Declared { policies: Some([("p".to_owned(), "{".to_owned())].into()), ..alice() };
    let bob = Declared { name: "bob".into(), keys: None, ..alice() };
    let refused = declare(&house, vec![bob, wrong]).unwrap_err();
    assert!(refused.starts_with("alice: "), "{refused}");
    assert!(house.ask("GetUser", "UserName=bob").is_err(), "one mistake, and nothing is done");
    // Another key in the file is another key at the server: who took the old one has nothing.
    let turned = Declared { keys: Some(vec![("AKIAALICEALICEALICE2".to_owned(), "other".into())]), ..alice() };
    let changed = declare(&house, vec![turned]).unwrap();
    assert_eq!(changed, ["- key AKIAALICEALICEALICE1 of user alice", "~ key AKIAALICEALICEALICE2 of user alice"]);
    assert!(house.identity(&key).is_err());
    let absent = |one: Declared| Declared { is_absent: true, ..one };
    let changed = declare(&house, vec![absent(readers()), absent(alice())]).unwrap();
    let gone = ["~ user alice", "- group readers", "- key AKIAALICEALICEALICE2 of user alice", "- user alice"];
    assert_eq!(changed, gone);
    assert_eq!(declare(&house, vec![absent(readers()), absent(alice())]).unwrap(), [""; 0]);
}

fn declare(house: &House, identities: Vec<Declared>) -> Result<Vec<String>, String> {
    declare_all(house, Declaration { identities, ..Declaration::default() })
}

fn declare_all(house: &House, declaration: Declaration) -> Result<Vec<String>, String> {
    house.wait(house.iam.declare(house::account(house::ACCOUNT), declaration))
}

#[test]
fn policies_boundaries_roles_and_providers_are_declared() {
    let house = House::new(&Arc::new(SimDisk::new(1)));
    let own = "arn:aws:iam::123456789012:policy/own";
    let policy =
        |document: Option<String>| DeclaredPolicy { name: "own".into(), document, ..DeclaredPolicy::default() };
    let role = || Declared {
        attached: Some([own.to_owned()].into()),
        boundary: Some(own.to_owned()),
        tags: Some([("team".to_owned(), "blue".to_owned())].into()),
        trust: Some(house::trusts("arn:aws:iam::123456789012:root")),
        description: Some("works".into()),
        max_session_secs: Some(7200),
        ..Declared::new(DeclaredSort::Role, "worker")
    };
    let provider = |clients: &[&str]| DeclaredProvider {
        url: "idp.example/ci".into(),
        client_ids: clients.iter().map(|id| (*id).to_owned()).collect(),
        ..DeclaredProvider::default()
    };
    let all = |document: &str, clients: &[&str]| Declaration {
        policies: vec![policy(Some(document.to_owned()))],
        identities: vec![role()],
        providers: vec![provider(clients)],
    };
    let (first, second) = (allows("sqs:*", "*"), allows("kms:*", "*"));
    let changed = declare_all(&house, all(&first, &["app"])).unwrap();
    assert_eq!(changed, ["+ policy own", "+ role worker", "+ provider idp.example/ci"]);
    assert_eq!(declare_all(&house, all(&first, &["app"])).unwrap(), [""; 0]);
    let shown = house.ask("GetRole", "RoleName=worker").unwrap()["Role"].clone();
    assert_eq!(shown["PermissionsBoundary"]["PermissionsBoundaryArn"], own);
    assert_eq!((&shown["MaxSessionDuration"], &shown["Description"]), (&7200.into(), &"works".into()));
    assert_eq!(shown["Tags"][0]["Value"], "blue");
    let changed = declare_all(&house, all(&second, &["app", "web"])).unwrap();
    assert_eq!(changed, ["~ policy own", "~ provider idp.example/ci"]);
    for n in 0..7 {
        declare_all(&house, all(if n % 2 == 0 { &first } else { &second }, &["app"])).unwrap();
    }
    let versions = house.ask("ListPolicyVersions", &format!("PolicyArn={own}")).unwrap()["Versions"].clone();
    let versions: Vec<_> = versions.as_array().unwrap().iter().map(|version| &version["VersionId"]).collect();
    assert_eq!(versions, ["v9", "v8", "v7", "v6", "v5"]);
    let absent = || Declaration { policies: vec![policy(None)], ..Declaration::default() };
    let refused = declare_all(&house, absent()).unwrap_err();
    assert!(refused.contains("somebody still has it"), "{refused}");
    let gone = Declaration {
        identities: vec![Declared { is_absent: true, ..role() }],
        providers: vec![DeclaredProvider { is_absent: true, ..provider(&[]) }],
        ..absent()
    };
    let changed = declare_all(&house, gone).unwrap();
    assert_eq!(changed, ["- role worker", "- provider idp.example/ci", "- policy own"]);
    for (what, declared) in [
        ("there is no policy", Declared { boundary: Some("arn:aws:iam::aws:policy/None".into()), ..role() }),
        ("3600 to 43200", Declared { max_session_secs: Some(60), attached: None, boundary: None, ..role() }),
        ("trust policy", Declared { trust: None, ..role() }),
    ] {
        let refused = declare(&house, vec![declared]).unwrap_err();
        assert!(refused.contains(what), "{refused}");
    }
}

#[test]
fn names_and_paths_are_declared_as_the_model_has_them() {
    let house = House::new(&Arc::new(SimDisk::new(1)));
    let user = |path: &str| Declared { path: Some(path.to_owned()), ..Declared::new(DeclaredSort::User, "u") };
    let group = |name: &str| Declared::new(DeclaredSort::Group, name);
    let policy = |name: &str, path: &str| {
        let (name, path, document) = (name.to_owned(), Some(path.to_owned()), Some(allows("sqs:*", "*")));
        let policies = vec![DeclaredPolicy { name, path, document, ..DeclaredPolicy::default() }];
        declare_all(&house, Declaration { policies, ..Declaration::default() })
    };
    let (long, longer) = ("x".repeat(128), "x".repeat(129));
    for wrong in ["", "a", "/a", "a/", "/a b/", "/\u{e4}/", &format!("/{}/", "x".repeat(511))] {
        let refused = declare(&house, vec![user(wrong)]).unwrap_err();
        assert!(refused.starts_with("u: a path begins and ends with a slash"), "{wrong:?}: {refused}");
        assert!(policy("p", wrong).is_err(), "{wrong:?}");
    }
    // What a user's path may have, and a policy's may not.
    for path in ["/a//b/", "/a:b/"] {
        assert!(policy("p", path).unwrap_err().starts_with("p: a path of a policy"), "{path}");
        declare(&house, vec![user(path)]).unwrap();
    }
    policy(&long, &format!("/{}/", "x".repeat(510))).unwrap();
    assert!(policy(&longer, "/").unwrap_err().contains("1 to 128 letters"));
    declare(&house, vec![group(&long)]).unwrap();
    assert!(declare(&house, vec![group(&longer)]).unwrap_err().contains("1 to 128 letters"));
    assert!(declare(&house, vec![Declared::new(DeclaredSort::Role, &long)]).unwrap_err().contains("1 to 64 letters"));
    let inline = |name: &str| Declared { policies: Some([(name.into(), allows("sqs:*", "*"))].into()), ..group("g") };
    declare(&house, vec![inline(&long)]).unwrap();
    for wrong in [&longer, "", "a b"] {
        assert!(declare(&house, vec![inline(wrong)]).unwrap_err().contains("it is no name"), "{wrong}");
    }
}

#[test]
fn the_root_key_that_is_set_is_the_only_one_and_nobodys_else() {
    let house = House::new(&Arc::new(SimDisk::new(1)));
    let set = |digits: &str, id: &str, secret: &str| {
        let key = iam::MadeKey { access_key_id: id.into(), secret: secret.into() };
        house.wait(house.iam.set_root_key(house::account(digits), &key)).map_err(|why| why.to_string())
    };
    let key = |id: &str| house::Key { id: id.into(), secret: String::new(), token: None };
    let secret = |id: &str| house.identity(&key(id)).map(|identity| identity.secret.expose().to_vec());
    let (one, two) = ("AKIAROOTROOTROOT0001", "AKIAROOTROOTROOT0002");
    assert_eq!(set(house::ACCOUNT, one, "first"), Ok(vec![]));
    assert_eq!(set(house::ACCOUNT, one, "second"), Ok(vec![]));
    assert_eq!(secret(one), Ok(b"second".to_vec()));
    // Another one is set: the former is over.
    assert_eq!(set(house::ACCOUNT, two, "third"), Ok(vec![one.to_owned()]));
    assert_eq!((secret(one), secret(two)), (Err("InvalidClientTokenId".into()), Ok(b"third".to_vec())));
    // A key of a user, or of another account, stays theirs.
    let alice = house.user("alice");
    for (digits, id) in [(house::ACCOUNT, alice.id.as_str()), ("999999999999", two)] {
        let refused = set(digits, id, "mine").unwrap_err();
        assert_eq!(refused, format!("the access key {id} is somebody else's"));
    }
    assert_eq!(secret(&alice.id), Ok(alice.secret.as_bytes().to_vec()));
    assert_eq!(house.identity(&key(two)).unwrap().caller.account(), Some(house::account(house::ACCOUNT)));
}
