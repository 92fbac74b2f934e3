//! Refusals in all three protocols: code, status, headers, and nothing executed that was refused before its call.

use std::sync::atomic::Ordering;

use crate::raw::{FORM, JSON, Raw, Reply, ask, json, packed, request};
use crate::toy::House;

const CBOR: [&str; 2] = ["smithy-protocol: rpc-v2-cbor", "content-type: application/cbor"];

#[track_caller]
fn check_json(reply: &Reply, status: u16, error_type: &str, query_error: &str) {
    let text = reply.text();
    assert_eq!(reply.status, status, "{text}");
    assert_eq!(reply.header("content-type"), "application/x-amz-json-1.0");
    assert_eq!(reply.header("x-amzn-query-error"), query_error);
    assert!(text.contains(&format!(r#""__type":"{error_type}""#)), "{text}");
    assert!(text.contains(r#""message":""#), "{text}");
    reply.request_id();
}

#[track_caller]
fn check_xml(reply: &Reply, status: u16, kind: &str, code: &str) {
    let (text, id) = (reply.text(), reply.request_id());
    assert_eq!((reply.status, reply.header("content-type")), (status, "text/xml"), "{text}");
    for part in ["<ErrorResponse", &format!("<Type>{kind}</Type>"), &format!("<Code>{code}</Code>"), "<Message>"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    assert!(text.contains(&format!("<RequestId>{id}</RequestId>")), "{text}");
    assert_eq!(reply.header("x-amzn-query-error"), "");
}

#[tokio::test]
async fn a_refusal_of_the_service_is_written_in_the_callers_protocol() {
    let house = House::new();
    let reply = ask(&house, json("Fail", r#"{"Text":"x"}"#)).await;
    check_json(&reply, 404, "com.example.toy#ToyDoesNotExist", "Toy.NonExistentToy;Sender");
    assert!(reply.text().contains("There is no <x> & more."), "{}", reply.text());

    let reply = ask(&house, request("POST /", &[FORM], "Action=Fail&Version=2020-01-01&Text=x")).await;
    check_xml(&reply, 404, "Sender", "Toy.NonExistentToy");
    assert!(reply.text().contains("There is no &lt;x&gt; &amp; more."), "{}", reply.text());

    let reply = ask(&house, request("POST /service/ToyService/operation/Fail", &CBOR, b"\xa1\x64Text\x61x")).await;
    assert_eq!((reply.status, reply.header("smithy-protocol")), (404, "rpc-v2-cbor"));
    assert_eq!(reply.header("x-amzn-query-error"), "Toy.NonExistentToy;Sender");
    let body = String::from_utf8_lossy(&reply.body);
    assert!(body.contains("__type") && body.contains("com.example.toy#ToyDoesNotExist"), "{body}");
    reply.request_id();
    assert_eq!(house.executed(), 3);
}

#[tokio::test]
async fn what_an_error_has_beside_its_message_stands_in_its_body() {
    let house = House::new();
    let reply = ask(&house, json("Fail", r#"{"Text":"members"}"#)).await;
    let expected =
        r#"{"__type":"com.example.toy#ToyDoesNotExist","Message":"There is no <members> & more.","Text":"members"}"#;
    assert_eq!(reply.text(), expected);
    let reply =
        ask(&house, request("POST /service/ToyService/operation/Fail", &CBOR, b"\xa1\x64Text\x67members")).await;
    let fields: Vec<(String, String)> = wire::cbor::decode(&reply.body).unwrap();
    let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["__type", "Message", "Text"]);
    let reply = ask(&house, request("POST /", &[FORM], "Action=Fail&Version=2020-01-01&Text=members")).await;
    check_xml(&reply, 404, "Sender", "Toy.NonExistentToy");
}

#[tokio::test]
async fn a_service_whose_clients_check_it_says_the_checksum_of_each_body() {
    let house = House::new();
    for asked in [json("Echo", r#"{"Text":"x"}"#), json("Fail", r#"{"Text":"x"}"#), json("Dance", "{}")] {
        let reply = ask(&house, asked).await;
        assert_eq!(reply.header("x-amz-crc32"), crc32fast::hash(&reply.body).to_string(), "{}", reply.text());
    }
    let reply = ask(&house, request("POST /", &[JSON, "x-amz-target: PlainService.Echo"], r#"{"Text":"x"}"#)).await;
    assert_eq!(reply.header("x-amz-crc32"), "");
}

#[tokio::test]
async fn a_compressed_body_is_read_by_every_protocol_and_a_broken_one_by_none() {
    let house = House::new();
    let gzip = "content-encoding: gzip";
    let target = "x-amz-target: ToyService.Echo";
    for asked in [
        request("POST /", &[JSON, target, gzip], packed(br#"{"Text":"squeezed"}"#)),
        request("POST /", &[FORM, gzip], packed(b"Action=Echo&Version=2020-01-01&Text=squeezed")),
        request(
            "POST /service/ToyService/operation/Echo",
            &[CBOR[0], CBOR[1], gzip],
            packed(b"\xa1\x64Text\x68squeezed"),
        ),
    ] {
        let reply = ask(&house, asked).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert!(String::from_utf8_lossy(&reply.body).contains("squeezed"));
    }
    let reply = ask(&house, request("POST /", &[JSON, target, gzip], r#"{"Text":"x"}"#)).await;
    assert_eq!(reply.status, 400, "{}", reply.text());
    let bomb = packed(&vec![b' '; 1 << 20]);
    let reply = ask(&house, request("POST /", &[JSON, target, gzip], bomb)).await;
    assert_eq!(reply.status, 413, "{}", reply.text());
    assert_eq!(house.executed(), 3);
}

#[tokio::test]
async fn a_service_that_never_spoke_query_sends_no_query_error() {
    let house = House::new();
    let reply = ask(&house, request("POST /", &[JSON, "x-amz-target: PlainService.Fail"], r#"{"Text":"x"}"#)).await;
    assert_eq!((reply.status, reply.header("x-amzn-query-error")), (404, ""));
}

#[tokio::test]
async fn an_unknown_operation_is_named_as_aws_names_it() {
    let house = House::new();
    let coral = "com.amazon.coral.service#UnknownOperationException";
    check_json(&ask(&house, json("Dance", "{}")).await, 400, coral, "InvalidAction;Sender");
    check_json(&ask(&house, json("", "{}")).await, 400, coral, "InvalidAction;Sender");
    for target in ["x-amz-target: NoService.Echo", "x-amz-target: Echo", "x-amz-target: .", "x-other: y"] {
        check_json(&ask(&house, request("POST /", &[JSON, target], "{}")).await, 400, coral, "");
    }
    let reply = ask(&house, request("POST /", &[FORM], "Action=Dance&Version=2020-01-01")).await;
    check_xml(&reply, 400, "Sender", "InvalidAction");
    assert!(reply.text().contains("The action Dance is not valid for this endpoint."), "{}", reply.text());
    let reply = ask(&house, request("POST /service/ToyService/operation/Dance", &CBOR, b"\xa0")).await;
    assert_eq!((reply.status, reply.header("content-type")), (400, "application/cbor"));
    assert_eq!(house.executed(), 0);
}

#[tokio::test]
async fn a_form_without_action_or_service_is_refused() {
    let house = House::new();
    let missing = ask(&house, request("POST /", &[FORM], "Version=2020-01-01")).await;
    check_xml(&missing, 400, "Sender", "MissingAction");
    check_xml(&ask(&house, request("POST /1/q", &[FORM], "Action=")).await, 400, "Sender", "MissingAction");
    check_xml(&ask(&house, request("POST /", &[], "")).await, 400, "Sender", "MissingAction");
    // Both services have an Echo, and nothing tells which is meant.
    check_xml(&ask(&house, request("POST /", &[FORM], "Action=Echo&Text=x")).await, 404, "Sender", "UnknownService");
    assert_eq!(house.executed(), 0);
}

#[tokio::test]
async fn an_input_that_cannot_be_read_executes_nothing() {
    let house = House::new();
    let coral = "com.amazon.coral.service#SerializationException";
    for body in [
        "",
        "{",
        "null x",
        "[]",
        r#"{"Text":1}"#,
        r#"{"Text":"x"} y"#,
        r#"{"Text":"x","Count":"many"}"#,
        "\u{feff}{}",
        r#"{"Text":"x""#,
    ] {
        let reply = ask(&house, json("Echo", body)).await;
        check_json(&reply, 400, coral, "MalformedInput;Sender");
    }
    let reply = ask(&house, request("POST /", &[FORM], "Action=Echo&Version=2020-01-01&Text=x&Count=many")).await;
    check_xml(&reply, 400, "Sender", "MalformedInput");
    for body in [&b"\xa1\x64Text"[..], b"\xff", b"\x80", b"\xa1\x64Text\x01", b"\xa1\x64Text\x61x\x00"] {
        let reply = ask(&house, request("POST /service/ToyService/operation/Echo", &CBOR, body)).await;
        assert_eq!(reply.status, 400, "{body:?}");
    }
    assert_eq!(house.executed(), 0);
}

#[tokio::test]
async fn a_panic_is_answered_and_the_connection_goes_on() {
    let house = House::new();
    let mut raw = Raw::new(&house);
    for (operation, text) in [("Panic", "x"), ("Echo", "panic while preparing"), ("Echo", "panic while writing")] {
        raw.send(json(operation, &format!(r#"{{"Text":"{text}"}}"#))).await;
        let reply = raw.reply().await.unwrap();
        check_json(&reply, 500, "com.amazon.coral.service#InternalFailure", "InternalFailure;Receiver");
    }
    raw.send(json("Echo", r#"{"Text":"x"}"#)).await;
    assert_eq!(raw.reply().await.unwrap().status, 200);
    let form = ask(&house, request("POST /", &[FORM], "Action=Panic&Version=2020-01-01&Text=x")).await;
    check_xml(&form, 500, "Receiver", "InternalFailure");
    assert_eq!(house.seen.executed.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn every_answer_is_counted_by_operation_protocol_and_status() {
    let house = House::new();
    for body in [r#"{"Text":"x"}"#, r#"{"Text":"x"}"#, "{"] {
        ask(&house, json("Echo", body)).await;
    }
    ask(&house, json("Dance", "{}")).await;
    ask(&house, request("GET /healthz", &[], "")).await;
    let text = house.metrics();
    let count = |operation: &str, status: u16, count: u64| {
        format!(
            r#"tidewire_requests_total{{service="toy",operation="{operation}",protocol="json",status="{status}"}} {count}"#
        )
    };
    for line in [
        &count("Echo", 200, 2),
        &count("Echo", 400, 1),
        &count("unknown", 400, 1),
        r#"tidewire_request_seconds_count{service="toy",operation="Echo"} 3"#,
        r#"tidewire_request_bytes_total{service="toy",operation="Echo"} 25"#,
        "tidewire_connections_served_total 5",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}
