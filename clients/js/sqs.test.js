// The AWS SDK for JavaScript against tidewire, on HTTP/1.1 with kept-alive connections.
//
// In: TIDEWIRE_ENDPOINT. The SDK computes the MD5 of every body it sends or receives and throws when the server's
// differs, so each send and receive here also checks a digest. Source: the SQS API reference.

import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  ChangeMessageVisibilityBatchCommand,
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ListQueuesCommand,
  PurgeQueueCommand,
  QueueDoesNotExist,
  QueueNameExists,
  ReceiptHandleIsInvalid,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SetQueueAttributesCommand,
  SQSClient,
  paginateListQueues,
} from "@aws-sdk/client-sqs";

const ENDPOINT = process.env.TIDEWIRE_ENDPOINT ?? "http://127.0.0.1:4566";

function makeClient({ account = "test", region = "us-east-1", endpoint = ENDPOINT } = {}) {
  const credentials = { accessKeyId: account, secretAccessKey: "secret" };
  return new SQSClient({ endpoint, region, credentials, maxAttempts: 1 });
}

const md5 = (text) => createHash("md5").update(text).digest("hex");
const freshName = () => `js-${randomUUID().slice(0, 13)}`;
const clients = [];
const client = makeClient();
clients.push(client);
after(() => clients.forEach((each) => each.destroy()));

async function makeQueue(Attributes = {}, by = client) {
  return (await by.send(new CreateQueueCommand({ QueueName: freshName(), Attributes }))).QueueUrl;
}

async function receive(QueueUrl, rest = {}) {
  const answer = await client.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 2, ...rest }));
  return answer.Messages ?? [];
}

async function receiveAll(QueueUrl, number) {
  const messages = [];
  for (let calls = 0; messages.length < number && calls < 10; calls += 1) {
    messages.push(...(await receive(QueueUrl, { MaxNumberOfMessages: 10 })));
  }
  assert.equal(messages.length, number);
  return messages;
}

async function counts(QueueUrl) {
  const answer = await client.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] }));
  const number = (name) => Number(answer.Attributes[name]);
  return [
    number("ApproximateNumberOfMessages"),
    number("ApproximateNumberOfMessagesNotVisible"),
    number("ApproximateNumberOfMessagesDelayed"),
  ];
}

async function refusal(command) {
  try {
    await client.send(command);
  } catch (error) {
    return error;
  }
  throw new assert.AssertionError({ message: "the command was accepted" });
}

describe("queues", () => {
  test("a queue is created, found, listed and deleted", async () => {
    const QueueName = freshName();
    const { QueueUrl } = await client.send(new CreateQueueCommand({ QueueName }));
    assert.equal((await client.send(new GetQueueUrlCommand({ QueueName }))).QueueUrl, QueueUrl);
    assert.deepEqual((await client.send(new ListQueuesCommand({ QueueNamePrefix: QueueName }))).QueueUrls, [QueueUrl]);
    await client.send(new DeleteQueueCommand({ QueueUrl }));
    assert.ok((await refusal(new GetQueueUrlCommand({ QueueName }))) instanceof QueueDoesNotExist);
  });

  test("the paginator sees every queue once", async () => {
    const prefix = freshName();
    const made = [];
    for (const end of ["a", "b", "c"]) {
      made.push((await client.send(new CreateQueueCommand({ QueueName: `${prefix}-${end}` }))).QueueUrl);
    }
    const seen = [];
    for await (const page of paginateListQueues({ client, pageSize: 2 }, { QueueNamePrefix: prefix })) {
      seen.push(...(page.QueueUrls ?? []));
    }
    assert.deepEqual(seen.sort(), made.sort());
  });

  test("attributes are set and read back", async () => {
    const QueueUrl = await makeQueue({ VisibilityTimeout: "7" });
    await client.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { DelaySeconds: "3" } }));
    const AttributeNames = ["VisibilityTimeout", "DelaySeconds"];
    const answer = await client.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames }));
    assert.deepEqual(answer.Attributes, { VisibilityTimeout: "7", DelaySeconds: "3" });
  });

  test("purge empties the queue", async () => {
    const QueueUrl = await makeQueue();
    await client.send(new SendMessageCommand({ QueueUrl, MessageBody: "gone" }));
    await client.send(new PurgeQueueCommand({ QueueUrl }));
    assert.deepEqual(await counts(QueueUrl), [0, 0, 0]);
  });

  test("accounts and regions are kept apart", async () => {
    const QueueName = freshName();
    const urls = new Set();
    for (const place of [{}, { account: "444444444444" }, { region: "eu-west-1" }]) {
      const other = makeClient(place);
      clients.push(other);
      const { QueueUrl } = await other.send(new CreateQueueCommand({ QueueName }));
      const answer = await other.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["QueueArn"] }));
      urls.add(answer.Attributes.QueueArn);
    }
    assert.equal(urls.size, 3);
  });
});

