//! Records, and where they stand.
//!
//! A record has one place, which an acknowledgement or a reader tells; from then on it is there for certain. Whoever says another place
//! for it, or another record at its place, has broken a promise.

use super::{Situation, Streams, text};
use crate::oracle::Verdict;
use crate::streams::STREAMS;
use crate::streams::number::{Number, ShardKey, index_of};
use md5::{Digest, Md5};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What has become of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Under way.
    Asked,
    /// Nobody knows.
    Unknown,
    /// It did not arrive, or was refused.
    Never,
    /// It is there.
    There,
}

/// A record that somebody put.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) stream: usize,
    pub(super) key: &'static str,
    pub(super) hash: u128,
    pub(super) data: String,
    pub(super) state: State,
    /// When it was asked for, in order of events.
    pub(super) asked: u64,
    /// Where it is, once that is known.
    pub(super) place: Option<Number>,
    /// Since which event that is known, and since which its producer knows it.
    pub(super) sure_at: Option<u64>,
    pub(super) acked: Option<u64>,
    /// Between which moments it arrived, in milliseconds; both are the same once a reader was told.
    pub(super) arrived: (u64, u64),
}

impl Record {
    pub(super) fn asked_for(&mut self, at: u64, wall: u64) {
        (self.asked, self.arrived.0) = (at, wall);
    }

    /// What is there stays there, whatever becomes of its request.
    pub(super) fn becomes(&mut self, state: State) {
        if self.state == State::Asked {
            self.state = state;
        }
    }
}

/// Records of one hash in one stream, of which the place is known.
#[derive(Debug, Default)]
pub(super) struct Group(Vec<usize>);

impl Streams {
    /// A record that somebody is about to put; its number.
    pub(crate) fn new_record(&mut self, stream: usize, key: &'static str, hash: Option<u128>, filler: usize) -> usize {
        let number = self.records.len();
        let hash = hash.unwrap_or_else(|| u128::from_be_bytes(Md5::digest(key).into()));
        self.records.push(Record {
            stream,
            key,
            hash,
            data: format!("{number}-{}-{}", STREAMS[stream].name, "x\u{e9}\n".repeat(filler / 4)),
            state: State::Asked,
            asked: 0,
            place: None,
            sure_at: None,
            acked: None,
            arrived: (0, u64::MAX),
        });
        number
    }

    pub(crate) fn data(&self, number: usize) -> &str {
        &self.records[number].data
    }

    /// The latest place of an acknowledged record of the same hash, for SequenceNumberForOrdering.
    pub(crate) fn latest_before(&self, number: usize) -> Option<(Number, String)> {
        let Record { stream, hash, .. } = self.records[number];
        let known = self.groups.get(&(stream, hash))?.0.iter();
        let latest =
            known.filter(|known| self.records[**known].acked.is_some()).filter_map(|known| self.records[*known].place);
        let place = latest.max()?;
        let shard = self.streams[stream].shards.get(&place.shard())?;
        Some((place, shard.places.get(&place)?.1.clone()))
    }

    /// A place in a shard that is known: a record's, or that of its beginning.
    pub(crate) fn some_place(
        &self,
        stream: usize,
        key: ShardKey,
        chance: &mut fastrand::Rng,
    ) -> Option<(Number, String)> {
        let shard = self.streams[stream].shards.get(&key)?;
        let chosen = chance.usize(..=shard.places.len());
        match shard.places.iter().nth(chosen) {
            Some((number, (_, text))) => Some((*number, text.clone())),
            None => {
                let starting = shard.about.as_ref()?.starting();
                Some((Number::parse(starting).ok()?, starting.to_owned()))
            }
        }
    }

    /// PutRecord or PutRecords is answered.
    pub(super) fn put(
        &mut self,
        stream: usize,
        records: &[usize],
        behind: Option<Number>,
        now: &Situation,
        body: &Value,
    ) -> Verdict {
        let single = std::slice::from_ref(body);
        let entries = body["Records"].as_array().map_or(single, Vec::as_slice);
        let failed = entries.iter().filter(|entry| entry["ErrorCode"].is_string()).count();
        let counts = body["FailedRecordCount"].as_u64().is_none_or(|count| count == failed as u64);
        if entries.len() != records.len() || !counts {
            return Err(format!("a put of {} records is answered with {body}", records.len()));
        }
        for (number, entry) in records.iter().zip(entries) {
            if let Some(code) = entry["ErrorCode"].as_str() {
                if !(code == "ServiceUnavailableException" && now.unavailable) {
                    return Err(format!("record {number} of a batch is refused: {entry}"));
                }
                self.records[*number].becomes(State::Unknown);
                continue;
            }
            if let Some(since) = now.stopped_since.filter(|since| now.asked > *since) {
                return Err(format!("record {number} is acknowledged although the log stopped at event {since}"));
            }
            let name = text(entry, "SequenceNumber")?;
            let place = Number::parse(name)?;
            if index_of(text(entry, "ShardId")?) != Some(place.shard().index) {
                return Err(format!("record {number} is in another shard than its number says: {entry}"));
            }
            if behind.is_some_and(|behind| place <= behind) {
                return Err(format!("record {number} at {place:?} had to be behind {behind:?}"));
            }
            let shard = self.streams[stream].shard(place.shard());
            shard.is_known(now);
            if shard.closed_since.is_some_and(|closed| closed < now.asked) {
                return Err(format!("record {number} is taken by {place:?}, a shard that was closed before"));
            }
            shard.is_open_at(now.asked_wall);
            self.places(*number, place, name, now)?;
            let record = &mut self.records[*number];
            record.acked = Some(now.at);
            record.arrived.1 = record.arrived.1.min(now.wall);
        }
        Ok(())
    }

