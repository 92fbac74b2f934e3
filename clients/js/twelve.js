// The twelve (xtask/src/test/twelve.rs) with the AWS SDK for JavaScript, in the form it speaks by itself and in rpcv2Cbor.
//
// In: TIDEWIRE_ENDPOINT. Out: a line for each of the twelve and each form. The SDK checks the MD5 of every body by itself.

import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { AwsSmithyRpcV2CborProtocol } from "@aws-sdk/core/protocols";
import * as sqs from "@aws-sdk/client-sqs";

const ENDPOINT = process.env.TIDEWIRE_ENDPOINT ?? "http://127.0.0.1:4566";
const BODY = 'tide <wire> & "all" ✓';
const VERSION = JSON.parse(readFileSync("node_modules/@aws-sdk/client-sqs/package.json")).version;

let client;

const call = (operation, input) => client.send(new sqs[`${operation}Command`](input));
const freshName = (suffix = "") => `twelve-${randomUUID().slice(0, 13)}${suffix}`;

async function makeQueue(Attributes = {}, suffix = "") {
  return (await call("CreateQueue", { QueueName: freshName(suffix), Attributes })).QueueUrl;
}

async function receive(QueueUrl, rest = {}) {
  const asked = { MaxNumberOfMessages: 10, WaitTimeSeconds: 2, ...rest };
  return (await call("ReceiveMessage", { QueueUrl, ...asked })).Messages ?? [];
}

async function counts(QueueUrl) {
  const { Attributes } = await call("GetQueueAttributes", { QueueUrl, AttributeNames: ["All"] });
  return [Number(Attributes.ApproximateNumberOfMessages), Number(Attributes.ApproximateNumberOfMessagesNotVisible)];
}

async function arn(QueueUrl) {
  return (await call("GetQueueAttributes", { QueueUrl, AttributeNames: ["QueueArn"] })).Attributes.QueueArn;
}

const giveBack = (QueueUrl, { ReceiptHandle }) =>
  call("ChangeMessageVisibility", { QueueUrl, ReceiptHandle, VisibilityTimeout: 0 });

/** A queue of which one message has gone to its dead-letter queue. */
async function makeDeadLetters() {
  const dead = await makeQueue();
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: await arn(dead), maxReceiveCount: 1 });
  const QueueUrl = await makeQueue({ RedrivePolicy });
  await call("SendMessage", { QueueUrl, MessageBody: "poison" });
  await giveBack(QueueUrl, (await receive(QueueUrl))[0]);
  assert.deepEqual(await receive(QueueUrl, { WaitTimeSeconds: 0 }), []);
  return { QueueUrl, dead };
}

async function refusedWith(kind, operation, input) {
  await assert.rejects(call(operation, input), (error) => {
    assert.ok(error instanceof sqs[kind], `${kind} was expected, not ${error.name}: ${error.message}`);
    return true;
  });
}