describe("messages", () => {
  let QueueUrl;
  before(async () => {
    QueueUrl = await makeQueue();
  });

  test("a message is sent, received and deleted", async () => {
    const MessageBody = "hello ✓ 😀 <&>";
    const sent = await client.send(new SendMessageCommand({ QueueUrl, MessageBody }));
    assert.equal(sent.MD5OfMessageBody, md5(MessageBody));
    const [message] = await receive(QueueUrl, { MessageSystemAttributeNames: ["All"] });
    assert.equal(message.Body, MessageBody);
    assert.equal(message.MessageId, sent.MessageId);
    assert.equal(message.Attributes.ApproximateReceiveCount, "1");
    await client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: message.ReceiptHandle }));
    assert.deepEqual(await counts(QueueUrl), [0, 0, 0]);
  });

  test("attributes of each kind come back", async () => {
    const MessageAttributes = {
      text: { DataType: "String", StringValue: "日本" },
      number: { DataType: "Number.int", StringValue: "42" },
      raw: { DataType: "Binary", BinaryValue: new Uint8Array([0, 1, 254, 255]) },
    };
    await client.send(new SendMessageCommand({ QueueUrl, MessageBody: "with attributes", MessageAttributes }));
    const [message] = await receive(QueueUrl, { MessageAttributeNames: ["All"] });
    assert.equal(message.MessageAttributes.text.StringValue, "日本");
    assert.equal(message.MessageAttributes.number.DataType, "Number.int");
    assert.deepEqual([...message.MessageAttributes.raw.BinaryValue], [0, 1, 254, 255]);
    await client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: message.ReceiptHandle }));
  });

  test("an empty receive has no messages", async () => {
    const answer = await client.send(new ReceiveMessageCommand({ QueueUrl: await makeQueue() }));
    assert.equal(answer.Messages, undefined);
  });

  test("a message of one mebibyte survives", async () => {
    const MessageBody = "m".repeat(1_048_576);
    const url = await makeQueue();
    await client.send(new SendMessageCommand({ QueueUrl: url, MessageBody }));
    const [message] = await receive(url);
    assert.equal(message.Body.length, MessageBody.length);
  });

  test("batches of sends, changes and deletes work", async () => {
    const url = await makeQueue();
    const Entries = Array.from({ length: 10 }, (_, i) => ({ Id: `e${i}`, MessageBody: `body ${i}` }));
    const sent = await client.send(new SendMessageBatchCommand({ QueueUrl: url, Entries }));
    assert.deepEqual(sent.Successful.map((entry) => entry.Id).sort(), Entries.map((entry) => entry.Id).sort());
    const handles = (await receiveAll(url, 10)).map(({ ReceiptHandle }, i) => ({ Id: `h${i}`, ReceiptHandle }));
    const changes = handles.map((entry) => ({ ...entry, VisibilityTimeout: 60 }));
    const changed = await client.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: url, Entries: changes }));
    assert.equal(changed.Successful.length, 10);
    const deletes = [...handles.slice(0, 9), { Id: "bad", ReceiptHandle: "garbage" }];
    const deleted = await client.send(new DeleteMessageBatchCommand({ QueueUrl: url, Entries: deletes }));
    assert.equal(deleted.Successful.length, 9);
    assert.deepEqual(deleted.Failed.map(({ Id, Code, SenderFault }) => [Id, Code, SenderFault]), [
      ["bad", "ReceiptHandleIsInvalid", true],
    ]);
    assert.deepEqual(await counts(url), [0, 1, 0]);
  });

  test("a delayed message stays hidden until its delay ends", async () => {
    const url = await makeQueue();
    await client.send(new SendMessageCommand({ QueueUrl: url, MessageBody: "later", DelaySeconds: 8 }));
    assert.deepEqual(await receive(url, { WaitTimeSeconds: 0 }), []);
    const [message] = await receive(url, { WaitTimeSeconds: 20 });
    assert.equal(message.Body, "later");
  });
});

