//! The last few things that were used, and no more than a named number of them.
//!
//! A list and not a map: there are a few dozen, and looking through them costs less than what they save, a read.

use std::collections::VecDeque;

/// At most `most` pairs, the one used last at the end.
pub(super) struct Recent<K, V> {
    most: usize,
    pairs: VecDeque<(K, V)>,
}

impl<K: PartialEq, V: Clone> Recent<K, V> {
    pub(super) fn new(most: usize) -> Self {
        Self { most, pairs: VecDeque::new() }
    }

    /// The value of `key`, which is now the one used last.
    pub(super) fn get(&mut self, key: &K) -> Option<V> {
        let at = self.pairs.iter().position(|(known, _)| known == key)?;
        let pair = self.pairs.remove(at)?;
        let value = pair.1.clone();
        self.pairs.push_back(pair);
        Some(value)
    }

    /// Keeps `value`, in place of what was used longest ago if there are too many.
    pub(super) fn put(&mut self, key: K, value: V) {
        self.forget(|known| *known == key);
        if self.pairs.len() == self.most {
            self.pairs.pop_front();
        }
        self.pairs.push_back((key, value));
    }

    /// Lets go of those whose key is meant.
    pub(super) fn forget(&mut self, meant: impl Fn(&K) -> bool) {
        self.pairs.retain(|(key, _)| !meant(key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_longest_ago_gives_way() {
        let mut recent = Recent::new(2);
        recent.put(1, 'a');
        recent.put(2, 'b');
        assert_eq!(recent.get(&1), Some('a'));
        recent.put(3, 'c');
        assert_eq!([1, 2, 3].map(|key| recent.get(&key)), [Some('a'), None, Some('c')]);
        recent.put(3, 'd');
        assert_eq!([1, 3].map(|key| recent.get(&key)), [Some('a'), Some('d')]);
        recent.forget(|key| *key == 1);
        assert_eq!(recent.get(&1), None);
    }
}
