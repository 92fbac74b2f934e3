//! Draws policies and their statements.

use super::draw::{CALLERS, Draw, OURS, THEIRS};
use serde_json::{Map, Value, json};

/// What the statement stands in.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Identity,
    Resource,
    Trust,
}

const OTHER_ACTIONS: &[&str] = &["sqs:DeleteMessage", "s3:PutObject", "sns:*", "kms:*", "sts:*", "kinesis:Get*"];
const OTHER_RESOURCES: &[&str] = &[
    "arn:aws:sqs:us-east-1:111111111111:mail",
    "arn:aws:s3:::downloads/*",
    "arn:aws:sns:*:222222222222:*",
    "arn:aws:kms:us-east-1:111111111111:key/*",
];

impl Draw {
    /// A policy of the caller's own.
    pub(crate) fn own(&mut self) -> Value {
        let count = self.rng.usize(1..4);
        let statements: Vec<Value> = (0..count).map(|_| self.statement(Place::Identity)).collect();
        json!({ "Version": "2012-10-17", "Statement": statements })
    }

    /// A policy of an organization: mostly it allows everything and refuses something.
    pub(crate) fn broad(&mut self) -> Value {
        let mut statements = vec![json!({ "Effect": "Allow", "Action": "*", "Resource": "*" })];
        if self.chance(60) {
            statements.push(self.statement(Place::Identity));
        }
        if self.chance(15) {
            statements.remove(0);
            statements.push(self.statement(Place::Identity));
        }
        json!({ "Version": "2012-10-17", "Statement": statements })
    }

    /// A policy that refuses, of the resource's organization.
    pub(crate) fn refusals(&mut self) -> Value {
        let mut statement = self.statement(Place::Identity);
        statement["Effect"] = json!("Deny");
        statement["Principal"] = json!("*");
        // AWS takes neither NotAction nor every action there.
        statement.as_object_mut().expect("a statement is an object").remove("NotAction");
        let service = self.target.action.split(':').next().expect("an action has a service");
        statement["Action"] = json!(self.pick(&[self.target.action, &format!("{service}:*")]));
        json!({ "Version": "2012-10-17", "Statement": [statement] })
    }

    /// The policy of the resource: of either version, because old ones are still there.
    pub(crate) fn of_resource(&mut self) -> Value {
        let place = if self.target.action == "sts:AssumeRole" { Place::Trust } else { Place::Resource };
        let version = if self.chance(85) { "2012-10-17" } else { "2008-10-17" };
        let statements: Vec<Value> = (0..self.rng.usize(1..4)).map(|_| self.statement(place)).collect();
        json!({ "Version": version, "Statement": statements })
    }

    fn statement(&mut self, place: Place) -> Value {
        let mut statement = Map::new();
        let allows = self.chance(75);
        statement.insert("Effect".into(), json!(if allows { "Allow" } else { "Deny" }));
        if place != Place::Identity {
            let not = place == Place::Resource && self.chance(6);
            statement.insert(if not { "NotPrincipal" } else { "Principal" }.into(), self.principal(not));
        }
        let not = place != Place::Trust && self.chance(6);
        statement.insert(if not { "NotAction" } else { "Action" }.into(), self.actions(place));
        if place != Place::Trust {
            let not = self.chance(6);
            statement.insert(if not { "NotResource" } else { "Resource" }.into(), self.resources());
        }
        if self.chance(if allows { 35 } else { 60 }) {
            statement.insert("Condition".into(), self.conditions());
        }
        Value::Object(statement)
    }

    fn actions(&mut self, place: Place) -> Value {
        if place == Place::Trust {
            return json!(self.pick(&["sts:AssumeRole", "sts:AssumeRole", "sts:AssumeRole*", "sts:TagSession"]));
        }
        let (service, name) = self.target.action.split_once(':').expect("an action has a colon");
        let action = match self.rng.usize(..8) {
            0 => "*".to_owned(),
            1 => format!("{service}:*"),
            2 => format!("{service}:{}*", &name[..3]),
            3 => format!("{}:*{}", service.to_uppercase(), &name[3..]),
            4 => format!("{service}:{}?{}", &name[..2], &name[3..].to_lowercase()),
            5 => self.pick(OTHER_ACTIONS).to_owned(),
            _ => self.target.action.to_owned(),
        };
        if self.chance(25) { json!([self.pick(OTHER_ACTIONS), action]) } else { json!(action) }
    }

    fn resources(&mut self) -> Value {
        let whole = self.target.resource;
        let parts: Vec<&str> = whole.splitn(6, ':').collect();
        let cut = whole.rfind(['/', ':']).map_or(0, |place| place + 1);
        let (before, last) = whole.split_at(cut);
        let half = last.len() / 2;
        let resource = match self.rng.usize(..12) {
            0..3 => "*".to_owned(),
            3 => format!("{before}*"),
            4 => format!("{before}{}*", &last[..half]),
            5 => format!("{before}*{}", &last[half..]),
            6 => format!("{before}{}?{}", &last[..half], &last[half + 1..]),
            7 => format!("arn:aws:{}:{}:*:{}", parts[2], if parts[3].is_empty() { "" } else { "*" }, parts[5]),
            8 if !parts[3].is_empty() => format!("arn:aws:{}:{}*1:{}:{}", parts[2], &parts[3][..2], parts[4], parts[5]),
            9 => self.variable_resource(before),
            10 => self.pick(OTHER_RESOURCES).to_owned(),
            _ => whole.to_owned(),
        };
        match self.rng.u32(..100) {
            0..2 if !parts[3].is_empty() => json!(format!("arn:aws:{}:*", parts[2])),
            2..4 if !parts[3].is_empty() => json!(format!("arn:aws:{}:*:{}", parts[2], parts[5])),
            4..25 => json!([self.pick(OTHER_RESOURCES), resource]),
            _ => json!(resource),
        }
    }

    /// A variable in the last part; with a default now and then.
    fn variable_resource(&mut self, before: &str) -> String {
        match self.rng.usize(..4) {
            0 => format!("{before}${{aws:username}}"),
            1 => format!("{before}${{aws:userid}}*"),
            2 => format!("{before}${{aws:username, 'jobs'}}"),
            _ => format!("{before}*${{*}}*"),
        }
    }

    fn principal(&mut self, not: bool) -> Value {
        let known: Vec<&str> = CALLERS.iter().copied().filter(|name| name.starts_with("arn:")).collect();
        let mut named: Vec<&str> = (0..self.rng.usize(1..3)).map(|_| self.pick(&known)).collect();
        match self.rng.usize(..10) {
            0 | 1 if !not => return json!("*"),
            2 if !not => return json!({ "AWS": "*" }),
            3 if !not => return json!({ "Service": self.pick(&["sns.amazonaws.com", "s3.amazonaws.com"]) }),
            4 => named.push(self.pick(&[OURS, THEIRS])),
            5 if self.caller == "arn:aws:sts::111111111111:assumed-role/r/s" => {
                named.extend(["arn:aws:iam::111111111111:role/r", OURS]);
            }
            6..9 if self.caller.starts_with("arn:") => named.push(self.caller),
            _ => {}
        }
        if not && self.chance(50) {
            named.push(OURS);
        }
        if self.chance(10) {
            return json!({ "AWS": named, "Service": "sns.amazonaws.com" });
        }
        if let [one] = named.as_slice() { json!({ "AWS": one }) } else { json!({ "AWS": named }) }
    }
}
