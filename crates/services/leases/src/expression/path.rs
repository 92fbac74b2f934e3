//! Document paths: `a.b[2].c`, and what they lead to.

use crate::value::{Item, Value};
use std::fmt;

/// A step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Name(Box<str>),
    Index(usize),
}

/// A path: an attribute, and steps into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path(pub(crate) Vec<Step>);

impl Path {
    /// A whole attribute.
    pub(crate) fn of(name: &str) -> Self {
        Self(vec![Step::Name(name.into())])
    }

    /// The attribute that the path begins at.
    pub(crate) fn attribute(&self) -> &str {
        match self.0.first() {
            Some(Step::Name(name)) => name,
            _ => unreachable!("a path begins with a name"),
        }
    }

    /// Whether it is the attribute as a whole.
    pub(crate) fn is_attribute(&self) -> bool {
        self.0.len() == 1
    }

    /// What it leads to.
    pub(crate) fn find<'a>(&self, item: &'a Item) -> Option<&'a Value> {
        let mut at = item.get(self.attribute())?;
        for step in &self.0[1..] {
            at = match (step, at) {
                (Step::Name(name), Value::Map(map)) => map.get(name)?,
                (Step::Index(index), Value::List(list)) => list.get(*index)?,
                _ => return None,
            };
        }
        Some(at)
    }

    /// How two paths of one expression stand in each other's way.
    pub(crate) fn clash(&self, other: &Self) -> Option<&'static str> {
        let shared = self.0.iter().zip(&other.0).take_while(|(one, two)| one == two).count();
        if shared == self.0.len().min(other.0.len()) {
            return Some("Two document paths overlap with each other; must remove or rewrite one of these paths");
        }
        match (&self.0[shared], &other.0[shared]) {
            (Step::Name(_), Step::Index(_)) | (Step::Index(_), Step::Name(_)) => {
                Some("Two document paths conflict with each other; must remove or rewrite one of these paths")
            }
            _ => None,
        }
    }
}

impl fmt::Display for Path {
    /// As errors show it: `[a, b, [2]]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (nth, step) in self.0.iter().enumerate() {
            if nth > 0 {
                f.write_str(", ")?;
            }
            match step {
                Step::Name(name) => f.write_str(name)?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        f.write_str("]")
    }
}

/// The first two paths that stand in each other's way, and why.
pub(super) fn first_clash<'a>(paths: &[&'a Path]) -> Option<(&'static str, &'a Path, &'a Path)> {
    let pairs = paths.iter().enumerate().flat_map(|(at, one)| paths[at + 1..].iter().map(move |two| (*one, *two)));
    pairs.into_iter().find_map(|(one, two)| Some((one.clash(two)?, one, two)))
}
