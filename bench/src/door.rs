//! `bench door`: what it costs that every request is authenticated and allowed.
//!
//! Three servers in one run, turn by turn, get the same bytes: SendMessage of 1 KB, signed by a user of least privilege. One
//! has everything off. One verifies the signature and weighs the user's policy and the queue's, whose conditions ask for
//! facts. One does that too, and its queue is sealed with a customer's key of KMS (SSE-KMS), for which the user's policy lets
//! it be used through SQS alone. What counts is the ratio of the servers' CPU times to that of the first.
//!
//! Then what strangers cost: the same request under wrong signatures, beside the right one, at the server that verifies. Those of
//! version 4A are computations on a curve, so their number from one address is bounded; the loopback is one address.

use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use access::Secret;
use access::sigv4::{Incoming, Signer};
use names::Instant;

use crate::child::Server;
use crate::connection::Connection;
use crate::load::{self, Counts, Plan, Work};
use crate::machine::{self, Machine};
use crate::request;
use crate::scratch::Scratch;
use crate::subject;
use crate::table::{Table, figure};

/// CPU with verification, policies and SSE-KMS may be so many times that without.
const RATIO_MAX: f64 = 1.35;

/// Windows of each server, in turn.
const ROUNDS: usize = 3;

/// A window takes no more messages than this.
const MESSAGES_MAX: u64 = 500_000;

const REGION: &str = "us-east-1";
const ROOT_KEY: &str = "AKIAROOTOFTHEBENCHES";

/// Headers of a SendMessage.
const SEND: [(&str, &str); 2] =
    [("content-type", "application/x-amz-json-1.0"), ("x-amz-target", "AmazonSQS.SendMessage")];

/// What to measure, as the command line says it.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Length of one window in seconds
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Numbers of connections
    #[arg(long, value_delimiter = ',', default_value = "8,64")]
    connections: Vec<usize>,
}

/// An access key.
struct Key {
    id: String,
    secret: Secret,
}

/// What a server does for each request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Guard {
    Off,
    Verify,
    VerifyAndSeal,
}

const GUARDS: [Guard; 3] = [Guard::Off, Guard::Verify, Guard::VerifyAndSeal];

/// A server, and the request that it is sent over and over.
struct Side {
    server: Server,
    request: Vec<u8>,
    /// The queue's, and who may send to it.
    url: String,
    user: Key,
    _folder: Scratch,
}

/// What the server answers a wrong signature, or one too many.
const WRONG: &[&str] = &["signature we calculated", "Rate exceeded", "security token", "Signature expired"];

/// Measures and prints.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    Machine::read().print();
    let runtime = subject::client_runtime()?;
    let mut sides = Vec::new();
    for guard in GUARDS {
        sides.push(runtime.block_on(side(guard))?);
    }
    let mut table = Table::new(&["guard", "connections", "CPU µs", "requests /s", "ratio of CPU", "verdict"], 1);
    for &connections in &options.connections {
        let mut counts = GUARDS.map(|_| Counts::default());
        for _ in 0..ROUNDS {
            for (side, counts) in sides.iter().zip(&mut counts) {
                let window = Duration::from_secs_f64(options.seconds);
                counts.merge(&runtime.block_on(load::run(&side.plan(connections, window))));
            }
        }
        let off = micros(&counts[0])?;
        for (guard, counts) in GUARDS.into_iter().zip(&counts) {
            table.row(row(guard, connections, counts, off)?);
        }
    }
    println!("\n{}", table.render());
    let verifying = &sides[1];
    let mut table = Table::new(&["signature", "connections", "CPU µs", "requests /s", "of a right one"], 1);
    for &connections in &options.connections {
        let mut right = None;
        for (what, work) in strangers(verifying)? {
            let mut counts = Counts::default();
            for _ in 0..ROUNDS {
                let plan = verifying.plan(connections, Duration::from_secs_f64(options.seconds));
                counts.merge(&runtime.block_on(load::run(&Plan { work: work.clone(), ..plan })));
            }
            let micros = micros(&counts)?;
            let ratio = micros / *right.get_or_insert(micros);
            let rate = figure(counts.requests_per_second());
            table.row(vec![what.into(), connections.to_string(), figure(micros), rate, format!("{ratio:.2}")]);
        }
    }
    println!("\n{}\nload at the end {}", table.render(), machine::load());
    Ok(())
}

