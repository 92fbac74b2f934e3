//! The service as the gateway and the server see it.

use crate::api;
use crate::archive::{self, Archives, Place};
use crate::catalog::{Catalog, TopicEntry, View};
use crate::confirming::{Confirmation, SECRET_BYTES};
use crate::keys::TopicKeys;
use crate::limits;
use crate::native::Native;
use crate::needs;
use crate::ops;
use crate::outbox::{self, Deliveries, Ending, Hands, Outboxes};
use crate::pieces::OnTheWay;
use crate::protection::Patterns;
use crate::push::{self, AppKey, Push, PushUrls};
use crate::receivers::Means;
use crate::records::FAMILY;
use crate::refusal::Refusal;
use crate::refusals::Refusals;
use crate::replays::{self, Running};
use crate::signing::SigningKeys;
use crate::sms::{self, Messages};
use crate::status::{DeliveryCounts, Lines, ProtocolCounts, Status};
use crate::throttle::Throttle;
use crate::topic::{Command, Topic};
use crate::topic_key::{SubscriptionId, TopicKey};
use aws_lc_rs::hmac::{self, HMAC_SHA256, Key};
use delivery::MayReach;
use engine::{Chance, Recover, Recovery, Store, Unavailable};
use gateway::{Boxed, Caller, Description, Keys, Mailboxes, Operation, Prepared, Service, Together, Unprepared};
use names::{AccountId, Instant, Region};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;
use stream::Shard;
use wire::{Reader, constraints};

/// What replays the part of the log that is of topics.
pub struct SnsRecovery {
    topics: Recovery<Topic>,
    deliveries: Recovery<Deliveries>,
    archives: Recovery<Shard>,
    messages: Recovery<sms::Account>,
    applications: Recovery<push::Page>,
}

impl SnsRecovery {
    /// The latest moment that the store knows of.
    pub fn latest(&self) -> Instant {
        let of_topics = self.topics.latest().max(self.deliveries.latest());
        of_topics.max(self.archives.latest()).max(self.messages.latest()).max(self.applications.latest())
    }

    /// Gives topics to the store, without a service that asks them anything: for tools.
    pub fn finish(self, store: &Store) {
        self.topics.finish(store);
        self.deliveries.finish(store);
        self.archives.finish(store);
        self.messages.finish(store);
        self.applications.finish(store);
    }

    /// A part for each family of partitions.
    pub fn parts(&mut self) -> [&mut dyn Recover; 5] {
        [&mut self.topics, &mut self.deliveries, &mut self.archives, &mut self.messages, &mut self.applications]
    }
}

/// Amazon SNS.
pub struct Sns(Arc<Inner>);

/// What operations work on.
pub(crate) struct Inner {
    pub(crate) catalog: Catalog,
    /// Where messages for queues go.
    pub(crate) mailboxes: Arc<dyn Mailboxes>,
    /// What a filter policy that is set may be.
    pub(crate) filter_limits: filter::Limits,
    pub(crate) holds_awss_limits: bool,
    /// What signs envelopes.
    pub(crate) signing_keys: Arc<dyn SigningKeys>,
    id_secret: Key,
    /// What of all publishes is on its way.
    pub(crate) on_the_way: OnTheWay,
    /// Keys of topics.
    pub(crate) keys: TopicKeys,
    /// Where messages for all others wait.
    pub(crate) outboxes: Outboxes,
    /// What was published to topics that keep it.
    pub(crate) archives: Archives,
    /// Replays that are not over.
    pub(crate) replays: Running,
    pub(crate) may_reach: MayReach,
    pub(crate) means: Means,
    pub(crate) status: Status,
    /// What accounts say of short messages, and the latest of them.
    pub(crate) messages: Messages,
    pub(crate) refusals: Refusals,
    pub(crate) throttle: Throttle,
    /// Applications of mobile push, and what was sent to them.
    pub(crate) push: Push,
    /// Customers' expressions, compiled.
    pub(crate) patterns: Patterns,
    chance: Chance,
}

