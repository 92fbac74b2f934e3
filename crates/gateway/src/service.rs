//! What the gateway asks of an AWS service, and what it tells the service about the caller.
//!
//! A service gives a static [`Description`] (names, versions, operations) and turns a decoded input into a [`Prepared`]
//! operation; the gateway calls that and encodes what comes back. No HTTP type appears here: a service never learns which
//! protocol, version or header carried its input. A refusal at either step has changed nothing.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use http::uri::PathAndQuery;
use names::{AccountId, Instant, Region};
use wire::schema::{ErrorShape, ServiceShape};
use wire::{Invalid, Reader};

use crate::events::Answered;
use crate::identity::Identity;
use crate::need::{Need, Refuser};
use crate::organization::Organization;
use crate::{RequestId, Stopping};

/// One AWS service behind the gateway.
pub trait Service: Send + Sync + 'static {
    /// The service's names, versions and operations.
    fn describe(&self) -> &'static Description;

    /// Reads the input of the operation at index `operation` of the operations in [`Description::shape`].
    ///
    /// Nothing may happen here beyond reading, since the document's end is checked afterwards: whatever the input asks
    /// for, the answer to it comes from [`Prepared::call`].
    fn prepare(&self, operation: usize, input: &mut dyn Reader) -> Result<Box<dyn Prepared>, Unprepared>;
}

/// An operation whose input is read, and which has not begun.
pub trait Prepared: Send {
    /// What must be allowed before the operation is carried out; nothing for one that everybody may ask for who signed.
    ///
    /// Asked for only where policies hold. It may look at what there is, and changes nothing. Where what the needs are about
    /// is not there, the refusal is the answer: who may not know says so in the words for what is missing.
    fn needs(&self, caller: &Caller) -> Result<Vec<Need>, Refused>;

    /// Whether the answer goes on in events. Protocols that have none are refused before the operation is carried out.
    fn is_streamed(&self) -> bool {
        false
    }

    /// Carries the operation out. The gateway drops the returned future when the client goes away.
    fn call(self: Box<Self>, caller: Caller) -> Answer;
}

/// What an operation answers with, or why it refuses.
///
/// The future may be dropped at any point, since clients disconnect while they wait. What the operation had already
/// handed to the engine then still happens: a message whose send was never answered may well be stored.
pub type Answer = Pin<Box<dyn Future<Output = Result<Answered, Refused>> + Send>>;

/// What a service is called, and how its requests are told from those of others.
#[derive(Debug)]
pub struct Description {
    /// The service's short name in metrics and logs, e.g. `sqs`.
    pub id: &'static str,
    /// Names, versions, operations and errors. The places in its table of operations are the indexes given to
    /// [`Service::prepare`].
    pub shape: &'static ServiceShape,
    /// First labels of host names that mean this service, e.g. `sqs` in `sqs.eu-central-1.example.org`.
    pub host_labels: &'static [&'static str],
    /// The member that the path of a form stands for where the form leaves it out, as SQS's queue URLs do for
    /// `QueueUrl`. Forms sent to a path other than `/` are then this service's, unless they say otherwise.
    pub path_member: Option<&'static str>,
    /// Bytes a request's body may have. At most [`crate::limits::BODY_BYTES_MAX`].
    pub body_bytes_max: usize,
    /// What a request is answered with that no policy allows: the service's AccessDenied.
    pub denied: &'static ErrorShape,
    /// Operations that may come without a signature, in any order. Of others an unsigned request is refused unread; these
    /// are asked for their needs, which only a resource's policy can grant to the unknown.
    pub unsigned: &'static [&'static str],
    /// Whether every answer says its body's CRC-32 in `x-amz-crc32`, as DynamoDB's do and its clients check.
    pub crc32: bool,
}

/// Why an operation was not prepared.
#[derive(Debug)]
pub enum Unprepared {
    /// The bytes are no input of this operation: broken, of a wrong type, not base64. The gateway words it, since these
    /// errors are the protocol's; a service that words some of them itself (a missing member) gives them as refused.
    Malformed(Invalid),
    /// The input was read, and the service refuses it.
    Refused(Refused),
}

impl From<Invalid> for Unprepared {
    fn from(invalid: Invalid) -> Self {
        Self::Malformed(invalid)
    }
}

impl From<Refused> for Unprepared {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

/// An AWS error: its code and status, and the sentence that goes with it.
#[derive(Debug, Clone)]
pub struct Refused {
    /// Code, status and whose fault it is.
    pub error: &'static ErrorShape,
    /// What is wrong, in AWS's words where they are known.
    pub message: Cow<'static, str>,
    /// The words of the query protocol, where AWS says it otherwise there.
    pub query_message: Option<&'static str>,
    /// What the error has beside its message, where its model has more.
    pub members: Option<ErrorMembers>,
}

/// The members of an error beside its message: a structure, written where a protocol has a place for it (JSON and CBOR).
#[derive(Clone)]
pub struct ErrorMembers(pub Arc<dyn wire::Write + Send + Sync>);

impl fmt::Debug for ErrorMembers {
    /// Their names and values are a customer's data, and stay out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ErrorMembers")
    }
}

impl Refused {
    /// Refuses with `error`, because of `message`.
    pub fn new(error: &'static ErrorShape, message: impl Into<Cow<'static, str>>) -> Self {
        Self { error, message: message.into(), query_message: None, members: None }
    }

    /// The same refusal, in other words where the request came as a form.
    #[must_use]
    pub fn worded_in_query(self, message: &'static str) -> Self {
        Self { query_message: Some(message), ..self }
    }

