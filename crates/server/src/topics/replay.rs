//! `replay`: a subscription gets again what its topic's archive has, by its attribute ReplayPolicy; the server does the rest.

use super::Session;
use super::words::Replay;
use crate::queues::Stop;
use crate::tools::moment;
use names::Instant;
use serde_json::{Value, json};
use std::time::Duration;

impl Session {
    pub(super) async fn replay(&mut self, words: &Replay) -> Result<(), Stop> {
        let subscription = &words.subscription;
        if words.stop {
            return self.set_policy(subscription, "").await;
        }
        if let Some(from) = words.from {
            let show = |millis| moment::show(Instant::from_millis(millis));
            let mut policy = json!({ "PointType": "Timestamp", "StartingPoint": show(from.0) });
            if let Some(to) = words.to {
                policy["EndingPoint"] = show(to.0).into();
            }
            self.set_policy(subscription, &policy.to_string()).await?;
        }
        loop {
            let (policy, status) = self.state(subscription).await?;
            let is_under_way = matches!(status.as_str(), Some("Pending" | "In progress"));
            // Without an end it goes on with what is published from then on.
            if words.status || words.no_wait || !is_under_way {
                let shown = json!({ "status": status, "policy": policy });
                return match (words.status, status.as_str()) {
                    (false, Some("Failed")) => Err(Stop::Failed("the replay failed; the server's log says why".into())),
                    _ => self.print_object(&shown),
                };
            }
            tokio::time::sleep(Duration::from_secs_f64(words.interval)).await;
        }
    }

    async fn set_policy(&mut self, subscription: &str, policy: &str) -> Result<(), Stop> {
        let input =
            json!({ "SubscriptionArn": subscription, "AttributeName": "ReplayPolicy", "AttributeValue": policy });
        self.call("SetSubscriptionAttributes", &input).await?;
        Ok(())
    }

    /// The replay of a subscription and how it stands.
    async fn state(&mut self, subscription: &str) -> Result<(Value, Value), Stop> {
        let mut answer = self.call("GetSubscriptionAttributes", &json!({ "SubscriptionArn": subscription })).await?;
        let attributes = &mut answer["Attributes"];
        Ok((attributes["ReplayPolicy"].take(), status(&attributes["ReplayStatus"])))
    }
}

/// The word of a status, which may stand alone or as a member of JSON.
fn status(text: &Value) -> Value {
    let document = text.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let member =
        document.and_then(|document| ["status", "Status"].iter().find_map(|name| document.get(*name).cloned()));
    member.unwrap_or_else(|| text.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_a_word_alone_or_in_json() {
        assert_eq!(status(&json!("Completed")), json!("Completed"));
        assert_eq!(status(&json!(r#"{"status":"In progress"}"#)), json!("In progress"));
        assert_eq!(status(&Value::Null), Value::Null);
    }
}
