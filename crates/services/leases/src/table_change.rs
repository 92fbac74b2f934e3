//! Changes of what a table is: UpdateTable and tags.

use crate::limits;
use crate::refusal::Refusal;
use crate::table::{About, Capacity, Index};
use std::collections::BTreeMap;

/// A change of a table.
#[derive(Debug, Clone)]
pub(crate) enum TableChange {
    Tag(BTreeMap<Box<str>, Box<str>>),
    Untag(Vec<Box<str>>),
    Update(Update),
}

/// What UpdateTable asks for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Update {
    pub(crate) capacity: Option<Capacity>,
    pub(crate) deletion_protected: Option<bool>,
    pub(crate) indexes: Vec<IndexChange>,
}

/// A change of an index.
#[derive(Debug, Clone)]
pub(crate) enum IndexChange {
    Create(Index),
    Capacity(Box<str>, Capacity),
    Delete(Box<str>),
}

impl TableChange {
    /// The table afterwards.
    pub(crate) fn of(self, about: &About) -> Result<About, Refusal> {
        let mut after = about.clone();
        match self {
            Self::Tag(tags) => {
                after.tags.extend(tags);
                if after.tags.len() > limits::TAGS_MAX {
                    let most = limits::TAGS_MAX;
                    return Err(Refusal::validation(format!("A table has {most} tags at the most.")));
                }
            }
            Self::Untag(keys) => after.tags.retain(|key, _| !keys.contains(key)),
            Self::Update(update) => update.apply(&mut after)?,
        }
        Ok(after)
    }
}

impl Update {
    fn apply(self, about: &mut About) -> Result<(), Refusal> {
        if let Some(capacity) = self.capacity {
            about.capacity = capacity;
            // What is on demand is so with all its indexes.
            if capacity == Capacity::OnDemand {
                about.indexes.iter_mut().for_each(|index| index.capacity = capacity);
            }
        }
        about.deletion_protected = self.deletion_protected.unwrap_or(about.deletion_protected);
        for change in self.indexes {
            change.apply(about)?;
        }
        Ok(())
    }
}

impl IndexChange {
    fn apply(self, about: &mut About) -> Result<(), Refusal> {
        let no_index = |name: &str| {
            Refusal::new(
                &crate::api::dynamodb::errors::RESOURCE_NOT_FOUND_EXCEPTION,
                format!("Requested resource not found: Index: {name} not found"),
            )
        };
        match self {
            Self::Create(index) => {
                if about.index(&index.name).is_some() {
                    let said = format!("Attempting to create an index which already exists: {}", index.name);
                    return Err(Refusal::validation(said));
                }
                check_definitions(about, &index)?;
                about.indexes.push(index);
                check_count(about)
            }
            Self::Capacity(name, capacity) => {
                let index = about.indexes.iter_mut().find(|index| index.name == name);
                index.ok_or_else(|| no_index(&name))?.capacity = capacity;
                Ok(())
            }
            Self::Delete(name) => {
                let (at, _) = about.index(&name).ok_or_else(|| no_index(&name))?;
                about.indexes.remove(at);
                Ok(())
            }
        }
    }
}

/// An attribute is of one kind in all keys.
pub(crate) fn check_definitions(about: &About, index: &Index) -> Result<(), Refusal> {
    let known = about.definitions();
    let conflict = index.key.attributes().find(|key| known.get(&*key.name).is_some_and(|kind| *kind != key.kind));
    match conflict {
        None => Ok(()),
        Some(key) => Err(Refusal::invalid(format!(
            "Attempting to redefine the type of the attribute {}, which other keys have as {}",
            key.name,
            known[&*key.name].letters()
        ))),
    }
}

pub(crate) fn check_count(about: &About) -> Result<(), Refusal> {
    let most = limits::INDEXES_MAX;
    match about.indexes.len() > most {
        true => Err(Refusal::invalid(format!("GlobalSecondaryIndex count exceeds the per-table limit of {most}"))),
        false => Ok(()),
    }
}
