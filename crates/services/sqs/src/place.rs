//! Where messages go and come from: a queue, or a virtual queue on it (`queue-url#name`), as a request names it.
//!
//! Operations about messages take a [`Place`] and hand its commands to the host. All others take a queue, and refuse a
//! virtual one rather than doing to the host what was meant for it (ADR 0017).

use crate::catalog::QueueEntry;
use crate::queue_url::QueueUrl;
use crate::refusal::Refusal;
use crate::service::Inner;
use gateway::Caller;
use md5::{Digest, Md5};
use queue::{Command, NewMessage, PeekStates, VirtualId, Within};
use std::sync::Arc;

/// A queue, and which virtual queue on it if one is meant.
pub(crate) struct Place {
    pub(crate) queue: Arc<QueueEntry>,
    pub(crate) within: Option<VirtualId>,
}

impl Inner {
    /// The place that a request names.
    pub(crate) async fn place(&self, caller: &Caller, url: &str) -> Result<Place, Refusal> {
        let url = QueueUrl::parse(url).ok_or_else(Refusal::queue_does_not_exist)?;
        let queue = self.queue_at(caller, &url).await?;
        let within = url.within.as_deref().map(virtual_id);
        match within.is_some() && queue.key.name.is_fifo() {
            true => Err(Refusal::unsupported("A FIFO queue has no virtual queues.")),
            false => Ok(Place { queue, within }),
        }
    }

    /// The queue that a request names, for operations that no virtual queue has.
    pub(crate) async fn queue(&self, caller: &Caller, url: &str) -> Result<Arc<QueueEntry>, Refusal> {
        let url = QueueUrl::parse(url).ok_or_else(Refusal::queue_does_not_exist)?;
        let queue = self.queue_at(caller, &url).await?;
        match url.within {
            Some(_) => Err(Refusal::unsupported("A virtual queue does not have this operation, its host has.")),
            None => Ok(queue),
        }
    }
}

/// What stands for a name in the machine: no two names share it.
fn virtual_id(name: &str) -> VirtualId {
    VirtualId(u128::from_be_bytes(Md5::digest(name.as_bytes()).into()))
}

impl Place {
    pub(crate) fn send(&self, messages: Vec<NewMessage>) -> Command {
        match self.within {
            None => Command::Send(messages),
            Some(id) => Command::Within(id, Within::Send(messages)),
        }
    }

    pub(crate) fn receive(&self, max: usize, visibility_millis: Option<u64>) -> Command {
        match self.within {
            None => Command::Receive { max, visibility_millis },
            Some(id) => Command::Within(id, Within::Receive { max, visibility_millis }),
        }
    }

    pub(crate) fn peek(&self, from: u64, max: usize, states: PeekStates) -> Command {
        match self.within {
            None => Command::Peek { from, max, states },
            Some(id) => Command::Within(id, Within::Peek { from, max, states }),
        }
    }

    pub(crate) fn purge(&self) -> Command {
        match self.within {
            None => Command::Purge,
            Some(id) => Command::Within(id, Within::Purge),
        }
    }
}
