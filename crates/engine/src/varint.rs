//! Whole numbers in as few bytes as they need, and a reader that never runs past the end.
//!
//! Layout: seven bits a byte, lowest first; the high bit says that another byte follows (LEB128). [`Reader::varint`] accepts
//! exactly one form of every number, so a record that was read is written back byte for byte; [`Reader::any_varint`] takes
//! padded ones too, as protobuf does.

/// Appends `number`.
pub fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

/// Appends `number` as its distance from `base`, in few bytes if they are close, whichever is larger.
pub fn put_near(out: &mut Vec<u8>, number: u64, base: u64) {
    let distance = number.wrapping_sub(base).cast_signed();
    put(out, (distance << 1 ^ distance >> 63).cast_unsigned());
}

/// Reads a payload from its front. Each read says what was wrong if the bytes do not serve.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// All of `payload` is left.
    pub fn new(payload: &'a [u8]) -> Self {
        Self { rest: payload }
    }

    /// How many bytes are left.
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Whether everything was read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// All bytes that are left.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], &'static str> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or("it ends inside a field")?;
        self.rest = rest;
        Ok(*head)
    }

    /// The next `length` bytes.
    pub fn bytes(&mut self, length: u64) -> Result<&'a [u8], &'static str> {
        let length = usize::try_from(length).map_err(|_| "it ends inside a field")?;
        let (head, rest) = self.rest.split_at_checked(length).ok_or("it ends inside a field")?;
        self.rest = rest;
        Ok(head)
    }

    /// A number in its shortest form.
    pub fn varint(&mut self) -> Result<u64, &'static str> {
        let before = self.rest;
        let number = self.any_varint()?;
        let taken = before.len() - self.rest.len();
        match taken > 1 && before[taken - 1] == 0 {
            true => Err("a number is longer than it needs"),
            false => Ok(number),
        }
    }

    /// A number in whatever form, in ten bytes at the most.
    pub fn any_varint(&mut self) -> Result<u64, &'static str> {
        let mut number = 0u64;
        for shift in (0..u64::BITS).step_by(7) {
            let [byte] = self.array::<1>()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && byte > 1 {
                return Err("a number is larger than 64 bits");
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err("a number is larger than 64 bits")
    }

    /// A number that was written as its distance from `base`.
    pub fn near(&mut self, base: u64) -> Result<u64, &'static str> {
        let folded = self.varint()?;
        Ok(base.wrapping_add(folded >> 1 ^ (folded & 1).wrapping_neg()))
    }

    /// Insists that everything was read.
    pub fn end(&self) -> Result<(), &'static str> {
        if self.rest.is_empty() { Ok(()) } else { Err("bytes follow its end") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, proptest};

    #[test]
    fn a_number_has_one_form_only() {
        for (number, bytes) in [(0, &[0u8][..]), (127, &[127]), (128, &[0x80, 1]), (300, &[0xac, 2])] {
            let mut out = Vec::new();
            put(&mut out, number);
            assert_eq!(out, bytes);
            assert_eq!(Reader::new(bytes).varint(), Ok(number));
        }
        let nine = [0xff; 9];
        let most: Vec<u8> = nine.iter().copied().chain([1]).collect();
        assert_eq!(Reader::new(&most).varint(), Ok(u64::MAX));
        for wrong in [&[0x80, 0][..], &[0x80], &[], &[0xff; 10], &[&nine[..], &[2]].concat()] {
            assert!(Reader::new(wrong).varint().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_padded_number_is_taken_where_any_form_is() {
        for (bytes, number) in
            [(&[0x81, 0][..], Some(1)), (&[0x80, 0x80, 0], Some(0)), (&[0x80; 11], None), (&[0x80], None)]
        {
            assert_eq!(Reader::new(bytes).any_varint().ok(), number, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_put_is_read(number in any::<u64>(), shift in 0u32..64) {
            let mut out = Vec::new();
            put(&mut out, number >> shift);
            let mut reader = Reader::new(&out);
            assert_eq!(reader.varint(), Ok(number >> shift));
            assert_eq!(reader.end(), Ok(()));
        }

        #[test]
        fn what_is_put_near_another_is_read(number in any::<u64>(), base in any::<u64>(), close in -64i64..64) {
            let mut out = Vec::new();
            put_near(&mut out, number, base);
            put_near(&mut out, base.wrapping_add_signed(close), base);
            let mut reader = Reader::new(&out);
            assert_eq!(reader.near(base), Ok(number));
            assert_eq!(reader.remaining(), 1);
            assert_eq!(reader.near(base), Ok(base.wrapping_add_signed(close)));
        }
    }
}
