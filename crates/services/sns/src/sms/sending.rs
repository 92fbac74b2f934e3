//! One message on its way: asked whether it may go, put into the gateway's form, handed over.
//!
//! What stands against it (an opt-out, the sandbox, its price) stands against it for good, in the words of AWS's delivery logs. The HTTP
//! gateway gets a POST of
//!
//! ```text
//! {"id": …, "to": "+15550100", "from": …|null, "message": …, "type": "Promotional"|"Transactional", "parts": n,
//!  "account": …, "region": …, "topicArn": …|null, "attributes": {"AWS.MM.SMS.EntityId": …, …}}
//! ```
//! where `id` is the same however often the message is tried. It takes the message with 2xx; 401, 403, 407, 408, 429 and 5xx say nothing of the
//! message, so it is tried again; any other status refuses it. Sources: Developer Guide, "Publishing SMS messages to a mobile phone using
//! Amazon SNS" (attributes), "Amazon SNS SMS delivery reports" (reasons).

use super::account::{Account, Command, Place};
use super::kept::Kept;
use super::limits::{PREFIX_LEN_MAX, TEXT_LEN_MAX};
use super::number::Number;
use super::settings::{Kind, Micros, Settings, is_sender, micros};
use crate::outbox::{Hands, Kind as LetterKind};
use crate::receivers::{Addressee, Notice};
use crate::service::Inner;
use crate::topic_key::SubscriptionId;
use access::Secret;
use delivery::{Answer, Endpoint, Failed, Parts, Post, Sms};
use names::{AccountId, Arn, Instant, Region};
use serde_json::{Map, Value, json};

/// What the operator says of short messages.
#[derive(Clone, Default)]
pub struct Options {
    /// Where they go.
    pub gateway: Gateway,
    /// Numbers that they are from, the first one where nobody says which.
    pub origination_numbers: Vec<String>,
    /// Whether only numbers that an account has verified get any.
    pub sandbox: bool,
    /// What a part costs, in millionths of a US dollar.
    pub part_micros: u64,
}

/// Where messages go.
#[derive(Clone, Default)]
pub enum Gateway {
    /// To nobody: the latest of them are shown.
    #[default]
    None,
    /// To a URL, with this `authorization`.
    Http(Endpoint, Option<Secret>),
    /// To a message center, which the transport knows.
    Smpp,
}

const SENDER: &str = "AWS.SNS.SMS.SenderID";
const TYPE: &str = "AWS.SNS.SMS.SMSType";
const MAX_PRICE: &str = "AWS.SNS.SMS.MaxPrice";
const ORIGINATION: &str = "AWS.MM.SMS.OriginationNumber";
const ENTITY: &str = "AWS.MM.SMS.EntityId";
const TEMPLATE: &str = "AWS.MM.SMS.TemplateId";

/// All attributes of messages that are about short messages.
pub(crate) const ATTRIBUTES: [&str; 6] = [SENDER, TYPE, MAX_PRICE, ORIGINATION, ENTITY, TEMPLATE];

/// What a message's attributes ask of its sending.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Wishes<'a> {
    sender: Option<&'a str>,
    origination: Option<&'a str>,
    kind: Option<Kind>,
    max_price: Option<Micros>,
    /// What a gateway is told and nothing here acts on.
    others: Vec<(&'static str, &'a str)>,
}

impl<'a> Wishes<'a> {
    /// Those of attributes as an envelope shows them, or which of them is wrong.
    pub(super) fn of(attributes: &'a Map<String, Value>) -> Result<Self, String> {
        let get = |name: &str| attributes.get(name)?.get("Value")?.as_str();
        let sender = get(SENDER);
        if sender.is_some_and(|sender| !is_sender(sender)) {
            return Err(format!("{SENDER} must have 1 to 11 letters and digits, and a letter among them"));
        }
        let kind = get(TYPE)
            .map(|kind| Kind::parse(kind).ok_or_else(|| format!("{TYPE} must be Promotional or Transactional")));
        let max_price =
            get(MAX_PRICE).map(|price| micros(price).ok_or_else(|| format!("{MAX_PRICE} must be an amount in USD")));
        let others = [ENTITY, TEMPLATE].into_iter().filter_map(|name| Some((name, get(name)?))).collect();
        Ok(Self {
            sender,
            origination: get(ORIGINATION),
            kind: kind.transpose()?,
            max_price: max_price.transpose()?,
            others,
        })
    }
}

/// A message that goes out.
struct Outgoing<'a> {
    place: Place,
    number: Number,
    text: String,
    from: Option<String>,
    kind: Kind,
    parts: usize,
    wishes: Wishes<'a>,
}

/// Whom a letter is for: the number of a publish, or of the subscription.
pub(crate) fn destination(members: &Map<String, Value>, endpoint: &str) -> String {
    members.get("PhoneNumber").and_then(Value::as_str).unwrap_or(endpoint).to_owned()
}

