//! Bugs planted around the service, so that tests can see the oracle find them.
//!
//! The service itself is untouched: a wrapper answers in its place, or breaks where it would have answered.

use crate::ask::{QUEUES, QueueKind, Request};
use crate::plan::Sabotage;
use gateway::{Answer, Answered, Caller, Description, Need, Prepared, Refused, Service, Unprepared};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use wire::{Nothing, Reader};

/// The service, or what stands before it.
pub(crate) fn around(service: Arc<dyn Service>, sabotage: Option<Sabotage>) -> Arc<dyn Service> {
    let (operation, harm) = match sabotage {
        Some(Sabotage::DeletesAreForgotten) => ("DeleteMessage", Harm::Forget),
        Some(Sabotage::PurgesAreForgotten) => ("PurgeQueue", Harm::Forget),
        Some(Sabotage::ReplaysAreForgotten) => ("SetQueueAttributes", Harm::Forget),
        Some(Sabotage::MovesAreForgotten) => ("StartMessageMoveTask", Harm::Forget),
        Some(Sabotage::ReceivesPanic) => ("ReceiveMessage", Harm::Panic),
        _ => return service,
    };
    Arc::new(Saboteur { service, operation, harm })
}

/// A request on its way to the server.
pub(crate) fn misdirect(request: &Request, sabotage: Option<Sabotage>) -> Cow<'_, Request> {
    let lifetime = match sabotage {
        Some(Sabotage::IdleQueuesGoEarly) => Some("60"),
        Some(Sabotage::IdleQueuesStay) => Some("100000"),
        _ => None,
    };
    let named = request.input.pointer("/Attributes/TidewireIdleLifetimeSeconds");
    if let Some(lifetime) = lifetime.filter(|_| named.is_some()) {
        let mut harmed = request.clone();
        harmed.input["Attributes"]["TidewireIdleLifetimeSeconds"] = lifetime.into();
        return Cow::Owned(harmed);
    }
    let is_harmed = match sabotage {
        Some(Sabotage::VirtualQueuesAreOpen) => true,
        Some(Sabotage::VirtualPurgesReachTheHost) => request.operation == "PurgeQueue",
        _ => false,
    };
    let url = request.input["QueueUrl"].as_str().and_then(|url| url.split_once('#')).filter(|_| is_harmed);
    let Some((host, _)) = url else { return Cow::Borrowed(request) };
    let mut harmed = request.clone();
    harmed.input["QueueUrl"] = host.into();
    Cow::Owned(harmed)
}

/// Ids that messages were shown with, by body.
pub(crate) type Shown = BTreeMap<String, Vec<String>>;

/// Changes an answer on its way to the oracle.
pub(crate) fn distort(answer: &mut Value, sabotage: Option<Sabotage>, shown: &mut Shown) {
    let is_ordered = answer.pointer("/Messages/0/Attributes/SequenceNumber").is_some();
    let Some(messages) = answer["Messages"].as_array_mut() else { return };
    match sabotage {
        Some(Sabotage::BodiesAreDamaged) => {
            let body = messages[0]["Body"].as_str().unwrap_or_default();
            messages[0]["Body"] = format!("{body}!").into();
        }
        Some(Sabotage::HeadsAreSkipped) if is_ordered => drop(messages.remove(0)),
        Some(Sabotage::GroupsAreReversed) if is_ordered => messages.reverse(),
        Some(Sabotage::LettersChangePlaces) if is_ordered => messages.iter_mut().for_each(turn_letter),
        Some(Sabotage::MovesAreUndone) => messages.iter_mut().for_each(|message| undo_move(message, shown)),
        _ => {}
    }
}

/// Numbers dead letters backwards.
fn turn_letter(message: &mut Value) {
    let attributes = &mut message["Attributes"];
    let number = attributes["SequenceNumber"].as_str().and_then(|number| number.parse::<u128>().ok());
    if let Some(number) = number.filter(|_| attributes["DeadLetterQueueSourceArn"].is_string()) {
        attributes["SequenceNumber"] = (u128::MAX - number).to_string().into();
    }
}

/// Gives a message that was shown before with another id, and then with this one, the first one again.
fn undo_move(message: &mut Value, shown: &mut Shown) {
    let text = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
    let may_move = |kind: &QueueKind| kind.dead_letters.is_some() && text("Body").contains(&format!("-{}-", kind.name));
    if !QUEUES.iter().any(may_move) {
        return;
    }
    let ids = shown.entry(text("Body")).or_default();
    let id = text("MessageId");
    match ids.iter().position(|known| *known == id) {
        None => ids.push(id),
        Some(0) => {}
        Some(_) => message["MessageId"] = ids[0].as_str().into(),
    }
}

#[derive(Clone, Copy)]
enum Harm {
    /// Acknowledged, and never begun.
    Forget,
    /// A bug of an operation.
    Panic,
}

struct Saboteur {
    service: Arc<dyn Service>,
    operation: &'static str,
    harm: Harm,
}

impl Service for Saboteur {
    fn describe(&self) -> &'static Description {
        self.service.describe()
    }

    fn prepare(&self, operation: usize, input: &mut dyn Reader) -> Result<Box<dyn Prepared>, Unprepared> {
        let prepared = self.service.prepare(operation, input)?;
        match self.describe().shape.operations[operation].name == self.operation {
            true => Ok(Box::new(Harmed(self.harm))),
            false => Ok(prepared),
        }
    }
}

struct Harmed(Harm);

impl Prepared for Harmed {
    fn needs(&self, _: &Caller) -> Result<Vec<Need>, Refused> {
        Ok(Vec::new())
    }

    fn call(self: Box<Self>, _: Caller) -> Answer {
        match self.0 {
            Harm::Forget => Box::pin(async { Ok(Answered::whole(Nothing)) }),
            Harm::Panic => panic!("planted"),
        }
    }
}
