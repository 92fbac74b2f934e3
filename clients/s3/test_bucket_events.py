"""What happens to objects of a real S3 server reaches the queues that want to know, in the words of S3.

The records are compared with "Event message structure" of the S3 User Guide, member by member.
"""

import hashlib
import json
import re
import urllib.error
import urllib.request

import pytest

from conftest import ACCOUNT, REGION, TOKEN


def wishes(*wanted, bucket="uploads"):
    """The file with notifications: each wish is a queue's name, its events and its filter."""
    configurations = [
        {
            "Id": queue,
            "QueueArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}",
            "Events": events,
            "Filter": {"Key": {"FilterRules": [{"Name": name, "Value": value} for name, value in rules.items()]}},
        }
        for queue, events, rules in wanted
    ]
    bucket = {
        "Bucket": bucket,
        "OwnerAccountId": ACCOUNT,
        "Region": REGION,
        "QueueConfigurations": configurations,
    }
    return json.dumps({"Buckets": [bucket]})


def record(body):
    [only] = json.loads(body)["Records"]
    return only


def test_an_object_that_is_put_is_told_as_s3_tells_it(s3, jobs):
    house = jobs(wishes(("jobs", ["s3:ObjectCreated:*"], {"suffix": ".jpg"})))
    queue = house.sqs.create_queue(QueueName="jobs")["QueueUrl"]
    s3.put_object(Bucket="uploads", Key="photos/ignored.txt", Body=b"no")
    s3.put_object(Bucket="others", Key="photos/other.jpg", Body=b"no")
    s3.put_object(Bucket="uploads", Key="photos/a b+é.jpg", Body=b"hello")
    told = record(house.receive(queue))
    assert told["eventVersion"] == "2.1" and told["eventSource"] == "aws:s3"
    assert told["awsRegion"] == REGION
    assert told["eventName"] == "ObjectCreated:Put"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", told["eventTime"])
    assert told["userIdentity"]["principalId"] and told["requestParameters"]["sourceIPAddress"]
    assert set(told["responseElements"]) == {"x-amz-request-id", "x-amz-id-2"}
    assert told["s3"]["s3SchemaVersion"] == "1.0" and told["s3"]["configurationId"] == "jobs"
    assert told["s3"]["bucket"] == {
        "name": "uploads",
        "ownerIdentity": {"principalId": ACCOUNT},
        "arn": "arn:aws:s3:::uploads",
    }
    thing = told["s3"]["object"]
    assert thing["key"] == "photos/a+b%2B%C3%A9.jpg"
    assert (thing["size"], thing["eTag"]) == (5, hashlib.md5(b"hello").hexdigest())
    assert re.fullmatch(r"[0-9A-F]+", thing["sequencer"])
    assert house.receive(queue, secs=2) is None, "one event, and nothing of what nobody wants"


def test_writing_again_uploading_in_parts_and_removing_are_told_each(s3, jobs):
    house = jobs(wishes(("made", ["s3:ObjectCreated:*"], {}), ("gone", ["s3:ObjectRemoved:Delete"], {})))
    made = house.sqs.create_queue(QueueName="made")["QueueUrl"]
    gone = house.sqs.create_queue(QueueName="gone")["QueueUrl"]
    s3.put_object(Bucket="uploads", Key="k", Body=b"one")
    first = record(house.receive(made))
    s3.put_object(Bucket="uploads", Key="k", Body=b"two")
    second = record(house.receive(made))
    sequencers = [int(told["s3"]["object"]["sequencer"], 16) for told in (first, second)]
    assert sequencers[0] < sequencers[1], "of two events of one key the later one has the greater sequencer"
    upload = s3.create_multipart_upload(Bucket="uploads", Key="big")["UploadId"]
    part = s3.upload_part(Bucket="uploads", Key="big", UploadId=upload, PartNumber=1, Body=b"x" * (5 << 20))
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(Bucket="uploads", Key="big", UploadId=upload, MultipartUpload=parts)
    whole = record(house.receive(made))
    assert (whole["eventName"], whole["s3"]["object"]["key"]) == ("ObjectCreated:CompleteMultipartUpload", "big")
    assert whole["s3"]["object"]["size"] == 5 << 20
    s3.delete_object(Bucket="uploads", Key="k")
    told = record(house.receive(gone))
    assert (told["eventName"], told["s3"]["object"]["key"]) == ("ObjectRemoved:Delete", "k")
    assert not {"size", "eTag"} & set(told["s3"]["object"])
    assert house.receive(made, secs=2) is None


