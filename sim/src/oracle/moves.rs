//! What message move tasks promise beside what becomes of the messages (`lives.rs`, `letter.rs`): one at a time, each ends, and one that
//! has ended or was cancelled stays so, over any crash; none fails as long as its queues are there and nothing rots.
//!
//! When a task brings its messages nobody sees from outside. What is known: none is under way before one is asked for, and once a
//! list that began after the last one was asked for shows none that runs or comes to its end.

use super::receives::Before;
use super::{Oracle, Verdict};
use crate::ask::{QUEUES, sources_of};
use serde_json::Value;
use std::collections::BTreeMap;

/// Tasks that a queue remembers (`sqs::limits::MOVE_TASKS_MAX`): older ones are nobody's any more.
const REMEMBERED: usize = 10;

/// The tasks of one queue for dead letters.
#[derive(Debug, Default)]
pub(super) struct Moves {
    /// How the receives of the queues that the letters come from stood when each was asked for.
    asked: Vec<BTreeMap<usize, Before>>,
    /// How many were asked for that name another destination.
    pub(super) elsewhere: u64,
    /// Requests for one that are under way, and the event at which the last of them began or ended.
    starting: u32,
    last_start: u64,
    /// Since this event none is under way; none if one may be.
    idle_since: Option<u64>,
    /// Those that are known by their handles.
    known: BTreeMap<String, Task>,
}

/// What is known of one, in order of events.
#[derive(Debug, Default)]
struct Task {
    began: u64,
    cancelled: Option<u64>,
    ended: Option<u64>,
}

impl Moves {
    pub(super) fn new() -> Self {
        Self { idle_since: Some(0), ..Self::default() }
    }

    /// How many were asked for.
    pub(super) fn count(&self) -> u64 {
        self.asked.len() as u64
    }

    /// The receives of a queue before the task that was asked for after so many others.
    pub(super) fn before(&self, nth: usize, home: usize) -> Before {
        self.asked.get(nth).and_then(|before| before.get(&home)).copied().unwrap_or_default()
    }

    /// Whether any may have been under way since an event.
    pub(super) fn may_have_run_since(&self, at: u64) -> bool {
        self.idle_since.is_none_or(|since| since > at)
    }

    fn lists(&mut self, tasks: &[Value], asked: u64, at: u64, may_fail: bool) -> Verdict {
        let is = |task: &&Value, words: &[&str]| words.iter().any(|word| task["Status"] == **word);
        let running: Vec<&str> =
            tasks.iter().filter(|task| is(task, &["RUNNING"])).map(|task| text(task, "TaskHandle")).collect();
        if running.len() > 1 {
            return Err(format!("two move tasks of a queue run at once: {tasks:?}"));
        }
        if let Some(failed) = tasks.iter().find(|task| is(task, &["FAILED"])).filter(|_| !may_fail) {
            return Err(format!("a move task has failed although its queues are there: {failed}"));
        }
        for (handle, task) in self.known.iter_mut().filter(|(_, task)| task.began < asked) {
            let is_running = running.contains(&handle.as_str());
            let over = [task.cancelled, task.ended].into_iter().flatten().min();
            if is_running && over.is_some_and(|over| over < asked) {
                return Err(format!("a move task that had ended, or was cancelled, runs on: {tasks:?}"));
            }
            if !is_running {
                task.ended.get_or_insert(at);
            }
        }
        if tasks.is_empty() && self.known.values().any(|task| task.began < asked) {
            return Err("a move task was acknowledged and is not listed".into());
        }
        let is_under_way = tasks.iter().any(|task| is(&task, &["RUNNING", "CANCELLING"]));
        if !is_under_way && self.starting == 0 && self.last_start < asked {
            self.idle_since.get_or_insert(at);
        }
        Ok(())
    }
}

impl Oracle {
    pub(super) fn moves(&self, letters: usize) -> &Moves {
        &self.moves[&letters]
    }

    /// Tasks that were asked for and may move a message that was sent to this queue.
    pub(super) fn moves_of(&self, home: usize) -> u64 {
        QUEUES[home].dead_letters.map_or(0, |letters| self.moves(letters).count())
    }

    fn moves_mut(&mut self, letters: usize) -> &mut Moves {
        self.moves.get_mut(&letters).expect("every queue for dead letters has its tasks")
    }

    pub(super) fn move_asked(&mut self, letters: usize, is_elsewhere: bool, at: u64) {
        let before = sources_of(letters).map(|home| (home, self.queues[home].receives.before(at, self.wall))).collect();
        let moves = self.moves_mut(letters);
        moves.asked.push(before);
        moves.elsewhere += u64::from(is_elsewhere);
        moves.starting += 1;
        (moves.last_start, moves.idle_since) = (at, None);
    }

