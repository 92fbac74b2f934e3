//! Data Streams and KMS over one store: JSON in, JSON or an error's name and sentence out.

use access::{Policy, Sort};
use engine::{Clock, ManualClock, Store};
use gateway::{Caller, Identity, Prepared, Service, Unprepared};
use journal::sim::SimDisk;
use journal::{AlignedBuf, Io, Options, padded};
use kinesis::{Keys, Kinesis};
use kms::Kms;
use names::{AccountId, Instant, Region};
use seal::{LocalRootKey, Secret};
use serde_json::{Value, json};
use std::sync::Arc;
use wire::json::{self, JsonReader};

/// The moment at which every house is opened first.
const OPENED_AT: Instant = Instant::from_millis(1_700_000_000_000);

/// What a request came to.
pub(crate) type Outcome = Result<Value, (String, String)>;

pub(crate) struct House {
    pub(crate) kinesis: Kinesis,
    kms: Arc<Kms>,
    pub(crate) store: Arc<Store>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) disk: Arc<SimDisk>,
    is_limited: bool,
    log_bytes: u64,
}

impl House {
    /// A house on a new disk, where AWS's limits hold or do not. What is on the disk is not sealed by the store, so that what is
    /// found sealed there was sealed by the service.
    pub(crate) fn new(is_limited: bool) -> Self {
        Self::open(Arc::new(SimDisk::new(1)), Arc::new(ManualClock::at(OPENED_AT)), is_limited, 1 << 18)
    }

    /// The same with a log that takes requests of megabytes.
    pub(crate) fn roomy(is_limited: bool) -> Self {
        Self::open(Arc::new(SimDisk::new(1)), Arc::new(ManualClock::at(OPENED_AT)), is_limited, 32 << 20)
    }

    fn open(disk: Arc<SimDisk>, clock: Arc<ManualClock>, is_limited: bool, log_bytes: u64) -> Self {
        let (mut of_streams, mut of_keys) = (Kinesis::recovery(), Kms::recovery());
        let io: Arc<dyn Io> = Arc::<SimDisk>::clone(&disk);
        let shown: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let [streams, shards, queues, groups] = of_streams.parts();
        let store =
            Store::open(io, Options::small(log_bytes), shown, &mut [streams, shards, queues, groups, &mut of_keys])
                .unwrap();
        let root = Arc::new(LocalRootKey::new(&[7; 32]));
        // One thread does everything here.
        let elsewhere = Arc::new(|work: kms::Work| work());
        let kms = Arc::new(Kms::new(Arc::clone(&store), of_keys, root, elsewhere));
        let options = kinesis::Options {
            throttled: is_limited,
            keys: Keys::of(Arc::<Kms>::clone(&kms)),
            metered_streams_max: 3,
            metered_shards_max: 2,
        };
        let kinesis = Kinesis::new(Arc::clone(&store), of_streams, options);
        Self { kinesis, kms, store, clock, disk, is_limited, log_bytes }
    }

    /// The same house after an orderly stop.
    pub(crate) fn reopen(self) -> Self {
        self.store.journal().close();
        Self::open(self.disk, self.clock, self.is_limited, self.log_bytes)
    }

    /// Asks Data Streams as the root user of the default account in us-east-1.
    #[expect(clippy::needless_pass_by_value, reason = "a literal is written where it is asked")]
    pub(crate) fn ask(&self, operation: &str, input: Value) -> Outcome {
        self.asked(&self.kinesis, self.root(), operation, &input)
    }

    pub(crate) fn ask_as(&self, caller: Caller, operation: &str, input: &Value) -> Outcome {
        self.asked(&self.kinesis, caller, operation, input)
    }

    /// Asks KMS.
    #[expect(clippy::needless_pass_by_value, reason = "a literal is written where it is asked")]
    pub(crate) fn kms(&self, operation: &str, input: Value) -> Value {
        self.asked(&*self.kms, self.root(), operation, &input).unwrap()
    }

    /// A new key: its id and its ARN.
    pub(crate) fn make_key(&self) -> (String, String) {
        let made = self.kms("CreateKey", json!({}));
        let text = |name: &str| made["KeyMetadata"][name].as_str().unwrap().to_owned();
        (text("KeyId"), text("Arn"))
    }

    /// Lets time pass, and whoever looks once a minute look.
    pub(crate) fn pass(&self, millis: u64) {
        self.clock.advance_millis(millis);
        self.kinesis.tend();
        self.kms.tend();
    }

    /// The root user of the default account in us-east-1.
    pub(crate) fn root(&self) -> Caller {
        Caller::for_test(AccountId::DEFAULT, Region::parse("us-east-1").unwrap(), self.clock.now())
    }

    /// A user of the account, held to these statements.
    pub(crate) fn user(&self, name: &str, statements: &Value) -> Caller {
        let arn = format!("arn:aws:iam::000000000000:user/{name}");
        let caller = access::Caller::parse(&arn).unwrap().with_unique_id(&format!("AIDA{}", name.to_uppercase()));
        let document = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
        let policies = vec![Arc::new(Policy::parse(name, &document, Sort::Identity).unwrap())];
        let identity = Identity { policies, ..Identity::bare(caller, Secret::from("")) };
        self.root().proved(Arc::new(identity))
    }

    fn asked(&self, service: &dyn Service, caller: Caller, operation: &str, input: &Value) -> Outcome {
        let shape = service.describe().shape;
        let index = shape.operations.iter().position(|known| known.name == operation).unwrap();
        let text = input.to_string();
        let prepared = match service.prepare(index, &mut JsonReader::new(text.as_bytes()).unwrap()) {
            Ok(prepared) => prepared,
            Err(Unprepared::Refused(why)) => return Err((why.error.name.to_owned(), why.message.into_owned())),
            Err(Unprepared::Malformed(invalid)) => panic!("{operation}: {invalid}"),
        };
        allow(&*prepared, &caller)?;
        let answer = prepared.call(caller);
        let store = Arc::clone(&self.store);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let answered = runtime.block_on(async move {
            tokio::pin!(answer);
            loop {
                tokio::select! {
                    biased;
                    answered = &mut answer => break answered,
                    () = tokio::task::yield_now() => drop(store.journal().commit()),
                }
            }
        });
        match answered {
            Ok(answered) => Ok(serde_json::from_slice(&json::encode(answered.output())).unwrap_or(Value::Null)),
            Err(refused) => Err((refused.error.name.to_owned(), refused.message.into_owned())),
        }
    }

    /// Names of the files that have these bytes somewhere.
    pub(crate) fn files_with(&self, bytes: &[u8]) -> Vec<String> {
        let has = |name: &String| {
            let file = self.disk.open(name).unwrap();
            let length = usize::try_from(file.len().unwrap()).unwrap();
            let mut pages = AlignedBuf::new(padded(length.max(1)));
            let read = file.read_at(0, &mut pages).unwrap();
            pages[..read].windows(bytes.len()).any(|part| part == bytes)
        };
        self.disk.list().unwrap().into_iter().filter(has).collect()
    }
}

/// As the gateway asks before it carries anything out: nobody whom policies do not hold.
fn allow(prepared: &dyn Prepared, caller: &Caller) -> Result<(), (String, String)> {
    if !caller.is_held_to_policies() {
        return Ok(());
    }
    let needs = prepared.needs(caller).map_err(|why| (why.error.name.to_owned(), why.message.into_owned()))?;
    let denied = needs.iter().find_map(|need| caller.may(need).err());
    denied.map_or(Ok(()), |denied| Err(("AccessDeniedException".into(), denied.sentence)))
}
