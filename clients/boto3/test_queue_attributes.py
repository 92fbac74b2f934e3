"""What a queue says about itself and how it is told otherwise: GetQueueAttributes and SetQueueAttributes.

Sources: the SQS API reference (attribute lists and ranges); recorded answers of AWS.
"""

import time

import pytest
from conftest import fresh_name
from conversation import attributes_of, counts, receive_one, refusal, refused_with

DEFAULTS = {
    "VisibilityTimeout": "30",
    "MaximumMessageSize": "1048576",
    "MessageRetentionPeriod": "345600",
    "DelaySeconds": "0",
    "ReceiveMessageWaitTimeSeconds": "0",
    "ApproximateNumberOfMessages": "0",
    "ApproximateNumberOfMessagesNotVisible": "0",
    "ApproximateNumberOfMessagesDelayed": "0",
}

RANGES = [
    ("VisibilityTimeout", 0, 43_200),
    ("MaximumMessageSize", 1_024, 1_048_576),
    ("MessageRetentionPeriod", 60, 1_209_600),
    ("DelaySeconds", 0, 900),
    ("ReceiveMessageWaitTimeSeconds", 0, 20),
]


def test_a_new_queue_has_the_documented_defaults(sqs, queue):
    attributes = attributes_of(sqs, queue, "All")
    assert {name: attributes.get(name) for name in DEFAULTS} == DEFAULTS


def test_all_brings_exactly_the_attributes_of_a_standard_queue(sqs, queue):
    expected = {*DEFAULTS, "QueueArn", "CreatedTimestamp", "LastModifiedTimestamp", "SqsManagedSseEnabled"}
    assert set(attributes_of(sqs, queue, "All")) == expected


def test_a_new_queue_is_encrypted_at_rest(sqs, queue):
    assert attributes_of(sqs, queue, "SqsManagedSseEnabled") == {"SqsManagedSseEnabled": "true"}


def test_timestamps_are_epoch_seconds(sqs, queue):
    attributes = attributes_of(sqs, queue, "CreatedTimestamp", "LastModifiedTimestamp")
    for value in attributes.values():
        assert value.isdigit() and abs(int(value) - time.time()) < 60, attributes


def test_only_the_asked_attributes_come(sqs, queue):
    assert attributes_of(sqs, queue, "DelaySeconds", "VisibilityTimeout") == {"DelaySeconds": "0", "VisibilityTimeout": "30"}


def test_asking_for_no_attribute_brings_none(sqs, queue):
    assert attributes_of(sqs, queue) == {}


def test_an_unknown_attribute_name_is_refused(sqs, queue):
    code, shape, status, message = refusal(sqs.get_queue_attributes, QueueUrl=queue, AttributeNames=["Nonsense"])
    assert (code, shape, status) == ("InvalidAttributeName", "InvalidAttributeName", 400)
    assert message == "Unknown Attribute Nonsense."


def test_created_attributes_are_echoed(sqs, make_queue):
    given = {"VisibilityTimeout": 7, "DelaySeconds": 3, "MaximumMessageSize": 2048, "MessageRetentionPeriod": 61}
    url = make_queue(**given, ReceiveMessageWaitTimeSeconds=2)
    attributes = attributes_of(sqs, url, "All")
    assert {name: int(attributes[name]) for name in given} == given


def test_set_attributes_change_only_what_was_given(sqs, make_queue):
    url = make_queue(VisibilityTimeout=7, DelaySeconds=3)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "4"})
    assert attributes_of(sqs, url, "DelaySeconds", "VisibilityTimeout") == {"DelaySeconds": "4", "VisibilityTimeout": "7"}


def test_setting_moves_the_modified_timestamp_and_not_the_created_one(sqs, queue):
    before = attributes_of(sqs, queue, "CreatedTimestamp", "LastModifiedTimestamp")
    time.sleep(1.1)
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"DelaySeconds": "1"})
    after = attributes_of(sqs, queue, "CreatedTimestamp", "LastModifiedTimestamp")
    assert after["CreatedTimestamp"] == before["CreatedTimestamp"]
    assert int(after["LastModifiedTimestamp"]) > int(before["LastModifiedTimestamp"])


@pytest.mark.parametrize(("name", "least", "most"), RANGES, ids=[name for name, _, _ in RANGES])
def test_both_ends_of_a_range_are_accepted(sqs, queue, name, least, most):
    for value in (least, most):
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={name: str(value)})
        assert attributes_of(sqs, queue, name) == {name: str(value)}


@pytest.mark.parametrize(("name", "least", "most"), RANGES, ids=[name for name, _, _ in RANGES])
def test_values_outside_a_range_are_refused_and_change_nothing(sqs, queue, name, least, most):
    before = attributes_of(sqs, queue, "All")
    for value in (least - 1, most + 1, "many", "", "1.5"):
        code, shape, status, message = refusal(sqs.set_queue_attributes, QueueUrl=queue, Attributes={name: str(value)})
        assert (code, shape, status) == ("InvalidAttributeValue", "InvalidAttributeValue", 400), (name, value)
        assert message.startswith(f"Invalid value for the parameter {name}.")
    assert attributes_of(sqs, queue, "All") == before


