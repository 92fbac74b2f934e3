//! What became of a message that was published, and of what queues get of it: counted, told to the delivery status log of a topic that asks
//! for it with `SQSSuccessFeedbackRoleArn` and the like, and kept in the history of a subscription whose queue refuses.
//!
//! A queue of this server has a message when its publish is answered, so there is one attempt and no more. What each queue said is kept
//! until then only where it refused or somebody asked for it.

use crate::api::errors;
use crate::catalog::Receiver;
use crate::message::Message;
use crate::receivers;
use crate::service::Inner;
use crate::status::{self, Fate, Report};
use crate::topic::{About, Protocol};
use crate::topic_key::SubscriptionId;
use gateway::{Caller, Refused};
use names::Instant;
use serde_json::json;
use std::sync::Arc;

/// What queues said to one message.
pub(crate) struct Told {
    about: Arc<About>,
    delivered: u64,
    failed: u64,
    /// Each of a topic that asks for it, else those that refused; and why it does not take the message.
    each: Vec<(Arc<Receiver>, Option<Refused>)>,
    is_each_asked_for: bool,
    /// Who was not asked, because the topic's data protection policy forbids it.
    forbidden: Vec<Arc<Receiver>>,
}

impl Told {
    /// Nothing yet.
    pub(crate) fn of(about: Arc<About>, forbidden: Vec<Arc<Receiver>>) -> Self {
        let is_each_asked_for = status::asks_of_queues(&about.attributes);
        Self { about, delivered: 0, failed: 0, each: Vec::new(), is_each_asked_for, forbidden }
    }

    /// A receiver's letter has its place. Of one that is no queue it is to be seen what becomes of it.
    pub(crate) fn placed(&mut self, receiver: &Arc<Receiver>) {
        self.note(receiver, None);
    }

    /// A queue does not take the message.
    pub(crate) fn refused(
        &mut self,
        (service, topic): (&Inner, &str),
        receiver: &Arc<Receiver>,
        refused: &Refused,
        now: Instant,
    ) {
        if receiver.is_queue() {
            service.refusals.note(topic, receiver.subscription.id, refused, now);
        }
        self.note(receiver, Some(refused));
    }

    fn note(&mut self, receiver: &Arc<Receiver>, refused: Option<&Refused>) {
        if !receiver.is_queue() {
            return;
        }
        *if refused.is_some() { &mut self.failed } else { &mut self.delivered } += 1;
        if self.is_each_asked_for || refused.is_some() {
            self.each.push((Arc::clone(receiver), refused.cloned()));
        }
    }

    /// Counts it and tells of it, when every queue has decided. A message that some queue cannot keep now is not published.
    pub(crate) fn tell(
        self,
        service: &Inner,
        caller: &Caller,
        topic: &Arc<str>,
        (message, id): (&Message, &str),
        is_published: bool,
    ) {
        if is_published {
            service.status.count_published(topic, message.bytes as u64);
            for receiver in &self.forbidden {
                forbidden(service, (topic, &self.about), receiver, (message, id), caller.now);
            }
        }
        service.status.count_outcomes(topic, Protocol::Sqs, (self.delivered, self.failed));
        let at = service.outboxes.now();
        for (receiver, refused) in self.each {
            let said = said(caller, refused.as_ref());
            let report = Report {
                at,
                published_at: caller.now,
                message_id: id.to_owned(),
                destination: receiver.subscription.endpoint.to_string(),
                attempt: 1,
                dwell_millis: at.since(caller.now).as_millis() as u64,
                status: Some(refused.as_ref().map_or(200, |refused| refused.error.status)),
                said,
                fate: if refused.is_some() { Fate::Failed } else { Fate::Delivered },
                short_message: None,
            };
            let of: SubscriptionId = receiver.subscription.id;
            let text = || message.body(Protocol::Sqs).to_owned();
            service.status.write_line(topic, (&self.about.attributes, Protocol::Sqs, of), &report, text);
            if refused.is_some() {
                service.status.keep(of, report);
            }
        }
    }
}

/// Tells of a delivery that the topic's data protection policy forbids, as one that failed: no receiver was asked.
pub(crate) fn forbidden(
    service: &Inner,
    (topic, about): (&Arc<str>, &About),
    receiver: &Receiver,
    (message, id): (&Message, &str),
    published_at: Instant,
) {
    let subscription = &receiver.subscription;
    let at = service.outboxes.now();
    let report = Report {
        at,
        published_at,
        message_id: id.to_owned(),
        destination: receivers::shown(subscription),
        attempt: 1,
        dwell_millis: at.since(published_at).as_millis() as u64,
        status: Some(errors::AUTHORIZATION_ERROR_EXCEPTION.status),
        said: format!(
            "The topic's data protection policy prohibits this message from being delivered to {}",
            subscription.id.arn(topic)
        ),
        fate: Fate::Failed,
        short_message: None,
    };
    let of = (&about.attributes, subscription.protocol, subscription.id);
    service.status.note(topic, of, report, || message.body_for(subscription.body_name()).to_owned());
}

