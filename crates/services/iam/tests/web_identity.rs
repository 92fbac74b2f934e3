//! AssumeRoleWithWebIdentity: tokens signed by keys that a provider publishes on a real HTTP server on loopback.
//!
//! The services ask for `https://` addresses; what fetches for them here goes to the same host and port without TLS.

#![allow(clippy::unwrap_used, reason = "a panic is the report")]
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the provider is a real server on a thread of its own"
)]

mod house;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use base64_simd::URL_SAFE_NO_PAD;
use house::{ACCOUNT, House, escaped, session_key};
use iam::{Document, Documents};
use journal::sim::SimDisk;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

/// A provider: its server, its keys.
struct Provider {
    host: String,
    rsa: RsaKeyPair,
    curve: EcdsaKeyPair,
}

fn base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode_to_string(bytes)
}

impl Provider {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let curve = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let point = curve.public_key().as_ref();
        // RSAPublicKey of RFC 8017: a sequence of two integers, the first with a zero before its 256 bytes.
        let der = rsa.public_key().as_ref();
        let (n, e) = (&der[9..265], &der[267..270]);
        let keys = json!({ "keys": [
            { "kid": "r", "kty": "RSA", "use": "sig", "n": base64(n),
              "e": base64(e) },
            { "kid": "c", "kty": "EC", "crv": "P-256", "x": base64(&point[1..33]), "y": base64(&point[33..]) },
        ]});
        let discovery = json!({ "issuer": format!("https://{host}"), "jwks_uri": format!("https://{host}/keys") });
        std::thread::spawn(move || serve(&listener, &discovery, &keys));
        Self { host, rsa, curve }
    }

    fn claims(&self, now: u64) -> Value {
        json!({ "iss": format!("https://{}", self.host), "sub": "system:alice", "aud": "app", "exp": now + 600 })
    }

    fn signed(&self, key_id: &str, claims: &Value) -> String {
        let algorithm = if key_id == "r" { "RS256" } else { "ES256" };
        let header = json!({ "alg": algorithm, "kid": key_id });
        let message = format!("{}.{}", base64(header.to_string().as_bytes()), base64(claims.to_string().as_bytes()));
        let chance = SystemRandom::new();
        let signature = if key_id == "r" {
            let mut signature = vec![0; self.rsa.public_modulus_len()];
            self.rsa.sign(&RSA_PKCS1_SHA256, &chance, message.as_bytes(), &mut signature).unwrap();
            signature
        } else {
            self.curve.sign(&chance, message.as_bytes()).unwrap().as_ref().to_vec()
        };
        format!("{message}.{}", base64(&signature))
    }
}

fn serve(listener: &TcpListener, discovery: &Value, keys: &Value) {
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
            head.push(byte[0]);
        }
        let is_keys = head.starts_with(b"GET /keys ");
        let body = if is_keys { keys } else { discovery }.to_string();
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
    }
}

/// Fetches without TLS.
struct Plain;

impl Documents for Plain {
    fn fetch(&self, url: &str, _bytes_max: usize) -> Document {
        let (host, path) = url.strip_prefix("https://").unwrap().split_once('/').unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        write!(stream, "GET /{path} HTTP/1.1\r\nhost: {host}\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let body = answer.split_once("\r\n\r\n").unwrap().1.as_bytes().to_vec();
        Box::pin(async move { Ok(body) })
    }
}

fn house(provider: &Provider) -> House {
    let house = House::with_documents(&Arc::new(SimDisk::new(1)), Arc::new(Plain));
    let url = escaped(&format!("https://{}", provider.host));
    house.ask("CreateOpenIDConnectProvider", &format!("Url={url}&ClientIDList.member.1=app")).unwrap();
    let trust = trust(provider, &json!({ format!("{}:sub", provider.host): "system:alice" }));
    house.ask("CreateRole", &format!("RoleName=web&AssumeRolePolicyDocument={trust}")).unwrap();
    house.ask("AttachRolePolicy", "RoleName=web&PolicyArn=arn:aws:iam::aws:policy/IAMReadOnlyAccess").unwrap();
    house
}

/// A trust policy, as forms have it, for whom the provider vouches and of whom all this is true.
fn trust(provider: &Provider, conditions: &Value) -> String {
    let document = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "Federated": format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{}", provider.host) },
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": { "StringEquals": conditions },
        }],
    });
    escaped(&document.to_string())
}

fn form(token: &str) -> String {
    format!("RoleArn=arn:aws:iam::{ACCOUNT}:role/web&RoleSessionName=s1&WebIdentityToken={token}")
}

#[test]
fn a_token_that_its_provider_signed_stands_for_the_role() {
    let provider = Provider::start();
    let house = house(&provider);
    let now = house.root(ACCOUNT).now.as_secs();
    for key_id in ["r", "c"] {
        let token = provider.signed(key_id, &provider.claims(now));
        let answer = house.ask("AssumeRoleWithWebIdentity", &form(&token)).unwrap();
        assert_eq!(answer["SubjectFromWebIdentityToken"], "system:alice");
        assert_eq!(answer["Audience"], "app");
        house.ask_with(&session_key(&answer), "ListUsers", "").unwrap();
    }
}

