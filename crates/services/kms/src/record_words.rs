//! Records in words, for tools that open no server. Nothing of sealed material is shown.

use crate::records::Effect;
use engine::{Described, Effect as _, MalformedRecord};

/// Reads a record of this family.
pub fn describe(kind: u8, version: u8, payload: &[u8]) -> Result<Described, MalformedRecord> {
    let said = |what, details| Described { what, time: None, details };
    Ok(match Effect::decode(kind, version, payload)? {
        Effect::Opened(account) => said("account-opened", vec![("account", account.to_string())]),
        Effect::KeyPut(key) => {
            let mut details = vec![("region", key.region.to_string()), ("key", key.id.to_string())];
            details.extend([("spec", key.spec.name().to_owned()), ("state", key.state.name().to_owned())]);
            details.push(("materials", key.materials.len().to_string()));
            said("key-put", details)
        }
        Effect::KeyGone(region, id) => said("key-gone", vec![("region", region.to_string()), ("key", id.to_string())]),
        Effect::AliasPut(region, name, alias) => Described {
            time: Some(alias.changed_at),
            ..said(
                "alias-put",
                vec![("region", region.to_string()), ("alias", name.into()), ("key", alias.target.to_string())],
            )
        },
        Effect::AliasGone(region, name) => {
            said("alias-gone", vec![("region", region.to_string()), ("alias", name.into())])
        }
        Effect::GrantPut(region, id, grant) => Described {
            time: Some(grant.created_at),
            ..said(
                "grant-put",
                vec![("region", region.to_string()), ("key", id.to_string()), ("grant", grant.id.to_string())],
            )
        },
        Effect::GrantGone(region, id, grant) => said(
            "grant-gone",
            vec![("region", region.to_string()), ("key", id.to_string()), ("grant", grant.to_string())],
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use names::AccountId;

    #[test]
    fn records_are_named_in_words_with_hyphens_as_those_of_other_services() {
        let effect = Effect::Opened(AccountId::DEFAULT);
        let mut payload = Vec::new();
        effect.encode(&mut payload);
        let told = describe(effect.kind(), effect.version(), &payload).unwrap();
        assert_eq!((told.what, told.details), ("account-opened", vec![("account", AccountId::DEFAULT.to_string())]));
        assert!(describe(200, 1, &payload).is_err());
    }
}
