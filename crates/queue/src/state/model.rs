//! The queue against a model that could not be simpler: a list of messages, searched from front to end each time.
//!
//! After every step of a random history the answers, the counts and what a receive would give now are compared; so are
//! those of a queue built anew from the encoded records alone, of one built from a snapshot and the records after it, and
//! of a standby that gets the records one by one and lets time pass only now and then. The live queue itself is replaced
//! by what its snapshot restores every now and then. Its inner structures are checked against each other as well. When
//! exactly a message expires is the queue's to choose, within what retention promises.

use super::*;
use crate::Backoff;
use crate::exceptions::Phase;
use crate::limits::{REPLAY_BATCH, RUNS_PER_RETENTION, SHELF_PARTS, STALE_DEADLINES_MAX, WITHHELD_MILLIS};
use crate::parcel::Parcel;
use crate::{
    DeadLetters, DeleteOutcome, Delivery, Handle, MessageId, NewMessage, PeekStates, Peeked, Receives, ReplayOrder,
    TOTAL_VISIBILITY_MILLIS_MAX, VisibilityOutcome, Within,
};
use bytes::Bytes;
use engine::Effect as _;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_oneof, proptest};
use std::collections::BTreeSet;

mod drafts;
mod naive;

use drafts::{Choice, Draft, ELSEWHERE, Step, steps, virtual_id};

const SETTINGS: Settings = Settings::plain(60_000, 3000, 0);

/// One message of the model. Hidden is what has `hidden_until` after now.
#[derive(Clone)]
struct Naive {
    sequence: u64,
    /// Which virtual queue it is in, if it is in one.
    within: Option<u8>,
    sent_at: Instant,
    hidden_until: Instant,
    receives: Vec<Instant>,
    first_received_at: Instant,
    /// Whether its retention once ended while it was on its way to another queue, or the queue was purged.
    was_over: bool,
    /// Whether somebody deleted it then.
    was_deleted: bool,
}

/// A replay of everything.
struct NaiveReplay {
    only_deleted: bool,
    next: u64,
    below: u64,
    is_running: bool,
}

struct Model {
    settings: Settings,
    /// How much longer than asked a message may be kept.
    span_millis: u64,
    sent: u64,
    last_sent_at: Instant,
    messages: Vec<Naive>,
    /// Those that were deleted and are kept, and since when.
    kept: Vec<(Naive, Instant)>,
    replay: Option<NaiveReplay>,
    /// Those that have left, in order, with whether they are copies, and the number of the first.
    left: Vec<(Naive, bool)>,
    first_left: u64,
    arrived: u64,
    is_missing: bool,
}

impl Model {
    /// No message goes before its time, and none stays much longer.
    fn settle(&mut self, now: Instant, queue: &Queue) {
        self.span_millis = self.span_millis.max(self.settings.retention_millis / RUNS_PER_RETENTION);
        let retention_millis = self.settings.retention_millis;
        self.left
            .iter_mut()
            .for_each(|(message, _)| message.was_over |= message.sent_at.plus_millis(retention_millis) <= now);
        let keep_millis = u64::from(self.settings.keep_deleted_secs) * 1000;
        let span_millis = self.span_millis.max(1);
        self.kept.retain(|(message, deleted_at)| {
            let is_held = queue.is_shelved(message.sequence);
            let ends = [message.sent_at.plus_millis(retention_millis), deleted_at.plus_millis(keep_millis)];
            assert!(is_held || ends.iter().any(|end| *end <= now), "{} was not kept", message.sequence);
            let spans = [span_millis, keep_millis / SHELF_PARTS + 1];
            let stays = |(end, span): (&Instant, u64)| now < end.plus_millis(span);
            assert!(!is_held || ends.iter().zip(spans).all(stays), "{} is kept for too long", message.sequence);
            is_held
        });
        self.messages.retain(|message| {
            let is_held = queue.is_here(message.sequence);
            let end = message.sent_at.plus_millis(self.settings.retention_millis);
            assert!(is_held || end <= now || message.was_over, "message {} went too early", message.sequence);
            assert!(!is_held || now < end.plus_millis(self.span_millis.max(1)), "message {} stayed", message.sequence);
            is_held
        });
    }

