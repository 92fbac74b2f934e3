//! What a file says: tables of texts, each with its line, whatever language the file is in.
//!
//! Numbers and truth values are kept as they are written, because an attribute's value is a text to AWS.

/// A mistake in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong {
    /// Where, counted from 1.
    pub(crate) line: usize,
    pub(crate) why: String,
}

impl Wrong {
    pub(crate) fn new(line: usize, why: impl Into<String>) -> Self {
        Self { line, why: why.into() }
    }
}

/// A value of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) line: usize,
    pub(crate) value: Value,
}

/// What it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Text(String),
    Table(Vec<Entry>),
}

/// A key of a table, and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) line: usize,
    pub(crate) node: Node,
}

impl Node {
    pub(crate) fn text(line: usize, text: impl Into<String>) -> Self {
        Self { line, value: Value::Text(text.into()) }
    }

    pub(crate) fn table(line: usize, entries: Vec<Entry>) -> Self {
        Self { line, value: Value::Table(entries) }
    }

    /// The text, or the mistake that it is none.
    pub(crate) fn as_text(&self, what: &str) -> Result<&str, Wrong> {
        match &self.value {
            Value::Text(text) => Ok(text),
            Value::Table(_) => Err(Wrong::new(self.line, format!("{what} is a table, and should be a single value"))),
        }
    }

    /// The entries, or the mistake that there are none.
    pub(crate) fn as_table(&self, what: &str) -> Result<&[Entry], Wrong> {
        match &self.value {
            Value::Table(entries) => Ok(entries),
            Value::Text(_) => Err(Wrong::new(self.line, format!("{what} is a single value, and should be a table"))),
        }
    }
}

/// Adds an entry to a table in which each key stands once.
pub(crate) fn add(entries: &mut Vec<Entry>, entry: Entry) -> Result<(), Wrong> {
    match entries.iter().find(|other| other.key == entry.key) {
        Some(first) => Err(Wrong::new(entry.line, format!("{} stands twice, first in line {}", entry.key, first.line))),
        None => {
            entries.push(entry);
            Ok(())
        }
    }
}
