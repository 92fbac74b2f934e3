//! Queues and topics of one server: made over several connections, looked at, and cleared.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::Form;
use super::requests::{create_topic, element, of_topic, subscribe};
use crate::caller::Caller;
use crate::request;

/// Connections that prepare.
const HANDS: usize = 8;

/// How long one step of preparing may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long what was acknowledged may take until it is seen in its queue.
const ARRIVAL_PATIENCE: Duration = Duration::from_secs(5);

/// A queue that is subscribed.
#[derive(Debug, Clone)]
pub(crate) struct Queue {
    pub(crate) url: String,
    arn: String,
}

/// The queues of a server.
pub(crate) struct Setting {
    pub(crate) address: SocketAddr,
    pub(crate) queues: Vec<Queue>,
    topics: AtomicUsize,
}

impl Setting {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, queues: Vec::new(), topics: AtomicUsize::new(0) }
    }

    /// Makes queues until there are so many.
    pub(crate) async fn make_queues(&mut self, count: usize) -> io::Result<()> {
        let address = self.address;
        let numbers: Vec<usize> = (self.queues.len()..count).collect();
        let made = by_hands(numbers, move |numbers| async move {
            let (mut caller, mut made) = (Caller::new(address), Vec::with_capacity(numbers.len()));
            for number in numbers {
                let url = caller.create_queue(&format!("receiver-{number}")).await?;
                let question = format!(r#"{{"QueueUrl":"{url}","AttributeNames":["QueueArn"]}}"#);
                let answer = caller.call("GetQueueAttributes", &question).await?;
                let arn = request::members(answer, "QueueArn").first().map(ToString::to_string);
                made.push((number, Queue { url, arn: arn.ok_or_else(|| io::Error::other("a queue has no ARN"))? }));
            }
            Ok(made)
        });
        let mut made: Vec<(usize, Queue)> = made.await?;
        made.sort_unstable_by_key(|(number, _)| *number);
        self.queues.extend(made.into_iter().map(|(_, queue)| queue));
        Ok(())
    }

    /// A new topic with the first so many queues subscribed; its ARN.
    pub(crate) async fn make_topic(&self, form: Form, subscriptions: usize) -> io::Result<String> {
        let name = format!("bench-{}", self.topics.fetch_add(1, Ordering::Relaxed));
        let address = self.address;
        let mut caller = Caller::of_sns(address);
        let topic = element(caller.call("CreateTopic", &create_topic(&name, form)).await?, "TopicArn");
        let topic = topic.ok_or_else(|| io::Error::other("the answer to CreateTopic has no TopicArn"))?;
        let bodies = self.queues[..subscriptions].iter().enumerate();
        let bodies = bodies.map(|(nth, queue)| subscribe(&topic, &queue.arn, form, nth)).collect();
        by_hands(bodies, move |bodies: Vec<String>| async move {
            let mut caller = Caller::of_sns(address);
            for body in bodies {
                let answer = caller.call("Subscribe", &body).await?;
                element(answer, "SubscriptionArn").ok_or_else(|| io::Error::other("no SubscriptionArn"))?;
            }
            Ok(Vec::<()>::new())
        })
        .await?;
        Ok(topic)
    }

    /// Deletes a topic, and all messages of the first so many queues.
    pub(crate) async fn clear(&self, topic: &str, queues: usize) -> io::Result<()> {
        let address = self.address;
        Caller::of_sns(address).call("DeleteTopic", &of_topic(topic)).await?;
        let urls = self.queues[..queues].iter().map(|queue| queue.url.clone()).collect();
        by_hands(urls, move |urls: Vec<String>| async move {
            let mut caller = Caller::new(address);
            for url in urls {
                caller.call("PurgeQueue", &request::of_queue(&url)).await?;
            }
            Ok(Vec::<()>::new())
        })
        .await
        .map(drop)
    }

    /// What is missing of so many messages, each of which is in one queue of each group; nothing if all are there.
    pub(crate) async fn missing(&self, groups: &[&[Queue]], messages: u64) -> io::Result<Option<String>> {
        let mut caller = Caller::new(self.address);
        for group in groups {
            let begun = Instant::now();
            loop {
                let mut found = 0;
                for queue in *group {
                    found += caller.counts(&queue.url).await?.visible;
                }
                if found >= messages {
                    break;
                }
                if begun.elapsed() > ARRIVAL_PATIENCE {
                    return Ok(Some(format!("of {messages} acknowledged messages {found} have arrived")));
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Ok(None)
    }
}

/// Shares work out over several connections.
async fn by_hands<T, R, F>(all: Vec<T>, work: impl Fn(Vec<T>) -> F) -> io::Result<Vec<R>>
where
    T: Clone,
    R: 'static,
    F: Future<Output = io::Result<Vec<R>>> + Send + 'static,
    R: Send,
{
    let mut hands = JoinSet::new();
    for part in all.chunks(all.len().div_ceil(HANDS).max(1)) {
        hands.spawn(work(part.to_vec()));
    }
    let together = async {
        let mut done = Vec::with_capacity(all.len());
        while let Some(part) = hands.join_next().await {
            done.extend(part.expect("a hand does not panic")?);
        }
        Ok(done)
    };
    let outcome = tokio::time::timeout(PATIENCE, together).await;
    outcome.map_err(|_| io::Error::other(format!("preparing took longer than {PATIENCE:?}")))?
}
