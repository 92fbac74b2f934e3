//! Too much, too slow, cut short: answered where there is a way to answer, ended otherwise, executed never.

use std::time::Duration;

use crate::raw::{FORM, Raw, ask, json, request};
use crate::toy::{BODY_BYTES_MAX, House};

const HEAD: &str = "POST / HTTP/1.1\r\nhost: x\r\nx-amz-target: ToyService.Echo\r\n";

#[tokio::test]
async fn a_head_over_its_bound_is_answered_431_and_the_connection_ends() {
    let house = House::new();
    for bytes in [64 * 1024 + 1, 4 * 1024 * 1024] {
        let mut raw = Raw::new(&house);
        raw.send_unread(format!("{HEAD}x-long: {}\r\n\r\n", "x".repeat(bytes))).await;
        assert_eq!(raw.reply().await.unwrap().status, 431, "{bytes}");
        raw.ended().await;
    }
    let fits = format!("{HEAD}x-long: {}\r\ncontent-length: 12\r\n\r\n{{\"Text\":\"x\"}}", "x".repeat(60 * 1024));
    assert_eq!(ask(&house, fits).await.status, 200);
    assert_eq!(house.executed(), 1);
}

#[tokio::test]
async fn more_headers_than_their_bound_are_answered_431() {
    let house = House::new();
    let many: String = (0..=gateway::limits::HEADERS_MAX).map(|nth| format!("x-{nth}: y\r\n")).collect();
    let mut raw = Raw::new(&house);
    raw.send(format!("{HEAD}{many}\r\n")).await;
    assert_eq!(raw.reply().await.unwrap().status, 431);
    raw.ended().await;
}

#[tokio::test]
async fn a_body_over_its_bound_is_refused_before_it_is_sent() {
    let house = House::new();
    for (length, expect) in [(BODY_BYTES_MAX + 1, "expect: 100-continue\r\n"), (1 << 60, "")] {
        let mut raw = Raw::new(&house);
        raw.send(format!("{HEAD}{expect}content-length: {length}\r\n\r\n")).await;
        let reply = raw.reply().await.unwrap();
        assert_eq!((reply.status, reply.header("connection")), (413, "close"), "{length}");
        assert!(reply.text().contains("RequestEntityTooLarge"), "{}", reply.text());
        assert_eq!(reply.header("x-amzn-query-error"), "RequestEntityTooLarge;Sender");
        raw.ended().await;
    }
    let mut raw = Raw::new(&house);
    raw.send(format!("POST / HTTP/1.1\r\nhost: x\r\n{FORM}\r\ncontent-length: 100000000\r\n\r\nAction=")).await;
    let reply = raw.reply().await.unwrap();
    assert_eq!(reply.status, 413);
    assert!(reply.text().contains("<Code>RequestEntityTooLarge</Code>"), "{}", reply.text());
    raw.ended().await;
    assert_eq!(house.executed(), 0);
}

#[tokio::test]
async fn a_body_of_unknown_length_is_cut_at_its_bound() {
    let house = House::new();
    let mut raw = Raw::new(&house);
    raw.send(format!("{HEAD}transfer-encoding: chunked\r\n\r\n")).await;
    let chunk = format!("8000\r\n{}\r\n", "x".repeat(0x8000));
    for _ in 0..=BODY_BYTES_MAX / 0x8000 {
        raw.send_unread(&chunk).await;
    }
    let reply = raw.reply().await.unwrap();
    assert_eq!((reply.status, reply.header("connection")), (413, "close"));
    assert_eq!(house.executed(), 0);
}

#[tokio::test]
async fn a_body_may_come_in_chunks_and_in_pieces() {
    let house = House::new();
    let mut raw = Raw::new(&house);
    raw.send(format!("{HEAD}transfer-encoding: chunked\r\n\r\n")).await;
    for piece in ["7\r\n{\"Text\"\r\n", "1\r\n:\r\n4\r\n", "\"ab", "\"\r\n1\r\n}\r\n0\r\n\r\n"] {
        raw.send(piece).await;
        tokio::task::yield_now().await;
    }
    assert!(raw.reply().await.unwrap().text().contains("\"Text\":\"ab\""));

    let text = "é".repeat(BODY_BYTES_MAX / 2 - 6);
    for piece in json("Echo", &format!("{{\"Text\":\"{text}\"}}")).chunks(5_000) {
        raw.send(piece).await;
    }
    assert!(raw.reply().await.unwrap().text().contains(&text));
}

