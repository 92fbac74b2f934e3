//! What a server has: the queues, topics and streams of one account and region, as far as a declaration needs to know them.

use super::declared::{DeadLetters, Declared};
use super::streams::{self, Stream};
use super::topics::{self, Topic};
use crate::client::{Client, Failure};
use crate::queues::{name_of, urls};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The queues that are there.
#[derive(Debug, Default)]
pub(crate) struct Actual {
    pub(crate) queues: BTreeMap<String, Queue>,
    /// Those that nobody declares, if they were asked for: how many messages each holds.
    pub(crate) others: BTreeMap<String, u64>,
    pub(crate) streams: BTreeMap<String, Stream>,
    /// Streams that nobody declares, if they were asked for and the file says anything of streams.
    pub(crate) other_streams: BTreeSet<String>,
    pub(crate) topics: BTreeMap<String, topics::actual::Found>,
    /// The ARNs of topics that nobody declares, by name, if they were asked for and the file says anything of topics.
    pub(crate) other_topics: BTreeMap<String, String>,
}

/// A queue as it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Queue {
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) dead_letters: Option<DeadLetters>,
}

impl Actual {
    /// Asks for the queues that are declared, and if `all` for what the others hold.
    pub(crate) async fn of(client: &mut Client, declared: &Declared, all: bool) -> Result<Self, Failure> {
        let mut actual = Self::default();
        for url in urls(client, "").await? {
            let name = name_of(&url);
            if let Some(wanted) = declared.queues.get(name) {
                let names: Vec<&str> = wanted.attributes.keys().map(String::as_str).collect();
                actual.queues.extend(queue(client, name, &names).await?.map(|queue| (name.to_owned(), queue)));
            } else if all {
                actual.others.insert(name.to_owned(), messages(client, name).await?);
            }
        }
        if let Some(wanted) = &declared.streams {
            actual.find_streams(client, wanted, all).await?;
        }
        if let Some(wanted) = &declared.topics {
            actual.find_topics(client, wanted, all).await?;
        }
        Ok(actual)
    }

    async fn find_topics(
        &mut self,
        client: &mut Client,
        wanted: &BTreeMap<String, Topic>,
        all: bool,
    ) -> Result<(), Failure> {
        for (name, arn) in topics::actual::arns(client).await? {
            if wanted.contains_key(&name) {
                let found = topics::actual::topic(client, &arn).await?;
                self.topics.extend(found.map(|topic| (name, topic)));
            } else if all {
                self.other_topics.insert(name, arn);
            }
        }
        Ok(())
    }

    async fn find_streams(
        &mut self,
        client: &mut Client,
        wanted: &BTreeMap<String, Stream>,
        all: bool,
    ) -> Result<(), Failure> {
        for name in streams::actual::names(client).await? {
            if wanted.contains_key(&name) {
                let found = streams::actual::stream(client, &name).await?;
                self.streams.extend(found.map(|stream| (name, stream)));
            } else if all {
                self.other_streams.insert(name);
            }
        }
        Ok(())
    }
}

/// A queue that is there; nothing if it was deleted since it was listed. `names` are attributes that may not be among all.
pub(crate) async fn queue(client: &mut Client, name: &str, names: &[&str]) -> Result<Option<Queue>, Failure> {
    let names: Vec<&str> = std::iter::once("All").chain(names.iter().copied()).collect();
    let asked = json!({ "QueueUrl": name, "AttributeNames": names });
    let answers = async {
        let attributes = client.call("GetQueueAttributes", &asked).await?;
        Ok::<_, Failure>((attributes, client.call("ListQueueTags", &json!({ "QueueUrl": name })).await?))
    };
    let (attributes, tags) = match answers.await {
        Err(failure) if failure.is("QueueDoesNotExist") => return Ok(None),
        answers => answers?,
    };
    let attributes = texts(&attributes["Attributes"]);
    let dead_letters = attributes.get("RedrivePolicy").and_then(|policy| dead_letters(policy, &attributes));
    Ok(Some(Queue { attributes, tags: texts(&tags["Tags"]), dead_letters }))
}

async fn messages(client: &mut Client, name: &str) -> Result<u64, Failure> {
    const COUNTS: [&str; 3] =
        ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"];
    let answer = client.call("GetQueueAttributes", &json!({ "QueueUrl": name, "AttributeNames": COUNTS })).await?;
    let counts = texts(&answer["Attributes"]);
    Ok(counts.values().filter_map(|count| count.parse::<u64>().ok()).sum())
}

fn texts(members: &Value) -> BTreeMap<String, String> {
    let members = members.as_object().into_iter().flatten();
    members.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

/// Where dead letters go, by the queue's name if it is in the same account and region.
fn dead_letters(policy: &str, attributes: &BTreeMap<String, String>) -> Option<DeadLetters> {
    let policy: Value = serde_json::from_str(policy).ok()?;
    let target = policy["deadLetterTargetArn"].as_str()?;
    let max = &policy["maxReceiveCount"];
    let max = max.as_u64().or_else(|| max.as_str()?.parse().ok())?;
    let home = attributes.get("QueueArn").and_then(|arn| Some(arn.rsplit_once(':')?.0.to_owned()));
    let (their_home, name) = target.rsplit_once(':')?;
    let queue = if home.as_deref() == Some(their_home) { name } else { target };
    Some(DeadLetters { queue: queue.to_owned(), max_receives: u32::try_from(max).ok()? })
}
