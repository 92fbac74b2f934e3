//! Consumer groups on the command line: `tidewire stream group`, `tail --group`, and their lines in `/metrics`.

use crate::queue::Cli;
use serde_json::{Value, json};

fn data(text: &str) -> Vec<String> {
    let record = |line: &str| serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    text.lines().map(|line| record(line)["Data"].as_str().unwrap().to_owned()).collect()
}

fn numbers(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|nth| nth.to_string()).collect()
}

fn put(cli: &Cli, range: std::ops::Range<u32>) {
    let lines: String = numbers(range).iter().map(|nth| format!("{nth}\n")).collect();
    assert_eq!(cli.with_input(&["stream", "put", "s", "--lines", "--key", "k"], &lines).code, Some(0));
}

fn tail(cli: &Cli, max: &str) -> Vec<String> {
    data(&cli.done(&["stream", "tail", "s", "--group", "g", "--max", max, "--output", "ndjson"]))
}

#[test]
fn a_tail_as_a_member_goes_on_where_the_one_before_has_committed() {
    let cli = Cli::start();
    cli.done(&["stream", "create", "s"]);
    put(&cli, 0..10);
    assert_eq!(tail(&cli, "4"), numbers(0..4), "the group is made, and begins with the oldest");
    let groups = cli.json(&["stream", "group", "ls", "s"]);
    assert_eq!(
        (&groups[0]["group"], &groups[0]["members"], &groups[0]["lag_records"]),
        (&json!("g"), &json!(0), &json!(6))
    );
    assert!(groups[0]["lag_ms"].as_u64().unwrap() > 0, "{groups}");
    assert_eq!(tail(&cli, "3"), numbers(4..7));
    let stats = cli.json(&["stream", "stats", "s"]);
    assert_eq!((&stats["groups"][0]["group"], &stats["groups"][0]["lag_records"]), (&json!("g"), &json!(3)));
    assert!(cli.done(&["stream", "stats", "s"]).contains("LAG RECORDS"));
    // Another group reads for itself.
    let other = cli.done(&["stream", "tail", "s", "--group", "other", "--max", "2", "--output", "ndjson"]);
    assert_eq!(data(&other), numbers(0..2));
}

#[test]
fn members_go_through_a_split_in_order() {
    let cli = Cli::start();
    cli.done(&["stream", "create", "s"]);
    put(&cli, 0..10);
    cli.done(&["stream", "split", "s", "0"]);
    put(&cli, 10..20);
    cli.done(&["stream", "reshard", "s", "3"]);
    put(&cli, 20..30);
    assert_eq!(tail(&cli, "30"), numbers(0..30));
    let shown = cli.json(&["stream", "group", "show", "s", "g"]);
    let done = shown["shards"].as_array().unwrap().iter().filter(|shard| shard["done"] == true).count();
    assert!(done >= 2, "{shown}");
    assert!(shown["members"].as_array().unwrap().is_empty(), "it left when it ended");
}

#[test]
fn an_aggregate_of_which_only_a_part_was_printed_comes_again() {
    let cli = Cli::start();
    cli.done(&["stream", "create", "s"]);
    let words = ["stream", "put", "s", "--lines", "--key", "k", "--aggregate", "10"];
    assert_eq!(cli.with_input(&words, "0\n1\n2\n3\n").code, Some(0));
    assert_eq!(tail(&cli, "2"), numbers(0..2));
    assert_eq!(tail(&cli, "4"), numbers(0..4));
    assert_eq!(cli.json(&["stream", "group", "ls", "s"])[0]["lag_records"], 0);
}

