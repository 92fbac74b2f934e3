"""FIFO queues: order and locks of groups, deduplication, named receives, attributes, and the words of refusals.

Sources: the SQS API reference and developer guide; what LocalStack's tests recorded from AWS where those are silent (orders of
groups, a message given back while a later one is in flight, whole batches refused).
"""

import hashlib
import time

import pytest
from conftest import fresh_name
from conversation import attributes_of, counts, receive, refusal

ALL = {"AttributeNames": ["All"]}


@pytest.fixture
def make_fifo(sqs):
    made = []

    def make(**attributes):
        values = {"FifoQueue": "true", **{name: str(value) for name, value in attributes.items()}}
        made.append(sqs.create_queue(QueueName=fresh_name() + ".fifo", Attributes=values)["QueueUrl"])
        return made[-1]

    yield make
    for url in made:
        sqs.delete_queue(QueueUrl=url)


@pytest.fixture
def fifo(make_fifo):
    return make_fifo(ContentBasedDeduplication="true")


def send(sqs, url, *bodies):
    """Sends `group-message` to its group."""
    return [sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=body.split("-")[0]) for body in bodies]


def bodies(messages):
    return [message["Body"] for message in messages]


def take(sqs, url, count=10, **parameters):
    return receive(sqs, url, MaxNumberOfMessages=count, **parameters)


def delete(sqs, url, message):
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def test_a_receive_takes_a_groups_messages_in_order_before_the_next_groups(sqs, fifo):
    send(sqs, fifo, "a-1", "b-1", "a-2", "a-3")
    assert bodies(take(sqs, fifo)) == ["a-1", "a-2", "a-3", "b-1"]


def test_a_group_is_locked_until_what_was_received_of_it_is_deleted(sqs, fifo):
    send(sqs, fifo, "a-1", "a-2", "a-3", "b-1")
    first, second = take(sqs, fifo, 2)
    assert bodies([first, second]) == ["a-1", "a-2"]
    assert bodies(take(sqs, fifo)) == ["b-1"]
    delete(sqs, fifo, first)
    assert take(sqs, fifo) == []
    delete(sqs, fifo, second)
    assert bodies(take(sqs, fifo)) == ["a-3"]


def test_messages_come_back_in_order_after_the_timeout(sqs, make_fifo):
    url = make_fifo(ContentBasedDeduplication="true", VisibilityTimeout=1)
    send(sqs, url, "a-1", "a-2", "a-3")
    assert bodies(take(sqs, url, 2)) == ["a-1", "a-2"]
    time.sleep(1.1)
    assert bodies(take(sqs, url)) == ["a-1", "a-2", "a-3"]


def test_a_message_given_back_is_received_although_a_later_one_is_in_flight(sqs, fifo):
    send(sqs, fifo, "a-1", "a-2", "b-1")
    first = take(sqs, fifo, 2)[0]
    sqs.change_message_visibility(QueueUrl=fifo, ReceiptHandle=first["ReceiptHandle"], VisibilityTimeout=0)
    assert bodies(take(sqs, fifo, 3)) == ["b-1", "a-1"]


def test_a_group_that_was_served_goes_behind_the_others(sqs, fifo):
    send(sqs, fifo, "a-1", "b-1", "b-2", "c-1", "a-2")
    assert bodies(take(sqs, fifo, 3, VisibilityTimeout=0)) == ["a-1", "a-2", "b-1"]
    assert bodies(take(sqs, fifo, VisibilityTimeout=0)) == ["c-1", "a-1", "a-2", "b-1", "b-2"]


def test_a_long_poll_is_served_when_the_lock_ends(sqs, fifo):
    send(sqs, fifo, "a-1", "a-2")
    began = time.monotonic()
    assert bodies(take(sqs, fifo, 1, VisibilityTimeout=1)) == ["a-1"]
    assert bodies(take(sqs, fifo, WaitTimeSeconds=20)) == ["a-1", "a-2"]
    assert 0.9 < time.monotonic() - began < 18


