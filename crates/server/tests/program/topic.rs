//! `tidewire topic` as people and scripts run it: against a real server, with a receiver of the test's own.

use crate::queue::Cli;
use crate::server::File;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// How long something may take that takes milliseconds on a machine with nothing else to do.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A receiver over HTTP that answers with a status that the test changes, and tells the bodies it gets.
pub(crate) struct Hook {
    url: String,
    pub(crate) status: Arc<AtomicU16>,
    bodies: Receiver<Value>,
}

impl Hook {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let status = Arc::new(AtomicU16::new(200));
        let (tell, bodies) = channel();
        let answered = Arc::clone(&status);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let Some(body) = request(&stream) else { continue };
                let status = answered.load(Ordering::SeqCst);
                let _ = write!(&stream, "HTTP/1.1 {status} X\r\nContent-Length: 5\r\nConnection: close\r\n\r\nwords");
                if tell.send(body).is_err() {
                    return;
                }
            }
        });
        Self { url, status, bodies }
    }

    fn next(&self) -> Value {
        self.bodies.recv_timeout(PATIENCE).expect("the receiver is asked")
    }
}

fn request(stream: &TcpStream) -> Option<Value> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let line = line.trim().to_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}

impl Cli {
    /// A subscription of a hook that has confirmed it.
    pub(crate) fn hooked(&self, topic: &str, hook: &Hook, more: &[&str]) -> String {
        let made = self.json(&[&["topic", "sub", topic, "http", &hook.url], more].concat());
        assert_eq!(made["pending_confirmation"], true);
        let asked = hook.next();
        let url = asked["SubscribeURL"].as_str().unwrap();
        let path = &url[url.find("/?").unwrap()..];
        assert!(self.0.get(path).starts_with("HTTP/1.1 200"), "{url}");
        made["arn"].as_str().unwrap().to_owned()
    }
}

#[test]
fn topics_are_created_listed_and_removed() {
    let cli = Cli::start();
    let said = cli.run(&["topic", "pub", "news", "x"]);
    assert!(said.code == Some(1) && said.err.contains("tidewire topic create"), "{said:?}");
    let made = cli.json(&["topic", "create", "news", "-a", "SignatureVersion=2", "-t", "team=billing"]);
    assert_eq!(made["arn"], "arn:aws:sns:us-east-1:000000000000:news");
    cli.done(&["topic", "create", "orders.fifo"]);
    cli.done(&["queue", "create", "q"]);
    cli.done(&["topic", "sub", "news", "sqs", "q"]);
    let rows = cli.json(&["topic", "ls"]);
    assert_eq!(
        (&rows[0]["name"], &rows[0]["subscriptions"], &rows[0]["type"]),
        (&json!("news"), &json!(1), &json!("standard"))
    );
    assert_eq!((&rows[1]["name"], &rows[1]["type"]), (&json!("orders.fifo"), &json!("fifo")));
    assert_eq!(cli.done(&["topic", "ls", "--names", "ord"]), "NAME\norders.fifo\n");
    let of = cli.json(&["topic", "ls", "--subscriptions"]);
    assert_eq!((&of[0]["topic"], &of[0]["endpoint"]), (&json!("news"), &json!("arn:aws:sqs:us-east-1:000000000000:q")));

    let said = cli.run(&["topic", "create", "news", "-a", "SignatureVersion=1"]);
    assert!(said.code == Some(1) && said.err.contains("different attributes (InvalidParameter)"), "{said:?}");
    let said = cli.run(&["topic", "rm", "nws"]);
    assert!(
        said.code == Some(1) && said.err.contains("Topic does not exist") && said.err.contains("topic ls"),
        "{said:?}"
    );
    let said = cli.run(&["topic", "rm", "news"]);
    assert!(said.code == Some(2) && said.err.contains("delete the topic news and its 1 subscription;"), "{said:?}");
    let said = cli.run(&["topic", "unsub", of[0]["arn"].as_str().unwrap()]);
    assert!(said.code == Some(2) && said.err.contains("end the subscription of sqs"), "{said:?}");
    cli.done(&["topic", "unsub", of[0]["arn"].as_str().unwrap(), "--yes"]);
    assert_eq!(cli.json(&["topic", "ls", "--subscriptions"]), json!([]));
    cli.done(&["topic", "rm", "news", "--yes"]);
    assert_eq!(cli.json(&["topic", "ls"]).as_array().unwrap().len(), 1);
}

