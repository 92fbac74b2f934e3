//! What happened at the front door, told to whoever keeps a record of it.
//!
//! The gateway knows facts: who asked for what, from where, and what came of it. Which of it is kept, how and where is the
//! [`Audit`]or's. What was asked and answered is overheard while the service reads and writes it ([`crate::heard`]), so
//! every protocol and every service is told alike, and secrets are left out before anybody could write them down.
//! A request that is wanted is told of whatever becomes of it, also if its client goes away while it is carried out.

use std::sync::Arc;

use http::header::USER_AGENT;
use http::request::Parts;
use names::{AccountId, Instant};
use wire::schema::OperationShape;
use wire::{Timestamp, Write};

use crate::RequestId;
use crate::credential::Scope;
use crate::gateway::Origin;
use crate::heard::{self, Heard};
use crate::isolation;
use crate::need::Need;
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
    pub caller: Option<Caller>,
    /// The access key id that the request named, believed or not.
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
}

/// What came of a request.
#[derive(Debug)]
pub enum Outcome {
    /// It was carried out; the output if it was of interest and there is one.
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

/// Sees what becomes of one request, and tells it when it is dropped.
pub(crate) struct Witness {
    audit: Arc<dyn Audit>,
    wants_output: bool,
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
            caller: None,
            access_key: seen.scope.map(|scope| (*scope.access_key).into()),
            origin: seen.origin,
            user_agent: agent.map(Into::into),
            host: route::host(seen.head).map(Into::into),
            request_id: seen.request_id,
            at: seen.at,
            input: None,
            outcome: Outcome::Unknown,
            resources: Vec::new(),
        };
        Some(Self { audit: Arc::clone(audit), wants_output: interest == Interest::All, event: Some(event) })
    }

    pub(crate) fn saw_caller(&mut self, caller: &Caller) {
        self.event_mut().caller = Some(caller.clone());
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

    pub(crate) fn heard_output(&mut self, output: &dyn Write) {
        // Writing is the service's code; if it panics here it will again where that is answered.
        let wanted = self.wants_output;
        let told = wanted.then(|| isolation::run(|| heard::output(output)).ok().flatten()).flatten();
        self.event_mut().outcome = Outcome::Done(told);
    }

    pub(crate) fn saw_refusal(&mut self, refused: &Refused) {
        self.event_mut().outcome = Outcome::Refused(refused.clone());
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
