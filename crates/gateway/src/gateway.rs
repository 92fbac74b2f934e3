//! The front door itself: what it is made of, and the stages every request passes.
//!
//! route → receive → authenticate → decode → allow → call → encode, in order, in [`Gateway::pass`]. A request that fails in
//! a stage skips the rest, so what is refused before `call` has executed nothing. How much `authenticate` and `allow` ask for
//! is [`Auth`]'s to say.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};

use access::sigv4::{Fault, Keys};
use access::{Kind, Network};
use bytes::Bytes;
use http::header::{CONNECTION, USER_AGENT};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, Request, Response, Version};
use hyper::body::Incoming;
use hyper_util::rt::TokioExecutor;
use hyper_util::server::conn::auto;
use names::{AccountId, Instant, Region};
use prometheus_client::registry::Registry;
use wire::cbor::Times;
use wire::query::Form;
use wire::{Invalid, Reader};

use crate::audit::{Audit, Seen, Witness};
use crate::authenticate::{self, Door, Proof};
use crate::body::{self, BodyError, Budget};
use crate::codec::{self, Input};
use crate::credential::{self, Scope};
use crate::directory::Directory;
use crate::errors;
use crate::event_body::{EventBody, Wording};
use crate::events::Answered;
use crate::framing;
use crate::heard::{Heard, Overheard};
use crate::identity::{Auth, Authority, Identity, Proven};
use crate::isolation::{self, Isolated, Panicked};
use crate::limits::{BODY_BYTES_MAX, Limits, UNPACKED_OF_STRANGERS_MAX};
use crate::links::Links;
use crate::metrics::{Metrics, OperationMetrics};
use crate::organization::Organization;
use crate::outgoing::Outgoing;
use crate::pages::{Asked, Page, Pages};
use crate::protocol::Protocol;
use crate::proxy;
use crate::reply;
use crate::request_id::RequestId;
use crate::route::{self, Place, Route, Target};
use crate::secured::Secured;
use crate::service::{Base, Caller, Prepared, Refused, Service, Unprepared};
use crate::stopping::Stopping;
use crate::throttle::{self, Accounts, Bucket, Rate, WrongCurves};
use crate::unpack;

/// The answer to a request.
pub(crate) type Reply = Response<Outgoing>;

/// Time and chance, which the gateway does not take by itself.
pub trait Surroundings: Send + Sync + 'static {
    /// The wall clock.
    fn now(&self) -> Instant;
    /// Nanoseconds since some moment of the past, never running backwards.
    fn monotonic_nanos(&self) -> u64;
    /// 128 random bits; they need not be hard to guess.
    fn random(&self) -> u128;
}

/// How clients reach a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Plain.
    Http,
    /// Behind TLS.
    Https,
}

impl Scheme {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// Where a connection comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// How the client reaches the listener.
    pub scheme: Scheme,
    /// The client's address, where the listener knows it.
    pub source: Option<IpAddr>,
    /// The server's own address to which the connection came, where the listener knows it.
    pub reached: Option<SocketAddr>,
    /// What protects the connection, where something does and the listener knows.
    pub secured: Option<Secured>,
    /// Whether the client is the server itself, which then may do everything and signs nothing.
    pub inside: bool,
}

impl Origin {
    /// The server itself.
    pub const INSIDE: Self = Self { scheme: Scheme::Http, source: None, reached: None, secured: None, inside: true };

    /// A client at an address.
    pub fn of(scheme: Scheme, source: IpAddr) -> Self {
        Self { scheme, source: Some(source.to_canonical()), reached: None, secured: None, inside: false }
    }

    /// A client at an address, over TLS.
    pub fn secure(secured: Secured, source: IpAddr) -> Self {
        Self { secured: Some(secured), ..Self::of(Scheme::Https, source) }
    }

    /// The same client, whose connection came to this address of the server's.
    #[must_use]
    pub fn reaching(self, address: SocketAddr) -> Self {
        Self { reached: Some(SocketAddr::new(address.ip().to_canonical(), address.port())), ..self }
    }
}

impl From<Scheme> for Origin {
    /// A client whose address nobody knows.
    fn from(scheme: Scheme) -> Self {
        Self { scheme, source: None, reached: None, secured: None, inside: false }
    }
}

