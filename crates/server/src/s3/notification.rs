//! Which events of which bucket go to which queue: a file in the shape of S3's notification configuration, a bucket each.
//!
//! ```json
//! {"Buckets": [{"Bucket": "uploads", "OwnerAccountId": "111122223333", "Region": "eu-central-1", "QueueConfigurations": [
//!   {"Id": "thumbnails", "QueueArn": "arn:aws:sqs:eu-central-1:111122223333:jobs", "Events": ["s3:ObjectCreated:*"],
//!    "Filter": {"Key": {"FilterRules": [{"Name": "suffix", "Value": ".jpg"}]}}}]}]}
//! ```
//! What S3 refuses is refused here, before the server starts: unknown events, FIFO queues, rules that overlap. Source: S3 User
//! Guide, "Supported event types", "Configuring event notifications using object key name filtering"; API Reference,
//! `QueueConfiguration`.

use super::event::Happening;
use names::{AccountId, Arn, QueueName, Region};
use serde::Deserialize;
use std::fmt;
use std::path::Path;

/// Kinds of events, each with what may stand behind the colon.
const EVENTS: &[(&str, &[&str])] = &[
    ("ObjectCreated", &["Put", "Post", "Copy", "CompleteMultipartUpload"]),
    ("ObjectRemoved", &["Delete", "DeleteMarkerCreated"]),
    ("ObjectRestore", &["Post", "Completed", "Delete"]),
    ("ObjectTagging", &["Put", "Delete"]),
    ("ObjectAcl", &["Put"]),
    ("LifecycleExpiration", &["Delete", "DeleteMarkerCreated"]),
];

/// What all buckets want.
#[derive(Debug, Default)]
pub(crate) struct Notifications(Vec<Bucket>);

/// A bucket, and what is wanted of it.
#[derive(Debug)]
pub(crate) struct Bucket {
    pub(crate) name: String,
    pub(crate) account: AccountId,
    pub(crate) region: Region,
    wishes: Vec<Wish>,
}

/// A queue that wants events.
#[derive(Debug)]
pub(crate) struct Wish {
    pub(crate) id: String,
    pub(crate) queue: Queue,
    /// `ObjectCreated:*` and the like.
    events: Vec<String>,
    prefix: String,
    suffix: String,
}

/// A queue, as its ARN names it.
#[derive(Debug)]
pub(crate) struct Queue {
    arn: String,
    pub(crate) region: Region,
    pub(crate) account: AccountId,
    pub(crate) name: QueueName,
}

impl fmt::Display for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.arn)
    }
}

impl Notifications {
    /// Reads the file. The error names it, and what is wrong with it.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let wrong = |why: String| format!("{}: {why}", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        Self::parse(&text).map_err(wrong)
    }

    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let said: Said = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let buckets = said.buckets.into_iter().map(Bucket::new).collect::<Result<Vec<_>, _>>()?;
        for (nth, bucket) in buckets.iter().enumerate() {
            if buckets[..nth].iter().any(|other| other.name == bucket.name) {
                return Err(format!("the bucket {} stands twice", bucket.name));
            }
        }
        Ok(Self(buckets))
    }

    /// Whether nobody wants anything.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bucket of this name, if anybody wants anything of it.
    pub(crate) fn of(&self, name: &str) -> Option<&Bucket> {
        self.0.iter().find(|bucket| bucket.name == name)
    }
}

impl Bucket {
    fn new(said: SaidBucket) -> Result<Self, String> {
        let name = said.bucket;
        let wrong = |why: String| format!("bucket {name}: {why}");
        let account = AccountId::parse(&said.owner_account_id)
            .map_err(|_| wrong(format!("OwnerAccountId {:?} is no account", said.owner_account_id)))?;
        let region =
            Region::parse(&said.region).map_err(|_| wrong(format!("Region {:?} is no region", said.region)))?;
        let wishes = said.queue_configurations.into_iter().map(Wish::new).collect::<Result<Vec<_>, _>>();
        let wishes = wishes.map_err(wrong)?;
        for (nth, wish) in wishes.iter().enumerate() {
            if let Some(other) = wishes[..nth].iter().find(|other| other.overlaps(wish)) {
                return Err(format!(
                    "bucket {name}: {} and {} overlap. Configurations on the same bucket cannot share a common event type.",
                    other.id, wish.id
                ));
            }
        }
        Ok(Self { name, account, region, wishes })
    }

