//! Which topics there are, and what of each a request looks at before it asks the topic.
//!
//! A topic's view is changed together with its machine, under one lock, so that a publish that begins after a change was decided
//! sees it. What a view shows may not be durable yet: whoever tells of it waits for that.

use crate::api::errors;
use crate::attributes;
use crate::confirming::Confirmation;
use crate::dead_letters;
use crate::fifo::{self, Digests};
use crate::filtering;
use crate::limits;
use crate::message::Message;
use crate::owners::Owners;
use crate::protection::{self, Protection};
use crate::records::{FAMILY, pairs};
use crate::refusal::Refusal;
use crate::replays::Replay;
use crate::topic::{About, Command, Pairs, Protocol, Reply, Subscription, Topic};
use crate::topic_key::{SubscriptionId, TopicKey};
use access::{Policy, Sort};
use delivery::{EffectivePolicy, SubscriptionPolicy, TopicPolicy};
use engine::{Partition, Pending, Recovery, Store, Unavailable};
use filter::Index;
use gateway::{Fact, Facts};
use names::{AccountId, Arn, Instant, PartitionId, Position, Region};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

/// A subscription as a publish sees it.
pub(crate) struct Receiver {
    pub(crate) subscription: Arc<Subscription>,
    /// Where it gets them.
    pub(crate) place: Place,
    /// Whether it gets the message as it is, without an envelope.
    pub(crate) is_raw: bool,
    /// Whether it has not been confirmed, and gets no messages yet.
    pub(crate) is_pending: bool,
    /// Where what cannot be delivered goes.
    pub(crate) dead_letters: Option<Arn>,
    /// Its own delivery policy, if it has one.
    pub(crate) delivery_policy: Option<Box<SubscriptionPolicy>>,
    /// What its filter policy takes in memory, if it has one.
    pub(crate) policy_bytes: Option<usize>,
}

/// Where a subscription's letters are put by a publish.
pub(crate) enum Place {
    /// Into a queue of this server.
    Queue(Arc<Arn>),
    /// Into the subscription's own, out of which they are delivered.
    Outbox,
}

/// A topic as requests see it.
pub(crate) struct View {
    pub(crate) about: Arc<About>,
    /// Always one: its own, or the default one.
    pub(crate) policy: Option<Arc<Policy>>,
    pub(crate) facts: Option<Facts>,
    pub(crate) delivery_policy: Option<TopicPolicy>,
    /// What its data protection policy does to messages, if it has one.
    pub(crate) protection: Option<Arc<Protection>>,
    pub(crate) receivers: BTreeMap<u64, Arc<Receiver>>,
    numbers: HashMap<SubscriptionId, u64>,
    /// What each receiver wants of the topic's messages.
    pub(crate) filters: Index,
}

/// One topic.
pub(crate) struct TopicEntry {
    pub(crate) key: TopicKey,
    pub(crate) arn: Arc<str>,
    partition: Arc<Partition<Topic>>,
    view: RwLock<View>,
    /// Held by the publish to a FIFO topic whose turn it is; inside: the last sequence number that was taken since the start.
    pub(crate) turn: tokio::sync::Mutex<u64>,
    owners: Arc<Owners>,
}

/// All topics of a server.
pub(crate) struct Catalog {
    store: Arc<Store>,
    pub(crate) owners: Arc<Owners>,
    topics: RwLock<Topics>,
}

struct Topics {
    by_key: BTreeMap<TopicKey, Arc<TopicEntry>>,
    /// How many an account has in a region, standard or FIFO.
    counts: HashMap<(AccountId, Region, bool), usize>,
    next: u64,
}

impl Receiver {
    pub(crate) fn new(subscription: Arc<Subscription>, policy_bytes: Option<usize>) -> Arc<Self> {
        let queue = || Arn::parse(&subscription.endpoint).expect("the endpoint was checked when it was subscribed");
        let place = if subscription.protocol.has_outbox() { Place::Outbox } else { Place::Queue(queue().into()) };
        let is_raw = attributes::is_raw(&subscription.attributes);
        let is_pending = Confirmation::of(&subscription.attributes).is_some_and(|known| known.is_pending());
        let dead_letters = dead_letters::target(&subscription.attributes);
        let delivery_policy = attributes::delivery_policy(&subscription.attributes).map(Box::new);
        Arc::new(Self { subscription, place, is_raw, is_pending, dead_letters, delivery_policy, policy_bytes })
    }
}

