//! What a data folder takes on its disk, and what that disk has left.
//!
//! Counted are allocated blocks, not lengths: files are made at their full length before anything stands in them.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A block as `stat` counts it, whatever the file system's own block is.
const STAT_BLOCK_BYTES: u64 = 512;

/// Bytes on disk by the kind of file: its name up to the first `-` or `.`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct OnDisk(BTreeMap<String, Kind>);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Kind {
    files: u64,
    bytes: u64,
}

impl OnDisk {
    /// Looks at every file of a folder; one that vanishes meanwhile counts nothing.
    pub(crate) fn of(folder: &Path) -> io::Result<Self> {
        let mut found = Self::default();
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let Ok(metadata) = entry.metadata() else { continue };
            let name = entry.file_name();
            if metadata.is_file() {
                found.add(&name.to_string_lossy(), metadata.blocks() * STAT_BLOCK_BYTES);
            }
        }
        Ok(found)
    }

    fn add(&mut self, name: &str, bytes: u64) {
        let kind = name.split(['-', '.']).next().unwrap_or(name);
        let entry = self.0.entry(kind.to_owned()).or_default();
        entry.files += 1;
        entry.bytes += bytes;
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.0.values().map(|kind| kind.bytes).sum()
    }

    /// `log 3 × 192 MB, segment 12 × 804 MB`: every kind that takes a megabyte or more.
    pub(crate) fn kinds(&self) -> String {
        let large = self.0.iter().filter(|(_, kind)| kind.bytes >= 1_000_000);
        let shown = large.map(|(name, kind)| format!("{name} {:.0} MB in {}", kind.bytes as f64 / 1e6, kind.files));
        shown.collect::<Vec<_>>().join(", ")
    }
}

/// Bytes that the disk under `folder` still gives to an ordinary program.
pub(crate) fn free_bytes(folder: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok(disk.f_bavail * disk.f_frsize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    #[test]
    fn files_are_counted_by_kind_and_by_their_blocks() {
        let scratch = Scratch::new("folder").unwrap();
        for name in ["log-1.tw", "log-2.tw", "segment-1.tw", "manifest"] {
            std::fs::write(scratch.path().join(name), vec![1; 1 << 20]).unwrap();
        }
        std::fs::File::create(scratch.path().join("hole")).unwrap().set_len(1 << 30).unwrap();
        let found = OnDisk::of(scratch.path()).unwrap();
        assert!((4 << 20..5 << 20).contains(&found.bytes()), "{found:?}");
        assert_eq!(found.kinds(), "log 2 MB in 2, manifest 1 MB in 1, segment 1 MB in 1");
        assert!(free_bytes(scratch.path()).unwrap() > 0);
    }
}
