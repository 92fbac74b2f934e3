//! `tail --group`: the records of the shards that a consumer group lends us, each committed once it is printed.
//!
//! Each shard is read over a connection of its own under the generation that it was lent with. A heartbeat three times a session says that
//! we are there, and tells what we read now; what a reader brings under a generation that is over is dropped, since somebody else reads
//! it. When the command ends it leaves the group, so that nobody waits for its session to end.

use super::reader::{Batch, Patience, ShardReader};
use super::record::Read;
use super::shards::Shard;
use super::tail::{WAIT_MILLIS, shown_as};
use super::words::Tail;
use super::{Session, print_lines, with};
use crate::client::Client;
use crate::queues::Stop;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

/// Batches that were read and wait to be printed.
const BATCHES_WAITING: usize = 4;

/// How often within its session a member says that it is there.
const BEATS_PER_SESSION: u32 = 3;

/// What was heard of a shard, under the generation that it is read with.
struct Heard {
    shard: String,
    generation: u64,
    /// None if the reader does not know any more where it began, and needs another iterator.
    batch: Option<Result<Batch, Stop>>,
}

/// A shard that is lent to us.
struct Lent {
    generation: u64,
    reading: JoinHandle<()>,
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

/// A member of a group.
struct Member<'a> {
    words: &'a Tail,
    group: &'a str,
    id: String,
    generation: u64,
    lent: BTreeMap<String, Lent>,
    known: BTreeMap<String, Shard>,
    tell: mpsc::Sender<Heard>,
}

impl Session {
    pub(super) async fn tail_as_member(&mut self, words: &Tail) -> Result<(), Stop> {
        let group = words.group.as_deref().expect("who is a member names a group");
        let (tell, mut heard) = mpsc::channel(BATCHES_WAITING);
        let id = words.member.clone().unwrap_or_else(|| format!("tail-{:016x}", fastrand::u64(..)));
        let (lent, known) = (BTreeMap::new(), BTreeMap::new());
        let mut member = Member { words, group, id, generation: 0, lent, known, tell };
        self.join(&mut member).await?;
        let followed = self.follow_as(&mut member, &mut heard).await;
        member.lent.clear();
        // Whoever could not be told that we leave finds it out when our session ends.
        let left = self.own("LeaveGroup", &member.input(json!({}))).await;
        followed?;
        match left {
            Err(failure) if !failure.is("UnknownMemberException") => Err(failure.into()),
            _ => Ok(()),
        }
    }

    /// Joins the group, which is made if there is none, from its oldest records on.
    async fn join(&mut self, member: &mut Member<'_>) -> Result<(), Stop> {
        let input = member.input(json!({ "SessionTimeoutMilliseconds": member.words.session * 1000 }));
        let mut joined = self.own("JoinGroup", &input).await;
        if joined.as_ref().is_err_and(|failure| failure.is("ResourceNotFoundException")) {
            let create = with(&member.words.stream, json!({ "GroupName": member.group }));
            match self.own("CreateGroup", &create).await {
                // Somebody else was faster.
                Err(failure) if !failure.is("ResourceInUseException") => return Err(failure.into()),
                _ => joined = self.own("JoinGroup", &input).await,
            }
        }
        let answer = joined?;
        self.take(member, &answer).await
    }

    async fn follow_as(&mut self, member: &mut Member<'_>, heard: &mut mpsc::Receiver<Heard>) -> Result<(), Stop> {
        let mut left = member.words.max.unwrap_or(u64::MAX);
        let every = Duration::from_secs(member.words.session.into()) / BEATS_PER_SESSION;
        let mut next_beat = Instant::now() + every;
        while left > 0 {
            // Also if there is always something to print.
            if Instant::now() >= next_beat {
                next_beat = Instant::now() + every;
                self.beat(member).await?;
            }
            let Ok(heard) = timeout_at(next_beat, heard.recv()).await else { continue };
            let heard = heard.expect("one way in is ours");
            if member.lent.get(&heard.shard).is_none_or(|lent| lent.generation != heard.generation) {
                continue;
            }
            let Heard { shard, generation, batch } = heard;
            match batch {
                Some(batch) => left -= self.hand_out(member, (shard, generation), batch?, left).await?,
                None => {
                    member.lent.remove(&shard);
                    // Who knows no generation is told all that it reads.
                    member.generation = 0;
                    self.beat(member).await?;
                }
            }
        }
        Ok(())
    }

