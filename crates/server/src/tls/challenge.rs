//! The answers to an ACME authority that asks whether we serve a name: TLS-ALPN-01 (RFC 8737).
//!
//! The authority connects to our port with the protocol `acme-tls/1` and the name; we show a certificate, signed by itself,
//! that holds the digest of what only the one who ordered can know. Nothing is ever said over such a connection.

use super::provider;
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::server::ClientHello;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

const PROTOCOL: &[u8] = b"acme-tls/1";

/// Questions that may be asked at this moment, by name.
#[derive(Default)]
pub(super) struct Challenges(Mutex<HashMap<String, Arc<ServerConfig>>>);

impl Challenges {
    /// From now on `name` is answered with this digest.
    pub(super) fn expect(&self, name: &str, digest: &[u8]) -> Result<(), String> {
        let config = answer(name, digest).map_err(|error| format!("no answer for {name} could be made: {error}"))?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), Arc::new(config));
        Ok(())
    }

    /// Nobody is expected any more.
    pub(super) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The answer, if this client is an authority that asks what is expected.
    pub(super) fn answer(&self, hello: &ClientHello<'_>) -> Option<Arc<ServerConfig>> {
        let mut offered = hello.alpn()?;
        let asks = offered.any(|protocol| protocol == PROTOCOL);
        let name = hello.server_name().filter(|_| asks)?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
}

fn answer(name: &str, digest: &[u8]) -> Result<ServerConfig, Box<dyn std::error::Error>> {
    let key = KeyPair::generate()?;
    let mut parameters = CertificateParams::new([name.to_owned()])?;
    parameters.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let certificate = parameters.self_signed(&key)?.der().clone();
    let provider = provider();
    let key = provider.key_provider.load_private_key(PrivatePkcs8KeyDer::from(key.serialize_der()).into())?;
    // rustls' own check of the pair reads the certificate, and gives up at the extension that RFC 8737 demands to be critical.
    let certified = CertifiedKey::new(vec![certificate], key);
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = builder.with_no_client_auth().with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    Ok(config)
}
