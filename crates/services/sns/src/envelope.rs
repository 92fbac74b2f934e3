//! Envelopes: what a subscription gets that is not raw, signed once for all who get the same body.
//!
//! ```text
//! {"Type":…,"MessageId":…,["SequenceNumber":…,]"TopicArn":…,["Subject":…,]"Message":…,"Timestamp":…,
//!  ["SignatureVersion":…,"Signature":…,"SigningCertURL":…,]"UnsubscribeURL":…[,"MessageAttributes":{…}]}
//! ```
//! What comes out of a topic's archive has `"Replayed":"true"` before `UnsubscribeURL`, which no signature covers either.
//! Only `UnsubscribeURL` is each subscription's own, and no signature covers it. Messages of FIFO topics have a sequence number and no
//! signature, as AWS was recorded. Source: SNS developer guide, "Parsing message formats"; LocalStack's recordings, for the order.

use crate::message::Message;
use crate::push::Platform;
use crate::refusal::Refusal;
use crate::signing::{SignatureVersion, SigningKey, signed_text};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What is said of a message beside its body.
pub(crate) struct Notification<'a> {
    pub(crate) id: &'a str,
    pub(crate) topic: &'a str,
    /// As it is shown.
    pub(crate) at: String,
    /// `scheme://host` of this server.
    pub(crate) base: String,
    /// What signs it; nothing for a FIFO topic.
    pub(crate) signer: Option<(&'a SigningKey, SignatureVersion)>,
    pub(crate) sequence: Option<&'a str>,
    /// Whether it comes out of the topic's archive.
    pub(crate) is_replayed: bool,
}

/// One body, before and behind what is each subscription's own: its ARN, at the end of `UnsubscribeURL`.
pub(crate) struct Envelope {
    before: String,
    behind: String,
}

/// The envelopes of a message, each made when the first receiver wants it.
pub(crate) struct Envelopes<'a> {
    message: &'a Message,
    notification: Notification<'a>,
    made: BTreeMap<(&'a str, bool), Envelope>,
}

impl<'a> Envelopes<'a> {
    pub(crate) fn new(message: &'a Message, notification: Notification<'a>) -> Self {
        Self { message, notification, made: BTreeMap::new() }
    }

    /// The envelope for a subscription of this ARN, whose body stands under a name.
    pub(crate) fn to(&mut self, name: &str, arn: &str) -> Result<String, Refusal> {
        let body = self.message.body_for(name);
        // A platform has to be told whether a body was written for it.
        let is_own = Platform::named(name).is_some() && self.message.is_written_for(name);
        if !self.made.contains_key(&(body, is_own)) {
            self.made.insert((body, is_own), Envelope::new(self.message, &self.notification, (body, is_own))?);
        }
        Ok(self.made[&(body, is_own)].to(arn))
    }
}

impl Envelope {
    fn new(message: &Message, notification: &Notification<'_>, (body, is_own): (&str, bool)) -> Result<Self, Refusal> {
        let Notification { id, topic, at, base, signer, sequence, is_replayed } = notification;
        let subject = message.subject();
        let mut members = vec![("Type", "Notification".to_owned()), ("MessageId", (*id).to_owned())];
        members.extend(sequence.map(|sequence| ("SequenceNumber", sequence.to_owned())));
        members.push(("TopicArn", (*topic).to_owned()));
        members.extend(subject.map(|subject| ("Subject", subject.to_owned())));
        members.extend([("Message", body.to_owned()), ("Timestamp", at.clone())]);
        members.extend(is_own.then(|| ("MessageStructure", "json".to_owned())));
        if let Some((key, version)) = signer {
            let mut signed = vec![("Message", body), ("MessageId", id)];
            signed.extend(subject.map(|subject| ("Subject", subject)));
            signed.extend([("Timestamp", at.as_str()), ("TopicArn", topic), ("Type", "Notification")]);
            members.extend(signature(key, *version, base, &signed)?);
        }
        members.extend(is_replayed.then(|| ("Replayed", "true".to_owned())));
        members.push(("UnsubscribeURL", unsubscribe_url(base, "")));
        let members: Map<String, Value> =
            members.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        let before = json(members);
        let attributes = message.shown_attributes();
        let behind = match attributes.is_empty() {
            true => "\"}".to_owned(),
            false => format!("\",\"MessageAttributes\":{}}}", json(attributes)),
        };
        // Up to the end of the address's text.
        Ok(Self { before: before[..before.len() - 2].to_owned(), behind })
    }

    /// For the subscription of an ARN, which is of characters that no text of JSON escapes.
    fn to(&self, subscription: &str) -> String {
        let Self { before, behind } = self;
        let mut text = String::with_capacity(before.len() + subscription.len() + behind.len());
        [before, subscription, behind].into_iter().for_each(|part| text.push_str(part));
        text
    }
}

/// The members that say who signed, and the signature of what is signed.
pub(crate) fn signature(
    key: &SigningKey,
    version: SignatureVersion,
    base: &str,
    signed: &[(&str, &str)],
) -> Result<[(&'static str, String); 3], Refusal> {
    let signature = key.sign(version, &signed_text(signed)).map_err(Refusal::unavailable)?;
    Ok([
        ("SignatureVersion", version.name().to_owned()),
        ("Signature", signature),
        ("SigningCertURL", format!("{base}/{}", key.certificate_file())),
    ])
}

/// Where a subscription is ended by whoever gets its messages.
pub(crate) fn unsubscribe_url(base: &str, subscription: &str) -> String {
    format!("{base}/?Action=Unsubscribe&SubscriptionArn={subscription}")
}

/// JSON that every queue takes: what XML forbids is escaped, too, where JSON does not ask for it.
fn json(members: Map<String, Value>) -> String {
    let text = Value::Object(members).to_string();
    match text.contains(['\u{fffe}', '\u{ffff}']) {
        true => Cow::from(text.replace('\u{fffe}', "\\ufffe").replace('\u{ffff}', "\\uffff")),
        false => Cow::from(text),
    }
    .into_owned()
}

#[cfg(test)]
#[path = "envelope_tests.rs"]
mod tests;
