"""Streams whose records are sealed with a key of KMS, and what an account commits itself to.

Source of the rules: developer guide, "Data protection in Amazon Kinesis Data Streams"; service model, StartStreamEncryption,
UpdateAccountSettings, UpdateStreamWarmThroughput.
"""

import pathlib
import subprocess
import uuid

import pytest
from conftest import iterator, make_client, read, refusal
from own_servers import own_servers
from quiet_client import ENDPOINT, quiet_client

FIRST = "shardId-000000000000"


def kms_client(endpoint=ENDPOINT, access_key="test"):
    return quiet_client("kms", endpoint, (access_key, "secret", None), "us-east-1", parameter_validation=False, read_timeout=60)


def encrypt(kinesis, stream, key):
    kinesis.start_stream_encryption(StreamName=stream, EncryptionType="KMS", KeyId=key)
    return stream


def put(kinesis, stream, data=b"x"):
    return kinesis.put_record(StreamName=stream, Data=data, PartitionKey="key")


@pytest.fixture(scope="module")
def kms():
    return kms_client()


def summary(kinesis, stream):
    return kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]


@pytest.mark.parametrize("form", ["KeyId", "Arn", "alias", "alias ARN", "alias/aws/kinesis"])
def test_records_come_back_whatever_the_key_is_called(kinesis, kms, stream, form):
    made = kms.create_key()["KeyMetadata"]
    alias = f"alias/{uuid.uuid4().hex}"
    kms.create_alias(AliasName=alias, TargetKeyId=made["KeyId"])
    forms = {"alias": alias, "alias ARN": made["Arn"].split(":key/")[0] + ":" + alias}
    key = made.get(form) or forms.get(form) or form
    assert "EncryptionType" not in put(kinesis, stream, b"before"), "AWS leaves NONE out"
    encrypt(kinesis, stream, key)
    assert put(kinesis, stream, b"one")["EncryptionType"] == "KMS"
    many = [{"Data": b"%d" % nth, "PartitionKey": f"k{nth}", "ExplicitHashKey": "7"} for nth in range(500)]
    answer = kinesis.put_records(StreamName=stream, Records=many)
    assert (answer["EncryptionType"], answer["FailedRecordCount"]) == ("KMS", 0)
    about = summary(kinesis, stream)
    assert (about["EncryptionType"], about["KeyId"]) == ("KMS", key)
    records, _ = read(kinesis, stream, FIRST)
    assert [record["Data"] for record in records] == [b"before", b"one", *(entry["Data"] for entry in many)]
    assert [record["PartitionKey"] for record in records[2:]] == [entry["PartitionKey"] for entry in many]
    assert [record.get("EncryptionType") for record in records[:2]] == [None, "KMS"]
    kinesis.stop_stream_encryption(StreamName=stream, EncryptionType="KMS", KeyId=key)
    assert "EncryptionType" not in put(kinesis, stream)
    about = summary(kinesis, stream)
    assert about["EncryptionType"] == "NONE" and "KeyId" not in about


def test_the_largest_record_is_sealed(kinesis, kms, make_stream):
    stream = encrypt(kinesis, make_stream(MaxRecordSizeInKiB=10240), "alias/aws/kinesis")
    largest = bytes(range(256)) * (10 * 1024 * 4 - 1) + b"x" * (256 - 3)
    put(kinesis, stream, largest)
    got = kinesis.get_records(ShardIterator=iterator(kinesis, stream, FIRST))["Records"]
    assert [record["Data"] == largest for record in got] == [True]


def test_a_key_that_is_no_key_is_refused(kinesis, kms, stream):
    disabled, ending = (kms.create_key()["KeyMetadata"] for _ in range(2))
    kms.disable_key(KeyId=disabled["KeyId"])
    kms.schedule_key_deletion(KeyId=ending["KeyId"], PendingWindowInDays=7)
    for key, expected in (
        ("alias/nobody", "KMSNotFoundException"),
        (disabled["KeyId"], "KMSDisabledException"),
        (ending["Arn"], "KMSInvalidStateException"),
    ):
        asked = {"StreamName": stream, "EncryptionType": "KMS", "KeyId": key}
        assert refusal(kinesis.start_stream_encryption, **asked)[0] == expected
    assert summary(kinesis, stream)["EncryptionType"] == "NONE"


def test_a_disabled_key_stops_whoever_was_not_let_in_before(kinesis, kms, stream):
    key = kms.create_key()["KeyMetadata"]
    encrypt(kinesis, stream, key["KeyId"])
    put(kinesis, stream, b"sealed")
    kms.disable_key(KeyId=key["KeyId"])
    # Another access key of the same account: what the first was allowed is its own for five minutes.
    other = make_client(access_key="000000000000")
    expected = ("KMSDisabledException", f"{key['Arn']} is disabled.")
    assert refusal(other.put_record, StreamName=stream, Data=b"x", PartitionKey="k") == expected
    assert refusal(other.put_records, StreamName=stream, Records=[{"Data": b"x", "PartitionKey": "k"}]) == expected
    at = iterator(kinesis, stream, FIRST)
    assert refusal(other.get_records, ShardIterator=at) == expected
    kms.enable_key(KeyId=key["KeyId"])
    assert [record["Data"] for record in other.get_records(ShardIterator=at)["Records"]] == [b"sealed"]


