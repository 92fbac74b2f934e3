//! A service whose one operation answers in events, which the test hands it one by one.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use gateway::{
    Answer, Answered, Caller, Description, EventSource, Need, NextEvent, Options, Prepared, Refused, Said, Service,
    Unprepared,
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use wire::schema::{ErrorShape, EventStreamShape, Member, OperationShape, ServiceShape, Shape, StructShape};
use wire::{Event, Nothing, Read, Reader, Timestamp, Write, Writer};

use crate::toy::{BODY_BYTES_MAX, DENIED, House, NO_SUCH_TOY};

static OUTPUT: StructShape = StructShape { name: "WatchOutput", members: &[Member::new("Since", Shape::Timestamp)] };
static TICK: StructShape =
    StructShape { name: "Tick", members: &[Member::new("Text", Shape::String), Member::new("At", Shape::Timestamp)] };
static TICKS: EventStreamShape =
    EventStreamShape { name: "Ticks", events: &["Tick"], exceptions: &["InternalFailureException", "ToyDoesNotExist"] };
static WATCH: OperationShape = OperationShape {
    name: "Watch",
    input: Nothing::SHAPE,
    output: &OUTPUT,
    result_wrapper: None,
    method: "POST",
    path: "/",
    errors: &[],
};
static TICKER: Description = Description {
    id: "ticker",
    shape: &ServiceShape {
        id: "Ticker",
        signing_name: "ticker",
        api_version: "2022-03-03",
        target_prefix: Some("TickerService"),
        json_version: Some("1.1"),
        xml_namespace: None,
        query_compatible: false,
        operations: &[&WATCH],
        errors: &[&NO_SUCH_TOY],
    },
    host_labels: &["ticker"],
    path_member: None,
    body_bytes_max: BODY_BYTES_MAX,
    denied: &DENIED,
    unsigned: &[],
    crc32: false,
};

/// The moment of every output and event: 2023-11-14T22:13:20.512Z.
const MOMENT: i64 = 1_700_000_000_512;

/// What a source says next. Dropping the sender ends it.
pub enum Say {
    Tick(String),
    Refuse(&'static ErrorShape),
    Panic,
    /// An event that panics when it is written.
    Unwritable,
}

/// What the tests see of the service.
pub struct Watched {
    next: Mutex<Option<UnboundedReceiver<Say>>>,
    /// How often an operation was called.
    pub called: AtomicUsize,
    /// Events that were taken from sources.
    pub taken: AtomicUsize,
    /// Sources that are gone.
    pub dropped: AtomicUsize,
}

impl Watched {
    /// Says something to the source of the next call that comes.
    pub fn expect(&self) -> UnboundedSender<Say> {
        let (sender, receiver) = unbounded_channel();
        *self.next.lock().unwrap() = Some(receiver);
        sender
    }
}

/// A house with the service in it.
pub fn house(change: impl FnOnce(&mut Options)) -> (House, Arc<Watched>) {
    let (next, [called, taken, dropped]) = (Mutex::new(None), [const { AtomicUsize::new(0) }; 3]);
    let watched = Arc::new(Watched { next, called, taken, dropped });
    let service = Ticker(Arc::clone(&watched));
    let house = House::with(|options| {
        options.services.push(Arc::new(service));
        change(options);
    });
    (house, watched)
}

struct Ticker(Arc<Watched>);

impl Service for Ticker {
    fn describe(&self) -> &'static Description {
        &TICKER
    }

    fn prepare(&self, _: usize, input: &mut dyn Reader) -> Result<Box<dyn Prepared>, Unprepared> {
        Nothing::read(input)?;
        Ok(Box::new(Watch(Arc::clone(&self.0))))
    }
}

struct Watch(Arc<Watched>);

impl Prepared for Watch {
    fn needs(&self, _: &Caller) -> Result<Vec<Need>, Refused> {
        Ok(Vec::new())
    }

    fn is_streamed(&self) -> bool {
        true
    }

    fn call(self: Box<Self>, _: Caller) -> Answer {
        self.0.called.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            let Some(says) = self.0.next.lock().unwrap().take() else {
                return Err(Refused::new(&NO_SUCH_TOY, "Nothing ticks."));
            };
            Ok(Answered::events(&TICKS, Output, Source { says, watched: Arc::clone(&self.0) }))
        })
    }
}

struct Output;

impl Write for Output {
    fn write(&self, writer: &mut dyn Writer) {
        writer.begin_struct(&OUTPUT);
        writer.member(&OUTPUT.members[0]);
        writer.timestamp(Timestamp::from_millis(MOMENT));
        writer.end_struct();
    }
}

struct Source {
    says: UnboundedReceiver<Say>,
    watched: Arc<Watched>,
}

impl EventSource for Source {
    fn next(&mut self) -> NextEvent<'_> {
        Box::pin(async {
            let said = self.says.recv().await?;
            self.watched.taken.fetch_add(1, Ordering::SeqCst);
            match said {
                Say::Tick(text) => Some(Ok(Said::new(Tick(Some(text))))),
                Say::Unwritable => Some(Ok(Said::new(Tick(None)))),
                Say::Refuse(error) => Some(Err(Refused::new(error, "It stands still."))),
                Say::Panic => panic!("asked to panic"),
            }
        })
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.watched.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

struct Tick(Option<String>);

impl Event for Tick {
    fn name(&self) -> &'static str {
        "Tick"
    }
}

impl Write for Tick {
    fn write(&self, writer: &mut dyn Writer) {
        writer.begin_struct(&TICK);
        writer.member(&TICK.members[0]);
        writer.string(self.0.as_ref().expect("asked to panic while writing"));
        writer.member(&TICK.members[1]);
        writer.timestamp(Timestamp::from_millis(MOMENT));
        writer.end_struct();
    }
}
