"""The three batch forms: ten entries, each with its own fate, and what refuses the whole batch.

Sources: the SQS API reference of SendMessageBatch, DeleteMessageBatch and ChangeMessageVisibilityBatch; recorded answers
of AWS for codes and texts.
"""

import time

import checksums
import pytest
from conversation import counts, drain, receive, receive_one, refusal, refused_with

PREFIX = "AWS.SimpleQueueService."


def entries(number, **rest):
    return [{"Id": f"e{i}", "MessageBody": f"body {i}", **rest} for i in range(number)]


def received(sqs, url, number):
    sqs.send_message_batch(QueueUrl=url, Entries=entries(number))
    messages = drain(sqs, url, number)
    assert len(messages) == number
    return messages


def batch_calls(sqs):
    """Each batch operation with a maker of entries for it."""
    return {
        "SendMessageBatch": (sqs.send_message_batch, lambda id: {"Id": id, "MessageBody": "x"}),
        "DeleteMessageBatch": (sqs.delete_message_batch, lambda id: {"Id": id, "ReceiptHandle": "x"}),
        "ChangeMessageVisibilityBatch": (
            sqs.change_message_visibility_batch,
            lambda id: {"Id": id, "ReceiptHandle": "x", "VisibilityTimeout": 1},
        ),
    }


OPERATIONS = ["SendMessageBatch", "DeleteMessageBatch", "ChangeMessageVisibilityBatch"]

WHOLE_BATCH = [
    ("no entry", [], "EmptyBatchRequest", None),
    (
        "eleven entries",
        [f"e{i}" for i in range(11)],
        "TooManyEntriesInBatchRequest",
        "Maximum number of entries per request are 10. You have sent 11.",
    ),
    ("an id twice", ["same", "other", "same"], "BatchEntryIdsNotDistinct", "Id same repeated."),
]
BAD_IDS = ["", "with space", "colon:colon", "ünicode", "a" * 81]
BAD_ID_TEXT = (
    "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long."
)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(("fact", "ids", "shape", "text"), WHOLE_BATCH, ids=[fact for fact, *_ in WHOLE_BATCH])
def test_the_whole_batch_is_refused_for(sqs, queue, operation, fact, ids, shape, text):
    call, entry = batch_calls(sqs)[operation]
    code, got, status, message = refusal(call, QueueUrl=queue, Entries=[entry(id) for id in ids])
    assert (code, got, status) == (PREFIX + shape, shape, 400)
    assert text is None or message == text
    assert counts(sqs, queue) == (0, 0, 0)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("id", BAD_IDS, ids=["empty", "space", "colon", "unicode", "81 letters"])
def test_the_whole_batch_is_refused_for_an_id(sqs, queue, operation, id):
    call, entry = batch_calls(sqs)[operation]
    code, shape, status, message = refusal(call, QueueUrl=queue, Entries=[entry("fine"), entry(id)])
    assert (code, shape, status) == (PREFIX + "InvalidBatchEntryId", "InvalidBatchEntryId", 400)
    assert message == BAD_ID_TEXT
    assert counts(sqs, queue) == (0, 0, 0)


def test_ten_messages_go_in_one_call_and_each_answer_names_its_entry(sqs, queue):
    sent = entries(10)
    answer = sqs.send_message_batch(QueueUrl=queue, Entries=sent)
    assert "Failed" not in answer
    assert {entry["Id"]: entry["MD5OfMessageBody"] for entry in answer["Successful"]} == {
        entry["Id"]: checksums.of_body(entry["MessageBody"]) for entry in sent
    }
    arrived = {message["MessageId"]: message["Body"] for message in drain(sqs, queue, 10)}
    by_id = {entry["Id"]: entry["MessageBody"] for entry in sent}
    assert arrived == {entry["MessageId"]: by_id[entry["Id"]] for entry in answer["Successful"]}


def test_an_id_of_eighty_letters_is_accepted(sqs, queue):
    id = "-_" + "a" * 78
    answer = sqs.send_message_batch(QueueUrl=queue, Entries=[{"Id": id, "MessageBody": "x"}])
    assert [entry["Id"] for entry in answer["Successful"]] == [id]


