//! StartStreamEncryption and StopStreamEncryption: with which key of KMS records are sealed from now on. What is there stays as it is,
//! and is opened by the key that it was sealed with.

use crate::api::enums::encryption_type;
use crate::api::{StartStreamEncryptionInput, StopStreamEncryptionInput};
use crate::machine::Command;
use crate::needs::Asking;
use crate::refusal::Refusal;
use crate::service::{Inner, Target};
use gateway::{Caller, Need, Operation};
use std::sync::Arc;
use wire::Nothing;

pub(crate) struct StartStreamEncryption;

impl Operation<Inner> for StartStreamEncryption {
    type Input = StartStreamEncryptionInput;
    type Output = Nothing;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        Asking { service, caller }.on("StartStreamEncryption", &of_start(input))
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<Nothing, Refusal> {
        let entry = service.stream(&caller, &of_start(&input)).await?;
        check_type(&input.encryption_type)?;
        // A key that cannot be used would stop all producers.
        service.sealing.check(&caller, &entry.key, &input.key_id).await?;
        let is_limited = service.throttle.is_on();
        entry.ask(Command::Encrypt { key: Some(input.key_id.into()), is_limited }).await.map(|_| Nothing)
    }
}

fn of_start(input: &StartStreamEncryptionInput) -> Target<'_> {
    Target::of(input.stream_name.as_deref(), input.stream_arn.as_deref(), input.stream_id.as_deref())
}

pub(crate) struct StopStreamEncryption;

impl Operation<Inner> for StopStreamEncryption {
    type Input = StopStreamEncryptionInput;
    type Output = Nothing;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        Asking { service, caller }.on("StopStreamEncryption", &of_stop(input))
    }

    /// The key that the request names is not asked for: one that is gone must not keep anybody from stopping.
    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<Nothing, Refusal> {
        let entry = service.stream(&caller, &of_stop(&input)).await?;
        check_type(&input.encryption_type)?;
        let is_limited = service.throttle.is_on();
        entry.ask(Command::Encrypt { key: None, is_limited }).await.map(|_| Nothing)
    }
}

fn of_stop(input: &StopStreamEncryptionInput) -> Target<'_> {
    Target::of(input.stream_name.as_deref(), input.stream_arn.as_deref(), input.stream_id.as_deref())
}

fn check_type(text: &str) -> Result<(), Refusal> {
    match text {
        encryption_type::KMS => Ok(()),
        other => {
            Err(Refusal::invalid(format!("EncryptionType {other} is not valid here: the only valid value is KMS.")))
        }
    }
}
