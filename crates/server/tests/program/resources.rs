//! Declared resources: applied at a start and by hand, exported, and mistakes in them.

use crate::banner::Folder;
use crate::queue::Cli;
use crate::server::{File, Server, output};
use serde_json::Value;

const DECLARED: &str = r#"
[queues.jobs]
attributes = { VisibilityTimeout = 60, DelaySeconds = 1 }
tags = { team = "billing", cost = "7" }

[queues.other]
"#;

fn write(folder: &Folder, name: &str, text: &str) -> String {
    let path = format!("{}/{name}", folder.path());
    std::fs::write(&path, text).unwrap();
    path
}

fn names(cli: &Cli) -> Vec<String> {
    let rows = cli.json(&["queue", "ls"]);
    rows.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_declaration_is_applied_after_its_difference_was_shown_and_a_second_time_is_nothing_to_do() {
    let (cli, folder) = (Cli::start(), Folder::new("apply"));
    let path = write(&folder, "resources.toml", DECLARED);
    let said = cli.done(&["apply", &path, "--dry-run"]);
    assert!(said.contains("+ queue jobs") && said.contains("VisibilityTimeout = 60"), "{said}");
    assert_eq!(names(&cli).len(), 0, "a dry run changes nothing");
    assert!(cli.done(&["apply", &path]).ends_with("applied\n"));
    assert_eq!(names(&cli), ["jobs", "other"]);
    assert_eq!(cli.done(&["apply", &path]), "nothing to do: the server has what is declared\n");

    let changed = DECLARED.replace("VisibilityTimeout = 60", "VisibilityTimeout = 5").replace(", cost = \"7\"", "");
    let path = write(&folder, "resources.toml", &changed);
    let said = cli.done(&["apply", &path]);
    assert!(said.contains("~ queue jobs\n    VisibilityTimeout: 60 -> 5\n    tag cost goes\n"), "{said}");
    assert_eq!(cli.done(&["apply", &path]), "nothing to do: the server has what is declared\n");
}

#[test]
fn dead_letters_are_declared_by_name_changed_and_exported() {
    let (cli, folder) = (Cli::start(), Folder::new("dead-letters"));
    let declared = r#"
[queues.jobs]
dead_letters = { queue = "jobs-dead", max_receives = 1 }
attributes = { VisibilityTimeout = 0 }

[queues.jobs-dead]
"#;
    let path = write(&folder, "resources.toml", declared);
    let said = cli.done(&["apply", &path, "--dry-run"]);
    assert!(said.contains("jobs-dead"), "{said}");
    cli.done(&["apply", &path]);
    assert_eq!(cli.done(&["apply", &path]), "nothing to do: the server has what is declared\n");
    cli.done(&["queue", "send", "jobs", "poison"]);
    for _ in 0..2 {
        cli.done(&["queue", "receive", "jobs"]);
    }
    let letter = cli.json(&["queue", "receive", "jobs-dead", "--wait", "5"]);
    assert_eq!(letter[0]["Body"], "poison");
    let said = cli.done(&["export"]);
    assert!(said.contains("queue = \"jobs-dead\"") && said.contains("max_receives = 1"), "{said}");

    let path = write(&folder, "resources.toml", &declared.replace("max_receives = 1", "max_receives = 7"));
    assert!(cli.done(&["apply", &path]).contains('7'));
    assert!(cli.done(&["export"]).contains("max_receives = 7"));
    let path = write(&folder, "nowhere.toml", &declared.replace("\"jobs-dead\"", "\"nowhere\""));
    let said = cli.run(&["apply", &path]);
    assert!(said.code == Some(1) && said.err.contains("nowhere"), "{said:?}");
}

#[test]
fn what_is_not_declared_is_pruned_only_when_told_twice() {
    let (cli, folder) = (Cli::start(), Folder::new("prune"));
    let path = write(&folder, "resources.yaml", "queues:\n  kept:\n");
    cli.done(&["queue", "create", "stray"]);
    cli.done(&["queue", "send", "stray", "x"]);
    cli.done(&["apply", &path]);
    assert_eq!(names(&cli), ["kept", "stray"]);
    let said = cli.run(&["apply", &path, "--prune"]);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.out.contains("- queue stray (1 messages)") && said.err.contains("--yes"), "{said:?}");
    assert_eq!(names(&cli), ["kept", "stray"]);
    cli.done(&["apply", &path, "--prune", "--yes"]);
    assert_eq!(names(&cli), ["kept"]);
}

