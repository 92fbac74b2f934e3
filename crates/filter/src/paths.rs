//! The keys that filters ask for, as numbers.
//!
//! AWS flattens both policy and message: members within members are joined by dots, and a name that has dots itself cannot be
//! told from nesting (recorded: `test_filter_policy_on_message_body_dot_attribute`). So a key is the list of its parts between
//! dots, and keys that begin alike share their beginning: a tree. A message is walked along it, and what nobody asks for is
//! passed over without a text being made. Keys are counted, and forgotten with the last filter that asks for them.

use std::collections::HashMap;

/// A place in the tree; a key's number while some filter asks for it.
pub(crate) type PathId = u32;

/// Where a message's walk begins.
pub(crate) const ROOT: PathId = 0;

/// All keys that are asked for.
#[derive(Debug)]
pub(crate) struct Paths {
    nodes: Vec<Node>,
    free: Vec<PathId>,
}

#[derive(Debug, Default)]
struct Node {
    children: HashMap<Box<str>, PathId>,
    parent: PathId,
    /// The part between dots that leads here.
    part: Box<str>,
    /// How many ask for exactly this key.
    uses: u32,
}

impl Paths {
    pub(crate) fn new() -> Self {
        Self { nodes: vec![Node::default()], free: Vec::new() }
    }

    /// The number of this key, which one more asks for.
    pub(crate) fn ask(&mut self, key: &str) -> PathId {
        let mut at = ROOT;
        for part in key.split('.') {
            at = match self.nodes[at as usize].children.get(part) {
                Some(child) => *child,
                None => self.grow(at, part),
            };
        }
        self.nodes[at as usize].uses += 1;
        at
    }

    /// One less asks for this key.
    pub(crate) fn forget(&mut self, key: PathId) {
        let mut at = key;
        self.nodes[at as usize].uses -= 1;
        while at != ROOT && self.nodes[at as usize].uses == 0 && self.nodes[at as usize].children.is_empty() {
            let Node { parent, part, .. } = std::mem::take(&mut self.nodes[at as usize]);
            self.nodes[parent as usize].children.remove(&part);
            self.free.push(at);
            at = parent;
        }
    }

    /// Where a member of this name leads from here.
    pub(crate) fn step(&self, from: PathId, name: &str) -> Option<PathId> {
        name.split('.').try_fold(from, |at, part| self.nodes[at as usize].children.get(part).copied())
    }

    /// Whether somebody asks for exactly this key.
    pub(crate) fn is_asked(&self, at: PathId) -> bool {
        self.nodes[at as usize].uses > 0
    }

    fn grow(&mut self, parent: PathId, part: &str) -> PathId {
        let node = Node { parent, part: part.into(), ..Node::default() };
        let id = match self.free.pop() {
            Some(id) => {
                self.nodes[id as usize] = node;
                id
            }
            None => {
                self.nodes.push(node);
                PathId::try_from(self.nodes.len() - 1).expect("a topic has fewer keys than four billion")
            }
        };
        self.nodes[parent as usize].children.insert(part.into(), id);
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_by_nesting_and_by_dots_alike() {
        let mut paths = Paths::new();
        let key = paths.ask("a.b.c");
        let by = |names: &[&str]| names.iter().try_fold(ROOT, |at, name| paths.step(at, name));
        assert_eq!(by(&["a", "b", "c"]), Some(key));
        assert_eq!((by(&["a.b", "c"]), by(&["a.b.c"]), by(&["a", "b.c"])), (Some(key), Some(key), Some(key)));
        assert_eq!((by(&["a", "c"]), by(&["a..b"]), by(&[""])), (None, None, None));
        assert!(paths.is_asked(key) && !paths.is_asked(by(&["a"]).unwrap()));
    }

    #[test]
    fn a_key_is_forgotten_with_the_last_who_asks_for_it() {
        let mut paths = Paths::new();
        let (long, short, again) = (paths.ask("a.b.c"), paths.ask("a.b"), paths.ask("a.b"));
        assert_eq!(short, again);
        paths.forget(short);
        paths.forget(long);
        assert!(paths.is_asked(short) && paths.step(short, "c").is_none());
        paths.forget(again);
        assert!(paths.step(ROOT, "a").is_none());
        assert_eq!(paths.nodes.len() - paths.free.len(), 1);
        paths.ask("x.y.z");
        assert_eq!(paths.nodes.len(), 4);
    }
}
