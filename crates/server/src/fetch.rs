//! Documents of others over HTTPS: the discovery documents and keys of OpenID Connect providers.
//!
//! One GET on one connection, against the system's certificates (`SSL_CERT_FILE` names others), without following redirects:
//! what a provider publishes stands where it says. Bounded in time and bytes.

use crate::tls::{connector, server_name};
use bytes::Bytes;
use http::Request;
use http::header::{ACCEPT, HOST};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::rt::TokioIo;
use iam::{Document, Documents};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;

/// How long a document may take, from the first packet to the last byte: a caller waits for it.
const FETCH_TIME_MAX: Duration = Duration::from_secs(5);

/// Fetches documents. What the system trusts is read when a document is asked for first: most servers never do, and the
/// hundreds of files would be most of the time that a start takes.
#[derive(Default)]
pub(crate) struct Fetch {
    tls: Arc<OnceCell<TlsConnector>>,
}

impl Documents for Fetch {
    fn fetch(&self, url: &str, bytes_max: usize) -> Document {
        let (tls, url) = (Arc::clone(&self.tls), url.to_owned());
        Box::pin(async move {
            let fetched = tokio::time::timeout(FETCH_TIME_MAX, async {
                let tls = tls.get_or_try_init(trusting).await?;
                get(tls, &url, bytes_max).await
            });
            let late = |_| Err(format!("it took more than {} seconds", FETCH_TIME_MAX.as_secs()));
            fetched.await.unwrap_or_else(late).map_err(|why| format!("{url} cannot be fetched: {why}"))
        })
    }
}

/// A client that believes what the system does.
async fn trusting() -> Result<TlsConnector, String> {
    let read = tokio::task::spawn_blocking(|| connector(&[])).await;
    read.map_err(|error| error.to_string())?
}

async fn get(tls: &TlsConnector, url: &str, bytes_max: usize) -> Result<Vec<u8>, String> {
    let uri: http::Uri = url.parse().map_err(|_| "it is no URL")?;
    let host = uri.host().filter(|_| uri.scheme_str() == Some("https")).ok_or("it is no https URL")?;
    let name = server_name(host)?;
    let stream = TcpStream::connect((host.trim_matches(['[', ']']), uri.port_u16().unwrap_or(443))).await;
    let stream = tls.connect(name, stream.map_err(|error| error.to_string())?).await;
    let io = TokioIo::new(stream.map_err(|error| error.to_string())?);
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(io).await.map_err(|error| error.to_string())?;
    let connection = tokio::spawn(connection);
    let authority = uri.authority().map(http::uri::Authority::as_str).unwrap_or_default();
    let request = Request::get(uri.path_and_query().map_or("/", |path| path.as_str()))
        .header(HOST, authority)
        .header(ACCEPT, "application/json")
        .body(Empty::<Bytes>::new())
        .map_err(|error| error.to_string())?;
    let response = sender.send_request(request).await.map_err(|error| error.to_string());
    let read = match response {
        Ok(response) if response.status().is_success() => {
            let body = Limited::new(response.into_body(), bytes_max).collect().await;
            body.map(|body| body.to_bytes().to_vec()).map_err(|error| error.to_string())
        }
        Ok(response) => Err(format!("it answers {}", response.status())),
        Err(error) => Err(error),
    };
    connection.abort();
    read
}
