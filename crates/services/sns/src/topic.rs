//! A topic as a machine: its attributes, its tags, its subscriptions.
//!
//! A topic keeps no messages: a publish is its deliveries, each durable where it goes before the publish is answered (ADR 0040). What
//! is archived lies in a partition of its own; which messages of it are replayed to whom is state of the topic (ADR 0044).
//! Ids and the moment come inside the command; names and values were checked before.

use crate::archive::{self, ARCHIVE_POLICY, Place};
use crate::attributes::{self, Wrong};
use crate::confirming::{self, Confirmation, State};
use crate::fifo::{self, Fifo, Published};
use crate::limits;
use crate::protection;
use crate::push::platform_of;
use crate::records::{self, Effect};
use crate::refusal::Refusal;
use crate::replays::{Live, REPLAY_POLICY, Replay, Replays, State as ReplayState};
use crate::subscribers::Subscribers;
use crate::topic_key::{SubscriptionId, TopicKey};
use access::Permission;
use engine::{Decision, Machine, MalformedRecord, Tally};
use filter::Limits;
use names::{AccountId, Instant, Position};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Names and values: attributes, tags.
pub(crate) type Pairs = BTreeMap<Box<str>, Box<str>>;

/// What a topic is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct About {
    pub(crate) key: TopicKey,
    pub(crate) created_at: Instant,
    /// As they were given; what was never given is not here.
    pub(crate) attributes: Pairs,
    pub(crate) tags: Pairs,
}

/// Where a subscription's messages go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum Protocol {
    Sqs = 1,
    Http = 2,
    Https = 3,
    Email = 4,
    EmailJson = 5,
    Lambda = 6,
    Sms = 7,
    Application = 8,
}

impl Protocol {
    /// Those that are delivered to, with the names that AWS gives them.
    const ALL: [(Self, &str); 8] = [
        (Self::Sqs, "sqs"),
        (Self::Http, "http"),
        (Self::Https, "https"),
        (Self::Email, "email"),
        (Self::EmailJson, "email-json"),
        (Self::Lambda, "lambda"),
        (Self::Sms, "sms"),
        (Self::Application, "application"),
    ];

    pub(crate) fn numbered(number: u8) -> Option<Self> {
        Self::ALL.iter().find(|(protocol, _)| *protocol as u8 == number).map(|(protocol, _)| *protocol)
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(protocol, _)| *protocol)
    }

    /// Every one there is.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..=u8::MAX).filter_map(Self::numbered)
    }

    pub(crate) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(protocol, _)| *protocol == self).expect("every protocol has a name").1
    }

    /// Whether what goes there waits in a queue of ours until it has arrived.
    pub(crate) fn has_outbox(self) -> bool {
        self != Self::Sqs
    }

    /// Whether a delivery policy says how it is tried again.
    pub(crate) fn is_over_http(self) -> bool {
        matches!(self, Self::Http | Self::Https)
    }

    /// Whether its receivers have to say that they want what they get.
    pub(crate) fn is_confirmed(self) -> bool {
        self.is_over_http() || self.is_mail()
    }

    /// Whether its receivers may get messages without an envelope ("Amazon SNS raw message delivery").
    pub(crate) fn may_be_raw(self) -> bool {
        self == Self::Sqs || self.is_over_http()
    }

    /// Whether its receivers get mail.
    pub(crate) fn is_mail(self) -> bool {
        matches!(self, Self::Email | Self::EmailJson)
    }
}

/// One subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subscription {
    pub(crate) id: SubscriptionId,
    pub(crate) owner: AccountId,
    pub(crate) protocol: Protocol,
    pub(crate) endpoint: Arc<str>,
    pub(crate) attributes: Pairs,
    pub(crate) created_at: Instant,
}

impl Subscription {
    /// Under which name its receiver's body stands in a structured message: its protocol's, or its platform's.
    pub(crate) fn body_name(&self) -> &'static str {
        let platform = || platform_of(&self.endpoint);
        match self.protocol {
            Protocol::Application => platform().unwrap_or(self.protocol.name()),
            protocol => protocol.name(),
        }
    }
}