def test_an_event_that_was_taken_is_there_after_a_kill(s3, jobs):
    house = jobs(wishes(("jobs", ["s3:ObjectCreated:*"], {"prefix": "late/"})))
    queue = house.sqs.create_queue(QueueName="jobs", Attributes={"VisibilityTimeout": "0"})["QueueUrl"]
    s3.put_object(Bucket="uploads", Key="late/k", Body=b"late")
    polls = (house.sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20).get("Messages", []) for _ in range(5))
    assert len(next(filter(None, polls))) == 1
    house.server.kill()
    house.start()
    assert record(house.receive(queue))["s3"]["object"]["key"] == "late/k"


def report(house, path, token, body):
    request = urllib.request.Request(
        f"{house.server.endpoint}{path}", data=body, method="POST", headers={"Authorization": f"Bearer {token}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()


MINIO = {
    "EventName": "s3:ObjectCreated:Put",
    "Key": "uploads/photos/a b.jpg",
    "Records": [
        {
            "eventVersion": "2.0",
            "eventSource": "minio:s3",
            "awsRegion": "",
            "eventTime": "2026-11-22T10:00:00.123Z",
            "eventName": "s3:ObjectCreated:Put",
            "userIdentity": {"principalId": "minio"},
            "requestParameters": {"principalId": "minio", "region": "", "sourceIPAddress": "10.0.0.9"},
            "responseElements": {"x-amz-request-id": "17AB"},
            "s3": {
                "s3SchemaVersion": "1.0",
                "configurationId": "Config",
                "bucket": {"name": "uploads", "ownerIdentity": {"principalId": "minio"}, "arn": "arn:aws:s3:::uploads"},
                "object": {"key": "photos%2Fa+b.jpg", "size": 5, "eTag": "5d41", "sequencer": "17AB9C"},
            },
        }
    ],
}


def test_the_form_of_minio_is_taken_too(jobs):
    house = jobs(wishes(("jobs", ["s3:ObjectCreated:Put"], {"prefix": "photos/"})))
    queue = house.sqs.create_queue(QueueName="jobs")["QueueUrl"]
    status, answer = report(house, "/_tidewire/s3/minio", TOKEN, json.dumps(MINIO).encode())
    assert (status, json.loads(answer)) == (200, {"sent": 1, "refused": []})
    told = record(house.receive(queue))
    assert (told["eventName"], told["eventSource"]) == ("ObjectCreated:Put", "aws:s3")
    assert told["s3"]["object"]["key"] == "photos/a+b.jpg" and told["eventTime"] == "2026-11-22T10:00:00.123Z"


@pytest.mark.parametrize(
    ("token", "body", "status"),
    [("wrong", json.dumps(MINIO), 403), ("", json.dumps(MINIO), 403), (TOKEN, "{", 400), (TOKEN, "{}", 400)],
)
def test_a_report_by_a_stranger_or_without_sense_reaches_no_queue(jobs, token, body, status):
    house = jobs(wishes(("jobs", ["s3:ObjectCreated:Put"], {})))
    queue = house.sqs.create_queue(QueueName="jobs")["QueueUrl"]
    answered, said = report(house, "/_tidewire/s3/minio", token, body.encode())
    assert answered == status and TOKEN.encode() not in said
    assert house.receive(queue, secs=1) is None


def test_a_queue_that_is_not_there_is_told_in_the_answer(jobs):
    house = jobs(wishes(("nowhere", ["s3:ObjectCreated:Put"], {})))
    status, answer = report(house, "/_tidewire/s3/minio", TOKEN, json.dumps(MINIO).encode())
    [refused] = json.loads(answer)["refused"]
    assert status == 200 and refused["queue"].endswith(":nowhere")
    assert refused["error"] == "AWS.SimpleQueueService.NonExistentQueue"
