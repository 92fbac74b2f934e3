//! One connection: made, shaken hands on, asked one request at a time. It is driven only while a request waits on it.

use crate::endpoint::Endpoint;
use crate::limits::{ANSWER_BYTES_MAX, ANSWER_BYTES_TOLD, ANSWER_HEAD_BYTES_MAX};
use crate::transport::{Answer, Failed};
use bytes::Bytes;
use http::header::{LOCATION, WWW_AUTHENTICATE};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// A stream of bytes, over TLS or not.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

type Driver = Pin<Box<http1::Connection<TokioIo<Box<dyn Stream>>, Full<Bytes>>>>;

/// A connection that no request is on.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: Driver,
    /// It cannot be asked again.
    is_over: bool,
}

/// An answer, and what of its head leads on.
pub(super) struct Told {
    pub(super) answer: Answer,
    pub(super) location: Option<String>,
    pub(super) challenges: Vec<String>,
}

/// Makes a stream to the first of these addresses that answers.
pub type Dial = Arc<dyn Fn(Vec<SocketAddr>) -> Dialing + Send + Sync>;

/// A stream that is being made.
pub type Dialing = Pin<Box<dyn Future<Output = io::Result<Box<dyn Stream>>> + Send>>;

/// Over TCP, as everybody but a simulation does.
pub fn tcp() -> Dial {
    Arc::new(|addresses| {
        Box::pin(async move {
            let stream = TcpStream::connect(&*addresses).await?;
            let _ = stream.set_nodelay(true);
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    })
}

/// Connects to a receiver, and shakes hands.
pub(super) async fn connect(
    endpoint: &Endpoint,
    dialing: Dialing,
    tls: Option<&TlsConnector>,
) -> Result<Connection, Failed> {
    let stream = dialing.await.map_err(|error| Failed::Unreachable(plain(&error)))?;
    let stream: Box<dyn Stream> = match tls {
        None => stream,
        Some(connector) => {
            let name = ServerName::try_from(endpoint.host().to_owned());
            let name =
                name.map_err(|_| Failed::Forbidden("its name is none that a certificate could be for".into()))?;
            let shaken = connector.connect(name, stream).await;
            Box::new(shaken.map_err(|error| Failed::Unreachable(format!("no TLS: {}", plain(&error))))?)
        }
    };
    let mut options = http1::Builder::new();
    options.max_buf_size(ANSWER_HEAD_BYTES_MAX);
    let (sender, driver) = options.handshake(TokioIo::new(stream)).await.map_err(|error| broken(&error))?;
    Ok(Connection { sender, driver: Box::pin(driver), is_over: false })
}

impl Connection {
    /// Whether another request may be sent on it.
    pub(super) fn is_open(&self) -> bool {
        !self.is_over && !self.sender.is_closed()
    }

    /// Sends a request and reads the answer.
    pub(super) async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Result<Told, Failed> {
        let Self { sender, driver, is_over } = self;
        let asking = async {
            sender.ready().await.map_err(|error| broken(&error))?;
            let response = sender.send_request(request).await.map_err(|error| broken(&error))?;
            read(response).await
        };
        tokio::pin!(asking);
        let outcome = tokio::select! {
            biased;
            told = &mut asking => told,
            // The answer may be whole although the connection is closed.
            () = drive(driver, is_over) => asking.await,
        };
        let (told, whole) = outcome.inspect_err(|_| *is_over = true)?;
        *is_over |= !whole;
        Ok(told)
    }
}

/// Drives a connection until it ends. One that has ended is not driven again.
async fn drive(driver: &mut Driver, is_over: &mut bool) {
    if !*is_over {
        let _ = driver.await;
        *is_over = true;
    }
}

/// The answer, and whether all of it was read.
async fn read(response: Response<Incoming>) -> Result<(Told, bool), Failed> {
    let (head, mut body) = response.into_parts();
    let text = |value: &http::HeaderValue| value.to_str().ok().map(str::to_owned);
    let location = head.headers.get(LOCATION).and_then(text);
    let challenges = head.headers.get_all(WWW_AUTHENTICATE).iter().filter_map(text).collect();
    let (mut bytes, mut count, mut whole) = (Vec::new(), 0, true);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|error| broken(&error))?.into_data() else { continue };
        count += data.len();
        let room = ANSWER_BYTES_TOLD.saturating_sub(bytes.len());
        bytes.extend_from_slice(&data[..data.len().min(room)]);
        if count > ANSWER_BYTES_MAX {
            whole = false;
            break;
        }
    }
    let answer = Answer { status: head.status.as_u16(), body: String::from_utf8_lossy(&bytes).into_owned() };
    Ok((Told { answer, location, challenges }, whole))
}

fn broken(error: &hyper::Error) -> Failed {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    Failed::Broken(text)
}

/// An error of the system without its number.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

/// A connection moves between requests of different threads.
const fn is_sent<T: Send>() {}
const _: () = is_sent::<Connection>();

/// So does what waits on one.
fn _asking_is_sent(
    connection: &mut Connection,
    request: Request<Full<Bytes>>,
) -> impl Future<Output = Result<Told, Failed>> + Send {
    connection.exchange(request)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// What comes of a POST to a receiver whose answer has a head of so many bytes.
    async fn asked(head_bytes: usize, body: usize) -> Result<Told, Failed> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let endpoint = Endpoint::parse(&format!("http://{address}/")).unwrap();
        let receiver = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut got = Vec::new();
            while !got.ends_with(b"the end") {
                assert!(stream.read_buf(&mut got).await.unwrap() > 0, "the request is whole");
            }
            let answer =
                format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Padding: {}\r\n\r\nok", "x".repeat(head_bytes));
            // It may be refused before it is read.
            drop(stream.write_all(answer.as_bytes()).await);
        };
        let sender = async {
            let mut connection = connect(&endpoint, tcp()(vec![address]), None).await?;
            let body = "x".repeat(body) + "the end";
            connection.exchange(Request::post("/").header("host", "r").body(Full::new(body.into())).unwrap()).await
        };
        tokio::join!(receiver, sender).1
    }

    #[tokio::test]
    async fn the_head_of_an_answer_has_a_bound() {
        assert!(asked(ANSWER_HEAD_BYTES_MAX - 1024, 0).await.is_ok());
        assert!(matches!(asked(3 * ANSWER_HEAD_BYTES_MAX, 0).await, Err(Failed::Broken(_))), "it goes on and on");
        assert!(asked(0, 1 << 20).await.is_ok(), "a request may be larger");
    }
}