/// Brings a letter to a phone, once.
pub(crate) async fn deliver(
    inner: &Inner,
    hands: &Hands,
    to: &Addressee<'_>,
    notice: &Notice<'_>,
    now: Instant,
) -> Result<Answer, Failed> {
    debug_assert!(notice.kind == LetterKind::Notification, "a phone is asked nothing");
    let members = notice.members();
    let none = Map::new();
    let attributes = members.get("MessageAttributes").and_then(Value::as_object).unwrap_or(&none);
    let outgoing = outgoing(inner, to, &members, attributes)?;
    let cost = allowed(inner, &outgoing, now)?;
    // Subscribing notes it, too; subscriptions of earlier versions did not.
    let noted = inner.messages.accounts.noted_sending(&outgoing.place).await;
    noted.map_err(|why| Failed::Unreachable(why.to_string()))?;
    let id = SubscriptionId(notice.id()).show();
    let answer = match &inner.messages.options.gateway {
        Gateway::None => Answer { status: 200, body: "Message has been accepted".into() },
        Gateway::Http(endpoint, authorization) => {
            let post = post(&outgoing, to, &id, (endpoint, authorization.as_ref()));
            of_the_message(hands.transport.post(post).await?)?
        }
        Gateway::Smpp => hands.transport.sms(short_message(&outgoing, notice)).await?,
    };
    if !(200..300).contains(&answer.status) {
        return Ok(answer);
    }
    if cost > 0
        && let Err(refusal) = inner.messages.accounts.ask(&outgoing.place, Command::Spend(cost)).await
    {
        tracing::warn!(why = %refusal.message, "what a short message cost is not kept");
    }
    inner.messages.latest.keep(kept(outgoing, to, &members, id));
    Ok(answer)
}

/// What a log says of a short message beside what it says of all deliveries: its type, and its price if the operator names one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Facts {
    kind: Kind,
    price: Option<Micros>,
}

impl Facts {
    /// Those of a letter; none if it is no message that could go out.
    pub(crate) fn of(inner: &Inner, to: &Addressee<'_>, notice: &Notice<'_>) -> Option<Self> {
        let members = notice.members();
        let none = Map::new();
        let attributes = members.get("MessageAttributes").and_then(Value::as_object).unwrap_or(&none);
        let Outgoing { kind, parts, .. } = outgoing(inner, to, &members, attributes).ok()?;
        let part = inner.messages.options.part_micros;
        Some(Self { kind, price: (part > 0).then(|| part.saturating_mul(parts as u64)) })
    }

    /// Adds them to what a line says of a delivery. Which carrier and network the phone is in, and when it took the message, is known to
    /// nobody here, so nothing is said of that.
    pub(crate) fn tell(self, delivery: &mut Map<String, Value>) {
        delivery.insert("smsType".to_owned(), self.kind.name().into());
        if let Some(micros) = self.price {
            delivery.insert("priceInUSD".to_owned(), (micros as f64 / 1e6).into());
        }
    }
}

fn outgoing<'a>(
    inner: &Inner,
    to: &Addressee<'_>,
    members: &'a Map<String, Value>,
    attributes: &'a Map<String, Value>,
) -> Result<Outgoing<'a>, Failed> {
    let forbidden = |why: &str| Failed::Forbidden(why.to_owned());
    let arn = Arn::parse(to.topic).map_err(|_| forbidden("it is from nowhere"))?;
    let account = AccountId::parse(&arn.account).map_err(|_| forbidden("it is of nobody"))?;
    let region = Region::parse(&arn.region).map_err(|_| forbidden("it is from nowhere"))?;
    let place = Place { account, region };
    let number = Number::read(&destination(members, &to.subscription.endpoint));
    let number = number.ok_or_else(|| forbidden("Invalid phone number"))?;
    let wishes = Wishes::of(attributes).map_err(Failed::Forbidden)?;
    let said = members.get("Message").and_then(Value::as_str).unwrap_or_default();
    let text = prefixed(to.display_name, said);
    if text.chars().count() > TEXT_LEN_MAX {
        return Err(forbidden("Message body is invalid: it has more than 1,600 characters"));
    }
    let unavailable = |why: engine::Unavailable| Failed::Unreachable(why.to_string());
    let (sender, kind) = inner
        .messages
        .accounts
        .look(&place, |account| {
            let settings = Settings(&account.settings);
            (settings.sender().map(str::to_owned), settings.kind())
        })
        .map_err(unavailable)?;
    let numbers = &inner.messages.options.origination_numbers;
    let from = match (wishes.sender, wishes.origination) {
        (Some(sender), _) => Some(sender.to_owned()),
        (None, Some(ours)) if numbers.iter().any(|number| number == ours) => Some(ours.to_owned()),
        (None, Some(_)) => return Err(forbidden("The origination number is none of this account's")),
        (None, None) => sender.or_else(|| numbers.first().cloned()),
    };
    let (kind, parts) = (wishes.kind.unwrap_or(kind), Parts::count(&text));
    Ok(Outgoing { place, number, text, from, kind, parts, wishes })
}

