//! Attributes of topics and subscriptions: which there are, what they may be, and what they come to.
//!
//! An attribute that nothing here acts on yet is refused by its name, rather than kept and not kept to.

use crate::api::errors;
use crate::archive::{self, ARCHIVE_POLICY};
use crate::catalog::{Receiver, TopicEntry, View, compile};
use crate::confirming::{self, Confirmation, State};
use crate::dead_letters::{self, REDRIVE_POLICY};
use crate::fifo;
use crate::filtering;
use crate::limits;
use crate::receivers;
use crate::refusal::Refusal;
use crate::replays::{Policy as ReplayPolicy, REPLAY_POLICY};
use crate::signing::SignatureVersion;
use crate::status;
use crate::topic::{About, Pairs, Protocol, Subscription};
use crate::topic_key::TopicKey;
use delivery::{SubscriptionPolicy, TopicPolicy};
use filter::{Limits, Scope};
use std::borrow::Cow;

pub(crate) const POLICY: &str = "Policy";
const DISPLAY_NAME: &str = "DisplayName";
const MAXIMUM_MESSAGE_SIZE: &str = "MaximumMessageSize";
const SIGNATURE_VERSION: &str = "SignatureVersion";
const KMS_KEY: &str = "KmsMasterKeyId";
const TRACING: &str = "TracingConfig";
const PASS_THROUGH: &str = "PassThrough";
const RAW_MESSAGE_DELIVERY: &str = "RawMessageDelivery";
pub(crate) const SUBSCRIPTION_PRINCIPAL: &str = "SubscriptionPrincipal";
pub(crate) const FILTER_POLICY: &str = "FilterPolicy";
pub(crate) const FILTER_POLICY_SCOPE: &str = "FilterPolicyScope";
const DELIVERY_POLICY: &str = "DeliveryPolicy";
const EFFECTIVE_DELIVERY_POLICY: &str = "EffectiveDeliveryPolicy";
/// tidewire's own: a key, and the receiver finds the HMAC of each body beside it. It is never shown.
const HMAC_KEY: &str = "TidewireHmacKey";

/// Attributes of AWS's subscriptions that this version does not act on.
pub(crate) const SUBSCRIPTION_LATER: &[&str] = &["SubscriptionRoleArn"];

/// What is wrong with a subscription's attribute; AWS says it with other words before it in Subscribe and in
/// SetSubscriptionAttributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// There is no such attribute, or nothing here acts on it yet.
    Name(String),
    /// Its value, in a sentence that begins with its name where AWS's does.
    Value(String),
}

impl Wrong {
    /// As Subscribe says it.
    pub(crate) fn in_subscribe(self) -> Refusal {
        match self {
            Self::Name(why) => Refusal::invalid(why),
            Self::Value(why) => Refusal::invalid(format!("Attributes Reason: {why}")),
        }
    }

    /// As SetSubscriptionAttributes says it.
    pub(crate) fn in_set(self) -> Refusal {
        let (Self::Name(why) | Self::Value(why)) = self;
        Refusal::invalid(why)
    }
}

/// Makes what CreateTopic was given the attributes of a new topic.
pub(crate) fn begun(mut about: About) -> About {
    about.attributes.retain(|_, value| !value.is_empty());
    fifo::complete(&mut about.attributes);
    about
}

/// Whether a topic has an attribute as CreateTopic is given it: as its own, or, where it has none of its own, as what holds without one.
/// How a document is spaced makes no difference.
pub(crate) fn is_of(about: &About, name: &str, given: &str) -> bool {
    let holds = match (about.attributes.get(name), name) {
        (Some(own), _) => Cow::from(&**own),
        (None, POLICY) => policy(about),
        (None, MAXIMUM_MESSAGE_SIZE) => Cow::from(limits::MESSAGE_BYTES_DEFAULT.to_string()),
        (None, SIGNATURE_VERSION) => Cow::from(SignatureVersion::default().name()),
        (None, TRACING) => Cow::from(PASS_THROUGH),
        (None, name) if fifo::is_attribute(name) => Cow::from(fifo::default_of(name)),
        (None, _) => Cow::from(""),
    };
    let document =
        |text: &str| serde_json::from_str::<serde_json::Value>(text).ok().filter(serde_json::Value::is_object);
    holds == given || document(&holds).is_some_and(|held| document(given) == Some(held))
}

