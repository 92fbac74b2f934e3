//! Who may what with consumers: by their tags, and by the tags of a request.

use crate::house::House;
use gateway::Caller;
use serde_json::{Value, json};

const STREAM: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/s";

/// A house with a stream and two consumers, which are of the teams `a` and `b`: their ARNs.
fn house() -> (House, [String; 2]) {
    let house = House::new(false);
    house.ask("CreateStream", json!({"StreamName": "s", "ShardCount": 1})).unwrap();
    let arns = ["a", "b"].map(|team| {
        let input = json!({"StreamARN": STREAM, "ConsumerName": format!("of-{team}"), "Tags": {"team": team}});
        let made = house.ask("RegisterStreamConsumer", input).unwrap();
        made["Consumer"]["ConsumerARN"].as_str().unwrap().to_owned()
    });
    (house, arns)
}

fn user(house: &House, statements: &Value) -> Caller {
    house.user("somebody", statements)
}

fn outcome(house: &House, caller: &Caller, operation: &str, input: &Value) -> String {
    house.ask_as(caller.clone(), operation, input).map_or_else(|(error, _)| error, |_| "done".to_owned())
}

#[test]
fn a_consumers_tags_decide_who_may_use_it() {
    let (house, [of_a, of_b]) = house();
    let member = user(
        &house,
        &json!([{
            "Effect": "Allow", "Action": "kinesis:*", "Resource": "*",
            "Condition": {"StringEquals": {"aws:ResourceTag/team": "a"}}
        }]),
    );
    let on = |arn: &str, operation: &str| {
        let input = match operation {
            "SubscribeToShard" => {
                json!({"ConsumerARN": arn, "ShardId": "0", "StartingPosition": {"Type": "LATEST"}})
            }
            "TagResource" => json!({"ResourceARN": arn, "Tags": {"seen": "yes"}}),
            "ListTagsForResource" => json!({"ResourceARN": arn}),
            _ => json!({"ConsumerARN": arn}),
        };
        outcome(&house, &member, operation, &input)
    };
    for operation in
        ["DescribeStreamConsumer", "SubscribeToShard", "TagResource", "ListTagsForResource", "DeregisterStreamConsumer"]
    {
        assert_eq!(on(&of_b, operation), "AccessDeniedException", "{operation}");
        assert_eq!(on(&of_a, operation), "done", "{operation}");
    }
}

#[test]
fn a_change_of_a_consumers_tags_is_seen_by_the_next_request() {
    let (house, [of_a, _]) = house();
    let member = user(
        &house,
        &json!([{
            "Effect": "Allow", "Action": "kinesis:DescribeStreamConsumer", "Resource": "*",
            "Condition": {"StringEquals": {"aws:ResourceTag/team": "a"}}
        }]),
    );
    let describe = || outcome(&house, &member, "DescribeStreamConsumer", &json!({"ConsumerARN": of_a}));
    assert_eq!(describe(), "done");
    house.ask("TagResource", json!({"ResourceARN": of_a, "Tags": {"team": "c"}})).unwrap();
    assert_eq!(describe(), "AccessDeniedException");
    house.ask("TagResource", json!({"ResourceARN": of_a, "Tags": {"team": "a"}})).unwrap();
    assert_eq!(describe(), "done");
    house.ask("UntagResource", json!({"ResourceARN": of_a, "TagKeys": ["team"]})).unwrap();
    assert_eq!(describe(), "AccessDeniedException");
}

#[test]
fn who_registers_a_consumer_with_tags_may_lay_on_tags() {
    let (house, _) = house();
    let allow = |action: &str| json!({"Effect": "Allow", "Action": action, "Resource": "*"});
    let register = |caller: &Caller, name: &str, tags: Value| {
        let mut input = json!({"StreamARN": STREAM, "ConsumerName": name});
        if tags != json!({}) {
            input["Tags"] = tags;
        }
        outcome(&house, caller, "RegisterStreamConsumer", &input)
    };
    let registrar = user(&house, &json!([allow("kinesis:RegisterStreamConsumer")]));
    assert_eq!(register(&registrar, "c", json!({"team": "c"})), "AccessDeniedException");
    assert_eq!(register(&registrar, "c", json!({})), "done");
    let tagger = json!({
        "Effect": "Allow", "Action": "kinesis:TagResource", "Resource": format!("{STREAM}/consumer/*"),
        "Condition": {"StringEquals": {"aws:RequestTag/team": "d"}, "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}
    });
    let both = user(&house, &json!([allow("kinesis:RegisterStreamConsumer"), tagger]));
    for tags in [json!({"team": "c"}), json!({"team": "d", "more": "x"})] {
        assert_eq!(register(&both, "d", tags), "AccessDeniedException");
    }
    assert_eq!(register(&both, "d", json!({"team": "d"})), "done");
}
