//! The certificate for whoever configured none: signed by the data folder's own authority when the first client asks for
//! TLS, and anew every month.
//!
//! Who never asks never pays: a start looks whether the authority's files are there and does no more.

use super::authority::Authority;
use super::certificate;
use super::settings::Settings;
use rustls::ServerConfig;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// After this long the next connection has a new one made; it would last a year longer.
const REMADE_AFTER: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How long the old one goes on when a new one cannot be made.
const TRIED_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// Makes and keeps the development certificate.
pub(super) struct Development {
    authority: Authority,
    made: Mutex<Option<Made>>,
}

struct Made {
    config: Arc<ServerConfig>,
    remade_at: Instant,
}

impl Development {
    /// A certificate that this authority will sign.
    pub(super) fn new(authority: Authority) -> Self {
        Self { authority, made: Mutex::new(None) }
    }

    /// How connections are greeted. If the next certificate cannot be made, the one before goes on.
    pub(super) fn config(&self, settings: &Settings) -> Result<Arc<ServerConfig>, String> {
        let mut made = self.made();
        let now = Instant::now();
        let new = match made.as_mut() {
            Some(made) if now < made.remade_at => return Ok(Arc::clone(&made.config)),
            Some(old) => self.make(settings).unwrap_or_else(|why| {
                tracing::error!(%why, "the development certificate cannot be made anew; the old one goes on");
                Made { config: Arc::clone(&old.config), remade_at: now + TRIED_AGAIN_AFTER }
            }),
            None => self.make(settings)?,
        };
        Ok(Arc::clone(&made.insert(new).config))
    }

    /// Makes the certificate anew of what the files hold now; after an error the old one stays.
    pub(super) fn remake(&self, settings: &Settings) -> Result<(), String> {
        let new = self.make(settings)?;
        *self.made() = Some(new);
        Ok(())
    }

    fn make(&self, settings: &Settings) -> Result<Made, String> {
        let names: Vec<String> = settings.names.iter().chain(&settings.acme.domains).cloned().collect();
        let certified = certificate::certified(self.authority.sign(&names)?)?;
        let config = Arc::new(certificate::server_config(certified, settings)?);
        Ok(Made { config, remade_at: Instant::now() + REMADE_AFTER })
    }

    fn made(&self) -> MutexGuard<'_, Option<Made>> {
        // It is replaced by one assignment.
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
