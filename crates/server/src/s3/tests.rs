//! The ingress before queues whose policies are in force: both shapes of policy that S3's guide shows, and each of their parts
//! wrong once.

use super::*;
use crate::clock::SystemClock;
use crate::surroundings::SystemSurroundings;
use access::sigv4::{Fault, Keys};
use engine::Store;
use gateway::{Auth, Authority, Options, Pages, Service};
use names::{AccountId, Region};
use prometheus_client::registry::Registry;
use sqs::Sqs;

const OWNER: &str = "111122223333";

/// Nobody has a key.
struct Nobody;

impl Authority for Nobody {
    fn identity(&self, _: &str, _: Option<&str>, _: Instant) -> Result<Arc<Identity>, Fault> {
        Err(Fault::UnknownKey)
    }
}

struct NoPages;

impl Pages for NoPages {
    fn page(&self, _: &str, _: &str) -> Option<Page> {
        None
    }
}

struct House {
    ingress: Ingress,
    sqs: Arc<Sqs>,
    region: Region,
}

impl House {
    fn new() -> Self {
        let clock = Arc::new(SystemClock::start());
        let store = Store::ephemeral(Arc::<SystemClock>::clone(&clock));
        let region = Region::parse("eu-central-1").unwrap();
        let told = sqs::Options {
            home_region: region.clone(),
            limits: sqs::Limits::Raised,
            metered_queues_max: 10,
            keys: sqs::Keys::default(),
        };
        let sqs = Arc::new(Sqs::new(store, Sqs::recovery(), told));
        let services: Vec<Arc<dyn Service>> = vec![Arc::<Sqs>::clone(&sqs)];
        let options = Options {
            services,
            pages: Arc::new(NoPages),
            surroundings: Arc::new(SystemSurroundings(clock)),
            default_account: AccountId::parse(OWNER).unwrap(),
            default_region: region.clone(),
            public_url: None,
            links: gateway::Links::default(),
            limits: gateway::Limits::default(),
            auth: Auth::Verify(Arc::new(Nobody)),
            proxies: Vec::new(),
            organization: None,
            signing_keys: Arc::new(Keys::new()),
        };
        let gateway = Gateway::new(options, &mut Registry::default());
        let notifications = json!({"Buckets": [{
            "Bucket": "uploads", "OwnerAccountId": OWNER, "Region": "eu-central-1", "QueueConfigurations": [{
                "Id": "all", "QueueArn": format!("arn:aws:sqs:eu-central-1:{OWNER}:jobs"), "Events": ["s3:ObjectCreated:*"],
            }],
        }]});
        let notifications = Notifications::parse(&notifications.to_string()).unwrap();
        Self { ingress: Ingress::new(gateway, notifications, Some(Secret::from("right"))), sqs, region }
    }

    async fn create(&self, policy: Option<&Value>) {
        let root = Arc::new(Identity::root(AccountId::parse(OWNER).unwrap()));
        let attributes = policy.map_or(json!({}), |policy| json!({ "Policy": policy.to_string() }));
        let input = json!({ "QueueName": "jobs", "Attributes": attributes }).to_string();
        let gateway = &self.ingress.gateway;
        gateway.act(root, &self.region, ("sqs", "CreateQueue"), input.as_bytes()).await.unwrap();
    }

    async fn report(&self) -> Value {
        let entry = json!({"name": "a.jpg", "attributes": {"file_size": 5, "mtime": 1_795_410_394}});
        let report = json!({"event_type": "create", "key": "/buckets/uploads/a.jpg", "message": {"new_entry": entry}});
        let page = self.ingress.deliver(&seaweed::read(&report).unwrap(), Instant::EPOCH).await;
        assert_eq!(page.status, 200);
        serde_json::from_slice(&page.body).unwrap()
    }
}

fn policy(principal: &Value, action: &str, arn: &str, account: &str) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": principal, "Action": action,
        "Resource": format!("arn:aws:sqs:eu-central-1:{OWNER}:jobs"),
        "Condition": {"ArnLike": {"aws:SourceArn": arn}, "StringEquals": {"aws:SourceAccount": account}},
    }]})
}

#[tokio::test(flavor = "current_thread")]
async fn a_queue_gets_events_of_the_buckets_that_its_policy_names() {
    for principal in [json!({"Service": "s3.amazonaws.com"}), json!("*"), json!({"AWS": "*"})] {
        for arn in ["arn:aws:s3:*:*:uploads", "arn:aws:s3:::uploads"] {
            let house = House::new();
            house.create(Some(&policy(&principal, "SQS:SendMessage", arn, OWNER))).await;
            assert_eq!(house.report().await, json!({"sent": 1, "refused": []}), "{principal} {arn}");
            assert_eq!(house.sqs.totals().visible, 1);
        }
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_queue_gets_nothing_if_any_part_of_its_policy_is_another() {
    let s3 = json!({"Service": "s3.amazonaws.com"});
    let (send, uploads) = ("sqs:SendMessage", "arn:aws:s3:::uploads");
    for wrong in [
        policy(&json!({"Service": "sns.amazonaws.com"}), send, uploads, OWNER),
        policy(&json!({"AWS": format!("arn:aws:iam::{OWNER}:root")}), send, uploads, OWNER),
        policy(&s3, "sqs:ReceiveMessage", uploads, OWNER),
        policy(&s3, send, "arn:aws:s3:::uploads-2", OWNER),
        policy(&s3, send, "arn:aws:s3:::Uploads", OWNER),
        policy(&s3, send, uploads, "444455556666"),
    ] {
        let house = House::new();
        house.create(Some(&wrong)).await;
        let answer = house.report().await;
        assert_eq!((&answer["sent"], house.sqs.totals().visible), (&json!(0), 0), "{wrong}");
        assert_eq!(answer["refused"][0]["error"], "AccessDenied", "{wrong}");
    }
    let house = House::new();
    house.create(None).await;
    assert_eq!(house.report().await["refused"][0]["error"], "AccessDenied");
}

#[tokio::test(flavor = "current_thread")]
async fn a_queue_that_is_not_there_takes_nothing_and_stops_nothing() {
    let answer = House::new().report().await;
    assert_eq!((&answer["sent"], answer["refused"].as_array().map(Vec::len)), (&json!(0), Some(1)));
}

#[test]
fn only_who_knows_the_token_may_report() {
    let ingress = House::new().ingress;
    assert!(ingress.knows_the_token("Bearer right"));
    for wrong in ["", "right", "Bearer wrong", "Bearer right ", "bearer right", "Bearer "] {
        assert!(!ingress.knows_the_token(wrong), "{wrong:?}");
    }
}
