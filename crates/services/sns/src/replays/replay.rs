//! A replay as its topic knows it: which messages of the archive a subscription gets again, how far that is, and what a policy may ask.
//!
//! It is state of its subscription, changed by records alone (`records.rs`), so it goes on where it was after a crash. What is
//! published after a replay was decided is delivered as it is published; a replay ends where that begins. A new subscription of a FIFO
//! topic gets nothing as it is published before its replay has caught up, or groups would lose their order. Sources: SNS developer guide,
//! "Message replay for FIFO topic subscribers"; API references of Subscribe and SetSubscriptionAttributes.

use names::Instant;
use serde_json::Value;
use wire::Timestamp;

/// The attribute that asks for a replay, and the one that tells of it.
pub(crate) const REPLAY_POLICY: &str = "ReplayPolicy";
pub(crate) const REPLAY_STATUS: &str = "ReplayStatus";

const MEMBERS: [&str; 3] = ["PointType", "StartingPoint", "EndingPoint"];

/// What a policy asks for: messages that were published within this time, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Policy {
    start: Instant,
    end: Option<Instant>,
}

impl Policy {
    /// Reads a policy; nothing if it asks for no replay. The sentence behind the attribute's name.
    pub(crate) fn parse(text: &str) -> Result<Option<Self>, String> {
        if text.is_empty() {
            return Ok(None);
        }
        let members = match serde_json::from_str(text) {
            Ok(Value::Object(members)) => members,
            Ok(_) => return Err("JSON is missing required fields".to_owned()),
            Err(_) => return Err("Unable to parse JSON".to_owned()),
        };
        if members.is_empty() {
            return Ok(None);
        }
        if let Some(name) = members.keys().find(|name| !MEMBERS.contains(&name.as_str())) {
            return Err(format!("invalid JSON. Attribute {name} is unknown."));
        }
        let (Some(kind), Some(start)) = (members.get("PointType"), members.get("StartingPoint")) else {
            return Err("JSON is missing required fields".to_owned());
        };
        if kind.as_str() != Some("Timestamp") {
            return Err("Invalid PointType".to_owned());
        }
        let start = moment(start).ok_or("Invalid StartingPoint value")?;
        let end = members.get("EndingPoint").map(|end| moment(end).ok_or("Invalid EndingPoint value")).transpose()?;
        Ok(Some(Self { start, end }))
    }

    /// The replay that it comes to, of an archive that begins then, for a subscription that gets messages as they are published from
    /// `live` on; one that catches up gets none before it has, if the policy has no end.
    pub(crate) fn replay(
        self,
        beginning: Instant,
        now: Instant,
        live: Live,
        catches_up: bool,
    ) -> Result<Replay, &'static str> {
        let Self { start, end } = self;
        if start < beginning || now < start {
            return Err("Invalid StartingPoint value");
        }
        if end.is_some_and(|end| end < start || now < end) {
            return Err("Invalid EndingPoint value");
        }
        // What has an end catches up with nothing.
        let live = if catches_up && end.is_none() { Live::HELD_BACK } else { live };
        Ok(Replay { run: 0, start, end, live, next: 0, state: State::Pending })
    }
}

fn moment(value: &Value) -> Option<Instant> {
    let millis = Timestamp::parse_iso8601(value.as_str()?)?.millis();
    Some(Instant::from_millis(u64::try_from(millis).ok()?))
}

/// Where a subscription gets messages as they are published: what arrived in the archive later than this moment, or at this counter or
/// behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Live {
    pub(crate) after: Instant,
    pub(crate) counter: u64,
}

impl Live {
    /// Nowhere: not before the replay has caught up.
    pub(crate) const HELD_BACK: Self = Self { after: Instant::FAR_FUTURE, counter: u64::MAX };
}

/// How a replay stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum State {
    Pending = 1,
    InProgress = 2,
    Completed = 3,
    Failed = 4,
    /// Its subscription wants it no more: it is shown to nobody.
    Stopped = 5,
}

impl State {
    const ALL: [Self; 5] = [Self::Pending, Self::InProgress, Self::Completed, Self::Failed, Self::Stopped];

    pub(crate) fn numbered(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|state| *state as u8 == number)
    }

    /// As the console of AWS has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::InProgress => "In progress",
            Self::Completed => "Completed",
            Self::Failed => "Failed",
            Self::Stopped => "Stopped",
        }
    }

    /// Whether nothing more comes of it.
    pub(crate) fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Stopped)
    }
}

