//! Queues with a key of KMS: for how long an allowance is kept, and whose it is.
//!
//! The keys are a test's own: they count how often they are asked and refuse when told to.

#![allow(clippy::unwrap_used, reason = "a panic is the report")]

mod house;

use access::{Policy, Secret, Sort};
use gateway::{Actions, Caller, DataKey, Fact, Identity, KeyContext, KeyFault, KeyRefusal, KeyUse, Need, Used};
use house::House;
use names::AccountId;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

static KMS: LazyLock<Actions> = LazyLock::new(|| Actions::new("kms", ["Decrypt"]));

/// Seconds for which the queue's data keys are used.
const REUSE_SECS: u64 = 60;

#[derive(Default)]
struct Fake {
    refuses: AtomicBool,
    /// How often data keys were made, opened, and permissions asked for.
    asked: [AtomicUsize; 3],
}

impl Fake {
    fn answer<T: Send + 'static>(&self, what: usize, caller: &Caller, answer: T) -> Used<'static, T> {
        self.asked[what].fetch_add(1, Ordering::Relaxed);
        let need = Need::of(KMS.get("Decrypt"), "arn:aws:kms:us-east-1:000000000000:alias/k", AccountId::DEFAULT);
        let is_refused = self.refuses.load(Ordering::Relaxed) || caller.may(&need).is_err();
        let refusal = KeyRefusal { fault: KeyFault::AccessDenied, message: "no".into() };
        Box::pin(async move { if is_refused { Err(refusal) } else { Ok(answer) } })
    }

    fn counts(&self) -> [usize; 3] {
        self.asked.each_ref().map(|count| count.load(Ordering::Relaxed))
    }
}

impl KeyUse for Fake {
    fn generate_data_key<'a>(&'a self, caller: &'a Caller, _: &'a str, _: KeyContext, _: &'a str) -> Used<'a, DataKey> {
        self.answer(0, caller, DataKey { secret: Secret::from(vec![7; 32]), blob: Arc::from(&b"blob"[..]) })
    }

    fn decrypt_data_key<'a>(&'a self, caller: &'a Caller, _: &'a [u8], _: KeyContext, _: &'a str) -> Used<'a, Secret> {
        self.answer(1, caller, Secret::from(vec![7; 32]))
    }

    fn check_decrypt<'a>(&'a self, caller: &'a Caller, _: &'a str, _: KeyContext, _: &'a str) -> Used<'a, ()> {
        self.answer(2, caller, ())
    }

    fn check_key<'a>(&'a self, _: &'a Caller, _: &'a str, _: &'a str) -> Used<'a, ()> {
        unreachable!("SQS asks for a key when it is used")
    }
}

fn house() -> (House, Arc<Fake>) {
    let keys = Arc::<Fake>::default();
    let house = House::with_keys(sqs::Keys::of(Arc::<Fake>::clone(&keys)));
    let attributes = json!({"KmsMasterKeyId": "alias/k", "KmsDataKeyReusePeriodSeconds": REUSE_SECS.to_string()});
    house.ask("CreateQueue", &json!({"QueueName": "q", "Attributes": attributes})).unwrap();
    (house, keys)
}

/// A session of the one role, with a policy of the session.
fn session(house: &House, access_key: &str, condition: &Value) -> Caller {
    let statement = json!({"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition});
    let document = json!({"Version": "2012-10-17", "Statement": statement}).to_string();
    let policies = vec![Arc::new(Policy::parse("p", &document, Sort::Identity).unwrap())];
    let name = access::Caller::parse("arn:aws:sts::000000000000:assumed-role/r/s").unwrap();
    let mut caller = house.anybody();
    caller.access_key = Some(access_key.into());
    caller.proved(Arc::new(Identity { policies, ..Identity::bare(name, "".into()) }))
}

fn send(house: &House, caller: Caller) -> Result<Value, String> {
    let sent = house.ask_as(caller, "SendMessage", &json!({"QueueUrl": "q", "MessageBody": "b"}));
    sent.map_err(|(name, _)| name)
}

/// What is received, which can be received again at once.
fn receive(house: &House, caller: Caller) -> Result<usize, String> {
    let answer = house.ask_as(caller, "ReceiveMessage", &json!({"QueueUrl": "q", "VisibilityTimeout": 0}));
    let count = |answer: Value| answer["Messages"].as_array().map_or(0, Vec::len);
    answer.map(count).map_err(|(name, _)| name)
}

#[test]
fn what_a_key_allowed_is_allowed_until_the_reuse_period_is_over() {
    let (house, keys) = house();
    let bob = || session(&house, "ASIABOB", &json!({}));
    send(&house, bob()).unwrap();
    assert_eq!(receive(&house, bob()), Ok(1));
    let asked = keys.counts();
    // The key is disabled, or the permission taken away.
    keys.refuses.store(true, Ordering::Relaxed);
    house.clock.advance_millis(REUSE_SECS * 1000 - 1);
    assert_eq!((send(&house, bob()).map(drop), receive(&house, bob())), (Ok(()), Ok(1)));
    assert_eq!(keys.counts(), asked, "nobody is asked within the period");
    house.clock.advance_millis(1);
    assert_eq!(receive(&house, bob()), Err("KmsAccessDenied".into()));
    assert_eq!(send(&house, bob()).map(drop), Err("KmsAccessDenied".into()));
    keys.refuses.store(false, Ordering::Relaxed);
    assert_eq!(receive(&house, bob()), Ok(1));
}

#[test]
fn sessions_of_one_name_share_no_allowance() {
    let (house, _) = house();
    let wide = || session(&house, "ASIAWIDE", &json!({}));
    // SQS asks in the caller's name, and says so.
    let through = || session(&house, "ASIAVIA", &json!({"Bool": {"aws:ViaAWSService": "true"}}));
    let narrow = || session(&house, "ASIANARROW", &json!({"Bool": {"aws:ViaAWSService": "false"}}));
    for caller in [wide(), through()] {
        send(&house, caller.clone()).unwrap();
        assert_eq!(receive(&house, caller), Ok(1));
    }
    assert_eq!(send(&house, narrow()).map(drop), Err("KmsAccessDenied".into()));
    assert_eq!(receive(&house, narrow()), Err("KmsAccessDenied".into()));
}

#[test]
fn a_service_has_an_allowance_for_each_resource_that_it_acts_for() {
    let (house, keys) = house();
    let bucket = |arn: &str, account: &str| {
        let facts = [("aws:sourcearn", arn), ("aws:sourceaccount", account)];
        let facts = facts.map(|(name, value)| (name.into(), Fact::Text(value.into()))).into();
        let s3 = Identity { facts, ..Identity::bare(access::Caller::service("s3.amazonaws.com"), "".into()) };
        // Whoever enforces nothing asks all the same; what is counted is how often.
        let mut caller = house.anybody();
        caller.identity = Arc::new(s3);
        caller
    };
    for (n, (arn, account)) in
        [("arn:aws:s3:::a", "111111111111"), ("arn:aws:s3:::b", "111111111111"), ("arn:aws:s3:::a", "222222222222")]
            .into_iter()
            .enumerate()
    {
        for _ in 0..2 {
            send(&house, bucket(arn, account)).unwrap();
        }
        assert_eq!(keys.counts()[0], n + 1, "{arn} of {account}");
    }
}
