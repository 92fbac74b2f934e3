//! `tidewire queue` as people and scripts run it: against a real server, with real files and pipes.

use crate::banner::Folder;
use crate::server::{Server, tidewire};
use serde_json::{Value, json};
use std::io::Write;
use std::process::{Output, Stdio};

/// A server that forgets everything, and commands for it.
pub(crate) struct Cli(pub(crate) Server);

/// What a command came to.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Cli {
    pub(crate) fn start() -> Self {
        Self(Server::start(&["dev", "--listen", "127.0.0.1:0", "--ephemeral"]))
    }

    pub(crate) fn run(&self, words: &[&str]) -> Said {
        self.with_input(words, "")
    }

    pub(crate) fn with_input(&self, words: &[&str], input: &str) -> Said {
        run(&self.0.address, words, input)
    }

    /// Runs what must succeed; its output.
    pub(crate) fn done(&self, words: &[&str]) -> String {
        let said = self.run(words);
        assert_eq!(said.code, Some(0), "{words:?}: {said:?}");
        said.out
    }

    /// Runs what must succeed with `--output json`; the document.
    pub(crate) fn json(&self, words: &[&str]) -> Value {
        let said = self.done(&[words, &["--output", "json"]].concat());
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{words:?}: {error}: {said}"))
    }
}

pub(crate) fn run(address: &str, words: &[&str], input: &str) -> Said {
    let mut command = tidewire(words);
    for service in ["AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL_KINESIS", "AWS_ENDPOINT_URL_SNS"] {
        command.env_remove(service);
    }
    for name in ["AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_REGION", "AWS_DEFAULT_REGION"] {
        command.env_remove(name);
    }
    command.env("TIDEWIRE_ENDPOINT", format!("http://{address}"));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that reads nothing may be gone before it is written to.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { code: status.code(), out: text(stdout), err: text(stderr) }
}

#[test]
fn queues_are_created_listed_and_deleted() {
    let cli = Cli::start();
    cli.done(&["queue", "create", "jobs", "--attribute", "VisibilityTimeout=7"]);
    cli.done(&["queue", "create", "other"]);
    cli.done(&["queue", "send", "jobs", "hello"]);
    let rows = cli.json(&["queue", "ls"]);
    assert_eq!(rows[0]["name"], "jobs");
    assert_eq!(rows[0]["visible"], 1);
    assert_eq!(rows[1]["name"], "other");
    assert_eq!(cli.json(&["queue", "ls", "jo"]).as_array().unwrap().len(), 1);
    let table = cli.done(&["queue", "ls"]);
    assert_eq!(table.lines().next().unwrap().split_whitespace().next(), Some("NAME"), "{table}");
    assert_eq!(cli.done(&["queue", "ls", "--names", "oth"]), "NAME\nother\n");

    let said = cli.run(&["queue", "create", "jobs", "--attribute", "VisibilityTimeout=8"]);
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("QueueNameExists") && said.err.contains("VisibilityTimeout"), "{said:?}");

    let said = cli.run(&["queue", "delete", "jobs"]);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.err.contains("delete the queue jobs and its 1 message") && said.err.contains("--yes"), "{said:?}");
    cli.done(&["queue", "delete", "jobs", "--yes"]);
    assert_eq!(cli.json(&["queue", "ls"]).as_array().unwrap().len(), 1);
}

#[test]
fn accounts_and_regions_are_kept_apart() {
    let cli = Cli::start();
    cli.done(&["queue", "create", "here"]);
    cli.done(&["queue", "create", "there", "--region", "eu-west-1", "--account", "123456789012"]);
    let names = |words: &[&str]| -> Vec<String> {
        let rows = cli.json(&[&["queue", "ls"], words].concat());
        rows.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&[]), ["here"]);
    assert_eq!(names(&["--region", "eu-west-1", "--account", "123456789012"]), ["there"]);
    let said = cli.run(&["queue", "ls", "--account", "12"]);
    assert!(said.code == Some(2) && said.err.contains("twelve digits"), "{said:?}");
}

