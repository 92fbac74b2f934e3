//! The body of an answer that goes on: its messages, each made when the connection asks for it.
//!
//! First the output as `initial-response`, then the source's events, and at the end, if something failed, why. hyper asks
//! for a message when it has room to write, so at most one waits here. A panic of the source, or of an event that is
//! written, ends this stream and nothing else.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use prometheus_client::metrics::gauge::Gauge;
use wire::event_stream::{INITIAL_RESPONSE, Kind, encode};
use wire::schema::{EventStreamShape, Member, Shape, StructShape};
use wire::{Write, Writer};

use crate::codec;
use crate::events::{EventSource, Said, bytes_holding};
use crate::isolation::{self, Isolated, Panicked};
use crate::protocol::Protocol;
use crate::pulse::{Pulse, Streaming};
use crate::request_id::RequestId;
use crate::service::Refused;
use crate::stopping::Stopping;

/// Whose events they are, and how they are written.
pub(crate) struct Wording {
    pub(crate) service: &'static str,
    pub(crate) operation: &'static str,
    pub(crate) shape: &'static EventStreamShape,
    pub(crate) protocol: Protocol,
    /// The Content-Type of payloads.
    pub(crate) payload_type: &'static str,
    pub(crate) id: RequestId,
}

/// The messages of one answer.
pub(crate) struct EventBody {
    wording: Wording,
    stage: Stage,
    stopping: Stopping,
    streaming: Option<Streaming>,
    open: Gauge,
    events: u64,
}

enum Stage {
    /// The output is written, and nobody was asked for an event yet.
    Begun(Bytes, Box<dyn EventSource>),
    /// The source is asked.
    Asked(Isolated<Pin<Box<dyn Future<Output = Option<Next>> + Send>>>),
    Ended,
}

/// What a source said, and the source.
type Next = (Result<Said, Refused>, Box<dyn EventSource>);

/// Asks a source, and takes a stop for its end.
async fn ask(mut source: Box<dyn EventSource>, stopping: Stopping) -> Option<Next> {
    let said = tokio::select! {
        biased;
        () = stopping.wait() => None,
        said = source.next() => said,
    };
    said.map(|said| (said, source))
}

impl EventBody {
    /// A stream that is about to begin. `open` counts it.
    pub(crate) fn begin(
        wording: Wording,
        output: &dyn Write,
        source: Box<dyn EventSource>,
        stopping: Stopping,
        open: &Gauge,
    ) -> Self {
        let first = wording.message(Kind::Event(INITIAL_RESPONSE), output);
        open.inc();
        Self { wording, stage: Stage::Begun(first, source), stopping, streaming: None, open: open.clone(), events: 0 }
    }

    /// Has the connection's watch know of it.
    pub(crate) fn watch(&mut self, pulse: &Arc<Pulse>) {
        self.streaming = Some(Streaming::begin(pulse));
    }

    pub(crate) fn is_ended(&self) -> bool {
        matches!(self.stage, Stage::Ended)
    }

    /// The next message, and none after the last.
    pub(crate) fn poll_message(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(streaming) = &mut self.streaming {
            streaming.asked();
        }
        let message = ready!(self.poll_unwatched(context));
        if let (Some(streaming), Some(_)) = (&mut self.streaming, &message) {
            streaming.given();
        }
        Poll::Ready(message)
    }

    fn poll_unwatched(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let said = match &mut self.stage {
            Stage::Begun(..) => return Poll::Ready(self.begun()),
            Stage::Asked(asked) => ready!(Pin::new(asked).poll(context)),
            Stage::Ended => return Poll::Ready(None),
        };
        self.stage = Stage::Ended;
        Poll::Ready(match said {
            Ok(None) => None,
            Ok(Some((Ok(told), source))) => Some(self.event(told, source)),
            Ok(Some((Err(refused), _))) => Some(self.wording.refusal(&refused)),
            Err(panicked) => Some(self.wording.bug(&panicked)),
        })
    }

    /// The first message; the source is asked when the next one is wanted.
    fn begun(&mut self) -> Option<Bytes> {
        let Stage::Begun(first, source) = std::mem::replace(&mut self.stage, Stage::Ended) else { return None };
        self.ask(source);
        Some(first)
    }

    fn ask(&mut self, source: Box<dyn EventSource>) {
        self.stage = Stage::Asked(Isolated(Box::pin(ask(source, self.stopping.clone()))));
    }

    fn event(&mut self, Said { event, hold }: Said, source: Box<dyn EventSource>) -> Bytes {
        match isolation::run(|| self.wording.encoded(Kind::Event(event.name()), &*event)) {
            Ok(message) => {
                self.events += 1;
                self.ask(source);
                bytes_holding(message, hold)
            }
            Err(panicked) => self.wording.bug(&panicked),
        }
    }
}

impl Drop for EventBody {
    fn drop(&mut self) {
        self.open.dec();
        let Wording { service, operation, id, .. } = &self.wording;
        let whole = self.is_ended();
        tracing::debug!(%id, service, operation, events = self.events, whole, "event stream ended");
    }
}

impl Wording {
    fn encoded(&self, kind: Kind<'_>, payload: &dyn Write) -> Vec<u8> {
        let payload = |message| codec::write_payload(self.protocol, payload, message);
        encode(kind, self.payload_type, payload)
    }

    fn message(&self, kind: Kind<'_>, payload: &dyn Write) -> Bytes {
        self.encoded(kind, payload).into()
    }

    /// The last message of a stream that fails: as an exception if its model has one of the name, which for an error of the
    /// framework may end on `Exception` there.
    fn refusal(&self, refused: &Refused) -> Bytes {
        let name = refused.error.name;
        let is_it = |known: &&&str| **known == name || known.strip_suffix("Exception") == Some(name);
        let kind = match self.shape.exceptions.iter().find(is_it) {
            Some(known) => Kind::Exception(known),
            None => Kind::Error { code: name, message: &refused.message },
        };
        self.message(kind, &Exception { message: &refused.message })
    }

    fn bug(&self, panicked: &Panicked) -> Bytes {
        self.refusal(&panicked.refusal(self.service, self.operation))
    }
}

/// The structure that all exceptions of event streams in the family have.
struct Exception<'a> {
    message: &'a str,
}

static EXCEPTION: StructShape = StructShape { name: "Exception", members: &[Member::new("message", Shape::String)] };

impl Write for Exception<'_> {
    fn write(&self, writer: &mut dyn Writer) {
        writer.begin_struct(&EXCEPTION);
        writer.member(&EXCEPTION.members[0]);
        writer.string(self.message);
        writer.end_struct();
    }
}
