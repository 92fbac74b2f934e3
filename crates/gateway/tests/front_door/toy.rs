//! A small service made by hand, behind a gateway on an in-memory stream.
//!
//! `Toy` owns paths, is query compatible and counts what it executes; `Plain` is its sibling without either. Both have an
//! `Echo`, so that an Action alone does not tell them apart.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use gateway::{
    Actions, Answer, Answered, Audit, Auth, Caller, Description, ErrorMembers, Gateway, Limits, Need, Options, Origin,
    Page, Pages, Prepared, Refused, Scheme, Service, Surroundings, Unprepared,
};
use names::{AccountId, Instant, Region};
use prometheus_client::registry::Registry;
use tokio::io::DuplexStream;
use tokio::sync::Notify;
use wire::schema::{ErrorShape, Fault, Member, OperationShape, ServiceShape, Shape, StructShape};
use wire::{Invalid, Reader, Write, Writer, read_struct, required};

static TEXT: StructShape = StructShape {
    name: "EchoRequest",
    members: &[Member::new("Text", Shape::String).required(), Member::new("Count", Shape::Integer)],
};
static SEEN: StructShape = StructShape {
    name: "EchoResult",
    members: &[
        Member::new("Text", Shape::String),
        Member::new("Account", Shape::String),
        Member::new("Region", Shape::String),
        Member::new("AccessKey", Shape::String),
        Member::new("BaseUrl", Shape::String),
        Member::new("LinkUrl", Shape::String),
        Member::new("Path", Shape::String),
    ],
};
static NOTHING: StructShape = StructShape { name: "Nothing", members: &[] };

const fn operation(name: &'static str, output: &'static StructShape, wrapper: Option<&'static str>) -> OperationShape {
    OperationShape { name, input: &TEXT, output, result_wrapper: wrapper, method: "POST", path: "/", errors: &[] }
}

static ECHO: OperationShape = operation("Echo", &SEEN, Some("EchoResult"));
static FAIL: OperationShape = operation("Fail", &NOTHING, None);
static ONLY_PLAIN: OperationShape = operation("OnlyPlain", &SEEN, Some("OnlyPlainResult"));
static PANIC: OperationShape = operation("Panic", &NOTHING, None);
static WAIT: OperationShape = operation("Wait", &SEEN, Some("WaitResult"));

pub static NO_SUCH_TOY: ErrorShape = ErrorShape {
    name: "ToyDoesNotExist",
    type_name: "com.example.toy#ToyDoesNotExist",
    query_code: "Toy.NonExistentToy",
    status: 404,
    fault: Fault::Sender,
};

/// What no policy allows.
pub static DENIED: ErrorShape = ErrorShape {
    name: "AccessDeniedException",
    type_name: "com.example.toy#AccessDeniedException",
    query_code: "AccessDenied",
    status: 403,
    fault: Fault::Sender,
};

/// One action for each operation.
static ACTIONS: LazyLock<Actions> =
    LazyLock::new(|| Actions::new("toy", ["Echo", "Fail", "OnlyPlain", "Panic", "Wait"]));

static TOY: Description = Description {
    id: "toy",
    shape: &ServiceShape {
        id: "Toy",
        signing_name: "toy",
        api_version: "2020-01-01",
        target_prefix: Some("ToyService"),
        json_version: Some("1.0"),
        xml_namespace: Some("http://toy.example/doc/2020-01-01/"),
        query_compatible: true,
        operations: &[&ECHO, &FAIL, &PANIC, &WAIT],
        errors: &[&NO_SUCH_TOY],
    },
    host_labels: &["toy"],
    path_member: Some("ToyUrl"),
    body_bytes_max: BODY_BYTES_MAX,
    denied: &DENIED,
    unsigned: &["Fail"],
    crc32: true,
};

