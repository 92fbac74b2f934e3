//! `tail`: the records of all shards as they come, each shard in its order, parents before those that came of them.
//!
//! Each shard is read over a connection of its own, on which the server waits for records; what they bring is printed by one. A shard
//! that came of others begins when all of those have been read to their end.

use super::reader::{Batch, Patience, ShardReader};
use super::record::Read;
use super::shards::{Shard, id_of, no_shard};
use super::start::Start;
use super::words::Tail;
use super::{Session, print_lines};
use crate::client::{Client, Target};
use crate::queues::Stop;
use crate::queues::words::Form;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::sync::mpsc;

/// Batches that were read and wait to be printed: who prints slowly makes the readers wait.
const BATCHES_WAITING: usize = 4;

/// Shards that are followed at once, each over a connection of its own; a server takes ten times as many.
const FOLLOWED_MAX: usize = 1_000;

/// Milliseconds that the server waits for records: the most that it does.
pub(super) const WAIT_MILLIS: u64 = 20_000;

/// What was heard of a shard.
struct Heard {
    shard: String,
    batch: Result<Batch, Stop>,
}

/// The shards that are followed.
struct Following {
    target: Target,
    stream: String,
    patience: Patience,
    /// Where shards begin that come of others.
    start_of_children: Start,
    known: BTreeMap<String, Shard>,
    /// Shards that are or will be read, whose children wait for them.
    expected: BTreeSet<String>,
    started: BTreeSet<String>,
    ended: BTreeSet<String>,
    tell: mpsc::Sender<Heard>,
}

impl Session {
    pub(super) async fn tail(&mut self, words: &Tail) -> Result<(), Stop> {
        let shards = self.shards(&words.stream).await?;
        let first = chosen(words, &shards)?;
        let (tell, mut heard) = mpsc::channel(BATCHES_WAITING);
        let is_whole = words.shards.is_empty() && matches!(words.from, Start::TrimHorizon | Start::At(_));
        let expected = if is_whole { shards.iter() } else { first.iter() };
        let mut following = Following {
            target: self.target.clone(),
            stream: words.stream.clone(),
            patience: Patience { wait_millis: WAIT_MILLIS, interval: Duration::from_secs_f64(words.interval) },
            start_of_children: if let Start::At(_) = words.from { words.from.clone() } else { Start::TrimHorizon },
            expected: expected.map(|shard| shard.id.clone()).collect(),
            known: shards.iter().map(|shard| (shard.id.clone(), shard.clone())).collect(),
            started: BTreeSet::new(),
            ended: BTreeSet::new(),
            tell,
        };
        for shard in first {
            following.follow(&shard, words.from.clone())?;
        }
        let mut left = words.max.unwrap_or(u64::MAX);
        while left > 0 && following.started.len() > following.ended.len() {
            let Heard { shard, batch } = heard.recv().await.expect("one way in is ours");
            let batch = batch?;
            let records = following.taken_apart(&shard, batch.records, words.raw);
            let shown = records.iter().take(usize::try_from(left).unwrap_or(usize::MAX));
            left -= shown.len() as u64;
            print_lines(shown.map(|record| shown_as(self.form, record)))?;
            if let Some(children) = batch.children {
                following.end(&shard, children)?;
            }
        }
        Ok(())
    }
}

/// A record as a list without end has it.
pub(super) fn shown_as(form: Form, record: &Read) -> String {
    match form {
        Form::Table => record.shown(),
        Form::Json | Form::Ndjson => record.line().to_string(),
    }
}

