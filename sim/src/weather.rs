//! The disk's misfortunes: what is armed and will strike at one of its next operations.

use crate::plan::Misfortunes;
use crate::server::FILE_BYTES;
use journal::sim::SimDisk;
use std::io::ErrorKind;

/// What the disk has in store, or is suffering.
#[derive(Debug, Default)]
pub(crate) struct Weather {
    /// An operation of this disk will fail, or has failed.
    pub(crate) error: bool,
    /// The power will be cut, or is.
    pub(crate) cut: bool,
    /// The disk is full, or the server has not noticed yet that it no longer is.
    pub(crate) scarce: bool,
    full: bool,
}

impl Weather {
    /// One more misfortune, or the end of one; its name.
    pub(crate) fn change(&mut self, disk: &SimDisk, chance: &mut fastrand::Rng, may: Misfortunes) -> &'static str {
        match chance.u8(..4) {
            0 if may.disk_errors => {
                self.error = true;
                disk.fail_op(disk.ops() + chance.u64(1..12), ErrorKind::Other);
                "an operation will fail"
            }
            1 if may.crashes => {
                self.cut = true;
                disk.power_off_at(disk.ops() + chance.u64(1..12));
                "the power will be cut"
            }
            _ if self.full => {
                self.relieve(disk);
                "space returns"
            }
            2 | 3 if may.full_disk => {
                (self.full, self.scarce) = (true, true);
                let free = journal::Io::free_bytes(disk).unwrap_or(u64::MAX);
                disk.set_capacity(u64::MAX - free + chance.u64(..6) * FILE_BYTES);
                "the disk fills up"
            }
            _ => "nothing",
        }
    }

    /// Whether the disk is full.
    pub(crate) fn is_full(&self) -> bool {
        self.full
    }

    /// There is room again; the server does not know yet.
    pub(crate) fn relieve(&mut self, disk: &SimDisk) {
        disk.set_capacity(u64::MAX);
        self.full = false;
    }

    /// The server has looked at the free space.
    pub(crate) fn noticed(&mut self) {
        self.scarce = self.full;
    }

    /// The disk was taken out of one process and given to the next: what was armed is gone.
    pub(crate) fn next_process(&mut self) {
        (self.error, self.cut, self.scarce) = (false, false, self.full);
    }
}
