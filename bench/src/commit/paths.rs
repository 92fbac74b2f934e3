//! Four ways from a request's task to the disk, all with the same small state where there is one.
//!
//! `Direct` is the journal alone. `Locked` takes a lock on the task's own thread, decides and appends under it, and waits
//! for the disk outside. `EngineThread` sends the command over a bounded channel to a thread that decides and appends;
//! the task gets the position back and waits itself. `EngineOpens` is the other way: that thread also keeps
//! the pending replies and opens them when the journal says durable.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use journal::{Journal, Urgency};
use names::{PartitionId, Position};
use tokio::sync::{mpsc, oneshot};

use super::closed_loop::{NextRecord, Path, entry, fresh_partition};

/// Commands that may wait for an engine thread; more than there are clients, so that the channel never refuses.
const COMMANDS_MAX: usize = 1024;

/// Messages the toy state keeps: enough to be a real queue in memory, bounded so that it does not grow with the run.
const KEPT: usize = 4096;

/// The journal and nothing else.
pub(crate) struct Direct {
    journal: Arc<Journal>,
}

impl Direct {
    pub(crate) fn new(journal: Arc<Journal>) -> Self {
        Self { journal }
    }
}

impl Path for Direct {
    async fn commit(&self, record: &mut NextRecord) -> Result<(), String> {
        let position = self.journal.append(&[record.next()], Urgency::Now).map_err(|error| error.to_string())?;
        durable(&self.journal, position).await
    }
}

/// What a partition would be: its sequence, and something that changes with every command.
struct State {
    partition: PartitionId,
    sequence: u64,
    kept: VecDeque<(Position, usize)>,
}

impl State {
    fn new() -> Self {
        Self { partition: fresh_partition(), sequence: 0, kept: VecDeque::with_capacity(KEPT) }
    }

    /// Decides, appends and applies, in the order of the log.
    fn commit(&mut self, journal: &Journal, payload: &[u8]) -> Result<Position, String> {
        let next = entry(self.partition, self.sequence + 1, payload);
        let position = journal.append(&[next], Urgency::Now).map_err(|error| error.to_string())?;
        self.sequence += 1;
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back((position, payload.len()));
        Ok(position)
    }
}

async fn durable(journal: &Journal, position: Position) -> Result<(), String> {
    journal.when_durable(position).await.map_err(|stopped| stopped.to_string())
}

/// The state behind a lock, changed on the request's own thread.
pub(crate) struct Locked {
    journal: Arc<Journal>,
    state: Mutex<State>,
}

impl Locked {
    pub(crate) fn new(journal: Arc<Journal>) -> Self {
        Self { journal, state: Mutex::new(State::new()) }
    }

    fn decide(&self, payload: &[u8]) -> Result<Position, String> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).commit(&self.journal, payload)
    }
}

impl Path for Locked {
    async fn commit(&self, record: &mut NextRecord) -> Result<(), String> {
        let position = self.decide(&record.payload)?;
        durable(&self.journal, position).await
    }
}

struct Command<R> {
    payload: Arc<[u8]>,
    reply: oneshot::Sender<R>,
}

async fn ask<R>(commands: &mpsc::Sender<Command<R>>, record: &NextRecord) -> Result<R, String> {
    let (reply, answer) = oneshot::channel();
    let command = Command { payload: Arc::clone(&record.payload), reply };
    commands.send(command).await.map_err(|_| "the engine thread has ended")?;
    answer.await.map_err(|_| "the engine thread gave no answer".to_owned())
}

/// A thread that decides and appends; the tasks wait for the disk themselves. It ends with the sender.
pub(crate) struct EngineThread {
    journal: Arc<Journal>,
    commands: mpsc::Sender<Command<Result<Position, String>>>,
}

impl EngineThread {
    pub(crate) fn start(journal: Arc<Journal>) -> Self {
        let (commands, mut inbox) = mpsc::channel::<Command<Result<Position, String>>>(COMMANDS_MAX);
        let own = Arc::clone(&journal);
        std::thread::spawn(move || {
            let mut state = State::new();
            while let Some(command) = inbox.blocking_recv() {
                // A client that went away needs no answer.
                let _ = command.reply.send(state.commit(&own, &command.payload));
            }
        });
        Self { journal, commands }
    }
}

impl Path for EngineThread {
    async fn commit(&self, record: &mut NextRecord) -> Result<(), String> {
        let position = ask(&self.commands, record).await??;
        durable(&self.journal, position).await
    }
}

/// A thread that decides, appends, keeps the pending replies and opens them.
pub(crate) struct EngineOpens {
    commands: mpsc::Sender<Command<Result<(), String>>>,
}

type Reply = oneshot::Sender<Result<(), String>>;

impl EngineOpens {
    pub(crate) fn start(journal: Arc<Journal>) -> Self {
        let (commands, inbox) = mpsc::channel(COMMANDS_MAX);
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().build().expect("a runtime without drivers builds");
            runtime.block_on(serve(&journal, inbox));
        });
        Self { commands }
    }
}

/// Takes commands and opens replies until there are no clients any more.
async fn serve(journal: &Journal, mut inbox: mpsc::Receiver<Command<Result<(), String>>>) {
    let mut state = State::new();
    let mut pending: VecDeque<(Position, Reply)> = VecDeque::new();
    loop {
        let oldest = pending.front().map(|(position, _)| *position);
        tokio::select! {
            biased;
            outcome = durable(journal, oldest.unwrap_or(Position::ZERO)), if oldest.is_some() => {
                open(&mut pending, journal.durable(), &outcome);
            }
            command = inbox.recv() => {
                let Some(Command { payload, reply }) = command else { return };
                decide(&mut state, journal, &payload, reply, &mut pending);
                // Whatever else has arrived goes in before the disk is asked again.
                while let Ok(Command { payload, reply }) = inbox.try_recv() {
                    decide(&mut state, journal, &payload, reply, &mut pending);
                }
            }
        }
    }
}

fn decide(
    state: &mut State,
    journal: &Journal,
    payload: &[u8],
    reply: Reply,
    pending: &mut VecDeque<(Position, Reply)>,
) {
    match state.commit(journal, payload) {
        Ok(position) => pending.push_back((position, reply)),
        Err(broken) => drop(reply.send(Err(broken))),
    }
}

/// Answers everything up to `durable`; if the journal has stopped, everything.
fn open(pending: &mut VecDeque<(Position, Reply)>, durable: Position, outcome: &Result<(), String>) {
    while pending.front().is_some_and(|(position, _)| *position <= durable || outcome.is_err()) {
        let (_, reply) = pending.pop_front().expect("the front was just seen");
        let _ = reply.send(outcome.clone());
    }
}

impl Path for EngineOpens {
    async fn commit(&self, record: &mut NextRecord) -> Result<(), String> {
        ask(&self.commands, record).await?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three commits through a path over a journal that keeps nothing.
    async fn commits<P: Path>(path: P) {
        let mut record = NextRecord::new();
        for _ in 0..3 {
            path.commit(&mut record).await.unwrap();
        }
    }

    #[tokio::test]
    async fn every_path_commits_records_in_dense_order() {
        let journal = Arc::new(Journal::ephemeral());
        commits(Direct::new(Arc::clone(&journal))).await;
        commits(Locked::new(Arc::clone(&journal))).await;
        commits(EngineThread::start(Arc::clone(&journal))).await;
        commits(EngineOpens::start(Arc::clone(&journal))).await;
        assert_eq!(journal.durable(), Position::new(12));
    }
}
