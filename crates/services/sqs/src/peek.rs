//! Peek: a ReceiveMessage that looks and touches nothing, tidewire's own (docs/EXTENSIONS.md).
//!
//! It is asked for by a name among the system attributes that every SDK passes on, `TidewirePeek:key=value&…`, percent-encoded.
//! It counts no receive, hides nothing and gives no receipt handle. A call looks at a bounded number of messages and bytes,
//! and every message it shows says where to go on; where the bound ended it, a note says so in place of a message.

use crate::api::{Message, ReceiveMessageRequest, ReceiveMessageResult};
use crate::catalog::QueueEntry;
use crate::limits::{PEEK_BYTES_MAX, PEEK_EXAMINED_MAX, PEEK_MESSAGES_MAX, PEEK_STEP_MAX, PEEK_STEP_MIN};
use crate::machine::{Command, Reply, SqsQueue};
use crate::message::show_id;
use crate::message_attributes::Value;
use crate::ops::receive_message::Wanted;
use crate::place::Place;
use crate::properties::Properties;
use crate::refusal::Refusal;
use crate::service::Inner;
use engine::Content as _;
use gateway::Caller;
use memchr::memmem;
use names::Instant;
use queue::{Delivery, Message as Content, PeekStates, Peeked};

const NAME: &str = "TidewirePeek";

/// The MD5 of nothing: SDKs check it even where the body is empty.
const MD5_OF_NOTHING: &str = "d41d8cd98f00b204e9800998ecf8427e";

/// What a caller wants to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Peek {
    from: u64,
    max: usize,
    states: PeekStates,
    /// Of what is visible: messages that could be received, and messages of parked groups.
    open: bool,
    parked: bool,
    search: Search,
}

/// What a message must have to be shown; all of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Search {
    body: Option<String>,
    id: Option<String>,
    /// Names, and the values if they are asked for.
    attributes: Vec<(String, Option<String>)>,
}

/// Whether a name among the system attributes asks for a peek.
pub(crate) fn is_asked_by(name: &str) -> bool {
    options(name).is_some()
}

fn options(name: &str) -> Option<&str> {
    let rest = name.strip_prefix(NAME)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix(':') }
}

impl Peek {
    /// The peek that a request asks for, if it asks for one.
    pub(crate) fn of(input: &ReceiveMessageRequest) -> Result<Option<Self>, Refusal> {
        let named = [&input.attribute_names, &input.message_system_attribute_names];
        let Some(options) = named.into_iter().flatten().flatten().find_map(|name| options(name)) else {
            return Ok(None);
        };
        for (is_given, parameter) in [
            (input.visibility_timeout.is_some(), "VisibilityTimeout"),
            (input.wait_time_seconds.is_some_and(|secs| secs != 0), "WaitTimeSeconds"),
            (input.receive_request_attempt_id.is_some(), "ReceiveRequestAttemptId"),
        ] {
            if is_given {
                return Err(refused(format!("{parameter} cannot be combined with a peek.")));
            }
        }
        let max = input.max_number_of_messages.unwrap_or(1);
        let max = usize::try_from(max).ok().filter(|max| (1..=PEEK_MESSAGES_MAX).contains(max)).ok_or_else(|| {
            Refusal::invalid_value(max, "MaxNumberOfMessages", "Must be between 1 and 100 in a peek, if provided.")
        })?;
        let search = Search::default();
        let mut peek = Self { from: 0, max, states: PeekStates::ALL, open: true, parked: true, search };
        for option in options.split('&').filter(|option| !option.is_empty()) {
            peek.set(option)?;
        }
        Ok(Some(peek))
    }