impl Receiver {
    /// Whether it is a queue of this server.
    pub(crate) fn is_queue(&self) -> bool {
        matches!(self.place, Place::Queue(_))
    }
}

impl View {
    fn of(topic: &Topic) -> Option<Self> {
        let mut view = Self {
            about: Arc::clone(topic.about.as_ref()?),
            policy: None,
            facts: None,
            delivery_policy: None,
            protection: None,
            receivers: BTreeMap::new(),
            numbers: HashMap::new(),
            filters: Index::new(),
        };
        view.compile();
        view.protect();
        topic.subscriptions.iter().for_each(|(number, subscription)| view.put(number, Arc::clone(subscription)));
        Some(view)
    }

    fn compile(&mut self) {
        let given = self.about.attributes.get(attributes::POLICY);
        self.policy = Some(given.map_or_else(|| Arc::clone(&DEFAULT), |text| in_force(text)));
        self.facts = facts_of(&self.about.tags);
        self.delivery_policy = attributes::delivery_policy_of_topic(&self.about.attributes);
    }

    /// Reads the data protection policy.
    fn protect(&mut self) {
        let given = self.about.attributes.get(protection::ATTRIBUTE);
        self.protection = given.map(|text| Arc::new(Protection::in_force(text)));
    }

    fn put(&mut self, number: u64, subscription: Arc<Subscription>) {
        self.numbers.insert(subscription.id, number);
        let policy_bytes = filtering::put(&mut self.filters, number, &subscription);
        self.receivers.insert(number, Receiver::new(subscription, policy_bytes));
    }

    /// Shows what a reply says has come to be.
    fn follow(&mut self, reply: &Reply) {
        match reply {
            Reply::About(about) => {
                let policy_of = |about: &About| about.attributes.get(protection::ATTRIBUTE).cloned();
                let is_protected_anew = policy_of(&self.about) != policy_of(about);
                self.about = Arc::clone(about);
                self.compile();
                if is_protected_anew {
                    self.protect();
                }
            }
            Reply::Subscribed(number, subscription) => self.put(*number, Arc::clone(subscription)),
            Reply::Unsubscribed(Some(number)) => {
                if let Some(gone) = self.receivers.remove(number) {
                    self.numbers.remove(&gone.subscription.id);
                    self.filters.remove(*number);
                }
            }
            Reply::Unsubscribed(None) | Reply::Deleted | Reply::Noted | Reply::Refused(_) | Reply::Gone => {}
        }
    }

    /// The receivers that a message passes to, in the order in which they were subscribed; none that is not confirmed.
    pub(crate) fn receivers_of(&self, message: &Message) -> Vec<Arc<Receiver>> {
        let name = |number: u64| self.receivers.get(&number).map(|receiver| receiver.subscription.body_name());
        let passing = message.passes_to(&self.filters, name);
        let receivers = passing.iter().filter_map(|number| self.receivers.get(number));
        receivers.filter(|receiver| !receiver.is_pending).map(Arc::clone).collect()
    }

    /// The number of a subscription.
    pub(crate) fn number_of(&self, id: SubscriptionId) -> Option<u64> {
        self.numbers.get(&id).copied()
    }

    /// What holds of how messages are delivered to a receiver.
    pub(crate) fn effective_policy(&self, receiver: &Receiver) -> EffectivePolicy {
        EffectivePolicy::of(self.delivery_policy.as_ref(), receiver.delivery_policy.as_deref())
    }

    pub(crate) fn subscription(&self, id: SubscriptionId) -> Option<&Arc<Receiver>> {
        self.receivers.get(self.numbers.get(&id)?)
    }
}

