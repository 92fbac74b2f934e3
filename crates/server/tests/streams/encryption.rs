//! Records sealed with a key of KMS: who may, for how long what was allowed is allowed, and what is on the disk.

use crate::house::{House, Outcome};
use gateway::Caller;
use serde_json::{Value, json};

const HOUR_MILLIS: u64 = 3_600_000;
const REUSE_MILLIS: u64 = 300_000;

fn base64(text: &str) -> String {
    base64_simd::STANDARD.encode_to_string(text)
}

fn make_stream(house: &House, name: &str) {
    house.ask("CreateStream", json!({"StreamName": name, "ShardCount": 1})).unwrap();
}

/// A stream whose records are sealed with this key.
fn make_sealed(house: &House, name: &str, key: &str) {
    make_stream(house, name);
    start(house, name, key).unwrap();
}

fn start(house: &House, stream: &str, key: &str) -> Outcome {
    house.ask("StartStreamEncryption", json!({"StreamName": stream, "EncryptionType": "KMS", "KeyId": key}))
}

fn stop(house: &House, stream: &str) -> Outcome {
    house.ask("StopStreamEncryption", json!({"StreamName": stream, "EncryptionType": "KMS", "KeyId": "any"}))
}

fn put_as(house: &House, caller: Caller, stream: &str, data: &str) -> Outcome {
    let key: String = format!("key of {data}").chars().take(100).collect();
    let input = json!({"StreamName": stream, "PartitionKey": key, "Data": base64(data)});
    house.ask_as(caller, "PutRecord", &input)
}

fn put(house: &House, stream: &str, data: &str) -> Outcome {
    put_as(house, house.root(), stream, data)
}

/// What the first shard has from its beginning on, as one answer gives it.
fn read_as(house: &House, caller: Caller, stream: &str) -> Outcome {
    let asked = json!({"StreamName": stream, "ShardId": "shardId-000000000000", "ShardIteratorType": "TRIM_HORIZON"});
    let iterator = house.ask("GetShardIterator", asked).unwrap();
    house.ask_as(caller, "GetRecords", &json!({"ShardIterator": iterator["ShardIterator"]}))
}

fn read(house: &House, stream: &str) -> Outcome {
    read_as(house, house.root(), stream)
}

/// Data of records.
fn data(answer: &Value) -> Vec<String> {
    let text = |record: &Value| {
        let bytes = base64_simd::STANDARD.decode_to_vec(record["Data"].as_str().unwrap()).unwrap();
        String::from_utf8(bytes).unwrap()
    };
    answer["Records"].as_array().unwrap().iter().map(text).collect()
}

fn kind<T: std::fmt::Debug>(outcome: Result<T, (String, String)>) -> String {
    outcome.unwrap_err().0
}

#[test]
fn what_is_put_under_a_key_is_in_no_file_and_comes_back_as_it_was() {
    let house = House::new(false);
    let (key, _) = house.make_key();
    make_stream(&house, "open");
    make_sealed(&house, "sealed", &key);
    put(&house, "open", "IN-THE-CLEAR").unwrap();
    put(&house, "sealed", "HIDDEN-IN-THE-LOG").unwrap();
    let both = |house: &House| [&b"IN-THE-CLEAR"[..], b"HIDDEN-IN"].map(|text| !house.files_with(text).is_empty());
    assert_eq!(both(&house), [true, false], "in the log");
    // So many that log files are retired to segments, and snapshots stand in a checkpoint.
    let filling = "x".repeat(60_000);
    for round in 0..4 {
        for stream in ["open", "sealed"] {
            (0..4).for_each(|_| drop(put(&house, stream, &filling).unwrap()));
        }
        house.store.checkpoint().unwrap();
        assert_eq!(both(&house), [true, false], "in segments and checkpoints of round {round}");
    }
    let house = house.reopen();
    assert_eq!(both(&house), [true, false]);
    let (open, sealed) = (read(&house, "open").unwrap(), read(&house, "sealed").unwrap());
    assert_eq!((&data(&open)[0][..], &data(&sealed)[0][..]), ("IN-THE-CLEAR", "HIDDEN-IN-THE-LOG"));
    assert_eq!(sealed["Records"][0]["PartitionKey"], "key of HIDDEN-IN-THE-LOG");
    assert_eq!(sealed["Records"][0]["EncryptionType"], "KMS");
    assert_eq!(open["Records"][0].get("EncryptionType"), None, "AWS says nothing of NONE");
    assert!(house.files_with(b"key of HIDDEN").is_empty() && !house.files_with(b"key of IN-THE").is_empty());
}

