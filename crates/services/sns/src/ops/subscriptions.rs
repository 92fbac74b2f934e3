//! Subscriptions: Subscribe, ListSubscriptions, ListSubscriptionsByTopic, and their attributes.

use crate::api::{
    self, GetSubscriptionAttributesInput, GetSubscriptionAttributesResponse, ListSubscriptionsByTopicInput,
    ListSubscriptionsByTopicResponse, ListSubscriptionsInput, ListSubscriptionsResponse,
    SetSubscriptionAttributesInput, SubscribeInput, SubscribeResponse,
};
use crate::attributes::{self, Wrong};
use crate::catalog::{self, Receiver, TopicEntry};
use crate::confirming::{Asked, Confirmation};
use crate::fifo;
use crate::filtering;
use crate::limits;
use crate::needs::Asking;
use crate::outbox::{Kind as OutboxKind, Whose};
use crate::page::Token;
use crate::policies::{self, Promised, Wanted};
use crate::push;
use crate::receivers;
use crate::refusal::Refusal;
use crate::replays::{REPLAY_POLICY, REPLAY_STATUS};
use crate::service::Inner;
use crate::sms;
use crate::throttle::Call;
use crate::topic::{Command, Pairs, Protocol, Reply, Subscription};
use crate::topic_key::{SubscriptionId, TopicKey};
use filter::Limits;
use gateway::{Caller, Fact, Need, NotPut, Operation};
use names::{AccountId, Arn, QueueName, Region};
use std::borrow::Cow;
use std::ops::Bound;
use std::sync::Arc;
use wire::Nothing;

/// Protocols of AWS's that are not delivered to yet.
pub(crate) const LATER: &[&str] = &["firehose"];

/// What stands in place of an ARN as long as a subscription is not confirmed: in an answer of Subscribe, and in listings.
const PENDING: &str = "pending confirmation";
const PENDING_LISTED: &str = "PendingConfirmation";

pub(crate) struct Subscribe;

impl Operation<Inner> for Subscribe {
    type Input = SubscribeInput;
    type Output = SubscribeResponse;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &SubscribeInput) -> Result<Vec<Need>, Refusal> {
        let needs = Asking { service, caller }.on("Subscribe", "TopicArn", &input.topic_arn)?;
        let with_facts = |need: Need| {
            let need = need.with("sns:protocol", Fact::Text(input.protocol.as_str().into()));
            need.with("sns:endpoint", Fact::Text(input.endpoint.as_deref().unwrap_or_default().into()))
        };
        Ok(needs.into_iter().map(with_facts).collect())
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: SubscribeInput) -> Result<SubscribeResponse, Refusal> {
        service.throttle.call((caller.account, &caller.region), Call::Subscribe, caller.now)?;
        // That it is not there is told before what is wrong with the rest.
        let entry = service.topic(&caller, "TopicArn", &input.topic_arn).await?;
        let protocol = protocol(&input.protocol)?;
        let endpoint = check_endpoint(&service, &entry.key, protocol, input.endpoint.as_deref().unwrap_or_default())?;
        let mut attributes = checked(&service, (&entry.key, protocol), input.attributes.unwrap_or_default())?;
        let principal = caller.identity.caller.lasting_arn();
        attributes.insert(attributes::SUBSCRIPTION_PRINCIPAL.into(), principal.into());
        // What is there already takes no room.
        let is_known = entry.has_receiver(protocol, &endpoint);
        let _promised = if is_known { None } else { promised(&service, &entry, caller.account, (None, &attributes))? };
        if protocol.is_confirmed() {
            Confirmation::asked(service.secret(), caller.now).keep(&mut attributes);
        }
        if protocol == Protocol::Sms {
            // Whoever answers STOP opts out of it, though it publishes to no number itself. Its record stands before the subscription's.
            let place = sms::Place { account: entry.key.account, region: entry.key.region.clone() };
            service.messages.accounts.note_sending(&place)?;
        }
        let subscription = Subscription {
            id: SubscriptionId(service.secret_id(&caller, 0)),
            owner: caller.account,
            protocol,
            endpoint: (*endpoint).into(),
            attributes,
            created_at: caller.now,
        };
        let subscription = subscribe(&service, &entry, subscription).await?;
        let pending = Confirmation::of(&subscription.attributes).filter(Confirmation::is_pending);
        if let Some(confirmation) = &pending {
            ask_receiver(&service, &caller, &entry, &subscription, confirmation).await?;
        }
        let arn = match pending {
            Some(_) if input.return_subscription_arn != Some(true) => PENDING.to_owned(),
            _ => subscription.id.arn(&entry.arn),
        };
        if !attributes::is_raw(&subscription.attributes) {
            // The first message will want it.
            drop(service.signing_keys.key());
        }
        Ok(SubscribeResponse { subscription_arn: Some(arn) })
    }
}

