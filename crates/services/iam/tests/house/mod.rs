//! Both services over a simulated disk, asked in the forms that clients send and heard in JSON; the clock is set by hand.

#![allow(dead_code, reason = "each test uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a panic is the report")]

use access::sigv4::Keys;
use engine::{Clock, ManualClock, Store, StoreOptions};
use gateway::{Authority, Caller, Identity, Prepared, Proven, Service, Unprepared};
use iam::{Document, Documents, Iam, NotBegun, Options, Sts};
use journal::sim::SimDisk;
use names::{AccountId, Instant, Region};
use seal::LocalRootKey;
use serde_json::Value;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use wire::query::Form;

/// Code and sentence.
pub(crate) type Refused = (String, String);

/// Two services and what they stand on.
pub(crate) struct House {
    pub(crate) iam: Iam,
    pub(crate) sts: Sts,
    pub(crate) store: Arc<Store>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) signing_keys: Arc<Keys>,
}

/// A key with what it signs with.
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) token: Option<String>,
}

struct Nowhere;

impl Documents for Nowhere {
    fn fetch(&self, url: &str, _bytes_max: usize) -> Document {
        let why = format!("{url} cannot be reached in this test");
        Box::pin(async move { Err(why) })
    }
}

/// Bytes that never repeat: chance that a test can live with.
fn chance() -> iam::Chance {
    let count = AtomicU64::new(0);
    Arc::new(move |bytes: &mut [u8]| {
        let mut rng = fastrand::Rng::with_seed(count.fetch_add(1, Ordering::Relaxed));
        rng.fill(bytes);
    })
}

pub(crate) const ACCOUNT: &str = "123456789012";

pub(crate) fn account(digits: &str) -> AccountId {
    AccountId::parse(digits).unwrap()
}

impl House {
    pub(crate) fn new(disk: &Arc<SimDisk>) -> Self {
        Self::with_documents(disk, Arc::new(Nowhere))
    }

    pub(crate) fn with_documents(disk: &Arc<SimDisk>, documents: Arc<dyn Documents>) -> Self {
        Self::open(disk, documents, &[7; 32], "aws").unwrap()
    }

    /// A house in another partition of AWS.
    #[allow(dead_code, reason = "each test program has a part of what there is")]
    pub(crate) fn in_partition(partition: &'static str) -> Self {
        Self::open(&Arc::new(SimDisk::new(1)), Arc::new(Nowhere), &[7; 32], partition).unwrap()
    }

    pub(crate) fn with_root_key(disk: &Arc<SimDisk>, key: &[u8; 32]) -> Result<Self, NotBegun> {
        Self::open(disk, Arc::new(Nowhere), key, "aws")
    }

    fn open(
        disk: &Arc<SimDisk>,
        documents: Arc<dyn Documents>,
        key: &[u8; 32],
        arn_partition: &'static str,
    ) -> Result<Self, NotBegun> {
        let clock = Arc::new(ManualClock::at(Instant::from_millis(1_800_000_000_000)));
        let mut recovery = Iam::recovery();
        let shown: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let options = StoreOptions { journal: journal::Options::small(1 << 20), memory_bytes: 1 << 20, keyring: None };
        let store = Store::open(Arc::<SimDisk>::clone(disk), options, shown, &mut [&mut recovery]).unwrap();
        let signing_keys = Arc::<Keys>::default();
        let options = Options {
            root: Arc::new(LocalRootKey::new(key)),
            chance: chance(),
            signing_keys: Arc::clone(&signing_keys),
            documents,
            arn_partition,
        };
        let (iam, sts) = Iam::begin(&store, recovery, options)?;
        Ok(Self { iam, sts, store, clock, signing_keys })
    }

    /// Asks as the root user of the account.
    pub(crate) fn ask(&self, operation: &str, form: &str) -> Result<Value, Refused> {
        self.ask_as(self.root(ACCOUNT), operation, form)
    }

    /// Nobody whom policies hold.
    pub(crate) fn root(&self, digits: &str) -> Caller {
        Caller::for_test(account(digits), Region::parse("us-east-1").unwrap(), self.clock.now())
    }

    /// Whoever has this key, held to policies.
    pub(crate) fn caller(&self, key: &Key) -> Result<Caller, String> {
        let identity = self.identity(key)?;
        let mut caller = self.root(ACCOUNT).proved(identity);
        caller.access_key = Some(key.id.as_str().into());
        Ok(caller)
    }

    pub(crate) fn identity(&self, key: &Key) -> Result<Arc<Identity>, String> {
        let found = self.iam.identity(&key.id, key.token.as_deref(), self.clock.now());
        found.map_err(|fault| fault.in_query().code.to_owned())
    }

