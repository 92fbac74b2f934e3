//! Keys for other services, on behalf of their callers: [`gateway::KeyUse`].
//!
//! The caller is asked for what it would be asked for had it come itself, with `kms:ViaService` set, so that a key's policy
//! can let a service's users in and nobody else. Data keys have 32 bytes.

use crate::context::Context;
use crate::machine::{Kept, check_usable};
use crate::needs::{Asking, Saying};
use crate::refusal::Refusal;
use crate::service::{Inner, Kms};
use crate::spec::SYMMETRIC_DEFAULT;
use crate::using::for_encryption;
use gateway::{Caller, DataKey, KeyContext, KeyFault, KeyRefusal, KeyUse, Need, Used};
use seal::Secret;

/// Bytes of a data key: AES-256.
const DATA_KEY_BYTES: usize = 32;

impl KeyUse for Kms {
    fn generate_data_key<'a>(
        &'a self,
        caller: &'a Caller,
        key: &'a str,
        context: KeyContext,
        via: &'a str,
    ) -> Used<'a, DataKey> {
        Box::pin(async move { self.0.generate(caller, key, &Context::new(Some(context)), via).await.map_err(worded) })
    }

    fn decrypt_data_key<'a>(
        &'a self,
        caller: &'a Caller,
        blob: &'a [u8],
        context: KeyContext,
        via: &'a str,
    ) -> Used<'a, Secret> {
        Box::pin(async move { self.0.reopen(caller, blob, &Context::new(Some(context)), via).await.map_err(worded) })
    }

    fn check_decrypt<'a>(
        &'a self,
        caller: &'a Caller,
        key: &'a str,
        context: KeyContext,
        via: &'a str,
    ) -> Used<'a, ()> {
        Box::pin(async move { self.0.check(caller, key, &Context::new(Some(context)), via).await.map_err(worded) })
    }

    fn check_key<'a>(&'a self, caller: &'a Caller, key: &'a str, via: &'a str) -> Used<'a, ()> {
        Box::pin(async move { self.0.check_key(caller, key, via).await.map_err(worded) })
    }
}

impl Inner {
    async fn generate(&self, caller: &Caller, key: &str, context: &Context, via: &str) -> Result<DataKey, Refusal> {
        let operation = "GenerateDataKey";
        let kept = self.allowed(caller, operation, key, saying(context, via)).await?;
        let secret = self.vault.chance_of(DATA_KEY_BYTES);
        let blob = self.encrypt(&kept.key, operation, SYMMETRIC_DEFAULT, secret.expose(), context)?;
        Ok(DataKey { secret, blob: blob.into() })
    }

    async fn reopen(&self, caller: &Caller, blob: &[u8], context: &Context, via: &str) -> Result<Secret, Refusal> {
        let (kept, number) = self.key_of(caller, blob).await?;
        if caller.is_held_to_policies() {
            allow(caller, &Asking::new(self, caller).on_ciphertext("Decrypt", blob, saying(context, via))?)?;
        }
        self.unseal(&kept.key, number, blob, context)
    }

    async fn check(&self, caller: &Caller, key: &str, context: &Context, via: &str) -> Result<(), Refusal> {
        let kept = self.allowed(caller, "Decrypt", key, saying(context, via)).await?;
        check_usable(&kept.key)
    }

    async fn check_key(&self, caller: &Caller, key: &str, via: &str) -> Result<(), Refusal> {
        let saying = Saying::default().text("kms:viaservice", Some(via));
        let kept = self.allowed(caller, "DescribeKey", key, saying).await?;
        for_encryption(&kept.key, "GenerateDataKey", SYMMETRIC_DEFAULT).map(drop)
    }

    /// The key that a text names, for somebody who may do this with it: with that one, wherever its alias goes.
    async fn allowed(&self, caller: &Caller, name: &str, key: &str, saying: Saying<'_>) -> Result<Kept, Refusal> {
        let reference = {
            let asking = Asking::new(self, caller);
            allow(caller, &asking.on_saying(name, key, saying)?)?;
            asking.meant.into_inner().reference(caller, key)?
        };
        self.find(caller, &reference).await
    }
}

fn saying<'a>(context: &'a Context, via: &str) -> Saying<'a> {
    Saying { context: Some(context), ..Saying::default() }.text("kms:viaservice", Some(via))
}

fn allow(caller: &Caller, needs: &[Need]) -> Result<(), Refusal> {
    needs.iter().try_for_each(|need| caller.may(need)).map_err(|denied| Refusal::access_denied(denied.sentence))
}

fn worded(refusal: Refusal) -> KeyRefusal {
    let fault = match refusal.error.0.name {
        "AccessDeniedException" => KeyFault::AccessDenied,
        "DisabledException" => KeyFault::Disabled,
        "NotFoundException" | "InvalidArnException" => KeyFault::NotFound,
        "KMSInvalidStateException" => KeyFault::InvalidState,
        "InvalidCiphertextException" => KeyFault::Ciphertext,
        "InvalidKeyUsageException" => KeyFault::InvalidUsage,
        "ThrottlingException" => KeyFault::Throttled,
        _ => KeyFault::Unavailable,
    };
    KeyRefusal { fault, message: refusal.message.into_owned() }
}
