//! The other side of a signature: how a client of ours makes one.
//!
//! What is signed is written by the same code that verifies, out of a draft whose signature is zeros; so the two cannot part.

use super::canonical::write_hex;
use super::claim::{ALGORITHM, Claim, stamp};
use super::keys::{derive, to_sign};
use super::{Fault, Incoming};
use crate::Secret;
use aws_lc_rs::hmac::sign;
use names::Instant;

/// Who signs, and for what.
#[derive(Debug, Clone, Copy)]
pub struct Signer<'a> {
    /// The access key id.
    pub access_key: &'a str,
    /// Its secret.
    pub secret: &'a Secret,
    /// The session token that came with a temporary key.
    pub token: Option<&'a str>,
    /// The region that the request is meant for.
    pub region: &'a str,
    /// The service's signing name, e.g. `sqs`.
    pub service: &'a str,
}

impl Signer<'_> {
    /// The headers to add to a request so that it is signed with all that it has: `x-amz-date`, the token's, and
    /// `authorization`. The request needs its host among its headers. A fault is told if it cannot be signed at all.
    pub fn sign(&self, request: &Incoming<'_>, now: Instant) -> Result<Vec<(&'static str, String)>, Fault> {
        let stamp = stamp(Instant::EPOCH.plus_secs(now.as_secs()));
        let mut names: Vec<String> = request.headers.iter().map(|(name, _)| name.to_lowercase()).collect();
        names.push("x-amz-date".into());
        names.extend(self.token.map(|_| "x-amz-security-token".into()));
        names.sort_unstable();
        names.dedup();
        let Self { access_key, region, service, .. } = self;
        let mut authorization = format!(
            "{ALGORITHM} Credential={access_key}/{}/{region}/{service}/aws4_request, SignedHeaders={}, Signature=",
            &stamp[..8],
            names.join(";")
        );
        let draft = format!("{authorization}{}", "0".repeat(64));
        let mut headers = request.headers.to_vec();
        headers.extend([("x-amz-date", stamp.as_bytes()), ("authorization", draft.as_bytes())]);
        headers.extend(self.token.map(|token| ("x-amz-security-token", token.as_bytes())));
        let request = Incoming { headers: &headers, ..*request };
        let claim = Claim::read(&request)?;
        let signature = sign(&derive(self.secret, &claim), to_sign(&request, &claim)?.as_bytes());
        write_hex(&mut authorization, signature.as_ref());
        let mut added = vec![("x-amz-date", stamp.clone()), ("authorization", authorization)];
        added.extend(self.token.map(|token| ("x-amz-security-token", token.to_owned())));
        Ok(added)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sigv4::Keys;

    #[test]
    fn what_is_signed_here_is_verified_here() {
        let now = Instant::from_millis(1_700_000_000_123);
        let secret = Secret::from("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
        for token in [None, Some("a/token+==")] {
            let signer = Signer { access_key: "AKID", secret: &secret, token, region: "eu-west-1", service: "sqs" };
            let plain: &[(&str, &[u8])] = &[("Host", b"localhost:4566"), ("x-amz-target", b"AmazonSQS.ListQueues")];
            let request = Incoming { method: "POST", path: "/", query: "", headers: plain, body: b"{}" };
            let added = signer.sign(&request, now).unwrap();
            let mut headers = plain.to_vec();
            headers.extend(added.iter().map(|(name, value)| (*name, value.as_bytes())));
            let request = Incoming { headers: &headers, ..request };
            let claim = Claim::read(&request).unwrap();
            assert_eq!((claim.access_key(), claim.token(), claim.region()), ("AKID", token, Some("eu-west-1")));
            assert!(Keys::new().verify(&request, &claim, now, &secret).is_ok());
            let other = Incoming { body: b"{ }", ..request };
            assert_eq!(Keys::new().verify(&other, &claim, now, &secret).unwrap_err(), Fault::Mismatch);
        }
    }
}