/// Checks a topic's attribute, however it comes.
pub(crate) fn check_of_topic(name: &str, value: &str) -> Result<(), Refusal> {
    let wrong = |why: &str| Err(Refusal::invalid(format!("{name} Reason: {why}")));
    match name {
        // Without a value it goes back to what it was.
        POLICY | DISPLAY_NAME | MAXIMUM_MESSAGE_SIZE | SIGNATURE_VERSION | KMS_KEY | TRACING | DELIVERY_POLICY
            if value.is_empty() =>
        {
            Ok(())
        }
        // Whether there is such a key is asked when it is used, as AWS does.
        KMS_KEY if is_key_name(value) => Ok(()),
        KMS_KEY => wrong("it names no key"),
        // Trace headers pass through to queues in any case. Segments of its own a topic has none here.
        TRACING if value == PASS_THROUGH => Ok(()),
        TRACING if value == "Active" => wrong("this version of tidewire sends no segments to X-Ray"),
        TRACING => wrong("it must be PassThrough or Active"),
        SIGNATURE_VERSION if SignatureVersion::parse(value).is_some() => Ok(()),
        SIGNATURE_VERSION => wrong("it must be 1 or 2"),
        DELIVERY_POLICY => match TopicPolicy::parse(value) {
            Ok(_) => Ok(()),
            Err(refused) => Err(Refusal::invalid(format!("DeliveryPolicy: {refused}"))),
        },
        ARCHIVE_POLICY => archive::retention_millis(value).map(drop),
        POLICY => check_policy(value),
        DISPLAY_NAME if value.chars().count() > limits::DISPLAY_NAME_LEN_MAX => wrong("it is too long"),
        DISPLAY_NAME => Ok(()),
        MAXIMUM_MESSAGE_SIZE => match message_bytes(value) {
            Some(_) => Ok(()),
            None => wrong(&format!("Must be between {} and {}", limits::MESSAGE_BYTES_MIN, limits::MESSAGE_BYTES_MAX)),
        },
        _ if fifo::is_attribute(name) => fifo::check_attribute(name, value),
        _ => status::check(name, value).unwrap_or_else(|| Err(Refusal::invalid(unknown(name, &[])))),
    }
}

/// Checks an attribute of a subscription of a topic by itself. What attributes ask of each other [`check_subscription`] looks at.
pub(crate) fn check_of_subscription(
    topic: &TopicKey,
    protocol: Protocol,
    name: &str,
    value: &str,
) -> Result<(), Wrong> {
    let wrong = |why: String| Err(Wrong::Value(format!("{name}: {why}")));
    match name {
        DELIVERY_POLICY | REDRIVE_POLICY | HMAC_KEY if value.is_empty() => Ok(()),
        // With the content types of raw messages: which it gets may change.
        DELIVERY_POLICY => {
            SubscriptionPolicy::parse(value, true).map(drop).or_else(|refused| wrong(refused.to_string()))
        }
        REDRIVE_POLICY => dead_letters::check(value, topic).or_else(wrong),
        HMAC_KEY if (limits::HMAC_KEY_LEN_MIN..=limits::HMAC_KEY_LEN_MAX).contains(&value.len()) => Ok(()),
        HMAC_KEY => wrong(format!("it has {} to {} bytes", limits::HMAC_KEY_LEN_MIN, limits::HMAC_KEY_LEN_MAX)),
        // Whatever it says: AWS refuses `false`, too.
        RAW_MESSAGE_DELIVERY if !protocol.may_be_raw() => {
            let protocol = protocol.name();
            Err(Wrong::Value(format!("Delivery protocol [{protocol}] does not support raw message delivery.")))
        }
        RAW_MESSAGE_DELIVERY if matches!(value, "true" | "false" | "True" | "False") => Ok(()),
        RAW_MESSAGE_DELIVERY => {
            Err(Wrong::Value(format!("RawMessageDelivery: Invalid value [{value}]. Must be true or false.")))
        }
        FILTER_POLICY_SCOPE => match Scope::parse(value) {
            Ok(_) => Ok(()),
            Err(refused) => Err(Wrong::Value(refused.message())),
        },
        // Together with its scope.
        FILTER_POLICY => Ok(()),
        REPLAY_POLICY => ReplayPolicy::parse(value).map(drop).or_else(wrong),
        _ => Err(Wrong::Name(unknown(name, SUBSCRIPTION_LATER))),
    }
}

/// Checks the attributes that a subscription would have, as far as they are checked together.
pub(crate) fn check_subscription(attributes: &Pairs, limits: &Limits) -> Result<(), Wrong> {
    filtering::compiled(attributes, limits).map(drop).map_err(|refused| Wrong::Value(refused.message()))
}