static PLAIN: Description = Description {
    id: "plain",
    shape: &ServiceShape {
        id: "Plain",
        signing_name: "plain",
        api_version: "2021-02-02",
        target_prefix: Some("PlainService"),
        json_version: Some("1.1"),
        xml_namespace: Some("http://plain.example/doc/"),
        query_compatible: false,
        operations: &[&ECHO, &FAIL, &ONLY_PLAIN],
        errors: &[&NO_SUCH_TOY],
    },
    host_labels: &["plain"],
    path_member: None,
    body_bytes_max: BODY_BYTES_MAX,
    denied: &DENIED,
    unsigned: &["Fail"],
    crc32: false,
};

pub const BODY_BYTES_MAX: usize = 512 * 1024;

/// What the tests watch of both services.
#[derive(Default)]
pub struct Seen {
    pub executed: AtomicUsize,
    /// Calls that were dropped before they had an answer.
    pub dropped: AtomicUsize,
    pub waiting: Notify,
    pub release: Notify,
}

struct Toy(&'static Description, Arc<Seen>);

impl Service for Toy {
    fn describe(&self) -> &'static Description {
        self.0
    }

    fn prepare(&self, operation: usize, input: &mut dyn Reader) -> Result<Box<dyn Prepared>, Unprepared> {
        let text = read_text(input)?;
        assert!(text != "panic while preparing", "asked to panic while preparing");
        Ok(Box::new(Call { operation: self.0.shape.operations[operation].name, text, seen: Arc::clone(&self.1) }))
    }
}

fn read_text(input: &mut dyn Reader) -> Result<String, Invalid> {
    let mut text = None;
    read_struct(input, &TEXT, |member, input| {
        match member {
            0 => text = Some(input.string()?),
            _ => drop(input.integer()?),
        }
        Ok(())
    })?;
    required(text, &TEXT.members[0])
}

struct Call {
    operation: &'static str,
    text: String,
    seen: Arc<Seen>,
}

impl Prepared for Call {
    fn needs(&self, caller: &Caller) -> Result<Vec<Need>, Refused> {
        assert!(self.text != "panic while asking", "asked to panic while asking");
        let arn = format!("arn:aws:toy:{}:{}:{}", caller.region, caller.account, self.text);
        Ok(vec![Need::of(ACTIONS.get(self.operation), arn, caller.account)])
    }

    fn call(self: Box<Self>, caller: Caller) -> Answer {
        Box::pin(self.run(caller))
    }
}

impl Call {
    async fn run(self, caller: Caller) -> Result<Answered, Refused> {
        self.seen.executed.fetch_add(1, Ordering::SeqCst);
        match self.operation {
            "Fail" => {
                let refused = Refused::new(&NO_SUCH_TOY, format!("There is no <{}> & more.", self.text));
                return Err(match &*self.text {
                    "members" => refused.with_members(ErrorMembers(Arc::new(OfError))),
                    _ => refused,
                });
            }
            "Panic" => panic!("asked to panic"),
            "Wait" => self.wait(&caller).await,
            "Echo" if self.text.starts_with("fine-further") => self.ask_further(&caller)?,
            _ => {}
        }
        Ok(Answered::whole(Echoed { text: self.text, caller }))
    }

    /// Asks on the way for something that is refused; whether it goes on then is said by the text.
    fn ask_further(&self, caller: &Caller) -> Result<(), Refused> {
        let arn = format!("arn:aws:toy:{}:{}:further-not", caller.region, caller.account);
        let need = Need::of(ACTIONS.get("Echo"), arn, caller.account);
        match caller.clone().through("toy.amazonaws.com").may(&need) {
            Err(denied) if !self.text.ends_with("gently") => Err(Refused::new(&DENIED, denied.sentence)),
            _ => Ok(()),
        }
    }

    async fn wait(&self, caller: &Caller) {
        let unfinished = CountDrop(&self.seen.dropped);
        self.seen.waiting.notify_one();
        tokio::select! {
            () = caller.stopping.wait() => {}
            () = self.seen.release.notified() => {}
        }
        std::mem::forget(unfinished);
    }
}

/// What an error has beside its message: the text that was asked for.
struct OfError;

impl Write for OfError {
    fn write(&self, writer: &mut dyn Writer) {
        writer.begin_struct(&TEXT);
        writer.member(&TEXT.members[0]);
        writer.string("members");
        writer.end_struct();
    }
}

