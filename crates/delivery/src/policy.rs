//! Delivery policies of topics and subscriptions, and what both together amount to.
//!
//! A policy is read strictly and written in AWS's order of members, which is how AWS gives it back (yavosh/pail's recording
//! `sns-delivery-policy`). What holds for a subscription is, part by part, its own policy, else its topic's, else the default; a
//! topic may forbid its subscriptions a policy of their own. Source: AWS, "Amazon SNS message delivery retries", "SetTopicAttributes
//! delivery policy JSON format", "SetSubscriptionAttributes delivery policy JSON format".

use crate::limits::{DELAY_SECS_MAX, DELAY_SECS_MIN, POLICY_BYTES_MAX, RETRIES_MAX, TOTAL_SECS_MAX};
use crate::refused::Refused;
use crate::schedule::{Backoff, Retries};
use serde_json::{Map, Value, json};

/// The content type of notifications where no policy says another.
pub const CONTENT_TYPE: &str = "text/plain; charset=UTF-8";

/// Content types of envelopes.
const ENVELOPE_TYPES: &[&str] = &["application/json", "text/plain"];

/// Content types of raw messages.
const RAW_TYPES: &[&str] = &[
    "text/css",
    "text/csv",
    "text/html",
    "text/plain",
    "text/xml",
    "application/atom+xml",
    "application/json",
    "application/octet-stream",
    "application/soap+xml",
    "application/x-www-form-urlencoded",
    "application/xhtml+xml",
    "application/xml",
];

/// The policy of a topic.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TopicPolicy {
    /// Retries of subscriptions that have none of their own.
    pub retries: Option<Retries>,
    /// Whether subscriptions' own policies count for nothing.
    pub disable_subscription_overrides: bool,
    /// Deliveries a second to each subscription, on average.
    pub max_receives_per_second: Option<u32>,
    /// The content type of notifications.
    pub content_type: Option<String>,
}

/// The policy of a subscription.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SubscriptionPolicy {
    /// Its retries.
    pub retries: Option<Retries>,
    /// Retries to a receiver that is ill, a setting of AWS's past: kept and given back.
    pub sickly_retries: Option<Retries>,
    /// Deliveries a second, on average.
    pub max_receives_per_second: Option<u32>,
    /// The content type of notifications.
    pub content_type: Option<String>,
    /// A setting of AWS's past: kept and given back.
    pub is_guaranteed: bool,
}

/// What holds for a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectivePolicy {
    /// Its retries.
    pub retries: Retries,
    /// Deliveries a second, on average; without one there is no limit.
    pub max_receives_per_second: Option<u32>,
    /// The content type of notifications; nothing says another than [`CONTENT_TYPE`] by default.
    pub content_type: String,
    sickly_retries: Option<Retries>,
    is_guaranteed: bool,
}

impl TopicPolicy {
    /// Reads the attribute `DeliveryPolicy` of a topic; an empty text takes it away.
    pub fn parse(text: &str) -> Result<Option<Self>, Refused> {
        let Some(members) = document(text)? else { return Ok(None) };
        expect(&members, &["http"])?;
        let Some(http) = object(&members, "", "http")? else { return Ok(Some(Self::default())) };
        let names = [
            "defaultHealthyRetryPolicy",
            "disableSubscriptionOverrides",
            "defaultThrottlePolicy",
            "defaultRequestPolicy",
        ];
        expect(http, &names)?;
        let path = |name: &str| format!("http.{name}");
        Ok(Some(Self {
            retries: retries(http, "http.", names[0])?,
            disable_subscription_overrides: boolean(http, &path(names[1]), names[1])?,
            max_receives_per_second: throttle(http, "http.", names[2])?,
            content_type: content_type(http, "http.", names[3], ENVELOPE_TYPES)?,
        }))
    }

    /// The attribute as AWS gives it back.
    pub fn render(&self) -> String {
        let mut http = Map::new();
        http.extend(self.retries.as_ref().map(|retries| ("defaultHealthyRetryPolicy".into(), written(retries))));
        http.insert("disableSubscriptionOverrides".into(), self.disable_subscription_overrides.into());
        let throttle = self.max_receives_per_second.map(|rate| json!({ "maxReceivesPerSecond": rate }));
        http.extend(throttle.map(|throttle| ("defaultThrottlePolicy".into(), throttle)));
        let request = self.content_type.as_ref().map(|content_type| json!({ "headerContentType": content_type }));
        http.extend(request.map(|request| ("defaultRequestPolicy".into(), request)));
        json!({ "http": http }).to_string()
    }

