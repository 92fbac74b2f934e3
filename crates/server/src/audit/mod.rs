//! The audit log: who did what, when and from where, a line of JSON for each, in the shape of CloudTrail's records.
//!
//! Requests hand events over and go on: they wait in a queue with bounds, and one thread writes them down. What finds the
//! queue full is left out and counted, and so is what the disk does not take; an audit log never holds a request up. A stop
//! in order writes down what waits. Source: the CloudTrail User Guide's "record contents" (ADR 0027).

mod file;
mod identity;
mod kinds;
mod record;

pub(crate) use file::RotatedFile;

use gateway::{Audit, Description, Event, Interest};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use wire::schema::OperationShape;

/// Events that wait to be written. A record takes some microseconds, so only a disk that stands still fills it.
const EVENTS_WAITING_MAX: usize = 8192;

/// Bytes of all that wait. An event of an ordinary request has one or two kilobytes, one of the longest inputs some hundreds.
const BYTES_WAITING_MAX: usize = 32 << 20;

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
    /// With the bytes that it counts as.
    Event(Box<Event>, usize),
    End,
}

/// The log's end that requests see.
pub(crate) struct AuditLog {
    all: bool,
    queue: SyncSender<Message>,
    /// Bytes of the events in the queue.
    waiting: Arc<AtomicUsize>,
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
        let file = RotatedFile::open("audit log", path, settings.file_bytes_max as u64, settings.files_max)?;
        let (log, events) = Self::new(all);
        let (queue, waiting, lost) = (log.queue.clone(), Arc::clone(&log.waiting), log.left_out.clone());
        let write = move || write_down(&events, &waiting, file, &lost);
        let thread = thread::Builder::new().name("audit".into()).spawn(write);
        let thread = thread.map_err(|error| format!("the audit log's thread did not start: {error}"))?;
        Ok((Arc::new(log), Writer { queue, thread }))
    }

    fn new(all: bool) -> (Self, Receiver<Message>) {
        let (queue, events) = sync_channel(EVENTS_WAITING_MAX);
        (Self { all, queue, waiting: Arc::default(), left_out: Counter::default() }, events)
    }

    /// Takes room for an event, if there is some.
    fn reserve(&self, bytes: usize) -> bool {
        let taken = self.waiting.fetch_add(bytes, Ordering::Relaxed) + bytes <= BYTES_WAITING_MAX;
        if !taken {
            self.waiting.fetch_sub(bytes, Ordering::Relaxed);
        }
        taken
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
        let bytes = event.bytes();
        if !self.reserve(bytes) {
            self.left_out.inc();
            return;
        }
        match self.queue.try_send(Message::Event(Box::new(event), bytes)) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.waiting.fetch_sub(bytes, Ordering::Relaxed);
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
fn write_down(events: &Receiver<Message>, waiting: &AtomicUsize, mut file: RotatedFile, lost: &Counter) {
    let mut next = events.recv().ok();
    while let Some(Message::Event(event, bytes)) = next {
        lost.inc_by(file.append(record::line(&event, fastrand::u128(..)).as_bytes()));
        drop(event);
        waiting.fetch_sub(bytes, Ordering::Relaxed);
        next = events.try_recv().ok().or_else(|| {
            lost.inc_by(file.flush());
            events.recv().ok()
        });
    }
    lost.inc_by(file.flush());
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::Store;
    use gateway::{Origin, Outcome, RequestId, Scheme, Service, Told};
    use names::{Instant, Region};

    fn description() -> &'static Description {
        let store = Store::ephemeral(Arc::new(crate::clock::SystemClock::start()));
        let told = sqs::Options {
            home_region: Region::parse("eu-central-1").unwrap(),
            limits: sqs::Limits::Raised,
            metered_queues_max: 10,
            keys: sqs::Keys::default(),
        };
        sqs::Sqs::new(store, sqs::Sqs::recovery(), told).describe()
    }

    /// An event with so many bytes of text.
    fn event(service: &'static Description, bytes: usize) -> Event {
        Event {
            service,
            operation: service.shape.operations[0],
            asker: None,
            access_key: None,
            origin: Origin::from(Scheme::Http),
            user_agent: None,
            host: None,
            request_id: RequestId::from_random(1),
            at: Instant::EPOCH,
            input: Some(Told::List(vec![Told::Text("x".repeat(bytes))])),
            outcome: Outcome::Unknown,
            resources: Vec::new(),
            denied_by: None,
        }
    }

    #[test]
    fn what_waits_has_a_bound_in_bytes_and_room_comes_back_as_it_is_written() {
        let service = description();
        let (log, events) = AuditLog::new(true);
        for _ in 0..40 {
            log.note(event(service, 1 << 20));
        }
        assert_eq!(log.left_out.get(), 9, "31 of a MiB and something wait");
        log.note(event(service, 10));
        assert_eq!(log.left_out.get(), 9, "a small one has room yet");
        let folder = std::env::temp_dir().join(format!("tidewire-audit-bytes-{}", std::process::id()));
        let file = RotatedFile::open("audit log", folder.join("audit.jsonl"), 1 << 30, 2).unwrap();
        log.queue.send(Message::End).unwrap();
        write_down(&events, &log.waiting, file, &log.left_out);
        assert_eq!((log.waiting.load(Ordering::Relaxed), log.left_out.get()), (0, 9));
        log.note(event(service, 1 << 20));
        assert_eq!(log.left_out.get(), 9);
        let written = std::fs::read_to_string(folder.join("audit.jsonl")).unwrap();
        assert_eq!(written.lines().count(), 32);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_waits_has_a_bound_in_events() {
        let service = description();
        let (log, _events) = AuditLog::new(true);
        for _ in 0..EVENTS_WAITING_MAX + 5 {
            log.note(event(service, 0));
        }
        assert_eq!(log.left_out.get(), 5);
        assert!(log.waiting.load(Ordering::Relaxed) < BYTES_WAITING_MAX);
    }
}
