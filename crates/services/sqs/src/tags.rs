//! A queue's tags: sorted pairs of texts, checked when they are given.
//!
//! A queue without tags pays a pointer and a length for that. Sources: SQS developer guide, "cost allocation tags"; the
//! tagging rules that AWS's services share (lengths, characters, the prefix `aws:`).

use crate::limits;
use crate::refusal::Refusal;

/// Tags in order of their keys, each key once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tags(Box<[(Box<str>, Box<str>)]>);

impl Tags {
    /// Takes tags as a request gives them. Of a key that is given twice the last value counts.
    pub(crate) fn parse(given: Vec<(String, String)>) -> Result<Self, Refusal> {
        for (key, value) in &given {
            check_key(key)?;
            check_value(value)?;
        }
        Ok(given.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }

    /// These tags with `others` over them.
    pub(crate) fn with(&self, others: &Self) -> Self {
        self.0.iter().chain(&*others.0).cloned().collect()
    }

    /// These tags without those of the given keys.
    pub(crate) fn without(&self, keys: &[Box<str>]) -> Self {
        Self(self.0.iter().filter(|(key, _)| !keys.contains(key)).cloned().collect())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keys and values, in order of the keys.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }
}

impl FromIterator<(Box<str>, Box<str>)> for Tags {
    fn from_iter<I: IntoIterator<Item = (Box<str>, Box<str>)>>(pairs: I) -> Self {
        let sorted: std::collections::BTreeMap<_, _> = pairs.into_iter().collect();
        Self(sorted.into_iter().collect())
    }
}

fn check_key(key: &str) -> Result<(), Refusal> {
    check_key_length(key)?;
    if key.to_ascii_lowercase().starts_with("aws:") {
        return Err(Refusal::invalid_parameter("Tag keys can't start with the reserved prefix 'aws:'."));
    }
    check_characters("keys", key)
}

/// Refuses a key of a length that no tag's has.
pub(crate) fn check_key_length(key: &str) -> Result<(), Refusal> {
    match (1..=limits::TAG_KEY_LEN_MAX).contains(&key.chars().count()) {
        true => Ok(()),
        false => Err(key_length()),
    }
}

/// The refusal of a key that is too short or too long, and of no key at all.
pub(crate) fn key_length() -> Refusal {
    let most = limits::TAG_KEY_LEN_MAX;
    Refusal::invalid_parameter(format!("Tag keys must be between 1 and {most} characters in length."))
}

fn check_value(value: &str) -> Result<(), Refusal> {
    if value.chars().count() > limits::TAG_VALUE_LEN_MAX {
        return Err(Refusal::invalid_parameter(format!(
            "Tag values must be between 0 and {} characters in length.",
            limits::TAG_VALUE_LEN_MAX
        )));
    }
    check_characters("values", value)
}

/// Letters, digits and white space of any script, and `_.:/=+-@`.
fn check_characters(what: &str, text: &str) -> Result<(), Refusal> {
    let legal = |c: char| c.is_alphanumeric() || c.is_whitespace() && !c.is_control() || "_.:/=+-@".contains(c);
    match text.chars().all(legal) {
        true => Ok(()),
        false => Err(Refusal::invalid_parameter(format!(
            "Tag {what} can only contain letters, digits, white space and the characters _.:/=+-@."
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> Tags {
        let pairs = pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        Tags::parse(pairs).unwrap()
    }

    fn refused(key: &str, value: &str) -> Option<String> {
        let refusal = Tags::parse(vec![(key.to_string(), value.to_string())]).err()?;
        assert_eq!(refusal.error.query_code, "InvalidParameterValue");
        Some(refusal.message.into_owned())
    }

    #[test]
    fn tags_are_laid_over_each_other_and_taken_away_by_key() {
        let both = tags(&[("b", "1"), ("a", "2")]).with(&tags(&[("b", "3"), ("c", "")]));
        assert_eq!(both, tags(&[("a", "2"), ("b", "3"), ("c", "")]));
        assert_eq!(both.without(&["a".into(), "nobody".into()]), tags(&[("b", "3"), ("c", "")]));
        assert_eq!(tags(&[("a", "1"), ("a", "2")]).iter().collect::<Vec<_>>(), [("a", "2")]);
    }

    #[test]
    fn keys_and_values_keep_to_awss_lengths_and_characters() {
        let longest = ("ä".repeat(128), "ö".repeat(256));
        for (key, value) in
            [("a", ""), ("Kosten: Stelle_7/x=+-@.", "ü é 中"), (&longest.0, &longest.1), ("awsome", "aws:x")]
        {
            assert_eq!(refused(key, value), None, "{key}");
        }
        for (key, value, part) in [
            ("", "x", "between 1 and 128"),
            (&*"k".repeat(129), "x", "between 1 and 128"),
            ("aws:x", "x", "reserved prefix"),
            ("AWS:x", "x", "reserved prefix"),
            ("a#", "x", "Tag keys can only contain"),
            ("a\n", "x", "Tag keys can only contain"),
            ("a", &*"v".repeat(257), "between 0 and 256"),
            ("a", "<x>", "Tag values can only contain"),
        ] {
            assert!(refused(key, value).is_some_and(|message| message.contains(part)), "{key} {value}");
        }
    }

    #[test]
    fn a_queue_without_tags_keeps_nothing() {
        assert!(size_of::<Tags>() <= 16 && tags(&[("a", "1")]).without(&["a".into()]).0.is_empty());
    }
}
