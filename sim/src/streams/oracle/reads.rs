//! What readers are shown: GetShardIterator and GetRecords.
//!
//! An answer shows all that stands between the reader's place and the last record shown; if it says that the reader has all, or that the
//! shard ends, all that was there before it was asked for. What may have expired by any clock need not be there, and what must have
//! must not.

use super::places::State;
use super::{HOUR_MILLIS, Intent, Number, Reader, STREAMS, ShardKey, Situation, Streams, millis, text};
use crate::oracle::Verdict;
use crate::streams::From;
use crate::streams::ITERATOR_MILLIS;
use crate::streams::number::index_of;
use base64_simd::STANDARD;
use serde_json::Value;

/// A record as an answer shows it.
struct Shown {
    number: usize,
    place: Number,
    arrived: u64,
}

impl Streams {
    pub(super) fn iterated(&mut self, intent: &Intent, now: &Situation, body: &Value) -> Verdict {
        let Intent::Iterate { stream, shard: (index, key), from, known, follows } = intent else { return Ok(()) };
        let from = match from {
            From::Latest { .. } => From::Latest { asked: now.asked, answered: now.at },
            other => *other,
        };
        let of_stream = &self.streams[*stream];
        // It is the one that was meant unless the stream may be another by now.
        let is_same = of_stream.must_exist(*known);
        // One that was made anew has had other shards of that number.
        let has_one = !STREAMS[*stream].is_volatile;
        let of_number = || of_stream.shards.keys().find(|key| has_one && key.index == *index).copied();
        let key = if is_same { key.or_else(of_number) } else { None };
        let named = match from {
            From::At(number) | From::After(number) => Some(number.shard()),
            _ => key,
        };
        // A number of a stream before this one names nothing in it.
        if named.is_some_and(|named| key.is_some_and(|key| key != named)) {
            return Err(format!("an iterator of {key:?} begins at {from:?}"));
        }
        let iterator = text(body, "ShardIterator")?.to_owned();
        let made = (now.asked_wall, now.wall);
        let (stream, index, follows) = (*stream, *index, *follows);
        self.keep_reader(Reader {
            stream,
            index,
            key: named,
            from,
            iterator,
            made,
            began: (now.asked, now.at),
            follows,
        });
        Ok(())
    }

    pub(super) fn read(&mut self, reader: &Reader, limit: usize, now: &Situation, body: &Value) -> Verdict {
        let name =
            format!("a reader of shard {} of {} from {:?}", reader.index, STREAMS[reader.stream].name, reader.from);
        self.check_reader(reader, now).map_err(|why| format!("{name}: {why}"))?;
        let behind = body["MillisBehindLatest"].as_u64();
        let behind = behind.ok_or_else(|| format!("{name} is not told how far behind it is: {body}"))?;
        let records = body["Records"].as_array().map_or(&[][..], Vec::as_slice);
        if records.len() > limit {
            return Err(format!("{name} wanted {limit} records and got {}", records.len()));
        }
        let shown = records.iter().map(|record| self.shown(reader, record, now));
        let shown = shown.collect::<Result<Vec<_>, _>>().map_err(|why| format!("{name}: {why}"))?;
        self.check_place(reader, &shown).map_err(|why| format!("{name}: {why}"))?;
        let key = reader.key.or_else(|| shown.first().map(|first| first.place.shard()));
        let is_end = body["NextShardIterator"].is_null();
        let has_all = behind == 0;
        if is_end && !has_all {
            return Err(format!("{name} is at the end, and {behind} ms behind"));
        }
        if let Some(key) = key {
            self.check_nothing_is_passed(reader, key, &shown, has_all, now).map_err(|why| format!("{name}: {why}"))?;
        }
        let last = shown.last();
        if let Some(last) = last.filter(|_| !has_all) {
            let (least, most) = (now.asked_wall.saturating_sub(last.arrived), now.wall.saturating_sub(last.arrived));
            if !(least.max(1)..=most.max(1)).contains(&behind) {
                return Err(format!("{name} is {behind} ms behind, and not {least} to {most}"));
            }
        }
        self.note_read(reader, key, &shown, is_end, now);
        match is_end {
            true => self.check_children(reader, key, now, body).map_err(|why| format!("{name}: {why}")),
            false => self.goes_on(reader, key, last, now, body),
        }
    }

