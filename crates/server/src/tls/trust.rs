//! The other side of TLS: whom we believe when we are the client, of a server's certificate or an authority's.

use super::certificate::read_certificates;
use super::provider;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::TlsConnector;

/// Who speaks HTTP/1.1 to servers whose certificate the system's roots vouch for, or one in `files`.
pub(crate) fn connector(files: &[&Path]) -> Result<TlsConnector, String> {
    let mut roots = RootCertStore::empty();
    // Of the system's roots those that are broken are passed over: none of them is the one that was meant by name.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    for file in files {
        for certificate in read_certificates(file)? {
            roots.add(certificate).map_err(|error| format!("{}: {error}", file.display()))?;
        }
    }
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

/// The name that a certificate has to be for.
pub(crate) fn server_name(host: &str) -> Result<ServerName<'static>, String> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    ServerName::try_from(host.to_owned()).map_err(|_| format!("{host:?} is no name that a certificate could be for"))
}