impl TopicEntry {
    /// Looks at the topic as it is now.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&View) -> T) -> T {
        look(&self.view.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the topic, and shows it from then on; answered when it is durable.
    pub(crate) async fn ask(&self, command: Command) -> Result<Reply, Refusal> {
        let pending = self.change(command)?;
        answer(pending).await
    }

    /// Asks what shows in no view. Its place among the topic's records is decided, and it may not be durable yet.
    pub(crate) fn begin(&self, command: Command) -> Result<Pending<Topic>, Unavailable> {
        self.partition.execute(command)
    }

    /// The last sequence number of a FIFO topic, and number and id of an earlier message that one with such digests repeats. What is
    /// seen may not be durable yet.
    pub(crate) fn published(&self, digests: &Digests, now: Instant) -> Result<(u64, Option<(u64, u128)>), Unavailable> {
        let seen = self.partition.inspect(|topic| (topic.fifo.last, topic.fifo.find(digests, now)));
        seen.ok_or(Unavailable::Broken)
    }

    /// The replay of a subscription, by its number. What is seen may not be durable yet.
    pub(crate) fn replay(&self, number: u64) -> Option<Replay> {
        self.partition.inspect(|topic| topic.replays.of.get(&number).copied()).flatten()
    }

    /// Numbers of subscriptions that get nothing as it is published before their replays have caught up. Of a FIFO topic by whoever has
    /// its turn.
    pub(crate) fn held_back(&self) -> BTreeSet<u64> {
        let of = |topic: &Topic| {
            let held = topic.replays.of.iter().filter(|(_, replay)| replay.holds_back());
            held.map(|(number, _)| *number).collect()
        };
        self.partition.inspect(of).unwrap_or_default()
    }

    /// Subscriptions that have replays which are not over.
    pub(crate) fn replaying(&self) -> Vec<Arc<Subscription>> {
        let of = |topic: &Topic| {
            let running = topic.replays.of.iter().filter(|(_, replay)| !replay.state.is_over());
            running.filter_map(|(number, _)| topic.subscriptions.get(*number).map(Arc::clone)).collect()
        };
        self.partition.inspect(of).unwrap_or_default()
    }

    /// Changes the topic, and shows it from then on. It may not be durable yet.
    pub(crate) fn change(&self, command: Command) -> Result<Pending<Topic>, Unavailable> {
        // Nobody looks between the two: a publish that sees the topic as it was is one from before the change, in the archive, too.
        let mut view = self.view.write().unwrap_or_else(PoisonError::into_inner);
        let pending = self.partition.execute(command)?;
        pending.look(|reply| {
            self.count(&view, reply);
            let before = changed_receiver(&view, reply);
            view.follow(reply);
            self.charge(before.as_deref(), changed_receiver(&view, reply).as_deref());
        });
        Ok(pending)
    }
}

impl TopicEntry {
    /// Notes whose subscriptions come and go.
    fn count(&self, view: &View, reply: &Reply) {
        let gone = |receiver: &Arc<Receiver>| self.owners.remove(receiver.subscription.owner, &self.key);
        if matches!(reply, Reply::Deleted) {
            view.receivers.values().for_each(|receiver| self.charge(Some(receiver), None));
        }
        match reply {
            Reply::Subscribed(number, subscription) if !view.receivers.contains_key(number) => {
                self.owners.add(subscription.owner, &self.key);
            }
            Reply::Unsubscribed(Some(number)) => view.receivers.get(number).into_iter().for_each(gone),
            Reply::Deleted => view.receivers.values().for_each(gone),
            _ => {}
        }
    }

    /// Charges the policy of a receiver that was changed to its owner, in place of the one before.
    fn charge(&self, before: Option<&Receiver>, after: Option<&Receiver>) {
        let of =
            |receiver: Option<&Receiver>| receiver.and_then(|one| Some((one.subscription.owner, one.policy_bytes?)));
        let (policies, region) = (&self.owners.policies, &self.key.region);
        if let Some((owner, bytes)) = of(after) {
            policies.add(owner, region, bytes);
        }
        if let Some((owner, bytes)) = of(before) {
            policies.remove(owner, region, bytes);
        }
    }

