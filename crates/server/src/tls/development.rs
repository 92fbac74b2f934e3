//! The certificate for whoever configured none: signed by the data folder's own authority when the first client asks for
//! TLS, and anew every month.
//!
//! Who never asks never pays: a start looks whether the authority's files are there and does no more.

use super::authority::Authority;
use super::certificate;
use super::settings::Settings;
use rustls::ServerConfig;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// After this long the next connection has a new one made; it would last a year longer.
const REMADE_AFTER: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Makes and keeps the development certificate.
pub(super) struct Development {
    authority: Authority,
    made: Mutex<Option<(Instant, Arc<ServerConfig>)>>,
}

impl Development {
    /// A certificate that this authority will sign.
    pub(super) fn new(authority: Authority) -> Self {
        Self { authority, made: Mutex::new(None) }
    }

    /// How connections are greeted.
    pub(super) fn config(&self, settings: &Settings) -> Result<Arc<ServerConfig>, String> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        match made.as_ref() {
            Some((at, config)) if at.elapsed() < REMADE_AFTER => return Ok(Arc::clone(config)),
            _ => {}
        }
        let names: Vec<String> = settings.names.iter().chain(&settings.acme.domains).cloned().collect();
        let config = Arc::new(certificate::server_config(self.authority.sign(&names)?, settings)?);
        *made = Some((Instant::now(), Arc::clone(&config)));
        Ok(config)
    }

    /// Forgets the certificate, so that the next connection has one made of what the files hold then.
    pub(super) fn forget(&self) {
        *self.made.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
