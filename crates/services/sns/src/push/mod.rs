//! Mobile push: applications, their endpoints, and what is sent to them (ADR 0047).
//!
//! `page.rs` is the machine, `records.rs` its records, `applications.rs` knows which there are; `ops/` holds the operations. What is
//! published to an endpoint waits in a queue of its application, what a topic has for a subscribed endpoint in the subscription's
//! (`crate::outbox`); `sending.rs` brings both to the platform's service, or, where that is given no address, to `messages.rs` alone.

mod applications;
mod attributes;
#[cfg(test)]
mod crash_tests;
pub(crate) mod events;
mod limits;
mod messages;
#[cfg(test)]
mod needs_tests;
pub(crate) mod ops;
mod page;
pub(crate) mod payload;
mod platform;
pub(crate) mod publish;
mod records;
mod refusals;
mod sending;
mod serving;
#[cfg(test)]
mod tests;

pub(crate) use page::Page;
pub(crate) use platform::{AppKey, Platform, is_endpoint, platform_of};
pub use records::{FAMILY, describe};
pub(crate) use sending::{deliver, target};
pub(crate) use serving::{failed, served};

use crate::refusal::Refusal;
use crate::service::Inner;
use applications::Applications;
use engine::{Recovery, Store};
use messages::Messages;
use std::sync::Arc;

/// All of mobile push.
pub(crate) struct Push {
    pub(crate) applications: Applications,
    pub(crate) messages: Messages,
    pub(crate) urls: PushUrls,
}

/// Where push services are. What is sent for one without an address goes nowhere, but to the messages that can be looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PushUrls {
    /// Apple's, for production.
    pub apns: Option<String>,
    /// Apple's, for development.
    pub apns_sandbox: Option<String>,
    /// Google's.
    pub fcm: Option<String>,
    /// Where access to Google's comes from.
    pub fcm_token: String,
    /// Amazon's.
    pub adm: Option<String>,
    /// Where access to Amazon's comes from.
    pub adm_token: String,
}

impl PushUrls {
    pub(crate) fn of(&self, platform: Platform) -> Option<&str> {
        match platform {
            Platform::Adm => self.adm.as_deref(),
            Platform::Gcm => self.fcm.as_deref(),
            apples if apples.is_sandbox() => self.apns_sandbox.as_deref(),
            _ => self.apns.as_deref(),
        }
    }
}

impl Push {
    pub(crate) fn recovered(store: Arc<Store>, recovery: Recovery<Page>, urls: PushUrls) -> Self {
        let applications = Applications::recovered(store, recovery);
        Self { applications, messages: Messages::default(), urls }
    }
}

/// Checks the value of a reserved message attribute.
pub(crate) fn check_reserved(name: &str, text: Option<&str>) -> Result<(), Refusal> {
    let is_secs = |text: &str| !text.is_empty() && text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_digit());
    match name.starts_with(RESERVED) && name.ends_with(".TTL") && !text.is_some_and(is_secs) {
        true => Err(Refusal::invalid(format!("Message attribute {name} Reason: it must be a whole number of seconds"))),
        false => Ok(()),
    }
}

/// How the names of message attributes begin that are for push services.
pub(crate) const RESERVED: &str = "AWS.SNS.MOBILE.";

impl Inner {
    /// Deletes an application with what waits for it.
    pub(crate) fn delete_application(&self, key: &AppKey) -> Result<(), Refusal> {
        if let Some(gone) = self.push.applications.delete(key)? {
            self.close(gone.id);
            self.status.forget_topic(&gone.arn);
        }
        Ok(())
    }
}
