//! A certificate with its key, as a client proves itself with in a TLS handshake.

use super::InvalidCredentials;
use rustls::ClientConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use sha2::{Digest, Sha256};
use std::fmt;
use std::sync::Arc;

/// A certificate and the key to it.
pub struct Certificate {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    /// Of the chain and the key: what connections are kept by.
    pub(super) digest: [u8; 32],
}

impl Certificate {
    /// Reads both out of PEM. The certificate may bring those of its authorities.
    pub fn read(chain: &str, key: &str) -> Result<Self, InvalidCredentials> {
        let digest = Sha256::new().chain_update(chain).chain_update([0]).chain_update(key).finalize().into();
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain.as_bytes()).collect();
        let chain = chain.ok().filter(|chain| !chain.is_empty()).ok_or(InvalidCredentials)?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| InvalidCredentials)?;
        let read = Self { chain, key, digest };
        read.certified(&rustls::crypto::aws_lc_rs::default_provider()).map(|_| read)
    }

    /// A configuration of clients that prove themselves with it.
    pub(super) fn on(&self, mut config: ClientConfig) -> Result<ClientConfig, InvalidCredentials> {
        let certified = self.certified(config.crypto_provider())?;
        config.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(certified));
        Ok(config)
    }

    fn certified(&self, provider: &rustls::crypto::CryptoProvider) -> Result<CertifiedKey, InvalidCredentials> {
        CertifiedKey::from_der(self.chain.clone(), self.key.clone_key(), provider).map_err(|_| InvalidCredentials)
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Certificate(…)")
    }
}