    fn answer(&mut self, now: Instant, command: &Command) -> Reply {
        match command {
            Command::Send(messages) => {
                let first = self.sent + 1;
                messages.iter().for_each(|new| self.send(now, None, new));
                Reply::Sent { first }
            }
            Command::Receive { max, visibility_millis } | Command::ReceiveAgain { max, visibility_millis, .. } => {
                self.receive(now, None, *max, *visibility_millis)
            }
            Command::Movable { below, max } => {
                let is_asked = |m: &&Naive| m.within.is_none() && m.hidden_until <= now && m.sequence < *below;
                let movable = self.messages.iter().filter(is_asked).take(*max);
                Reply::Movable(movable.map(|message| message.sequence).collect())
            }
            Command::SendAway { sequences, .. } => {
                let is_asked =
                    |m: &Naive| m.within.is_none() && m.hidden_until <= now && sequences.contains(&m.sequence);
                Reply::SentAway(self.leave(is_asked))
            }
            Command::Arrive(arrival) => {
                self.arrive(now, arrival);
                Reply::Arrived
            }
            Command::Conclude(delivery) => {
                self.conclude(now, *delivery);
                Reply::Concluded
            }
            Command::Within(id, asked) => self.answer_within(now, id.0 as u8, asked),
            Command::PutBack(deliveries) => {
                self.put_back(now, deliveries);
                Reply::PutBack
            }
            Command::Delete(handles) => Reply::Deleted(self.delete(now, handles)),
            Command::ChangeVisibility(entries) => Reply::VisibilityChanged(
                entries.iter().map(|&(handle, millis)| self.change_visibility(now, handle, millis)).collect(),
            ),
            Command::Purge => {
                self.messages.clear();
                self.kept.clear();
                self.left.iter_mut().for_each(|(message, _)| message.was_over = true);
                Reply::Purged
            }
            Command::Replay(order) => self.begin_replay(order.only_deleted),
            Command::EndReplay => {
                self.replay.iter_mut().for_each(|replay| replay.is_running = false);
                Reply::Replaying
            }
            Command::Unpark { .. } => Reply::Unparked(0),
            Command::Configure(settings) => {
                if settings.keep_deleted_secs == 0 {
                    self.kept.clear();
                }
                self.settings = *settings;
                Reply::Configured
            }
            Command::Count => Reply::Counted(self.counts(now, |_| true)),
            Command::Peek { .. } => unreachable!("peeks are compared apart, page by page"),
        }
    }

    fn answer_within(&mut self, now: Instant, id: u8, asked: &Within) -> Reply {
        match asked {
            Within::Send(messages) => {
                let first = self.sent + 1;
                messages.iter().for_each(|new| self.send(now, Some(id), new));
                Reply::Sent { first }
            }
            Within::Receive { max, visibility_millis } => self.receive(now, Some(id), *max, *visibility_millis),
            Within::Purge => {
                self.messages.retain(|message| message.within != Some(id));
                Reply::Purged
            }
            Within::Count => {
                let counts = self.counts(now, |message| message.within == Some(id));
                Reply::Counted(Counts { oldest_sent_at: None, ..counts })
            }
            Within::Peek { .. } => unreachable!("peeks are compared apart, page by page"),
        }
    }

    fn receive(&mut self, now: Instant, within: Option<u8>, max: usize, hide_millis: Option<u64>) -> Reply {
        let (hide, backoff) = (hide_millis.unwrap_or(self.settings.visibility_millis), self.settings.backoff);
        let dead_letters = self.settings.dead_letters.filter(|_| !self.is_missing && within.is_none());
        let (mut deliveries, mut dead) = (Vec::new(), Vec::new());
        let mine = self.messages.iter_mut().filter(|message| message.within == within);
        for message in mine.filter(|message| message.hidden_until <= now) {
            if deliveries.len() == max {
                break;
            }
            match dead_letters.is_some_and(|limit| message.receives.len() >= limit.max_receives as usize) {
                true => dead.push(message.sequence),
                false => deliveries.push(message.receive(now, hide, backoff)),
            }
        }
        self.leave(|message| dead.contains(&message.sequence));
        Reply::Received(deliveries)
    }

    /// The newest first, so that of two of one message both are taken back.
    fn put_back(&mut self, now: Instant, deliveries: &[Delivery]) {
        for delivery in deliveries.iter().rev() {
            let is_meant =
                |m: &&mut Naive| (m.sequence, m.receives.len()) == (delivery.sequence, delivery.receive as usize);
            if let Some(message) = self.messages.iter_mut().find(is_meant) {
                message.receives.pop();
                message.hidden_until = now;
            }
        }
    }

