//! The tables of attacks (SECURITY.md, docs/ACCESS.md) name files of tests, and that of SNS (docs/PROOFS-SNS.md) tests themselves; a table
//! that names one that is gone says nothing.

use std::path::{Path, PathBuf};

/// The files and folders that a document names between backquotes.
fn named(document: &str) -> Vec<&str> {
    let between = document.split('`').skip(1).step_by(2);
    between
        .filter(|text| ["crates/", "clients/", "front_door/", "sim/"].iter().any(|start| text.starts_with(start)))
        .collect()
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

/// Whether a file has a test of this name: a function of Rust or Python, or what a test of Node says.
fn has_test(text: &str, name: &str) -> bool {
    [format!("fn {name}("), format!("def {name}("), format!("test(\"{name}")].iter().any(|begin| text.contains(begin))
}

#[test]
fn every_test_that_shows_what_sns_promises_is_there() {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let document = std::fs::read_to_string(root.join("docs/PROOFS-SNS.md")).unwrap();
    let mut seen = 0;
    for row in document.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| what ")) {
        let tests: Vec<_> = named(row).into_iter().map(|test| test.split_once("::").expect(test)).collect();
        assert!(!tests.is_empty(), "no test stands in {row}");
        for (file, name) in tests {
            let text = std::fs::read_to_string(root.join(file)).unwrap_or_default();
            assert!(has_test(&text, name), "docs/PROOFS-SNS.md names {file}::{name}, which is not there");
            seen += 1;
        }
    }
    assert!(seen > 50, "a table of {seen} tests is not the whole");
}
