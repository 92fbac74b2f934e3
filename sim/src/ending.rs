//! The first requests of a history about queues, and the settling of accounts at its end.

use crate::ask::{self, Composer, QUEUES};
use crate::client::{Answer, Connection};
use crate::jobs::JOBS;
use crate::plan::{Misfortunes, Sabotage};
use crate::world::World;
use serde_json::Value;

/// Seconds after which a move task has to have ended.
const MOVE_TURNS: usize = 100;

/// Receives after which a queue has to be empty.
const DRAIN_TURNS: usize = 2_000;

/// Empty receives after which a queue is.
const EMPTY_TURNS: usize = 2;

/// The same where messages may be damaged, or are put away as dead letters: both are taken and not shown. More than there can be
/// batches of damaged messages, which stand within a step of a segment or a block of the log.
const EMPTY_LOOKING_TURNS: usize = 20;

/// How long a drained message stays hidden, in seconds: longer than the settling takes.
const DRAIN_HIDDEN_SECS: u64 = 3_000;

impl World {
    /// The queues.
    pub(crate) async fn begin_queues(&mut self) -> Result<(), String> {
        for (queue, kind) in QUEUES.iter().enumerate().filter(|(_, kind)| kind.host.is_none()) {
            let mut request = ask::create(queue);
            if kind.is_fifo && self.plan.sabotage == Some(Sabotage::LeasesAreNotKept) {
                request.input["Attributes"]["TidewireDurability"] = "relaxed".into();
            }
            match self.plan.sabotage {
                Some(Sabotage::GroupsParkTooLate) if queue == ask::PARKING => {
                    request.input["Attributes"]["TidewireParkAfter"] = "3".into();
                }
                Some(Sabotage::GroupsParkTooEarly) if queue == ask::PARKING => {
                    request.input["Attributes"]["TidewireParkAfter"] = "1".into();
                }
                _ => {}
            }
            if queue == ask::GROUPED && self.plan.sabotage == Some(Sabotage::ScopesAreMixed) {
                request.input["Attributes"]["DeduplicationScope"] = "queue".into();
                request.input["Attributes"]["FifoThroughputLimit"] = "perQueue".into();
            }
            if queue == ask::KEPT && self.plan.sabotage == Some(Sabotage::ShelvesAreShort) {
                request.input["Attributes"]["TidewireKeepDeletedSeconds"] = "1".into();
            }
            request.input["Attributes"]["VisibilityTimeout"] = ask::VISIBILITY_SECS.to_string().into();
            self.ask_quietly(&request).await?;
        }
        Ok(())
    }

    /// Every queue is emptied and compared with what is known.
    pub(crate) async fn conclude_queues(&mut self, misfortunes: Misfortunes) -> Result<(), String> {
        // Whoever held a group before the end holds it still.
        for queue in [ask::FIFO, ask::DYING_FIFO, ask::FAILING_FIFO, ask::DEAD_FIFO, ask::MOVED] {
            self.ask_quietly(&ask::receive(queue, Some(0), 0, None)).await?;
        }
        // Past every lease and delay that any clock has promised.
        let ahead = self.oracle.wall_max() - self.wall;
        self.pass(ahead + (ask::HIDDEN_SECS_MAX + 5) * 1000).await;
        for letters in [ask::DEAD, ask::DEAD_FIFO] {
            match self.chance.u8(..4) {
                0 | 1 => self.check_a_move(letters).await?,
                2 => self.check_a_cancellation(letters).await?,
                _ => self.let_moves_end(letters).await.map(drop)?,
            }
        }
        self.check_a_replay().await?;
        // What is handed out in order is deleted meanwhile: if a bit shall hit it, that comes first.
        let rots = misfortunes.bit_rot && self.chance.bool();
        if !rots {
            self.check_parking().await?;
        }
        let comes_later = |queue: usize| queue == ask::PARKING || (rots && QUEUES[queue].is_fifo);
        let meant = (0..QUEUES.len()).filter(|queue| ask::is_sent_to(*queue) && !comes_later(*queue));
        let found = self.drain_all(meant.clone()).await?;
        for queue in meant {
            self.oracle.check_nothing_is_lost(queue, &found)?;
        }
        self.check_wake_up(0).await?;
        self.check_wake_up(ask::DESK).await?;
        self.check_wake_up(ask::FIFO).await?;
        self.check_idle().await?;
        if rots {
            self.check_rot().await?;
        }
        Ok(())
    }

    /// Empties queues, each with those that have its dead letters, which may be others' as well. Leases that outlast the settling see
    /// to it that nothing is found in two of them.
    pub(crate) async fn drain_all(&mut self, queues: impl Iterator<Item = usize>) -> Result<Vec<usize>, String> {
        let mut found = Vec::new();
        for queue in queues.flat_map(ask::family) {
            self.deliver_all().await;
            found.extend(self.drain(queue).await?);
            if queue == ask::PARKING {
                found.extend(self.let_parked_go_on().await?);
            }
        }
        let mut sorted = found.clone();
        sorted.sort_unstable();
        match sorted.windows(2).find(|two| two[0] == two[1]) {
            Some(twice) => Err(format!("message {} is there twice", twice[0])),
            None => Ok(found),
        }
    }

