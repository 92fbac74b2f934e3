//! What is known of a shard, and what a listing of them has to be.

use super::stream::Stream;
use super::{Number, STREAMS, ShardKey, Situation, Streams, text};
use crate::oracle::Verdict;
use crate::streams::LAST_HASH;
use crate::streams::number::index_of;
use serde_json::Value;
use std::collections::BTreeMap;

/// A shard, as far as the answers tell.
#[derive(Debug, Default)]
pub(super) struct Shard {
    /// What the latest listing has shown, and when it was answered.
    pub(super) about: Option<Listed>,
    about_at: u64,
    /// When it was heard of first, and when what showed it last was asked for, in order of events.
    known_at: Option<u64>,
    known_asked: u64,
    /// Since which event it surely takes no more.
    pub(super) closed_since: Option<u64>,
    /// Where it was split, and when that was acknowledged.
    pub(super) split: Option<(u128, u64)>,
    /// The latest moment at which it is known to have been open.
    open_wall: u64,
    /// What stands where, with the number as text.
    pub(super) places: BTreeMap<Number, (usize, String)>,
    /// From behind which number to which everything was shown to somebody: nothing appears there any more.
    covered: Vec<(Number, Number)>,
    /// The last of its records, known from whoever read it to its end.
    pub(super) last: Option<Number>,
}

impl Shard {
    pub(super) fn closes(&mut self, at: u64) {
        self.closed_since.get_or_insert(at);
    }

    /// Whether all that it had may have expired, and it with that.
    pub(super) fn may_be_forgotten(&self, horizon_max: u64) -> bool {
        self.open_wall < horizon_max
    }

    /// It was open at this moment of the server's clock.
    pub(super) fn is_open_at(&mut self, wall: u64) {
        self.open_wall = self.open_wall.max(wall);
    }

    /// An answer shows that it is there.
    pub(super) fn is_known(&mut self, now: &Situation) {
        self.known_at.get_or_insert(now.at);
        self.known_asked = self.known_asked.max(now.asked);
    }

    /// All that stands behind `from` up to `to` has been shown.
    pub(super) fn is_covered(&mut self, from: Number, to: Number) {
        let (mut from, mut to) = (from, to);
        self.covered.retain(|(start, end)| {
            let touches = *start <= to && from <= *end;
            if touches {
                (from, to) = (from.min(*start), to.max(*end));
            }
            !touches
        });
        self.covered.push((from, to));
    }

    /// Whether somebody has passed this place and not seen anything there.
    pub(super) fn was_passed(&self, number: Number) -> bool {
        self.covered.iter().any(|(from, to)| *from < number && number <= *to)
    }
}

/// A shard of a listing.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Listed {
    pub(crate) key: ShardKey,
    pub(crate) range: (u128, u128),
    parents: Vec<u32>,
    starting: String,
    ending: Option<String>,
}

impl Listed {
    pub(crate) fn is_open(&self) -> bool {
        self.ending.is_none()
    }

    /// The number that begins it, as text.
    pub(super) fn starting(&self) -> &str {
        &self.starting
    }

    fn read(shown: &Value) -> Result<Self, String> {
        let wrong = |what: &str| format!("a listed shard without {what}: {shown}");
        let index = index_of(text(shown, "ShardId")?).ok_or_else(|| wrong("a name"))?;
        let hash = |name: &str| shown["HashKeyRange"][name].as_str().and_then(|hash| hash.parse().ok());
        let range = hash("StartingHashKey").zip(hash("EndingHashKey")).ok_or_else(|| wrong("hashes"))?;
        let parent = |name: &str| shown[name].as_str().map(|name| index_of(name).ok_or_else(|| wrong("parents")));
        let parents =
            ["ParentShardId", "AdjacentParentShardId"].into_iter().filter_map(parent).collect::<Result<_, _>>()?;
        let numbers = &shown["SequenceNumberRange"];
        let starting = text(numbers, "StartingSequenceNumber")?.to_owned();
        let number = Number::parse(&starting)?;
        let ending = numbers["EndingSequenceNumber"].as_str().map(str::to_owned);
        let is_right = number.shard().index == index && number.counter() == 0;
        let ending_number = ending.as_deref().map(Number::parse).transpose()?;
        let ends = ending_number.is_none_or(|ending| ending.shard() == number.shard() && ending.is_ending());
        match is_right && ends {
            true => Ok(Self { key: number.shard(), range, parents, starting, ending }),
            false => Err(wrong("numbers that are its own")),
        }
    }

    /// Whether it is the same shard; whether it was closed meanwhile or not.
    fn is_same(&self, other: &Self) -> bool {
        let fixed = |listed: &Self| (listed.key, listed.range, listed.parents.clone(), listed.starting.clone());
        fixed(self) == fixed(other)
    }
}

