//! What CreateAlias, UpdateAlias and DeleteAlias ask of a name.

use crate::api::errors;
use crate::asked::Asked;
use crate::key_id::Reference;
use crate::machine::{Command, Known};
use crate::refusal::Refusal;
use crate::service::Inner;

/// A name that a customer may give: `alias/…`, and not one of AWS's own.
pub(crate) fn own(name: &str) -> Result<Box<str>, Refusal> {
    let Some(rest) = name.strip_prefix("alias/") else {
        return Err(Refusal::validation(
            "Alias must start with the prefix \"alias/\". Please see \
             https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html",
        ));
    };
    if rest.starts_with("aws/") {
        return Err(Refusal::new(&errors::NOT_AUTHORIZED_EXCEPTION, ""));
    }
    if rest.is_empty() || rest.contains(':') {
        let message = format!("{name} contains invalid characters for an alias");
        return Err(Refusal::new(&errors::INVALID_ALIAS_NAME_EXCEPTION, message));
    }
    Ok(name.into())
}

/// Makes a name stand for a key of the caller's own account.
pub(crate) async fn set(
    service: &Inner,
    caller: &Asked,
    name: Box<str>,
    key: &str,
    known: Known,
) -> Result<(), Refusal> {
    if key.starts_with("alias/") {
        return Err(Refusal::validation("Aliases must refer to keys. Not aliases"));
    }
    let (account, target) = Reference::of_key(key, caller.account, &caller.region)?;
    let region = caller.region.clone();
    let ring = service.catalog.ring(account).filter(|_| account == caller.account);
    let ring = ring.ok_or_else(|| Refusal::no_key(&target.arn(&region, account)))?;
    service.ask(&ring, Command::SetAlias { region, name, target, known }).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_refused_in_awss_words() {
        assert!(own("alias/a/b_c-1").is_ok());
        let refused = |name: &str| {
            let refusal = own(name).unwrap_err();
            (refusal.error.0.name, refusal.message.into_owned())
        };
        assert!(refused("my-alias").1.starts_with("Alias must start with the prefix \"alias/\"."));
        assert_eq!(refused("alias/aws/sqs"), ("NotAuthorizedException", String::new()));
        let colon = refused("alias/my:alias");
        assert_eq!(colon.0, "InvalidAliasNameException");
        assert_eq!(colon.1, "alias/my:alias contains invalid characters for an alias");
    }
}
