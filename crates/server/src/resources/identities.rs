//! What a declaration says of identities: users, groups and roles by name, with their policies and keys.
//!
//! Documents are written as JSON in a text. A secret is written out, or `env:NAME`, which is better: the file is then no secret.

use super::declared::{count, known, texts};
use super::node::{Entry, Node, Wrong};
use iam::{Declaration, Declared, DeclaredPolicy, DeclaredProvider, DeclaredSort};
use seal::Secret;
use std::collections::{BTreeMap, BTreeSet};

/// Reads the table of this name into the declaration.
pub(super) fn read(table: &str, node: &Node, into: &mut Declaration) -> Result<(), Wrong> {
    for Entry { key, line, node } in node.as_table(table)? {
        let sort = match table {
            "policies" => {
                into.policies.push(policy(key, *line, node)?);
                continue;
            }
            "providers" => {
                into.providers.push(provider(key, node)?);
                continue;
            }
            "groups" => DeclaredSort::Group,
            "users" => DeclaredSort::User,
            _ => DeclaredSort::Role,
        };
        into.identities.push(identity(sort, key, node)?);
    }
    Ok(())
}

fn identity(sort: DeclaredSort, name: &str, node: &Node) -> Result<Declared, Wrong> {
    let keys: &[&str] = match sort {
        DeclaredSort::Group => &["absent", "path", "policies", "attached"],
        DeclaredSort::User => &["absent", "path", "policies", "attached", "boundary", "tags", "groups", "keys"],
        DeclaredSort::Role => {
            &["absent", "path", "policies", "attached", "boundary", "tags", "trust", "description", "max_session"]
        }
    };
    let mut declared = Declared::new(sort, name);
    for Entry { key, line, node } in node.as_table("an identity")? {
        known(key, *line, keys)?;
        let text = || node.as_text(key).map(|text| Some(text.to_owned()));
        match key.as_str() {
            "absent" => declared.is_absent = flag(node, key)?,
            "path" => declared.path = text()?,
            "policies" => declared.policies = Some(texts(node, key)?),
            "attached" => declared.attached = Some(texts(node, key)?.into_values().collect()),
            "boundary" => declared.boundary = text()?,
            "tags" => declared.tags = Some(texts(node, key)?),
            "groups" => declared.groups = Some(names(node, key)?),
            "trust" => declared.trust = text()?,
            "description" => declared.description = text()?,
            "max_session" => declared.max_session_secs = Some(count(node, key)?),
            _ => {
                let read = |entry: &Entry| Ok((entry.key.clone(), secret(&entry.node)?));
                declared.keys = Some(node.as_table("keys")?.iter().map(read).collect::<Result<_, _>>()?);
            }
        }
    }
    Ok(declared)
}

fn policy(name: &str, line: usize, node: &Node) -> Result<DeclaredPolicy, Wrong> {
    let mut declared = DeclaredPolicy { name: name.to_owned(), ..DeclaredPolicy::default() };
    let mut is_absent = false;
    for Entry { key, line, node } in node.as_table("a policy")? {
        known(key, *line, &["absent", "path", "description", "document"])?;
        let text = || node.as_text(key).map(|text| Some(text.to_owned()));
        match key.as_str() {
            "absent" => is_absent = flag(node, key)?,
            "path" => declared.path = text()?,
            "description" => declared.description = text()?,
            _ => declared.document = text()?,
        }
    }
    match declared.document.is_none() == is_absent {
        true => Ok(declared),
        false => Err(Wrong::new(line, format!("policy {name} needs a document, or absent = true"))),
    }
}

fn provider(url: &str, node: &Node) -> Result<DeclaredProvider, Wrong> {
    let mut declared = DeclaredProvider { url: url.to_owned(), ..DeclaredProvider::default() };
    for Entry { key, line, node } in node.as_table("a provider")? {
        known(key, *line, &["absent", "client_ids", "thumbprints"])?;
        match key.as_str() {
            "absent" => declared.is_absent = flag(node, key)?,
            "client_ids" => declared.client_ids = names(node, key)?,
            _ => declared.thumbprints = names(node, key)?,
        }
    }
    Ok(declared)
}

/// Names are keys whose value is true, because a declaration has no lists.
fn names(node: &Node, what: &str) -> Result<BTreeSet<String>, Wrong> {
    let all: BTreeMap<String, String> = texts(node, what)?;
    Ok(all.into_iter().filter(|(_, is_in)| is_in == "true").map(|(name, _)| name).collect())
}

fn flag(node: &Node, what: &str) -> Result<bool, Wrong> {
    match node.as_text(what)? {
        "true" => Ok(true),
        "false" => Ok(false),
        other => Err(Wrong::new(node.line, format!("{what} = {other:?} is neither true nor false"))),
    }
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
        let identities = &read.identities.identities;
        let names: Vec<_> = identities.iter().map(|one| (one.sort, one.name.as_str())).collect();
        let expected =
            [(DeclaredSort::Group, "readers"), (DeclaredSort::User, "alice"), (DeclaredSort::Role, "worker")];
        assert_eq!(names, expected);
        assert_eq!(identities[1].groups, Some(BTreeSet::from(["readers".to_owned()])));
        assert_eq!(identities[1].keys.as_ref().map(|keys| keys[0].0.as_str()), Some("AKIAALICEALICEALICE1"));
    }

    #[test]
    fn policies_providers_and_what_a_role_has_are_read() {
        let text = "[policies.own]\ndocument = '{}'\ndescription = 'd'\n[policies.old]\nabsent = true\n\
                    [providers.'idp.example/ci']\nclient_ids = { app = true }\n\
                    [roles.worker]\ntrust = '{}'\nboundary = 'arn'\nmax_session = 7200\ntags = { team = 'blue' }\n\
                    [users.bob]\nabsent = true";
        let read = toml::read(text).and_then(|node| declared::read(&node)).unwrap().identities;
        assert_eq!(read.policies.iter().filter(|policy| policy.document.is_none()).count(), 1);
        assert_eq!(read.providers[0].client_ids, BTreeSet::from(["app".to_owned()]));
        assert!(read.identities[0].is_absent && read.identities[0].name == "bob");
        let role = &read.identities[1];
        assert_eq!((role.boundary.as_deref(), role.max_session_secs), (Some("arn"), Some(7200)));
        assert_eq!(role.tags.as_ref().map(|tags| tags["team"].as_str()), Some("blue"));
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        for (text, line, why) in [
            ("[users.a]\ntrust = 'x'", 2, "trust"),
            ("[users.a.keys]\n\nAKIA = 'env:NO_SUCH_VARIABLE_HERE'", 3, "NO_SUCH_VARIABLE_HERE is not set"),
            ("[roles.a]\npolices = {}", 2, "did you mean policies?"),
            ("[roles.a]\nabsent = 'perhaps'", 2, "neither true nor false"),
            ("[policies.a]\npath = '/'", 1, "needs a document"),
            ("[providers.a]\nclients = {}", 2, "unknown key clients"),
        ] {
            let Wrong { line: at, why: said } =
                toml::read(text).and_then(|node| declared::read(&node)).expect_err(text);
            assert!(at == line && said.contains(why), "{text:?}: line {at}: {said}");
        }
    }
}
