//! Messages that say who sent them and in which order, so that whoever receives them can tell the oldest, and a damaged
//! one.
//!
//! A body is `LLLL-NNNNNNNNNN ` (lane and number in the lane) and then text, the same for all, up to its length. A lane
//! is one connection that sends in order, so a queue holds each lane's messages in the order of their numbers, however
//! the lanes interleave. A batch of ten is built once and only its digits change.

use crate::request::{self, BATCH, Requests};

/// What stands in a prepared request where lane and number go; it occurs nowhere else in it.
const BLANK: &str = "@@@@-@@@@@@@@@@ ";

const LANE_DIGITS: usize = 4;
const NUMBER_DIGITS: usize = 10;

/// The shortest body that can be stamped.
pub(crate) const BODY_BYTES_MIN: usize = 32;

const _: () = assert!(BLANK.len() == LANE_DIGITS + NUMBER_DIGITS + 2 && BLANK.len() < BODY_BYTES_MIN);

/// Who sent a message, and as which of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Stamp {
    pub(crate) lane: usize,
    pub(crate) number: u64,
}

impl Stamp {
    /// Reads the stamp of a body, whose every other byte must be as it was sent.
    pub(crate) fn of(body: &str, body_bytes: usize) -> Result<Self, String> {
        let damaged = || format!("a body of {} bytes is not one that was sent: {body:.60}", body.len());
        let (stamp, rest) = body.split_at_checked(BLANK.len()).ok_or_else(damaged)?;
        if body.len() != body_bytes || !text().take(rest.len()).eq(rest.chars()) {
            return Err(damaged());
        }
        let (lane, number) = stamp.trim_end().split_once('-').ok_or_else(damaged)?;
        let (lane, number) = (lane.parse().map_err(|_| damaged())?, number.parse().map_err(|_| damaged())?);
        Ok(Self { lane, number })
    }
}

fn text() -> impl Iterator<Item = char> {
    "seventeen boats leave the harbour with the evening tide and each carries one letter; ".chars().cycle()
}

fn blank_body(body_bytes: usize) -> String {
    BLANK.chars().chain(text()).take(body_bytes).collect()
}

/// A prepared send of one or ten messages.
pub(crate) struct Stamped {
    request: Vec<u8>,
    /// Where each message's stamp begins.
    places: Vec<usize>,
}

impl Stamped {
    /// A SendMessage.
    pub(crate) fn one(requests: &Requests, queue_url: &str, body_bytes: usize) -> Self {
        let body = format!(r#"{{"QueueUrl":"{queue_url}","MessageBody":"{}"}}"#, blank_body(body_bytes));
        Self::prepared(requests.build("SendMessage", body.as_bytes()))
    }

    /// A SendMessageBatch of ten, hidden for `delay_secs`.
    pub(crate) fn ten(requests: &Requests, queue_url: &str, body_bytes: usize, delay_secs: u32) -> Self {
        let body = blank_body(body_bytes);
        let delay = if delay_secs == 0 { String::new() } else { format!(r#","DelaySeconds":{delay_secs}"#) };
        let entry = |id: usize| format!(r#"{{"Id":"{id}","MessageBody":"{body}"{delay}}}"#);
        let entries: Vec<String> = (0..BATCH).map(entry).collect();
        let body = format!(r#"{{"QueueUrl":"{queue_url}","Entries":[{}]}}"#, entries.join(","));
        Self::prepared(requests.build("SendMessageBatch", body.as_bytes()))
    }

    fn prepared(request: Vec<u8>) -> Self {
        let places = memchr::memmem::find_iter(&request, BLANK).collect();
        Self { request, places }
    }

    /// The request with its messages numbered from `first` on.
    pub(crate) fn numbered(&mut self, first: Stamp) -> &[u8] {
        for (at, &place) in self.places.iter().enumerate() {
            write_digits(&mut self.request[place..place + LANE_DIGITS], first.lane as u64);
            let number = &mut self.request[place + LANE_DIGITS + 1..][..NUMBER_DIGITS];
            write_digits(number, first.number + at as u64);
        }
        &self.request
    }
}

fn write_digits(out: &mut [u8], mut value: u64) {
    for digit in out.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

/// The messages of a receive's answer, and the handles to delete them by.
pub(crate) fn received(answer: &[u8], body_bytes: usize) -> Result<(Vec<Stamp>, Vec<String>), String> {
    let bodies = request::members(answer, "Body");
    let stamps = bodies.into_iter().map(|body| Stamp::of(body, body_bytes)).collect::<Result<Vec<_>, _>>()?;
    let handles: Vec<String> = request::members(answer, "ReceiptHandle").into_iter().map(str::to_owned).collect();
    if stamps.len() == handles.len() {
        return Ok((stamps, handles));
    }
    Err(format!("an answer with {} bodies and {} handles", stamps.len(), handles.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests() -> Requests {
        Requests::to("127.0.0.1:1".parse().unwrap())
    }

    fn bodies(request: &[u8]) -> Vec<String> {
        request::members(request, "MessageBody").into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn a_batch_is_numbered_again_and_again() {
        let mut batch = Stamped::ten(&requests(), "http://q", 200, 0);
        for first in [0, 123_456, 9_999_999_989] {
            let sent = bodies(batch.numbered(Stamp { lane: 42, number: first }));
            let read: Vec<Stamp> = sent.iter().map(|body| Stamp::of(body, 200).unwrap()).collect();
            let expected: Vec<Stamp> = (first..first + 10).map(|number| Stamp { lane: 42, number }).collect();
            assert_eq!(read, expected);
        }
    }

    #[test]
    fn a_body_that_is_not_as_it_was_sent_is_refused() {
        let mut one = Stamped::one(&requests(), "http://q", 64);
        let body = bodies(one.numbered(Stamp { lane: 1, number: 2 })).remove(0);
        assert_eq!(Stamp::of(&body, 64), Ok(Stamp { lane: 1, number: 2 }));
        assert!(Stamp::of(&body, 65).is_err());
        assert!(Stamp::of(&body.replace("harbour", "harbuor"), 64).is_err());
        assert!(Stamp::of(&body.replacen('0', "x", 1), 64).is_err());
        assert!(Stamp::of("short", 5).is_err());
    }

    #[test]
    fn a_delay_is_in_every_entry() {
        let batch = Stamped::ten(&requests(), "http://q", 32, 900);
        assert_eq!(memchr::memmem::find_iter(&batch.request, "\"DelaySeconds\":900}").count(), 10);
    }

    #[test]
    fn an_answer_gives_its_stamps_and_handles() {
        let body = blank_body(40).replace("@@@@-@@@@@@@@@@", "0003-0000000007");
        let answer = format!(r#"{{"Messages":[{{"MD5OfBody":"x","Body":"{body}","ReceiptHandle":"h"}}]}}"#);
        let expected = (vec![Stamp { lane: 3, number: 7 }], vec!["h".to_owned()]);
        assert_eq!(received(answer.as_bytes(), 40), Ok(expected));
        assert!(received(answer.replace("ReceiptHandle", "Handle").as_bytes(), 40).is_err());
    }
}
