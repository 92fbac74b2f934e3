//! The side that answers: takes requests off a queue and replies to each where it says.

use crate::error::Error;
use crate::sqs::{Endpoint, Received, Sqs};
use std::time::Duration;

/// Answers the requests of one queue. Several responders share the work.
pub struct Responder {
    sqs: Sqs,
    queue: String,
}

/// A request that waits for its reply. Dropped without one, it comes again when its visibility timeout ends.
#[derive(Debug)]
pub struct Request(Received);

impl Request {
    /// What is asked.
    pub fn body(&self) -> &str {
        &self.0.body
    }

    /// Where the reply is to go; `None` if nobody waits for one.
    pub fn reply_to(&self) -> Option<&str> {
        self.0.reply_to.as_deref()
    }
}

impl Responder {
    /// A responder for a queue, by URL or name, which is created if it is not there.
    pub async fn new(endpoint: &Endpoint, queue: &str) -> Result<Self, Error> {
        let sqs = Sqs::new(endpoint);
        let queue = match queue.contains('/') {
            true => queue.to_owned(),
            false => sqs.create_queue(queue, &serde_json::json!({})).await?,
        };
        Ok(Self { sqs, queue })
    }

    /// The next request; `None` if none came for so long, 20 seconds at the most.
    pub async fn next(&self, wait: Duration) -> Result<Option<Request>, Error> {
        Ok(self.sqs.receive(&self.queue, wait).await?.map(Request))
    }

    /// Replies, and takes the request off its queue. A requester that has gone is no error: nobody waits for that reply.
    pub async fn reply(&self, request: &Request, body: &str) -> Result<(), Error> {
        if let Some(reply_to) = request.reply_to() {
            match self.sqs.send(reply_to, body, None).await {
                Err(error) if !error.is("QueueDoesNotExist") => return Err(error),
                _ => {}
            }
        }
        self.sqs.delete(&self.queue, &request.0.receipt_handle).await
    }

    /// Answers one request after the other with what `answer` makes of its body, until the server can no longer be asked.
    pub async fn serve(&self, mut answer: impl AsyncFnMut(&str) -> String) -> Result<(), Error> {
        loop {
            if let Some(request) = self.next(Duration::from_secs(crate::limits::WAIT_SECS_MAX)).await? {
                let body = answer(request.body()).await;
                self.reply(&request, &body).await?;
            }
        }
    }
}
