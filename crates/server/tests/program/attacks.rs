//! The tables of attacks (SECURITY.md, docs/ACCESS.md) name files of tests; a table that names one that is gone says nothing.

use std::path::{Path, PathBuf};

/// The files and folders that a document names between backquotes.
fn named(document: &str) -> Vec<&str> {
    let between = document.split('`').skip(1).step_by(2);
    between.filter(|text| ["crates/", "clients/", "front_door/"].iter().any(|start| text.starts_with(start))).collect()
}

#[test]
fn every_test_that_a_table_of_attacks_names_is_there() {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    for document in ["SECURITY.md", "docs/ACCESS.md"] {
        let text = std::fs::read_to_string(root.join(document)).unwrap();
        let (named, front) = (named(&text), root.join("crates/gateway/tests"));
        assert!(named.len() > 5, "{document} names {named:?} alone");
        for path in named {
            let file = if path.starts_with("front_door/") { front.join(path) } else { root.join(path) };
            let is_there = file.exists() || Path::new(&format!("{}.rs", file.display())).exists();
            assert!(is_there, "{document} names {path}, which is not there");
        }
    }
}