/// A right request, and what is wrong with others.
fn strangers(side: &Side) -> Result<Vec<(&'static str, Work)>, String> {
    let refused = |request: Vec<u8>| Work::Refused { request, because: WRONG };
    let (address, url) = (side.server.address, &side.url);
    let liar = Key { id: side.user.id.clone(), secret: "another".into() };
    let now = Instant::EPOCH.plus_secs(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs());
    let old = now.minus_millis(24 * 60 * 60 * 1000);
    let over_a_curve = |key: &str, at| refused(over_a_curve(address, key, at, &request::send_message(url)));
    Ok(vec![
        ("right", side.plan(1, Duration::ZERO).work),
        ("wrong", refused(signed(address, &liar, "sqs", &SEND, &request::send_message(url))?)),
        ("version 4A, wrong", over_a_curve(&side.user.id, now)),
        ("version 4A, of a key of nobody", over_a_curve("AKIDOFNOBODYATALL", now)),
        ("version 4A, of yesterday", over_a_curve(&side.user.id, old)),
    ])
}

/// A request under a signature of version 4A that nobody made; two numbers that a verifier cannot tell from right ones.
fn over_a_curve(address: SocketAddr, key: &str, at: Instant, body: &str) -> Vec<u8> {
    let number = format!("02207{}", "5".repeat(63));
    let stamp = access::sigv4::stamp(at);
    let (day, [(_, kind), (_, target)]) = (&stamp[..8], SEND);
    let head = format!(
        "POST / HTTP/1.1\r\nhost: {address}\r\ncontent-type: {kind}\r\nx-amz-target: {target}\r\nx-amz-date: {stamp}\r\n\
         x-amz-region-set: *\r\nauthorization: AWS4-ECDSA-P256-SHA256 Credential={key}/{day}/sqs/aws4_request, \
         SignedHeaders=content-type;host;x-amz-date;x-amz-region-set;x-amz-target, \
         Signature=3044{number}{number}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body.as_bytes()].concat()
}

fn micros(counts: &Counts) -> Result<f64, String> {
    match (&counts.failure, counts.cpu_micros_per_request()) {
        (None, Some(micros)) => Ok(micros),
        (why, _) => Err(format!("a server gave up: {}", why.as_deref().unwrap_or("no request was answered"))),
    }
}

fn row(guard: Guard, connections: usize, counts: &Counts, off: f64) -> Result<Vec<String>, String> {
    let ratio = micros(counts)? / off;
    let verdict = match (guard, ratio <= RATIO_MAX) {
        (Guard::Off, _) => "",
        (_, true) => "within 1.35",
        (_, false) => "MISSED 1.35",
    };
    Ok(vec![
        guard.name().into(),
        connections.to_string(),
        figure(micros(counts)?),
        figure(counts.requests_per_second()),
        format!("{ratio:.2}"),
        verdict.into(),
    ])
}

impl Guard {
    fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Verify => "verify + policies",
            Self::VerifyAndSeal => "verify + policies + SSE-KMS",
        }
    }

    /// The server's `auth`.
    fn auth(self) -> &'static str {
        if self == Self::Off { "off" } else { "verify" }
    }
}

impl Side {
    fn plan(&self, connections: usize, window: Duration) -> Plan {
        let work = Work::Repeat { request: self.request.clone(), messages: 1, confirmed: Some("\"MessageId\"") };
        let (address, pid) = (self.server.address, self.server.pid());
        Plan { address, pid, connections, window, messages_max: MESSAGES_MAX, counts_syncs: false, work }
    }
}

/// A server with a queue and a user; with everything off the same requests are believed.
async fn side(guard: Guard) -> Result<Side, String> {
    let folder = Scratch::new(guard.auth()).map_err(|error| error.to_string())?;
    let root = Key { id: ROOT_KEY.into(), secret: "a-secret-of-the-bench-and-nobody-elses".into() };
    let mut command = Command::new(subject::product_binary()?);
    command.args(["serve", "--listen", "127.0.0.1:0", "--auth", guard.auth(), "--data-dir"]).arg(folder.path());
    command.env("TIDEWIRE_ROOT_ACCESS_KEY_ID", &root.id);
    command.env("TIDEWIRE_ROOT_SECRET_ACCESS_KEY", root.secret.expose_text().unwrap_or_default());
    let server = Server::announced(&mut command, subject::READY_PATIENCE)?;
    let address = server.address;
    let user = user(address, &root).await?;
    let key = match guard {
        Guard::VerifyAndSeal => Some(kms_key(address, &root).await?),
        Guard::Off | Guard::Verify => None,
    };
    let url = queue(address, &root, key.as_deref()).await?;
    let request = signed(address, &user, "sqs", &SEND, &request::send_message(&url))?;
    Ok(Side { server, request, url, user, _folder: folder })
}

