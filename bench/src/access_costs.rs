//! `bench access`: what a decision and a signature cost, in process, without a server.
//!
//! The policies are of the size that queues and their users have: a worker with three policies of eight statements, a
//! queue with a policy of its own, an organization, a boundary; each row adds to the one before or is a case by itself.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use access::sigv4::{Claim, Incoming, Keys, Signer};
use access::{Action, Applicable, Caller, Context, Gate, Policy, Request, Secret, Sort, authorize};

use crate::machine::{self, Machine};
use crate::table::{Table, figure};

/// A decision on the data path may cost so much.
const TARGET_MICROS: f64 = 0.5;

/// A signature over 1 KB with a key that is kept may cost so much: 0.6 of it are the body's digest.
const SIGNATURE_TARGET_MICROS: f64 = 1.5;

/// Signatures in each round.
const SIGNATURES: u32 = 20_000;

/// Signatures over a curve in each round.
const CURVES: u32 = 1_000;

/// Rounds, of which the best counts: the machine's own noise only ever adds.
const ROUNDS: usize = 7;

const QUEUE: &str = "arn:aws:sqs:us-east-1:111111111111:jobs";

/// What to measure, as the command line says it.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Decisions in each round
    #[arg(long, default_value_t = 200_000)]
    decisions: u32,
}

/// All policies of one case.
#[derive(Default)]
struct Case {
    what: &'static str,
    caller: &'static str,
    identity: Vec<Arc<Policy>>,
    boundary: Option<Arc<Policy>>,
    resource: Option<Arc<Policy>>,
    service_control: Vec<Vec<Arc<Policy>>>,
}

/// Measures and prints.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    Machine::read().print();
    let mut table = Table::new(&["decision", "statements", "µs", "verdict"], 1);
    for case in cases()? {
        let (micros, allowed) = measure(&case, options.decisions);
        let verdict = match (allowed, micros <= TARGET_MICROS) {
            (false, _) => return Err(format!("{} was denied", case.what)),
            (true, true) => "within 0.5 µs",
            (true, false) => "MISSED 0.5 µs",
        };
        table.row(vec![case.what.into(), case.statements().to_string(), figure(micros), verdict.into()]);
    }
    println!("\n{}", table.render());
    let mut table = Table::new(&["signature", "body", "µs", "verdict"], 1);
    for body_bytes in [0, 1024, 64 * 1024] {
        let (known, unknown) = (signature(body_bytes, true)?, signature(body_bytes, false)?);
        let verdict = match (body_bytes, known <= SIGNATURE_TARGET_MICROS) {
            (1024, true) => "within 1.5 µs",
            (1024, false) => "MISSED 1.5 µs",
            _ => "",
        };
        table.row(vec!["verified, key kept".into(), body_bytes.to_string(), figure(known), verdict.into()]);
        table.row(vec!["verified, key derived".into(), body_bytes.to_string(), figure(unknown), String::new()]);
    }
    for (what, is_kept) in [("wrong, version 4A, point kept", true), ("wrong, version 4A, point made", false)] {
        table.row(vec![what.into(), "1024".into(), figure(over_a_curve(is_kept)?), String::new()]);
    }
    println!("\n{}\nload at the end {}", table.render(), machine::load());
    Ok(())
}

