//! What DryRunModifiers ask for: whether a key may be used, without a ciphertext to use it on.

use crate::asked::Asked;
use crate::refusal::Refusal;
use crate::service::Inner;
use crate::using::for_encryption;

/// Whether nobody looks at the ciphertext. The modifiers say nothing where it is no dry run (API reference, Decrypt).
pub(crate) fn ignores_ciphertext(dry_run: Option<bool>, modifiers: Option<&[String]>) -> bool {
    dry_run == Some(true) && modifiers.unwrap_or_default().iter().any(|modifier| modifier == "IGNORE_CIPHERTEXT")
}

/// The key that is asked about where nobody looks at the ciphertext: the one that is named (API reference, Decrypt: KeyId is
/// required then), whatever key a ciphertext that came along names.
pub(crate) fn key(named: Option<&str>) -> Result<&str, Refusal> {
    named.ok_or_else(|| Refusal::validation("A key ID is required where the ciphertext is ignored."))
}

/// Whether a ciphertext of the key that is named could be opened.
pub(crate) async fn check_opening(
    service: &Inner,
    caller: &Asked,
    named: Option<&str>,
    operation: &str,
    algorithm: &str,
) -> Result<(), Refusal> {
    for_encryption(&service.key(caller, key(named)?).await?.key, operation, algorithm).map(drop)
}
