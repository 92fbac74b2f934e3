//! What the four operations share that make keys for data.

use crate::context::Context;
use crate::cryptography;
use crate::key::Key;
use crate::limits;
use crate::refusal::Refusal;
use crate::service::Inner;
use crate::spec::{KeySpec, SYMMETRIC_DEFAULT};
use crate::using::for_encryption;
use names::AccountId;
use seal::Secret;

/// How many bytes: said as a number or by a spec, and by one of them alone.
pub(crate) fn bytes(number: Option<i32>, spec: Option<&str>) -> Result<usize, Refusal> {
    match (number, spec) {
        (Some(number), None) if (1..=limits::DATA_KEY_BYTES_MAX).contains(&number) => Ok(number as usize),
        (None, Some("AES_128")) => Ok(16),
        (None, Some(_)) => Ok(32),
        _ => Err(Refusal::validation("Please specify either number of bytes or key spec.")),
    }
}

/// The spec of a pair that a key seals for an operation: asked before the pair is made, which takes long for some.
pub(crate) fn checked(key: &Key, operation: &str, spec: &str, dry_run: Option<bool>) -> Result<KeySpec, Refusal> {
    let spec = KeySpec::named(spec)?;
    for_encryption(key, operation, SYMMETRIC_DEFAULT)?;
    if dry_run == Some(true) { Err(Refusal::dry_run()) } else { Ok(spec) }
}

/// A pair of keys for data.
pub(crate) struct Pair {
    pub(crate) public: Vec<u8>,
    /// PKCS #8.
    pub(crate) private: Secret,
    pub(crate) sealed: Vec<u8>,
}

/// Makes a pair of a spec for somebody of an account, its private half sealed with a key.
pub(crate) async fn pair(
    service: &Inner,
    asker: AccountId,
    key: &Key,
    operation: &str,
    spec: KeySpec,
    context: &Context,
) -> Result<Pair, Refusal> {
    let (private, public) = service.making(asker, spec, move || cryptography::make_pair(spec)).await?;
    let sealed = service.encrypt(key, operation, SYMMETRIC_DEFAULT, private.expose(), context)?;
    Ok(Pair { public, private, sealed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_said_in_one_way() {
        assert_eq!((bytes(Some(5), None), bytes(None, Some("AES_128"))), (Ok(5), Ok(16)));
        assert_eq!(bytes(None, Some("AES_256")), Ok(32));
        for (number, spec) in [(None, None), (Some(5), Some("AES_128"))] {
            let refusal = bytes(number, spec).unwrap_err();
            assert_eq!(refusal.message, "Please specify either number of bytes or key spec.");
        }
    }
}