#[tokio::test]
async fn a_client_that_asks_may_continue() {
    let house = House::new();
    let mut raw = Raw::new(&house);
    raw.send(format!("{HEAD}expect: 100-continue\r\ncontent-length: 12\r\n\r\n")).await;
    assert_eq!(raw.reply().await.unwrap().status, 100);
    raw.send("{\"Text\":\"x\"}").await;
    assert_eq!(raw.reply().await.unwrap().status, 200);
}

#[tokio::test]
async fn a_body_cut_short_executes_nothing() {
    let house = House::new();
    let complete = b"{\"Text\":\"x\"}";
    for framing in ["content-length: 13", "content-length: 400000"] {
        let mut raw = Raw::new(&house);
        raw.send([format!("{HEAD}{framing}\r\n\r\n").as_bytes(), complete].concat()).await;
        raw.finish_sending().await;
        assert!(raw.reply().await.is_none_or(|reply| reply.status == 400), "{framing}");
    }
    let mut raw = Raw::new(&house);
    raw.send(format!("{HEAD}transfer-encoding: chunked\r\n\r\nc\r\n{{\"Text\":\"x\"}}\r\n")).await;
    raw.finish_sending().await;
    assert!(raw.reply().await.is_none_or(|reply| reply.status == 400));
    for broken in ["zz\r\n", "c\r\n{\"Text\":\"x\"}\r\n-1\r\n"] {
        let mut raw = Raw::new(&house);
        raw.send(format!("{HEAD}transfer-encoding: chunked\r\n\r\n{broken}")).await;
        assert!(raw.reply().await.is_none_or(|reply| reply.status == 400), "{broken}");
    }
    assert_eq!(house.executed(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_slow_body_is_answered_408_and_the_connection_ends() {
    let house = House::impatient();
    let mut raw = Raw::new(&house);
    raw.send(format!("{HEAD}content-length: 12\r\n\r\n{{\"Tex")).await;
    let reply = raw.reply().await.unwrap();
    assert_eq!((reply.status, reply.header("connection")), (408, "close"));
    raw.ended().await;
    assert_eq!(house.executed(), 0);
}

#[tokio::test(start_paused = true)]
async fn who_sends_nothing_or_half_a_head_or_no_further_request_is_let_go() {
    let house = House::impatient();
    let mut silent = Raw::new(&house);
    let mut slow = Raw::new(&house);
    let mut idle = Raw::new(&house);
    idle.send(json("Echo", r#"{"Text":"x"}"#)).await;
    assert_eq!(idle.reply().await.unwrap().status, 200);
    slow.send(HEAD).await;
    for _ in 0..12 {
        slow.send_unread("x: y\r\n").await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for raw in [&mut slow, &mut silent, &mut idle] {
        tokio::time::timeout(Duration::from_secs(60), raw.ended()).await.expect("the connection ends");
    }
    assert_eq!(house.executed(), 1);
}

#[tokio::test]
async fn bodies_beyond_the_budget_of_all_are_answered_503() {
    let house = House::with(|options| options.limits.bodies_bytes_max = 1_000);
    let text = "x".repeat(1_000);
    let mut raw = Raw::new(&house);
    raw.send(json("Echo", &format!("{{\"Text\":\"{text}\"}}"))).await;
    let reply = raw.reply().await.unwrap();
    assert_eq!((reply.status, reply.header("x-amzn-query-error")), (503, "ServiceUnavailable;Receiver"));
    assert_eq!(ask(&house, json("Echo", r#"{"Text":"x"}"#)).await.status, 200);
    assert_eq!(house.executed(), 1);
}

#[tokio::test]
async fn a_length_that_is_none_is_refused() {
    let house = House::new();
    for length in ["-1", "ten", "1, 2", "99999999999999999999999"] {
        let mut raw = Raw::new(&house);
        raw.send(format!("{HEAD}content-length: {length}\r\n\r\n{{}}")).await;
        assert_eq!(raw.reply().await.unwrap().status, 400, "{length}");
        raw.ended().await;
    }
    assert_eq!(ask(&house, request("POST /1/q", &[FORM], "%")).await.status, 400);
    assert_eq!(house.executed(), 0);
}
