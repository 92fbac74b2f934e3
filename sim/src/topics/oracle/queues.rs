//! What comes out of queues: messages that were published for them, as they were published, and where order is kept in order and once.

use super::messages::{Draft, Message};
use super::{Topics, text};
use crate::oracle::Verdict;
use crate::topics::{DEDUP_MILLIS, DELIVERIES, QUEUES, SLOTS, TOPICS, Target, slot_of, topic_arn};
use serde_json::Value;

/// A message as a queue shows it.
struct Shown<'a> {
    queue: usize,
    slot: usize,
    is_dead: bool,
    number: usize,
    message: &'a Value,
    /// What stands around it, if anything does.
    envelope: Option<Value>,
}

/// The number that a body tells.
pub(super) fn number_of(body: &str) -> Option<usize> {
    let body: Value = serde_json::from_str(body).ok()?;
    usize::try_from(body["number"].as_u64()?).ok()
}

impl Topics {
    pub(crate) fn handles(&self, queue: usize) -> Vec<String> {
        self.handles[queue].values().cloned().collect()
    }

    /// What is in it may be gone from now on.
    pub(super) fn queue_deletion_asked(&mut self, queue: usize, at: u64) {
        self.queues[queue].asked(at, |_| false);
        let (slot, _) = slot_of(queue);
        self.messages.iter_mut().for_each(|message| _ = message.must.remove(&slot));
        self.handles[queue].clear();
    }

    pub(super) fn received(&mut self, queue: usize, body: &Value) -> Verdict {
        for message in body["Messages"].as_array().into_iter().flatten() {
            let shown = self.shown(queue, message)?;
            self.check_shown(&shown)?;
            self.take_in(&shown)?;
            let (id, handle) = (text(message, "MessageId")?, text(message, "ReceiptHandle")?);
            self.handles[queue].insert(id.to_owned(), handle.to_owned());
        }
        Ok(())
    }

