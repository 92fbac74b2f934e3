//! Settings whose effect only a whole server shows: that they are read is `config.rs`'s matter, that they act is shown here.

use crate::banner::Folder;
use crate::server::Server;
use crate::tools::{ask, bodies};
use serde_json::json;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

fn serve(folder: &Folder, more: &[&str]) -> Server {
    Server::start(&[&["dev", "--listen", "127.0.0.1:0", "--data-dir", folder.path()], more].concat())
}

/// The value of a metric.
fn metric(server: &Server, name: &str) -> u64 {
    let page = server.get("/metrics");
    let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in {page}")).parse::<f64>().unwrap() as u64
}

#[test]
fn a_limit_on_memory_is_kept_by_a_queue_that_is_longer() {
    let data = Folder::new("memory-limit");
    let server = serve(&data, &["--memory-limit", "1MiB"]);
    server.create_queue();
    let filler = "x".repeat(10_000);
    let sent: BTreeSet<String> = (0..2_000).map(|number| format!("{number}-{filler}")).collect();
    for bodies in sent.iter().collect::<Vec<_>>().chunks(10) {
        let entry = |(id, body): (usize, &&String)| json!({"Id": id.to_string(), "MessageBody": body});
        let entries: Vec<_> = bodies.iter().enumerate().map(entry).collect();
        let answer =
            ask(&server.address, "SendMessageBatch", &json!({"QueueUrl": "q", "Entries": entries}).to_string());
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("Successful"), "{answer}");
    }
    assert_eq!(metric(&server, "tidewire_store_memory_limit_bytes"), 1 << 20);
    let began = Instant::now();
    while metric(&server, "tidewire_store_memory_bytes") > 1 << 20 {
        assert!(began.elapsed() < Duration::from_secs(120), "twenty megabytes stay in memory");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(bodies(&server.address) == sent, "what memory let go of is read from the disk");
    server.stop();
}

#[test]
fn a_public_url_is_what_queue_urls_begin_with() {
    let data = Folder::new("public-url");
    let server = serve(&data, &["--public-url", "https://queues.example.test:8443"]);
    for (target, body) in [("CreateQueue", r#"{"QueueName": "q"}"#), ("GetQueueUrl", r#"{"QueueName": "q"}"#)] {
        let answer = ask(&server.address, target, body);
        assert!(answer.contains(r#""QueueUrl":"https://queues.example.test:8443/000000000000/q""#), "{answer}");
    }
    server.stop();
}

#[test]
fn a_log_level_leaves_out_what_is_below_it() {
    let log = |level: &str| {
        let (code, log) =
            Server::start(&["dev", "--listen", "127.0.0.1:0", "--ephemeral", "--log-level", level]).stop();
        assert_eq!(code, Some(0), "{log}");
        log
    };
    assert!(log("info").contains("stopping"));
    assert_eq!(log("error"), "");
    assert!(log("error,tidewire::run=info").contains("stopping"), "a filter by module");
    assert!(!log("info,tidewire::run=error").contains("stopping"));
}