    /// Whether the iterator is good, and its stream there.
    fn check_reader(&self, reader: &Reader, now: &Situation) -> Verdict {
        let stream = &self.streams[reader.stream];
        if stream.deleted.is_some_and(|(asked, at)| reader.began.1 < asked && at < now.asked) {
            return Err("the stream was deleted".into());
        }
        match now.asked_wall > reader.made.1 + ITERATOR_MILLIS {
            true => Err(format!("the iterator is {} ms old", now.asked_wall - reader.made.1)),
            false => Ok(()),
        }
    }

    /// Which record an answer shows, and whether it is whole.
    fn shown(&mut self, reader: &Reader, shown: &Value, now: &Situation) -> Result<Shown, String> {
        let name = text(shown, "SequenceNumber")?;
        let place = Number::parse(name)?;
        let data = STANDARD.decode_to_vec(text(shown, "Data")?).map_err(|_| "data that is no base64")?;
        let number = std::str::from_utf8(&data).ok().and_then(|data| data.split('-').next()?.parse::<usize>().ok());
        let known = number.and_then(|number| Some((number, self.records.get(number)?)));
        let Some((number, record)) = known else { return Err(format!("a record that nobody put at {place:?}")) };
        if record.data.as_bytes() != data || record.stream != reader.stream {
            return Err(format!("record {number} at {place:?} has other data"));
        }
        if shown["PartitionKey"] != record.key {
            return Err(format!("record {number} at {place:?} has the key {}", shown["PartitionKey"]));
        }
        let arrived = millis(&shown["ApproximateArrivalTimestamp"]).unwrap_or_default();
        let (first, last) = record.arrived;
        if !(first..=last.min(now.wall_max)).contains(&arrived) || arrived / 1000 != place.arrived_secs() {
            return Err(format!("record {number} at {place:?} arrived at {arrived}, between {first} and {last}"));
        }
        self.places(number, place, name, now)?;
        self.records[number].arrived = (arrived, arrived);
        self.check_has_not_expired(reader.stream, number, now)?;
        Ok(Shown { number, place, arrived })
    }

    pub(super) fn check_has_not_expired(&self, stream: usize, number: usize, now: &Situation) -> Verdict {
        let (known, arrived) = (&self.streams[stream], self.records[number].arrived.0);
        let (kept, floor) = (known.hours_max_since(now.asked) * HOUR_MILLIS, known.floor_before(now.asked));
        if arrived < floor {
            return Err(format!("record {number} of {arrived} had expired and is back; the horizon was {floor}"));
        }
        match arrived + kept < now.asked_wall {
            true => Err(format!("record {number} of {arrived} is shown at {} and has expired", now.asked_wall)),
            false => Ok(()),
        }
    }

    /// Records stand behind the reader's place, of one shard, in rising order.
    fn check_place(&self, reader: &Reader, shown: &[Shown]) -> Verdict {
        if let Some(two) = shown.windows(2).find(|two| two[0].place >= two[1].place) {
            return Err(format!("{:?} is shown before {:?}", two[0].place, two[1].place));
        }
        for Shown { number, place, arrived } in shown {
            let key = place.shard();
            if key.index != reader.index || reader.key.is_some_and(|known| known != key) {
                return Err(format!("record {number} at {place:?} is of another shard"));
            }
            let is_before = match reader.from {
                From::Horizon => false,
                From::At(first) => *place < first,
                From::After(before) => *place <= before,
                From::Moment(moment) => *arrived < moment,
                From::Latest { asked, .. } => self.records[*number].sure_at.is_some_and(|sure| sure < asked),
            };
            if is_before {
                return Err(format!("record {number} at {place:?} stands before that"));
            }
        }
        Ok(())
    }