struct CountDrop<'a>(&'a AtomicUsize);

impl Drop for CountDrop<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

struct Echoed {
    text: String,
    caller: Caller,
}

impl Write for Echoed {
    fn write(&self, writer: &mut dyn Writer) {
        let (account, base) = (self.caller.account.to_string(), self.caller.base_url().to_string());
        let link = self.caller.link_url().to_string();
        assert!(self.text != "panic while writing", "asked to panic while writing");
        let key = self.caller.access_key.as_deref().unwrap_or("none");
        let values = [&self.text, account.as_str(), self.caller.region.as_str(), key, &base, &link, self.caller.path()];
        writer.begin_struct(&SEEN);
        for (member, value) in SEEN.members.iter().zip(values) {
            writer.member(member);
            writer.string(value);
        }
        writer.end_struct();
    }
}

/// Time stands still and chance counts.
struct Still(AtomicU64);

impl Surroundings for Still {
    fn now(&self) -> Instant {
        Instant::from_millis(1_000)
    }

    fn monotonic_nanos(&self) -> u64 {
        0
    }

    fn random(&self) -> u128 {
        u128::from(self.0.fetch_add(1, Ordering::Relaxed)) + 1
    }
}

struct Health;

impl Pages for Health {
    fn page(&self, path: &str, query: &str) -> Option<Page> {
        match path {
            "/" => Some(Page::text(200, "a test\n")),
            "/healthz" => Some(Page::json(200, format!("{{\"query\":\"{query}\"}}"))),
            _ => None,
        }
    }
}

/// A gateway over both services.
pub struct House {
    pub gateway: Gateway,
    pub seen: Arc<Seen>,
    pub registry: Registry,
}

impl House {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut Options)) -> Self {
        Self::audited(None, change)
    }

    pub fn audited(audit: Option<Arc<dyn Audit>>, change: impl FnOnce(&mut Options)) -> Self {
        let seen = Arc::<Seen>::default();
        let mut options = Options {
            services: vec![Arc::new(Toy(&TOY, Arc::clone(&seen))), Arc::new(Toy(&PLAIN, Arc::clone(&seen)))],
            pages: Arc::new(Health),
            surroundings: Arc::new(Still(AtomicU64::new(0))),
            default_account: AccountId::DEFAULT,
            default_region: Region::parse("us-east-1").unwrap(),
            public_url: None,
            links: gateway::Links::default(),
            limits: Limits::default(),
            auth: Auth::Off,
            proxies: Vec::new(),
            organization: None,
            signing_keys: Arc::default(),
        };
        change(&mut options);
        let mut registry = Registry::default();
        let gateway = Gateway::audited(options, audit, &mut registry);
        Self { gateway, seen, registry }
    }

    /// A house whose clients must hurry. Its tests hold the clock (`start_paused`), which goes on only while all wait: a machine
    /// that stalls cannot make a client late.
    pub fn impatient() -> Self {
        Self::with(|options| {
            options.limits = Limits {
                head_read: Duration::from_millis(200),
                body_read: Duration::from_millis(200),
                idle: Duration::from_millis(400),
                bodies_bytes_max: 1024 * 1024,
                ..Limits::default()
            };
        })
    }

    /// A new connection, and the task that serves it.
    pub fn connect(&self) -> (DuplexStream, tokio::task::JoinHandle<()>) {
        self.connect_from(Scheme::Http.into())
    }

    pub fn connect_from(&self, origin: Origin) -> (DuplexStream, tokio::task::JoinHandle<()>) {
        let (client, server) = tokio::io::duplex(64 * 1024);
        let gateway = self.gateway.clone();
        (client, tokio::spawn(async move { gateway.serve_connection(server, origin).await }))
    }

    pub fn executed(&self) -> usize {
        self.seen.executed.load(Ordering::SeqCst)
    }

    /// The text of `/metrics`.
    pub fn metrics(&self) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).unwrap();
        text
    }
}
