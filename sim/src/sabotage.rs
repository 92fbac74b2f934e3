//! Bugs planted around the service, so that tests can see the oracle find them.
//!
//! The service itself is untouched: a wrapper answers in its place, or breaks where it would have answered.

use crate::ask::{FIFO, Intent, QUEUES, QueueKind, Request, arn};
use crate::plan::Sabotage;
use crate::{streams, topics};
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
        Some(Sabotage::CancellationsAreForgotten) => ("CancelMessageMoveTask", Harm::Forget),
        Some(Sabotage::SplitsAreForgotten) => ("SplitShard", Harm::Forget),
        Some(Sabotage::MergesAreForgotten) => ("MergeShards", Harm::Forget),
        Some(Sabotage::StreamDeletionsAreForgotten) => ("DeleteStream", Harm::Forget),
        Some(Sabotage::FiltersAreForgotten) => ("SetSubscriptionAttributes", Harm::Forget),
        Some(Sabotage::UnsubscribesAreForgotten) => ("Unsubscribe", Harm::Forget),
        Some(Sabotage::TopicDeletionsAreForgotten) => ("DeleteTopic", Harm::Forget),
        Some(Sabotage::ConfirmationsAreForgotten) => ("ConfirmSubscription", Harm::Forget),
        Some(Sabotage::ReceivesPanic) => ("ReceiveMessage", Harm::Panic),
        _ => return service,
    };
    Arc::new(Saboteur { service, operation, harm })
}

/// A request on its way to the server; `nth` is another for each.
pub(crate) fn misdirect(request: &Request, sabotage: Option<Sabotage>, nth: u64) -> Cow<'_, Request> {
    if let (Intent::Topics(_), Some(sabotage)) = (&request.intent, sabotage) {
        let mut harmed = request.clone();
        let is_harmed = topics::misdirect(request.operation, &mut harmed.input, sabotage, nth);
        return if is_harmed { Cow::Owned(harmed) } else { Cow::Borrowed(request) };
    }
    if let (Intent::Streams(_), Some(sabotage)) = (&request.intent, sabotage) {
        let mut harmed = request.clone();
        let is_harmed = streams::misdirect(&mut harmed.input, sabotage);
        return if is_harmed { Cow::Owned(harmed) } else { Cow::Borrowed(request) };
    }
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
    if let Some(harmed) = sabotage.and_then(|sabotage| astray(request, sabotage)) {
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

/// The request with another queue or name in the place of what it names.
fn astray(request: &Request, sabotage: Sabotage) -> Option<Request> {
    let mut harmed = request.clone();
    let input = &mut harmed.input;
    match sabotage {
        Sabotage::MovesGoAstray if input["DestinationArn"].is_string() => input["DestinationArn"] = arn(FIFO).into(),
        Sabotage::PurgesReachTheLetters if request.operation == "PurgeQueue" => {
            let letters = QUEUES[request.intent.queue()].dead_letters?;
            input["QueueUrl"] = QUEUES[letters].name.into();
        }
        Sabotage::AttemptsAreForgotten if input["ReceiveRequestAttemptId"].is_string() => {
            drop(input.as_object_mut()?.remove("ReceiveRequestAttemptId"));
        }
        Sabotage::AttemptsAreOne if request.operation == "ReceiveMessage" && QUEUES[request.intent.queue()].is_fifo => {
            input["ReceiveRequestAttemptId"] = "one".into();
        }
        _ => return None,
    }
    Some(harmed)
}

/// Ids that messages were shown with, by body.
pub(crate) type Shown = BTreeMap<String, Vec<String>>;

/// Changes an answer on its way to the oracle.
pub(crate) fn distort(answer: &mut Value, sabotage: Option<Sabotage>, shown: &mut Shown, is_rotten: bool) {
    if let Some(sabotage) = sabotage {
        streams::distort(answer, sabotage);
        topics::distort(answer, sabotage);
    }
    let is_ordered = answer.pointer("/Messages/0/Attributes/SequenceNumber").is_some();
    let Some(messages) = answer["Messages"].as_array_mut() else { return };
    match sabotage {
        Some(Sabotage::BodiesAreDamaged) => {
            let body = messages[0]["Body"].as_str().unwrap_or_default();
            messages[0]["Body"] = format!("{body}!").into();
        }
        Some(Sabotage::HeadsAreSkipped) if is_ordered => drop(messages.remove(0)),
        Some(Sabotage::GroupsAreReversed) if is_ordered => messages.reverse(),
        Some(Sabotage::RotTurnsGroups) if is_ordered && is_rotten => messages.reverse(),
        Some(Sabotage::LettersChangePlaces) if is_ordered => messages.iter_mut().for_each(turn_letter),
        Some(Sabotage::MovedChangePlaces) if is_ordered => messages.iter_mut().for_each(turn_moved),
        Some(Sabotage::MovesAreUndone) => messages.iter_mut().for_each(|message| undo_move(message, shown)),
        _ => {}
    }
}

/// Numbers dead letters backwards.
fn turn_letter(message: &mut Value) {
    if message["Attributes"]["DeadLetterQueueSourceArn"].is_string() {
        turn(message);
    }
}

/// Numbers messages backwards that have been dead letters: their deduplication id is one that the server made.
fn turn_moved(message: &mut Value) {
    let dedup = message["Attributes"]["MessageDeduplicationId"].as_str();
    let is_moved = dedup.is_some_and(|dedup| dedup.len() == message["MessageId"].as_str().map_or(0, str::len));
    if is_moved && !message["Attributes"]["DeadLetterQueueSourceArn"].is_string() {
        turn(message);
    }
}

fn turn(message: &mut Value) {
    let number = &mut message["Attributes"]["SequenceNumber"];
    if let Some(forwards) = number.as_str().and_then(|number| number.parse::<u128>().ok()) {
        *number = (u128::MAX - forwards).to_string().into();
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
