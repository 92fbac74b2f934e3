//! Who has sent what, and what of it has been taken out again.
//!
//! A lane is one connection that sends numbered messages in order to one queue. A queue that gives out its oldest first
//! therefore gives out each lane's messages without a gap, whatever the order between lanes: what was taken of a lane is
//! always its numbers from 0 up. That is checked after every drain, and makes "the expected oldest" exact.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::backlog::drain;
use crate::backlog::report::Rate;
use crate::backlog::watch::Watch;
use crate::caller::{Caller, QueueCounts};
use crate::request::{BATCH, Requests};
use crate::stamped::{Stamp, Stamped};

/// All lanes, over all queues.
#[derive(Default)]
pub(crate) struct Lanes {
    queue_urls: Vec<String>,
    body_bytes: usize,
    lanes: Vec<Lane>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Lane {
    sent: u64,
    taken: u64,
}

impl Lanes {
    /// Lanes for these queues: as many as there are queues, or a multiple of that, but `lanes_min` at least.
    pub(crate) fn over(queue_urls: Vec<String>, lanes_min: usize, body_bytes: usize) -> Self {
        let count = lanes_min.next_multiple_of(queue_urls.len()).max(queue_urls.len());
        Self { queue_urls, body_bytes, lanes: vec![Lane::default(); count] }
    }

    fn queue_of(&self, lane: usize) -> usize {
        lane % self.queue_urls.len()
    }

    /// Messages that must be there.
    pub(crate) fn standing(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.sent - lane.taken).sum()
    }

    /// Sends until `messages` stand in the queues.
    pub(crate) async fn fill(
        &mut self,
        address: SocketAddr,
        watch: &Arc<Watch>,
        messages: u64,
    ) -> Result<Rate, String> {
        let missing = messages.saturating_sub(self.standing()).div_ceil(BATCH as u64);
        let section = Arc::new(Section { batches: missing, begun: AtomicU64::new(0), watch: Arc::clone(watch) });
        let begun = Instant::now();
        let mut senders = JoinSet::new();
        for (number, lane) in self.lanes.iter().enumerate() {
            let first = Stamp { lane: number, number: lane.sent };
            let queue_url = &self.queue_urls[self.queue_of(number)];
            let batch = Stamped::ten(&Requests::to(address), queue_url, self.body_bytes, 0);
            senders.spawn(send(address, batch, first, Arc::clone(&section)));
        }
        while let Some(sent) = senders.join_next().await {
            let next = sent.expect("a sender does not panic")?;
            self.lanes[next.lane].sent = next.number;
        }
        Ok(Rate { messages: missing * BATCH as u64, elapsed: begun.elapsed() })
    }

    /// Receives and deletes for so long over several connections.
    pub(crate) async fn drain(&mut self, address: SocketAddr, window: Duration) -> Result<Rate, String> {
        let (stamps, elapsed) = drain::all_together(address, &self.queue_urls, self.body_bytes, window).await?;
        let messages = stamps.len() as u64;
        self.take(stamps)?;
        Ok(Rate { messages, elapsed })
    }

    /// Receives and deletes the oldest `count` messages, shared out between the queues.
    pub(crate) async fn take_oldest(&mut self, address: SocketAddr, count: u64) -> Result<(), String> {
        let each = count.div_ceil(self.queue_urls.len() as u64);
        for (queue, queue_url) in self.queue_urls.clone().iter().enumerate() {
            let here = each.min(self.standing_in(queue));
            let stamps = drain::one_by_one(address, queue_url, self.body_bytes, here).await?;
            self.take(stamps)?;
        }
        Ok(())
    }

    fn standing_in(&self, queue: usize) -> u64 {
        let here = self.lanes.iter().enumerate().filter(|(lane, _)| self.queue_of(*lane) == queue);
        here.map(|(_, lane)| lane.sent - lane.taken).sum()
    }

    /// Every queue must say that it holds what stands in it, all of it visible.
    pub(crate) async fn check_counts(&self, address: SocketAddr) -> Result<(), String> {
        let mut caller = Caller::new(address);
        for (queue, queue_url) in self.queue_urls.iter().enumerate() {
            let found = caller.counts(queue_url).await.map_err(|error| error.to_string())?;
            let expected = QueueCounts { visible: self.standing_in(queue), ..QueueCounts::default() };
            if found != expected {
                return Err(format!("queue {queue} says {found:?} and must say {expected:?}"));
            }
        }
        Ok(())
    }