/// What the service works with.
pub struct Options {
    /// The queues that subscriptions are for.
    pub mailboxes: Arc<dyn Mailboxes>,
    /// Keys of a filter policy: AWS's five, or up to [`filter::KEYS_MAX_LIFTED`].
    pub filter_keys_max: usize,
    /// Whether AWS's quotas hold that only tests want: numbers of filter policies, messages and calls a second.
    pub holds_awss_limits: bool,
    /// What signs envelopes.
    pub signing_keys: Arc<dyn SigningKeys>,
    /// Bytes by chance, which ids of subscriptions hang on: whoever knows one can end the subscription.
    pub id_secret: [u8; 32],
    /// Keys of KMS, for topics that have one.
    pub keys: Keys,
    /// Which addresses may be subscribed.
    pub may_reach: MayReach,
    /// Makes tokens.
    pub chance: Chance,
    /// What there is for receivers beside HTTP.
    pub means: Means,
    /// Short messages.
    pub sms: sms::Options,
    /// Where push services are.
    pub push: PushUrls,
    /// Topics with counts of their own.
    pub metered_topics_max: usize,
    /// Deliveries that are attempted at one time, up to [`crate::ATTEMPTS_MAX`]: each has a connection.
    pub attempts_max: usize,
    /// Takes the lines about deliveries that topics ask for.
    pub log: Option<Lines>,
}

impl Sns {
    /// What takes the records of topics out of the log.
    pub fn recovery() -> SnsRecovery {
        let deliveries = Recovery::new(outbox::FAMILY, Deliveries::default);
        let archives = Recovery::new(archive::FAMILY, Shard::unborn);
        let messages = Recovery::new(sms::FAMILY, sms::Account::default);
        let applications = Recovery::new(push::FAMILY, push::Page::default);
        SnsRecovery { topics: Recovery::new(FAMILY, Topic::default), deliveries, archives, messages, applications }
    }

    /// The service, with the topics that were replayed.
    pub fn new(store: Arc<Store>, recovery: SnsRecovery, options: Options) -> Self {
        let Options {
            mailboxes,
            filter_keys_max,
            holds_awss_limits,
            signing_keys,
            id_secret,
            keys,
            may_reach,
            chance,
            means,
            sms,
            push,
            metered_topics_max,
            attempts_max,
            log,
        } = options;
        let id_secret = Key::new(HMAC_SHA256, &id_secret);
        let filter_limits = filter::Limits { keys_max: filter_keys_max.min(filter::KEYS_MAX_LIFTED) };
        let outboxes = Outboxes::recovered(Arc::clone(&store), recovery.deliveries, attempts_max);
        let (archives, found) = Archives::recovered(Arc::clone(&store), recovery.archives);
        let messages = Messages::recovered(Arc::clone(&store), recovery.messages, sms);
        let push = Push::recovered(Arc::clone(&store), recovery.applications, push);
        let catalog = Catalog::recovered(store, recovery.topics);
        archives.settle(found, catalog.all().iter().filter_map(|entry| entry.look(archive_of)));
        let replays = Running::default();
        replays.resume(&catalog);
        outboxes.close_unless(|topic, id| {
            let of_topic = || {
                &*topic.name == sms::DIRECT || catalog.find(topic).is_some_and(|entry| is_whose(&outboxes, &entry, id))
            };
            AppKey::of_outbox(topic)
                .map_or_else(of_topic, |key| push.applications.find(&key).is_some_and(|app| app.id == id))
        });
        outboxes.restore_those(|topic, id| {
            catalog.find(topic).is_some_and(|entry| entry.look(|view| view.subscription(id).is_some()))
        });
        Self(Arc::new(Inner {
            catalog,
            mailboxes,
            filter_limits,
            holds_awss_limits,
            signing_keys,
            id_secret,
            on_the_way: OnTheWay::default(),
            keys: TopicKeys::new(keys),
            outboxes,
            archives,
            replays,
            may_reach,
            means,
            status: Status::new(metered_topics_max, log),
            messages,
            refusals: Refusals::default(),
            throttle: Throttle::new(holds_awss_limits),
            push,
            patterns: Patterns::default(),
            chance,
        }))
    }

