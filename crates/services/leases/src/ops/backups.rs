//! DescribeContinuousBackups and UpdateContinuousBackups.
//!
//! A table is backed up with everything else that the server keeps (`tidewire backup`) and cannot be brought back to a moment by
//! itself. So point-in-time recovery is off, and whoever asks for it is told so rather than left to believe in it.

use super::consumed::unexpected;
use crate::api::dynamodb::{
    ContinuousBackupsDescription, DescribeContinuousBackupsInput, DescribeContinuousBackupsOutput,
    PointInTimeRecoveryDescription, UpdateContinuousBackupsInput, UpdateContinuousBackupsOutput, errors,
};
use crate::machine::{Command, Reply};
use crate::needs::Asking;
use crate::refusal::Refusal;
use crate::service::{Inner, Target};
use gateway::{Caller, Need, Operation};
use std::sync::Arc;

async fn described(service: &Inner, caller: &Caller, name: &str) -> Result<ContinuousBackupsDescription, Refusal> {
    let target = Target::of(caller, name)?;
    let missing = |_| Refusal::new(&errors::TABLE_NOT_FOUND_EXCEPTION, format!("Table not found: {}", target.table));
    let asked = service.ask(&target.room, Command::Describe(target.table.clone())).await;
    match asked {
        Ok(Reply::Table(_)) => {}
        Ok(other) => return Err(unexpected(&other)),
        Err(refusal) if refusal.error.name == "ResourceNotFoundException" => return Err(missing(refusal)),
        Err(refusal) => return Err(refusal),
    }
    let recovery = PointInTimeRecoveryDescription {
        point_in_time_recovery_status: Some("DISABLED".to_owned()),
        ..PointInTimeRecoveryDescription::default()
    };
    Ok(ContinuousBackupsDescription {
        continuous_backups_status: "ENABLED".to_owned(),
        point_in_time_recovery_description: Some(recovery),
    })
}

pub(crate) struct DescribeContinuousBackups;

impl Operation<Inner> for DescribeContinuousBackups {
    type Input = DescribeContinuousBackupsInput;
    type Output = DescribeContinuousBackupsOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &DescribeContinuousBackupsInput) -> Result<Vec<Need>, Refusal> {
        Ok(vec![Asking { service, caller }.on_table("DescribeContinuousBackups", &input.table_name)?])
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: DescribeContinuousBackupsInput,
    ) -> Result<DescribeContinuousBackupsOutput, Refusal> {
        let described = described(&service, &caller, &input.table_name).await?;
        Ok(DescribeContinuousBackupsOutput { continuous_backups_description: Some(described) })
    }
}

pub(crate) struct UpdateContinuousBackups;

impl Operation<Inner> for UpdateContinuousBackups {
    type Input = UpdateContinuousBackupsInput;
    type Output = UpdateContinuousBackupsOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &UpdateContinuousBackupsInput) -> Result<Vec<Need>, Refusal> {
        Ok(vec![Asking { service, caller }.on_table("UpdateContinuousBackups", &input.table_name)?])
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: UpdateContinuousBackupsInput,
    ) -> Result<UpdateContinuousBackupsOutput, Refusal> {
        let described = described(&service, &caller, &input.table_name).await?;
        if input.point_in_time_recovery_specification.point_in_time_recovery_enabled {
            return Err(Refusal::new(
                &errors::CONTINUOUS_BACKUPS_UNAVAILABLE_EXCEPTION,
                "A lease table has no point-in-time recovery; tidewire backup keeps it with everything else.",
            ));
        }
        Ok(UpdateContinuousBackupsOutput { continuous_backups_description: Some(described) })
    }
}
