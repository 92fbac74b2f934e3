//! Queues on streams: every record comes at the least once, none that was acknowledged comes back.
//!
//! A record is handed out until it is acknowledged or expires; while it is surely in flight nobody else gets it, whatever crashes; each
//! receive counts one more, also over a crash; after as many receives as the queue allows it is a dead letter, and comes only as such until
//! it is restored; it has one id in all queues. Source: the service model, "ReceiveQueueRecords" and what belongs to it.

use super::places::State;
use super::{Situation, Streams, millis, text};
use crate::oracle::Verdict;
use crate::streams::{HowSettled, QUEUES};
use base64_simd::STANDARD;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// All queues.
#[derive(Debug, Default)]
pub(super) struct Queues {
    /// What each is called since it was made.
    arns: BTreeMap<usize, String>,
    held: BTreeMap<(usize, usize), Held>,
    /// Records by their ids.
    ids: BTreeMap<String, usize>,
}

/// A record that a queue has handed out.
#[derive(Debug, Default)]
struct Held {
    handle: String,
    is_dead: bool,
    /// The latest receive that showed it: when it was asked for and answered, in order of events.
    asked: u64,
    answered: u64,
    receives: u64,
    first_received: u64,
    /// Until this moment of the server's clock it surely is in flight.
    until: u64,
    /// What was asked for it: how many requests are under way, and when the latest two were asked for.
    settling: u32,
    touched: (u64, u64),
    /// Somebody has asked for its acknowledgement, and since when that is sure.
    may_be_gone: bool,
    acknowledged: Option<u64>,
    /// When it may have been restored the last time: it counts anew.
    restored: Option<u64>,
}

impl Held {
    /// Whether whoever was shown it last surely has it in flight, but for a request that was asked for at `asked`.
    fn is_held(&self, wall_max: u64, asked: u64) -> bool {
        let (before, last) = self.touched;
        let is_own = last == asked && before < self.asked && self.settling == 1;
        self.until > wall_max && (last < self.asked || is_own)
    }
}

impl Streams {
    pub(crate) fn queue_arn(&self, queue: usize) -> Option<&str> {
        self.queues.arns.get(&queue).map(String::as_str)
    }

    pub(super) fn queue_made(&mut self, queue: usize, body: &Value) -> Verdict {
        let arn = text(&body["QueueDescription"], "QueueARN")?.to_owned();
        self.queues.arns.insert(queue, arn);
        Ok(())
    }

    /// Records that were handed out and not known to be acknowledged, with their latest handles.
    pub(crate) fn handles(&self, queue: usize, is_dead: bool) -> Vec<(usize, String)> {
        let of_queue = self.queues.held.range((queue, 0)..(queue + 1, 0));
        let wanted = of_queue.filter(|(_, held)| held.acknowledged.is_none() && held.is_dead == is_dead);
        wanted.map(|((_, number), held)| (*number, held.handle.clone())).collect()
    }

    /// ReceiveQueueRecords, or of dead letters, is answered.
    pub(super) fn received(
        &mut self,
        (queue, is_dead): (usize, bool),
        hidden: u64,
        now: &Situation,
        body: &Value,
    ) -> Verdict {
        let records = body["QueueRecords"].as_array().ok_or_else(|| format!("a receive without records: {body}"))?;
        let mut seen = BTreeSet::new();
        for shown in records {
            let number = self.received_record(queue, is_dead, hidden, now, shown).map_err(|why| {
                format!("the queue {}{}: {why}", QUEUES[queue].name, if is_dead { ", dead letters" } else { "" })
            })?;
            if !seen.insert(number) {
                return Err(format!("the queue {} hands out record {number} twice at once", QUEUES[queue].name));
            }
        }
        self.delivered += records.len() as u64;
        self.dead_letters += if is_dead { records.len() as u64 } else { 0 };
        Ok(())
    }

    fn received_record(
        &mut self,
        queue: usize,
        is_dead: bool,
        hidden: u64,
        now: &Situation,
        shown: &Value,
    ) -> Result<usize, String> {
        let number = self.record_of_queue(queue, shown, now)?;
        let id = text(shown, "RecordId")?.to_owned();
        if *self.queues.ids.entry(id.clone()).or_insert(number) != number {
            return Err(format!("record {number} has the id of record {}", self.queues.ids[&id]));
        }
        let known = self.ids_of.entry(number).or_insert_with(|| id.clone());
        if *known != id {
            return Err(format!("record {number} has the id {id}, and had {known}"));
        }
        let receives = shown["ReceiveCount"].as_u64().unwrap_or_default();
        let first_received = millis(&shown["FirstReceiveTimestamp"]).unwrap_or_default();
        if receives == 0 || first_received > now.wall_max {
            return Err(format!("record {number} is received as if it was not: {shown}"));
        }
        if let Some(most) = QUEUES[queue].receives_max {
            if is_dead != (receives > most) {
                return Err(format!(
                    "record {number} was received {receives} times, of which {most} make a dead letter"
                ));
            }
        } else if is_dead {
            return Err(format!("record {number} is a dead letter of a queue that has none"));
        }
        let held = self.queues.held.entry((queue, number)).or_default();
        if held.acknowledged.is_some_and(|acknowledged| acknowledged < now.asked) {
            return Err(format!("record {number} is back after its acknowledgement"));
        }
        let is_later = held.answered > 0 && held.answered < now.asked;
        if is_later && held.is_held(now.wall_max, u64::MAX) {
            return Err(format!("record {number} is handed out again while it is in flight until {}", held.until));
        }
        let counts_anew = held.restored.is_some_and(|restored| restored >= held.asked);
        if is_later && !counts_anew && (receives <= held.receives || first_received != held.first_received) {
            let before = (held.receives, held.first_received);
            return Err(format!(
                "record {number} was received {receives} times since {first_received}, before: {before:?}"
            ));
        }
        // Of two receives under way together nobody knows which was first.
        if held.answered == 0 || is_later || receives > held.receives {
            let until = if held.answered == 0 || is_later { now.asked_wall + hidden } else { 0 };
            held.handle = text(shown, "ReceiptHandle")?.to_owned();
            (held.asked, held.answered, held.until) = (now.asked, now.at, until);
            (held.receives, held.first_received, held.is_dead) = (receives, first_received, is_dead);
        }
        Ok(number)
    }

