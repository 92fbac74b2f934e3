//! Bytes of strangers: nothing sent to one connection harms the gateway or executes what was not asked for.

use std::time::Duration;

use proptest::prelude::{Strategy, any, prop, prop_oneof};
use proptest::test_runner::{Config, TestRunner};

use crate::raw::{Raw, ask, json, request};
use crate::toy::House;

/// Sends `bytes` and says no more; returns once the server has ended the connection.
async fn endure(house: &House, bytes: &[u8]) {
    let mut raw = Raw::new(house);
    raw.send_unread(bytes).await;
    // The end of a client's bytes ends its operations too, so what it asked for gets its turn before.
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    raw.finish_sending().await;
    while tokio::time::timeout(Duration::from_secs(10), raw.reply())
        .await
        .expect("the server answers or ends")
        .is_some()
    {}
}

fn run(cases: u32, bytes: impl Strategy<Value = Vec<u8>>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let house = House::new();
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let result = runner.run(&bytes, |bytes| {
        runtime.block_on(async {
            endure(&house, &bytes).await;
            assert_eq!(ask(&house, json("Echo", r#"{"Text":"still here"}"#)).await.status, 200);
        });
        Ok(())
    });
    result.unwrap();
}

#[test]
fn arbitrary_bytes_are_endured() {
    run(256, prop::collection::vec(any::<u8>(), 0..2_000));
}

#[test]
fn arbitrary_http2_frames_are_endured() {
    let frames = prop::collection::vec(any::<u8>(), 0..500);
    run(256, frames.prop_map(|frames| [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", &frames[..]].concat()));
}

#[test]
fn damaged_requests_are_endured() {
    let whole = prop_oneof![
        any::<String>().prop_map(|text| json("Echo", &format!("{{\"Text\":{text:?}}}"))),
        any::<String>().prop_map(|text| request(&format!("GET /?Action=Echo&Text={}", text.len()), &[], text)),
        prop::collection::vec(any::<u8>(), 0..200).prop_map(|body| {
            request("POST /service/ToyService/operation/Echo", &["smithy-protocol: rpc-v2-cbor"], body)
        }),
        "[ -~]{0,80}".prop_map(|text| json("Echo", "{}").into_iter().chain(text.into_bytes()).collect()),
        "[ -~]{0,60}".prop_map(|text| request(
            "POST /",
            &[&format!("authorization: AWS4-HMAC-SHA256 {text}")],
            "Action=Echo"
        )),
    ];
    let damage = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    run(
        512,
        (whole, damage).prop_map(|(mut bytes, damage)| {
            for (at, byte) in damage {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes
        }),
    );
}
