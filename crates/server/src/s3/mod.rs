//! Events of buckets: what an S3 server reports is sent, as S3 sends it, to the queues that a bucket's notifications name.
//!
//! `POST /_tidewire/s3/seaweedfs` takes the webhook of SeaweedFS's filer, `POST /_tidewire/s3/minio` that of MinIO; both with
//! the token that the configuration names, as `Authorization: Bearer …`. Which queues want which events stands in a file in
//! the shape of S3's own notification configuration (`notification.rs`). Each event reaches a queue as the principal
//! `s3.amazonaws.com` with `aws:SourceArn` and `aws:SourceAccount` of its bucket, so the queue's policy decides.
//!
//! The S3 server is answered with success only when every queue has the event, durably, or never will: a queue that refuses
//! or is not there is told in the log and in the answer, and is not tried again, as with S3 itself. If a queue cannot take it
//! now, the answer is 503, and it is the S3 server's to try again (SeaweedFS 4.48 was seen not to); the queues that had it then
//! get it twice, which S3 allows itself too.

mod event;
mod minio;
mod notification;
mod seaweed;

pub(crate) use notification::Notifications;

use access::{Caller, Secret};
use event::Happening;
use gateway::{Asked, Fact, Gateway, Identity, Page, Refused};
use names::Instant;
use notification::{Bucket, Wish};
use serde_json::{Value, json};
use std::sync::Arc;

const SEAWEEDFS: &str = "/_tidewire/s3/seaweedfs";
const MINIO: &str = "/_tidewire/s3/minio";
const PRINCIPAL: &str = "s3.amazonaws.com";

/// Whether a path is one of ours.
pub(crate) fn has(path: &str) -> bool {
    [SEAWEEDFS, MINIO].contains(&path)
}

/// Takes what S3 servers report.
pub(crate) struct Ingress {
    gateway: Gateway,
    notifications: Notifications,
    token: Option<Secret>,
}

/// What became of an event at the queues that want it.
#[derive(Debug, Default)]
struct Outcome {
    sent: usize,
    refused: Vec<Value>,
}

impl Ingress {
    /// An ingress whose callers must know `token`, if there is one.
    pub(crate) fn new(gateway: Gateway, notifications: Notifications, token: Option<Secret>) -> Self {
        Self { gateway, notifications, token }
    }

    /// Answers a report.
    pub(crate) async fn answer(&self, asked: &Asked<'_>) -> Page {
        if !asked.is_post {
            return Page::text(405, "This path takes POST.\n");
        }
        if !self.knows_the_token(asked.authorization) {
            return Page::text(403, "The bearer token is not the one that is configured.\n");
        }
        let happenings = match (serde_json::from_slice(asked.body), asked.path) {
            (Ok(report), SEAWEEDFS) => seaweed::read(&report),
            (Ok(report), _) => minio::read(&report),
            (Err(error), _) => Err(format!("the report is no JSON: {error}")),
        };
        match happenings {
            Ok(happenings) => self.deliver(&happenings, asked.caller.now).await,
            Err(why) => Page::json(400, format!("{}\n", json!({ "error": why }))),
        }
    }

    fn knows_the_token(&self, authorization: &str) -> bool {
        let Some(token) = &self.token else { return true };
        let given = authorization.strip_prefix("Bearer ").unwrap_or_default();
        *token == Secret::from(given)
    }

    async fn deliver(&self, happenings: &[Happening], now: Instant) -> Page {
        let mut outcome = Outcome::default();
        for happening in happenings {
            let Some(bucket) = self.notifications.of(&happening.bucket) else { continue };
            for wish in bucket.wishes(happening) {
                match self.send(bucket, wish, happening, now).await {
                    Ok(()) => outcome.sent += 1,
                    Err(refused) if refused.error.status >= 500 => {
                        let error = format!("{}: {}", wish.queue, refused.message);
                        return Page::json(503, format!("{}\n", json!({ "error": error })));
                    }
                    Err(refused) => outcome.refuse(bucket, wish, &refused),
                }
            }
        }
        Page::json(200, format!("{}\n", json!({ "sent": outcome.sent, "refused": outcome.refused })))
    }

    async fn send(&self, bucket: &Bucket, wish: &Wish, happening: &Happening, now: Instant) -> Result<(), Refused> {
        let body = happening.as_s3_tells_it(bucket, &wish.id, now).to_string();
        let queue = &wish.queue;
        let url = format!("queue/{}/{}/{}", queue.region, queue.account, queue.name);
        let input = json!({ "QueueUrl": url, "MessageBody": body }).to_string();
        let identity = Arc::new(principal(bucket));
        self.gateway.act(identity, &queue.region, ("sqs", "SendMessage"), input.as_bytes()).await
    }
}

impl Outcome {
    fn refuse(&mut self, bucket: &Bucket, wish: &Wish, refused: &Refused) {
        let (queue, error, why) = (&wish.queue, refused.error.query_code, &*refused.message);
        tracing::warn!(bucket = bucket.name, %queue, error, why, "a queue does not take an event of a bucket");
        self.refused.push(json!({ "queue": queue.to_string(), "error": error, "message": why }));
    }
}

/// S3 itself, on behalf of a bucket.
fn principal(bucket: &Bucket) -> Identity {
    let facts = vec![
        ("aws:sourcearn".into(), Fact::Text(bucket.arn().into())),
        ("aws:sourceaccount".into(), Fact::Text(bucket.account.as_str().into())),
    ];
    Identity { facts, ..Identity::bare(Caller::service(PRINCIPAL), Secret::from("")) }
}

#[cfg(test)]
mod tests;
