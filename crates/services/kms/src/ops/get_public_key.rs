//! GetPublicKey: the public half.

use crate::api::{GetPublicKeyRequest, GetPublicKeyResponse};
use crate::asked::Asked;
use crate::describe::metadata;
use crate::needs::Asking;
use crate::ops::grants;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use gateway::Need;
use std::sync::Arc;

pub(crate) struct GetPublicKey;

impl Operation for GetPublicKey {
    type Input = GetPublicKeyRequest;
    type Output = GetPublicKeyResponse;

    fn needs(asking: &Asking<'_>, input: &GetPublicKeyRequest) -> Result<Vec<Need>, Refusal> {
        asking.on("GetPublicKey", &input.key_id)
    }

    async fn call(
        service: Arc<Inner>,
        caller: Asked,
        input: GetPublicKeyRequest,
    ) -> Result<GetPublicKeyResponse, Refusal> {
        grants::check_tokens(input.grant_tokens.as_deref())?;
        let key = service.key(&caller, &input.key_id).await?.key;
        if !key.spec.is_asymmetric() {
            let message = format!("{} is not an asymmetric key and has no public key.", key.arn());
            return Err(Refusal::unsupported(message));
        }
        let of = Arc::clone(&key);
        let public_key =
            service.using(caller.account, key.spec, move |service| service.open(&of)?.public_key()).await?;
        let shown = metadata(&key);
        Ok(GetPublicKeyResponse {
            key_id: Some(key.arn()),
            public_key: Some(public_key.into()),
            customer_master_key_spec: shown.customer_master_key_spec,
            key_spec: shown.key_spec,
            key_usage: shown.key_usage,
            encryption_algorithms: shown.encryption_algorithms,
            signing_algorithms: shown.signing_algorithms,
            ..GetPublicKeyResponse::default()
        })
    }
}
