//! Queue URLs: every form that clients send, and the one that is returned.
//!
//! In a request only the path counts; scheme and host, a region in its name included, are whatever the client reached us by or
//! once knew the queue by. Accepted are `/account/name`, `/queue/region/account/name`, `/queue/name` and a bare name, each with
//! the `#name` of a virtual queue behind it. Returned is `base/account/name`, with the region in the path
//! when it is not the server's own, so that a client that keeps only the URL still reaches the right queue.

use names::{AccountId, QueueName, Region};

/// What a queue URL says. Absent parts are the caller's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QueueUrl {
    pub(crate) region: Option<Region>,
    pub(crate) account: Option<AccountId>,
    pub(crate) name: QueueName,
    /// The virtual queue on it, behind a `#` or `%23`.
    pub(crate) within: Option<Box<str>>,
}

impl QueueUrl {
    /// Reads a URL, a path, or a bare name.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let path = match text.split_once("://") {
            Some((_, rest)) => rest.split_once('/')?.1,
            None => text.trim_start_matches('/'),
        };
        let (path, within) = match path.split_once('#').or_else(|| path.split_once("%23")) {
            Some((path, within)) => (path, Some(within)),
            None => (path, None),
        };
        if !within.is_none_or(is_virtual_name) {
            return None;
        }
        let path = path.split('?').next().unwrap_or(path).trim_end_matches('/');
        let parts: Vec<&str> = path.split('/').collect();
        let (region, account, name) = match *parts.as_slice() {
            // No account is called `queue`; a host may stand before it where the scheme was left out.
            [name] | ["queue", name] | [_, "queue", name] => (None, None, name),
            // A path may stand before ours where a proxy strips nothing.
            [.., "queue", region, account, name] => (Some(Region::parse(region).ok()?), Some(account), name),
            [.., account, name] => (None, Some(account), name),
            [] => return None,
        };
        let account = account.map(AccountId::parse).transpose().ok()?;
        Some(Self { region, account, name: QueueName::parse(name).ok()?, within: within.map(Into::into) })
    }
}

/// A virtual queue's name has the letters of a queue's.
fn is_virtual_name(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=QueueName::LEN_MAX).contains(&name.len()) && name.bytes().all(is_letter)
}

/// The URL of a queue, as seen from `base` (`scheme://host`, no slash at its end).
pub(crate) fn queue_url(base: &str, region: Option<&Region>, account: &AccountId, name: &QueueName) -> String {
    match region {
        None => format!("{base}/{account}/{name}"),
        Some(region) => format!("{base}/queue/{region}/{account}/{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<(String, String, String)> {
        let url = QueueUrl::parse(text)?;
        let region = url.region.map(|region| region.to_string()).unwrap_or_default();
        let account = url.account.map(|account| account.to_string()).unwrap_or_default();
        Some((region, account, url.name.to_string()))
    }

    #[test]
    fn every_form_of_a_queue_url_is_read() {
        for (text, region, account, name) in [
            ("http://localhost:4566/000000000000/jobs", "", "000000000000", "jobs"),
            ("https://sqs.us-east-1.amazonaws.com/123456789012/jobs", "", "123456789012", "jobs"),
            ("http://h/queue/eu-west-1/123456789012/jobs", "eu-west-1", "123456789012", "jobs"),
            ("http://h/queue/jobs", "", "", "jobs"),
            ("http://h/prefix/123456789012/jobs", "", "123456789012", "jobs"),
            ("/123456789012/jobs", "", "123456789012", "jobs"),
            ("jobs", "", "", "jobs"),
            ("/jobs", "", "", "jobs"),
            ("/queue/jobs", "", "", "jobs"),
            ("http://localhost:4566/jobs", "", "", "jobs"),
            ("localhost:4566/000000000000/jobs", "", "000000000000", "jobs"),
            ("localhost:9324/queue/jobs", "", "", "jobs"),
            ("http://localhost:9324/queue/jobs", "", "", "jobs"),
            ("localhost:4566/queue/eu-west-1/000000000000/jobs", "eu-west-1", "000000000000", "jobs"),
            ("https://queue.amazonaws.com/123456789012/jobs", "", "123456789012", "jobs"),
            ("https://eu-west-1.queue.amazonaws.com/123456789012/jobs", "", "123456789012", "jobs"),
            ("http://sqs.eu-west-1.localhost.localstack.cloud:4566/000000000000/jobs", "", "000000000000", "jobs"),
            ("http://eu-west-1.queue.localhost.localstack.cloud:4566/000000000000/jobs", "", "000000000000", "jobs"),
            ("http://h/123456789012/jobs?Action=SendMessage#x", "", "123456789012", "jobs"),
            ("http://h/123456789012/orders.fifo/", "", "123456789012", "orders.fifo"),
        ] {
            assert_eq!(parsed(text), Some((region.into(), account.into(), name.into())), "{text}");
        }
        for wrong in ["", "http://h", "http://h/", "http://h/12345/jobs", "http://h/123456789012/a b"] {
            assert_eq!(parsed(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_virtual_queue_stands_behind_its_host() {
        for text in ["http://h/123456789012/host#a_B-9", "/123456789012/host%23a_B-9", "host#a_B-9"] {
            let url = QueueUrl::parse(text).unwrap();
            assert_eq!((url.name.as_str(), url.within.as_deref()), ("host", Some("a_B-9")), "{text}");
        }
        let long = format!("host#{}", "x".repeat(81));
        for wrong in ["host#", "host#a b", "host#a#b", "host#a/b", "host%23", &long] {
            assert_eq!(QueueUrl::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_returned_is_read_back() {
        let (account, name) = (AccountId::DEFAULT, QueueName::parse("jobs").unwrap());
        let region = Region::parse("eu-west-1").unwrap();
        let url = queue_url("http://h:1", Some(&region), &account, &name);
        assert_eq!(url, "http://h:1/queue/eu-west-1/000000000000/jobs");
        assert_eq!(
            QueueUrl::parse(&url),
            Some(QueueUrl { region: Some(region), account: Some(account), name: name.clone(), within: None })
        );
        assert_eq!(queue_url("http://h:1", None, &account, &name), "http://h:1/000000000000/jobs");
    }
}