    /// Which record of its stream a queue shows, and that it is whole and has not expired.
    fn record_of_queue(&mut self, queue: usize, shown: &Value, now: &Situation) -> Result<usize, String> {
        let data = STANDARD.decode_to_vec(text(shown, "Data")?).map_err(|_| "data that is no base64")?;
        let number = std::str::from_utf8(&data).ok().and_then(|data| data.split('-').next()?.parse::<usize>().ok());
        let stream = QUEUES[queue].stream;
        let Some(record) = number.and_then(|number| self.records.get_mut(number)) else {
            return Err("a record that nobody put".into());
        };
        let number = number.expect("the record was found by it");
        if record.data.as_bytes() != data || record.stream != stream || shown["PartitionKey"] != record.key {
            return Err(format!("record {number} has other data, or another key: {shown}"));
        }
        if record.state == State::Never {
            return Err(format!("record {number} never arrived"));
        }
        let arrived = millis(&shown["ApproximateArrivalTimestamp"]).unwrap_or_default();
        let (first, last) = record.arrived;
        let is_of_number = record.place.is_none_or(|place| place.arrived_secs() == arrived / 1000);
        if !(first..=last.min(now.wall_max)).contains(&arrived) || !is_of_number {
            return Err(format!("record {number} arrived at {arrived}, between {first} and {last}"));
        }
        record.arrived = (arrived, arrived);
        record.state = State::There;
        record.sure_at.get_or_insert(now.at);
        self.check_has_not_expired(stream, number, now)?;
        Ok(number)
    }

    /// Records are about to be acknowledged, hidden or restored.
    pub(super) fn settling(&mut self, queue: usize, how: HowSettled, claims: &[(usize, String)], at: u64) {
        for (number, _) in claims {
            let held = self.queues.held.entry((queue, *number)).or_default();
            held.settling += 1;
            held.touched = (held.touched.1, at);
            held.may_be_gone |= how == HowSettled::Acknowledged;
            if how == HowSettled::Restored {
                held.restored = Some(u64::MAX);
            }
        }
    }

    /// That is over, however it ended.
    pub(super) fn settled(&mut self, queue: usize, how: HowSettled, claims: &[(usize, String)], at: u64) {
        for (number, _) in claims {
            let held = self.queues.held.entry((queue, *number)).or_default();
            held.settling -= 1;
            if how == HowSettled::Restored {
                held.restored = Some(at);
            }
        }
    }

    pub(super) fn settle_answered(
        &mut self,
        queue: usize,
        how: HowSettled,
        claims: &[(usize, String)],
        now: &Situation,
        body: &Value,
    ) -> Verdict {
        let list =
            |name: &str| body[name].as_array().into_iter().flatten().filter_map(|one| one["ReceiptHandle"].as_str());
        let (done, failed): (BTreeSet<_>, BTreeSet<_>) = (list("Successful").collect(), list("Failed").collect());
        let horizon = self.streams[QUEUES[queue].stream].horizon_max;
        for (number, handle) in claims {
            let (is_done, has_failed) = (done.contains(handle.as_str()), failed.contains(handle.as_str()));
            if is_done == has_failed {
                return Err(format!("nobody says whether record {number} is {how:?}: {body}"));
            }
            let has_expired = self.records[*number].arrived.0 < horizon;
            let held = self.queues.held.entry((queue, *number)).or_default();
            let is_held = held.handle == *handle && held.is_held(now.wall_max, now.asked);
            if has_failed && is_held && !has_expired && (how != HowSettled::Restored || held.is_dead) {
                return Err(format!("record {number} is in flight and is not {how:?}: {body}"));
            }
            match how {
                HowSettled::Acknowledged if is_done => drop(held.acknowledged.get_or_insert(now.at)),
                // The handle that it has is good, and for so long nobody else gets it.
                HowSettled::Hidden(millis) if is_done && is_held => {
                    (held.until, held.touched, held.answered) = (now.asked_wall + millis, (0, 0), now.at);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A queue was emptied: of these records it had all that must be there.
    pub(crate) fn check_queue(&self, queue: usize, found: &BTreeSet<usize>) -> Verdict {
        let (name, stream) = (QUEUES[queue].name, QUEUES[queue].stream);
        let horizon = self.streams[stream].horizon_max;
        let may_be_gone = |number: usize| self.queues.held.get(&(queue, number)).is_some_and(|held| held.may_be_gone);
        let there = self
            .records
            .iter()
            .enumerate()
            .filter(|(_, record)| record.stream == stream && record.state == State::There);
        let lost = there.filter(|(number, _)| !found.contains(number) && !may_be_gone(*number));
        match lost.filter(|(_, record)| record.arrived.0 >= horizon).map(|(number, _)| number).next() {
            Some(number) => Err(format!("record {number} never comes out of the queue {name}")),
            None => Ok(()),
        }
    }
}

/// The number of a record that a queue shows.
pub(crate) fn number_of(shown: &Value) -> Option<usize> {
    let data = STANDARD.decode_to_vec(shown["Data"].as_str()?).ok()?;
    std::str::from_utf8(&data).ok()?.split('-').next()?.parse().ok()
}
