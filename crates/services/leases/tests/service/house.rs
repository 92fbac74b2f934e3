//! Both services over a simulated disk, asked and heard in JSON; the clock is set by hand.

use access::{Policy, Sort};
use engine::{Clock, ManualClock, Store, StoreOptions};
use gateway::{Caller, Identity, Service, Unprepared};
use journal::sim::SimDisk;
use leases::{Leases, MetricSink};
use names::{AccountId, Instant, Region};
use serde_json::{Value, json};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use wire::json::JsonReader;

/// The moment at which houses are opened.
pub(crate) const OPENED_AT: Instant = Instant::from_millis(1_800_000_000_000);

pub(crate) const ACCOUNT: &str = "123456789012";

/// An error: its code, its sentence, and what it has beside them.
#[derive(Debug, PartialEq)]
pub(crate) struct Refused {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) members: Value,
}

/// Two services and what they stand on.
pub(crate) struct House {
    pub(crate) leases: Leases,
    pub(crate) sink: MetricSink,
    pub(crate) store: Arc<Store>,
    pub(crate) clock: Arc<ManualClock>,
}

impl House {
    pub(crate) fn new() -> Self {
        Self::open(&Arc::new(SimDisk::new(1)))
    }

    pub(crate) fn open(disk: &Arc<SimDisk>) -> Self {
        let clock = Arc::new(ManualClock::at(OPENED_AT));
        let shown: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let mut recovery = Leases::recovery();
        let options = StoreOptions { journal: journal::Options::small(1 << 20), memory_bytes: 1 << 20, keyring: None };
        let store = Store::open(Arc::<SimDisk>::clone(disk), options, shown, &mut [&mut recovery]).unwrap();
        let (leases, sink) = Leases::new(Arc::clone(&store), recovery);
        Self { leases, sink, store, clock }
    }

    /// One that keeps nothing beyond the test, for what is much.
    pub(crate) fn in_memory() -> Self {
        let clock = Arc::new(ManualClock::at(OPENED_AT));
        let store = Store::ephemeral(Arc::<ManualClock>::clone(&clock));
        let (leases, sink) = Leases::new(Arc::clone(&store), Leases::recovery());
        Self { leases, sink, store, clock }
    }

    /// The root user of the account, who may do everything.
    pub(crate) fn root(&self) -> Caller {
        Caller::for_test(AccountId::parse(ACCOUNT).unwrap(), Region::parse("us-east-1").unwrap(), self.clock.now())
    }

    /// A user whom this policy holds.
    pub(crate) fn user(&self, policy: &Value) -> Caller {
        let caller = access::Caller::parse(&format!("arn:aws:iam::{ACCOUNT}:user/worker")).unwrap();
        let policy = Policy::parse("p", &policy.to_string(), Sort::Identity).unwrap();
        let identity = Identity { policies: vec![Arc::new(policy)], ..Identity::bare(caller, "secret".into()) };
        self.root().proved(Arc::new(identity))
    }

    pub(crate) fn ask(&self, operation: &str, input: Value) -> Result<Value, Refused> {
        self.ask_as(self.root(), operation, &input)
    }

    /// Asks as the gateway does: needs first.
    pub(crate) fn ask_as(&self, caller: Caller, operation: &str, input: &Value) -> Result<Value, Refused> {
        let service: &dyn Service = if operation == "PutMetricData" { &self.sink } else { &self.leases };
        let index = service.describe().shape.operations.iter().position(|known| known.name == operation).unwrap();
        let bytes = input.to_string();
        let mut reader = JsonReader::new(bytes.as_bytes()).unwrap();
        let prepared = match service.prepare(index, &mut reader) {
            Ok(prepared) => prepared,
            Err(Unprepared::Refused(refused)) => return Err(told(&refused)),
            Err(Unprepared::Malformed(invalid)) => {
                return Err(Refused { code: "Malformed".into(), message: invalid.to_string(), members: Value::Null });
            }
        };
        if caller.is_held_to_policies() {
            for need in prepared.needs(&caller).map_err(|refused| told(&refused))? {
                let denied = |message| Refused { code: "AccessDenied".into(), message, members: Value::Null };
                caller.may(&need).map_err(|why| denied(why.sentence))?;
            }
        }
        let answered = self.wait(prepared.call(caller)).map_err(|refused| told(&refused))?;
        Ok(serde_json::from_slice(&wire::json::encode(answered.output())).unwrap())
    }

    /// Polls to the end; what waits for the disk has it written.
    pub(crate) fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let mut context = Context::from_waker(Waker::noop());
        loop {
            if let Poll::Ready(done) = work.as_mut().poll(&mut context) {
                return done;
            }
            // A disk without power says so to whoever waits for it.
            let _ = self.store.journal().commit();
        }
    }

    /// A lease table, keyed by `leaseKey`.
    pub(crate) fn lease_table(&self, name: &str) {
        self.ask("CreateTable", lease_table(name)).unwrap();
    }

    /// A table keyed by `id` and the number `at`.
    pub(crate) fn sorted_table(&self, name: &str) {
        let input = json!({
            "TableName": name, "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
            "AttributeDefinitions": [
                {"AttributeName": "id", "AttributeType": "S"}, {"AttributeName": "at", "AttributeType": "N"}],
        });
        self.ask("CreateTable", input).unwrap();
    }

    /// The items of a table, by scanning.
    pub(crate) fn items(&self, table: &str) -> Vec<Value> {
        let found = self.ask("Scan", json!({"TableName": table})).unwrap();
        found["Items"].as_array().unwrap().clone()
    }
}

/// What the Kinesis Client Library asks for.
pub(crate) fn lease_table(name: &str) -> Value {
    json!({
        "TableName": name, "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "leaseKey", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "leaseKey", "AttributeType": "S"}],
    })
}

/// A lease as the library writes it.
pub(crate) fn lease(key: &str, counter: u64, owner: Option<&str>) -> Value {
    let mut item = json!({
        "leaseKey": {"S": key}, "leaseCounter": {"N": counter.to_string()}, "checkpoint": {"S": "TRIM_HORIZON"},
        "checkpointSubSequenceNumber": {"N": "0"}, "ownerSwitchesSinceCheckpoint": {"N": "0"},
    });
    if let Some(owner) = owner {
        item["leaseOwner"] = json!({"S": owner});
    }
    item
}

/// The code of what was refused.
pub(crate) fn code(asked: Result<Value, Refused>) -> String {
    asked.unwrap_err().code
}

/// The sentence of what was refused as invalid.
pub(crate) fn invalid(asked: Result<Value, Refused>) -> String {
    let refused = asked.unwrap_err();
    assert_eq!(refused.code, "ValidationException", "{}", refused.message);
    refused.message
}

fn told(refused: &gateway::Refused) -> Refused {
    let members = refused
        .members
        .as_ref()
        .map_or(Value::Null, |members| serde_json::from_slice(&wire::json::encode(&*members.0)).unwrap());
    Refused { code: refused.error.name.into(), message: refused.message.to_string(), members }
}
