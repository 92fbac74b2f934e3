//! Documents of others over HTTPS: the discovery documents and keys of OpenID Connect providers.
//!
//! One GET on one connection, against the system's certificates (`SSL_CERT_FILE` names others), without following redirects:
//! what a provider publishes stands where it says. Bounded in time and bytes.

use bytes::Bytes;
use http::Request;
use http::header::{ACCEPT, HOST};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::rt::TokioIo;
use iam::{Document, Documents};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// How long a document may take, from the first packet to the last byte: a caller waits for it.
const FETCH_TIME_MAX: Duration = Duration::from_secs(5);

/// Fetches documents.
pub(crate) struct Fetch {
    tls: TlsConnector,
}

impl Fetch {
    /// With the certificates that the system trusts.
    pub(crate) fn new() -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        let (taken, passed_over) = roots.add_parsable_certificates(found.certs);
        tracing::debug!(taken, passed_over, "certificates of authorities");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.map_err(|error| format!("TLS: {error}"))?;
        let config = builder.with_root_certificates(roots).with_no_client_auth();
        Ok(Self { tls: TlsConnector::from(Arc::new(config)) })
    }
}

impl Documents for Fetch {
    fn fetch(&self, url: &str, bytes_max: usize) -> Document {
        let (tls, url) = (self.tls.clone(), url.to_owned());
        Box::pin(async move {
            let fetched = tokio::time::timeout(FETCH_TIME_MAX, get(tls, &url, bytes_max)).await;
            let late = |_| Err(format!("it took more than {} seconds", FETCH_TIME_MAX.as_secs()));
            fetched.unwrap_or_else(late).map_err(|why| format!("{url} cannot be fetched: {why}"))
        })
    }
}

async fn get(tls: TlsConnector, url: &str, bytes_max: usize) -> Result<Vec<u8>, String> {
    let uri: http::Uri = url.parse().map_err(|_| "it is no URL")?;
    let host = uri.host().filter(|_| uri.scheme_str() == Some("https")).ok_or("it is no https URL")?;
    let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned()).map_err(|_| "its host is none")?;
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