#[test]
fn what_is_published_has_what_was_said_and_goes_where_it_is_wanted() {
    let cli = Cli::start();
    cli.done(&["topic", "create", "news"]);
    for queue in ["all", "dear", "dead"] {
        cli.done(&["queue", "create", queue]);
    }
    cli.done(&["topic", "sub", "news", "sqs", "all", "--allow"]);
    let filter = r#"{"price":[{"numeric":[">",100]}]}"#;
    let more = ["--raw", "--filter", filter, "--dead-letters", "dead", "--allow"];
    let made = cli.json(&[&["topic", "sub", "news", "sqs", "dear"], &more[..]].concat());
    assert_eq!(made["pending_confirmation"], false);
    for _ in 0..2 {
        // Another time it is the same subscription, and the policy has its statement once.
        assert_eq!(cli.json(&[&["topic", "sub", "news", "sqs", "dear"], &more[..]].concat())["arn"], made["arn"]);
    }
    let exported: Value = serde_json::from_str(&cli.done(&["export", "--format", "json"])).unwrap();
    let policy = exported["queues"]["dear"]["attributes"]["Policy"].as_str().unwrap();
    assert_eq!(policy.matches("sqs:SendMessage").count(), 1, "{policy}");
    assert!(policy.contains("arn:aws:sns:us-east-1:000000000000:news"), "{policy}");

    cli.done(&[
        "topic",
        "pub",
        "news",
        "hello",
        "--subject",
        "Greeting",
        "-a",
        "price:Number=120",
        "-a",
        "b:Binary=AAEC",
    ]);
    cli.done(&["topic", "pub", "news", "cheap", "-a", "price:Number=7"]);
    let received = cli.json(&["queue", "receive", "dear", "--max", "10"]);
    assert_eq!(received.as_array().unwrap().len(), 1, "{received}");
    assert_eq!(
        (&received[0]["Body"], &received[0]["MessageAttributes"]["b"]["BinaryValue"]),
        (&json!("hello"), &json!("AAEC"))
    );
    let received = cli.json(&["queue", "receive", "all", "--max", "10", "--delete"]);
    let envelopes: Vec<Value> = received
        .as_array()
        .unwrap()
        .iter()
        .map(|one| serde_json::from_str(one["Body"].as_str().unwrap()).unwrap())
        .collect();
    assert_eq!(envelopes.len(), 2);
    let hello = envelopes.iter().find(|one| one["Message"] == "hello").unwrap();
    assert_eq!((&hello["Subject"], &hello["MessageAttributes"]["price"]["Value"]), (&json!("Greeting"), &json!("120")));

    let structure = r#"{"default":"d","sqs":"for queues"}"#;
    cli.done(&["topic", "pub", "news", structure, "--structure", "json"]);
    let received = cli.json(&["queue", "receive", "all", "--delete"]);
    assert!(received[0]["Body"].as_str().unwrap().contains(r#""Message":"for queues""#), "{received}");
    let said = cli.run(&["topic", "sub", "news", "sqs", "all", "--filter", r#"{"a":[{"near":1}]}"#]);
    assert!(said.code == Some(1) && said.err.contains("InvalidParameter"), "{said:?}");
}

#[test]
fn lines_are_published_in_batches_and_a_wrong_one_is_named() {
    let cli = Cli::start();
    cli.done(&["topic", "create", "t"]);
    cli.done(&["queue", "create", "q"]);
    cli.done(&["topic", "sub", "t", "sqs", "q", "--raw"]);
    let lines: String = (0..25).map(|n| format!("line {n}\n")).collect();
    let said = cli.with_input(&["topic", "pub", "t", "--lines", "--output", "ndjson"], &lines);
    assert_eq!((said.code, said.out.as_str()), (Some(0), "{\"published\":25}\n"), "{}", said.err);
    assert_eq!(cli.json(&["queue", "ls", "q"])[0]["visible"], 25);
    let said = cli.with_input(&["topic", "pub", "t", "--lines"], &format!("{}\n", "fine\n".repeat(11)));
    let is_named = said.err.contains("lines 11 to 12: PublishBatch was refused: Invalid parameter: Empty message");
    assert!(said.code == Some(1) && is_named && said.err.contains("10 messages were sent before line 11"), "{said:?}");
    assert_eq!(cli.with_input(&["topic", "pub", "t"], "from\na pipe").code, Some(0));

    cli.done(&["topic", "create", "o.fifo"]);
    let said = cli.run(&["topic", "pub", "o.fifo", "x"]);
    assert!(said.code == Some(1) && said.err.contains("MessageGroupId"), "{said:?}");
    let publish = ["topic", "pub", "o.fifo", "x", "--group", "g", "--deduplication", "d"];
    let (first, again) = (cli.json(&publish), cli.json(&publish));
    assert!(
        first["sequence_number"].is_string() && first == again,
        "a repetition is the same message: {first} {again}"
    );
}

#[test]
fn a_tail_shows_what_is_published_and_leaves_nothing_behind() {
    for (topic, group) in [("t", None), ("t.fifo", Some("g"))] {
        let cli = Cli::start();
        cli.done(&["topic", "create", topic]);
        let filter = r#"{"kind":["wanted"]}"#;
        let words = ["topic", "tail", topic, "--max", "2", "--filter", filter, "--output", "ndjson"];
        let said = std::thread::scope(|scope| {
            let tail = scope.spawn(|| cli.run(&words));
            until("the tail subscribes", || (cli.json(&["topic", "ls", topic])[0]["subscriptions"] == 1).then_some(()));
            for (nth, kind) in ["wanted", "other", "wanted"].iter().enumerate() {
                let (text, kind, id) = (format!("m{nth}"), format!("kind={kind}"), nth.to_string());
                let fifo = group.map(|group| ["--group", group, "--deduplication", &id]);
                let words = ["topic", "pub", topic, &text, "-a", &kind];
                cli.done(&[&words[..], fifo.as_ref().map_or(&[][..], |fifo| &fifo[..])].concat());
            }
            tail.join().unwrap()
        });
        assert_eq!(said.code, Some(0), "{said:?}");
        let shown: Vec<Value> = said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let texts: Vec<&str> = shown.iter().map(|one| one["Message"].as_str().unwrap()).collect();
        assert_eq!(texts, ["m0", "m2"], "{topic}");
        assert_eq!(cli.json(&["queue", "ls"]), json!([]), "its queue is gone");
        assert_eq!(cli.json(&["topic", "ls", "--subscriptions"]), json!([]), "and so is its subscription");
    }
}

#[test]
fn what_a_killed_tail_left_goes_with_the_next() {
    let cli = Cli::start();
    cli.done(&["topic", "create", "t"]);
    cli.done(&["queue", "create", "tidewire-tail-0"]);
    cli.done(&["queue", "create", "own"]);
    for queue in ["tidewire-tail-0", "own"] {
        cli.done(&["topic", "sub", "t", "sqs", queue]);
        cli.done(&["queue", "delete", queue, "--yes"]);
    }
    std::thread::scope(|scope| {
        let tail = scope.spawn(|| cli.run(&["topic", "tail", "t", "--max", "1", "--raw"]));
        until("the tail subscribes", || {
            let all = cli.json(&["topic", "ls", "--subscriptions"]);
            let count = |name: &str| {
                all.as_array().unwrap().iter().filter(|one| one["endpoint"].as_str().unwrap().contains(name)).count()
            };
            (count("tidewire-tail-") == 1 && count("tidewire-tail-0:") == 0 && count(":own") == 1).then_some(())
        });
        cli.done(&["topic", "pub", "t", "x"]);
        let said = tail.join().unwrap();
        assert!(said.code == Some(0) && said.out.ends_with("  x\n"), "{said:?}");
    });
}

#[test]
fn deliveries_show_what_waits_why_it_failed_and_what_became_of_it() {
    let cli = Cli::start();
    cli.done(&["topic", "create", "t"]);
    cli.done(&["queue", "create", "dead"]);
    let hook = Hook::start();
    let arn = cli.hooked("t", &hook, &["--dead-letters", "dead", "--allow"]);
    hook.status.store(503, Ordering::SeqCst);
    let published = cli.json(&["topic", "pub", "t", "m"])["message_id"].clone();
    assert_eq!(hook.next()["Message"], "m");
    let row = until("it fails once", || {
        let rows = cli.json(&["topic", "deliveries", "t"]);
        rows[0]["last_failure"].is_string().then(|| rows[0].clone())
    });
    assert_eq!((&row["last_failure"], &row["set_aside"], &row["arn"]), (&json!("503 words"), &json!(1), &json!(arn)));
    assert!(row["next_attempt"].is_string() && row["oldest_published"].is_string(), "{row}");
    let waiting = cli.json(&["topic", "deliveries", &arn]);
    assert_eq!((&waiting[0]["message_id"], &waiting[0]["attempts"]), (&published, &json!(1)));
    assert_eq!(waiting[0]["last_failure"], "503 words");
    let history = cli.json(&["topic", "deliveries", &arn, "--history"]);
    assert_eq!((&history[0]["outcome"], &history[0]["status_code"]), (&json!("retried"), &json!(503)));
    assert_eq!(cli.json(&["topic", "deliveries", &arn, "--history", "--ended"]), json!([]));

    // What is refused for good is given up at once.
    hook.status.store(404, Ordering::SeqCst);
    let refused = cli.json(&["topic", "pub", "t", "no"])["message_id"].clone();
    let ended = until("it is given up", || {
        let ended = cli.json(&["topic", "deliveries", &arn, "--history", "--ended"]);
        ended[0].is_object().then(|| ended[0].clone())
    });
    assert_eq!((&ended["message_id"], &ended["outcome"]), (&refused, &json!("dead-lettered")));
    assert!(ended["millis"].is_u64() && ended["status_code"] == 404, "{ended}");
    assert_eq!(cli.json(&["queue", "ls", "dead"])[0]["visible"], 1);
    let table = cli.done(&["topic", "deliveries", "t"]);
    assert!(table.starts_with("PROTOCOL") && table.contains("http://127.0.0.1"), "{table}");

    let said = cli.run(&["topic", "deliveries", "t", "--history"]);
    assert!(said.code == Some(2) && said.err.contains("--subscriptions"), "{said:?}");
    let other = if arn.ends_with('0') { "1" } else { "0" };
    let gone = format!("{}{other}", &arn[..arn.len() - 1]);
    let said = cli.run(&["topic", "deliveries", &gone]);
    assert!(said.code == Some(1) && said.err.contains("Subscription does not exist (NotFoundException)"), "{said:?}");
}

#[test]
fn a_filter_says_why_a_message_passes_or_not_with_and_without_a_server() {
    let cli = Cli::start();
    let file = File::of("filter", r#"{"store":["x","y"],"price":[{"numeric":[">=",100]}]}"#);
    let test = ["topic", "test-filter", "--policy", file.path()];
    let said = cli.run(&[&test[..], &["-a", "store=x", "-a", "price:Number=120"]].concat());
    assert_eq!((said.code, said.out.lines().next()), (Some(0), Some("passes")), "{said:?}");
    let said = cli.run(&[&test[..], &["-a", "store=x", "-a", "price:Number=99"]].concat());
    assert_eq!(said.code, Some(1));
    assert!(
        said.out.starts_with("does not pass\n") && said.out.contains("price: it is 99, and does not meet"),
        "{said:?}"
    );
    let said = cli.run(&[
        "topic",
        "test-filter",
        "--policy",
        r#"{"a":{"b":[1]}}"#,
        "--scope",
        "body",
        r#"{"a":{"b":2}}"#,
        "--output",
        "json",
    ]);
    let shown: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(
        (said.code, &shown["passes"], &shown["alternatives"][0]["keys"][0]["key"]),
        (Some(1), &json!(false), &json!("a.b"))
    );
    for (policy, why) in [(r#"{"a":[{"near":1}]}"#, "near"), ("missing.json", "cannot be read"), ("{", "filter policy")]
    {
        let said = cli.run(&["topic", "test-filter", "--policy", policy, "x"]);
        assert!(said.code == Some(2) && said.err.contains(why), "{policy}: {said:?}");
    }

    cli.done(&["topic", "create", "t"]);
    cli.done(&["queue", "create", "q"]);
    let filter = r#"{"kind":["big"]}"#;
    let arn = cli.json(&["topic", "sub", "t", "sqs", "q", "--filter", filter, "--scope", "body"])["arn"].clone();
    let test = ["topic", "test-filter", "--subscription", arn.as_str().unwrap()];
    assert_eq!(cli.run(&[&test[..], &[r#"{"kind":"big"}"#]].concat()).code, Some(0));
    assert_eq!(cli.with_input(&[&test[..], &["-"]].concat(), r#"{"kind":"small"}"#).code, Some(1));
    let said = cli.run(&["topic", "test-filter", "--subscription", "arn:aws:sns:us-east-1:000000000000:t:x", "m"]);
    assert_eq!(said.code, Some(2), "what is not decided is not a no: {said:?}");
}

#[test]
fn a_replay_brings_what_was_published_to_whoever_subscribes_later() {
    let cli = Cli::start();
    cli.done(&["topic", "create", "t", "-a", r#"ArchivePolicy={"MessageRetentionPeriod":"1"}"#]);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis().to_string();
    cli.with_input(&["topic", "pub", "t", "--lines"], "one\ntwo\nthree\n");
    cli.done(&["queue", "create", "q"]);
    let arn = cli.json(&["topic", "sub", "t", "sqs", "q", "--raw"])["arn"].as_str().unwrap().to_owned();
    assert_eq!(cli.json(&["topic", "replay", &arn, "--status"])["status"], Value::Null);
    let done = cli.json(&["topic", "replay", &arn, "--from", &now, "--interval", "0.05"]);
    assert_eq!(done["status"], "Completed", "{done}");
    assert_eq!(cli.json(&["queue", "ls", "q"])[0]["visible"], 3);
    let shown = cli.json(&["topic", "replay", &arn, "--status"]);
    assert!(shown["policy"].as_str().unwrap().contains("StartingPoint"), "{shown}");
    cli.done(&["topic", "replay", &arn, "--stop"]);
    assert_eq!(cli.json(&["topic", "replay", &arn, "--status"])["policy"], Value::Null);
    let said = cli.run(&["topic", "replay", &arn, "--from", "yesterday"]);
    assert!(said.code == Some(2) && said.err.contains("expected a time"), "{said:?}");
}