/// Subscribes, with a place for what is delivered from here: made before the subscription, and taken back if that does not come to be.
async fn subscribe(service: &Inner, entry: &TopicEntry, asked: Subscription) -> Result<Arc<Subscription>, Refusal> {
    let (id, has_outbox) = (asked.id, asked.protocol.has_outbox());
    let _let_go = has_outbox.then(|| service.let_go(entry, vec![id]));
    if has_outbox {
        service.outboxes.open(Whose { subscription: id, topic: entry.key.clone() })?;
    }
    match begin(service, entry, asked).await? {
        Reply::Subscribed(_, subscription) => Ok(subscription),
        _ => Err(Refusal::no_topic()),
    }
}

/// Decides a subscription, with the replay that it asks for; answered when it is durable.
async fn begin(service: &Inner, entry: &TopicEntry, asked: Subscription) -> Result<Reply, Refusal> {
    let Some(policy) = asked.attributes.get(REPLAY_POLICY) else {
        return entry.ask(Command::Subscribe(Box::new(asked), None)).await;
    };
    let pending = {
        // Nobody publishes to a FIFO topic meanwhile, and nobody takes its archive away.
        let _turn = entry.turn.lock().await;
        let of_receiver = entry.has_receiver(asked.protocol, &asked.endpoint);
        // One that there is already is answered as it is, or refused.
        let replay = match of_receiver {
            true => None,
            false => service.replay_asked(entry, true, policy).map_err(|why| wrong(&why).in_subscribe())?,
        };
        let whose = (None, asked.owner);
        let change = || entry.change(Command::Subscribe(Box::new(asked), replay));
        match replay {
            Some(_) => service.replays.begin(entry, whose, change)?,
            None => change()?,
        }
    };
    catalog::answer(pending).await
}

/// What is wrong with a policy of replays.
fn wrong(why: &str) -> Wrong {
    Wrong::Value(format!("{REPLAY_POLICY}: {why}"))
}

/// Begins a replay, in the place of the one before, or stops it.
async fn replay(service: &Inner, entry: &TopicEntry, receiver: &Receiver, policy: String) -> Result<(), Refusal> {
    let pending = {
        let _turn = entry.turn.lock().await;
        let replay = service.replay_asked(entry, false, &policy).map_err(|why| wrong(&why).in_set())?;
        let (id, owner) = (receiver.subscription.id, receiver.subscription.owner);
        let change = || entry.change(Command::Replay(id, policy.into(), replay));
        match replay {
            Some(_) => service.replays.begin(entry, (Some(id), owner), change)?,
            None => {
                let pending = change()?;
                // Its next step finds that it is over, and it counts no more.
                service.replays.wake(id);
                pending
            }
        }
    };
    catalog::answer(pending).await.map(drop)
}

/// Asks a subscription's receiver whether it wants it: the first letter in its queue.
async fn ask_receiver(
    service: &Inner,
    caller: &Caller,
    entry: &TopicEntry,
    subscription: &Subscription,
    confirmation: &Confirmation,
) -> Result<(), Refusal> {
    let (id, token) = (service.secret_id(caller, 1), confirmation.token(subscription.id));
    let base = caller.link_url().to_string();
    let key = service.signing_keys.key().await.map_err(Refusal::unavailable)?;
    let version = entry.look(|view| attributes::signature_version(&view.about.attributes));
    let asked =
        Asked { topic: &entry.arn, ended: None, id: SubscriptionId(id), token: &token, base: &base, at: caller.now };
    let envelope = asked.envelope(&key, version)?;
    let put = service.outboxes.put(subscription.id, id, OutboxKind::SubscriptionConfirmation, &envelope).await;
    put.map_err(|not_put| match not_put {
        NotPut::Refused(refused) | NotPut::Unavailable(refused) => Refusal::unavailable(refused.message),
    })
}

