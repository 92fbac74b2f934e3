//! Streams in declared resources: applied, changed, exported and pruned.

use crate::banner::Folder;
use crate::queue::Cli;

const DECLARED: &str = r#"
[streams.orders]
shards = 2
retention_hours = 48
max_record_kib = 2048
encryption_key = "alias/aws/kinesis"
tags = { team = "billing" }
policy = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"kinesis:PutRecord","Resource":"*"}]}'

[streams.orders.consumers.reports]
tags = { by = "nobody" }

[streams.clicks]
mode = "ON_DEMAND"
distribution = "AUTO"
"#;

const NOTHING: &str = "nothing to do: the server has what is declared\n";

fn write(folder: &Folder, name: &str, text: &str) -> String {
    let path = format!("{}/{name}", folder.path());
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn streams_are_made_as_they_are_declared_and_a_second_time_is_nothing_to_do() {
    let (cli, folder) = (Cli::start(), Folder::new("streams"));
    let path = write(&folder, "resources.toml", DECLARED);
    let said = cli.done(&["apply", &path, "--dry-run"]);
    for line in ["+ stream orders\n    shards = 2\n", "encryption_key: none -> alias/aws/kinesis", "+ consumer reports"]
    {
        assert!(said.contains(line), "{said}");
    }
    cli.done(&["apply", &path]);
    assert_eq!(cli.done(&["apply", &path]), NOTHING);

    let changed = DECLARED
        .replace("shards = 2", "shards = 3")
        .replace("retention_hours = 48", "retention_hours = 24")
        .replace("alias/aws/kinesis", "")
        .replace("max_record_kib = 2048", "max_record_kib = 1024")
        .replace("team = \"billing\"", "cost = \"7\"")
        .replace("by = \"nobody\"", "by = \"somebody\"")
        .replace("distribution = \"AUTO\"", "distribution = \"USER_PARTITION_KEY\"");
    let path = write(&folder, "resources.toml", &changed);
    let said = cli.done(&["apply", &path]);
    for line in [
        "~ stream clicks\n    distribution: AUTO -> USER_PARTITION_KEY\n",
        "shards: 2 -> 3",
        "retention_hours: 48 -> 24",
        "encryption_key: alias/aws/kinesis -> none",
        "tags that go: team",
        "consumer reports: tags: by = somebody",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert_eq!(cli.done(&["apply", &path]), NOTHING);
}

#[test]
fn streams_that_are_exported_are_the_same_elsewhere() {
    let (cli, folder) = (Cli::start(), Folder::new("streams-export"));
    cli.done(&["apply", &write(&folder, "resources.toml", DECLARED)]);
    for format in ["toml", "json", "yaml"] {
        let text = cli.done(&["export", "--format", format]);
        let path = write(&folder, &format!("exported.{format}"), &text);
        assert_eq!(cli.done(&["apply", &path]), NOTHING, "{text}");
        let elsewhere = Cli::start();
        elsewhere.done(&["apply", &path]);
        assert_eq!(elsewhere.done(&["export", "--format", format]), text);
    }
}

#[test]
fn streams_are_pruned_where_the_file_declares_any() {
    let (cli, folder) = (Cli::start(), Folder::new("streams-prune"));
    cli.done(&["apply", &write(&folder, "all.toml", DECLARED)]);
    let queues = write(&folder, "queues.toml", "[queues.jobs]\n");
    cli.done(&["apply", &queues]);
    assert_eq!(cli.done(&["apply", &queues, "--prune", "--yes"]), NOTHING, "the file says nothing of streams");
    let one = write(&folder, "one.toml", "[queues.jobs]\n[streams.clicks]\n");
    let said = cli.done(&["apply", &one, "--prune", "--yes"]);
    assert!(said.contains("- stream orders\n"), "{said}");
    assert!(!cli.done(&["export"]).contains("orders"));
}
