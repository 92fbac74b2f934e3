//! `replay` and `parked`: what was sent comes once more, and message groups that stand still go on.
//!
//! Both ask with attributes that are done and not set, tidewire's extensions of SetQueueAttributes (docs/EXTENSIONS.md). The server
//! replays; the command starts it and watches, and a command that is ended leaves it running.

use super::words::{Parked, Replay};
use super::{Session, Stop, confirm, name_of, number};
use crate::progress::Progress;
use serde_json::{Value, json};
use std::time::Duration;

/// How often a replay is looked at.
const LOOK: Duration = Duration::from_millis(200);

const COLUMNS: [&str; 5] = ["status", "into", "only", "examined", "started"];

impl Session {
    pub(super) async fn replay(&mut self, words: &Replay) -> Result<(), Stop> {
        if words.status {
            return match self.latest(&words.queue).await? {
                Some(replay) => self.print_rows(&COLUMNS, &[row(&replay)]),
                None => self.print_rows(&COLUMNS, &[]),
            };
        }
        let Some(into) = &words.into else {
            return self.set(&words.queue, "TidewireReplay", String::new()).await;
        };
        let mut order = json!({ "into": self.arn(into).await?, "only": if words.deleted { "deleted" } else { "all" } });
        for (name, time) in [("from", &words.from), ("to", &words.to)] {
            if let Some(time) = time {
                order[name] = time.parse::<u64>().map_or_else(|_| time.as_str().into(), Value::from);
            }
        }
        self.set(&words.queue, "TidewireReplay", order.to_string()).await?;
        if words.no_wait {
            return Ok(());
        }
        let replay = self.watch_replay(&words.queue).await?;
        self.print_rows(&COLUMNS, &[row(&replay)])?;
        match replay["status"].as_str() {
            Some("Completed") => Ok(()),
            _ => Err(Stop::Failed("the replay ended before all was copied; what has arrived stays".into())),
        }
    }

    /// The replay when it runs no more.
    async fn watch_replay(&mut self, queue: &str) -> Result<Value, Stop> {
        let mut progress = Progress::of_messages("replaying");
        loop {
            let Some(replay) = self.latest(queue).await? else {
                return Err(Stop::Failed("the replay was ended by somebody else".into()));
            };
            // Also when all is done: a replay may be over before anybody looked at it.
            progress.count(replay["examined"].as_u64().unwrap_or(0));
            if replay["status"] != "In progress" {
                progress.clear();
                return Ok(replay);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn latest(&mut self, queue: &str) -> Result<Option<Value>, Stop> {
        let attributes = self.attributes(queue, &["TidewireReplay"]).await?;
        Ok(attributes["TidewireReplay"].as_str().and_then(|text| serde_json::from_str(text).ok()))
    }

    pub(super) async fn parked(&mut self, words: &Parked) -> Result<(), Stop> {
        let then = match (words.retry, words.drop_first, words.drop_all) {
            (true, ..) => Some("retry"),
            (_, true, _) => Some("drop-first"),
            (_, _, true) => Some("drop-all"),
            _ => None,
        };
        if let Some(then) = then {
            let mut asked = json!({ "then": then });
            let mut which = "all parked groups".to_owned();
            if let Some(group) = &words.group {
                asked["group"] = group.as_str().into();
                which = format!("the group {group}");
            }
            match then {
                "drop-first" => confirm(&format!("delete the first message of {which}"), self.yes)?,
                "drop-all" => confirm(&format!("delete all messages of {which}"), self.yes)?,
                _ => {}
            }
            self.set(&words.queue, "TidewireUnpark", asked.to_string()).await?;
        }
        let attributes = self.attributes(&words.queue, &["TidewireParkedGroups"]).await?;
        let parked = number(&attributes["TidewireParkedGroups"]);
        self.print_object(&json!({ "queue": name_of(&words.queue), "parked_groups": parked }))
    }

    async fn set(&mut self, queue: &str, name: &str, value: String) -> Result<(), Stop> {
        self.call("SetQueueAttributes", &json!({ "QueueUrl": queue, "Attributes": { name: value } })).await?;
        Ok(())
    }
}

fn row(replay: &Value) -> Value {
    json!({
        "status": replay["status"],
        "into": replay["into"],
        "only": replay["only"],
        "examined": replay["examined"],
        "started": replay["startedAt"],
    })
}
