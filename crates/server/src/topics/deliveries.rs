//! `deliveries`: what waits for a topic's subscriptions, the messages that wait for one, and what became of its latest.

use super::Session;
use super::words::Deliveries;
use crate::queues::Stop;
use crate::tools::moment;
use names::Instant;
use serde_json::{Value, json};

/// Of a topic.
const STANDINGS: [&str; 7] =
    ["protocol", "endpoint", "waiting", "set_aside", "oldest_published", "next_attempt", "last_failure"];
/// Of a subscription.
const WAITING: [&str; 6] = ["message_id", "type", "published", "attempts", "next_attempt", "last_failure"];
/// Of a subscription's history.
const ATTEMPTS: [&str; 7] = ["at", "message_id", "number", "outcome", "status_code", "millis", "response"];

impl Session {
    pub(super) async fn deliveries(&mut self, words: &Deliveries) -> Result<(), Stop> {
        let max = if words.max == 0 { usize::MAX } else { words.max };
        // The ARN of a subscription is that of its topic and one part more.
        let is_subscription = words.of.starts_with("arn:") && words.of.split(':').count() > 6;
        match (is_subscription, words.history) {
            (true, true) => self.attempts(&words.of, words.ended, max).await,
            (true, false) => {
                let asked = json!({ "SubscriptionArn": words.of });
                let found = self.pieces("ListDeliveries", asked, "Deliveries", max).await?;
                self.print_rows(&WAITING, &found.iter().map(waiting).collect::<Vec<_>>())
            }
            (false, true) => {
                let why = "a history is that of one subscription; `tidewire topic ls --subscriptions` shows their ARNs";
                Err(Stop::NotBegun(why.into()))
            }
            (false, false) => {
                let asked = json!({ "TopicArn": self.arn(&words.of).await? });
                let found = self.pieces("DescribeDeliveries", asked, "Subscriptions", max).await?;
                self.print_rows(&STANDINGS, &found.iter().map(standing).collect::<Vec<_>>())
            }
        }
    }

    async fn attempts(&mut self, subscription: &str, ended: bool, max: usize) -> Result<(), Stop> {
        let asked = json!({ "SubscriptionArn": subscription, "EndedOnly": ended });
        let answer = self.own("ListAttempts", &asked).await?;
        let attempts = answer["Attempts"].as_array().into_iter().flatten().take(max);
        self.print_rows(&ATTEMPTS, &attempts.map(attempt).collect::<Vec<_>>())
    }

    /// So many of a listing.
    async fn pieces(&mut self, operation: &str, asked: Value, member: &str, max: usize) -> Result<Vec<Value>, Stop> {
        let (mut found, mut input) = (Vec::new(), asked);
        while found.len() < max {
            let mut answer = self.own(operation, &input).await?;
            if let Value::Array(piece) = answer[member].take() {
                found.extend(piece);
            }
            match answer["NextToken"].take() {
                Value::Null => break,
                token => input["NextToken"] = token,
            }
        }
        found.truncate(max);
        Ok(found)
    }
}

fn standing(one: &Value) -> Value {
    json!({
        "protocol": one["Protocol"],
        "endpoint": one["Endpoint"],
        "waiting": one["Waiting"],
        "set_aside": one["SetAside"],
        "oldest_published": time(&one["OldestPublishedTimestamp"]),
        "next_attempt": time(&one["NextAttemptTimestamp"]),
        "last_failure": failure(&one["LastFailure"]),
        "arn": one["SubscriptionArn"],
    })
}

fn waiting(one: &Value) -> Value {
    json!({
        "message_id": one["MessageId"],
        "type": one["Type"],
        "published": time(&one["PublishedTimestamp"]),
        "attempts": one["Attempts"],
        "next_attempt": time(&one["NextAttemptTimestamp"]),
        "last_failure": failure(&one["LastAttempt"]),
    })
}

fn attempt(one: &Value) -> Value {
    json!({
        "at": time(&one["Timestamp"]),
        "message_id": one["MessageId"],
        "published": time(&one["PublishedTimestamp"]),
        "number": one["Number"],
        "outcome": one["Outcome"],
        "status_code": one["StatusCode"],
        "millis": one["DurationMilliseconds"],
        "response": one["Response"],
    })
}

/// Why an attempt failed, in one line.
fn failure(attempt: &Value) -> Value {
    if attempt.is_null() {
        return Value::Null;
    }
    let status = attempt["StatusCode"].as_u64().map(|status| format!("{status} "));
    json!(format!("{}{}", status.unwrap_or_default(), attempt["Response"].as_str().unwrap_or("(no word)")))
}

/// A moment, which JSON has in seconds with a fraction.
fn time(secs: &Value) -> Value {
    secs.as_f64().map_or(Value::Null, |secs| json!(moment::show(Instant::from_millis((secs * 1000.0).round() as u64))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_a_status_and_what_was_said() {
        let shown = |status: Value, said: Value| failure(&json!({ "StatusCode": status, "Response": said }));
        assert_eq!(shown(json!(503), json!("down")), json!("503 down"));
        assert_eq!(shown(Value::Null, json!("connection refused")), json!("connection refused"));
        assert_eq!(shown(json!(500), Value::Null), json!("500 (no word)"));
        assert_eq!(failure(&Value::Null), Value::Null);
        assert_eq!(time(&json!(1_795_420_800.25)), json!("2026-11-23T08:00:00.250Z"));
    }
}
