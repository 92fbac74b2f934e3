//! What an account commits itself to, what that unlocks, and how many streams on demand it may have.

use crate::house::{House, Outcome};
use serde_json::{Value, json};

const HOUR_MILLIS: u64 = 3_600_000;

fn switch(house: &House, status: &str) -> Value {
    let asked = json!({"MinimumThroughputBillingCommitment": {"Status": status}});
    let answer = house.ask("UpdateAccountSettings", asked).unwrap();
    assert_eq!(shown(house), answer["MinimumThroughputBillingCommitment"], "as it is shown from then on");
    answer["MinimumThroughputBillingCommitment"].clone()
}

fn shown(house: &House) -> Value {
    house.ask("DescribeAccountSettings", json!({})).unwrap()["MinimumThroughputBillingCommitment"].clone()
}

fn on_demand(house: &House, name: &str, warm: Option<i32>) -> Outcome {
    let mut input = json!({"StreamName": name, "StreamModeDetails": {"StreamMode": "ON_DEMAND"}});
    if let Some(warm) = warm {
        input["WarmThroughputMiBps"] = warm.into();
    }
    house.ask("CreateStream", input)
}

fn warm(house: &House, name: &str, mibps: i32) -> Outcome {
    house.ask("UpdateStreamWarmThroughput", json!({"StreamName": name, "WarmThroughputMiBps": mibps}))
}

/// Open shards, and what is said of warm throughput.
fn summary(house: &House, name: &str) -> (u64, Value) {
    let answer = house.ask("DescribeStreamSummary", json!({"StreamName": name})).unwrap();
    let summary = &answer["StreamDescriptionSummary"];
    (summary["OpenShardCount"].as_u64().unwrap(), summary["WarmThroughput"].clone())
}

fn at(mibps: u64) -> Value {
    json!({"TargetMiBps": mibps, "CurrentMiBps": mibps})
}

#[test]
fn a_commitment_lasts_for_a_day_at_the_least_and_over_a_restart() {
    let house = House::new(false);
    assert_eq!(shown(&house), json!({"Status": "DISABLED"}));
    assert_eq!(switch(&house, "DISABLED"), json!({"Status": "DISABLED"}));
    let (start, day) = (1_700_000_000, 86_400);
    let on = |status: &str| json!({"Status": status, "StartedAt": start, "EarliestAllowedEndAt": start + day});
    assert_eq!(switch(&house, "ENABLED"), on("ENABLED"));
    house.pass(HOUR_MILLIS);
    assert_eq!(switch(&house, "DISABLED"), on("ENABLED_UNTIL_EARLIEST_ALLOWED_END"));
    let house = house.reopen();
    assert_eq!(shown(&house), on("ENABLED_UNTIL_EARLIEST_ALLOWED_END"));
    assert_eq!(switch(&house, "ENABLED"), on("ENABLED"), "the end is taken back");
    switch(&house, "DISABLED");
    house.pass(23 * HOUR_MILLIS);
    let over = json!({"Status": "DISABLED", "StartedAt": start, "EndedAt": start + day});
    assert_eq!(shown(&house), over);
    assert_eq!(switch(&house, "DISABLED"), over);
    house.store.checkpoint().unwrap();
    let house = house.reopen();
    assert_eq!(shown(&house), over);
    assert_eq!(switch(&house, "ENABLED")["StartedAt"], start + day, "another commitment");
}

#[test]
fn a_commitment_is_of_one_account_in_one_region() {
    let house = House::new(false);
    switch(&house, "ENABLED");
    let elsewhere = house.root().in_region(&names::Region::parse("eu-west-1").unwrap());
    let answer = house.ask_as(elsewhere, "DescribeAccountSettings", &json!({})).unwrap();
    assert_eq!(answer["MinimumThroughputBillingCommitment"]["Status"], "DISABLED");
}

#[test]
fn shards_grow_to_the_warm_throughput_and_shrink_with_it() {
    let house = House::new(false);
    let needs = (
        "InvalidArgumentException".to_owned(),
        "WarmThroughputMiBps needs an account with MinimumThroughputBillingCommitment.".to_owned(),
    );
    assert_eq!(on_demand(&house, "s", Some(8)), Err(needs.clone()));
    on_demand(&house, "s", None).unwrap();
    assert_eq!(warm(&house, "s", 8), Err(needs));
    switch(&house, "ENABLED");
    assert_eq!(summary(&house, "s"), (4, Value::Null));
    let answer = warm(&house, "s", 24).unwrap();
    let arn = "arn:aws:kinesis:us-east-1:000000000000:stream/s";
    assert_eq!(answer, json!({"StreamARN": arn, "StreamName": "s", "WarmThroughput": at(24)}));
    assert_eq!(summary(&house, "s"), (24, at(24)));
    let house = house.reopen();
    assert_eq!(summary(&house, "s"), (24, at(24)));
    warm(&house, "s", 5).unwrap();
    assert_eq!(summary(&house, "s"), (5, at(5)));
    warm(&house, "s", 0).unwrap();
    assert_eq!(summary(&house, "s"), (4, at(0)), "never less than a stream on demand begins with");
    on_demand(&house, "t", Some(10)).unwrap();
    assert_eq!(summary(&house, "t"), (10, at(10)));
    let (error, sentence) = warm(&house, "t", 10_241).unwrap_err();
    assert!(error == "LimitExceededException" && sentence.contains("10240"), "{sentence}");
    switch(&house, "DISABLED");
    house.pass(24 * HOUR_MILLIS);
    assert_eq!(summary(&house, "t"), (10, Value::Null), "shown while the commitment holds");
}

