//! LocalStack's developer pages, asked as its own tests ask for them.

use crate::banner::Folder;
use crate::queue::Cli;
use crate::server::Server;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;

/// Status and body of a request with these headers.
fn ask(cli: &Cli, method: &str, path: &str, headers: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(&cli.0.address).unwrap();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}");
    write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

fn json_page(cli: &Cli, query: &str) -> (u16, Value) {
    let (status, body) = ask(cli, "GET", &format!("/_aws/sqs/messages{query}"), "Accept: application/json\r\n", "");
    (status, serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}")))
}

/// The messages of a page: one is itself, several are a list.
fn messages(page: &Value) -> Vec<Value> {
    match &page["ReceiveMessageResponse"]["ReceiveMessageResult"]["Message"] {
        Value::Array(messages) => messages.clone(),
        Value::Null => Vec::new(),
        message => vec![message.clone()],
    }
}

fn bodies(page: &Value) -> Vec<String> {
    messages(page).iter().map(|message| message["Body"].as_str().unwrap().to_owned()).collect()
}

fn attributes(message: &Value) -> BTreeMap<&str, &str> {
    let pairs = message["Attribute"].as_array().unwrap();
    pairs.iter().map(|pair| (pair["Name"].as_str().unwrap(), pair["Value"].as_str().unwrap())).collect()
}

fn queue_of_three(cli: &Cli) {
    cli.done(&["queue", "create", "q"]);
    cli.done(&["queue", "send", "q", "message-1"]);
    cli.done(&["queue", "send", "q", "message-2"]);
    cli.done(&["queue", "send", "q", "message-3", "--delay", "600"]);
}

const URL: &str = "QueueUrl=http://localhost:4566/000000000000/q";

#[test]
fn messages_are_shown_without_consuming_in_xml_and_json() {
    let cli = Cli::start();
    queue_of_three(&cli);
    let (status, xml) = ask(&cli, "GET", &format!("/_aws/sqs/messages?{URL}"), "", "");
    assert_eq!(status, 200, "{xml}");
    assert!(xml.contains("<Message><MessageId>") && xml.contains("<Body>message-2</Body>"), "{xml}");
    assert!(xml.contains("<Attribute><Name>ApproximateReceiveCount</Name><Value>0</Value></Attribute>"), "{xml}");
    let (_, page) = json_page(&cli, &format!("?{URL}"));
    assert_eq!(bodies(&page), ["message-1", "message-2"]);
    let first = &messages(&page)[0];
    assert_eq!(first["MD5OfBody"], "3d6b824fd8c1520e9a047d21fee6fb1f");
    assert_eq!(first["ReceiptHandle"], "SQS/BACKDOOR/ACCESS");
    let shown = attributes(first);
    assert_eq!(shown["SenderId"], "000000000000");
    assert_eq!(shown["ApproximateReceiveCount"], "0");
    assert!(shown.contains_key("SentTimestamp") && shown.contains_key("ApproximateFirstReceiveTimestamp"));
    assert!(shown.keys().all(|name| !name.starts_with("Tidewire")), "{shown:?}");

    cli.done(&["queue", "receive", "q", "--visibility", "0"]);
    let (_, page) = json_page(&cli, &format!("?{URL}"));
    assert_eq!(attributes(&messages(&page)[0])["ApproximateReceiveCount"], "1");
}

#[test]
fn invisible_and_delayed_messages_are_shown_when_asked_for() {
    let cli = Cli::start();
    queue_of_three(&cli);
    cli.done(&["queue", "receive", "q"]);
    assert_eq!(bodies(&json_page(&cli, &format!("?{URL}&ShowInvisible=False")).1), ["message-2"]);
    let (_, page) = json_page(&cli, &format!("?{URL}&ShowInvisible=True"));
    assert_eq!(bodies(&page), ["message-1", "message-2"]);
    assert_eq!(attributes(&messages(&page)[0])["IsVisible"], "false");
    assert_eq!(attributes(&messages(&page)[1])["IsVisible"], "true");
    let (_, page) = json_page(&cli, &format!("?{URL}&ShowDelayed=1"));
    assert_eq!(bodies(&page), ["message-2", "message-3"]);
    assert_eq!(attributes(&messages(&page)[0])["IsDelayed"], "false");
    assert_eq!(attributes(&messages(&page)[1])["IsDelayed"], "true");
}

