//! A root key from a passphrase: scrypt (RFC 7914) with a salt and a cost that are kept beside what the key wraps.
//!
//! ```text
//!  0         1       2   3   4      20
//! +---------+-------+---+---+------+
//! | version | log2N | r | p | salt |
//! +---------+-------+---+---+------+
//! ```
//!
//! The salt is no secret. It is made once, by chance; without it the passphrase is of no use.

use crate::key::KEY_BYTES;
use crate::local::LocalRootKey;
use crate::secret::Secret;
use scrypt::Params;
use std::fmt;
use zeroize::Zeroizing;

/// The length of what is kept beside the wrapped keys.
pub const SALT_BYTES: usize = 20;
const VERSION: u8 = 1;
/// 128 MiB and about half a second, once at each start: OWASP's first choice for scrypt.
const COST: (u8, u8, u8) = (17, 8, 1);
/// What a file from elsewhere may ask for: 1 GiB. More is no salt that this program wrote.
const LOG_N_MAX: u8 = 20;

/// The bytes are no salt of a version that is known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MalformedSalt;

impl fmt::Display for MalformedSalt {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("what is kept for the passphrase is damaged, or a newer version wrote it")
    }
}

impl std::error::Error for MalformedSalt {}

/// How a passphrase becomes a root key: the cost and the salt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passphrase {
    log_n: u8,
    r: u8,
    p: u8,
    salt: [u8; 16],
}

impl Passphrase {
    /// With today's cost and a salt by chance.
    pub fn new(salt: [u8; 16]) -> Self {
        let (log_n, r, p) = COST;
        Self { log_n, r, p, salt }
    }

    /// What is to be kept.
    pub fn encode(&self) -> [u8; SALT_BYTES] {
        let mut bytes = [0; SALT_BYTES];
        bytes[..4].copy_from_slice(&[VERSION, self.log_n, self.r, self.p]);
        bytes[4..].copy_from_slice(&self.salt);
        bytes
    }

    /// What was kept.
    pub fn decode(bytes: &[u8]) -> Result<Self, MalformedSalt> {
        let bytes: &[u8; SALT_BYTES] = bytes.try_into().map_err(|_| MalformedSalt)?;
        let &[version, log_n, r, p, ..] = bytes;
        let sensible =
            version == VERSION && (1..=LOG_N_MAX).contains(&log_n) && (1..=8).contains(&r) && (1..=4).contains(&p);
        if !sensible {
            return Err(MalformedSalt);
        }
        Ok(Self { log_n, r, p, salt: bytes[4..].try_into().expect("16 bytes") })
    }

    /// The root key. Takes half a second and 128 MiB, on purpose.
    pub fn root_key(&self, passphrase: &Secret) -> LocalRootKey {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        let params =
            Params::new(self.log_n, self.r.into(), self.p.into()).expect("decode and new give costs that scrypt takes");
        scrypt::scrypt(passphrase.expose(), &self.salt, &params, &mut *bytes).expect("32 bytes can be derived");
        LocalRootKey::new(&bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root::RootKey;

    fn cheap(salt: [u8; 16]) -> Passphrase {
        Passphrase { log_n: 4, ..Passphrase::new(salt) }
    }

    #[test]
    fn scrypt_answers_as_rfc_7914_says() {
        let mut out = [0; 64];
        scrypt::scrypt(b"password", b"NaCl", &Params::new(10, 8, 16).unwrap(), &mut out).unwrap();
        let wanted = "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162\
                      2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640";
        assert_eq!(out.map(|byte| format!("{byte:02x}")).concat(), wanted);
    }

    #[test]
    fn the_same_passphrase_and_salt_give_the_same_root_key() {
        let kept = Passphrase::decode(&cheap([5; 16]).encode()).unwrap();
        let key = kept.root_key(&Secret::from("correct horse"));
        assert_eq!(key.id(), cheap([5; 16]).root_key(&Secret::from("correct horse")).id());
        assert_ne!(key.id(), cheap([5; 16]).root_key(&Secret::from("correct hose")).id());
        assert_ne!(key.id(), cheap([6; 16]).root_key(&Secret::from("correct horse")).id());
    }

    #[test]
    fn a_cost_that_nobody_would_write_is_refused() {
        let sound = Passphrase::new([1; 16]).encode();
        assert_eq!(Passphrase::decode(&sound), Ok(Passphrase::new([1; 16])));
        for (at, byte) in [(0, 2), (1, 0), (1, 40), (2, 0), (2, 255), (3, 0), (3, 200)] {
            let mut bytes = sound;
            bytes[at] = byte;
            assert_eq!(Passphrase::decode(&bytes), Err(MalformedSalt), "byte {at} = {byte}");
        }
        assert_eq!(Passphrase::decode(&sound[..19]), Err(MalformedSalt));
    }
}
