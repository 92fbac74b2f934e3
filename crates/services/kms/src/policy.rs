//! Key policies: what is taken, and the check that somebody can still change them.

use crate::key::KeyPolicy;
use crate::limits;
use crate::needs::action;
use crate::refusal::Refusal;
use access::{Policy, Sort};
use gateway::{Caller, Need};
use names::{AccountId, Region};
use std::sync::Arc;

/// Reads a policy, or refuses it.
pub(crate) fn parse(text: &str) -> Result<KeyPolicy, Refusal> {
    if text.len() > limits::POLICY_BYTES_MAX {
        return Err(Refusal::limit("The key policy is longer than 32 KB."));
    }
    match Policy::parse("key policy", text, Sort::Resource) {
        Ok(compiled) => Ok(KeyPolicy { text: text.into(), compiled: Some(Arc::new(compiled)) }),
        Err(malformed) => Err(Refusal::policy(malformed.to_string())),
    }
}

/// The policy of a key that is made in a region: the one that was given, or AWS's default.
pub(crate) fn of_new_key(
    caller: &Caller,
    region: &Region,
    text: Option<&str>,
    bypass: bool,
) -> Result<KeyPolicy, Refusal> {
    let Some(text) = text else { return Ok(KeyPolicy::of_account(caller.account, region.arn_partition())) };
    let policy = parse(text)?;
    if !bypass {
        let arn = format!("arn:{}:kms:{region}:{}:key/new", region.arn_partition(), caller.account);
        check_lockout(caller, &arn, caller.account, &policy)?;
    }
    Ok(policy)
}

/// A policy that would keep whoever puts it from putting another one is most likely a mistake.
pub(crate) fn check_lockout(caller: &Caller, arn: &str, owner: AccountId, policy: &KeyPolicy) -> Result<(), Refusal> {
    let need = Need::of(action("PutKeyPolicy"), arn, owner).under(policy.compiled.clone());
    let locked = || Refusal::policy("The new key policy will not allow you to update the key policy in the future.");
    caller.may(&need).map_err(|_| locked())
}

/// A key has one policy, which is called `default`.
pub(crate) fn check_name(name: Option<&str>) -> Result<(), Refusal> {
    match name {
        None | Some("default") => Ok(()),
        Some(_) => Err(Refusal::not_found("No such policy exists")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_policy_is_refused() {
        let refusal = parse("my policy").unwrap_err();
        assert_eq!(refusal.error.0.name, "MalformedPolicyDocumentException");
        let long = format!("{{\"Id\":\"{}\"}}", "x".repeat(limits::POLICY_BYTES_MAX));
        assert_eq!(parse(&long).unwrap_err().error.0.name, "LimitExceededException");
        assert_eq!(check_name(Some("other")).unwrap_err().message, "No such policy exists");
    }
}
