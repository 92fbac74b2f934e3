//! A client of the APIs that every customer has: awsJson and awsQuery over HTTP/1.1, one connection, one request at a time.
//!
//! What the command line does to queues, streams and topics it does through this door, so it can do nothing that an SDK could not, and works as well
//! against a server elsewhere. Requests are signed as an SDK signs them.

mod credentials;
mod endpoint;
mod failure;
mod query;
mod xml;

pub(crate) use credentials::Credentials;
pub(crate) use endpoint::Endpoint;
pub(crate) use failure::Failure;
pub(crate) use query::percent_encoded;

use crate::tls;
use access::sigv4::{Incoming, Signer};
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use names::Instant;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use wire::schema::ServiceShape;

/// How long a server may take to let us in; it may be on the other side of the world, but not longer away than this.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);

/// How long an answer may take: a long poll lasts 20 seconds, and a full disk or a frozen machine may add to it.
const ANSWER_PATIENCE: Duration = Duration::from_secs(60);

/// The longest answer that is read: a hundred messages of 1 MiB whose every byte is escaped as `\u0001`.
const ANSWER_BYTES_MAX: usize = 640 << 20;

/// Where requests go, and in whose name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// The server.
    pub(crate) endpoint: Endpoint,
    /// The access key; one of twelve digits is the account where nothing is verified.
    pub(crate) credentials: Credentials,
    /// The region that requests are meant for.
    pub(crate) region: String,
    /// Who vouches for the server, in PEM, beside the system's roots. For `https://` alone.
    pub(crate) trusted: Vec<PathBuf>,
}

/// One of the server's APIs, as requests name it.
#[derive(Debug)]
pub(crate) struct Api {
    /// The service of the credential scope.
    service: &'static str,
    dialect: Dialect,
}

/// How an API is spoken.
#[derive(Debug)]
enum Dialect {
    /// awsJson.
    Json {
        /// What stands before the operation in X-Amz-Target.
        prefix: &'static str,
        content_type: &'static str,
    },
    /// awsQuery, by the service's model: what AWS and every server that speaks like it understands of SNS.
    Query(&'static ServiceShape),
}

const JSON_1_0: &str = "application/x-amz-json-1.0";
const JSON_1_1: &str = "application/x-amz-json-1.1";
const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// Amazon SQS.
pub(crate) static SQS: Api =
    Api { service: "sqs", dialect: Dialect::Json { prefix: "AmazonSQS", content_type: JSON_1_0 } };

/// Amazon Kinesis Data Streams.
pub(crate) static KINESIS: Api =
    Api { service: "kinesis", dialect: Dialect::Json { prefix: "Kinesis_20131202", content_type: JSON_1_1 } };

/// tidewire's own operations on streams.
pub(crate) static STREAMS: Api =
    Api { service: "kinesis", dialect: Dialect::Json { prefix: "TidewireStreams_20261123", content_type: JSON_1_1 } };

/// Amazon SNS.
pub(crate) static SNS: Api = Api { service: "sns", dialect: Dialect::Query(&sns::api::SERVICE) };

/// tidewire's own operations on topics.
pub(crate) static TOPICS: Api =
    Api { service: "sns", dialect: Dialect::Json { prefix: "TidewireTopics_20261123", content_type: JSON_1_1 } };

/// How long an answer may be waited for at the server, in milliseconds (docs/STREAMS.md).
pub(crate) const WAIT_HEADER: &str = "x-tidewire-wait-milliseconds";

/// A request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) api: &'static Api,
    pub(crate) operation: &'a str,
    pub(crate) input: &'a Value,
    /// What [`WAIT_HEADER`] says, if it is sent.
    pub(crate) wait_millis: Option<u64>,
}

/// A connection to a server, made when it is first needed and again when the server has closed it.
pub(crate) struct Client {
    target: Target,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl Client {
    /// A client that has not connected yet.
    pub(crate) fn new(target: Target) -> Self {
        Self { target, sender: None }
    }

    /// A client on a stream that leads to a server already.
    pub(crate) async fn over<S>(target: Target, stream: S) -> Result<Self, Failure>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let sender = shake_hands(&target.endpoint, stream).await?;
        Ok(Self { target, sender: Some(sender) })
    }

    /// Asks SQS for an operation, and returns what it answered.
    pub(crate) async fn call(&mut self, operation: &str, input: &Value) -> Result<Value, Failure> {
        self.ask(Asked { api: &SQS, operation, input, wait_millis: None }).await
    }

