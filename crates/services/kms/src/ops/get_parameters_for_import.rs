//! GetParametersForImport: a public key to wrap material with, and a token to bring it back with.

use crate::api::{GetParametersForImportRequest, GetParametersForImportResponse};
use crate::asked::Asked;
use crate::describe::timestamp;
use crate::needs::{Asking, Saying};
use crate::ops::import;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use gateway::Need;
use std::sync::Arc;

pub(crate) struct GetParametersForImport;

impl Operation for GetParametersForImport {
    type Input = GetParametersForImportRequest;
    type Output = GetParametersForImportResponse;

    fn needs(asking: &Asking<'_>, input: &GetParametersForImportRequest) -> Result<Vec<Need>, Refusal> {
        let saying = Saying::default()
            .text("kms:wrappingalgorithm", Some(&input.wrapping_algorithm))
            .text("kms:wrappingkeyspec", Some(&input.wrapping_key_spec));
        asking.on_saying("GetParametersForImport", &input.key_id, saying)
    }

    async fn call(
        service: Arc<Inner>,
        caller: Asked,
        input: GetParametersForImportRequest,
    ) -> Result<GetParametersForImportResponse, Refusal> {
        let key = service.own_key(&caller, &input.key_id).await?.key;
        import::check_key(&key)?;
        let asked = import::parameters(&service, &key, &input.wrapping_algorithm, &input.wrapping_key_spec);
        let parameters = asked.await?;
        Ok(GetParametersForImportResponse {
            key_id: Some(key.arn()),
            import_token: Some(parameters.token.into()),
            public_key: Some(parameters.public_key.into()),
            parameters_valid_to: Some(timestamp(parameters.valid_to)),
        })
    }
}