/// The member `providerResponse`, as AWS writes it of queues.
fn said(caller: &Caller, refused: Option<&Refused>) -> String {
    match refused {
        None => json!({ "sqsRequestId": caller.request_id.as_str() }),
        Some(refused) => json!({
            "ErrorCode": refused.error.query_code,
            "ErrorMessage": refused.message,
            "sqsRequestId": "Unrecoverable",
        }),
    }
    .to_string()
}

#[cfg(test)]
mod tests {
    use crate::api::{PublishInput, errors};
    use crate::house::{House, queue};
    use crate::ops::for_tests::Publish;
    use gateway::{NotPut, Refused};
    use serde_json::Value;
    use std::sync::{Arc, Mutex};

    #[test]
    fn what_becomes_of_messages_for_queues_is_told_and_counted() {
        let lines = Arc::<Mutex<Vec<String>>>::default();
        let log = Arc::clone(&lines);
        let house = House::with(|options| options.log = Some(Arc::new(move |line| log.lock().unwrap().push(line))));
        let role = "arn:aws:iam::000000000000:role/r";
        let asked = [
            ("SQSSuccessFeedbackRoleArn", role),
            ("SQSSuccessFeedbackSampleRate", "100"),
            ("SQSFailureFeedbackRoleArn", role),
        ];
        for (name, kind) in [("t", &[][..]), ("t.fifo", &[("FifoTopic", "true")])] {
            let topic = house.topic(name, &[kind, &asked[..]].concat());
            let queues = ["good", "gone"].map(|queue| name.replace('t', queue));
            for name in &queues {
                house.subscribe(&topic, ("sqs", &queue(name)), &[]).unwrap();
            }
            let gone = || NotPut::Refused(Refused::new(&errors::NOT_FOUND_EXCEPTION, "it is gone"));
            *house.queues.word.lock().unwrap() =
                Some(Box::new(move |arn, _| arn.resource.starts_with("gone").then(gone)));
            let of_fifo = |text: &str| if kind.is_empty() { None } else { Some(text.to_owned()) };
            let published = house.ask::<Publish>(PublishInput {
                topic_arn: Some(topic.clone()),
                message: "hello".into(),
                message_group_id: of_fifo("g"),
                message_deduplication_id: of_fifo("d"),
                ..PublishInput::default()
            });
            let id = published.unwrap().message_id.unwrap();
            let told: Vec<Value> =
                lines.lock().unwrap().drain(..).map(|line| serde_json::from_str(&line).unwrap()).collect();
            assert_eq!(told.len(), 2, "{name}");
            for line in &told {
                let notification = &line["notification"];
                assert_eq!(notification["messageId"], *id);
                assert_eq!(notification["topicArn"], *topic);
                assert_eq!(notification["messageMD5Sum"], "5d41402abc4b2a76b9719d911017c592");
                assert_eq!(notification["timestamp"], "1970-01-02 00:00:00.000");
                assert_eq!(line["delivery"]["attempts"], 1);
            }
            let good = told.iter().find(|line| line["status"] == "SUCCESS").unwrap();
            assert_eq!(good["delivery"]["destination"], *queue(&queues[0]));
            assert_eq!(good["delivery"]["statusCode"], 200);
            let failed = told.iter().find(|line| line["status"] == "FAILURE").unwrap();
            assert_eq!(failed["delivery"]["destination"], *queue(&queues[1]));
            assert_eq!(failed["delivery"]["statusCode"], 404);
            let said: Value = serde_json::from_str(failed["delivery"]["providerResponse"].as_str().unwrap()).unwrap();
            assert_eq!((&said["ErrorCode"], &said["ErrorMessage"]), (&"NotFound".into(), &"it is gone".into()));
        }
        let (own, _) = house.inner.status.counts();
        let counted: Vec<_> = own.iter().map(|(_, counts)| (counts.delivered, counts.failed)).collect();
        assert_eq!(counted, [(1, 1), (1, 1)]);
        let published: Vec<_> = own.iter().map(|(_, counts)| (counts.published, counts.published_bytes)).collect();
        assert_eq!(published, [(1, 5), (1, 5)]);
        let of_queues = house.inner.status.by_protocol()["sqs"];
        assert_eq!((of_queues.delivered, of_queues.failed), (2, 2));
    }
}
