//! The oracle: knows every request and every answer, and says when a promise was broken.
//!
//! Promises: what was acknowledged is there until it is deleted, purged or expired; what was acknowledged to be gone stays
//! gone; nothing is invented, and bodies, digests and ids are right; a message is not handed out twice while a lease
//! surely lasts; a FIFO queue keeps the order of each group and takes no duplicate (`fifo.rs`); a replay copies each message
//! that is there or kept once (`copies.rs`); a parked group stands still (`parking.rs`); a dead letter is in one queue, the
//! same message as before (`letter.rs`), and what a task moves is there once and in order (`moves.rs`, `lives.rs`); errors are of the kinds that the situation allows. It knows nothing of the server's
//! insides, and requests that were under way together may have been taken in any order.

mod answer;
mod attempts;
mod copies;
mod existence;
mod fifo;
mod ids;
mod lease;
mod letter;
mod lives;
mod message;
mod moves;
mod parking;
mod receives;
mod refusals;
mod removals;
mod situation;

use crate::ask::{Intent, QUEUES, QueueKind, Request, VISIBILITY_SECS, and_on, family, is_for_letters};
use crate::client::Answer;
use crate::streams::Streams;
use crate::topics::{Posted, Topics};
use attempts::{Again, Attempts};
use copies::Copies;
use existence::Existence;
use fifo::Fifo;
use lease::Span;
use message::{Message, Sending};
use moves::Moves;
pub(crate) use situation::Situation;
use std::collections::BTreeMap;

/// A broken promise, as a sentence.
pub(crate) type Verdict = Result<(), String>;

/// A request under way.
#[derive(Debug)]
pub(crate) struct Ticket {
    pub(crate) intent: Intent,
    asked: u64,
    asked_wall: u64,
    again: Again,
}

/// Everything that is known.
pub(crate) struct Oracle {
    messages: Vec<Message>,
    queues: Vec<Existence>,
    fifo: Fifo,
    copies: Copies,
    attempts: Attempts,
    /// The message move tasks of each queue for dead letters.
    moves: BTreeMap<usize, Moves>,
    /// Counts events: requests begun, answers read, requests given up.
    order: u64,
    /// The server's clock, and the most it has ever shown.
    wall: u64,
    wall_max: u64,
    /// The server may answer that it is unavailable, now or until this event.
    unavailable: bool,
    unavailable_until: u64,
    /// The disk may refuse a read, or has refused one.
    reads_may_fail: bool,
    /// Since when the log takes nothing.
    stopped_since: Option<u64>,
    /// Everything answered up to this event is on disk.
    synced: u64,
    pub(crate) deliveries: u64,
    pub(crate) dead_letters: u64,
    pub(crate) moved: u64,
    pub(crate) repeated: u64,
    /// How often parked groups were to go on.
    unparks_asked: u64,
    /// What is known of streams.
    pub(crate) streams: Streams,
    /// What is known of topics.
    pub(crate) topics: Topics,
}

impl Oracle {
    pub(crate) fn new() -> Self {
        Self {
            messages: Vec::new(),
            queues: QUEUES.iter().map(existence).collect(),
            fifo: Fifo::default(),
            copies: Copies::default(),
            attempts: Attempts::default(),
            moves: (0..QUEUES.len())
                .filter(|queue| is_for_letters(*queue))
                .map(|queue| (queue, Moves::new()))
                .collect(),
            order: 0,
            wall: 0,
            wall_max: 0,
            unavailable: false,
            unavailable_until: 0,
            reads_may_fail: false,
            stopped_since: None,
            synced: 0,
            deliveries: 0,
            dead_letters: 0,
            moved: 0,
            repeated: 0,
            unparks_asked: 0,
            streams: Streams::new(),
            topics: Topics::new(),
        }
    }

    fn tick(&mut self) -> u64 {
        self.order += 1;
        self.order
    }

    /// The server's clock shows `wall` milliseconds.
    pub(crate) fn time_is(&mut self, wall: u64) {
        if wall < self.wall {
            self.messages.iter_mut().for_each(|message| message.time_is(wall));
        }
        self.wall = wall;
        self.wall_max = self.wall_max.max(wall);
        self.streams.time_is(self.wall_max);
        for queue in 0..self.queues.len() {
            if self.queues[queue].time_is(self.wall_max) {
                self.all_may_go(queue);
            }
        }
    }

    /// The most that any server's clock has shown.
    pub(crate) fn wall_max(&self) -> u64 {
        self.wall_max
    }

    /// Whether the disk may refuse to read, from now on or since earlier.
    pub(crate) fn reads_may_fail(&mut self, may: bool) {
        self.reads_may_fail = may;
    }

    /// Whether the disk is short of room, and whether the log has stopped.
    pub(crate) fn disk_is(&mut self, scarce: bool, stopped: bool) {
        if self.unavailable {
            self.unavailable_until = self.order;
        }
        self.unavailable = scarce || stopped;
        match stopped {
            true => drop(self.stopped_since.get_or_insert(self.order)),
            false => self.stopped_since = None,
        }
    }

