//! RSA over SHA-1 (PKCS #1 v1.5), which version 1 of SNS's signatures is and aws-lc-rs only verifies.
//!
//! AWS-LC itself signs so; aws-lc-rs just has no name for it. This module is the one place of the house that calls C by hand: four
//! functions, behind a type that nothing can be done wrong with (ADR 0050). Source: AWS-LC's `openssl/rsa.h` and `openssl/evp.h`.
#![allow(unsafe_code, reason = "AWS-LC signs over SHA-1 and its Rust library does not; ADR 0050")]

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use aws_lc_sys::{
    CBS, EVP_PKEY_free, EVP_PKEY_get1_RSA, EVP_parse_private_key, NID_sha1, RSA, RSA_free, RSA_sign, RSA_size,
};
use std::fmt;
use std::ptr::NonNull;

/// An RSA key that signs over SHA-1 and does nothing else. AWS-LC wipes it when it is let go of.
pub struct Sha1Signer {
    rsa: NonNull<RSA>,
    /// What `RSA_sign` may write.
    signature_bytes: usize,
}

// SAFETY: "A given object may be used concurrently on multiple threads by non-mutating functions" (`rsa.h`); nothing here mutates it
// between `RSA_free` and its making, and the blinding that `RSA_sign` keeps in it has a lock of its own.
unsafe impl Send for Sha1Signer {}
// SAFETY: as above.
unsafe impl Sync for Sha1Signer {}

impl fmt::Debug for Sha1Signer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Sha1Signer({} bits)", self.signature_bytes * 8)
    }
}

impl Drop for Sha1Signer {
    fn drop(&mut self) {
        // SAFETY: it is ours, was made by `EVP_PKEY_get1_RSA`, and is not used again.
        unsafe { RSA_free(self.rsa.as_ptr()) }
    }
}

impl Sha1Signer {
    /// The RSA key of a PKCS #8 document (DER); nothing if it holds another kind of key, or is none.
    pub fn from_pkcs8(pkcs8: &[u8]) -> Option<Self> {
        let mut reader = CBS { data: pkcs8.as_ptr(), len: pkcs8.len() };
        // SAFETY: the reader names a slice that lives longer than the call, which copies what it keeps. It is null or ours.
        let key = NonNull::new(unsafe { EVP_parse_private_key(&raw mut reader) })?;
        // SAFETY: the key is there; what comes is null, for a key that is not RSA, or a reference of our own.
        let rsa = unsafe { EVP_PKEY_get1_RSA(key.as_ptr()) };
        // SAFETY: it is ours and is not used again; the reference above keeps what is needed.
        unsafe { EVP_PKEY_free(key.as_ptr()) };
        let rsa = NonNull::new(rsa)?;
        // SAFETY: it is there.
        let signature_bytes = unsafe { RSA_size(rsa.as_ptr()) };
        Some(Self { rsa, signature_bytes: usize::try_from(signature_bytes).ok()? })
    }

    /// The signature of a text, as long as the key's modulus. Nothing if AWS-LC cannot: it found the key to be none, or has no chance.
    pub fn sign(&self, text: &[u8]) -> Option<Vec<u8>> {
        let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, text);
        let hash = hash.as_ref();
        let mut signature = vec![0; self.signature_bytes];
        let mut written = 0;
        // SAFETY: the hash is as long as is said; the signature has `RSA_size` bytes of room, and no more are written.
        let is_signed = unsafe {
            RSA_sign(NID_sha1, hash.as_ptr(), hash.len(), signature.as_mut_ptr(), &raw mut written, self.rsa.as_ptr())
        };
        let is_whole = is_signed == 1 && usize::try_from(written) == Ok(signature.len());
        is_whole.then_some(signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
    use aws_lc_rs::rsa::{KeyPair, KeySize};
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
        UnparsedPublicKey,
    };

    fn key() -> (KeyPair, Sha1Signer) {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let pkcs8: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let signer = Sha1Signer::from_pkcs8(pkcs8.as_ref()).unwrap();
        (pair, signer)
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "that a key is used by many threads is what is tested")]
    fn what_it_signs_is_verified_by_the_public_half_alone_also_from_many_threads() {
        let (pair, signer) = key();
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, pair.public_key().as_ref());
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (signer, public) = (&signer, &public);
                scope.spawn(move || {
                    for nth in 0..20 {
                        let text = format!("{thread} {nth}");
                        let signature = signer.sign(text.as_bytes()).unwrap();
                        assert!(public.verify(text.as_bytes(), &signature).is_ok());
                        assert!(public.verify(b"other", &signature).is_err());
                    }
                });
            }
        });
    }

    #[test]
    fn what_is_no_rsa_key_is_none() {
        let curve = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let curve = curve.to_pkcs8v1().unwrap();
        let (pair, _) = key();
        let whole: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        for bytes in [b"".as_slice(), b"none", curve.as_ref(), &whole.as_ref()[..whole.as_ref().len() - 1]] {
            assert!(Sha1Signer::from_pkcs8(bytes).is_none());
        }
    }
}