/// The endpoint as it is kept.
fn check_endpoint<'a>(
    service: &Inner,
    topic: &TopicKey,
    protocol: Protocol,
    endpoint: &'a str,
) -> Result<Cow<'a, str>, Refusal> {
    let is_fifo = fifo::is_fifo(&topic.name);
    if is_fifo && protocol != Protocol::Sqs {
        return Err(Refusal::invalid("Protocol Reason: FIFO topics take queues of SQS alone"));
    }
    if endpoint.len() > limits::ENDPOINT_LEN_MAX {
        return Err(Refusal::invalid("Endpoint"));
    }
    let checked = match protocol {
        Protocol::Sms => return sms::Number::of_endpoint(endpoint).map(|number| number.as_str().to_owned().into()),
        Protocol::Sqs => check_queue(endpoint, is_fifo),
        Protocol::Http | Protocol::Https => {
            receivers::check_url(protocol, endpoint, &service.may_reach).map(|()| endpoint)
        }
        Protocol::Email | Protocol::EmailJson => receivers::check_address(endpoint, service.means).map(|()| endpoint),
        Protocol::Lambda => receivers::check_function(endpoint, service.means).map(|()| endpoint),
        Protocol::Application => push::ops::check_subscribed(service, topic, endpoint).map(|()| endpoint),
    };
    checked.map(Cow::from)
}

/// What Subscribe was given, as it is kept.
fn checked(
    service: &Inner,
    (topic, protocol): (&TopicKey, Protocol),
    given: Vec<(String, String)>,
) -> Result<Pairs, Refusal> {
    let mut asked = Pairs::new();
    for (name, value) in given {
        attributes::check_of_subscription(topic, protocol, &name, &value).map_err(Wrong::in_subscribe)?;
        asked.insert(name.into(), value.into());
    }
    attributes::check_subscription(&asked, &service.filter_limits).map_err(Wrong::in_subscribe)?;
    let mut kept = Pairs::new();
    asked.into_iter().for_each(|(name, value)| attributes::set(&mut kept, name, value));
    Ok(kept)
}

/// Room for the filter policy that a subscription of an account has from then on, until it is there. `before` is what the one takes in
/// whose place it comes.
pub(super) fn promised<'a>(
    service: &'a Inner,
    entry: &TopicEntry,
    owner: AccountId,
    (before, after): (Option<usize>, &Pairs),
) -> Result<Option<Promised<'a>>, Refusal> {
    // What it may be was checked.
    let filter = filtering::compiled(after, &Limits::LIFTED).ok().flatten();
    let Some(bytes) = filtering::bytes(after, filter.as_ref()) else { return Ok(None) };
    let has_room = || entry.look(|view| view.filters.filtered() < limits::FILTER_POLICIES_MAX);
    if service.holds_awss_limits && before.is_none() && !has_room() {
        let most = limits::FILTER_POLICIES_MAX;
        return Err(policies::refused(format!("The topic has {most} filter policies, which is the limit")));
    }
    let wanted = Wanted { owner, region: &entry.key.region, bytes, replaced: before };
    service.catalog.owners.policies.promise(&wanted, service.holds_awss_limits).map(Some)
}

fn protocol(name: &str) -> Result<Protocol, Refusal> {
    if let Some(protocol) = Protocol::named(name) {
        return Ok(protocol);
    }
    match name {
        later if LATER.contains(&later) => {
            Err(Refusal::invalid(format!("Protocol Reason: this version of tidewire does not deliver to {later}")))
        }
        other => Err(Refusal::invalid(format!("Amazon SNS does not support this protocol string: {other}"))),
    }
}

fn check_queue(endpoint: &str, is_topic_fifo: bool) -> Result<&str, Refusal> {
    match Arn::parse(endpoint).ok().filter(is_queue) {
        None => Err(Refusal::invalid("SQS endpoint ARN")),
        Some(arn) if fifo::is_fifo(&arn.resource) && !is_topic_fifo => Err(Refusal::invalid(
            "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics",
        )),
        Some(_) => Ok(endpoint),
    }
}