/// One topic.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Topic {
    /// None before its first record.
    pub(crate) about: Option<Arc<About>>,
    pub(crate) subscriptions: Subscribers,
    pub(crate) next_number: u64,
    pub(crate) is_deleted: bool,
    /// Of FIFO topics alone.
    pub(crate) fifo: Fifo,
    pub(crate) replays: Replays,
}

/// What may be asked.
pub(crate) enum Command {
    Create(Box<About>),
    /// An attribute to a value; an empty one takes it away.
    SetAttribute(Box<str>, Box<str>),
    /// An archive with its policy, or none any more.
    SetArchive(Option<(Place, Box<str>)>),
    AddPermission(Box<Permission>),
    /// By its label.
    RemovePermission(Box<str>),
    Tag(Pairs),
    Untag(Vec<Box<str>>),
    /// With a replay, if it is new.
    Subscribe(Box<Subscription>, Option<Replay>),
    /// A policy of replays to a value, and the replay that begins with it; an empty one stops what runs.
    Replay(SubscriptionId, Box<str>, Option<Replay>),
    /// A subscription's replay got on: of this number, this run, up to a counter, as it stands then.
    MoveReplay(u64, u64, u64, ReplayState),
    SetOfSubscription(SubscriptionId, Box<str>, Box<str>),
    /// Confirms a subscription, if this is its token's secret; where messages come to it as they are published from now on, if its topic
    /// has an archive.
    Confirm(SubscriptionId, Box<str>, State, Option<Live>),
    /// Subscribes a receiver again whose subscription was ended, confirmed already.
    Restore(Box<Subscription>),
    Unsubscribe(SubscriptionId),
    /// Whether it has an archive, too.
    Delete {
        with_archive: bool,
    },
    /// A message was published whose letters have their places.
    Note(Published),
}

/// What is answered.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    About(Arc<About>),
    /// The subscription as it is from then on, and its number.
    Subscribed(u64, Arc<Subscription>),
    Unsubscribed(Option<u64>),
    Deleted,
    Noted,
    Refused(Refusal),
    Gone,
}

type Decided = Result<Decision<Effect, Reply>, Refusal>;

impl Topic {
    fn live(&self) -> Option<&Arc<About>> {
        self.about.as_ref().filter(|_| !self.is_deleted)
    }

    fn subscriptions_max(&self) -> usize {
        match self.about.as_ref().is_some_and(|about| fifo::is_fifo(&about.key.name)) {
            true => limits::FIFO_SUBSCRIPTIONS_MAX,
            false => limits::SUBSCRIPTIONS_MAX,
        }
    }

