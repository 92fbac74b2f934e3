//! HTTP/2 to services that speak nothing else: connections that many requests share.
//!
//! One connection for each service and identity, kept as long as it works. The tasks that drive it are started by whoever made this, as
//! nothing here starts any. A request whose connection turns out to be gone is sent once more on a new one; one that is not answered in
//! time takes its connection's place away, so that a path that swallows packets is not used for ever.

use super::{Certificate, Push, Pushes};
use crate::client::{LookUp, MakeTls};
use crate::endpoint::Endpoint;
use crate::limits::{ANSWER_BYTES_TOLD, HTTP2_CONNECTIONS_MAX};
use crate::transport::{Answer, Answering, Failed};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use std::collections::HashMap;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;

/// Starts a task.
pub type Spawn = Arc<dyn Fn(Pin<Box<dyn Future<Output = ()> + Send>>) + Send + Sync>;

/// What a sender over HTTP/2 is given.
#[derive(Clone)]
pub struct Http2Options {
    /// Asks the system for the addresses of a name.
    pub look_up: LookUp,
    /// Makes what believes certificates, when it is needed first.
    pub tls: MakeTls,
    /// Starts what drives connections.
    pub spawn: Spawn,
    /// How long a service may take.
    pub patience: Duration,
}

/// Sends over HTTP/2.
pub struct Http2 {
    options: Http2Options,
    connector: OnceLock<Result<TlsConnector, String>>,
    kept: Mutex<HashMap<Key, Kept>>,
}

/// By what a connection leads to, and by the identity that it has proved.
type Key = (bool, Box<str>, u16, Option<[u8; 32]>);

struct Kept {
    sender: SendRequest<Full<Bytes>>,
    used: Instant,
}

impl Http2 {
    /// A sender without connections.
    pub fn new(options: Http2Options) -> Arc<Self> {
        Arc::new(Self { options, connector: OnceLock::new(), kept: Mutex::default() })
    }

    async fn deliver(&self, push: &Push) -> Result<Answer, Failed> {
        let key = key(push);
        // A kept connection may have been closed meanwhile, which shows when it is used.
        if let Some(kept) = self.take(&key)
            && let Ok(answer) = exchange(kept, push).await
        {
            return Ok(answer);
        }
        self.forget(&key);
        let fresh = self.connect(push).await?;
        self.keep(key, fresh.clone());
        exchange(fresh, push).await
    }

    async fn connect(&self, push: &Push) -> Result<SendRequest<Full<Bytes>>, Failed> {
        let endpoint = &push.endpoint;
        let found = (self.options.look_up)(endpoint.host().to_owned(), endpoint.port()).await;
        let found = found.filter(|found| !found.is_empty());
        let found = found.ok_or_else(|| Failed::Unreachable("its name has no address".into()))?;
        let stream = stream(&found).await?;
        match endpoint.is_secure() {
            false => self.shake_hands(stream).await,
            true => {
                let connector = self.connector(push.certificate.as_deref())?;
                let name = ServerName::try_from(endpoint.host().to_owned());
                let name = name.map_err(|_| Failed::Forbidden("its name is none that a certificate is for".into()))?;
                let shaken = connector.connect(name, stream).await;
                self.shake_hands(shaken.map_err(|error| Failed::Unreachable(format!("no TLS: {error}")))?).await
            }
        }
    }

    /// What believes certificates, and speaks HTTP/2 in the name of one of our own.
    fn connector(&self, certificate: Option<&Certificate>) -> Result<TlsConnector, Failed> {
        let connector = self.connector.get_or_init(|| (self.options.tls)());
        let connector = connector.as_ref().map_err(|why| Failed::Unreachable(why.clone()))?;
        let mut config = rustls::ClientConfig::clone(connector.config());
        config.alpn_protocols = vec![b"h2".to_vec()];
        if let Some(certificate) = certificate {
            config = certificate.on(config).map_err(|_| Failed::Forbidden("its certificate cannot be used".into()))?;
        }
        Ok(TlsConnector::from(Arc::new(config)))
    }