    fn leave(&mut self, leaves: impl Fn(&Naive) -> bool) -> Vec<u64> {
        let left: Vec<Naive> = self.messages.extract_if(.., |message| leaves(message)).collect();
        let sequences = left.iter().map(|message| message.sequence).collect();
        self.left.extend(left.into_iter().map(|message| (message, false)));
        sequences
    }

    fn has_copies(&self) -> bool {
        self.left.iter().any(|(_, is_copy)| *is_copy)
    }

    fn begin_replay(&mut self, only_deleted: bool) -> Reply {
        if self.has_copies() || self.replay.as_ref().is_some_and(|replay| replay.is_running) {
            return Reply::ReplayUnderWay;
        }
        self.replay = Some(NaiveReplay { only_deleted, next: 1, below: self.sent + 1, is_running: true });
        self.copy_on();
        Reply::Replaying
    }

    /// The next batch of a replay, if none of it is on its way.
    fn copy_on(&mut self) {
        let has_copies = self.has_copies();
        let Some(replay) = self.replay.as_mut().filter(|replay| replay.is_running && !has_copies) else { return };
        let there = self.messages.iter().filter(|message| message.within.is_none() && !replay.only_deleted);
        let all = there.chain(self.kept.iter().map(|(message, _)| message));
        let mut batch: Vec<Naive> =
            all.filter(|message| (replay.next..replay.below).contains(&message.sequence)).cloned().collect();
        batch.sort_by_key(|message| message.sequence);
        batch.truncate(REPLAY_BATCH);
        match batch.last() {
            None => replay.is_running = false,
            Some(last) => replay.next = last.sequence + 1,
        }
        self.left.extend(batch.into_iter().map(|message| (message, true)));
    }

    fn arrive(&mut self, now: Instant, arrival: &Arrival) {
        for (number, bytes) in (arrival.first..).zip(&arrival.parcels) {
            if number < self.arrived {
                continue;
            }
            let parcel = Parcel::decode(bytes).expect("what was encoded is decoded");
            self.arrived = number + 1;
            self.sent += 1;
            let sent_at = parcel.message.sent_at;
            self.last_sent_at = self.last_sent_at.max(sent_at);
            let receives = vec![parcel.receives.last_at; parcel.receives.count as usize];
            let first_received_at = if receives.is_empty() { now } else { parcel.receives.first_at };
            let sequence = self.sent;
            self.messages.push(Naive {
                within: None,
                sequence,
                sent_at,
                hidden_until: now,
                receives,
                first_received_at,
                was_over: false,
                was_deleted: false,
            });
        }
    }

    fn conclude(&mut self, now: Instant, delivery: engine::Delivery) {
        let back: Vec<Naive> = match delivery {
            engine::Delivery::Taken { below, .. } => {
                let count = below.saturating_sub(self.first_left).min(self.left.len() as u64);
                self.first_left += count;
                self.left.drain(..count as usize);
                if count > 0 {
                    self.copy_on();
                }
                return;
            }
            engine::Delivery::Gone { .. } => {
                let has_tray = self.first_left > 0 || !self.left.is_empty();
                self.is_missing |= has_tray && self.settings.dead_letters.is_some();
                self.first_left = 0;
                if self.has_copies() {
                    self.replay.iter_mut().for_each(|replay| replay.is_running = false);
                }
                self.left.drain(..).filter(|(_, is_copy)| !is_copy).map(|(message, _)| message).collect()
            }
            engine::Delivery::Unreadable { number, .. } => {
                let is_first = number == self.first_left && !self.left.is_empty();
                self.first_left += u64::from(is_first);
                let first = self.left.drain(..usize::from(is_first));
                let mut first: Vec<Naive> = first.filter(|(_, is_copy)| !is_copy).map(|(message, _)| message).collect();
                if is_first {
                    self.copy_on();
                }
                first.iter_mut().for_each(|message| message.hidden_until = now.plus_millis(WITHHELD_MILLIS));
                first
            }
        };
        self.messages.extend(back.into_iter().filter(|message| !message.was_deleted));
        self.messages.sort_by_key(|message| message.sequence);
    }