/// What a gateway is made of.
pub struct Options {
    /// The services behind it.
    pub services: Vec<Arc<dyn Service>>,
    /// The server's own pages.
    pub pages: Arc<dyn Pages>,
    /// Time and chance.
    pub surroundings: Arc<dyn Surroundings>,
    /// The account of requests whose access key names none.
    pub default_account: AccountId,
    /// The region of requests that name none.
    pub default_region: Region,
    /// `scheme://host` in URLs given to clients, without a slash at its end. `None`: as the client wrote it.
    pub public_url: Option<Arc<str>>,
    /// What links begin with that others than the client get, where there is no `public_url`.
    pub links: Links,
    /// Bounds on time and memory.
    pub limits: Limits,
    /// How much of a request's signature counts.
    pub auth: Auth,
    /// What stands over accounts, where requests are verified.
    pub organization: Option<Arc<Organization>>,
    /// Proxies whose word on host, scheme and address of a client is taken.
    pub proxies: Vec<Network>,
    /// Signing keys that were used before. Whoever changes an access key has them forget it.
    pub signing_keys: Arc<Keys>,
}

/// The header in which X-Ray's SDKs and load balancers name the trace that a request belongs to.
const TRACE_HEADER: &str = "x-amzn-trace-id";

/// The header in which a client says how long it waits: tidewire's own, which any SDK can be told to send.
const WAIT_HEADER: &str = "x-tidewire-wait-milliseconds";

/// The AWS front door. Clones are handles on the same one.
#[derive(Clone)]
pub struct Gateway(Arc<Inner>);

struct Inner {
    directory: Directory,
    pages: Arc<dyn Pages>,
    surroundings: Arc<dyn Surroundings>,
    default_account: AccountId,
    default_region: Region,
    public_url: Option<Arc<str>>,
    links: Links,
    limits: Limits,
    auth: Auth,
    organization: Option<RwLock<Arc<Organization>>>,
    proxies: Vec<Network>,
    signing_keys: Arc<Keys>,
    audit: Option<Arc<dyn Audit>>,
    /// The root user of the default account.
    root: Arc<Identity>,
    /// Who signs nothing.
    nobody: Arc<Identity>,
    bodies: Budget,
    accounts: Accounts,
    wrong_curves: WrongCurves,
    stopping: Stopping,
    metrics: Metrics,
    unknown: OperationMetrics,
    http: auto::Builder<TokioExecutor>,
}

impl Gateway {
    /// Builds the front door and registers what it counts.
    ///
    /// # Panics
    /// If two services share a target prefix.
    pub fn new(options: Options, registry: &mut Registry) -> Self {
        Self::audited(options, None, registry)
    }

    /// The same, with somebody who keeps a record of what happens.
    ///
    /// # Panics
    /// If two services share a target prefix.
    pub fn audited(options: Options, audit: Option<Arc<dyn Audit>>, registry: &mut Registry) -> Self {
        let metrics = Metrics::register(registry);
        let partition = options.default_region.arn_partition();
        Self(Arc::new(Inner {
            directory: Directory::new(options.services, &metrics),
            pages: options.pages,
            surroundings: options.surroundings,
            default_account: options.default_account,
            default_region: options.default_region,
            public_url: options.public_url,
            links: options.links,
            accounts: Accounts::default(),
            wrong_curves: WrongCurves::default(),
            bodies: Budget::new(options.limits.bodies_bytes_max),
            limits: options.limits,
            auth: options.auth,
            organization: options.organization.map(RwLock::new),
            proxies: options.proxies,
            signing_keys: options.signing_keys,
            audit,
            root: Arc::new(Identity::root_in(partition, options.default_account)),
            nobody: Arc::new(Identity::anonymous()),
            stopping: Stopping::new(),
            unknown: metrics.operation("unknown", "unknown"),
            metrics,
            http: crate::connection::builder(),
        }))
    }

    /// Begins the graceful stop: idle connections close, busy ones after the requests they have begun.
    pub fn stop(&self) {
        self.0.stopping.set();
    }

    /// The signal that [`stop`](Self::stop) gives.
    pub fn stopping(&self) -> Stopping {
        self.0.stopping.clone()
    }

    pub(crate) fn directory(&self) -> &Directory {
        &self.0.directory
    }

