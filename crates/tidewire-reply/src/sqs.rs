//! What is spoken of SQS: operations as JSON 1.0 over HTTP/1.1, each on a connection of its own while it lasts.
//!
//! A receive occupies its connection for as long as it waits, so there are as many as requests under way; those that are over
//! are kept for the next ones, some of them. Requests are signed with signature version 4.

use crate::error::Error;
use crate::limits::{ANSWER_BYTES_MAX, ANSWER_PATIENCE, CONNECT_PATIENCE, SPARE_CONNECTIONS_MAX, WAIT_SECS_MAX};
use access::Secret;
use access::sigv4::{Incoming, Signer};
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use names::Instant;
use serde_json::{Value, json};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Where a server is, and in whose name it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    authority: String,
    region: String,
    access_key: String,
    secret: Secret,
    token: Option<String>,
}

impl Endpoint {
    /// Reads `http://host:port`, for the region us-east-1 and the default account.
    pub fn parse(url: &str) -> Result<Self, Error> {
        let wrong = || Error::NotAnEndpoint(url.to_owned());
        let rest = url.strip_prefix("http://").ok_or_else(wrong)?.trim_end_matches('/');
        let authority: http::uri::Authority = rest.parse().map_err(|_| wrong())?;
        let port = authority.port_u16().unwrap_or(80);
        let authority = format!("{}:{port}", authority.host());
        let (region, access_key) = ("us-east-1".to_owned(), "test".to_owned());
        Ok(Self { authority, region, access_key, secret: "test".into(), token: None })
    }

    /// The same in another region.
    #[must_use]
    pub fn in_region(self, region: &str) -> Self {
        Self { region: region.to_owned(), ..self }
    }

    /// The same with another access key id and any secret, for servers that verify nothing; a key of twelve digits is the
    /// account.
    #[must_use]
    pub fn with_access_key(self, access_key: &str) -> Self {
        Self { access_key: access_key.to_owned(), ..self }
    }

    /// The same with an access key, and the session token of one that is temporary.
    #[must_use]
    pub fn with_credentials(self, access_key: &str, secret: &str, token: Option<&str>) -> Self {
        let (access_key, token) = (access_key.to_owned(), token.map(str::to_owned));
        Self { access_key, secret: secret.into(), token, ..self }
    }
}

/// A message that was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) body: String,
    pub(crate) receipt_handle: String,
    pub(crate) reply_to: Option<String>,
}

/// A client of one server.
pub(crate) struct Sqs {
    endpoint: Endpoint,
    spare: Mutex<Vec<SendRequest<Full<Bytes>>>>,
}

impl Sqs {
    pub(crate) fn new(endpoint: &Endpoint) -> Self {
        Self { endpoint: endpoint.clone(), spare: Mutex::default() }
    }

    /// Creates a queue; its URL.
    pub(crate) async fn create_queue(&self, name: &str, attributes: &Value) -> Result<String, Error> {
        let answer = self.call("CreateQueue", &json!({"QueueName": name, "Attributes": attributes})).await?;
        let url = answer["QueueUrl"].as_str();
        url.map(str::to_owned).ok_or_else(|| Error::NotSqs("a queue was created and has no URL".into()))
    }

    pub(crate) async fn delete_queue(&self, url: &str) -> Result<(), Error> {
        self.call("DeleteQueue", &json!({"QueueUrl": url})).await.map(drop)
    }

    /// Sends a message, with the place of the reply if there is to be one.
    pub(crate) async fn send(&self, url: &str, body: &str, reply_to: Option<&str>) -> Result<(), Error> {
        let mut input = json!({"QueueUrl": url, "MessageBody": body});
        if let Some(reply_to) = reply_to {
            input["MessageAttributes"] = json!({crate::REPLY_TO: {"DataType": "String", "StringValue": reply_to}});
        }
        self.call("SendMessage", &input).await.map(drop)
    }

    /// Waits for a message; nothing if none came.
    pub(crate) async fn receive(&self, url: &str, wait: Duration) -> Result<Option<Received>, Error> {
        // A part of a second is a whole one here, so that nobody who waits asks again and again.
        let secs = wait.as_millis().div_ceil(1000).min(u128::from(WAIT_SECS_MAX)) as u64;
        let input = json!({"QueueUrl": url, "WaitTimeSeconds": secs, "MessageAttributeNames": [crate::REPLY_TO]});
        let answer = self.call("ReceiveMessage", &input).await?;
        let Some(message) = answer["Messages"].get(0) else { return Ok(None) };
        let text = |name: &str| message[name].as_str().map(str::to_owned);
        let parts = text("Body").zip(text("ReceiptHandle"));
        let (body, receipt_handle) = parts.ok_or_else(|| Error::NotSqs("a message has no body or handle".into()))?;
        let reply_to = message["MessageAttributes"][crate::REPLY_TO]["StringValue"].as_str().map(str::to_owned);
        Ok(Some(Received { body, receipt_handle, reply_to }))
    }

