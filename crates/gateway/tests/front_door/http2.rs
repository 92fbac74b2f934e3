//! HTTP/2 with prior knowledge on the same plain port.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};

use crate::toy::{BODY_BYTES_MAX, House};

type Client = SendRequest<Full<Bytes>>;

async fn client(house: &House) -> (Client, tokio::task::JoinHandle<Result<(), hyper::Error>>) {
    let (client, connection) = handshake(TokioExecutor::new(), TokioIo::new(house.connect().0)).await.unwrap();
    (client, tokio::spawn(connection))
}

async fn ask(client: &mut Client, operation: &str, body: String) -> (http::response::Parts, String) {
    let request = Request::post("http://queue.example:4566/")
        .header("x-amz-target", format!("ToyService.{operation}"))
        .body(Full::from(body))
        .unwrap();
    let (head, body) = client.send_request(request).await.unwrap().into_parts();
    (head, String::from_utf8(body.collect().await.unwrap().to_bytes().into()).unwrap())
}

#[tokio::test]
async fn requests_on_one_connection_do_not_wait_for_each_other() {
    let house = House::new();
    let (mut client, _connection) = client(&house).await;
    let mut waiting = client.clone();
    let waiting = tokio::spawn(async move { ask(&mut waiting, "Wait", r#"{"Text":"late"}"#.into()).await });
    house.seen.waiting.notified().await;
    for _ in 0..20 {
        let (head, body) = ask(&mut client, "Echo", r#"{"Text":"x"}"#.into()).await;
        assert_eq!(head.status, StatusCode::OK);
        assert_eq!(head.headers["x-amzn-requestid"].len(), 36);
        assert!(body.contains(r#""BaseUrl":"http://queue.example:4566""#), "{body}");
    }
    house.seen.release.notify_one();
    assert!(waiting.await.unwrap().1.contains("late"));
}

#[tokio::test]
async fn a_panic_or_a_huge_body_ends_its_own_stream_only() {
    let house = House::new();
    let (mut client, _connection) = client(&house).await;
    let (head, body) = ask(&mut client, "Panic", r#"{"Text":"x"}"#.into()).await;
    assert_eq!(head.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(body.contains("InternalFailure"), "{body}");
    let (head, _) = ask(&mut client, "Echo", "x".repeat(BODY_BYTES_MAX + 1)).await;
    assert_eq!(head.status, StatusCode::PAYLOAD_TOO_LARGE);
    let (head, _) = ask(&mut client, "Echo", r#"{"Text":"x"}"#.into()).await;
    assert_eq!(head.status, StatusCode::OK);
    assert_eq!(house.executed(), 2);
}

#[tokio::test]
async fn large_bodies_come_and_go_whole() {
    let house = House::new();
    let (mut client, _connection) = client(&house).await;
    let text = "0123456789".repeat(40_000);
    let (head, body) = ask(&mut client, "Echo", format!(r#"{{"Text":"{text}"}}"#)).await;
    assert_eq!(head.status, StatusCode::OK);
    assert!(body.contains(&text));
}

#[tokio::test]
async fn a_stop_answers_the_open_streams_and_ends_the_connection() {
    let house = House::new();
    let (mut client, connection) = client(&house).await;
    let waiting = tokio::spawn(async move { ask(&mut client, "Wait", r#"{"Text":"x"}"#.into()).await });
    house.seen.waiting.notified().await;
    house.gateway.stop();
    assert_eq!(waiting.await.unwrap().0.status, StatusCode::OK);
    tokio::time::timeout(Duration::from_secs(60), connection).await.expect("it ends soon").unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_let_go() {
    let house = House::impatient();
    let (mut client, connection) = client(&house).await;
    ask(&mut client, "Echo", r#"{"Text":"x"}"#.into()).await;
    tokio::time::timeout(Duration::from_secs(60), connection).await.expect("it ends soon").unwrap().unwrap();
    drop(client);
}