    /// Asks with a key, as the gateway does: needs first.
    pub(crate) fn ask_with(&self, key: &Key, operation: &str, form: &str) -> Result<Value, Refused> {
        let caller = self.caller(key).map_err(|code| (code, String::new()))?;
        self.ask_as(caller, operation, form)
    }

    pub(crate) fn ask_as(&self, caller: Caller, operation: &str, form: &str) -> Result<Value, Refused> {
        let prepared = self.admitted(&caller, operation, form)?;
        self.carry_out(prepared, caller)
    }

    /// An operation that the door has let in, and that has not begun.
    pub(crate) fn admitted(&self, caller: &Caller, operation: &str, form: &str) -> Result<Box<dyn Prepared>, Refused> {
        let service: &dyn Service =
            if self.iam.describe().shape.operation(operation).is_some() { &self.iam } else { &self.sts };
        let index = service.describe().shape.operations.iter().position(|known| known.name == operation).unwrap();
        let form = Form::parse(form.as_bytes(), b"").unwrap();
        let prepared = match service.prepare(index, &mut form.reader()) {
            Ok(prepared) => prepared,
            Err(Unprepared::Refused(refused)) => return Err(told(&refused)),
            Err(Unprepared::Malformed(invalid)) => return Err(("MalformedInput".into(), invalid.to_string())),
        };
        if caller.is_held_to_policies() {
            for need in prepared.needs(caller).map_err(|refused| told(&refused))? {
                caller.may(&need).map_err(|denied| ("AccessDenied".to_owned(), denied.sentence))?;
            }
        }
        Ok(prepared)
    }

    pub(crate) fn carry_out(&self, prepared: Box<dyn Prepared>, caller: Caller) -> Result<Value, Refused> {
        let answered = self.wait(prepared.call(caller)).map_err(|refused| told(&refused))?;
        Ok(serde_json::from_slice(&wire::json::encode(answered.output())).unwrap())
    }

    /// Lets the disk work until the answer is there.
    pub(crate) fn wait<T>(&self, answer: impl Future<Output = T>) -> T {
        let mut answer = pin!(answer);
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..1000 {
            if let Poll::Ready(output) = answer.as_mut().poll(&mut context) {
                return output;
            }
            // A disk without power answers with an error, and so does whoever waits for it.
            let _ = self.store.journal().commit();
        }
        panic!("no answer came");
    }

    /// Uses a key as the gateway does after it was proved; how many records that made.
    pub(crate) fn use_of(&self, key: &Key, service: &'static str) -> u64 {
        let (identity, at) = (self.identity(key).unwrap(), self.clock.now());
        let durable = || {
            self.store.journal().commit().unwrap();
            self.store.journal().durable().get()
        };
        let before = durable();
        if identity.noted.is_due(at) {
            let proven = Proven { access_key: &key.id, identity: &identity, service, region: "us-east-1", at };
            self.iam.note(&proven);
        }
        durable() - before
    }

    /// A user with a key.
    pub(crate) fn user(&self, name: &str) -> Key {
        self.ask("CreateUser", &format!("UserName={name}")).unwrap();
        self.key(name)
    }

    pub(crate) fn key(&self, user: &str) -> Key {
        let made = self.ask("CreateAccessKey", &format!("UserName={user}")).unwrap();
        let text = |name: &str| made["AccessKey"][name].as_str().unwrap().to_owned();
        Key { id: text("AccessKeyId"), secret: text("SecretAccessKey"), token: None }
    }

    /// Puts an inline policy on a user.
    pub(crate) fn allow(&self, user: &str, document: &str) {
        let form = format!("UserName={user}&PolicyName=p&PolicyDocument={}", escaped(document));
        self.ask("PutUserPolicy", &form).unwrap();
    }
}

fn told(refused: &gateway::Refused) -> Refused {
    (refused.error.query_code.to_owned(), refused.message.to_string())
}

/// The key of a session out of STS's answer.
pub(crate) fn session_key(answer: &Value) -> Key {
    let text = |name: &str| answer["Credentials"][name].as_str().unwrap().to_owned();
    Key { id: text("AccessKeyId"), secret: text("SecretAccessKey"), token: Some(text("SessionToken")) }
}

/// As forms carry it.
pub(crate) fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// A document with one statement that allows.
pub(crate) fn allows(action: &str, resource: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"{action}","Resource":"{resource}"}}]}}"#
    )
}

/// A trust policy for one principal.
pub(crate) fn trusts(principal: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{principal}"}},"Action":["sts:AssumeRole","sts:TagSession"]}}]}}"#
    )
}