    #[cfg(test)]
    pub(crate) fn inner(&self) -> Arc<Inner> {
        Arc::clone(&self.0)
    }

    #[cfg(test)]
    pub(crate) fn over(inner: Arc<Inner>) -> Self {
        Self(inner)
    }

    /// Delivers what waits for receivers that are no queues, and goes on with replays, for as long as it is polled.
    pub async fn run_deliveries(&self, hands: Hands) {
        let hands = Arc::new(hands);
        tokio::join!(outbox::run(Arc::clone(&self.0), Arc::clone(&hands)), replays::run(Arc::clone(&self.0), hands));
    }

    /// The latest short messages of an account in a region, in LocalStack's shape; of one number if that is said.
    pub fn sms_messages(&self, account: AccountId, region: &Region, number: Option<&str>) -> Value {
        self.0.messages.latest.show(&sms::Place { account, region: region.clone() }, number)
    }

    /// Forgets them.
    pub fn clear_sms_messages(&self, account: AccountId, region: &Region, number: Option<&str>) {
        self.0.messages.latest.clear(&sms::Place { account, region: region.clone() }, number);
    }

    /// A phone has answered: who says that they want nothing more gets nothing more, whichever account sends. Whether it is kept.
    pub async fn hear_phone(&self, number: &str, text: &str) -> bool {
        self.0.messages.hear(number, text).await
    }

    /// What was counted of deliveries, by topic, and of all topics without counts of their own.
    pub fn delivery_counts(&self) -> (Vec<(Arc<str>, DeliveryCounts)>, DeliveryCounts) {
        self.0.status.counts()
    }

    /// What there is of each protocol, by its name; and letters that wait or are set aside for subscriptions that nobody has looked at,
    /// because there are too many.
    pub fn protocol_counts(&self) -> (BTreeMap<&'static str, ProtocolCounts>, u64) {
        self.0.protocol_counts()
    }

    /// tidewire's own operations on the same topics.
    pub fn native(&self) -> Native {
        Native(Arc::clone(&self.0))
    }

    /// Letters that queues refused for good since the start, by reason.
    pub fn refused_letters(&self) -> Vec<(&'static str, u64)> {
        self.0.refusals.counts()
    }

    /// What was sent to endpoints of applications lately, by their ARNs, in LocalStack's shape; of one endpoint, or of all.
    pub fn push_messages(&self, account: &str, region: &str, endpoint: Option<&str>) -> Map<String, Value> {
        self.0.push.messages.shown(account, region, endpoint)
    }

    /// Forgets it.
    pub fn forget_push_messages(&self, account: &str, region: &str, endpoint: Option<&str>) {
        self.0.push.messages.forget(account, region, endpoint);
    }

