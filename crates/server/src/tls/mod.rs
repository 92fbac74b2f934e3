//! TLS on the same port as plain HTTP: a connection whose first byte begins a TLS record is greeted with a handshake.
//!
//! In: a stream nobody has read from. Out: a stream of HTTP bytes and what protects it. The invariant: whatever goes wrong
//! with a certificate while the server runs, the one that was served before goes on, and the log says so. RFC 8446 for
//! the record's first byte (22, handshake), RFC 7301 for ALPN, RFC 8737 for ACME's challenge.

mod acme;
mod authority;
mod certificate;
mod challenge;
mod development;
mod door;
mod files;
mod settings;
mod trust;

pub(crate) use door::{Door, Opened};
pub(crate) use files::Stamp;
pub(crate) use settings::{Mode, Settings, client_auth, mode, names};
pub(crate) use trust::{connector, server_name};

use rustls::crypto::CryptoProvider;
use std::sync::Arc;

/// The one library of cryptography of the house (ADR 0018).
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}
