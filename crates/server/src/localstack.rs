//! LocalStack's developer pages: a queue's messages looked at, and everything reset.
//!
//! `/_aws/sqs/messages` and `/_aws/sqs/messages/<region>/<account>/<name>` show messages as ReceiveMessage would, in XML, in the
//! JSON that such XML is turned into, or to an SDK that has the page as its endpoint; `ShowInvisible` and `ShowDelayed` add the
//! others. They are read with our own peek through our own front door, so nothing is consumed. A page ends after some
//! thousand messages and then says from where the next one goes on, as `NextToken`, which is asked for by that name; LocalStack
//! shows everything at once, and a queue here may hold more than memory. Source: LocalStack's
//! `services/sqs/developer_api.py` and its tests.
//!
//! A reset deletes all queues, streams, lease tables, keys and identities of all accounts, durably, and only in `tidewire dev`. A request that
//! a web page sends carries its Origin, and is refused: who opens a page must not lose their queues.

use crate::client::{Client, Credentials, Endpoint, Failure, Target};
use crate::mode::Mode;
use crate::push_messages;
use gateway::{Asked, Gateway, Origin, Page};
use iam::Iam;
use kinesis::Kinesis;
use kms::Kms;
use leases::Leases;
use serde_json::{Map, Value, json};
use sns::Sns;
use sqs::Sqs;
use std::sync::Arc;

const MESSAGES: &str = "/_aws/sqs/messages";
const RESETS: [&str; 2] = ["/_localstack/state/reset", "/moto-api/reset"];
const PIPE_BYTES: usize = 64 << 10;
/// Messages looked at in one step; what a peek takes at the most.
const STEP: usize = 100;
/// Messages of one page, and bytes of their bodies: what is in memory at once. A step more may be in it.
const PAGE_MESSAGES_MAX: usize = 1000;
const PAGE_BYTES_MAX: usize = 16 << 20;

/// What the pages are made from.
pub(crate) struct LocalStack {
    pub(crate) mode: Mode,
    /// Whether everybody may see everything: requests are not verified.
    pub(crate) is_open: bool,
    pub(crate) gateway: Gateway,
    pub(crate) sqs: Arc<Sqs>,
    pub(crate) iam: Arc<Iam>,
    pub(crate) kms: Arc<Kms>,
    pub(crate) kinesis: Arc<Kinesis>,
    pub(crate) sns: Arc<Sns>,
    pub(crate) leases: Arc<Leases>,
}

/// Whether a path is one of ours.
pub(crate) fn has(path: &str) -> bool {
    RESETS.contains(&path)
        || push_messages::has(path)
        || path.strip_prefix(MESSAGES).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Xml,
    /// XML, turned into JSON member by member.
    JsonOfXml,
    /// What an SDK reads.
    AwsJson,
}

/// Why there is nothing to show.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wrong {
    status: u16,
    code: &'static str,
    message: String,
}

/// Which messages of which queue.
#[derive(Debug, PartialEq, Eq)]
struct Question {
    account: String,
    region: String,
    name: String,
    invisible: bool,
    delayed: bool,
    /// Where the page begins.
    from: String,
}

/// Messages, and where the next page begins if there is one.
struct Found {
    messages: Vec<Value>,
    next: Option<String>,
}

/// How much a reset has deleted: of accounts those that had identities.
struct Deleted {
    topics: usize,
    queues: usize,
    streams: usize,
    tables: usize,
    keys: usize,
    accounts: usize,
}

impl LocalStack {
    /// The page that was asked for.
    pub(crate) async fn answer(&self, asked: Asked<'_>) -> Page {
        if RESETS.contains(&asked.path) {
            return self.reset(&asked).await;
        }
        if !self.is_open {
            return Page::text(403, "Messages are shown without a signature only where auth is not verify.\n");
        }
        if push_messages::has(asked.path) {
            return push_messages::answer(&self.sns, &asked);
        }
        if asked.is_delete {
            return Page::text(405, "This path takes GET, HEAD and POST.\n");
        }
        let form = form(&asked);
        let messages = match question(&asked) {
            Ok(question) => self.messages(&question).await,
            Err(wrong) => Err(wrong),
        };
        match messages {
            Ok(found) => shown(form, &found),
            Err(wrong) => refused(form, &wrong),
        }
    }

    async fn reset(&self, asked: &Asked<'_>) -> Page {
        match (self.mode, asked.is_post, asked.has_origin) {
            (_, false, _) => Page::text(405, "This path takes POST.\n"),
            (Mode::Serve, ..) => Page::text(403, "A server is reset in `tidewire dev` alone.\n"),
            (_, _, true) => Page::text(403, "A web page may not reset a server.\n"),
            _ => match self.delete_all().await {
                Ok(Deleted { topics, queues, streams, tables, keys, accounts }) => {
                    tracing::info!(topics, queues, streams, tables, keys, accounts, "reset");
                    Page::json(200, "{\"status\": \"ok\"}\n")
                }
                Err(error) => Page::text(503, format!("The reset was not carried out whole: {error}.\n")),
            },
        }
    }

