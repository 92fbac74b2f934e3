//! DescribeKey: what a key is.

use crate::api::{DescribeKeyRequest, DescribeKeyResponse};
use crate::asked::Asked;
use crate::describe::metadata;
use crate::needs::Asking;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use gateway::Need;
use std::sync::Arc;

pub(crate) struct DescribeKey;

impl Operation for DescribeKey {
    type Input = DescribeKeyRequest;
    type Output = DescribeKeyResponse;

    fn needs(asking: &Asking<'_>, input: &DescribeKeyRequest) -> Result<Vec<Need>, Refusal> {
        asking.on("DescribeKey", &input.key_id)
    }

    async fn call(
        service: Arc<Inner>,
        caller: Asked,
        input: DescribeKeyRequest,
    ) -> Result<DescribeKeyResponse, Refusal> {
        let kept = service.key(&caller, &input.key_id).await?;
        Ok(DescribeKeyResponse { key_metadata: Some(metadata(&kept.key)) })
    }
}