    pub(crate) fn arn(&self) -> String {
        format!("arn:{}:s3:::{}", self.region.arn_partition(), self.name)
    }

    /// Who wants to know of it.
    pub(crate) fn wishes(&self, happening: &Happening) -> impl Iterator<Item = &Wish> {
        self.wishes.iter().filter(|wish| wish.is_of(&happening.name, &happening.key))
    }
}

impl Wish {
    fn new(said: SaidWish) -> Result<Self, String> {
        let queue = Queue::new(&said.queue_arn)?;
        let events = said.events.iter().map(|event| known(event)).collect::<Result<Vec<_>, _>>()?;
        let id = said.id.unwrap_or_else(|| queue.name.to_string());
        if events.is_empty() {
            return Err(format!("{id}: Events names none"));
        }
        let mut wish = Self { id, queue, events, prefix: String::new(), suffix: String::new() };
        for rule in said.filter.key.filter_rules {
            match &*rule.name.to_ascii_lowercase() {
                "prefix" => wish.prefix = rule.value,
                "suffix" => wish.suffix = rule.value,
                other => return Err(format!("{}: a rule of a filter is called {other:?}", wish.id)),
            }
        }
        Ok(wish)
    }

    fn is_of(&self, event: &str, key: &str) -> bool {
        self.events.iter().any(|wanted| covers(wanted, event))
            && key.starts_with(&self.prefix)
            && key.ends_with(&self.suffix)
    }

    /// Whether some event of some object may be of both.
    fn overlaps(&self, other: &Self) -> bool {
        let share = |one: &String| other.events.iter().any(|two| covers(one, two) || covers(two, one));
        let either = |one: bool, two: bool| one || two;
        self.events.iter().any(share)
            && either(self.prefix.starts_with(&other.prefix), other.prefix.starts_with(&self.prefix))
            && either(self.suffix.ends_with(&other.suffix), other.suffix.ends_with(&self.suffix))
    }
}

impl Queue {
    fn new(arn: &str) -> Result<Self, String> {
        let wrong = || format!("QueueArn {arn:?} is no ARN of a queue");
        let parts = Arn::parse(arn).map_err(|_| wrong())?;
        let region = Region::parse(&parts.region).map_err(|_| wrong())?;
        let account = AccountId::parse(&parts.account).map_err(|_| wrong())?;
        let name = QueueName::parse(&parts.resource).map_err(|_| wrong())?;
        match parts.service == "sqs" {
            true if name.is_fifo() => Err(format!("{arn}: S3 sends no events to FIFO queues")),
            true => Ok(Self { arn: arn.to_owned(), region, account, name }),
            false => Err(wrong()),
        }
    }
}

/// Whether an event is one of those that a wish names.
fn covers(wanted: &str, event: &str) -> bool {
    wanted.strip_suffix('*').map_or(wanted == event, |kind| event.starts_with(kind))
}

/// An event's name without `s3:`, if there is such an event.
fn known(event: &str) -> Result<String, String> {
    let name = event.strip_prefix("s3:").unwrap_or_default();
    let all_of_a_kind = name.strip_suffix(":*").is_some_and(|kind| EVENTS.iter().any(|(known, _)| *known == kind));
    match all_of_a_kind || is_event(name) {
        true => Ok(name.to_owned()),
        false => Err(format!("there is no event {event:?}")),
    }
}

