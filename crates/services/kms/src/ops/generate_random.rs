//! GenerateRandom: chance.

use crate::api::{GenerateRandomRequest, GenerateRandomResponse};
use crate::asked::Asked;
use crate::needs::{Asking, Saying};
use crate::ops::grants;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use bytes::Bytes;
use gateway::Need;
use std::sync::Arc;

pub(crate) struct GenerateRandom;

impl Operation for GenerateRandom {
    type Input = GenerateRandomRequest;
    type Output = GenerateRandomResponse;

    fn needs(asking: &Asking<'_>, _input: &GenerateRandomRequest) -> Result<Vec<Need>, Refusal> {
        Ok(asking.anything("GenerateRandom", Saying::default()))
    }

    async fn call(
        service: Arc<Inner>,
        _caller: Asked,
        input: GenerateRandomRequest,
    ) -> Result<GenerateRandomResponse, Refusal> {
        input.recipient.is_none().then_some(()).ok_or_else(grants::no_enclaves)?;
        if input.custom_key_store_id.is_some() {
            return Err(Refusal::no_key_stores());
        }
        let bytes = input.number_of_bytes.and_then(|bytes| usize::try_from(bytes).ok());
        let bytes = bytes.ok_or_else(|| Refusal::validation("NumberOfBytes is required."))?;
        let plain = service.vault.chance_of(bytes);
        Ok(GenerateRandomResponse {
            plaintext: Some(Bytes::copy_from_slice(plain.expose())),
            ciphertext_for_recipient: None,
        })
    }
}
