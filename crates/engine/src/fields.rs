//! Fields of records: what most machines write their effects and snapshots with. Integers are big-endian.
//!
//! Writing cannot fail: what is longer than its count can say was bounded at the door. Reading gives `None` where bytes are
//! missing or mean nothing, and whoever reads asks at the end whether anything is left ([`Fields::end`]).

use names::{AccountId, Instant, Region};

/// A count of 4 bytes.
pub fn put_count(count: usize, out: &mut Vec<u8>) {
    out.extend(u32::try_from(count).expect("counts were bounded at the door").to_be_bytes());
}

/// A length of 4 bytes, and the bytes.
pub fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put_count(bytes.len(), out);
    out.extend(bytes);
}

/// A length of 4 bytes, and UTF-8.
pub fn put_text(text: &str, out: &mut Vec<u8>) {
    put_bytes(text.as_bytes(), out);
}

/// 0, or 1 and what it is of.
pub fn put_option<T>(value: Option<T>, out: &mut Vec<u8>, put: impl FnOnce(T, &mut Vec<u8>)) {
    out.push(u8::from(value.is_some()));
    if let Some(value) = value {
        put(value, out);
    }
}

/// Milliseconds since the epoch, in 8 bytes.
pub fn put_instant(at: Instant, out: &mut Vec<u8>) {
    out.extend(at.as_millis().to_be_bytes());
}

/// A count, and so many texts in pairs.
pub fn put_pairs<'a>(pairs: impl ExactSizeIterator<Item = (&'a str, &'a str)>, out: &mut Vec<u8>) {
    put_count(pairs.len(), out);
    for (key, value) in pairs {
        put_text(key, out);
        put_text(value, out);
    }
}

/// Takes fields off the front of what was written.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// What stands in `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value, if nothing is left behind it.
    pub fn end<T>(self, value: T) -> Option<T> {
        self.is_empty().then_some(value)
    }

    /// All that is left.
    pub fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// The next bytes.
    pub fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    /// As many bytes as the array has.
    pub fn array<const BYTES: usize>(&mut self) -> Option<[u8; BYTES]> {
        self.take(BYTES)?.try_into().ok()
    }

    /// One byte.
    pub fn byte(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    /// A byte that is 0 or 1.
    pub fn flag(&mut self) -> Option<bool> {
        match self.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    /// Four bytes.
    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// Eight bytes.
    pub fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    /// Sixteen bytes.
    pub fn u128(&mut self) -> Option<u128> {
        self.array().map(u128::from_be_bytes)
    }

    /// What [`put_count`] wrote.
    pub fn count(&mut self) -> Option<usize> {
        usize::try_from(self.u32()?).ok()
    }

    /// What [`put_bytes`] wrote.
    pub fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.count()?;
        self.take(length)
    }

    /// What [`put_text`] wrote.
    pub fn text(&mut self) -> Option<Box<str>> {
        std::str::from_utf8(self.bytes()?).ok().map(Box::from)
    }

    /// What [`put_instant`] wrote.
    pub fn instant(&mut self) -> Option<Instant> {
        self.u64().map(Instant::from_millis)
    }

    /// What [`put_option`] wrote.
    pub fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        if self.flag()? { read(self).map(Some) } else { Some(None) }
    }

    /// A count, and so many of what `read` reads.
    pub fn list<T, C: FromIterator<T>>(&mut self, mut read: impl FnMut(&mut Self) -> Option<T>) -> Option<C> {
        (0..self.count()?).map(|_| read(self)).collect()
    }

    /// What [`put_pairs`] wrote.
    pub fn pairs<C: FromIterator<(Box<str>, Box<str>)>>(&mut self) -> Option<C> {
        self.list(|fields| fields.text().zip(fields.text()))
    }

    /// The twelve digits of an account.
    pub fn account(&mut self) -> Option<AccountId> {
        AccountId::parse(std::str::from_utf8(self.take(AccountId::LEN)?).ok()?).ok()
    }

    /// A region, written as text.
    pub fn region(&mut self) -> Option<Region> {
        Region::parse(&self.text()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_is_cut_off_is_not() {
        let mut out = Vec::new();
        put_text("é", &mut out);
        put_option(Some(7_u8), &mut out, |byte, out| out.push(byte));
        put_option(None::<u8>, &mut out, |byte, out| out.push(byte));
        put_pairs([("a", "b")].into_iter(), &mut out);
        put_instant(Instant::from_millis(5), &mut out);
        let read = |bytes: &[u8]| {
            let mut fields = Fields::new(bytes);
            let text = fields.text()?;
            let (some, none) = (fields.option(Fields::byte)?, fields.option(Fields::byte)?);
            let pairs: Vec<_> = fields.pairs()?;
            let at = fields.instant()?;
            fields.end((text, some, none, pairs, at))
        };
        let expected = ("é".into(), Some(7), None, vec![("a".into(), "b".into())], Instant::from_millis(5));
        assert_eq!(read(&out), Some(expected));
        assert!((0..out.len()).all(|length| read(&out[..length]).is_none()));
        out.push(0);
        assert_eq!(read(&out), None);
    }

    #[test]
    fn a_flag_is_nothing_but_a_flag() {
        assert_eq!(Fields::new(&[2]).flag(), None);
        assert_eq!(Fields::new(&[2, 0]).option(Fields::byte), None);
    }
}
