//! A page of an application as a machine: some of its endpoints, and on the first one what the application is.
//!
//! An application has as many pages as its endpoints fill, each a partition of its own: what one change writes anew is a page, never all
//! of an application's endpoints, and pages that nobody uses rest as the bytes of their snapshots. Which page an endpoint stands on its id
//! says; that a token is no two endpoints' is the catalog's to keep (`applications.rs`), under its lock.

use super::limits::PAGE_ENDPOINTS;
use super::platform::{AppKey, EndpointId};
use super::records::{self, Effect};
use crate::topic::Pairs;
use crate::topic_key::SubscriptionId;
use access::Secret;
use engine::{Decision, Machine, MalformedRecord, Tally};
use names::{Instant, Position};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What an application is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct About {
    /// No application has the id of one that is gone.
    pub(crate) id: SubscriptionId,
    pub(crate) key: AppKey,
    pub(crate) created_at: Instant,
    /// Those that may be shown.
    pub(crate) attributes: Pairs,
    pub(crate) credentials: Credentials,
}

/// What proves to a push service who sends. It is never shown.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Credentials {
    pub(crate) credential: Secret,
    pub(crate) principal: Secret,
}

/// A device that an application runs on.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) id: EndpointId,
    pub(crate) token: Box<str>,
    /// Empty if there is none.
    pub(crate) user_data: Box<str>,
    pub(crate) is_enabled: bool,
}

impl std::fmt::Debug for Endpoint {
    /// Without what names a device.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Endpoint").field("id", &self.id.show()).field("is_enabled", &self.is_enabled).finish()
    }
}

/// What a page is of.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Head {
    /// The first page.
    Application(Arc<About>),
    /// A further one of the application with this id.
    Further { application: SubscriptionId, number: u32 },
}

/// One page.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Page {
    pub(super) head: Option<Head>,
    pub(super) endpoints: BTreeMap<u16, Endpoint>,
    pub(super) is_closed: bool,
}

/// What may be asked.
pub(crate) enum Command {
    /// Begins a page, or changes what the application is.
    Put(Head),
    PutEndpoint(u16, Endpoint),
    RemoveEndpoint(u16),
    Close,
}

/// What is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    Done,
    /// The page is closed, or has not begun.
    Gone,
}

impl Page {
    /// What it is of, unless it is over.
    pub(crate) fn head(&self) -> Option<&Head> {
        self.head.as_ref().filter(|_| !self.is_closed)
    }

    /// A place that no endpoint has.
    pub(crate) fn free_slot(&self) -> Option<u16> {
        let count = self.endpoints.len() as u16;
        let is_dense = self.endpoints.last_key_value().is_none_or(|(last, _)| last + 1 == count);
        let mut slots = if is_dense { count..PAGE_ENDPOINTS } else { 0..PAGE_ENDPOINTS };
        slots.find(|slot| !self.endpoints.contains_key(slot))
    }
}

impl Machine for Page {
    type Command = Command;
    type Effect = Effect;
    type Reply = Reply;
    type Content = ();

    const SNAPSHOT_VERSION: u8 = records::SNAPSHOT_VERSION;

    fn decide(&self, _now: Instant, command: Command) -> Decision<Effect, Reply> {
        let done = |effect| Decision::change(vec![effect], Reply::Done);
        match (command, self.head()) {
            (Command::Put(head), _) if !self.is_closed => done(Effect::HeadPut(head)),
            (_, None) => Decision::answer(Reply::Gone),
            (Command::Put(_), Some(_)) => Decision::answer(Reply::Gone),
            (Command::PutEndpoint(slot, endpoint), Some(_)) => done(Effect::EndpointPut(slot, endpoint)),
            (Command::RemoveEndpoint(slot), Some(_)) if self.endpoints.contains_key(&slot) => {
                done(Effect::EndpointGone(slot))
            }
            (Command::RemoveEndpoint(_), Some(_)) => Decision::answer(Reply::Done),
            (Command::Close, Some(_)) => done(Effect::Closed),
        }
    }

    fn apply(&mut self, _at: Position, effect: &Effect, _gone: &mut Vec<u64>) {
        match effect {
            Effect::HeadPut(head) => self.head = Some(head.clone()),
            Effect::EndpointPut(slot, endpoint) => _ = self.endpoints.insert(*slot, endpoint.clone()),
            Effect::EndpointGone(slot) => _ = self.endpoints.remove(slot),
            Effect::Closed => *self = Self { is_closed: true, ..Self::default() },
        }
    }

    fn tally(&self) -> Tally {
        let is_first = matches!(self.head(), Some(Head::Application(_)));
        Tally([u64::from(is_first), self.endpoints.len() as u64, 0])
    }

    fn snapshot(&self, out: &mut Vec<u8>) {
        records::put_page(self, out);
    }

    fn restore(version: u8, state: &[u8]) -> Result<Self, MalformedRecord> {
        let malformed = |why| MalformedRecord { kind: 0, version, why };
        if version != records::SNAPSHOT_VERSION {
            return Err(malformed("a snapshot's version that this program does not know"));
        }
        records::page(state).ok_or_else(|| malformed("a page's snapshot does not fit its length"))
    }

    fn is_over(&self) -> bool {
        self.is_closed
    }
}
