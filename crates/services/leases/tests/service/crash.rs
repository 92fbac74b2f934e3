//! The power is cut in the middle of whatever the disk is doing: every acknowledged write is there again, what was refused is not,
//! and of a transaction all or nothing.
//!
//! Histories by seed, on the simulated disk; `TIDEWIRE_SEEDS` says how many.

use crate::house::{House, lease_table};
use journal::sim::SimDisk;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

const HISTORIES: u64 = 60;
const LIVES: u64 = 4;
const KEYS: u64 = 8;

/// What items a client may find: the last acknowledged, and those of writes that were not answered.
type Known = BTreeMap<String, Vec<Option<String>>>;

struct History {
    chance: fastrand::Rng,
    known: Known,
    /// Pairs of items that a transaction writes together.
    pairs: Vec<Option<String>>,
    metric: Vec<f64>,
    made: u64,
}

impl History {
    fn run(seed: u64) {
        let mut history = Self {
            chance: fastrand::Rng::with_seed(seed),
            known: Known::new(),
            pairs: vec![None],
            metric: Vec::new(),
            made: 0,
        };
        let mut disk = Arc::new(SimDisk::new(seed));
        House::open(&disk).ask("CreateTable", lease_table("app")).unwrap();
        for _ in 0..LIVES {
            let house = House::open(&disk);
            history.check(&house, seed);
            disk.power_off_at(disk.ops() + history.chance.u64(1..60));
            while history.step(&house) {}
            drop(house);
            disk = Arc::new(disk.crash());
        }
        history.check(&House::open(&disk), seed);
    }

    /// Does something; says whether the disk still lives.
    fn step(&mut self, house: &House) -> bool {
        self.made += 1;
        let word = format!("word {}", self.made);
        match self.chance.u32(..10) {
            0..=3 => self.put(house, word),
            4 => self.delete(house),
            5 => Self::fail(house),
            6..=7 => self.transact(house, word),
            8 => self.put_metric(house),
            _ => house.store.checkpoint().is_ok(),
        }
    }

    fn key(&mut self) -> String {
        format!("k{}", self.chance.u64(..KEYS))
    }

    fn put(&mut self, house: &House, word: String) -> bool {
        let key = self.key();
        let item = json!({"leaseKey": {"S": key}, "word": {"S": word}});
        let asked = house.ask("PutItem", json!({"TableName": "app", "Item": item}));
        note(self.known.entry(key).or_insert_with(|| vec![None]), Some(word), asked.is_ok())
    }

    fn delete(&mut self, house: &House) -> bool {
        let key = self.key();
        let asked = house.ask("DeleteItem", json!({"TableName": "app", "Key": {"leaseKey": {"S": key}}}));
        note(self.known.entry(key).or_insert_with(|| vec![None]), None, asked.is_ok())
    }

    /// A condition that does not hold: nothing of it may ever be seen.
    fn fail(house: &House) -> bool {
        let item = json!({"leaseKey": {"S": "k0"}, "word": {"S": "never"}});
        let asked = house.ask(
            "PutItem",
            json!({"TableName": "app", "Item": item, "ConditionExpression": "attribute_exists(never)"}),
        );
        asked.unwrap_err().code == "ConditionalCheckFailedException"
    }

    fn transact(&mut self, house: &House, word: String) -> bool {
        let put =
            |key: &str| json!({"Put": {"TableName": "app", "Item": {"leaseKey": {"S": key}, "word": {"S": word}}}});
        let asked = house.ask("TransactWriteItems", json!({"TransactItems": [put("left"), put("right")]}));
        note(&mut self.pairs, Some(word), asked.is_ok())
    }

    fn put_metric(&mut self, house: &House) -> bool {
        let value = self.made as f64;
        let asked = house
            .ask("PutMetricData", json!({"Namespace": "app", "MetricData": [{"MetricName": "m", "Value": value}]}));
        let done = asked.is_ok();
        if done {
            self.metric.clear();
        }
        self.metric.push(value);
        done
    }

    fn check(&mut self, house: &House, seed: u64) {
        let items: BTreeMap<String, String> = house
            .items("app")
            .into_iter()
            .map(|item: Value| {
                let text = |name: &str| item[name]["S"].as_str().unwrap().to_owned();
                (text("leaseKey"), text("word"))
            })
            .collect();
        for (key, may_be) in &mut self.known {
            let found = items.get(key).cloned();
            assert!(may_be.contains(&found), "seed {seed}: {key} is {found:?}, and was {may_be:?}");
            *may_be = vec![found];
        }
        let (left, right) = (items.get("left").cloned(), items.get("right").cloned());
        assert_eq!(left, right, "seed {seed}: half a transaction");
        assert!(self.pairs.contains(&left), "seed {seed}: the pair is {left:?}, and was {:?}", self.pairs);
        self.pairs = vec![left];
        let shown = house.sink.latest().first().map(|put| put.latest.sum);
        assert!(shown.is_none_or(|sum| self.metric.contains(&sum)), "seed {seed}: {shown:?} of {:?}", self.metric);
        self.metric = shown.into_iter().collect();
    }
}

/// What may be found after a write: that alone if it was acknowledged, else also what was before.
fn note(may_be: &mut Vec<Option<String>>, now: Option<String>, done: bool) -> bool {
    if done {
        may_be.clear();
    }
    may_be.push(now);
    done
}

#[test]
fn a_power_cut_takes_nothing_back_that_was_acknowledged() {
    let histories = std::env::var("TIDEWIRE_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(HISTORIES);
    (1..=histories).for_each(History::run);
}