/// Microseconds to find out that a signature of version 4A is none, with a point that is kept or made anew.
fn over_a_curve(is_kept: bool) -> Result<f64, String> {
    let (now, secret) = (names::Instant::from_millis(1_700_000_000_000), Secret::from("wJalrXUtnFEMI/K7MDENG"));
    let (stamp, number) = (access::sigv4::stamp(now), format!("02207{}", "5".repeat(63)));
    let authorization = format!(
        "AWS4-ECDSA-P256-SHA256 Credential=AKIDEXAMPLE/{}/sqs/aws4_request, \
         SignedHeaders=host;x-amz-date;x-amz-region-set, Signature=3044{number}{number}",
        &stamp[..8]
    );
    let headers: Vec<(&str, &[u8])> = vec![
        ("host", b"127.0.0.1:4566"),
        ("x-amz-date", stamp.as_bytes()),
        ("x-amz-region-set", b"*"),
        ("authorization", authorization.as_bytes()),
    ];
    let request = Incoming { method: "POST", path: "/", query: "", headers: &headers, body: &[b'x'; 1024] };
    let (keys, mut best) = (Keys::new(), Duration::MAX);
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        for _ in 0..CURVES {
            let claim = Claim::read(black_box(&request)).map_err(|fault| format!("{fault:?}"))?;
            if keys.verify(&request, &claim, now, &secret).is_ok() {
                return Err("a signature that nobody made was believed".into());
            }
            if !is_kept {
                keys.forget("AKIDEXAMPLE");
            }
        }
        best = best.min(begun.elapsed());
    }
    Ok(best.as_secs_f64() * 1e6 / f64::from(CURVES))
}

/// Microseconds to verify a SendMessage as boto3 signs it, with a signing key that is kept or derived anew.
fn signature(body_bytes: usize, is_kept: bool) -> Result<f64, String> {
    let (now, secret) = (names::Instant::from_millis(1_700_000_000_000), Secret::from("wJalrXUtnFEMI/K7MDENG"));
    let body = "x".repeat(body_bytes);
    let given: Vec<(&str, &[u8])> = vec![
        ("host", b"127.0.0.1:4566"),
        ("accept-encoding", b"identity"),
        ("content-type", b"application/x-amz-json-1.0"),
        ("x-amz-target", b"AmazonSQS.SendMessage"),
        ("x-amzn-query-mode", b"true"),
        ("user-agent", b"Boto3/1.42.0 md/Botocore#1.42.0 ua/2.1 os/linux md/arch#x86_64 lang/python#3.11.7"),
        ("content-length", b"1024"),
    ];
    let plain = Incoming { method: "POST", path: "/", query: "", headers: &given[..5], body: body.as_bytes() };
    let signer =
        Signer { access_key: "AKIDEXAMPLE", secret: &secret, token: None, region: "us-east-1", service: "sqs" };
    let added = signer.sign(&plain, now).map_err(|fault| format!("{fault:?}"))?;
    let mut headers = given.clone();
    headers.extend(added.iter().map(|(name, value)| (*name, value.as_bytes())));
    let request = Incoming { headers: &headers, ..plain };
    let (keys, mut best) = (Keys::new(), Duration::MAX);
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        for _ in 0..SIGNATURES {
            let claim = Claim::read(black_box(&request)).map_err(|fault| format!("{fault:?}"))?;
            keys.verify(&request, &claim, now, &secret).map_err(|fault| format!("{fault:?}"))?;
            if !is_kept {
                keys.forget("AKIDEXAMPLE");
            }
        }
        best = best.min(begun.elapsed());
    }
    Ok(best.as_secs_f64() * 1e6 / f64::from(SIGNATURES))
}

fn measure(case: &Case, decisions: u32) -> (f64, bool) {
    let caller = Caller::parse(case.caller).expect("the case names a caller");
    let action = Action::new("sqs:SendMessage");
    let mut context = Context::of(&caller);
    context.set("aws:sourceip", std::net::IpAddr::from([10, 1, 2, 3]));
    context.set("aws:securetransport", true);
    context.set("aws:sourcearn", "arn:aws:s3:::uploads");
    context.set("aws:sourceaccount", "111111111111");
    let request = Request {
        caller: &caller,
        action: &action,
        resource: QUEUE,
        resource_account: names::AccountId::parse("111111111111").ok(),
        context: &context,
        gate: Gate::Usual,
    };
    let applicable = case.applicable();
    let mut best = Duration::MAX;
    let mut allowed = true;
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        for _ in 0..decisions {
            allowed &= authorize(black_box(&request), black_box(&applicable)).is_allowed();
        }
        best = best.min(begun.elapsed());
    }
    (best.as_secs_f64() * 1e6 / f64::from(decisions), allowed)
}