    pub(crate) fn surroundings(&self) -> &dyn Surroundings {
        &*self.0.surroundings
    }

    /// What URLs begin with that come of no request.
    pub(crate) fn home_url(&self) -> Arc<str> {
        Arc::clone(self.0.public_url.as_ref().unwrap_or(&self.0.links.home))
    }

    pub(crate) fn default_account(&self) -> AccountId {
        self.0.default_account
    }

    pub(crate) fn auth(&self) -> &Auth {
        &self.0.auth
    }

    /// Puts something else over accounts, from the next request on. A gateway over whose accounts nothing stands was made so,
    /// and stays so.
    pub fn reorganize(&self, organization: Arc<Organization>) {
        if let Some(standing) = &self.0.organization {
            *standing.write().unwrap_or_else(PoisonError::into_inner) = organization;
        }
    }

    pub(crate) fn organization(&self) -> Option<Arc<Organization>> {
        let standing = self.0.organization.as_ref()?;
        Some(Arc::clone(&standing.read().unwrap_or_else(PoisonError::into_inner)))
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.0.limits
    }

    pub(crate) fn http(&self) -> &auto::Builder<TokioExecutor> {
        &self.0.http
    }

    /// Answers one request, and counts and logs it.
    pub(crate) async fn answer(&self, request: Request<Incoming>, origin: Origin, bucket: &Bucket) -> Reply {
        let began = self.0.surroundings.monotonic_nanos();
        let id = RequestId::from_random(self.0.surroundings.random());
        let version = request.version();
        let place = Place { bound: None, operation: None, protocol: Protocol::Query };
        let mut record = Record { place, id, began, body_bytes: 0, close: false, is_page: false, witness: None };
        let (mut head, body) = request.into_parts();
        let framed = framing::check(&head);
        let origin = proxy::see_through(&self.0.proxies, origin, &mut head);
        let result = match framed {
            Ok(()) => self.pass(head, body, origin, bucket, &mut record).await,
            Err(refused) => {
                record.close = true;
                Err(refused)
            }
        };
        if let (Err(refused), Some(witness)) = (&result, &mut record.witness) {
            witness.saw_refusal(refused);
        }
        let mut reply = result.unwrap_or_else(|refused| reply::refusal(&record.place, id, &refused));
        if (record.close || self.0.stopping.is_set()) && version < Version::HTTP_2 {
            reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        self.note(&record, reply.status().as_u16());
        reply
    }

    /// The stages.
    async fn pass<'d>(
        &'d self,
        head: Parts,
        body: Incoming,
        origin: Origin,
        bucket: &Bucket,
        record: &mut Record<'d>,
    ) -> Result<Reply, Refused> {
        let scope = credential::scope(&head.headers, route::query(&head));
        if self.0.pages.claims(head.uri.path()) {
            return self.claimed(head, body, origin, record).await;
        }
        let route = route::route(&self.0.directory, &head, scope.as_ref(), &mut record.place)?;
        if matches!(route, Route::Page) {
            record.is_page = true;
            return Ok(self.page(&head));
        }
        let now = self.0.surroundings.now();
        let seen = Seen { head: &head, scope: scope.as_ref(), origin, request_id: record.id, at: now };
        self.call_witness(record, &seen);
        let mut body = self.receive(body, record).await?;
        // After the body, so that the connection can go on and keeps its bucket.
        if self.0.limits.connection_rate.is_some_and(|rate| !bucket.take(rate, record.began)) {
            return Err(throttle::refused(record.place.bound.map(|bound| bound.description)));
        }
        let proof = self.authenticate(&head, &body, origin, scope.as_ref(), (now, record.began));
        let mut proof = proof.map_err(|fault| authenticate::refused(&fault, &record.place))?;
        if let Some(decoded) = proof.as_mut().and_then(|proof| proof.body.take()) {
            body = decoded;
        }
        let region = proof.as_mut().and_then(|proof| proof.region.take());
        // For those who signed nothing it is work a thousandfold of theirs, and nearly all that they ask is refused: theirs is small.
        let is_for_strangers = record.place.bound.is_some_and(|bound| !bound.description.unsigned.is_empty());
        let is_stranger = proof.is_none() && matches!(self.auth(), Auth::Verify(_));
        if (!is_stranger || is_for_strangers)
            && let Some(unpacked) = unpack::unpack(&head, &body, unpacked_bytes_max(record, is_stranger))?
        {
            body = unpacked;
        }
        let (target, input) = self.input(route, &head, &body, &mut record.place)?;
        // A form says only now which operation it means.
        self.call_witness(record, &seen);
        let identity = self.admit(proof, scope.as_ref(), origin, target, now);
        let identity = identity.map_err(|fault| authenticate::refused(&fault, &record.place))?;
        let mut caller = self.caller(&head, scope, identity, origin, (now, record.id));
        caller.region = region.unwrap_or(caller.region);
        self.note_use(&caller, target);
        if let Some(witness) = &mut record.witness {
            witness.saw_caller(&caller);
            caller.refuser = Some(witness.refuser());
        }
        if self.0.limits.account_rate.is_some_and(|rate| !self.may_ask_now(&caller, rate, record.began)) {
            return Err(throttle::refused(Some(target.bound.description)));
        }
        let prepared = decode(target, &input, record.witness.as_mut())?;
        if prepared.is_streamed() {
            payload_type(target, record.place.protocol)?;
        }
        allow(target, &*prepared, &caller, record.witness.as_mut())?;
        // What the operation needs it owns; a long poll shall not keep the bytes it was asked with.
        drop(input);
        drop((head, body));
        let answered = call(target, prepared, caller).await?;
        if let Some(witness) = &mut record.witness {
            witness.heard_output(answered.output());
        }
        self.encode(target, record, answered)
    }

