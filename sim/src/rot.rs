//! One byte of a file rots while no process runs: the next one says so, or nothing of worth was hit.
//!
//! The store was stopped in order, so every byte that counts is attested. Either the start is refused and names the file, or
//! it serves: then what is missing was counted as unreadable, is no more than stands around one place, and everything else is
//! there as it was sent, in a FIFO queue in the order of its groups. No damage of a segment refuses a start.

use crate::ask::{QUEUES, is_sent_to};
use crate::plan::Sabotage;
use crate::server::{Server, Start};
use crate::world::World;
use journal::{Io, OpenError};
use names::Instant;

/// Hours until leases that the settling of accounts took have ended.
const LATER_MILLIS: u64 = 3_600_000;

/// Bytes of bodies that one rotten byte can hide: a step of a segment with the records at both its ends, or a block.
const HIDDEN_BYTES_MAX: usize = 64 << 10;

/// Places that are tried until one is found that is not zero: most of a spare is.
const PLACES: usize = 200;

impl World {
    /// Stops in order, lets a byte rot, and looks at what a start makes of it.
    pub(crate) async fn check_rot(&mut self) -> Result<(), String> {
        let Some(damage) = self.let_rot().await? else { return Ok(()) };
        self.pass(LATER_MILLIS).await;
        let meant = (0..QUEUES.len()).filter(|queue| is_sent_to(*queue));
        let found = self.drain_all(meant.clone()).await?;
        for queue in meant {
            self.check_told(queue, &found).map_err(|why| format!("{why}: {damage}"))?;
        }
        Ok(())
    }

    /// Stops in order and lets a byte rot; what rotted, if a start serves all the same.
    pub(crate) async fn let_rot(&mut self) -> Result<Option<String>, String> {
        self.stop_and_start().await?;
        if let Some(server) = &self.server {
            server.journal().close();
        }
        self.oracle.restarted();
        self.leave_server();
        self.disk = self.disk.kill();
        let Some((name, offset)) = self.place() else { return Ok(None) };
        self.disk.flip(&name, offset, self.chance.u8(..8));
        self.trace.note(format_args!("a bit of {name} rots at {offset}"));
        self.report.rotten_bits += 1;
        self.oracle.rotten();
        let start = Start {
            disk: &self.disk,
            now: Instant::from_millis(self.wall),
            trace: &self.trace,
            seed: self.chance.u64(..),
            sabotage: self.plan.sabotage,
            subject: self.plan.subject,
            receivers: &self.receivers,
        };
        match Server::open(&start) {
            Ok(server) => {
                self.wall = server.now().as_millis();
                self.receivers.time_is(self.wall);
                self.server = Some(server);
                Ok(Some(format!("a bit of {name} rotted at {offset}")))
            }
            Err(OpenError::Corrupt { file, .. }) if file == name && !file.starts_with("segment-") => Ok(None),
            Err(error) => Err(format!("a bit of {name} rotted at {offset}, and the start says: {error}")),
        }
    }

    fn check_told(&mut self, queue: usize, found: &[usize]) -> Result<(), String> {
        let missing = self.oracle.missing_bytes(queue, found);
        self.report.unreadable += u64::from(missing > 0);
        self.report.unreadable_in_order += u64::from(missing > 0 && QUEUES[queue].is_fifo);
        self.check_missing(QUEUES[queue].name, missing)
    }

    /// What is missing is told, and no more than stands around one place.
    pub(crate) fn check_missing(&self, name: &str, bytes: usize) -> Result<(), String> {
        let is_hidden = self.plan.sabotage == Some(Sabotage::DamageIsNotTold);
        let told = self.server.as_ref().map_or(0, |server| server.store.damaged_reads());
        match bytes {
            0 => Ok(()),
            _ if told == 0 || is_hidden => Err(format!("messages of {name} are missing and nobody says so")),
            bytes if bytes > HIDDEN_BYTES_MAX => Err(format!("{bytes} bytes of {name} are missing")),
            _ => Ok(()),
        }
    }

    /// A place in some file that is not empty; often in one that holds messages beyond the log.
    fn place(&mut self) -> Option<(String, u64)> {
        let mut names = self.disk.list().ok()?;
        names.sort();
        if self.chance.bool() && names.iter().any(|name| name.starts_with("segment-")) {
            names.retain(|name| name.starts_with("segment-"));
        }
        for _ in 0..PLACES {
            let name = &names[self.chance.usize(..names.len())];
            let bytes = self.disk.bytes(name).unwrap_or_default();
            if bytes.is_empty() {
                continue;
            }
            let at = self.chance.usize(..bytes.len());
            if bytes[at] != 0 {
                return Some((name.clone(), at as u64));
            }
        }
        None
    }
}
