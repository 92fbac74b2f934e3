//! An answer that cannot leave before what it saw is on disk.

use crate::contents::Found;
use crate::machine::Machine;
use crate::partition::Partition;
use crate::unavailable::Unavailable;
use journal::WhenDurable;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

/// A reply locked until the journal has made durable the last position of the state it was read from.
///
/// There is no way to the reply but awaiting it, so no code path can answer early.
#[must_use = "a reply is only given when it is awaited"]
pub struct Pending<M: Machine> {
    reply: Option<M::Reply>,
    reads: Vec<(u64, Found<M::Content>)>,
    durable: WhenDurable,
    /// Held while contents have to be read: nobody puts a partition away that is held.
    partition: Option<Arc<Partition<M>>>,
    changed: bool,
}

impl<M: Machine> Pending<M> {
    pub(crate) fn new(
        reply: M::Reply,
        reads: Vec<(u64, Found<M::Content>)>,
        durable: WhenDurable,
        partition: &Weak<Partition<M>>,
    ) -> Self {
        let is_needed = reads.iter().any(|(_, found)| found.is_on_disk());
        let partition = if is_needed { partition.upgrade() } else { None };
        Self { reply: Some(reply), reads, durable, partition, changed: false }
    }

    /// Tells whether the decision changed anything.
    pub(crate) fn noting_change(self, changed: bool) -> Self {
        Self { changed, ..self }
    }

    pub(crate) fn has_changed(&self) -> bool {
        self.changed
    }

    /// Whether the reply satisfies `test`; decides how to go on, and nobody outside is told before it is given.
    pub fn is(&self, test: impl Fn(&M::Reply) -> bool) -> bool {
        self.reply.as_ref().is_some_and(test)
    }

    /// Looks at the reply, to decide how to go on; nobody outside is told before it is given.
    pub fn look<T>(&self, look: impl FnOnce(&M::Reply) -> T) -> Option<T> {
        self.reply.as_ref().map(look)
    }

    /// Whether [`Self::read`] has to read the disk.
    pub fn reads_disk(&self) -> bool {
        self.reads.iter().any(|(_, found)| found.is_on_disk())
    }

    /// The reply, and the contents that its decision reads, in its order. `None` stands for what was let go of meanwhile,
    /// or is damaged on disk, which has been logged with file and offset.
    pub async fn read(self) -> Result<(M::Reply, Vec<Option<M::Content>>), Unavailable>
    where
        M::Reply: Unpin,
    {
        self.read_unless_refused(false).await
    }

    /// The same for whoever must not take what the disk refuses to read now, and may read later, for damaged: then nothing is
    /// answered.
    pub async fn read_all(self) -> Result<(M::Reply, Vec<Option<M::Content>>), Unavailable>
    where
        M::Reply: Unpin,
    {
        self.read_unless_refused(true).await
    }

    async fn read_unless_refused(mut self, needs_all: bool) -> Result<(M::Reply, Vec<Option<M::Content>>), Unavailable>
    where
        M::Reply: Unpin,
    {
        let reads = std::mem::take(&mut self.reads);
        let partition = self.partition.take();
        let reply = self.await?;
        let missing: Vec<u64> = reads.iter().filter(|(_, found)| found.is_on_disk()).map(|(key, _)| *key).collect();
        let mut fetched = match (missing.as_slice(), partition) {
            ([], _) | (_, None) => BTreeMap::new(),
            (keys, Some(partition)) => match partition.fetch_elsewhere(keys.to_vec()).await? {
                (_, true) if needs_all || partition.with(|machine, _| machine.needs_every_content()) == Some(true) => {
                    return Err(Unavailable::Unreadable);
                }
                (fetched, _) => fetched,
            },
        };
        let contents = reads.into_iter().map(|(key, found)| match found {
            Found::Here(content) => Some(content),
            _ => fetched.remove(&key),
        });
        Ok((reply, contents.collect()))
    }
}

impl<M: Machine> Future for Pending<M>
where
    M::Reply: Unpin,
{
    type Output = Result<M::Reply, Unavailable>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match Pin::new(&mut self.durable).poll(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(_)) => Poll::Ready(Err(Unavailable::Stopped)),
            Poll::Ready(Ok(())) => {
                Poll::Ready(Ok(self.reply.take().expect("a pending reply is not awaited again after it was given")))
            }
        }
    }
}
