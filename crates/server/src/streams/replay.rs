//! `replay`: what arrived within a stretch of time once more, into another stream or as lines of JSON that `put --records` reads.
//!
//! Shards are read one after the other, those that came of others after them, so that the records of a key keep their order. With
//! `--state` it is noted how far it is, after what was read is put, or is on standard output: cut off at any moment it goes on there,
//! repeats a batch at the most and leaves nothing out.

use super::put::Batch;
use super::reader::{Patience, ShardReader};
use super::record::Read;
use super::start::{Moment, Start};
use super::words::Replay;
use super::{Session, print_lines};
use crate::client::Client;
use crate::progress::Progress;
use crate::queues::Stop;
use crate::whole_file;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

/// What is noted of a replay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    stream: String,
    from: Option<u64>,
    to: u64,
    into: Option<String>,
    records: u64,
    complete: bool,
    shards: BTreeMap<String, Place>,
}

/// How far a shard is read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    after: Option<String>,
    done: bool,
}

/// The same, and where it is kept.
struct Noted {
    state: State,
    path: Option<PathBuf>,
}

impl Session {
    pub(super) async fn replay(&mut self, words: &Replay) -> Result<(), Stop> {
        let mut noted = Noted::begin(words)?;
        let mut progress = Progress::of_records("replaying");
        if !noted.state.complete {
            let all = self.held(&words.stream).await?;
            for shard in self.shards(&words.stream).await? {
                if !noted.place(&shard.id).done {
                    self.replay_shard(words, &shard.id, &mut noted, (&mut progress, all)).await?;
                }
            }
            noted.state.complete = true;
            noted.keep()?;
        }
        progress.clear();
        match words.into {
            None => Ok(()),
            Some(_) => self.print_object(&json!({ "replayed": noted.state.records })),
        }
    }

    async fn replay_shard(
        &mut self,
        words: &Replay,
        shard: &str,
        noted: &mut Noted,
        (progress, all): (&mut Progress, u64),
    ) -> Result<(), Stop> {
        let start = noted.start(shard);
        let mut reader =
            ShardReader::new(Client::new(self.target.clone()), &words.stream, shard, start, Patience::NONE);
        loop {
            let batch = reader.next().await?;
            let read = batch.records.len();
            let to = noted.state.to;
            let within: Vec<Read> =
                batch.records.into_iter().take_while(|record| record.arrived_at.as_millis() < to).map(placed).collect();
            let is_over = within.len() < read || batch.has_all || batch.children.is_some();
            let last = within.last().map(|last| last.number.clone());
            noted.state.records += within.len() as u64;
            self.hand_on(words, within).await?;
            let place = noted.place(shard);
            place.done = is_over;
            place.after = last.or(place.after.take());
            noted.keep()?;
            progress.show(noted.state.records, all.max(noted.state.records));
            if is_over {
                return Ok(());
            }
        }
    }

    async fn hand_on(&mut self, words: &Replay, records: Vec<Read>) -> Result<(), Stop> {
        let Some(into) = &words.into else {
            return print_lines(records.iter().map(|record| record.line().to_string()));
        };
        let mut batch = Batch::default();
        for (nth, record) in records.into_iter().enumerate() {
            self.add_to(&mut batch, into, nth + 1, record.put).await?;
        }
        self.flush(&mut batch, into).await
    }
}

/// An aggregate goes where the first of what is in it belongs, as its producer had it.
fn placed(mut record: Read) -> Read {
    let first =
        stream::disaggregate(&record.put.data).ok().and_then(|packed| packed.first().map(stream::UserRecord::hash));
    record.put.hash = first;
    record
}

impl Noted {
    /// A new replay, or the one that was cut off.
    fn begin(words: &Replay) -> Result<Self, Stop> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let fresh = State {
            stream: words.stream.clone(),
            from: words.from.map(|from| from.0),
            to: words.to.map_or(u64::try_from(now).unwrap_or(u64::MAX), |to| to.0),
            into: words.into.clone(),
            records: 0,
            complete: false,
            shards: BTreeMap::new(),
        };
        let path = words.state.clone();
        let Some(found) = path.as_deref().and_then(|path| match std::fs::read(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            read => Some(read.map_err(|error| error.to_string())),
        }) else {
            return Ok(Self { state: fresh, path });
        };
        let read = found.and_then(|bytes| serde_json::from_slice::<State>(&bytes).map_err(|error| error.to_string()));
        let shown = path.as_deref().map(|path| path.display().to_string()).unwrap_or_default();
        let state = read.map_err(|why| Stop::NotBegun(format!("{shown} says nothing of a replay: {why}")))?;
        let is_same = (&state.stream, state.from, &state.into) == (&fresh.stream, fresh.from, &fresh.into)
            && words.to.is_none_or(|Moment(to)| to == state.to);
        match is_same {
            true => Ok(Self { state, path }),
            false => Err(Stop::NotBegun(format!("{shown} is the state of another replay; name another file"))),
        }
    }

    fn place(&mut self, shard: &str) -> &mut Place {
        self.state.shards.entry(shard.to_owned()).or_default()
    }

    fn start(&mut self, shard: &str) -> Start {
        let from = self.state.from;
        match &self.place(shard).after {
            Some(number) => Start::AfterNumber(number.clone()),
            None => from.map_or(Start::TrimHorizon, |from| Start::At(Moment(from))),
        }
    }

    fn keep(&self) -> Result<(), Stop> {
        let Some(path) = &self.path else { return Ok(()) };
        let text = serde_json::to_vec_pretty(&self.state).expect("texts and numbers are JSON");
        let kept = whole_file::replace(path, &text, 0o644);
        kept.map_err(|error| Stop::Failed(format!("{} cannot be written: {error}", path.display())))
    }
}
