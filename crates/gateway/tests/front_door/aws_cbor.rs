//! `application/x-amz-cbor-1.1`: awsJson's target and errors around CBOR, as the Java SDKs and the KCL send it.

use crate::raw::{Reply, ask, request};
use crate::toy::House;

const CBOR: &str = "content-type: application/x-amz-cbor-1.1";

fn text(body: &str) -> Vec<u8> {
    // As Jackson writes it: a map without a length, and text in chunks where it is long.
    [&b"\xbf\x64Text\x7f"[..], &[0x60 + body.len() as u8], body.as_bytes(), b"\xff\xff"].concat()
}

/// Whether the reply is in the protocol of the request and holds this text.
#[track_caller]
fn check(reply: &Reply, status: u16, part: &str) {
    let body = String::from_utf8_lossy(&reply.body);
    assert_eq!((reply.status, reply.header("content-type")), (status, "application/x-amz-cbor-1.1"), "{body}");
    assert_eq!(reply.header("smithy-protocol"), "");
    reply.request_id();
    let encoded = [&[0x60 + part.len() as u8], part.as_bytes()].concat();
    let long = [&[0x78, part.len() as u8], part.as_bytes()].concat();
    let found = [encoded, long].iter().any(|wanted| reply.body.windows(wanted.len()).any(|window| window == wanted));
    assert!(found, "{part} is not in {body}");
}

#[tokio::test]
async fn the_content_type_of_a_target_chooses_cbor_and_the_answer_has_it_too() {
    let house = House::new();
    for kind in [CBOR, "content-type: Application/X-Amz-CBOR-1.1; charset=utf-8"] {
        for target in ["ToyService", "PlainService"] {
            let target = format!("x-amz-target: {target}.Echo");
            check(&ask(&house, request("POST /", &[kind, &target], text("tea"))).await, 200, "tea");
        }
    }
    let counted = r#"tidewire_requests_total{service="toy",operation="Echo",protocol="cbor-1.1",status="200"} 2"#;
    assert!(house.metrics().contains(counted), "{}", house.metrics());
}

#[tokio::test]
async fn errors_have_the_type_and_message_of_json_errors() {
    let house = House::new();
    let reply = ask(&house, request("POST /", &[CBOR, "x-amz-target: ToyService.Fail"], text("x"))).await;
    check(&reply, 404, "com.example.toy#ToyDoesNotExist");
    check(&reply, 404, "__type");
    check(&reply, 404, "message");
    check(&reply, 404, "There is no <x> & more.");
    assert_eq!(reply.header("x-amzn-query-error"), "Toy.NonExistentToy;Sender");
}

#[tokio::test]
async fn what_cannot_be_read_or_found_is_refused_in_cbor() {
    let house = House::new();
    for body in [&b"{\"Text\":\"x\"}"[..], b"", b"\x80", b"\xbf\x64Text", b"\xa1\x64Text\x01", b"\xa1\x64Text\x61x\x00"]
    {
        let reply = ask(&house, request("POST /", &[CBOR, "x-amz-target: ToyService.Echo"], body)).await;
        check(&reply, 400, "com.amazon.coral.service#SerializationException");
    }
    for target in ["x-amz-target: ToyService.Dance", "x-amz-target: NoService.Echo", "x-other: y"] {
        let reply = ask(&house, request("POST /", &[CBOR, target], text("x"))).await;
        check(&reply, 400, "com.amazon.coral.service#UnknownOperationException");
    }
    assert_eq!(house.executed(), 0);
}
