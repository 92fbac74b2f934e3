//! `tidewire queue redrive` and `move`: dead letters go back or elsewhere, at a rate, watched or left alone.

use crate::queue::Cli;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// A queue `jobs` whose dead letters are in `dead`: so many of them, by their numbers.
fn dead_letters(cli: &Cli, count: usize) {
    cli.done(&["queue", "create", "dead"]);
    let attributes = ["--dead-letters", "dead", "--max-receives", "1", "-a", "VisibilityTimeout=0"];
    cli.done(&[&["queue", "create", "jobs"], &attributes[..]].concat());
    let lines: String = (0..count).map(|n| format!("{n}\n")).collect();
    assert_eq!(cli.with_input(&["queue", "send", "jobs", "--lines"], &lines).code, Some(0));
    while cli.json(&["queue", "receive", "jobs", "--max", "100"]) != json!([]) {}
    wait_for(|| visible(cli, "dead") == count as u64);
}

fn visible(cli: &Cli, queue: &str) -> u64 {
    cli.json(&["queue", "ls", queue])[0]["visible"].as_u64().unwrap()
}

fn wait_for(is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(120), "it does not become so");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_queue_is_created_with_its_dead_letters() {
    let cli = Cli::start();
    dead_letters(&cli, 3);
    let said = cli.run(&["queue", "create", "other", "--dead-letters", "none", "--max-receives", "2"]);
    assert!(said.code == Some(1) && said.err.contains("does not exist"), "{said:?}");
    let shown = cli.json(&["queue", "peek", "dead"]);
    let source = "arn:aws:sqs:us-east-1:000000000000:jobs";
    assert_eq!(shown[0]["Attributes"]["DeadLetterQueueSourceArn"], source);
}

#[test]
fn a_redrive_waits_until_all_is_back_and_says_what_it_did() {
    let cli = Cli::start();
    dead_letters(&cli, 25);
    let said = cli.run(&["queue", "redrive", "dead", "--output", "json"]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), ""), "no bar where no person looks");
    let rows: Value = serde_json::from_str(&said.out).unwrap();
    let expected = (&json!("COMPLETED"), &json!(25), &json!(25));
    assert_eq!((&rows[0]["status"], &rows[0]["moved"], &rows[0]["to_move"]), expected);
    assert_eq!((visible(&cli, "jobs"), visible(&cli, "dead")), (25, 0));
    let table = cli.done(&["queue", "redrive", "dead", "--status"]);
    assert!(table.starts_with("STATUS") && table.contains("COMPLETED"), "{table}");
}

#[test]
fn a_move_goes_where_it_is_told_at_the_rate_it_is_told() {
    let cli = Cli::start();
    dead_letters(&cli, 5);
    cli.done(&["queue", "create", "other"]);
    let began = Instant::now();
    let rows = cli.json(&["queue", "move", "dead", "other", "--rate", "4"]);
    assert!(began.elapsed() >= Duration::from_secs(1), "five messages at four a second");
    assert_eq!((&rows[0]["rate"], &rows[0]["moved"]), (&json!(4), &json!(5)));
    assert_eq!(rows[0]["destination"], "arn:aws:sqs:us-east-1:000000000000:other");
    assert_eq!((visible(&cli, "other"), visible(&cli, "jobs")), (5, 0));
    let said = cli.run(&["queue", "move", "dead", "other", "--rate", "0"]);
    assert!(said.code == Some(1) && said.err.contains("between 1 and 500"), "{said:?}");
    let said = cli.run(&["queue", "move", "jobs", "other"]);
    assert!(said.code == Some(1) && said.err.contains("must be configured as a Dead Letter Queue"), "{said:?}");
}

#[test]
fn a_redrive_that_nobody_waits_for_is_looked_at_and_cancelled() {
    let cli = Cli::start();
    dead_letters(&cli, 120);
    let started = cli.json(&["queue", "redrive", "dead", "--rate", "1", "--no-wait"]);
    assert!(started["task_handle"].is_string(), "{started}");
    let said = cli.run(&["queue", "redrive", "dead"]);
    assert!(said.code == Some(1) && said.err.contains("already a task running"), "{said:?}");
    assert_eq!(cli.json(&["queue", "redrive", "dead", "--status"])[0]["status"], "RUNNING");
    let cancelled = cli.json(&["queue", "redrive", "dead", "--cancel"]);
    assert!(cancelled["moved"].as_u64().is_some_and(|moved| moved < 120), "{cancelled}");
    wait_for(|| cli.json(&["queue", "redrive", "dead", "--status"])[0]["status"] == "CANCELLED");
    let said = cli.run(&["queue", "redrive", "dead", "--cancel"]);
    assert!(said.code == Some(2) && said.err.contains("under way"), "{said:?}");
}

#[test]
fn a_redrive_that_fails_says_so_and_why() {
    let cli = Cli::start();
    dead_letters(&cli, 1);
    cli.done(&["queue", "send", "dead", "by hand"]);
    let said = cli.run(&["queue", "redrive", "dead"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.out.contains("CouldNotDetermineMessageSource"), "{said:?}");
    assert!(said.err.contains("what is left is where it was"), "{said:?}");
    assert_eq!(visible(&cli, "dead"), 1);
}

#[test]
fn a_terminal_is_shown_how_far_a_redrive_is() {
    let cli = Cli::start();
    // Many enough that a stall does not hide all that lies between the first look and the last.
    dead_letters(&cli, 20);
    // `script` gives the command a terminal of its own and copies what it is shown.
    let command =
        format!("{} queue redrive dead --rate 4 --endpoint http://{}", env!("CARGO_BIN_EXE_tidewire"), cli.0.address);
    let said = std::process::Command::new("script").args(["-qec", &command, "/dev/null"]).output().unwrap();
    let shown = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.status.success(), "{shown}");
    assert!(shown.contains("moving [") && shown.contains("of 20 messages"), "{shown}");
    assert!(shown.contains("COMPLETED"), "{shown}");
}
