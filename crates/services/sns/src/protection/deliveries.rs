//! Which deliveries of a message its topic's policy forbids: statements whose direction is `Outbound`.
//!
//! It is decided when a message is published or replayed, by the policy of that moment. What is forbidden is delivered to nobody, to no
//! dead-letter queue either, whose readers are no subscribers; it is told as a delivery that failed.

use super::{Direction, Protection, Search};
use crate::attributes::SUBSCRIPTION_PRINCIPAL;
use crate::catalog::Receiver;
use crate::message::Message;
use crate::service::Inner;
use crate::topic::Subscription;
use std::sync::Arc;

/// One message on its way out. Each of its texts is searched once for each statement, however many receivers there are.
pub(crate) struct Outbound<'a> {
    protection: &'a Protection,
    service: &'a Inner,
    message: &'a Message,
    /// Statements and texts by their places, and whether the one found something in the other.
    known: Vec<(usize, *const u8, bool)>,
}

impl<'a> Outbound<'a> {
    pub(crate) fn of(service: &'a Inner, protection: &'a Protection, message: &'a Message) -> Self {
        Self { protection, service, message, known: Vec::new() }
    }

    /// Whether a subscription may not have the message.
    pub(crate) fn forbids(&mut self, subscription: &Subscription) -> bool {
        let principal = subscription.attributes.get(SUBSCRIPTION_PRINCIPAL);
        let text = self.message.body_for(subscription.body_name());
        let statements = self.protection.statements.iter().enumerate();
        let mut own = statements.filter(|(_, one)| one.direction == Direction::Outbound).filter(|(_, one)| {
            // Who subscribed before that was kept may be anybody.
            principal.is_none_or(|principal| one.principals.are(principal))
        });
        let protection = self.protection;
        protection.is_unreadable || own.any(|(place, _)| self.finds(place, text))
    }

    fn finds(&mut self, place: usize, text: &'a str) -> bool {
        let known = self.known.iter().find(|(known, at, _)| *known == place && *at == text.as_ptr());
        if let Some((.., found)) = known {
            return *found;
        }
        let mut search = Search::of(text, &self.service.patterns);
        let found = self.protection.statements[place].identifiers.iter().any(|identifier| search.has(identifier));
        self.known.push((place, text.as_ptr(), found));
        found
    }

    /// Those receivers that may have the message, and those that may not.
    pub(crate) fn parted(mut self, receivers: Vec<Arc<Receiver>>) -> (Vec<Arc<Receiver>>, Vec<Arc<Receiver>>) {
        receivers.into_iter().partition(|receiver| !self.forbids(&receiver.subscription))
    }
}