    /// The same refusal, with what its error has beside the message.
    #[must_use]
    pub fn with_members(self, members: ErrorMembers) -> Self {
        Self { members: Some(members), ..self }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Who asks, from where, and when.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The account the request acts in.
    pub account: AccountId,
    /// The region the request is meant for.
    pub region: Region,
    /// The access key id the request names. Absent from unsigned requests.
    pub access_key: Option<Box<str>>,
    /// The request's id, as the reply shows it.
    pub request_id: RequestId,
    /// When the request had arrived.
    pub now: Instant,
    /// Who it is: proved where signatures are verified, else as the key claims.
    pub identity: Arc<Identity>,
    /// Where the request came from, where the listener knows.
    pub source: Option<IpAddr>,
    /// Whether it came over TLS.
    pub secure: bool,
    /// The X-Ray trace that the request belongs to, as it came beside the input; visible ASCII, not checked further.
    pub trace_header: Option<Box<str>>,
    /// How many milliseconds the client waits for an answer that is not there yet, as it came beside the input (docs/STREAMS.md);
    /// visible ASCII, not checked further. Operations that do not wait do not look at it.
    pub wait_millis: Option<Box<str>>,
    /// Tells that the server is stopping: long polls then end early.
    pub stopping: Stopping,
    pub(crate) agent: Option<http::HeaderValue>,
    pub(crate) via: Option<&'static str>,
    pub(crate) enforced: bool,
    /// What stands over accounts.
    pub(crate) organization: Option<Arc<Organization>>,
    /// Where refusals are noted, if anybody keeps a record of the request. Copies of the caller note theirs there too.
    pub(crate) refuser: Option<Arc<Refuser>>,
    pub(crate) base: Base,
    pub(crate) link_base: Base,
    pub(crate) path: PathAndQuery,
}

impl Caller {
    /// `scheme://host` under which the client reaches this server: the configured public URL, else as the client wrote it.
    /// Without a slash at its end. For what the client itself is told; see [`Self::link_url`].
    pub fn base_url(&self) -> &Base {
        &self.base
    }

    /// `scheme://host` for links that others than the client get: the configured public URL, else an address of this server, never
    /// what the client wrote (`links.rs`). Without a slash at its end.
    pub fn link_url(&self) -> &Base {
        &self.link_base
    }

    /// What the client calls itself, where that is text.
    pub fn user_agent(&self) -> Option<&str> {
        self.agent.as_ref()?.to_str().ok()
    }

    /// Whether policies decide what this caller may. Else it may do everything.
    pub fn is_held_to_policies(&self) -> bool {
        self.enforced
    }

    /// What stands over accounts, where anything does.
    pub fn organization(&self) -> Option<&Arc<Organization>> {
        self.organization.as_ref()
    }

    /// The same caller, with something standing over accounts: for a service's own tests.
    #[must_use]
    pub fn below(self, organization: Arc<Organization>) -> Self {
        Self { organization: Some(organization), ..self }
    }

    /// The same request, proved to come from somebody whom policies hold: for a service's own tests, and for a service
    /// that acts for a principal that signs nothing.
    #[must_use]
    pub fn proved(self, identity: Arc<Identity>) -> Self {
        let account = identity.caller.account().unwrap_or(self.account);
        Self { identity, account, enforced: true, ..self }
    }

    /// The same caller, asking in another region.
    #[must_use]
    pub fn in_region(self, region: &Region) -> Self {
        Self { region: region.clone(), ..self }
    }

    /// The same caller, for whom an AWS service asks another one, as its principal names it: `sqs.amazonaws.com`.
    #[must_use]
    pub fn through(self, service: &'static str) -> Self {
        Self { via: Some(service), ..self }
    }

    /// A caller for a service's own tests, without a gateway: unsigned, at `http://localhost:4566/`, who may do everything.
    pub fn for_test(account: AccountId, region: Region, now: Instant) -> Self {
        Self {
            account,
            region,
            access_key: None,
            request_id: RequestId::from_random(0),
            now,
            identity: Arc::new(Identity::root(account)),
            source: None,
            secure: false,
            agent: None,
            via: None,
            enforced: false,
            organization: None,
            refuser: None,
            trace_header: None,
            wait_millis: None,
            stopping: Stopping::new(),
            base: Base::Public("http://localhost:4566".into()),
            link_base: Base::Public("http://localhost:4566".into()),
            path: PathAndQuery::from_static("/"),
        }
    }

    /// The path of the request. For forms it is also the value of [`Description::path_member`].
    pub fn path(&self) -> &str {
        self.path.path()
    }
}

/// `scheme://host`, shown by its [`fmt::Display`] so that only operations that need a URL build one.
#[derive(Debug, Clone)]
pub enum Base {
    /// Configured, the same for all.
    Public(Arc<str>),
    /// The scheme of the listener and the host as the client wrote it.
    Client {
        /// `http` or `https`.
        scheme: &'static str,
        /// Host and port.
        host: http::HeaderValue,
    },
    /// The scheme of the listener and an address of it.
    Address {
        /// `http` or `https`.
        scheme: &'static str,
        /// Address and port.
        address: SocketAddr,
    },
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Public(url) => f.write_str(url),
            Self::Client { scheme, host } => {
                write!(f, "{scheme}://{}", host.to_str().expect("the host was checked to be visible ASCII at the door"))
            }
            Self::Address { scheme, address } => write!(f, "{scheme}://{address}"),
        }
    }
}
