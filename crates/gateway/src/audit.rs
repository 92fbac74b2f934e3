//! What happened at the front door, told to whoever keeps a record of it.
//!
//! The gateway knows facts: who asked for what, from where, and what came of it. Which of it is kept, how and where is the
//! [`Audit`]or's. What was asked and answered is overheard while the service reads and writes it ([`crate::heard`]), so
//! every protocol and every service is told alike, and secrets are left out before anybody could write them down.
//! A request that is wanted is told of whatever becomes of it, also if its client goes away while it is carried out.

use std::borrow::Cow;
use std::sync::Arc;

use http::header::USER_AGENT;
use http::request::Parts;
use names::{AccountId, Instant, Region};
use wire::schema::OperationShape;
use wire::{Timestamp, Write};

use crate::RequestId;
use crate::credential::Scope;
use crate::gateway::Origin;
use crate::heard::{self, Heard};
use crate::identity::Fact;
use crate::isolation;
use crate::limits::AUDITED_TEXT_BYTES_MAX;
use crate::need::{Need, Refuser};
use crate::route::{self, Place};
use crate::service::{Caller, Description, Refused};

/// Who keeps a record.
pub trait Audit: Send + Sync + 'static {
    /// How much of a request for this operation is of interest. Asked for each one, so the answer should be a look into a
    /// table.
    fn interest(&self, service: &'static Description, operation: &'static OperationShape) -> Interest;

    /// Takes an event. The reply waits for this call to return, so it must not block.
    fn note(&self, event: Event);
}

/// How much somebody wants to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    /// Nothing.
    None,
    /// Everything but the output.
    Input,
    /// Everything.
    All,
}

/// A request for an operation, and what came of it.
#[derive(Debug)]
pub struct Event {
    /// The service that was asked.
    pub service: &'static Description,
    /// The operation that was asked for.
    pub operation: &'static OperationShape,
    /// Who asked; absent where that was not believed.
    pub asker: Option<Asker>,
    /// The access key id that the request named, believed or not; cut, as the next two, where it is long.
    pub access_key: Option<Box<str>>,
    /// The connection that it came over.
    pub origin: Origin,
    /// What the client calls itself.
    pub user_agent: Option<Box<str>>,
    /// The host that the client asked.
    pub host: Option<Box<str>>,
    /// The request's id, as the reply shows it.
    pub request_id: RequestId,
    /// When the request had arrived.
    pub at: Instant,
    /// The input, as far as it was read.
    pub input: Option<Told>,
    /// What came of it.
    pub outcome: Outcome,
    /// What the operation was about, where policies were asked: ARNs, and whose they are.
    pub resources: Vec<(Arc<str>, Option<AccountId>)>,
    /// The statement that refused it, or the sort of policy that would have had to allow it: at the door, or on the way, where
    /// the service asked for something further.
    pub denied_by: Option<Box<str>>,
}

/// Who asked, without what only the request itself needs: an event may wait, and shall hold on to nobody's policies.
#[derive(Debug)]
pub struct Asker {
    /// Kind, account, names, unique id.
    pub caller: access::Caller,
    /// The account that the request acted in.
    pub account: AccountId,
    /// The region that it was meant for.
    pub region: Region,
    /// Since when there is the session, if it is one.
    pub session_since: Option<Instant>,
    /// Whether the session was begun with a second factor.
    pub by_two_factors: bool,
}

impl Asker {
    fn of(caller: &Caller) -> Self {
        let identity = &caller.identity;
        let fact = |name: &str| identity.facts.iter().find(|(known, _)| **known == *name).map(|(_, fact)| fact);
        let session_since = match fact("aws:tokenissuetime") {
            Some(Fact::Moment(moment)) => Some(*moment),
            _ => None,
        };
        Self {
            caller: identity.caller.clone(),
            account: caller.account,
            region: caller.region.clone(),
            session_since,
            by_two_factors: matches!(fact("aws:multifactorauthpresent"), Some(Fact::Bool(true))),
        }
    }
}

impl Event {
    /// About how much memory it takes.
    pub fn bytes(&self) -> usize {
        let text = |text: &Option<Box<str>>| text.as_deref().map_or(0, str::len);
        let asker = self.asker.as_ref().map_or(0, |asker| asker.caller.bytes());
        let outcome = match &self.outcome {
            Outcome::Done(told) => told.as_ref().map_or(0, Told::bytes),
            Outcome::Refused(refused) => refused.message.len(),
            Outcome::Unknown => 0,
        };
        let resources: usize = self.resources.iter().map(|resource| size_of_val(resource) + resource.0.len()).sum();
        let input = self.input.as_ref().map_or(0, Told::bytes);
        let texts = text(&self.access_key) + text(&self.user_agent) + text(&self.host) + text(&self.denied_by);
        size_of::<Self>() + asker + texts + input + outcome + resources
    }
}

/// What came of a request.
#[derive(Debug)]
pub enum Outcome {
    /// It was carried out; the output if it was of interest and there is one, without the events that may follow it.
    Done(Option<Told>),
    /// It was refused.
    Refused(Refused),
    /// The client went away before the answer: it may have been carried out.
    Unknown,
}

