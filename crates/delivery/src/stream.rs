//! A connection as protocols of lines and frames see it: bytes both ways, in the clear or over TLS.

use crate::transport::Failed;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;

/// Bytes both ways.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Begins TLS with `whom`, who says that it is `host`.
pub(crate) async fn secured(
    whom: &str,
    host: &str,
    stream: Box<dyn Stream>,
    tls: Option<&TlsConnector>,
) -> Result<Box<dyn Stream>, Failed> {
    let unreachable = |why: String| Failed::Unreachable(format!("no TLS with the {whom}: {why}"));
    let connector = tls.ok_or_else(|| unreachable("nobody is trusted".into()))?;
    let name = ServerName::try_from(host.to_owned()).map_err(|error| unreachable(error.to_string()))?;
    let stream = connector.connect(name, stream).await.map_err(|error| unreachable(error.to_string()))?;
    Ok(Box::new(stream))
}
