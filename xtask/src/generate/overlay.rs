//! The hand-written half of a service's description: `xtask/overlay/NAME.toml`.
//!
//! Read strictly: a key that nothing reads is a mistake and stops the generation, here for keys and in `model` for
//! names of shapes that the model does not have.

use std::collections::BTreeMap;
use std::path::Path;

use toml::{Table, Value};

/// Everything that an overlay says.
#[derive(Debug, Default)]
pub(super) struct Overlay {
    /// The model's name and version, `sqs/2012-11-05`.
    pub(super) model: String,
    /// The folder to write to, from the root of the checkout.
    pub(super) output: String,
    /// The service's name in credential scopes.
    pub(super) signing_name: String,
    /// What requests in JSON and CBOR call a service that the model knows in the query protocol alone. Its errors then tell their
    /// query codes there, as those of every service that AWS moved on from that protocol.
    pub(super) target_prefix: Option<String>,
    /// The namespace of XML replies where the model has none.
    pub(super) xml_namespace: Option<String>,
    /// What stands before `#` in `__type` for errors of the model. Empty where the service writes bare names.
    pub(super) error_namespace: String,
    /// The operations that get types; the others keep their names alone. Empty: all of them.
    pub(super) operations: Vec<String>,
    /// `Shape.Member`: demanded by the model, but read as its default when it is absent.
    pub(super) defaulted: Vec<String>,
    /// `Shape.Member`: demanded by the model, but not written when it is empty.
    pub(super) omitted_when_empty: Vec<String>,
    /// List shapes: the name of an item in forms and XML.
    pub(super) items: BTreeMap<String, String>,
    /// Map shapes: the names of entry, key and value in forms and XML.
    pub(super) entries: BTreeMap<String, Entry>,
    /// Corrections of errors that the model has.
    pub(super) errors: BTreeMap<String, Answer>,
    /// Errors that are answered with more than a message, and so get a type.
    pub(super) errors_with_members: Vec<String>,
    /// Errors that the model does not have.
    pub(super) common_errors: BTreeMap<String, Answer>,
}

/// The names of a map in forms and XML.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) key: String,
    pub(super) value: String,
}

/// What the overlay says about an error.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) query_code: Option<String>,
    /// What stands before `#` in `__type`, where it is not what it is for others of its kind.
    pub(super) namespace: Option<String>,
    pub(super) status: Option<u16>,
    pub(super) receiver: bool,
}

impl Overlay {
    /// Reads a file.
    pub(super) fn load(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Self::parse(&text).map_err(|problem| format!("{}: {problem}", path.display()))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let table: Table = text.parse().map_err(|error| format!("{error}"))?;
        let mut overlay = Self::default();
        for (key, value) in table {
            overlay.set(&key, value).map_err(|problem| format!("{key}: {problem}"))?;
        }
        let named = [("model", &overlay.model), ("output", &overlay.output), ("signing_name", &overlay.signing_name)];
        match named.iter().find(|(_, value)| value.is_empty()) {
            Some((key, _)) => Err(format!("{key} is missing")),
            None => Ok(overlay),
        }
    }

    /// What `__type` says of an error of the model.
    pub(super) fn error_type(&self, name: &str) -> String {
        if self.has_bare_errors() { name.to_owned() } else { format!("{}#{name}", self.error_namespace) }
    }

    /// Whether `__type` has no namespaces in this service.
    pub(super) fn has_bare_errors(&self) -> bool {
        self.error_namespace.is_empty()
    }

    fn set(&mut self, key: &str, value: Value) -> Result<(), String> {
        match key {
            "model" => self.model = text(value)?,
            "output" => self.output = text(value)?,
            "signing_name" => self.signing_name = text(value)?,
            "target_prefix" => self.target_prefix = Some(text(value)?),
            "xml_namespace" => self.xml_namespace = Some(text(value)?),
            "error_namespace" => self.error_namespace = text(value)?,
            "operations" => self.operations = texts(value)?,
            "defaulted" => self.defaulted = texts(value)?,
            "omitted_when_empty" => self.omitted_when_empty = texts(value)?,
            "items" => self.items = each(value, text)?,
            "entries" => self.entries = each(value, Entry::parse)?,
            "errors" => self.errors = each(value, Answer::parse)?,
            "errors_with_members" => self.errors_with_members = texts(value)?,
            "common_errors" => self.common_errors = each(value, Answer::parse)?,
            _ => return Err("nothing reads this key".into()),
        }
        Ok(())
    }
}

impl Entry {
    fn parse(value: Value) -> Result<Self, String> {
        let mut names = each(value, text)?;
        let mut name = |key: &str| names.remove(key).ok_or_else(|| format!("{key} is missing"));
        let entry = Self { name: name("name")?, key: name("key")?, value: name("value")? };
        if names.is_empty() { Ok(entry) } else { Err(format!("nothing reads {names:?}")) }
    }
}

impl Answer {
    fn parse(value: Value) -> Result<Self, String> {
        let mut answer = Self::default();
        for (key, value) in table(value)? {
            match (key.as_str(), value) {
                ("query_code", Value::String(code)) => answer.query_code = Some(code),
                ("namespace", Value::String(namespace)) => answer.namespace = Some(namespace),
                ("status", Value::Integer(status @ 400..=599)) => answer.status = u16::try_from(status).ok(),
                ("receiver", Value::Boolean(receiver)) => answer.receiver = receiver,
                (key, value) => return Err(format!("{key} = {value} says nothing")),
            }
        }
        Ok(answer)
    }
}

fn table(value: Value) -> Result<Table, String> {
    if let Value::Table(table) = value { Ok(table) } else { Err(format!("{value} is no table")) }
}

fn text(value: Value) -> Result<String, String> {
    if let Value::String(text) = value { Ok(text) } else { Err(format!("{value} is no text")) }
}

fn texts(value: Value) -> Result<Vec<String>, String> {
    let Value::Array(values) = value else { return Err(format!("{value} is no list")) };
    values.into_iter().map(text).collect()
}

fn each<T>(value: Value, parse: impl Fn(Value) -> Result<T, String>) -> Result<BTreeMap<String, T>, String> {
    let entries = table(value)?.into_iter();
    entries
        .map(|(key, value)| Ok((key.clone(), parse(value).map_err(|problem| format!("{key}: {problem}"))?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "model = 'm/1'\noutput = 'o'\nsigning_name = 's'\n";

    #[test]
    fn a_key_that_nothing_reads_stops_the_generation() {
        for wrong in ["colour = 'red'", "[errors]\nA = { colour = 1 }", "[errors]\nA = { status = 200 }"] {
            assert!(Overlay::parse(&format!("{HEAD}{wrong}")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_and_answers_are_read() {
        let text = format!(
            "{HEAD}[entries]\nM = {{ name = 'A', key = 'K', value = 'V' }}\n[errors]\nE = {{ query_code = 'C', status = 404 }}"
        );
        let overlay = Overlay::parse(&text).unwrap();
        assert_eq!(overlay.entries["M"].key, "K");
        assert_eq!(overlay.errors["E"].query_code.as_deref(), Some("C"));
        assert_eq!(overlay.errors["E"].status, Some(404));
        assert!(Overlay::parse("model = 'm/1'").is_err());
    }
}