def test_the_queues_delay_keeps_the_order(sqs, make_fifo):
    url = make_fifo(ContentBasedDeduplication="true", DelaySeconds=8)
    send(sqs, url, "a-1", "a-2", "b-1")
    assert take(sqs, url) == []
    assert counts(sqs, url) == (0, 0, 3)
    time.sleep(8.1)
    assert bodies(take(sqs, url)) == ["a-1", "a-2", "b-1"]


def test_a_delayed_message_holds_back_what_is_behind_it_in_its_group_and_nothing_else(sqs, make_fifo):
    # One message alone is delayed by an attribute of tidewire's: a change of a FIFO queue's own delay reaches all of them.
    url = make_fifo(ContentBasedDeduplication="true", TidewireFifoMessageDelay="true")
    send(sqs, url, "a-1")
    sqs.send_message(QueueUrl=url, MessageBody="a-2", MessageGroupId="a", DelaySeconds=8)
    send(sqs, url, "a-3", "b-1")
    assert sorted(bodies(take(sqs, url))) == ["a-1", "b-1"]
    time.sleep(8.1)
    assert take(sqs, url) == [], "the group is locked"


def test_the_scope_of_deduplication_can_be_switched_on_a_live_queue(sqs, fifo):
    """What was sent before a switch counts for its five minutes in the scope that it was sent with; AWS was recorded going on
    with the earlier scope after a switch."""

    def send_one(group, dedup):
        sent = sqs.send_message(QueueUrl=fifo, MessageBody="x", MessageGroupId=group, MessageDeduplicationId=dedup)
        return sent["MessageId"]

    first = send_one("a", "1")
    assert send_one("b", "1") == first
    high = {"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
    sqs.set_queue_attributes(QueueUrl=fifo, Attributes=high)
    assert send_one("a", "1") == first, "tried again after the switch"
    assert send_one("c", "1") == first, "sent when the id was one of the queue's"
    of_c, of_d = send_one("c", "2"), send_one("d", "2")
    assert (send_one("c", "2"), send_one("d", "2")) == (of_c, of_d) and of_c != of_d
    low = {"DeduplicationScope": "queue", "FifoThroughputLimit": "perQueue"}
    sqs.set_queue_attributes(QueueUrl=fifo, Attributes=low)
    assert (send_one("c", "2"), send_one("d", "2")) == (of_c, of_d)
    of_e = send_one("e", "2")
    assert of_e not in (of_c, of_d), "the id was one of other groups' alone"
    assert send_one("f", "2") == of_e


def test_a_delay_of_its_own_is_refused_and_zero_is_none(sqs, fifo):
    parameters = {"QueueUrl": fifo, "MessageBody": "x", "MessageGroupId": "a"}
    code, _, status, words = refusal(sqs.send_message, **parameters, DelaySeconds=2)
    assert (code, status) == ("InvalidParameterValue", 400)
    reason = "The request include parameter that is not valid for this queue type."
    assert words == f"Value 2 for parameter DelaySeconds is invalid. Reason: {reason}"
    sqs.send_message(**parameters, DelaySeconds=0)


def test_an_expired_handle_deletes_and_changes_nothing(sqs, make_fifo):
    url = make_fifo(ContentBasedDeduplication="true", VisibilityTimeout=1)
    send(sqs, url, "a-1")
    handle = take(sqs, url)[0]["ReceiptHandle"]
    time.sleep(1.1)
    code, _, status, words = refusal(sqs.delete_message, QueueUrl=url, ReceiptHandle=handle)
    assert (code, status) == ("InvalidParameterValue", 400)
    assert words == f"Value {handle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired."
    change = refusal(sqs.change_message_visibility, QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=5)
    assert change[0] == "InvalidParameterValue"
    reason = "Message does not exist or is not available for visibility timeout change."
    assert change[3] == f"Value {handle} for parameter ReceiptHandle is invalid. Reason: {reason}"
    failed = sqs.delete_message_batch(QueueUrl=url, Entries=[{"Id": "1", "ReceiptHandle": handle}])["Failed"]
    assert [(entry["Code"], entry["SenderFault"]) for entry in failed] == [("InvalidParameterValue", True)]
    again = take(sqs, url, VisibilityTimeout=30)[0]
    delete(sqs, url, again)
    delete(sqs, url, again)


def test_a_duplicate_is_answered_with_the_first_message_also_after_its_delete(sqs, make_fifo):
    url = make_fifo()
    parameters = {"QueueUrl": url, "MessageGroupId": "a", "MessageDeduplicationId": "once"}
    first = sqs.send_message(**parameters, MessageBody="x")
    delete(sqs, url, take(sqs, url)[0])
    second = sqs.send_message(**parameters, MessageBody="y")
    assert [second[name] for name in ("MessageId", "SequenceNumber")] == [
        first[name] for name in ("MessageId", "SequenceNumber")
    ]
    assert second["MD5OfMessageBody"] == hashlib.md5(b"y").hexdigest()
    other = sqs.send_message(QueueUrl=url, MessageGroupId="b", MessageDeduplicationId="once", MessageBody="z")
    assert other["MessageId"] == first["MessageId"]
    assert take(sqs, url) == []


def test_a_body_is_its_own_deduplication_id_unless_one_is_given(sqs, fifo):
    first = send(sqs, fifo, "a-1")[0]
    assert send(sqs, fifo, "a-1")[0]["MessageId"] == first["MessageId"]
    attributes = {"k": {"DataType": "String", "StringValue": "v"}}
    same = sqs.send_message(QueueUrl=fifo, MessageBody="a-1", MessageGroupId="b", MessageAttributes=attributes)
    assert same["MessageId"] == first["MessageId"]
    other = sqs.send_message(QueueUrl=fifo, MessageBody="a-1", MessageGroupId="a", MessageDeduplicationId="other")
    assert other["MessageId"] != first["MessageId"]
    given = take(sqs, fifo, **ALL)
    assert [message["Attributes"]["MessageDeduplicationId"] for message in given] == [
        hashlib.sha256(b"a-1").hexdigest(),
        "other",
    ]


def test_the_scope_of_deduplication_may_be_the_group(sqs, make_fifo):
    url = make_fifo(DeduplicationScope="messageGroup", FifoThroughputLimit="perMessageGroupId")
    ids = [
        sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId=group, MessageDeduplicationId="1")["MessageId"]
        for group in ("a", "b", "a")
    ]
    assert ids[0] != ids[1] and ids[0] == ids[2]
    assert len(take(sqs, url)) == 2