    pub(super) fn move_ended(&mut self, letters: usize, at: u64) {
        let moves = self.moves_mut(letters);
        moves.starting -= 1;
        moves.last_start = at;
    }

    /// A task was acknowledged.
    pub(super) fn move_began(&mut self, letters: usize, at: u64, answer: &Value) {
        let handle = text(answer, "TaskHandle").to_owned();
        self.moves_mut(letters).known.insert(handle, Task { began: at, ..Task::default() });
    }

    /// Handles of tasks that may be under way.
    pub(crate) fn moves_to_cancel(&self, letters: usize) -> Vec<String> {
        let open = self.moves(letters).known.iter().filter(|(_, task)| task.ended.is_none());
        open.map(|(handle, _)| handle.clone()).collect()
    }

    /// A cancellation was acknowledged, or refused because the task has ended.
    pub(super) fn move_is_over(&mut self, letters: usize, handle: &str, at: u64, is_cancelled: bool) {
        if let Some(task) = self.moves_mut(letters).known.get_mut(handle) {
            let over = if is_cancelled { &mut task.cancelled } else { &mut task.ended };
            over.get_or_insert(at);
        }
    }

    /// Whether the server may have forgotten tasks.
    pub(super) fn may_forget_moves(&self, letters: usize) -> bool {
        self.moves(letters).asked.len() > REMEMBERED
    }

    /// A list of tasks, asked for and answered at these events.
    pub(super) fn moves_listed(&mut self, letters: usize, asked: u64, at: u64, answer: &Value) -> Verdict {
        let tasks = answer["Results"].as_array().map_or(&[][..], Vec::as_slice);
        let may_fail = self.is_rotten();
        self.moves_mut(letters).lists(tasks, asked, at, may_fail)
    }
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::DEAD_FIFO;
    use serde_json::json;

    fn oracle() -> Oracle {
        let mut oracle = Oracle::new();
        oracle.move_asked(DEAD_FIFO, false, 5);
        oracle.move_began(DEAD_FIFO, 6, &json!({"TaskHandle": "a"}));
        oracle.move_ended(DEAD_FIFO, 6);
        oracle
    }

    fn list(oracle: &mut Oracle, asked: u64, status: &str) -> Verdict {
        let mut task = json!({"Status": status});
        if status == "RUNNING" {
            task["TaskHandle"] = "a".into();
        }
        oracle.moves_listed(DEAD_FIFO, asked, asked + 1, &json!({"Results": [task]}))
    }

    #[test]
    fn a_task_may_be_under_way_until_a_list_that_began_later_shows_none() {
        let mut oracle = oracle();
        assert!(oracle.moves(DEAD_FIFO).may_have_run_since(5));
        assert_eq!(list(&mut oracle, 6, "COMPLETED"), Ok(()));
        assert!(oracle.moves(DEAD_FIFO).may_have_run_since(6), "the list may have come before the task");
        assert_eq!(list(&mut oracle, 8, "CANCELLING"), Ok(()));
        assert!(oracle.moves(DEAD_FIFO).may_have_run_since(8));
        assert_eq!(list(&mut oracle, 10, "COMPLETED"), Ok(()));
        assert!(oracle.moves(DEAD_FIFO).may_have_run_since(10) && !oracle.moves(DEAD_FIFO).may_have_run_since(11));
        oracle.move_asked(DEAD_FIFO, true, 20);
        assert!(oracle.moves(DEAD_FIFO).may_have_run_since(11));
    }

    #[test]
    fn what_has_ended_or_was_cancelled_runs_no_more() {
        for cancelled in [false, true] {
            let mut oracle = oracle();
            match cancelled {
                true => oracle.move_is_over(DEAD_FIFO, "a", 8, true),
                false => list(&mut oracle, 7, "COMPLETED").unwrap(),
            }
            assert_eq!(list(&mut oracle, 7, "RUNNING"), Ok(()), "it was asked for before");
            assert!(list(&mut oracle, 9, "RUNNING").unwrap_err().contains("runs on"));
        }
    }

    #[test]
    fn a_task_that_fails_or_is_forgotten_is_found() {
        assert!(list(&mut oracle(), 9, "FAILED").unwrap_err().contains("has failed"));
        assert!(oracle().moves_listed(DEAD_FIFO, 9, 10, &json!({})).unwrap_err().contains("not listed"));
    }
}