#[test]
fn two_tails_of_a_group_share_the_shards_and_miss_nothing() {
    let cli = Cli::start();
    cli.done(&["stream", "create", "s", "--shards", "4"]);
    cli.done(&["stream", "group", "create", "s", "g"]);
    let said = std::thread::scope(|scope| {
        let tails = ["a", "b"].map(|member| {
            let words = ["stream", "tail", "s", "--group", "g", "--member", member, "--session", "30", "--max", "40"];
            let cli = &cli;
            scope.spawn(move || cli.run(&[&words[..], &["--output", "ndjson"]].concat()))
        });
        // Both are in before there is anything to read.
        let began = std::time::Instant::now();
        loop {
            let shown = cli.json(&["stream", "group", "show", "s", "g"]);
            let members = shown["members"].as_array().unwrap();
            if members.len() == 2 && members.iter().all(|member| member["shards"] == 2) {
                break;
            }
            assert!(began.elapsed() < std::time::Duration::from_secs(120), "{shown}");
        }
        // To each shard twenty.
        for shard in 0..4u128 {
            let hash = (shard << 126).to_string();
            let lines: String = (0..20).map(|nth| format!("{shard}-{nth}\n")).collect();
            assert_eq!(cli.with_input(&["stream", "put", "s", "--lines", "--hash", &hash], &lines).code, Some(0));
        }
        tails.map(|tail| tail.join().unwrap())
    });
    for one in &said {
        assert_eq!(one.code, Some(0), "{one:?}");
    }
    let mut all: Vec<String> = said.iter().flat_map(|one| data(&one.out)).collect();
    // What one had in hand of a shard that went to the other comes twice, and something else is left.
    let left = cli.json(&["stream", "group", "ls", "s"])[0]["lag_records"].as_u64().unwrap();
    if left > 0 {
        all.extend(tail(&cli, &left.to_string()));
    }
    all.sort();
    all.dedup();
    assert_eq!((all.len(), &cli.json(&["stream", "group", "ls", "s"])[0]["lag_records"]), (80, &json!(0)));
}

#[test]
fn groups_are_made_shown_reset_and_deleted() {
    let cli = Cli::start();
    cli.done(&["stream", "create", "s"]);
    put(&cli, 0..5);
    let made = cli.json(&["stream", "group", "create", "s", "g", "--from", "latest"]);
    assert!(made["arn"].as_str().unwrap().ends_with(":stream/s/group/g"), "{made}");
    let lag = || cli.json(&["stream", "group", "ls", "s"])[0]["lag_records"].clone();
    assert_eq!(lag(), 0);
    let reset = ["stream", "group", "reset", "s", "g", "--to", "trim-horizon"];
    let said = cli.run(&reset);
    assert!(
        said.code == Some(2) && said.err.contains("forget how far the group g has read") && said.err.contains("--yes"),
        "{said:?}"
    );
    let shown = cli.json(&[&reset[..], &["--yes"]].concat());
    assert_eq!((&shown["shards"][0]["lag_records"], &shown["shards"][0]["committed"]), (&json!(5), &Value::Null));
    assert_eq!(tail(&cli, "2"), numbers(0..2));
    let number = cli.json(&["stream", "group", "show", "s", "g"])["shards"][0]["sequence_number"].clone();
    cli.done(&["stream", "group", "reset", "s", "g", "--to", number.as_str().unwrap(), "-y"]);
    assert_eq!(lag(), 4, "its record and those behind it");
    cli.done(&["stream", "group", "reset", "s", "g", "--to", "2020-01-01T00:00:00Z", "--shard", "0", "-y"]);
    assert_eq!(lag(), 5);
    let table = cli.done(&["stream", "group", "show", "s", "g"]);
    assert!(table.contains("GENERATION") && table.contains("shardId-000000000000"), "{table}");

    let metrics = cli.0.get("/metrics");
    let labels =
        "account=\"000000000000\",region=\"us-east-1\",stream=\"s\",group=\"g\",shard=\"shardId-000000000000\"";
    let line =
        |name: &str| metrics.lines().find(|line| line.starts_with(&format!("{name}{{{labels}}}"))).map(str::to_owned);
    assert_eq!(line("tidewire_kinesis_group_lag_records").unwrap().rsplit(' ').next(), Some("5"));
    assert!(line("tidewire_kinesis_group_lag_seconds").is_some_and(|line| !line.ends_with(" 0.0")), "{metrics}");
    assert!(metrics.contains("tidewire_kinesis_group_shards_left_out 0"), "{metrics}");

    let said = cli.run(&["stream", "group", "delete", "s", "g"]);
    assert!(said.code == Some(2) && said.err.contains("positions in 1 shards"), "{said:?}");
    cli.done(&["stream", "group", "delete", "s", "g", "--yes"]);
    assert_eq!(cli.json(&["stream", "group", "ls", "s"]), json!([]));
    let said = cli.run(&["stream", "group", "show", "s", "g"]);
    assert!(said.code == Some(1) && said.err.contains("tidewire stream group ls s"), "{said:?}");
}
