//! `tidewire stream` as people and scripts run it: against a real server, with real files and pipes.

use crate::banner::Folder;
use crate::queue::{Cli, Said};
use crate::server::Server;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// The records of some lines.
fn records(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

/// What each record holds.
fn data(text: &str) -> Vec<String> {
    records(text).iter().map(|record| record["Data"].as_str().unwrap().to_owned()).collect()
}

/// The first `max` records of a stream, from its beginning.
fn first(cli: &Cli, stream: &str, max: usize, words: &[&str]) -> String {
    let max = max.to_string();
    let all = ["stream", "tail", stream, "--from", "trim-horizon", "--max", &max, "--output", "ndjson"];
    cli.done(&[&all, words].concat())
}

#[test]
fn streams_are_created_listed_and_deleted() {
    let cli = Cli::start();
    let made = cli.json(&["stream", "create", "clicks", "--shards", "2", "--retention", "48", "-t", "team=a"]);
    assert_eq!(
        (&made["name"], &made["open_shards"], &made["retention_hours"]),
        (&json!("clicks"), &json!(2), &json!(48))
    );
    cli.done(&["stream", "create", "other", "--on-demand"]);
    let rows = cli.json(&["stream", "ls"]);
    assert_eq!(
        (&rows[0]["name"], &rows[0]["mode"], &rows[0]["open_shards"]),
        (&json!("clicks"), &json!("PROVISIONED"), &json!(2))
    );
    assert_eq!((&rows[1]["name"], &rows[1]["mode"]), (&json!("other"), &json!("ON_DEMAND")));
    assert_eq!(cli.done(&["stream", "ls", "--names", "cl"]), "NAME\nclicks\n");
    let said = cli.run(&["stream", "create", "clicks"]);
    assert!(said.code == Some(1) && said.err.contains("ResourceInUseException"), "{said:?}");
    let said = cli.run(&["stream", "delete", "clicks"]);
    assert!(
        said.code == Some(2) && said.err.contains("all records of 2 shards") && said.err.contains("--yes"),
        "{said:?}"
    );
    let arn = made["arn"].as_str().unwrap();
    cli.done(&["stream", "delete", arn, "--yes"]);
    assert_eq!(cli.json(&["stream", "ls"]).as_array().unwrap().len(), 1);
    let said = cli.run(&["stream", "stats", "clicks"]);
    assert!(said.code == Some(1) && said.err.contains("tidewire stream ls"), "{said:?}");
}

#[test]
fn records_are_put_from_words_lines_files_and_pipes() {
    let (cli, folder) = (Cli::start(), Folder::new("stream-put"));
    cli.done(&["stream", "create", "s"]);
    let one = cli.json(&["stream", "put", "s", "hello", "--key", "k"]);
    assert_eq!(one["shard"], "shardId-000000000000");
    assert_eq!(cli.json(&["stream", "put", "s", "two", "three", "--key", "k"]), json!({ "put": 2 }));
    assert_eq!(cli.with_input(&["stream", "put", "s", "-k", "p"], "from\na pipe").code, Some(0));
    let said = cli.with_input(
        &["stream", "put", "s", "--lines", "--key-separator", "\t", "--output", "json"],
        "a\t1\nb\tx\ty\r\n",
    );
    assert_eq!((said.code, said.out.contains("\"put\": 2")), (Some(0), true), "{said:?}");
    let path = format!("{}/bytes", folder.path());
    std::fs::write(&path, b"\xff\x00bytes").unwrap();
    cli.done(&["stream", "put", "s", "--file", &path, "-k", "f"]);
    cli.done(&["stream", "put", "s", "/wD+", "--base64", "-k", "b"]);
    let told: Vec<(String, String)> = records(&first(&cli, "s", 8, &[]))
        .iter()
        .map(|one| {
            let data = if one["Data"].is_null() { &one["DataBase64"] } else { &one["Data"] };
            (one["PartitionKey"].as_str().unwrap().to_owned(), data.as_str().unwrap().to_owned())
        })
        .collect();
    let told: Vec<(&str, &str)> = told.iter().map(|(key, data)| (key.as_str(), data.as_str())).collect();
    let expected = [
        ("k", "hello"),
        ("k", "two"),
        ("k", "three"),
        ("p", "from\na pipe"),
        ("a", "1"),
        ("b", "x\ty"),
        ("f", "/wBieXRlcw=="),
        ("b", "/wD+"),
    ];
    assert_eq!(told, expected);

    let said = cli.with_input(&["stream", "put", "s", "--lines", "--key-separator", "="], "a=1\nnothing\n");
    assert!(
        said.code == Some(1) && said.err.contains("line 2 is no record") && said.err.contains("1 records were put"),
        "{said:?}"
    );
    let said = cli.run(&["stream", "put", "s", "!", "--base64"]);
    assert!(said.code == Some(2) && said.err.contains("base64"), "{said:?}");
    let said = cli.run(&["stream", "put", "s", "--file", "/nonexistent"]);
    assert!(said.code == Some(2) && said.err.contains("cannot be read"), "{said:?}");
    let said = cli.run(&["stream", "put", "nowhere", "x"]);
    assert!(said.code == Some(1) && said.err.contains("ResourceNotFoundException"), "{said:?}");
}

#[test]
fn a_hash_key_says_which_shard_and_keys_by_chance_reach_all() {
    let cli = Cli::start();
    cli.done(&["stream", "create", "s", "--shards", "2"]);
    let last = u128::MAX.to_string();
    assert_eq!(cli.json(&["stream", "put", "s", "x", "--hash", "0"])["shard"], "shardId-000000000000");
    assert_eq!(cli.json(&["stream", "put", "s", "x", "--hash", &last])["shard"], "shardId-000000000001");
    let lines: String = (0..2_000).map(|nth| format!("{nth}\n")).collect();
    assert_eq!(cli.with_input(&["stream", "put", "s", "--lines"], &lines).code, Some(0));
    let stats = cli.json(&["stream", "stats", "s"]);
    for shard in stats["shards"].as_array().unwrap() {
        assert!(shard["records"].as_u64().unwrap() > 500, "{stats}");
    }
    assert_eq!(stats["records"], 2_002);
}

#[test]
fn aggregates_are_put_taken_apart_by_tail_and_left_as_they_are_where_that_is_wanted() {
    let cli = Cli::start();
    cli.done(&["stream", "create", "s", "--shards", "3"]);
    let lines: String = (0..100).map(|nth| format!("key {nth}={nth}\n")).collect();
    let words = ["stream", "put", "s", "--lines", "--key-separator", "=", "--aggregate", "20", "--output", "json"];
    let said = cli.with_input(&words, &lines);
    let put: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{said:?}"));
    let aggregates = put["aggregates"].as_u64().unwrap();
    assert!(put["put"] == 100 && (5..=8).contains(&aggregates), "{put}");
    assert_eq!(cli.json(&["stream", "stats", "s"])["records"], aggregates);
    let apart = records(&first(&cli, "s", 100, &[]));
    let mut told: Vec<u32> = apart.iter().map(|one| one["Data"].as_str().unwrap().parse().unwrap()).collect();
    told.sort_unstable();
    assert_eq!(told, (0..100).collect::<Vec<_>>());
    assert!(apart.iter().all(|one| one["PartitionKey"] == format!("key {}", one["Data"].as_str().unwrap())));
    let raw = records(&first(&cli, "s", usize::try_from(aggregates).unwrap(), &["--raw"]));
    assert!(raw.iter().all(|one| one["DataBase64"].as_str().unwrap().starts_with("84maw")), "{raw:?}");
}

/// Runs a tail from the end, and puts numbered records until it has enough: until it has begun, what is put is old to it.
fn tail_while_putting(cli: &Cli, words: &[&str]) -> (Said, usize) {
    std::thread::scope(|scope| {
        let tail = scope.spawn(|| cli.run(words));
        let (began, mut nth) = (Instant::now(), 0);
        while !tail.is_finished() {
            assert!(began.elapsed() < Duration::from_secs(120), "the tail does not end");
            nth += 1;
            cli.done(&["stream", "put", "s", &format!("new {nth}"), "--key", "k"]);
        }
        (tail.join().unwrap(), nth)
    })
}

#[test]
fn a_tail_from_the_end_follows_what_is_new_and_one_from_elsewhere_what_there_was() {
    let cli = Cli::start();
    cli.done(&["stream", "create", "s"]);
    let old = cli.json(&["stream", "put", "s", "old", "--key", "k"]);
    let (said, _) = tail_while_putting(&cli, &["stream", "tail", "s", "--max", "2", "--output", "ndjson"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let told = data(&said.out);
    let numbers: Vec<u32> = told.iter().map(|text| text.strip_prefix("new ").unwrap().parse().unwrap()).collect();
    assert!(numbers.len() == 2 && numbers[1] == numbers[0] + 1, "in order and without a gap: {numbers:?}");

    let number = old["sequence_number"].as_str().unwrap();
    let from = |from: &str| data(&cli.done(&["stream", "tail", "s", "--from", from, "--max", "2", "--output", "json"]));
    assert_eq!(from("trim-horizon"), ["old", "new 1"]);
    assert_eq!(from(number), ["old", "new 1"]);
    assert_eq!(from("2020-01-01T00:00:00Z"), ["old", "new 1"]);
    let second = &records(&first(&cli, "s", 2, &[]))[1];
    assert_eq!(from(second["ApproximateArrivalTimestamp"].as_str().unwrap())[0], "new 1");
    let table = cli.done(&["stream", "tail", "s", "--from", "trim-horizon", "--max", "1"]);
    assert!(table.trim_end().ends_with("  0  k  old"), "{table}");
    let said = cli.run(&["stream", "tail", "s", "--from", "yesterday"]);
    assert!(said.code == Some(2) && said.err.contains("trim-horizon"), "{said:?}");
    let said = cli.run(&["stream", "tail", "s", "--shard", "7"]);
    assert!(said.code == Some(1) && said.err.contains("shardId-000000000007"), "{said:?}");
}

#[test]
fn a_tail_goes_on_in_the_children_of_shards_that_are_split_and_merged_while_it_runs() {
    let cli = Cli::start();
    cli.done(&["stream", "create", "s"]);
    let put = |text: &str| cli.done(&["stream", "put", "s", text, "--key", "k"]);
    let words = ["stream", "tail", "s", "--from", "trim-horizon", "--max", "30", "--output", "ndjson"];
    let lines = std::thread::scope(|scope| {
        let tail = scope.spawn(|| cli.run(&words));
        for nth in 0..30 {
            put(&format!("{nth}"));
            match nth {
                9 => drop(cli.done(&["stream", "split", "s", "0"])),
                19 => drop(cli.done(&["stream", "merge", "s", "1"])),
                _ => {}
            }
        }
        tail.join().unwrap()
    });
    assert_eq!(lines.code, Some(0), "{lines:?}");
    assert_eq!(data(&lines.out), (0..30).map(|nth| nth.to_string()).collect::<Vec<_>>(), "in order, each once");
    let told = records(&lines.out);
    let shards: Vec<&Value> = [0, 29].iter().map(|nth| &told[*nth]["ShardId"]).collect();
    assert_eq!(shards, ["shardId-000000000000", "shardId-000000000003"]);
    // From the beginning once more, when all is over: parents first.
    assert_eq!(data(&first(&cli, "s", 30, &[])), data(&lines.out));
}

#[test]
fn shards_are_split_merged_and_divided_evenly() {
    let cli = Cli::start();
    cli.done(&["stream", "create", "s"]);
    let halves = cli.json(&["stream", "split", "s", "shardId-000000000000"]);
    assert_eq!((&halves[0]["first_hash"], &halves[1]["first_hash"]), (&json!("0"), &json!((1u128 << 127).to_string())));
    assert_eq!(halves[0]["parents"], "shardId-000000000000");
    cli.done(&["stream", "split", "s", "1", "--at", "4711"]);
    let merged = cli.json(&["stream", "merge", "s", "3", "4"]);
    assert_eq!(merged.as_array().unwrap().len(), 2, "{merged}");
    let said = cli.run(&["stream", "merge", "s", "2"]);
    assert!(said.code == Some(1) && said.err.contains("greater hash keys"), "{said:?}");
    let four = cli.json(&["stream", "reshard", "s", "4"]);
    let firsts: Vec<&Value> = four.as_array().unwrap().iter().map(|shard| &shard["first_hash"]).collect();
    let quarter = |nth: u128| json!((nth << 126).to_string());
    let mut expected = [quarter(0), quarter(1), quarter(2), quarter(3)];
    expected.sort_by_key(|hash| firsts.iter().position(|first| *first == hash));
    assert_eq!(firsts, expected.iter().collect::<Vec<_>>());
}

#[test]
fn a_server_with_awss_limits_is_resharded_step_by_step() {
    let cli = Cli(Server::start(&["dev", "--listen", "127.0.0.1:0", "--ephemeral", "--limits", "aws"]));
    cli.done(&["stream", "create", "s"]);
    assert_eq!(cli.json(&["stream", "reshard", "s", "5"]).as_array().unwrap().len(), 5);
    assert_eq!(cli.json(&["stream", "reshard", "s", "2"]).as_array().unwrap().len(), 2);
}

#[test]
fn a_replay_into_another_stream_has_the_same_records_in_the_same_order() {
    let cli = Cli::start();
    for stream in ["from", "to"] {
        cli.done(&["stream", "create", stream, "--shards", "2"]);
    }
    let lines: String = (0..1_200).map(|nth| format!("k{}={nth}\n", nth % 7)).collect();
    let put = ["stream", "put", "from", "--lines", "--key-separator", "="];
    assert_eq!(cli.with_input(&put, &lines).code, Some(0));
    cli.done(&["stream", "reshard", "from", "3"]);
    assert_eq!(cli.with_input(&put, "k1=later\n").code, Some(0));
    assert_eq!(cli.json(&["stream", "replay", "from", "--into", "to"]), json!({ "replayed": 1_201 }));
    let by_key = |stream: &str| {
        let mut all: Vec<(String, String)> = records(&first(&cli, stream, 1_201, &[]))
            .iter()
            .map(|one| (one["PartitionKey"].to_string(), one["Data"].to_string()))
            .collect();
        // Stable: the order within a key stays.
        all.sort_by(|one, other| one.0.cmp(&other.0));
        all
    };
    assert_eq!(by_key("to"), by_key("from"));
    let said = cli.run(&["stream", "replay", "from", "--into", "nowhere"]);
    assert!(said.code == Some(1) && said.err.contains("ResourceNotFoundException"), "{said:?}");
}

#[test]
fn a_replay_as_lines_is_put_back_byte_by_byte_and_keeps_to_its_stretch_of_time() {
    let cli = Cli::start();
    for stream in ["s", "back"] {
        cli.done(&["stream", "create", stream]);
    }
    cli.done(&["stream", "put", "s", "/wD+", "--base64", "-k", "bytes"]);
    cli.done(&["stream", "put", "s", "späte\n\"Zeile\"\u{1}", "-k", "text"]);
    let words = ["stream", "put", "s", "--lines", "--aggregate", "5"];
    assert_eq!(cli.with_input(&words, "a\nb\n").code, Some(0));
    let lines = cli.done(&["stream", "replay", "s"]);
    assert_eq!(lines.lines().count(), 3, "{lines}");
    assert_eq!(cli.with_input(&["stream", "put", "back", "--records"], &lines).code, Some(0));
    let told = |stream: &str| -> Vec<(Value, Value, Value, Value)> {
        let all = records(&cli.done(&["stream", "replay", stream]));
        let of = |one: &Value, name: &str| one[name].clone();
        all.iter()
            .map(|one| (of(one, "PartitionKey"), of(one, "Data"), of(one, "DataBase64"), of(one, "ExplicitHashKey")))
            .collect()
    };
    assert_eq!(told("back"), told("s"));

    let all = records(&lines);
    let at = |nth: usize| all[nth]["ApproximateArrivalTimestamp"].as_str().unwrap().to_owned();
    assert!(at(0) < at(2), "commands take longer than a millisecond");
    let within = cli.done(&["stream", "replay", "s", "--from", &at(0), "--to", &at(2)]);
    let number = |one: &Value| one["SequenceNumber"].clone();
    let expected: Vec<Value> =
        all.iter().filter(|one| one["ApproximateArrivalTimestamp"] != at(2).as_str()).map(number).collect();
    assert_eq!(records(&within).iter().map(number).collect::<Vec<_>>(), expected);
    let said = cli.with_input(&["stream", "put", "back", "--records"], "{\"Data\": 7}\n");
    assert!(said.code == Some(1) && said.err.contains("line 1 is no record"), "{said:?}");
}

#[test]
fn a_replay_that_was_cut_off_goes_on_where_its_state_says() {
    let (cli, folder) = (Cli::start(), Folder::new("stream-replay"));
    for stream in ["s", "to"] {
        cli.done(&["stream", "create", stream, "--shards", "2"]);
    }
    let lines: String = (0..10).map(|nth| format!("{nth}\n")).collect();
    assert_eq!(cli.with_input(&["stream", "put", "s", "--lines"], &lines).code, Some(0));
    let state = format!("{}/state.json", folder.path());
    let replay = |more: &[&str]| cli.run(&[&["stream", "replay", "s", "--state", &state], more].concat());
    let whole = replay(&[]);
    assert_eq!((whole.code, whole.out.lines().count()), (Some(0), 10), "{whole:?}");
    assert_eq!(replay(&[]).out, "", "it is complete");

    // As it stood after the first two records of the second shard.
    let all = records(&whole.out);
    let second: Vec<&Value> = all.iter().filter(|one| one["ShardId"] == "shardId-000000000001").collect();
    let mut noted: Value = serde_json::from_slice(&std::fs::read(&state).unwrap()).unwrap();
    noted["complete"] = false.into();
    noted["shards"]["shardId-000000000001"] = json!({ "after": second[1]["SequenceNumber"], "done": false });
    std::fs::write(&state, noted.to_string()).unwrap();
    let numbers = |text: &str| records(text).iter().map(|one| one["SequenceNumber"].clone()).collect::<Vec<_>>();
    let rest: Vec<Value> = second[2..].iter().map(|one| one["SequenceNumber"].clone()).collect();
    assert_eq!(numbers(&replay(&[]).out), rest);

    let said = replay(&["--into", "to"]);
    assert!(said.code == Some(2) && said.err.contains("another replay"), "{said:?}");
    std::fs::write(&state, "{").unwrap();
    let said = replay(&[]);
    assert!(said.code == Some(2) && said.err.contains("says nothing of a replay"), "{said:?}");
}

#[test]
fn stats_show_shards_what_they_hold_and_consumers() {
    let cli = Cli::start();
    let arn = cli.json(&["stream", "create", "s", "--shards", "2"])["arn"].as_str().unwrap().to_owned();
    let stats = cli.json(&["stream", "stats", "s"]);
    assert_eq!((&stats["records"], &stats["shards"][0]["oldest"]), (&json!(0), &Value::Null));
    cli.done(&["stream", "put", "s", "12345", "--hash", "0", "-k", "key"]);
    cli.done(&["stream", "put", "s", "6", "--hash", "0", "-k", "key"]);
    cli.done(&["stream", "split", "s", "1"]);
    let stats = cli.json(&["stream", "stats", &arn]);
    let shards = stats["shards"].as_array().unwrap();
    assert_eq!(
        (shards.len(), &stats["open_shards"], &stats["records"], &stats["bytes"]),
        (4, &json!(3), &json!(2), &json!(12))
    );
    let first = &shards[0];
    assert_eq!((&first["state"], &first["records"], &first["first_hash"]), (&json!("open"), &json!(2), &json!("0")));
    assert!(first["oldest"].as_str().unwrap() <= first["newest"].as_str().unwrap(), "{first}");
    assert_eq!((&shards[1]["state"], &shards[3]["parents"]), (&json!("closed"), &json!(["shardId-000000000001"])));
    let table = cli.done(&["stream", "stats", "s"]);
    assert!(table.contains("SHARD") && table.contains("shardId-000000000003"), "{table}");
}

#[test]
fn nothing_but_results_is_on_standard_output() {
    let cli = Cli::start();
    cli.done(&["stream", "create", "s"]);
    let lines: String = (0..2_000).map(|nth| format!("{nth}\n")).collect();
    let said = cli.with_input(&["stream", "put", "s", "--lines", "--output", "json"], &lines);
    assert_eq!((said.err.as_str(), said.code), ("", Some(0)));
    assert_eq!(serde_json::from_str::<Value>(&said.out).unwrap(), json!({ "put": 2_000 }));
    let said = cli.run(&["stream", "replay", "s"]);
    assert_eq!((said.err.as_str(), said.out.lines().count()), ("", 2_000));
    let said = cli.run(&["stream", "replay", "s", "--into", "s", "--output", "ndjson"]);
    assert_eq!((said.err.as_str(), said.out.as_str()), ("", "{\"replayed\":2000}\n"), "it ends at its own beginning");
}