    async fn delete_all(&self) -> Result<Deleted, engine::Unavailable> {
        Ok(Deleted {
            // Before the queues that they fill.
            topics: self.sns.delete_all().await?,
            queues: self.sqs.delete_all().await?,
            streams: self.kinesis.delete_all().await?,
            tables: self.leases.delete_all().await?,
            keys: self.kms.delete_all().await?,
            accounts: self.iam.delete_all().await?,
        })
    }

    /// Messages as ReceiveMessage answers them, the states taken out that nobody asked for.
    async fn messages(&self, question: &Question) -> Result<Found, Wrong> {
        let Question { account, region, name, invisible, delayed, from } = question;
        let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
        let gateway = self.gateway.clone();
        let served = tokio::spawn(async move { gateway.serve_connection(theirs, Origin::INSIDE).await });
        let endpoint = Endpoint::parse("localhost:4566").expect("this is an endpoint");
        let credentials = Credentials::of_account(account);
        let target = Target { endpoint, credentials, region: region.clone(), trusted: Vec::new() };
        let mut states = vec!["visible"];
        states.extend(invisible.then_some("in-flight"));
        states.extend(delayed.then_some("delayed"));
        let found = async {
            let mut client = Client::over(target, ours).await?;
            peek(&mut client, &format!("queue/{region}/{account}/{name}"), &states.join(","), from).await
        };
        let found = found.await;
        served.abort();
        let mut found = found.map_err(wrong_of)?;
        found.messages = found.messages.into_iter().map(|message| shaped(message, question)).collect();
        Ok(found)
    }
}

/// What is there in these states, a page of it.
async fn peek(client: &mut Client, queue: &str, states: &str, from: &str) -> Result<Found, Failure> {
    let (mut messages, mut cursor, mut bytes) = (Vec::new(), from.to_owned(), 0);
    loop {
        if messages.len() >= PAGE_MESSAGES_MAX || bytes >= PAGE_BYTES_MAX {
            return Ok(Found { messages, next: Some(cursor) });
        }
        let input = json!({
            "QueueUrl": queue,
            "MaxNumberOfMessages": STEP,
            "MessageAttributeNames": ["All"],
            "MessageSystemAttributeNames": ["All", format!("TidewirePeek:from={cursor}&state={states}")],
        });
        let mut answer = client.call("ReceiveMessage", &input).await?;
        let Value::Array(step) = answer["Messages"].take() else { return Ok(Found { messages, next: None }) };
        let next = step.last().and_then(|last| last["Attributes"]["TidewirePeekNext"].as_str());
        let Some(next) = next else { return Ok(Found { messages, next: None }) };
        cursor = next.to_owned();
        bytes += step.iter().filter_map(|message| message["Body"].as_str()).map(str::len).sum::<usize>();
        messages.extend(step.into_iter().filter(|message| message["Attributes"]["TidewirePeekState"] != "more"));
    }
}

/// A message as LocalStack shows it.
fn shaped(mut message: Value, question: &Question) -> Value {
    let Value::Object(peeked) = message["Attributes"].take() else { return message };
    let state = peeked.get("TidewirePeekState").and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut attributes: Map<String, Value> =
        peeked.into_iter().filter(|(name, _)| !name.starts_with("Tidewire")).collect();
    attributes.entry("ApproximateFirstReceiveTimestamp").or_insert("0".into());
    if question.invisible {
        attributes.insert("IsVisible".into(), (state != "in-flight").to_string().into());
    }
    if question.delayed {
        attributes.insert("IsDelayed".into(), (state == "delayed").to_string().into());
    }
    message["Attributes"] = attributes.into();
    message["ReceiptHandle"] = "SQS/BACKDOOR/ACCESS".into();
    message
}

fn form(asked: &Asked<'_>) -> Form {
    if asked.content_type.contains("x-amz-json") {
        Form::AwsJson
    } else if asked.accept.contains("json") {
        Form::JsonOfXml
    } else {
        Form::Xml
    }
}

