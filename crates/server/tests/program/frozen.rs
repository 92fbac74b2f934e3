//! A server that is frozen and continued, as by a debugger, a suspended machine or a paused container.

use crate::banner::Folder;
use crate::server::Server;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

fn begin(server: &Server, operation: &str, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(&server.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
    let head =
        format!("Content-Type: application/x-amz-json-1.0\r\nX-Amz-Target: AmazonSQS.{operation}\r\nConnection: close");
    write!(stream, "POST / HTTP/1.1\r\nHost: x\r\n{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    stream
}

fn answer(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn ask(server: &Server, operation: &str, body: &str) -> String {
    answer(begin(server, operation, body))
}

fn signal(server: &Server, name: &str) {
    assert!(Command::new("kill").args([name, &server.id().to_string()]).status().unwrap().success());
}

#[test]
fn a_server_that_was_frozen_goes_on_with_what_it_had_and_with_what_came_meanwhile() {
    let folder = Folder::new("frozen");
    let server = Server::start(&["dev", "--listen", "127.0.0.1:0", "--data-dir", folder.path()]);
    ask(&server, "CreateQueue", r#"{"QueueName": "q", "Attributes": {"VisibilityTimeout": "2"}}"#);
    ask(&server, "SendMessage", r#"{"QueueUrl": "q", "MessageBody": "leased"}"#);
    assert!(ask(&server, "ReceiveMessage", r#"{"QueueUrl": "q"}"#).contains("leased"));
    let poll = begin(&server, "ReceiveMessage", r#"{"QueueUrl": "q", "WaitTimeSeconds": 10}"#);
    signal(&server, "-STOP");
    // Longer than the visibility timeout: time goes on for those who are frozen, too.
    std::thread::sleep(Duration::from_secs(3));
    let send = begin(&server, "SendMessage", r#"{"QueueUrl": "q", "MessageBody": "sent meanwhile"}"#);
    signal(&server, "-CONT");
    assert!(answer(send).starts_with("HTTP/1.1 200"), "the send that came while it was frozen");
    let polled = answer(poll);
    assert!(polled.contains("leased") || polled.contains("sent meanwhile"), "{polled}");
    let rest = ask(&server, "ReceiveMessage", r#"{"QueueUrl": "q", "MaxNumberOfMessages": 10, "WaitTimeSeconds": 5}"#);
    assert!(rest.contains("leased") || rest.contains("sent meanwhile"), "{rest}");
    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");
}
