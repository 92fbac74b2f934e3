//! The side that asks: sends a request and waits for its reply where nobody else does.

use crate::error::Error;
use crate::limits::REPLY_QUEUE_IDLE_SECS;
use crate::sqs::{Endpoint, Sqs};
use serde_json::json;
use std::time::Duration;
use tokio::sync::RwLock;
use tokio::time::Instant;

/// Asks, as many requests at once as it is asked for.
pub struct Requester {
    sqs: Sqs,
    replies: Replies,
}

/// Where replies come.
enum Replies {
    /// To virtual queues on this queue, which tidewire removes when nobody uses it.
    OnHost(RwLock<String>),
    /// To a queue for each request, because the server knows nothing else.
    QueueEach,
}

impl Requester {
    /// A requester on a server. It makes a queue for its replies, which goes by itself some minutes after the last use.
    pub async fn new(endpoint: &Endpoint) -> Result<Self, Error> {
        let sqs = Sqs::new(endpoint);
        let replies = match create_host(&sqs).await {
            Ok(url) => Replies::OnHost(RwLock::new(url)),
            // No such attribute: not tidewire.
            Err(error) if error.is("InvalidAttributeName") => Replies::QueueEach,
            Err(error) => return Err(error),
        };
        Ok(Self { sqs, replies })
    }

    /// A requester that makes a queue for each request, as against a server that is not tidewire.
    pub fn with_a_queue_each(endpoint: &Endpoint) -> Self {
        Self { sqs: Sqs::new(endpoint), replies: Replies::QueueEach }
    }

    /// Sends `body` to a queue, by URL or name, and gives the body of the reply. Without one in time the request may still
    /// be answered; nobody sees that answer.
    pub async fn request(&self, queue: &str, body: &str, patience: Duration) -> Result<String, Error> {
        let until = Instant::now() + patience;
        match &self.replies {
            Replies::QueueEach => {
                let reply_to = self.sqs.create_queue(&random_name()?, &json!({})).await?;
                let reply = self.ask(queue, body, &reply_to, until).await;
                // Whatever became of the request is what the caller has to know.
                let _ = self.sqs.delete_queue(&reply_to).await;
                reply
            }
            Replies::OnHost(host) => {
                let name = random_name()?;
                let reply_to = format!("{}#{name}", host.read().await);
                self.sqs.send(queue, body, Some(&reply_to)).await?;
                match self.wait(&reply_to, until).await {
                    // The queue went while nobody asked. The request is out, but its answer had no place to go to.
                    Err(error) if error.is("QueueDoesNotExist") => {
                        let reply_to = format!("{}#{name}", self.new_host(host, &reply_to).await?);
                        self.ask(queue, body, &reply_to, until).await
                    }
                    reply => reply,
                }
            }
        }
    }

    /// A host in the place of the one that `reply_to` was on, unless somebody has made one already.
    async fn new_host(&self, host: &RwLock<String>, reply_to: &str) -> Result<String, Error> {
        let mut url = host.write().await;
        if reply_to.split('#').next() == Some(url.as_str()) {
            *url = create_host(&self.sqs).await?;
        }
        Ok(url.clone())
    }

    async fn ask(&self, queue: &str, body: &str, reply_to: &str, until: Instant) -> Result<String, Error> {
        self.sqs.send(queue, body, Some(reply_to)).await?;
        self.wait(reply_to, until).await
    }

    async fn wait(&self, reply_to: &str, until: Instant) -> Result<String, Error> {
        while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            if let Some(reply) = self.sqs.receive(reply_to, left).await? {
                self.sqs.delete(reply_to, &reply.receipt_handle).await?;
                return Ok(reply.body);
            }
        }
        Err(Error::TimedOut)
    }
}

async fn create_host(sqs: &Sqs) -> Result<String, Error> {
    let attributes = json!({"TidewireIdleLifetimeSeconds": REPLY_QUEUE_IDLE_SECS.to_string()});
    sqs.create_queue(&random_name()?, &attributes).await
}

/// A name that nobody else has.
fn random_name() -> Result<String, Error> {
    let mut chance = [0; 16];
    getrandom::fill(&mut chance).map_err(|error| Error::Connection(format!("no random number: {error}")))?;
    Ok(format!("reply-{:032x}", u128::from_be_bytes(chance)))
}
