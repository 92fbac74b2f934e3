//! What operators read of topics on the page `/metrics`: what was published and delivered, what failed, and what waits.

use crate::banner::Folder;
use crate::queue::Cli;
use crate::server::Server;
use crate::topic::{Hook, until};
use std::sync::atomic::Ordering;

/// The value of the line with this name and label.
fn value(cli: &Cli, name: &str, label: &str) -> Option<u64> {
    let page = cli.0.get("/metrics");
    let begin = format!("tidewire_sns_{name}{{");
    let line = page.lines().find(|line| line.starts_with(&begin) && line.contains(label))?;
    line.rsplit(' ').next()?.parse().ok()
}

const TOPIC: &str = r#"topic="arn:aws:sns:us-east-1:000000000000:t""#;
const SQS: &str = r#"protocol="sqs""#;
const HTTP: &str = r#"protocol="http""#;

#[test]
fn what_is_published_delivered_failed_and_waits_is_counted_by_topic_and_by_protocol() {
    let cli = Cli::start();
    cli.done(&["topic", "create", "t"]);
    cli.done(&["queue", "create", "q"]);
    cli.done(&["topic", "sub", "t", "sqs", "q"]);
    let hook = Hook::start();
    cli.hooked("t", &hook, &[]);
    hook.status.store(503, Ordering::SeqCst);
    cli.with_input(&["topic", "pub", "t", "--lines"], &"12345\n".repeat(3));
    assert_eq!(
        (value(&cli, "messages_published_total", TOPIC), value(&cli, "publish_size_bytes_total", TOPIC)),
        (Some(3), Some(15))
    );
    assert_eq!(value(&cli, "protocol_notifications_delivered_total", SQS), Some(3));
    until("a delivery fails", || value(&cli, "protocol_notifications_failed_total", HTTP).filter(|failed| *failed > 0));
    let held = |cli: &Cli| {
        value(cli, "deliveries_waiting", HTTP).unwrap_or(0) + value(cli, "deliveries_set_aside", HTTP).unwrap_or(0)
    };
    assert_eq!(held(&cli), 3);
    until("they get older", || value(&cli, "oldest_waiting_seconds", HTTP).filter(|age| (1..60).contains(age)));
    assert_eq!(value(&cli, "notifications_delivered_total", TOPIC), Some(3), "those for the queue alone");

    // What a queue refuses is a failure of its protocol, and its history says why.
    cli.done(&["queue", "delete", "q", "--yes"]);
    cli.done(&["topic", "pub", "t", "nowhere"]);
    assert_eq!(value(&cli, "protocol_notifications_failed_total", SQS), Some(1));
    let rows = cli.json(&["topic", "deliveries", "t"]);
    let row = rows.as_array().unwrap().iter().find(|row| row["protocol"] == "sqs").unwrap();
    assert!(row["last_failure"].as_str().unwrap().contains("NonExistentQueue"), "{row}");
    assert_eq!((value(&cli, "protocol_notifications_delivered_total", SQS), held(&cli)), (Some(3), 4));

    cli.done(&["topic", "rm", "t", "--yes"]);
    assert_eq!(value(&cli, "messages_published_total", TOPIC), None, "a deleted topic has no series");
    assert_eq!(value(&cli, "messages_published_total", r#"topic="(others)""#), Some(4), "and sums lose nothing");
}

#[test]
fn the_delivery_log_has_letters_for_queues_where_the_topic_asks_for_them() {
    let folder = Folder::new("delivery-log");
    let log = format!("{}/deliveries.jsonl", folder.path());
    let cli = Cli(Server::start(&["dev", "--listen", "127.0.0.1:0", "--ephemeral", "--sns-delivery-log", &log]));
    let role = "arn:aws:iam::000000000000:role/r";
    let (success, failure) = (format!("SQSSuccessFeedbackRoleArn={role}"), format!("SQSFailureFeedbackRoleArn={role}"));
    cli.done(&["topic", "create", "t", "-a", &success, "-a", &failure, "-a", "SQSSuccessFeedbackSampleRate=100"]);
    cli.done(&["queue", "create", "q"]);
    cli.done(&["topic", "sub", "t", "sqs", "q"]);
    cli.done(&["topic", "pub", "t", "one"]);
    cli.done(&["queue", "delete", "q", "--yes"]);
    cli.done(&["topic", "pub", "t", "two"]);
    let lines = until("both are logged", || {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        (text.lines().count() == 2).then_some(text)
    });
    let status = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["status"].clone();
    assert_eq!(lines.lines().map(status).collect::<Vec<_>>(), ["SUCCESS", "FAILURE"]);
}
