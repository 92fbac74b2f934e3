//! Queues that topics send to: their ARNs, and the statement of their policies that lets a topic.

use super::{Session, name_of};
use crate::queues::Stop;
use serde_json::{Value, json};

impl Session {
    /// URL and ARN of a queue that is named by its name, its URL or its ARN; of an ARN elsewhere there is no URL.
    pub(super) async fn queue(&mut self, queue: &str) -> Result<(String, String), Stop> {
        let url = match queue.starts_with("arn:") {
            true => {
                let owner = queue.split(':').nth(4).unwrap_or_default();
                let input = json!({ "QueueName": name_of(queue), "QueueOwnerAWSAccountId": owner });
                self.sqs("GetQueueUrl", &input).await?["QueueUrl"].take()
            }
            false => queue.into(),
        };
        let url = url.as_str().unwrap_or(queue).to_owned();
        let input = json!({ "QueueUrl": url, "AttributeNames": ["QueueArn"] });
        let answer = self.sqs("GetQueueAttributes", &input).await?;
        match answer["Attributes"]["QueueArn"].as_str() {
            Some(arn) => Ok((url, arn.to_owned())),
            None => Err(Stop::Failed(format!("the server does not say what {queue}'s ARN is"))),
        }
    }

    /// The ARN of a queue, which is asked for where it was not given.
    pub(super) async fn queue_arn(&mut self, queue: &str) -> Result<String, Stop> {
        if queue.starts_with("arn:") {
            return Ok(queue.to_owned());
        }
        Ok(self.queue(queue).await?.1)
    }

    /// Has a queue's policy let a topic send to it, beside all that stands there.
    pub(super) async fn allow(&mut self, queue: &str, topic: &str) -> Result<(), Stop> {
        let (url, arn) = self.queue(queue).await?;
        let input = json!({ "QueueUrl": url, "AttributeNames": ["Policy"] });
        let answer = self.sqs("GetQueueAttributes", &input).await?;
        let known = answer["Attributes"]["Policy"].as_str().unwrap_or_default();
        let Some(policy) = allowing(known, &arn, topic).map_err(Stop::Failed)? else { return Ok(()) };
        let input = json!({ "QueueUrl": url, "Attributes": { "Policy": policy.to_string() } });
        self.sqs("SetQueueAttributes", &input).await?;
        Ok(())
    }
}

/// The statement that lets a topic send to a queue.
pub(super) fn statement(queue: &str, topic: &str) -> Value {
    json!({
        "Effect": "Allow",
        "Principal": { "Service": "sns.amazonaws.com" },
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": { "ArnEquals": { "aws:SourceArn": topic } },
    })
}

/// A policy with that statement; nothing if it has it.
fn allowing(known: &str, queue: &str, topic: &str) -> Result<Option<Value>, String> {
    let wanted = statement(queue, topic);
    let mut policy = match known {
        "" => json!({ "Version": "2012-10-17", "Statement": [] }),
        text => serde_json::from_str(text).map_err(|error| format!("the queue's policy is no JSON: {error}"))?,
    };
    let statements = match policy["Statement"].take() {
        Value::Array(statements) => statements,
        Value::Null => Vec::new(),
        one => vec![one],
    };
    if statements.contains(&wanted) {
        return Ok(None);
    }
    policy["Statement"] = statements.into_iter().chain([wanted]).collect();
    Ok(Some(policy))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_added_once_and_what_stands_there_stays() {
        let (queue, topic) = ("arn:aws:sqs:us-east-1:000000000000:q", "arn:aws:sns:us-east-1:000000000000:t");
        let made = allowing("", queue, topic).unwrap().unwrap();
        assert_eq!(allowing(&made.to_string(), queue, topic), Ok(None));
        let known = r#"{"Version":"2012-10-17","Id":"x","Statement":{"Sid":"own","Effect":"Deny","Principal":"*","Action":"sqs:*","Resource":"*"}}"#;
        let both = allowing(known, queue, topic).unwrap().unwrap();
        assert_eq!((both["Id"].as_str(), both["Statement"][0]["Sid"].as_str()), (Some("x"), Some("own")));
        assert_eq!(both["Statement"][1], statement(queue, topic));
        assert!(allowing("nonsense", queue, topic).is_err());
    }
}
