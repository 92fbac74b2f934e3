//! The encryption context: pairs that are not secret and that a ciphertext is bound to.
//!
//! ```text
//! count 4 │ count × ( length 4, key │ length 4, value ), sorted by key, big-endian
//! ```
//! Lengths stand before every text, so that no two contexts have the same bytes ("ab"+"c" is not "a"+"bc").

/// A context in the order of its keys.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Context(Vec<(String, String)>);

impl Context {
    /// Takes the pairs of a request, in any order. Of a key that stands there twice the last counts.
    pub(crate) fn new(pairs: Option<Vec<(String, String)>>) -> Self {
        let mut pairs = pairs.unwrap_or_default();
        pairs.reverse();
        pairs.sort_by(|one, other| one.0.cmp(&other.0));
        pairs.dedup_by(|later, first| later.0 == first.0);
        Self(pairs)
    }

    /// The pairs.
    pub(crate) fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    /// Whether all of these pairs are among its own.
    pub(crate) fn contains(&self, some: &Self) -> bool {
        some.0.iter().all(|(key, value)| self.get(key) == Some(value))
    }

    /// Appends its bytes.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let length = |text: &str| u32::try_from(text.len()).expect("a request is far below 4 GiB").to_be_bytes();
        out.extend(u32::try_from(self.0.len()).expect("a request is far below 4 GiB").to_be_bytes());
        for text in self.0.iter().flat_map(|(key, value)| [key, value]) {
            out.extend(length(text));
            out.extend(text.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(pairs: &[(&str, &str)]) -> Vec<u8> {
        let pairs = pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        let mut out = Vec::new();
        Context::new(Some(pairs)).encode(&mut out);
        out
    }

    #[test]
    fn the_order_of_pairs_does_not_count() {
        assert_eq!(bytes(&[("a", "1"), ("b", "2")]), bytes(&[("b", "2"), ("a", "1")]));
        assert_eq!(bytes(&[("a", "0"), ("a", "1")]), bytes(&[("a", "1")]));
    }

    #[test]
    fn no_two_contexts_have_the_same_bytes() {
        let all = [
            bytes(&[]),
            bytes(&[("ab", "c")]),
            bytes(&[("a", "bc")]),
            bytes(&[("a", "b"), ("c", "")]),
            bytes(&[("a", ""), ("b", "c")]),
        ];
        for (nth, one) in all.iter().enumerate() {
            assert!(!all[..nth].contains(one), "{nth}");
        }
    }
}
