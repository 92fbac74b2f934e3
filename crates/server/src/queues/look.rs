//! `peek` and `tail`: messages shown and left where they are.
//!
//! Both read with `TidewirePeek`, tidewire's extension of ReceiveMessage, which counts no receive and hides nothing. A cursor
//! says where to go on; it stays valid while messages come and go.

use super::message::{self, COLUMNS};
use super::words::{Filter, Form, Peek, Tail};
use super::{Session, Stop};
use crate::client::percent_encoded;
use serde_json::{Value, json};
use std::time::Duration;

/// Messages of one peek at the most.
const PEEK_MAX: usize = 100;

/// Where a search is, and what it looks for.
pub(super) struct Search {
    queue: String,
    filter: Filter,
    cursor: String,
}

/// What a step of a search has found.
pub(super) struct Found {
    pub(super) messages: Vec<Value>,
    /// Nothing comes after it, as yet.
    pub(super) is_end: bool,
}

impl Search {
    /// From the oldest message on.
    pub(super) fn from_start(queue: &str, filter: &Filter) -> Self {
        Self { queue: queue.to_owned(), filter: filter.clone(), cursor: "start".into() }
    }

    /// Only what comes after now, once the first step was made.
    pub(super) fn from_end(queue: &str, filter: &Filter) -> Self {
        Self { cursor: "end".into(), ..Self::from_start(queue, filter) }
    }

    fn options(&self) -> String {
        let mut options = vec![("from", self.cursor.clone())];
        let Filter { body, attributes, id, state } = &self.filter;
        if !state.is_empty() {
            options.push(("state", state.join(",")));
        }
        options.extend(body.iter().map(|body| ("body", body.clone())));
        options.extend(attributes.iter().map(|attribute| ("attribute", attribute.clone())));
        options.extend(id.iter().map(|id| ("id", id.clone())));
        let encoded = options.iter().map(|(name, value)| format!("{name}={}", percent_encoded(value)));
        encoded.collect::<Vec<_>>().join("&")
    }
}

impl Session {
    /// Looks on from where the search is; `max` messages at the most.
    pub(super) async fn look(&mut self, search: &mut Search, max: usize) -> Result<Found, Stop> {
        let input = json!({
            "QueueUrl": search.queue,
            "MaxNumberOfMessages": max.min(PEEK_MAX),
            "MessageAttributeNames": ["All"],
            "MessageSystemAttributeNames": ["All", format!("TidewirePeek:{}", search.options())],
        });
        let mut answer = self.call("ReceiveMessage", &input).await?;
        let mut messages = match answer["Messages"].take() {
            Value::Array(messages) => messages,
            _ => Vec::new(),
        };
        let Some(last) = messages.last() else { return Ok(Found { messages, is_end: true }) };
        let next = last["Attributes"]["TidewirePeekNext"].as_str();
        search.cursor =
            next.ok_or_else(|| Stop::Failed("this server cannot peek: it gave no cursor".into()))?.to_owned();
        // The last one may be a note that the search stopped half-way, and no message.
        messages.retain(|message| message["Attributes"]["TidewirePeekState"] != "more");
        for message in &mut messages {
            if let Some(attributes) = message["Attributes"].as_object_mut() {
                attributes.remove("TidewirePeekNext");
            }
        }
        Ok(Found { messages, is_end: false })
    }

    pub(super) async fn peek(&mut self, words: &Peek) -> Result<(), Stop> {
        let mut search = Search::from_start(&words.queue, &words.filter);
        let max = if words.max == 0 { usize::MAX } else { words.max };
        let mut messages = Vec::new();
        while messages.len() < max {
            let found = self.look(&mut search, max - messages.len()).await?;
            messages.extend(found.messages);
            if found.is_end {
                break;
            }
        }
        let rows: Vec<Value> = match self.form {
            Form::Table => messages.iter().map(message::row).collect(),
            Form::Json | Form::Ndjson => messages,
        };
        self.print_rows(&COLUMNS, &rows)
    }

    pub(super) async fn tail(&mut self, words: &Tail) -> Result<(), Stop> {
        let mut search = match words.all {
            true => Search::from_start(&words.queue, &words.filter),
            false => Search::from_end(&words.queue, &words.filter),
        };
        let mut left = words.max.unwrap_or(usize::MAX);
        while left > 0 {
            let found = self.look(&mut search, left).await?;
            for message in &found.messages {
                match self.form {
                    Form::Table => self.print_line(&message::line(message)),
                    Form::Json | Form::Ndjson => self.print_line(&message.to_string()),
                }?;
            }
            left -= found.messages.len();
            if found.is_end {
                tokio::time::sleep(Duration::from_secs_f64(words.interval)).await;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_written_as_a_query_string() {
        let filter = Filter {
            body: Some("a b&c=é".into()),
            attributes: vec!["kind=x".into(), "trace".into()],
            id: None,
            state: vec!["visible".into(), "delayed".into()],
        };
        assert_eq!(
            Search::from_start("q", &filter).options(),
            "from=start&state=visible,delayed&body=a%20b%26c%3D%C3%A9&attribute=kind%3Dx&attribute=trace"
        );
    }
}
