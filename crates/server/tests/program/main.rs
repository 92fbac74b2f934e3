//! The program as a person or a script starts it: commands, configuration, banner, pages, log, exit codes.
#![allow(clippy::unwrap_used, reason = "a panic is the report")]

mod arrived;
mod attacks;
mod banner;
mod declared_streams;
mod declared_topics;
mod descriptors;
mod frozen;
mod full;
mod hangup;
mod localstack;
mod long_poll;
mod metrics;
mod moves;
mod newer;
mod policy;
mod queue;
mod reply;
mod resources;
mod sealed;
mod server;
mod settings;
mod stopping;
mod stream;
mod stream_groups;
mod terminal;
mod tools;
mod topic;
mod topic_metrics;
mod unverified;

use server::{File, Server, output};

#[test]
fn config_check_shows_a_right_configuration_and_names_what_is_wrong_with_another() {
    let right = File::of("right", "region = \"eu-west-1\"\n[http]\nheader_timeout_secs = 3\n");
    let (code, said) = output(&["config", "check", "--config", right.path()]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("eu-west-1") && said.contains("The configuration is right."), "{said}");

    let wrong = File::of("wrong", "regoin = \"eu-west-1\"\n");
    let (code, said) = output(&["config", "check", "--config", wrong.path()]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("unknown key regoin; did you mean region?"), "{said}");
    assert_eq!(output(&["serve", "--config", wrong.path()]).0, Some(2), "a server does not start with it either");
}

#[test]
fn env_prints_what_a_shell_can_evaluate() {
    let (code, said) =
        output(&["env", "--listen", "127.0.0.1:1234", "--region", "eu-west-1", "--account", "123456789012"]);
    assert_eq!(code, Some(0));
    for line in [
        "export AWS_ENDPOINT_URL='http://127.0.0.1:1234'",
        "export AWS_ACCESS_KEY_ID='123456789012'",
        "export AWS_REGION='eu-west-1'",
    ] {
        assert!(said.lines().any(|said| said == line), "{said}");
    }
}

#[test]
fn serve_reads_its_file_says_where_it_is_and_stops_when_asked() {
    let file =
        File::of("serve", "listen = \"127.0.0.1:0\"\nephemeral = true\nlog = \"json\"\naccount = \"123456789012\"\n");
    let server = Server::start(&["serve", "--config", file.path()]);
    for part in ["serve", "in memory only", "123456789012", "Ready."] {
        assert!(server.banner.contains(part), "{}", server.banner);
    }
    let info = server.get("/_localstack/info");
    assert!(info.starts_with("HTTP/1.1 200") && info.contains("\"edition\": \"tidewire\""), "{info}");
    let health = server.get("/_localstack/health");
    for service in ["cloudwatch", "dynamodb", "iam", "kinesis", "kms", "sqs", "sts"] {
        assert!(health.contains(&format!("\"{service}\": \"running\"")), "{health}");
    }
    assert!(server.get("/readyz").starts_with("HTTP/1.1 200"));
    let metrics = server.get("/metrics");
    for name in ["tidewire_journal_syncs_total", "tidewire_sqs_queues", "tidewire_sqs_messages_visible"] {
        assert!(metrics.contains(name), "{metrics}");
    }
    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");
    let line = log.lines().find(|line| line.contains("stopping")).expect("the stop is logged");
    assert!(line.starts_with('{') && line.ends_with('}') && line.contains("\"signal\":\"SIGTERM\""), "{line}");
}

#[test]
fn other_machines_are_not_let_in_unawares() {
    let (code, said) = output(&["dev", "--listen", "0.0.0.0:0", "--ephemeral"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("allow_unauthenticated"), "{said}");
}
