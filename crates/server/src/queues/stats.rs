//! `stats`: how much a queue holds, how old its oldest message is, and how much comes and goes.
//!
//! Counts are AWS's attributes. Age and rates are made from tidewire's own attributes, which any SDK can ask for by name and
//! which `All` leaves out; rates are differences over the interval asked for.

use super::words::Stats;
use super::{Session, Stop, name_of, number};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// tidewire's counters, since the server's start, and what a table calls them.
const COUNTERS: [(&str, &str, &str); 4] = [
    ("TidewireNumberOfMessagesSent", "sent", "sent_per_sec"),
    ("TidewireNumberOfMessagesReceived", "received", "received_per_sec"),
    ("TidewireNumberOfMessagesDeleted", "deleted", "deleted_per_sec"),
    ("TidewireNumberOfEmptyReceives", "empty_receives", "empty_receives_per_sec"),
];

const GAUGES: [(&str, &str); 4] = [
    ("ApproximateNumberOfMessages", "visible"),
    ("ApproximateNumberOfMessagesNotVisible", "in_flight"),
    ("ApproximateNumberOfMessagesDelayed", "delayed"),
    ("TidewireAgeOfOldestMessage", "oldest_secs"),
];

impl Session {
    pub(super) async fn stats(&mut self, words: &Stats) -> Result<(), Stop> {
        let names: Vec<&str> =
            COUNTERS.iter().map(|(name, ..)| *name).chain(GAUGES.iter().map(|(name, _)| *name)).collect();
        let first = (Instant::now(), self.attributes(&words.queue, &names).await?);
        let last = if words.interval > 0.0 {
            tokio::time::sleep(Duration::from_secs_f64(words.interval)).await;
            Some((Instant::now(), self.attributes(&words.queue, &names).await?))
        } else {
            None
        };
        let shown = last.as_ref().map_or(&first.1, |(_, attributes)| attributes);
        let mut stats = json!({ "name": name_of(&words.queue) });
        for (name, key) in GAUGES {
            stats[key] = number(&shown[name]);
        }
        for (name, key, _) in COUNTERS {
            stats[key] = number(&shown[name]);
        }
        if let Some((at, attributes)) = &last {
            let secs = at.duration_since(first.0).as_secs_f64();
            for (name, _, key) in COUNTERS {
                stats[key] = rate(&first.1[name], &attributes[name], secs);
            }
        }
        self.print_object(&stats)
    }
}

/// How much a counter rose a second; nothing if it fell, because then the server was started anew.
fn rate(before: &Value, after: &Value, secs: f64) -> Value {
    let counts = number(before).as_u64().zip(number(after).as_u64());
    let risen = counts.and_then(|(before, after)| after.checked_sub(before));
    risen.map_or(Value::Null, |risen| json!((risen as f64 / secs * 10.0).round() / 10.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_difference_over_time_and_never_negative() {
        assert_eq!(rate(&json!("10"), &json!("15"), 2.0), json!(2.5));
        assert_eq!(rate(&json!("10"), &json!("5"), 2.0), Value::Null);
        assert_eq!(rate(&Value::Null, &json!("5"), 2.0), Value::Null);
    }
}
