//! What a receive hands out: messages that are opened. Those that cannot be go back.
//!
//! Only a message itself says under which key it is sealed, and it is read after it was leased. One whose key is disabled, gone,
//! or not this caller's to use is put back as if nobody had asked: visible, with the receives that it had. What is behind it
//! is handed out all the same, but in a FIFO queue nothing of its group. If there is nothing else, the answer says why.

use crate::api::Message;
use crate::catalog::QueueEntry;
use crate::ops::receive_message::Wanted;
use crate::refusal::Refusal;
use crate::service::Inner;
use gateway::Caller;
use queue::{Command, Delivery, Message as Content};

/// A receive on its way.
pub(crate) struct Opening<'a> {
    service: &'a Inner,
    caller: &'a Caller,
    entry: &'a QueueEntry,
    wanted: &'a Wanted,
    opened: Vec<Message>,
    closed: Vec<Delivery>,
    /// Groups of a FIFO queue that go no further.
    stuck: Vec<u64>,
    refusal: Option<Refusal>,
}

impl<'a> Opening<'a> {
    pub(crate) fn new(service: &'a Inner, caller: &'a Caller, entry: &'a QueueEntry, wanted: &'a Wanted) -> Self {
        let (opened, closed, stuck) = (Vec::new(), Vec::new(), Vec::new());
        Self { service, caller, entry, wanted, opened, closed, stuck, refusal: None }
    }

    /// Opens what was leased. What is not there was deleted since, or is damaged on disk, which the engine has logged with its
    /// place.
    pub(crate) async fn take(&mut self, deliveries: Vec<Delivery>, contents: Vec<Option<Content>>) {
        self.opened.reserve(deliveries.len());
        for (delivery, content) in deliveries.into_iter().zip(contents) {
            let Some(content) = content else { continue };
            let group = content.labels().group.filter(|_| self.entry.bounds.fifo().is_some());
            if group.is_some_and(|group| self.stuck.contains(&group)) {
                self.closed.push(delivery);
                continue;
            }
            match self.open(&delivery, content).await {
                Ok(message) => self.opened.push(message),
                Err(refusal) => {
                    self.closed.push(delivery);
                    self.stuck.extend(group);
                    self.refusal.get_or_insert(refusal);
                }
            }
        }
    }

    async fn open(&self, delivery: &Delivery, content: Content) -> Result<Message, Refusal> {
        let content = self.service.sealing.open(self.caller, self.entry, content).await?;
        self.wanted.show(self.entry, delivery, &content)
    }

    /// Whether there was something, and none of it could be opened.
    pub(crate) fn is_stuck(&self) -> bool {
        self.opened.is_empty() && !self.closed.is_empty()
    }

    /// Puts back what could not be opened, and gives the rest.
    pub(crate) async fn end(self) -> Result<Vec<Message>, Refusal> {
        if !self.closed.is_empty() {
            self.entry.ask(Command::PutBack(self.closed)).await?;
        }
        match self.refusal {
            Some(refusal) if self.opened.is_empty() => Err(refusal),
            _ => Ok(self.opened),
        }
    }
}
