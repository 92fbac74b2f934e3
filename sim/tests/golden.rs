//! A data folder that an earlier version wrote is read by this one: log, segments, checkpoint, manifest and keys, all of it
//! sealed, with what SQS, IAM and KMS keep.
//!
//! `golden/<format>/` lies as it was written, under the root key of 32 sevens, with `facts.json` beside it, which says what must be
//! found. After a change of a format it stays, and `write_a_golden_folder` adds the next. The clock stands where it stood, so
//! nothing in it is ever over.

#![expect(clippy::unwrap_used, reason = "what tests call may unwrap: a panic there is the report")]

use engine::{Clock, Keyring, ManualClock, Store, StoreOptions};
use gateway::{Authority, Caller, Service, Unprepared};
use iam::{Document, Documents, Iam, MadeKey};
use journal::{Io, Options, RealDisk};
use kms::Kms;
use names::{AccountId, Instant, Region};
use seal::{LocalRootKey, Secret};
use serde_json::{Value, json};
use sqs::Sqs;
use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use wire::json::JsonReader;

/// When all of it was written.
const WRITTEN_AT: Instant = Instant::from_millis(1_800_000_000_000);
const FILE_BYTES: u64 = 64 << 10;
const ROOT_KEY: [u8; 32] = [7; 32];
const ACCESS_KEY: &str = "AKIAGOLDENGOLDENGOLD";
const SECRET: &str = "a-secret-that-is-golden";

/// A server without its doors, on a real folder.
struct House {
    store: Arc<Store>,
    sqs: Sqs,
    kms: Arc<Kms>,
    iam: Iam,
}

struct Nowhere;

impl Documents for Nowhere {
    fn fetch(&self, url: &str, _bytes_max: usize) -> Document {
        let why = format!("{url} cannot be reached in this test");
        Box::pin(async move { Err(why) })
    }
}

impl House {
    fn open(folder: &Path) -> Self {
        let disk: Arc<dyn Io> = Arc::new(RealDisk::open(folder).unwrap());
        let root = Arc::new(LocalRootKey::new(&ROOT_KEY));
        let chance = |bytes: &mut [u8]| fastrand::fill(bytes);
        let keyring = Keyring::load(Arc::clone(&disk), root, None, WRITTEN_AT, Arc::new(chance)).unwrap();
        let services = keyring.services();
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(WRITTEN_AT));
        let (mut queues, mut identities, mut keys) = (Sqs::recovery(), Iam::recovery(), Kms::recovery());
        // Memory is scarce, so that contents are read where they lie.
        let (journal, keyring) = (Options::small(FILE_BYTES), Some(Arc::new(keyring)));
        let options = StoreOptions { journal, memory_bytes: 10_000, keyring };
        let store = Store::open(disk, options, clock, &mut [&mut queues, &mut identities, &mut keys]).unwrap();
        let kms = Kms::new(Arc::clone(&store), keys, Arc::clone(&services), Arc::new(|work: kms::Work| work()));
        let kms = Arc::new(kms);
        let home_region = Region::parse("us-east-1").unwrap();
        let told = sqs::Options {
            home_region,
            limits: sqs::Limits::Raised,
            metered_queues_max: 0,
            keys: sqs::Keys::of(Arc::<Kms>::clone(&kms)),
        };
        let sqs = Sqs::new(Arc::clone(&store), queues, told);
        let options = iam::Options {
            root: services,
            chance: Arc::new(chance),
            signing_keys: Arc::default(),
            documents: Arc::new(Nowhere),
            arn_partition: "aws",
        };
        let (iam, _) = Iam::begin(&store, identities, options).unwrap();
        Self { store, sqs, kms, iam }
    }

    fn sqs(&self, operation: &str, input: &Value) -> Value {
        self.ask(&self.sqs, operation, input)
    }

    fn kms(&self, operation: &str, input: &Value) -> Value {
        self.ask(&*self.kms, operation, input)
    }

    fn iam(&self, operation: &str, input: &Value) -> Value {
        self.ask(&self.iam, operation, input)
    }

    fn ask(&self, service: &dyn Service, operation: &str, input: &Value) -> Value {
        let index = service.describe().shape.operations.iter().position(|known| known.name == operation).unwrap();
        let bytes = input.to_string().into_bytes();
        let prepared = match service.prepare(index, &mut JsonReader::new(&bytes).unwrap()) {
            Ok(prepared) => prepared,
            Err(Unprepared::Refused(refused)) => panic!("{operation}: {refused}"),
            Err(Unprepared::Malformed(invalid)) => panic!("{operation}: {invalid}"),
        };
        let mut caller = Caller::for_test(AccountId::DEFAULT, Region::parse("us-east-1").unwrap(), WRITTEN_AT);
        caller.request_id = gateway::RequestId::from_random(fastrand::u128(..));
        match self.wait(prepared.call(caller)) {
            Ok(answered) => serde_json::from_slice(&wire::json::encode(answered.output())).unwrap(),
            Err(refused) => panic!("{operation}: {refused}"),
        }
    }

    fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        for _ in 0..20 {
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                return output;
            }
            self.store.journal().commit().unwrap();
        }
        panic!("it waits for something that does not come");
    }

    fn send(&self, queue: &str, body: &str, more: &Value) -> Value {
        let mut message = json!({"QueueUrl": queue, "MessageBody": body});
        message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.sqs("SendMessage", &message)
    }

    fn received(&self, queue: &str) -> Vec<Value> {
        let asked = json!({"QueueUrl": queue, "MaxNumberOfMessages": 10, "VisibilityTimeout": 3600,
            "AttributeNames": ["All"], "MessageAttributeNames": ["All"]});
        self.sqs("ReceiveMessage", &asked)["Messages"].as_array().cloned().unwrap_or_default()
    }
}