    /// Whether a receiver is subscribed.
    pub(crate) fn has_receiver(&self, protocol: Protocol, endpoint: &str) -> bool {
        self.partition.inspect(|topic| topic.subscriptions.of_receiver(protocol, &endpoint.into()).is_some())
            == Some(true)
    }
}

/// The receiver that a reply is about.
fn changed_receiver(view: &View, reply: &Reply) -> Option<Arc<Receiver>> {
    match reply {
        Reply::Subscribed(number, _) | Reply::Unsubscribed(Some(number)) => view.receivers.get(number).map(Arc::clone),
        _ => None,
    }
}

/// The reply to a change, when it is durable.
pub(crate) async fn answer(pending: Pending<Topic>) -> Result<Reply, Refusal> {
    match pending.await? {
        Reply::Refused(refusal) => Err(refusal),
        Reply::Gone => Err(Refusal::no_topic()),
        reply => Ok(reply),
    }
}

/// The condition keys of a topic's tags.
fn facts_of(tags: &Pairs) -> Option<Facts> {
    let fact = |(key, value): (&str, &str)| {
        (format!("aws:resourcetag/{}", key.to_lowercase()).into(), Fact::Text(value.into()))
    };
    (!tags.is_empty()).then(|| pairs(tags).map(fact).collect())
}

/// What the default policy comes to, for all topics: it lets whoever acts for the account that has the topic.
static DEFAULT: LazyLock<Arc<Policy>> = LazyLock::new(|| {
    const TEXT: &str = r#"{"Version":"2012-10-17","Statement":{"Sid":"__default_statement_ID","Effect":"Allow",
        "Principal":{"AWS":"*"},"Resource":"*","Action":["SNS:GetTopicAttributes","SNS:SetTopicAttributes","SNS:AddPermission",
        "SNS:RemovePermission","SNS:DeleteTopic","SNS:Subscribe","SNS:ListSubscriptionsByTopic","SNS:Publish"],
        "Condition":{"StringEquals":{"AWS:SourceOwner":"${aws:ResourceAccount}"}}}}"#;
    compile(TEXT).expect("it is a policy")
});

/// A policy that is kept. One that cannot be read is one that refuses: leaving it out might leave out a refusal.
fn in_force(text: &str) -> Arc<Policy> {
    const CLOSED: &str = r#"{"Version":"2012-10-17","Statement":{"Sid":"UnreadablePolicy","Effect":"Deny","Principal":"*",
        "NotAction":["sns:GetTopicAttributes","sns:SetTopicAttributes"],"Resource":"*"}}"#;
    compile(text).unwrap_or_else(|| {
        tracing::error!("a topic's policy cannot be read: nobody may do anything with the topic until it is set anew");
        compile(CLOSED).expect("it is a policy")
    })
}

/// A topic's policy, as it is asked.
pub(crate) fn compile(text: &str) -> Option<Arc<Policy>> {
    Policy::parse("Policy", text, Sort::Resource).ok().map(Arc::new)
}

impl Catalog {
    /// The topics that replay left.
    pub(crate) fn recovered(store: Arc<Store>, recovery: Recovery<Topic>) -> Self {
        let next = recovery.next_ordinal();
        let mut found = Vec::new();
        recovery.look(|id, _| found.push(id));
        recovery.finish(&store);
        let owners = Arc::new(Owners::default());
        let mut topics = Topics { by_key: BTreeMap::new(), counts: HashMap::new(), next };
        for partition in found.into_iter().filter_map(|id| store.partition::<Topic>(id)) {
            if let Some(view) = partition.inspect(View::of).flatten() {
                let key = &view.about.key;
                view.receivers.values().for_each(|receiver| {
                    let owner = receiver.subscription.owner;
                    owners.add(owner, key);
                    receiver.policy_bytes.into_iter().for_each(|bytes| owners.policies.add(owner, &key.region, bytes));
                });
                topics.put(TopicEntry::new(partition, view, &owners));
            }
        }
        Self { store, owners, topics: RwLock::new(topics) }
    }