/// Whether an attribute is the server's own, which nobody asks for and nobody is shown.
pub(crate) fn is_hidden(name: &str) -> bool {
    name.starts_with('.')
}

/// Sets an attribute. An empty value takes it away, and so does a policy of filters or replays without a key.
pub(crate) fn set(attributes: &mut Pairs, name: Box<str>, value: Box<str>) {
    let asks_for_nothing = match &*name {
        FILTER_POLICY => filtering::is_empty(&value),
        REPLAY_POLICY => ReplayPolicy::parse(&value) == Ok(None),
        _ => value.is_empty(),
    };
    match asks_for_nothing || value.is_empty() {
        true => _ = attributes.remove(&name),
        false => _ = attributes.insert(name, value),
    }
}

fn unknown(name: &str, later: &[&str]) -> String {
    match later.contains(&name) {
        true => format!("AttributeName Reason: this version of tidewire does not act on {name}"),
        false => "AttributeName".to_owned(),
    }
}

pub(crate) fn check_policy(text: &str) -> Result<(), Refusal> {
    let statements = compile(text).map(|policy| policy.statements().len());
    match statements.is_some_and(|count| count <= limits::POLICY_STATEMENTS_MAX)
        && text.len() <= limits::POLICY_BYTES_MAX
    {
        true => Ok(()),
        false => Err(Refusal::new(&errors::INVALID_PARAMETER_EXCEPTION, "Invalid parameter: Policy Error: null")),
    }
}

fn message_bytes(value: &str) -> Option<usize> {
    let bytes = value.parse().ok()?;
    (limits::MESSAGE_BYTES_MIN..=limits::MESSAGE_BYTES_MAX).contains(&bytes).then_some(bytes)
}

/// Bytes that a message of this topic may have.
pub(crate) fn message_bytes_max(topic: &Pairs) -> usize {
    topic.get(MAXIMUM_MESSAGE_SIZE).and_then(|value| message_bytes(value)).unwrap_or(limits::MESSAGE_BYTES_DEFAULT)
}

fn is_key_name(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b":/_-".contains(&byte);
    text.len() <= limits::KMS_KEY_LEN_MAX && text.bytes().all(legal)
}

/// The key of a topic, as its owner names it.
pub(crate) fn kms_key(topic: &Pairs) -> Option<&str> {
    topic.get(KMS_KEY).map(|key| &**key)
}

/// How messages of this topic are signed.
pub(crate) fn signature_version(topic: &Pairs) -> SignatureVersion {
    topic.get(SIGNATURE_VERSION).and_then(|text| SignatureVersion::parse(text)).unwrap_or_default()
}

/// Whether a subscription gets messages without an envelope.
pub(crate) fn is_raw(subscription: &Pairs) -> bool {
    subscription.get(RAW_MESSAGE_DELIVERY).is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// The delivery policy of a topic, if it has one; read when the topic is seen anew.
pub(crate) fn delivery_policy_of_topic(topic: &Pairs) -> Option<TopicPolicy> {
    TopicPolicy::parse(topic.get(DELIVERY_POLICY)?).ok().flatten()
}

/// The same of a subscription.
pub(crate) fn delivery_policy(subscription: &Pairs) -> Option<SubscriptionPolicy> {
    SubscriptionPolicy::parse(subscription.get(DELIVERY_POLICY)?, true).ok().flatten()
}

/// The name that a topic's mail is from.
pub(crate) fn display_name(topic: &Pairs) -> Option<&str> {
    topic.get(DISPLAY_NAME).map(|name| &**name)
}

/// The key of the HMAC that a subscription's receiver gets beside each body.
pub(crate) fn hmac_key(subscription: &Pairs) -> Option<&str> {
    subscription.get(HMAC_KEY).map(|key| &**key)
}

/// Whether a subscription that is asked for again has what is asked for; what is not named counts as it is, and what was never set
/// as its default.
pub(crate) fn are_of(asked: &Pairs, known: &Pairs) -> bool {
    asked.iter().all(|(name, value)| match &**name {
        RAW_MESSAGE_DELIVERY => is_raw(asked) == is_raw(known),
        FILTER_POLICY_SCOPE => filtering::scope(asked) == filtering::scope(known),
        // Whoever asks again: it stays who asked first.
        SUBSCRIPTION_PRINCIPAL => true,
        name if confirming::is_ours(name) => true,
        name => known.get(name) == Some(value),
    })
}

/// What GetTopicAttributes shows.
pub(crate) fn of_topic(entry: &TopicEntry, view: &View) -> Vec<(String, String)> {
    let pending = view.receivers.values().filter(|receiver| receiver.is_pending).count();
    let mut shown = vec![
        ("TopicArn".to_owned(), entry.arn.to_string()),
        ("Owner".to_owned(), entry.key.account.to_string()),
        (DISPLAY_NAME.to_owned(), String::new()),
        (POLICY.to_owned(), default_policy(&entry.key)),
        ("SubscriptionsConfirmed".to_owned(), (view.receivers.len() - pending).to_string()),
        ("SubscriptionsPending".to_owned(), pending.to_string()),
        ("SubscriptionsDeleted".to_owned(), "0".to_owned()),
        (EFFECTIVE_DELIVERY_POLICY.to_owned(), TopicPolicy::effective(view.delivery_policy.as_ref()).render()),
    ];
    for (name, value) in view.about.attributes.iter().filter(|(name, _)| !is_hidden(name)) {
        match shown.iter_mut().find(|(known, _)| **known == **name) {
            Some((_, known)) => *known = value.to_string(),
            None => shown.push((name.to_string(), value.to_string())),
        }
    }
    shown
}

/// The policy that holds for a topic, whether it was given one or not.
pub(crate) fn policy(about: &About) -> Cow<'_, str> {
    match about.attributes.get(POLICY) {
        Some(given) => Cow::from(&**given),
        None => Cow::from(default_policy(&about.key)),
    }
}

