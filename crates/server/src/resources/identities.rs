//! What a declaration says of identities: users, groups and roles by name, with their policies and keys.
//!
//! Documents are written as JSON in a text. A secret is written out, or `env:NAME`, which is better: the file is then no secret.

use super::declared::{known, texts};
use super::node::{Entry, Node, Wrong};
use iam::{Declared, DeclaredSort};
use seal::Secret;
use std::collections::{BTreeMap, BTreeSet};

/// The tables of identities, as a document names them.
pub(crate) const TABLES: [(&str, DeclaredSort); 3] =
    [("groups", DeclaredSort::Group), ("users", DeclaredSort::User), ("roles", DeclaredSort::Role)];

/// Reads a table of identities of one sort.
pub(super) fn read(sort: DeclaredSort, node: &Node) -> Result<Vec<Declared>, Wrong> {
    let entries = node.as_table("identities")?.iter();
    entries.map(|Entry { key, node, .. }| identity(sort, key, node)).collect()
}

fn identity(sort: DeclaredSort, name: &str, node: &Node) -> Result<Declared, Wrong> {
    let keys: &[&str] = match sort {
        DeclaredSort::Group => &["path", "policies", "attached"],
        DeclaredSort::User => &["path", "policies", "attached", "groups", "keys"],
        DeclaredSort::Role => &["path", "policies", "attached", "trust"],
    };
    let mut declared = Declared {
        sort,
        name: name.to_owned(),
        path: None,
        policies: None,
        attached: None,
        groups: None,
        trust: None,
        keys: Vec::new(),
    };
    for Entry { key, line, node } in node.as_table("an identity")? {
        known(key, *line, keys)?;
        match key.as_str() {
            "path" => declared.path = Some(node.as_text("path")?.to_owned()),
            "policies" => declared.policies = Some(texts(node, "policies")?),
            "attached" => declared.attached = Some(texts(node, "attached")?.into_values().collect()),
            "groups" => declared.groups = Some(names(texts(node, "groups")?)),
            "trust" => declared.trust = Some(node.as_text("trust")?.to_owned()),
            _ => {
                let read = |entry: &Entry| Ok((entry.key.clone(), secret(&entry.node)?));
                declared.keys = node.as_table("keys")?.iter().map(read).collect::<Result<_, _>>()?;
            }
        }
    }
    Ok(declared)
}

/// Groups are keys whose value is true, because a declaration has no lists.
fn names(groups: BTreeMap<String, String>) -> BTreeSet<String> {
    groups.into_iter().filter(|(_, is_in)| is_in == "true").map(|(name, _)| name).collect()
}

fn secret(node: &Node) -> Result<Secret, Wrong> {
    let text = node.as_text("a secret")?;
    match text.strip_prefix("env:") {
        None => Ok(Secret::from(text)),
        Some(name) => {
            let found =
                std::env::var(name).map_err(|_| Wrong::new(node.line, format!("the variable {name} is not set")));
            found.map(Secret::from)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::{declared, toml};

    #[test]
    fn identities_are_read_with_their_policies_and_keys() {
        let text = "[groups.readers.attached]\nsqs = 'arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess'\n\
                    [users.alice]\ngroups = { readers = true, writers = false }\npolicies = { send = '{}' }\n\
                    keys = { AKIAALICEALICEALICE1 = 'secret' }\n[roles.worker]\ntrust = '{}'";
        let read = toml::read(text).and_then(|node| declared::read(&node)).unwrap();
        let names: Vec<_> = read.identities.iter().map(|one| (one.sort, one.name.as_str())).collect();
        let expected =
            [(DeclaredSort::Group, "readers"), (DeclaredSort::User, "alice"), (DeclaredSort::Role, "worker")];
        assert_eq!(names, expected);
        assert_eq!(read.identities[1].groups, Some(BTreeSet::from(["readers".to_owned()])));
        assert_eq!(read.identities[1].keys[0].0, "AKIAALICEALICEALICE1");
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        for (text, line, why) in [
            ("[users.a]\ntrust = 'x'", 2, "trust"),
            ("[users.a.keys]\n\nAKIA = 'env:NO_SUCH_VARIABLE_HERE'", 3, "NO_SUCH_VARIABLE_HERE is not set"),
            ("[roles.a]\npolices = {}", 2, "did you mean policies?"),
        ] {
            let Wrong { line: at, why: said } =
                toml::read(text).and_then(|node| declared::read(&node)).expect_err(text);
            assert!(at == line && said.contains(why), "{text:?}: line {at}: {said}");
        }
    }
}
