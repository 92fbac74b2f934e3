//! What a queue's owner may set, and its bytes in records and snapshots.
//!
//! ```text
//! version 1   retention v │ visibility v │ delay v (milliseconds)
//! version 2   the same │ sections (tagged.rs), one for each setting that is not as it is by default
//! ```
//! A setting that came later has a tag of its own here. Settings that have none are written as version 1.
//!
//! ```text
//! tag 1    receives v │ destination 8   dead letters go there
//! tag 10   (empty)   the queue keeps the order of its message groups
//! tag 20   v total visibility (seconds)
//! tag 21   v base (seconds) │ v factor (hundredths) │ v most (seconds): back-off between receives
//! tag 22   v seconds for which deleted messages are kept
//! tag 23   v receives after which a message group is parked
//! tag 24   1 how many times as many messages as usual may be in flight
//! ```

use crate::backoff::Backoff;
use crate::limits::{IN_FLIGHT_MAX, TOTAL_VISIBILITY_MILLIS_MAX, WINDOW_MESSAGES};
use crate::tagged::{Section, put_sections, read_sections};
use crate::ways::read_id;
use engine::varint::{Reader, put};
use names::PartitionId;

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
    /// How many seconds after its receive a message may stay in flight, however often that is extended.
    pub total_visibility_secs: u32,
    /// How much longer than asked a message stays hidden the more often it was received.
    pub backoff: Option<Backoff>,
    /// Where messages go that were received too often.
    pub dead_letters: Option<DeadLetters>,
    /// For how many seconds a deleted message is kept, so that it can be replayed; 0 is not at all.
    pub keep_deleted_secs: u32,
    /// After how many receives of its first message a group of a FIFO queue is parked; 0 is never.
    pub park_after: u16,
    /// How many times [`crate::IN_FLIGHT_MAX`] messages may be in flight. A FIFO queue knows the groups of as many times its
    /// window.
    pub in_flight_times: u8,
}

/// What becomes of messages that were received too often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeadLetters {
    /// A message that was received so often goes away instead of being handed out once more.
    pub max_receives: u32,
    /// Where to.
    pub destination: PartitionId,
}

/// The tag of [`Settings::dead_letters`].
const DEAD_LETTERS: u8 = 1;
/// The tag of [`Settings::is_fifo`].
const FIFO: u8 = 10;
/// What holds where nobody allows more: AWS's twelve hours.
const TOTAL_VISIBILITY_SECS: u32 = (TOTAL_VISIBILITY_MILLIS_MAX / 1000) as u32;
/// The tag of [`Settings::total_visibility_secs`].
const TOTAL_VISIBILITY: u8 = 20;
/// The tag of [`Settings::backoff`].
const BACKOFF: u8 = 21;
/// The tag of [`Settings::keep_deleted_secs`].
const KEEP_DELETED: u8 = 22;
/// The tag of [`Settings::park_after`].
const PARK_AFTER: u8 = 23;
/// The tag of [`Settings::in_flight_times`].
const IN_FLIGHT_TIMES: u8 = 24;

/// The version without sections.
pub(crate) const PLAIN: u8 = 1;
/// The version with sections.
pub(crate) const TAGGED: u8 = 2;

impl Settings {
    /// Settings of a standard queue that has nothing beside these times.
    pub const fn plain(retention_millis: u64, visibility_millis: u64, delay_millis: u64) -> Self {
        Self {
            retention_millis,
            visibility_millis,
            delay_millis,
            is_fifo: false,
            total_visibility_secs: TOTAL_VISIBILITY_SECS,
            backoff: None,
            dead_letters: None,
            keep_deleted_secs: 0,
            park_after: 0,
            in_flight_times: 1,
        }
    }

    /// How long after its receive a message may stay in flight.
    pub(crate) fn total_visibility_millis(&self) -> u64 {
        u64::from(self.total_visibility_secs) * 1000
    }

    /// Messages that may be in flight at once.
    pub fn in_flight_max(&self) -> usize {
        IN_FLIGHT_MAX * usize::from(self.in_flight_times)
    }

    /// Of how many messages, from the oldest, groups are known.
    pub(crate) fn window(&self) -> usize {
        WINDOW_MESSAGES * usize::from(self.in_flight_times)
    }

    /// For how long a deleted message is kept.
    pub(crate) fn keep_deleted_millis(&self) -> u64 {
        u64::from(self.keep_deleted_secs) * 1000
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
        if let Some(DeadLetters { max_receives, destination }) = self.dead_letters {
            let mut bytes = Vec::new();
            put(&mut bytes, max_receives.into());
            bytes.extend(destination.get().to_le_bytes());
            sections.push((DEAD_LETTERS, bytes));
        }
        if self.is_fifo {
            sections.push((FIFO, Vec::new()));
        }
        if self.total_visibility_secs != TOTAL_VISIBILITY_SECS {
            let mut bytes = Vec::new();
            put(&mut bytes, self.total_visibility_secs.into());
            sections.push((TOTAL_VISIBILITY, bytes));
        }
        sections.extend(self.backoff.map(|backoff| (BACKOFF, backoff.bytes())));
        for (tag, number) in [(KEEP_DELETED, self.keep_deleted_secs), (PARK_AFTER, self.park_after.into())] {
            if number > 0 {
                let mut bytes = Vec::new();
                put(&mut bytes, number.into());
                sections.push((tag, bytes));
            }
        }
        if self.in_flight_times != 1 {
            sections.push((IN_FLIGHT_TIMES, vec![self.in_flight_times]));
        }
        sections
    }

    /// Takes one section in.
    fn take(&mut self, tag: u8, section: &mut Reader<'_>) -> Result<(), &'static str> {
        match tag {
            DEAD_LETTERS => {
                let max_receives = u32::try_from(section.varint()?).map_err(|_| "more receives than 32 bits count")?;
                self.dead_letters = Some(DeadLetters { max_receives, destination: read_id(section)? });
            }
            FIFO => self.is_fifo = true,
            TOTAL_VISIBILITY => {
                let secs = section.varint()?;
                self.total_visibility_secs = u32::try_from(secs).map_err(|_| "a visibility is larger than 32 bits")?;
            }
            BACKOFF => self.backoff = Some(Backoff::read(section)?),
            KEEP_DELETED => {
                let secs = u32::try_from(section.varint()?).ok().filter(|secs| *secs > 0);
                self.keep_deleted_secs = secs.ok_or("deleted messages are kept for no time, or beyond 32 bits")?;
            }
            PARK_AFTER => {
                let receives = u16::try_from(section.varint()?).ok().filter(|receives| *receives > 0);
                self.park_after = receives.ok_or("groups are parked after no receive, or more than 16 bits count")?;
            }
            IN_FLIGHT_TIMES => {
                let [times] = section.array()?;
                self.in_flight_times = Some(times)
                    .filter(|times| *times > 1)
                    .ok_or("as many messages as usual may be in flight, or none")?;
            }
            _ => return Err("a setting that this version does not know"),
        }
        Ok(())
    }
}