#[test]
fn a_long_queue_is_shown_page_by_page() {
    let cli = Cli::start();
    cli.done(&["queue", "create", "q"]);
    let lines: String = (0..2500).map(|n| format!("{n}\n")).collect();
    assert_eq!(cli.with_input(&["queue", "send", "q", "--lines"], &lines).code, Some(0));
    let (mut token, mut seen, mut sizes) = (String::new(), Vec::new(), Vec::new());
    loop {
        let (_, page) = json_page(&cli, &format!("?{URL}{token}"));
        sizes.push(messages(&page).len());
        seen.extend(bodies(&page));
        match page["ReceiveMessageResponse"]["ReceiveMessageResult"]["NextToken"].as_str() {
            Some(next) => token = format!("&NextToken={next}"),
            None => break,
        }
    }
    assert_eq!(sizes, [1000, 1000, 500]);
    assert_eq!(seen, (0..2500).map(|n| n.to_string()).collect::<Vec<_>>());
    let (_, xml) = ask(&cli, "GET", &format!("/_aws/sqs/messages?{URL}"), "", "");
    assert!(xml.contains("</Message><NextToken>"), "{}", &xml[xml.len() - 300..]);
    let (status, page) = json_page(&cli, &format!("?{URL}&NextToken=a%26state"));
    assert_eq!((status, &page["ErrorResponse"]["Error"]["Code"]), (400, &json!("InvalidParameterValue")));
}

#[test]
fn a_page_of_large_messages_is_bounded_by_their_bytes() {
    let cli = Cli::start();
    cli.done(&["queue", "create", "q"]);
    let line = json!({ "Body": "x".repeat(500_000) }).to_string() + "\n";
    assert_eq!(cli.with_input(&["queue", "import", "q"], &line.repeat(60)).code, Some(0));
    let (_, page) = json_page(&cli, &format!("?{URL}"));
    let shown = messages(&page).len();
    assert!((34..60).contains(&shown), "{shown} messages of half a megabyte each");
    assert!(page["ReceiveMessageResponse"]["ReceiveMessageResult"]["NextToken"].is_string());
}

#[test]
fn an_sdk_may_have_the_page_as_its_endpoint_and_can_only_receive() {
    let cli = Cli::start();
    queue_of_three(&cli);
    let headers = |operation: &str| {
        format!("Content-Type: application/x-amz-json-1.0\r\nX-Amz-Target: AmazonSQS.{operation}\r\n")
    };
    let body = r#"{"QueueUrl": "http://localhost:4566/000000000000/q", "MaxNumberOfMessages": 1}"#;
    let (status, answer) = ask(&cli, "POST", "/_aws/sqs/messages/", &headers("ReceiveMessage"), body);
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!((status, answer["Messages"].as_array().map(Vec::len)), (200, Some(2)), "the maximum is ignored");
    assert_eq!(answer["Messages"][0]["Attributes"]["ApproximateReceiveCount"], "0");
    let (status, answer) = ask(&cli, "POST", "/_aws/sqs/messages", &headers("SendMessage"), body);
    assert!(status == 400 && answer.contains("This endpoint only accepts ReceiveMessage calls"), "{answer}");
    let form = format!("Action=ReceiveMessage&{URL}");
    let headers = "Content-Type: application/x-www-form-urlencoded\r\n";
    let (status, xml) = ask(&cli, "POST", "/_aws/sqs/messages", headers, &form);
    assert!(status == 200 && xml.contains("message-1"), "{xml}");
    assert_eq!(cli.json(&["queue", "ls"])[0]["visible"], 2, "nothing was consumed");
}

