//! Requests as an AWS SDK would send them, ready as bytes: JSON with a target and an Authorization header of the true length
//! and form; of SQS in JSON 1.0 with a query-mode header, of Kinesis in JSON 1.1, of SNS as forms.
//!
//! The signature is 64 hexadecimal digits that sign nothing: servers under test run with any credentials accepted, and
//! a client that signed would measure itself.

use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

/// What a message carries: 1 KB of printable text that JSON need not escape.
pub(crate) const BODY_BYTES: usize = 1024;

/// Messages in one batch, the most AWS takes.
pub(crate) const BATCH: usize = 10;

/// A service, as its requests show it.
#[derive(Debug)]
struct Service {
    scope: &'static str,
    operation: Named,
    content_type: &'static str,
    /// Headers of this service alone, with their line ends, and how they are named among the signed ones.
    headers: &'static str,
    signed: &'static str,
}

/// Where a request names its operation.
#[derive(Debug)]
enum Named {
    /// In `X-Amz-Target`, behind this.
    InHeader(&'static str),
    /// In the form that the body is, with this version.
    InForm(&'static str),
}

const SQS: Service = Service {
    scope: "sqs",
    operation: Named::InHeader("AmazonSQS"),
    content_type: "application/x-amz-json-1.0",
    headers: "x-amzn-query-mode: true\r\n",
    signed: ";x-amzn-query-mode",
};

const KINESIS: Service = Service {
    scope: "kinesis",
    operation: Named::InHeader("Kinesis_20131202"),
    content_type: "application/x-amz-json-1.1",
    headers: "",
    signed: "",
};

const SNS: Service = Service {
    scope: "sns",
    operation: Named::InForm("2010-03-31"),
    content_type: "application/x-www-form-urlencoded; charset=utf-8",
    headers: "",
    signed: "",
};

/// Writes requests for one server, service and account.
#[derive(Debug, Clone)]
pub(crate) struct Requests {
    address: SocketAddr,
    amz_date: String,
    service: &'static Service,
}

impl Requests {
    /// Requests of SQS.
    pub(crate) fn to(address: SocketAddr) -> Self {
        Self::of(&SQS, address)
    }

    /// Requests of Kinesis Data Streams.
    pub(crate) fn of_kinesis(address: SocketAddr) -> Self {
        Self::of(&KINESIS, address)
    }

    /// Requests of SNS, whose bodies are the form's fields behind its action.
    pub(crate) fn of_sns(address: SocketAddr) -> Self {
        Self::of(&SNS, address)
    }

    fn of(service: &'static Service, address: SocketAddr) -> Self {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970").as_secs();
        Self { address, amz_date: amz_date(seconds), service }
    }

    /// One signed-looking call of `operation` with `body`, written over what `out` held.
    pub(crate) fn write(&self, out: &mut Vec<u8>, operation: &str, body: &[u8]) {
        out.clear();
        let (address, date) = (self.address, &self.amz_date);
        let Service { scope, operation: named, content_type, headers, signed } = self.service;
        let (target, signed_target, action) = match named {
            Named::InHeader(prefix) => {
                (format!("X-Amz-Target: {prefix}.{operation}\r\n"), ";x-amz-target", String::new())
            }
            Named::InForm(version) => (String::new(), "", format!("Action={operation}&Version={version}&")),
        };
        let day = &date[..8];
        let head = format!(
            "POST / HTTP/1.1\r\nHost: {address}\r\nAccept-Encoding: identity\r\n\
             {target}Content-Type: {content_type}\r\n{headers}\
             User-Agent: Boto3/1.42.0 md/Botocore#1.42.0 ua/2.1 os/linux md/arch#x86_64 lang/python#3.11.7 cfg/retry-mode#legacy\r\n\
             X-Amz-Date: {date}\r\nAuthorization: AWS4-HMAC-SHA256 Credential=000000000000/{day}/us-east-1/{scope}/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date{signed_target}{signed}, Signature={SIGNATURE}\r\n\
             Content-Length: {}\r\n\r\n{action}",
            action.len() + body.len()
        );
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(body);
    }

    /// The same as a new vector, for requests that are sent many times.
    pub(crate) fn build(&self, operation: &str, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(body.len() + 1024);
        self.write(&mut out, operation, body);
        out
    }

    /// A bare POST of 1 KB, for the echo: only the headers that HTTP itself needs.
    pub(crate) fn bare_post(&self) -> Vec<u8> {
        let address = self.address;
        let text = text();
        format!("POST / HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}\r\n\r\n{text}", text.len()).into_bytes()
    }

    /// A plain GET, for health and metrics.
    pub(crate) fn get(&self, path: &str) -> Vec<u8> {
        format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.address).into_bytes()
    }
}

const SIGNATURE: &str = "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7";

/// The 1 KB body: letters, digits and spaces in a fixed order.
pub(crate) fn text() -> String {
    let words = "The quick brown fox jumps over 13 lazy dogs and carries message number 0042 to its queue. ";
    words.chars().cycle().take(BODY_BYTES).collect()
}

pub(crate) fn create_queue(name: &str) -> String {
    format!(r#"{{"QueueName":"{name}"}}"#)
}

/// A body that names only the queue: DeleteQueue.
pub(crate) fn of_queue(queue_url: &str) -> String {
    format!(r#"{{"QueueUrl":"{queue_url}"}}"#)
}

pub(crate) fn send_message(queue_url: &str) -> String {
    format!(r#"{{"QueueUrl":"{queue_url}","MessageBody":"{}"}}"#, text())
}

pub(crate) fn send_message_batch(queue_url: &str) -> String {
    let text = text();
    let entries: Vec<String> = (0..BATCH).map(|id| format!(r#"{{"Id":"{id}","MessageBody":"{text}"}}"#)).collect();
    format!(r#"{{"QueueUrl":"{queue_url}","Entries":[{}]}}"#, entries.join(","))
}

pub(crate) fn receive_message(queue_url: &str, wait_secs: u32) -> String {
    format!(r#"{{"QueueUrl":"{queue_url}","MaxNumberOfMessages":{BATCH},"WaitTimeSeconds":{wait_secs}}}"#)
}

pub(crate) fn delete_message(queue_url: &str, receipt_handle: &str) -> String {
    format!(r#"{{"QueueUrl":"{queue_url}","ReceiptHandle":"{receipt_handle}"}}"#)
}

pub(crate) fn delete_message_batch(queue_url: &str, receipt_handles: &[String]) -> String {
    let entry = |(id, handle): (usize, &String)| format!(r#"{{"Id":"{id}","ReceiptHandle":"{handle}"}}"#);
    let entries: Vec<String> = receipt_handles.iter().enumerate().map(entry).collect();
    format!(r#"{{"QueueUrl":"{queue_url}","Entries":[{}]}}"#, entries.join(","))
}

/// Every string value of the member `name` in a JSON answer, as written there (still escaped, so it can be sent back).
///
/// Only for answers whose texts hold no quoted member names of their own, which the bodies above do not.
pub(crate) fn members<'a>(json: &'a [u8], name: &str) -> Vec<&'a str> {
    let quoted = format!("\"{name}\"");
    let ends = memchr::memmem::find_iter(json, quoted.as_bytes()).map(|at| at + quoted.len());
    ends.filter_map(|end| string_after_colon(&json[end..])).collect()
}

fn string_after_colon(json: &[u8]) -> Option<&str> {
    let value = json.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start().strip_prefix(b"\"")?;
    let end = memchr::memchr(b'"', value)?;
    std::str::from_utf8(&value[..end]).ok()
}

/// `YYYYMMDDTHHMMSSZ` of seconds since 1970 (Gregorian calendar, counted in 400-year cycles that begin in March).
fn amz_date(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let shifted = days + 719_468;
    let (cycle, day) = (shifted / 146_097, shifted % 146_097);
    let year_of_cycle = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = cycle * 400 + year_of_cycle + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}{month:02}{day_of_month:02}T{hour:02}{minute:02}{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        let cases = [
            (0, "19700101T000000Z"),
            (951_782_399, "20000228T235959Z"),
            (951_782_400, "20000229T000000Z"),
            (1_709_251_199, "20240229T235959Z"),
            (1_795_373_938, "20261122T185858Z"),
        ];
        for (seconds, text) in cases {
            assert_eq!(amz_date(seconds), text);
        }
    }

    #[test]
    fn members_are_found_with_and_without_spaces() {
        let json = br#"{"Messages": [{"ReceiptHandle": "a+/=", "Body": "x"},{"ReceiptHandle":"b"}]}"#;
        assert_eq!(members(json, "ReceiptHandle"), ["a+/=", "b"]);
        assert!(members(json, "MessageId").is_empty());
        assert!(members(br#"{"ReceiptHandle":"cut"#, "ReceiptHandle").is_empty());
    }

    #[test]
    fn every_body_is_json_and_the_length_is_the_bodys() {
        let url = "http://127.0.0.1:1/000000000000/q";
        let bodies = [
            create_queue("q"),
            of_queue(url),
            send_message(url),
            send_message_batch(url),
            receive_message(url, 20),
            delete_message(url, "h"),
            delete_message_batch(url, &["h".into(), "i".into()]),
        ];
        for body in bodies {
            serde_json::from_str::<serde_json::Value>(&body).unwrap();
            let request = Requests::to("127.0.0.1:1".parse().unwrap()).build("X", body.as_bytes());
            let text = String::from_utf8(request).unwrap();
            assert!(text.contains(&format!("Content-Length: {}\r\n\r\n{body}", body.len())));
        }
    }

    #[test]
    fn a_form_begins_with_its_action_and_its_length_counts_it() {
        let request = Requests::of_sns("127.0.0.1:1".parse().unwrap()).build("Publish", b"TopicArn=t");
        let text = String::from_utf8(request).unwrap();
        assert!(text.ends_with("Content-Length: 44\r\n\r\nAction=Publish&Version=2010-03-31&TopicArn=t"), "{text}");
        assert!(!text.contains("X-Amz-Target") && text.contains("/sns/aws4_request"));
    }

    #[test]
    fn the_text_is_one_kilobyte_and_needs_no_escape() {
        let text = text();
        assert_eq!(text.len(), BODY_BYTES);
        assert_eq!(serde_json::to_string(&text).unwrap().len(), BODY_BYTES + 2);
    }
}