    fn send(&mut self, now: Instant, within: Option<u8>, new: &NewMessage) {
        self.sent += 1;
        self.last_sent_at = self.last_sent_at.max(now);
        self.messages.push(Naive {
            sequence: self.sent,
            within,
            sent_at: self.last_sent_at,
            hidden_until: now.plus_millis(new.delay_millis.unwrap_or(self.settings.delay_millis)),
            receives: Vec::new(),
            first_received_at: now,
            was_over: false,
            was_deleted: false,
        });
    }

    fn find(&mut self, handle: Handle) -> Option<&mut Naive> {
        self.messages.iter_mut().find(|message| message.sequence == handle.sequence)
    }

    /// Outcomes as of before the whole batch, so that naming a message twice is a success twice.
    fn delete(&mut self, now: Instant, handles: &[Handle]) -> Vec<DeleteOutcome> {
        let before = self.messages.clone();
        let outcome = |handle: &Handle| match before.iter().find(|message| message.sequence == handle.sequence) {
            Some(_) => DeleteOutcome::Deleted,
            None if handle.sequence <= self.sent => DeleteOutcome::AlreadyGone,
            _ => DeleteOutcome::Foreign,
        };
        let outcomes = handles.iter().map(outcome).collect();
        let hit = |message: &Naive| handles.iter().any(|handle| handle.sequence == message.sequence);
        let deleted = self.messages.extract_if(.., |message| hit(message));
        let keeps = self.settings.keep_deleted_secs > 0;
        let kept = deleted.filter(|message| keeps && message.within.is_none()).map(|message| (message, now));
        self.kept.extend(kept);
        self.left.iter_mut().filter(|(message, _)| hit(message)).for_each(|(message, _)| message.was_deleted = true);
        outcomes
    }

    fn change_visibility(&mut self, now: Instant, handle: Handle, millis: u64) -> VisibilityOutcome {
        let (backoff, total_visibility_millis) = (self.settings.backoff, self.settings.total_visibility_millis());
        let Some(message) = self.find(handle) else { return VisibilityOutcome::Gone };
        let Some(&received_at) = message.receives.last() else { return VisibilityOutcome::NotInFlight };
        if handle.receive == 0 || message.receives.len() < handle.receive as usize {
            return VisibilityOutcome::NotInFlight;
        }
        if now.since(received_at).as_millis() as u64 + millis > total_visibility_millis {
            return VisibilityOutcome::BeyondTotal;
        }
        message.hide(now, millis, backoff);
        VisibilityOutcome::Changed
    }

    fn counts(&self, now: Instant, is_meant: impl Fn(&Naive) -> bool) -> Counts {
        let count = |wanted: fn(bool, bool) -> bool| {
            let is_wanted = |m: &&Naive| is_meant(m) && wanted(m.hidden_until > now, m.receives.is_empty());
            self.messages.iter().filter(is_wanted).count()
        };
        Counts {
            visible: count(|hidden, _| !hidden),
            in_flight: count(|hidden, never_received| hidden && !never_received),
            delayed: count(|hidden, never_received| hidden && never_received),
            oldest_sent_at: self.messages.iter().map(|message| message.sent_at).min(),
            ..Counts::default()
        }
    }

    fn next_visible_at(&self, now: Instant) -> Option<Instant> {
        self.messages.iter().map(|message| message.hidden_until).filter(|&until| until > now).min()
    }
}

fn ask(queue: &Queue, within: Option<u8>, from: u64, max: usize, states: PeekStates) -> Reply {
    match within {
        None => queue.peek::<Effect>(from, max, states).reply,
        Some(id) => queue.within::<Effect>(Instant::EPOCH, virtual_id(id), Within::Peek { from, max, states }).reply,
    }
}

struct Trial {
    now: Instant,
    live: Queue,
    standby: Queue,
    model: Model,
    records: Vec<(u8, u8, Vec<u8>)>,
    /// A snapshot, and how many records it stands for.
    checkpoint: (Vec<u8>, usize),
    contents: BTreeSet<u64>,
    handles: Vec<Handle>,
    deliveries: Vec<Delivery>,
    /// Whether messages have come from elsewhere, or left.
    mixed: bool,
}

