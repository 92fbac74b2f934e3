//! What DryRunModifiers ask for: whether a key may be used, without a ciphertext to use it on.

use crate::asked::Asked;
use crate::refusal::Refusal;
use crate::service::Inner;
use crate::using::for_encryption;

/// Whether nobody looks at the ciphertext. The modifiers say nothing where it is no dry run (API reference, Decrypt).
pub(crate) fn ignores_ciphertext(dry_run: Option<bool>, modifiers: Option<&[String]>) -> bool {
    dry_run == Some(true) && modifiers.unwrap_or_default().iter().any(|modifier| modifier == "IGNORE_CIPHERTEXT")
}

/// Whether a ciphertext of the key that is named could be opened. Without a ciphertext somebody has to name it.
pub(crate) async fn check_opening(
    service: &Inner,
    caller: &Asked,
    named: Option<&str>,
    operation: &str,
    algorithm: &str,
) -> Result<(), Refusal> {
    let named = named.ok_or_else(|| Refusal::validation("A key ID is required where the ciphertext is ignored."))?;
    for_encryption(&service.key(caller, named).await?.key, operation, algorithm).map(drop)
}
