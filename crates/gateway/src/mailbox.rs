//! Queues, as a service sees them that puts messages into them and does not know the service whose they are.
//!
//! The server hands one service to the other. What is put is held to the queue's policy and limits as what a client sends is.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use names::Arn;

use crate::service::{Caller, Refused};
use crate::together::Together;

/// Queues by their ARNs.
pub trait Mailboxes: Send + Sync + 'static {
    /// Puts a letter into a queue in the name of `sender`. Ready when its place in the queue is decided, which what is posted later
    /// comes behind, and what it gives when it is durable there. What is decided at once is decided at the first poll, so that letters
    /// to many queues ride in one block of the log.
    fn post(&self, sender: Caller, queue: &Arn, letter: Letter) -> Posting;

    /// The same, ready when it is durable.
    fn put(&self, sender: Caller, queue: &Arn, letter: Letter) -> Putting {
        let posting = self.post(sender, queue, letter);
        Box::pin(async move { posting.await?.await })
    }

    /// Puts letters into many queues, as [`Mailboxes::put`] does one after the other; ready when all are durable, with what came of each.
    /// What is the same for several of them may be made once.
    fn put_all(&self, sender: Caller, mailing: Mailing) -> PuttingAll {
        let Mailing { letters, to } = mailing;
        let letter = |one: &Addressed| Letter { nth: one.nth, ..letters[one.letter].clone() };
        let putting = to.iter().map(|one| self.put(sender.clone(), &one.queue, letter(one))).collect();
        Box::pin(Together::new(putting))
    }
}

/// A letter whose place in a queue is not decided yet.
pub type Posting = Pin<Box<dyn Future<Output = Result<Putting, NotPut>> + Send>>;

/// A letter on its way into a queue.
pub type Putting = Pin<Box<dyn Future<Output = Result<(), NotPut>> + Send>>;

/// Letters on their way into many queues: what came of each, in the order of their addresses.
pub type PuttingAll = Pin<Box<dyn Future<Output = Vec<Result<(), NotPut>>> + Send>>;

/// Letters for many queues.
#[derive(Debug, Default)]
pub struct Mailing {
    /// What is sent. One that goes to several queues is here once.
    pub letters: Vec<Letter>,
    /// To whom.
    pub to: Vec<Addressed>,
}

/// A queue that gets a letter of a [`Mailing`].
#[derive(Debug)]
pub struct Addressed {
    /// The queue.
    pub queue: Arc<Arn>,
    /// The place of its letter among those of the mailing.
    pub letter: usize,
    /// What [`Letter::nth`] is of the letter for this queue.
    pub nth: usize,
}

/// A message for a queue.
#[derive(Debug, Clone, Default)]
pub struct Letter {
    /// Its body; never empty.
    pub body: String,
    /// Bytes that do not count towards the queue's limit: an envelope is not its message's size.
    pub uncounted_bytes: usize,
    /// Message attributes, by name.
    pub attributes: Vec<(String, LetterAttribute)>,
    /// The message group.
    pub group: Option<String>,
    /// The deduplication id, for FIFO queues.
    pub deduplication: Option<String>,
    /// Which it is of the letters of one request: each gets an id of its own.
    pub nth: usize,
}

impl Letter {
    /// Puts a text of the service's own beside the message: it is not the message's size.
    pub fn label(&mut self, name: &str, text: String) {
        let value = LetterAttribute { data_type: "String".to_owned(), text: Some(text), binary: None };
        self.uncounted_bytes += name.len() + value.data_type.len() + value.text.as_ref().map_or(0, String::len);
        self.attributes.push((name.to_owned(), value));
    }
}

/// A message attribute of a letter.
#[derive(Debug, Clone)]
pub struct LetterAttribute {
    /// `String`, `Number` or `Binary`, with what may stand behind a dot.
    pub data_type: String,
    /// The value of a text or number.
    pub text: Option<String>,
    /// The value of a binary.
    pub binary: Option<Bytes>,
}

/// Why a letter was not put into a queue.
#[derive(Debug, Clone)]
pub enum NotPut {
    /// The queue is gone, does not let the sender, or does not take such a letter: trying again does not help.
    Refused(Refused),
    /// Nothing can be kept at this moment: trying again helps.
    Unavailable(Refused),
}