    fn decide_about(&self, about: &Arc<About>, now: Instant, command: Command) -> Decided {
        match command {
            Command::Create(asked) => created_again(about, &asked),
            Command::SetAttribute(name, value) => {
                let value = if fifo::is_attribute(&name) { fifo::changed(about, &name, &value)? } else { value };
                Ok(changed(about, |after| attributes::set(&mut after.attributes, name, value)))
            }
            Command::SetArchive(archive) => Ok(self.set_archive(about, archive)),
            Command::AddPermission(permission) => {
                let taken = |_| Refusal::invalid("Statement already exists");
                let (policy, _) = permission.add_to(&attributes::policy(about)).map_err(taken)?;
                attributes::check_policy(&policy)?;
                Ok(changed(about, |after| {
                    attributes::set(&mut after.attributes, attributes::POLICY.into(), policy.into());
                }))
            }
            Command::RemovePermission(label) => match Permission::remove_from(Some(&attributes::policy(about)), &label)
            {
                Ok(policy) => Ok(changed(about, |after| {
                    attributes::set(&mut after.attributes, attributes::POLICY.into(), policy.into());
                })),
                Err(_) => Ok(Decision::answer(Reply::About(Arc::clone(about)))),
            },
            Command::Tag(tags) => {
                let mut after = About::clone(about);
                after.tags.extend(tags);
                match after.tags.len() > limits::TAGS_MAX {
                    true => Err(Refusal::too_many_tags()),
                    false => Ok(changed(about, |about| *about = after)),
                }
            }
            Command::Untag(keys) => Ok(changed(about, |after| after.tags.retain(|key, _| !keys.contains(key)))),
            Command::Subscribe(asked, replay) => self.subscribe(now, *asked, replay),
            Command::SetOfSubscription(id, name, value) => self.set_of_subscription(id, name, value),
            Command::Replay(id, policy, replay) => self.replay(now, about, (id, policy, replay)),
            Command::MoveReplay(number, run, next, state) => {
                let effects = self.replays.moved(number, run, next, state).into_iter().collect();
                Ok(Decision::change(effects, Reply::Noted))
            }
            Command::Confirm(id, secret, state, live) => self.confirm(now, (id, &secret), state, live),
            Command::Restore(asked) => self.subscribe_again(now, *asked),
            Command::Unsubscribe(id) => {
                let number = self.subscriptions.number_of(id);
                let effects = number.map(Effect::SubscriptionGone).into_iter().collect();
                Ok(Decision::change(effects, Reply::Unsubscribed(number)))
            }
            Command::Delete { with_archive: false } if Place::of(&about.attributes).is_some() => {
                let why = "Invalid state: Cannot delete a topic with an ArchivePolicy";
                Err(Refusal::new(&crate::api::errors::INVALID_STATE_EXCEPTION, why))
            }
            Command::Delete { .. } => Ok(Decision::change(vec![Effect::Deleted], Reply::Deleted)),
            // As late as its letters' places: what is no duplicate to the topic is none to its queues.
            Command::Note(published) => {
                let effect = Effect::Published(Published { at: now, ..published });
                Ok(Decision::change(vec![effect], Reply::Noted))
            }
        }
    }

    /// The same receiver twice is one subscription, if it is asked for with attributes that it has.
    fn subscribe(&self, now: Instant, asked: Subscription, replay: Option<Replay>) -> Decided {
        if let Some((number, known)) = self.subscriptions.of_receiver(asked.protocol, &asked.endpoint) {
            return match attributes::are_of(&asked.attributes, &known.attributes) {
                true if confirming::renews(&known.attributes, asked.created_at) => {
                    let mut after = Subscription::clone(known);
                    confirming::renew(&mut after.attributes, &asked.attributes);
                    Ok(self.put(number, after))
                }
                true => Ok(Decision::answer(Reply::Subscribed(number, Arc::clone(known)))),
                false => {
                    Err(Refusal::invalid("Attributes Reason: Subscription already exists with different attributes"))
                }
            };
        }
        if self.subscriptions.len() >= self.subscriptions_max() {
            let error = &crate::api::errors::SUBSCRIPTION_LIMIT_EXCEEDED_EXCEPTION;
            return Err(Refusal::new(error, "The limit of subscriptions of this topic is reached"));
        }
        let mut decision = self.put(self.next_number, asked);
        decision.effects.extend(replay.map(|replay| self.replays.begun(self.next_number, replay, now)));
        Ok(decision)
    }

    /// A policy takes the place of the one before, and its replay of that one's.
    fn replay(
        &self,
        now: Instant,
        about: &About,
        (id, policy, replay): (SubscriptionId, Box<str>, Option<Replay>),
    ) -> Decided {
        let number = self.subscriptions.number_of(id).ok_or_else(Refusal::no_subscription)?;
        let known = self.subscriptions.get(number).ok_or_else(Refusal::no_subscription)?;
        if replay.is_some() && Place::of(&about.attributes).is_none() {
            return Err(Refusal::invalid(format!("{REPLAY_POLICY}: Topic does not have an ArchivePolicy")));
        }
        let mut after = Subscription::clone(known);
        attributes::set(&mut after.attributes, REPLAY_POLICY.into(), policy);
        let mut decision = self.put(number, after);
        decision.effects.extend(match replay {
            Some(replay) => Some(self.replays.begun(number, replay, now)),
            None => self.replays.stopped(number),
        });
        Ok(decision)
    }

