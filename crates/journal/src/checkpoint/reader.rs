//! Reads a checkpoint from its beginning to its end and checks every byte of it.
//!
//! The footer is read first: its CRC must be the manifest's. It says how many snapshots there are and how long they are
//! together, so that a damaged length can never ask for more than the file has.

use crate::{
    aligned::AlignedBuf,
    error::{Damage, Fault, Unreadable},
    io::{Io, IoFile},
    limits::{CHECKPOINT_FORMAT, CHECKPOINT_READ_BYTES, PAGE_BYTES},
    record::u32_at,
};

use super::{
    CheckpointFile, EndFault, Footer, Header, SNAPSHOT_HEADER_BYTES, Snapshot, checkpoint_name, decode_snapshot,
    snapshot_bytes,
};

/// An open checkpoint, standing before a snapshot.
pub(crate) struct Reader {
    name: String,
    file: Box<dyn IoFile>,
    header: Header,
    footer: Footer,
    /// Where the next snapshot stands.
    at: u64,
    count: u64,
    crc: u32,
    window: AlignedBuf,
    window_at: u64,
    window_filled: usize,
    snapshot: Vec<u8>,
}

impl Reader {
    /// Opens the checkpoint that the manifest lists as `listed` and checks its ends.
    pub(crate) fn open(io: &dyn Io, listed: &CheckpointFile, log_id: u64) -> Result<Self, Unreadable> {
        let name = checkpoint_name(listed.number);
        let file = match io.open(&name) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Damage::at(&name, 0, "the file is missing").into());
            }
            other => other.map_err(Fault::of(&name, "open"))?,
        };
        let found = file.len().map_err(Fault::of(&name, "length"))?;
        if found != listed.bytes || found < 2 * PAGE_BYTES as u64 {
            let why = format!("the file has {found} bytes in place of {}", listed.bytes);
            return Err(Damage::at(&name, found.min(listed.bytes), why).into());
        }
        let footer_at = listed.bytes - PAGE_BYTES as u64;
        let damaged = |offset, what: &str| Damage::at(&name, offset, format!("the {what} is damaged"));
        let refused = |offset, what| {
            let name = name.clone();
            move |fault| match fault {
                EndFault::Damaged => Unreadable::from(Damage::at(&name, offset, format!("the {what} is damaged"))),
                EndFault::Newer(found) => Unreadable::Newer { file: name, found, reads: CHECKPOINT_FORMAT },
            }
        };
        let header = Header::decode(&page_at(&*file, &name, 0)?).map_err(refused(0, "header"))?;
        let (footer, crc) =
            Footer::decode(&page_at(&*file, &name, footer_at)?).map_err(refused(footer_at, "footer"))?;
        if (header.log_id, header.number) != (log_id, listed.number) {
            return Err(Damage::at(&name, 0, "it is a checkpoint of another log, or another one of this log").into());
        }
        let whole = (footer.log_id, footer.number, crc) == (log_id, listed.number, listed.footer_crc);
        let fits = footer.bytes.checked_next_multiple_of(PAGE_BYTES as u64) == Some(footer_at - PAGE_BYTES as u64);
        if !whole || !fits {
            return Err(damaged(footer_at, "footer").into());
        }
        let window = AlignedBuf::new(CHECKPOINT_READ_BYTES);
        let at = PAGE_BYTES as u64;
        let (count, crc, window_at, window_filled, snapshot) = (0, 0, 0, 0, Vec::new());
        Ok(Self { name, file, header, footer, at, count, crc, window, window_at, window_filled, snapshot })
    }

    /// What its first page says.
    pub(crate) fn header(&self) -> Header {
        self.header
    }

    /// Its name, and where the snapshot stands that `next` returns next.
    pub(crate) fn place(&self) -> (&str, u64) {
        (&self.name, self.at)
    }

    /// The next snapshot. At the end, after everything was found sound, `None`.
    pub(crate) fn next(&mut self) -> Result<Option<Snapshot<'_>>, Unreadable> {
        let end = PAGE_BYTES as u64 + self.footer.bytes;
        if self.at == end {
            return self.check_end(end).map(|()| None);
        }
        let (start, left) = (self.at, end - self.at);
        let damaged = Damage::at(&self.name, start, "the snapshot is damaged");
        let mut snapshot = std::mem::take(&mut self.snapshot);
        snapshot.clear();
        snapshot.resize(SNAPSHOT_HEADER_BYTES, 0);
        if left < SNAPSHOT_HEADER_BYTES as u64 {
            return Err(damaged.into());
        }
        self.fill(&mut snapshot)?;
        let bytes = snapshot_bytes(&snapshot);
        if bytes > left {
            return Err(damaged.into());
        }
        snapshot.resize(usize::try_from(bytes).expect("a snapshot fits into memory"), 0);
        self.fill(&mut snapshot[SNAPSHOT_HEADER_BYTES..])?;
        self.snapshot = snapshot;
        self.crc = crc32c::crc32c_append(self.crc, &u32_at(&self.snapshot, 0).to_le_bytes());
        self.count += 1;
        match decode_snapshot(&self.snapshot) {
            Some((snapshot, _)) => Ok(Some(snapshot)),
            None => Err(damaged.into()),
        }
    }

    /// Reads everything and only checks it.
    pub(crate) fn verify(mut self) -> Result<(), Unreadable> {
        while self.next()?.is_some() {}
        Ok(())
    }

    fn check_end(&mut self, end: u64) -> Result<(), Unreadable> {
        let mut padding = vec![0; usize::try_from(end.next_multiple_of(PAGE_BYTES as u64) - end).unwrap_or(0)];
        if self.at == end && !padding.is_empty() {
            self.fill(&mut padding)?;
            self.at = end;
        }
        let zeros = padding.iter().all(|byte| *byte == 0);
        if !zeros || self.count != self.footer.count || self.crc != self.footer.snapshots_crc {
            return Err(Damage::at(&self.name, end, "its snapshots are not those of its footer").into());
        }
        Ok(())
    }

    /// Fills `out` from the place reached, and moves on behind it.
    fn fill(&mut self, mut out: &mut [u8]) -> Result<(), Unreadable> {
        while !out.is_empty() {
            let held = self.window_at..self.window_at + self.window_filled as u64;
            if !held.contains(&self.at) {
                self.window_at = self.at / PAGE_BYTES as u64 * PAGE_BYTES as u64;
                let read = self.file.read_at(self.window_at, &mut self.window);
                self.window_filled = read.map_err(Fault::at(&self.name, "read", self.window_at))?;
                if self.window_at + self.window_filled as u64 <= self.at {
                    return Err(Damage::at(&self.name, self.at, "the file was cut off here").into());
                }
            }
            let start = usize::try_from(self.at - self.window_at).expect("the place lies inside the window");
            let piece = out.len().min(self.window_filled - start);
            out[..piece].copy_from_slice(&self.window[start..start + piece]);
            out = &mut out[piece..];
            self.at += piece as u64;
        }
        Ok(())
    }
}

fn page_at(file: &dyn IoFile, name: &str, offset: u64) -> Result<Vec<u8>, Fault> {
    let mut page = AlignedBuf::new(PAGE_BYTES);
    let read = file.read_at(offset, &mut page).map_err(Fault::at(name, "read", offset))?;
    Ok(page[..read].to_vec())
}