    /// Brings everything that is on its way. Says whether there was anything.
    async fn deliver_all(&mut self) -> bool {
        let mut was_any = false;
        while self.server.as_ref().is_some_and(|server| server.store.deliver().parcels > 0) {
            was_any = true;
        }
        self.job_turn(&JOBS[0]).await;
        was_any
    }

    /// A task that begins when nobody holds a letter any more brings all of them back, and counts them.
    async fn check_a_move(&mut self, letters: usize) -> Result<(), String> {
        let count = self.letters_at_rest(letters).await?;
        let destination = (QUEUES[letters].is_fifo && self.chance.bool()).then_some(ask::MOVED);
        self.begin_a_move(letters, destination, None).await?;
        let task = self.let_moves_end(letters).await?;
        let counts = ["ToMove", "Moved"].map(|of| task[format!("ApproximateNumberOfMessages{of}")].clone());
        if task["Status"] != "COMPLETED" || counts.iter().any(|shown| number_in(shown) != Some(count)) {
            return Err(format!("a move task of {count} letters on a quiet day has come to {task}"));
        }
        let left = numbers(&self.ask_quietly(&ask::receive(letters, Some(0), 0, None)).await?);
        match left.is_empty() {
            true => Ok(()),
            false => Err(format!("a move task has ended and left the letters {left:?}")),
        }
    }

    /// A task that is cancelled sends nothing more, and what it has sent arrives.
    async fn check_a_cancellation(&mut self, letters: usize) -> Result<(), String> {
        let count = self.letters_at_rest(letters).await?;
        // So slowly that each second brings one.
        let begun = self.begin_a_move(letters, None, Some(1)).await?;
        self.pass(1_000).await;
        let handle = begun.body["TaskHandle"].as_str().unwrap_or_default().to_owned();
        let cancelled = self.ask_quietly(&ask::cancel_move(letters, handle)).await?.status == 200;
        let task = self.let_moves_end(letters).await?;
        let left = self.letters_at_rest(letters).await?;
        let moved = number_in(&task["ApproximateNumberOfMessagesMoved"]).unwrap_or(u64::MAX);
        match !cancelled || (task["Status"] == "CANCELLED" && left.checked_add(moved) == Some(count)) {
            true => Ok(()),
            false => Err(format!("of {count} letters {left} are left by a task that was cancelled: {task}")),
        }
    }

    /// No task is under way and no letter on its way; how many there are.
    async fn letters_at_rest(&mut self, letters: usize) -> Result<u64, String> {
        // A letter that arrives while a task is under way is none of the task's.
        self.let_moves_end(letters).await?;
        self.deliver_all().await;
        let seen = self.ask_quietly(&ask::look(letters)).await?;
        let count = number_in(&seen.body["Attributes"]["ApproximateNumberOfMessages"]);
        count.ok_or_else(|| format!("a queue does not say how many messages it has: {}", seen.body))
    }

    async fn begin_a_move(
        &mut self,
        letters: usize,
        destination: Option<usize>,
        rate: Option<u64>,
    ) -> Result<Answer, String> {
        let begun = self.ask_quietly(&ask::start_move(letters, destination, rate)).await?;
        match begun.status {
            200 => Ok(begun),
            _ => Err(format!("a move task on a quiet day is refused: {} {}", begun.code, begun.body)),
        }
    }

    /// A task ends by itself, whatever crashed in its middle; the newest one.
    async fn let_moves_end(&mut self, letters: usize) -> Result<Value, String> {
        for _ in 0..MOVE_TURNS {
            let answer = self.ask_quietly(&ask::list_moves(letters)).await?;
            let tasks = answer.body["Results"].as_array().map_or(&[][..], Vec::as_slice);
            if !tasks.iter().any(|task| task["Status"] == "RUNNING" || task["Status"] == "CANCELLING") {
                return Ok(tasks.first().cloned().unwrap_or_default());
            }
            self.deliver_all().await;
            self.pass(1_000).await;
        }
        Err("a move task never ends".into())
    }

    /// A queue that nobody uses goes, an eighth of its lifetime late at the most.
    async fn check_idle(&mut self) -> Result<(), String> {
        self.pass(QUEUES[ask::IDLE].idle_lifetime_secs * 1_125 + 1_000).await;
        while self.server.as_ref().is_some_and(|server| server.sqs.remove_idle()) {}
        self.job_turn(&JOBS[0]).await;
        match self.ask_quietly(&ask::look(ask::IDLE)).await?.code.as_str() {
            "QueueDoesNotExist" => Ok(()),
            _ => Err("a queue that nobody uses stays".into()),
        }
    }

    /// What stands still has been received often enough for that, and all of it is there when it goes on.
    async fn check_parking(&mut self) -> Result<(), String> {
        let mut found = self.drain(ask::PARKING).await?;
        self.oracle.check_parked(&found)?;
        found.extend(self.let_parked_go_on().await?);
        self.oracle.check_nothing_is_lost(ask::PARKING, &found)
    }