    fn shown<'a>(&self, queue: usize, message: &'a Value) -> Result<Shown<'a>, String> {
        let (slot, is_dead) = slot_of(queue);
        let body = text(message, "Body")?;
        let envelope: Option<Value> = match SLOTS[slot].is_raw {
            true => None,
            false => Some(serde_json::from_str(body).map_err(|_| format!("no envelope but {body}"))?),
        };
        let inner = match &envelope {
            Some(envelope) => text(envelope, "Message")?,
            None => body,
        };
        let name = QUEUES[queue].name;
        let number = number_of(inner).filter(|number| *number < self.messages.len());
        let number = number.ok_or_else(|| format!("{inner} is in {name}, and was never published"))?;
        if self.messages[number].body != inner {
            return Err(format!("message {number} has another body in {name}: {inner}"));
        }
        Ok(Shown { queue, slot, is_dead, number, message, envelope })
    }

    fn check_shown(&self, shown: &Shown<'_>) -> Verdict {
        let Shown { queue, slot, is_dead, number, message, envelope } = shown;
        let (known, name) = (&self.messages[*number], QUEUES[*queue].name);
        if !self.may_have(*number, *slot) {
            let why = "it was not published for its subscription, or does not match";
            return Err(format!("message {number} is in {name}: {why}"));
        }
        let Draft { of_attribute, topic, group, .. } = &known.draft;
        let kind = match envelope {
            Some(envelope) => &envelope["MessageAttributes"]["kind"]["Value"],
            None => &message["MessageAttributes"]["kind"]["StringValue"],
        };
        if kind != of_attribute {
            return Err(format!("message {number} has another attribute in {name}: {message}"));
        }
        if let Some(envelope) = envelope {
            self.check_envelope(*number, *topic, envelope)?;
        }
        if QUEUES[*queue].is_fifo()
            && message["Attributes"]["MessageGroupId"].as_str() != group.map(|group| format!("g{group}")).as_deref()
        {
            return Err(format!("message {number} is of another group in {name}: {message}"));
        }
        match is_dead {
            true => self.check_reason(*slot, *number, message),
            false => Ok(()),
        }
    }

    pub(super) fn check_envelope(&self, number: usize, topic: usize, envelope: &Value) -> Verdict {
        if envelope["Type"] != "Notification" || envelope["TopicArn"] != topic_arn(topic) {
            return Err(format!("message {number} is in the envelope of another: {envelope}"));
        }
        if !TOPICS[topic].is_fifo && !envelope["Signature"].is_string() {
            return Err(format!("message {number} is not signed: {envelope}"));
        }
        self.check_id(number, text(envelope, "MessageId")?)
    }

    /// A message has an id that its publisher was told, unless somebody was not.
    pub(super) fn check_id(&self, number: usize, id: &str) -> Verdict {
        let known = &self.messages[number];
        match known.ids.contains(id) || known.is_in_doubt() {
            true => Ok(()),
            false => Err(format!("message {number} has the id {id}, and its publisher was told {:?}", known.ids)),
        }
    }

    /// Why something is a dead letter stands beside it, and is true.
    fn check_reason(&self, slot: usize, number: usize, letter: &Value) -> Verdict {
        let attribute = |name: &str| letter["MessageAttributes"][name]["StringValue"].as_str();
        let (Some(code), Some(why), Some(id)) =
            (attribute("ErrorCode"), attribute("ErrorMessage"), attribute("RequestID"))
        else {
            return Err(format!("message {number} is a dead letter without a reason: {letter}"));
        };
        self.check_id(number, id)?;
        if matches!(SLOTS[slot].target, Target::Queue(_)) {
            return match code.contains("NonExistentQueue") {
                true => Ok(()),
                false => Err(format!("message {number} is a dead letter of a queue for {code}: {why}")),
            };
        }
        let status = code.parse::<u16>().map_err(|_| format!("a dead letter for {code}"))?;
        match status {
            200..=299 => Err(format!("message {number} is a dead letter although its receiver took it: {letter}")),
            0 if why.contains("redirects more") => Ok(()),
            0 | 429 | 500.. => self.check_patience(slot, number, letter),
            _ if self.was_answered(slot, number, status) => Ok(()),
            _ => Err(format!("message {number} is a dead letter for {status}, which no receiver answered")),
        }
    }

    /// Nothing is given up before all of its retries.
    fn check_patience(&self, slot: usize, number: usize, letter: &Value) -> Verdict {
        let published = &self.messages[number].attempts[0];
        let policies = self.deliveries_since(slot, published.asked);
        let (Some(policy), 1) = (policies.first(), policies.len()) else { return Ok(()) };
        let least = published.asked_wall + DELIVERIES[*policy].1.iter().sum::<u64>() * 1000;
        let sent = letter["Attributes"]["SentTimestamp"].as_str().and_then(|text| text.parse::<u64>().ok());
        match sent.is_some_and(|sent| sent >= least) {
            true => Ok(()),
            false => Err(format!("message {number} is given up before its last retry at {least}: {letter}")),
        }
    }

    /// Notes that it is there, and whether it may be there now.
    fn take_in(&mut self, shown: &Shown<'_>) -> Verdict {
        let Shown { queue, slot, is_dead, number, message, .. } = shown;
        if QUEUES[*queue].is_fifo() && !QUEUES[*queue].is_volatile && !self.is_rotten {
            self.check_once(*queue, *number, message)?;
            if !is_dead {
                self.check_turn(*queue, *slot, *number)?;
            }
        }
        let known = &mut self.messages[*number];
        let is_first = match is_dead {
            true => known.dead.insert(*slot),
            false => known.arrived.insert(*slot),
        };
        self.fanned_out += u64::from(is_first);
        self.dead_letters += u64::from(is_first && *is_dead);
        Ok(())
    }

    /// Within five minutes a queue that keeps order has a message once.
    fn check_once(&mut self, queue: usize, number: usize, message: &Value) -> Verdict {
        let of = |name: &str| message["Attributes"][name].as_str().unwrap_or_default();
        let sent = of("SentTimestamp").parse::<u64>().map_err(|_| format!("no moment: {message}"))?;
        let sequence = of("SequenceNumber").parse::<u128>().map_err(|_| format!("no sequence number: {message}"))?;
        let copies = self.copies.entry((queue, number)).or_default();
        let id = text(message, "MessageId")?;
        if copies.insert(id.to_owned(), (sent, sequence)).is_some() {
            return Ok(());
        }
        let near = copies.iter().find(|(other, (at, _))| *other != id && at.abs_diff(sent) < DEDUP_MILLIS);
        match near {
            None => Ok(()),
            Some((_, (at, _))) => {
                let name = QUEUES[queue].name;
                Err(format!("message {number} is in {name} twice, sent at {at} and {sent}"))
            }
        }
    }

    /// What was published behind another of its group is not handed out before it.
    fn check_turn(&self, queue: usize, slot: usize, number: usize) -> Verdict {
        let known = &self.messages[number];
        let group = known.draft.group.ok_or("a message without a group is in a queue that has groups")?;
        let first_asked = known.first_asked();
        let is_before = |other: &usize| {
            let other = &self.messages[*other];
            let is_acknowledged = other.accepted.is_some_and(|at| at < first_asked);
            is_acknowledged && other.must.contains(&slot) && !other.arrived.contains(&slot)
        };
        let of_group = self.groups.get(&(known.draft.topic, group)).into_iter().flatten();
        match of_group.copied().find(|other| is_before(other)) {
            None => Ok(()),
            Some(other) => {
                Err(format!("message {number} of {} is handed out before {other} of its group", QUEUES[queue].name))
            }
        }
    }

    /// All queues have the messages of a group in the order that the topic told its publishers.
    pub(super) fn check_one_order(&self) -> Verdict {
        let queues = (0..QUEUES.len()).filter(|queue| QUEUES[*queue].is_fifo() && !QUEUES[*queue].is_volatile);
        for (queue, numbers) in queues.flat_map(|queue| self.groups.values().map(move |numbers| (queue, numbers))) {
            let mut placed: Vec<(u128, u128, usize)> = Vec::new();
            for number in numbers {
                let Message { attempts, sequence: Some(told), .. } = &self.messages[*number] else { continue };
                let Some(copies) = self.copies.get(&(queue, *number)) else { continue };
                let (1, 1, Some((_, place))) = (attempts.len(), copies.len(), copies.values().next()) else { continue };
                placed.push((*place, *told, *number));
            }
            placed.sort_unstable();
            if let Some(two) = placed.windows(2).find(|two| two[0].1 > two[1].1) {
                let (name, first, second) = (QUEUES[queue].name, two[0].2, two[1].2);
                return Err(format!("{name} has message {first} before {second}, and the topic told otherwise"));
            }
        }
        Ok(())
    }
}
