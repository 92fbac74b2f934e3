//! Verifies signed requests, one line of JSON each, for `clients/protocols`: botocore's cases against `access::sigv4`.
//!
//! In: method, path, query, headers as pairs, body in base64, secret, and now as seconds since 1970. Out: `{"fault": null}`,
//! or the code that a query protocol would answer.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a program of the tests: its output is the verdicts")]

use access::sigv4::{Claim, Fault, Incoming, Keys};
use names::Instant;
use serde_json::{Value, json};

fn main() {
    for line in std::io::stdin().lines() {
        let case: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let fault = verify(&case).err().map(|fault| fault.in_query().code);
        println!("{}", json!({ "fault": fault }));
    }
}

fn verify(case: &Value) -> Result<(), Fault> {
    let text = |name: &str| case[name].as_str().unwrap();
    let headers = case["headers"].as_array().unwrap().iter();
    let headers: Vec<(&str, &[u8])> =
        headers.map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap().as_bytes())).collect();
    let body = base64_simd::STANDARD.decode_to_vec(text("body")).unwrap();
    let incoming =
        Incoming { method: text("method"), path: text("path"), query: text("query"), headers: &headers, body: &body };
    let claim = Claim::read(&incoming)?;
    let now = Instant::EPOCH.plus_secs(case["now"].as_u64().unwrap());
    Keys::new().verify(&incoming, &claim, now, &text("secret").into()).map(drop)
}
