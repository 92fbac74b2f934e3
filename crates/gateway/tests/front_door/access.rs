//! Who is let in: signatures and policies, from outside, and nothing executed for whoever is not.

use std::sync::{Arc, Mutex};

use ::access::sigv4::{Fault, Incoming, Signer};
use ::access::{Policy, Secret, Sort};
use bytes::Bytes;
use gateway::{
    Actions, Auth, Authority, Caller, Identity, Level, Limits, Need, Noted, Organization, Origin, Proven, Rate, Scheme,
};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use names::{AccountId, Instant, Region};

use crate::audit::Keeper;
use crate::raw::{FORM, JSON, Raw, Reply, ask, json, packed, request};
use crate::toy::House;

/// What the toy's clock says.
const NOW: Instant = Instant::from_millis(1_000);
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// Two users, one of them with a temporary key.
struct Two;

impl Authority for Two {
    fn identity(&self, access_key: &str, token: Option<&str>, now: Instant) -> Result<Arc<Identity>, Fault> {
        let caller = |name| ::access::Caller::parse(name).unwrap();
        let identity = match (access_key, token) {
            ("AKIDUSER", None) => Identity {
                policies: vec![policy("Allow", "toy:Echo", "arn:aws:toy:*:*:fine*"), policy("Deny", "*", "*-not")],
                noted: Noted::since(None, 60_000),
                ..Identity::bare(caller("arn:aws:iam::111111111111:user/bob"), SECRET.into())
            },
            ("ASIATEMP", Some("token")) if now < Instant::from_millis(5_000_000) => {
                Identity::bare(caller("arn:aws:iam::222222222222:root"), SECRET.into())
            }
            ("ASIATEMP", Some("token")) => return Err(Fault::ExpiredToken),
            _ => return Err(Fault::UnknownKey),
        };
        Ok(Arc::new(identity))
    }
}

fn policy(effect: &str, action: &str, resource: &str) -> Arc<Policy> {
    let resource =
        if resource.starts_with("arn") { resource.to_owned() } else { format!("arn:aws:toy:*:*:{resource}") };
    let text = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"{effect}","Action":"{action}","Resource":"{resource}"}}}}"#
    );
    Arc::new(Policy::parse("p", &text, Sort::Identity).unwrap())
}

fn verifying() -> House {
    House::with(|options| options.auth = Auth::Verify(Arc::new(Two)))
}

/// What is signed, and how.
#[derive(Clone)]
struct Ask<'a> {
    key: &'a str,
    secret: Secret,
    token: Option<&'a str>,
    service: &'a str,
    at: Instant,
    path: &'a str,
    headers: Vec<(&'a str, &'a str)>,
    body: &'a str,
}

impl Default for Ask<'_> {
    fn default() -> Self {
        Self {
            key: "AKIDUSER",
            secret: SECRET.into(),
            token: None,
            service: "toy",
            at: NOW,
            path: "/",
            headers: vec![("content-type", "application/x-amz-json-1.0"), ("x-amz-target", "ToyService.Echo")],
            body: r#"{"Text":"fine"}"#,
        }
    }
}

impl Ask<'_> {
    /// The header lines of the signed request.
    fn lines(&self) -> Vec<String> {
        let mut headers: Vec<(&str, &[u8])> = vec![("host", b"localhost:4566")];
        headers.extend(self.headers.iter().map(|(name, value)| (*name, value.as_bytes())));
        let body = self.body.as_bytes();
        let plain = Incoming { method: "POST", path: self.path, query: "", headers: &headers, body };
        let Self { key: access_key, secret, token, service, .. } = self;
        let signer = Signer { access_key, secret, token: *token, region: "eu-west-1", service };
        let added = signer.sign(&plain, self.at).unwrap();
        let given = self.headers.iter().map(|(name, value)| format!("{name}: {value}"));
        given.chain(added.into_iter().map(|(name, value)| format!("{name}: {value}"))).collect()
    }

    fn request(&self) -> Vec<u8> {
        self.request_with(&[])
    }

    /// With lines that are not signed.
    fn request_with(&self, more: &[&str]) -> Vec<u8> {
        let lines = self.lines();
        let lines: Vec<&str> = lines.iter().map(String::as_str).chain(more.iter().copied()).collect();
        request(&format!("POST {}", self.path), &lines, self.body)
    }
}

fn with(lines: &[String], body: &str) -> Vec<u8> {
    request("POST /", &lines.iter().map(String::as_str).collect::<Vec<_>>(), body)
}

