//! Subscriptions that their receivers have to confirm: a token that only the receiver is told, and how long it counts.
//!
//! A subscription's attributes keep it under a name that no attribute of AWS has, and that nobody is shown:
//!
//! ```text
//! .Confirmation    pending │ confirmed │ authenticated │ guarded, a space, the token's secret, a space, milliseconds since the epoch
//! ```
//! `pending` waits for it; `confirmed` has it, of somebody who signed nothing; `authenticated` of somebody who signed; `guarded` too,
//! and whoever unsubscribes has to sign. The moment is when the token was made. Source: API reference of Subscribe ("confirmation tokens
//! are valid for two days") and ConfirmSubscription; Developer Guide: what is not confirmed within three days goes.

use crate::envelope::signature;
use crate::limits::{PENDING_MILLIS, TOKEN_MILLIS};
use crate::message::show_time;
use crate::outbox::Kind;
use crate::refusal::Refusal;
use crate::signing::{SignatureVersion, SigningKey};
use crate::topic::Pairs;
use crate::topic_key::SubscriptionId;
use names::Instant;
use serde_json::{Map, Value};

const NAME: &str = ".Confirmation";

/// Bytes of chance in a token.
pub(crate) const SECRET_BYTES: usize = 32;

/// How a subscription stands with its receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Confirmation {
    pub(crate) state: State,
    secret: Box<str>,
    /// When the token was made.
    pub(crate) since: Instant,
}

/// Whether it is confirmed, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Pending,
    Confirmed,
    Authenticated,
    Guarded,
}

const STATES: [(State, &str); 4] = [
    (State::Pending, "pending"),
    (State::Confirmed, "confirmed"),
    (State::Authenticated, "authenticated"),
    (State::Guarded, "guarded"),
];

impl Confirmation {
    /// One that is asked for now.
    pub(crate) fn asked(secret: [u8; SECRET_BYTES], now: Instant) -> Self {
        let secret = secret.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        Self { state: State::Pending, secret: secret.into(), since: now }
    }

    /// That of a subscription with these attributes; nothing if its receiver needs none.
    pub(crate) fn of(attributes: &Pairs) -> Option<Self> {
        let mut words = attributes.get(NAME)?.split(' ');
        let word = words.next()?;
        let state = STATES.iter().find(|(_, name)| *name == word)?.0;
        let (secret, since) = (words.next()?.into(), Instant::from_millis(words.next()?.parse().ok()?));
        Some(Self { state, secret, since })
    }

    /// Keeps it among attributes.
    pub(crate) fn keep(&self, attributes: &mut Pairs) {
        let state = STATES.iter().find(|(state, _)| *state == self.state).expect("every state has a name").1;
        attributes.insert(NAME.into(), format!("{state} {} {}", self.secret, self.since.as_millis()).into());
    }

    /// The same, confirmed.
    pub(crate) fn confirmed(self, state: State) -> Self {
        Self { state, ..self }
    }

    pub(crate) fn is_pending(&self) -> bool {
        self.state == State::Pending
    }

    /// Whether its token is too old to count.
    pub(crate) fn is_stale(&self, now: Instant) -> bool {
        now >= self.since.plus_millis(TOKEN_MILLIS)
    }

    /// Whether a subscription that waits for it goes.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        self.is_pending() && now >= self.since.plus_millis(PENDING_MILLIS)
    }

    /// The token: which subscription it is of, and its secret.
    pub(crate) fn token(&self, subscription: SubscriptionId) -> String {
        format!("{:032x}{}", subscription.0, self.secret)
    }

    /// Whether this is the secret of a token; takes as long whatever is wrong with it.
    pub(crate) fn is(&self, secret: &str) -> bool {
        let (ours, theirs) = (self.secret.as_bytes(), secret.as_bytes());
        ours.len() == theirs.len() && ours.iter().zip(theirs).fold(0, |sum, (ours, theirs)| sum | (ours ^ theirs)) == 0
    }
}

/// What a receiver is asked with: whether it wants a subscription, or one back that was ended. Source: Developer Guide, "HTTP/HTTPS
/// subscription confirmation JSON format" and "HTTP/HTTPS unsubscribe confirmation JSON format"; "Verifying the signatures" for what of
/// it is signed.
pub(crate) struct Asked<'a> {
    pub(crate) topic: &'a str,
    /// The ARN of the subscription that was ended, if one was.
    pub(crate) ended: Option<&'a str>,
    pub(crate) id: SubscriptionId,
    pub(crate) token: &'a str,
    /// `scheme://host` of this server.
    pub(crate) base: &'a str,
    pub(crate) at: Instant,
}

