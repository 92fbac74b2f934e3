//! What the codecs cost, by hand: `cargo test --release -p wire --test sqs_shapes -- --ignored --nocapture speed`.

use crate::api::{Message, ReceiveMessageResult, SendMessageRequest};
use std::hint::black_box;
use std::time::Instant;
use wire::{cbor, json};

const ROUNDS: u32 = 200_000;

fn measure<T>(what: &str, mut work: impl FnMut() -> T) {
    for _ in 0..ROUNDS / 10 {
        black_box(work());
    }
    let start = Instant::now();
    for _ in 0..ROUNDS {
        black_box(work());
    }
    println!("{what:45} {:7.3} µs", start.elapsed().as_secs_f64() * 1e6 / f64::from(ROUNDS));
}

fn request(body: String) -> SendMessageRequest {
    SendMessageRequest {
        queue_url: "http://localhost:4566/000000000000/orders".into(),
        message_body: body,
        ..Default::default()
    }
}

#[test]
#[ignore = "a measurement"]
fn speed_of_the_hot_path() {
    let plain = request("The quick brown fox jumps over it. ".repeat(30)[..1024].into());
    let escaped = request("{\"key\":\"value\",\"n\":1}\n".repeat(47)[..1024].into());
    for (what, request) in [("plain", &plain), ("escaped", &escaped)] {
        let text = json::encode(request);
        let binary = cbor::encode(request);
        measure(&format!("SendMessage 1 KB {what}, json decode"), || {
            json::decode::<SendMessageRequest>(black_box(&text)).unwrap()
        });
        measure(&format!("SendMessage 1 KB {what}, cbor decode"), || {
            cbor::decode::<SendMessageRequest>(black_box(&binary)).unwrap()
        });
        measure(&format!("SendMessage 1 KB {what}, serde_json value"), || {
            serde_json::from_slice::<serde_json::Value>(black_box(&text)).unwrap()
        });
        let message = Message { body: Some(request.message_body.clone()), ..Default::default() };
        let result = ReceiveMessageResult { messages: Some(vec![message; 10]) };
        measure(&format!("ReceiveMessage 10 x 1 KB {what}, json encode"), || json::encode(black_box(&result)));
        let value: serde_json::Value = serde_json::from_slice(&json::encode(&result)).unwrap();
        measure(&format!("ReceiveMessage 10 x 1 KB {what}, serde_json"), || {
            serde_json::to_vec(black_box(&value)).unwrap()
        });
    }
}