#[test]
fn what_is_exported_needs_nothing_where_it_came_from_and_makes_the_same_elsewhere() {
    let (cli, elsewhere, folder) = (Cli::start(), Cli::start(), Folder::new("export-all"));
    let path = write(&folder, "resources.toml", DECLARED);
    cli.done(&["apply", &path]);
    cli.done(&["queue", "create", "odd", "-a", "MaximumMessageSize=2048", "-a", "TidewireDurability=relaxed"]);
    for name in ["out.toml", "out.json", "out.yaml"] {
        let out = format!("{}/{name}", folder.path());
        cli.done(&["export", "--to", &out]);
        let said = cli.done(&["apply", &out, "--prune", "--dry-run"]);
        assert_eq!(said, "nothing to do: the server has what is declared\n", "{name}");
        elsewhere.done(&["apply", &out, "--prune", "--yes"]);
        assert_eq!(elsewhere.done(&["export"]), cli.done(&["export"]), "{name}");
    }
    let said = cli.run(&["export", "--to", &path]);
    assert!(said.code == Some(2) && said.err.contains("replace the file"), "{said:?}");
}

#[test]
fn a_server_starts_with_what_is_declared_and_keeps_what_it_has() {
    let (folder, data) = (Folder::new("at-start"), Folder::new("at-start-data"));
    let path = write(&folder, "resources.toml", DECLARED);
    let words = ["dev", "--listen", "127.0.0.1:0", "--data-dir", data.path(), "--resources", &path];
    let cli = Cli(Server::start(&words));
    assert_eq!(names(&cli), ["jobs", "other"]);
    cli.done(&["queue", "create", "by-hand"]);
    cli.done(&["queue", "send", "other", "kept"]);
    assert_eq!(cli.0.stop().0, Some(0));
    let cli = Cli(Server::start(&words));
    assert_eq!(names(&cli), ["by-hand", "jobs", "other"]);
    let received: Value = cli.json(&["queue", "receive", "other"]);
    assert_eq!(received[0]["Body"], "kept");
    cli.0.stop();
}

#[test]
fn a_declaration_with_a_mistake_stops_the_start_and_names_its_line() {
    let folder = Folder::new("mistake");
    for (name, text, why) in [
        ("a.toml", "[queues.a]\natributes = {}\n", "a.toml:2: unknown key atributes; did you mean attributes?"),
        ("a.yaml", "queues:\n  a:\n    attributes:\n      Visibility: 3\n", "a.yaml:4: unknown attribute Visibility"),
        ("a.conf", "queues {\n a { delai = 3 s } }", "a.conf:2: unknown key delai; did you mean delay?"),
        ("a.ini", "", "expected a name that ends in"),
    ] {
        let path = write(&folder, name, text);
        let (code, said) = output(&["dev", "--listen", "127.0.0.1:0", "--ephemeral", "--resources", &path]);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(why), "{said}");
    }
    let path = write(&folder, "refused.toml", "[queues.a.attributes]\nVisibilityTimeout = 99999\n");
    let (code, said) = output(&["dev", "--listen", "127.0.0.1:0", "--ephemeral", "--resources", &path]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("cannot be applied") && said.contains("VisibilityTimeout"), "{said}");
    assert!(!said.contains("Ready."), "{said}");
}

#[test]
fn elasticmqs_configuration_is_applied() {
    let (cli, folder) = (Cli::start(), Folder::new("elasticmq"));
    let conf = "include classpath(\"application.conf\")\nqueues {\n queue1 { defaultVisibilityTimeout = 10 seconds\n \
                delay = 5 seconds }\n queue2 { tags { a = b } }\n}\n";
    cli.done(&["apply", &write(&folder, "elasticmq.conf", conf)]);
    let said = cli.done(&["export"]);
    assert!(said.contains("VisibilityTimeout = 10") && said.contains("DelaySeconds = 5"), "{said}");
    assert!(said.contains("[queues.queue2.tags]\na = \"b\""), "{said}");
}

#[test]
fn the_key_is_read_from_a_configuration_file_like_any_other() {
    let folder = Folder::new("resources-key");
    let path = write(&folder, "resources.json", r#"{ "queues": { "declared": {} } }"#);
    let text = format!("listen = \"127.0.0.1:0\"\nephemeral = true\nauth = \"off\"\nresources = \"{path}\"\n");
    let file = File::of("resources-key", &text);
    let cli = Cli(Server::start(&["serve", "--config", file.path()]));
    assert_eq!(names(&cli), ["declared"]);
    cli.0.stop();
}
