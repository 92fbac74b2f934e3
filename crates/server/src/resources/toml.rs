//! TOML, read with the places of its keys.

use super::node::{Entry, Node, Wrong};
use ::toml::Spanned;
use ::toml::de::{DeTable, DeValue};

/// Reads a document.
pub(crate) fn read(text: &str) -> Result<Node, Wrong> {
    let line_at = |at: usize| 1 + text.as_bytes()[..at.min(text.len())].iter().filter(|byte| **byte == b'\n').count();
    let table = DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_at(span.start));
        Wrong::new(line, error.message())
    })?;
    Ok(Node::table(1, entries(table.get_ref(), &line_at)?))
}

fn entries(table: &DeTable<'_>, line_at: &dyn Fn(usize) -> usize) -> Result<Vec<Entry>, Wrong> {
    let entry = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
        let key: &Spanned<std::borrow::Cow<'_, str>> = key;
        let line = line_at(key.span().start);
        Ok(Entry { key: key.get_ref().to_string(), line, node: node(value, line, line_at)? })
    };
    table.iter().map(entry).collect()
}

/// A table's own place may be far from its key, so a value's line is its key's.
fn node(value: &Spanned<DeValue<'_>>, line: usize, line_at: &dyn Fn(usize) -> usize) -> Result<Node, Wrong> {
    Ok(match value.get_ref() {
        DeValue::Table(table) => Node::table(line, entries(table, line_at)?),
        DeValue::String(text) => Node::text(line, text.as_ref()),
        DeValue::Integer(number) => Node::text(line, number.to_string()),
        DeValue::Float(number) => Node::text(line, number.to_string()),
        DeValue::Boolean(boolean) => Node::text(line, boolean.to_string()),
        DeValue::Datetime(_) => return Err(Wrong::new(line, "a date has no place in this file")),
        DeValue::Array(_) => return Err(Wrong::new(line, "a list has no place in this file")),
    })
}