/// The policy of a topic that was given none: whoever acts for its own account may do everything with it ("Amazon SNS default policy").
/// Users of the account are let by their own policies: `aws:SourceOwner` says for whom a service acts.
pub(crate) fn default_policy(key: &TopicKey) -> String {
    format!(
        r#"{{"Version":"2008-10-17","Id":"__default_policy_ID","Statement":[{{"Sid":"__default_statement_ID","Effect":"Allow","Principal":{{"AWS":"*"}},"Action":["SNS:GetTopicAttributes","SNS:SetTopicAttributes","SNS:AddPermission","SNS:RemovePermission","SNS:DeleteTopic","SNS:Subscribe","SNS:ListSubscriptionsByTopic","SNS:Publish"],"Resource":"{}","Condition":{{"StringEquals":{{"AWS:SourceOwner":"{}"}}}}}}]}}"#,
        key.arn(),
        key.account
    )
}

/// What GetSubscriptionAttributes shows.
pub(crate) fn of_subscription(topic: &str, view: &View, receiver: &Receiver) -> Vec<(String, String)> {
    let subscription = &*receiver.subscription;
    let Subscription { attributes, protocol, .. } = subscription;
    let said = |is: bool| if is { "true" } else { "false" }.to_owned();
    let state = Confirmation::of(attributes).map_or(State::Authenticated, |known| known.state);
    let mut shown = vec![
        ("SubscriptionArn", subscription.id.arn(topic)),
        ("TopicArn", topic.to_owned()),
        ("Owner", subscription.owner.to_string()),
        ("Protocol", subscription.protocol.name().to_owned()),
        ("Endpoint", receivers::shown(subscription)),
        ("PendingConfirmation", said(state == State::Pending)),
        ("ConfirmationWasAuthenticated", said(matches!(state, State::Authenticated | State::Guarded))),
        (RAW_MESSAGE_DELIVERY, said(is_raw(attributes))),
    ];
    let kept = [DELIVERY_POLICY, REDRIVE_POLICY, REPLAY_POLICY];
    shown.extend(kept.into_iter().filter_map(|name| Some((name, attributes.get(name)?.to_string()))));
    if protocol.is_over_http() {
        shown.push((EFFECTIVE_DELIVERY_POLICY, view.effective_policy(receiver).render()));
    }
    // Kept from the first time it was asked for; older subscriptions do not know.
    if let Some(principal) = subscription.attributes.get(SUBSCRIPTION_PRINCIPAL) {
        shown.push((SUBSCRIPTION_PRINCIPAL, principal.to_string()));
    }
    // A scope without a policy is kept for the policy that may come, and not shown.
    if let Some(policy) = subscription.attributes.get(FILTER_POLICY) {
        shown.push((FILTER_POLICY, policy.to_string()));
        shown.push((FILTER_POLICY_SCOPE, filtering::scope(&subscription.attributes).name().to_owned()));
    }
    shown.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
