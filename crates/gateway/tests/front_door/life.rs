//! Connections from beginning to end: many requests on one, clients that leave, and the graceful stop.

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use gateway::Scheme;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::raw::{Raw, json, request};
use crate::toy::House;

async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), work).await.expect("it happens soon")
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_their_order() {
    let house = House::new();
    let mut raw = Raw::new(&house);
    let requests: Vec<_> = (0..50).map(|nth| json("Echo", &format!("{{\"Text\":\"number {nth}\"}}"))).collect();
    raw.send(requests.concat()).await;
    let mut ids = HashSet::new();
    for nth in 0..50 {
        let reply = raw.reply().await.unwrap();
        assert!(reply.text().contains(&format!("\"number {nth}\"")), "{}", reply.text());
        assert!(ids.insert(reply.request_id().to_owned()), "an id was given twice");
    }
}

#[tokio::test]
async fn a_tcp_stream_is_served_like_any_other() {
    let house = House::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let gateway = house.gateway.clone();
    tokio::spawn(async move { gateway.serve_connection(listener.accept().await.unwrap().0, Scheme::Https).await });
    let text = "x".repeat(300_000);
    let headers = ["x-amz-target: ToyService.Echo", "connection: close"];
    client.write_all(&request("POST /", &headers, format!("{{\"Text\":\"{text}\"}}"))).await.unwrap();
    let mut answer = Vec::new();
    soon(client.read_to_end(&mut answer)).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains(&text) && answer.contains("https://localhost:4566"));
}

#[tokio::test]
async fn an_operation_whose_client_leaves_is_dropped() {
    let house = House::new();
    let mut raw = Raw::new(&house);
    raw.send(json("Wait", r#"{"Text":"x"}"#)).await;
    soon(house.seen.waiting.notified()).await;
    drop(raw);
    soon(async {
        while house.seen.dropped.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_request_in_flight_outlives_every_timeout() {
    let house = House::impatient();
    let mut raw = Raw::new(&house);
    raw.send(json("Wait", r#"{"Text":"x"}"#)).await;
    soon(house.seen.waiting.notified()).await;
    tokio::time::sleep(Duration::from_millis(900)).await;
    house.seen.release.notify_one();
    assert_eq!(soon(raw.reply()).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_stop_finishes_what_has_begun_and_ends_all_connections() {
    let house = House::new();
    let (idle_stream, idle_task) = house.connect();
    let mut used = Raw::new(&house);
    used.send(json("Echo", r#"{"Text":"x"}"#)).await;
    used.reply().await.unwrap();
    let mut waiting = Raw::new(&house);
    waiting.send(json("Wait", r#"{"Text":"long poll"}"#)).await;
    soon(house.seen.waiting.notified()).await;

    house.gateway.stop();
    let reply = soon(waiting.reply()).await.unwrap();
    assert_eq!((reply.status, reply.header("connection")), (200, "close"));
    soon(waiting.ended()).await;
    soon(used.ended()).await;
    soon(idle_task).await.unwrap();
    drop(idle_stream);

    let mut late = Raw::new(&house);
    late.send_unread(json("Echo", r#"{"Text":"x"}"#)).await;
    assert!(soon(late.reply()).await.is_none(), "a stopped gateway takes no requests");
    assert_eq!(house.executed(), 2);
    soon(async {
        while !house.metrics().contains("tidewire_connections 0") {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}
