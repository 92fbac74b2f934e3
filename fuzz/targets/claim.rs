//! Signatures of strangers: a request of lines is read and verified without a panic, and never believed, since nobody who
//! makes it up knows the secret.
//!
//! ```text
//! METHOD PATH QUERY \n NAME:VALUE \n … \n \n BODY
//! ```
#![no_main]

use access::Secret;
use access::sigv4::{Chunks, Claim, Incoming, Keys, SigningKey};
use libfuzzer_sys::fuzz_target;
use names::Instant;
use std::sync::LazyLock;

/// 2026-11-22T10:30:00Z, when the seeds were signed, by another secret.
const NOW_MILLIS: u64 = 1_795_343_400_000;

static KEYS: LazyLock<Keys> = LazyLock::new(Keys::new);

fuzz_target!(|bytes: &[u8]| {
    let end = bytes.windows(2).position(|pair| pair == b"\n\n").unwrap_or(bytes.len());
    let (head, body) = bytes.split_at(end);
    let body = body.strip_prefix(b"\n\n").unwrap_or(body);
    let mut lines = head.split(|byte| *byte == b'\n');
    let Some(Ok(first)) = lines.next().map(std::str::from_utf8) else { return };
    let mut words = first.splitn(3, ' ');
    let (method, path, query) =
        (words.next().unwrap_or("GET"), words.next().unwrap_or("/"), words.next().unwrap_or_default());
    let headers: Vec<(&str, &[u8])> = lines
        .filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let (name, value) = line.split_at(colon);
            Some((std::str::from_utf8(name).ok()?, &value[1..]))
        })
        .collect();
    let request = Incoming { method, path, query, headers: &headers, body };
    let Ok(claim) = Claim::read(&request) else { return };
    let secret = Secret::from("another secret than the one that signed the seeds");
    let _ = (claim.access_key(), claim.region(), claim.service(), claim.token(), claim.payload());
    let _ = (claim.only_region(), claim.covers("us-east-1"));
    match KEYS.verify(&request, &claim, Instant::from_millis(NOW_MILLIS), &secret) {
        Ok(_) => panic!("a signature was believed that nobody made"),
        Err(fault) => drop((fault.in_query(), fault.in_json())),
    }
    // Chunks are looked at only behind a good signature; here they are read all the same, under some key.
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, b"some key");
    let key = SigningKey::Shared(key);
    assert!(Chunks::new(&claim, &key).decode(body).is_err() || claim.payload().is_unsigned() || !claim.payload().is_streamed());
});
