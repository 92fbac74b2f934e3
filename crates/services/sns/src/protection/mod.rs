//! Message data protection: what a topic's data protection policy does to a message (ADR 0051).
//!
//! A policy is an attribute of its topic that nobody is shown among the others ([`ATTRIBUTE`]), so it is as durable as they are. It is
//! checked and read when it is set (`policy.rs`) and held in the topic's view. A publish to a topic with a policy looks for what the policy
//! names (`find.rs`: AWS's identifiers of `managed.rs`, and the policy's own) in the message's bodies; subject and attributes are not
//! looked at, as AWS looks at the payload alone. What is forbidden is refused, and what is to be hidden is hidden, before anything of the
//! message is kept.
//!
//! What is asked to be told is told when it is published (`audit.rs`). Who may not have a message is passed over when it goes out (`deliveries.rs`).
//!
//! Sources: "Message data protection" of the SNS Developer Guide, with its pages on operations and data types.

mod audit;
mod checks;
mod deliveries;
mod find;
mod managed;
mod patterns;
mod policy;

pub(crate) use audit::Audited;
pub(crate) use deliveries::Outbound;
#[cfg(test)]
pub(crate) use managed::Managed;
pub(crate) use patterns::Patterns;

use crate::api::errors;
use crate::catalog::TopicEntry;
use crate::message::Message;
use crate::refusal::Refusal;
use crate::service::Inner;
use find::Identifier;
use gateway::Caller;
use policy::{Action, Direction, Principals, Source, Statement};
use std::ops::Range;

/// Where a topic keeps its policy.
pub(crate) const ATTRIBUTE: &str = ".DataProtectionPolicy";

/// A policy as messages meet it.
pub(crate) struct Protection {
    statements: Vec<Statement>,
    /// Whether what is kept cannot be read: then nothing passes, since nobody knows what may.
    is_unreadable: bool,
}

/// What stands in the place of what was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hidden {
    /// This for each character.
    Masked(char),
    Gone,
}

impl Protection {
    /// Checks a policy; what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        Self::read(text, Source::Request)
    }

    fn read(text: &str, source: Source) -> Result<Self, String> {
        Ok(Self { statements: policy::parse(text, source)?, is_unreadable: false })
    }

    /// A policy that is kept.
    pub(crate) fn in_force(text: &str) -> Self {
        Self::read(text, Source::Log).unwrap_or_else(|why| {
            tracing::error!(
                why,
                "a data protection policy cannot be read: nothing is published to its topic until it is set anew"
            );
            Self { statements: Vec::new(), is_unreadable: true }
        })
    }

    /// Whether it asks for lines of a log.
    pub(crate) fn writes(&self) -> bool {
        self.statements.iter().any(|one| matches!(&one.action, Action::Audit(audit) if audit.writes()))
    }

    /// What its audit finds in the `nth` message of a request, if that is one of its sample.
    fn audited(&self, service: &Inner, (caller, nth): (&Caller, usize), of: (&str, &Message)) -> Option<Audited> {
        let principal = caller.identity.caller.lasting_arn();
        let mut own = self.statements.iter().filter(|one| one.is_about(Direction::Inbound, principal));
        own.find_map(|one| match &one.action {
            Action::Audit(audit) => audit.of(one, service, (caller, nth), of),
            _ => None,
        })
    }

    /// Whether it may forbid a delivery.
    pub(crate) fn is_outbound(&self) -> bool {
        self.is_unreadable || self.statements.iter().any(|one| one.direction == Direction::Outbound)
    }

    /// Refuses a message that the policy forbids this principal to publish, and hides in it what the policy says. `seen` looks at it in between.
    fn inbound<T>(
        &self,
        (topic, principal): (&str, &str),
        message: &mut Message,
        patterns: &Patterns,
        seen: impl FnOnce(&Message) -> Option<T>,
    ) -> Result<Option<T>, Refusal> {
        let refused = || {
            let why =
                format!("The topic's data protection policy prohibits this message from being published to {topic}");
            Refusal::new(&errors::AUTHORIZATION_ERROR_EXCEPTION, why)
        };
        if self.is_unreadable {
            return Err(refused());
        }
        let own: Vec<&Statement> =
            self.statements.iter().filter(|one| one.is_about(Direction::Inbound, principal)).collect();
        if own.is_empty() {
            return Ok(None);
        }
        for text in message.texts() {
            let mut search = Search::of(text, patterns);
            let mut forbids = own.iter().filter(|one| one.action == Action::Deny);
            if forbids.any(|one| one.identifiers.iter().any(|identifier| search.has(identifier))) {
                return Err(refused());
            }
        }
        let seen = seen(message);
        if !own.iter().any(|one| matches!(one.action, Action::Hide(_))) {
            return Ok(seen);
        }
        let is_left = message.rewrite(|text| hidden(&own, text, patterns));
        // "…when the entire message is sensitive."
        if is_left { Ok(seen) } else { Err(refused()) }
    }
}