    /// Writes the output, which is the service's code too, and has its events follow it, if there are any.
    fn encode(&self, target: Target<'_>, record: &Record<'_>, answered: Answered) -> Result<Reply, Refused> {
        let (protocol, id) = (record.place.protocol, record.id);
        let write = || match answered {
            Answered::Whole(output) => Ok(reply::success(target, protocol, id, &*output, None)),
            Answered::Held(output, hold) => Ok(reply::success(target, protocol, id, &*output, Some(hold))),
            Answered::Events(events) => {
                let (service, operation) = (target.bound.description, target.shape().name);
                let payload_type = payload_type(target, protocol)?;
                let wording =
                    Wording { service: service.id, operation, shape: events.shape, protocol, payload_type, id };
                let (stopping, open) = (self.stopping(), &self.0.metrics.event_streams);
                let body = EventBody::begin(wording, &*events.output, events.source, stopping, open);
                Ok(reply::stream(protocol, id, body))
            }
        };
        isolation::run(write).map_err(|panicked| bug(target, &panicked))?
    }

    /// Whether there is a token left of whoever asks.
    fn may_ask_now(&self, caller: &Caller, rate: Rate, now_nanos: u64) -> bool {
        match caller.identity.caller.kind() {
            Kind::Anonymous => self.0.accounts.take_unknown(rate, now_nanos),
            _ => self.0.accounts.take(caller.account, rate, now_nanos),
        }
    }

    /// Has somebody see what becomes of the request, if it is known what it asks for and anybody wants to know.
    fn call_witness(&self, record: &mut Record<'_>, seen: &Seen<'_>) {
        if let (Some(audit), None) = (&self.0.audit, &record.witness) {
            record.witness = Witness::of(audit, &record.place, seen);
        }
    }

    /// Reads the body. The connection cannot go on after one that was not read to its end.
    async fn receive(&self, body: Incoming, record: &mut Record<'_>) -> Result<Bytes, Refused> {
        let bytes_max = body_bytes_max(record);
        let limits = &self.0.limits;
        match body::gather(body, bytes_max, limits.body_read, &self.0.bodies).await {
            Ok(body) => {
                record.body_bytes = body.len();
                Ok(body)
            }
            Err(error) => {
                record.close = true;
                Err(unread(error, bytes_max))
            }
        }
    }

