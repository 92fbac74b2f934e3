//! The queue against a model that could not be simpler: a list of messages, searched from front to end each time.
//!
//! After every step of a random history the answers, the counts and what a receive would give now are compared; so are
//! those of a queue built anew from the encoded records alone, and of a standby that gets the records one by one and
//! lets time pass only now and then. The live queue's inner structures are checked against each other as well.

use super::*;
use crate::{
    DeleteOutcome, Delivery, Handle, MessageId, NewMessage, TOTAL_VISIBILITY_MILLIS_MAX, VisibilityOutcome,
    limits::STALE_DEADLINES_MAX,
};
use bytes::Bytes;
use engine::Effect as _;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_oneof, proptest};

const SETTINGS: Settings = Settings { retention_millis: 60_000, visibility_millis: 3000, delay_millis: 0 };

/// One message of the model. Hidden is what has `hidden_until` after now.
#[derive(Clone)]
struct Naive {
    sequence: u64,
    new: NewMessage,
    sent_at: Instant,
    hidden_until: Instant,
    receives: Vec<Instant>,
    first_received_at: Instant,
}

struct Model {
    settings: Settings,
    sent: u64,
    last_sent_at: Instant,
    messages: Vec<Naive>,
}

impl Model {
    fn settle(&mut self, now: Instant) {
        self.messages.retain(|message| message.sent_at.plus_millis(self.settings.retention_millis) > now);
    }

    fn answer(&mut self, now: Instant, command: &Command) -> Reply {
        self.settle(now);
        match command {
            Command::Send(messages) => {
                let first = self.sent + 1;
                messages.iter().for_each(|new| self.send(now, new));
                Reply::Sent { first }
            }
            Command::Receive { max, visibility_millis } => {
                let hide = visibility_millis.unwrap_or(self.settings.visibility_millis);
                let visible = self.messages.iter_mut().filter(|message| message.hidden_until <= now);
                Reply::Received(visible.take(*max).map(|message| message.receive(now, hide)).collect())
            }
            Command::Delete(handles) => Reply::Deleted(self.delete(handles)),
            Command::ChangeVisibility(entries) => Reply::VisibilityChanged(
                entries.iter().map(|&(handle, millis)| self.change_visibility(now, handle, millis)).collect(),
            ),
            Command::Purge => {
                self.messages.clear();
                Reply::Purged
            }
            Command::Configure(settings) => {
                self.settings = *settings;
                Reply::Configured
            }
            Command::Count => Reply::Counted(self.counts(now)),
        }
    }

    fn send(&mut self, now: Instant, new: &NewMessage) {
        self.sent += 1;
        self.last_sent_at = self.last_sent_at.max(now);
        self.messages.push(Naive {
            sequence: self.sent,
            new: new.clone(),
            sent_at: self.last_sent_at,
            hidden_until: now.plus_millis(new.delay_millis.unwrap_or(self.settings.delay_millis)),
            receives: Vec::new(),
            first_received_at: now,
        });
    }

    fn find(&mut self, handle: Handle) -> Option<&mut Naive> {
        self.messages.iter_mut().find(|message| message.sequence == handle.sequence && message.new.id == handle.id)
    }

    /// Outcomes as of before the whole batch, so that naming a message twice is a success twice.
    fn delete(&mut self, handles: &[Handle]) -> Vec<DeleteOutcome> {
        let before = self.messages.clone();
        let outcome = |handle: &Handle| match before.iter().find(|message| message.sequence == handle.sequence) {
            Some(message) if message.new.id == handle.id => DeleteOutcome::Deleted,
            None if handle.sequence <= self.sent => DeleteOutcome::AlreadyGone,
            _ => DeleteOutcome::Foreign,
        };
        let outcomes = handles.iter().map(outcome).collect();
        let hit = |message: &Naive| handles.iter().any(|h| (h.sequence, h.id) == (message.sequence, message.new.id));
        self.messages.retain(|message| !hit(message));
        outcomes
    }