impl Streams {
    /// ListShards is answered.
    pub(super) fn listed(&mut self, number: usize, only_open: bool, now: &Situation, body: &Value) -> Verdict {
        let name = STREAMS[number].name;
        let shown = body["Shards"].as_array().ok_or_else(|| format!("a listing without shards: {body}"))?;
        let listed = shown.iter().map(Listed::read).collect::<Result<Vec<_>, _>>()?;
        let wrong = |why: String| Err(format!("the stream {name}: {why}: {body}"));
        if !listed.is_sorted_by(|one, other| one.key.index < other.key.index) {
            return wrong("shards are not in the order of their numbers".into());
        }
        if only_open && listed.iter().any(|shard| !shard.is_open()) {
            return wrong("a closed shard is listed as open".into());
        }
        let stream = &mut self.streams[number];
        check_division(&listed).or_else(wrong)?;
        if !only_open {
            check_families(&listed).or_else(wrong)?;
            check_splits(stream, &listed, now).or_else(wrong)?;
            check_none_is_missing(stream, &listed, now).or_else(wrong)?;
        }
        for shard in &listed {
            note_listed(stream, shard, now).or_else(wrong)?;
        }
        if !only_open {
            stream.listing = Some((listed, now.asked));
        }
        Ok(())
    }

    /// The latest listing of all shards, and when it was asked for.
    pub(crate) fn listing(&self, stream: usize) -> Option<(&[Listed], u64)> {
        self.streams[stream].listing.as_ref().map(|(shards, asked)| (&shards[..], *asked))
    }

    /// The open shards of that.
    pub(crate) fn open_listed(&self, stream: usize) -> Vec<Listed> {
        let (shards, _) = self.listing(stream).unwrap_or_default();
        shards.iter().filter(|shard| shard.is_open()).cloned().collect()
    }
}

/// The open shards share out all hashes, each once.
fn check_division(listed: &[Listed]) -> Result<(), String> {
    let mut open: Vec<_> = listed.iter().filter(|shard| shard.is_open()).map(|shard| shard.range).collect();
    open.sort_unstable();
    let is_whole =
        open.first().is_some_and(|first| first.0 == 0) && open.last().is_some_and(|last| last.1 == LAST_HASH);
    let has_no_gap = open.windows(2).all(|two| two[0].1.checked_add(1) == Some(two[1].0));
    if is_whole && has_no_gap { Ok(()) } else { Err(format!("the open shards are {open:?}")) }
}

/// The hashes of a shard that was closed are those of its children, and what is somebody's child is younger.
fn check_families(listed: &[Listed]) -> Result<(), String> {
    for parent in listed.iter().filter(|shard| !shard.is_open()) {
        let index = parent.key.index;
        let children = listed.iter().filter(|shard| shard.parents.contains(&index));
        let mut parts: Vec<_> = children.clone().map(|child| child.range).collect();
        parts.sort_unstable();
        let reaches = parts.iter().try_fold(parent.range.0, |from, part| {
            let joins = part.0 <= from && part.1 >= from;
            joins.then(|| part.1.min(parent.range.1)).map(|to| to.saturating_add(1))
        });
        let end = parent.range.1.saturating_add(1);
        if reaches != Some(end) {
            return Err(format!("the children of shard {index} have {parts:?} of its {:?}", parent.range));
        }
        if children.clone().any(|child| child.key.opened_secs <= parent.key.opened_secs) {
            return Err(format!("a child of shard {index} is no younger than it"));
        }
    }
    Ok(())
}

/// A shard that was split where somebody asked for it has children that meet there.
fn check_splits(stream: &Stream, listed: &[Listed], now: &Situation) -> Result<(), String> {
    for parent in listed {
        let known = stream.shards.get(&parent.key).and_then(|shard| shard.split);
        let Some((at, _)) = known.filter(|(_, acked)| *acked < now.asked) else { continue };
        let is_upper = |child: &&Listed| child.parents == [parent.key.index] && child.range == (at, parent.range.1);
        if parent.is_open() || !listed.iter().any(|child| is_upper(&child)) {
            return Err(format!("shard {} was split at {at}", parent.key.index));
        }
    }
    Ok(())
}

/// What was known to be there is there, unless all that it had may have expired or the stream may be another.
fn check_none_is_missing(stream: &Stream, listed: &[Listed], now: &Situation) -> Result<(), String> {
    for (key, shard) in &stream.shards {
        let is_there = listed.iter().any(|listed| listed.key == *key);
        let may_be_forgotten = shard.may_be_forgotten(stream.horizon_max);
        let is_known = shard.known_at.is_some_and(|known| known < now.asked) && stream.must_exist(shard.known_asked);
        if is_known && !is_there && !may_be_forgotten {
            return Err(format!("shard {} is not listed", key.index));
        }
    }
    Ok(())
}

fn note_listed(stream: &mut Stream, listed: &Listed, now: &Situation) -> Result<(), String> {
    let shard = stream.shard(listed.key);
    let index = listed.key.index;
    if let Some(earlier) = &shard.about {
        // Two listings under way together may have been taken in any order.
        let is_later = shard.about_at < now.asked;
        let is_other = is_later && !earlier.is_open() && earlier.ending != listed.ending;
        if is_other || !listed.is_same(earlier) {
            return Err(format!("shard {index} was {earlier:?} before"));
        }
    }
    shard.is_known(now);
    match listed.is_open() {
        true if shard.closed_since.is_some_and(|closed| closed < now.asked) => {
            return Err(format!("shard {index} was closed, and is open"));
        }
        true => shard.is_open_at(now.asked_wall),
        false => shard.closes(now.at),
    }
    if shard.about.as_ref().is_none_or(Listed::is_open) {
        shard.about = Some(listed.clone());
        shard.about_at = now.at;
    }
    Ok(())
}
