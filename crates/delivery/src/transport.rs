//! What calling out looks like to whoever has something to deliver: a request goes in, what became of it comes out.
//!
//! The real one is [`crate::Http`]; tests and simulations have theirs. A transport tries once. Whether and when to try again is for
//! whoever keeps what is to be delivered.

use crate::endpoint::Endpoint;
use crate::mail::Mail;
use crate::sms::Sms;
use bytes::Bytes;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

/// Brings requests to their receivers.
pub trait Transport: Send + Sync + 'static {
    /// One POST, tried once.
    fn post(&self, post: Post) -> Answering;

    /// One mail, handed to the operator's mail server, tried once.
    fn mail(&self, mail: Mail) -> Answering;

    /// One short message, handed to the operator's message center, tried once. A transport without one reaches nobody.
    fn sms(&self, _sms: Sms) -> Answering {
        Box::pin(async { Err(Failed::Unreachable("there is no message center".into())) })
    }
}

/// A request on its way, until it is answered.
pub type Answering = Pin<Box<dyn Future<Output = Result<Answer, Failed>> + Send>>;

/// One POST.
#[derive(Debug, Clone)]
pub struct Post {
    /// Where to.
    pub endpoint: Endpoint,
    /// Headers beside those that every request has. Names are in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Bytes,
    /// Whether the operator named the receiver, who may name any address.
    pub is_operators: bool,
}

/// What a receiver answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The beginning of the body, as text.
    pub body: String,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failed {
    /// The receiver is one that nothing may be sent to: trying again does not help.
    Forbidden(String),
    /// There is no connection to it: no address, nobody listens, no trust.
    Unreachable(String),
    /// It took too long.
    Late(String),
    /// The connection broke, or what came was no answer.
    Broken(String),
}

impl Failed {
    /// Whether trying again may help.
    pub fn is_passing(&self) -> bool {
        !matches!(self, Self::Forbidden(_))
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Forbidden(why) | Self::Unreachable(why) | Self::Late(why) | Self::Broken(why)) = self;
        f.write_str(why)
    }
}
