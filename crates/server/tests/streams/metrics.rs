//! What is counted of streams and shards.

use crate::house::House;
use kinesis::{Counter, MeteredShard};
use serde_json::{Value, json};

fn data(bytes: usize) -> String {
    base64_simd::STANDARD.encode_to_string(vec![b'x'; bytes])
}

fn make(house: &House, name: &str) {
    house.ask("CreateStream", json!({"StreamName": name, "ShardCount": 1})).unwrap();
}

fn put(house: &House, name: &str) {
    house.ask("PutRecord", json!({"StreamName": name, "PartitionKey": "key", "Data": data(7)})).unwrap();
}

fn iterator(house: &House, name: &str) -> Value {
    let asked = json!({"StreamName": name, "ShardId": "0", "ShardIteratorType": "TRIM_HORIZON"});
    house.ask("GetShardIterator", asked).unwrap()["ShardIterator"].clone()
}

fn read(house: &House, iterator: &Value) -> Value {
    house.ask("GetRecords", json!({"ShardIterator": iterator, "Limit": 2})).unwrap_or_default()
}

/// Counts of a stream by its name; of the others by none.
fn counts<const N: usize>(house: &House, name: Option<&str>, counters: [Counter; N]) -> [u64; N] {
    let metered = house.kinesis.metered();
    let is_meant = |stream: &kinesis::MeteredStream| stream.stream.as_ref().map(|(_, _, name)| &**name) == name;
    let found = metered.iter().find(|stream| is_meant(stream)).unwrap();
    counters.map(|counter| found.counts.of(counter))
}

#[test]
fn each_call_is_counted_as_cloudwatch_counts_it() {
    use Counter::*;
    let house = House::roomy(true);
    make(&house, "s");
    (0..3).for_each(|_| put(&house, "s"));
    let wrong = json!({"StreamName": "s", "PartitionKey": "key", "ExplicitHashKey": "1", "Data": data(2 << 20)});
    house.ask("PutRecord", wrong).unwrap_err();
    let puts = [PutRecordCalls, PutRecordSuccess, PutRecordBytes, IncomingRecords, IncomingBytes];
    assert_eq!(counts(&house, Some("s"), puts), [4, 3, 30, 3, 30]);
    house.clock.advance_millis(1000);
    let entry = json!({"PartitionKey": "k", "Data": data(400_000)});
    let many = house.ask("PutRecords", json!({"StreamName": "s", "Records": [entry, entry, entry]})).unwrap();
    assert_eq!(many["FailedRecordCount"], 1, "a mebibyte within a second");
    let of_many = [PutRecordsCalls, PutRecordsSuccess, PutRecordsTotal, PutRecordsSuccessful, PutRecordsThrottled];
    assert_eq!(counts(&house, Some("s"), of_many), [1, 1, 3, 2, 1]);
    let rest = [PutRecordsFailed, PutRecordsBytes, WriteExceeded, IncomingRecords];
    assert_eq!(counts(&house, Some("s"), rest), [0, 800_002, 1, 5]);
    house.clock.advance_millis(2500);
    let iterator = iterator(&house, "s");
    assert_eq!(read(&house, &iterator)["MillisBehindLatest"], 3500);
    (0..5).for_each(|_| drop(read(&house, &iterator)));
    let reads = [GetRecordsCalls, GetRecordsSuccess, GetRecordsRecords, GetRecordsBytes, ReadExceeded];
    assert_eq!(counts(&house, Some("s"), reads), [6, 5, 10, 100, 1], "five reads within a second");
    let metered = house.kinesis.metered();
    assert_eq!(metered[0].counts.iterator_age_millis, 3500);
}

#[test]
fn streams_beyond_the_bound_are_counted_together_and_deleted_ones_too() {
    let house = House::new(false);
    for name in ["a", "b", "c", "d", "e"] {
        make(&house, name);
        put(&house, name);
    }
    let shown = |house: &House| -> Vec<Option<String>> {
        house.kinesis.metered().into_iter().map(|stream| stream.stream.map(|(_, _, name)| name.into())).collect()
    };
    assert_eq!(shown(&house), [Some("a".into()), Some("b".into()), Some("c".into()), None]);
    assert_eq!(counts(&house, None, [Counter::IncomingRecords]), [2]);
    house.ask("DeleteStream", json!({"StreamName": "b"})).unwrap();
    assert_eq!(counts(&house, None, [Counter::IncomingRecords]), [3]);
    assert_eq!(shown(&house), [Some("a".into()), Some("c".into()), None]);
    let totals = house.kinesis.totals();
    assert_eq!((totals.streams, totals.open_shards), (4, 4));
}

#[test]
fn shards_are_counted_where_somebody_asks_for_it_and_as_many_as_there_is_place_for() {
    let house = House::new(false);
    house.ask("CreateStream", json!({"StreamName": "s", "ShardCount": 3})).unwrap();
    let spread = || {
        for n in 0..30 {
            let input = json!({"StreamName": "s", "PartitionKey": format!("k{n}"), "Data": data(1)});
            house.ask("PutRecord", input).unwrap();
        }
    };
    spread();
    assert!(house.kinesis.metered_shards().is_empty());
    let monitor = |operation: &str, names: &[&str]| {
        house.ask(operation, json!({"StreamName": "s", "ShardLevelMetrics": names})).unwrap()
    };
    monitor("EnableEnhancedMonitoring", &["IncomingRecords", "IteratorAgeMilliseconds"]);
    spread();
    let metered = house.kinesis.metered_shards();
    assert_eq!(metered.len(), 2, "the house has place for two");
    let asked = |shard: &MeteredShard| shard.values.map(|value| value.is_some());
    assert!(metered.iter().all(|shard| asked(shard) == [false, true, false, false, false, false, true]));
    let counted: u64 = metered.iter().map(|shard| shard.values[1].unwrap()).sum();
    assert!(counted > 0 && counted < 30, "{counted} of two of three shards, since it was asked for");
    monitor("DisableEnhancedMonitoring", &["ALL"]);
    assert!(house.kinesis.metered_shards().is_empty());
    house.pass(60_000);
    monitor("EnableEnhancedMonitoring", &["ALL"]);
    assert!(house.kinesis.metered_shards().is_empty(), "what was counted is gone");
}