/// A value as it may be written down.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// Members by their names in the model.
    Struct(Vec<(&'static str, Told)>),
    /// Entries by their keys.
    Map(Vec<(String, Told)>),
    /// Items.
    List(Vec<Told>),
    /// Text.
    Text(String),
    /// A whole number.
    Whole(i64),
    /// Another number.
    Number(f64),
    /// True or false.
    Boolean(bool),
    /// A point in time.
    Moment(Timestamp),
    /// Something that was there and is not to be written down: a secret, or what a customer's data may be in.
    Hidden,
    /// Something that there was no more room for.
    Cut,
}

impl Told {
    /// About how much memory it has beside itself.
    fn bytes(&self) -> usize {
        match self {
            Self::Struct(members) => {
                size_of_val(&members[..]) + members.iter().map(|(_, told)| told.bytes()).sum::<usize>()
            }
            Self::Map(entries) => {
                let of_entry = |(key, told): &(String, Self)| key.len() + told.bytes();
                size_of_val(&entries[..]) + entries.iter().map(of_entry).sum::<usize>()
            }
            Self::List(items) => size_of_val(&items[..]) + items.iter().map(Self::bytes).sum::<usize>(),
            Self::Text(text) => text.len(),
            Self::Whole(_) | Self::Number(_) | Self::Boolean(_) | Self::Moment(_) | Self::Hidden | Self::Cut => 0,
        }
    }
}

/// As much of a text as is kept.
fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(AUDITED_TEXT_BYTES_MAX)]
}

/// Sees what becomes of one request, and tells it when it is dropped.
pub(crate) struct Witness {
    audit: Arc<dyn Audit>,
    wants_output: bool,
    /// What refuses the caller in the meantime.
    refuser: Arc<Refuser>,
    /// There until it is told.
    event: Option<Event>,
}

/// What a witness sees first of a request.
pub(crate) struct Seen<'a> {
    pub(crate) head: &'a Parts,
    pub(crate) scope: Option<&'a Scope<'a>>,
    pub(crate) origin: Origin,
    pub(crate) request_id: RequestId,
    pub(crate) at: Instant,
}

impl Witness {
    /// A witness, if the place of the request is an operation and somebody wants to know of it.
    pub(crate) fn of(audit: &Arc<dyn Audit>, place: &Place<'_>, seen: &Seen<'_>) -> Option<Self> {
        let service = place.bound?.description;
        let operation = service.shape.operations[place.operation?];
        let interest = audit.interest(service, operation);
        if interest == Interest::None {
            return None;
        }
        let agent = seen.head.headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
        let event = Event {
            service,
            operation,
            asker: None,
            access_key: seen.scope.map(|scope| cut(&scope.access_key).into()),
            origin: seen.origin,
            user_agent: agent.map(|agent| cut(agent).into()),
            host: route::host(seen.head).map(|host| cut(host).into()),
            request_id: seen.request_id,
            at: seen.at,
            input: None,
            outcome: Outcome::Unknown,
            resources: Vec::new(),
            denied_by: None,
        };
        Some(Self {
            audit: Arc::clone(audit),
            wants_output: interest == Interest::All,
            refuser: Arc::default(),
            event: Some(event),
        })
    }

    pub(crate) fn saw_caller(&mut self, caller: &Caller) {
        self.event_mut().asker = Some(Asker::of(caller));
    }

    pub(crate) fn heard_input(&mut self, heard: Heard) {
        self.event_mut().input = heard.told();
    }

    pub(crate) fn saw_needs(&mut self, needs: &[Need]) {
        let named = needs.iter().filter(|need| *need.resource != *"*");
        let resources = &mut self.event_mut().resources;
        for need in named {
            if !resources.iter().any(|(known, _)| *known == need.resource) {
                resources.push((Arc::clone(&need.resource), need.owner));
            }
        }
    }

    /// Where refusals of the caller are to be noted.
    pub(crate) fn refuser(&self) -> Arc<Refuser> {
        Arc::clone(&self.refuser)
    }

    pub(crate) fn heard_output(&mut self, output: &dyn Write) {
        // Writing is the service's code; if it panics here it will again where that is answered.
        let wanted = self.wants_output;
        let told = wanted.then(|| isolation::run(|| heard::output(output)).ok().flatten()).flatten();
        self.event_mut().outcome = Outcome::Done(told);
    }

    pub(crate) fn saw_refusal(&mut self, refused: &Refused) {
        let message = match &refused.message {
            Cow::Borrowed(message) => Cow::Borrowed(*message),
            Cow::Owned(message) => Cow::Owned(cut(message).to_owned()),
        };
        let denied_by = self.refuser.take().map(|by| cut(&by).into());
        let event = self.event_mut();
        (event.outcome, event.denied_by) =
            (Outcome::Refused(Refused { message, members: None, ..*refused }), denied_by);
    }

    fn event_mut(&mut self) -> &mut Event {
        self.event.as_mut().expect("an event is there until its witness is dropped")
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        if let Some(event) = self.event.take() {
            self.audit.note(event);
        }
    }
}
