//! How much one GetRecords answers, and what a disk that is full does to a resharding.

use crate::house::House;
use serde_json::{Value, json};

/// What AWS answers at the most (service model, GetRecords).
const BYTES_MAX: usize = 10 << 20;
const RECORDS_MAX: usize = 10_000;

fn data(bytes: usize) -> String {
    base64_simd::STANDARD.encode_to_string(vec![b'x'; bytes])
}

fn put(house: &House, sizes: &[usize]) {
    let record = |size: &usize| json!({"PartitionKey": "key", "Data": data(size - 3)});
    for some in sizes.chunks(10) {
        let records: Vec<_> = some.iter().map(record).collect();
        let answer = house.ask("PutRecords", json!({"StreamName": "s", "Records": records})).unwrap();
        assert_eq!(answer["FailedRecordCount"], 0);
    }
}

/// Sizes of the records of each answer, from the first to the last.
fn answers(house: &House) -> Vec<Vec<usize>> {
    let asked = json!({"StreamName": "s", "ShardId": "0", "ShardIteratorType": "TRIM_HORIZON"});
    let mut iterator = house.ask("GetShardIterator", asked).unwrap()["ShardIterator"].clone();
    let mut found = Vec::new();
    loop {
        let answer = house.ask("GetRecords", json!({"ShardIterator": iterator})).unwrap();
        let size = |record: &Value| {
            let text = record["Data"].as_str().unwrap();
            base64_simd::STANDARD.decode_to_vec(text).unwrap().len() + record["PartitionKey"].as_str().unwrap().len()
        };
        found.push(answer["Records"].as_array().unwrap().iter().map(size).collect());
        iterator = answer["NextShardIterator"].clone();
        if answer["MillisBehindLatest"] == 0 {
            return found;
        }
    }
}

#[test]
fn an_answer_has_ten_mebibytes_at_the_most_and_the_next_goes_on_behind_it() {
    // Strides of the index end anywhere within these, so that what is fetched is more than what fits.
    let sizes: Vec<_> = (0..400).map(|n| 3 + (n * 7919) % 60_000).chain([BYTES_MAX / 40; 60]).collect();
    for is_sealed in [false, true] {
        let house = House::roomy(false);
        house.ask("CreateStream", json!({"StreamName": "s", "ShardCount": 1})).unwrap();
        if is_sealed {
            let key = json!({"StreamName": "s", "EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"});
            house.ask("StartStreamEncryption", key).unwrap();
        }
        put(&house, &sizes);
        let answers = answers(&house);
        assert_eq!(answers.concat(), sizes, "each once and in order");
        assert!(answers.iter().all(|answer| answer.iter().sum::<usize>() <= BYTES_MAX));
        for pair in answers.windows(2) {
            let next = pair[1].first().unwrap_or(&0);
            assert!(pair[0].iter().sum::<usize>() + next > BYTES_MAX, "as many as fit");
        }
        assert_eq!(answers.len(), 3);
    }
}

#[test]
fn an_answer_has_ten_thousand_records_at_the_most() {
    let house = House::roomy(false);
    house.ask("CreateStream", json!({"StreamName": "s", "ShardCount": 1})).unwrap();
    let record = json!({"PartitionKey": "k", "Data": ""});
    let records: Vec<_> = (0..500).map(|_| record.clone()).collect();
    for _ in 0..21 {
        house.ask("PutRecords", json!({"StreamName": "s", "Records": records})).unwrap();
    }
    let counts: Vec<_> = answers(&house).iter().map(Vec::len).collect();
    assert_eq!(counts, [RECORDS_MAX, 500]);
}

#[test]
fn a_disk_that_is_full_leaves_the_shards_as_they_are_and_the_same_request_passes_later() {
    let house = House::new(false);
    house.ask("CreateStream", json!({"StreamName": "s", "ShardCount": 2})).unwrap();
    house.disk.set_capacity(1 << 19);
    house.store.journal().tend().unwrap();
    let entry = json!({"PartitionKey": "k", "Data": data(20_000)});
    let refused = (0..200).any(|_| {
        let answer = house.ask("PutRecords", json!({"StreamName": "s", "Records": [entry]})).unwrap();
        answer["FailedRecordCount"] == 1
    });
    assert!(refused, "a disk of half a megabyte takes no four megabytes");
    let shards = || house.ask("ListShards", json!({"StreamName": "s"})).unwrap();
    let before = shards();
    let split = json!({"StreamName": "s", "ShardToSplit": "0", "NewStartingHashKey": "77"});
    let merge = json!({"StreamName": "s", "ShardToMerge": "0", "AdjacentShardToMerge": "1"});
    let count = json!({"StreamName": "s", "TargetShardCount": 4, "ScalingType": "UNIFORM_SCALING"});
    for (operation, input) in [("SplitShard", &split), ("MergeShards", &merge), ("UpdateShardCount", &count)] {
        assert_eq!(house.ask(operation, input.clone()).unwrap_err().0, "ServiceUnavailableException", "{operation}");
        assert_eq!(shards(), before, "{operation} has changed nothing");
    }
    house.disk.set_capacity(1 << 30);
    house.store.journal().tend().unwrap();
    house.ask("SplitShard", split).unwrap();
    let house = house.reopen();
    let after = house.ask("ListShards", json!({"StreamName": "s"})).unwrap();
    assert_eq!(after["Shards"].as_array().unwrap().len(), 4);
    house.ask("PutRecord", json!({"StreamName": "s", "PartitionKey": "k", "Data": data(1)})).unwrap();
}
