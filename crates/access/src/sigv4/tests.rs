//! Requests signed by a signer of our own, straight from the specification, and what becomes of them when bytes differ.

use super::*;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use names::Instant;
use proptest::prelude::{any, prop_assert_eq, proptest};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const STAMP: &str = "20261122T103000Z";
const SCOPE: &str = "20261122/eu-west-1/sqs/aws4_request";

fn now() -> Instant {
    Instant::from_millis(crate::policy::moment::parse("2026-11-22T10:30:00Z").unwrap() as u64)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn key() -> Key {
    let step = |key: &[u8], text: &str| sign(&Key::new(HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec();
    let date = step(format!("AWS4{SECRET}").as_bytes(), "20261122");
    Key::new(HMAC_SHA256, &step(&step(&step(&date, "eu-west-1"), "sqs"), "aws4_request"))
}

fn signature(canonical: &str) -> String {
    let text = format!("AWS4-HMAC-SHA256\n{STAMP}\n{SCOPE}\n{}", hex(digest(&SHA256, canonical.as_bytes()).as_ref()));
    hex(sign(&key(), text.as_bytes()).as_ref())
}

/// A request that owns its parts.
#[derive(Clone)]
struct Request {
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// A SendMessage, signed in its header; more headers are signed too.
fn request(body: &[u8], more: &[(&str, &str)]) -> Request {
    dated(("x-amz-date", STAMP), body, more)
}

/// The same, with whatever says when it was signed.
fn dated(date: (&str, &str), body: &[u8], more: &[(&str, &str)]) -> Request {
    let given = [("host", "localhost:4566"), date, ("x-amz-target", "AmazonSQS.SendMessage")];
    let mut headers: Vec<(String, String)> =
        given.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    headers.sort();
    let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
    let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let digested = hex(digest(&SHA256, body).as_ref());
    let payload = more.iter().find(|(name, _)| *name == "x-amz-content-sha256").map_or(&*digested, |(_, value)| value);
    let canonical = format!("POST\n/\n\n{lines}\n{}\n{payload}", names.join(";"));
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential=AKID/{SCOPE}, SignedHeaders={}, Signature={}",
        names.join(";"),
        signature(&canonical)
    );
    headers.push(("authorization".into(), authorization));
    Request { path: "/".into(), query: String::new(), headers, body: body.to_vec() }
}

/// A presigned GET.
fn presigned(expires: &str) -> Request {
    let query = format!(
        "Action=ListQueues&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID%2F{}&X-Amz-Date={STAMP}\
         &X-Amz-Expires={expires}&X-Amz-SignedHeaders=host",
        SCOPE.replace('/', "%2F")
    );
    let canonical = format!("POST\n/a%2520b/\n{query}\nhost:localhost\n\nhost\n{}", hex(digest(&SHA256, b"").as_ref()));
    let query = format!("X-Amz-Signature={}&{query}", signature(&canonical));
    Request { path: "//x/../a%20b/".into(), query, headers: vec![("Host".into(), "localhost".into())], body: vec![] }
}

impl Request {
    fn verify_at(&self, now: Instant) -> Result<Vec<u8>, Fault> {
        self.verify_with(&Keys::new(), now)
    }

    fn verify_with(&self, keys: &Keys, now: Instant) -> Result<Vec<u8>, Fault> {
        let headers: Vec<(&str, &[u8])> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let Self { path, query, body, .. } = self;
        let incoming = Incoming { method: "POST", path, query, headers: &headers, body };
        let claim = Claim::read(&incoming)?;
        let secret = if claim.access_key() == "AKID" { SECRET } else { return Err(Fault::UnknownKey) };
        let key = keys.verify(&incoming, &claim, now, &secret.into())?;
        if claim.payload().is_streamed() { Chunks::new(&claim, &key).decode(body) } else { Ok(body.clone()) }
    }

    fn verify(&self) -> Result<(), Fault> {
        self.verify_at(now()).map(drop)
    }

    fn with(&self, from: &str, to: &str) -> Self {
        let mut changed = self.clone();
        changed.query = self.query.replace(from, to);
        for (_, value) in &mut changed.headers {
            *value = value.replace(from, to);
        }
        changed
    }
}

#[test]
fn what_was_signed_is_accepted_and_anything_else_is_not() {
    let good = request(b"{}", &[]);
    assert_eq!(good.verify(), Ok(()));
    assert_eq!(Request { body: b"{ }".to_vec(), ..good.clone() }.verify(), Err(Fault::Mismatch));
    assert_eq!(Request { path: "/a".into(), ..good.clone() }.verify(), Err(Fault::Mismatch));
    assert_eq!(Request { query: "a=b".into(), ..good.clone() }.verify(), Err(Fault::Mismatch));
    assert_eq!(good.with("SendMessage", "DeleteQueue").verify(), Err(Fault::Mismatch));
    assert_eq!(good.with("localhost", "elsewhere").verify(), Err(Fault::Mismatch));
    assert_eq!(good.with("eu-west-1", "us-east-1").verify(), Err(Fault::Mismatch));
    assert_eq!(good.with("AKID", "AKIE").verify(), Err(Fault::UnknownKey));
}

#[test]
fn a_presigned_request_is_good_until_it_expires() {
    let good = presigned("3600");
    assert_eq!(good.verify(), Ok(()));
    assert_eq!(good.verify_at(now().plus_secs(3600)).map(drop), Ok(()));
    assert!(matches!(good.verify_at(now().plus_secs(3601)), Err(Fault::Expired { .. })));
    assert_eq!(good.with("Expires=3600", "Expires=7200").verify(), Err(Fault::Mismatch));
    assert_eq!(good.with("ListQueues", "DeleteQueue").verify(), Err(Fault::Mismatch));
    for wrong in ["0", "604801", "-1", "x"] {
        assert_eq!(presigned(wrong).verify(), Err(Fault::Expires), "{wrong}");
    }
}

#[test]
fn the_clocks_may_differ_by_fifteen_minutes() {
    let good = request(b"", &[]);
    assert!(good.verify_at(now().plus_secs(900)).is_ok() && good.verify_at(now().minus_millis(900_000)).is_ok());
    let late = good.verify_at(now().plus_secs(901)).unwrap_err();
    assert_eq!(late.in_query().message, "Signature expired: 20261122T103000Z is now earlier than 20261122T103001Z");
    assert!(matches!(good.verify_at(now().minus_millis(901_000)), Err(Fault::NotYet { .. })));
}

#[test]
fn what_has_a_meaning_for_us_has_to_be_signed() {
    let mut forged = request(b"", &[]);
    forged.headers.push(("X-Amz-Security-Token".into(), "t".into()));
    assert_eq!(forged.verify(), Err(Fault::Unsigned("x-amz-security-token".into())));
    assert_eq!(request(b"", &[("x-amz-security-token", "t")]).verify(), Ok(()));
    let twice = request(b"", &[]);
    let mut twice = Request { headers: [twice.headers.clone(), twice.headers].concat(), ..twice };
    assert_eq!(twice.verify(), Err(Fault::Twice));
    twice.headers.truncate(4);
    twice.query = presigned("60").query;
    assert_eq!(twice.verify(), Err(Fault::Twice));
}

#[test]
fn a_named_digest_has_to_be_the_bodys() {
    let digested = hex(digest(&SHA256, b"{}").as_ref());
    assert_eq!(request(b"{}", &[("x-amz-content-sha256", &digested)]).verify(), Ok(()));
    assert_eq!(request(b"[]", &[("x-amz-content-sha256", &digested)]).verify(), Err(Fault::Digest));
    assert_eq!(request(b"[]", &[("x-amz-content-sha256", "what")]).verify(), Err(Fault::Digest));
    assert_eq!(request(b"any", &[("x-amz-content-sha256", "UNSIGNED-PAYLOAD")]).verify(), Ok(()));
}

/// A body in chunks, each signed after the one before; with a signed trailer if one is given.
fn chunked(chunks: &[&[u8]], trailer: Option<&str>) -> Request {
    let kind = match trailer {
        Some(_) => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        None => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    };
    let mut request = request(b"", &[("x-amz-content-sha256", kind)]);
    let (_, authorization) = request.headers.last().unwrap();
    let mut before = authorization.rsplit_once('=').unwrap().1.to_owned();
    let empty = hex(digest(&SHA256, b"").as_ref());
    for chunk in chunks.iter().copied().chain([&b""[..]]) {
        let digested = hex(digest(&SHA256, chunk).as_ref());
        let text = format!("AWS4-HMAC-SHA256-PAYLOAD\n{STAMP}\n{SCOPE}\n{before}\n{empty}\n{digested}");
        before = hex(sign(&key(), text.as_bytes()).as_ref());
        request.body.extend(format!("{:x};chunk-signature={before}\r\n", chunk.len()).bytes());
        request.body.extend(chunk);
        request.body.extend(if chunk.is_empty() { &b""[..] } else { b"\r\n" });
    }
    if let Some(trailer) = trailer {
        let digested = hex(digest(&SHA256, format!("{trailer}\n").as_bytes()).as_ref());
        let text = format!("AWS4-HMAC-SHA256-TRAILER\n{STAMP}\n{SCOPE}\n{before}\n{digested}");
        let signed = hex(sign(&key(), text.as_bytes()).as_ref());
        request.body.extend(format!("{trailer}\r\nx-amz-trailer-signature:{signed}\r\n").bytes());
    }
    request.body.extend(b"\r\n");
    request
}

#[test]
fn chunks_are_decoded_and_none_may_be_changed_moved_or_left_out() {
    let whole = chunked(&[b"hello ", b"world"], None);
    assert_eq!(whole.verify_at(now()), Ok(b"hello world".to_vec()));
    assert_eq!(chunked(&[], None).verify_at(now()), Ok(vec![]));
    let with_trailer = chunked(&[b"hello"], Some("x-amz-checksum-crc32:AAAAAA=="));
    assert_eq!(with_trailer.verify_at(now()), Ok(b"hello".to_vec()));
    let mut cut = whole.clone();
    cut.body.drain(..whole.body.iter().position(|byte| *byte == b'w').unwrap() - 90);
    assert!(cut.verify().is_err());
    let mut early = whole.clone();
    early.body.truncate(early.body.len() - 90);
    assert_eq!(early.verify(), Err(Fault::Chunk));
    for place in 0..whole.body.len() {
        let mut changed = whole.clone();
        changed.body[place] ^= 1;
        assert!(changed.verify().is_err(), "byte {place}");
    }
    for place in 0..with_trailer.body.len() {
        let mut changed = with_trailer.clone();
        changed.body[place] = if changed.body[place] == b'0' { b'1' } else { b'0' };
        let same = changed.body == with_trailer.body;
        assert!(same || changed.verify().is_err(), "byte {place}");
    }
}

#[test]
fn every_fault_has_its_code_in_both_protocols() {
    let good = request(b"", &[]);
    let none = Request { headers: good.headers[..3].to_vec(), ..good.clone() };
    for (fault, query, json) in [
        (none.verify().unwrap_err(), ("MissingAuthenticationToken", 403), "MissingAuthenticationTokenException"),
        (
            good.with("AWS4-HMAC-SHA256 ", "AWS ").verify().unwrap_err(),
            ("IncompleteSignature", 400),
            "IncompleteSignatureException",
        ),
        (
            good.with("Signature=", "Signatur=").verify().unwrap_err(),
            ("IncompleteSignature", 400),
            "IncompleteSignatureException",
        ),
        (good.with("/sqs/", "/").verify().unwrap_err(), ("IncompleteSignature", 400), "IncompleteSignatureException"),
        (good.with(STAMP, "now").verify().unwrap_err(), ("IncompleteSignature", 400), "IncompleteSignatureException"),
        (
            good.with("aws4_request", "aws5").verify().unwrap_err(),
            ("SignatureDoesNotMatch", 403),
            "InvalidSignatureException",
        ),
        (
            good.with("=AKID/20261122", "=AKID/20261121").verify().unwrap_err(),
            ("SignatureDoesNotMatch", 403),
            "InvalidSignatureException",
        ),
        (good.with("host;", "").verify().unwrap_err(), ("SignatureDoesNotMatch", 403), "InvalidSignatureException"),
        (good.with("AKID", "X").verify().unwrap_err(), ("InvalidClientTokenId", 403), "UnrecognizedClientException"),
        (Fault::ExpiredToken, ("ExpiredToken", 403), "ExpiredTokenException"),
    ] {
        let Refusal { code, status, message } = fault.in_query();
        assert_eq!((code, status), query, "{fault:?}");
        assert_eq!((fault.in_json().code, fault.in_json().status), (json, 400), "{fault:?}");
        assert!(!message.contains(SECRET) && message == fault.in_json().message, "{message}");
    }
}

#[test]
fn a_date_header_says_when_a_request_was_signed_that_has_no_other() {
    let date = "Sun, 22 Nov 2026 10:30:00 GMT";
    for text in [date, STAMP] {
        let good = dated(("date", text), b"{}", &[]);
        assert_eq!(good.verify(), Ok(()), "{text}");
        assert!(matches!(good.verify_at(now().plus_secs(16 * 60)), Err(Fault::Expired { .. })));
        let early = good.with("10:30:00", "10:30:01").with("T103000Z", "T103001Z");
        assert_eq!(early.verify(), Err(Fault::Mismatch), "it is signed");
    }
    // What is made for this counts before what every client may send.
    assert_eq!(request(b"{}", &[("date", "Mon, 09 Sep 2011 23:36:00 GMT")]).verify(), Ok(()));
    for wrong in
        ["yesterday", "Sun, 22 Nop 2026 10:30:00 GMT", "Sun, 22 Nov 2026 10:30:00 CET", "Sun, 2 Nov 2026 1:1:1 GMT"]
    {
        let fault = dated(("date", wrong), b"{}", &[]).verify().unwrap_err();
        assert!(matches!(fault, Fault::Date(_)), "{wrong}: {fault:?}");
    }
    let none = dated(("x-meta", "1"), b"{}", &[]).verify().unwrap_err();
    assert_eq!(
        (none.in_query().code, none.in_query().message.as_str()),
        ("IncompleteSignature", "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    );
}

#[test]
fn a_key_is_kept_after_it_was_right_and_forgotten_when_told() {
    let (keys, good) = (Keys::new(), request(b"", &[]));
    assert!(good.with("Signature=", "Signature=0").verify_with(&keys, now()).is_err());
    let incoming = |request: &Request, secret: &str| {
        let headers: Vec<(&str, &[u8])> =
            request.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let incoming = Incoming { method: "POST", path: "/", query: "", headers: &headers, body: b"" };
        let claim = Claim::read(&incoming).unwrap();
        assert_eq!(claim.is_for("sqs"), Ok(()));
        assert!(claim.is_for("sns").is_err());
        keys.verify(&incoming, &claim, now(), &secret.into()).map(drop)
    };
    assert_eq!(incoming(&good, "another"), Err(Fault::Mismatch));
    assert_eq!(keys.kept(), 0, "a key that was wrong is not kept");
    assert_eq!(incoming(&good, SECRET), Ok(()));
    assert_eq!(incoming(&good, "another"), Ok(()), "it is known from before");
    keys.forget("AKID");
    assert_eq!(incoming(&good, "another"), Err(Fault::Mismatch));
}

#[test]
fn the_cache_has_a_bound() {
    let keys = Keys::new();
    for region in 0..200 {
        let scope = format!("AKID/20261122/r{region}/sqs/aws4_request");
        let headers = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={}", "0".repeat(64));
        let given: &[(&str, &[u8])] = &[("authorization", headers.as_bytes()), ("x-amz-date", STAMP.as_bytes())];
        let incoming = Incoming { method: "GET", path: "/", query: "", headers: given, body: b"" };
        let claim = Claim::read(&incoming).unwrap();
        keys.keep_for_test(&claim);
    }
    assert!(keys.kept() <= crate::limits::SIGNING_KEYS_PER_SHARD_MAX);
}

const ASYMMETRIC_SCOPE: &str = "20261122/sqs/aws4_request";

/// Signs as a client of version 4A does.
fn asymmetric_signature(canonical: &str) -> String {
    let digested = hex(digest(&SHA256, canonical.as_bytes()).as_ref());
    let text = format!("AWS4-ECDSA-P256-SHA256\n{STAMP}\n{ASYMMETRIC_SCOPE}\n{digested}");
    let secret = SECRET.into();
    let private = asymmetric::private_key(&secret, "AKID").unwrap();
    let public = asymmetric::public_key(&secret, "AKID").unwrap();
    let signing = &ECDSA_P256_SHA256_ASN1_SIGNING;
    let pair = EcdsaKeyPair::from_private_key_and_public_key(signing, private.expose(), &public).unwrap();
    hex(pair.sign(&SystemRandom::new(), text.as_bytes()).unwrap().as_ref())
}

/// A request that is signed for a set of regions.
fn for_regions(regions: &str, more: &[(&str, &str)]) -> Request {
    let given = [("host", "localhost:4566"), ("x-amz-date", STAMP), ("x-amz-region-set", regions)];
    let mut headers: Vec<(String, String)> =
        given.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    headers.sort();
    let names = headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(";");
    let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let payload = more.first().map_or_else(|| hex(digest(&SHA256, b"{}").as_ref()), |(_, value)| (*value).to_owned());
    let signature = asymmetric_signature(&format!("POST\n/\n\n{lines}\n{names}\n{payload}"));
    let authorization = format!(
        "AWS4-ECDSA-P256-SHA256 Credential=AKID/{ASYMMETRIC_SCOPE}, SignedHeaders={names}, Signature={signature}"
    );
    headers.push(("authorization".into(), authorization));
    Request { path: "/".into(), query: String::new(), headers, body: b"{}".to_vec() }
}

#[test]
fn what_was_signed_for_several_regions_is_accepted_and_anything_else_is_not() {
    let good = for_regions("eu-west-1,us-*", &[]);
    assert_eq!(good.verify(), Ok(()));
    assert_eq!(Request { body: b"{ }".to_vec(), ..good.clone() }.verify(), Err(Fault::Mismatch));
    assert_eq!(good.with("eu-west-1", "eu-west-2").verify(), Err(Fault::Mismatch));
    assert_eq!(good.with("localhost", "elsewhere").verify(), Err(Fault::Mismatch));
    assert_eq!(good.with("/sqs/", "/sns/").verify(), Err(Fault::Mismatch));
    assert!(matches!(good.verify_at(now().plus_secs(901)), Err(Fault::Expired { .. })));
    assert_eq!(good.with(";x-amz-region-set", "").verify(), Err(Fault::Unsigned("x-amz-region-set".into())));
    let mut bare = good.clone();
    bare.headers.retain(|(name, _)| name != "x-amz-region-set");
    assert_eq!(bare.verify(), Err(Fault::Part("X-Amz-Region-Set")));
    // A signature of one sort is none of the other.
    assert!(good.with("AWS4-ECDSA-P256-SHA256", "AWS4-HMAC-SHA256").verify().is_err());
    let shared = request(b"{}", &[("x-amz-region-set", "*")]);
    assert_eq!(shared.verify(), Ok(()));
    let other = shared.with("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256").with(SCOPE, ASYMMETRIC_SCOPE);
    assert_eq!(other.verify(), Err(Fault::Mismatch));
    for kind in ["STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"] {
        let chunked = for_regions("*", &[("x-amz-content-sha256", kind)]);
        assert_eq!(chunked.verify(), Err(Fault::Digest), "{kind}");
    }
    let broken = good.with(&format!("AKID/{ASYMMETRIC_SCOPE}"), "AKID/sqs/aws4_request").verify().unwrap_err();
    assert!(broken.in_query().message.starts_with("Credential must have exactly 4"), "{broken:?}");
}

#[test]
fn a_presigned_request_may_be_for_several_regions_too() {
    let query = format!(
        "Action=ListQueues&X-Amz-Algorithm=AWS4-ECDSA-P256-SHA256&X-Amz-Credential=AKID%2F{}&X-Amz-Date={STAMP}\
         &X-Amz-Expires=60&X-Amz-Region-Set=%2A&X-Amz-SignedHeaders=host",
        ASYMMETRIC_SCOPE.replace('/', "%2F")
    );
    let empty = hex(digest(&SHA256, b"").as_ref());
    let signature = asymmetric_signature(&format!("POST\n/\n{query}\nhost:localhost\n\nhost\n{empty}"));
    let query = format!("{query}&X-Amz-Signature={signature}");
    let good = Request { path: "/".into(), query, headers: vec![("Host".into(), "localhost".into())], body: vec![] };
    assert_eq!(good.verify(), Ok(()));
    assert_eq!(good.with("Set=%2A", "Set=us-east-1").verify(), Err(Fault::Mismatch));
    assert_eq!(good.with("&X-Amz-Region-Set=%2A", "").verify(), Err(Fault::Part("X-Amz-Region-Set")));
    assert!(matches!(good.verify_at(now().plus_secs(61)), Err(Fault::Expired { .. })));
}

#[test]
fn a_point_is_kept_as_a_key_is_and_says_where_it_is_good() {
    let keys = Keys::new();
    let verify = |regions: &str, secret: &str| {
        let request = for_regions(regions, &[]);
        let headers: Vec<(&str, &[u8])> =
            request.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let incoming = Incoming { method: "POST", path: "/", query: "", headers: &headers, body: b"{}" };
        let claim = Claim::read(&incoming).unwrap();
        let good = (claim.region().is_some(), claim.only_region() == Some("eu-west-1"), claim.covers("eu-west-1"));
        (keys.verify(&incoming, &claim, now(), &secret.into()).is_ok(), good)
    };
    assert_eq!(verify("*", SECRET), (true, (false, false, true)));
    assert_eq!(verify("eu-west-1", "another"), (true, (false, true, true)), "it is known from before");
    assert_eq!(verify("us-*", "another"), (true, (false, false, false)));
    assert_eq!(keys.kept(), 1, "it is the same for every set of regions");
    keys.forget("AKID");
    assert!(!verify("*", "another").0);
    assert_eq!(keys.kept(), 1, "a wrong signature does not have the same point made again and again");
}

#[test]
fn points_push_out_no_keys_that_were_right() {
    let keys = Keys::new();
    let keep = |authorization: String| {
        let given: &[(&str, &[u8])] = &[
            ("authorization", authorization.as_bytes()),
            ("x-amz-date", STAMP.as_bytes()),
            ("x-amz-region-set", b"*"),
        ];
        let incoming = Incoming { method: "GET", path: "/", query: "", headers: given, body: b"" };
        keys.keep_for_test(&Claim::read(&incoming).unwrap());
    };
    let digits = "0".repeat(64);
    keep(format!("AWS4-HMAC-SHA256 Credential=AKID/{SCOPE}, SignedHeaders=host, Signature={digits}"));
    for nth in 0..2000 {
        let credential = format!("AKID{nth}/{ASYMMETRIC_SCOPE}");
        keep(format!("AWS4-ECDSA-P256-SHA256 Credential={credential}, SignedHeaders=host, Signature={digits}"));
    }
    let (shared, points) = keys.kept_by_sort();
    assert_eq!(shared, 1);
    assert!(points <= crate::limits::SIGNING_KEYS_PER_SHARD_MAX * crate::limits::SIGNING_KEY_SHARDS);
}

proptest! {
    #[test]
    fn hostile_authorization_never_passes_and_never_panics(header in ".{0,200}", query in ".{0,200}", body in any::<Vec<u8>>()) {
        let given: &[(&str, &[u8])] = &[("authorization", header.as_bytes()), ("x-amz-date", STAMP.as_bytes())];
        for headers in [given, &given[1..]] {
            let presigned = format!("X-Amz-Signature={query}");
            for query in ["", query.as_str(), presigned.as_str()] {
                let incoming = Incoming { method: "GET", path: query, query, headers, body: &body };
                let passed = Claim::read(&incoming)
                    .and_then(|claim| Keys::new().verify(&incoming, &claim, now(), &SECRET.into()));
                assert!(passed.is_err());
            }
        }
    }

    #[test]
    fn any_body_and_header_that_was_signed_passes(body in any::<Vec<u8>>(), value in "[!-~]{1,40}") {
        prop_assert_eq!(request(&body, &[("x-amz-meta", &value)]).verify(), Ok(()));
    }

    #[test]
    fn hostile_chunks_never_panic(body in any::<Vec<u8>>(), place in 0_usize..300) {
        let mut request = chunked(&[b"hello"], None);
        let place = place.min(request.body.len());
        request.body.splice(place..place, body.iter().copied());
        let passed = request.verify();
        assert!(body.is_empty() || passed.is_err());
    }
}