def test_attributes_in_a_batch_have_their_md5(sqs, queue):
    text = {"t": {"DataType": "String", "StringValue": "v"}}
    raw = {"b": {"DataType": "Binary", "BinaryValue": bytes(range(256))}}
    batch = [
        {"Id": "text", "MessageBody": "1", "MessageAttributes": text},
        {"Id": "bytes", "MessageBody": "2", "MessageAttributes": raw},
        {"Id": "none", "MessageBody": "3"},
    ]
    answers = {entry["Id"]: entry for entry in sqs.send_message_batch(QueueUrl=queue, Entries=batch)["Successful"]}
    assert answers["text"]["MD5OfMessageAttributes"] == checksums.of_attributes(text)
    assert answers["bytes"]["MD5OfMessageAttributes"] == checksums.of_attributes(raw)
    assert "MD5OfMessageAttributes" not in answers["none"]
    arrived = {message["Body"]: message for message in drain(sqs, queue, 3, MessageAttributeNames=["All"])}
    assert arrived["1"]["MessageAttributes"] == text and arrived["2"]["MessageAttributes"] == raw


def test_a_trace_header_in_a_batch_has_its_own_md5(sqs, queue):
    trace = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-5759e988-bd862e3fe1be46a994272793"}}
    batch = [{"Id": "trace", "MessageBody": "4", "MessageSystemAttributes": trace}]
    (answer,) = sqs.send_message_batch(QueueUrl=queue, Entries=batch)["Successful"]
    assert answer["MD5OfMessageSystemAttributes"] == checksums.of_attributes(trace)


def test_each_entry_may_have_its_own_delay(sqs, queue):
    batch = [{"Id": "now", "MessageBody": "now"}, {"Id": "later", "MessageBody": "later", "DelaySeconds": 60}]
    sqs.send_message_batch(QueueUrl=queue, Entries=batch)
    assert counts(sqs, queue) == (1, 0, 1)
    assert receive_one(sqs, queue)["Body"] == "now"


def failed_entry(answer):
    (entry,) = answer["Failed"]
    assert entry["SenderFault"] is True and entry["Message"]
    return entry["Id"], entry["Code"]


BAD_SENDS = [
    ("a delay out of range", {"DelaySeconds": 901}, "InvalidParameterValue"),
    ("a sign that XML forbids", {"MessageBody": "a\x00"}, "InvalidMessageContents"),
    (
        "a number attribute that is none",
        {"MessageAttributes": {"n": {"DataType": "Number", "StringValue": "ten"}}},
        "InvalidParameterValue",
    ),
]


@pytest.mark.parametrize(("fact", "change", "code"), BAD_SENDS, ids=[fact for fact, *_ in BAD_SENDS])
def test_a_bad_entry_fails_alone(sqs, queue, fact, change, code):
    batch = [{"Id": "good", "MessageBody": "good"}, {"Id": "bad", "MessageBody": "bad", **change}]
    answer = sqs.send_message_batch(QueueUrl=queue, Entries=batch)
    assert [entry["Id"] for entry in answer["Successful"]] == ["good"]
    assert failed_entry(answer) == ("bad", code)
    assert [message["Body"] for message in drain(sqs, queue, 1)] == ["good"]
    assert counts(sqs, queue) == (0, 1, 0)


def test_an_entry_over_the_size_of_the_queue_fails_alone(sqs, make_queue):
    url = make_queue(MaximumMessageSize=1024)
    batch = [{"Id": "good", "MessageBody": "x" * 1024}, {"Id": "bad", "MessageBody": "x" * 1025}]
    answer = sqs.send_message_batch(QueueUrl=url, Entries=batch)
    assert [entry["Id"] for entry in answer["Successful"]] == ["good"]
    assert failed_entry(answer) == ("bad", "InvalidParameterValue")


