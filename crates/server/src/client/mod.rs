//! A client of the API that every customer has: awsJson 1.0 over HTTP/1.1, one connection, one request at a time.
//!
//! What the command line does to queues it does through this door, so it can do nothing that an SDK could not, and works as well
//! against a server elsewhere. Requests carry the Authorization header of SigV4, which names account and region; the place
//! of the signature is filled with zeros, because no server checks it yet.

mod endpoint;
mod failure;

pub(crate) use endpoint::Endpoint;
pub(crate) use failure::Failure;

use crate::tls;
use crate::tools::moment;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
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
    /// The access key id; one of twelve digits is the account.
    pub(crate) access_key: String,
    /// The region that requests are meant for.
    pub(crate) region: String,
    /// Who vouches for the server, in PEM, beside the system's roots. For `https://` alone.
    pub(crate) trusted: Vec<PathBuf>,
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
        let request = self.request(operation, input)?;
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
        let value = if body.is_empty() { Ok(Value::Null) } else { serde_json::from_slice(&body) };
        match value {
            Ok(value) if status.is_success() => Ok(value),
            Ok(value) => Err(Failure::refused(operation, status.as_u16(), &value)),
            Err(_) => Err(Failure::Foreign { endpoint: self.target.endpoint.to_string(), status: status.as_u16() }),
        }
    }

    fn request(&self, operation: &str, input: &Value) -> Result<Request<Full<Bytes>>, Failure> {
        let Target { endpoint, access_key, region, .. } = &self.target;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = moment::show(Instant::from_millis(u64::try_from(now.as_millis()).unwrap_or(0)));
        let plain = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
        let (day, second) = (plain(&now[..10]), format!("{}T{}Z", plain(&now[..10]), plain(&now[11..19])));
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={access_key}/{day}/{region}/sqs/aws4_request, SignedHeaders=host;x-amz-date, \
             Signature={}",
            "0".repeat(64)
        );
        let request = Request::builder()
            .method(Method::POST)
            .uri("/")
            .header(HOST, endpoint.authority())
            .header(CONTENT_TYPE, "application/x-amz-json-1.0")
            .header("x-amz-target", format!("AmazonSQS.{operation}"))
            .header("x-amz-date", second)
            .header(AUTHORIZATION, authorization)
            .body(Full::new(Bytes::from(input.to_string())));
        request.map_err(|error| Failure::Unfit(format!("the access key or the region cannot be sent: {error}")))
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