    /// Asks for an operation, and returns what was answered.
    pub(crate) async fn ask(&mut self, asked: Asked<'_>) -> Result<Value, Failure> {
        let request = self.request(asked)?;
        let operation = asked.operation;
        let sender = self.sender().await?;
        let lost = |why: String| Failure::Lost { operation: operation.to_owned(), why };
        let exchange = async {
            let response = sender.send_request(request).await.map_err(|error| lost(error.to_string()))?;
            let status = response.status();
            let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
            Ok::<_, Failure>((status, body.map_err(|error| lost(error.to_string()))?.to_bytes()))
        };
        let patience = timeout(ANSWER_PATIENCE, exchange).await;
        let (status, body) = patience.map_err(|_| lost(format!("no answer in {} s", ANSWER_PATIENCE.as_secs())))??;
        let value = match asked.api.dialect {
            _ if body.is_empty() => Ok(Value::Null),
            Dialect::Json { .. } => serde_json::from_slice(&body).map_err(drop),
            Dialect::Query(shape) => query::answer(shape, operation, &body, status.is_success()).ok_or(()),
        };
        match value {
            Ok(value) if status.is_success() => Ok(value),
            Ok(value) => Err(Failure::refused(operation, status.as_u16(), &value)),
            Err(_) => Err(Failure::Foreign { endpoint: self.target.endpoint.to_string(), status: status.as_u16() }),
        }
    }

    fn request(&self, asked: Asked<'_>) -> Result<Request<Full<Bytes>>, Failure> {
        let Asked { api, operation, input, wait_millis } = asked;
        let Target { endpoint, credentials, region, .. } = &self.target;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = Instant::EPOCH.plus_secs(now.as_secs());
        let (body, target, content_type) = match api.dialect {
            Dialect::Json { prefix, content_type } => {
                (input.to_string(), Some(format!("{prefix}.{operation}")), content_type)
            }
            Dialect::Query(shape) => (query::form(shape, operation, input), None, FORM),
        };
        let (host, wait) = (endpoint.authority(), wait_millis.map(|millis| millis.to_string()));
        let mut given = vec![("host", host.as_str()), ("content-type", content_type)];
        given.extend(target.as_deref().map(|target| ("x-amz-target", target)));
        given.extend(wait.as_deref().map(|wait| (WAIT_HEADER, wait)));
        let headers: Vec<_> = given.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let signer = Signer {
            access_key: &credentials.access_key,
            secret: &credentials.secret,
            token: credentials.token.as_deref(),
            region,
            service: api.service,
        };
        let plain = Incoming { method: "POST", path: "/", query: "", headers: &headers, body: body.as_bytes() };
        let unfit = |why: String| Failure::Unfit(format!("the access key or the region cannot be sent: {why}"));
        let added = signer.sign(&plain, now).map_err(|fault| unfit(fault.in_query().message))?;
        let mut request = Request::builder().method(Method::POST).uri("/");
        for (name, value) in given.into_iter().chain(added.iter().map(|(name, value)| (*name, value.as_str()))) {
            request = request.header(name, value);
        }
        request.body(Full::new(Bytes::from(body))).map_err(|error| unfit(error.to_string()))
    }

    async fn sender(&mut self) -> Result<&mut SendRequest<Full<Bytes>>, Failure> {
        // A server closes connections that were idle for a while; one that is closing is not ready.
        let usable = match &mut self.sender {
            Some(sender) => sender.ready().await.is_ok(),
            None => false,
        };
        if !usable {
            self.sender = Some(connect(&self.target).await?);
        }
        Ok(self.sender.as_mut().expect("it was just made, or is usable"))
    }
}

/// A connection to the server, over TLS where its address says so.
async fn connect(target: &Target) -> Result<SendRequest<Full<Bytes>>, Failure> {
    let endpoint = &target.endpoint;
    let failed = |why: String| Failure::Unreachable { endpoint: endpoint.to_string(), why };
    let connecting = async {
        let stream = TcpStream::connect(endpoint.authority()).await.map_err(|error| failed(plain_error(&error)))?;
        let _ = stream.set_nodelay(true);
        if !endpoint.is_secure() {
            return shake_hands(endpoint, stream).await;
        }
        let files: Vec<&Path> = target.trusted.iter().map(PathBuf::as_path).collect();
        let connector = tls::connector(&files).map_err(Failure::Unfit)?;
        let name = tls::server_name(endpoint.host()).map_err(Failure::Unfit)?;
        let stream = connector.connect(name, stream).await.map_err(|error| failed(untrusted(&error)))?;
        shake_hands(endpoint, stream).await
    };
    timeout(CONNECT_PATIENCE, connecting).await.map_err(|_| failed("it does not answer".into()))?
}

/// Why there is no TLS, and what to do where the server's certificate is nobody's whom we know.
fn untrusted(error: &std::io::Error) -> String {
    let text = error.to_string();
    let is_unknown = text.contains("UnknownIssuer");
    if is_unknown { format!("{text}; name the file of its authority with --ca or AWS_CA_BUNDLE") } else { text }
}

async fn shake_hands<S>(endpoint: &Endpoint, stream: S) -> Result<SendRequest<Full<Bytes>>, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let failed = |error: hyper::Error| Failure::Unreachable { endpoint: endpoint.to_string(), why: error.to_string() };
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
    // It ends with the sender, or with an error that the next request meets as well.
    tokio::spawn(async move {
        let _ = connection.await;
    });
    Ok(sender)
}

/// An error of the system without its number.
fn plain_error(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}