impl Trial {
    fn new() -> Self {
        Self {
            now: Instant::from_millis(1_700_000_000_000),
            live: Queue::new(SETTINGS),
            standby: Queue::new(SETTINGS),
            model: Model {
                settings: SETTINGS,
                span_millis: 0,
                sent: 0,
                last_sent_at: Instant::EPOCH,
                messages: Vec::new(),
                kept: Vec::new(),
                replay: None,
                left: Vec::new(),
                first_left: 0,
                arrived: 0,
                is_missing: false,
            },
            records: Vec::new(),
            checkpoint: (snapshot(&Queue::new(SETTINGS)), 0),
            contents: BTreeSet::new(),
            handles: Vec::new(),
            deliveries: Vec::new(),
            mixed: false,
        }
    }

    fn run(&mut self, step: Step) {
        self.now = self.now.plus_millis(step.advance_millis);
        let command = self.command(step.draft);
        self.mixed |= matches!(command, Command::Arrive(_)) || self.live.ways.is_some();
        self.mixed |= self.live.keep.is_some();
        self.live.advance(self.now);
        self.live.assert_whole();
        self.model.settle(self.now, &self.live);
        let is_count = command == Command::Count;
        let expected = self.model.answer(self.now, &command);
        let decision: Decision<Effect, _> = self.live.decide(self.now, command);
        match expected {
            Reply::Counted(_) if is_count => assert_eq!(decision.reply, Reply::Counted(self.live.counts())),
            expected => assert_eq!(decision.reply, expected),
        }
        if let Reply::Received(deliveries) = &decision.reply {
            self.handles.extend(deliveries.iter().map(Delivery::handle));
            self.deliveries.extend(deliveries);
            assert!(deliveries.iter().map(|delivery| delivery.sequence).eq(decision.reads));
        }
        decision.effects.into_iter().for_each(|effect| self.apply(effect));
        self.compare(step.standby_follows);
        if let Some(go_on) = step.snapshot {
            self.take_snapshot(go_on);
        }
    }

    fn apply(&mut self, effect: Effect) {
        let mut payload = Vec::new();
        effect.encode(&mut payload);
        let record = (effect.kind(), effect.version(), payload);
        self.standby.apply(&decoded(&record), &mut Vec::new());
        self.standby.assert_whole();
        self.records.push(record);
        let mut gone = Vec::new();
        self.live.apply(&effect, &mut gone);
        self.live.assert_whole();
        self.contents.extend(Queue::content(effect).map(|(sequence, _)| sequence));
        for sequence in gone {
            assert!(self.contents.remove(&sequence), "{sequence} is gone twice");
        }
    }

    /// Whoever keeps contents and follows the machine keeps what it holds, and no more than what expired in the middle.
    fn check_contents(&mut self) {
        let first = self.live.first_kept();
        self.contents = self.contents.split_off(&first);
        if self.mixed || self.live.ways.is_some() || self.live.keep.is_some() {
            assert!((0..self.live.next_sequence + 2).all(|key| self.contents.contains(&key) || !self.live.holds(key)));
            self.contents.retain(|key| self.live.holds(*key));
        }
        assert!((0..self.live.next_sequence + 2).all(|key| self.contents.contains(&key) == self.live.holds(key)));
        let middle = first.midpoint(self.live.next_sequence);
        for range in [0..u64::MAX, first..middle, middle..middle + 3, middle..first] {
            let held = self.contents.iter().filter(|key| range.contains(key)).count() as u64;
            assert_eq!(self.live.held_within(range.clone()), held, "{range:?}");
        }
    }

    fn take_snapshot(&mut self, go_on: bool) {
        let state = snapshot(&self.live);
        let restored = Queue::restore(Queue::SNAPSHOT_VERSION, &state).expect("what was written is read");
        restored.assert_whole();
        assert_eq!(restored, self.live);
        assert_eq!(snapshot(&restored), state);
        self.checkpoint = (state, self.records.len());
        if go_on {
            let memo = self.live.memo();
            self.live = restored;
            self.live.recall(memo);
        }
    }