/// What is asked for: in the path, the query string, or what an SDK sends to its endpoint.
fn question(asked: &Asked<'_>) -> Result<Question, Wrong> {
    let form = url_encoded(asked);
    let value = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let flag = |name: &str| value(name).is_some_and(|value| matches!(value.to_lowercase().as_str(), "true" | "1"));
    let (invisible, delayed) = (flag("ShowInvisible"), flag("ShowDelayed"));
    let from = page_start(value("NextToken"))?;
    let path = asked.path.strip_prefix(MESSAGES).unwrap_or_default().trim_matches('/');
    if let [region, account, name] = *path.split('/').collect::<Vec<_>>() {
        let (account, region, name) = (account.to_owned(), region.to_owned(), name.to_owned());
        return Ok(Question { account, region, name, invisible, delayed, from });
    }
    let mut from = from;
    let url = if asked.content_type.contains("x-amz-json") {
        let body: Value = serde_json::from_slice(asked.body).unwrap_or_default();
        only_receive(asked.target.rsplit('.').next())?;
        if let Some(token) = body["NextToken"].as_str() {
            from = page_start(Some(token.to_owned()))?;
        }
        body["QueueUrl"].as_str().map(str::to_owned)
    } else {
        if asked.content_type.contains("x-www-form-urlencoded") {
            only_receive(value("Action").as_deref())?;
        }
        value("QueueUrl")
    };
    let url = url.filter(|url| !url.is_empty()).ok_or_else(no_queue)?;
    let (account, region, name) = parse_queue_url(&url).ok_or(Wrong {
        status: 404,
        code: "InvalidAddress",
        message: "The address https://queue.amazonaws.com/ is not valid for this endpoint.".into(),
    })?;
    let region = region.unwrap_or_else(|| asked.caller.region.to_string());
    Ok(Question { account, region, name, invisible, delayed, from })
}

/// Where a page begins: at the start, or where the page before it said.
fn page_start(token: Option<String>) -> Result<String, Wrong> {
    let is_cursor = |token: &String| token.bytes().all(|byte| byte.is_ascii_alphanumeric()) && !token.is_empty();
    match token {
        None => Ok("start".into()),
        Some(token) if is_cursor(&token) => Ok(token),
        Some(_) => {
            let message = "The token is none that a page has given.".into();
            Err(Wrong { status: 400, code: "InvalidParameterValue", message })
        }
    }
}

fn only_receive(operation: Option<&str>) -> Result<(), Wrong> {
    match operation {
        Some("ReceiveMessage") => Ok(()),
        _ => Err(Wrong {
            status: 400,
            code: "InvalidRequest",
            message: "This endpoint only accepts ReceiveMessage calls".into(),
        }),
    }
}

fn no_queue() -> Wrong {
    Wrong {
        status: 400,
        code: "AWS.SimpleQueueService.NonExistentQueue",
        message: "The specified queue does not exist.".into(),
    }
}

fn wrong_of(failure: Failure) -> Wrong {
    match failure {
        failure if failure.is("QueueDoesNotExist") => no_queue(),
        Failure::Refused { message, .. } => Wrong { status: 400, code: "InvalidRequest", message },
        other => Wrong { status: 500, code: "InternalError", message: other.to_string() },
    }
}

/// The pairs of the query string, and of a form.
pub(crate) fn url_encoded(asked: &Asked<'_>) -> Vec<(String, String)> {
    let is_form = asked.content_type.contains("x-www-form-urlencoded");
    let body = if is_form { std::str::from_utf8(asked.body).unwrap_or_default() } else { "" };
    let pairs = asked.query.split('&').chain(body.split('&'));
    let decoded = |text: &str| wire::query::unescape(text).map(std::borrow::Cow::into_owned).unwrap_or_default();
    pairs.filter_map(|pair| pair.split_once('=')).map(|(name, value)| (decoded(name), decoded(value))).collect()
}

/// Account, region if it says one, and name, of every form of URL that LocalStack gives.
fn parse_queue_url(url: &str) -> Option<(String, Option<String>, String)> {
    let (host, path) = url.split_once("://")?.1.split_once('/')?;
    let labels: Vec<&str> = host.split('.').collect();
    let of_host = match labels.as_slice() {
        ["sqs", region, ..] if region.contains('-') => Some((*region).to_owned()),
        [region, "queue", ..] => Some((*region).to_owned()),
        _ => None,
    };
    let is_account = |text: &str| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    match *path.trim_end_matches('/').split('/').collect::<Vec<_>>() {
        ["queue", region, account, name] if is_account(account) => {
            Some((account.to_owned(), Some(region.to_owned()), name.to_owned()))
        }
        [account, name] if is_account(account) => Some((account.to_owned(), of_host, name.to_owned())),
        _ => None,
    }
}

