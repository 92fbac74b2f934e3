//! Draws conditions: every operator with keys whose values it can read, and now and then with others.

use super::draw::{Draw, MANY_VALUED};
use serde_json::{Map, Value, json};

/// Keys and the values that requests have.
pub(crate) const POOLS: &[(&str, &[&str])] = &[
    ("aws:username", &["u", "jobs", "a*"]),
    ("aws:userid", &["AIDAX", "news", "AROAX:s"]),
    ("aws:SourceAccount", &["111111111111", "222222222222"]),
    ("aws:UserAgent", &["Boto3/1.40", "aws-cli/2.9", ""]),
    ("aws:SourceArn", &["arn:aws:s3:::uploads", "arn:aws:sns:eu-west-1:111111111111:news", "arn:aws:s3:::a:b"]),
    ("aws:PrincipalArn", &["arn:aws:iam::111111111111:user/u", "arn:aws:iam::111111111111:role/r"]),
    ("aws:SecureTransport", &["true", "false"]),
    ("aws:MultiFactorAuthPresent", &["true", "false"]),
    ("aws:MultiFactorAuthAge", &["0", "299", "300", "1200"]),
    ("aws:CurrentTime", &["2026-11-22T10:30:00Z", "2026-11-23T00:00:00Z"]),
    ("aws:TokenIssueTime", &["2026-11-22T10:00:00Z", "2025-01-01T00:00:00Z"]),
    ("aws:SourceIp", &["10.1.2.3", "203.0.113.7", "2001:db8::7"]),
    ("aws:TagKeys", &["team", "cost", "Team"]),
    ("aws:CalledVia", &["athena.amazonaws.com", "kms.amazonaws.com"]),
];

/// What a kind of operator is drawn with.
struct Family {
    operators: &'static [&'static str],
    keys: &'static [&'static str],
    values: &'static [&'static str],
}

const FAMILIES: &[Family] = &[
    Family {
        operators: &[
            "StringEquals",
            "StringNotEquals",
            "StringEqualsIgnoreCase",
            "StringNotEqualsIgnoreCase",
            "StringLike",
            "StringNotLike",
        ],
        keys: &["aws:username", "aws:userid", "aws:SourceAccount", "aws:UserAgent", "AWS:useragent"],
        values: &[
            "u",
            "U",
            "jobs",
            "j*",
            "?",
            "*",
            "a*",
            "111111111111",
            "Boto3/*",
            "AWS-CLI/2.9",
            "",
            "AIDAX",
            "AROA*:s",
            "${aws:username}",
            "${aws:userid}*",
            "x${*}",
            "${aws:username, 'u'}",
        ],
    },
    Family {
        operators: &["StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringLike", "StringNotLike"],
        keys: MANY_VALUED,
        values: &["team", "cost", "TEAM", "t*", "*", "kms.amazonaws.com", "*.amazonaws.com"],
    },
    Family {
        operators: &[
            "NumericEquals",
            "NumericNotEquals",
            "NumericLessThan",
            "NumericLessThanEquals",
            "NumericGreaterThan",
            "NumericGreaterThanEquals",
        ],
        keys: &["aws:MultiFactorAuthAge"],
        values: &["0", "299", "300", "300.5", "1200", "1000"],
    },
    Family {
        operators: &[
            "DateEquals",
            "DateNotEquals",
            "DateLessThan",
            "DateLessThanEquals",
            "DateGreaterThan",
            "DateGreaterThanEquals",
        ],
        keys: &["aws:CurrentTime", "aws:TokenIssueTime"],
        values: &["2026-11-22T10:30:00Z", "2026-11-23T00:00:00Z", "2026-11-22", "2025-01-01T00:00:00Z", "1795343400"],
    },
    Family {
        operators: &["Bool"],
        keys: &["aws:SecureTransport", "aws:MultiFactorAuthPresent"],
        values: &["true", "false"],
    },
    Family {
        operators: &["IpAddress", "NotIpAddress"],
        keys: &["aws:SourceIp"],
        values: &["10.0.0.0/8", "203.0.113.7", "203.0.113.0/29", "2001:db8::/32", "0.0.0.0/0", "::/0", "10.1.2.3/32"],
    },
    Family {
        operators: &["ArnEquals", "ArnNotEquals", "ArnLike", "ArnNotLike"],
        keys: &["aws:SourceArn", "aws:PrincipalArn"],
        values: &[
            "arn:aws:s3:::uploads",
            "arn:aws:s3:*:*:up*",
            "arn:aws:sns:*:111111111111:news",
            "arn:aws:*:*:*:*",
            "arn:aws:iam::111111111111:user/${aws:username}",
            "arn:aws:s3:::a*b",
            "arn:aws:iam::*:role/r",
            "arn:aws:sns:*:news",
            "arn:aws:iam::111111111111:user/?",
        ],
    },
    Family {
        operators: &["Null"],
        keys: &["aws:username", "aws:TagKeys", "aws:SourceIp", "aws:TokenIssueTime"],
        values: &["true", "false"],
    },
    Family { operators: &["BinaryEquals"], keys: &["aws:username"], values: &["am9icw==", "jobs", "dQ=="] },
];

impl Draw {
    /// The Condition element: one operator or two.
    pub(crate) fn conditions(&mut self) -> Value {
        let mut element: Map<String, Value> = Map::new();
        for _ in 0..self.rng.usize(1..3) {
            let family = &FAMILIES[self.rng.usize(..FAMILIES.len())];
            let key = self.pick(family.keys);
            let name = self.operator(family, key);
            let keys = element.entry(name).or_insert_with(|| json!({}));
            keys[key] = self.values(family.values);
        }
        Value::Object(element)
    }

    fn operator(&mut self, family: &Family, key: &str) -> String {
        let base = self.pick(family.operators);
        if base == "Null" {
            return base.to_owned();
        }
        let many = MANY_VALUED.contains(&key);
        let set = match self.rng.u32(..100) {
            0..45 if many => "ForAllValues:",
            45..90 if many => "ForAnyValue:",
            0..3 => "ForAllValues:",
            3..6 => "ForAnyValue:",
            _ => "",
        };
        format!("{set}{base}{}", if self.chance(15) { "IfExists" } else { "" })
    }

    fn values(&mut self, pool: &[&'static str]) -> Value {
        match self.rng.usize(1..4) {
            1 => json!(self.pick(pool)),
            count => json!((0..count).map(|_| self.pick(pool)).collect::<Vec<_>>()),
        }
    }
}
