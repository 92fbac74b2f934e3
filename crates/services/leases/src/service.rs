//! Both services as the gateway and the server see them: DynamoDB's lease tables, and CloudWatch's sink, over the same rooms.

use crate::api;
use crate::limits;
use crate::machine::{Command, Reply, Room, RoomKey};
use crate::ops;
use crate::records::FAMILY;
use crate::refusal::Refusal;
use crate::rooms::{Put, Rooms};
use engine::{Recovery, Store, Unavailable};
use gateway::{Caller, Description, Operation, Prepared, Refused, Service, Unprepared};
use names::{AccountId, Arn, Region};
use std::sync::Arc;
use wire::schema::ErrorShape;
use wire::{Reader, constraints};

engine::recovery! {
    /// What replays the part of the log that is of lease tables and metrics.
    pub struct LeasesRecovery(Room);
}

/// Amazon DynamoDB, as far as lease tables go.
pub struct Leases(Arc<Inner>);

/// Amazon CloudWatch, as far as putting metrics goes.
pub struct MetricSink(Arc<Inner>);

/// What operations work on.
pub(crate) struct Inner {
    pub(crate) rooms: Rooms,
}

impl Leases {
    /// What takes the records out of the log.
    pub fn recovery() -> LeasesRecovery {
        LeasesRecovery(Recovery::new(FAMILY, Room::default))
    }

    /// Both services, with what was replayed.
    pub fn new(store: Arc<Store>, recovery: LeasesRecovery) -> (Self, MetricSink) {
        let inner = Arc::new(Inner { rooms: Rooms::recovered(store, recovery.0) });
        (Self(Arc::clone(&inner)), MetricSink(inner))
    }

    /// Deletes every table and forgets every metric of every account, and tells how many tables there were.
    pub async fn delete_all(&self) -> Result<usize, Unavailable> {
        self.0.rooms.delete_all().await
    }
}

impl MetricSink {
    /// What was put of each series last.
    pub fn latest(&self) -> Vec<Put> {
        self.0.rooms.metrics()
    }
}

impl Service for Leases {
    fn describe(&self) -> &'static Description {
        static DESCRIPTION: Description = Description {
            id: "dynamodb",
            host_labels: &["dynamodb"],
            shape: &api::dynamodb::SERVICE,
            path_member: None,
            body_bytes_max: limits::REQUEST_BYTES_MAX,
            denied: &api::dynamodb::errors::ACCESS_DENIED_EXCEPTION,
            unsigned: &[],
            crc32: true,
        };
        &DESCRIPTION
    }

    fn prepare(&self, operation: usize, input: &mut dyn Reader) -> Result<Box<dyn Prepared>, Unprepared> {
        let name = api::dynamodb::SERVICE.operations[operation].name;
        match ops::TABLE.iter().find(|(known, _)| *known == name) {
            Some((_, prepare)) => prepare(&self.0, input),
            None => Err(Unprepared::Refused(
                Refusal::unsupported(format!("tidewire keeps lease tables and is no database: it has no {name}."))
                    .into(),
            )),
        }
    }
}

impl Service for MetricSink {
    fn describe(&self) -> &'static Description {
        static DESCRIPTION: Description = Description {
            id: "cloudwatch",
            host_labels: &["monitoring"],
            shape: &api::cloudwatch::SERVICE,
            path_member: None,
            body_bytes_max: limits::METRIC_REQUEST_BYTES_MAX,
            denied: &api::cloudwatch::errors::ACCESS_DENIED_EXCEPTION,
            unsigned: &[],
            crc32: false,
        };
        &DESCRIPTION
    }

    fn prepare(&self, operation: usize, input: &mut dyn Reader) -> Result<Box<dyn Prepared>, Unprepared> {
        match api::cloudwatch::SERVICE.operations[operation].name {
            "PutMetricData" => {
                let error = &api::cloudwatch::errors::VALIDATION_EXCEPTION;
                prepare_of::<ops::put_metric_data::PutMetricData>(&self.0, input, error)
            }
            name => {
                let error = &api::cloudwatch::errors::UNKNOWN_OPERATION_EXCEPTION;
                let said = format!("tidewire takes metrics and shows them on /metrics: it has no {name}.");
                Err(Unprepared::Refused(Refused::new(error, said)))
            }
        }
    }
}

/// A table as a request names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) room: RoomKey,
    pub(crate) table: Box<str>,
}

impl Target {
    /// By its name, or by its ARN.
    pub(crate) fn of(caller: &Caller, name: &str) -> Result<Self, Refusal> {
        let own = RoomKey { account: caller.account, region: caller.region.clone() };
        let (room, table) = match name.starts_with("arn:") {
            false => (own, name),
            true => {
                let (room, table) = of_arn(name).ok_or_else(invalid_name)?;
                if room.region != caller.region {
                    return Err(Refusal::validation(format!("{name} is of another region than {}.", caller.region)));
                }
                (room, table)
            }
        };
        match is_name(table) {
            true => Ok(Self { room, table: table.into() }),
            false => Err(invalid_name()),
        }
    }

