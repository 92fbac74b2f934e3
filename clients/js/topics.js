// The fourteen (xtask/src/test/twelve.rs) with the AWS SDK for JavaScript: in forms, as it speaks to SNS by itself, in rpcv2Cbor and in
// JSON 1.0, to which AWS is moving its services.
//
// In: TIDEWIRE_ENDPOINT. Out: a line for each of the fourteen and each form.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { AwsJson1_0Protocol, AwsSmithyRpcV2CborProtocol } from "@aws-sdk/core/protocols";
import * as sns from "@aws-sdk/client-sns";
import * as sqs from "@aws-sdk/client-sqs";

const SETTINGS = {
  endpoint: process.env.TIDEWIRE_ENDPOINT ?? "http://127.0.0.1:4566",
  region: "us-east-1",
  credentials: { accessKeyId: "test", secretAccessKey: "secret" },
  maxAttempts: 1,
};
const BODY = 'tide <wire> & "all" ✓';
const NUMBER_OF_TOPICS = 101; // One more than a page of ListTopics has.
const VERSION = JSON.parse(readFileSync("node_modules/@aws-sdk/client-sns/package.json")).version;

const queues = new sqs.SQSClient(SETTINGS);
let topics;

const call = (operation, input) => topics.send(new sns[`${operation}Command`](input));
const ask = (operation, input) => queues.send(new sqs[`${operation}Command`](input));
const freshName = (suffix = "") => `fourteen-${randomUUID().slice(0, 13)}${suffix}`;
const text = (StringValue) => ({ DataType: "String", StringValue });

async function makeTopic(Attributes = {}, suffix = "") {
  return (await call("CreateTopic", { Name: freshName(suffix), Attributes })).TopicArn;
}

async function makeQueue(Attributes = {}, suffix = "") {
  return (await ask("CreateQueue", { QueueName: freshName(suffix), Attributes })).QueueUrl;
}

async function subscribe(TopicArn, QueueUrl, Attributes = {}) {
  const found = await ask("GetQueueAttributes", { QueueUrl, AttributeNames: ["QueueArn"] });
  const Endpoint = found.Attributes.QueueArn;
  return (await call("Subscribe", { TopicArn, Protocol: "sqs", Endpoint, Attributes })).SubscriptionArn;
}

/** A new queue that gets a topic's messages raw. */
async function subscribed(TopicArn) {
  const QueueUrl = await makeQueue();
  await subscribe(TopicArn, QueueUrl, { RawMessageDelivery: "true" });
  return QueueUrl;
}

async function receive(QueueUrl, WaitTimeSeconds = 2) {
  const asked = { MaxNumberOfMessages: 10, WaitTimeSeconds, MessageAttributeNames: ["All"] };
  return (await ask("ReceiveMessage", { QueueUrl, ...asked })).Messages ?? [];
}

/** The bodies of so many messages, as soon as they are there. */
async function bodies(QueueUrl, count) {
  const found = [];
  for (let calls = 0; found.length < count && calls < 5; calls += 1) found.push(...(await receive(QueueUrl)));
  return found.map(({ Body }) => Body);
}

async function subscriptionsOf(TopicArn) {
  const { Subscriptions } = await call("ListSubscriptionsByTopic", { TopicArn });
  return (Subscriptions ?? []).map(({ SubscriptionArn }) => SubscriptionArn);
}

async function tagsOf(ResourceArn) {
  const { Tags } = await call("ListTagsForResource", { ResourceArn });
  return Object.fromEntries(Tags.map(({ Key, Value }) => [Key, Value]));
}

async function refusedWith(kind, operation, input) {
  await assert.rejects(call(operation, input), (error) => {
    assert.ok(error instanceof sns[kind], `${kind} was expected, not ${error.name}: ${error.message}`);
    return true;
  });
}