#[test]
fn a_message_is_sent_and_received_with_its_attributes_and_deleted_once_printed() {
    let cli = Cli::start();
    cli.done(&["queue", "create", "q"]);
    let attributes = ["-a", "kind=x", "-a", "n:Number=7", "-a", "b:Binary=AAEC"];
    cli.done(&[&["queue", "send", "q", "hello"], &attributes[..]].concat());
    let received = cli.json(&["queue", "receive", "q", "--visibility", "0"]);
    assert_eq!(received[0]["Body"], "hello");
    assert_eq!(
        received[0]["MessageAttributes"],
        json!({
            "b": { "DataType": "Binary", "BinaryValue": "AAEC" },
            "kind": { "DataType": "String", "StringValue": "x" },
            "n": { "DataType": "Number", "StringValue": "7" },
        })
    );
    let table = cli.done(&["queue", "receive", "q", "--max", "10", "--delete"]);
    assert!(table.contains("hello") && table.contains("RECEIPT HANDLE"), "{table}");
    assert_eq!(cli.json(&["queue", "ls"])[0]["visible"], 0);
    assert_eq!(cli.json(&["queue", "ls"])[0]["in_flight"], 0);
    assert_eq!(cli.json(&["queue", "receive", "q"]), json!([]));
    let said = cli.run(&["queue", "send", "q", "x", "-a", "b:Binary=?"]);
    assert!(said.code == Some(2) && said.err.contains("base64"), "{said:?}");
}

#[test]
fn a_message_or_many_lines_are_read_from_standard_input() {
    let cli = Cli::start();
    cli.done(&["queue", "create", "q"]);
    assert_eq!(cli.with_input(&["queue", "send", "q"], "from\na pipe").code, Some(0));
    let lines: String = (0..25).map(|n| format!("line {n}\n")).collect();
    let said = cli.with_input(&["queue", "send", "q", "--lines", "--output", "ndjson"], &lines);
    assert_eq!((said.code, said.out.as_str()), (Some(0), "{\"sent\":25}\n"), "{}", said.err);
    let received = cli.json(&["queue", "receive", "q", "--max", "100"]);
    assert_eq!(received.as_array().unwrap().len(), 26);
    let bodies: Vec<&str> = received.as_array().unwrap().iter().map(|one| one["Body"].as_str().unwrap()).collect();
    assert!(bodies.contains(&"from\na pipe") && bodies.contains(&"line 24"), "{bodies:?}");

    let said = cli.with_input(&["queue", "send", "q", "--lines"], "fine\n\u{1}\n");
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("line 2 was refused") && said.err.contains("1 messages were sent"), "{said:?}");
}

#[test]
fn what_is_imported_keeps_attributes_and_binary_values_and_a_wrong_line_is_named() {
    let (cli, folder) = (Cli::start(), Folder::new("import"));
    cli.done(&["queue", "create", "q"]);
    let line = |n: usize| {
        json!({
            "MessageId": "not kept", "Body": format!("body {n}"), "Attributes": { "SentTimestamp": "1" },
            "MessageAttributes": { "b": { "DataType": "Binary", "BinaryValue": "/wA=" } },
        })
        .to_string()
    };
    let path = format!("{}/messages.ndjson", folder.path());
    let text: String = (0..23).map(|n| line(n) + "\n").collect();
    std::fs::write(&path, &text).unwrap();
    assert_eq!(cli.json(&["queue", "import", "q", "--from", &path]), json!({ "imported": 23 }));
    let received = cli.json(&["queue", "receive", "q", "--max", "50"]);
    assert_eq!(received.as_array().unwrap().len(), 23);
    assert_eq!(received[22]["MessageAttributes"]["b"]["BinaryValue"], "/wA=");

    let said = cli.with_input(&["queue", "import", "q"], &format!("{}\n\n{{\"Body\": 7}}\n", line(1)));
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(
        said.err.contains("line 3 is no exported message") && said.err.contains("1 messages were sent"),
        "{said:?}"
    );
    let said = cli.run(&["queue", "import", "q", "--from", "/nonexistent"]);
    assert!(said.code == Some(2) && said.err.contains("cannot be read"), "{said:?}");
}

