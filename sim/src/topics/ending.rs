//! The first requests of a history about topics, and the settling of accounts: receivers do well, and every queue is emptied.

use super::oracle::Draft;
use super::{QUEUES, SLOTS, TOPICS, Target, ask};
use crate::jobs::JOBS;
use crate::plan::Misfortunes;
use crate::world::{World, settle};

/// Turns of the receivers' network in which a few requests have come and gone.
const FEW_TURNS: usize = 8;

/// Looks after which receivers have to have got what is theirs, and what passes between two.
const DELIVERY_LOOKS: usize = 400;
const DELIVERY_MILLIS: u64 = 7_000;

/// For how long a message is hidden when a queue is emptied, in seconds: longer than that takes.
const DRAIN_HIDDEN_SECS: u64 = 40_000;

/// Empty receives after which a queue is, and such after a bit has rotted: what is damaged is taken and not shown.
const EMPTY_TURNS: usize = 2;
const EMPTY_ROTTEN_TURNS: usize = 20;

/// Past every lease and retry.
const LATER_MILLIS: u64 = 120_000;

impl World {
    /// Topics, queues and subscriptions, confirmed.
    pub(crate) async fn begin_topics(&mut self) -> Result<(), String> {
        for topic in 0..TOPICS.len() {
            self.must_succeed(&ask::create_topic(topic)).await?;
        }
        for queue in 0..QUEUES.len() {
            self.must_succeed(&ask::create_queue(queue)).await?;
        }
        self.subscribe_all().await
    }

    async fn subscribe_all(&mut self) -> Result<(), String> {
        for slot in 0..SLOTS.len() {
            self.must_succeed(&ask::subscribe(slot)).await?;
        }
        self.let_receivers_get(FEW_TURNS).await?;
        let is_receiver = |slot: &usize| matches!(SLOTS[*slot].target, Target::Receiver(_));
        for slot in (0..SLOTS.len()).filter(is_receiver) {
            if self.oracle.topics.is_unconfirmed(slot) {
                let confirmation = ask::confirm(&self.oracle.topics, slot);
                let confirmation =
                    confirmation.ok_or_else(|| format!("subscription {slot} is never told its token"))?;
                self.must_succeed(&confirmation).await?;
            }
        }
        Ok(())
    }

    /// Whatever is under way to receivers arrives, and is answered.
    pub(crate) async fn let_receivers_get(&mut self, turns: usize) -> Result<(), String> {
        for _ in 0..turns {
            settle().await;
            self.receivers.hurry();
            settle().await;
            self.job_turn(&JOBS[0]).await;
        }
        self.note_posts()
    }

    /// On a calm day everything that was acknowledged arrives, and nothing else.
    pub(crate) async fn conclude_topics(&mut self, misfortunes: Misfortunes) -> Result<(), String> {
        self.receivers.recover();
        // Past everything that any clock has promised.
        let ahead = self.oracle.wall_max() - self.wall;
        self.pass(ahead).await;
        self.let_all_be_delivered().await?;
        for topic in 0..TOPICS.len() {
            self.must_succeed(&ask::create_topic(topic)).await?;
        }
        for queue in 0..QUEUES.len() {
            self.must_succeed(&ask::create_queue(queue)).await?;
        }
        self.subscribe_all().await?;
        for (topic, kind) in TOPICS.iter().enumerate() {
            let group = kind.is_fifo.then_some(0);
            let dedup = group.map(|_| String::new());
            let draft = Draft { topic, group, dedup, of_attribute: "a", of_body: "a", filler: 0 };
            let number = self.oracle.topics.new_message(draft);
            let request = ask::publish_one(&self.oracle.topics, number);
            self.must_succeed(&request).await?;
        }
        self.let_all_be_delivered().await?;
        let rots = misfortunes.bit_rot && self.chance.u8(..4) == 0;
        let damage = if rots { self.let_rot().await? } else { None };
        if rots && damage.is_none() {
            // The start was refused, and said why.
            return Ok(());
        }
        self.oracle.topics.is_rotten = rots;
        self.pass(LATER_MILLIS).await;
        for queue in 0..QUEUES.len() {
            self.empty_subscribed_queue(queue).await?;
        }
        match damage {
            None => self.oracle.topics.check_all(),
            Some(damage) => {
                let missing = self.oracle.topics.missing_bytes();
                self.report.unreadable += u64::from(missing > 0);
                self.check_missing("topics", missing).map_err(|why| format!("{why}: {damage}"))
            }
        }
    }

    async fn let_all_be_delivered(&mut self) -> Result<(), String> {
        for _ in 0..DELIVERY_LOOKS {
            self.let_receivers_get(FEW_TURNS).await?;
            if !self.oracle.topics.has_receivers_waiting() {
                break;
            }
            self.pass(DELIVERY_MILLIS).await;
            for queue in (0..QUEUES.len()).filter(|queue| QUEUES[*queue].name.starts_with("dead")) {
                // What was given up is looked for where it is then.
                self.ask_quietly(&ask::receive(queue, 10, 5, 0)).await?;
            }
        }
        Ok(())
    }

    async fn empty_subscribed_queue(&mut self, queue: usize) -> Result<(), String> {
        let most = if self.oracle.topics.is_rotten { EMPTY_ROTTEN_TURNS } else { EMPTY_TURNS };
        let mut empty = 0;
        while empty < most {
            let answer = self.must_succeed(&ask::receive(queue, 10, DRAIN_HIDDEN_SECS, 0)).await?;
            let messages = answer.body["Messages"].as_array().map_or(&[][..], Vec::as_slice);
            empty = if messages.is_empty() { empty + 1 } else { 0 };
            let handle = |message: &serde_json::Value| message["ReceiptHandle"].as_str().map(str::to_owned);
            let handles: Vec<String> = messages.iter().filter_map(handle).collect();
            if !handles.is_empty() {
                // What stands behind these in their groups is handed out once they are deleted.
                self.must_succeed(&ask::remove(queue, handles)).await?;
            }
        }
        Ok(())
    }
}
