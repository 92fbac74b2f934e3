// What sqs-consumer's documentation promises, each once, with real queues.
//
// In: TIDEWIRE_ENDPOINT. Source: the README of the package; its own features (a message, a batch, events, a graceful shutdown)
// are not in its archive, so they are told here anew.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { client, consume, counts, happens, makeQueue, send } from "./consuming.js";

after(() => client.destroy());

const named = (events, name) => events.filter((event) => event.name === name);

async function becomes(queueUrl, expected) {
  for (let tries = 0; tries < 2_400 && `${await counts(queueUrl)}` !== `${expected}`; tries += 1) await sleep(50);
  assert.deepEqual(await counts(queueUrl), expected);
}

test("a message is handled and then deleted", async () => {
  const queueUrl = await makeQueue();
  await send(queueUrl, "hello ✓");
  const seen = [];
  const handleMessage = async (message) => (seen.push(message.Body), message);
  await consume(queueUrl, { handleMessage }, (consumer) => happens(consumer, "message_processed"));
  assert.deepEqual(seen, ["hello ✓"]);
  await becomes(queueUrl, [0, 0]);
});

test("a batch is handled in one call and only the returned messages are deleted", async () => {
  const queueUrl = await makeQueue();
  for (const body of ["a", "b", "c"]) await send(queueUrl, body);
  const sizes = [];
  const handleMessageBatch = async (messages) => {
    sizes.push(messages.length);
    return messages.filter(({ Body }) => Body !== "b");
  };
  await consume(queueUrl, { batchSize: 10, handleMessageBatch }, (consumer) => happens(consumer, "response_processed"));
  assert.deepEqual(sizes, [3]);
  await becomes(queueUrl, [0, 1]);
});

test("events tell what happened, in order", async () => {
  const queueUrl = await makeQueue();
  await send(queueUrl, "one");
  const handleMessage = async (message) => message;
  const events = await consume(queueUrl, { handleMessage }, async (consumer) => {
    await happens(consumer, "empty");
    const stopped = happens(consumer, "stopped");
    consumer.stop();
    await stopped;
  });
  const names = events.map(({ name }) => name);
  assert.deepEqual(names, ["started", "message_received", "message_processed", "empty", "stopped"]);
  assert.equal(named(events, "message_received")[0].values[0].Body, "one");
});

test("an error of a handler leaves the message, and its event carries it", async () => {
  const queueUrl = await makeQueue();
  await send(queueUrl, "poison");
  const handleMessage = async () => {
    throw new Error("no");
  };
  const events = await consume(queueUrl, { handleMessage }, (consumer) => happens(consumer, "processing_error"));
  assert.equal(named(events, "processing_error")[0].values[1].Body, "poison");
  assert.deepEqual(await counts(queueUrl), [0, 1]);
});

test("terminateVisibilityTimeout gives a failed message back at once, or after the seconds it says", async () => {
  const queueUrl = await makeQueue();
  await send(queueUrl, "again");
  const seen = [];
  const handleMessage = async (message) => {
    seen.push({ count: message.Attributes.ApproximateReceiveCount, at: performance.now() });
    if (seen.length < 3) throw new Error("not yet");
    return message;
  };
  const messageSystemAttributeNames = ["ApproximateReceiveCount"];
  const terminateVisibilityTimeout = () => (seen.length < 2 ? 0 : 1);
  // Without it the message would be away for half a minute.
  const atOnce = 25_000;
  const options = { handleMessage, messageSystemAttributeNames, terminateVisibilityTimeout };
  await consume(queueUrl, options, (consumer) => happens(consumer, "message_processed"));
  assert.deepEqual(seen.map(({ count }) => count), ["1", "2", "3"]);
  assert.ok(seen[1].at - seen[0].at < atOnce && seen[2].at - seen[1].at > 900);
});

test("a heartbeat keeps a message that takes longer than its visibility timeout", async () => {
  const queueUrl = await makeQueue();
  await send(queueUrl, "slow");
  let runs = 0;
  const handleMessage = async (message) => {
    runs += 1;
    await sleep(16_000);
    return message;
  };
  const options = { handleMessage, visibilityTimeout: 12, heartbeatInterval: 3 };
  await consume(queueUrl, options, async (consumer) => {
    await sleep(14_000);
    assert.deepEqual(await counts(queueUrl), [0, 1]);
    await happens(consumer, "message_processed");
  });
  assert.equal(runs, 1);
  await becomes(queueUrl, [0, 0]);
});

test("a graceful stop waits for the messages under way", async () => {
  const queueUrl = await makeQueue();
  for (const body of ["a", "b", "c"]) await send(queueUrl, body);
  let done = 0;
  const handleMessage = async (message) => {
    await sleep(400);
    done += 1;
    return message;
  };
  const options = { handleMessage, batchSize: 10, pollingCompleteWaitTimeMs: 60_000 };
  await consume(queueUrl, options, async (consumer) => {
    await happens(consumer, "message_received");
    const stopped = happens(consumer, "stopped");
    consumer.stop();
    await stopped;
  });
  assert.equal(done, 3);
  await becomes(queueUrl, [0, 0]);
});

test("two consumers share a queue and no message is handled twice", async () => {
  const queueUrl = await makeQueue();
  const all = Array.from({ length: 20 }, (_, index) => `m${index}`);
  for (const body of all) await send(queueUrl, body);
  const seen = [];
  const handleMessageBatch = async (messages) => (seen.push(...messages.map(({ Body }) => Body)), messages);
  const untilAll = async () => {
    for (let tries = 0; tries < 2_400 && seen.length < all.length; tries += 1) await sleep(50);
    await becomes(queueUrl, [0, 0]);
  };
  const options = { handleMessageBatch, batchSize: 5 };
  await Promise.all([consume(queueUrl, options, untilAll), consume(queueUrl, options, untilAll)]);
  assert.deepEqual(seen.toSorted(), all.toSorted());
});

test("an error of the service is an event without a message", async () => {
  const queueUrl = `${await makeQueue()}-missing`;
  const options = { handleMessage: async (message) => message, extendedAWSErrors: true };
  const events = await consume(queueUrl, options, (consumer) => happens(consumer, "error"));
  const [error, message] = named(events, "error")[0].values;
  assert.deepEqual([error.name, message], ["SQSError", undefined]);
  assert.equal(error.code, "QueueDoesNotExist");
});
