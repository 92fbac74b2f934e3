//! Everything a run did, as one number and, if wanted, as text.
//!
//! Every request, answer, disk operation and step is a line. Two runs of one seed must have the same lines; the number
//! is a hash of them all, so thousands of runs can be compared without keeping the text.

use std::fmt::{self, Write};
use std::sync::{Mutex, PoisonError};

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;

/// The lines so far.
pub(crate) struct Trace(Mutex<Lines>);

struct Lines {
    hash: u64,
    kept: Option<Vec<String>>,
}

impl Trace {
    /// An empty trace; the text is kept only if asked for.
    pub(crate) fn new(keep: bool) -> Self {
        Self(Mutex::new(Lines { hash: FNV_OFFSET, kept: keep.then(Vec::new) }))
    }

    /// Adds a line.
    pub(crate) fn note(&self, line: fmt::Arguments<'_>) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut hasher = Hasher(lines.hash);
        // A hash takes every text.
        let _ = hasher.write_fmt(line);
        lines.hash = hasher.0;
        if let Some(kept) = &mut lines.kept {
            kept.push(line.to_string());
        }
    }

    /// The number that stands for all lines.
    pub(crate) fn hash(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).hash
    }

    /// The text, if it was kept.
    pub(crate) fn take_lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).kept.take().unwrap_or_default()
    }
}

/// FNV-1a, 64 bits: lines are short, and nobody attacks a trace.
struct Hasher(u64);

impl Write for Hasher {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(FNV_PRIME);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_depends_on_every_line_and_their_order() {
        let of = |lines: &[&str]| {
            let trace = Trace::new(false);
            lines.iter().for_each(|line| trace.note(format_args!("{line}")));
            trace.hash()
        };
        assert_eq!(of(&["a", "b"]), of(&["a", "b"]));
        assert_ne!(of(&["a", "b"]), of(&["b", "a"]));
        assert_ne!(of(&["a"]), of(&["a", "b"]));
    }
}