    /// The process ended without finishing.
    pub(crate) fn crashed(&mut self) {
        let wall = self.wall_max;
        for message in &mut self.messages {
            match QUEUES[message.queue].is_fifo {
                // The answer waited until the lease was on disk.
                true => message.leases.restarted(wall),
                false => message.leases.crashed(),
            }
            if QUEUES[message.queue].is_relaxed {
                message.may_be_forgotten(self.synced);
            }
        }
    }

    /// The log was synced, with everything that was decided so far.
    pub(crate) fn synced(&mut self) {
        self.synced = self.order;
    }

    /// The process was stopped in order.
    pub(crate) fn restarted(&mut self) {
        let wall = self.wall_max;
        self.messages.iter_mut().for_each(|message| message.leases.restarted(wall));
    }

    /// A message that somebody is about to send; its number.
    pub(crate) fn new_message(&mut self, queue: usize, filler: usize, wall: u64, delay: u64) -> usize {
        let number = self.messages.len();
        let body = format!("{number}-{}-{}", QUEUES[queue].name, "x<&\u{e9}\n".repeat(filler / 5));
        self.new_message_saying(body, queue, wall, delay)
    }

    /// A message that says the same as an earlier one; its number.
    pub(crate) fn new_repetition(&mut self, of: usize, wall: u64) -> usize {
        let earlier = &self.messages[of];
        self.new_message_saying(earlier.body.clone(), earlier.queue, wall, 0)
    }

    /// The latest messages that anybody sent to a queue.
    pub(crate) fn latest(&self, queue: usize, count: usize) -> Vec<usize> {
        let of_queue = (0..self.messages.len()).rev().filter(|number| self.messages[*number].queue == queue);
        of_queue.take(count).collect()
    }

    fn new_message_saying(&mut self, body: String, queue: usize, wall: u64, delay: u64) -> usize {
        let number = self.messages.len();
        let mut message = Message::new(queue, body, wall, delay, QUEUES[queue].retention_secs * 1000);
        if family(queue).any(|queue| self.queues[queue].is_being_emptied()) {
            message.may_go();
        }
        message.receives_before = self.queues[queue].receives.before(self.order, wall);
        message.unparks_before = self.unparks_asked;
        self.messages.push(message);
        number
    }

    pub(crate) fn body(&self, number: usize) -> &str {
        &self.messages[number].body
    }

    pub(crate) fn set_attribute(&mut self, number: usize, value: String) {
        self.messages[number].attribute = Some(value);
    }

    /// Receipt handles of messages of a queue that were received and not known to be deleted, oldest first.
    pub(crate) fn handles(&self, queue: usize) -> Vec<(usize, String)> {
        let of_queue = self.messages.iter().enumerate().filter(|(_, message)| message.seen_in == queue);
        of_queue.filter_map(|(number, message)| Some((number, message.handle.clone()?))).collect()
    }

    /// The queue may get this visibility timeout.
    pub(crate) fn may_have_visibility(&mut self, queue: usize, millis: u64) {
        for queue in and_on(queue) {
            let existence = &mut self.queues[queue];
            existence.visibility_min = existence.visibility_min.min(millis);
        }
    }

    /// A request is about to be sent.
    pub(crate) fn asked(&mut self, request: &Request) -> Ticket {
        let asked = self.tick();
        let mut again = Again::default();
        match &request.intent {
            Intent::Create { queue } => and_on(*queue).for_each(|queue| self.queues[queue].creation_asked()),
            Intent::Purge { queue } => {
                and_on(*queue).for_each(|queue| self.queues[queue].purge_asked());
                self.all_may_go(*queue);
                if QUEUES[*queue].is_fifo {
                    self.fifo.purge_asked(*queue);
                }
            }
            Intent::DeleteQueue { queue } => {
                and_on(*queue).for_each(|queue| self.queues[queue].deletion_asked());
                self.all_may_go(*queue);
            }
            Intent::Delete { messages, .. } => {
                for (number, _) in messages {
                    self.messages[*number].removal_asked();
                    self.messages[*number].deletion_asked(self.wall);
                }
            }
            Intent::Change { message, handle, .. } => self.messages[*message].leases.change_asked(handle, asked),
            Intent::Send { messages, .. } => self.send_asked(messages, asked),
            Intent::Receive { queue, attempt, .. } => {
                self.queues[*queue].receives.begins();
                if let Some(name) = attempt {
                    again = self.attempt_asked(*queue, *name, asked);
                }
            }
            Intent::Move { queue, is_elsewhere } => self.move_asked(*queue, *is_elsewhere, asked),
            Intent::Replay { .. } => self.replay_asked(),
            Intent::Unpark { queue, drops } => {
                self.unparks_asked += 1;
                if *drops {
                    self.queues[*queue].purge_asked();
                    self.all_may_go(*queue);
                }
            }
            Intent::Streams(intent) => self.streams.asked(intent, asked, self.wall),
            Intent::Topics(intent) => self.topics.asked(intent, asked, self.wall, self.wall_max),
            Intent::SetVisibility { .. }
            | Intent::EndReplay { .. }
            | Intent::CancelMove { .. }
            | Intent::ListMoves { .. }
            | Intent::Look { .. } => {}
        }
        Ticket { intent: request.intent.clone(), asked, asked_wall: self.wall, again }
    }