/// A topic that has a display name stands before what it says.
fn prefixed(display_name: Option<&str>, text: &str) -> String {
    match display_name.filter(|name| !name.is_empty()) {
        None => text.to_owned(),
        Some(name) => format!("{}> {text}", name.chars().take(PREFIX_LEN_MAX).collect::<String>()),
    }
}

/// What it costs, or why it may not go.
fn allowed(inner: &Inner, outgoing: &Outgoing<'_>, now: Instant) -> Result<Micros, Failed> {
    let Options { sandbox, part_micros, .. } = inner.messages.options;
    let cost = part_micros.saturating_mul(outgoing.parts as u64);
    let judge = |account: &Account| {
        let is_verified = account.sandbox.get(&outgoing.number).is_some_and(|known| known.is_verified);
        // A one-time password is how a number gets verified.
        let is_asked = account.sandbox.get(&outgoing.number).is_some_and(|known| {
            !known.is_verified && !known.password.is_empty() && outgoing.text.contains(&*known.password)
        });
        if account.opted_out.contains_key(&outgoing.number) {
            Err("Phone number is opted out")
        } else if sandbox && !is_verified && !is_asked {
            Err("The phone number is not verified, and the account is in the SMS sandbox")
        } else if outgoing.wishes.max_price.is_some_and(|most| cost > most) {
            Err("This delivery would exceed max price")
        } else if Settings(&account.settings)
            .spend_limit()
            .is_some_and(|most| cost > 0 && account.spent(now).saturating_add(cost) > most)
        {
            Err("No quota left for account")
        } else {
            Ok(cost)
        }
    };
    let judged = inner.messages.accounts.look(&outgoing.place, judge);
    let judged = judged.map_err(|why| Failed::Unreachable(why.to_string()))?;
    judged.map_err(|why| Failed::Forbidden(why.to_owned()))
}

fn post(outgoing: &Outgoing<'_>, to: &Addressee<'_>, id: &str, gateway: (&Endpoint, Option<&Secret>)) -> Post {
    let (endpoint, authorization) = gateway;
    let is_topics = !to.subscription.endpoint.is_empty();
    let id = if is_topics { format!("{id}.{}", to.subscription.id.show()) } else { id.to_owned() };
    let body = json!({
        "id": id,
        "to": outgoing.number.as_str(),
        "from": outgoing.from,
        "message": outgoing.text,
        "type": outgoing.kind.name(),
        "parts": outgoing.parts,
        "account": outgoing.place.account.as_str(),
        "region": outgoing.place.region.as_str(),
        "topicArn": is_topics.then_some(to.topic),
        "attributes": outgoing.wishes.others.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect::<Map<_, _>>(),
    });
    let mut headers = vec![("content-type", "application/json".to_owned()), ("idempotency-key", id)];
    if let Some(text) = authorization.and_then(Secret::expose_text) {
        headers.push(("authorization", text.to_owned()));
    }
    Post { endpoint: endpoint.clone(), headers, body: body.to_string().into(), is_operators: true }
}

/// What a gateway answers about itself is no word on the message.
fn of_the_message(answer: Answer) -> Result<Answer, Failed> {
    match answer.status {
        401 | 403 | 407 | 408 => {
            Err(Failed::Unreachable(format!("the gateway answers {}: {}", answer.status, answer.body)))
        }
        _ => Ok(answer),
    }
}

fn short_message(outgoing: &Outgoing<'_>, notice: &Notice<'_>) -> Sms {
    Sms {
        to: outgoing.number.as_str().to_owned(),
        from: outgoing.from.clone(),
        text: outgoing.text.clone(),
        // The same for each attempt, so that a phone puts together what came of several.
        reference: (queue::spread(notice.id() as u64) & 0xff) as u8,
    }
}

fn kept(outgoing: Outgoing<'_>, to: &Addressee<'_>, members: &Map<String, Value>, id: String) -> Kept {
    let is_topics = !to.subscription.endpoint.is_empty();
    let attributes = members.get("MessageAttributes").cloned().unwrap_or_else(|| json!({}));
    Kept {
        place: outgoing.place,
        number: outgoing.number,
        topic: is_topics.then(|| to.topic.to_owned()),
        subscription: is_topics.then(|| to.subscription.id.arn(to.topic)),
        id,
        text: outgoing.text,
        attributes,
        subject: members.get("Subject").and_then(Value::as_str).map(str::to_owned),
    }
}

#[cfg(test)]
#[path = "sending_tests.rs"]
mod tests;
