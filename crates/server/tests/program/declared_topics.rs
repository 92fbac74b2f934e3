//! Topics and their subscriptions in declared resources: applied, changed, exported, pruned, and there at the first start.

use crate::banner::Folder;
use crate::queue::Cli;
use crate::server::Server;

const DECLARED: &str = r#"
[queues.jobs]
[queues.jobs-dead]
[queues."orders.fifo"]

[topics.news]
attributes = { SignatureVersion = 2, DisplayName = "News", HTTPFailureFeedbackRoleArn = "arn:aws:iam::000000000000:role/r" }
tags = { team = "billing" }
data_protection = '''{"Name":"p","Version":"2021-06-01","Statement":[{"DataDirection":"Inbound","Principal":["*"],
"DataIdentifier":["arn:aws:dataprotection::aws:data-identifier/EmailAddress"],"Operation":{"Deny":{}}}]}'''

[topics.news.subscriptions.billing]
protocol = "sqs"
endpoint = "jobs"
dead_letters = "jobs-dead"
attributes = { RawMessageDelivery = true, FilterPolicy = '{"a":{"b":["c"]}}', FilterPolicyScope = "MessageBody" }

[topics.news.subscriptions.hook]
protocol = "http"
endpoint = "http://user:secret@127.0.0.1:9/hook"
attributes = { TidewireHmacKey = "0123456789abcdef" }

[topics."orders.fifo"]
attributes = { ContentBasedDeduplication = true }

[topics."orders.fifo".subscriptions.all]
protocol = "sqs"
endpoint = "arn:aws:sqs:us-east-1:000000000000:orders.fifo"
"#;

const NOTHING: &str = "nothing to do: the server has what is declared\n";

fn write(folder: &Folder, name: &str, text: &str) -> String {
    let path = format!("{}/{name}", folder.path());
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn topics_are_made_as_they_are_declared_and_a_second_time_is_nothing_to_do() {
    let (cli, folder) = (Cli::start(), Folder::new("topics"));
    let path = write(&folder, "resources.toml", DECLARED);
    let said = cli.done(&["apply", &path, "--dry-run"]);
    for line in [
        "+ topic news\n",
        "SignatureVersion = 2\n",
        "+ subscription billing of sqs jobs\n",
        "dead letters: jobs-dead\n",
        "+ subscription hook of http http://user:****@127.0.0.1:9/hook\n",
        "TidewireHmacKey = ****\n",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert!(!said.contains("secret") && !said.contains("0123456789"), "{said}");
    cli.done(&["apply", &path]);
    assert_eq!(cli.done(&["apply", &path]), NOTHING);
    cli.done(&["topic", "pub", "news", r#"{"a":{"b":"c"}}"#]);
    cli.done(&["topic", "pub", "news", "other"]);
    let received = cli.json(&["queue", "receive", "jobs", "--max", "10"]);
    assert_eq!(received.as_array().unwrap().len(), 1, "{received}");
    assert_eq!(received[0]["Body"], r#"{"a":{"b":"c"}}"#);

    let changed = DECLARED
        .replace("SignatureVersion = 2", "SignatureVersion = 1")
        .replace("DisplayName = \"News\"", "DisplayName = \"\"")
        .replace("team = \"billing\"", "cost = \"7\"")
        .replace("dead_letters = \"jobs-dead\"", "dead_letters = \"\"")
        .replace(r#"{"a":{"b":["c"]}}"#, r#"{"a":["b"]}"#)
        .replace("\"MessageBody\"", "\"MessageAttributes\"")
        .replace("ContentBasedDeduplication = true", "ContentBasedDeduplication = false");
    let path = write(&folder, "resources.toml", &changed);
    let said = cli.done(&["apply", &path]);
    for line in [
        "~ topic news\n",
        "SignatureVersion: 2 -> 1\n",
        "tag cost = 7\n",
        "tag team goes\n",
        "~ subscription billing\n",
        r#"FilterPolicy: {"a":{"b":["c"]}} -> {"a":["b"]}"#,
        "dead letters: jobs-dead -> none\n",
        "ContentBasedDeduplication: true -> false\n",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert_eq!(cli.done(&["apply", &path]), NOTHING);
}

#[test]
fn topics_that_are_exported_are_the_same_elsewhere() {
    let (cli, folder) = (Cli::start(), Folder::new("topics-export"));
    cli.done(&["apply", &write(&folder, "resources.toml", DECLARED)]);
    for format in ["toml", "json", "yaml"] {
        let text = cli.done(&["export", "--format", format]);
        let path = write(&folder, &format!("exported.{format}"), &text);
        assert_eq!(cli.done(&["apply", &path]), NOTHING, "{text}");
        assert!(!text.contains("secret") && !text.contains("default_policy"), "{text}");
        let elsewhere = Cli::start();
        elsewhere.done(&["apply", &path]);
        assert_eq!(elsewhere.done(&["export", "--format", format]), text);
    }
}

#[test]
fn topics_and_subscriptions_are_pruned_where_the_file_declares_any() {
    let (cli, folder) = (Cli::start(), Folder::new("topics-prune"));
    let queues = "[queues.jobs]\n[queues.jobs-dead]\n[queues.\"orders.fifo\"]\n";
    cli.done(&["apply", &write(&folder, "all.toml", DECLARED)]);
    cli.done(&["topic", "sub", "news", "sqs", "jobs-dead"]);
    let path = write(&folder, "queues.toml", queues);
    assert_eq!(cli.done(&["apply", &path, "--prune", "--yes"]), NOTHING, "the file says nothing of topics");
    let path = write(&folder, "all.toml", DECLARED);
    assert_eq!(cli.done(&["apply", &path]), NOTHING, "what is not named stays");
    let said = cli.run(&["apply", &path, "--prune"]);
    assert!(said.code == Some(2) && said.err.contains("delete 1 subscriptions"), "{said:?}");
    let said = cli.done(&["apply", &path, "--prune", "--yes"]);
    assert!(said.contains("- subscription of sqs jobs-dead\n"), "{said}");
    let path = write(&folder, "one.toml", &format!("{queues}[topics.news]\n"));
    let said = cli.done(&["apply", &path, "--prune", "--yes"]);
    assert!(said.contains("- topic orders.fifo\n") && !said.contains("- subscription"), "{said}");
    assert_eq!(cli.done(&["topic", "ls", "--names"]), "NAME\nnews\n");
}

#[test]
fn what_is_declared_is_there_at_the_first_start_and_a_wrong_key_stops_it() {
    let folder = Folder::new("topics-start");
    let path = write(&folder, "resources.toml", DECLARED);
    let words = ["dev", "--listen", "127.0.0.1:0", "--ephemeral", "--resources", &path];
    let cli = Cli(Server::start(&words));
    let rows = cli.json(&["topic", "ls"]);
    assert_eq!((&rows[0]["name"], &rows[1]["name"]), (&"news".into(), &"orders.fifo".into()));
    assert_eq!((rows[0]["subscriptions"].as_u64(), rows[0]["pending"].as_u64()), (Some(1), Some(1)));

    let path = write(&folder, "wrong.toml", "[topics.t.attributes]\nSignaturVersion = 2\n");
    let (code, said) = crate::server::output(&["dev", "--listen", "127.0.0.1:0", "--ephemeral", "--resources", &path]);
    assert!(
        code == Some(1) && said.contains("wrong.toml:2: ") && said.contains("did you mean SignatureVersion?"),
        "{said}"
    );
}