    pub(crate) fn find(&self, key: &TopicKey) -> Option<Arc<TopicEntry>> {
        self.topics.read().unwrap_or_else(PoisonError::into_inner).by_key.get(key).map(Arc::clone)
    }

    /// The topic of a key; that there is none is told once its end is durable.
    pub(crate) async fn get(&self, key: &TopicKey) -> Result<Arc<TopicEntry>, Refusal> {
        match self.find(key) {
            Some(entry) => Ok(entry),
            None => {
                self.settled().await?;
                Err(Refusal::no_topic())
            }
        }
    }

    /// Makes a topic, or finds the one that there is already; answered when it is durable.
    pub(crate) async fn create(&self, about: About) -> Result<Arc<TopicEntry>, Refusal> {
        loop {
            let (entry, pending) = self.begin(about.clone())?;
            match answer(pending).await {
                // The topic that was found was deleted before it was asked: its name is free, and the next turn makes another.
                Err(refusal) if refusal == Refusal::no_topic() => {}
                answered => return answered.map(|_| entry),
            }
        }
    }

    fn begin(&self, about: About) -> Result<(Arc<TopicEntry>, Pending<Topic>), Refusal> {
        let mut topics = self.topics.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = topics.by_key.get(&about.key).map(Arc::clone) {
            drop(topics);
            let pending = entry.change(Command::Create(Box::new(about)))?;
            return Ok((entry, pending));
        }
        let TopicKey { account, region, .. } = &about.key;
        let is_fifo = fifo::is_fifo(&about.key.name);
        let most = if is_fifo { limits::FIFO_TOPICS_MAX } else { limits::TOPICS_MAX };
        if topics.counts.get(&(*account, region.clone(), is_fifo)).is_some_and(|count| *count >= most) {
            let message = "Topic limit exceeded";
            return Err(Refusal::new(&errors::TOPIC_LIMIT_EXCEEDED_EXCEPTION, message));
        }
        let partition = Partition::new(&self.store, PartitionId::of_family(FAMILY, topics.next), Topic::default());
        let pending = partition.execute(Command::Create(Box::new(about)))?;
        // One that could not be made leaves its place to the next.
        topics.next += 1;
        let view = partition.inspect(View::of).flatten().ok_or(Unavailable::Stopped)?;
        let entry = TopicEntry::new(partition, view, &self.owners);
        topics.put(Arc::clone(&entry));
        Ok((entry, pending))
    }

    /// Deletes a topic with its subscriptions. Its name is free as soon as that is decided.
    pub(crate) async fn delete(&self, entry: &Arc<TopicEntry>, with_archive: bool) -> Result<(), Refusal> {
        let pending = {
            let mut topics = self.topics.write().unwrap_or_else(PoisonError::into_inner);
            let pending = entry.change(Command::Delete { with_archive })?;
            let is_gone = !pending.is(|reply| matches!(reply, Reply::Refused(_)));
            if is_gone && topics.by_key.get(&entry.key).is_some_and(|found| Arc::ptr_eq(found, entry)) {
                topics.remove(&entry.key);
            }
            pending
        };
        answer(pending).await.map(drop)
    }

    /// Topics of an account in a region behind a name, in order, `limit` at most.
    pub(crate) fn list(
        &self,
        account: AccountId,
        region: &Region,
        after: Option<&str>,
        limit: usize,
    ) -> Vec<Arc<TopicEntry>> {
        let topics = self.topics.read().unwrap_or_else(PoisonError::into_inner);
        topics.of(account, region, after).take(limit).map(Arc::clone).collect()
    }

    /// Every topic there is.
    pub(crate) fn all(&self) -> Vec<Arc<TopicEntry>> {
        self.topics.read().unwrap_or_else(PoisonError::into_inner).by_key.values().map(Arc::clone).collect()
    }

    /// Waits until everything that was decided up to now is durable.
    pub(crate) async fn settled(&self) -> Result<(), Unavailable> {
        self.durable(self.last()).await
    }

    /// Up to where everything was decided that can be seen now.
    pub(crate) fn last(&self) -> Position {
        self.store.journal().last()
    }

