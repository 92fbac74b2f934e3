//! Records in words, for tools that open no server. Nothing of sealed material is shown.

use crate::records::Effect;
use engine::{Effect as _, MalformedRecord};
use names::Instant;

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// What happened.
    pub what: &'static str,
    /// When, if the record says it.
    pub time: Option<Instant>,
    /// Everything else, as `name value` pairs.
    pub details: Vec<(&'static str, String)>,
}

/// Reads a record of this family.
pub fn describe(kind: u8, version: u8, payload: &[u8]) -> Result<Described, MalformedRecord> {
    let said = |what, details| Described { what, time: None, details };
    Ok(match Effect::decode(kind, version, payload)? {
        Effect::Opened(account) => said("keys of an account", vec![("account", account.to_string())]),
        Effect::KeyPut(key) => {
            let mut details = vec![("region", key.region.to_string()), ("key", key.id.to_string())];
            details.extend([("spec", key.spec.name().to_owned()), ("state", key.state.name().to_owned())]);
            details.push(("materials", key.materials.len().to_string()));
            said("key put", details)
        }
        Effect::KeyGone(region, id) => said("key gone", vec![("region", region.to_string()), ("key", id.to_string())]),
        Effect::AliasPut(region, name, alias) => Described {
            time: Some(alias.changed_at),
            ..said(
                "alias put",
                vec![("region", region.to_string()), ("alias", name.into()), ("key", alias.target.to_string())],
            )
        },
        Effect::AliasGone(region, name) => {
            said("alias gone", vec![("region", region.to_string()), ("alias", name.into())])
        }
        Effect::GrantPut(region, id, grant) => Described {
            time: Some(grant.created_at),
            ..said(
                "grant put",
                vec![("region", region.to_string()), ("key", id.to_string()), ("grant", grant.id.to_string())],
            )
        },
        Effect::GrantGone(region, id, grant) => said(
            "grant gone",
            vec![("region", region.to_string()), ("key", id.to_string()), ("grant", grant.to_string())],
        ),
    })
}