    /// Lets go of subscriptions that nobody has confirmed in time, and of what is left of those that nobody wants back. Asked now and then.
    pub async fn tend(&self, now: Instant) {
        let over = |(topic, id): (TopicKey, SubscriptionId)| {
            let entry = self.0.catalog.find(&topic)?;
            let is_over = entry.look(|view| {
                let confirmation = Confirmation::of(&view.subscription(id)?.subscription.attributes)?;
                Some(confirmation.is_over(now))
            })?;
            is_over.then_some((entry, id))
        };
        let over: Vec<_> = self.0.outboxes.all().into_iter().filter_map(over).collect();
        for over in over.chunks(limits::EXPIRED_AT_ONCE) {
            // All are decided before the disk is waited for, so they share a block of the log.
            let ending = over.iter().map(|(entry, id)| -> Boxed<'_, _> {
                Box::pin(async move { entry.ask(Command::Unsubscribe(*id)).await.is_ok().then_some(*id) })
            });
            let ended = Together::new(ending.collect()).await;
            ended.into_iter().flatten().for_each(|id| self.0.close(id));
        }
        let endings = self.0.outboxes.endings().into_iter();
        endings.filter(|(.., ending)| ending.is_over(now)).for_each(|(_, id, _)| self.0.outboxes.close_ending(id));
    }

    /// Deletes every topic of every account, and tells how many, once that is durable.
    pub async fn delete_all(&self) -> Result<usize, Unavailable> {
        let entries = self.0.catalog.all();
        for entry in &entries {
            // One that is gone already was deleted by somebody else.
            let _ = self.0.delete(entry, true).await;
        }
        for (topic, id) in self.0.outboxes.all() {
            if &*topic.name == sms::DIRECT {
                self.0.close(id);
            }
        }
        self.0.messages.delete_all().await?;
        for entry in self.0.push.applications.all() {
            let _ = self.0.delete_application(&entry.key);
        }
        self.0.push.messages.forget_all();
        self.0.catalog.settled().await?;
        Ok(entries.len())
    }
}

/// Whether deliveries are of a subscription of this topic, or of what is left of one that was ended. What is left of one that is there
/// all the same is nobody's, since its end was never decided; nor is what an earlier topic of this name left.
fn is_whose(outboxes: &Outboxes, entry: &TopicEntry, id: SubscriptionId) -> bool {
    entry.look(|view| {
        let is_left = |ending: Ending| view.about.created_at <= ending.at && view.subscription(ending.of).is_none();
        view.subscription(id).is_some() || outboxes.ending(id).is_some_and(is_left)
    })
}

/// Where a topic's archive is, and for how long it keeps what it has.
fn archive_of(view: &View) -> Option<(Place, u64)> {
    let attributes = &view.about.attributes;
    let policy = attributes.get(archive::ARCHIVE_POLICY).map(|policy| archive::retention_millis(policy));
    // A policy that was kept and cannot be read any more keeps what there is.
    let retention_millis = policy.and_then(Result::ok).flatten().unwrap_or(u64::MAX);
    Some((Place::of(attributes)?, retention_millis))
}

impl Service for Sns {
    fn describe(&self) -> &'static Description {
        static DESCRIPTION: Description = Description {
            id: "sns",
            host_labels: &["sns"],
            shape: &api::SERVICE,
            path_member: None,
            body_bytes_max: limits::REQUEST_BYTES_MAX,
            denied: &api::errors::AUTHORIZATION_ERROR_EXCEPTION,
            unsigned: needs::UNSIGNED,
            crc32: false,
        };
        &DESCRIPTION
    }

    fn prepare(&self, operation: usize, input: &mut dyn Reader) -> Result<Box<dyn Prepared>, Unprepared> {
        let name = api::SERVICE.operations[operation].name;
        match ops::TABLE.iter().find(|(known, _)| *known == name) {
            Some((_, prepare)) => prepare(&self.0, input),
            None => {
                let message = format!("This version of tidewire does not implement the operation {name}.");
                Err(Unprepared::Refused(Refusal::unsupported(message).into()))
            }
        }
    }
}

impl Inner {
    /// An id that nobody guesses who knows other ids and requests: the `nth` of this request.
    pub(crate) fn secret_id(&self, caller: &Caller, nth: usize) -> u128 {
        let tag = hmac::sign(&self.id_secret, format!("{}/{nth}", caller.request_id.as_str()).as_bytes());
        let half: [u8; 16] = tag.as_ref()[..16].try_into().expect("a tag of SHA-256 has 32 bytes");
        as_uuid(u128::from_be_bytes(half))
    }