    fn set(&mut self, option: &str) -> Result<(), Refusal> {
        let (key, value) = option.split_once('=').unwrap_or((option, ""));
        let value = wire::query::unescape(value).map_err(|_| refused(format!("{option} is not percent-encoded.")))?;
        match key {
            "from" => self.from = cursor(&value).ok_or_else(|| refused(format!("{value} is no cursor.")))?,
            "state" => self.choose(&value)?,
            "body" => self.search.body = Some(value.into_owned()),
            "id" => self.search.id = Some(value.into_owned()),
            "attribute" => self.search.attributes.push(match value.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (value.into_owned(), None),
            }),
            _ => return Err(refused(format!("A peek has no option {key}."))),
        }
        Ok(())
    }

    /// Looks. Costs at most about [`PEEK_BYTES_MAX`] of contents, step by step, so that requests pass in between.
    pub(crate) async fn carry_out(
        self,
        service: &Inner,
        caller: &Caller,
        place: &Place,
        wanted: &Wanted,
    ) -> Result<ReceiveMessageResult, Refusal> {
        let entry = &place.queue;
        service.sealing.check_receiving(caller, entry).await?;
        let (mut shown, mut work, mut from) = (Vec::new(), Work::default(), self.from);
        loop {
            let command = place.peek(from, work.step(), self.states);
            let parked = match entry.key.name.is_fifo() {
                true => entry.partition.inspect(SqsQueue::parked_groups).unwrap_or_default(),
                false => Vec::new(),
            };
            let (reply, contents) = entry.partition.execute(Command::Messages(command))?.read().await?;
            let (messages, next, is_end) = match reply {
                Reply::Messages(queue::Reply::Peeked { messages, next, is_end }) => (messages, next, is_end),
                Reply::Gone => return Err(Refusal::queue_does_not_exist()),
                other => unreachable!("a peek is answered with what was seen, not with {other:?}"),
            };
            work.examined += messages.len();
            from = next;
            // What is not there was deleted since, or is damaged on disk, which the engine has logged with its place.
            for (peeked, content) in messages.iter().zip(contents) {
                let Some(content) = content else { continue };
                work.bytes += content.bytes();
                let is_parked = content.labels().group.is_some_and(|group| parked.contains(&group));
                let is_meant = match (peeked.hidden_until, is_parked) {
                    (Some(_), _) => true,
                    (None, true) => self.parked,
                    (None, false) => self.open,
                };
                let content = service.sealing.open(caller, entry, content).await?;
                if is_meant && shown.len() < self.max && self.search.finds(&content) {
                    shown.push(show(entry, wanted, peeked, &content, is_parked)?);
                }
            }
            if shown.len() == self.max || (is_end && self.from != u64::MAX) {
                break;
            }
            if is_end || work.is_done() {
                shown.push(note(from));
                break;
            }
        }
        Ok(ReceiveMessageResult { messages: (!shown.is_empty()).then_some(shown) })
    }
}

fn refused(reason: String) -> Refusal {
    Refusal::invalid_parameter(reason)
}

/// A cursor is the sequence to go on with.
fn cursor(text: &str) -> Option<u64> {
    match text {
        "start" => Some(0),
        "end" => Some(u64::MAX),
        _ => text.parse().ok().filter(|&sequence| sequence != u64::MAX),
    }
}

impl Peek {
    /// Takes the states that are asked for.
    fn choose(&mut self, text: &str) -> Result<(), Refusal> {
        self.states = PeekStates { visible: false, delayed: false, in_flight: false };
        (self.open, self.parked) = (false, false);
        for state in text.split(',') {
            match state {
                "visible" => self.open = true,
                "parked" => self.parked = true,
                "delayed" => self.states.delayed = true,
                "in-flight" => self.states.in_flight = true,
                _ => {
                    let words = format!("A message has no state {state}: visible, parked, delayed, in-flight.");
                    return Err(refused(words));
                }
            }
        }
        self.states.visible = self.open || self.parked;
        Ok(())
    }
}

impl Search {
    fn finds(&self, content: &Content) -> bool {
        self.body.as_ref().is_none_or(|text| memmem::find(content.body(), text.as_bytes()).is_some())
            && self.id.as_ref().is_none_or(|id| show_id(content.id) == *id)
            && self.finds_attributes(content)
    }

    fn finds_attributes(&self, content: &Content) -> bool {
        if self.attributes.is_empty() {
            return true;
        }
        let Some(properties) = Properties::decode(content.properties()) else { return false };
        self.attributes.iter().all(|(name, value)| {
            properties.attributes.iter().any(|attribute| {
                let is_value = |value: &String| matches!(&attribute.value, Value::Text(text) if text == value);
                attribute.name == *name && value.as_ref().is_none_or(is_value)
            })
        })
    }
}

/// What one call has looked at.
#[derive(Debug, Default)]
struct Work {
    examined: usize,
    bytes: usize,
}

impl Work {
    fn is_done(&self) -> bool {
        self.examined >= PEEK_EXAMINED_MAX || self.bytes >= PEEK_BYTES_MAX
    }

    /// Messages to read at once. They are in memory together, so there are few until their size is known.
    fn step(&self) -> usize {
        if self.examined == 0 {
            return PEEK_STEP_MIN;
        }
        let average = (self.bytes / self.examined).max(1);
        let left = PEEK_BYTES_MAX.saturating_sub(self.bytes) / average;
        left.min(PEEK_EXAMINED_MAX.saturating_sub(self.examined)).clamp(1, PEEK_STEP_MAX)
    }
}