    fn compare(&mut self, standby_follows: bool) {
        self.live.advance(self.now);
        self.live.assert_whole();
        self.model.settle(self.now, &self.live);
        let seen = self.view(&self.live);
        self.compare_counts();
        assert_eq!(self.live.counts().kept, self.model.kept.len());
        let is_running = self.live.replay_progress().is_some_and(|replay| replay.state == crate::ReplayState::Running);
        assert_eq!(is_running, self.model.replay.as_ref().is_some_and(|replay| replay.is_running));
        let outgoing = self.live.outgoing(None).map_or(Vec::new(), |outgoing| outgoing.keys);
        assert!(outgoing.iter().eq(self.model.left.iter().map(|(message, _)| &message.sequence)));
        self.check_contents();
        self.check_peeks();
        let next = self.live.next_deadline();
        assert!(self.model.next_visible_at(self.now).is_none_or(|at| next.is_some_and(|next| next <= at)));
        let (state, upto) = &self.checkpoint;
        let restored = Queue::restore(Queue::SNAPSHOT_VERSION, state).expect("what was written is read");
        for (mut queue, from) in [(Queue::new(SETTINGS), 0), (restored, *upto)] {
            self.records[from..].iter().for_each(|record| queue.apply(&decoded(record), &mut Vec::new()));
            queue.advance(self.now);
            queue.assert_whole();
            assert_eq!(self.view(&queue), seen, "a replay from record {from} sees otherwise");
            self.check_met_again(&mut queue);
        }
        if standby_follows {
            self.standby.advance(self.now);
            self.standby.assert_whole();
            assert_eq!(self.view(&self.standby), seen, "the standby sees otherwise");
        }
    }

    /// Contents that are met again change nothing.
    fn check_met_again(&self, queue: &mut Queue) {
        let before = snapshot(queue);
        let sent = self.records.iter().map(decoded).filter(|effect| Queue::content(effect.clone()).is_some());
        sent.for_each(|effect| queue.apply(&effect, &mut Vec::new()));
        assert_eq!(snapshot(queue), before);
    }

    /// Page after page shows each message once, in order and in its state.
    fn check_peeks(&self) {
        for (within, max, bits) in [
            (None, 1, 7),
            (None, 3, 7),
            (None, 2, 1),
            (None, 2, 2),
            (None, 2, 4),
            (None, 2, 6),
            (Some(1), 2, 7),
            (Some(2), 1, 6),
        ] {
            let states = PeekStates { visible: bits & 1 > 0, delayed: bits & 2 > 0, in_flight: bits & 4 > 0 };
            let (mut seen, mut from) = (Vec::new(), 0);
            loop {
                let reply = ask(&self.live, within, from, max, states);
                let Reply::Peeked { messages, next, is_end } = reply else { panic!("{reply:?}") };
                assert!(messages.len() <= max && messages.iter().all(|one| (from..next).contains(&one.sequence)));
                seen.extend(messages);
                from = next;
                if is_end {
                    break;
                }
            }
            let mine = self.model.messages.iter().filter(|message| message.within == within);
            let expected = mine.map(|message| message.peeked(self.now));
            let expected = expected.filter(|one| match (one.hidden_until, one.receive) {
                (None, _) => states.visible,
                (Some(_), 0) => states.delayed,
                _ => states.in_flight,
            });
            assert_eq!(seen, expected.collect::<Vec<_>>());
        }
    }

    fn compare_counts(&self) {
        let (counts, expected) = (self.live.counts(), self.model.counts(self.now, |_| true));
        assert_eq!(
            Counts { oldest_sent_at: None, kept: 0, replay: None, ..counts },
            Counts { oldest_sent_at: None, ..expected }
        );
        assert_eq!(counts.oldest_sent_at.is_some(), expected.oldest_sent_at.is_some());
        let lag = counts.oldest_sent_at.zip(expected.oldest_sent_at).map(|(shown, oldest)| {
            assert!(shown <= oldest);
            oldest.since(shown).as_millis()
        });
        assert!(lag.is_none_or(|lag| lag <= u128::from(self.model.span_millis)), "the oldest is shown {lag:?} too old");
        let of_the_host = self.model.counts(self.now, |message| message.within.is_none());
        assert_eq!(self.live.ready(), of_the_host.visible);
    }

    /// All that can be asked without changing anything.
    fn view(&self, queue: &Queue) -> [Reply; 7] {
        let ask = |command| Machine::decide(queue, self.now, command).reply;
        [
            ask(Command::Receive { max: usize::MAX, visibility_millis: None }),
            Reply::Counted(queue.counts()),
            ask(Command::Delete(self.handles.clone())),
            ask(Command::Within(virtual_id(1), Within::Receive { max: usize::MAX, visibility_millis: None })),
            ask(Command::Within(virtual_id(2), Within::Receive { max: 2, visibility_millis: None })),
            ask(Command::Within(virtual_id(3), Within::Count)),
            ask(Command::ChangeVisibility(self.handles.iter().map(|&handle| (handle, 1)).collect())),
        ]
    }