def test_one_bad_attribute_refuses_the_whole_change(sqs, queue):
    given = {"DelaySeconds": "9", "VisibilityTimeout": "-1"}
    assert refused_with(sqs.set_queue_attributes, QueueUrl=queue, Attributes=given) == "InvalidAttributeValue"
    assert attributes_of(sqs, queue, "DelaySeconds") == {"DelaySeconds": "0"}


@pytest.mark.parametrize("name", ["Nonsense", "QueueArn", "ApproximateNumberOfMessages", "CreatedTimestamp", "All"])
def test_an_attribute_that_cannot_be_set_is_refused(sqs, queue, name):
    assert refused_with(sqs.set_queue_attributes, QueueUrl=queue, Attributes={name: "1"}) == "InvalidAttributeName"


@pytest.mark.parametrize("value", ["true", "false"])
@pytest.mark.parametrize("name", ["FifoQueue", "ContentBasedDeduplication"])
def test_attributes_of_fifo_queues_are_unknown_to_standard_ones(sqs, queue, name, value):
    unknown = ("InvalidAttributeName", "InvalidAttributeName", 400, f"Unknown Attribute {name}.")
    created = refusal(sqs.create_queue, QueueName=fresh_name(), Attributes={name: value})
    if (name, value) == ("FifoQueue", "true"):
        # This one asks for a FIFO queue, and its name is not one's.
        assert created[0] == "InvalidParameterValue" and "must end with .fifo suffix" in created[3]
    else:
        assert created == unknown
    refusals = [
        refusal(sqs.set_queue_attributes, QueueUrl=queue, Attributes={name: value}),
        refusal(sqs.get_queue_attributes, QueueUrl=queue, AttributeNames=[name]),
    ]
    assert refusals == [unknown] * 2


def test_an_unknown_attribute_stops_the_creation(sqs):
    name = fresh_name()
    assert refused_with(sqs.create_queue, QueueName=name, Attributes={"Nonsense": "1"}) == "InvalidAttributeName"
    assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix=name)


def test_counts_tell_visible_in_flight_and_delayed_apart(sqs, queue):
    for body in ("one", "two", "three"):
        sqs.send_message(QueueUrl=queue, MessageBody=body)
    sqs.send_message(QueueUrl=queue, MessageBody="later", DelaySeconds=60)
    assert counts(sqs, queue) == (3, 0, 1)
    message = receive_one(sqs, queue)
    assert counts(sqs, queue) == (2, 1, 1)
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    assert counts(sqs, queue) == (2, 0, 1)


def test_a_new_queue_delay_holds_for_messages_sent_afterwards_only(sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="before")
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"DelaySeconds": "60"})
    sqs.send_message(QueueUrl=queue, MessageBody="after")
    assert counts(sqs, queue) == (1, 0, 1)
    assert receive_one(sqs, queue)["Body"] == "before"


def test_durability_is_not_among_the_attributes_of_an_ordinary_queue(sqs, queue):
    assert "TidewireDurability" not in attributes_of(sqs, queue, "All")
    assert attributes_of(sqs, queue, "TidewireDurability") == {"TidewireDurability": "durable"}


def test_a_queue_is_created_relaxed_and_works(sqs, make_queue):
    url = make_queue(TidewireDurability="relaxed")
    assert attributes_of(sqs, url, "All")["TidewireDurability"] == "relaxed"
    assert attributes_of(sqs, url, "TidewireDurability") == {"TidewireDurability": "relaxed"}
    sqs.send_message(QueueUrl=url, MessageBody="quick")
    message = receive_one(sqs, url)
    assert message["Body"] == "quick"
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert counts(sqs, url) == (0, 0, 0)


def test_durability_is_set_and_set_back(sqs, queue):
    for durability in ("relaxed", "durable", "relaxed"):
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"TidewireDurability": durability})
        assert attributes_of(sqs, queue, "TidewireDurability") == {"TidewireDurability": durability}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"DelaySeconds": "0"})
    assert attributes_of(sqs, queue, "TidewireDurability") == {"TidewireDurability": "relaxed"}


@pytest.mark.parametrize("value", ["", "Relaxed", "1", "eventual"])
def test_another_durability_is_refused_and_changes_nothing(sqs, make_queue, value):
    url = make_queue(TidewireDurability="relaxed")
    given = {"TidewireDurability": value, "DelaySeconds": "9"}
    code, shape, status, message = refusal(sqs.set_queue_attributes, QueueUrl=url, Attributes=given)
    assert (code, shape, status) == ("InvalidAttributeValue", "InvalidAttributeValue", 400)
    assert message == "Invalid value for the parameter TidewireDurability."
    assert attributes_of(sqs, url, "TidewireDurability", "DelaySeconds") == {
        "TidewireDurability": "relaxed",
        "DelaySeconds": "0",
    }


def test_a_second_creation_with_another_durability_is_refused(sqs):
    name = fresh_name()
    url = sqs.create_queue(QueueName=name, Attributes={"TidewireDurability": "relaxed"})["QueueUrl"]
    assert sqs.create_queue(QueueName=name)["QueueUrl"] == url
    refused = refused_with(sqs.create_queue, QueueName=name, Attributes={"TidewireDurability": "durable"})
    assert refused == refused_with(sqs.create_queue, QueueName=name, Attributes={"VisibilityTimeout": "31"})
    sqs.delete_queue(QueueUrl=url)