#[test]
fn a_queue_is_named_in_the_path_and_what_is_wrong_has_its_code() {
    let cli = Cli::start();
    queue_of_three(&cli);
    assert_eq!(bodies(&json_page(&cli, "/us-east-1/000000000000/q").1), ["message-1", "message-2"]);
    let code = |query: &str| {
        let (status, page) = json_page(&cli, query);
        (status, page["ErrorResponse"]["Error"]["Code"].as_str().unwrap().to_owned())
    };
    let missing = (400, "AWS.SimpleQueueService.NonExistentQueue".to_owned());
    assert_eq!(code("/us-east-2/000000000000/q"), missing);
    assert_eq!(code(""), missing);
    assert_eq!(code("?QueueUrl=http://localhost:4566/000000000000/nowhere"), missing);
    assert_eq!(code("?QueueUrl=http://localhost:4566/nonsense"), (404, "InvalidAddress".into()));
    let (status, xml) = ask(&cli, "GET", "/_aws/sqs/messages", "", "");
    assert!(status == 400 && xml.contains("<Code>AWS.SimpleQueueService.NonExistentQueue</Code>"), "{xml}");
}

#[test]
fn a_reset_deletes_all_queues_of_all_accounts_for_good() {
    let data = Folder::new("reset");
    let words = ["dev", "--listen", "127.0.0.1:0", "--data-dir", data.path()];
    for path in ["/_localstack/state/reset", "/moto-api/reset"] {
        let cli = Cli(Server::start(&words));
        queue_of_three(&cli);
        cli.done(&["queue", "create", "other", "--account", "123456789012", "--region", "eu-west-1"]);
        assert_eq!(ask(&cli, "GET", path, "", "").0, 405);
        let (status, said) = ask(&cli, "POST", path, "Origin: http://evil.example\r\n", "");
        assert_eq!((status, cli.json(&["queue", "ls"]).as_array().unwrap().len()), (403, 1), "{said}");
        let (status, said) = ask(&cli, "POST", path, "", "");
        assert_eq!((status, serde_json::from_str::<Value>(&said).unwrap()), (200, json!({ "status": "ok" })));
        assert_eq!(cli.json(&["queue", "ls"]), json!([]));
        assert_eq!(cli.0.stop().0, Some(0));
        let cli = Cli(Server::start(&words));
        assert_eq!(cli.json(&["queue", "ls"]), json!([]));
        let other = ["queue", "ls", "--account", "123456789012", "--region", "eu-west-1"];
        assert_eq!(cli.json(&other), json!([]));
        cli.done(&["queue", "create", "q"]);
        assert_eq!(cli.json(&["queue", "receive", "q"]), json!([]), "a queue of the same name is new");
        cli.done(&["queue", "delete", "q", "--yes"]);
        cli.0.stop();
    }
}

#[test]
fn a_server_for_use_is_not_reset() {
    let cli = Cli(Server::start(&["serve", "--listen", "127.0.0.1:0", "--ephemeral", "--auth", "off"]));
    cli.done(&["queue", "create", "q"]);
    assert_eq!(ask(&cli, "POST", "/moto-api/reset", "", "").0, 403);
    assert_eq!(cli.json(&["queue", "ls"]).as_array().unwrap().len(), 1);
}

#[test]
fn a_server_that_verifies_shows_nobody_its_messages() {
    let cli = Cli(Server::start(&["serve", "--listen", "127.0.0.1:0", "--ephemeral"]));
    let (status, text) = ask(&cli, "GET", "/_aws/sqs/messages?QueueUrl=q", "", "");
    assert_eq!((status, text.contains("auth is not verify")), (403, true), "{text}");
    let (status, text) = ask(&cli, "GET", "/?Action=ListQueues&Version=2012-11-05", "", "");
    assert_eq!((status, text.contains("MissingAuthenticationToken")), (403, true), "{text}");
}