/// Whether an ARN can be that of a queue.
fn is_queue(arn: &Arn) -> bool {
    arn.service == "sqs"
        && QueueName::parse(&arn.resource).is_ok()
        && AccountId::parse(&arn.account).is_ok()
        && Region::parse(&arn.region).is_ok_and(|region| region.arn_partition() == arn.partition)
}

/// The topic and the subscription of an ARN.
async fn find(
    service: &Inner,
    caller: &Caller,
    arn: &str,
) -> Result<(Arc<TopicEntry>, SubscriptionId, Arc<Receiver>), Refusal> {
    let (key, id) = SubscriptionId::parse("SubscriptionArn", arn)?;
    let entry = service.catalog.find(&key).filter(|_| key.region == caller.region);
    let found = entry.and_then(|entry| {
        let receiver = entry.look(|view| view.subscription(id).map(Arc::clone))?;
        Some((entry, id, receiver))
    });
    service.catalog.settled().await?;
    found.ok_or_else(Refusal::no_subscription)
}

pub(crate) struct GetSubscriptionAttributes;

impl Operation<Inner> for GetSubscriptionAttributes {
    type Input = GetSubscriptionAttributesInput;
    type Output = GetSubscriptionAttributesResponse;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &GetSubscriptionAttributesInput) -> Result<Vec<Need>, Refusal> {
        Asking { service, caller }.on_subscription("GetSubscriptionAttributes", &input.subscription_arn)
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: GetSubscriptionAttributesInput,
    ) -> Result<GetSubscriptionAttributesResponse, Refusal> {
        let (entry, _, receiver) = find(&service, &caller, &input.subscription_arn).await?;
        let mut attributes = entry.look(|view| attributes::of_subscription(&entry.arn, view, &receiver));
        let number = entry.look(|view| view.number_of(receiver.subscription.id));
        let replay = number.and_then(|number| entry.replay(number));
        attributes.extend(replay.map(|replay| (REPLAY_STATUS.to_owned(), replay.state.name().to_owned())));
        // How far a replay is shall not be told before a crash could take it back.
        service.catalog.settled().await?;
        Ok(GetSubscriptionAttributesResponse { attributes: Some(attributes) })
    }
}

pub(crate) struct SetSubscriptionAttributes;

impl Operation<Inner> for SetSubscriptionAttributes {
    type Input = SetSubscriptionAttributesInput;
    type Output = Nothing;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &SetSubscriptionAttributesInput) -> Result<Vec<Need>, Refusal> {
        Asking { service, caller }.on_subscription("SetSubscriptionAttributes", &input.subscription_arn)
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: SetSubscriptionAttributesInput,
    ) -> Result<Nothing, Refusal> {
        let (entry, id, receiver) = find(&service, &caller, &input.subscription_arn).await?;
        let (name, value) = (Box::<str>::from(input.attribute_name), input.attribute_value.unwrap_or_default());
        let protocol = receiver.subscription.protocol;
        attributes::check_of_subscription(&entry.key, protocol, &name, &value).map_err(Wrong::in_set)?;
        if *name == *REPLAY_POLICY {
            return replay(&service, &entry, &receiver, value).await.map(|()| Nothing);
        }
        let before = &receiver.subscription.attributes;
        let mut after = before.clone();
        after.insert(name.clone(), value.as_str().into());
        attributes::check_subscription(&after, &service.filter_limits).map_err(Wrong::in_set)?;
        attributes::set(&mut after, name.clone(), value.as_str().into());
        let owner = receiver.subscription.owner;
        let _promised = promised(&service, &entry, owner, (receiver.policy_bytes, &after))?;
        entry.ask(Command::SetOfSubscription(id, name, value.into())).await.map(|_| Nothing)
    }
}