impl Case {
    fn applicable(&self) -> Applicable<'_> {
        Applicable {
            identity: &self.identity,
            boundary: self.boundary.as_deref(),
            resource: self.resource.as_deref(),
            service_control: &self.service_control,
            ..Applicable::default()
        }
    }

    fn statements(&self) -> usize {
        let levels = self.service_control.iter().flatten();
        let all = self.identity.iter().chain(&self.boundary).chain(&self.resource).chain(levels);
        all.map(|policy| policy.statements().len()).sum()
    }
}

fn cases() -> Result<Vec<Case>, String> {
    const WORKER: &str = "arn:aws:iam::111111111111:user/worker";
    let allow = r#"{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}"#;
    let worker = |what| -> Result<Case, String> {
        Ok(Case { what, caller: WORKER, identity: (0..3).map(identity).collect::<Result<_, _>>()?, ..Case::default() })
    };
    let organization = || -> Result<_, String> {
        let everything = r#"{"Effect": "Allow", "Action": "*", "Resource": "*"}"#;
        let deny = r#"{"Effect": "Deny", "Action": ["organizations:*", "account:*"], "Resource": "*"}"#;
        let level = || policy(&format!("{everything}, {deny}"), Sort::ServiceControl).map(|policy| vec![policy]);
        Ok(vec![level()?, level()?, level()?])
    };
    Ok(vec![
        Case {
            what: "one statement",
            caller: WORKER,
            identity: vec![policy(allow, Sort::Identity)?],
            ..Case::default()
        },
        worker("three policies of a worker")?,
        Case { resource: Some(queue_policy()?), ..worker("and the queue's own")? },
        Case {
            resource: Some(queue_policy()?),
            boundary: Some(policy(allow, Sort::Identity)?),
            service_control: organization()?,
            ..worker("and a boundary and an organization")?
        },
        Case {
            resource: Some(queue_policy()?),
            caller: "s3.amazonaws.com",
            what: "an event of a bucket",
            ..Case::default()
        },
    ])
}

/// Eight statements, of which the last of the last policy lets the worker send from within its network.
fn identity(number: usize) -> Result<Arc<Policy>, String> {
    let other = (0..7).map(|other| {
        format!(
            r#"{{"Effect": "Allow", "Action": ["s3:Get*", "s3:PutObject", "sns:Publish"],
                "Resource": ["arn:aws:s3:::bucket-{number}-{other}/*", "arn:aws:sns:*:111111111111:t{other}"]}}, "#
        )
    });
    let last = match number {
        2 => {
            r#"{"Effect": "Allow", "Action": ["sqs:SendMessage", "sqs:GetQueueUrl"],
                "Resource": "arn:aws:sqs:*:111111111111:job*",
                "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}, "Bool": {"aws:SecureTransport": "true"}}}"#
        }
        _ => r#"{"Effect": "Deny", "Action": "sqs:DeleteQueue", "Resource": "*"}"#,
    };
    policy(&format!("{}{last}", other.collect::<String>()), Sort::Identity)
}

fn queue_policy() -> Result<Arc<Policy>, String> {
    let text = r#"{"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage",
        "Resource": "arn:aws:sqs:us-east-1:111111111111:jobs",
        "Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:s3:*:*:uploads"},
                      "StringEquals": {"aws:SourceAccount": "111111111111"}}},
        {"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*",
         "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
        {"Effect": "Allow", "Principal": {"AWS": "222222222222"}, "Action": "sqs:SendMessage", "Resource": "*"}"#;
    policy(text, Sort::Resource)
}

fn policy(statements: &str, sort: Sort) -> Result<Arc<Policy>, String> {
    let text = format!(r#"{{"Version": "2012-10-17", "Statement": [{statements}]}}"#);
    Policy::parse("bench", &text, sort).map(Arc::new).map_err(|why| why.to_string())
}
