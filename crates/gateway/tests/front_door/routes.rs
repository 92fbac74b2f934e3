//! Every form in which a request can name its operation, and what the operation learns of its caller.

use crate::raw::{FORM, JSON, Reply, ask, json, request};
use crate::toy::House;
use gateway::{Origin, Scheme};

const SIGNED: &str = "authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/eu-west-1/toy/aws4_request, \
    SignedHeaders=host;x-amz-date, Signature=0000";

/// Asserts a good XML answer of `operation` that holds each of `parts`.
fn check_xml(reply: &Reply, operation: &str, parts: &[&str]) {
    let (text, id) = (reply.text(), reply.request_id());
    assert_eq!((reply.status, reply.header("content-type")), (200, "text/xml"), "{text}");
    assert!(text.contains(&format!("<{operation}Response xmlns=")), "{text}");
    assert!(text.contains(&format!("<RequestId>{id}</RequestId>")), "{text}");
    for part in parts {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

fn check_json(reply: &Reply, parts: &[&str]) {
    assert_eq!((reply.status, reply.header("content-type")), (200, "application/x-amz-json-1.0"), "{reply:?}");
    reply.request_id();
    for part in parts {
        assert!(reply.text().contains(part), "{part} is not in {}", reply.text());
    }
}

#[tokio::test]
async fn a_json_request_is_routed_by_its_target() {
    let house = House::new();
    let reply = ask(&house, json("Echo", r#"{"Text":"tea & <milk>"}"#)).await;
    check_json(&reply, &[r#""Text":"tea & <milk>""#, r#""Account":"000000000000""#, r#""Region":"us-east-1""#]);
    assert_eq!(reply.header("content-length"), reply.body.len().to_string());
    assert_eq!(reply.header("x-amzn-query-error"), "");
    assert!(!reply.header("date").is_empty());
}

#[tokio::test]
async fn the_content_type_of_a_json_reply_is_the_services() {
    let house = House::new();
    let target = "x-amz-target: PlainService.Echo";
    let reply = ask(&house, request("POST /", &[JSON, target], r#"{"Text":"x"}"#)).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, "application/x-amz-json-1.1"));
}

#[tokio::test]
async fn a_target_without_a_content_type_is_json() {
    let house = House::new();
    check_json(&ask(&house, request("POST /", &["x-amz-target: ToyService.Echo"], r#"{"Text":"x"}"#)).await, &["x"]);
}

#[tokio::test]
async fn a_form_is_routed_by_its_content_type_even_if_it_has_a_target() {
    let house = House::new();
    let body = "Action=Echo&Version=2020-01-01&Text=a+b%26c";
    let reply = ask(&house, request("POST /", &[FORM, "x-amz-target: ToyService.Fail"], body)).await;
    check_xml(&reply, "Echo", &["<EchoResult><Text>a b&amp;c</Text>", "http://toy.example/doc/2020-01-01/"]);
}

#[tokio::test]
async fn a_form_is_the_services_whose_scope_signed_it() {
    let house = House::new();
    let reply = ask(&house, request("POST /", &[FORM, SIGNED], "Action=Echo&Version=2021-02-02&Text=x")).await;
    check_xml(&reply, "Echo", &["toy.example", "<Region>eu-west-1</Region>", "<AccessKey>AKIDEXAMPLE</AccessKey>"]);
}

#[tokio::test]
async fn an_unsigned_form_is_told_by_version_path_host_or_action() {
    let house = House::new();
    for (line, host, body, expected) in [
        ("POST /", "x", "Action=Echo&Version=2021-02-02&Text=x", "plain.example"),
        ("POST /123456789012/jobs", "plain.example", "Action=Echo&Text=x", "toy.example"),
        ("POST /", "toy.eu-west-1.example:4566", "Action=Echo&Text=x", "toy.example"),
        ("POST /", "eu-west-1.plain.example", "Action=Echo&Text=x", "plain.example"),
        ("POST /", "x", "Action=OnlyPlain&Text=x", "plain.example"),
    ] {
        let bytes =
            format!("{line} HTTP/1.1\r\nhost: {host}\r\n{FORM}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        let reply = ask(&house, bytes).await;
        assert_eq!(reply.status, 200, "{line} {host} {body}: {}", reply.text());
        assert!(reply.text().contains(expected), "{line} {host} {body}: {}", reply.text());
    }
}

#[tokio::test]
async fn a_form_posted_to_a_queue_url_shows_the_operation_its_path() {
    let house = House::new();
    let body = "Action=Echo&Version=2020-01-01&Text=x";
    let reply = ask(&house, request("POST /123456789012/jobs?ignored=1", &[FORM], body)).await;
    check_xml(&reply, "Echo", &["<Path>/123456789012/jobs</Path>"]);
}

#[tokio::test]
async fn a_get_carries_the_form_in_its_query_string() {
    let house = House::new();
    let line = "GET /123456789012/jobs?Action=Echo&Version=2020-01-01&Text=a%20b\
        &X-Amz-Credential=210987654321%2F20261122%2Feu-central-1%2Ftoy%2Faws4_request";
    check_xml(
        &ask(&house, request(line, &[], "")).await,
        "Echo",
        &["<Text>a b</Text>", "<Account>210987654321</Account>", "<Region>eu-central-1</Region>"],
    );
}

#[tokio::test]
async fn a_post_may_divide_its_form_between_query_string_and_body() {
    let house = House::new();
    let reply = ask(&house, request("POST /?Action=Echo&Version=2020-01-01", &[FORM], "Text=x")).await;
    check_xml(&reply, "Echo", &["<Text>x</Text>"]);
}

#[tokio::test]
async fn rpcv2_is_routed_by_the_end_of_the_path() {
    let house = House::new();
    let body = b"\xa1\x64Text\x63tea";
    for line in ["POST /service/ToyService/operation/Echo", "POST /some/prefix/service/ToyService/operation/Echo"] {
        let headers = ["smithy-protocol: rpc-v2-cbor", "content-type: application/cbor", "accept: application/cbor"];
        let reply = ask(&house, request(line, &headers, body)).await;
        assert_eq!((reply.status, reply.header("content-type")), (200, "application/cbor"), "{reply:?}");
        assert_eq!(reply.header("smithy-protocol"), "rpc-v2-cbor");
        reply.request_id();
        assert!(reply.body.windows(9).any(|window| window == b"\x64Text\x63tea"), "{reply:?}");
    }
}

#[tokio::test]
async fn a_key_of_twelve_digits_is_the_account_and_odd_scopes_fall_back() {
    let house = House::new();
    for (authorization, account, region) in [
        (
            "AWS4-HMAC-SHA256 Credential=123456789012/20261122/eu-west-1/toy/aws4_request, Signature=0",
            "123456789012",
            "eu-west-1",
        ),
        ("AWS4-HMAC-SHA256 Credential=AKID/20261122//toy/aws4_request, Signature=0", "000000000000", "us-east-1"),
        (
            "AWS4-HMAC-SHA256 Credential=AKID/20261122/no such/toy/aws4_request, Signature=0",
            "000000000000",
            "us-east-1",
        ),
        ("AWS4-HMAC-SHA256 Credential=", "000000000000", "us-east-1"),
        ("Basic dGVhOm1pbGs=", "000000000000", "us-east-1"),
    ] {
        let headers = [JSON, "x-amz-target: ToyService.Echo", &format!("authorization: {authorization}")];
        let reply = ask(&house, request("POST /", &headers, r#"{"Text":"x"}"#)).await;
        check_json(&reply, &[&format!(r#""Account":"{account}""#), &format!(r#""Region":"{region}""#)]);
    }
}

#[tokio::test]
async fn urls_begin_with_the_host_of_the_client_or_the_public_url() {
    let house = House::new();
    let echo = |host: &str| {
        format!(
            "POST / HTTP/1.1\r\n{host}x-amz-target: ToyService.Echo\r\ncontent-length: 12\r\n\r\n{{\"Text\":\"x\"}}"
        )
    };
    for (host, base) in [
        ("host: queue.example:9324\r\n", "http://queue.example:9324"),
        ("host: [::1]:4566\r\n", "http://[::1]:4566"),
        ("host: evil\"<>\r\n", "http://localhost"),
        ("", "http://localhost"),
    ] {
        check_json(&ask(&house, echo(host)).await, &[&format!(r#""BaseUrl":"{base}""#)]);
    }
    let house = House::with(|options| options.public_url = Some("https://queues.example".into()));
    check_json(&ask(&house, echo("host: x\r\n")).await, &[r#""BaseUrl":"https://queues.example""#]);
}

#[tokio::test]
async fn links_for_others_do_not_begin_with_the_host_of_the_client() {
    let links = || gateway::Links { home: "http://192.0.2.1:4566".into(), take_loopback: true };
    let house = House::with(|options| options.links = links());
    let echo = |host: &str| {
        format!(
            "POST / HTTP/1.1\r\nhost: {host}\r\nx-amz-target: ToyService.Echo\r\ncontent-length: 12\r\n\r\n{{\"Text\":\"x\"}}"
        )
    };
    for (host, base) in [
        ("evil.example", "https://10.0.0.5:4566"),
        ("localhost:14566", "https://localhost:14566"),
        ("", "https://10.0.0.5:4566"),
    ] {
        let client = Origin::of(Scheme::Https, [10, 0, 0, 9].into()).reaching(([10, 0, 0, 5], 4566).into());
        let mut raw = crate::raw::Raw::from(&house, client);
        raw.send(echo(host)).await;
        check_json(&raw.reply().await.unwrap(), &[&format!(r#""LinkUrl":"{base}""#)]);
    }
    check_json(&ask(&house, echo("evil.example")).await, &[r#""LinkUrl":"http://192.0.2.1:4566""#]);
    let house = House::with(|options| {
        (options.links, options.public_url) = (links(), Some("https://queues.example".into()));
    });
    check_json(&ask(&house, echo("localhost")).await, &[r#""LinkUrl":"https://queues.example""#]);
}

#[tokio::test]
async fn what_is_no_aws_request_is_a_page() {
    let house = House::new();
    let reply = ask(&house, request("GET /healthz?deep=1", &[], "")).await;
    assert_eq!((reply.status, reply.text()), (200, r#"{"query":"deep=1"}"#));
    assert_eq!(reply.header("content-type"), "application/json");
    assert_eq!(ask(&house, request("GET /", &[], "")).await.text(), "a test\n");
    assert_eq!(ask(&house, request("GET /nowhere", &[], "")).await.status, 404);
    assert_eq!(ask(&house, request("DELETE /healthz", &[], "")).await.status, 405);
    let mut raw = crate::raw::Raw::new(&house);
    raw.send(request("HEAD /healthz", &[], "")).await;
    let reply = raw.reply_to("HEAD").await.unwrap();
    assert_eq!((reply.status, reply.header("content-length"), reply.body.len()), (200, "12", 0));
    raw.send(request("HEAD /1/q?Action=Echo&Version=2020-01-01&Text=x", &[], "")).await;
    assert_eq!(raw.reply_to("HEAD").await.unwrap().status, 404);
    assert_eq!(house.executed(), 0);
}
