"""Lease tables as the SDK for Python sees them."""

import threading
import urllib.request
import zlib

import boto3
import pytest
from boto3.dynamodb.conditions import Attr, Key
from conftest import ENDPOINT, LEASE_KEY, make_client, refusal


def lease(key, counter=1, **more):
    return {"leaseKey": {"S": key}, "leaseCounter": {"N": str(counter)}, **more}


def test_a_table_is_waited_for_described_and_deleted(dynamodb, table):
    dynamodb.get_waiter("table_exists").wait(TableName=table, WaiterConfig={"Delay": 1, "MaxAttempts": 3})
    described = dynamodb.describe_table(TableName=table)["Table"]
    assert (described["TableStatus"], described["ItemCount"]) == ("ACTIVE", 0)
    assert table in dynamodb.list_tables()["TableNames"]
    again = refusal(dynamodb.create_table, TableName=table, **LEASE_KEY)
    assert (again["Error"]["Code"], again["Error"]["Message"]) == ("ResourceInUseException", f"Table already exists: {table}")


def test_conditions_show_the_item_that_failed_them(dynamodb, table):
    dynamodb.put_item(TableName=table, Item=lease("s1", leaseOwner={"S": "one"}))
    condition = {
        "ConditionExpression": "leaseOwner = :me OR attribute_not_exists(leaseKey)",
        "ExpressionAttributeValues": {":me": {"S": "two"}},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    refused = refusal(dynamodb.put_item, TableName=table, Item=lease("s1", 2), **condition)
    assert refused["Error"]["Code"] == "ConditionalCheckFailedException"
    assert refused["Error"]["Message"] == "The conditional request failed"
    assert refused["Item"] == lease("s1", leaseOwner={"S": "one"})
    dynamodb.put_item(TableName=table, Item=lease("s2"), **condition)


def test_updates_count_and_collect(dynamodb, table):
    values = {":one": {"N": "1"}, ":child": {"SS": ["s2", "s3"]}, ":none": {"L": []}, ":seen": {"L": [{"S": "a"}]}}
    expression = "SET seen = list_append(if_not_exists(seen, :none), :seen) ADD leaseCounter :one, childShardIds :child"
    for counter in ("1", "2"):
        answer = dynamodb.update_item(
            TableName=table,
            Key={"leaseKey": {"S": "s1"}},
            UpdateExpression=expression,
            ExpressionAttributeValues=values,
            ReturnValues="ALL_NEW",
        )
        assert answer["Attributes"]["leaseCounter"] == {"N": counter}
    assert answer["Attributes"]["seen"] == {"L": [{"S": "a"}, {"S": "a"}]}
    assert sorted(answer["Attributes"]["childShardIds"]["SS"]) == ["s2", "s3"]


def test_the_resource_layer_reads_and_writes(dynamodb, table):
    resource = boto3.resource(
        "dynamodb", endpoint_url=ENDPOINT, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="x"
    ).Table(table)
    for number in range(5):
        resource.put_item(Item={"leaseKey": f"s{number}", "counter": number, "tags": {"a", "b"}, "map": {"x": [1, None]}})
    assert resource.get_item(Key={"leaseKey": "s3"})["Item"]["map"] == {"x": [1, None]}
    found = resource.scan(FilterExpression=Attr("counter").between(1, 3) & Attr("tags").contains("a"))
    assert sorted(item["leaseKey"] for item in found["Items"]) == ["s1", "s2", "s3"]
    assert resource.query(KeyConditionExpression=Key("leaseKey").eq("s4"))["Count"] == 1
    resource.delete_item(Key={"leaseKey": "s0"}, ConditionExpression=Attr("counter").eq(0))
    assert resource.scan(Select="COUNT")["Count"] == 4


def test_a_scan_goes_through_pages_and_segments(dynamodb, table):
    for number in range(60):
        item = {"leaseKey": {"S": f"s{number}"}, "body": {"S": "x" * 50_000}}
        dynamodb.put_item(TableName=table, Item=item)
    pages = list(dynamodb.get_paginator("scan").paginate(TableName=table))
    assert len(pages) == 3, "a page is of a mebibyte"
    keys = [item["leaseKey"]["S"] for page in pages for item in page["Items"]]
    assert len(keys) == 60 and len(set(keys)) == 60
    segments = []
    for segment in range(4):
        for page in dynamodb.get_paginator("scan").paginate(TableName=table, Segment=segment, TotalSegments=4):
            segments += [item["leaseKey"]["S"] for item in page["Items"]]
    assert sorted(segments) == sorted(keys)


def test_an_index_by_owner_is_added_waited_for_and_asked(dynamodb, table):
    for number, owner in enumerate(["one", "two", "one"]):
        dynamodb.put_item(TableName=table, Item=lease(f"s{number}", leaseOwner={"S": owner}))
    index = {
        "IndexName": "LeaseOwnerToLeaseKeyIndex",
        "KeySchema": [
            {"AttributeName": "leaseOwner", "KeyType": "HASH"},
            {"AttributeName": "leaseKey", "KeyType": "RANGE"},
        ],
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    }
    attributes = [{"AttributeName": name, "AttributeType": "S"} for name in ("leaseKey", "leaseOwner")]
    dynamodb.update_table(
        TableName=table, AttributeDefinitions=attributes, GlobalSecondaryIndexUpdates=[{"Create": index}]
    )
    described = dynamodb.describe_table(TableName=table)["Table"]["GlobalSecondaryIndexes"][0]
    assert (described["IndexStatus"], described["ItemCount"]) == ("ACTIVE", 3)
    found = dynamodb.query(
        TableName=table,
        IndexName="LeaseOwnerToLeaseKeyIndex",
        KeyConditionExpression="leaseOwner = :o AND begins_with(leaseKey, :s)",
        ExpressionAttributeValues={":o": {"S": "one"}, ":s": {"S": "s"}},
    )
    assert [item["leaseKey"]["S"] for item in found["Items"]] == ["s0", "s2"]
    assert all(set(item) == {"leaseKey", "leaseOwner"} for item in found["Items"])


def test_a_transaction_is_all_or_nothing(dynamodb, table):
    dynamodb.put_item(TableName=table, Item=lease("s1"))
    put = {"Put": {"TableName": table, "Item": lease("s2")}}
    check = {
        "ConditionCheck": {
            "TableName": table,
            "Key": {"leaseKey": {"S": "s1"}},
            "ConditionExpression": "leaseCounter = :two",
            "ExpressionAttributeValues": {":two": {"N": "2"}},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    }
    refused = refusal(dynamodb.transact_write_items, TransactItems=[put, check])
    assert refused["Error"]["Code"] == "TransactionCanceledException"
    assert refused["CancellationReasons"] == [
        {"Code": "None"},
        {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed", "Item": lease("s1")},
    ]
    assert dynamodb.scan(TableName=table)["Count"] == 1
    dynamodb.transact_write_items(TransactItems=[put], ClientRequestToken="once")
    dynamodb.transact_write_items(TransactItems=[put], ClientRequestToken="once")
    assert dynamodb.scan(TableName=table)["Count"] == 2


def test_of_many_who_take_a_lease_one_has_it(dynamodb, table):
    dynamodb.put_item(TableName=table, Item=lease("s1", 7))
    winners = []

    def take(worker):
        try:
            make_client().update_item(
                TableName=table,
                Key={"leaseKey": {"S": "s1"}},
                Expected={"leaseCounter": {"Value": {"N": "7"}}},
                AttributeUpdates={
                    "leaseCounter": {"Value": {"N": "8"}, "Action": "PUT"},
                    "leaseOwner": {"Value": {"S": worker}, "Action": "PUT"},
                },
            )
            winners.append(worker)
        except dynamodb.exceptions.ConditionalCheckFailedException:
            pass

    threads = [threading.Thread(target=take, args=(f"worker-{number}",)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(winners) == 1
    assert dynamodb.get_item(TableName=table, Key={"leaseKey": {"S": "s1"}})["Item"]["leaseOwner"] == {"S": winners[0]}


def test_every_answer_says_the_checksum_of_its_body(table):
    bodies = []
    client = make_client()
    client.meta.events.register("before-parse.dynamodb.*", lambda response_dict, **_: bodies.append(response_dict))
    client.describe_table(TableName=table)
    refusal(client.describe_table, TableName="nothing-of-this-name")
    assert len(bodies) == 2
    for body in bodies:
        assert int(body["headers"]["x-amz-crc32"]) == zlib.crc32(body["body"])


def test_what_is_no_lease_table_is_refused_by_name(dynamodb, table):
    for operation, arguments in [
        ("batch_get_item", {"RequestItems": {table: {"Keys": [{"leaseKey": {"S": "s1"}}]}}}),
        ("execute_statement", {"Statement": f"SELECT * FROM {table}"}),
        ("create_backup", {"TableName": table, "BackupName": "b"}),
        ("update_time_to_live", {"TableName": table, "TimeToLiveSpecification": {"Enabled": True, "AttributeName": "a"}}),
    ]:
        refused = refusal(getattr(dynamodb, operation), **arguments)
        assert refused["Error"]["Code"] == "UnknownOperationException", operation
        assert "no database" in refused["Error"]["Message"]


def test_words_that_expressions_may_not_use_are_named(dynamodb, table):
    refused = refusal(dynamodb.scan, TableName=table, FilterExpression="status = :a", ExpressionAttributeValues={":a": {"S": "a"}})
    assert refused["Error"] == {
        "Code": "ValidationException",
        "Message": "Invalid FilterExpression: Attribute name is a reserved keyword; reserved keyword: status",
    }


def test_leases_are_there_after_kill_9(make_server, tmp_path):
    server = make_server(tmp_path / "data").start()
    client = make_client(endpoint=server.endpoint)
    client.create_table(TableName="app", **LEASE_KEY)
    for number in range(50):
        client.put_item(TableName="app", Item=lease(f"s{number}"))
    client.delete_item(TableName="app", Key={"leaseKey": {"S": "s7"}})
    make_client("cloudwatch", server.endpoint).put_metric_data(
        Namespace="app", MetricData=[{"MetricName": "Time", "Value": 2.5, "Unit": "Milliseconds"}]
    )
    server.kill()
    server.start()
    client = make_client(endpoint=server.endpoint)
    found = {item["leaseKey"]["S"] for item in client.scan(TableName="app")["Items"]}
    assert found == {f"s{number}" for number in range(50)} - {"s7"}
    with urllib.request.urlopen(f"{server.endpoint}/metrics") as page:
        lines = page.read().decode().splitlines()
    assert [line.rsplit(" ", 1)[1] for line in lines if line.startswith("tidewire_put_metric_sum{")] == ["2.5"]
