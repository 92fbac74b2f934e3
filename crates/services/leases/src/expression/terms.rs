//! The names and values that a request's expressions refer to, and that each of them is used.

use super::Sentence;
use super::condition::Condition;
use super::key_condition::KeyCondition;
use super::projection::Projection;
use super::update::Update;
use crate::api::dynamodb::AttributeValue;
use crate::refusal::Refusal;
use crate::value::Value;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// Substitutions of one request.
#[derive(Debug, Default)]
pub(crate) struct Terms {
    names: BTreeMap<String, String>,
    values: BTreeMap<String, Value>,
    used: RefCell<BTreeSet<String>>,
}

/// What a request says in the older form and in expressions, as errors name it; nothing may be said in both.
#[derive(Debug, Default)]
pub(crate) struct Forms {
    pub(crate) older: Vec<&'static str>,
    pub(crate) expressions: Vec<&'static str>,
}

impl Forms {
    /// Notes a member of the request, if it is there.
    pub(crate) fn older(mut self, name: &'static str, is_there: bool) -> Self {
        self.older.extend(is_there.then_some(name));
        self
    }

    pub(crate) fn expression(mut self, name: &'static str, is_there: bool) -> Self {
        self.expressions.extend(is_there.then_some(name));
        self
    }

    /// Refuses both forms at once, and substitutions without an expression.
    pub(crate) fn check(&self, names: bool, values: bool, of_values: &str) -> Result<(), Refusal> {
        if !self.older.is_empty() && !self.expressions.is_empty() {
            return Err(Refusal::validation(format!(
                "Can not use both expression and non-expression parameters in the same request: Non-expression parameters: {{{}}} Expression parameters: {{{}}}",
                self.older.join(", "),
                self.expressions.join(", ")
            )));
        }
        if names && self.expressions.is_empty() {
            return Err(Refusal::validation("ExpressionAttributeNames can only be specified when using expressions"));
        }
        if values && self.expressions.is_empty() {
            return Err(Refusal::validation(format!(
                "ExpressionAttributeValues can only be specified when using expressions: {of_values}"
            )));
        }
        Ok(())
    }
}

impl Terms {
    /// Reads the substitutions of a request.
    pub(crate) fn read(
        names: Option<Vec<(String, String)>>,
        values: Option<Vec<(String, AttributeValue)>>,
    ) -> Result<Self, Refusal> {
        let is_empty = |what: &str| Refusal::validation(format!("{what} must not be empty"));
        if names.as_ref().is_some_and(Vec::is_empty) {
            return Err(is_empty("ExpressionAttributeNames"));
        }
        if values.as_ref().is_some_and(Vec::is_empty) {
            return Err(is_empty("ExpressionAttributeValues"));
        }
        let mut terms = Self::default();
        for (key, name) in names.into_iter().flatten() {
            check_key("ExpressionAttributeNames", '#', &key)?;
            terms.names.insert(key, name);
        }
        for (key, value) in values.into_iter().flatten() {
            check_key("ExpressionAttributeValues", ':', &key)?;
            let value = Value::read(value, 1).map_err(|refusal| {
                let said = refusal.message;
                Refusal::validation(format!("ExpressionAttributeValues contains invalid value: {said} for key {key}"))
            })?;
            terms.values.insert(key, value);
        }
        Ok(terms)
    }

    /// The name that an alias stands for.
    pub(super) fn name(&self, alias: &str) -> Option<&str> {
        let name = self.names.get(alias)?;
        self.used.borrow_mut().insert(alias.to_owned());
        Some(name)
    }

    /// The value that a reference stands for.
    pub(super) fn value(&self, reference: &str) -> Option<&Value> {
        let value = self.values.get(reference)?;
        self.used.borrow_mut().insert(reference.to_owned());
        Some(value)
    }

    /// Refuses what no expression of the request used.
    pub(crate) fn check_used(&self) -> Result<(), Refusal> {
        let used = self.used.borrow();
        let unused = |keys: Vec<&String>| {
            let left: Vec<&str> = keys.into_iter().filter(|key| !used.contains(*key)).map(String::as_str).collect();
            (!left.is_empty()).then(|| left.join(", "))
        };
        for (what, keys) in [
            ("ExpressionAttributeNames", unused(self.names.keys().collect())),
            ("ExpressionAttributeValues", unused(self.values.keys().collect())),
        ] {
            if let Some(keys) = keys {
                let said = format!("Value provided in {what} unused in expressions: keys: {{{keys}}}");
                return Err(Refusal::validation(said));
            }
        }
        Ok(())
    }

    pub(crate) fn condition(&self, text: Option<&str>) -> Result<Option<Condition>, Refusal> {
        text.map(|text| Condition::parse(Sentence::Condition, text, self)).transpose()
    }

    pub(crate) fn filter(&self, text: Option<&str>) -> Result<Option<Condition>, Refusal> {
        text.map(|text| Condition::parse(Sentence::Filter, text, self)).transpose()
    }

    pub(crate) fn key_condition(&self, text: Option<&str>) -> Result<Option<KeyCondition>, Refusal> {
        text.map(|text| KeyCondition::parse(text, self)).transpose()
    }

    pub(crate) fn projection(&self, text: Option<&str>) -> Result<Option<Projection>, Refusal> {
        text.map(|text| Projection::parse(text, self)).transpose()
    }

    pub(crate) fn update(&self, text: Option<&str>) -> Result<Option<Update>, Refusal> {
        text.map(|text| Update::parse(text, self)).transpose()
    }
}

fn check_key(what: &str, sign: char, key: &str) -> Result<(), Refusal> {
    let is_name =
        |rest: &str| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    match key.strip_prefix(sign).is_some_and(is_name) {
        true => Ok(()),
        false => Err(Refusal::validation(format!("{what} contains invalid key: Syntax error; key: \"{key}\""))),
    }
}
