//! Queues as other services of the server put messages into them: held to the queue's policy, limits, encryption and order as
//! what a client sends is.

use crate::api::{MessageAttributeValue, errors};
use crate::catalog::QueueKey;
use crate::mailing;
use crate::message::Draft;
use crate::needs::Asking;
use crate::ops::send_message::{Sending, begin};
use crate::place::Place;
use crate::refusal::Refusal;
use crate::service::{Inner, Sqs};
use gateway::{
    Caller, Denied, Letter, LetterAttribute, Mailboxes, Mailing, NotPut, Posting, Putting, PuttingAll, Refused,
};
use names::{AccountId, Arn, QueueName, Region};
use std::sync::Arc;
use wire::schema::{ErrorShape, Fault};

impl Mailboxes for Sqs {
    fn post(&self, sender: Caller, queue: &Arn, letter: Letter) -> Posting {
        let (service, key) = (Arc::clone(&self.0), key_of(queue));
        Box::pin(async move {
            let key = key.ok_or_else(|| NotPut::Refused(Refusal::queue_does_not_exist().into()))?;
            let sending = post(&service, &sender, &key, letter).await.map_err(not_put)?;
            let put: Putting = Box::pin(async move { sending.done().await.map(drop).map_err(not_put) });
            Ok(put)
        })
    }

    fn put_all(&self, sender: Caller, mailing: Mailing) -> PuttingAll {
        Box::pin(mailing::put_all(Self(Arc::clone(&self.0)), sender, mailing))
    }
}

async fn post(service: &Inner, sender: &Caller, key: &QueueKey, letter: Letter) -> Result<Sending, Refusal> {
    let need = Asking { service, caller: sender }.to("sendmessage", key);
    sender.may(&need).map_err(denied)?;
    let queue = service.find(key.account, &key.region, key.name.as_str()).await?;
    let nth = letter.nth;
    let draft = draft(letter, queue.bounds.fifo().is_some());
    begin(service, sender, &Place { queue, within: None }, draft, nth).await
}

/// What a sender is refused with whom no policy lets.
pub(crate) fn denied(denied: Denied) -> Refusal {
    Refusal::new(&errors::ACCESS_DENIED_EXCEPTION, denied.sentence)
}

/// A letter as a queue takes it.
pub(crate) fn draft(letter: Letter, is_fifo: bool) -> Draft {
    Draft {
        body: letter.body,
        uncounted_bytes: letter.uncounted_bytes,
        delay_secs: None,
        attributes: letter.attributes.into_iter().map(attribute).collect(),
        system_attributes: Vec::new(),
        group: letter.group,
        // A standard queue takes none.
        deduplication: letter.deduplication.filter(|_| is_fifo),
    }
}

fn attribute((name, value): (String, LetterAttribute)) -> (String, MessageAttributeValue) {
    let LetterAttribute { data_type, text, binary } = value;
    let value = MessageAttributeValue {
        data_type,
        string_value: text,
        binary_value: binary,
        ..MessageAttributeValue::default()
    };
    (name, value)
}

/// What fails for want of room, of a disk, or of a key that is slow, may succeed later; all else will not.
pub(crate) fn not_put(refusal: Refusal) -> NotPut {
    let is_passing = matches!(refusal.error.fault, Fault::Receiver)
        || passing().iter().any(|error| std::ptr::eq(*error, refusal.error));
    let refused = Refused::from(refusal);
    if is_passing { NotPut::Unavailable(refused) } else { NotPut::Refused(refused) }
}

fn passing() -> [&'static ErrorShape; 3] {
    [&errors::SERVICE_UNAVAILABLE_EXCEPTION, &errors::KMS_THROTTLED, &errors::REQUEST_THROTTLED]
}

fn key_of(arn: &Arn) -> Option<QueueKey> {
    let region = Region::parse(&arn.region).ok().filter(|region| region.arn_partition() == arn.partition)?;
    let name = QueueName::parse(&arn.resource).ok()?;
    let account = AccountId::parse(&arn.account).ok()?;
    (arn.service == "sqs").then_some(QueueKey { account, region, name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_succeed_later_is_told_from_what_will_not() {
        let is_unavailable = |refusal| matches!(not_put(refusal), NotPut::Unavailable(_));
        assert!(is_unavailable(Refusal::from(engine::Unavailable::NoSpace)));
        assert!(is_unavailable(Refusal::new(&errors::KMS_THROTTLED, "slow")));
        assert!(!is_unavailable(Refusal::queue_does_not_exist()));
        assert!(!is_unavailable(Refusal::new(&errors::ACCESS_DENIED_EXCEPTION, "no")));
    }

    #[test]
    fn only_arns_of_queues_name_mailboxes() {
        let key = |text: &str| Arn::parse(text).ok().as_ref().and_then(key_of);
        assert_eq!(
            key("arn:aws:sqs:eu-west-1:123456789012:jobs").unwrap().arn(),
            "arn:aws:sqs:eu-west-1:123456789012:jobs"
        );
        for wrong in [
            "arn:aws:sns:eu-west-1:123456789012:jobs",
            "arn:aws-cn:sqs:eu-west-1:123456789012:jobs",
            "arn:aws:sqs:eu-west-1:1:jobs",
        ] {
            assert_eq!(key(wrong), None, "{wrong}");
        }
    }
}
