//! The audit log: who did what, when and from where, a line of JSON for each, in the shape of CloudTrail's records.
//!
//! Requests hand events over and go on: they wait in a queue with a bound, and one thread writes them down. What finds the
//! queue full is left out and counted, and so is what the disk does not take; an audit log never holds a request up. A stop
//! in order writes down what waits. Source: the CloudTrail User Guide's "record contents" (ADR 0027).

mod file;
mod identity;
mod kinds;
mod record;

use file::RotatedFile;
use gateway::{Audit, Description, Event, Interest};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use wire::schema::OperationShape;

/// Events that wait to be written. A record takes some microseconds, so only a disk that stands still fills it.
const EVENTS_WAITING_MAX: usize = 8192;

/// Which events are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Which {
    /// What changes or asks about resources, in `serve`; nothing in `dev`.
    #[default]
    Auto,
    /// What changes or asks about resources.
    Management,
    /// That, and what is done with messages.
    All,
    /// None.
    Off,
}

/// Everything said about the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Settings {
    pub(crate) events: Which,
    /// Where it is written; none: in the data folder.
    pub(crate) file: Option<PathBuf>,
    /// Bytes after which a new file is begun.
    pub(crate) file_bytes_max: usize,
    /// Files that are kept, the one being written among them.
    pub(crate) files_max: usize,
}

/// Reads `auto|management|all|off`.
pub(crate) fn which(text: &str) -> Result<Which, String> {
    match text {
        "auto" => Ok(Which::Auto),
        "management" => Ok(Which::Management),
        "all" => Ok(Which::All),
        "off" => Ok(Which::Off),
        _ => Err("expected auto, management, all or off".into()),
    }
}

/// What the thread is told.
enum Message {
    Event(Box<Event>),
    End,
}

/// The log's end that requests see.
pub(crate) struct AuditLog {
    all: bool,
    queue: SyncSender<Message>,
    left_out: Counter,
}

/// The log's end that the server holds.
pub(crate) struct Writer {
    queue: SyncSender<Message>,
    thread: JoinHandle<()>,
}

impl AuditLog {
    /// Opens the file and starts the thread.
    pub(crate) fn start(settings: &Settings, all: bool, path: PathBuf) -> Result<(Arc<Self>, Writer), String> {
        let file = RotatedFile::open(path, settings.file_bytes_max as u64, settings.files_max)?;
        let (queue, events) = sync_channel(EVENTS_WAITING_MAX);
        let left_out = Counter::default();
        let lost = left_out.clone();
        let thread = thread::Builder::new().name("audit".into()).spawn(move || write_down(&events, file, &lost));
        let thread = thread.map_err(|error| format!("the audit log's thread did not start: {error}"))?;
        Ok((Arc::new(Self { all, queue: queue.clone(), left_out }), Writer { queue, thread }))
    }

    /// Shows what was left out.
    pub(crate) fn register(&self, registry: &mut Registry) {
        let help = "Events that the audit log had no room for, or could not write";
        registry.register("tidewire_audit_events_left_out", help, self.left_out.clone());
    }
}

impl Audit for AuditLog {
    fn interest(&self, service: &'static Description, operation: &'static OperationShape) -> Interest {
        match (self.all || kinds::is_management(service, operation.name), kinds::shows_reply(operation.name)) {
            (false, _) => Interest::None,
            (true, false) => Interest::Input,
            (true, true) => Interest::All,
        }
    }

    fn note(&self, event: Event) {
        match self.queue.try_send(Message::Event(Box::new(event))) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.left_out.inc();
            }
        }
    }
}

impl Writer {
    /// Has everything written down that waits. Called when no more requests are served.
    pub(crate) fn close(self) {
        // A thread that has panicked has said so; there is nobody left to tell.
        let _ = self.queue.send(Message::End);
        let _ = self.thread.join();
    }
}

/// Writes events until the end is told. What waits is written before the file is flushed, so that a burst costs one write.
fn write_down(events: &Receiver<Message>, mut file: RotatedFile, lost: &Counter) {
    let mut next = events.recv().ok();
    while let Some(Message::Event(event)) = next {
        lost.inc_by(file.append(record::line(&event, fastrand::u128(..)).as_bytes()));
        next = events.try_recv().ok().or_else(|| {
            lost.inc_by(file.flush());
            events.recv().ok()
        });
    }
    lost.inc_by(file.flush());
}
