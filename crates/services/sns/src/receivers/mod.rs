//! What each receiver that is no queue gets: an envelope's way into a request of its protocol, and what an endpoint of it may be.

mod function;
mod http;
mod mail;

pub use function::Functions;

use crate::outbox::{Hands, Kind};
use crate::push;
use crate::refusal::Refusal;
use crate::service::Inner;
use crate::sms;
use crate::topic::{Protocol, Subscription};
use bytes::Bytes;
use delivery::{Answer, EffectivePolicy, Endpoint, Failed, Mailbox, MayReach};
use names::{AccountId, Arn, Instant, Region};
use queue::Message;
use serde_json::{Map, Value};

/// A letter that is to be delivered.
#[derive(Clone, Copy)]
pub(crate) struct Notice<'a> {
    pub(crate) kind: Kind,
    pub(crate) message: &'a Message,
}

/// Whom a letter is for.
pub(crate) struct Addressee<'a> {
    pub(crate) topic: &'a str,
    pub(crate) subscription: &'a Subscription,
    pub(crate) policy: &'a EffectivePolicy,
    pub(crate) is_raw: bool,
    /// The topic's, which mail is from.
    pub(crate) display_name: Option<&'a str>,
}

impl Notice<'_> {
    /// The envelope as it is.
    pub(crate) fn envelope(&self) -> Bytes {
        Bytes::copy_from_slice(self.message.body())
    }

    /// The members of the envelope.
    pub(crate) fn members(&self) -> Map<String, Value> {
        serde_json::from_slice(self.message.body()).unwrap_or_default()
    }

    /// The message's id.
    pub(crate) fn id(&self) -> u128 {
        u128::from_be_bytes(self.message.id.0)
    }
}

/// Brings a letter to its receiver, once.
pub(crate) async fn deliver(
    inner: &Inner,
    hands: &Hands,
    to: Addressee<'_>,
    notice: Notice<'_>,
    now: Instant,
) -> Result<Answer, Failed> {
    match to.subscription.protocol {
        Protocol::Http | Protocol::Https => hands.transport.post(http::post(&to, &notice)?).await,
        Protocol::Email | Protocol::EmailJson => hands.transport.mail(mail::written(&to, &notice)?).await,
        Protocol::Lambda => match &hands.functions {
            Some(functions) => hands.transport.post(function::post(functions, &to, &notice, now)?).await,
            None => {
                Err(Failed::Unreachable("the server is given no endpoint of functions (sns.functions_endpoint)".into()))
            }
        },
        Protocol::Sms => sms::deliver(inner, hands, &to, &notice, now).await,
        Protocol::Application => push::deliver(inner, hands, &to.subscription.endpoint, &notice, now).await,
        Protocol::Sqs => Err(Failed::Forbidden("what is for a queue waits in that queue alone".into())),
    }
}

/// Checks the endpoint of a protocol over HTTP.
pub(crate) fn check_url(protocol: Protocol, endpoint: &str, may_reach: &MayReach) -> Result<(), Refusal> {
    let mismatch = || Refusal::invalid("Endpoint must match the specified protocol");
    let scheme = format!("{}://", protocol.name());
    if !endpoint.to_ascii_lowercase().starts_with(&scheme) {
        return Err(mismatch());
    }
    let parsed = Endpoint::parse(endpoint).map_err(|_| Refusal::invalid("HTTP(S) endpoint"))?;
    // Names are looked up when something is sent: what they mean today says nothing of tomorrow.
    match parsed.address() {
        Some(address) if !may_reach(address) => Err(Refusal::invalid("Unreachable Endpoint")),
        _ => Ok(()),
    }
}

/// What a server has for receivers beside HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Means {
    /// A mail server.
    pub mail: bool,
    /// An endpoint of functions.
    pub functions: bool,
}

/// Checks an address of mail.
pub(crate) fn check_address(endpoint: &str, means: Means) -> Result<(), Refusal> {
    match (Mailbox::parse(endpoint), means.mail) {
        (None, _) => Err(Refusal::invalid("Email address")),
        (Some(_), false) => Err(Refusal::invalid("Protocol Reason: this server is given no mail server (sns.smtp)")),
        (Some(_), true) => Ok(()),
    }
}

/// Checks the ARN of a function, with or without a version or alias.
pub(crate) fn check_function(endpoint: &str, means: Means) -> Result<(), Refusal> {
    let is_function = |arn: &Arn| {
        let name = arn.resource.strip_prefix("function:");
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_:$".contains(&byte);
        arn.service == "lambda"
            && AccountId::parse(&arn.account).is_ok()
            && Region::parse(&arn.region).is_ok()
            && name.is_some_and(|name| !name.is_empty() && name.bytes().all(is_name))
    };
    match (Arn::parse(endpoint).ok().filter(is_function), means.functions) {
        (None, _) => Err(Refusal::invalid("Lambda endpoint ARN")),
        (Some(_), false) => Err(Refusal::invalid(
            "Protocol Reason: this server is given no endpoint of functions (sns.functions_endpoint)",
        )),
        (Some(_), true) => Ok(()),
    }
}

/// Where a letter goes, as everybody may see it.
pub(crate) fn shown_of(subscription: &Subscription, notice: &Notice<'_>) -> String {
    match subscription.protocol {
        Protocol::Sms => sms::destination(&notice.members(), &subscription.endpoint),
        Protocol::Application => push::target(&notice.members(), &subscription.endpoint).to_owned(),
        _ => shown(subscription),
    }
}

/// An endpoint as everybody may see it.
pub(crate) fn shown(subscription: &Subscription) -> String {
    match subscription.protocol {
        Protocol::Http | Protocol::Https => {
            Endpoint::parse(&subscription.endpoint).map_or_else(|_| String::new(), |endpoint| endpoint.shown())
        }
        _ => subscription.endpoint.to_string(),
    }
}
