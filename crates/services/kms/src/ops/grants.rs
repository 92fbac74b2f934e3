//! What the operations on grants share, and what others ask of grant tokens.

use crate::api::{CreateGrantRequest, GrantConstraints, GrantListEntry, RetireGrantRequest, errors};
use crate::context::Context;
use crate::describe::timestamp;
use crate::grant::{Grant, GrantId, Terms};
use crate::key::Key;
use crate::key_id::{KeyId, Reference};
use crate::limits;
use crate::refusal::Refusal;
use crate::service::Inner;
use crate::spec::{KeySpec, Usage};
use gateway::Caller;
use names::{AccountId, Instant};

/// Grants hold at once here, so a token adds nothing; but it has to be one.
pub(crate) fn check_tokens(tokens: Option<&[String]>) -> Result<(), Refusal> {
    let tokens = tokens.unwrap_or_default();
    match tokens.len() <= limits::GRANT_TOKENS_MAX && tokens.iter().all(|token| GrantId::of_token(token).is_some()) {
        true => Ok(()),
        false => Err(Refusal::new(&errors::INVALID_GRANT_TOKEN_EXCEPTION, "The grant token is not valid.")),
    }
}

/// Nitro enclaves take what only they can open; there are none here.
pub(crate) fn no_enclaves() -> Refusal {
    Refusal::unsupported("This version of tidewire knows no Recipient: there are no Nitro enclaves here.")
}

/// AWS grants to services with the constraint SourceArn alone, and looks for such grants for services alone.
pub(crate) fn no_services() -> Refusal {
    Refusal::unsupported("This version of tidewire has no grants to service principals.")
}

/// What a grant's operations are of its key.
pub(crate) fn check_operations(key: &Key, operations: &[String]) -> Result<(), Refusal> {
    if operations.is_empty() {
        return Err(Refusal::validation("Operations must not be empty."));
    }
    let fits = |operation: &str| match operation {
        "Encrypt" | "Decrypt" | "ReEncryptFrom" | "ReEncryptTo" => key.usage == Usage::Encrypt,
        "GenerateDataKey"
        | "GenerateDataKeyWithoutPlaintext"
        | "GenerateDataKeyPair"
        | "GenerateDataKeyPairWithoutPlaintext" => key.spec == KeySpec::Symmetric,
        "Sign" | "Verify" => key.usage == Usage::Sign,
        "GenerateMac" | "VerifyMac" => key.usage == Usage::Mac,
        "GetPublicKey" => key.spec.is_asymmetric(),
        _ => true,
    };
    match operations.iter().find(|operation| !fits(operation)) {
        Some(operation) => Err(Refusal::validation(format!(
            "Operation {operation} is not valid for a key with the usage {} and the spec {}.",
            key.usage.name(),
            key.spec.name()
        ))),
        None => Ok(()),
    }
}

/// The grant that a request asks for.
pub(crate) fn of_request(
    caller: &Caller,
    id: GrantId,
    now: Instant,
    input: CreateGrantRequest,
) -> Result<Grant, Refusal> {
    if input.grantee_service_principal.is_some() || input.retiring_service_principal.is_some() {
        return Err(no_services());
    }
    let terms = terms(&input);
    let grantee = input.grantee_principal.ok_or_else(|| Refusal::validation("GranteePrincipal is required."))?;
    let constraints = input.constraints.unwrap_or_default();
    if constraints.source_arn.is_some() {
        return Err(Refusal::unsupported("This version of tidewire knows no SourceArn in the constraints of a grant."));
    }
    Ok(Grant {
        id,
        name: input.name.map(Into::into),
        created_at: now,
        grantee: grantee.into(),
        retiring: input.retiring_principal.map(Into::into),
        issuer: caller.account,
        terms,
    })
}

/// What the grant that a request asks for lets happen.
pub(crate) fn terms(input: &CreateGrantRequest) -> Terms {
    let context = |pairs: &Option<Vec<(String, String)>>| pairs.clone().map(|pairs| Context::new(Some(pairs)));
    let constraints = input.constraints.as_ref();
    Terms {
        operations: input.operations.iter().map(|operation| Box::from(operation.as_str())).collect(),
        equals: constraints.and_then(|constraints| context(&constraints.encryption_context_equals)),
        subset: constraints.and_then(|constraints| context(&constraints.encryption_context_subset)),
    }
}

/// The value of `kms:GrantConstraintType`.
pub(crate) fn constraint_type(constraints: &GrantConstraints) -> Option<&'static str> {
    let equals = constraints.encryption_context_equals.as_ref().map(|_| "EncryptionContextEquals");
    equals.or(constraints.encryption_context_subset.as_ref().map(|_| "EncryptionContextSubset"))
}

/// A grant as it is listed.
pub(crate) fn entry(key: &KeyId, grant: &Grant) -> GrantListEntry {
    let pairs = |context: &Option<Context>| context.as_ref().map(|context| context.pairs().to_vec());
    let (subset, equals) = (pairs(&grant.terms.subset), pairs(&grant.terms.equals));
    let constraints = (subset.is_some() || equals.is_some()).then(|| GrantConstraints {
        encryption_context_subset: subset,
        encryption_context_equals: equals,
        ..GrantConstraints::default()
    });
    GrantListEntry {
        key_id: Some(key.to_string()),
        grant_id: Some(grant.id.to_string()),
        name: grant.name.as_deref().map(Into::into),
        creation_date: Some(timestamp(grant.created_at)),
        grantee_principal: Some(grant.grantee.to_string()),
        retiring_principal: grant.retiring.as_deref().map(Into::into),
        issuing_account: Some(format!("arn:aws:iam::{}:root", grant.issuer)),
        operations: Some(grant.terms.operations.iter().map(ToString::to_string).collect()),
        constraints,
        ..GrantListEntry::default()
    }
}

/// Which grant RetireGrant means.
pub(crate) struct Meant {
    pub(crate) account: AccountId,
    pub(crate) key: KeyId,
    pub(crate) grant: GrantId,
}

/// It is named by its token, or by its key and its id. A token does not say whose key it is of: whoever may retire a grant may
/// be of another account.
pub(crate) fn meant(service: &Inner, caller: &Caller, input: &RetireGrantRequest) -> Result<Meant, Refusal> {
    match (&input.grant_token, &input.key_id, &input.grant_id) {
        (Some(token), _, _) => {
            let found = GrantId::of_token(token);
            let (key, grant) = found
                .ok_or_else(|| Refusal::new(&errors::INVALID_GRANT_TOKEN_EXCEPTION, "The grant token is not valid."))?;
            let account = service.catalog.owner(key.bytes()).map_or(caller.account, |(account, _)| account);
            Ok(Meant { account, key, grant })
        }
        (None, Some(key), Some(grant)) => {
            let (account, key) = Reference::of_key(key, caller.account, &caller.region)?;
            let missing = || Refusal::not_found(format!("Grant ID {grant} not found"));
            Ok(Meant { account, key, grant: GrantId::parse(grant).ok_or_else(missing)? })
        }
        _ => Err(Refusal::validation("Specify either a grant token, or a key ID and a grant ID.")),
    }
}