    /// Without its archive a topic has nothing to replay.
    fn set_archive(&self, about: &Arc<About>, archive: Option<(Place, Box<str>)>) -> Decision<Effect, Reply> {
        let mut over = if archive.is_none() { self.replays.failed() } else { Vec::new() };
        let keeps =
            |policy: Option<&str>| policy.and_then(|policy| archive::retention_millis(policy).ok()?).unwrap_or(0);
        let known = about.attributes.get(ARCHIVE_POLICY).map(|policy| &**policy);
        let is_cut = keeps(archive.as_ref().map(|(_, policy)| &**policy)) < keeps(known);
        let mut decision = changed(about, |after| match archive {
            Some((place, policy)) => {
                place.keep(&mut after.attributes);
                after.attributes.insert(ARCHIVE_POLICY.into(), policy);
            }
            None => Place::remove(&mut after.attributes),
        });
        for effect in decision.effects.iter_mut().filter(|_| is_cut) {
            if let Effect::AboutPut(after) = effect {
                *effect = Effect::ArchiveCut(Arc::clone(after));
            }
        }
        decision.effects.append(&mut over);
        decision
    }

    fn set_of_subscription(&self, id: SubscriptionId, name: Box<str>, value: Box<str>) -> Decided {
        let found = self.subscriptions.number_of(id);
        let found = found.and_then(|number| Some((number, self.subscriptions.get(number)?)));
        let (number, known) = found.ok_or_else(Refusal::no_subscription)?;
        let mut after = Subscription::clone(known);
        attributes::set(&mut after.attributes, name, value);
        // Two changes at once may each have been right beside what the other changed.
        attributes::check_subscription(&after.attributes, &Limits::LIFTED).map_err(Wrong::in_set)?;
        match after == **known {
            true => Ok(Decision::answer(Reply::Subscribed(number, Arc::clone(known)))),
            false => Ok(self.put(number, after)),
        }
    }

    /// A token counts for as long as it is told; a subscription that is confirmed already stays as it is.
    fn confirm(&self, now: Instant, (id, secret): (SubscriptionId, &str), state: State, live: Option<Live>) -> Decided {
        let wrong = || Refusal::invalid("Token");
        let number = self.subscriptions.number_of(id).ok_or_else(wrong)?;
        let known = self.subscriptions.get(number).ok_or_else(wrong)?;
        let confirmation = Confirmation::of(&known.attributes).filter(|known| known.is(secret)).ok_or_else(wrong)?;
        if !confirmation.is_pending() {
            return Ok(Decision::answer(Reply::Subscribed(number, Arc::clone(known))));
        }
        if confirmation.is_stale(now) {
            return Err(wrong());
        }
        let mut after = Subscription::clone(known);
        confirmation.confirmed(state).keep(&mut after.attributes);
        let mut decision = self.put(number, after);
        decision.effects.extend(live.and_then(|live| self.replays.confirmed(number, live, now)));
        Ok(decision)
    }

    /// Whoever has come back meanwhile is not subscribed twice, but has said that it wants what it gets.
    fn subscribe_again(&self, now: Instant, asked: Subscription) -> Decided {
        let Some((number, known)) = self.subscriptions.of_receiver(asked.protocol, &asked.endpoint) else {
            return self.subscribe(now, asked, None);
        };
        let said = Confirmation::of(&asked.attributes).map(|said| said.state);
        let pending = Confirmation::of(&known.attributes).filter(Confirmation::is_pending);
        let (Some(state), Some(pending)) = (said, pending) else {
            return Ok(Decision::answer(Reply::Subscribed(number, Arc::clone(known))));
        };
        let mut after = Subscription::clone(known);
        pending.confirmed(state).keep(&mut after.attributes);
        Ok(self.put(number, after))
    }

    fn put(&self, number: u64, subscription: Subscription) -> Decision<Effect, Reply> {
        let subscription = Arc::new(subscription);
        let effect = Effect::SubscriptionPut(number, Arc::clone(&subscription));
        Decision::change(vec![effect], Reply::Subscribed(number, subscription))
    }
}