    fn command(&self, draft: Draft) -> Command {
        match draft {
            Draft::Send(to, messages) => {
                let numbered = (self.model.sent + 1..).zip(messages);
                let messages = numbered.map(|(n, (delay, bytes))| new_message(n, delay, bytes)).collect();
                match to {
                    None => Command::Send(messages),
                    Some(id) => Command::Within(virtual_id(id), Within::Send(messages)),
                }
            }
            Draft::Receive(None, max, visibility_millis) => Command::Receive { max, visibility_millis },
            Draft::Receive(Some(id), max, visibility_millis) => {
                Command::Within(virtual_id(id), Within::Receive { max, visibility_millis })
            }
            Draft::OfVirtual(id, asked) => Command::Within(virtual_id(id), asked),
            Draft::PutBack(most) => {
                let from = self.deliveries.len().saturating_sub(most);
                Command::PutBack(self.deliveries[from..].to_vec())
            }
            Draft::Delete(choices) => Command::Delete(choices.iter().map(|choice| self.handle(choice)).collect()),
            Draft::ChangeVisibility(entries) => Command::ChangeVisibility(
                entries.iter().map(|(choice, millis)| (self.handle(choice), *millis)).collect(),
            ),
            Draft::Purge => Command::Purge,
            Draft::Configure(settings) => Command::Configure(settings),
            Draft::Count => Command::Count,
            Draft::SendAway(from_newest) => {
                let sequences = from_newest.into_iter().map(|back| (self.model.sent + 1).saturating_sub(back));
                Command::SendAway { destination: ELSEWHERE, sequences: sequences.collect() }
            }
            Draft::Movable(back, max) => Command::Movable { below: (self.model.sent + 1).saturating_sub(back), max },
            Draft::Arrive(letters, again) => {
                let first = self.model.arrived.saturating_sub(again);
                let parcels = letters.into_iter().map(|(ago, count)| dead_letter(self.now, ago, count)).collect();
                Command::Arrive(Arrival { origin: ELSEWHERE, first, parcels })
            }
            Draft::Taken(more) => {
                let below = self.model.first_left + more;
                Command::Conclude(engine::Delivery::Taken { destination: ELSEWHERE, below })
            }
            Draft::Replay { only_deleted } => {
                let (destination, from, to) = (ELSEWHERE, Instant::EPOCH, Instant::FAR_FUTURE);
                Command::Replay(ReplayOrder { destination, from, to, only_deleted })
            }
            Draft::EndReplay => Command::EndReplay,
            Draft::Gone => Command::Conclude(engine::Delivery::Gone { destination: ELSEWHERE }),
            Draft::Unreadable => Command::Conclude(engine::Delivery::Unreadable {
                destination: ELSEWHERE,
                number: self.model.first_left,
            }),
        }
    }

    /// Mostly one of the last dozen, so that it often still means something.
    fn handle(&self, choice: &Choice) -> Handle {
        let recent = &self.handles[self.handles.len().saturating_sub(12)..];
        let nothing_yet = Handle { sequence: 1, receive: 1 };
        let of = if recent.is_empty() { nothing_yet } else { *choice.from_newest.get(recent) };
        Handle { sequence: of.sequence + choice.sequence_off, receive: of.receive + choice.receive_off }
    }
}

impl Queue {
    /// Checks that the structures tell one story.
    fn assert_whole(&self) {
        if let Some(fair) = &self.fair {
            fair.assert_whole(&self.visible);
        }
        let statuses: Vec<_> = self.exceptions.iter().collect();
        let in_phase = |phase| statuses.iter().filter(move |(_, status)| status.phase() == phase);
        assert!(in_phase(Phase::Visible).all(|(sequence, _)| self.is_visible(*sequence)));
        let mut hidden = statuses.iter().filter(|(_, status)| status.is_hidden());
        assert!(hidden.all(|(sequence, _)| !self.is_visible(*sequence)));
        assert!(statuses.iter().all(|(_, status)| *status != Status::default()), "an exception is none");
        assert_eq!(self.exceptions.delayed(), in_phase(Phase::Delayed).count());
        assert_eq!(self.exceptions.in_flight(), in_phase(Phase::InFlight).count());
        let (deadlines, pages) = self.exceptions.deadlines_and_pages();
        assert!(deadlines <= 2 * pages + STALE_DEADLINES_MAX);
        let all = self.visible.iter().chain(statuses.iter().map(|(sequence, _)| *sequence));
        assert!(all.into_iter().all(|sequence| (self.first_kept()..self.next_sequence).contains(&sequence)));
        self.assert_marks();
    }