fn show(
    entry: &QueueEntry,
    wanted: &Wanted,
    peeked: &Peeked,
    content: &Content,
    is_parked: bool,
) -> Result<Message, Refusal> {
    let first_received_at = peeked.first_received_at.unwrap_or(Instant::EPOCH);
    let Peeked { sequence, receive, .. } = *peeked;
    let delivery = Delivery { sequence, receive, first_received_at, before: None };
    let mut message = wanted.show(entry, &delivery, content)?;
    message.receipt_handle = None;
    let attributes = message.attributes.get_or_insert_default();
    if peeked.first_received_at.is_none() {
        attributes.retain(|(name, _)| name != "ApproximateFirstReceiveTimestamp");
    }
    let state = match (peeked.hidden_until, peeked.receive) {
        (None, _) if is_parked => "parked",
        (None, _) => "visible",
        (Some(_), 0) => "delayed",
        (Some(_), _) => "in-flight",
    };
    push(attributes, "TidewirePeekState", state.to_string());
    push(attributes, "TidewirePeekNext", (peeked.sequence + 1).to_string());
    if let Some(until) = peeked.hidden_until {
        push(attributes, "TidewireVisibleAt", until.as_millis().to_string());
    }
    Ok(message)
}

/// What stands in place of a message where the call ended before the queue did.
fn note(next: u64) -> Message {
    let mut attributes = Vec::with_capacity(2);
    push(&mut attributes, "TidewirePeekState", "more".to_string());
    push(&mut attributes, "TidewirePeekNext", next.to_string());
    Message {
        body: Some(String::new()),
        md5_of_body: Some(MD5_OF_NOTHING.to_string()),
        attributes: Some(attributes),
        ..Message::default()
    }
}

fn push(attributes: &mut Vec<(String, String)>, name: &str, value: String) {
    attributes.push((name.to_string(), value));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peek(option: &str) -> Result<Option<Peek>, Refusal> {
        let names = Some(vec!["All".to_string(), option.to_string()]);
        Peek::of(&ReceiveMessageRequest { message_system_attribute_names: names, ..ReceiveMessageRequest::default() })
    }

    #[test]
    fn only_the_name_itself_asks_for_a_peek() {
        for other in ["All", "TidewirePeeks", "TidewirePeek2:x", "tidewirepeek"] {
            assert_eq!(peek(other), Ok(None), "{other}");
        }
        let all = peek("TidewirePeek").unwrap().unwrap();
        assert_eq!((all.from, all.max, all.states), (0, 1, PeekStates::ALL));
        assert_eq!(peek("TidewirePeek:"), Ok(Some(all)));
    }

    #[test]
    fn options_are_percent_encoded() {
        let asked =
            "TidewirePeek:from=7&state=delayed%2Cin-flight&body=a%26b+c&attribute=colour%3Dred&attribute=size&id=x";
        let peek = peek(asked).unwrap().unwrap();
        assert_eq!((peek.from, peek.states), (7, PeekStates { visible: false, delayed: true, in_flight: true }));
        assert_eq!((peek.search.body.as_deref(), peek.search.id.as_deref()), (Some("a&b c"), Some("x")));
        let expected = [("colour".to_string(), Some("red".to_string())), ("size".to_string(), None)];
        assert_eq!(peek.search.attributes, expected);
    }

    #[test]
    fn what_a_peek_does_not_have_is_named() {
        for (option, named) in [
            ("TidewirePeek:form=1", "form"),
            ("TidewirePeek:from=x", "x is no cursor"),
            ("TidewirePeek:from=18446744073709551615", "no cursor"),
            ("TidewirePeek:state=hidden", "hidden"),
            ("TidewirePeek:body=%zz", "body=%zz"),
        ] {
            let refusal = peek(option).unwrap_err();
            assert_eq!(refusal.error.name, "InvalidParameterValueException", "{option}");
            assert!(refusal.message.contains(named), "{}", refusal.message);
        }
    }

    #[test]
    fn steps_shrink_with_the_size_of_what_was_seen() {
        assert_eq!(Work::default().step(), PEEK_STEP_MIN);
        assert_eq!(Work { examined: 10, bytes: 1_000 }.step(), PEEK_STEP_MAX);
        assert_eq!(Work { examined: 2, bytes: 2 << 20 }.step(), 2);
        assert_eq!(Work { examined: PEEK_EXAMINED_MAX - 3, bytes: 0 }.step(), 3);
        assert!(Work { examined: 1, bytes: PEEK_BYTES_MAX }.is_done());
    }
}