    /// All that must be there has been shown.
    fn check_nothing_is_passed(
        &self,
        reader: &Reader,
        key: ShardKey,
        shown: &[Shown],
        has_all: bool,
        now: &Situation,
    ) -> Verdict {
        let stream = &self.streams[reader.stream];
        let Some(shard) = stream.shards.get(&key) else { return Ok(()) };
        let upper = shown.last().map_or(Number::FIRST, |last| last.place);
        for (place, (number, _)) in &shard.places {
            let record = &self.records[*number];
            let is_within = match reader.from {
                From::Horizon => true,
                From::At(first) => *place >= first,
                From::After(before) => *place > before,
                From::Moment(moment) => record.arrived.0 >= moment,
                From::Latest { answered, .. } => record.asked > answered,
            };
            let was_there = *place <= upper || (has_all && record.sure_at.is_some_and(|sure| sure < now.asked));
            let may_have_expired = record.arrived.0 < stream.horizon_max;
            let is_shown = shown.iter().any(|shown| shown.number == *number);
            let must_be_shown = is_within && was_there && !may_have_expired && record.state == State::There;
            if must_be_shown && !is_shown && !self.is_rotten {
                return Err(format!("record {number} at {place:?} is lost or passed over"));
            }
        }
        Ok(())
    }

    fn note_read(&mut self, reader: &Reader, key: Option<ShardKey>, shown: &[Shown], is_end: bool, now: &Situation) {
        self.shown += shown.len() as u64;
        self.ended += u64::from(is_end);
        let Some(key) = key else { return };
        let shard = self.streams[reader.stream].shard(key);
        let before = match reader.from {
            From::Horizon => Some(Number::FIRST),
            From::After(number) => Some(number),
            From::At(_) | From::Latest { .. } | From::Moment(_) => shown.first().map(|first| first.place),
        };
        if let Some((before, last)) = before.zip(shown.last()) {
            shard.is_covered(before, last.place);
        }
        if is_end {
            shard.closes(now.at);
            let last = shown.last().map(|last| last.place);
            let known = if let From::After(number) = reader.from { Some(number) } else { None };
            shard.last = shard.last.or(last).or(known);
        }
    }

    /// At the end of a shard its children are told, unless they may have been forgotten.
    fn check_children(&mut self, reader: &Reader, key: Option<ShardKey>, now: &Situation, body: &Value) -> Verdict {
        let told = body["ChildShards"].as_array().map_or(&[][..], Vec::as_slice);
        let stream = &self.streams[reader.stream];
        let may_be_forgotten =
            key.and_then(|key| stream.shards.get(&key)).is_none_or(|shard| shard.may_be_forgotten(stream.horizon_max));
        let may_be_gone = stream.may_be_deleted_since(reader.began.0);
        if told.is_empty() && !may_be_forgotten && !may_be_gone {
            return Err("a shard ends and has no children".into());
        }
        for child in told {
            let index = index_of(text(child, "ShardId")?).ok_or("a child without a name")?;
            let parents = child["ParentShards"].as_array().map_or(&[][..], Vec::as_slice);
            if !parents.iter().filter_map(Value::as_str).any(|parent| index_of(parent) == Some(reader.index)) {
                return Err(format!("shard {index} is told as a child, and its parents are {parents:?}"));
            }
            if reader.follows {
                self.children[reader.stream].push((index, now.asked));
            }
        }
        Ok(())
    }

    fn goes_on(
        &mut self,
        reader: &Reader,
        key: Option<ShardKey>,
        last: Option<&Shown>,
        now: &Situation,
        body: &Value,
    ) -> Verdict {
        let iterator = text(body, "NextShardIterator")?.to_owned();
        if iterator == reader.iterator && now.asked_wall > reader.made.1 {
            return Err("a reader gets the iterator again that it had".into());
        }
        let from = last.map_or(reader.from, |last| From::After(last.place));
        let made = (now.asked_wall, now.wall);
        self.keep_reader(Reader { from, key, iterator, made, ..reader.clone() });
        Ok(())
    }
}
