//! Draws a whole case: who, what, to what, and which sorts of policies apply.
//!
//! Names come from small pools, so that policies often speak of the request and of its neighbours.

use fastrand::Rng;
use serde_json::{Map, Value, json};

/// Everything random of one case.
pub(crate) struct Draw {
    pub(crate) rng: Rng,
    pub(crate) target: &'static Target,
    pub(crate) caller: &'static str,
}

/// An action and a resource that it is for.
pub(crate) struct Target {
    pub(crate) action: &'static str,
    pub(crate) resource: &'static str,
    pub(crate) account: &'static str,
}

pub(crate) const OURS: &str = "111111111111";
pub(crate) const THEIRS: &str = "222222222222";

const fn target(action: &'static str, resource: &'static str) -> Target {
    Target { action, resource, account: OURS }
}

const TARGETS: &[Target] = &[
    target("sqs:SendMessage", "arn:aws:sqs:us-east-1:111111111111:jobs"),
    target("sqs:ReceiveMessage", "arn:aws:sqs:us-east-1:111111111111:jobs.fifo"),
    target("sns:Publish", "arn:aws:sns:eu-west-1:111111111111:news"),
    target("kinesis:PutRecord", "arn:aws:kinesis:us-east-1:111111111111:stream/clicks"),
    target("s3:GetObject", "arn:aws:s3:::uploads/a/b:c.txt"),
    target("kms:Decrypt", "arn:aws:kms:us-east-1:111111111111:key/0f1e2d3c-0000-4000-8000-000000000000"),
    target("sts:AssumeRole", "arn:aws:iam::111111111111:role/target"),
    target("iam:GetRole", "arn:aws:iam::111111111111:role/target"),
];

pub(crate) const CALLERS: &[&str] = &[
    "arn:aws:iam::111111111111:user/u",
    "arn:aws:iam::111111111111:user/path/v",
    "arn:aws:sts::111111111111:assumed-role/r/s",
    "arn:aws:iam::111111111111:role/r",
    "arn:aws:iam::111111111111:root",
    "arn:aws:sts::111111111111:federated-user/f",
    "arn:aws:iam::222222222222:user/x",
    "arn:aws:sts::222222222222:assumed-role/q/t",
    "arn:aws:iam::222222222222:root",
    "sns.amazonaws.com",
    "s3.amazonaws.com",
    "anonymous",
];

/// How often each caller is drawn, in the same order: users and sessions are what most rules are about.
const CALLER_WEIGHTS: [u32; 12] = [6, 2, 6, 2, 1, 2, 4, 3, 1, 1, 1, 1];

/// Keys with many values by their nature.
pub(crate) const MANY_VALUED: &[&str] = &["aws:TagKeys", "aws:CalledVia"];

impl Draw {
    pub(crate) fn new(seed: u64, case: u64) -> Self {
        let mut rng = Rng::with_seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ case);
        let target = &TARGETS[rng.usize(..TARGETS.len())];
        let mut weight = rng.u32(..CALLER_WEIGHTS.iter().sum::<u32>());
        let place = CALLER_WEIGHTS.iter().position(|share| {
            let here = weight < *share;
            weight = weight.saturating_sub(*share);
            here
        });
        Self { rng, target, caller: CALLERS[place.expect("the weights add up")] }
    }

    pub(crate) fn pick<T: Copy>(&mut self, pool: &[T]) -> T {
        pool[self.rng.usize(..pool.len())]
    }

    pub(crate) fn chance(&mut self, percent: u32) -> bool {
        self.rng.u32(..100) < percent
    }

    /// What the oracle's program takes.
    pub(crate) fn simulation(&mut self) -> Value {
        let known = self.caller.starts_with("arn:");
        let session = self.caller.starts_with("arn:aws:sts:");
        let bounded = known && !self.caller.ends_with(":root") && self.chance(20);
        let identity: Vec<Value> = match known && !self.caller.ends_with(":root") {
            true => (0..self.rng.usize(0..3)).map(|_| self.own()).collect(),
            false => vec![],
        };
        let boundary: Vec<Value> = if bounded { vec![self.own()] } else { vec![] };
        let session_policy = if session && self.chance(25) { self.own() } else { Value::Null };
        let levels = if known && self.chance(20) { self.rng.usize(1..4) } else { 0 };
        let service_control: Vec<Value> = (0..levels).map(|_| self.level()).collect();
        let resource_control = if self.chance(12) { vec![self.refusals()] } else { vec![] };
        // There is no role without a trust policy.
        let resource_policy =
            if self.target.action == "sts:AssumeRole" || self.chance(65) { self.of_resource() } else { Value::Null };
        let mut simulation = json!({
            "request": {
                "principal": if self.caller == "anonymous" { json!({ "type": "Anonymous" }) } else { json!(self.caller) },
                "action": self.target.action,
                "resource": { "resource": self.target.resource, "accountId": self.target.account },
                "contextVariables": self.context(),
            },
            "identityPolicies": numbered(&identity),
            "serviceControlPolicies": service_control.iter().map(|level| json!({ "orgIdentifier": "o", "policies": level })).collect::<Vec<_>>(),
            "resourceControlPolicies": resource_control.iter().map(|one| json!({ "orgIdentifier": "o", "policies": numbered(std::slice::from_ref(one)) })).collect::<Vec<_>>(),
        });
        let fields = simulation.as_object_mut().expect("it was made one");
        put(fields, "permissionBoundaryPolicies", if bounded { json!(numbered(&boundary)) } else { Value::Null });
        put(fields, "sessionPolicy", session_policy);
        put(fields, "resourcePolicy", resource_policy);
        simulation
    }

    fn level(&mut self) -> Value {
        let policies: Vec<Value> = (0..self.rng.usize(1..3)).map(|_| self.broad()).collect();
        json!(numbered(&policies))
    }

    fn context(&mut self) -> Value {
        let mut variables = Map::new();
        for (key, pool) in super::conditions::POOLS {
            if self.chance(65) {
                let value = match MANY_VALUED.contains(key) {
                    false => json!(self.pick(pool)),
                    true => json!((0..self.rng.usize(1..3)).map(|_| self.pick(pool)).collect::<Vec<_>>()),
                };
                variables.insert((*key).to_owned(), value);
            }
        }
        Value::Object(variables)
    }
}

fn put(fields: &mut Map<String, Value>, name: &str, value: Value) {
    if !value.is_null() {
        fields.insert(name.to_owned(), value);
    }
}

fn numbered(policies: &[Value]) -> Vec<Value> {
    let named = policies.iter().enumerate();
    named.map(|(place, policy)| json!({ "name": format!("p{place}"), "policy": policy })).collect()
}