    fn assert_marks(&self) {
        let marks: Vec<_> = self.marks.iter().collect();
        let rises = |two: &[crate::marks::Mark]| two[0].last_sent_at <= two[1].first_sent_at;
        assert_eq!(self.marks.rises(), marks.windows(2).all(|two| rises(&[*two[0], *two[1]])));
        assert!(marks.windows(2).all(|two| two[0].first < two[1].first));
        assert!(marks.iter().all(|mark| mark.first_sent_at <= mark.last_sent_at));
        let live = self.first_marked();
        assert_eq!(live.is_none(), marks.is_empty(), "marks are of messages");
        assert!(live.is_none_or(|live| marks[0].first <= live && marks.get(1).is_none_or(|next| next.first > live)));
        assert!(marks.iter().all(|mark| mark.last_sent_at <= self.last_sent_at));
    }
}

fn snapshot(queue: &Queue) -> Vec<u8> {
    let mut state = Vec::new();
    queue.snapshot(&mut state);
    state
}

fn decoded((kind, version, payload): &(u8, u8, Vec<u8>)) -> Effect {
    Effect::decode(*kind, *version, payload).expect("what was encoded is decoded")
}

fn dead_letter(now: Instant, millis_ago: u64, count: u32) -> Vec<u8> {
    let sent_at = now.minus_millis(millis_ago);
    let at = if count == 0 { Instant::EPOCH } else { sent_at };
    let receives = Receives { count, last_at: at, first_at: at };
    let message = Message::new(MessageId([9; 16]), sent_at, 0, Bytes::new());
    Parcel { why: crate::Departure::DeadLetter, receives, sequence: 1, message }.encode()
}

fn new_message(number: u64, delay_millis: Option<u64>, bytes: u8) -> NewMessage {
    NewMessage::plain(
        MessageId(u128::from(number).to_be_bytes()),
        bytes.into(),
        Bytes::from(vec![b'b'; usize::from(bytes) * 2]),
        delay_millis,
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn the_queue_answers_as_the_model_does_and_its_records_alone_rebuild_it(steps in steps()) {
        let mut trial = Trial::new();
        steps.into_iter().for_each(|step| trial.run(step));
    }
}

#[test]
fn changing_one_visibility_again_and_again_takes_no_memory() {
    let mut trial = Trial::new();
    let step = |draft| Step { advance_millis: 0, standby_follows: false, snapshot: None, draft };
    trial.run(step(Draft::Send(None, vec![(None, 1)])));
    trial.run(step(Draft::Receive(None, 1, None)));
    let handle = trial.handles[0];
    for round in 0..20_000 {
        let command = Command::ChangeVisibility(vec![(handle, 1000 + round % 7)]);
        let effects: Vec<Effect> = trial.live.decide(trial.now, command).effects;
        effects.iter().for_each(|effect| trial.live.apply(effect, &mut Vec::new()));
        assert!(trial.live.exceptions.deadlines_and_pages().0 <= 2 + STALE_DEADLINES_MAX);
    }
    trial.live.assert_whole();
}

#[test]
fn a_record_that_was_applied_already_adds_nothing() {
    let mut queue = Queue::new(SETTINGS);
    let effects: Vec<Effect> =
        queue.decide(Instant::EPOCH, Command::Send(vec![new_message(1, None, 3), new_message(2, None, 3)])).effects;
    for effect in effects.iter().chain(&effects) {
        queue.apply(effect, &mut Vec::new());
        queue.assert_whole();
    }
    assert_eq!(queue.counts().visible, 2);
}

#[test]
fn records_about_messages_that_are_not_there_pass_over_them() {
    let mut queue = Queue::new(SETTINGS);
    let at = Instant::from_millis(5);
    for effect in [
        Effect::Leased { received_at: at, until: at, entries: vec![(3, 1)] },
        Effect::VisibilityChanged(vec![(3, at)]),
        Effect::Deleted(vec![3]),
        Effect::Purged { below: 9, with_left: true },
        Effect::Expired { below: 9 },
    ] {
        queue.apply(&effect, &mut Vec::new());
        queue.assert_whole();
    }
    assert_eq!(queue.counts(), Counts::default());
}