fn bodies(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["Body"].as_str().unwrap()).collect()
}

fn golden(format: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format)
}

/// A copy that may be written to.
fn copied(format: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("golden-{format}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&target);
    fs::create_dir_all(&target).unwrap();
    for file in fs::read_dir(golden(format)).unwrap().map(Result::unwrap) {
        fs::copy(file.path(), target.join(file.file_name())).unwrap();
    }
    target
}

fn names(folder: &Path) -> Vec<String> {
    fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
}

const FIFO: &str = "golden.fifo";
const SIGNING: &str = "RSASSA_PSS_SHA_256";

/// `d29yZHM=` is `words` in base64.
const WORDS: &str = "d29yZHM=";

#[test]
#[ignore = "writes a golden folder; only for a new format, into a folder of its own"]
fn write_a_golden_folder() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("golden-new");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let house = House::open(&folder);
    let facts = fill(&house);
    house.store.journal().close();
    let target = golden("new");
    fs::create_dir_all(&target).unwrap();
    for name in names(&folder).into_iter().filter(|name| !name.starts_with("spare") && name != "lock") {
        fs::copy(folder.join(&name), target.join(&name)).unwrap();
    }
    fs::write(target.join("facts.json"), format!("{facts:#}\n")).unwrap();
    fs::remove_dir_all(&folder).unwrap();
}

/// Writes what lies in segments and checkpoint, retires the log's first files, and writes what lies in the log alone.
fn fill(house: &House) -> Value {
    house
        .wait(house.iam.set_root_key(
            AccountId::DEFAULT,
            &MadeKey { access_key_id: ACCESS_KEY.into(), secret: Secret::from(SECRET.to_owned()) },
        ))
        .unwrap();
    let policy = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}});
    house.iam("CreateUser", &json!({"UserName": "worker"}));
    let inline = json!({"UserName": "worker", "PolicyName": "own", "PolicyDocument": policy.to_string()});
    house.iam("PutUserPolicy", &inline);
    let made = &house.iam("CreateAccessKey", &json!({"UserName": "worker"}))["AccessKey"];
    let key = house.kms("CreateKey", &json!({"Description": "golden"}))["KeyMetadata"]["KeyId"].clone();
    house.kms("CreateAlias", &json!({"AliasName": "alias/golden", "TargetKeyId": key}));
    let context = json!({"tenant": "a"});
    let seal = json!({"KeyId": key, "Plaintext": WORDS, "EncryptionContext": context});
    let sealed = [
        house.kms("Encrypt", &seal),
        house.kms("RotateKeyOnDemand", &json!({"KeyId": key})),
        house.kms("Encrypt", &seal),
    ];
    let grantee = format!("arn:aws:iam::{}:user/worker", AccountId::DEFAULT);
    let grant = json!({"KeyId": key, "GranteePrincipal": grantee, "Operations": ["Decrypt"],
        "Constraints": {"EncryptionContextSubset": context}});
    house.kms("CreateGrant", &grant);
    let attributes = json!({"VisibilityTimeout": "45"});
    house.sqs("CreateQueue", &json!({"QueueName": "plain", "Attributes": attributes, "tags": {"team": "golden"}}));
    let attribute = json!({"MessageAttributes": {"colour": {"DataType": "String", "StringValue": "green"}}});
    house.send("plain", "in a segment", &attribute);
    house.send("plain", "in flight", &json!({}));
    let handle = house.received("plain").into_iter().find(|message| message["Body"] == "in flight").unwrap();
    house.sqs("CreateQueue", &json!({"QueueName": FIFO, "Attributes": {"FifoQueue": "true"}}));
    let first = house.send(FIFO, "first", &json!({"MessageGroupId": "g", "MessageDeduplicationId": "1"}));
    let attributes = json!({"KmsMasterKeyId": "alias/golden"});
    house.sqs("CreateQueue", &json!({"QueueName": "sealed", "Attributes": attributes}));
    house.send("sealed", "under a key of KMS", &json!({}));
    retire(house);
    let pair = json!({"KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY"});
    let pair = house.kms("CreateKey", &pair)["KeyMetadata"]["KeyId"].clone();
    let signed = house.kms("Sign", &json!({"KeyId": pair, "Message": WORDS, "SigningAlgorithm": SIGNING}));
    house.send("plain", "in the log", &json!({}));
    house.send("sealed", "under its next material", &json!({}));
    house.send(FIFO, "second", &json!({"MessageGroupId": "g", "MessageDeduplicationId": "2"}));
    json!({
        "worker": made, "in flight": handle["ReceiptHandle"], "first": first["MessageId"], "pair": pair,
        "sealed": [sealed[0]["CiphertextBlob"], sealed[2]["CiphertextBlob"]], "signature": signed["Signature"],
    })
}