const CHECKS = {
  async create() {
    const QueueUrl = await makeQueue({ VisibilityTimeout: "7" });
    const QueueName = QueueUrl.split("/").at(-1);
    assert.equal((await call("GetQueueUrl", { QueueName })).QueueUrl, QueueUrl);
    assert.deepEqual((await call("ListQueues", { QueueNamePrefix: QueueName })).QueueUrls, [QueueUrl]);
    const { Attributes } = await call("GetQueueAttributes", { QueueUrl, AttributeNames: ["VisibilityTimeout"] });
    assert.deepEqual(Attributes, { VisibilityTimeout: "7" });
  },

  async send() {
    const QueueUrl = await makeQueue();
    const sent = await call("SendMessage", { QueueUrl, MessageBody: BODY });
    assert.equal(sent.MD5OfMessageBody, createHash("md5").update(BODY).digest("hex"));
    const [message] = await receive(QueueUrl);
    assert.deepEqual([message.MessageId, message.Body], [sent.MessageId, BODY]);
  },

  async attributes() {
    const QueueUrl = await makeQueue();
    const MessageAttributes = {
      kind: { DataType: "String", StringValue: "a<b>&c" },
      number: { DataType: "Number", StringValue: "12.5" },
      raw: { DataType: "Binary", BinaryValue: Uint8Array.of(0, 255, 7) },
    };
    const sent = await call("SendMessage", { QueueUrl, MessageBody: "x", MessageAttributes });
    const [message] = await receive(QueueUrl, { MessageAttributeNames: ["All"] });
    assert.equal(message.MessageAttributes.kind.StringValue, "a<b>&c");
    assert.equal(message.MessageAttributes.number.StringValue, "12.5");
    assert.deepEqual([...message.MessageAttributes.raw.BinaryValue], [0, 255, 7]);
    assert.equal(message.MD5OfMessageAttributes, sent.MD5OfMessageAttributes);
  },

  async batch() {
    const QueueUrl = await makeQueue();
    const Entries = ["a", "b", "c"].map((Id) => ({ Id, MessageBody: `body ${Id}` }));
    assert.equal((await call("SendMessageBatch", { QueueUrl, Entries })).Successful.length, 3);
    const messages = [];
    for (let calls = 0; messages.length < 3 && calls < 5; calls += 1) messages.push(...(await receive(QueueUrl)));
    assert.deepEqual(messages.map(({ Body }) => Body).sort(), ["body a", "body b", "body c"]);
    const handles = messages.map(({ ReceiptHandle }, index) => ({ Id: `${index}`, ReceiptHandle }));
    assert.equal((await call("DeleteMessageBatch", { QueueUrl, Entries: handles })).Successful.length, 3);
    assert.deepEqual(await counts(QueueUrl), [0, 0]);
  },

  async fifo() {
    const QueueUrl = await makeQueue({ FifoQueue: "true", ContentBasedDeduplication: "true" }, ".fifo");
    const numbers = [];
    for (const MessageBody of ["a1", "a2", "b1", "a3", "a1"]) {
      const sent = await call("SendMessage", { QueueUrl, MessageBody, MessageGroupId: MessageBody[0] });
      numbers.push(BigInt(sent.SequenceNumber));
    }
    assert.ok(numbers[0] < numbers[1] && numbers[1] < numbers[2] && numbers[2] < numbers[3]);
    const messages = await receive(QueueUrl, { MessageSystemAttributeNames: ["All"] });
    const bodies = messages.map(({ Body }) => Body);
    assert.deepEqual(bodies.filter((body) => body.startsWith("a")), ["a1", "a2", "a3"]);
    assert.deepEqual(bodies.toSorted(), ["a1", "a2", "a3", "b1"]);
    assert.equal(messages[0].Attributes.MessageGroupId, messages[0].Body[0]);
  },

  async "long-poll"() {
    const QueueUrl = await makeQueue();
    const poll = receive(QueueUrl, { WaitTimeSeconds: 20 });
    await sleep(300);
    const began = performance.now();
    await call("SendMessage", { QueueUrl, MessageBody: "wake" });
    assert.equal((await poll)[0].Body, "wake");
    assert.ok(performance.now() - began < 16_000);
  },

  async delete() {
    const QueueUrl = await makeQueue({ VisibilityTimeout: "1" });
    await call("SendMessage", { QueueUrl, MessageBody: "once" });
    const [{ ReceiptHandle }] = await receive(QueueUrl);
    await call("DeleteMessage", { QueueUrl, ReceiptHandle });
    assert.deepEqual(await receive(QueueUrl, { WaitTimeSeconds: 1 }), []);
    assert.deepEqual(await counts(QueueUrl), [0, 0]);
    await call("DeleteQueue", { QueueUrl });
  },

  async visibility() {
    const QueueUrl = await makeQueue();
    await call("SendMessage", { QueueUrl, MessageBody: "twice" });
    const [first] = await receive(QueueUrl);
    assert.deepEqual(await counts(QueueUrl), [0, 1]);
    await giveBack(QueueUrl, first);
    const [second] = await receive(QueueUrl, { MessageSystemAttributeNames: ["ApproximateReceiveCount"] });
    assert.deepEqual([second.MessageId, second.Attributes.ApproximateReceiveCount], [first.MessageId, "2"]);
    assert.notEqual(second.ReceiptHandle, first.ReceiptHandle);
  },

  async "dead-letters"() {
    const { QueueUrl, dead } = await makeDeadLetters();
    const [message] = await receive(dead, { MessageSystemAttributeNames: ["All"] });
    assert.deepEqual([message.Body, message.Attributes.DeadLetterQueueSourceArn], ["poison", await arn(QueueUrl)]);
    assert.deepEqual((await call("ListDeadLetterSourceQueues", { QueueUrl: dead })).queueUrls, [QueueUrl]);
  },

  async redrive() {
    const { QueueUrl, dead } = await makeDeadLetters();
    const SourceArn = await arn(dead);
    await call("StartMessageMoveTask", { SourceArn });
    let task;
    for (let tries = 0; task?.Status !== "COMPLETED" && tries < 600; tries += 1) {
      await sleep(100);
      [task] = (await call("ListMessageMoveTasks", { SourceArn })).Results;
    }
    assert.deepEqual([task.Status, Number(task.ApproximateNumberOfMessagesMoved)], ["COMPLETED", 1]);
    assert.equal((await receive(QueueUrl))[0].Body, "poison");
    assert.deepEqual(await counts(dead), [0, 0]);
  },

  async tags() {
    const { QueueUrl } = await call("CreateQueue", { QueueName: freshName(), tags: { team: "tide" } });
    await call("TagQueue", { QueueUrl, Tags: { stage: "test + more" } });
    assert.deepEqual((await call("ListQueueTags", { QueueUrl })).Tags, { team: "tide", stage: "test + more" });
    await call("UntagQueue", { QueueUrl, TagKeys: ["team"] });
    assert.deepEqual((await call("ListQueueTags", { QueueUrl })).Tags, { stage: "test + more" });
  },

  async errors() {
    const QueueUrl = await makeQueue();
    await refusedWith("QueueDoesNotExist", "SendMessage", { QueueUrl: `${QueueUrl}-missing`, MessageBody: "x" });
    await refusedWith("ReceiptHandleIsInvalid", "DeleteMessage", { QueueUrl, ReceiptHandle: "garbage" });
    const QueueName = QueueUrl.split("/").at(-1);
    await refusedWith("QueueNameExists", "CreateQueue", { QueueName, Attributes: { VisibilityTimeout: "9" } });
  },
};

async function runTwelve(form, protocol) {
  console.log(`client: AWS SDK for JavaScript v3 | client-sqs ${VERSION} | ${form}`);
  const credentials = { accessKeyId: "test", secretAccessKey: "secret" };
  client = new sqs.SQSClient({ endpoint: ENDPOINT, region: "us-east-1", credentials, maxAttempts: 1, ...protocol });
  for (const [check, run] of Object.entries(CHECKS)) {
    const outcome = await run().then(
      () => "ok",
      (error) => `failed: ${error.name}: ${error.message}`.replaceAll("\n", " ").slice(0, 400),
    );
    console.log(`twelve: ${check}: ${outcome}`);
  }
  client.destroy();
}

await runTwelve("JSON 1.0", {});
await runTwelve("rpcv2Cbor", { protocol: AwsSmithyRpcV2CborProtocol });