def test_a_purge_forgets_what_was_sent(sqs, fifo):
    first = send(sqs, fifo, "a-1")[0]
    sqs.purge_queue(QueueUrl=fifo)
    assert send(sqs, fifo, "a-1")[0]["MessageId"] != first["MessageId"]
    assert bodies(take(sqs, fifo)) == ["a-1"]


def test_a_batch_keeps_its_order_and_finds_its_own_duplicates(sqs, fifo):
    entries = [
        {"Id": str(n), "MessageBody": body, "MessageGroupId": "a"} for n, body in enumerate(["x", "y", "x", "z"])
    ]
    answer = sqs.send_message_batch(QueueUrl=fifo, Entries=entries)
    sent = {entry["Id"]: entry for entry in answer["Successful"]}
    assert sent["2"]["MessageId"] == sent["0"]["MessageId"]
    assert sent["2"]["SequenceNumber"] == sent["0"]["SequenceNumber"]
    assert sent["0"]["SequenceNumber"] < sent["1"]["SequenceNumber"] < sent["3"]["SequenceNumber"]
    assert all(len(entry["SequenceNumber"]) == 20 for entry in sent.values())
    assert bodies(take(sqs, fifo)) == ["x", "y", "z"]


def test_what_receivers_are_told(sqs, make_fifo):
    url = make_fifo()
    sent = sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="g", MessageDeduplicationId="d")
    attributes = take(sqs, url, **ALL)[0]["Attributes"]
    assert (attributes["MessageGroupId"], attributes["MessageDeduplicationId"]) == ("g", "d")
    assert attributes["SequenceNumber"] == sent["SequenceNumber"]
    standard = sqs.create_queue(QueueName=fresh_name())["QueueUrl"]
    assert "SequenceNumber" not in sqs.send_message(QueueUrl=standard, MessageBody="x", MessageGroupId="g")
    attributes = take(sqs, standard, **ALL)[0]["Attributes"]
    assert attributes["MessageGroupId"] == "g" and "SequenceNumber" not in attributes
    sqs.delete_queue(QueueUrl=standard)


