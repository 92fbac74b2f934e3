//! What no single key of the configuration can check: keys that need others, or that nothing would come of.
//!
//! Each refusal says which key, and what it takes. It is the configuration that is wrong, so nothing was opened before it.

use super::{Config, Verification};
use crate::audit::Which;
use crate::mode::Mode;
use crate::outgoing;

impl Config {
    /// What no single key can check.
    pub(super) fn check(&self, mode: Mode) -> Result<(), String> {
        self.tls.check()?;
        outgoing::mail_server(self)?;
        self.sms.options()?;
        if self.ephemeral && self.audit.file.is_none() && matches!(self.audit.events, Which::Management | Which::All) {
            return Err(
                "audit.events needs audit.file where ephemeral = true: there is no data folder to write in".into()
            );
        }
        if self.ephemeral && self.tls.is_required() && self.tls.is_development() {
            return Err(
                "tls.mode = required needs tls.cert and tls.key where ephemeral = true: without a data folder there \
                        is no authority to make a development certificate"
                    .into(),
            );
        }
        if self.ephemeral && !self.tls.acme.domains.is_empty() {
            return Err("acme.domains needs a data folder for what is ordered, and ephemeral = true has none".into());
        }
        let auth = self.auth(mode);
        let is_guarded = mode == Mode::Serve || auth == Verification::Verify;
        if is_guarded && self.s3_notifications.is_some() && self.s3_webhook_token.is_none() {
            let why =
                "s3.notifications opens a door: in `tidewire serve`, and with auth = verify, it takes s3.webhook_token";
            return Err(why.into());
        }
        if auth != Verification::Verify && self.organization.is_some() {
            return Err("organization takes auth = verify: nobody else is held to policies".into());
        }
        if auth == Verification::Verify || self.listen.ip().is_loopback() || self.allow_unauthenticated {
            return Ok(());
        }
        Err(format!(
            "listen = \"{}\" is reachable from other machines, and `tidewire {mode}` with auth = {} lets everybody do \
             everything: that takes auth = verify, or allow_unauthenticated = true",
            self.listen,
            auth.as_str()
        ))
    }
}