#[test]
fn provisioned_streams_are_not_kept_warm() {
    let house = House::new(false);
    switch(&house, "ENABLED");
    house.ask("CreateStream", json!({"StreamName": "p", "ShardCount": 2})).unwrap();
    assert_eq!(warm(&house, "p", 8).unwrap_err().0, "ValidationException");
    let both = json!({"StreamName": "q", "ShardCount": 2, "WarmThroughputMiBps": 8});
    assert_eq!(house.ask("CreateStream", both).unwrap_err().0, "ValidationException");
    let mode = |mode: &str, warm: Option<i32>| {
        let arn = "arn:aws:kinesis:us-east-1:000000000000:stream/p";
        let mut input = json!({"StreamARN": arn, "StreamModeDetails": {"StreamMode": mode}});
        if let Some(warm) = warm {
            input["WarmThroughputMiBps"] = warm.into();
        }
        house.ask("UpdateStreamMode", input)
    };
    assert_eq!(mode("PROVISIONED", Some(8)).unwrap_err().0, "ValidationException");
    mode("ON_DEMAND", Some(8)).unwrap();
    assert_eq!(summary(&house, "p"), (8, at(8)));
    mode("PROVISIONED", None).unwrap();
    assert_eq!(summary(&house, "p"), (8, Value::Null), "its shards stay");
}

fn register(house: &House, stream: &str, name: &str) -> Outcome {
    let arn = format!("arn:aws:kinesis:us-east-1:000000000000:stream/{stream}");
    house.ask("RegisterStreamConsumer", json!({"StreamARN": arn, "ConsumerName": name}))
}

#[test]
fn a_committed_accounts_streams_on_demand_have_fifty_consumers() {
    let house = House::new(false);
    on_demand(&house, "s", None).unwrap();
    house.ask("CreateStream", json!({"StreamName": "p", "ShardCount": 1})).unwrap();
    (0..20).for_each(|n| drop(register(&house, "s", &format!("c{n}")).unwrap()));
    assert_eq!(register(&house, "s", "more").unwrap_err().0, "LimitExceededException");
    switch(&house, "ENABLED");
    (20..50).for_each(|n| drop(register(&house, "s", &format!("c{n}")).unwrap()));
    let refused = register(&house, "s", "more").unwrap_err();
    assert_eq!(
        refused,
        ("LimitExceededException".into(), "A stream has 50 consumers at the most, queues among them.".into())
    );
    (0..20).for_each(|n| drop(register(&house, "p", &format!("c{n}")).unwrap()));
    assert_eq!(register(&house, "p", "more").unwrap_err().0, "LimitExceededException");
}

#[test]
fn an_account_has_fifty_streams_on_demand_where_awss_limits_hold() {
    let house = House::new(true);
    (0..50).for_each(|n| drop(on_demand(&house, &format!("s{n}"), None).unwrap()));
    let limits = house.ask("DescribeLimits", json!({})).unwrap();
    assert_eq!((&limits["OnDemandStreamCount"], &limits["OnDemandStreamCountLimit"]), (&json!(50), &json!(50)));
    let (error, sentence) = on_demand(&house, "more", None).unwrap_err();
    assert!(error == "LimitExceededException" && sentence.contains("Limit: 50"), "{sentence}");
    house.ask("CreateStream", json!({"StreamName": "p", "ShardCount": 1})).unwrap();
    let arn = "arn:aws:kinesis:us-east-1:000000000000:stream/p";
    let switch =
        || house.ask("UpdateStreamMode", json!({"StreamARN": arn, "StreamModeDetails": {"StreamMode": "ON_DEMAND"}}));
    assert_eq!(switch().unwrap_err().0, "LimitExceededException");
    house.ask("DeleteStream", json!({"StreamName": "s7"})).unwrap();
    switch().unwrap();
    switch().unwrap();
    let raised = House::new(false);
    (0..60).for_each(|n| drop(on_demand(&raised, &format!("s{n}"), None).unwrap()));
    assert_eq!(raised.ask("DescribeLimits", json!({})).unwrap()["OnDemandStreamCountLimit"], 5000);
}