def test_the_size_of_the_queue_bounds_each_message_and_not_the_batch(sqs, make_queue):
    url = make_queue(MaximumMessageSize=1024)
    answer = sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": i, "MessageBody": "x" * 1024} for i in "abc"])
    assert len(answer["Successful"]) == 3


def test_a_batch_of_one_mebibyte_in_all_is_accepted(sqs, queue):
    batch = [{"Id": i, "MessageBody": "x" * 524_288} for i in "ab"]
    assert len(sqs.send_message_batch(QueueUrl=queue, Entries=batch)["Successful"]) == 2


def test_a_batch_of_one_byte_more_is_refused_whole(sqs, queue):
    batch = [{"Id": "a", "MessageBody": "x" * 524_288}, {"Id": "b", "MessageBody": "x" * 524_289}]
    code, shape, status, message = refusal(sqs.send_message_batch, QueueUrl=queue, Entries=batch)
    assert (code, shape, status) == (PREFIX + "BatchRequestTooLong", "BatchRequestTooLong", 400)
    assert message == "Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes."
    assert counts(sqs, queue) == (0, 0, 0)


def test_a_batch_delete_deletes_the_good_and_reports_the_bad(sqs, queue):
    messages = received(sqs, queue, 3)
    batch = [{"Id": f"d{i}", "ReceiptHandle": message["ReceiptHandle"]} for i, message in enumerate(messages)]
    answer = sqs.delete_message_batch(QueueUrl=queue, Entries=[*batch, {"Id": "bad", "ReceiptHandle": "garbage"}])
    assert sorted(entry["Id"] for entry in answer["Successful"]) == ["d0", "d1", "d2"]
    assert failed_entry(answer) == ("bad", "ReceiptHandleIsInvalid")
    assert counts(sqs, queue) == (0, 0, 0)


def test_a_batch_change_changes_the_good_and_reports_the_bad(sqs, queue):
    messages = received(sqs, queue, 2)
    batch = [
        {"Id": "soon", "ReceiptHandle": messages[0]["ReceiptHandle"], "VisibilityTimeout": 0},
        {"Id": "long", "ReceiptHandle": messages[1]["ReceiptHandle"], "VisibilityTimeout": 600},
        {"Id": "bad", "ReceiptHandle": "garbage", "VisibilityTimeout": 5},
    ]
    answer = sqs.change_message_visibility_batch(QueueUrl=queue, Entries=batch)
    assert sorted(entry["Id"] for entry in answer["Successful"]) == ["long", "soon"]
    assert failed_entry(answer) == ("bad", "ReceiptHandleIsInvalid")
    assert receive_one(sqs, queue)["MessageId"] == messages[0]["MessageId"]


def test_a_batch_change_out_of_range_fails_alone(sqs, queue):
    messages = received(sqs, queue, 2)
    batch = [
        {"Id": "good", "ReceiptHandle": messages[0]["ReceiptHandle"], "VisibilityTimeout": 60},
        {"Id": "bad", "ReceiptHandle": messages[1]["ReceiptHandle"], "VisibilityTimeout": 43_201},
    ]
    answer = sqs.change_message_visibility_batch(QueueUrl=queue, Entries=batch)
    assert [entry["Id"] for entry in answer["Successful"]] == ["good"]
    assert failed_entry(answer) == ("bad", "InvalidParameterValue")


def test_a_batch_change_of_ten_hides_all_ten(sqs, make_queue):
    url = make_queue(VisibilityTimeout=4)
    messages = received(sqs, url, 10)
    batch = [
        {"Id": f"c{i}", "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 60}
        for i, message in enumerate(messages)
    ]
    assert len(sqs.change_message_visibility_batch(QueueUrl=url, Entries=batch)["Successful"]) == 10
    time.sleep(4.3)
    assert receive(sqs, url, MaxNumberOfMessages=10) == []
    assert counts(sqs, url) == (0, 10, 0)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_batch_to_a_missing_queue_is_refused(sqs, queue, operation):
    call, entry = batch_calls(sqs)[operation]
    code = refused_with(call, QueueUrl=queue + "-missing", Entries=[entry("a")])
    assert code == PREFIX + "NonExistentQueue"
