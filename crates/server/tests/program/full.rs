//! A disk with less room than `journal.reserve_mib`, as the file system tells it: nothing new is taken, and what is there can be
//! received, deleted and purged.

use crate::banner::Folder;
use crate::server::Server;
use crate::tools::{ask, bodies, send};
use std::collections::BTreeSet;

/// More than a disk has: a thousand tebibytes.
const NO_DISK_HAS: &str = "1000000000";

fn serve(folder: &Folder, reserve_mib: &str) -> Server {
    let words = ["dev", "--listen", "127.0.0.1:0", "--data-dir", folder.path(), "--journal-reserve-mib", reserve_mib];
    Server::start(&words)
}

fn taken(answer: &str) -> bool {
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") || answer.starts_with("HTTP/1.1 503 "), "{answer}");
    answer.starts_with("HTTP/1.1 200 OK\r\n")
}

#[test]
fn a_disk_with_less_room_than_the_reserve_takes_nothing_new_and_lets_queues_be_emptied() {
    let data = Folder::new("reserve");
    let server = serve(&data, "0");
    server.create_queue();
    for body in ["one", "two", "three"] {
        send(&server.address, body);
    }
    server.stop();

    let server = serve(&data, NO_DISK_HAS);
    for (target, request) in [
        ("SendMessage", r#"{"QueueUrl": "q", "MessageBody": "x"}"#),
        ("SendMessageBatch", r#"{"QueueUrl": "q", "Entries": [{"Id": "1", "MessageBody": "x"}]}"#),
        ("CreateQueue", r#"{"QueueName": "r"}"#),
    ] {
        let answer = ask(&server.address, target, request);
        assert!(!taken(&answer) && answer.contains("the disk is nearly full"), "{target}: {answer}");
    }
    let received = ask(&server.address, "ReceiveMessage", r#"{"QueueUrl": "q", "VisibilityTimeout": 600}"#);
    assert!(taken(&received) && received.contains(r#""Body":"one""#), "{received}");
    let handle = received.split(r#""ReceiptHandle":""#).nth(1).unwrap().split('"').next().unwrap();
    let delete = format!(r#"{{"QueueUrl": "q", "ReceiptHandle": "{handle}"}}"#);
    assert!(taken(&ask(&server.address, "DeleteMessage", &delete)));
    assert_eq!(bodies(&server.address), BTreeSet::from(["two".to_owned(), "three".to_owned()]));
    assert!(taken(&ask(&server.address, "PurgeQueue", r#"{"QueueUrl": "q"}"#)));
    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");

    let server = serve(&data, "0");
    assert_eq!(bodies(&server.address), BTreeSet::new(), "what was deleted and purged stays so");
    send(&server.address, "again");
    assert_eq!(bodies(&server.address), BTreeSet::from(["again".to_owned()]));
    server.stop();
}
