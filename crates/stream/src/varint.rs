//! Whole numbers in as few bytes as they need, read from the front of a buffer and never beyond its end.
//!
//! Layout: LEB128, seven bits a byte, the lowest first; the high bit says that another byte follows. [`Reader::varint`] takes
//! the shortest form only, so that what was read is written back byte for byte; [`Reader::any_varint`] takes padded ones too,
//! as protobuf does.

/// Appends `number`.
pub(crate) fn put(out: &mut Vec<u8>, number: u64) {
    let mut rest = number;
    loop {
        let [low, ..] = rest.to_le_bytes();
        rest >>= 7;
        if rest == 0 {
            return out.push(low & 0x7f);
        }
        out.push(low | 0x80);
    }
}

/// What is left of a buffer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// What has not been read.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// So many bytes.
    pub(crate) fn bytes(&mut self, count: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(count).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    /// As many bytes as the array has.
    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    /// A number in its shortest form.
    pub(crate) fn varint(&mut self) -> Option<u64> {
        let before = self.0;
        let number = self.any_varint()?;
        let taken = before.len() - self.0.len();
        (taken == 1 || before[taken - 1] != 0).then_some(number)
    }

    /// A number in whatever form, in ten bytes at the most.
    pub(crate) fn any_varint(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let [byte] = self.array()?;
            let bits = u64::from(byte & 0x7f);
            if (bits << shift) >> shift != bits {
                return None;
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, proptest};

    #[test]
    fn a_number_is_taken_in_its_shortest_form_or_in_any() {
        for (bytes, shortest, any) in [
            (&[0][..], Some(0), Some(0)),
            (&[0x7f], Some(127), Some(127)),
            (&[0x80, 1], Some(128), Some(128)),
            (&[0x81, 0], None, Some(1)),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], Some(u64::MAX), Some(u64::MAX)),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2], None, None),
            (&[0x80; 11], None, None),
            (&[0x80], None, None),
            (&[], None, None),
        ] {
            assert_eq!(Reader::new(bytes).varint(), shortest, "{bytes:?}");
            assert_eq!(Reader::new(bytes).any_varint(), any, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_put_is_read(number in any::<u64>(), shift in 0u32..64) {
            let mut out = Vec::new();
            put(&mut out, number >> shift);
            out.push(9);
            let mut reader = Reader::new(&out);
            assert_eq!((reader.varint(), reader.rest()), (Some(number >> shift), &[9][..]));
        }
    }
}
