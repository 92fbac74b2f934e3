//! Answers, and those of them that go on: events that an operation has its client told one by one.
//!
//! A service hands over a source, and the gateway asks it for the next event when the connection has room for it: whoever
//! reads slowly makes the source wait, and nothing piles up between them ([`crate::limits::EVENTS_WAITING_MAX`]). No task
//! stands behind it. Source and question are dropped when the client goes away, when it takes nothing for as long as a
//! connection may stand idle, and when the server stops, which ends the stream as if the source had no more.

use std::future::Future;
use std::pin::Pin;

use wire::schema::EventStreamShape;
use wire::{Event, Write};

use crate::service::Refused;

/// What an operation answers with.
pub enum Answered {
    /// An output, which is all.
    Whole(Box<dyn Write + Send>),
    /// An output, and events that follow it.
    Events(Events),
}

/// An output that events follow.
pub struct Events {
    pub(crate) shape: &'static EventStreamShape,
    pub(crate) output: Box<dyn Write + Send>,
    pub(crate) source: Box<dyn EventSource>,
}

impl Answered {
    /// An output, which is all.
    pub fn whole(output: impl Write + Send + 'static) -> Self {
        Self::Whole(Box::new(output))
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
            Self::Whole(output) => &**output,
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
pub type NextEvent<'a> = Pin<Box<dyn Future<Output = Option<Result<Box<dyn Event + Send>, Refused>>> + Send + 'a>>;