/// A user who may send to the queue, with the queue's key where it has one, and no more.
async fn user(address: SocketAddr, root: &Key) -> Result<Key, String> {
    let allowed = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sqs:SendMessage","sqs:GetQueueUrl"],"Resource":"arn:aws:sqs:*:*:jobs*"},{"Effect":"Allow","Action":["kms:GenerateDataKey","kms:Decrypt"],"Resource":"arn:aws:kms:*:*:key/*","Condition":{"StringEquals":{"kms:ViaService":"sqs.us-east-1.amazonaws.com"}}}]}"#;
    iam(address, root, "Action=CreateUser&Version=2010-05-08&UserName=bench").await?;
    let policy = format!(
        "Action=PutUserPolicy&Version=2010-05-08&UserName=bench&PolicyName=p&PolicyDocument={}",
        percent(allowed)
    );
    iam(address, root, &policy).await?;
    let made = iam(address, root, "Action=CreateAccessKey&Version=2010-05-08&UserName=bench").await?;
    let text = |name: &str| {
        let (_, rest) = made.split_once(&format!("<{name}>"))?;
        rest.split_once('<').map(|(text, _)| text.to_owned())
    };
    let key = text("AccessKeyId").zip(text("SecretAccessKey"));
    let (id, secret) = key.ok_or_else(|| format!("no access key in {made}"))?;
    Ok(Key { id, secret: secret.into() })
}

/// A key of the customer's own, whose policy leaves it to those of users.
async fn kms_key(address: SocketAddr, root: &Key) -> Result<String, String> {
    let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", "TrentService.CreateKey")];
    let answer = ask(address, &signed(address, root, "kms", &headers, "{}")?).await?;
    let id = request::members(answer.as_bytes(), "KeyId").first().map(ToString::to_string);
    id.ok_or_else(|| format!("no KeyId in {answer}"))
}

/// A queue with the policy of a bucket's events, and one that wants requests from this machine; sealed with a key if one is
/// given.
async fn queue(address: SocketAddr, root: &Key, key: Option<&str>) -> Result<String, String> {
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"sqs:SendMessage","Resource":"*","Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:s3:*:*:uploads"}}},{"Effect":"Deny","Principal":"*","Action":"sqs:*","Resource":"*","Condition":{"NotIpAddress":{"aws:SourceIp":"127.0.0.0/8"}}}]}"#;
    let mut attributes = serde_json::json!({"Policy": policy});
    if let Some(key) = key {
        attributes["KmsMasterKeyId"] = key.into();
    }
    let body = serde_json::json!({"QueueName": "jobs", "Attributes": attributes}).to_string();
    let headers = [("content-type", "application/x-amz-json-1.0"), ("x-amz-target", "AmazonSQS.CreateQueue")];
    let answer = ask(address, &signed(address, root, "sqs", &headers, &body)?).await?;
    let url = request::members(answer.as_bytes(), "QueueUrl").first().map(ToString::to_string);
    url.ok_or_else(|| format!("no QueueUrl in {answer}"))
}

async fn iam(address: SocketAddr, root: &Key, form: &str) -> Result<String, String> {
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    ask(address, &signed(address, root, "iam", &headers, form)?).await
}

async fn ask(address: SocketAddr, request: &[u8]) -> Result<String, String> {
    let mut connection = Connection::new(address);
    let answer = connection.exchange(request).await.and_then(|answer| answer.ok().map(<[u8]>::to_vec));
    answer.map(|body| String::from_utf8_lossy(&body).into_owned()).map_err(|error| error.to_string())
}

/// A request as bytes, signed with all of its headers.
fn signed(
    address: SocketAddr,
    key: &Key,
    service: &str,
    given: &[(&str, &str)],
    body: &str,
) -> Result<Vec<u8>, String> {
    let host = address.to_string();
    let agent =
        "Boto3/1.42.0 md/Botocore#1.42.0 ua/2.1 os/linux md/arch#x86_64 lang/python#3.11.7 cfg/retry-mode#legacy";
    let given: Vec<(&str, &str)> = [("host", host.as_str())].into_iter().chain(given.iter().copied()).collect();
    let headers: Vec<(&str, &[u8])> = given.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    let plain = Incoming { method: "POST", path: "/", query: "", headers: &headers, body: body.as_bytes() };
    let signer = Signer { access_key: &key.id, secret: &key.secret, token: None, region: REGION, service };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let added = signer.sign(&plain, Instant::EPOCH.plus_secs(now.as_secs()));
    let added = added.map_err(|fault| fault.in_query().message)?;
    let mut head = String::from("POST / HTTP/1.1\r\n");
    for (name, value) in given.into_iter().chain(added.iter().map(|(name, value)| (*name, value.as_str()))) {
        head += &format!("{name}: {value}\r\n");
    }
    head += &format!("user-agent: {agent}\r\naccept-encoding: identity\r\ncontent-length: {}\r\n\r\n", body.len());
    Ok([head.as_bytes(), body.as_bytes()].concat())
}

fn percent(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
