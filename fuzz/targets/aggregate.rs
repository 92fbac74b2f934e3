//! KPL aggregates of strangers: taken apart or refused without a panic; what was taken apart is packed and taken apart again alike.
//! The digest is put right first, or nothing would ever come behind it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use md5::{Digest, Md5};
use stream::{aggregate, disaggregate};

fuzz_target!(|message: &[u8]| {
    let _ = disaggregate(message);
    let whole = [&b"\xf3\x89\x9a\xc2"[..], message, &Md5::digest(message)].concat();
    if let Ok(records) = disaggregate(&whole) {
        let packed = aggregate(&records);
        assert_eq!(disaggregate(&packed), Ok(records));
    }
});