#[test]
fn an_import_of_large_messages_keeps_within_the_size_of_a_batch() {
    let cli = Cli::start();
    cli.done(&["queue", "create", "q"]);
    let line = json!({ "Body": "x".repeat(400_000) }).to_string() + "\n";
    let said = cli.with_input(&["queue", "import", "q", "--output", "ndjson"], &line.repeat(7));
    assert_eq!((said.code, said.out.as_str()), (Some(0), "{\"imported\":7}\n"), "{}", said.err);
}

#[test]
fn a_purge_asks_or_is_told_yes() {
    let cli = Cli::start();
    cli.done(&["queue", "create", "q"]);
    cli.with_input(&["queue", "send", "q", "--lines"], "a\nb\nc\n");
    let said = cli.run(&["queue", "purge", "q"]);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.err.contains("3 messages") && said.err.contains("nothing was done"), "{said:?}");
    assert_eq!(cli.json(&["queue", "ls"])[0]["visible"], 3);
    cli.done(&["queue", "purge", "q", "-y"]);
    assert_eq!(cli.json(&["queue", "ls"])[0]["visible"], 0);
}

#[test]
fn errors_name_the_cause_and_what_to_do() {
    let cli = Cli::start();
    let said = cli.run(&["queue", "send", "nowhere", "x"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("QueueDoesNotExist") && said.err.contains("tidewire queue ls"), "{said:?}");
    // A port that was free a moment ago may be another test's by now; nobody listens at this one.
    let said = run("127.0.0.1:1", &["queue", "ls"], "");
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.err.contains("connection refused") && said.err.contains("tidewire dev"), "{said:?}");
    let said = cli.run(&["queue", "ls", "--endpoint", "https://127.0.0.1:1"]);
    assert!(said.code == Some(2) && said.err.contains("https://127.0.0.1:1: connection refused"), "{said:?}");
    let said = cli.run(&["queue", "lst"]);
    assert!(said.code == Some(2) && said.err.contains("ls"), "{said:?}");
    let said = cli.run(&["queue", "create", "q", "--dead-letters", "d"]);
    assert!(said.code == Some(2) && said.err.contains("--max-receives"), "{said:?}");
}

#[test]
fn nothing_but_results_is_on_standard_output_and_no_bar_where_no_person_looks() {
    let cli = Cli::start();
    cli.done(&["queue", "create", "q"]);
    let text: String = (0..500).map(|n| json!({ "Body": n.to_string() }).to_string() + "\n").collect();
    let said = cli.with_input(&["queue", "import", "q", "--output", "json"], &text);
    assert_eq!((said.err.as_str(), said.code), ("", Some(0)));
    assert_eq!(serde_json::from_str::<Value>(&said.out).unwrap(), json!({ "imported": 500 }));
}

#[test]
fn completions_and_man_pages_know_every_command() {
    let cli = Cli::start();
    for shell in ["bash", "zsh", "fish"] {
        let text = cli.done(&["completions", shell]);
        assert!(text.contains("tidewire") && text.contains("redrive") && text.contains("endpoint"), "{shell}");
        assert!(text.contains("reshard") && text.contains("key-separator"), "{shell}");
    }
    let page = cli.done(&["man"]);
    assert!(page.contains(".TH") && page.contains("memory"), "{page}");
    let page = cli.done(&["man", "queue", "export"]);
    assert!(page.contains("export") && page.contains("without consuming"), "{page}");
    assert_eq!(cli.run(&["man", "nonsense"]).code, Some(2));
    let folder = Folder::new("man");
    cli.done(&["man", "--to", folder.path()]);
    let names: Vec<String> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    for page in ["tidewire-queue-import.1", "tidewire-stream-replay.1"] {
        assert!(names.contains(&page.to_owned()), "{names:?}");
    }
}