    /// The attribute `EffectiveDeliveryPolicy` of a topic with this policy, or with none.
    pub fn effective(policy: Option<&Self>) -> Self {
        let policy = policy.cloned().unwrap_or_default();
        Self {
            retries: policy.retries.or(Some(Retries::HTTP)),
            content_type: policy.content_type.or_else(|| Some(CONTENT_TYPE.into())),
            ..policy
        }
    }
}

impl SubscriptionPolicy {
    /// Reads the attribute `DeliveryPolicy` of a subscription; an empty text takes it away. With raw delivery more content types
    /// are allowed.
    pub fn parse(text: &str, is_raw: bool) -> Result<Option<Self>, Refused> {
        let Some(members) = document(text)? else { return Ok(None) };
        let names = ["healthyRetryPolicy", "sicklyRetryPolicy", "throttlePolicy", "requestPolicy", "guaranteed"];
        expect(&members, &names)?;
        Ok(Some(Self {
            retries: retries(&members, "", names[0])?,
            sickly_retries: retries(&members, "", names[1])?,
            max_receives_per_second: throttle(&members, "", names[2])?,
            content_type: content_type(&members, "", names[3], if is_raw { RAW_TYPES } else { ENVELOPE_TYPES })?,
            is_guaranteed: boolean(&members, names[4], names[4])?,
        }))
    }

    /// The attribute as AWS gives it back: what is not there is null.
    pub fn render(&self) -> String {
        json!({
            "healthyRetryPolicy": self.retries.as_ref().map(written),
            "sicklyRetryPolicy": self.sickly_retries.as_ref().map(written),
            "throttlePolicy": self.max_receives_per_second.map(|rate| json!({ "maxReceivesPerSecond": rate })),
            "requestPolicy": self.content_type.as_ref().map(|content_type| json!({ "headerContentType": content_type })),
            "guaranteed": self.is_guaranteed,
        })
        .to_string()
    }
}

impl EffectivePolicy {
    /// What a subscription's policy and its topic's amount to.
    pub fn of(topic: Option<&TopicPolicy>, subscription: Option<&SubscriptionPolicy>) -> Self {
        let topic = TopicPolicy::effective(topic);
        let own = subscription.filter(|_| !topic.disable_subscription_overrides).cloned().unwrap_or_default();
        Self {
            retries: own.retries.or(topic.retries).unwrap_or(Retries::HTTP),
            max_receives_per_second: own.max_receives_per_second.or(topic.max_receives_per_second),
            content_type: own.content_type.or(topic.content_type).unwrap_or_else(|| CONTENT_TYPE.into()),
            sickly_retries: own.sickly_retries,
            is_guaranteed: own.is_guaranteed,
        }
    }

    /// The attribute `EffectiveDeliveryPolicy` of a subscription.
    pub fn render(&self) -> String {
        let whole = SubscriptionPolicy {
            retries: Some(self.retries),
            sickly_retries: self.sickly_retries,
            max_receives_per_second: self.max_receives_per_second,
            content_type: Some(self.content_type.clone()),
            is_guaranteed: self.is_guaranteed,
        };
        whole.render()
    }
}

/// A policy's outermost object; nothing where the text is empty.
fn document(text: &str) -> Result<Option<Map<String, Value>>, Refused> {
    if text.len() > POLICY_BYTES_MAX {
        return Err(Refused::TooLong);
    }
    if text.is_empty() {
        return Ok(None);
    }
    serde_json::from_str(text).map(Some).map_err(|_| Refused::Malformed)
}

fn expect(members: &Map<String, Value>, names: &[&str]) -> Result<(), Refused> {
    match members.keys().find(|name| !names.contains(&&***name)) {
        Some(name) => Err(Refused::Unexpected(name.clone())),
        None => Ok(()),
    }
}

/// A member that is an object; one that is null is not there.
fn object<'v>(
    members: &'v Map<String, Value>,
    around: &str,
    name: &str,
) -> Result<Option<&'v Map<String, Value>>, Refused> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(_) => Err(Refused::WrongKind(format!("{around}{name}"), "an object")),
    }
}

fn boolean(members: &Map<String, Value>, path: &str, name: &str) -> Result<bool, Refused> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(value)) => Ok(*value),
        Some(_) => Err(Refused::WrongKind(path.into(), "true or false")),
    }
}

/// A whole number of at least `least`.
fn whole(members: &Map<String, Value>, path: &str, name: &str, least: u32) -> Result<Option<u32>, Refused> {
    let path = || format!("{path}.{name}");
    let number = match members.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(number)) => number.as_i64().ok_or_else(|| Refused::WrongKind(path(), "an integer"))?,
        Some(_) => return Err(Refused::WrongKind(path(), "an integer")),
    };
    if number < i64::from(least) {
        return Err(Refused::Below(path(), least));
    }
    u32::try_from(number).map(Some).map_err(|_| Refused::Above(path(), i32::MAX as u32))
}