    /// Finds the operation, which a form names itself, and what is to be read as its input.
    fn input<'d, 'b>(
        &'d self,
        route: Route<'d>,
        head: &'b Parts,
        body: &'b [u8],
        place: &mut Place<'d>,
    ) -> Result<(Target<'d>, Input<'b>), Refused> {
        match (route, place.protocol) {
            (Route::Operation(target), Protocol::Cbor) => Ok((target, Input::Cbor(body, Times::Seconds))),
            (Route::Operation(target), Protocol::AwsCbor) => Ok((target, Input::Cbor(body, Times::Millis))),
            (Route::Operation(target), _) => Ok((target, Input::Json(body))),
            (Route::Form | Route::Page, _) => {
                let mut form =
                    Form::parse(route::query(head).as_bytes(), body).map_err(|invalid| malformed(&invalid))?;
                let target = route::settle(&self.0.directory, head, &form, place)?;
                let path = head.uri.path();
                if let Some(member) = target.bound.description.path_member.filter(|_| path != "/") {
                    form.set_if_absent(member, path);
                }
                Ok((target, Input::Form(form)))
            }
        }
    }

    /// Finds out who signed the request, where that counts; nobody where it does not.
    fn authenticate(
        &self,
        head: &Parts,
        body: &[u8],
        origin: Origin,
        scope: Option<&Scope<'_>>,
        (now, now_nanos): (Instant, u64),
    ) -> Result<Option<Proof>, Fault> {
        let Some(authority) = self.verifying(origin) else { return Ok(None) };
        let inner = &*self.0;
        let door = Door {
            authority,
            keys: &inner.signing_keys,
            now,
            default_region: &inner.default_region,
            secure: origin.scheme == Scheme::Https,
            source: origin.source,
            wrong_curves: &inner.wrong_curves,
            now_nanos,
        };
        door.verify(head, body, scope)
    }

    /// The authority that requests from there must prove themselves to.
    fn verifying(&self, origin: Origin) -> Option<&dyn Authority> {
        match &self.0.auth {
            Auth::Verify(authority) if !origin.inside => Some(&**authority),
            _ => None,
        }
    }

    /// Who a request counts as coming from.
    fn admit(
        &self,
        proof: Option<Proof>,
        scope: Option<&Scope<'_>>,
        origin: Origin,
        target: Target<'_>,
        now: Instant,
    ) -> Result<Arc<Identity>, Fault> {
        match self.verifying(origin) {
            Some(_) => authenticate::admit(proof, scope, target, &self.0.nobody),
            None => Ok(self.believe(scope, now)),
        }
    }

    /// Has it written down that a key was used, if that is due.
    fn note_use(&self, caller: &Caller, target: Target<'_>) {
        let (Some(access_key), true) = (&caller.access_key, caller.identity.noted.is_due(caller.now)) else { return };
        if let Auth::Verify(authority) | Auth::ParseOnly(Some(authority)) = &self.0.auth {
            let service = target.bound.description.shape.signing_name;
            let region = caller.region.as_str();
            authority.note(&Proven { access_key, identity: &caller.identity, service, region, at: caller.now });
        }
    }

    /// Takes the key's word for it: an identity that is known, else the root user of the account that the key names.
    fn believe(&self, scope: Option<&Scope<'_>>, now: Instant) -> Arc<Identity> {
        let inner = &*self.0;
        let Some(scope) = scope else { return Arc::clone(&inner.root) };
        let (key, token) = (&*scope.access_key, scope.token.as_deref());
        let known = match &inner.auth {
            Auth::ParseOnly(Some(authority)) => authority.identity(key, token, now).ok(),
            _ => None,
        };
        let account = credential::account(key, inner.default_account);
        match known {
            Some(known) => known,
            None if account == inner.default_account => Arc::clone(&inner.root),
            None => Arc::new(Identity::root_in(inner.default_region.arn_partition(), account)),
        }
    }

    /// Who asks, from where and when. What the credential scope does not tell has defaults.
    fn caller(
        &self,
        head: &Parts,
        scope: Option<Scope<'_>>,
        identity: Arc<Identity>,
        origin: Origin,
        (now, request_id): (Instant, RequestId),
    ) -> Caller {
        let inner = &*self.0;
        let (access_key, region) = match scope {
            Some(scope) => (Some(scope.access_key), scope.region),
            None => (None, None),
        };
        Caller {
            account: identity.caller.account().unwrap_or(inner.default_account),
            region: region.and_then(|name| self.region(&name)).unwrap_or_else(|| inner.default_region.clone()),
            access_key: access_key.map(|key| key.into_owned().into_boxed_str()),
            request_id,
            now,
            enforced: self.verifying(origin).is_some(),
            organization: self.organization(),
            refuser: None,
            identity,
            source: origin.source,
            secure: origin.scheme == Scheme::Https,
            via: None,
            agent: head.headers.get(USER_AGENT).cloned(),
            trace_header: text(head, TRACE_HEADER),
            wait_millis: text(head, WAIT_HEADER),
            stopping: inner.stopping.clone(),
            base: self.base(head, origin.scheme),
            link_base: self.link_base(head, origin),
            path: head.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/")),
        }
    }

