//! What accounts may have and have committed themselves to, each in a region: streams on demand, and the commitment to pay for a
//! throughput in any case (MinimumThroughputBillingCommitment), kept beside the streams.
//!
//! An account that has committed itself at some time has a partition in the family of streams, whose only record kind says so
//! (`records.rs`). Whoever never did has none.

use super::{Catalog, StreamEntry, StreamKey, Streams};
use crate::machine::{Change, Command, Reply, Stream};
use crate::records::FAMILY;
use crate::refusal::Refusal;
use crate::settings::{Commitment, Mode};
use engine::{Partition, Unavailable};
use names::{AccountId, PartitionId, Region};
use std::sync::Arc;

/// An account in a region that has committed itself at some time.
pub(super) struct Account {
    partition: Arc<Partition<Stream>>,
    commitment: Arc<Commitment>,
}

impl Catalog {
    /// Changes the mode of a stream, which counts for its account if it is on demand then.
    pub(crate) async fn set_mode(&self, entry: &Arc<StreamEntry>, mode: Mode) -> Result<Box<Stream>, Refusal> {
        let pending = {
            let _changing = entry.changing();
            let before = entry.view().about.mode;
            if before == Mode::OnDemand && mode == Mode::Provisioned && entry.queues.count() > 0 {
                let what = "UpdateStreamMode can't switch to provisioned capacity mode";
                return Err(Refusal::has_queues(&entry.key, what));
            }
            let is_new = mode == Mode::OnDemand && before != mode;
            self.write(|streams| {
                if is_new {
                    streams.check_on_demand(&entry.key, self.on_demand_max)?;
                }
                let pending = entry.partition.execute(Command::Change(Change::Mode(mode)))?;
                entry.look_again();
                Ok::<_, Refusal>(pending)
            })?
        };
        entry.answer(pending).await
    }

    /// What an account has committed itself to in a region.
    pub(crate) fn commitment(&self, account: AccountId, region: &Region) -> Option<Arc<Commitment>> {
        self.read(|streams| Some(Arc::clone(&streams.committed.get(&(account, region.clone()))?.commitment)))
    }

    /// Whether an account has committed itself.
    pub(crate) fn is_committed(&self, account: AccountId, region: &Region) -> bool {
        let now = self.store.clock().now();
        self.commitment(account, region).is_some_and(|commitment| commitment.is_on(now))
    }

    /// Switches the commitment of an account, and answers it as it is then.
    pub(crate) async fn commit(
        &self,
        account: AccountId,
        region: &Region,
        on: bool,
    ) -> Result<Option<Arc<Commitment>>, Refusal> {
        let place = (account, region.clone());
        let pending = self.write(|streams| {
            let known = streams.committed.get(&place).map(|account| Arc::clone(&account.partition));
            let partition = match known {
                Some(partition) => partition,
                None if on => {
                    let id = PartitionId::of_family(FAMILY, streams.next_stream);
                    streams.next_stream += 1;
                    Partition::new(&self.store, id, Stream::default())
                }
                None => return Ok(None),
            };
            let pending = partition.execute(Command::Commit { account, region: region.clone(), on })?;
            streams.note_commitment(&partition);
            Ok::<_, Refusal>(Some(pending))
        })?;
        match pending {
            Some(pending) => match pending.await? {
                Reply::Described(of_account) => Ok(of_account.commitment),
                _ => Err(Unavailable::Stopped.into()),
            },
            None => {
                self.settled().await?;
                Ok(None)
            }
        }
    }

    /// Forgets what accounts have committed themselves to.
    pub(crate) fn uncommit_all(&self) -> Result<(), Unavailable> {
        let all = self.write(|streams| std::mem::take(&mut streams.committed));
        all.into_values()
            .try_for_each(|account| account.partition.execute(Command::Delete { with_consumers: true }).map(drop))
    }
}

impl Streams {
    /// Whether one more of them may be on demand.
    pub(super) fn check_on_demand(&self, key: &StreamKey, most: usize) -> Result<(), Refusal> {
        let have = self.beside(key).filter(|entry| entry.view().about.mode == Mode::OnDemand).count();
        if have < most { Ok(()) } else { Err(Refusal::on_demand_limit(key, have, most)) }
    }

    /// Keeps what a partition says of its account, if it is one of an account.
    pub(super) fn note_commitment(&mut self, partition: &Arc<Partition<Stream>>) {
        if let Some(commitment) = partition.inspect(|stream| stream.commitment.clone()).flatten() {
            let place = (commitment.account, commitment.region.clone());
            self.committed.insert(place, Account { partition: Arc::clone(partition), commitment });
        }
    }
}
