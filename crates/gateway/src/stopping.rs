//! The one signal that the server is going down.
//!
//! Connections finish the request they are at and close; operations that only wait (long polls) end early with what they
//! have. Once given, the signal is never taken back.

use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;

/// A handle on the signal. Cloning it costs one count, so every caller carries one.
#[derive(Clone)]
pub struct Stopping(Arc<watch::Sender<bool>>);

impl Stopping {
    /// A signal not yet given.
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// Gives the signal.
    pub fn set(&self) {
        self.0.send_replace(true);
    }

    /// Whether the signal was given.
    pub fn is_set(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns once the signal is given.
    pub async fn wait(&self) {
        let given = self.0.subscribe().wait_for(|given| *given).await.map(|_| ());
        given.expect("the sender lives in self");
    }
}

impl Default for Stopping {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Stopping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stopping").field(&self.is_set()).finish()
    }
}
