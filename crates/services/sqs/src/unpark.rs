//! `TidewireUnpark`: what becomes of message groups that are parked, as the queue's owner says it.
//!
//! A JSON object, `{"group":"orders-17","then":"retry"}`, which is not set but done: by SetQueueAttributes, once, and nothing of
//! it is kept. Without a group it is for all that are parked. The machine's side is `queue::Unpark`.

use crate::grouping;
use crate::refusal::Refusal;
use queue::{Command, Unpark};
use serde_json::Value;

const NAME: &str = "TidewireUnpark";

/// Takes the text.
pub(crate) fn parse_attribute(text: &str) -> Result<String, Refusal> {
    let wrong = || {
        let reason = "It is a JSON object with a group, or none, and then: retry, drop-first or drop-all.";
        Refusal::invalid_value(text, NAME, reason)
    };
    command(text).map(|_| text.to_owned()).ok_or_else(wrong)
}

/// What a text asks the queue machine.
pub(crate) fn command(text: &str) -> Option<Command> {
    let Ok(Value::Object(given)) = serde_json::from_str(text) else { return None };
    let group = match given.get("group") {
        None => None,
        Some(group) => Some(grouping::group_digest(group.as_str()?)),
    };
    let how = match given.get("then").map_or(Some("retry"), Value::as_str)? {
        "retry" => Unpark::Release,
        "drop-first" => Unpark::DropFirst,
        "drop-all" => Unpark::DropAll,
        _ => return None,
    };
    given.keys().all(|key| ["group", "then"].contains(&key.as_str())).then_some(Command::Unpark { group, how })
}

/// Whether a text asks for messages to be deleted.
pub(crate) fn drops(text: &str) -> bool {
    matches!(command(text), Some(Command::Unpark { how: Unpark::DropFirst | Unpark::DropAll, .. }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_retried_where_nobody_says_otherwise() {
        assert_eq!(command("{}"), Some(Command::Unpark { group: None, how: Unpark::Release }));
        let group = Some(grouping::group_digest("g"));
        assert_eq!(
            command(r#"{"group":"g","then":"drop-all"}"#),
            Some(Command::Unpark { group, how: Unpark::DropAll })
        );
        assert!(drops(r#"{"then":"drop-first"}"#) && !drops("{}"));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for wrong in ["", "g", "[]", r#"{"group":7}"#, r#"{"then":"drop"}"#, r#"{"groups":"g"}"#] {
            let refusal = parse_attribute(wrong).unwrap_err();
            assert!(
                refusal.message.contains("for parameter TidewireUnpark is invalid"),
                "{wrong}: {}",
                refusal.message
            );
        }
    }
}
