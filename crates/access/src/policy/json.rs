//! JSON as policies need it: a tree in which no key of an object stands twice.
//!
//! A tolerant reader keeps the last of two equal keys, so that a condition its writer believes in would silently be gone.
//! Here that is an error, like any other fault of syntax.

use crate::limits::POLICY_DEPTH_MAX;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    /// A number as it is written shortest.
    Number(String),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads a whole text; nothing may follow the value.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut reader = serde_json::Deserializer::from_str(text);
        let value = Depth(POLICY_DEPTH_MAX).deserialize(&mut reader).ok()?;
        reader.end().ok()?;
        Some(value)
    }

    pub(crate) fn text(&self) -> Option<&str> {
        if let Json::Text(text) = self { Some(text) } else { None }
    }

    pub(crate) fn object(&self) -> Option<&[(String, Json)]> {
        if let Json::Object(members) = self { Some(members) } else { None }
    }

    /// The items of a list, or the value itself as the only one: policies write both.
    pub(crate) fn items(&self) -> &[Json] {
        if let Json::List(items) = self { items } else { std::slice::from_ref(self) }
    }
}

/// How many levels may still open.
#[derive(Clone, Copy)]
struct Depth(usize);

impl Depth {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        self.0.checked_sub(1).map(Depth).ok_or_else(|| E::custom("nested too deep"))
    }
}

impl<'de> DeserializeSeed<'de> for Depth {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Json, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Depth {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(value.to_string()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value.to_string()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Number(value.to_string()))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
        let inner = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(inner)? {
            items.push(item);
        }
        Ok(Json::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let inner = self.deeper()?;
        let mut members: Vec<(String, Json)> = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            if members.iter().any(|(earlier, _)| *earlier == key) {
                return Err(A::Error::custom("a key stands twice"));
            }
            members.push((key, map.next_value_seed(inner)?));
        }
        Ok(Json::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_stands_twice_is_an_error_at_any_depth() {
        assert!(Json::parse(r#"{"a": {"b": 1, "c": [true, null, 1.5]}}"#).is_some());
        assert_eq!(Json::parse(r#"{"a": 1, "a": 1}"#), None);
        assert_eq!(Json::parse(r#"{"a": [{"b": 1, "c": 2, "b": 1}]}"#), None);
    }

    #[test]
    fn what_follows_the_value_and_what_nests_too_deep_is_refused() {
        assert_eq!(Json::parse("{} {}"), None);
        assert_eq!(Json::parse(""), None);
        assert!(Json::parse(&format!("{}{}", "[".repeat(8), "]".repeat(8))).is_some());
        assert_eq!(Json::parse(&format!("{}{}", "[".repeat(9), "]".repeat(9))), None);
    }

    #[test]
    fn a_value_alone_is_a_list_of_one() {
        assert_eq!(Json::Text("a".into()).items(), [Json::Text("a".into())]);
        assert_eq!(Json::List(vec![]).items(), []);
    }
}