#[test]
fn what_a_stream_says_of_its_encryption() {
    let house = House::new(false);
    make_stream(&house, "s");
    let described = |house: &House| {
        let summary = house.ask("DescribeStreamSummary", json!({"StreamName": "s"})).unwrap();
        let whole = house.ask("DescribeStream", json!({"StreamName": "s"})).unwrap();
        let (one, other) = (&summary["StreamDescriptionSummary"], &whole["StreamDescription"]);
        assert_eq!((&one["EncryptionType"], &one["KeyId"]), (&other["EncryptionType"], &other["KeyId"]));
        (one["EncryptionType"].as_str().unwrap().to_owned(), one["KeyId"].as_str().map(str::to_owned))
    };
    assert_eq!(described(&house), ("NONE".into(), None));
    assert_eq!(put(&house, "s", "a").unwrap().get("EncryptionType"), None);
    let (id, arn) = house.make_key();
    house.kms("CreateAlias", json!({"AliasName": "alias/mine", "TargetKeyId": id}));
    let alias_arn = arn.replace(&format!("key/{id}"), "alias/mine");
    let mut house = house;
    for key in [&id, &arn, "alias/mine", &alias_arn, "alias/aws/kinesis"] {
        start(&house, "s", key).unwrap();
        house = house.reopen();
        assert_eq!(described(&house), ("KMS".into(), Some(key.to_owned())), "as it was named");
        assert_eq!(put(&house, "s", "a").unwrap()["EncryptionType"], "KMS");
        let many = json!({"StreamName": "s", "Records": [{"Data": base64("b"), "PartitionKey": "p"}]});
        assert_eq!(house.ask("PutRecords", many).unwrap()["EncryptionType"], "KMS");
    }
    stop(&house, "s").unwrap();
    stop(&house, "s").unwrap();
    assert_eq!(described(&house), ("NONE".into(), None));
    assert_eq!(put(&house, "s", "c").unwrap().get("EncryptionType"), None);
    let expected = ["a", "a", "b", "a", "b", "a", "b", "a", "b", "a", "b", "c"];
    assert_eq!(data(&read(&house, "s").unwrap()), expected, "each opened by its own key");
}