#[test]
fn a_peek_shows_and_searches_without_consuming() {
    let cli = Cli::start();
    cli.done(&["queue", "create", "q"]);
    cli.done(&["queue", "send", "q", "first", "-a", "kind=x"]);
    cli.done(&["queue", "send", "q", "second"]);
    cli.done(&["queue", "send", "q", "later", "--delay", "600"]);
    let bodies = |words: &[&str]| -> Vec<String> {
        let found = cli.json(&[&["queue", "peek", "q"], words].concat());
        found.as_array().unwrap().iter().map(|one| one["Body"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(bodies(&[]), ["first", "second", "later"]);
    assert_eq!(bodies(&["--max", "2"]), ["first", "second"]);
    assert_eq!(bodies(&["--body", "eco"]), ["second"]);
    assert_eq!(bodies(&["-a", "kind=x"]), ["first"]);
    assert_eq!(bodies(&["--state", "delayed"]), ["later"]);
    let shown = cli.json(&["queue", "peek", "q", "--max", "1"]);
    assert_eq!(shown[0]["Attributes"]["ApproximateReceiveCount"], "0");
    assert_eq!(shown[0]["Attributes"].get("TidewirePeekNext"), None);
    let table = cli.done(&["queue", "peek", "q"]);
    assert!(table.contains("delayed") && table.contains("second"), "{table}");
    assert_eq!(cli.json(&["queue", "receive", "q", "--max", "9"]).as_array().unwrap().len(), 2, "nothing was consumed");
    assert!(cli.run(&["queue", "peek", "q", "--state", "hidden"]).err.contains("in-flight"));
}

#[test]
fn a_tail_follows_what_is_new_and_consumes_nothing() {
    let cli = Cli::start();
    cli.done(&["queue", "create", "q"]);
    cli.done(&["queue", "send", "q", "old"]);
    let said = std::thread::scope(|scope| {
        let tail =
            scope.spawn(|| cli.run(&["queue", "tail", "q", "--max", "2", "--interval", "0.05", "--output", "ndjson"]));
        // Until the tail has begun, what is sent may be old to it.
        let began = std::time::Instant::now();
        let mut nth = 0;
        while !tail.is_finished() {
            assert!(began.elapsed() < std::time::Duration::from_secs(120), "the tail does not end");
            nth += 1;
            cli.done(&["queue", "send", "q", &format!("new {nth}")]);
        }
        tail.join().unwrap()
    });
    assert_eq!(said.code, Some(0), "{said:?}");
    let bodies: Vec<Value> =
        said.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["Body"].take()).collect();
    let numbers: Vec<u32> =
        bodies.iter().map(|body| body.as_str().unwrap().strip_prefix("new ").unwrap().parse().unwrap()).collect();
    assert!(numbers.len() == 2 && numbers[1] == numbers[0] + 1, "in order and without a gap: {numbers:?}");
    let all = cli.done(&["queue", "tail", "q", "--all", "--max", "1"]);
    assert!(all.contains("old"), "{all}");
    assert_eq!(cli.json(&["queue", "ls"])[0]["in_flight"], 0);
}

#[test]
fn an_export_imported_elsewhere_is_the_same_messages() {
    let (cli, folder) = (Cli::start(), Folder::new("export"));
    cli.done(&["queue", "create", "from"]);
    cli.done(&["queue", "create", "to"]);
    let lines: String = (0..250).map(|n| format!("line {n}\n")).collect();
    assert_eq!(cli.with_input(&["queue", "send", "from", "--lines"], &lines).code, Some(0));
    cli.done(&[
        "queue",
        "send",
        "from",
        "späte\n\"Zeile\"",
        "--delay",
        "600",
        "-a",
        "b:Binary=AAEC",
        "-a",
        "n:Number=7",
    ]);
    assert_eq!(cli.json(&["queue", "receive", "from", "--max", "3"]).as_array().unwrap().len(), 3);
    let path = format!("{}/all.ndjson", folder.path());
    assert_eq!(cli.json(&["queue", "export", "from", "--to", &path]), json!({ "exported": 251 }));
    assert_eq!(cli.json(&["queue", "ls", "from"])[0]["visible"], 247, "nothing was consumed");
    let said = cli.run(&["queue", "export", "from", "--to", &path]);
    assert!(said.code == Some(2) && said.err.contains("replace the file"), "{said:?}");
    cli.done(&["queue", "export", "from", "--to", &path, "--yes"]);
    assert_eq!(cli.json(&["queue", "import", "to", "--from", &path]), json!({ "imported": 251 }));

    let of = |queue: &str| -> Vec<(String, String)> {
        let text = cli.done(&["queue", "export", queue]);
        let message = |line: &str| serde_json::from_str::<Value>(line).unwrap();
        let shown = |one: Value| (one["Body"].to_string(), one["MessageAttributes"].to_string());
        text.lines().map(|line| shown(message(line))).collect()
    };
    assert_eq!(of("to"), of("from"));
    assert_eq!(of("to")[250].0, json!("späte\n\"Zeile\"").to_string());
    let said = cli.run(&["queue", "export", "from", "--to", "/nonexistent/x"]);
    assert!(said.code == Some(2) && said.err.contains("cannot be written"), "{said:?}");

    // A folder cannot be replaced, which shows only when all is written.
    let in_the_way = format!("{}/folder", folder.path());
    std::fs::create_dir(&in_the_way).unwrap();
    let said = cli.run(&["queue", "export", "from", "--to", &in_the_way, "--yes"]);
    assert!(said.code == Some(1) && said.err.contains("/folder: "), "{said:?}");
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.len() == 2 && !left.contains(&"folder.partial".into()), "{left:?}");
}

#[test]
fn a_fifo_queues_export_imported_elsewhere_keeps_groups_and_their_order() {
    let cli = Cli::start();
    for queue in ["from.fifo", "to.fifo"] {
        cli.done(&["queue", "create", queue]);
    }
    let lines: String = (0..40)
        .map(|n| {
            let named = json!({ "MessageGroupId": format!("g{}", n % 3), "MessageDeduplicationId": format!("d{n}") });
            json!({ "Body": format!("body {n}"), "Attributes": named }).to_string() + "\n"
        })
        .collect();
    let said = cli.with_input(&["queue", "import", "from.fifo", "--output", "json"], &lines);
    assert_eq!(serde_json::from_str::<Value>(&said.out).unwrap(), json!({ "imported": 40 }), "{}", said.err);
    let exported = cli.done(&["queue", "export", "from.fifo"]);
    assert_eq!(cli.with_input(&["queue", "import", "to.fifo"], &exported).code, Some(0));
    let shown = |text: &str| -> Vec<[String; 3]> {
        let message = |line: &str| {
            let message: Value = serde_json::from_str(line).unwrap();
            let named = |name: &str| message["Attributes"][name].as_str().unwrap().to_owned();
            [message["Body"].as_str().unwrap().to_owned(), named("MessageGroupId"), named("MessageDeduplicationId")]
        };
        text.lines().map(message).collect()
    };
    assert_eq!(shown(&cli.done(&["queue", "export", "to.fifo"])), shown(&exported));
    assert_eq!(shown(&exported)[39], ["body 39", "g0", "d39"]);
    // Within five minutes each is a duplicate of the one that is there.
    assert_eq!(cli.with_input(&["queue", "import", "to.fifo"], &exported).code, Some(0));
    assert_eq!(cli.json(&["queue", "ls", "to"])[0]["visible"], 40);
}

#[test]
fn a_reader_that_has_enough_ends_an_export_without_a_word() {
    let cli = Cli::start();
    cli.done(&["queue", "create", "q"]);
    let lines = (0..2000).map(|n| format!("{n} {}\n", "x".repeat(200))).collect::<String>();
    assert_eq!(cli.with_input(&["queue", "send", "q", "--lines"], &lines).code, Some(0));
    let mut command = tidewire(&["queue", "export", "q", "--endpoint", &format!("http://{}", cli.0.address)]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn stats_shows_counts_age_and_rates() {
    let cli = Cli::start();
    cli.done(&["queue", "create", "q"]);
    cli.with_input(&["queue", "send", "q", "--lines"], "a\nb\nc\n");
    cli.done(&["queue", "receive", "q", "--delete"]);
    let stats = cli.json(&["queue", "stats", "q", "--interval", "0"]);
    for (name, expected) in
        [("visible", 2), ("in_flight", 0), ("delayed", 0), ("sent", 3), ("received", 1), ("deleted", 1)]
    {
        assert_eq!(stats[name], expected, "{name}: {stats}");
    }
    assert!(stats["oldest_secs"].as_u64().is_some_and(|secs| secs < 60), "{stats}");
    assert_eq!(stats.get("sent_per_sec"), None);
    let stats = cli.json(&["queue", "stats", "q", "--interval", "0.1"]);
    assert_eq!(stats["sent_per_sec"], 0.0);
}

#[test]
fn what_was_sent_is_replayed_into_another_queue() {
    let cli = Cli::start();
    cli.done(&["queue", "create", "jobs", "-a", "TidewireKeepDeletedSeconds=3600"]);
    cli.done(&["queue", "create", "again"]);
    for body in ["one", "two"] {
        cli.done(&["queue", "send", "jobs", body]);
    }
    cli.done(&["queue", "receive", "jobs", "--delete"]);
    let replayed = cli.json(&["queue", "replay", "jobs", "--into", "again", "--from", "2020-01-01T00:00:00Z"]);
    assert_eq!((&replayed[0]["status"], &replayed[0]["examined"]), (&json!("Completed"), &json!(2)));
    let peeked = cli.json(&["queue", "peek", "again"]);
    let bodies: Vec<&Value> = peeked.as_array().unwrap().iter().map(|message| &message["Body"]).collect();
    assert_eq!(bodies, ["one", "two"]);
    assert_eq!(cli.json(&["queue", "replay", "jobs", "--status"])[0]["only"], "all");
    assert_eq!(cli.run(&["queue", "replay", "jobs"]).code, Some(2), "it goes somewhere");
    let said = cli.run(&["queue", "replay", "jobs", "--into", "again", "--from", "yesterday"]);
    assert!(said.code == Some(1) && said.err.contains("from must be a time"), "{said:?}");
}

#[test]
fn parked_groups_are_shown_and_let_go_on() {
    let cli = Cli::start();
    cli.done(&["queue", "create", "orders.fifo", "-a", "TidewireParkAfter=1"]);
    for (body, id) in [("poison", "1"), ("next", "2")] {
        cli.done(&["queue", "send", "orders.fifo", body, "--group", "g", "--deduplication", id]);
    }
    cli.done(&["queue", "receive", "orders.fifo", "--visibility", "0"]);
    assert_eq!(cli.json(&["queue", "receive", "orders.fifo"]), json!([]), "the group is parked");
    assert_eq!(cli.json(&["queue", "parked", "orders.fifo"])["parked_groups"], 1);
    assert_eq!(cli.run(&["queue", "parked", "orders.fifo", "--drop-all"]).code, Some(2), "nobody said yes");
    let shown = cli.json(&["queue", "peek", "orders.fifo", "--state", "parked"]);
    assert_eq!(shown.as_array().unwrap().len(), 2);
    assert_eq!(
        cli.json(&["queue", "parked", "orders.fifo", "--group", "g", "--drop-first", "--yes"])["parked_groups"],
        0
    );
    assert!(cli.done(&["queue", "receive", "orders.fifo"]).contains("next"));
}