    /// The region called `name`. The default one is shared instead of made again.
    fn region(&self, name: &str) -> Option<Region> {
        let default = &self.0.default_region;
        if name == default.as_str() { Some(default.clone()) } else { Region::parse(name).ok() }
    }

    fn base(&self, head: &Parts, scheme: Scheme) -> Base {
        match &self.0.public_url {
            Some(url) => Base::Public(Arc::clone(url)),
            None => Base::Client { scheme: scheme.as_str(), host: route::host_value(head) },
        }
    }

    fn link_base(&self, head: &Parts, origin: Origin) -> Base {
        match &self.0.public_url {
            Some(url) => Base::Public(Arc::clone(url)),
            None => self.0.links.base(origin, route::host_of_url(head)),
        }
    }

    /// A request for a path that is the server's own.
    async fn claimed(
        &self,
        head: Parts,
        body: Incoming,
        origin: Origin,
        record: &mut Record<'_>,
    ) -> Result<Reply, Refused> {
        record.is_page = true;
        if !matches!(head.method, Method::GET | Method::HEAD | Method::POST | Method::DELETE) {
            return Ok(reply::page(Page::text(405, "This path takes GET, HEAD, POST and DELETE.\n")));
        }
        let body = self.receive(body, record).await?;
        let scope = credential::scope(&head.headers, route::query(&head));
        let now = self.0.surroundings.now();
        let caller = self.caller(&head, scope.clone(), self.believe(scope.as_ref(), now), origin, (now, record.id));
        let text = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let asked = Asked {
            is_post: head.method == Method::POST,
            is_delete: head.method == Method::DELETE,
            path: head.uri.path(),
            query: route::query(&head),
            accept: text("accept"),
            content_type: text("content-type"),
            target: text("x-amz-target"),
            has_origin: head.headers.contains_key("origin"),
            authorization: text("authorization"),
            body: &body,
            caller,
        };
        Ok(reply::page(self.0.pages.answer(asked).await))
    }

    fn page(&self, head: &Parts) -> Reply {
        if !matches!(head.method, Method::GET | Method::HEAD) {
            return reply::page(Page::text(405, "This path takes GET and HEAD.\n"));
        }
        let page = self.0.pages.page(head.uri.path(), route::query(head));
        reply::page(page.unwrap_or_else(|| Page::text(404, "There is no such page.\n")))
    }

    fn note(&self, record: &Record<'_>, status: u16) {
        if record.is_page {
            return tracing::debug!(id = %record.id, status, "page");
        }
        let Place { bound, operation, protocol } = record.place;
        let metrics = match (bound, operation) {
            (Some(bound), Some(operation)) => &bound.metrics[operation],
            (Some(bound), None) => &bound.unknown,
            (None, _) => &self.0.unknown,
        };
        let nanos = self.0.surroundings.monotonic_nanos().saturating_sub(record.began);
        metrics.answered(protocol, status, nanos as f64 / 1e9, record.body_bytes);
        let (service, operation) = (metrics.service(), metrics.operation());
        let (protocol, bytes, micros) = (protocol.name(), record.body_bytes, nanos / 1000);
        if status >= 500 {
            tracing::warn!(id = %record.id, service, operation, protocol, status, bytes, micros, "request failed");
        } else {
            tracing::debug!(id = %record.id, service, operation, protocol, status, bytes, micros, "request");
        }
    }
}

/// What a header says, where that is text.
fn text(head: &Parts, name: &str) -> Option<Box<str>> {
    head.headers.get(name).and_then(|value| value.to_str().ok()).map(Into::into)
}

/// What is kept of a request for metrics and log.
struct Record<'d> {
    place: Place<'d>,
    id: RequestId,
    began: u64,
    body_bytes: usize,
    close: bool,
    is_page: bool,
    witness: Option<Witness>,
}

