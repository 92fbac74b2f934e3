//! How a certificate is served: its chain and key, who else must show one, which protocols are offered.
//!
//! A certificate whose key is another's is refused here, before it could be served.

use super::provider;
use super::settings::{ClientAuth, Settings};
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{RootCertStore, ServerConfig};
use std::path::Path;
use std::sync::Arc;

/// What is offered by ALPN, the better first: HTTP/2 for the SDKs that multiplex, HTTP/1.1 for all.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Chain and key, which belong together.
pub(super) type Pair = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// Reads a chain and its key.
pub(super) fn read(certificate: &Path, key: &Path) -> Result<Pair, String> {
    let chain = read_certificates(certificate)?;
    let failed = |why: String| format!("{}: {why}", key.display());
    let text = std::fs::read(key).map_err(|error| failed(error.to_string()))?;
    Ok((chain, key_of(&text).map_err(failed)?))
}

/// The same of texts.
pub(super) fn pair_of(chain: &str, key: &str) -> Result<Pair, String> {
    Ok((certificates_of(chain.as_bytes())?, key_of(key.as_bytes())?))
}

fn key_of(text: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_slice(text).map_err(|_| "there is no private key in PEM in it".into())
}

/// Reads one certificate or more.
pub(super) fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let failed = |why: String| format!("{}: {why}", path.display());
    let text = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
    certificates_of(&text).map_err(failed)
}

fn certificates_of(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let chain = CertificateDer::pem_slice_iter(text).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| error.to_string())?;
    if chain.is_empty() { Err("there is no certificate in PEM in it".into()) } else { Ok(chain) }
}

/// A pair that goes together.
pub(super) fn certified((chain, key): Pair) -> Result<CertifiedKey, String> {
    CertifiedKey::from_der(chain, key, &provider())
        .map_err(|error| format!("certificate and key do not go together: {error}"))
}

/// How connections are greeted with this pair.
pub(super) fn server_config(certified: CertifiedKey, settings: &Settings) -> Result<ServerConfig, String> {
    let provider = provider();
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
    let builder = match &settings.client_ca {
        None => builder.with_no_client_auth(),
        Some(file) => {
            let roots = Arc::new(roots(file)?);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
            let verifier = match settings.client_auth {
                ClientAuth::Required => verifier,
                ClientAuth::Off | ClientAuth::Optional => verifier.allow_unauthenticated(),
            };
            let verifier = verifier.build().map_err(|error| format!("{}: {error}", file.display()))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    config.alpn_protocols = PROTOCOLS.map(Vec::from).to_vec();
    // A ticket spares the next connection of the same client most of the handshake. Its keys go with this configuration,
    // so nobody resumes what an older client_ca had let in.
    config.ticketer = Ticketer::new().map_err(|error| error.to_string())?;
    Ok(config)
}

fn roots(file: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in read_certificates(file)? {
        roots.add(certificate).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok(roots)
}
