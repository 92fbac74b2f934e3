//! GetRecords that wait, as clients send them: over each protocol, and hung up on.

use crate::queue::Cli;
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// An iterator behind the last record of a stream's only shard.
fn iterator(cli: &Cli) -> String {
    let body = r#"{"StreamName": "s", "ShardId": "shardId-000000000000", "ShardIteratorType": "LATEST"}"#;
    let answer = finish(ask(cli, "x-amz-target: Kinesis_20131202.GetShardIterator", "", body.as_bytes()));
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str::<Value>(body).unwrap()["ShardIterator"].as_str().unwrap().to_owned()
}

/// Sends a request, and does not wait for its answer.
fn ask(cli: &Cli, head: &str, path: &str, body: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(&cli.0.address).unwrap();
    let length = body.len();
    write!(
        stream,
        "POST /{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n{head}\r\n\r\n"
    )
    .unwrap();
    stream.write_all(body).unwrap();
    stream
}

fn finish(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

fn wait(cli: &Cli, millis: &str, iterator: &str) -> TcpStream {
    let head = format!("x-amz-target: Kinesis_20131202.GetRecords\r\nX-Tidewire-Wait-Milliseconds: {millis}");
    ask(cli, &head, "", format!("{{\"ShardIterator\": \"{iterator}\"}}").as_bytes())
}

/// `{"ShardIterator": …}` in CBOR: a map of one, a text of 13 bytes, a text with a length of one byte.
fn in_cbor(iterator: &str) -> Vec<u8> {
    let length = u8::try_from(iterator.len()).unwrap();
    [&b"\xa1\x6dShardIterator\x78"[..], &[length], iterator.as_bytes()].concat()
}

#[test]
fn a_record_answers_those_who_wait_for_it_in_every_protocol() {
    let cli = Cli::start();
    cli.done(&["stream", "create", "s"]);
    let (at, wait_header) = (iterator(&cli), "X-Tidewire-Wait-Milliseconds: 20000");
    let cbor = format!(
        "content-type: application/x-amz-cbor-1.1\r\nx-amz-target: Kinesis_20131202.GetRecords\r\n{wait_header}"
    );
    let rpc = format!("content-type: application/cbor\r\nsmithy-protocol: rpc-v2-cbor\r\n{wait_header}");
    let began = Instant::now();
    let waiting = [
        wait(&cli, "20000", &at),
        ask(&cli, &cbor, "", &in_cbor(&at)),
        ask(&cli, &rpc, "service/Kinesis_20131202/operation/GetRecords", &in_cbor(&at)),
    ];
    cli.done(&["stream", "put", "s", "some words", "--key", "k"]);
    let [json, cbor, rpc] = waiting.map(finish);
    // c29tZSB3b3Jkcw== is the same in base64.
    assert!(json.starts_with("HTTP/1.1 200") && json.contains("c29tZSB3b3Jkcw=="), "{json}");
    for answer in [cbor, rpc] {
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("some words"), "{answer}");
    }
    assert!(began.elapsed() < Duration::from_secs(20), "nobody waited to the end");
}

#[test]
fn a_wait_lasts_as_long_as_it_was_asked_for_and_a_wrong_one_is_refused() {
    let cli = Cli::start();
    cli.done(&["stream", "create", "s"]);
    let at = iterator(&cli);
    let began = Instant::now();
    let answer = finish(wait(&cli, "300", &at));
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"Records\":[]"), "{answer}");
    assert!(began.elapsed() >= Duration::from_millis(300));
    let answer = finish(wait(&cli, "20001", &at));
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("InvalidArgumentException"), "{answer}");
}

#[test]
fn those_who_hang_up_while_they_wait_hold_no_connection() {
    let cli = Cli::start();
    cli.done(&["stream", "create", "s"]);
    let at = iterator(&cli);
    let open = || {
        let metrics = cli.0.get("/metrics");
        let line = metrics.lines().find(|line| line.starts_with("tidewire_connections ")).unwrap();
        line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()
    };
    let began = Instant::now();
    let until = |is_so: &dyn Fn() -> bool| {
        while !is_so() {
            assert!(began.elapsed() < Duration::from_secs(19), "before their time is over");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    let waiting: Vec<TcpStream> = (0..50).map(|_| wait(&cli, "20000", &at)).collect();
    until(&|| open() >= 50.0);
    drop(waiting);
    until(&|| open() <= 2.0);
}
