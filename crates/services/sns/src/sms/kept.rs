//! The latest messages that went out, for tests and consoles: `GET /_aws/sns/sms-messages`, in LocalStack's shape.
//!
//! ```text
//! {"region": …, "sms_messages": {"+15550100": [{"PhoneNumber", "TopicArn", "SubscriptionArn", "MessageId", "Message",
//!  "MessageAttributes", "MessageStructure", "Subject"}, …], …}}
//! ```
//! Where no gateway is configured this is where messages go. They are in memory, a thousand of all accounts, and gone with the process.

use super::account::Place;
use super::limits::KEPT_MAX;
use super::number::Number;
use serde_json::{Map, Value, json};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// One message that went out.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) place: Place,
    pub(crate) number: Number,
    pub(crate) topic: Option<String>,
    pub(crate) subscription: Option<String>,
    pub(crate) id: String,
    pub(crate) text: String,
    /// As its envelope shows them.
    pub(crate) attributes: Value,
    pub(crate) subject: Option<String>,
}

/// The latest of them.
#[derive(Default)]
pub(crate) struct Latest(Mutex<VecDeque<Kept>>);

impl Latest {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn keep(&self, kept: Kept) {
        let mut all = self.lock();
        if all.len() >= KEPT_MAX {
            all.pop_front();
        }
        all.push_back(kept);
    }

    /// Those of an account in a region, by their numbers; a number that is asked for is there even if it got nothing.
    pub(crate) fn show(&self, place: &Place, number: Option<&str>) -> Value {
        let mut by_number: Map<String, Value> =
            number.map(|number| (number.to_owned(), json!([]))).into_iter().collect();
        for kept in self.lock().iter().filter(|kept| kept.is_of(place, number)) {
            let list = by_number.entry(kept.number.as_str()).or_insert_with(|| json!([]));
            list.as_array_mut().expect("each is a list").push(kept.shown());
        }
        json!({ "region": place.region.as_str(), "sms_messages": by_number })
    }

    /// Forgets those of an account in a region, of one number if that is said.
    pub(crate) fn clear(&self, place: &Place, number: Option<&str>) {
        self.lock().retain(|kept| !kept.is_of(place, number));
    }

    pub(crate) fn clear_all(&self) {
        self.lock().clear();
    }
}

impl Kept {
    fn is_of(&self, place: &Place, number: Option<&str>) -> bool {
        self.place == *place && number.is_none_or(|number| self.number.as_str() == number)
    }

    fn shown(&self) -> Value {
        json!({
            "PhoneNumber": self.number.as_str(),
            "TopicArn": self.topic,
            "SubscriptionArn": self.subscription,
            "MessageId": self.id,
            "Message": self.text,
            "MessageAttributes": self.attributes,
            "MessageStructure": null,
            "Subject": self.subject,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use names::{AccountId, Region};

    fn place(region: &str) -> Place {
        Place { account: AccountId::DEFAULT, region: Region::parse(region).unwrap() }
    }

    fn kept(region: &str, number: &str, text: &str) -> Kept {
        Kept {
            place: place(region),
            number: Number::read(number).unwrap(),
            topic: None,
            subscription: None,
            id: "id".into(),
            text: text.into(),
            attributes: json!({}),
            subject: None,
        }
    }

    #[test]
    fn messages_are_shown_by_region_and_number_until_they_are_cleared() {
        let (latest, here) = (Latest::default(), place("us-east-1"));
        for (region, number, text) in
            [("us-east-1", "+15550100", "a"), ("us-east-1", "+15550101", "b"), ("eu-west-1", "+15550100", "c")]
        {
            latest.keep(kept(region, number, text));
        }
        let shown = latest.show(&here, None);
        assert_eq!(shown["region"], "us-east-1");
        assert_eq!(shown["sms_messages"]["+15550100"][0]["Message"], "a");
        assert_eq!(shown["sms_messages"].as_object().unwrap().len(), 2);
        assert_eq!(latest.show(&here, Some("+15550199"))["sms_messages"], json!({"+15550199": []}));
        latest.clear(&here, Some("+15550100"));
        assert_eq!(latest.show(&here, None)["sms_messages"].as_object().unwrap().len(), 1);
        latest.clear(&here, None);
        assert_eq!(latest.show(&here, None)["sms_messages"], json!({}));
        assert_eq!(latest.show(&place("eu-west-1"), None)["sms_messages"]["+15550100"][0]["Message"], "c");
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many() {
        let (latest, here) = (Latest::default(), place("us-east-1"));
        (0..KEPT_MAX + 5).for_each(|nth| latest.keep(kept("us-east-1", "+15550100", &nth.to_string())));
        let shown = latest.show(&here, None);
        let list = shown["sms_messages"]["+15550100"].as_array().unwrap();
        assert_eq!((list.len(), list[0]["Message"].as_str()), (KEPT_MAX, Some("5")));
    }
}