/// CreateTopic of a topic that there is: the same, if what is asked for is what it has now, whoever changed it since. What is not named
/// is not compared: a part of its tags does, as AWS was recorded.
fn created_again(about: &Arc<About>, asked: &About) -> Decided {
    let is_compared = |name: &str| !attributes::is_hidden(name) || name == protection::ATTRIBUTE;
    let mut asked_for = asked.attributes.iter().filter(|(name, _)| is_compared(name));
    let differs = asked_for.any(|(name, value)| !attributes::is_of(about, name, value));
    if differs {
        return Err(Refusal::invalid("Attributes Reason: Topic already exists with different attributes"));
    }
    if asked.tags.iter().any(|(key, value)| about.tags.get(key) != Some(value)) {
        return Err(Refusal::invalid("Tags Reason: Topic already exists with different tags"));
    }
    Ok(Decision::answer(Reply::About(Arc::clone(about))))
}

fn changed(about: &Arc<About>, change: impl FnOnce(&mut About)) -> Decision<Effect, Reply> {
    let mut after = About::clone(about);
    change(&mut after);
    if after == **about {
        return Decision::answer(Reply::About(Arc::clone(about)));
    }
    let after = Arc::new(after);
    Decision::change(vec![Effect::AboutPut(Arc::clone(&after))], Reply::About(after))
}

impl Machine for Topic {
    type Command = Command;
    type Effect = Effect;
    type Reply = Reply;
    type Content = ();

    const SNAPSHOT_VERSION: u8 = records::SNAPSHOT_VERSION;

    fn advance(&mut self, now: Instant) {
        self.fifo.recent.expire(now);
    }

    fn decide(&self, now: Instant, command: Command) -> Decision<Effect, Reply> {
        match (command, self.live()) {
            (Command::Create(about), None) if self.about.is_none() => {
                let about = Arc::new(attributes::begun(*about));
                Decision::change(vec![Effect::AboutPut(Arc::clone(&about))], Reply::About(about))
            }
            (_, None) => Decision::answer(Reply::Gone),
            (command, Some(about)) => {
                let decided = self.decide_about(about, now, command);
                decided.unwrap_or_else(|refusal| Decision::answer(Reply::Refused(refusal)))
            }
        }
    }

    fn apply(&mut self, _at: Position, effect: &Effect, _gone: &mut Vec<u64>) {
        match effect {
            Effect::AboutPut(about) | Effect::ArchiveCut(about) => self.about = Some(Arc::clone(about)),
            Effect::SubscriptionPut(number, subscription) => {
                self.subscriptions.put(*number, Arc::clone(subscription));
                self.next_number = self.next_number.max(number + 1);
            }
            Effect::SubscriptionGone(number) => {
                self.subscriptions.remove(*number);
                self.replays.forget(*number);
            }
            Effect::ReplayPut(number, replay) => self.replays.put(*number, *replay),
            Effect::ReplayMoved(number, run, next) => self.replays.note(*number, *run, *next),
            Effect::ReplayOver(number, run, state) => self.replays.end(*number, *run, *state),
            Effect::Deleted => self.is_deleted = true,
            Effect::Published(published) => self.fifo.note(published),
        }
    }

    fn next_expiry(&self) -> Option<Instant> {
        self.fifo.recent.next_expiry()
    }

    fn tally(&self) -> Tally {
        Tally([u64::from(self.live().is_some()), self.subscriptions.len() as u64, 0])
    }

    fn snapshot(&self, out: &mut Vec<u8>) {
        records::put_topic(self, out);
    }

    fn restore(version: u8, state: &[u8]) -> Result<Self, MalformedRecord> {
        let malformed = |why| MalformedRecord { kind: 0, version, why };
        if !(1..=records::SNAPSHOT_VERSION).contains(&version) {
            return Err(malformed("a snapshot's version that this program does not know"));
        }
        records::topic(state, version).ok_or_else(|| malformed("a topic's snapshot does not fit its length"))
    }

    fn is_over(&self) -> bool {
        self.is_deleted
    }
}

#[cfg(test)]
#[path = "topic_tests.rs"]
mod tests;