fn retries(members: &Map<String, Value>, around: &str, name: &str) -> Result<Option<Retries>, Refused> {
    let Some(policy) = object(members, around, name)? else { return Ok(None) };
    let path = format!("{around}{name}");
    let names = [
        "minDelayTarget",
        "maxDelayTarget",
        "numRetries",
        "numMaxDelayRetries",
        "numNoDelayRetries",
        "numMinDelayRetries",
        "backoffFunction",
    ];
    expect(policy, &names)?;
    let needed = |name: &str, least: u32, greatest: u32| {
        let number = whole(policy, &path, name, least)?.ok_or_else(|| Refused::Missing(format!("{path}.{name}")))?;
        if number > greatest { Err(Refused::Above(format!("{path}.{name}"), greatest)) } else { Ok(number) }
    };
    let count = |name: &str| whole(policy, &path, name, 0).map(Option::unwrap_or_default);
    let (least, greatest) =
        (needed(names[0], DELAY_SECS_MIN, DELAY_SECS_MAX)?, needed(names[1], DELAY_SECS_MIN, DELAY_SECS_MAX)?);
    let (all, max_delay, no_delay, min_delay) =
        (needed(names[2], 0, RETRIES_MAX)?, count(names[3])?, count(names[4])?, count(names[5])?);
    if least > greatest {
        return Err(Refused::DelaysReversed(path));
    }
    let planned = u64::from(max_delay) + u64::from(no_delay) + u64::from(min_delay);
    let Some(backoff) = u64::from(all).checked_sub(planned) else { return Err(Refused::PhasesExceedRetries(path)) };
    let retries = Retries {
        min_delay_secs: least,
        max_delay_secs: greatest,
        no_delay,
        min_delay,
        backoff: u32::try_from(backoff).expect("a part of a hundred retries"),
        max_delay,
        function: function(policy, &path)?,
    };
    if retries.total().as_secs_f64() > f64::from(TOTAL_SECS_MAX) {
        return Err(Refused::TotalTooLong(path));
    }
    Ok(Some(retries))
}

fn function(policy: &Map<String, Value>, path: &str) -> Result<Backoff, Refused> {
    let name = match policy.get("backoffFunction") {
        None | Some(Value::Null) => return Ok(Backoff::default()),
        Some(Value::String(name)) => name,
        Some(_) => return Err(Refused::UnknownBackoff(path.into())),
    };
    let known = Backoff::ALL.into_iter().find(|function| function.name() == name);
    known.ok_or_else(|| Refused::UnknownBackoff(path.into()))
}

fn throttle(members: &Map<String, Value>, around: &str, name: &str) -> Result<Option<u32>, Refused> {
    let Some(policy) = object(members, around, name)? else { return Ok(None) };
    expect(policy, &["maxReceivesPerSecond"])?;
    whole(policy, &format!("{around}{name}"), "maxReceivesPerSecond", 1)
}

fn content_type(
    members: &Map<String, Value>,
    around: &str,
    name: &str,
    supported: &[&str],
) -> Result<Option<String>, Refused> {
    let Some(policy) = object(members, around, name)? else { return Ok(None) };
    expect(policy, &["headerContentType"])?;
    let found = match policy.get("headerContentType") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(found)) => found,
        Some(_) => return Err(Refused::WrongKind(format!("{around}{name}.headerContentType"), "a string")),
    };
    let (kind, parameter) = found.split_once(';').map_or((&**found, None), |(kind, parameter)| (kind, Some(parameter)));
    let is_utf8 = parameter.is_none_or(|parameter| parameter.trim().eq_ignore_ascii_case("charset=utf-8"));
    if !is_utf8 || !supported.contains(&kind.trim()) {
        return Err(Refused::UnsupportedContentType(format!("{around}{name}"), found.clone()));
    }
    Ok(Some(found.clone()))
}

/// A retry policy in AWS's order.
fn written(retries: &Retries) -> Value {
    json!({
        "minDelayTarget": retries.min_delay_secs,
        "maxDelayTarget": retries.max_delay_secs,
        "numRetries": retries.count(),
        "numMaxDelayRetries": retries.max_delay,
        "numNoDelayRetries": retries.no_delay,
        "numMinDelayRetries": retries.min_delay,
        "backoffFunction": retries.function.name(),
    })
}
