//! A KMS on a simulated disk, asked as a gateway asks it: JSON in, JSON or an error's name and words out.

use access::{Policy, Sort};
use engine::{ManualClock, Store};
use gateway::{Caller, Identity, Prepared, Service, Unprepared};
use journal::Options;
use journal::sim::SimDisk;
use kms::{Elsewhere, Kms};
use names::{AccountId, Instant, Region};
use seal::{LocalRootKey, Secret};
use serde_json::{Value, json};
use std::sync::Arc;
use wire::json::{self, JsonReader};

/// The moment at which houses open.
pub(crate) const OPENED_AT: Instant = Instant::from_millis(1_700_000_000_000);

pub(crate) struct House {
    pub(crate) kms: Kms,
    pub(crate) store: Arc<Store>,
    pub(crate) clock: Arc<ManualClock>,
}

impl House {
    pub(crate) fn open(disk: &Arc<SimDisk>) -> Self {
        Self::open_at(disk, OPENED_AT)
    }

    pub(crate) fn open_at(disk: &Arc<SimDisk>, now: Instant) -> Self {
        // One thread does everything here.
        Self::open_with(disk, now, Arc::new(|work: kms::Work| work()))
    }

    pub(crate) fn open_with(disk: &Arc<SimDisk>, now: Instant, elsewhere: Elsewhere) -> Self {
        let mut recovery = Kms::recovery();
        let clock = Arc::new(ManualClock::at(now));
        let options = Options::small(1 << 18);
        let disk = Arc::<SimDisk>::clone(disk);
        let shown: Arc<dyn engine::Clock> = Arc::<ManualClock>::clone(&clock);
        let store = Store::open(disk, options, shown, &mut [&mut recovery]).unwrap();
        let kms = Kms::new(Arc::clone(&store), recovery, Arc::new(LocalRootKey::new(&[7; 32])), elsewhere);
        Self { kms, store, clock }
    }

    /// Asks as the root user of the default account in us-east-1.
    #[expect(clippy::needless_pass_by_value, reason = "a literal is written where it is asked")]
    pub(crate) fn ask(&self, operation: &str, input: Value) -> Result<Value, String> {
        self.ask_as(self.root(), operation, &input)
    }

    pub(crate) fn ask_as(&self, caller: Caller, operation: &str, input: &Value) -> Result<Value, String> {
        self.finish(self.begin(caller, operation, input)?)
    }

    /// Waits for an answer, the disk having what it has to.
    pub(crate) fn finish(&self, answer: gateway::Answer) -> Result<Value, String> {
        let store = Arc::clone(&self.store);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let output = runtime.block_on(async move {
            tokio::pin!(answer);
            loop {
                tokio::select! {
                    biased;
                    output = &mut answer => break output,
                    () = tokio::task::yield_now() => drop(store.journal().commit()),
                }
            }
        });
        shown(output)
    }

    /// Begins an operation, which goes as far as it is polled.
    pub(crate) fn begin(&self, caller: Caller, operation: &str, input: &Value) -> Result<gateway::Answer, String> {
        let prepared = self.prepared(operation, input)?;
        self.allow(&*prepared, &caller)?;
        Ok(prepared.call(caller))
    }

    /// As the gateway asks before it carries anything out: nobody whom policies do not hold.
    #[expect(clippy::unused_self, reason = "the house allows")]
    pub(crate) fn allow(&self, prepared: &dyn Prepared, caller: &Caller) -> Result<(), String> {
        if !caller.is_held_to_policies() {
            return Ok(());
        }
        let needs = prepared.needs(caller).map_err(refused)?;
        let denied = needs.iter().find_map(|need| caller.may(need).err());
        denied.map_or(Ok(()), |denied| Err(format!("AccessDeniedException: {}", denied.sentence)))
    }

    /// An operation whose input was read and checked.
    pub(crate) fn prepared(&self, operation: &str, input: &Value) -> Result<Box<dyn Prepared>, String> {
        let shape = self.kms.describe().shape;
        let index = shape.operations.iter().position(|known| known.name == operation).unwrap();
        let text = input.to_string();
        match self.kms.prepare(index, &mut JsonReader::new(text.as_bytes()).unwrap()) {
            Ok(prepared) => Ok(prepared),
            Err(Unprepared::Refused(why)) => Err(refused(why)),
            Err(Unprepared::Malformed(invalid)) => panic!("{operation}: {invalid}"),
        }
    }

    /// The root user of the default account in us-east-1.
    pub(crate) fn root(&self) -> Caller {
        let region = Region::parse("us-east-1").unwrap();
        Caller::for_test(AccountId::DEFAULT, region, engine::Clock::now(&*self.clock))
    }

    /// A user of an account, held to these statements: none, if it may nothing.
    pub(crate) fn user(&self, account: &str, name: &str, statements: &Value) -> Caller {
        let arn = format!("arn:aws:iam::{account}:user/{name}");
        let mut identity = Identity::bare(access::Caller::parse(&arn).unwrap(), Secret::new(*b"secret"));
        if *statements != Value::Null {
            let text = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
            identity.policies.push(Arc::new(Policy::parse("own", &text, Sort::Identity).unwrap()));
        }
        self.root().proved(Arc::new(identity))
    }

    /// Makes a key with these members and gives its id.
    pub(crate) fn key(&self, input: Value) -> String {
        let made = self.ask("CreateKey", input).unwrap();
        made["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned()
    }
}

/// An answer as JSON, or the error's name and words.
pub(crate) fn shown(answered: Result<gateway::Answered, gateway::Refused>) -> Result<Value, String> {
    let value = |answered: gateway::Answered| serde_json::from_slice(&json::encode(answered.output())).unwrap();
    answered.map(value).map_err(refused)
}

#[expect(clippy::needless_pass_by_value, reason = "map_err hands it over")]
fn refused(refused: gateway::Refused) -> String {
    format!("{}: {}", refused.error.name, refused.message)
}
