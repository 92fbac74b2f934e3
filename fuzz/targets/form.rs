//! Forms of strangers, in the query string and in the body: read without a panic, however they nest and number.
#![no_main]

use fuzz::Thing;
use libfuzzer_sys::fuzz_target;
use wire::query::{Form, decode};

fuzz_target!(|bytes: &[u8]| {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let (query, body) = bytes.split_at(end);
    if let Ok(mut form) = Form::parse(query, body) {
        let (_, _) = (form.action(), form.version());
        let _ = decode::<Thing>(&form);
        form.set_if_absent("Text", "x");
        let _ = decode::<Thing>(&form);
    }
});