    /// Deletes a topic with its subscriptions, and what waits for them; its archive too, or one that has an archive is not deleted.
    pub(crate) async fn delete(&self, entry: &Arc<TopicEntry>, with_archive: bool) -> Result<(), Refusal> {
        let _turn = entry.turn.lock().await;
        let archive = entry.look(|view| Place::of(&view.about.attributes));
        let mut ids: Vec<_> = entry.look(|view| view.receivers.values().map(|one| one.subscription.id).collect());
        ids.extend(self.outboxes.endings_of(&entry.key));
        let _let_go = self.let_go(entry, ids);
        self.catalog.delete(entry, with_archive).await?;
        if let Some(Place { partition, .. }) = archive {
            self.archives.delete(partition);
        }
        self.status.forget_topic(&entry.arn);
        Ok(())
    }

    /// Lets go, when this is dropped, of what waits for those of these subscriptions that there are no more. Whoever asked for their end
    /// may go away before it is durable; it is decided all the same.
    pub(crate) fn let_go(&self, entry: &TopicEntry, ids: Vec<SubscriptionId>) -> LetGo<'_> {
        LetGo { service: self, topic: entry.key.clone(), ids }
    }

    /// Lets go of what waits for a subscription that is gone.
    pub(crate) fn close(&self, id: SubscriptionId) {
        self.outboxes.close(id);
        self.replays.forget(id);
        self.status.forget(id);
    }

    /// What a token is made of.
    pub(crate) fn secret(&self) -> [u8; SECRET_BYTES] {
        let mut secret = [0; SECRET_BYTES];
        (self.chance)(&mut secret);
        secret
    }

    /// The topic of a parameter that is the ARN of one, in the region that the request is signed for.
    pub(crate) async fn topic(&self, caller: &Caller, parameter: &str, arn: &str) -> Result<Arc<TopicEntry>, Refusal> {
        let key = TopicKey::parse(parameter, arn)?;
        match key.region == caller.region {
            true => self.catalog.get(&key).await,
            false => Err(Refusal::invalid(parameter)),
        }
    }
}

/// See [`Inner::let_go`].
pub(crate) struct LetGo<'a> {
    service: &'a Inner,
    topic: TopicKey,
    ids: Vec<SubscriptionId>,
}

impl Drop for LetGo<'_> {
    fn drop(&mut self) {
        let topic = self.service.catalog.find(&self.topic);
        let is_there = |id| topic.as_ref().is_some_and(|entry| is_whose(&self.service.outboxes, entry, id));
        self.ids.iter().filter(|id| !is_there(**id)).for_each(|id| self.service.close(*id));
    }
}

/// Reads an operation's input. The signature of the entries of `ops::TABLE`.
pub(crate) type Prepare = fn(&Arc<Inner>, &mut dyn Reader) -> Result<Box<dyn Prepared>, Unprepared>;

/// Reads the input of `O`.
pub(crate) fn prepare<O: Operation<Inner>>(
    service: &Arc<Inner>,
    reader: &mut dyn Reader,
) -> Result<Box<dyn Prepared>, Unprepared>
where
    O::Input: wire::Read,
{
    let input = wire::Read::read(reader).map_err(|invalid| match constraints::missing(&invalid) {
        Some(sentence) => Unprepared::Refused(Refusal::new(&api::errors::VALIDATION_ERROR, sentence).into()),
        None => Unprepared::Malformed(invalid),
    })?;
    Ok(gateway::prepared::<Inner, O>(service, input))
}

/// An id of 122 random bits that is this request's and no other's: the `nth` of it. Different numbers give different ids, since each
/// step can be undone.
pub(crate) fn id_of(caller: &Caller, nth: usize) -> u128 {
    const ODD: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
    let bits = u128::from_str_radix(&caller.request_id.as_str().replace('-', ""), 16).unwrap_or_default();
    as_uuid(bits.wrapping_add((nth as u128 + 1).wrapping_mul(ODD)).wrapping_mul(ODD))
}

/// With the marks of a UUID that is by chance.
fn as_uuid(bits: u128) -> u128 {
    bits & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62)
}

#[cfg(test)]
#[path = "service_tests.rs"]
mod tests;