/// The shards that are read first.
fn chosen(words: &Tail, shards: &[Shard]) -> Result<Vec<Shard>, Stop> {
    let mut wanted: Vec<String> = words.shards.iter().map(|name| id_of(name)).collect();
    if let Some(of_number) = words.from.shard() {
        if wanted.iter().any(|name| *name != of_number) {
            return Err(Stop::NotBegun(format!("the sequence number is of {of_number} and of no other shard")));
        }
        wanted = vec![of_number];
    }
    if let Some(missing) = wanted.iter().find(|name| shards.iter().all(|shard| shard.id != **name)) {
        return Err(no_shard(&words.stream, missing));
    }
    let mine: Vec<&Shard> = shards.iter().filter(|shard| wanted.is_empty() || wanted.contains(&shard.id)).collect();
    let is_first = |shard: &&&Shard| match words.from {
        Start::Latest => shard.is_open,
        _ => !shard.parents.iter().any(|parent| mine.iter().any(|other| other.id == *parent)),
    };
    Ok(mine.iter().filter(is_first).map(|shard| (*shard).clone()).collect())
}

impl Following {
    fn follow(&mut self, shard: &Shard, start: Start) -> Result<(), Stop> {
        if self.started.len() - self.ended.len() >= FOLLOWED_MAX {
            return Err(Stop::Failed(format!("more than {FOLLOWED_MAX} shards; name some with --shard")));
        }
        self.started.insert(shard.id.clone());
        let client = Client::new(self.target.clone());
        let mut reader = ShardReader::new(client, &self.stream, &shard.id, start, self.patience);
        let (tell, shard) = (self.tell.clone(), shard.id.clone());
        tokio::spawn(async move {
            loop {
                let batch = reader.next().await;
                let is_last = batch.as_ref().map_or(true, |batch| batch.children.is_some());
                let told = tell.send(Heard { shard: shard.clone(), batch }).await;
                if is_last || told.is_err() {
                    return;
                }
            }
        });
        Ok(())
    }

    /// A shard was read to its end; those that came of it begin when that is true of all their parents.
    fn end(&mut self, shard: &str, children: Vec<Shard>) -> Result<(), Stop> {
        self.ended.insert(shard.to_owned());
        for child in children {
            self.expected.insert(child.id.clone());
            self.known.insert(child.id.clone(), child);
        }
        let is_read = |parent: &String| self.ended.contains(parent) || !self.expected.contains(parent);
        let due: Vec<Shard> = self
            .known
            .values()
            .filter(|one| self.expected.contains(&one.id) && !self.started.contains(&one.id))
            .filter(|one| one.parents.iter().all(is_read))
            .cloned()
            .collect();
        due.iter().try_for_each(|child| self.follow(child, self.start_of_children.clone()))
    }

    fn taken_apart(&self, shard: &str, records: Vec<Read>, raw: bool) -> Vec<Read> {
        let belongs = |hash| self.known.get(shard).is_none_or(|shard| shard.takes(hash));
        match raw {
            true => records,
            false => records.into_iter().flat_map(|record| record.taken_apart(belongs)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(id: &str, parents: &[&str], is_open: bool) -> Shard {
        let parents = parents.iter().map(|parent| (*parent).to_owned()).collect();
        Shard { id: id.to_owned(), parents, first_hash: 0, last_hash: u128::MAX, is_open }
    }

    fn first(from: Start, only: &[&str]) -> Vec<String> {
        let (a, b) = ("shardId-000000000000", "shardId-000000000001");
        let (c, d) = ("shardId-000000000002", "shardId-000000000003");
        let shards =
            [shard(a, &["shardId-gone"], false), shard(b, &[], true), shard(c, &[a], true), shard(d, &[a], true)];
        let only = only.iter().map(|name| (*name).to_owned()).collect();
        let words = Tail {
            stream: "s".into(),
            from,
            shards: only,
            max: None,
            raw: false,
            interval: 1.0,
            group: None,
            member: None,
            session: 30,
        };
        chosen(&words, &shards).unwrap().into_iter().map(|shard| shard.id[18..].to_owned()).collect()
    }

    #[test]
    fn from_the_beginning_parents_come_first_and_from_the_end_only_open_shards() {
        assert_eq!(first(Start::TrimHorizon, &[]), ["00", "01"]);
        assert_eq!(first(Start::Latest, &[]), ["01", "02", "03"]);
        assert_eq!(first(Start::TrimHorizon, &["2", "shardId-000000000003"]), ["02", "03"]);
        assert_eq!(first(Start::TrimHorizon, &["0", "2"]), ["00"]);
    }
}
