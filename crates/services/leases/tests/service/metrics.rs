//! The sink: what is put is there, in the service's words if it cannot be.

use crate::house::House;
use serde_json::{Value, json};

fn put(house: &House, data: Value) -> Result<Value, (String, String)> {
    let asked = house.ask("PutMetricData", json!({"Namespace": "app", "MetricData": data}));
    asked.map_err(|refused| (refused.code, refused.message))
}

#[test]
fn the_newest_numbers_are_shown() {
    let house = House::new();
    let dimensions = json!([{"Name": "Operation", "Value": "b"}, {"Name": "App", "Value": "a"}]);
    put(&house, json!([{"MetricName": "Time", "Dimensions": dimensions, "Unit": "Milliseconds", "Value": 3.5}]))
        .unwrap();
    let set = json!({"SampleCount": 4.0, "Sum": 10.0, "Minimum": 1.0, "Maximum": 5.0});
    put(
        &house,
        json!([{"MetricName": "Time", "Dimensions": dimensions, "Unit": "Milliseconds", "StatisticValues": set}]),
    )
    .unwrap();
    put(&house, json!([{"MetricName": "Counted", "Values": [1.0, 2.0], "Counts": [3.0, 1.0]}])).unwrap();
    let shown: Vec<_> = house
        .sink
        .latest()
        .into_iter()
        .map(|put| {
            let numbers = (put.latest.count, put.latest.sum, put.latest.min, put.latest.max);
            (
                put.account.to_string(),
                put.region.to_string(),
                put.series.name.to_string(),
                put.series.dimensions.len(),
                numbers,
            )
        })
        .collect();
    let (account, region) = (crate::house::ACCOUNT.to_owned(), "us-east-1".to_owned());
    assert_eq!(
        shown,
        [
            (account.clone(), region.clone(), "Counted".to_owned(), 0, (4.0, 5.0, 1.0, 2.0)),
            (account, region, "Time".to_owned(), 2, (4.0, 10.0, 1.0, 5.0)),
        ]
    );
}

#[test]
fn numbers_that_cannot_be_are_refused_and_nothing_of_their_request_is_kept() {
    let house = House::new();
    let good = json!({"MetricName": "Good", "Value": 1.0});
    let now = 1_800_000_000_i64;
    for (datum, code, sentence) in [
        (
            json!({"MetricName": "a", "Value": 1.0, "StatisticValues": {"SampleCount": 1.0, "Sum": 1.0, "Minimum": 1.0, "Maximum": 1.0}}),
            "InvalidParameterCombinationException",
            "The parameters MetricData.member.2.Value and MetricData.member.2.StatisticValues are mutually exclusive and you have specified both.",
        ),
        (
            json!({"MetricName": "a", "Values": [1.0], "Counts": [1.0, 2.0]}),
            "InvalidParameterValueException",
            "The parameters MetricData.member.2.Values and MetricData.member.2.Counts must be of the same size.",
        ),
        (
            json!({"MetricName": "a", "Value": "NaN"}),
            "InvalidParameterValueException",
            "The value NaN for parameter MetricData.member.2.Value is invalid.",
        ),
        (
            json!({"MetricName": "a", "Value": 1.0, "Timestamp": now + 7201}),
            "InvalidParameterValueException",
            "The parameter MetricData.member.2.Timestamp must specify a time no more than two hours in the future.",
        ),
        (
            json!({"MetricName": "a", "Value": 1.0, "Timestamp": now - 15 * 86_400}),
            "InvalidParameterValueException",
            "The parameter MetricData.member.2.Timestamp must specify a time within the past two weeks.",
        ),
    ] {
        let refused = put(&house, json!([good, datum])).unwrap_err();
        assert_eq!((&*refused.0, &*refused.1), (code, sentence));
    }
    assert_eq!(put(&house, json!([good, {"MetricName": "a"}])).unwrap_err().0, "MissingRequiredParameterException");
    let many = vec![good; 1001];
    assert_eq!(
        put(&house, json!(many)).unwrap_err().1,
        "The collection MetricData must not have a size greater than 1000."
    );
    let reserved = house.ask("PutMetricData", json!({"Namespace": "AWS/EC2", "MetricData": []})).unwrap_err();
    assert_eq!(reserved.message, "The value AWS/ for parameter Namespace is invalid.");
    assert!(house.sink.latest().is_empty());
}