/// Subscriptions of a topic behind a number, so many at the most; all, or an owner's.
fn piece(
    entry: &TopicEntry,
    after: Option<u64>,
    room: usize,
    owner: Option<AccountId>,
) -> Vec<(u64, api::Subscription)> {
    let from = after.map_or(Bound::Unbounded, Bound::Excluded);
    let is_wanted = |receiver: &Receiver| owner.is_none_or(|owner| receiver.subscription.owner == owner);
    let shown = |(number, receiver): (&u64, &Arc<Receiver>)| (*number, show(&entry.arn, receiver));
    entry.look(|view| {
        let behind = view.receivers.range((from, Bound::Unbounded));
        behind.filter(|(_, receiver)| is_wanted(receiver)).take(room).map(shown).collect()
    })
}

fn show(topic: &str, receiver: &Receiver) -> api::Subscription {
    let subscription = &receiver.subscription;
    let arn = if receiver.is_pending { PENDING_LISTED.to_owned() } else { subscription.id.arn(topic) };
    api::Subscription {
        subscription_arn: Some(arn),
        owner: Some(subscription.owner.to_string()),
        protocol: Some(subscription.protocol.name().to_owned()),
        endpoint: Some(receivers::shown(subscription)),
        topic_arn: Some(topic.to_owned()),
    }
}

/// The first of them, and where the others go on.
fn cut(mut found: Vec<(Token, api::Subscription)>) -> (Vec<api::Subscription>, Option<String>) {
    let more = found.len() > limits::LISTED;
    found.truncate(limits::LISTED);
    let next = found.last().filter(|_| more).map(|(token, _)| token.show());
    (found.into_iter().map(|(_, subscription)| subscription).collect(), next)
}

pub(crate) struct ListSubscriptionsByTopic;

impl Operation<Inner> for ListSubscriptionsByTopic {
    type Input = ListSubscriptionsByTopicInput;
    type Output = ListSubscriptionsByTopicResponse;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &ListSubscriptionsByTopicInput) -> Result<Vec<Need>, Refusal> {
        Asking { service, caller }.on("ListSubscriptionsByTopic", "TopicArn", &input.topic_arn)
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: ListSubscriptionsByTopicInput,
    ) -> Result<ListSubscriptionsByTopicResponse, Refusal> {
        let entry = service.topic(&caller, "TopicArn", &input.topic_arn).await?;
        let after = Token::parse(input.next_token.as_deref())?.map(|token| token.number);
        let topic = &entry.key.name;
        let token = |(number, shown)| (Token { topic: topic.clone(), number }, shown);
        let found = piece(&entry, after, limits::LISTED + 1, None).into_iter().map(token).collect();
        service.catalog.settled().await?;
        let (subscriptions, next_token) = cut(found);
        Ok(ListSubscriptionsByTopicResponse { subscriptions: Some(subscriptions), next_token })
    }
}

pub(crate) struct ListSubscriptions;

impl Operation<Inner> for ListSubscriptions {
    type Input = ListSubscriptionsInput;
    type Output = ListSubscriptionsResponse;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, _input: &ListSubscriptionsInput) -> Result<Vec<Need>, Refusal> {
        Ok(Asking { service, caller }.anything("ListSubscriptions"))
    }

    /// The caller's, of its own topics and of others', topic by topic: those of a token's topic behind its number, then the others'.
    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: ListSubscriptionsInput,
    ) -> Result<ListSubscriptionsResponse, Refusal> {
        let token = Token::parse(input.next_token.as_deref())?;
        let began = token.as_ref().and_then(|token| token.key(&caller.region).map(|key| (key, token.number)));
        let (owner, owners) = (caller.account, &service.catalog.owners);
        let mut from = began.as_ref().map_or(Bound::Unbounded, |(key, _)| Bound::Included(key.clone()));
        let mut found = Vec::new();
        while let Some(key) =
            owners.next(owner, &caller.region, from.as_ref()).filter(|_| found.len() <= limits::LISTED)
        {
            let after = began.as_ref().filter(|(begun, _)| *begun == key).map(|(_, number)| *number);
            if let Some(entry) = service.catalog.find(&key) {
                let token = |(number, shown)| (Token::of(&key, number), shown);
                found
                    .extend(piece(&entry, after, limits::LISTED + 1 - found.len(), Some(owner)).into_iter().map(token));
            }
            from = Bound::Excluded(key);
        }
        service.catalog.settled().await?;
        let (subscriptions, next_token) = cut(found);
        Ok(ListSubscriptionsResponse { subscriptions: Some(subscriptions), next_token })
    }
}