    fn change_visibility(&mut self, now: Instant, handle: Handle, millis: u64) -> VisibilityOutcome {
        let Some(message) = self.find(handle) else { return VisibilityOutcome::Gone };
        if message.receives.len() != handle.receive as usize {
            return VisibilityOutcome::NotInFlight;
        }
        let Some(&received_at) = message.receives.last() else { return VisibilityOutcome::NotInFlight };
        if now.since(received_at).as_millis() as u64 + millis > TOTAL_VISIBILITY_MILLIS_MAX {
            return VisibilityOutcome::BeyondTotal;
        }
        message.hidden_until = now.plus_millis(millis);
        VisibilityOutcome::Changed
    }

    fn counts(&self, now: Instant) -> Counts {
        let count = |wanted: fn(bool, bool) -> bool| {
            let is_wanted = |m: &&Naive| wanted(m.hidden_until > now, m.receives.is_empty());
            self.messages.iter().filter(is_wanted).count()
        };
        Counts {
            visible: count(|hidden, _| !hidden),
            in_flight: count(|hidden, never_received| hidden && !never_received),
            delayed: count(|hidden, never_received| hidden && never_received),
            oldest_sent_at: self.messages.iter().map(|message| message.sent_at).min(),
            bytes: self.messages.iter().map(|m| (m.new.body.len() + m.new.properties.len()) as u64).sum(),
        }
    }

    fn next_visible_at(&self, now: Instant) -> Option<Instant> {
        self.messages.iter().map(|message| message.hidden_until).filter(|&until| until > now).min()
    }
}

impl Naive {
    fn receive(&mut self, now: Instant, hide_millis: u64) -> Delivery {
        if self.receives.is_empty() {
            self.first_received_at = now;
        }
        self.receives.push(now);
        self.hidden_until = now.plus_millis(hide_millis);
        Delivery {
            sequence: self.sequence,
            receive: self.receives.len() as u32,
            id: self.new.id,
            body: self.new.body.clone(),
            properties: self.new.properties.clone(),
            sent_at: self.sent_at,
            first_received_at: self.first_received_at,
        }
    }
}

/// A command of which the handles are still to be chosen among those that receives gave.
#[derive(Debug, Clone)]
enum Draft {
    Send(Vec<(Option<u64>, u8)>),
    Receive(usize, Option<u64>),
    Delete(Vec<Choice>),
    ChangeVisibility(Vec<(Choice, u64)>),
    Purge,
    Configure(Settings),
    Count,
}

/// One of the handles so far, and how it is spoilt.
#[derive(Debug, Clone)]
struct Choice {
    from_newest: prop::sample::Index,
    sequence_off: u64,
    receive_off: u32,
    other_id: bool,
}

#[derive(Debug, Clone)]
struct Step {
    advance_millis: u64,
    standby_follows: bool,
    draft: Draft,
}

fn choices() -> impl Strategy<Value = Choice> {
    let rarely = |odds: u32| prop_oneof![odds => Just(0u32), 1 => Just(1)];
    (any::<prop::sample::Index>(), rarely(30), rarely(20), rarely(30)).prop_map(
        |(from_newest, sequence_off, receive_off, other_id)| Choice {
            from_newest,
            sequence_off: u64::from(sequence_off) * 1000,
            receive_off,
            other_id: other_id == 1,
        },
    )
}

fn millis() -> impl Strategy<Value = u64> {
    prop_oneof![3 => Just(0), 5 => 1u64..20, 5 => 0u64..4000, 1 => 0u64..70_000]
}

fn settings() -> impl Strategy<Value = Settings> {
    (1u64..120_000, millis(), millis()).prop_map(|(retention_millis, visibility_millis, delay_millis)| Settings {
        retention_millis,
        visibility_millis,
        delay_millis,
    })
}