    /// A record is said to be at a place.
    pub(super) fn places(&mut self, number: usize, place: Number, text: &str, now: &Situation) -> Verdict {
        let Record { stream, hash, state, place: known, .. } = self.records[number];
        let named = |what: &str| Err(format!("record {number} of {} at {place:?} {what}", STREAMS[stream].name));
        if state == State::Never {
            return named("never arrived");
        }
        if known.is_some_and(|known| known != place) {
            return named(&format!("was at {known:?} before"));
        }
        if known.is_some() {
            return Ok(());
        }
        let arrived_secs = self.records[number].arrived.0 / 1000..=now.wall_max / 1000;
        if !arrived_secs.contains(&place.arrived_secs()) {
            return named(&format!("has arrived in a second outside of {arrived_secs:?}"));
        }
        let horizon = self.streams[stream].horizon_max;
        let shard = self.streams[stream].shard(place.shard());
        if let Some((other, _)) = shard.places.get(&place) {
            return named(&format!("stands where record {other} does"));
        }
        // What a reader passed over may have expired for him, by a clock that shows less now.
        let is_kept = place.arrived_secs() * 1000 > horizon;
        if shard.was_passed(place) && is_kept {
            return named("appears behind a reader");
        }
        if shard.last.is_some_and(|last| last < place) && is_kept {
            return named("appears in a shard that was read to its end");
        }
        if shard.about.as_ref().is_some_and(|about| !(about.range.0..=about.range.1).contains(&hash)) {
            return named("is in a shard that its hash does not fall to");
        }
        shard.places.insert(place, (number, text.to_owned()));
        let record = &mut self.records[number];
        (record.state, record.place) = (State::There, Some(place));
        record.sure_at.get_or_insert(now.at);
        self.check_order(number, place)
    }

    /// Records of a hash have rising numbers in the order in which they were put; those of one request in that of the request.
    fn check_order(&mut self, number: usize, place: Number) -> Verdict {
        let Record { stream, hash, asked, .. } = self.records[number];
        let group = self.groups.entry((stream, hash)).or_default();
        for other in &group.0 {
            let known = &self.records[*other];
            let Some(there) = known.place else { continue };
            let is_before = known.acked.is_some_and(|acked| acked < asked) || (known.asked == asked && *other < number);
            let is_behind = known.asked == asked && *other > number;
            if (is_before && there > place) || (is_behind && there < place) {
                return Err(format!(
                    "records {other} at {there:?} and {number} at {place:?} of one key are out of order"
                ));
            }
        }
        group.0.push(number);
        Ok(())
    }

    /// A stream was read whole: by these numbers, shard by shard, parents before children.
    pub(crate) fn check_all(&mut self, stream: usize, found: &[String]) -> Verdict {
        let name = STREAMS[stream].name;
        let found = found.iter().map(|text| Number::parse(text)).collect::<Result<Vec<_>, _>>()?;
        let of_place = |place: &Number| {
            let shard = self.streams[stream].shards.get(&place.shard());
            shard.and_then(|shard| Some(shard.places.get(place)?.0))
        };
        let read: Vec<usize> = found.iter().filter_map(of_place).collect();
        let distinct: BTreeSet<usize> = read.iter().copied().collect();
        if distinct.len() != found.len() {
            return Err(format!("of {} records of {name} only {} are different ones", found.len(), distinct.len()));
        }
        self.check_walk(name, &read)?;
        let horizon = self.streams[stream].horizon_max;
        let listing = self.streams[stream].listing.iter().flat_map(|(shards, _)| shards);
        let listed: BTreeSet<ShardKey> = listing.map(|shard| shard.key).collect();
        let there =
            self.records.iter().enumerate().filter(|(_, record)| record.stream == stream && record.sure_at.is_some());
        for (number, record) in there.filter(|(number, _)| !distinct.contains(number)) {
            if record.arrived.0 >= horizon && self.is_rotten {
                // Of a stream before this one it is no damage.
                let is_listed = |place: Number| listed.contains(&place.shard());
                self.missing_bytes += if record.place.is_some_and(is_listed) { record.data.len() } else { 0 };
                continue;
            }
            if record.arrived.0 >= horizon && !STREAMS[stream].is_volatile {
                return Err(format!("record {number} of {name} was acknowledged at {:?} and is lost", record.place));
            }
            self.expired += u64::from(record.arrived.1 < horizon);
        }
        Ok(())
    }

    /// Records of a hash come in the order in which they were put, from the first shard to the last.
    fn check_walk(&self, name: &str, read: &[usize]) -> Verdict {
        let mut earliest: BTreeMap<u128, (u64, usize)> = BTreeMap::new();
        for number in read.iter().rev() {
            let record = &self.records[*number];
            let behind = earliest.entry(record.hash).or_insert((u64::MAX, *number));
            if behind.0 < record.asked {
                return Err(format!("record {number} of {name} comes before {}, which was put before it", behind.1));
            }
            *behind = (*behind).min((record.acked.unwrap_or(u64::MAX), *number));
        }
        Ok(())
    }
}