describe("polls and leases", () => {
  test("a long poll wakes when a message arrives", async () => {
    const QueueUrl = await makeQueue();
    const poll = receive(QueueUrl, { WaitTimeSeconds: 20 });
    await sleep(500);
    const sent = performance.now();
    await client.send(new SendMessageCommand({ QueueUrl, MessageBody: "wake" }));
    const [message] = await poll;
    assert.equal(message.Body, "wake");
    assert.ok(performance.now() - sent < 16_000);
  });

  test("a long poll that hears nothing ends in its time", async () => {
    const QueueUrl = await makeQueue();
    const began = performance.now();
    assert.deepEqual(await receive(QueueUrl, { WaitTimeSeconds: 1 }), []);
    const took = performance.now() - began;
    assert.ok(took >= 900 && took < 16_000, `took ${took} ms`);
  });

  test("a message returns after its visibility timeout with a new handle", async () => {
    const QueueUrl = await makeQueue({ VisibilityTimeout: "6" });
    await client.send(new SendMessageCommand({ QueueUrl, MessageBody: "again" }));
    const [first] = await receive(QueueUrl);
    assert.deepEqual(await receive(QueueUrl, { WaitTimeSeconds: 0 }), []);
    const [second] = await receive(QueueUrl, { WaitTimeSeconds: 20 });
    assert.equal(second.MessageId, first.MessageId);
    assert.notEqual(second.ReceiptHandle, first.ReceiptHandle);
  });

  test("a changed visibility gives the message back at once", async () => {
    const QueueUrl = await makeQueue();
    await client.send(new SendMessageCommand({ QueueUrl, MessageBody: "back" }));
    const [{ ReceiptHandle }] = await receive(QueueUrl);
    await client.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: 0 }));
    assert.equal((await receive(QueueUrl)).length, 1);
  });
});

describe("errors", () => {
  test("a missing queue is its own class with the query code", async () => {
    const QueueUrl = `${await makeQueue()}-missing`;
    const error = await refusal(new SendMessageCommand({ QueueUrl, MessageBody: "x" }));
    assert.ok(error instanceof QueueDoesNotExist);
    assert.equal(error.name, "QueueDoesNotExist");
    assert.equal(error.$metadata.httpStatusCode, 400);
    assert.ok(error.$metadata.requestId);
    assert.equal(error.Code ?? error.Error?.Code, "AWS.SimpleQueueService.NonExistentQueue");
  });

  test("a conflict and a bad handle are classes of their own too", async () => {
    const QueueUrl = await makeQueue();
    const QueueName = QueueUrl.split("/").at(-1);
    const conflict = await refusal(new CreateQueueCommand({ QueueName, Attributes: { DelaySeconds: "9" } }));
    assert.ok(conflict instanceof QueueNameExists);
    const handle = await refusal(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: "garbage" }));
    assert.ok(handle instanceof ReceiptHandleIsInvalid);
  });

  test("a parameter out of range names itself", async () => {
    const QueueUrl = await makeQueue();
    const error = await refusal(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 11 }));
    assert.match(error.message, /MaxNumberOfMessages/);
    assert.equal(error.$metadata.httpStatusCode, 400);
  });
});
