// The AWS SDK for JavaScript with Kinesis Data Streams, which it speaks over HTTP/2 only: to an http:// endpoint without any
// upgrade, by prior knowledge.
//
// In: TIDEWIRE_ENDPOINT. Each test has a stream of its own. Source: the Kinesis API reference.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import {
  CreateStreamCommand,
  DeleteStreamCommand,
  DescribeStreamSummaryCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  ListShardsCommand,
  ListStreamsCommand,
  PutRecordCommand,
  PutRecordsCommand,
  ResourceInUseException,
  ResourceNotFoundException,
  SplitShardCommand,
} from "@aws-sdk/client-kinesis";

const endpoint = process.env.TIDEWIRE_ENDPOINT ?? "http://127.0.0.1:4566";
const credentials = { accessKeyId: "test", secretAccessKey: "secret" };
const client = new KinesisClient({ endpoint, region: "us-east-1", credentials, maxAttempts: 1 });
after(() => client.destroy());

const FIRST = "shardId-000000000000";
const text = (record) => new TextDecoder().decode(record.Data);
const bytes = (data) => new TextEncoder().encode(data);

async function makeStream(t) {
  const StreamName = `js-${randomUUID().slice(0, 13)}`;
  await client.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
  t.after(() => client.send(new DeleteStreamCommand({ StreamName })));
  return StreamName;
}

async function read(StreamName, ShardId) {
  const asked = { StreamName, ShardId, ShardIteratorType: "TRIM_HORIZON" };
  const { ShardIterator } = await client.send(new GetShardIteratorCommand(asked));
  return client.send(new GetRecordsCommand({ ShardIterator }));
}

test("the SDK speaks HTTP/2 to the server", async () => {
  assert.equal(client.config.requestHandler.metadata.handlerProtocol, "h2");
  assert.ok(Array.isArray((await client.send(new ListStreamsCommand({}))).StreamNames));
});

test("records are put, alone and many at once, and read in their order", async (t) => {
  const StreamName = await makeStream(t);
  const put = await client.send(new PutRecordCommand({ StreamName, PartitionKey: "k", Data: bytes("one") }));
  assert.equal(put.ShardId, FIRST);
  assert.equal(put.SequenceNumber.length, 56);
  const Records = ["two", "three"].map((data) => ({ PartitionKey: "k", Data: bytes(data) }));
  const batch = await client.send(new PutRecordsCommand({ StreamName, Records }));
  assert.equal(batch.FailedRecordCount, 0);
  const got = await read(StreamName, FIRST);
  assert.deepEqual(got.Records.map(text), ["one", "two", "three"]);
  assert.equal(got.Records[0].SequenceNumber, put.SequenceNumber);
  assert.equal(got.MillisBehindLatest, 0);
  assert.ok(got.Records[0].ApproximateArrivalTimestamp instanceof Date);
});

test("a shard that was split leads to its children", async (t) => {
  const StreamName = await makeStream(t);
  const NewStartingHashKey = (2n ** 127n).toString();
  await client.send(new SplitShardCommand({ StreamName, ShardToSplit: FIRST, NewStartingHashKey }));
  const { Shards } = await client.send(new ListShardsCommand({ StreamName }));
  assert.deepEqual(Shards.map((shard) => shard.ParentShardId), [undefined, FIRST, FIRST]);
  const ended = await read(StreamName, FIRST);
  assert.equal(ended.NextShardIterator, undefined);
  assert.deepEqual(ended.ChildShards.map((child) => child.ShardId), Shards.slice(1).map((shard) => shard.ShardId));
  const about = await client.send(new DescribeStreamSummaryCommand({ StreamName }));
  assert.equal(about.StreamDescriptionSummary.OpenShardCount, 2);
  const listed = await client.send(new ListStreamsCommand({ ExclusiveStartStreamName: StreamName.slice(0, -1) }));
  assert.ok(listed.StreamNames.includes(StreamName));
});

test("errors are of the SDK's classes", async (t) => {
  const StreamName = await makeStream(t);
  await assert.rejects(client.send(new CreateStreamCommand({ StreamName, ShardCount: 1 })), (error) => {
    assert.ok(error instanceof ResourceInUseException);
    assert.match(error.message, /already exists\.$/);
    return true;
  });
  await assert.rejects(read("nowhere", FIRST), (error) => error instanceof ResourceNotFoundException);
});
