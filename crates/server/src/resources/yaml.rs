//! YAML, read with the places of its keys: one document of mappings and scalars, without anchors.

use super::node::{Entry, Node, Value, Wrong, add};
use saphyr_parser::{Event, Parser, ScalarStyle, Span};

/// Mappings within mappings; ours need four.
const DEPTH_MAX: usize = 16;

/// Reads a document.
pub(crate) fn read(text: &str) -> Result<Node, Wrong> {
    let mut events = Events(Parser::new_from_str(text));
    let mut document = None;
    loop {
        let (event, line) = events.next()?;
        match event {
            Event::StreamEnd => return Ok(document.unwrap_or_else(|| Node::table(1, Vec::new()))),
            Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
            _ if document.is_some() => return Err(Wrong::new(line, "there is a second document")),
            event => document = Some(events.node(event, line, 0)?),
        }
    }
}

struct Events<'a>(Parser<'a, saphyr_parser::StrInput<'a>>);

impl<'a> Events<'a> {
    fn next(&mut self) -> Result<(Event<'a>, usize), Wrong> {
        match self.0.next_event() {
            Some(Ok((event, Span { start, .. }))) => Ok((event, start.line())),
            Some(Err(error)) => Err(Wrong::new(error.marker().line(), error.info())),
            None => Err(Wrong::new(1, "the file ends in the middle")),
        }
    }

    fn node(&mut self, event: Event<'a>, line: usize, depth: usize) -> Result<Node, Wrong> {
        match event {
            // An empty value is an empty table: `jobs:` declares a queue with nothing of its own.
            Event::Scalar(text, ScalarStyle::Plain, ..) if matches!(&*text, "" | "~" | "null") => {
                Ok(Node::table(line, Vec::new()))
            }
            Event::Scalar(text, ..) => Ok(Node::text(line, text)),
            Event::MappingStart(..) if depth == DEPTH_MAX => Err(Wrong::new(line, "the tables are nested too deep")),
            Event::MappingStart(..) => self.mapping(line, depth),
            Event::SequenceStart(..) => Err(Wrong::new(line, "a list has no place in this file")),
            Event::Alias(_) => Err(Wrong::new(line, "aliases (*name) are not read; write the value out")),
            _ => Err(Wrong::new(line, "there is no value")),
        }
    }

    fn mapping(&mut self, line: usize, depth: usize) -> Result<Node, Wrong> {
        let mut entries = Vec::new();
        loop {
            let (event, key_line) = self.next()?;
            if event == Event::MappingEnd {
                return Ok(Node::table(line, entries));
            }
            let key = match self.node(event, key_line, depth + 1)?.value {
                Value::Text(key) => key,
                Value::Table(_) => return Err(Wrong::new(key_line, "a key should be a text")),
            };
            let (event, value_line) = self.next()?;
            let node = self.node(event, value_line, depth + 1)?;
            add(&mut entries, Entry { key, line: key_line, node })?;
        }
    }
}
