//! What a request was asked and answered in, and which errors that excuses whatever was asked.

use crate::client::Answer;

/// After so long the front door may give up on a body that does not arrive; its bound is 60 s.
pub(super) const SLOW_BODY_MILLIS: u64 = 50_000;

/// When a request was asked and answered, in order of events and by the server's clock, and what may stand in its way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Situation {
    pub(crate) asked: u64,
    pub(crate) at: u64,
    pub(crate) asked_wall: u64,
    pub(crate) wall: u64,
    /// The most that any server's clock has shown.
    pub(crate) wall_max: u64,
    /// The server may be unavailable.
    pub(crate) unavailable: bool,
    /// The disk may refuse to read.
    pub(crate) reads_may_fail: bool,
    /// Since when the log takes nothing.
    pub(crate) stopped_since: Option<u64>,
}

impl Situation {
    /// Whether the server may be unavailable, or a request too slow to arrive.
    pub(crate) fn excuses(&self, answer: &Answer, is_read: bool) -> bool {
        match (answer.status, answer.code.as_str()) {
            (503 | 500, "ServiceUnavailableException" | "ServiceUnavailable") => {
                self.unavailable || (is_read && self.reads_may_fail)
            }
            (408, _) => self.wall >= self.asked_wall + SLOW_BODY_MILLIS,
            _ => false,
        }
    }
}
