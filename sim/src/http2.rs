//! HTTP/2 with prior knowledge, by hyper's own client over the simulated network.

use crate::client::Answer;
use crate::dialect::{Spoken, understand};
use crate::link::Link;
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::sync::{Arc, Mutex, PoisonError};

/// One connection.
pub(crate) struct Http2 {
    sender: SendRequest<Full<Bytes>>,
}

/// Where an answer will be found.
#[derive(Clone, Default)]
pub(crate) struct Slot(Arc<Mutex<Option<Option<Answer>>>>);

impl Slot {
    fn fill(&self, answer: Option<Answer>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
    }

    /// Whether the request has come to an end.
    pub(crate) fn is_filled(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// The answer; none if the connection broke before.
    pub(crate) fn take(&self) -> Option<Answer> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().flatten()
    }
}

impl Http2 {
    /// Begins a connection.
    pub(crate) async fn begin(link: &Link) -> Result<Self, String> {
        let io = TokioIo::new(link.client_end());
        let (sender, connection) = handshake(TokioExecutor::new(), io).await.map_err(|error| error.to_string())?;
        tokio::spawn(connection);
        Ok(Self { sender })
    }

    /// Begins a request.
    pub(crate) fn ask(&mut self, spoken: Spoken) -> Slot {
        let Spoken { path, headers, body } = spoken;
        let request = Request::post(format!("http://localhost:4566{path}"));
        let request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        let request = request.body(Full::from(body)).expect("the parts of the request are legal");
        let slot = Slot::default();
        let answering = self.sender.send_request(request);
        tokio::spawn({
            let slot = slot.clone();
            async move { slot.fill(read(answering).await) }
        });
        slot
    }
}

async fn read(answering: impl Future<Output = hyper::Result<http::Response<hyper::body::Incoming>>>) -> Option<Answer> {
    let (head, body) = answering.await.ok()?.into_parts();
    let bytes = body.collect().await.ok()?.to_bytes();
    let content_type = head.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    Some(understand(head.status.as_u16(), content_type, &bytes))
}