#[test]
fn a_key_that_cannot_seal_is_refused_before_anything_changes() {
    let house = House::new(false);
    make_stream(&house, "s");
    let (disabled, arn) = house.make_key();
    house.kms("DisableKey", json!({"KeyId": disabled}));
    let (ending, _) = house.make_key();
    house.kms("ScheduleKeyDeletion", json!({"KeyId": ending, "PendingWindowInDays": 7}));
    let signing = house.kms("CreateKey", json!({"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}));
    for (key, error) in [
        ("1234abcd-12ab-34cd-56ef-1234567890ab", "KMSNotFoundException"),
        ("alias/nobody", "KMSNotFoundException"),
        ("n/a", "KMSNotFoundException"),
        (&disabled, "KMSDisabledException"),
        (&ending, "KMSInvalidStateException"),
        (signing["KeyMetadata"]["KeyId"].as_str().unwrap(), "InvalidArgumentException"),
    ] {
        assert_eq!(kind(start(&house, "s", key)), error, "{key}");
    }
    assert_eq!(start(&house, "s", &disabled).unwrap_err().1, format!("{arn} is disabled."));
    let none = json!({"StreamName": "s", "EncryptionType": "NONE", "KeyId": "alias/aws/kinesis"});
    assert_eq!(kind(house.ask("StartStreamEncryption", none.clone())), "InvalidArgumentException");
    assert_eq!(kind(house.ask("StopStreamEncryption", none)), "InvalidArgumentException");
    assert_eq!(kind(start(&house, "t", "alias/aws/kinesis")), "ResourceNotFoundException");
    assert_eq!(put(&house, "s", "a").unwrap().get("EncryptionType"), None);
}

#[test]
fn a_key_that_is_disabled_stops_both_sides_when_five_minutes_are_over() {
    let house = House::new(false);
    let (key, arn) = house.make_key();
    make_sealed(&house, "s", &key);
    put(&house, "s", "a").unwrap();
    assert_eq!(data(&read(&house, "s").unwrap()), ["a"]);
    house.kms("DisableKey", json!({"KeyId": key}));
    house.pass(REUSE_MILLIS - 1);
    put(&house, "s", "b").unwrap();
    assert_eq!(data(&read(&house, "s").unwrap()), ["a", "b"]);
    house.pass(1);
    let disabled = || Err(("KMSDisabledException".to_owned(), format!("{arn} is disabled.")));
    assert_eq!((put(&house, "s", "c"), read(&house, "s")), (disabled(), disabled()));
    let many = json!({"StreamName": "s", "Records": [{"Data": base64("b"), "PartitionKey": "p"}]});
    assert_eq!(house.ask("PutRecords", many), disabled(), "no record of it was put");
    house.kms("EnableKey", json!({"KeyId": key}));
    put(&house, "s", "d").unwrap();
    assert_eq!(data(&read(&house, "s").unwrap()), ["a", "b", "d"]);
}

#[test]
fn who_opens_nothing_new_is_asked_for_nothing_and_others_are() {
    let house = House::new(false);
    let (key, _) = house.make_key();
    make_sealed(&house, "s", &key);
    put(&house, "s", "a").unwrap();
    read(&house, "s").unwrap();
    house.kms("DisableKey", json!({"KeyId": key}));
    let mut other = house.root();
    other.access_key = Some("ANOTHER".into());
    assert_eq!(kind(read_as(&house, other.clone(), "s")), "KMSDisabledException");
    assert_eq!(kind(put_as(&house, other, "s", "b")), "KMSDisabledException");
    assert_eq!(data(&read(&house, "s").unwrap()), ["a"]);
}

#[test]
fn a_key_that_is_deleted_takes_what_it_sealed_with_it() {
    let house = House::new(false);
    let (key, arn) = house.make_key();
    make_sealed(&house, "s", &key);
    house.ask("IncreaseStreamRetentionPeriod", json!({"StreamName": "s", "RetentionPeriodHours": 240})).unwrap();
    put(&house, "s", "a").unwrap();
    house.kms("ScheduleKeyDeletion", json!({"KeyId": key, "PendingWindowInDays": 7}));
    house.pass(REUSE_MILLIS);
    assert_eq!(kind(read(&house, "s")), "KMSInvalidStateException");
    house.pass(7 * 24 * HOUR_MILLIS);
    let gone = read(&house, "s").unwrap_err();
    let sentence = "The ciphertext references a key that doesn't exist or that you don't have access to.";
    assert_eq!(gone, ("KMSAccessDeniedException".into(), sentence.into()));
    assert_eq!(put(&house, "s", "b"), Err(("KMSNotFoundException".into(), format!("Key '{arn}' does not exist"))));
    stop(&house, "s").unwrap();
    put(&house, "s", "c").unwrap();
    assert_eq!(read(&house, "s").unwrap_err(), gone, "nobody passes over what he cannot read");
}

#[test]
fn what_stands_before_a_record_that_cannot_be_opened_is_read() {
    let house = House::new(false);
    let (one, two) = (house.make_key().0, house.make_key().0);
    make_sealed(&house, "s", &one);
    put(&house, "s", "a").unwrap();
    stop(&house, "s").unwrap();
    put(&house, "s", "b").unwrap();
    start(&house, "s", &two).unwrap();
    put(&house, "s", "c").unwrap();
    put(&house, "s", "d").unwrap();
    house.kms("DisableKey", json!({"KeyId": two}));
    house.pass(1000);
    let first = read(&house, "s").unwrap();
    assert_eq!(data(&first), ["a", "b"]);
    assert_eq!(first["MillisBehindLatest"], 1000);
    let next = json!({"ShardIterator": first["NextShardIterator"]});
    assert_eq!(kind(house.ask("GetRecords", next.clone())), "KMSDisabledException");
    house.kms("EnableKey", json!({"KeyId": two}));
    let rest = house.ask("GetRecords", next).unwrap();
    assert_eq!((data(&rest), &rest["MillisBehindLatest"]), (vec!["c".into(), "d".into()], &json!(0)));
}

#[test]
fn producers_need_a_data_key_and_consumers_to_decrypt_in_the_streams_name() {
    let house = House::new(false);
    let (key, arn) = house.make_key();
    make_sealed(&house, "s", &key);
    make_sealed(&house, "t", &key);
    let stream = "arn:aws:kinesis:us-east-1:000000000000:stream/s";
    let allow = |action: &str| json!({"Effect": "Allow", "Action": action, "Resource": "*"});
    let on_key = |action: &str| {
        json!({"Effect": "Allow", "Action": action, "Resource": arn, "Condition": {"StringEquals": {
            "kms:EncryptionContext:aws:kinesis:arn": stream,
            "kms:ViaService": "kinesis.us-east-1.amazonaws.com"
        }}})
    };
    let may = |name: &str, statements: &[Value]| house.user(name, &json!(statements));
    let producer = may("producer", &[allow("kinesis:*"), on_key("kms:GenerateDataKey")]);
    let consumer = may("consumer", &[allow("kinesis:*"), on_key("kms:Decrypt")]);
    put_as(&house, producer.clone(), "s", "a").unwrap();
    put(&house, "t", "b").unwrap();
    assert_eq!(data(&read_as(&house, consumer.clone(), "s").unwrap()), ["a"]);
    let denied = "is not authorized to perform: kms:GenerateDataKey on resource";
    for (who, where_to) in [(&producer, "t"), (&consumer, "s")] {
        let (error, sentence) = put_as(&house, who.clone(), where_to, "x").unwrap_err();
        assert_eq!(error, "KMSAccessDeniedException");
        assert!(sentence.contains(denied), "{sentence}");
    }
    let (error, sentence) = read_as(&house, producer, "s").unwrap_err();
    assert_eq!(error, "KMSAccessDeniedException");
    let expected = "User AIDAPRODUCER is not authorized to decrypt records in stream 000000000000:s:1700000000";
    assert_eq!(sentence, expected);
    assert_eq!(kind(read_as(&house, consumer.clone(), "t")), "KMSAccessDeniedException");
    let input = json!({"StreamName": "s", "EncryptionType": "KMS", "KeyId": key});
    let refused = house.ask_as(consumer, "StartStreamEncryption", &input).unwrap_err();
    assert!(refused.0 == "KMSAccessDeniedException" && refused.1.contains("kms:DescribeKey"), "{refused:?}");
    let owner = may("owner", &[allow("kinesis:*"), allow("kms:DescribeKey")]);
    house.ask_as(owner, "StartStreamEncryption", &input).unwrap();
}

#[test]
fn the_services_own_key_needs_no_permission() {
    let house = House::new(false);
    make_sealed(&house, "s", "alias/aws/kinesis");
    let anybody = house.user("anybody", &json!([{"Effect": "Allow", "Action": "kinesis:*", "Resource": "*"}]));
    put_as(&house, anybody.clone(), "s", "a").unwrap();
    assert_eq!(data(&read_as(&house, anybody, "s").unwrap()), ["a"]);
}

#[test]
fn keys_change_twenty_five_times_a_day_where_awss_limits_hold() {
    let house = House::new(true);
    make_stream(&house, "s");
    let keys = [house.make_key().0, house.make_key().0];
    for round in 0..25 {
        house.pass(1000);
        start(&house, "s", &keys[round % 2]).unwrap();
    }
    start(&house, "s", &keys[0]).unwrap();
    let house = house.reopen();
    let (error, sentence) = start(&house, "s", &keys[1]).unwrap_err();
    assert_eq!(error, "LimitExceededException");
    assert!(sentence.contains("25 times within 24 hours"), "{sentence}");
    stop(&house, "s").unwrap();
    house.pass(24 * HOUR_MILLIS);
    start(&house, "s", &keys[1]).unwrap();
    let raised = House::new(false);
    make_stream(&raised, "s");
    let keys = [raised.make_key().0, raised.make_key().0];
    (0..60).for_each(|round| drop(start(&raised, "s", &keys[round % 2]).unwrap()));
}

#[test]
fn a_queue_on_a_stream_hands_out_opened_records_and_gives_back_what_it_may_not_open() {
    let house = House::new(false);
    let (key, arn) = house.make_key();
    make_sealed(&house, "s", &key);
    let stream = "arn:aws:kinesis:us-east-1:000000000000:stream/s";
    let on = json!([{"StreamARN": stream, "StartingPosition": {"Type": "TRIM_HORIZON"}}]);
    put(&house, "s", "a").unwrap();
    house
        .ask("UpdateStreamMode", json!({"StreamARN": stream, "StreamModeDetails": {"StreamMode": "ON_DEMAND"}}))
        .unwrap();
    let made = house.ask("CreateQueue", json!({"QueueName": "q", "StreamConfigurationList": on})).unwrap();
    let queue = made["QueueDescription"]["QueueARN"].as_str().unwrap().to_owned();
    let receive = |caller: Caller| {
        let input = json!({"QueueARN": queue, "WaitTimeSeconds": 1, "VisibilityTimeoutSeconds": 0});
        house.ask_as(caller, "ReceiveQueueRecords", &input)
    };
    let mut other = house.root();
    other.access_key = Some("ANOTHER".into());
    house.kms("DisableKey", json!({"KeyId": key}));
    let disabled = Err(("KMSDisabledException".to_owned(), format!("{arn} is disabled.")));
    assert_eq!(receive(other.clone()), disabled);
    house.kms("EnableKey", json!({"KeyId": key}));
    let received = receive(other).unwrap();
    let record = &received["QueueRecords"][0];
    assert_eq!(
        (&record["PartitionKey"], &record["ReceiveCount"]),
        (&json!("key of a"), &json!(1)),
        "not counted before"
    );
    assert_eq!(record["Data"], base64("a"));
}
