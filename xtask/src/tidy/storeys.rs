//! The law of the storeys: a crate uses only lower ones, and the table and the workspace name the same crates.
//!
//! Development dependencies may also reach the own storey, except between siblings in `services/` and `protocols/`, which
//! never know each other. What stands beside the house is used by nothing in it.

use crate::house::{Room, Storey};
use crate::workspace::{Kind, Package};

/// Every edge and every crate that the table does not allow.
pub(super) fn check(rooms: &[Room], packages: &[Package]) -> Vec<String> {
    let mut findings = unlisted(rooms, packages);
    for package in packages {
        let Some(own) = room(rooms, &package.name) else { continue };
        for (name, kind) in &package.depends_on {
            if let Some(other) = room(rooms, name)
                && let Some(reason) = objection(own, other, *kind)
            {
                let (own, other) = (describe(own), describe(other));
                findings.push(format!("{}/Cargo.toml: {own} depends on {other}: {reason}", package.folder));
            }
        }
    }
    findings
}

fn unlisted(rooms: &[Room], packages: &[Package]) -> Vec<String> {
    let mut findings = Vec::new();
    for package in packages {
        match room(rooms, &package.name) {
            None => findings.push(format!("{}: `{}` is missing in the storey table", package.folder, package.name)),
            Some(room) if room.folder != package.folder => {
                findings
                    .push(format!("`{}` lies in {}, the storey table says {}", room.name, package.folder, room.folder));
            }
            Some(_) => {}
        }
    }
    let gone = rooms.iter().filter(|room| !packages.iter().any(|package| package.name == room.name));
    findings.extend(gone.map(|room| format!("`{}` is in the storey table but no crate of the workspace", room.name)));
    findings
}

/// Why `own` may not depend on `other`, if it may not.
fn objection(own: &Room, other: &Room, kind: Kind) -> Option<&'static str> {
    match (own.storey, other.storey) {
        (Storey::Beside, _) => None,
        (Storey::Floor(_), Storey::Beside) => Some("nothing in the house uses what stands beside it"),
        _ if are_siblings(own, other) => Some("siblings never know each other"),
        (Storey::Floor(mine), Storey::Floor(theirs)) if theirs < mine => None,
        (Storey::Floor(mine), Storey::Floor(theirs)) if kind == Kind::Development && theirs == mine => None,
        _ => Some("only lower storeys may be used"),
    }
}

/// Two crates in the same gallery of the house: `crates/services/` or `crates/protocols/`.
fn are_siblings(one: &Room, other: &Room) -> bool {
    let gallery = |room: &Room| room.folder.rsplit_once('/').map(|(gallery, _)| gallery.to_owned());
    let shared = gallery(one).filter(|_| gallery(one) == gallery(other));
    shared.is_some_and(|gallery| gallery.ends_with("/services") || gallery.ends_with("/protocols"))
}

fn room<'a>(rooms: &'a [Room], name: &str) -> Option<&'a Room> {
    rooms.iter().find(|room| room.name == name)
}

fn describe(room: &Room) -> String {
    format!("`{}` ({})", room.name, room.storey)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floor(number: u8, name: &str, folder: &str) -> Room {
        Room { storey: Storey::Floor(number), name: name.into(), folder: folder.into(), may: vec![] }
    }

    fn house() -> Vec<Room> {
        vec![
            floor(1, "journal", "crates/journal"),
            floor(1, "wire", "crates/wire"),
            floor(5, "sqs", "crates/services/sqs"),
            floor(5, "sns", "crates/services/sns"),
            Room { storey: Storey::Beside, name: "bench".into(), folder: "bench".into(), may: vec![] },
        ]
    }

    fn findings(from: &str, to: &str, kind: Kind) -> Vec<String> {
        let mut packages: Vec<Package> = house()
            .into_iter()
            .map(|room| Package { name: room.name, folder: room.folder, depends_on: vec![] })
            .collect();
        let package = packages.iter_mut().find(|package| package.name == from).unwrap();
        package.depends_on.push((to.to_owned(), kind));
        check(&house(), &packages)
    }

    #[test]
    fn a_lower_storey_may_be_used_and_a_higher_one_may_not() {
        assert!(findings("sqs", "journal", Kind::Normal).is_empty());
        let upward = findings("journal", "sqs", Kind::Development);
        assert_eq!(upward.len(), 1);
        assert!(
            upward[0].contains("`journal` (storey 1) depends on `sqs` (storey 5): only lower storeys"),
            "{upward:?}"
        );
    }

    #[test]
    fn the_same_storey_may_be_reached_only_by_tests() {
        assert_eq!(findings("journal", "wire", Kind::Normal).len(), 1);
        assert_eq!(findings("journal", "wire", Kind::Build).len(), 1);
        assert!(findings("journal", "wire", Kind::Development).is_empty());
    }

    #[test]
    fn siblings_never_know_each_other_not_even_in_tests() {
        assert!(findings("sqs", "sns", Kind::Development)[0].contains("siblings"));
    }

    #[test]
    fn what_stands_beside_may_use_all_and_is_used_by_none() {
        assert!(findings("bench", "sqs", Kind::Normal).is_empty());
        assert_eq!(findings("sqs", "bench", Kind::Development).len(), 1);
    }

    #[test]
    fn the_table_and_the_workspace_name_the_same_crates_in_the_same_folders() {
        let packages = [
            Package { name: "journal".into(), folder: "crates/log".into(), depends_on: vec![] },
            Package { name: "stream".into(), folder: "crates/stream".into(), depends_on: vec![] },
        ];
        let seen = check(&house()[..2], &packages);
        assert!(seen[0].contains("lies in crates/log"), "{seen:?}");
        assert!(seen[1].contains("`stream` is missing"), "{seen:?}");
        assert!(seen[2].contains("`wire` is in the storey table but no crate"), "{seen:?}");
        assert_eq!(seen.len(), 3);
    }
}
