//! Audits: what was found in so many of a hundred of the messages that are published, told to the server's log and counted.
//!
//! AWS writes to log groups, delivery streams and buckets; here a log group's lines stand in the delivery log, with its name, and others are
//! refused. A message is looked at as it was published, before anything of it is hidden, and told of once it is; one that is refused is none.
//! The lines are AWS's ("Audit destination log example"). Places are characters of the body in which something was found, from 0, the
//! second the first one behind it.

use super::find::Identifier;
use super::{Search, Statement};
use crate::limits::AUDIT_DETECTIONS_MAX;
use crate::message::{Message, show_time};
use crate::service::{Inner, id_of};
use crate::topic_key::SubscriptionId;
use gateway::Caller;
use serde_json::{Value, json};
use std::ops::Range;
use std::sync::Arc;

/// What a policy asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Audit {
    /// Of a hundred messages.
    pub(super) sample_rate: u8,
    /// The log groups of what has findings, and of what has none.
    pub(super) findings: Option<Box<str>>,
    pub(super) no_findings: Option<Box<str>>,
}

/// What came of it for one message.
pub(crate) struct Audited {
    has_findings: bool,
    line: Option<String>,
}

impl Audit {
    pub(super) fn writes(&self) -> bool {
        self.findings.is_some() || self.no_findings.is_some()
    }

    /// Looks at the `nth` message of a request, if it is one of the sample.
    pub(super) fn of(
        &self,
        statement: &Statement,
        service: &Inner,
        (caller, nth): (&Caller, usize),
        (topic, message): (&str, &Message),
    ) -> Option<Audited> {
        let id = id_of(caller, nth);
        // Ids are by chance, and the same publish is always the same one.
        if id % 100 >= u128::from(self.sample_rate) {
            return None;
        }
        let mut found: Vec<(&str, Vec<Range<usize>>)> = Vec::new();
        for text in message.texts() {
            let mut search = Search::of(text, &service.patterns);
            for identifier in &statement.identifiers {
                note(&mut found, identifier, in_characters(text, search.places(identifier)));
            }
        }
        let has_findings = !found.is_empty();
        let group = if has_findings { &self.findings } else { &self.no_findings };
        let line = group.as_ref().map(|group| {
            json!({
                "logGroup": group,
                "messageId": SubscriptionId(id).show(),
                "auditTimestamp": show_time(caller.now),
                "callerPrincipal": caller.identity.caller.lasting_arn(),
                "resourceArn": topic,
                "dataIdentifiers": found.iter().map(|(name, places)| shown(name, places)).collect::<Vec<Value>>(),
            })
        });
        Some(Audited { has_findings, line: line.map(|line| line.to_string()) })
    }
}

/// An identifier that several statements' lists name, or several bodies have, stands once.
fn note<'a>(found: &mut Vec<(&'a str, Vec<Range<usize>>)>, identifier: &'a Identifier, places: Vec<Range<usize>>) {
    if places.is_empty() {
        return;
    }
    match found.iter_mut().find(|(known, _)| *known == identifier.name()) {
        Some((_, known)) => known.extend(places),
        None => found.push((identifier.name(), places)),
    }
}

/// Bytes as characters, in one pass.
fn in_characters(text: &str, places: &[Range<usize>]) -> Vec<Range<usize>> {
    let (mut byte, mut character) = (0, 0);
    let mut upto = |at: usize| {
        // A place may begin before the one before it ends.
        if at < byte {
            (byte, character) = (0, 0);
        }
        character += text[byte..at].chars().count();
        byte = at;
        character
    };
    places.iter().map(|range| upto(range.start)..upto(range.end)).collect()
}

fn shown(name: &str, places: &[Range<usize>]) -> Value {
    let detections = places.iter().take(AUDIT_DETECTIONS_MAX);
    let detections: Vec<Value> = detections.map(|range| json!({ "start": range.start, "end": range.end })).collect();
    json!({ "name": name, "count": places.len(), "detections": detections })
}

impl Audited {
    /// Counts it, and tells of it, when the message is published.
    pub(crate) fn tell(&self, service: &Inner, topic: &Arc<str>) {
        service.status.count_audited(topic, self.has_findings);
        self.line.iter().for_each(|line| service.status.write(line.clone()));
    }
}