fn drafts() -> impl Strategy<Value = Draft> {
    let message = (prop::option::weighted(0.3, millis()), 0u8..9);
    let visibility = prop_oneof![20 => millis(), 1 => Just(TOTAL_VISIBILITY_MILLIS_MAX)];
    prop_oneof![
        8 => prop::collection::vec(message, 0..6).prop_map(Draft::Send),
        8 => (0usize..8, prop::option::of(millis())).prop_map(|(max, hide)| Draft::Receive(max, hide)),
        4 => prop::collection::vec(choices(), 0..5).prop_map(Draft::Delete),
        6 => prop::collection::vec((choices(), visibility), 0..5).prop_map(Draft::ChangeVisibility),
        1 => prop_oneof![1 => Just(Draft::Purge), 3 => settings().prop_map(Draft::Configure)],
        1 => Just(Draft::Count),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (millis(), any::<bool>(), drafts()).prop_map(|(advance_millis, standby_follows, draft)| Step {
        advance_millis,
        standby_follows,
        draft,
    });
    prop::collection::vec(step, 1..60)
}

struct Trial {
    now: Instant,
    live: Queue,
    standby: Queue,
    model: Model,
    records: Vec<(u8, u8, Vec<u8>)>,
    handles: Vec<Handle>,
}

impl Trial {
    fn new() -> Self {
        Self {
            now: Instant::from_millis(1_700_000_000_000),
            live: Queue::new(SETTINGS),
            standby: Queue::new(SETTINGS),
            model: Model { settings: SETTINGS, sent: 0, last_sent_at: Instant::EPOCH, messages: Vec::new() },
            records: Vec::new(),
            handles: Vec::new(),
        }
    }

    fn run(&mut self, step: Step) {
        self.now = self.now.plus_millis(step.advance_millis);
        let command = self.command(step.draft);
        let expected = self.model.answer(self.now, &command);
        self.live.advance(self.now);
        self.live.assert_whole();
        let decision = self.live.decide(self.now, command);
        assert_eq!(decision.reply, expected);
        if let Reply::Received(deliveries) = &decision.reply {
            self.handles.extend(deliveries.iter().map(Delivery::handle));
        }
        decision.effects.into_iter().for_each(|effect| self.apply(effect));
        self.compare(step.standby_follows);
    }

    fn apply(&mut self, effect: Effect) {
        let mut payload = Vec::new();
        effect.encode(&mut payload);
        let record = (effect.kind(), effect.version(), payload);
        self.standby.apply(Position::ZERO, decoded(&record));
        self.standby.assert_whole();
        self.records.push(record);
        self.live.apply(Position::ZERO, effect);
        self.live.assert_whole();
    }

    fn compare(&mut self, standby_follows: bool) {
        self.live.advance(self.now);
        self.live.assert_whole();
        self.model.settle(self.now);
        let seen = self.view(&self.live);
        assert_eq!(self.live.counts(), self.model.counts(self.now));
        assert_eq!(self.live.ready(), self.model.counts(self.now).visible);
        let next = self.live.next_deadline();
        assert!(self.model.next_visible_at(self.now).is_none_or(|at| next.is_some_and(|next| next <= at)));
        let mut replayed = Queue::new(SETTINGS);
        self.records.iter().for_each(|record| replayed.apply(Position::ZERO, decoded(record)));
        replayed.advance(self.now);
        replayed.assert_whole();
        assert_eq!(self.view(&replayed), seen, "a replay sees otherwise");
        if standby_follows {
            self.standby.advance(self.now);
            self.standby.assert_whole();
            assert_eq!(self.view(&self.standby), seen, "the standby sees otherwise");
        }
    }

    /// All that can be asked without changing anything.
    fn view(&self, queue: &Queue) -> [Reply; 4] {
        let ask = |command| queue.decide(self.now, command).reply;
        [
            ask(Command::Receive { max: usize::MAX, visibility_millis: None }),
            ask(Command::Count),
            ask(Command::Delete(self.handles.clone())),
            ask(Command::ChangeVisibility(self.handles.iter().map(|&handle| (handle, 1)).collect())),
        ]
    }

    fn command(&self, draft: Draft) -> Command {
        match draft {
            Draft::Send(messages) => Command::Send(
                (self.model.sent + 1..).zip(messages).map(|(n, (delay, bytes))| new_message(n, delay, bytes)).collect(),
            ),
            Draft::Receive(max, visibility_millis) => Command::Receive { max, visibility_millis },
            Draft::Delete(choices) => Command::Delete(choices.iter().map(|choice| self.handle(choice)).collect()),
            Draft::ChangeVisibility(entries) => Command::ChangeVisibility(
                entries.iter().map(|(choice, millis)| (self.handle(choice), *millis)).collect(),
            ),
            Draft::Purge => Command::Purge,
            Draft::Configure(settings) => Command::Configure(settings),
            Draft::Count => Command::Count,
        }
    }

    /// Mostly one of the last dozen, so that it often still means something.
    fn handle(&self, choice: &Choice) -> Handle {
        let recent = &self.handles[self.handles.len().saturating_sub(12)..];
        let nothing_yet = Handle { sequence: 1, receive: 1, id: id_of(1) };
        let of = if recent.is_empty() { nothing_yet } else { *choice.from_newest.get(recent) };
        Handle {
            sequence: of.sequence + choice.sequence_off,
            receive: of.receive + choice.receive_off,
            id: if choice.other_id { id_of(u64::MAX) } else { of.id },
        }
    }
}

impl Queue {
    /// Checks that the structures tell one story.
    fn assert_whole(&self) {
        let all: Vec<_> = (self.first_kept()..self.next_sequence)
            .filter_map(|sequence| self.pages.get(sequence).map(|(message, status)| (sequence, message, status)))
            .collect();
        let in_phase = |phase| all.iter().filter(move |(_, _, status)| status.phase() == phase);
        let visible: Vec<_> = in_phase(Phase::Visible).map(|(sequence, _, _)| *sequence).collect();
        assert_eq!(self.visible.iter().collect::<Vec<_>>(), visible);
        assert_eq!(self.visible.len(), visible.len());
        assert_eq!(self.delayed, in_phase(Phase::Delayed).count());
        assert_eq!(self.in_flight, in_phase(Phase::InFlight).count());
        assert_eq!(self.bytes, all.iter().map(|(_, message, _)| message.bytes()).sum::<u64>());
        assert!(all.windows(2).all(|pair| pair[0].1.sent_at <= pair[1].1.sent_at), "sent_at falls");
        assert!(self.deadlines.len() <= 2 * (self.delayed + self.in_flight) + STALE_DEADLINES_MAX);
        let expiry = |message: &Message| message.sent_at.plus_millis(self.settings.retention_millis);
        assert!(all.first().is_none_or(|(_, message, _)| self.expires_at <= expiry(message)));
    }
}

fn decoded((kind, version, payload): &(u8, u8, Vec<u8>)) -> Effect {
    Effect::decode(*kind, *version, payload).expect("what was encoded is decoded")
}

fn id_of(number: u64) -> MessageId {
    MessageId(u128::from(number).to_be_bytes())
}

fn new_message(number: u64, delay_millis: Option<u64>, bytes: u8) -> NewMessage {
    let body = Bytes::from(vec![b'b'; bytes.into()]);
    NewMessage { id: id_of(number), properties: body.slice(..body.len() / 2), body, delay_millis }
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
    let step = |draft| Step { advance_millis: 0, standby_follows: false, draft };
    trial.run(step(Draft::Send(vec![(None, 1)])));
    trial.run(step(Draft::Receive(1, None)));
    let handle = trial.handles[0];
    for round in 0..20_000 {
        let command = Command::ChangeVisibility(vec![(handle, 1000 + round % 7)]);
        trial.live.decide(trial.now, command).effects.into_iter().for_each(|effect| {
            trial.live.apply(Position::ZERO, effect);
        });
        assert!(trial.live.deadlines.len() <= 2 + STALE_DEADLINES_MAX);
    }
    trial.live.assert_whole();
}

#[test]
fn a_record_that_was_applied_already_adds_nothing() {
    let mut queue = Queue::new(SETTINGS);
    let effects =
        queue.decide(Instant::EPOCH, Command::Send(vec![new_message(1, None, 3), new_message(2, None, 3)])).effects;
    for effect in effects.iter().chain(&effects) {
        queue.apply(Position::ZERO, effect.clone());
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
        Effect::Purged { below: 9 },
        Effect::Expired { below: 9 },
    ] {
        queue.apply(Position::ZERO, effect);
        queue.assert_whole();
    }
    assert_eq!(queue.counts(), Counts::default());
}