    /// Parked groups go on until nothing is left of them; what they had.
    async fn let_parked_go_on(&mut self) -> Result<Vec<usize>, String> {
        let mut found = Vec::new();
        for _ in 0..DRAIN_TURNS {
            self.ask_quietly(&ask::unpark("retry")).await?;
            let more = self.drain(ask::PARKING).await?;
            if more.is_empty() {
                break;
            }
            found.extend(more);
        }
        Ok(found)
    }

    /// A replay that begins when none is under way brings one copy of everything, and the copies of those before are there.
    async fn check_a_replay(&mut self) -> Result<(), String> {
        self.let_replay_end().await?;
        // Copies of one that was ended are on their way yet, and no other begins before they are there.
        self.deliver_all().await;
        let since = self.oracle.order();
        self.drain(ask::AGAIN).await?;
        self.oracle.check_copies_are_there(since)?;
        let (only_deleted, since, wall) = (self.chance.bool(), self.oracle.order(), self.wall);
        let begun = self.ask_quietly(&ask::start_replay(only_deleted)).await?;
        if begun.status != 200 {
            return Err(format!("a replay on a quiet day is refused: {} {}", begun.code, begun.body));
        }
        let status = self.let_replay_end().await?;
        if status != "Completed" {
            return Err(format!("a replay on a quiet day is not completed but {status:?}"));
        }
        let found = self.drain(ask::AGAIN).await?;
        self.oracle.check_replayed(&found, only_deleted, since, wall)
    }

    /// A replay ends by itself, whatever crashed in its middle; how it ended, if there was one.
    async fn let_replay_end(&mut self) -> Result<String, String> {
        for _ in 0..MOVE_TURNS {
            let answer = self.ask_quietly(&ask::look_at_replay()).await?;
            let shown = answer.body["Attributes"]["TidewireReplay"].as_str().unwrap_or_default();
            let replay: Value = serde_json::from_str(shown).unwrap_or_default();
            match replay["status"].as_str().unwrap_or_default() {
                "In progress" => _ = self.deliver_all().await,
                status => return Ok(status.to_owned()),
            }
        }
        Err("a replay never ends".into())
    }

    async fn drain(&mut self, queue: usize) -> Result<Vec<usize>, String> {
        let is_plain = QUEUES[queue].dead_letters.is_none() && !self.oracle.is_rotten();
        let empty_turns = if is_plain { EMPTY_TURNS } else { EMPTY_LOOKING_TURNS };
        let (mut found, mut empty) = (Vec::new(), 0);
        for _ in 0..DRAIN_TURNS {
            let sabotage = self.plan.sabotage.filter(|sabotage| *sabotage != Sabotage::LeasesAreOverstated);
            let request = ask::receive(queue, Some(DRAIN_HIDDEN_SECS), 0, sabotage);
            let numbers = numbers(&self.ask_quietly(&request).await?);
            if QUEUES[queue].is_fifo && !numbers.is_empty() {
                self.free_groups(queue, &numbers).await?;
            }
            // A receive that puts letters away shows nothing, however many stand before the first message that it may show.
            let has_put_away = QUEUES[queue].dead_letters.is_some() && self.deliver_all().await;
            // What is damaged is taken and not shown, so a batch of it looks like none.
            empty = if numbers.is_empty() && !has_put_away { empty + 1 } else { 0 };
            if empty == empty_turns {
                return Ok(found);
            }
            found.extend(numbers);
        }
        Err(format!("{} never becomes empty", QUEUES[queue].name))
    }

    /// What stands behind these in their groups is handed out once they are deleted.
    async fn free_groups(&mut self, queue: usize, numbers: &[usize]) -> Result<(), String> {
        let mut known = self.oracle.handles(queue);
        known.retain(|(number, _)| numbers.contains(number));
        let answer = self.ask_quietly(&ask::delete_batch(queue, known)).await?;
        match answer.body["Failed"].as_array().is_none_or(Vec::is_empty) {
            true => Ok(()),
            false => Err(format!("messages in flight are not deleted: {}", answer.body)),
        }
    }

    /// A long poll is woken by a send, without any time passing.
    async fn check_wake_up(&mut self, queue: usize) -> Result<(), String> {
        let waiting = ask::receive(queue, Some(0), 20, None);
        let poller = self.quiet_client();
        self.ask(poller, &waiting);
        self.hurry(poller).await?;
        let wall = self.wall;
        let mut composer = Composer { chance: &mut self.chance, oracle: &mut self.oracle, wall, sabotage: None };
        let request = composer.send_without_delay(queue);
        self.ask_quietly(&request).await?;
        self.hurry(poller).await?;
        match self.clients[poller].as_ref().is_some_and(Connection::is_free) {
            true => Ok(()),
            false => Err("a long poll sleeps on although a message was sent".into()),
        }
    }
}

/// The numbers of the messages in an answer.
fn numbers(answer: &Answer) -> Vec<usize> {
    answer.body["Messages"].as_array().into_iter().flatten().filter_map(ask::number_of).collect()
}

/// A number, which some protocols show as text.
fn number_in(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}
