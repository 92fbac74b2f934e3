// The twelve (xtask/src/test/twelve.rs) as far as sqs-consumer does them: it receives, deletes and changes visibility.
//
// In: TIDEWIRE_ENDPOINT. Out: a line for each of the twelve. What a consumer never does (create, redrive, tags) is absent.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { attribute, client, consume, counts, happens, makeQueue, send } from "./consuming.js";

const VERSION = JSON.parse(readFileSync("node_modules/sqs-consumer/package.json")).version;

/** Consumes until so many messages have been handled; returns them. */
async function handled(queueUrl, number, options = {}) {
  const seen = [];
  const handleMessageBatch = async (messages) => (seen.push(...messages), messages);
  await consume(queueUrl, { handleMessageBatch, batchSize: 10, ...options }, async () => {
    for (let tries = 0; tries < 2_400 && seen.length < number; tries += 1) await sleep(50);
    for (let tries = 0; tries < 2_400 && `${await counts(queueUrl)}` !== "0,0"; tries += 1) await sleep(50);
  });
  assert.equal(seen.length, number);
  return seen;
}

const fails = async () => {
  throw new Error("this handler always fails");
};

const CHECKS = {
  create: "absent",

  async send() {
    const queueUrl = await makeQueue();
    await send(queueUrl, 'tide <wire> & "all" ✓');
    assert.equal((await handled(queueUrl, 1))[0].Body, 'tide <wire> & "all" ✓');
  },

  async attributes() {
    const queueUrl = await makeQueue();
    const MessageAttributes = { kind: { DataType: "String", StringValue: "a<b>&c" } };
    await send(queueUrl, "x", { MessageAttributes });
    const [message] = await handled(queueUrl, 1, { messageAttributeNames: ["All"] });
    assert.equal(message.MessageAttributes.kind.StringValue, "a<b>&c");
  },

  async batch() {
    const queueUrl = await makeQueue();
    for (const body of ["a", "b", "c"]) await send(queueUrl, body);
    assert.deepEqual((await handled(queueUrl, 3)).map(({ Body }) => Body).toSorted(), ["a", "b", "c"]);
    assert.deepEqual(await counts(queueUrl), [0, 0]);
  },

  async fifo() {
    const queueUrl = await makeQueue({ FifoQueue: "true", ContentBasedDeduplication: "true" }, ".fifo");
    for (const body of ["a1", "a2", "b1", "a3", "a1"]) await send(queueUrl, body, { MessageGroupId: body[0] });
    const bodies = (await handled(queueUrl, 4)).map(({ Body }) => Body);
    assert.deepEqual(bodies.filter((body) => body.startsWith("a")), ["a1", "a2", "a3"]);
  },

  async "long-poll"() {
    const queueUrl = await makeQueue();
    let took;
    const handleMessage = async (message) => ((took = performance.now() - began), message);
    let began;
    await consume(queueUrl, { handleMessage, waitTimeSeconds: 20 }, async (consumer) => {
      await sleep(300);
      began = performance.now();
      await send(queueUrl, "wake");
      await happens(consumer, "message_processed");
    });
    assert.ok(took < 12_000, `took ${took} ms`);
  },

  async delete() {
    const queueUrl = await makeQueue({ VisibilityTimeout: "1" });
    await send(queueUrl, "once");
    await handled(queueUrl, 1);
    assert.deepEqual(await counts(queueUrl), [0, 0]);
  },

  async visibility() {
    const queueUrl = await makeQueue();
    await send(queueUrl, "twice");
    const seen = [];
    const handleMessage = async (message) => {
      seen.push(message.Attributes.ApproximateReceiveCount);
      if (seen.length < 2) throw new Error("not yet");
      return message;
    };
    const options = { handleMessage, messageSystemAttributeNames: ["All"], terminateVisibilityTimeout: true };
    await consume(queueUrl, options, (consumer) => happens(consumer, "message_processed"));
    assert.deepEqual(seen, ["1", "2"]);
  },

  async "dead-letters"() {
    const dead = await makeQueue();
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: await attribute(dead, "QueueArn"), maxReceiveCount: 2 });
    const queueUrl = await makeQueue({ RedrivePolicy });
    await send(queueUrl, "poison");
    await consume(queueUrl, { handleMessage: fails, terminateVisibilityTimeout: true }, async () => {
      for (let tries = 0; tries < 2_400 && (await counts(dead))[0] === 0; tries += 1) await sleep(50);
    });
    const [message] = await handled(dead, 1, { messageSystemAttributeNames: ["All"] });
    const source = message.Attributes.DeadLetterQueueSourceArn;
    assert.deepEqual([message.Body, source], ["poison", await attribute(queueUrl, "QueueArn")]);
  },

  redrive: "absent",
  tags: "absent",

  async errors() {
    const queueUrl = `${await makeQueue()}-missing`;
    const options = { handleMessage: async (message) => message, extendedAWSErrors: true };
    const events = await consume(queueUrl, options, (consumer) => happens(consumer, "error"));
    const error = events.find(({ name }) => name === "error").values[0];
    assert.equal(error.code, "QueueDoesNotExist");
  },
};

console.log(`client: sqs-consumer | ${VERSION} | JSON 1.0`);
for (const [check, run] of Object.entries(CHECKS)) {
  const outcome =
    typeof run === "string"
      ? run
      : await run().then(
          () => "ok",
          (error) => `failed: ${error.name}: ${error.message}`.replaceAll("\n", " ").slice(0, 400),
        );
  console.log(`twelve: ${check}: ${outcome}`);
}
client.destroy();