def test_a_receive_may_be_asked_for_again_under_its_name(sqs, fifo):
    send(sqs, fifo, "a-1", "a-2", "b-1")
    named = {"ReceiveRequestAttemptId": "try-1", "VisibilityTimeout": 30}
    first = take(sqs, fifo, 2, **named)
    assert bodies(first) == ["a-1", "a-2"]
    again = take(sqs, fifo, 2, **named)
    assert [message["ReceiptHandle"] for message in again] == [message["ReceiptHandle"] for message in first]
    delete(sqs, fifo, first[0])
    assert bodies(take(sqs, fifo, 2, **named)) == ["b-1"], "what was touched is not given again"
    wrong = refusal(sqs.receive_message, QueueUrl=fifo, ReceiveRequestAttemptId="a b")
    assert wrong[0] == "InvalidParameterValue" and "1 to 128 in length" in wrong[3]


@pytest.mark.parametrize(
    "parameters, code, words",
    [
        ({"MessageDeduplicationId": "d"}, "MissingParameter", "The request must contain the parameter MessageGroupId."),
        (
            {"MessageGroupId": "g"},
            "InvalidParameterValue",
            "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
        ),
        (
            {"MessageGroupId": "a b", "MessageDeduplicationId": "d"},
            "InvalidParameterValue",
            "Value a b for parameter MessageGroupId is invalid. Reason: MessageGroupId can only include alphanumeric and "
            "punctuation characters. 1 to 128 in length.",
        ),
        (
            {"MessageGroupId": "g", "MessageDeduplicationId": "d" * 129},
            "InvalidParameterValue",
            f"Value {'d' * 129} for parameter MessageDeduplicationId is invalid. Reason: MessageDeduplicationId can only "
            "include alphanumeric and punctuation characters. 1 to 128 in length.",
        ),
    ],
)
def test_what_a_fifo_message_must_have(sqs, make_fifo, parameters, code, words):
    url = make_fifo()
    answer = refusal(sqs.send_message, QueueUrl=url, MessageBody="x", **parameters)
    assert (answer[0], answer[2], answer[3]) == (code, 400, words)
    assert counts(sqs, url) == (0, 0, 0)


def test_a_batch_is_refused_whole_for_an_entry_without_its_ids(sqs, make_fifo):
    url = make_fifo()
    whole = {"Id": "1", "MessageBody": "x", "MessageGroupId": "g", "MessageDeduplicationId": "d"}
    for missing, words in [
        ("MessageDeduplicationId", "The queue should either have ContentBasedDeduplication enabled"),
        ("MessageGroupId", "The request must contain the parameter MessageGroupId."),
    ]:
        part = {name: value for name, value in whole.items() if name != missing} | {"Id": "2"}
        answer = refusal(sqs.send_message_batch, QueueUrl=url, Entries=[whole, part])
        assert answer[0] == "InvalidParameterValue" and answer[3].startswith(words)
    assert counts(sqs, url) == (0, 0, 0)


