//! Answers, and those of them that go on: events that an operation has its client told one by one.
//!
//! A service hands over a source, and the gateway asks it for the next event when the connection has room for it: whoever
//! reads slowly makes the source wait, and nothing piles up between them ([`crate::limits::EVENTS_WAITING_MAX`]). No task
//! stands behind it. Source and question are dropped when the client goes away, when it takes nothing for as long as a
//! connection may stand idle, and when the server stops, which ends the stream as if the source had no more.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use wire::schema::EventStreamShape;
use wire::{Event, Write};

use crate::service::Refused;

/// What an operation answers with.
pub enum Answered {
    /// An output, which is all.
    Whole(Box<dyn Write + Send>),
    /// The same, with what is held for as long as its bytes are in memory.
    Held(Box<dyn Write + Send>, Hold),
    /// An output, and events that follow it.
    Events(Events),
}

/// An output that events follow.
pub struct Events {
    pub(crate) shape: &'static EventStreamShape,
    pub(crate) output: Box<dyn Write + Send>,
    pub(crate) source: Box<dyn EventSource>,
}

/// Something that is given back when the bytes of an answer, or of an event, are no longer in memory: written to the connection,
/// or given up with it. A place in a bound over such bytes, mostly.
pub struct Hold(Box<dyn Any + Send>);

impl Hold {
    /// Holds a value; what giving it back means is its `Drop`.
    pub fn new(held: impl Send + 'static) -> Self {
        Self(Box::new(held))
    }
}

/// Bytes and what is held for them.
struct Held {
    bytes: Vec<u8>,
    _hold: Box<dyn Any + Send>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Bytes that keep `hold` until the last of whoever has them lets go.
pub(crate) fn bytes_holding(bytes: Vec<u8>, hold: Option<Hold>) -> Bytes {
    match hold {
        Some(Hold(held)) => Bytes::from_owner(Held { bytes, _hold: held }),
        None => bytes.into(),
    }
}

impl Answered {
    /// An output, which is all.
    pub fn whole(output: impl Write + Send + 'static) -> Self {
        Self::Whole(Box::new(output))
    }

    /// An output, which is all, and what is held until it is written.
    pub fn held(output: impl Write + Send + 'static, hold: Hold) -> Self {
        Self::Held(Box::new(output), hold)
    }

    /// An output, and events that follow it. The client learns of the first only after it has learned of the output, which
    /// is at once.
    pub fn events(
        shape: &'static EventStreamShape,
        output: impl Write + Send + 'static,
        source: impl EventSource,
    ) -> Self {
        Self::Events(Events { shape, output: Box::new(output), source: Box::new(source) })
    }

    /// The output, without what follows it.
    pub fn output(&self) -> &(dyn Write + Send) {
        match self {
            Self::Whole(output) | Self::Held(output, _) => &**output,
            Self::Events(events) => &*events.output,
        }
    }
}

/// Where the events of an answer come from.
pub trait EventSource: Send + 'static {
    /// The next event, as soon as there is one; none ends the stream, and a refusal ends it with an exception.
    ///
    /// Asked for one at a time, and no more after an end. The future may be dropped before it is ready, and then the source
    /// is too: neither may owe anybody anything.
    fn next(&mut self) -> NextEvent<'_>;
}

/// The next event of a source.
pub type NextEvent<'a> = Pin<Box<dyn Future<Output = Option<Result<Said, Refused>>> + Send + 'a>>;

/// An event, and what is held until it is written.
pub struct Said {
    pub(crate) event: Box<dyn Event + Send>,
    pub(crate) hold: Option<Hold>,
}

impl Said {
    /// An event.
    pub fn new(event: impl Event + Send + 'static) -> Self {
        Self { event: Box::new(event), hold: None }
    }

    /// The same event, with what is held until it is written.
    #[must_use]
    pub fn holding(self, hold: Hold) -> Self {
        Self { hold: Some(hold), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn what_is_held_is_given_back_with_the_last_of_the_bytes() {
        let held = Arc::new(());
        let bytes = bytes_holding(b"abc".to_vec(), Some(Hold::new(Arc::clone(&held))));
        let rest = bytes.slice(1..);
        drop(bytes);
        assert_eq!((&rest[..], Arc::strong_count(&held)), (&b"bc"[..], 2));
        drop(rest);
        assert_eq!(Arc::strong_count(&held), 1);
    }
}