    /// Waits until everything up to there is durable.
    pub(crate) async fn durable(&self, upto: Position) -> Result<(), Unavailable> {
        self.store.journal().when_durable(upto).await.map_err(|_| Unavailable::Stopped)
    }
}

impl TopicEntry {
    fn new(partition: Arc<Partition<Topic>>, view: View, owners: &Arc<Owners>) -> Arc<Self> {
        let key = view.about.key.clone();
        let (arn, view) = (key.arn().into(), RwLock::new(view));
        let turn = tokio::sync::Mutex::new(0);
        Arc::new(Self { key, arn, partition, view, turn, owners: Arc::clone(owners) })
    }

    pub(crate) fn is_fifo(&self) -> bool {
        fifo::is_fifo(&self.key.name)
    }
}

/// What a topic counts as.
fn counted(key: &TopicKey) -> (AccountId, Region, bool) {
    (key.account, key.region.clone(), fifo::is_fifo(&key.name))
}

impl Topics {
    fn put(&mut self, entry: Arc<TopicEntry>) {
        *self.counts.entry(counted(&entry.key)).or_default() += 1;
        self.by_key.insert(entry.key.clone(), entry);
    }

    fn remove(&mut self, key: &TopicKey) {
        let place = counted(key);
        if self.by_key.remove(key).is_some()
            && let Some(count) = self.counts.get_mut(&place)
        {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&place);
            }
        }
    }

    fn of<'a>(
        &'a self,
        account: AccountId,
        region: &'a Region,
        after: Option<&str>,
    ) -> impl Iterator<Item = &'a Arc<TopicEntry>> + use<'a> {
        let key = |name: &str| TopicKey { account, region: region.clone(), name: name.into() };
        let from = after.map_or(Bound::Included(key("")), |after| Bound::Excluded(key(after)));
        let behind = self.by_key.range((from, Bound::Unbounded));
        behind.take_while(move |(key, _)| key.account == account && key.region == *region).map(|(_, entry)| entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use access::{Action, Applicable, Caller, Context, Gate, Request, authorize};

    #[test]
    #[expect(clippy::disallowed_methods, reason = "who changes waits for a lock, and that takes a thread and a moment")]
    fn no_change_is_decided_while_somebody_looks() {
        let house = crate::house::House::new();
        house.topic("news", &[]);
        let entry = &house.inner.catalog.all()[0];
        let asked = Subscription {
            id: SubscriptionId(1),
            owner: AccountId::DEFAULT,
            protocol: Protocol::Sqs,
            endpoint: crate::house::queue("q").into(),
            attributes: Pairs::new(),
            created_at: Instant::EPOCH,
        };
        let is_decided = || entry.has_receiver(Protocol::Sqs, &crate::house::queue("q"));
        std::thread::scope(|scope| {
            entry.look(|_| {
                scope.spawn(|| entry.change(Command::Subscribe(Box::new(asked), None)).map(drop).unwrap());
                std::thread::sleep(std::time::Duration::from_millis(100));
                assert!(!is_decided());
            });
        });
        assert!(is_decided());
    }

    #[test]
    fn the_default_policy_lets_whoever_acts_for_the_account_that_has_the_topic() {
        let may = |owner: &str, action: &str| {
            let (caller, action) = (Caller::service("s3.amazonaws.com"), Action::new(action));
            let mut context = Context::new();
            context.set("aws:sourceowner", owner);
            context.set("aws:resourceaccount", AccountId::DEFAULT.as_str());
            let request = Request {
                caller: &caller,
                action: &action,
                resource: "arn:aws:sns:us-east-1:000000000000:news",
                resource_account: Some(AccountId::DEFAULT),
                context: &context,
                gate: Gate::Usual,
            };
            authorize(&request, &Applicable { resource: Some(&DEFAULT), ..Applicable::default() }).is_allowed()
        };
        assert!(may("000000000000", "sns:publish") && !may("111122223333", "sns:publish"));
        assert!(!may("000000000000", "sns:putdataprotectionpolicy"));
    }
}
