//! CloudWatch's metrics of queues on the page `/metrics`: exact, bounded, and the same after a queue was put away.

use crate::banner::Folder;
use crate::queue::Cli;
use crate::server::Server;

/// The value of a line of the page.
fn value(cli: &Cli, name: &str, queue: &str) -> Option<u64> {
    let page = cli.0.get("/metrics");
    let begin = format!("tidewire_sqs_queue_{name}{{");
    let named = format!("queue=\"{queue}\"");
    let line = page.lines().find(|line| line.starts_with(&begin) && line.contains(&named))?;
    line.rsplit(' ').next()?.parse().ok()
}

#[test]
fn what_happens_to_a_queue_is_counted_exactly() {
    let cli = Cli::start();
    cli.done(&["queue", "create", "q"]);
    cli.with_input(&["queue", "send", "q", "--lines"], &"0123456789\n".repeat(25));
    cli.done(&["queue", "send", "q", "later", "--delay", "600", "-a", "kind=xy"]);
    cli.done(&["queue", "receive", "q", "--max", "7"]);
    cli.done(&["queue", "receive", "q", "--max", "3", "--delete"]);
    cli.done(&["queue", "create", "empty"]);
    cli.done(&["queue", "receive", "empty"]);
    cli.done(&["queue", "peek", "q"]);
    // The attribute counts: name, type and value.
    let bytes = 25 * 10 + "later".len() + "kind".len() + "String".len() + "xy".len();
    for (name, expected) in [
        ("messages_sent_total", 26),
        ("sent_message_size_bytes_total", bytes as u64),
        ("messages_received_total", 10),
        ("messages_deleted_total", 3),
        ("empty_receives_total", 0),
        ("messages_visible", 15),
        ("messages_not_visible", 7),
        ("messages_delayed", 1),
    ] {
        assert_eq!(value(&cli, name, "q"), Some(expected), "{name}\n{}", cli.0.get("/metrics"));
    }
    assert!(value(&cli, "oldest_message_age_seconds", "q").is_some_and(|secs| secs < 60));
    assert_eq!(value(&cli, "empty_receives_total", "empty"), Some(1));
    cli.done(&["queue", "delete", "q", "--yes"]);
    assert_eq!(value(&cli, "messages_sent_total", "q"), None, "a deleted queue has no series");
    assert_eq!(value(&cli, "messages_sent_total", "(others)"), Some(26), "and sums lose nothing");
}

#[test]
fn queues_beyond_the_bound_are_summed_up() {
    let words = ["dev", "--listen", "127.0.0.1:0", "--ephemeral", "--metrics-queues-max", "2"];
    let cli = Cli(Server::start(&words));
    for name in ["a", "b", "c", "d"] {
        cli.done(&["queue", "create", name]);
        cli.done(&["queue", "send", name, "x"]);
    }
    for (queue, expected) in [("a", Some(1)), ("b", Some(1)), ("c", None), ("(others)", Some(2))] {
        assert_eq!(value(&cli, "messages_sent_total", queue), expected, "{queue}");
        assert_eq!(value(&cli, "messages_visible", queue), expected, "{queue}");
    }
    let stats = cli.json(&["queue", "stats", "d", "--interval", "0"]);
    assert!(stats["sent"].is_null() && stats["visible"] == 1, "what is not counted by itself is not made up: {stats}");
}

#[test]
fn a_queue_that_holds_messages_is_shown_after_a_start_before_anybody_uses_it() {
    let data = Folder::new("metrics-start");
    let words = ["dev", "--listen", "127.0.0.1:0", "--data-dir", data.path()];
    let cli = Cli(Server::start(&words));
    cli.done(&["queue", "create", "dead"]);
    cli.done(&["queue", "send", "dead", "x"]);
    cli.done(&["queue", "create", "idle"]);
    assert_eq!(cli.0.stop().0, Some(0));
    let cli = Cli(Server::start(&words));
    assert_eq!(value(&cli, "messages_visible", "dead"), Some(1));
    assert_eq!(value(&cli, "messages_sent_total", "dead"), Some(0), "counters begin at the start");
    assert_eq!(value(&cli, "messages_visible", "idle"), None);
    cli.0.stop();
}
