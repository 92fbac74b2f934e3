//! The primitives against published vectors (the GCM specification's test cases 13 to 16, as NIST took them over) and
//! against independent programs; then what a key promises.

use super::*;

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn array<const N: usize>(hex: &str) -> [u8; N] {
    bytes(hex).try_into().unwrap()
}

const KEY: &str = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308";
const NONCE: &str = "cafebabefacedbaddecaf888";
const PLAIN: &str = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
                     1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255";
const TEXT: &str = "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
                    8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad";

fn check_vector(key: &str, nonce: &str, aad: &str, plain: &str, text_and_tag: &str) {
    let (key, nonce, aad, plain) = (Key::new(&array(key)), array(nonce), bytes(aad), bytes(plain));
    let mut sealed = b"before".to_vec();
    key.seal(&nonce, &aad, &plain, &mut sealed);
    assert_eq!(&sealed[..6], b"before");
    assert_eq!(sealed[6..], bytes(text_and_tag));
    assert_eq!(key.open(&nonce, &aad, &sealed[6..]), Ok(plain));
}

#[test]
fn test_cases_13_to_16_of_the_gcm_specification_hold() {
    let zeros = "00".repeat(32);
    check_vector(&zeros, &"00".repeat(12), "", "", "530f8afbc74536b9a963b4f1c4cb738b");
    let one_block = "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919";
    check_vector(&zeros, &"00".repeat(12), "", &"00".repeat(16), one_block);
    check_vector(KEY, NONCE, "", PLAIN, &format!("{TEXT}b094dac5d93471bdec1a502270e3cc6c"));
    let aad = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
    check_vector(KEY, NONCE, aad, &PLAIN[..120], &format!("{}76fc6ece0f4e1768cddf8853bb2d551b", &TEXT[..120]));
}

#[test]
fn a_derived_key_is_that_of_sp_800_108() {
    // python: cryptography's KBKDFHMAC, counter mode, four bytes each for counter and length, counter before the rest.
    let key = Key::new(&std::array::from_fn(|at| at as u8));
    let wanted = bytes("303790cfe363abe9682dbfff5941f23b32addc96da72f4c7e5b20e9f59a4e570");
    assert_eq!(key.derive_bytes(b"label", b"context")[..], wanted);
    let mut sealed = Vec::new();
    key.derive(b"label", b"context").seal(&[0; 12], b"", b"x", &mut sealed);
    assert_eq!(Key::new(&wanted.try_into().unwrap()).open(&[0; 12], b"", &sealed), Ok(b"x".to_vec()));
}

#[test]
fn label_and_context_cannot_be_mistaken_for_each_other() {
    let key = Key::new(&[1; 32]);
    assert_ne!(key.derive_bytes(b"ab", b"c"), key.derive_bytes(b"a", b"bc"));
    assert_ne!(key.derive_bytes(b"ab", b""), key.derive_bytes(b"a", b"b"));
}

#[test]
fn a_digest_under_a_key_is_hmac_sha256() {
    // python: hmac.new(bytes(range(32)), b"Hi There", hashlib.sha256)
    let key = Key::new(&std::array::from_fn(|at| at as u8));
    let wanted = bytes("278639ec02309d3afded1b273f1349ba63b9089c12476d716bee3ecc94673e9e");
    assert_eq!(key.mac(&[b"Hi ", b"There"])[..], wanted);
}

#[test]
fn every_flipped_bit_is_refused_and_every_other_nonce_key_or_binding() {
    let (key, nonce) = (Key::new(&[1; 32]), [2; 12]);
    let mut sealed = Vec::new();
    key.seal(&nonce, b"bound", b"payload", &mut sealed);
    for bit in 0..8 * sealed.len() {
        let mut changed = sealed.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(key.open(&nonce, b"bound", &changed), Err(Broken), "bit {bit}");
    }
    assert_eq!(key.open(&[3; 12], b"bound", &sealed), Err(Broken));
    assert_eq!(key.open(&nonce, b"bounds", &sealed), Err(Broken));
    assert_eq!(Key::new(&[9; 32]).open(&nonce, b"bound", &sealed), Err(Broken));
    assert_eq!(key.open(&nonce, b"bound", &sealed[..15]), Err(Broken));
    assert_eq!(key.open_into(&nonce, b"bound", &sealed, &mut [0; 6]), Err(Broken));
}

#[test]
fn in_place_is_the_same_as_behind_the_rest() {
    let (key, nonce) = (Key::new(&[1; 32]), [2; 12]);
    let mut sealed = Vec::new();
    key.seal(&nonce, b"bound", b"payload", &mut sealed);
    let mut bytes = *b"payload";
    let tag = key.seal_in_place(&nonce, b"bound", &mut bytes);
    assert_eq!(sealed, [&bytes[..], &tag].concat());
}

#[test]
fn nothing_of_a_key_is_shown() {
    assert_eq!(format!("{:?}", Key::new(&[0x5a; 32])), "Key(…)");
}