    async fn shake_hands<S>(&self, stream: S) -> Result<SendRequest<Full<Bytes>>, Failed>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let starts = Starts(Arc::clone(&self.options.spawn));
        let shaken = http2::handshake(starts, TokioIo::new(stream)).await;
        let (sender, connection) = shaken.map_err(|error| broken(&error))?;
        (self.options.spawn)(Box::pin(async move {
            // How it ended shows when somebody uses it.
            let _ = connection.await;
        }));
        Ok(sender)
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<Key, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, key: &Key) -> Option<SendRequest<Full<Bytes>>> {
        let mut kept = self.kept();
        let found = kept.get_mut(key).filter(|kept| !kept.sender.is_closed())?;
        found.used = Instant::now();
        Some(found.sender.clone())
    }

    fn forget(&self, key: &Key) {
        self.kept().remove(key);
    }

    /// Keeps a connection; of too many the one goes that was used least lately.
    fn keep(&self, key: Key, sender: SendRequest<Full<Bytes>>) {
        let mut kept = self.kept();
        kept.retain(|_, kept| !kept.sender.is_closed());
        if kept.len() >= HTTP2_CONNECTIONS_MAX
            && let Some(oldest) = kept.iter().min_by_key(|(_, kept)| kept.used).map(|(key, _)| key.clone())
        {
            kept.remove(&oldest);
        }
        kept.insert(key, Kept { sender, used: Instant::now() });
    }
}

/// What a shared sender is to those who deliver.
impl Pushes for Arc<Http2> {
    fn push(&self, push: Push) -> Answering {
        let http2 = Arc::clone(self);
        Box::pin(async move {
            let patience = http2.options.patience;
            match timeout(patience, http2.deliver(&push)).await {
                Ok(outcome) => outcome,
                Err(_) => {
                    http2.forget(&key(&push));
                    Err(Failed::Late(format!("it did not answer within {} s", patience.as_secs())))
                }
            }
        })
    }
}

/// Starts hyper's tasks.
#[derive(Clone)]
struct Starts(Spawn);

impl<F: Future<Output = ()> + Send + 'static> hyper::rt::Executor<F> for Starts {
    fn execute(&self, task: F) {
        (self.0)(Box::pin(task));
    }
}

fn key(push: &Push) -> Key {
    let Push { endpoint, certificate, .. } = push;
    let identity = certificate.as_ref().map(|certificate| certificate.digest);
    (endpoint.is_secure(), endpoint.host().into(), endpoint.port(), identity)
}

async fn stream(addresses: &[SocketAddr]) -> Result<TcpStream, Failed> {
    let stream = TcpStream::connect(addresses).await.map_err(|error| Failed::Unreachable(error.to_string()))?;
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

async fn exchange(mut sender: SendRequest<Full<Bytes>>, push: &Push) -> Result<Answer, Failed> {
    sender.ready().await.map_err(|error| broken(&error))?;
    let response = sender.send_request(request(push)?).await.map_err(|error| broken(&error))?;
    read(response).await
}

fn request(push: &Push) -> Result<Request<Full<Bytes>>, Failed> {
    let unfit = |what: &str| Failed::Forbidden(format!("its {what} cannot be sent"));
    let endpoint: &Endpoint = &push.endpoint;
    let scheme = if endpoint.is_secure() { "https" } else { "http" };
    let uri = format!("{scheme}://{}{}", endpoint.authority(), endpoint.target());
    let mut request = Request::post(uri).body(Full::new(push.body.clone())).map_err(|_| unfit("URL"))?;
    for (name, value) in &push.headers {
        let mut value = HeaderValue::try_from(value).map_err(|_| unfit("headers"))?;
        value.set_sensitive(*name == "authorization");
        request.headers_mut().insert(HeaderName::from_static(name), value);
    }
    Ok(request)
}

/// The beginning of an answer; a service that goes on behind it has answered all the same.
async fn read(response: Response<Incoming>) -> Result<Answer, Failed> {
    let (head, mut body) = response.into_parts();
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|error| broken(&error))?.into_data() else { continue };
        let room = ANSWER_BYTES_TOLD - bytes.len();
        bytes.extend_from_slice(&data[..data.len().min(room)]);
        if bytes.len() == ANSWER_BYTES_TOLD {
            break;
        }
    }
    Ok(Answer { status: head.status.as_u16(), body: String::from_utf8_lossy(&bytes).into_owned() })
}

fn broken(error: &hyper::Error) -> Failed {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    Failed::Broken(format!("{error}{cause}"))
}