    pub(crate) async fn delete(&self, url: &str, receipt_handle: &str) -> Result<(), Error> {
        let input = json!({"QueueUrl": url, "ReceiptHandle": receipt_handle});
        self.call("DeleteMessage", &input).await.map(drop)
    }

    async fn call(&self, operation: &str, input: &Value) -> Result<Value, Error> {
        let patience = Duration::from_secs(WAIT_SECS_MAX) + ANSWER_PATIENCE;
        let answer = timeout(patience, self.exchange(operation, input)).await;
        answer.map_err(|_| Error::Connection(format!("{operation} was not answered")))?
    }

    async fn exchange(&self, operation: &str, input: &Value) -> Result<Value, Error> {
        let failed = |error: &dyn std::fmt::Display| Error::Connection(error.to_string());
        let mut connection = self.connection().await?;
        let response =
            connection.send_request(self.request(operation, input)?).await.map_err(|error| failed(&error))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| failed(&error))?.to_bytes();
        self.keep(connection);
        let value = if body.is_empty() { Ok(Value::Null) } else { serde_json::from_slice(&body) };
        let value: Value = value.map_err(|error| Error::NotSqs(error.to_string()))?;
        if status.is_success() { Ok(value) } else { Err(refused(&value, status)) }
    }

    fn request(&self, operation: &str, input: &Value) -> Result<Request<Full<Bytes>>, Error> {
        let Endpoint { authority, region, access_key, secret, token } = &self.endpoint;
        let (body, target) = (input.to_string(), format!("AmazonSQS.{operation}"));
        let given =
            [("host", authority.as_str()), ("content-type", "application/x-amz-json-1.0"), ("x-amz-target", &target)];
        let headers = given.map(|(name, value)| (name, value.as_bytes()));
        let plain = Incoming { method: "POST", path: "/", query: "", headers: &headers, body: body.as_bytes() };
        let signer = Signer { access_key, secret, token: token.as_deref(), region, service: "sqs" };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let unfit = |why: String| Error::NotAnEndpoint(format!("{authority} {region} {access_key}: {why}"));
        let added = signer.sign(&plain, Instant::EPOCH.plus_secs(now.as_secs()));
        let added = added.map_err(|fault| unfit(fault.in_query().message))?;
        let mut request = Request::builder().method(Method::POST).uri("/");
        for (name, value) in given.into_iter().chain(added.iter().map(|(name, value)| (*name, value.as_str()))) {
            request = request.header(name, value);
        }
        request.body(Full::new(Bytes::from(body))).map_err(|error| unfit(error.to_string()))
    }

    /// A spare connection that is still open, or a new one.
    async fn connection(&self) -> Result<SendRequest<Full<Bytes>>, Error> {
        while let Some(mut spare) = self.take_spare() {
            if spare.ready().await.is_ok() {
                return Ok(spare);
            }
        }
        let failed = |error: &dyn std::fmt::Display| Error::Connection(error.to_string());
        let connected = timeout(CONNECT_PATIENCE, TcpStream::connect(&self.endpoint.authority)).await;
        let stream = connected.map_err(|error| failed(&error))?.map_err(|error| failed(&error))?;
        let _ = stream.set_nodelay(true);
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
        // It ends with the sender, or with an error that the next request meets as well.
        tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok(sender)
    }

    // The lock is never held over a wait.
    fn take_spare(&self) -> Option<SendRequest<Full<Bytes>>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn keep(&self, connection: SendRequest<Full<Bytes>>) {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < SPARE_CONNECTIONS_MAX {
            spare.push(connection);
        }
    }
}

/// A refusal as awsJson writes it.
fn refused(body: &Value, status: http::StatusCode) -> Error {
    let kind = body["__type"].as_str().unwrap_or_default();
    let code = kind.rsplit('#').next().filter(|code| !code.is_empty());
    let message = body["message"].as_str().or(body["Message"].as_str()).unwrap_or_default();
    Error::Refused { code: code.map_or_else(|| status.to_string(), str::to_owned), message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_host_and_port_without_tls() {
        let endpoint = Endpoint::parse("http://127.0.0.1:4566/").unwrap();
        assert_eq!(endpoint.authority, "127.0.0.1:4566");
        assert_eq!(Endpoint::parse("http://queue").unwrap().authority, "queue:80");
        for wrong in ["https://h:1", "h:1", "http://", "http://a b"] {
            assert_eq!(Endpoint::parse(wrong), Err(Error::NotAnEndpoint(wrong.into())));
        }
    }

    #[test]
    fn a_refusal_is_told_by_its_code() {
        let body = json!({"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "The queue…"});
        let error = refused(&body, http::StatusCode::BAD_REQUEST);
        assert!(error.is("QueueDoesNotExist") && !error.is("OverLimit"));
        assert_eq!(refused(&Value::Null, http::StatusCode::BAD_GATEWAY).to_string(), "refused:  (502 Bad Gateway)");
    }
}