    /// The table of an ARN of it, as operations on tags name it.
    pub(crate) fn of_resource(caller: &Caller, arn: &str) -> Result<Self, Refusal> {
        match of_arn(arn) {
            Some(_) => Self::of(caller, arn),
            None => Err(Refusal::validation(format!("Invalid TableArn: Invalid ResourceArn provided as input {arn}"))),
        }
    }

    pub(crate) fn arn(&self) -> String {
        crate::describe::arn(&self.room, &self.table)
    }
}

/// Whether a table or an index may be called this.
pub(crate) fn is_name(name: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    (3..=255).contains(&name.len()) && name.bytes().all(is_legal)
}

/// AWS's sentence for both.
pub(crate) fn invalid_name() -> Refusal {
    Refusal::validation(
        "Invalid table/index name.  Table/index names must be between 3 and 255 characters long, and may contain only the characters a-z, A-Z, 0-9, '_', '-', and '.'",
    )
}

fn of_arn(text: &str) -> Option<(RoomKey, &str)> {
    let arn = Arn::parse(text).ok().filter(|arn| arn.service == "dynamodb")?;
    let region = Region::parse(&arn.region).ok().filter(|region| region.arn_partition() == arn.partition)?;
    let account = AccountId::parse(&arn.account).ok()?;
    let (_, table) = text.rsplit_once(":table/")?;
    Some((RoomKey { account, region }, table))
}

impl Inner {
    /// Asks the room of a table, which may not be there yet.
    pub(crate) async fn ask(&self, room: &RoomKey, command: Command) -> Result<Reply, Refusal> {
        let missing = match &command {
            Command::Describe(name) | Command::Delete(name) => Some(Refusal::no_such_table(name)),
            Command::Change { table, .. } => Some(Refusal::no_such_table(table)),
            Command::Get { .. } | Command::Read(_) | Command::Write(..) => Some(Refusal::no_table()),
            Command::List => None,
            _ => return self.rooms.ask(&*self.rooms.open(room)?, command).await,
        };
        match (self.rooms.find(room), missing) {
            (Some(room), _) => self.rooms.ask(&room, command).await,
            (None, Some(refusal)) => Err(refusal),
            (None, None) => Ok(Reply::Tables(Vec::new())),
        }
    }
}

/// Reads an operation's input. The signature of the entries of `ops::TABLE`.
pub(crate) type Prepare = fn(&Arc<Inner>, &mut dyn Reader) -> Result<Box<dyn Prepared>, Unprepared>;

/// Reads the input of `O`, an operation of DynamoDB, and checks it by the model's rules.
pub(crate) fn prepare<O: Operation<Inner>>(
    service: &Arc<Inner>,
    reader: &mut dyn Reader,
) -> Result<Box<dyn Prepared>, Unprepared>
where
    O::Input: wire::Read + wire::Write,
{
    prepare_of::<O>(service, reader, &api::dynamodb::errors::VALIDATION_EXCEPTION)
}

/// The same of either service, whose error for inputs that break the model's rules this is.
fn prepare_of<O: Operation<Inner>>(
    service: &Arc<Inner>,
    reader: &mut dyn Reader,
    error: &'static ErrorShape,
) -> Result<Box<dyn Prepared>, Unprepared>
where
    O::Input: wire::Read + wire::Write,
{
    let refused = |sentence: String| Unprepared::Refused(Refused::new(error, sentence));
    let input = match <O::Input as wire::Read>::read(reader) {
        Ok(input) => input,
        Err(invalid) => return Err(constraints::missing(&invalid).map_or(Unprepared::Malformed(invalid), refused)),
    };
    match constraints::sentence(&input) {
        Some(sentence) => Err(refused(sentence)),
        None => Ok(gateway::prepared::<Inner, O>(service, input)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_named_by_themselves_or_by_their_arns() {
        let (account, region) = (AccountId::parse("123456789012").unwrap(), Region::parse("eu-west-1").unwrap());
        let caller = Caller::for_test(account, region, names::Instant::EPOCH);
        let named =
            |name: &str| Target::of(&caller, name).map(|target| target.arn()).map_err(|refusal| refusal.message);
        let arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/my.app";
        assert_eq!(named("my.app").as_deref(), Ok(arn));
        assert_eq!(named(arn).as_deref(), Ok(arn));
        for wrong in ["ab", "a b c", "", "arn:aws:sqs:eu-west-1:123456789012:table/my.app", &"a".repeat(256)] {
            assert!(named(wrong).is_err_and(|said| said.starts_with("Invalid table/index name.")), "{wrong}");
        }
        assert!(
            named("arn:aws:dynamodb:us-east-1:123456789012:table/my.app").is_err_and(|said| said.contains("region"))
        );
    }
}
