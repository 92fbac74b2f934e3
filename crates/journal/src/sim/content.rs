//! The bytes of one simulated file, in pages that copies share; pages of zeros are not kept.
//!
//! So a 64 MiB file of zeros costs nothing, and keeping the disk's state after each boundary costs little.

use std::{collections::BTreeMap, sync::Arc};

use crate::limits::PAGE_BYTES;

type Page = [u8; PAGE_BYTES];

#[derive(Clone, Default)]
pub(super) struct Content {
    len: u64,
    pages: BTreeMap<u64, Arc<Page>>,
}

impl Content {
    /// `len` zero bytes.
    pub(super) fn zeros(len: u64) -> Self {
        Self { len, pages: BTreeMap::new() }
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn truncate(&mut self, len: u64) {
        let last = len / PAGE_BYTES as u64;
        self.pages.split_off(&len.div_ceil(PAGE_BYTES as u64));
        if let Some(page) = self.pages.get_mut(&last) {
            Arc::make_mut(page)[in_page(len)..].fill(0);
        }
        self.len = len;
    }

    /// Makes it at least `len` long.
    pub(super) fn grow(&mut self, len: u64) {
        self.len = self.len.max(len);
    }

    /// Writes; a write beyond the end makes the file longer.
    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) {
        let mut rest = bytes;
        let mut at = offset;
        while !rest.is_empty() {
            let start = in_page(at);
            let (piece, after) = rest.split_at(rest.len().min(PAGE_BYTES - start));
            self.write_page(at / PAGE_BYTES as u64, start, piece);
            at += piece.len() as u64;
            rest = after;
        }
        self.len = self.len.max(at);
    }

    fn write_page(&mut self, number: u64, start: usize, piece: &[u8]) {
        const ZEROS: Page = [0; PAGE_BYTES];
        let is_zero = piece == &ZEROS[..piece.len()];
        if is_zero && piece.len() == PAGE_BYTES {
            self.pages.remove(&number);
        } else if !is_zero || self.pages.contains_key(&number) {
            let page = self.pages.entry(number).or_insert_with(|| Arc::new(ZEROS));
            Arc::make_mut(page)[start..start + piece.len()].copy_from_slice(piece);
        }
    }

    /// Fills `out`, fewer bytes only at the end.
    pub(super) fn read(&self, offset: u64, out: &mut [u8]) -> usize {
        let left = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let total = out.len().min(left);
        let mut done = 0;
        while done < total {
            let at = offset + done as u64;
            let start = in_page(at);
            let piece = (total - done).min(PAGE_BYTES - start);
            let target = &mut out[done..done + piece];
            match self.pages.get(&(at / PAGE_BYTES as u64)) {
                Some(page) => target.copy_from_slice(&page[start..start + piece]),
                None => target.fill(0),
            }
            done += piece;
        }
        total
    }
}

fn in_page(offset: u64) -> usize {
    usize::try_from(offset % PAGE_BYTES as u64).expect("a page is small")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop, prop_assert_eq, proptest};

    proptest! {
        #[test]
        fn it_behaves_as_a_plain_vector(writes in prop::collection::vec((0..20_000_u64, 0..9000_usize, any::<u8>()), 0..8), cut in 0..30_000_u64) {
            let mut content = Content::zeros(10_000);
            let mut plain = vec![0; 10_000];
            for (offset, len, byte) in writes {
                content.write(offset, &vec![byte; len]);
                let start = usize::try_from(offset).unwrap();
                if len > 0 && plain.len() < start + len {
                    plain.resize(start + len, 0);
                }
                if len > 0 {
                    plain[start..start + len].fill(byte);
                }
                // An empty write says nothing about the length in the model; the content agrees up to it.
                plain.resize(usize::try_from(content.len()).unwrap(), 0);
            }
            if cut < content.len() {
                content.truncate(cut);
                plain.truncate(usize::try_from(cut).unwrap());
            }
            let mut read = vec![1; plain.len() + 10];
            let count = content.read(0, &mut read);
            prop_assert_eq!(count, plain.len());
            prop_assert_eq!(&read[..count], &plain[..]);
        }
    }
}