fn shown(form: Form, Found { messages, next }: &Found) -> Page {
    let id = "00000000-0000-0000-0000-000000000000";
    match form {
        Form::AwsJson => {
            let mut answer = json!({ "Messages": messages });
            if let Some(next) = next {
                answer["NextToken"] = next.clone().into();
            }
            aws_json(200, &answer)
        }
        Form::JsonOfXml => {
            let mut messages: Vec<Value> = messages.iter().map(|message| as_xml_members(message).into()).collect();
            // One element is itself, several are a list: XML does not say which is meant.
            let mut result = match messages.len() {
                0 => Value::Null,
                1 => json!({ "Message": messages.remove(0) }),
                _ => json!({ "Message": messages }),
            };
            if let Some(next) = next {
                result["NextToken"] = next.clone().into();
            }
            let metadata = json!({ "RequestId": id });
            json_page(
                200,
                &json!({
                    "ReceiveMessageResponse": { "ReceiveMessageResult": result, "ResponseMetadata": metadata },
                }),
            )
        }
        Form::Xml => {
            let mut body = String::new();
            for message in messages {
                element(&mut body, "Message", &as_xml_members(message).into());
            }
            if let Some(next) = next {
                element(&mut body, "NextToken", &next.clone().into());
            }
            xml(
                200,
                &format!(
                    "<ReceiveMessageResponse xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\"><ReceiveMessageResult>{body}\
                 </ReceiveMessageResult><ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata>\
                 </ReceiveMessageResponse>"
                ),
            )
        }
    }
}

fn refused(form: Form, wrong: &Wrong) -> Page {
    let Wrong { status, code, message } = wrong;
    let kind = if *status < 500 { "Sender" } else { "Receiver" };
    let error = json!({ "Error": { "Type": kind, "Code": code, "Message": message }, "RequestId": "0" });
    match form {
        Form::AwsJson => {
            let shape = if *code == no_queue().code { "QueueDoesNotExist" } else { code };
            aws_json(*status, &json!({ "__type": format!("com.amazonaws.sqs#{shape}"), "message": message }))
        }
        Form::JsonOfXml => json_page(*status, &json!({ "ErrorResponse": error })),
        Form::Xml => {
            let mut body = String::new();
            element(&mut body, "ErrorResponse", &error);
            xml(*status, &body)
        }
    }
}

/// A message's members as the query protocol has them: maps as lists of pairs.
fn as_xml_members(message: &Value) -> Map<String, Value> {
    let mut members = Map::new();
    for name in ["MessageId", "ReceiptHandle", "MD5OfBody", "Body", "MD5OfMessageAttributes"] {
        if let Some(value) = message.get(name) {
            members.insert(name.into(), value.clone());
        }
    }
    for (from, to) in [("Attributes", "Attribute"), ("MessageAttributes", "MessageAttribute")] {
        let pairs = message[from].as_object().into_iter().flatten();
        let pairs: Vec<Value> = pairs.map(|(name, value)| json!({ "Name": name, "Value": value })).collect();
        if !pairs.is_empty() {
            members.insert(to.into(), pairs.into());
        }
    }
    members
}

/// One element, or as many as a list has.
fn element(out: &mut String, name: &str, value: &Value) {
    if let Value::Array(values) = value {
        return values.iter().for_each(|value| element(out, name, value));
    }
    out.push_str(&format!("<{name}>"));
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| element(out, name, value)),
        Value::String(text) => escape(out, text),
        Value::Null => {}
        other => out.push_str(&other.to_string()),
    }
    out.push_str(&format!("</{name}>"));
}

fn escape(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // A reader of XML would make a line feed of it.
            '\r' => out.push_str("&#xD;"),
            other => out.push(other),
        }
    }
}

fn xml(status: u16, body: &str) -> Page {
    let body = format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n{body}");
    Page { status, content_type: "text/xml", body: body.into() }
}

fn json_page(status: u16, value: &Value) -> Page {
    Page::json(status, value.to_string())
}

fn aws_json(status: u16, value: &Value) -> Page {
    Page { status, content_type: "application/x-amz-json-1.0", body: value.to_string().into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_queue_url_is_understood() {
        let found =
            |url: &str| parse_queue_url(url).map(|(account, region, name)| (account, region.unwrap_or_default(), name));
        for (url, region) in [
            ("http://localhost:4566/000000000000/q", ""),
            ("http://localhost:4566/queue/eu-west-1/000000000000/q", "eu-west-1"),
            ("http://sqs.us-east-2.localhost.localstack.cloud:4566/000000000000/q", "us-east-2"),
            ("http://eu-west-2.queue.localhost.localstack.cloud:4566/000000000000/q", "eu-west-2"),
            ("http://queue.localhost.localstack.cloud:4566/000000000000/q", ""),
        ] {
            assert_eq!(found(url), Some(("000000000000".into(), region.into(), "q".into())), "{url}");
        }
        for wrong in ["http://localhost:4566/nonsense", "q", "http://h/12/q", ""] {
            assert_eq!(found(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn text_is_escaped_and_lists_are_repeated() {
        let mut out = String::new();
        element(&mut out, "A", &json!([{ "B": "<&\r\"" }, "x"]));
        assert_eq!(out, "<A><B>&lt;&amp;&#xD;&quot;</B></A><A>x</A>");
    }
}
