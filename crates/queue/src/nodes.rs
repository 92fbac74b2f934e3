//! The groups' lists, link by link: which group a message is of, and which message of the group follows it.
//!
//! Links stand in pages of 64 neighbouring sequences, side by side and found by counting bits, so that a window without holes
//! costs 12 bytes a message and a little for the page; a page of which nothing is left is let go of. A group's last message
//! links to its first one, so that the group itself has to know one of them only.

use crate::limits::PAGE_MESSAGES;
use std::collections::BTreeMap;

/// One message's link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Node {
    /// The place of its group.
    pub(crate) slot: u32,
    next: [u32; 2],
}

const _: () = assert!(size_of::<Node>() == 12);

impl Node {
    pub(crate) fn new(slot: u32, next: u64) -> Self {
        Self { slot, next: [next as u32, (next >> 32) as u32] }
    }

    /// The sequence that follows it in its group; the group's first one after the last.
    pub(crate) fn next(&self) -> u64 {
        u64::from(self.next[0]) | u64::from(self.next[1]) << 32
    }
}

/// Links by sequence.
#[derive(Debug, Default)]
pub(crate) struct Nodes {
    pages: BTreeMap<u64, Page>,
    len: usize,
}

#[derive(Debug, Default)]
struct Page {
    /// Offsets that have a link, one bit each; its place is the number of bits below.
    present: u64,
    nodes: Vec<Node>,
}

impl Page {
    fn place(&self, offset: u64) -> Result<usize, usize> {
        let place = (self.present & ((1 << offset) - 1)).count_ones() as usize;
        if self.present >> offset & 1 == 1 { Ok(place) } else { Err(place) }
    }
}

impl Nodes {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The link of a message.
    pub(crate) fn get(&self, sequence: u64) -> Option<Node> {
        let page = self.pages.get(&(sequence / PAGE_MESSAGES))?;
        page.place(sequence % PAGE_MESSAGES).ok().map(|place| page.nodes[place])
    }

    /// The first message that has one.
    pub(crate) fn first(&self) -> Option<u64> {
        let (number, page) = self.pages.first_key_value()?;
        Some(number * PAGE_MESSAGES + u64::from(page.present.trailing_zeros()))
    }

    /// Sets a message's link.
    pub(crate) fn set(&mut self, sequence: u64, node: Node) {
        let page = self.pages.entry(sequence / PAGE_MESSAGES).or_default();
        let offset = sequence % PAGE_MESSAGES;
        match page.place(offset) {
            Ok(place) => page.nodes[place] = node,
            Err(place) => {
                if page.nodes.len() == page.nodes.capacity() {
                    page.nodes.reserve_exact(page.nodes.len().max(1));
                }
                page.nodes.insert(place, node);
                page.present |= 1 << offset;
                self.len += 1;
            }
        }
    }

    /// Takes a message's link out.
    pub(crate) fn remove(&mut self, sequence: u64) -> Option<Node> {
        let number = sequence / PAGE_MESSAGES;
        let page = self.pages.get_mut(&number)?;
        let place = page.place(sequence % PAGE_MESSAGES).ok()?;
        let node = page.nodes.remove(place);
        page.present &= !(1 << (sequence % PAGE_MESSAGES));
        if page.present == 0 {
            self.pages.remove(&number);
        } else if page.nodes.len() * 4 < page.nodes.capacity() {
            page.nodes.shrink_to_fit();
        }
        self.len -= 1;
        Some(node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{prop, proptest};

    proptest! {
        #[test]
        fn links_are_a_tree_of_links(steps in prop::collection::vec((0u8..3, 0u64..300, 0u64..u64::MAX), 0..300)) {
            let (mut nodes, mut model) = (Nodes::default(), BTreeMap::new());
            for (step, sequence, next) in steps {
                if step == 0 {
                    assert_eq!(nodes.remove(sequence), model.remove(&sequence));
                } else {
                    nodes.set(sequence, Node::new(next as u32, next));
                    model.insert(sequence, Node::new(next as u32, next));
                    assert_eq!(nodes.get(sequence).map(|node| node.next()), Some(next));
                }
                assert_eq!((nodes.first(), nodes.len()), (model.keys().next().copied(), model.len()));
                assert!((0..300).all(|sequence| nodes.get(sequence) == model.get(&sequence).copied()));
            }
        }
    }
}