/// Bytes that a compressed body may have when it is unpacked.
fn unpacked_bytes_max(record: &Record<'_>, is_stranger: bool) -> usize {
    let bytes_max = body_bytes_max(record);
    if is_stranger { bytes_max.min(UNPACKED_OF_STRANGERS_MAX) } else { bytes_max }
}

/// Bytes that the request's body may have, as far as its service is known.
fn body_bytes_max(record: &Record<'_>) -> usize {
    record.place.bound.map_or(BODY_BYTES_MAX, |bound| bound.description.body_bytes_max)
}

pub(crate) fn unread(error: BodyError, bytes_max: usize) -> Refused {
    match error {
        BodyError::TooLarge => {
            let message = format!("The request body is larger than the {bytes_max} bytes that are taken.");
            Refused::new(&errors::TOO_LARGE, message)
        }
        BodyError::Busy => Refused::new(&errors::UNAVAILABLE, "Too many bytes are arriving at once. Try again."),
        BodyError::Slow => Refused::new(&errors::TOO_SLOW, "The request body did not arrive in time."),
        BodyError::Truncated => Refused::new(&errors::TRUNCATED, "The request body ended before its end."),
    }
}

/// Reads the input. Whatever goes wrong here, nothing was executed.
pub(crate) fn decode(
    target: Target<'_>,
    input: &Input<'_>,
    witness: Option<&mut Witness>,
) -> Result<Box<dyn Prepared>, Refused> {
    let service = &*target.bound.service;
    let mut heard = witness.is_some().then(Heard::default);
    let prepare = |reader: &mut dyn Reader| match &mut heard {
        None => service.prepare(target.operation, reader),
        Some(heard) => service.prepare(target.operation, &mut Overheard { reader, heard }),
    };
    let read = isolation::run(|| codec::read(input, prepare));
    if let (Some(witness), Some(heard)) = (witness, heard) {
        witness.heard_input(heard);
    }
    match read {
        Ok(Ok(prepared)) => Ok(prepared),
        Ok(Err(Unprepared::Refused(refused))) => Err(refused),
        Ok(Err(Unprepared::Malformed(invalid))) => Err(malformed(&invalid)),
        Err(panicked) => Err(bug(target, &panicked)),
    }
}

fn malformed(invalid: &Invalid) -> Refused {
    Refused::new(&errors::MALFORMED, invalid.to_string())
}

/// Has every policy that applies allow what the operation needs, before it is begun.
pub(crate) fn allow(
    target: Target<'_>,
    prepared: &dyn Prepared,
    caller: &Caller,
    witness: Option<&mut Witness>,
) -> Result<(), Refused> {
    if !caller.is_held_to_policies() {
        return Ok(());
    }
    let needs = isolation::run(|| prepared.needs(caller)).map_err(|panicked| bug(target, &panicked))??;
    if let Some(witness) = witness {
        witness.saw_needs(&needs);
    }
    let denied = needs.iter().find_map(|need| caller.may(need).err());
    denied.map_or(Ok(()), |denied| Err(Refused::new(target.bound.description.denied, denied.sentence)))
}

/// Carries the operation out, on this task. A panic of it is logged and answered, and goes no further.
pub(crate) async fn call(target: Target<'_>, prepared: Box<dyn Prepared>, caller: Caller) -> Result<Answered, Refused> {
    let answer = isolation::run(|| prepared.call(caller)).map_err(|panicked| bug(target, &panicked))?;
    Isolated(answer).await.unwrap_or_else(|panicked| Err(bug(target, &panicked)))
}

/// The Content-Type of what the operation's events hold. A form cannot be answered with a stream of them.
fn payload_type(target: Target<'_>, protocol: Protocol) -> Result<&'static str, Refused> {
    let operation = target.shape().name;
    let refuse = || {
        let message = format!("{operation} answers with a stream of events, which the query protocol does not have.");
        Refused::new(&errors::UNKNOWN_OPERATION, message)
    };
    protocol.payload_type().ok_or_else(refuse)
}

fn bug(target: Target<'_>, panicked: &Panicked) -> Refused {
    panicked.refusal(target.bound.description.id, target.shape().name)
}