#[track_caller]
fn check(reply: &Reply, status: u16, kind: &str) {
    let text = reply.text();
    assert_eq!(reply.status, status, "{text}");
    assert!(text.contains(kind), "{kind} is not in {text}");
    assert!(!text.contains(SECRET));
}

#[tokio::test]
async fn a_signed_request_is_carried_out_as_who_signed_it() {
    let house = verifying();
    let reply = ask(&house, Ask::default().request()).await;
    check(&reply, 200, r#""Account":"111111111111","Region":"eu-west-1","AccessKey":"AKIDUSER""#);
    // And so for the second time, with the key that is kept.
    check(&ask(&house, Ask::default().request()).await, 200, "fine");
    let temporary = Ask { key: "ASIATEMP", token: Some("token"), ..Ask::default() };
    check(&ask(&house, temporary.request()).await, 200, "222222222222");
    let form = Ask {
        headers: vec![("content-type", "application/x-www-form-urlencoded")],
        body: "Action=Echo&Version=2020-01-01&Text=fine",
        ..Ask::default()
    };
    check(&ask(&house, form.request()).await, 200, "<Account>111111111111</Account>");
    assert_eq!(house.executed(), 4);
}

#[tokio::test]
async fn a_use_is_noted_when_it_was_proved_and_once_in_a_while() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let noting = Noting { bob: Two.identity("AKIDUSER", None, NOW).unwrap(), heard: Arc::clone(&heard) };
    let house = House::with(|options| options.auth = Auth::Verify(Arc::new(noting)));
    let forged = Ask { secret: "another".into(), ..Ask::default() };
    check(&ask(&house, &forged.request()).await, 403, "signature we calculated");
    let elsewhere = Ask { service: "sqs", ..Ask::default() };
    assert_ne!(ask(&house, &elsewhere.request()).await.status, 200);
    assert_eq!(*heard.lock().unwrap(), [""; 0], "who proved nothing has used nothing");
    // What is denied was asked by somebody all the same.
    let denied = Ask { body: r#"{"Text":"other"}"#, ..Ask::default() };
    for _ in 0..3 {
        check(&ask(&house, &denied.request()).await, 403, "is not authorized");
        check(&ask(&house, &Ask::default().request()).await, 200, "");
    }
    assert_eq!(*heard.lock().unwrap(), ["AKIDUSER toy eu-west-1 1000"]);
}

/// Hears of uses, and keeps one identity.
struct Noting {
    bob: Arc<Identity>,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Authority for Noting {
    fn identity(&self, access_key: &str, token: Option<&str>, now: Instant) -> Result<Arc<Identity>, Fault> {
        Two.identity(access_key, token, now).map(|_| Arc::clone(&self.bob))
    }

    fn note(&self, proven: &Proven<'_>) {
        let Proven { access_key, service, region, at, .. } = proven;
        self.heard.lock().unwrap().push(format!("{access_key} {service} {region} {}", at.as_millis()));
    }
}

#[tokio::test]
async fn whoever_did_not_sign_is_told_so_and_nothing_is_executed() {
    let house = verifying();
    let good = Ask::default();
    let minutes = |minutes: u64| Instant::from_millis(1_000 + minutes * 60_000);
    let changed = |from: &str, to: &str| {
        let lines: Vec<String> = good.lines().iter().map(|line| line.replace(from, to)).collect();
        with(&lines, good.body)
    };
    let plus = |line: &str| with(&[good.lines(), vec![line.to_owned()]].concat(), good.body);
    let without = |name: &str| {
        let lines: Vec<String> = good.lines().into_iter().filter(|line| !line.starts_with(name)).collect();
        with(&lines, good.body)
    };
    let temporary = Ask { key: "ASIATEMP", token: Some("token"), ..good.clone() };
    let stripped: Vec<String> =
        temporary.lines().into_iter().filter(|line| !line.starts_with("x-amz-security-token")).collect();
    for (attack, request, status, kind) in [
        ("no signature", without("authorization"), 403, "MissingAuthenticationToken"),
        ("another secret", Ask { secret: "guess".into(), ..good.clone() }.request(), 403, "InvalidSignature"),
        ("a key of nobody", Ask { key: "AKIDNOBODY", ..good.clone() }.request(), 403, "UnrecognizedClient"),
        ("a signature cut short", changed("Signature=", "Signature=0"), 403, "InvalidSignature"),
        ("no signature in the header", changed(", Signature=", ", Sig="), 400, "IncompleteSignature"),
        ("an algorithm of old", changed("AWS4-HMAC-SHA256 ", "AWS4-HMAC-MD5 "), 400, "IncompleteSignature"),
        ("no date", without("x-amz-date"), 400, "IncompleteSignature"),
        ("another body", with(&good.lines(), r#"{"Text":"fine too"}"#), 403, "InvalidSignature"),
        ("another operation", changed("ToyService.Echo", "ToyService.Wait"), 403, "InvalidSignature"),
        ("a header beside those signed", plus("x-amz-meta: 1"), 403, "InvalidSignature"),
        ("the same header twice", plus("x-amz-target: ToyService.Echo"), 403, "InvalidSignature"),
        ("two signatures", plus("authorization: AWS4-HMAC-SHA256 Credential=a/b/c/d/e"), 400, "IncompleteSignature"),
        ("a second credential", changed("SignedHeaders", "Credential=A/1/r/toy/aws4_request, SignedHeaders"), 400, ""),
        (
            "a credential for the router",
            changed("AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256 X=1 Credential=A/2/r/toy/aws4_request, "),
            400,
            "",
        ),
        ("the same again, at once", Ask { at: minutes(0), ..good.clone() }.request(), 200, "fine"),
        ("from the future", Ask { at: minutes(16), ..good.clone() }.request(), 403, "InvalidSignature"),
        ("for another service", Ask { service: "plain", ..good.clone() }.request(), 403, "InvalidSignature"),
        ("for nobody's service", Ask { service: "s3", ..good.clone() }.request(), 403, "InvalidSignature"),
        ("a token taken away", with(&stripped, good.body), 403, "UnrecognizedClient"),
        ("a token of another", Ask { token: Some("other"), ..temporary.clone() }.request(), 403, "UnrecognizedClient"),
        ("a token on a lasting key", Ask { token: Some("token"), ..good.clone() }.request(), 403, "UnrecognizedClient"),
        (
            "an unsigned body in the clear",
            Ask {
                headers: [good.headers.clone(), vec![("x-amz-content-sha256", "UNSIGNED-PAYLOAD")]].concat(),
                ..good.clone()
            }
            .request(),
            403,
            "InvalidSignature",
        ),
    ] {
        let before = house.executed();
        let reply = ask(&house, request).await;
        assert_eq!(reply.status, status, "{attack}: {}", reply.text());
        assert!(reply.text().contains(kind) && !reply.text().contains(SECRET), "{attack}: {}", reply.text());
        assert_eq!(house.executed() - before, usize::from(status == 200), "{attack}");
    }
}

#[tokio::test]
async fn a_caught_request_of_another_protocol_cannot_be_sent_again_as_a_form() {
    let house = verifying();
    let body = r#"{"Text":"fine","Note":"&Action=Echo&Version=2020-01-01&Text=fine&"}"#;
    let form = "application/x-www-form-urlencoded";
    let target = ("x-amz-target", "ToyService.Echo");
    // As some SDKs sign: the host and what begins with x-amz-, and no Content-Type.
    let caught = Ask { headers: vec![target], body, ..Ask::default() };
    check(&ask(&house, caught.request()).await, 200, r#""Account":"111111111111""#);
    let path = "/service/ToyService/operation/Echo";
    let of_cbor = Ask { path, headers: vec![], body: "Action=Echo&Version=2020-01-01&Text=fine", ..Ask::default() };
    let as_form = format!("content-type: {form}");
    for again in [caught.request_with(&[&as_form]), of_cbor.request_with(&[&as_form]), of_cbor.request()] {
        let reply = ask(&house, again).await;
        check(&reply, 403, "'content-type' must be a 'SignedHeader' in the AWS Authorization.");
    }
    assert_eq!(house.executed(), 1);
    // Who signs that it is a form, means it: the Perl SDK sends both.
    let meant = Ask { headers: vec![target, ("content-type", form)], body, ..Ask::default() };
    check(&ask(&house, meant.request()).await, 200, "<Account>111111111111</Account>");
    assert_eq!(house.executed(), 2);
}

#[tokio::test]
async fn a_signature_of_yesterday_is_over() {
    struct Later;
    impl gateway::Surroundings for Later {
        fn now(&self) -> Instant {
            Instant::from_millis(1_000 + 16 * 60_000)
        }
        fn monotonic_nanos(&self) -> u64 {
            0
        }
        fn random(&self) -> u128 {
            7
        }
    }
    let house = House::with(|options| {
        options.auth = Auth::Verify(Arc::new(Two));
        options.surroundings = Arc::new(Later);
    });
    let reply = ask(&house, Ask::default().request()).await;
    check(&reply, 403, "Signature expired: 19700101T000001Z is now earlier than 19700101T000101Z");
    assert_eq!(house.executed(), 0);
}

#[tokio::test]
async fn a_fault_is_worded_as_the_protocol_and_the_service_have_it() {
    let house = verifying();
    let unknown = |headers, service, body| Ask { key: "AKIDX", headers, service, body, ..Ask::default() }.request();
    let form = vec![("content-type", "application/x-www-form-urlencoded")];
    let reply = ask(&house, unknown(form, "toy", "Action=Echo&Version=2020-01-01&Text=x")).await;
    check(&reply, 403, "<Code>InvalidClientTokenId</Code>");
    let reply = ask(&house, Ask { key: "AKIDX", ..Ask::default() }.request()).await;
    check(&reply, 403, "com.amazon.coral.service#UnrecognizedClientException");
    assert_eq!(reply.header("x-amzn-query-error"), "InvalidClientTokenId;Sender");
    let plain = vec![("content-type", "application/x-amz-json-1.1"), ("x-amz-target", "PlainService.Echo")];
    let reply = ask(&house, unknown(plain, "plain", r#"{"Text":"x"}"#)).await;
    check(&reply, 400, "UnrecognizedClientException");
    assert_eq!((reply.header("x-amzn-query-error"), house.executed()), ("", 0));
}

#[tokio::test]
async fn what_no_policy_allows_is_denied_before_it_begins() {
    let house = verifying();
    let denied = |body| Ask { body, ..Ask::default() }.request();
    let reply = ask(&house, denied(r#"{"Text":"other"}"#)).await;
    check(
        &reply,
        403,
        "User: arn:aws:iam::111111111111:user/bob is not authorized to perform: toy:Echo on resource: \
         arn:aws:toy:eu-west-1:111111111111:other because no identity-based policy allows the toy:Echo action",
    );
    assert_eq!(reply.header("x-amzn-query-error"), "AccessDenied;Sender");
    let reply = ask(&house, denied(r#"{"Text":"fine-not"}"#)).await;
    check(&reply, 403, "with an explicit deny in an identity-based policy");
    let reply = ask(&house, denied(r#"{"Text":"panic while asking"}"#)).await;
    check(&reply, 500, "InternalFailure");
    assert_eq!(house.executed(), 0);
}

#[tokio::test]
async fn the_unknown_may_ask_for_what_a_resource_may_grant_them_and_are_denied_without_a_grant() {
    let house = verifying();
    let reply = ask(&house, request("POST /", &[FORM], "Action=Fail&Version=2020-01-01&Text=x")).await;
    check(&reply, 403, "<Message>Access to the resource http://localhost:4566/ is denied.</Message>");
    let reply = ask(&house, request("GET /?Action=Echo&Version=2020-01-01&Text=x", &[], "")).await;
    check(&reply, 403, "<Code>MissingAuthenticationToken</Code>");
    assert_eq!(house.executed(), 0);
    check(&ask_with_method(&house, "GET /healthz").await, 200, "query");
    // What they have compressed is unpacked as far as what they may ask for needs it, and no further.
    let squeezed = |padding: usize| {
        let text = format!(r#"{{"Text":"{}"}}"#, "x".repeat(padding));
        request("POST /", &[JSON, "x-amz-target: ToyService.Fail", "content-encoding: gzip"], packed(text.as_bytes()))
    };
    check(&ask(&house, squeezed(60_000)).await, 403, "is denied.");
    assert_eq!(ask(&house, squeezed(70_000)).await.status, 413);
}

async fn ask_with_method(house: &House, line: &str) -> Reply {
    ask(house, request(line, &[], "")).await
}

#[tokio::test]
async fn chunks_are_taken_apart_and_an_unsigned_body_passes_under_tls() {
    let house = verifying();
    let https = Origin { scheme: Scheme::Https, ..Scheme::Http.into() };
    let chunked = "f\r\n{\"Text\":\"fine\"}\r\n0\r\n\r\n";
    for (digest, body) in [("UNSIGNED-PAYLOAD", r#"{"Text":"fine"}"#), ("STREAMING-UNSIGNED-PAYLOAD-TRAILER", chunked)]
    {
        let headers = [Ask::default().headers, vec![("x-amz-content-sha256", digest)]].concat();
        let mut raw = Raw::from(&house, https);
        raw.send(Ask { headers, body, ..Ask::default() }.request()).await;
        check(&raw.reply().await.unwrap(), 200, "fine");
    }
}

#[tokio::test]
async fn where_nothing_is_verified_any_key_is_its_account_and_a_known_one_itself() {
    let house = House::with(|options| options.auth = Auth::ParseOnly(Some(Arc::new(Two))));
    let signed = |key: &str| {
        let line =
            format!("authorization: AWS4-HMAC-SHA256 Credential={key}/1/eu-west-1/toy/aws4_request, Signature=x");
        request("POST /", &[JSON, "x-amz-target: ToyService.Echo", &line], r#"{"Text":"other"}"#)
    };
    check(&ask(&house, signed("123456789012")).await, 200, "123456789012");
    check(&ask(&house, signed("AKIDUSER")).await, 200, "111111111111");
    check(&ask(&house, json("Echo", r#"{"Text":"other"}"#)).await, 200, "000000000000");
}

#[tokio::test]
async fn the_server_asks_itself_without_a_key() {
    let house = verifying();
    let mut raw = Raw::from(&house, Origin::INSIDE);
    raw.send(json("Echo", r#"{"Text":"other"}"#)).await;
    check(&raw.reply().await.unwrap(), 200, "other");
}

/// One user, who may do everything under a condition.
struct Conditional {
    name: &'static str,
    condition: String,
}

impl Conditional {
    fn bob(condition: &str) -> Self {
        Self { name: "arn:aws:iam::111111111111:user/bob", condition: condition.to_owned() }
    }

    fn made(&self) -> Identity {
        let Self { name, condition } = self;
        let document = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{{{condition}}}}}}}"#
        );
        let policies = vec![Arc::new(Policy::parse("p", &document, Sort::Identity).unwrap())];
        Identity { policies, ..Identity::bare(::access::Caller::parse(name).unwrap(), SECRET.into()) }
    }
}

impl Authority for Conditional {
    fn identity(&self, _access_key: &str, _token: Option<&str>, _now: Instant) -> Result<Arc<Identity>, Fault> {
        Ok(Arc::new(self.made()))
    }
}

#[tokio::test]
async fn conditions_are_asked_with_what_the_request_is() {
    let from = |address: &str| Origin::of(Scheme::Http, address.parse().unwrap());
    let (plain, secure) = (from("10.1.2.3"), Origin { scheme: Scheme::Https, ..from("10.1.2.3") });
    for (origin, holds, fails) in [
        (
            plain,
            r#""DateLessThan":{"aws:CurrentTime":"1970-01-01T00:00:02Z"}"#,
            r#""DateLessThan":{"aws:CurrentTime":"1970-01-01T00:00:01Z"}"#,
        ),
        (plain, r#""NumericEquals":{"aws:EpochTime":"1"}"#, r#""NumericEquals":{"aws:EpochTime":"2"}"#),
        (plain, r#""Bool":{"aws:SecureTransport":"false"}"#, r#""Bool":{"aws:SecureTransport":"true"}"#),
        (secure, r#""Bool":{"aws:SecureTransport":"true"}"#, r#""Bool":{"aws:SecureTransport":"false"}"#),
        (plain, r#""StringLike":{"aws:UserAgent":"sdk/*"}"#, r#""StringLike":{"aws:UserAgent":"cli/*"}"#),
        (plain, r#""IpAddress":{"aws:SourceIp":"10.1.0.0/16"}"#, r#""IpAddress":{"aws:SourceIp":"10.2.0.0/16"}"#),
        (
            plain,
            r#""StringEquals":{"aws:RequestedRegion":"eu-west-1"}"#,
            r#""StringEquals":{"aws:RequestedRegion":"us-east-1"}"#,
        ),
        (
            plain,
            r#""StringEquals":{"aws:ResourceAccount":"111111111111"}"#,
            r#""StringEquals":{"aws:ResourceAccount":"222222222222"}"#,
        ),
        (plain, r#""Bool":{"aws:ViaAWSService":"false"}"#, r#""Bool":{"aws:ViaAWSService":"true"}"#),
        (plain, r#""Null":{"aws:CalledVia":"true"}"#, r#""Null":{"aws:CalledVia":"false"}"#),
    ] {
        for (condition, status) in [(holds, 200), (fails, 403)] {
            let bob = Arc::new(Conditional::bob(condition));
            let house = House::with(|options| options.auth = Auth::Verify(bob));
            let mut raw = Raw::from(&house, origin);
            let headers = [Ask::default().headers, vec![("user-agent", "sdk/1")]].concat();
            raw.send(Ask { headers, ..Ask::default() }.request()).await;
            let reply = raw.reply().await.unwrap();
            assert_eq!(reply.status, status, "{condition}: {}", reply.text());
        }
    }
}

#[test]
fn what_a_service_asks_for_somebody_is_asked_through_it() {
    static TOY: std::sync::LazyLock<Actions> = std::sync::LazyLock::new(|| Actions::new("toy", ["Echo"]));
    let account = AccountId::parse("111111111111").unwrap();
    let need = Need::of(TOY.get("Echo"), "arn:aws:toy:r:111111111111:t", account);
    for (condition, direct, through) in [
        (r#""Bool":{"aws:ViaAWSService":"true"}"#, false, true),
        (r#""Bool":{"aws:ViaAWSService":"false"}"#, true, false),
        (r#""ForAnyValue:StringEquals":{"aws:CalledVia":"sqs.amazonaws.com"}"#, false, true),
        (r#""StringEquals":{"aws:CalledViaFirst":"sqs.amazonaws.com"}"#, false, true),
        (r#""StringEquals":{"aws:CalledViaLast":"sqs.amazonaws.com"}"#, false, true),
        (r#""StringEquals":{"aws:CalledViaLast":"sns.amazonaws.com"}"#, false, false),
    ] {
        let caller = Caller::for_test(account, Region::parse("eu-west-1").unwrap(), NOW);
        let caller = caller.proved(Arc::new(Conditional::bob(condition).made()));
        assert_eq!(caller.may(&need).is_ok(), direct, "{condition}");
        assert_eq!(caller.through("sqs.amazonaws.com").may(&need).is_ok(), through, "{condition}");
    }
}

#[tokio::test]
async fn a_proxy_of_ours_says_where_a_request_comes_from_and_nobody_else() {
    let bob = || {
        let condition = r#""IpAddress":{"aws:SourceIp":"203.0.113.0/24"},"Bool":{"aws:SecureTransport":"true"}"#;
        Auth::Verify(Arc::new(Conditional::bob(condition)))
    };
    let house = House::with(|options| {
        options.auth = bob();
        options.proxies = vec![::access::Network::parse("10.0.0.0/8").unwrap()];
    });
    // The host that was signed is the one that the client asked, not the one that the proxy asks.
    let told = "host: inside:1\r\nx-forwarded-host: localhost:4566\r\nx-forwarded-proto: https\r\n\
                x-forwarded-for: 203.0.113.9\r\n";
    let signed = String::from_utf8(Ask::default().request()).unwrap();
    let request = signed.replacen("host: localhost:4566\r\n", told, 1);
    for (address, status, kind) in [("10.0.0.1", 200, "fine"), ("203.0.113.9", 403, "signature we calculated")] {
        let mut raw = Raw::from(&house, Origin::of(Scheme::Http, address.parse().unwrap()));
        raw.send(&request).await;
        check(&raw.reply().await.unwrap(), status, kind);
    }
    // With the right host it is who it says, and still not from where it says.
    let lines = ["x-forwarded-proto: https", "x-forwarded-for: 203.0.113.9"];
    for (address, status, kind) in [("10.0.0.1", 200, "fine"), ("192.0.2.1", 403, "is not authorized")] {
        let mut raw = Raw::from(&house, Origin::of(Scheme::Http, address.parse().unwrap()));
        raw.send(Ask::default().request_with(&lines)).await;
        check(&raw.reply().await.unwrap(), status, kind);
    }
}

#[tokio::test]
async fn a_signature_holds_over_http_2_too() {
    let house = verifying();
    let stream = TokioIo::new(house.connect().0);
    let (mut client, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    let _connection = tokio::spawn(connection);
    let good = Ask::default();
    for (body, status, kind) in [(good.body, 200, "fine"), (r#"{"Text":"fine too"}"#, 403, "InvalidSignature")] {
        let mut request = http::Request::post("http://localhost:4566/");
        for line in good.lines() {
            let (name, value) = line.split_once(": ").unwrap();
            request = request.header(name, value);
        }
        let request = request.body(Full::<Bytes>::from(body)).unwrap();
        let reply = client.send_request(request).await.unwrap();
        let (head, body) = reply.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().into()).unwrap();
        assert_eq!(head.status, status, "{text}");
        assert!(text.contains(kind), "{text}");
    }
    assert_eq!(house.executed(), 1);
}

#[tokio::test]
async fn where_signatures_are_off_nobody_is_known_by_a_key() {
    let house = House::with(|options| options.auth = Auth::Off);
    let signed = |key: &str| {
        let line =
            format!("authorization: AWS4-HMAC-SHA256 Credential={key}/1/eu-west-1/toy/aws4_request, Signature=x");
        request("POST /", &[JSON, "x-amz-target: ToyService.Echo", &line], r#"{"Text":"other"}"#)
    };
    check(&ask(&house, signed("123456789012")).await, 200, "123456789012");
    // Where keys are read, and nothing is verified, this one is bob's of another account.
    check(&ask(&house, signed("AKIDUSER")).await, 200, "000000000000");
    let reading = House::with(|options| options.auth = Auth::ParseOnly(Some(Arc::new(Two))));
    check(&ask(&reading, signed("AKIDUSER")).await, 200, "111111111111");
}

#[tokio::test]
async fn the_unknown_use_up_nobodys_tokens() {
    let bob = Conditional { name: "arn:aws:iam::000000000000:user/bob", condition: String::new() };
    let house = House::with(|options| {
        options.auth = Auth::Verify(Arc::new(bob));
        options.limits = Limits { account_rate: Some(Rate { per_sec: 1, burst: 2 }), ..Limits::default() };
    });
    let unknown = || request("POST /", &[FORM], "Action=Fail&Version=2020-01-01&Text=x");
    for kind in ["is denied", "is denied", "Rate exceeded", "Rate exceeded"] {
        check(&ask(&house, unknown()).await, if kind == "is denied" { 403 } else { 400 }, kind);
    }
    for status in [200, 200, 400] {
        assert_eq!(ask(&house, Ask::default().request()).await.status, status);
    }
}

/// A request under a signature of version 4A that nobody made.
fn wrong_over_a_curve(key: &str, stamp: &str, regions: &str) -> Vec<u8> {
    let number = "02207".to_owned() + &"5".repeat(63);
    let day = &stamp[..8];
    let authorization = format!(
        "authorization: AWS4-ECDSA-P256-SHA256 Credential={key}/{day}/toy/aws4_request, \
         SignedHeaders=host;x-amz-date;x-amz-region-set;x-amz-target, Signature=3044{number}{number}"
    );
    let date = format!("x-amz-date: {stamp}");
    let regions = format!("x-amz-region-set: {regions}");
    request("POST /", &[JSON, "x-amz-target: ToyService.Echo", &date, &regions, &authorization], r#"{"Text":"fine"}"#)
}

#[tokio::test]
async fn wrong_signatures_over_a_curve_are_looked_at_so_often_from_one_address() {
    let house = verifying();
    let stranger = |last: u8| Origin::of(Scheme::Http, [10, 0, 0, last].into());
    let mut raw = Raw::from(&house, stranger(1));
    let mut told = async |sent: &[u8]| {
        raw.send(sent).await;
        let reply = raw.reply().await.expect("a reply");
        assert_ne!(reply.status, 200);
        reply.text().to_owned()
    };
    let (now, wrong) = ("19700101T000001Z", "signature we calculated does not match");
    // What is found out without the curve does not count.
    for _ in 0..200 {
        assert!(told(&wrong_over_a_curve("AKIDNOBODY", now, "*")).await.contains("security token"));
        assert!(told(&wrong_over_a_curve("AKIDUSER", "19700102T000001Z", "*")).await.contains("not yet current"));
        assert!(told(&wrong_over_a_curve("AKIDUSER", now, "mars-1,mars-2")).await.contains("correct region"));
    }
    for _ in 0..100 {
        assert!(told(&wrong_over_a_curve("AKIDUSER", now, "*")).await.contains(wrong));
    }
    for _ in 0..10 {
        assert!(told(&wrong_over_a_curve("AKIDUSER", now, "*")).await.contains("Rate exceeded"));
    }
    // Who is there with a signature of version 4 is heard, and so is everybody elsewhere.
    let mut raw = Raw::from(&house, stranger(1));
    raw.send(Ask::default().request()).await;
    check(&raw.reply().await.expect("a reply"), 200, "fine");
    let mut raw = Raw::from(&house, stranger(2));
    raw.send(wrong_over_a_curve("AKIDUSER", now, "*")).await;
    check(&raw.reply().await.expect("a reply"), 403, wrong);
    assert_eq!(house.executed(), 1);
}

#[tokio::test]
async fn what_stands_over_accounts_is_exchanged_between_two_requests() {
    let over = |effect: &str| {
        let text =
            format!(r#"{{"Version":"2012-10-17","Statement":{{"Effect":"{effect}","Action":"*","Resource":"*"}}}}"#);
        let policy = Policy::parse("here", &text, Sort::ServiceControl).unwrap();
        let level = Level { service_control: Some(vec![Arc::new(policy)]), ..Level::default() };
        Arc::new(Organization::new(None, &[level]))
    };
    let house = House::with(|options| {
        options.auth = Auth::Verify(Arc::new(Two));
        options.organization = Some(over("Allow"));
    });
    // Of one connection too.
    let mut raw = Raw::new(&house);
    for (effect, status) in [("Allow", 200), ("Deny", 403), ("Allow", 200)] {
        house.gateway.reorganize(over(effect));
        raw.send(Ask::default().request()).await;
        check(&raw.reply().await.expect("a reply"), status, if status == 200 { "fine" } else { "service control" });
    }
}

#[tokio::test]
async fn what_stands_over_an_account_is_asked_with_the_facts_of_the_request() {
    let text = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny",
        "Action":"*","Resource":"*","Condition":{"StringNotEquals":{"aws:RequestedRegion":"REGION"}}}]}"#;
    for (region, status) in [("eu-west-1", 200), ("us-east-1", 403)] {
        let policy = Policy::parse("here", &text.replace("REGION", region), Sort::ServiceControl).unwrap();
        let level = Level { service_control: Some(vec![Arc::new(policy)]), ..Level::default() };
        let house = House::with(|options| {
            options.auth = Auth::Verify(Arc::new(Two));
            options.organization = Some(Arc::new(Organization::new(None, &[level])));
        });
        let kind = if status == 200 { "fine" } else { "with an explicit deny in a service control policy" };
        check(&ask(&house, Ask::default().request()).await, status, kind);
        // The root user of an account is below it too.
        let root = Ask { key: "ASIATEMP", token: Some("token"), ..Ask::default() };
        check(&ask(&house, root.request()).await, status, kind);
    }
}

#[tokio::test]
async fn whoever_is_of_an_account_is_of_the_organization() {
    let text = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny",
        "Action":"*","Resource":"*","Condition":{"StringNotEquals":{"aws:PrincipalOrgID":"o-abcdefghij"}}}]}"#;
    for (id, status) in [(Some("o-abcdefghij"), 200), (Some("o-zzzzzzzzzz"), 403), (None, 403)] {
        let policy = Policy::parse("here", text, Sort::ServiceControl).unwrap();
        let level = Level { service_control: Some(vec![Arc::new(policy)]), ..Level::default() };
        let house = House::with(|options| {
            let organization = Organization::new(None, &[level]);
            options.auth = Auth::Verify(Arc::new(Two));
            options.organization = Some(Arc::new(match id {
                Some(id) => organization.called(id.into()),
                None => organization,
            }));
        });
        let kind = if status == 200 { "fine" } else { "with an explicit deny in a service control policy" };
        check(&ask(&house, Ask::default().request()).await, status, kind);
    }
}

#[tokio::test]
async fn an_event_says_which_statement_refused() {
    let keeper = Arc::new(Keeper::default());
    let house =
        House::audited(Some(Arc::<Keeper>::clone(&keeper)), |options| options.auth = Auth::Verify(Arc::new(Two)));
    for text in ["fine", "other", "fine-not", "fine-further", "fine-further-gently"] {
        let body = &format!(r#"{{"Text":"{text}"}}"#);
        let reply = ask(&house, Ask { body, ..Ask::default() }.request()).await;
        assert!(!reply.text().contains("statement 1"), "{}", reply.text());
    }
    let events = keeper.0.lock().unwrap();
    let told: Vec<_> = events.iter().map(|event| event.denied_by.as_deref()).collect();
    let refused = r#"statement 1 of identity-based policy "p""#;
    // The fourth was refused on its way, in the service; the fifth was too, and was carried out all the same.
    assert_eq!(told, [None, Some("no identity-based policy allows it"), Some(refused), Some(refused), None]);
}
