//! The power is cut in the middle of whatever the disk is doing, and every acknowledged change of a key is there again, and
//! what was encrypted is decrypted.
//!
//! Histories by seed, on the simulated disk; `TIDEWIRE_SEEDS` says how many.

use crate::house::{House, OPENED_AT};
use base64_simd::STANDARD;
use journal::sim::SimDisk;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

const HISTORIES: u64 = 60;
const LIVES: u64 = 4;

/// What a client knows of a key.
#[derive(Debug, Default, Clone)]
struct Known {
    /// What it may say of itself: the last word acknowledged, and one more if its change was not answered.
    words: Vec<String>,
    enabled: Vec<bool>,
    /// A plaintext and its ciphertext.
    sealed: Vec<(String, Value)>,
    alias: Option<String>,
}

struct History {
    chance: fastrand::Rng,
    known: BTreeMap<String, Known>,
    made: usize,
}

impl History {
    fn run(seed: u64) {
        let mut history = Self { chance: fastrand::Rng::with_seed(seed), known: BTreeMap::new(), made: 0 };
        let mut disk = Arc::new(SimDisk::new(seed));
        for life in 0..LIVES {
            let house = House::open_at(&disk, OPENED_AT.plus_secs(life));
            history.check(&house, seed);
            disk.power_off_at(disk.ops() + history.chance.u64(1..60));
            while history.step(&house) {}
            disk = Arc::new(disk.crash());
        }
        let house = House::open_at(&disk, OPENED_AT.plus_secs(LIVES));
        history.check(&house, seed);
    }

    /// Does something; says whether the disk still lives.
    fn step(&mut self, house: &House) -> bool {
        self.made += 1;
        let word = format!("word {}", self.made);
        let ids: Vec<String> = self.known.keys().cloned().collect();
        let id = if ids.is_empty() { String::new() } else { ids[self.chance.usize(..ids.len())].clone() };
        match self.chance.u32(..8) {
            _ if id.is_empty() => self.create(house, &word),
            0 => self.create(house, &word),
            1 | 2 => {
                let done = house.ask("UpdateKeyDescription", json!({"KeyId": id, "Description": word}));
                note(&mut self.known.get_mut(&id).unwrap().words, word, done.is_ok())
            }
            3 => {
                let enable = self.chance.bool();
                let done = house.ask(if enable { "EnableKey" } else { "DisableKey" }, json!({"KeyId": id}));
                note(&mut self.known.get_mut(&id).unwrap().enabled, enable, done.is_ok())
            }
            4 => match house.ask("RotateKeyOnDemand", json!({"KeyId": id})) {
                Ok(_) => true,
                Err(why) => !why.starts_with("ServiceUnavailable"),
            },
            5 => {
                let alias = format!("alias/{}", self.made);
                let done = house.ask("CreateAlias", json!({"AliasName": alias, "TargetKeyId": id})).is_ok();
                if done {
                    self.known.get_mut(&id).unwrap().alias = Some(alias);
                }
                done
            }
            _ => self.encrypt(house, &id, &word),
        }
    }

    fn create(&mut self, house: &House, word: &str) -> bool {
        let Ok(made) = house.ask("CreateKey", json!({"Description": word})) else { return false };
        let id = made["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned();
        self.known.insert(id, Known { words: vec![word.into()], enabled: vec![true], ..Known::default() });
        true
    }

    /// A ciphertext that was given away can be opened for ever.
    fn encrypt(&mut self, house: &House, id: &str, word: &str) -> bool {
        let plain = STANDARD.encode_to_string(word);
        match house.ask("Encrypt", json!({"KeyId": id, "Plaintext": plain})) {
            Ok(sealed) => {
                self.known.get_mut(id).unwrap().sealed.push((plain, sealed["CiphertextBlob"].clone()));
                true
            }
            Err(why) => !why.starts_with("ServiceUnavailable"),
        }
    }

    fn check(&mut self, house: &House, seed: u64) {
        for (id, known) in &mut self.known {
            let metadata = house.ask("DescribeKey", json!({"KeyId": id})).unwrap()["KeyMetadata"].clone();
            let word = metadata["Description"].as_str().unwrap().to_owned();
            let enabled = metadata["Enabled"].as_bool().unwrap();
            assert!(
                known.words.contains(&word) && known.enabled.contains(&enabled),
                "seed {seed}: {known:?} is {metadata}"
            );
            (known.words, known.enabled) = (vec![word], vec![enabled]);
            if let Some(alias) = &known.alias {
                assert_eq!(house.ask("DescribeKey", json!({"KeyId": alias})).unwrap()["KeyMetadata"]["KeyId"], **id);
            }
            for (plain, sealed) in known.sealed.iter().filter(|_| enabled) {
                let opened = house.ask("Decrypt", json!({"CiphertextBlob": sealed})).unwrap();
                assert_eq!(opened["Plaintext"], **plain, "seed {seed}");
            }
        }
    }
}

/// What was asked for is so, or may be if nobody answered.
fn note<T>(may_be: &mut Vec<T>, new: T, is_answered: bool) -> bool {
    if is_answered {
        may_be.clear();
    }
    may_be.push(new);
    is_answered
}

#[test]
fn every_acknowledged_change_survives_a_power_cut_at_any_moment() {
    let seeds = std::env::var("TIDEWIRE_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(HISTORIES);
    (1..=seeds).for_each(History::run);
}
