//! The pen that records are written with: the engine's fields one after the other into one buffer.
//!
//! What it writes `engine::fields::Fields` reads.

use engine::fields::{put_bytes, put_count, put_instant, put_option, put_text};
use names::Instant;

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
        put_count(count, self.0);
    }

    pub(crate) fn instant(&mut self, at: Instant) {
        put_instant(at, self.0);
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        put_bytes(bytes, self.0);
    }

    pub(crate) fn text(&mut self, text: &str) {
        put_text(text, self.0);
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

    pub(crate) fn some<T>(&mut self, value: Option<&T>, put: impl FnOnce(&mut Pen<'_>, &T)) {
        put_option(value, self.0, |value, out| put(&mut Pen(out), value));
    }
}
