//! A client's connection: what it has asked for on it, and the answers as they come.

use crate::ask::Request;
use crate::dialect::{Api, Dialect};
use crate::http1;
use crate::http2::{Http2, Slot};
use crate::link::{Break, Link};
use crate::oracle::Ticket;
use crate::trace::Trace;
use serde_json::Value;

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The error's name; empty for a success.
    pub(crate) code: String,
    pub(crate) body: Value,
}

/// A request whose answer has not come.
pub(crate) struct Asked {
    pub(crate) ticket: Ticket,
    /// When the server should have answered at the latest, once all of it has arrived.
    pub(crate) due: Option<u64>,
    wait_millis: u64,
    slot: Option<Slot>,
}

/// One connection of one client.
pub(crate) struct Connection {
    pub(crate) link: Link,
    pub(crate) asked: Vec<Asked>,
    speech: Speech,
}

enum Speech {
    /// HTTP/1.1: bytes of the answer so far.
    One(Vec<u8>),
    Two(Http2),
}

/// Requests that one HTTP/2 connection has open at the most.
const STREAMS_MAX: usize = 3;

impl Connection {
    /// Speaks HTTP/1.1.
    pub(crate) fn one(link: Link) -> Self {
        Self { link, asked: Vec::new(), speech: Speech::One(Vec::new()) }
    }

    /// Speaks HTTP/2 without asking first.
    pub(crate) async fn two(link: Link) -> Result<Self, String> {
        let speech = Speech::Two(Http2::begin(&link).await?);
        Ok(Self { link, asked: Vec::new(), speech })
    }

    pub(crate) fn is_multiplexed(&self) -> bool {
        matches!(self.speech, Speech::Two(_))
    }

    /// Whether another request may be asked on it.
    pub(crate) fn is_free(&self) -> bool {
        match self.speech {
            Speech::One(_) => self.asked.is_empty(),
            Speech::Two(_) => self.asked.len() < STREAMS_MAX,
        }
    }

    /// Begins a request; its bytes still have to travel.
    pub(crate) fn ask(&mut self, request: &Request, dialect: Dialect, ticket: Ticket) {
        let mut spoken = dialect.speak(request.api(), request.operation, &request.input);
        if request.wait_millis > 0 && request.api() == Api::Streams {
            spoken.headers.push(("x-tidewire-wait-milliseconds", request.wait_millis.to_string()));
        }
        let slot = match &mut self.speech {
            Speech::One(_) => {
                self.link.send(&http1::request(&spoken));
                None
            }
            Speech::Two(http2) => Some(http2.ask(spoken)),
        };
        self.asked.push(Asked { ticket, due: None, wait_millis: request.wait_millis, slot });
    }

    /// Notes which requests have arrived whole at the server by `wall`.
    pub(crate) fn note_arrivals(&mut self, wall: u64) {
        if !self.link.is_sending() {
            for asked in &mut self.asked {
                asked.due.get_or_insert(wall + asked.wait_millis);
            }
        }
    }

    /// Whether something of the answer to the oldest request has been sent.
    pub(crate) fn is_being_answered(&self) -> bool {
        match &self.speech {
            Speech::One(buffer) => !buffer.is_empty() || self.link.has_answer(),
            Speech::Two(_) => false,
        }
    }

    /// Reads what has arrived; the answers that are complete with it, none for a request that failed.
    pub(crate) fn read(&mut self, trace: &Trace) -> Result<Vec<(Asked, Option<Answer>)>, String> {
        match &mut self.speech {
            Speech::One(buffer) => {
                buffer.extend(self.link.read());
                let Some(answer) = http1::answer(buffer, trace)? else { return Ok(Vec::new()) };
                if self.asked.is_empty() {
                    return Err(format!("an answer to no request: {answer:?}"));
                }
                Ok(vec![(self.asked.remove(0), Some(answer))])
            }
            Speech::Two(_) => {
                let is_done = |asked: &mut Asked| asked.slot.as_ref().is_some_and(Slot::is_filled);
                let done: Vec<Asked> = self.asked.extract_if(.., is_done).collect();
                Ok(done.into_iter().map(|asked| taken(asked, trace)).collect())
            }
        }
    }

    /// Breaks it; the requests whose answers will not be read, and whether they may have arrived whole.
    pub(crate) fn break_off(&mut self, how: Break) -> Vec<(Asked, bool)> {
        let whole = self.is_multiplexed() || !self.link.is_sending();
        self.link.break_off(how);
        std::mem::take(&mut self.asked).into_iter().map(|asked| (asked, whole)).collect()
    }
}

fn taken(asked: Asked, trace: &Trace) -> (Asked, Option<Answer>) {
    let answer = asked.slot.as_ref().and_then(Slot::take);
    if let Some(Answer { status, code, body }) = &answer {
        trace.note(format_args!("answer 2 {status} {code} {body}"));
    }
    (asked, answer)
}