/// A replay of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Replay {
    /// Which it is of all replays of its topic.
    pub(crate) run: u64,
    pub(crate) start: Instant,
    pub(crate) end: Option<Instant>,
    pub(crate) live: Live,
    /// The counter of the archive to go on with; 0 before anything was looked for.
    pub(crate) next: u64,
    pub(crate) state: State,
}

impl Replay {
    /// Whether its subscription gets nothing as it is published before it has caught up.
    pub(crate) fn holds_back(&self) -> bool {
        !self.state.is_over() && self.live == Live::HELD_BACK
    }

    /// Whether it takes a message that was published then.
    pub(crate) fn wants(&self, published_at: Instant) -> bool {
        self.start <= published_at && self.end.is_none_or(|end| published_at <= end)
    }

    /// Whether it ends before what stands there in the archive, since then.
    pub(crate) fn ends_before(&self, counter: u64, arrived_at: Instant) -> bool {
        let is_late = |end: Instant| end.plus_millis(crate::limits::PUBLISH_MILLIS_MAX) < arrived_at;
        self.live.counter <= counter || self.live.after < arrived_at || self.end.is_some_and(is_late)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(policy: &str) -> String {
        Policy::parse(policy).unwrap_err()
    }

    #[test]
    fn a_policy_is_refused_in_words_that_name_what_is_wrong() {
        assert_eq!(why("{"), "Unable to parse JSON");
        assert_eq!(why("[]"), "JSON is missing required fields");
        assert_eq!(why(r#"{"PointType":"Timestamp"}"#), "JSON is missing required fields");
        assert_eq!(why(r#"{"StartingPoint":"2024-01-01T00:00:00Z"}"#), "JSON is missing required fields");
        let of = |kind: &str, start: &str, end: &str| {
            why(&format!(r#"{{"PointType":"{kind}","StartingPoint":"{start}","EndingPoint":"{end}"}}"#))
        };
        let good = "2024-01-01T00:00:00.000Z";
        assert_eq!(of("Sequence", good, good), "Invalid PointType");
        assert_eq!(of("Timestamp", "yesterday", good), "Invalid StartingPoint value");
        assert_eq!(of("Timestamp", good, "7"), "Invalid EndingPoint value");
        assert_eq!(why(r#"{"Rate":1}"#), "invalid JSON. Attribute Rate is unknown.");
        assert_eq!((Policy::parse("{}"), Policy::parse("")), (Ok(None), Ok(None)));
    }

    #[test]
    fn a_replay_lies_within_its_archive_and_the_past() {
        let at = Instant::from_millis;
        let live = Live { after: at(100), counter: 9 };
        let of = |start, end: Option<u64>| {
            Policy { start: at(start), end: end.map(at) }
                .replay(at(10), at(100), live, false)
                .map(|replay| replay.state)
        };
        assert_eq!(of(10, None), Ok(State::Pending));
        assert_eq!(of(100, Some(100)), Ok(State::Pending));
        assert_eq!(of(9, None), Err("Invalid StartingPoint value"));
        assert_eq!(of(101, None), Err("Invalid StartingPoint value"));
        assert_eq!(of(50, Some(49)), Err("Invalid EndingPoint value"));
        assert_eq!(of(50, Some(101)), Err("Invalid EndingPoint value"));
    }

    #[test]
    fn a_replay_ends_where_messages_come_as_they_are_published() {
        let at = Instant::from_millis;
        let live = Live { after: at(100), counter: 9 };
        let replay = Policy { start: at(10), end: Some(at(20)) }.replay(at(0), at(100), live, false).unwrap();
        assert!(replay.wants(at(10)) && replay.wants(at(20)) && !replay.wants(at(9)) && !replay.wants(at(21)));
        assert!(!replay.ends_before(8, at(100)) && replay.ends_before(9, at(5)) && replay.ends_before(1, at(101)));
        // A message that waited for its turn arrived later than it was published.
        let late = Replay { live: Live { after: Instant::FAR_FUTURE, counter: u64::MAX }, ..replay };
        let slack = crate::limits::PUBLISH_MILLIS_MAX;
        assert!(!late.ends_before(1, at(20 + slack)) && late.ends_before(1, at(21 + slack)));
    }
}
