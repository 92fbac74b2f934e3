//! The AWS front door: HTTP in, operations of services, HTTP out.
//!
//! The server hands in streams, services, pages, clock and chance; a [`Gateway`] serves the connections, tells which
//! operation of which service a request means, reads it in whichever protocol it came (awsJson in JSON or CBOR, awsQuery, rpcv2Cbor), has
//! the service carry it out, and writes the answer the same way, be it one output or a stream of events. No service sees HTTP, and no other crate of the house
//! knows incoming AWS HTTP. A request refused before its operation is called has executed nothing.

mod acting;
mod allowances;
mod audit;
mod authenticate;
mod body;
mod codec;
mod connection;
mod credential;
mod directory;
mod errors;
mod event_body;
mod events;
mod framing;
mod gateway;
mod heard;
mod identity;
mod isolation;
mod key_use;
pub mod limits;
mod links;
mod mailbox;
mod metrics;
mod need;
mod operation;
mod organization;
mod outgoing;
mod pages;
mod protocol;
mod proxy;
mod pulse;
mod reply;
mod request_id;
mod route;
mod secured;
mod service;
mod stopping;
mod throttle;
mod together;
mod unpack;

pub use allowances::Allowances;
pub use audit::{Asker, Audit, Event, Interest, Outcome, Told};
pub use events::{Answered, EventSource, Events, Hold, NextEvent, Said};
pub use gateway::{Gateway, Options, Origin, Scheme, Surroundings};
pub use identity::{Auth, Authority, Fact, Identity, Noted, Proven};
pub use key_use::{DataKey, KeyContext, KeyFault, KeyRefusal, KeyUse, Keys, Used};
pub use limits::Limits;
pub use links::Links;
pub use mailbox::{Addressed, Letter, LetterAttribute, Mailboxes, Mailing, NotPut, Posting, Putting, PuttingAll};
pub use need::{Actions, Denied, Facts, Need};
pub use operation::{Operation, prepared};
pub use organization::{Level, Organization};
pub use pages::{Asked, Page, Pages};
pub use request_id::RequestId;
pub use secured::Secured;
pub use service::{Answer, Base, Caller, Description, ErrorMembers, Prepared, Refused, Service, Unprepared};
pub use stopping::Stopping;
pub use throttle::Rate;
pub use together::{Boxed, Together};
