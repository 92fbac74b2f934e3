//! Letters for many queues at once, as a topic sends them: what is the same for all is made once.
//!
//! A letter is checked, digested and written out as a message once, and each standard queue without a key gets that message under an id
//! of its own; its bytes are shared in memory for as long as they are kept there. Letters that differ are digested side by side. A queue
//! that wants more of a message (FIFO, SSE-KMS), or that is not there, gets its letter as if it were the only one. All are decided before
//! any is waited for, and the wait is for the last: what was appended before it is durable with it.

use crate::catalog::QueueEntry;
use crate::mailbox::{denied, draft, not_put};
use crate::message::{Checked, digest_bodies, message_id};
use crate::needs::Asking;
use crate::ops::send_message::{Sending, Sent};
use crate::place::Place;
use crate::refusal::Refusal;
use crate::service::{Inner, Sqs};
use crate::throttle::Action;
use gateway::{Addressed, Boxed, Caller, Letter, Mailboxes, Mailing, NotPut, Together};
use names::{AccountId, Arn, Region};
use queue::{MessageId, NewMessage};
use std::sync::Arc;

/// Puts each letter into its queue; what came of each, when all are durable.
pub(crate) async fn put_all(sqs: Sqs, sender: Caller, mailing: Mailing) -> Vec<Result<(), NotPut>> {
    let Mailing { letters, to } = mailing;
    let mut places = Places { service: &sqs.0, home: None };
    let queues: Vec<Option<Arc<QueueEntry>>> = to.iter().map(|one| places.plain(&one.queue)).collect();
    let is_apart = |(at, queue): (usize, &Option<Arc<QueueEntry>>)| queue.is_none().then_some(at);
    let places_apart: Vec<usize> = queues.iter().enumerate().filter_map(is_apart).collect();
    let apart = places_apart.iter().map(|&at| by_itself(&sqs, &sender, &letters, &to[at])).collect();
    let made = made(letters, &sender);
    let mut outcomes: Vec<Result<(), NotPut>> = to.iter().map(|_| Ok(())).collect();
    let mut sendings = Vec::with_capacity(to.len());
    for ((at, one), queue) in to.iter().enumerate().zip(queues) {
        let Some(queue) = queue else { continue };
        let begun = made[one.letter].as_ref().map_err(Refusal::clone);
        match begun.and_then(|made| made.begin(&sqs.0, &sender, queue, one.nth)) {
            Ok(sending) => sendings.push((at, sending)),
            Err(refusal) => outcomes[at] = Err(not_put(refusal)),
        }
    }
    for (at, outcome) in places_apart.into_iter().zip(Together::new(apart).await) {
        outcomes[at] = outcome;
    }
    // From the last on: when it is durable those before it are, and nobody is woken for them.
    for (at, sending) in sendings.into_iter().rev() {
        outcomes[at] = sending.done().await.map(drop).map_err(not_put);
    }
    outcomes
}

fn by_itself(sqs: &Sqs, sender: &Caller, letters: &[Letter], one: &Addressed) -> Boxed<'static, Result<(), NotPut>> {
    sqs.put(sender.clone(), &one.queue, Letter { nth: one.nth, ..letters[one.letter].clone() })
}

/// A letter as every plain queue gets it, but for the id.
struct Made {
    message: NewMessage,
    size: usize,
    body_md5: [u8; 16],
    attributes_md5: Option<[u8; 16]>,
}

/// The letters, checked and written out, or why no queue takes one.
fn made(letters: Vec<Letter>, sender: &Caller) -> Vec<Result<Made, Refusal>> {
    let checked: Vec<_> = letters.into_iter().map(|letter| Checked::new(draft(letter, false), None, 0)).collect();
    let digests = digest_bodies(checked.iter().flatten());
    let mut digests = digests.into_iter();
    let mut made = |checked: Checked| {
        let body_md5 = digests.next().expect("every body was digested");
        let (size, attributes_md5) = (checked.size, checked.attributes_md5);
        let message = checked.into_message(MessageId([0; 16]), body_md5, sender, None);
        Made { message, size, body_md5, attributes_md5 }
    };
    checked.into_iter().map(|checked| checked.map(&mut made)).collect()
}

impl Made {
    fn begin(&self, service: &Inner, sender: &Caller, queue: Arc<QueueEntry>, nth: usize) -> Result<Sending, Refusal> {
        if sender.is_held_to_policies() {
            let need = Asking { service, caller: sender }.on("sendmessage", &queue);
            sender.may(&need).map_err(denied)?;
        }
        let bytes_max = queue.bounds.maximum_message_bytes();
        if self.size > bytes_max {
            return Err(Refusal::message_too_long(bytes_max));
        }
        service.throttle.pass(&queue, Action::Send, sender.now)?;
        let id = message_id(sender, nth);
        let Self { ref message, size, body_md5, attributes_md5 } = *self;
        let sent = Sent { body_md5, attributes_md5, system_md5: None, id, sequence_number: None };
        let message = NewMessage { id, ..message.clone() };
        Sending::begin(&Place { queue, within: None }, message, size, sent)
    }
}

