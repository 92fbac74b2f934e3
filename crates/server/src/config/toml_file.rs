//! The configuration's TOML file, as names and texts: a section is the first part of its keys' names.
//!
//! What is wrong with it is told by its line's number. The line itself may hold a secret and is not shown.

use std::path::Path;

/// The keys and values of a TOML file, sections joined to names by a dot.
pub(super) fn read(path: &Path) -> Result<Vec<(String, String)>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let line =
            error.span().map_or(1, |span| 1 + text.bytes().take(span.start).filter(|byte| *byte == b'\n').count());
        format!("{}: line {line}: {}", path.display(), error.message())
    })?;
    let mut pairs = Vec::new();
    flatten("", &table, &mut pairs).map_err(|why| format!("{}: {why}", path.display()))?;
    Ok(pairs)
}

fn flatten(section: &str, table: &toml::Table, pairs: &mut Vec<(String, String)>) -> Result<(), String> {
    for (name, value) in table {
        let name = if section.is_empty() { name.clone() } else { format!("{section}.{name}") };
        let text = match value {
            toml::Value::Table(table) => {
                flatten(&name, table, pairs)?;
                continue;
            }
            toml::Value::String(text) => text.clone(),
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Boolean(boolean) => boolean.to_string(),
            _ => return Err(format!("{name} is neither text, a whole number nor a truth value")),
        };
        pairs.push((name, text));
    }
    Ok(())
}