    /// Prints a batch and commits it; so many records. Whoever has lost the shard meanwhile asks what it reads now.
    async fn hand_out(
        &mut self,
        member: &mut Member<'_>,
        (shard, generation): (String, u64),
        batch: Batch,
        left: u64,
    ) -> Result<u64, Stop> {
        let (mut shown, mut last) = (0, None);
        for record in batch.records {
            let number = record.number.clone();
            let records = member.taken_apart(record);
            let room = usize::try_from(left - shown).unwrap_or(usize::MAX);
            let is_whole = records.len() <= room;
            let lines = records.iter().take(room);
            shown += lines.len() as u64;
            print_lines(lines.map(|record| shown_as(self.form, record)))?;
            // An aggregate is committed when all of it is printed.
            if !is_whole {
                break;
            }
            last = Some(number);
            if shown == left {
                break;
            }
        }
        let is_end = batch.children.is_some() && shown < left;
        let position = if is_end { Some("SHARD_END".to_owned()) } else { last };
        if let Some(position) = position {
            let more = json!({ "ShardId": shard, "Generation": generation, "SequenceNumber": position });
            match self.own("CommitPosition", &member.input(more)).await {
                Err(failure) if failure.is("StaleGenerationException") || failure.is("UnknownMemberException") => {
                    self.beat(member).await?;
                }
                Err(failure) => return Err(failure.into()),
                // Who reads what has changed, perhaps by this: a shard that ended lets its children begin.
                Ok(answer) if answer["Generation"] != member.generation => self.beat(member).await?,
                Ok(_) => {}
            }
        }
        Ok(shown)
    }

    async fn beat(&mut self, member: &mut Member<'_>) -> Result<(), Stop> {
        let known = (member.generation > 0).then_some(member.generation);
        let input = member.input(known.map_or(json!({}), |known| json!({ "Generation": known })));
        match self.own("Heartbeat", &input).await {
            // We were silent for too long, as a machine that slept.
            Err(failure) if failure.is("UnknownMemberException") => self.join(member).await,
            Err(failure) => Err(failure.into()),
            Ok(answer) => self.take(member, &answer).await,
        }
    }

    /// Begins with the shards that are new to us, and ends with those that are not ours any more.
    async fn take(&mut self, member: &mut Member<'_>, answer: &Value) -> Result<(), Stop> {
        member.generation = answer["Generation"].as_u64().unwrap_or_default();
        let Some(assignments) = answer["Assignments"].as_array() else { return Ok(()) };
        let generation = |one: &Value| one["Generation"].as_u64().unwrap_or_default();
        let ours: BTreeMap<String, &Value> =
            assignments.iter().filter_map(|one| Some((one["ShardId"].as_str()?.to_owned(), one))).collect();
        member.lent.retain(|shard, lent| ours.get(shard).is_some_and(|one| generation(one) == lent.generation));
        if ours.keys().any(|shard| !member.known.contains_key(shard)) {
            let shards = self.shards(&member.words.stream).await?;
            member.known = shards.into_iter().map(|shard| (shard.id.clone(), shard)).collect();
        }
        for (shard, one) in ours {
            if !member.lent.contains_key(&shard) {
                let client = Client::new(self.target.clone());
                let reader = ShardReader::at(client, &member.words.stream, &shard, place(one), member.patience());
                let lent = member.read(&shard, generation(one), reader);
                member.lent.insert(shard, lent);
            }
        }
        Ok(())
    }
}

/// Where a shard that is lent begins: an iterator, and what was committed last, if anything was. A group that has committed nothing may
/// begin anywhere, so the iterator alone says where.
fn place(assignment: &Value) -> (String, Option<String>) {
    let text = |name: &str| assignment[name].as_str().map(str::to_owned);
    (text("ShardIterator").unwrap_or_default(), text("SequenceNumber"))
}

impl Member<'_> {
    /// The input that names group and member, with more of it.
    fn input(&self, mut more: Value) -> Value {
        more["GroupName"] = self.group.into();
        more["MemberId"] = self.id.as_str().into();
        with(&self.words.stream, more)
    }

    fn patience(&self) -> Patience {
        Patience { wait_millis: WAIT_MILLIS, interval: Duration::from_secs_f64(self.words.interval) }
    }

    /// Reads a shard until it ends or is taken from us.
    fn read(&self, shard: &str, generation: u64, mut reader: ShardReader) -> Lent {
        let (tell, shard) = (self.tell.clone(), shard.to_owned());
        let reading = tokio::spawn(async move {
            loop {
                let batch = reader.next().await;
                let is_last = batch.as_ref().map_or(true, |batch| batch.children.is_some());
                let batch = (!reader.is_lost()).then_some(batch);
                let told = tell.send(Heard { shard: shard.clone(), generation, batch }).await;
                if is_last || told.is_err() {
                    return;
                }
            }
        });
        Lent { generation, reading }
    }

    fn taken_apart(&self, record: Read) -> Vec<Read> {
        let belongs = |shard: Option<&Shard>, hash| shard.is_none_or(|shard| shard.takes(hash));
        let shard = self.known.get(&record.shard);
        if self.words.raw { vec![record] } else { record.taken_apart(|hash| belongs(shard, hash)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_of_which_nothing_was_committed_is_not_read_from_its_oldest_record() {
        assert_eq!(place(&json!({ "ShardIterator": "i" })), ("i".into(), None));
        let committed = json!({ "ShardIterator": "i", "SequenceNumber": "49" });
        assert_eq!(place(&committed), ("i".into(), Some("49".into())));
    }
}
