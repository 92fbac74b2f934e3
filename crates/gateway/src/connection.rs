//! One client's connection, from its first byte to its last.
//!
//! HTTP/1.1 and HTTP/2 with prior knowledge are told apart by HTTP/2's preface. The connection ends when the client ends
//! it, when its [`Watch`] gives it up, or, at a graceful stop, after the requests it had begun are answered. On HTTP/1 the
//! end of the client's bytes counts as its end, even if it would still listen: it cannot be told from a closed socket, and
//! a long poll of a client that is gone would take messages out of the queue for nobody.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;

use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use crate::gateway::{Gateway, Origin, Reply};
use crate::limits;
use crate::pulse::{Counted, Pulse, Verdict, Watch};
use crate::throttle::Bucket;

/// The settings of all connections.
///
/// hyper's `pipeline_flush` stays off: with it an answer to an unreadable head (431, 400) is never flushed, because the
/// head's bytes look like a further request; and AWS clients do not pipeline. hyper's header timeout stays off because
/// it sets up a timer for each request; see [`crate::pulse`].
pub(crate) fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().max_buf_size(limits::HEAD_BYTES_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(limits::HEAD_BYTES_MAX as u32)
        .max_concurrent_streams(limits::HTTP2_STREAMS_MAX);
    builder
}

impl Gateway {
    /// Serves one connection to its end. To be spawned by the server, which owns the listener. Once the gateway is
    /// stopping, a new connection is closed unread.
    ///
    /// Dropping the future cuts the connection, whatever is under way.
    pub async fn serve_connection<S>(&self, stream: S, origin: impl Into<Origin>)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let origin = origin.into();
        let stopping = self.stopping();
        if stopping.is_set() {
            return;
        }
        self.metrics().connections.inc();
        self.metrics().connections_served.inc();
        let _open = Open(self);
        let pulse = Arc::new(Pulse::default());
        let io = TokioIo::new(Counted { stream, pulse: Arc::clone(&pulse) });
        let client =
            Arc::new(Client { gateway: self.clone(), pulse: Arc::clone(&pulse), origin, bucket: Bucket::default() });
        let service = service_fn(move |request| Client::answer(Arc::clone(&client), request));
        let mut connection = pin!(self.http().serve_connection(io, service));
        let mut stop = pin!(stopping.wait());
        let mut told = false;
        let mut watch = Watch::new(self.limits(), Instant::now());
        let mut look = pin!(tokio::time::sleep(watch.pause()));
        loop {
            tokio::select! {
                biased;
                ended = connection.as_mut() => return log_end(ended, &pulse),
                () = &mut stop, if !told => {
                    told = true;
                    connection.as_mut().graceful_shutdown();
                }
                () = &mut look => {
                    match watch.look(&pulse, Instant::now()) {
                        Verdict::Leave => {}
                        Verdict::Close => connection.as_mut().graceful_shutdown(),
                        Verdict::Cut => return log_cut(&pulse),
                    }
                    look.as_mut().reset(Instant::now() + watch.pause());
                }
            }
        }
    }
}

fn log_end(ended: Result<(), Box<dyn std::error::Error + Send + Sync>>, pulse: &Pulse) {
    match ended {
        Ok(()) => tracing::trace!(requests = pulse.requests(), "connection ended"),
        Err(error) => tracing::debug!(requests = pulse.requests(), %error, "connection broke"),
    }
}

fn log_cut(pulse: &Pulse) {
    tracing::debug!(requests = pulse.requests(), "connection cut: the client is too slow");
}

/// Counts the connection out again, however it ends.
struct Open<'a>(&'a Gateway);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.metrics().connections.dec();
    }
}

/// What the requests of one connection share.
struct Client {
    gateway: Gateway,
    pulse: Arc<Pulse>,
    origin: Origin,
    bucket: Bucket,
}

impl Client {
    async fn answer(client: Arc<Self>, request: Request<Incoming>) -> Result<Reply, Infallible> {
        let _in_flight = client.pulse.request(request.version());
        let mut reply = client.gateway.answer(request, client.origin, &client.bucket).await;
        reply.body_mut().watch(&client.pulse);
        Ok(reply)
    }
}