fn retire(house: &House) {
    house.sqs("CreateQueue", &json!({"QueueName": "filler"}));
    for _ in 0..20 {
        house.send("filler", &"x".repeat(8 << 10), &json!({}));
    }
    house.sqs("PurgeQueue", &json!({"QueueUrl": "filler"}));
    for _ in 0..3 {
        house.store.tend().unwrap();
    }
}

/// All that there is to a folder of format 1.
fn check(house: &House, facts: &Value) {
    let shown = house.sqs("GetQueueAttributes", &json!({"QueueUrl": "plain", "AttributeNames": ["All"]}));
    assert_eq!(shown["Attributes"]["VisibilityTimeout"], "45");
    assert_eq!(shown["Attributes"]["ApproximateNumberOfMessagesNotVisible"], "2");
    assert_eq!(house.sqs("ListQueueTags", &json!({"QueueUrl": "plain"}))["Tags"]["team"], "golden");
    assert_eq!(bodies(&house.received("plain")), ["in the log"]);
    let handle = &facts["in flight"];
    house
        .sqs("ChangeMessageVisibility", &json!({"QueueUrl": "plain", "ReceiptHandle": handle, "VisibilityTimeout": 0}));
    let back = house.received("plain");
    assert_eq!((bodies(&back), &back[0]["Attributes"]["ApproximateReceiveCount"]), (vec!["in flight"], &json!("2")));
    let again = house.send(FIFO, "first", &json!({"MessageGroupId": "g", "MessageDeduplicationId": "1"}));
    assert_eq!(again["MessageId"], facts["first"], "what was sent five minutes ago is a duplicate");
    assert_eq!(bodies(&house.received(FIFO)), ["first", "second"]);
    assert_eq!(bodies(&house.received("sealed")), ["under a key of KMS", "under its next material"]);
    for blob in facts["sealed"].as_array().unwrap() {
        let asked = json!({"CiphertextBlob": blob, "EncryptionContext": {"tenant": "a"}});
        assert_eq!(house.kms("Decrypt", &asked)["Plaintext"], WORDS);
    }
    let asked =
        json!({"KeyId": facts["pair"], "Message": WORDS, "SigningAlgorithm": SIGNING, "Signature": facts["signature"]});
    assert_eq!(house.kms("Verify", &asked)["SignatureValid"], true);
    let key = house.kms("DescribeKey", &json!({"KeyId": "alias/golden"}))["KeyMetadata"].clone();
    assert_eq!(key["Description"], "golden");
    let grants = house.kms("ListGrants", &json!({"KeyId": key["KeyId"]}));
    assert_eq!(grants["Grants"][0]["Constraints"]["EncryptionContextSubset"], json!({"tenant": "a"}));
    let root = house.iam.identity(ACCESS_KEY, None, WRITTEN_AT).unwrap();
    assert_eq!(root.secret.expose_text(), Some(SECRET));
    let worker = house.iam.identity(facts["worker"]["AccessKeyId"].as_str().unwrap(), None, WRITTEN_AT).unwrap();
    assert_eq!(worker.secret.expose_text(), facts["worker"]["SecretAccessKey"].as_str());
    assert_eq!(worker.policies.len(), 1);
}

#[test]
fn a_folder_of_format_1_is_read_and_goes_on() {
    let folder = copied("1");
    for kind in ["log-", "segment-", "checkpoint-", "manifest", "keys"] {
        assert!(names(&folder).iter().any(|name| name.starts_with(kind)), "the folder has no {kind}");
    }
    let facts: Value = serde_json::from_slice(&fs::read(folder.join("facts.json")).unwrap()).unwrap();
    fs::remove_file(folder.join("facts.json")).unwrap();
    let house = House::open(&folder);
    check(&house, &facts);
    // What this version writes behind it, it reads as well.
    house.send("sealed", "later", &json!({}));
    retire(&house);
    house.store.journal().close();
    drop(house);
    let house = House::open(&folder);
    assert_eq!(bodies(&house.received("sealed")), ["later"]);
    assert_eq!(house.kms("DescribeKey", &json!({"KeyId": "alias/golden"}))["KeyMetadata"]["Description"], "golden");
    fs::remove_dir_all(&folder).unwrap();
}