def test_a_standard_queue_knows_neither_deduplication_nor_named_receives(sqs, queue):
    reason = "The request include parameter that is not valid for this queue type."
    answer = refusal(sqs.send_message, QueueUrl=queue, MessageBody="x", MessageDeduplicationId="d")
    assert answer[0] == "InvalidParameterValue"
    assert answer[3] == f"Value d for parameter MessageDeduplicationId is invalid. Reason: {reason}"
    answer = refusal(sqs.receive_message, QueueUrl=queue, ReceiveRequestAttemptId="r")
    assert answer[3] == f"Value r for parameter ReceiveRequestAttemptId is invalid. Reason: {reason}"


@pytest.mark.parametrize(
    "suffix, attributes, code, words",
    [
        ("", {"FifoQueue": "true"}, "InvalidParameterValue", "The name of a FIFO queue can only include"),
        (".fifo", {}, "InvalidParameterValue", "Can only include alphanumeric characters, hyphens, or underscores."),
        ("", {"FifoQueue": "false"}, "InvalidAttributeName", "Unknown Attribute FifoQueue."),
        ("", {"ContentBasedDeduplication": "true"}, "InvalidAttributeName", "Unknown Attribute ContentBasedDeduplication."),
        (
            "",
            {"DeduplicationScope": "queue"},
            "InvalidAttributeName",
            "You can specify the DeduplicationScope only when FifoQueue is set to true.",
        ),
        (
            ".fifo",
            {"FifoQueue": "true", "FifoThroughputLimit": "perMessageGroupId"},
            "InvalidAttributeValue",
            "Invalid value for the parameter FifoThroughputLimit. Reason: The perMessageGroupId value is allowed only",
        ),
        (
            ".fifo",
            {"FifoQueue": "true", "DeduplicationScope": "group"},
            "InvalidAttributeValue",
            "Invalid value for the parameter DeduplicationScope.",
        ),
    ],
)
def test_what_makes_no_fifo_queue(sqs, suffix, attributes, code, words):
    answer = refusal(sqs.create_queue, QueueName=fresh_name() + suffix, Attributes=attributes)
    assert answer[0] == code and answer[3].startswith(words), answer


def test_the_attributes_of_a_fifo_queue(sqs, make_fifo, queue):
    url = make_fifo()
    names = ("FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit")
    everything = attributes_of(sqs, url, "All")
    assert [everything[name] for name in names] == ["true", "false", "queue", "perQueue"]
    assert not set(names) & set(attributes_of(sqs, queue, "All"))
    high = {"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"ContentBasedDeduplication": "true", **high})
    assert [attributes_of(sqs, url, "All")[name] for name in names] == ["true", "true", *high.values()]
    alone = refusal(sqs.set_queue_attributes, QueueUrl=url, Attributes={"DeduplicationScope": "queue"})
    assert alone[0] == "InvalidAttributeValue"
    fixed = refusal(sqs.set_queue_attributes, QueueUrl=url, Attributes={"FifoQueue": "false"})
    assert fixed[0] == "InvalidAttributeValue" and fixed[3].endswith("Modifying queue type is not supported.")
    name = url.rsplit("/", 1)[1]
    assert sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true"})["QueueUrl"] == url


def test_a_fair_queue_puts_quiet_tenants_before_noisy_ones(sqs, queue):
    for start in range(0, 60, 10):
        entries = [{"Id": str(n), "MessageBody": f"noisy-{start + n}", "MessageGroupId": "noisy"} for n in range(10)]
        sqs.send_message_batch(QueueUrl=queue, Entries=entries)
    for _ in range(4):
        assert len(take(sqs, queue)) == 10
    sqs.send_message(QueueUrl=queue, MessageBody="quiet", MessageGroupId="quiet")
    sqs.send_message(QueueUrl=queue, MessageBody="alone")
    assert bodies(take(sqs, queue, 3)) == ["quiet", "alone", "noisy-40"]
