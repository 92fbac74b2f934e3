//! JSON of strangers: read without a panic; what was read is written and read again alike.
#![no_main]

use fuzz::Thing;
use libfuzzer_sys::fuzz_target;
use wire::json::{decode, encode};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(thing) = decode::<Thing>(bytes)
        && thing.is_comparable()
    {
        let written = encode(&thing);
        let again: Thing = decode(&written).expect("what we write can be read");
        assert_eq!(again, thing, "{}", String::from_utf8_lossy(&written));
    }
});