/// Finds queues, most of which are of one account and region.
struct Places<'a> {
    service: &'a Inner,
    home: Option<(Box<str>, Box<str>, AccountId, Region)>,
}

impl Places<'_> {
    /// The queue of an ARN, if it is there and takes messages as they are.
    fn plain(&mut self, arn: &Arn) -> Option<Arc<QueueEntry>> {
        let is_known = |(account, region, ..): &(Box<str>, Box<str>, AccountId, Region)| {
            **account == *arn.account && **region == *arn.region
        };
        if !self.home.as_ref().is_some_and(is_known) {
            let region = Region::parse(&arn.region).ok()?;
            let account = AccountId::parse(&arn.account).ok()?;
            self.home = Some((arn.account.as_str().into(), arn.region.as_str().into(), account, region));
        }
        let (_, _, account, region) = self.home.as_ref()?;
        let queue = self.service.catalog.find(*account, region, &arn.resource)?;
        let is_queues = arn.service == "sqs" && arn.partition == region.arn_partition();
        (is_queues && queue.bounds.fifo().is_none() && queue.bounds.sse().is_none()).then_some(queue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attributes::Attributes;
    use crate::catalog::QueueKey;
    use crate::limits::Limits;
    use crate::machine::{Command, Reply};
    use crate::service::Options;
    use crate::tags::Tags;
    use engine::{ManualClock, Store};
    use gateway::Keys;
    use names::{Instant, QueueName};
    use queue::Message;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    /// What a store that is durable at once answers without waiting.
    fn now<T>(answer: impl Future<Output = T>) -> T {
        match pin!(answer).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => answer,
            Poll::Pending => panic!("it waits"),
        }
    }

    fn region() -> Region {
        Region::parse("us-east-1").unwrap()
    }

    fn sqs(queues: &[&str]) -> Sqs {
        let store = Store::ephemeral(Arc::new(ManualClock::at(Instant::from_millis(1_700_000_000_000))));
        let keys = Keys::default();
        let options = Options { home_region: region(), limits: Limits::Raised, metered_queues_max: 10, keys };
        let sqs = Sqs::new(store, Sqs::recovery(), options);
        for name in queues {
            let name = QueueName::parse(name).unwrap();
            let key = QueueKey { account: AccountId::DEFAULT, region: region(), name };
            sqs.0.catalog.create(key, &Attributes::default(), &Tags::default()).unwrap();
        }
        sqs
    }

    fn arn(name: &str) -> Arc<Arn> {
        Arc::new(Arn::parse(&format!("arn:aws:sqs:us-east-1:{}:{name}", AccountId::DEFAULT.as_str())).unwrap())
    }

    fn received(sqs: &Sqs, name: &str) -> Message {
        let entry = sqs.0.catalog.find(AccountId::DEFAULT, &region(), name).unwrap();
        let receive = Command::Messages(queue::Command::Receive { max: 10, visibility_millis: None });
        let (reply, mut contents) = now(entry.partition.execute(receive).unwrap().read()).unwrap();
        assert!(matches!(reply, Reply::Messages(queue::Reply::Received(deliveries)) if deliveries.len() == 1));
        contents.remove(0).unwrap()
    }

    fn letter(body: &str) -> Letter {
        let value = gateway::LetterAttribute { data_type: "String".into(), text: Some("red".into()), binary: None };
        Letter { body: body.into(), attributes: vec![("colour".into(), value)], ..Letter::default() }
    }

    #[test]
    fn each_queue_gets_its_letter_as_if_it_were_the_only_one_and_equal_ones_share_their_bytes() {
        let sqs = sqs(&["a", "b", "c", "d", "alone"]);
        let sender = Caller::for_test(AccountId::DEFAULT, region(), Instant::from_millis(1_700_000_000_000));
        let letters = vec![letter("hello"), letter("other"), letter("\u{0}")];
        let to = [("a", 0), ("missing", 0), ("b", 0), ("c", 1), ("d", 2)];
        let to = (0..).zip(to).map(|(nth, (name, letter))| Addressed { queue: arn(name), letter, nth }).collect();
        let outcomes = now(sqs.put_all(sender.clone(), Mailing { letters, to }));
        let refused = outcomes.iter().map(|outcome| match outcome {
            Ok(()) => "",
            Err(NotPut::Refused(refused)) => refused.error.name,
            Err(NotPut::Unavailable(_)) => "unavailable",
        });
        assert_eq!(refused.collect::<Vec<_>>(), ["", "QueueDoesNotExist", "", "", "InvalidMessageContents"]);
        now(sqs.put(sender, &arn("alone"), Letter { nth: 9, ..letter("hello") })).unwrap();
        let [a, b, c, alone] = ["a", "b", "c", "alone"].map(|name| received(&sqs, name));
        assert_eq!((a.body(), a.properties()), (alone.body(), alone.properties()));
        assert_eq!(a.body().as_ptr(), b.body().as_ptr(), "the bytes are there once");
        assert!(a.id != b.id && a.id != alone.id);
        assert_eq!(c.body(), &b"other"[..]);
    }
}