#[test]
fn a_token_that_differs_in_anything_stands_for_nothing() {
    let provider = Provider::start();
    let house = house(&provider);
    let now = house.root(ACCOUNT).now.as_secs();
    let good = provider.claims(now);
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        provider.signed("r", &claims)
    };
    let token = provider.signed("r", &good);
    let (message, signature) = token.rsplit_once('.').unwrap();
    let other = provider.signed("c", &good);
    let none = format!("{}.{}.", base64(br#"{"alg":"none"}"#), base64(good.to_string().as_bytes()));
    for (token, code) in [
        (with("sub", json!("system:mallory")), "AccessDenied"),
        (with("aud", json!("other")), "InvalidIdentityToken"),
        (with("iss", json!("https://other.example")), "InvalidIdentityToken"),
        (with("exp", json!(now)), "ExpiredTokenException"),
        (with("nbf", json!(now + 1000)), "InvalidIdentityToken"),
        (format!("{message}.{}", other.rsplit_once('.').unwrap().1), "InvalidIdentityToken"),
        (format!("{message}.{}", &signature[1..]), "InvalidIdentityToken"),
        (none, "InvalidIdentityToken"),
        ("no.token".to_owned(), "InvalidIdentityToken"),
    ] {
        let (refused, sentence) = house.ask("AssumeRoleWithWebIdentity", &form(&token)).unwrap_err();
        assert_eq!(refused, code, "{sentence}");
    }
}

#[test]
fn what_is_not_done_is_refused_by_name() {
    let provider = Provider::start();
    let house = house(&provider);
    let token = provider.signed("r", &provider.claims(house.root(ACCOUNT).now.as_secs()));
    let asked = |more: &str| house.ask("AssumeRoleWithWebIdentity", &format!("{}{more}", form(&token)));
    let (code, sentence) = asked("&ProviderId=www.amazon.com").unwrap_err();
    assert_eq!(code, "InvalidIdentityToken");
    assert!(sentence.starts_with("ProviderId is not supported"), "{sentence}");
    let key = session_key(&asked("&MinimumSessionTokenSize=3000").unwrap());
    assert!((3000..3004).contains(&key.token.as_ref().unwrap().len()));
    house.ask_with(&key, "ListUsers", "").unwrap();
}

#[test]
fn a_session_says_which_provider_it_is_of() {
    let provider = Provider::start();
    let house = house(&provider);
    let token = provider.signed("r", &provider.claims(house.root(ACCOUNT).now.as_secs()));
    let key = session_key(&house.ask("AssumeRoleWithWebIdentity", &form(&token)).unwrap());
    let own = format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{}", provider.host);
    for (named, is_denied) in [(own.as_str(), true), ("arn:aws:iam::123456789012:oidc-provider/other.example", false)] {
        let document = json!({ "Version": "2012-10-17", "Statement": { "Effect": "Deny", "Action": "*", "Resource": "*",
            "Condition": { "StringEquals": { "aws:FederatedProvider": named } } } });
        let form = format!("RoleName=web&PolicyName=p&PolicyDocument={}", escaped(&document.to_string()));
        house.ask("PutRolePolicy", &form).unwrap();
        assert_eq!(house.ask_with(&key, "ListUsers", "").is_err(), is_denied, "{named}");
    }
}

#[test]
fn a_trust_policy_is_asked_with_what_every_request_tells() {
    let provider = Provider::start();
    let house = house(&provider);
    let (now, region) = (house.root(ACCOUNT).now.as_secs(), "us-east-1");
    let trust_if = |conditions: Value| {
        let form = format!("RoleName=web&PolicyDocument={}", trust(&provider, &conditions));
        house.ask("UpdateAssumeRolePolicy", &form).unwrap();
    };
    house.ask("TagRole", "RoleName=web&Tags.member.1.Key=Team&Tags.member.1.Value=blue").unwrap();
    let token = provider.signed("r", &provider.claims(now));
    trust_if(json!({
        "aws:RequestedRegion": region, "aws:ResourceAccount": ACCOUNT, "aws:ResourceTag/team": "blue",
        "sts:RoleSessionName": "s1", format!("{}:aud", provider.host): "app",
    }));
    house.ask("AssumeRoleWithWebIdentity", &form(&token)).unwrap();
    trust_if(json!({ "aws:ResourceTag/team": "red" }));
    let (code, sentence) = house.ask("AssumeRoleWithWebIdentity", &form(&token)).unwrap_err();
    assert_eq!(code, "AccessDenied");
    assert_eq!(sentence, "Not authorized to perform sts:AssumeRoleWithWebIdentity");
}