    /// Notes what was taken; it must be each lane's oldest, every one of them once.
    fn take(&mut self, stamps: Vec<Stamp>) -> Result<(), String> {
        let mut taken: HashMap<usize, Vec<u64>> = HashMap::new();
        stamps.into_iter().for_each(|stamp| taken.entry(stamp.lane).or_default().push(stamp.number));
        for (number, mut numbers) in taken {
            numbers.sort_unstable();
            let lane = self.lanes.get_mut(number).ok_or_else(|| format!("lane {number} never sent"))?;
            for (expected, &found) in (lane.taken..lane.sent).zip(&numbers) {
                if found != expected {
                    return Err(format!("lane {number}: number {found} came where {expected} is the oldest"));
                }
            }
            lane.taken += numbers.len() as u64;
            if lane.taken > lane.sent {
                return Err(format!("lane {number}: {} messages came of {} that were sent", lane.taken, lane.sent));
            }
        }
        Ok(())
    }
}

/// A stretch of the fill: its batches are given to whoever asks next.
struct Section {
    batches: u64,
    begun: AtomicU64,
    watch: Arc<Watch>,
}

/// Sends batches until the section has none left; the lane's next number.
async fn send(address: SocketAddr, mut batch: Stamped, first: Stamp, section: Arc<Section>) -> Result<Stamp, String> {
    let mut caller = Caller::new(address);
    let mut next = first;
    while section.begun.fetch_add(1, Ordering::Relaxed) < section.batches {
        let answer = caller.send_prepared(batch.numbered(next)).await.map_err(|error| error.to_string())?;
        let confirmed = memchr::memmem::find_iter(answer, "\"MessageId\"").count();
        if confirmed != BATCH {
            return Err(format!("{confirmed} of {BATCH} were taken: {:.300}", String::from_utf8_lossy(answer)));
        }
        next.number += BATCH as u64;
        section.watch.sent(BATCH as u64)?;
    }
    Ok(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lanes(sent: &[u64]) -> Lanes {
        let lanes = sent.iter().map(|&sent| Lane { sent, taken: 0 }).collect();
        Lanes { queue_urls: vec!["a".into(), "b".into()], body_bytes: 32, lanes }
    }

    fn stamps(pairs: &[(usize, u64)]) -> Vec<Stamp> {
        pairs.iter().map(|&(lane, number)| Stamp { lane, number }).collect()
    }

    #[test]
    fn the_oldest_of_each_lane_may_come_in_any_order_between_lanes() {
        let mut lanes = lanes(&[5, 5]);
        lanes.take(stamps(&[(1, 1), (0, 0), (1, 0), (1, 2)])).unwrap();
        lanes.take(stamps(&[(0, 1), (1, 3)])).unwrap();
        assert_eq!((lanes.standing(), lanes.standing_in(0), lanes.standing_in(1)), (4, 3, 1));
    }

    #[test]
    fn a_gap_a_second_copy_and_a_stranger_are_noticed() {
        assert!(lanes(&[5, 5]).take(stamps(&[(0, 1)])).unwrap_err().contains("number 1 came where 0"));
        assert!(lanes(&[5, 5]).take(stamps(&[(0, 0), (0, 0)])).unwrap_err().contains("number 0 came where 1"));
        assert!(lanes(&[1, 5]).take(stamps(&[(0, 0), (0, 1)])).unwrap_err().contains("2 messages came of 1"));
        assert!(lanes(&[1]).take(stamps(&[(9, 0)])).unwrap_err().contains("never sent"));
    }

    #[test]
    fn every_queue_has_a_lane_and_few_queues_have_several() {
        let urls = |count: usize| vec![String::new(); count];
        assert_eq!(Lanes::over(urls(1), 16, 32).lanes.len(), 16);
        assert_eq!(Lanes::over(urls(3), 16, 32).lanes.len(), 18);
        assert_eq!(Lanes::over(urls(100), 16, 32).lanes.len(), 100);
    }
}
