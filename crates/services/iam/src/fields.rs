//! The pieces that records are made of: texts, counts, moments. Integers are big-endian.
//!
//! What [`Pen`] writes [`Fields`] reads; bytes that are too short or no text give nothing, and never a panic. No count is
//! trusted before its items are there.

use names::{AccountId, Instant};

/// Appends to a record.
pub(crate) struct Pen<'a>(pub(crate) &'a mut Vec<u8>);

impl Pen<'_> {
    pub(crate) fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    pub(crate) fn number(&mut self, number: u32) {
        self.0.extend(number.to_be_bytes());
    }

    pub(crate) fn count(&mut self, count: usize) {
        self.number(u32::try_from(count).expect("lists were bounded at the door"));
    }

    pub(crate) fn instant(&mut self, at: Instant) {
        self.0.extend(at.as_millis().to_be_bytes());
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    pub(crate) fn texts<'t>(&mut self, texts: impl IntoIterator<Item = &'t Box<str>, IntoIter: ExactSizeIterator>) {
        let texts = texts.into_iter();
        self.count(texts.len());
        texts.for_each(|text| self.text(text));
    }

    pub(crate) fn pairs<'t>(&mut self, pairs: impl Iterator<Item = (&'t str, &'t str)>) {
        let pairs: Vec<_> = pairs.collect();
        self.count(pairs.len());
        for (key, value) in pairs {
            self.text(key);
            self.text(value);
        }
    }

    pub(crate) fn some<T>(&mut self, value: Option<&T>, put: impl FnOnce(&mut Self, &T)) {
        self.byte(u8::from(value.is_some()));
        if let Some(value) = value {
            put(self, value);
        }
    }
}

/// What is left of a record.
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn flag(&mut self) -> Option<bool> {
        match self.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    pub(crate) fn number(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn instant(&mut self) -> Option<Instant> {
        self.array().map(u64::from_be_bytes).map(Instant::from_millis)
    }

    pub(crate) fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.number()?).ok()?;
        self.take(len)
    }

    pub(crate) fn text(&mut self) -> Option<Box<str>> {
        std::str::from_utf8(self.bytes()?).ok().map(Into::into)
    }

    pub(crate) fn account(&mut self) -> Option<AccountId> {
        let digits = self.take(AccountId::LEN)?;
        AccountId::parse(std::str::from_utf8(digits).ok()?).ok()
    }

    pub(crate) fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut items = Vec::new();
        for _ in 0..self.number()? {
            items.push(item(self)?);
        }
        Some(items)
    }

    pub(crate) fn texts(&mut self) -> Option<Vec<Box<str>>> {
        self.list(Self::text)
    }

    pub(crate) fn pairs(&mut self) -> Option<Vec<(Box<str>, Box<str>)>> {
        self.list(|fields| Some((fields.text()?, fields.text()?)))
    }

    /// The outer `None`: malformed.
    pub(crate) fn some<T>(&mut self, item: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        if self.flag()? { item(self).map(Some) } else { Some(None) }
    }
}