/// Whether S3 has an event of this name, `ObjectCreated:Put` and the like.
pub(super) fn is_event(name: &str) -> bool {
    let (kind, what) = name.split_once(':').unwrap_or_default();
    EVENTS.iter().any(|(known, all)| *known == kind && all.contains(&what))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Said {
    buckets: Vec<SaidBucket>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct SaidBucket {
    bucket: String,
    owner_account_id: String,
    region: String,
    queue_configurations: Vec<SaidWish>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct SaidWish {
    id: Option<String>,
    queue_arn: String,
    events: Vec<String>,
    #[serde(default)]
    filter: SaidFilter,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct SaidFilter {
    key: SaidKey,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct SaidKey {
    filter_rules: Vec<SaidRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct SaidRule {
    name: String,
    value: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn wish(id: &str, events: &[&str], rules: &[(&str, &str)]) -> Value {
        let rules: Vec<_> = rules.iter().map(|(name, value)| json!({"Name": name, "Value": value})).collect();
        json!({
            "Id": id,
            "QueueArn": "arn:aws:sqs:eu-central-1:111122223333:jobs",
            "Events": events,
            "Filter": {"Key": {"FilterRules": rules}},
        })
    }

    fn parse(wishes: &[Value]) -> Result<Notifications, String> {
        let bucket = json!({
            "Bucket": "b", "OwnerAccountId": "111122223333", "Region": "eu-central-1", "QueueConfigurations": wishes,
        });
        Notifications::parse(&json!({"Buckets": [bucket]}).to_string())
    }

    fn told(notifications: &Notifications, name: &str, key: &str) -> Vec<String> {
        let at = names::Instant::EPOCH;
        let (name, bucket, key) = (name.into(), "b".to_owned(), key.into());
        let happening = Happening {
            name,
            bucket,
            key,
            size: None,
            etag: None,
            version: None,
            at,
            sequencer: String::new(),
            principal: None,
            source: None,
        };
        notifications.of("b").unwrap().wishes(&happening).map(|wish| wish.id.clone()).collect()
    }

    #[test]
    fn a_queue_is_told_of_the_events_and_keys_that_it_wants() {
        let wanted = parse(&[
            wish("jpg", &["s3:ObjectCreated:*"], &[("prefix", "photos/"), ("suffix", ".jpg")]),
            wish("gone", &["s3:ObjectRemoved:Delete"], &[]),
        ]);
        let wanted = wanted.unwrap();
        assert_eq!(told(&wanted, "ObjectCreated:Put", "photos/a.jpg"), ["jpg"]);
        assert_eq!(told(&wanted, "ObjectCreated:CompleteMultipartUpload", "photos/a.jpg"), ["jpg"]);
        assert_eq!(told(&wanted, "ObjectCreated:Put", "photos/a.png"), [""; 0]);
        assert_eq!(told(&wanted, "ObjectCreated:Put", "a.jpg"), [""; 0]);
        assert_eq!(told(&wanted, "ObjectRemoved:Delete", "photos/a.jpg"), ["gone"]);
        assert_eq!(told(&wanted, "ObjectRemoved:DeleteMarkerCreated", "photos/a.jpg"), [""; 0]);
        assert!(wanted.of("other").is_none());
        assert_eq!(wanted.of("b").unwrap().arn(), "arn:aws:s3:::b");
    }

    #[test]
    fn what_s3_refuses_is_refused() {
        let created = &["s3:ObjectCreated:*"][..];
        let overlapping =
            [wish("a", created, &[("prefix", "x")]), wish("b", &["s3:ObjectCreated:Put"], &[("prefix", "xy")])];
        assert!(parse(&overlapping).unwrap_err().contains("overlap"));
        assert!(parse(&[wish("a", created, &[("prefix", "x")]), wish("b", created, &[("prefix", "y")])]).is_ok());
        for event in ["ObjectCreated:*", "s3:ObjectCreated", "s3:ObjectCreated:Burn", "s3:*"] {
            assert!(parse(&[wish("a", &[event], &[])]).unwrap_err().contains("no event"), "{event}");
        }
        assert!(parse(&[wish("a", &[], &[])]).is_err());
        assert!(parse(&[wish("a", created, &[("middle", "x")])]).is_err());
        let mut fifo = wish("a", created, &[]);
        for arn in ["arn:aws:sqs:eu-central-1:111122223333:q.fifo", "arn:aws:sns:eu-central-1:111122223333:q", "jobs"] {
            fifo["QueueArn"] = arn.into();
            assert!(parse(std::slice::from_ref(&fifo)).is_err(), "{arn}");
        }
        assert!(Notifications::parse("{\"Buckets\": [], \"Topics\": []}").is_err());
    }
}