const CHECKS = {
  async create() {
    const TopicArn = await makeTopic({ DisplayName: "Tide" });
    assert.equal((await call("CreateTopic", { Name: TopicArn.split(":")[5] })).TopicArn, TopicArn);
    await call("SetTopicAttributes", { TopicArn, AttributeName: "DisplayName", AttributeValue: "Über & under" });
    const { Attributes } = await call("GetTopicAttributes", { TopicArn });
    assert.deepEqual([Attributes.TopicArn, Attributes.DisplayName], [TopicArn, "Über & under"]);
  },

  async envelope() {
    const TopicArn = await makeTopic();
    const QueueUrl = await makeQueue();
    await subscribe(TopicArn, QueueUrl);
    const MessageAttributes = { kind: text("a<b>&c") };
    const sent = await call("Publish", { TopicArn, Message: BODY, Subject: "News", MessageAttributes });
    const found = JSON.parse((await bodies(QueueUrl, 1))[0]);
    const expected = { Type: "Notification", MessageId: sent.MessageId, TopicArn, Subject: "News", Message: BODY };
    for (const [name, value] of Object.entries(expected)) assert.equal(found[name], value);
    assert.deepEqual(found.MessageAttributes, { kind: { Type: "String", Value: "a<b>&c" } });
    for (const name of ["Signature", "SignatureVersion", "SigningCertURL", "Timestamp", "UnsubscribeURL"]) assert.ok(found[name]);
  },

  async raw() {
    const TopicArn = await makeTopic();
    const QueueUrl = await subscribed(TopicArn);
    await call("Publish", { TopicArn, Message: BODY });
    assert.deepEqual(await bodies(QueueUrl, 1), [BODY]);
  },

  async attributes() {
    const TopicArn = await makeTopic();
    const QueueUrl = await subscribed(TopicArn);
    const number = { DataType: "Number", StringValue: "12.5" };
    const raw = { DataType: "Binary", BinaryValue: Uint8Array.of(0, 255, 7) };
    await call("Publish", { TopicArn, Message: "x", MessageAttributes: { kind: text("a<b>&c"), number, raw } });
    const [{ MessageAttributes: found }] = await receive(QueueUrl);
    assert.equal(found.kind.StringValue, "a<b>&c");
    assert.deepEqual([found.number.DataType, found.number.StringValue], ["Number", "12.5"]);
    assert.deepEqual([...found.raw.BinaryValue], [0, 255, 7]);
  },

  async batch() {
    const TopicArn = await makeTopic();
    const QueueUrl = await subscribed(TopicArn);
    const PublishBatchRequestEntries = ["a", "b", "c"].map((Id) => ({ Id, Message: `body ${Id}` }));
    const sent = await call("PublishBatch", { TopicArn, PublishBatchRequestEntries });
    assert.deepEqual(sent.Successful.map(({ Id }) => Id).sort(), ["a", "b", "c"]);
    assert.deepEqual(sent.Failed ?? [], []);
    assert.deepEqual((await bodies(QueueUrl, 3)).sort(), ["body a", "body b", "body c"]);
    const twice = [{ Id: "same", Message: "x" }, { Id: "same", Message: "x" }];
    await refusedWith("BatchEntryIdsNotDistinctException", "PublishBatch", { TopicArn, PublishBatchRequestEntries: twice });
  },

  async structure() {
    const TopicArn = await makeTopic();
    const QueueUrl = await subscribed(TopicArn);
    const Message = JSON.stringify({ default: "for all", sqs: "for queues", email: "for people" });
    await call("Publish", { TopicArn, Message, MessageStructure: "json" });
    assert.deepEqual(await bodies(QueueUrl, 1), ["for queues"]);
  },

  async filter() {
    const TopicArn = await makeTopic();
    const QueueUrl = await makeQueue();
    const FilterPolicy = JSON.stringify({ kind: [{ prefix: "a" }] });
    const SubscriptionArn = await subscribe(TopicArn, QueueUrl, { RawMessageDelivery: "true", FilterPolicy });
    for (const kind of ["bee", "ant"]) await call("Publish", { TopicArn, Message: kind, MessageAttributes: { kind: text(kind) } });
    assert.deepEqual(await bodies(QueueUrl, 1), ["ant"]);
    const changes = { FilterPolicyScope: "MessageBody", FilterPolicy: JSON.stringify({ legs: [{ numeric: [">", 6] }] }) };
    for (const [AttributeName, AttributeValue] of Object.entries(changes)) {
      await call("SetSubscriptionAttributes", { SubscriptionArn, AttributeName, AttributeValue });
    }
    for (const legs of [6, 8]) await call("Publish", { TopicArn, Message: JSON.stringify({ legs }) });
    assert.deepEqual(await bodies(QueueUrl, 1), ['{"legs":8}']);
    assert.deepEqual(await receive(QueueUrl, 0), []);
  },

  async fifo() {
    const TopicArn = await makeTopic({ FifoTopic: "true", ContentBasedDeduplication: "true" }, ".fifo");
    const QueueUrl = await makeQueue({ FifoQueue: "true" }, ".fifo");
    await subscribe(TopicArn, QueueUrl, { RawMessageDelivery: "true" });
    const sent = [];
    for (const Message of ["a1", "a2", "b1", "a3", "a1"]) {
      sent.push(await call("Publish", { TopicArn, Message, MessageGroupId: Message[0] }));
    }
    assert.equal(sent[4].MessageId, sent[0].MessageId);
    const numbers = sent.slice(0, 4).map(({ SequenceNumber }) => BigInt(SequenceNumber));
    assert.ok(numbers.every((number, index) => index === 0 || number > numbers[index - 1]), `${numbers} do not rise`);
    const found = (await receive(QueueUrl)).map(({ Body }) => Body);
    assert.deepEqual(found.filter((body) => body.startsWith("a")), ["a1", "a2", "a3"]);
    assert.deepEqual(found.toSorted(), ["a1", "a2", "a3", "b1"]);
  },

  async confirm() {
    const letters = [];
    let arrived = () => {};
    const endpoint = createServer(async (request, response) => {
      let body = "";
      for await (const chunk of request) body += chunk;
      letters.push([request.headers["x-amz-sns-message-type"], JSON.parse(body)]);
      response.end();
      arrived();
    });
    await new Promise((resolve) => endpoint.listen(0, "127.0.0.1", resolve));
    const next = async () => {
      const nothing = setTimeout(() => arrived(), 30_000);
      if (letters.length === 0) await new Promise((resolve) => (arrived = resolve));
      clearTimeout(nothing);
      assert.ok(letters.length > 0, "nothing came");
      return letters.shift();
    };
    try {
      const TopicArn = await makeTopic();
      const Endpoint = `http://127.0.0.1:${endpoint.address().port}/notes`;
      const asked = await call("Subscribe", { TopicArn, Protocol: "http", Endpoint });
      assert.equal(asked.SubscriptionArn, "pending confirmation");
      const [question, { Token, TopicArn: its }] = await next();
      assert.deepEqual([question, its], ["SubscriptionConfirmation", TopicArn]);
      const { SubscriptionArn } = await call("ConfirmSubscription", { TopicArn, Token });
      assert.ok(SubscriptionArn.startsWith(`${TopicArn}:`));
      await call("Publish", { TopicArn, Message: BODY });
      const [kind, { Message }] = await next();
      assert.deepEqual([kind, Message], ["Notification", BODY]);
      await call("DeleteTopic", { TopicArn });
    } finally {
      endpoint.closeAllConnections();
      endpoint.close();
    }
  },

  async tags() {
    const { TopicArn } = await call("CreateTopic", { Name: freshName(), Tags: [{ Key: "team", Value: "tide" }] });
    await call("TagResource", { ResourceArn: TopicArn, Tags: [{ Key: "stage", Value: "test + more" }] });
    assert.deepEqual(await tagsOf(TopicArn), { team: "tide", stage: "test + more" });
    await call("UntagResource", { ResourceArn: TopicArn, TagKeys: ["team"] });
    assert.deepEqual(await tagsOf(TopicArn), { stage: "test + more" });
  },

  async pages() {
    const made = new Set();
    while (made.size < NUMBER_OF_TOPICS) made.add(await makeTopic());
    const listed = [];
    for await (const { Topics } of sns.paginateListTopics({ client: topics }, {})) listed.push(Topics.map(({ TopicArn }) => TopicArn));
    assert.ok(listed.length > 1 && listed[0].length === 100, `pages of ${listed.map(({ length }) => length)}`);
    assert.equal(listed.flat().filter((topic) => made.has(topic)).length, NUMBER_OF_TOPICS);
  },

  async errors() {
    const TopicArn = await makeTopic();
    await refusedWith("NotFoundException", "Publish", { TopicArn: `${TopicArn}-missing`, Message: "x" });
    await refusedWith("InvalidParameterException", "Subscribe", { TopicArn, Protocol: "pigeon", Endpoint: "x" });
    await refusedWith("ResourceNotFoundException", "ListTagsForResource", { ResourceArn: `${TopicArn}-missing` });
    await refusedWith("EmptyBatchRequestException", "PublishBatch", { TopicArn, PublishBatchRequestEntries: [] });
  },

  async unsubscribe() {
    const TopicArn = await makeTopic();
    const QueueUrl = await makeQueue();
    const SubscriptionArn = await subscribe(TopicArn, QueueUrl);
    assert.deepEqual(await subscriptionsOf(TopicArn), [SubscriptionArn]);
    await call("Unsubscribe", { SubscriptionArn });
    await call("Publish", { TopicArn, Message: "to nobody" });
    assert.deepEqual([await receive(QueueUrl, 1), await subscriptionsOf(TopicArn)], [[], []]);
    await refusedWith("NotFoundException", "GetSubscriptionAttributes", { SubscriptionArn });
  },

  async delete() {
    const TopicArn = await makeTopic();
    const QueueUrl = await subscribed(TopicArn);
    for (let times = 0; times < 2; times += 1) await call("DeleteTopic", { TopicArn });
    await refusedWith("NotFoundException", "Publish", { TopicArn, Message: "x" });
    await refusedWith("NotFoundException", "GetTopicAttributes", { TopicArn });
    assert.deepEqual(await receive(QueueUrl, 1), []);
  },
};

async function runFourteen(form, protocol) {
  console.log(`client of topics: AWS SDK for JavaScript v3 | client-sns ${VERSION} | ${form}`);
  topics = new sns.SNSClient({ ...SETTINGS, ...protocol });
  for (const [check, run] of Object.entries(CHECKS)) {
    const outcome = await run().then(
      () => "ok",
      (error) => `failed: ${error.name}: ${error.message}`.replaceAll("\n", " ").slice(0, 400),
    );
    console.log(`topics: ${check}: ${outcome}`);
  }
  topics.destroy();
}

await runFourteen("query", {});
await runFourteen("rpcv2Cbor", { protocol: AwsSmithyRpcV2CborProtocol });
await runFourteen("JSON 1.0", { protocol: AwsJson1_0Protocol });
queues.destroy();