def test_a_subscription_is_pushed_opened_records_and_ends_when_the_key_does(kinesis, kms, stream):
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    encrypt(kinesis, stream, key)
    put(kinesis, stream, b"sealed")
    consumer = kinesis.register_stream_consumer(StreamARN=summary(kinesis, stream)["StreamARN"], ConsumerName="c")
    asked = {
        "ConsumerARN": consumer["Consumer"]["ConsumerARN"],
        "ShardId": FIRST,
        "StartingPosition": {"Type": "TRIM_HORIZON"},
    }
    events = iter(kinesis.subscribe_to_shard(**asked)["EventStream"])
    [record] = next(events)["SubscribeToShardEvent"]["Records"]
    assert (record["Data"], record["EncryptionType"]) == (b"sealed", "KMS")
    kms.disable_key(KeyId=key)
    other = make_client(access_key="000000000000")
    asked["ConsumerARN"] = other.register_stream_consumer(
        StreamARN=summary(kinesis, stream)["StreamARN"], ConsumerName="d"
    )["Consumer"]["ConsumerARN"]
    with pytest.raises(Exception, match="is disabled") as stopped:
        list(other.subscribe_to_shard(**asked)["EventStream"])
    assert stopped.value.response["Error"]["Code"] == "KMSDisabledException"


def test_nothing_can_be_read_in_the_data_folder_or_a_backup(tmp_path):
    """With and without a key of KMS: log, segments, checkpoints, backup."""
    words = b"WORDS-THAT-NOBODY-SHALL-READ"
    with own_servers() as make:
        server = make(tmp_path / "data").start()
        kinesis, kms = make_client(server.endpoint), kms_client(server.endpoint)
        for name in ("plain", "sealed"):
            kinesis.create_stream(StreamName=name, ShardCount=1)
        encrypt(kinesis, "sealed", kms.create_key()["KeyMetadata"]["KeyId"])
        for name in ("plain", "sealed"):
            kinesis.put_record(StreamName=name, Data=words, PartitionKey=words.decode() + "-AS-KEY")
            kinesis.tag_resource(
                ResourceARN=summary(kinesis, name)["StreamARN"], Tags={"note": words.decode() + "-AS-TAG"}
            )
        # More than a log file, so that some of it stands in segments.
        filling = [{"Data": words * 20_000, "PartitionKey": "k"}] * 10
        for name in ("plain", "sealed") * 8:
            assert kinesis.put_records(StreamName=name, Records=filling)["FailedRecordCount"] == 0
        backup = subprocess.run(
            [server.binary, "backup", server.data_dir, "--to", str(tmp_path / "backup")], capture_output=True, text=True
        )
        assert backup.returncode == 0, backup.stderr
        server.kill()
        files = [path for folder in ("data", "backup") for path in (tmp_path / folder).rglob("*") if path.is_file()]
        found = b"".join(pathlib.Path(path).read_bytes() for path in files)
        assert len(found) > 50 << 20
        assert words not in found and words.decode().encode("utf-16-le") not in found
        kinesis = make_client(make(tmp_path / "data").start().endpoint)
        for name in ("plain", "sealed"):
            records, _ = read(kinesis, name, FIRST)
            assert records[0]["Data"] == words and len(records) == 81


def test_an_account_that_commits_itself_keeps_streams_warm(kinesis):
    # An account of its own: the commitment lasts a day.
    kinesis = make_client(access_key=str(uuid.uuid4().int)[:12])
    assert kinesis.describe_account_settings()["MinimumThroughputBillingCommitment"] == {"Status": "DISABLED"}
    kinesis.create_stream(StreamName="s", StreamModeDetails={"StreamMode": "ON_DEMAND"})
    asked = {"StreamName": "s", "WarmThroughputMiBps": 12}
    assert refusal(kinesis.update_stream_warm_throughput, **asked)[0] == "InvalidArgumentException"
    wanted = {"MinimumThroughputBillingCommitment": {"Status": "ENABLED"}}
    said = kinesis.update_account_settings(**wanted)["MinimumThroughputBillingCommitment"]
    assert said["Status"] == "ENABLED" and (said["EarliestAllowedEndAt"] - said["StartedAt"]).total_seconds() == 86_400
    assert kinesis.update_stream_warm_throughput(**asked)["WarmThroughput"] == {"TargetMiBps": 12, "CurrentMiBps": 12}
    about = summary(kinesis, "s")
    assert (about["OpenShardCount"], about["WarmThroughput"]["CurrentMiBps"]) == (12, 12)
    placed = {put["ShardId"] for put in (
        kinesis.put_record(StreamName="s", Data=b"x", PartitionKey=f"k{nth}") for nth in range(200)
    )}
    assert len(placed) == 12, "the new shards take records"
    wanted["MinimumThroughputBillingCommitment"]["Status"] = "DISABLED"
    said = kinesis.update_account_settings(**wanted)["MinimumThroughputBillingCommitment"]
    assert said["Status"] == "ENABLED_UNTIL_EARLIEST_ALLOWED_END"
    assert summary(kinesis, "s")["WarmThroughput"]["CurrentMiBps"] == 12
    kinesis.delete_stream(StreamName="s")
