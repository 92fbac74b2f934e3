//! CBOR of strangers: read without a panic; what was read is written and read again alike.
#![no_main]

use fuzz::Thing;
use libfuzzer_sys::fuzz_target;
use wire::cbor::{Times, decode_with, encode_with};

fuzz_target!(|bytes: &[u8]| {
    for times in [Times::Seconds, Times::Millis] {
        if let Ok(thing) = decode_with::<Thing>(bytes, times)
            && thing.is_comparable()
        {
            let written = encode_with(&thing, times);
            let again: Thing = decode_with(&written, times).expect("what we write can be read");
            assert_eq!(again, thing, "{written:02x?}");
        }
    }
});