/// Refuses what a topic's policy forbids a caller to publish, and hides what it hides, before anything of the message is kept; what there
/// is to tell when it is published as the `nth` of its request.
pub(crate) fn admit(
    service: &Inner,
    caller: &Caller,
    (topic, protection): (&TopicEntry, Option<&Protection>),
    (message, nth): (&mut Message, usize),
) -> Result<Option<Audited>, Refusal> {
    let Some(protection) = protection else { return Ok(None) };
    let between = (&*topic.arn, caller.identity.caller.lasting_arn());
    protection.inbound(between, message, &service.patterns, |message| {
        protection.audited(service, (caller, nth), (&topic.arn, message))
    })
}

impl Statement {
    fn is_about(&self, direction: Direction, principal: &str) -> bool {
        self.direction == direction && self.principals.are(principal)
    }
}

impl Principals {
    /// Whether this is one of them.
    fn are(&self, principal: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(named) => named.iter().any(|name| **name == *principal),
        }
    }
}

/// A text, and what was found in it already.
struct Search<'a> {
    text: &'a str,
    patterns: &'a Patterns,
    found: Vec<(&'a str, Vec<Range<usize>>)>,
}

impl<'a> Search<'a> {
    fn of(text: &'a str, patterns: &'a Patterns) -> Self {
        Self { text, patterns, found: Vec::new() }
    }

    /// Each is looked for once, however many statements name it.
    fn places(&mut self, identifier: &'a Identifier) -> &[Range<usize>] {
        let name = identifier.name();
        let place = self.found.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
            self.found.push((name, identifier.find(self.text, self.patterns)));
            self.found.len() - 1
        });
        &self.found[place].1
    }

    fn has(&mut self, identifier: &'a Identifier) -> bool {
        !self.places(identifier).is_empty()
    }
}

/// A text with what statements hide; itself where they hide nothing, and nothing where all of it would be hidden.
fn hidden(statements: &[&Statement], text: &str, patterns: &Patterns) -> Option<String> {
    let mut search = Search::of(text, patterns);
    let mut places: Vec<(Range<usize>, Hidden)> = Vec::new();
    for statement in statements {
        let Action::Hide(how) = &statement.action else { continue };
        for identifier in &statement.identifiers {
            places.extend(search.places(identifier).iter().map(|range| (range.clone(), *how)));
        }
    }
    places.sort_by_key(|(range, _)| range.start);
    let (mut out, mut upto, mut is_left) = (String::with_capacity(text.len()), 0, places.is_empty());
    for (range, how) in places {
        if range.end <= upto {
            continue;
        }
        // Of places that overlap each hides what is not hidden yet.
        let start = range.start.max(upto);
        is_left |= has_text(&text[upto..start]);
        out.push_str(&text[upto..start]);
        if let Hidden::Masked(with) = how {
            out.extend(text[start..range.end].chars().map(|_| with));
        }
        upto = range.end;
    }
    is_left |= has_text(&text[upto..]);
    out.push_str(&text[upto..]);
    is_left.then_some(out)
}

fn has_text(text: &str) -> bool {
    !text.trim().is_empty()
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
