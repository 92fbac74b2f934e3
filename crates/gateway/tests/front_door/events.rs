//! Answers that go on in events: what stands in them, and when they end.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use gateway::Limits;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::DuplexStream;
use wire::event_stream::{Kind, read};

use crate::raw::{FORM, Raw, ask, request};
use crate::ticker::{Say, Watched, house};
use crate::toy::{DENIED, House, NO_SUCH_TOY};

const JSON: &str = "content-type: application/x-amz-json-1.1";
const TARGET: &str = "x-amz-target: TickerService.Watch";

async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), work).await.expect("it happens soon")
}

/// Waits until a count has reached this.
async fn reaches(count: &AtomicUsize, wanted: usize) {
    soon(async {
        while count.load(Ordering::SeqCst) < wanted {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

fn tick(text: &str) -> Say {
    Say::Tick(text.to_owned())
}

fn watch() -> Vec<u8> {
    request("POST /", &[JSON, TARGET], "{}")
}

/// A chunk that is one message: what it is, and its payload as text.
fn message(chunk: &[u8]) -> (String, String) {
    let message = read(chunk).unwrap().expect("a chunk is a message");
    assert_eq!(message.bytes, chunk.len());
    let payload = String::from_utf8_lossy(message.payload).into_owned();
    match message.kind().unwrap() {
        Kind::Error { code, message } => (format!("error {code}"), message.to_owned()),
        Kind::Exception(name) => (format!("exception {name}"), payload),
        Kind::Event(name) => (name.to_owned(), payload),
    }
}

fn ticked(text: &str) -> (String, String) {
    ("Tick".to_owned(), format!(r#"{{"Text":"{text}","At":1700000000.512}}"#))
}

/// A connection over HTTP/1.1 on which a stream has begun.
async fn begun(house: &House) -> Raw {
    let mut raw = Raw::new(house);
    raw.send(watch()).await;
    let head = soon(raw.head()).await.unwrap();
    assert_eq!((head.status, head.header("content-type")), (200, "application/vnd.amazon.eventstream"), "{head:?}");
    assert_eq!(head.header("transfer-encoding"), "chunked");
    head.request_id();
    let first = soon(raw.chunk()).await.unwrap();
    assert_eq!(message(&first), ("initial-response".into(), r#"{"Since":1700000000.512}"#.into()));
    raw
}

/// The same over HTTP/2.
struct Second {
    client: SendRequest<Full<Bytes>>,
    connection: tokio::task::JoinHandle<Result<(), hyper::Error>>,
    body: Incoming,
    rest: VecDeque<u8>,
}

impl Second {
    async fn begun(house: &House) -> Self {
        Self::begun_over(house.connect().0).await
    }

    async fn begun_over(stream: DuplexStream) -> Self {
        let io = TokioIo::new(stream);
        let (mut client, connection) = handshake(TokioExecutor::new(), io).await.unwrap();
        let connection = tokio::spawn(connection);
        let request = Request::post("http://x/").header("x-amz-target", "TickerService.Watch");
        let reply = soon(client.send_request(request.body(Full::from("{}")).unwrap())).await.unwrap();
        assert_eq!((reply.status().as_u16(), reply.version()), (200, http::Version::HTTP_2));
        assert_eq!(reply.headers()["content-type"], "application/vnd.amazon.eventstream");
        let mut second = Self { client, connection, body: reply.into_body(), rest: VecDeque::new() };
        assert_eq!(second.message().await.unwrap().0, "initial-response");
        second
    }

    /// The next message; none at the end of the stream.
    async fn message(&mut self) -> Option<(String, String)> {
        loop {
            let bytes = self.rest.make_contiguous();
            if let Some(bytes) = read(bytes).unwrap().map(|message| message.bytes) {
                return Some(message(&self.rest.drain(..bytes).collect::<Vec<u8>>()));
            }
            match soon(self.body.frame()).await {
                Some(frame) => self.rest.extend(frame.unwrap().into_data().expect("a stream has no trailers")),
                None => break,
            }
        }
        assert!(self.rest.is_empty(), "the stream ended inside a message");
        None
    }
}

#[tokio::test]
async fn each_event_comes_as_soon_as_there_is_one_and_the_connection_goes_on_afterwards() {
    let (house, watched) = house(|_| {});
    let says = watched.expect();
    let mut raw = begun(&house).await;
    for text in ["one", "two", "three"] {
        says.send(tick(text)).unwrap();
        assert_eq!(message(&soon(raw.chunk()).await.unwrap()), ticked(text));
    }
    assert!(house.metrics().contains("tidewire_event_streams 1\n"), "{}", house.metrics());
    drop(says);
    assert_eq!(soon(raw.chunk()).await.unwrap(), b"", "an end of the source is the end of the body");
    let counted = r#"tidewire_requests_total{service="ticker",operation="Watch",protocol="json",status="200"} 1"#;
    assert!(house.metrics().contains(counted) && house.metrics().contains("tidewire_event_streams 0\n"));
    let says = watched.expect();
    raw.send(watch()).await;
    assert_eq!(soon(raw.head()).await.unwrap().status, 200);
    says.send(tick("again")).unwrap();
    soon(raw.chunk()).await.unwrap();
    assert_eq!(message(&soon(raw.chunk()).await.unwrap()), ticked("again"));
}

#[tokio::test]
async fn over_http2_a_stream_shares_its_connection_with_others() {
    let (house, watched) = house(|_| {});
    let says = watched.expect();
    let mut second = Second::begun(&house).await;
    says.send(tick("one")).unwrap();
    assert_eq!(second.message().await, Some(ticked("one")));
    let echo = Request::post("http://x/").header("x-amz-target", "ToyService.Echo");
    let echoed = soon(second.client.send_request(echo.body(Full::from(r#"{"Text":"x"}"#)).unwrap())).await.unwrap();
    assert_eq!(echoed.status().as_u16(), 200);
    let large = "0123456789".repeat(50_000);
    says.send(tick(&large)).unwrap();
    assert_eq!(second.message().await, Some(ticked(&large)));
    drop(says);
    assert_eq!(second.message().await, None);
}

#[tokio::test]
async fn payloads_are_written_in_the_protocol_of_the_request() {
    let (house, watched) = house(|_| {});
    const CBOR: [&str; 2] = ["smithy-protocol: rpc-v2-cbor", "content-type: application/cbor"];
    const AWS_CBOR: [&str; 2] = ["content-type: application/x-amz-cbor-1.1", TARGET];
    const PATH: &str = "POST /service/TickerService/operation/Watch";
    let seconds = [&b"\xc1\xfb"[..], &1_700_000_000.512f64.to_be_bytes()].concat();
    let millis = [&b"\xc1\x1b"[..], &1_700_000_000_512u64.to_be_bytes()].concat();
    for (line, headers, payload_type, protocol, moment) in [
        (PATH, CBOR, "application/cbor", "rpc-v2-cbor", &seconds),
        ("POST /", AWS_CBOR, "application/x-amz-cbor-1.1", "", &millis),
    ] {
        let says = watched.expect();
        let mut raw = Raw::new(&house);
        raw.send(request(line, &headers, b"\xa0")).await;
        let head = soon(raw.head()).await.unwrap();
        assert_eq!(head.header("content-type"), "application/vnd.amazon.eventstream");
        assert_eq!(head.header("smithy-protocol"), protocol);
        says.send(tick("x")).unwrap();
        says.send(Say::Refuse(&NO_SUCH_TOY)).unwrap();
        let expected = [
            ("initial-response", [&b"\xbf\x65Since"[..], moment, b"\xff"].concat()),
            ("Tick", [&b"\xbf\x64Text\x61x\x62At"[..], moment, b"\xff"].concat()),
            ("ToyDoesNotExist", b"\xbf\x67message\x70It stands still.\xff".to_vec()),
        ];
        for (name, payload) in expected {
            let chunk = soon(raw.chunk()).await.unwrap();
            let message = read(&chunk).unwrap().unwrap();
            let is_named = matches!(message.kind(), Some(Kind::Event(known) | Kind::Exception(known)) if known == name);
            assert!(is_named, "{message:?}");
            assert_eq!((message.payload, message.header(":content-type")), (&payload[..], Some(payload_type)));
        }
    }
}

#[tokio::test]
async fn a_stream_that_fails_ends_with_the_reason() {
    let (house, watched) = house(|_| {});
    let words = r#"{"message":"It stands still."}"#;
    let bug = r#"{"message":"The request failed because of an error of the server. It was logged."}"#;
    for (say, expected) in [
        (Say::Refuse(&NO_SUCH_TOY), ("exception ToyDoesNotExist", words)),
        (Say::Refuse(&DENIED), ("error AccessDeniedException", "It stands still.")),
        (Say::Panic, ("exception InternalFailureException", bug)),
        (Say::Unwritable, ("exception InternalFailureException", bug)),
    ] {
        let says = watched.expect();
        let mut raw = begun(&house).await;
        says.send(tick("fine")).unwrap();
        says.send(say).unwrap();
        assert_eq!(message(&soon(raw.chunk()).await.unwrap()), ticked("fine"));
        let (kind, payload) = message(&soon(raw.chunk()).await.unwrap());
        assert_eq!((kind.as_str(), payload.as_str()), expected);
        assert_eq!(soon(raw.chunk()).await.unwrap(), b"");
        assert!(says.is_closed(), "who failed is not asked again");
    }
}

#[tokio::test]
async fn what_is_refused_before_the_first_event_is_an_ordinary_error() {
    let (house, watched) = house(|_| {});
    let reply = ask(&house, watch()).await;
    assert_eq!((reply.status, reply.header("content-type")), (404, "application/x-amz-json-1.1"));
    assert!(reply.text().contains("Nothing ticks."), "{}", reply.text());
    let _says = watched.expect();
    let form = ask(&house, request("POST /", &[FORM], "Action=Watch&Version=2022-03-03")).await;
    assert_eq!((form.status, form.header("content-type")), (400, "text/xml"));
    assert!(form.text().contains("answers with a stream of events"), "{}", form.text());
    assert_eq!(watched.called.load(Ordering::SeqCst), 1, "a form that has no events executes nothing");
}

#[tokio::test]
async fn a_client_that_goes_away_ends_its_stream() {
    let (house, watched) = house(|_| {});
    let says = watched.expect();
    drop(begun(&house).await);
    reaches(&watched.dropped, 1).await;
    assert!(says.is_closed());

    let _says = watched.expect();
    let second = Second::begun(&house).await;
    drop(second.body);
    reaches(&watched.dropped, 2).await;
    assert!(!second.connection.is_finished(), "only the stream was given up");

    let _says = watched.expect();
    let (near, mut middle) = tokio::io::duplex(1024);
    let mut far = house.connect().0;
    let wire = tokio::spawn(async move { tokio::io::copy_bidirectional(&mut middle, &mut far).await });
    let _second = Second::begun_over(near).await;
    wire.abort();
    reaches(&watched.dropped, 3).await;
    assert!(house.metrics().contains("tidewire_event_streams 0\n"));
}

const EVENTS: usize = 60;

/// A text of 100,000 bytes that is like no other.
fn large(nth: usize) -> String {
    nth.to_string().repeat(100_000)[..100_000].to_owned()
}

/// Has 60 events of 100,000 bytes ready before anybody asks for one.
fn plenty(watched: &Watched) {
    let says = watched.expect();
    for nth in 0..EVENTS {
        says.send(tick(&large(nth))).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn who_reads_slowly_makes_the_source_wait_and_gets_everything() {
    let (house, watched) = house(|_| {});
    plenty(&watched);
    let mut raw = begun(&house).await;
    reaches(&watched.taken, 1).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    // The pipe holds 64 KiB; one event is under way in it, one waits before it.
    assert!(watched.taken.load(Ordering::SeqCst) <= 2 + gateway::limits::EVENTS_WAITING_MAX);
    for nth in 0..EVENTS {
        assert_eq!(message(&soon(raw.chunk()).await.unwrap()), ticked(&large(nth)));
        tokio::task::yield_now().await;
    }
    assert_eq!(soon(raw.chunk()).await.unwrap(), b"");

    plenty(&watched);
    let mut second = Second::begun(&house).await;
    reaches(&watched.taken, EVENTS + 1).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    // The client's window is bounded too, by some megabytes with hyper's client.
    let taken = watched.taken.load(Ordering::SeqCst) - EVENTS;
    assert!(taken < EVENTS, "{taken}");
    for nth in 0..EVENTS {
        assert_eq!(second.message().await, Some(ticked(&large(nth))));
    }
    assert_eq!(second.message().await, None);
}

fn impatient(options: &mut gateway::Options) {
    options.limits =
        Limits { head_read: Duration::from_millis(200), idle: Duration::from_millis(400), ..Limits::default() };
}

#[tokio::test(start_paused = true)]
async fn who_reads_nothing_is_given_up_like_an_idle_connection() {
    let (house, watched) = house(impatient);
    plenty(&watched);
    let raw = begun(&house).await;
    reaches(&watched.dropped, 1).await;
    plenty(&watched);
    let second = Second::begun(&house).await;
    reaches(&watched.dropped, 2).await;
    drop(soon(second.connection).await.unwrap());
    drop((raw, second.body));
    assert!(watched.taken.load(Ordering::SeqCst) < 2 * EVENTS);
}

#[tokio::test(start_paused = true)]
async fn a_stream_outlives_every_timeout_while_its_source_is_silent_or_its_client_reads() {
    let (house, watched) = house(impatient);
    let says = watched.expect();
    let mut raw = begun(&house).await;
    tokio::time::sleep(Duration::from_millis(1200)).await;
    for nth in 0..10 {
        says.send(tick(&nth.to_string())).unwrap();
        assert_eq!(message(&soon(raw.chunk()).await.unwrap()), ticked(&nth.to_string()));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(watched.dropped.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_stop_ends_streams_and_their_connections() {
    let (house, watched) = house(|_| {});
    let _first = watched.expect();
    let mut raw = begun(&house).await;
    let _second = watched.expect();
    let mut second = Second::begun(&house).await;
    house.gateway.stop();
    assert_eq!(soon(raw.chunk()).await.unwrap(), b"", "an end, and not a torn connection");
    soon(raw.ended()).await;
    assert_eq!(second.message().await, None);
    soon(second.connection).await.unwrap().unwrap();
    assert_eq!(watched.dropped.load(Ordering::SeqCst), 2);
}
