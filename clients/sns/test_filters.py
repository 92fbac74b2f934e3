"""Filter policies: set, refused in AWS's words, in force at once; of attributes and of bodies."""

import json

from conftest import refusal


def text(value):
    return {"DataType": "String", "StringValue": value}


def number(value):
    return {"DataType": "Number", "StringValue": value}


def published(house, topic, message, **attributes):
    house.sns.publish(TopicArn=topic, Message=message, MessageAttributes=attributes)


def arrived(house, url):
    return sorted(message["Body"] for message in house.received(url))


def test_a_subscription_gets_what_its_policy_lets_pass(house):
    topic = house.topic()
    policy = json.dumps({"store": ["a", {"prefix": "b-"}], "price": [{"numeric": [">=", 10, "<", 20]}]})
    some = house.subscribed(topic, RawMessageDelivery="true", FilterPolicy=policy)
    everything = house.subscribed(topic, RawMessageDelivery="true")
    published(house, topic, "both", store=text("b-7"), price=number("19.99"))
    published(house, topic, "dear", store=text("a"), price=number("20"))
    published(house, topic, "elsewhere", store=text("c"), price=number("10"))
    published(house, topic, "nothing")
    published(house, topic, "array", store={"DataType": "String.Array", "StringValue": '["x", "a"]'}, price=number("10"))
    assert arrived(house, some) == ["array", "both"]
    assert len(house.received(everything)) == 5


def test_a_policy_of_bodies_looks_into_them(house):
    topic = house.topic()
    policy = json.dumps({"order": {"items": {"price": [{"numeric": ["<", 10]}]}}, "$or": [{"a": [1]}, {"b": [True]}]})
    url = house.subscribed(topic, RawMessageDelivery="true", FilterPolicyScope="MessageBody", FilterPolicy=policy)
    bodies = [
        {"order": {"items": [{"price": 50}, {"price": 5}]}, "a": 1},
        {"order": {"items": [{"price": 50}]}, "a": 1},
        {"order": {"items": [{"price": 5}]}, "b": True},
        {"order": {"items": [{"price": 5}]}, "b": False},
    ]
    for body in bodies:
        published(house, topic, json.dumps(body))
    published(house, topic, "no json")
    assert [json.loads(body) for body in arrived(house, url)] == sorted([bodies[0], bodies[2]], key=json.dumps)


def test_a_change_of_a_policy_holds_at_once(house):
    topic = house.topic()
    url, queue = house.queue()
    arn = house.subscribe(topic, queue, RawMessageDelivery="true", FilterPolicy='{"k":["a"]}')
    for nth in range(20):
        value = "ab"[nth % 2]
        asked = {"SubscriptionArn": arn, "AttributeName": "FilterPolicy", "AttributeValue": json.dumps({"k": [value]})}
        house.sns.set_subscription_attributes(**asked)
        published(house, topic, f"let {nth:02}", k=text(value))
        published(house, topic, f"not let {nth}", k=text("ba"[nth % 2]))
    assert arrived(house, url) == [f"let {nth:02}" for nth in range(20)]
    house.sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="FilterPolicy", AttributeValue="{}")
    published(house, topic, "without")
    assert arrived(house, url) == ["without"]


def shown(house, arn):
    attributes = house.sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    return attributes.get("FilterPolicy"), attributes.get("FilterPolicyScope")


def test_a_scope_is_shown_with_its_policy(house):
    """As AWS was recorded: test_set_subscription_filter_policy_scope and test_sub_filter_policy_nested_property."""
    topic = house.topic()
    arn = house.subscribe(topic, house.queue()[1])

    def change(name, value):
        house.sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName=name, AttributeValue=value)

    def refused(name, value):
        asked = {"SubscriptionArn": arn, "AttributeName": name, "AttributeValue": value}
        code, sentence = refusal(house.sns.set_subscription_attributes, **asked)
        assert code == "InvalidParameter"
        return sentence

    nested = '{"object": {"key": [{"prefix": "auto-"}]}}'
    assert refused("FilterPolicy", nested) == "Invalid parameter: Filter policy scope MessageAttributes does not support nested filter policy"
    change("FilterPolicyScope", "MessageBody")
    assert shown(house, arn) == (None, None)
    wrong = "Invalid parameter: FilterPolicyScope: Invalid value [Random]. Please use either MessageBody or MessageAttributes"
    assert refused("FilterPolicyScope", "Random") == wrong
    change("FilterPolicy", nested)
    assert shown(house, arn) == (nested, "MessageBody")
    assert "does not support nested" in refused("FilterPolicyScope", "MessageAttributes")
    keys = json.dumps({str(nth): ["x"] for nth in range(6)})
    assert refused("FilterPolicy", keys) == "Invalid parameter: FilterPolicy: Filter policy can not have more than 5 keys"
    no_list = 'Invalid parameter: FilterPolicy: "key_a" must be an object or an array\n at [Source: (String)"{"key_a":"value_one"}"; line: 1, column: 11]'
    assert refused("FilterPolicy", '{"key_a": "value_one"}') == no_list
    broken = (
        "Invalid parameter: FilterPolicy: failed to parse JSON. Unexpected character ('i' (code 105)): was expecting double-quote to start "
        "field name\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 2]"
    )
    assert refused("FilterPolicy", "{invalidjson}") == broken
    change("FilterPolicy", '{"a": ["b"]}')
    change("FilterPolicyScope", "MessageAttributes")
    assert shown(house, arn) == ('{"a": ["b"]}', "MessageAttributes"), "what was refused changed nothing"


def test_a_policy_that_is_none_is_refused_by_subscribe(house):
    topic, (_, queue) = house.topic(), house.queue()
    asked = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": queue}
    words = "Invalid parameter: Attributes Reason: FilterPolicy: Filter policy is too complex"
    many = json.dumps({"k": list(map(str, range(151)))})
    assert refusal(house.sns.subscribe, **asked, Attributes={"FilterPolicy": many}) == ("InvalidParameter", words)
    assert house.sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []
    with_policy = {"FilterPolicy": '{"k":["a"]}'}
    arn = house.subscribe(topic, queue, **with_policy)
    assert house.subscribe(topic, queue, **with_policy, FilterPolicyScope="MessageAttributes") == arn
    different = "Invalid parameter: Attributes Reason: Subscription already exists with different attributes"
    assert refusal(house.sns.subscribe, **asked, Attributes={"FilterPolicy": '{"k":["b"]}'}) == ("InvalidParameter", different)