impl Asked<'_> {
    /// The envelope, signed.
    pub(crate) fn envelope(&self, key: &SigningKey, version: SignatureVersion) -> Result<String, Refusal> {
        let Self { topic, ended, id, token, base, at } = self;
        let (id, at) = (id.show(), show_time(*at));
        let link = format!("{base}/?Action=ConfirmSubscription&TopicArn={topic}&Token={token}");
        let (kind, message) = match ended {
            None => (
                Kind::SubscriptionConfirmation,
                format!(
                    "You have chosen to subscribe to the topic {topic}.\nTo confirm the subscription, visit the SubscribeURL included in this message."
                ),
            ),
            Some(arn) => (
                Kind::UnsubscribeConfirmation,
                format!(
                    "You have chosen to deactivate subscription {arn}.\nTo cancel this operation and restore the subscription, visit the SubscribeURL included in this message."
                ),
            ),
        };
        // In the order of their names, as they are signed.
        let mut members = vec![
            ("Message", message.as_str()),
            ("MessageId", &id),
            ("SubscribeURL", &link),
            ("Timestamp", &at),
            ("Token", token),
            ("TopicArn", topic),
            ("Type", kind.name()),
        ];
        let signature = signature(key, version, base, &members)?;
        let order = ["Type", "MessageId", "Token", "TopicArn", "Message", "SubscribeURL", "Timestamp"];
        members.sort_by_key(|(name, _)| order.iter().position(|known| known == name));
        members.extend(signature.iter().map(|(name, value)| (*name, value.as_str())));
        let envelope: Map<String, Value> =
            members.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        Ok(Value::Object(envelope).to_string())
    }
}

/// The subscription that a token is of, and its secret.
pub(crate) fn read_token(token: &str) -> Option<(SubscriptionId, &str)> {
    let (id, secret) = token.split_at_checked(32)?;
    Some((SubscriptionId(u128::from_str_radix(id, 16).ok()?), secret))
}

/// Whether a subscription that is asked for again gets another token: its own is too old to count.
pub(crate) fn renews(known: &Pairs, now: Instant) -> bool {
    Confirmation::of(known).is_some_and(|known| known.is_pending() && known.is_stale(now))
}

/// Gives a subscription the token that it was asked for with.
pub(crate) fn renew(known: &mut Pairs, asked: &Pairs) {
    if let Some(confirmation) = Confirmation::of(asked) {
        confirmation.keep(known);
    }
}

/// Whether a name among attributes is the server's own.
pub(crate) fn is_ours(name: &str) -> bool {
    name.starts_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confirmation_is_kept_among_attributes_and_known_by_its_token() {
        let now = Instant::from_millis(5);
        let asked = Confirmation::asked([7; SECRET_BYTES], now);
        let mut attributes = Pairs::new();
        asked.keep(&mut attributes);
        assert_eq!(Confirmation::of(&attributes), Some(asked.clone()));
        let token = asked.token(SubscriptionId(9));
        let (id, secret) = read_token(&token).unwrap();
        assert!(id == SubscriptionId(9) && asked.is(secret) && !asked.is("") && !asked.is(&secret.replace('7', "8")));
        let confirmed = asked.confirmed(State::Guarded);
        confirmed.keep(&mut attributes);
        assert_eq!(Confirmation::of(&attributes).map(|known| known.state), Some(State::Guarded));
        assert!(attributes.keys().all(|name| is_ours(name)) && read_token("short").is_none());
        assert!(read_token("zz000000000000000000000000000000x").is_none() && Confirmation::of(&Pairs::new()).is_none());
    }

    #[test]
    fn a_token_counts_for_two_days_and_a_pending_subscription_stays_for_three() {
        let asked = Confirmation::asked([7; SECRET_BYTES], Instant::EPOCH);
        let after = |days: u64| Instant::EPOCH.plus_secs(days * 86_400);
        assert!(!asked.is_stale(after(1)) && asked.is_stale(after(2)));
        assert!(!asked.is_over(after(2)) && asked.is_over(after(3)));
        assert!(!asked.confirmed(State::Confirmed).is_over(after(3)));
    }
}