    fn situation(&self, ticket: &Ticket, at: u64) -> Situation {
        Situation {
            asked: ticket.asked,
            at,
            asked_wall: ticket.asked_wall,
            wall: self.wall,
            wall_max: self.wall_max,
            unavailable: self.unavailable || self.unavailable_until >= ticket.asked,
            reads_may_fail: self.reads_may_fail,
            stopped_since: self.stopped_since,
        }
    }

    /// Nobody will read the answer. `whole` says whether all of the request may have arrived.
    pub(crate) fn given_up(&mut self, ticket: &Ticket, whole: bool) {
        let at = self.tick();
        match &ticket.intent {
            Intent::Streams(intent) => return self.streams.given_up(intent, &self.situation(ticket, at), whole),
            Intent::Topics(intent) => return self.topics.given_up(intent, &self.situation(ticket, at), whole),
            _ => {}
        }
        self.ended(ticket, at, false);
        if let Intent::Send { messages, .. } = &ticket.intent {
            let sending = if whole { Sending::Unknown } else { Sending::Never };
            messages.iter().for_each(|number| self.messages[*number].sending = sending);
        }
    }

    /// What holds once a request is over, however it ended.
    fn ended(&mut self, ticket: &Ticket, at: u64, done: bool) {
        match &ticket.intent {
            Intent::Create { queue } => {
                and_on(*queue).for_each(|queue| self.queues[queue].creation_ended(ticket.asked, at, done));
            }
            Intent::Purge { queue } => {
                and_on(*queue).for_each(|queue| self.queues[queue].purge_ended(at));
                self.what_came_may_be_gone(*queue);
            }
            Intent::Unpark { queue, drops: true } => self.queues[*queue].purge_ended(at),
            Intent::DeleteQueue { queue } => {
                and_on(*queue).for_each(|queue| self.queues[queue].deletion_ended(at));
                self.what_came_may_be_gone(*queue);
            }
            Intent::Delete { messages, .. } => {
                messages.iter().for_each(|(number, _)| self.messages[*number].removal_ended(at));
            }
            Intent::Receive { queue, attempt, .. } if !done => {
                self.queues[*queue].receives.is_lost();
                if let Some(name) = attempt {
                    self.attempt_lost(*queue, *name, &ticket.again, at);
                }
            }
            Intent::Move { queue, .. } => self.move_ended(*queue, at),
            Intent::Change { message, .. } if !done => self.messages[*message].leases.change_ended(at),
            _ => {}
        }
    }

    /// An answer was read to its end.
    pub(crate) fn answered(&mut self, ticket: &Ticket, answer: &Answer) -> Verdict {
        let at = self.tick();
        match &ticket.intent {
            Intent::Streams(intent) => return self.streams.answered(intent, &self.situation(ticket, at), answer),
            Intent::Topics(intent) => return self.topics.answered(intent, &self.situation(ticket, at), answer),
            _ => {}
        }
        let span = Span { asked: ticket.asked, answered: at, asked_wall: ticket.asked_wall, answered_wall: self.wall };
        if answer.status != 200 {
            self.refused(ticket, answer)?;
            self.ended(ticket, at, false);
            return Ok(());
        }
        self.succeeded(ticket, span, answer)?;
        self.ended(ticket, at, true);
        Ok(())
    }

    /// A receiver over HTTP got a request.
    pub(crate) fn posted(&mut self, posted: &Posted) -> Verdict {
        let at = self.tick();
        self.topics.posted(posted, at)
    }

    /// Every message of `queue` that must be there and is not among `found`.
    fn missing(&self, queue: usize, found: &[usize]) -> impl Iterator<Item = (usize, &Message)> {
        self.messages.iter().enumerate().filter(move |(number, message)| {
            message.queue == queue && message.must_be_there(self.wall_max) && !found.contains(number)
        })
    }

    /// Bytes of the bodies of those.
    pub(crate) fn missing_bytes(&self, queue: usize, found: &[usize]) -> usize {
        self.missing(queue, found).map(|(_, message)| message.body.len()).sum()
    }

    /// Whether all of `queue` is there that must be.
    pub(crate) fn check_nothing_is_lost(&self, queue: usize, found: &[usize]) -> Verdict {
        match self.missing(queue, found).next() {
            None => Ok(()),
            Some((_, message)) => {
                Err(format!("message {} of {} was acknowledged and is lost", message.name(), QUEUES[queue].name))
            }
        }
    }
}

/// What is known of a queue before anybody has asked for it.
fn existence(kind: &QueueKind) -> Existence {
    Existence::new(VISIBILITY_SECS * 1000, kind.idle_lifetime_secs * 1000)
}
