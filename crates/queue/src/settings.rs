//! What a queue's owner may set, and its bytes in records and snapshots.
//!
//! ```text
//! version 1   retention v │ visibility v │ delay v (milliseconds)
//! version 2   the same │ sections (tagged.rs), one for each setting that is not as it is by default
//! ```
//! A setting that came later has a tag of its own here. Settings that have none are written as version 1.
//!
//! ```text
//! tag 10   (empty)   the queue keeps the order of its message groups
//! ```

use crate::tagged::{Section, put_sections, read_sections};
use crate::varint::{Reader, put};

/// What a queue's owner may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How long after it was sent a message is dropped. A change also reaches messages already sent.
    pub retention_millis: u64,
    /// How long a receive hides messages if it does not say.
    pub visibility_millis: u64,
    /// How long a message stays hidden after it was sent if it does not say.
    pub delay_millis: u64,
    /// Whether messages of a group are handed out in the order sent, and ids deduplicated. It never changes.
    pub is_fifo: bool,
}

/// The tag of [`Settings::is_fifo`].
const FIFO: u8 = 10;

/// The version without sections.
pub(crate) const PLAIN: u8 = 1;
/// The version with sections.
pub(crate) const TAGGED: u8 = 2;

impl Settings {
    /// Settings of a standard queue that has nothing beside these times.
    pub const fn plain(retention_millis: u64, visibility_millis: u64, delay_millis: u64) -> Self {
        Self { retention_millis, visibility_millis, delay_millis, is_fifo: false }
    }

    /// The version that these settings are written in.
    pub(crate) fn version(&self) -> u8 {
        if self.sections().is_empty() { PLAIN } else { TAGGED }
    }

    /// Appends the settings, in `version`, which must be able to hold them.
    pub(crate) fn put(&self, out: &mut Vec<u8>, version: u8) {
        for number in [self.retention_millis, self.visibility_millis, self.delay_millis] {
            put(out, number);
        }
        if version == TAGGED {
            put_sections(out, &self.sections());
        }
    }

    /// Reads settings of `version`.
    pub(crate) fn read(reader: &mut Reader<'_>, version: u8) -> Result<Self, &'static str> {
        let mut settings = Self::plain(reader.varint()?, reader.varint()?, reader.varint()?);
        if version == TAGGED {
            read_sections(reader, |tag, section| settings.take(tag, section))?;
        }
        Ok(settings)
    }

    /// What is not as it is by default, by rising tags.
    fn sections(&self) -> Vec<Section> {
        let mut sections = Vec::new();
        if self.is_fifo {
            sections.push((FIFO, Vec::new()));
        }
        sections
    }

    /// Takes one section in.
    fn take(&mut self, tag: u8, _section: &mut Reader<'_>) -> Result<(), &'static str> {
        match tag {
            FIFO => self.is_fifo = true,
            _ => return Err("a setting that this version does not know"),
        }
        Ok(())
    }
}
